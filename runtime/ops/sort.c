/* sort.c: order along a dimension: sort, argsort, topk, kthvalue, median, mode; and on whole tensors: unique,
 * searchsorted, bucketize. Sorting is stable; NaN counts as the largest, as in PyTorch.
 * Elements become unsigned keys of the same order, (key, place) pairs are sorted by radix. */
#include "index.h"

typedef struct { uint64_t key; int64_t at; } pair;

/* ---- keys ------------------------------------------------------------------------------------------------- */

static uint64_t key_of(int dtype, const void *p, int64_t i) {
  switch (dtype) {
    case SCION_F32: {
      uint32_t u;
      float f = ((const float *)p)[i];
      if (f != f) return 0xffffffffu;
      if (f == 0) f = 0; /* -0 equals 0 */
      memcpy(&u, &f, sizeof u);
      return u & 0x80000000u ? ~u & 0xffffffffu : u | 0x80000000u;
    }
    case SCION_F64: {
      uint64_t u;
      double f = ((const double *)p)[i];
      if (f != f) return UINT64_MAX;
      if (f == 0) f = 0;
      memcpy(&u, &f, sizeof u);
      return u >> 63 ? ~u : u | 0x8000000000000000u;
    }
    case SCION_I32: return (uint32_t)((const int32_t *)p)[i] ^ 0x80000000u;
    case SCION_I64: return (uint64_t)((const int64_t *)p)[i] ^ 0x8000000000000000u;
    default: return ((const uint8_t *)p)[i];
  }
}
static int key_bytes(int dtype) { return dtype == SCION_F64 || dtype == SCION_I64 ? 8 : dtype == SCION_U8 || dtype == SCION_BOOL ? 1 : 4; }
static bool is_nan(int dtype, const void *p, int64_t i) {
  return dtype == SCION_F32 ? ((const float *)p)[i] != ((const float *)p)[i] : dtype == SCION_F64 && ((const double *)p)[i] != ((const double *)p)[i];
}
static void read_keys(int dtype, const void *x, int64_t n, int64_t step, bool descending, pair *out) {
  uint64_t flip = descending ? (key_bytes(dtype) == 8 ? UINT64_MAX : key_bytes(dtype) == 4 ? 0xffffffffu : 0xffu) : 0;
  for (int64_t i = 0; i < n; i++) out[i] = (pair){ key_of(dtype, x, i * step) ^ flip, i };
}

static void insertion(pair *a, int64_t n) {
  for (int64_t i = 1; i < n; i++) {
    pair p = a[i];
    int64_t k = i;
    for (; k > 0 && a[k - 1].key > p.key; k--) a[k] = a[k - 1];
    a[k] = p;
  }
}
/* Stable; the result is in a. Bytes that all keys share cost one pass of counting. */
static void sort_pairs(pair *a, pair *b, int64_t n, int bytes) {
  if (n <= 48) {
    insertion(a, n);
    return;
  }
  pair *from = a, *to = b;
  for (int byte = 0; byte < bytes; byte++) {
    int64_t count[257] = { 0 };
    int shift = 8 * byte;
    for (int64_t i = 0; i < n; i++) count[((from[i].key >> shift) & 255) + 1]++;
    if (count[((from[0].key >> shift) & 255) + 1] == n) continue;
    for (int i = 0; i < 256; i++) count[i + 1] += count[i];
    for (int64_t i = 0; i < n; i++) to[count[(from[i].key >> shift) & 255]++] = from[i];
    pair *t = from;
    from = to;
    to = t;
  }
  if (from != a) memcpy(a, from, (size_t)n * sizeof *a);
}
/* The k smallest by (key, at), sorted: a heap of k with its largest on top. */
static bool after(pair p, pair q) { return p.key > q.key || (p.key == q.key && p.at > q.at); }
static void sift(pair *heap, int64_t k, int64_t i) {
  pair p = heap[i];
  for (int64_t child; (child = 2 * i + 1) < k; i = child) {
    if (child + 1 < k && after(heap[child + 1], heap[child])) child++;
    if (!after(heap[child], p)) break;
    heap[i] = heap[child];
  }
  heap[i] = p;
}
static void smallest(pair *a, int64_t n, int64_t k) {
  for (int64_t i = k / 2 - 1; i >= 0; i--) sift(a, k, i);
  for (int64_t i = k; i < n; i++) {
    if (a[i].key >= a[0].key) continue; /* equal ones come later */
    a[0] = a[i];
    sift(a, k, 0);
  }
  for (int64_t i = k - 1; i > 0; i--) {
    pair t = a[0];
    a[0] = a[i];
    a[i] = t;
    sift(a, i, 0);
  }
}

