/* reduce.c: sums, products, extrema and counts of many elements. Floats accumulate in f64 (so that sums of millions
 * of f32 stay exact to their last bits), integers in i64. NaN wins every maximum and minimum.
 *
 *   reduce_rows  `rows` rows of n packed elements, `stride` apart, each into acc[r * step] (step 0: all into one)
 *   reduce_cols  `rows` rows of `width` packed elements, `stride` apart, column j into acc[j]
 *
 * Both add to what acc holds. center (of sqdiff only) is per acc. An acc is a double or an int64_t. */
#include <string.h>

#include "kernels.h"

#define TILE 256

/* One accumulation: A the type of the accumulator, t its value, v the element as A. */
#define STEP_sum(t, v, m) ((t) + (v))
#define STEP_prod(t, v, m) ((t) * (v))
#define STEP_sumsq(t, v, m) ((t) + (v) * (v))
#define STEP_sumabs(t, v, m) ((t) + ((v) < 0 ? -(v) : (v)))
#define STEP_sqdiff(t, v, m) ((t) + ((v) - (m)) * ((v) - (m)))
#define STEP_count(t, v, m) ((t) + ((v) != 0))
#define JOIN_add(t, v) ((t) + (v))
#define JOIN_mul(t, v) ((t) * (v))

/* Rows are read as four streams, each with a vector accumulator, to hide the latency of additions. */
#define ROWS_REDUCE(name, T, A, op, join, ompjoin, zero)                                                    \
  static void name##_rows(int64_t rows, int64_t stride, int64_t n, const void *x_, const double *center,    \
                          void *acc_, int64_t step) {                                                       \
    A *acc = acc_;                                                                                          \
    int64_t q = n / 4;                                                                                      \
    for (int64_t r = 0; r < rows; r++) {                                                                    \
      const T *x = (const T *)x_ + r * stride;                                                              \
      A m = center != NULL ? (A)center[r * step] : (A)0;                                                    \
      A s0 = zero, s1 = zero, s2 = zero, s3 = zero;                                                         \
      (void)m;                                                                                              \
      if (q >= 16) {                                                                                        \
        const T *x1 = x + q, *x2 = x + 2 * q, *x3 = x + 3 * q;                                              \
        _Pragma(ompjoin) for (int64_t i = 0; i < q; i++) {                                                  \
          s0 = op(s0, (A)x[i], m);                                                                          \
          s1 = op(s1, (A)x1[i], m);                                                                         \
          s2 = op(s2, (A)x2[i], m);                                                                         \
          s3 = op(s3, (A)x3[i], m);                                                                         \
        }                                                                                                   \
        for (int64_t i = 4 * q; i < n; i++) s0 = op(s0, (A)x[i], m);                                        \
      } else {                                                                                              \
        for (int64_t i = 0; i < 4 * q; i += 4) {                                                            \
          s0 = op(s0, (A)x[i], m);                                                                          \
          s1 = op(s1, (A)x[i + 1], m);                                                                      \
          s2 = op(s2, (A)x[i + 2], m);                                                                      \
          s3 = op(s3, (A)x[i + 3], m);                                                                      \
        }                                                                                                   \
        for (int64_t i = 4 * q; i < n; i++) s0 = op(s0, (A)x[i], m);                                        \
      }                                                                                                     \
      acc[r * step] = join(acc[r * step], join(join(s0, s1), join(s2, s3)));                                \
    }                                                                                                       \
  }                                                                                                         \
  static void name##_cols(int64_t rows, int64_t stride, int64_t width, const void *x_, const double *center, \
                          void *acc_) {                                                                     \
    for (int64_t j0 = 0; j0 < width; j0 += TILE) {                                                          \
      int64_t w = width - j0 < TILE ? width - j0 : TILE, r = 0;                                             \
      A t[TILE];                                                                                            \
      A *acc = (A *)acc_ + j0;                                                                              \
      double mean[TILE];                                                                                    \
      if (center != NULL) memcpy(mean, center + j0, (size_t)w * sizeof *mean);                              \
      else memset(mean, 0, (size_t)w * sizeof *mean);                                                       \
      for (int64_t j = 0; j < w; j++) t[j] = acc[j];                                                        \
      for (; r + 4 <= rows; r += 4) {                                                                       \
        const T *a = (const T *)x_ + r * stride + j0, *b = a + stride, *c = b + stride, *d = c + stride;    \
        _Pragma("omp simd") for (int64_t j = 0; j < w; j++) {                                               \
          A m = (A)mean[j];                                                                                 \
          (void)m;                                                                                          \
          t[j] = op(op(op(op(t[j], (A)a[j], m), (A)b[j], m), (A)c[j], m), (A)d[j], m);                      \
        }                                                                                                   \
      }                                                                                                     \
      for (; r < rows; r++) {                                                                               \
        const T *a = (const T *)x_ + r * stride + j0;                                                       \
        _Pragma("omp simd") for (int64_t j = 0; j < w; j++) t[j] = op(t[j], (A)a[j], (A)mean[j]);           \
      }                                                                                                     \
      for (int64_t j = 0; j < w; j++) acc[j] = t[j];                                                        \
    }                                                                                                       \
  }
