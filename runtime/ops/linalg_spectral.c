/* linalg_spectral.c: QR, singular value and symmetric eigenvalue decompositions, and what is built on them:
 * pseudo-inverse, least squares, rank. Thin factors; batched. Gradients assume distinct singular and eigenvalues
 * (where they coincide the factors are not differentiable; the values still are). */
#include <stdio.h>

#include "lapack.h"

static char *at(scion_tensor *t, int64_t elements) { return t->data + elements * (int64_t)scion_dtype_size((scion_dtype)t->dtype); }
static const scion_slot slots_a[] = { { "a", 0, "(..., M, N)" } };
static const scion_slot slots_square[] = { { "a", 0, "(..., N, N)" } };
static void out_matrix(scion_call *c, int32_t i, int64_t rows, int64_t cols) { /* cols < 0: a vector of `rows` */
  const scion_tensor *a = c->in[0];
  int64_t shape[SCION_MAX_DIMS];
  int32_t n = a->n_dims - 2;
  for (int32_t d = 0; d < n; d++) shape[d] = a->shape[d];
  shape[n++] = rows;
  if (cols >= 0) shape[n++] = cols;
  scion__out(c, i, a->dtype, n, shape);
}
static scion_status finite_copy(const scion_call *c, scion_tensor **out) { /* packed, owned */
  const scion_tensor *a = c->in[0];
  SCION_TRY(scion__tensor_alloc(c->ctx, a->dtype, a->n_dims, a->shape, out));
  scion_status status = scion__tensor_copy_into(c->ctx, *out, a);
  if (status == SCION_OK) status = scion__need_finite(c, *out);
  if (status == SCION_OK) return status;
  scion_tensor_free(c->ctx, *out);
  *out = NULL;
  return status;
}
/* What LAPACK wants as workspace, given its answer to the query, in elements. */
static lapack_int workspace(double answer, lapack_int least) {
  double n = answer * (1 + 1e-6) + 1;
  return n > INT32_MAX / 2 ? INT32_MAX / 2 : (lapack_int)n > least ? (lapack_int)n : least;
}
static scion_tensor *diagonal_matrix(scion_x *x, scion_tensor *v) { /* (..., n) -> (..., n, n) */
  if (v == NULL) return NULL;
  return x_mul(x, x_unsqueeze(x, v, -1), x_eye(x, v->dtype, v->shape[v->n_dims - 1]));
}

/* ---- qr -------------------------------------------------------------------------------------------------------------- */

