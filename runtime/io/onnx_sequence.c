/* onnx_sequence.c: ONNX's recurrent layers become ours: gates in our order, (T, D, N, H) outputs, one node for both
 * directions. Weights that are constants are rearranged once, when the file is read. Attention, rotary positions and reading at a grid's positions are
 * operations of ours with other names. */
#include <stdio.h>

#include "onnx.h"

#define OP(name) (&scion__op_##name)
#define IN(i) scion__onnx_in(o, i)

static scion_status ids_constant(scion_onnx *o, int32_t n, const int64_t *v, int32_t *out) {
  scion_tensor *t;
  int64_t size = n;
  SCION_TRY(scion_tensor_from_bytes(o->ctx, SCION_I64, 1, &size, v, (size_t)n * sizeof *v, &t));
  *out = scion__onnx_constant(o, t);
  return *out < 0 ? SCION_ENOMEM : SCION_OK;
}
static scion_status permuted(scion_onnx *o, int32_t v, int32_t n, const int64_t *dims, const char *suffix, int32_t *out) {
  scion__room p;
  scion_ints s = { .n = n };
  for (int32_t i = 0; i < n; i++) s.v[i] = dims[i];
  void *q = scion__params(&p, OP(permute));
  scion__set_ints(OP(permute), q, "dims", &s);
  return scion__onnx_emit1(o, OP(permute), q, NULL, suffix, v, out);
}
/* Direction d of (D, gates H, ...), its blocks of rows in another order. from: first block (biases hold two sets). */
static scion_status weights_of(scion_onnx *o, int32_t v, int64_t d, int64_t gates, int64_t h, const int64_t *order, int64_t from, const char *name, int32_t *out) {
  scion__room p;
  int64_t few[512], n = gates * h, *ids = few;
  if (n > 1 << 24) return scion__onnx_fail(o, "a hidden size of %lld", (long long)h);
  if (n > 512 && (ids = scion__alloc(o->ctx, (size_t)n * sizeof *ids)) == NULL) return SCION_ENOMEM;
  for (int64_t g = 0; g < gates; g++)
    for (int64_t i = 0; i < h; i++) ids[g * h + i] = (from + order[g]) * h + i;
  int32_t rows;
  scion_status st = ids_constant(o, (int32_t)n, ids, &rows);
  if (ids != few) scion__free(o->ctx, ids, (size_t)n * sizeof *ids);
  SCION_TRY(st);
  void *q = scion__params(&p, OP(select));
  scion__set_int(OP(select), q, "dim", 0);
  scion__set_int(OP(select), q, "index", d);
  SCION_TRY(scion__onnx_emit1(o, OP(select), q, NULL, "direction", v, out));
  q = scion__params(&p, OP(index_select));
  scion__set_int(OP(index_select), q, "dim", 0);
  SCION_TRY(scion__onnx_emit2(o, OP(index_select), q, NULL, name, *out, rows, out));
  scion__onnx_name(o, *out, name);
  return SCION_OK;
}

typedef struct { const char *name, *type, *activations; int64_t gates; const scion_op *op; int64_t order[4]; } cell;

/* Are the activations (lower case, comma-separated) those of every direction? */
static bool has_activations(scion_onnx *o, const char *wanted, int32_t directions) {
  char text[128];
  if (!scion__onnx_texts(o, "activations", text, sizeof text)) return true; /* not given: the usual ones */
  char both[128];
  int n = snprintf(both, sizeof both, "%s%s%s", wanted, directions == 2 ? "," : "", directions == 2 ? wanted : "");
  return n > 0 && strcmp(text, both) == 0;
}

