/* linalg.c: systems of equations: cholesky, triangular and general solve, inverse, determinants. Batched over
 * leading dimensions. Results of singular or indefinite matrices are errors that say which and where. */
#include <stdio.h>

#include "lapack.h"

/* ---- what linalg_*.c share --------------------------------------------------------------------------------------- */

scion_matrices scion__matrices(const scion_tensor *t) {
  scion_matrices m = { 1, t->shape[t->n_dims - 2], t->shape[t->n_dims - 1] };
  for (int32_t i = 0; i < t->n_dims - 2; i++) m.count *= t->shape[i];
  return m;
}
scion_status scion__need_matrix(const scion_call *c, int32_t i, bool square) {
  SCION_TRY(scion__need_float(c, i));
  SCION_TRY(scion__need_dims(c, i, 2, SCION_MAX_DIMS));
  scion_matrices m = scion__matrices(c->in[i]);
  char a[SCION_SHAPE_TEXT];
  if (square && m.rows != m.cols) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "%s must be square matrices, got %s", scion__slot_name(c, i), scion__tensor_brief(a, c->in[i]));
  }
  if (m.rows > INT32_MAX / 8 || m.cols > INT32_MAX / 8 || m.rows * m.cols > INT32_MAX / 8) { /* workspaces are a few times larger */
    return SCION_OP_FAIL(c, SCION_EUNSUPPORTED, "matrix %s is larger than LAPACK's integers count", scion__tensor_brief(a, c->in[i]));
  }
  return SCION_OK;
}
scion_status scion__need_finite(const scion_call *c, const scion_tensor *t) {
  for (int64_t i = 0; i < t->numel; i++) {
    double v = scion__load(t->data, t->dtype, i);
    if (v - v != 0) return SCION_OP_FAIL(c, SCION_ENUMERIC, "the input contains NaN or infinity");
  }
  return SCION_OK;
}
const char *scion__which_matrix(char *buf, size_t size, int64_t count, int64_t i) {
  buf[0] = '\0';
  if (count > 1) snprintf(buf, size, " (matrix %lld of the batch)", (long long)i);
  return buf;
}
void scion__transpose(int dtype, int64_t rows, int64_t cols, const void *src, void *dst) {
  enum { BLOCK = 32 };
  for (int64_t r = 0; r < rows; r += BLOCK)
    for (int64_t k = 0; k < cols; k += BLOCK)
      for (int64_t i = r; i < scion__min(rows, r + BLOCK); i++)
        for (int64_t j = k; j < scion__min(cols, k + BLOCK); j++) {
          if (dtype == SCION_F32) ((float *)dst)[j * rows + i] = ((const float *)src)[i * cols + j];
          else ((double *)dst)[j * rows + i] = ((const double *)src)[i * cols + j];
        }
}
scion_tensor *x_mt(scion_x *x, scion_tensor *a) { return x_transpose(x, a, -2, -1); }
scion_tensor *x_triangle(scion_x *x, int dtype, int64_t rows, int64_t cols, bool upper, double diagonal) {
  scion_tensor *t = x_full(x, dtype, 2, (int64_t[]){ rows, cols }, 0);
  for (int64_t i = 0; t != NULL && i < rows; i++)
    for (int64_t j = 0; j < cols; j++)
      if (i == j || (j > i) == upper) scion__store(t->data, dtype, i * cols + j, i == j ? diagonal : 1);
  return t;
}
scion_tensor *x_eye(scion_x *x, int dtype, int64_t n) {
  scion_tensor *t = x_full(x, dtype, 2, (int64_t[]){ n, n }, 0);
  for (int64_t i = 0; t != NULL && i < n; i++) scion__store(t->data, dtype, i * n + i, 1);
  return t;
}
scion_tensor *x_solve_triangular(scion_x *x, scion_tensor *a, scion_tensor *b, bool upper, bool left, bool transpose) {
  scion_triangular_params p = { upper, left, false, transpose };
  return scion__x2(x, &scion__op_solve_triangular, &p, a, b);
}
static const scion_slot slots_a[] = { { "a", 0, "(..., N, N)" } };
static char *at(scion_tensor *t, int64_t elements) { return t->data + elements * (int64_t)scion_dtype_size((scion_dtype)t->dtype); }

