/* linalg_misc.c: matrix norms, Kronecker and cross products, distances between sets of vectors. */
#include "lapack.h"

/* ---- kron, cross ----------------------------------------------------------------------------------------------------- */

static scion_status kron_infer(scion_call *c) {
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  SCION_TRY(scion__need_dims(c, 0, 0, SCION_MAX_DIMS / 2));
  SCION_TRY(scion__need_dims(c, 1, 0, SCION_MAX_DIMS / 2));
  const scion_tensor *a = c->in[0], *b = c->in[1];
  int32_t n = a->n_dims > b->n_dims ? a->n_dims : b->n_dims;
  int64_t shape[SCION_MAX_DIMS];
  for (int32_t d = 0; d < n; d++) {
    int32_t da = d - (n - a->n_dims), db = d - (n - b->n_dims);
    if (scion__mul_overflow(da < 0 ? 1 : a->shape[da], db < 0 ? 1 : b->shape[db], &shape[d])) return SCION_OP_FAIL(c, SCION_ESHAPE, "the result is too large");
  }
  scion__out(c, 0, a->dtype, n, shape);
  return SCION_OK;
}
static void kron_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *a = c->in[0], *b = c->in[1];
  int32_t n = a->n_dims > b->n_dims ? a->n_dims : b->n_dims;
  int64_t left[SCION_MAX_DIMS], right[SCION_MAX_DIMS], merged[SCION_MAX_DIMS];
  for (int32_t d = 0; d < n; d++) { /* (a0, 1, a1, 1, ...) (1, b0, 1, b1, ...) */
    int32_t da = d - (n - a->n_dims), db = d - (n - b->n_dims);
    left[2 * d] = da < 0 ? 1 : a->shape[da];
    right[2 * d + 1] = db < 0 ? 1 : b->shape[db];
    left[2 * d + 1] = right[2 * d] = 1;
    merged[d] = left[2 * d] * right[2 * d + 1];
  }
  out[0] = x_reshape(x, x_mul(x, x_reshape(x, a, 2 * n, left), x_reshape(x, b, 2 * n, right)), n, merged);
}
static const scion_slot slots_ab[] = { { "a", 0, "left" }, { "b", 0, "right" } };
static const scion_sample samples_kron[] = { { "2x3,3x2", "" }, { "2,2x2", "" } };
const scion_op scion__op_kron = {
  .info = { "kron", 1, 0, "Kronecker product.", SCION_INPUTS(slots_ab), SCION_OUTPUTS(scion__slots_y) },
  .infer = kron_infer, .compose = kron_compose, SCION_SAMPLES(samples_kron) };

static const scion_param params_cross[] = {
  { "dim", SCION_P_INT, SCION_PF_INDEX, offsetof(scion__dim_params, dim), .def = -1, .doc = "dimension of the 3-vectors; default the last" } };
static scion_status cross_infer(scion_call *c) {
  int32_t dim;
  SCION_TRY(scion__infer_broadcast(c));
  SCION_TRY(scion__check_dim(c->ctx, c->op->info.name, ((const scion__dim_params *)c->params)->dim, c->meta[0].n_dims, &dim));
  if (c->meta[0].n_dims == 0 || c->meta[0].shape[dim] != 3 || c->in[0]->n_dims != c->in[1]->n_dims || c->in[0]->shape[dim] != 3 || c->in[1]->shape[dim] != 3) {
    char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "needs two tensors with size 3 along dim, got %s and %s", scion__tensor_brief(a, c->in[0]), scion__tensor_brief(b, c->in[1]));
  }
  return SCION_OK;
}
static void cross_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *a = c->in[0], *b = c->in[1], *parts[3];
  int64_t dim = ((const scion__dim_params *)c->params)->dim;
  if (dim < 0) dim += a->n_dims;
  for (int64_t i = 0; i < 3; i++) {
    int64_t j = (i + 1) % 3, k = (i + 2) % 3;
    parts[i] = x_sub(x, x_mul(x, x_narrow(x, a, dim, j, 1), x_narrow(x, b, dim, k, 1)), x_mul(x, x_narrow(x, a, dim, k, 1), x_narrow(x, b, dim, j, 1)));
  }
  out[0] = x_cat(x, 3, parts, dim);
}
static const scion_sample samples_cross[] = { { "2x3,2x3", "" }, { "3x2,3x2", "dim=0" } };
const scion_op scion__op_cross = {
  .info = { "cross", 1, 0, "Cross product of 3-vectors.", SCION_INPUTS(slots_ab), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_cross, scion__dim_params) },
  .infer = cross_infer, .compose = cross_compose, SCION_SAMPLES(samples_cross) };

