/* create.c: tensors from nothing: constants, ranges, the identity; and the in-place fills. */
#include <math.h>

#include "../tensor/element.h"
#include "op.h"
#include "params.h"

#define GRAIN 32768

#define SHAPE_PARAM(type, flags_) { "shape", SCION_P_INTS, SCION_PF_REQUIRED | (flags_), offsetof(type, shape), .doc = "sizes" }
#define DTYPE_PARAM(type, doc_) { "dtype", SCION_P_DTYPE, 0, offsetof(type, dtype), .def = -1, .doc = doc_ }
#define CREATOR(name, params_, type, doc_) \
  .info = { name, 1, SCION_OF_FUNCTION | SCION_OF_NO_GRAD, doc_, NULL, 0, SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_, type) }

static scion_status out_shape(scion_call *c, int dtype, const scion_ints *shape) {
  int64_t numel;
  SCION_TRY(scion__check_shape(c->ctx, c->op->info.name, shape->n, shape->v, &numel));
  scion__out(c, 0, dtype < 0 ? SCION_F32 : dtype, shape->n, shape->v);
  return SCION_OK;
}

/* ---- constants ----------------------------------------------------------------------------------------------- */

typedef struct { scion_ints shape; int32_t dtype; } shape_params;
static const scion_param params_shape[] = { SHAPE_PARAM(shape_params, SCION_PF_VARARGS), DTYPE_PARAM(shape_params, "default f32") };
static scion_status shape_infer(scion_call *c) {
  const shape_params *p = c->params;
  return out_shape(c, p->dtype, &p->shape);
}
static scion_status zeros_forward(scion_call *c) {
  scion__tensor_fill(c->ctx, c->out[0], 0);
  return SCION_OK;
}
static scion_status ones_forward(scion_call *c) {
  scion__tensor_fill(c->ctx, c->out[0], 1);
  return SCION_OK;
}
static const scion_sample samples_shape[] = { { "", "shape=2,3" }, { "", "shape=2,0 dtype=i64" } };
const scion_op scion__op_zeros = { CREATOR("zeros", params_shape, shape_params, "Zeros: scion.zeros(2, 3)."),
  .infer = shape_infer, .forward = zeros_forward, SCION_SAMPLES(samples_shape) };
const scion_op scion__op_ones = { CREATOR("ones", params_shape, shape_params, "Ones: scion.ones(2, 3)."),
  .infer = shape_infer, .forward = ones_forward, SCION_SAMPLES(samples_shape) };
const scion_op scion__op_empty = { CREATOR("empty", params_shape, shape_params, "A tensor to be written to; it starts as zeros."),
  .infer = shape_infer, .forward = zeros_forward, SCION_SAMPLES(samples_shape) };

typedef struct { scion_ints shape; double value; int32_t dtype; } full_params;
static const scion_param params_full[] = {
  SHAPE_PARAM(full_params, 0), { "value", SCION_P_FLOAT, SCION_PF_REQUIRED, offsetof(full_params, value), .doc = "of every element" },
  DTYPE_PARAM(full_params, "default f32") };
static scion_status full_infer(scion_call *c) {
  const full_params *p = c->params;
  return out_shape(c, p->dtype, &p->shape);
}
static scion_status full_forward(scion_call *c) {
  scion__tensor_fill(c->ctx, c->out[0], ((const full_params *)c->params)->value);
  return SCION_OK;
}
static const scion_sample samples_full[] = { { "", "shape=2,3 value=2.5" } };
const scion_op scion__op_full = { CREATOR("full", params_full, full_params, "One value everywhere: scion.full({2, 3}, 7)."),
  .infer = full_infer, .forward = full_forward, SCION_SAMPLES(samples_full) };

typedef struct { int32_t dtype; } like_params;
typedef struct { double value; int32_t dtype; } full_like_params;
static const scion_param params_like[] = { DTYPE_PARAM(like_params, "default that of x") };
static const scion_param params_full_like[] = {
  { "value", SCION_P_FLOAT, SCION_PF_REQUIRED, offsetof(full_like_params, value), .doc = "of every element" },
  DTYPE_PARAM(full_like_params, "default that of x") };
