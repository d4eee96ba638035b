/* onnx_write_ops.c: what every op becomes in ONNX (opset 21). Ids that an op counts from 1 are moved by one around it. */
#include <math.h>
#include <stdio.h>

#include "onnx_write.h"

#define IN(i) scion__ow_in(w, i)
#define OUT scion__ow_out(w, 0)
#define ATTRS(name) scion_oattrs name = { .n = 0 }

static void emit(scion_ow *w, const char *type, int32_t n, const char *const *in, const scion_oattrs *a) {
  const char *out = OUT;
  scion__ow_node(w, type, n, in, 1, &out, a);
}
static void emit1(scion_ow *w, const char *type, const char *x, const scion_oattrs *a) { emit(w, type, 1, &x, a); }
static void emit2(scion_ow *w, const char *type, const char *x, const char *y, const scion_oattrs *a) { emit(w, type, 2, (const char *[]){ x, y }, a); }
static int dtype_in(const scion_ow *w) { return scion__ow_shape(w, 0)->dtype; }
static int32_t rank_in(const scion_ow *w) { return scion__ow_shape(w, 0)->n_dims; }
static int64_t dim_of(const scion_ow *w, const char *param) { /* from the front */
  int64_t d = scion__ow_int(w, param), n = rank_in(w);
  return d < 0 ? d + n : d;
}
static bool is_word(const scion_ow *w, const char *param, const char *word) { return strcmp(scion__ow_word(w, param), word) == 0; }

/* ---- elementwise ------------------------------------------------------------------------------------------------- */

static const struct { const char *op, *type; } same[] = {
  { "relu", "Relu" }, { "sigmoid", "Sigmoid" }, { "tanh", "Tanh" }, { "exp", "Exp" }, { "log", "Log" }, { "sqrt", "Sqrt" }, { "neg", "Neg" }, { "abs", "Abs" },
  { "sign", "Sign" }, { "floor", "Floor" }, { "ceil", "Ceil" }, { "round", "Round" }, { "sin", "Sin" }, { "cos", "Cos" }, { "tan", "Tan" }, { "asin", "Asin" },
  { "acos", "Acos" }, { "atan", "Atan" }, { "sinh", "Sinh" }, { "cosh", "Cosh" }, { "asinh", "Asinh" }, { "acosh", "Acosh" }, { "atanh", "Atanh" }, { "erf", "Erf" },
  { "reciprocal", "Reciprocal" }, { "softsign", "Softsign" }, { "mish", "Mish" }, { "hardswish", "HardSwish" }, { "logical_not", "Not" }, { "isnan", "IsNaN" },
  { "isinf", "IsInf" }, { "clone", "Identity" }, { "contiguous", "Identity" }, { "det", "Det" }, { "add", "Add" }, { "sub", "Sub" }, { "mul", "Mul" }, { "div", "Div" },
  { "pow", "Pow" }, { "maximum", "Max" }, { "minimum", "Min" }, { "eq", "Equal" }, { "lt", "Less" }, { "le", "LessOrEqual" }, { "gt", "Greater" },
  { "ge", "GreaterOrEqual" }, { "logical_and", "And" }, { "logical_or", "Or" }, { "logical_xor", "Xor" }, { "matmul", "MatMul" }, { "mm", "MatMul" }, { "bmm", "MatMul" },
  { "mv", "MatMul" }, { "dot", "MatMul" }, { "where", "Where" }, { "expand_by", "Expand" }, { "tile_by", "Tile" }, { "squeeze_by", "Squeeze" },
  { "unsqueeze_by", "Unsqueeze" }, { "slice_by", "Slice" }, { "range_by", "Range" }, { "feature_dropout", "Identity" }, { "alpha_dropout", "Identity" } };
