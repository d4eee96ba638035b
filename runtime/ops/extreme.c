/* extreme.c: the largest and smallest along a dimension, with where they stand: max, min, argmax, argmin,
 * cummax, cummin. NaN counts as the extreme; of equal elements the first is taken. */
#include "index.h"

#define TILE 64 /* columns at a time */

typedef struct { int64_t dim, base; int32_t keepdim; } params_t;
typedef struct {
  int32_t dtype;
  bool largest;
  int64_t base;
  scion_around around;
  const char *x;
  char *values; /* NULL: not wanted */
  int64_t *ids;
} job;

/* v takes the place of best; NaN is never replaced. */
#define BETTER_F(v, best) ((v) != (v) ? (best) == (best) : largest ? (v) > (best) : (v) < (best))
#define BETTER_I(v, best) (largest ? (v) > (best) : (v) < (best))
#define EXTREME_LOOP(T, BETTER)                                                             \
  T best[TILE];                                                                             \
  const T *x = (const T *)(const void *)j->x + o * n * inner + first;                       \
  for (int64_t i = 0; i < w; i++) best[i] = x[i], at[i] = 0;                                \
  if (w == 1) {                                                                             \
    T b = best[0];                                                                          \
    int64_t a = 0;                                                                          \
    for (int64_t k = 1; k < n; k++) {                                                       \
      T v = x[k * inner];                                                                   \
      if (BETTER(v, b)) b = v, a = k;                                                       \
    }                                                                                       \
    best[0] = b, at[0] = a;                                                                 \
  } else {                                                                                  \
    for (int64_t k = 1; k < n; k++)                                                         \
      for (int64_t i = 0; i < w; i++) {                                                     \
        T v = x[k * inner + i];                                                             \
        if (BETTER(v, best[i])) best[i] = v, at[i] = k;                                     \
      }                                                                                     \
  }                                                                                         \
  if (j->values != NULL) memcpy((T *)(void *)j->values + o * inner + first, best, (size_t)w * sizeof(T));
static void extreme_task(void *ud, int64_t begin, int64_t end) {
  const job *j = ud;
  int64_t n = j->around.n, inner = j->around.inner, tiles = (inner + TILE - 1) / TILE, at[TILE];
  bool largest = j->largest;
  for (int64_t t = begin; t < end; t++) {
    int64_t o = t / tiles, first = t % tiles * TILE, w = scion__min(TILE, inner - first);
    switch (j->dtype) {
      case SCION_F32: { EXTREME_LOOP(float, BETTER_F) break; }
      case SCION_F64: { EXTREME_LOOP(double, BETTER_F) break; }
      case SCION_I32: { EXTREME_LOOP(int32_t, BETTER_I) break; }
      case SCION_I64: { EXTREME_LOOP(int64_t, BETTER_I) break; }
      default: { EXTREME_LOOP(uint8_t, BETTER_I) break; }
    }
    for (int64_t i = 0; i < w; i++) j->ids[o * inner + first + i] = at[i] + j->base;
  }
}
static scion_status run(const scion_call *c, scion_tensor *x, int32_t dim, int64_t base, bool largest, scion_tensor *values, scion_tensor *ids) {
  scion_tensor *packed;
  SCION_TRY(scion__tensor_packed(c->ctx, x, &packed));
  job j = { x->dtype, largest, base, scion__around(packed, dim), packed->data, values != NULL ? values->data : NULL,
            (int64_t *)(void *)ids->data };
  int64_t tiles = (j.around.inner + TILE - 1) / TILE;
  scion__parallel_range(c->ctx, j.around.outer * tiles, scion__row_grain(j.around.n * scion__min(TILE, j.around.inner)), extreme_task, &j);
  scion_tensor_free(c->ctx, packed);
  return SCION_OK;
}
static scion_status need_some(const scion_call *c, int64_t n) {
  char t[SCION_SHAPE_TEXT];
  if (n > 0) return SCION_OK;
  return SCION_OP_FAIL(c, SCION_ESHAPE, "nothing to choose from: %s is empty there", scion__tensor_brief(t, c->in[0]));
}
static void out_without_dim(scion_call *c, int32_t i, int dtype, int32_t dim, bool keepdim) {
  const scion_tensor *x = c->in[0];
  int64_t shape[SCION_MAX_DIMS];
  int32_t n = 0;
  for (int32_t d = 0; d < x->n_dims; d++) {
    if (d != dim) shape[n++] = x->shape[d];
    else if (keepdim) shape[n++] = 1;
  }
  scion__out(c, i, dtype, n, shape);
}

