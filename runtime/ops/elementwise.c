/* elementwise.c: ops that work element by element: arithmetic, functions, comparisons, selection,
 * conversion. All broadcast by NumPy's rules; one dtype in, one dtype out (comparisons give bool).
 * The inner loops are scion__k->unary and ->binary. */
#include "activate.h"
#include "op.h"
#include "../kernels/kernels.h"
#include "../tensor/element.h"

#define GRAIN 32768 /* elements below which a second thread costs more than it gains */

/* ---- two operands -------------------------------------------------------------------------------- */

typedef struct { scion_binary_fn fn; int64_t step[3]; char *p[3]; } flat_job;

static void flat_binary(void *ud, int64_t begin, int64_t end) {
  const flat_job *j = ud;
  int64_t sa = j->step[0] != 0, sb = j->step[1] != 0;
  j->fn(end - begin, j->p[0] + begin * j->step[0], sa, j->p[1] + begin * j->step[1], sb, j->p[2] + begin * j->step[2], 1);
}

static void walk_binary(void *ud, int64_t n, char *const *p, const int64_t *s) {
  ((scion_binary_fn)*(scion_binary_fn *)ud)(n, p[0], s[0], p[1], s[1], p[2], s[2]);
}

/* Integer division: a zero anywhere in b is an error, as there is no value to give. */
static scion_status check_divisor(scion_call *c) {
  scion_tensor *b;
  SCION_TRY(scion__packed_in(c, 1, &b));
  bool zero = scion__k->any_zero(b->dtype, b->numel, b->data, 1) != 0;
  scion_tensor_free(c->ctx, b);
  return zero ? SCION_OP_FAIL(c, SCION_EINVAL, "integer division by zero: b must not contain 0") : SCION_OK;
}

static scion_status binary_forward(scion_call *c) {
  scion_tensor *a = c->in[0], *b = c->in[1], *y = c->out[0];
  int32_t kernel = c->op->kernel;
  if (!scion__is_float(a->dtype) && (kernel == SCION_B_floor_divide || kernel == SCION_B_remainder || kernel == SCION_B_fmod)) {
    SCION_TRY(check_divisor(c));
  }
  scion_binary_fn fn = scion__k->binary[c->op->kernel][a->dtype];
  if (fn == NULL) {
    return SCION_OP_FAIL(c, SCION_EDTYPE, "not defined for %s tensors", scion_dtype_name(a->dtype));
  }
  bool a_one = a->numel == 1, b_one = b->numel == 1;
  if (y->contiguous && (a_one || (a->contiguous && a->numel == y->numel)) && (b_one || (b->contiguous && b->numel == y->numel))) {
    size_t size = scion_dtype_size(a->dtype);
    flat_job j = { fn, { a_one ? 0 : (int64_t)size, b_one ? 0 : (int64_t)size, (int64_t)scion_dtype_size(y->dtype) },
                   { a->data, b->data, y->data } };
    if (y->numel <= GRAIN) flat_binary(&j, 0, y->numel);
    else scion__parallel_range(c->ctx, y->numel, GRAIN, flat_binary, &j);
    return SCION_OK;
  }
  int64_t sa[SCION_MAX_DIMS], sb[SCION_MAX_DIMS];
  scion__broadcast_strides(a, y->n_dims, sa);
  scion__broadcast_strides(b, y->n_dims, sb);
  char *const data[3] = { a->data, b->data, y->data };
  const int32_t sizes[3] = { (int32_t)scion_dtype_size(a->dtype), (int32_t)scion_dtype_size(b->dtype),
                             (int32_t)scion_dtype_size(y->dtype) };
  const int64_t *const strides[3] = { sa, sb, y->strides };
  scion__walk(c->ctx, 3, data, sizes, strides, y->n_dims, y->shape, GRAIN, walk_binary, &fn);
  return SCION_OK;
}

static scion_status infer_compare(scion_call *c) {
  SCION_TRY(scion__infer_broadcast(c));
  c->meta[0].dtype = SCION_BOOL;
  return SCION_OK;
}
static scion_status infer_float2(scion_call *c) {
  SCION_TRY(scion__need_float(c, 0));
  return scion__infer_broadcast(c);
}

