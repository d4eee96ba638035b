/* onnx_quantised.c: quantised networks as numbers of ordinary types. QuantizeLinear and DequantizeLinear become the arithmetic that they stand
 * for (rounding, clamping, scaling), the integer products are computed in f64, where sums of that size are exact. So a quantised network
 * gives the results that ONNX defines and can be looked at, cut and transferred from; it is not faster than others. */
#include <stdio.h>

#include "onnx.h"

#define OP(name) (&scion__op_##name)
#define IN(i) scion__onnx_in(o, i)

enum { UINT8 = 2, INT8 = 3, UINT16 = 4, INT16 = 5 };
static bool limits(int64_t type, double *lo, double *hi) {
  *lo = type == INT8 ? -128 : type == INT16 ? -32768 : 0;
  *hi = type == UINT8 ? 255 : type == INT8 ? 127 : type == UINT16 ? 65535 : type == INT16 ? 32767 : -1;
  return *hi > 0;
}
static scion_status number(scion_onnx *o, int dtype, double v, int32_t *out) {
  scion_tensor *t;
  SCION_TRY(scion_tensor_scalar(o->ctx, (scion_dtype)dtype, v, &t));
  *out = scion__onnx_constant(o, t);
  return *out < 0 ? SCION_ENOMEM : SCION_OK;
}
static scion_status cast_to(scion_onnx *o, int32_t v, int dtype, const char *suffix, int32_t *out) {
  scion__room p;
  *out = v;
  if (scion__onnx_value(o, v)->dtype == dtype) return SCION_OK;
  void *q = scion__params(&p, OP(to));
  scion__set_int(OP(to), q, "dtype", dtype);
  return scion__onnx_emit1(o, OP(to), q, NULL, suffix, v, out);
}
/* A scale or zero point of the operand x (input `like`) in x's layout: one for all, one for each position of `axis`, or one for each block along it. */
static scion_status spread(scion_onnx *o, int32_t v, int32_t x, int64_t axis, int64_t block, const char *suffix, int32_t *out) {
  scion__room p;
  int32_t rank, n;
  *out = v;
  SCION_TRY(scion__onnx_rank(o, v, &n));
  if (n == 0) return SCION_OK;
  SCION_TRY(scion__onnx_rank(o, x, &rank));
  if (axis < 0) axis += rank;
  if (axis < 0 || (axis >= rank && !(n == 1 && rank <= 1))) return scion__onnx_fail(o, "axis %lld of %d dimensions", (long long)axis, rank);
  if (block > 0) {
    if (n != rank || scion__onnx_free(scion__onnx_value(o, x), (int32_t)axis)) return scion__onnx_fail(o, "blocks of a size that is not fixed");
    void *q = scion__params(&p, OP(repeat_interleave));
    scion__set_int(OP(repeat_interleave), q, "times", block);
    scion__set_int(OP(repeat_interleave), q, "dim", axis);
    SCION_TRY(scion__onnx_emit1(o, OP(repeat_interleave), q, NULL, suffix, v, out));
    int64_t have = scion__onnx_value(o, *out)->known ? scion__onnx_value(o, *out)->probe[0][axis] : 0, want = scion__onnx_value(o, x)->probe[0][axis];
    if (have == want) return SCION_OK;
    q = scion__params(&p, OP(slice)); /* the last block may be cut off */
    scion__set_int(OP(slice), q, "dim", axis);
    scion__set_int(OP(slice), q, "start", 0);
    scion__set_int(OP(slice), q, "stop", want);
    return scion__onnx_emit1(o, OP(slice), q, NULL, suffix, *out, out);
  }
  if (n != 1) return scion__onnx_fail(o, "a scale of %d dimensions", n);
  if (scion__onnx_value(o, v)->probe[0][0] == 1 && !scion__onnx_free(scion__onnx_value(o, v), 0)) axis = rank - 1;
  scion_ints shape = { .n = 0 };
  for (int64_t d = axis; d < rank; d++) shape.v[shape.n++] = d == axis ? -1 : 1;
  if (shape.n == 1) return SCION_OK;
  void *q = scion__params(&p, OP(reshape));
  scion__set_ints(OP(reshape), q, "shape", &shape);
  return scion__onnx_emit1(o, OP(reshape), q, NULL, suffix, v, out);
}
/* saturate(round(x / scale) + zero) as integers of the ONNX type. scale, zero: spread; zero -1: 0. */
static scion_status quantised(scion_onnx *o, int32_t x, int32_t scale, int32_t zero, int64_t type, const char *suffix, int32_t *out) {
  scion__room p;
  double lo, hi;
  if (!limits(type, &lo, &hi)) return scion__onnx_fail(o, "quantised to elements of ONNX type %lld; u8, i8, u16 and i16 are known", (long long)type);
  int dtype = scion__onnx_value(o, x)->dtype;
  if (dtype < 0) return scion__onnx_fail(o, "the element type of its input is not known");
  if (!scion__is_float(dtype)) SCION_TRY(cast_to(o, x, dtype = SCION_F32, "float", &x));
  SCION_TRY(cast_to(o, scale, dtype, "scale", &scale));
  SCION_TRY(scion__onnx_emit2(o, OP(div), NULL, NULL, "scaled", x, scale, out));
  SCION_TRY(scion__onnx_emit1(o, OP(round), NULL, NULL, "round", *out, out));
  if (zero >= 0) {
    SCION_TRY(cast_to(o, zero, dtype, "zero_point", &zero));
    SCION_TRY(scion__onnx_emit2(o, OP(add), NULL, NULL, "shifted", *out, zero, out));
  }
  void *q = scion__params(&p, OP(clamp));
  scion__set_float(OP(clamp), q, "min", lo);
  scion__set_float(OP(clamp), q, "max", hi);
  SCION_TRY(scion__onnx_emit1(o, OP(clamp), q, NULL, "saturated", *out, out));
  SCION_TRY(cast_to(o, *out, scion__onnx_dtype((uint64_t)type), suffix, out));
  scion__onnx_value(o, *out)->type = (int32_t)type;
  return SCION_OK;
}
/* (x - zero) scale */
static scion_status dequantised(scion_onnx *o, int32_t x, int32_t scale, int32_t zero, int dtype, const char *suffix, int32_t *out) {
  SCION_TRY(cast_to(o, x, dtype, "float", &x));
  SCION_TRY(cast_to(o, scale, dtype, "scale", &scale));
  if (zero >= 0) {
    SCION_TRY(cast_to(o, zero, dtype, "zero_point", &zero));
    SCION_TRY(scion__onnx_emit2(o, OP(sub), NULL, NULL, "shifted", x, zero, &x));
  }
  return scion__onnx_emit2(o, OP(mul), NULL, suffix == NULL ? "Dequantise" : NULL, suffix, x, scale, out);
}

