/* activation.c: activation functions beyond sigmoid, relu and tanh (which are in elementwise.c). Those with
 * a loop of their own in kernels/ run it; the rest are written as other ops. */
#include <math.h>

#include "activate.h"
#include "nn.h"

#define GRAIN 16384

/* ---- functions with a loop of their own ----------------------------------------------------------------- */

typedef struct { scion_unary_fn fn; int64_t size; char *a, *y; } flat_job;
static void flat(void *ud, int64_t begin, int64_t end) {
  const flat_job *j = ud;
  j->fn(end - begin, j->a + begin * j->size, 1, j->y + begin * j->size, 1);
}
static void walk(void *ud, int64_t n, char *const *p, const int64_t *s) { (*(scion_unary_fn *)ud)(n, p[0], s[0], p[1], s[1]); }

static scion_status run_unary(scion_call *c, int32_t kernel) {
  scion_tensor *a = c->in[0], *y = c->out[0];
  scion_unary_fn fn = scion__k->unary[kernel][a->dtype];
  if (fn == NULL) return SCION_OP_FAIL(c, SCION_EDTYPE, "not defined for %s tensors", scion_dtype_name((scion_dtype)a->dtype));
  int32_t size = (int32_t)scion_dtype_size((scion_dtype)a->dtype);
  if (a->contiguous && y->contiguous) {
    flat_job j = { fn, size, a->data, y->data };
    scion__parallel_range(c->ctx, y->numel, GRAIN, flat, &j);
    return SCION_OK;
  }
  char *const data[2] = { a->data, y->data };
  const int32_t sizes[2] = { size, size };
  const int64_t *const strides[2] = { a->strides, y->strides };
  scion__walk(c->ctx, 2, data, sizes, strides, y->n_dims, y->shape, GRAIN, walk, &fn);
  return SCION_OK;
}
static scion_status unary_forward(scion_call *c) { return run_unary(c, c->op->kernel); }

static scion_tensor *one_minus(scion_x *x, scion_tensor *t) { return x_adds(x, x_neg(x, t), 1); }

static void silu_grad(scion_grad_call *g) { /* s (1 + a (1 - s)), s = sigmoid(a) */
  scion_x *x = &g->x;
  scion_tensor *a = g->in[0], *s = X1(sigmoid, a);
  scion__g_set(g, 0, x_mul(x, g->dy[0], x_mul(x, s, x_adds(x, x_mul(x, a, one_minus(x, s)), 1))));
}
static void mish_grad(scion_grad_call *g) { /* t + a (1 - t^2) sigmoid(a), t = tanh(softplus(a)) */
  scion_x *x = &g->x;
  scion_tensor *a = g->in[0], *t = X1(tanh, X1(softplus, a));
  scion_tensor *d = x_mul(x, x_mul(x, a, one_minus(x, X1(square, t))), X1(sigmoid, a));
  scion__g_set(g, 0, x_mul(x, g->dy[0], x_add(x, t, d)));
}
/* 1 where lo < a < hi, else 0; locally constant, so nothing flows through it. */
static scion_tensor *inside(scion_x *x, scion_tensor *a, double lo, double hi) {
  scion_tensor *both = X2(logical_and, X2(gt, a, x_scalar(x, a->dtype, lo)), X2(lt, a, x_scalar(x, a->dtype, hi)));
  return x_to(x, both, a->dtype);
}
static void hardsigmoid_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion__g_set(g, 0, x_mul(x, g->dy[0], x_muls(x, inside(x, g->in[0], -3, 3), 1.0 / 6)));
}
static void hardswish_grad(scion_grad_call *g) { /* 0, (2 a + 3) / 6, 1 */
  scion_x *x = &g->x;
  scion_tensor *a = g->in[0], *above = X2(ge, a, x_scalar(x, a->dtype, 3));
  scion_tensor *slope = x_adds(x, x_muls(x, a, 1.0 / 3), 0.5);
  scion_tensor *d = x_add(x, x_mul(x, inside(x, a, -3, 3), slope), x_to(x, above, a->dtype));
  scion__g_set(g, 0, x_mul(x, g->dy[0], d));
}