/* ---- cholesky ------------------------------------------------------------------------------------------------------ */

typedef struct { int32_t upper; } upper_params;
static const scion_param params_upper[] = { { "upper", SCION_P_BOOL, 0, offsetof(upper_params, upper), .def = 0, .doc = "the upper factor (or: b is one)" } };

static scion_status square_infer(scion_call *c) {
  SCION_TRY(scion__need_matrix(c, 0, true));
  return scion__infer_float(c);
}
/* The symmetric part, so that the gradient is that of the function computed. */
static void symmetrize(scion_tensor *t, int64_t base, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < i; j++) {
      double v = 0.5 * (scion__load(t->data, t->dtype, base + i * n + j) + scion__load(t->data, t->dtype, base + j * n + i));
      scion__store(t->data, t->dtype, base + i * n + j, v);
      scion__store(t->data, t->dtype, base + j * n + i, v);
    }
}
static scion_status cholesky_forward(scion_call *c) {
  bool upper = ((const upper_params *)c->params)->upper;
  scion_tensor *y = c->out[0];
  scion_matrices m = scion__matrices(y);
  lapack_int n = (lapack_int)m.rows, ld = n > 0 ? n : 1;
  SCION_TRY(scion__tensor_copy_into(c->ctx, y, c->in[0]));
  SCION_TRY(scion__need_finite(c, y));
  for (int64_t k = 0; k < m.count && n > 0; k++) {
    int64_t base = k * m.rows * m.cols;
    lapack_int info = 0;
    symmetrize(y, base, n);
    const char *uplo = upper ? "L" : "U"; /* row-major lower is column-major upper */
    if (y->dtype == SCION_F32) spotrf_(uplo, &n, (float *)at(y, base), &ld, &info, 1);
    else dpotrf_(uplo, &n, (double *)at(y, base), &ld, &info, 1);
    if (info > 0) {
      char which[64];
      return SCION_OP_FAIL(c, SCION_ENUMERIC, "the matrix is not positive definite: its leading minor of size %d is not positive%s", info,
                           scion__which_matrix(which, sizeof which, m.count, k));
    }
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < n; j++)
        if (upper ? j < i : j > i) scion__store(y->data, y->dtype, base + i * n + j, 0);
  }
  return SCION_OK;
}
/* With P = tril(L' dL), its diagonal halved: da = L^-T (P + P') / 2 L^-1 (Murray 2016). */
static void cholesky_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  bool upper = ((const upper_params *)g->params)->upper;
  scion_tensor *l = upper ? x_mt(x, g->out[0]) : g->out[0], *dl = upper ? x_mt(x, g->dy[0]) : g->dy[0];
  int64_t n = g->out[0]->shape[g->out[0]->n_dims - 1];
  scion_tensor *p = x_mul(x, x_matmul(x, x_mt(x, l), dl), x_triangle(x, g->out[0]->dtype, n, n, false, 0.5));
  p = x_muls(x, x_add(x, p, x_mt(x, p)), 0.5);
  p = x_solve_triangular(x, l, p, false, true, true);               /* L^-T P */
  scion__g_set(g, 0, x_solve_triangular(x, l, p, false, false, false)); /* P L^-1 */
}
static const scion_sample samples_cholesky[] = { { "3x3:spd", "" }, { "2x3x3:spd", "upper=true" } };
const scion_op scion__op_cholesky = {
  .info = { "cholesky", 1, 0, "Lower triangular L with L L' = a, for a symmetric positive definite a (its symmetric part is used).",
            SCION_INPUTS(slots_a), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_upper, upper_params) },
  .infer = square_infer, .forward = cholesky_forward, .grad = cholesky_grad, .keeps = SCION_KEEP_OUT(0), SCION_SAMPLES(samples_cholesky) };

/* ---- solve_triangular ---------------------------------------------------------------------------------------------- */

