/* norm_batch.c: batch_norm. In training it normalises with the batch's own statistics and moves the running
 * ones; the gradient is two passes over the data. In evaluation it is one affine pass per channel. */
#include <math.h>

#include "nn.h"

typedef struct { int32_t training; double momentum, eps; } batch_params;
static const scion_param params_batch[] = {
  { "training", SCION_P_BOOL, SCION_PF_TRAINING, offsetof(batch_params, training), .def = 0,
    .doc = "normalise with the batch's statistics and update the running ones" },
  { "momentum", SCION_P_FLOAT, 0, offsetof(batch_params, momentum), .def = 0.1, .min = 0, .max = 1, .doc = "weight of the new batch in the running statistics" },
  { "eps", SCION_P_FLOAT, 0, offsetof(batch_params, eps), .def = 1e-5, .min = 0, .max = 1e300, .doc = "added to the variance" } };

enum { X, WEIGHT, BIAS, MEAN, VAR };
static const scion_slot slots_batch[] = {
  { "x", 0, "(N, C) or (N, C, ...)" }, { "weight", SCION_SF_OPTIONAL | SCION_SF_PARAM, "(C) scale; default 1" },
  { "bias", SCION_SF_OPTIONAL | SCION_SF_PARAM, "(C) shift; default 0" },
  { "running_mean", SCION_SF_OPTIONAL | SCION_SF_BUFFER, "(C); without it the batch's statistics are always used" },
  { "running_var", SCION_SF_OPTIONAL | SCION_SF_BUFFER, "(C), unbiased" } };
static const scion_slot slots_batch_out[] = { { "y", 0, "like x" }, { "mean", 0, "(C) of the batch, or the running one" },
                                              { "inv_std", 0, "(C) 1 / sqrt(variance + eps)" } };

typedef struct { int64_t n, channels, s; } layout;
static layout layout_of(const scion_tensor *x) {
  layout l = { x->shape[0], x->shape[1], 1 };
  for (int32_t i = 2; i < x->n_dims; i++) l.s *= x->shape[i];
  return l;
}
static bool own_statistics(const batch_params *p, const scion_tensor *running) { return p->training || running == NULL; }

static scion_status batch_infer(scion_call *c) {
  const batch_params *p = c->params;
  SCION_TRY(scion__infer_float(c));
  SCION_TRY(scion__need_dims(c, X, 2, SCION_MAX_DIMS));
  const scion_tensor *x = c->in[X];
  int64_t channels = x->shape[1];
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  for (int32_t i = WEIGHT; i <= VAR; i++) {
    const scion_tensor *t = scion__opt(c, i);
    if (t == NULL) continue;
    SCION_TRY(scion__need_same_dtype(c, X, i));
    if (t->n_dims != 1 || t->shape[0] != channels) {
      return SCION_OP_FAIL(c, SCION_ESHAPE, "%s must be (%lld), one value per channel of x %s, got %s", scion__slot_name(c, i),
                           (long long)channels, scion__tensor_brief(a, x), scion__tensor_brief(b, t));
    }
  }
  const scion_tensor *mean = scion__opt(c, MEAN), *var = scion__opt(c, VAR);
  if ((mean == NULL) != (var == NULL)) return SCION_OP_FAIL(c, SCION_EINVAL, "running_mean and running_var come together");
  if (mean != NULL && p->training && (mean->expanded || var->expanded)) {
    return SCION_OP_FAIL(c, SCION_ESTATE, "running statistics repeat elements (they were expanded); clone them first");
  }
  layout l = layout_of(x);
  if (own_statistics(p, mean) && l.n * l.s <= 1 && channels > 0) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "needs more than 1 value per channel to normalise with the batch's statistics, got x %s",
                         scion__tensor_brief(a, x));
  }
  scion__out(c, 1, x->dtype, 1, &channels);
  scion__out(c, 2, x->dtype, 1, &channels);
  return SCION_OK;
}

typedef struct {
  layout l;
  int dtype;
  const char *x, *dy, *shift;
  const char *a, *b, *d;
  double *sum, *square;
  char *y;
} job;