static scion_status quantise(scion_onnx *o, int32_t *out) {
  int64_t axis = scion__onnx_int(o, "axis", 1), block = scion__onnx_int(o, "block_size", 0), type = scion__onnx_int(o, "output_dtype", 0);
  int32_t scale, zero = -1;
  if (IN(0) < 0 || IN(1) < 0) return scion__onnx_fail(o, "has no scale");
  if (IN(2) >= 0) type = scion__onnx_value(o, IN(2))->type;
  if (type == 0) type = UINT8;
  SCION_TRY(spread(o, IN(1), IN(0), axis, block, "scale", &scale));
  if (IN(2) >= 0) SCION_TRY(spread(o, IN(2), IN(0), axis, block, "zero_point", &zero));
  return quantised(o, IN(0), scale, zero, type, NULL, out);
}
static scion_status dequantise(scion_onnx *o, int32_t *out) {
  int64_t axis = scion__onnx_int(o, "axis", 1), block = scion__onnx_int(o, "block_size", 0);
  int32_t scale, zero = -1;
  if (IN(0) < 0 || IN(1) < 0) return scion__onnx_fail(o, "has no scale");
  int dtype = scion__onnx_value(o, IN(1))->dtype;
  if (dtype < 0 || !scion__is_float(dtype)) return scion__onnx_fail(o, "its scale is no float");
  SCION_TRY(spread(o, IN(1), IN(0), axis, block, "scale", &scale));
  if (IN(2) >= 0) SCION_TRY(spread(o, IN(2), IN(0), axis, block, "zero_point", &zero));
  return dequantised(o, IN(0), scale, zero, dtype, NULL, out);
}
/* Scale and zero point from the range of x, which includes 0. */
static scion_status dynamic_quantise(scion_onnx *o, int32_t *out) {
  int32_t nil, top, lo, hi, x = IN(0);
  SCION_TRY(number(o, SCION_F32, 0, &nil));
  SCION_TRY(number(o, SCION_F32, 255, &top));
  SCION_TRY(scion__onnx_emit1(o, OP(amin), NULL, NULL, "min", x, &lo));
  SCION_TRY(scion__onnx_emit2(o, OP(minimum), NULL, NULL, "min", lo, nil, &lo));
  SCION_TRY(scion__onnx_emit1(o, OP(amax), NULL, NULL, "max", x, &hi));
  SCION_TRY(scion__onnx_emit2(o, OP(maximum), NULL, NULL, "max", hi, nil, &hi));
  SCION_TRY(scion__onnx_emit2(o, OP(sub), NULL, NULL, "range", hi, lo, &hi));
  SCION_TRY(scion__onnx_emit2(o, OP(div), NULL, NULL, "scale", hi, top, &out[1]));
  SCION_TRY(scion__onnx_emit1(o, OP(neg), NULL, NULL, "zero_point", lo, &lo));
  SCION_TRY(quantised(o, lo, out[1], -1, UINT8, "zero_point", &out[2]));
  return quantised(o, x, out[1], out[2], UINT8, NULL, &out[0]);
}

