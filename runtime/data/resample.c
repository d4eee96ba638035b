/* resample.c: resizing with the filters of Pillow (a triangle or cubic as wide as the reduction), windows and warps. */
#include <math.h>
#include <stdlib.h>

#include "transform.h"

static double triangle(double x) { return x < 0 ? (x > -1 ? 1 + x : 0) : x < 1 ? 1 - x : 0; }
static double cubic(double x) { /* a = -0.5 */
  x = fabs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}
static uint8_t to_u8(float v) { return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)(v + 0.5f); }

typedef struct { int32_t taps, *first, *count; float *weight; } plan;
static void plan_free(plan *p) {
  free(p->first);
  free(p->count);
  free(p->weight);
}
static bool plan_make(plan *p, int32_t from, int32_t to, int32_t filter) {
  double scale = (double)from / to, wide = scale < 1 ? 1 : scale, support = (filter == SCION_BICUBIC ? 2 : 1) * wide;
  p->taps = (int32_t)ceil(support) * 2 + 1;
  p->first = malloc((size_t)to * sizeof *p->first);
  p->count = malloc((size_t)to * sizeof *p->count);
  p->weight = malloc((size_t)to * (size_t)p->taps * sizeof *p->weight);
  if (p->first == NULL || p->count == NULL || p->weight == NULL) {
    plan_free(p);
    return false;
  }
  for (int32_t i = 0; i < to; i++) {
    double centre = (i + 0.5) * scale, sum = 0;
    int32_t lo = (int32_t)(centre - support + 0.5), hi = (int32_t)(centre + support + 0.5);
    if (lo < 0) lo = 0;
    if (hi > from) hi = from;
    float *w = p->weight + (int64_t)i * p->taps;
    for (int32_t k = 0; k < hi - lo; k++) {
      double at = (k + lo - centre + 0.5) / wide, v = filter == SCION_BICUBIC ? cubic(at) : triangle(at);
      w[k] = (float)v;
      sum += v;
    }
    for (int32_t k = 0; k < hi - lo; k++) w[k] = (float)(w[k] / sum);
    p->first[i] = lo;
    p->count[i] = hi - lo;
  }
  return true;
}

/* Rows of c channels: across first, then down. */
static bool resize_filtered(scion_picture *p, int32_t h, int32_t w, int32_t filter) {
  int32_t c = p->c;
  plan across, down;
  if (!plan_make(&across, p->w, w, filter)) return false;
  if (!plan_make(&down, p->h, h, filter)) {
    plan_free(&across);
    return false;
  }
  float *middle = malloc((size_t)p->h * (size_t)w * (size_t)c * sizeof *middle), *row = malloc((size_t)w * (size_t)c * sizeof *row);
  uint8_t *out = malloc((size_t)h * (size_t)w * (size_t)c);
  bool ok = middle != NULL && row != NULL && out != NULL;
  for (int32_t y = 0; ok && y < p->h; y++) {
    const uint8_t *in = p->u8 + (int64_t)y * p->w * c;
    float *to = middle + (int64_t)y * w * c;
    for (int32_t x = 0; x < w; x++) {
      const float *weight = across.weight + (int64_t)x * across.taps;
      const uint8_t *px = in + (int64_t)across.first[x] * c;
      float sum[4] = { 0 };
      if (c == 3) {
        for (int32_t k = 0; k < across.count[x]; k++, px += 3) {
          sum[0] += weight[k] * px[0];
          sum[1] += weight[k] * px[1];
          sum[2] += weight[k] * px[2];
        }
      } else {
        for (int32_t k = 0; k < across.count[x]; k++)
          for (int32_t ch = 0; ch < c; ch++) sum[ch] += weight[k] * *px++;
      }
      for (int32_t ch = 0; ch < c; ch++) to[x * c + ch] = to_u8(sum[ch]); /* Pillow rounds between the passes */
    }
  }
  for (int32_t y = 0; ok && y < h; y++) {
    int64_t n = (int64_t)w * c;
    for (int64_t i = 0; i < n; i++) row[i] = 0;
    for (int32_t k = 0; k < down.count[y]; k++) {
      const float *in = middle + (int64_t)(down.first[y] + k) * n;
      float weight = down.weight[(int64_t)y * down.taps + k];
      for (int64_t i = 0; i < n; i++) row[i] += weight * in[i];
    }
    for (int64_t i = 0; i < n; i++) out[(int64_t)y * n + i] = to_u8(row[i]);
  }
  plan_free(&across);
  plan_free(&down);
  free(middle);
  free(row);
  if (!ok) {
    free(out);
    return false;
  }
  free(p->u8);
  p->u8 = out;
  p->h = h, p->w = w;
  return true;
}

