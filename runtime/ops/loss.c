/* loss.c: losses that compare numbers element by element (mse, l1, huber, cross entropies of
 * probabilities, likelihoods, hinges) and the reduction they share. Input and target have exactly one
 * shape: silent broadcasting of (N, 1) against (N) is the classic mistake of this family. */
#include <math.h>

#include "nn.h"

const char *const scion__reductions[4] = { "none", "mean", "sum", NULL };
const scion_param scion__params_reduction[1] = { SCION_REDUCTION(scion_reduction_params) };

scion_tensor *scion__x_reduce(scion_x *x, scion_tensor *t, int32_t reduction) {
  if (t == NULL || reduction == SCION_RED_NONE) return t;
  return reduction == SCION_RED_MEAN ? x_mean(x, t, 0, NULL, false) : x_sum(x, t, 0, NULL, false);
}
void scion__out_reduced(scion_call *c, int dtype, int32_t n_dims, const int64_t *shape, int32_t reduction) {
  scion__out(c, 0, dtype, reduction == SCION_RED_NONE ? n_dims : 0, shape);
}
const char *scion__slot_name(const scion_call *c, int32_t i) {
  return c->op->info.inputs[scion__min(i, c->op->info.n_inputs - 1)].name;
}
scion_status scion__need_same_shape(const scion_call *c, int32_t i, int32_t j) {
  SCION_TRY(scion__need_float(c, i));
  SCION_TRY(scion__need_same_dtype(c, i, j));
  if (!scion__same_shape(c->in[i], c->in[j])) {
    char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "%s and %s must have one shape (%s %s, %s %s)", scion__slot_name(c, i),
                         scion__slot_name(c, j), scion__slot_name(c, i), scion__tensor_brief(a, c->in[i]),
                         scion__slot_name(c, j), scion__tensor_brief(b, c->in[j]));
  }
  return SCION_OK;
}
/* Optional input i broadcasts to the shape of input 0. */
static scion_status need_broadcast(const scion_call *c, int32_t i) {
  if (i >= c->n_in || c->in[i] == NULL) return SCION_OK;
  SCION_TRY(scion__need_same_dtype(c, 0, i));
  int32_t n;
  int64_t shape[SCION_MAX_DIMS];
  const scion_tensor *x = c->in[0], *w = c->in[i];
  if (!scion__broadcast(x->n_dims, x->shape, w->n_dims, w->shape, &n, shape) || n != x->n_dims ||
      memcmp(shape, x->shape, (size_t)n * sizeof shape[0]) != 0) {
    char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "%s %s does not broadcast to input %s", scion__slot_name(c, i),
                         scion__tensor_brief(b, w), scion__tensor_brief(a, x));
  }
  return SCION_OK;
}

/* Every parameter struct of this file starts with the reduction. */
static int32_t reduction_of(const scion_call *c) { return *(const int32_t *)c->params; }
static scion_status pair_infer(scion_call *c) {
  SCION_TRY(scion__need_same_shape(c, 0, 1));
  scion__out_reduced(c, c->in[0]->dtype, c->in[0]->n_dims, c->in[0]->shape, reduction_of(c));
  return SCION_OK;
}

static const scion_slot slots_pair[] = { { "input", 0, "predictions" }, { "target", 0, "what they should be; same shape" } };
static const scion_slot slots_loss[] = { { "loss", 0, "scalar, or one value per element" } };
static const scion_sample samples_pair[] = { { "3x4,3x4", "" }, { "3x4,3x4", "reduction=sum" }, { "5,5", "reduction=none" } };

/* ---- differences ------------------------------------------------------------------------------------- */