/* ---- matrix_norm ---------------------------------------------------------------------------------------------------- */

static const scion_slot slots_a[] = { { "a", 0, "(..., M, N)" } };
static const char *const norms[] = { "fro", "nuc", "1", "-1", "2", "-2", "inf", "-inf", NULL };
enum { FRO, NUC, ONE, MINUS_ONE, TWO, MINUS_TWO, INF, MINUS_INF };
typedef struct { int32_t ord, keepdim; } norm_params;
static const scion_param params_norm[] = {
  { "ord", SCION_P_ENUM, 0, offsetof(norm_params, ord), .def = FRO, .choices = norms,
    .doc = "\"fro\", \"nuc\" (sum of singular values), \"2\", \"-2\" (largest, smallest one), \"1\", \"-1\" (column sums), \"inf\", \"-inf\" (row sums)" },
  { "keepdim", SCION_P_BOOL, 0, offsetof(norm_params, keepdim), .def = 0, .doc = "keep the two dimensions as 1" } };
static scion_status norm_infer(scion_call *c) {
  const norm_params *p = c->params;
  SCION_TRY(scion__need_matrix(c, 0, false));
  const scion_tensor *a = c->in[0];
  if (p->ord != FRO && p->ord != NUC && a->numel == 0) return SCION_OP_FAIL(c, SCION_ESHAPE, "norm \"%s\" of an empty matrix", norms[p->ord]);
  int64_t shape[SCION_MAX_DIMS];
  for (int32_t d = 0; d < a->n_dims; d++) shape[d] = d < a->n_dims - 2 ? a->shape[d] : 1;
  scion__out(c, 0, a->dtype, p->keepdim ? a->n_dims : a->n_dims - 2, shape);
  return SCION_OK;
}
static void norm_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const norm_params *p = c->params;
  scion_tensor *a = c->in[0], *y = NULL;
  int64_t both[2] = { a->n_dims - 2, a->n_dims - 1 };
  if (p->ord == FRO) {
    y = X1(sqrt, x_sum(x, X1(square, a), 2, both, true));
  } else if (p->ord == NUC || p->ord == TWO || p->ord == MINUS_TWO) {
    scion_tensor *f[3];
    scion__x_call_n(x, &scion__op_svd, NULL, 1, &a, 3, f);
    int64_t k = scion__min(a->shape[both[0]], a->shape[both[1]]), last = a->n_dims - 2;
    if (p->ord == NUC) y = x_sum(x, f[1], 1, &last, true);
    else y = x_narrow(x, f[1], last, p->ord == TWO ? 0 : k - 1, 1);
    y = x_unsqueeze(x, y, -1);
  } else {
    bool columns = p->ord == ONE || p->ord == MINUS_ONE;
    scion_tensor *sums = x_sum(x, X1(abs, a), 1, &both[columns ? 0 : 1], true);
    scion__reduce_params r = { { 1, { both[columns ? 1 : 0] } }, true };
    y = scion__x1(x, p->ord == ONE || p->ord == INF ? &scion__op_amax : &scion__op_amin, &r, sums);
  }
  out[0] = p->keepdim || y == NULL ? y : x_reshape(x, y, a->n_dims - 2, a->shape);
}
static const scion_sample samples_norm[] = { { "3x4", "" }, { "2x3x3", "ord=nuc keepdim=true" }, { "3x4", "ord=2" }, { "3x4:d", "ord=1" }, { "2x3x4:d", "ord=-inf" } };
const scion_op scion__op_matrix_norm = {
  .info = { "matrix_norm", 1, 0, "Norm of matrices: Frobenius by default.", SCION_INPUTS(slots_a), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_norm, norm_params) },
  .infer = norm_infer, .compose = norm_compose, SCION_SAMPLES(samples_norm) };

/* ---- cdist ---------------------------------------------------------------------------------------------------------- */

