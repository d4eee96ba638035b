/* recurrent.c: one layer of an RNN, GRU or LSTM in one direction, as one op: the products with the input are
 * one matrix product over all steps, each step adds the product with the state. The gradient goes back through
 * time the same way. Gradients of gradients replay the layer as other ops. rnn.c stacks layers. */
#include "gemm.h"
#include "nn.h"
#include "recurrent.h"

static const char *const kinds[] = { "rnn_tanh", "rnn_relu", "gru", "lstm", NULL };
static const scion_param params_recurrent[] = {
  { "kind", SCION_P_ENUM, 0, offsetof(scion_recurrent_params, kind), .def = 0, .choices = kinds, .doc = "of cell" },
  { "reverse", SCION_P_BOOL, 0, offsetof(scion_recurrent_params, reverse), .def = 0, .doc = "from the last step to the first" } };

enum { X, H0, C0, W_IH, W_HH, B_IH, B_HH, N_INPUTS };
int64_t scion__gates_of(int32_t kind) { return kind == SCION_LSTM ? 4 : kind == SCION_GRU ? 3 : 1; }

typedef struct {
  scion_context *ctx;
  int dtype;
  int64_t steps, n, c, h, g;   /* g: rows of the weights */
  int32_t kind;
  bool reverse;
  size_t size;
} shape;
static shape shape_of(scion_context *ctx, const scion_recurrent_params *p, const scion_tensor *x, const scion_tensor *w_hh) {
  return (shape){ ctx, x->dtype, x->shape[0], x->shape[1], x->shape[2], w_hh->shape[1], w_hh->shape[0], p->kind, p->reverse,
                  scion_dtype_size((scion_dtype)x->dtype) };
}

static scion_status expect(const scion_call *c, int32_t i, int32_t n, const int64_t *want) {
  const scion_tensor *t = scion__opt(c, i);
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  if (t == NULL) return SCION_OK;
  SCION_TRY(scion__need_same_dtype(c, X, i));
  if (t->n_dims == n && memcmp(t->shape, want, (size_t)n * sizeof *want) == 0) return SCION_OK;
  return SCION_OP_FAIL(c, SCION_ESHAPE, "%s must be %s, got %s", scion__slot_name(c, i), scion__shape_text(a, n, want), scion__tensor_brief(b, t));
}
static scion_status infer(scion_call *c) {
  const scion_recurrent_params *p = c->params;
  SCION_TRY(scion__need_float(c, X));
  SCION_TRY(scion__need_dims(c, X, 3, 3));
  SCION_TRY(scion__need_dims(c, W_HH, 2, 2));
  shape s = shape_of(c->ctx, p, c->in[X], c->in[W_HH]);
  int64_t gates = scion__gates_of(p->kind);
  if (s.h < 1 || s.g != gates * s.h) {
    char a[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "w_hh must be (%lld H, H), got %s", (long long)gates, scion__tensor_brief(a, c->in[W_HH]));
  }
  SCION_TRY(expect(c, W_HH, 2, (int64_t[]){ s.g, s.h }));
  SCION_TRY(expect(c, W_IH, 2, (int64_t[]){ s.g, s.c }));
  SCION_TRY(expect(c, H0, 2, (int64_t[]){ s.n, s.h }));
  SCION_TRY(expect(c, C0, 2, (int64_t[]){ s.n, s.h }));
  SCION_TRY(expect(c, B_IH, 1, &s.g));
  SCION_TRY(expect(c, B_HH, 1, &s.g));
  if (scion__opt(c, C0) != NULL && p->kind != SCION_LSTM) return SCION_OP_FAIL(c, SCION_EINVAL, "c0 is for lstm only");
  if (s.steps < 1) return SCION_OP_FAIL(c, SCION_ESHAPE, "the sequence has no steps");
  bool cells = p->kind == SCION_LSTM || p->kind == SCION_GRU;
  scion__out(c, 0, s.dtype, 3, (int64_t[]){ s.steps, s.n, s.h });
  scion__out(c, 1, cells ? s.dtype : -1, 3, (int64_t[]){ s.steps, s.n, s.h });
  scion__out(c, 2, cells ? s.dtype : -1, 3, (int64_t[]){ s.steps, s.n, s.g });
  return SCION_OK;
}

