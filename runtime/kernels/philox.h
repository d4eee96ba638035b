/* philox.h: sixteen blocks of scion__philox (base/random.c) with stream 0 at a time, so that the compiler uses the lanes. */
#ifndef SCION_PHILOX_H
#define SCION_PHILOX_H

#include <stdint.h>

#define PHILOX_LANES 16
typedef struct { uint32_t c[4][PHILOX_LANES]; } philox_blocks; /* value 4 j + i of these blocks: c[i][j] */

static inline void philox_run(uint64_t key, uint64_t first, philox_blocks *b) {
  uint32_t *c0 = b->c[0], *c1 = b->c[1], *c2 = b->c[2], *c3 = b->c[3], k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  for (int j = 0; j < PHILOX_LANES; j++) {
    c0[j] = (uint32_t)(first + (uint64_t)j);
    c1[j] = (uint32_t)((first + (uint64_t)j) >> 32);
    c2[j] = c3[j] = 0;
  }
  for (int round = 0; round < 10; round++) {
#pragma omp simd
    for (int j = 0; j < PHILOX_LANES; j++) {
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
}

#endif
