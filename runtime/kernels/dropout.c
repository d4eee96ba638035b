/* dropout.c: random masks and their application. The numbers are those of scion__philox (base/random.c) with
 * stream 0, sixteen blocks at a time, so that the compiler uses the lanes; a mask depends on key and block alone. */
#include "kernels.h"

#define LANES 16

/* mask[i] = value i of the stream >= threshold, for whole blocks of four values; n values are written. */
void K(dropout_mask)(int64_t n, uint64_t key, uint64_t first, uint32_t threshold, uint8_t *mask) {
  for (int64_t at = 0; at < n; at += 4 * LANES) {
    uint32_t c0[LANES], c1[LANES], c2[LANES], c3[LANES], k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint64_t block = first + (uint64_t)at / 4;
    for (int j = 0; j < LANES; j++) {
      c0[j] = (uint32_t)(block + (uint64_t)j);
      c1[j] = (uint32_t)((block + (uint64_t)j) >> 32);
      c2[j] = c3[j] = 0;
    }
    for (int round = 0; round < 10; round++) {
#pragma omp simd
      for (int j = 0; j < LANES; j++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0[j], p1 = (uint64_t)0xCD9E8D57u * c2[j];
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1[j] ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3[j] ^ k1;
        c1[j] = (uint32_t)p1;
        c3[j] = (uint32_t)p0;
        c0[j] = n0;
        c2[j] = n2;
      }
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    uint8_t m[4 * LANES];
    for (int j = 0; j < LANES; j++) {
      m[4 * j] = c0[j] >= threshold;
      m[4 * j + 1] = c1[j] >= threshold;
      m[4 * j + 2] = c2[j] >= threshold;
      m[4 * j + 3] = c3[j] >= threshold;
    }
    int64_t count = n - at < 4 * LANES ? n - at : 4 * LANES;
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
