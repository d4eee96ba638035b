/* slice.c: windows on a tensor: slice, narrow, select, diagonal, sliding_window are views; *_scatter write into a
 * copy of one; the embed_* ops are their gradients (zeros around the window). Any element type. */
#include "op.h"
#include "params.h"

static scion_status view_out(scion_call *c, const int64_t *strides, int64_t offset) {
  return scion__tensor_view(c->ctx, c->in[0], c->meta[0].n_dims, c->meta[0].shape, strides, offset, &c->out[0]);
}

/* y as zeros, and a window on it. */
static scion_status zeros_window(scion_call *c, int32_t n, const int64_t *shape, const int64_t *strides, int64_t offset,
                                 scion_tensor **window) {
  scion_tensor *y = c->out[0];
  if (y->numel > 0) memset(y->data, 0, (size_t)y->numel * scion_dtype_size((scion_dtype)y->dtype));
  return scion__tensor_view(c->ctx, y, n, shape, strides, offset, window);
}
static scion_status fill_window(scion_call *c, scion_tensor *window, const scion_tensor *src) {
  scion_status st = scion__tensor_copy_into(c->ctx, window, src);
  scion_tensor_free(c->ctx, window);
  return st;
}

/* ---- slice ------------------------------------------------------------------------------------------------ */

typedef struct { int64_t dim, start, stop, step; } slice_params;
typedef struct { int32_t dim; int64_t start, length, step; } window;

/* Python's rules: negative positions count from the end, all are clamped. */
static scion_status slice_window(const scion_call *c, const slice_params *p, window *w) {
  const scion_tensor *x = c->in[0];
  SCION_TRY(scion__need_dims(c, 0, 1, SCION_MAX_DIMS));
  SCION_TRY(scion__check_dim(c->ctx, c->op->info.name, p->dim, x->n_dims, &w->dim));
  int64_t n = x->shape[w->dim], start = p->start, stop = p->stop == SCION_NONE ? n : p->stop;
  if (start < 0) start += n;
  if (stop < 0) stop += n;
  w->start = scion__max(0, scion__min(start, n));
  w->step = scion__min(p->step, scion__max(n, 1)); /* beyond that all steps are alike, and strides do not overflow */
  stop = scion__min(stop, n);
  w->length = stop > w->start ? (stop - w->start - 1) / w->step + 1 : 0;
  return SCION_OK;
}
static void windowed(scion_call *c, const window *w) {
  const scion_tensor *x = c->in[0];
  int64_t shape[SCION_MAX_DIMS];
  for (int32_t i = 0; i < x->n_dims; i++) shape[i] = i == w->dim ? w->length : x->shape[i];
  scion__out(c, 0, x->dtype, x->n_dims, shape);
}
static scion_status window_view(scion_context *ctx, scion_tensor *x, const window *w, scion_tensor **out) {
  int64_t shape[SCION_MAX_DIMS], strides[SCION_MAX_DIMS];
  for (int32_t i = 0; i < x->n_dims; i++) {
    shape[i] = i == w->dim ? w->length : x->shape[i];
    strides[i] = i == w->dim ? x->strides[i] * w->step : x->strides[i];
  }
  return scion__tensor_view(ctx, x, x->n_dims, shape, strides, w->length > 0 ? w->start * x->strides[w->dim] : 0, out);
}

