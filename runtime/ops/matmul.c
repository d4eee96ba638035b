/* matmul.c: matrix products by NumPy's rules, and the linear layer. */
#include "gemm.h"

/* Shapes of one product after NumPy's promotion: 1-d a is a row, 1-d b a column, leading dimensions broadcast. */
typedef struct {
  int64_t m, n, k, batch;
  int32_t n_lead;
  int64_t lead[SCION_MAX_DIMS];
} plan;

static scion_status plan_of(const scion_call *c, plan *p) {
  const scion_tensor *a = c->in[0], *b = c->in[1];
  char ta[SCION_SHAPE_TEXT], tb[SCION_SHAPE_TEXT];
  if (a->dtype != b->dtype) return scion__need_same_dtype(c, 0, 1);
  SCION_TRY(scion__need_dtype(c, 0, "a number type", a->dtype != SCION_BOOL));
  if (a->n_dims == 0 || b->n_dims == 0) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "needs at least one dimension on both sides, got %s and %s; use * for numbers",
                         scion__shape_text(ta, a->n_dims, a->shape), scion__shape_text(tb, b->n_dims, b->shape));
  }
  p->m = a->n_dims == 1 ? 1 : a->shape[a->n_dims - 2];
  p->k = a->shape[a->n_dims - 1];
  p->n = b->n_dims == 1 ? 1 : b->shape[b->n_dims - 1];
  if ((b->n_dims == 1 ? b->shape[0] : b->shape[b->n_dims - 2]) != p->k) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "inner sizes differ: %s x %s", scion__shape_text(ta, a->n_dims, a->shape),
                         scion__shape_text(tb, b->n_dims, b->shape));
  }
  if (!scion__broadcast(scion__max(a->n_dims - 2, 0), a->shape, scion__max(b->n_dims - 2, 0), b->shape, &p->n_lead, p->lead)) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "leading dimensions do not broadcast: %s x %s", scion__shape_text(ta, a->n_dims, a->shape),
                         scion__shape_text(tb, b->n_dims, b->shape));
  }
  p->batch = 1;
  for (int32_t i = 0; i < p->n_lead; i++) p->batch *= p->lead[i];
  return SCION_OK;
}

static scion_status infer(scion_call *c) {
  plan p;
  SCION_TRY(plan_of(c, &p));
  int64_t shape[SCION_MAX_DIMS];
  int32_t n = p.n_lead;
  memcpy(shape, p.lead, sizeof shape);
  if (c->in[0]->n_dims > 1) shape[n++] = p.m;
  if (c->in[1]->n_dims > 1) shape[n++] = p.n;
  scion__out(c, 0, c->in[0]->dtype, n, shape);
  return SCION_OK;
}

/* Byte offset of every matrix of a broadcast batch. */
static void offsets(const scion_tensor *t, const plan *p, int64_t *out) {
  int32_t own = (int32_t)scion__max(t->n_dims - 2, 0), skip = p->n_lead - own;
  int64_t size = (int64_t)scion_dtype_size((scion_dtype)t->dtype);
  for (int64_t i = 0; i < p->batch; i++) {
    int64_t rest = i, offset = 0;
    for (int32_t d = p->n_lead - 1; d >= 0; d--) {
      int64_t at = rest % p->lead[d];
      rest /= p->lead[d];
      if (d >= skip && t->shape[d - skip] != 1) offset += at * t->strides[d - skip];
    }
    out[i] = offset * size;
  }
}

#define INTEGER_PRODUCT(type, wide)                                                                                       \
  for (int64_t i = 0; i < p->m; i++)                                                                                      \
    for (int64_t j = 0; j < p->n; j++) {                                                                                  \
      wide sum = 0;                                                                                                       \
      for (int64_t q = 0; q < p->k; q++)                                                                                  \
        sum += (wide)((const type *)(const void *)a)[i * am.row + q * am.col] * (wide)((const type *)(const void *)b)[q * bm.row + j * bm.col]; \
      ((type *)(void *)y)[i * p->n + j] = (type)sum;                                                                      \
    }

static void integer_product(int dtype, const plan *p, const char *a, scion_matrix am, const char *b, scion_matrix bm, char *y) {
  switch (dtype) {
    case SCION_I32: INTEGER_PRODUCT(int32_t, uint32_t) break;
    case SCION_I64: INTEGER_PRODUCT(int64_t, uint64_t) break;
    default: INTEGER_PRODUCT(uint8_t, uint32_t) break;
  }
}

static scion_matrix matrix_of(const scion_tensor *t, bool left) {
  if (t->n_dims == 1) return left ? (scion_matrix){ t->data, scion__max(1, t->shape[0]) * t->strides[0], t->strides[0] } : (scion_matrix){ t->data, t->strides[0], 1 };
  return (scion_matrix){ t->data, t->strides[t->n_dims - 2], t->strides[t->n_dims - 1] };
}

