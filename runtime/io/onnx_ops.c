/* onnx_ops.c: ONNX operators on tensors: arithmetic, comparisons, reductions, shapes, indices. */
#include <math.h>

#include "onnx.h"

#define OP(name) (&scion__op_##name)
#define IN(i) scion__onnx_in(o, i)

/* ---- arithmetic ------------------------------------------------------------------------------------------------ */

#define UNARY(fn, op) \
  static scion_status fn(scion_onnx *o, int32_t *out) { return scion__onnx_emit1(o, OP(op), NULL, NULL, NULL, IN(0), out); }
UNARY(sqrt_, sqrt) UNARY(reciprocal, reciprocal) UNARY(exp_, exp) UNARY(log_, log) UNARY(neg, neg) UNARY(abs_, abs) UNARY(sign, sign) UNARY(erf_, erf)
UNARY(floor_, floor) UNARY(ceil_, ceil) UNARY(round_, round) UNARY(sin_, sin) UNARY(cos_, cos) UNARY(tan_, tan) UNARY(asin_, asin) UNARY(acos_, acos)
UNARY(atan_, atan) UNARY(sinh_, sinh) UNARY(cosh_, cosh) UNARY(asinh_, asinh) UNARY(acosh_, acosh) UNARY(atanh_, atanh) UNARY(not_, logical_not)
UNARY(isnan_, isnan) UNARY(bit_not, bitwise_not) UNARY(det_, det)

/* Opset 6 and below: `broadcast` aligns b at `axis` of a. */
static scion_status old_broadcast(scion_onnx *o, int32_t *b) {
  scion__room p;
  int32_t na, nb;
  if (o->opset >= 7 || scion__onnx_int(o, "broadcast", 0) == 0 || !scion__onnx_has(o, "axis")) return SCION_OK;
  SCION_TRY(scion__onnx_rank(o, IN(0), &na));
  SCION_TRY(scion__onnx_rank(o, *b, &nb));
  int64_t axis = scion__onnx_int(o, "axis", 0);
  if (axis < 0) axis += na;
  const scion_onnx_value *v = scion__onnx_value(o, *b);
  scion_ints shape = { .n = 0 };
  for (int32_t d = 0; d < nb; d++) shape.v[shape.n++] = !scion__onnx_free(v, d) ? v->probe[0][d] : -1;
  for (int64_t d = axis + nb; d < na && shape.n < SCION_MAX_DIMS; d++) shape.v[shape.n++] = 1;
  void *q = scion__params(&p, OP(reshape));
  scion__set_ints(OP(reshape), q, "shape", &shape);
  return scion__onnx_emit1(o, OP(reshape), q, NULL, "align", *b, b);
}
static scion_status binary(scion_onnx *o, const scion_op *op, const char *type, int32_t *out) {
  int32_t b = IN(1);
  SCION_TRY(old_broadcast(o, &b));
  return scion__onnx_emit2(o, op, NULL, type, NULL, IN(0), b, out);
}
#define BINARY(fn, op, type) \
  static scion_status fn(scion_onnx *o, int32_t *out) { return binary(o, OP(op), type, out); }
BINARY(add, add, "Add") BINARY(sub, sub, "Sub") BINARY(mul, mul, "Mul") BINARY(equal, eq, NULL) BINARY(greater, gt, NULL) BINARY(less, lt, NULL)
BINARY(greater_equal, ge, NULL) BINARY(less_equal, le, NULL) BINARY(and_, logical_and, NULL) BINARY(or_, logical_or, NULL) BINARY(xor_, logical_xor, NULL)
BINARY(bit_and, bitwise_and, NULL) BINARY(bit_or, bitwise_or, NULL) BINARY(bit_xor, bitwise_xor, NULL)

static scion_status cast_to(scion_onnx *o, int32_t v, int dtype, const char *suffix, int32_t *out) {
  scion__room p;
  *out = v;
  if (scion__onnx_value(o, v)->dtype == dtype) return SCION_OK;
  void *q = scion__params(&p, OP(to));
  scion__set_int(OP(to), q, "dtype", dtype);
  return scion__onnx_emit1(o, OP(to), q, NULL, suffix, v, out);
}
static scion_status div_(scion_onnx *o, int32_t *out) { /* integers truncate */
  const scion_onnx_value *a = scion__onnx_value(o, IN(0));
  if (a->dtype < 0 || scion__is_float(a->dtype)) return binary(o, OP(div), "Div", out);
  int dtype = a->dtype;
  int32_t x, y;
  SCION_TRY(cast_to(o, IN(0), SCION_F64, "a", &x));
  SCION_TRY(cast_to(o, IN(1), SCION_F64, "b", &y));
  SCION_TRY(scion__onnx_emit2(o, OP(div), NULL, NULL, "div", x, y, out));
  SCION_TRY(scion__onnx_emit1(o, OP(trunc), NULL, NULL, "trunc", *out, out));
  return cast_to(o, *out, dtype, NULL, out);
}
static scion_status pow_(scion_onnx *o, int32_t *out) { /* the exponent takes the base's type */
  int32_t b = IN(1);
  SCION_TRY(old_broadcast(o, &b));
  const scion_onnx_value *a = scion__onnx_value(o, IN(0));
  if (a->dtype >= 0) {
    int dtype = a->dtype;
    bool is_float = scion__is_float(dtype);
    int32_t x = IN(0);
    if (!is_float) SCION_TRY(cast_to(o, x, SCION_F64, "base", &x));
    SCION_TRY(cast_to(o, b, is_float ? dtype : SCION_F64, "exponent", &b));
    SCION_TRY(scion__onnx_emit2(o, OP(pow), NULL, "Pow", is_float ? NULL : "pow", x, b, out));
    return is_float ? SCION_OK : cast_to(o, *out, dtype, NULL, out);
  }
  return scion__onnx_emit2(o, OP(pow), NULL, "Pow", NULL, IN(0), b, out);
}
static scion_status mod_(scion_onnx *o, int32_t *out) { return binary(o, scion__onnx_int(o, "fmod", 0) ? OP(fmod) : OP(remainder), NULL, out); }
/* Sum, Max, Min, Mean of any number of inputs. */
static scion_status fold(scion_onnx *o, const scion_op *op, bool mean, int32_t *out) {
  int32_t n = o->node->n_in;
  if (n < 1) return scion__onnx_fail(o, "has no inputs");
  *out = IN(0);
  if (n == 1) return SCION_OK;
  for (int32_t i = 1; i < n; i++) SCION_TRY(scion__onnx_emit2(o, op, NULL, NULL, i == n - 1 && !mean ? NULL : "part", *out, IN(i), out));
  if (!mean) return SCION_OK;
  scion_tensor *t;
  SCION_TRY(scion_tensor_scalar(o->ctx, (scion_dtype)scion__onnx_value(o, IN(0))->dtype, n, &t));
  int32_t count = scion__onnx_constant(o, t);
  if (count < 0) return SCION_ENOMEM;
  return scion__onnx_emit2(o, OP(div), NULL, NULL, NULL, *out, count, out);
}
static scion_status sum(scion_onnx *o, int32_t *out) { return fold(o, OP(add), false, out); }
static scion_status max_(scion_onnx *o, int32_t *out) { return fold(o, OP(maximum), false, out); }
static scion_status min_(scion_onnx *o, int32_t *out) { return fold(o, OP(minimum), false, out); }
static scion_status mean(scion_onnx *o, int32_t *out) { return fold(o, OP(add), true, out); }
static scion_status where(scion_onnx *o, int32_t *out) { return scion__onnx_emit(o, OP(where), NULL, "Where", NULL, 3, (int32_t[]){ IN(0), IN(1), IN(2) }, 1, out); }

