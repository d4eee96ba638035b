/* covariance.c: the arithmetic of Gaussian processes (Rasmussen & Williams 2006): stationary covariance functions,
 * covariance matrices with a weight per column, the log density of a multivariate normal (the evidence of a
 * Gaussian process), and the logarithm of the expected improvement. What is done with them is Lua's affair
 * (lua/scion/gaussian_process.lua). All are smooth: every rule is written for any order of gradient that exists. */
#include <stdio.h>

#include "lapack.h"
#include "gemm.h"
#include "../tensor/element.h"

static const double LOG_2PI = 1.8378770664093453;

enum { RBF = SCION_COV_RBF, MATERN12 = SCION_COV_MATERN12, MATERN32 = SCION_COV_MATERN32, MATERN52 = SCION_COV_MATERN52 };
static const char *const kinds[] = { "rbf", "matern12", "matern32", "matern52", NULL };
#define KIND_DOC "\"rbf\" (squared exponential), or Matern of half-integer order: \"matern52\", \"matern32\", \"matern12\""

/* The n-th derivative, n = 0 .. 3, with respect to s = r^2. With u = a r (a = 1, sqrt 3, sqrt 5): du/ds = a^2 / (2 u).
 *   rbf       e^(-s/2)                     times -1/2 each time
 *   matern12  e^-u:                        -1/2 e^-u / u, ...
 *   matern32  (1 + u) e^-u:                -3/2 e^-u, 9/4 e^-u / u, ...
 *   matern52  (1 + u + u^2/3) e^-u:        -5/6 (1 + u) e^-u, 25/12 e^-u, -125/24 e^-u / u
 * e is e^-u (or e^(-s/2)). Where r = 0 and the derivative is infinite it counts as 0: x = x' pulls nowhere. */
static double covariance(int32_t kind, int64_t n, double u, double e) {
  switch (kind) {
    case RBF: return (n == 0 ? 1 : n == 1 ? -0.5 : n == 2 ? 0.25 : -0.125) * e;
    case MATERN12:
      if (n == 0) return e;
      if (u == 0) return 0;
      return n == 1 ? -0.5 * e / u : n == 2 ? 0.25 * (1 + u) * e / (u * u * u) : -0.125 * (3 + 3 * u + u * u) * e / (u * u * u * u * u);
    case MATERN32:
      if (n == 0) return (1 + u) * e;
      if (n == 1) return -1.5 * e;
      if (u == 0) return 0;
      return n == 2 ? 2.25 * e / u : -3.375 * (1 + u) * e / (u * u * u);
    default:
      if (n == 0) return (1 + u + u * u / 3) * e;
      if (n == 1) return -5.0 / 6 * (1 + u) * e;
      if (n == 2) return 25.0 / 12 * e;
      return u == 0 ? 0 : -125.0 / 24 * e / u;
  }
}
static const double scale_of[] = { 0, 1, 1.7320508075688772, 2.23606797749979 };

/* ---- stationary_covariance ----------------------------------------------------------------------------------------- */

typedef struct { int32_t kind; int64_t derivative; } stationary_params;
static const scion_param params_stationary[] = {
  { "kind", SCION_P_ENUM, 0, offsetof(stationary_params, kind), .def = MATERN52, .choices = kinds, .doc = KIND_DOC },
  { "derivative", SCION_P_INT, 0, offsetof(stationary_params, derivative), .def = 0, .min = 0, .max = 3,
    .doc = "which derivative with respect to the squared distance" } };

