/* random.c: the numbers of scion__philox (base/random.c) with stream 0, sixteen blocks at a time so that the
 * compiler uses the lanes, and their conversion to uniform floats. */
#include "kernels.h"

#define LANES 16

/* u[i] = value i of the stream that starts with block `first`; n values. */
void K(philox_u32)(int64_t n, uint64_t key, uint64_t first, uint32_t *u) {
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
    if (n - at >= 4 * LANES) {
      for (int j = 0; j < LANES; j++) {
        u[at + 4 * j] = c0[j];
        u[at + 4 * j + 1] = c1[j];
        u[at + 4 * j + 2] = c2[j];
        u[at + 4 * j + 3] = c3[j];
      }
    } else {
      for (int64_t i = 0; i < n - at; i++) u[at + i] = (i % 4 == 0 ? c0 : i % 4 == 1 ? c1 : i % 4 == 2 ? c2 : c3)[i / 4];
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
