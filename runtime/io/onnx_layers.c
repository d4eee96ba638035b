/* onnx_layers.c: ONNX operators that are layers: normalisation, products, activations, losses, resizing (those with windows are
 * in onnx_window.c). */
#include <math.h>
#include <stdio.h>

#include "onnx.h"

#define OP(name) (&scion__op_##name)
#define IN(i) scion__onnx_in(o, i)

/* Position of a text attribute among words; -1: none of them. */
static int find_word(scion_onnx *o, const char *attribute, const char *const *words, int def) {
  scion_pb text;
  if (!scion__onnx_text(o, attribute, &text)) return def;
  for (int i = 0; words[i] != NULL; i++) if (scion__pb_is(&text, words[i])) return i;
  return -1;
}
static scion_status scaled(scion_onnx *o, int32_t v, double by, const char *suffix, int32_t *out) {
  scion_tensor *t;
  *out = v;
  if (by == 1) return SCION_OK;
  SCION_TRY(scion_tensor_scalar(o->ctx, (scion_dtype)scion__onnx_value(o, v)->dtype, by, &t));
  int32_t s = scion__onnx_constant(o, t);
  if (s < 0) return SCION_ENOMEM;
  return scion__onnx_emit2(o, OP(mul), NULL, NULL, suffix, v, s, out);
}

/* ---- normalisation ------------------------------------------------------------------------------------------------- */