static scion_status qr_infer(scion_call *c) {
  SCION_TRY(scion__need_matrix(c, 0, false));
  scion_matrices m = scion__matrices(c->in[0]);
  int64_t k = scion__min(m.rows, m.cols);
  out_matrix(c, 0, m.rows, k);
  out_matrix(c, 1, k, m.cols);
  return SCION_OK;
}
static scion_status qr_forward(scion_call *c) {
  scion_tensor *a = NULL, *t = NULL, *work = NULL;
  scion_matrices m = scion__matrices(c->in[0]);
  lapack_int rows = (lapack_int)m.rows, cols = (lapack_int)m.cols, k = rows < cols ? rows : cols, info = 0, query = -1;
  int dtype = c->in[0]->dtype;
  if (c->in[0]->numel == 0) return SCION_OK;
  SCION_TRY(finite_copy(c, &a));
  double want[2] = { 0 };
  float want32[2] = { 0 };
  if (dtype == SCION_F32) {
    sgeqrf_(&rows, &cols, NULL, &rows, NULL, want32, &query, &info);
    sorgqr_(&rows, &k, &k, NULL, &rows, NULL, want32 + 1, &query, &info);
    want[0] = want32[0], want[1] = want32[1];
  } else {
    dgeqrf_(&rows, &cols, NULL, &rows, NULL, want, &query, &info);
    dorgqr_(&rows, &k, &k, NULL, &rows, NULL, want + 1, &query, &info);
  }
  lapack_int lwork = workspace(fmax(want[0], want[1]), cols);
  int64_t flat = m.rows * m.cols, room = (int64_t)lwork + k;
  scion_status status = scion__tensor_alloc(c->ctx, dtype, 1, &flat, &t);
  if (status == SCION_OK) status = scion__tensor_alloc(c->ctx, dtype, 1, &room, &work);
  for (int64_t b = 0; status == SCION_OK && b < m.count; b++) {
    char *tau = at(work, lwork);
    scion__transpose(dtype, m.rows, m.cols, at(a, b * flat), t->data);
    if (dtype == SCION_F32) sgeqrf_(&rows, &cols, (float *)t->data, &rows, (float *)tau, (float *)work->data, &lwork, &info);
    else dgeqrf_(&rows, &cols, (double *)t->data, &rows, (double *)tau, (double *)work->data, &lwork, &info);
    for (int64_t i = 0; i < k; i++)
      for (int64_t j = 0; j < cols; j++)
        scion__store(c->out[1]->data, dtype, b * k * cols + i * cols + j, j < i ? 0 : scion__load(t->data, dtype, j * rows + i));
    if (dtype == SCION_F32) sorgqr_(&rows, &k, &k, (float *)t->data, &rows, (float *)tau, (float *)work->data, &lwork, &info);
    else dorgqr_(&rows, &k, &k, (double *)t->data, &rows, (double *)tau, (double *)work->data, &lwork, &info);
    scion__transpose(dtype, k, m.rows, t->data, at(c->out[0], b * m.rows * k));
  }
  scion_tensor_free(c->ctx, a);
  scion_tensor_free(c->ctx, t);
  scion_tensor_free(c->ctx, work);
  return status;
}
/* Of a tall or square matrix: (dQ + Q sym(tril(R dR' - dQ' Q))) R^-T (Walter and Lehmann 2018). */
static scion_tensor *tall_qr_grad(scion_x *x, scion_tensor *q, scion_tensor *r, scion_tensor *dq, scion_tensor *dr) {
  if (q == NULL || r == NULL) return NULL;
  int64_t k = r->shape[r->n_dims - 1];
  scion_tensor *m = NULL;
  if (dr != NULL) m = x_matmul(x, r, x_mt(x, dr));
  if (dq != NULL) {
    scion_tensor *part = x_neg(x, x_matmul(x, x_mt(x, dq), q));
    m = m == NULL ? part : x_add(x, m, part);
  }
  scion_tensor *low = x_mul(x, m, x_triangle(x, q->dtype, k, k, false, 0.5));
  scion_tensor *sum = x_matmul(x, q, x_add(x, low, x_mt(x, low)));
  if (dq != NULL) sum = x_add(x, sum, dq);
  return x_solve_triangular(x, r, sum, true, false, true); /* x r' = sum */
}
static void qr_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion_tensor *q = g->out[0], *r = g->out[1], *dq = g->dy[0], *dr = g->dy[1];
  int64_t rows = q->shape[q->n_dims - 2], cols = r->shape[r->n_dims - 1];
  if (rows >= cols) {
    scion__g_set(g, 0, tall_qr_grad(x, q, r, dq, dr));
    return;
  }
  /* a = [X Y], r = [U V]: X = Q U, V = Q' Y */
  int64_t wide = cols - rows;
  scion_tensor *u = x_narrow(x, r, -1, 0, rows), *du = NULL, *dy = NULL;
  if (dr != NULL) {
    du = x_narrow(x, dr, -1, 0, rows);
    scion_tensor *dv = x_narrow(x, dr, -1, rows, wide), *y = x_narrow(x, g->in[0], -1, rows, wide);
    dy = x_matmul(x, q, dv);
    scion_tensor *more = x_matmul(x, y, x_mt(x, dv));
    dq = dq == NULL ? more : x_add(x, dq, more);
  } else {
    dy = x_muls(x, x_narrow(x, g->in[0], -1, rows, wide), 0);
  }
  scion_tensor *parts[2] = { tall_qr_grad(x, q, u, dq, du), dy };
  scion__g_set(g, 0, x_cat(x, 2, parts, q->n_dims - 1));
}
static const scion_slot slots_qr[] = { { "q", 0, "(..., M, K), K = min(M, N): orthonormal columns" }, { "r", 0, "(..., K, N): upper triangular" } };
static const scion_sample samples_qr[] = { { "4x3", "" }, { "2x3x3", "" }, { "2x4", "" } };
const scion_op scion__op_qr = {
  .info = { "qr", 1, 0, "a = q r, reduced: q, r = a:qr().", SCION_INPUTS(slots_a), SCION_OUTPUTS(slots_qr) },
  .infer = qr_infer, .forward = qr_forward, .grad = qr_grad, .keeps = SCION_KEEP_IN(0) | SCION_KEEP_OUT(0) | SCION_KEEP_OUT(1),
  SCION_SAMPLES(samples_qr) };

