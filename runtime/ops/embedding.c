/* embedding.c: rows of a table by id, and bags of them. The gradient of the table is an op of its own
 * (rows added up in the order of the ids), so it can be differentiated again. */
#include <math.h>

#include "nn.h"

typedef struct { int64_t padding_idx, base, rows; } embedding_params;
#define PADDING                                                                                                         \
  { "padding_idx", SCION_P_INT, 0, offsetof(embedding_params, padding_idx), .def = (double)SCION_NONE,                   \
    .doc = "id, as written in ids, whose row gets no gradient" }
#define BASE { "base", SCION_P_INT, SCION_PF_BASE, offsetof(embedding_params, base), .def = 0, .min = 0, .max = 1, .doc = "number of the first row" }
static const scion_param params_embedding[] = { PADDING, BASE };
static const scion_param params_grad[] = { PADDING, BASE,
  { "rows", SCION_P_INT, SCION_PF_REQUIRED, offsetof(embedding_params, rows), .def = 0, .min = 0, .max = 1e15, .doc = "of the table" } };

static scion_status check_ids(const scion_call *c, const scion_tensor *ids, int64_t rows) {
  const embedding_params *p = c->params;
  for (int64_t i = 0; i < ids->numel; i++) {
    int64_t id = scion__load_id(ids->data, ids->dtype, i);
    if (id >= p->base && id < p->base + rows) continue;
    return SCION_OP_FAIL(c, SCION_EINDEX, "id %lld at position %lld; the table has rows %lld..%lld%s", (long long)id, (long long)(i + p->base),
                         (long long)p->base, (long long)(p->base + rows - 1), id == 0 && p->base == 1 ? " (0-based data? pass base = 0)" : "");
  }
  return SCION_OK;
}
static scion_status embedding_infer(scion_call *c) {
  SCION_TRY(scion__need_int(c, 0));
  SCION_TRY(scion__need_float(c, 1));
  SCION_TRY(scion__need_dims(c, 1, 2, 2));
  SCION_TRY(scion__need_dims(c, 0, 0, SCION_MAX_DIMS - 1));
  int64_t shape[SCION_MAX_DIMS];
  const scion_tensor *ids = c->in[0];
  for (int32_t i = 0; i < ids->n_dims; i++) shape[i] = ids->shape[i];
  shape[ids->n_dims] = c->in[1]->shape[1];
  scion__out(c, 0, c->in[1]->dtype, ids->n_dims + 1, shape);
  return SCION_OK;
}
typedef struct {
  const scion_tensor *ids;
  int64_t base, padding, width, rows;
  size_t row_bytes;
  int dtype;
  const char *x;
  char *y;
} job;
static void take_rows(void *ud, int64_t begin, int64_t end) {
  const job *j = ud;
  for (int64_t i = begin; i < end; i++) {
    int64_t row = scion__load_id(j->ids->data, j->ids->dtype, i) - j->base;
    memcpy(j->y + (size_t)i * j->row_bytes, j->x + (size_t)row * j->row_bytes, j->row_bytes);
  }
}
static scion_status embedding_forward(scion_call *c) {
  scion_tensor *ids = NULL, *table = NULL;
  scion_status status = scion__packed_in(c, 0, &ids);
  if (status == SCION_OK) status = scion__packed_in(c, 1, &table);
  if (status == SCION_OK) status = check_ids(c, ids, table->shape[0]);
  if (status == SCION_OK) {
    int64_t width = table->shape[1];
    job j = { .ids = ids, .base = ((const embedding_params *)c->params)->base, .x = table->data, .y = c->out[0]->data,
              .row_bytes = (size_t)width * scion_dtype_size((scion_dtype)table->dtype) };
    scion__parallel_range(c->ctx, ids->numel, scion__row_grain(width), take_rows, &j);
  }
  scion_tensor_free(c->ctx, ids);
  scion_tensor_free(c->ctx, table);
  return status;
}