typedef struct { double p; } cdist_params;
static const scion_param params_cdist[] = {
  { "p", SCION_P_FLOAT, 0, offsetof(cdist_params, p), .def = 2, .min = 1e-3, .max = 1.0 / 0.0, .doc = "order of the norm; inf: the largest difference" } };
static scion_status cdist_infer(scion_call *c) {
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  SCION_TRY(scion__need_dims(c, 0, 2, SCION_MAX_DIMS - 1));
  SCION_TRY(scion__need_dims(c, 1, 2, SCION_MAX_DIMS - 1));
  const scion_tensor *a = c->in[0], *b = c->in[1];
  int32_t n;
  int64_t shape[SCION_MAX_DIMS];
  if (a->shape[a->n_dims - 1] != b->shape[b->n_dims - 1] || !scion__broadcast(a->n_dims - 2, a->shape, b->n_dims - 2, b->shape, &n, shape)) {
    char ta[SCION_SHAPE_TEXT], tb[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "needs (..., P, D) and (..., R, D), got %s and %s", scion__tensor_brief(ta, a), scion__tensor_brief(tb, b));
  }
  shape[n] = a->shape[a->n_dims - 2];
  shape[n + 1] = b->shape[b->n_dims - 2];
  scion__out(c, 0, a->dtype, n + 2, shape);
  return SCION_OK;
}

/* Euclidean: differences themselves for small sets; beyond, a product of the centred vectors, |a|^2 + |b|^2 - 2 a b. */
typedef struct {
  int64_t rows_a, rows_b, width;
  int dtype;
  const char *a, *b;
  char *y;
} euclid_job;
static void euclid_rows(void *ud, int64_t begin, int64_t end) {
  const euclid_job *j = ud;
  for (int64_t i = begin; i < end; i++)
    for (int64_t r = 0; r < j->rows_b; r++) {
      double sum = 0;
      if (j->dtype == SCION_F32) {
        const float *a = (const float *)j->a + i * j->width, *b = (const float *)j->b + r * j->width;
        for (int64_t k = 0; k < j->width; k += 256) {
          float part = 0;
          for (int64_t e = k; e < scion__min(j->width, k + 256); e++) part += (a[e] - b[e]) * (a[e] - b[e]);
          sum += part;
        }
      } else {
        const double *a = (const double *)j->a + i * j->width, *b = (const double *)j->b + r * j->width;
        for (int64_t e = 0; e < j->width; e++) sum += (a[e] - b[e]) * (a[e] - b[e]);
      }
      scion__store(j->y, j->dtype, i * j->rows_b + r, sqrt(sum));
    }
}
static scion_status euclid_forward(scion_call *c) {
  scion_tensor *y = c->out[0];
  scion_x x_, *x = &x_;
  scion__x_init(x, c->ctx);
  const scion_tensor *a = c->in[0], *b = c->in[1];
  scion_tensor like = { .n_dims = y->n_dims };
  scion_tensor *in[2] = { NULL, NULL };
  for (int i = 0; i < 2; i++) { /* the batch dimensions of the result */
    for (int32_t d = 0; d < y->n_dims - 2; d++) like.shape[d] = y->shape[d];
    const scion_tensor *t = i == 0 ? a : b;
    like.shape[y->n_dims - 2] = t->shape[t->n_dims - 2];
    like.shape[y->n_dims - 1] = t->shape[t->n_dims - 1];
    scion_tensor *e = x_expand_like(x, x_detach(x, c->in[i]), &like), *packed = NULL;
    if (e != NULL) x->status = scion__tensor_packed(c->ctx, e, &packed);
    in[i] = scion__x_own(x, packed);
  }
  int64_t width = a->shape[a->n_dims - 1], pairs = y->shape[y->n_dims - 2] * y->shape[y->n_dims - 1];
  if (x->status == SCION_OK && (pairs <= 1024 || width < 8)) {
    scion_matrices ma = scion__matrices(in[0]), mb = scion__matrices(in[1]);
    for (int64_t k = 0; k < ma.count; k++) {
      size_t size = scion_dtype_size((scion_dtype)y->dtype);
      euclid_job j = { ma.rows, mb.rows, width, y->dtype, in[0]->data + (size_t)(k * ma.rows * width) * size,
                       in[1]->data + (size_t)(k * mb.rows * width) * size, y->data + (size_t)(k * ma.rows * mb.rows) * size };
      scion__parallel_range(c->ctx, ma.rows, scion__row_grain(mb.rows * width), euclid_rows, &j);
    }
  } else if (x->status == SCION_OK) {
    int64_t last = -1, row = -2;
    scion_tensor *centre = x_mean(x, in[1], 1, &row, true), *p = x_sub(x, in[0], centre), *q = x_sub(x, in[1], centre);
    scion_tensor *sum = x_add(x, x_sum(x, X1(square, p), 1, &last, true), x_mt(x, x_sum(x, X1(square, q), 1, &last, true)));
    scion_tensor *d = x_sub(x, sum, x_muls(x, x_matmul(x, p, x_mt(x, q)), 2));
    d = X1(sqrt, X1(relu, d));
    if (d != NULL) x->status = scion__tensor_copy_into(c->ctx, y, d);
  }
  return scion__x_done(x);
}
/* With w = dy / y (0 where y is 0): da = a sum w - w b, db = b sum w' - w' a. */
static void euclid_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion_tensor *a = g->in[0], *b = g->in[1], *y = g->out[0], *zero = x_scalar(x, a->dtype, 0);
  scion_tensor *apart = X2(gt, y, zero), *safe = x_where(x, apart, y, x_scalar(x, a->dtype, 1));
  scion_tensor *w = x_where(x, apart, x_div(x, g->dy[0], safe), zero), *wt = x_mt(x, w);
  int64_t last = -1;
  if (g->needs[0]) scion__g_set(g, 0, x_sum_to(x, x_sub(x, x_mul(x, a, x_sum(x, w, 1, &last, true)), x_matmul(x, w, b)), a));
  if (g->needs[1]) scion__g_set(g, 1, x_sum_to(x, x_sub(x, x_mul(x, b, x_sum(x, wt, 1, &last, true)), x_matmul(x, wt, a)), b));
}
static const scion_slot slots_cdist[] = { { "a", 0, "(..., P, D)" }, { "b", 0, "(..., R, D)" } };
static const scion_sample samples_euclid[] = { { "3x4,2x4", "" }, { "2x3x2,4x2", "" } };
const scion_op scion__op_cdist_euclid = {
  .info = { "cdist_euclid", 1, SCION_OF_INTERNAL, "cdist with p = 2.", SCION_INPUTS(slots_cdist), SCION_OUTPUTS(scion__slots_y) },
  .infer = cdist_infer, .forward = euclid_forward, .grad = euclid_grad, .keeps = SCION_KEEP_IN(0) | SCION_KEEP_IN(1) | SCION_KEEP_OUT(0),
  SCION_SAMPLES(samples_euclid) };