/* y (m, n) = a (m, k) b (k, n) or a b' */
static scion_status product(const shape *s, int64_t m, int64_t n, int64_t k, const char *a, bool a_turned, const char *b, bool b_turned,
                            char *y, bool accumulate) {
  int64_t zero = 0;
  if (m == 0 || n == 0) return SCION_OK;
  scion_matrix ma = { (char *)(uintptr_t)a, a_turned ? 1 : k, a_turned ? m : 1 }, mb = { (char *)(uintptr_t)b, b_turned ? 1 : n, b_turned ? k : 1 };
  return scion__gemm(s->ctx, s->dtype, 1, m, n, k, ma, &zero, mb, &zero, (scion_matrix){ y, n, 1 }, 0, accumulate);
}
static void add_bias(const shape *s, int64_t rows, const scion_tensor *bias, char *y) {
  for (int64_t r = 0; bias != NULL && r < rows; r++) {
    if (s->dtype == SCION_F32) {
      for (int64_t j = 0; j < s->g; j++) ((float *)(void *)y)[r * s->g + j] += ((const float *)(const void *)bias->data)[j];
    } else {
      for (int64_t j = 0; j < s->g; j++) ((double *)(void *)y)[r * s->g + j] += ((const double *)(const void *)bias->data)[j];
    }
  }
}
/* Packed inputs; NULL where omitted. */
static scion_status pack_all(scion_context *ctx, scion_tensor *const *in, int32_t n_in, scion_tensor **out) {
  for (int32_t i = 0; i < N_INPUTS; i++) out[i] = NULL;
  for (int32_t i = 0; i < n_in; i++)
    if (in[i] != NULL && in[i]->data != NULL) SCION_TRY(scion__tensor_packed(ctx, in[i], &out[i]));
  return SCION_OK;
}
static void release_all(scion_context *ctx, scion_tensor **t) {
  for (int32_t i = 0; i < N_INPUTS; i++) scion_tensor_free(ctx, t[i]);
}

