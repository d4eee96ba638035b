/* transpose8.h: an 8 x 8 block of floats, transposed in registers. */
#ifndef SCION_TRANSPOSE8_H
#define SCION_TRANSPOSE8_H

#include <stdint.h>

typedef float f32x8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t i32x8 __attribute__((vector_size(32)));
static inline void transpose8(const float *from, int64_t from_step, float *to, int64_t to_step) {
  f32x8 r[8], s[8];
  _Pragma("GCC unroll 8") for (int i = 0; i < 8; i++) r[i] = *(const f32x8 *)(const void *)(from + i * from_step);
  _Pragma("GCC unroll 4") for (int i = 0; i < 8; i += 2) { /* pairs within quarters */
    s[i] = __builtin_shuffle(r[i], r[i + 1], (i32x8){ 0, 8, 1, 9, 4, 12, 5, 13 });
    s[i + 1] = __builtin_shuffle(r[i], r[i + 1], (i32x8){ 2, 10, 3, 11, 6, 14, 7, 15 });
  }
  _Pragma("GCC unroll 2") for (int i = 0; i < 8; i += 4) { /* fours within halves */
    _Pragma("GCC unroll 2") for (int h = 0; h < 2; h++) {
      r[i + 2 * h] = __builtin_shuffle(s[i + h], s[i + 2 + h], (i32x8){ 0, 1, 8, 9, 4, 5, 12, 13 });
      r[i + 2 * h + 1] = __builtin_shuffle(s[i + h], s[i + 2 + h], (i32x8){ 2, 3, 10, 11, 6, 7, 14, 15 });
    }
  }
  _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++) {
    *(f32x8 *)(void *)(to + i * to_step) = __builtin_shuffle(r[i], r[i + 4], (i32x8){ 0, 1, 2, 3, 8, 9, 10, 11 });
    *(f32x8 *)(void *)(to + (i + 4) * to_step) = __builtin_shuffle(r[i], r[i + 4], (i32x8){ 4, 5, 6, 7, 12, 13, 14, 15 });
  }
}

#endif
