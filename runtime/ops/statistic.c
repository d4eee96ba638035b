/* statistic.c: var, std, norm and kin over lists of dimensions, logsumexp, quantile; comparisons with tolerance;
 * cov, corrcoef, diff, trapezoid, nan_to_num. */
#include <math.h>

#include "index.h"

static scion_tensor *reduce1(scion_x *x, const scion_op *op, scion_tensor *a, const scion_ints *dims, bool keepdim) {
  scion__reduce_params p = { *dims, keepdim };
  return scion__x1(x, op, &p, a);
}

/* ---- var, std ---------------------------------------------------------------------------------------------- */

typedef struct { scion_ints dims; double correction; int32_t keepdim; } var_params;
static scion_status var_infer(scion_call *c) {
  const var_params *p = c->params;
  bool reduced[SCION_MAX_DIMS];
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__reduce_dims(c, &p->dims, reduced));
  scion__reduce_shape(c, 0, c->in[0]->dtype, reduced, p->keepdim != 0);
  if (c->n_out > 1) scion__reduce_shape(c, 1, c->in[0]->dtype, reduced, p->keepdim != 0);
  return SCION_OK;
}
/* Two passes: the mean in f64, then the squares of the differences to it. */
static scion_status var_forward(scion_call *c) {
  const var_params *p = c->params;
  scion_tensor *y = c->out[0];
  bool reduced[SCION_MAX_DIMS], root = c->op == &scion__op_std;
  scion_reduction plan;
  SCION_TRY(scion__reduce_dims(c, &p->dims, reduced));
  SCION_TRY(scion__reduce_plan(c, c->in[0], reduced, &plan));
  int64_t n = plan.n_results;
  scion_acc few[SCION_FEW_ACC], start = { .f = 0 };
  size_t bytes = (size_t)scion__max(n, 1) * sizeof(double);
  scion_acc *acc = scion__acc_new(c->ctx, n, few);
  double *mean = scion__alloc(c->ctx, bytes);
  scion_status st = acc == NULL || mean == NULL ? SCION_ENOMEM : scion__reduce_run(c->ctx, &plan, SCION_R_sum, start, NULL, acc);
  if (st == SCION_OK) {
    for (int64_t i = 0; i < n; i++) mean[i] = acc[i].f / (double)plan.n_reduced;
    st = scion__reduce_run(c->ctx, &plan, SCION_R_sqdiff, start, mean, acc);
  }
  if (st == SCION_OK) {
    double count = (double)plan.n_reduced - p->correction; /* 0 gives NaN, as in PyTorch */
    if (count < 0) count = 0;
    for (int64_t i = 0; i < n; i++) {
      double v = acc[i].f / count;
      scion__store(y->data, y->dtype, i, root ? sqrt(v) : v);
    }
  }
  if (mean != NULL) scion__free(c->ctx, mean, bytes);
  if (acc != NULL) scion__acc_free(c->ctx, n, few, acc);
  scion__reduce_done(c->ctx, &plan);
  return st;
}
/* d var = 2 (x - mean) / (n - correction); d std = (x - mean) / ((n - correction) std). */
static void var_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  const var_params *p = g->params;
  scion_tensor *a = g->in[0];
  double n = (double)scion__reduced_count(a, &p->dims) - p->correction;
  scion_tensor *off = x_sub(x, a, reduce1(x, &scion__op_mean, a, &p->dims, true));
  scion_tensor *dy = g->dy[0];
  if (g->op == &scion__op_std) { /* all elements equal: no direction, gradient 0 */
    scion_tensor *y = g->out[0], *flat = X2(eq, y, x_scalar(x, y->dtype, 0));
    dy = x_where(x, flat, x_scalar(x, y->dtype, 0), x_div(x, dy, x_muls(x, x_where(x, flat, x_scalar(x, y->dtype, 1), y), 2)));
  }
  scion__g_set(g, 0, x_mul(x, scion__x_spread(x, x_muls(x, dy, 2 / n), a, &p->dims), off));
}
static const scion_param params_var[] = {
  { "dim", SCION_P_INTS, SCION_PF_INDEX, offsetof(var_params, dims), .def_ints = { .n = -1 }, .doc = "dimension or list of dimensions; default all" },
  { "correction", SCION_P_FLOAT, 0, offsetof(var_params, correction), .def = 1, .doc = "divides by n - correction: 1 unbiased, 0 of the whole population" },
  { "keepdim", SCION_P_BOOL, 0, offsetof(var_params, keepdim), .doc = "keep reduced dimensions with size 1" } };
