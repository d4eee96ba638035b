/* softmax.c: softmax, log_softmax and softmin along one dimension. Packed rows and columns of
 * slabs have their own loops, so no dimension needs a transposed copy. */
#include "nn.h"

typedef struct { int64_t dim; } dim_params;
static const scion_param params_dim[] = {
  { "dim", SCION_P_INT, SCION_PF_INDEX, offsetof(dim_params, dim), .def = -1, .doc = "dimension that sums to one; default the last" } };

static scion_status dim_infer(scion_call *c) {
  int32_t dim;
  SCION_TRY(scion__infer_float(c));
  SCION_TRY(scion__check_dim(c->ctx, c->op->info.name, ((const dim_params *)c->params)->dim, c->in[0]->n_dims, &dim));
  return SCION_OK;
}
static int32_t dim_of(const void *params, const scion_tensor *t) {
  int64_t dim = ((const dim_params *)params)->dim;
  return (int32_t)(dim < 0 ? dim + scion__max(t->n_dims, 1) : dim);
}

/* A task is some rows, or one tile of columns of one slab. */
typedef struct {
  scion_around a;
  int64_t tiles;
  int dtype, logarithm;
  const char *x, *dy;
  char *y;
} job;

static void forward_rows(void *ud, int64_t begin, int64_t end) {
  const job *j = ud;
  int64_t at = begin * j->a.n;
  if (j->dtype == SCION_F32) {
    scion__k->softmax_rows_f32(end - begin, j->a.n, (const float *)j->x + at, (float *)j->y + at, j->logarithm);
  } else {
    scion__k->softmax_rows_f64(end - begin, j->a.n, (const double *)j->x + at, (double *)j->y + at, j->logarithm);
  }
}
static int64_t tile_of(const job *j, int64_t task, int64_t *width) {
  int64_t column = (task % j->tiles) * SCION_SOFTMAX_TILE;
  *width = scion__min(SCION_SOFTMAX_TILE, j->a.inner - column);
  return (task / j->tiles) * j->a.n * j->a.inner + column;
}
static void forward_cols(void *ud, int64_t task) {
  const job *j = ud;
  int64_t width, at = tile_of(j, task, &width);
  if (j->dtype == SCION_F32) {
    scion__k->softmax_cols_f32(j->a.n, j->a.inner, width, (const float *)j->x + at, (float *)j->y + at, j->logarithm);
  } else {
    scion__k->softmax_cols_f64(j->a.n, j->a.inner, width, (const double *)j->x + at, (double *)j->y + at, j->logarithm);
  }
}
static void grad_rows(void *ud, int64_t begin, int64_t end) {
  const job *j = ud;
  int64_t at = begin * j->a.n;
  if (j->dtype == SCION_F32) {
    scion__k->softmax_grad_rows_f32(end - begin, j->a.n, (const float *)j->x + at, (const float *)j->dy + at,
                                    (float *)j->y + at, j->logarithm);
  } else {
    scion__k->softmax_grad_rows_f64(end - begin, j->a.n, (const double *)j->x + at, (const double *)j->dy + at,
                                    (double *)j->y + at, j->logarithm);
  }
}
static void grad_cols(void *ud, int64_t task) {
  const job *j = ud;
  int64_t width, at = tile_of(j, task, &width);
  if (j->dtype == SCION_F32) {
    scion__k->softmax_grad_cols_f32(j->a.n, j->a.inner, width, (const float *)j->x + at, (const float *)j->dy + at,
                                    (float *)j->y + at, j->logarithm);
  } else {
    scion__k->softmax_grad_cols_f64(j->a.n, j->a.inner, width, (const double *)j->x + at, (const double *)j->dy + at,
                                    (double *)j->y + at, j->logarithm);
  }
}