typedef struct { const stationary_params *p; const scion_tensor *x; scion_tensor *y; } stationary_job;
static void stationary_range(void *ud, int64_t begin, int64_t end) {
  const stationary_job *j = ud;
  int32_t kind = j->p->kind;
  for (int64_t i = begin; i < end; i++) {
    double s = fmax(scion__load(j->x->data, j->x->dtype, i), 0), u = kind == RBF ? 0.5 * s : scale_of[kind] * sqrt(s);
    scion__store(j->y->data, j->y->dtype, i, covariance(kind, j->p->derivative, u, exp(-u)));
  }
}
static scion_status stationary_forward(scion_call *c) {
  scion_tensor *x;
  SCION_TRY(scion__packed_in(c, 0, &x));
  stationary_job j = { c->params, x, c->out[0] };
  scion__parallel_range(c->ctx, x->numel, 4096, stationary_range, &j);
  scion_tensor_free(c->ctx, x);
  return SCION_OK;
}
static void stationary_grad(scion_grad_call *g) {
  stationary_params p = *(const stationary_params *)g->params;
  if (++p.derivative > 3) {
    g->x.status = scion_fail(g->x.ctx, SCION_EUNSUPPORTED, "stationary_covariance: derivatives beyond the third are not defined here");
    return;
  }
  scion__g_set(g, 0, x_mul(&g->x, g->dy[0], scion__x1(&g->x, &scion__op_stationary_covariance, &p, g->in[0])));
}
static const scion_sample samples_stationary[] = {
  { "3x4:+", "" }, { "3x4:+", "kind=rbf" }, { "4:+", "kind=matern32" }, { "4:+", "kind=matern12" }, { "4:+", "derivative=1" },
  { "4:+", "kind=matern32 derivative=1" }, { "4:+", "kind=matern12 derivative=1" }, { "4:+", "kind=rbf derivative=1" } };