/* ---- along a dimension ------------------------------------------------------------------------------------ */

static bool is_largest(const scion_call *c) { return c->op->kernel == 1; }
static scion_status dim_infer(scion_call *c) {
  const params_t *p = c->params;
  int32_t dim;
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  SCION_TRY(scion__index_dim(c, p->dim, &dim));
  SCION_TRY(need_some(c, c->in[0]->n_dims == 0 ? 1 : c->in[0]->shape[dim]));
  out_without_dim(c, 0, c->in[0]->dtype, dim, p->keepdim != 0);
  out_without_dim(c, 1, SCION_I64, dim, p->keepdim != 0);
  return SCION_OK;
}
static scion_status dim_forward(scion_call *c) {
  const params_t *p = c->params;
  int32_t dim;
  SCION_TRY(scion__index_dim(c, p->dim, &dim));
  return run(c, c->in[0], dim, p->base, is_largest(c), c->out[0], c->out[1]);
}
static void dim_grad(scion_grad_call *g) {
  const params_t *p = g->params;
  scion_x *x = &g->x;
  scion_tensor *dy = g->dy[0], *ids = g->out[1];
  if (dy == NULL) return;
  if (!p->keepdim && g->in[0]->n_dims > 0) {
    dy = x_unsqueeze(x, dy, p->dim < 0 ? p->dim + g->in[0]->n_dims : p->dim);
    ids = x_unsqueeze(x, ids, p->dim < 0 ? p->dim + g->in[0]->n_dims : p->dim);
  }
  scion__g_set(g, 0, scion__x_scatter_add(x, x_zeros_like(x, g->in[0]), ids, dy, p->dim, p->base));
}
static const scion_param params_dim[] = { SCION_DIM_PARAM(params_t, SCION_PF_REQUIRED, 0, "dimension that goes"),
  { "keepdim", SCION_P_BOOL, 0, offsetof(params_t, keepdim), .doc = "keep it with size 1" }, SCION_BASE_PARAM(params_t) };
static const scion_param params_all[] = { SCION_DIM_PARAM(params_t, 0, SCION_NONE, "dimension that goes; default all of x flattened"),
  { "keepdim", SCION_P_BOOL, 0, offsetof(params_t, keepdim), .doc = "keep it with size 1" }, SCION_BASE_PARAM(params_t) };
static const scion_slot slots_pair[] = { { "values", 0, "extremes" }, { "indices", 0, "where they stand, i64" } };
static const scion_sample samples_dim[] = { { "3x4:d", "dim=0" }, { "2x3x2:d", "dim=1 keepdim=true" }, { "2x3:d", "dim=-1" }, { "s", "dim=0" } };
#define DIM_OP(name, k, doc)                                                                                              \
  const scion_op scion__op_##name = {                                                                                     \
    .info = { #name, 1, SCION_OF_INTERNAL | SCION_OF_INDICES, doc, SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(slots_pair), \
              SCION_PARAMS(params_dim, params_t) },                                                                       \
    .kernel = k, .infer = dim_infer, .forward = dim_forward, .grad = dim_grad, .keeps = SCION_KEEP_OUT(1), SCION_SAMPLES(samples_dim) }
DIM_OP(max_dim, 1, "max along a dimension: values and indices.");
DIM_OP(min_dim, 0, "min along a dimension: values and indices.");

/* ---- max, min: of everything (ties share the gradient) or along a dimension --------------------------------- */

