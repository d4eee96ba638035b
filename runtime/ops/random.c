/* random.c: tensors of random numbers. Element i depends on the seed and its place alone (base.h: Philox), so
 * that any number of threads gives the same bits. Every op reserves its blocks of four u32 first; a chunk is a
 * multiple of four elements and computes its numbers from its own blocks.
 *
 * The samplers are f(x) -> like x, with in-place forms (x:uniform_(0, 1)); the factories take a shape. */
#include <math.h>

#include "../kernels/kernels.h"
#include "../tensor/element.h"
#include "op.h"
#include "params.h"

#define CHUNK 512 /* elements drawn at once */
#define GRAIN 8192

enum { UNIFORM, NORMAL, LOG_NORMAL, EXPONENTIAL, TRUNC_NORMAL, BERNOULLI };

typedef struct {
  uint64_t key, first; /* first block */
  int32_t kind, dtype;
  double a, b, lo, hi; /* lo, hi of TRUNC_NORMAL: as probabilities */
  const char *p;       /* BERNOULLI: probabilities, packed, or NULL for a */
  char *y;
} draw;

/* Inverse of the normal distribution function (Wichura 1988, algorithm AS 241, about 1e-16). */
static double normal_quantile(double p) {
  double q = p - 0.5, r;
  if (fabs(q) <= 0.425) {
    r = 0.180625 - q * q;
    return q * (((((((r * 2509.0809287301226727 + 33430.575583588128105) * r + 67265.770927008700853) * r + 45921.953931549871457) * r +
                    13731.693765509461125) * r + 1971.5909503065514427) * r + 133.14166789178437745) * r + 3.387132872796366608) /
           (((((((r * 5226.495278852545925 + 28729.085735721942674) * r + 39307.89580009271061) * r + 21213.794301586595867) * r +
               5394.1960214247511077) * r + 687.1870074920579083) * r + 42.313330701600911252) * r + 1.0);
  }
  r = q < 0 ? p : 1 - p;
  if (r <= 0) return q < 0 ? -INFINITY : INFINITY;
  r = sqrt(-log(r));
  double v;
  if (r <= 5) {
    r -= 1.6;
    v = (((((((r * 7.7454501427834140764e-4 + .0227238449892691845833) * r + .24178072517745061177) * r + 1.27045825245236838258) * r +
            3.64784832476320460504) * r + 5.7694972214606914055) * r + 4.6303378461565452959) * r + 1.42343711074968357734) /
        (((((((r * 1.05075007164441684324e-9 + 5.475938084995344946e-4) * r + .0151986665636164571966) * r + .14810397642748007459) * r +
            .68976733498510000455) * r + 1.6763848301838038494) * r + 2.05319162663775882187) * r + 1.0);
  } else {
    r -= 5;
    v = (((((((r * 2.01033439929228813265e-7 + 2.71155556874348757815e-5) * r + .0012426609473880784386) * r + .026532189526576123093) * r +
            .29656057182850489123) * r + 1.7848265399172913358) * r + 5.4637849111641143699) * r + 6.6579046435011037772) /
        (((((((r * 2.04426310338993978564e-15 + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r + 7.868691311456132591e-4) * r +
            .0148753612908506148525) * r + .13692988092273580531) * r + .59983220655588793769) * r + 1.0);
  }
  return q < 0 ? -v : v;
}

#define UNARY(name, type, n, x) scion__k->unary[SCION_U_##name][type](n, x, 1, x, 1)

/* n uniform numbers in u become normal ones (Box and Muller 1958), by pairs. */
#define BOX_MULLER(T, type)                                                     \
  T radius[CHUNK / 2], angle[CHUNK / 2], wave[CHUNK / 2];                       \
  int64_t pairs = (n + 1) / 2;                                                  \
  for (int64_t i = 0; i < pairs; i++) {                                         \
    radius[i] = (T)1 - u[2 * i]; /* never 0 */                                  \
    wave[i] = angle[i] = (T)6.283185307179586476925 * u[2 * i + 1];             \
  }                                                                             \
  UNARY(log, type, pairs, radius);                                              \
  UNARY(cos, type, pairs, angle);                                               \
  UNARY(sin, type, pairs, wave);                                                \
  for (int64_t i = 0; i < pairs; i++) radius[i] *= (T)-2;                       \
  UNARY(sqrt, type, pairs, radius);                                             \
  for (int64_t i = 0; i < pairs; i++) {                                         \
    u[2 * i] = radius[i] * angle[i];                                            \
    u[2 * i + 1] = radius[i] * wave[i];                                         \
  }

#define SAMPLE(T, type)                                                                                              \
  switch (d->kind) {                                                                                                 \
    case UNIFORM:                                                                                                    \
      for (int64_t i = 0; i < n; i++) {                                                                              \
        y[i] = (T)d->a + (T)(d->b - d->a) * u[i];                                                                    \
        if (y[i] >= (T)d->b && d->b > d->a) y[i] = (T)d->a; /* rounded up to the bound, which is excluded */         \
      }                                                                                                              \
      break;                                                                                                         \
    case NORMAL: case LOG_NORMAL: {                                                                                  \
      BOX_MULLER(T, type)                                                                                            \
      for (int64_t i = 0; i < n; i++) y[i] = (T)d->a + (T)d->b * u[i];                                               \
      if (d->kind == LOG_NORMAL) UNARY(exp, type, n, y);                                                             \
      break;                                                                                                         \
    }                                                                                                                \
    case EXPONENTIAL:                                                                                                \
      for (int64_t i = 0; i < n; i++) u[i] = (T)1 - u[i];                                                            \
      UNARY(log, type, n, u);                                                                                        \
      for (int64_t i = 0; i < n; i++) y[i] = u[i] * (T)(-1 / d->a);                                                  \
      break;                                                                                                         \
    case TRUNC_NORMAL:                                                                                               \
      for (int64_t i = 0; i < n; i++) y[i] = (T)(d->a + d->b * normal_quantile(d->lo + (d->hi - d->lo) * (double)u[i])); \
      break;                                                                                                         \
    default:                                                                                                         \
      for (int64_t i = 0; i < n; i++) y[i] = u[i] < (d->p != NULL ? ((const T *)(const void *)d->p)[begin + i] : (T)d->a) ? 1 : 0; \
  }

static void draw_f32(const draw *d, int64_t begin, int64_t n) {
  uint32_t bits[CHUNK];
  float u[CHUNK + 1], *y = (float *)(void *)d->y + begin;
  int64_t even = (n + 1) / 2 * 2;
  scion__k->philox_u32(even, d->key, d->first + (uint64_t)begin / 4, bits);
  scion__k->uniform_f32(even, bits, 0, 1, u);
  SAMPLE(float, SCION_F32)
}
static void draw_f64(const draw *d, int64_t begin, int64_t n) {
  uint32_t bits[2 * CHUNK];
  double u[CHUNK + 1], *y = (double *)(void *)d->y + begin;
  int64_t even = (n + 1) / 2 * 2;
  scion__k->philox_u32(2 * even, d->key, d->first + (uint64_t)begin / 2, bits);
  scion__k->uniform_f64(even, bits, 0, 1, u);
  SAMPLE(double, SCION_F64)
}
typedef struct { const draw *d; int64_t n; } draw_job;
static void draw_range(void *ud, int64_t begin, int64_t end) {
  const draw_job *j = ud;
  for (int64_t k = begin; k < end; k++) {
    int64_t at = k * CHUNK, n = scion__min(CHUNK, j->n - at);
    if (j->d->dtype == SCION_F32) draw_f32(j->d, at, n);
    else draw_f64(j->d, at, n);
  }
}

/* Fills the packed floats of y (or a strided y through a copy). */
static scion_status draw_into(scion_call *c, draw *d, scion_tensor *y) {
  scion_tensor *aside = NULL;
  if (!y->contiguous) SCION_TRY(scion__tensor_alloc(c->ctx, y->dtype, y->n_dims, y->shape, &aside));
  d->key = c->ctx->seed;
  d->dtype = y->dtype;
  d->first = scion__rng_take(c->ctx, (uint64_t)(y->dtype == SCION_F32 ? (y->numel + 3) / 4 : (y->numel + 1) / 2));
  d->y = aside != NULL ? aside->data : y->data;
  draw_job j = { d, y->numel };
  scion__parallel_range(c->ctx, (y->numel + CHUNK - 1) / CHUNK, GRAIN / CHUNK, draw_range, &j);
  if (aside != NULL) {
    scion__tensor_copy_into(c->ctx, y, aside);
    scion_tensor_free(c->ctx, aside);
  }
  return SCION_OK;
}

/* ---- samplers: like x ------------------------------------------------------------------------------------- */

/* What was there before does not matter. */
static void gone_grad(scion_grad_call *g) { scion__g_set(g, 0, x_zeros_like(&g->x, g->dy[0])); }
static const scion_sample samples_like[] = { { "3x4", "" } };
#define SAMPLER(op, params_, type, infer_, forward_, doc_)                                                           \
  const scion_op scion__op_##op = {                                                                                  \
    .info = { #op, 1, SCION_OF_RANDOM | SCION_OF_INPLACE, doc_, SCION_INPUTS(scion__slots_x),                        \
              SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_, type) },                                          \
    .infer = infer_, .forward = forward_, .grad = gone_grad, SCION_SAMPLES(samples_like) };

