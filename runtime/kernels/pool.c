/* pool.c: pooling of one plane (depth, height, width). The inner loops run along an output row, one tap of the window
 * at a time, so that they vectorise whatever the window. */
#include <math.h>

#include "kernels.h"

/* Output columns lo..hi of a row whose input column o * sw + x0 exists. */
static inline void columns(const scion_conv_shape *s, int64_t x0, int64_t *lo, int64_t *hi) {
  *lo = x0 >= 0 ? 0 : (-x0 + s->sw - 1) / s->sw;
  *hi = s->w - 1 - x0 < 0 ? 0 : (s->w - 1 - x0) / s->sw + 1;
  if (*hi > s->ow) *hi = s->ow;
}

/* For every tap of every output row: `row` of the output, `in` of the input, columns lo..hi, input column i * sw + x0. */
#define EACH_TAP(body)                                                                     \
  for (int64_t od = 0; od < s->od; od++)                                                   \
    for (int64_t oh = 0; oh < s->oh; oh++) {                                               \
      int64_t at = (od * s->oh + oh) * s->ow;                                              \
      for (int64_t kd = 0; kd < s->kd; kd++) {                                             \
        int64_t id = od * s->sd + kd * s->dd - s->pd;                                      \
        if (id < 0 || id >= s->d) continue;                                                \
        for (int64_t kh = 0; kh < s->kh; kh++) {                                           \
          int64_t ih = oh * s->sh + kh * s->dh - s->ph;                                    \
          if (ih < 0 || ih >= s->h) continue;                                              \
          int64_t base = (id * s->h + ih) * s->w;                                          \
          for (int64_t kw = 0; kw < s->kw; kw++) {                                         \
            int64_t x0 = kw * s->dw - s->pw, lo, hi;                                       \
            columns(s, x0, &lo, &hi);                                                      \
            body                                                                           \
          }                                                                                \
        }                                                                                  \
      }                                                                                    \
    }

/* The window of most networks: 2 x 2, steps of 2, no padding. */
static inline int two_by_two(const scion_conv_shape *s) {
  return s->d == 1 && s->od == 1 && s->kd == 1 && s->kh == 2 && s->kw == 2 && s->sh == 2 && s->sw == 2 && s->dh == 1 && s->dw == 1 && s->ph == 0 && s->pw == 0 &&
         2 * s->oh <= s->h && 2 * s->ow <= s->w;
}

/* One output line from two input lines, LANES columns at a time (the last ones may be done twice), by masks, because
 * compilers make branches of it. A later element wins when it is larger or NaN. */
#define TWO_BY_TWO(name, type, itype, LANES, EVEN, ODD)                                                                  \
  typedef type name##_vec __attribute__((vector_size(LANES * sizeof(type)), aligned(sizeof(type)), may_alias));          \
  typedef itype name##_ints __attribute__((vector_size(LANES * sizeof(type))));                                          \
  static inline void name##_take(name##_vec *best, name##_ints *at, name##_vec v, itype where) {                         \
    name##_ints m = (v > *best) | (v != v);                                                                              \
    *best = (name##_vec)((m & (name##_ints)v) | (~m & (name##_ints)*best));                                              \
    *at = (m & where) | (~m & *at);                                                                                      \
  }                                                                                                                      \
  static void name##_lines(int64_t n, const type *a, const type *b, int32_t first, int32_t down, type *y, int32_t *place) { \
    int64_t i = 0;                                                                                                       \
    for (; n >= LANES; i = i + 2 * LANES <= n ? i + LANES : n - LANES) {                                                 \
      const name##_vec *pa = (const name##_vec *)(const void *)(a + 2 * i), *pb = (const name##_vec *)(const void *)(b + 2 * i); \
      name##_vec best = __builtin_shuffle(pa[0], pa[1], (name##_ints)EVEN);                                              \
      name##_ints at = { 0 };                                                                                            \
      name##_take(&best, &at, __builtin_shuffle(pa[0], pa[1], (name##_ints)ODD), 1);                                     \
      name##_take(&best, &at, __builtin_shuffle(pb[0], pb[1], (name##_ints)EVEN), down);                                 \
      name##_take(&best, &at, __builtin_shuffle(pb[0], pb[1], (name##_ints)ODD), down + 1);                              \
      *(name##_vec *)(void *)(y + i) = best;                                                                             \
      if (place != 0) for (int k = 0; k < LANES; k++) place[i + k] = first + 2 * (int32_t)(i + k) + (int32_t)at[k];      \
      if (i + LANES == n) return;                                                                                        \
    }                                                                                                                    \
    for (; i < n; i++) {                                                                                                 \
      const type v[4] = { a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1] };                                              \
      const int32_t where[4] = { 0, 1, down, down + 1 };                                                                 \
      int best = 0;                                                                                                      \
      for (int k = 1; k < 4; k++) best = v[k] > v[best] || v[k] != v[k] ? k : best;                                      \
      y[i] = v[best];                                                                                                    \
      if (place != 0) place[i] = first + 2 * (int32_t)i + where[best];                                                   \
    }                                                                                                                    \
  }