static scion_status forward(scion_call *c) {
  plan p;
  SCION_TRY(plan_of(c, &p));
  scion_tensor *hold[2] = { NULL, NULL }, *y = c->out[0];
  scion_matrix mats[2];
  int64_t few[32], *at = few;
  scion_status st = SCION_OK;
  for (int i = 0; i < 2; i++) {
    scion_tensor *t = c->in[i];
    int64_t rows = i == 0 ? p.m : p.k, cols = i == 0 ? p.k : p.n;
    mats[i] = matrix_of(t, i == 0);
    bool ok = scion__matrix_ok(rows, cols, mats[i].row, mats[i].col);
    if (ok) hold[i] = scion_tensor_ref(t);
    else if (st == SCION_OK) {
      st = scion__tensor_alloc(c->ctx, t->dtype, t->n_dims, t->shape, &hold[i]);
      if (st == SCION_OK) st = scion__tensor_copy_into(c->ctx, hold[i], t);
      if (st == SCION_OK) mats[i] = matrix_of(hold[i], i == 0);
    }
  }
  size_t bytes = (size_t)p.batch * 2 * sizeof *at;
  if (st == SCION_OK && p.batch > 16) {
    at = scion__alloc(c->ctx, bytes);
    if (at == NULL) st = SCION_ENOMEM;
  }
  if (st == SCION_OK && (p.m > INT32_MAX || p.n > INT32_MAX || p.k > INT32_MAX)) {
    st = SCION_OP_FAIL(c, SCION_EUNSUPPORTED, "a dimension is above 2^31 - 1");
  }
  if (st == SCION_OK && y->numel > 0) {
    offsets(hold[0], &p, at);
    offsets(hold[1], &p, at + p.batch);
    /* one weight for a packed batch: a single taller product */
    bool fold = p.batch > 1 && c->in[1]->n_dims <= 2 && hold[0]->contiguous;
    int64_t size = (int64_t)scion_dtype_size((scion_dtype)y->dtype);
    if (!scion__is_float(y->dtype)) {
      for (int64_t i = 0; i < p.batch; i++)
        integer_product(y->dtype, &p, mats[0].data + at[i], mats[0], mats[1].data + at[p.batch + i], mats[1], y->data + i * p.m * p.n * size);
    } else if (fold && p.batch * p.m <= INT32_MAX) {
      mats[0].row = p.k;
      st = scion__gemm(c->ctx, y->dtype, 1, p.batch * p.m, p.n, p.k, mats[0], NULL, mats[1], NULL,
                       (scion_matrix){ y->data, p.n, 1 }, 0, false);
    } else {
      st = scion__gemm(c->ctx, y->dtype, p.batch, p.m, p.n, p.k, mats[0], at, mats[1], at + p.batch,
                       (scion_matrix){ y->data, p.n, 1 }, p.m * p.n * size, false);
    }
  }
  if (at != few) scion__free(c->ctx, at, bytes);
  scion_tensor_free(c->ctx, hold[0]);
  scion_tensor_free(c->ctx, hold[1]);
  return st;
}

/* dA = dY B', dB = A' dY, on promoted shapes, summed where the batch was broadcast. */
static void grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion_tensor *a = g->in[0], *b = g->in[1], *dy = g->dy[0];
  bool row = a->n_dims == 1, column = b->n_dims == 1;
  if (column) dy = x_unsqueeze(x, dy, -1);
  if (row) dy = x_unsqueeze(x, dy, -2);
  if (g->needs[0]) {
    scion_tensor *bt = column ? x_unsqueeze(x, b, 0) : x_transpose(x, b, -2, -1);
    scion__g_set(g, 0, x_sum_to(x, x_matmul(x, dy, bt), a)); /* a row: (..., 1, k) -> (k) too */
  }
  if (g->needs[1]) {
    scion_tensor *at = row ? x_unsqueeze(x, a, 1) : x_transpose(x, a, -2, -1), *db;
    if (b->n_dims == 2 && a->n_dims > 2 && at != NULL && dy != NULL) { /* fold the batch: one product */
      int64_t rows = a->numel / scion__max(a->shape[a->n_dims - 1], 1);
      scion_tensor *flat = x_reshape(x, a, 2, (int64_t[]){ rows, a->shape[a->n_dims - 1] });
      scion_tensor *flat_dy = x_reshape(x, dy, 2, (int64_t[]){ rows, b->shape[1] });
      db = x_matmul(x, x_transpose(x, flat, 0, 1), flat_dy);
    } else {
      db = x_matmul(x, at, dy);
    }
    if (column) db = x_sum(x, db, 1, (int64_t[]){ -1 }, false); /* (..., k, 1) -> (..., k) */
    scion__g_set(g, 1, x_sum_to(x, db, b));
  }
}
static uint32_t keeps_for(const scion_call *c, const bool *needs) {
  return (needs[0] ? SCION_KEEP_IN(1) : 0) | (needs[1] ? SCION_KEEP_IN(0) : 0);
}
static double cost(const scion_call *c, double *bytes) {
  plan p;
  if (plan_of(c, &p) != SCION_OK) return 0;
  *bytes = (double)scion_dtype_size((scion_dtype)c->in[0]->dtype) *
           ((double)c->in[0]->numel + (double)c->in[1]->numel + (double)p.batch * (double)p.m * (double)p.n);
  return (double)p.batch * (double)p.m * (double)p.n * (double)p.k;
}
static const scion_slot slots[] = { { "a", 0, "(..., m, k) or (k)" }, { "b", 0, "(..., k, n) or (k)" } };
static const scion_sample samples[] = { { "3x4,4x2", "" }, { "4,4x2", "" }, { "3x4,4", "" }, { "4,4", "" }, { "2x3x4,4x2", "" },
                                        { "2x3x4,2x4x2", "" }, { "2x1x3x4,3x4x2", "" }, { "2x3x4,4", "" }, { "4,2x4x3", "" } };
const scion_op scion__op_matmul = {
  .info = { "matmul", 1, 0, "Matrix product by NumPy's rules: the last two dimensions multiply, the others broadcast; 1-d operands "
            "are a row (left) or a column (right).", SCION_INPUTS(slots), SCION_OUTPUTS(scion__slots_y) },
  .infer = infer, .forward = forward, .grad = grad, .keeps = SCION_KEEP_IN(0) | SCION_KEEP_IN(1), .keeps_for = keeps_for, .cost = cost,
  SCION_SAMPLES(samples) };