typedef struct { int64_t dim, size, start, step; } embed_params;
static scion_tensor *embed(scion_x *x, scion_tensor *dy, int64_t dim, int64_t size, int64_t start, int64_t step) {
  embed_params p = { dim, size, start, step };
  return scion__x1(x, &scion__op_embed_slice, &p, dy);
}
static scion_status embed_infer(scion_call *c) {
  const embed_params *p = c->params;
  const scion_tensor *x = c->in[0];
  int64_t shape[SCION_MAX_DIMS];
  int32_t dim;
  SCION_TRY(scion__need_dims(c, 0, 1, SCION_MAX_DIMS));
  SCION_TRY(scion__check_dim(c->ctx, "embed_slice", p->dim, x->n_dims, &dim));
  int64_t n = x->shape[dim];
  if (p->start < 0 || p->step < 1 || p->size < 0 || (n > 0 && (p->start >= p->size || n - 1 > (p->size - 1 - p->start) / p->step))) {
    return SCION_OP_FAIL(c, SCION_EINDEX, "%lld elements from %lld with step %lld do not fit a dimension of %lld", (long long)n,
                         (long long)p->start, (long long)p->step, (long long)p->size);
  }
  for (int32_t i = 0; i < x->n_dims; i++) shape[i] = i == dim ? p->size : x->shape[i];
  scion__out(c, 0, x->dtype, x->n_dims, shape);
  return SCION_OK;
}
static scion_status embed_forward(scion_call *c) {
  const embed_params *p = c->params;
  const scion_tensor *x = c->in[0], *y = c->out[0];
  int32_t dim = (int32_t)(p->dim < 0 ? p->dim + x->n_dims : p->dim);
  int64_t strides[SCION_MAX_DIMS];
  scion_tensor *w;
  for (int32_t i = 0; i < x->n_dims; i++) strides[i] = i == dim ? y->strides[i] * p->step : y->strides[i];
  SCION_TRY(zeros_window(c, x->n_dims, x->shape, strides, x->numel > 0 ? p->start * y->strides[dim] : 0, &w));
  return fill_window(c, w, x);
}
static void embed_grad(scion_grad_call *g) {
  const embed_params *p = g->params;
  int64_t dim = p->dim < 0 ? p->dim + g->in[0]->n_dims : p->dim, n = g->in[0]->shape[dim];
  slice_params s = { dim, p->start, n > 0 ? p->start + (n - 1) * p->step + 1 : p->start, p->step };
  scion__g_set(g, 0, scion__x1(&g->x, &scion__op_slice, &s, g->dy[0]));
}
static const scion_param params_embed[] = {
  { "dim", SCION_P_INT, SCION_PF_REQUIRED | SCION_PF_INDEX, offsetof(embed_params, dim), .doc = "dimension" },
  { "size", SCION_P_INT, SCION_PF_REQUIRED, offsetof(embed_params, size), .doc = "its size in the result" },
  { "start", SCION_P_INT, SCION_PF_INDEX, offsetof(embed_params, start), .doc = "where the first element goes" },
  { "step", SCION_P_INT, 0, offsetof(embed_params, step), .def = 1, .min = 1, .max = 1e300, .doc = "distance of elements" } };