/* ---- svd ------------------------------------------------------------------------------------------------------------- */

static scion_status svd_infer(scion_call *c) {
  SCION_TRY(scion__need_matrix(c, 0, false));
  scion_matrices m = scion__matrices(c->in[0]);
  int64_t k = scion__min(m.rows, m.cols);
  out_matrix(c, 0, m.rows, k);
  out_matrix(c, 1, k, -1);
  out_matrix(c, 2, k, m.cols);
  return SCION_OK;
}
static scion_status svd_forward(scion_call *c) {
  scion_tensor *a = NULL, *work = NULL;
  scion_matrices m = scion__matrices(c->in[0]);
  /* the row-major a is a column-major a': a' = U' S V'', so our u is its vt and our vh its u, both in place */
  lapack_int rows = (lapack_int)m.cols, cols = (lapack_int)m.rows, k = rows < cols ? rows : cols, info = 0, query = -1, *iwork = NULL;
  int dtype = c->in[0]->dtype;
  if (c->in[0]->numel == 0) return SCION_OK;
  SCION_TRY(finite_copy(c, &a));
  double want = 0;
  float want32 = 0;
  if (dtype == SCION_F32) {
    sgesdd_("S", &rows, &cols, NULL, &rows, NULL, NULL, &rows, NULL, &k, &want32, &query, NULL, &info, 1);
    want = want32;
  } else {
    dgesdd_("S", &rows, &cols, NULL, &rows, NULL, NULL, &rows, NULL, &k, &want, &query, NULL, &info, 1);
  }
  lapack_int lwork = workspace(want, 1);
  int64_t room = lwork;
  size_t ibytes = 8 * (size_t)k * sizeof *iwork;
  scion_status status = scion__tensor_alloc(c->ctx, dtype, 1, &room, &work);
  if (status == SCION_OK && (iwork = scion__alloc(c->ctx, ibytes)) == NULL) status = SCION_ENOMEM;
  for (int64_t b = 0; status == SCION_OK && b < m.count; b++) {
    char *in = at(a, b * m.rows * m.cols), *u = at(c->out[0], b * m.rows * k), *s = at(c->out[1], b * k), *v = at(c->out[2], b * k * m.cols);
    if (dtype == SCION_F32) {
      sgesdd_("S", &rows, &cols, (float *)in, &rows, (float *)s, (float *)v, &rows, (float *)u, &k, (float *)work->data, &lwork, iwork, &info, 1);
    } else {
      dgesdd_("S", &rows, &cols, (double *)in, &rows, (double *)s, (double *)v, &rows, (double *)u, &k, (double *)work->data, &lwork, iwork, &info, 1);
    }
    char which[64];
    if (info > 0) status = SCION_OP_FAIL(c, SCION_ENUMERIC, "the iteration did not converge%s", scion__which_matrix(which, sizeof which, m.count, b));
  }
  if (iwork != NULL) scion__free(c->ctx, iwork, ibytes);
  scion_tensor_free(c->ctx, a);
  scion_tensor_free(c->ctx, work);
  return status;
}
/* (..., k, k) with 1 / (v_j - v_i) off the diagonal and 0 on it. */
static scion_tensor *gaps(scion_x *x, scion_tensor *v) {
  if (v == NULL) return NULL;
  int64_t k = v->shape[v->n_dims - 1];
  scion_tensor *eye = x_eye(x, v->dtype, k);
  scion_tensor *d = x_sub(x, x_unsqueeze(x, v, -2), x_unsqueeze(x, v, -1));
  scion_tensor *off = x_adds(x, x_neg(x, eye), 1);
  return x_div(x, off, x_add(x, d, eye));
}
static scion_tensor *skew(scion_x *x, scion_tensor *a) { return x_sub(x, a, x_mt(x, a)); }
/* Townsend, Differentiating the singular value decomposition (2016), for thin factors. */
static void svd_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion_tensor *u = g->out[0], *s = g->out[1], *vh = g->out[2], *du = g->dy[0], *ds = g->dy[1], *dvh = g->dy[2];
  int64_t rows = u->shape[u->n_dims - 2], cols = vh->shape[vh->n_dims - 1], k = s->shape[s->n_dims - 1];
  scion_tensor *row = x_unsqueeze(x, s, -2), *column = x_unsqueeze(x, s, -1), *inner = NULL, *da = NULL;
  if (ds != NULL) inner = diagonal_matrix(x, ds);
  scion_tensor *f = du != NULL || dvh != NULL ? gaps(x, X1(square, s)) : NULL;
  if (du != NULL) {
    scion_tensor *t = x_mul(x, x_mul(x, f, skew(x, x_matmul(x, x_mt(x, u), du))), row);
    inner = inner == NULL ? t : x_add(x, inner, t);
  }
  if (dvh != NULL) {
    scion_tensor *t = x_mul(x, column, x_mul(x, f, skew(x, x_matmul(x, vh, x_mt(x, dvh)))));
    inner = inner == NULL ? t : x_add(x, inner, t);
  }
  da = x_matmul(x, x_matmul(x, u, inner), vh);
  if (du != NULL && rows > k) {
    scion_tensor *out = x_sub(x, du, x_matmul(x, u, x_matmul(x, x_mt(x, u), du)));
    da = x_add(x, da, x_matmul(x, x_div(x, out, row), vh));
  }
  if (dvh != NULL && cols > k) {
    scion_tensor *out = x_sub(x, dvh, x_matmul(x, x_matmul(x, dvh, x_mt(x, vh)), vh));
    da = x_add(x, da, x_matmul(x, u, x_div(x, out, column)));
  }
  scion__g_set(g, 0, da);
}
static const scion_slot slots_svd[] = { { "u", 0, "(..., M, K), K = min(M, N)" }, { "s", 0, "(..., K): singular values, falling" }, { "vh", 0, "(..., K, N)" } };
static const scion_sample samples_svd[] = { { "4x3", "" }, { "2x3x3", "" }, { "2x4", "" } };
const scion_op scion__op_svd = {
  .info = { "svd", 1, 0, "a = u diag(s) vh, thin: u, s, vh = a:svd().", SCION_INPUTS(slots_a), SCION_OUTPUTS(slots_svd) },
  .infer = svd_infer, .forward = svd_forward, .grad = svd_grad, .keeps = SCION_KEEP_OUT(0) | SCION_KEEP_OUT(1) | SCION_KEEP_OUT(2),
  SCION_SAMPLES(samples_svd) };