static scion_status like_infer(scion_call *c) {
  int32_t dtype = c->op == &scion__op_full_like ? ((const full_like_params *)c->params)->dtype : ((const like_params *)c->params)->dtype;
  scion__out(c, 0, dtype < 0 ? c->in[0]->dtype : dtype, c->in[0]->n_dims, c->in[0]->shape);
  return SCION_OK;
}
static scion_status full_like_forward(scion_call *c) {
  scion__tensor_fill(c->ctx, c->out[0], ((const full_like_params *)c->params)->value);
  return SCION_OK;
}
static const scion_sample samples_like[] = { { "2x3", "" } };
static const scion_sample samples_full_like[] = { { "2x3", "value=2.5" } };
#define LIKE(op, params_, type, forward_, samples_, doc_)                                                       \
  const scion_op scion__op_##op = {                                                                             \
    .info = { #op, 1, SCION_OF_FUNCTION | SCION_OF_NO_GRAD, doc_, SCION_INPUTS(scion__slots_x),                 \
              SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_, type) },                                     \
    .infer = like_infer, .forward = forward_, SCION_SAMPLES(samples_) };
LIKE(zeros_like, params_like, like_params, zeros_forward, samples_like, "Zeros in the shape of x.")
LIKE(ones_like, params_like, like_params, ones_forward, samples_like, "Ones in the shape of x.")
LIKE(empty_like, params_like, like_params, zeros_forward, samples_like, "A tensor in the shape of x, to be written to; it starts as zeros.")
LIKE(full_like, params_full_like, full_like_params, full_like_forward, samples_full_like, "One value everywhere, in the shape of x.")

/* Nothing of what was there remains. */
static void gone_grad(scion_grad_call *g) { scion__g_set(g, 0, x_zeros_like(&g->x, g->dy[0])); }
typedef struct { double value; } fill_params;
static const scion_param params_fill[] = {
  { "value", SCION_P_FLOAT, SCION_PF_REQUIRED, offsetof(fill_params, value), .doc = "of every element" } };
