/* linear.c: the linear layer and the gradient of its parameters. A weight with a dimension in front holds one matrix per
 * task (a meta-batch): the rows of x then belong to the tasks in equal runs, so that a layer adapted to T tasks is one call. */
#include "gemm.h"
#include "nn.h"

/* Rows of x for each of the tasks, features in and out. */
typedef struct { int64_t tasks, rows, in, out; } layout;

static scion_status too_large(const scion_call *c, layout l) {
  if (l.rows <= INT32_MAX && l.in <= INT32_MAX && l.out <= INT32_MAX) return SCION_OK;
  return SCION_OP_FAIL(c, SCION_EUNSUPPORTED, "a dimension is above 2^31 - 1");
}

/* Byte offsets of `n` equal blocks. */
static void block_offsets(int64_t n, int64_t elements, int dtype, int64_t *out) {
  for (int64_t i = 0; i < n; i++) out[i] = i * elements * (int64_t)scion_dtype_size((scion_dtype)dtype);
}

/* ---- y = x W' + b ---------------------------------------------------------------------------------------------- */

enum { X, WEIGHT, BIAS };

static layout layout_of(const scion_tensor *x, const scion_tensor *w) {
  int32_t lead = w->n_dims - 2;
  layout l = { lead > 0 ? w->shape[0] : 1, 0, w->shape[lead + 1], w->shape[lead] };
  int64_t rows = 1;
  for (int32_t d = 0; d < x->n_dims - 1; d++) rows *= x->shape[d];
  l.rows = l.tasks > 0 ? rows / l.tasks : 0;
  return l;
}

static scion_status infer(scion_call *c) {
  const scion_tensor *x = c->in[X], *w = c->in[WEIGHT], *b = scion__opt(c, BIAS);
  char tx[SCION_SHAPE_TEXT], tw[SCION_SHAPE_TEXT];
  SCION_TRY(scion__need_float(c, X));
  SCION_TRY(scion__need_same_dtype(c, X, WEIGHT));
  SCION_TRY(scion__need_dims(c, WEIGHT, 2, 3));
  SCION_TRY(scion__need_dims(c, X, w->n_dims - 1, SCION_MAX_DIMS));
  int32_t lead = w->n_dims - 2;
  if (x->shape[x->n_dims - 1] != w->shape[lead + 1]) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "x has %lld features but weight expects %lld (x %s, weight %s)", (long long)x->shape[x->n_dims - 1],
                         (long long)w->shape[lead + 1], scion__shape_text(tx, x->n_dims, x->shape), scion__shape_text(tw, w->n_dims, w->shape));
  }
  if (lead > 0 && (w->shape[0] == 0 || x->shape[0] % w->shape[0] != 0)) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "the %lld items of x do not divide among the %lld tasks of weight (x %s, weight %s)", (long long)x->shape[0],
                         (long long)w->shape[0], scion__shape_text(tx, x->n_dims, x->shape), scion__shape_text(tw, w->n_dims, w->shape));
  }
  if (b != NULL) {
    SCION_TRY(scion__need_same_dtype(c, X, BIAS));
    if (b->n_dims != lead + 1 || b->shape[lead] != w->shape[lead] || (lead > 0 && b->shape[0] != w->shape[0])) {
      return SCION_OP_FAIL(c, SCION_ESHAPE, "bias %s must have one value per row of weight %s", scion__shape_text(tx, b->n_dims, b->shape),
                           scion__shape_text(tw, w->n_dims, w->shape));
    }
  }
  int64_t shape[SCION_MAX_DIMS];
  for (int32_t d = 0; d < x->n_dims; d++) shape[d] = x->shape[d];
  shape[x->n_dims - 1] = w->shape[lead];
  scion__out(c, 0, x->dtype, x->n_dims, shape);
  return SCION_OK;
}