/* old * momentum + now * (1 - momentum) */
static scion_status running(scion_onnx *o, int32_t old, int32_t now, double momentum, const char *suffix, int32_t *out) {
  int32_t a, b;
  SCION_TRY(scaled(o, old, momentum, "old", &a));
  SCION_TRY(scaled(o, now, 1 - momentum, "now", &b));
  return scion__onnx_emit2(o, OP(add), NULL, NULL, suffix, a, b, out);
}
/* A graph that was exported for training: statistics of the batch at hand, running ones as outputs. */
static scion_status batch_norm_training(scion_onnx *o, int32_t n, int32_t *out) {
  scion__room p;
  scion_ints dims = { .n = 0 };
  int32_t mean, var;
  double momentum = scion__onnx_float(o, "momentum", 0.9);
  for (int32_t d = 0; d < n; d++) if (d != 1) dims.v[dims.n++] = d;
  void *q = scion__params(&p, OP(mean));
  scion__set_ints(OP(mean), q, "dim", &dims);
  SCION_TRY(scion__onnx_emit1(o, OP(mean), q, NULL, "mean", IN(0), &mean));
  q = scion__params(&p, OP(var));
  scion__set_ints(OP(var), q, "dim", &dims);
  scion__set_float(OP(var), q, "correction", 0);
  SCION_TRY(scion__onnx_emit1(o, OP(var), q, NULL, "var", IN(0), &var));
  q = scion__params(&p, OP(batch_norm));
  scion__set_float(OP(batch_norm), q, "eps", scion__onnx_float(o, "epsilon", 1e-5));
  SCION_TRY(scion__onnx_emit(o, OP(batch_norm), q, "BatchNorm", NULL, 5, (int32_t[]){ IN(0), IN(1), IN(2), mean, var }, 1, out));
  SCION_TRY(running(o, IN(3), mean, momentum, "running_mean", &out[1]));
  return running(o, IN(4), var, momentum, "running_var", &out[2]);
}
static scion_status batch_norm(scion_onnx *o, int32_t *out) {
  int32_t n;
  scion__room p;
  SCION_TRY(scion__onnx_rank(o, IN(0), &n));
  if (scion__onnx_int(o, "training_mode", 0) != 0) return batch_norm_training(o, n, out);
  if ((o->opset < 7 && scion__onnx_int(o, "is_test", 0) == 0 && o->opset >= 6 && o->node->n_out > 1)) {
    return scion__onnx_fail(o, "a graph exported in training mode; export it for inference");
  }
  if (scion__onnx_int(o, "spatial", 1) == 0) return scion__onnx_fail(o, "spatial = 0 is not known");
  void *q = scion__params(&p, OP(batch_norm));
  scion__set_float(OP(batch_norm), q, "eps", scion__onnx_float(o, "epsilon", 1e-5));
  scion__set_float(OP(batch_norm), q, "momentum", 1 - scion__onnx_float(o, "momentum", 0.9));
  return scion__onnx_emit(o, OP(batch_norm), q, n == 5 ? "BatchNorm3d" : n == 4 ? "BatchNorm2d" : "BatchNorm1d", NULL, 5,
                          (int32_t[]){ IN(0), IN(1), IN(2), IN(3), IN(4) }, 1, out);
}
static scion_status instance_norm(scion_onnx *o, int32_t *out) {
  scion__room p;
  void *q = scion__params(&p, OP(instance_norm));
  scion__set_float(OP(instance_norm), q, "eps", scion__onnx_float(o, "epsilon", 1e-5));
  return scion__onnx_emit(o, OP(instance_norm), q, "InstanceNorm2d", NULL, 3, (int32_t[]){ IN(0), IN(1), IN(2) }, 1, out);
}
static scion_status layer_norm(scion_onnx *o, int32_t *out) {
  int32_t n;
  scion__room p;
  SCION_TRY(scion__onnx_rank(o, IN(0), &n));
  int64_t axis = scion__onnx_int(o, "axis", -1);
  if (axis < 0) axis += n;
  const scion_onnx_value *x = scion__onnx_value(o, IN(0));
  scion_ints shape = { .n = 0 };
  for (int32_t d = (int32_t)axis; d >= 0 && d < n; d++) {
    if (scion__onnx_free(x, d)) return scion__onnx_fail(o, "a normalised dimension has no fixed size");
    shape.v[shape.n++] = x->probe[0][d];
  }
  if (o->node->n_out > 1) { /* mean and 1 / deviation */
    int32_t var, eps;
    scion_ints dims = { .n = 0 };
    scion_tensor *t;
    for (int32_t d = (int32_t)axis; d >= 0 && d < n; d++) dims.v[dims.n++] = d;
    SCION_TRY(scion_tensor_scalar(o->ctx, (scion_dtype)x->dtype, scion__onnx_float(o, "epsilon", 1e-5), &t));
    if ((eps = scion__onnx_constant(o, t)) < 0) return SCION_ENOMEM;
    void *m = scion__params(&p, OP(mean));
    scion__set_ints(OP(mean), m, "dim", &dims);
    scion__set_int(OP(mean), m, "keepdim", 1);
    SCION_TRY(scion__onnx_emit1(o, OP(mean), m, NULL, "mean", IN(0), &out[1]));
    m = scion__params(&p, OP(var));
    scion__set_ints(OP(var), m, "dim", &dims);
    scion__set_int(OP(var), m, "keepdim", 1);
    scion__set_float(OP(var), m, "correction", 0);
    SCION_TRY(scion__onnx_emit1(o, OP(var), m, NULL, "var", IN(0), &var));
    SCION_TRY(scion__onnx_emit2(o, OP(add), NULL, NULL, "eps", var, eps, &var));
    SCION_TRY(scion__onnx_emit1(o, OP(rsqrt), NULL, NULL, "inv_std", var, &out[2]));
  }
  void *q = scion__params(&p, OP(layer_norm));
  scion__set_ints(OP(layer_norm), q, "normalized_shape", &shape);
  scion__set_float(OP(layer_norm), q, "eps", scion__onnx_float(o, "epsilon", 1e-5));
  return scion__onnx_emit(o, OP(layer_norm), q, "LayerNorm", NULL, IN(2) >= 0 ? 3 : 2, (int32_t[]){ IN(0), IN(1), IN(2) }, 1, out);
}
static scion_status group_norm(scion_onnx *o, int32_t *out) {
  scion__room p;
  int64_t groups = scion__onnx_int(o, "num_groups", 1);
  int32_t w = IN(1), b = IN(2);
  if (o->opset < 21) { /* one scale for a group: repeated for its channels */
    const scion_onnx_value *x = scion__onnx_value(o, IN(0));
    if (!x->known || x->n_dims < 2 || scion__onnx_free(x, 1) || groups < 1) return scion__onnx_fail(o, "the number of channels is not known");
    int64_t each = x->probe[0][1] / groups;
    void *r = scion__params(&p, OP(repeat_interleave));
    scion__set_int(OP(repeat_interleave), r, "times", each);
    scion__set_int(OP(repeat_interleave), r, "dim", 0);
    SCION_TRY(scion__onnx_emit1(o, OP(repeat_interleave), r, NULL, "weight", w, &w));
    SCION_TRY(scion__onnx_emit1(o, OP(repeat_interleave), r, NULL, "bias", b, &b));
    scion__onnx_name(o, w, "weight");
    scion__onnx_name(o, b, "bias");
  }
  void *q = scion__params(&p, OP(group_norm));
  scion__set_int(OP(group_norm), q, "num_groups", groups);
  scion__set_float(OP(group_norm), q, "eps", scion__onnx_float(o, "epsilon", 1e-5));
  return scion__onnx_emit(o, OP(group_norm), q, "GroupNorm", NULL, 3, (int32_t[]){ IN(0), w, b }, 1, out);
}
static scion_status lrn(scion_onnx *o, int32_t *out) {
  scion__room p;
  void *q = scion__params(&p, OP(local_response_norm));
  scion__set_int(OP(local_response_norm), q, "size", scion__onnx_int(o, "size", 5));
  scion__set_float(OP(local_response_norm), q, "alpha", scion__onnx_float(o, "alpha", 1e-4));
  scion__set_float(OP(local_response_norm), q, "beta", scion__onnx_float(o, "beta", 0.75));
  scion__set_float(OP(local_response_norm), q, "k", scion__onnx_float(o, "bias", 1));
  return scion__onnx_emit1(o, OP(local_response_norm), q, "LocalResponseNorm", NULL, IN(0), out);
}

/* ---- products --------------------------------------------------------------------------------------------------------- */

