/* arrange.c: elements in another order or repeated: flip, roll, repeat, tile, repeat_interleave, tril, triu, unfold, fold. */
#include "index.h"

/* ---- flip, roll --------------------------------------------------------------------------------------------- */

typedef struct { scion_ints dims; } dims_params;
static scion_status flip_infer(scion_call *c) {
  const dims_params *p = c->params;
  int32_t d;
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  for (int32_t i = 0; i < p->dims.n; i++) SCION_TRY(scion__index_dim(c, p->dims.v[i], &d));
  return scion__infer_same(c);
}
static scion_status flip_forward(scion_call *c) {
  const dims_params *p = c->params;
  scion_tensor *x = c->in[0], *view;
  bool flipped[SCION_MAX_DIMS] = { false };
  int64_t strides[SCION_MAX_DIMS], offset = 0;
  int32_t dim;
  for (int32_t i = 0; i < p->dims.n; i++) {
    SCION_TRY(scion__index_dim(c, p->dims.v[i], &dim));
    if (flipped[dim]) return SCION_OP_FAIL(c, SCION_EINVAL, "dims names dimension %d twice", dim + c->ctx->index_base);
    flipped[dim] = true;
  }
  if (x->numel == 0) return SCION_OK;
  for (int32_t d = 0; d < x->n_dims; d++) {
    strides[d] = flipped[d] ? -x->strides[d] : x->strides[d];
    if (flipped[d]) offset += (x->shape[d] - 1) * x->strides[d];
  }
  SCION_TRY(scion__tensor_view(c->ctx, x, x->n_dims, x->shape, strides, offset, &view));
  scion_status st = scion__tensor_copy_into(c->ctx, c->out[0], view);
  scion_tensor_free(c->ctx, view);
  return st;
}
static void flip_grad(scion_grad_call *g) { scion__g_set(g, 0, scion__x1(&g->x, &scion__op_flip, g->params, g->dy[0])); }
static const scion_param params_flip[] = { { "dims", SCION_P_INTS, SCION_PF_INDEX | SCION_PF_REQUIRED | SCION_PF_VARARGS, offsetof(dims_params, dims),
    .doc = "dimensions to reverse" } };
static const scion_sample samples_flip[] = { { "3x4", "dims=0" }, { "2x3x2", "dims=0,2" }, { "4", "dims=-1" } };
const scion_op scion__op_flip = {
  .info = { "flip", 1, 0, "x with dimensions reversed (a copy).", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_flip, dims_params) },
  .infer = flip_infer, .forward = flip_forward, .grad = flip_grad, SCION_SAMPLES(samples_flip) };

typedef struct { scion_ints shifts, dims; } roll_params;
static scion_status roll_infer(scion_call *c) {
  const roll_params *p = c->params;
  int32_t d;
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  if (p->dims.n < 0 ? p->shifts.n != 1 : p->shifts.n != p->dims.n) {
    return SCION_OP_FAIL(c, SCION_EINVAL, "%d shifts for %d dims; give one shift per dimension, or one shift alone", p->shifts.n, p->dims.n < 0 ? 0 : p->dims.n);
  }
  for (int32_t i = 0; i < p->dims.n; i++) SCION_TRY(scion__index_dim(c, p->dims.v[i], &d));
  return scion__infer_same(c);
}
static void roll_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const roll_params *p = c->params;
  scion_tensor *y = c->in[0];
  int64_t flat = -1;
  bool all = p->dims.n < 0;
  if (all) y = x_reshape(x, y, 1, &flat);
  for (int32_t i = 0; i < p->shifts.n && y != NULL && y->numel > 0 && y->n_dims > 0; i++) {
    int32_t dim = all ? 0 : scion__wrap_dim(p->dims.v[i], y->n_dims);
    int64_t n = y->shape[dim], shift = ((p->shifts.v[i] % n) + n) % n;
    if (shift == 0) continue;
    y = x_cat(x, 2, (scion_tensor *[]){ x_narrow(x, y, dim, n - shift, shift), x_narrow(x, y, dim, 0, n - shift) }, dim);
  }
  y = x_reshape_like(x, y, c->in[0]);
  out[0] = y == c->in[0] ? scion__x1(x, &scion__op_clone, NULL, y) : y;
}
static const scion_param params_roll[] = { { "shifts", SCION_P_INTS, SCION_PF_REQUIRED, offsetof(roll_params, shifts), .doc = "places to move, one per dimension" },
  { "dims", SCION_P_INTS, SCION_PF_INDEX, offsetof(roll_params, dims), .def_ints = { .n = -1 }, .doc = "default: x flattened" } };
