/* element.h: one element of any type to and from C numbers; half-precision conversions. */
#ifndef SCION_ELEMENT_H
#define SCION_ELEMENT_H

#include <stdint.h>
#include <string.h>

double scion__element_get(int dtype, const void *p);
int64_t scion__element_get_i64(int dtype, const void *p);
void scion__element_set(int dtype, void *p, double v); /* integers truncate and saturate, NaN gives 0 */
void scion__element_set_i64(int dtype, void *p, int64_t v);

static inline float scion__bf16_to_f32(uint16_t h) {
  uint32_t u = (uint32_t)h << 16;
  float f;
  memcpy(&f, &u, sizeof f);
  return f;
}
static inline uint16_t scion__f32_to_bf16(float f) { /* round to nearest even */
  uint32_t u;
  memcpy(&u, &f, sizeof u);
  if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((u >> 16) | 0x40u);
  return (uint16_t)((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}
static inline float scion__f16_to_f32(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = (h >> 10) & 0x1fu, mantissa = h & 0x3ffu, u;
  if (exponent == 31) {
    u = sign | 0x7f800000u | (mantissa << 13);
  } else if (exponent != 0) {
    u = sign | ((exponent + 112) << 23) | (mantissa << 13);
  } else { /* subnormal: mantissa * 2^-24 */
    float f = (float)mantissa * 0x1p-24f;
    memcpy(&u, &f, sizeof u);
    u |= sign;
  }
  float f;
  memcpy(&f, &u, sizeof f);
  return f;
}
static inline uint16_t scion__f32_to_f16(float f) { /* round to nearest even */
  uint32_t u;
  memcpy(&u, &f, sizeof u);
  uint32_t sign = (u >> 16) & 0x8000u;
  u &= 0x7fffffffu;
  if (u > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);
  if (u >= 0x47800000u) return (uint16_t)(sign | 0x7c00u); /* 65536 and above */
  if (u < 0x38800000u) {                                    /* below 2^-14: subnormal */
    float a;
    memcpy(&a, &u, sizeof a);
    a += 0.5f; /* aligns the mantissa so that the hardware rounds at 2^-24 */
    uint32_t r;
    memcpy(&r, &a, sizeof r);
    return (uint16_t)(sign | (r - 0x3f000000u));
  }
  u += 0xc8000fffu + ((u >> 13) & 1u);
  return (uint16_t)(sign | (u >> 13));
}

#endif