const scion_op scion__op_stationary_covariance = {
  .info = { "stationary_covariance", 1, 0, "Covariance k(r) of a stationary Gaussian process from squared distances r^2 (scaled by the length scale); 1 at 0.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_stationary, stationary_params) },
  .infer = scion__infer_float, .forward = stationary_forward, .grad = stationary_grad, .keeps = SCION_KEEP_IN(0),
  SCION_SAMPLES(samples_stationary) };

/* ---- covariance_matrix --------------------------------------------------------------------------------------------- */

typedef struct { int32_t kind; } matrix_params;
static const scion_param params_matrix[] = {
  { "kind", SCION_P_ENUM, 0, offsetof(matrix_params, kind), .def = MATERN52, .choices = kinds, .doc = KIND_DOC } };

static scion_status matrix_infer(scion_call *c) {
  SCION_TRY(scion__need_float(c, 0));
  for (int32_t i = 1; i < 4; i++) SCION_TRY(scion__need_same_dtype(c, 0, i));
  SCION_TRY(scion__need_dims(c, 0, 2, 2));
  SCION_TRY(scion__need_dims(c, 1, 2, 2));
  const scion_tensor *a = c->in[0], *b = c->in[1], *w = c->in[2];
  if (a->shape[1] != b->shape[1] || w->n_dims > 1 || (w->numel != 1 && w->numel != a->shape[1]) || c->in[3]->numel != 1) {
    char t[4][SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "needs a (P, D), b (R, D), weight (D) or one number, variance one number; got a %s, b %s, weight %s, variance %s",
                         scion__tensor_brief(t[0], a), scion__tensor_brief(t[1], b), scion__tensor_brief(t[2], w), scion__tensor_brief(t[3], c->in[3]));
  }
  int64_t shape[2] = { a->shape[0], b->shape[0] };
  scion__out(c, 0, a->dtype, 2, shape);
  if (c->record) scion__out(c, 1, a->dtype, 2, shape);
  else c->meta[1].dtype = -1;
  return SCION_OK;
}

static void read_f64(const scion_tensor *t, double *to) {
  if (t->dtype == SCION_F64) memcpy(to, t->data, (size_t)t->numel * sizeof *to);
  else for (int64_t i = 0; i < t->numel; i++) to[i] = ((const float *)(const void *)t->data)[i];
}
static void write_f64(const double *from, scion_tensor *t) {
  if (t->dtype == SCION_F64) memcpy(t->data, from, (size_t)t->numel * sizeof *from);
  else for (int64_t i = 0; i < t->numel; i++) ((float *)(void *)t->data)[i] = (float)from[i];
}
static double scalar_of(const scion_tensor *t) { return scion__load(t->data, t->dtype, 0); }
static double weight_of(const scion_tensor *w, int64_t k) { return scion__load(w->data, w->dtype, w->numel == 1 ? 0 : k); }

/* Scaled copies in f64: a_w (P, D) and b_w' (D, R), so that the inner loop runs along b's rows. Wide vectors go
 * through a matrix product of centred vectors, |a|^2 + |b|^2 - 2 a b. One allocation holds all, and two (P, R) matrices. */
enum { WIDE = 24 };
typedef struct {
  scion_context *ctx;
  int64_t p, r, d;
  double *a, *b, *na, *nb, *k, *dk; /* (P, D), (D, R), squared lengths, covariances, their derivatives */
  size_t bytes;
  bool wide, symmetric;
} scaled;

static scion_status scaled_make(scion_context *ctx, scion_tensor *const *in, scaled *s) {
  scion_tensor *a = NULL, *b = NULL, *w = NULL;
  *s = (scaled){ .ctx = ctx, .p = in[0]->shape[0], .r = in[1]->shape[0], .d = in[0]->shape[1], .wide = in[0]->shape[1] >= WIDE,
                 .symmetric = in[0]->data == in[1]->data && in[0]->shape[0] == in[1]->shape[0] && in[0]->contiguous && in[1]->contiguous };
  int64_t sides, matrices, count;
  if (scion__mul_overflow(s->p + s->r, 2 * s->d + 1, &sides) || scion__mul_overflow(s->p, s->r, &matrices) ||
      scion__mul_overflow(sides + 2 * matrices + 1, (int64_t)sizeof(double), &count)) {
    return scion_fail(ctx, SCION_ESHAPE, "covariance_matrix: the result is too large");
  }
  s->bytes = (size_t)count;
  scion_status status = scion__tensor_packed(ctx, in[0], &a);
  if (status == SCION_OK) status = scion__tensor_packed(ctx, in[1], &b);
  if (status == SCION_OK) status = scion__tensor_packed(ctx, in[2], &w);
  if (status == SCION_OK && (s->a = scion__alloc(ctx, s->bytes)) == NULL) status = SCION_ENOMEM;
  if (status == SCION_OK) {
    s->b = s->a + s->p * s->d;
    s->na = s->b + s->r * s->d;
    s->nb = s->na + s->p;
    s->k = s->nb + s->r;
    s->dk = s->k + matrices;
    double *raw = s->dk + matrices; /* (R, D) */
    read_f64(a, s->a);
    read_f64(b, raw);
    for (int64_t k = 0; k < s->d; k++) {
      double wk = weight_of(w, k), centre = 0;
      for (int64_t j = 0; j < s->r && s->wide; j++) centre += raw[j * s->d + k] / (double)s->r;
      for (int64_t i = 0; i < s->p; i++) s->a[i * s->d + k] = wk * (s->a[i * s->d + k] - centre);
      for (int64_t j = 0; j < s->r; j++) s->b[k * s->r + j] = wk * (raw[j * s->d + k] - centre);
    }
    memset(s->na, 0, (size_t)(s->p + s->r) * sizeof *s->na);
    for (int64_t i = 0; i < s->p && s->wide; i++)
      for (int64_t k = 0; k < s->d; k++) s->na[i] += s->a[i * s->d + k] * s->a[i * s->d + k];
    for (int64_t k = 0; k < s->d && s->wide; k++)
      for (int64_t j = 0; j < s->r; j++) s->nb[j] += s->b[k * s->r + j] * s->b[k * s->r + j];
  }
  scion_tensor_free(ctx, a);
  scion_tensor_free(ctx, b);
  scion_tensor_free(ctx, w);
  return status;
}
static void scaled_free(scaled *s) {
  if (s->a != NULL) scion__free(s->ctx, s->a, s->bytes);
}

typedef struct {
  const scaled *s;
  int32_t kind;
  double variance;
  bool derivative;
} rows_job;
static void matrix_rows(void *ud, int64_t begin, int64_t end) {
  const rows_job *j = ud;
  const scaled *s = j->s;
  for (int64_t i = begin; i < end; i++) {
    double *y = s->k + i * s->r;
    int64_t n = s->symmetric ? i + 1 : s->r;
    if (s->wide) { /* y holds the products */
      for (int64_t k = 0; k < n; k++) y[k] = s->symmetric && k == i ? 0 : fmax(s->na[i] + s->nb[k] - 2 * y[k], 0);
    } else {
      scion__k->sqdist_row_f64(n, s->d, s->a + i * s->d, s->b, s->r, y);
    }
    scion__k->covariance_row_f64(j->kind, n, y, j->variance, y, j->derivative ? s->dk + i * s->r : NULL);
  }
}
/* s->k <- variance * covariance, s->dk <- its derivative with respect to the squared distance, if wanted. */
static scion_status matrix_fill(const scaled *s, int32_t kind, double variance, bool derivative) {
  if (s->wide) {
    scion_matrix a = { (char *)s->a, s->d, 1 }, b = { (char *)s->b, s->r, 1 }, m = { (char *)s->k, s->r, 1 };
    int64_t zero = 0;
    SCION_TRY(scion__gemm(s->ctx, SCION_F64, 1, s->p, s->r, s->d, a, &zero, b, &zero, m, 0, false));
  }
  rows_job j = { s, kind, variance, derivative };
  scion__parallel_range(s->ctx, s->p, scion__row_grain(s->r * (s->d + 8)), matrix_rows, &j);
  for (int64_t i = 0; i < s->p && s->symmetric; i++)
    for (int64_t k = 0; k < i; k++) {
      s->k[k * s->r + i] = s->k[i * s->r + k];
      if (derivative) s->dk[k * s->r + i] = s->dk[i * s->r + k];
    }
  return SCION_OK;
}

static scion_status matrix_forward(scion_call *c) {
  scaled s;
  if (c->out[0]->numel == 0) return SCION_OK;
  scion_status status = scaled_make(c->ctx, c->in, &s);
  if (status == SCION_OK) status = matrix_fill(&s, ((const matrix_params *)c->params)->kind, scalar_of(c->in[3]), c->out[1] != NULL);
  if (status == SCION_OK) {
    write_f64(s.k, c->out[0]);
    if (c->out[1] != NULL) write_f64(s.dk, c->out[1]);
  }
  scaled_free(&s);
  return status;
}
static void matrix_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  stationary_params p = { ((const matrix_params *)c->params)->kind, 0 };
  scion_tensor *a = x_mul(x, c->in[0], c->in[2]), *b = x_mul(x, c->in[1], c->in[2]);
  int64_t last = -1;
  scion_tensor *gap = x_sub(x, x_unsqueeze(x, a, 1), x_unsqueeze(x, b, 0)); /* (P, R, D): exact at 0, for any order */
  scion_tensor *s = x_sum(x, X1(square, gap), 1, &last, false);
  scion_tensor *variance = x_reshape(x, c->in[3], 0, NULL);
  out[0] = x_mul(x, scion__x1(x, &scion__op_stationary_covariance, &p, s), variance);
}
/* With G = dy k'(s) v, s = sum_d w_d^2 (a_d - b_d)^2 and scaled vectors a_w, b_w:
 *   da = 2 w (rowsum(G) a_w - G b_w), db the same with G';  dw_d = 2 / w_d sum_ij G_ij (a_w - b_w)_ijd^2;  dv = sum dy y / v. */
