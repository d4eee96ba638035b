/* product.c: the products that people type under names of their own: mm, bmm, mv, dot, outer, addmm and kin,
 * tensordot, matrix_power. matmul does the work. */
#include "gemm.h"
#include "nn.h"

/* ---- products by exact rank ------------------------------------------------------------------------------------ */

enum { MM = 0x22, BMM = 0x33, MV = 0x21, DOT = 0x11 }; /* ranks of a and b */
static scion_status product_infer(scion_call *c) {
  SCION_TRY(scion__need_dims(c, 0, c->op->kernel >> 4, c->op->kernel >> 4));
  SCION_TRY(scion__need_dims(c, 1, c->op->kernel & 15, c->op->kernel & 15));
  if (c->op->kernel == BMM && c->in[0]->shape[0] != c->in[1]->shape[0]) {
    char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "different numbers of matrices: %s and %s", scion__tensor_brief(a, c->in[0]), scion__tensor_brief(b, c->in[1]));
  }
  return scion__op_matmul.infer(c);
}
static void product_compose(scion_x *x, const scion_call *c, scion_tensor **out) { out[0] = x_matmul(x, c->in[0], c->in[1]); }
static const scion_slot slots_two[] = { { "a", 0, "left" }, { "b", 0, "right" } };
static const scion_sample samples_mm[] = { { "3x4,4x2", "" } }, samples_bmm[] = { { "2x3x4,2x4x2", "" } }, samples_mv[] = { { "3x4,4", "" } }, samples_dot[] = { { "4,4", "" } };
#define PRODUCT_OP(name, ranks, doc, samples_)                                                                          \
  const scion_op scion__op_##name = {                                                                                   \
    .info = { #name, 1, 0, doc, SCION_INPUTS(slots_two), SCION_OUTPUTS(scion__slots_y) },                               \
    .kernel = ranks, .infer = product_infer, .compose = product_compose, SCION_SAMPLES(samples_) }
PRODUCT_OP(mm, MM, "Product of two matrices: (n, k) (k, m).", samples_mm);
PRODUCT_OP(bmm, BMM, "Products of a batch of matrices: (b, n, k) (b, k, m).", samples_bmm);
PRODUCT_OP(mv, MV, "Matrix times vector: (n, k) (k).", samples_mv);
PRODUCT_OP(dot, DOT, "Scalar product of two vectors.", samples_dot);

static scion_status outer_infer(scion_call *c) {
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  SCION_TRY(scion__need_dims(c, 0, 1, 1));
  SCION_TRY(scion__need_dims(c, 1, 1, 1));
  scion__out(c, 0, c->in[0]->dtype, 2, (int64_t[]){ c->in[0]->numel, c->in[1]->numel });
  return SCION_OK;
}
static void outer_compose(scion_x *x, const scion_call *c, scion_tensor **out) { out[0] = x_mul(x, x_unsqueeze(x, c->in[0], 1), c->in[1]); }
static const scion_sample samples_outer[] = { { "3,4", "" } };
const scion_op scion__op_outer = {
  .info = { "outer", 1, 0, "Every element of a times every element of b: (n, m).", SCION_INPUTS(slots_two), SCION_OUTPUTS(scion__slots_y) },
  .infer = outer_infer, .compose = outer_compose, SCION_SAMPLES(samples_outer) };

