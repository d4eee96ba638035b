/* onnx.h: the inside of the ONNX reader: protobuf fields, nodes with their attributes, and the import in progress.
 *   onnx_proto.c  bytes -> fields, tensors
 *   onnx.c        the walk over the graph, values, names, constants
 *   onnx_shapes.c shapes and what follows from them
 *   onnx_flow.c   functions of the model, If, Loop and Scan: written out where they are used
 *   onnx_ops.c, onnx_window.c, onnx_layers.c, onnx_sequence.c, onnx_quantised.c   what every operator becomes; adding one: a function and a line in a table */
#ifndef SCION_ONNX_H
#define SCION_ONNX_H

#include "../base/file.h"
#include "../ops/op.h"
#include "../ops/params.h"

/* ---- protobuf ---------------------------------------------------------------------------------------- */

typedef struct scion_pb { const unsigned char *p, *end; bool bad; } scion_pb;
typedef struct scion_pb_field { uint32_t number, wire; uint64_t v; scion_pb sub; } scion_pb_field; /* wire 0, 1, 5: v; 2: sub */
bool scion__pb_next(scion_pb *m, scion_pb_field *f); /* false at the end, or with m->bad */
bool scion__pb_varint(scion_pb *m, uint64_t *v);
char *scion__pb_text(scion_context *ctx, const scion_pb *s); /* owned, scion__strfree; NULL: no memory */
static inline bool scion__pb_is(const scion_pb *s, const char *word) {
  size_t n = strlen(word);
  return (size_t)(s->end - s->p) == n && memcmp(s->p, word, n) == 0;
}

/* ---- the import ---------------------------------------------------------------------------------------- */

typedef struct scion_onnx_value {
  char *name;           /* of the graph; NULL: made on the way */
  size_t name_length;   /* of the graph's names, which are looked for often */
  char *label;          /* of a weight that is known by another name inside a function; NULL: the same */
  scion_tensor *tensor; /* a constant */
  int32_t id;           /* in the net; -1: not there yet */
  bool weight;          /* an initialiser: a parameter when it becomes an entry */
  bool closed;          /* of a function or an inner graph that ended: found by name no more */
  int32_t below;        /* of a closed one: the last value before that function or graph */
  bool absent;          /* an optional input that the caller of a function omitted */
  bool known;           /* probe holds shapes */
  bool list;            /* of one dimension, whatever else is known */
  int32_t type;         /* ONNX's element type where the file says it (ours may be wider), else 0 */
  int32_t dtype, n_dims;
  int64_t probe[2][SCION_MAX_DIMS]; /* the shape at both sizes: where they differ, it is free */
  scion_tensor *seen[2]; /* the value itself at both sizes, when it follows from shapes; or NULL */
} scion_onnx_value;

typedef struct scion_onnx_node {
  scion_pb op_type, domain, name;
  int32_t n_in, n_out;
  int32_t *in;  /* values; -1: omitted */
  scion_pb *out; /* names */
  scion_pb attributes; /* the node's message: fields 5 */
} scion_onnx_node;

/* A function of the model at work: where attributes that its nodes take from the caller are found. */
typedef struct scion_onnx_frame {
  scion_pb caller, function;
  const struct scion_onnx_frame *up; /* of the caller */
} scion_onnx_frame;

typedef struct scion_onnx {
  scion_context *ctx;
  const char *path;
  const scion_file *file; /* NULL: memory */
  scion_net *net;
  const int64_t *probes; /* free dimensions of the inputs are tried at these two sizes: what comes out the same both times does not depend on them */
  int64_t opset;
  scion_onnx_value *values;
  scion_onnx_value nothing;
  int32_t n_values, cap;
  scion_onnx_node *node; /* at work */
  char layer[256];       /* its name in the net */
  bool named;            /* the name is taken by an op of this node */
  scion_pb model;        /* for its functions */
  const scion_onnx_frame *frame; /* NULL: in the graph itself */
  char prefix[160];      /* of layers' names: the layer that a function or inner graph stands for, or empty */
  int32_t first;         /* values before it are out of sight */
  bool hopeless;         /* other sizes of the inputs would not help */
  int32_t depth, written_out; /* functions and inner graphs within each other; nodes that come from them */
} scion_onnx;

scion_status scion__onnx_load(scion_context *ctx, const char *path, bool map, scion_net **out);
/* file: where proto lies, NULL for memory. */
uint64_t scion__onnx_type_of(scion_pb proto); /* element type of a TensorProto */
scion_status scion__onnx_tensor(scion_context *ctx, const char *path, const scion_file *file, scion_pb proto, char **name, scion_tensor **out);
int scion__onnx_dtype(uint64_t type); /* the compute type for an ONNX element type; -1: none */
scion_status scion__onnx_fail(scion_onnx *o, const char *format, ...) __attribute__((format(printf, 2, 3))); /* naming node and operator */

