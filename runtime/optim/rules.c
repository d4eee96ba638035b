/* rules.c: the kinds of optimisers: their options (PyTorch's defaults), state, and the numbers of a step. */
#include <math.h>

#include "optim.h"

#define OPEN1 0, 1, 1, 0, 0 /* 0 <= x < 1 */
#define ABOVE0 0, INFINITY, 1, 0, 0
#define FLAG 0, 1, 0, 1, 0
#define LR(value) { "lr", value, ABOVE0, "learning rate" }
#define EPS(value) { "eps", value, ABOVE0, "added to the denominator" }
#define DECAY(value) { "weight_decay", value, ABOVE0, "L2 penalty: this times the parameter joins the gradient" }
#define MAXIMIZE { "maximize", 0, FLAG, "climb instead of descend" }
#define BETAS { "beta1", 0.9, OPEN1, "decay of the mean gradient" }, { "beta2", 0.999, OPEN1, "decay of the mean square" }
#define DECOUPLED { "decoupled_weight_decay", 0, FLAG, "shrink the parameter as AdamW does" }

/* The position of each option is its index in the group's values. */
enum { SGD_LR, SGD_MOMENTUM, SGD_DAMPENING, SGD_DECAY, SGD_NESTEROV, SGD_MAXIMIZE };
static const scion_optim_option options_sgd[] = {
  LR(1e-3), { "momentum", 0, ABOVE0, "factor on the previous step" }, { "dampening", 0, -INFINITY, INFINITY, 1, 0, 0, "of the momentum" },
  DECAY(0), { "nesterov", 0, FLAG, "look ahead; needs momentum and no dampening" }, MAXIMIZE };
static void numbers_sgd(const double *o, scion_optim_slot *slot, double *h) {
  h[SCION_H_LR] = o[SGD_LR];
  h[SCION_H_SIGN] = o[SGD_MAXIMIZE] != 0 ? -1 : 1;
  h[SCION_H_DECAY] = o[SGD_DECAY];
  h[SCION_H_A] = o[SGD_MOMENTUM];
  h[SCION_H_B] = 1 - o[SGD_DAMPENING];
  h[SCION_H_C] = slot->fresh;
  h[SCION_H_FLAG] = o[SGD_NESTEROV];
}

enum { ADAM_LR, ADAM_BETA1, ADAM_BETA2, ADAM_EPS, ADAM_DECAY, ADAM_AMSGRAD, ADAM_MAXIMIZE, ADAM_DECOUPLED };
#define AMSGRAD { "amsgrad", 0, FLAG, "divide by the largest mean square so far" }
static const scion_optim_option options_adam[] = { LR(1e-3), BETAS, EPS(1e-8), DECAY(0), AMSGRAD, MAXIMIZE, DECOUPLED };
static const scion_optim_option options_adamw[] = { LR(1e-3), BETAS, EPS(1e-8), DECAY(1e-2), AMSGRAD, MAXIMIZE };
static void adam_common(const double *o, scion_optim_slot *slot, double *h, bool decoupled) {
  double t = (double)(slot->step + 1);
  h[SCION_H_LR] = o[ADAM_LR];
  h[SCION_H_SIGN] = o[ADAM_MAXIMIZE] != 0 ? -1 : 1;
  h[SCION_H_DECAY] = decoupled ? 0 : o[ADAM_DECAY];
  h[SCION_H_KEEP] = decoupled ? 1 - o[ADAM_LR] * o[ADAM_DECAY] : 1;
  h[SCION_H_EPS] = o[ADAM_EPS];
  h[SCION_H_A] = o[ADAM_BETA1];
  h[SCION_H_B] = o[ADAM_BETA2];
  h[SCION_H_C] = o[ADAM_LR] / (1 - pow(o[ADAM_BETA1], t));
  h[SCION_H_D] = 1 / sqrt(1 - pow(o[ADAM_BETA2], t));
}
static void numbers_adam(const double *o, scion_optim_slot *slot, double *h) { adam_common(o, slot, h, o[ADAM_DECOUPLED] != 0); }
static void numbers_adamw(const double *o, scion_optim_slot *slot, double *h) { adam_common(o, slot, h, true); }

