/* conv.h: between the convolution ops (conv.c) and what computes them (conv_run.c). */
#ifndef SCION_OPS_CONV_H
#define SCION_OPS_CONV_H

#include "op.h"
#include "../kernels/kernels.h"

typedef struct scion_conv_job {
  int32_t dtype, activation;   /* activation: 0 none, 1 relu, 2 relu6 */
  int64_t batch, in_channels, out_channels, groups;
  scion_conv_shape shape;
  const char *plus;            /* laid out like y, added before the activation; or NULL */
} scion_conv_job;

/* All packed (forward alone knows plus and activation). x (batch, in, d, h, w); w (out, in / groups, kd, kh, kw); bias (out) or NULL; y (batch, out, od, oh, ow). */
scion_status scion__conv_forward(scion_context *ctx, const scion_conv_job *c, const char *x, const char *w, const char *bias, char *y);
scion_status scion__conv_grad_input(scion_context *ctx, const scion_conv_job *c, const char *dy, const char *w, char *dx);
scion_status scion__conv_grad_weight(scion_context *ctx, const scion_conv_job *c, const char *x, const char *dy, char *dw);

#endif