static void plain(scion_ow *w) {
  const char *in[8], *type = NULL;
  int32_t n = (int32_t)scion__min(w->node->n_in, 8);
  if (strstr(w->node->op->info.name, "dropout") != NULL) n = 1;
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) if (strcmp(same[i].op, w->node->op->info.name) == 0) type = same[i].type;
  for (int32_t i = 0; i < n; i++) in[i] = IN(i);
  emit(w, type, n, in, NULL);
}
static void square(scion_ow *w) { emit2(w, "Mul", IN(0), IN(0), NULL); }
static void rsqrt(scion_ow *w) { emit1(w, "Reciprocal", scion__ow_call(w, "Sqrt", IN(0), NULL, NULL).s, NULL); }
static void not_equal(scion_ow *w) { emit1(w, "Not", scion__ow_call(w, "Equal", IN(0), IN(1), NULL).s, NULL); }
static void silu(scion_ow *w) { emit2(w, "Mul", IN(0), scion__ow_call(w, "Sigmoid", IN(0), NULL, NULL).s, NULL); }
static void logsigmoid(scion_ow *w) { emit1(w, "Neg", scion__ow_call(w, "Softplus", scion__ow_call(w, "Neg", IN(0), NULL, NULL).s, NULL, NULL).s, NULL); }
static void tanhshrink(scion_ow *w) { emit2(w, "Sub", IN(0), scion__ow_call(w, "Tanh", IN(0), NULL, NULL).s, NULL); }
static void fmod_(scion_ow *w) {
  ATTRS(a);
  scion__oa_int(&a, "fmod", 1);
  emit2(w, "Mod", IN(0), IN(1), &a);
}
static void remainder_(scion_ow *w) { /* a - floor(a / b) b for floats */
  if (!scion__is_float(dtype_in(w))) {
    emit2(w, "Mod", IN(0), IN(1), NULL);
    return;
  }
  scion_oname q = scion__ow_call(w, "Floor", scion__ow_call(w, "Div", IN(0), IN(1), NULL).s, NULL, NULL);
  emit2(w, "Sub", IN(0), scion__ow_call(w, "Mul", q.s, IN(1), NULL).s, NULL);
}
static void floor_divide(scion_ow *w) {
  if (scion__is_float(dtype_in(w))) emit1(w, "Floor", scion__ow_call(w, "Div", IN(0), IN(1), NULL).s, NULL);
  else scion__ow_refuse(w, "integers are divided towards zero there");
}
static void clip(scion_ow *w, double lo, double hi) {
  scion_oname a = { "" }, b = { "" };
  if (isfinite(lo)) a = scion__ow_number(w, dtype_in(w), lo);
  if (isfinite(hi)) b = scion__ow_number(w, dtype_in(w), hi);
  emit(w, "Clip", 3, (const char *[]){ IN(0), a.s, b.s }, NULL);
}
static void clamp(scion_ow *w) { clip(w, scion__ow_float(w, "min"), scion__ow_float(w, "max")); }
static void relu6(scion_ow *w) { clip(w, 0, 6); }
static void hardtanh(scion_ow *w) { clip(w, scion__ow_float(w, "min_val"), scion__ow_float(w, "max_val")); }
static void hardsigmoid(scion_ow *w) {
  ATTRS(a);
  scion__oa_float(&a, "alpha", 1.0 / 6);
  scion__oa_float(&a, "beta", 0.5);
  emit1(w, "HardSigmoid", IN(0), &a);
}
static void leaky_relu(scion_ow *w) {
  ATTRS(a);
  scion__oa_float(&a, "alpha", scion__ow_float(w, "negative_slope"));
  emit1(w, "LeakyRelu", IN(0), &a);
}
static void elu(scion_ow *w) {
  ATTRS(a);
  scion__oa_float(&a, "alpha", scion__ow_float(w, "alpha"));
  emit1(w, strcmp(w->node->op->info.name, "celu") == 0 ? "Celu" : "Elu", IN(0), &a);
}
static void selu(scion_ow *w) {
  ATTRS(a);
  scion__oa_float(&a, "alpha", 1.6732632423543772);
  scion__oa_float(&a, "gamma", 1.0507009873554805);
  emit1(w, "Selu", IN(0), &a);
}
static void gelu(scion_ow *w) {
  ATTRS(a);
  if (scion__ow_int(w, "approximate") != 0) scion__oa_text(&a, "approximate", "tanh");
  emit1(w, "Gelu", IN(0), &a);
}
static void softplus(scion_ow *w) { /* log(1 + exp(beta x)) / beta */
  double beta = scion__ow_float(w, "beta");
  if (beta == 1) {
    emit1(w, "Softplus", IN(0), NULL);
    return;
  }
  scion_oname b = scion__ow_number(w, dtype_in(w), beta);
  emit2(w, "Div", scion__ow_call(w, "Softplus", scion__ow_call(w, "Mul", IN(0), b.s, NULL).s, NULL, NULL).s, b.s, NULL);
}
static void threshold(scion_ow *w) {
  scion_oname t = scion__ow_number(w, dtype_in(w), scion__ow_float(w, "threshold")), v = scion__ow_number(w, dtype_in(w), scion__ow_float(w, "value"));
  emit(w, "Where", 3, (const char *[]){ scion__ow_call(w, "Greater", IN(0), t.s, NULL).s, IN(0), v.s }, NULL);
}
static void shrink(scion_ow *w) {
  ATTRS(a);
  scion__oa_float(&a, "lambd", scion__ow_float(w, "lambda"));
  if (strcmp(w->node->op->info.name, "softshrink") == 0) scion__oa_float(&a, "bias", scion__ow_float(w, "lambda"));
  emit1(w, "Shrink", IN(0), &a);
}
static void prelu(scion_ow *w) { /* one slope for every channel: (C, 1, ...) */
  int32_t n = rank_in(w);
  int64_t axes[SCION_MAX_DIMS];
  if (n <= 2 || scion__ow_shape(w, 1)->shape[0] == 1) {
    emit2(w, "PRelu", IN(0), IN(1), NULL);
    return;
  }
  for (int32_t d = 0; d < n - 2; d++) axes[d] = d + 1;
  emit2(w, "PRelu", IN(0), scion__ow_call(w, "Unsqueeze", IN(1), scion__ow_ints(w, n - 2, axes).s, NULL).s, NULL);
}
static void glu(scion_ow *w) {
  ATTRS(a);
  scion_oname x = scion__ow_new(w, "value"), gate = scion__ow_new(w, "gate");
  const char *in = IN(0), *out[2] = { x.s, gate.s };
  scion__oa_int(&a, "axis", dim_of(w, "dim"));
  scion__oa_int(&a, "num_outputs", 2);
  scion__ow_node(w, "Split", 1, &in, 2, out, &a);
  emit2(w, "Mul", x.s, scion__ow_call(w, "Sigmoid", gate.s, NULL, NULL).s, NULL);
}
static void softmax(scion_ow *w) {
  ATTRS(a);
  scion__oa_int(&a, "axis", dim_of(w, "dim"));
  emit1(w, strcmp(w->node->op->info.name, "softmax") == 0 ? "Softmax" : "LogSoftmax", IN(0), &a);
}
static void cast_to(scion_ow *w, const char *x, int dtype) {
  ATTRS(a);
  scion__oa_int(&a, "to", scion__onnx_type(dtype));
  emit1(w, "Cast", x, &a);
}
static scion_oname cast(scion_ow *w, const char *x, int dtype) {
  ATTRS(a);
  scion__oa_int(&a, "to", scion__onnx_type(dtype));
  return scion__ow_call(w, "Cast", x, NULL, &a);
}
static void to(scion_ow *w) { cast_to(w, IN(0), scion__ow_out_shape(w, 0)->dtype); }
static void dropout(scion_ow *w) {
  scion_oname p = scion__ow_number(w, SCION_F32, scion__ow_float(w, "p"));
  emit2(w, "Dropout", IN(0), p.s, NULL);
}

/* ---- products and windows ------------------------------------------------------------------------------------------- */

