/* index.c: elements and slices by id: gather, scatter, scatter_add, index_select, index_add, index_copy,
 * index_fill, take, put, take_along_dim. Gathering and adding are each other's gradients. */
#include "index.h"

scion_status scion__index_dim(const scion_call *c, int64_t given, int32_t *dim) {
  return scion__check_dim(c->ctx, c->op->info.name, given, c->in[0]->n_dims, dim);
}

scion_status scion__rows(const scion_call *c, int32_t slot, int64_t n, int64_t base, scion_tensor **out) {
  scion_tensor *ids;
  *out = NULL;
  SCION_TRY(scion__packed_in(c, slot, &ids));
  bool as_is = ids->dtype == SCION_I64 && base == 0;
  int64_t bad = -1;
  for (int64_t i = 0; i < ids->numel && bad < 0; i++) {
    int64_t id = scion__load_id(ids->data, ids->dtype, i);
    if (id < 0) {
      as_is = false;
      if (id < -n) bad = i;
    } else if (id < base || id >= n + base) {
      bad = i;
    }
  }
  if (bad >= 0) {
    int64_t id = scion__load_id(ids->data, ids->dtype, bad);
    scion_tensor_free(c->ctx, ids);
    if (n == 0) {
      return SCION_OP_FAIL(c, SCION_EINDEX, "%s holds id %lld, but there is nothing to choose from: the dimension has size 0",
                           scion__slot_name(c, slot), (long long)id);
    }
    return SCION_OP_FAIL(c, SCION_EINDEX, "%s holds id %lld at position %lld; valid are %lld..%lld%s%s", scion__slot_name(c, slot),
                         (long long)id, (long long)(bad + base), (long long)base, (long long)(n - 1 + base), ", or negative ones from the end",
                         id == 0 && base == 1 ? " (ids start at 1; for 0-based data pass base = 0)" : "");
  }
  if (as_is) {
    *out = ids;
    return SCION_OK;
  }
  scion_status st = scion__tensor_alloc(c->ctx, SCION_I64, ids->n_dims, ids->shape, out);
  if (st == SCION_OK) {
    int64_t *row = (int64_t *)(void *)(*out)->data;
    for (int64_t i = 0; i < ids->numel; i++) {
      int64_t id = scion__load_id(ids->data, ids->dtype, i);
      row[i] = id < 0 ? id + n : id - base;
    }
  }
  scion_tensor_free(c->ctx, ids);
  return st;
}

/* ---- moving and adding single elements ------------------------------------------------------------------ */

typedef struct { int32_t size; int64_t step; double alpha; } lane; /* bytes of an element; elements per row */

#define GATHER_LANE(type)                                                                                 \
  for (int64_t i = 0; i < n; i++)                                                                         \
    ((type *)(void *)p[0])[i * s[0]] = ((const type *)(const void *)p[1])[i * s[1] + row[i * s[2]] * l->step];
static void gather_lane(void *ud, int64_t n, char *const *p, const int64_t *s) {
  const lane *l = ud;
  const int64_t *row = (const int64_t *)(const void *)p[2];
  switch (l->size) {
    case 1: GATHER_LANE(uint8_t) break;
    case 2: GATHER_LANE(uint16_t) break;
    case 4: GATHER_LANE(uint32_t) break;
    default: GATHER_LANE(uint64_t) break;
  }
}
#define SCATTER_LANE(type)                                                                                \
  for (int64_t i = 0; i < n; i++)                                                                         \
    ((type *)(void *)p[0])[i * s[0] + row[i * s[2]] * l->step] = ((const type *)(const void *)p[1])[i * s[1]];
static void scatter_lane(void *ud, int64_t n, char *const *p, const int64_t *s) {
  const lane *l = ud;
  const int64_t *row = (const int64_t *)(const void *)p[2];
  switch (l->size) {
    case 1: SCATTER_LANE(uint8_t) break;
    case 2: SCATTER_LANE(uint16_t) break;
    case 4: SCATTER_LANE(uint32_t) break;
    default: SCATTER_LANE(uint64_t) break;
  }
}
enum { OP_ADD, OP_PROD, OP_MAX, OP_MIN };
typedef struct { int32_t dtype, how; int64_t step; } fold_lane;
#define FOLD(type, what)                                                                                   \
  for (int64_t i = 0; i < n; i++) {                                                                        \
    type *to = (type *)(void *)p[0] + i * s[0] + row[i * s[2]] * l->step, v = ((const type *)(const void *)p[1])[i * s[1]]; \
    *to = (type)(what);                                                                                    \
  }
#define FOLDS(type, sum, product)                                                                          \
  switch (l->how) {                                                                                        \
    case OP_ADD: FOLD(type, sum) break;                                                                    \
    case OP_PROD: FOLD(type, product) break;                                                               \
    case OP_MAX: FOLD(type, v > *to || v != v ? v : *to) break;                                            \
    default: FOLD(type, v < *to || v != v ? v : *to) break;                                                \
  }