static scion_status recurrent(scion_onnx *o, const cell *c, int32_t *out) {
  scion_pb mode;
  bool backwards = false, both = false, lstm = c->op == OP(lstm);
  if (scion__onnx_text(o, "direction", &mode)) backwards = scion__pb_is(&mode, "reverse"), both = scion__pb_is(&mode, "bidirectional");
  int32_t directions = both ? 2 : 1, rank, x = IN(0);
  int64_t h = scion__onnx_int(o, "hidden_size", 0);
  bool batch_first = scion__onnx_int(o, "layout", 0) != 0;
  SCION_TRY(scion__onnx_rank(o, IN(2), &rank));
  const scion_onnx_value *r = scion__onnx_value(o, IN(2));
  if (rank == 3 && h == 0) h = r->probe[0][2];
  if (rank != 3 || h < 1 || r->probe[0][2] != h) return scion__onnx_fail(o, "hidden_size does not fit the weights");
  if (scion__onnx_has(o, "clip") || scion__onnx_int(o, "input_forget", 0) != 0) return scion__onnx_fail(o, "clip and input_forget are not known");
  if (lstm && IN(7) >= 0) return scion__onnx_fail(o, "peepholes are not known");
  if (!has_activations(o, c->activations, directions)) return scion__onnx_fail(o, "activations other than the usual ones are not known");
  const scion_op *op = c->op;
  if (op == OP(gru) && scion__onnx_int(o, "linear_before_reset", 0) == 0) op = OP(gru_reset);
  if (IN(4) >= 0) { /* lengths: only full ones, which change nothing */
    const scion_onnx_value *v = scion__onnx_value(o, x);
    scion_ints lengths = { .n = -1 };
    int64_t steps = v->known && v->n_dims == 3 ? v->probe[0][batch_first ? 1 : 0] : -1;
    if (!scion__onnx_computed(o, 4)) SCION_TRY(scion__onnx_ints_in(o, 4, &lengths));
    for (int32_t i = 0; i < lengths.n; i++) if (lengths.v[i] != steps) lengths.n = -1;
    if (lengths.n < 0) return scion__onnx_fail(o, "sequences of different lengths are not known");
  }
  int32_t in[12] = { -1 }, n = lstm ? 3 : 2;
  scion__room p;
  scion_ints first = { 1, { 0 } };
  if (batch_first) SCION_TRY(permuted(o, x, 3, (int64_t[]){ 1, 0, 2 }, "steps_first", &x));
  void *q = scion__params(&p, OP(flip));
  scion__set_ints(OP(flip), q, "dims", &first);
  if (backwards) SCION_TRY(scion__onnx_emit1(o, OP(flip), q, NULL, "backwards", x, &x));
  in[0] = x;
  in[1] = IN(5);
  if (lstm) in[2] = IN(6);
  for (int32_t i = 1; i < n && batch_first; i++)
    if (in[i] >= 0) SCION_TRY(permuted(o, in[i], 3, (int64_t[]){ 1, 0, 2 }, "state", &in[i]));
  for (int32_t d = 0; d < directions; d++) {
    static const char *const names[2][4] = { { "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0" },
      { "weight_ih_l0_reverse", "weight_hh_l0_reverse", "bias_ih_l0_reverse", "bias_hh_l0_reverse" } };
    SCION_TRY(weights_of(o, IN(1), d, c->gates, h, c->order, 0, names[d][0], &in[n++]));
    SCION_TRY(weights_of(o, IN(2), d, c->gates, h, c->order, 0, names[d][1], &in[n++]));
    if (IN(3) < 0) continue;
    SCION_TRY(weights_of(o, IN(3), d, c->gates, h, c->order, 0, names[d][2], &in[n++]));
    SCION_TRY(weights_of(o, IN(3), d, c->gates, h, c->order, c->gates, names[d][3], &in[n++]));
  }
  q = scion__params(&p, op);
  scion__set_int(op, q, "bidirectional", both);
  scion__set_int(op, q, "has_biases", IN(3) >= 0);
  SCION_TRY(scion__onnx_emit(o, op, q, c->type, NULL, n, in, lstm ? 3 : 2, out));
  const scion_onnx_value *y = scion__onnx_value(o, out[0]);
  if (!y->known) return scion__onnx_fail(o, "the number of steps or sequences is not known");
  if (o->node->n_out > 0 && o->node->out[0].p != o->node->out[0].end) { /* (T, N, D H) to (T, D, N, H) */
    int32_t all = out[0];
    if (backwards) {
      q = scion__params(&p, OP(flip));
      scion__set_ints(OP(flip), q, "dims", &first);
      SCION_TRY(scion__onnx_emit1(o, OP(flip), q, NULL, "forwards", all, &all));
    }
    scion_ints sizes = { 2, { directions, h } };
    q = scion__params(&p, OP(unflatten));
    scion__set_int(OP(unflatten), q, "dim", 2);
    scion__set_ints(OP(unflatten), q, "sizes", &sizes);
    SCION_TRY(scion__onnx_emit1(o, OP(unflatten), q, NULL, "directions", all, &all));
    static const int64_t orders[2][4] = { { 0, 2, 1, 3 }, { 1, 0, 2, 3 } };
    SCION_TRY(permuted(o, all, 4, orders[batch_first], "states", &out[0]));
  }
  for (int32_t i = 1; i < (lstm ? 3 : 2) && batch_first; i++) SCION_TRY(permuted(o, out[i], 3, (int64_t[]){ 1, 0, 2 }, "last", &out[i]));
  return SCION_OK;
}
static scion_status lstm(scion_onnx *o, int32_t *out) { /* ONNX: i o f c */
  static const cell c = { "LSTM", "LSTM", "sigmoid,tanh,tanh", 4, &scion__op_lstm, { 0, 2, 3, 1 } };
  return recurrent(o, &c, out);
}
static scion_status gru(scion_onnx *o, int32_t *out) { /* ONNX: z r h */
  static const cell c = { "GRU", "GRU", "sigmoid,tanh", 3, &scion__op_gru, { 1, 0, 2 } };
  return recurrent(o, &c, out);
}
static scion_status rnn(scion_onnx *o, int32_t *out) {
  static const cell hyperbolic = { "RNN", "RNN", "tanh", 1, &scion__op_rnn_tanh, { 0 } }, rectified = { "RNN", "RNN", "relu", 1, &scion__op_rnn_relu, { 0 } };
  scion_pb mode;
  bool both = scion__onnx_text(o, "direction", &mode) && scion__pb_is(&mode, "bidirectional");
  return recurrent(o, scion__onnx_has(o, "activations") && has_activations(o, "relu", both ? 2 : 1) ? &rectified : &hyperbolic, out);
}

