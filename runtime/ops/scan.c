/* scan.c: running sums, products and extrema along one dimension, and the linear recurrence that their
 * gradients are made of. Floats accumulate in f64; sums and products of integers are i64. */
#include "nn.h"
#include "reduce.h"

#define TILE 128 /* columns at a time */

typedef struct {
  int32_t dtype;
  scion_around around;
  bool product, reverse;
  const char *a, *b; /* linear_scan: s_k = b_k + a_k s_(k-1) */
  char *y;
} job;

/* T: element, R: result, A: accumulator. */
#define SCAN_LOOP(T, R, A)                                                             \
  for (int64_t j = 0; j < w; j++) acc.A[j] = j_->product ? 1 : 0;                      \
  for (int64_t k = 0; k < n; k++) {                                                    \
    const T *x = (const T *)(const void *)j_->a + first + (j_->reverse ? n - 1 - k : k) * inner; \
    R *y = (R *)(void *)j_->y + first + (j_->reverse ? n - 1 - k : k) * inner;         \
    if (j_->product) for (int64_t j = 0; j < w; j++) y[j] = (R)(acc.A[j] *= x[j]);     \
    else for (int64_t j = 0; j < w; j++) y[j] = (R)(acc.A[j] += x[j]);                 \
  }
static void scan_task(void *ud, int64_t begin, int64_t end) {
  const job *j_ = ud;
  int64_t inner = j_->around.inner, n = j_->around.n, tiles = (inner + TILE - 1) / TILE;
  union { double f[TILE]; uint64_t i[TILE]; } acc;
  for (int64_t t = begin; t < end; t++) {
    int64_t o = t / tiles, j0 = t % tiles * TILE, w = scion__min(TILE, inner - j0), first = o * n * inner + j0;
    switch (j_->dtype) {
      case SCION_F32: SCAN_LOOP(float, float, f) break;
      case SCION_F64: SCAN_LOOP(double, double, f) break;
      case SCION_I32: SCAN_LOOP(int32_t, int64_t, i) break;
      case SCION_I64: SCAN_LOOP(int64_t, int64_t, i) break;
      default: SCAN_LOOP(uint8_t, int64_t, i) break;
    }
  }
}
#define LINEAR_LOOP(T)                                                                 \
  for (int64_t j = 0; j < w; j++) acc[j] = 0;                                          \
  for (int64_t k = 0; k < n; k++) {                                                    \
    int64_t at = first + (j_->reverse ? n - 1 - k : k) * inner;                        \
    const T *a = (const T *)(const void *)j_->a + at, *b = (const T *)(const void *)j_->b + at; \
    T *y = (T *)(void *)j_->y + at;                                                    \
    for (int64_t j = 0; j < w; j++) y[j] = (T)(acc[j] = (double)b[j] + (double)a[j] * acc[j]); \
  }
static void linear_task(void *ud, int64_t begin, int64_t end) {
  const job *j_ = ud;
  int64_t inner = j_->around.inner, n = j_->around.n, tiles = (inner + TILE - 1) / TILE;
  double acc[TILE];
  for (int64_t t = begin; t < end; t++) {
    int64_t o = t / tiles, j0 = t % tiles * TILE, w = scion__min(TILE, inner - j0), first = o * n * inner + j0;
    if (j_->dtype == SCION_F32) {
      LINEAR_LOOP(float)
    } else {
      LINEAR_LOOP(double)
    }
  }
}
static void run_scan(scion_context *ctx, job *j, void (*fn)(void *, int64_t, int64_t)) {
  int64_t tiles = (j->around.inner + TILE - 1) / TILE, width = scion__min(TILE, j->around.inner);
  scion__parallel_range(ctx, j->around.outer * tiles, scion__max(1, 16384 / scion__max(1, j->around.n * width)), fn, j);
}

static scion_status scan_dim(const scion_call *c, int32_t *dim) {
  const scion__scan_params *p = c->params;
  return scion__check_dim(c->ctx, c->op->info.name, p->dim, c->in[0]->n_dims, dim);
}
static scion_status scan_infer(scion_call *c) {
  int32_t dim;
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  SCION_TRY(scan_dim(c, &dim));
  scion__out(c, 0, scion__is_float(c->in[0]->dtype) ? c->in[0]->dtype : SCION_I64, c->in[0]->n_dims, c->in[0]->shape);
  return SCION_OK;
}
static scion_status scan_forward(scion_call *c) {
  const scion__scan_params *p = c->params;
  scion_tensor *x, *y = c->out[0], *aside = NULL;
  int32_t dim;
  SCION_TRY(scan_dim(c, &dim));
  SCION_TRY(scion__packed_in(c, 0, &x));
  if (!y->contiguous) { /* in place on a view */
    scion_status st = scion__tensor_alloc(c->ctx, y->dtype, y->n_dims, y->shape, &aside);
    if (st != SCION_OK) {
      scion_tensor_free(c->ctx, x);
      return st;
    }
  }
  job j = { x->dtype, scion__around(x, dim), c->op == &scion__op_cumprod, p->reverse != 0, x->data, NULL, aside != NULL ? aside->data : y->data };
  run_scan(c->ctx, &j, scan_task);
  scion_tensor_free(c->ctx, x);
  if (aside != NULL) scion__tensor_copy_into(c->ctx, y, aside);
  scion_tensor_free(c->ctx, aside);
  return SCION_OK;
}
static void cumsum_grad(scion_grad_call *g) {
  scion__scan_params p = *(const scion__scan_params *)g->params;
  p.reverse = !p.reverse;
  scion__g_set(g, 0, scion__x1(&g->x, &scion__op_cumsum, &p, g->dy[0]));
}