static void fold_into(void *ud, int64_t n, char *const *p, const int64_t *s) {
  const fold_lane *l = ud;
  const int64_t *row = (const int64_t *)(const void *)p[2];
  switch (l->dtype) {
    case SCION_F32: FOLDS(float, *to + v, *to * v) break;
    case SCION_F64: FOLDS(double, *to + v, *to * v) break;
    case SCION_I32: FOLDS(int32_t, (uint32_t)*to + (uint32_t)v, (uint32_t)*to * (uint32_t)v) break;
    case SCION_I64: FOLDS(int64_t, (uint64_t)*to + (uint64_t)v, (uint64_t)*to * (uint64_t)v) break;
    case SCION_BOOL: FOLDS(uint8_t, *to || v, *to && v) break;
    default: FOLDS(uint8_t, *to + v, *to * v) break;
  }
}

/* Walks the shape of rows: p[0] steps by `a`, p[1] by `b`, p[2] over the rows. One of a and b leaves dimension dim out (the
 * row chooses there). Reading lanes may run in any order; writing ones run in order: the last of equal rows wins, and
 * sums are the same for any number of threads. */
static void walk_rows(scion_context *ctx, const scion_tensor *rows, char *a, const int64_t *a_strides, char *b, const int64_t *b_strides,
                      int32_t size, bool ordered, scion_walk_fn fn, void *ud) {
  char *const data[3] = { a, b, rows->data };
  const int32_t sizes[3] = { size, size, 8 };
  const int64_t *const strides[3] = { a_strides, b_strides, rows->strides };
  scion__walk(ctx, 3, data, sizes, strides, rows->n_dims, rows->shape, ordered ? INT64_MAX : 16384, fn, ud);
}
/* t's strides with dimension dim left to the rows; the step of a row. A 0-d tensor counts as (1). */
static int64_t without_dim(const scion_tensor *t, int32_t dim, int64_t *strides) {
  for (int32_t d = 0; d < t->n_dims; d++) strides[d] = d == dim ? 0 : t->strides[d];
  return t->n_dims == 0 ? 1 : t->strides[dim];
}
/* A view of slice index_dim..: rows have t's rank and fit it everywhere but along dim. */
static scion_status fits_around(const scion_call *c, int32_t slot, const scion_tensor *ids, const scion_tensor *t, int32_t dim) {
  bool fits = ids->n_dims == t->n_dims;
  for (int32_t d = 0; fits && d < t->n_dims; d++) fits = d == dim || ids->shape[d] <= t->shape[d];
  if (fits) return SCION_OK;
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  return SCION_OP_FAIL(c, SCION_ESHAPE, "ids %s do not fit %s %s: they need the same number of dimensions, none larger except dimension %d",
                       scion__shape_text(a, ids->n_dims, ids->shape), scion__slot_name(c, slot), scion__shape_text(b, t->n_dims, t->shape), dim + c->ctx->index_base);
}

/* ---- gather ---------------------------------------------------------------------------------------------- */

static scion_status gather_infer(scion_call *c) {
  int32_t dim;
  SCION_TRY(scion__need_int(c, 1));
  SCION_TRY(scion__index_dim(c, ((const scion__index_params *)c->params)->dim, &dim));
  SCION_TRY(fits_around(c, 0, c->in[1], c->in[0], dim));
  scion__out(c, 0, c->in[0]->dtype, c->in[1]->n_dims, c->in[1]->shape);
  return SCION_OK;
}
static scion_status gather_forward(scion_call *c) {
  const scion__index_params *p = c->params;
  const scion_tensor *x = c->in[0];
  scion_tensor *rows;
  int32_t dim;
  SCION_TRY(scion__index_dim(c, p->dim, &dim));
  if (c->in[1]->numel == 0) return SCION_OK;
  SCION_TRY(scion__rows(c, 1, x->n_dims == 0 ? 1 : x->shape[dim], p->base, &rows));
  int64_t strides[SCION_MAX_DIMS];
  lane l = { (int32_t)scion_dtype_size((scion_dtype)x->dtype), 0, 0 };
  l.step = without_dim(x, dim, strides);
  walk_rows(c->ctx, rows, c->out[0]->data, c->out[0]->strides, x->data, strides, l.size, false, gather_lane, &l);
  scion_tensor_free(c->ctx, rows);
  return SCION_OK;
}
static void gather_grad(scion_grad_call *g) {
  const scion__index_params *p = g->params;
  scion_x *x = &g->x;
  scion_tensor *zeros = x_zeros_like(x, g->in[0]);
  scion__g_set(g, 0, scion__x_scatter_add(x, zeros, g->in[1], g->dy[0], p->dim, p->base));
}
static const scion_param params_index[] = { SCION_DIM_PARAM(scion__index_params, SCION_PF_REQUIRED, 0, "along which ids choose"),
                                            SCION_BASE_PARAM(scion__index_params) };
