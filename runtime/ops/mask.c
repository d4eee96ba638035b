/* mask.c: elements chosen by a condition, and counting: masked_fill, masked_select, masked_scatter, nonzero,
 * one_hot, bincount, histc, isin. */
#include <math.h>

#include "index.h"

scion_status scion__true_positions(scion_context *ctx, scion_tensor *mask, scion_tensor **out) {
  scion_tensor *m, *flags = NULL;
  *out = NULL;
  if (mask->dtype == SCION_BOOL) {
    SCION_TRY(scion__tensor_packed(ctx, mask, &m));
  } else {
    SCION_TRY(scion__tensor_alloc(ctx, SCION_BOOL, mask->n_dims, mask->shape, &flags));
    scion__tensor_copy_into(ctx, flags, mask);
    m = flags;
  }
  const uint8_t *b = (const uint8_t *)m->data;
  int64_t n = 0, k = 0;
  for (int64_t i = 0; i < m->numel; i++) n += b[i] != 0;
  scion_status st = scion__tensor_alloc(ctx, SCION_I64, 1, &n, out);
  if (st == SCION_OK) {
    int64_t *at = (int64_t *)(void *)(*out)->data;
    for (int64_t i = 0; k < n; i++)
      if (b[i]) at[k++] = i;
  }
  scion_tensor_free(ctx, m);
  return st;
}
static scion_tensor *x_true_positions(scion_x *x, scion_tensor *mask) {
  scion_tensor *at = NULL;
  if (mask == NULL || x->status != SCION_OK) return NULL;
  x->status = scion__true_positions(x->ctx, mask, &at);
  return scion__x_own(x, at);
}
static scion_status need_mask(const scion_call *c, int32_t i) {
  return scion__need_dtype(c, i, "bool (compare, or convert with :to(\"bool\"))", c->in[i]->dtype == SCION_BOOL);
}
/* Shape of in[0] and in[1] broadcast. */
static scion_status broadcast_shape(const scion_call *c, scion_tensor *like) {
  const scion_tensor *a = c->in[0], *b = c->in[1];
  if (scion__broadcast(a->n_dims, a->shape, b->n_dims, b->shape, &like->n_dims, like->shape)) return SCION_OK;
  char ta[SCION_SHAPE_TEXT], tb[SCION_SHAPE_TEXT];
  return SCION_OP_FAIL(c, SCION_ESHAPE, "x %s and the mask %s do not broadcast together", scion__shape_text(ta, a->n_dims, a->shape),
                       scion__shape_text(tb, b->n_dims, b->shape));
}

/* ---- masked_fill, masked_select, masked_scatter ------------------------------------------------------------- */

static scion_status fill_infer(scion_call *c) {
  scion_tensor like = { 0 };
  SCION_TRY(need_mask(c, 1));
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  SCION_TRY(scion__need_same_dtype(c, 0, 2));
  SCION_TRY(scion__need_dims(c, 2, 0, 0));
  SCION_TRY(broadcast_shape(c, &like));
  scion__out(c, 0, c->in[0]->dtype, like.n_dims, like.shape);
  return SCION_OK;
}
static void fill_compose(scion_x *x, const scion_call *c, scion_tensor **out) { out[0] = x_where(x, c->in[1], c->in[2], c->in[0]); }
static const scion_slot slots_fill[] = { { "x", 0, "input" }, { "mask", 0, "bool, broadcasts with x" }, { "value", SCION_SF_NUMBER, "a number" } };
static const scion_sample samples_fill[] = { { "3x4,3x4:b,s", "" }, { "3x4,4:b,s", "" } };
const scion_op scion__op_masked_fill = {
  .info = { "masked_fill", 1, SCION_OF_INPLACE, "x with a number where the mask is true.", SCION_INPUTS(slots_fill), SCION_OUTPUTS(scion__slots_y) },
  .infer = fill_infer, .compose = fill_compose, SCION_SAMPLES(samples_fill) };