static scion_status cast(scion_onnx *o, int32_t *out) {
  int64_t to = scion__onnx_int(o, "to", 0);
  int dtype = scion__onnx_dtype((uint64_t)to);
  if (dtype < 0) return scion__onnx_fail(o, "a cast to type %lld", (long long)to);
  return cast_to(o, IN(0), dtype, NULL, out);
}

static scion_status cast_like(scion_onnx *o, int32_t *out) {
  int dtype = scion__onnx_value(o, IN(1))->dtype;
  if (dtype < 0) return scion__onnx_fail(o, "the element type of its second input is not known");
  return cast_to(o, IN(0), dtype, NULL, out);
}
static scion_status is_inf(scion_onnx *o, int32_t *out) {
  bool low = scion__onnx_int(o, "detect_negative", 1) != 0, high = scion__onnx_int(o, "detect_positive", 1) != 0;
  if (low && high) return scion__onnx_emit1(o, OP(isinf), NULL, NULL, NULL, IN(0), out);
  int dtype = scion__onnx_value(o, IN(0))->dtype;
  scion_tensor *t;
  if (dtype < 0) return scion__onnx_fail(o, "the element type is not known");
  SCION_TRY(scion_tensor_scalar(o->ctx, (scion_dtype)dtype, high ? INFINITY : low ? -INFINITY : NAN, &t));
  int32_t inf = scion__onnx_constant(o, t);
  return inf < 0 ? SCION_ENOMEM : scion__onnx_emit2(o, OP(eq), NULL, NULL, NULL, IN(0), inf, out);
}

/* ---- reductions -------------------------------------------------------------------------------------------------- */

/* axes: an attribute, or from `since` on an input; none: all, or nothing when noop_with_empty_axes. */
static scion_status axes_of(scion_onnx *o, int64_t since, scion_ints *axes) {
  if (o->opset >= since) SCION_TRY(scion__onnx_ints_in(o, 1, axes));
  else SCION_TRY(scion__onnx_ints(o, "axes", axes));
  if (axes->n == 0) axes->n = -1;
  return SCION_OK;
}
static scion_status reduce(scion_onnx *o, const scion_op *op, int kind, int64_t since, const scion_op *before, const scion_op *after, int32_t *out) {
  scion__room p;
  scion_ints axes;
  int32_t x = IN(0);
  if (o->opset >= since && scion__onnx_computed(o, 1)) {
    void *q = scion__params(&p, OP(reduce_by));
    scion__set_int(OP(reduce_by), q, "kind", kind);
    scion__set_int(OP(reduce_by), q, "keepdim", scion__onnx_int(o, "keepdims", 1));
    scion__set_int(OP(reduce_by), q, "noop", scion__onnx_int(o, "noop_with_empty_axes", 0));
    return scion__onnx_emit2(o, OP(reduce_by), q, NULL, NULL, x, IN(1), out);
  }
  SCION_TRY(axes_of(o, since, &axes));
  const scion_onnx_value *v = scion__onnx_value(o, x);
  int dtype = v->dtype;
  if (before != NULL) SCION_TRY(scion__onnx_emit1(o, before, NULL, NULL, "before", x, &x));
  if (axes.n < 0 && scion__onnx_int(o, "noop_with_empty_axes", 0) != 0) {
    *out = x;
  } else {
    void *q = scion__params(&p, op);
    if (axes.n > 0) scion__set_ints(op, q, "dim", &axes);
    scion__set_int(op, q, "keepdim", scion__onnx_int(o, "keepdims", 1));
    bool integer = dtype >= 0 && !scion__is_float(dtype) && op == OP(mean);
    if (integer) SCION_TRY(cast_to(o, x, SCION_F64, "float", &x));
    SCION_TRY(scion__onnx_emit1(o, op, q, NULL, after == NULL ? NULL : "sum", x, out));
    if (dtype >= 0 && scion__onnx_value(o, *out)->dtype >= 0 && scion__onnx_value(o, *out)->dtype != dtype) SCION_TRY(cast_to(o, *out, dtype, "cast", out));
  }
  return after == NULL ? SCION_OK : scion__onnx_emit1(o, after, NULL, NULL, NULL, *out, out);
}
/* kinds: as in reduce_by */
#define REDUCE(fn, op, kind, since, before, after) \
  static scion_status fn(scion_onnx *o, int32_t *out) { return reduce(o, OP(op), kind, since, before, after, out); }
REDUCE(reduce_sum, sum, 0, 13, NULL, NULL)
REDUCE(reduce_mean, mean, 1, 18, NULL, NULL)
REDUCE(reduce_max, amax, 2, 18, NULL, NULL)
REDUCE(reduce_min, amin, 3, 18, NULL, NULL)
REDUCE(reduce_prod, prod, 4, 18, NULL, NULL)
REDUCE(reduce_l1, sum, 5, 18, OP(abs), NULL)
REDUCE(reduce_l2, sum, 6, 18, OP(square), OP(sqrt))
REDUCE(reduce_sum_square, sum, 7, 18, OP(square), NULL)
REDUCE(reduce_log_sum, sum, 8, 18, NULL, OP(log))
REDUCE(reduce_log_sum_exp, logsumexp, 9, 18, NULL, NULL)

