/* lapack.h: the Fortran routines of OpenBLAS's LAPACK that linalg.c calls (Debian ships no LAPACKE), and what
 * linalg_*.c share. Matrices are row-major here and column-major there: a row-major A is a column-major A'.
 * Every argument is checked before a call: xerbla would print. Calls are serial. */
#ifndef SCION_OPS_LAPACK_H
#define SCION_OPS_LAPACK_H

#include <math.h>

#include <cblas.h>

#include "nn.h"

typedef int lapack_int;

void spotrf_(const char *uplo, const lapack_int *n, float *a, const lapack_int *lda, lapack_int *info, size_t);
void dpotrf_(const char *uplo, const lapack_int *n, double *a, const lapack_int *lda, lapack_int *info, size_t);
void sgetrf_(const lapack_int *m, const lapack_int *n, float *a, const lapack_int *lda, lapack_int *pivots, lapack_int *info);
void dgetrf_(const lapack_int *m, const lapack_int *n, double *a, const lapack_int *lda, lapack_int *pivots, lapack_int *info);
void sgetrs_(const char *trans, const lapack_int *n, const lapack_int *nrhs, const float *a, const lapack_int *lda,
             const lapack_int *pivots, float *b, const lapack_int *ldb, lapack_int *info, size_t);
void dgetrs_(const char *trans, const lapack_int *n, const lapack_int *nrhs, const double *a, const lapack_int *lda,
             const lapack_int *pivots, double *b, const lapack_int *ldb, lapack_int *info, size_t);
void sgeqrf_(const lapack_int *m, const lapack_int *n, float *a, const lapack_int *lda, float *tau, float *work,
             const lapack_int *lwork, lapack_int *info);
void dgeqrf_(const lapack_int *m, const lapack_int *n, double *a, const lapack_int *lda, double *tau, double *work,
             const lapack_int *lwork, lapack_int *info);
void sorgqr_(const lapack_int *m, const lapack_int *n, const lapack_int *k, float *a, const lapack_int *lda, const float *tau,
             float *work, const lapack_int *lwork, lapack_int *info);
void dorgqr_(const lapack_int *m, const lapack_int *n, const lapack_int *k, double *a, const lapack_int *lda, const double *tau,
             double *work, const lapack_int *lwork, lapack_int *info);
void sgesdd_(const char *jobz, const lapack_int *m, const lapack_int *n, float *a, const lapack_int *lda, float *s, float *u,
             const lapack_int *ldu, float *vt, const lapack_int *ldvt, float *work, const lapack_int *lwork, lapack_int *iwork,
             lapack_int *info, size_t);
void dgesdd_(const char *jobz, const lapack_int *m, const lapack_int *n, double *a, const lapack_int *lda, double *s, double *u,
             const lapack_int *ldu, double *vt, const lapack_int *ldvt, double *work, const lapack_int *lwork, lapack_int *iwork,
             lapack_int *info, size_t);
void ssyevd_(const char *jobz, const char *uplo, const lapack_int *n, float *a, const lapack_int *lda, float *w, float *work,
             const lapack_int *lwork, lapack_int *iwork, const lapack_int *liwork, lapack_int *info, size_t, size_t);
void dsyevd_(const char *jobz, const char *uplo, const lapack_int *n, double *a, const lapack_int *lda, double *w, double *work,
             const lapack_int *lwork, lapack_int *iwork, const lapack_int *liwork, lapack_int *info, size_t, size_t);

/* A batch of matrices: (..., rows, cols). */
typedef struct scion_matrices { int64_t count, rows, cols; } scion_matrices;
scion_matrices scion__matrices(const scion_tensor *t);
/* Input i is a float tensor of matrices (square if asked) whose sizes LAPACK can count. */
scion_status scion__need_matrix(const scion_call *c, int32_t i, bool square);
/* Fails with SCION_ENUMERIC when packed `t` holds NaN or infinity: decompositions may hang on them. */
scion_status scion__need_finite(const scion_call *c, const scion_tensor *t);
/* " of matrix 3" in a batch, "" for a single one. */
const char *scion__which_matrix(char *buf, size_t size, int64_t count, int64_t i);
/* dst (cols, rows) <- src (rows, cols)' */
void scion__transpose(int dtype, int64_t rows, int64_t cols, const void *src, void *dst);
/* Words for gradients. */
scion_tensor *x_mt(scion_x *x, scion_tensor *a);                     /* a', batched */
scion_tensor *x_eye(scion_x *x, int dtype, int64_t n);               /* (n, n) */
scion_tensor *x_triangle(scion_x *x, int dtype, int64_t rows, int64_t cols, bool upper, double diagonal); /* ones, with this diagonal */
typedef struct scion_triangular_params { int32_t upper, left, unitriangular, transpose; } scion_triangular_params;
scion_tensor *x_solve_triangular(scion_x *x, scion_tensor *a, scion_tensor *b, bool upper, bool left, bool transpose);

#endif