static void run(scion_context *ctx, job *j, void (*rows)(void *, int64_t, int64_t), void (*cols)(void *, int64_t)) {
  if (j->a.outer * j->a.n * j->a.inner == 0) return;
  if (j->a.inner == 1) {
    scion__parallel_range(ctx, j->a.outer, scion__row_grain(j->a.n), rows, j);
  } else {
    j->tiles = (j->a.inner + SCION_SOFTMAX_TILE - 1) / SCION_SOFTMAX_TILE;
    scion__parallel(ctx, j->a.outer * j->tiles, cols, j);
  }
}

static scion_status softmax_forward(scion_call *c) {
  scion_tensor *hold;
  SCION_TRY(scion__packed_in(c, 0, &hold));
  job j = { .a = scion__around(hold, dim_of(c->params, hold)), .dtype = hold->dtype, .logarithm = c->op->kernel,
            .x = hold->data, .y = c->out[0]->data };
  run(c->ctx, &j, forward_rows, forward_cols);
  scion_tensor_free(c->ctx, hold);
  return SCION_OK;
}

static scion_status softmax_grad_fused(scion_grad_call *g) {
  scion_context *ctx = g->x.ctx;
  scion_tensor *y = NULL, *dy = NULL, *dx = NULL;
  scion_status status = scion__tensor_packed(ctx, g->out[0], &y);
  if (status == SCION_OK) status = scion__tensor_packed(ctx, g->dy[0], &dy);
  if (status == SCION_OK) status = scion__tensor_alloc(ctx, y->dtype, y->n_dims, y->shape, &dx);
  if (status == SCION_OK) {
    job j = { .a = scion__around(y, dim_of(g->params, y)), .dtype = y->dtype, .logarithm = g->op->kernel,
              .x = y->data, .dy = dy->data, .y = dx->data };
    run(ctx, &j, grad_rows, grad_cols);
    scion__g_set(g, 0, dx);
  }
  scion_tensor_free(ctx, y);
  scion_tensor_free(ctx, dy);
  scion_tensor_free(ctx, dx);
  return status;
}

static void softmax_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  scion_tensor *y = g->out[0], *dy = g->dy[0];
  int64_t dim = dim_of(g->params, y);
  int32_t n = y->n_dims > 0;
  if (g->op->kernel) { /* dy - e^y sum dy */
    scion__g_set(g, 0, x_sub(x, dy, x_mul(x, X1(exp, y), x_sum(x, dy, n, &dim, true))));
  } else { /* y (dy - sum y dy) */
    scion__g_set(g, 0, x_mul(x, y, x_sub(x, dy, x_sum(x, x_mul(x, y, dy), n, &dim, true))));
  }
}

static const scion_sample samples_dim[] = { { "3x4", "" }, { "2x3x2", "dim=1" }, { "3x4", "dim=0" }, { "5", "" } };
const scion_op scion__op_softmax = {
  .info = { "softmax", 1, 0, "e^x / sum e^x along a dimension: positive numbers that sum to one.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_dim, dim_params) },
  .infer = dim_infer, .forward = softmax_forward, .grad = softmax_grad, .grad_fused = softmax_grad_fused, .kernel = 0,
  .keeps = SCION_KEEP_OUT(0), SCION_SAMPLES(samples_dim) };
const scion_op scion__op_log_softmax = {
  .info = { "log_softmax", 1, 0, "log(softmax(x)) along a dimension, exact for large differences.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_dim, dim_params) },
  .infer = dim_infer, .forward = softmax_forward, .grad = softmax_grad, .grad_fused = softmax_grad_fused, .kernel = 1,
  .keeps = SCION_KEEP_OUT(0), SCION_SAMPLES(samples_dim) };

static void softmin_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  out[0] = scion__x1(x, &scion__op_softmax, c->params, x_neg(x, c->in[0]));
}
const scion_op scion__op_softmin = {
  .info = { "softmin", 1, 0, "softmax(-x) along a dimension.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_dim, dim_params) },
  .infer = dim_infer, .compose = softmin_compose, SCION_SAMPLES(samples_dim) };