static scion_status arg(scion_onnx *o, bool largest, int32_t *out) {
  scion__room p;
  const scion_op *op = largest ? OP(argmax) : OP(argmin);
  int64_t axis = scion__onnx_int(o, "axis", 0);
  bool last = scion__onnx_int(o, "select_last_index", 0) != 0;
  int32_t x = IN(0), n;
  if (last) { /* the first of the reversed */
    scion_ints dims = { 1, { axis } };
    void *f = scion__params(&p, OP(flip));
    scion__set_ints(OP(flip), f, "dims", &dims);
    SCION_TRY(scion__onnx_emit1(o, OP(flip), f, NULL, "flip", x, &x));
  }
  void *q = scion__params(&p, op);
  scion__set_int(op, q, "dim", axis);
  scion__set_int(op, q, "keepdim", scion__onnx_int(o, "keepdims", 1));
  SCION_TRY(scion__onnx_emit1(o, op, q, NULL, last ? "reversed" : NULL, x, out));
  if (!last) return SCION_OK;
  SCION_TRY(scion__onnx_rank(o, IN(0), &n));
  const scion_onnx_value *v = scion__onnx_value(o, IN(0));
  if (axis < 0) axis += n;
  if (axis < 0 || axis >= n || scion__onnx_free(v, axis)) return scion__onnx_fail(o, "select_last_index needs a fixed size");
  scion_tensor *t;
  SCION_TRY(scion_tensor_scalar(o->ctx, SCION_I64, (double)(v->probe[0][axis] - 1), &t));
  int32_t end = scion__onnx_constant(o, t);
  if (end < 0) return SCION_ENOMEM;
  return scion__onnx_emit2(o, OP(sub), NULL, NULL, NULL, end, *out, out);
}
static scion_status arg_max(scion_onnx *o, int32_t *out) { return arg(o, true, out); }
static scion_status arg_min(scion_onnx *o, int32_t *out) { return arg(o, false, out); }
static scion_status top_k(scion_onnx *o, int32_t *out) {
  scion__room p;
  scion_ints k = { 1, { scion__onnx_int(o, "k", 1) } };
  if (o->opset >= 10 && scion__onnx_computed(o, 1)) {
    void *b = scion__params(&p, OP(topk_by));
    scion__set_int(OP(topk_by), b, "dim", scion__onnx_int(o, "axis", -1));
    scion__set_int(OP(topk_by), b, "largest", scion__onnx_int(o, "largest", 1));
    return scion__onnx_emit(o, OP(topk_by), b, NULL, NULL, 2, (int32_t[]){ IN(0), IN(1) }, 2, out);
  }
  if (o->opset >= 10) SCION_TRY(scion__onnx_ints_in(o, 1, &k));
  if (k.n != 1) return scion__onnx_fail(o, "k must be one number");
  void *q = scion__params(&p, OP(topk));
  scion__set_int(OP(topk), q, "k", k.v[0]);
  scion__set_int(OP(topk), q, "dim", scion__onnx_int(o, "axis", -1));
  scion__set_int(OP(topk), q, "largest", scion__onnx_int(o, "largest", 1));
  return scion__onnx_emit(o, OP(topk), q, NULL, NULL, 1, (int32_t[]){ IN(0) }, 2, out);
}
static scion_status cumsum(scion_onnx *o, int32_t *out) {
  scion__room p;
  void *q = scion__params(&p, OP(cumsum_by));
  scion__set_int(OP(cumsum_by), q, "reverse", scion__onnx_int(o, "reverse", 0));
  scion__set_int(OP(cumsum_by), q, "exclusive", scion__onnx_int(o, "exclusive", 0));
  return scion__onnx_emit2(o, OP(cumsum_by), q, "CumSum", NULL, IN(0), IN(1), out);
}

/* ---- shapes --------------------------------------------------------------------------------------------------------- */