/* The product is added to rows of bias. */
static scion_status fill_with_bias(scion_context *ctx, layout l, scion_tensor *b, scion_tensor *y) {
  scion_tensor *rows, *flat;
  const int64_t shape[3] = { l.tasks, l.rows, l.out };
  int32_t lead = b->n_dims - 1;
  SCION_TRY(scion__tensor_view(ctx, b, 3, shape, (int64_t[]){ lead > 0 ? b->strides[0] : 0, 0, b->strides[lead] }, 0, &rows));
  scion_status st = scion__tensor_view(ctx, y, 3, shape, NULL, 0, &flat);
  if (st == SCION_OK) {
    st = scion__tensor_copy_into(ctx, flat, rows);
    scion_tensor_free(ctx, flat);
  }
  scion_tensor_free(ctx, rows);
  return st;
}

static scion_status forward(scion_call *c) {
  scion_tensor *x = NULL, *w = NULL, *y = c->out[0], *b = scion__opt(c, BIAS);
  if (y->numel == 0) return SCION_OK;
  layout l = layout_of(c->in[X], c->in[WEIGHT]);
  int32_t lead = c->in[WEIGHT]->n_dims - 2;
  if (lead > 0 && c->in[WEIGHT]->strides[0] == 0 && (b == NULL || b->strides[0] == 0)) { /* the same for all tasks: one taller product */
    l.rows *= l.tasks;
    l.tasks = 1;
  }
  SCION_TRY(too_large(c, l));
  int64_t few[64], *at = few;
  size_t bytes = 2 * (size_t)l.tasks * sizeof *at;
  if (2 * l.tasks > SCION_COUNT(few)) {
    at = scion__alloc(c->ctx, bytes);
    if (at == NULL) return SCION_ENOMEM;
  }
  scion_status st = scion__packed_in(c, X, &x);
  if (st == SCION_OK && scion__matrix_ok(l.out, l.in, c->in[WEIGHT]->strides[lead], c->in[WEIGHT]->strides[lead + 1])) w = scion_tensor_ref(c->in[WEIGHT]);
  else if (st == SCION_OK) st = scion__packed_in(c, WEIGHT, &w);
  if (st == SCION_OK && b != NULL) st = fill_with_bias(c->ctx, l, b, y);
  if (st == SCION_OK) {
    scion_matrix mx = { x->data, l.in, 1 }, mw = { w->data, w->strides[lead + 1], w->strides[lead] }, my = { y->data, l.out, 1 };
    block_offsets(l.tasks, l.rows * l.in, x->dtype, at);
    block_offsets(l.tasks, lead > 0 ? w->strides[0] : 0, x->dtype, at + l.tasks);
    st = scion__gemm(c->ctx, y->dtype, l.tasks, l.rows, l.out, l.in, mx, at, mw, at + l.tasks, my,
                     l.rows * l.out * (int64_t)scion_dtype_size((scion_dtype)y->dtype), b != NULL);
  }
  if (at != few) scion__free(c->ctx, at, bytes);
  scion_tensor_free(c->ctx, w);
  scion_tensor_free(c->ctx, x);
  return st;
}

/* dX = dY W, (dW, db) = linear_grad(dY, X). */
typedef struct { int64_t tasks; } grad_params;
static void grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion_tensor *w = g->in[WEIGHT], *dy = g->dy[0];
  if (scion__g_needs(g, X)) scion__g_set(g, X, X2(linear, dy, x_transpose(x, w, -2, -1)));
  if (scion__g_needs(g, WEIGHT)) {
    grad_params p = { w->n_dims > 2 ? w->shape[0] : 0 };
    scion_tensor *out[2];
    scion__x_call_n(x, &scion__op_linear_grad, &p, 2, (scion_tensor *[]){ dy, g->in[X] }, 2, out);
    scion__g_set(g, WEIGHT, out[0]);
    scion__g_set(g, BIAS, out[1]);
  } else if (scion__g_needs(g, BIAS)) {
    scion_tensor *b = g->in[BIAS];
    if (b->n_dims == 1) scion__g_set(g, BIAS, x_sum_to(x, dy, b));
    else scion__g_set(g, BIAS, x_sum(x, x_reshape(x, dy, 3, (int64_t[]){ b->shape[0], -1, b->shape[1] }), 1, (int64_t[]){ 1 }, false));
  }
}
static uint32_t keeps_for(const scion_call *c, const bool *needs) {
  return (needs[X] ? SCION_KEEP_IN(WEIGHT) : 0) | (needs[WEIGHT] ? SCION_KEEP_IN(X) : 0);
}
static double cost(const scion_call *c, double *bytes) {
  layout l = layout_of(c->in[X], c->in[WEIGHT]);
  *bytes = (double)scion_dtype_size((scion_dtype)c->in[X]->dtype) * ((double)c->in[X]->numel + (double)c->in[WEIGHT]->numel);
  return (double)c->in[X]->numel * (double)l.out;
}
static const scion_slot slots_linear[] = { { "x", 0, "(..., in)" }, { "weight", SCION_SF_PARAM, "(out, in), or (tasks, out, in)" },
                                           { "bias", SCION_SF_OPTIONAL | SCION_SF_PARAM, "(out), or (tasks, out)" } };