static scion_status matrix_grad_fused(scion_grad_call *g) {
  scion_context *ctx = g->x.ctx;
  scaled s;
  scion_tensor *dy = NULL, *w = NULL, *dx[4] = { NULL, NULL, NULL, NULL };
  double *sums = NULL;
  int dtype = g->in[0]->dtype;
  scion_status status = scaled_make(ctx, g->in, &s);
  size_t bytes = (size_t)((s.p + s.r) * (s.d + 1) + 1) * sizeof(double);
  if (status == SCION_OK) status = scion__tensor_packed(ctx, g->dy[0], &dy);
  if (status == SCION_OK) status = scion__tensor_packed(ctx, g->in[2], &w);
  if (status == SCION_OK && (sums = scion__alloc(ctx, bytes)) == NULL) status = SCION_ENOMEM;
  for (int32_t i = 0; i < 4 && status == SCION_OK; i++)
    if (g->needs[i]) status = scion__tensor_alloc(ctx, dtype, g->in[i]->n_dims, g->in[i]->shape, &dx[i]);
  if (status != SCION_OK) goto done;
  int64_t n = s.p * s.r, zero = 0;
  double variance = scalar_of(g->in[3]), total = 0;
  read_f64(dy, s.k);
  if (dx[3] != NULL) {
    read_f64(g->out[0], s.dk);
    for (int64_t i = 0; i < n; i++) total += s.k[i] * s.dk[i];
    if (variance == 0) { /* the values are gone: compute them for variance 1 */
      status = matrix_fill(&s, ((const matrix_params *)g->params)->kind, 1, false);
      if (status != SCION_OK) goto done;
      read_f64(dy, s.dk);
      for (int64_t i = 0; i < n; i++) total += s.k[i] * s.dk[i];
      read_f64(dy, s.k);
    }
    scion__store(dx[3]->data, dtype, 0, variance == 0 ? total : total / variance);
  }
  read_f64(g->out[1], s.dk);
  double *rows = sums, *cols = rows + s.p, *gb = cols + s.r, *ga = gb + s.p * s.d;
  memset(sums, 0, bytes);
  for (int64_t i = 0; i < s.p; i++) {
    double *m = s.k + i * s.r, *dk = s.dk + i * s.r, sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < s.r; j++) {
      m[j] *= dk[j];
      sum += m[j];
      cols[j] += m[j];
    }
    rows[i] = sum;
  }
  /* G b_w (P, D) serves da and dw; G' a_w (R, D) serves db */
  scion_matrix gm = { (char *)s.k, s.r, 1 }, gt = { (char *)s.k, 1, s.r }, am = { (char *)s.a, s.d, 1 }, bt = { (char *)s.b, 1, s.r };
  scion_matrix to_b = { (char *)gb, s.d, 1 }, to_a = { (char *)ga, s.d, 1 };
  if ((dx[0] != NULL || dx[2] != NULL) && s.d > 0 && n > 0) {
    status = scion__gemm(ctx, SCION_F64, 1, s.p, s.d, s.r, gm, &zero, bt, &zero, to_b, 0, false);
  }
  if (status == SCION_OK && dx[1] != NULL && s.d > 0 && n > 0) {
    status = scion__gemm(ctx, SCION_F64, 1, s.r, s.d, s.p, gt, &zero, am, &zero, to_a, 0, false);
  }
  if (status != SCION_OK) goto done;
  double all = 0;
  for (int64_t d = 0; d < s.d; d++) {
    double wd = weight_of(w, d), sum = 0;
    for (int64_t i = 0; i < s.p; i++) {
      double a = s.a[i * s.d + d];
      if (dx[0] != NULL) scion__store(dx[0]->data, dtype, i * s.d + d, 2 * wd * (rows[i] * a - gb[i * s.d + d]));
      sum += a * (rows[i] * a - 2 * gb[i * s.d + d]);
    }
    for (int64_t j = 0; j < s.r; j++) {
      double b = s.b[d * s.r + j];
      if (dx[1] != NULL) scion__store(dx[1]->data, dtype, j * s.d + d, 2 * wd * (cols[j] * b - ga[j * s.d + d]));
      sum += cols[j] * b * b;
    }
    double dw = wd == 0 ? 0 : 2 * sum / wd; /* sum is of the order of wd^2 */
    all += dw;
    if (dx[2] != NULL && w->numel != 1) scion__store(dx[2]->data, dtype, d, dw);
  }
  if (dx[2] != NULL && w->numel == 1) scion__store(dx[2]->data, dtype, 0, all);
  for (int32_t i = 0; i < 4; i++)
    if (dx[i] != NULL) scion__g_set(g, i, dx[i]);
