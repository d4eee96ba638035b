/* winograd.c: the transforms of Winograd's convolution F(4 x 4, 3 x 3) (Lavin, Gray 2015, arXiv 1509.09308): a tile of 6 x 6 inputs
 * gives 4 x 4 outputs by 36 multiplications instead of 144. The points are 0, 1, -1, 2, -2 and infinity.
 *
 *   y = A' ((G g G') . (B' d B)) A      per tile; the sum over channels is taken between the transforms, as 36 matrix products
 *
 * Vectors run over neighbouring tiles of one line of tiles; plane k = 6 i + j holds element (i, j) of every transformed tile. */
#include <string.h>

#include "kernels.h"
#include "panel.h"
#include "vector.h"

#if LANES == 16
#define EVENS ((ints){ 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30 })
#define LOWS ((ints){ 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23 })
#elif LANES == 8
#define EVENS ((ints){ 0, 2, 4, 6, 8, 10, 12, 14 })
#define LOWS ((ints){ 0, 8, 1, 9, 2, 10, 3, 11 })
#else
#define EVENS ((ints){ 0, 2, 4, 6 })
#define LOWS ((ints){ 0, 4, 1, 5 })
#endif
#define ODDS (EVENS + 1)
#define HIGHS (LOWS + LANES / 2)

static inline vec load(const float *p) { return *(const vec *)(const void *)p; }
static inline void store(float *p, vec v) { *(vec *)(void *)p = v; }

/* Every fourth float of 4 LANES: out[r][i] = p[4 i + r]. */
static inline void split4(const float *p, vec out[4]) {
  vec a = load(p), b = load(p + LANES), c = load(p + 2 * LANES), d = load(p + 3 * LANES);
  vec ab0 = __builtin_shuffle(a, b, EVENS), ab1 = __builtin_shuffle(a, b, ODDS);
  vec cd0 = __builtin_shuffle(c, d, EVENS), cd1 = __builtin_shuffle(c, d, ODDS);
  out[0] = __builtin_shuffle(ab0, cd0, EVENS);
  out[2] = __builtin_shuffle(ab0, cd0, ODDS);
  out[1] = __builtin_shuffle(ab1, cd1, EVENS);
  out[3] = __builtin_shuffle(ab1, cd1, ODDS);
}
/* The reverse. */
static inline void join4(const vec in[4], vec out[4]) {
  vec a = __builtin_shuffle(in[0], in[2], LOWS), b = __builtin_shuffle(in[0], in[2], HIGHS);
  vec c = __builtin_shuffle(in[1], in[3], LOWS), d = __builtin_shuffle(in[1], in[3], HIGHS);
  out[0] = __builtin_shuffle(a, c, LOWS);
  out[1] = __builtin_shuffle(a, c, HIGHS);
  out[2] = __builtin_shuffle(b, d, LOWS);
  out[3] = __builtin_shuffle(b, d, HIGHS);
}

/* B' times a column of six. */
static inline void input6(const vec *d, vec *u) {
  vec p = d[4] - 4 * d[2], q = d[3] - 4 * d[1], r = d[4] - d[2], s = 2 * (d[3] - d[1]);
  u[0] = 4 * d[0] - 5 * d[2] + d[4];
  u[5] = 4 * d[1] - 5 * d[3] + d[5];
  u[1] = p + q;
  u[2] = p - q;
  u[3] = r + s;
  u[4] = r - s;
}
/* A' times a column of six: four. */
static inline void output6(const vec *m, vec *y) {
  vec p = m[1] + m[2], q = m[1] - m[2], r = m[3] + m[4], s = m[3] - m[4];
  y[0] = m[0] + p + r;
  y[3] = q + 8 * s + m[5];
  y[1] = q + 2 * s;
  y[2] = p + 4 * r;
}
/* A times a column of four: six. */
static inline void adjoint4(const vec *y, vec *m) {
  vec p = y[0] + y[2], q = y[1] + y[3], r = y[0] + 4 * y[2], s = 2 * y[1] + 8 * y[3];
  m[0] = y[0];
  m[5] = y[3];
  m[1] = p + q;
  m[2] = p - q;
  m[3] = r + s;
  m[4] = r - s;
}

