/* unary.c: K(unary_table), the elementwise functions of one operand. f32 functions come from
 * math_f32.h and vectorise; f64 ones are the C library's. Integer arithmetic wraps. */
#include "loops.h"
#include "math_f32.h"

/* ---- f32: a contiguous loop per function, wrapped for strided operands ----------------------------- */

#define F32(name, expr)                                                        \
  static void name##_f32_run(int64_t n, const float *a, float *out) {          \
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                      \
      const float x = a[i];                                                    \
      out[i] = (expr);                                                         \
    }                                                                          \
  }                                                                            \
  SCION_UNARY_BLOCK(name##_f32, float, name##_f32_run)
F32(exp, m_exp(x))
F32(expm1, m_expm1(x))
F32(log, m_log(x))
F32(log1p, m_log1p(x))
F32(log2, m_log2(x))
F32(log10, m_log10(x))
F32(asin, m_asin(x))
F32(acos, m_acos(x))
F32(atan, m_atan(x))
F32(sinh, m_sinh(x))
F32(cosh, m_cosh(x))
F32(tanh, m_tanh(x))
F32(asinh, m_asinh(x))
F32(acosh, m_acosh(x))
F32(atanh, m_atanh(x))
F32(erf, m_erf(x))
F32(sigmoid, m_sigmoid(x))
F32(softplus1, m_softplus1(x))
F32(silu, m_silu(x))
F32(gelu, m_gelu(x))
F32(gelu_tanh, m_gelu_tanh(x))
F32(mish, m_mish(x))

/* sin, cos, tan: blocks with a huge argument go to the C library, which reduces it exactly. */
#define F32_TRIG(name)                                                         \
  static void name##_f32_run(int64_t n, const float *a, float *out) {          \
    for (int64_t i = 0; i < n; i += 4 * SCION_BLOCK) {                         \
      int64_t end = n - i < 4 * SCION_BLOCK ? n : i + 4 * SCION_BLOCK;         \
      float top = 0.0f;                                                        \
      _Pragma("omp simd reduction(max : top)") for (int64_t j = i; j < end; j++) { \
        float x = fabsf(a[j]);                                                 \
        top = x > top ? x : top;                                               \
      }                                                                        \
      if (top < M_TRIG_LIMIT) {                                                \
        _Pragma("omp simd") for (int64_t j = i; j < end; j++) out[j] = m_##name(a[j]); \
      } else {                                                                 \
        for (int64_t j = i; j < end; j++) out[j] = fabsf(a[j]) < M_TRIG_LIMIT ? m_##name(a[j]) : name##f(a[j]); \
      }                                                                        \
    }                                                                          \
  }                                                                            \
  SCION_UNARY_BLOCK(name##_f32, float, name##_f32_run)
F32_TRIG(sin)
F32_TRIG(cos)
F32_TRIG(tan)

/* ---- special functions in f64 ---------------------------------------------------------------------- */

static double lgamma_of(double x) {
  int sign; /* lgamma itself writes a global */
  return lgamma_r(x, &sign);
}

/* Reflection below 1/2, recurrence up to 8, then the asymptotic series (Abramowitz and Stegun 6.3.18). */
static double digamma_of(double x) {
  if (x == 0.0) return signbit(x) ? INFINITY : -INFINITY;
  if (x < 0.0 && x == floor(x)) return NAN;
  double sum = 0.0;
  if (x < 0.5) {
    double r = x - floor(x);
    sum = -M_PID / tan(M_PID * r);
    x = 1.0 - x;
  }
  for (; x < 8.0; x += 1.0) sum -= 1.0 / x;
  if (x > 1e17) return sum + log(x);
  double z = 1.0 / (x * x);
  double p = z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760 - z / 12.0))))));
  return sum + log(x) - 0.5 / x - p;
}

