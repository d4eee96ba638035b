/* reduce.h: what the files of reductions share: which dimensions go, and the one loop over them. */
#ifndef SCION_OPS_REDUCE_H
#define SCION_OPS_REDUCE_H

#include "op.h"
#include "params.h"
#include "../kernels/kernels.h"

typedef union scion_acc { double f; int64_t i; } scion_acc; /* f for float inputs, i for the rest and for counts */

/* A packed tensor seen as (a, b, c, d): b and d are reduced, a and c stay. */
typedef struct scion_reduction {
  int64_t a, b, c, d;
  int64_t n_results, n_reduced; /* a * c, b * d */
  scion_tensor *x;              /* packed as the plan wants it; owned */
} scion_reduction;

/* dims of the parameters as flags; none given: all. */
scion_status scion__reduce_dims(const scion_call *c, const scion_ints *dims, bool *reduced);
/* Output i of dtype: the shape without the reduced dimensions, or with 1 there. */
void scion__reduce_shape(scion_call *c, int32_t i, int dtype, const bool *reduced, bool keepdim);
/* infer of most: dims checked, y of dtype. */
scion_status scion__reduce_infer(scion_call *c, int dtype);
scion_status scion__reduce_plan(const scion_call *c, scion_tensor *x, const bool *reduced, scion_reduction *plan);
void scion__reduce_done(scion_context *ctx, scion_reduction *plan);
/* Accumulates every result with kernel SCION_R_* from `start`; center: one per result (sqdiff) or NULL.
 * acc has room for n_results. Fixed chunks: the same bits for any number of threads. */
scion_status scion__reduce_run(scion_context *ctx, const scion_reduction *plan, int32_t kernel, scion_acc start,
                               const double *center, scion_acc *acc);
/* Scratch for n accumulators: `few` when that is enough. */
enum { SCION_FEW_ACC = 256 };
scion_acc *scion__acc_new(scion_context *ctx, int64_t n, scion_acc *few);
void scion__acc_free(scion_context *ctx, int64_t n, scion_acc *few, scion_acc *acc);

/* t, a reduction of `like` over dims (keepdim or not), repeated back to like's shape. */
scion_tensor *scion__x_spread(scion_x *x, scion_tensor *t, const scion_tensor *like, const scion_ints *dims);
int64_t scion__reduced_count(const scion_tensor *t, const scion_ints *dims); /* elements per result */
static inline int32_t scion__wrap_dim(int64_t dim, int32_t n) { return (int32_t)(dim < 0 ? dim + (n == 0 ? 1 : n) : dim); } /* checked before */

typedef struct scion__scan_params { int64_t dim; int32_t reverse; } scion__scan_params; /* cumsum, cumprod, linear_scan */

extern const scion_param scion__params_reduce[2];   /* dims, keepdim of scion__reduce_params */

#endif
