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
UNARY(isnan_, isnan) UNARY(det_, det)

/* Opset 6 and below: `broadcast` aligns b at `axis` of a. */
static scion_status old_broadcast(scion_onnx *o, int32_t *b) {
  scion_onnx_params p;
  int32_t na, nb;
  if (o->opset >= 7 || scion__onnx_int(o, "broadcast", 0) == 0 || !scion__onnx_has(o, "axis")) return SCION_OK;
  SCION_TRY(scion__onnx_rank(o, IN(0), &na));
  SCION_TRY(scion__onnx_rank(o, *b, &nb));
  int64_t axis = scion__onnx_int(o, "axis", 0);
  if (axis < 0) axis += na;
  const scion_onnx_value *v = scion__onnx_value(o, *b);
  scion_ints shape = { .n = 0 };
  for (int32_t d = 0; d < nb; d++) shape.v[shape.n++] = v->probe[0][d] == v->probe[1][d] ? v->probe[0][d] : -1;
  for (int64_t d = axis + nb; d < na && shape.n < SCION_MAX_DIMS; d++) shape.v[shape.n++] = 1;
  void *q = scion__onnx_params(&p, OP(reshape));
  scion__onnx_set_ints(OP(reshape), q, "shape", &shape);
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

static scion_status cast_to(scion_onnx *o, int32_t v, int dtype, const char *suffix, int32_t *out) {
  scion_onnx_params p;
  *out = v;
  if (scion__onnx_value(o, v)->known && scion__onnx_value(o, v)->dtype == dtype) return SCION_OK;
  void *q = scion__onnx_params(&p, OP(to));
  scion__onnx_set_int(OP(to), q, "dtype", dtype);
  return scion__onnx_emit1(o, OP(to), q, NULL, suffix, v, out);
}
static scion_status div_(scion_onnx *o, int32_t *out) { /* integers truncate */
  const scion_onnx_value *a = scion__onnx_value(o, IN(0));
  if (!a->known || scion__is_float(a->dtype)) return binary(o, OP(div), "Div", out);
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
  if (a->known) {
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
  static const int types[] = { -1, SCION_F32, SCION_U8, SCION_I32, SCION_I32, SCION_I32, SCION_I32, SCION_I64, -1, SCION_BOOL, -1, SCION_F64, SCION_I64, SCION_I64 };
  int64_t to = scion__onnx_int(o, "to", 0);
  if (to < 1 || to >= (int64_t)(sizeof types / sizeof *types) || types[to] < 0) return scion__onnx_fail(o, "a cast to type %lld", (long long)to);
  return cast_to(o, IN(0), types[to], NULL, out);
}

/* ---- reductions -------------------------------------------------------------------------------------------------- */

/* axes: an attribute, or from `since` on an input; none: all, or nothing when noop_with_empty_axes. */
static scion_status axes_of(scion_onnx *o, int64_t since, scion_ints *axes) {
  if (o->opset >= since) SCION_TRY(scion__onnx_ints_in(o, 1, axes));
  else SCION_TRY(scion__onnx_ints(o, "axes", axes));
  if (axes->n == 0) axes->n = -1;
  return SCION_OK;
}
static scion_status reduce(scion_onnx *o, const scion_op *op, int64_t since, const scion_op *before, const scion_op *after, int32_t *out) {
  scion_onnx_params p;
  scion_ints axes;
  int32_t x = IN(0);
  SCION_TRY(axes_of(o, since, &axes));
  const scion_onnx_value *v = scion__onnx_value(o, x);
  int dtype = v->known ? v->dtype : -1;
  if (before != NULL) SCION_TRY(scion__onnx_emit1(o, before, NULL, NULL, "before", x, &x));
  if (axes.n < 0 && scion__onnx_int(o, "noop_with_empty_axes", 0) != 0) {
    *out = x;
  } else {
    void *q = scion__onnx_params(&p, op);
    if (axes.n > 0) scion__onnx_set_ints(op, q, "dim", &axes);
    scion__onnx_set_int(op, q, "keepdim", scion__onnx_int(o, "keepdims", 1));
    bool integer = dtype >= 0 && !scion__is_float(dtype) && op == OP(mean);
    if (integer) SCION_TRY(cast_to(o, x, SCION_F64, "float", &x));
    SCION_TRY(scion__onnx_emit1(o, op, q, NULL, after == NULL ? NULL : "sum", x, out));
    if (dtype >= 0 && scion__onnx_value(o, *out)->known && scion__onnx_value(o, *out)->dtype != dtype) SCION_TRY(cast_to(o, *out, dtype, "cast", out));
  }
  return after == NULL ? SCION_OK : scion__onnx_emit1(o, after, NULL, NULL, NULL, *out, out);
}
#define REDUCE(fn, op, since, before, after) \
  static scion_status fn(scion_onnx *o, int32_t *out) { return reduce(o, OP(op), since, before, after, out); }
REDUCE(reduce_sum, sum, 13, NULL, NULL)
REDUCE(reduce_mean, mean, 18, NULL, NULL)
REDUCE(reduce_max, amax, 18, NULL, NULL)
REDUCE(reduce_min, amin, 18, NULL, NULL)
REDUCE(reduce_prod, prod, 18, NULL, NULL)
REDUCE(reduce_l1, sum, 18, OP(abs), NULL)
REDUCE(reduce_l2, sum, 18, OP(square), OP(sqrt))
REDUCE(reduce_sum_square, sum, 18, OP(square), NULL)
REDUCE(reduce_log_sum, sum, 18, NULL, OP(log))
REDUCE(reduce_log_sum_exp, logsumexp, 18, NULL, NULL)

static scion_status arg(scion_onnx *o, bool largest, int32_t *out) {
  scion_onnx_params p;
  const scion_op *op = largest ? OP(argmax) : OP(argmin);
  int64_t axis = scion__onnx_int(o, "axis", 0);
  bool last = scion__onnx_int(o, "select_last_index", 0) != 0;
  int32_t x = IN(0), n;
  if (last) { /* the first of the reversed */
    scion_ints dims = { 1, { axis } };
    void *f = scion__onnx_params(&p, OP(flip));
    scion__onnx_set_ints(OP(flip), f, "dims", &dims);
    SCION_TRY(scion__onnx_emit1(o, OP(flip), f, NULL, "flip", x, &x));
  }
  void *q = scion__onnx_params(&p, op);
  scion__onnx_set_int(op, q, "dim", axis);
  scion__onnx_set_int(op, q, "keepdim", scion__onnx_int(o, "keepdims", 1));
  SCION_TRY(scion__onnx_emit1(o, op, q, NULL, last ? "reversed" : NULL, x, out));
  if (!last) return SCION_OK;
  SCION_TRY(scion__onnx_rank(o, IN(0), &n));
  const scion_onnx_value *v = scion__onnx_value(o, IN(0));
  if (axis < 0) axis += n;
  if (axis < 0 || axis >= n || v->probe[0][axis] != v->probe[1][axis]) return scion__onnx_fail(o, "select_last_index needs a fixed size");
  scion_tensor *t;
  SCION_TRY(scion_tensor_scalar(o->ctx, SCION_I64, (double)(v->probe[0][axis] - 1), &t));
  int32_t end = scion__onnx_constant(o, t);
  if (end < 0) return SCION_ENOMEM;
  return scion__onnx_emit2(o, OP(sub), NULL, NULL, NULL, end, *out, out);
}
static scion_status arg_max(scion_onnx *o, int32_t *out) { return arg(o, true, out); }
static scion_status arg_min(scion_onnx *o, int32_t *out) { return arg(o, false, out); }
static scion_status top_k(scion_onnx *o, int32_t *out) {
  scion_onnx_params p;
  scion_ints k = { 1, { scion__onnx_int(o, "k", 1) } };
  if (o->opset >= 10) SCION_TRY(scion__onnx_ints_in(o, 1, &k));
  if (k.n != 1) return scion__onnx_fail(o, "k must be one number");
  void *q = scion__onnx_params(&p, OP(topk));
  scion__onnx_set_int(OP(topk), q, "k", k.v[0]);
  scion__onnx_set_int(OP(topk), q, "dim", scion__onnx_int(o, "axis", -1));
  scion__onnx_set_int(OP(topk), q, "largest", scion__onnx_int(o, "largest", 1));
  return scion__onnx_emit(o, OP(topk), q, NULL, NULL, 1, (int32_t[]){ IN(0) }, 2, out);
}
static scion_status cumsum(scion_onnx *o, int32_t *out) {
  scion_onnx_params p;
  scion_ints axis;
  SCION_TRY(scion__onnx_ints_in(o, 1, &axis));
  if (axis.n != 1) return scion__onnx_fail(o, "axis must be one number");
  bool reverse = scion__onnx_int(o, "reverse", 0) != 0;
  const scion_onnx_value *v = scion__onnx_value(o, IN(0));
  int dtype = v->known ? v->dtype : -1;
  void *q = scion__onnx_params(&p, OP(cumsum));
  scion__onnx_set_int(OP(cumsum), q, "dim", axis.v[0]);
  scion__onnx_set_int(OP(cumsum), q, "reverse", reverse);
  SCION_TRY(scion__onnx_emit1(o, OP(cumsum), q, NULL, NULL, IN(0), out));
  if (dtype >= 0) SCION_TRY(cast_to(o, *out, dtype, "cast", out));
  if (scion__onnx_int(o, "exclusive", 0) == 0) return SCION_OK;
  return scion__onnx_emit2(o, OP(sub), NULL, NULL, "exclusive", *out, IN(0), out);
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
  int32_t n;
  SCION_TRY(scion__onnx_rank(o, IN(0), &n));
  int64_t start = scion__onnx_int(o, "start", 0), end = scion__onnx_int(o, "end", n), v[SCION_MAX_DIMS];
  if (start < 0) start += n;
  if (end < 0) end += n;
  start = scion__max(0, scion__min(start, n));
  end = scion__max(start, scion__min(end, n));
  const scion_onnx_value *x = scion__onnx_value(o, IN(0));
  /* a free size is -1, which Reshape and Expand fill in again; arithmetic on it would be wrong and is refused there */
  for (int64_t d = start; d < end; d++) v[d - start] = x->probe[0][d] == x->probe[1][d] ? x->probe[0][d] : SCION_ONNX_DYNAMIC;
  return ints_constant(o, (int32_t)(end - start), v, false, out);
}
static scion_status size(scion_onnx *o, int32_t *out) {
  int32_t n;
  SCION_TRY(scion__onnx_rank(o, IN(0), &n));
  const scion_onnx_value *x = scion__onnx_value(o, IN(0));
  int64_t v = 1;
  for (int32_t d = 0; d < n; d++) {
    if (x->probe[0][d] != x->probe[1][d]) return scion__onnx_fail(o, "the size of the input is not fixed");
    v *= x->probe[0][d];
  }
  return ints_constant(o, 1, &v, true, out);
}
static scion_status reshape(scion_onnx *o, int32_t *out) {
  scion_onnx_params p;
  scion_ints s;
  if (o->opset >= 5) SCION_TRY(scion__onnx_ints_in(o, 1, &s));
  else SCION_TRY(scion__onnx_ints(o, "shape", &s));
  if (s.n < 0) return scion__onnx_fail(o, "has no shape");
  const scion_onnx_value *x = scion__onnx_value(o, IN(0));
  bool allow_zero = scion__onnx_int(o, "allowzero", 0) != 0;
  int32_t free_dims = 0;
  for (int32_t d = 0; d < s.n; d++) {
    if (s.v[d] == 0 && !allow_zero) { /* as the input */
      if (!x->known || d >= x->n_dims) return scion__onnx_fail(o, "copies dimension %d of an input that has it not", d);
      s.v[d] = x->probe[0][d] == x->probe[1][d] ? x->probe[0][d] : -1;
    }
    free_dims += s.v[d] == -1;
  }
  if (free_dims > 1 && x->known) { /* all but one may follow from the number of elements */
    return scion__onnx_fail(o, "more than one size is free");
  }
  /* a fixed batch written down by the exporter where the graph's is free */
  if (free_dims == 0 && x->known && x->n_dims > 0 && x->probe[0][0] != x->probe[1][0] && s.n > 0) {
    int64_t rest = 1, inner = 1;
    for (int32_t d = 1; d < s.n; d++) rest *= s.v[d];
    for (int32_t d = 1; d < x->n_dims; d++) inner *= x->probe[0][d];
    if (rest == inner) s.v[0] = -1;
  }
  void *q = scion__onnx_params(&p, OP(reshape));
  scion__onnx_set_ints(OP(reshape), q, "shape", &s);
  return scion__onnx_emit1(o, OP(reshape), q, "Reshape", NULL, IN(0), out);
}
static scion_status flatten(scion_onnx *o, int32_t *out) {
  scion_onnx_params p;
  int32_t n;
  int64_t axis = scion__onnx_int(o, "axis", 1);
  SCION_TRY(scion__onnx_rank(o, IN(0), &n));
  if (axis < 0) axis += n;
  if (axis < 0 || axis > n) return scion__onnx_fail(o, "axis %lld of %d dimensions", (long long)axis, n);
  if (axis == 1 && n >= 2) {
    void *q = scion__onnx_params(&p, OP(flatten));
    scion__onnx_set_int(OP(flatten), q, "start_dim", 1);
    return scion__onnx_emit1(o, OP(flatten), q, "Flatten", NULL, IN(0), out);
  }
  const scion_onnx_value *x = scion__onnx_value(o, IN(0));
  int64_t lead = 1, rest = 1;
  bool free_lead = false, free_rest = false;
  for (int32_t d = 0; d < n; d++) {
    bool fixed = x->probe[0][d] == x->probe[1][d];
    if (d < axis) lead *= x->probe[0][d], free_lead = free_lead || !fixed;
    else rest *= x->probe[0][d], free_rest = free_rest || !fixed;
  }
  if (free_lead && free_rest) return scion__onnx_fail(o, "sizes on both sides of the axis are free");
  scion_ints s = { 2, { free_lead ? -1 : lead, free_rest ? -1 : rest } };
  void *q = scion__onnx_params(&p, OP(reshape));
  scion__onnx_set_ints(OP(reshape), q, "shape", &s);
  return scion__onnx_emit1(o, OP(reshape), q, "Flatten", NULL, IN(0), out);
}
static scion_status transpose(scion_onnx *o, int32_t *out) {
  scion_onnx_params p;
  scion_ints perm;
  int32_t n;
  SCION_TRY(scion__onnx_ints(o, "perm", &perm));
  if (perm.n < 0) {
    SCION_TRY(scion__onnx_rank(o, IN(0), &n));
    for (perm.n = 0; perm.n < n; perm.n++) perm.v[perm.n] = n - 1 - perm.n;
  }
  void *q = scion__onnx_params(&p, OP(permute));
  scion__onnx_set_ints(OP(permute), q, "dims", &perm);
  return scion__onnx_emit1(o, OP(permute), q, "Permute", NULL, IN(0), out);
}
static scion_status squeeze(scion_onnx *o, int32_t *out) {
  scion_onnx_params p;
  scion_ints axes;
  SCION_TRY(axes_of(o, 13, &axes));
  void *q = scion__onnx_params(&p, OP(squeeze));
  if (axes.n > 0) scion__onnx_set_ints(OP(squeeze), q, "dim", &axes);
  return scion__onnx_emit1(o, OP(squeeze), q, NULL, NULL, IN(0), out);
}
static scion_status unsqueeze(scion_onnx *o, int32_t *out) {
  scion_onnx_params p;
  scion_ints axes;
  int32_t n;
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
    void *q = scion__onnx_params(&p, OP(unsqueeze));
    scion__onnx_set_int(OP(unsqueeze), q, "dim", d);
    SCION_TRY(scion__onnx_emit1(o, OP(unsqueeze), q, NULL, --left == 0 ? NULL : "part", *out, out));
  }
  return SCION_OK;
}
static scion_status concat(scion_onnx *o, int32_t *out) {
  scion_onnx_params p;
  void *q = scion__onnx_params(&p, OP(cat));
  scion__onnx_set_int(OP(cat), q, "dim", scion__onnx_int(o, "axis", 1));
  return scion__onnx_emit(o, OP(cat), q, "Concat", NULL, o->node->n_in, o->node->in, 1, out);
}
static scion_status one_slice(scion_onnx *o, int32_t x, int64_t dim, int64_t start, int64_t stop, int64_t step, const char *suffix, int32_t *out) {
  scion_onnx_params p;
  void *q = scion__onnx_params(&p, OP(slice));
  scion__onnx_set_int(OP(slice), q, "dim", dim);
  scion__onnx_set_int(OP(slice), q, "start", start);
  scion__onnx_set_int(OP(slice), q, "stop", stop);
  scion__onnx_set_int(OP(slice), q, "step", step);
  return scion__onnx_emit1(o, OP(slice), q, NULL, suffix, x, out);
}
static scion_status slice(scion_onnx *o, int32_t *out) {
  scion_ints starts, ends, axes, steps = { .n = -1 };
  int32_t rank;
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
    scion_onnx_params p;
    const scion_onnx_value *v = scion__onnx_value(o, *out);
    if (!v->known || v->probe[0][dim] != v->probe[1][dim]) return scion__onnx_fail(o, "a negative step needs a fixed size");
    int64_t n = v->probe[0][dim];
    start = start < 0 ? start + n : start;
    end = end < 0 ? (end < -n ? -1 : end + n) : end;
    start = scion__max(-1, scion__min(start, n - 1));
    end = scion__max(-1, scion__min(end, n - 1));
    scion_ints dims = { 1, { dim } };
    void *q = scion__onnx_params(&p, OP(flip));
    scion__onnx_set_ints(OP(flip), q, "dims", &dims);
    SCION_TRY(scion__onnx_emit1(o, OP(flip), q, NULL, "flip", *out, out));
    SCION_TRY(one_slice(o, *out, dim, n - 1 - start, scion__max(n - 1 - start, n - 1 - end), -step, suffix, out));
  }
  return SCION_OK;
}
static scion_status split(scion_onnx *o, int32_t *out) {
  scion_ints sizes;
  int32_t rank, n = o->node->n_out;
  int64_t axis = scion__onnx_int(o, "axis", 0);
  if (o->opset >= 13) SCION_TRY(scion__onnx_ints_in(o, 1, &sizes));
  else SCION_TRY(scion__onnx_ints(o, "split", &sizes));
  SCION_TRY(scion__onnx_rank(o, IN(0), &rank));
  if (axis < 0) axis += rank;
  const scion_onnx_value *x = scion__onnx_value(o, IN(0));
  if (axis < 0 || axis >= rank || (sizes.n >= 0 && sizes.n != n)) return scion__onnx_fail(o, "axis or the number of parts is out of range");
  if (sizes.n < 0 && x->probe[0][axis] != x->probe[1][axis]) return scion__onnx_fail(o, "the dimension to split has no fixed size");
  int64_t total = x->probe[0][axis], part = (total + n - 1) / n, at = 0;
  for (int32_t i = 0; i < n; i++) {
    int64_t size_ = sizes.n >= 0 ? sizes.v[i] : scion__max(0, scion__min(part, total - at));
    SCION_TRY(one_slice(o, IN(0), axis, at, at + size_, 1, i == 0 ? NULL : "part", &out[i]));
    at += size_;
  }
  return SCION_OK;
}
static scion_status pad(scion_onnx *o, int32_t *out) {
  scion_onnx_params p;
  scion_ints pads, axes = { .n = -1 };
  scion_pb mode;
  int32_t rank;
  double value = scion__onnx_float(o, "value", 0);
  static const int64_t zeros[SCION_MAX_DIMS] = { 0 };
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
  static const char *const modes[] = { "constant", "reflect", "edge", "wrap" }, *const ours[] = { "constant", "reflect", "replicate", "circular" };
  void *q = scion__onnx_params(&p, OP(pad));
  if (scion__onnx_text(o, "mode", &mode)) {
    for (int i = 0; i < 4; i++) {
      if (!scion__pb_is(&mode, modes[i])) continue;
      scion_value v = { .type = SCION_V_STRING, .s = ours[i] };
      for (int32_t k = 0; k < OP(pad)->info.n_params; k++)
        if (strcmp(OP(pad)->info.params[k].name, "mode") == 0) SCION_TRY(scion_params_set(o->ctx, OP(pad), q, k, &v));
    }
  }
  scion__onnx_set_ints(OP(pad), q, "pad", &list);
  scion__onnx_set_float(OP(pad), q, "value", value);
  return scion__onnx_emit1(o, OP(pad), q, "Pad", NULL, IN(0), out);
}
static scion_status expand(scion_onnx *o, int32_t *out) { /* broadcasts both ways */
  scion_onnx_params p;
  scion_ints s;
  int32_t rank, x = IN(0);
  SCION_TRY(scion__onnx_ints_in(o, 1, &s));
  SCION_TRY(scion__onnx_rank(o, x, &rank));
  const scion_onnx_value *v = scion__onnx_value(o, x);
  scion_ints to = { .n = (int32_t)scion__max(rank, s.n) };
  for (int32_t d = 0; d < to.n; d++) {
    int32_t a = d - (to.n - rank), b = d - (to.n - s.n);
    int64_t have = a < 0 ? 1 : v->probe[0][a] == v->probe[1][a] ? v->probe[0][a] : -1, want = b < 0 ? 1 : s.v[b];
    to.v[d] = want == 1 || want == SCION_ONNX_DYNAMIC ? (a < 0 ? 1 : have) : want;
  }
  void *q = scion__onnx_params(&p, OP(expand));
  scion__onnx_set_ints(OP(expand), q, "shape", &to);
  return scion__onnx_emit1(o, OP(expand), q, NULL, NULL, x, out);
}
static scion_status tile(scion_onnx *o, int32_t *out) {
  scion_onnx_params p;
  scion_ints times;
  if (o->opset < 6) return scion__onnx_fail(o, "is known from opset 6 on");
  SCION_TRY(scion__onnx_ints_in(o, 1, &times));
  void *q = scion__onnx_params(&p, OP(tile));
  scion__onnx_set_ints(OP(tile), q, "times", &times);
  return scion__onnx_emit1(o, OP(tile), q, NULL, NULL, IN(0), out);
}
static scion_status depth_to_space(scion_onnx *o, int32_t *out) {
  scion_onnx_params p;
  scion_pb mode;
  void *q = scion__onnx_params(&p, OP(depth_to_space));
  scion__onnx_set_int(OP(depth_to_space), q, "blocksize", scion__onnx_int(o, "blocksize", 1));
  if (scion__onnx_text(o, "mode", &mode) && scion__pb_is(&mode, "CRD")) scion__onnx_set_int(OP(depth_to_space), q, "mode", 1);
  return scion__onnx_emit1(o, OP(depth_to_space), q, NULL, NULL, IN(0), out);
}
static scion_status space_to_depth(scion_onnx *o, int32_t *out) {
  scion_onnx_params p;
  void *q = scion__onnx_params(&p, OP(space_to_depth));
  scion__onnx_set_int(OP(space_to_depth), q, "blocksize", scion__onnx_int(o, "blocksize", 1));
  return scion__onnx_emit1(o, OP(space_to_depth), q, NULL, NULL, IN(0), out);
}