static const scion_sample samples_roll[] = { { "3x4", "shifts=1" }, { "3x4", "shifts=-1,2 dims=0,1" } };
const scion_op scion__op_roll = {
  .info = { "roll", 1, 0, "Elements moved along dimensions; what leaves at one end comes in at the other.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_roll, roll_params) },
  .infer = roll_infer, .compose = roll_compose, SCION_SAMPLES(samples_roll) };

/* ---- repeat, tile, repeat_interleave ---------------------------------------------------------------------------- */

/* Each dimension d of `a` as size * times[d] copies one after another, or (inner) every element times[d] times. */
static scion_tensor *repeat_dim(scion_x *x, scion_tensor *a, int32_t dim, int64_t times, bool each) {
  if (a == NULL || times == 1) return a;
  scion_around r = scion__around(a, dim);
  int64_t shape[SCION_MAX_DIMS];
  for (int32_t d = 0; d < a->n_dims; d++) shape[d] = d == dim ? a->shape[d] * times : a->shape[d];
  scion_tensor like = { .n_dims = 4 }, *from = x_reshape(x, a, 4, each ? (int64_t[]){ r.outer, r.n, 1, r.inner } : (int64_t[]){ r.outer, 1, r.n, r.inner });
  like.shape[0] = r.outer, like.shape[1] = each ? r.n : times, like.shape[2] = each ? times : r.n, like.shape[3] = r.inner;
  return from == NULL ? NULL : x_reshape(x, x_expand_like(x, from, &like), a->n_dims, shape);
}
static scion_status repeat_infer(scion_call *c) {
  const dims_params *p = c->params;
  const scion_tensor *x = c->in[0];
  int64_t shape[SCION_MAX_DIMS];
  bool tile = c->op == &scion__op_tile;
  int32_t n = tile ? (int32_t)scion__max(p->dims.n, x->n_dims) : p->dims.n;
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  if (n < x->n_dims || n > SCION_MAX_DIMS) {
    return SCION_OP_FAIL(c, SCION_EINVAL, "%d numbers of copies for %d dimensions; give one for each (%d..%d)", p->dims.n, x->n_dims, x->n_dims, SCION_MAX_DIMS);
  }
  for (int32_t d = 0; d < n; d++) {
    int32_t k = d - (n - p->dims.n), e = d - (n - x->n_dims);
    int64_t times = k < 0 ? 1 : p->dims.v[k];
    if (times < 0) return SCION_OP_FAIL(c, SCION_EINVAL, "number of copies %d is %lld, expected at least 0", k + 1, (long long)times);
    if (__builtin_mul_overflow(times, e < 0 ? 1 : x->shape[e], &shape[d])) return SCION_OP_FAIL(c, SCION_ESHAPE, "result too large");
  }
  scion__out(c, 0, x->dtype, n, shape);
  return SCION_OK;
}
static void repeat_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const dims_params *p = c->params;
  scion_tensor *y = c->in[0];
  int32_t n = c->meta[0].n_dims;
  int64_t shape[SCION_MAX_DIMS] = { 0 };
  for (int32_t d = 0; d < n; d++) {
    int32_t e = d - (n - y->n_dims);
    shape[d] = e < 0 ? 1 : c->in[0]->shape[e];
  }
  if (y->n_dims != n) y = x_reshape(x, y, n, shape);
  for (int32_t d = n - 1; d >= 0; d--) {
    int32_t k = d - (n - p->dims.n);
    if (k >= 0) y = repeat_dim(x, y, d, p->dims.v[k], false);
  }
  out[0] = y == c->in[0] ? scion__x1(x, &scion__op_clone, NULL, y) : y;
}
static const scion_param params_repeat[] = { { "times", SCION_P_INTS, SCION_PF_REQUIRED | SCION_PF_VARARGS, offsetof(dims_params, dims), .doc = "copies along each dimension" } };
static const scion_sample samples_repeat[] = { { "2x3", "times=2,1" }, { "3", "times=2,2" }, { "2x3", "times=3,2,2" } };
static const scion_sample samples_tile[] = { { "2x3", "times=2" }, { "3", "times=2,2" } };
const scion_op scion__op_repeat = {
  .info = { "repeat", 1, 0, "Copies of x along its dimensions (x[\"repeat\"] or scion[\"repeat\"] in Lua; tile is the same).", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_repeat, dims_params) },
  .infer = repeat_infer, .compose = repeat_compose, SCION_SAMPLES(samples_repeat) };