static void mse_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  out[0] = scion__x_reduce(x, X1(square, x_sub(x, c->in[0], c->in[1])), reduction_of(c));
}
const scion_op scion__op_mse_loss = {
  .info = { "mse_loss", 1, SCION_OF_FUNCTION, "Squared difference.", SCION_INPUTS(slots_pair), SCION_OUTPUTS(slots_loss),
            SCION_PARAMS(scion__params_reduction, scion_reduction_params) },
  .infer = pair_infer, .compose = mse_compose, SCION_SAMPLES(samples_pair) };

static void l1_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  out[0] = scion__x_reduce(x, X1(abs, x_sub(x, c->in[0], c->in[1])), reduction_of(c));
}
static const scion_sample samples_l1[] = { { "3x4:d,3x4:u", "" }, { "5:d,5:u", "reduction=none" } };
const scion_op scion__op_l1_loss = {
  .info = { "l1_loss", 1, SCION_OF_FUNCTION, "Absolute difference.", SCION_INPUTS(slots_pair), SCION_OUTPUTS(slots_loss),
            SCION_PARAMS(scion__params_reduction, scion_reduction_params) },
  .infer = pair_infer, .compose = l1_compose, SCION_SAMPLES(samples_l1) };

typedef struct { int32_t reduction; double beta; } beta_params;
static const scion_param params_beta[] = { SCION_REDUCTION(beta_params),
  { "beta", SCION_P_FLOAT, 0, offsetof(beta_params, beta), .def = 1, .min = 0, .max = 1e300, .doc = "difference at which the square becomes a line" } };
static const scion_param params_delta[] = { SCION_REDUCTION(beta_params),
  { "delta", SCION_P_FLOAT, 0, offsetof(beta_params, beta), .def = 1, .min = 1e-300, .max = 1e300, .doc = "difference at which the square becomes a line" } };
/* d^2 / 2 up to b, b (|d| - b / 2) beyond; divided by b for smooth_l1. */
static void huber_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  double b = ((const beta_params *)c->params)->beta;
  bool smooth_l1 = c->op == &scion__op_smooth_l1_loss;
  scion_tensor *d = x_sub(x, c->in[0], c->in[1]), *a = X1(abs, d);
  if (d != NULL && !(smooth_l1 && b == 0)) {
    scion_tensor *inner = x_muls(x, X1(square, d), smooth_l1 ? 0.5 / b : 0.5);
    scion_tensor *outer = x_adds(x, smooth_l1 ? a : x_muls(x, a, b), smooth_l1 ? -0.5 * b : -0.5 * b * b);
    a = x_where(x, X2(lt, a, x_scalar(x, d->dtype, b)), inner, outer);
  }
  out[0] = scion__x_reduce(x, a, reduction_of(c));
}
static const scion_sample samples_smooth[] = { { "3x4,3x4", "" }, { "3x4,3x4", "beta=0.3 reduction=sum" } };
static const scion_sample samples_huber[] = { { "3x4,3x4", "" }, { "3x4,3x4", "delta=0.3 reduction=sum" } };
const scion_op scion__op_smooth_l1_loss = {
  .info = { "smooth_l1_loss", 1, SCION_OF_FUNCTION, "Quadratic below beta, linear beyond: d^2 / (2 beta), |d| - beta / 2.",
            SCION_INPUTS(slots_pair), SCION_OUTPUTS(slots_loss), SCION_PARAMS(params_beta, beta_params) },
  .infer = pair_infer, .compose = huber_compose, SCION_SAMPLES(samples_smooth) };
const scion_op scion__op_huber_loss = {
  .info = { "huber_loss", 1, SCION_OF_FUNCTION, "Quadratic below delta, linear beyond: d^2 / 2, delta (|d| - delta / 2).",
            SCION_INPUTS(slots_pair), SCION_OUTPUTS(slots_loss), SCION_PARAMS(params_delta, beta_params) },
  .infer = pair_infer, .compose = huber_compose, SCION_SAMPLES(samples_huber) };

/* ---- probabilities of two classes -------------------------------------------------------------------- */

