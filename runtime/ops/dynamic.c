/* dynamic.c: operations whose sizes, limits or dimensions stand in tensors, so that a graph may compute them (the shape
 * arithmetic of ONNX). Each reads those numbers and calls the plain operation, which also gives the gradient.
 * Everything counts from 0; numbers are i32 or i64 tensors of at most SCION_MAX_INTS elements. */
#include <math.h>
#include <stdio.h>

#include "op.h"
#include "params.h"

static scion_status unknown_shape(scion_call *c) { return SCION_OK; }

/* Input i as numbers; n -1: omitted. */
static scion_ints ints_of(scion_x *x, const scion_call *c, int32_t i) {
  scion_ints out = { .n = -1 };
  if (x->status != SCION_OK || i >= c->n_in || c->in[i] == NULL) return out;
  scion_tensor *t = c->in[i], *packed;
  if ((x->status = scion__need_int(c, i)) != SCION_OK) return out;
  if (t->numel > SCION_MAX_INTS) {
    x->status = SCION_OP_FAIL(c, SCION_EUNSUPPORTED, "%s holds %lld numbers, at most %d are possible", c->op->info.inputs[i].name, (long long)t->numel,
                              SCION_MAX_INTS);
    return out;
  }
  if ((x->status = scion__tensor_packed(c->ctx, t, &packed)) != SCION_OK) return out;
  out.n = (int32_t)packed->numel;
  for (int32_t k = 0; k < out.n; k++)
    out.v[k] = packed->dtype == SCION_I64 ? ((const int64_t *)(void *)packed->data)[k] : ((const int32_t *)(void *)packed->data)[k];
  scion_tensor_free(c->ctx, packed);
  return out;
}
/* The one number of input i, or `def` when it is omitted. */
static int64_t int_of(scion_x *x, const scion_call *c, int32_t i, int64_t def) {
  scion_ints v = ints_of(x, c, i);
  if (x->status == SCION_OK && v.n >= 0 && v.n != 1)
    x->status = SCION_OP_FAIL(c, SCION_ESHAPE, "%s must be one number, got %d", c->op->info.inputs[i].name, v.n);
  return v.n == 1 ? v.v[0] : def;
}
static double float_of(scion_x *x, const scion_call *c, int32_t i, double def) {
  static const int64_t zeros[SCION_MAX_DIMS] = { 0 };
  double v = def;
  if (x->status != SCION_OK || i >= c->n_in || c->in[i] == NULL) return def;
  if (c->in[i]->numel != 1) x->status = SCION_OP_FAIL(c, SCION_ESHAPE, "%s must be one number", c->op->info.inputs[i].name);
  else x->status = scion_tensor_get(c->ctx, c->in[i], zeros, &v);
  return v;
}
static bool fail(scion_x *x, const scion_call *c, const char *what) {
  if (x->status == SCION_OK) x->status = SCION_OP_FAIL(c, SCION_EINVAL, "%s", what);
  return false;
}
/* Dimension d of n, from the front. */
static bool dim_of(scion_x *x, const scion_call *c, int64_t d, int32_t n, int32_t *out) {
  if (x->status != SCION_OK) return false;
  x->status = scion__check_dim(c->ctx, c->op->info.name, d, n, out);
  return x->status == SCION_OK;
}
#define FLAGS (SCION_OF_DYNAMIC | SCION_OF_INTERNAL)

/* ---- shapes ---------------------------------------------------------------------------------------------- */

typedef struct { int64_t start, stop; } range_params;
static void shape_range(const scion_call *c, int32_t *from, int32_t *to) {
  const range_params *p = c->params;
  int64_t n = c->in[0]->n_dims, a = p->start < 0 ? p->start + n : p->start, b = p->stop == SCION_NONE ? n : p->stop < 0 ? p->stop + n : p->stop;
  *from = (int32_t)scion__max(0, scion__min(a, n));
  *to = (int32_t)scion__max(*from, scion__min(b, n));
}
static scion_status shape_infer(scion_call *c) {
  int32_t a, b;
  shape_range(c, &a, &b);
  scion__out(c, 0, SCION_I64, 1, (int64_t[]){ b - a });
  return SCION_OK;
}
static scion_status shape_forward(scion_call *c) {
  int32_t a, b;
  shape_range(c, &a, &b);
  if (b > a) memcpy(c->out[0]->data, c->in[0]->shape + a, (size_t)(b - a) * sizeof(int64_t));
  return SCION_OK;
}
static const scion_param params_range[] = {
  { "start", SCION_P_INT, 0, offsetof(range_params, start), .def = 0, .doc = "first dimension" },
  { "stop", SCION_P_INT, 0, offsetof(range_params, stop), .def = (double)SCION_NONE, .doc = "dimension after the last; default: all" } };