typedef struct { double from, to; } uniform_params;
static scion_status uniform_infer(scion_call *c) {
  const uniform_params *p = c->params;
  if (!(p->from <= p->to)) return SCION_OP_FAIL(c, SCION_EINVAL, "from %g is above to %g", p->from, p->to);
  return scion__infer_float(c);
}
static scion_status uniform_forward(scion_call *c) {
  const uniform_params *p = c->params;
  draw d = { .kind = UNIFORM, .a = p->from, .b = p->to };
  return draw_into(c, &d, c->out[0]);
}
static const scion_param params_uniform[] = {
  { "from", SCION_P_FLOAT, 0, offsetof(uniform_params, from), .def = 0, .doc = "lower bound, included" },
  { "to", SCION_P_FLOAT, 0, offsetof(uniform_params, to), .def = 1, .doc = "upper bound, excluded" } };
SAMPLER(uniform, params_uniform, uniform_params, uniform_infer, uniform_forward, "Uniform random numbers in the shape of x.")

typedef struct { double mean, std; } normal_params;
static scion_status normal_infer(scion_call *c) {
  const normal_params *p = c->params;
  if (!(p->std >= 0)) return SCION_OP_FAIL(c, SCION_EINVAL, "std is %g, expected at least 0", p->std);
  return scion__infer_float(c);
}
static scion_status normal_forward(scion_call *c) {
  const normal_params *p = c->params;
  draw d = { .kind = c->op == &scion__op_normal ? NORMAL : LOG_NORMAL, .a = p->mean, .b = p->std };
  return draw_into(c, &d, c->out[0]);
}
#define NORMAL_PARAMS(type, mean_, std_)                                                                 \
  { "mean", SCION_P_FLOAT, 0, offsetof(type, mean), .def = mean_, .doc = "mean" },                       \
  { "std", SCION_P_FLOAT, 0, offsetof(type, std), .def = std_, .doc = "standard deviation" }
