/* expr.c: ops called from C with sticky errors: what gradients and composed ops are written in. */
#include "op.h"
#include "params.h"

void scion__x_init(scion_x *x, scion_context *ctx) {
  x->ctx = ctx;
  x->status = SCION_OK;
  x->made = x->few;
  x->n_made = 0;
  x->cap = SCION_COUNT(x->few);
}

scion_status scion__x_done(scion_x *x) {
  for (int32_t i = x->n_made - 1; i >= 0; i--) scion_tensor_free(x->ctx, x->made[i]);
  if (x->made != x->few) scion__free(x->ctx, x->made, (size_t)x->cap * sizeof *x->made);
  x->made = x->few;
  x->n_made = 0;
  x->cap = SCION_COUNT(x->few);
  return x->status;
}

scion_tensor *scion__x_own(scion_x *x, scion_tensor *t) {
  if (t == NULL) return NULL;
  if (x->n_made == x->cap) {
    scion_tensor **more = scion__alloc(x->ctx, 2 * (size_t)x->cap * sizeof *more);
    if (more == NULL) {
      scion_tensor_free(x->ctx, t);
      x->status = SCION_ENOMEM;
      return NULL;
    }
    memcpy(more, x->made, (size_t)x->n_made * sizeof *more);
    if (x->made != x->few) scion__free(x->ctx, x->made, (size_t)x->cap * sizeof *more);
    x->made = more;
    x->cap *= 2;
  }
  x->made[x->n_made++] = t;
  return t;
}

scion_tensor *scion__x_keep(scion_x *x, scion_tensor *t) {
  return x->status == SCION_OK ? scion_tensor_ref(t) : NULL;
}

void scion__x_call_n(scion_x *x, const scion_op *op, const void *params, int32_t n_in, scion_tensor *const *in,
                     int32_t n_out, scion_tensor **out) {
  for (int32_t i = 0; i < n_out; i++) out[i] = NULL;
  if (x->status != SCION_OK) return;
  scion_tensor *all[SCION_MAX_OUTPUTS];
  scion_status st = scion__apply_all(x->ctx, op, in, n_in, params, all); /* hidden outputs too */
  if (st != SCION_OK) {
    x->status = st;
    return;
  }
  for (int32_t i = 0; i < op->info.n_outputs; i++) {
    scion_tensor *t = scion__x_own(x, all[i]);
    if (i < n_out) out[i] = t;
  }
}
scion_tensor *scion__x_call(scion_x *x, const scion_op *op, const void *params, int32_t n_in, scion_tensor *const *in) {
  scion_tensor *out;
  scion__x_call_n(x, op, params, n_in, in, 1, &out);
  return out;
}
scion_tensor *scion__x0(scion_x *x, const scion_op *op) { return scion__x_call(x, op, NULL, 0, NULL); }
scion_tensor *scion__x1(scion_x *x, const scion_op *op, const void *params, scion_tensor *a) {
  return scion__x_call(x, op, params, 1, &a);
}
scion_tensor *scion__x2(scion_x *x, const scion_op *op, const void *params, scion_tensor *a, scion_tensor *b) {
  return scion__x_call(x, op, params, 2, (scion_tensor *[]){ a, b });
}
scion_tensor *scion__x3(scion_x *x, const scion_op *op, const void *params, scion_tensor *a, scion_tensor *b, scion_tensor *c) {
  return scion__x_call(x, op, params, 3, (scion_tensor *[]){ a, b, c });
}
scion_tensor *scion__x4(scion_x *x, const scion_op *op, const void *params, scion_tensor *a, scion_tensor *b, scion_tensor *c,
                        scion_tensor *d) {
  return scion__x_call(x, op, params, 4, (scion_tensor *[]){ a, b, c, d });
}

/* ---- words ------------------------------------------------------------------------------------------ */

scion_tensor *x_add(scion_x *x, scion_tensor *a, scion_tensor *b) { return scion__x2(x, &scion__op_add, NULL, a, b); }
scion_tensor *x_sub(scion_x *x, scion_tensor *a, scion_tensor *b) { return scion__x2(x, &scion__op_sub, NULL, a, b); }
scion_tensor *x_mul(scion_x *x, scion_tensor *a, scion_tensor *b) { return scion__x2(x, &scion__op_mul, NULL, a, b); }
scion_tensor *x_div(scion_x *x, scion_tensor *a, scion_tensor *b) { return scion__x2(x, &scion__op_div, NULL, a, b); }
scion_tensor *x_neg(scion_x *x, scion_tensor *a) { return scion__x1(x, &scion__op_neg, NULL, a); }

scion_tensor *x_scalar(scion_x *x, int dtype, double s) {
  if (x->status != SCION_OK) return NULL;
  scion_tensor *t;
  x->status = scion_tensor_scalar(x->ctx, (scion_dtype)dtype, s, &t);
  return scion__x_own(x, t);
}
scion_tensor *x_adds(scion_x *x, scion_tensor *a, double s) {
  return a == NULL ? NULL : x_add(x, a, x_scalar(x, a->dtype, s));
}
scion_tensor *x_muls(scion_x *x, scion_tensor *a, double s) {
  return a == NULL ? NULL : x_mul(x, a, x_scalar(x, a->dtype, s));
}
scion_tensor *x_full(scion_x *x, int dtype, int32_t n_dims, const int64_t *shape, double s) {
  if (x->status != SCION_OK) return NULL;
  scion_tensor *t;
  x->status = scion__tensor_alloc(x->ctx, dtype, n_dims, shape, &t);
  if (x->status != SCION_OK) return NULL;
  scion__tensor_fill(x->ctx, t, s);
  return scion__x_own(x, t);
}
scion_tensor *x_zeros_like(scion_x *x, scion_tensor *a) {
  return a == NULL ? NULL : x_full(x, a->dtype, a->n_dims, a->shape, 0);
}