/* ---- eigh ------------------------------------------------------------------------------------------------------------ */

static scion_status eigh_infer(scion_call *c) {
  SCION_TRY(scion__need_matrix(c, 0, true));
  int64_t n = scion__matrices(c->in[0]).rows;
  out_matrix(c, 0, n, -1);
  out_matrix(c, 1, n, n);
  return SCION_OK;
}
static scion_status eigh_forward(scion_call *c) {
  scion_tensor *a = NULL, *work = NULL;
  scion_matrices m = scion__matrices(c->in[0]);
  lapack_int n = (lapack_int)m.rows, info = 0, query = -1, want_int = 0, *iwork = NULL;
  int dtype = c->in[0]->dtype;
  if (c->in[0]->numel == 0) return SCION_OK;
  SCION_TRY(finite_copy(c, &a));
  double want = 0;
  float want32 = 0;
  if (dtype == SCION_F32) {
    ssyevd_("V", "L", &n, NULL, &n, NULL, &want32, &query, &want_int, &query, &info, 1, 1);
    want = want32;
  } else {
    dsyevd_("V", "L", &n, NULL, &n, NULL, &want, &query, &want_int, &query, &info, 1, 1);
  }
  lapack_int lwork = workspace(want, 1), liwork = want_int > 1 ? want_int : 1;
  int64_t room = lwork;
  size_t ibytes = (size_t)liwork * sizeof *iwork;
  scion_status status = scion__tensor_alloc(c->ctx, dtype, 1, &room, &work);
  if (status == SCION_OK && (iwork = scion__alloc(c->ctx, ibytes)) == NULL) status = SCION_ENOMEM;
  for (int64_t b = 0; status == SCION_OK && b < m.count; b++) {
    int64_t base = b * m.rows * m.rows;
    for (int64_t i = 0; i < m.rows; i++) /* the symmetric part, so that the gradient is that of the function computed */
      for (int64_t j = 0; j < i; j++) {
        double v = 0.5 * (scion__load(a->data, dtype, base + i * n + j) + scion__load(a->data, dtype, base + j * n + i));
        scion__store(a->data, dtype, base + i * n + j, v);
        scion__store(a->data, dtype, base + j * n + i, v);
      }
    char *w = at(c->out[0], b * n);
    if (dtype == SCION_F32) {
      ssyevd_("V", "L", &n, (float *)at(a, base), &n, (float *)w, (float *)work->data, &lwork, iwork, &liwork, &info, 1, 1);
    } else {
      dsyevd_("V", "L", &n, (double *)at(a, base), &n, (double *)w, (double *)work->data, &lwork, iwork, &liwork, &info, 1, 1);
    }
    char which[64];
    if (info > 0) status = SCION_OP_FAIL(c, SCION_ENUMERIC, "the iteration did not converge%s", scion__which_matrix(which, sizeof which, m.count, b));
    scion__transpose(dtype, m.rows, m.rows, at(a, base), at(c->out[1], base));
  }
  if (iwork != NULL) scion__free(c->ctx, iwork, ibytes);
  scion_tensor_free(c->ctx, a);
  scion_tensor_free(c->ctx, work);
  return status;
}
static void eigh_grad(scion_grad_call *g) { /* V (diag(dw) + F V' dV) V', its symmetric part */
  scion_x *x = &g->x;
  scion_tensor *w = g->out[0], *v = g->out[1], *inner = NULL;
  if (g->dy[0] != NULL) inner = diagonal_matrix(x, g->dy[0]);
  if (g->dy[1] != NULL) {
    scion_tensor *t = x_mul(x, gaps(x, w), x_matmul(x, x_mt(x, v), g->dy[1]));
    inner = inner == NULL ? t : x_add(x, inner, t);
  }
  scion_tensor *da = x_matmul(x, x_matmul(x, v, inner), x_mt(x, v));
  scion__g_set(g, 0, x_muls(x, x_add(x, da, x_mt(x, da)), 0.5));
}
static const scion_slot slots_eigh[] = { { "values", 0, "(..., N), rising" }, { "vectors", 0, "(..., N, N), in columns" } };
static const scion_sample samples_eigh[] = { { "3x3", "" }, { "2x3x3", "" } };
const scion_op scion__op_eigh = {
  .info = { "eigh", 1, 0, "Eigenvalues and eigenvectors of symmetric matrices (the symmetric part is used): w, v = a:eigh().",
            SCION_INPUTS(slots_square), SCION_OUTPUTS(slots_eigh) },
  .infer = eigh_infer, .forward = eigh_forward, .grad = eigh_grad, .keeps = SCION_KEEP_OUT(0) | SCION_KEEP_OUT(1), SCION_SAMPLES(samples_eigh) };

