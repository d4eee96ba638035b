/* gemm.c: products through the BLAS (serial, called from our threads) and the small kernels. */
#include "gemm.h"

#include <cblas.h>

#include "../kernels/kernels.h"

#define SMALL_WORK 65536        /* multiply-adds below which our loop beats a BLAS call */
#define SMALL_PANEL 32          /* columns of b laid out at once, at most */
#define SKINNY_ROWS 16          /* rows of a ... */
#define SKINNY_LONG 64          /* the other sides, at least */
#define SKINNY_PIECE 64         /* rows of a wide b at a time */
#define TILE_WORK (4 << 20)     /* multiply-adds of one task, about 40 us */
#define MAX_TILES 32

bool scion__matrix_ok(int64_t rows, int64_t cols, int64_t row, int64_t col) {
  if (rows > INT32_MAX || cols > INT32_MAX || row > INT32_MAX || col > INT32_MAX) return false;
  if (col == 1 || cols <= 1) return row >= scion__max(1, cols) || rows <= 1;
  return (row == 1 || rows <= 1) && col >= scion__max(1, rows);
}

/* Leading dimension and transposition of an operand (rows x cols) that passed scion__matrix_ok. */
static void leading(scion_matrix a, int64_t rows, int64_t cols, CBLAS_TRANSPOSE *trans, blasint *ld) {
  bool normal = (a.col == 1 || cols <= 1) && (a.row >= scion__max(1, cols) || rows <= 1);
  *trans = normal ? CblasNoTrans : CblasTrans;
  *ld = (blasint)(normal ? (rows <= 1 ? scion__max(1, cols) : a.row) : (cols <= 1 ? scion__max(1, rows) : a.col));
}

static void small(int dtype, int64_t m, int64_t n, int64_t k, scion_matrix a, scion_matrix b, scion_matrix y, bool accumulate) {
  if (dtype == SCION_F32) {
    scion__k->gemm_small_f32(m, n, k, (const float *)(void *)a.data, a.row, a.col, (const float *)(void *)b.data, b.row, b.col,
                             (float *)(void *)y.data, y.row, accumulate);
  } else {
    scion__k->gemm_small_f64(m, n, k, (const double *)(void *)a.data, a.row, a.col, (const double *)(void *)b.data, b.row, b.col,
                             (double *)(void *)y.data, y.row, accumulate);
  }
}

/* A large matrix times a narrow one (few columns, or few rows before it): the BLAS would copy the large one into its own order, which
 * takes longer than the product. In pieces of k such that the narrow one's lies in the nearest cache, the large one is read once.
 * (The limits are measured: columns must fill the vectors of a row; in f64 few rows gain nothing.) */
static bool skinny(int dtype, int64_t m, int64_t n, int64_t k, scion_matrix a, scion_matrix b, scion_matrix y, bool accumulate) {
  int64_t size = (int64_t)scion_dtype_size((scion_dtype)dtype), lanes = scion__k->lanes * 4 / size, cols = (n + lanes - 1) / lanes * lanes, piece;
  if (scion__k->lanes < 8 || k < SKINNY_LONG) return false;
  if (n >= 8 && n <= 2 * lanes && 8 * n >= 5 * cols && m >= SKINNY_LONG && a.col == 1) piece = SCION_SMALL_PANEL / (2 * lanes * size) / 2;
  else if (dtype == SCION_F32 && m >= 4 && m <= SKINNY_ROWS && n >= SKINNY_LONG && b.col == 1) piece = SKINNY_PIECE;
  else return false;
  for (int64_t p = 0; p < k; p += piece, accumulate = true) {
    small(dtype, m, n, scion__min(piece, k - p), a, b, y, accumulate);
    a.data += piece * a.col * size;
    b.data += piece * b.row * size;
  }
  return true;
}

/* One row or one column: the BLAS would copy the whole matrix before it multiplies. */
static bool vector(int dtype, int64_t m, int64_t n, int64_t k, scion_matrix a, scion_matrix b, scion_matrix y, bool accumulate) {
  scion_matrix w = m == 1 ? b : a; /* rows x cols as it lies in memory, rows `ld` apart */
  int64_t rows = m == 1 ? k : m, cols = m == 1 ? n : k, ld = w.row;
  bool turned = m == 1;
  if (!(m == 1 && y.col == 1) && n != 1) return false;
  if (w.col != 1) {
    if (w.row != 1) return false;
    rows = m == 1 ? n : k, cols = m == 1 ? k : m, ld = w.col;
    turned = !turned;
  }
  blasint inc_x = (blasint)(m == 1 ? a.col : b.row), inc_y = (blasint)(m == 1 ? 1 : y.row);
  const char *x = m == 1 ? a.data : b.data;
  if (ld < cols || inc_x < 1 || inc_y < 1) return false;
  CBLAS_TRANSPOSE t = turned ? CblasTrans : CblasNoTrans;
  if (dtype == SCION_F32) {
    cblas_sgemv(CblasRowMajor, t, (blasint)rows, (blasint)cols, 1, (const float *)(void *)w.data, (blasint)ld, (const float *)(const void *)x, inc_x,
                accumulate ? 1 : 0, (float *)(void *)y.data, inc_y);
  } else {
    cblas_dgemv(CblasRowMajor, t, (blasint)rows, (blasint)cols, 1, (const double *)(void *)w.data, (blasint)ld, (const double *)(const void *)x, inc_x,
                accumulate ? 1 : 0, (double *)(void *)y.data, inc_y);
  }
  return true;
}

