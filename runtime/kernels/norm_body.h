/* norm_body.h: the loops of norm.c for one element type T. */

/* Long sums are gathered in double, one block at a time. */
#define BLOCK 1024

/* x (n, channels, s): for channels c0..c1-1, sum of (x - shift[c]) and of its square. */
void FN(channel_sums)(int64_t n, int64_t channels, int64_t s, int64_t c0, int64_t c1, const T *x, const T *shift, double *sum,
                      double *square) {
  for (int64_t c = c0; c < c1; c++) sum[c] = square[c] = 0;
  if (s == 1) { /* rows of channels: lanes across the channels, blocks of rows in T */
    T a[CHANNEL_TILE], b[CHANNEL_TILE];
    for (int64_t t = c0; t < c1; t += CHANNEL_TILE) {
      int64_t width = c1 - t < CHANNEL_TILE ? c1 - t : CHANNEL_TILE;
      for (int64_t r = 0; r < n; r += 64) {
        int64_t end = r + 64 < n ? r + 64 : n;
        for (int64_t j = 0; j < width; j++) a[j] = b[j] = 0;
        for (int64_t i = r; i < end; i++) {
          const T *row = x + i * channels + t;
#pragma omp simd
          for (int64_t j = 0; j < width; j++) {
            T d = row[j] - shift[t + j];
            a[j] += d;
            b[j] += d * d;
          }
        }
        for (int64_t j = 0; j < width; j++) sum[t + j] += (double)a[j], square[t + j] += (double)b[j];
      }
    }
    return;
  }
  for (int64_t c = c0; c < c1; c++) {
    double total = 0, total2 = 0;
    T k = shift[c];
    for (int64_t i = 0; i < n; i++) {
      const T *row = x + (i * channels + c) * s;
      for (int64_t b = 0; b < s; b += BLOCK) {
        int64_t end = b + BLOCK < s ? b + BLOCK : s;
        T p = 0, q = 0;
#pragma omp simd reduction(+ : p, q)
        for (int64_t j = b; j < end; j++) {
          T d = row[j] - k;
          p += d;
          q += d * d;
        }
        total += (double)p;
        total2 += (double)q;
      }
    }
    sum[c] = total;
    square[c] = total2;
  }
}

/* For channels c0..c1-1: sum of dy and of dy (x - mean[c]). */
void FN(channel_dots)(int64_t n, int64_t channels, int64_t s, int64_t c0, int64_t c1, const T *dy, const T *x, const T *mean,
                      double *sum, double *dot) {
  for (int64_t c = c0; c < c1; c++) sum[c] = dot[c] = 0;
  if (s == 1) {
    T a[CHANNEL_TILE], b[CHANNEL_TILE];
    for (int64_t t = c0; t < c1; t += CHANNEL_TILE) {
      int64_t width = c1 - t < CHANNEL_TILE ? c1 - t : CHANNEL_TILE;
      for (int64_t r = 0; r < n; r += 64) {
        int64_t end = r + 64 < n ? r + 64 : n;
        for (int64_t j = 0; j < width; j++) a[j] = b[j] = 0;
        for (int64_t i = r; i < end; i++) {
          const T *g = dy + i * channels + t, *row = x + i * channels + t;
#pragma omp simd
          for (int64_t j = 0; j < width; j++) {
            a[j] += g[j];
            b[j] += g[j] * (row[j] - mean[t + j]);
          }
        }
        for (int64_t j = 0; j < width; j++) sum[t + j] += (double)a[j], dot[t + j] += (double)b[j];
      }
    }
    return;
  }
  for (int64_t c = c0; c < c1; c++) {
    double total = 0, total2 = 0;
    T k = mean[c];
    for (int64_t i = 0; i < n; i++) {
      const T *g = dy + (i * channels + c) * s, *row = x + (i * channels + c) * s;
      for (int64_t b = 0; b < s; b += BLOCK) {
        int64_t end = b + BLOCK < s ? b + BLOCK : s;
        T p = 0, q = 0;
#pragma omp simd reduction(+ : p, q)
        for (int64_t j = b; j < end; j++) {
          p += g[j];
          q += g[j] * (row[j] - k);
        }
        total += (double)p;
        total2 += (double)q;
      }
    }
    sum[c] = total;
    dot[c] = total2;
  }
}

