/* activate.h: running the activation kernels (kernels/activate.c) as an op's forward and fused gradient. */
#ifndef SCION_ACTIVATE_H
#define SCION_ACTIVATE_H

#include "op.h"
#include "../kernels/kernels.h"

/* out[0] = f(in[0]; p, q) for one of the kinds with parameters; f32 and f64. */
scion_status scion__activate(scion_call *c, int32_t kind, double p, double q);
/* dx[0] = dy[0] f'(v), v the kept input or output. */
scion_status scion__activate_grad(scion_grad_call *g, int32_t kind, scion_tensor *v, double p, double q);

#endif
