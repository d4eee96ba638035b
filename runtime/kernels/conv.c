/* conv.c: the loops around convolution: patches to columns and back, and depthwise filters. Geometry is always three
 * spatial dimensions (depth, height, width); unused ones have size 1. */
#include <stdbool.h>
#include <string.h>

#include "kernels.h"

/* A line of output pixels in one tap's row of the columns: the input column of its first pixel, how many pixels, and which of
 * them, [lo, hi), lie in the image. */
typedef struct { int64_t first, n, lo, hi; } line;

static inline line line_of(int64_t first, int64_t n, int64_t step, int64_t width) {
  int64_t lo = first >= 0 ? 0 : (step - 1 - first) / step, hi = first < width ? (width - 1 - first) / step + 1 : 0;
  if (lo > n) lo = n;
  if (hi > n) hi = n;
  return (line){ first, n, lo, hi < lo ? lo : hi };
}

#if defined(__AVX512F__)
#include <immintrin.h>
/* `count` bits from bit `at`, of 16 */
static inline __mmask16 bits(int64_t at, int64_t count) {
  if (at < 0) count += at, at = 0;
  if (count <= 0 || at > 15) return 0;
  return (__mmask16)((count > 15 ? 0xffffu : (1u << count) - 1) << at);
}
static inline void take_f32(const float *row, line l, int64_t step, float *out) {
  int64_t i = 0;
  if (step == 1) {
    for (; i < l.n; i += 16) {
      _mm512_mask_storeu_ps(out + i, bits(0, l.n - i), _mm512_maskz_loadu_ps(bits(l.lo - i, l.hi - l.lo), row + l.first + i));
    }
    return;
  }
  if (step == 2) {
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    for (; i < l.n; i += 16) {
      const float *from = row + l.first + 2 * i;
      int64_t at = 2 * (l.lo - i), span = 2 * (l.hi - l.lo);
      __m512 a = _mm512_maskz_loadu_ps(bits(at, span) & 0x5555, from), b = _mm512_maskz_loadu_ps(bits(at - 16, span) & 0x5555, from + 16);
      _mm512_mask_storeu_ps(out + i, bits(0, l.n - i), _mm512_permutex2var_ps(a, even, b));
    }
    return;
  }
  for (; i < l.lo; i++) out[i] = 0;
  for (; i < l.hi; i++) out[i] = row[l.first + step * i];
  for (; i < l.n; i++) out[i] = 0;
}
static inline void give_f32(float *row, line l, int64_t step, const float *in) {
  if (step == 1) {
    for (int64_t i = 0; i < l.n; i += 16) {
      __mmask16 m = bits(l.lo - i, l.hi - l.lo);
      float *to = row + l.first + i;
      _mm512_mask_storeu_ps(to, m, _mm512_add_ps(_mm512_maskz_loadu_ps(m, to), _mm512_maskz_loadu_ps(m, in + i)));
    }
    return;
  }
  if (step == 2) {
    for (int64_t i = 0; i < l.n; i += 8) {
      __mmask16 m = bits(l.lo - i, l.hi - l.lo) & 0xff, spread = bits(2 * (l.lo - i), 2 * (l.hi - l.lo)) & 0x5555;
      float *to = row + l.first + 2 * i;
      __m512 v = _mm512_maskz_expand_ps(0x5555, _mm512_maskz_loadu_ps(m, in + i));
      _mm512_mask_storeu_ps(to, spread, _mm512_add_ps(_mm512_maskz_loadu_ps(spread, to), v));
    }
    return;
  }
  for (int64_t i = l.lo; i < l.hi; i++) row[l.first + step * i] += in[i];
}