static void add_grad(scion_grad_call *g) {
  if (g->needs[0]) scion__g_set(g, 0, x_sum_to(&g->x, g->dy[0], g->in[0]));
  if (g->needs[1]) scion__g_set(g, 1, x_sum_to(&g->x, g->dy[0], g->in[1]));
}
static void sub_grad(scion_grad_call *g) {
  if (g->needs[0]) scion__g_set(g, 0, x_sum_to(&g->x, g->dy[0], g->in[0]));
  if (g->needs[1]) scion__g_set(g, 1, x_sum_to(&g->x, x_neg(&g->x, g->dy[0]), g->in[1]));
}
static void mul_grad(scion_grad_call *g) {
  if (g->needs[0]) scion__g_set(g, 0, x_sum_to(&g->x, x_mul(&g->x, g->dy[0], g->in[1]), g->in[0]));
  if (g->needs[1]) scion__g_set(g, 1, x_sum_to(&g->x, x_mul(&g->x, g->dy[0], g->in[0]), g->in[1]));
}
static uint32_t mul_keeps(const scion_call *c, const bool *needs) {
  return (needs[0] ? SCION_KEEP_IN(1) : 0) | (needs[1] ? SCION_KEEP_IN(0) : 0);
}
static void div_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion_tensor *da = x_div(x, g->dy[0], g->in[1]);
  if (g->needs[0]) scion__g_set(g, 0, x_sum_to(x, da, g->in[0]));
  if (g->needs[1]) {
    scion_tensor *y = x_div(x, g->in[0], g->in[1]);
    scion__g_set(g, 1, x_sum_to(x, x_neg(x, x_mul(x, da, y)), g->in[1]));
  }
}
static void pow_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion_tensor *a = g->in[0], *b = g->in[1];
  scion_tensor *zero = x_scalar(x, a->dtype, 0);
  if (g->needs[0]) { /* b a^(b-1), and 0 where b is 0 (0^-1 would give NaN) */
    scion_tensor *da = x_mul(x, b, scion__x2(x, &scion__op_pow, NULL, a, x_adds(x, b, -1)));
    scion_tensor *b_zero = scion__x2(x, &scion__op_eq, NULL, b, zero);
    scion__g_set(g, 0, x_sum_to(x, x_mul(x, g->dy[0], x_where(x, b_zero, zero, da)), a));
  }
  if (g->needs[1]) { /* a^b log a, and 0 where a is 0 */
    scion_tensor *a_zero = scion__x2(x, &scion__op_eq, NULL, a, zero);
    scion_tensor *safe = x_where(x, a_zero, x_scalar(x, a->dtype, 1), a);
    scion_tensor *db = x_mul(x, scion__x2(x, &scion__op_pow, NULL, a, b), scion__x1(x, &scion__op_log, NULL, safe));
    scion__g_set(g, 1, x_sum_to(x, x_mul(x, g->dy[0], db), b));
  }
}
/* maximum/minimum: ties share the gradient equally, as in PyTorch. */
static void extremum_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  bool is_max = g->op == &scion__op_maximum;
  scion_tensor *first = scion__x2(x, is_max ? &scion__op_gt : &scion__op_lt, NULL, g->in[0], g->in[1]);
  scion_tensor *tie = scion__x2(x, &scion__op_eq, NULL, g->in[0], g->in[1]);
  scion_tensor *one = x_scalar(x, g->in[0]->dtype, 1), *zero = x_scalar(x, g->in[0]->dtype, 0);
  scion_tensor *wa = x_where(x, tie, x_scalar(x, g->in[0]->dtype, 0.5), x_where(x, first, one, zero));
  if (g->needs[0]) scion__g_set(g, 0, x_sum_to(x, x_mul(x, g->dy[0], wa), g->in[0]));
  if (g->needs[1]) scion__g_set(g, 1, x_sum_to(x, x_mul(x, g->dy[0], x_sub(x, one, wa)), g->in[1]));
}
/* fmod, remainder: y = a - b q with q locally constant. */
static void modulo_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  if (g->needs[0]) scion__g_set(g, 0, x_sum_to(x, g->dy[0], g->in[0]));
  if (g->needs[1]) {
    const scion_op *round_op = g->op == &scion__op_fmod ? &scion__op_trunc : &scion__op_floor;
    scion_tensor *q = scion__x1(x, round_op, NULL, x_div(x, g->in[0], g->in[1]));
    scion__g_set(g, 1, x_sum_to(x, x_neg(x, x_mul(x, g->dy[0], q)), g->in[1]));
  }
}
static void atan2_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion_tensor *a = g->in[0], *b = g->in[1];
  scion_tensor *s = x_div(x, g->dy[0], x_add(x, x_mul(x, a, a), x_mul(x, b, b)));
  if (g->needs[0]) scion__g_set(g, 0, x_sum_to(x, x_mul(x, s, b), a));
  if (g->needs[1]) scion__g_set(g, 1, x_sum_to(x, x_neg(x, x_mul(x, s, a)), b));
}
static void hypot_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion_tensor *s = x_div(x, g->dy[0], g->out[0]);
  if (g->needs[0]) scion__g_set(g, 0, x_sum_to(x, x_mul(x, s, g->in[0]), g->in[0]));
  if (g->needs[1]) scion__g_set(g, 1, x_sum_to(x, x_mul(x, s, g->in[1]), g->in[1]));
}

static const scion_sample samples_binary[] = { { "3x4,3x4", "" }, { "3x4,4", "" }, { "2x1x3,4x1", "" }, { "3,s", "" } };
static const scion_sample samples_distinct[] = { { "3x4:d,4:u", "" }, { "6:d,1:u", "" } };
static const scion_sample samples_positive[] = { { "3x4:+,3x4:+", "" }, { "3x4:+,4:+", "" }, { "4:+,s:+", "" } };

#define BINARY(name, infer_fn, grad_fn, flags_, keeps_, keeps_fn, samples_, doc_)                          \
  const scion_op scion__op_##name = {                                                                      \
    .info = { #name, 1, flags_, doc_, SCION_INPUTS(scion__slots_ab), SCION_OUTPUTS(scion__slots_y) },      \
    .infer = infer_fn, .forward = binary_forward, .grad = grad_fn, .kernel = SCION_B_##name,               \
    .keeps = keeps_, .keeps_for = keeps_fn, SCION_SAMPLES(samples_) };