/* ---- pinv, matrix_rank, lstsq ---------------------------------------------------------------------------------------- */

typedef struct { double rtol; } tolerance_params;
static const scion_param params_tolerance[] = {
  { "rtol", SCION_P_FLOAT, 0, offsetof(tolerance_params, rtol), .def = -1, .min = -1, .max = 1,
    .doc = "singular values up to rtol times the largest count as 0; default max(M, N) times the type's precision" } };
static double tolerance(const void *params, const scion_tensor *a) {
  double rtol = ((const tolerance_params *)params)->rtol;
  double n = (double)scion__max(a->shape[a->n_dims - 1], a->shape[a->n_dims - 2]);
  return rtol >= 0 ? rtol : n * (a->dtype == SCION_F32 ? 1.1920929e-7 : 2.220446049250313e-16);
}
/* bool (..., K): singular value above the tolerance; s falls, so the first is the largest. */
static scion_tensor *significant(scion_x *x, scion_tensor *s, double rtol) {
  if (s == NULL) return NULL;
  return X2(gt, s, x_muls(x, x_narrow(x, s, -1, 0, scion__min(1, s->shape[s->n_dims - 1])), rtol));
}
static scion_status pinv_infer(scion_call *c) {
  SCION_TRY(scion__need_matrix(c, 0, false));
  scion_matrices m = scion__matrices(c->in[0]);
  out_matrix(c, 0, m.cols, m.rows);
  return SCION_OK;
}
static scion_status pinv_forward(scion_call *c) {
  scion_x x_, *x = &x_;
  if (c->in[0]->numel == 0) {
    scion__tensor_fill(c->ctx, c->out[0], 0);
    return SCION_OK;
  }
  scion__x_init(x, c->ctx);
  scion_tensor *a = x_detach(x, c->in[0]), *f[3] = { NULL };
  scion__x_call_n(x, &scion__op_svd, NULL, 1, &a, 3, f);
  if (x->status == SCION_OK) {
    scion_tensor *zero = x_scalar(x, a->dtype, 0), *keep = significant(x, f[1], tolerance(c->params, a));
    scion_tensor *inverse = x_where(x, keep, X1(reciprocal, f[1]), zero);
    scion_tensor *y = x_matmul(x, x_mul(x, x_mt(x, f[2]), x_unsqueeze(x, inverse, -2)), x_mt(x, f[0]));
    if (y != NULL) x->status = scion__tensor_copy_into(c->ctx, c->out[0], y);
  }
  return scion__x_done(x);
}
/* Golub and Pereyra (1973): -P' G P' + (1 - A P) G' P P' + P' P G' (1 - P A), at constant rank. */
static void pinv_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion_tensor *a = g->in[0], *p = g->out[0], *pt = x_mt(x, p), *up = g->dy[0], *ut = x_mt(x, up);
  scion_tensor *da = x_neg(x, x_matmul(x, x_matmul(x, pt, up), pt));
  scion_tensor *m = x_matmul(x, x_matmul(x, ut, p), pt);
  da = x_add(x, da, x_sub(x, m, x_matmul(x, a, x_matmul(x, p, m))));
  m = x_matmul(x, pt, x_matmul(x, p, ut));
  da = x_add(x, da, x_sub(x, m, x_matmul(x, x_matmul(x, m, p), a)));
  scion__g_set(g, 0, da);
}
static const scion_sample samples_pinv[] = { { "4x3", "" }, { "2x2x3", "" }, { "3x3", "" } };
const scion_op scion__op_pinv = {
  .info = { "pinv", 1, 0, "Moore-Penrose pseudo-inverse.", SCION_INPUTS(slots_a), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_tolerance, tolerance_params) },
  .infer = pinv_infer, .forward = pinv_forward, .grad = pinv_grad, .keeps = SCION_KEEP_IN(0) | SCION_KEEP_OUT(0), SCION_SAMPLES(samples_pinv) };

