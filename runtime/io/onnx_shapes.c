/* onnx_shapes.c: what the importer knows of shapes. Free dimensions of the inputs stand at two sizes; the shapes of all values are inferred
 * for both, and small values that follow from shapes (Shape, Gather, Concat, ...) are computed for both. What is the same both times
 * does not depend on the free sizes and becomes a constant. */
#include "onnx.h"

#define SMALL 4096 /* elements of values that are tried at both sizes */
#define MUCH (1 << 22) /* elements of an operation that is run for its shape */

/* An input at one size, for trying: its value where it is known, else (with `fake`) a shape whose elements are one zero. */
static scion_tensor *tried(scion_onnx *o, int32_t v, int pass, bool fake) {
  const scion_onnx_value *value = &o->values[v];
  static const int64_t strides[SCION_MAX_DIMS] = { 0 };
  scion_tensor *zero, *t = NULL;
  if (value->tensor != NULL) return scion_tensor_ref(value->tensor);
  if (value->seen[pass] != NULL) return scion_tensor_ref(value->seen[pass]);
  if (!fake || !value->known || scion_tensor_scalar(o->ctx, (scion_dtype)value->dtype, 0, &zero) != SCION_OK) return NULL;
  if (scion__tensor_view(o->ctx, zero, value->n_dims, value->probe[pass], strides, 0, &t) != SCION_OK) t = NULL;
  scion_tensor_free(o->ctx, zero);
  return t;
}
/* Runs an operation at one size; out: owned tensors. Its failure only means that nothing is known. */
static bool try_op(scion_onnx *o, const scion_op *op, const void *params, int32_t n_in, const int32_t *in, int pass, bool fake, int32_t n_out, scion_tensor **out) {
  scion_tensor *t[64] = { NULL };
  int64_t most = fake && (op == &scion__op_shape_of || op == &scion__op_reshape_by || op == &scion__op_expand_by || op == &scion__op_slice_by ||
                          op == &scion__op_split_by || op == &scion__op_squeeze_by || op == &scion__op_unsqueeze_by) ? INT64_MAX : fake ? MUCH : SMALL;
  bool ok = true;
  for (int32_t i = 0; i < n_in && ok; i++) {
    if (in[i] < 0) continue;
    t[i] = tried(o, in[i], pass, fake && i == 0);
    ok = t[i] != NULL && (i == 0 ? t[i]->numel <= most : t[i]->numel <= SMALL);
  }
  int was = scion_set_grad_enabled(o->ctx, 0);
  if (ok) ok = scion_apply(o->ctx, op, t, n_in, params, out, n_out) == SCION_OK;
  scion_set_grad_enabled(o->ctx, was);
  for (int32_t i = 0; i < n_in; i++) scion_tensor_free(o->ctx, t[i]);
  return ok;
}
/* Operations of ops/dynamic.c: the shape follows from the first input's shape and the values of the others. */
static bool by_numbers(const scion_op *op) {
  return (op->info.flags & SCION_OF_DYNAMIC) && (op->info.flags & SCION_OF_INTERNAL);
}
static bool is_seen(const scion_onnx *o, int32_t v) { return v < 0 || o->values[v].tensor != NULL || o->values[v].seen[0] != NULL; }

