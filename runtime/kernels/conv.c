/* conv.c: the loops around convolution: patches to columns and back, and depthwise filters. Geometry is always three
 * spatial dimensions (depth, height, width); unused ones have size 1. */
#include <string.h>

#include "kernels.h"

/* col (channels * kd * kh * kw, n_pixels) <- the patches of output pixels p0 .. p0 + n_pixels of one image.
 * x: (channels, d, h, w). Out of the image: 0. */
#define COLUMNS(name, type)                                                                                          \
  void K(name)(const scion_conv_shape *s, int64_t channels, const type *x, int64_t p0, int64_t n_pixels, type *col) { \
    int64_t hw = s->oh * s->ow;                                                                                      \
    for (int64_t c = 0; c < channels; c++) {                                                                         \
      const type *xc = x + c * s->d * s->h * s->w;                                                                   \
      for (int64_t kd = 0; kd < s->kd; kd++)                                                                         \
        for (int64_t kh = 0; kh < s->kh; kh++)                                                                       \
          for (int64_t kw = 0; kw < s->kw; kw++) {                                                                   \
            int64_t p = p0, end = p0 + n_pixels, x0 = kw * s->dw - s->pw;                                            \
            while (p < end) { /* one output row, or the part of it in range */                                       \
              int64_t od = p / hw, oh = p % hw / s->ow, ow = p % s->ow;                                              \
              int64_t n = s->ow - ow < end - p ? s->ow - ow : end - p;                                               \
              int64_t id = od * s->sd + kd * s->dd - s->pd, ih = oh * s->sh + kh * s->dh - s->ph;                    \
              type *out = col + (p - p0);                                                                            \
              if (id < 0 || id >= s->d || ih < 0 || ih >= s->h) {                                                    \
                memset(out, 0, (size_t)n * sizeof *out);                                                             \
              } else {                                                                                               \
                const type *row = xc + (id * s->h + ih) * s->w;                                                      \
                if (s->sw == 1) {                                                                                    \
                  int64_t i0 = ow + x0, lo = i0 < 0 ? -i0 : 0, hi = s->w - i0 < n ? s->w - i0 : n;                   \
                  if (lo > n) lo = n;                                                                                \
                  if (hi < lo) hi = lo;                                                                              \
                  for (int64_t i = 0; i < lo; i++) out[i] = 0;                                                       \
                  if (hi > lo) memcpy(out + lo, row + i0 + lo, (size_t)(hi - lo) * sizeof *out);                     \
                  for (int64_t i = hi; i < n; i++) out[i] = 0;                                                       \
                } else {                                                                                             \
                  int64_t i0 = ow * s->sw + x0, lo = i0 < 0 ? (s->sw - 1 - i0) / s->sw : 0;                          \
                  int64_t hi = i0 < s->w ? (s->w - 1 - i0) / s->sw + 1 : 0;                                          \
                  if (lo > n) lo = n;                                                                                \
                  if (hi > n) hi = n;                                                                                \
                  if (hi < lo) hi = lo;                                                                              \
                  for (int64_t i = 0; i < lo; i++) out[i] = 0;                                                       \
                  if (s->sw == 2) {                                                                                  \
                    for (int64_t i = lo; i < hi; i++) out[i] = row[i0 + 2 * i];                                      \
                  } else {                                                                                           \
                    for (int64_t i = lo; i < hi; i++) out[i] = row[i0 + s->sw * i];                                  \
                  }                                                                                                  \
                  for (int64_t i = hi; i < n; i++) out[i] = 0;                                                       \
                }                                                                                                    \
              }                                                                                                      \
              p += n;                                                                                                \
            }                                                                                                        \
            col += n_pixels;                                                                                         \
          }                                                                                                          \
    }                                                                                                                \
  }
COLUMNS(conv_columns_f32, float)
COLUMNS(conv_columns_f64, double)

/* The reverse: adds columns back onto the image. */
#define IMAGE(name, type)                                                                                            \
  void K(name)(const scion_conv_shape *s, int64_t channels, const type *col, int64_t p0, int64_t n_pixels, type *x) { \
    int64_t hw = s->oh * s->ow;                                                                                      \
    for (int64_t c = 0; c < channels; c++) {                                                                         \
      type *xc = x + c * s->d * s->h * s->w;                                                                         \
      for (int64_t kd = 0; kd < s->kd; kd++)                                                                         \
        for (int64_t kh = 0; kh < s->kh; kh++)                                                                       \
          for (int64_t kw = 0; kw < s->kw; kw++) {                                                                   \
            int64_t p = p0, end = p0 + n_pixels, x0 = kw * s->dw - s->pw;                                            \
            while (p < end) {                                                                                        \
              int64_t od = p / hw, oh = p % hw / s->ow, ow = p % s->ow;                                              \
              int64_t n = s->ow - ow < end - p ? s->ow - ow : end - p;                                               \
              int64_t id = od * s->sd + kd * s->dd - s->pd, ih = oh * s->sh + kh * s->dh - s->ph;                    \
              if (id >= 0 && id < s->d && ih >= 0 && ih < s->h) {                                                    \
                const type *in = col + (p - p0);                                                                     \
                type *row = xc + (id * s->h + ih) * s->w;                                                            \
                if (s->sw == 1) {                                                                                    \
                  int64_t i0 = ow + x0, lo = i0 < 0 ? -i0 : 0, hi = s->w - i0 < n ? s->w - i0 : n;                   \
                  for (int64_t i = lo; i < hi; i++) row[i0 + i] += in[i];                                            \
                } else {                                                                                             \
                  for (int64_t i = 0; i < n; i++) {                                                                  \
                    int64_t iw = (ow + i) * s->sw + x0;                                                              \
                    if (iw >= 0 && iw < s->w) row[iw] += in[i];                                                      \
                  }                                                                                                  \
                }                                                                                                    \
              }                                                                                                      \
              p += n;                                                                                                \
            }                                                                                                        \
            col += n_pixels;                                                                                         \
          }                                                                                                          \
    }                                                                                                                \
  }
IMAGE(conv_image_f32, float)
IMAGE(conv_image_f64, double)

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
