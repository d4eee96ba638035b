/* loops.h: the shapes of an elementwise loop, as macros: contiguous, one scalar operand, strided.
 * T: element in, R: element out, `x` (and `y`) stand for the operands in the expression. */
#ifndef SCION_LOOPS_H
#define SCION_LOOPS_H

#include "kernels.h"

enum { SCION_BLOCK = 64 }; /* elements gathered at a time when a vector loop meets strided data */

/* For cheap expressions. */
#define SCION_UNARY_LOOP(name, T, R, expr)                                           \
  static void name(int64_t n, const void *a_, int64_t sa, void *y_, int64_t sy) {    \
    const T *a = a_;                                                                 \
    R *out = y_;                                                                     \
    if (sa == 1 && sy == 1) {                                                        \
      _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                          \
        const T x = a[i];                                                            \
        out[i] = (R)(expr);                                                          \
      }                                                                              \
    } else {                                                                         \
      for (int64_t i = 0; i < n; i++) {                                              \
        const T x = a[i * sa];                                                       \
        out[i * sy] = (R)(expr);                                                     \
      }                                                                              \
    }                                                                                \
  }

/* For functions worth vectorising even when the data must be gathered first. */
#define SCION_UNARY_BLOCK(name, T, inner)                                            \
  static void name(int64_t n, const void *a_, int64_t sa, void *y_, int64_t sy) {    \
    const T *a = a_;                                                                 \
    T *out = y_;                                                                     \
    if (sa == 1 && sy == 1) {                                                        \
      inner(n, a, out);                                                              \
      return;                                                                        \
    }                                                                                \
    T from[SCION_BLOCK], to[SCION_BLOCK];                                            \
    for (int64_t i = 0; i < n; i += SCION_BLOCK) {                                   \
      int64_t m = n - i < SCION_BLOCK ? n - i : SCION_BLOCK;                         \
      for (int64_t j = 0; j < m; j++) from[j] = a[(i + j) * sa];                     \
      inner(m, from, to);                                                            \
      for (int64_t j = 0; j < m; j++) out[(i + j) * sy] = to[j];                     \
    }                                                                                \
  }

#define SCION_BINARY_LOOP(name, T, R, expr)                                          \
  static void name(int64_t n, const void *a_, int64_t sa, const void *b_, int64_t sb, void *y_, int64_t sy) { \
    const T *a = a_, *b = b_;                                                        \
    R *out = y_;                                                                     \
    if (sy == 1 && sa == 1 && sb == 1) {                                             \
      _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                          \
        const T x = a[i], y = b[i];                                                  \
        out[i] = (R)(expr);                                                          \
      }                                                                              \
    } else if (sy == 1 && sa == 1 && sb == 0) {                                      \
      if (n <= 0) return;                                                            \
      const T y = b[0];                                                              \
      _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                          \
        const T x = a[i];                                                            \
        out[i] = (R)(expr);                                                          \
      }                                                                              \
    } else if (sy == 1 && sa == 0 && sb == 1) {                                      \
      if (n <= 0) return;                                                            \
      const T x = a[0];                                                              \
      _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                          \
        const T y = b[i];                                                            \
        out[i] = (R)(expr);                                                          \
      }                                                                              \
    } else {                                                                         \
      for (int64_t i = 0; i < n; i++) {                                              \
        const T x = a[i * sa], y = b[i * sb];                                        \
        out[i * sy] = (R)(expr);                                                     \
      }                                                                              \
    }                                                                                \
  }

#define SCION_BINARY_BLOCK(name, T, inner)                                           \
  static void name(int64_t n, const void *a_, int64_t sa, const void *b_, int64_t sb, void *y_, int64_t sy) { \
    const T *a = a_, *b = b_;                                                        \
    T *out = y_;                                                                     \
    if (sy == 1 && sa == 1 && sb == 1) {                                             \
      inner(n, a, b, out);                                                           \
      return;                                                                        \
    }                                                                                \
    T xs[SCION_BLOCK], ys[SCION_BLOCK], to[SCION_BLOCK];                             \
    for (int64_t i = 0; i < n; i += SCION_BLOCK) {                                   \
      int64_t m = n - i < SCION_BLOCK ? n - i : SCION_BLOCK;                         \
      for (int64_t j = 0; j < m; j++) xs[j] = a[(i + j) * sa];                       \
      for (int64_t j = 0; j < m; j++) ys[j] = b[(i + j) * sb];                       \
      inner(m, xs, ys, to);                                                          \
      for (int64_t j = 0; j < m; j++) out[(i + j) * sy] = to[j];                     \
    }                                                                                \
  }

#endif