static scion_status gemm(scion_onnx *o, int32_t *out) {
  double alpha = scion__onnx_float(o, "alpha", 1), beta = scion__onnx_float(o, "beta", 1);
  bool ta = scion__onnx_int(o, "transA", 0) != 0, tb = scion__onnx_int(o, "transB", 0) != 0;
  int32_t a = IN(0), b = IN(1), c = beta == 0 ? -1 : IN(2);
  int64_t rows = scion__onnx_value(o, b)->known ? scion__onnx_value(o, b)->probe[0][tb ? 0 : 1] : -1;
  scion_tensor *weight = scion__onnx_const_in(o, 1), *bias = c >= 0 ? scion__onnx_const_in(o, 2) : NULL;
  if (!ta && weight != NULL && alpha == 1 && (c < 0 || (bias != NULL && beta == 1 && bias->n_dims == 1 && bias->numel == rows))) {
    if (!tb) { /* kept as (out, in), like every Linear */
      scion_tensor *turned, *packed;
      scion_onnx_value *v = scion__onnx_value(o, b);
      SCION_TRY(scion__tensor_view(o->ctx, weight, 2, (int64_t[]){ weight->shape[1], weight->shape[0] }, (int64_t[]){ weight->strides[1], weight->strides[0] }, 0, &turned));
      scion_status st = scion__tensor_packed(o->ctx, turned, &packed);
      scion_tensor_free(o->ctx, turned);
      SCION_TRY(st);
      bool was_weight = v->weight;
      char *name = v->name == NULL ? NULL : scion__strdup(o->ctx, v->name);
      b = scion__onnx_constant(o, packed);
      if (b < 0) return SCION_ENOMEM;
      scion__onnx_value(o, b)->weight = was_weight && name != NULL;
      scion__onnx_value(o, b)->name = name;
    }
    return scion__onnx_emit(o, OP(linear), NULL, "Linear", NULL, c >= 0 ? 3 : 2, (int32_t[]){ a, b, c }, 1, out);
  }
  scion__room p;
  void *q = scion__params(&p, OP(transpose));
  scion__set_int(OP(transpose), q, "dim0", 0);
  scion__set_int(OP(transpose), q, "dim1", 1);
  if (ta) SCION_TRY(scion__onnx_emit1(o, OP(transpose), q, NULL, "transpose_a", a, &a));
  if (tb) SCION_TRY(scion__onnx_emit1(o, OP(transpose), q, NULL, "transpose_b", b, &b));
  SCION_TRY(scion__onnx_emit2(o, OP(matmul), NULL, "MatMul", NULL, a, b, out));
  SCION_TRY(scaled(o, *out, alpha, "alpha", out));
  if (c < 0) return SCION_OK;
  SCION_TRY(scaled(o, c, beta, "beta", &c));
  return scion__onnx_emit2(o, OP(add), NULL, "Add", "add", *out, c, out);
}
static scion_status matmul(scion_onnx *o, int32_t *out) { return scion__onnx_emit2(o, OP(matmul), NULL, "MatMul", NULL, IN(0), IN(1), out); }
static scion_status einsum(scion_onnx *o, int32_t *out) {
  scion__room p;
  scion_pb text;
  if (!scion__onnx_text(o, "equation", &text)) return scion__onnx_fail(o, "has no equation");
  scion_string *s = scion__params(&p, OP(einsum));
  size_t n = 0;
  for (const unsigned char *c = text.p; c < text.end && n + 1 < sizeof s->v; c++) if (*c != ' ') s->v[n++] = (char)*c;
  s->v[n] = '\0';
  return scion__onnx_emit(o, OP(einsum), s, "Einsum", NULL, o->node->n_in, o->node->in, 1, out);
}

/* ---- activations -------------------------------------------------------------------------------------------------------- */

#define PLAIN(fn, op, type) \
  static scion_status fn(scion_onnx *o, int32_t *out) { return scion__onnx_emit1(o, OP(op), NULL, type, NULL, IN(0), out); }
PLAIN(relu, relu, "ReLU")
PLAIN(sigmoid, sigmoid, "Sigmoid")
PLAIN(tanh_, tanh, "Tanh")
PLAIN(softsign, softsign, "Softsign")
PLAIN(hardswish, hardswish, "Hardswish")
PLAIN(mish, mish, "Mish")
PLAIN(identity, clone, "Identity")

