/* reduce.c: the plan and loop of all reductions over lists of dimensions, and the plain ones: sum, mean, prod,
 * amax, amin, any, all, count_nonzero. Floats accumulate in f64; sums and products of integers are i64. */
#include <math.h>

#include "reduce.h"

#define GRAIN 32768 /* elements per task */

const scion_param scion__params_reduce[2] = {
  { "dim", SCION_P_INTS, SCION_PF_INDEX, offsetof(scion__reduce_params, dims), .def_ints = { .n = -1 },
    .doc = "dimension or list of dimensions; default all" },
  { "keepdim", SCION_P_BOOL, 0, offsetof(scion__reduce_params, keepdim), .doc = "keep reduced dimensions with size 1" } };

/* ---- dimensions --------------------------------------------------------------------------------------- */

scion_status scion__reduce_dims(const scion_call *c, const scion_ints *dims, bool *reduced) {
  const scion_tensor *x = c->in[0];
  for (int32_t i = 0; i < SCION_MAX_DIMS; i++) reduced[i] = dims->n <= 0;
  for (int32_t i = 0; i < dims->n; i++) {
    int32_t d;
    SCION_TRY(scion__check_dim(c->ctx, c->op->info.name, dims->v[i], x->n_dims, &d));
    if (reduced[d]) return SCION_OP_FAIL(c, SCION_EINVAL, "dim names a dimension twice (%d dimensions)", x->n_dims);
    reduced[d] = true;
  }
  return SCION_OK;
}

void scion__reduce_shape(scion_call *c, int32_t i, int dtype, const bool *reduced, bool keepdim) {
  const scion_tensor *x = c->in[0];
  int64_t shape[SCION_MAX_DIMS];
  int32_t n = 0;
  for (int32_t d = 0; d < x->n_dims; d++) {
    if (!reduced[d]) shape[n++] = x->shape[d];
    else if (keepdim) shape[n++] = 1;
  }
  scion__out(c, i, dtype, n, shape);
}

scion_status scion__reduce_infer(scion_call *c, int dtype) {
  const scion__reduce_params *p = c->params;
  bool reduced[SCION_MAX_DIMS];
  SCION_TRY(scion__reduce_dims(c, &p->dims, reduced));
  scion__reduce_shape(c, 0, dtype, reduced, p->keepdim != 0);
  return SCION_OK;
}

int64_t scion__reduced_count(const scion_tensor *t, const scion_ints *dims) {
  int64_t n = 1;
  if (dims->n <= 0) return t->numel;
  for (int32_t i = 0; i < dims->n; i++)
    if (t->n_dims > 0) n *= t->shape[scion__wrap_dim(dims->v[i], t->n_dims)];
  return n;
}

scion_tensor *scion__x_spread(scion_x *x, scion_tensor *t, const scion_tensor *like, const scion_ints *dims) {
  int64_t shape[SCION_MAX_DIMS];
  if (t == NULL) return NULL;
  for (int32_t i = 0; i < like->n_dims; i++) shape[i] = dims->n <= 0 ? 1 : like->shape[i];
  for (int32_t i = 0; i < dims->n && like->n_dims > 0; i++) shape[scion__wrap_dim(dims->v[i], like->n_dims)] = 1;
  if (t->n_dims != like->n_dims) t = x_reshape(x, t, like->n_dims, shape);
  return x_expand_like(x, t, like);
}

/* ---- the plan ------------------------------------------------------------------------------------------- */

/* Dimensions by falling stride, when that order makes t packed and leaves the kept ones in order. */
static bool sorted_packed(const scion_tensor *t, const bool *reduced, int32_t *order) {
  for (int32_t i = 0; i < t->n_dims; i++) {
    int32_t k = i;
    for (; k > 0 && t->strides[order[k - 1]] < t->strides[i]; k--) order[k] = order[k - 1];
    order[k] = i;
  }
  int64_t stride = 1;
  int32_t kept = SCION_MAX_DIMS;
  for (int32_t i = t->n_dims - 1; i >= 0; i--) {
    int32_t d = order[i];
    if (t->shape[d] == 1) continue;
    if (t->strides[d] != stride) return false;
    stride *= t->shape[d];
    if (reduced[d]) continue;
    if (d > kept) return false;
    kept = d;
  }
  return true;
}