#define BOTH (SCION_KEEP_IN(0) | SCION_KEEP_IN(1))
BINARY(add, scion__infer_broadcast, add_grad, SCION_OF_INPLACE, 0, NULL, samples_binary, "a + b, elementwise with broadcasting.")
BINARY(sub, scion__infer_broadcast, sub_grad, SCION_OF_INPLACE, 0, NULL, samples_binary, "a - b, elementwise with broadcasting.")
BINARY(mul, scion__infer_broadcast, mul_grad, SCION_OF_INPLACE, BOTH, mul_keeps, samples_binary, "a * b, elementwise with broadcasting.")
BINARY(div, infer_float2, div_grad, SCION_OF_INPLACE, BOTH, NULL, samples_positive, "a / b, elementwise with broadcasting; floating point only (use floor_divide for integers).")
BINARY(pow, scion__infer_broadcast, pow_grad, SCION_OF_INPLACE, BOTH, NULL, samples_positive, "a to the power of b, elementwise with broadcasting.")
BINARY(maximum, scion__infer_broadcast, extremum_grad, SCION_OF_INPLACE, BOTH, NULL, samples_distinct, "The larger of a and b, elementwise; NaN if either is NaN.")
BINARY(minimum, scion__infer_broadcast, extremum_grad, SCION_OF_INPLACE, BOTH, NULL, samples_distinct, "The smaller of a and b, elementwise; NaN if either is NaN.")
BINARY(fmod, scion__infer_broadcast, modulo_grad, SCION_OF_INPLACE, BOTH, NULL, samples_positive, "Remainder of a / b with the sign of a (C's fmod).")
BINARY(remainder, scion__infer_broadcast, modulo_grad, SCION_OF_INPLACE, BOTH, NULL, samples_positive, "Remainder of a / b with the sign of b (Lua's %).")
BINARY(floor_divide, scion__infer_broadcast, NULL, SCION_OF_INPLACE | SCION_OF_NO_GRAD, 0, NULL, samples_positive,
    "floor(a / b), elementwise. Integer division by zero is an error.")
BINARY(atan2, infer_float2, atan2_grad, SCION_OF_INPLACE, BOTH, NULL, samples_positive, "Angle of the point (b, a) in radians, -pi .. pi.")
BINARY(hypot, infer_float2, hypot_grad, SCION_OF_INPLACE, BOTH | SCION_KEEP_OUT(0), NULL, samples_positive, "sqrt(a^2 + b^2) without overflow.")
#define COMPARE(name, doc_) BINARY(name, infer_compare, NULL, SCION_OF_NO_GRAD, 0, NULL, samples_binary, doc_)
COMPARE(eq, "a == b, elementwise, as bool.")
COMPARE(ne, "a ~= b, elementwise, as bool.")
COMPARE(lt, "a < b, elementwise, as bool.")
COMPARE(le, "a <= b, elementwise, as bool.")
COMPARE(gt, "a > b, elementwise, as bool.")
COMPARE(ge, "a >= b, elementwise, as bool.")
COMPARE(logical_and, "a and b, elementwise, as bool; nonzero is true.")
COMPARE(logical_or, "a or b, elementwise, as bool; nonzero is true.")
COMPARE(logical_xor, "Exactly one of a and b is nonzero, elementwise, as bool.")

static const scion_sample samples_bits[] = { { "4:i<8,4:i<8", "" } };
static scion_status infer_bits(scion_call *c) {
  SCION_TRY(scion__need_dtype(c, 0, "an integer or bool tensor", !scion__is_float(c->in[0]->dtype)));
  return scion__infer_broadcast(c);
}
#define BITS(name, doc_) BINARY(name, infer_bits, NULL, SCION_OF_INPLACE | SCION_OF_NO_GRAD, 0, NULL, samples_bits, doc_)
BITS(bitwise_and, "Bitwise and of integers; logical and of bools.")
BITS(bitwise_or, "Bitwise or of integers; logical or of bools.")
BITS(bitwise_xor, "Bitwise exclusive or of integers or bools.")

/* ---- one operand --------------------------------------------------------------------------------- */

typedef struct { scion_unary_fn fn; int64_t in_size, out_size; char *a, *y; } flat_unary_job;

static void flat_unary(void *ud, int64_t begin, int64_t end) {
  const flat_unary_job *j = ud;
  j->fn(end - begin, j->a + begin * j->in_size, 1, j->y + begin * j->out_size, 1);
}
static void walk_unary(void *ud, int64_t n, char *const *p, const int64_t *s) {
  (*(scion_unary_fn *)ud)(n, p[0], s[0], p[1], s[1]);
}

static scion_status unary_forward(scion_call *c) {
  scion_tensor *a = c->in[0], *y = c->out[0];
  scion_unary_fn fn = scion__k->unary[c->op->kernel][a->dtype];
  if (fn == NULL) {
    return SCION_OP_FAIL(c, SCION_EDTYPE, "not defined for %s tensors", scion_dtype_name(a->dtype));
  }
  int64_t in_size = (int64_t)scion_dtype_size(a->dtype), out_size = (int64_t)scion_dtype_size(y->dtype);
  if (a->contiguous && y->contiguous) {
    flat_unary_job j = { fn, in_size, out_size, a->data, y->data };
    scion__parallel_range(c->ctx, y->numel, GRAIN / 2, flat_unary, &j);
    return SCION_OK;
  }
  char *const data[2] = { a->data, y->data };
  const int32_t sizes[2] = { (int32_t)in_size, (int32_t)out_size };
  const int64_t *const strides[2] = { a->strides, y->strides };
  scion__walk(c->ctx, 2, data, sizes, strides, y->n_dims, y->shape, GRAIN / 2, walk_unary, &fn);
  return SCION_OK;
}
static scion_status infer_predicate(scion_call *c) {
  SCION_TRY(scion__infer_same(c));
  c->meta[0].dtype = SCION_BOOL;
  return SCION_OK;
}