static const scion_slot slots_gather[] = { { "x", 0, "input" }, { "ids", 0, "ids along dim, of x's rank" } };
static const scion_sample samples_gather[] = { { "4x3,2x3:i<4", "dim=0" }, { "2x5,2x4:i<5", "dim=-1" }, { "3x4x2,2x4x1:j<3", "dim=0" }, { "s,s:i<1", "dim=0" } };
const scion_op scion__op_gather = {
  .info = { "gather", 1, 0, "Elements by id along a dimension: y[i][j] = x[ids[i][j]][j] for dim 1. y has the shape of ids.",
            SCION_INPUTS(slots_gather), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_index, scion__index_params) },
  .infer = gather_infer, .forward = gather_forward, .grad = gather_grad, .keeps = SCION_KEEP_IN(1), SCION_SAMPLES(samples_gather) };

scion_tensor *scion__x_gather(scion_x *x, scion_tensor *a, scion_tensor *ids, int64_t dim, int64_t base) {
  scion__index_params p = { dim, base };
  return scion__x2(x, &scion__op_gather, &p, a, ids);
}

/* ---- scatter, scatter_add, scatter_reduce ------------------------------------------------------------------ */

typedef struct { int64_t dim, base; int32_t how; } fold_params;

static scion_status scatter_infer(scion_call *c) {
  int32_t dim;
  const scion_tensor *x = c->in[0], *ids = c->in[1], *src = c->in[2];
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  SCION_TRY(scion__need_int(c, 1));
  SCION_TRY(scion__need_same_dtype(c, 0, 2));
  SCION_TRY(scion__index_dim(c, ((const scion__index_params *)c->params)->dim, &dim));
  SCION_TRY(fits_around(c, 0, ids, x, dim));
  bool number = src->n_dims == 0, fits = number || src->n_dims == ids->n_dims;
  for (int32_t d = 0; fits && !number && d < ids->n_dims; d++) fits = ids->shape[d] <= src->shape[d];
  if (!fits) {
    char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "src %s has no element for every id of %s", scion__shape_text(a, src->n_dims, src->shape),
                         scion__shape_text(b, ids->n_dims, ids->shape));
  }
  scion__out(c, 0, x->dtype, x->n_dims, x->shape);
  return SCION_OK;
}
/* y starts as x (or is x, in place). */
static scion_status start_from_x(scion_call *c) {
  if (c->out[0]->data == c->in[0]->data) return SCION_OK;
  return scion__tensor_copy_into(c->ctx, c->out[0], c->in[0]);
}
static scion_status scatter_with(scion_call *c, int64_t given, int64_t base, int32_t how, scion_walk_fn fn) {
  scion_tensor *y = c->out[0], *rows;
  const scion_tensor *src = c->in[2];
  static const int64_t zeros[SCION_MAX_DIMS] = { 0 };
  int32_t dim;
  SCION_TRY(scion__index_dim(c, given, &dim));
  if (c->in[1]->numel == 0) return start_from_x(c);
  SCION_TRY(scion__rows(c, 1, y->n_dims == 0 ? 1 : y->shape[dim], base, &rows)); /* before anything is written */
  scion_status st = start_from_x(c);
  if (st == SCION_OK) {
    int64_t strides[SCION_MAX_DIMS], step = without_dim(y, dim, strides);
    int32_t size = (int32_t)scion_dtype_size((scion_dtype)y->dtype);
    lane l = { size, step, 0 };
    fold_lane f = { y->dtype, how, step };
    walk_rows(c->ctx, rows, y->data, strides, src->data, src->n_dims == 0 ? zeros : src->strides, size, true, fn,
              fn == scatter_lane ? (void *)&l : (void *)&f);
  }
  scion_tensor_free(c->ctx, rows);
  return st;
}
static scion_status scatter_forward(scion_call *c) {
  const scion__index_params *p = c->params;
  return scatter_with(c, p->dim, p->base, 0, scatter_lane);
}
static scion_status scatter_add_forward(scion_call *c) {
  const scion__index_params *p = c->params;
  return scatter_with(c, p->dim, p->base, OP_ADD, fold_into);
}
/* The part of dy that belongs to src: ids may cover less than src, or src be one number. */
static scion_tensor *src_grad(scion_grad_call *g, int64_t dim, int64_t base) {
  scion_x *x = &g->x;
  scion_tensor *src = g->in[2], *ids = g->in[1], *part = scion__x_gather(x, g->dy[0], ids, dim, base);
  if (part == NULL || scion__same_shape(part, src)) return part;
  if (src->n_dims == 0) return x_sum(x, part, 0, NULL, false);
  scion_tensor *whole = part;
  for (int32_t d = 0; d < src->n_dims && whole != NULL; d++) {
    if (whole->shape[d] == src->shape[d]) continue;
    int64_t shape[SCION_MAX_DIMS];
    for (int32_t i = 0; i < src->n_dims; i++) shape[i] = whole->shape[i];
    shape[d] = src->shape[d] - whole->shape[d];
    whole = x_cat(x, 2, (scion_tensor *[]){ whole, x_full(x, src->dtype, src->n_dims, shape, 0) }, d);
  }
  return whole;
}
static void scatter_grad(scion_grad_call *g) {
  const scion__index_params *p = g->params;
  scion_x *x = &g->x;
  if (scion__g_needs(g, 0)) {
    scion_tensor *in[3] = { g->dy[0], g->in[1], x_scalar(x, g->dy[0]->dtype, 0) };
    scion__g_set(g, 0, scion__x_call(x, &scion__op_scatter, p, 3, in));
  }
  if (scion__g_needs(g, 2)) scion__g_set(g, 2, src_grad(g, p->dim, p->base));
}
static void scatter_add_grad(scion_grad_call *g) {
  const scion__index_params *p = g->params;
  scion__g_set(g, 0, g->dy[0]);
  if (scion__g_needs(g, 2)) scion__g_set(g, 2, src_grad(g, p->dim, p->base));
}
static const scion_slot slots_scatter[] = { { "x", 0, "input" }, { "ids", 0, "ids along dim, of x's rank" },
                                            { "src", SCION_SF_NUMBER, "an element per id, or one number" } };