static scion_status select_infer(scion_call *c) {
  scion_tensor like = { 0 };
  SCION_TRY(need_mask(c, 1));
  return broadcast_shape(c, &like);
}
static void select_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor like = { 0 };
  int64_t flat = -1;
  x->status = broadcast_shape(c, &like);
  if (x->status != SCION_OK) return;
  scion_tensor *at = x_true_positions(x, x_expand_like(x, c->in[1], &like)), *a = x_expand_like(x, c->in[0], &like);
  if (like.n_dims != 1) a = x_reshape(x, a, 1, &flat);
  out[0] = scion__x_index_select(x, a, at, 0, 0);
}
static const scion_slot slots_select[] = { { "x", 0, "input" }, { "mask", 0, "bool, broadcasts with x" } };
static const scion_sample samples_select[] = { { "3x4,3x4:b", "" }, { "3x4,4:b", "" } };
const scion_op scion__op_masked_select = {
  .info = { "masked_select", 1, SCION_OF_DYNAMIC, "The elements where the mask is true, in row-major order: (n).", SCION_INPUTS(slots_select),
            SCION_OUTPUTS(scion__slots_y) },
  .infer = select_infer, .compose = select_compose, SCION_SAMPLES(samples_select) };

static scion_status scatter_infer(scion_call *c) {
  scion_tensor like = { 0 };
  SCION_TRY(need_mask(c, 1));
  SCION_TRY(scion__need_same_dtype(c, 0, 2));
  SCION_TRY(broadcast_shape(c, &like));
  if (!scion__same_shape(&like, c->in[0])) {
    char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "the mask %s is larger than x %s", scion__tensor_brief(a, c->in[1]), scion__tensor_brief(b, c->in[0]));
  }
  return scion__infer_same(c);
}
static void scatter_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  int64_t flat = -1;
  scion_tensor *a = c->in[0], *at = x_true_positions(x, x_expand_like(x, c->in[1], a)), *src = c->in[2];
  if (at == NULL) return;
  if (at->numel > src->numel) {
    x->status = SCION_OP_FAIL(c, SCION_ESHAPE, "the mask is true %lld times, but source has only %lld elements", (long long)at->numel, (long long)src->numel);
    return;
  }
  scion__index_params p = { 0, 0 };
  src = x_narrow(x, x_reshape(x, src, 1, &flat), 0, 0, at->numel);
  out[0] = x_reshape_like(x, scion__x3(x, &scion__op_scatter, &p, x_reshape(x, a, 1, &flat), at, src), a);
}
static const scion_slot slots_scatter[] = { { "x", 0, "input" }, { "mask", 0, "bool, broadcasts to x" }, { "source", 0, "at least as many elements as the mask has true ones" } };
static const scion_sample samples_scatter[] = { { "3x4,3x4:b,12", "" }, { "3x2,2:b,2x3", "" } };
const scion_op scion__op_masked_scatter = {
  .info = { "masked_scatter", 1, SCION_OF_INPLACE, "x with the elements where the mask is true replaced by those of source, in row-major order.",
            SCION_INPUTS(slots_scatter), SCION_OUTPUTS(scion__slots_y) },
  .infer = scatter_infer, .compose = scatter_compose, SCION_SAMPLES(samples_scatter) };

/* ---- nonzero ---------------------------------------------------------------------------------------------------- */

