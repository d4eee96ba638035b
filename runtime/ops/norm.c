/* norm.c: layer, group, instance and RMS normalisation, local response normalisation and normalize.
 * All stand on one internal op, standardize, which turns rows into zero mean and unit variance. */
#include <math.h>

#include "nn.h"

/* ---- standardize --------------------------------------------------------------------------------------------- */

typedef struct { int64_t n_dims; int32_t center; double eps; } standard_params;
static const scion_param params_standard[] = {
  { "n_dims", SCION_P_INT, 0, offsetof(standard_params, n_dims), .def = 1, .min = 1, .max = SCION_MAX_DIMS, .doc = "trailing dimensions that make a row" },
  { "center", SCION_P_BOOL, 0, offsetof(standard_params, center), .def = 1, .doc = "subtract the mean" },
  { "eps", SCION_P_FLOAT, 0, offsetof(standard_params, eps), .def = 1e-5, .min = 0, .max = 1e300, .doc = "added to the variance" } };

static int64_t row_length(const scion_tensor *x, int64_t n_dims) {
  int64_t n = 1;
  for (int64_t i = x->n_dims - n_dims; i < x->n_dims; i++) n *= x->shape[i];
  return n;
}
static scion_status standard_infer(scion_call *c) {
  const standard_params *p = c->params;
  SCION_TRY(scion__infer_float(c));
  SCION_TRY(scion__need_dims(c, 0, (int32_t)p->n_dims, SCION_MAX_DIMS));
  int64_t n = row_length(c->in[0], p->n_dims), rows = n == 0 ? 0 : c->in[0]->numel / n;
  scion__out(c, 1, c->in[0]->dtype, 1, &rows);
  return SCION_OK;
}
typedef struct {
  int64_t n;
  int dtype, center;
  double eps;
  const char *x, *weight, *bias, *dy, *inv;
  char *y, *inv_out;
} job;
static void standard_rows(void *ud, int64_t begin, int64_t end) {
  const job *j = ud;
  int64_t at = begin * j->n;
  if (j->dtype == SCION_F32) {
    scion__k->standardize_f32(end - begin, j->n, (const float *)j->x + at, (const float *)j->weight, (const float *)j->bias, j->center,
                              j->eps, (float *)j->y + at, j->inv_out == NULL ? NULL : (float *)j->inv_out + begin);
  } else {
    scion__k->standardize_f64(end - begin, j->n, (const double *)j->x + at, (const double *)j->weight, (const double *)j->bias, j->center,
                              j->eps, (double *)j->y + at, j->inv_out == NULL ? NULL : (double *)j->inv_out + begin);
  }
}
static void standard_grad_rows(void *ud, int64_t begin, int64_t end) {
  const job *j = ud;
  int64_t at = begin * j->n;
  if (j->dtype == SCION_F32) {
    scion__k->standardize_grad_f32(end - begin, j->n, (const float *)j->dy + at, (const float *)j->x + at, (const float *)j->inv + begin,
                                   j->center, (float *)j->y + at);
  } else {
    scion__k->standardize_grad_f64(end - begin, j->n, (const double *)j->dy + at, (const double *)j->x + at, (const double *)j->inv + begin,
                                   j->center, (double *)j->y + at);
  }
}
static scion_status standard_forward(scion_call *c) {
  const standard_params *p = c->params;
  scion_tensor *x;
  SCION_TRY(scion__packed_in(c, 0, &x));
  int64_t n = row_length(x, p->n_dims);
  job j = { .n = n, .dtype = x->dtype, .center = p->center, .eps = p->eps, .x = x->data, .y = c->out[0]->data, .inv_out = c->out[1]->data };
  if (n > 0) scion__parallel_range(c->ctx, x->numel / n, scion__row_grain(n), standard_rows, &j);
  scion_tensor_free(c->ctx, x);
  return SCION_OK;
}
static void standard_grad(scion_grad_call *g);
static scion_status standard_grad_fused(scion_grad_call *g) {
  const standard_params *p = g->params;
  scion_context *ctx = g->x.ctx;
  if (g->dy[0] == NULL || g->dy[1] != NULL) { /* through the standard deviation: only in higher orders */
    standard_grad(g);
    return g->x.status;
  }
  scion_tensor *dy = NULL, *dx = NULL, *y = g->out[0];
  scion_status status = scion__tensor_packed(ctx, g->dy[0], &dy);
  if (status == SCION_OK) status = scion__tensor_alloc(ctx, y->dtype, y->n_dims, y->shape, &dx);
  if (status == SCION_OK) {
    int64_t n = row_length(y, p->n_dims);
    job j = { .n = n, .dtype = y->dtype, .center = p->center, .x = y->data, .dy = dy->data, .inv = g->out[1]->data, .y = dx->data };
    if (n > 0) scion__parallel_range(ctx, y->numel / n, scion__row_grain(n), standard_grad_rows, &j);
    scion__g_set(g, 0, dx);
  }
  scion_tensor_free(ctx, dy);
  scion_tensor_free(ctx, dx);
  return status;
}
/* y = (x - mean) s. dx = s (dy - mean dy - y mean(dy y)); from ds: -s^2 y ds / n. */
static void standard_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  const standard_params *p = g->params;
  scion_tensor *y = g->out[0], *dx = NULL;
  int64_t n = row_length(y, p->n_dims), dims[SCION_MAX_DIMS], shape[SCION_MAX_DIMS];
  for (int32_t i = 0; i < y->n_dims; i++) shape[i] = i < y->n_dims - p->n_dims ? y->shape[i] : 1;
  for (int32_t i = 0; i < p->n_dims; i++) dims[i] = y->n_dims - p->n_dims + i;
  scion_tensor *s = x_reshape(x, g->out[1], y->n_dims, shape);
  if (g->dy[0] != NULL) {
    scion_tensor *dy = g->dy[0];
    dx = x_sub(x, dy, x_mul(x, y, x_mean(x, x_mul(x, dy, y), (int32_t)p->n_dims, dims, true)));
    if (p->center) dx = x_sub(x, dx, x_mean(x, dy, (int32_t)p->n_dims, dims, true));
    dx = x_mul(x, dx, s);
  }
  if (g->dy[1] != NULL) {
    scion_tensor *ds = x_mul(x, x_reshape(x, g->dy[1], y->n_dims, shape), X1(square, s));
    scion_tensor *part = x_muls(x, x_mul(x, ds, y), -1 / (double)n);
    dx = dx == NULL ? part : x_add(x, dx, part);
  }
  scion__g_set(g, 0, dx);
}
static const scion_slot slots_standard_out[] = { { "y", 0, "like x" }, { "inv_std", 0, "(rows)" } };
static const scion_sample samples_standard[] = { { "3x4", "" }, { "2x3x2", "n_dims=2" }, { "3x4", "center=false" } };
const scion_op scion__op_standardize = {
  .info = { .name = "standardize", .version = 1, .flags = SCION_OF_INTERNAL,
            .doc = "Rows (trailing dimensions) with zero mean and unit variance.", SCION_INPUTS(scion__slots_x),
            .outputs = slots_standard_out, .n_outputs = 2, .n_visible = 1, SCION_PARAMS(params_standard, standard_params) },
  .infer = standard_infer, .forward = standard_forward, .grad = standard_grad, .grad_fused = standard_grad_fused,
  .keeps = SCION_KEEP_OUT(0) | SCION_KEEP_OUT(1), SCION_SAMPLES(samples_standard) };