static void sums(void *ud, int64_t begin, int64_t end) {
  const job *j = ud;
  if (j->dtype == SCION_F32) {
    if (j->dy == NULL) {
      scion__k->channel_sums_f32(j->l.n, j->l.channels, j->l.s, begin, end, (const float *)j->x, (const float *)j->shift, j->sum, j->square);
    } else {
      scion__k->channel_dots_f32(j->l.n, j->l.channels, j->l.s, begin, end, (const float *)j->dy, (const float *)j->x,
                                 (const float *)j->shift, j->sum, j->square);
    }
  } else if (j->dy == NULL) {
    scion__k->channel_sums_f64(j->l.n, j->l.channels, j->l.s, begin, end, (const double *)j->x, (const double *)j->shift, j->sum, j->square);
  } else {
    scion__k->channel_dots_f64(j->l.n, j->l.channels, j->l.s, begin, end, (const double *)j->dy, (const double *)j->x,
                               (const double *)j->shift, j->sum, j->square);
  }
}
static void affine(void *ud, int64_t begin, int64_t end) {
  const job *j = ud;
  if (j->dtype == SCION_F32) {
    scion__k->channel_affine_f32(begin, end, j->l.channels, j->l.s, (const float *)j->x, (const float *)j->a, (const float *)j->b, (float *)j->y);
  } else {
    scion__k->channel_affine_f64(begin, end, j->l.channels, j->l.s, (const double *)j->x, (const double *)j->a, (const double *)j->b,
                                 (double *)j->y);
  }
}
static void input_grad(void *ud, int64_t begin, int64_t end) {
  const job *j = ud;
  if (j->dtype == SCION_F32) {
    scion__k->channel_grad_f32(begin, end, j->l.channels, j->l.s, (const float *)j->dy, (const float *)j->x, (const float *)j->a,
                               (const float *)j->b, (const float *)j->d, (float *)j->y);
  } else {
    scion__k->channel_grad_f64(begin, end, j->l.channels, j->l.s, (const double *)j->dy, (const double *)j->x, (const double *)j->a,
                               (const double *)j->b, (const double *)j->d, (double *)j->y);
  }
}
static void run_sums(scion_context *ctx, job *j) { /* whole channels per task: one order of summation */
  int64_t grain = scion__max(j->l.s == 1 ? 16 : 1, 16384 / scion__max(1, j->l.n * j->l.s));
  scion__parallel_range(ctx, j->l.channels, grain, sums, j);
}
static void run_rows(scion_context *ctx, job *j, void (*fn)(void *, int64_t, int64_t)) {
  if (j->l.s == 1) scion__parallel_range(ctx, j->l.n, scion__row_grain(j->l.channels), fn, j);
  else scion__parallel_range(ctx, j->l.n * j->l.channels, scion__row_grain(j->l.s), fn, j);
}

static void update_running(scion_tensor *t, int dtype, int64_t c, double momentum, double v) {
  int64_t at = c * t->strides[0];
  scion__store(t->data, dtype, at, (1 - momentum) * scion__load(t->data, dtype, at) + momentum * v);
}

static scion_status batch_forward(scion_call *c) {
  const batch_params *p = c->params;
  scion_tensor *x = NULL, *running_mean = scion__opt(c, MEAN), *running_var = scion__opt(c, VAR);
  SCION_TRY(scion__packed_in(c, X, &x));
  layout l = layout_of(x);
  size_t bytes = (size_t)l.channels * 4 * sizeof(double);
  double *scratch = scion__alloc(c->ctx, bytes ? bytes : 8);
  scion_status status = scratch == NULL ? SCION_ENOMEM : SCION_OK;
  int dtype = x->dtype;
  char *mean = c->out[1]->data, *inv = c->out[2]->data;
  if (status == SCION_OK) {
    job j = { .l = l, .dtype = dtype, .x = x->data, .sum = scratch, .square = scratch + l.channels, .y = c->out[0]->data };
    char *a = (char *)(scratch + 2 * l.channels), *b = (char *)(scratch + 3 * l.channels);
    double count = (double)l.n * (double)l.s;
    if (own_statistics(p, running_mean)) {
      /* one pass: deviations from each channel's first element, which is near the mean */
      for (int64_t k = 0; k < l.channels; k++) scion__store(a, dtype, k, scion__load(x->data, dtype, k * l.s));
      j.shift = a;
      run_sums(c->ctx, &j);
      for (int64_t k = 0; k < l.channels; k++) {
        double d = j.sum[k] / count, m = scion__load(a, dtype, k) + d, var = fmax(j.square[k] / count - d * d, 0);
        if (j.square[k] != j.square[k]) var = j.square[k];
        scion__store(mean, dtype, k, m);
        scion__store(inv, dtype, k, 1 / sqrt(var + p->eps));
        if (p->training && running_mean != NULL) {
          update_running(running_mean, dtype, k, p->momentum, m);
          update_running(running_var, dtype, k, p->momentum, var * count / (count - 1));
        }
      }
      if (p->training && running_mean != NULL) {
        scion_tensor_touch(running_mean);
        scion_tensor_touch(running_var);
      }
    } else {
      for (int64_t k = 0; k < l.channels; k++) {
        scion__store(mean, dtype, k, scion__load(running_mean->data, dtype, k * running_mean->strides[0]));
        scion__store(inv, dtype, k, 1 / sqrt(scion__load(running_var->data, dtype, k * running_var->strides[0]) + p->eps));
      }
    }
    const scion_tensor *w = scion__opt(c, WEIGHT), *bias = scion__opt(c, BIAS);
    for (int64_t k = 0; k < l.channels; k++) {
      double scale = scion__load(inv, dtype, k) * (w == NULL ? 1 : scion__load(w->data, dtype, k * w->strides[0]));
      double shift = (bias == NULL ? 0 : scion__load(bias->data, dtype, k * bias->strides[0])) - scion__load(mean, dtype, k) * scale;
      scion__store(a, dtype, k, scale);
      scion__store(b, dtype, k, shift);
    }
    j.a = a;
    j.b = b;
    run_rows(c->ctx, &j, affine);
    scion__free(c->ctx, scratch, bytes ? bytes : 8);
  }
  scion_tensor_free(c->ctx, x);
  return status;
}