/* x moved by one along dim, away from where the scan starts, with zeros entering; or towards it. */
static scion_tensor *shifted(scion_x *x, scion_tensor *t, int64_t dim, bool up) {
  int64_t n = t->shape[dim], shape[SCION_MAX_DIMS];
  for (int32_t i = 0; i < t->n_dims; i++) shape[i] = i == dim ? 1 : t->shape[i];
  scion_tensor *zero = x_full(x, t->dtype, t->n_dims, shape, 0), *rest = x_narrow(x, t, dim, up ? 0 : 1, n - 1);
  scion_tensor *both[2] = { up ? zero : rest, up ? rest : zero };
  return x_cat(x, 2, both, dim);
}
/* y_k = x_k y_(k-1) with y_(-1) = 1 is a recurrence whose b is x at the start and 0 elsewhere. */
static void cumprod_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion__scan_params p = *(const scion__scan_params *)c->params;
  scion_tensor *a = c->in[0];
  if (a->numel == 0 || a->n_dims == 0 || !scion__is_float(a->dtype)) {
    out[0] = a->n_dims == 0 || scion__is_float(a->dtype) ? x_to(x, a, c->meta[0].dtype) : NULL;
    return;
  }
  p.dim = scion__wrap_dim(p.dim, a->n_dims);
  int64_t n = a->shape[p.dim];
  struct { int64_t dim, size, start, step; } e = { p.dim, n, p.reverse ? n - 1 : 0, 1 };
  scion_tensor *b = scion__x1(x, &scion__op_embed_slice, &e, x_narrow(x, a, p.dim, e.start, 1));
  out[0] = scion__x2(x, &scion__op_linear_scan, &p, a, b);
}
static const scion_param params_scan[] = {
  { "dim", SCION_P_INT, SCION_PF_REQUIRED | SCION_PF_INDEX, offsetof(scion__scan_params, dim), .doc = "dimension" },
  { "reverse", SCION_P_BOOL, 0, offsetof(scion__scan_params, reverse), .doc = "from the end" } };
static const scion_sample samples_scan[] = { { "4", "dim=0" }, { "2x3x2", "dim=1" }, { "2x3", "dim=-1 reverse=true" }, { "s", "dim=0" } };
const scion_op scion__op_cumsum = {
  .info = { "cumsum", 1, SCION_OF_INPLACE, "Running sum along a dimension. Integers and bools give i64.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_scan, scion__scan_params) },
  .infer = scan_infer, .forward = scan_forward, .grad = cumsum_grad, SCION_SAMPLES(samples_scan) };
const scion_op scion__op_cumprod = {
  .info = { "cumprod", 1, SCION_OF_INPLACE, "Running product along a dimension. Integers and bools give i64.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_scan, scion__scan_params) },
  .infer = scan_infer, .forward = scan_forward, .compose = cumprod_compose, SCION_SAMPLES(samples_scan) };

static scion_status linear_infer(scion_call *c) {
  int32_t dim;
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  SCION_TRY(scion__need_dims(c, 0, 1, SCION_MAX_DIMS));
  SCION_TRY(scan_dim(c, &dim));
  if (!scion__same_shape(c->in[0], c->in[1])) {
    char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "a is %s but b is %s; their shapes must be equal", scion__tensor_brief(a, c->in[0]),
                         scion__tensor_brief(b, c->in[1]));
  }
  scion__out(c, 0, c->in[0]->dtype, c->in[0]->n_dims, c->in[0]->shape);
  return SCION_OK;
}
static scion_status linear_forward(scion_call *c) {
  const scion__scan_params *p = c->params;
  scion_tensor *a, *b;
  int32_t dim;
  SCION_TRY(scan_dim(c, &dim));
  SCION_TRY(scion__packed_in(c, 0, &a));
  scion_status st = scion__packed_in(c, 1, &b);
  if (st == SCION_OK) {
    job j = { a->dtype, scion__around(a, dim), false, p->reverse != 0, a->data, b->data, c->out[0]->data };
    run_scan(c->ctx, &j, linear_task);
    scion_tensor_free(c->ctx, b);
  }
  scion_tensor_free(c->ctx, a);
  return st;
}
/* db_k = dy_k + a_(k+1) db_(k+1), the same recurrence backwards; da_k = db_k s_(k-1). */
static void linear_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion__scan_params p = *(const scion__scan_params *)g->params;
  p.dim = scion__wrap_dim(p.dim, g->in[0]->n_dims);
  if (g->in[0]->numel == 0) {
    for (int32_t i = 0; i < 2; i++) scion__g_set(g, i, x_zeros_like(x, g->dy[0]));
    return;
  }
  bool up = !p.reverse;
  p.reverse = !p.reverse;
  scion_tensor *db = scion__x2(x, &scion__op_linear_scan, &p, shifted(x, g->in[0], p.dim, !up), g->dy[0]);
  if (g->needs[0]) scion__g_set(g, 0, x_mul(x, db, shifted(x, g->out[0], p.dim, up)));
  if (g->needs[1]) scion__g_set(g, 1, db);
}
static const scion_slot slots_linear[] = { { "a", 0, "factors" }, { "b", 0, "additions" } };
static const scion_sample samples_linear[] = { { "4,4", "dim=0" }, { "2x3x2,2x3x2", "dim=1" }, { "2x3,2x3", "dim=-1 reverse=true" } };
const scion_op scion__op_linear_scan = {
  .info = { "linear_scan", 1, SCION_OF_FUNCTION, "The recurrence y[k] = b[k] + a[k] y[k-1] along a dimension, starting from 0.",
            SCION_INPUTS(slots_linear), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_scan, scion__scan_params) },
  .infer = linear_infer, .forward = linear_forward, .grad = linear_grad, .keeps = SCION_KEEP_IN(0) | SCION_KEEP_OUT(0),
  SCION_SAMPLES(samples_linear) };