#define ADDING "omp simd reduction(+ : s0, s1, s2, s3)"
#define MULTIPLYING "omp simd reduction(* : s0, s1, s2, s3)"
#define EACH_FLOAT(X) X(f32, float) X(f64, double)
#define EACH_INT(X) X(i32, int32_t) X(i64, int64_t) X(u8, uint8_t)
/* Integer sums wrap: they are done unsigned. */
#define REDUCE_FLOAT(S, T)                                                         \
  ROWS_REDUCE(sum_##S, T, double, STEP_sum, JOIN_add, ADDING, 0)                   \
  ROWS_REDUCE(prod_##S, T, double, STEP_prod, JOIN_mul, MULTIPLYING, 1)            \
  ROWS_REDUCE(sumsq_##S, T, double, STEP_sumsq, JOIN_add, ADDING, 0)               \
  ROWS_REDUCE(sumabs_##S, T, double, STEP_sumabs, JOIN_add, ADDING, 0)             \
  ROWS_REDUCE(sqdiff_##S, T, double, STEP_sqdiff, JOIN_add, ADDING, 0)
EACH_FLOAT(REDUCE_FLOAT)
#define REDUCE_INT(S, T)                                                           \
  ROWS_REDUCE(sum_##S, T, uint64_t, STEP_sum, JOIN_add, ADDING, 0)                 \
  ROWS_REDUCE(prod_##S, T, uint64_t, STEP_prod, JOIN_mul, MULTIPLYING, 1)
EACH_INT(REDUCE_INT)

/* Counts compare in the element's own type. */
#define COUNT_NONZERO(S, T)                                                                                  \
  static void count_##S##_rows(int64_t rows, int64_t stride, int64_t n, const void *x_, const double *center, \
                               void *acc_, int64_t step) {                                                   \
    int64_t *acc = acc_;                                                                                     \
    for (int64_t r = 0; r < rows; r++) {                                                                     \
      const T *x = (const T *)x_ + r * stride;                                                               \
      int64_t s = 0;                                                                                         \
      _Pragma("omp simd reduction(+ : s)") for (int64_t i = 0; i < n; i++) s += x[i] != 0;                   \
      acc[r * step] += s;                                                                                    \
    }                                                                                                        \
  }                                                                                                          \
  static void count_##S##_cols(int64_t rows, int64_t stride, int64_t width, const void *x_, const double *center, \
                               void *acc_) {                                                                 \
    int64_t *acc = acc_;                                                                                     \
    for (int64_t r = 0; r < rows; r++) {                                                                     \
      const T *x = (const T *)x_ + r * stride;                                                               \
      _Pragma("omp simd") for (int64_t j = 0; j < width; j++) acc[j] += x[j] != 0;                           \
    }                                                                                                        \
  }
EACH_FLOAT(COUNT_NONZERO)
EACH_INT(COUNT_NONZERO)

/* ---- extrema: in the element's own type ---------------------------------------------------------------- */

enum { LANES = 64 };
#define BETTER_max(a, b) ((a) > (b) || (a) != (a))
#define BETTER_min(a, b) ((a) < (b) || (a) != (a))
/* Starting from an element, not from infinity, keeps integers exact; acc is replaced where the row is better. */
#define EXTREMUM(name, T, A, better)                                                                         \
  static T name##_best(int64_t n, const T *x) {                                                              \
    T best = x[0];                                                                                           \
    int64_t i = 0;                                                                                           \
    if (n >= 2 * LANES) {                                                                                    \
      T lane[LANES];                                                                                         \
      for (int64_t j = 0; j < LANES; j++) lane[j] = x[j];                                                    \
      for (i = LANES; i + LANES <= n; i += LANES) {                                                          \
        _Pragma("omp simd") for (int64_t j = 0; j < LANES; j++) {                                            \
          T v = x[i + j], l = lane[j];                                                                       \
          lane[j] = better(v, l) ? v : l;                                                                    \
        }                                                                                                    \
      }                                                                                                      \
      for (int64_t j = 0; j < LANES; j++) best = better(lane[j], best) ? lane[j] : best;                     \
    }                                                                                                        \
    for (; i < n; i++) best = better(x[i], best) ? x[i] : best;                                              \
    return best;                                                                                             \
  }                                                                                                          \
  static void name##_rows(int64_t rows, int64_t stride, int64_t n, const void *x_, const double *center,     \
                          void *acc_, int64_t step) {                                                        \
    A *acc = acc_;                                                                                           \
    for (int64_t r = 0; r < rows && n > 0; r++) {                                                            \
      A best = (A)name##_best(n, (const T *)x_ + r * stride);                                                \
      if (better(best, acc[r * step])) acc[r * step] = best;                                                 \
    }                                                                                                        \
  }                                                                                                          \
  static void name##_cols(int64_t rows, int64_t stride, int64_t width, const void *x_, const double *center, \
                          void *acc_) {                                                                      \
    for (int64_t j0 = 0; j0 < width && rows > 0; j0 += TILE) {                                               \
      int64_t w = width - j0 < TILE ? width - j0 : TILE;                                                     \
      T t[TILE];                                                                                             \
      A *acc = (A *)acc_ + j0;                                                                               \
      memcpy(t, (const T *)x_ + j0, (size_t)w * sizeof *t);                                                  \
      for (int64_t r = 1; r < rows; r++) {                                                                   \
        const T *x = (const T *)x_ + r * stride + j0;                                                        \
        _Pragma("omp simd") for (int64_t j = 0; j < w; j++) {                                                \
          T v = x[j], l = t[j];                                                                              \
          t[j] = better(v, l) ? v : l;                                                                       \
        }                                                                                                    \
      }                                                                                                      \
      for (int64_t j = 0; j < w; j++) {                                                                      \
        A v = (A)t[j];                                                                                       \
        if (better(v, acc[j])) acc[j] = v;                                                                   \
      }                                                                                                      \
    }                                                                                                        \
  }                                                                                                          \
  /* The first place of the best element, per row: rows rows of n, values and places packed. */              \
  static void name##_arg_rows(int64_t rows, int64_t n, const void *x_, void *best_, int64_t *place) {        \
    T *best = best_;                                                                                         \
    for (int64_t r = 0; r < rows; r++) {                                                                     \
      const T *x = (const T *)x_ + r * n;                                                                    \
      T b = name##_best(n, x);                                                                               \
      int64_t i = 0;                                                                                         \
      if (b != b) while (x[i] == x[i]) i++;                                                                  \
      else while (!(x[i] == b)) i++;                                                                         \
      best[r] = x[i];                                                                                        \
      place[r] = i;                                                                                          \
    }                                                                                                        \
  }                                                                                                          \
  /* The same down the columns of n rows of `width`, `stride` apart. */                                      \
  static void name##_arg_cols(int64_t n, int64_t stride, int64_t width, const void *x_, void *best_, int64_t *place) { \
    T *best = best_;                                                                                         \
    const T *x = x_;                                                                                         \
    memcpy(best, x, (size_t)width * sizeof *best);                                                           \
    for (int64_t j = 0; j < width; j++) place[j] = 0;                                                        \
    for (int64_t r = 1; r < n; r++) {                                                                        \
      const T *row = x + r * stride;                                                                         \
      for (int64_t j = 0; j < width; j++) {                                                                  \
        T v = row[j], l = best[j];                                                                           \
        int take = better(v, l) && l == l;                                                                   \
        best[j] = take ? v : l;                                                                              \
        place[j] = take ? r : place[j];                                                                      \
      }                                                                                                      \
    }                                                                                                        \
  }
