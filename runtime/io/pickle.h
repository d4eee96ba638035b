/* pickle.h: Python's pickles as plain data. Nothing is executed: names of classes and functions stay names, calls and objects
 * become inert records, and only dictionaries, lists, numbers and texts are what they were. */
#ifndef SCION_PICKLE_H
#define SCION_PICKLE_H

#include "../base/file.h"

typedef enum scion_pk_type {
  SCION_PK_NONE, SCION_PK_BOOL, SCION_PK_INT, SCION_PK_FLOAT, SCION_PK_TEXT, /* bytes and texts */
  SCION_PK_LIST, SCION_PK_TUPLE, SCION_PK_DICT, /* dict: keys and values alternate in `items` */
  SCION_PK_GLOBAL,  /* `text` is "module name" */
  SCION_PK_OBJECT,  /* items: what was called (a GLOBAL), its arguments (a TUPLE), its state or NONE */
  SCION_PK_PERSID   /* a persistent id: items[0] */
} scion_pk_type;

typedef struct scion_pk {
  scion_pk_type type;
  int64_t i;
  double f;
  const char *text; /* n bytes, and a NUL */
  size_t n;
  struct scion_pk **items;
  int32_t n_items, cap;
} scion_pk;

/* Values of one or more pickles; freed together. */
typedef struct scion_pickle {
  scion_context *ctx;
  const char *path;
  struct pickle_block *blocks;
  size_t used, room; /* of the newest block */
} scion_pickle;

/* One pickle at the start of data[0..size); *taken: its bytes. Fails with SCION_EFORMAT, naming the position. */
scion_status scion__pickle_read(scion_pickle *p, const unsigned char *data, size_t size, size_t *taken, scion_pk **out);
void scion__pickle_free(scion_pickle *p);

const scion_pk *scion__pk_get(const scion_pk *dict, const char *key); /* NULL: not there, or no dictionary */
static inline bool scion__pk_is(const scion_pk *v, const char *global) { return v->type == SCION_PK_GLOBAL && strcmp(v->text, global) == 0; }
static inline const scion_pk *scion__pk_item(const scion_pk *v, int32_t i) { return i < v->n_items ? v->items[i] : NULL; }

#endif
