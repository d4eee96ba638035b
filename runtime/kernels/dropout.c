/* dropout.c: random masks and their application. A mask depends on key and block alone. */
#include "kernels.h"
#include "philox.h"

/* mask[i] = value i of the stream >= threshold, for whole blocks of four values; n values are written. */
void K(dropout_mask)(int64_t n, uint64_t key, uint64_t first, uint32_t threshold, uint8_t *mask) {
  for (int64_t at = 0; at < n; at += 4 * PHILOX_LANES) {
    philox_blocks b;
    uint8_t m[4 * PHILOX_LANES];
    philox_run(key, first + (uint64_t)at / 4, &b);
    for (int j = 0; j < PHILOX_LANES; j++)
      for (int i = 0; i < 4; i++) m[4 * j + i] = b.c[i][j] >= threshold;
    int64_t count = n - at < 4 * PHILOX_LANES ? n - at : 4 * PHILOX_LANES;
    for (int64_t i = 0; i < count; i++) mask[at + i] = m[i];
  }
}

/* y = mask ? scale x + shift : dropped. */
void K(dropout_apply_f32)(int64_t n, const float *x, const uint8_t *mask, float scale, float shift, float dropped, float *y) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) y[i] = mask[i] ? x[i] * scale + shift : dropped;
}
void K(dropout_apply_f64)(int64_t n, const double *x, const uint8_t *mask, double scale, double shift, double dropped, double *y) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) y[i] = mask[i] ? x[i] * scale + shift : dropped;
}