/* x less its zero point, f64. A vector of zero points goes with rows of the first matrix (axis -2) or columns of the second (axis -1). */
static scion_status centred(scion_onnx *o, int32_t x, int32_t zero, bool rows, const char *suffix, int32_t *out) {
  scion__room p;
  int32_t n = 0;
  SCION_TRY(cast_to(o, x, SCION_F64, suffix, out));
  if (zero < 0) return SCION_OK;
  SCION_TRY(cast_to(o, zero, SCION_F64, "zero_point", &zero));
  SCION_TRY(scion__onnx_rank(o, zero, &n));
  if (rows && n == 1) {
    scion_ints shape = { 2, { -1, 1 } };
    void *q = scion__params(&p, OP(reshape));
    scion__set_ints(OP(reshape), q, "shape", &shape);
    SCION_TRY(scion__onnx_emit1(o, OP(reshape), q, NULL, "zero_point", zero, &zero));
  }
  return scion__onnx_emit2(o, OP(sub), NULL, NULL, suffix, *out, zero, out);
}
static scion_status matmul_integer(scion_onnx *o, int32_t *out) {
  int32_t a, b;
  SCION_TRY(centred(o, IN(0), IN(2), true, "a", &a));
  SCION_TRY(centred(o, IN(1), IN(3), false, "b", &b));
  SCION_TRY(scion__onnx_emit2(o, OP(matmul), NULL, NULL, "product", a, b, out));
  return cast_to(o, *out, SCION_I32, NULL, out);
}
static scion_status qlinear_matmul(scion_onnx *o, int32_t *out) { /* a, its scale and zero point, b, likewise, y, likewise */
  int32_t a, b, scale;
  SCION_TRY(centred(o, IN(0), IN(2), true, "a", &a));
  SCION_TRY(centred(o, IN(3), IN(5), false, "b", &b));
  for (int k = 0; k < 2; k++) {
    int32_t *x = k == 0 ? &a : &b, rank, s = IN(k == 0 ? 1 : 4);
    scion__room p;
    SCION_TRY(scion__onnx_rank(o, s, &rank));
    SCION_TRY(cast_to(o, s, SCION_F64, "scale", &s));
    if (k == 0 && rank == 1) {
      scion_ints shape = { 2, { -1, 1 } };
      void *q = scion__params(&p, OP(reshape));
      scion__set_ints(OP(reshape), q, "shape", &shape);
      SCION_TRY(scion__onnx_emit1(o, OP(reshape), q, NULL, "scale", s, &s));
    }
    SCION_TRY(scion__onnx_emit2(o, OP(mul), NULL, NULL, "scaled", *x, s, x));
  }
  SCION_TRY(scion__onnx_emit2(o, OP(matmul), NULL, NULL, "product", a, b, out));
  SCION_TRY(spread(o, IN(6), *out, -1, 0, "scale", &scale));
  return quantised(o, *out, scale, IN(7), IN(7) >= 0 ? scion__onnx_value(o, IN(7))->type : UINT8, NULL, out);
}
/* Conv of centred operands: the node with other inputs, by the operator's own rule. */
static scion_status conv_of(scion_onnx *o, int32_t x, int32_t w, int32_t *out) {
  int32_t in[2] = { x, w };
  scion_onnx_node conv = *o->node, *was = o->node;
  const scion_onnx_operator *rule = scion__onnx_windows;
  while (rule->name != NULL && strcmp(rule->name, "Conv") != 0) rule++;
  if (rule->name == NULL) return scion__onnx_fail(o, "needs Conv");
  conv.in = in;
  conv.n_in = 2;
  o->node = &conv;
  scion_status st = rule->fn(o, out);
  o->node = was;
  return st;
}
/* A weight's zero points or scales, one for each output channel: (M, 1, 1, ...). */
static scion_status by_channel(scion_onnx *o, int32_t v, int32_t w, int32_t *out) { return v < 0 ? (*out = -1, SCION_OK) : spread(o, v, w, 0, 0, "channels", out); }
static scion_status conv_integer(scion_onnx *o, int32_t *out) {
  int32_t x, w, zero;
  SCION_TRY(centred(o, IN(0), IN(2), false, "x", &x));
  SCION_TRY(by_channel(o, IN(3), IN(1), &zero));
  SCION_TRY(centred(o, IN(1), zero, false, "w", &w));
  SCION_TRY(conv_of(o, x, w, out));
  return cast_to(o, *out, SCION_I32, "integers", out);
}
static scion_status qlinear_conv(scion_onnx *o, int32_t *out) { /* x 0-2, w 3-5, y's scale and zero point 6-7, bias 8 in units of both scales */
  int32_t x, w, zero, scale, s, bias;
  SCION_TRY(centred(o, IN(0), IN(2), false, "x", &x));
  SCION_TRY(by_channel(o, IN(5), IN(3), &zero));
  SCION_TRY(centred(o, IN(3), zero, false, "w", &w));
  SCION_TRY(conv_of(o, x, w, out));
  if (IN(8) >= 0) {
    SCION_TRY(spread(o, IN(8), *out, 1, 0, "bias", &bias));
    SCION_TRY(cast_to(o, bias, SCION_F64, "bias", &bias));
    SCION_TRY(scion__onnx_emit2(o, OP(add), NULL, NULL, "biased", *out, bias, out));
  }
  SCION_TRY(spread(o, IN(4), *out, 1, 0, "scale", &scale));
  SCION_TRY(cast_to(o, scale, SCION_F64, "scale", &scale));
  SCION_TRY(scion__onnx_emit2(o, OP(mul), NULL, NULL, "scaled", *out, scale, out));
  SCION_TRY(spread(o, IN(1), *out, -1, 0, "scale", &s));
  SCION_TRY(cast_to(o, s, SCION_F64, "scale", &s));
  SCION_TRY(scion__onnx_emit2(o, OP(mul), NULL, NULL, "scaled", *out, s, out));
  SCION_TRY(spread(o, IN(6), *out, -1, 0, "scale", &s));
  return quantised(o, *out, s, IN(7), IN(7) >= 0 ? scion__onnx_value(o, IN(7))->type : UINT8, "quantised", out);
}

const scion_onnx_operator scion__onnx_quantised[] = { { "QuantizeLinear", quantise }, { "DequantizeLinear", dequantise }, { "DynamicQuantizeLinear", dynamic_quantise },
  { "MatMulInteger", matmul_integer }, { "ConvInteger", conv_integer }, { "QLinearMatMul", qlinear_matmul }, { "QLinearConv", qlinear_conv }, { NULL, NULL } };