static const scion_sample samples_embed[] = { { "3x2", "dim=0 size=7 start=1 step=2" }, { "2x3", "dim=-1 size=3" } };
const scion_op scion__op_embed_slice = {
  .info = { "embed_slice", 1, SCION_OF_INTERNAL, "Zeros with x as a slice of one dimension: the gradient of slice.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_embed, embed_params) },
  .infer = embed_infer, .forward = embed_forward, .grad = embed_grad, SCION_SAMPLES(samples_embed) };

static scion_status slice_infer(scion_call *c) {
  window w;
  SCION_TRY(slice_window(c, c->params, &w));
  windowed(c, &w);
  return SCION_OK;
}
static scion_status slice_forward(scion_call *c) {
  window w;
  SCION_TRY(slice_window(c, c->params, &w));
  return window_view(c->ctx, c->in[0], &w, &c->out[0]);
}
static scion_tensor *slice_back(scion_grad_call *g, const slice_params *p, scion_tensor *dy) {
  const scion_tensor *in = g->in[0];
  int64_t dim = p->dim < 0 ? p->dim + in->n_dims : p->dim, n = in->shape[dim];
  int64_t start = scion__max(0, scion__min(p->start < 0 ? p->start + n : p->start, n));
  return embed(&g->x, dy, dim, n, start, p->step);
}
static void slice_grad(scion_grad_call *g) { scion__g_set(g, 0, slice_back(g, g->params, g->dy[0])); }
#define SLICE_PARAMS                                                                                                          \
  { "dim", SCION_P_INT, SCION_PF_REQUIRED | SCION_PF_INDEX, offsetof(slice_params, dim), .doc = "dimension" },                \
  { "start", SCION_P_INT, SCION_PF_INDEX, offsetof(slice_params, start), .doc = "first position" },                           \
  { "stop", SCION_P_INT, 0, offsetof(slice_params, stop), .def = (double)SCION_NONE,                                          \
    .doc = "elements before this count (the last position, 1-based); negative leaves as many out at the end; default all" }, \
  { "step", SCION_P_INT, 0, offsetof(slice_params, step), .def = 1, .min = 1, .max = 1e300, .doc = "take every step-th" }
static const scion_param params_slice[] = { SLICE_PARAMS };
static const scion_sample samples_slice[] = { { "5x2", "dim=0 start=1 stop=5 step=2" }, { "2x4", "dim=-1 start=-3" }, { "3", "dim=0 start=2 stop=1" } };
const scion_op scion__op_slice = {
  .info = { "slice", 1, SCION_OF_VIEW, "Every step-th position of one dimension from start to stop.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_slice, slice_params) },
  .infer = slice_infer, .forward = slice_forward, .grad = slice_grad, SCION_SAMPLES(samples_slice) };

/* ---- narrow, select ------------------------------------------------------------------------------------------ */

static scion_status narrow_window(const scion_call *c, window *w) {
  const scion__narrow_params *p = c->params;
  const scion_tensor *x = c->in[0];
  SCION_TRY(scion__need_dims(c, 0, 1, SCION_MAX_DIMS));
  SCION_TRY(scion__check_dim(c->ctx, "narrow", p->dim, x->n_dims, &w->dim));
  int64_t n = x->shape[w->dim], start = p->start < 0 ? p->start + n : p->start;
  if (start < 0 || start > n || p->length < 0 || p->length > n - start) {
    char t[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_EINDEX, "%lld elements after the first %lld do not lie in a dimension of %lld (x is %s)",
                         (long long)p->length, (long long)start, (long long)n, scion__tensor_brief(t, x));
  }
  w->start = start;
  w->length = p->length;
  w->step = 1;
  return SCION_OK;
}
static scion_status narrow_infer(scion_call *c) {
  window w;
  SCION_TRY(narrow_window(c, &w));
  windowed(c, &w);
  return SCION_OK;
}
static scion_status narrow_forward(scion_call *c) {
  window w;
  SCION_TRY(narrow_window(c, &w));
  return window_view(c->ctx, c->in[0], &w, &c->out[0]);
}
static void narrow_grad(scion_grad_call *g) {
  const scion__narrow_params *p = g->params;
  slice_params s = { p->dim, p->start, 0, 1 };
  scion__g_set(g, 0, slice_back(g, &s, g->dy[0]));
}
static const scion_param params_narrow[] = {
  { "dim", SCION_P_INT, SCION_PF_REQUIRED | SCION_PF_INDEX, offsetof(scion__narrow_params, dim), .doc = "dimension" },
  { "start", SCION_P_INT, SCION_PF_REQUIRED | SCION_PF_INDEX, offsetof(scion__narrow_params, start), .doc = "first position" },
  { "length", SCION_P_INT, SCION_PF_REQUIRED, offsetof(scion__narrow_params, length), .doc = "how many" } };
static const scion_sample samples_narrow[] = { { "4x3", "dim=0 start=1 length=2" }, { "2x5", "dim=1 start=-2 length=2" } };
const scion_op scion__op_narrow = {
  .info = { "narrow", 1, SCION_OF_VIEW, "`length` positions of one dimension.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_narrow, scion__narrow_params) },
  .infer = narrow_infer, .forward = narrow_forward, .grad = narrow_grad, SCION_SAMPLES(samples_narrow) };

typedef struct { int64_t dim, index; } select_params;
static scion_status select_window(const scion_call *c, window *w) {
  const select_params *p = c->params;
  const scion_tensor *x = c->in[0];
  SCION_TRY(scion__need_dims(c, 0, 1, SCION_MAX_DIMS));
  SCION_TRY(scion__check_dim(c->ctx, c->op->info.name, p->dim, x->n_dims, &w->dim));
  int64_t n = x->shape[w->dim];
  if (p->index < -n || p->index >= n) {
    char t[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_EINDEX, "index %lld (counted from 0) is out of range for a dimension of %lld (x is %s)",
                         (long long)p->index, (long long)n, scion__tensor_brief(t, x));
  }
  *w = (window){ w->dim, p->index < 0 ? p->index + n : p->index, 1, 1 };
  return SCION_OK;
}
static void selected(scion_call *c, const window *w, int64_t *strides) {
  const scion_tensor *x = c->in[0];
  int64_t shape[SCION_MAX_DIMS];
  int32_t n = 0;
  for (int32_t i = 0; i < x->n_dims; i++) {
    if (i == w->dim) continue;
    shape[n] = x->shape[i];
    strides[n++] = x->strides[i];
  }
  scion__out(c, 0, x->dtype, n, shape);
}
static scion_status select_infer(scion_call *c) {
  window w;
  int64_t strides[SCION_MAX_DIMS];
  SCION_TRY(select_window(c, &w));
  selected(c, &w, strides);
  return SCION_OK;
}
static scion_status select_forward(scion_call *c) {
  window w;
  int64_t strides[SCION_MAX_DIMS];
  SCION_TRY(select_window(c, &w));
  selected(c, &w, strides);
  return view_out(c, strides, c->in[0]->numel > 0 ? w.start * c->in[0]->strides[w.dim] : 0);
}
static void select_grad(scion_grad_call *g) {
  const select_params *p = g->params;
  int64_t dim = p->dim < 0 ? p->dim + g->in[0]->n_dims : p->dim;
  slice_params s = { dim, p->index, 0, 1 };
  scion__g_set(g, 0, slice_back(g, &s, x_unsqueeze(&g->x, g->dy[0], dim)));
}
#define SELECT_PARAMS                                                                                             \
  { "dim", SCION_P_INT, SCION_PF_REQUIRED | SCION_PF_INDEX, offsetof(select_params, dim), .doc = "dimension" },   \
  { "index", SCION_P_INT, SCION_PF_REQUIRED | SCION_PF_INDEX, offsetof(select_params, index), .doc = "position" }
static const scion_param params_select[] = { SELECT_PARAMS };
static const scion_sample samples_select[] = { { "4x3", "dim=0 index=1" }, { "2x5", "dim=1 index=-1" }, { "3", "dim=0 index=0" } };
const scion_op scion__op_select = {
  .info = { "select", 1, SCION_OF_VIEW, "One position of a dimension, which goes.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_select, select_params) },
  .infer = select_infer, .forward = select_forward, .grad = select_grad, SCION_SAMPLES(samples_select) };

/* ---- writing into a copy -------------------------------------------------------------------------------------- */

static const scion_slot slots_scatter[] = { { "x", 0, "tensor to copy" }, { "src", 0, "what goes into the window" } };

static scion_status scatter_infer(scion_call *c, const window *w, bool keeps_dim) {
  const scion_tensor *x = c->in[0], *src = c->in[1];
  int64_t shape[SCION_MAX_DIMS];
  int32_t n = 0;
  for (int32_t i = 0; i < x->n_dims; i++)
    if (i != w->dim || keeps_dim) shape[n++] = i == w->dim ? w->length : x->shape[i];
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  if (src->n_dims != n || memcmp(src->shape, shape, (size_t)n * sizeof *shape) != 0) {
    char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "src is %s, the window %s", scion__tensor_brief(a, src), scion__shape_text(b, n, shape));
  }
  scion__out(c, 0, x->dtype, x->n_dims, x->shape);
  return SCION_OK;
}
static scion_status scatter_forward(scion_call *c, const window *w) {
  scion_tensor *y = c->out[0], *view, *src;
  scion_status st = y != c->in[0] ? scion__tensor_copy_into(c->ctx, y, c->in[0]) : SCION_OK;
  if (st != SCION_OK) return st;
  SCION_TRY(window_view(c->ctx, y, w, &view));
  if (c->in[1]->n_dims == y->n_dims) return fill_window(c, view, c->in[1]);
  st = scion__tensor_packed(c->ctx, c->in[1], &src); /* select_scatter: the same elements without the dimension */
  if (st != SCION_OK) {
    scion_tensor_free(c->ctx, view);
    return st;
  }
  scion_tensor *same;
  st = scion__tensor_view(c->ctx, src, view->n_dims, view->shape, NULL, 0, &same);
  if (st == SCION_OK) {
    st = scion__tensor_copy_into(c->ctx, view, same);
    scion_tensor_free(c->ctx, same);
  }
  scion_tensor_free(c->ctx, src);
  scion_tensor_free(c->ctx, view);
  return st;
}
static scion_status slice_scatter_infer(scion_call *c) {
  window w;
  SCION_TRY(slice_window(c, c->params, &w));
  return scatter_infer(c, &w, true);
}
static scion_status slice_scatter_forward(scion_call *c) {
  window w;
  SCION_TRY(slice_window(c, c->params, &w));
  return scatter_forward(c, &w);
}
static void slice_scatter_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  if (g->needs[0]) {
    scion_tensor *zero = x_full(x, g->in[1]->dtype, g->in[1]->n_dims, g->in[1]->shape, 0);
    scion__g_set(g, 0, scion__x2(x, g->op, g->params, g->dy[0], zero));
  }
  if (g->needs[1]) scion__g_set(g, 1, scion__x1(x, g->op == &scion__op_slice_scatter ? &scion__op_slice : &scion__op_select, g->params, g->dy[0]));
}
static const scion_sample samples_slice_scatter[] = { { "5x2,2x2", "dim=0 start=1 stop=5 step=2" }, { "2x4,2x3", "dim=-1 start=-3" } };
const scion_op scion__op_slice_scatter = {
  .info = { "slice_scatter", 1, SCION_OF_INPLACE, "A copy of x with src written into a slice of it.", SCION_INPUTS(slots_scatter),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_slice, slice_params) },
  .infer = slice_scatter_infer, .forward = slice_scatter_forward, .grad = slice_scatter_grad, SCION_SAMPLES(samples_slice_scatter) };

static scion_status select_scatter_infer(scion_call *c) {
  window w;
  SCION_TRY(select_window(c, &w));
  return scatter_infer(c, &w, false);
}
static scion_status select_scatter_forward(scion_call *c) {
  window w;
  SCION_TRY(select_window(c, &w));
  return scatter_forward(c, &w);
}
static const scion_sample samples_select_scatter[] = { { "4x3,3", "dim=0 index=1" }, { "2x5,2", "dim=1 index=-1" } };
const scion_op scion__op_select_scatter = {
  .info = { "select_scatter", 1, SCION_OF_INPLACE, "A copy of x with src written to one position of a dimension.",
            SCION_INPUTS(slots_scatter), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_select, select_params) },
  .infer = select_scatter_infer, .forward = select_scatter_forward, .grad = slice_scatter_grad, SCION_SAMPLES(samples_select_scatter) };