scion_tensor *x_reshape(scion_x *x, scion_tensor *a, int32_t n_dims, const int64_t *shape) {
  scion__reshape_params p = { .shape = { .n = n_dims } };
  for (int32_t i = 0; i < n_dims; i++) p.shape.v[i] = shape[i];
  return scion__x1(x, &scion__op_reshape, &p, a);
}
scion_tensor *x_reshape_like(scion_x *x, scion_tensor *a, const scion_tensor *like) {
  if (a == NULL || like == NULL || scion__same_shape(a, like)) return a;
  return x_reshape(x, a, like->n_dims, like->shape);
}
scion_tensor *x_sum(scion_x *x, scion_tensor *a, int32_t n, const int64_t *dims, bool keepdim) {
  scion__reduce_params p = { .dims = { .n = n }, .keepdim = keepdim };
  for (int32_t i = 0; i < n; i++) p.dims.v[i] = dims[i];
  return scion__x1(x, &scion__op_sum, &p, a);
}
scion_tensor *x_mean(scion_x *x, scion_tensor *a, int32_t n, const int64_t *dims, bool keepdim) {
  scion__reduce_params p = { .dims = { .n = n }, .keepdim = keepdim };
  for (int32_t i = 0; i < n; i++) p.dims.v[i] = dims[i];
  return scion__x1(x, &scion__op_mean, &p, a);
}
scion_tensor *x_sum_to(scion_x *x, scion_tensor *a, const scion_tensor *like) {
  if (a == NULL || like == NULL || scion__same_shape(a, like)) return a;
  int64_t dims[SCION_MAX_DIMS];
  int32_t n = 0, lead = a->n_dims - like->n_dims;
  for (int32_t i = 0; i < a->n_dims; i++)
    if (i < lead || (like->shape[i - lead] == 1 && a->shape[i] != 1)) dims[n++] = i;
  if (n > 0) a = x_sum(x, a, n, dims, true);
  return x_reshape_like(x, a, like);
}
scion_tensor *x_expand_like(scion_x *x, scion_tensor *a, const scion_tensor *like) {
  if (a == NULL || like == NULL || scion__same_shape(a, like)) return a;
  scion__reshape_params p = { .shape = { .n = like->n_dims } };
  for (int32_t i = 0; i < like->n_dims; i++) p.shape.v[i] = like->shape[i];
  return scion__x1(x, &scion__op_expand, &p, a);
}
scion_tensor *x_transpose(scion_x *x, scion_tensor *a, int64_t dim0, int64_t dim1) {
  scion__transpose_params p = { dim0, dim1 };
  return scion__x1(x, &scion__op_transpose, &p, a);
}
scion_tensor *x_permute(scion_x *x, scion_tensor *a, int32_t n, const int64_t *dims) {
  scion__permute_params p = { .dims = { .n = n } };
  for (int32_t i = 0; i < n; i++) p.dims.v[i] = dims[i];
  return scion__x1(x, &scion__op_permute, &p, a);
}
scion_tensor *x_narrow(scion_x *x, scion_tensor *a, int64_t dim, int64_t start, int64_t length) {
  scion__narrow_params p = { dim, start, length };
  return scion__x1(x, &scion__op_narrow, &p, a);
}
scion_tensor *x_unsqueeze(scion_x *x, scion_tensor *a, int64_t dim) {
  scion__dim_params p = { dim };
  return scion__x1(x, &scion__op_unsqueeze, &p, a);
}
scion_tensor *x_matmul(scion_x *x, scion_tensor *a, scion_tensor *b) { return scion__x2(x, &scion__op_matmul, NULL, a, b); }
scion_tensor *x_where(scion_x *x, scion_tensor *cond, scion_tensor *a, scion_tensor *b) {
  return scion__x3(x, &scion__op_where, NULL, cond, a, b);
}
scion_tensor *x_to(scion_x *x, scion_tensor *a, int dtype) {
  if (a == NULL || a->dtype == dtype) return a;
  struct { int32_t dtype; } p = { dtype };
  return scion__x1(x, &scion__op_to, &p, a);
}
scion_tensor *x_cat(scion_x *x, int32_t n, scion_tensor *const *a, int64_t dim) {
  scion__dim_params p = { dim };
  return scion__x_call(x, &scion__op_cat, &p, n, a);
}
scion_tensor *x_stack(scion_x *x, int32_t n, scion_tensor *const *a, int64_t dim) {
  scion__dim_params p = { dim };
  return scion__x_call(x, &scion__op_stack, &p, n, a);
}
scion_tensor *x_detach(scion_x *x, scion_tensor *a) {
  if (a == NULL || x->status != SCION_OK) return NULL;
  scion_tensor *t;
  x->status = scion__tensor_view(x->ctx, a, a->n_dims, a->shape, a->strides, 0, &t);
  return scion__x_own(x, t);
}

/* ---- gradients' results ------------------------------------------------------------------------------ */

void scion__g_set(scion_grad_call *g, int32_t i, scion_tensor *dx) {
  if (g->x.status != SCION_OK || dx == NULL || i >= g->n_in || !g->needs[i]) return;
  scion_tensor_ref(dx);
  scion_tensor_free(g->x.ctx, g->dx[i]);
  g->dx[i] = dx;
}