/* ---- along a dimension --------------------------------------------------------------------------------------- */

typedef struct { int64_t k, dim, base; int32_t flag, sorted, keepdim; } params_t; /* flag: descending, largest */
enum { SORT, ARGSORT, TOPK, KTH, MEDIAN, MODE };

#define MAX_CHUNKS 16 /* of lanes, each with its own scratch */
typedef struct {
  int32_t what, dtype;
  scion_around around;
  bool descending;
  int64_t k, base, per_chunk, lanes;
  const char *x;
  char *values;
  int64_t *ids;
  pair *scratch;
} job;
/* Lane's result r of m: element `at` of the lane. */
static void put_result(const job *j, int64_t lane, int64_t m, int64_t r, int64_t at) {
  int64_t o = lane / j->around.inner, i = lane % j->around.inner;
  size_t size = scion_dtype_size((scion_dtype)j->dtype);
  int64_t to = (o * m + r) * j->around.inner + i, from = (o * j->around.n + at) * j->around.inner + i;
  if (j->values != NULL) memcpy(j->values + (size_t)to * size, j->x + (size_t)from * size, size);
  if (j->ids != NULL) j->ids[to] = at + j->base;
}
static void lane_task(void *ud, int64_t chunk) {
  const job *j = ud;
  int64_t n = j->around.n, inner = j->around.inner;
  size_t size = scion_dtype_size((scion_dtype)j->dtype);
  pair *a = j->scratch + chunk * 2 * n, *b = a + n;
  for (int64_t lane = chunk * j->per_chunk; lane < scion__min(j->lanes, (chunk + 1) * j->per_chunk); lane++) {
    const char *x = j->x + (size_t)(lane / inner * n * inner + lane % inner) * size;
    read_keys(j->dtype, x, n, inner, j->descending, a);
    if ((j->what == TOPK || j->what == KTH) && j->k * 8 <= n) smallest(a, n, j->k);
    else sort_pairs(a, b, n, key_bytes(j->dtype));
    switch (j->what) {
      case KTH: put_result(j, lane, 1, 0, a[j->k - 1].at); break;
      case MEDIAN: /* the lower of two middle ones; NaN when there is one */
        put_result(j, lane, 1, 0, is_nan(j->dtype, x, a[n - 1].at * inner) ? a[n - 1].at : a[(n - 1) / 2].at);
        break;
      case MODE: {
        int64_t best = 0, longest = 0;
        for (int64_t i = 0, from = 0; i < n; i++) {
          if (i > 0 && a[i].key != a[i - 1].key) from = i;
          if (i - from + 1 > longest) longest = i - from + 1, best = i;
        }
        put_result(j, lane, 1, 0, a[best].at);
        break;
      }
      default:
        for (int64_t r = 0; r < j->k; r++) put_result(j, lane, j->k, r, a[r].at);
        break;
    }
  }
}
static scion_status order_forward(scion_call *c) {
  const params_t *p = c->params;
  scion_tensor *x;
  int32_t dim, what = c->op->kernel;
  SCION_TRY(scion__index_dim(c, p->dim, &dim));
  if (c->out[0]->numel == 0) return SCION_OK;
  SCION_TRY(scion__packed_in(c, 0, &x));
  job j = { .what = what, .dtype = x->dtype, .around = scion__around(x, dim), .descending = (what == SORT || what == ARGSORT || what == TOPK) && p->flag != 0,
            .base = p->base, .x = x->data, .values = what == ARGSORT ? NULL : c->out[0]->data,
            .ids = (int64_t *)(void *)(what == ARGSORT ? c->out[0]->data : c->out[1]->data) };
  j.k = what == TOPK || what == KTH ? p->k : j.around.n;
  j.lanes = j.around.outer * j.around.inner;
  int64_t chunks = scion__max(1, scion__min(scion__min(MAX_CHUNKS, j.lanes), j.lanes * j.around.n / 8192));
  j.per_chunk = (j.lanes + chunks - 1) / chunks;
  chunks = (j.lanes + j.per_chunk - 1) / j.per_chunk;
  size_t room = (size_t)(chunks * 2 * j.around.n) * sizeof(pair);
  j.scratch = scion__alloc(c->ctx, room);
  scion_status st = j.scratch == NULL ? SCION_ENOMEM : SCION_OK;
  if (st == SCION_OK) {
    scion__parallel(c->ctx, chunks, lane_task, &j);
    scion__free(c->ctx, j.scratch, room);
  }
  scion_tensor_free(c->ctx, x);
  return st;
}