enum { RMS_LR, RMS_ALPHA, RMS_EPS, RMS_DECAY, RMS_MOMENTUM, RMS_CENTERED, RMS_MAXIMIZE };
static const scion_optim_option options_rmsprop[] = {
  LR(1e-2), { "alpha", 0.99, 0, 1, 0, 0, 0, "decay of the mean square" }, EPS(1e-8), DECAY(0),
  { "momentum", 0, ABOVE0, "factor on the previous step" }, { "centered", 0, FLAG, "divide by the deviation, not the root mean square" }, MAXIMIZE };
static void numbers_rmsprop(const double *o, scion_optim_slot *slot, double *h) {
  h[SCION_H_LR] = o[RMS_LR];
  h[SCION_H_SIGN] = o[RMS_MAXIMIZE] != 0 ? -1 : 1;
  h[SCION_H_DECAY] = o[RMS_DECAY];
  h[SCION_H_EPS] = o[RMS_EPS];
  h[SCION_H_A] = o[RMS_ALPHA];
  h[SCION_H_B] = o[RMS_MOMENTUM];
}

enum { GRAD_LR, GRAD_LR_DECAY, GRAD_DECAY, GRAD_START, GRAD_EPS, GRAD_MAXIMIZE };
static const scion_optim_option options_adagrad[] = {
  LR(1e-2), { "lr_decay", 0, ABOVE0, "the rate is lr / (1 + steps * lr_decay)" }, DECAY(0),
  { "initial_accumulator_value", 0, ABOVE0, "start of the sum of squares" }, EPS(1e-10), MAXIMIZE };
static void numbers_adagrad(const double *o, scion_optim_slot *slot, double *h) {
  h[SCION_H_LR] = o[GRAD_LR] / (1 + (double)slot->step * o[GRAD_LR_DECAY]);
  h[SCION_H_SIGN] = o[GRAD_MAXIMIZE] != 0 ? -1 : 1;
  h[SCION_H_DECAY] = o[GRAD_DECAY];
  h[SCION_H_EPS] = o[GRAD_EPS];
}

enum { DELTA_LR, DELTA_RHO, DELTA_EPS, DELTA_DECAY, DELTA_MAXIMIZE };
static const scion_optim_option options_adadelta[] = {
  LR(1), { "rho", 0.9, 0, 1, 0, 0, 0, "decay of the mean squares" }, EPS(1e-6), DECAY(0), MAXIMIZE };
static void numbers_adadelta(const double *o, scion_optim_slot *slot, double *h) {
  (void)slot;
  h[SCION_H_LR] = o[DELTA_LR];
  h[SCION_H_SIGN] = o[DELTA_MAXIMIZE] != 0 ? -1 : 1;
  h[SCION_H_DECAY] = o[DELTA_DECAY];
  h[SCION_H_EPS] = o[DELTA_EPS];
  h[SCION_H_A] = o[DELTA_RHO];
}

enum { NADAM_LR, NADAM_BETA1, NADAM_BETA2, NADAM_EPS, NADAM_DECAY, NADAM_MOMENTUM_DECAY, NADAM_DECOUPLED, NADAM_MAXIMIZE };
static const scion_optim_option options_nadam[] = {
  LR(2e-3), BETAS, EPS(1e-8), DECAY(0), { "momentum_decay", 4e-3, ABOVE0, "how fast beta1 takes hold" }, DECOUPLED, MAXIMIZE };
