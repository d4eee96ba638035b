/* depthwise.c: one channel through one filter. The image is padded, and its lines are split by column modulo the step
 * ("phases"), so that every tap reads consecutive floats whatever the step. */
#include <string.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "kernels.h"
#include "vector.h"

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

#if LANES == 16
#define EVENS ((ints){ 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30 })
#elif LANES == 8
#define EVENS ((ints){ 0, 2, 4, 6, 8, 10, 12, 14 })
#else
#define EVENS ((ints){ 0, 2, 4, 6 })
#endif

/* LANES outputs from column i on of the lines r; all that is read lies inside the lines. */
static inline vec three(const float *const r[3], int64_t step, int64_t i, const float *f, float bias) {
  vec sum = (vec){ 0 } + bias;
  for (int k = 0; k < 3; k++) {
    const float *in = r[k] + i * step - 1;
    vec a = *(const vec *)(const void *)in, b, c;
    if (step == 1) {
      b = *(const vec *)(const void *)(in + 1);
      c = *(const vec *)(const void *)(in + 2);
    } else {
      vec more = *(const vec *)(const void *)(in + LANES), d = *(const vec *)(const void *)(in + 2), e = *(const vec *)(const void *)(in + 2 + LANES);
      b = __builtin_shuffle(a, more, EVENS + 1);
      a = __builtin_shuffle(a, more, EVENS);
      c = __builtin_shuffle(d, e, EVENS);
    }
    sum += a * f[3 * k];
    sum += b * f[3 * k + 1];
    sum += c * f[3 * k + 2];
  }
  return sum;
}

#if defined(__AVX512F__)
/* The same where a line is no more than a vector: its neighbours are the vector moved by a lane. */
static void narrow3(int64_t step, int64_t h, int64_t w, const float *x, const float *f, int64_t oh, int64_t ow, float bias, int32_t activation, float *y) {
  const __m512i zero = _mm512_setzero_si512(), evens = (__m512i)EVENS, odds = (__m512i)(EVENS + 1);
  __mmask16 in = (__mmask16)((1u << w) - 1), out = (__mmask16)((1u << ow) - 1);
  for (int64_t l = 0; l < oh; l++, y += ow) {
    vec sum = (vec){ 0 } + bias;
    for (int k = 0; k < 3; k++) {
      int64_t at = l * step + k - 1;
      if (at < 0 || at >= h) continue;
      __m512i b = _mm512_castps_si512(_mm512_maskz_loadu_ps(in, x + at * w)), a, c;
      if (step == 1) {
        a = _mm512_alignr_epi32(b, zero, 15);
        c = _mm512_alignr_epi32(zero, b, 1);
      } else {
        c = _mm512_permutexvar_epi32(odds, b);
        b = _mm512_permutexvar_epi32(evens, b);
        a = _mm512_alignr_epi32(c, zero, 15);
      }
      sum += (vec)a * f[3 * k];
      sum += (vec)b * f[3 * k + 1];
      sum += (vec)c * f[3 * k + 2];
    }
    _mm512_mask_storeu_ps(y, out, (__m512)finish(sum, activation));
  }
}
#endif

/* 3 x 3 with a border of one zero, step 1 or 2, straight from the image x (h, w); needs w >= 1 + step + step * LANES, or w <= LANES where a
 * vector has 16. zeros: a line of w zeros. */
void K(depthwise3_f32)(int64_t step, int64_t h, int64_t w, const float *x, const float *zeros, const float *f, int64_t oh, int64_t ow, float bias,
                       int32_t activation, float *y) {
#if defined(__AVX512F__)
  if (w <= LANES) {
    narrow3(step, h, w, x, f, oh, ow, bias, activation, y);
    return;
  }
#endif
  int64_t last = (w - 1 - step * LANES) / step; /* the last column at which a whole vector lies inside */
  for (int64_t l = 0; l < oh; l++, y += ow) {
    const float *r[3];
    for (int k = 0; k < 3; k++) {
      int64_t at = l * step + k - 1;
      r[k] = at < 0 || at >= h ? zeros : x + at * w;
    }
    int64_t i = 1;
    if (step == 1) {
      for (; i <= last; i += LANES) *(vec *)(void *)(y + i) = finish(three(r, 1, i, f, bias), activation);
      if (i < last + LANES) *(vec *)(void *)(y + last) = finish(three(r, 1, last, f, bias), activation);
    } else {
      for (; i <= last; i += LANES) *(vec *)(void *)(y + i) = finish(three(r, 2, i, f, bias), activation);
      if (i < last + LANES) *(vec *)(void *)(y + last) = finish(three(r, 2, last, f, bias), activation);
    }
    for (i = 0; i < ow; i = i == 0 ? last + LANES : i + 1) { /* the first column, and those behind the vectors */
      float sum = bias;
      for (int k = 0; k < 3; k++)
        for (int t = 0; t < 3; t++) {
          int64_t at = i * step + t - 1;
          if (at >= 0 && at < w) sum += r[k][at] * f[3 * k + t];
        }
      if (activation != 0 && sum < 0) sum = 0;
      if (activation == 2 && sum > 6) sum = 6;
      y[i] = sum;
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