/* Gradients: each returns dx from x, y and dy. */
#define GRAD(name, expression)                                              \
  static void name##_grad(scion_grad_call *g) {                             \
    scion_x *x = &g->x;                                                     \
    scion_tensor *a = g->in[0], *y = g->out[0], *dy = g->dy[0];             \
    (void)a, (void)y, (void)dy;                                             \
    scion__g_set(g, 0, expression);                                         \
  }
#define U(name, t) scion__x1(x, &scion__op_##name, NULL, t)
GRAD(neg, x_neg(x, dy))
GRAD(abs, x_mul(x, dy, U(sign, a)))
GRAD(flat, x_zeros_like(x, dy)) /* piecewise constant functions */
GRAD(sqrt, x_div(x, x_muls(x, dy, 0.5), y))
GRAD(rsqrt, x_mul(x, x_muls(x, dy, -0.5), x_mul(x, y, x_mul(x, y, y))))
GRAD(square, x_mul(x, x_muls(x, dy, 2), a))
GRAD(reciprocal, x_neg(x, x_mul(x, dy, x_mul(x, y, y))))
GRAD(exp, x_mul(x, dy, y))
GRAD(expm1, x_mul(x, dy, x_adds(x, y, 1)))
GRAD(log, x_div(x, dy, a))
GRAD(log1p, x_div(x, dy, x_adds(x, a, 1)))
GRAD(log2, x_div(x, x_muls(x, dy, 1.4426950408889634074), a))
GRAD(log10, x_div(x, x_muls(x, dy, 0.43429448190325182765), a))
GRAD(sin, x_mul(x, dy, U(cos, a)))
GRAD(cos, x_neg(x, x_mul(x, dy, U(sin, a))))
GRAD(tan, x_mul(x, dy, x_adds(x, x_mul(x, y, y), 1)))
GRAD(asin, x_mul(x, dy, U(rsqrt, x_adds(x, x_neg(x, x_mul(x, a, a)), 1))))
GRAD(acos, x_neg(x, x_mul(x, dy, U(rsqrt, x_adds(x, x_neg(x, x_mul(x, a, a)), 1)))))
GRAD(atan, x_div(x, dy, x_adds(x, x_mul(x, a, a), 1)))
GRAD(sinh, x_mul(x, dy, U(cosh, a)))
GRAD(cosh, x_mul(x, dy, U(sinh, a)))
GRAD(tanh, x_mul(x, dy, x_adds(x, x_neg(x, x_mul(x, y, y)), 1)))
GRAD(asinh, x_mul(x, dy, U(rsqrt, x_adds(x, x_mul(x, a, a), 1))))
GRAD(acosh, x_mul(x, dy, U(rsqrt, x_adds(x, x_mul(x, a, a), -1))))
GRAD(atanh, x_div(x, dy, x_adds(x, x_neg(x, x_mul(x, a, a)), 1)))
GRAD(frac, x_muls(x, dy, 1))
GRAD(erf, x_mul(x, x_muls(x, dy, 1.1283791670955125739), U(exp, x_neg(x, x_mul(x, a, a)))))
GRAD(erfc, x_mul(x, x_muls(x, dy, -1.1283791670955125739), U(exp, x_neg(x, x_mul(x, a, a)))))
GRAD(lgamma, x_mul(x, dy, U(digamma, a)))
static scion_tensor *polygamma1(scion_x *x, scion_tensor *a) {
  struct { int64_t n; } p = { 1 };
  return scion__x1(x, &scion__op_polygamma, &p, a);
}
GRAD(digamma, x_mul(x, dy, polygamma1(x, a)))
GRAD(sigmoid, x_mul(x, dy, x_mul(x, y, x_adds(x, x_neg(x, y), 1))))
GRAD(relu, x_mul(x, dy, U(sign, y)))

static const scion_sample samples_real[] = { { "3x4", "" }, { "2x3x2", "" } };
static const scion_sample samples_apart[] = { { "3x4:d", "" } };
static const scion_sample samples_plus[] = { { "3x4:+", "" } };
static const scion_sample samples_unit[] = { { "3x4:u", "" } };
static const scion_sample samples_int[] = { { "4:i<8", "" } };
#define X0 SCION_KEEP_IN(0)
#define Y0 SCION_KEEP_OUT(0)
#define UNARY(name, infer_fn, grad_fn, flags_, keeps_, samples_, doc_)                                      \
  const scion_op scion__op_##name = {                                                                       \
    .info = { #name, 1, flags_, doc_, SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y) },        \
    .infer = infer_fn, .forward = unary_forward, .grad = grad_fn, .kernel = SCION_U_##name, .keeps = keeps_, \
    SCION_SAMPLES(samples_) };