static const scion_sample samples_var[] = { { "3x4", "" }, { "2x3x4", "dim=0,2" }, { "2x3", "dim=1 keepdim=true correction=0" } };
const scion_op scion__op_var = {
  .info = { "var", 1, 0, "Variance over dimensions, default all.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_var, var_params) },
  .infer = var_infer, .forward = var_forward, .grad = var_grad, .keeps = SCION_KEEP_IN(0), SCION_SAMPLES(samples_var) };
const scion_op scion__op_std = {
  .info = { "std", 1, 0, "Standard deviation over dimensions, default all.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_var, var_params) },
  .infer = var_infer, .forward = var_forward, .grad = var_grad, .keeps = SCION_KEEP_IN(0) | SCION_KEEP_OUT(0), SCION_SAMPLES(samples_var) };
static void var_mean_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const var_params *p = c->params;
  out[0] = scion__x1(x, c->op == &scion__op_std_mean ? &scion__op_std : &scion__op_var, p, c->in[0]);
  out[1] = reduce1(x, &scion__op_mean, c->in[0], &p->dims, p->keepdim != 0);
}
static const scion_slot slots_var_mean[] = { { "spread", 0, "variance or standard deviation" }, { "mean", 0, "mean" } };
const scion_op scion__op_var_mean = {
  .info = { "var_mean", 1, 0, "var and mean.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(slots_var_mean), SCION_PARAMS(params_var, var_params) },
  .infer = var_infer, .compose = var_mean_compose, SCION_SAMPLES(samples_var) };
const scion_op scion__op_std_mean = {
  .info = { "std_mean", 1, 0, "std and mean.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(slots_var_mean), SCION_PARAMS(params_var, var_params) },
  .infer = var_infer, .compose = var_mean_compose, SCION_SAMPLES(samples_var) };

/* ---- norm ---------------------------------------------------------------------------------------------------- */

typedef struct { double p; scion_ints dims; int32_t keepdim; } norm_params;
static scion_status norm_infer(scion_call *c) {
  const norm_params *p = c->params;
  bool reduced[SCION_MAX_DIMS];
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__reduce_dims(c, &p->dims, reduced));
  scion__reduce_shape(c, 0, c->in[0]->dtype, reduced, p->keepdim != 0);
  return SCION_OK;
}
static scion_status norm_forward(scion_call *c) { /* p = 2 */
  const norm_params *p = c->params;
  scion_tensor *y = c->out[0];
  bool reduced[SCION_MAX_DIMS];
  scion_reduction plan;
  SCION_TRY(scion__reduce_dims(c, &p->dims, reduced));
  SCION_TRY(scion__reduce_plan(c, c->in[0], reduced, &plan));
  scion_acc few[SCION_FEW_ACC], start = { .f = 0 }, *acc = scion__acc_new(c->ctx, plan.n_results, few);
  scion_status st = acc == NULL ? SCION_ENOMEM : scion__reduce_run(c->ctx, &plan, SCION_R_sumsq, start, NULL, acc);
  for (int64_t i = 0; st == SCION_OK && i < plan.n_results; i++) scion__store(y->data, y->dtype, i, sqrt(acc[i].f));
  if (acc != NULL) scion__acc_free(c->ctx, plan.n_results, few, acc);
  scion__reduce_done(c->ctx, &plan);
  return st;
}
/* dx = dy x / norm, 0 where the norm is 0. */
static void norm_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  const norm_params *p = g->params;
  scion_tensor *y = g->out[0], *zero = x_scalar(x, y->dtype, 0), *apart = X2(gt, y, zero);
  scion_tensor *safe = x_where(x, apart, y, x_scalar(x, y->dtype, 1)), *factor = x_where(x, apart, x_div(x, g->dy[0], safe), zero);
  scion__g_set(g, 0, x_mul(x, g->in[0], scion__x_spread(x, factor, g->in[0], &p->dims)));
}
static const scion_param params_norm[] = {
  { "p", SCION_P_FLOAT, 0, offsetof(norm_params, p), .def = 2, .doc = "order: 0 counts nonzeros, inf and -inf are extremes" },
  { "dim", SCION_P_INTS, SCION_PF_INDEX, offsetof(norm_params, dims), .def_ints = { .n = -1 }, .doc = "dimension or list of dimensions; default all" },
  { "keepdim", SCION_P_BOOL, 0, offsetof(norm_params, keepdim), .doc = "keep reduced dimensions with size 1" } };
static const scion_sample samples_norm2[] = { { "3x4", "" }, { "2x3x4", "dim=0,2" }, { "2x3", "dim=1 keepdim=true" } };
static const scion_sample samples_norm[] = { { "3x4", "" }, { "2x3x4", "dim=0,2 p=1" }, { "2x3", "dim=1 keepdim=true p=3" }, { "2x3:d", "p=inf" }, { "2x3:d", "p=-inf dim=0" },
                                             { "2x3!", "p=0" } };
const scion_op scion__op_norm2 = {
  .info = { "norm2", 1, SCION_OF_INTERNAL, "norm with p = 2.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_norm, norm_params) },
  .infer = norm_infer, .forward = norm_forward, .grad = norm_grad, .keeps = SCION_KEEP_IN(0) | SCION_KEEP_OUT(0), SCION_SAMPLES(samples_norm2) };
static void norm_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const norm_params *p = c->params;
  scion_tensor *a = c->in[0];
  if (p->p == 2) {
    out[0] = scion__x1(x, &scion__op_norm2, p, a);
  } else if (p->p == 0) {
    out[0] = x_to(x, reduce1(x, &scion__op_count_nonzero, a, &p->dims, p->keepdim != 0), a->dtype);
  } else if (isinf(p->p)) {
    out[0] = reduce1(x, p->p > 0 ? &scion__op_amax : &scion__op_amin, X1(abs, a), &p->dims, p->keepdim != 0);
  } else if (p->p == 1) {
    out[0] = reduce1(x, &scion__op_sum, X1(abs, a), &p->dims, p->keepdim != 0);
  } else {
    scion_tensor *sum = reduce1(x, &scion__op_sum, X2(pow, X1(abs, a), x_scalar(x, a->dtype, p->p)), &p->dims, p->keepdim != 0);
    out[0] = X2(pow, sum, x_scalar(x, a->dtype, 1 / p->p));
  }
}
const scion_op scion__op_norm = {
  .info = { "norm", 1, 0, "(sum |x|^p)^(1/p) over dimensions, default all.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_norm, norm_params) },
  .infer = norm_infer, .compose = norm_compose, SCION_SAMPLES(samples_norm) };

typedef struct { double p; } dist_params;
static scion_status dist_infer(scion_call *c) {
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__infer_broadcast(c));
  scion__out(c, 0, c->in[0]->dtype, 0, NULL);
  return SCION_OK;
}
static void dist_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  norm_params p = { ((const dist_params *)c->params)->p, { .n = -1 }, 0 };
  out[0] = scion__x1(x, &scion__op_norm, &p, x_sub(x, c->in[0], c->in[1]));
}
static const scion_param params_dist[] = { { "p", SCION_P_FLOAT, 0, offsetof(dist_params, p), .def = 2, .doc = "order" } };
static const scion_slot slots_two[] = { { "a", 0, "input" }, { "b", 0, "broadcasts with a" } };
static const scion_sample samples_dist[] = { { "3x4,3x4", "" }, { "3x4,4", "p=1" } };
const scion_op scion__op_dist = {
  .info = { "dist", 1, 0, "norm of a - b.", SCION_INPUTS(slots_two), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_dist, dist_params) },
  .infer = dist_infer, .compose = dist_compose, SCION_SAMPLES(samples_dist) };