static void numbers_nadam(const double *o, scion_optim_slot *slot, double *h) {
  double t = (double)(slot->step + 1), b1 = o[NADAM_BETA1];
  bool decoupled = o[NADAM_DECOUPLED] != 0;
  double mu = b1 * (1 - 0.5 * pow(0.96, t * o[NADAM_MOMENTUM_DECAY]));
  double next = b1 * (1 - 0.5 * pow(0.96, (t + 1) * o[NADAM_MOMENTUM_DECAY]));
  double product = slot->mu_product * mu;
  h[SCION_H_LR] = o[NADAM_LR];
  h[SCION_H_SIGN] = o[NADAM_MAXIMIZE] != 0 ? -1 : 1;
  h[SCION_H_DECAY] = decoupled ? 0 : o[NADAM_DECAY];
  h[SCION_H_KEEP] = decoupled ? 1 - o[NADAM_LR] * o[NADAM_DECAY] : 1;
  h[SCION_H_EPS] = o[NADAM_EPS];
  h[SCION_H_A] = b1;
  h[SCION_H_B] = o[NADAM_BETA2];
  h[SCION_H_C] = o[NADAM_LR] * (1 - mu) / (1 - product);
  h[SCION_H_D] = o[NADAM_LR] * next / (1 - product * next);
  h[SCION_H_E] = 1 / (1 - pow(o[NADAM_BETA2], t));
  h[SCION_H_FLAG] = product; /* taken over once the step is done */
}

enum { MAX_LR, MAX_BETA1, MAX_BETA2, MAX_EPS, MAX_DECAY, MAX_MAXIMIZE };
static const scion_optim_option options_adamax[] = { LR(2e-3), BETAS, EPS(1e-8), DECAY(0), MAXIMIZE };
static void numbers_adamax(const double *o, scion_optim_slot *slot, double *h) {
  h[SCION_H_LR] = o[MAX_LR];
  h[SCION_H_SIGN] = o[MAX_MAXIMIZE] != 0 ? -1 : 1;
  h[SCION_H_DECAY] = o[MAX_DECAY];
  h[SCION_H_EPS] = o[MAX_EPS];
  h[SCION_H_A] = o[MAX_BETA1];
  h[SCION_H_B] = o[MAX_BETA2];
  h[SCION_H_C] = o[MAX_LR] / (1 - pow(o[MAX_BETA1], (double)(slot->step + 1)));
}

enum { RADAM_LR, RADAM_BETA1, RADAM_BETA2, RADAM_EPS, RADAM_DECAY, RADAM_DECOUPLED, RADAM_MAXIMIZE };
static const scion_optim_option options_radam[] = { LR(1e-3), BETAS, EPS(1e-8), DECAY(0), DECOUPLED, MAXIMIZE };
static void numbers_radam(const double *o, scion_optim_slot *slot, double *h) {
  double t = (double)(slot->step + 1), b2 = o[RADAM_BETA2], b2t = pow(b2, t);
  bool decoupled = o[RADAM_DECOUPLED] != 0;
  double longest = 2 / (1 - b2) - 1, length = longest - 2 * t * b2t / (1 - b2t);
  h[SCION_H_LR] = o[RADAM_LR];
  h[SCION_H_SIGN] = o[RADAM_MAXIMIZE] != 0 ? -1 : 1;
  h[SCION_H_DECAY] = decoupled ? 0 : o[RADAM_DECAY];
  h[SCION_H_KEEP] = decoupled ? 1 - o[RADAM_LR] * o[RADAM_DECAY] : 1;
  h[SCION_H_EPS] = o[RADAM_EPS];
  h[SCION_H_A] = o[RADAM_BETA1];
  h[SCION_H_B] = b2;
  h[SCION_H_C] = o[RADAM_LR] / (1 - pow(o[RADAM_BETA1], t));
  h[SCION_H_FLAG] = length > 5;
  if (length > 5) {
    double r = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length);
    h[SCION_H_D] = sqrt(r) * sqrt(1 - b2t);
  }
}