static scion_status weighted_infer(scion_call *c) {
  SCION_TRY(pair_infer(c));
  for (int32_t i = 2; i < c->n_in; i++) SCION_TRY(need_broadcast(c, i));
  return SCION_OK;
}
/* Logarithms stop at -100, so that a wrong certainty costs 100 and not infinity (as in PyTorch). */
static double log100(double v) { return v > 0 ? fmax(log(v), -100) : v <= 0 ? -100 : v; }

static scion_status bce_forward(scion_call *c) {
  scion_tensor *x = NULL, *t = NULL, *w = NULL;
  int32_t reduction = reduction_of(c);
  scion_status status = scion__packed_in(c, 0, &x);
  if (status == SCION_OK) status = scion__packed_in(c, 1, &t);
  if (status == SCION_OK && scion__opt(c, 2) != NULL) {
    status = scion__tensor_alloc(c->ctx, x->dtype, x->n_dims, x->shape, &w);
    if (status == SCION_OK) status = scion__tensor_copy_into(c->ctx, w, c->in[2]);
  }
  double total = 0;
  for (int64_t i = 0; status == SCION_OK && i < x->numel; i++) {
    double p = scion__load(x->data, x->dtype, i), q = scion__load(t->data, t->dtype, i);
    if (p < 0 || p > 1) {
      status = SCION_OP_FAIL(c, SCION_EINVAL, "input %g at position %lld (counted from 0) is no probability; apply sigmoid, or use "
                             "binary_cross_entropy_with_logits", p, (long long)i);
      break;
    }
    double loss = -(q * log100(p) + (1 - q) * log100(1 - p));
    if (w != NULL) loss *= scion__load(w->data, w->dtype, i);
    if (reduction == SCION_RED_NONE) scion__store(c->out[0]->data, x->dtype, i, loss);
    else total += loss;
  }
  if (status == SCION_OK && reduction != SCION_RED_NONE) {
    scion__store(c->out[0]->data, x->dtype, 0, reduction == SCION_RED_MEAN ? total / (double)x->numel : total);
  }
  scion_tensor_free(c->ctx, x);
  scion_tensor_free(c->ctx, t);
  scion_tensor_free(c->ctx, w);
  return status;
}
/* dp = (p - t) / (p (1 - p)), the denominator kept above 1e-12. */
static void bce_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion_tensor *p = g->in[0], *t = g->in[1], *w = scion__g_opt(g, 2), *up = g->dy[0];
  int32_t reduction = *(const int32_t *)g->params;
  if (reduction == SCION_RED_MEAN) up = x_muls(x, up, 1 / (double)p->numel);
  scion_tensor *weighted = w == NULL ? up : x_mul(x, up, w), *not_p = x_adds(x, x_neg(x, p), 1);
  if (g->needs[0]) {
    scion_tensor *variance = X2(maximum, x_mul(x, p, not_p), x_scalar(x, p->dtype, 1e-12));
    scion__g_set(g, 0, x_expand_like(x, x_mul(x, weighted, x_div(x, x_sub(x, p, t), variance)), p));
  }
  if (g->needs[1] || scion__g_needs(g, 2)) {
    scion_tensor *floor100 = x_scalar(x, p->dtype, -100);
    scion_tensor *lp = X2(maximum, X1(log, p), floor100), *lq = X2(maximum, X1(log, not_p), floor100);
    if (g->needs[1]) scion__g_set(g, 1, x_mul(x, weighted, x_sub(x, lq, lp)));
    if (scion__g_needs(g, 2)) {
      scion_tensor *each = x_neg(x, x_add(x, x_mul(x, t, lp), x_mul(x, x_adds(x, x_neg(x, t), 1), lq)));
      scion__g_set(g, 2, x_sum_to(x, x_mul(x, up, each), w));
    }
  }
}
static const scion_slot slots_bce[] = { { "input", 0, "probabilities" }, { "target", 0, "0 .. 1; same shape" },
                                        { "weight", SCION_SF_OPTIONAL, "of each element; broadcasts" } };