/* Collapses dimensions in the given order to kept, reduced, kept, reduced; false when they alternate more often. */
static bool collapse(const scion_tensor *t, const bool *reduced, const int32_t *order, scion_reduction *plan) {
  int64_t size[4] = { 1, 1, 1, 1 };
  int32_t at = 0;
  for (int32_t i = 0; i < t->n_dims; i++) {
    int32_t d = order[i];
    if (t->shape[d] == 1) continue;
    while (at < 4 && (at % 2 == 1) != reduced[d]) at++;
    if (at == 4) return false;
    size[at] *= t->shape[d];
  }
  *plan = (scion_reduction){ size[0], size[1], size[2], size[3], size[0] * size[2], size[1] * size[3], NULL };
  if (plan->c == 1 && plan->d == 1) { /* one packed stretch per result */
    plan->d = plan->b;
    plan->b = 1;
  }
  return true;
}

scion_status scion__reduce_plan(const scion_call *c, scion_tensor *x, const bool *reduced, scion_reduction *plan) {
  int32_t order[SCION_MAX_DIMS];
  for (int32_t i = 0; i < x->n_dims; i++) order[i] = i;
  if ((x->contiguous || sorted_packed(x, reduced, order)) && collapse(x, reduced, order, plan)) {
    plan->x = scion_tensor_ref(x);
    return SCION_OK;
  }
  int64_t shape[SCION_MAX_DIMS], strides[SCION_MAX_DIMS]; /* kept dimensions first */
  int32_t n = 0;
  for (int32_t pass = 0; pass < 2; pass++) {
    for (int32_t d = 0; d < x->n_dims; d++) {
      if (reduced[d] != (pass == 1)) continue;
      shape[n] = x->shape[d];
      strides[n++] = x->strides[d];
    }
  }
  scion_tensor *view, *packed;
  SCION_TRY(scion__tensor_view(c->ctx, x, n, shape, strides, 0, &view));
  scion_status st = scion__tensor_packed(c->ctx, view, &packed);
  scion_tensor_free(c->ctx, view);
  SCION_TRY(st);
  *plan = (scion_reduction){ 1, 1, 1, 1, 1, 1, packed };
  for (int32_t d = 0; d < x->n_dims; d++) {
    if (reduced[d]) plan->d *= x->shape[d];
    else plan->a *= x->shape[d];
  }
  plan->n_results = plan->a;
  plan->n_reduced = plan->d;
  return SCION_OK;
}
void scion__reduce_done(scion_context *ctx, scion_reduction *plan) { scion_tensor_free(ctx, plan->x); }

scion_acc *scion__acc_new(scion_context *ctx, int64_t n, scion_acc *few) {
  return n <= SCION_FEW_ACC ? few : scion__alloc(ctx, (size_t)n * sizeof *few);
}
void scion__acc_free(scion_context *ctx, int64_t n, scion_acc *few, scion_acc *acc) {
  if (acc != few) scion__free(ctx, acc, (size_t)n * sizeof *acc);
}

/* ---- the loop -------------------------------------------------------------------------------------------- */

typedef struct {
  const scion_reduction *plan;
  int32_t kernel, dtype;
  int64_t size;      /* of an element */
  scion_acc start;
  const double *center;
  scion_acc *acc;    /* n_results for every part */
  int64_t parts, part; /* the reduced elements are split; size of a part, in b or in d */
} job;

static const double *center_at(const job *j, int64_t i) { return j->center != NULL ? j->center + i : NULL; }