EXTREMUM(max_f32, float, double, BETTER_max) EXTREMUM(min_f32, float, double, BETTER_min)
EXTREMUM(max_f64, double, double, BETTER_max) EXTREMUM(min_f64, double, double, BETTER_min)
#define EXTREMA_INT(S, T) EXTREMUM(max_##S, T, int64_t, BETTER_max) EXTREMUM(min_##S, T, int64_t, BETTER_min)
EACH_INT(EXTREMA_INT)

/* ---- dispatch ------------------------------------------------------------------------------------------- */

typedef void (*rows_fn)(int64_t, int64_t, int64_t, const void *, const double *, void *, int64_t);
typedef void (*cols_fn)(int64_t, int64_t, int64_t, const void *, const double *, void *);
#define ALL(op, form) { op##_f32_##form, op##_f64_##form, op##_i32_##form, op##_i64_##form, op##_u8_##form, op##_u8_##form }
#define FLOATS(op, form) { op##_f32_##form, op##_f64_##form, NULL, NULL, NULL, NULL }
#define TABLE(form)                                                                                      \
  { [SCION_R_sum] = ALL(sum, form), [SCION_R_prod] = ALL(prod, form), [SCION_R_max] = ALL(max, form),    \
    [SCION_R_min] = ALL(min, form), [SCION_R_count] = ALL(count, form), [SCION_R_sumsq] = FLOATS(sumsq, form), \
    [SCION_R_sumabs] = FLOATS(sumabs, form), [SCION_R_sqdiff] = FLOATS(sqdiff, form) }