done:
  if (sums != NULL) scion__free(ctx, sums, bytes);
  scaled_free(&s);
  scion_tensor_free(ctx, dy);
  scion_tensor_free(ctx, w);
  for (int32_t i = 0; i < 4; i++) scion_tensor_free(ctx, dx[i]);
  return status;
}
static const scion_slot slots_matrix_out[] = { { "y", 0, "(P, R)" }, { "derivative", 0, "with respect to the squared distances, kept for the gradient" } };
static const scion_slot slots_matrix[] = { { "a", 0, "(P, D)" }, { "b", 0, "(R, D)" }, { "weight", 0, "(D) or one number: inverse length scales" },
                                           { "variance", 0, "one number: the covariance at distance 0" } };
static const scion_sample samples_matrix[] = { { "3x2,4x2,2:+,s:+", "" }, { "3x2,2x2,1:+,s:+", "kind=rbf" }, { "3x2,2x2,2:+,s:+", "kind=matern32" },
                                               { "3x25,2x25,25:+,1:+", "" } };
const scion_op scion__op_covariance_matrix = {
  .info = { "covariance_matrix", 1, 0, "Covariances (P, R) of a Gaussian process between two sets of points: variance * k(r), r the distance of the weighted vectors.",
            SCION_INPUTS(slots_matrix), .outputs = slots_matrix_out, .n_outputs = 2, .n_visible = 1, SCION_PARAMS(params_matrix, matrix_params) },
  .infer = matrix_infer, .forward = matrix_forward, .compose = matrix_compose, .grad_fused = matrix_grad_fused,
  .keeps = SCION_KEEP_ALL_IN | SCION_KEEP_OUT(0) | SCION_KEEP_OUT(1), SCION_SAMPLES(samples_matrix) };

