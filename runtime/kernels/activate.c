/* activate.c: activation functions with parameters, and the gradients of all activations in one pass:
 * dx = dy f'(v), where v is the function's input or, where that is cheaper, its output. Contiguous
 * data; outputs may be one of the inputs. */
#include <math.h>

#include "kernels.h"
#include "math_f32.h"

/* ---- gradients of functions without parameters ------------------------------------------------------------ */

#define NORMAL_F32 0.398942280f /* 1 / sqrt(2 pi) */
M_INLINE float slope_silu_f32(float v) {
  float s = m_sigmoid(v), c = v < -200.0f ? -200.0f : v;
  return s + c * s * (1.0f - s);
}
M_INLINE float slope_mish_f32(float v) {
  float c = v < -200.0f ? -200.0f : v, e = m_exp(c > 20.0f ? 20.0f : c), n = e * (e + 2.0f), t = n / (n + 2.0f);
  float slope = t + c * (1.0f - t * t) * (e / (1.0f + e));
  return c > 20.0f ? 1.0f : slope;
}
M_INLINE float slope_gelu_f32(float v) {
  float c = v < -15.0f ? -15.0f : v > 15.0f ? 15.0f : v;
  return 0.5f * (1.0f + m_erf(c * 0.707106781f)) + c * (NORMAL_F32 * m_exp(-0.5f * c * c));
}
M_INLINE float slope_gelu_tanh_f32(float v) {
  float c = v < -15.0f ? -15.0f : v > 15.0f ? 15.0f : v, c2 = c * c;
  float s = m_sigmoid(1.59576912f * c * (1.0f + 0.044715f * c2));
  return s + c * s * (1.0f - s) * (1.59576912f * (1.0f + 0.134145f * c2));
}
M_INLINE float slope_hardswish_f32(float v) { return v <= -3.0f ? 0.0f : v >= 3.0f ? 1.0f : v * 0.333333333f + 0.5f; }

static inline double sigmoid_of(double v) {
  double e = exp(-fabs(v));
  return (v < 0 ? e : 1.0) / (1.0 + e);
}
static inline double slope_silu_f64(double v) {
  double s = sigmoid_of(v), c = v < -800.0 ? -800.0 : v;
  return s + c * s * (1.0 - s);
}
static inline double slope_mish_f64(double v) {
  double c = v < -800.0 ? -800.0 : v, e = exp(c > 40.0 ? 40.0 : c), n = e * (e + 2.0), t = n / (n + 2.0);
  return c > 40.0 ? 1.0 : t + c * (1.0 - t * t) * (e / (1.0 + e));
}
static inline double slope_gelu_f64(double v) {
  double c = v < -50.0 ? -50.0 : v > 50.0 ? 50.0 : v;
  return 0.5 * erfc(-c * 0.70710678118654752) + c * (0.39894228040143268 * exp(-0.5 * c * c));
}
static inline double slope_gelu_tanh_f64(double v) {
  double c = v < -50.0 ? -50.0 : v > 50.0 ? 50.0 : v, c2 = c * c;
  double s = sigmoid_of(1.5957691216057308 * c * (1.0 + 0.044715 * c2));
  return s + c * s * (1.0 - s) * (1.5957691216057308 * (1.0 + 0.134145 * c2));
}
static inline double slope_hardswish_f64(double v) { return v <= -3.0 ? 0.0 : v >= 3.0 ? 1.0 : v / 3.0 + 0.5; }

#define SLOPE(name, T, tag, expr)                                                        \
  static void slope_##name##_run_##tag(int64_t n, const T *a, const T *dy, T *dx, T p, T q) { \
    (void)p, (void)q;                                                                    \
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                                \
      const T v = a[i], g = dy[i];                                                       \
      dx[i] = (expr);                                                                    \
    }                                                                                    \
  }
#define VALUE(name, T, tag, expr)                                                        \
  static void value_##name##_##tag(int64_t n, const T *a, T *y, T p, T q) {              \
    (void)p, (void)q;                                                                    \
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                                \
      const T v = a[i];                                                                  \
      y[i] = (expr);                                                                     \
    }                                                                                    \
  }
