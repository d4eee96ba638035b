/* gemm.c: small matrix products, where a call of the BLAS costs more than the product itself. The loops are written once for both
 * element types. */
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "kernels.h"
#include "transpose8.h"

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#else
#define VECTOR_BYTES 32
#endif

typedef float floats __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
typedef double doubles __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias));

/* The first n elements of a vector, zeros behind. */
#if defined(__AVX512F__)
static inline floats floats_some(const float *p, int64_t n) { return (floats)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
static inline doubles doubles_some(const double *p, int64_t n) { return (doubles)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p); }
#elif defined(__AVX2__)
static const int32_t ones_then_zeros[16] = { -1, -1, -1, -1, -1, -1, -1, -1 };
static inline __m256i first(int64_t words) { return _mm256_loadu_si256((const __m256i *)(const void *)(ones_then_zeros + 8 - words)); }
static inline floats floats_some(const float *p, int64_t n) { return (floats)_mm256_maskload_ps(p, first(n)); }
static inline doubles doubles_some(const double *p, int64_t n) { return (doubles)_mm256_maskload_pd(p, first(2 * n)); }
#else
#define SOME(VEC, p, n)                        \
  ({                                           \
    VEC some_ = { 0 };                         \
    memcpy(&some_, p, (size_t)(n) * sizeof *(p)); \
    some_;                                     \
  })
#define floats_some(p, n) SOME(floats, p, n)
#define doubles_some(p, n) SOME(doubles, p, n)
#endif
/* Writes the first n elements. (Measured faster than masked stores on Zen 4.) */
#define PUT(T, p, from, n)                                     \
  {                                                            \
    int64_t put_ = 0;                                          \
    if ((n) & 8) memcpy(p, from, 8 * sizeof(T)), put_ = 8;     \
    if ((n) & 4) memcpy((p) + put_, (from) + put_, 4 * sizeof(T)), put_ += 4; \
    if ((n) & 2) memcpy((p) + put_, (from) + put_, 2 * sizeof(T)), put_ += 2; \
    if ((n) & 1) (p)[put_] = (from)[put_];                     \
  }

/* The first `width` columns of b, k rows, as rows of `cols` with zeros behind. */
static void floats_lay_out(int64_t k, int64_t width, const float *from, int64_t b_row, int64_t b_col, float *to, int64_t cols) {
  int64_t whole = b_row == 1 ? width & ~(int64_t)7 : 0, rows = k & ~(int64_t)7;
  if (width < cols) memset(to, 0, (size_t)(k * cols) * sizeof *to);
  for (int64_t c = 0; c < whole; c += 8)
    for (int64_t p = 0; p < rows; p += 8) transpose8(from + c * b_col + p, b_col, to + p * cols + c, cols);
  for (int64_t c = 0; c < width; c++)
    for (int64_t p = c < whole ? rows : 0; p < k; p++) to[p * cols + c] = from[p * b_row + c * b_col];
}
static void doubles_lay_out(int64_t k, int64_t width, const double *from, int64_t b_row, int64_t b_col, double *to, int64_t cols) {
  if (width < cols) memset(to, 0, (size_t)(k * cols) * sizeof *to);
  for (int64_t c = 0; c < width; c++)
    for (int64_t p = 0; p < k; p++) to[p * cols + c] = from[p * b_row + c * b_col];
}

#define T float
#define VEC floats
#define LANES (VECTOR_BYTES / 4)
#define FN(name) K(name##_f32)
#define FN_LOCAL(name) floats_##name
#include "gemm_body.h"
#undef T
#undef VEC
#undef LANES
#undef FN
#undef FN_LOCAL

#define T double
#define VEC doubles
#define LANES (VECTOR_BYTES / 8)
#define FN(name) K(name##_f64)
#define FN_LOCAL(name) doubles_##name
#include "gemm_body.h"