/* ---- renorm: slices along dim scaled down to a norm of at most maxnorm ------------------------------------------- */

typedef struct { double p; int64_t dim; double maxnorm; } renorm_params;
static scion_status renorm_infer(scion_call *c) {
  int32_t dim;
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__need_dims(c, 0, 2, SCION_MAX_DIMS));
  SCION_TRY(scion__index_dim(c, ((const renorm_params *)c->params)->dim, &dim));
  return scion__infer_same(c);
}
static void renorm_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const renorm_params *r = c->params;
  scion_tensor *a = c->in[0];
  norm_params p = { r->p, { .n = 0 }, 1 };
  for (int32_t d = 0; d < a->n_dims; d++)
    if (d != scion__wrap_dim(r->dim, a->n_dims)) p.dims.v[p.dims.n++] = d;
  scion_tensor *norm = scion__x1(x, &scion__op_norm, &p, a), *limit = x_scalar(x, a->dtype, r->maxnorm), *one = x_scalar(x, a->dtype, 1);
  scion_tensor *over = X2(gt, norm, limit), *safe = x_where(x, over, norm, one);
  out[0] = x_mul(x, a, x_where(x, over, x_div(x, limit, x_adds(x, safe, 1e-7)), one));
}
static const scion_param params_renorm[] = { { "p", SCION_P_FLOAT, SCION_PF_REQUIRED, offsetof(renorm_params, p), .def = 2, .doc = "order of the norm" },
  SCION_DIM_PARAM(renorm_params, SCION_PF_REQUIRED, 0, "slices are taken along it"),
  { "maxnorm", SCION_P_FLOAT, SCION_PF_REQUIRED, offsetof(renorm_params, maxnorm), .def = 1, .doc = "largest norm" } };
