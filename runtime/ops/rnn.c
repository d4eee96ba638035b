/* rnn.c: rnn_tanh, rnn_relu, gru and lstm with several layers and both directions, in PyTorch's order of
 * weights and gates (lstm: i, f, g, o; gru: r, z, n). Each layer and direction is one op, recurrent. */
#include <stdio.h>

#include "nn.h"
#include "recurrent.h"

typedef struct { int64_t num_layers; double dropout; int32_t bidirectional, has_biases, batch_first, training; } rnn_params;
static const scion_param params_rnn[] = {
  { "num_layers", SCION_P_INT, 0, offsetof(rnn_params, num_layers), .def = 1, .min = 1, .max = 1000, .doc = "stacked layers" },
  { "bidirectional", SCION_P_BOOL, 0, offsetof(rnn_params, bidirectional), .def = 0, .doc = "a second cell runs backwards; outputs are joined" },
  { "has_biases", SCION_P_BOOL, 0, offsetof(rnn_params, has_biases), .def = 1, .doc = "weights include b_ih and b_hh" },
  { "batch_first", SCION_P_BOOL, 0, offsetof(rnn_params, batch_first), .def = 0, .doc = "x and y are (N, T, ...) instead of (T, N, ...)" },
  { "dropout", SCION_P_FLOAT, 0, offsetof(rnn_params, dropout), .def = 0, .min = 0, .max = 1, .doc = "between layers, in training" },
  { "training", SCION_P_BOOL, SCION_PF_TRAINING, offsetof(rnn_params, training), .def = 0, .doc = "apply dropout" } };

static int32_t kind_of(const scion_op *op) { return op->kernel; }
static int32_t first_weight(const scion_op *op) { return kind_of(op) == SCION_LSTM ? 3 : 2; }

static scion_status expect(const scion_call *c, int32_t i, const char *name, int32_t n, const int64_t *want) {
  const scion_tensor *t = c->in[i];
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  if (t == NULL) return SCION_OK;
  SCION_TRY(scion__need_same_dtype(c, 0, i));
  if (t->n_dims == n && memcmp(t->shape, want, (size_t)n * sizeof *want) == 0) return SCION_OK;
  return SCION_OP_FAIL(c, SCION_ESHAPE, "%s must be %s, got %s", name, scion__shape_text(a, n, want), scion__tensor_brief(b, t));
}
static scion_status infer(scion_call *c) {
  const rnn_params *p = c->params;
  int32_t first = first_weight(c->op), per_cell = p->has_biases ? 4 : 2, directions = p->bidirectional ? 2 : 1;
  int64_t gates = scion__gates_of(kind_of(c->op)), cells = p->num_layers * directions;
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__need_dims(c, 0, 3, 3));
  if (c->n_in - first != cells * per_cell) {
    return SCION_OP_FAIL(c, SCION_EINVAL, "%lld layers in %d directions need %lld weights (w_ih, w_hh%s for each), got %d", (long long)p->num_layers,
                         directions, (long long)(cells * per_cell), p->has_biases ? ", b_ih, b_hh" : "", c->n_in - first);
  }
  const int64_t *s = c->in[0]->shape;
  int64_t steps = s[p->batch_first ? 1 : 0], n = s[p->batch_first ? 0 : 1], features = s[2];
  SCION_TRY(scion__need_dims(c, first + 1, 2, 2));
  int64_t h = c->in[first + 1]->shape[1];
  if (steps < 1) return SCION_OP_FAIL(c, SCION_ESHAPE, "the sequence has no steps");
  if (h < 1) return SCION_OP_FAIL(c, SCION_ESHAPE, "the hidden size is 0");
  for (int64_t k = 0; k < cells; k++) {
    int32_t at = first + (int32_t)k * per_cell;
    char name[64];
    const char *suffix = p->bidirectional && k % 2 == 1 ? "_reverse" : "";
    int64_t layer = k / directions, rows = gates * h;
    for (int32_t w = 0; w < per_cell; w++) {
      static const char *const names[] = { "w_ih", "w_hh", "b_ih", "b_hh" };
      snprintf(name, sizeof name, "%s_l%lld%s", names[w], (long long)layer, suffix);
      if (c->in[at + w] == NULL) return SCION_OP_FAIL(c, SCION_EINVAL, "%s is missing", name);
      if (w == 0) SCION_TRY(expect(c, at, name, 2, (int64_t[]){ rows, layer == 0 ? features : h * directions }));
      else if (w == 1) SCION_TRY(expect(c, at + 1, name, 2, (int64_t[]){ rows, h }));
      else SCION_TRY(expect(c, at + w, name, 1, &rows));
    }
  }
  int64_t state[3] = { cells, n, h };
  SCION_TRY(expect(c, 1, "h0", 3, state));
  if (first == 3) SCION_TRY(expect(c, 2, "c0", 3, state));
  int64_t y[3] = { s[0], s[1], h * directions };
  scion__out(c, 0, c->in[0]->dtype, 3, y);
  scion__out(c, 1, c->in[0]->dtype, 3, state);
  if (first == 3) scion__out(c, 2, c->in[0]->dtype, 3, state);
  return SCION_OK;
}