static const scion_sample samples_real[] = { { "3x4", "" }, { "2x3x2", "" } };
static const scion_sample samples_apart[] = { { "3x4:d", "" } };
#define UNARY(name, kernel_, samples_, doc_)                                                                             \
  static scion_status name##_grad_fused(scion_grad_call *g) { return scion__activate_grad(g, SCION_A_##name, g->in[0], 0, 0); } \
  const scion_op scion__op_##name = {                                                                                    \
    .info = { #name, 1, SCION_OF_INPLACE, doc_, SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y) },           \
    .infer = scion__infer_float, .forward = unary_forward, .grad = name##_grad, .grad_fused = name##_grad_fused,               \
    .kernel = kernel_, .keeps = SCION_KEEP_IN(0),                                                                        \
    SCION_SAMPLES(samples_) };
UNARY(silu, SCION_U_silu, samples_real, "x sigmoid(x), also called swish.")
UNARY(mish, SCION_U_mish, samples_real, "x tanh(softplus(x)).")
UNARY(hardsigmoid, SCION_U_hardsigmoid, samples_apart, "clamp(x / 6 + 1 / 2, 0, 1).")
UNARY(hardswish, SCION_U_hardswish, samples_apart, "x hardsigmoid(x).")

typedef struct { int32_t approximate; } gelu_params;
static const char *const gelu_kinds[] = { "none", "tanh", NULL };
static const scion_param params_gelu[] = {
  { "approximate", SCION_P_ENUM, 0, offsetof(gelu_params, approximate), .def = 0, .choices = gelu_kinds,
    .doc = "\"none\": by the error function; \"tanh\": the usual approximation" } };
