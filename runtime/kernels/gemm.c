/* gemm.c: small matrix products, where a call of the BLAS costs more than the product itself. */
#include "kernels.h"

/* y (m, n) = a (m, k) b (k, n) + beta y, any strides of a; rows of b and y are packed (element stride 1). */
#define SMALL(name, type)                                                                                       \
  void K(name)(int64_t m, int64_t n, int64_t k, const type *a, int64_t a_row, int64_t a_col, const type *b,     \
               int64_t b_row, type *restrict y, int64_t y_row) {                                                \
    for (int64_t i = 0; i < m; i++) {                                                                           \
      type *yi = y + i * y_row;                                                                                 \
      for (int64_t j = 0; j < n; j++) yi[j] = 0;                                                                \
      for (int64_t p = 0; p < k; p++) {                                                                         \
        type s = a[i * a_row + p * a_col];                                                                      \
        const type *bp = b + p * b_row;                                                                         \
        for (int64_t j = 0; j < n; j++) yi[j] += s * bp[j];                                                     \
      }                                                                                                         \
    }                                                                                                           \
  }
SMALL(gemm_small_f32, float)
SMALL(gemm_small_f64, double)
