/* nn.h: small words shared by the neural-network ops: (outer, n, inner) views of a dimension, typed
 * element access for loops that are not hot, and the reductions of losses. */
#ifndef SCION_OPS_NN_H
#define SCION_OPS_NN_H

#include "op.h"
#include "params.h"
#include "../kernels/kernels.h"

#define X1(name, a) scion__x1(x, &scion__op_##name, NULL, a)
#define X2(name, a, b) scion__x2(x, &scion__op_##name, NULL, a, b)

/* Optional input i, or NULL. */
static inline scion_tensor *scion__opt(const scion_call *c, int32_t i) { return i < c->n_in ? c->in[i] : NULL; }
static inline scion_tensor *scion__g_opt(const scion_grad_call *g, int32_t i) { return i < g->n_in ? g->in[i] : NULL; }

/* A contiguous tensor seen around dimension `dim`: (outer, n, inner). 0-d counts as (1, 1, 1). */
typedef struct scion_around { int64_t outer, n, inner; } scion_around;
static inline scion_around scion__around(const scion_tensor *t, int32_t dim) {
  scion_around a = { 1, 1, 1 };
  for (int32_t i = 0; i < t->n_dims; i++) {
    if (i < dim) a.outer *= t->shape[i];
    else if (i == dim) a.n = t->shape[i];
    else a.inner *= t->shape[i];
  }
  return a;
}

/* Element i of packed data of a float type, in double. */
static inline double scion__load(const void *p, int dtype, int64_t i) {
  return dtype == SCION_F32 ? (double)((const float *)p)[i] : ((const double *)p)[i];
}
static inline void scion__store(void *p, int dtype, int64_t i, double v) {
  if (dtype == SCION_F32) ((float *)p)[i] = (float)v;
  else ((double *)p)[i] = v;
}
static inline int64_t scion__load_id(const void *p, int dtype, int64_t i) {
  return dtype == SCION_I32 ? ((const int32_t *)p)[i] : ((const int64_t *)p)[i];
}

/* Rows of `bytes` each that make one task. */
static inline int64_t scion__row_grain(int64_t row_elements) {
  return scion__max(1, 16384 / scion__max(1, row_elements));
}

/* ---- reductions of losses ---------------------------------------------------------------------- */
enum { SCION_RED_NONE, SCION_RED_MEAN, SCION_RED_SUM };
extern const char *const scion__reductions[4];
#define SCION_REDUCTION(type)                                                                                     \
  { "reduction", SCION_P_ENUM, 0, offsetof(type, reduction), .def = SCION_RED_MEAN, .choices = scion__reductions, \
    .doc = "\"none\" (a value per element), \"mean\" or \"sum\"" }
typedef struct { int32_t reduction; } scion_reduction_params;
extern const scion_param scion__params_reduction[1];
/* The scalar, or t itself with "none". */
scion_tensor *scion__x_reduce(scion_x *x, scion_tensor *t, int32_t reduction);
/* Output 0: `shape` with "none", else a scalar. */
void scion__out_reduced(scion_call *c, int dtype, int32_t n_dims, const int64_t *shape, int32_t reduction);
/* Inputs 0 and 1 are floats of one dtype and exactly one shape. */
scion_status scion__need_same_shape(const scion_call *c, int32_t i, int32_t j);
/* A slot's name and brief for messages. */
const char *scion__slot_name(const scion_call *c, int32_t i);

#endif
