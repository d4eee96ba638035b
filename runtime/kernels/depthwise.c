/* depthwise.c: one channel through one filter. The image is padded, and its lines are split by column modulo the step
 * ("phases"), so that every tap reads consecutive floats whatever the step. */
#include <string.h>

#include "kernels.h"

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif
typedef float vec __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(LANES * 4)));

static inline vec at_least(vec v, float low) {
  ints m = v < low;
  vec l = (vec){ 0 } + low;
  return (vec)((m & (ints)l) | (~m & (ints)v));
}
static inline vec finish(vec v, int32_t activation) { /* 0 none, 1 relu, 2 relu6 */
  if (activation == 0) return v;
  v = at_least(v, 0);
  return activation == 2 ? -at_least(-v, -6) : v;
}

/* y (lines, width): sum over taps of w * x at line * line_step + offsets[tap]. Reads up to SCION_DIRECT_SLACK - 1 floats beyond. */
void K(depthwise_f32)(int64_t taps, const int64_t *offsets, const float *x, int64_t line_step, const float *w, int64_t lines, int64_t width, float bias,
                      int32_t activation, float *y) {
  for (int64_t l = 0; l < lines; l++, x += line_step, y += width) {
    int64_t i = 0;
    for (; i + 2 * LANES <= width; i += 2 * LANES) {
      vec a = (vec){ 0 } + bias, b = a;
      for (int64_t t = 0; t < taps; t++) {
        const float *in = x + offsets[t] + i;
        a += *(const vec *)(const void *)in * w[t];
        b += *(const vec *)(const void *)(in + LANES) * w[t];
      }
      *(vec *)(void *)(y + i) = finish(a, activation);
      *(vec *)(void *)(y + i + LANES) = finish(b, activation);
    }
    for (; i < width; i += LANES) {
      vec a = (vec){ 0 } + bias;
      for (int64_t t = 0; t < taps; t++) a += *(const vec *)(const void *)(x + offsets[t] + i) * w[t];
      a = finish(a, activation);
      if (i + LANES <= width) *(vec *)(void *)(y + i) = a;
      else memcpy(y + i, &a, (size_t)(width - i) * sizeof *y);
    }
  }
}

/* dw[tap] += sum of dy * x at the tap. dy: lines of `pitch` floats, a multiple of 16, zeros behind the line's end. */
void K(depthwise_weight_f32)(int64_t taps, const int64_t *offsets, const float *x, int64_t line_step, const float *dy, int64_t pitch, int64_t lines, float *dw) {
  for (int64_t t0 = 0; t0 < taps; t0 += 5) {
    int64_t n = taps - t0 < 5 ? taps - t0 : 5;
    vec sum[5] = { { 0 }, { 0 }, { 0 }, { 0 }, { 0 } };
    for (int64_t l = 0; l < lines; l++)
      for (int64_t i = 0; i < pitch; i += LANES) {
        vec d = *(const vec *)(const void *)(dy + l * pitch + i);
        const float *in = x + l * line_step + i;
        if (n == 5) {
          for (int k = 0; k < 5; k++) sum[k] += *(const vec *)(const void *)(in + offsets[t0 + k]) * d;
        } else {
          for (int64_t k = 0; k < n; k++) sum[k] += *(const vec *)(const void *)(in + offsets[t0 + k]) * d;
        }
      }
    for (int64_t k = 0; k < n; k++) {
      float s = 0;
      for (int v = 0; v < LANES; v++) s += sum[k][v];
      dw[t0 + k] += s;
    }
  }
}