static scion_status ints_constant(scion_onnx *o, int32_t n, const int64_t *v, bool scalar, int32_t *out) {
  scion_tensor *t;
  int64_t size = n;
  SCION_TRY(scion_tensor_from_bytes(o->ctx, SCION_I64, scalar ? 0 : 1, &size, v, (size_t)n * sizeof *v, &t));
  *out = scion__onnx_constant(o, t);
  return *out < 0 ? SCION_ENOMEM : SCION_OK;
}
static scion_status shape(scion_onnx *o, int32_t *out) {
  scion__room p;
  int64_t end = scion__onnx_int(o, "end", INT64_MAX);
  void *q = scion__params(&p, OP(shape_of));
  scion__set_int(OP(shape_of), q, "start", scion__onnx_int(o, "start", 0));
  if (end != INT64_MAX) scion__set_int(OP(shape_of), q, "stop", end);
  return scion__onnx_emit1(o, OP(shape_of), q, "Shape", NULL, IN(0), out);
}
static scion_status size(scion_onnx *o, int32_t *out) {
  scion__room p;
  SCION_TRY(scion__onnx_emit1(o, OP(shape_of), NULL, "Shape", "shape", IN(0), out));
  scion__set_int(OP(prod), scion__params(&p, OP(prod)), "keepdim", 0);
  return scion__onnx_emit1(o, OP(prod), p.p, "Size", NULL, *out, out);
}
/* Sizes of Reshape as a fixed list where one will do: computed ones that are free in one place become -1 there. */
static bool fixed_shape(scion_onnx *o, const scion_onnx_value *x, scion_ints *s) {
  scion_onnx_value *v = IN(1) < 0 ? NULL : scion__onnx_value(o, IN(1));
  bool allow_zero = scion__onnx_int(o, "allowzero", 0) != 0;
  int32_t free_dims = 0;
  if (v != NULL && v->tensor == NULL) {
    scion_tensor *a = v->seen[0], *b = v->seen[1];
    if (a == NULL || b == NULL || a->dtype != SCION_I64 || !a->contiguous || !b->contiguous || a->numel != b->numel || a->numel > SCION_MAX_DIMS) return false;
    s->n = (int32_t)a->numel;
    for (int32_t d = 0; d < s->n; d++) {
      int64_t one = ((const int64_t *)(void *)a->data)[d], other = ((const int64_t *)(void *)b->data)[d];
      if (one != other && (one <= 0 || other <= 0)) return false;
      s->v[d] = one == other ? one : -1;
    }
  } else if (v != NULL ? scion__onnx_ints_in(o, 1, s) != SCION_OK : scion__onnx_ints(o, "shape", s) != SCION_OK) {
    return false;
  }
  for (int32_t d = 0; d < s->n; d++) {
    if (s->v[d] == 0 && !allow_zero) { /* as the input */
      if (!x->known || d >= x->n_dims) return false;
      s->v[d] = scion__onnx_free(x, d) ? -1 : x->probe[0][d];
    }
    free_dims += s->v[d] == -1;
  }
  return free_dims <= 1 && s->n >= 0;
}
static scion_status reshape(scion_onnx *o, int32_t *out) {
  scion__room p;
  scion_ints s = { .n = -1 };
  const scion_onnx_value *x = scion__onnx_value(o, IN(0));
  if (!fixed_shape(o, x, &s)) {
    if (IN(1) < 0) return scion__onnx_fail(o, "has no shape");
    void *q = scion__params(&p, OP(reshape_by));
    scion__set_int(OP(reshape_by), q, "allow_zero", scion__onnx_int(o, "allowzero", 0));
    return scion__onnx_emit2(o, OP(reshape_by), q, "Reshape", NULL, IN(0), IN(1), out);
  }
  int32_t free_dims = 0;
  for (int32_t d = 0; d < s.n; d++) free_dims += s.v[d] == -1;
  /* a fixed batch written down by the exporter where the graph's is free */
  if (free_dims == 0 && x->known && x->n_dims > 0 && scion__onnx_free(x, 0) && s.n > 0) {
    int64_t rest = 1, inner = 1;
    for (int32_t d = 1; d < s.n; d++) rest *= s.v[d];
    for (int32_t d = 1; d < x->n_dims; d++) inner *= x->probe[0][d];
    if (rest == inner) s.v[0] = -1;
  }
  void *q = scion__params(&p, OP(reshape));
  scion__set_ints(OP(reshape), q, "shape", &s);
  return scion__onnx_emit1(o, OP(reshape), q, "Reshape", NULL, IN(0), out);
}
static scion_status flatten(scion_onnx *o, int32_t *out) {
  scion__room p;
  int32_t n;
  int64_t axis = scion__onnx_int(o, "axis", 1);
  SCION_TRY(scion__onnx_rank(o, IN(0), &n));
  if (axis < 0) axis += n;
  if (axis < 0 || axis > n) return scion__onnx_fail(o, "axis %lld of %d dimensions", (long long)axis, n);
  if (axis == 1 && n >= 2) {
    void *q = scion__params(&p, OP(flatten));
    scion__set_int(OP(flatten), q, "start_dim", 1);
    return scion__onnx_emit1(o, OP(flatten), q, "Flatten", NULL, IN(0), out);
  }
  const scion_onnx_value *x = scion__onnx_value(o, IN(0));
  int64_t lead = 1, rest = 1;
  bool free_lead = false, free_rest = false;
  for (int32_t d = 0; d < n; d++) {
    bool fixed = !scion__onnx_free(x, d);
    if (d < axis) lead *= x->probe[0][d], free_lead = free_lead || !fixed;
    else rest *= x->probe[0][d], free_rest = free_rest || !fixed;
  }
  if (free_lead && free_rest) { /* (start .. axis) and (axis .. end), joined one after the other */
    void *f = scion__params(&p, OP(flatten));
    scion__set_int(OP(flatten), f, "start_dim", axis);
    SCION_TRY(scion__onnx_emit1(o, OP(flatten), f, NULL, "rest", IN(0), out));
    f = scion__params(&p, OP(flatten));
    scion__set_int(OP(flatten), f, "end_dim", axis - 1);
    return scion__onnx_emit1(o, OP(flatten), f, "Flatten", NULL, *out, out);
  }
  scion_ints s = { 2, { free_lead ? -1 : lead, free_rest ? -1 : rest } };
  void *q = scion__params(&p, OP(reshape));
  scion__set_ints(OP(reshape), q, "shape", &s);
  return scion__onnx_emit1(o, OP(reshape), q, "Flatten", NULL, IN(0), out);
}
static scion_status transpose(scion_onnx *o, int32_t *out) {
  scion__room p;
  scion_ints perm;
  int32_t n;
  SCION_TRY(scion__onnx_ints(o, "perm", &perm));
  if (perm.n < 0) {
    SCION_TRY(scion__onnx_rank(o, IN(0), &n));
    for (perm.n = 0; perm.n < n; perm.n++) perm.v[perm.n] = n - 1 - perm.n;
  }
  void *q = scion__params(&p, OP(permute));
  scion__set_ints(OP(permute), q, "dims", &perm);
  return scion__onnx_emit1(o, OP(permute), q, "Permute", NULL, IN(0), out);
}
static scion_status squeeze(scion_onnx *o, int32_t *out) {
  scion__room p;
  scion_ints axes;
  if (o->opset >= 13 && scion__onnx_computed(o, 1)) return scion__onnx_emit2(o, OP(squeeze_by), NULL, NULL, NULL, IN(0), IN(1), out);
  SCION_TRY(axes_of(o, 13, &axes));
  void *q = scion__params(&p, OP(squeeze));
  if (axes.n > 0) scion__set_ints(OP(squeeze), q, "dim", &axes);
  return scion__onnx_emit1(o, OP(squeeze), q, NULL, NULL, IN(0), out);
}
static scion_status unsqueeze(scion_onnx *o, int32_t *out) {
  scion__room p;
  scion_ints axes;
  int32_t n;
  if (o->opset >= 13 && scion__onnx_computed(o, 1)) return scion__onnx_emit2(o, OP(unsqueeze_by), NULL, NULL, NULL, IN(0), IN(1), out);
  SCION_TRY(axes_of(o, 13, &axes));
  SCION_TRY(scion__onnx_rank(o, IN(0), &n));
  if (axes.n < 1) {
    *out = IN(0);
    return SCION_OK;
  }
  n += axes.n;
  bool fresh[SCION_MAX_INTS + SCION_MAX_DIMS] = { false };
  for (int32_t i = 0; i < axes.n; i++) {
    int64_t a = axes.v[i] < 0 ? axes.v[i] + n : axes.v[i];
    if (a < 0 || a >= n || n > SCION_MAX_DIMS || fresh[a]) return scion__onnx_fail(o, "axis %lld of %d dimensions", (long long)axes.v[i], n);
    fresh[a] = true;
  }
  *out = IN(0);
  for (int32_t d = 0, left = axes.n; d < n; d++) { /* from the front: every position is final */
    if (!fresh[d]) continue;
    void *q = scion__params(&p, OP(unsqueeze));
    scion__set_int(OP(unsqueeze), q, "dim", d);
    SCION_TRY(scion__onnx_emit1(o, OP(unsqueeze), q, NULL, --left == 0 ? NULL : "part", *out, out));
  }
  return SCION_OK;
}
static scion_status concat(scion_onnx *o, int32_t *out) {
  scion__room p;
  void *q = scion__params(&p, OP(cat));
  scion__set_int(OP(cat), q, "dim", scion__onnx_int(o, "axis", 1));
  return scion__onnx_emit(o, OP(cat), q, "Concat", NULL, o->node->n_in, o->node->in, 1, out);
}
static scion_status one_slice(scion_onnx *o, int32_t x, int64_t dim, int64_t start, int64_t stop, int64_t step, const char *suffix, int32_t *out) {
  scion__room p;
  void *q = scion__params(&p, OP(slice));
  scion__set_int(OP(slice), q, "dim", dim);
  scion__set_int(OP(slice), q, "start", start);
  scion__set_int(OP(slice), q, "stop", stop);
  scion__set_int(OP(slice), q, "step", step);
  return scion__onnx_emit1(o, OP(slice), q, NULL, suffix, x, out);
}
static scion_status slice(scion_onnx *o, int32_t *out) {
  scion_ints starts, ends, axes, steps = { .n = -1 };
  int32_t rank;
  bool computed = o->opset >= 10 && (scion__onnx_computed(o, 1) || scion__onnx_computed(o, 2) || scion__onnx_computed(o, 3) || scion__onnx_computed(o, 4));
  if (computed) return scion__onnx_emit(o, OP(slice_by), NULL, "Slice", NULL, o->node->n_in, o->node->in, 1, out);
  if (o->opset >= 10) {
    SCION_TRY(scion__onnx_ints_in(o, 1, &starts));
    SCION_TRY(scion__onnx_ints_in(o, 2, &ends));
    SCION_TRY(scion__onnx_ints_in(o, 3, &axes));
    SCION_TRY(scion__onnx_ints_in(o, 4, &steps));
  } else {
    SCION_TRY(scion__onnx_ints(o, "starts", &starts));
    SCION_TRY(scion__onnx_ints(o, "ends", &ends));
    SCION_TRY(scion__onnx_ints(o, "axes", &axes));
  }
  if (starts.n < 0 || ends.n != starts.n || (axes.n >= 0 && axes.n != starts.n) || (steps.n >= 0 && steps.n != starts.n)) return scion__onnx_fail(o,
      "starts, ends, axes and steps differ in length");
  SCION_TRY(scion__onnx_rank(o, IN(0), &rank));
  *out = IN(0);
  for (int32_t i = 0; i < starts.n; i++) {
    int64_t dim = axes.n >= 0 ? axes.v[i] : i, step = steps.n >= 0 ? steps.v[i] : 1, start = starts.v[i], end = ends.v[i];
    if (dim < 0) dim += rank;
    if (dim < 0 || dim >= rank || step == 0) return scion__onnx_fail(o, "axis %lld or step %lld is out of range", (long long)dim, (long long)step);
    const char *suffix = i == starts.n - 1 ? NULL : "part";
    if (step > 0) {
      SCION_TRY(one_slice(o, *out, dim, start, end >= INT32_MAX ? INT64_MAX : end, step, suffix, out));
      continue;
    }
    /* backwards: reversed, then forwards */
    scion__room p;
    const scion_onnx_value *v = scion__onnx_value(o, *out);
    if (!v->known || scion__onnx_free(v, dim)) {
      if (o->opset >= 10 && i == 0) return scion__onnx_emit(o, OP(slice_by), NULL, "Slice", NULL, o->node->n_in, o->node->in, 1, out);
      return scion__onnx_fail(o, "a negative step needs a fixed size");
    }
    int64_t n = v->probe[0][dim];
    start = start < 0 ? start + n : start;
    end = end < 0 ? (end < -n ? -1 : end + n) : end;
    start = scion__max(-1, scion__min(start, n - 1));
    end = scion__max(-1, scion__min(end, n - 1));
    scion_ints dims = { 1, { dim } };
    void *q = scion__params(&p, OP(flip));
    scion__set_ints(OP(flip), q, "dims", &dims);
    SCION_TRY(scion__onnx_emit1(o, OP(flip), q, NULL, "flip", *out, out));
    SCION_TRY(one_slice(o, *out, dim, n - 1 - start, scion__max(n - 1 - start, n - 1 - end), -step, suffix, out));
  }
  return SCION_OK;
}
static scion_status split(scion_onnx *o, int32_t *out) {
  scion_ints sizes;
  int32_t rank, n = o->node->n_out;
  int64_t axis = scion__onnx_int(o, "axis", 0);
  if (n > 100000) return scion__onnx_fail(o, "too many parts");
  if (o->opset >= 13 && scion__onnx_computed(o, 1)) {
    for (int32_t i = 0; i < n; i++) {
      scion__room p;
      void *q = scion__params(&p, OP(split_by));
      scion__set_int(OP(split_by), q, "dim", axis);
      scion__set_int(OP(split_by), q, "index", i);
      SCION_TRY(scion__onnx_emit2(o, OP(split_by), q, NULL, i == 0 ? NULL : "part", IN(0), IN(1), &out[i]));
    }
    return SCION_OK;
  }
  if (o->opset >= 13) SCION_TRY(scion__onnx_ints_in(o, 1, &sizes));
  else SCION_TRY(scion__onnx_ints(o, "split", &sizes));
  SCION_TRY(scion__onnx_rank(o, IN(0), &rank));
  if (axis < 0) axis += rank;
  const scion_onnx_value *x = scion__onnx_value(o, IN(0));
  if (axis < 0 || axis >= rank || (sizes.n >= 0 && sizes.n != n)) return scion__onnx_fail(o, "axis or the number of parts is out of range");
  if (sizes.n < 0 && scion__onnx_free(x, axis)) return scion__onnx_fail(o, "the dimension to split has no fixed size");
  int64_t total = x->probe[0][axis], part = (total + n - 1) / n, at = 0;
  for (int32_t i = 0; i < n; i++) {
    int64_t size_ = sizes.n >= 0 ? sizes.v[i] : scion__max(0, scion__min(part, total - at));
    SCION_TRY(one_slice(o, IN(0), axis, at, at + size_, 1, i == 0 ? NULL : "part", &out[i]));
    at += size_;
  }
  return SCION_OK;
}
static scion_status pad(scion_onnx *o, int32_t *out) {
  scion__room p;
  scion_ints pads, axes = { .n = -1 };
  scion_pb mode;
  int32_t rank;
  double value = scion__onnx_float(o, "value", 0);
  static const int64_t zeros[SCION_MAX_DIMS] = { 0 };
  static const char *const modes[] = { "constant", "reflect", "edge", "wrap" };
  int kind = 0;
  if (scion__onnx_text(o, "mode", &mode))
    for (int i = 0; i < 4; i++) if (scion__pb_is(&mode, modes[i])) kind = i; /* in the order of pad's own */
  if (o->opset >= 11 && (scion__onnx_computed(o, 1) || scion__onnx_computed(o, 2) || scion__onnx_computed(o, 3))) {
    void *b = scion__params(&p, OP(pad_by));
    scion__set_int(OP(pad_by), b, "mode", kind);
    return scion__onnx_emit(o, OP(pad_by), b, "Pad", NULL, o->node->n_in, o->node->in, 1, out);
  }
  if (o->opset >= 11) {
    SCION_TRY(scion__onnx_ints_in(o, 1, &pads));
    scion_tensor *t = scion__onnx_const_in(o, 2);
    if (t != NULL && t->numel == 1) SCION_TRY(scion_tensor_get(o->ctx, t, zeros, &value));
    else if (IN(2) >= 0) return scion__onnx_fail(o, "the value is computed by the network");
    if (o->opset >= 18) SCION_TRY(scion__onnx_ints_in(o, 3, &axes));
  } else {
    SCION_TRY(scion__onnx_ints(o, "pads", &pads));
    if (pads.n < 0) SCION_TRY(scion__onnx_ints(o, "paddings", &pads));
  }
  SCION_TRY(scion__onnx_rank(o, IN(0), &rank));
  int64_t both[2 * SCION_MAX_DIMS] = { 0 };
  int32_t n = axes.n >= 0 ? axes.n : rank, first = rank;
  if (pads.n != 2 * n) return scion__onnx_fail(o, "%d pads for %d dimensions", pads.n, n);
  for (int32_t i = 0; i < n; i++) {
    int64_t a = axes.n >= 0 ? axes.v[i] : i;
    if (a < 0) a += rank;
    if (a < 0 || a >= rank) return scion__onnx_fail(o, "an axis is out of range");
    both[2 * a] = pads.v[i], both[2 * a + 1] = pads.v[n + i];
  }
  for (int32_t d = rank - 1; d >= 0; d--) if (both[2 * d] != 0 || both[2 * d + 1] != 0) first = d;
  scion_ints list = { .n = 0 };
  for (int32_t d = rank - 1; d >= first; d--) list.v[list.n++] = both[2 * d], list.v[list.n++] = both[2 * d + 1];
  if (list.n == 0) {
    *out = IN(0);
    return SCION_OK;
  }
  void *q = scion__params(&p, OP(pad));
  scion__set_int(OP(pad), q, "mode", kind);
  scion__set_ints(OP(pad), q, "pad", &list);
  scion__set_float(OP(pad), q, "value", value);
  return scion__onnx_emit1(o, OP(pad), q, "Pad", NULL, IN(0), out);
}
static scion_status expand(scion_onnx *o, int32_t *out) { /* broadcasts both ways */
  scion__room p;
  scion_ints s;
  int32_t rank, x = IN(0);
  if (scion__onnx_computed(o, 1)) return scion__onnx_emit2(o, OP(expand_by), NULL, "Expand", NULL, x, IN(1), out);
  SCION_TRY(scion__onnx_ints_in(o, 1, &s));
  SCION_TRY(scion__onnx_rank(o, x, &rank));
  const scion_onnx_value *v = scion__onnx_value(o, x);
  scion_ints to = { .n = (int32_t)scion__max(rank, s.n) };
  for (int32_t d = 0; d < to.n; d++) {
    int32_t a = d - (to.n - rank), b = d - (to.n - s.n);
    int64_t have = a < 0 ? 1 : !scion__onnx_free(v, a) ? v->probe[0][a] : -1, want = b < 0 ? 1 : s.v[b];
    to.v[d] = want == 1 || want == -1 ? (a < 0 ? 1 : have) : want;
  }
  void *q = scion__params(&p, OP(expand));
  scion__set_ints(OP(expand), q, "shape", &to);
  return scion__onnx_emit1(o, OP(expand), q, NULL, NULL, x, out);
}
static scion_status tile(scion_onnx *o, int32_t *out) {
  scion__room p;
  scion_ints times;
  if (o->opset < 6) return scion__onnx_fail(o, "is known from opset 6 on");
  if (scion__onnx_computed(o, 1)) return scion__onnx_emit2(o, OP(tile_by), NULL, "Tile", NULL, IN(0), IN(1), out);
  SCION_TRY(scion__onnx_ints_in(o, 1, &times));
  void *q = scion__params(&p, OP(tile));
  scion__set_ints(OP(tile), q, "times", &times);
  return scion__onnx_emit1(o, OP(tile), q, NULL, NULL, IN(0), out);
}
static scion_status depth_to_space(scion_onnx *o, int32_t *out) {
  scion__room p;
  scion_pb mode;
  void *q = scion__params(&p, OP(depth_to_space));
  scion__set_int(OP(depth_to_space), q, "blocksize", scion__onnx_int(o, "blocksize", 1));
  if (scion__onnx_text(o, "mode", &mode) && scion__pb_is(&mode, "CRD")) scion__set_int(OP(depth_to_space), q, "mode", 1);
  return scion__onnx_emit1(o, OP(depth_to_space), q, NULL, NULL, IN(0), out);
}
static scion_status space_to_depth(scion_onnx *o, int32_t *out) {
  scion__room p;
  void *q = scion__params(&p, OP(space_to_depth));
  scion__set_int(OP(space_to_depth), q, "blocksize", scion__onnx_int(o, "blocksize", 1));
  return scion__onnx_emit1(o, OP(space_to_depth), q, NULL, NULL, IN(0), out);
}