bool scion__picture_resize(scion_picture *p, int32_t h, int32_t w, int32_t filter) {
  if (h == p->h && w == p->w) return true;
  if (filter != SCION_NEAREST) return resize_filtered(p, h, w, filter);
  uint8_t *out = malloc((size_t)h * (size_t)w * (size_t)p->c);
  if (out == NULL) return false;
  for (int32_t y = 0; y < h; y++)
    for (int32_t x = 0; x < w; x++) {
      int64_t iy = (int64_t)((y + 0.5) * p->h / h), ix = (int64_t)((x + 0.5) * p->w / w);
      memcpy(out + ((int64_t)y * w + x) * p->c, p->u8 + (iy * p->w + ix) * p->c, (size_t)p->c);
    }
  free(p->u8);
  p->u8 = out;
  p->h = h, p->w = w;
  return true;
}

bool scion__picture_window(scion_picture *p, int64_t y, int64_t x, int64_t h, int64_t w, double value) {
  if (y == 0 && x == 0 && h == p->h && w == p->w) return true;
  uint8_t *out = malloc((size_t)h * (size_t)w * (size_t)p->c);
  if (out == NULL) return false;
  memset(out, to_u8((float)value), (size_t)h * (size_t)w * (size_t)p->c);
  int64_t x0 = scion__max(0, -x), x1 = scion__min(w, p->w - x);
  for (int64_t r = 0; r < h; r++) {
    if (y + r < 0 || y + r >= p->h || x1 <= x0) continue;
    memcpy(out + (r * w + x0) * p->c, p->u8 + ((y + r) * p->w + x + x0) * p->c, (size_t)((x1 - x0) * p->c));
  }
  free(p->u8);
  p->u8 = out;
  p->h = (int32_t)h, p->w = (int32_t)w;
  return true;
}

bool scion__picture_warp(scion_picture *p, const double *m, double value) {
  uint8_t *out = malloc((size_t)p->h * (size_t)p->w * (size_t)p->c);
  if (out == NULL) return false;
  for (int32_t y = 0; y < p->h; y++)
    for (int32_t x = 0; x < p->w; x++) {
      double sx = m[0] * (x + 0.5) + m[1] * (y + 0.5) + m[2] - 0.5, sy = m[3] * (x + 0.5) + m[4] * (y + 0.5) + m[5] - 0.5;
      uint8_t *to = out + ((int64_t)y * p->w + x) * p->c;
      if (!(sx > -1 && sy > -1 && sx < p->w && sy < p->h)) {
        memset(to, to_u8((float)value), (size_t)p->c);
        continue;
      }
      int64_t x0 = (int64_t)floor(sx), y0 = (int64_t)floor(sy);
      float fx = (float)(sx - (double)x0), fy = (float)(sy - (double)y0);
      for (int32_t c = 0; c < p->c; c++) {
        float px[4];
        for (int k = 0; k < 4; k++) {
          int64_t ix = x0 + (k & 1), iy = y0 + (k >> 1);
          px[k] = ix >= 0 && iy >= 0 && ix < p->w && iy < p->h ? p->u8[(iy * p->w + ix) * p->c + c] : (float)value;
        }
        to[c] = to_u8((px[0] * (1 - fx) + px[1] * fx) * (1 - fy) + (px[2] * (1 - fx) + px[3] * fx) * fy);
      }
    }
  free(p->u8);
  p->u8 = out;
  return true;
}