static const scion_sample samples_shape[] = { { "2x3", "" }, { "2x3x4", "start=-2" } };
const scion_op scion__op_shape_of = {
  .info = { "shape_of", 1, SCION_OF_NO_GRAD | SCION_OF_INTERNAL, "The sizes of x as an i64 tensor, for graphs that compute with them.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_range, range_params) },
  .infer = shape_infer, .forward = shape_forward, SCION_SAMPLES(samples_shape) };

typedef struct { int32_t allow_zero; } zero_params;
static void reshape_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const zero_params *p = c->params;
  scion_ints s = ints_of(x, c, 1);
  if (x->status != SCION_OK) return;
  if (s.n > SCION_MAX_DIMS) {
    fail(x, c, "more than 8 dimensions");
    return;
  }
  for (int32_t d = 0; d < s.n && !p->allow_zero; d++) {
    if (s.v[d] != 0) continue;
    if (d >= c->in[0]->n_dims) fail(x, c, "a size of 0 copies a dimension that x does not have");
    else s.v[d] = c->in[0]->shape[d];
  }
  out[0] = x_reshape(x, c->in[0], s.n, s.v);
}
static const scion_slot slots_shape[] = { { "x", 0, "input" }, { "shape", 0, "sizes" } };
static const scion_param params_zero[] = {
  { "allow_zero", SCION_P_BOOL, 0, offsetof(zero_params, allow_zero), .def = 0, .doc = "a size of 0 means 0; else the size of x there" } };
#define DYNAMIC(name, flags, slots, outputs, params, type, compose_, doc_, ...) \
  static const scion_sample samples_##name[] = { __VA_ARGS__ }; \
  const scion_op scion__op_##name = { .info = { #name, 1, FLAGS | (flags), doc_, SCION_INPUTS(slots), SCION_OUTPUTS(outputs), SCION_PARAMS(params, type) }, \
                                      .infer = unknown_shape, .compose = compose_, SCION_SAMPLES(samples_##name) };
#define DYNAMIC0(name, flags, slots, outputs, compose_, doc_, ...) \
  static const scion_sample samples_##name[] = { __VA_ARGS__ }; \
  const scion_op scion__op_##name = { .info = { #name, 1, FLAGS | (flags), doc_, SCION_INPUTS(slots), SCION_OUTPUTS(outputs) }, \
                                      .infer = unknown_shape, .compose = compose_, SCION_SAMPLES(samples_##name) };
DYNAMIC(reshape_by, 0, slots_shape, scion__slots_y, params_zero, zero_params, reshape_compose, "x in the shape that a tensor holds; -1: what is left, 0: as x.",
  { "3x4,=2;-1", "" }, { "3x4,=0;2;2", "" })

static void expand_compose(scion_x *x, const scion_call *c, scion_tensor **out) { /* broadcasts both ways */
  scion_ints s = ints_of(x, c, 1);
  scion_tensor like = { 0 };
  if (x->status != SCION_OK) return;
  if (s.n > SCION_MAX_DIMS || !scion__broadcast(c->in[0]->n_dims, c->in[0]->shape, s.n, s.v, &like.n_dims, like.shape)) {
    fail(x, c, "x cannot be broadcast to the shape");
    return;
  }
  out[0] = x_expand_like(x, c->in[0], &like);
}
DYNAMIC0(expand_by, 0, slots_shape, scion__slots_y, expand_compose, "x broadcast with the shape that a tensor holds.",
  { "3x1,=2;1;4", "" })

static void tile_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion__room r;
  scion_ints times = ints_of(x, c, 1);
  void *p = scion__params(&r, &scion__op_tile);
  scion__set_ints(&scion__op_tile, p, "times", &times);
  out[0] = scion__x1(x, &scion__op_tile, p, c->in[0]);
}
static const scion_slot slots_times[] = { { "x", 0, "input" }, { "times", 0, "repetitions of each dimension" } };
DYNAMIC0(tile_by, 0, slots_times, scion__slots_y, tile_compose, "x repeated as often as a tensor says.",
  { "2x3,=2;1", "" })

static const scion_slot slots_axes[] = { { "x", 0, "input" }, { "axes", SCION_SF_OPTIONAL, "dimensions" } };
static void squeeze_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion__room r;
  scion_ints axes = ints_of(x, c, 1);
  void *p = scion__params(&r, &scion__op_squeeze);
  if (axes.n >= 0) scion__set_ints(&scion__op_squeeze, p, "dim", &axes);
  out[0] = axes.n == 0 ? x_reshape_like(x, c->in[0], c->in[0]) : scion__x1(x, &scion__op_squeeze, p, c->in[0]);
}
DYNAMIC0(squeeze_by, 0, slots_axes, scion__slots_y, squeeze_compose, "x without the named dimensions of size 1 (without axes: all of them).",
  { "2x1x3,=1", "" }, { "2x1x1", "" })