static scion_status rank_infer(scion_call *c) {
  SCION_TRY(scion__need_matrix(c, 0, false));
  scion__out(c, 0, SCION_I64, c->in[0]->n_dims - 2, c->in[0]->shape);
  return SCION_OK;
}
static scion_status rank_forward(scion_call *c) {
  scion_x x_, *x = &x_;
  scion__x_init(x, c->ctx);
  scion_tensor *a = x_detach(x, c->in[0]), *f[3] = { NULL };
  scion__x_call_n(x, &scion__op_svd, NULL, 1, &a, 3, f);
  if (x->status == SCION_OK) {
    scion_matrices m = scion__matrices(a);
    int64_t k = scion__min(m.rows, m.cols);
    double rtol = tolerance(c->params, a);
    for (int64_t b = 0; b < m.count; b++) {
      int64_t rank = 0;
      for (int64_t i = 0; i < k; i++) rank += scion__load(f[1]->data, a->dtype, b * k + i) > rtol * scion__load(f[1]->data, a->dtype, b * k);
      ((int64_t *)(void *)c->out[0]->data)[b] = rank;
    }
  }
  return scion__x_done(x);
}
const scion_op scion__op_matrix_rank = {
  .info = { "matrix_rank", 1, SCION_OF_NO_GRAD, "Number of singular values that are not negligible, as i64.", SCION_INPUTS(slots_a),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_tolerance, tolerance_params) },
  .infer = rank_infer, .forward = rank_forward, SCION_SAMPLES(samples_pinv) };