static scion_oname transposed(scion_ow *w, const char *x, int32_t n, int32_t i, int32_t k) {
  ATTRS(a);
  int64_t perm[SCION_MAX_DIMS];
  for (int32_t d = 0; d < n; d++) perm[d] = d == i ? k : d == k ? i : d;
  scion__oa_ints(&a, "perm", n, perm);
  return scion__ow_call(w, "Transpose", x, NULL, &a);
}
static void linear(scion_ow *w) {
  ATTRS(a);
  if (rank_in(w) == 2) {
    scion__oa_int(&a, "transB", 1);
    emit(w, "Gemm", 3, (const char *[]){ IN(0), IN(1), IN(2) }, &a);
    return;
  }
  scion_oname t = transposed(w, IN(1), 2, 0, 1);
  if (scion__ow_has(w, 2)) emit2(w, "Add", scion__ow_call(w, "MatMul", IN(0), t.s, NULL).s, IN(2), NULL);
  else emit2(w, "MatMul", IN(0), t.s, NULL);
}
static void einsum(scion_ow *w) {
  const scion_param *p = net__param(w->node->op, "equation");
  const char *in[8];
  ATTRS(a);
  if (p == NULL || w->node->n_in > 8) {
    scion__ow_refuse(w, "more than 8 operands");
    return;
  }
  for (int32_t i = 0; i < w->node->n_in; i++) in[i] = IN(i);
  scion__oa_text(&a, "equation", (const char *)w->node->params + p->offset);
  emit(w, "Einsum", w->node->n_in, in, &a);
}
/* A list parameter as n numbers. */
static void spread(const scion_ow *w, const char *name, int32_t n, int64_t def, int64_t *out) {
  scion_ints v = scion__ow_list(w, name);
  for (int32_t i = 0; i < n; i++) out[i] = v.n <= 0 ? def : v.n == 1 ? v.v[0] : v.v[i];
}
static void add_window(scion_ow *w, scion_oattrs *a, int32_t n, bool dilations) {
  int64_t v[6];
  scion_ints pad = scion__ow_list(w, "padding"), stride = scion__ow_list(w, "stride");
  spread(w, stride.n > 0 ? "stride" : net__param(w->node->op, "kernel") != NULL ? "kernel" : "stride", n, 1, v);
  scion__oa_ints(a, "strides", n, v);
  if (dilations) {
    spread(w, "dilation", n, 1, v);
    scion__oa_ints(a, "dilations", n, v);
  }
  for (int32_t i = 0; i < n; i++) {
    v[i] = pad.n <= 0 ? 0 : pad.n == 1 ? pad.v[0] : pad.v[i];
    v[n + i] = pad.n == 2 * n ? pad.v[n + i] : v[i];
  }
  scion__oa_ints(a, "pads", 2 * n, v);
}
static void conv(scion_ow *w) {
  ATTRS(a);
  const scion_net_shape *k = scion__ow_shape(w, 1);
  int32_t n = k->n_dims - 2;
  bool up = strstr(w->node->op->info.name, "transpose") != NULL;
  const scion_param *act = net__param(w->node->op, "activation");
  if (act != NULL && *(const int32_t *)(const void *)((const char *)w->node->params + act->offset) != (int32_t)act->def) {
    scion__ow_refuse(w, "its own activation; write it as a layer");
    return;
  }
  scion__oa_ints(&a, "kernel_shape", n, k->shape + 2);
  add_window(w, &a, n, true);
  scion__oa_int(&a, "group", scion__max(1, scion__ow_int(w, "groups")));
  if (up) {
    int64_t v[3];
    spread(w, "output_padding", n, 0, v);
    scion__oa_ints(&a, "output_padding", n, v);
  }
  emit(w, up ? "ConvTranspose" : "Conv", 3, (const char *[]){ IN(0), IN(1), IN(2) }, &a);
}
static void pool(scion_ow *w) {
  ATTRS(a);
  int32_t n = rank_in(w) - 2;
  int64_t v[3];
  bool max = strncmp(w->node->op->info.name, "max", 3) == 0, lp = w->node->op->info.name[0] == 'l';
  double p = scion__ow_float(w, "p");
  spread(w, "kernel", n, 1, v);
  scion__oa_ints(&a, "kernel_shape", n, v);
  add_window(w, &a, n, max);
  scion__oa_int(&a, "ceil_mode", scion__ow_int(w, "ceil_mode"));
  int64_t divisor = max || lp ? 0 : scion__ow_int(w, "divisor_override");
  if (!max && !lp) scion__oa_int(&a, "count_include_pad", divisor > 0 || scion__ow_int(w, "count_include_pad"));
  if (lp && p != floor(p)) {
    scion__ow_refuse(w, "its power is no integer");
    return;
  }
  if (lp) scion__oa_int(&a, "p", (int64_t)p);
  if (divisor > 0) {
    if (scion__ow_int(w, "ceil_mode") != 0) {
      scion__ow_refuse(w, "a divisor beside ceil_mode");
      return;
    }
    double area = 1;
    for (int32_t i = 0; i < n; i++) area *= (double)v[i];
    emit2(w, "Mul", scion__ow_call(w, "AveragePool", IN(0), NULL, &a).s, scion__ow_number(w, dtype_in(w), area / (double)divisor).s, NULL);
    return;
  }
  emit1(w, max ? "MaxPool" : lp ? "LpPool" : "AveragePool", IN(0), &a);
}
/* Windows that follow from the sizes: known for the size at hand alone, unless the result is 1. */
static void adaptive_pool(scion_ow *w) {
  ATTRS(a);
  int32_t n = rank_in(w) - 2;
  const scion_net_shape *x = scion__ow_shape(w, 0), *y = scion__ow_out_shape(w, 0);
  bool max = strstr(w->node->op->info.name, "max") != NULL, one = true;
  int64_t kernel[3];
  for (int32_t i = 0; i < n; i++) {
    int64_t in = x->shape[2 + i], out = y->shape[2 + i];
    one = one && out == 1;
    if (out < 1 || in % out != 0) {
      scion__ow_refuse(w, "its input's size is no multiple of its output's, and ONNX has no adaptive pooling");
      return;
    }
    kernel[i] = in / out;
  }
  if (one) {
    emit1(w, max ? "GlobalMaxPool" : "GlobalAveragePool", IN(0), NULL);
    return;
  }
  scion__oa_ints(&a, "kernel_shape", n, kernel);
  scion__oa_ints(&a, "strides", n, kernel);
  emit1(w, max ? "MaxPool" : "AveragePool", IN(0), &a);
}
static void global_pool(scion_ow *w) {
  bool max = strcmp(w->node->op->info.name, "global_max_pool") == 0;
  if (scion__ow_out_shape(w, 0)->n_dims == rank_in(w)) {
    emit1(w, max ? "GlobalMaxPool" : "GlobalAveragePool", IN(0), NULL);
    return;
  }
  ATTRS(a);
  scion__oa_int(&a, "axis", 1);
  emit1(w, "Flatten", scion__ow_call(w, max ? "GlobalMaxPool" : "GlobalAveragePool", IN(0), NULL, NULL).s, &a);
}

/* ---- normalisation ---------------------------------------------------------------------------------------------------- */

static scion_oname given_or(scion_ow *w, int32_t i, int64_t n, double v) {
  scion_oname out;
  if (!scion__ow_has(w, i)) return scion__ow_filled(w, dtype_in(w), n, v);
  snprintf(out.s, sizeof out.s, "%s", IN(i));
  return out;
}
static void batch_norm(scion_ow *w) {
  ATTRS(a);
  if (!scion__ow_has(w, 3) || !scion__ow_has(w, 4)) {
    scion__ow_refuse(w, "it has no running statistics");
    return;
  }
  int64_t c = scion__ow_shape(w, 3)->shape[0];
  scion_oname scale = given_or(w, 1, c, 1), bias = given_or(w, 2, c, 0);
  scion__oa_float(&a, "epsilon", scion__ow_float(w, "eps"));
  scion__oa_float(&a, "momentum", 1 - scion__ow_float(w, "momentum"));
  emit(w, "BatchNormalization", 5, (const char *[]){ IN(0), scale.s, bias.s, IN(3), IN(4) }, &a);
}
static void layer_norm(scion_ow *w) {
  ATTRS(a);
  bool rms = strcmp(w->node->op->info.name, "rms_norm") == 0;
  scion_ints shape = scion__ow_list(w, "normalized_shape");
  const scion_net_shape *x = scion__ow_shape(w, 0);
  int32_t n = (int32_t)scion__max(1, shape.n);
  double eps = scion__ow_float(w, "eps");
  scion_oname scale;
  if (scion__ow_has(w, 1)) {
    snprintf(scale.s, sizeof scale.s, "%s", IN(1));
  } else { /* ones */
    ATTRS(s);
    int64_t product = 1;
    for (int32_t d = 0; d < n; d++) product *= x->shape[x->n_dims - n + d];
    scion_oname ones = scion__ow_filled(w, dtype_in(w), product, 1);
    scale = scion__ow_call(w, "Reshape", ones.s, scion__ow_ints(w, n, x->shape + x->n_dims - n).s, &s);
  }
  if (!rms) {
    scion__oa_int(&a, "axis", -n);
    scion__oa_float(&a, "epsilon", eps);
    emit(w, "LayerNormalization", 3, (const char *[]){ IN(0), scale.s, IN(2) }, &a);
    return;
  }
  int64_t axes[SCION_MAX_DIMS]; /* RMSNormalization came with opset 23 */
  for (int32_t d = 0; d < n; d++) axes[d] = d - n;
  scion_oname mean = scion__ow_call(w, "ReduceMean", scion__ow_call(w, "Mul", IN(0), IN(0), NULL).s, scion__ow_ints(w, n, axes).s, NULL);
  scion_oname root = scion__ow_call(w, "Sqrt", scion__ow_call(w, "Add", mean.s, scion__ow_number(w, dtype_in(w), eps).s, NULL).s, NULL, NULL);
  emit2(w, "Mul", scion__ow_call(w, "Div", IN(0), root.s, NULL).s, scale.s, NULL);
}
static void channel_norm(scion_ow *w) {
  ATTRS(a);
  bool group = strcmp(w->node->op->info.name, "group_norm") == 0;
  int64_t c = scion__ow_shape(w, 0)->shape[1];
  scion_oname scale = given_or(w, 1, c, 1), bias = given_or(w, 2, c, 0);
  scion__oa_float(&a, "epsilon", scion__ow_float(w, "eps"));
  if (group) scion__oa_int(&a, "num_groups", scion__ow_int(w, "num_groups"));
  emit(w, group ? "GroupNormalization" : "InstanceNormalization", 3, (const char *[]){ IN(0), scale.s, bias.s }, &a);
}
static void lrn(scion_ow *w) {
  ATTRS(a);
  scion__oa_int(&a, "size", scion__ow_int(w, "size"));
  scion__oa_float(&a, "alpha", scion__ow_float(w, "alpha"));
  scion__oa_float(&a, "beta", scion__ow_float(w, "beta"));
  scion__oa_float(&a, "bias", scion__ow_float(w, "k"));
  emit1(w, "LRN", IN(0), &a);
}
static void normalize(scion_ow *w) { /* x / max(norm, eps) */
  ATTRS(a);
  double p = scion__ow_float(w, "p");
  int64_t dim = dim_of(w, "dim");
  if (p != 1 && p != 2) {
    scion__ow_refuse(w, "p must be 1 or 2");
    return;
  }
  scion_oname norm = scion__ow_call(w, p == 1 ? "ReduceL1" : "ReduceL2", IN(0), scion__ow_ints(w, 1, &dim).s, &a);
  emit2(w, "Div", IN(0), scion__ow_call(w, "Max", norm.s, scion__ow_number(w, dtype_in(w), scion__ow_float(w, "eps")).s, NULL).s, NULL);
}