static const scion_sample samples_bce[] = { { "3x4:p,3x4:p", "" }, { "3x4:p,3x4:p,4:+", "reduction=none" } };
const scion_op scion__op_binary_cross_entropy = {
  .info = { "binary_cross_entropy", 1, SCION_OF_FUNCTION, "-(t log p + (1 - t) log(1 - p)) of probabilities p.",
            SCION_INPUTS(slots_bce), SCION_OUTPUTS(slots_loss), SCION_PARAMS(scion__params_reduction, scion_reduction_params) },
  .infer = weighted_infer, .forward = bce_forward, .grad = bce_grad,
  .keeps = SCION_KEEP_IN(0) | SCION_KEEP_IN(1) | SCION_KEEP_IN(2), SCION_SAMPLES(samples_bce) };

/* (1 - t) x + (1 + (w - 1) t) softplus(-x), w the weight of positives: finite for any x. */
static scion_tensor *bce_logits(scion_x *x, scion_tensor *in, scion_tensor *t, scion_tensor *weight, scion_tensor *pos_weight) {
  scion_tensor *soft = X1(softplus, x_neg(x, in)), *not_t = x_adds(x, x_neg(x, t), 1);
  if (pos_weight != NULL) soft = x_mul(x, soft, x_adds(x, x_mul(x, x_adds(x, pos_weight, -1), t), 1));
  scion_tensor *loss = x_add(x, x_mul(x, not_t, in), soft);
  return weight == NULL ? loss : x_mul(x, loss, weight);
}
static void bce_logits_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  out[0] = scion__x_reduce(x, bce_logits(x, c->in[0], c->in[1], scion__opt(c, 2), scion__opt(c, 3)), reduction_of(c));
}
static const scion_slot slots_bce_logits[] = { { "input", 0, "scores before the sigmoid" }, { "target", 0, "0 .. 1; same shape" },
                                               { "weight", SCION_SF_OPTIONAL, "of each element; broadcasts" },
                                               { "pos_weight", SCION_SF_OPTIONAL, "of positive targets; broadcasts" } };
static const scion_sample samples_bce_logits[] = { { "3x4,3x4:p", "" }, { "3x4,3x4:p,3x1:+,4:+", "reduction=sum" }, { "3x4,3x4:p,-,4:+", "reduction=none" } };
const scion_op scion__op_binary_cross_entropy_with_logits = {
  .info = { "binary_cross_entropy_with_logits", 1, SCION_OF_FUNCTION, "Binary cross entropy of sigmoid(input), exact for large scores.",
            SCION_INPUTS(slots_bce_logits), SCION_OUTPUTS(slots_loss), SCION_PARAMS(scion__params_reduction, scion_reduction_params) },
  .infer = weighted_infer, .compose = bce_logits_compose, SCION_SAMPLES(samples_bce_logits) };

static scion_status multilabel_infer(scion_call *c) {
  SCION_TRY(weighted_infer(c));
  SCION_TRY(scion__need_dims(c, 0, 1, SCION_MAX_DIMS));
  scion__out_reduced(c, c->in[0]->dtype, c->in[0]->n_dims - 1, c->in[0]->shape, reduction_of(c));
  return SCION_OK;
}
static void multilabel_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  int64_t last = c->in[0]->n_dims - 1;
  scion_tensor *each = bce_logits(x, c->in[0], c->in[1], scion__opt(c, 2), NULL);
  out[0] = scion__x_reduce(x, x_mean(x, each, 1, &last, false), reduction_of(c));
}
static const scion_slot slots_multilabel[] = { { "input", 0, "scores (N, C)" }, { "target", 0, "0 .. 1 (N, C)" },
                                               { "weight", SCION_SF_OPTIONAL, "(C): of each class" } };