typedef struct { int64_t base; } base_params;
static scion_status nonzero_infer(scion_call *c) { return scion__need_dtype(c, 0, "a compute type", true); }
static scion_status nonzero_forward(scion_call *c) {
  const base_params *p = c->params;
  const scion_tensor *t = c->in[0];
  scion_tensor *at;
  SCION_TRY(scion__true_positions(c->ctx, c->in[0], &at));
  scion_status st = scion__tensor_alloc(c->ctx, SCION_I64, 2, (int64_t[]){ at->numel, t->n_dims }, &c->out[0]);
  if (st == SCION_OK) {
    const int64_t *from = (const int64_t *)(const void *)at->data;
    int64_t *to = (int64_t *)(void *)c->out[0]->data;
    for (int64_t i = 0; i < at->numel; i++) {
      int64_t rest = from[i];
      for (int32_t d = t->n_dims - 1; d >= 0; d--) {
        to[i * t->n_dims + d] = rest % t->shape[d] + p->base;
        rest /= t->shape[d];
      }
    }
  }
  scion_tensor_free(c->ctx, at);
  return st;
}
static const scion_param params_base[] = { SCION_BASE_PARAM(base_params) };
static const scion_sample samples_nonzero[] = { { "3x4:b", "" }, { "2x2x2:i<2", "" } };
const scion_op scion__op_nonzero = {
  .info = { "nonzero", 1, SCION_OF_DYNAMIC | SCION_OF_INDICES | SCION_OF_NO_GRAD, "The indices of the elements that are not zero: (n, dimensions), i64.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_base, base_params) },
  .infer = nonzero_infer, .forward = nonzero_forward, SCION_SAMPLES(samples_nonzero) };

/* ---- counting ---------------------------------------------------------------------------------------------------- */

typedef struct { int64_t base, n; } count_params;
static scion_status largest_id(const scion_call *c, const scion_tensor *ids, int64_t *largest) {
  const count_params *p = c->params;
  *largest = p->base - 1;
  for (int64_t i = 0; i < ids->numel; i++) {
    int64_t id = scion__load_id(ids->data, ids->dtype, i);
    if (id < p->base) {
      return SCION_OP_FAIL(c, SCION_EINDEX, "%s holds %lld at position %lld; ids start at %lld%s", scion__slot_name(c, 0), (long long)id,
                           (long long)(i + p->base), (long long)p->base, p->base == 1 ? " (for 0-based data pass base = 0)" : "");
    }
    *largest = scion__max(*largest, id);
  }
  if (*largest > INT64_C(1) << 40) {
    int64_t id = *largest;
    *largest = p->base - 1;
    return SCION_OP_FAIL(c, SCION_EINDEX, "%s holds %lld, which is too large to count up to", scion__slot_name(c, 0), (long long)id);
  }
  return SCION_OK;
}
static scion_status one_hot_infer(scion_call *c) {
  SCION_TRY(scion__need_int(c, 0));
  return scion__need_dims(c, 0, 0, SCION_MAX_DIMS - 1);
}
static scion_status one_hot_forward(scion_call *c) {
  const count_params *p = c->params;
  scion_tensor *ids;
  int64_t largest, n, shape[SCION_MAX_DIMS];
  SCION_TRY(scion__packed_in(c, 0, &ids));
  scion_status st = largest_id(c, ids, &largest);
  n = p->n >= 0 ? p->n : largest - p->base + 1;
  if (st == SCION_OK && largest - p->base >= n) {
    st = SCION_OP_FAIL(c, SCION_EINDEX, "ids holds %lld, but num_classes is %lld: valid are %lld..%lld", (long long)largest, (long long)n,
                       (long long)p->base, (long long)(n - 1 + p->base));
  }
  for (int32_t d = 0; d < ids->n_dims; d++) shape[d] = ids->shape[d];
  shape[ids->n_dims] = n;
  if (st == SCION_OK) st = scion__tensor_alloc(c->ctx, SCION_I64, ids->n_dims + 1, shape, &c->out[0]);
  if (st == SCION_OK) {
    int64_t *y = (int64_t *)(void *)c->out[0]->data;
    memset(y, 0, (size_t)c->out[0]->numel * sizeof *y);
    for (int64_t i = 0; i < ids->numel; i++) y[i * n + scion__load_id(ids->data, ids->dtype, i) - p->base] = 1;
  }
  scion_tensor_free(c->ctx, ids);
  return st;
}
static const scion_param params_one_hot[] = {
  { "num_classes", SCION_P_INT, 0, offsetof(count_params, n), .def = -1, .min = -1, .max = 1e12, .doc = "default: the largest id" }, SCION_BASE_PARAM(count_params) };
static const scion_slot slots_ids[] = { { "ids", 0, "i32 or i64, any shape" } };
static const scion_sample samples_one_hot[] = { { "5:i<4", "num_classes=4" }, { "2x3:j<3", "" } };
const scion_op scion__op_one_hot = {
  .info = { "one_hot", 1, SCION_OF_DYNAMIC | SCION_OF_NO_GRAD, "A row of zeros with a 1 at the id, for every id: ids' shape + (num_classes), i64.",
            SCION_INPUTS(slots_ids), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_one_hot, count_params) },
  .infer = one_hot_infer, .forward = one_hot_forward, SCION_SAMPLES(samples_one_hot) };

