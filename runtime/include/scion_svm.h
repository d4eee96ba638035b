/* scion_svm.h: support vector machines, trained by libsvm (Chang and Lin 2011). Included by scion.h. Prediction needs no
 * part of this: with the support vectors and coefficients it is products and kernels, which are ops. */
#ifndef SCION_SVM_H
#define SCION_SVM_H

#include "scion.h"

#ifdef __cplusplus
extern "C" {
#endif

/* k(a, b): a.b | (gamma a.b + coef0)^degree | exp(-gamma |a - b|^2) | tanh(gamma a.b + coef0) | given as x (N, N) */
typedef enum scion_svm_kernel { SCION_SVM_LINEAR, SCION_SVM_POLY, SCION_SVM_RBF, SCION_SVM_SIGMOID, SCION_SVM_PRECOMPUTED } scion_svm_kernel;

typedef struct scion_svm_options {
  size_t size;                /* sizeof(scion_svm_options) */
  int32_t kernel;             /* scion_svm_kernel */
  int32_t degree;
  double gamma, coef0;
  double c;                   /* price of an error, above 0 */
  double tol;                 /* stopping tolerance on the optimality conditions */
  int32_t n_classes;          /* at least 2: classification; 0: regression */
  const double *class_weight; /* n_classes factors on c, or NULL */
  double epsilon;             /* regression: errors below this cost nothing */
  int32_t shrinking;
} scion_svm_options;
#define SCION_SVM_OPTIONS_INIT { sizeof(scion_svm_options), SCION_SVM_RBF, 3, 1, 0, 1, 1e-3, 2, NULL, 0.1, 1 }

/* Fits on x (N, F), f64, with y (N), f64: class ids 0..n_classes-1 or targets. support: rows of x that are support vectors, i64 (S),
 * ascending. coef: f64 (S, P), offset: f64 (P), where P is 1 for regression and one per pair of classes (0,1), (0,2), ...
 * otherwise: the decision of pair (i, j) is sum_s coef[s] k(x_s, x) + offset, positive for class i. *iterations (may be NULL): the
 * most that one machine took; *converged (may be NULL). Classes without items have zero coefficients. */
SCION_API scion_status scion_svm_fit(scion_context *ctx, const scion_svm_options *options, const scion_tensor *x, const scion_tensor *y,
                                     scion_tensor **support, scion_tensor **coef, scion_tensor **offset, int64_t *iterations,
                                     int32_t *converged);

#ifdef __cplusplus
}
#endif

#endif