/* Small images, whole lines at once: a line fits a vector, and its masks hold for all lines of a tap. */
static inline bool few_f32(const scion_conv_shape *s, int64_t p0, int64_t n_pixels) {
  return s->ow <= 16 && s->sw <= 2 && s->d == 1 && s->kd == 1 && s->od == 1 && s->pd == 0 && p0 % s->ow == 0 && n_pixels % s->ow == 0;
}
typedef struct { __mmask16 out, in, in2; int64_t first, top, begin, end; } tap; /* lines [begin, end) of those asked lie in the image, the first at `top` */
static inline tap tap_of(const scion_conv_shape *s, int64_t kh, int64_t kw, int64_t oh0, int64_t lines) {
  int64_t x0 = kw * s->dw - s->pw, y0 = oh0 * s->sh + kh * s->dh - s->ph;
  line w = line_of(x0, s->ow, s->sw, s->w), h = line_of(y0, lines, s->sh, s->h);
  tap t = { .out = bits(0, s->ow), .first = x0, .top = y0 + h.lo * s->sh, .begin = h.lo, .end = h.hi };
  int64_t at = s->sw * w.lo, span = s->sw * (w.hi - w.lo);
  t.in = s->sw == 1 ? bits(at, span) : bits(at, span) & 0x5555;
  t.in2 = s->sw == 1 ? 0 : bits(at - 16, span) & 0x5555;
  return t;
}
static void few_columns_f32(const scion_conv_shape *s, int64_t channels, const float *x, int64_t p0, int64_t n_pixels, float *col) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  int64_t lines = n_pixels / s->ow, oh0 = p0 / s->ow, step = s->sh * s->w;
  for (int64_t kh = 0; kh < s->kh; kh++) {
    for (int64_t kw = 0; kw < s->kw; kw++) {
      tap t = tap_of(s, kh, kw, oh0, lines);
      for (int64_t c = 0; c < channels; c++) {
        float *out = col + ((c * s->kh + kh) * s->kw + kw) * n_pixels;
        const float *row = x + (c * s->h + t.top) * s->w + t.first;
        int64_t i = 0;
        for (; i < t.begin; i++, out += s->ow) _mm512_mask_storeu_ps(out, t.out, _mm512_setzero_ps());
        if (s->sw == 1) {
          for (; i < t.end; i++, out += s->ow, row += step) _mm512_mask_storeu_ps(out, t.out, _mm512_maskz_loadu_ps(t.in, row));
        } else {
          for (; i < t.end; i++, out += s->ow, row += step) {
            __m512 rest = t.in2 == 0 ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(t.in2, row + 16);
            _mm512_mask_storeu_ps(out, t.out, _mm512_permutex2var_ps(_mm512_maskz_loadu_ps(t.in, row), even, rest));
          }
        }
        for (; i < lines; i++, out += s->ow) _mm512_mask_storeu_ps(out, t.out, _mm512_setzero_ps());
      }
    }
  }
}
static void few_image_f32(const scion_conv_shape *s, int64_t channels, const float *col, int64_t p0, int64_t n_pixels, float *x) {
  int64_t lines = n_pixels / s->ow, oh0 = p0 / s->ow, step = s->sh * s->w;
  for (int64_t kh = 0; kh < s->kh; kh++) {
    for (int64_t kw = 0; kw < s->kw; kw++) {
      tap t = tap_of(s, kh, kw, oh0, lines);
      for (int64_t c = 0; c < channels; c++) {
        const float *in = col + ((c * s->kh + kh) * s->kw + kw) * n_pixels + t.begin * s->ow;
        float *row = x + (c * s->h + t.top) * s->w + t.first;
        for (int64_t i = t.begin; i < t.end; i++, in += s->ow, row += step) {
          __m512 v = _mm512_maskz_loadu_ps(t.out, in), a = s->sw == 1 ? v : _mm512_maskz_expand_ps(0x5555, v);
          _mm512_mask_storeu_ps(row, t.in, _mm512_add_ps(_mm512_maskz_loadu_ps(t.in, row), a));
          if (t.in2 != 0) {
            a = _mm512_maskz_expand_ps(0x5555, _mm512_maskz_compress_ps(0xff00, v));
            _mm512_mask_storeu_ps(row + 16, t.in2, _mm512_add_ps(_mm512_maskz_loadu_ps(t.in2, row + 16), a));
          }
        }
      }
    }
  }
}
#define OWN_F32 1
#endif