static scion_tensor *standardize(scion_x *x, scion_tensor *t, int64_t n_dims, bool center, double eps) {
  standard_params p = { n_dims, center, eps };
  return scion__x1(x, &scion__op_standardize, &p, t);
}

/* ---- layer_norm, rms_norm --------------------------------------------------------------------------------------- */

typedef struct { scion_ints shape; double eps; } layer_params;
#define SHAPE_PARAM                                                                                                    \
  { "normalized_shape", SCION_P_INTS, 0, offsetof(layer_params, shape), .def_ints = { .n = -1 }, .min = 1, .max = 1e15, \
    .doc = "trailing dimensions that are normalised together; default those of weight, else the last" }
static const scion_param params_layer[] = { SHAPE_PARAM,
  { "eps", SCION_P_FLOAT, 0, offsetof(layer_params, eps), .def = 1e-5, .min = 0, .max = 1e300, .doc = "added to the variance" } };
static const scion_param params_rms[] = { SHAPE_PARAM,
  { "eps", SCION_P_FLOAT, 0, offsetof(layer_params, eps), .def = 1.1920929e-7, .min = 0, .max = 1e300, .doc = "added to the mean square" } };

static int32_t layer_dims(const scion_call *c) {
  const layer_params *p = c->params;
  if (p->shape.n >= 0) return p->shape.n;
  return scion__opt(c, 1) != NULL ? c->in[1]->n_dims : 1;
}
static scion_status layer_infer(scion_call *c) {
  const layer_params *p = c->params;
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  SCION_TRY(scion__infer_float(c));
  const scion_tensor *x = c->in[0];
  int32_t n = layer_dims(c);
  if (n < 1) return SCION_OP_FAIL(c, SCION_ESHAPE, "normalized_shape needs at least one dimension");
  const int64_t *tail = x->shape + x->n_dims - n;
  if (p->shape.n > 0 && (x->n_dims < n || memcmp(tail, p->shape.v, (size_t)n * sizeof *tail) != 0)) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "x %s does not end in normalized_shape %s", scion__tensor_brief(a, x),
                         scion__shape_text(b, n, p->shape.v));
  }
  SCION_TRY(scion__need_dims(c, 0, n, SCION_MAX_DIMS));
  for (int32_t i = 1; i < c->n_in; i++) {
    const scion_tensor *t = c->in[i];
    if (t == NULL) continue;
    SCION_TRY(scion__need_same_dtype(c, 0, i));
    if (t->n_dims != n || memcmp(t->shape, tail, (size_t)n * sizeof *tail) != 0) {
      return SCION_OP_FAIL(c, SCION_ESHAPE, "%s must be %s, the trailing dimensions of x %s, got %s", scion__slot_name(c, i),
                           scion__shape_text(b, n, tail), scion__tensor_brief(a, x), scion__tensor_brief((char[SCION_SHAPE_TEXT]){ 0 }, t));
    }
  }
  return SCION_OK;
}
/* Without recording: everything in one pass. */
static scion_status layer_forward(scion_call *c) {
  const layer_params *p = c->params;
  scion_tensor *x = NULL, *w = NULL, *b = NULL, *ones = NULL;
  scion_status status = scion__packed_in(c, 0, &x);
  if (status == SCION_OK && scion__opt(c, 1) != NULL) status = scion__packed_in(c, 1, &w);
  if (status == SCION_OK && scion__opt(c, 2) != NULL) status = scion__packed_in(c, 2, &b);
  int32_t n_dims = layer_dims(c);
  if (status == SCION_OK && b != NULL && w == NULL) { /* the loop knows no bias without a weight */
    status = scion__tensor_alloc(c->ctx, x->dtype, b->n_dims, b->shape, &ones);
    if (status == SCION_OK) scion__tensor_fill(c->ctx, ones, 1);
  }
  if (status == SCION_OK) {
    int64_t n = row_length(x, n_dims);
    const scion_tensor *scale = w != NULL ? w : ones;
    job j = { .n = n, .dtype = x->dtype, .center = c->op == &scion__op_layer_norm, .eps = p->eps, .x = x->data,
              .weight = scale == NULL ? NULL : scale->data, .bias = b == NULL ? NULL : b->data, .y = c->out[0]->data };
    if (n > 0) scion__parallel_range(c->ctx, x->numel / n, scion__row_grain(n), standard_rows, &j);
  }
  scion_tensor_free(c->ctx, x);
  scion_tensor_free(c->ctx, w);
  scion_tensor_free(c->ctx, b);
  scion_tensor_free(c->ctx, ones);
  return status;
}
static void layer_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const layer_params *p = c->params;
  scion_tensor *y = standardize(x, c->in[0], layer_dims(c), c->op == &scion__op_layer_norm, p->eps);
  if (scion__opt(c, 1) != NULL) y = x_mul(x, y, c->in[1]);
  if (scion__opt(c, 2) != NULL) y = x_add(x, y, c->in[2]);
  out[0] = y;
}
static const scion_slot slots_layer[] = { { "x", 0, "(..., D)" }, { "weight", SCION_SF_OPTIONAL | SCION_SF_PARAM, "(D) scale; default 1" },
                                          { "bias", SCION_SF_OPTIONAL | SCION_SF_PARAM, "(D) shift; default 0" } };