static double sigmoid_of(double x) {
  double e = exp(-fabs(x));
  return (x < 0.0 ? e : 1.0) / (1.0 + e);
}
static double silu_of(double x) { return x < -800.0 ? -0.0 : x * sigmoid_of(x); }
static double softplus_of(double x) { return (x > 0.0 ? x : 0.0) + log1p(exp(-fabs(x))) + (x != x ? x : 0.0); }
static double mish_of(double x) {
  if (x < -800.0) return -0.0;
  double e = exp(x > 40.0 ? 40.0 : x), n = e * (e + 2.0);
  return x * (n / (n + 2.0));
}
static double gelu_of(double x) { return x < -50.0 ? -0.0 : 0.5 * x * erfc(-x * 0.70710678118654752); }
static double gelu_tanh_of(double x) {
  return x < -50.0 ? -0.0 : x * sigmoid_of(1.5957691216057308 * (x + 0.044715 * (x * x * x)));
}

#define F64(name, expr) SCION_UNARY_LOOP(name##_f64, double, double, expr)
F64(exp, exp(x))
F64(expm1, expm1(x))
F64(log, log(x))
F64(log1p, log1p(x))
F64(log2, log2(x))
F64(log10, log10(x))
F64(sin, sin(x))
F64(cos, cos(x))
F64(tan, tan(x))
F64(asin, asin(x))
F64(acos, acos(x))
F64(atan, atan(x))
F64(sinh, sinh(x))
F64(cosh, cosh(x))
F64(tanh, tanh(x))
F64(asinh, asinh(x))
F64(acosh, acosh(x))
F64(atanh, atanh(x))
F64(erf, erf(x))
F64(sigmoid, sigmoid_of(x))
F64(softplus1, softplus_of(x))
F64(silu, silu_of(x))
F64(gelu, gelu_of(x))
F64(gelu_tanh, gelu_tanh_of(x))
F64(mish, mish_of(x))
F64(erfc, erfc(x))
F64(lgamma, lgamma_of(x))
F64(digamma, digamma_of(x))
SCION_UNARY_LOOP(erfc_f32, float, float, erfc((double)x))
SCION_UNARY_LOOP(lgamma_f32, float, float, lgamma_of((double)x))
SCION_UNARY_LOOP(digamma_f32, float, float, digamma_of((double)x))

/* ---- algebraic, both floats ------------------------------------------------------------------------ */