static void unsqueeze_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_ints axes = ints_of(x, c, 1);
  int32_t n = c->in[0]->n_dims + (int32_t)scion__max(axes.n, 0), k = 0;
  int64_t shape[SCION_MAX_DIMS + SCION_MAX_INTS];
  bool fresh[SCION_MAX_DIMS + SCION_MAX_INTS] = { false };
  if (x->status != SCION_OK) return;
  if (n > SCION_MAX_DIMS) {
    fail(x, c, "more than 8 dimensions");
    return;
  }
  for (int32_t i = 0; i < axes.n; i++) {
    int32_t d;
    if (!dim_of(x, c, axes.v[i], n, &d)) return;
    if (fresh[d]) {
      fail(x, c, "axes names a dimension twice");
      return;
    }
    fresh[d] = true;
  }
  for (int32_t d = 0; d < n; d++) shape[d] = fresh[d] ? 1 : c->in[0]->shape[k++];
  out[0] = x_reshape(x, c->in[0], n, shape);
}
static const scion_slot slots_new_axes[] = { { "x", 0, "input" }, { "axes", 0, "places of the new dimensions in the result" } };
DYNAMIC0(unsqueeze_by, 0, slots_new_axes, scion__slots_y, unsqueeze_compose, "x with new dimensions of size 1.",
  { "2x3,=0;-1", "" })

/* ---- parts ------------------------------------------------------------------------------------------------ */

scion_tensor *scion__x_slice(scion_x *x, scion_tensor *t, int64_t dim, int64_t start, int64_t stop, int64_t step) { /* ONNX's rules; any step but 0 */
  scion__room r;
  if (x->status != SCION_OK || t == NULL) return NULL;
  int64_t n = t->shape[dim];
  if (start < 0) start += n;
  if (stop < 0) stop = stop < -n ? -1 : stop + n;
  if (step < 0) {
    scion_ints dims = { 1, { dim } };
    void *p = scion__params(&r, &scion__op_flip);
    scion__set_ints(&scion__op_flip, p, "dims", &dims);
    t = scion__x1(x, &scion__op_flip, p, t);
    start = n - 1 - scion__max(-1, scion__min(start, n - 1));
    stop = n - 1 - scion__max(-1, scion__min(stop, n - 1));
    step = -step;
  }
  start = scion__max(0, scion__min(start, n));
  stop = scion__max(start, scion__min(stop, n));
  void *p = scion__params(&r, &scion__op_slice);
  scion__set_int(&scion__op_slice, p, "dim", dim);
  scion__set_int(&scion__op_slice, p, "start", start);
  scion__set_int(&scion__op_slice, p, "stop", stop);
  scion__set_int(&scion__op_slice, p, "step", step);
  return scion__x1(x, &scion__op_slice, p, t);
}
static void slice_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_ints starts = ints_of(x, c, 1), stops = ints_of(x, c, 2), axes = ints_of(x, c, 3), steps = ints_of(x, c, 4);
  out[0] = c->in[0];
  if (x->status != SCION_OK) return;
  if (stops.n != starts.n || (axes.n >= 0 && axes.n != starts.n) || (steps.n >= 0 && steps.n != starts.n)) {
    fail(x, c, "starts, stops, axes and steps differ in length");
    return;
  }
  for (int32_t i = 0; i < starts.n; i++) {
    int32_t d;
    int64_t step = steps.n >= 0 ? steps.v[i] : 1;
    if (!dim_of(x, c, axes.n >= 0 ? axes.v[i] : i, c->in[0]->n_dims, &d)) return;
    if (step == 0 || step == INT64_MIN) {
      fail(x, c, "a step is 0");
      return;
    }
    out[0] = scion__x_slice(x, out[0], d, starts.v[i], stops.v[i], step);
  }
  if (starts.n == 0) out[0] = scion__x1(x, &scion__op_clone, NULL, c->in[0]);
}
static const scion_slot slots_slice[] = { { "x", 0, "input" }, { "starts", 0, "first positions" }, { "stops", 0, "positions after the last" },
  { "axes", SCION_SF_OPTIONAL, "dimensions; default: the first ones" }, { "steps", SCION_SF_OPTIONAL, "may be negative; default 1" } };