/* The same with a gradient in one pass over the output. */
#define UNARY_FUSED(name, infer_fn, samples_, doc_)                                                         \
  static scion_status name##_grad_fused(scion_grad_call *g) {                                               \
    return scion__activate_grad(g, SCION_A_##name, g->out[0], 0, 0);                                        \
  }                                                                                                         \
  const scion_op scion__op_##name = {                                                                       \
    .info = { #name, 1, SCION_OF_INPLACE, doc_, SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y) }, \
    .infer = infer_fn, .forward = unary_forward, .grad = name##_grad, .grad_fused = name##_grad_fused,      \
    .kernel = SCION_U_##name, .keeps = Y0, SCION_SAMPLES(samples_) };
#define FLOAT(name, keeps_, samples_, doc_) UNARY(name, scion__infer_float, name##_grad, SCION_OF_INPLACE, keeps_, samples_, doc_)
UNARY(neg, scion__infer_same, neg_grad, SCION_OF_INPLACE, 0, samples_real, "-x.")
UNARY(abs, scion__infer_same, abs_grad, SCION_OF_INPLACE, X0, samples_apart, "Absolute value; gradient 0 at 0.")
UNARY(sign, scion__infer_same, flat_grad, SCION_OF_INPLACE, 0, samples_apart, "-1, 0 or 1.")
UNARY(square, scion__infer_same, square_grad, SCION_OF_INPLACE, X0, samples_real, "x^2.")
FLOAT(sqrt, Y0, samples_plus, "Square root; NaN below 0.")
FLOAT(rsqrt, Y0, samples_plus, "1 / sqrt(x).")
FLOAT(reciprocal, Y0, samples_plus, "1 / x.")
FLOAT(exp, Y0, samples_real, "e^x.")
FLOAT(expm1, Y0, samples_real, "e^x - 1, exact near 0.")
FLOAT(log, X0, samples_plus, "Natural logarithm.")
FLOAT(log1p, X0, samples_plus, "log(1 + x), exact near 0.")
FLOAT(log2, X0, samples_plus, "Logarithm to base 2.")
FLOAT(log10, X0, samples_plus, "Logarithm to base 10.")
FLOAT(sin, X0, samples_real, "Sine of radians.")
FLOAT(cos, X0, samples_real, "Cosine of radians.")
FLOAT(tan, Y0, samples_unit, "Tangent of radians.")
FLOAT(asin, X0, samples_unit, "Inverse sine, radians.")
FLOAT(acos, X0, samples_unit, "Inverse cosine, radians.")
FLOAT(atan, X0, samples_real, "Inverse tangent, radians.")
FLOAT(sinh, X0, samples_real, "Hyperbolic sine.")
FLOAT(cosh, X0, samples_real, "Hyperbolic cosine.")
UNARY_FUSED(tanh, scion__infer_float, samples_real, "Hyperbolic tangent.")
FLOAT(asinh, X0, samples_real, "Inverse hyperbolic sine.")
static const scion_sample samples_above_one[] = { { "4:above1", "" } };
FLOAT(acosh, X0, samples_above_one, "Inverse hyperbolic cosine; x >= 1.")
FLOAT(atanh, X0, samples_unit, "Inverse hyperbolic tangent; -1 < x < 1.")
UNARY(floor, scion__infer_same, flat_grad, SCION_OF_INPLACE, 0, samples_apart, "Largest integer not above x.")
UNARY(ceil, scion__infer_same, flat_grad, SCION_OF_INPLACE, 0, samples_apart, "Smallest integer not below x.")
UNARY(round, scion__infer_same, flat_grad, SCION_OF_INPLACE, 0, samples_apart, "Nearest integer, ties to even.")
UNARY(trunc, scion__infer_same, flat_grad, SCION_OF_INPLACE, 0, samples_apart, "x without its fraction.")
FLOAT(frac, 0, samples_apart, "Fraction of x, with its sign.")
FLOAT(erf, X0, samples_real, "Error function.")
FLOAT(erfc, X0, samples_real, "1 - erf(x), exact for large x.")
FLOAT(lgamma, X0, samples_plus, "log |gamma(x)|.")
UNARY(digamma, scion__infer_float, digamma_grad, SCION_OF_INPLACE, X0, samples_plus, "Derivative of lgamma.")
UNARY_FUSED(sigmoid, scion__infer_float, samples_real, "1 / (1 + e^-x).")
UNARY_FUSED(relu, scion__infer_same, samples_apart, "max(x, 0).")
UNARY(logical_not, infer_predicate, NULL, SCION_OF_NO_GRAD, 0, samples_real, "x == 0, as bool.")
UNARY(bitwise_not, scion__infer_same, NULL, SCION_OF_INPLACE | SCION_OF_NO_GRAD, 0, samples_int, "Bitwise complement of integers; logical not of bools.")
UNARY(isnan, infer_predicate, NULL, SCION_OF_NO_GRAD, 0, samples_real, "Where x is NaN, as bool.")
UNARY(isinf, infer_predicate, NULL, SCION_OF_NO_GRAD, 0, samples_real, "Where x is infinite, as bool.")
UNARY(isfinite, infer_predicate, NULL, SCION_OF_NO_GRAD, 0, samples_real, "Where x is neither NaN nor infinite, as bool.")

/* ---- selection ----------------------------------------------------------------------------------- */

static scion_status where_infer(scion_call *c) {
  SCION_TRY(scion__need_dtype(c, 0, "a bool tensor", c->in[0]->dtype == SCION_BOOL));
  SCION_TRY(scion__need_same_dtype(c, 1, 2));
  int32_t n;
  int64_t shape[SCION_MAX_DIMS];
  char t0[SCION_SHAPE_TEXT], t1[SCION_SHAPE_TEXT], t2[SCION_SHAPE_TEXT];
  if (!scion__broadcast(c->in[1]->n_dims, c->in[1]->shape, c->in[2]->n_dims, c->in[2]->shape, &n, shape) ||
      !scion__broadcast(c->in[0]->n_dims, c->in[0]->shape, n, shape, &n, shape)) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "cond %s, a %s and b %s do not broadcast together",
                         scion__tensor_brief(t0, c->in[0]), scion__tensor_brief(t1, c->in[1]), scion__tensor_brief(t2, c->in[2]));
  }
  scion__out(c, 0, c->in[1]->dtype, n, shape);
  return SCION_OK;
}
#define WHERE_LOOP(type)                                                                       \
  for (int64_t i = 0; i < n; i++) {                                                            \
    *(type *)(p[3] + i * s[3] * (int64_t)sizeof(type)) =                                       \
        p[0][i * s[0]] ? *(const type *)(p[1] + i * s[1] * (int64_t)sizeof(type))              \
                       : *(const type *)(p[2] + i * s[2] * (int64_t)sizeof(type));             \
  }