/* ---- indices and constants -------------------------------------------------------------------------------------------- */

static scion_status gather(scion_onnx *o, int32_t *out) {
  scion__room p;
  int32_t rx, ri, ids = IN(1);
  int64_t axis = scion__onnx_int(o, "axis", 0);
  SCION_TRY(scion__onnx_rank(o, ids, &ri));
  if (ri == 1 && scion__onnx_value(o, IN(0))->list) rx = 1; /* the shape of something unknown */
  else SCION_TRY(scion__onnx_rank(o, IN(0), &rx));
  if (axis < 0) axis += rx;
  if (ri > 1) {
    scion_ints flat = { 1, { -1 } };
    void *r = scion__params(&p, OP(reshape));
    scion__set_ints(OP(reshape), r, "shape", &flat);
    SCION_TRY(scion__onnx_emit1(o, OP(reshape), r, NULL, "ids", ids, &ids));
  }
  void *q = scion__params(&p, OP(index_select));
  scion__set_int(OP(index_select), q, "dim", axis);
  SCION_TRY(scion__onnx_emit2(o, OP(index_select), q, "Gather", NULL, IN(0), ids, out));
  if (ri == 1) return SCION_OK;
  const scion_onnx_value *x = scion__onnx_value(o, IN(0)), *i = scion__onnx_value(o, IN(1));
  scion_ints s = { .n = 0 };
  int32_t free_dims = 0;
  for (int32_t d = 0; d < rx; d++) {
    for (int32_t e = 0; d == axis && e < ri; e++) s.v[s.n++] = !scion__onnx_free(i, e) ? i->probe[0][e] : -1;
    if (d != axis) s.v[s.n++] = !scion__onnx_free(x, d) ? x->probe[0][d] : -1;
  }
  for (int32_t d = 0; d < s.n; d++) free_dims += s.v[d] == -1;
  if (s.n > SCION_MAX_DIMS) return scion__onnx_fail(o, "the result has more than 8 dimensions");
  if (free_dims > 1) { /* the shape is put together when the network runs */
    int32_t parts[3], k = 0, whole;
    void *b = scion__params(&p, OP(shape_of));
    scion__set_int(OP(shape_of), b, "stop", axis);
    if (axis > 0) SCION_TRY(scion__onnx_emit1(o, OP(shape_of), b, NULL, "before", IN(0), &parts[k++]));
    SCION_TRY(scion__onnx_emit1(o, OP(shape_of), NULL, NULL, "ids_shape", IN(1), &parts[k++]));
    b = scion__params(&p, OP(shape_of));
    scion__set_int(OP(shape_of), b, "start", axis + 1);
    if (axis + 1 < rx) SCION_TRY(scion__onnx_emit1(o, OP(shape_of), b, NULL, "after", IN(0), &parts[k++]));
    b = scion__params(&p, OP(cat));
    scion__set_int(OP(cat), b, "dim", 0);
    SCION_TRY(scion__onnx_emit(o, OP(cat), b, NULL, "sizes", k, parts, 1, &whole));
    return scion__onnx_emit2(o, OP(reshape_by), NULL, NULL, "shape", *out, whole, out);
  }
  void *r = scion__params(&p, OP(reshape));
  scion__set_ints(OP(reshape), r, "shape", &s);
  return scion__onnx_emit1(o, OP(reshape), r, NULL, "shape", *out, out);
}
static scion_status gather_elements(scion_onnx *o, int32_t *out) {
  scion__room p;
  void *q = scion__params(&p, OP(gather));
  scion__set_int(OP(gather), q, "dim", scion__onnx_int(o, "axis", 0));
  return scion__onnx_emit2(o, OP(gather), q, NULL, NULL, IN(0), IN(1), out);
}
static scion_status scatter_elements(scion_onnx *o, int32_t *out) {
  scion__room p;
  scion_pb how;
  bool given = scion__onnx_text(o, "reduction", &how) && !scion__pb_is(&how, "none");
  const scion_op *op = given ? OP(scatter_reduce) : OP(scatter);
  void *q = scion__params(&p, op);
  scion__set_int(op, q, "dim", scion__onnx_int(o, "axis", 0));
  if (given) scion__set_int(op, q, "reduce", scion__pb_is(&how, "add") ? 0 : scion__pb_is(&how, "mul") ? 1 : scion__pb_is(&how, "max") ? 2 : 3);
  return scion__onnx_emit(o, op, q, NULL, NULL, 3, (int32_t[]){ IN(0), IN(1), IN(2) }, 1, out);
}
static scion_status constant(scion_onnx *o, int32_t *out) {
  scion_tensor *t = NULL;
  SCION_TRY(scion__onnx_tensor_attr(o, "value", &t));
  scion_ints ints = { .n = -1 };
  if (t == NULL && scion__onnx_has(o, "value_float")) SCION_TRY(scion_tensor_scalar(o->ctx, SCION_F32, scion__onnx_float(o, "value_float", 0), &t));
  if (t == NULL && scion__onnx_has(o, "value_int")) {
    int64_t v = scion__onnx_int(o, "value_int", 0);
    return ints_constant(o, 1, &v, true, out);
  }
  if (t == NULL) SCION_TRY(scion__onnx_ints(o, "value_ints", &ints));
  if (t == NULL && ints.n >= 0) return ints_constant(o, ints.n, ints.v, false, out);
  if (t == NULL) return scion__onnx_fail(o, "holds neither a tensor nor numbers");
  *out = scion__onnx_constant(o, t);
  if (*out >= 0) o->values[*out].type = scion__onnx_tensor_attr_type(o, "value");
  return *out < 0 ? SCION_ENOMEM : SCION_OK;
}
static scion_status constant_of_shape(scion_onnx *o, int32_t *out) {
  scion_ints s;
  scion_tensor *value, *t;
  static const int64_t zeros[SCION_MAX_DIMS] = { 0 };
  double v = 0;
  int64_t numel;
  bool computed = scion__onnx_computed(o, 0);
  if (!computed) SCION_TRY(scion__onnx_ints_in(o, 0, &s));
  if (!computed && s.n > SCION_MAX_DIMS) return scion__onnx_fail(o, "more than %d dimensions", SCION_MAX_DIMS);
  SCION_TRY(scion__onnx_tensor_attr(o, "value", &value));
  int dtype = value != NULL ? value->dtype : SCION_F32;
  scion_status st = value != NULL && value->numel == 1 ? scion_tensor_get(o->ctx, value, zeros, &v) : SCION_OK;
  scion_tensor_free(o->ctx, value);
  SCION_TRY(st);
  if (computed) {
    scion__room p;
    void *q = scion__params(&p, OP(full_by));
    scion__set_float(OP(full_by), q, "value", v);
    scion__set_int(OP(full_by), q, "dtype", dtype);
    return scion__onnx_emit1(o, OP(full_by), q, "ConstantOfShape", NULL, IN(0), out);
  }
  SCION_TRY(scion__check_shape(o->ctx, o->path, s.n, s.v, &numel));
  if (numel > 1LL << 31) return scion__onnx_fail(o, "a constant of %lld elements", (long long)numel);
  SCION_TRY(scion__tensor_alloc(o->ctx, dtype, s.n, s.v, &t));
  scion__tensor_fill(o->ctx, t, v);
  *out = scion__onnx_constant(o, t);
  return *out < 0 ? SCION_ENOMEM : SCION_OK;
}
static scion_status range(scion_onnx *o, int32_t *out) {
  return scion__onnx_emit(o, OP(range_by), NULL, "Range", NULL, 3, (int32_t[]){ IN(0), IN(1), IN(2) }, 1, out);
}
static scion_status one_hot(scion_onnx *o, int32_t *out) {
  scion__room p;
  void *q = scion__params(&p, OP(one_hot_by));
  scion__set_int(OP(one_hot_by), q, "dim", scion__onnx_int(o, "axis", -1));
  return scion__onnx_emit(o, OP(one_hot_by), q, "OneHot", NULL, 3, (int32_t[]){ IN(0), IN(1), IN(2) }, 1, out);
}
static scion_status gather_nd(scion_onnx *o, int32_t *out) {
  scion__room p;
  void *q = scion__params(&p, OP(gather_nd));
  scion__set_int(OP(gather_nd), q, "batch_dims", scion__onnx_int(o, "batch_dims", 0));
  return scion__onnx_emit2(o, OP(gather_nd), q, "GatherND", NULL, IN(0), IN(1), out);
}
static scion_status scatter_nd(scion_onnx *o, int32_t *out) {
  static const char *const kinds[] = { "none", "add", "mul", "max", "min" };
  scion__room p;
  scion_pb how;
  void *q = scion__params(&p, OP(scatter_nd));
  if (scion__onnx_text(o, "reduction", &how))
    for (int i = 0; i < 5; i++) if (scion__pb_is(&how, kinds[i])) scion__set_int(OP(scatter_nd), q, "reduce", i);
  return scion__onnx_emit(o, OP(scatter_nd), q, "ScatterND", NULL, 3, (int32_t[]){ IN(0), IN(1), IN(2) }, 1, out);
}
static scion_status trilu(scion_onnx *o, int32_t *out) {
  scion__room p;
  scion_ints k;
  if (scion__onnx_computed(o, 1)) {
    void *b = scion__params(&p, OP(triangle_by));
    scion__set_int(OP(triangle_by), b, "upper", scion__onnx_int(o, "upper", 1));
    return scion__onnx_emit2(o, OP(triangle_by), b, "Trilu", NULL, IN(0), IN(1), out);
  }
  SCION_TRY(scion__onnx_ints_in(o, 1, &k));
  const scion_op *op = scion__onnx_int(o, "upper", 1) ? OP(triu) : OP(tril);
  void *q = scion__params(&p, op);
  scion__set_int(op, q, "diagonal", k.n == 1 ? k.v[0] : 0);
  return scion__onnx_emit1(o, op, q, NULL, NULL, IN(0), out);
}
static scion_status eye_like(scion_onnx *o, int32_t *out) {
  const scion_onnx_value *x = scion__onnx_value(o, IN(0));
  int64_t k = scion__onnx_int(o, "k", 0), type = scion__onnx_int(o, "dtype", 0);
  int dtype = type > 0 ? scion__onnx_dtype((uint64_t)type) : x->dtype;
  scion_tensor *t;
  if (!x->known || x->n_dims != 2 || scion__onnx_free(x, 0) || scion__onnx_free(x, 1) || dtype < 0) return scion__onnx_fail(o, "needs a matrix of known size");
  SCION_TRY(scion__tensor_alloc(o->ctx, dtype, 2, x->probe[0], &t));
  scion__tensor_fill(o->ctx, t, 0);
  for (int64_t i = 0; i < t->shape[0]; i++)
    if (i + k >= 0 && i + k < t->shape[1]) SCION_TRY(scion_tensor_set(o->ctx, t, (int64_t[]){ i, i + k }, 1));
  *out = scion__onnx_constant(o, t);
  return *out < 0 ? SCION_ENOMEM : SCION_OK;
}
static scion_status nonzero(scion_onnx *o, int32_t *out) { /* (dimensions, n) */
  scion__room p;
  SCION_TRY(scion__onnx_emit1(o, OP(nonzero), scion__params(&p, OP(nonzero)), NULL, "rows", IN(0), out));
  void *q = scion__params(&p, OP(transpose));
  scion__set_int(OP(transpose), q, "dim0", 0);
  scion__set_int(OP(transpose), q, "dim1", 1);
  return scion__onnx_emit1(o, OP(transpose), q, NULL, NULL, *out, out);
}