static void compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const rnn_params *p = c->params;
  int32_t first = first_weight(c->op), per_cell = p->has_biases ? 4 : 2, directions = p->bidirectional ? 2 : 1, kind = kind_of(c->op);
  bool lstm = kind == SCION_LSTM;
  int64_t cells = p->num_layers * directions;
  scion_tensor *now = p->batch_first ? x_transpose(x, c->in[0], 0, 1) : c->in[0];
  int64_t steps = c->in[0]->shape[p->batch_first ? 1 : 0], n = c->in[0]->shape[p->batch_first ? 0 : 1], h = c->in[first + 1]->shape[1];
  size_t bytes = (size_t)cells * 2 * sizeof(scion_tensor *);
  scion_tensor **last = scion__alloc(c->ctx, bytes);
  if (last == NULL) {
    x->status = SCION_ENOMEM;
    return;
  }
  for (int64_t layer = 0; layer < p->num_layers; layer++) {
    scion_tensor *parts[2] = { NULL };
    if (layer > 0 && p->dropout > 0 && p->training) {
      struct { double p; int32_t training; } drop = { p->dropout, 1 };
      now = scion__x1(x, &scion__op_dropout, &drop, now);
    }
    for (int32_t d = 0; d < directions; d++) {
      int64_t k = layer * directions + d;
      int64_t end = d == 0 ? steps - 1 : 0;
      scion_tensor *in[7] = { now }, *made[3] = { NULL };
      scion_recurrent_params q = { kind, d };
      int64_t state[2] = { n, h };
      if (c->in[1] != NULL) in[1] = x_reshape(x, x_narrow(x, c->in[1], 0, k, 1), 2, state);
      if (lstm && c->in[2] != NULL) in[2] = x_reshape(x, x_narrow(x, c->in[2], 0, k, 1), 2, state);
      for (int32_t w = 0; w < per_cell; w++) in[3 + w] = c->in[first + (int32_t)k * per_cell + w];
      scion__x_call_n(x, &scion__op_recurrent, &q, 7, in, 3, made);
      parts[d] = made[0];
      last[k] = x_narrow(x, made[0], 0, end, 1);
      last[cells + k] = lstm ? x_narrow(x, made[1], 0, end, 1) : NULL;
      if (x->status != SCION_OK) goto done;
    }
    now = directions == 2 ? x_cat(x, 2, parts, 2) : parts[0];
  }
  out[0] = p->batch_first ? x_transpose(x, now, 0, 1) : now;
  out[1] = x_cat(x, (int32_t)cells, last, 0);
  if (lstm) out[2] = x_cat(x, (int32_t)cells, last + cells, 0);
done:
  scion__free(c->ctx, last, bytes);
}