static scion_status forward(scion_call *c) {
  const scion_recurrent_params *p = c->params;
  scion_tensor *in[N_INPUTS], *scratch = NULL;
  scion_status status = pack_all(c->ctx, c->in, c->n_in, in);
  if (status != SCION_OK) {
    release_all(c->ctx, in);
    return status;
  }
  shape s = shape_of(c->ctx, p, in[X], in[W_HH]);
  bool gru = s.kind == SCION_GRU, simple = s.kind == SCION_RNN_TANH || s.kind == SCION_RNN_RELU;
  /* simple cells: sums of all steps; gru: one step's sums from the state */
  int64_t room = simple ? s.steps * s.n * s.g : gru ? s.n * s.g : 1;
  status = scion__tensor_alloc(c->ctx, s.dtype, 1, &room, &scratch);
  char *gates = simple ? NULL : c->out[2]->data;
  if (status == SCION_OK && simple) gates = scratch->data;
  if (status == SCION_OK) status = product(&s, s.steps * s.n, s.g, s.c, in[X]->data, false, in[W_IH]->data, true, gates, false);
  if (status == SCION_OK) {
    add_bias(&s, s.steps * s.n, in[B_IH], gates);
    if (!gru) add_bias(&s, s.steps * s.n, in[B_HH], gates);
  }
  int64_t cell = s.n * s.h;
  const char *h = in[H0] == NULL ? NULL : in[H0]->data, *cells = in[C0] == NULL ? NULL : in[C0]->data;
  for (int64_t k = 0; k < s.steps && status == SCION_OK; k++) {
    int64_t t = s.reverse ? s.steps - 1 - k : k;
    char *sums = gates + (size_t)(t * s.n * s.g) * s.size, *y = c->out[0]->data + (size_t)(t * cell) * s.size;
    char *state = simple ? NULL : c->out[1]->data + (size_t)(t * cell) * s.size;
    if (gru) {
      if (h != NULL) status = product(&s, s.n, s.g, s.h, h, false, in[W_HH]->data, true, scratch->data, false);
      else memset(scratch->data, 0, (size_t)(s.n * s.g) * s.size);
      add_bias(&s, s.n, in[B_HH], scratch->data);
    } else if (h != NULL) {
      status = product(&s, s.n, s.g, s.h, h, false, in[W_HH]->data, true, sums, true);
    }
    if (status != SCION_OK) break;
    if (s.dtype == SCION_F32) {
      if (simple) scion__k->rnn_step_f32(cell, (float *)(void *)sums, s.kind == SCION_RNN_RELU, (float *)(void *)y);
      else if (gru) scion__k->gru_step_f32(s.n, s.h, (float *)(void *)sums, (float *)(void *)scratch->data, (const float *)(const void *)h,
          (float *)(void *)state, (float *)(void *)y);
      else scion__k->lstm_step_f32(s.n, s.h, (float *)(void *)sums, (const float *)(const void *)cells, (float *)(void *)state, (float *)(void *)y);
    } else {
      if (simple) scion__k->rnn_step_f64(cell, (double *)(void *)sums, s.kind == SCION_RNN_RELU, (double *)(void *)y);
      else if (gru) scion__k->gru_step_f64(s.n, s.h, (double *)(void *)sums, (double *)(void *)scratch->data, (const double *)(const void *)h,
          (double *)(void *)state, (double *)(void *)y);
      else scion__k->lstm_step_f64(s.n, s.h, (double *)(void *)sums, (const double *)(const void *)cells, (double *)(void *)state, (double *)(void *)y);
    }
    h = y;
    cells = state;
  }
  scion_tensor_free(c->ctx, scratch);
  release_all(c->ctx, in);
  return status;
}

static void column_sums(const shape *s, int64_t rows, const char *x, scion_tensor *out) {
  for (int64_t j = 0; j < s->g; j++) {
    double sum = 0;
    for (int64_t r = 0; r < rows; r++) sum += scion__load(x, s->dtype, r * s->g + j);
    scion__store(out->data, s->dtype, j, sum);
  }
}
static void add_into(const shape *s, int64_t n, const char *x, char *y) {
  if (s->dtype == SCION_F32) {
    for (int64_t i = 0; i < n; i++) ((float *)(void *)y)[i] += ((const float *)(const void *)x)[i];
  } else {
    for (int64_t i = 0; i < n; i++) ((double *)(void *)y)[i] += ((const double *)(const void *)x)[i];
  }
}