/* ---- normal_log_density -------------------------------------------------------------------------------------------- */

void spotri_(const char *uplo, const lapack_int *n, float *a, const lapack_int *lda, lapack_int *info, size_t);
void dpotri_(const char *uplo, const lapack_int *n, double *a, const lapack_int *lda, lapack_int *info, size_t);

static scion_status density_infer(scion_call *c) {
  SCION_TRY(scion__need_matrix(c, 1, true));
  SCION_TRY(scion__need_dims(c, 1, 2, 2));
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  SCION_TRY(scion__need_same_dtype(c, 0, 2));
  const scion_tensor *y = c->in[0], *k = c->in[1], *noise = c->in[2];
  if (y->n_dims != 1 || y->shape[0] != k->shape[0] || noise->numel != 1) {
    char t[3][SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "needs y (N), covariance (N, N), noise one number; got y %s, covariance %s, noise %s",
                         scion__tensor_brief(t[0], y), scion__tensor_brief(t[1], k), scion__tensor_brief(t[2], noise));
  }
  scion__out(c, 0, y->dtype, 0, NULL);
  if (c->record) scion__out(c, 1, y->dtype, 2, (int64_t[]){ k->shape[0] + 1, k->shape[0] });
  else c->meta[1].dtype = -1;
  return SCION_OK;
}
/* Out 1, for the gradient: d/dK = (a a' - K^-1) / 2 and, as last row, -a = d/dy, with a = K^-1 y (Rasmussen & Williams, eq. 5.9). */
static scion_status density_forward(scion_call *c) {
  int64_t n = c->in[1]->shape[0];
  lapack_int size = (lapack_int)n, ld = size > 0 ? size : 1, info = 0;
  scion_tensor *factor = NULL, *y = NULL;
  double *alpha = NULL, noise = scalar_of(c->in[2]), log_det = 0, fit = 0;
  size_t bytes = (size_t)(n + 1) * sizeof(double);
  scion_status status = scion__tensor_packed(c->ctx, c->in[0], &y);
  if (status == SCION_OK) status = scion__tensor_alloc(c->ctx, SCION_F64, 2, (int64_t[]){ n + 1, n }, &factor);
  if (status == SCION_OK && (alpha = scion__alloc(c->ctx, bytes)) == NULL) status = SCION_ENOMEM;
  if (status != SCION_OK) goto done;
  scion_tensor *k = NULL;
  status = scion__tensor_packed(c->ctx, c->in[1], &k);
  if (status != SCION_OK) goto done;
  double *f = (double *)(void *)factor->data;
  read_f64(k, f);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < i; j++) f[i * n + j] = 0.5 * (f[i * n + j] + f[j * n + i]);
  scion_tensor_free(c->ctx, k);
  for (int64_t i = 0; i < n; i++) {
    f[i * n + i] += noise;
    alpha[i] = scion__load(y->data, y->dtype, i);
  }
  memset(f + n * n, 0, (size_t)n * sizeof *f);
  status = scion__need_finite(c, factor);
  if (status != SCION_OK) goto done;
  if (n > 0) dpotrf_("U", &size, f, &ld, &info, 1); /* row-major lower L */
  if (info > 0) {
    status = SCION_OP_FAIL(c, SCION_ENUMERIC, "the covariance is not positive definite: its leading minor of size %d is not positive; add noise", info);
    goto done;
  }
  if (n > 0) cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, (int)n, f, (int)n, alpha, 1);
  for (int64_t i = 0; i < n; i++) {
    log_det += log(f[i * n + i]);
    fit += alpha[i] * alpha[i];
  }
  scion__store(c->out[0]->data, c->out[0]->dtype, 0, -0.5 * fit - log_det - 0.5 * (double)n * LOG_2PI);
  if (c->out[1] != NULL && n > 0) {
    scion_tensor *d = c->out[1];
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, (int)n, f, (int)n, alpha, 1);
    dpotri_("U", &size, f, &ld, &info, 1);
    for (int64_t i = 0; i < n; i++) {
      for (int64_t j = 0; j < i; j++) f[j * n + i] = f[i * n + j] = 0.5 * (alpha[i] * alpha[j] - f[i * n + j]);
      f[i * n + i] = 0.5 * (alpha[i] * alpha[i] - f[i * n + i]);
      f[n * n + i] = -alpha[i];
    }
    write_f64(f, d);
  }