static void where_walk(void *ud, int64_t n, char *const *p, const int64_t *s) {
  switch (*(size_t *)ud) {
    case 1: WHERE_LOOP(uint8_t) break;
    case 4: WHERE_LOOP(uint32_t) break;
    default: WHERE_LOOP(uint64_t) break;
  }
}
static scion_status where_forward(scion_call *c) {
  scion_tensor *y = c->out[0];
  int64_t s0[SCION_MAX_DIMS], s1[SCION_MAX_DIMS], s2[SCION_MAX_DIMS];
  scion__broadcast_strides(c->in[0], y->n_dims, s0);
  scion__broadcast_strides(c->in[1], y->n_dims, s1);
  scion__broadcast_strides(c->in[2], y->n_dims, s2);
  size_t size = scion_dtype_size(y->dtype);
  char *const data[4] = { c->in[0]->data, c->in[1]->data, c->in[2]->data, y->data };
  const int32_t sizes[4] = { 1, (int32_t)size, (int32_t)size, (int32_t)size };
  const int64_t *const strides[4] = { s0, s1, s2, y->strides };
  scion__walk(c->ctx, 4, data, sizes, strides, y->n_dims, y->shape, GRAIN, where_walk, &size);
  return SCION_OK;
}
static void where_grad(scion_grad_call *g) {
  scion_tensor *zero = x_scalar(&g->x, g->dy[0]->dtype, 0);
  if (g->needs[1]) scion__g_set(g, 1, x_sum_to(&g->x, x_where(&g->x, g->in[0], g->dy[0], zero), g->in[1]));
  if (g->needs[2]) scion__g_set(g, 2, x_sum_to(&g->x, x_where(&g->x, g->in[0], zero, g->dy[0]), g->in[2]));
}
static const scion_slot slots_where[] = { { "cond", 0, "bool" }, { "a", SCION_SF_NUMBER, "taken where cond" }, { "b", SCION_SF_NUMBER, "taken elsewhere" } };
static const scion_sample samples_where[] = { { "3x4:b,3x4,3x4", "" }, { "4:b,3x4,s", "" }, { "3x1:b,4,3x4", "" } };
const scion_op scion__op_where = {
  .info = { "where", 1, SCION_OF_FUNCTION, "a where cond, b elsewhere, with broadcasting: scion.where(cond, a, b).",
            SCION_INPUTS(slots_where), SCION_OUTPUTS(scion__slots_y) },
  .infer = where_infer, .forward = where_forward, .grad = where_grad, .keeps = SCION_KEEP_IN(0), SCION_SAMPLES(samples_where) };

/* ---- written as other ops ------------------------------------------------------------------------ */

typedef struct { double min, max; } clamp_params;
static const scion_param params_clamp[] = {
  { "min", SCION_P_FLOAT, 0, offsetof(clamp_params, min), .def = -1.0 / 0.0, .doc = "lower bound; default none" },
  { "max", SCION_P_FLOAT, 0, offsetof(clamp_params, max), .def = 1.0 / 0.0, .doc = "upper bound; default none" } };