const scion_op scion__op_tile = {
  .info = { "tile", 1, 0, "Copies of x along its last dimensions.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_repeat, dims_params) },
  .infer = repeat_infer, .compose = repeat_compose, SCION_SAMPLES(samples_tile) };

typedef struct { int64_t dim, times; } each_params;
static scion_status each_infer(scion_call *c) {
  const each_params *p = c->params;
  int32_t dim;
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  if (p->dim != SCION_NONE) SCION_TRY(scion__index_dim(c, p->dim, &dim));
  scion_tensor *times = scion__opt(c, 1);
  if ((times != NULL) == (p->times != SCION_NONE)) return SCION_OP_FAIL(c, SCION_EINVAL, "give either a number of times or a tensor of repeats");
  if (times == NULL) return SCION_OK;
  SCION_TRY(scion__need_int(c, 1));
  SCION_TRY(scion__need_dims(c, 1, 1, 1));
  int64_t n = p->dim == SCION_NONE ? c->in[0]->numel : c->in[0]->n_dims == 0 ? 1 : c->in[0]->shape[dim];
  if (times->numel != n) return SCION_OP_FAIL(c, SCION_ESHAPE, "%lld repeats for %lld elements", (long long)times->numel, (long long)n);
  return SCION_OK;
}
static void each_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const each_params *p = c->params;
  scion_tensor *a = c->in[0], *times = scion__opt(c, 1), *packed = NULL, *ids = NULL;
  int64_t flat = -1, total = 0, at = 0;
  if (p->dim == SCION_NONE || a->n_dims == 0) a = x_reshape(x, a, 1, &flat);
  if (a == NULL) return;
  int32_t dim = p->dim == SCION_NONE ? 0 : scion__wrap_dim(p->dim, a->n_dims);
  if (times == NULL) {
    scion_tensor *y = repeat_dim(x, a, dim, p->times, true);
    out[0] = y == c->in[0] ? scion__x1(x, &scion__op_clone, NULL, y) : y;
    return;
  }
  x->status = scion__tensor_packed(x->ctx, times, &packed);
  scion__x_own(x, packed);
  for (int64_t i = 0; x->status == SCION_OK && i < times->numel; i++) {
    int64_t n = scion__load_id(packed->data, packed->dtype, i);
    if (n < 0 || total > INT64_MAX / 16 - n) x->status = SCION_OP_FAIL(c, SCION_EINVAL, "repeats holds %lld", (long long)n);
    total += n;
  }
  if (x->status == SCION_OK) x->status = scion__tensor_alloc(x->ctx, SCION_I64, 1, &total, &ids);
  if (x->status != SCION_OK) return;
  scion__x_own(x, ids);
  for (int64_t i = 0; i < times->numel; i++)
    for (int64_t k = scion__load_id(packed->data, packed->dtype, i); k > 0; k--) ((int64_t *)(void *)ids->data)[at++] = i;
  out[0] = scion__x_index_select(x, a, ids, dim, 0);
}
static const scion_param params_each[] = { { "times", SCION_P_INT, 0, offsetof(each_params, times), .def = (double)SCION_NONE, .min = 0, .max = 1e15,
    .doc = "for every element the same" },
  SCION_DIM_PARAM(each_params, 0, SCION_NONE, "dimension; default: x flattened") };