#define EVEN_4 { 0, 2, 4, 6 }
#define ODD_4 { 1, 3, 5, 7 }
#define EVEN_8 { 0, 2, 4, 6, 8, 10, 12, 14 }
#define ODD_8 { 1, 3, 5, 7, 9, 11, 13, 15 }
TWO_BY_TWO(max_pool_f32, float, int32_t, 8, EVEN_8, ODD_8)
TWO_BY_TWO(max_pool_f64, double, int64_t, 4, EVEN_4, ODD_4)

/* y: maxima (NaN wins); place: their positions in the plane, or NULL. A window without any input gives -inf, place 0. */
#define MAX_POOL(name, type)                                                               \
  void K(name)(const scion_conv_shape *s, const type *x, type *y, int32_t *place) {        \
    int64_t n = s->od * s->oh * s->ow, sw = s->sw;                                         \
    if (two_by_two(s)) {                                                                   \
      for (int64_t oh = 0; oh < s->oh; oh++) {                                             \
        const type *a = x + 2 * oh * s->w;                                                 \
        name##_lines(s->ow, a, a + s->w, (int32_t)(2 * oh * s->w), (int32_t)s->w, y + oh * s->ow, place == 0 ? 0 : place + oh * s->ow); \
      }                                                                                    \
      return;                                                                              \
    }                                                                                      \
    for (int64_t i = 0; i < n; i++) y[i] = -(type)INFINITY;                                \
    if (place == 0) {                                                                      \
      EACH_TAP({                                                                           \
        const type *in = x + base + x0;                                                    \
        type *row = y + at;                                                                \
        for (int64_t i = lo; i < hi; i++) {                                                \
          type v = in[i * sw];                                                             \
          row[i] = v > row[i] || v != v ? v : row[i];                                      \
        }                                                                                  \
      })                                                                                   \
      return;                                                                              \
    }                                                                                      \
    for (int64_t i = 0; i < n; i++) place[i] = 0;                                          \
    EACH_TAP({                                                                             \
      const type *in = x + base + x0;                                                      \
      type *row = y + at;                                                                  \
      int32_t *p = place + at;                                                             \
      int32_t first = (int32_t)(base + x0);                                                \
      for (int64_t i = lo; i < hi; i++) {                                                  \
        type v = in[i * sw];                                                               \
        int take = v > row[i] || v != v;                                                   \
        row[i] = take ? v : row[i];                                                        \
        p[i] = take ? first + (int32_t)(i * sw) : p[i];                                    \
      }                                                                                    \
    })                                                                                     \
  }
MAX_POOL(max_pool_f32, float)
MAX_POOL(max_pool_f64, double)

/* y = scale * sum of the window; scale: one factor per output element of the plane. */
#define AVG_POOL(name, type)                                                               \
  void K(name)(const scion_conv_shape *s, const type *x, const type *scale, type *y) {     \
    int64_t n = s->od * s->oh * s->ow, sw = s->sw;                                         \
    for (int64_t i = 0; i < n; i++) y[i] = 0;                                              \
    EACH_TAP({                                                                             \
      const type *in = x + base + x0;                                                      \
      type *row = y + at;                                                                  \
      for (int64_t i = lo; i < hi; i++) row[i] += in[i * sw];                              \
    })                                                                                     \
    for (int64_t i = 0; i < n; i++) y[i] *= scale[i];                                      \
  }
AVG_POOL(avg_pool_f32, float)
AVG_POOL(avg_pool_f64, double)

#define AVG_POOL_GRAD(name, type)                                                          \
  void K(name)(const scion_conv_shape *s, const type *dy, const type *scale, type *dx) {   \
    int64_t n = s->d * s->h * s->w, sw = s->sw;                                            \
    for (int64_t i = 0; i < n; i++) dx[i] = 0;                                             \
    EACH_TAP({                                                                             \
      type *in = dx + base + x0;                                                           \
      const type *row = dy + at;                                                            \
      const type *f = scale + at;                                                          \
      for (int64_t i = lo; i < hi; i++) in[i * sw] += row[i] * f[i];                       \
    })                                                                                     \
  }
AVG_POOL_GRAD(avg_pool_grad_f32, float)
AVG_POOL_GRAD(avg_pool_grad_f64, double)