static const scion_sample samples_renorm[] = { { "3x4", "p=2 dim=0 maxnorm=1" }, { "2x3x2", "p=1 dim=1 maxnorm=2" } };
const scion_op scion__op_renorm = {
  .info = { "renorm", 1, SCION_OF_INPLACE, "Slices along dim whose p-norm is above maxnorm, scaled down to it.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_renorm, renorm_params) },
  .infer = renorm_infer, .compose = renorm_compose, SCION_SAMPLES(samples_renorm) };

/* ---- logsumexp, logcumsumexp ------------------------------------------------------------------------------------------ */

static scion_status float_reduce_infer(scion_call *c) {
  SCION_TRY(scion__need_float(c, 0));
  return scion__reduce_infer(c, c->in[0]->dtype);
}
static void logsumexp_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const scion__reduce_params *p = c->params;
  scion_tensor *a = c->in[0];
  if (a->numel == 0) {
    out[0] = X1(log, reduce1(x, &scion__op_sum, a, &p->dims, p->keepdim != 0));
    return;
  }
  scion_tensor *top = x_detach(x, reduce1(x, &scion__op_amax, x_detach(x, a), &p->dims, true));
  top = x_where(x, X1(isfinite, top), top, x_scalar(x, a->dtype, 0)); /* all -inf stays -inf, inf stays inf */
  scion_tensor *wide = scion__x_spread(x, top, a, &p->dims);
  scion_tensor *sum = reduce1(x, &scion__op_sum, X1(exp, x_sub(x, a, wide)), &p->dims, p->keepdim != 0);
  out[0] = x_add(x, X1(log, sum), x_reshape_like(x, top, sum));
}
static const scion_sample samples_logsumexp[] = { { "3x4", "" }, { "2x3x4", "dim=0,2" }, { "2x3", "dim=1 keepdim=true" } };
const scion_op scion__op_logsumexp = {
  .info = { "logsumexp", 1, 0, "log(sum(exp(x))) over dimensions, default all, without overflow.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(scion__params_reduce, scion__reduce_params) },
  .infer = float_reduce_infer, .compose = logsumexp_compose, SCION_SAMPLES(samples_logsumexp) };

/* ---- quantile ------------------------------------------------------------------------------------------------------------ */

static const char *const interpolations[] = { "linear", "lower", "higher", "nearest", "midpoint", NULL };
typedef struct { int64_t dim; int32_t keepdim, how; } quantile_params;
static scion_status quantile_infer(scion_call *c) {
  const quantile_params *p = c->params;
  const scion_tensor *x = c->in[0], *q = c->in[1];
  int64_t shape[SCION_MAX_DIMS + 1];
  int32_t n = 0, dim = 0;
  char t[SCION_SHAPE_TEXT];
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  SCION_TRY(scion__need_dims(c, 1, 0, 1));
  if (p->dim != SCION_NONE) SCION_TRY(scion__index_dim(c, p->dim, &dim));
  if (x->numel == 0) return SCION_OP_FAIL(c, SCION_ESHAPE, "%s is empty", scion__tensor_brief(t, x));
  if (q->n_dims == 1) shape[n++] = q->numel;
  for (int32_t d = 0; d < x->n_dims; d++) {
    bool goes = p->dim == SCION_NONE || d == dim;
    if (!goes) shape[n++] = x->shape[d];
    else if (p->keepdim) shape[n++] = 1;
  }
  if (n > SCION_MAX_DIMS) return SCION_OP_FAIL(c, SCION_ESHAPE, "the result would have %d dimensions", n);
  scion__out(c, 0, x->dtype, n, shape);
  return SCION_OK;
}
static void quantile_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const quantile_params *p = c->params;
  scion_tensor *a = c->in[0], *q = c->in[1], *parts[64];
  int64_t dim = p->dim, flat = -1;
  if (dim == SCION_NONE) {
    a = x_reshape(x, a, 1, &flat);
    dim = 0;
  }
  if (a == NULL) return;
  if (a->n_dims == 0) a = x_unsqueeze(x, a, 0);
  struct { int64_t k, dim, base; int32_t flag, sorted, keepdim; } order = { 0, dim, 0, 0, 1, 0 };
  scion_tensor *sorted = scion__x1(x, &scion__op_sort, &order, a);
  if (sorted == NULL) return;
  int64_t d = scion__wrap_dim(dim, a->n_dims), n = a->shape[d];
  scion__reduce_params any = { { 1, { d } }, 1 };
  scion_tensor *nan = scion__x1(x, &scion__op_any, &any, X1(isnan, a));
  if (q->numel > 64) {
    x->status = SCION_OP_FAIL(c, SCION_EINVAL, "q has %lld elements, at most 64 are possible in one call", (long long)q->numel);
    return;
  }
  for (int64_t i = 0; i < q->numel; i++) {
    double v = 0;
    if (x->status == SCION_OK) x->status = scion_tensor_get(x->ctx, q, &i, &v);
    if (x->status == SCION_OK && !(v >= 0 && v <= 1)) x->status = SCION_OP_FAIL(c, SCION_EINVAL, "q is %g, expected 0..1", v);
    if (x->status != SCION_OK) return;
    double at = v * (double)(n - 1), w = at - floor(at);
    if (p->how == 1) at = floor(at), w = 0;
    if (p->how == 2) at = ceil(at), w = 0;
    if (p->how == 3) at = nearbyint(at), w = 0;
    if (p->how == 4 && w != 0) w = 0.5;
    scion_tensor *lo = x_narrow(x, sorted, d, (int64_t)at, 1), *y = lo;
    if (w != 0) y = x_add(x, x_muls(x, lo, 1 - w), x_muls(x, x_narrow(x, sorted, d, (int64_t)at + 1, 1), w));
    y = x_where(x, nan, x_scalar(x, a->dtype, NAN), y);
    int32_t lead = q->n_dims == 1;
    parts[i] = x_reshape(x, y, c->meta[0].n_dims - lead, c->meta[0].shape + lead);
  }
  out[0] = q->n_dims == 0 ? parts[0] : q->numel == 0 ? x_full(x, a->dtype, c->meta[0].n_dims, c->meta[0].shape, 0) : x_stack(x, (int32_t)q->numel, parts, 0);
}
static const scion_param params_quantile[] = { SCION_DIM_PARAM(quantile_params, 0, SCION_NONE, "dimension, default all"),
  { "keepdim", SCION_P_BOOL, 0, offsetof(quantile_params, keepdim), .doc = "keep the dimension with size 1" },
  { "interpolation", SCION_P_ENUM, 0, offsetof(quantile_params, how), .def = 0, .choices = interpolations, .doc = "between two elements" } };