static const scion_slot slots_each[] = { { "x", 0, "input" }, { "repeats", SCION_SF_OPTIONAL, "(n) integers, one per element along dim" } };
static const scion_sample samples_each[] = { { "2x3", "times=2" }, { "2x3,3:i<3", "dim=1" }, { "2x3", "times=3 dim=0" } };
const scion_op scion__op_repeat_interleave = {
  .info = { "repeat_interleave", 1, SCION_OF_DYNAMIC, "Every element (or slice along dim) several times in a row.", SCION_INPUTS(slots_each), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_each, each_params) },
  .infer = each_infer, .compose = each_compose, SCION_SAMPLES(samples_each) };

/* ---- tril, triu ---------------------------------------------------------------------------------------------------- */

typedef struct { int64_t diagonal; } tri_params;
static scion_status tri_infer(scion_call *c) {
  SCION_TRY(scion__need_dims(c, 0, 2, SCION_MAX_DIMS));
  return scion__infer_same(c);
}
static scion_status tri_forward(scion_call *c) {
  int64_t k = ((const tri_params *)c->params)->diagonal;
  scion_tensor *y = c->out[0], *aside = NULL;
  bool lower = c->op == &scion__op_tril;
  if (y->data != c->in[0]->data) SCION_TRY(scion__tensor_copy_into(c->ctx, y, c->in[0]));
  scion_tensor *to = y;
  if (!y->contiguous) {
    SCION_TRY(scion__tensor_packed(c->ctx, y, &aside));
    to = aside;
  }
  int64_t cols = y->shape[y->n_dims - 1], rows = y->shape[y->n_dims - 2], all = y->numel == 0 ? 0 : y->numel / cols;
  size_t size = scion_dtype_size((scion_dtype)y->dtype);
  for (int64_t i = 0; i < all; i++) {
    int64_t first = lower ? i % rows + scion__max(scion__min(k, cols), -rows) + 1 : 0, last = lower ? cols : i % rows + scion__max(scion__min(k, cols), -rows);
    first = scion__min(scion__max(first, 0), cols);
    last = scion__min(scion__max(last, 0), cols);
    if (last > first) memset(to->data + (size_t)(i * cols + first) * size, 0, (size_t)(last - first) * size);
  }
  scion_status st = aside != NULL ? scion__tensor_copy_into(c->ctx, y, aside) : SCION_OK;
  scion_tensor_free(c->ctx, aside);
  return st;
}
static void tri_grad(scion_grad_call *g) { scion__g_set(g, 0, scion__x1(&g->x, g->op, g->params, g->dy[0])); }
static const scion_param params_tri[] = { { "diagonal", SCION_P_INT, 0, offsetof(tri_params, diagonal), .min = -1e15, .max = 1e15, .doc = "0 the main one, positive above it" } };
static const scion_sample samples_tri[] = { { "3x4", "" }, { "2x3x3", "diagonal=1" }, { "4x3", "diagonal=-2" } };
const scion_op scion__op_tril = {
  .info = { "tril", 1, SCION_OF_INPLACE, "Matrices with zeros above a diagonal.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
      SCION_PARAMS(params_tri, tri_params) },
  .infer = tri_infer, .forward = tri_forward, .grad = tri_grad, SCION_SAMPLES(samples_tri) };
const scion_op scion__op_triu = {
  .info = { "triu", 1, SCION_OF_INPLACE, "Matrices with zeros below a diagonal.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
      SCION_PARAMS(params_tri, tri_params) },
  .infer = tri_infer, .forward = tri_forward, .grad = tri_grad, SCION_SAMPLES(samples_tri) };

/* ---- unfold, fold: the columns of convolutions ---------------------------------------------------------------------------- */

