/* math_f32.h: transcendental functions of one float, branch-free, so that a loop over them
 * vectorises for every instruction set. Polynomials are Chebyshev fits over the reduced range.
 *
 * Maximum error against f64 in units in the last place, over all inputs (a sweep of bit patterns):
 *   exp 1.1, expm1 1.7, log 0.8, log1p 0.8, log2 1.7, log10 1.5, tanh 1.3, sigmoid 2.0, softplus1 1.5, erf 1.1;
 *   silu, mish 2.6 while the result is normal; gelu_tanh 4 above -3 and 130 in the far tail (where its argument's
 *   rounding is magnified); gelu 2 above -1, absolute error below 2e-7 elsewhere (1 + erf cancels);
 *   sin, cos, tan 0.6 (1 for huge arguments); asin, acos, atan, sinh, cosh, asinh, acosh, atanh, atan2,
 *   pow, hypot 0.51: these go through f64.
 * Infinities, NaN, zeros, denormal inputs and results and overflow follow C's functions (the sign of a
 * zero result may differ). spec/kernels checks all of it. */
#ifndef SCION_MATH_F32_H
#define SCION_MATH_F32_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* A call left in a loop would keep it from vectorising. */
#define M_INLINE static inline __attribute__((always_inline))

M_INLINE uint32_t m_bits(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
M_INLINE float m_float(uint32_t u) { float x; memcpy(&x, &u, 4); return x; }
M_INLINE uint64_t m_bits64(double x) { uint64_t u; memcpy(&u, &x, 8); return u; }
M_INLINE double m_double(uint64_t u) { double x; memcpy(&x, &u, 8); return x; }
M_INLINE float m_sign_of(float magnitude, float sign) {
  return m_float((m_bits(magnitude) & 0x7fffffffu) | (m_bits(sign) & 0x80000000u));
}
M_INLINE double m_sign_of64(double magnitude, double sign) {
  return m_double((m_bits64(magnitude) & ~(1ull << 63)) | (m_bits64(sign) & (1ull << 63)));
}

/* Adding this leaves the nearest integer in the low bits of the mantissa (|x| < 2^22; 2^51). */
#define M_ROUND 12582912.0f
#define M_ROUND64 0x1.8p52

/* e^r - 1 for |r| <= ln2 / 2. */
M_INLINE float m_exp_poly(float r) {
  float p = 0.00139238348f;
  p = p * r + 0.00836328786f;
  p = p * r + 0.0416665763f;
  p = p * r + 0.166665763f;
  p = p * r + 0.5f;
  return p * (r * r) + r;
}

M_INLINE float m_exp(float x) {
  x = x > 89.0f ? 89.0f : x; /* written so that NaN passes */
  x = x < -104.0f ? -104.0f : x;
  float t = x * 1.44269504f + M_ROUND, k = t - M_ROUND;
  float r = x - k * 0.693359375f + k * 2.12194440e-4f;
  uint32_t n = m_bits(t) - m_bits(M_ROUND);
  uint32_t half = (uint32_t)((int32_t)n >> 1); /* 2^n in two steps: denormal results and 2^128 */
  float s1 = m_float((half + 127u) << 23), s2 = m_float((n - half + 127u) << 23);
  return (m_exp_poly(r) + 1.0f) * s1 * s2;
}

M_INLINE float m_expm1(float x) {
  float c = x > 89.0f ? 89.0f : x;
  c = c < -18.0f ? -18.0f : c;
  float t = c * 1.44269504f + M_ROUND, k = t - M_ROUND;
  float hi = c - k * 0.693359375f, lo = k * 2.12194440e-4f, r = hi + lo;
  float e = lo - (r - hi); /* what r lost */
  uint32_t n = m_bits(t) - m_bits(M_ROUND);
  float s = m_float((n + 126u) << 23); /* 2^(n-1): 2^128 has no float */
  float p = m_exp_poly(r);
  p += e + e * p;
  return ((s * p) + (s - 0.5f)) * 2.0f;
}

/* x > 0 = 2^k (1 + f) with 1 + f in sqrt(1/2) .. sqrt(2); returns log(1 + f) - f. */
M_INLINE float m_log_split(float x, float *k, float *f) {
  float shift = x < FLT_MIN ? 25.0f : 0.0f;
  float y = x < FLT_MIN ? x * 0x1p25f : x;
  uint32_t u = m_bits(y) - 0x3f3504f3u;
  *k = (float)((int32_t)u >> 23) - shift;
  *f = m_float((u & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
  float s = *f / (2.0f + *f), z = s * s, half = 0.5f * *f * *f;
  float g = 0.233329128f;
  g = g * z + 0.285507308f;
  g = g * z + 0.400001226f;
  g = g * z + 0.666666666f;
  return s * (half + g * z) - half;
}
M_INLINE float m_log_special(float x, float y) {
  y = x > FLT_MAX ? x : y;
  return x > 0.0f ? y : x == 0.0f ? -INFINITY : NAN;
}
M_INLINE float m_log(float x) {
  float k, f, l = m_log_split(x, &k, &f);
  return m_log_special(x, k * 0.693359375f + (f + (l - k * 2.12194440e-4f)));
}
M_INLINE float m_log2(float x) {
  float k, f, l = m_log_split(x, &k, &f);
  return m_log_special(x, k + (f + (l * 1.44269504f + (f * 0.442695041f + 1.92596299e-8f * f))));
}
M_INLINE float m_log10(float x) {
  float k, f, l = m_log_split(x, &k, &f);
  return m_log_special(x, k * 0.301025390625f + (f * 0.434294482f + (l * 0.434294482f + k * 4.60503898e-6f)));
}
M_INLINE float m_log1p(float x) {
  float u = 1.0f + x;
  float lost = x > 1.0f ? 1.0f - (u - x) : x - (u - 1.0f);
  float k, f, l = m_log_split(u, &k, &f);
  float c = u > 0.0f && u <= FLT_MAX ? lost / u : 0.0f;
  return m_log_special(u, k * 0.693359375f + (f + (l + (c - k * 2.12194440e-4f))));
}

M_INLINE float m_sigmoid(float x) {
  float e = m_exp(-fabsf(x));
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}
M_INLINE float m_silu(float x) {
  float c = x < -200.0f ? -200.0f : x;
  return c * m_sigmoid(c);
}
/* log(1 + e^x) = max(x, 0) + log(1 + e), e = e^-|x| in 0 .. 1, so that log1p needs none of its selections. */
M_INLINE float m_softplus1(float x) {
  float e = m_exp(-fabsf(x)), u = 1.0f + e, c = (e - (u - 1.0f)) / u;
  float k, f, l = m_log_split(u, &k, &f);
  return (x < 0.0f ? 0.0f : x) + (k * 0.693359375f + (f + (l + (c - k * 2.12194440e-4f))));
}
/* x tanh(log(1 + e^x)) = x n / (n + 2) with n = e^2x + 2 e^x */
M_INLINE float m_mish(float x) {
  float c = x > 20.0f ? 20.0f : x < -200.0f ? -200.0f : x;
  float e = m_exp(c), n = e * (e + 2.0f);
  return (x < -200.0f ? c : x) * (n / (n + 2.0f));
}
M_INLINE float m_tanh(float x) {
  float a = fabsf(x), z = x * x;
  float p = -0.00609671417f;
  p = p * z + 0.020997179f;
  p = p * z - 0.0538509096f;
  p = p * z + 0.133327697f;
  p = p * z - 0.333333289f;
  float small = x + x * (p * z);
  float large = m_sign_of(1.0f - 2.0f / (m_exp(a > 20.0f ? 40.0f : 2.0f * a) + 1.0f), x);
  return a < 0.625f ? small : large;
}
/* x + x P(x^2) below 0.92, 1 - e^Q(|x|) above. */
M_INLINE float m_erf(float x) {
  float a = fabsf(x), z = x * x;
  float p = 8.33471862e-5f;
  p = p * z - 0.000813470933f;
  p = p * z + 0.00520036859f;
  p = p * z - 0.0268591515f;
  p = p * z + 0.112836915f;
  p = p * z - 0.376126335f;
  p = p * z + 0.128379167f;
  float b = a > 4.0f ? 4.0f : a;
  float q = 1.62567138e-6f;
  q = q * b - 4.58397472e-5f;
  q = q * b + 0.000595023758f;
  q = q * b - 0.00475143283f;
  q = q * b + 0.0263981464f;
  q = q * b - 0.110039283f;
  q = q * b - 0.631870631f;
  q = q * b - 1.13020604f;
  q = q * b + 0.00031291305f;
  float large = m_sign_of(1.0f - m_exp(q), x);
  return a < 0.92f ? x + x * p : x == x ? large : x;
}
M_INLINE float m_gelu(float x) {
  float c = x < -15.0f ? -15.0f : x; /* -inf * 0 would be NaN */
  return 0.5f * c * (1.0f + m_erf(c * 0.707106781f));
}
M_INLINE float m_gelu_tanh(float x) {
  float c = x < -15.0f ? -15.0f : x;
  return c * m_sigmoid(1.59576912f * (c + 0.044715f * (c * c * c)));
}

/* ---- the rarer ones, through f64 ----------------------------------------------------------------- */

M_INLINE double m_exp_d(double x) {
  x = x > 700.0 ? 700.0 : x;
  x = x < -700.0 ? -700.0 : x;
  double t = x * 1.4426950408889634 + M_ROUND64, k = t - M_ROUND64;
  double r = x - k * 0x1.62e42fee00000p-1 - k * 0x1.a39ef35793c76p-33;
  double p = 2.76083683094676593e-7;
  p = p * r + 2.76253637526805529e-6;
  p = p * r + 0.0000248015479280451404;
  p = p * r + 0.000198412082843806898;
  p = p * r + 0.00138888888983734441;
  p = p * r + 0.00833333335395419579;
  p = p * r + 0.0416666666666665951;
  p = p * r + 0.166666666666480175;
  p = p * r + 0.499999999999999953;
  p = p * (r * r) + r + 1.0;
  return p * m_double((m_bits64(t) - m_bits64(M_ROUND64) + 1023u) << 52);
}
/* x positive, finite and normal. */
M_INLINE double m_log_d(double x) {
  uint64_t u = m_bits64(x) - 0x3fe6a09e667f3bcdull;
  /* the exponent, as a double, without a 64-bit conversion (AVX2 has none) */
  double k = m_double(((u >> 52) ^ 0x800u) + m_bits64(0x1p52)) - (0x1p52 + 2048.0);
  double f = m_double((u & 0xfffffffffffffull) + 0x3fe6a09e667f3bcdull) - 1.0;
  double s = f / (2.0 + f), z = s * s, half = 0.5 * f * f;
  double g = 0.146193434535126151;
  g = g * z + 0.153314872358657332;
  g = g * z + 0.181828961834830866;
  g = g * z + 0.222222110378165877;
  g = g * z + 0.285714286265702036;
  g = g * z + 0.399999999998981919;
  g = g * z + 0.666666666666666973;
  return k * 0.6931471805599453 + (f + (s * (half + g * z) - half));
}
M_INLINE double m_log1p_d(double x) { /* x >= 0 */
  double u = 1.0 + x;
  return m_log_d(u) + (x - (u - 1.0)) / u * (u < 2.0 ? 1.0 : 0.0);
}
/* atan(t) for 0 <= t <= 1 */
M_INLINE double m_atan_d(double t) {
  double z = t * t, p = 0.000242032132949299596;
  p = p * z - 0.00196082689783777141;
  p = p * z + 0.00745724733042240779;
  p = p * z - 0.0179836932452061219;
  p = p * z + 0.0316580379619298722;
  p = p * z - 0.0449499516254137551;
  p = p * z + 0.0560668703529111107;
  p = p * z - 0.0659512459628029468;
  p = p * z + 0.0767938127643029514;
  p = p * z - 0.0908936803194344072;
  p = p * z + 0.111109995087421261;
  p = p * z - 0.142857100200673547;
  p = p * z + 0.199999999351422821;
  p = p * z - 0.333333333331682681;
  return t + t * (p * z);
}
/* asin(t) for 0 <= t <= 0.5 */
M_INLINE double m_asin_d(double t) {
  double z = t * t, p = 0.0278712891371101447;
  p = p * z - 0.00682204398067126314;
  p = p * z + 0.0154451333368193075;
  p = p * z + 0.0102896411236249014;
  p = p * z + 0.0141409418074311914;
  p = p * z + 0.0173371925437120756;
  p = p * z + 0.0223730100706662872;
  p = p * z + 0.030381917485400309;
  p = p * z + 0.0446428575787177563;
  p = p * z + 0.0749999999972630171;
  p = p * z + 0.166666666666669497;
  return t + t * (p * z);
}
#define M_PI_2D 1.5707963267948966
#define M_PID 3.141592653589793

/* Quadrant and remainder of |x| < 2^20 (larger ones are the caller's: see M_TRIG_LIMIT). */
#define M_TRIG_LIMIT 1048576.0f
M_INLINE uint64_t m_trig_d(float x, double *s, double *c) {
  double d = (double)x, t = d * 0.6366197723675814 + M_ROUND64, n = t - M_ROUND64;
  double r = d - n * 0x1.921fb54400000p0 - n * 0x1.0b4611a626331p-34, z = r * r;
  double p = 1.59179815014041191e-10;
  p = p * z - 2.50511297925490253e-8;
  p = p * z + 2.75573160926993649e-6;
  p = p * z - 0.00019841269836739569;
  p = p * z + 0.00833333333333093592;
  p = p * z - 0.166666666666666646;
  *s = r + r * (p * z);
  double q = 2.07004157135633146e-9;
  q = q * z - 2.75563676997706098e-7;
  q = q * z + 0.0000248015852043909943;
  q = q * z - 0.00138888888872705533;
  q = q * z + 0.0416666666666646681;
  *c = 1.0 + z * (q * z - 0.5);
  return m_bits64(t);
}
M_INLINE float m_sin(float x) {
  double s, c;
  uint64_t q = m_trig_d(x, &s, &c);
  double y = (q & 1) ? c : s;
  return (float)m_double(m_bits64(y) ^ ((q & 2) << 62));
}
M_INLINE float m_cos(float x) {
  double s, c;
  uint64_t q = m_trig_d(x, &s, &c);
  double y = (q & 1) ? s : c;
  return (float)m_double(m_bits64(y) ^ (((q + 1) & 2) << 62));
}
M_INLINE float m_tan(float x) {
  double s, c;
  uint64_t q = m_trig_d(x, &s, &c);
  return (float)((q & 1) ? -c / s : s / c);
}
M_INLINE float m_asin(float x) {
  double a = fabs((double)x);
  double t = a > 0.5 ? sqrt((1.0 - a) * 0.5) : a, r = m_asin_d(t);
  return (float)m_sign_of64(a > 0.5 ? M_PI_2D - 2.0 * r : r, (double)x);
}
M_INLINE float m_acos(float x) {
  double d = (double)x, a = fabs(d);
  double t = a > 0.5 ? sqrt((1.0 - a) * 0.5) : a, r = m_asin_d(t);
  double far = d > 0.0 ? 2.0 * r : M_PID - 2.0 * r, near = d > 0.0 ? M_PI_2D - r : M_PI_2D + r;
  return (float)(a > 0.5 ? far : near);
}
M_INLINE float m_atan(float x) {
  double a = fabs((double)x), t = a > 1.0 ? 1.0 / a : a, r = m_atan_d(t);
  return (float)m_sign_of64(a > 1.0 ? M_PI_2D - r : r, (double)x);
}
M_INLINE float m_atan2(float yf, float xf) {
  double y = (double)yf, x = (double)xf, ay = fabs(y), ax = fabs(x);
  double hi = ay > ax ? ay : ax, lo = ay > ax ? ax : ay;
  double t = lo == hi ? (hi > 0.0 ? 1.0 : 0.0) : lo / hi, r = m_atan_d(t);
  r = ay > ax ? M_PI_2D - r : r;
  r = (m_bits64(x) >> 63) != 0 ? M_PID - r : r;
  return (float)(x + y == x + y || (x == x && y == y) ? m_sign_of64(r, y) : x + y);
}
M_INLINE float m_sinh(float x) {
  double a = fabs((double)x), z = a * a, p = 1.62900472033020964e-10;
  p = p * z + 2.50495038050574747e-8;
  p = p * z + 2.75573327433060029e-6;
  p = p * z + 0.000198412698095666475;
  p = p * z + 0.00833333333336051466;
  p = p * z + 0.166666666666666289;
  double e = m_exp_d(a);
  return (float)m_sign_of64(a < 1.0 ? a + a * (p * z) : 0.5 * (e - 1.0 / e), (double)x);
}
M_INLINE float m_cosh(float x) {
  double e = m_exp_d(fabs((double)x));
  return (float)(0.5 * (e + 1.0 / e));
}
M_INLINE float m_asinh(float x) {
  double a = fabs((double)x), r = m_log1p_d(a + a * a / (1.0 + sqrt(1.0 + a * a)));
  return (float)(a <= (double)FLT_MAX ? m_sign_of64(r, (double)x) : (double)x);
}
M_INLINE float m_acosh(float x) {
  double t = (double)x - 1.0, r = m_log1p_d(t + sqrt(t * (t + 2.0)));
  return (float)(t >= 0.0 ? (t <= (double)FLT_MAX ? r : t) : (double)NAN);
}
M_INLINE float m_atanh(float x) {
  double a = fabs((double)x), r = 0.5 * m_log1p_d(2.0 * a / (1.0 - a));
  return (float)(a < 1.0 ? m_sign_of64(r, (double)x) : a == 1.0 ? m_sign_of64((double)INFINITY, (double)x) : (double)NAN);
}
/* x^y for finite x > 0 and finite y. */
M_INLINE float m_pow_positive(float x, float y) { return (float)m_exp_d(m_log_d((double)x) * (double)y); }
M_INLINE float m_hypot(float a, float b) {
  double x = fabs((double)a), y = fabs((double)b), r = sqrt(x * x + y * y);
  double inf = (double)INFINITY;
  return (float)(x == inf || y == inf ? inf : r);
}

#endif