static const scion_param params_normal[] = { NORMAL_PARAMS(normal_params, 0, 1) };
static const scion_param params_log_normal[] = { NORMAL_PARAMS(normal_params, 1, 2) };
SAMPLER(normal, params_normal, normal_params, normal_infer, normal_forward, "Normal random numbers in the shape of x.")
SAMPLER(log_normal, params_log_normal, normal_params, normal_infer, normal_forward,
        "Numbers whose logarithm is normal, in the shape of x.")

typedef struct { double lambd; } exponential_params;
static scion_status exponential_infer(scion_call *c) {
  const exponential_params *p = c->params;
  if (!(p->lambd > 0)) return SCION_OP_FAIL(c, SCION_EINVAL, "lambd is %g, expected more than 0", p->lambd);
  return scion__infer_float(c);
}
static scion_status exponential_forward(scion_call *c) {
  const exponential_params *p = c->params;
  draw d = { .kind = EXPONENTIAL, .a = p->lambd };
  return draw_into(c, &d, c->out[0]);
}
static const scion_param params_exponential[] = {
  { "lambd", SCION_P_FLOAT, 0, offsetof(exponential_params, lambd), .def = 1, .doc = "rate: 1 / mean" } };
SAMPLER(exponential, params_exponential, exponential_params, exponential_infer, exponential_forward,
        "Exponential random numbers in the shape of x.")