static const scion_sample samples_multilabel[] = { { "3x4,3x4:p", "" }, { "3x4,3x4:p,4:+", "reduction=none" } };
const scion_op scion__op_multilabel_soft_margin_loss = {
  .info = { "multilabel_soft_margin_loss", 1, SCION_OF_FUNCTION, "Binary cross entropy with logits, averaged over the classes of each item.",
            SCION_INPUTS(slots_multilabel), SCION_OUTPUTS(slots_loss), SCION_PARAMS(scion__params_reduction, scion_reduction_params) },
  .infer = multilabel_infer, .compose = multilabel_compose, SCION_SAMPLES(samples_multilabel) };

/* ---- distributions ----------------------------------------------------------------------------------- */

static const char *const kl_reductions[] = { "none", "mean", "sum", "batchmean", NULL };
typedef struct { int32_t reduction, log_target; } kl_params;
static const scion_param params_kl[] = {
  { "reduction", SCION_P_ENUM, 0, offsetof(kl_params, reduction), .def = 1, .choices = kl_reductions,
    .doc = "\"none\", \"mean\" (over elements), \"sum\", or \"batchmean\" (sum / N: the divergence itself)" },
  { "log_target", SCION_P_BOOL, 0, offsetof(kl_params, log_target), .def = 0, .doc = "target holds logarithms too" } };
static void kl_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const kl_params *p = c->params;
  scion_tensor *in = c->in[0], *t = c->in[1], *loss;
  if (p->log_target) {
    loss = x_mul(x, X1(exp, t), x_sub(x, t, in));
  } else { /* t log t - t x, with 0 log 0 = 0 */
    scion_tensor *zero = x_scalar(x, in->dtype, 0), *some = X2(gt, t, zero);
    scion_tensor *log_t = X1(log, x_where(x, some, t, x_scalar(x, in->dtype, 1)));
    loss = x_mul(x, t, x_sub(x, log_t, in));
  }
  if (p->reduction == 3) {
    loss = x_muls(x, x_sum(x, loss, 0, NULL, false), in->n_dims > 0 && in->shape[0] > 0 ? 1 / (double)in->shape[0] : 1);
  } else {
    loss = scion__x_reduce(x, loss, p->reduction);
  }
  out[0] = loss;
}
static const scion_slot slots_kl[] = { { "input", 0, "log-probabilities" }, { "target", 0, "probabilities; same shape" } };
static const scion_sample samples_kl[] = { { "3x4,3x4:p", "" }, { "3x4,3x4", "log_target=true reduction=batchmean" }, { "3x4,3x4:p", "reduction=none" } };
const scion_op scion__op_kl_div = {
  .info = { "kl_div", 1, SCION_OF_FUNCTION, "Kullback-Leibler divergence: target (log target - input), input in logarithms.",
            SCION_INPUTS(slots_kl), SCION_OUTPUTS(slots_loss), SCION_PARAMS(params_kl, kl_params) },
  .infer = pair_infer, .compose = kl_compose, SCION_SAMPLES(samples_kl) };

typedef struct { int32_t reduction, full, log_input; double eps; } nll_params;
static const scion_param params_gaussian[] = { SCION_REDUCTION(nll_params),
  { "full", SCION_P_BOOL, 0, offsetof(nll_params, full), .def = 0, .doc = "add the constant log(2 pi) / 2" },
  { "eps", SCION_P_FLOAT, 0, offsetof(nll_params, eps), .def = 1e-6, .min = 0, .max = 1e300, .doc = "smallest variance" } };