/* ---- diagonals --------------------------------------------------------------------------------------------------- */

typedef struct { int64_t offset, dim1, dim2; } diagonal_params;
typedef struct { int32_t d1, d2; int64_t length, first; } diagonal_window; /* first: offset in elements */

static scion_status diagonal_of(const scion_call *c, const scion_tensor *x, const diagonal_params *p, diagonal_window *w) {
  SCION_TRY(scion__check_dim(c->ctx, c->op->info.name, p->dim1, x->n_dims, &w->d1));
  SCION_TRY(scion__check_dim(c->ctx, c->op->info.name, p->dim2, x->n_dims, &w->d2));
  if (w->d1 == w->d2) return SCION_OP_FAIL(c, SCION_EINVAL, "dim1 and dim2 are the same dimension");
  int64_t rows = x->shape[w->d1], cols = x->shape[w->d2];
  int64_t row = p->offset < 0 ? -p->offset : 0, col = p->offset > 0 ? p->offset : 0;
  w->length = scion__max(0, scion__min(rows - row, cols - col));
  w->first = w->length > 0 ? row * x->strides[w->d1] + col * x->strides[w->d2] : 0;
  return SCION_OK;
}
static int32_t diagonal_shape(const scion_tensor *x, const diagonal_window *w, int64_t *shape, int64_t *strides) {
  int32_t n = 0;
  for (int32_t i = 0; i < x->n_dims; i++) {
    if (i == w->d1 || i == w->d2) continue;
    shape[n] = x->shape[i];
    strides[n++] = x->strides[i];
  }
  shape[n] = w->length;
  strides[n++] = x->strides[w->d1] + x->strides[w->d2];
  return n;
}
static scion_status diagonal_run(scion_call *c, bool make) {
  diagonal_window w;
  int64_t shape[SCION_MAX_DIMS], strides[SCION_MAX_DIMS];
  SCION_TRY(scion__need_dims(c, 0, 2, SCION_MAX_DIMS));
  SCION_TRY(diagonal_of(c, c->in[0], c->params, &w));
  int32_t n = diagonal_shape(c->in[0], &w, shape, strides);
  scion__out(c, 0, c->in[0]->dtype, n, shape);
  return make ? view_out(c, strides, w.first) : SCION_OK;
}
static scion_status diagonal_infer(scion_call *c) { return diagonal_run(c, false); }
static scion_status diagonal_forward(scion_call *c) { return diagonal_run(c, true); }