static const scion_slot slots_quantile[] = { { "x", 0, "input" }, { "q", SCION_SF_NUMBER, "0..1, one number or (Q)" } };
static const scion_sample samples_quantile[] = { { "7:d,s:p!", "" }, { "3x4:d,2:p!", "dim=0" }, { "3x4:d,2:p!", "dim=-1 keepdim=true" } };
const scion_op scion__op_quantile = {
  .info = { "quantile", 1, 0, "The value below which a share q of the elements lies: of all, or along dim. NaN if there is one.", SCION_INPUTS(slots_quantile),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_quantile, quantile_params) },
  .infer = quantile_infer, .compose = quantile_compose, SCION_SAMPLES(samples_quantile) };

/* ---- closeness, repair -------------------------------------------------------------------------------------------------------- */

typedef struct { double rtol, atol; int32_t equal_nan; } close_params;
static scion_status close_infer(scion_call *c) {
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__infer_broadcast(c));
  c->meta[0].dtype = SCION_BOOL;
  return SCION_OK;
}
static void close_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const close_params *p = c->params;
  scion_tensor *a = c->in[0], *b = c->in[1];
  scion_tensor *gap = X1(abs, x_sub(x, a, b)), *room = x_adds(x, x_muls(x, X1(abs, b), p->rtol), p->atol);
  scion_tensor *near = X2(logical_and, X2(le, gap, room), X1(isfinite, b)); /* |inf - 1| <= inf is not close */
  scion_tensor *y = X2(logical_or, X2(eq, a, b), near);
  if (p->equal_nan) y = X2(logical_or, y, X2(logical_and, X1(isnan, a), X1(isnan, b)));
  out[0] = y;
}
static const scion_param params_close[] = { { "rtol", SCION_P_FLOAT, 0, offsetof(close_params, rtol), .def = 1e-5, .min = 0, .max = 1e300, .doc = "of |b|" },
  { "atol", SCION_P_FLOAT, 0, offsetof(close_params, atol), .def = 1e-8, .min = 0, .max = 1e300, .doc = "absolute" },
  { "equal_nan", SCION_P_BOOL, 0, offsetof(close_params, equal_nan), .doc = "NaN is close to NaN" } };
