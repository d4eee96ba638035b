/* index_nd.c: whole sub-tensors by index tuples: gather_nd and scatter_nd (as in ONNX and TensorFlow). The leading
 * dimensions that a tuple names are joined to rows; then they are index_select and its kin. */
#include "index.h"
#include "params.h"

typedef struct { int64_t batch_dims, base; int32_t reduce; } nd_params;

/* The rows that ids (..., k) name in x, whose dimensions batch .. batch + k - 1 they count: i64 (n). rows: of x in all. */
static scion_tensor *rows_of(scion_x *x, const scion_call *c, int64_t batch, int64_t *rows, int64_t *rest) {
  const nd_params *p = c->params;
  const scion_tensor *t = c->in[0], *ids = c->in[1];
  int64_t k = ids->n_dims > 0 ? ids->shape[ids->n_dims - 1] : 0, per_batch = 1, batches = 1, inner = 1;
  scion_tensor *packed, *out;
  if (x->status != SCION_OK) return NULL;
  *rest = *rows = 1;
  for (int64_t d = 0; d < batch; d++) batches *= t->shape[d];
  for (int64_t d = batch; d < batch + k; d++) inner *= t->shape[d];
  for (int64_t d = batch + k; d < t->n_dims; d++) *rest *= t->shape[d];
  *rows = batches * inner;
  int64_t n = k > 0 ? ids->numel / k : 0;
  if (k == 0) for (n = 1, per_batch = 0; per_batch < ids->n_dims - 1; per_batch++) n *= ids->shape[per_batch];
  if ((x->status = scion__tensor_packed(c->ctx, c->in[1], &packed)) != SCION_OK) return NULL;
  x->status = scion__tensor_alloc(c->ctx, SCION_I64, 1, &n, &out);
  int64_t *to = x->status == SCION_OK ? (int64_t *)(void *)out->data : NULL;
  per_batch = batches > 0 ? n / batches : 0;
  for (int64_t i = 0; i < n && x->status == SCION_OK; i++) {
    int64_t row = per_batch > 0 ? i / per_batch : 0;
    for (int64_t j = 0; j < k; j++) {
      int64_t size = t->shape[batch + j], id = packed->dtype == SCION_I64 ? ((const int64_t *)(void *)packed->data)[i * k + j] : ((const int32_t *)(void *)packed->data)[i * k + j];
      int64_t at = id < 0 ? id + size : id - p->base;
      if (at < 0 || at >= size) {
        x->status = SCION_OP_FAIL(c, SCION_EINDEX, "ids holds %lld for dimension %lld, which has %lld positions (%lld..%lld)", (long long)id, (long long)(batch + j + p->base),
                                  (long long)size, (long long)p->base, (long long)(size - 1 + p->base));
        break;
      }
      row = row * size + at;
    }
    to[i] = row;
  }
  scion_tensor_free(c->ctx, packed);
  if (x->status != SCION_OK) {
    scion_tensor_free(c->ctx, out);
    return NULL;
  }
  return scion__x_own(x, out);
}

static scion_status check(const scion_call *c, int64_t batch) {
  const scion_tensor *t = c->in[0], *ids = c->in[1];
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  SCION_TRY(scion__need_int(c, 1));
  SCION_TRY(scion__need_dims(c, 1, 1, SCION_MAX_DIMS));
  bool fits = batch >= 0 && batch < ids->n_dims && batch + ids->shape[ids->n_dims - 1] <= t->n_dims;
  for (int64_t d = 0; d < batch && fits; d++) fits = t->shape[d] == ids->shape[d];
  if (fits) return SCION_OK;
  return SCION_OP_FAIL(c, SCION_ESHAPE, "the index tuples %s do not fit x %s with %lld batch dimensions", scion__tensor_brief(b, ids), scion__tensor_brief(a, t), (long long)batch);
}
/* The shape of what the tuples name: ids without its last dimension, then what is left of x. */
static scion_status named_shape(const scion_call *c, int64_t batch, int32_t *n, int64_t *shape) {
  const scion_tensor *t = c->in[0], *ids = c->in[1];
  int64_t k = ids->shape[ids->n_dims - 1];
  *n = 0;
  if (ids->n_dims - 1 + t->n_dims - batch - k > SCION_MAX_DIMS) return SCION_OP_FAIL(c, SCION_ESHAPE, "the result would have more than %d dimensions", SCION_MAX_DIMS);
  for (int32_t d = 0; d < ids->n_dims - 1; d++) shape[(*n)++] = ids->shape[d];
  for (int64_t d = batch + k; d < t->n_dims; d++) shape[(*n)++] = t->shape[d];
  return SCION_OK;
}

