/* dropout.c: dropout, feature_dropout and alpha_dropout. In evaluation (or with p = 0) they are the identity and
 * give their input back. In training an internal op draws a mask and keeps it for the gradient; element i's
 * fate depends on the context's random state and i alone. */
#include <math.h>

#include "nn.h"

/* ---- dropout_train: mask and apply ------------------------------------------------------------------------- */

/* Kept elements become scale x + shift, others `dropped`. whole: one draw for each of the first two dimensions. */
typedef struct { double p, scale, shift, dropped; int32_t whole; } train_params;
static const scion_param params_train[] = {
  { "p", SCION_P_FLOAT, 0, offsetof(train_params, p), .def = 0.5, .min = 0, .max = 1, .doc = "probability of being dropped" },
  { "scale", SCION_P_FLOAT, 0, offsetof(train_params, scale), .def = 1, .doc = "factor of kept elements" },
  { "shift", SCION_P_FLOAT, 0, offsetof(train_params, shift), .def = 0, .doc = "added to kept elements" },
  { "dropped", SCION_P_FLOAT, 0, offsetof(train_params, dropped), .def = 0, .doc = "value of dropped elements" },
  { "whole", SCION_P_BOOL, 0, offsetof(train_params, whole), .def = 0, .doc = "drop whole channels (N, C)" } };

static scion_status train_infer(scion_call *c) {
  SCION_TRY(scion__infer_float(c));
  scion__out(c, 1, SCION_BOOL, c->in[0]->n_dims, c->in[0]->shape);
  return SCION_OK;
}
typedef struct {
  uint64_t key, first;
  uint32_t threshold;
  int dtype;
  const train_params *p;
  const char *x;
  uint8_t *mask;
  char *y;
} job;
static void draw(void *ud, int64_t begin, int64_t end) { /* begin is a multiple of 4: grains are */
  const job *j = ud;
  scion__k->dropout_mask(end - begin, j->key, j->first + (uint64_t)begin / 4, j->threshold, j->mask + begin);
}
static void apply(void *ud, int64_t begin, int64_t end) {
  const job *j = ud;
  if (j->dtype == SCION_F32) {
    scion__k->dropout_apply_f32(end - begin, (const float *)j->x + begin, j->mask + begin, (float)j->p->scale, (float)j->p->shift,
                                (float)j->p->dropped, (float *)j->y + begin);
  } else {
    scion__k->dropout_apply_f64(end - begin, (const double *)j->x + begin, j->mask + begin, j->p->scale, j->p->shift, j->p->dropped,
                                (double *)j->y + begin);
  }
}
enum { GRAIN = 16384 };
static scion_status train_forward(scion_call *c) {
  const train_params *p = c->params;
  scion_tensor *x;
  SCION_TRY(scion__packed_in(c, 0, &x));
  int64_t n = x->numel, outer = 1, inner = 1;
  for (int32_t i = 0; i < x->n_dims; i++) *(i < 2 ? &outer : &inner) *= x->shape[i];
  int64_t draws = p->whole ? outer : n;
  double edge = p->p * 4294967296.0;
  job j = { .key = c->ctx->seed, .first = scion__rng_take(c->ctx, ((uint64_t)draws + 3) / 4),
            .threshold = edge >= 4294967295.0 ? 4294967295u : (uint32_t)edge, .dtype = x->dtype, .p = p, .x = x->data,
            .mask = (uint8_t *)c->out[1]->data, .y = c->out[0]->data };
  if (p->p >= 1) {
    memset(j.mask, 0, (size_t)n);
  } else {
    scion__parallel_range(c->ctx, draws, GRAIN, draw, &j);
    for (int64_t i = outer - 1; p->whole && i >= 0; i--) { /* spread, from the end so that draws are still there */
      memset(j.mask + i * inner, j.mask[i], (size_t)inner);
    }
  }
  scion__parallel_range(c->ctx, n, GRAIN, apply, &j);
  scion_tensor_free(c->ctx, x);
  return SCION_OK;
}
static void train_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  const train_params *p = g->params;
  scion_tensor *up = x_muls(x, g->dy[0], p->scale);
  if (up != NULL) scion__g_set(g, 0, x_where(x, g->out[1], up, x_scalar(x, up->dtype, 0)));
}
static scion_status train_grad_fused(scion_grad_call *g) {
  scion_context *ctx = g->x.ctx;
  scion_tensor *dy = NULL, *dx = NULL;
  scion_status status = scion__tensor_packed(ctx, g->dy[0], &dy);
  if (status == SCION_OK) status = scion__tensor_alloc(ctx, dy->dtype, dy->n_dims, dy->shape, &dx);
  if (status == SCION_OK) {
    train_params p = *(const train_params *)g->params;
    p.shift = p.dropped = 0;
    job j = { .dtype = dy->dtype, .p = &p, .x = dy->data, .mask = (uint8_t *)g->out[1]->data, .y = dx->data };
    scion__parallel_range(ctx, dy->numel, GRAIN, apply, &j);
    scion__g_set(g, 0, dx);
  }
  scion_tensor_free(ctx, dy);
  scion_tensor_free(ctx, dx);
  return status;
}
static const scion_slot slots_train_out[] = { { "y", 0, "like x" }, { "mask", 0, "bool: kept" } };
static const scion_sample samples_train[] = { { "3x4", "p=0.4 scale=1.5 shift=0.3 dropped=-1" }, { "2x3x4", "whole=true p=0.4" } };
const scion_op scion__op_dropout_train = {
  .info = { .name = "dropout_train", .version = 1, .flags = SCION_OF_INTERNAL | SCION_OF_RANDOM, .doc = "dropout's work in training.",
            SCION_INPUTS(scion__slots_x), .outputs = slots_train_out, .n_outputs = 2, .n_visible = 1, SCION_PARAMS(params_train, train_params) },
  .infer = train_infer, .forward = train_forward, .grad = train_grad, .grad_fused = train_grad_fused, .keeps = SCION_KEEP_OUT(1),
  SCION_SAMPLES(samples_train) };