/* One float attribute that is the op's parameter. */
static scion_status with_float(scion_onnx *o, const scion_op *op, const char *type, const char *attribute, const char *param, double def, int32_t *out) {
  scion__room p;
  void *q = scion__params(&p, op);
  scion__set_float(op, q, param, scion__onnx_float(o, attribute, def));
  return scion__onnx_emit1(o, op, q, type, NULL, IN(0), out);
}
static scion_status leaky_relu(scion_onnx *o, int32_t *out) { return with_float(o, OP(leaky_relu), "LeakyReLU", "alpha", "negative_slope", 0.01, out); }
static scion_status elu(scion_onnx *o, int32_t *out) { return with_float(o, OP(elu), "ELU", "alpha", "alpha", 1, out); }
static scion_status celu(scion_onnx *o, int32_t *out) { return with_float(o, OP(celu), "CELU", "alpha", "alpha", 1, out); }
static scion_status softplus(scion_onnx *o, int32_t *out) { return with_float(o, OP(softplus), "Softplus", "-", "threshold", 1e30, out); }
static scion_status thresholded(scion_onnx *o, int32_t *out) { return with_float(o, OP(threshold), "Threshold", "alpha", "threshold", 1, out); }
static scion_status prelu(scion_onnx *o, int32_t *out) {
  scion_tensor *slopes = scion__onnx_const_in(o, 1), *flat;
  const scion_onnx_value *x = scion__onnx_value(o, IN(0));
  bool channels = slopes != NULL && x->known && x->n_dims >= 2 && !scion__onnx_free(x, 1) && slopes->numel == x->probe[0][1] &&
                  (o->opset < 7 ? slopes->n_dims == 1 : slopes->n_dims == x->n_dims - 1 && slopes->shape[0] == slopes->numel);
  if (channels || (slopes != NULL && slopes->numel == 1)) { /* one slope for every channel, or for all */
    if (slopes->n_dims == 1) return scion__onnx_emit2(o, OP(prelu), NULL, "PReLU", NULL, IN(0), IN(1), out);
    SCION_TRY(scion__tensor_view(o->ctx, slopes, 1, &slopes->numel, NULL, 0, &flat));
    int32_t w = scion__onnx_constant(o, flat);
    if (w < 0) return SCION_ENOMEM;
    scion__onnx_name(o, w, "weight");
    return scion__onnx_emit2(o, OP(prelu), NULL, "PReLU", NULL, IN(0), w, out);
  }
  /* slopes broadcast: max(x, 0) + slope min(x, 0) */
  int32_t up, down, zero, zero_id;
  scion_tensor *t;
  SCION_TRY(scion_tensor_scalar(o->ctx, (scion_dtype)scion__onnx_value(o, IN(0))->dtype, 0, &t));
  if ((zero = scion__onnx_constant(o, t)) < 0) return SCION_ENOMEM;
  zero_id = zero;
  SCION_TRY(scion__onnx_emit2(o, OP(maximum), NULL, NULL, "max", IN(0), zero_id, &up));
  SCION_TRY(scion__onnx_emit2(o, OP(minimum), NULL, NULL, "min", IN(0), zero_id, &down));
  SCION_TRY(scion__onnx_emit2(o, OP(mul), NULL, NULL, "mul", down, IN(1), &down));
  return scion__onnx_emit2(o, OP(add), NULL, "PReLU", NULL, up, down, out);
}
static scion_status clamped(scion_onnx *o, int32_t x, double lo, double hi, const char *type, const char *suffix, int32_t *out) {
  scion__room p;
  if (lo == 0 && hi == 6) return scion__onnx_emit1(o, OP(relu6), NULL, "ReLU6", suffix, x, out);
  if (lo == 0 && isinf(hi)) return scion__onnx_emit1(o, OP(relu), NULL, "ReLU", suffix, x, out);
  void *q = scion__params(&p, OP(clamp));
  scion__set_float(OP(clamp), q, "min", lo);
  scion__set_float(OP(clamp), q, "max", hi);
  return scion__onnx_emit1(o, OP(clamp), q, type, suffix, x, out);
}
static scion_status clip(scion_onnx *o, int32_t *out) {
  double bound[2] = { -INFINITY, INFINITY };
  if (o->opset < 11) {
    bound[0] = scion__onnx_float(o, "min", -INFINITY);
    bound[1] = scion__onnx_float(o, "max", INFINITY);
    return clamped(o, IN(0), bound[0], bound[1], "Clamp", NULL, out);
  }
  for (int k = 0; k < 2; k++) {
    if (IN(1 + k) < 0) continue;
    scion_tensor *t = scion__onnx_const_in(o, 1 + k);
    if (t == NULL || t->numel != 1) { /* computed bounds */
      *out = IN(0);
      if (IN(1) >= 0) SCION_TRY(scion__onnx_emit2(o, OP(maximum), NULL, NULL, "max", *out, IN(1), out));
      if (IN(2) >= 0) SCION_TRY(scion__onnx_emit2(o, OP(minimum), NULL, NULL, "min", *out, IN(2), out));
      return SCION_OK;
    }
    static const int64_t zeros[SCION_MAX_DIMS] = { 0 };
    SCION_TRY(scion_tensor_get(o->ctx, t, zeros, &bound[k]));
  }
  if (bound[0] > bound[1]) { /* ONNX: min(max(x, lo), hi) */
    SCION_TRY(scion__onnx_emit2(o, OP(maximum), NULL, NULL, "max", IN(0), IN(1), out));
    return scion__onnx_emit2(o, OP(minimum), NULL, NULL, "min", *out, IN(2), out);
  }
  return clamped(o, IN(0), bound[0], bound[1], "Clamp", NULL, out);
}
static scion_status hard_sigmoid(scion_onnx *o, int32_t *out) { /* max(0, min(1, alpha x + beta)) */
  double alpha = scion__onnx_float(o, "alpha", 0.2), beta = scion__onnx_float(o, "beta", 0.5);
  scion_tensor *t;
  int32_t x, b;
  SCION_TRY(scaled(o, IN(0), alpha, "scale", &x));
  SCION_TRY(scion_tensor_scalar(o->ctx, (scion_dtype)scion__onnx_value(o, IN(0))->dtype, beta, &t));
  if ((b = scion__onnx_constant(o, t)) < 0) return SCION_ENOMEM;
  SCION_TRY(scion__onnx_emit2(o, OP(add), NULL, NULL, "shift", x, b, &x));
  return clamped(o, x, 0, 1, "Hardsigmoid", NULL, out);
}
static scion_status selu(scion_onnx *o, int32_t *out) { /* gamma elu(x, alpha) */
  scion__room p;
  double alpha = scion__onnx_float(o, "alpha", 1.6732632423543772), gamma = scion__onnx_float(o, "gamma", 1.0507009873554805);
  if (fabs(alpha - 1.6732632423543772) < 1e-4 && fabs(gamma - 1.0507009873554805) < 1e-4) return scion__onnx_emit1(o, OP(selu), NULL, "SELU", NULL, IN(0), out);
  void *q = scion__params(&p, OP(elu));
  scion__set_float(OP(elu), q, "alpha", alpha);
  SCION_TRY(scion__onnx_emit1(o, OP(elu), q, "SELU", NULL, IN(0), out));
  return scaled(o, *out, gamma, "scale", out);
}
static scion_status gelu(scion_onnx *o, int32_t *out) {
  scion__room p;
  scion_pb text;
  void *q = scion__params(&p, OP(gelu));
  if (scion__onnx_text(o, "approximate", &text) && scion__pb_is(&text, "tanh")) scion__set_int(OP(gelu), q, "approximate", 1);
  return scion__onnx_emit1(o, OP(gelu), q, "GELU", NULL, IN(0), out);
}
static scion_status swish(scion_onnx *o, int32_t *out) {
  int32_t x;
  double alpha = scion__onnx_float(o, "alpha", 1);
  if (alpha == 1) return scion__onnx_emit1(o, OP(silu), NULL, "SiLU", NULL, IN(0), out);
  SCION_TRY(scaled(o, IN(0), alpha, "scale", &x));
  SCION_TRY(scion__onnx_emit1(o, OP(sigmoid), NULL, NULL, "sigmoid", x, &x));
  return scion__onnx_emit2(o, OP(mul), NULL, "Swish", NULL, IN(0), x, out);
}
/* Below opset 13 the dimensions from axis on are one. */
static scion_status softmax_of(scion_onnx *o, const scion_op *op, const char *type, int32_t *out) {
  scion__room p;
  int32_t n;
  int64_t axis = scion__onnx_int(o, "axis", o->opset < 13 ? 1 : -1);
  void *q = scion__params(&p, op);
  if (o->opset >= 13) {
    scion__set_int(op, q, "dim", axis);
    return scion__onnx_emit1(o, op, q, type, NULL, IN(0), out);
  }
  SCION_TRY(scion__onnx_rank(o, IN(0), &n));
  if (axis < 0) axis += n;
  if (axis == n - 1 || n == 0) {
    scion__set_int(op, q, "dim", -1);
    return scion__onnx_emit1(o, op, q, type, NULL, IN(0), out);
  }
  scion__room p2;
  int32_t flat;
  void *f = scion__params(&p2, OP(flatten));
  scion__set_int(OP(flatten), f, "start_dim", axis);
  SCION_TRY(scion__onnx_emit1(o, OP(flatten), f, NULL, "flatten", IN(0), &flat));
  scion__set_int(op, q, "dim", -1);
  SCION_TRY(scion__onnx_emit1(o, op, q, type, NULL, flat, &flat));
  const scion_onnx_value *x = scion__onnx_value(o, IN(0));
  scion_ints shape = { .n = n };
  int32_t free_dims = 0;
  for (int32_t d = 0; d < n; d++) {
    bool fixed = !scion__onnx_free(x, d);
    shape.v[d] = fixed ? x->probe[0][d] : -1;
    free_dims += !fixed;
  }
  if (free_dims > 1) return scion__onnx_fail(o, "more than one dimension has no fixed size");
  void *r = scion__params(&p2, OP(reshape));
  scion__set_ints(OP(reshape), r, "shape", &shape);
  return scion__onnx_emit1(o, OP(reshape), r, NULL, "reshape", flat, out);
}
static scion_status softmax(scion_onnx *o, int32_t *out) { return softmax_of(o, OP(softmax), "Softmax", out); }
static scion_status log_softmax(scion_onnx *o, int32_t *out) { return softmax_of(o, OP(log_softmax), "LogSoftmax", out); }
static scion_status dropout(scion_onnx *o, int32_t *out) {
  scion__room p;
  double ratio = scion__onnx_float(o, "ratio", 0.5);
  scion_tensor *t = o->opset >= 12 ? scion__onnx_const_in(o, 1) : NULL;
  static const int64_t zeros[SCION_MAX_DIMS] = { 0 };
  if (t != NULL && t->numel == 1) SCION_TRY(scion_tensor_get(o->ctx, t, zeros, &ratio));
  if (o->node->n_out > 1 && o->node->out[1].p != o->node->out[1].end) { /* inference keeps everything */
    const scion_onnx_value *x = scion__onnx_value(o, IN(0));
    scion_tensor *mask;
    if (!x->known) return scion__onnx_fail(o, "the size of the input is not known");
    SCION_TRY(scion__tensor_alloc(o->ctx, SCION_BOOL, x->n_dims, x->probe[0], &mask));
    scion__tensor_fill(o->ctx, mask, 1);
    if ((out[1] = scion__onnx_constant(o, mask)) < 0) return SCION_ENOMEM;
  }
  void *q = scion__params(&p, OP(dropout));
  scion__set_float(OP(dropout), q, "p", ratio);
  scion__set_int(OP(dropout), q, "training", 0);
  if (scion__onnx_const_in(o, 0) != NULL) {
    *out = IN(0);
    return SCION_OK;
  }
  return scion__onnx_emit1(o, OP(dropout), q, "Dropout", NULL, IN(0), out);
}