#define WEIGHTS { "weights", SCION_SF_VARIADIC | SCION_SF_PARAM, "for every layer and direction: w_ih (gates H, C), w_hh (gates H, H), b_ih, b_hh (gates H)" }
static const scion_slot slots[] = { { "x", 0, "(T, N, C)" }, { "h0", SCION_SF_OPTIONAL, "(layers directions, N, H); default zeros" }, WEIGHTS };
static const scion_slot slots_lstm[] = { { "x", 0, "(T, N, C)" }, { "h0", SCION_SF_OPTIONAL, "(layers directions, N, H); default zeros" },
                                         { "c0", SCION_SF_OPTIONAL, "(layers directions, N, H); default zeros" }, WEIGHTS };
static const scion_slot slots_out[] = { { "y", 0, "(T, N, directions H): states of the last layer" }, { "h_n", 0, "(layers directions, N, H): last states" } };
static const scion_slot slots_lstm_out[] = { { "y", 0, "(T, N, directions H): states of the last layer" },
                                             { "h_n", 0, "(layers directions, N, H): last states" }, { "c_n", 0, "(layers directions, N, H): last cells" } };
static const scion_sample samples_rnn[] = { { "3x2x2,-,3x2,3x3,3,3", "" }, { "2x3x2,2x2x3,3x2,3x3,3x3,3x3", "num_layers=2 has_biases=false batch_first=true" } };
static const scion_sample samples_relu[] = { { "3x2x2,2x2x3,3x2,3x3,3,3,3x2,3x3,3,3", "bidirectional=true" }, { "3x2x2:d,-,3x2:u,3x3:u,3:u,3:u", "" } };
static const scion_sample samples_gru[] = { { "2x3x2,2x2x2,6x2,6x2,6x2,6x2", "num_layers=2 has_biases=false batch_first=true" },
  { "3x2x2,2x2x2,6x2,6x2,6,6,6x2,6x2,6,6", "bidirectional=true" } };
static const scion_sample samples_lstm[] = { { "3x2x2,1x2x2,1x2x2,8x2,8x2,8,8", "" }, { "3x2x2,-,-,8x2,8x2,8,8", "" }, { "2x2x2,4x2x2,4x2x2,8x2,8x2,8x2,8x2,8x4,8x2,8x4,8x2",
    "num_layers=2 bidirectional=true has_biases=false" } };
#define RNN(name_, kind_, slots_, out_, samples_, doc_)                                                              \
  const scion_op scion__op_##name_ = {                                                                               \
    .info = { #name_, 1, SCION_OF_FUNCTION | SCION_OF_TRAINING | SCION_OF_RANDOM, doc_, SCION_INPUTS(slots_), SCION_OUTPUTS(out_), \
              SCION_PARAMS(params_rnn, rnn_params) },                                                                \
    .infer = infer, .compose = compose, .kernel = kind_, SCION_SAMPLES(samples_) };
RNN(rnn_tanh, SCION_RNN_TANH, slots, slots_out, samples_rnn, "Recurrent network: h = tanh(W_ih x + b_ih + W_hh h + b_hh), for every step.")
RNN(rnn_relu, SCION_RNN_RELU, slots, slots_out, samples_relu, "Recurrent network: h = relu(W_ih x + b_ih + W_hh h + b_hh), for every step.")
RNN(gru, SCION_GRU, slots, slots_out, samples_gru, "Gated recurrent unit over a sequence (gates r, z, n).")
RNN(lstm, SCION_LSTM, slots_lstm, slots_lstm_out, samples_lstm, "Long short-term memory over a sequence (gates i, f, g, o).")

/* ---- the GRU as first published -------------------------------------------------------------------------------- */

