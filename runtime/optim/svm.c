/* svm.c: support vector machines by libsvm. Only training happens here; its model is turned into dense tensors, so that
 * prediction is made of ops. libsvm reports through one process-wide function; ours takes the number of iterations out of what
 * it says and drops the rest. */
#include <libsvm/svm.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../tensor/tensor.h"

static _Thread_local int64_t most_iterations;

static void listen(const char *text) {
  const char *at = strstr(text, "#iter = ");
  if (at != NULL) {
    long long n = strtoll(at + 8, NULL, 10);
    if (n > most_iterations) most_iterations = n;
  }
}

static int64_t pair_index(int64_t i, int64_t j, int64_t k) { return i * k - i * (i + 1) / 2 + (j - i - 1); }

static scion_status check_arguments(scion_context *ctx, const scion_svm_options *o, const scion_tensor *x, const scion_tensor *y) {
  if (x == NULL || y == NULL) return scion_fail(ctx, SCION_EINVAL, "svm: x and y are needed");
  if (x->dtype != SCION_F64 || y->dtype != SCION_F64) return scion_fail(ctx, SCION_EDTYPE, "svm: x and y must be f64");
  if (x->n_dims != 2 || y->n_dims != 1 || x->shape[0] != y->shape[0] || x->numel == 0 || x->shape[0] > INT32_MAX / 2 || x->shape[1] > INT32_MAX - 2) {
    return scion_fail(ctx, SCION_ESHAPE, "svm: x must be (N, F) and y (N), with at least one item");
  }
  if (o->kernel < SCION_SVM_LINEAR || o->kernel > SCION_SVM_PRECOMPUTED) return scion_fail(ctx, SCION_EINVAL, "svm: unknown kernel %d", o->kernel);
  if (o->kernel == SCION_SVM_PRECOMPUTED && x->shape[0] != x->shape[1]) return scion_fail(ctx, SCION_ESHAPE, "svm: a precomputed kernel is (N, N)");
  if (!(o->c > 0) || !(o->tol > 0) || !(o->gamma >= 0) || o->degree < 0 || !(o->epsilon >= 0)) {
    return scion_fail(ctx, SCION_EINVAL, "svm: c and tol must be above 0, gamma, degree and epsilon at least 0");
  }
  if (o->n_classes == 1 || o->n_classes < 0) return scion_fail(ctx, SCION_EINVAL, "svm: n_classes is %d, expected 0 (regression) or at least 2", o->n_classes);
  for (int64_t i = 0; i < x->numel; i++)
    if (!isfinite(((const double *)x->data)[i])) return scion_fail(ctx, SCION_EINVAL, "svm: x holds NaN or infinite values");
  for (int64_t i = 0; i < y->numel; i++) {
    double v = ((const double *)y->data)[i];
    if (!isfinite(v)) return scion_fail(ctx, SCION_EINVAL, "svm: y holds NaN or infinite values");
    if (o->n_classes > 0 && (v < 0 || v >= o->n_classes || v != floor(v))) {
      return scion_fail(ctx, SCION_EINDEX, "svm: class id %g at position %lld, expected 0..%d", v, (long long)i, o->n_classes - 1);
    }
  }
  return SCION_OK;
}

/* Rows as libsvm wants them: (index, value) pairs ended by index -1. Zeros are left out. */
static void fill_nodes(const scion_tensor *x, bool precomputed, struct svm_node *nodes, struct svm_node **rows) {
  int64_t n = x->shape[0], width = x->shape[1];
  for (int64_t i = 0; i < n; i++) {
    const double *from = (const double *)x->data + i * width;
    rows[i] = nodes;
    if (precomputed) *nodes++ = (struct svm_node){ 0, (double)(i + 1) };
    for (int64_t j = 0; j < width; j++)
      if (from[j] != 0 || precomputed) *nodes++ = (struct svm_node){ (int)(j + 1), from[j] };
    *nodes++ = (struct svm_node){ -1, 0 };
  }
}

/* The model's parts as tensors. row_of: room for one position per item. */
static scion_status take_model(scion_context *ctx, const scion_svm_options *o, const struct svm_model *m, int64_t n, int32_t *row_of,
                               scion_tensor **support, scion_tensor **coef, scion_tensor **offset) {
  int64_t k = o->n_classes, pairs = k > 0 ? k * (k - 1) / 2 : 1, s = m->l;
  SCION_TRY(scion__tensor_alloc(ctx, SCION_I64, 1, (int64_t[]){ s }, support));
  SCION_TRY(scion__tensor_alloc(ctx, SCION_F64, 2, (int64_t[]){ s, pairs }, coef));
  SCION_TRY(scion__tensor_alloc(ctx, SCION_F64, 1, (int64_t[]){ pairs }, offset));
  double *w = (void *)(*coef)->data, *b = (void *)(*offset)->data;
  int64_t *position = (void *)(*support)->data;
  memset(w, 0, (size_t)(s * pairs) * sizeof *w);
  memset(b, 0, (size_t)pairs * sizeof *b);
  memset(row_of, -1, (size_t)n * sizeof *row_of);
  for (int32_t i = 0; i < s; i++) row_of[m->sv_indices[i] - 1] = 0;
  int32_t at = 0;
  for (int64_t i = 0; i < n; i++) {
    if (row_of[i] < 0) continue;
    position[at] = i;
    row_of[i] = at++;
  }
  if (k == 0) {
    for (int32_t i = 0; i < s; i++) w[row_of[m->sv_indices[i] - 1]] = m->sv_coef[0][i];
    b[0] = -m->rho[0];
    return SCION_OK;
  }
  int32_t start_a = 0, pair = 0;
  for (int32_t a = 0; a < m->nr_class; a++) {
    int32_t start_b = start_a + m->nSV[a];
    for (int32_t c = a + 1; c < m->nr_class; c++, pair++) {
      int64_t first = m->label[a], second = m->label[c];
      double sign = first < second ? 1 : -1;
      int64_t column = first < second ? pair_index(first, second, k) : pair_index(second, first, k);
      for (int32_t i = start_a; i < start_a + m->nSV[a]; i++) w[row_of[m->sv_indices[i] - 1] * pairs + column] = sign * m->sv_coef[c - 1][i];
      for (int32_t i = start_b; i < start_b + m->nSV[c]; i++) w[row_of[m->sv_indices[i] - 1] * pairs + column] = sign * m->sv_coef[a][i];
      b[column] = -sign * m->rho[pair];
      start_b += m->nSV[c];
    }
    start_a += m->nSV[a];
  }
  return SCION_OK;
}