static const scion_sample samples_layer[] = { { "3x4,4,4", "" }, { "2x3x4,3x4,3x4", "" }, { "3x4", "normalized_shape=4" }, { "3x4,-,4", "" } };
const scion_op scion__op_layer_norm = {
  .info = { "layer_norm", 1, SCION_OF_FUNCTION, "Normalises the trailing dimensions of every item: (x - mean) / sqrt(var + eps) * weight + bias.",
            SCION_INPUTS(slots_layer), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_layer, layer_params) },
  .infer = layer_infer, .forward = layer_forward, .compose = layer_compose, SCION_SAMPLES(samples_layer) };
static const scion_slot slots_rms[] = { { "x", 0, "(..., D)" }, { "weight", SCION_SF_OPTIONAL | SCION_SF_PARAM, "(D) scale; default 1" } };
static const scion_sample samples_rms[] = { { "3x4,4", "" }, { "2x3x4", "normalized_shape=3,4" } };
const scion_op scion__op_rms_norm = {
  .info = { "rms_norm", 1, SCION_OF_FUNCTION, "x / sqrt(mean(x^2) + eps) * weight over the trailing dimensions.", SCION_INPUTS(slots_rms),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_rms, layer_params) },
  .infer = layer_infer, .forward = layer_forward, .compose = layer_compose, SCION_SAMPLES(samples_rms) };