static scion_status bincount_infer(scion_call *c) {
  SCION_TRY(scion__need_int(c, 0));
  SCION_TRY(scion__need_dims(c, 0, 1, 1));
  if (scion__opt(c, 1) == NULL) return SCION_OK;
  SCION_TRY(scion__need_float(c, 1));
  if (scion__same_shape(c->in[0], c->in[1])) return SCION_OK;
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  return SCION_OP_FAIL(c, SCION_ESHAPE, "weights %s must have the shape of ids %s", scion__tensor_brief(a, c->in[1]), scion__tensor_brief(b, c->in[0]));
}
static scion_status bincount_forward(scion_call *c) {
  const count_params *p = c->params;
  scion_tensor *ids, *w = NULL;
  int64_t largest;
  SCION_TRY(scion__packed_in(c, 0, &ids));
  scion_status st = largest_id(c, ids, &largest);
  if (st == SCION_OK && scion__opt(c, 1) != NULL) st = scion__packed_in(c, 1, &w);
  int64_t n = scion__max(p->n, largest - p->base + 1);
  if (st == SCION_OK) st = scion__tensor_alloc(c->ctx, w != NULL ? w->dtype : SCION_I64, 1, &n, &c->out[0]);
  if (st == SCION_OK) {
    char *y = c->out[0]->data;
    memset(y, 0, (size_t)n * scion_dtype_size((scion_dtype)c->out[0]->dtype));
    for (int64_t i = 0; i < ids->numel; i++) {
      int64_t k = scion__load_id(ids->data, ids->dtype, i) - p->base;
      if (w == NULL) ((int64_t *)(void *)y)[k]++;
      else scion__store(y, w->dtype, k, scion__load(y, w->dtype, k) + scion__load(w->data, w->dtype, i));
    }
  }
  scion_tensor_free(c->ctx, w);
  scion_tensor_free(c->ctx, ids);
  return st;
}
static const scion_param params_bincount[] = {
  { "minlength", SCION_P_INT, 0, offsetof(count_params, n), .def = 0, .min = 0, .max = 1e12, .doc = "at least so many counts" }, SCION_BASE_PARAM(count_params) };
static const scion_slot slots_bincount[] = { { "ids", 0, "(n)" }, { "weights", SCION_SF_OPTIONAL, "(n): added instead of 1" } };
static const scion_sample samples_bincount[] = { { "6:i<4", "" }, { "6:i<4,6!", "minlength=6" } };
const scion_op scion__op_bincount = {
  .info = { "bincount", 1, SCION_OF_DYNAMIC | SCION_OF_NO_GRAD, "How often each id occurs (or the sum of its weights).", SCION_INPUTS(slots_bincount),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_bincount, count_params) },
  .infer = bincount_infer, .forward = bincount_forward, SCION_SAMPLES(samples_bincount) };

