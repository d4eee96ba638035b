/* gemm.h: the matrix product that ops share: strided operands, split over the threads on a grid that depends on
 * the shapes only. */
#ifndef SCION_GEMM_H
#define SCION_GEMM_H

#include "op.h"

/* One matrix as BLAS sees it: element (i, j) at data[i * row + j * col]. */
typedef struct scion_matrix { char *data; int64_t row, col; } scion_matrix;

/* y (m, n) = a (m, k) b (k, n) [+ y when accumulate], for `batch` matrices at the given byte steps. dtype f32 or f64.
 * Every a and b needs a unit stride in one direction (scion__matrix_ok); y's rows are packed. */
scion_status scion__gemm(scion_context *ctx, int dtype, int64_t batch, int64_t m, int64_t n, int64_t k, scion_matrix a,
                         const int64_t *a_offsets, scion_matrix b, const int64_t *b_offsets, scion_matrix y,
                         int64_t y_step, bool accumulate);
/* One serial product, for callers inside scion__parallel. */
void scion__gemm_serial(int dtype, int64_t m, int64_t n, int64_t k, scion_matrix a, scion_matrix b, scion_matrix y, bool accumulate);
bool scion__matrix_ok(int64_t rows, int64_t cols, int64_t row, int64_t col);

#endif