static scion_status gelu_forward(scion_call *c) {
  return run_unary(c, ((const gelu_params *)c->params)->approximate ? SCION_U_gelu_tanh : SCION_U_gelu);
}
static void gelu_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion_tensor *a = g->in[0], *d;
  if (((const gelu_params *)g->params)->approximate) { /* u = k (a + c a^3): (1 + tanh u) / 2 + a (1 - tanh^2 u) u' / 2 */
    const double k = 0.79788456080286535588, c = 0.044715;
    scion_tensor *a2 = X1(square, a);
    scion_tensor *t = X1(tanh, x_muls(x, x_mul(x, a, x_adds(x, x_muls(x, a2, c), 1)), k));
    scion_tensor *slope = x_muls(x, x_adds(x, x_muls(x, a2, 3 * c), 1), k / 2);
    d = x_add(x, x_adds(x, x_muls(x, t, 0.5), 0.5), x_mul(x, x_mul(x, a, one_minus(x, X1(square, t))), slope));
  } else { /* Phi(a) + a phi(a) */
    scion_tensor *cdf = x_adds(x, x_muls(x, X1(erf, x_muls(x, a, 0.70710678118654752440)), 0.5), 0.5);
    scion_tensor *pdf = x_muls(x, X1(exp, x_muls(x, X1(square, a), -0.5)), 0.39894228040143267794);
    d = x_add(x, cdf, x_mul(x, a, pdf));
  }
  scion__g_set(g, 0, x_mul(x, g->dy[0], d));
}
static scion_status gelu_grad_fused(scion_grad_call *g) {
  return scion__activate_grad(g, ((const gelu_params *)g->params)->approximate ? SCION_A_gelu_tanh : SCION_A_gelu, g->in[0], 0, 0);
}
static const scion_sample samples_gelu[] = { { "3x4", "" }, { "3x4", "approximate=tanh" } };
const scion_op scion__op_gelu = {
  .info = { "gelu", 1, SCION_OF_INPLACE, "x times the normal distribution function of x.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_gelu, gelu_params) },
  .infer = scion__infer_float, .forward = gelu_forward, .grad = gelu_grad, .grad_fused = gelu_grad_fused, .keeps = SCION_KEEP_IN(0), SCION_SAMPLES(samples_gelu) };

typedef struct { double beta, threshold; } softplus_params;
static const scion_param params_softplus[] = {
  { "beta", SCION_P_FLOAT, 0, offsetof(softplus_params, beta), .def = 1, .doc = "sharpness" },
  { "threshold", SCION_P_FLOAT, 0, offsetof(softplus_params, threshold), .def = 20, .doc = "above beta x of this, x itself" } };
static scion_status softplus_forward(scion_call *c) {
  const softplus_params *p = c->params;
  return scion__activate(c, SCION_A_softplus, p->beta, p->threshold);
}
static scion_status softplus_grad_fused(scion_grad_call *g) {
  const softplus_params *p = g->params;
  return scion__activate_grad(g, SCION_A_softplus, g->in[0], p->beta, p->threshold);
}
static scion_status softplus_infer(scion_call *c) {
  if (((const softplus_params *)c->params)->beta == 0) return SCION_OP_FAIL(c, SCION_EINVAL, "beta must not be 0");
  return scion__infer_float(c);
}
static void softplus_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  const softplus_params *p = g->params;
  scion_tensor *a = g->in[0], *b = p->beta == 1 ? a : x_muls(x, a, p->beta), *d = X1(sigmoid, b);
  if (p->threshold < 20 && b != NULL) {
    d = x_where(x, X2(gt, b, x_scalar(x, a->dtype, p->threshold)), x_scalar(x, a->dtype, 1), d);
  }
  scion__g_set(g, 0, x_mul(x, g->dy[0], d));
}
static const scion_sample samples_softplus[] = { { "3x4", "" }, { "3x4:d", "threshold=0.6" }, { "3x4", "beta=2.5" } };
const scion_op scion__op_softplus = {
  .info = { "softplus", 1, SCION_OF_INPLACE, "log(1 + e^(beta x)) / beta: a smooth relu.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_softplus, softplus_params) },
  .infer = softplus_infer, .forward = softplus_forward, .grad = softplus_grad, .grad_fused = softplus_grad_fused, .keeps = SCION_KEEP_IN(0), SCION_SAMPLES(samples_softplus) };

/* ---- written as other ops --------------------------------------------------------------------------------- */

#define COMPOSED(name, samples_, doc_)                                                                                  \
  const scion_op scion__op_##name = {                                                                                   \
    .info = { #name, 1, SCION_OF_INPLACE, doc_, SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y) },          \
    .infer = scion__infer_float, .compose = name##_compose, SCION_SAMPLES(samples_) };
#define COMPOSED_WITH(name, params_, type, samples_, doc_)                                                              \
  const scion_op scion__op_##name = {                                                                                   \
    .info = { #name, 1, SCION_OF_INPLACE, doc_, SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),            \
              SCION_PARAMS(params_, type) },                                                                            \
    .infer = scion__infer_float, .compose = name##_compose, SCION_SAMPLES(samples_) };

/* With a kernel of two parameters for the value and its first gradient; higher ones differentiate the composition. */
#define ACTIVATED(name, params_list, kind, p_, q_, samples_, doc_)                                                      \
  static scion_status name##_forward(scion_call *c) { return scion__activate(c, kind, p_, q_); }                        \
  static scion_status name##_grad_fused(scion_grad_call *c) { return scion__activate_grad(c, kind, c->in[0], p_, q_); } \
  const scion_op scion__op_##name = {                                                                                   \
    .info = { #name, 1, SCION_OF_INPLACE, doc_, SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), params_list }, \
    .infer = scion__infer_float, .forward = name##_forward, .compose = name##_compose, .grad_fused = name##_grad_fused, \
    .keeps = SCION_KEEP_IN(0), SCION_SAMPLES(samples_) };

/* a where a > 0, else b */
static scion_tensor *where_positive(scion_x *x, scion_tensor *t, scion_tensor *a, scion_tensor *b) {
  return x_where(x, X2(gt, t, x_scalar(x, t->dtype, 0)), a, b);
}

typedef struct { double a, b; } two_params;
#define ONE_PARAM(array, name_, def_, doc_) \
  static const scion_param array[] = { { name_, SCION_P_FLOAT, 0, offsetof(two_params, a), .def = def_, .doc = doc_ } };
ONE_PARAM(params_slope, "negative_slope", 0.01, "slope below 0")
ONE_PARAM(params_elu, "alpha", 1, "minus the limit at minus infinity")
ONE_PARAM(params_lambda, "lambda", 0.5, "half-width of the zone that gives 0")
#define PARAM_A (((const two_params *)c->params)->a)
#define PARAM_B (((const two_params *)c->params)->b)

static void leaky_relu_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  out[0] = where_positive(x, c->in[0], c->in[0], x_muls(x, c->in[0], PARAM_A));
}
static const scion_sample samples_slope[] = { { "3x4:d", "" }, { "3x4:d", "negative_slope=1.5" } };
ACTIVATED(leaky_relu, SCION_PARAMS(params_slope, two_params), SCION_A_leaky_relu, PARAM_A, 0, samples_slope, "x above 0, negative_slope x below.")

/* alpha (e^(x / beta) - 1) below 0. expm1 sees no positive number, so nothing overflows in the gradient. */
static scion_tensor *elu(scion_x *x, scion_tensor *a, double alpha, double beta) {
  scion_tensor *low = where_positive(x, a, x_scalar(x, a->dtype, 0), a); /* at 0 the slope is the left one */
  if (beta != 1) low = x_muls(x, low, 1 / beta);
  return where_positive(x, a, a, x_muls(x, X1(expm1, low), alpha));
}
static void elu_compose(scion_x *x, const scion_call *c, scion_tensor **out) { out[0] = elu(x, c->in[0], PARAM_A, 1); }
static const scion_sample samples_elu[] = { { "3x4:d", "" }, { "3x4:d", "alpha=0.7" } };
ACTIVATED(elu, SCION_PARAMS(params_elu, two_params), SCION_A_elu, PARAM_A, 1, samples_elu, "x above 0, alpha (e^x - 1) below.")

static const scion_param params_celu[] = {
  { "alpha", SCION_P_FLOAT, 0, offsetof(two_params, a), .def = 1, .min = 1e-30, .max = 1e300, .doc = "scale of the negative side" } };
static void celu_compose(scion_x *x, const scion_call *c, scion_tensor **out) { out[0] = elu(x, c->in[0], PARAM_A, PARAM_A); }
ACTIVATED(celu, SCION_PARAMS(params_celu, two_params), SCION_A_elu, PARAM_A, 1 / PARAM_A, samples_elu, "x above 0, alpha (e^(x / alpha) - 1) below.")

static void selu_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  out[0] = x_muls(x, elu(x, c->in[0], 1.6732632423543772848, 1), 1.0507009873554804934);
}
COMPOSED(selu, samples_apart, "Self-normalising elu: 1.0507 (x above 0, 1.6733 (e^x - 1) below).")