/* ---- group_norm, instance_norm ---------------------------------------------------------------------------------- */

static scion_status check_channels(const scion_call *c, int32_t first, int32_t last) {
  SCION_TRY(scion__need_dims(c, 0, 2, SCION_MAX_DIMS));
  for (int32_t i = first; i <= last; i++) {
    const scion_tensor *t = scion__opt(c, i);
    if (t == NULL) continue;
    SCION_TRY(scion__need_same_dtype(c, 0, i));
    if (t->n_dims != 1 || t->shape[0] != c->in[0]->shape[1]) {
      char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
      return SCION_OP_FAIL(c, SCION_ESHAPE, "%s must be (%lld), one value per channel of x %s, got %s", scion__slot_name(c, i),
                           (long long)c->in[0]->shape[1], scion__tensor_brief(a, c->in[0]), scion__tensor_brief(b, t));
    }
  }
  return SCION_OK;
}
static scion_tensor *per_channel(scion_x *x, scion_tensor *t, const scion_tensor *like) {
  int64_t shape[SCION_MAX_DIMS] = { like->shape[1] };
  for (int32_t i = 1; i < like->n_dims - 1; i++) shape[i] = 1;
  return x_reshape(x, t, like->n_dims - 1, shape);
}
static scion_tensor *affine(scion_x *x, scion_tensor *y, const scion_tensor *like, scion_tensor *weight, scion_tensor *bias) {
  if (weight != NULL) y = x_mul(x, y, per_channel(x, weight, like));
  if (bias != NULL) y = x_add(x, y, per_channel(x, bias, like));
  return y;
}
static scion_tensor *group_standardize(scion_x *x, scion_tensor *in, int64_t groups, double eps) {
  int64_t n = in->numel / scion__max(1, in->shape[0] * groups);
  scion_tensor *rows = x_reshape(x, in, 3, (int64_t[]){ in->shape[0], groups, n });
  return x_reshape_like(x, standardize(x, rows, 1, true, eps), in);
}

typedef struct { int64_t groups; double eps; } group_params;
static const scion_param params_group[] = {
  { "num_groups", SCION_P_INT, SCION_PF_REQUIRED, offsetof(group_params, groups), .def = 1, .min = 1, .max = 1e15, .doc = "groups of channels" },
  { "eps", SCION_P_FLOAT, 0, offsetof(group_params, eps), .def = 1e-5, .min = 0, .max = 1e300, .doc = "added to the variance" } };