static scion_status clamp_forward(scion_call *c) {
  const clamp_params *p = c->params;
  scion_tensor *a = c->in[0], *y = c->out[0];
  if (scion__is_float(a->dtype)) return scion__activate(c, SCION_A_clamp, p->min, p->max);
  scion_binary_fn max = scion__k->binary[SCION_B_maximum][a->dtype], min = scion__k->binary[SCION_B_minimum][a->dtype];
  int64_t lo = 0, hi = 0; /* the bounds in the tensor's own type; any integer type fits */
  scion__element_set(a->dtype, &lo, p->min);
  scion__element_set(a->dtype, &hi, p->max);
  scion_tensor *packed;
  SCION_TRY(scion__packed_in(c, 0, &packed));
  scion_tensor *to = NULL;
  scion_status st = y->contiguous ? SCION_OK : scion__tensor_alloc(c->ctx, y->dtype, y->n_dims, y->shape, &to);
  if (st == SCION_OK) {
    char *data = to != NULL ? to->data : y->data;
    max(packed->numel, packed->data, 1, &lo, 0, data, 1);
    min(packed->numel, data, 1, &hi, 0, data, 1);
    if (to != NULL) st = scion__tensor_copy_into(c->ctx, y, to);
  }
  scion_tensor_free(c->ctx, to);
  scion_tensor_free(c->ctx, packed);
  return st;
}
/* At a bound the gradient passes whole, as in PyTorch. */
static void clamp_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const clamp_params *p = c->params;
  scion_tensor *a = c->in[0], *lo = x_scalar(x, a->dtype, p->min), *hi = x_scalar(x, a->dtype, p->max);
  scion_tensor *y = x_where(x, scion__x2(x, &scion__op_lt, NULL, a, lo), lo, a);
  out[0] = x_where(x, scion__x2(x, &scion__op_gt, NULL, y, hi), hi, y);
}
static scion_status clamp_grad_fused(scion_grad_call *g) {
  const clamp_params *p = g->params;
  return scion__activate_grad(g, SCION_A_clamp, g->in[0], p->min, p->max);
}
static const scion_sample samples_clamp[] = { { "3x4:d", "min=-0.52 max=0.73" }, { "5:d", "max=0.3" } };
const scion_op scion__op_clamp = {
  .info = { "clamp", 1, SCION_OF_INPLACE, "x limited to min .. max.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_clamp, clamp_params) },
  .infer = scion__infer_same, .forward = clamp_forward, .compose = clamp_compose, .grad_fused = clamp_grad_fused, .keeps = SCION_KEEP_IN(0),
  SCION_SAMPLES(samples_clamp) };

static scion_status lerp_infer(scion_call *c) {
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  SCION_TRY(scion__need_same_dtype(c, 0, 2));
  int32_t n;
  int64_t shape[SCION_MAX_DIMS];
  if (!scion__broadcast(c->in[0]->n_dims, c->in[0]->shape, c->in[1]->n_dims, c->in[1]->shape, &n, shape) ||
      !scion__broadcast(c->in[2]->n_dims, c->in[2]->shape, n, shape, &n, shape)) {
    char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT], w[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "%s, %s and %s do not broadcast together", scion__tensor_brief(a, c->in[0]),
                         scion__tensor_brief(b, c->in[1]), scion__tensor_brief(w, c->in[2]));
  }
  scion__out(c, 0, c->in[0]->dtype, n, shape);
  return SCION_OK;
}
static void lerp_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  out[0] = x_add(x, c->in[0], x_mul(x, c->in[2], x_sub(x, c->in[1], c->in[0])));
}
static const scion_slot slots_lerp[] = { { "a", 0, "start" }, { "b", SCION_SF_NUMBER, "end" }, { "weight", SCION_SF_NUMBER, "0 gives a, 1 gives b" } };
static const scion_sample samples_lerp[] = { { "3x4,4,s", "" } };
const scion_op scion__op_lerp = {
  .info = { "lerp", 1, SCION_OF_INPLACE, "a + weight * (b - a).", SCION_INPUTS(slots_lerp), SCION_OUTPUTS(scion__slots_y) },
  .infer = lerp_infer, .compose = lerp_compose, SCION_SAMPLES(samples_lerp) };

typedef struct { double value; } scale_params;
static const scion_param params_scale[] = { { "value", SCION_P_FLOAT, 0, offsetof(scale_params, value), .def = 1, .doc = "factor of the product" } };
/* a + value * b: one step along b. */
static scion_status scaled_forward(scion_call *c) {
  scion_tensor *y = c->out[0], *b = NULL;
  SCION_TRY(scion__need_float(c, 0));
  if (y->numel == 0) return SCION_OK;
  if (scion__same_shape(c->in[1], y)) {
    SCION_TRY(scion__packed_in(c, 1, &b));
  } else {
    SCION_TRY(scion__tensor_alloc(c->ctx, y->dtype, y->n_dims, y->shape, &b));
    scion_status st = scion__tensor_copy_into(c->ctx, b, c->in[1]);
    if (st != SCION_OK) {
      scion_tensor_free(c->ctx, b);
      return st;
    }
  }
  scion_status st = y == c->in[0] ? SCION_OK : scion__tensor_copy_into(c->ctx, y, c->in[0]);
  if (st == SCION_OK) scion__k->vector_axpy(y->dtype == SCION_F64, y->numel, ((const scale_params *)c->params)->value, b->data, y->data);
  scion_tensor_free(c->ctx, b);
  return st;
}
static void scaled_grad(scion_grad_call *g) {
  if (g->needs[0]) scion__g_set(g, 0, x_sum_to(&g->x, g->dy[0], g->in[0]));
  if (g->needs[1]) scion__g_set(g, 1, x_sum_to(&g->x, x_muls(&g->x, g->dy[0], ((const scale_params *)g->params)->value), g->in[1]));
}
static const scion_slot slots_scaled[] = { { "a", 0, "start" }, { "b", 0, "direction" } };
static const scion_sample samples_scaled[] = { { "3x4,3x4", "value=-0.5" }, { "3x4,4", "value=2" } };
const scion_op scion__op_add_scaled = {
  .info = { "add_scaled", 1, 0, "a + value * b.", SCION_INPUTS(slots_scaled), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_scale, scale_params) },
  .infer = infer_float2, .forward = scaled_forward, .grad = scaled_grad, SCION_SAMPLES(samples_scaled) };

