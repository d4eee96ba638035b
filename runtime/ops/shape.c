/* shape.c: the same elements under another shape: reshape, permute and their kin. All are views wherever
 * strides allow it (reshape, flatten, unflatten and contiguous copy otherwise). Any element type. */
#include "op.h"
#include "params.h"

static scion_status view_out(scion_call *c, const int64_t *strides) {
  return scion__tensor_view(c->ctx, c->in[0], c->meta[0].n_dims, c->meta[0].shape, strides, 0, &c->out[0]);
}

/* ---- reshape ------------------------------------------------------------------------------------- */

/* Strides under which t's elements, in row-major order, have the new shape; false where none exist. */
static bool reshape_strides(const scion_tensor *t, int32_t n, const int64_t *shape, int64_t *strides) {
  int64_t old_shape[SCION_MAX_DIMS], old_strides[SCION_MAX_DIMS];
  int32_t m = 0, i = 0, k = 0;
  for (int32_t d = 0; d < t->n_dims; d++) {
    if (t->shape[d] == 1) continue;
    old_shape[m] = t->shape[d];
    old_strides[m++] = t->strides[d];
  }
  while (i < m && k < n) { /* blocks of old and new dimensions with equal products */
    int64_t p = old_shape[i], q = shape[k];
    int32_t i_end = i + 1, k_end = k + 1;
    while (p != q) {
      if (p < q) p *= old_shape[i_end++];
      else q *= shape[k_end++];
    }
    for (int32_t d = i; d + 1 < i_end; d++)
      if (old_strides[d] != old_strides[d + 1] * old_shape[d + 1]) return false;
    int64_t stride = old_strides[i_end - 1];
    for (int32_t d = k_end - 1; d >= k; d--) {
      strides[d] = stride;
      stride *= shape[d];
    }
    i = i_end;
    k = k_end;
  }
  for (; k < n; k++) strides[k] = 1; /* trailing ones */
  return true;
}

static scion_status reshape_forward(scion_call *c) {
  scion_tensor *x = c->in[0];
  int64_t strides[SCION_MAX_DIMS];
  if (x->contiguous) return view_out(c, NULL);
  if (reshape_strides(x, c->meta[0].n_dims, c->meta[0].shape, strides)) return view_out(c, strides);
  scion_tensor *packed;
  SCION_TRY(scion__tensor_packed(c->ctx, x, &packed));
  scion_status st = scion__tensor_view(c->ctx, packed, c->meta[0].n_dims, c->meta[0].shape, NULL, 0, &c->out[0]);
  scion_tensor_free(c->ctx, packed);
  return st;
}

static scion_status reshape_to(scion_call *c, int32_t n, const int64_t *wanted) {
  const scion_tensor *x = c->in[0];
  char from[SCION_SHAPE_TEXT], to[SCION_SHAPE_TEXT];
  int64_t shape[SCION_MAX_DIMS], known = 1;
  int32_t hole = -1;
  bool fits = n >= 0 && n <= SCION_MAX_DIMS;
  if (!fits) return SCION_OP_FAIL(c, SCION_ESHAPE, "%d dimensions wanted, at most %d are possible", n, SCION_MAX_DIMS);
  for (int32_t i = 0; i < n; i++) {
    shape[i] = wanted[i];
    if (shape[i] == -1) {
      if (hole >= 0) return SCION_OP_FAIL(c, SCION_ESHAPE, "only one size may be -1, got %s", scion__shape_text(to, n, wanted));
      hole = i;
    } else if (shape[i] < 0) {
      return SCION_OP_FAIL(c, SCION_ESHAPE, "size %lld in %s; sizes are -1 (the rest) or not negative", (long long)shape[i],
                           scion__shape_text(to, n, wanted));
    } else if (scion__mul_overflow(known, shape[i], &known)) {
      fits = false;
      break;
    }
  }
  if (fits && hole >= 0) {
    if (known == 0) {
      return SCION_OP_FAIL(c, SCION_ESHAPE, "the -1 in %s is ambiguous beside a size of 0", scion__shape_text(to, n, wanted));
    }
    shape[hole] = x->numel / known;
    known *= shape[hole];
  }
  if (!fits || known != x->numel) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "%s has %lld elements, which do not fit %s", scion__tensor_brief(from, x),
                         (long long)x->numel, scion__shape_text(to, n, wanted));
  }
  scion__out(c, 0, x->dtype, n, shape);
  return SCION_OK;
}
static scion_status reshape_infer(scion_call *c) {
  const scion__reshape_params *p = c->params;
  return reshape_to(c, p->shape.n, p->shape.v);
}
static void reshape_grad(scion_grad_call *g) { scion__g_set(g, 0, x_reshape_like(&g->x, g->dy[0], g->in[0])); }

