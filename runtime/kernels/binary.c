/* binary.c: K(binary_table), the elementwise functions of two operands. Comparisons and logical
 * operations write u8 0/1. Integer arithmetic wraps; division by zero gives 0 here (ops/elementwise.c
 * refuses it before), and the smallest integer divided by -1 wraps to itself. */
#include "loops.h"
#include "math_f32.h"

/* ---- arithmetic ------------------------------------------------------------------------------------ */

#define ARITHMETIC(name, expr, int_expr)                                         \
  SCION_BINARY_LOOP(name##_f32, float, float, expr)                              \
  SCION_BINARY_LOOP(name##_f64, double, double, expr)                            \
  SCION_BINARY_LOOP(name##_i32, int32_t, int32_t, (uint32_t)x int_expr (uint32_t)y) \
  SCION_BINARY_LOOP(name##_i64, int64_t, int64_t, (uint64_t)x int_expr (uint64_t)y) \
  SCION_BINARY_LOOP(name##_u8, uint8_t, uint8_t, (uint32_t)x int_expr (uint32_t)y)
ARITHMETIC(add, x + y, +)
ARITHMETIC(sub, x - y, -)
ARITHMETIC(mul, x * y, *)
SCION_BINARY_LOOP(div_f32, float, float, x / y)
SCION_BINARY_LOOP(div_f64, double, double, x / y)

/* NaN in either operand gives NaN. */
#define EXTREMUM(T, tag)                                                         \
  SCION_BINARY_LOOP(maximum_##tag, T, T, (x > y || x != x) ? x : y)              \
  SCION_BINARY_LOOP(minimum_##tag, T, T, (x < y || x != x) ? x : y)
#define EXTREMUM_INT(T, tag)                                                     \
  SCION_BINARY_LOOP(maximum_##tag, T, T, x > y ? x : y)                          \
  SCION_BINARY_LOOP(minimum_##tag, T, T, x < y ? x : y)
EXTREMUM(float, f32)
EXTREMUM(double, f64)
EXTREMUM_INT(int32_t, i32)
EXTREMUM_INT(int64_t, i64)
EXTREMUM_INT(uint8_t, u8)

/* ---- division with remainder ------------------------------------------------------------------------ */

static inline float remainder_of_f32(float x, float y) {
  float r = fmodf(x, y);
  return r != 0.0f && (r < 0.0f) != (y < 0.0f) ? r + y : r;
}
static inline double remainder_of_f64(double x, double y) {
  double r = fmod(x, y);
  return r != 0.0 && (r < 0.0) != (y < 0.0) ? r + y : r;
}
/* Python's: consistent with the remainder even where x / y rounds up to an integer. */
static inline double floor_divide_of_f64(double x, double y) {
  if (y == 0.0) return x / y;
  double r = fmod(x, y), q = (x - r) / y;
  if (r != 0.0 && (r < 0.0) != (y < 0.0)) q -= 1.0;
  if (q == 0.0) return copysign(0.0, x / y);
  double f = floor(q);
  return q - f > 0.5 ? f + 1.0 : f;
}
static inline float floor_divide_of_f32(float x, float y) {
  if (y == 0.0f) return x / y;
  float r = fmodf(x, y), q = (x - r) / y;
  if (r != 0.0f && (r < 0.0f) != (y < 0.0f)) q -= 1.0f;
  if (q == 0.0f) return copysignf(0.0f, x / y);
  float f = floorf(q);
  return q - f > 0.5f ? f + 1.0f : f;
}
SCION_BINARY_LOOP(fmod_f32, float, float, fmodf(x, y))
SCION_BINARY_LOOP(fmod_f64, double, double, fmod(x, y))
SCION_BINARY_LOOP(remainder_f32, float, float, remainder_of_f32(x, y))
SCION_BINARY_LOOP(remainder_f64, double, double, remainder_of_f64(x, y))
SCION_BINARY_LOOP(floor_divide_f32, float, float, floor_divide_of_f32(x, y))
SCION_BINARY_LOOP(floor_divide_f64, double, double, floor_divide_of_f64(x, y))

#define DIVISION(T, V, tag)                                                                \
  static inline T fmod_of_##tag(T x, T y) { return y == 0 || y == (T)-1 ? 0 : x % y; }     \
  static inline T remainder_of_##tag(T x, T y) {                                           \
    T r = fmod_of_##tag(x, y);                                                             \
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;                                       \
  }                                                                                        \
  static inline T floor_divide_of_##tag(T x, T y) {                                        \
    if (y == 0) return 0;                                                                  \
    if (y == (T)-1) return (T)(0u - (V)x);                                                 \
    T q = x / y;                                                                           \
    return x % y != 0 && (x < 0) != (y < 0) ? q - 1 : q;                                   \
  }                                                                                        \
  SCION_BINARY_LOOP(fmod_##tag, T, T, fmod_of_##tag(x, y))                                 \
  SCION_BINARY_LOOP(remainder_##tag, T, T, remainder_of_##tag(x, y))                       \
  SCION_BINARY_LOOP(floor_divide_##tag, T, T, floor_divide_of_##tag(x, y))
DIVISION(int32_t, uint32_t, i32)
DIVISION(int64_t, uint64_t, i64)
SCION_BINARY_LOOP(fmod_u8, uint8_t, uint8_t, y == 0 ? 0 : x % y)
SCION_BINARY_LOOP(floor_divide_u8, uint8_t, uint8_t, y == 0 ? 0 : x / y)

/* Whether any of n elements of an integer dtype (SCION_I32, I64, U8, BOOL) is zero. */
int K(any_zero)(int32_t dtype, int64_t n, const void *a, int64_t sa) {
  int found = 0;
  switch (dtype) {
    case 2: for (int64_t i = 0; i < n; i++) found |= ((const int32_t *)a)[i * sa] == 0; break;
    case 3: for (int64_t i = 0; i < n; i++) found |= ((const int64_t *)a)[i * sa] == 0; break;
    case 4: case 5: for (int64_t i = 0; i < n; i++) found |= ((const uint8_t *)a)[i * sa] == 0; break;
    default: break;
  }
  return found;
}

/* ---- powers, angles --------------------------------------------------------------------------------- */

/* Positive finite bases and finite exponents vectorise; anything else is the C library's affair. */
static void pow_f32_run(int64_t n, const float *a, const float *b, float *out) {
  for (int64_t i = 0; i < n; i += SCION_BLOCK) {
    int64_t end = n - i < SCION_BLOCK ? n : i + SCION_BLOCK;
    int odd = 0;
    _Pragma("omp simd reduction(| : odd)") for (int64_t j = i; j < end; j++) {
      odd |= !((a[j] > 0.0f) & (a[j] <= FLT_MAX) & (fabsf(b[j]) <= FLT_MAX));
    }
    if (!odd) {
      _Pragma("omp simd") for (int64_t j = i; j < end; j++) out[j] = m_pow_positive(a[j], b[j]);
    } else {
      for (int64_t j = i; j < end; j++) {
        float x = a[j], y = b[j];
        out[j] = x > 0.0f && x <= FLT_MAX && fabsf(y) <= FLT_MAX ? m_pow_positive(x, y) : powf(x, y);
      }
    }
  }
}
SCION_BINARY_BLOCK(pow_f32_any, float, pow_f32_run)
SCION_BINARY_LOOP(pow_f64_any, double, double, pow(x, y))

/* The exponents that people write have their own loops; 0.5 differs from sqrt at -0 and -inf. */
#define POWER(T, tag, root)                                                                        \
  static void pow_##tag(int64_t n, const void *a_, int64_t sa, const void *b_, int64_t sb, void *y_, int64_t sy) { \
    const T *a = a_;                                                                               \
    T *out = y_;                                                                                   \
    T e = sb == 0 && n > 0 ? *(const T *)b_ : (T)0.25;                                             \
    if (e == (T)2) {                                                                               \
      _Pragma("omp simd") for (int64_t i = 0; i < n; i++) out[i * sy] = a[i * sa] * a[i * sa];     \
    } else if (e == (T)3) {                                                                        \
      _Pragma("omp simd") for (int64_t i = 0; i < n; i++) out[i * sy] = a[i * sa] * a[i * sa] * a[i * sa]; \
    } else if (e == (T)1) {                                                                        \
      for (int64_t i = 0; i < n; i++) out[i * sy] = a[i * sa];                                     \
    } else if (e == (T)-1) {                                                                       \
      _Pragma("omp simd") for (int64_t i = 0; i < n; i++) out[i * sy] = (T)1 / a[i * sa];          \
    } else if (e == (T)0.5) {                                                                      \
      _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                                        \
        T x = a[i * sa];                                                                           \
        out[i * sy] = x < -(T)FLT_MAX && x + x == x ? -x : root(x) + (T)0;                         \
      }                                                                                            \
    } else {                                                                                       \
      pow_##tag##_any(n, a_, sa, b_, sb, y_, sy);                                                  \
    }                                                                                              \
  }
POWER(float, f32, sqrtf)
POWER(double, f64, sqrt)

/* Integers: by squaring, wrapping; a negative exponent truncates (0 but for 1 and -1). */
#define POWER_INT(T, V, tag)                                           \
  static inline T pow_of_##tag(T x, T y) {                             \
    if (y < 0) return x == 1 ? 1 : x == (T)-1 ? ((y & 1) ? x : 1) : 0; \
    V r = 1, p = (V)x, e = (V)y;                                       \
    for (; e != 0; e >>= 1) {                                          \
      if (e & 1) r *= p;                                               \
      p *= p;                                                          \
    }                                                                  \
    return (T)r;                                                       \
  }                                                                    \
  SCION_BINARY_LOOP(pow_##tag, T, T, pow_of_##tag(x, y))
POWER_INT(int32_t, uint32_t, i32)
POWER_INT(int64_t, uint64_t, i64)
static inline uint8_t pow_of_u8(uint8_t x, uint8_t y) {
  uint32_t r = 1, p = x;
  for (uint32_t e = y; e != 0; e >>= 1) {
    if (e & 1) r *= p;
    p *= p;
  }
  return (uint8_t)r;
}
SCION_BINARY_LOOP(pow_u8, uint8_t, uint8_t, pow_of_u8(x, y))

static void atan2_f32_run(int64_t n, const float *a, const float *b, float *out) {
  _Pragma("omp simd") for (int64_t i = 0; i < n; i++) out[i] = m_atan2(a[i], b[i]);
}
SCION_BINARY_BLOCK(atan2_f32, float, atan2_f32_run)
SCION_BINARY_LOOP(atan2_f64, double, double, atan2(x, y))
SCION_BINARY_LOOP(hypot_f32, float, float, m_hypot(x, y))
SCION_BINARY_LOOP(hypot_f64, double, double, hypot(x, y))

/* ---- comparison, logic, bits ------------------------------------------------------------------------ */

#define RELATIONS(T, tag)                                              \
  SCION_BINARY_LOOP(eq_##tag, T, uint8_t, x == y)                      \
  SCION_BINARY_LOOP(ne_##tag, T, uint8_t, x != y)                      \
  SCION_BINARY_LOOP(lt_##tag, T, uint8_t, x < y)                       \
  SCION_BINARY_LOOP(le_##tag, T, uint8_t, x <= y)                      \
  SCION_BINARY_LOOP(gt_##tag, T, uint8_t, x > y)                       \
  SCION_BINARY_LOOP(ge_##tag, T, uint8_t, x >= y)                      \
  SCION_BINARY_LOOP(logical_and_##tag, T, uint8_t, (x != 0) & (y != 0)) \
  SCION_BINARY_LOOP(logical_or_##tag, T, uint8_t, (x != 0) | (y != 0)) \
  SCION_BINARY_LOOP(logical_xor_##tag, T, uint8_t, (x != 0) ^ (y != 0))
RELATIONS(float, f32)
RELATIONS(double, f64)
RELATIONS(int32_t, i32)
RELATIONS(int64_t, i64)
RELATIONS(uint8_t, u8)

#define BITS(T, tag)                                    \
  SCION_BINARY_LOOP(bitwise_and_##tag, T, T, x & y)     \
  SCION_BINARY_LOOP(bitwise_or_##tag, T, T, x | y)      \
  SCION_BINARY_LOOP(bitwise_xor_##tag, T, T, x ^ y)
BITS(int32_t, i32)
BITS(int64_t, i64)
BITS(uint8_t, u8)

#define FF(name) [SCION_B_##name] = { name##_f32, name##_f64, NULL, NULL, NULL, NULL },
#define NUMBERS(name) [SCION_B_##name] = { name##_f32, name##_f64, name##_i32, name##_i64, name##_u8, NULL },
#define ALL(name) [SCION_B_##name] = { name##_f32, name##_f64, name##_i32, name##_i64, name##_u8, name##_u8 },
#define WHOLE(name) [SCION_B_##name] = { NULL, NULL, name##_i32, name##_i64, name##_u8, name##_u8 },
const scion_binary_fn K(binary_table)[SCION_B_COUNT][SCION_K_DTYPES] = {
  NUMBERS(add) NUMBERS(sub) NUMBERS(mul) FF(div) NUMBERS(pow) ALL(maximum) ALL(minimum) NUMBERS(fmod)
  [SCION_B_remainder] = { remainder_f32, remainder_f64, remainder_i32, remainder_i64, fmod_u8, NULL },
  NUMBERS(floor_divide) FF(atan2) FF(hypot)
  ALL(eq) ALL(ne) ALL(lt) ALL(le) ALL(gt) ALL(ge) ALL(logical_and) ALL(logical_or) ALL(logical_xor)
  WHOLE(bitwise_and) WHOLE(bitwise_or) WHOLE(bitwise_xor)
};