static const scion_param params_triangular[] = {
  { "upper", SCION_P_BOOL, SCION_PF_REQUIRED, offsetof(scion_triangular_params, upper), .def = 0, .doc = "a is upper triangular" },
  { "left", SCION_P_BOOL, 0, offsetof(scion_triangular_params, left), .def = 1, .doc = "solve a x = b, else x a = b" },
  { "unitriangular", SCION_P_BOOL, 0, offsetof(scion_triangular_params, unitriangular), .def = 0, .doc = "take a's diagonal as ones" },
  { "transpose", SCION_P_BOOL, 0, offsetof(scion_triangular_params, transpose), .def = 0, .doc = "solve with a'" } };

/* Batches broadcast; the result has b's matrix shape. */
static scion_status system_infer(scion_call *c, bool left) {
  SCION_TRY(scion__need_matrix(c, 0, true));
  SCION_TRY(scion__need_matrix(c, 1, false));
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  const scion_tensor *a = c->in[0], *b = c->in[1];
  int32_t n;
  int64_t shape[SCION_MAX_DIMS];
  int64_t size = a->shape[a->n_dims - 1];
  if (b->shape[b->n_dims - (left ? 2 : 1)] != size || !scion__broadcast(a->n_dims - 2, a->shape, b->n_dims - 2, b->shape, &n, shape)) {
    char ta[SCION_SHAPE_TEXT], tb[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "a %s and b %s do not fit", scion__tensor_brief(ta, a), scion__tensor_brief(tb, b));
  }
  shape[n] = b->shape[b->n_dims - 2];
  shape[n + 1] = b->shape[b->n_dims - 1];
  scion__out(c, 0, a->dtype, n + 2, shape);
  return SCION_OK;
}
/* Copy of input i with the batch dimensions of output 0; owned. */
static scion_status batched_copy(scion_call *c, int32_t i, scion_tensor **out) {
  const scion_tensor *t = c->in[i], *y = c->out[0];
  int64_t shape[SCION_MAX_DIMS];
  for (int32_t d = 0; d < y->n_dims - 2; d++) shape[d] = y->shape[d];
  shape[y->n_dims - 2] = t->shape[t->n_dims - 2];
  shape[y->n_dims - 1] = t->shape[t->n_dims - 1];
  SCION_TRY(scion__tensor_alloc(c->ctx, t->dtype, y->n_dims, shape, out));
  scion_status status = scion__tensor_copy_into(c->ctx, *out, t);
  if (status != SCION_OK) {
    scion_tensor_free(c->ctx, *out);
    *out = NULL;
  }
  return status;
}
static scion_status triangular_infer(scion_call *c) { return system_infer(c, ((const scion_triangular_params *)c->params)->left); }
static scion_status triangular_forward(scion_call *c) {
  const scion_triangular_params *p = c->params;
  scion_tensor *a = NULL, *y = c->out[0];
  SCION_TRY(scion__tensor_copy_into(c->ctx, y, c->in[1]));
  SCION_TRY(batched_copy(c, 0, &a));
  scion_matrices ma = scion__matrices(a), mb = scion__matrices(y);
  scion_status status = SCION_OK;
  for (int64_t k = 0; k < ma.count && y->numel > 0; k++) {
    int64_t base = k * ma.rows * ma.rows, to = k * mb.rows * mb.cols;
    for (int64_t i = 0; i < ma.rows && !p->unitriangular; i++) {
      if (scion__load(a->data, a->dtype, base + i * ma.rows + i) != 0) continue;
      char which[64];
      status = SCION_OP_FAIL(c, SCION_ENUMERIC, "the matrix is singular: element %lld of its diagonal is 0%s", (long long)i,
                             scion__which_matrix(which, sizeof which, ma.count, k));
      goto done;
    }
    enum CBLAS_SIDE side = p->left ? CblasLeft : CblasRight;
    enum CBLAS_UPLO uplo = p->upper ? CblasUpper : CblasLower;
    enum CBLAS_TRANSPOSE trans = p->transpose ? CblasTrans : CblasNoTrans;
    enum CBLAS_DIAG diag = p->unitriangular ? CblasUnit : CblasNonUnit;
    int rows = (int)mb.rows, cols = (int)mb.cols, ld = (int)ma.rows;
    if (y->dtype == SCION_F32) {
      cblas_strsm(CblasRowMajor, side, uplo, trans, diag, rows, cols, 1, (const float *)at(a, base), ld, (float *)at(y, to), cols);
    } else {
      cblas_dtrsm(CblasRowMajor, side, uplo, trans, diag, rows, cols, 1, (const double *)at(a, base), ld, (double *)at(y, to), cols);
    }
  }
done:
  scion_tensor_free(c->ctx, a);
  return status;
}
/* a x = b: db = a^-T dx, da = -db x'; the other side and transposition permute the factors. Only a's triangle counts. */
static void triangular_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  const scion_triangular_params *p = g->params;
  scion_triangular_params back = *p;
  back.transpose = !p->transpose;
  scion_tensor *db = scion__x2(x, &scion__op_solve_triangular, &back, g->in[0], g->dy[0]);
  if (g->needs[1]) scion__g_set(g, 1, x_sum_to(x, db, g->in[1]));
  if (!g->needs[0]) return;
  scion_tensor *y = g->out[0], *da;
  if (p->left) da = p->transpose ? x_matmul(x, y, x_mt(x, db)) : x_matmul(x, db, x_mt(x, y));
  else da = p->transpose ? x_matmul(x, x_mt(x, db), y) : x_matmul(x, x_mt(x, y), db);
  int64_t n = g->in[0]->shape[g->in[0]->n_dims - 1];
  da = x_mul(x, x_neg(x, da), x_triangle(x, y->dtype, n, n, p->upper, p->unitriangular ? 0 : 1));
  scion__g_set(g, 0, x_sum_to(x, da, g->in[0]));
}
static const scion_slot slots_system[] = { { "a", 0, "(..., N, N)" }, { "b", 0, "(..., N, K)" } };
static const scion_sample samples_triangular[] = {
  { "3x3:tril,3x2", "upper=false" }, { "2x3x3:tril,2x2x3", "upper=false left=false" }, { "3x3:tril,2x3x2", "upper=false transpose=true" },
  { "3x3:tril,2x3", "upper=false left=false transpose=true" }, { "3x3:tril,3x2", "upper=false unitriangular=true" } };
