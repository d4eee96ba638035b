/* index.h: ids in tensors: read, checked and made rows that count from 0. */
#ifndef SCION_OPS_INDEX_H
#define SCION_OPS_INDEX_H

#include "nn.h"
#include "reduce.h"

typedef struct scion__index_params { int64_t dim, base; } scion__index_params; /* gather, index_select, argmax, sort ... */

#define SCION_BASE_PARAM(type) \
  { "base", SCION_P_INT, SCION_PF_BASE, offsetof(type, base), .def = 0, .min = 0, .max = 1, .doc = "number of the first element" }
#define SCION_DIM_PARAM(type, flags_, def_, text) \
  { "dim", SCION_P_INT, SCION_PF_INDEX | (flags_), offsetof(type, dim), .def = (double)(def_), .doc = text }

/* Input `slot` (i32 or i64 of any shape) as packed i64 rows 0..n-1: the base subtracted, negative ids counted from the
 * end. An id outside fails, naming it, its position and the valid range. */
scion_status scion__rows(const scion_call *c, int32_t slot, int64_t n, int64_t base, scion_tensor **out);
/* dim of the parameters on input 0; a 0-d input counts as one of one element. */
scion_status scion__index_dim(const scion_call *c, int64_t given, int32_t *dim);
/* The positions where a mask is true, 0-based in row-major order: a packed i64 tensor (n). */
scion_status scion__true_positions(scion_context *ctx, scion_tensor *mask, scion_tensor **out);

/* Words for gradients: ids already 0-based i64. */
scion_tensor *scion__x_gather(scion_x *x, scion_tensor *a, scion_tensor *ids, int64_t dim, int64_t base);
scion_tensor *scion__x_scatter_add(scion_x *x, scion_tensor *a, scion_tensor *ids, scion_tensor *src, int64_t dim, int64_t base);
scion_tensor *scion__x_index_select(scion_x *x, scion_tensor *a, scion_tensor *ids, int64_t dim, int64_t base);
scion_tensor *scion__x_index_add(scion_x *x, scion_tensor *a, scion_tensor *ids, scion_tensor *src, int64_t dim, int64_t base);

#endif
