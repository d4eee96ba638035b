/* direct.c: convolution with steps of 1 without columns. The image is padded and seen as one long row ("positions", the
 * padding between its lines included), so that a tap of the filter is a shift: every output position is a sum over
 * channels and taps of weight * x[position + offset of the tap]. Eight output channels times a few vectors of
 * positions stay in registers; each loaded vector serves all eight. Positions that fall between two lines are computed
 * too and dropped by conv_direct_finish. */
#include <string.h>

#include "kernels.h"

#if defined(__AVX512F__)
#define LANES 16
#define CO 8 /* channels at a time */
#define NV 3 /* vectors at a time: 24 sums, 3 loads */
#elif defined(__AVX2__)
#define LANES 8
#define CO 4 /* 12 sums, 3 loads */
#define NV 3
#else
#define LANES 4
#define CO 4
#define NV 2
#endif
typedef float vec __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

/* n vectors at position p for CO channels of the block, sums over channels, then taps in order. */
#define TILE(n)                                                                                                       \
  {                                                                                                                   \
    vec sum[CO][n];                                                                                                   \
    _Pragma("GCC unroll 8") for (int k = 0; k < CO; k++) _Pragma("GCC unroll 3") for (int v = 0; v < n; v++) sum[k][v] = (vec){ 0 }; \
    const float *f = w + half;                                                                                        \
    for (int64_t c = 0; c < channels; c++) {                                                                          \
      const float *xc = x + c * plane + p;                                                                            \
      for (int64_t t = 0; t < taps; t++, f += 8) {                                                                    \
        const float *in = xc + offsets[t];                                                                            \
        vec a[n];                                                                                                     \
        _Pragma("GCC unroll 3") for (int v = 0; v < n; v++) a[v] = *(const vec *)(const void *)(in + v * LANES);      \
        _Pragma("GCC unroll 8") for (int k = 0; k < CO; k++)                                                          \
          _Pragma("GCC unroll 3") for (int v = 0; v < n; v++) sum[k][v] += a[v] * f[k];                               \
      }                                                                                                               \
    }                                                                                                                 \
    _Pragma("GCC unroll 8") for (int k = 0; k < CO; k++)                                                              \
      _Pragma("GCC unroll 3") for (int v = 0; v < n; v++) *(vec *)(void *)(y + (half + k) * row + p + v * LANES) = sum[k][v]; \
  }

/* y (8, row) at positions 0 .. n - 1 (written up to n + SCION_DIRECT_SLACK - 1, and x read as far beyond). w: (channels,
 * taps, 8). plane: elements from channel to channel of x. */
void K(conv_direct_f32)(int64_t channels, int64_t taps, const int64_t *offsets, const float *x, int64_t plane, const float *w, int64_t n,
                        float *y, int64_t row) {
  for (int64_t half = 0; half < 8; half += CO) {
    int64_t p = 0;
    for (; p + (NV - 1) * LANES < n; p += NV * LANES) TILE(NV)
    for (; p < n; p += LANES) TILE(1)
  }
}

/* Lines of `width` out of lines of `pitch`, for n channels, with bias (or NULL) and activation 0 none, 1 relu, 2 relu6. */
void K(conv_direct_finish_f32)(int64_t n, int64_t lines, int64_t width, int64_t pitch, const float *from, int64_t from_row, const float *bias,
                               int32_t activation, float *to, int64_t to_row) {
  for (int64_t k = 0; k < n; k++)
    for (int64_t l = 0; l < lines; l++) {
      const float *a = from + k * from_row + l * pitch;
      float *y = to + k * to_row + l * width, b = bias != 0 ? bias[k] : 0;
      if (activation == 0) {
        _Pragma("omp simd") for (int64_t i = 0; i < width; i++) y[i] = a[i] + b;
      } else if (activation == 1) {
        _Pragma("omp simd") for (int64_t i = 0; i < width; i++) y[i] = a[i] + b < 0 ? 0 : a[i] + b;
      } else {
        _Pragma("omp simd") for (int64_t i = 0; i < width; i++) y[i] = a[i] + b < 0 ? 0 : a[i] + b > 6 ? 6 : a[i] + b;
      }
    }
}

/* Lines of `width` into lines of `pitch`, `lead` zeros before each and zeros behind it. */
void K(conv_direct_pad_f32)(int64_t lines, int64_t width, int64_t lead, int64_t pitch, const float *from, float *to) {
  for (int64_t l = 0; l < lines; l++) {
    float *y = to + l * pitch;
    const float *a = from + l * width;
    for (int64_t i = 0; i < lead; i++) y[i] = 0;
    _Pragma("omp simd") for (int64_t i = 0; i < width; i++) y[lead + i] = a[i];
    for (int64_t i = lead + width; i < pitch; i++) y[i] = 0;
  }
}
