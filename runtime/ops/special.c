/* special.c: special functions that need more than one of the shared inner loops. */
#include <math.h>

#include "op.h"

/* polygamma(n, x) = d^n/dx^n digamma(x), n >= 1: recurrence up to x >= 10 + n, then the asymptotic series
 * (Abramowitz & Stegun 6.4.6, 6.4.11). x > 0. */
static double polygamma(int64_t n, double x) {
  static const double bernoulli[] = { 1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6, -3617.0 / 510 };
  if (!(x > 0)) return NAN;
  double sign = n % 2 == 1 ? 1 : -1, factorial = tgamma((double)n + 1), sum = 0;
  for (; x < 10 + (double)n; x += 1) sum += factorial / pow(x, (double)n + 1);
  double y = tgamma((double)n) / pow(x, (double)n) + factorial / (2 * pow(x, (double)n + 1));
  for (int k = 1; k <= 8; k++) {
    y += bernoulli[k - 1] * tgamma(2.0 * k + (double)n) / (tgamma(2.0 * k + 1) * pow(x, 2.0 * k + (double)n));
  }
  return sign * (sum + y);
}

typedef struct { int64_t n; } polygamma_params;
static const scion_param params[] = {
  { "n", SCION_P_INT, 0, offsetof(polygamma_params, n), .def = 1, .min = 1, .max = 60, .doc = "order of the derivative of digamma" } };

typedef struct { int64_t n; const scion_tensor *x; scion_tensor *y; } job;
static void range(void *ud, int64_t begin, int64_t end) {
  const job *j = ud;
  for (int64_t i = begin; i < end; i++) {
    if (j->x->dtype == SCION_F32) ((float *)(void *)j->y->data)[i] = (float)polygamma(j->n, ((const float *)(void *)j->x->data)[i]);
    else ((double *)(void *)j->y->data)[i] = polygamma(j->n, ((const double *)(void *)j->x->data)[i]);
  }
}
static scion_status forward(scion_call *c) {
  scion_tensor *x;
  SCION_TRY(scion__packed_in(c, 0, &x));
  job j = { ((const polygamma_params *)c->params)->n, x, c->out[0] };
  scion__parallel_range(c->ctx, x->numel, 1024, range, &j);
  scion_tensor_free(c->ctx, x);
  return SCION_OK;
}
static void grad(scion_grad_call *g) {
  polygamma_params p = { ((const polygamma_params *)g->params)->n + 1 };
  scion__g_set(g, 0, x_mul(&g->x, g->dy[0], scion__x1(&g->x, &scion__op_polygamma, &p, g->in[0])));
}
static const scion_sample samples[] = { { "3x4:+", "n=1" }, { "4:+", "n=2" } };
const scion_op scion__op_polygamma = {
  .info = { "polygamma", 1, 0, "The n-th derivative of digamma, n >= 1, for x > 0.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params, polygamma_params) },
  .infer = scion__infer_float, .forward = forward, .grad = grad, .keeps = SCION_KEEP_IN(0), SCION_SAMPLES(samples) };