#define LINES(type, suffix)                                                                    \
  static inline void take_##suffix(const type *row, line l, int64_t step, type *out) {         \
    int64_t i = 0;                                                                             \
    for (; i < l.lo; i++) out[i] = 0;                                                          \
    if (step == 1) for (; i < l.hi; i++) out[i] = row[l.first + i];                            \
    else if (step == 2) for (; i < l.hi; i++) out[i] = row[l.first + 2 * i];                   \
    else for (; i < l.hi; i++) out[i] = row[l.first + step * i];                               \
    for (; i < l.n; i++) out[i] = 0;                                                           \
  }                                                                                            \
  static inline void give_##suffix(type *row, line l, int64_t step, const type *in) {          \
    if (step == 1) for (int64_t i = l.lo; i < l.hi; i++) row[l.first + i] += in[i];            \
    else for (int64_t i = l.lo; i < l.hi; i++) row[l.first + step * i] += in[i];               \
  }
/* No short way for these. */
#define few_f64(s, p0, n) false
#define few_columns_f64(s, channels, x, p0, n, col) (void)0
#define few_image_f64(s, channels, col, p0, n, x) (void)0
#ifndef OWN_F32
#define few_f32(s, p0, n) false
#define few_columns_f32(s, channels, x, p0, n, col) (void)0
#define few_image_f32(s, channels, col, p0, n, x) (void)0
LINES(float, f32)
#endif
LINES(double, f64)

/* Walks the taps of every channel, and for each the lines of output pixels p0 .. p0 + n_pixels: `inside` sees those that lie in the
 * image (row: the image's line there), `outside` the others. */
#define WALK(image, inside, outside)                                                                                       \
  int64_t od0 = p0 / (s->oh * s->ow), oh0 = p0 / s->ow % s->oh, ow0 = p0 % s->ow;                                          \
  for (int64_t c = 0; c < channels; c++) {                                                                                 \
    for (int64_t kd = 0; kd < s->kd; kd++)                                                                                 \
      for (int64_t kh = 0; kh < s->kh; kh++)                                                                               \
        for (int64_t kw = 0; kw < s->kw; kw++, col += n_pixels) {                                                          \
          int64_t x0 = kw * s->dw - s->pw, od = od0, oh = oh0, ow = ow0;                                                   \
          line whole = line_of(x0, s->ow, s->sw, s->w);                                                                    \
          for (int64_t p = 0, n; p < n_pixels; p += n) { /* one output line, or the part of it in range */                 \
            n = s->ow - ow < n_pixels - p ? s->ow - ow : n_pixels - p;                                                     \
            int64_t id = od * s->sd + kd * s->dd - s->pd, ih = oh * s->sh + kh * s->dh - s->ph;                            \
            if (id < 0 || id >= s->d || ih < 0 || ih >= s->h) {                                                            \
              outside;                                                                                                     \
            } else {                                                                                                       \
              line l = n == s->ow ? whole : line_of(x0 + ow * s->sw, n, s->sw, s->w);                                      \
              inside((image) + ((c * s->d + id) * s->h + ih) * s->w, l, s->sw, col + p);                                   \
            }                                                                                                              \
            ow = 0;                                                                                                        \
            if (++oh == s->oh) oh = 0, od++;                                                                               \
          }                                                                                                                \
        }                                                                                                                  \
  }

/* col (channels * kd * kh * kw, n_pixels) <- the patches of output pixels p0 .. p0 + n_pixels of one image.
 * x: (channels, d, h, w). Out of the image: 0. conv_image does the reverse: it adds columns back onto the image. */
