/* log_sum.c: sums and products by way of logarithms, safe where the plain formula overflows or meets 0 * log 0: logaddexp,
 * logcumsumexp, xlogy, logit, exp2. */
#include <math.h>

#include "nn.h"
#include "reduce.h"

/* ---- logaddexp, xlogy ---------------------------------------------------------------------------------- */

static scion_status infer_float2(scion_call *c) {
  SCION_TRY(scion__need_float(c, 0));
  return scion__infer_broadcast(c);
}
/* With d = a - b: a - log sigmoid(d) where d >= 0, else b - log sigmoid(-d): smooth in every order, exact in both tails.
 * d is taken as 0 where both are the same infinity. */
static void logaddexp_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *a = c->in[0], *b = c->in[1], *zero = x_scalar(x, a->dtype, 0);
  scion_tensor *same = X2(logical_and, X1(isinf, a), X2(eq, a, b));
  scion_tensor *d = x_where(x, same, zero, x_sub(x, a, b));
  out[0] = x_where(x, X2(ge, d, zero), x_sub(x, a, X1(logsigmoid, d)), x_sub(x, b, X1(logsigmoid, x_neg(x, d))));
}
static const scion_sample samples_logaddexp[] = { { "3x4,3x4", "" }, { "3x1,4", "" }, { "5,s", "" } };
const scion_op scion__op_logaddexp = {
  .info = { "logaddexp", 1, 0, "log(e^a + e^b) without overflow, elementwise with broadcasting.", SCION_INPUTS(scion__slots_ab), SCION_OUTPUTS(scion__slots_y) },
  .infer = infer_float2, .compose = logaddexp_compose, SCION_SAMPLES(samples_logaddexp) };

/* log sees 1 where a is 0, so that neither the value nor the gradient meets 0 * inf; NaN in b stays. */
static void xlogy_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *a = c->in[0], *b = c->in[1];
  scion_tensor *flat = X2(logical_and, X2(eq, a, x_scalar(x, a->dtype, 0)), X1(logical_not, X1(isnan, b)));
  out[0] = x_mul(x, a, X1(log, x_where(x, flat, x_scalar(x, a->dtype, 1), b)));
}
static const scion_sample samples_xlogy[] = { { "3x4,3x4:+", "" }, { "3x1,4:+", "" }, { "5,s:+", "" } };
const scion_op scion__op_xlogy = {
  .info = { "xlogy", 1, 0, "a * log(b), and 0 where a is 0.", SCION_INPUTS(scion__slots_ab), SCION_OUTPUTS(scion__slots_y) },
  .infer = infer_float2, .compose = xlogy_compose, SCION_SAMPLES(samples_xlogy) };

/* ---- logit, exp2 ------------------------------------------------------------------------------------------ */

typedef struct { double eps; } logit_params;
static void logit_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  double eps = ((const logit_params *)c->params)->eps;
  scion_tensor *p = c->in[0];
  if (eps > 0) {
    struct { double min, max; } limits = { eps, 1 - eps };
    p = scion__x1(x, &scion__op_clamp, &limits, p);
  }
  out[0] = x_sub(x, X1(log, p), X1(log1p, x_neg(x, p)));
}
static const scion_param params_logit[] = {
  { "eps", SCION_P_FLOAT, 0, offsetof(logit_params, eps), .def = 0, .min = 0, .max = 0.5, .doc = "x is first limited to eps .. 1 - eps; 0: not" } };