static scion_status grad_fused(scion_grad_call *g) {
  const scion_recurrent_params *p = g->params;
  scion_context *ctx = g->x.ctx;
  scion_tensor *in[N_INPUTS], *dx[N_INPUTS] = { NULL }, *dy = NULL, *dcells = NULL, *d_in = NULL, *d_state = NULL, *dh = NULL, *dc = NULL;
  scion_tensor *up = NULL;
  scion_status status = pack_all(ctx, g->in, g->n_in, in);
  shape s = { 0 };
  if (status != SCION_OK) goto done;
  s = shape_of(ctx, p, in[X], in[W_HH]);
  bool gru = s.kind == SCION_GRU, lstm = s.kind == SCION_LSTM, simple = !gru && !lstm;
  int64_t cell = s.n * s.h, all = s.steps * s.n;
  if (g->dy[0] != NULL) status = scion__tensor_packed(ctx, g->dy[0], &dy);
  if (status == SCION_OK && lstm && g->dy[1] != NULL) status = scion__tensor_packed(ctx, g->dy[1], &dcells);
  int64_t gate_room = all * s.g;
  if (status == SCION_OK) status = scion__tensor_alloc(ctx, s.dtype, 1, &gate_room, &d_in);
  if (status == SCION_OK && gru) status = scion__tensor_alloc(ctx, s.dtype, 1, &gate_room, &d_state);
  if (status == SCION_OK) status = scion__tensor_alloc(ctx, s.dtype, 2, (int64_t[]){ s.n, s.h }, &dh);
  if (status == SCION_OK) status = scion__tensor_alloc(ctx, s.dtype, 2, (int64_t[]){ s.n, s.h }, &dc);
  if (status == SCION_OK) status = scion__tensor_alloc(ctx, s.dtype, 1, &cell, &up);
  for (int32_t i = 0; i < g->n_in && status == SCION_OK; i++) {
    if (g->needs[i] && i != H0 && i != C0) status = scion__tensor_alloc(ctx, s.dtype, g->in[i]->n_dims, g->in[i]->shape, &dx[i]);
  }
  if (status != SCION_OK) goto done;
  scion__tensor_fill(ctx, dh, 0);
  scion__tensor_fill(ctx, dc, 0);
  const char *y = g->out[0]->data, *cells = simple ? NULL : g->out[1]->data, *gates = simple ? NULL : g->out[2]->data;
  for (int64_t k = s.steps - 1; k >= 0; k--) {
    int64_t t = s.reverse ? s.steps - 1 - k : k, before = s.reverse ? t + 1 : t - 1;
    size_t at = (size_t)(t * cell) * s.size, gate_at = (size_t)(t * s.n * s.g) * s.size;
    const char *h_prev = k > 0 ? y + (size_t)(before * cell) * s.size : in[H0] == NULL ? NULL : in[H0]->data;
    const char *c_prev = !lstm ? NULL : k > 0 ? cells + (size_t)(before * cell) * s.size : in[C0] == NULL ? NULL : in[C0]->data;
    memcpy(up->data, dh->data, (size_t)cell * s.size);
    if (dy != NULL) add_into(&s, cell, dy->data + at, up->data);
    if (dcells != NULL) add_into(&s, cell, dcells->data + at, dc->data);
    char *d = d_in->data + gate_at, *d2 = gru ? d_state->data + gate_at : d;
    if (s.dtype == SCION_F32) {
      const float *u = (const float *)(const void *)up->data;
      if (simple) scion__k->rnn_step_grad_f32(cell, (const float *)(const void *)(y + at), u, s.kind == SCION_RNN_RELU, (float *)(void *)d);
      else if (gru) scion__k->gru_step_grad_f32(s.n, s.h, (const float *)(const void *)(gates + gate_at), (const float *)(const void *)(cells + at),
          (const float *)(const void *)h_prev, u, (float *)(void *)d, (float *)(void *)d2, (float *)(void *)dh->data);
      else scion__k->lstm_step_grad_f32(s.n, s.h, (const float *)(const void *)(gates + gate_at), (const float *)(const void *)c_prev,
          (const float *)(const void *)(cells + at), u, (float *)(void *)dc->data, (float *)(void *)d);
    } else {
      const double *u = (const double *)(const void *)up->data;
      if (simple) scion__k->rnn_step_grad_f64(cell, (const double *)(const void *)(y + at), u, s.kind == SCION_RNN_RELU, (double *)(void *)d);
      else if (gru) scion__k->gru_step_grad_f64(s.n, s.h, (const double *)(const void *)(gates + gate_at), (const double *)(const void *)(cells + at),
          (const double *)(const void *)h_prev, u, (double *)(void *)d, (double *)(void *)d2, (double *)(void *)dh->data);
      else scion__k->lstm_step_grad_f64(s.n, s.h, (const double *)(const void *)(gates + gate_at), (const double *)(const void *)c_prev,
          (const double *)(const void *)(cells + at), u, (double *)(void *)dc->data, (double *)(void *)d);
    }
    if (k > 0 || scion__g_needs(g, H0)) {
      status = product(&s, s.n, s.h, s.g, d2, false, in[W_HH]->data, false, dh->data, gru);
      if (status != SCION_OK) goto done;
    }
  }
  const char *d2 = gru ? d_state->data : d_in->data;
  if (dx[X] != NULL) status = product(&s, all, s.c, s.g, d_in->data, false, in[W_IH]->data, false, dx[X]->data, false);
  if (status == SCION_OK && dx[W_IH] != NULL) status = product(&s, s.g, s.c, all, d_in->data, true, in[X]->data, false, dx[W_IH]->data, false);
  if (status == SCION_OK && dx[W_HH] != NULL) { /* the steps after the first see y shifted by one; the first sees h0 */
    size_t one = (size_t)(s.n * s.g) * s.size, one_y = (size_t)cell * s.size;
    const char *later = s.reverse ? d2 : d2 + one, *first = s.reverse ? d2 + (size_t)(s.steps - 1) * one : d2, *seen = s.reverse ? y + one_y : y;
    scion__tensor_fill(ctx, dx[W_HH], 0);
    if (s.steps > 1) status = product(&s, s.g, s.h, (s.steps - 1) * s.n, later, true, seen, false, dx[W_HH]->data, false);
    if (status == SCION_OK && in[H0] != NULL) status = product(&s, s.g, s.h, s.n, first, true, in[H0]->data, false, dx[W_HH]->data, true);
  }
  if (status != SCION_OK) goto done;
  if (dx[B_IH] != NULL) column_sums(&s, all, d_in->data, dx[B_IH]);
  if (dx[B_HH] != NULL) column_sums(&s, all, d2, dx[B_HH]);
  for (int32_t i = 0; i < g->n_in; i++) scion__g_set(g, i, i == H0 ? dh : i == C0 ? dc : dx[i]);
done:
  release_all(ctx, in);
  for (int32_t i = 0; i < N_INPUTS; i++) scion_tensor_free(ctx, dx[i]);
  scion_tensor_free(ctx, dy);
  scion_tensor_free(ctx, dcells);
  scion_tensor_free(ctx, d_in);
  scion_tensor_free(ctx, d_state);
  scion_tensor_free(ctx, dh);
  scion_tensor_free(ctx, dc);
  scion_tensor_free(ctx, up);
  return status;
}