/* y = a[c] x + b[c] on rows r0..r1-1 of (n * channels, s), or of (n, channels) when s is 1. */
void FN(channel_affine)(int64_t r0, int64_t r1, int64_t channels, int64_t s, const T *x, const T *a, const T *b, T *y) {
  if (s == 1) {
    for (int64_t r = r0; r < r1; r++) {
      const T *row = x + r * channels;
      T *out = y + r * channels;
#pragma omp simd
      for (int64_t j = 0; j < channels; j++) out[j] = row[j] * a[j] + b[j];
    }
    return;
  }
  for (int64_t r = r0; r < r1; r++) {
    const T *row = x + r * s;
    T *out = y + r * s, p = a[r % channels], q = b[r % channels];
#pragma omp simd
    for (int64_t j = 0; j < s; j++) out[j] = row[j] * p + q;
  }
}

/* dx = a[c] dy + b[c] x + d[c], rows as above. */
void FN(channel_grad)(int64_t r0, int64_t r1, int64_t channels, int64_t s, const T *dy, const T *x, const T *a, const T *b, const T *d,
                      T *dx) {
  if (s == 1) {
    for (int64_t r = r0; r < r1; r++) {
      const T *g = dy + r * channels, *row = x + r * channels;
      T *out = dx + r * channels;
#pragma omp simd
      for (int64_t j = 0; j < channels; j++) out[j] = g[j] * a[j] + (row[j] * b[j] + d[j]);
    }
    return;
  }
  for (int64_t r = r0; r < r1; r++) {
    const T *g = dy + r * s, *row = x + r * s;
    T *out = dx + r * s, p = a[r % channels], q = b[r % channels], w = d[r % channels];
#pragma omp simd
    for (int64_t j = 0; j < s; j++) out[j] = g[j] * p + (row[j] * q + w);
  }
}

/* y = (x - mean) inv of every row of (rows, n), inv = 1 / sqrt(mean square + eps); mean 0 unless `center`.
 * weight, bias (n) or NULL. inv_out (rows) or NULL. */
void FN(standardize)(int64_t rows, int64_t n, const T *x, const T *weight, const T *bias, int center, double eps, T *y, T *inv_out) {
  for (int64_t r = 0; r < rows; r++, x += n, y += n) {
    double total = 0;
    for (int64_t b = 0; center && b < n; b += BLOCK) {
      int64_t end = b + BLOCK < n ? b + BLOCK : n;
      T s = 0;
#pragma omp simd reduction(+ : s)
      for (int64_t j = b; j < end; j++) s += x[j];
      total += (double)s;
    }
    T mean = (T)(total / (double)n);
    double square = 0;
    for (int64_t b = 0; b < n; b += BLOCK) {
      int64_t end = b + BLOCK < n ? b + BLOCK : n;
      T s = 0;
#pragma omp simd reduction(+ : s)
      for (int64_t j = b; j < end; j++) s += (x[j] - mean) * (x[j] - mean);
      square += (double)s;
    }
    T inv = (T)(1 / sqrt(square / (double)n + eps));
    if (inv_out != NULL) inv_out[r] = inv;
    if (weight == NULL) {
#pragma omp simd
      for (int64_t j = 0; j < n; j++) y[j] = (x[j] - mean) * inv;
    } else if (bias == NULL) {
#pragma omp simd
      for (int64_t j = 0; j < n; j++) y[j] = (x[j] - mean) * inv * weight[j];
    } else {
#pragma omp simd
      for (int64_t j = 0; j < n; j++) y[j] = (x[j] - mean) * inv * weight[j] + bias[j];
    }
  }
}

/* dx = inv (dy - mean dy - y mean(dy y)), without mean dy unless `center`; y is standardize's result without weight. */
void FN(standardize_grad)(int64_t rows, int64_t n, const T *dy, const T *y, const T *inv, int center, T *dx) {
  for (int64_t r = 0; r < rows; r++, dy += n, y += n, dx += n) {
    double total = 0, dot = 0;
    for (int64_t b = 0; b < n; b += BLOCK) {
      int64_t end = b + BLOCK < n ? b + BLOCK : n;
      T p = 0, q = 0;
#pragma omp simd reduction(+ : p, q)
      for (int64_t j = b; j < end; j++) {
        p += dy[j];
        q += dy[j] * y[j];
      }
      total += (double)p;
      dot += (double)q;
    }
    T mean = center ? (T)(total / (double)n) : 0, slope = (T)(dot / (double)n), s = inv[r];
#pragma omp simd
    for (int64_t j = 0; j < n; j++) dx[j] = s * (dy[j] - mean - y[j] * slope);
  }
}

#undef BLOCK