void scion__gemm_serial(int dtype, int64_t m, int64_t n, int64_t k, scion_matrix a, scion_matrix b, scion_matrix y, bool accumulate) {
  if (m == 0 || n == 0) return;
  size_t size = scion_dtype_size((scion_dtype)dtype);
  if (k == 0) {
    for (int64_t i = 0; i < m && !accumulate; i++) memset(y.data + i * y.row * (int64_t)size, 0, (size_t)n * size);
    return;
  }
  bool rows_packed = y.col == 1 || n == 1;
  if (rows_packed && m * n * k <= SMALL_WORK && k * SMALL_PANEL * (int64_t)size <= SCION_SMALL_PANEL) {
    small(dtype, m, n, k, a, b, y, accumulate);
    return;
  }
  if (rows_packed && skinny(dtype, m, n, k, a, b, y, accumulate)) return;
  if (vector(dtype, m, n, k, a, b, y, accumulate)) return;
  CBLAS_TRANSPOSE ta, tb;
  blasint lda, ldb, ldy = (blasint)(m <= 1 ? scion__max(1, n) : y.row);
  leading(a, m, k, &ta, &lda);
  leading(b, k, n, &tb, &ldb);
  if (dtype == SCION_F32) {
    cblas_sgemm(CblasRowMajor, ta, tb, (blasint)m, (blasint)n, (blasint)k, 1, (const float *)(void *)a.data, lda,
                (const float *)(void *)b.data, ldb, accumulate ? 1 : 0, (float *)(void *)y.data, ldy);
  } else {
    cblas_dgemm(CblasRowMajor, ta, tb, (blasint)m, (blasint)n, (blasint)k, 1, (const double *)(void *)a.data, lda,
                (const double *)(void *)b.data, ldb, accumulate ? 1 : 0, (double *)(void *)y.data, ldy);
  }
}

typedef struct {
  int dtype;
  int64_t m, n, k, row_tiles, col_tiles, tile_rows, tile_cols, y_step;
  scion_matrix a, b, y;
  const int64_t *a_offsets, *b_offsets;
  bool accumulate;
} job;

static void tile(void *ud, int64_t task) {
  const job *j = ud;
  int64_t size = (int64_t)scion_dtype_size((scion_dtype)j->dtype);
  int64_t c = task % j->col_tiles, r = task / j->col_tiles % j->row_tiles, batch = task / (j->col_tiles * j->row_tiles);
  int64_t r0 = r * j->tile_rows, c0 = c * j->tile_cols;
  int64_t m = scion__min(j->tile_rows, j->m - r0), n = scion__min(j->tile_cols, j->n - c0);
  scion_matrix a = j->a, b = j->b, y = j->y;
  a.data += (j->a_offsets != NULL ? j->a_offsets[batch] : 0) + r0 * a.row * size;
  b.data += (j->b_offsets != NULL ? j->b_offsets[batch] : 0) + c0 * b.col * size;
  y.data += batch * j->y_step + (r0 * y.row + c0) * size;
  scion__gemm_serial(j->dtype, m, n, j->k, a, b, y, j->accumulate);
}

scion_status scion__gemm(scion_context *ctx, int dtype, int64_t batch, int64_t m, int64_t n, int64_t k, scion_matrix a,
                         const int64_t *a_offsets, scion_matrix b, const int64_t *b_offsets, scion_matrix y,
                         int64_t y_step, bool accumulate) {
  if (batch == 0 || m == 0 || n == 0) return SCION_OK;
  /* the grid depends on the shapes alone: powers of two, the longer side first */
  double work = (double)m * (double)n * (double)scion__max(k, 1);
  int64_t tiles = 1;
  if (batch < 8) while (tiles < MAX_TILES && work / (double)(2 * tiles) >= TILE_WORK) tiles *= 2;
  int64_t rows = 1, cols = 1;
  while (rows * cols < tiles) {
    if (m / rows >= n / cols && m / rows >= 32) rows *= 2;
    else if (n / cols >= 32) cols *= 2;
    else break;
  }
  int64_t tile_rows = ((m + rows - 1) / rows + 7) & ~(int64_t)7, tile_cols = ((n + cols - 1) / cols + 15) & ~(int64_t)15;
  job j = { dtype, m, n, k, (m + tile_rows - 1) / tile_rows, (n + tile_cols - 1) / tile_cols, tile_rows, tile_cols, y_step, a, b, y,
            a_offsets, b_offsets, accumulate };
  int64_t n_tasks = batch * j.row_tiles * j.col_tiles;
  if (n_tasks > 1 && work * (double)batch < TILE_WORK / 4) { /* too little to share */
    for (int64_t i = 0; i < n_tasks; i++) tile(&j, i);
  } else {
    scion__parallel(ctx, n_tasks, tile, &j);
  }
  return SCION_OK;
}