/* ---- indices and constants -------------------------------------------------------------------------------------------- */

static scion_status gather(scion_onnx *o, int32_t *out) {
  scion_onnx_params p;
  int32_t rx, ri, ids = IN(1);
  int64_t axis = scion__onnx_int(o, "axis", 0);
  SCION_TRY(scion__onnx_rank(o, IN(0), &rx));
  SCION_TRY(scion__onnx_rank(o, ids, &ri));
  if (axis < 0) axis += rx;
  if (ri > 1) {
    scion_ints flat = { 1, { -1 } };
    void *r = scion__onnx_params(&p, OP(reshape));
    scion__onnx_set_ints(OP(reshape), r, "shape", &flat);
    SCION_TRY(scion__onnx_emit1(o, OP(reshape), r, NULL, "ids", ids, &ids));
  }
  void *q = scion__onnx_params(&p, OP(index_select));
  scion__onnx_set_int(OP(index_select), q, "dim", axis);
  SCION_TRY(scion__onnx_emit2(o, OP(index_select), q, "Gather", NULL, IN(0), ids, out));
  if (ri == 1) return SCION_OK;
  const scion_onnx_value *x = scion__onnx_value(o, IN(0)), *i = scion__onnx_value(o, IN(1));
  scion_ints s = { .n = 0 };
  int32_t free_dims = 0;
  for (int32_t d = 0; d < rx; d++) {
    for (int32_t e = 0; d == axis && e < ri; e++) s.v[s.n++] = i->probe[0][e] == i->probe[1][e] ? i->probe[0][e] : -1;
    if (d != axis) s.v[s.n++] = x->probe[0][d] == x->probe[1][d] ? x->probe[0][d] : -1;
  }
  for (int32_t d = 0; d < s.n; d++) free_dims += s.v[d] == -1;
  if (free_dims > 1 || s.n > SCION_MAX_DIMS) return scion__onnx_fail(o, "more than one dimension has no fixed size, or the result more than 8");
  void *r = scion__onnx_params(&p, OP(reshape));
  scion__onnx_set_ints(OP(reshape), r, "shape", &s);
  return scion__onnx_emit1(o, OP(reshape), r, NULL, "shape", *out, out);
}
static scion_status gather_elements(scion_onnx *o, int32_t *out) {
  scion_onnx_params p;
  void *q = scion__onnx_params(&p, OP(gather));
  scion__onnx_set_int(OP(gather), q, "dim", scion__onnx_int(o, "axis", 0));
  return scion__onnx_emit2(o, OP(gather), q, NULL, NULL, IN(0), IN(1), out);
}
static scion_status scatter_elements(scion_onnx *o, int32_t *out) {
  scion_onnx_params p;
  scion_pb how;
  bool given = scion__onnx_text(o, "reduction", &how) && !scion__pb_is(&how, "none");
  const scion_op *op = given ? OP(scatter_reduce) : OP(scatter);
  void *q = scion__onnx_params(&p, op);
  scion__onnx_set_int(op, q, "dim", scion__onnx_int(o, "axis", 0));
  if (given) scion__onnx_set_int(op, q, "reduce", scion__pb_is(&how, "add") ? 0 : scion__pb_is(&how, "mul") ? 1 : scion__pb_is(&how, "max") ? 2 : 3);
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
  return *out < 0 ? SCION_ENOMEM : SCION_OK;
}
static scion_status constant_of_shape(scion_onnx *o, int32_t *out) {
  scion_ints s;
  scion_tensor *value, *t;
  static const int64_t zeros[SCION_MAX_DIMS] = { 0 };
  double v = 0;
  int64_t numel;
  SCION_TRY(scion__onnx_ints_in(o, 0, &s));
  if (s.n > SCION_MAX_DIMS) return scion__onnx_fail(o, "more than %d dimensions", SCION_MAX_DIMS);
  SCION_TRY(scion__onnx_tensor_attr(o, "value", &value));
  int dtype = value != NULL ? value->dtype : SCION_F32;
  scion_status st = value != NULL && value->numel == 1 ? scion_tensor_get(o->ctx, value, zeros, &v) : SCION_OK;
  scion_tensor_free(o->ctx, value);
  SCION_TRY(st);
  SCION_TRY(scion__check_shape(o->ctx, o->path, s.n, s.v, &numel));
  if (numel > 1LL << 31) return scion__onnx_fail(o, "a constant of %lld elements", (long long)numel);
  SCION_TRY(scion__tensor_alloc(o->ctx, dtype, s.n, s.v, &t));
  scion__tensor_fill(o->ctx, t, v);
  *out = scion__onnx_constant(o, t);
  return *out < 0 ? SCION_ENOMEM : SCION_OK;
}
static scion_status range(scion_onnx *o, int32_t *out) {
  double v[3];
  static const int64_t zeros[SCION_MAX_DIMS] = { 0 };
  for (int32_t i = 0; i < 3; i++) {
    scion_tensor *t = scion__onnx_const_in(o, i);
    if (t == NULL || t->numel != 1) return scion__onnx_fail(o, "its limits must be constants");
    SCION_TRY(scion_tensor_get(o->ctx, t, zeros, &v[i]));
  }
  double count = ceil((v[1] - v[0]) / v[2]);
  if (!(count >= 0)) count = 0;
  if (count > 1e9) return scion__onnx_fail(o, "a range of %g elements", count);
  scion_tensor *t;
  int64_t n = (int64_t)count;
  int dtype = scion__onnx_const_in(o, 0)->dtype;
  SCION_TRY(scion__tensor_alloc(o->ctx, dtype, 1, &n, &t));
  scion_status st = SCION_OK;
  for (int64_t i = 0; i < n && st == SCION_OK; i++) st = scion_tensor_set(o->ctx, t, &i, v[0] + (double)i * v[2]);
  if (st != SCION_OK) {
    scion_tensor_free(o->ctx, t);
    return st;
  }
  *out = scion__onnx_constant(o, t);
  return *out < 0 ? SCION_ENOMEM : SCION_OK;
}
static scion_status trilu(scion_onnx *o, int32_t *out) {
  scion_onnx_params p;
  scion_ints k;
  SCION_TRY(scion__onnx_ints_in(o, 1, &k));
  const scion_op *op = scion__onnx_int(o, "upper", 1) ? OP(triu) : OP(tril);
  void *q = scion__onnx_params(&p, op);
  scion__onnx_set_int(op, q, "diagonal", k.n == 1 ? k.v[0] : 0);
  return scion__onnx_emit1(o, op, q, NULL, NULL, IN(0), out);
}
static scion_status nonzero(scion_onnx *o, int32_t *out) { /* (dimensions, n) */
  scion_onnx_params p;
  SCION_TRY(scion__onnx_emit1(o, OP(nonzero), scion__onnx_params(&p, OP(nonzero)), NULL, "rows", IN(0), out));
  void *q = scion__onnx_params(&p, OP(transpose));
  scion__onnx_set_int(OP(transpose), q, "dim0", 0);
  scion__onnx_set_int(OP(transpose), q, "dim1", 1);
  return scion__onnx_emit1(o, OP(transpose), q, NULL, NULL, *out, out);
}