/* distinct ids: with equal ones the last wins, and which is last is not differentiable */
static const scion_sample samples_scatter[] = { { "4x3,1x3:i<4,1x3", "dim=0" }, { "2x3,2x1:i<3,2x2", "dim=1" }, { "4x3,1x3:i<4,s", "dim=0" } };
static const scion_sample samples_scatter_add[] = { { "4x3,5x3:i<4,5x3", "dim=0" }, { "2x3,1x2:i<3,2x4", "dim=-1" }, { "3,4:j<3,s", "dim=0" } };
const scion_op scion__op_scatter = {
  .info = { "scatter", 1, SCION_OF_INPLACE, "x with the elements that ids name along dim replaced by src. Of equal ids the last wins.",
            SCION_INPUTS(slots_scatter), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_index, scion__index_params) },
  .infer = scatter_infer, .forward = scatter_forward, .grad = scatter_grad, .keeps = SCION_KEEP_IN(1), SCION_SAMPLES(samples_scatter) };
const scion_op scion__op_scatter_add = {
  .info = { "scatter_add", 1, SCION_OF_INPLACE, "x with src added to the elements that ids name along dim.", SCION_INPUTS(slots_scatter),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_index, scion__index_params) },
  .infer = scatter_infer, .forward = scatter_add_forward, .grad = scatter_add_grad, .keeps = SCION_KEEP_IN(1), SCION_SAMPLES(samples_scatter_add) };

scion_tensor *scion__x_scatter_add(scion_x *x, scion_tensor *a, scion_tensor *ids, scion_tensor *src, int64_t dim, int64_t base) {
  scion__index_params p = { dim, base };
  return scion__x3(x, &scion__op_scatter_add, &p, a, ids, src);
}

static const char *const folds[] = { "sum", "prod", "amax", "amin", NULL };
static scion_status fold_forward(scion_call *c) {
  const fold_params *p = c->params;
  return scatter_with(c, p->dim, p->base, p->how, fold_into);
}
/* sum as scatter_add. prod: dy times the product of the others. amax, amin: shared evenly among equals. */
static void fold_grad(scion_grad_call *g) {
  const fold_params *p = g->params;
  scion_x *x = &g->x;
  scion_tensor *ids = g->in[1], *a = g->in[0], *src = g->in[2], *y = g->out[0], *dy = g->dy[0];
  if (p->how == OP_ADD) {
    scion__g_set(g, 0, dy);
    if (scion__g_needs(g, 2)) scion__g_set(g, 2, src_grad(g, p->dim, p->base));
    return;
  }
  scion_tensor *at_y = scion__x_gather(x, y, ids, p->dim, p->base), *at_dy = scion__x_gather(x, dy, ids, p->dim, p->base);
  if (p->how == OP_PROD) {
    scion__g_set(g, 0, x_div(x, x_mul(x, dy, y), a));
    scion__g_set(g, 2, x_div(x, x_mul(x, at_dy, at_y), src));
    return;
  }
  int dtype = a->dtype;
  scion_tensor *mine = x_to(x, X2(eq, a, y), dtype), *theirs = x_to(x, X2(eq, src, at_y), dtype);
  scion_tensor *count = scion__x_scatter_add(x, mine, ids, theirs, p->dim, p->base), *share = x_div(x, dy, count);
  scion__g_set(g, 0, x_mul(x, mine, share));
  scion__g_set(g, 2, x_mul(x, theirs, scion__x_gather(x, share, ids, p->dim, p->base)));
}
static scion_status fold_infer(scion_call *c) {
  SCION_TRY(scatter_infer(c));
  if (((const fold_params *)c->params)->how == OP_ADD || scion__same_shape(c->in[1], c->in[2])) return SCION_OK;
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  return SCION_OP_FAIL(c, SCION_ESHAPE, "src %s must have the shape of ids %s", scion__tensor_brief(a, c->in[2]), scion__tensor_brief(b, c->in[1]));
}
static const scion_param params_fold[] = { SCION_DIM_PARAM(fold_params, SCION_PF_REQUIRED, 0, "along which ids choose"),
  { "reduce", SCION_P_ENUM, 0, offsetof(fold_params, how), .def = 0, .choices = folds, .doc = "\"sum\", \"prod\", \"amax\" or \"amin\", x's own value included" },
  SCION_BASE_PARAM(fold_params) };
