/* join.c: several tensors into one: cat, stack. Any element type. */
#include "op.h"
#include "params.h"

static const scion_slot slots_tensors[] = { { "tensors", SCION_SF_VARIADIC, "list of tensors" } };

/* All but dimension dim (-1: none) agree with the first tensor. */
static scion_status check_alike(const scion_call *c, int32_t dim) {
  const scion_tensor *first = c->in[0];
  for (int32_t i = 1; i < c->n_in; i++) {
    const scion_tensor *t = c->in[i];
    bool same = t->n_dims == first->n_dims;
    for (int32_t d = 0; same && d < t->n_dims; d++) same = d == dim || t->shape[d] == first->shape[d];
    if (t->dtype != first->dtype) {
      return SCION_OP_FAIL(c, SCION_EDTYPE, "tensor %d of the list is %s but the first is %s; convert one with :to()", i + 1,
                           scion_dtype_name((scion_dtype)t->dtype), scion_dtype_name((scion_dtype)first->dtype));
    }
    if (!same) {
      char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
      return SCION_OP_FAIL(c, SCION_ESHAPE, "tensor %d of the list is %s, which does not fit the first, %s%s", i + 1,
                           scion__shape_text(a, t->n_dims, t->shape), scion__shape_text(b, first->n_dims, first->shape),
                           dim >= 0 ? " (only the joined dimension may differ)" : "");
    }
  }
  return SCION_OK;
}
static scion_status need_some(const scion_call *c) {
  return c->n_in > 0 ? SCION_OK : SCION_OP_FAIL(c, SCION_EINVAL, "the list of tensors is empty");
}

static scion_status cat_infer(scion_call *c) {
  const scion__dim_params *p = c->params;
  int64_t shape[SCION_MAX_DIMS], size = 0;
  int32_t dim;
  SCION_TRY(need_some(c));
  const scion_tensor *first = c->in[0];
  if (first->n_dims == 0) return SCION_OP_FAIL(c, SCION_ESHAPE, "0-d tensors cannot be joined along a dimension; use stack");
  SCION_TRY(scion__check_dim(c->ctx, "cat", p->dim, first->n_dims, &dim));
  SCION_TRY(check_alike(c, dim));
  for (int32_t i = 0; i < c->n_in; i++) size += c->in[i]->shape[dim];
  for (int32_t i = 0; i < first->n_dims; i++) shape[i] = i == dim ? size : first->shape[i];
  scion__out(c, 0, first->dtype, first->n_dims, shape);
  return SCION_OK;
}

static scion_status copy_to(scion_call *c, const scion_tensor *src, int32_t n, const int64_t *shape, const int64_t *strides,
                            int64_t offset) {
  scion_tensor *view;
  SCION_TRY(scion__tensor_view(c->ctx, c->out[0], n, shape, strides, offset, &view));
  scion_status st = scion__tensor_copy_into(c->ctx, view, src);
  scion_tensor_free(c->ctx, view);
  return st;
}
static scion_status cat_forward(scion_call *c) {
  const scion__dim_params *p = c->params;
  const scion_tensor *y = c->out[0];
  int32_t dim = (int32_t)(p->dim < 0 ? p->dim + y->n_dims : p->dim);
  int64_t at = 0;
  for (int32_t i = 0; i < c->n_in; i++) {
    const scion_tensor *t = c->in[i];
    if (t->numel > 0) SCION_TRY(copy_to(c, t, t->n_dims, t->shape, y->strides, at * y->strides[dim]));
    at += t->shape[dim];
  }
  return SCION_OK;
}
static void cat_grad(scion_grad_call *g) {
  const scion__dim_params *p = g->params;
  int32_t dim = (int32_t)(p->dim < 0 ? p->dim + g->in[0]->n_dims : p->dim);
  int64_t at = 0;
  for (int32_t i = 0; i < g->n_in; i++) {
    int64_t size = g->in[i]->shape[dim];
    if (g->needs[i]) scion__g_set(g, i, x_narrow(&g->x, g->dy[0], dim, at, size));
    at += size;
  }
}
static const scion_param params_join[] = {
  { "dim", SCION_P_INT, SCION_PF_INDEX, offsetof(scion__dim_params, dim), .doc = "dimension, default the first" } };
static const scion_sample samples_cat[] = { { "2x3,1x3,2x3", "" }, { "2x3,2x1", "dim=-1" }, { "3", "" } };
const scion_op scion__op_cat = {
  .info = { "cat", 1, SCION_OF_FUNCTION, "Tensors joined along a dimension that exists: scion.cat({a, b}, dim).", SCION_INPUTS(slots_tensors),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_join, scion__dim_params) },
  .infer = cat_infer, .forward = cat_forward, .grad = cat_grad, SCION_SAMPLES(samples_cat) };

static scion_status stack_infer(scion_call *c) {
  const scion__dim_params *p = c->params;
  int64_t shape[SCION_MAX_DIMS + 1];
  int32_t dim, k = 0;
  SCION_TRY(need_some(c));
  const scion_tensor *first = c->in[0];
  if (first->n_dims == SCION_MAX_DIMS) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "the tensors have %d dimensions already, the most possible", SCION_MAX_DIMS);
  }
  SCION_TRY(scion__check_dim(c->ctx, "stack", p->dim, first->n_dims + 1, &dim));
  SCION_TRY(check_alike(c, -1));
  for (int32_t i = 0; i <= first->n_dims; i++) shape[i] = i == dim ? c->n_in : first->shape[k++];
  scion__out(c, 0, first->dtype, first->n_dims + 1, shape);
  return SCION_OK;
}
static scion_status stack_forward(scion_call *c) {
  const scion__dim_params *p = c->params;
  const scion_tensor *y = c->out[0], *first = c->in[0];
  int32_t dim = (int32_t)(p->dim < 0 ? p->dim + y->n_dims : p->dim), k = 0;
  int64_t strides[SCION_MAX_DIMS];
  for (int32_t i = 0; i < y->n_dims; i++)
    if (i != dim) strides[k++] = y->strides[i];
  for (int32_t i = 0; i < c->n_in && y->numel > 0; i++)
    SCION_TRY(copy_to(c, c->in[i], first->n_dims, first->shape, strides, i * y->strides[dim]));
  return SCION_OK;
}
static void stack_grad(scion_grad_call *g) {
  const scion__dim_params *p = g->params;
  struct { int64_t dim, index; } s = { p->dim < 0 ? p->dim + g->in[0]->n_dims + 1 : p->dim, 0 };
  for (int32_t i = 0; i < g->n_in; i++) {
    s.index = i;
    if (g->needs[i]) scion__g_set(g, i, scion__x1(&g->x, &scion__op_select, &s, g->dy[0]));
  }
}
static const scion_sample samples_stack[] = { { "2x3,2x3,2x3", "" }, { "2,2", "dim=-1" }, { "s,s", "" } };
const scion_op scion__op_stack = {
  .info = { "stack", 1, SCION_OF_FUNCTION, "Tensors of one shape joined along a new dimension: scion.stack({a, b}, dim).",
            SCION_INPUTS(slots_tensors), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_join, scion__dim_params) },
  .infer = stack_infer, .forward = stack_forward, .grad = stack_grad, SCION_SAMPLES(samples_stack) };
