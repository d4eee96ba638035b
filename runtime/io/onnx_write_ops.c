/* onnx_write_ops.c: what elementwise ops, products, windows and normalisation become in ONNX (opset 21); the rest is in
 * onnx_write_shapes.c. */
#include <math.h>
#include <stdio.h>

#include "../tensor/element.h"
#include "onnx_write.h"

/* ---- elementwise ------------------------------------------------------------------------------------------------- */

static const struct { const char *op, *type; } same[] = {
  { "relu", "Relu" }, { "sigmoid", "Sigmoid" }, { "tanh", "Tanh" }, { "exp", "Exp" }, { "log", "Log" }, { "sqrt", "Sqrt" }, { "neg", "Neg" }, { "abs", "Abs" },
  { "sign", "Sign" }, { "floor", "Floor" }, { "ceil", "Ceil" }, { "round", "Round" }, { "sin", "Sin" }, { "cos", "Cos" }, { "tan", "Tan" }, { "asin", "Asin" },
  { "acos", "Acos" }, { "atan", "Atan" }, { "sinh", "Sinh" }, { "cosh", "Cosh" }, { "asinh", "Asinh" }, { "acosh", "Acosh" }, { "atanh", "Atanh" }, { "erf", "Erf" },
  { "reciprocal", "Reciprocal" }, { "softsign", "Softsign" }, { "mish", "Mish" }, { "hardswish", "HardSwish" }, { "isnan", "IsNaN" },
  { "isinf", "IsInf" }, { "clone", "Identity" }, { "contiguous", "Identity" }, { "det", "Det" }, { "add", "Add" }, { "sub", "Sub" }, { "mul", "Mul" }, { "div", "Div" },
  { "pow", "Pow" }, { "maximum", "Max" }, { "minimum", "Min" }, { "eq", "Equal" }, { "lt", "Less" }, { "le", "LessOrEqual" }, { "gt", "Greater" },
  { "ge", "GreaterOrEqual" }, { "matmul", "MatMul" }, { "mm", "MatMul" }, { "bmm", "MatMul" },
  { "mv", "MatMul" }, { "dot", "MatMul" }, { "where", "Where" }, { "expand_by", "Expand" }, { "tile_by", "Tile" }, { "squeeze_by", "Squeeze" },
  { "unsqueeze_by", "Unsqueeze" }, { "slice_by", "Slice" }, { "range_by", "Range" }, { "feature_dropout", "Identity" },
  { "feature_alpha_dropout", "Identity" }, { "alpha_dropout", "Identity" } };
