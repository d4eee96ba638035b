/* op.h: what an operation is. One scion_op per op, in one file with its family; listed in ops.def.
 * Adding an op: write it in its family's file, add its name to ops.def, add a spec where the automatic
 * checks (samples x finite differences) do not say enough.
 *
 * An op is given by some of
 *   infer     shape and dtype of the outputs from the inputs (which may have no data)
 *   forward   the computation, on allocated outputs, by kernels
 *   compose   the same computation written as calls of other ops
 *   grad      the vector-Jacobian product, written as calls of ops: differentiable to any order
 *   grad_fused  the same as one kernel, used when nobody asked for a graph of the gradient
 * forward or compose must exist. With only compose, recording happens inside it. With forward and
 * compose but no grad, second-order gradients differentiate compose. */
#ifndef SCION_OP_H
#define SCION_OP_H

#include <stddef.h>

#include "../tensor/tensor.h"

#define SCION_MAX_INPUTS 16 /* of a fixed-arity op; variadic ones may have more */

typedef struct scion_call { /* base/base.h names this struct, too */
  scion_context *ctx;
  const scion_op *op;
  const void *params;           /* the op's own struct */
  scion_tensor *const *in;      /* NULL for omitted optional inputs */
  int32_t n_in;
  scion_tensor *out[SCION_MAX_OUTPUTS]; /* forward: allocated, contiguous; VIEW and DYNAMIC ops make them */
  int32_t n_out;
  bool record;                  /* a gradient will be asked for: hidden outputs are wanted */
  struct {                      /* filled by infer */
    int32_t dtype, n_dims;      /* dtype -1: output not produced in this mode */
    int64_t shape[SCION_MAX_DIMS];
  } meta[SCION_MAX_OUTPUTS];
} scion_call;

/* ---- expressions: ops called from C, with sticky errors --------------------------------------
 * Every tensor an expression makes belongs to it and dies with it, except those taken with
 * scion__x_keep. A failed step makes all later ones return NULL at once; check x->status at the end.
 * NULL arguments that are optional inputs of an op are passed as x_none. */
typedef struct scion_x {
  scion_context *ctx;
  scion_status status;
  scion_tensor **made;
  int32_t n_made, cap;
  scion_tensor *few[24]; /* made starts here */
} scion_x;
void scion__x_init(scion_x *x, scion_context *ctx);
scion_status scion__x_done(scion_x *x); /* releases, returns the status */
scion_tensor *scion__x_own(scion_x *x, scion_tensor *t); /* hand a new reference to x */
scion_tensor *scion__x_keep(scion_x *x, scion_tensor *t); /* a new reference for the caller, or NULL after failure */

struct scion_grad_call;
/* grad: read g->dy[], g->in[], g->out[]; set g->dx through scion__g_set. */
typedef struct scion_grad_call {
  scion_x x;                  /* first: &g->x makes tensors */
  const scion_op *op;
  const void *params;
  scion_tensor *const *in;    /* kept inputs carry data and history; others have shape and dtype only; NULL if omitted */
  int32_t n_in;
  scion_tensor *const *out;   /* likewise */
  int32_t n_out;
  scion_tensor *const *dy;    /* NULL: no gradient flows into that output */
  scion_tensor **dx;          /* to set, where needs[i] */
  const bool *needs;
} scion_grad_call;
static inline bool scion__g_needs(const scion_grad_call *g, int32_t i) { return i < g->n_in && g->needs[i]; }
void scion__g_set(scion_grad_call *g, int32_t i, scion_tensor *dx); /* shares dx: the caller's reference stays the caller's */

#define SCION_KEEP_IN(i) (1u << (i))
#define SCION_KEEP_OUT(i) (1u << (16 + (i)))
#define SCION_KEEP_ALL_IN 0xffffu /* variadic ops */