#define COLUMNS(type, suffix)                                                                                                             \
  void K(conv_columns_##suffix)(const scion_conv_shape *s, int64_t channels, const type *x, int64_t p0, int64_t n_pixels, type *col) {    \
    if (few_##suffix(s, p0, n_pixels)) {                                                                                                  \
      few_columns_##suffix(s, channels, x, p0, n_pixels, col);                                                                            \
      return;                                                                                                                             \
    }                                                                                                                                     \
    WALK(x, take_##suffix, memset(col + p, 0, (size_t)n * sizeof *col))                                                                   \
  }                                                                                                                                       \
  void K(conv_image_##suffix)(const scion_conv_shape *s, int64_t channels, const type *col, int64_t p0, int64_t n_pixels, type *x) {      \
    if (few_##suffix(s, p0, n_pixels)) {                                                                                                  \
      few_image_##suffix(s, channels, col, p0, n_pixels, x);                                                                              \
      return;                                                                                                                             \
    }                                                                                                                                     \
    WALK(x, give_##suffix, (void)0)                                                                                                       \
  }
COLUMNS(float, f32)
COLUMNS(double, f64)

/* y (n, pixels) += bias, then the activation: 0 none, 1 relu, 2 relu6. bias may be NULL. */
#define FINISH(name, type)                                                                                           \
  void K(name)(int64_t n, int64_t pixels, int64_t row, const type *bias, int32_t activation, type *y) {              \
    for (int64_t i = 0; i < n; i++) {                                                                                \
      type *yi = y + i * row, b = bias != 0 ? bias[i] : 0;                                                           \
      if (activation == 0) {                                                                                         \
        if (bias != 0) for (int64_t p = 0; p < pixels; p++) yi[p] += b;                                              \
      } else if (activation == 1) {                                                                                  \
        for (int64_t p = 0; p < pixels; p++) yi[p] = yi[p] + b < 0 ? 0 : yi[p] + b;                                  \
      } else {                                                                                                       \
        for (int64_t p = 0; p < pixels; p++) yi[p] = yi[p] + b < 0 ? 0 : yi[p] + b > 6 ? 6 : yi[p] + b;              \
      }                                                                                                              \
    }                                                                                                                \
  }
FINISH(conv_finish_f32, float)
FINISH(conv_finish_f64, double)

/* One channel through one depthwise filter: y (od, oh, ow) = x (d, h, w) * w (kd, kh, kw). */
#define DEPTHWISE(name, type)                                                                                        \
  void K(name)(const scion_conv_shape *s, const type *x, const type *w, type *y) {                                   \
    for (int64_t od = 0; od < s->od; od++)                                                                           \
      for (int64_t oh = 0; oh < s->oh; oh++) {                                                                       \
        type *row = y + (od * s->oh + oh) * s->ow;                                                                   \
        for (int64_t i = 0; i < s->ow; i++) row[i] = 0;                                                              \
        for (int64_t kd = 0; kd < s->kd; kd++) {                                                                     \
          int64_t id = od * s->sd + kd * s->dd - s->pd;                                                              \
          if (id < 0 || id >= s->d) continue;                                                                        \
          for (int64_t kh = 0; kh < s->kh; kh++) {                                                                   \
            int64_t ih = oh * s->sh + kh * s->dh - s->ph;                                                            \
            if (ih < 0 || ih >= s->h) continue;                                                                      \
            const type *in = x + (id * s->h + ih) * s->w;                                                            \
            for (int64_t kw = 0; kw < s->kw; kw++) {                                                                 \
              type f = w[(kd * s->kh + kh) * s->kw + kw];                                                            \
              int64_t x0 = kw * s->dw - s->pw; /* first and last output column whose input exists */                 \
              int64_t lo = x0 >= 0 ? 0 : (-x0 + s->sw - 1) / s->sw, hi = (s->w - 1 - x0) / s->sw + 1;                \
              if (s->w - 1 - x0 < 0) hi = 0;                                                                         \
              if (hi > s->ow) hi = s->ow;                                                                            \
              if (s->sw == 1) for (int64_t i = lo; i < hi; i++) row[i] += f * in[i + x0];                            \
              else for (int64_t i = lo; i < hi; i++) row[i] += f * in[i * s->sw + x0];                               \
            }                                                                                                        \
          }                                                                                                          \
        }                                                                                                            \
      }                                                                                                              \
  }
DEPTHWISE(conv_depthwise_f32, float)
DEPTHWISE(conv_depthwise_f64, double)