static scion_status inner_infer(scion_call *c) {
  const scion_tensor *a = c->in[0], *b = c->in[1];
  int64_t shape[2 * SCION_MAX_DIMS];
  int32_t n = 0;
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  SCION_TRY(scion__need_dims(c, 0, 1, SCION_MAX_DIMS));
  SCION_TRY(scion__need_dims(c, 1, 1, SCION_MAX_DIMS));
  if (a->shape[a->n_dims - 1] != b->shape[b->n_dims - 1] || a->n_dims + b->n_dims - 2 > SCION_MAX_DIMS) {
    char ta[SCION_SHAPE_TEXT], tb[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "the last dimensions of %s and %s differ, or the result has more than %d dimensions",
                         scion__tensor_brief(ta, a), scion__tensor_brief(tb, b), SCION_MAX_DIMS);
  }
  for (int32_t d = 0; d < a->n_dims - 1; d++) shape[n++] = a->shape[d];
  for (int32_t d = 0; d < b->n_dims - 1; d++) shape[n++] = b->shape[d];
  scion__out(c, 0, a->dtype, n, shape);
  return SCION_OK;
}
static void inner_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *a = c->in[0], *b = c->in[1];
  int64_t k = a->shape[a->n_dims - 1];
  scion_tensor *ma = x_reshape(x, a, 2, (int64_t[]){ a->numel / scion__max(k, 1), k }), *mb = x_reshape(x, b, 2, (int64_t[]){ b->numel / scion__max(k, 1), k });
  out[0] = x_reshape(x, x_matmul(x, ma, x_transpose(x, mb, 0, 1)), c->meta[0].n_dims, c->meta[0].shape);
}
static const scion_sample samples_inner[] = { { "3,3", "" }, { "2x3,4x3", "" } };
const scion_op scion__op_inner = {
  .info = { "inner", 1, 0, "Scalar products over the last dimensions.", SCION_INPUTS(slots_two), SCION_OUTPUTS(scion__slots_y) },
  .infer = inner_infer, .compose = inner_compose, SCION_SAMPLES(samples_inner) };

/* ---- beta x + alpha a b -------------------------------------------------------------------------------------------- */

typedef struct { double beta, alpha; } add_params;
static scion_status add_infer(scion_call *c) {
  scion_call product = *c;
  scion_tensor *ab[2] = { c->in[1], c->in[2] };
  int32_t ra = c->op->kernel >> 4, rb = c->op->kernel & 15;
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  SCION_TRY(scion__need_dims(c, 1, ra, ra));
  SCION_TRY(scion__need_dims(c, 2, rb, rb));
  product.in = ab;
  SCION_TRY(scion__op_matmul.infer(&product));
  scion_tensor y = { .n_dims = product.meta[0].n_dims };
  int64_t shape[SCION_MAX_DIMS];
  int32_t n;
  memcpy(y.shape, product.meta[0].shape, sizeof y.shape);
  bool fits = scion__broadcast(c->in[0]->n_dims, c->in[0]->shape, y.n_dims, y.shape, &n, shape) && n == y.n_dims && memcmp(shape, y.shape, (size_t)n * sizeof *shape) == 0;
  if (!fits) {
    char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "x %s does not broadcast to the product %s", scion__tensor_brief(a, c->in[0]), scion__shape_text(b, y.n_dims, y.shape));
  }
  scion__out(c, 0, c->in[0]->dtype, y.n_dims, y.shape);
  return SCION_OK;
}
static void add_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const add_params *p = c->params;
  scion_tensor *ab = x_matmul(x, c->in[1], c->in[2]);
  if (p->alpha != 1) ab = x_muls(x, ab, p->alpha);
  out[0] = p->beta == 0 ? ab : x_add(x, p->beta == 1 ? c->in[0] : x_muls(x, c->in[0], p->beta), ab);
}
static const scion_param params_add[] = { { "beta", SCION_P_FLOAT, 0, offsetof(add_params, beta), .def = 1, .doc = "factor of x; 0 leaves x out" },
                                          { "alpha", SCION_P_FLOAT, 0, offsetof(add_params, alpha), .def = 1, .doc = "factor of the product" } };
static const scion_slot slots_add[] = { { "x", 0, "broadcasts to the product" }, { "a", 0, "left" }, { "b", 0, "right" } };
static const scion_sample samples_addmm[] = { { "3x2,3x4,4x2", "" }, { "2,3x4,4x2", "beta=0.5 alpha=2" } }, samples_addmv[] = { { "3,3x4,4", "" } },
                          samples_baddbmm[] = { { "2x3x2,2x3x4,2x4x2", "" } };
