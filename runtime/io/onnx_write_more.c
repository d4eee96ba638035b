/* onnx_write_more.c: what recurrent layers, uneven adaptive pooling, attention in groups, distances and other ops with several nodes each become in ONNX. */
#include <math.h>
#include <stdio.h>

#include "onnx_write.h"

static scion_oname named(scion_ow *w, const char *type, int32_t n, const char *const *in, const scion_oattrs *a) {
  scion_oname out = scion__ow_new(w, type);
  const char *name = out.s;
  scion__ow_node(w, type, n, in, 1, &name, a);
  return out;
}
static scion_oname sliced(scion_ow *w, const char *x, int64_t axis, int64_t start, int64_t stop) {
  scion_oname from = scion__ow_ints(w, 1, &start), to = scion__ow_ints(w, 1, &stop), along = scion__ow_ints(w, 1, &axis);
  return named(w, "Slice", 4, (const char *[]){ x, from.s, to.s, along.s }, NULL);
}

/* ---- recurrent layers ------------------------------------------------------------------------------------------------ */

/* Blocks of rows in ONNX's order, with a leading dimension for the direction. order NULL: as they are. */
static scion_oname gates(scion_ow *w, const char *x, int64_t n, const int64_t *order, int64_t h) {
  int64_t zero = 0;
  scion_oname parts[4], y;
  const char *in[4];
  if (n == 1) return scion__ow_call(w, "Unsqueeze", x, scion__ow_ints(w, 1, &zero).s, NULL);
  ATTRS(a);
  scion__oa_int(&a, "axis", 0);
  for (int64_t i = 0; i < n; i++) {
    parts[i] = sliced(w, x, 0, order[i] * h, (order[i] + 1) * h);
    in[i] = parts[i].s;
  }
  y = named(w, "Concat", (int32_t)n, in, &a);
  return scion__ow_call(w, "Unsqueeze", y.s, scion__ow_ints(w, 1, &zero).s, NULL);
}
static scion_oname joined(scion_ow *w, int64_t axis, const scion_oname *a, const scion_oname *b) {
  ATTRS(attrs);
  scion__oa_int(&attrs, "axis", axis);
  return scion__ow_call(w, "Concat", a->s, b->s, &attrs);
}
static void recurrent(scion_ow *w) {
  static const int64_t lstm_order[4] = { 0, 3, 1, 2 }, gru_order[3] = { 1, 0, 2 }; /* ours: i f g o, r z n; ONNX's: i o f c, z r h */
  const char *op = w->node->op->info.name;
  bool lstm = strcmp(op, "lstm") == 0, gru = strncmp(op, "gru", 3) == 0, biases = scion__ow_int(w, "has_biases") != 0, batch_first = scion__ow_int(w, "batch_first") != 0;
  int64_t layers = scion__ow_int(w, "num_layers"), directions = scion__ow_int(w, "bidirectional") ? 2 : 1, n_gates = lstm ? 4 : gru ? 3 : 1;
  int32_t first = lstm ? 3 : 2, per_cell = biases ? 4 : 2;
  const int64_t *order = lstm ? lstm_order : gru_order;
  int64_t h = scion__ow_shape(w, first + 1)->shape[1];
  scion_oname x, states[2];
  snprintf(x.s, sizeof x.s, "%s", IN(0));
  if (batch_first) x = transposed(w, x.s, 3, 0, 1);
  for (int64_t layer = 0; layer < layers && w->status == SCION_OK; layer++) {
    scion_oname weights[3][2], start[2] = { { "" }, { "" } };
    for (int64_t d = 0; d < directions; d++) {
      int32_t at = first + (int32_t)(layer * directions + d) * per_cell;
      for (int k = 0; k < 2; k++) weights[k][d] = gates(w, IN(at + k), n_gates, order, h);
      if (!biases) continue;
      scion_oname from_x = gates(w, IN(at + 2), n_gates, order, h), from_h = gates(w, IN(at + 3), n_gates, order, h);
      weights[2][d] = joined(w, 1, &from_x, &from_h);
    }
    for (int k = 0; k < (biases ? 3 : 2) && directions == 2; k++) weights[k][0] = joined(w, 0, &weights[k][0], &weights[k][1]);
    for (int k = 0; k < (lstm ? 2 : 1); k++)
      if (scion__ow_has(w, 1 + k)) start[k] = sliced(w, IN(1 + k), 0, layer * directions, (layer + 1) * directions);
    ATTRS(a);
    scion__oa_int(&a, "hidden_size", h);
    if (directions == 2) scion__oa_text(&a, "direction", "bidirectional");
    if (strcmp(op, "gru") == 0) scion__oa_int(&a, "linear_before_reset", 1);
    if (strcmp(op, "rnn_relu") == 0) scion__oa_texts(&a, "activations", (int32_t)directions, (const char *[]){ "Relu", "Relu" });
    scion_oname y = scion__ow_new(w, "steps"), last[2] = { scion__ow_new(w, "last"), scion__ow_new(w, "cells") };
    const char *in[7] = { x.s, weights[0][0].s, weights[1][0].s, biases ? weights[2][0].s : "", "", start[0].s, start[1].s };
    const char *out[3] = { y.s, last[0].s, last[1].s };
    scion__ow_node(w, lstm ? "LSTM" : gru ? "GRU" : "RNN", lstm ? 7 : 6, in, lstm ? 3 : 2, out, &a);
    for (int k = 0; k < (lstm ? 2 : 1); k++) states[k] = layer == 0 ? last[k] : joined(w, 0, &states[k], &last[k]);
    int64_t merged[3] = { 0, 0, -1 }; /* (T, D, N, H) to (T, N, D H) */
    x = scion__ow_call(w, "Reshape", transposed(w, y.s, 4, 1, 2).s, scion__ow_ints(w, 3, merged).s, NULL);
  }
  if (batch_first) x = transposed(w, x.s, 3, 0, 1);
  emit1(w, "Identity", x.s, NULL);
  for (int k = 0; k < (lstm ? 2 : 1) && w->status == SCION_OK; k++) {
    const char *from = states[k].s, *to = scion__ow_out(w, 1 + k);
    scion__ow_node(w, "Identity", 1, &from, 1, &to, NULL);
  }
}