#define FLOATS(name, f32_expr, f64_expr)                     \
  SCION_UNARY_LOOP(name##_f32, float, float, f32_expr)       \
  SCION_UNARY_LOOP(name##_f64, double, double, f64_expr)
FLOATS(neg, -x, -x)
FLOATS(abs, fabsf(x), fabs(x))
FLOATS(sign, x != x ? x : (float)((x > 0.0f) - (x < 0.0f)), x != x ? x : (double)((x > 0.0) - (x < 0.0)))
FLOATS(sqrt, sqrtf(x), sqrt(x))
FLOATS(rsqrt, 1.0f / sqrtf(x), 1.0 / sqrt(x))
FLOATS(square, x * x, x * x)
FLOATS(reciprocal, 1.0f / x, 1.0 / x)
FLOATS(floor, floorf(x), floor(x))
FLOATS(ceil, ceilf(x), ceil(x))
FLOATS(round, rintf(x), rint(x))
FLOATS(trunc, truncf(x), trunc(x))
FLOATS(frac, x - truncf(x), x - trunc(x))
FLOATS(relu, x < 0.0f ? 0.0f : x, x < 0.0 ? 0.0 : x)
static inline float clamp6_f32(float x) { return x < 0.0f ? 0.0f : x > 6.0f ? 6.0f : x; }
static inline double clamp6_f64(double x) { return x < 0.0 ? 0.0 : x > 6.0 ? 6.0 : x; }
FLOATS(hardswish, (x < -3.0f ? -3.0f : x) * (clamp6_f32(x + 3.0f) / 6.0f), (x < -3.0 ? -3.0 : x) * (clamp6_f64(x + 3.0) / 6.0))
FLOATS(hardsigmoid, clamp6_f32(x + 3.0f) / 6.0f, clamp6_f64(x + 3.0) / 6.0)

/* ---- integers (V: the unsigned type that wraps) ------------------------------------------------------ */

#define INTS(T, V, tag, is_signed)                                                \
  SCION_UNARY_LOOP(neg_##tag, T, T, (T)(0u - (V)x))                               \
  SCION_UNARY_LOOP(abs_##tag, T, T, is_signed && x < (T)1 ? (T)(0u - (V)x) : x)   \
  SCION_UNARY_LOOP(sign_##tag, T, T, (x > 0) - (is_signed && x < (T)1 && x != 0)) \
  SCION_UNARY_LOOP(square_##tag, T, T, (T)((V)x * (V)x))                          \
  SCION_UNARY_LOOP(relu_##tag, T, T, x > 0 ? x : 0)                               \
  SCION_UNARY_LOOP(same_##tag, T, T, x)                                           \
  SCION_UNARY_LOOP(bitwise_not_##tag, T, T, (T)~x)
INTS(int32_t, uint32_t, i32, 1)
INTS(int64_t, uint64_t, i64, 1)
INTS(uint8_t, uint32_t, u8, 0)
SCION_UNARY_LOOP(not_bool, uint8_t, uint8_t, x == 0)

#define LOGICAL_NOT(T, tag) SCION_UNARY_LOOP(logical_not_##tag, T, uint8_t, x == 0)
LOGICAL_NOT(float, f32)
LOGICAL_NOT(double, f64)
LOGICAL_NOT(int32_t, i32)
LOGICAL_NOT(int64_t, i64)
LOGICAL_NOT(uint8_t, u8)

#define FLAGS(T, tag, is_float, top)                                                    \
  SCION_UNARY_LOOP(isnan_##tag, T, uint8_t, is_float && !(x == x))                      \
  SCION_UNARY_LOOP(isinf_##tag, T, uint8_t, is_float && (x > top || x < -top))          \
  SCION_UNARY_LOOP(isfinite_##tag, T, uint8_t, x <= top && x >= -top)
FLAGS(float, f32, 1, FLT_MAX)
FLAGS(double, f64, 1, DBL_MAX)
#define NEVER(T, tag)                                            \
  SCION_UNARY_LOOP(never_##tag, T, uint8_t, ((void)x, 0))        \
  SCION_UNARY_LOOP(always_##tag, T, uint8_t, ((void)x, 1))
NEVER(int32_t, i32)
NEVER(int64_t, i64)
NEVER(uint8_t, u8)

#define FF(name) [SCION_U_##name] = { name##_f32, name##_f64, NULL, NULL, NULL, NULL },
#define ALL(name, other) [SCION_U_##name] = { name##_f32, name##_f64, other##_i32, other##_i64, other##_u8, NULL },
const scion_unary_fn K(unary_table)[SCION_U_COUNT][SCION_K_DTYPES] = {
  ALL(neg, neg) ALL(abs, abs) ALL(sign, sign) ALL(square, square) ALL(relu, relu)
  ALL(floor, same) ALL(ceil, same) ALL(round, same) ALL(trunc, same)
  FF(sqrt) FF(rsqrt) FF(reciprocal) FF(exp) FF(expm1) FF(log) FF(log1p) FF(log2) FF(log10)
  FF(sin) FF(cos) FF(tan) FF(asin) FF(acos) FF(atan) FF(sinh) FF(cosh) FF(tanh) FF(asinh) FF(acosh) FF(atanh)
  FF(frac) FF(erf) FF(erfc) FF(lgamma) FF(digamma) FF(sigmoid) FF(softplus1) FF(silu) FF(gelu) FF(gelu_tanh)
  FF(mish) FF(hardswish) FF(hardsigmoid)
  [SCION_U_logical_not] = { logical_not_f32, logical_not_f64, logical_not_i32, logical_not_i64, logical_not_u8, not_bool },
  [SCION_U_bitwise_not] = { NULL, NULL, bitwise_not_i32, bitwise_not_i64, bitwise_not_u8, not_bool },
  [SCION_U_isnan] = { isnan_f32, isnan_f64, never_i32, never_i64, never_u8, never_u8 },
  [SCION_U_isinf] = { isinf_f32, isinf_f64, never_i32, never_i64, never_u8, never_u8 },
  [SCION_U_isfinite] = { isfinite_f32, isfinite_f64, always_i32, always_i64, always_u8, always_u8 },
};