static void cdist_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  double p = ((const cdist_params *)c->params)->p;
  if (p == 2) {
    out[0] = scion__x2(x, &scion__op_cdist_euclid, NULL, c->in[0], c->in[1]);
    return;
  }
  int64_t last = -1;
  scion_tensor *d = X1(abs, x_sub(x, x_unsqueeze(x, c->in[0], -2), x_unsqueeze(x, c->in[1], -3)));
  if (d == NULL) return;
  if (p == 1) {
    out[0] = x_sum(x, d, 1, &last, false);
  } else if (isinf(p)) {
    scion__reduce_params r = { { 1, { -1 } }, false };
    out[0] = scion__x1(x, &scion__op_amax, &r, d);
  } else {
    scion_tensor *sum = x_sum(x, X2(pow, d, x_scalar(x, d->dtype, p)), 1, &last, false);
    out[0] = X2(pow, sum, x_scalar(x, c->in[0]->dtype, 1 / p));
  }
}
static const scion_sample samples_cdist[] = { { "3x4,2x4", "" }, { "2x3x2,4x2", "p=1" }, { "3x2,4x2", "p=3" } };
const scion_op scion__op_cdist = {
  .info = { "cdist", 1, 0, "Distances between all pairs of two sets of vectors: (..., P, R).", SCION_INPUTS(slots_cdist), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_cdist, cdist_params) },
  .infer = cdist_infer, .compose = cdist_compose, SCION_SAMPLES(samples_cdist) };
