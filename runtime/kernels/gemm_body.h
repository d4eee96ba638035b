/* gemm_body.h: the loops of gemm.c for one element type: T, VEC (a vector of T), LANES, FN(name), FN_LOCAL(name). */

/* y (rows, `vecs` vectors) = a b or added to y, held in registers over all of k; rows of b lie b_row apart. The last vector
 * of y has `last` columns, and that of b too unless it is `whole`. */
static inline __attribute__((always_inline)) void FN_LOCAL(rows)(const int rows, const int vecs, const int whole, int64_t k, const T *a, int64_t a_row,
                                                                 int64_t a_col, const T *b, int64_t b_row, int64_t last, T *y,
                                                                 int64_t y_row, int accumulate) {
  VEC acc[8][2];
  _Pragma("GCC unroll 8") for (int r = 0; r < rows; r++) _Pragma("GCC unroll 2") for (int v = 0; v < vecs; v++) acc[r][v] = (VEC){ 0 };
  for (int64_t p = 0; p < k; p++, b += b_row) {
    VEC x[2];
    _Pragma("GCC unroll 2") for (int v = 0; v < vecs; v++) {
      x[v] = whole || v + 1 < vecs ? *(const VEC *)(const void *)(b + v * LANES) : FN_LOCAL(some)(b + v * LANES, last);
    }
    _Pragma("GCC unroll 8") for (int r = 0; r < rows; r++) {
      T s = a[r * a_row + p * a_col];
      _Pragma("GCC unroll 2") for (int v = 0; v < vecs; v++) acc[r][v] += s * x[v];
    }
  }
  _Pragma("GCC unroll 8") for (int r = 0; r < rows; r++) {
    _Pragma("GCC unroll 2") for (int v = 0; v < vecs; v++) {
      T *at = y + r * y_row + v * LANES;
      if (v + 1 < vecs || last == LANES) {
        if (accumulate) acc[r][v] += *(const VEC *)(const void *)at;
        *(VEC *)(void *)at = acc[r][v];
      } else {
        if (accumulate) acc[r][v] += FN_LOCAL(some)(at, last);
        T some[LANES];
        *(VEC *)(void *)some = acc[r][v];
        PUT(T, at, some, last)
      }
    }
  }
}

/* All rows of a panel of columns. */
#define ROWS(r) FN_LOCAL(rows)(r, vecs, whole, k, a + i * a_row, a_row, a_col, b, b_row, last, y + i * y_row, y_row, accumulate)
static inline __attribute__((always_inline)) void FN_LOCAL(panel)(const int vecs, const int whole, int64_t m, int64_t k, const T *a, int64_t a_row,
                                                                  int64_t a_col, const T *b, int64_t b_row, int64_t last, T *y, int64_t y_row,
                                                                  int accumulate) {
  int64_t i = 0;
  if (vecs == 1) for (; i + 8 <= m; i += 8) ROWS(8);
  for (; i + 4 <= m; i += 4) ROWS(4);
  if (i + 2 <= m) {
    ROWS(2);
    i += 2;
  }
  if (i < m) ROWS(1);
}
#undef ROWS

/* A column: b packed, then one inner product a row (a's rows packed). */
static void FN_LOCAL(column)(int64_t m, int64_t k, const T *a, int64_t a_row, const T *b, int64_t b_row, T *y, int64_t y_row, int accumulate) {
  T packed[SCION_SMALL_PANEL / sizeof(T)];
  if (b_row != 1) {
    for (int64_t p = 0; p < k; p++) packed[p] = b[p * b_row];
    b = packed;
  }
  for (int64_t i = 0; i < m; i++, a += a_row) {
    VEC sum = { 0 };
    int64_t p = 0;
    for (; p + LANES <= k; p += LANES) sum += *(const VEC *)(const void *)(a + p) * *(const VEC *)(const void *)(b + p);
    if (p < k) sum += FN_LOCAL(some)(a + p, k - p) * FN_LOCAL(some)(b + p, k - p);
    T s = 0;
    for (int l = 0; l < LANES; l++) s += sum[l];
    y[i * y_row] = accumulate ? y[i * y_row] + s : s;
  }
}

/* y (m, n) = a (m, k) b (k, n), or added to y; a and b with any strides, rows of y packed. k * 2 vectors must fit into SCION_SMALL_PANEL
 * bytes. Panels of columns: of two vectors, of one where that holds the rest. b with packed rows is read where it lies, else laid out. */
void FN(gemm_small)(int64_t m, int64_t n, int64_t k, const T *a, int64_t a_row, int64_t a_col, const T *b, int64_t b_row, int64_t b_col, T *y,
                    int64_t y_row, int accumulate) {
  if (n == 1 && a_col == 1) {
    FN_LOCAL(column)(m, k, a, a_row, b, b_row, y, y_row, accumulate);
    return;
  }
  if (n == 1 && a_row == 1 && y_row == 1) { /* y' = b' a': a row of vectors instead of a column of numbers */
    const T *swap = a;
    int64_t a_step = a_col;
    a = b, a_row = 0, a_col = b_row;
    b = swap, b_row = a_step, b_col = 1;
    n = m, m = 1, y_row = n;
  }
  T packed[SCION_SMALL_PANEL / sizeof(T)];
  for (int64_t j = 0; j < n;) {
    int64_t vecs = n - j > LANES ? 2 : 1, cols = vecs * LANES, width = n - j < cols ? n - j : cols, last = width - (vecs - 1) * LANES;
    const T *from = b + j * b_col;
    int64_t step = b_row;
    if (b_col != 1) {
      FN_LOCAL(lay_out)(k, width, from, b_row, b_col, packed, cols);
      from = packed, step = cols;
    }
    int whole = last == LANES || b_col != 1;
#define PANEL(vecs, whole) FN_LOCAL(panel)(vecs, whole, m, k, a, a_row, a_col, from, step, last, y + j, y_row, accumulate)
    if (vecs == 2 && whole) PANEL(2, 1);
    else if (vecs == 2) PANEL(2, 0);
    else if (whole) PANEL(1, 1);
    else PANEL(1, 0);
#undef PANEL
    j += width;
  }
}