const scion_op scion__op_solve_triangular = {
  .info = { "solve_triangular", 1, 0, "x of a x = b (or x a = b) for a triangular a; the other triangle is not read.", SCION_INPUTS(slots_system),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_triangular, scion_triangular_params) },
  .infer = triangular_infer, .forward = triangular_forward, .grad = triangular_grad,
  .keeps = SCION_KEEP_IN(0) | SCION_KEEP_OUT(0), SCION_SAMPLES(samples_triangular) };

/* ---- solve_matrix (internal), solve, inv, cholesky_solve -------------------------------------------------------------- */

/* LU of a' in place (a is row-major); fails when singular. */
static scion_status factor(const scion_call *c, scion_tensor *a, int64_t base, int64_t n64, lapack_int *pivots, int64_t count, int64_t k) {
  lapack_int n = (lapack_int)n64, info = 0;
  if (a->dtype == SCION_F32) sgetrf_(&n, &n, (float *)at(a, base), &n, pivots, &info);
  else dgetrf_(&n, &n, (double *)at(a, base), &n, pivots, &info);
  if (info > 0) {
    char which[64];
    return SCION_OP_FAIL(c, SCION_ENUMERIC, "the matrix is singular: pivot %d of its LU factors is 0%s", info,
                         scion__which_matrix(which, sizeof which, count, k));
  }
  return SCION_OK;
}
static scion_status solve_infer(scion_call *c) { return system_infer(c, true); }
static scion_status solve_forward(scion_call *c) {
  scion_tensor *a = NULL, *b = NULL, *y = c->out[0];
  lapack_int *pivots = NULL;
  SCION_TRY(batched_copy(c, 0, &a));
  scion_matrices ma = scion__matrices(a), mb = scion__matrices(y);
  size_t bytes = (size_t)scion__max(1, ma.rows) * sizeof *pivots;
  scion_status status = scion__tensor_packed(c->ctx, c->in[1], &b);
  if (status == SCION_OK) status = scion__tensor_copy_into(c->ctx, y, b);
  scion_tensor_free(c->ctx, b);
  b = NULL;
  int64_t flat = mb.rows * mb.cols;
  if (status == SCION_OK) status = scion__tensor_alloc(c->ctx, y->dtype, 1, &flat, &b); /* right-hand sides in columns */
  if (status == SCION_OK && (pivots = scion__alloc(c->ctx, bytes)) == NULL) status = SCION_ENOMEM;
  for (int64_t k = 0; status == SCION_OK && k < ma.count && ma.rows > 0; k++) {
    int64_t base = k * ma.rows * ma.rows;
    status = factor(c, a, base, ma.rows, pivots, ma.count, k);
    if (status != SCION_OK || mb.cols == 0) break;
    lapack_int n = (lapack_int)ma.rows, nrhs = (lapack_int)mb.cols, info = 0;
    scion__transpose(y->dtype, mb.rows, mb.cols, at(y, k * flat), b->data);
    if (y->dtype == SCION_F32) sgetrs_("T", &n, &nrhs, (const float *)at(a, base), &n, pivots, (float *)b->data, &n, &info, 1);
    else dgetrs_("T", &n, &nrhs, (const double *)at(a, base), &n, pivots, (double *)b->data, &n, &info, 1);
    scion__transpose(y->dtype, mb.cols, mb.rows, b->data, at(y, k * flat));
  }
  if (pivots != NULL) scion__free(c->ctx, pivots, bytes);
  scion_tensor_free(c->ctx, a);
  scion_tensor_free(c->ctx, b);
  return status;
}
static void solve_grad(scion_grad_call *g) { /* db = a^-T dx, da = -db x' */
  scion_x *x = &g->x;
  scion_tensor *db = scion__x2(x, &scion__op_solve_matrix, NULL, x_mt(x, g->in[0]), g->dy[0]);
  if (g->needs[1]) scion__g_set(g, 1, x_sum_to(x, db, g->in[1]));
  if (g->needs[0]) scion__g_set(g, 0, x_sum_to(x, x_neg(x, x_matmul(x, db, x_mt(x, g->out[0]))), g->in[0]));
}
static const scion_sample samples_solve_matrix[] = { { "3x3:spd,3x2", "" }, { "2x3x3:spd,3x1", "" } };
const scion_op scion__op_solve_matrix = {
  .info = { "solve_matrix", 1, SCION_OF_INTERNAL, "x of a x = b for matrices b.", SCION_INPUTS(slots_system), SCION_OUTPUTS(scion__slots_y) },
  .infer = solve_infer, .forward = solve_forward, .grad = solve_grad, .keeps = SCION_KEEP_IN(0) | SCION_KEEP_OUT(0),
  SCION_SAMPLES(samples_solve_matrix) };