typedef struct { double mean, std, a, b; } trunc_normal_params;
static scion_status trunc_normal_infer(scion_call *c) {
  const trunc_normal_params *p = c->params;
  if (!(p->std > 0)) return SCION_OP_FAIL(c, SCION_EINVAL, "std is %g, expected more than 0", p->std);
  if (!(p->a < p->b)) return SCION_OP_FAIL(c, SCION_EINVAL, "bounds are %g and %g, expected a < b", p->a, p->b);
  return scion__infer_float(c);
}
static scion_status trunc_normal_forward(scion_call *c) {
  const trunc_normal_params *p = c->params;
  draw d = { .kind = TRUNC_NORMAL, .a = p->mean, .b = p->std, .lo = 0.5 * erfc((p->mean - p->a) / p->std * 0.70710678118654752440),
             .hi = 0.5 * erfc((p->mean - p->b) / p->std * 0.70710678118654752440) };
  return draw_into(c, &d, c->out[0]);
}
static const scion_param params_trunc_normal[] = {
  NORMAL_PARAMS(trunc_normal_params, 0, 1),
  { "a", SCION_P_FLOAT, 0, offsetof(trunc_normal_params, a), .def = -2, .doc = "lower bound" },
  { "b", SCION_P_FLOAT, 0, offsetof(trunc_normal_params, b), .def = 2, .doc = "upper bound" } };
SAMPLER(trunc_normal, params_trunc_normal, trunc_normal_params, trunc_normal_infer, trunc_normal_forward,
        "Normal random numbers between a and b, in the shape of x.")

typedef struct { double p; } bernoulli_params;
static scion_status bernoulli_infer(scion_call *c) {
  const bernoulli_params *p = c->params;
  if (p->p < 0 || p->p > 1) return SCION_OP_FAIL(c, SCION_EINVAL, "p is %g, expected 0..1", p->p);
  return scion__infer_float(c);
}
static scion_status bernoulli_forward(scion_call *c) {
  const bernoulli_params *p = c->params;
  draw d = { .kind = BERNOULLI, .a = p->p };
  if (p->p == p->p) return draw_into(c, &d, c->out[0]);
  scion_tensor *probability;
  SCION_TRY(scion__packed_in(c, 0, &probability));
  for (int64_t i = 0; i < probability->numel; i++) {
    double v = scion__element_get(probability->dtype, probability->data + (size_t)i * scion_dtype_size((scion_dtype)probability->dtype));
    if (v >= 0 && v <= 1) continue;
    scion_tensor_free(c->ctx, probability);
    return SCION_OP_FAIL(c, SCION_EINVAL, "element %lld of x is %g; probabilities lie in 0..1", (long long)i + 1, v);
  }
  d.p = probability->data;
  scion_status st = draw_into(c, &d, c->out[0]);
  scion_tensor_free(c->ctx, probability);
  return st;
}
static const scion_param params_bernoulli[] = {
  { "p", SCION_P_FLOAT, 0, offsetof(bernoulli_params, p), .def = NAN, .doc = "probability of 1; default the elements of x" } };
static const scion_sample samples_bernoulli[] = { { "3x4:p", "" }, { "3x4", "p=0.5" } };
const scion_op scion__op_bernoulli = {
  .info = { "bernoulli", 1, SCION_OF_RANDOM | SCION_OF_INPLACE, "1 with the probability that x gives (or p), else 0.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_bernoulli, bernoulli_params) },
  .infer = bernoulli_infer, .forward = bernoulli_forward, .grad = gone_grad, SCION_SAMPLES(samples_bernoulli) };

/* ---- factories: of a shape ----------------------------------------------------------------------------------- */

typedef struct { scion_ints shape; int32_t dtype; } factory_params;
#define SHAPE_PARAM(type, flags_) { "shape", SCION_P_INTS, SCION_PF_REQUIRED | (flags_), offsetof(type, shape), .doc = "sizes" }
static const scion_param params_factory[] = {
  SHAPE_PARAM(factory_params, SCION_PF_VARARGS),
  { "dtype", SCION_P_DTYPE, 0, offsetof(factory_params, dtype), .def = -1, .doc = "\"f32\" (default) or \"f64\"" } };
static scion_status out_shape(scion_call *c, int dtype, const scion_ints *shape) {
  int64_t numel;
  SCION_TRY(scion__check_shape(c->ctx, c->op->info.name, shape->n, shape->v, &numel));
  scion__out(c, 0, dtype, shape->n, shape->v);
  return SCION_OK;
}
static scion_status float_dtype(const scion_call *c, int32_t dtype) {
  if (scion__is_float(dtype)) return SCION_OK;
  return SCION_OP_FAIL(c, SCION_EDTYPE, "dtype is %s, expected f32 or f64", scion_dtype_name((scion_dtype)dtype));
}
static scion_status factory_infer(scion_call *c) {
  const factory_params *p = c->params;
  int32_t dtype = p->dtype < 0 ? SCION_F32 : p->dtype;
  SCION_TRY(float_dtype(c, dtype));
  return out_shape(c, dtype, &p->shape);
}
static scion_status rand_forward(scion_call *c) {
  draw d = { .kind = UNIFORM, .a = 0, .b = 1 };
  return draw_into(c, &d, c->out[0]);
}
static scion_status randn_forward(scion_call *c) {
  draw d = { .kind = NORMAL, .a = 0, .b = 1 };
  return draw_into(c, &d, c->out[0]);
}
static const scion_sample samples_shape[] = { { "", "shape=3,4" }, { "", "shape=3,4 dtype=f64" } };
#define FACTORY(op, forward_, doc_)                                                                     \
  const scion_op scion__op_##op = {                                                                     \
    .info = { #op, 1, SCION_OF_RANDOM | SCION_OF_FUNCTION | SCION_OF_NO_GRAD, doc_, NULL, 0,            \
              SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_factory, factory_params) },            \
    .infer = factory_infer, .forward = forward_, SCION_SAMPLES(samples_shape) };