static scion_status any_infer(scion_call *c) {
  scion__out(c, 0, c->in[0]->dtype, c->in[0]->n_dims, c->in[0]->shape);
  return SCION_OK;
}
static scion_status fill_forward(scion_call *c) {
  scion__tensor_fill(c->ctx, c->out[0], ((const fill_params *)c->params)->value);
  return SCION_OK;
}
static const scion_sample samples_fill[] = { { "2x3", "value=2.5" } };
const scion_op scion__op_fill = {
  .info = { "fill", 1, SCION_OF_INPLACE, "One value everywhere; x:fill_(v) writes it.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_fill, fill_params) },
  .infer = any_infer, .forward = fill_forward, .grad = gone_grad, SCION_SAMPLES(samples_fill) };
const scion_op scion__op_zero = {
  .info = { "zero", 1, SCION_OF_INPLACE, "Zeros everywhere; x:zero_() writes them.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y) },
  .infer = any_infer, .forward = zeros_forward, .grad = gone_grad, SCION_SAMPLES(samples_like) };

/* ---- ranges --------------------------------------------------------------------------------------------------- */

typedef struct { double start, stop, step; int32_t dtype; } arange_params;
static bool whole(double v) { return v == floor(v) && fabs(v) < 9007199254740992.0; }
static void arange_bounds(const arange_params *p, double *start, double *stop) {
  bool one = p->stop != p->stop; /* not given: arange(stop) */
  *start = one ? 0 : p->start;
  *stop = one ? p->start : p->stop;
}
static scion_status arange_infer(scion_call *c) {
  const arange_params *p = c->params;
  double start, stop;
  arange_bounds(p, &start, &stop);
  int32_t dtype = p->dtype < 0 ? SCION_F32 : p->dtype;
  if (!scion__is_compute(dtype)) return SCION_OP_FAIL(c, SCION_EDTYPE, "dtype is %s, a storage type", scion_dtype_name((scion_dtype)dtype));
  if (!isfinite(start) || !isfinite(stop)) return SCION_OP_FAIL(c, SCION_EINVAL, "bounds %g and %g must be finite", start, stop);
  if (p->step == 0 || !isfinite(p->step)) return SCION_OP_FAIL(c, SCION_EINVAL, "step is %g, expected a finite number that is not 0", p->step);
  if ((stop - start) / p->step < 0) {
    return SCION_OP_FAIL(c, SCION_EINVAL, "a step of %g does not lead from %g to %g", p->step, start, stop);
  }
  double n = ceil((stop - start) / p->step);
  if (n > 1e15) return SCION_OP_FAIL(c, SCION_ESHAPE, "%g elements are too many", n);
  int64_t size = (int64_t)n;
  scion__out(c, 0, dtype, 1, &size);
  return SCION_OK;
}
typedef struct { scion_tensor *y; double start, stop, step, power; bool integers; int64_t half; } range_job;
static void arange_range(void *ud, int64_t begin, int64_t end) {
  const range_job *j = ud;
  int64_t first = (int64_t)j->start, step = (int64_t)j->step, size = (int64_t)scion_dtype_size((scion_dtype)j->y->dtype);
  char *p = j->y->data + begin * size;
  for (int64_t i = begin; i < end; i++, p += size) {
    if (j->integers) scion__element_set_i64(j->y->dtype, p, first + i * step);
    else scion__element_set(j->y->dtype, p, j->start + (double)i * j->step);
  }
}
static scion_status arange_forward(scion_call *c) {
  const arange_params *p = c->params;
  range_job j = { .y = c->out[0], .step = p->step };
  arange_bounds(p, &j.start, &j.stop);
  j.integers = !scion__is_float(j.y->dtype) && whole(j.start) && whole(j.step);
  scion__parallel_range(c->ctx, j.y->numel, GRAIN, arange_range, &j);
  return SCION_OK;
}
static const scion_param params_arange[] = {
  { "start", SCION_P_FLOAT, SCION_PF_REQUIRED, offsetof(arange_params, start), .doc = "first; alone it is stop, and the first is 0" },
  { "stop", SCION_P_FLOAT, 0, offsetof(arange_params, stop), .def = NAN, .doc = "where it ends, excluded" },
  { "step", SCION_P_FLOAT, 0, offsetof(arange_params, step), .def = 1, .doc = "distance" },
  DTYPE_PARAM(arange_params, "default f32") };
static const scion_sample samples_arange[] = { { "", "start=5" }, { "", "start=1 stop=2 step=0.25" }, { "", "start=3 stop=0 step=-1 dtype=i64" } };
const scion_op scion__op_arange = { CREATOR("arange", params_arange, arange_params, "start, start + step, ... below stop."),
  .infer = arange_infer, .forward = arange_forward, SCION_SAMPLES(samples_arange) };

typedef struct { double start, stop; int64_t steps; int32_t dtype; } linspace_params;
typedef struct { double start, stop; int64_t steps; double base; int32_t dtype; } logspace_params;
static scion_status linspace_infer(scion_call *c) {
  const linspace_params *p = c->params; /* logspace begins with the same fields */
  int32_t dtype = c->op == &scion__op_logspace ? ((const logspace_params *)c->params)->dtype : p->dtype;
  if (dtype >= 0 && !scion__is_float(dtype)) return SCION_OP_FAIL(c, SCION_EDTYPE, "dtype is %s, expected f32 or f64", scion_dtype_name((scion_dtype)dtype));
  scion__out(c, 0, dtype < 0 ? SCION_F32 : dtype, 1, &p->steps);
  return SCION_OK;
}
static void linspace_range(void *ud, int64_t begin, int64_t end) {
  const range_job *j = ud;
  int64_t n = j->y->numel, size = (int64_t)scion_dtype_size((scion_dtype)j->y->dtype);
  for (int64_t i = begin; i < end; i++) { /* from both ends, so that both are exact */
    double v = i < j->half ? j->start + (double)i * j->step : j->stop - (double)(n - 1 - i) * j->step;
    scion__element_set(j->y->dtype, j->y->data + i * size, j->power > 0 ? pow(j->power, v) : v);
  }
}
static scion_status linspace_forward(scion_call *c) {
  const linspace_params *p = c->params;
  range_job j = { .y = c->out[0], .start = p->start, .stop = p->stop, .half = (p->steps + 1) / 2,
                  .step = p->steps > 1 ? (p->stop - p->start) / (double)(p->steps - 1) : 0 };
  if (c->op == &scion__op_logspace) j.power = ((const logspace_params *)c->params)->base;
  scion__parallel_range(c->ctx, j.y->numel, GRAIN / 8, linspace_range, &j);
  return SCION_OK;
}
#define SPACE_PARAMS(type)                                                                                     \
  { "start", SCION_P_FLOAT, SCION_PF_REQUIRED, offsetof(type, start), .doc = "first" },                        \
  { "stop", SCION_P_FLOAT, SCION_PF_REQUIRED, offsetof(type, stop), .doc = "last" },                           \
  { "steps", SCION_P_INT, SCION_PF_REQUIRED, offsetof(type, steps), .min = 0, .max = 1e15, .doc = "how many" }
static const scion_param params_linspace[] = { SPACE_PARAMS(linspace_params), DTYPE_PARAM(linspace_params, "default f32") };
static const scion_param params_logspace[] = {
  SPACE_PARAMS(logspace_params), { "base", SCION_P_FLOAT, 0, offsetof(logspace_params, base), .def = 10, .min = 1e-300, .max = 1e300, .doc = "of the powers" },
  DTYPE_PARAM(logspace_params, "default f32") };
static const scion_sample samples_linspace[] = { { "", "start=0 stop=1 steps=5" } };
const scion_op scion__op_linspace = { CREATOR("linspace", params_linspace, linspace_params, "`steps` evenly spaced numbers from start to stop, both included."),
  .infer = linspace_infer, .forward = linspace_forward, SCION_SAMPLES(samples_linspace) };
const scion_op scion__op_logspace = { CREATOR("logspace", params_logspace, logspace_params, "base to the power of evenly spaced numbers from start to stop."),
  .infer = linspace_infer, .forward = linspace_forward, SCION_SAMPLES(samples_linspace) };

/* ---- the identity ------------------------------------------------------------------------------------------------ */

typedef struct { int64_t n, m; int32_t dtype; } eye_params;
static scion_status eye_infer(scion_call *c) {
  const eye_params *p = c->params;
  scion_ints shape = { 2, { p->n, p->m == SCION_NONE ? p->n : p->m } };
  return out_shape(c, p->dtype, &shape);
}
static scion_status eye_forward(scion_call *c) {
  scion_tensor *y = c->out[0], *diagonal;
  scion__tensor_fill(c->ctx, y, 0);
  int64_t n = scion__min(y->shape[0], y->shape[1]), stride = y->shape[1] + 1;
  SCION_TRY(scion__tensor_view(c->ctx, y, 1, &n, &stride, 0, &diagonal));
  scion__tensor_fill(c->ctx, diagonal, 1);
  scion_tensor_free(c->ctx, diagonal);
  return SCION_OK;
}
static const scion_param params_eye[] = {
  { "n", SCION_P_INT, SCION_PF_REQUIRED, offsetof(eye_params, n), .min = 0, .max = 1e15, .doc = "rows" },
  { "m", SCION_P_INT, 0, offsetof(eye_params, m), .def = (double)SCION_NONE, .min = 0, .max = 1e15, .doc = "columns; default n" },
  DTYPE_PARAM(eye_params, "default f32") };
static const scion_sample samples_eye[] = { { "", "n=3" }, { "", "n=2 m=4" } };
const scion_op scion__op_eye = { CREATOR("eye", params_eye, eye_params, "The identity matrix."),
  .infer = eye_infer, .forward = eye_forward, SCION_SAMPLES(samples_eye) };