static scion_status solve_any_infer(scion_call *c) { /* b may be a vector */
  if (c->in[1]->n_dims != 1) return system_infer(c, true);
  SCION_TRY(scion__need_matrix(c, 0, true));
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  const scion_tensor *a = c->in[0], *b = c->in[1];
  if (b->shape[0] != a->shape[a->n_dims - 1]) {
    char ta[SCION_SHAPE_TEXT], tb[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "a %s and b %s do not fit", scion__tensor_brief(ta, a), scion__tensor_brief(tb, b));
  }
  scion__out(c, 0, a->dtype, a->n_dims - 1, a->shape);
  return SCION_OK;
}
static scion_tensor *last_column(scion_x *x, scion_tensor *t) { return t == NULL ? NULL : x_reshape(x, t, t->n_dims - 1, t->shape); }
static void solve_any_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  bool vector = c->in[1]->n_dims == 1;
  scion_tensor *y = scion__x2(x, &scion__op_solve_matrix, NULL, c->in[0], vector ? x_unsqueeze(x, c->in[1], -1) : c->in[1]);
  out[0] = vector ? last_column(x, y) : y;
}
static const scion_slot slots_solve[] = { { "a", 0, "(..., N, N)" }, { "b", 0, "(..., N, K), or a vector (N)" } };
static const scion_sample samples_solve[] = { { "3x3,3x2", "" }, { "3x3:spd,3x2", "" }, { "3x3:spd,3", "" }, { "2x3x3:spd,2x3x1", "" } };
const scion_op scion__op_solve = {
  .info = { "solve", 1, 0, "x of a x = b by LU factors.", SCION_INPUTS(slots_solve), SCION_OUTPUTS(scion__slots_y) },
  .infer = solve_any_infer, .compose = solve_any_compose, SCION_SAMPLES(samples_solve) };