/* Sample inputs for the derivative checks, in words: comma-separated inputs, each
 *   "3x4"        f64 normal numbers of that shape          "3x4:+"   positive, 0.5 .. 2
 *   "3x4:u"      uniform in (-0.9, 0.9)                     "3x4:d"   all distinct, gaps of at least 0.1 (max, sort)
 *   "5:i<4"      i64 ids 0..3 (j: i32)                             "3x4:b"   bool
 *   "4x4:spd"    symmetric positive definite                "4x4:tril" lower triangular, well conditioned
 *   "3x4:p"      probabilities, 0.05 .. 0.95               "3x4:sign" -1 or 1
 *   "s" or "1"   0-d scalar / one element                   "-"       omitted
 *   "=3;-1"      the i64 vector (3, -1)
 *   a trailing "!" marks an f64 input that is not differentiated.
 * `set` assigns parameters: "dim=1 keepdim=true stride=2,2 reduction=sum" (raw, 0-based values). */
typedef struct scion_sample { const char *inputs; const char *set; } scion_sample;

struct scion_op {
  scion_op_info info;
  scion_status (*infer)(scion_call *c);
  scion_status (*forward)(scion_call *c);
  void (*compose)(scion_x *x, const scion_call *c, scion_tensor **out); /* out: borrowed from x */
  void (*grad)(scion_grad_call *g);
  scion_status (*grad_fused)(scion_grad_call *g);
  int32_t kernel;             /* which inner loop, for families that share one forward */
  uint32_t keeps;             /* SCION_KEEP_*: what grad reads with data */
  uint32_t (*keeps_for)(const scion_call *c, const bool *needs); /* optional: narrower, given what needs a gradient */
  double (*cost)(const scion_call *c, double *bytes); /* multiply-adds; optional (default: output elements) */
  const scion_sample *samples; int32_t n_samples;
};

/* One place names them all. */
#define SCION_OP(name) extern const scion_op scion__op_##name;
#include "ops.def"
#undef SCION_OP

/* Table helpers. */
#define SCION_COUNT(a) ((int32_t)(sizeof(a) / sizeof((a)[0])))
#define SCION_INPUTS(a) .inputs = (a), .n_inputs = SCION_COUNT(a)
#define SCION_OUTPUTS(a) .outputs = (a), .n_outputs = SCION_COUNT(a), .n_visible = SCION_COUNT(a)
#define SCION_PARAMS(a, type) .params = (a), .n_params = SCION_COUNT(a), .params_size = sizeof(type)
#define SCION_SAMPLES(a) .samples = (a), .n_samples = SCION_COUNT(a)
extern const scion_slot scion__slots_x[1];   /* {x} */
extern const scion_slot scion__slots_ab[2];  /* {a, b}, numbers welcome */
extern const scion_slot scion__slots_y[1];   /* {y}: the one output */