/* ---- parts, windows -------------------------------------------------------------------------------------------------------- */

/* Part `index` of x, whose sizes along dim stand in input 1: from the sum of those before it to that sum and its own. */
static void split_by(scion_ow *w) {
  int64_t index = scion__ow_int(w, "index"), dim = dim_of(w, "dim"), zero = 0;
  ATTRS(keep);
  scion__oa_int(&keep, "keepdims", 1);
  scion_oname start = scion__ow_ints(w, 1, &zero), axis = scion__ow_ints(w, 1, &dim), sizes;
  if (scion__ow_shape(w, 1)->dtype == SCION_I64) snprintf(sizes.s, sizeof sizes.s, "%s", IN(1));
  else sizes = cast(w, IN(1), SCION_I64);
  if (index > 0) start = scion__ow_call(w, "ReduceSum", sliced(w, sizes.s, 0, 0, index).s, NULL, &keep);
  scion_oname stop = scion__ow_call(w, "ReduceSum", sliced(w, sizes.s, 0, 0, index + 1).s, NULL, &keep);
  emit(w, "Slice", 4, (const char *[]){ IN(0), start.s, stop.s, axis.s }, NULL);
}
#define MAX_PARTS 256
/* Windows that follow from the sizes. ONNX has them for a result of 1 and for sizes that divide each other; else each row of the result is
 * cut out and reduced, one dimension after the other. */
static void adaptive_pool(scion_ow *w) {
  ATTRS(a);
  int32_t n = rank_in(w) - 2;
  const scion_net_shape *x = scion__ow_shape(w, 0), *y = scion__ow_out_shape(w, 0);
  bool max = strstr(w->node->op->info.name, "max") != NULL, one = true, even = true, is_free = false;
  int64_t kernel[3] = { 0 };
  for (int32_t i = 0; i < n; i++) {
    int64_t in = x->shape[2 + i], out = y->shape[2 + i];
    one = one && out == 1;
    is_free = is_free || scion__ow_free(w, 0, 2 + i);
    even = even && out > 0 && in % out == 0;
    kernel[i] = out > 0 ? in / out : 0;
    if (out > MAX_PARTS) {
      scion__ow_refuse(w, "ONNX has no adaptive pooling, and a result of more than 256 rows would be too many layers");
      return;
    }
  }
  if (one) {
    emit1(w, max ? "GlobalMaxPool" : "GlobalAveragePool", IN(0), NULL);
    return;
  }
  if (is_free) {
    scion__ow_refuse(w, "ONNX has no adaptive pooling, and the windows for a size that is free are not known: give the inputs' shapes");
    return;
  }
  if (even) {
    scion__oa_ints(&a, "kernel_shape", n, kernel);
    scion__oa_ints(&a, "strides", n, kernel);
    emit1(w, max ? "MaxPool" : "AveragePool", IN(0), &a);
    return;
  }
  scion_oname t;
  snprintf(t.s, sizeof t.s, "%s", IN(0));
  scion__oa_int(&a, "keepdims", 1);
  for (int32_t i = 0; i < n && w->status == SCION_OK; i++) {
    scion_oname *parts = scion__alloc(w->ctx, MAX_PARTS * (sizeof *parts + sizeof(char *)));
    int64_t in = x->shape[2 + i], out = y->shape[2 + i], axis = 2 + i;
    if (parts == NULL) {
      w->status = SCION_ENOMEM;
      return;
    }
    const char **names = (const char **)(void *)(parts + MAX_PARTS);
    scion_oname along = scion__ow_ints(w, 1, &axis);
    for (int64_t k = 0; k < out; k++) {
      parts[k] = scion__ow_call(w, max ? "ReduceMax" : "ReduceMean", sliced(w, t.s, axis, k * in / out, ((k + 1) * in + out - 1) / out).s, along.s, &a);
      names[k] = parts[k].s;
    }
    ATTRS(join);
    scion__oa_int(&join, "axis", axis);
    t = named(w, "Concat", (int32_t)out, names, &join);
    scion__free(w->ctx, parts, MAX_PARTS * (sizeof *parts + sizeof(char *)));
  }
  emit1(w, "Identity", t.s, NULL);
}