FACTORY(rand, rand_forward, "Uniform random numbers in [0, 1): scion.rand(2, 3).")
FACTORY(randn, randn_forward, "Standard normal random numbers: scion.randn(2, 3).")

typedef struct { int32_t dtype; } like_params;
static const scion_param params_like[] = {
  { "dtype", SCION_P_DTYPE, 0, offsetof(like_params, dtype), .def = -1, .doc = "\"f32\" or \"f64\"; default that of x" } };
static scion_status like_infer(scion_call *c) {
  const like_params *p = c->params;
  int32_t dtype = p->dtype < 0 ? c->in[0]->dtype : p->dtype;
  SCION_TRY(float_dtype(c, dtype));
  scion__out(c, 0, dtype, c->in[0]->n_dims, c->in[0]->shape);
  return SCION_OK;
}
#define LIKE(op, forward_, doc_)                                                                        \
  const scion_op scion__op_##op = {                                                                     \
    .info = { #op, 1, SCION_OF_RANDOM | SCION_OF_FUNCTION | SCION_OF_NO_GRAD, doc_, SCION_INPUTS(scion__slots_x), \
              SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_like, like_params) },                  \
    .infer = like_infer, .forward = forward_, SCION_SAMPLES(samples_like) };
LIKE(rand_like, rand_forward, "Uniform random numbers in [0, 1) in the shape of x.")
LIKE(randn_like, randn_forward, "Standard normal random numbers in the shape of x.")

/* ---- integers ------------------------------------------------------------------------------------------------ */