/* ---- shapes ---------------------------------------------------------------------------------------------------------------- */

static void reshape_to(scion_ow *w, const char *x, int32_t n, const int64_t *shape, bool allow_zero) {
  ATTRS(a);
  if (allow_zero) scion__oa_int(&a, "allowzero", 1);
  emit2(w, "Reshape", x, scion__ow_ints(w, n, shape).s, &a);
}
static void reshape(scion_ow *w) {
  scion_ints s = scion__ow_list(w, "shape");
  bool zero = false;
  for (int32_t i = 0; i < s.n; i++) zero = zero || s.v[i] == 0;
  reshape_to(w, IN(0), s.n, s.v, zero);
}
static void reshape_by(scion_ow *w) {
  ATTRS(a);
  scion__oa_int(&a, "allowzero", scion__ow_int(w, "allow_zero"));
  emit2(w, "Reshape", IN(0), IN(1), &a);
}
/* Dimension d of the input in a Reshape: 0 (as it is) while places agree, else its fixed size; -1 for one that is free. */
static bool keep_dim(scion_ow *w, int32_t d, int32_t at, int32_t *holes, int64_t *out) {
  *out = d == at ? 0 : scion__ow_free(w, 0, d) ? -1 : scion__ow_shape(w, 0)->shape[d];
  *holes += *out == -1;
  return *holes <= 1;
}
static void flatten(scion_ow *w) {
  int32_t n = rank_in(w), k = 0, holes = 0;
  int64_t a = dim_of(w, "start_dim"), b = dim_of(w, "end_dim"), shape[SCION_MAX_DIMS];
  ATTRS(attrs);
  if (a == 1 && b == n - 1 && n >= 2) {
    scion__oa_int(&attrs, "axis", 1);
    emit1(w, "Flatten", IN(0), &attrs);
    return;
  }
  if (n == 0) {
    reshape_to(w, IN(0), 1, (int64_t[]){ 1 }, false);
    return;
  }
  for (int32_t d = 0; d < a; d++) shape[k++] = 0;
  bool joined_free = false;
  int64_t product = 1;
  for (int64_t d = a; d <= b; d++) {
    joined_free = joined_free || scion__ow_free(w, 0, (int32_t)d);
    product *= scion__ow_shape(w, 0)->shape[d];
  }
  shape[k++] = joined_free ? -1 : product;
  holes = joined_free;
  for (int64_t d = b + 1; d < n; d++, k++) {
    if (!keep_dim(w, (int32_t)d, k, &holes, &shape[k])) {
      scion__ow_refuse(w, "more than one size is free");
      return;
    }
  }
  reshape_to(w, IN(0), k, shape, false);
}
static void unflatten(scion_ow *w) {
  int32_t n = rank_in(w), k = 0, holes = 0;
  int64_t dim = dim_of(w, "dim"), shape[SCION_MAX_DIMS + SCION_MAX_INTS];
  scion_ints sizes = scion__ow_list(w, "sizes");
  for (int32_t d = 0; d < dim; d++) shape[k++] = 0;
  for (int32_t i = 0; i < sizes.n; i++) holes += (shape[k++] = sizes.v[i]) == -1;
  for (int64_t d = dim + 1; d < n; d++, k++) {
    if (!keep_dim(w, (int32_t)d, k, &holes, &shape[k])) {
      scion__ow_refuse(w, "more than one size is free");
      return;
    }
  }
  reshape_to(w, IN(0), k, shape, false);
}
static void permute(scion_ow *w) {
  ATTRS(a);
  scion_ints dims = scion__ow_list(w, "dims");
  for (int32_t i = 0; i < dims.n; i++) if (dims.v[i] < 0) dims.v[i] += dims.n;
  scion__oa_ints(&a, "perm", dims.n, dims.v);
  emit1(w, "Transpose", IN(0), &a);
}
static void transpose(scion_ow *w) {
  ATTRS(a);
  int32_t n = rank_in(w);
  bool t = strcmp(w->node->op->info.name, "t") == 0;
  int64_t i = t ? 0 : dim_of(w, "dim0"), k = t ? n - 1 : dim_of(w, "dim1"), perm[SCION_MAX_DIMS];
  for (int32_t d = 0; d < n; d++) perm[d] = d == i ? k : d == k ? i : d;
  scion__oa_ints(&a, "perm", n, perm);
  emit1(w, "Transpose", IN(0), &a);
}
static void squeeze(scion_ow *w) { /* the dimensions that are 1 and named (or all) */
  scion_ints dims = scion__ow_list(w, "dim");
  const scion_net_shape *x = scion__ow_shape(w, 0);
  int64_t axes[SCION_MAX_DIMS];
  int32_t k = 0;
  for (int32_t d = 0; d < x->n_dims; d++) {
    bool named = dims.n <= 0;
    for (int32_t i = 0; i < dims.n; i++) named = named || dims.v[i] == d || dims.v[i] + x->n_dims == d;
    if (named && x->shape[d] == 1 && !scion__ow_free(w, 0, d)) axes[k++] = d;
  }
  if (k == 0) emit1(w, "Identity", IN(0), NULL);
  else emit2(w, "Squeeze", IN(0), scion__ow_ints(w, k, axes).s, NULL);
}
static void unsqueeze(scion_ow *w) {
  int64_t d = scion__ow_int(w, "dim");
  emit2(w, "Unsqueeze", IN(0), scion__ow_ints(w, 1, &d).s, NULL);
}
static void expand(scion_ow *w) {
  scion_ints s = scion__ow_list(w, "shape");
  for (int32_t i = 0; i < s.n; i++) if (s.v[i] == -1) s.v[i] = 1; /* broadcasting keeps it */
  emit2(w, "Expand", IN(0), scion__ow_ints(w, s.n, s.v).s, NULL);
}
static void tile(scion_ow *w) {
  scion_ints t = scion__ow_list(w, "times");
  int32_t n = rank_in(w);
  int64_t all[SCION_MAX_DIMS];
  if (t.n > n) { /* new leading dimensions */
    int64_t axes[SCION_MAX_DIMS];
    for (int32_t i = 0; i < t.n - n; i++) axes[i] = i;
    emit2(w, "Tile", scion__ow_call(w, "Unsqueeze", IN(0), scion__ow_ints(w, t.n - n, axes).s, NULL).s, scion__ow_ints(w, t.n, t.v).s, NULL);
    return;
  }
  for (int32_t d = 0; d < n; d++) all[d] = d < n - t.n ? 1 : t.v[d - (n - t.n)];
  emit2(w, "Tile", IN(0), scion__ow_ints(w, n, all).s, NULL);
}
static void slice_of(scion_ow *w, int64_t dim, int64_t start, int64_t stop, int64_t step) {
  scion_oname from = scion__ow_ints(w, 1, &start), end = scion__ow_ints(w, 1, &stop), axis = scion__ow_ints(w, 1, &dim), by = scion__ow_ints(w, 1, &step);
  emit(w, "Slice", 5, (const char *[]){ IN(0), from.s, end.s, axis.s, by.s }, NULL);
}
static void slice(scion_ow *w) {
  int64_t start = scion__ow_int(w, "start"), stop = scion__ow_int(w, "stop");
  slice_of(w, dim_of(w, "dim"), start == SCION_NONE ? 0 : start, stop == SCION_NONE ? INT64_MAX : stop, scion__max(1, scion__ow_int(w, "step")));
}
static void narrow(scion_ow *w) {
  int64_t start = scion__ow_int(w, "start"), dim = dim_of(w, "dim");
  if (start < 0) start += scion__ow_shape(w, 0)->shape[dim];
  slice_of(w, dim, start, start + scion__ow_int(w, "length"), 1);
}
static void select_(scion_ow *w) {
  ATTRS(a);
  int64_t i = scion__ow_int(w, "index");
  scion__oa_int(&a, "axis", dim_of(w, "dim"));
  emit2(w, "Gather", IN(0), scion__ow_ints(w, -1, &i).s, &a);
}
static void flip(scion_ow *w) {
  scion_ints dims = scion__ow_list(w, "dims");
  int64_t first[SCION_MAX_INTS], last[SCION_MAX_INTS], step[SCION_MAX_INTS];
  for (int32_t i = 0; i < dims.n; i++) first[i] = -1, last[i] = INT64_MIN, step[i] = -1;
  emit(w, "Slice", 5, (const char *[]){ IN(0), scion__ow_ints(w, dims.n, first).s, scion__ow_ints(w, dims.n, last).s, scion__ow_ints(w, dims.n, dims.v).s,
                                        scion__ow_ints(w, dims.n, step).s }, NULL);
}
static void joined(scion_ow *w, bool stack) {
  ATTRS(a);
  int32_t n = w->node->n_in;
  int64_t dim = scion__ow_int(w, "dim");
  size_t bytes = (size_t)n * (sizeof(const char *) + sizeof(scion_oname));
  const char **in = scion__alloc(w->ctx, bytes);
  if (in == NULL) {
    w->status = SCION_ENOMEM;
    return;
  }
  scion_oname *made = (scion_oname *)(void *)(in + n);
  if (dim < 0) dim += rank_in(w) + stack;
  for (int32_t i = 0; i < n; i++) {
    in[i] = IN(i);
    if (!stack) continue;
    made[i] = scion__ow_call(w, "Unsqueeze", IN(i), scion__ow_ints(w, 1, &dim).s, NULL);
    in[i] = made[i].s;
  }
  scion__oa_int(&a, "axis", dim);
  emit(w, "Concat", n, in, &a);
  scion__free(w->ctx, in, bytes);
}
static void cat(scion_ow *w) { joined(w, false); }
static void stack_(scion_ow *w) { joined(w, true); }
static void pad(scion_ow *w) {
  ATTRS(a);
  scion_ints list = scion__ow_list(w, "pad");
  int32_t n = rank_in(w);
  int64_t pads[2 * SCION_MAX_DIMS] = { 0 };
  const char *mode = scion__ow_word(w, "mode");
  for (int32_t i = 0; i + 1 < list.n && i / 2 < n; i += 2) pads[n - 1 - i / 2] = list.v[i], pads[2 * n - 1 - i / 2] = list.v[i + 1];
  scion__oa_text(&a, "mode", strcmp(mode, "replicate") == 0 ? "edge" : strcmp(mode, "circular") == 0 ? "wrap" : mode);
  scion_oname value = { "" };
  if (strcmp(mode, "constant") == 0) value = scion__ow_number(w, dtype_in(w), scion__ow_float(w, "value"));
  emit(w, "Pad", 3, (const char *[]){ IN(0), scion__ow_ints(w, 2 * n, pads).s, value.s }, &a);
}
static void pad_by(scion_ow *w) {
  ATTRS(a);
  const char *mode = scion__ow_word(w, "mode");
  scion__oa_text(&a, "mode", strcmp(mode, "replicate") == 0 ? "edge" : strcmp(mode, "circular") == 0 ? "wrap" : mode);
  emit(w, "Pad", 4, (const char *[]){ IN(0), IN(1), IN(2), IN(3) }, &a);
}
static void shape_of(scion_ow *w) {
  ATTRS(a);
  int64_t stop = scion__ow_int(w, "stop");
  scion__oa_int(&a, "start", scion__ow_int(w, "start"));
  if (stop != SCION_NONE) scion__oa_int(&a, "end", stop);
  emit1(w, "Shape", IN(0), &a);
}
static void pixels(scion_ow *w) {
  ATTRS(a);
  const char *name = w->node->op->info.name;
  if (strcmp(name, "space_to_depth") == 0) {
    scion__oa_int(&a, "blocksize", scion__ow_int(w, "blocksize"));
    emit1(w, "SpaceToDepth", IN(0), &a);
    return;
  }
  bool shuffle = strcmp(name, "pixel_shuffle") == 0;
  scion__oa_int(&a, "blocksize", scion__ow_int(w, shuffle ? "upscale_factor" : "blocksize"));
  scion__oa_text(&a, "mode", shuffle || is_word(w, "mode", "crd") ? "CRD" : "DCR");
  emit1(w, "DepthToSpace", IN(0), &a);
}
static void channel_shuffle(scion_ow *w) {
  const scion_net_shape *x = scion__ow_shape(w, 0);
  int64_t g = scion__ow_int(w, "groups"), split[SCION_MAX_DIMS + 1] = { 0, g, x->shape[1] / scion__max(1, g) }, back[SCION_MAX_DIMS] = { 0, x->shape[1] };
  int32_t n = x->n_dims, free_dims = 0;
  for (int32_t d = 2; d < n; d++) {
    bool is_free = scion__ow_free(w, 0, d);
    free_dims += is_free;
    split[d + 1] = is_free ? -1 : x->shape[d];
    back[d] = is_free ? -1 : x->shape[d];
  }
  if (free_dims > 1 || n >= SCION_MAX_DIMS) {
    scion__ow_refuse(w, "more than one size is free");
    return;
  }
  scion_oname parts = scion__ow_call(w, "Reshape", IN(0), scion__ow_ints(w, n + 1, split).s, NULL);
  reshape_to(w, transposed(w, parts.s, n + 1, 1, 2).s, n, back, false);
}