/* Rows (d > 1): results begin..end, part p. */
static void reduce_rows(const job *j, int64_t p, int64_t begin, int64_t end) {
  const scion_reduction *r = j->plan;
  scion_acc *acc = j->acc + p * r->n_results;
  const char *x = r->x->data;
  if (r->b == 1) { /* split inside the row */
    int64_t d0 = p * j->part, d1 = scion__min(r->d, d0 + j->part);
    scion__k->reduce_rows(j->kernel, j->dtype, end - begin, r->d, d1 - d0, x + (begin * r->d + d0) * j->size, center_at(j, begin),
                          acc + begin, 1);
    return;
  }
  int64_t b0 = p * j->part, b1 = scion__min(r->b, b0 + j->part);
  for (int64_t i = begin; i < end;) {
    int64_t a = i / r->c, k = i % r->c, width = scion__min(r->c - k, end - i), slab = r->c * r->d;
    const char *first = x + (((a * r->b + b0) * r->c + k) * r->d) * j->size;
    if (width * r->d < 256) width = 1;
    if (width == 1) {
      scion__k->reduce_rows(j->kernel, j->dtype, b1 - b0, slab, r->d, first, center_at(j, i), acc + i, 0);
    } else { /* in the order of memory: one row of every result, then the next of each */
      for (int64_t b = b0; b < b1; b++, first += slab * j->size) {
        scion__k->reduce_rows(j->kernel, j->dtype, width, r->d, r->d, first, center_at(j, i), acc + i, 1);
      }
    }
    i += width;
  }
}
/* Columns (d == 1): results begin..end, which lie in rows of c. */
static void reduce_cols(const job *j, int64_t p, int64_t begin, int64_t end) {
  const scion_reduction *r = j->plan;
  scion_acc *acc = j->acc + p * r->n_results;
  int64_t b0 = p * j->part, b1 = scion__min(r->b, b0 + j->part);
  for (int64_t i = begin; i < end;) {
    int64_t a = i / r->c, k = i % r->c, width = scion__min(r->c - k, end - i);
    const char *first = (const char *)r->x->data + ((a * r->b + b0) * r->c + k) * j->size;
    scion__k->reduce_cols(j->kernel, j->dtype, b1 - b0, r->c, width, first, center_at(j, i), acc + i);
    i += width;
  }
}
static void reduce_range(void *ud, int64_t begin, int64_t end) {
  const job *j = ud;
  int64_t n = j->plan->n_results;
  while (begin < end) {
    int64_t p = begin / n, first = begin % n, last = scion__min(n, first + end - begin);
    for (int64_t i = first; i < last; i++) j->acc[p * n + i] = j->start;
    if (j->plan->d > 1) reduce_rows(j, p, first, last);
    else reduce_cols(j, p, first, last);
    begin += last - first;
  }
}

static void join(int32_t kernel, bool is_float, scion_acc *t, scion_acc v) {
  switch (kernel) {
    case SCION_R_prod: if (is_float) t->f *= v.f; else t->i = (int64_t)((uint64_t)t->i * (uint64_t)v.i); break;
    case SCION_R_max: if (is_float ? v.f > t->f || v.f != v.f : v.i > t->i) *t = v; break;
    case SCION_R_min: if (is_float ? v.f < t->f || v.f != v.f : v.i < t->i) *t = v; break;
    case SCION_R_count: t->i += v.i; break;
    default: if (is_float) t->f += v.f; else t->i = (int64_t)((uint64_t)t->i + (uint64_t)v.i); break;
  }
}

