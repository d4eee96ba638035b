/* unpool.c: max_unpool1d, 2d, 3d: puts values back where max_pool*_with_indices found them, zeros elsewhere. */
#include "index.h"
#include "nn.h"

typedef struct { scion_ints kernel, stride, padding, output_size; int64_t base; } unpool_params;
#define LIST(field, flag, text) { #field, SCION_P_INTS, flag, offsetof(unpool_params, field), .def_ints = { 0 }, .doc = text }
static const scion_param params[] = {
  LIST(kernel, SCION_PF_REQUIRED, "size of the pooling window: one number or one per dimension"),
  LIST(stride, 0, "step of the window; default: its size"), LIST(padding, 0, "padding of the pooling: one number or one per dimension; default 0"),
  LIST(output_size, 0, "spatial size of the result; default (size - 1) stride - 2 padding + kernel"),
  { "base", SCION_P_INT, SCION_PF_BASE, offsetof(unpool_params, base), .def = 0, .min = 0, .max = 1, .doc = "the first position's number" } };
static const scion_slot slots[] = { { "x", 0, "maxima (N, C, ...)" }, { "indices", 0, "their positions in the plane, of x's shape" } };

/* Entry d of a list that holds nothing, one number for all, or one per dimension. */
static scion_status entry(const scion_call *c, const char *name, const scion_ints *v, int32_t n, int32_t d, int64_t absent, int64_t least, int64_t *out) {
  *out = v->n <= 0 ? absent : v->n == 1 ? v->v[0] : v->n == n ? v->v[d] : -1;
  if (v->n > 1 && v->n != n) return SCION_OP_FAIL(c, SCION_ESHAPE, "%s needs 1 or %d numbers, got %d", name, n, v->n);
  if (*out < least || *out > INT32_MAX) {
    return SCION_OP_FAIL(c, SCION_EINVAL, "%s must be %lld..%d, got %lld", name, (long long)least, INT32_MAX, (long long)*out);
  }
  return SCION_OK;
}
static scion_status infer(scion_call *c) {
  const unpool_params *p = c->params;
  int32_t n = c->op->kernel;
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__need_dims(c, 0, n + 2, n + 2));
  SCION_TRY(scion__need_int(c, 1));
  if (!scion__same_shape(c->in[0], c->in[1])) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "indices must have the shape of x (x %s, indices %s)", scion__tensor_brief(a, c->in[0]), scion__tensor_brief(b, c->in[1]));
  }
  int64_t shape[5] = { c->in[0]->shape[0], c->in[0]->shape[1] }, total = shape[0] * shape[1];
  for (int32_t d = 0; d < n; d++) {
    int64_t kernel, stride, padding;
    SCION_TRY(entry(c, "kernel", &p->kernel, n, d, 1, 1, &kernel));
    SCION_TRY(entry(c, "stride", &p->stride, n, d, kernel, 1, &stride));
    SCION_TRY(entry(c, "padding", &p->padding, n, d, 0, 0, &padding));
    int64_t plain = scion__max(0, (scion__min(c->in[0]->shape[2 + d], INT32_MAX) - 1) * stride - 2 * padding + kernel);
    if (plain > INT32_MAX || c->in[0]->shape[2 + d] > INT32_MAX) {
      return SCION_OP_FAIL(c, SCION_EINVAL, "kernel and stride ask for a size of %lld in one dimension", (long long)plain);
    }
    SCION_TRY(entry(c, "output_size", &p->output_size, n, d, plain, 0, &shape[2 + d]));
    if (shape[2 + d] <= plain - stride || shape[2 + d] >= plain + stride) { /* what such a pooling can have come from */
      return SCION_OP_FAIL(c, SCION_ESHAPE, "output_size must be %lld..%lld in dimension %d, got %lld", (long long)scion__max(0, plain - stride + 1),
                           (long long)(plain + stride - 1), 2 + d + c->ctx->index_base, (long long)shape[2 + d]);
    }
    if (__builtin_mul_overflow(total, shape[2 + d], &total) || total > INT64_MAX / 8) {
      return SCION_OP_FAIL(c, SCION_ENOMEM, "kernel, stride and padding ask for more elements than there can be (x %s)", scion__tensor_brief(a, c->in[0]));
    }
  }
  scion__out(c, 0, c->in[0]->dtype, n + 2, shape);
  return SCION_OK;
}
static void compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  int32_t n = c->op->kernel;
  const int64_t *in = c->in[0]->shape, *size = c->meta[0].shape;
  int64_t from[3] = { in[0], in[1], 1 }, to[3] = { in[0], in[1], 1 };
  for (int32_t d = 0; d < n; d++) from[2] *= in[2 + d], to[2] *= size[2 + d];
  scion_tensor *zeros = x_full(x, c->in[0]->dtype, 3, to, 0), *ids = x_reshape(x, c->in[1], 3, from);
  scion__index_params along = { 2, ((const unpool_params *)c->params)->base };
  scion_tensor *y = scion__x3(x, &scion__op_scatter, &along, zeros, ids, x_reshape(x, c->in[0], 3, from));
  out[0] = x_reshape(x, y, n + 2, size);
}
static const scion_sample samples1[] = { { "2x3x1,2x3x1:i<2", "kernel=2" }, { "2x1x1,2x1x1:i<3", "kernel=2 output_size=3" } };
static const scion_sample samples2[] = { { "2x2x1x1,2x2x1x1:i<6", "kernel=2,3" } };
static const scion_sample samples3[] = { { "1x3x1x1x1,1x3x1x1x1:i<4", "kernel=1,2,2" } };
#define UNPOOL(n)                                                                                                                          \
  const scion_op scion__op_max_unpool##n##d = {                                                                                            \
    .info = { "max_unpool" #n "d", 1, 0, "Undoes max_pool" #n "d_with_indices: each value at its position of the plane, zeros elsewhere. "  \
              "Of values with one position the last stays.", SCION_INPUTS(slots), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params, unpool_params) }, \
    .infer = infer, .compose = compose, .kernel = n, SCION_SAMPLES(samples##n) };
UNPOOL(1)
UNPOOL(2)
UNPOOL(3)