typedef struct { int64_t low, high; scion_ints shape; int32_t dtype; } randint_params;
static scion_status randint_infer(scion_call *c) {
  const randint_params *p = c->params;
  static const int64_t limit[6][2] = { { -16777216, 16777216 }, { -9007199254740992, 9007199254740992 }, { INT32_MIN, INT32_MAX },
                                       { INT64_MIN, INT64_MAX }, { 0, 255 }, { 0, 1 } };
  if (p->low >= p->high) {
    return SCION_OP_FAIL(c, SCION_EINVAL, "low %lld must be below high %lld (high is excluded)", (long long)p->low, (long long)p->high);
  }
  if (!scion__is_compute(p->dtype)) return SCION_OP_FAIL(c, SCION_EDTYPE, "dtype is %s, a storage type", scion_dtype_name((scion_dtype)p->dtype));
  if (p->low < limit[p->dtype][0] || p->high - 1 > limit[p->dtype][1]) {
    return SCION_OP_FAIL(c, SCION_EINVAL, "%lld..%lld does not fit %s", (long long)p->low, (long long)p->high - 1,
                         scion_dtype_name((scion_dtype)p->dtype));
  }
  return out_shape(c, p->dtype, &p->shape);
}
/* A number below n from 64 random bits: the high half of the product; the bias is below n / 2^64. */
static inline uint64_t below(uint64_t n, const uint32_t *u) {
  return (uint64_t)(((unsigned __int128)(((uint64_t)u[0] << 32) | u[1]) * n) >> 64);
}
typedef struct { uint64_t key, first; int64_t low; uint64_t range; scion_tensor *y; } randint_job;
static void randint_range(void *ud, int64_t begin, int64_t end) {
  const randint_job *j = ud;
  uint32_t u[2 * CHUNK];
  int64_t size = (int64_t)scion_dtype_size((scion_dtype)j->y->dtype);
  for (int64_t k = begin; k < end; k++) {
    int64_t at = k * CHUNK, n = scion__min(CHUNK, j->y->numel - at);
    scion__k->philox_u32(2 * n, j->key, j->first + (uint64_t)at / 2, u);
    for (int64_t i = 0; i < n; i++)
      scion__element_set_i64(j->y->dtype, j->y->data + (at + i) * size, (int64_t)((uint64_t)j->low + below(j->range, u + 2 * i)));
  }
}
static scion_status randint_forward(scion_call *c) {
  const randint_params *p = c->params;
  scion_tensor *y = c->out[0];
  randint_job j = { c->ctx->seed, scion__rng_take(c->ctx, (uint64_t)(y->numel + 1) / 2), p->low, (uint64_t)p->high - (uint64_t)p->low, y };
  scion__parallel_range(c->ctx, (y->numel + CHUNK - 1) / CHUNK, GRAIN / CHUNK, randint_range, &j);
  return SCION_OK;
}
static const scion_param params_randint[] = {
  { "low", SCION_P_INT, SCION_PF_REQUIRED, offsetof(randint_params, low), .doc = "smallest" },
  { "high", SCION_P_INT, SCION_PF_REQUIRED, offsetof(randint_params, high), .doc = "one above the largest" },
  SHAPE_PARAM(randint_params, 0),
  { "dtype", SCION_P_DTYPE, 0, offsetof(randint_params, dtype), .def = SCION_I64, .doc = "default i64" } };
static const scion_sample samples_randint[] = { { "", "low=1 high=7 shape=3,4" } };
const scion_op scion__op_randint = {
  .info = { "randint", 1, SCION_OF_RANDOM | SCION_OF_FUNCTION | SCION_OF_NO_GRAD,
            "Random integers, low <= n < high: scion.randint(1, 7, {2, 3}).", NULL, 0, SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_randint, randint_params) },
  .infer = randint_infer, .forward = randint_forward, SCION_SAMPLES(samples_randint) };

typedef struct { int64_t n, base; } randperm_params;
static scion_status randperm_infer(scion_call *c) {
  const randperm_params *p = c->params;
  scion__out(c, 0, SCION_I64, 1, &p->n);
  return SCION_OK;
}
static scion_status randperm_forward(scion_call *c) { /* Fisher and Yates; number i is its own block half */
  const randperm_params *p = c->params;
  int64_t *y = (int64_t *)(void *)c->out[0]->data;
  uint64_t first = scion__rng_take(c->ctx, (uint64_t)(p->n + 1) / 2);
  uint32_t u[2 * CHUNK];
  for (int64_t i = 0; i < p->n; i++) y[i] = i + p->base;
  for (int64_t at = 0; at < p->n; at += CHUNK) {
    int64_t n = scion__min(CHUNK, p->n - at);
    scion__k->philox_u32(2 * n, c->ctx->seed, first + (uint64_t)at / 2, u);
    for (int64_t i = 0; i < n; i++) {
      int64_t a = at + i, b = a + (int64_t)below((uint64_t)(p->n - a), u + 2 * i), t = y[a];
      y[a] = y[b];
      y[b] = t;
    }
  }
  return SCION_OK;
}
static const scion_param params_randperm[] = {
  { "n", SCION_P_INT, SCION_PF_REQUIRED, offsetof(randperm_params, n), .min = 0, .max = 1e15, .doc = "how many" },
  { "base", SCION_P_INT, SCION_PF_BASE, offsetof(randperm_params, base), .min = 0, .max = 1, .doc = "the smallest, 0 or 1" } };
static const scion_sample samples_randperm[] = { { "", "n=5" } };
const scion_op scion__op_randperm = {
  .info = { "randperm", 1, SCION_OF_RANDOM | SCION_OF_FUNCTION | SCION_OF_INDICES | SCION_OF_NO_GRAD,
            "The positions 1..n (0..n-1 with base 0) in random order.", NULL, 0, SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_randperm, randperm_params) },
  .infer = randperm_infer, .forward = randperm_forward, SCION_SAMPLES(samples_randperm) };