DYNAMIC0(slice_by, 0, slots_slice, scion__slots_y, slice_compose, "Windows of several dimensions whose limits stand in tensors.",
  { "4x5,=0;4,=3;0,=0;1,=1;-2", "" }, { "4x5,=1,=3", "" })

typedef struct { int64_t dim, index; } part_params;
static void part_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const part_params *p = c->params;
  scion_ints sizes = ints_of(x, c, 1);
  int32_t d;
  int64_t start = 0;
  if (x->status != SCION_OK || !dim_of(x, c, p->dim, c->in[0]->n_dims, &d)) return;
  if (p->index < 0 || p->index >= sizes.n) {
    fail(x, c, "there are fewer sizes than parts");
    return;
  }
  for (int64_t i = 0; i < p->index; i++) start += sizes.v[i];
  if (start < 0 || sizes.v[p->index] < 0 || sizes.v[p->index] > c->in[0]->shape[d] - start) fail(x, c, "the sizes do not fit the dimension");
  else out[0] = x_narrow(x, c->in[0], d, start, sizes.v[p->index]);
}
static const scion_slot slots_sizes[] = { { "x", 0, "input" }, { "sizes", 0, "of the parts" } };
static const scion_param params_part[] = {
  { "dim", SCION_P_INT, SCION_PF_INDEX, offsetof(part_params, dim), .def = 0, .doc = "dimension to split" },
  { "index", SCION_P_INT, 0, offsetof(part_params, index), .def = 0, .doc = "which part, from 0" } };
DYNAMIC(split_by, 0, slots_sizes, scion__slots_y, params_part, part_params, part_compose, "One part of x split into sizes that a tensor holds.",
  { "2x5,=2;3", "dim=1 index=1" })

typedef struct { int32_t mode; } pad_params;
static void pad_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion__room r;
  scion_ints pads = ints_of(x, c, 1), axes = ints_of(x, c, 3), list = { .n = 0 };
  double value = float_of(x, c, 2, 0);
  int32_t n = c->in[0]->n_dims, m = axes.n >= 0 ? axes.n : n, d;
  int64_t both[SCION_MAX_DIMS][2] = { { 0 } };
  if (x->status != SCION_OK) return;
  if (pads.n != 2 * m) {
    fail(x, c, "pads needs two numbers for every dimension");
    return;
  }
  for (int32_t i = 0; i < m; i++) {
    if (!dim_of(x, c, axes.n >= 0 ? axes.v[i] : i, n, &d)) return;
    both[d][0] = pads.v[i];
    both[d][1] = pads.v[m + i];
  }
  for (d = n - 1; d >= 0; d--) list.v[list.n++] = both[d][0], list.v[list.n++] = both[d][1];
  while (list.n > 0 && list.v[list.n - 1] == 0 && list.v[list.n - 2] == 0) list.n -= 2;
  void *p = scion__params(&r, &scion__op_pad);
  scion__set_ints(&scion__op_pad, p, "pad", &list);
  scion__set_float(&scion__op_pad, p, "value", value);
  scion__set_int(&scion__op_pad, p, "mode", ((const pad_params *)c->params)->mode);
  out[0] = list.n == 0 ? scion__x1(x, &scion__op_clone, NULL, c->in[0]) : scion__x1(x, &scion__op_pad, p, c->in[0]);
}
static const char *const pad_modes[] = { "constant", "reflect", "replicate", "circular", NULL };
static const scion_slot slots_pad[] = { { "x", 0, "input" }, { "pads", 0, "before every dimension, then after every dimension" },
  { "value", SCION_SF_OPTIONAL, "to fill with" }, { "axes", SCION_SF_OPTIONAL, "dimensions; default: all" } };
