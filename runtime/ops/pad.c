/* pad.c: padding and cropping by a constant, reflection, the edge or wrapping round. One dimension at a time:
 * each pass moves (outer, n, inner) blocks. Padding is linear, so its gradient is the adjoint op
 * pad_grad, whose gradient is the padding again. */
#include "nn.h"
#include "../tensor/element.h"

enum { CONSTANT, REFLECT, REPLICATE, CIRCULAR };
static const char *const pad_modes[] = { "constant", "reflect", "replicate", "circular", NULL };
typedef struct { scion_ints pad, shape; int32_t mode; double value; } pad_params;
#define PAD_PARAM                                                                                                         \
  { "pad", SCION_P_INTS, SCION_PF_REQUIRED | SCION_PF_VARARGS, offsetof(pad_params, pad),                                 \
    .doc = "before and after, starting with the last dimension: {left, right, top, bottom, ...}; negative numbers crop" }
#define MODE_PARAM                                                                                                        \
  { "mode", SCION_P_ENUM, 0, offsetof(pad_params, mode), .def = CONSTANT, .choices = pad_modes,                           \
    .doc = "\"constant\", \"reflect\" (without the edge), \"replicate\" (the edge), \"circular\"" }
static const scion_param params_pad[] = { PAD_PARAM, MODE_PARAM,
  { "value", SCION_P_FLOAT, 0, offsetof(pad_params, value), .def = 0, .doc = "of constant padding" } };
static const scion_param params_grad[] = { PAD_PARAM, MODE_PARAM,
  { "shape", SCION_P_INTS, SCION_PF_REQUIRED, offsetof(pad_params, shape), .doc = "of the unpadded tensor" } };

/* Which element of n the padded position i shows; -1 for the constant. */
static int64_t source(int32_t mode, int64_t n, int64_t i) {
  if (i >= 0 && i < n) return i;
  switch (mode) {
    case REFLECT: return i < 0 ? -i : 2 * (n - 1) - i;
    case REPLICATE: return i < 0 ? 0 : n - 1;
    case CIRCULAR: return i < 0 ? i + n : i - n;
    default: return -1;
  }
}

/* Padded shape of `shape`, checked. */
static scion_status padded_shape(const scion_call *c, const pad_params *p, int32_t n_dims, const int64_t *shape, int64_t *out) {
  char text[SCION_SHAPE_TEXT];
  if (p->pad.n < 0 || p->pad.n % 2 != 0 || p->pad.n > 2 * n_dims) {
    return SCION_OP_FAIL(c, SCION_EINVAL, "pad needs pairs (before, after) for at most %d dimensions, got %d numbers", n_dims, p->pad.n);
  }
  for (int32_t d = 0; d < n_dims; d++) out[d] = shape[d];
  for (int32_t k = 0; k < p->pad.n / 2; k++) {
    int32_t d = n_dims - 1 - k;
    int64_t before = p->pad.v[2 * k], after = p->pad.v[2 * k + 1], n = shape[d];
    if (before > INT64_MAX / 8 || after > INT64_MAX / 8 || before < -n || after < -n || n + before + after < 0) {
      return SCION_OP_FAIL(c, SCION_EINVAL, "padding (%lld, %lld) leaves nothing of size %lld in %s", (long long)before, (long long)after,
                           (long long)n, scion__shape_text(text, n_dims, shape));
    }
    int64_t limit = p->mode == REFLECT ? n - 1 : p->mode == CIRCULAR ? n : p->mode == REPLICATE && n == 0 ? 0 : INT64_MAX;
    if (before > limit || after > limit) {
      return SCION_OP_FAIL(c, SCION_EINVAL, "%s padding (%lld, %lld) is larger than size %lld of %s allows (at most %lld)", pad_modes[p->mode],
                           (long long)before, (long long)after, (long long)n, scion__shape_text(text, n_dims, shape), (long long)limit);
    }
    out[d] = n + before + after;
  }
  return SCION_OK;
}
static scion_status pad_infer(scion_call *c) {
  int64_t shape[SCION_MAX_DIMS];
  SCION_TRY(scion__infer_same(c));
  SCION_TRY(padded_shape(c, c->params, c->in[0]->n_dims, c->in[0]->shape, shape));
  scion__out(c, 0, c->in[0]->dtype, c->in[0]->n_dims, shape);
  return SCION_OK;
}

