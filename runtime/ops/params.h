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

#endif
