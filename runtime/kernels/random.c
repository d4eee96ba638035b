/* random.c: random numbers and their conversion to uniform floats. */
#include "kernels.h"
#include "philox.h"

/* u[i] = value i of the stream that starts with block `first`; n values. */
void K(philox_u32)(int64_t n, uint64_t key, uint64_t first, uint32_t *u) {
  for (int64_t at = 0; at < n; at += 4 * PHILOX_LANES) {
    philox_blocks b;
    philox_run(key, first + (uint64_t)at / 4, &b);
    if (n - at >= 4 * PHILOX_LANES) {
      for (int j = 0; j < PHILOX_LANES; j++)
        for (int i = 0; i < 4; i++) u[at + 4 * j + i] = b.c[i][j];
    } else {
      for (int64_t i = 0; i < n - at; i++) u[at + i] = b.c[i % 4][i / 4];
    }
  }
}

/* y[i] = lo + scale * u[i], u in [0, 1): 24 bits for f32; for f64 53 bits of two numbers each. */
void K(uniform_f32)(int64_t n, const uint32_t *u, float lo, float scale, float *y) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) y[i] = lo + scale * ((float)(int32_t)(u[i] >> 8) * 0x1p-24f);
}
void K(uniform_f64)(int64_t n, const uint32_t *u, double lo, double scale, double *y) {
  for (int64_t i = 0; i < n; i++) {
    uint64_t bits = (((uint64_t)u[2 * i] << 32) | u[2 * i + 1]) >> 11;
    y[i] = lo + scale * ((double)(int64_t)bits * 0x1p-53);
  }
}
