/* covariance.c: rows of squared distances and of covariance functions of them, for ops/covariance.c. */
#include <math.h>
#include <string.h>

#include "kernels.h"

/* e^x for x <= 0, in operations that any vector unit has: x = n log 2 + r, |r| <= log(2) / 2, Taylor's series to r^13 (within
 * 2 units in the last place), n added to the exponent. Below -708 it stays at 3e-308. NaN stays NaN. */
static inline double exp_negative(double x) {
  const double round = 6755399441055744.0; /* 1.5 * 2^52: the sum's last bits are the integer */
  double c = x < -708 ? -708 : x, t = c * 1.4426950408889634 + round, n = t - round;
  double r = c - n * 0.693147180369123816490 - n * 1.90821492927058770002e-10, p;
  uint64_t exponent, bits;
  p = 1.0 / 479001600 + r * (1.0 / 6227020800);
  p = 1.0 / 3628800 + r * (1.0 / 39916800 + r * p);
  p = 1.0 / 40320 + r * (1.0 / 362880 + r * p);
  p = 1.0 / 720 + r * (1.0 / 5040 + r * p);
  p = 1.0 / 24 + r * (1.0 / 120 + r * p);
  p = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6 + r * p)));
  memcpy(&exponent, &t, sizeof t);
  memcpy(&bits, &p, sizeof p);
  bits += exponent << 52;
  memcpy(&p, &bits, sizeof p);
  return x != x ? x : p;
}

/* y <- factor * k(s), dy <- factor * dk/ds if dy is given; packed f64, y may be s. */
void K(covariance_row_f64)(int32_t kind, int64_t n, const double *s, double factor, double *y, double *dy) {
  const double scale = kind == SCION_COV_MATERN52 ? 2.23606797749979 : kind == SCION_COV_MATERN32 ? 1.7320508075688772 : 1;
  enum { CHUNK = 256 };
  double u[CHUNK], e[CHUNK];
  for (int64_t at = 0; at < n; at += CHUNK) {
    int64_t m = n - at < CHUNK ? n - at : CHUNK;
    double *to = y + at, *slope = dy == NULL ? NULL : dy + at;
    if (kind == SCION_COV_RBF) {
#pragma omp simd
      for (int64_t i = 0; i < m; i++) e[i] = factor * exp_negative(-0.5 * s[at + i]);
#pragma omp simd
      for (int64_t i = 0; i < m; i++) to[i] = e[i];
      if (slope == NULL) continue;
#pragma omp simd
      for (int64_t i = 0; i < m; i++) slope[i] = -0.5 * e[i];
      continue;
    }
#pragma omp simd
    for (int64_t i = 0; i < m; i++) u[i] = sqrt(s[at + i]) * scale;
#pragma omp simd
    for (int64_t i = 0; i < m; i++) e[i] = factor * exp_negative(-u[i]);
    if (kind == SCION_COV_MATERN52) {
#pragma omp simd
      for (int64_t i = 0; i < m; i++) to[i] = (1 + u[i] + u[i] * u[i] / 3) * e[i];
      if (slope == NULL) continue;
#pragma omp simd
      for (int64_t i = 0; i < m; i++) slope[i] = -5.0 / 6 * (1 + u[i]) * e[i];
    } else if (kind == SCION_COV_MATERN32) {
#pragma omp simd
      for (int64_t i = 0; i < m; i++) to[i] = (1 + u[i]) * e[i];
      if (slope == NULL) continue;
#pragma omp simd
      for (int64_t i = 0; i < m; i++) slope[i] = -1.5 * e[i];
    } else {
      for (int64_t i = 0; i < m; i++) {
        to[i] = e[i];
        if (slope != NULL) slope[i] = u[i] == 0 ? 0 : -0.5 * e[i] / u[i];
      }
    }
  }
}

/* y_k = sum_d (a_d - b_dk)^2: a (D), b (D, n) with rows `step` apart. */
void K(sqdist_row_f64)(int64_t n, int64_t d, const double *a, const double *b, int64_t step, double *y) {
  memset(y, 0, (size_t)n * sizeof *y);
  for (int64_t i = 0; i < d; i++) {
    double ai = a[i];
    const double *bi = b + i * step;
#pragma omp simd
    for (int64_t k = 0; k < n; k++) y[k] += (ai - bi[k]) * (ai - bi[k]);
  }
}