/* Only the element types: by the op's rule for one element each. */
static void infer_dtypes(scion_onnx *o, const scion_op *op, const void *params, int32_t n_in, const int32_t *in, int32_t n_out, const int32_t *out) {
  if (by_numbers(op) && n_out > 0) {
    if (strcmp(op->info.inputs[0].name, "x") == 0 && in[0] >= 0) o->values[out[0]].dtype = o->values[in[0]].dtype;
    return;
  }
  static const int64_t one = 1;
  scion_tensor *t[64] = { NULL };
  _Alignas(16) char defaults[2048];
  scion_call c = { .ctx = o->ctx, .op = op, .params = params, .in = t, .n_in = n_in, .n_out = op->info.n_outputs };
  bool ok = n_in <= 64;
  if (params == NULL && op->info.params_size > 0) {
    scion_params_init(op, defaults);
    c.params = defaults;
  }
  for (int32_t i = 0; i < c.n_out; i++) c.meta[i].dtype = -1;
  for (int32_t i = 0; i < n_in && ok; i++) {
    if (in[i] < 0) continue;
    ok = o->values[in[i]].dtype >= 0 && scion__tensor_shape_only(o->ctx, o->values[in[i]].dtype, 1, &one, &t[i]) == SCION_OK;
  }
  if (ok && op->infer(&c) == SCION_OK)
    for (int32_t i = 0; i < n_out; i++) o->values[out[i]].dtype = c.meta[i].dtype;
  for (int32_t i = 0; i < n_in && i < 64; i++) scion_tensor_free(o->ctx, t[i]);
}
/* Shapes of the outputs at both sizes, by the op's own rule on tensors without data, or by trying. */
void scion__onnx_infer(scion_onnx *o, const scion_op *op, const void *params, int32_t n_in, const int32_t *in, int32_t n_out, const int32_t *out) {
  bool numbers = by_numbers(op), known = (numbers || !(op->info.flags & SCION_OF_DYNAMIC)) && n_in <= 64;
  for (int32_t i = 0; i < n_in && known; i++) known = in[i] < 0 || (numbers && i > 0 ? is_seen(o, in[i]) : o->values[in[i]].known);
  if (numbers && n_in > 0 && strcmp(op->info.inputs[0].name, "x") != 0 && strcmp(op->info.inputs[0].name, "ids") != 0) known = known && is_seen(o, in[0]);
  for (int32_t pass = 0; pass < 2 && known; pass++) {
    scion_tensor *t[64] = { NULL }, *made[SCION_MAX_OUTPUTS] = { NULL };
    _Alignas(16) char defaults[2048];
    scion_call c = { .ctx = o->ctx, .op = op, .params = params, .in = t, .n_in = n_in, .n_out = op->info.n_outputs };
    if (params == NULL && op->info.params_size > 0) {
      scion_params_init(op, defaults);
      c.params = defaults;
    }
    if (numbers) {
      known = try_op(o, op, params, n_in, in, pass, true, n_out, made);
      for (int32_t i = 0; i < n_out && known; i++) scion__out(&c, i, made[i]->dtype, made[i]->n_dims, made[i]->shape);
      for (int32_t i = 0; i < n_out; i++) scion_tensor_free(o->ctx, made[i]);
    } else {
      for (int32_t i = 0; i < n_in && known; i++) {
        if (in[i] < 0) continue;
        const scion_onnx_value *v = &o->values[in[i]];
        known = scion__tensor_shape_only(o->ctx, v->dtype, v->n_dims, v->probe[pass], &t[i]) == SCION_OK;
      }
      if (known) known = op->infer(&c) == SCION_OK;
      for (int32_t i = 0; i < n_in; i++) scion_tensor_free(o->ctx, t[i]);
    }
    for (int32_t i = 0; i < n_out && known; i++) {
      scion_onnx_value *v = &o->values[out[i]];
      if (c.meta[i].dtype < 0) continue;
      known = pass == 0 || v->n_dims == c.meta[i].n_dims;
      v->dtype = c.meta[i].dtype;
      v->n_dims = c.meta[i].n_dims;
      memcpy(v->probe[pass], c.meta[i].shape, sizeof v->probe[pass]);
    }
  }
  for (int32_t i = 0; i < n_out; i++) {
    o->values[out[i]].known = known;
    if (!known) o->values[out[i]].dtype = -1;
  }
  if (!known) infer_dtypes(o, op, params, n_in, in, n_out, out);
}

static bool same_value(scion_onnx *o, scion_tensor *a, scion_tensor *b) {
  scion_tensor *p = NULL, *q = NULL;
  bool same = scion__same_shape(a, b) && a->dtype == b->dtype && scion__tensor_packed(o->ctx, a, &p) == SCION_OK && scion__tensor_packed(o->ctx, b, &q) == SCION_OK;
  same = same && (p->numel == 0 || memcmp(p->data, q->data, (size_t)p->numel * scion_dtype_size((scion_dtype)p->dtype)) == 0);
  scion_tensor_free(o->ctx, p);
  scion_tensor_free(o->ctx, q);
  return same;
}
/* Values that follow from shapes: computed at both sizes. true: they do not depend on them, and out are constants. */
bool scion__onnx_follow(scion_onnx *o, const scion_op *op, const void *params, int32_t n_in, const int32_t *in, int32_t n_out, int32_t *out,
                          scion_tensor *seen[2][SCION_MAX_OUTPUTS]) {
  if ((op->info.flags & SCION_OF_RANDOM) || n_in == 0) return false;
  bool ok = true, sizes = op == &scion__op_shape_of && in[0] >= 0 && o->values[in[0]].known;
  for (int32_t i = 0; i < n_in && !sizes; i++) if (!is_seen(o, in[i])) return false;
  for (int pass = 0; pass < 2 && ok; pass++) ok = try_op(o, op, params, n_in, in, pass, sizes, n_out, seen[pass]);
  for (int32_t i = 0; i < n_out && ok; i++) ok = seen[0][i]->numel <= SMALL;
  bool same = ok;
  for (int32_t i = 0; i < n_out && same; i++) same = same_value(o, seen[0][i], seen[1][i]);
  for (int32_t i = 0; i < n_out; i++) {
    if (same) {
      out[i] = scion__onnx_constant(o, scion_tensor_ref(seen[0][i]));
      same = out[i] >= 0;
    }
    for (int pass = 0; pass < 2 && (same || !ok); pass++) {
      scion_tensor_free(o->ctx, seen[pass][i]);
      seen[pass][i] = NULL;
    }
  }
  return same;
}