/* ---- attention, grids -------------------------------------------------------------------------------------------------- */

static scion_status attention(scion_onnx *o, int32_t *out) {
  scion__room p;
  const scion_op *op = OP(grouped_attention);
  void *q = scion__params(&p, op);
  scion__set_float(op, q, "scale", scion__onnx_float(o, "scale", 0));
  scion__set_float(op, q, "softcap", scion__onnx_float(o, "softcap", 0));
  scion__set_int(op, q, "q_heads", scion__onnx_int(o, "q_num_heads", 0));
  scion__set_int(op, q, "kv_heads", scion__onnx_int(o, "kv_num_heads", 0));
  scion__set_int(op, q, "left", scion__onnx_int(o, "left_window_size", -1));
  scion__set_int(op, q, "right", scion__onnx_int(o, "right_window_size", -1));
  scion__set_int(op, q, "is_causal", scion__onnx_int(o, "is_causal", 0) != 0);
  int64_t kind = scion__onnx_int(o, "qk_matmul_output_mode", 0);
  if (kind < 0 || kind > 3) return scion__onnx_fail(o, "qk_matmul_output_mode %lld", (long long)kind);
  scion__set_int(op, q, "scores", kind);
  return scion__onnx_emit(o, op, q, "Attention", NULL, o->node->n_in, o->node->in, 4, out);
}
static scion_status rotary(scion_onnx *o, int32_t *out) {
  scion__room p;
  const scion_op *op = OP(rotary_embedding);
  void *q = scion__params(&p, op);
  scion__set_int(op, q, "dim", scion__onnx_int(o, "rotary_embedding_dim", 0));
  scion__set_int(op, q, "heads", scion__onnx_int(o, "num_heads", 0));
  scion__set_int(op, q, "interleaved", scion__onnx_int(o, "interleaved", 0) != 0);
  return scion__onnx_emit(o, op, q, "RotaryEmbedding", NULL, o->node->n_in, o->node->in, 1, out);
}
static scion_status grid_sample(scion_onnx *o, int32_t *out) {
  static const char *const modes[] = { "linear", "bilinear", "nearest", "cubic", "bicubic" }, *const words[] = { "bilinear", "bilinear", "nearest", "bicubic", "bicubic" };
  static const char *const paddings[] = { "zeros", "border", "reflection" };
  scion__room p;
  scion_pb text;
  const scion_op *op = OP(grid_sample);
  void *q = scion__params(&p, op);
  int mode = 0, padding = 0;
  if (scion__onnx_text(o, "mode", &text))
    for (mode = 4; mode >= 0 && !scion__pb_is(&text, modes[mode]); ) mode--;
  if (scion__onnx_text(o, "padding_mode", &text))
    for (padding = 2; padding >= 0 && !scion__pb_is(&text, paddings[padding]); ) padding--;
  if (mode < 0 || padding < 0) return scion__onnx_fail(o, "its mode or padding_mode is not known");
  SCION_TRY(scion__set_word(o->ctx, op, q, "mode", words[mode]));
  SCION_TRY(scion__set_word(o->ctx, op, q, "padding_mode", paddings[padding]));
  scion__set_int(op, q, "align_corners", scion__onnx_int(o, "align_corners", 0) != 0);
  return scion__onnx_emit2(o, op, q, "GridSample", NULL, IN(0), IN(1), out);
}

const scion_onnx_operator scion__onnx_sequence[] = { { "LSTM", lstm }, { "GRU", gru }, { "RNN", rnn }, { "Attention", attention }, { "RotaryEmbedding", rotary },
  { "GridSample", grid_sample }, { NULL, NULL } };