static scion_status batch_grad_fused(scion_grad_call *g) {
  const batch_params *p = g->params;
  scion_context *ctx = g->x.ctx;
  scion_tensor *x = NULL, *dy = NULL, *dx = NULL, *dw = NULL, *db = NULL;
  const scion_tensor *w = scion__g_opt(g, WEIGHT);
  double *scratch = NULL;
  if (g->dy[0] == NULL) return SCION_OK;
  scion_status status = scion__tensor_packed(ctx, g->in[X], &x);
  if (status != SCION_OK) return status;
  layout l = layout_of(x);
  int dtype = x->dtype;
  size_t bytes = ((size_t)l.channels * 5 + 1) * sizeof(double);
  status = scion__tensor_packed(ctx, g->dy[0], &dy);
  if (status == SCION_OK && g->needs[X]) status = scion__tensor_alloc(ctx, dtype, x->n_dims, x->shape, &dx);
  if (status == SCION_OK && scion__g_needs(g, WEIGHT)) status = scion__tensor_alloc(ctx, dtype, 1, &l.channels, &dw);
  if (status == SCION_OK && scion__g_needs(g, BIAS)) status = scion__tensor_alloc(ctx, dtype, 1, &l.channels, &db);
  if (status == SCION_OK && (scratch = scion__alloc(ctx, bytes)) == NULL) status = SCION_ENOMEM;
  if (status == SCION_OK) {
    bool own = own_statistics(p, scion__g_opt(g, MEAN));
    const char *mean = g->out[1]->data, *inv = g->out[2]->data;
    job j = { .l = l, .dtype = dtype, .x = x->data, .dy = dy->data, .shift = mean, .sum = scratch, .square = scratch + l.channels };
    if (own || dw != NULL || db != NULL) run_sums(ctx, &j);
    char *a = (char *)(scratch + 2 * l.channels), *b = (char *)(scratch + 3 * l.channels), *d = (char *)(scratch + 4 * l.channels);
    double count = (double)l.n * (double)l.s;
    for (int64_t k = 0; k < l.channels; k++) {
      double s = scion__load(inv, dtype, k), scale = s * (w == NULL ? 1 : scion__load(w->data, dtype, k * w->strides[0]));
      double slope = own ? -scale * s * s * j.square[k] / count : 0;
      scion__store(a, dtype, k, scale);
      scion__store(b, dtype, k, slope);
      scion__store(d, dtype, k, own ? -scale * j.sum[k] / count - slope * scion__load(mean, dtype, k) : 0);
      if (dw != NULL) scion__store(dw->data, dtype, k, j.square[k] * s);
      if (db != NULL) scion__store(db->data, dtype, k, j.sum[k]);
    }
    if (dx != NULL) {
      j.a = a;
      j.b = b;
      j.d = d;
      j.y = dx->data;
      if (!own) { /* dx = a dy */
        j.x = dy->data;
        j.b = d;
      }
      run_rows(ctx, &j, own ? input_grad : affine);
    }
    scion__g_set(g, X, dx);
    scion__g_set(g, WEIGHT, dw);
    scion__g_set(g, BIAS, db);
  }
  if (scratch != NULL) scion__free(ctx, scratch, bytes);
  scion_tensor_free(ctx, x);
  scion_tensor_free(ctx, dy);
  scion_tensor_free(ctx, dx);
  scion_tensor_free(ctx, dw);
  scion_tensor_free(ctx, db);
  return status;
}