scion_status scion__reduce_run(scion_context *ctx, const scion_reduction *plan, int32_t kernel, scion_acc start,
                               const double *center, scion_acc *acc) {
  job j = { plan, kernel, plan->x->dtype, (int64_t)scion_dtype_size((scion_dtype)plan->x->dtype), start, center, acc, 1, 0 };
  int64_t n = plan->n_results, split = plan->d > 1 && plan->b == 1 ? plan->d : plan->b;
  if (n == 0) return SCION_OK;
  if (plan->n_reduced == 0) {
    for (int64_t i = 0; i < n; i++) acc[i] = start;
    return SCION_OK;
  }
  /* Few results of many elements each: split the elements. Column results come in vectors: 256 of them are one. */
  int64_t units = plan->d > 1 ? n : plan->a * ((plan->c + 255) / 256);
  if (units < 16 && plan->n_reduced * n >= 2 * GRAIN) {
    j.parts = scion__min(scion__min(plan->n_reduced * n / GRAIN, 128), scion__max(split / 8, 1));
  }
  j.part = (split + j.parts - 1) / j.parts;
  j.parts = (split + j.part - 1) / j.part;
  if (j.parts == 1) {
    scion__parallel_range(ctx, n, scion__max(GRAIN / plan->n_reduced, (n + 15) / 16), reduce_range, &j); /* neighbours together: they lie together */
    return SCION_OK;
  }
  scion_acc few[SCION_FEW_ACC];
  j.acc = scion__acc_new(ctx, n * j.parts, few);
  if (j.acc == NULL) return SCION_ENOMEM;
  scion__parallel_range(ctx, n * j.parts, scion__max(GRAIN * j.parts / plan->n_reduced, 1), reduce_range, &j);
  for (int64_t i = 0; i < n; i++) {
    acc[i] = j.acc[i];
    for (int64_t p = 1; p < j.parts; p++) join(kernel, scion__is_float(j.dtype), &acc[i], j.acc[p * n + i]);
  }
  scion__acc_free(ctx, n * j.parts, few, j.acc);
  return SCION_OK;
}

/* ---- results ------------------------------------------------------------------------------------------------ */

static scion_acc start_of(int32_t kernel, bool is_float) {
  scion_acc s = { .i = 0 };
  if (is_float && kernel != SCION_R_count) {
    s.f = kernel == SCION_R_prod ? 1 : kernel == SCION_R_max ? -INFINITY : kernel == SCION_R_min ? INFINITY : 0;
  } else {
    s.i = kernel == SCION_R_prod ? 1 : kernel == SCION_R_max ? INT64_MIN : kernel == SCION_R_min ? INT64_MAX : 0;
  }
  return s;
}

/* Runs one kernel over the parameters' dims and stores acc * scale; any and all compare counts. */
static scion_status reduce_forward(scion_call *c, int32_t kernel, bool mean) {
  const scion__reduce_params *p = c->params;
  scion_tensor *y = c->out[0];
  bool reduced[SCION_MAX_DIMS], is_float = scion__is_float(c->in[0]->dtype) && kernel != SCION_R_count;
  scion_acc few[SCION_FEW_ACC];
  scion_reduction plan;
  SCION_TRY(scion__reduce_dims(c, &p->dims, reduced));
  SCION_TRY(scion__reduce_plan(c, c->in[0], reduced, &plan));
  int64_t n = plan.n_results;
  scion_acc *acc = scion__acc_new(c->ctx, n, few);
  scion_status st = acc == NULL ? SCION_ENOMEM
                                : scion__reduce_run(c->ctx, &plan, kernel, start_of(kernel, is_float), NULL, acc);
  if (st == SCION_OK) {
    double scale = mean ? 1.0 / (double)plan.n_reduced : 1;
    if (mean && plan.n_reduced == 0) scale = NAN;
    bool all = c->op == &scion__op_all;
    if (y->dtype == SCION_F32) for (int64_t i = 0; i < n; i++) ((float *)(void *)y->data)[i] = (float)(acc[i].f * scale);
    else if (y->dtype == SCION_F64) for (int64_t i = 0; i < n; i++) ((double *)(void *)y->data)[i] = acc[i].f * scale;
    else if (y->dtype == SCION_I64) for (int64_t i = 0; i < n; i++) ((int64_t *)(void *)y->data)[i] = acc[i].i;
    else if (y->dtype == SCION_I32) for (int64_t i = 0; i < n; i++) ((int32_t *)(void *)y->data)[i] = (int32_t)acc[i].i;
    else if (kernel != SCION_R_count) for (int64_t i = 0; i < n; i++) ((uint8_t *)(void *)y->data)[i] = (uint8_t)acc[i].i;
    else for (int64_t i = 0; i < n; i++) ((uint8_t *)(void *)y->data)[i] = all ? acc[i].i == plan.n_reduced : acc[i].i != 0;
  }
  if (acc != NULL) scion__acc_free(c->ctx, n, few, acc);
  scion__reduce_done(c->ctx, &plan);
  return st;
}

