/* onnx_write.h: the inside of the ONNX writer: names of values, protobuf fields into a buffer, and what every op becomes.
 *   onnx_write.c      the file: inputs, initialisers, outputs, the walk over the layers
 *   onnx_write_ops.c, onnx_write_shapes.c, onnx_write_more.c  the table of ops; adding one: a function and a line
 *   onnx_write_recipes.c  ops without a node of their own; adding one: most often a line of text */
#ifndef SCION_ONNX_WRITE_H
#define SCION_ONNX_WRITE_H

#include "../net/net.h"
#include "../ops/params.h"
#include "weights.h"

typedef struct scion_ow {
  scion_context *ctx;
  const scion_net *net;
  const char *path;
  scion_text nodes;       /* NodeProtos */
  scion_weights constants; /* initialisers made on the way */
  char **names;           /* of values, owned */
  const scion_net_shape *shapes, *others; /* of values, for two batch sizes */
  const net_node *node;   /* at work */
  int32_t n_made, opset;  /* opset: rises with operators that came later */
  scion_status status;    /* sticky */
} scion_ow;

/* A name is "" for nothing. All calls are free of effect after a failure. */
typedef struct scion_oname { char s[640]; } scion_oname;
typedef struct scion_oattrs { unsigned char b[1024]; size_t n; } scion_oattrs;
void scion__oa_int(scion_oattrs *a, const char *name, int64_t v);
void scion__oa_ints(scion_oattrs *a, const char *name, int32_t n, const int64_t *v);
void scion__oa_float(scion_oattrs *a, const char *name, double v);
void scion__oa_texts(scion_oattrs *a, const char *name, int32_t n, const char *const *v);
void scion__oa_text(scion_oattrs *a, const char *name, const char *s);

/* One ONNX node: inputs and outputs are names. */
void scion__ow_node(scion_ow *w, const char *type, int32_t n_in, const char *const *in, int32_t n_out, const char *const *out, const scion_oattrs *a);
scion_oname scion__ow_new(scion_ow *w, const char *what); /* a fresh name below the layer's */
/* type(a, b) under a fresh name; b NULL: one input. */
scion_oname scion__ow_call(scion_ow *w, const char *type, const char *a, const char *b, const scion_oattrs *attrs);
scion_oname scion__ow_ints(scion_ow *w, int32_t n, const int64_t *v); /* an i64 vector; n -1: the scalar v[0] */
scion_oname scion__ow_number(scion_ow *w, int dtype, double v);       /* a scalar */
scion_oname scion__ow_filled(scion_ow *w, int dtype, int64_t n, double v);
scion_oname scion__ow_constant(scion_ow *w, scion_status st, scion_tensor *t); /* takes t, made with status st */
void scion__ow_refuse(scion_ow *w, const char *why);

/* The layer at work. */
const char *scion__ow_in(const scion_ow *w, int32_t i);  /* name of input i, "" when omitted */
const char *scion__ow_out(const scion_ow *w, int32_t i);
bool scion__ow_has(const scion_ow *w, int32_t i);
const scion_net_shape *scion__ow_shape(const scion_ow *w, int32_t i);     /* of input i */
const scion_net_shape *scion__ow_out_shape(const scion_ow *w, int32_t i);
bool scion__ow_free(const scion_ow *w, int32_t i, int32_t d); /* does the size change with the inputs' free ones? */
int64_t scion__ow_int(const scion_ow *w, const char *param);
double scion__ow_float(const scion_ow *w, const char *param);
scion_ints scion__ow_list(const scion_ow *w, const char *param);
const char *scion__ow_word(const scion_ow *w, const char *param); /* ENUM */

int scion__onnx_type(int dtype); /* ONNX's number */
typedef struct scion_ow_op { const char *name; void (*fn)(scion_ow *w); } scion_ow_op;
extern const scion_ow_op scion__ow_ops[], scion__ow_shape_ops[], scion__ow_more_ops[], scion__ow_composed_ops[]; /* ended by NULL */
bool scion__ow_recipe(scion_ow *w); /* writes the layer when there is a recipe for its op */

/* ---- words of the tables ------------------------------------------------------------------------------------------ */

#define IN(i) scion__ow_in(w, i)
#define OUT scion__ow_out(w, 0)
#define ATTRS(name) scion_oattrs name = { .n = 0 }

static inline void emit(scion_ow *w, const char *type, int32_t n, const char *const *in, const scion_oattrs *a) {
  const char *out = OUT;
  scion__ow_node(w, type, n, in, 1, &out, a);
}
static inline void emit1(scion_ow *w, const char *type, const char *x, const scion_oattrs *a) { emit(w, type, 1, &x, a); }
static inline void emit2(scion_ow *w, const char *type, const char *x, const char *y, const scion_oattrs *a) { emit(w, type, 2, (const char *[]){ x, y }, a); }
static inline int dtype_in(const scion_ow *w) { return scion__ow_shape(w, 0)->dtype; }
static inline int32_t rank_in(const scion_ow *w) { return scion__ow_shape(w, 0)->n_dims; }
static inline int64_t dim_of(const scion_ow *w, const char *param) { /* from the front */
  int64_t d = scion__ow_int(w, param), n = rank_in(w);
  return d < 0 ? d + n : d;
}
static inline bool is_word(const scion_ow *w, const char *param, const char *word) { return strcmp(scion__ow_word(w, param), word) == 0; }

static inline scion_oname transposed(scion_ow *w, const char *x, int32_t n, int32_t i, int32_t k) {
  ATTRS(a);
  int64_t perm[SCION_MAX_DIMS];
  for (int32_t d = 0; d < n; d++) perm[d] = d == i ? k : d == k ? i : d;
  scion__oa_ints(&a, "perm", n, perm);
  return scion__ow_call(w, "Transpose", x, NULL, &a);
}
static inline scion_oname cast(scion_ow *w, const char *x, int dtype) {
  ATTRS(a);
  scion__oa_int(&a, "to", scion__onnx_type(dtype));
  return scion__ow_call(w, "Cast", x, NULL, &a);
}

#endif