const scion_onnx_operator scion__onnx_operators[] = {
  { "Add", add }, { "Sub", sub }, { "Mul", mul }, { "Div", div_ }, { "Pow", pow_ }, { "Mod", mod_ }, { "Sqrt", sqrt_ }, { "Reciprocal", reciprocal },
  { "Exp", exp_ }, { "Log", log_ }, { "Neg", neg }, { "Abs", abs_ }, { "Sign", sign }, { "Erf", erf_ }, { "Floor", floor_ }, { "Ceil", ceil_ },
  { "Round", round_ }, { "Sin", sin_ }, { "Cos", cos_ }, { "Tan", tan_ }, { "Asin", asin_ }, { "Acos", acos_ }, { "Atan", atan_ }, { "Sinh", sinh_ },
  { "Cosh", cosh_ }, { "Asinh", asinh_ }, { "Acosh", acosh_ }, { "Atanh", atanh_ }, { "Not", not_ }, { "IsNaN", isnan_ }, { "Det", det_ },
  { "Equal", equal }, { "Greater", greater }, { "Less", less }, { "GreaterOrEqual", greater_equal }, { "LessOrEqual", less_equal }, { "And", and_ },
  { "Or", or_ }, { "Xor", xor_ }, { "Sum", sum }, { "Max", max_ }, { "Min", min_ }, { "Mean", mean }, { "Where", where }, { "Cast", cast },
  { "ReduceSum", reduce_sum }, { "ReduceMean", reduce_mean }, { "ReduceMax", reduce_max }, { "ReduceMin", reduce_min }, { "ReduceProd", reduce_prod },
  { "ReduceL1", reduce_l1 }, { "ReduceL2", reduce_l2 }, { "ReduceSumSquare", reduce_sum_square }, { "ReduceLogSum", reduce_log_sum },
  { "ReduceLogSumExp", reduce_log_sum_exp }, { "ArgMax", arg_max }, { "ArgMin", arg_min }, { "TopK", top_k }, { "CumSum", cumsum }, { "Shape", shape },
  { "Size", size }, { "Reshape", reshape }, { "Flatten", flatten }, { "Transpose", transpose }, { "Squeeze", squeeze }, { "Unsqueeze", unsqueeze },
  { "Concat", concat }, { "Slice", slice }, { "Split", split }, { "Pad", pad }, { "Expand", expand }, { "Tile", tile }, { "DepthToSpace", depth_to_space },
  { "SpaceToDepth", space_to_depth }, { "Gather", gather }, { "GatherElements", gather_elements }, { "ScatterElements", scatter_elements },
  { "Scatter", scatter_elements }, { "Constant", constant }, { "ConstantOfShape", constant_of_shape }, { "Range", range }, { "Trilu", trilu },
  { "NonZero", nonzero }, { NULL, NULL } };