static scion_status gather_infer(scion_call *c) {
  const nd_params *p = c->params;
  SCION_TRY(check(c, p->batch_dims));
  SCION_TRY(named_shape(c, p->batch_dims, &c->meta[0].n_dims, c->meta[0].shape));
  c->meta[0].dtype = c->in[0]->dtype;
  return SCION_OK;
}
static void gather_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const nd_params *p = c->params;
  int64_t rows, rest, shape[SCION_MAX_DIMS];
  int32_t n;
  scion_tensor *at = rows_of(x, c, p->batch_dims, &rows, &rest);
  if (x->status == SCION_OK) x->status = named_shape(c, p->batch_dims, &n, shape);
  if (x->status != SCION_OK) return;
  scion_tensor *flat = x_reshape(x, c->in[0], 2, (int64_t[]){ rows, rest });
  out[0] = x_reshape(x, scion__x_index_select(x, flat, at, 0, 0), n, shape);
}
static const scion_slot slots_gather[] = { { "x", 0, "input" }, { "ids", 0, "index tuples (..., k)" } };
static const scion_param params_gather[] = {
  { "batch_dims", SCION_P_INT, 0, offsetof(nd_params, batch_dims), .def = 0, .min = 0, .max = SCION_MAX_DIMS - 1, .doc = "leading dimensions that x and ids share" },
  SCION_BASE_PARAM(nd_params) };
static const scion_sample samples_gather[] = { { "3x4,5x2:i<3", "" }, { "3x4x2,5x1:i<3", "" }, { "2x3x4,2x1:i<3", "batch_dims=1" } };
const scion_op scion__op_gather_nd = {
  .info = { "gather_nd", 1, 0, "The sub-tensors that index tuples name: y[i] = x[ids[i][1]][ids[i][2]]...", SCION_INPUTS(slots_gather), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_gather, nd_params) },
  .infer = gather_infer, .compose = gather_compose, SCION_SAMPLES(samples_gather) };

enum { ND_NONE, ND_ADD, ND_MUL, ND_MAX, ND_MIN };
static const char *const nd_kinds[] = { "none", "add", "mul", "max", "min", NULL };
static scion_status scatter_infer(scion_call *c) {
  int64_t shape[SCION_MAX_DIMS];
  int32_t n;
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  SCION_TRY(check(c, 0));
  SCION_TRY(scion__need_same_dtype(c, 0, 2));
  SCION_TRY(named_shape(c, 0, &n, shape));
  if (c->in[2]->n_dims != n || memcmp(shape, c->in[2]->shape, (size_t)n * sizeof *shape) != 0)
    return SCION_OP_FAIL(c, SCION_ESHAPE, "src is %s, the index tuples name %s", scion__tensor_brief(a, c->in[2]), scion__shape_text(b, n, shape));
  return scion__infer_same(c);
}
static void scatter_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  static const char *const words[] = { "", "sum", "prod", "amax", "amin" };
  const nd_params *p = c->params;
  int64_t rows, rest;
  scion_tensor *at = rows_of(x, c, 0, &rows, &rest);
  if (x->status != SCION_OK) return;
  int64_t n = at->numel;
  scion_tensor *flat = x_reshape(x, c->in[0], 2, (int64_t[]){ rows, rest }), *src = x_reshape(x, c->in[2], 2, (int64_t[]){ n, rest });
  scion_tensor like = { .n_dims = 2, .shape = { n, rest } }, *ids = x_expand_like(x, x_unsqueeze(x, at, 1), &like);
  const scion_op *op = p->reduce == ND_NONE ? &scion__op_scatter : &scion__op_scatter_reduce;
  scion__room r;
  void *q = scion__params(&r, op);
  scion__set_int(op, q, "dim", 0);
  if (p->reduce != ND_NONE) x->status = scion__set_word(x->ctx, op, q, "reduce", words[p->reduce]);
  out[0] = x_reshape_like(x, scion__x3(x, op, q, flat, ids, src), c->in[0]);
}
static const scion_slot slots_scatter[] = { { "x", 0, "input" }, { "ids", 0, "index tuples (..., k)" }, { "src", 0, "the new sub-tensors" } };
static const scion_param params_scatter[] = {
  { "reduce", SCION_P_ENUM, 0, offsetof(nd_params, reduce), .def = 0, .choices = nd_kinds, .doc = "how src meets what is there; none replaces it" }, SCION_BASE_PARAM(nd_params) };
static const scion_sample samples_scatter[] = { { "4x3,1x1:i<4,1x3", "" }, { "4x2,2x1:i<4,2x2", "reduce=add" } };
const scion_op scion__op_scatter_nd = {
  .info = { "scatter_nd", 1, 0, "x with the sub-tensors that index tuples name replaced by, or combined with, those of src. Of equal tuples the last wins.",
            SCION_INPUTS(slots_scatter), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_scatter, nd_params) },
  .infer = scatter_infer, .compose = scatter_compose, SCION_SAMPLES(samples_scatter) };