typedef struct { scion_ints kernel, stride, padding, dilation, size; } fold_params;
typedef struct { int64_t k[2], s[2], p[2], d[2], out[2]; } window;
static int64_t pick(const scion_ints *v, int i, int64_t def) { return v->n <= 0 ? def : v->v[v->n == 1 ? 0 : i]; }
static scion_status window_of(const scion_call *c, int64_t h, int64_t w, window *o) {
  const fold_params *p = c->params;
  for (int i = 0; i < 2; i++) {
    o->k[i] = pick(&p->kernel, i, 1), o->s[i] = pick(&p->stride, i, 1), o->p[i] = pick(&p->padding, i, 0), o->d[i] = pick(&p->dilation, i, 1);
    int64_t size = i == 0 ? h : w;
    if (o->k[i] < 1 || o->s[i] < 1 || o->p[i] < 0 || o->d[i] < 1 || o->k[i] > 1000000 || o->p[i] > 1000000 || o->d[i] > 1000000) {
      return SCION_OP_FAIL(c, SCION_EINVAL, "kernel, stride and dilation must be at least 1, padding at least 0 (each at most a million)");
    }
    int64_t span = size + 2 * o->p[i] - o->d[i] * (o->k[i] - 1) - 1;
    if (span < 0) return SCION_OP_FAIL(c, SCION_ESHAPE, "the kernel (%lld, dilated) is larger than the padded input (%lld)", (long long)o->k[i], (long long)(size + 2 * o->p[i]));
    o->out[i] = span / o->s[i] + 1;
  }
  return SCION_OK;
}
static scion_status unfold_infer(scion_call *c) {
  const scion_tensor *x = c->in[0];
  window o;
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__need_dims(c, 0, 4, 4));
  SCION_TRY(window_of(c, x->shape[2], x->shape[3], &o));
  scion__out(c, 0, x->dtype, 3, (int64_t[]){ x->shape[0], x->shape[1] * o.k[0] * o.k[1], o.out[0] * o.out[1] });
  return SCION_OK;
}
static scion_status fold_infer(scion_call *c) {
  const fold_params *p = c->params;
  const scion_tensor *x = c->in[0];
  window o;
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__need_dims(c, 0, 3, 3));
  int64_t h = pick(&p->size, 0, 0), w = pick(&p->size, 1, 0);
  if (h < 1 || w < 1 || h > 1000000 || w > 1000000) return SCION_OP_FAIL(c, SCION_EINVAL, "size must be the (height, width) of the result");
  SCION_TRY(window_of(c, h, w, &o));
  if (x->shape[1] % (o.k[0] * o.k[1]) != 0 || x->shape[2] != o.out[0] * o.out[1]) {
    char t[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "x %s must be (N, C * %lld, %lld) for this size and kernel", scion__tensor_brief(t, x), (long long)(o.k[0] * o.k[1]),
                         (long long)(o.out[0] * o.out[1]));
  }
  scion__out(c, 0, x->dtype, 4, (int64_t[]){ x->shape[0], x->shape[1] / (o.k[0] * o.k[1]), h, w });
  return SCION_OK;
}
typedef struct { window o; int64_t h, w; int32_t dtype; bool fold; char *image, *columns; } fold_job;
static void fold_planes(void *ud, int64_t begin, int64_t end) { /* one (image, channel) plane each */
  const fold_job *j = ud;
  const window *o = &j->o;
  int64_t per = o->k[0] * o->k[1] * o->out[0] * o->out[1];
  for (int64_t plane = begin; plane < end; plane++)
    for (int64_t r = 0; r < o->k[0] * o->k[1]; r++)
      for (int64_t y = 0; y < o->out[0]; y++) {
        int64_t iy = y * o->s[0] - o->p[0] + r / o->k[1] * o->d[0];
        for (int64_t x = 0; x < o->out[1]; x++) {
          int64_t ix = x * o->s[1] - o->p[1] + r % o->k[1] * o->d[1], at = plane * per + (r * o->out[0] + y) * o->out[1] + x;
          bool inside = iy >= 0 && iy < j->h && ix >= 0 && ix < j->w;
          int64_t pixel = (plane * j->h + iy) * j->w + ix;
          if (!j->fold) scion__store(j->columns, j->dtype, at, inside ? scion__load(j->image, j->dtype, pixel) : 0);
          else if (inside) scion__store(j->image, j->dtype, pixel, scion__load(j->image, j->dtype, pixel) + scion__load(j->columns, j->dtype, at));
        }
      }
}
static scion_status fold_forward(scion_call *c) {
  bool fold = c->op == &scion__op_fold;
  scion_tensor *x, *y = c->out[0];
  SCION_TRY(scion__packed_in(c, 0, &x));
  const scion_tensor *image = fold ? y : x;
  fold_job j = { .h = image->shape[2], .w = image->shape[3], .dtype = x->dtype, .fold = fold, .image = fold ? y->data : x->data, .columns = fold ? x->data : y->data };
  scion_status st = window_of(c, j.h, j.w, &j.o);
  if (fold) memset(y->data, 0, (size_t)y->numel * scion_dtype_size((scion_dtype)y->dtype));
  int64_t planes = image->shape[0] * image->shape[1];
  if (st == SCION_OK && y->numel > 0) scion__parallel_range(c->ctx, planes, scion__row_grain(j.o.k[0] * j.o.k[1] * j.o.out[0] * j.o.out[1]), fold_planes, &j);
  scion_tensor_free(c->ctx, x);
  return st;
}
static void unfold_grad(scion_grad_call *g) {
  fold_params p = *(const fold_params *)g->params;
  p.size = (scion_ints){ 2, { g->in[0]->shape[2], g->in[0]->shape[3] } };
  scion__g_set(g, 0, scion__x1(&g->x, &scion__op_fold, &p, g->dy[0]));
}
static void fold_grad(scion_grad_call *g) { scion__g_set(g, 0, scion__x1(&g->x, &scion__op_unfold, g->params, g->dy[0])); }
#define WINDOW_PARAMS                                                                                                              \
  { "kernel", SCION_P_INTS, SCION_PF_REQUIRED, offsetof(fold_params, kernel), .doc = "(height, width) or one number" },            \
  { "stride", SCION_P_INTS, 0, offsetof(fold_params, stride), .def_ints = { 1, { 1 } }, .doc = "step of the window" },             \
  { "padding", SCION_P_INTS, 0, offsetof(fold_params, padding), .def_ints = { 1, { 0 } }, .doc = "zeros on every side" },          \
  { "dilation", SCION_P_INTS, 0, offsetof(fold_params, dilation), .def_ints = { 1, { 1 } }, .doc = "step inside the window" }
