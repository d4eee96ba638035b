/* softmax_body.h: the loops of softmax.c for one element type: T, FN(name), EXP, LOG. */

/* Sums longer than one block are gathered in double. */
#define BLOCK 2048

static T FN_LOCAL(row_max)(int64_t n, const T *x) {
  T m = x[0];
#pragma omp simd reduction(max : m)
  for (int64_t i = 0; i < n; i++) m = x[i] > m ? x[i] : m;
  return m;
}

static double FN_LOCAL(row_sum_exp)(int64_t n, const T *x, T m) {
  double total = 0;
  for (int64_t b = 0; b < n; b += BLOCK) {
    int64_t end = b + BLOCK < n ? b + BLOCK : n;
    T s = 0;
#pragma omp simd reduction(+ : s)
    for (int64_t i = b; i < end; i++) s += EXP(x[i] - m);
    total += (double)s;
  }
  return total;
}

/* x, y (rows, n). y = softmax, or x - log sum exp when `logarithm`. x may be y. */
void FN(softmax_rows)(int64_t rows, int64_t n, const T *x, T *y, int logarithm) {
  for (int64_t r = 0; r < rows; r++, x += n, y += n) {
    T m = FN_LOCAL(row_max)(n, x);
    if (logarithm) {
      T shift = (T)LOG(FN_LOCAL(row_sum_exp)(n, x, m));
#pragma omp simd
      for (int64_t i = 0; i < n; i++) y[i] = (x[i] - m) - shift;
      continue;
    }
    double total = 0;
    for (int64_t b = 0; b < n; b += BLOCK) {
      int64_t end = b + BLOCK < n ? b + BLOCK : n;
      T s = 0;
#pragma omp simd reduction(+ : s)
      for (int64_t i = b; i < end; i++) {
        T e = EXP(x[i] - m);
        y[i] = e;
        s += e;
      }
      total += (double)s;
    }
    T scale = (T)(1.0 / total);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) y[i] *= scale;
  }
}

/* x, y (n, stride), of which `width` columns (at most SCION_SOFTMAX_TILE) are done: softmax down the columns. */
void FN(softmax_cols)(int64_t n, int64_t stride, int64_t width, const T *x, T *y, int logarithm) {
  T m[SCION_SOFTMAX_TILE], s[SCION_SOFTMAX_TILE];
  for (int64_t j = 0; j < width; j++) m[j] = x[j], s[j] = 0;
  for (int64_t k = 1; k < n; k++) {
    const T *row = x + k * stride;
#pragma omp simd
    for (int64_t j = 0; j < width; j++) m[j] = row[j] > m[j] ? row[j] : m[j];
  }
  for (int64_t k = 0; k < n; k++) {
    const T *row = x + k * stride;
    T *out = y + k * stride;
    if (logarithm) {
#pragma omp simd
      for (int64_t j = 0; j < width; j++) s[j] += EXP(row[j] - m[j]);
    } else {
#pragma omp simd
      for (int64_t j = 0; j < width; j++) {
        T e = EXP(row[j] - m[j]);
        out[j] = e;
        s[j] += e;
      }
    }
  }
  for (int64_t j = 0; j < width; j++) s[j] = logarithm ? (T)LOG(s[j]) : (T)1 / s[j];
  for (int64_t k = 0; k < n; k++) {
    const T *row = x + k * stride;
    T *out = y + k * stride;
    if (logarithm) {
#pragma omp simd
      for (int64_t j = 0; j < width; j++) out[j] = (row[j] - m[j]) - s[j];
    } else {
#pragma omp simd
      for (int64_t j = 0; j < width; j++) out[j] *= s[j];
    }
  }
}

/* dx = y (dy - sum dy y), or dy - e^y sum dy for the logarithm; all (rows, n). */
void FN(softmax_grad_rows)(int64_t rows, int64_t n, const T *y, const T *dy, T *dx, int logarithm) {
  for (int64_t r = 0; r < rows; r++, y += n, dy += n, dx += n) {
    double total = 0;
    for (int64_t b = 0; b < n; b += BLOCK) {
      int64_t end = b + BLOCK < n ? b + BLOCK : n;
      T s = 0;
      if (logarithm) {
#pragma omp simd reduction(+ : s)
        for (int64_t i = b; i < end; i++) s += dy[i];
      } else {
#pragma omp simd reduction(+ : s)
        for (int64_t i = b; i < end; i++) s += dy[i] * y[i];
      }
      total += (double)s;
    }
    T sum = (T)total;
    if (logarithm) {
#pragma omp simd
      for (int64_t i = 0; i < n; i++) dx[i] = dy[i] - EXP(y[i]) * sum;
    } else {
#pragma omp simd
      for (int64_t i = 0; i < n; i++) dx[i] = y[i] * (dy[i] - sum);
    }
  }
}