/* ---- reductions and ids ----------------------------------------------------------------------------------------------------- */

static void reduce(scion_ow *w) {
  static const struct { const char *op, *type; } all[] = { { "sum", "ReduceSum" }, { "mean", "ReduceMean" }, { "amax", "ReduceMax" }, { "amin", "ReduceMin" },
    { "prod", "ReduceProd" }, { "logsumexp", "ReduceLogSumExp" }, { "max", "ReduceMax" }, { "min", "ReduceMin" } };
  ATTRS(a);
  const char *type = "";
  scion_ints dims = scion__ow_list(w, "dim");
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) if (strcmp(all[i].op, w->node->op->info.name) == 0) type = all[i].type;
  scion__oa_int(&a, "keepdims", scion__ow_int(w, "keepdim"));
  scion_oname axes = { "" };
  if (dims.n > 0) axes = scion__ow_ints(w, dims.n, dims.v);
  emit2(w, type, IN(0), axes.s, &a);
}
static void reduce_by(scion_ow *w) {
  static const char *const types[] = { "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum",
    "ReduceLogSumExp" };
  ATTRS(a);
  scion__oa_int(&a, "keepdims", scion__ow_int(w, "keepdim"));
  scion__oa_int(&a, "noop_with_empty_axes", scion__ow_int(w, "noop"));
  emit2(w, types[scion__ow_int(w, "kind") % 10], IN(0), IN(1), &a);
}
/* name - base, or name itself. */
static scion_oname less_base(scion_ow *w, int32_t i) {
  scion_oname out;
  int64_t base = scion__ow_int(w, "base");
  snprintf(out.s, sizeof out.s, "%s", IN(i));
  return base == 0 ? out : scion__ow_call(w, "Sub", out.s, scion__ow_number(w, scion__ow_shape(w, i)->dtype, (double)base).s, NULL);
}
/* ONNX's ids from 0 as output `slot` of the layer. */
static void plus_base(scion_ow *w, const char *ids, int32_t slot) {
  int64_t base = scion__ow_int(w, "base");
  const char *out = scion__ow_out(w, slot);
  if (base == 0) scion__ow_node(w, "Identity", 1, &ids, 1, &out, NULL);
  else scion__ow_node(w, "Add", 2, (const char *[]){ ids, scion__ow_number(w, SCION_I64, (double)base).s }, 1, &out, NULL);
}
static void arg(scion_ow *w) {
  ATTRS(a);
  const scion_param *p = net__param(w->node->op, "dim");
  int64_t dim = p != NULL ? scion__ow_int(w, "dim") : SCION_NONE;
  if (dim == SCION_NONE) {
    scion__ow_refuse(w, "over all dimensions");
    return;
  }
  scion__oa_int(&a, "axis", dim_of(w, "dim"));
  scion__oa_int(&a, "keepdims", scion__ow_int(w, "keepdim"));
  plus_base(w, scion__ow_call(w, strcmp(w->node->op->info.name, "argmax") == 0 ? "ArgMax" : "ArgMin", IN(0), NULL, &a).s, 0);
}
static void topk(scion_ow *w) {
  ATTRS(a);
  bool by = w->node->op == &scion__op_topk_by;
  int64_t k = by ? 0 : scion__ow_int(w, "k");
  scion_oname ids = scion__ow_new(w, "positions");
  scion__oa_int(&a, "axis", scion__ow_int(w, "dim"));
  scion__oa_int(&a, "largest", scion__ow_int(w, "largest"));
  const char *in[2] = { IN(0), IN(1) }, *out[2] = { OUT, ids.s };
  scion_oname count = { "" };
  if (by) {
    ATTRS(none);
    int64_t one = 1;
    count = scion__ow_call(w, "Reshape", IN(1), scion__ow_ints(w, 1, &one).s, &none);
  } else {
    count = scion__ow_ints(w, 1, &k);
  }
  in[1] = count.s;
  scion__ow_node(w, "TopK", 2, in, 2, out, &a);
  plus_base(w, ids.s, 1);
}
static void gather(scion_ow *w) {
  ATTRS(a);
  bool elements = strcmp(w->node->op->info.name, "gather") == 0;
  scion__oa_int(&a, "axis", dim_of(w, "dim"));
  emit2(w, elements ? "GatherElements" : "Gather", IN(0), less_base(w, 1).s, &a);
}
static void scatter(scion_ow *w) {
  ATTRS(a);
  const char *name = w->node->op->info.name, *how = scion__ow_word(w, "reduce");
  const char *kind = strcmp(name, "scatter_add") == 0 || strcmp(how, "sum") == 0 ? "add" : strcmp(how, "prod") == 0 ? "mul"
                     : strcmp(how, "amax") == 0 ? "max" : strcmp(how, "amin") == 0 ? "min" : "none";
  scion__oa_int(&a, "axis", dim_of(w, "dim"));
  scion__oa_text(&a, "reduction", kind);
  emit(w, "ScatterElements", 3, (const char *[]){ IN(0), less_base(w, 1).s, IN(2) }, &a);
}
static void gather_nd(scion_ow *w) {
  ATTRS(a);
  scion__oa_int(&a, "batch_dims", scion__ow_int(w, "batch_dims"));
  emit2(w, "GatherND", IN(0), less_base(w, 1).s, &a);
}
static void scatter_nd(scion_ow *w) {
  ATTRS(a);
  scion__oa_text(&a, "reduction", scion__ow_word(w, "reduce"));
  emit(w, "ScatterND", 3, (const char *[]){ IN(0), less_base(w, 1).s, IN(2) }, &a);
}
static void embedding(scion_ow *w) { emit2(w, "Gather", IN(1), less_base(w, 0).s, NULL); }
static void cumsum(scion_ow *w) {
  ATTRS(a);
  bool by = w->node->op == &scion__op_cumsum_by;
  int64_t dim = by ? 0 : dim_of(w, "dim");
  scion__oa_int(&a, "reverse", scion__ow_int(w, "reverse"));
  if (by) scion__oa_int(&a, "exclusive", scion__ow_int(w, "exclusive"));
  scion_oname axis = { "" };
  if (by) snprintf(axis.s, sizeof axis.s, "%s", IN(1));
  else axis = scion__ow_ints(w, -1, &dim);
  emit2(w, "CumSum", IN(0), axis.s, &a);
}
static void triangle(scion_ow *w) {
  ATTRS(a);
  bool by = w->node->op == &scion__op_triangle_by;
  int64_t k = by ? 0 : scion__ow_int(w, "diagonal");
  scion__oa_int(&a, "upper", by ? scion__ow_int(w, "upper") : strcmp(w->node->op->info.name, "triu") == 0);
  scion_oname diagonal = { "" };
  if (by) snprintf(diagonal.s, sizeof diagonal.s, "%s", IN(1));
  else diagonal = scion__ow_ints(w, -1, &k);
  emit2(w, "Trilu", IN(0), diagonal.s, &a);
}
static void one_hot(scion_ow *w) {
  ATTRS(a);
  scion__oa_int(&a, "axis", scion__ow_int(w, "dim"));
  emit(w, "OneHot", 3, (const char *[]){ IN(0), IN(1), IN(2) }, &a);
}
static void full_by(scion_ow *w) { /* Expand rather than ConstantOfShape, whose value is a tensor attribute */
  emit2(w, "Expand", scion__ow_number(w, scion__ow_out_shape(w, 0)->dtype, scion__ow_float(w, "value")).s, IN(0), NULL);
}