static const scion_param params_reshape[] = {
  { "shape", SCION_P_INTS, SCION_PF_REQUIRED | SCION_PF_VARARGS, offsetof(scion__reshape_params, shape),
    .doc = "sizes; one may be -1 and takes what is left" } };
static const scion_sample samples_reshape[] = { { "3x4", "shape=2,-1" }, { "2x3", "shape=6" }, { "1", "shape=1,1" } };
const scion_op scion__op_reshape = {
  .info = { "reshape", 1, SCION_OF_VIEW, "The same elements in another shape; a view when strides allow it, else a copy.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_reshape, scion__reshape_params) },
  .infer = reshape_infer, .forward = reshape_forward, .grad = reshape_grad, SCION_SAMPLES(samples_reshape) };

static scion_status contiguous_infer(scion_call *c) {
  scion__out(c, 0, c->in[0]->dtype, c->in[0]->n_dims, c->in[0]->shape);
  return SCION_OK;
}
static scion_status contiguous_forward(scion_call *c) {
  if (c->in[0]->contiguous) return view_out(c, NULL);
  return scion__tensor_packed(c->ctx, c->in[0], &c->out[0]);
}
static void same_grad(scion_grad_call *g) { scion__g_set(g, 0, g->dy[0]); }
static const scion_sample samples_any[] = { { "3x4", "" } };
const scion_op scion__op_contiguous = {
  .info = { "contiguous", 1, SCION_OF_VIEW, "x itself when packed in row-major order, else a packed copy.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y) },
  .infer = contiguous_infer, .forward = contiguous_forward, .grad = same_grad, SCION_SAMPLES(samples_any) };

typedef struct { int64_t start_dim, end_dim; } flatten_params;
static scion_status flatten_infer(scion_call *c) {
  const scion_tensor *x = c->in[0];
  const flatten_params *p = c->params;
  int32_t a, b, n = 0;
  int64_t shape[SCION_MAX_DIMS], product = 1;
  SCION_TRY(scion__check_dim(c->ctx, "flatten", p->start_dim, x->n_dims, &a));
  SCION_TRY(scion__check_dim(c->ctx, "flatten", p->end_dim, x->n_dims, &b));
  if (a > b) return SCION_OP_FAIL(c, SCION_EINVAL, "start_dim lies behind end_dim (%d dimensions)", x->n_dims);
  for (int32_t i = 0; i < a; i++) shape[n++] = x->shape[i];
  for (int32_t i = a; i <= b && i < x->n_dims; i++) product *= x->shape[i];
  shape[n++] = product;
  for (int32_t i = b + 1; i < x->n_dims; i++) shape[n++] = x->shape[i];
  scion__out(c, 0, x->dtype, n, shape);
  return SCION_OK;
}
static const scion_param params_flatten[] = {
  { "start_dim", SCION_P_INT, SCION_PF_INDEX, offsetof(flatten_params, start_dim), .def = 0, .doc = "first dimension to join" },
  { "end_dim", SCION_P_INT, SCION_PF_INDEX, offsetof(flatten_params, end_dim), .def = -1, .doc = "last dimension to join" } };
static const scion_sample samples_flatten[] = { { "2x3x2", "" }, { "2x3x2", "start_dim=1" }, { "2x2x3", "end_dim=-2" }, { "s", "" } };
const scion_op scion__op_flatten = {
  .info = { "flatten", 1, SCION_OF_VIEW, "Joins dimensions start_dim .. end_dim into one.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_flatten, flatten_params) },
  .infer = flatten_infer, .forward = reshape_forward, .grad = reshape_grad, SCION_SAMPLES(samples_flatten) };

typedef struct { int64_t dim; scion_ints sizes; } unflatten_params;
static scion_status unflatten_infer(scion_call *c) {
  const scion_tensor *x = c->in[0];
  const unflatten_params *p = c->params;
  int32_t dim, n = 0;
  int64_t shape[SCION_MAX_DIMS + SCION_MAX_INTS], known = 1, hole = -1;
  char sizes[SCION_SHAPE_TEXT * 2];
  SCION_TRY(scion__check_dim(c->ctx, "unflatten", p->dim, x->n_dims, &dim));
  if (x->n_dims == 0) return scion__need_dims(c, 0, 1, SCION_MAX_DIMS);
  if (p->sizes.n < 1 || p->sizes.n + x->n_dims - 1 > SCION_MAX_DIMS) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "%d sizes given for one of %d dimensions, 1..%d are possible", p->sizes.n, x->n_dims,
                         SCION_MAX_DIMS + 1 - x->n_dims);
  }
  for (int32_t i = 0; i < dim; i++) shape[n++] = x->shape[i];
  for (int32_t i = 0; i < p->sizes.n; i++) {
    int64_t size = p->sizes.v[i];
    if (size == -1 && hole < 0) hole = n;
    else if (size < 0 || scion__mul_overflow(known, size, &known)) known = -1;
    shape[n++] = size;
    if (known < 0) break;
  }
  if (hole >= 0) {
    shape[hole] = known > 0 ? x->shape[dim] / known : 0;
    known = known > 0 ? known * shape[hole] : -1; /* -1 beside 0 is ambiguous */
  }
  if (known != x->shape[dim]) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "sizes %s do not multiply to the dimension's %lld",
                         scion__shape_text(sizes, (int32_t)scion__min(p->sizes.n, SCION_MAX_DIMS), p->sizes.v), (long long)x->shape[dim]);
  }
  for (int32_t i = dim + 1; i < x->n_dims; i++) shape[n++] = x->shape[i];
  scion__out(c, 0, x->dtype, n, shape);
  return SCION_OK;
}
static const scion_param params_unflatten[] = {
  { "dim", SCION_P_INT, SCION_PF_REQUIRED | SCION_PF_INDEX, offsetof(unflatten_params, dim), .doc = "dimension to split" },
  { "sizes", SCION_P_INTS, SCION_PF_REQUIRED, offsetof(unflatten_params, sizes), .doc = "its new sizes; one may be -1" } };