/* The reset gate acts on the state before its product: n = tanh(W_in x + b_in + W_hn (r h) + b_hn). Step by step, in other ops. */
static void reset_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const rnn_params *p = c->params;
  int32_t per_cell = p->has_biases ? 4 : 2, directions = p->bidirectional ? 2 : 1;
  scion_tensor *now = p->batch_first ? x_transpose(x, c->in[0], 0, 1) : c->in[0], *parts[2] = { NULL }, *last[2] = { NULL };
  int64_t steps = c->in[0]->shape[p->batch_first ? 1 : 0], n = c->in[0]->shape[p->batch_first ? 0 : 1], c_in = c->in[0]->shape[2], h = c->in[3]->shape[1];
  if (p->num_layers != 1) {
    x->status = SCION_OP_FAIL(c, SCION_EUNSUPPORTED, "has one layer, %lld were asked for", (long long)p->num_layers);
    return;
  }
  size_t bytes = (size_t)steps * sizeof(scion_tensor *);
  scion_tensor **states = scion__alloc(c->ctx, bytes);
  if (states == NULL) {
    x->status = SCION_ENOMEM;
    return;
  }
  for (int32_t d = 0; d < directions; d++) {
    scion_tensor *const *w = c->in + 2 + d * per_cell;
    scion_tensor *w_gates = x_transpose(x, x_narrow(x, w[1], 0, 0, 2 * h), 0, 1), *w_new = x_transpose(x, x_narrow(x, w[1], 0, 2 * h, h), 0, 1);
    scion_tensor *from_x = x_matmul(x, x_reshape(x, now, 2, (int64_t[]){ steps * n, c_in }), x_transpose(x, w[0], 0, 1));
    if (p->has_biases) from_x = x_add(x, x_add(x, from_x, w[2]), w[3]);
    from_x = x_reshape(x, from_x, 3, (int64_t[]){ steps, n, 3 * h });
    int64_t state_shape[2] = { n, h };
    scion_tensor *state = c->in[1] != NULL ? x_reshape(x, x_narrow(x, c->in[1], 0, d, 1), 2, state_shape) : x_full(x, c->in[0]->dtype, 2, state_shape, 0);
    for (int64_t s = 0; s < steps && x->status == SCION_OK; s++) {
      int64_t t = d == 0 ? s : steps - 1 - s, whole[2] = { n, 3 * h };
      scion_tensor *in = x_reshape(x, x_narrow(x, from_x, 0, t, 1), 2, whole);
      scion_tensor *gates = scion__x1(x, &scion__op_sigmoid, NULL, x_add(x, x_narrow(x, in, 1, 0, 2 * h), x_matmul(x, state, w_gates)));
      scion_tensor *r = x_narrow(x, gates, 1, 0, h), *z = x_narrow(x, gates, 1, h, h);
      scion_tensor *fresh = scion__x1(x, &scion__op_tanh, NULL, x_add(x, x_narrow(x, in, 1, 2 * h, h), x_matmul(x, x_mul(x, r, state), w_new)));
      states[t] = state = x_add(x, fresh, x_mul(x, z, x_sub(x, state, fresh)));
    }
    if (x->status != SCION_OK) break;
    parts[d] = x_stack(x, (int32_t)steps, states, 0);
    last[d] = state;
  }
  scion__free(c->ctx, states, bytes);
  if (x->status != SCION_OK) return;
  now = directions == 2 ? x_cat(x, 2, parts, 2) : parts[0];
  out[0] = p->batch_first ? x_transpose(x, now, 0, 1) : now;
  out[1] = x_stack(x, directions, last, 0);
}
static const scion_sample samples_reset[] = { { "3x2x2,1x2x2,6x2,6x2,6,6", "" }, { "2x3x2,-,6x2,6x2,6x2,6x2", "bidirectional=true has_biases=false batch_first=true" } };
const scion_op scion__op_gru_reset = {
  .info = { "gru_reset", 1, SCION_OF_FUNCTION | SCION_OF_TRAINING,
            "One layer of gated recurrent units as first published (Cho et al. 2014): the reset gate acts on the state before its product.",
            SCION_INPUTS(slots), SCION_OUTPUTS(slots_out), SCION_PARAMS(params_rnn, rnn_params) },
  .infer = infer, .compose = reset_compose, .kernel = SCION_GRU, SCION_SAMPLES(samples_reset) };