static scion_status group_infer(scion_call *c) {
  const group_params *p = c->params;
  SCION_TRY(scion__infer_float(c));
  SCION_TRY(check_channels(c, 1, 2));
  if (p->groups < 1 || c->in[0]->shape[1] % p->groups != 0) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "%lld channels cannot be split into %lld groups", (long long)c->in[0]->shape[1], (long long)p->groups);
  }
  return SCION_OK;
}
static void group_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const group_params *p = c->params;
  out[0] = affine(x, group_standardize(x, c->in[0], p->groups, p->eps), c->in[0], scion__opt(c, 1), scion__opt(c, 2));
}
static const scion_slot slots_group[] = { { "x", 0, "(N, C, ...)" }, { "weight", SCION_SF_OPTIONAL | SCION_SF_PARAM, "(C) scale; default 1" },
                                          { "bias", SCION_SF_OPTIONAL | SCION_SF_PARAM, "(C) shift; default 0" } };
static const scion_sample samples_group[] = { { "2x4x3,4,4", "num_groups=2" }, { "2x4x2x2", "num_groups=1" } };
const scion_op scion__op_group_norm = {
  .info = { "group_norm", 1, SCION_OF_FUNCTION, "Normalises groups of channels of every item, then scales and shifts each channel.",
            SCION_INPUTS(slots_group), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_group, group_params) },
  .infer = group_infer, .compose = group_compose, SCION_SAMPLES(samples_group) };

typedef struct { double eps; } eps_params;
static const scion_param params_instance[] = {
  { "eps", SCION_P_FLOAT, 0, offsetof(eps_params, eps), .def = 1e-5, .min = 0, .max = 1e300, .doc = "added to the variance" } };
static scion_status instance_infer(scion_call *c) {
  SCION_TRY(scion__infer_float(c));
  SCION_TRY(check_channels(c, 1, 2));
  SCION_TRY(scion__need_dims(c, 0, 3, SCION_MAX_DIMS));
  const scion_tensor *x = c->in[0];
  if (x->numel > 0 && x->numel == x->shape[0] * x->shape[1]) {
    char a[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "needs more than 1 value per channel and item, got x %s", scion__tensor_brief(a, x));
  }
  return SCION_OK;
}
static void instance_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *in = c->in[0];
  out[0] = affine(x, group_standardize(x, in, in->shape[1], ((const eps_params *)c->params)->eps), in, scion__opt(c, 1), scion__opt(c, 2));
}
static const scion_sample samples_instance[] = { { "2x3x4,3,3", "" }, { "2x3x2x2", "" } };
const scion_op scion__op_instance_norm = {
  .info = { "instance_norm", 1, SCION_OF_FUNCTION, "Normalises every channel of every item by its own statistics. With running ones, use batch_norm.",
            SCION_INPUTS(slots_group), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_instance, eps_params) },
  .infer = instance_infer, .compose = instance_compose, SCION_SAMPLES(samples_instance) };

/* ---- local_response_norm, normalize ------------------------------------------------------------------------------ */

typedef struct { int64_t size; double alpha, beta, k; } response_params;
static const scion_param params_response[] = {
  { "size", SCION_P_INT, SCION_PF_REQUIRED, offsetof(response_params, size), .def = 5, .min = 1, .max = 1e6, .doc = "neighbouring channels that count" },
  { "alpha", SCION_P_FLOAT, 0, offsetof(response_params, alpha), .def = 1e-4, .doc = "weight of the mean square" },
  { "beta", SCION_P_FLOAT, 0, offsetof(response_params, beta), .def = 0.75, .doc = "exponent" },
  { "k", SCION_P_FLOAT, 0, offsetof(response_params, k), .def = 1, .doc = "added before the exponent" } };