/* ---- what users call ---------------------------------------------------------------------------------------- */

typedef struct { double p; int32_t training; } dropout_params;
static const scion_param params_dropout[] = {
  { "p", SCION_P_FLOAT, 0, offsetof(dropout_params, p), .def = 0.5, .min = 0, .max = 1, .doc = "probability of being dropped" },
  { "training", SCION_P_BOOL, SCION_PF_TRAINING, offsetof(dropout_params, training), .def = 1, .doc = "without it, x itself" } };

static scion_tensor *dropped(scion_x *x, const scion_call *c, bool whole) {
  const dropout_params *p = c->params;
  if (!p->training || p->p == 0) return c->in[0];
  train_params t = { p->p, p->p < 1 ? 1 / (1 - p->p) : 0, 0, 0, whole };
  return scion__x1(x, &scion__op_dropout_train, &t, c->in[0]);
}
static void dropout_compose(scion_x *x, const scion_call *c, scion_tensor **out) { out[0] = dropped(x, c, false); }
static void feature_compose(scion_x *x, const scion_call *c, scion_tensor **out) { out[0] = dropped(x, c, true); }
/* Dropped elements become selu's negative limit; mean and variance stay (Klambauer et al. 2017). */
static void alpha(scion_x *x, const scion_call *c, scion_tensor **out, bool whole) {
  const dropout_params *p = c->params;
  const double limit = -1.7580993408473766;
  out[0] = c->in[0];
  if (!p->training || p->p == 0) return;
  double a = p->p < 1 ? 1 / sqrt((1 - p->p) * (1 + p->p * limit * limit)) : 0, b = -a * limit * p->p;
  train_params t = { p->p, a, b, a * limit + b, whole };
  out[0] = scion__x1(x, &scion__op_dropout_train, &t, c->in[0]);
}
static void alpha_compose(scion_x *x, const scion_call *c, scion_tensor **out) { alpha(x, c, out, false); }
static void feature_alpha_compose(scion_x *x, const scion_call *c, scion_tensor **out) { alpha(x, c, out, true); }
static scion_status feature_infer(scion_call *c) {
  SCION_TRY(scion__infer_float(c));
  return scion__need_dims(c, 0, 2, SCION_MAX_DIMS);
}
static const scion_sample samples_dropout[] = { { "3x4", "" }, { "3x4", "training=false" }, { "3x4", "p=0.2" } };
static const scion_sample samples_feature[] = { { "2x3x4", "" }, { "3x4", "p=0.2" } };
#define DROPOUT_FLAGS SCION_OF_RANDOM | SCION_OF_TRAINING
const scion_op scion__op_dropout = {
  .info = { "dropout", 1, DROPOUT_FLAGS, "Zeroes elements with probability p and scales the rest by 1 / (1 - p).", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_dropout, dropout_params) },
  .infer = scion__infer_float, .compose = dropout_compose, SCION_SAMPLES(samples_dropout) };
const scion_op scion__op_feature_dropout = {
  .info = { "feature_dropout", 1, DROPOUT_FLAGS, "Zeroes whole channels of (N, C, ...) with probability p and scales the rest by 1 / (1 - p).",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_dropout, dropout_params) },
  .infer = feature_infer, .compose = feature_compose, SCION_SAMPLES(samples_feature) };
const scion_op scion__op_alpha_dropout = {
  .info = { "alpha_dropout", 1, DROPOUT_FLAGS, "Dropout for selu networks: dropped elements take selu's negative limit, mean and variance stay.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_dropout, dropout_params) },
  .infer = scion__infer_float, .compose = alpha_compose, SCION_SAMPLES(samples_dropout) };
const scion_op scion__op_feature_alpha_dropout = {
  .info = { "feature_alpha_dropout", 1, DROPOUT_FLAGS, "alpha_dropout of whole channels of (N, C, ...).", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_dropout, dropout_params) },
  .infer = feature_infer, .compose = feature_alpha_compose, SCION_SAMPLES(samples_feature) };