static const scion_param params_unfold[] = { WINDOW_PARAMS };
static const scion_param params_fold[] = { { "size", SCION_P_INTS, SCION_PF_REQUIRED, offsetof(fold_params, size), .doc = "(height, width) of the result" }, WINDOW_PARAMS };
static const scion_slot slots_image[] = { { "x", 0, "(N, C, H, W)" } }, slots_columns[] = { { "x", 0, "(N, C * kernel height * kernel width, positions)" } };
static const scion_sample samples_unfold[] = { { "2x2x4x5", "kernel=2,3 padding=1" }, { "1x1x5x5", "kernel=2 stride=2 dilation=2" } };
static const scion_sample samples_fold[] = { { "2x8x6", "size=3,4 kernel=2" }, { "1x4x9", "size=5,5 kernel=2 stride=2 padding=1 dilation=2" } };
const scion_op scion__op_unfold = {
  .info = { "unfold", 1, SCION_OF_FUNCTION, "Sliding windows of images as columns: (N, C * kernel size, positions).", SCION_INPUTS(slots_image), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_unfold, fold_params) },
  .infer = unfold_infer, .forward = fold_forward, .grad = unfold_grad, SCION_SAMPLES(samples_unfold) };
const scion_op scion__op_fold = {
  .info = { "fold", 1, SCION_OF_FUNCTION, "Columns added up into images: (N, C, H, W). The transpose of unfold.", SCION_INPUTS(slots_columns), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_fold, fold_params) },
  .infer = fold_infer, .forward = fold_forward, .grad = fold_grad, SCION_SAMPLES(samples_fold) };