/* Adds rows begin..end-1 of the table up, in the order of the ids: the same for any split. */
static void add_rows(void *ud, int64_t begin, int64_t end) {
  const job *j = ud;
  memset(j->y + (size_t)begin * j->row_bytes, 0, (size_t)(end - begin) * j->row_bytes);
  for (int64_t i = 0; i < j->ids->numel; i++) {
    int64_t id = scion__load_id(j->ids->data, j->ids->dtype, i), row = id - j->base;
    if (row < begin || row >= end || id == j->padding) continue;
    const char *from = j->x + (size_t)i * j->row_bytes;
    char *to = j->y + (size_t)row * j->row_bytes;
    if (j->dtype == SCION_F32) {
      for (int64_t k = 0; k < j->width; k++) ((float *)to)[k] += ((const float *)from)[k];
    } else {
      for (int64_t k = 0; k < j->width; k++) ((double *)to)[k] += ((const double *)from)[k];
    }
  }
}
static scion_status grad_infer(scion_call *c) {
  SCION_TRY(scion__need_int(c, 0));
  SCION_TRY(scion__need_float(c, 1));
  const scion_tensor *ids = c->in[0], *dy = c->in[1];
  if (dy->n_dims != ids->n_dims + 1 || memcmp(dy->shape, ids->shape, (size_t)ids->n_dims * sizeof *ids->shape) != 0) {
    char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "dy %s is not one row per id %s", scion__tensor_brief(a, dy), scion__tensor_brief(b, ids));
  }
  int64_t shape[2] = { ((const embedding_params *)c->params)->rows, dy->shape[dy->n_dims - 1] };
  scion__out(c, 0, dy->dtype, 2, shape);
  return SCION_OK;
}
static scion_status grad_forward(scion_call *c) {
  const embedding_params *p = c->params;
  scion_tensor *ids = NULL, *dy = NULL;
  scion_status status = scion__packed_in(c, 0, &ids);
  if (status == SCION_OK) status = scion__packed_in(c, 1, &dy);
  if (status == SCION_OK) status = check_ids(c, ids, p->rows);
  if (status == SCION_OK) {
    int64_t width = c->out[0]->shape[1];
    job j = { .ids = ids, .base = p->base, .padding = p->padding_idx, .width = width, .rows = p->rows, .dtype = dy->dtype, .x = dy->data,
              .y = c->out[0]->data, .row_bytes = (size_t)width * scion_dtype_size((scion_dtype)dy->dtype) };
    /* every task reads all ids: few tasks, and only where there is work */
    int64_t tasks = scion__min(8, 1 + ids->numel * width / 65536);
    scion__parallel_range(c->ctx, p->rows, (p->rows + tasks - 1) / tasks, add_rows, &j);
  }
  scion_tensor_free(c->ctx, ids);
  scion_tensor_free(c->ctx, dy);
  return status;
}
static void grad_grad(scion_grad_call *g) { /* rows of the second gradient, none where the id is padding */
  scion_x *x = &g->x;
  const embedding_params *p = g->params;
  embedding_params take = { p->padding_idx, p->base, 0 };
  scion_tensor *rows = scion__x2(x, &scion__op_embedding, &take, g->in[0], g->dy[0]);
  if (p->padding_idx != SCION_NONE && rows != NULL) {
    scion_tensor *ids = g->in[0], *kept = X2(ne, ids, x_scalar(x, ids->dtype, (double)p->padding_idx));
    rows = x_mul(x, rows, x_to(x, x_unsqueeze(x, kept, -1), rows->dtype));
  }
  scion__g_set(g, 1, rows);
}
static const scion_slot slots_grad[] = { { "ids", 0, "any shape" }, { "dy", 0, "ids' shape + (D)" } };
static const scion_sample samples_grad[] = { { "5:i<4,5x3", "rows=4" }, { "2x3:i<4,2x3x2", "rows=4 padding_idx=1" } };
const scion_op scion__op_embedding_grad = {
  .info = { "embedding_grad", 1, SCION_OF_INTERNAL, "Adds rows up in a table by id: the gradient of embedding.", SCION_INPUTS(slots_grad),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_grad, embedding_params) },
  .infer = grad_infer, .forward = grad_forward, .grad = grad_grad, .keeps = SCION_KEEP_IN(0), SCION_SAMPLES(samples_grad) };

static void embedding_backward(scion_grad_call *g) {
  embedding_params p = *(const embedding_params *)g->params;
  p.rows = g->in[1]->shape[0];
  if (g->needs[1]) scion__g_set(g, 1, scion__x2(&g->x, &scion__op_embedding_grad, &p, g->in[0], g->dy[0]));
}
static const scion_slot slots_embedding[] = { { "ids", 0, "any shape" }, { "weight", SCION_SF_PARAM, "(V, D): one row per id" } };
static const scion_sample samples_embedding[] = { { "5:i<4,4x3", "" }, { "2x3:j<4,4x2", "" } };
const scion_op scion__op_embedding = {
  .info = { "embedding", 1, SCION_OF_FUNCTION, "Rows of weight by id: ids' shape + (D).", SCION_INPUTS(slots_embedding), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_embedding, embedding_params) },
  .infer = embedding_infer, .forward = embedding_forward, .grad = embedding_backward, .keeps = SCION_KEEP_IN(0), SCION_SAMPLES(samples_embedding) };

/* ---- embedding_bag --------------------------------------------------------------------------------------------- */