static scion_status infer_either(scion_call *c) {
  const params_t *p = c->params;
  if (p->dim != SCION_NONE) return dim_infer(c);
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  SCION_TRY(need_some(c, c->in[0]->numel));
  scion__out(c, 0, c->in[0]->dtype, 0, NULL);
  c->meta[1].dtype = -1;
  return SCION_OK;
}
static void compose_either(scion_x *x, const scion_call *c, scion_tensor **out) {
  const params_t *p = c->params;
  if (p->dim == SCION_NONE) out[0] = scion__x1(x, is_largest(c) ? &scion__op_amax : &scion__op_amin, NULL, c->in[0]);
  else scion__x_call_n(x, is_largest(c) ? &scion__op_max_dim : &scion__op_min_dim, p, 1, c->in, 2, out);
}
static const scion_sample samples_either[] = { { "3x4:d", "" }, { "3x4:d", "dim=0" }, { "2x3:d", "dim=-1 keepdim=true" } };
const scion_op scion__op_max = {
  .info = { "max", 1, SCION_OF_INDICES, "Largest element of all, or along dim: values and indices. max(a, b) of two tensors is maximum.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(slots_pair), SCION_PARAMS(params_all, params_t) },
  .kernel = 1, .infer = infer_either, .compose = compose_either, SCION_SAMPLES(samples_either) };
const scion_op scion__op_min = {
  .info = { "min", 1, SCION_OF_INDICES, "Smallest element of all, or along dim: values and indices. min(a, b) of two tensors is minimum.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(slots_pair), SCION_PARAMS(params_all, params_t) },
  .kernel = 0, .infer = infer_either, .compose = compose_either, SCION_SAMPLES(samples_either) };

static scion_status arg_infer(scion_call *c) {
  const params_t *p = c->params;
  int32_t dim;
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  if (p->dim == SCION_NONE) {
    static const int64_t ones[SCION_MAX_DIMS] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    SCION_TRY(need_some(c, c->in[0]->numel));
    scion__out(c, 0, SCION_I64, p->keepdim ? c->in[0]->n_dims : 0, ones);
    return SCION_OK;
  }
  SCION_TRY(scion__index_dim(c, p->dim, &dim));
  SCION_TRY(need_some(c, c->in[0]->n_dims == 0 ? 1 : c->in[0]->shape[dim]));
  out_without_dim(c, 0, SCION_I64, dim, p->keepdim != 0);
  return SCION_OK;
}
static scion_status arg_forward(scion_call *c) {
  const params_t *p = c->params;
  int32_t dim;
  if (p->dim != SCION_NONE) {
    SCION_TRY(scion__index_dim(c, p->dim, &dim));
    return run(c, c->in[0], dim, p->base, is_largest(c), NULL, c->out[0]);
  }
  scion_tensor *packed, *flat;
  SCION_TRY(scion__packed_in(c, 0, &packed));
  scion_status st = scion__tensor_view(c->ctx, packed, 1, &packed->numel, NULL, 0, &flat);
  if (st == SCION_OK) {
    st = run(c, flat, 0, p->base, is_largest(c), NULL, c->out[0]);
    scion_tensor_free(c->ctx, flat);
  }
  scion_tensor_free(c->ctx, packed);
  return st;
}
#define ARG_OP(name, k, doc)                                                                                                  \
  const scion_op scion__op_##name = {                                                                                         \
    .info = { #name, 1, SCION_OF_INDICES | SCION_OF_NO_GRAD, doc, SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), \
              SCION_PARAMS(params_all, params_t) },                                                                           \
    .kernel = k, .infer = arg_infer, .forward = arg_forward, SCION_SAMPLES(samples_either) }
ARG_OP(argmax, 1, "Where the largest element stands along dim, or in the flattened tensor; i64. Of equal ones the first.");
ARG_OP(argmin, 0, "Where the smallest element stands along dim, or in the flattened tensor; i64. Of equal ones the first.");

/* ---- running extremes ------------------------------------------------------------------------------------------ */

#define RUNNING_LOOP(T, BETTER)                                                             \
  const T *x = (const T *)(const void *)j->x + o * n * inner + first;                       \
  T *y = (T *)(void *)j->values + o * n * inner + first;                                    \
  for (int64_t i = 0; i < w; i++) {                                                         \
    T best = x[i];                                                                          \
    int64_t at = 0;                                                                         \
    for (int64_t k = 0; k < n; k++) {                                                       \
      T v = x[k * inner + i];                                                               \
      if (v == best || BETTER(v, best)) best = v, at = k; /* the latest of equals, as in PyTorch */ \
      y[k * inner + i] = best;                                                              \
      ids[k * inner + i] = at + j->base;                                                    \
    }                                                                                       \
  }
static void running_task(void *ud, int64_t begin, int64_t end) {
  const job *j = ud;
  int64_t n = j->around.n, inner = j->around.inner, tiles = (inner + TILE - 1) / TILE;
  bool largest = j->largest;
  for (int64_t t = begin; t < end; t++) {
    int64_t o = t / tiles, first = t % tiles * TILE, w = scion__min(TILE, inner - first), *ids = j->ids + o * n * inner + first;
    switch (j->dtype) {
      case SCION_F32: { RUNNING_LOOP(float, BETTER_F) break; }
      case SCION_F64: { RUNNING_LOOP(double, BETTER_F) break; }
      case SCION_I32: { RUNNING_LOOP(int32_t, BETTER_I) break; }
      case SCION_I64: { RUNNING_LOOP(int64_t, BETTER_I) break; }
      default: { RUNNING_LOOP(uint8_t, BETTER_I) break; }
    }
  }
}
static scion_status running_infer(scion_call *c) {
  int32_t dim;
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  SCION_TRY(scion__index_dim(c, ((const scion__index_params *)c->params)->dim, &dim));
  scion__out(c, 0, c->in[0]->dtype, c->in[0]->n_dims, c->in[0]->shape);
  scion__out(c, 1, SCION_I64, c->in[0]->n_dims, c->in[0]->shape);
  return SCION_OK;
}
static scion_status running_forward(scion_call *c) {
  const scion__index_params *p = c->params;
  scion_tensor *x;
  int32_t dim;
  SCION_TRY(scion__index_dim(c, p->dim, &dim));
  SCION_TRY(scion__packed_in(c, 0, &x));
  job j = { x->dtype, is_largest(c), p->base, scion__around(x, dim), x->data, c->out[0]->data, (int64_t *)(void *)c->out[1]->data };
  int64_t tiles = (j.around.inner + TILE - 1) / TILE;
  if (x->numel > 0) scion__parallel_range(c->ctx, j.around.outer * tiles, scion__row_grain(j.around.n * scion__min(TILE, j.around.inner)), running_task, &j);
  scion_tensor_free(c->ctx, x);
  return SCION_OK;
}
static void running_grad(scion_grad_call *g) {
  const scion__index_params *p = g->params;
  if (g->dy[0] == NULL) return;
  scion__g_set(g, 0, scion__x_scatter_add(&g->x, x_zeros_like(&g->x, g->in[0]), g->out[1], g->dy[0], p->dim, p->base));
}
static const scion_param params_running[] = { SCION_DIM_PARAM(scion__index_params, SCION_PF_REQUIRED, 0, "dimension to run along"),
                                              SCION_BASE_PARAM(scion__index_params) };
static const scion_sample samples_running[] = { { "5:d", "dim=0" }, { "2x4x2:d", "dim=1" }, { "s", "dim=0" } };
#define RUNNING_OP(name, k, doc)                                                                                            \
  const scion_op scion__op_##name = {                                                                                       \
    .info = { #name, 1, SCION_OF_INDICES, doc, SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(slots_pair),                     \
              SCION_PARAMS(params_running, scion__index_params) },                                                          \
    .kernel = k, .infer = running_infer, .forward = running_forward, .grad = running_grad, .keeps = SCION_KEEP_OUT(1),      \
    SCION_SAMPLES(samples_running) }
RUNNING_OP(cummax, 1, "Largest element so far along a dimension, and where it stands.");
RUNNING_OP(cummin, 0, "Smallest element so far along a dimension, and where it stands.");