typedef struct { int64_t offset, dim1, dim2, rows, cols; } embed_diagonal_params;
static void diagonal_grad(scion_grad_call *g) {
  const diagonal_params *p = g->params;
  const scion_tensor *in = g->in[0];
  int64_t d1 = p->dim1 < 0 ? p->dim1 + in->n_dims : p->dim1, d2 = p->dim2 < 0 ? p->dim2 + in->n_dims : p->dim2;
  embed_diagonal_params e = { p->offset, d1, d2, in->shape[d1], in->shape[d2] };
  scion__g_set(g, 0, scion__x1(&g->x, &scion__op_embed_diagonal, &e, g->dy[0]));
}
#define DIAGONAL_PARAMS(type, def1, def2)                                                                                              \
  { "offset", SCION_P_INT, 0, offsetof(type, offset), .doc = "0: the main diagonal; positive above, negative below it" },             \
  { "dim1", SCION_P_INT, SCION_PF_INDEX, offsetof(type, dim1), .def = def1, .doc = "dimension of rows" },                             \
  { "dim2", SCION_P_INT, SCION_PF_INDEX, offsetof(type, dim2), .def = def2, .doc = "dimension of columns" }
static const scion_param params_diagonal[] = { DIAGONAL_PARAMS(diagonal_params, 0, 1) };
static const scion_sample samples_diagonal[] = { { "3x4", "" }, { "3x4", "offset=-1" }, { "2x3x3", "offset=1 dim1=-1 dim2=1" } };
const scion_op scion__op_diagonal = {
  .info = { "diagonal", 1, SCION_OF_VIEW, "A diagonal of two dimensions, which become one at the end.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_diagonal, diagonal_params) },
  .infer = diagonal_infer, .forward = diagonal_forward, .grad = diagonal_grad, SCION_SAMPLES(samples_diagonal) };

static scion_status embed_diagonal_infer(scion_call *c) {
  const embed_diagonal_params *p = c->params;
  const scion_tensor *x = c->in[0];
  int64_t shape[SCION_MAX_DIMS];
  int32_t d1, d2, k = 0, n = x->n_dims + 1;
  SCION_TRY(scion__need_dims(c, 0, 1, SCION_MAX_DIMS - 1));
  SCION_TRY(scion__check_dim(c->ctx, c->op->info.name, p->dim1, n, &d1));
  SCION_TRY(scion__check_dim(c->ctx, c->op->info.name, p->dim2, n, &d2));
  if (d1 == d2) return SCION_OP_FAIL(c, SCION_EINVAL, "dim1 and dim2 are the same dimension");
  for (int32_t i = 0; i < n; i++) shape[i] = i == d1 ? p->rows : i == d2 ? p->cols : x->shape[k++];
  int64_t row = p->offset < 0 ? -p->offset : 0, col = p->offset > 0 ? p->offset : 0;
  int64_t length = scion__max(0, scion__min(p->rows - row, p->cols - col));
  if (length != x->shape[x->n_dims - 1]) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "a diagonal of %lld elements does not fit %lld rows and %lld columns",
                         (long long)x->shape[x->n_dims - 1], (long long)p->rows, (long long)p->cols);
  }
  scion__out(c, 0, x->dtype, n, shape);
  return SCION_OK;
}
static scion_status embed_diagonal_forward(scion_call *c) {
  const embed_diagonal_params *p = c->params;
  diagonal_params d = { p->offset, p->dim1, p->dim2 };
  diagonal_window w;
  int64_t shape[SCION_MAX_DIMS], strides[SCION_MAX_DIMS];
  scion_tensor *view;
  SCION_TRY(diagonal_of(c, c->out[0], &d, &w));
  int32_t n = diagonal_shape(c->out[0], &w, shape, strides);
  SCION_TRY(zeros_window(c, n, shape, strides, w.first, &view));
  return fill_window(c, view, c->in[0]);
}
static void embed_diagonal_grad(scion_grad_call *g) {
  const embed_diagonal_params *p = g->params;
  diagonal_params d = { p->offset, p->dim1, p->dim2 };
  scion__g_set(g, 0, scion__x1(&g->x, &scion__op_diagonal, &d, g->dy[0]));
}
static const scion_param params_embed_diagonal[] = {
  DIAGONAL_PARAMS(embed_diagonal_params, -2, -1),
  { "rows", SCION_P_INT, SCION_PF_REQUIRED, offsetof(embed_diagonal_params, rows), .min = 0, .max = 1e300, .doc = "size of dim1" },
  { "cols", SCION_P_INT, SCION_PF_REQUIRED, offsetof(embed_diagonal_params, cols), .min = 0, .max = 1e300, .doc = "size of dim2" } };
