/* panel.c: matrix products from packed panels: the right operand in panels of panel_cols columns, the left in panels of panel_rows
 * rows (sizes: panel.h and the table), so that every load is the next one in memory. What packs and cuts lies in ops/. */
#include <string.h>

#include "kernels.h"
#include "panel.h"
#include "transpose8.h"

typedef float vec __attribute__((vector_size(PANEL_LANES * 4), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(PANEL_LANES * 4)));

#define TILE(n)                                                                                                                         \
  {                                                                                                                                     \
    vec sum[PANEL_ROWS][n];                                                                                                             \
    _Pragma("GCC unroll 8") for (int i = 0; i < PANEL_ROWS; i++) _Pragma("GCC unroll 3") for (int v = 0; v < n; v++) sum[i][v] = (vec){ 0 }; \
    for (int64_t c = 0; c < k; c++, a += PANEL_ROWS, b += PANEL_COLS) {                                                                 \
      vec x[n];                                                                                                                         \
      _Pragma("GCC unroll 3") for (int v = 0; v < n; v++) x[v] = *(const vec *)(const void *)(b + v * PANEL_LANES);                     \
      _Pragma("GCC unroll 8") for (int i = 0; i < PANEL_ROWS; i++)                                                                      \
        _Pragma("GCC unroll 3") for (int v = 0; v < n; v++) sum[i][v] += x[v] * a[i];                                                   \
    }                                                                                                                                   \
    _Pragma("GCC unroll 8") for (int i = 0; i < PANEL_ROWS; i++)                                                                        \
      _Pragma("GCC unroll 3") for (int v = 0; v < n; v++) {                                                                             \
        vec *to = (vec *)(void *)(y + i * row + v * PANEL_LANES);                                                                       \
        if (accumulate) sum[i][v] += *to;                                                                                               \
        *to = sum[i][v];                                                                                                                \
      }                                                                                                                                 \
  }

/* y (panel_rows, row) = a b [+ y], the first `cols` <= panel_cols columns (written up to the next whole vector). a: (k, panel_rows),
 * b: (k, panel_cols). */
void K(panel_f32)(int64_t k, const float *a, const float *b, int64_t cols, float *y, int64_t row, int32_t accumulate) {
  if (cols > 2 * PANEL_LANES) TILE(PANEL_VECS)
  else if (cols > PANEL_LANES) TILE(2)
  else TILE(1)
}

static inline vec activate(vec v, int32_t activation) { /* 0 none, 1 relu, 2 relu6 */
  if (activation == 0) return v;
  ints m = v < 0; /* written so that NaN passes */
  v = (vec)(~m & (ints)v);
  if (activation == 2) {
    vec six = (vec){ 0 } + 6;
    m = v > six;
    v = (vec)((m & (ints)six) | (~m & (ints)v));
  }
  return v;
}

/* y (panel_rows, row) = activation(a b + bias of the row + plus) for a whole panel of columns; plus is laid out like y; bias, plus: or NULL. */
void K(panel_whole_f32)(int64_t k, const float *a, const float *b, const float *bias, const float *plus, int32_t activation, float *y, int64_t row) {
  vec sum[PANEL_ROWS][PANEL_VECS];
  _Pragma("GCC unroll 8") for (int i = 0; i < PANEL_ROWS; i++) {
    vec start = (vec){ 0 } + (bias != 0 ? bias[i] : 0);
    _Pragma("GCC unroll 3") for (int v = 0; v < PANEL_VECS; v++) sum[i][v] = start;
  }
  for (int64_t c = 0; c < k; c++, a += PANEL_ROWS, b += PANEL_COLS) {
    vec x[PANEL_VECS];
    _Pragma("GCC unroll 3") for (int v = 0; v < PANEL_VECS; v++) x[v] = *(const vec *)(const void *)(b + v * PANEL_LANES);
    _Pragma("GCC unroll 8") for (int i = 0; i < PANEL_ROWS; i++)
      _Pragma("GCC unroll 3") for (int v = 0; v < PANEL_VECS; v++) sum[i][v] += x[v] * a[i];
  }
  _Pragma("GCC unroll 8") for (int i = 0; i < PANEL_ROWS; i++)
    _Pragma("GCC unroll 3") for (int v = 0; v < PANEL_VECS; v++) {
      if (plus != 0) sum[i][v] += *(const vec *)(const void *)(plus + i * row + v * PANEL_LANES);
      *(vec *)(void *)(y + i * row + v * PANEL_LANES) = activate(sum[i][v], activation);
    }
}

/* n <= panel_rows rows of k floats into a panel (k, panel_rows), zeros for those that are not there. */
void K(panel_pack_f32)(int64_t n, int64_t k, const float *from, float *to) {
  int64_t done = 0;
  if (PANEL_ROWS == 8 && n == 8)
    for (; done + 8 <= k; done += 8) transpose8(from + done, k, to + done * PANEL_ROWS, PANEL_ROWS);
  for (; done < k; done++)
    for (int64_t r = 0; r < PANEL_ROWS; r++) to[done * PANEL_ROWS + r] = r < n ? from[r * k + done] : 0;
}

/* Writes n floats as columns at, at + 1, ... of one row of panels that lie `step` floats apart. */
void K(panel_spread_f32)(int64_t at, int64_t n, const float *from, float *to, int64_t step) {
  to += at / PANEL_COLS * step;
  at %= PANEL_COLS;
  if (at > 0) {
    int64_t some = PANEL_COLS - at < n ? PANEL_COLS - at : n;
    for (int64_t i = 0; i < some; i++) to[at + i] = from[i];
    from += some;
    n -= some;
    to += step;
  }
  for (; n >= PANEL_COLS; n -= PANEL_COLS, from += PANEL_COLS, to += step) {
    _Pragma("GCC unroll 3") for (int v = 0; v < PANEL_VECS; v++)
      *(vec *)(void *)(to + v * PANEL_LANES) = *(const vec *)(const void *)(from + v * PANEL_LANES);
  }
  for (int64_t i = 0; i < n; i++) to[i] = from[i];
}

/* y = activation(x + bias + plus) for n floats; plus may be NULL. activation: 0 none, 1 relu, 2 relu6. */
void K(panel_finish_f32)(int64_t n, const float *x, float bias, const float *plus, int32_t activation, float *y) {
  int64_t i = 0;
  for (; i + PANEL_LANES <= n; i += PANEL_LANES) {
    vec v = *(const vec *)(const void *)(x + i) + bias;
    if (plus != 0) v += *(const vec *)(const void *)(plus + i);
    *(vec *)(void *)(y + i) = activate(v, activation);
  }
  for (; i < n; i++) {
    float v = x[i] + bias + (plus != 0 ? plus[i] : 0);
    if (activation != 0 && v < 0) v = 0;
    if (activation == 2 && v > 6) v = 6;
    y[i] = v;
  }
}