/* The same written out, for gradients of gradients. */
static void compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const scion_recurrent_params *p = c->params;
  scion_tensor *in[N_INPUTS] = { NULL };
  for (int32_t i = 0; i < c->n_in; i++) in[i] = c->in[i];
  shape s = shape_of(c->ctx, p, in[X], in[W_HH]);
  bool gru = s.kind == SCION_GRU, lstm = s.kind == SCION_LSTM;
  scion_tensor *all = x_matmul(x, x_reshape(x, in[X], 2, (int64_t[]){ s.steps * s.n, s.c }), x_transpose(x, in[W_IH], 0, 1));
  if (in[B_IH] != NULL) all = x_add(x, all, in[B_IH]);
  if (in[B_HH] != NULL && !gru) all = x_add(x, all, in[B_HH]);
  scion_tensor *turned = x_transpose(x, in[W_HH], 0, 1);
  scion_tensor *h = in[H0] != NULL ? in[H0] : x_full(x, s.dtype, 2, (int64_t[]){ s.n, s.h }, 0);
  scion_tensor *cell = in[C0] != NULL ? in[C0] : x_full(x, s.dtype, 2, (int64_t[]){ s.n, s.h }, 0);
  size_t bytes = (size_t)s.steps * 2 * sizeof(scion_tensor *);
  scion_tensor **ys = scion__alloc(c->ctx, bytes);
  if (ys == NULL) {
    x->status = SCION_ENOMEM;
    return;
  }
  scion_tensor **cs = ys + s.steps;
  for (int64_t k = 0; k < s.steps; k++) {
    int64_t t = s.reverse ? s.steps - 1 - k : k;
    scion_tensor *sums = x_narrow(x, all, 0, t * s.n, s.n), *from_h = x_matmul(x, h, turned);
    cs[t] = cell;
    if (gru) {
      if (in[B_HH] != NULL) from_h = x_add(x, from_h, in[B_HH]);
      scion_tensor *rz = X1(sigmoid, x_add(x, x_narrow(x, sums, 1, 0, 2 * s.h), x_narrow(x, from_h, 1, 0, 2 * s.h)));
      scion_tensor *r = x_narrow(x, rz, 1, 0, s.h), *z = x_narrow(x, rz, 1, s.h, s.h), *inner = x_narrow(x, from_h, 1, 2 * s.h, s.h);
      scion_tensor *n = X1(tanh, x_add(x, x_narrow(x, sums, 1, 2 * s.h, s.h), x_mul(x, r, inner)));
      h = x_add(x, n, x_mul(x, z, x_sub(x, h, n)));
      cs[t] = inner;
    } else if (lstm) {
      sums = x_add(x, sums, from_h);
      scion_tensor *fi = X1(sigmoid, x_narrow(x, sums, 1, 0, 2 * s.h)), *new_c = X1(tanh, x_narrow(x, sums, 1, 2 * s.h, s.h));
      scion_tensor *o = X1(sigmoid, x_narrow(x, sums, 1, 3 * s.h, s.h));
      cell = x_add(x, x_mul(x, x_narrow(x, fi, 1, s.h, s.h), cell), x_mul(x, x_narrow(x, fi, 1, 0, s.h), new_c));
      h = x_mul(x, o, X1(tanh, cell));
      cs[t] = cell;
    } else {
      sums = x_add(x, sums, from_h);
      h = s.kind == SCION_RNN_RELU ? X1(relu, sums) : X1(tanh, sums);
    }
    ys[t] = h;
  }
  if (x->status == SCION_OK) {
    out[0] = x_stack(x, (int32_t)s.steps, ys, 0);
    if (lstm) out[1] = x_stack(x, (int32_t)s.steps, cs, 0);
  }
  scion__free(c->ctx, ys, bytes);
}