static void addcmul_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  out[0] = x_add(x, c->in[0], x_muls(x, x_mul(x, c->in[1], c->in[2]), ((const scale_params *)c->params)->value));
}
static void addcdiv_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  out[0] = x_add(x, c->in[0], x_muls(x, x_div(x, c->in[1], c->in[2]), ((const scale_params *)c->params)->value));
}
static const scion_slot slots_addc[] = { { "x", 0, "start" }, { "a", SCION_SF_NUMBER, "first factor" }, { "b", SCION_SF_NUMBER, "second" } };
static const scion_sample samples_addc[] = { { "3x4,4,3x4:+", "value=0.5" } };
const scion_op scion__op_addcmul = {
  .info = { "addcmul", 1, SCION_OF_INPLACE, "x + value * a * b.", SCION_INPUTS(slots_addc), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_scale, scale_params) },
  .infer = lerp_infer, .compose = addcmul_compose, SCION_SAMPLES(samples_addc) };
const scion_op scion__op_addcdiv = {
  .info = { "addcdiv", 1, SCION_OF_INPLACE, "x + value * a / b.", SCION_INPUTS(slots_addc), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_scale, scale_params) },
  .infer = lerp_infer, .compose = addcdiv_compose, SCION_SAMPLES(samples_addc) };

/* ---- conversion and copies ----------------------------------------------------------------------- */

typedef struct { int32_t dtype; } to_params;
static const scion_param params_to[] = {
  { "dtype", SCION_P_DTYPE, SCION_PF_REQUIRED, offsetof(to_params, dtype), .def = -1, .doc = "\"f32\", \"f64\", \"i32\", \"i64\", \"u8\", \"bool\"" } };
static scion_status to_infer(scion_call *c) {
  scion__out(c, 0, ((const to_params *)c->params)->dtype, c->in[0]->n_dims, c->in[0]->shape);
  return SCION_OK;
}
static scion_status copy_forward(scion_call *c) { return scion__tensor_copy_into(c->ctx, c->out[0], c->in[0]); }
static void to_grad(scion_grad_call *g) { scion__g_set(g, 0, x_to(&g->x, g->dy[0], g->in[0]->dtype)); }
static const scion_sample samples_to[] = { { "3x4", "dtype=f64" } };
const scion_op scion__op_to = {
  .info = { "to", 1, 0, "Converts to another element type (a copy, always). Floats to integers truncate; anything to bool is x ~= 0.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_to, to_params) },
  .infer = to_infer, .forward = copy_forward, .grad = to_grad, SCION_SAMPLES(samples_to) };

static scion_status clone_infer(scion_call *c) {
  scion__out(c, 0, c->in[0]->dtype, c->in[0]->n_dims, c->in[0]->shape);
  return SCION_OK;
}
static void clone_grad(scion_grad_call *g) { scion__g_set(g, 0, g->dy[0]); }
const scion_op scion__op_clone = {
  .info = { "clone", 1, 0, "A copy with its own storage, part of the gradient's graph.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y) },
  .infer = clone_infer, .forward = copy_forward, .grad = clone_grad, SCION_SAMPLES(samples_real) };

/* copy(x, src): src in x's shape and dtype; copy_ is assignment. */
static scion_status copy_infer(scion_call *c) {
  int32_t n;
  int64_t shape[SCION_MAX_DIMS];
  scion_tensor *x = c->in[0], *src = c->in[1];
  bool ok = scion__broadcast(x->n_dims, x->shape, src->n_dims, src->shape, &n, shape) && n == x->n_dims &&
            memcmp(shape, x->shape, (size_t)n * sizeof *shape) == 0;
  if (!ok) {
    char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "%s does not fit into %s", scion__tensor_brief(a, src), scion__tensor_brief(b, x));
  }
  scion__out(c, 0, x->dtype, x->n_dims, x->shape);
  return SCION_OK;
}
static scion_status copy2_forward(scion_call *c) { return scion__tensor_copy_into(c->ctx, c->out[0], c->in[1]); }
static void copy_grad(scion_grad_call *g) {
  scion__g_set(g, 0, x_zeros_like(&g->x, g->dy[0]));
  scion__g_set(g, 1, x_to(&g->x, x_sum_to(&g->x, g->dy[0], g->in[1]), g->in[1]->dtype));
}
static const scion_slot slots_copy[] = { { "x", 0, "gives shape and dtype" }, { "src", 0, "the values" } };
static const scion_sample samples_copy[] = { { "3x4,4", "" } };
const scion_op scion__op_copy = {
  .info = { "copy", 1, SCION_OF_INPLACE, "src broadcast to the shape of x and converted to its dtype; x:copy_(src) overwrites x.",
            SCION_INPUTS(slots_copy), SCION_OUTPUTS(scion__slots_y) },
  .infer = copy_infer, .forward = copy2_forward, .grad = copy_grad, SCION_SAMPLES(samples_copy) };
