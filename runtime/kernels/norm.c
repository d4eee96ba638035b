/* norm.c: sums per channel and per row, and the affine passes that batch, layer, group and instance
 * normalisation consist of. The body is written once for both element types. */
#include <math.h>

#include "kernels.h"

#define CHANNEL_TILE 128 /* channels that one pass over the rows of (n, channels) sums */

#define T float
#define FN(name) K(name##_f32)
#include "norm_body.h"
#undef T
#undef FN

#define T double
#define FN(name) K(name##_f64)
#include "norm_body.h"