static void plain(scion_ow *w) {
  const char *in[8], *type = NULL;
  int32_t n = (int32_t)scion__min(w->node->n_in, 8);
  if (strstr(w->node->op->info.name, "dropout") != NULL) n = 1;
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) if (strcmp(same[i].op, w->node->op->info.name) == 0) type = same[i].type;
  for (int32_t i = 0; i < n; i++) in[i] = IN(i);
  emit(w, type, n, in, NULL);
}
static void logical(scion_ow *w) { /* numbers other than 0 are true */
  const char *op = w->node->op->info.name;
  scion_oname in[2];
  int32_t n = strcmp(op, "logical_not") == 0 ? 1 : 2;
  for (int32_t i = 0; i < n; i++) {
    if (scion__ow_shape(w, i)->dtype != SCION_BOOL) in[i] = cast(w, IN(i), SCION_BOOL);
    else snprintf(in[i].s, sizeof in[i].s, "%s", IN(i));
  }
  emit(w, n == 1 ? "Not" : strcmp(op, "logical_and") == 0 ? "And" : strcmp(op, "logical_or") == 0 ? "Or" : "Xor", n, (const char *[]){ in[0].s, in[n - 1].s }, NULL);
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
static void softplus(scion_ow *w) { /* log(1 + exp(beta x)) / beta; x itself where beta x is above the threshold */
  double beta = scion__ow_float(w, "beta"), threshold = scion__ow_float(w, "threshold");
  bool seen = threshold < 16; /* above, f32 does not tell the two apart */
  if (beta == 1 && !seen) {
    emit1(w, "Softplus", IN(0), NULL);
    return;
  }
  scion_oname b = scion__ow_number(w, dtype_in(w), beta), scaled = scion__ow_call(w, "Mul", IN(0), b.s, NULL);
  scion_oname y = scion__ow_call(w, "Div", scion__ow_call(w, "Softplus", scaled.s, NULL, NULL).s, b.s, NULL);
  scion_oname above = seen ? scion__ow_call(w, "Greater", scaled.s, scion__ow_number(w, dtype_in(w), threshold).s, NULL) : y;
  if (seen) emit(w, "Where", 3, (const char *[]){ above.s, IN(0), y.s }, NULL);
  else emit1(w, "Identity", y.s, NULL);
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
static void to(scion_ow *w) { cast_to(w, IN(0), scion__ow_out_shape(w, 0)->dtype); }
static void dropout(scion_ow *w) {
  scion_oname p = scion__ow_number(w, SCION_F32, scion__ow_float(w, "p"));
  emit2(w, "Dropout", IN(0), p.s, NULL);
}

/* ---- products and windows ------------------------------------------------------------------------------------------- */

static void linear(scion_ow *w) {
  ATTRS(a);
  if (scion__ow_shape(w, 1)->n_dims != 2) {
    scion__ow_refuse(w, "its weights are those of several tasks");
    return;
  }
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
  const char *const in[3] = { IN(0), IN(1), IN(2) };
  if (up || !scion__ow_has(w, 3)) {
    emit(w, up ? "ConvTranspose" : "Conv", 3, in, &a);
    return;
  }
  scion_oname y = scion__ow_new(w, "Conv"); /* and what is added to its result */
  const char *out = y.s;
  scion__ow_node(w, "Conv", 3, in, 1, &out, &a);
  emit2(w, "Add", y.s, IN(3), NULL);
}
/* Patches as columns and back: (transposed) convolutions by filters of a single one each, a filter for every element of a patch. */
static void patches(scion_ow *w) {
  ATTRS(a);
  bool back = w->node->op->info.name[0] == 'f';
  int64_t kernel[2], size[2], stride[2], pad[2], dilation[2], filter[4], more[2], out[2];
  spread(w, "kernel", 2, 1, kernel), spread(w, "stride", 2, 1, stride), spread(w, "padding", 2, 0, pad), spread(w, "dilation", 2, 1, dilation);
  int64_t taps = kernel[0] * kernel[1], rows = back ? scion__ow_shape(w, 0)->shape[1] : scion__ow_shape(w, 0)->shape[1] * taps;
  if (scion__ow_free(w, 0, 1)) {
    scion__ow_refuse(w, "its number of channels is free");
    return;
  }
  filter[0] = rows, filter[1] = 1, filter[2] = kernel[0], filter[3] = kernel[1];
  scion_tensor *t = NULL;
  scion_status st = scion__tensor_alloc(w->ctx, dtype_in(w), 4, filter, &t);
  if (st == SCION_OK) scion__tensor_fill(w->ctx, t, 0);
  for (int64_t r = 0, each = (int64_t)scion_dtype_size((scion_dtype)dtype_in(w)); r < rows && st == SCION_OK; r++)
    scion__element_set(t->dtype, (char *)t->data + (r * taps + r % taps) * each, 1);
  scion_oname ones = scion__ow_constant(w, st, t);
  scion__oa_ints(&a, "kernel_shape", 2, kernel);
  add_window(w, &a, 2, true);
  scion__oa_int(&a, "group", rows / taps);
  if (!back) {
    emit2(w, "Reshape", scion__ow_call(w, "Conv", IN(0), ones.s, &a).s, scion__ow_ints(w, 3, (const int64_t[]){ 0, 0, -1 }).s, NULL);
    return;
  }
  spread(w, "size", 2, 1, size);
  for (int i = 0; i < 2; i++) {
    int64_t reach = dilation[i] * (kernel[i] - 1) + 1, left = size[i] + 2 * pad[i] - reach;
    out[i] = left / stride[i] + 1;
    more[i] = left % stride[i]; /* pixels that no patch reaches */
  }
  scion__oa_ints(&a, "output_padding", 2, more);
  scion_oname x = scion__ow_call(w, "Reshape", IN(0), scion__ow_ints(w, 4, (const int64_t[]){ 0, 0, out[0], out[1] }).s, NULL);
  emit2(w, "ConvTranspose", x.s, ones.s, &a);
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
  int64_t c = scion__ow_shape(w, 0)->shape[1];
  if (!scion__ow_has(w, 3) || !scion__ow_has(w, 4)) { /* those of the batch */
    int64_t axes[SCION_MAX_DIMS] = { 0 }, column[SCION_MAX_DIMS] = { 1, -1, 1, 1, 1, 1, 1, 1 };
    int32_t n = rank_in(w);
    for (int32_t d = 2; d < n; d++) axes[d - 1] = d;
    scion_oname over = scion__ow_ints(w, n - 1, axes), to = scion__ow_ints(w, n, column);
    scion_oname x = scion__ow_call(w, "Sub", IN(0), scion__ow_call(w, "ReduceMean", IN(0), over.s, NULL).s, NULL);
    scion_oname variance = scion__ow_call(w, "ReduceMean", scion__ow_call(w, "Mul", x.s, x.s, NULL).s, over.s, NULL);
    scion_oname root = scion__ow_call(w, "Sqrt", scion__ow_call(w, "Add", variance.s, scion__ow_number(w, dtype_in(w), scion__ow_float(w, "eps")).s, NULL).s, NULL, NULL);
    x = scion__ow_call(w, "Div", x.s, root.s, NULL);
    if (scion__ow_has(w, 1)) x = scion__ow_call(w, "Mul", x.s, scion__ow_call(w, "Reshape", IN(1), to.s, NULL).s, NULL);
    if (scion__ow_has(w, 2)) x = scion__ow_call(w, "Add", x.s, scion__ow_call(w, "Reshape", IN(2), to.s, NULL).s, NULL);
    emit1(w, "Identity", x.s, NULL);
    return;
  }
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
  int32_t n = (int32_t)scion__max(1, scion__max(shape.n, scion__max(scion__ow_shape(w, 1)->n_dims, scion__ow_shape(w, 2)->n_dims)));
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

#define P(name) { name, plain },
const scion_ow_op scion__ow_ops[] = {
  P("relu") P("sigmoid") P("tanh") P("exp") P("log") P("sqrt") P("neg") P("abs") P("sign") P("floor") P("ceil") P("round") P("sin") P("cos") P("tan") P("asin")
  P("acos") P("atan") P("sinh") P("cosh") P("asinh") P("acosh") P("atanh") P("erf") P("reciprocal") P("softsign") P("mish") P("hardswish") 
  P("isnan") P("isinf") P("clone") P("contiguous") P("det") P("add") P("sub") P("mul") P("div") P("pow") P("maximum") P("minimum") P("eq") P("lt") P("le") P("gt")
  P("ge") P("matmul") P("mm") P("bmm") P("mv") P("dot") P("where") P("expand_by") P("tile_by") P("squeeze_by")
  P("unsqueeze_by") P("slice_by") P("range_by") P("feature_dropout") P("feature_alpha_dropout") P("alpha_dropout")
  { "logical_not", logical }, { "logical_and", logical }, { "logical_or", logical }, { "logical_xor", logical }, { "square", square },
  { "rsqrt", rsqrt }, { "ne", not_equal }, { "silu", silu }, { "logsigmoid", logsigmoid }, { "tanhshrink", tanhshrink }, { "fmod", fmod_ },
  { "remainder", remainder_ }, { "floor_divide", floor_divide }, { "clamp", clamp }, { "relu6", relu6 }, { "hardtanh", hardtanh }, { "hardsigmoid", hardsigmoid },
  { "leaky_relu", leaky_relu }, { "elu", elu }, { "celu", elu }, { "selu", selu }, { "gelu", gelu }, { "softplus", softplus }, { "threshold", threshold },
  { "hardshrink", shrink }, { "softshrink", shrink }, { "prelu", prelu }, { "glu", glu }, { "softmax", softmax }, { "log_softmax", softmax }, { "to", to },
  { "dropout", dropout }, { "linear", linear }, { "einsum", einsum }, { "conv1d", conv }, { "conv2d", conv }, { "conv3d", conv }, { "conv_transpose1d", conv },
  { "conv_transpose2d", conv }, { "conv_transpose3d", conv }, { "max_pool1d", pool }, { "max_pool2d", pool }, { "max_pool3d", pool }, { "avg_pool1d", pool },
  { "avg_pool2d", pool }, { "avg_pool3d", pool }, { "lp_pool1d", pool }, { "lp_pool2d", pool }, { "lp_pool3d", pool }, { "unfold", patches }, { "fold", patches },
  { "global_avg_pool", global_pool }, { "global_max_pool", global_pool },
  { "batch_norm", batch_norm }, { "layer_norm", layer_norm }, { "rms_norm", layer_norm }, { "group_norm", channel_norm }, { "instance_norm", channel_norm },
  { "local_response_norm", lrn }, { "normalize", normalize }, { NULL, NULL } };