/* ---- positions, attention --------------------------------------------------------------------------------------------------- */

static void grid_sample(scion_ow *w) {
  ATTRS(a);
  const char *mode = scion__ow_word(w, "mode");
  scion__oa_text(&a, "mode", strcmp(mode, "nearest") == 0 ? "nearest" : strcmp(mode, "bicubic") == 0 ? "cubic" : "linear");
  scion__oa_text(&a, "padding_mode", scion__ow_word(w, "padding_mode"));
  scion__oa_int(&a, "align_corners", scion__ow_int(w, "align_corners"));
  emit2(w, "GridSample", IN(0), IN(1), &a);
}
static void grouped_attention(scion_ow *w) {
  ATTRS(a);
  const char *out[4];
  if (scion__ow_int(w, "left") >= 0 || scion__ow_int(w, "right") >= 0) {
    scion__ow_refuse(w, "its window came with opset 25");
    return;
  }
  w->opset = (int32_t)scion__max(w->opset, scion__ow_has(w, 6) ? 24 : 23);
  if (scion__ow_float(w, "scale") != 0) scion__oa_float(&a, "scale", scion__ow_float(w, "scale"));
  if (scion__ow_float(w, "softcap") != 0) scion__oa_float(&a, "softcap", scion__ow_float(w, "softcap"));
  if (rank_in(w) == 3) {
    scion__oa_int(&a, "q_num_heads", scion__ow_int(w, "q_heads"));
    scion__oa_int(&a, "kv_num_heads", scion__ow_int(w, "kv_heads"));
  }
  scion__oa_int(&a, "is_causal", scion__ow_int(w, "is_causal"));
  scion__oa_int(&a, "qk_matmul_output_mode", scion__ow_int(w, "scores"));
  for (int32_t i = 0; i < 4; i++) out[i] = scion__ow_out(w, i);
  scion__ow_node(w, "Attention", 7, (const char *[]){ IN(0), IN(1), IN(2), IN(3), IN(4), IN(5), IN(6) }, scion__ow_has(w, 4) || scion__ow_int(w, "scores") != 0 ? 4 : 1, out, &a);
}
static void rotary(scion_ow *w) {
  ATTRS(a);
  w->opset = (int32_t)scion__max(w->opset, 23);
  scion__oa_int(&a, "rotary_embedding_dim", scion__ow_int(w, "dim"));
  scion__oa_int(&a, "interleaved", scion__ow_int(w, "interleaved"));
  if (rank_in(w) == 3) scion__oa_int(&a, "num_heads", scion__ow_int(w, "heads"));
  emit(w, "RotaryEmbedding", 4, (const char *[]){ IN(0), IN(1), IN(2), IN(3) }, &a);
}

/* ---- distances ------------------------------------------------------------------------------------------------------------------ */

