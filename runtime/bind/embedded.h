/* embedded.h: the Lua files of lua/scion, compiled into libscion-lua (the table is generated). */
#ifndef SCION_EMBEDDED_H
#define SCION_EMBEDDED_H

#include <stddef.h>

typedef struct scion_embedded_file {
  const char *name; /* "scion.nn.layers"; a directory's init.lua has the directory's name */
  const char *path; /* "lua/scion/nn/layers.lua", for messages */
  const char *text;
  size_t size;
} scion_embedded_file;
extern const scion_embedded_file scion_embedded[]; /* ends with a NULL name; "scion.init" is lua/scion/init.lua */

#endif
