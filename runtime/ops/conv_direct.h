/* conv_direct.h: the ways of f32 convolution, each with the shapes that it fits; conv_run.c chooses.
 * conv_direct.c: steps of 1, without columns (see kernels/direct.c). */
#ifndef SCION_OPS_CONV_DIRECT_H
#define SCION_OPS_CONV_DIRECT_H

#include "conv.h"

bool scion__conv_direct_fits(const scion_conv_job *c);       /* forward */
bool scion__conv_direct_fits_input(const scion_conv_job *c); /* gradient of the input */
bool scion__conv_direct_fits_weight(const scion_conv_job *c);
scion_status scion__conv_direct_forward(scion_context *ctx, const scion_conv_job *c, const float *x, const float *w, const float *bias, float *y);
scion_status scion__conv_direct_input(scion_context *ctx, const scion_conv_job *c, const float *dy, const float *w, float *dx);
/* Columns of a padded image by long copies: the partial sums of a weight gradient over images n0 .. n1 - 1 of group g. */
size_t scion__conv_direct_weight_room(const scion_conv_job *c); /* bytes of scratch for one task */
void scion__conv_direct_weight(const scion_conv_job *c, const float *x, const float *dy, int64_t g, int64_t n0, int64_t n1, float *dw, char *scratch);

/* conv_panel.c: whatever else is worth a product. */
bool scion__conv_panel_fits(const scion_conv_job *c);
scion_status scion__conv_panel_forward(scion_context *ctx, const scion_conv_job *c, const float *x, const float *w, const float *bias, float *y);

/* conv_winograd.c: 3 x 3, steps of 1, two dimensions. */
bool scion__winograd_fits(const scion_conv_job *c);
bool scion__winograd_fits_input(const scion_conv_job *c);
bool scion__winograd_fits_weight(const scion_conv_job *c);
scion_status scion__winograd_forward(scion_context *ctx, const scion_conv_job *c, const float *x, const float *w, const float *bias, float *y);
scion_status scion__winograd_input(scion_context *ctx, const scion_conv_job *c, const float *dy, const float *w, float *dx);
scion_status scion__winograd_weight(scion_context *ctx, const scion_conv_job *c, const float *x, const float *dy, float *dw);

/* conv_depthwise.c: one input channel a group, any step, two dimensions. */
bool scion__depthwise_fits(const scion_conv_job *c);
bool scion__depthwise_fits_gradients(const scion_conv_job *c); /* as many outputs as inputs */
scion_status scion__depthwise_forward(scion_context *ctx, const scion_conv_job *c, const float *x, const float *w, const float *bias, float *y);
scion_status scion__depthwise_input(scion_context *ctx, const scion_conv_job *c, const float *dy, const float *w, float *dx);
scion_status scion__depthwise_weight(scion_context *ctx, const scion_conv_job *c, const float *x, const float *dy, float *dw);

#endif