static void inv_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const scion_tensor *a = c->in[0];
  out[0] = scion__x2(x, &scion__op_solve_matrix, NULL, c->in[0], x_eye(x, a->dtype, a->shape[a->n_dims - 1]));
}
static const scion_sample samples_square[] = { { "3x3", "" }, { "3x3:spd", "" }, { "2x2x2:spd", "" } };
const scion_op scion__op_inv = {
  .info = { "inv", 1, 0, "Inverse of square matrices. To solve a system, use solve.", SCION_INPUTS(slots_a), SCION_OUTPUTS(scion__slots_y) },
  .infer = square_infer, .compose = inv_compose, SCION_SAMPLES(samples_square) };

static scion_status cholesky_solve_infer(scion_call *c) {
  SCION_TRY(scion__need_matrix(c, 1, true));
  SCION_TRY(scion__need_matrix(c, 0, false));
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  const scion_tensor *b = c->in[0], *l = c->in[1];
  int32_t n;
  int64_t shape[SCION_MAX_DIMS];
  if (b->shape[b->n_dims - 2] != l->shape[l->n_dims - 1] || !scion__broadcast(l->n_dims - 2, l->shape, b->n_dims - 2, b->shape, &n, shape)) {
    char ta[SCION_SHAPE_TEXT], tb[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "b %s and factor %s do not fit", scion__tensor_brief(ta, b), scion__tensor_brief(tb, l));
  }
  shape[n] = b->shape[b->n_dims - 2];
  shape[n + 1] = b->shape[b->n_dims - 1];
  scion__out(c, 0, b->dtype, n + 2, shape);
  return SCION_OK;
}
static void cholesky_solve_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  bool upper = ((const upper_params *)c->params)->upper;
  scion_tensor *half = x_solve_triangular(x, c->in[1], c->in[0], upper, true, upper);
  out[0] = x_solve_triangular(x, c->in[1], half, upper, true, !upper);
}
static const scion_slot slots_cholesky_solve[] = { { "b", 0, "(..., N, K)" }, { "factor", 0, "(..., N, N) from cholesky" } };
static const scion_sample samples_cholesky_solve[] = { { "3x2,3x3:tril", "" } };
const scion_op scion__op_cholesky_solve = {
  .info = { "cholesky_solve", 1, 0, "x of L L' x = b, given the factor: b:cholesky_solve(L).", SCION_INPUTS(slots_cholesky_solve),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_upper, upper_params) },
  .infer = cholesky_solve_infer, .compose = cholesky_solve_compose, SCION_SAMPLES(samples_cholesky_solve) };

/* ---- determinants ------------------------------------------------------------------------------------------------------ */