typedef struct {
  scion_around from, to; /* around the dimension of this pass: sizes of source and result */
  int64_t before;
  int32_t mode;
  size_t size;           /* of an element */
  char fill[8];
  const char *x;
  char *y;
  int dtype;
} job;

static void pad_slabs(void *ud, int64_t begin, int64_t end) {
  const job *j = ud;
  size_t block = (size_t)j->to.inner * j->size;
  int64_t n = j->from.n, m = j->to.n, lo = scion__min(scion__max(j->before, 0), m), hi = scion__max(lo, scion__min(j->before + n, m));
  for (int64_t o = begin; o < end; o++) {
    const char *x = j->x + (size_t)(o * n) * block;
    char *y = j->y + (size_t)(o * m) * block;
    if (hi > lo) memcpy(y + (size_t)lo * block, x + (size_t)(lo - j->before) * block, (size_t)(hi - lo) * block);
    for (int64_t i = 0; i < m; i++) {
      if (i == lo) i = hi;
      if (i >= m) break;
      int64_t s = source(j->mode, n, i - j->before);
      if (s >= 0) memcpy(y + (size_t)i * block, x + (size_t)s * block, block);
      else for (int64_t e = 0; e < j->to.inner; e++) memcpy(y + (size_t)i * block + (size_t)e * j->size, j->fill, j->size);
    }
  }
}
static void grad_slabs(void *ud, int64_t begin, int64_t end) { /* x is padded (to), y is not (from) */
  const job *j = ud;
  int64_t n = j->from.n, m = j->to.n, inner = j->to.inner;
  memset(j->y + (size_t)(begin * n * inner) * j->size, 0, (size_t)((end - begin) * n * inner) * j->size);
  for (int64_t o = begin; o < end; o++) {
    for (int64_t i = 0; i < m; i++) {
      int64_t s = source(j->mode, n, i - j->before);
      if (s < 0) continue;
      if (j->dtype == SCION_F32) {
        const float *x = (const float *)j->x + (o * m + i) * inner;
        float *y = (float *)j->y + (o * n + s) * inner;
        for (int64_t e = 0; e < inner; e++) y[e] += x[e];
      } else {
        const double *x = (const double *)j->x + (o * m + i) * inner;
        double *y = (double *)j->y + (o * n + s) * inner;
        for (int64_t e = 0; e < inner; e++) y[e] += x[e];
      }
    }
  }
}