static void softsign_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  out[0] = x_div(x, c->in[0], x_adds(x, X1(abs, c->in[0]), 1));
}
COMPOSED(softsign, samples_apart, "x / (1 + |x|).")

static void logsigmoid_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  out[0] = x_neg(x, X1(softplus, x_neg(x, c->in[0])));
}
COMPOSED(logsigmoid, samples_real, "log(sigmoid(x)), exact for large negative x.")

static void tanhshrink_compose(scion_x *x, const scion_call *c, scion_tensor **out) { out[0] = x_sub(x, c->in[0], X1(tanh, c->in[0])); }
COMPOSED(tanhshrink, samples_real, "x - tanh(x).")

static scion_tensor *clamp(scion_x *x, scion_tensor *a, double lo, double hi) {
  two_params p = { lo, hi };
  return scion__x1(x, &scion__op_clamp, &p, a);
}
static void softshrink_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  out[0] = x_sub(x, c->in[0], clamp(x, c->in[0], -PARAM_A, PARAM_A));
}
static const scion_sample samples_shrink[] = { { "3x4:d", "lambda=0.53" } };
COMPOSED_WITH(softshrink, params_lambda, two_params, samples_shrink, "x moved towards 0 by lambda, 0 within.")

static void hardshrink_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *a = c->in[0], *out_of_zone = X2(gt, X1(abs, a), x_scalar(x, a->dtype, PARAM_A));
  out[0] = x_where(x, out_of_zone, a, x_scalar(x, a->dtype, 0));
}
COMPOSED_WITH(hardshrink, params_lambda, two_params, samples_shrink, "x outside -lambda .. lambda, 0 within.")