/* (C) -> (C, 1, ...) so that it broadcasts along dimension 1 of x. */
static scion_tensor *per_channel(scion_x *x, scion_tensor *t, const scion_tensor *like) {
  int64_t shape[SCION_MAX_DIMS] = { like->shape[1] };
  for (int32_t i = 1; i < like->n_dims - 1; i++) shape[i] = 1;
  return x_reshape(x, t, like->n_dims - 1, shape);
}

/* From x itself, so that the statistics are differentiated, too. */
static void batch_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  const batch_params *p = g->params;
  scion_tensor *in = g->in[X], *dy = g->dy[0], *w = scion__g_opt(g, WEIGHT);
  if (dy == NULL) return;
  int64_t dims[SCION_MAX_DIMS] = { 0 };
  int32_t n_dims = in->n_dims - 1;
  for (int32_t i = 1; i < n_dims; i++) dims[i] = i + 1;
  bool own = own_statistics(p, scion__g_opt(g, MEAN));
  if (scion__g_needs(g, BIAS)) scion__g_set(g, BIAS, x_sum(x, dy, n_dims, dims, false));
  if (!g->needs[X] && !scion__g_needs(g, WEIGHT)) return;
  scion_tensor *centred, *inv;
  if (own) {
    centred = x_sub(x, in, x_mean(x, in, n_dims, dims, true));
    inv = X1(rsqrt, x_adds(x, x_mean(x, X1(square, centred), n_dims, dims, true), p->eps));
  } else {
    centred = x_sub(x, in, per_channel(x, g->in[MEAN], in));
    inv = per_channel(x, X1(rsqrt, x_adds(x, g->in[VAR], p->eps)), in);
  }
  scion_tensor *unit = x_mul(x, centred, inv);
  if (scion__g_needs(g, WEIGHT)) scion__g_set(g, WEIGHT, x_sum(x, x_mul(x, dy, unit), n_dims, dims, false));
  if (!g->needs[X]) return;
  scion_tensor *up = w == NULL ? dy : x_mul(x, dy, per_channel(x, w, in));
  if (own) {
    scion_tensor *mean = x_mean(x, up, n_dims, dims, true), *slope = x_mean(x, x_mul(x, up, unit), n_dims, dims, true);
    up = x_sub(x, x_sub(x, up, mean), x_mul(x, unit, slope));
  }
  scion__g_set(g, X, x_mul(x, up, inv));
}
/* Running statistics change in training, where the gradient does not read them. */
static uint32_t batch_keeps(const scion_call *c, const bool *needs) {
  const batch_params *p = c->params;
  uint32_t keeps = SCION_KEEP_IN(X) | SCION_KEEP_IN(WEIGHT) | SCION_KEEP_OUT(1) | SCION_KEEP_OUT(2);
  return own_statistics(p, scion__opt(c, MEAN)) ? keeps : keeps | SCION_KEEP_IN(MEAN) | SCION_KEEP_IN(VAR);
}
static const scion_sample samples_batch[] = {
  { "4x3,3,3", "training=true" }, { "2x3x2x2,3,3", "training=true" }, { "3x2x2", "training=true" },
  { "4x3,3,3,3!,3:+!", "" }, { "2x3x2,3,-,3!,3:+!", "" }, { "4x3,3,3,3!,3:+!", "training=true momentum=0.3" } };
const scion_op scion__op_batch_norm = {
  .info = { .name = "batch_norm", .version = 1, .flags = SCION_OF_FUNCTION | SCION_OF_TRAINING,
            .doc = "Normalises every channel over the batch: (x - mean) / sqrt(var + eps) * weight + bias.",
            SCION_INPUTS(slots_batch), .outputs = slots_batch_out, .n_outputs = 3, .n_visible = 1,
            SCION_PARAMS(params_batch, batch_params) },
  .infer = batch_infer, .forward = batch_forward, .grad = batch_grad, .grad_fused = batch_grad_fused,
  .keeps = SCION_KEEP_IN(X) | SCION_KEEP_IN(WEIGHT) | SCION_KEEP_IN(MEAN) | SCION_KEEP_IN(VAR) | SCION_KEEP_OUT(1) | SCION_KEEP_OUT(2),
  .keeps_for = batch_keeps, SCION_SAMPLES(samples_batch) };
