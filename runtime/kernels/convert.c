/* convert.c: K(convert_table), copies of n strided elements between all thirteen element types.
 * Float to integer truncates and saturates, NaN becomes 0; integer to integer wraps; anything to bool
 * is != 0; f16 and bf16 round to nearest even and pass through f32. The output may not overlap
 * the input unless type and strides are equal. */
#include <string.h>

#include "kernels.h"

/* ---- half precision, in integer arithmetic so that loops vectorise everywhere --------------------- */

static inline uint32_t bits_of(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
static inline float float_of(uint32_t u) { float x; memcpy(&x, &u, 4); return x; }

static inline float from_f16(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000u) << 16, rest = (uint32_t)(h & 0x7fffu) << 13;
  float normal = float_of(rest + 0x38000000u);                 /* exponent 15 -> 127 */
  float special = float_of(rest | 0x7f800000u);                /* infinities and NaN */
  float denormal = float_of((uint32_t)(h & 0x3ffu) + 0x4b000000u) - 8388608.0f; /* the integer 0..1023 */
  float m = rest >= 0x0f800000u ? special : rest < 0x00800000u ? denormal * 0x1p-24f : normal;
  return float_of(bits_of(m) | sign);
}
static inline uint16_t to_f16(float x) {
  uint32_t u = bits_of(x), sign = (u >> 16) & 0x8000u, a = u & 0x7fffffffu;
  uint32_t normal = (a + 0xc8000fffu + ((a >> 13) & 1u)) >> 13;     /* rounds into the exponent, even ties */
  uint32_t denormal = bits_of(float_of(a < 0x38800000u ? a : 0u) + 0.5f) - 0x3f000000u; /* the FPU rounds at 2^-24 */
  uint32_t h = a < 0x38800000u ? denormal : a >= 0x477ff000u ? 0x7c00u : normal;
  h = a > 0x7f800000u ? 0x7e00u : h;
  return (uint16_t)(h | sign);
}
static inline float from_bf16(uint16_t h) { return float_of((uint32_t)h << 16); }
static inline uint16_t to_bf16(float x) {
  uint32_t u = bits_of(x);
  uint32_t r = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
  return (uint16_t)((u & 0x7fffffffu) > 0x7f800000u ? (u >> 16) | 0x40u : r);
}

/* ---- one value ------------------------------------------------------------------------------------- */

/* The bounds are powers of two, exact in either float type: x >= 2^31 saturates, x < 2^31 fits. */
#define SATURATE(name, T, lo, hi, lo_value, hi_value)                                     \
  static inline T name##_f32(float x) {                                                   \
    return x >= (float)(hi) ? (hi_value) : x > (float)(lo) ? (T)x : x <= (float)(lo) ? (lo_value) : 0; \
  }                                                                                       \
  static inline T name##_f64(double x) {                                                  \
    return x >= (hi) ? (hi_value) : x > (lo) ? (T)x : x <= (lo) ? (lo_value) : 0;         \
  }
SATURATE(sat_i8, int8_t, -0x1p7, 0x1p7, INT8_MIN, INT8_MAX)
SATURATE(sat_i16, int16_t, -0x1p15, 0x1p15, INT16_MIN, INT16_MAX)
SATURATE(sat_i32, int32_t, -0x1p31, 0x1p31, INT32_MIN, INT32_MAX)
SATURATE(sat_i64, int64_t, -0x1p63, 0x1p63, INT64_MIN, INT64_MAX)
SATURATE(sat_u8, uint8_t, 0.0, 0x1p8, 0, UINT8_MAX)
SATURATE(sat_u16, uint16_t, 0.0, 0x1p16, 0, UINT16_MAX)
SATURATE(sat_u32, uint32_t, 0.0, 0x1p32, 0, UINT32_MAX)
SATURATE(sat_u64, uint64_t, 0.0, 0x1p64, 0, UINT64_MAX)