const scion_onnx_operator scion__onnx_operators[] = {
  { "Add", add }, { "Sub", sub }, { "Mul", mul }, { "Div", div_ }, { "Pow", pow_ }, { "Mod", mod_ }, { "Sqrt", sqrt_ }, { "Reciprocal", reciprocal },
  { "Exp", exp_ }, { "Log", log_ }, { "Neg", neg }, { "Abs", abs_ }, { "Sign", sign }, { "Erf", erf_ }, { "Floor", floor_ }, { "Ceil", ceil_ },
  { "Round", round_ }, { "Sin", sin_ }, { "Cos", cos_ }, { "Tan", tan_ }, { "Asin", asin_ }, { "Acos", acos_ }, { "Atan", atan_ }, { "Sinh", sinh_ },
  { "Cosh", cosh_ }, { "Asinh", asinh_ }, { "Acosh", acosh_ }, { "Atanh", atanh_ }, { "Not", not_ }, { "IsNaN", isnan_ }, { "Det", det_ },
  { "BitwiseNot", bit_not }, { "BitwiseAnd", bit_and }, { "BitwiseOr", bit_or }, { "BitwiseXor", bit_xor },
  { "CastLike", cast_like }, { "IsInf", is_inf },
  { "Equal", equal }, { "Greater", greater }, { "Less", less }, { "GreaterOrEqual", greater_equal }, { "LessOrEqual", less_equal }, { "And", and_ },
  { "Or", or_ }, { "Xor", xor_ }, { "Sum", sum }, { "Max", max_ }, { "Min", min_ }, { "Mean", mean }, { "Where", where }, { "Cast", cast },
  { "ReduceSum", reduce_sum }, { "ReduceMean", reduce_mean }, { "ReduceMax", reduce_max }, { "ReduceMin", reduce_min }, { "ReduceProd", reduce_prod },
  { "ReduceL1", reduce_l1 }, { "ReduceL2", reduce_l2 }, { "ReduceSumSquare", reduce_sum_square }, { "ReduceLogSum", reduce_log_sum },
  { "ReduceLogSumExp", reduce_log_sum_exp }, { "ArgMax", arg_max }, { "ArgMin", arg_min }, { "TopK", top_k }, { "CumSum", cumsum }, { "Shape", shape },
  { "Size", size }, { "Reshape", reshape }, { "Flatten", flatten }, { "Transpose", transpose }, { "Squeeze", squeeze }, { "Unsqueeze", unsqueeze },
  { "Concat", concat }, { "Slice", slice }, { "Split", split }, { "Pad", pad }, { "Expand", expand }, { "Tile", tile }, { "DepthToSpace", depth_to_space },
  { "SpaceToDepth", space_to_depth }, { "Gather", gather }, { "GatherElements", gather_elements }, { "ScatterElements", scatter_elements },
  { "Scatter", scatter_elements }, { "Constant", constant }, { "ConstantOfShape", constant_of_shape }, { "Range", range }, { "Trilu", trilu },
  { "OneHot", one_hot }, { "GatherND", gather_nd }, { "ScatterND", scatter_nd },
  { "EyeLike", eye_like }, { "NonZero", nonzero }, { NULL, NULL } };