static const scion_sample samples_fold[] = { { "4x3,5x3:i<4,5x3", "dim=0 reduce=sum" }, { "4x3:+,5x3:i<4,5x3:+", "dim=0 reduce=prod" },
                                             { "4x3,5x3:i<4,5x3", "dim=0 reduce=amax" }, { "4x3,5x3:i<4,5x3", "dim=0 reduce=amin" } };
const scion_op scion__op_scatter_reduce = {
  .info = { "scatter_reduce", 1, SCION_OF_INPLACE, "x with src summed into, multiplied into, or compared with the elements that ids name along dim.",
            SCION_INPUTS(slots_scatter), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_fold, fold_params) },
  .infer = fold_infer, .forward = fold_forward, .grad = fold_grad,
      .keeps = SCION_KEEP_IN(0) | SCION_KEEP_IN(1) | SCION_KEEP_IN(2) | SCION_KEEP_OUT(0), SCION_SAMPLES(samples_fold) };

/* ---- whole slices by id --------------------------------------------------------------------------------------- */

static scion_status select_infer(scion_call *c) {
  int32_t dim;
  const scion_tensor *x = c->in[0];
  SCION_TRY(scion__need_int(c, 1));
  SCION_TRY(scion__need_dims(c, 1, 0, 1));
  SCION_TRY(scion__index_dim(c, ((const scion__index_params *)c->params)->dim, &dim));
  int64_t shape[SCION_MAX_DIMS] = { 0 };
  for (int32_t d = 0; d < x->n_dims; d++) shape[d] = x->shape[d];
  if (x->n_dims > 0) shape[dim] = c->in[1]->numel;
  scion__out(c, 0, x->dtype, x->n_dims, shape);
  return SCION_OK;
}
typedef struct {
  const char *x;
  char *y;
  const int64_t *rows;
  int64_t n_rows, x_rows, outer, inner, width; /* width: elements of a column block */
  size_t bytes;
  int32_t dtype;
  double alpha;
} slices;
static void copy_slices(void *ud, int64_t begin, int64_t end) {
  const slices *j = ud;
  for (int64_t i = begin; i < end; i++) {
    int64_t o = i / j->n_rows, k = i % j->n_rows;
    memcpy(j->y + (size_t)i * j->bytes, j->x + (size_t)(o * j->x_rows + j->rows[k]) * j->bytes, j->bytes);
  }
}
static scion_status select_forward(scion_call *c) {
  const scion__index_params *p = c->params;
  scion_tensor *x, *rows;
  int32_t dim;
  SCION_TRY(scion__index_dim(c, p->dim, &dim));
  SCION_TRY(scion__rows(c, 1, c->in[0]->n_dims == 0 ? 1 : c->in[0]->shape[dim], p->base, &rows));
  scion_status st = scion__packed_in(c, 0, &x);
  if (st == SCION_OK) {
    scion_around a = scion__around(x, dim);
    slices j = { .x = x->data, .y = c->out[0]->data, .rows = (const int64_t *)(const void *)rows->data, .n_rows = rows->numel, .x_rows = a.n,
                 .bytes = (size_t)a.inner * scion_dtype_size((scion_dtype)x->dtype) };
    if (c->out[0]->numel > 0) scion__parallel_range(c->ctx, a.outer * rows->numel, scion__row_grain(a.inner), copy_slices, &j);
    scion_tensor_free(c->ctx, x);
  }
  scion_tensor_free(c->ctx, rows);
  return st;
}
static void select_grad(scion_grad_call *g) {
  const scion__index_params *p = g->params;
  scion_x *x = &g->x;
  scion__g_set(g, 0, scion__x_index_add(x, x_zeros_like(x, g->in[0]), g->in[1], g->dy[0], p->dim, p->base));
}
static const scion_slot slots_select[] = { { "x", 0, "input" }, { "ids", 0, "(n): ids along dim" } };
static const scion_sample samples_select[] = { { "4x3,5:i<4", "dim=0" }, { "2x4x2,3:j<4", "dim=1" }, { "2x3,2:i<3", "dim=-1" } };
const scion_op scion__op_index_select = {
  .info = { "index_select", 1, 0, "Slices by id along a dimension, in the order of the ids.", SCION_INPUTS(slots_select),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_index, scion__index_params) },
  .infer = select_infer, .forward = select_forward, .grad = select_grad, .keeps = SCION_KEEP_IN(1), SCION_SAMPLES(samples_select) };