/* ---- losses, and more normalisation ------------------------------------------------------------------------------------ */

static scion_status reduction_of(scion_onnx *o, const scion_op *op, void *q) {
  static const char *const words[] = { "none", "sum", "mean", NULL };
  int k = find_word(o, "reduction", words, 2);
  return k < 0 ? scion__onnx_fail(o, "its reduction is not known") : scion__set_word(o->ctx, op, q, "reduction", words[k]);
}
static scion_status nll_loss(scion_onnx *o, int32_t *out) {
  scion__room p;
  void *q = scion__params(&p, OP(nll_loss));
  SCION_TRY(reduction_of(o, OP(nll_loss), q));
  if (scion__onnx_has(o, "ignore_index")) scion__set_int(OP(nll_loss), q, "ignore_index", scion__onnx_int(o, "ignore_index", 0));
  return scion__onnx_emit(o, OP(nll_loss), q, "NLLLoss", NULL, o->node->n_in, o->node->in, 1, out);
}
static scion_status cross_entropy(scion_onnx *o, int32_t *out) {
  scion__room p, r;
  int32_t log_prob;
  void *q = scion__params(&p, OP(log_softmax));
  scion__set_int(OP(log_softmax), q, "dim", 1);
  SCION_TRY(scion__onnx_emit1(o, OP(log_softmax), q, "LogSoftmax", "log_softmax", IN(0), &log_prob));
  out[1] = log_prob;
  q = scion__params(&r, OP(nll_loss));
  SCION_TRY(reduction_of(o, OP(nll_loss), q));
  if (scion__onnx_has(o, "ignore_index")) scion__set_int(OP(nll_loss), q, "ignore_index", scion__onnx_int(o, "ignore_index", 0));
  return scion__onnx_emit(o, OP(nll_loss), q, "NLLLoss", NULL, IN(2) >= 0 ? 3 : 2, (int32_t[]){ log_prob, IN(1), IN(2) }, 1, out);
}
static scion_status rms_norm(scion_onnx *o, int32_t *out) {
  int32_t n;
  scion__room p;
  SCION_TRY(scion__onnx_rank(o, IN(0), &n));
  int64_t axis = scion__onnx_int(o, "axis", -1);
  if (axis < 0) axis += n;
  const scion_onnx_value *x = scion__onnx_value(o, IN(0));
  scion_ints shape = { .n = 0 };
  for (int32_t d = (int32_t)axis; d >= 0 && d < n; d++) {
    if (scion__onnx_free(x, d)) return scion__onnx_fail(o, "a normalised dimension has no fixed size");
    shape.v[shape.n++] = x->probe[0][d];
  }
  void *q = scion__params(&p, OP(rms_norm));
  scion__set_ints(OP(rms_norm), q, "normalized_shape", &shape);
  scion__set_float(OP(rms_norm), q, "eps", scion__onnx_float(o, "epsilon", 1e-5));
  return scion__onnx_emit2(o, OP(rms_norm), q, "RMSNorm", NULL, IN(0), IN(1), out);
}
static scion_status lp_norm(scion_onnx *o, int32_t *out) {
  scion__room p;
  void *q = scion__params(&p, OP(normalize));
  scion__set_float(OP(normalize), q, "p", (double)scion__onnx_int(o, "p", 2));
  scion__set_int(OP(normalize), q, "dim", scion__onnx_int(o, "axis", -1));
  return scion__onnx_emit1(o, OP(normalize), q, "Normalize", NULL, IN(0), out);
}
static scion_status mean_variance(scion_onnx *o, int32_t *out) { /* (x - mean) / sqrt(var + 1e-9) */
  scion__room p;
  scion_ints axes;
  scion_tensor *t;
  int32_t mean, sq, eps;
  SCION_TRY(scion__onnx_ints(o, "axes", &axes));
  if (axes.n < 0) axes = (scion_ints){ 3, { 0, 2, 3 } };
  void *q = scion__params(&p, OP(mean));
  scion__set_ints(OP(mean), q, "dim", &axes);
  scion__set_int(OP(mean), q, "keepdim", 1);
  SCION_TRY(scion__onnx_emit1(o, OP(mean), q, NULL, "mean", IN(0), &mean));
  SCION_TRY(scion__onnx_emit2(o, OP(sub), NULL, NULL, "centred", IN(0), mean, out));
  SCION_TRY(scion__onnx_emit1(o, OP(square), NULL, NULL, "square", *out, &sq));
  SCION_TRY(scion__onnx_emit1(o, OP(mean), q, NULL, "var", sq, &sq));
  SCION_TRY(scion__onnx_emit1(o, OP(sqrt), NULL, NULL, "std", sq, &sq));
  SCION_TRY(scion_tensor_scalar(o->ctx, (scion_dtype)scion__max(0, scion__onnx_value(o, IN(0))->dtype), 1e-9, &t));
  if ((eps = scion__onnx_constant(o, t)) < 0) return SCION_ENOMEM;
  SCION_TRY(scion__onnx_emit2(o, OP(add), NULL, NULL, "eps", sq, eps, &sq));
  return scion__onnx_emit2(o, OP(div), NULL, "MeanVarianceNorm", NULL, *out, sq, out);
}
static scion_status shrink(scion_onnx *o, int32_t *out) { /* below -lambd: x + bias; above: x - bias; else 0 */
  double lambda = scion__onnx_float(o, "lambd", 0.5), bias = scion__onnx_float(o, "bias", 0);
  scion__room p;
  const scion_op *op = bias == 0 ? OP(hardshrink) : OP(softshrink);
  if (bias != 0 && bias != lambda) return scion__onnx_fail(o, "a bias other than 0 or lambd is not known");
  void *q = scion__params(&p, op);
  scion__set_float(op, q, "lambda", lambda);
  return scion__onnx_emit1(o, op, q, bias == 0 ? "Hardshrink" : "Softshrink", NULL, IN(0), out);
}