#define REDUCE(name, flags_, doc_) \
  .info = { name, 1, flags_, doc_, SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), \
            SCION_PARAMS(scion__params_reduce, scion__reduce_params) }
static const scion_sample samples_reduce[] = { { "3x4", "" }, { "2x3x4", "dim=0,2" }, { "2x3x4", "dim=1 keepdim=true" }, { "2x3x2x2", "dim=0,2,3" }, { "s", "" } };
static const scion_sample samples_extremum[] = { { "3x4:d", "" }, { "2x3x4:d", "dim=0,2" }, { "2x3:d", "dim=-1 keepdim=true" } };

static scion_status sum_infer(scion_call *c) {
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  return scion__reduce_infer(c, scion__is_float(c->in[0]->dtype) ? c->in[0]->dtype : SCION_I64);
}
static scion_status sum_forward(scion_call *c) { return reduce_forward(c, SCION_R_sum, false); }
static void sum_grad(scion_grad_call *g) {
  const scion__reduce_params *p = g->params;
  scion__g_set(g, 0, scion__x_spread(&g->x, g->dy[0], g->in[0], &p->dims));
}
const scion_op scion__op_sum = { REDUCE("sum", 0, "Sum over dimensions, default all. Integers and bools give i64."),
  .infer = sum_infer, .forward = sum_forward, .grad = sum_grad, SCION_SAMPLES(samples_reduce) };

static scion_status mean_infer(scion_call *c) {
  SCION_TRY(scion__need_float(c, 0));
  return scion__reduce_infer(c, c->in[0]->dtype);
}
static scion_status mean_forward(scion_call *c) { return reduce_forward(c, SCION_R_sum, true); }
static void mean_grad(scion_grad_call *g) {
  const scion__reduce_params *p = g->params;
  scion_tensor *d = x_muls(&g->x, g->dy[0], 1.0 / (double)scion__reduced_count(g->in[0], &p->dims));
  scion__g_set(g, 0, scion__x_spread(&g->x, d, g->in[0], &p->dims));
}
const scion_op scion__op_mean = { REDUCE("mean", 0, "Mean over dimensions, default all; NaN of nothing."),
  .infer = mean_infer, .forward = mean_forward, .grad = mean_grad, SCION_SAMPLES(samples_reduce) };

/* prod: without division, so that zeros do no harm: the last of the running products. */
static void prod_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const scion__reduce_params *p = c->params;
  scion_tensor *a = c->in[0];
  int64_t order[SCION_MAX_DIMS], shape[2] = { 1, 1 };
  bool reduced[SCION_MAX_DIMS] = { false };
  int32_t n = 0;
  for (int32_t i = 0; i < p->dims.n && a->n_dims > 0; i++) reduced[scion__wrap_dim(p->dims.v[i], a->n_dims)] = true;
  for (int32_t pass = 0; pass < 2; pass++)
    for (int32_t d = 0; d < a->n_dims; d++) {
      if ((reduced[d] || p->dims.n <= 0) != (pass == 1)) continue;
      order[n++] = d;
      shape[pass] *= a->shape[d];
    }
  scion_tensor *y;
  if (shape[1] == 0) {
    y = x_full(x, a->dtype, c->meta[0].n_dims, c->meta[0].shape, 1);
  } else {
    scion__scan_params last = { 1, 0 };
    y = x_reshape(x, x_permute(x, a, n, order), 2, shape);
    y = x_narrow(x, scion__x1(x, &scion__op_cumprod, &last, y), 1, shape[1] - 1, 1);
  }
  out[0] = x_reshape(x, y, c->meta[0].n_dims, c->meta[0].shape);
}
static scion_status prod_forward(scion_call *c) { return reduce_forward(c, SCION_R_prod, false); }
const scion_op scion__op_prod = { REDUCE("prod", 0, "Product over dimensions, default all. Integers and bools give i64."),
  .infer = sum_infer, .forward = prod_forward, .compose = prod_compose, SCION_SAMPLES(samples_reduce) };