scion_tensor *scion__x_index_select(scion_x *x, scion_tensor *a, scion_tensor *ids, int64_t dim, int64_t base) {
  scion__index_params p = { dim, base };
  return scion__x2(x, &scion__op_index_select, &p, a, ids);
}

typedef struct { int64_t dim, base; double alpha; } add_params;
static scion_status index_write_infer(scion_call *c) {
  int32_t dim;
  const scion_tensor *x = c->in[0], *ids = c->in[1], *src = c->in[2];
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  SCION_TRY(scion__need_int(c, 1));
  SCION_TRY(scion__need_dims(c, 1, 0, 1));
  SCION_TRY(scion__need_same_dtype(c, 0, 2));
  SCION_TRY(scion__index_dim(c, ((const scion__index_params *)c->params)->dim, &dim)); /* dim is first in every struct */
  bool fits = src->n_dims == x->n_dims;
  for (int32_t d = 0; fits && d < x->n_dims; d++) fits = src->shape[d] == (d == dim ? ids->numel : x->shape[d]);
  if (!fits) {
    char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "src %s is not a slice of x %s for each of the %lld ids along dimension %d",
                         scion__shape_text(a, src->n_dims, src->shape), scion__shape_text(b, x->n_dims, x->shape), (long long)ids->numel, dim + c->ctx->index_base);
  }
  scion__out(c, 0, x->dtype, x->n_dims, x->shape);
  return SCION_OK;
}
/* Column blocks are independent; within one, ids are taken in order. */
#define ADD_SLICES(type, sum)                                                                                     \
  for (int64_t k = 0; k < j->n_rows; k++) {                                                                       \
    type *to = (type *)(void *)j->y + (o * j->x_rows + j->rows[k]) * j->inner + first;                            \
    const type *from = (const type *)(const void *)j->x + (o * j->n_rows + k) * j->inner + first;                 \
    for (int64_t e = 0; e < w; e++) to[e] = (type)(sum);                                                          \
  }
static void add_slices(void *ud, int64_t begin, int64_t end) {
  const slices *j = ud;
  int64_t blocks = (j->inner + j->width - 1) / j->width;
  for (int64_t t = begin; t < end; t++) {
    int64_t o = t / blocks, first = t % blocks * j->width, w = scion__min(j->width, j->inner - first), scale = (int64_t)j->alpha;
    float alpha = (float)j->alpha;
    switch (j->dtype) {
      case SCION_F32: ADD_SLICES(float, to[e] + alpha * from[e]) break;
      case SCION_F64: ADD_SLICES(double, to[e] + j->alpha * from[e]) break;
      case SCION_I32: ADD_SLICES(int32_t, (uint32_t)to[e] + (uint32_t)scale * (uint32_t)from[e]) break;
      case SCION_I64: ADD_SLICES(int64_t, (uint64_t)to[e] + (uint64_t)scale * (uint64_t)from[e]) break;
      case SCION_BOOL: ADD_SLICES(uint8_t, to[e] || (scale != 0 && from[e])) break;
      default: ADD_SLICES(uint8_t, to[e] + scale * from[e]) break;
    }
  }
}
static scion_status index_add_forward(scion_call *c) {
  const add_params *p = c->params;
  scion_tensor *y = c->out[0], *src = NULL, *rows, *aside = NULL;
  int32_t dim;
  SCION_TRY(scion__index_dim(c, p->dim, &dim));
  SCION_TRY(scion__rows(c, 1, y->n_dims == 0 ? 1 : y->shape[dim], p->base, &rows));
  scion_status st = scion__packed_in(c, 2, &src);
  if (st == SCION_OK && !y->contiguous) { /* in place on a view */
    st = scion__tensor_alloc(c->ctx, y->dtype, y->n_dims, y->shape, &aside);
    if (st == SCION_OK) st = scion__tensor_copy_into(c->ctx, aside, c->in[0]);
  } else if (st == SCION_OK) {
    st = start_from_x(c);
  }
  if (st == SCION_OK && src->numel > 0) {
    scion_tensor *to = aside != NULL ? aside : y;
    scion_around a = scion__around(to, dim);
    slices j = { .x = src->data, .y = to->data, .rows = (const int64_t *)(const void *)rows->data, .n_rows = rows->numel, .x_rows = a.n,
                 .inner = a.inner, .width = 256, .dtype = y->dtype, .alpha = p->alpha };
    scion__parallel_range(c->ctx, a.outer * ((a.inner + 255) / 256), scion__row_grain(rows->numel * scion__min(a.inner, 256)), add_slices, &j);
    if (aside != NULL) st = scion__tensor_copy_into(c->ctx, y, aside);
  }
  scion_tensor_free(c->ctx, aside);
  scion_tensor_free(c->ctx, src);
  scion_tensor_free(c->ctx, rows);
  return st;
}
static void index_add_grad(scion_grad_call *g) {
  const add_params *p = g->params;
  scion__g_set(g, 0, g->dy[0]);
  if (!scion__g_needs(g, 2)) return;
  scion_tensor *part = scion__x_index_select(&g->x, g->dy[0], g->in[1], p->dim, p->base);
  scion__g_set(g, 2, p->alpha == 1 ? part : x_muls(&g->x, part, p->alpha));
}
static const scion_param params_add[] = { SCION_DIM_PARAM(add_params, SCION_PF_REQUIRED, 0, "along which ids choose"),
  { "alpha", SCION_P_FLOAT, 0, offsetof(add_params, alpha), .def = 1, .doc = "factor of src" }, SCION_BASE_PARAM(add_params) };