static const scion_param params_pad[] = {
  { "mode", SCION_P_ENUM, 0, offsetof(pad_params, mode), .def = 0, .choices = pad_modes, .doc = "what the border holds" } };
DYNAMIC(pad_by, 0, slots_pad, scion__slots_y, params_pad, pad_params, pad_compose, "A border whose widths stand in a tensor.",
  { "2x3,=0;1;1;2", "" }, { "2x3,=1;-1,-,=1", "" }, { "1x1x3x4,=1;1;1;1,-,=2;3", "mode=reflect" })

/* ---- making ------------------------------------------------------------------------------------------------ */

typedef struct { double value; int32_t dtype; } full_params;
static void full_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const full_params *p = c->params;
  scion_ints s = ints_of(x, c, 0);
  int64_t numel;
  if (x->status != SCION_OK) return;
  if ((x->status = scion__check_shape(c->ctx, "full_by", s.n, s.v, &numel)) != SCION_OK) return;
  out[0] = x_full(x, p->dtype < 0 ? SCION_F32 : p->dtype, s.n, s.v, p->value);
}
static const scion_slot slots_full[] = { { "shape", 0, "sizes" } };
static const scion_param params_full[] = {
  { "value", SCION_P_FLOAT, 0, offsetof(full_params, value), .def = 0, .doc = "of every element" },
  { "dtype", SCION_P_DTYPE, 0, offsetof(full_params, dtype), .def = -1, .doc = "default f32" } };
DYNAMIC(full_by, SCION_OF_NO_GRAD, slots_full, scion__slots_y, params_full, full_params, full_compose, "One value in the shape that a tensor holds.",
  { "=2;3", "value=4" })

static void range_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  double start = float_of(x, c, 0, 0), limit = float_of(x, c, 1, 0), delta = float_of(x, c, 2, 1), count = ceil((limit - start) / delta);
  if (x->status != SCION_OK) return;
  if (!(count >= 0)) count = 0;
  if (count > 1e12) {
    fail(x, c, "the range is too long, or the step is 0");
    return;
  }
  scion_tensor *t;
  int64_t n = (int64_t)count;
  x->status = scion__tensor_alloc(c->ctx, c->in[0]->dtype, 1, &n, &t);
  if (x->status != SCION_OK) return;
  out[0] = scion__x_own(x, t);
  for (int64_t i = 0; i < n && x->status == SCION_OK; i++) x->status = scion_tensor_set(c->ctx, t, &i, start + (double)i * delta);
}
static const scion_slot slots_range[] = { { "start", 0, "first" }, { "limit", 0, "end, not reached" }, { "delta", 0, "step" } };
DYNAMIC0(range_by, SCION_OF_NO_GRAD, slots_range, scion__slots_y, range_compose, "Numbers from start towards limit in steps of delta.",
  { "=0,=6,=2", "" })

typedef struct { int64_t dim; } dim_params;
static const scion_param params_dim[] = { { "dim", SCION_P_INT, 0, offsetof(dim_params, dim), .def = -1, .doc = "place of the new dimension" } };
static void one_hot_compose(scion_x *x, const scion_call *c, scion_tensor **out) { /* (x == 0 .. depth - 1) between off and on */
  double depth = float_of(x, c, 1, 1);
  int32_t d, n = c->in[0]->n_dims + 1;
  int64_t shape[SCION_MAX_DIMS], zero = 0, one = 1;
  scion_tensor *ids = x_to(x, c->in[0], SCION_I64), *all;
  if (x->status != SCION_OK || !dim_of(x, c, ((const dim_params *)c->params)->dim, n, &d)) return;
  if (n > SCION_MAX_DIMS || !(depth >= 1 && depth < 1e9) || c->in[2]->numel != 2) {
    fail(x, c, "depth must be one positive number, values two numbers, and the result has at most 8 dimensions");
    return;
  }
  int64_t k = (int64_t)depth;
  for (int32_t i = 0; i < n; i++) shape[i] = i == d ? k : 1;
  x->status = scion__tensor_alloc(c->ctx, SCION_I64, 1, &k, &all);
  if (x->status != SCION_OK) return;
  for (int64_t i = 0; i < k; i++) ((int64_t *)(void *)all->data)[i] = i;
  all = x_reshape(x, scion__x_own(x, all), n, shape);
  /* negative ids count from the end; others outside give no hit */
  scion_tensor *low = scion__x2(x, &scion__op_lt, NULL, ids, x_scalar(x, SCION_I64, 0));
  ids = x_where(x, low, x_adds(x, ids, depth), ids);
  scion_tensor *hit = scion__x2(x, &scion__op_eq, NULL, x_unsqueeze(x, ids, d), all);
  scion_tensor *off = x_reshape(x, x_narrow(x, c->in[2], 0, zero, one), 0, NULL), *on = x_reshape(x, x_narrow(x, c->in[2], 0, one, one), 0, NULL);
  out[0] = x_where(x, hit, on, off);
}
static const scion_slot slots_one_hot[] = { { "ids", 0, "numbers from 0; negative ones count from the end" }, { "depth", 0, "how many classes" }, { "values", 0, "(off, on)" } };
DYNAMIC(one_hot_by, SCION_OF_NO_GRAD, slots_one_hot, scion__slots_y, params_dim, dim_params, one_hot_compose, "One-hot rows whose depth and values stand in tensors.",
  { "2x3:i<4,=4,=0;1", "" }, { "5:i<3,=3,=0;1", "dim=0" })