static const scion_sample samples_unflatten[] = { { "2x6", "dim=1 sizes=2,-1" }, { "6", "dim=-1 sizes=3,2" } };
const scion_op scion__op_unflatten = {
  .info = { "unflatten", 1, SCION_OF_VIEW, "Splits one dimension into several.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_unflatten, unflatten_params) },
  .infer = unflatten_infer, .forward = reshape_forward, .grad = reshape_grad, SCION_SAMPLES(samples_unflatten) };

static const scion_slot slots_like[] = { { "x", 0, "input" }, { "other", 0, "tensor whose shape is taken" } };
static scion_status reshape_as_infer(scion_call *c) { return reshape_to(c, c->in[1]->n_dims, c->in[1]->shape); }
static const scion_sample samples_reshape_as[] = { { "3x4,2x6!", "" } };
const scion_op scion__op_reshape_as = {
  .info = { "reshape_as", 1, SCION_OF_VIEW, "x in the shape of another tensor.", SCION_INPUTS(slots_like), SCION_OUTPUTS(scion__slots_y) },
  .infer = reshape_as_infer, .forward = reshape_forward, .grad = reshape_grad, SCION_SAMPLES(samples_reshape_as) };

/* ---- order of dimensions ---------------------------------------------------------------------------- */

static scion_status permuted(scion_call *c, const int32_t *order, bool make) {
  const scion_tensor *x = c->in[0];
  int64_t shape[SCION_MAX_DIMS], strides[SCION_MAX_DIMS];
  for (int32_t i = 0; i < x->n_dims; i++) {
    shape[i] = x->shape[order[i]];
    strides[i] = x->strides[order[i]];
  }
  scion__out(c, 0, x->dtype, x->n_dims, shape);
  return make ? view_out(c, strides) : SCION_OK;
}

static scion_status permute_order(scion_call *c, int32_t *order) {
  const scion__permute_params *p = c->params;
  int32_t n = c->in[0]->n_dims;
  bool seen[SCION_MAX_DIMS] = { false };
  if (p->dims.n != n) {
    return SCION_OP_FAIL(c, SCION_EINVAL, "%d dimensions given, the tensor has %d", (int)scion__max(p->dims.n, 0), n);
  }
  for (int32_t i = 0; i < n; i++) {
    SCION_TRY(scion__check_dim(c->ctx, "permute", p->dims.v[i], n, &order[i]));
    if (seen[order[i]]) return SCION_OP_FAIL(c, SCION_EINVAL, "dims names a dimension twice; each of the %d must come once", n);
    seen[order[i]] = true;
  }
  return SCION_OK;
}
static scion_status permute_infer(scion_call *c) {
  int32_t order[SCION_MAX_DIMS];
  SCION_TRY(permute_order(c, order));
  return permuted(c, order, false);
}
static scion_status permute_forward(scion_call *c) {
  int32_t order[SCION_MAX_DIMS];
  SCION_TRY(permute_order(c, order));
  return permuted(c, order, true);
}
static void permute_grad(scion_grad_call *g) {
  const scion__permute_params *p = g->params;
  int64_t inverse[SCION_MAX_DIMS];
  int32_t n = p->dims.n;
  for (int32_t i = 0; i < n; i++) inverse[p->dims.v[i] < 0 ? p->dims.v[i] + n : p->dims.v[i]] = i;
  scion__g_set(g, 0, x_permute(&g->x, g->dy[0], n, inverse));
}
static const scion_param params_permute[] = {
  { "dims", SCION_P_INTS, SCION_PF_REQUIRED | SCION_PF_VARARGS | SCION_PF_INDEX, offsetof(scion__permute_params, dims),
    .doc = "for each new dimension the old one" } };
static const scion_sample samples_permute[] = { { "2x3x4", "dims=2,0,1" }, { "2x3", "dims=-1,0" } };
const scion_op scion__op_permute = {
  .info = { "permute", 1, SCION_OF_VIEW, "Dimensions in another order.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_permute, scion__permute_params) },
  .infer = permute_infer, .forward = permute_forward, .grad = permute_grad, SCION_SAMPLES(samples_permute) };

static scion_status exchanged(scion_call *c, int64_t dim0, int64_t dim1, bool make) {
  int32_t order[SCION_MAX_DIMS], a, b;
  SCION_TRY(scion__check_dim(c->ctx, c->op->info.name, dim0, c->in[0]->n_dims, &a));
  SCION_TRY(scion__check_dim(c->ctx, c->op->info.name, dim1, c->in[0]->n_dims, &b));
  for (int32_t i = 0; i < c->in[0]->n_dims; i++) order[i] = i == a ? b : i == b ? a : i;
  return permuted(c, order, make);
}
static scion_status transpose_infer(scion_call *c) {
  const scion__transpose_params *p = c->params;
  return exchanged(c, p->dim0, p->dim1, false);
}
static scion_status transpose_forward(scion_call *c) {
  const scion__transpose_params *p = c->params;
  return exchanged(c, p->dim0, p->dim1, true);
}
static void transpose_grad(scion_grad_call *g) {
  const scion__transpose_params *p = g->params;
  scion__g_set(g, 0, x_transpose(&g->x, g->dy[0], p->dim0, p->dim1));
}
static const scion_param params_transpose[] = {
  { "dim0", SCION_P_INT, SCION_PF_REQUIRED | SCION_PF_INDEX, offsetof(scion__transpose_params, dim0), .doc = "one dimension" },
  { "dim1", SCION_P_INT, SCION_PF_REQUIRED | SCION_PF_INDEX, offsetof(scion__transpose_params, dim1), .doc = "the other" } };
static const scion_sample samples_transpose[] = { { "2x3x4", "dim0=0 dim1=2" }, { "2x3", "dim0=-1 dim1=-2" } };
const scion_op scion__op_transpose = {
  .info = { "transpose", 1, SCION_OF_VIEW, "Two dimensions exchanged.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_transpose, scion__transpose_params) },
  .infer = transpose_infer, .forward = transpose_forward, .grad = transpose_grad, SCION_SAMPLES(samples_transpose) };
const scion_op scion__op_swapaxes = {
  .info = { "swapaxes", 1, SCION_OF_VIEW, "Two dimensions exchanged (as transpose).", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_transpose, scion__transpose_params) },
  .infer = transpose_infer, .forward = transpose_forward, .grad = transpose_grad, SCION_SAMPLES(samples_transpose) };

static scion_status t_infer(scion_call *c) {
  SCION_TRY(scion__need_dims(c, 0, 0, 2));
  return c->in[0]->n_dims == 2 ? exchanged(c, 0, 1, false) : contiguous_infer(c);
}
static scion_status t_forward(scion_call *c) {
  return c->in[0]->n_dims == 2 ? exchanged(c, 0, 1, true) : view_out(c, c->in[0]->strides);
}
static void t_grad(scion_grad_call *g) {
  scion__g_set(g, 0, g->in[0]->n_dims == 2 ? x_transpose(&g->x, g->dy[0], 0, 1) : g->dy[0]);
}
static const scion_sample samples_t[] = { { "2x3", "" }, { "3", "" } };
const scion_op scion__op_t = {
  .info = { "t", 1, SCION_OF_VIEW, "A matrix transposed; fewer dimensions stay as they are.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y) },
  .infer = t_infer, .forward = t_forward, .grad = t_grad, SCION_SAMPLES(samples_t) };

typedef struct { scion_ints source, destination; } movedim_params;
static scion_status movedim_order(scion_call *c, int32_t *order) {
  const movedim_params *p = c->params;
  int32_t n = c->in[0]->n_dims;
  bool moved[SCION_MAX_DIMS] = { false };
  if (p->source.n != p->destination.n || p->source.n > n) {
    return SCION_OP_FAIL(c, SCION_EINVAL, "source names %d dimensions and destination %d; they must be as many, at most %d",
                         p->source.n, p->destination.n, n);
  }
  for (int32_t i = 0; i < n; i++) order[i] = -1;
  for (int32_t i = 0; i < p->source.n; i++) {
    int32_t from, to;
    SCION_TRY(scion__check_dim(c->ctx, "movedim", p->source.v[i], n, &from));
    SCION_TRY(scion__check_dim(c->ctx, "movedim", p->destination.v[i], n, &to));
    if (moved[from] || order[to] >= 0) return SCION_OP_FAIL(c, SCION_EINVAL, "a dimension is named twice");
    moved[from] = true;
    order[to] = from;
  }
  int32_t next = 0;
  for (int32_t i = 0; i < n; i++) {
    if (order[i] >= 0) continue;
    while (moved[next]) next++;
    order[i] = next++;
  }
  return SCION_OK;
}
static scion_status movedim_infer(scion_call *c) {
  int32_t order[SCION_MAX_DIMS];
  SCION_TRY(movedim_order(c, order));
  return permuted(c, order, false);
}
static scion_status movedim_forward(scion_call *c) {
  int32_t order[SCION_MAX_DIMS];
  SCION_TRY(movedim_order(c, order));
  return permuted(c, order, true);
}
static void movedim_grad(scion_grad_call *g) {
  const movedim_params *p = g->params;
  movedim_params back = { p->destination, p->source };
  scion__g_set(g, 0, scion__x1(&g->x, &scion__op_movedim, &back, g->dy[0]));
}
static const scion_param params_movedim[] = {
  { "source", SCION_P_INTS, SCION_PF_REQUIRED | SCION_PF_INDEX, offsetof(movedim_params, source), .doc = "dimensions to move" },
  { "destination", SCION_P_INTS, SCION_PF_REQUIRED | SCION_PF_INDEX, offsetof(movedim_params, destination), .doc = "where they go" } };
static const scion_sample samples_movedim[] = { { "2x3x4", "source=0 destination=2" }, { "2x3x4", "source=-1,0 destination=0,1" } };
const scion_op scion__op_movedim = {
  .info = { "movedim", 1, SCION_OF_VIEW, "Dimensions moved to other places; the rest keep their order.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_movedim, movedim_params) },
  .infer = movedim_infer, .forward = movedim_forward, .grad = movedim_grad, SCION_SAMPLES(samples_movedim) };

/* ---- dimensions of size 1 ----------------------------------------------------------------------------- */

typedef struct { scion_ints dim; } squeeze_params;
static scion_status squeezed(scion_call *c, bool make) {
  const squeeze_params *p = c->params;
  const scion_tensor *x = c->in[0];
  bool drop[SCION_MAX_DIMS] = { false };
  int64_t shape[SCION_MAX_DIMS], strides[SCION_MAX_DIMS];
  int32_t n = 0;
  for (int32_t i = 0; i < p->dim.n; i++) {
    int32_t d;
    SCION_TRY(scion__check_dim(c->ctx, "squeeze", p->dim.v[i], x->n_dims, &d));
    drop[d] = true;
  }
  for (int32_t i = 0; i < x->n_dims; i++) {
    if (x->shape[i] == 1 && (p->dim.n < 0 || drop[i])) continue;
    shape[n] = x->shape[i];
    strides[n++] = x->strides[i];
  }
  scion__out(c, 0, x->dtype, n, shape);
  return make ? view_out(c, strides) : SCION_OK;
}
static scion_status squeeze_infer(scion_call *c) { return squeezed(c, false); }
static scion_status squeeze_forward(scion_call *c) { return squeezed(c, true); }
static const scion_param params_squeeze[] = {
  { "dim", SCION_P_INTS, SCION_PF_INDEX | SCION_PF_VARARGS, offsetof(squeeze_params, dim), .def_ints = { .n = -1 },
    .doc = "dimensions to drop where their size is 1; default all such" } };
static const scion_sample samples_squeeze[] = { { "1x3x1", "" }, { "1x3x1", "dim=-1" }, { "2x3", "dim=0" } };
const scion_op scion__op_squeeze = {
  .info = { "squeeze", 1, SCION_OF_VIEW, "Without dimensions of size 1.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_squeeze, squeeze_params) },
  .infer = squeeze_infer, .forward = squeeze_forward, .grad = reshape_grad, SCION_SAMPLES(samples_squeeze) };

static scion_status unsqueezed(scion_call *c, bool make) {
  const scion__dim_params *p = c->params;
  const scion_tensor *x = c->in[0];
  int64_t shape[SCION_MAX_DIMS + 1], strides[SCION_MAX_DIMS + 1];
  int32_t dim;
  if (x->n_dims == SCION_MAX_DIMS) return SCION_OP_FAIL(c, SCION_ESHAPE, "the tensor has %d dimensions already, the most possible", SCION_MAX_DIMS);
  SCION_TRY(scion__check_dim(c->ctx, "unsqueeze", p->dim, x->n_dims + 1, &dim));
  for (int32_t i = 0, k = 0; i <= x->n_dims; i++) {
    shape[i] = i == dim ? 1 : x->shape[k];
    strides[i] = i == dim ? 1 : x->strides[k];
    if (i != dim) k++;
  }
  scion__out(c, 0, x->dtype, x->n_dims + 1, shape);
  return make ? view_out(c, strides) : SCION_OK;
}
static scion_status unsqueeze_infer(scion_call *c) { return unsqueezed(c, false); }
static scion_status unsqueeze_forward(scion_call *c) { return unsqueezed(c, true); }
static const scion_param params_unsqueeze[] = {
  { "dim", SCION_P_INT, SCION_PF_REQUIRED | SCION_PF_INDEX, offsetof(scion__dim_params, dim), .doc = "place of the new dimension" } };
static const scion_sample samples_unsqueeze[] = { { "2x3", "dim=1" }, { "2x3", "dim=-1" }, { "s", "dim=0" } };
const scion_op scion__op_unsqueeze = {
  .info = { "unsqueeze", 1, SCION_OF_VIEW, "With a new dimension of size 1.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_unsqueeze, scion__dim_params) },
  .infer = unsqueeze_infer, .forward = unsqueeze_forward, .grad = reshape_grad, SCION_SAMPLES(samples_unsqueeze) };

/* ---- repetition without copying ------------------------------------------------------------------------- */

static scion_status expand_to(scion_call *c, int32_t n, const int64_t *wanted) {
  const scion_tensor *x = c->in[0];
  int32_t lead = n - x->n_dims;
  int64_t shape[SCION_MAX_DIMS];
  char from[SCION_SHAPE_TEXT], to[SCION_SHAPE_TEXT];
  bool fits = lead >= 0 && n <= SCION_MAX_DIMS;
  for (int32_t i = 0; fits && i < n; i++) {
    shape[i] = wanted[i];
    if (shape[i] == -1 && i >= lead) shape[i] = x->shape[i - lead];
    fits = shape[i] >= 0 && (i < lead || x->shape[i - lead] == 1 || x->shape[i - lead] == shape[i]);
  }
  if (!fits) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "%s cannot be expanded to %s (only dimensions of size 1 and new leading ones grow)",
                         scion__tensor_brief(from, x), scion__shape_text(to, (int32_t)scion__min(n, SCION_MAX_DIMS), wanted));
  }
  scion__out(c, 0, x->dtype, n, shape);
  return SCION_OK;
}
static scion_status expand_infer(scion_call *c) {
  const scion__reshape_params *p = c->params;
  return expand_to(c, p->shape.n, p->shape.v);
}
static scion_status expand_as_infer(scion_call *c) { return expand_to(c, c->in[1]->n_dims, c->in[1]->shape); }
static scion_status expand_forward(scion_call *c) {
  const scion_tensor *x = c->in[0];
  int32_t n = c->meta[0].n_dims, lead = n - x->n_dims;
  int64_t strides[SCION_MAX_DIMS];
  for (int32_t i = 0; i < n; i++)
    strides[i] = i < lead || (x->shape[i - lead] == 1 && c->meta[0].shape[i] != 1) ? 0 : x->strides[i - lead];
  return view_out(c, strides);
}
static void expand_grad(scion_grad_call *g) { scion__g_set(g, 0, x_sum_to(&g->x, g->dy[0], g->in[0])); }
static const scion_param params_expand[] = {
  { "shape", SCION_P_INTS, SCION_PF_REQUIRED | SCION_PF_VARARGS, offsetof(scion__reshape_params, shape),
    .doc = "sizes; -1 keeps the old one" } };
static const scion_sample samples_expand[] = { { "3x1", "shape=3,4" }, { "3x1", "shape=2,-1,4" }, { "s", "shape=2,2" } };
const scion_op scion__op_expand = {
  .info = { "expand", 1, SCION_OF_VIEW, "Dimensions of size 1 repeated without copying; the result is read-only.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_expand, scion__reshape_params) },
  .infer = expand_infer, .forward = expand_forward, .grad = expand_grad, SCION_SAMPLES(samples_expand) };
const scion_op scion__op_broadcast_to = {
  .info = { "broadcast_to", 1, SCION_OF_VIEW, "x repeated to a shape by NumPy's rules (as expand).", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_expand, scion__reshape_params) },
  .infer = expand_infer, .forward = expand_forward, .grad = expand_grad, SCION_SAMPLES(samples_expand) };
static const scion_sample samples_expand_as[] = { { "3x1,2x3x4!", "" } };
const scion_op scion__op_expand_as = {
  .info = { "expand_as", 1, SCION_OF_VIEW, "x expanded to the shape of another tensor.", SCION_INPUTS(slots_like),
            SCION_OUTPUTS(scion__slots_y) },
  .infer = expand_as_infer, .forward = expand_forward, .grad = expand_grad, SCION_SAMPLES(samples_expand_as) };