static scion_status fit(scion_context *ctx, const scion_svm_options *o, const scion_tensor *x, const scion_tensor *y, scion_tensor **support,
                        scion_tensor **coef, scion_tensor **offset, int64_t *iterations, int32_t *converged) {
  static const int kernels[] = { LINEAR, POLY, RBF, SIGMOID, PRECOMPUTED };
  int64_t n = x->shape[0];
  bool precomputed = o->kernel == SCION_SVM_PRECOMPUTED;
  int64_t n_labels = o->n_classes > 0 ? o->n_classes : 1;
  size_t node_bytes = (size_t)(n * (x->shape[1] + 1 + precomputed)) * sizeof(struct svm_node), row_bytes = (size_t)n * sizeof(struct svm_node *);
  size_t label_bytes = (size_t)n_labels * sizeof(int), weight_bytes = (size_t)n_labels * sizeof(double), place_bytes = (size_t)n * sizeof(int32_t);
  struct svm_node *nodes = scion__alloc(ctx, node_bytes), **rows = scion__alloc(ctx, row_bytes);
  int *labels = scion__alloc(ctx, label_bytes), n_weights = 0;
  double *weights = scion__alloc(ctx, weight_bytes);
  int32_t *row_of = scion__alloc(ctx, place_bytes);
  scion_status st = nodes != NULL && rows != NULL && labels != NULL && weights != NULL && row_of != NULL ? SCION_OK : SCION_ENOMEM;
  if (st == SCION_OK) {
    fill_nodes(x, precomputed, nodes, rows);
    for (int32_t c = 0; o->class_weight != NULL && c < o->n_classes; c++) { /* libsvm prints a warning for classes without items */
      const double *id = (void *)y->data;
      int64_t i = 0;
      while (i < n && id[i] != c) i++;
      if (i < n) labels[n_weights] = c, weights[n_weights++] = o->class_weight[c];
    }
    struct svm_problem problem = { (int)n, (void *)y->data, rows };
    struct svm_parameter p = { .svm_type = o->n_classes > 0 ? C_SVC : EPSILON_SVR, .kernel_type = kernels[o->kernel], .degree = o->degree, .gamma = o->gamma,
      .coef0 = o->coef0, .cache_size = 200, .eps = o->tol, .C = o->c, .nr_weight = n_weights, .weight_label = labels, .weight = weights,
      .p = o->epsilon, .shrinking = o->shrinking, .probability = 0 };
    svm_set_print_string_function(listen);
    most_iterations = 0;
    const char *wrong = svm_check_parameter(&problem, &p);
    if (wrong != NULL) {
      st = scion_fail(ctx, SCION_EINVAL, "svm: %s", wrong);
    } else {
      struct svm_model *m = svm_train(&problem, &p);
      if (m == NULL) st = scion_fail(ctx, SCION_ENOMEM, "svm: out of memory");
      else st = take_model(ctx, o, m, n, row_of, support, coef, offset);
      if (iterations != NULL) *iterations = most_iterations;
      if (converged != NULL) *converged = most_iterations < scion__max(10000000, n > INT32_MAX / 100 ? INT32_MAX : 100 * n);
      if (m != NULL) svm_free_and_destroy_model(&m);
    }
  }
  scion__free(ctx, nodes, node_bytes);
  scion__free(ctx, rows, row_bytes);
  scion__free(ctx, labels, label_bytes);
  scion__free(ctx, weights, weight_bytes);
  scion__free(ctx, row_of, place_bytes);
  return st;
}

scion_status scion_svm_fit(scion_context *ctx, const scion_svm_options *options, const scion_tensor *x, const scion_tensor *y, scion_tensor **support,
                           scion_tensor **coef, scion_tensor **offset, int64_t *iterations, int32_t *converged) {
  *support = *coef = *offset = NULL;
  SCION_TRY(check_arguments(ctx, options, x, y));
  if (!scion_tensor_is_contiguous(x) || !scion_tensor_is_contiguous(y)) return scion_fail(ctx, SCION_EINVAL, "svm: x and y must be contiguous");
  scion_status st = fit(ctx, options, x, y, support, coef, offset, iterations, converged);
  if (st != SCION_OK) {
    scion_tensor_free(ctx, *support);
    scion_tensor_free(ctx, *coef);
    scion_tensor_free(ctx, *offset);
    *support = *coef = *offset = NULL;
  }
  return st;
}
