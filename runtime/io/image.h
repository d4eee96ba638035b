/* image.h: pictures in memory that any thread may work on. Their memory is the C library's: workers have no context. */
#ifndef SCION_IMAGE_H
#define SCION_IMAGE_H

#include "../base/base.h"

typedef struct scion_picture {
  int32_t h, w, c;
  uint8_t *u8; /* h x w x c, or NULL once it is */
  float *f;    /* c x h x w */
} scion_picture;
#define SCION_MESSAGE 512

void scion__picture_free(scion_picture *p);
/* name only for messages. channels 0: the file's own. */
scion_status scion__picture_decode(const char *name, const unsigned char *data, size_t size, int32_t channels, scion_picture *out, char *message);

#endif