static const scion_sample samples_close[] = { { "3x4,3x4", "" } };
const scion_op scion__op_isclose = {
  .info = { "isclose", 1, SCION_OF_NO_GRAD, "|a - b| <= atol + rtol |b|: bool.", SCION_INPUTS(slots_two), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_close, close_params) },
  .infer = close_infer, .compose = close_compose, SCION_SAMPLES(samples_close) };

typedef struct { double nan, posinf, neginf; } repair_params;
static void repair_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const repair_params *p = c->params;
  scion_tensor *a = c->in[0];
  double top = a->dtype == SCION_F32 ? 0x1.fffffep127 : 0x1.fffffffffffffp1023, hi = isnan(p->posinf) ? top : p->posinf, lo = isnan(p->neginf) ? -top : p->neginf;
  scion_tensor *y = x_where(x, X1(isnan, a), x_scalar(x, a->dtype, p->nan), a);
  y = x_where(x, X2(eq, a, x_scalar(x, a->dtype, INFINITY)), x_scalar(x, a->dtype, hi), y);
  out[0] = x_where(x, X2(eq, a, x_scalar(x, a->dtype, -INFINITY)), x_scalar(x, a->dtype, lo), y);
}
static const scion_param params_repair[] = { { "nan", SCION_P_FLOAT, 0, offsetof(repair_params, nan), .doc = "in place of NaN" },
  { "posinf", SCION_P_FLOAT, 0, offsetof(repair_params, posinf), .def = NAN, .doc = "in place of inf; default the largest number of the dtype" },
  { "neginf", SCION_P_FLOAT, 0, offsetof(repair_params, neginf), .def = NAN, .doc = "in place of -inf; default the smallest number of the dtype" } };