/* ---- along dimensions ----------------------------------------------------------------------------------------- */

enum { R_SUM, R_MEAN, R_MAX, R_MIN, R_PROD, R_L1, R_L2, R_SQUARES, R_LOG, R_LOGEXP };
static const char *const reductions[] = { "sum", "mean", "max", "min", "prod", "l1", "l2", "sum_square", "log_sum", "log_sum_exp", NULL };
typedef struct { int32_t kind, keepdim, noop; } reduce_params;
static void reduce_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  static const scion_op *const ops[] = { &scion__op_sum, &scion__op_mean, &scion__op_amax, &scion__op_amin, &scion__op_prod, &scion__op_sum, &scion__op_sum,
                                         &scion__op_sum, &scion__op_sum, &scion__op_logsumexp };
  const reduce_params *p = c->params;
  scion__room r;
  scion_ints axes = ints_of(x, c, 1);
  scion_tensor *t = c->in[0];
  int dtype = t->dtype;
  if (x->status != SCION_OK) return;
  if ((p->kind == R_MEAN || p->kind >= R_L2) && !scion__is_float(dtype)) t = x_to(x, t, SCION_F64);
  if (p->kind == R_L1) t = scion__x1(x, &scion__op_abs, NULL, t);
  if (p->kind == R_L2 || p->kind == R_SQUARES) t = scion__x1(x, &scion__op_square, NULL, t);
  bool empty = false;
  for (int32_t i = 0; i < axes.n && (p->kind == R_MAX || p->kind == R_MIN); i++) {
    int32_t d;
    if (!dim_of(x, c, axes.v[i], t->n_dims, &d)) return;
    empty = empty || t->shape[d] == 0;
  }
  if (empty && scion__is_float(dtype)) { /* ONNX: the largest of nothing is -inf; a sum has the right shape */
    t = x_full(x, dtype, t->n_dims, t->shape, 0);
    t = x_sum(x, t, axes.n, axes.v, p->keepdim != 0);
    out[0] = t == NULL ? NULL : x_full(x, dtype, t->n_dims, t->shape, p->kind == R_MAX ? -INFINITY : INFINITY);
    return;
  }
  if (axes.n > 0 || !p->noop) {
    void *q = scion__params(&r, ops[p->kind]);
    if (axes.n > 0) scion__set_ints(ops[p->kind], q, "dim", &axes);
    scion__set_int(ops[p->kind], q, "keepdim", p->keepdim);
    t = scion__x1(x, ops[p->kind], q, t);
  } else {
    t = scion__x1(x, &scion__op_clone, NULL, t);
    if (p->kind == R_LOGEXP) return (void)(out[0] = x_to(x, t, dtype));
  }
  if (p->kind == R_L2) t = scion__x1(x, &scion__op_sqrt, NULL, t);
  if (p->kind == R_LOG) t = scion__x1(x, &scion__op_log, NULL, t);
  out[0] = t != NULL && t->dtype != dtype ? x_to(x, t, dtype) : t;
}
static const scion_param params_reduce[] = {
  { "kind", SCION_P_ENUM, 0, offsetof(reduce_params, kind), .def = 0, .choices = reductions, .doc = "what is computed" },
  { "keepdim", SCION_P_BOOL, 0, offsetof(reduce_params, keepdim), .def = 1, .doc = "keep the reduced dimensions with size 1" },
  { "noop", SCION_P_BOOL, 0, offsetof(reduce_params, noop), .def = 0, .doc = "no axes: reduce none instead of all" } };