done:
  if (alpha != NULL) scion__free(c->ctx, alpha, bytes);
  scion_tensor_free(c->ctx, factor);
  scion_tensor_free(c->ctx, y);
  return status;
}
static void density_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *y = c->in[0], *k = c->in[1];
  int64_t n = k->shape[0];
  k = x_add(x, k, x_mul(x, x_eye(x, k->dtype, n), x_reshape(x, c->in[2], 0, NULL)));
  scion_tensor *l = scion__x1(x, &scion__op_cholesky, NULL, k);
  scion_tensor *half = x_solve_triangular(x, l, x_unsqueeze(x, y, 1), false, true, false);
  scion_tensor *fit = x_muls(x, x_sum(x, X1(square, half), 0, NULL, false), -0.5);
  scion_tensor *log_det = x_sum(x, X1(log, X1(diagonal, l)), 0, NULL, false);
  out[0] = x_adds(x, x_sub(x, fit, log_det), -0.5 * (double)n * LOG_2PI);
}
static scion_status density_grad_fused(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion_tensor *dy = g->dy[0], *kept = g->out[1];
  int64_t n = g->in[1]->shape[0];
  scion_tensor *dk = x_narrow(x, kept, 0, 0, n);
  if (g->needs[1]) scion__g_set(g, 1, x_mul(x, dk, dy));
  if (g->needs[0]) scion__g_set(g, 0, x_mul(x, x_reshape(x, x_narrow(x, kept, 0, n, 1), 1, &n), dy));
  if (g->needs[2]) scion__g_set(g, 2, x_reshape_like(x, x_mul(x, scion__x1(x, &scion__op_trace, NULL, dk), dy), g->in[2]));
  return x->status;
}
static const scion_slot slots_density[] = { { "y", 0, "(N)" }, { "covariance", 0, "(N, N): its symmetric part is used" },
                                            { "noise", 0, "one number, added to the diagonal" } };
static const scion_slot slots_density_out[] = { { "y", 0, "a number" }, { "derivative", 0, "kept for the gradient" } };
static const scion_sample samples_density[] = { { "4,4x4:spd,s:+", "" }, { "1,1x1:spd,1:+", "" } };
const scion_op scion__op_normal_log_density = {
  .info = { "normal_log_density", 1, 0, "log N(y | 0, covariance + noise I): the log evidence of a Gaussian process.", SCION_INPUTS(slots_density),
            .outputs = slots_density_out, .n_outputs = 2, .n_visible = 1 },
  .infer = density_infer, .forward = density_forward, .compose = density_compose, .grad_fused = density_grad_fused,
  .keeps = SCION_KEEP_ALL_IN | SCION_KEEP_OUT(1), SCION_SAMPLES(samples_density) };

