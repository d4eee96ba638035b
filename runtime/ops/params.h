/* params.h: parameter structs that more than one file fills in. */
#ifndef SCION_PARAMS_H
#define SCION_PARAMS_H

#include "scion.h"

typedef struct scion__reshape_params { scion_ints shape; } scion__reshape_params;  /* reshape, expand */
typedef struct scion__permute_params { scion_ints dims; } scion__permute_params;
typedef struct scion__transpose_params { int64_t dim0, dim1; } scion__transpose_params;
typedef struct scion__dim_params { int64_t dim; } scion__dim_params;               /* unsqueeze, cat, stack, softmax */
typedef struct scion__narrow_params { int64_t dim, start, length; } scion__narrow_params;
typedef struct scion__reduce_params { scion_ints dims; int32_t keepdim; } scion__reduce_params; /* sum, mean, ... dims.n <= 0: all */

/* A parameter struct of any op, and its fields by name; a name that the op lacks is ignored (params.c). */
typedef struct scion__room { _Alignas(16) char p[2048]; } scion__room;
void *scion__params(scion__room *room, const scion_op *op); /* with the defaults */
void scion__set_int(const scion_op *op, void *p, const char *name, int64_t v); /* BOOL, INT, ENUM, DTYPE; INTS of one */
void scion__set_float(const scion_op *op, void *p, const char *name, double v);
void scion__set_ints(const scion_op *op, void *p, const char *name, const scion_ints *v); /* n < 0: left as it is */
scion_status scion__set_word(scion_context *ctx, const scion_op *op, void *p, const char *name, const char *word); /* ENUM by its word */
/* Dimension `dim` (from the front) of t from start to stop by ONNX's rules; step may be negative (dynamic.c). */
struct scion_x;
scion_tensor *scion__x_slice(struct scion_x *x, scion_tensor *t, int64_t dim, int64_t start, int64_t stop, int64_t step);

#endif