/* ---- resizing ------------------------------------------------------------------------------------------------------------ */

/* Scales or sizes of the spatial dimensions alone, the same for all or as sizes, make an ordinary Upsample layer. */
static bool plain_resize(scion_onnx *o, int32_t scales, int32_t sizes, int mode, const scion_ints *axes, int policy, double *factor, scion_ints *size) {
  const scion_onnx_value *x = scion__onnx_value(o, IN(0));
  const scion_tensor *t = sizes >= 0 ? scion__onnx_value(o, sizes)->tensor : scales >= 0 ? scion__onnx_value(o, scales)->tensor : NULL;
  if (!x->known || x->n_dims < 3 || x->n_dims > 5 || !scion__is_float(x->dtype) || t == NULL || axes->n >= 0 || policy != 0 || t->numel != x->n_dims) return false;
  if (mode == 2 && x->n_dims != 4) return false;
  *factor = 0;
  size->n = 0;
  for (int64_t d = 0; d < x->n_dims; d++) {
    double v;
    if (scion_tensor_get(o->ctx, t, &d, &v) != SCION_OK || !(v > 0 && v < 1e9)) return false;
    if (d < 2) {
      if (sizes >= 0 ? scion__onnx_free(x, d) || v != (double)x->probe[0][d] : v != 1) return false;
    } else if (sizes >= 0) {
      size->v[size->n++] = (int64_t)v;
    } else {
      if (d > 2 && v != *factor) return false;
      *factor = v;
    }
  }
  return true;
}
static scion_status resize_of(scion_onnx *o, int32_t scales, int32_t sizes, int32_t roi, int mode, const char *coordinates, const char *rounding, int32_t *out) {
  static const char *const policies[] = { "stretch", "not_larger", "not_smaller", NULL };
  static const char *const modes[] = { "nearest", "linear", "cubic" }, *const by_rank[3][3] = { { "nearest", "nearest", "nearest" }, { "linear", "bilinear", "trilinear" },
    { "cubic", "bicubic", "cubic" } };
  scion__room p;
  scion_ints axes, size;
  double factor;
  SCION_TRY(scion__onnx_ints(o, "axes", &axes));
  int policy = find_word(o, "keep_aspect_ratio_policy", policies, 0);
  if (policy < 0) return scion__onnx_fail(o, "its keep_aspect_ratio_policy is not known");
  if (scales >= 0 && scion__onnx_value(o, scales)->tensor != NULL && scion__onnx_value(o, scales)->tensor->numel == 0) scales = -1;
  bool plain = roi < 0 && plain_resize(o, scales, sizes, mode, &axes, policy, &factor, &size);
  const scion_op *op = plain ? OP(interpolate) : OP(resize_by);
  void *q = scion__params(&p, op);
  int32_t rank = plain ? scion__onnx_value(o, IN(0))->n_dims : 0;
  SCION_TRY(scion__set_word(o->ctx, op, q, "mode", plain ? by_rank[mode][rank - 3] : modes[mode]));
  SCION_TRY(scion__set_word(o->ctx, op, q, "coordinates", coordinates));
  SCION_TRY(scion__set_word(o->ctx, op, q, "nearest_mode", rounding));
  scion__set_float(op, q, "cubic_a", scion__onnx_float(o, "cubic_coeff_a", -0.75));
  scion__set_int(op, q, "exclude_outside", scion__onnx_int(o, "exclude_outside", 0));
  scion__set_int(op, q, "antialias", scion__onnx_int(o, "antialias", 0));
  if (plain) {
    if (sizes >= 0) scion__set_ints(op, q, "size", &size);
    else scion__set_float(op, q, "scale_factor", factor);
    return scion__onnx_emit1(o, op, q, "Upsample", NULL, IN(0), out);
  }
  scion__set_ints(op, q, "axes", &axes);
  scion__set_int(op, q, "policy", policy);
  scion__set_float(op, q, "outside", scion__onnx_float(o, "extrapolation_value", 0));
  return scion__onnx_emit(o, op, q, "Resize", NULL, roi >= 0 ? 4 : 3, (int32_t[]){ IN(0), scales, sizes, roi }, 1, out);
}
static scion_status resize(scion_onnx *o, int32_t *out) {
  static const char *const modes[] = { "nearest", "linear", "cubic", NULL };
  static const char *const coordinates[] = { "half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners", "half_pixel_symmetric", "tf_half_pixel_for_nn",
    "tf_crop_and_resize", NULL };
  static const char *const roundings[] = { "floor", "ceil", "round_prefer_floor", "round_prefer_ceil", NULL };
  int mode = find_word(o, "mode", modes, 0), where = find_word(o, "coordinate_transformation_mode", coordinates, 0), how = find_word(o, "nearest_mode", roundings, 2);
  if (mode < 0 || where < 0 || how < 0) return scion__onnx_fail(o, "its mode, coordinate_transformation_mode or nearest_mode is not known");
  if (o->opset < 11) return resize_of(o, IN(1), -1, -1, mode, "asymmetric", "floor", out);
  return resize_of(o, IN(2), IN(3), where == 6 ? IN(1) : -1, mode, where == 5 ? "half_pixel" : coordinates[where], roundings[how], out);
}
static scion_status upsample(scion_onnx *o, int32_t *out) {
  static const char *const modes[] = { "nearest", "linear", "cubic", NULL };
  int mode = find_word(o, "mode", modes, 0);
  int32_t scales = IN(1);
  if (mode < 0) return scion__onnx_fail(o, "its mode is not known");
  if (o->opset < 9) { /* an attribute */
    double v[SCION_MAX_DIMS];
    int64_t n = scion__onnx_floats(o, "scales", v, SCION_MAX_DIMS);
    scion_tensor *t;
    if (n < 1) return scion__onnx_fail(o, "has no scales");
    SCION_TRY(scion_tensor_from_bytes(o->ctx, SCION_F64, 1, &n, v, (size_t)n * sizeof *v, &t));
    if ((scales = scion__onnx_constant(o, t)) < 0) return SCION_ENOMEM;
  }
  return resize_of(o, scales, -1, -1, mode, "asymmetric", "floor", out);
}