static const scion_slot slots_index_write[] = { { "x", 0, "input" }, { "ids", 0, "(n): ids along dim" }, { "src", 0, "x's shape with n along dim" } };
static const scion_sample samples_index_add[] = { { "4x3,5:i<4,5x3", "dim=0" }, { "2x4x2,3:j<4,2x3x2", "dim=1 alpha=2" }, { "3,4:i<3,4", "dim=0" } };
const scion_op scion__op_index_add = {
  .info = { "index_add", 1, SCION_OF_INPLACE, "x with alpha * the slices of src added to those that ids name.", SCION_INPUTS(slots_index_write),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_add, add_params) },
  .infer = index_write_infer, .forward = index_add_forward, .grad = index_add_grad, .keeps = SCION_KEEP_IN(1), SCION_SAMPLES(samples_index_add) };
scion_tensor *scion__x_index_add(scion_x *x, scion_tensor *a, scion_tensor *ids, scion_tensor *src, int64_t dim, int64_t base) {
  add_params p = { dim, base, 1 };
  return scion__x3(x, &scion__op_index_add, &p, a, ids, src);
}

/* (n) ids as ids of every element: x's shape with n along dim. */
static scion_tensor *spread_ids(scion_x *x, scion_tensor *ids, const scion_tensor *like, int64_t dim) {
  int64_t shape[SCION_MAX_DIMS] = { 0 };
  if (like->n_dims == 0) return x_reshape(x, ids, 0, shape);
  int32_t d0 = scion__wrap_dim(dim, like->n_dims);
  for (int32_t d = 0; d < like->n_dims; d++) shape[d] = d == d0 ? ids->numel : 1;
  scion_tensor *wide = x_reshape(x, ids, like->n_dims, shape), to = { .n_dims = like->n_dims };
  for (int32_t d = 0; d < like->n_dims; d++) to.shape[d] = d == d0 ? ids->numel : like->shape[d];
  return wide == NULL ? NULL : x_expand_like(x, wide, &to);
}
static void index_copy_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const scion__index_params *p = c->params;
  out[0] = scion__x3(x, &scion__op_scatter, p, c->in[0], spread_ids(x, c->in[1], c->in[0], p->dim), c->in[2]);
}
static const scion_sample samples_index_copy[] = { { "4x3,1:i<4,1x3", "dim=0" }, { "2x4x2,1:j<4,2x1x2", "dim=1" } };
const scion_op scion__op_index_copy = {
  .info = { "index_copy", 1, SCION_OF_INPLACE, "x with the slices that ids name replaced by those of src. Of equal ids the last wins.",
            SCION_INPUTS(slots_index_write), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_index, scion__index_params) },
  .infer = index_write_infer, .compose = index_copy_compose, SCION_SAMPLES(samples_index_copy) };

static scion_status index_fill_infer(scion_call *c) {
  int32_t dim;
  SCION_TRY(scion__need_int(c, 1));
  SCION_TRY(scion__need_dims(c, 1, 0, 1));
  SCION_TRY(scion__need_same_dtype(c, 0, 2));
  SCION_TRY(scion__need_dims(c, 2, 0, 0));
  SCION_TRY(scion__index_dim(c, ((const scion__index_params *)c->params)->dim, &dim));
  return scion__infer_same(c);
}
static const scion_slot slots_index_fill[] = { { "x", 0, "input" }, { "ids", 0, "(n): ids along dim" }, { "value", SCION_SF_NUMBER, "a number" } };
static const scion_sample samples_index_fill[] = { { "4x3,3:i<4,s", "dim=0" }, { "2x3,1:i<3,s", "dim=-1" } };
const scion_op scion__op_index_fill = {
  .info = { "index_fill", 1, SCION_OF_INPLACE, "x with the slices that ids name filled with a number.", SCION_INPUTS(slots_index_fill),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_index, scion__index_params) },
  .infer = index_fill_infer, .compose = index_copy_compose, SCION_SAMPLES(samples_index_fill) };

/* ---- by position in the flattened tensor ------------------------------------------------------------------------ */