static const scion_slot slots[] = {
  { "x", 0, "(T, N, C)" }, { "h0", SCION_SF_OPTIONAL, "(N, H); default zeros" }, { "c0", SCION_SF_OPTIONAL, "(N, H), lstm only; default zeros" },
  { "w_ih", SCION_SF_PARAM, "(gates H, C)" }, { "w_hh", SCION_SF_PARAM, "(gates H, H)" },
  { "b_ih", SCION_SF_OPTIONAL | SCION_SF_PARAM, "(gates H)" }, { "b_hh", SCION_SF_OPTIONAL | SCION_SF_PARAM, "(gates H)" } };
static const scion_slot slots_out[] = { { "y", 0, "(T, N, H): state after every step" },
                                        { "cells", 0, "(T, N, H): lstm's cells; gru's part of the new state that comes from the old" },
                                        { "gates", 0, "(T, N, gates H): their values" } };
static const scion_sample samples[] = {
  { "3x2x2,2x3,-,3x2,3x3,3,3", "kind=rnn_tanh" }, { "3x2x2,-,-,3x2,3x3", "kind=rnn_relu reverse=true" }, { "3x2x2,2x3,-,9x2,9x3,9,9", "kind=gru" },
  { "3x2x2,-,-,9x2,9x3,9,9", "kind=gru reverse=true" }, { "3x2x2,2x3,2x3,12x2,12x3,12,12", "kind=lstm" }, { "2x2x2,2x3,2x3,12x2,12x3", "kind=lstm reverse=true" } };
const scion_op scion__op_recurrent = {
  .info = { .name = "recurrent", .version = 1, .flags = SCION_OF_INTERNAL, .doc = "One layer of an RNN, GRU or LSTM in one direction.",
            SCION_INPUTS(slots), .outputs = slots_out, .n_outputs = 3, .n_visible = 1, SCION_PARAMS(params_recurrent, scion_recurrent_params) },
  .infer = infer, .forward = forward, .compose = compose, .grad_fused = grad_fused,
  .keeps = SCION_KEEP_ALL_IN | SCION_KEEP_OUT(0) | SCION_KEEP_OUT(1) | SCION_KEEP_OUT(2), SCION_SAMPLES(samples) };