/* ---- resizing --------------------------------------------------------------------------------------------------------------------- */

static void add_resize(scion_ow *w, scion_oattrs *a) {
  const char *mode = scion__ow_word(w, "mode"), *where = scion__ow_word(w, "coordinates"), *how = scion__ow_word(w, "nearest_mode");
  bool nearest = strncmp(mode, "nearest", 7) == 0, exact = strcmp(mode, "nearest_exact") == 0;
  if (strcmp(mode, "area") == 0) scion__ow_refuse(w, "mode area");
  if (strcmp(where, "default") == 0) where = scion__ow_int(w, "align_corners") ? "align_corners" : strcmp(mode, "nearest") == 0 ? "asymmetric" : "half_pixel";
  scion__oa_text(a, "mode", nearest ? "nearest" : strstr(mode, "cubic") != NULL ? "cubic" : "linear");
  scion__oa_text(a, "coordinate_transformation_mode", where);
  if (nearest) scion__oa_text(a, "nearest_mode", strcmp(how, "default") != 0 ? how : exact ? "round_prefer_ceil" : "floor");
  if (strstr(mode, "cubic") != NULL) scion__oa_float(a, "cubic_coeff_a", scion__ow_float(w, "cubic_a"));
  if (scion__ow_int(w, "exclude_outside")) scion__oa_int(a, "exclude_outside", 1);
  if (scion__ow_int(w, "antialias")) scion__oa_int(a, "antialias", 1);
}
static void interpolate(scion_ow *w) {
  ATTRS(a);
  int32_t n = rank_in(w);
  scion_ints size = scion__ow_list(w, "size");
  add_resize(w, &a);
  if (size.n > 0) {
    int64_t axes[SCION_MAX_DIMS], v[SCION_MAX_DIMS];
    for (int32_t d = 2; d < n; d++) axes[d - 2] = d, v[d - 2] = size.n == 1 ? size.v[0] : size.v[d - 2];
    scion__oa_ints(&a, "axes", n - 2, axes);
    emit(w, "Resize", 4, (const char *[]){ IN(0), "", "", scion__ow_ints(w, n - 2, v).s }, &a);
    return;
  }
  int64_t axes[SCION_MAX_DIMS];
  for (int32_t d = 2; d < n; d++) axes[d - 2] = d;
  scion__oa_ints(&a, "axes", n - 2, axes);
  emit(w, "Resize", 3, (const char *[]){ IN(0), "", scion__ow_filled(w, SCION_F32, n - 2, scion__ow_float(w, "scale_factor")).s }, &a);
}
static void resize_by(scion_ow *w) {
  ATTRS(a);
  scion_ints axes = scion__ow_list(w, "axes");
  add_resize(w, &a);
  if (axes.n > 0) scion__oa_ints(&a, "axes", axes.n, axes.v);
  scion__oa_text(&a, "keep_aspect_ratio_policy", scion__ow_word(w, "policy"));
  scion_oname scales = { "" };
  if (scion__ow_has(w, 1)) scales = cast(w, IN(1), SCION_F32);
  emit(w, "Resize", 4, (const char *[]){ IN(0), "", scales.s, IN(2) }, &a);
}