/* Runs one pass per padded dimension; the last one writes `out`. grad: from padded to unpadded. */
static scion_status passes(scion_context *ctx, const pad_params *p, scion_tensor *in, scion_tensor *out, bool grad) {
  scion_tensor *now = scion_tensor_ref(in);
  scion_status status = SCION_OK;
  int32_t last = -1, n_dims = in->n_dims;
  for (int32_t k = 0; k < p->pad.n / 2; k++)
    if (p->pad.v[2 * k] != 0 || p->pad.v[2 * k + 1] != 0) last = k;
  for (int32_t k = 0; k <= last && status == SCION_OK; k++) {
    int32_t d = n_dims - 1 - k;
    if (p->pad.v[2 * k] == 0 && p->pad.v[2 * k + 1] == 0) continue;
    int64_t shape[SCION_MAX_DIMS];
    for (int32_t i = 0; i < n_dims; i++) shape[i] = i == d ? out->shape[d] : now->shape[i];
    scion_tensor *next = NULL;
    if (k == last) next = scion_tensor_ref(out);
    else status = scion__tensor_alloc(ctx, in->dtype, n_dims, shape, &next);
    if (status == SCION_OK) {
      job j = { .from = scion__around(grad ? next : now, d), .to = scion__around(grad ? now : next, d), .before = p->pad.v[2 * k],
                .mode = p->mode, .size = scion_dtype_size((scion_dtype)in->dtype), .x = now->data, .y = next->data, .dtype = in->dtype };
      scion__element_set(in->dtype, j.fill, grad ? 0 : p->value);
      scion__parallel_range(ctx, j.to.outer, scion__row_grain(j.to.n * j.to.inner), grad ? grad_slabs : pad_slabs, &j);
    }
    scion_tensor_free(ctx, now);
    now = next;
  }
  if (status == SCION_OK && last < 0) status = scion__tensor_copy_into(ctx, out, in);
  scion_tensor_free(ctx, now);
  return status;
}
static scion_status pad_forward(scion_call *c) {
  scion_tensor *x;
  SCION_TRY(scion__packed_in(c, 0, &x));
  scion_status status = passes(c->ctx, c->params, x, c->out[0], false);
  scion_tensor_free(c->ctx, x);
  return status;
}
static scion_status grad_forward(scion_call *c) {
  scion_tensor *x;
  SCION_TRY(scion__packed_in(c, 0, &x));
  scion_status status = passes(c->ctx, c->params, x, c->out[0], true);
  scion_tensor_free(c->ctx, x);
  return status;
}
static void pad_grad(scion_grad_call *g) {
  pad_params p = *(const pad_params *)g->params;
  const scion_tensor *x = g->in[0];
  if (p.mode == CONSTANT) { /* crop what was padded, pad what was cropped */
    for (int32_t k = 0; k < p.pad.n; k++) p.pad.v[k] = -p.pad.v[k];
    p.value = 0;
    scion__g_set(g, 0, scion__x1(&g->x, &scion__op_pad, &p, g->dy[0]));
    return;
  }
  p.shape.n = x->n_dims;
  for (int32_t d = 0; d < x->n_dims; d++) p.shape.v[d] = x->shape[d];
  scion__g_set(g, 0, scion__x1(&g->x, &scion__op_pad_grad, &p, g->dy[0]));
}
static void grad_grad(scion_grad_call *g) {
  pad_params p = *(const pad_params *)g->params;
  p.value = 0;
  p.shape.n = 0;
  scion__g_set(g, 0, scion__x1(&g->x, &scion__op_pad, &p, g->dy[0]));
}
static scion_status grad_infer(scion_call *c) {
  const pad_params *p = c->params;
  const scion_tensor *dy = c->in[0];
  int64_t shape[SCION_MAX_DIMS];
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  SCION_TRY(scion__infer_float(c));
  if (p->shape.n != dy->n_dims) return SCION_OP_FAIL(c, SCION_ESHAPE, "shape has %d dimensions, x %d", p->shape.n, dy->n_dims);
  for (int32_t d = 0; d < dy->n_dims; d++)
    if (p->shape.v[d] < 0) return SCION_OP_FAIL(c, SCION_ESHAPE, "shape %s is negative", scion__shape_text(a, dy->n_dims, p->shape.v));
  SCION_TRY(padded_shape(c, p, dy->n_dims, p->shape.v, shape));
  if (memcmp(shape, dy->shape, (size_t)dy->n_dims * sizeof *shape) != 0) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "x is %s, expected %s", scion__tensor_brief(a, dy), scion__shape_text(b, dy->n_dims, shape));
  }
  scion__out(c, 0, dy->dtype, dy->n_dims, p->shape.v);
  return SCION_OK;
}
static const scion_sample samples_pad[] = {
  { "2x3x4", "pad=1,2,0,1" }, { "3x4", "pad=-1,2,1,-1" }, { "2x4x4", "pad=2,1,1,3 mode=reflect" },
  { "2x3", "pad=2,1 mode=replicate" }, { "2x3x4", "pad=2,4,1,0 mode=circular" }, { "3x4", "pad=-1,2 mode=reflect" } };
static const scion_sample samples_grad[] = { { "2x8x8", "pad=2,1,1,3 mode=reflect shape=2,4,5" }, { "2x6", "pad=2,1 mode=circular shape=2,3" } };
const scion_op scion__op_pad = {
  .info = { "pad", 1, 0, "Pads (or crops, with negative numbers) the last dimensions: a:pad({left, right, top, bottom}).",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_pad, pad_params) },
  .infer = pad_infer, .forward = pad_forward, .grad = pad_grad, SCION_SAMPLES(samples_pad) };
const scion_op scion__op_pad_grad = {
  .info = { "pad_grad", 1, SCION_OF_INTERNAL, "Adds padded elements back to where they came from: the adjoint of pad.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_grad, pad_params) },
  .infer = grad_infer, .forward = grad_forward, .grad = grad_grad, SCION_SAMPLES(samples_grad) };