/* hardtanh and relu6: at a bound the gradient is 0, as in PyTorch. */
static scion_tensor *hard(scion_x *x, scion_tensor *a, double lo, double hi) {
  scion_tensor *low = x_scalar(x, a->dtype, lo), *high = x_scalar(x, a->dtype, hi);
  return x_where(x, X2(le, a, low), low, x_where(x, X2(ge, a, high), high, a));
}
static const scion_param params_hardtanh[] = {
  { "min_val", SCION_P_FLOAT, 0, offsetof(two_params, a), .def = -1, .doc = "lower bound" },
  { "max_val", SCION_P_FLOAT, 0, offsetof(two_params, b), .def = 1, .doc = "upper bound" } };
static void hardtanh_compose(scion_x *x, const scion_call *c, scion_tensor **out) { out[0] = hard(x, c->in[0], PARAM_A, PARAM_B); }
static const scion_sample samples_hardtanh[] = { { "3x4:d", "min_val=-0.52 max_val=0.73" } };
ACTIVATED(hardtanh, SCION_PARAMS(params_hardtanh, two_params), SCION_A_hardtanh, PARAM_A, PARAM_B, samples_hardtanh, "x limited to min_val .. max_val.")

static void relu6_compose(scion_x *x, const scion_call *c, scion_tensor **out) { out[0] = hard(x, c->in[0], 0, 6); }
ACTIVATED(relu6, .params = NULL, SCION_A_hardtanh, 0, 6, samples_apart, "x limited to 0 .. 6.")

static const scion_param params_threshold[] = {
  { "threshold", SCION_P_FLOAT, SCION_PF_REQUIRED, offsetof(two_params, a), .def = 0, .doc = "what x must exceed" },
  { "value", SCION_P_FLOAT, SCION_PF_REQUIRED, offsetof(two_params, b), .def = 0, .doc = "put where it does not" } };
static void threshold_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *a = c->in[0];
  out[0] = x_where(x, X2(gt, a, x_scalar(x, a->dtype, PARAM_A)), a, x_scalar(x, a->dtype, PARAM_B));
}
static const scion_sample samples_threshold[] = { { "3x4:d", "threshold=0.13 value=-7" } };
COMPOSED_WITH(threshold, params_threshold, two_params, samples_threshold, "x where x > threshold, else value.")

/* ---- prelu, glu ---------------------------------------------------------------------------------------------- */

static scion_status prelu_infer(scion_call *c) {
  SCION_TRY(scion__infer_float(c));
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  const scion_tensor *a = c->in[0], *w = c->in[1];
  int64_t channels = a->n_dims > 1 ? a->shape[1] : 1;
  if (w->n_dims > 1 || (w->numel != 1 && w->numel != channels)) {
    char b[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "weight needs 1 value or one for each of the %lld channels, got %s", (long long)channels,
                         scion__tensor_brief(b, w));
  }
  return SCION_OK;
}
static void prelu_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *a = c->in[0], *w = c->in[1];
  int64_t shape[SCION_MAX_DIMS];
  for (int32_t i = 0; i < a->n_dims; i++) shape[i] = i == 1 ? w->numel : 1;
  w = x_reshape(x, w, w->numel == 1 ? 0 : a->n_dims, shape);
  out[0] = where_positive(x, a, a, x_mul(x, a, w));
}
static const scion_slot slots_prelu[] = { { "x", 0, "(N, C, ...)" }, { "weight", SCION_SF_PARAM, "slopes below 0: one, or one per channel" } };
static const scion_sample samples_prelu[] = { { "2x3x2:d,3", "" }, { "3x4:d,1", "" } };
const scion_op scion__op_prelu = {
  .info = { "prelu", 1, 0, "x above 0, weight x below, with a learned weight.", SCION_INPUTS(slots_prelu), SCION_OUTPUTS(scion__slots_y) },
  .infer = prelu_infer, .compose = prelu_compose, SCION_SAMPLES(samples_prelu) };