#define ADD_OP(name, ranks, doc, samples_)                                                                                        \
  const scion_op scion__op_##name = {                                                                                             \
    .info = { #name, 1, SCION_OF_INPLACE, doc, SCION_INPUTS(slots_add), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_add, add_params) }, \
    .kernel = ranks, .infer = add_infer, .compose = add_compose, SCION_SAMPLES(samples_) }
ADD_OP(addmm, MM, "beta x + alpha a b for matrices.", samples_addmm);
ADD_OP(addmv, MV, "beta x + alpha a b for a matrix and a vector.", samples_addmv);
ADD_OP(baddbmm, BMM, "beta x + alpha a b for batches of matrices.", samples_baddbmm);

/* ---- tensordot, matrix_power --------------------------------------------------------------------------------------- */

typedef struct { scion_ints dims_a, dims_b; } dot_params;
static scion_status dot_plan(const scion_call *c, int32_t *order_a, int32_t *order_b, int32_t *n) {
  const dot_params *p = c->params;
  const scion_tensor *a = c->in[0], *b = c->in[1];
  bool used_a[SCION_MAX_DIMS] = { false }, used_b[SCION_MAX_DIMS] = { false };
  *n = p->dims_a.n;
  if (p->dims_a.n != p->dims_b.n) return SCION_OP_FAIL(c, SCION_EINVAL, "dims_a names %d dimensions but dims_b %d", p->dims_a.n, p->dims_b.n);
  int32_t da[SCION_MAX_INTS], db[SCION_MAX_INTS], na = 0, nb = 0;
  for (int32_t i = 0; i < *n; i++) {
    SCION_TRY(scion__check_dim(c->ctx, "tensordot", p->dims_a.v[i], a->n_dims, &da[i]));
    SCION_TRY(scion__check_dim(c->ctx, "tensordot", p->dims_b.v[i], b->n_dims, &db[i]));
    if (a->n_dims == 0 || b->n_dims == 0 || used_a[da[i]] || used_b[db[i]] || a->shape[da[i]] != b->shape[db[i]]) {
      return SCION_OP_FAIL(c, SCION_ESHAPE, "pair %d of dimensions does not fit, or names one twice", i + 1);
    }
    used_a[da[i]] = used_b[db[i]] = true;
  }
  for (int32_t d = 0; d < a->n_dims; d++) if (!used_a[d]) order_a[na++] = d;
  for (int32_t i = 0; i < *n; i++) order_a[na++] = da[i];
  for (int32_t i = 0; i < *n; i++) order_b[nb++] = db[i];
  for (int32_t d = 0; d < b->n_dims; d++) if (!used_b[d]) order_b[nb++] = d;
  return SCION_OK;
}
static scion_status tensordot_infer(scion_call *c) {
  int32_t oa[SCION_MAX_DIMS], ob[SCION_MAX_DIMS], k, n = 0;
  int64_t shape[2 * SCION_MAX_DIMS];
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  SCION_TRY(dot_plan(c, oa, ob, &k));
  for (int32_t i = 0; i < c->in[0]->n_dims - k; i++) shape[n++] = c->in[0]->shape[oa[i]];
  for (int32_t i = k; i < c->in[1]->n_dims; i++) shape[n++] = c->in[1]->shape[ob[i]];
  if (n > SCION_MAX_DIMS) return SCION_OP_FAIL(c, SCION_ESHAPE, "the result would have %d dimensions, at most %d are possible", n, SCION_MAX_DIMS);
  scion__out(c, 0, c->in[0]->dtype, n, shape);
  return SCION_OK;
}
static void tensordot_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  int32_t oa[SCION_MAX_DIMS], ob[SCION_MAX_DIMS], k;
  int64_t pa[SCION_MAX_DIMS], pb[SCION_MAX_DIMS], m = 1, n = 1, r = 1;
  x->status = dot_plan(c, oa, ob, &k);
  if (x->status != SCION_OK) return;
  scion_tensor *a = c->in[0], *b = c->in[1];
  for (int32_t i = 0; i < a->n_dims; i++) pa[i] = oa[i], *(i < a->n_dims - k ? &m : &r) *= a->shape[oa[i]];
  for (int32_t i = 0; i < b->n_dims; i++) {
    pb[i] = ob[i];
    if (i >= k) n *= b->shape[ob[i]];
  }
  scion_tensor *ma = x_reshape(x, x_permute(x, a, a->n_dims, pa), 2, (int64_t[]){ m, r }), *mb = x_reshape(x, x_permute(x, b, b->n_dims, pb), 2, (int64_t[]){ r, n });
  out[0] = x_reshape(x, x_matmul(x, ma, mb), c->meta[0].n_dims, c->meta[0].shape);
}
static const scion_param params_tensordot[] = {
  { "dims_a", SCION_P_INTS, SCION_PF_INDEX | SCION_PF_REQUIRED, offsetof(dot_params, dims_a), .def_ints = { .n = 0 }, .doc = "dimensions of a that are summed" },
  { "dims_b", SCION_P_INTS, SCION_PF_INDEX | SCION_PF_REQUIRED, offsetof(dot_params, dims_b), .def_ints = { .n = 0 }, .doc = "their partners in b" } };