static scion_status slogdet_infer(scion_call *c) {
  SCION_TRY(scion__need_matrix(c, 0, true));
  const scion_tensor *a = c->in[0];
  scion__out(c, 0, a->dtype, a->n_dims - 2, a->shape);
  scion__out(c, 1, a->dtype, a->n_dims - 2, a->shape);
  return SCION_OK;
}
static scion_status slogdet_forward(scion_call *c) {
  scion_tensor *a = NULL;
  scion_matrices m = scion__matrices(c->in[0]);
  size_t bytes = (size_t)scion__max(1, m.rows) * sizeof(lapack_int);
  SCION_TRY(scion__tensor_alloc(c->ctx, c->in[0]->dtype, c->in[0]->n_dims, c->in[0]->shape, &a));
  scion_status status = scion__tensor_copy_into(c->ctx, a, c->in[0]);
  lapack_int *pivots = scion__alloc(c->ctx, bytes);
  if (pivots == NULL) status = SCION_ENOMEM;
  for (int64_t k = 0; status == SCION_OK && k < m.count; k++) {
    lapack_int n = (lapack_int)m.rows, info = 0;
    int64_t base = k * m.rows * m.rows;
    double sign = 1, log_abs = 0;
    if (n > 0) {
      if (a->dtype == SCION_F32) sgetrf_(&n, &n, (float *)at(a, base), &n, pivots, &info);
      else dgetrf_(&n, &n, (double *)at(a, base), &n, pivots, &info);
    }
    for (int64_t i = 0; i < m.rows; i++) {
      double d = scion__load(a->data, a->dtype, base + i * m.rows + i);
      if (d == 0) sign = 0;
      if (d < 0) sign = -sign;
      if (pivots[i] != i + 1) sign = -sign;
      log_abs += log(fabs(d));
    }
    scion__store(c->out[0]->data, a->dtype, k, sign);
    scion__store(c->out[1]->data, a->dtype, k, log_abs);
  }
  if (pivots != NULL) scion__free(c->ctx, pivots, bytes);
  scion_tensor_free(c->ctx, a);
  return status;
}
/* d log|a| = tr(a^-1 da); the sign is locally constant. */
static void slogdet_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion_tensor *a = g->in[0];
  if (g->dy[1] == NULL) {
    scion__g_set(g, 0, x_zeros_like(x, a));
    return;
  }
  scion_tensor *eye = x_eye(x, a->dtype, a->shape[a->n_dims - 1]);
  scion_tensor *inverse = scion__x2(x, &scion__op_solve_matrix, NULL, x_mt(x, a), eye);
  scion__g_set(g, 0, x_mul(x, x_unsqueeze(x, x_unsqueeze(x, g->dy[1], -1), -1), inverse));
}
static const scion_slot slots_slogdet[] = { { "sign", 0, "-1, 0 or 1" }, { "logabsdet", 0, "logarithm of the absolute value; -inf if singular" } };
const scion_op scion__op_slogdet = {
  .info = { "slogdet", 1, 0, "Sign and logarithm of the absolute value of determinants.", SCION_INPUTS(slots_a), SCION_OUTPUTS(slots_slogdet) },
  .infer = slogdet_infer, .forward = slogdet_forward, .grad = slogdet_grad, .keeps = SCION_KEEP_IN(0), SCION_SAMPLES(samples_square) };

static scion_status det_infer(scion_call *c) {
  SCION_TRY(scion__need_matrix(c, 0, true));
  scion__out(c, 0, c->in[0]->dtype, c->in[0]->n_dims - 2, c->in[0]->shape);
  return SCION_OK;
}
static void sign_and_log(scion_x *x, scion_tensor *a, scion_tensor *both[2]) { scion__x_call_n(x, &scion__op_slogdet, NULL, 1, &a, 2, both); }
static void det_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *both[2];
  sign_and_log(x, c->in[0], both);
  out[0] = x_mul(x, x_detach(x, both[0]), X1(exp, both[1]));
}
static void logdet_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *both[2];
  sign_and_log(x, c->in[0], both);
  int dtype = c->in[0]->dtype;
  scion_tensor *negative = X2(lt, both[0], x_scalar(x, dtype, 0));
  out[0] = x_where(x, negative, x_scalar(x, dtype, NAN), both[1]);
}
const scion_op scion__op_det = {
  .info = { "det", 1, 0, "Determinants of square matrices. Singular matrices have no gradient.", SCION_INPUTS(slots_a), SCION_OUTPUTS(scion__slots_y) },
  .infer = det_infer, .compose = det_compose, SCION_SAMPLES(samples_square) };
const scion_op scion__op_logdet = {
  .info = { "logdet", 1, 0, "Logarithm of determinants; NaN where negative.", SCION_INPUTS(slots_a), SCION_OUTPUTS(scion__slots_y) },
  .infer = det_infer, .compose = logdet_compose, SCION_SAMPLES(samples_square) };