typedef struct { int64_t base; int32_t accumulate; } take_params;
static scion_status take_infer(scion_call *c) {
  SCION_TRY(scion__need_int(c, 1));
  scion__out(c, 0, c->in[0]->dtype, c->in[1]->n_dims, c->in[1]->shape);
  return SCION_OK;
}
static void take_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  int64_t flat = -1;
  scion_tensor *picked = scion__x_index_select(x, x_reshape(x, c->in[0], 1, &flat), x_reshape(x, c->in[1], 1, &flat), 0, ((const take_params *)c->params)->base);
  out[0] = x_reshape_like(x, picked, c->in[1]);
}
static const scion_param params_take[] = { SCION_BASE_PARAM(take_params) };
static const scion_slot slots_take[] = { { "x", 0, "input" }, { "ids", 0, "positions in x read row by row, any shape" } };
static const scion_sample samples_take[] = { { "4x3,5:i<12", "" }, { "2x3,2x2:j<6", "" } };
const scion_op scion__op_take = {
  .info = { "take", 1, 0, "Elements by their position in the flattened tensor; y has the shape of ids.", SCION_INPUTS(slots_take),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_take, take_params) },
  .infer = take_infer, .compose = take_compose, SCION_SAMPLES(samples_take) };

static scion_status put_infer(scion_call *c) {
  SCION_TRY(scion__need_int(c, 1));
  SCION_TRY(scion__need_same_dtype(c, 0, 2));
  if (c->in[1]->numel != c->in[2]->numel) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "%lld ids but %lld elements in src", (long long)c->in[1]->numel, (long long)c->in[2]->numel);
  }
  return scion__infer_same(c);
}
static void put_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const take_params *p = c->params;
  int64_t flat = -1;
  scion__index_params q = { 0, p->base };
  scion_tensor *y = scion__x3(x, p->accumulate ? &scion__op_scatter_add : &scion__op_scatter, &q, x_reshape(x, c->in[0], 1, &flat),
                              x_reshape(x, c->in[1], 1, &flat), x_reshape(x, c->in[2], 1, &flat));
  out[0] = x_reshape_like(x, y, c->in[0]);
}
static const scion_param params_put[] = {
  { "accumulate", SCION_P_BOOL, 0, offsetof(take_params, accumulate), .doc = "add instead of replacing" }, SCION_BASE_PARAM(take_params) };
static const scion_slot slots_put[] = { { "x", 0, "input" }, { "ids", 0, "positions in x read row by row" }, { "src", 0, "as many elements as ids" } };
static const scion_sample samples_put[] = { { "4x3,5:i<12,5", "accumulate=true" }, { "2x3,1:j<6,1", "" } };
const scion_op scion__op_put = {
  .info = { "put", 1, SCION_OF_INPLACE | SCION_OF_FUNCTION, "x with the elements at flat positions replaced by (or, accumulated, increased by) src.", SCION_INPUTS(slots_put),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_put, take_params) },
  .infer = put_infer, .compose = put_compose, SCION_SAMPLES(samples_put) };

static scion_status along_infer(scion_call *c) {
  int32_t dim, n;
  int64_t shape[SCION_MAX_DIMS];
  const scion_tensor *x = c->in[0], *ids = c->in[1];
  SCION_TRY(scion__need_int(c, 1));
  SCION_TRY(scion__index_dim(c, ((const scion__index_params *)c->params)->dim, &dim));
  int64_t around[SCION_MAX_DIMS];
  bool fits = x->n_dims == ids->n_dims;
  for (int32_t d = 0; fits && d < x->n_dims; d++) around[d] = d == dim ? ids->shape[d] : x->shape[d];
  if (!fits || !scion__broadcast(x->n_dims, around, ids->n_dims, ids->shape, &n, shape)) {
    char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "ids %s do not broadcast with x %s outside dimension %d", scion__shape_text(a, ids->n_dims, ids->shape),
                         scion__shape_text(b, x->n_dims, x->shape), dim + c->ctx->index_base);
  }
  scion__out(c, 0, x->dtype, n, shape);
  return SCION_OK;
}
static void along_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const scion__index_params *p = c->params;
  scion_tensor wide = { .n_dims = c->meta[0].n_dims }, whole = { .n_dims = c->meta[0].n_dims };
  int32_t dim = scion__wrap_dim(p->dim, wide.n_dims);
  for (int32_t d = 0; d < wide.n_dims; d++) {
    wide.shape[d] = c->meta[0].shape[d];
    whole.shape[d] = d == dim ? c->in[0]->shape[d] : wide.shape[d];
  }
  out[0] = scion__x_gather(x, x_expand_like(x, c->in[0], &whole), x_expand_like(x, c->in[1], &wide), p->dim, p->base);
}
static const scion_sample samples_along[] = { { "4x3,2x1:i<4", "dim=0" }, { "1x5,2x4:i<5", "dim=-1" } };
const scion_op scion__op_take_along_dim = {
  .info = { "take_along_dim", 1, 0, "gather with x and ids broadcast against each other outside dim: what argsort and argmax give fits.",
            SCION_INPUTS(slots_gather), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_index, scion__index_params) },
  .infer = along_infer, .compose = along_compose, SCION_SAMPLES(samples_along) };