static const scion_sample samples_embed_diagonal[] = { { "2x3", "rows=3 cols=4" }, { "2", "offset=-1 rows=3 cols=2" } };
const scion_op scion__op_embed_diagonal = {
  .info = { "embed_diagonal", 1, SCION_OF_INTERNAL, "Zeros with x as a diagonal of two new dimensions: the gradient of diagonal.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_embed_diagonal, embed_diagonal_params) },
  .infer = embed_diagonal_infer, .forward = embed_diagonal_forward, .grad = embed_diagonal_grad, SCION_SAMPLES(samples_embed_diagonal) };

static scion_status diag_embed_infer(scion_call *c) {
  const diagonal_params *p = c->params;
  SCION_TRY(scion__need_dims(c, 0, 1, SCION_MAX_DIMS - 1));
  int64_t size = c->in[0]->shape[c->in[0]->n_dims - 1] + (p->offset < 0 ? -p->offset : p->offset);
  embed_diagonal_params e = { p->offset, p->dim1, p->dim2, size, size };
  scion_call inner = *c;
  inner.params = &e;
  scion_status st = embed_diagonal_infer(&inner);
  c->meta[0] = inner.meta[0];
  return st;
}
static void diag_embed_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const diagonal_params *p = c->params;
  int64_t size = c->in[0]->shape[c->in[0]->n_dims - 1] + (p->offset < 0 ? -p->offset : p->offset);
  embed_diagonal_params e = { p->offset, p->dim1, p->dim2, size, size };
  out[0] = scion__x1(x, &scion__op_embed_diagonal, &e, c->in[0]);
}
static const scion_param params_diag_embed[] = { DIAGONAL_PARAMS(diagonal_params, -2, -1) };
static const scion_sample samples_diag_embed[] = { { "2x3", "" }, { "3", "offset=1" }, { "2x2", "dim1=0 dim2=2" } };
const scion_op scion__op_diag_embed = {
  .info = { "diag_embed", 1, 0, "Square matrices with x's last dimension on a diagonal.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_diag_embed, diagonal_params) },
  .infer = diag_embed_infer, .compose = diag_embed_compose, SCION_SAMPLES(samples_diag_embed) };

typedef struct { int64_t diagonal; } diag_params;
static scion_status diag_infer(scion_call *c) {
  const diag_params *p = c->params;
  const scion_tensor *x = c->in[0];
  SCION_TRY(scion__need_dims(c, 0, 1, 2));
  diagonal_params d = { p->diagonal, 0, 1 };
  if (x->n_dims == 2) {
    diagonal_window w;
    SCION_TRY(diagonal_of(c, x, &d, &w));
    scion__out(c, 0, x->dtype, 1, &w.length);
  } else {
    int64_t size = x->shape[0] + (p->diagonal < 0 ? -p->diagonal : p->diagonal), shape[2] = { size, size };
    scion__out(c, 0, x->dtype, 2, shape);
  }
  return SCION_OK;
}
static void diag_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const diag_params *p = c->params;
  diagonal_params d = { p->diagonal, 0, 1 };
  if (c->in[0]->n_dims == 1) out[0] = scion__x1(x, &scion__op_diag_embed, &d, c->in[0]);
  else out[0] = scion__x1(x, &scion__op_clone, NULL, scion__x1(x, &scion__op_diagonal, &d, c->in[0]));
}
static const scion_param params_diag[] = {
  { "diagonal", SCION_P_INT, 0, offsetof(diag_params, diagonal), .doc = "0: the main diagonal; positive above, negative below it" } };