/* ---- attention ---------------------------------------------------------------------------------------------------------------------- */

/* softmax(q k' scale + mask) v on (..., L, E); mask: bool (true takes part) or float, "" for none. */
static scion_oname attend(scion_ow *w, const char *q, const char *k, const char *v, int32_t rank, double scale, const char *mask, bool causal, int64_t l, int64_t s,
                          scion_oname *weights, bool last) {
  ATTRS(a);
  int dtype = dtype_in(w);
  scion_oname products = scion__ow_call(w, "MatMul", q, transposed(w, k, rank, rank - 2, rank - 1).s, NULL);
  scion_oname scores = scion__ow_call(w, "Mul", products.s, scion__ow_number(w, dtype, scale).s, NULL);
  if (causal) { /* above the diagonal: far below zero */
    scion_oname ones = scion__ow_call(w, "Expand", scion__ow_number(w, dtype, -1e30).s, scion__ow_ints(w, 2, (int64_t[]){ l, s }).s, NULL);
    int64_t one = 1;
    scores = scion__ow_call(w, "Add", scores.s, scion__ow_call(w, "Trilu", ones.s, scion__ow_ints(w, -1, &one).s, NULL).s, NULL);
  }
  if (mask[0] != '\0') scores = scion__ow_call(w, "Add", scores.s, mask, NULL);
  scion__oa_int(&a, "axis", -1);
  *weights = scion__ow_call(w, "Softmax", scores.s, NULL, &a);
  if (!last) return scion__ow_call(w, "MatMul", weights->s, v, NULL);
  emit2(w, "MatMul", weights->s, v, NULL);
  return *weights;
}
/* A bool mask as numbers to add: 0 where it is `keep`, far below zero elsewhere. */
static scion_oname as_numbers(scion_ow *w, const char *mask, bool keep) {
  scion_oname zero = scion__ow_number(w, dtype_in(w), 0), low = scion__ow_number(w, dtype_in(w), -1e30), out = scion__ow_new(w, "mask");
  const char *in[3] = { mask, keep ? zero.s : low.s, keep ? low.s : zero.s }, *name = out.s;
  scion__ow_node(w, "Where", 3, in, 1, &name, NULL);
  return out;
}
static void sdpa(scion_ow *w) {
  const scion_net_shape *q = scion__ow_shape(w, 0), *k = scion__ow_shape(w, 1);
  int32_t n = q->n_dims;
  double scale = scion__ow_float(w, "scale");
  scion_oname weights, mask = { "" };
  bool causal = scion__ow_int(w, "is_causal") != 0;
  if (causal && (scion__ow_free(w, 0, n - 2) || scion__ow_free(w, 1, n - 2))) {
    scion__ow_refuse(w, "a causal mask of a size that is free");
    return;
  }
  if (scale <= 0 || !isfinite(scale)) scale = 1 / sqrt((double)q->shape[n - 1]);
  if (scion__ow_has(w, 3)) {
    if (scion__ow_shape(w, 3)->dtype == SCION_BOOL) mask = as_numbers(w, IN(3), true);
    else snprintf(mask.s, sizeof mask.s, "%s", IN(3));
  }
  attend(w, IN(0), IN(1), IN(2), n, scale, mask.s, causal, q->shape[n - 2], k->shape[n - 2], &weights, true);
}
static scion_oname project(scion_ow *w, int32_t input, int64_t part, int64_t e, int64_t heads) {
  int64_t start = part * e, stop = start + e, zero = 0, shape[4] = { 0, 0, heads, e / heads };
  scion_oname from = scion__ow_ints(w, 1, &start), end = scion__ow_ints(w, 1, &stop), axis = scion__ow_ints(w, 1, &zero), rows = scion__ow_new(w, "weight");
  const char *in[4] = { IN(3), from.s, end.s, axis.s }, *name = rows.s;
  scion__ow_node(w, "Slice", 4, in, 1, &name, NULL);
  scion_oname y = scion__ow_call(w, "MatMul", IN(input), transposed(w, rows.s, 2, 0, 1).s, NULL);
  if (scion__ow_has(w, 4)) {
    scion_oname bias = scion__ow_new(w, "bias");
    const char *b_in[4] = { IN(4), from.s, end.s, axis.s }, *b_name = bias.s;
    scion__ow_node(w, "Slice", 4, b_in, 1, &b_name, NULL);
    y = scion__ow_call(w, "Add", y.s, bias.s, NULL);
  }
  return transposed(w, scion__ow_call(w, "Reshape", y.s, scion__ow_ints(w, 4, shape).s, NULL).s, 4, 1, 2);
}
static void multi_head(scion_ow *w) {
  const scion_net_shape *q = scion__ow_shape(w, 0), *k = scion__ow_shape(w, 1);
  int64_t e = q->shape[2], heads = scion__max(1, scion__ow_int(w, "num_heads")), merged[3] = { 0, 0, e };
  bool causal = scion__ow_int(w, "is_causal") != 0;
  scion_oname mask = { "" }, weights;
  if (causal && (scion__ow_free(w, 0, 1) || scion__ow_free(w, 1, 1))) {
    scion__ow_refuse(w, "a causal mask of a size that is free");
    return;
  }
  if (scion__ow_has(w, 7)) {
    if (scion__ow_shape(w, 7)->n_dims == 3) {
      scion__ow_refuse(w, "a mask for every head");
      return;
    }
    if (scion__ow_shape(w, 7)->dtype == SCION_BOOL) mask = as_numbers(w, IN(7), false);
    else snprintf(mask.s, sizeof mask.s, "%s", IN(7));
  }
  if (scion__ow_has(w, 8)) { /* (N, S): true hides */
    int64_t axes[2] = { 1, 2 };
    scion_oname hidden = as_numbers(w, scion__ow_call(w, "Unsqueeze", IN(8), scion__ow_ints(w, 2, axes).s, NULL).s, false);
    mask = mask.s[0] != '\0' ? scion__ow_call(w, "Add", mask.s, hidden.s, NULL) : hidden;
  }
  scion_oname query = project(w, 0, 0, e, heads), key = project(w, 1, 1, e, heads), value = project(w, 2, 2, e, heads);
  scion_oname head = attend(w, query.s, key.s, value.s, 4, 1 / sqrt((double)(e / heads)), mask.s, causal, q->shape[1], k->shape[1], &weights, false);
  scion_oname rows = scion__ow_call(w, "Reshape", transposed(w, head.s, 4, 1, 2).s, scion__ow_ints(w, 3, merged).s, NULL);
  scion_oname turned = transposed(w, IN(5), 2, 0, 1);
  if (scion__ow_has(w, 6)) emit2(w, "Add", scion__ow_call(w, "MatMul", rows.s, turned.s, NULL).s, IN(6), NULL);
  else emit2(w, "MatMul", rows.s, turned.s, NULL);
  const char *from = weights.s, *name = scion__ow_out(w, 1);
  scion__ow_node(w, "Identity", 1, &from, 1, &name, NULL);
}