/* The same down the columns of (n, stride) slabs. */
void FN(softmax_grad_cols)(int64_t n, int64_t stride, int64_t width, const T *y, const T *dy, T *dx, int logarithm) {
  T s[SCION_SOFTMAX_TILE];
  for (int64_t j = 0; j < width; j++) s[j] = 0;
  for (int64_t k = 0; k < n; k++) {
    const T *a = y + k * stride, *b = dy + k * stride;
    if (logarithm) {
#pragma omp simd
      for (int64_t j = 0; j < width; j++) s[j] += b[j];
    } else {
#pragma omp simd
      for (int64_t j = 0; j < width; j++) s[j] += a[j] * b[j];
    }
  }
  for (int64_t k = 0; k < n; k++) {
    const T *a = y + k * stride, *b = dy + k * stride;
    T *out = dx + k * stride;
    if (logarithm) {
#pragma omp simd
      for (int64_t j = 0; j < width; j++) out[j] = b[j] - EXP(a[j]) * s[j];
    } else {
#pragma omp simd
      for (int64_t j = 0; j < width; j++) out[j] = a[j] * (b[j] - s[j]);
    }
  }
}

/* lse[r] = log sum_i e^x[r, i]; x (rows, n). */
void FN(lse_rows)(int64_t rows, int64_t n, const T *x, T *lse) {
  for (int64_t r = 0; r < rows; r++, x += n) {
    T m = FN_LOCAL(row_max)(n, x);
    if (m - m != 0 && m < 0) m = 0; /* all -inf: log 0, not NaN */
    lse[r] = m + (T)LOG(FN_LOCAL(row_sum_exp)(n, x, m));
  }
}

/* The same down `width` columns of x (n, stride). */
void FN(lse_cols)(int64_t n, int64_t stride, int64_t width, const T *x, T *lse) {
  T m[SCION_SOFTMAX_TILE], s[SCION_SOFTMAX_TILE];
  for (int64_t j = 0; j < width; j++) m[j] = x[j], s[j] = 0;
  for (int64_t k = 1; k < n; k++) {
    const T *row = x + k * stride;
#pragma omp simd
    for (int64_t j = 0; j < width; j++) m[j] = row[j] > m[j] ? row[j] : m[j];
  }
  for (int64_t k = 0; k < n; k++) {
    const T *row = x + k * stride;
#pragma omp simd
    for (int64_t j = 0; j < width; j++) s[j] += EXP(row[j] - m[j]);
  }
  for (int64_t j = 0; j < width; j++) lse[j] = m[j] + (T)LOG(s[j]);
}

/* dx[r, i] = scale[r] e^(x[r, i] - lse[r]); x, dx (rows, n). */
void FN(softmax_scaled_rows)(int64_t rows, int64_t n, const T *x, const T *lse, const T *scale, T *dx) {
  for (int64_t r = 0; r < rows; r++, x += n, dx += n) {
    T shift = lse[r], factor = scale[r];
    if (factor == 0) {
      for (int64_t i = 0; i < n; i++) dx[i] = 0;
      continue;
    }
#pragma omp simd
    for (int64_t i = 0; i < n; i++) dx[i] = factor * EXP(x[i] - shift);
  }
}

/* The same down `width` columns of (n, stride). */
void FN(softmax_scaled_cols)(int64_t n, int64_t stride, int64_t width, const T *x, const T *lse, const T *scale, T *dx) {
  for (int64_t k = 0; k < n; k++) {
    const T *row = x + k * stride;
    T *out = dx + k * stride;
#pragma omp simd
    for (int64_t j = 0; j < width; j++) out[j] = scale[j] == 0 ? 0 : scale[j] * EXP(row[j] - lse[j]);
  }
}

#undef BLOCK