static scion_status gaussian_infer(scion_call *c) {
  SCION_TRY(pair_infer(c));
  return need_broadcast(c, 2);
}
static void gaussian_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const nll_params *p = c->params;
  scion_tensor *var = X2(maximum, c->in[2], x_scalar(x, c->in[2]->dtype, p->eps));
  scion_tensor *d = X1(square, x_sub(x, c->in[0], c->in[1]));
  scion_tensor *loss = x_muls(x, x_add(x, X1(log, var), x_div(x, d, var)), 0.5);
  if (p->full) loss = x_adds(x, loss, 0.91893853320467274178);
  out[0] = scion__x_reduce(x, loss, p->reduction);
}
static const scion_slot slots_gaussian[] = { { "input", 0, "expected values" }, { "target", 0, "samples; same shape" },
                                             { "var", 0, "variances, positive; broadcasts" } };
static const scion_sample samples_gaussian[] = { { "3x4,3x4,3x4:+", "full=true" }, { "3x4,3x4,3x1:+", "reduction=sum" } };
const scion_op scion__op_gaussian_nll_loss = {
  .info = { "gaussian_nll_loss", 1, SCION_OF_FUNCTION, "Negative log-likelihood of normal distributions with given means and variances.",
            SCION_INPUTS(slots_gaussian), SCION_OUTPUTS(slots_loss), SCION_PARAMS(params_gaussian, nll_params) },
  .infer = gaussian_infer, .compose = gaussian_compose, SCION_SAMPLES(samples_gaussian) };

static const scion_param params_poisson[] = { SCION_REDUCTION(nll_params),
  { "log_input", SCION_P_BOOL, 0, offsetof(nll_params, log_input), .def = 1, .doc = "input is the logarithm of the rate" },
  { "full", SCION_P_BOOL, 0, offsetof(nll_params, full), .def = 0, .doc = "add Stirling's approximation of log(target!)" },
  { "eps", SCION_P_FLOAT, 0, offsetof(nll_params, eps), .def = 1e-8, .min = 0, .max = 1e300, .doc = "added to the rate before its logarithm" } };
static void poisson_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const nll_params *p = c->params;
  scion_tensor *in = c->in[0], *t = c->in[1], *loss;
  if (p->log_input) loss = x_sub(x, X1(exp, in), x_mul(x, t, in));
  else loss = x_sub(x, in, x_mul(x, t, X1(log, x_adds(x, in, p->eps))));
  if (p->full) { /* t log t - t + log(2 pi t) / 2 where t > 1 */
    scion_tensor *one = x_scalar(x, in->dtype, 1), *many = X2(gt, t, one), *safe = x_where(x, many, t, one);
    scion_tensor *log_t = X1(log, safe);
    scion_tensor *stirling = x_add(x, x_mul(x, x_adds(x, safe, 0.5), log_t), x_adds(x, x_neg(x, safe), 0.91893853320467274178));
    loss = x_add(x, loss, x_where(x, many, stirling, x_scalar(x, in->dtype, 0)));
  }
  out[0] = scion__x_reduce(x, loss, p->reduction);
}
static const scion_sample samples_poisson[] = { { "3x4,3x4:+", "" }, { "3x4:+,3x4:+", "log_input=false full=true reduction=sum" } };
const scion_op scion__op_poisson_nll_loss = {
  .info = { "poisson_nll_loss", 1, SCION_OF_FUNCTION, "Negative log-likelihood of counts under Poisson distributions.",
            SCION_INPUTS(slots_pair), SCION_OUTPUTS(slots_loss), SCION_PARAMS(params_poisson, nll_params) },
  .infer = pair_infer, .compose = poisson_compose, SCION_SAMPLES(samples_poisson) };

/* ---- hinges ------------------------------------------------------------------------------------------ */

typedef struct { int32_t reduction; double margin; } hinge_params;
#define MARGIN_PARAMS(name, margin_)                                                                           \
  static const scion_param name[] = { SCION_REDUCTION(hinge_params),                                           \
    { "margin", SCION_P_FLOAT, 0, offsetof(hinge_params, margin), .def = margin_, .doc = "distance asked for" } };
MARGIN_PARAMS(params_margin0, 0)
MARGIN_PARAMS(params_margin1, 1)
static const scion_slot slots_sign[] = { { "input", 0, "scores or distances" }, { "target", 0, "1 or -1; same shape" } };