/* ---- the table ----------------------------------------------------------------------------------------------------------------------- */

#define P(name) { name, plain },
const scion_ow_op scion__ow_ops[] = {
  P("relu") P("sigmoid") P("tanh") P("exp") P("log") P("sqrt") P("neg") P("abs") P("sign") P("floor") P("ceil") P("round") P("sin") P("cos") P("tan") P("asin") P("acos")
  P("atan") P("sinh") P("cosh") P("asinh") P("acosh") P("atanh") P("erf") P("reciprocal") P("softsign") P("mish") P("hardswish") P("logical_not") P("isnan") P("isinf")
  P("clone") P("contiguous") P("det") P("add") P("sub") P("mul") P("div") P("pow") P("maximum") P("minimum") P("eq") P("lt") P("le") P("gt") P("ge") P("logical_and")
  P("logical_or") P("logical_xor") P("matmul") P("mm") P("bmm") P("mv") P("dot") P("where") P("expand_by") P("tile_by") P("squeeze_by") P("unsqueeze_by") P("slice_by")
  P("range_by") P("feature_dropout") P("alpha_dropout")
  { "square", square }, { "rsqrt", rsqrt }, { "ne", not_equal }, { "silu", silu }, { "logsigmoid", logsigmoid }, { "tanhshrink", tanhshrink }, { "fmod", fmod_ },
  { "remainder", remainder_ }, { "floor_divide", floor_divide }, { "clamp", clamp }, { "relu6", relu6 }, { "hardtanh", hardtanh }, { "hardsigmoid", hardsigmoid },
  { "leaky_relu", leaky_relu }, { "elu", elu }, { "celu", elu }, { "selu", selu }, { "gelu", gelu }, { "softplus", softplus }, { "threshold", threshold },
  { "hardshrink", shrink }, { "softshrink", shrink }, { "prelu", prelu }, { "glu", glu }, { "softmax", softmax }, { "log_softmax", softmax }, { "to", to },
  { "dropout", dropout }, { "linear", linear }, { "einsum", einsum }, { "conv1d", conv }, { "conv2d", conv }, { "conv3d", conv }, { "conv_transpose1d", conv },
  { "conv_transpose2d", conv }, { "conv_transpose3d", conv }, { "max_pool1d", pool }, { "max_pool2d", pool }, { "max_pool3d", pool }, { "avg_pool1d", pool },
  { "avg_pool2d", pool }, { "avg_pool3d", pool }, { "lp_pool1d", pool }, { "lp_pool2d", pool }, { "adaptive_avg_pool1d", adaptive_pool }, { "adaptive_avg_pool2d", adaptive_pool },
  { "adaptive_avg_pool3d", adaptive_pool }, { "adaptive_max_pool1d", adaptive_pool }, { "adaptive_max_pool2d", adaptive_pool }, { "adaptive_max_pool3d", adaptive_pool },
  { "global_avg_pool", global_pool }, { "global_max_pool", global_pool }, { "batch_norm", batch_norm }, { "layer_norm", layer_norm }, { "rms_norm", layer_norm },
  { "group_norm", channel_norm }, { "instance_norm", channel_norm }, { "local_response_norm", lrn }, { "normalize", normalize }, { "reshape", reshape },
  { "reshape_by", reshape_by }, { "flatten", flatten }, { "unflatten", unflatten }, { "permute", permute }, { "transpose", transpose }, { "swapaxes", transpose },
  { "t", transpose }, { "squeeze", squeeze }, { "unsqueeze", unsqueeze }, { "expand", expand }, { "broadcast_to", expand }, { "tile", tile }, { "repeat", tile },
  { "slice", slice }, { "narrow", narrow }, { "select", select_ }, { "flip", flip }, { "cat", cat }, { "stack", stack_ }, { "pad", pad }, { "pad_by", pad_by },
  { "shape_of", shape_of }, { "pixel_shuffle", pixels }, { "depth_to_space", pixels }, { "space_to_depth", pixels }, { "channel_shuffle", channel_shuffle },
  { "sum", reduce }, { "mean", reduce }, { "amax", reduce }, { "amin", reduce }, { "prod", reduce }, { "logsumexp", reduce }, { "max", reduce }, { "min", reduce },
  { "reduce_by", reduce_by }, { "argmax", arg }, { "argmin", arg }, { "topk", topk }, { "topk_by", topk }, { "gather", gather }, { "index_select", gather },
  { "scatter", scatter }, { "scatter_add", scatter }, { "scatter_reduce", scatter }, { "gather_nd", gather_nd }, { "scatter_nd", scatter_nd }, { "embedding", embedding },
  { "cumsum", cumsum }, { "cumsum_by", cumsum }, { "tril", triangle }, { "triu", triangle }, { "triangle_by", triangle }, { "one_hot_by", one_hot }, { "full_by", full_by },
  { "interpolate", interpolate }, { "resize_by", resize_by }, { "scaled_dot_product_attention", sdpa }, { "multi_head_attention", multi_head }, { NULL, NULL } };