static scion_status order_infer(scion_call *c) {
  const params_t *p = c->params;
  const scion_tensor *x = c->in[0];
  int32_t dim, n = 0, what = c->op->kernel;
  int64_t shape[SCION_MAX_DIMS];
  char t[SCION_SHAPE_TEXT];
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  SCION_TRY(scion__index_dim(c, p->dim, &dim));
  int64_t size = x->n_dims == 0 ? 1 : x->shape[dim], least = what == TOPK ? 0 : 1;
  if ((what == TOPK || what == KTH) && (p->k < least || p->k > size)) {
    return SCION_OP_FAIL(c, SCION_EINVAL, "k is %lld, expected %lld..%lld, the size of dimension %d of %s", (long long)p->k, (long long)least,
                         (long long)size, dim + c->ctx->index_base, scion__tensor_brief(t, x));
  }
  if (what >= KTH && size == 0) return SCION_OP_FAIL(c, SCION_ESHAPE, "dimension %d of %s is empty", dim + c->ctx->index_base, scion__tensor_brief(t, x));
  for (int32_t d = 0; d < x->n_dims; d++) {
    if (d != dim) shape[n++] = x->shape[d];
    else if (what < KTH) shape[n++] = what == TOPK ? p->k : size;
    else if (p->keepdim) shape[n++] = 1;
  }
  if (what == TOPK && x->n_dims == 0 && p->k == 0) return SCION_OP_FAIL(c, SCION_EINVAL, "k is 0, expected 1 of a 0-d tensor");
  if (what == ARGSORT) {
    scion__out(c, 0, SCION_I64, n, shape);
  } else {
    scion__out(c, 0, x->dtype, n, shape);
    scion__out(c, 1, SCION_I64, n, shape);
  }
  return SCION_OK;
}
static void order_grad(scion_grad_call *g) {
  const params_t *p = g->params;
  scion_x *x = &g->x;
  scion_tensor *dy = g->dy[0], *ids = g->out[1];
  if (dy == NULL) return;
  if (g->op->kernel >= KTH && !p->keepdim && g->in[0]->n_dims > 0) {
    int64_t dim = p->dim < 0 ? p->dim + g->in[0]->n_dims : p->dim;
    dy = x_unsqueeze(x, dy, dim);
    ids = x_unsqueeze(x, ids, dim);
  }
  scion__g_set(g, 0, scion__x_scatter_add(x, x_zeros_like(x, g->in[0]), ids, dy, p->dim, p->base));
}
#define K_PARAM { "k", SCION_P_INT, SCION_PF_REQUIRED, offsetof(params_t, k), .doc = "how many" }
#define LAST_DIM SCION_DIM_PARAM(params_t, 0, -1, "dimension, default the last")
static const scion_param params_sort[] = { LAST_DIM, { "descending", SCION_P_BOOL, 0, offsetof(params_t, flag), .doc = "largest first" },
                                           SCION_BASE_PARAM(params_t) };
static const scion_param params_topk[] = { K_PARAM, LAST_DIM,
  { "largest", SCION_P_BOOL, 0, offsetof(params_t, flag), .def = 1, .doc = "the largest; false: the smallest" },
  { "sorted", SCION_P_BOOL, 0, offsetof(params_t, sorted), .def = 1, .doc = "in order; the result always is" }, SCION_BASE_PARAM(params_t) };