DYNAMIC(reduce_by, 0, slots_axes, scion__slots_y, params_reduce, reduce_params, reduce_compose, "A reduction over dimensions that a tensor names.",
  { "2x3x2:d,=0;2", "" }, { "2x3,=1", "kind=l2 keepdim=false" }, { "2x3:+", "kind=log_sum" }, { "2x3,=0", "kind=log_sum_exp" }, { "2x3:d,=0", "kind=max" })

typedef struct { int64_t dim; int32_t largest; } topk_params;
static void topk_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const topk_params *p = c->params;
  scion__room r;
  int64_t k = int_of(x, c, 1, 1);
  void *q = scion__params(&r, &scion__op_topk);
  scion__set_int(&scion__op_topk, q, "k", k);
  scion__set_int(&scion__op_topk, q, "dim", p->dim);
  scion__set_int(&scion__op_topk, q, "largest", p->largest);
  scion__x_call_n(x, &scion__op_topk, q, 1, c->in, 2, out);
}
static const scion_slot slots_topk[] = { { "x", 0, "input" }, { "k", 0, "how many" } };
static const scion_slot slots_values[] = { { "values", 0, "sorted" }, { "positions", 0, "i64, from 0" } };
static const scion_param params_topk[] = {
  { "dim", SCION_P_INT, 0, offsetof(topk_params, dim), .def = -1, .doc = "dimension, from 0" },
  { "largest", SCION_P_BOOL, 0, offsetof(topk_params, largest), .def = 1, .doc = "the largest, else the smallest" } };
DYNAMIC(topk_by, 0, slots_topk, slots_values, params_topk, topk_params, topk_compose, "topk whose k stands in a tensor.",
  { "2x5:d,=2", "" })

typedef struct { int32_t reverse, exclusive; } cumsum_params;
static void cumsum_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const cumsum_params *p = c->params;
  scion__room r;
  int64_t axis = int_of(x, c, 1, 0);
  void *q = scion__params(&r, &scion__op_cumsum);
  scion__set_int(&scion__op_cumsum, q, "dim", axis);
  scion__set_int(&scion__op_cumsum, q, "reverse", p->reverse);
  scion_tensor *t = scion__x1(x, &scion__op_cumsum, q, c->in[0]);
  if (t != NULL && t->dtype != c->in[0]->dtype) t = x_to(x, t, c->in[0]->dtype);
  out[0] = p->exclusive ? x_sub(x, t, c->in[0]) : t;
}
static const scion_slot slots_axis[] = { { "x", 0, "input" }, { "axis", 0, "one dimension" } };
static const scion_param params_cumsum[] = {
  { "reverse", SCION_P_BOOL, 0, offsetof(cumsum_params, reverse), .def = 0, .doc = "from the end" },
  { "exclusive", SCION_P_BOOL, 0, offsetof(cumsum_params, exclusive), .def = 0, .doc = "without the element itself" } };
DYNAMIC(cumsum_by, 0, slots_axis, scion__slots_y, params_cumsum, cumsum_params, cumsum_compose, "Running sums along a dimension that a tensor names.",
  { "2x4,=1", "" }, { "2x4,=0", "exclusive=true reverse=true" })

typedef struct { int32_t upper; } tri_params;
static void tri_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const scion_op *op = ((const tri_params *)c->params)->upper ? &scion__op_triu : &scion__op_tril;
  scion__room r;
  int64_t k = int_of(x, c, 1, 0);
  void *q = scion__params(&r, op);
  scion__set_int(op, q, "diagonal", k);
  out[0] = scion__x1(x, op, q, c->in[0]);
}
static const scion_slot slots_tri[] = { { "x", 0, "input" }, { "diagonal", SCION_SF_OPTIONAL, "which; default 0" } };
static const scion_param params_tri[] = {
  { "upper", SCION_P_BOOL, 0, offsetof(tri_params, upper), .def = 1, .doc = "the upper triangle, else the lower" } };
DYNAMIC(triangle_by, 0, slots_tri, scion__slots_y, params_tri, tri_params, tri_compose, "A triangle of matrices whose diagonal stands in a tensor.",
  { "3x4,=1", "" }, { "3x4", "upper=false" })