#define BOTH(name, value32, slope32, value64, slope64)                                   \
  VALUE(name, float, f32, value32) VALUE(name, double, f64, value64)                     \
  SLOPE(name, float, f32, slope32) SLOPE(name, double, f64, slope64)
#define ONLY_SLOPE(name, slope32, slope64) SLOPE(name, float, f32, slope32) SLOPE(name, double, f64, slope64)

ONLY_SLOPE(relu, v > 0 ? g : 0, v > 0 ? g : 0)                     /* of the output */
ONLY_SLOPE(sigmoid, g * (v * (1 - v)), g * (v * (1 - v)))          /* of the output */
ONLY_SLOPE(tanh, g * (1 - v * v), g * (1 - v * v))                 /* of the output */
ONLY_SLOPE(silu, g * slope_silu_f32(v), g * slope_silu_f64(v))
ONLY_SLOPE(mish, g * slope_mish_f32(v), g * slope_mish_f64(v))
ONLY_SLOPE(gelu, g * slope_gelu_f32(v), g * slope_gelu_f64(v))
ONLY_SLOPE(gelu_tanh, g * slope_gelu_tanh_f32(v), g * slope_gelu_tanh_f64(v))
ONLY_SLOPE(hardswish, g * slope_hardswish_f32(v), g * slope_hardswish_f64(v))
ONLY_SLOPE(hardsigmoid, v > -3 && v < 3 ? g * 0.166666667f : 0, v > -3 && v < 3 ? g / 6 : 0)

/* ---- with parameters p, q ----------------------------------------------------------------------------------- */

#define CLAMPED (v < p ? p : v) > q ? q : (v < p ? p : v)
BOTH(clamp, CLAMPED, v >= p && v <= q ? g : 0, CLAMPED, v >= p && v <= q ? g : 0)
BOTH(hardtanh, CLAMPED, v > p && v < q ? g : 0, CLAMPED, v > p && v < q ? g : 0) /* 0 at the bounds */
BOTH(leaky_relu, v > 0 ? v : v * p, v > 0 ? g : g * p, v > 0 ? v : v * p, v > 0 ? g : g * p)
/* p (e^(v q) - 1) below 0 */
BOTH(elu, v > 0 ? v : p * m_expm1(v > 0 ? 0 : v * q), v > 0 ? g : g * (p * q * m_exp(v > 0 ? 0 : v * q)),
     v > 0 ? v : p * expm1(v > 0 ? 0 : v * q), v > 0 ? g : g * (p * q * exp(v > 0 ? 0 : v * q)))
/* log(1 + e^(p v)) / p, v itself where p v > q */
BOTH(softplus, v * p > q ? v : m_softplus1(v * p) / p, v * p > q ? g : g * m_sigmoid(v * p),
     v * p > q ? v : ((v * p < 0 ? 0 : v * p) + log1p(exp(-fabs(v * p)))) / p, v * p > q ? g : g * sigmoid_of(v * p))

/* y = f(a; p, q): clamp, hardtanh, leaky_relu, elu, softplus. */
void K(activate)(int32_t kind, int32_t is_f64, int64_t n, const void *a, void *y, double p, double q) {
#define CASE(name)                                                  \
  case SCION_A_##name:                                              \
    if (is_f64) value_##name##_f64(n, a, y, p, q);                  \
    else value_##name##_f32(n, a, y, (float)p, (float)q);           \
    break;
  switch (kind) {
    CASE(clamp) CASE(hardtanh) CASE(leaky_relu) CASE(elu) CASE(softplus)
    default: break;
  }
#undef CASE
}

/* dx = dy f'(v). */
void K(activate_slope)(int32_t kind, int32_t is_f64, int64_t n, const void *v, const void *dy, void *dx, double p, double q) {
#define X(name)                                                            \
  case SCION_A_##name:                                                     \
    if (is_f64) slope_##name##_run_f64(n, v, dy, dx, p, q);                \
    else slope_##name##_run_f32(n, v, dy, dx, (float)p, (float)q);         \
    break;
  switch (kind) {
    SCION_ACTIVATION_LIST(X)
    default: break;
  }
#undef X
}