/* ---- log_expected_improvement ---------------------------------------------------------------------------------------- */

/* h(z) = phi(z) + z Phi(z). For z < -1 both terms nearly cancel: h = phi (1 - t M(t)), t = -z, M = Phi(-t) / phi(t) (Mills);
 * beyond 12 the series 1 - t M = 1/t^2 - 3/t^4 + 15/t^6 - ... (Ament et al. 2023 need the same care). */
static double improvement_tail(double t) { /* h / phi at z = -t, t >= 1 */
  if (t > 12) {
    double term = 1 / (t * t), sum = 0;
    for (int k = 1; k <= 12; k++) {
      sum += term;
      term *= -(2 * k + 1) / (t * t);
    }
    return sum;
  }
  return 1 - t * exp(0.5 * t * t) * erfc(t / 1.4142135623730951) * 1.2533141373155003;
}
static double log_improvement(double z) {
  double log_phi = -0.5 * z * z - 0.5 * LOG_2PI;
  if (z < -1) return log_phi + log(improvement_tail(-z));
  return log(exp(log_phi) + z * 0.5 * erfc(-z / 1.4142135623730951));
}
static double improvement_slope(double z) { /* d log h / dz = Phi / h */
  double half_erfc = 0.5 * erfc(-z / 1.4142135623730951), phi = exp(-0.5 * z * z - 0.5 * LOG_2PI);
  if (z >= -1) return half_erfc / (phi + z * half_erfc);
  double tail = improvement_tail(-z); /* M / (1 - t M) = ((1 - tail) / t) / tail */
  return (1 - tail) / (-z * tail);
}
typedef struct { int32_t slope; } improvement_params;
static const scion_param params_improvement[] = {
  { "slope", SCION_P_BOOL, 0, offsetof(improvement_params, slope), .def = 0, .doc = "the derivative instead" } };
typedef struct { bool slope; const scion_tensor *x; scion_tensor *y; } improvement_job;
static void improvement_range(void *ud, int64_t begin, int64_t end) {
  const improvement_job *j = ud;
  for (int64_t i = begin; i < end; i++) {
    double z = scion__load(j->x->data, j->x->dtype, i);
    scion__store(j->y->data, j->y->dtype, i, j->slope ? improvement_slope(z) : log_improvement(z));
  }
}
static scion_status improvement_forward(scion_call *c) {
  scion_tensor *x;
  SCION_TRY(scion__packed_in(c, 0, &x));
  improvement_job j = { ((const improvement_params *)c->params)->slope, x, c->out[0] };
  scion__parallel_range(c->ctx, x->numel, 1024, improvement_range, &j);
  scion_tensor_free(c->ctx, x);
  return SCION_OK;
}
/* g = Phi / h; dg/dz = phi / h - g^2. */
static void improvement_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  improvement_params slope = { 1 };
  scion_tensor *z = g->in[0], *first = scion__x1(x, &scion__op_log_expected_improvement, &slope, z);
  if (!((const improvement_params *)g->params)->slope) {
    scion__g_set(g, 0, x_mul(x, g->dy[0], first));
    return;
  }
  scion_tensor *log_phi = x_adds(x, x_muls(x, X1(square, z), -0.5), -0.5 * LOG_2PI);
  scion_tensor *ratio = X1(exp, x_sub(x, log_phi, scion__x1(x, &scion__op_log_expected_improvement, NULL, z)));
  scion__g_set(g, 0, x_mul(x, g->dy[0], x_sub(x, ratio, X1(square, first))));
}
static const scion_sample samples_improvement[] = { { "3x4", "" }, { "4", "slope=true" } };
const scion_op scion__op_log_expected_improvement = {
  .info = { "log_expected_improvement", 1, 0,
            "log(phi(z) + z Phi(z)): the logarithm of the expected improvement in units of the deviation, z = (best - mean) / deviation; exact far below 0.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_improvement, improvement_params) },
  .infer = scion__infer_float, .forward = improvement_forward, .grad = improvement_grad, .keeps = SCION_KEEP_IN(0),
  SCION_SAMPLES(samples_improvement) };