static const scion_sample samples_repair[] = { { "3x4", "" } };
const scion_op scion__op_nan_to_num = {
  .info = { "nan_to_num", 1, SCION_OF_INPLACE, "x with NaN and infinities replaced.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
      SCION_PARAMS(params_repair, repair_params) },
  .infer = scion__infer_float, .compose = repair_compose, SCION_SAMPLES(samples_repair) };

/* ---- cov, corrcoef ---------------------------------------------------------------------------------------------------------------- */

typedef struct { double correction; } cov_params;
static scion_status cov_infer(scion_call *c) {
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__need_dims(c, 0, 1, 2));
  int64_t n = c->in[0]->n_dims == 2 ? c->in[0]->shape[0] : 0;
  scion__out(c, 0, c->in[0]->dtype, c->in[0]->n_dims == 2 ? 2 : 0, (int64_t[]){ n, n });
  return SCION_OK;
}
static scion_tensor *covariance(scion_x *x, scion_tensor *a, double correction) {
  int64_t last = -1;
  if (a->n_dims == 1) a = x_unsqueeze(x, a, 0);
  if (a == NULL) return NULL;
  double n = (double)a->shape[1] - correction;
  scion_tensor *off = x_sub(x, a, x_mean(x, a, 1, &last, true));
  return x_muls(x, x_matmul(x, off, x_transpose(x, off, 0, 1)), 1 / (n > 0 ? n : 0));
}
static void cov_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  out[0] = x_reshape(x, covariance(x, c->in[0], ((const cov_params *)c->params)->correction), c->meta[0].n_dims, c->meta[0].shape);
}
static void corrcoef_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *cov = covariance(x, c->in[0], 1), *root = X1(sqrt, X1(diagonal, cov));
  if (root == NULL) return;
  scion_tensor *y = x_div(x, x_div(x, cov, x_unsqueeze(x, root, 1)), root);
  out[0] = x_reshape(x, y, c->meta[0].n_dims, c->meta[0].shape);
}
static const scion_param params_cov[] = { { "correction", SCION_P_FLOAT, 0, offsetof(cov_params, correction), .def = 1, .doc = "divides by n - correction" } };
static const scion_slot slots_cov[] = { { "x", 0, "(variables, observations)" } };
static const scion_sample samples_cov[] = { { "3x5", "" }, { "5", "" } };
static const scion_sample samples_corrcoef[] = { { "3x5", "" } };
const scion_op scion__op_cov = {
  .info = { "cov", 1, 0, "Covariance matrix of the rows.", SCION_INPUTS(slots_cov), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_cov, cov_params) },
  .infer = cov_infer, .compose = cov_compose, SCION_SAMPLES(samples_cov) };
const scion_op scion__op_corrcoef = {
  .info = { "corrcoef", 1, 0, "Correlation matrix (Pearson) of the rows.", SCION_INPUTS(slots_cov), SCION_OUTPUTS(scion__slots_y) },
  .infer = cov_infer, .compose = corrcoef_compose, SCION_SAMPLES(samples_corrcoef) };

/* ---- diff, trapezoid ---------------------------------------------------------------------------------------------------------------- */

typedef struct { int64_t n, dim; } diff_params;
static scion_status diff_infer(scion_call *c) {
  const diff_params *p = c->params;
  int32_t dim;
  int64_t shape[SCION_MAX_DIMS];
  SCION_TRY(scion__need_dtype(c, 0, "a number type", c->in[0]->dtype != SCION_BOOL));
  SCION_TRY(scion__need_dims(c, 0, 1, SCION_MAX_DIMS));
  SCION_TRY(scion__index_dim(c, p->dim, &dim));
  for (int32_t d = 0; d < c->in[0]->n_dims; d++) shape[d] = d == dim ? scion__max(0, c->in[0]->shape[d] - p->n) : c->in[0]->shape[d];
  scion__out(c, 0, c->in[0]->dtype, c->in[0]->n_dims, shape);
  return SCION_OK;
}
static void diff_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const diff_params *p = c->params;
  scion_tensor *y = c->in[0];
  int32_t dim = scion__wrap_dim(p->dim, y->n_dims);
  for (int64_t i = 0; i < p->n && y != NULL && y->shape[dim] > 0; i++)
    y = x_sub(x, x_narrow(x, y, dim, 1, y->shape[dim] - 1), x_narrow(x, y, dim, 0, y->shape[dim] - 1));
  out[0] = y == c->in[0] ? X1(clone, y) : y;
}
static const scion_param params_diff[] = { { "n", SCION_P_INT, 0, offsetof(diff_params, n), .def = 1, .min = 0, .max = 1e9, .doc = "how often" },
                                           SCION_DIM_PARAM(diff_params, 0, -1, "dimension, default the last") };