typedef struct { int64_t bins; double min, max; } histc_params;
static scion_status histc_infer(scion_call *c) {
  const histc_params *p = c->params;
  SCION_TRY(scion__need_float(c, 0));
  if (!(p->min <= p->max) || !isfinite(p->min) || !isfinite(p->max)) return SCION_OP_FAIL(c, SCION_EINVAL, "the range %g..%g is empty or infinite", p->min, p->max);
  scion__out(c, 0, c->in[0]->dtype, 1, &p->bins);
  return SCION_OK;
}
static scion_status histc_forward(scion_call *c) {
  const histc_params *p = c->params;
  scion_tensor *x;
  double lo = p->min, hi = p->max;
  SCION_TRY(scion__packed_in(c, 0, &x));
  memset(c->out[0]->data, 0, (size_t)p->bins * scion_dtype_size((scion_dtype)x->dtype));
  if (lo == hi && x->numel > 0) { /* the range of the data */
    lo = INFINITY, hi = -INFINITY;
    for (int64_t i = 0; i < x->numel; i++) {
      double v = scion__load(x->data, x->dtype, i);
      if (v < lo) lo = v;
      if (v > hi) hi = v;
    }
    if (lo == hi) lo -= 1, hi += 1;
  }
  scion_status st = isfinite(lo) && isfinite(hi) ? SCION_OK : x->numel == 0 ? SCION_OK : SCION_OP_FAIL(c, SCION_EINVAL,
      "the data range %g..%g is not finite; give min and max", lo, hi);
  for (int64_t i = 0; st == SCION_OK && i < x->numel; i++) {
    double v = scion__load(x->data, x->dtype, i);
    if (!(v >= lo && v <= hi)) continue;
    int64_t k = scion__min((int64_t)((v - lo) / (hi - lo) * (double)p->bins), p->bins - 1);
    scion__store(c->out[0]->data, x->dtype, k, scion__load(c->out[0]->data, x->dtype, k) + 1);
  }
  scion_tensor_free(c->ctx, x);
  return st;
}
static const scion_param params_histc[] = { { "bins", SCION_P_INT, 0, offsetof(histc_params, bins), .def = 100, .min = 1, .max = 1e9, .doc = "intervals" },
  { "min", SCION_P_FLOAT, 0, offsetof(histc_params, min), .doc = "lower end; min = max: the range of x" }, { "max", SCION_P_FLOAT, 0,
      offsetof(histc_params, max), .doc = "upper end" } };
static const scion_sample samples_histc[] = { { "20!", "bins=5" }, { "20!", "bins=4 min=-1 max=1" } };
const scion_op scion__op_histc = {
  .info = { "histc", 1, SCION_OF_NO_GRAD, "How many elements fall into each of `bins` equal intervals of min..max; others are left out.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_histc, histc_params) },
  .infer = histc_infer, .forward = histc_forward, SCION_SAMPLES(samples_histc) };

static scion_status isin_infer(scion_call *c) {
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  scion__out(c, 0, SCION_BOOL, c->in[0]->n_dims, c->in[0]->shape);
  return SCION_OK;
}
static void isin_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *a = c->in[0], *set = c->in[1];
  int64_t flat = -1;
  if (set->numel == 0) {
    out[0] = x_full(x, SCION_BOOL, a->n_dims, a->shape, 0);
    return;
  }
  scion_tensor *sorted = X1(sort, x_reshape(x, set, 1, &flat)), *at = X2(searchsorted, sorted, x_reshape(x, a, 1, &flat));
  at = X2(minimum, at, x_scalar(x, SCION_I64, (double)(set->numel - 1)));
  out[0] = x_reshape_like(x, X2(eq, scion__x_index_select(x, sorted, at, 0, 0), x_reshape(x, a, 1, &flat)), a);
}
static const scion_slot slots_isin[] = { { "x", 0, "input" }, { "values", 0, "any shape" } };
static const scion_sample samples_isin[] = { { "6:i<4,2:i<4", "" } };
const scion_op scion__op_isin = {
  .info = { "isin", 1, SCION_OF_NO_GRAD, "Whether each element of x is among values: bool.", SCION_INPUTS(slots_isin), SCION_OUTPUTS(scion__slots_y) },
  .infer = isin_infer, .compose = isin_compose, SCION_SAMPLES(samples_isin) };