static const scion_sample samples_diag[] = { { "3", "" }, { "3x4", "diagonal=1" }, { "2", "diagonal=-1" } };
const scion_op scion__op_diag = {
  .info = { "diag", 1, 0, "A vector as a diagonal matrix; of a matrix its diagonal (a copy).", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_diag, diag_params) },
  .infer = diag_infer, .compose = diag_compose, SCION_SAMPLES(samples_diag) };

static scion_status trace_infer(scion_call *c) {
  SCION_TRY(scion__need_dims(c, 0, 2, 2));
  scion__out(c, 0, scion__is_float(c->in[0]->dtype) ? c->in[0]->dtype : SCION_I64, 0, NULL);
  return SCION_OK;
}
static void trace_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  out[0] = x_sum(x, scion__x1(x, &scion__op_diagonal, NULL, c->in[0]), 0, NULL, false);
}
static const scion_sample samples_trace[] = { { "3x4", "" } };
const scion_op scion__op_trace = {
  .info = { "trace", 1, 0, "Sum of a matrix's diagonal.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y) },
  .infer = trace_infer, .compose = trace_compose, SCION_SAMPLES(samples_trace) };

/* ---- overlapping windows ---------------------------------------------------------------------------------------- */

typedef struct { int64_t dim, size, step; } sliding_params;
static scion_status sliding_run(scion_call *c, bool make) {
  const sliding_params *p = c->params;
  const scion_tensor *x = c->in[0];
  int64_t shape[SCION_MAX_DIMS], strides[SCION_MAX_DIMS];
  int32_t dim;
  SCION_TRY(scion__need_dims(c, 0, 1, SCION_MAX_DIMS - 1));
  SCION_TRY(scion__check_dim(c->ctx, "sliding_window", p->dim, x->n_dims, &dim));
  if (p->size > x->shape[dim]) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "windows of %lld are longer than the dimension of %lld", (long long)p->size, (long long)x->shape[dim]);
  }
  for (int32_t i = 0; i < x->n_dims; i++) {
    shape[i] = i == dim ? (x->shape[i] - p->size) / p->step + 1 : x->shape[i];
    strides[i] = i == dim ? x->strides[i] * scion__min(p->step, scion__max(x->shape[i], 1)) : x->strides[i];
  }
  shape[x->n_dims] = p->size;
  strides[x->n_dims] = x->strides[dim];
  scion__out(c, 0, x->dtype, x->n_dims + 1, shape);
  if (!make) return SCION_OK;
  SCION_TRY(view_out(c, strides, 0));
  if (p->step < p->size) c->out[0]->expanded = true; /* elements repeat: no writing */
  return SCION_OK;
}
static scion_status sliding_infer(scion_call *c) { return sliding_run(c, false); }
static scion_status sliding_forward(scion_call *c) { return sliding_run(c, true); }
/* Each place k of the windows is a slice of x: add the slices. */
static void sliding_grad(scion_grad_call *g) {
  const sliding_params *p = g->params;
  scion_x *x = &g->x;
  const scion_tensor *in = g->in[0];
  int64_t dim = p->dim < 0 ? p->dim + in->n_dims : p->dim;
  scion_tensor *sum = NULL;
  for (int64_t k = 0; k < p->size && x->status == SCION_OK; k++) {
    select_params s = { in->n_dims, k };
    scion_tensor *one = embed(x, scion__x1(x, &scion__op_select, &s, g->dy[0]), dim, in->shape[dim], k, p->step);
    sum = sum == NULL ? one : x_add(x, sum, one);
  }
  if (sum == NULL) sum = x_full(x, g->dy[0]->dtype, in->n_dims, in->shape, 0);
  scion__g_set(g, 0, sum);
}
static const scion_param params_sliding[] = {
  { "dim", SCION_P_INT, SCION_PF_REQUIRED | SCION_PF_INDEX, offsetof(sliding_params, dim), .doc = "dimension" },
  { "size", SCION_P_INT, SCION_PF_REQUIRED, offsetof(sliding_params, size), .min = 0, .max = 1e300, .doc = "elements of a window" },
  { "step", SCION_P_INT, 0, offsetof(sliding_params, step), .def = 1, .min = 1, .max = 1e300, .doc = "distance of windows" } };
static const scion_sample samples_sliding[] = { { "6x2", "dim=0 size=3 step=2" }, { "5", "dim=0 size=2" } };
const scion_op scion__op_sliding_window = {
  .info = { "sliding_window", 1, SCION_OF_VIEW, "Overlapping windows of one dimension, as a new last one (torch's Tensor.unfold); read-only.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_sliding, sliding_params) },
  .infer = sliding_infer, .forward = sliding_forward, .grad = sliding_grad, SCION_SAMPLES(samples_sliding) };