static scion_status lstsq_infer(scion_call *c) {
  SCION_TRY(scion__need_matrix(c, 0, false));
  SCION_TRY(scion__need_float(c, 1));
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  const scion_tensor *a = c->in[0], *b = c->in[1];
  bool vector = b->n_dims == 1;
  int32_t n;
  int64_t shape[SCION_MAX_DIMS], rows = a->shape[a->n_dims - 2], cols = a->shape[a->n_dims - 1];
  if (b->n_dims == 0 || b->shape[b->n_dims - (vector ? 1 : 2)] != rows ||
      !scion__broadcast(a->n_dims - 2, a->shape, vector ? 0 : b->n_dims - 2, b->shape, &n, shape)) {
    char ta[SCION_SHAPE_TEXT], tb[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "a %s and b %s do not fit", scion__tensor_brief(ta, a), scion__tensor_brief(tb, b));
  }
  shape[n] = cols;
  if (!vector) shape[n + 1] = b->shape[b->n_dims - 1];
  scion__out(c, 0, a->dtype, n + (vector ? 1 : 2), shape);
  return SCION_OK;
}
/* Smallest and largest |r_ii| tell whether QR will do. */
static bool well_conditioned(const scion_tensor *r, double rtol) {
  int64_t k = r->shape[r->n_dims - 2], cols = r->shape[r->n_dims - 1], count = k * cols == 0 ? 0 : r->numel / (k * cols);
  for (int64_t b = 0; b < count; b++) {
    double lo = INFINITY, hi = 0;
    for (int64_t i = 0; i < k; i++) {
      double v = fabs(scion__load(r->data, r->dtype, b * k * cols + i * cols + i));
      lo = fmin(lo, v);
      hi = fmax(hi, v);
    }
    if (!(lo > rtol * hi)) return false;
  }
  return true;
}
/* Full rank: by QR, of a or of a' (the smallest solution). Otherwise by the pseudo-inverse. */
static void lstsq_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *a = c->in[0], *b = c->in[1], *f[2], *y;
  bool vector = b->n_dims == 1, tall = a->shape[a->n_dims - 2] >= a->shape[a->n_dims - 1];
  if (vector) b = x_unsqueeze(x, b, -1);
  scion_tensor *factored = tall ? a : x_mt(x, a);
  scion__x_call_n(x, &scion__op_qr, NULL, 1, &factored, 2, f);
  if (x->status != SCION_OK) return;
  if (!well_conditioned(f[1], tolerance(c->params, a))) {
    y = x_matmul(x, scion__x1(x, &scion__op_pinv, c->params, a), b);
  } else if (tall) {
    y = x_solve_triangular(x, f[1], x_matmul(x, x_mt(x, f[0]), b), true, true, false);
  } else {
    y = x_matmul(x, f[0], x_solve_triangular(x, f[1], b, true, true, true));
  }
  if (vector && y != NULL) y = x_reshape(x, y, y->n_dims - 1, y->shape);
  out[0] = y;
}
static const scion_slot slots_lstsq[] = { { "a", 0, "(..., M, N)" }, { "b", 0, "(..., M, K), or a vector (M)" } };
static const scion_sample samples_lstsq[] = { { "4x2,4x2", "" }, { "2x3,2", "" }, { "2x4x2,2x4x1", "" } };
const scion_op scion__op_lstsq = {
  .info = { "lstsq", 1, 0, "x that minimises |a x - b|; the shortest one where there are many.", SCION_INPUTS(slots_lstsq),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_tolerance, tolerance_params) },
  .infer = lstsq_infer, .compose = lstsq_compose, SCION_SAMPLES(samples_lstsq) };