/* One line of `tiles` tiles: x has 6 lines of `pitch` floats (readable up to 4 (tiles rounded up to 16) + 4), v gets plane k at v + k * step,
 * written up to the next multiple of 16 tiles. `x` is overwritten. */
void K(winograd_input_f32)(int64_t tiles, float *x, int64_t pitch, float *v, int64_t step) {
  for (int64_t i = 0; i < 4 * tiles + 4; i += LANES) {
    vec d[6], u[6];
    for (int r = 0; r < 6; r++) d[r] = load(x + r * pitch + i);
    input6(d, u);
    for (int r = 0; r < 6; r++) store(x + r * pitch + i, u[r]);
  }
  for (int64_t t = 0; t < tiles; t += LANES)
    for (int r = 0; r < 6; r++) {
      vec d[8], u[6];
      split4(x + r * pitch + 4 * t, d);
      split4(x + r * pitch + 4 * t + 4, d + 4);
      input6(d, u);
      for (int k = 0; k < 6; k++) store(v + (6 * r + k) * step + t, u[k]);
    }
}

/* The adjoint of the output's transform: one line of tiles of dy (4 lines of `pitch`, as above; overwritten) into 36 planes. */
void K(winograd_gradient_f32)(int64_t tiles, float *dy, int64_t pitch, float *v, int64_t step) {
  for (int64_t t = 0; t < tiles; t += LANES) {
    vec rows[4][4];
    for (int r = 0; r < 4; r++) split4(dy + r * pitch + 4 * t, rows[r]);
    vec m[6][4];
    for (int j = 0; j < 4; j++) {
      vec y[4] = { rows[0][j], rows[1][j], rows[2][j], rows[3][j] }, u[6];
      adjoint4(y, u);
      for (int r = 0; r < 6; r++) m[r][j] = u[r];
    }
    for (int r = 0; r < 6; r++) {
      vec u[6];
      adjoint4(m[r], u);
      for (int k = 0; k < 6; k++) store(v + (6 * r + k) * step + t, u[k]);
    }
  }
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

/* One line of tiles of one channel: planes m + k * step into `lines` (1 to 4) lines of y, `width` floats each, y_pitch apart; plus bias, plus
 * `plus` (laid out like y) where it is not NULL, then the activation. */
void K(winograd_output_f32)(int64_t tiles, const float *m, int64_t step, float bias, const float *plus, int32_t activation, int64_t lines, int64_t width,
                            float *y, int64_t y_pitch) {
  for (int64_t t = 0; t < tiles; t += LANES) {
    vec rows[6][4], out[4][4];
    for (int r = 0; r < 6; r++) {
      vec d[6];
      for (int k = 0; k < 6; k++) d[k] = load(m + (6 * r + k) * step + t);
      output6(d, rows[r]);
    }
    for (int j = 0; j < 4; j++) {
      vec d[6] = { rows[0][j], rows[1][j], rows[2][j], rows[3][j], rows[4][j], rows[5][j] }, o[4];
      output6(d, o);
      for (int r = 0; r < 4; r++) out[r][j] = o[r];
    }
    int64_t n = width - 4 * t < 4 * LANES ? width - 4 * t : 4 * LANES;
    for (int64_t r = 0; r < lines; r++) {
      vec line[4];
      join4(out[r], line);
      float *to = y + r * y_pitch + 4 * t;
      const float *more = plus != 0 ? plus + r * y_pitch + 4 * t : 0;
      if (n == 4 * LANES) {
        for (int j = 0; j < 4; j++) {
          vec s = line[j] + bias;
          if (more != 0) s += load(more + j * LANES);
          store(to + j * LANES, activate(s, activation));
        }
      } else {
        float room[4 * LANES] = { 0 };
        if (more != 0) memcpy(room, more, (size_t)n * sizeof *room);
        for (int j = 0; j < 4; j++) store(room + j * LANES, activate(line[j] + bias + load(room + j * LANES), activation));
        memcpy(to, room, (size_t)n * sizeof *room);
      }
    }
  }
}

/* One tap of a filter for each of panel_rows outputs. */
typedef float row __attribute__((vector_size(PANEL_ROWS * 4), aligned(4), may_alias));
static inline row gather(const float *w, int64_t step) {
#if PANEL_ROWS == 8
  return (row){ w[0], w[step], w[2 * step], w[3 * step], w[4 * step], w[5 * step], w[6 * step], w[7 * step] };
#else
  return (row){ w[0], w[step], w[2 * step], w[3 * step] };
#endif
}
_Static_assert(PANEL_ROWS == 4 || PANEL_ROWS == 8, "gather knows rows of 4 and 8");
/* G times a column of three. */
static inline void filter6(row a, row b, row d, row u[6]) {
  row sum = a * (1.0f / 24) + d * (1.0f / 6), twelfth = b * (1.0f / 12);
  u[0] = a * 0.25f;
  u[1] = (a + d + b) * (-1.0f / 6);
  u[2] = (b - a - d) * (1.0f / 6);
  u[3] = sum + twelfth;
  u[4] = sum - twelfth;
  u[5] = d;
}

/* G g G' of `channels` filters for each of panel_rows outputs (of which n exist): element (c, o, tap) at w[c * c_step + o * o_step + tap], taps
 * backwards when `turned`. Plane k at u + k * step, (channels, panel_rows) each. */
void K(winograd_filter_f32)(int64_t channels, int64_t n, const float *w, int64_t c_step, int64_t o_step, int32_t turned, float *u, int64_t step) {
  for (int64_t c = 0; c < channels; c++, w += c_step) {
    float some[PANEL_ROWS * 9];
    const float *from = w;
    int64_t from_step = o_step;
    if (n < PANEL_ROWS) {
      memset(some, 0, sizeof some);
      for (int64_t o = 0; o < n; o++) memcpy(some + 9 * o, w + o * o_step, 9 * sizeof *w);
      from = some, from_step = 9;
    }
    row g[9], h[3][6];
    if (turned) _Pragma("GCC unroll 9") for (int t = 0; t < 9; t++) g[t] = gather(from + 8 - t, from_step);
    else _Pragma("GCC unroll 9") for (int t = 0; t < 9; t++) g[t] = gather(from + t, from_step);
    for (int j = 0; j < 3; j++) filter6(g[j], g[3 + j], g[6 + j], h[j]);
    for (int r = 0; r < 6; r++) {
      float *to = u + 6 * r * step + PANEL_ROWS * c;
      row line[6];
      filter6(h[0][r], h[1][r], h[2][r], line);
      for (int k = 0; k < 6; k++) *(row *)(void *)(to + k * step) = line[k];
    }
  }
}

/* The adjoint: dw (n, 9) = G' du G for n filters; du: 36 planes of n, `step` apart. */
void K(winograd_filter_grad_f32)(int64_t n, const float *du, int64_t step, float *dw) {
  for (int64_t i = 0; i < n; i++) {
    float h[3][6];
    for (int k = 0; k < 6; k++) {
      const float *m = du + k * step + i;
      float m0 = m[0], m1 = m[6 * step], m2 = m[12 * step], m3 = m[18 * step], m4 = m[24 * step], m5 = m[30 * step];
      h[0][k] = m0 * 0.25f - (m1 + m2) * (1.0f / 6) + (m3 + m4) * (1.0f / 24);
      h[1][k] = (m2 - m1) * (1.0f / 6) + (m3 - m4) * (1.0f / 12);
      h[2][k] = (m3 + m4 - m1 - m2) * (1.0f / 6) + m5;
    }
    for (int r = 0; r < 3; r++) {
      const float *m = h[r];
      dw[9 * i + 3 * r] = m[0] * 0.25f - (m[1] + m[2]) * (1.0f / 6) + (m[3] + m[4]) * (1.0f / 24);
      dw[9 * i + 3 * r + 1] = (m[2] - m[1]) * (1.0f / 6) + (m[3] - m[4]) * (1.0f / 12);
      dw[9 * i + 3 * r + 2] = (m[3] + m[4] - m[1] - m[2]) * (1.0f / 6) + m[5];
    }
  }
}