/* Values. */
int32_t scion__onnx_constant(scion_onnx *o, scion_tensor *t); /* takes t; -1: no memory */
void scion__onnx_name(scion_onnx *o, int32_t v, const char *name); /* constant v is the layer's parameter "layer.name" */
scion_tensor *scion__onnx_const_in(scion_onnx *o, int32_t i); /* input i as a constant, or NULL */
/* Is input i there, but no constant? Then sizes are read when the network runs (ops/dynamic.c). */
static inline bool scion__onnx_computed(scion_onnx *o, int32_t i);
/* All numbers of constant input i (at most SCION_MAX_INTS); *n -1 when the input is omitted; a failure when it is no constant. */
scion_status scion__onnx_ints_in(scion_onnx *o, int32_t i, scion_ints *out);
static inline int32_t scion__onnx_in(const scion_onnx *o, int32_t i) { return i < o->node->n_in ? o->node->in[i] : -1; }
static inline bool scion__onnx_computed(scion_onnx *o, int32_t i) { return scion__onnx_in(o, i) >= 0 && scion__onnx_const_in(o, i) == NULL; }
static inline bool scion__onnx_free(const scion_onnx_value *v, int32_t d) { return v->probe[0][d] != v->probe[1][d]; } /* no fixed size */
static inline scion_onnx_value *scion__onnx_value(scion_onnx *o, int32_t v) { /* of an input that is missing: one of which nothing is known */
  if (v >= 0) return &o->values[v];
  o->nothing = (scion_onnx_value){ .id = -1, .dtype = -1 };
  return &o->nothing;
}
scion_status scion__onnx_rank(scion_onnx *o, int32_t v, int32_t *rank); /* fails when unknown */

/* Runs `op` on values: at once when all are constants, as a node of the net otherwise. suffix: part of the layer's name for
 * helpers ("pad"); NULL: the node's own. out: room for the op's visible outputs, or NULL with `first` alone. */
scion_status scion__onnx_emit(scion_onnx *o, const scion_op *op, const void *params, const char *type, const char *suffix, int32_t n_in,
                              const int32_t *in, int32_t n_out, int32_t *out);
static inline scion_status scion__onnx_emit1(scion_onnx *o, const scion_op *op, const void *params, const char *type, const char *suffix, int32_t a, int32_t *out) {
  return scion__onnx_emit(o, op, params, type, suffix, 1, &a, 1, out);
}
static inline scion_status scion__onnx_emit2(scion_onnx *o, const scion_op *op, const void *params, const char *type, const char *suffix, int32_t a, int32_t b, int32_t *out) {
  return scion__onnx_emit(o, op, params, type, suffix, 2, (int32_t[]){ a, b }, 1, out);
}

/* The walk: onnx.c. */
int32_t scion__onnx_find(const scion_onnx *o, const scion_pb *name); /* the newest value of that name in sight; -1: none */
scion_status scion__onnx_bind(scion_onnx *o, int32_t v, const scion_pb *name); /* a name for v, or one more; v -1: a name for nothing */
scion_status scion__onnx_weights(scion_onnx *o, scion_pb graph);     /* initialisers become values */
scion_status scion__onnx_import_node(scion_onnx *o, scion_pb graph, scion_pb node);
scion_status scion__onnx_damaged(scion_onnx *o, const char *what);
bool scion__onnx_function(const scion_onnx *o, const scion_pb *domain, const scion_pb *name, scion_pb *out); /* onnx_flow.c: of the model */
scion_status scion__onnx_call(scion_onnx *o, scion_pb function, int32_t *out);

/* onnx_shapes.c: shapes of an op's outputs; values that follow from shapes (true: out are constants, else `seen` may hold them at both sizes, owned). */
void scion__onnx_infer(scion_onnx *o, const scion_op *op, const void *params, int32_t n_in, const int32_t *in, int32_t n_out, const int32_t *out);
bool scion__onnx_follow(scion_onnx *o, const scion_op *op, const void *params, int32_t n_in, const int32_t *in, int32_t n_out, int32_t *out,
                        scion_tensor *seen[2][SCION_MAX_OUTPUTS]);

/* Attributes of the node. */
bool scion__onnx_has(scion_onnx *o, const char *name);
int64_t scion__onnx_int(scion_onnx *o, const char *name, int64_t def);
double scion__onnx_float(scion_onnx *o, const char *name, double def);
bool scion__onnx_text(scion_onnx *o, const char *name, scion_pb *out);
bool scion__onnx_texts(scion_onnx *o, const char *name, char *out, size_t room); /* a list of texts, lower case, joined by commas */
int32_t scion__onnx_floats(scion_onnx *o, const char *name, double *out, int32_t room); /* how many; -1: not given or more than there is room for */
scion_status scion__onnx_ints(scion_onnx *o, const char *name, scion_ints *out); /* n -1: not given */
int32_t scion__onnx_tensor_attr_type(scion_onnx *o, const char *name); /* its ONNX element type; 0: not given */
bool scion__onnx_graph_attr(scion_onnx *o, const char *name, scion_pb *out);
scion_status scion__onnx_tensor_attr(scion_onnx *o, const char *name, scion_tensor **out); /* NULL: not given */

/* Tables: what an operator becomes. out: the values of the node's outputs, to be set. */
typedef scion_status (*scion_onnx_fn)(scion_onnx *o, int32_t *out);
typedef struct scion_onnx_operator { const char *name; scion_onnx_fn fn; } scion_onnx_operator;
extern const scion_onnx_operator scion__onnx_operators[], scion__onnx_windows[], scion__onnx_layers[], scion__onnx_sequence[], scion__onnx_flow[],
  scion__onnx_quantised[]; /* ended by NULL */

#endif