static const scion_sample samples_diff[] = { { "5", "" }, { "3x4", "n=2 dim=0" } };
const scion_op scion__op_diff = {
  .info = { "diff", 1, 0, "Differences of neighbours along a dimension, n times.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
      SCION_PARAMS(params_diff, diff_params) },
  .infer = diff_infer, .compose = diff_compose, SCION_SAMPLES(samples_diff) };

typedef struct { int64_t dim; double dx; } trapezoid_params;
static scion_status trapezoid_infer(scion_call *c) {
  const trapezoid_params *p = c->params;
  int32_t dim, n = 0;
  int64_t shape[SCION_MAX_DIMS];
  const scion_tensor *y = c->in[0], *at = scion__opt(c, 1);
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__need_dims(c, 0, 1, SCION_MAX_DIMS));
  SCION_TRY(scion__index_dim(c, p->dim, &dim));
  if (y->shape[dim] == 0) return SCION_OP_FAIL(c, SCION_ESHAPE, "dimension %d is empty", dim + 1);
  if (at != NULL) {
    SCION_TRY(scion__need_same_dtype(c, 0, 1));
    SCION_TRY(scion__need_dims(c, 1, 1, 1));
    if (at->numel != y->shape[dim]) return SCION_OP_FAIL(c, SCION_ESHAPE, "%lld points in at for %lld values", (long long)at->numel, (long long)y->shape[dim]);
  }
  for (int32_t d = 0; d < y->n_dims; d++) if (d != dim) shape[n++] = y->shape[d];
  scion__out(c, 0, y->dtype, n, shape);
  return SCION_OK;
}
static void trapezoid_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const trapezoid_params *p = c->params;
  scion_tensor *y = c->in[0], *at = scion__opt(c, 1);
  int32_t dim = scion__wrap_dim(p->dim, y->n_dims);
  int64_t d = dim, m = y->shape[dim] - 1, shape[SCION_MAX_DIMS];
  scion_tensor *pairs = x_add(x, x_narrow(x, y, dim, 1, m), x_narrow(x, y, dim, 0, m));
  if (at != NULL) {
    for (int32_t i = 0; i < y->n_dims; i++) shape[i] = i == dim ? m : 1;
    pairs = x_mul(x, pairs, x_reshape(x, x_sub(x, x_narrow(x, at, 0, 1, m), x_narrow(x, at, 0, 0, m)), y->n_dims, shape));
  }
  out[0] = x_muls(x, x_sum(x, pairs, 1, &d, false), at != NULL ? 0.5 : 0.5 * p->dx);
}
static const scion_param params_trapezoid[] = { SCION_DIM_PARAM(trapezoid_params, 0, -1, "dimension, default the last"),
  { "dx", SCION_P_FLOAT, 0, offsetof(trapezoid_params, dx), .def = 1, .doc = "distance of the points, without at" } };
static const scion_slot slots_trapezoid[] = { { "y", 0, "values" }, { "at", SCION_SF_OPTIONAL, "(n): where they stand" } };
static const scion_sample samples_trapezoid[] = { { "3x4", "" }, { "4x2,4", "dim=0" } };
const scion_op scion__op_trapezoid = {
  .info = { "trapezoid", 1, SCION_OF_FUNCTION, "Integral along a dimension by the trapezoidal rule.", SCION_INPUTS(slots_trapezoid), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_trapezoid, trapezoid_params) },
  .infer = trapezoid_infer, .compose = trapezoid_compose, SCION_SAMPLES(samples_trapezoid) };
