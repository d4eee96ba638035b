/* weights.h: named tensors from any file: what a reader fills in. */
#ifndef SCION_WEIGHTS_H
#define SCION_WEIGHTS_H

#include "../base/file.h"
#include "../tensor/tensor.h"

struct scion_weights {
  const char *format; /* "pytorch", "safetensors", "npz", "mxnet" */
  char **names;       /* owned */
  scion_tensor **tensors;
  int32_t n, cap;
};
/* Takes the tensor, copies the name. */
scion_status scion__weights_add(scion_context *ctx, scion_weights *w, const char *name, scion_tensor *t);

scion_status scion__torch_read(scion_context *ctx, const scion_file *file, scion_weights *w);
scion_status scion__mxnet_read(scion_context *ctx, const scion_file *file, scion_weights *w);
bool scion__torch_is_zip(scion_context *ctx, const scion_file *file); /* a zip with a data.pkl in it */

#endif