/* a - b for all pairs of rows: (..., P, R, D). */
static scion_oname differences(scion_ow *w, const char *a, const char *b) {
  int64_t last = -2, before = -3;
  scion_oname left = scion__ow_call(w, "Unsqueeze", a, scion__ow_ints(w, 1, &last).s, NULL), right = scion__ow_call(w, "Unsqueeze", b, scion__ow_ints(w, 1, &before).s, NULL);
  return scion__ow_call(w, "Sub", left.s, right.s, NULL);
}
static void cdist(scion_ow *w) {
  ATTRS(a);
  const scion_param *given = net__param(w->node->op, "p");
  double p = given == NULL ? 2 : scion__ow_float(w, "p");
  int64_t last = -1;
  if (p != 1 && p != 2 && !isinf(p)) {
    scion__ow_refuse(w, "distances of another norm than 1, 2 and infinity");
    return;
  }
  scion__oa_int(&a, "keepdims", 0);
  scion_oname d = differences(w, IN(0), IN(1));
  if (isinf(p)) d = scion__ow_call(w, "Abs", d.s, NULL, NULL);
  emit2(w, p == 1 ? "ReduceL1" : p == 2 ? "ReduceL2" : "ReduceMax", d.s, scion__ow_ints(w, 1, &last).s, &a);
}
/* k(r) from r^2: exp(-r^2 / 2), or with u = sqrt(1, 3, 5) r: exp(-u), (1 + u) exp(-u), (1 + u + u^2 / 3) exp(-u). */
static scion_oname covariance(scion_ow *w, const char *squares) {
  static const double scale_of[] = { -0.5, 1, 1.7320508075688772, 2.23606797749979 };
  int32_t kind = (int32_t)scion__ow_int(w, "kind");
  int dtype = dtype_in(w);
  scion_oname scale = scion__ow_number(w, dtype, scale_of[kind & 3]), one = scion__ow_number(w, dtype, 1);
  if (kind == 0) return scion__ow_call(w, "Exp", scion__ow_call(w, "Mul", squares, scale.s, NULL).s, NULL, NULL);
  scion_oname u = scion__ow_call(w, "Mul", scion__ow_call(w, "Sqrt", squares, NULL, NULL).s, scale.s, NULL);
  scion_oname e = scion__ow_call(w, "Exp", scion__ow_call(w, "Neg", u.s, NULL, NULL).s, NULL, NULL);
  if (kind == 1) return e;
  scion_oname sum = scion__ow_call(w, "Add", u.s, one.s, NULL);
  if (kind == 3) {
    scion_oname third = scion__ow_call(w, "Mul", scion__ow_call(w, "Mul", u.s, u.s, NULL).s, scion__ow_number(w, dtype, 1.0 / 3).s, NULL);
    sum = scion__ow_call(w, "Add", sum.s, third.s, NULL);
  }
  return scion__ow_call(w, "Mul", sum.s, e.s, NULL);
}
static void stationary(scion_ow *w) {
  if (scion__ow_int(w, "derivative") != 0) {
    scion__ow_refuse(w, "a derivative of a covariance");
    return;
  }
  scion_oname floor = scion__ow_call(w, "Max", IN(0), scion__ow_number(w, dtype_in(w), 0).s, NULL);
  emit1(w, "Identity", covariance(w, floor.s).s, NULL);
}
static void covariance_matrix(scion_ow *w) {
  ATTRS(a);
  int64_t last = -1;
  scion__oa_int(&a, "keepdims", 0);
  scion_oname left = scion__ow_call(w, "Mul", IN(0), IN(2), NULL), right = scion__ow_call(w, "Mul", IN(1), IN(2), NULL);
  scion_oname squares = scion__ow_call(w, "ReduceSumSquare", differences(w, left.s, right.s).s, scion__ow_ints(w, 1, &last).s, &a);
  scion_oname k = covariance(w, squares.s);
  int64_t scalar = 0;
  emit2(w, "Mul", k.s, scion__ow_call(w, "Reshape", IN(3), scion__ow_ints(w, 0, &scalar).s, NULL).s, NULL);
}

const scion_ow_op scion__ow_more_ops[] = {
  { "cdist", cdist }, { "cdist_euclid", cdist }, { "stationary_covariance", stationary }, { "covariance_matrix", covariance_matrix },
  { "rnn_tanh", recurrent }, { "rnn_relu", recurrent }, { "gru", recurrent }, { "gru_reset", recurrent }, { "lstm", recurrent }, { "split_by", split_by },
  { "adaptive_avg_pool1d", adaptive_pool }, { "adaptive_avg_pool2d", adaptive_pool }, { "adaptive_avg_pool3d", adaptive_pool }, { "adaptive_max_pool1d", adaptive_pool },
  { "adaptive_max_pool2d", adaptive_pool }, { "adaptive_max_pool3d", adaptive_pool }, { "grid_sample", grid_sample }, { "grouped_attention", grouped_attention },
  { "rotary_embedding", rotary }, { NULL, NULL } };