static const scion_param params_kth[] = { { "k", SCION_P_INT, SCION_PF_REQUIRED, offsetof(params_t, k), .doc = "1 is the smallest" }, LAST_DIM,
  { "keepdim", SCION_P_BOOL, 0, offsetof(params_t, keepdim), .doc = "keep the dimension with size 1" }, SCION_BASE_PARAM(params_t) };
static const scion_param params_mid[] = { LAST_DIM,
  { "keepdim", SCION_P_BOOL, 0, offsetof(params_t, keepdim), .doc = "keep the dimension with size 1" }, SCION_BASE_PARAM(params_t) };
static const scion_slot slots_pair[] = { { "values", 0, "elements" }, { "indices", 0, "where they stood, i64" } };
static const scion_sample samples_sort[] = { { "5:d", "" }, { "3x4:d", "dim=0 descending=true" }, { "2x3x2:d", "dim=1" }, { "s", "dim=0" } };
static const scion_sample samples_topk[] = { { "6:d", "k=3" }, { "3x4:d", "k=2 dim=0 largest=false" }, { "2x20:d", "k=2" } };
static const scion_sample samples_kth[] = { { "6:d", "k=3" }, { "3x4:d", "k=2 dim=0 keepdim=true" }, { "20:d", "k=1" } };
static const scion_sample samples_mid[] = { { "5:d", "" }, { "4x3:d", "dim=0" }, { "2x4:d", "dim=1 keepdim=true" }, { "s", "dim=0" } };
#define ORDER_OP(name, k, flags_, doc, params_, samples_)                                                                     \
  const scion_op scion__op_##name = {                                                                                         \
    .info = { #name, 1, SCION_OF_INDICES | (flags_), doc, SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(slots_pair),            \
              SCION_PARAMS(params_, params_t) },                                                                              \
    .kernel = k, .infer = order_infer, .forward = order_forward, .grad = order_grad, .keeps = SCION_KEEP_OUT(1), SCION_SAMPLES(samples_) }
ORDER_OP(sort, SORT, 0, "Elements in order along a dimension (stable), and where they stood.", params_sort, samples_sort);
ORDER_OP(topk, TOPK, 0, "The k largest (or smallest) along a dimension, in order, and where they stand.", params_topk, samples_topk);
ORDER_OP(kthvalue, KTH, 0, "The k-th smallest along a dimension, and where it stands.", params_kth, samples_kth);
ORDER_OP(median_dim, MEDIAN, SCION_OF_INTERNAL, "median along a dimension: values and indices.", params_mid, samples_mid);
ORDER_OP(mode, MODE, 0, "The most frequent element along a dimension (the smallest of several), and where it last stands.", params_mid, samples_mid);
const scion_op scion__op_argsort = {
  .info = { "argsort", 1, SCION_OF_INDICES | SCION_OF_NO_GRAD, "Where the elements in order stand along a dimension (stable); i64.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_sort, params_t) },
  .kernel = ARGSORT, .infer = order_infer, .forward = order_forward, SCION_SAMPLES(samples_sort) };

static scion_status median_infer(scion_call *c) {
  const params_t *p = c->params;
  int32_t dim, n = 0;
  int64_t shape[SCION_MAX_DIMS];
  char t[SCION_SHAPE_TEXT];
  const scion_tensor *x = c->in[0];
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  c->meta[1].dtype = -1;
  if (x->numel == 0) return SCION_OP_FAIL(c, SCION_ESHAPE, "%s is empty", scion__tensor_brief(t, x));
  if (p->dim == SCION_NONE) {
    scion__out(c, 0, x->dtype, 0, NULL);
    return SCION_OK;
  }
  SCION_TRY(scion__index_dim(c, p->dim, &dim));
  for (int32_t d = 0; d < x->n_dims; d++) {
    if (d != dim) shape[n++] = x->shape[d];
    else if (p->keepdim) shape[n++] = 1;
  }
  scion__out(c, 0, x->dtype, n, shape);
  scion__out(c, 1, SCION_I64, n, shape);
  return SCION_OK;
}
static void median_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  params_t p = *(const params_t *)c->params;
  scion_tensor *a = c->in[0], *pair_of[2];
  bool all = p.dim == SCION_NONE;
  int64_t flat = -1;
  if (all) {
    a = x_reshape(x, a, 1, &flat);
    p.dim = 0;
    p.keepdim = 0;
  }
  scion__x_call_n(x, &scion__op_median_dim, &p, 1, &a, 2, pair_of);
  out[0] = pair_of[0];
  if (!all) out[1] = pair_of[1];
}
static const scion_param params_median[] = { SCION_DIM_PARAM(params_t, 0, SCION_NONE, "dimension, default all"),
  { "keepdim", SCION_P_BOOL, 0, offsetof(params_t, keepdim), .doc = "keep the dimension with size 1" }, SCION_BASE_PARAM(params_t) };