static const scion_optim_option options_lbfgs[] = {
  LR(1), { "max_iter", 20, 1, 1e9, 0, 0, 1, "iterations per step" },
  { "max_eval", -1, -1, 1e9, 0, 0, 1, "closure calls per step; -1: max_iter * 5 / 4" },
  { "tolerance_grad", 1e-7, ABOVE0, "stop when no gradient exceeds this" },
  { "tolerance_change", 1e-9, ABOVE0, "stop when loss or parameters change less" },
  { "history_size", 100, 1, 1e6, 0, 0, 1, "remembered pairs" },
  { "strong_wolfe", 0, FLAG, "search along each direction (strong Wolfe conditions)" } };

#define OPTIONS(a) .options = a, .n_options = (int32_t)(sizeof(a) / sizeof(a[0]))
static const scion_optim_rule rules[] = {
  { .kind = "sgd", OPTIONS(options_sgd), .update = SCION_UPDATE_SGD, .state = { "momentum_buffer" }, .needs = { "momentum" }, .numbers = numbers_sgd },
  { .kind = "adam", OPTIONS(options_adam), .update = SCION_UPDATE_ADAM, .state = { "exp_avg", "exp_avg_sq", "max_exp_avg_sq" },
    .needs = { NULL, NULL, "amsgrad" }, .counts = true, .numbers = numbers_adam },
  { .kind = "adamw", OPTIONS(options_adamw), .update = SCION_UPDATE_ADAM, .state = { "exp_avg", "exp_avg_sq", "max_exp_avg_sq" },
    .needs = { NULL, NULL, "amsgrad" }, .counts = true, .numbers = numbers_adamw },
  { .kind = "rmsprop", OPTIONS(options_rmsprop), .update = SCION_UPDATE_RMSPROP, .state = { "square_avg", "grad_avg", "momentum_buffer" },
    .needs = { NULL, "centered", "momentum" }, .counts = true, .numbers = numbers_rmsprop },
  { .kind = "adagrad", OPTIONS(options_adagrad), .update = SCION_UPDATE_ADAGRAD, .state = { "sum" }, .counts = true, .numbers = numbers_adagrad },
  { .kind = "adadelta", OPTIONS(options_adadelta), .update = SCION_UPDATE_ADADELTA, .state = { "square_avg", "acc_delta" }, .counts = true,
    .numbers = numbers_adadelta },
  { .kind = "nadam", OPTIONS(options_nadam), .update = SCION_UPDATE_NADAM, .state = { "exp_avg", "exp_avg_sq" }, .counts = true, .has_mu = true,
    .numbers = numbers_nadam },
  { .kind = "adamax", OPTIONS(options_adamax), .update = SCION_UPDATE_ADAMAX, .state = { "exp_avg", "exp_inf" }, .counts = true, .numbers = numbers_adamax },
  { .kind = "radam", OPTIONS(options_radam), .update = SCION_UPDATE_RADAM, .state = { "exp_avg", "exp_avg_sq" }, .counts = true, .numbers = numbers_radam },
  { .kind = "lbfgs", OPTIONS(options_lbfgs), .update = -1 },
};
enum { N_RULES = sizeof rules / sizeof rules[0] };

int32_t scion_optim_kind_count(void) { return N_RULES; }
const char *scion_optim_kind_at(int32_t i) { return i >= 0 && i < N_RULES ? rules[i].kind : NULL; }

const scion_optim_rule *scion__optim_rule(const char *kind) {
  for (int32_t i = 0; kind != NULL && i < N_RULES; i++) {
    if (strcmp(rules[i].kind, kind) == 0) return &rules[i];
  }
  return NULL;
}

const scion_optim_option *scion_optim_options(const char *kind, int32_t *n) {
  const scion_optim_rule *rule = scion__optim_rule(kind);
  *n = rule == NULL ? 0 : rule->n_options;
  return rule == NULL ? NULL : rule->options;
}

int32_t scion__optim_option(const scion_optim_rule *rule, const char *name) {
  for (int32_t i = 0; name != NULL && i < rule->n_options; i++) {
    if (strcmp(rule->options[i].name, name) == 0) return i;
  }
  return -1;
}