typedef struct { int64_t dim; } dim_params;
static const scion_param params_dim[] = { { "dim", SCION_P_INT, SCION_PF_INDEX, offsetof(dim_params, dim), .def = -1, .doc = "dimension that is halved" } };
static scion_status glu_infer(scion_call *c) {
  int32_t dim;
  SCION_TRY(scion__infer_float(c));
  SCION_TRY(scion__need_dims(c, 0, 1, SCION_MAX_DIMS));
  SCION_TRY(scion__check_dim(c->ctx, c->op->info.name, ((const dim_params *)c->params)->dim, c->in[0]->n_dims, &dim));
  if (c->meta[0].shape[dim] % 2 != 0) {
    char b[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "size %lld cannot be halved (%s)", (long long)c->meta[0].shape[dim], scion__tensor_brief(b, c->in[0]));
  }
  c->meta[0].shape[dim] /= 2;
  return SCION_OK;
}
static void glu_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  int64_t dim = ((const dim_params *)c->params)->dim;
  if (dim < 0) dim += c->in[0]->n_dims;
  int64_t half = c->in[0]->shape[dim] / 2;
  out[0] = x_mul(x, x_narrow(x, c->in[0], dim, 0, half), X1(sigmoid, x_narrow(x, c->in[0], dim, half, half)));
}
static const scion_sample samples_glu[] = { { "3x4", "" }, { "4x3x2", "dim=0" } };
const scion_op scion__op_glu = {
  .info = { "glu", 1, 0, "Gated linear unit: first half times sigmoid of the second.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_dim, dim_params) },
  .infer = glu_infer, .compose = glu_compose, SCION_SAMPLES(samples_glu) };

typedef struct { double lower, upper; int32_t training; } rrelu_params;
static const scion_param params_rrelu[] = {
  { "lower", SCION_P_FLOAT, 0, offsetof(rrelu_params, lower), .def = 1.0 / 8, .doc = "least slope below 0" },
  { "upper", SCION_P_FLOAT, 0, offsetof(rrelu_params, upper), .def = 1.0 / 3, .doc = "greatest slope below 0" },
  { "training", SCION_P_BOOL, SCION_PF_TRAINING, offsetof(rrelu_params, training), .def = 1, .doc = "without it the slope is the mean of both" } };
static void rrelu_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const rrelu_params *p = c->params;
  scion_tensor *a = c->in[0], *slope;
  if (!(p->lower <= p->upper)) {
    x->status = SCION_OP_FAIL(c, SCION_EINVAL, "lower must be at most upper, got %g and %g", p->lower, p->upper);
    return;
  }
  if (p->training && p->lower < p->upper) {
    struct { double from, to; } limits = { p->lower, p->upper };
    slope = scion__x1(x, &scion__op_uniform, &limits, x_detach(x, a));
  } else {
    slope = x_scalar(x, a->dtype, (p->lower + p->upper) / 2);
  }
  out[0] = x_where(x, X2(ge, a, x_scalar(x, a->dtype, 0)), a, x_mul(x, a, slope));
}
static const scion_sample samples_rrelu[] = { { "3x4:d", "training=false" }, { "3x4:d", "lower=0.2 upper=0.2" } };
const scion_op scion__op_rrelu = {
  .info = { "rrelu", 1, SCION_OF_RANDOM, "x above 0; below, x times a slope drawn evenly from lower .. upper for each element (Xu et al. 2015).",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_rrelu, rrelu_params) },
  .infer = scion__infer_float, .compose = rrelu_compose, SCION_SAMPLES(samples_rrelu) };