/* ---- infer helpers ---------------------------------------------------------------------------- */
void scion__out(scion_call *c, int32_t i, int dtype, int32_t n_dims, const int64_t *shape);
scion_status scion__infer_same(scion_call *c);      /* y like in[0]; any compute dtype */
scion_status scion__infer_float(scion_call *c);     /* y like in[0]; f32 or f64 only */
scion_status scion__infer_broadcast(scion_call *c); /* y = broadcast(in[0], in[1]), one dtype */
scion_status scion__need_dtype(const scion_call *c, int32_t i, const char *what, bool ok); /* EDTYPE naming the input */
scion_status scion__need_float(const scion_call *c, int32_t i);
scion_status scion__need_int(const scion_call *c, int32_t i); /* i32 or i64 */
scion_status scion__need_same_dtype(const scion_call *c, int32_t i, int32_t j);
scion_status scion__need_dims(const scion_call *c, int32_t i, int32_t lo, int32_t hi);
/* Fails with "op: " prefixed. */
#define SCION_OP_FAIL(c, status, format, ...) \
  scion_fail((c)->ctx, status, "%s: " format, (c)->op->info.name, ##__VA_ARGS__)
/* Packed pointer to in[i]: in[i] itself or a temporary owned by *hold (free with scion_tensor_free). */
scion_status scion__packed_in(const scion_call *c, int32_t i, scion_tensor **hold);

/* scion_apply that gives every output, hidden ones too: out has room for op->info.n_outputs. */
scion_status scion__apply_all(scion_context *ctx, const scion_op *op, scion_tensor *const *inputs, int32_t n_inputs,
                              const void *params, scion_tensor **out);

/* ---- calling ops from C ------------------------------------------------------------------------ */
scion_tensor *scion__x_call(scion_x *x, const scion_op *op, const void *params, int32_t n_in, scion_tensor *const *in);
void scion__x_call_n(scion_x *x, const scion_op *op, const void *params, int32_t n_in, scion_tensor *const *in,
                     int32_t n_out, scion_tensor **out);
scion_tensor *scion__x0(scion_x *x, const scion_op *op); /* no inputs, default parameters */
scion_tensor *scion__x1(scion_x *x, const scion_op *op, const void *params, scion_tensor *a);
scion_tensor *scion__x2(scion_x *x, const scion_op *op, const void *params, scion_tensor *a, scion_tensor *b);
scion_tensor *scion__x3(scion_x *x, const scion_op *op, const void *params, scion_tensor *a, scion_tensor *b, scion_tensor *c);
scion_tensor *scion__x4(scion_x *x, const scion_op *op, const void *params, scion_tensor *a, scion_tensor *b, scion_tensor *c, scion_tensor *d);
/* The words that gradients are written in. */
scion_tensor *x_add(scion_x *x, scion_tensor *a, scion_tensor *b);
scion_tensor *x_sub(scion_x *x, scion_tensor *a, scion_tensor *b);
scion_tensor *x_mul(scion_x *x, scion_tensor *a, scion_tensor *b);
scion_tensor *x_div(scion_x *x, scion_tensor *a, scion_tensor *b);
scion_tensor *x_neg(scion_x *x, scion_tensor *a);
scion_tensor *x_adds(scion_x *x, scion_tensor *a, double s); /* a + s */
scion_tensor *x_muls(scion_x *x, scion_tensor *a, double s); /* a * s */
scion_tensor *x_scalar(scion_x *x, int dtype, double s);      /* 0-d */
scion_tensor *x_full(scion_x *x, int dtype, int32_t n_dims, const int64_t *shape, double s); /* unrecorded */
scion_tensor *x_zeros_like(scion_x *x, scion_tensor *a);
scion_tensor *x_sum_to(scion_x *x, scion_tensor *a, const scion_tensor *like); /* undoes broadcasting: sums down to like's shape */
scion_tensor *x_expand_like(scion_x *x, scion_tensor *a, const scion_tensor *like);
scion_tensor *x_reshape(scion_x *x, scion_tensor *a, int32_t n_dims, const int64_t *shape);
scion_tensor *x_reshape_like(scion_x *x, scion_tensor *a, const scion_tensor *like);
scion_tensor *x_transpose(scion_x *x, scion_tensor *a, int64_t dim0, int64_t dim1);
scion_tensor *x_permute(scion_x *x, scion_tensor *a, int32_t n, const int64_t *dims);
scion_tensor *x_narrow(scion_x *x, scion_tensor *a, int64_t dim, int64_t start, int64_t length);
scion_tensor *x_unsqueeze(scion_x *x, scion_tensor *a, int64_t dim);
scion_tensor *x_sum(scion_x *x, scion_tensor *a, int32_t n, const int64_t *dims, bool keepdim); /* n 0: all */
scion_tensor *x_mean(scion_x *x, scion_tensor *a, int32_t n, const int64_t *dims, bool keepdim);
scion_tensor *x_matmul(scion_x *x, scion_tensor *a, scion_tensor *b);
scion_tensor *x_where(scion_x *x, scion_tensor *cond, scion_tensor *a, scion_tensor *b);
scion_tensor *x_to(scion_x *x, scion_tensor *a, int dtype);
scion_tensor *x_cat(scion_x *x, int32_t n, scion_tensor *const *a, int64_t dim);
scion_tensor *x_stack(scion_x *x, int32_t n, scion_tensor *const *a, int64_t dim);
scion_tensor *x_detach(scion_x *x, scion_tensor *a);

#endif