static scion_status response_infer(scion_call *c) {
  SCION_TRY(scion__infer_float(c));
  return scion__need_dims(c, 0, 2, SCION_MAX_DIMS);
}
/* x (k + alpha mean of x^2 over `size` channels)^-beta; channels outside count as 0. */
static void response_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const response_params *p = c->params;
  scion_tensor *in = c->in[0], *square = X1(square, in), *total = NULL;
  int64_t channels = in->shape[1], before = p->size / 2;
  if (channels == 0) {
    out[0] = X1(clone, in);
    return;
  }
  for (int64_t k = 0; k < p->size; k++) { /* channel c takes c - before + k */
    int64_t shift = k - before, keep = channels - (shift < 0 ? -shift : shift);
    if (keep <= 0) continue;
    scion_tensor *part = x_narrow(x, square, 1, shift > 0 ? shift : 0, keep);
    if (shift != 0) {
      int64_t shape[SCION_MAX_DIMS];
      for (int32_t i = 0; i < in->n_dims; i++) shape[i] = i == 1 ? channels - keep : in->shape[i];
      scion_tensor *zeros = x_full(x, in->dtype, in->n_dims, shape, 0);
      scion_tensor *parts[2] = { shift < 0 ? zeros : part, shift < 0 ? part : zeros };
      part = x_cat(x, 2, parts, 1);
    }
    total = total == NULL ? part : x_add(x, total, part);
  }
  scion_tensor *base = x_adds(x, x_muls(x, total, p->alpha / (double)p->size), p->k);
  out[0] = x_mul(x, in, X2(pow, base, x_scalar(x, in->dtype, -p->beta)));
}
static const scion_sample samples_response[] = { { "2x5x2", "size=3 alpha=0.5" }, { "2x3", "size=4 alpha=1 beta=0.5 k=2" } };
const scion_op scion__op_local_response_norm = {
  .info = { "local_response_norm", 1, SCION_OF_FUNCTION, "x / (k + alpha * mean of x^2 over neighbouring channels)^beta.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_response, response_params) },
  .infer = response_infer, .compose = response_compose, SCION_SAMPLES(samples_response) };

typedef struct { double p, eps; int64_t dim; } normalize_params;
static const scion_param params_normalize[] = {
  { "p", SCION_P_FLOAT, 0, offsetof(normalize_params, p), .def = 2, .min = 1e-3, .max = 1.0 / 0.0, .doc = "order of the norm" },
  { "dim", SCION_P_INT, SCION_PF_INDEX, offsetof(normalize_params, dim), .def = 1, .doc = "dimension of the vectors; default the second" },
  { "eps", SCION_P_FLOAT, 0, offsetof(normalize_params, eps), .def = 1e-12, .min = 0, .max = 1e300, .doc = "smallest norm to divide by" } };
static scion_status normalize_infer(scion_call *c) {
  int32_t dim;
  SCION_TRY(scion__infer_float(c));
  return scion__check_dim(c->ctx, c->op->info.name, ((const normalize_params *)c->params)->dim, c->in[0]->n_dims, &dim);
}
static void normalize_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const normalize_params *p = c->params;
  scion_tensor *in = c->in[0], *norm;
  int64_t dim = in->n_dims == 0 ? 0 : p->dim;
  if (p->p == 2) {
    norm = x_sum(x, X1(square, in), in->n_dims > 0, &dim, true);
    norm = X1(sqrt, X2(maximum, norm, x_scalar(x, in->dtype, fmax(p->eps * p->eps, 1e-37))));
  } else if (isinf(p->p)) {
    scion__reduce_params amax = { { in->n_dims > 0, { dim } }, true };
    norm = scion__x1(x, &scion__op_amax, &amax, X1(abs, in));
  } else {
    norm = x_sum(x, X2(pow, X1(abs, in), x_scalar(x, in->dtype, p->p)), in->n_dims > 0, &dim, true);
    norm = X2(pow, norm, x_scalar(x, in->dtype, 1 / p->p));
  }
  out[0] = x_div(x, in, X2(maximum, norm, x_scalar(x, in->dtype, p->eps)));
}
static const scion_sample samples_normalize[] = { { "3x4", "" }, { "3x4:d", "p=1 dim=0" }, { "2x3:d", "p=3 dim=-1" } };
const scion_op scion__op_normalize = {
  .info = { "normalize", 1, 0, "Vectors divided by their p-norm.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_normalize, normalize_params) },
  .infer = normalize_infer, .compose = normalize_compose, SCION_SAMPLES(samples_normalize) };