static const scion_sample samples_linear[] = { { "3x4,2x4,2", "" }, { "3x4,2x4", "" }, { "2x3x4,5x4,5", "" }, { "4,2x4,2", "" },
                                               { "6x4,3x2x4,3x2", "" }, { "2x3x4,2x5x4", "" } };
const scion_op scion__op_linear = {
  .info = { "linear", 1, SCION_OF_FUNCTION, "x weight' + bias: (..., out). With (tasks, out, in) weights the items of x are split into that many equal "
            "runs, each with its own matrix.", SCION_INPUTS(slots_linear), SCION_OUTPUTS(scion__slots_y) },
  .infer = infer, .forward = forward, .grad = grad, .keeps = SCION_KEEP_IN(X) | SCION_KEEP_IN(WEIGHT), .keeps_for = keeps_for, .cost = cost,
  SCION_SAMPLES(samples_linear) };

/* ---- its gradient ------------------------------------------------------------------------------------------------ */

enum { DY };
static layout grad_layout(const scion_call *c) {
  const scion_tensor *dy = c->in[DY], *x = c->in[1];
  int64_t tasks = ((const grad_params *)c->params)->tasks;
  layout l = { tasks > 0 ? tasks : 1, 1, x->shape[x->n_dims - 1], dy->shape[dy->n_dims - 1] };
  for (int32_t d = 0; d < x->n_dims - 1; d++) l.rows *= x->shape[d];
  l.rows /= l.tasks;
  return l;
}
static scion_status grad_infer(scion_call *c) {
  const scion_tensor *dy = c->in[DY], *x = c->in[1];
  int64_t tasks = ((const grad_params *)c->params)->tasks;
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  SCION_TRY(scion__need_float(c, DY));
  SCION_TRY(scion__need_same_dtype(c, DY, 1));
  SCION_TRY(scion__need_dims(c, DY, 1, SCION_MAX_DIMS));
  bool fits = dy->n_dims == x->n_dims && memcmp(dy->shape, x->shape, (size_t)(dy->n_dims - 1) * sizeof *dy->shape) == 0;
  if (!fits || (tasks > 0 && (dy->n_dims < 2 || dy->shape[0] % tasks != 0))) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "dy %s and x %s do not fit together", scion__tensor_brief(a, dy), scion__tensor_brief(b, x));
  }
  layout l = grad_layout(c);
  int64_t shape[3] = { l.tasks, l.out, l.in };
  scion__out(c, 0, dy->dtype, tasks > 0 ? 3 : 2, tasks > 0 ? shape : shape + 1);
  scion__out(c, 1, dy->dtype, tasks > 0 ? 2 : 1, tasks > 0 ? shape : shape + 1);
  return SCION_OK;
}
static scion_status grad_forward(scion_call *c) {
  layout l = grad_layout(c);
  scion_tensor *dy = NULL, *x = NULL, *dw = c->out[0], *db = c->out[1];
  SCION_TRY(too_large(c, l));
  int64_t few[256], *at = few, size = (int64_t)scion_dtype_size((scion_dtype)dw->dtype);
  size_t bytes = (size_t)(2 * l.tasks + l.out) * sizeof *at;
  if (2 * l.tasks + l.out > SCION_COUNT(few)) {
    at = scion__alloc(c->ctx, bytes);
    if (at == NULL) return SCION_ENOMEM;
  }
  double *sums = (double *)(void *)(at + 2 * l.tasks); /* of one task's dy */
  scion_status st = scion__packed_in(c, DY, &dy);
  if (st == SCION_OK) st = scion__packed_in(c, 1, &x);
  if (st == SCION_OK) {
    scion_matrix my = { dy->data, 1, l.out }, mx = { x->data, l.in, 1 }, mw = { dw->data, l.in, 1 };
    block_offsets(l.tasks, l.rows * l.out, dy->dtype, at);
    block_offsets(l.tasks, l.rows * l.in, dy->dtype, at + l.tasks);
    st = scion__gemm(c->ctx, dw->dtype, l.tasks, l.out, l.in, l.rows, my, at, mx, at + l.tasks, mw, l.out * l.in * size, false);
    for (int64_t t = 0; t < l.tasks; t++) {
      for (int64_t o = 0; o < l.out; o++) sums[o] = 0;
      scion__k->reduce_cols(SCION_R_sum, dy->dtype, l.rows, l.out, l.out, dy->data + at[t], NULL, sums);
      for (int64_t o = 0; o < l.out; o++) scion__store(db->data, db->dtype, t * l.out + o, sums[o]);
    }
  }
  if (at != few) scion__free(c->ctx, at, bytes);
  scion_tensor_free(c->ctx, x);
  scion_tensor_free(c->ctx, dy);
  return st;
}
/* dW = dY' X, db = sum dY: so ddY = X ddW' + ddb and ddX = dY ddW. */
static void grad_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion_tensor *ddw = g->dy[0], *ddb = g->dy[1];
  int64_t tasks = ((const grad_params *)g->params)->tasks;
  if (ddw == NULL && ddb == NULL) return;
  if (ddw == NULL) {
    scion_tensor *in = g->in[1], *out = g->in[DY];
    ddw = x_full(x, ddb->dtype, tasks > 0 ? 3 : 2, tasks > 0 ? (int64_t[]){ tasks, out->shape[out->n_dims - 1], in->shape[in->n_dims - 1] }
                                                             : (int64_t[]){ out->shape[out->n_dims - 1], in->shape[in->n_dims - 1] }, 0);
  }
  if (g->needs[DY]) scion__g_set(g, DY, scion__x_call(x, &scion__op_linear, NULL, ddb != NULL ? 3 : 2, (scion_tensor *[]){ g->in[1], ddw, ddb }));
  if (g->needs[1]) scion__g_set(g, 1, X2(linear, g->in[DY], x_transpose(x, ddw, -2, -1)));
}
static const scion_slot slots_grad[] = { { "dy", 0, "(..., out)" }, { "x", 0, "(..., in)" } };
static const scion_slot slots_grad_out[] = { { "dweight", 0, "(out, in), or (tasks, out, in)" }, { "dbias", 0, "(out), or (tasks, out)" } };
static const scion_param params_grad[] = {
  { "tasks", SCION_P_INT, 0, offsetof(grad_params, tasks), .def = 0, .min = 0, .max = 1e9, .doc = "tasks among which the items are divided; 0: a weight without that dimension" } };
static const scion_sample samples_grad[] = { { "3x2,3x4", "" }, { "2x3x2,2x3x4", "" }, { "6x2,6x4", "tasks=3" }, { "2,4", "" } };
const scion_op scion__op_linear_grad = {
  .info = { "linear_grad", 1, SCION_OF_FUNCTION, "What linear's gradient gives its weight and bias: dy' x, and the sum of dy over items.",
            SCION_INPUTS(slots_grad), SCION_OUTPUTS(slots_grad_out), SCION_PARAMS(params_grad, grad_params) },
  .infer = grad_infer, .forward = grad_forward, .grad = grad_grad, .keeps = SCION_KEEP_IN(0) | SCION_KEEP_IN(1), SCION_SAMPLES(samples_grad) };
