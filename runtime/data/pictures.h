/* pictures.h: the inside of picture sources, for the loader's workers. */
#ifndef SCION_PICTURES_H
#define SCION_PICTURES_H

#include <stdatomic.h>

#include "../io/image.h"
#include "../tensor/tensor.h"

struct scion_pictures {
  atomic_int refs;
  int64_t n;
  int32_t channels;
  char **names;    /* owned; NULL for a tensor */
  scion_zip *zip;
  int32_t *members;
  scion_tensor *tensor; /* packed */
};
/* Decoded picture i (h x w x c). Any thread. */
scion_status scion__pictures_get(const scion_pictures *p, int64_t i, scion_picture *out, char *message);
scion_pictures *scion__pictures_ref(scion_pictures *p);

#endif