/* Same-type ones go unused: MOVE serves those. */
#define CONVERT(from, to, S, D, expr)                                                             \
  __attribute__((unused)) static void from##_to_##to(int64_t n, const void *a_, int64_t sa, void *y_, int64_t sy) {       \
    const S *a = a_;                                                                              \
    D *y = y_;                                                                                    \
    if (sa == 1 && sy == 1) {                                                                     \
      for (int64_t i = 0; i < n; i++) {                                                           \
        const S x = a[i];                                                                         \
        y[i] = (D)(expr);                                                                         \
      }                                                                                           \
    } else {                                                                                      \
      for (int64_t i = 0; i < n; i++) {                                                           \
        const S x = a[i * sa];                                                                    \
        y[i * sy] = (D)(expr);                                                                    \
      }                                                                                           \
    }                                                                                             \
  }
#define FROM_FLOAT(from, S, tag, v)                                  \
  CONVERT(from, f32, S, float, v) CONVERT(from, f64, S, double, v)   \
  CONVERT(from, i32, S, int32_t, sat_i32_##tag(v)) CONVERT(from, i64, S, int64_t, sat_i64_##tag(v)) \
  CONVERT(from, u8, S, uint8_t, sat_u8_##tag(v)) CONVERT(from, bool, S, uint8_t, (v) != 0)          \
  CONVERT(from, f16, S, uint16_t, to_f16((float)(v))) CONVERT(from, bf16, S, uint16_t, to_bf16((float)(v))) \
  CONVERT(from, i8, S, int8_t, sat_i8_##tag(v)) CONVERT(from, i16, S, int16_t, sat_i16_##tag(v))    \
  CONVERT(from, u16, S, uint16_t, sat_u16_##tag(v)) CONVERT(from, u32, S, uint32_t, sat_u32_##tag(v)) \
  CONVERT(from, u64, S, uint64_t, sat_u64_##tag(v))
#define FROM_INT(from, S, v)                                         \
  CONVERT(from, f32, S, float, v) CONVERT(from, f64, S, double, v)   \
  CONVERT(from, i32, S, int32_t, v) CONVERT(from, i64, S, int64_t, v) \
  CONVERT(from, u8, S, uint8_t, v) CONVERT(from, bool, S, uint8_t, (v) != 0) \
  CONVERT(from, f16, S, uint16_t, to_f16((float)(v))) CONVERT(from, bf16, S, uint16_t, to_bf16((float)(v))) \
  CONVERT(from, i8, S, int8_t, v) CONVERT(from, i16, S, int16_t, v)  \
  CONVERT(from, u16, S, uint16_t, v) CONVERT(from, u32, S, uint32_t, v) CONVERT(from, u64, S, uint64_t, v)
FROM_FLOAT(f32, float, f32, x)
FROM_FLOAT(f64, double, f64, x)
FROM_FLOAT(f16, uint16_t, f32, from_f16(x))
FROM_FLOAT(bf16, uint16_t, f32, from_bf16(x))
FROM_INT(i32, int32_t, x)
FROM_INT(i64, int64_t, x)
FROM_INT(u8, uint8_t, x)
FROM_INT(bool, uint8_t, x != 0)
FROM_INT(i8, int8_t, x)
FROM_INT(i16, int16_t, x)
FROM_INT(u16, uint16_t, x)
FROM_INT(u32, uint32_t, x)
FROM_INT(u64, uint64_t, x)

/* Same type: bytes move unchanged (a NaN keeps its payload). */
#define MOVE(name, T)                                                                     \
  static void name(int64_t n, const void *a_, int64_t sa, void *y_, int64_t sy) {         \
    if (sa == 1 && sy == 1) {                                                             \
      if (n > 0) memmove(y_, a_, (size_t)n * sizeof(T));                                  \
      return;                                                                             \
    }                                                                                     \
    const T *a = a_;                                                                      \
    T *y = y_;                                                                            \
    if (sa == 0 && sy == 1 && n > 0) { /* a fill */                                       \
      const T x = a[0];                                                                   \
      for (int64_t i = 0; i < n; i++) y[i] = x;                                           \
      return;                                                                             \
    }                                                                                     \
    for (int64_t i = 0; i < n; i++) y[i * sy] = a[i * sa];                                \
  }
MOVE(move8, uint8_t)
MOVE(move16, uint16_t)
MOVE(move32, uint32_t)
MOVE(move64, uint64_t)

/* In scion_dtype's order: f32 f64 i32 i64 u8 bool f16 bf16 i8 i16 u16 u32 u64. */
const scion_convert_fn K(convert_table)[SCION_K_ALL_DTYPES][SCION_K_ALL_DTYPES] = {
  { move32, f32_to_f64, f32_to_i32, f32_to_i64, f32_to_u8, f32_to_bool, f32_to_f16,
    f32_to_bf16, f32_to_i8, f32_to_i16, f32_to_u16, f32_to_u32, f32_to_u64 },
  { f64_to_f32, move64, f64_to_i32, f64_to_i64, f64_to_u8, f64_to_bool, f64_to_f16,
    f64_to_bf16, f64_to_i8, f64_to_i16, f64_to_u16, f64_to_u32, f64_to_u64 },
  { i32_to_f32, i32_to_f64, move32, i32_to_i64, i32_to_u8, i32_to_bool, i32_to_f16,
    i32_to_bf16, i32_to_i8, i32_to_i16, i32_to_u16, i32_to_u32, i32_to_u64 },
  { i64_to_f32, i64_to_f64, i64_to_i32, move64, i64_to_u8, i64_to_bool, i64_to_f16,
    i64_to_bf16, i64_to_i8, i64_to_i16, i64_to_u16, i64_to_u32, i64_to_u64 },
  { u8_to_f32, u8_to_f64, u8_to_i32, u8_to_i64, move8, u8_to_bool, u8_to_f16,
    u8_to_bf16, u8_to_i8, u8_to_i16, u8_to_u16, u8_to_u32, u8_to_u64 },
  { bool_to_f32, bool_to_f64, bool_to_i32, bool_to_i64, bool_to_u8, bool_to_bool, bool_to_f16,
    bool_to_bf16, bool_to_i8, bool_to_i16, bool_to_u16, bool_to_u32, bool_to_u64 },
  { f16_to_f32, f16_to_f64, f16_to_i32, f16_to_i64, f16_to_u8, f16_to_bool, move16,
    f16_to_bf16, f16_to_i8, f16_to_i16, f16_to_u16, f16_to_u32, f16_to_u64 },
  { bf16_to_f32, bf16_to_f64, bf16_to_i32, bf16_to_i64, bf16_to_u8, bf16_to_bool, bf16_to_f16,
    move16, bf16_to_i8, bf16_to_i16, bf16_to_u16, bf16_to_u32, bf16_to_u64 },
  { i8_to_f32, i8_to_f64, i8_to_i32, i8_to_i64, i8_to_u8, i8_to_bool, i8_to_f16,
    i8_to_bf16, move8, i8_to_i16, i8_to_u16, i8_to_u32, i8_to_u64 },
  { i16_to_f32, i16_to_f64, i16_to_i32, i16_to_i64, i16_to_u8, i16_to_bool, i16_to_f16,
    i16_to_bf16, i16_to_i8, move16, i16_to_u16, i16_to_u32, i16_to_u64 },
  { u16_to_f32, u16_to_f64, u16_to_i32, u16_to_i64, u16_to_u8, u16_to_bool, u16_to_f16,
    u16_to_bf16, u16_to_i8, u16_to_i16, move16, u16_to_u32, u16_to_u64 },
  { u32_to_f32, u32_to_f64, u32_to_i32, u32_to_i64, u32_to_u8, u32_to_bool, u32_to_f16,
    u32_to_bf16, u32_to_i8, u32_to_i16, u32_to_u16, move32, u32_to_u64 },
  { u64_to_f32, u64_to_f64, u64_to_i32, u64_to_i64, u64_to_u8, u64_to_bool, u64_to_f16,
    u64_to_bf16, u64_to_i8, u64_to_i16, u64_to_u16, u64_to_u32, move64 },
};