static const rows_fn rows_table[SCION_R_COUNT][SCION_K_DTYPES] = TABLE(rows);
static const cols_fn cols_table[SCION_R_COUNT][SCION_K_DTYPES] = TABLE(cols);

void K(reduce_rows)(int32_t op, int32_t dtype, int64_t rows, int64_t stride, int64_t n, const void *x,
                    const double *center, void *acc, int64_t step) {
  rows_table[op][dtype](rows, stride, n, x, center, acc, step);
}
void K(reduce_cols)(int32_t op, int32_t dtype, int64_t rows, int64_t stride, int64_t width, const void *x,
                    const double *center, void *acc) {
  cols_table[op][dtype](rows, stride, width, x, center, acc);
}
void K(arg_rows)(int32_t is_max, int32_t dtype, int64_t rows, int64_t n, const void *x, void *best, int64_t *place) {
  static void (*const table[2][SCION_K_DTYPES])(int64_t, int64_t, const void *, void *, int64_t *) = { ALL(min, arg_rows), ALL(max, arg_rows) };
  table[is_max][dtype](rows, n, x, best, place);
}
void K(arg_cols)(int32_t is_max, int32_t dtype, int64_t n, int64_t stride, int64_t width, const void *x, void *best, int64_t *place) {
  static void (*const table[2][SCION_K_DTYPES])(int64_t, int64_t, int64_t, const void *, void *, int64_t *) = { ALL(min, arg_cols), ALL(max, arg_cols) };
  table[is_max][dtype](n, stride, width, x, best, place);
}