static const scion_sample samples_tensordot[] = { { "2x3x4,4x3x2", "dims_a=1,2 dims_b=1,0" }, { "2x3,3x4", "dims_a=-1 dims_b=0" } };
const scion_op scion__op_tensordot = {
  .info = { "tensordot", 1, SCION_OF_FUNCTION, "Sums of products over pairs of dimensions; those that stay are a's, then b's.", SCION_INPUTS(slots_two),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_tensordot, dot_params) },
  .infer = tensordot_infer, .compose = tensordot_compose, SCION_SAMPLES(samples_tensordot) };

typedef struct { int64_t n; } power_params;
static scion_status power_infer(scion_call *c) {
  char t[SCION_SHAPE_TEXT];
  const scion_tensor *a = c->in[0];
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__need_dims(c, 0, 2, SCION_MAX_DIMS));
  if (a->shape[a->n_dims - 1] != a->shape[a->n_dims - 2]) return SCION_OP_FAIL(c, SCION_ESHAPE, "%s is not square", scion__tensor_brief(t, a));
  return scion__infer_same(c);
}
static void power_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  int64_t n = ((const power_params *)c->params)->n;
  scion_tensor *a = c->in[0], *y = NULL;
  if (n < 0) {
    a = X1(inv, a);
    n = -n;
  }
  for (; n > 0; n >>= 1) {
    if (n & 1) y = y == NULL ? a : x_matmul(x, y, a);
    if (n > 1) a = x_matmul(x, a, a);
  }
  if (y == NULL && x->status == SCION_OK) { /* power 0 */
    scion_tensor *ones = x_full(x, c->in[0]->dtype, c->in[0]->n_dims - 1, c->in[0]->shape, 1);
    y = X1(diag_embed, ones);
  }
  out[0] = y == c->in[0] ? X1(clone, y) : y;
}
static const scion_param params_power[] = { { "n", SCION_P_INT, SCION_PF_REQUIRED, offsetof(power_params, n), .min = -1e6, .max = 1e6, .doc = "negative: of the inverse" } };
static const scion_sample samples_power[] = { { "3x3", "n=3" }, { "2x3x3:spd", "n=-2" }, { "3x3", "n=1" } };
const scion_op scion__op_matrix_power = {
  .info = { "matrix_power", 1, 0, "A square matrix multiplied by itself n times.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_power, power_params) },
  .infer = power_infer, .compose = power_compose, SCION_SAMPLES(samples_power) };