static const scion_sample samples_logit[] = { { "3x4:p", "" }, { "6:p", "eps=0.2" } };
const scion_op scion__op_logit = {
  .info = { "logit", 1, 0, "log(x / (1 - x)), the inverse of sigmoid; NaN outside 0 .. 1.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_logit, logit_params) },
  .infer = scion__infer_float, .compose = logit_compose, SCION_SAMPLES(samples_logit) };

static void exp2_compose(scion_x *x, const scion_call *c, scion_tensor **out) { out[0] = X2(pow, x_scalar(x, c->in[0]->dtype, 2), c->in[0]); }
static const scion_sample samples_exp2[] = { { "3x4", "" } };
const scion_op scion__op_exp2 = {
  .info = { "exp2", 1, 0, "2^x.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y) },
  .infer = scion__infer_float, .compose = exp2_compose, SCION_SAMPLES(samples_exp2) };

/* ---- logcumsumexp -------------------------------------------------------------------------------------------- */

typedef struct { const scion_tensor *x; char *y; scion_around around; bool reverse; } scan_job;
/* One column: y_k = log(e^y_(k-1) + e^x_k) in f64. */
static void column(void *ud, int64_t begin, int64_t end) {
  const scan_job *j = ud;
  int64_t n = j->around.n, inner = j->around.inner;
  int dtype = j->x->dtype;
  for (int64_t t = begin; t < end; t++) {
    int64_t first = t / inner * n * inner + t % inner;
    double acc = -INFINITY;
    for (int64_t k = 0; k < n; k++) {
      int64_t at = first + (j->reverse ? n - 1 - k : k) * inner;
      double v = scion__load(j->x->data, dtype, at), hi = acc > v ? acc : v, lo = acc > v ? v : acc;
      acc = isnan(v) || isnan(acc) ? NAN : isinf(hi) ? hi : hi + log1p(exp(lo - hi));
      scion__store(j->y, dtype, at, acc);
    }
  }
}
static scion_status logcumsumexp_infer(scion_call *c) {
  int32_t dim;
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__check_dim(c->ctx, "logcumsumexp", ((const scion__scan_params *)c->params)->dim, c->in[0]->n_dims, &dim));
  scion__out(c, 0, c->in[0]->dtype, c->in[0]->n_dims, c->in[0]->shape);
  return SCION_OK;
}
static scion_status logcumsumexp_forward(scion_call *c) {
  const scion__scan_params *p = c->params;
  scion_tensor *x;
  SCION_TRY(scion__packed_in(c, 0, &x));
  scan_job j = { x, c->out[0]->data, scion__around(x, scion__wrap_dim(p->dim, x->n_dims)), p->reverse != 0 };
  scion__parallel_range(c->ctx, j.around.outer * j.around.inner, scion__max(1, 1024 / scion__max(1, j.around.n)), column, &j);
  scion_tensor_free(c->ctx, x);
  return SCION_OK;
}
/* dx_i = e^(x_i - y_i) g_i with g_i = dy_i + e^(y_i - y_(i+1)) g_(i+1): a recurrence whose factors are at most 1. */
static void logcumsumexp_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion__scan_params p = *(const scion__scan_params *)g->params;
  scion_tensor *y = g->out[0], *a = g->in[0];
  if (y->numel == 0 || y->n_dims == 0) {
    scion__g_set(g, 0, g->dy[0]);
    return;
  }
  int64_t dim = scion__wrap_dim(p.dim, y->n_dims), n = y->shape[dim], shape[SCION_MAX_DIMS];
  for (int32_t i = 0; i < y->n_dims; i++) shape[i] = i == dim ? 1 : y->shape[i];
  scion_tensor *zero = x_scalar(x, y->dtype, 0), *empty = x_full(x, y->dtype, y->n_dims, shape, 0);
  scion_tensor *early = x_narrow(x, y, dim, p.reverse ? 1 : 0, n - 1), *late = x_narrow(x, y, dim, p.reverse ? 0 : 1, n - 1);
  /* -inf before anything has come: its factor and its share are 0 */
  scion_tensor *none = X1(isinf, early), *factor = X1(exp, x_sub(x, x_where(x, none, zero, early), x_where(x, none, zero, late)));
  factor = x_where(x, none, zero, factor);
  scion_tensor *both[2] = { p.reverse ? empty : factor, p.reverse ? factor : empty };
  p.reverse = !p.reverse;
  scion_tensor *sum = scion__x2(x, &scion__op_linear_scan, &p, x_cat(x, 2, both, dim), g->dy[0]);
  scion_tensor *start = X1(isinf, y), *share = X1(exp, x_sub(x, x_where(x, start, zero, a), x_where(x, start, zero, y)));
  scion__g_set(g, 0, x_mul(x, sum, x_where(x, start, zero, share)));
}
static const scion_param params_scan[] = {
  { "dim", SCION_P_INT, SCION_PF_REQUIRED | SCION_PF_INDEX, offsetof(scion__scan_params, dim), .doc = "dimension" },
  { "reverse", SCION_P_BOOL, 0, offsetof(scion__scan_params, reverse), .doc = "from the end" } };
static const scion_sample samples_scan[] = { { "4", "dim=0" }, { "2x3x2", "dim=1" }, { "2x4", "dim=-1 reverse=true" }, { "s", "dim=0" }, { "1x3", "dim=0" } };
const scion_op scion__op_logcumsumexp = {
  .info = { "logcumsumexp", 1, 0, "Logarithm of the running sum of e^x along a dimension, without overflow.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_scan, scion__scan_params) },
  .infer = logcumsumexp_infer, .forward = logcumsumexp_forward, .grad = logcumsumexp_grad, .keeps = SCION_KEEP_IN(0) | SCION_KEEP_OUT(0),
  SCION_SAMPLES(samples_scan) };