static scion_status extremum_infer(scion_call *c) {
  const scion__reduce_params *p = c->params;
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  SCION_TRY(scion__reduce_infer(c, c->in[0]->dtype));
  if (scion__reduced_count(c->in[0], &p->dims) == 0) {
    char t[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "nothing to choose from: a reduced dimension of %s is empty", scion__tensor_brief(t, c->in[0]));
  }
  return SCION_OK;
}
static scion_status amax_forward(scion_call *c) { return reduce_forward(c, SCION_R_max, false); }
static scion_status amin_forward(scion_call *c) { return reduce_forward(c, SCION_R_min, false); }
/* Ties share the gradient equally, as in PyTorch. */
static void extremum_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  const scion__reduce_params *p = g->params;
  scion__reduce_params kept = { p->dims, 1 };
  scion_tensor *y = scion__x_spread(x, g->out[0], g->in[0], &p->dims);
  scion_tensor *mask = x_to(x, scion__x2(x, &scion__op_eq, NULL, g->in[0], y), g->in[0]->dtype);
  scion_tensor *ties = scion__x1(x, &scion__op_sum, &kept, mask);
  scion_tensor *dy = scion__x_spread(x, g->dy[0], g->in[0], &p->dims);
  scion__g_set(g, 0, x_mul(x, dy, x_div(x, mask, ties)));
}
const scion_op scion__op_amax = { REDUCE("amax", 0, "Largest element over dimensions, default all; NaN if there is one."),
  .infer = extremum_infer, .forward = amax_forward, .grad = extremum_grad, .keeps = SCION_KEEP_IN(0) | SCION_KEEP_OUT(0),
  SCION_SAMPLES(samples_extremum) };
const scion_op scion__op_amin = { REDUCE("amin", 0, "Smallest element over dimensions, default all; NaN if there is one."),
  .infer = extremum_infer, .forward = amin_forward, .grad = extremum_grad, .keeps = SCION_KEEP_IN(0) | SCION_KEEP_OUT(0),
  SCION_SAMPLES(samples_extremum) };

static scion_status count_infer(scion_call *c) {
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  return scion__reduce_infer(c, c->op == &scion__op_count_nonzero ? SCION_I64 : SCION_BOOL);
}
static scion_status count_forward(scion_call *c) { return reduce_forward(c, SCION_R_count, false); }
const scion_op scion__op_any = { REDUCE("any", SCION_OF_NO_GRAD, "Whether any element is nonzero, over dimensions, default all."),
  .infer = count_infer, .forward = count_forward, SCION_SAMPLES(samples_reduce) };
const scion_op scion__op_all = { REDUCE("all", SCION_OF_NO_GRAD, "Whether all elements are nonzero, over dimensions, default all."),
  .infer = count_infer, .forward = count_forward, SCION_SAMPLES(samples_reduce) };
const scion_op scion__op_count_nonzero = { REDUCE("count_nonzero", SCION_OF_NO_GRAD, "How many elements are nonzero, over dimensions, default all."),
  .infer = count_infer, .forward = count_forward, SCION_SAMPLES(samples_reduce) };

static void nansum_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *nan = scion__x1(x, &scion__op_isnan, NULL, c->in[0]);
  scion_tensor *zero = x_scalar(x, c->in[0]->dtype, 0);
  out[0] = scion__x1(x, &scion__op_sum, c->params, x_where(x, nan, zero, c->in[0]));
}
static void nanmean_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *number = scion__x1(x, &scion__op_logical_not, NULL, scion__x1(x, &scion__op_isnan, NULL, c->in[0]));
  scion_tensor *n = x_to(x, scion__x1(x, &scion__op_sum, c->params, number), c->in[0]->dtype);
  out[0] = x_div(x, scion__x1(x, &scion__op_nansum, c->params, c->in[0]), n);
}
const scion_op scion__op_nansum = { REDUCE("nansum", 0, "Sum over dimensions, default all, NaN counting as 0."),
  .infer = mean_infer, .compose = nansum_compose, SCION_SAMPLES(samples_reduce) };
const scion_op scion__op_nanmean = { REDUCE("nanmean", 0, "Mean over dimensions, default all, of what is not NaN."),
  .infer = mean_infer, .compose = nanmean_compose, SCION_SAMPLES(samples_reduce) };