const scion_onnx_operator scion__onnx_layers[] = {
  { "NegativeLogLikelihoodLoss", nll_loss }, { "SoftmaxCrossEntropyLoss", cross_entropy }, { "RMSNormalization", rms_norm }, { "LpNormalization", lp_norm },
  { "MeanVarianceNormalization", mean_variance }, { "Shrink", shrink }, { "Resize", resize }, { "Upsample", upsample },
  { "BatchNormalization", batch_norm }, { "InstanceNormalization", instance_norm },
  { "LayerNormalization", layer_norm }, { "GroupNormalization", group_norm }, { "LRN", lrn }, { "Gemm", gemm }, { "MatMul", matmul }, { "Einsum", einsum },
  { "Relu", relu }, { "Sigmoid", sigmoid }, { "Tanh", tanh_ }, { "Softsign", softsign }, { "HardSwish", hardswish }, { "Mish", mish },
  { "LeakyRelu", leaky_relu }, { "Elu", elu }, { "Celu", celu }, { "Softplus", softplus }, { "ThresholdedRelu", thresholded }, { "PRelu", prelu }, { "Clip", clip },
  { "HardSigmoid", hard_sigmoid }, { "Selu", selu }, { "Gelu", gelu }, { "Swish", swish }, { "Softmax", softmax }, { "LogSoftmax", log_softmax },
  { "Dropout", dropout }, { "Identity", identity }, { NULL, NULL } };