static const scion_sample samples_median[] = { { "3x3:d", "" }, { "4x3:d", "dim=0" } };
const scion_op scion__op_median = {
  .info = { "median", 1, SCION_OF_INDICES, "Middle element (the lower of two) of all, or along dim: values and indices. NaN if there is one.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(slots_pair), SCION_PARAMS(params_median, params_t) },
  .infer = median_infer, .compose = median_compose, SCION_SAMPLES(samples_median) };

/* ---- unique ------------------------------------------------------------------------------------------------------ */

typedef struct { int64_t base; int32_t sorted; } unique_params;
static scion_status unique_infer(scion_call *c) { return scion__need_dtype(c, 0, "a compute type", true); }
static scion_status unique_forward(scion_call *c) {
  const unique_params *p = c->params;
  bool consecutive = c->op->kernel == 1;
  scion_tensor *x;
  SCION_TRY(scion__packed_in(c, 0, &x));
  int64_t n = x->numel, m = 0;
  size_t size = scion_dtype_size((scion_dtype)x->dtype), room = (size_t)scion__max(2 * n, 1) * sizeof(pair);
  pair *a = scion__alloc(c->ctx, room);
  scion_status st = a == NULL ? SCION_ENOMEM : SCION_OK;
  if (st == SCION_OK) {
    read_keys(x->dtype, x->data, n, 1, false, a);
    if (!consecutive) sort_pairs(a, a + n, n, key_bytes(x->dtype));
    for (int64_t i = 0; i < n; i++) m += i == 0 || a[i].key != a[i - 1].key || is_nan(x->dtype, x->data, a[i].at);
    st = scion__tensor_alloc(c->ctx, x->dtype, 1, &m, &c->out[0]);
    if (st == SCION_OK) st = scion__tensor_alloc(c->ctx, SCION_I64, x->n_dims, x->shape, &c->out[1]);
    if (st == SCION_OK) st = scion__tensor_alloc(c->ctx, SCION_I64, 1, &m, &c->out[2]);
  }
  if (st == SCION_OK) {
    int64_t *inverse = (int64_t *)(void *)c->out[1]->data, *counts = (int64_t *)(void *)c->out[2]->data, k = -1;
    for (int64_t i = 0; i < n; i++) {
      if (i == 0 || a[i].key != a[i - 1].key || is_nan(x->dtype, x->data, a[i].at)) {
        memcpy(c->out[0]->data + (size_t)++k * size, x->data + (size_t)a[i].at * size, size);
        counts[k] = 0;
      }
      counts[k]++;
      inverse[a[i].at] = k + p->base;
    }
  }
  if (a != NULL) scion__free(c->ctx, a, room);
  scion_tensor_free(c->ctx, x);
  return st;
}
static const scion_param params_unique[] = { SCION_BASE_PARAM(unique_params) };
static const scion_slot slots_unique[] = { { "values", 0, "(m)" }, { "inverse", 0, "x's shape: which value each element is" }, { "counts", 0, "(m): how often" } };
static const scion_sample samples_unique[] = { { "6:i<3", "" }, { "2x3:d", "" } };
const scion_op scion__op_unique = {
  .info = { "unique", 1, SCION_OF_DYNAMIC | SCION_OF_INDICES | SCION_OF_NO_GRAD, "The different elements in order; also where each element of x went, and how often each occurs.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(slots_unique), SCION_PARAMS(params_unique, unique_params) },
  .infer = unique_infer, .forward = unique_forward, SCION_SAMPLES(samples_unique) };
const scion_op scion__op_unique_consecutive = {
  .info = { "unique_consecutive", 1, SCION_OF_DYNAMIC | SCION_OF_INDICES | SCION_OF_NO_GRAD, "Runs of equal elements: their values; also the run of each element, and the lengths.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(slots_unique), SCION_PARAMS(params_unique, unique_params) },
  .kernel = 1, .infer = unique_infer, .forward = unique_forward, SCION_SAMPLES(samples_unique) };

/* ---- searching sorted values --------------------------------------------------------------------------------------- */

typedef struct { int64_t base; int32_t right; } search_params;
static scion_status search_infer(scion_call *c) {
  int32_t s = c->op->kernel, v = 1 - s; /* bucketize swaps the inputs */
  const scion_tensor *sorted = c->in[s], *values = c->in[v];
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  SCION_TRY(scion__need_dims(c, s, 1, SCION_MAX_DIMS));
  if (sorted->n_dims > 1 && (values->n_dims != sorted->n_dims || memcmp(values->shape, sorted->shape, (size_t)(sorted->n_dims - 1) * sizeof *values->shape) != 0)) {
    char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "sorted %s and values %s must agree but for the last dimension, or sorted have one dimension",
                         scion__tensor_brief(a, sorted), scion__tensor_brief(b, values));
  }
  scion__out(c, 0, SCION_I64, values->n_dims, values->shape);
  return SCION_OK;
}
static scion_status search_forward(scion_call *c) {
  const search_params *p = c->params;
  int32_t s = c->op->kernel, v = 1 - s;
  scion_tensor *sorted, *values;
  SCION_TRY(scion__packed_in(c, s, &sorted));
  scion_status st = scion__packed_in(c, v, &values);
  if (st == SCION_OK) {
    int64_t n = sorted->shape[sorted->n_dims - 1], *y = (int64_t *)(void *)c->out[0]->data;
    int64_t row = sorted->n_dims > 1 ? values->shape[values->n_dims - 1] : scion__max(values->numel, 1);
    for (int64_t i = 0; i < values->numel; i++) {
      uint64_t key = key_of(values->dtype, values->data, i);
      int64_t lo = 0, hi = n, at = i / row * n;
      while (lo < hi) {
        int64_t mid = (lo + hi) / 2;
        uint64_t m = key_of(sorted->dtype, sorted->data, at + mid);
        if (p->right ? m <= key : m < key) lo = mid + 1;
        else hi = mid;
      }
      y[i] = lo + p->base;
    }
    scion_tensor_free(c->ctx, values);
  }
  scion_tensor_free(c->ctx, sorted);
  return st;
}
static const scion_param params_search[] = { { "right", SCION_P_BOOL, 0, offsetof(search_params, right), .doc = "after equal elements instead of before them" },
                                             SCION_BASE_PARAM(search_params) };
static const scion_slot slots_search[] = { { "sorted", 0, "(..., n), rising along the last dimension" }, { "values", 0, "(..., m), or any shape when sorted is (n)" } };
static const scion_slot slots_bucketize[] = { { "values", 0, "any shape" }, { "sorted", 0, "(n), rising" } };
static const scion_sample samples_search[] = { { "5:d!,3!", "" }, { "2x4:d!,2x3!", "right=true" } };
static const scion_sample samples_bucketize[] = { { "3x2!,5:d!", "" } };
const scion_op scion__op_searchsorted = {
  .info = { "searchsorted", 1, SCION_OF_INDICES | SCION_OF_NO_GRAD | SCION_OF_FUNCTION, "Where values go into a rising sequence so that it stays in order; i64.",
            SCION_INPUTS(slots_search), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_search, search_params) },
  .kernel = 0, .infer = search_infer, .forward = search_forward, SCION_SAMPLES(samples_search) };
const scion_op scion__op_bucketize = {
  .info = { "bucketize", 1, SCION_OF_INDICES | SCION_OF_NO_GRAD, "Which interval between rising boundaries every value falls into; i64.",
            SCION_INPUTS(slots_bucketize), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_search, search_params) },
  .kernel = 1, .infer = search_infer, .forward = search_forward, SCION_SAMPLES(samples_bucketize) };