static const char *const bag_modes[] = { "sum", "mean", "max", NULL };
enum { BAG_SUM, BAG_MEAN, BAG_MAX };
typedef struct { int64_t padding_idx, base; int32_t mode; } bag_params;
static const scion_param params_bag[] = {
  { "mode", SCION_P_ENUM, 0, offsetof(bag_params, mode), .def = 1, .choices = bag_modes, .doc = "\"sum\", \"mean\" or \"max\" of the rows of a bag" },
  { "padding_idx", SCION_P_INT, 0, offsetof(bag_params, padding_idx), .def = (double)SCION_NONE, .doc = "id, as written in ids, that does not count" },
  { "base", SCION_P_INT, SCION_PF_BASE, offsetof(bag_params, base), .def = 0, .min = 0, .max = 1, .doc = "number of the first row" } };
static scion_status bag_infer(scion_call *c) {
  SCION_TRY(scion__need_int(c, 0));
  SCION_TRY(scion__need_float(c, 1));
  SCION_TRY(scion__need_dims(c, 0, 2, 2));
  SCION_TRY(scion__need_dims(c, 1, 2, 2));
  const scion_tensor *w = scion__opt(c, 2);
  if (w != NULL) {
    SCION_TRY(scion__need_same_dtype(c, 1, 2));
    if (!scion__same_shape(c->in[0], w)) {
      char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
      return SCION_OP_FAIL(c, SCION_ESHAPE, "weights %s must have the shape of ids %s", scion__tensor_brief(a, w), scion__tensor_brief(b, c->in[0]));
    }
    if (((const bag_params *)c->params)->mode != BAG_SUM) return SCION_OP_FAIL(c, SCION_EINVAL, "per-sample weights need mode \"sum\"");
  }
  int64_t shape[2] = { c->in[0]->shape[0], c->in[1]->shape[1] };
  scion__out(c, 0, c->in[1]->dtype, 2, shape);
  return SCION_OK;
}
static void bag_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const bag_params *p = c->params;
  scion_tensor *ids = c->in[0], *w = scion__opt(c, 2), *count = NULL;
  embedding_params take = { p->padding_idx, p->base, 0 };
  int64_t one = 1;
  scion_tensor *rows = scion__x2(x, &scion__op_embedding, &take, ids, c->in[1]);
  if (p->mode == BAG_MAX) { /* padding is below everything; a bag of nothing else gives 0 */
    scion__reduce_params along = { { 1, { 1 } }, 0 };
    scion_tensor *zero = x_scalar(x, c->in[1]->dtype, 0);
    if (p->padding_idx != SCION_NONE) {
      scion_tensor *kept = x_unsqueeze(x, X2(ne, ids, x_scalar(x, ids->dtype, (double)p->padding_idx)), -1);
      rows = x_where(x, kept, rows, x_scalar(x, c->in[1]->dtype, -INFINITY));
    }
    out[0] = ids->shape[1] > 0 ? scion__x1(x, &scion__op_amax, &along, rows) : x_sum(x, rows, 1, &one, false);
    out[0] = x_where(x, X2(eq, out[0], x_scalar(x, c->in[1]->dtype, -INFINITY)), zero, out[0]);
    return;
  }
  if (p->padding_idx != SCION_NONE) {
    scion_tensor *kept = x_to(x, X2(ne, ids, x_scalar(x, ids->dtype, (double)p->padding_idx)), c->in[1]->dtype);
    count = X2(maximum, x_sum(x, kept, 1, &one, true), x_scalar(x, c->in[1]->dtype, 1));
    w = w == NULL ? kept : x_mul(x, w, kept);
  }
  if (w != NULL) rows = x_mul(x, rows, x_unsqueeze(x, w, -1));
  if (p->mode == BAG_MEAN && count == NULL) out[0] = x_mean(x, rows, 1, &one, false);
  else out[0] = x_sum(x, rows, 1, &one, false);
  if (p->mode == BAG_MEAN && count != NULL) out[0] = x_div(x, out[0], count);
}
static const scion_slot slots_bag[] = { { "ids", 0, "(N, T): T ids per bag" }, { "weight", SCION_SF_PARAM, "(V, D)" },
                                        { "per_sample_weights", SCION_SF_OPTIONAL, "(N, T), with mode \"sum\"" } };
static const scion_sample samples_bag[] = { { "2x3:i<4,4x2", "" }, { "2x3:i<4,4x2,2x3", "mode=sum" }, { "2x3:i<4,4x2", "padding_idx=1" },
                                            { "3x4:i<4,4x2:d", "mode=max" }, { "3x4:i<4,4x2:d", "mode=max padding_idx=1" } };
const scion_op scion__op_embedding_bag = {
  .info = { "embedding_bag", 1, SCION_OF_FUNCTION, "Sum, mean or maximum of the rows of every bag of ids: (N, D).", SCION_INPUTS(slots_bag),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_bag, bag_params) },
  .infer = bag_infer, .compose = bag_compose, SCION_SAMPLES(samples_bag) };