static void hinge_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *gap = x_adds(x, x_neg(x, x_mul(x, c->in[0], c->in[1])), ((const hinge_params *)c->params)->margin);
  out[0] = scion__x_reduce(x, X1(relu, gap), reduction_of(c));
}
static const scion_sample samples_hinge[] = { { "3x4:d,3x4:sign!", "" }, { "3x4:d,3x4:sign!", "margin=0.52 reduction=none" } };
const scion_op scion__op_hinge_loss = {
  .info = { "hinge_loss", 1, SCION_OF_FUNCTION, "max(0, margin - target * input): the loss of support vector machines.",
            SCION_INPUTS(slots_sign), SCION_OUTPUTS(slots_loss), SCION_PARAMS(params_margin1, hinge_params) },
  .infer = pair_infer, .compose = hinge_compose, SCION_SAMPLES(samples_hinge) };

static void hinge_embedding_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *in = c->in[0], *zero = x_scalar(x, in->dtype, 0);
  scion_tensor *far = X1(relu, x_adds(x, x_neg(x, in), ((const hinge_params *)c->params)->margin));
  out[0] = scion__x_reduce(x, x_where(x, X2(gt, c->in[1], zero), in, far), reduction_of(c));
}
const scion_op scion__op_hinge_embedding_loss = {
  .info = { "hinge_embedding_loss", 1, SCION_OF_FUNCTION, "input where target is 1, max(0, margin - input) where it is -1.",
            SCION_INPUTS(slots_sign), SCION_OUTPUTS(slots_loss), SCION_PARAMS(params_margin1, hinge_params) },
  .infer = pair_infer, .compose = hinge_embedding_compose, SCION_SAMPLES(samples_hinge) };

static void soft_margin_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  out[0] = scion__x_reduce(x, X1(softplus, x_neg(x, x_mul(x, c->in[0], c->in[1]))), reduction_of(c));
}
static const scion_sample samples_sign[] = { { "3x4,3x4:sign!", "" }, { "3x4,3x4:sign!", "reduction=sum" } };
const scion_op scion__op_soft_margin_loss = {
  .info = { "soft_margin_loss", 1, SCION_OF_FUNCTION, "log(1 + e^(-target * input)), target 1 or -1.",
            SCION_INPUTS(slots_sign), SCION_OUTPUTS(slots_loss), SCION_PARAMS(scion__params_reduction, scion_reduction_params) },
  .infer = pair_infer, .compose = soft_margin_compose, SCION_SAMPLES(samples_sign) };

static scion_status ranking_infer(scion_call *c) {
  SCION_TRY(pair_infer(c));
  return scion__need_same_shape(c, 0, 2);
}
static void ranking_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *gap = x_mul(x, c->in[2], x_sub(x, c->in[1], c->in[0]));
  out[0] = scion__x_reduce(x, X1(relu, x_adds(x, gap, ((const hinge_params *)c->params)->margin)), reduction_of(c));
}
static const scion_slot slots_ranking[] = { { "input1", 0, "scores" }, { "input2", 0, "scores; same shape" },
                                            { "target", 0, "1: input1 shall rank higher, -1: input2" } };
static const scion_sample samples_ranking[] = { { "3x4:d,3x4:u,3x4:sign!", "margin=0.1" }, { "5:d,5:u,5:sign!", "reduction=none" } };
const scion_op scion__op_margin_ranking_loss = {
  .info = { "margin_ranking_loss", 1, SCION_OF_FUNCTION, "max(0, margin - target * (input1 - input2)).",
            SCION_INPUTS(slots_ranking), SCION_OUTPUTS(slots_loss), SCION_PARAMS(params_margin0, hinge_params) },
  .infer = ranking_infer, .compose = ranking_compose, SCION_SAMPLES(samples_ranking) };
