/* resize.c: interpolation (torch's interpolate, ONNX's Resize). Every kind is a product of one-dimensional
 * linear maps: an output position reads a few input positions (taps) with weights. So one internal op resizes
 * one dimension, its adjoint is a second op, and each is the other's gradient. */
#include <math.h>

#include "nn.h"

enum { NEAREST, NEAREST_EXACT, LINEAR, BILINEAR, TRILINEAR, BICUBIC, CUBIC, AREA };
static const char *const kinds[] = { "nearest", "nearest_exact", "linear", "bilinear", "trilinear", "bicubic", "cubic", "area", NULL };
enum { COORD_DEFAULT, COORD_HALF, COORD_PYTORCH_HALF, COORD_ASYMMETRIC, COORD_CORNERS, COORD_SYMMETRIC, COORD_CROP };
static const char *const coordinates[] = { "default", "half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners", "half_pixel_symmetric", "tf_crop_and_resize", NULL };
enum { ROUND_DEFAULT, ROUND_FLOOR, ROUND_CEIL, ROUND_PREFER_FLOOR, ROUND_PREFER_CEIL };
static const char *const roundings[] = { "default", "floor", "ceil", "round_prefer_floor", "round_prefer_ceil", NULL };

typedef struct {
  scion_ints size;
  double scale_factor, cubic_a, from, to, outside; /* crops: from .. to of the dimension's length; what lies outside the input */
  int64_t dim, in_size, out_size;
  int32_t mode, align_corners, antialias, coordinates, nearest_mode, exclude_outside;
} resize_params;

/* ---- taps ---------------------------------------------------------------------------------------------------- */

typedef struct { int64_t n, max; int64_t *start; double *weight; } taps; /* output i reads start[i] .. start[i] + max - 1 */

static double cubic(double t, double a) {
  t = fabs(t);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  if (t < 2) return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a;
  return 0;
}
static double kernel_value(int32_t mode, double t, double a) {
  if (mode == BICUBIC || mode == CUBIC) return cubic(t, a);
  t = fabs(t);
  return t < 1 ? 1 - t : 0;
}
static bool is_cubic(int32_t mode) { return mode == BICUBIC || mode == CUBIC; }
static bool is_nearest(int32_t mode) { return mode == NEAREST || mode == NEAREST_EXACT; }

/* Input position of output i; step: input positions per output position. */
static double position(const resize_params *p, int64_t i, int64_t n, int64_t m, double step) {
  int32_t kind = p->coordinates;
  if (kind == COORD_DEFAULT) kind = p->align_corners ? COORD_CORNERS : p->mode == NEAREST ? COORD_ASYMMETRIC : COORD_HALF;
  switch (kind) {
    case COORD_CORNERS: { /* named, it is ONNX's: the output may be a fraction of an element longer than m */
      double length = p->coordinates == COORD_CORNERS ? (double)n / step : (double)m;
      return m > 1 && length > 1 ? (double)i * (double)(n - 1) / (length - 1) : 0;
    }
    case COORD_CROP: { /* TensorFlow's: the ends of the crop are element centres, too */
      double length = (double)n / step, last = (double)(n - 1);
      return p->from * last + (length == 1 ? (p->to - p->from) * last / 2 : (double)i * (p->to - p->from) * last / (length - 1));
    }
    case COORD_ASYMMETRIC: return (double)i * step;
    case COORD_PYTORCH_HALF: return m > 1 ? ((double)i + 0.5) * step - 0.5 : 0;
    case COORD_SYMMETRIC: { /* the part of the input that whole output elements cover, centred */
      double share = (double)m / ((double)n / step);
      return (double)n / 2 * (1 - share) + ((double)i + 0.5) * step - 0.5;
    }
    default: return ((double)i + 0.5) * step - 0.5;
  }
}
static int64_t nearest(const resize_params *p, double at, int64_t n) {
  int32_t kind = p->nearest_mode;
  if (kind == ROUND_DEFAULT) kind = p->mode == NEAREST_EXACT ? ROUND_PREFER_CEIL : ROUND_FLOOR;
  double v = kind == ROUND_FLOOR ? floor(at) : kind == ROUND_CEIL ? ceil(at) : kind == ROUND_PREFER_FLOOR ? ceil(at - 0.5) : floor(at + 0.5);
  return (int64_t)fmin(fmax(v, 0), (double)(n - 1));
}

static scion_status make_taps(scion_context *ctx, const resize_params *p, taps *t) {
  int64_t n = p->in_size, m = p->out_size;
  double step = p->scale_factor > 0 ? 1 / p->scale_factor : (double)n / (double)m;
  double widen = p->antialias && step > 1 && !is_nearest(p->mode) ? step : 1; /* of the kernel */
  double support = is_nearest(p->mode) ? 0 : (is_cubic(p->mode) ? 2 : 1) * widen;
  int64_t max = is_nearest(p->mode) ? 1 : p->mode == AREA ? (n + m - 1) / m + 1 : (int64_t)ceil(support) * 2 + 1;
  max = scion__min(max, n);
  t->n = m;
  t->max = max;
  size_t starts = (size_t)m * sizeof *t->start;
  int64_t bytes;
  if (scion__mul_overflow(m, max * 8 + 8, &bytes)) return scion__nomem(ctx, SIZE_MAX);
  t->start = scion__alloc(ctx, (size_t)bytes);
  if (t->start == NULL) return SCION_ENOMEM;
  t->weight = (double *)(void *)((char *)t->start + starts);
  double a_cubic = p->cubic_a; /* as in PyTorch, which smooths with another kernel than it enlarges with */
  if (p->antialias && p->coordinates == COORD_DEFAULT && a_cubic == -0.75) a_cubic = -0.5;
  for (int64_t i = 0; i < m; i++) {
    double *w = t->weight + i * max, total = 0;
    for (int64_t k = 0; k < max; k++) w[k] = 0;
    if (p->mode == AREA) { /* the mean of the input cells that the output cell covers */
      int64_t a = i * n / m, b = ((i + 1) * n + m - 1) / m;
      int64_t first = scion__min(a, n - max);
      t->start[i] = first;
      for (int64_t k = a; k < b; k++) w[k - first] = 1 / (double)(b - a);
      continue;
    }
    double at = position(p, i, n, m, step);
    t->start[i] = 0;
    if (p->coordinates == COORD_CROP && !(at >= 0 && at <= (double)(n - 1))) continue; /* outside: no weight */
    if (is_nearest(p->mode)) {
      t->start[i] = nearest(p, at, n);
      w[0] = 1;
      continue;
    }
    if (!is_cubic(p->mode) && !p->antialias) at = fmin(fmax(at, 0), (double)(n - 1));
    int64_t a = (int64_t)floor(at - support) + 1, b = (int64_t)ceil(at + support); /* a .. b - 1 have weight */
    if (b <= a) b = a + 1;
    int64_t first = scion__max(0, scion__min(a, n - max));
    t->start[i] = first;
    bool drop_outside = p->exclude_outside || (p->antialias && p->coordinates == COORD_DEFAULT); /* ONNX repeats the border instead */
    for (int64_t k = a; k < b; k++) {
      double v = kernel_value(p->mode, ((double)k - at) / widen, a_cubic);
      int64_t inside = scion__min(scion__max(k, 0), n - 1);
      if (drop_outside && inside != k) continue;
      w[inside - first] += v;
      total += v;
    }
    for (int64_t k = 0; k < max && total != 0; k++) w[k] /= total;
  }
  return SCION_OK;
}
static void free_taps(scion_context *ctx, taps *t) {
  if (t->start != NULL) scion__free(ctx, t->start, (size_t)t->n * (size_t)(t->max * 8 + 8));
}

/* ---- one dimension ------------------------------------------------------------------------------------------- */

typedef struct {
  taps t;
  scion_around from, to;
  bool adjoint;
  const char *x;
  char *y;
} job;
/* y[i] = sum of w x[taps of i]; adjoint: y[taps of i] += w x[i]. Blocks of `inner` elements. */
#define DEFINE_SLABS(T, NAME)                                                                               \
  static void NAME(void *ud, int64_t begin, int64_t end) {                                                  \
    const job *j = ud;                                                                                      \
    int64_t inner = j->from.inner, n = j->from.n, m = j->to.n, max = j->t.max;                              \
    for (int64_t o = begin; o < end; o++) {                                                                 \
      const T *x = (const T *)(const void *)j->x + o * n * inner;                                           \
      T *y = (T *)(void *)j->y + o * m * inner;                                                             \
      for (int64_t e = 0; e < m * inner; e++) y[e] = 0;                                                     \
      for (int64_t i = 0; i < j->t.n; i++) {                                                                \
        const double *w = j->t.weight + i * max;                                                            \
        for (int64_t k = 0; k < max; k++) {                                                                 \
          if (w[k] == 0) continue;                                                                          \
          int64_t tap = j->t.start[i] + k;                                                                  \
          T f = (T)w[k];                                                                                    \
          const T *a = x + (j->adjoint ? i : tap) * inner;                                                  \
          T *b = y + (j->adjoint ? tap : i) * inner;                                                        \
          for (int64_t e = 0; e < inner; e++) b[e] += f * a[e];                                             \
        }                                                                                                   \
      }                                                                                                     \
    }                                                                                                       \
  }
DEFINE_SLABS(float, slabs_f32)
DEFINE_SLABS(double, slabs_f64)

static scion_status dim_infer(scion_call *c) {
  const resize_params *p = c->params;
  int32_t dim;
  SCION_TRY(scion__infer_float(c));
  SCION_TRY(scion__check_dim(c->ctx, c->op->info.name, p->dim, c->in[0]->n_dims, &dim));
  bool adjoint = c->op == &scion__op_resize_dim_grad;
  int64_t expected = adjoint ? p->out_size : p->in_size;
  if (c->in[0]->n_dims == 0 || c->in[0]->shape[dim] != expected || p->in_size < 1 || p->out_size < 1) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "sizes %lld -> %lld do not fit dimension %d", (long long)p->in_size, (long long)p->out_size, dim + c->ctx->index_base);
  }
  c->meta[0].shape[dim] = adjoint ? p->in_size : p->out_size;
  return SCION_OK;
}
static scion_status dim_forward(scion_call *c) {
  const resize_params *p = c->params;
  scion_tensor *x;
  SCION_TRY(scion__packed_in(c, 0, &x));
  int32_t dim = (int32_t)(p->dim < 0 ? p->dim + x->n_dims : p->dim);
  job j = { .from = scion__around(x, dim), .to = scion__around(c->out[0], dim), .adjoint = c->op == &scion__op_resize_dim_grad,
            .x = x->data, .y = c->out[0]->data };
  scion_status status = make_taps(c->ctx, p, &j.t);
  if (status == SCION_OK) {
    scion__parallel_range(c->ctx, j.from.outer, scion__row_grain(scion__max(j.from.n, j.to.n) * j.from.inner),
                          x->dtype == SCION_F32 ? slabs_f32 : slabs_f64, &j);
  }
  free_taps(c->ctx, &j.t);
  scion_tensor_free(c->ctx, x);
  return status;
}
static void dim_grad(scion_grad_call *g) {
  bool adjoint = g->op == &scion__op_resize_dim_grad;
  scion__g_set(g, 0, scion__x1(&g->x, adjoint ? &scion__op_resize_dim : &scion__op_resize_dim_grad, g->params, g->dy[0]));
}

#define COMMON_PARAMS                                                                                                                     \
  { "mode", SCION_P_ENUM, 0, offsetof(resize_params, mode), .def = NEAREST, .choices = kinds, .doc = "kind of interpolation; area averages" }, \
  { "scale_factor", SCION_P_FLOAT, 0, offsetof(resize_params, scale_factor), .def = 0, .min = 0, .max = 1e9,                              \
    .doc = "output size over input size, when `size` is not given" },                                                                     \
  { "align_corners", SCION_P_BOOL, 0, offsetof(resize_params, align_corners), .def = 0, .doc = "corner elements keep their values" },     \
  { "antialias", SCION_P_BOOL, 0, offsetof(resize_params, antialias), .def = 0, .doc = "when shrinking, average over all input elements" }, \
  { "coordinates", SCION_P_ENUM, 0, offsetof(resize_params, coordinates), .def = 0, .choices = coordinates,                               \
    .doc = "position rule of ONNX's Resize; default: align_corners, or asymmetric for nearest and half_pixel else" },                     \
  { "nearest_mode", SCION_P_ENUM, 0, offsetof(resize_params, nearest_mode), .def = 0, .choices = roundings,                               \
    .doc = "rounding rule of ONNX's Resize; default: floor, or round_prefer_ceil for nearest_exact" },                                    \
  { "cubic_a", SCION_P_FLOAT, 0, offsetof(resize_params, cubic_a), .def = -0.75, .doc = "parameter of the cubic kernel" },                \
  { "exclude_outside", SCION_P_BOOL, 0, offsetof(resize_params, exclude_outside), .def = 0, .doc = "taps outside the input get no weight" }, \
  { "from", SCION_P_FLOAT, 0, offsetof(resize_params, from), .def = 0, .doc = "start of what tf_crop_and_resize takes, as a part of the size" }, \
  { "to", SCION_P_FLOAT, 0, offsetof(resize_params, to), .def = 1, .doc = "its end" },                                                     \
  { "outside", SCION_P_FLOAT, 0, offsetof(resize_params, outside), .def = 0, .doc = "value outside the input, for tf_crop_and_resize" }
static const scion_param params_dim[] = {
  { "dim", SCION_P_INT, SCION_PF_REQUIRED | SCION_PF_INDEX, offsetof(resize_params, dim), .doc = "resized dimension" },
  { "in_size", SCION_P_INT, SCION_PF_REQUIRED, offsetof(resize_params, in_size), .doc = "its size before" },
  { "out_size", SCION_P_INT, SCION_PF_REQUIRED, offsetof(resize_params, out_size), .doc = "its size after" }, COMMON_PARAMS };
static const scion_sample samples_dim[] = { { "2x5x2", "dim=1 in_size=5 out_size=3 mode=linear" }, { "4x2", "dim=0 in_size=4 out_size=7 mode=cubic" } };
static const scion_sample samples_dim_grad[] = { { "2x3x2", "dim=1 in_size=5 out_size=3 mode=linear antialias=true" } };
const scion_op scion__op_resize_dim = {
  .info = { "resize_dim", 1, SCION_OF_INTERNAL, "Interpolates one dimension.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_dim, resize_params) },
  .infer = dim_infer, .forward = dim_forward, .grad = dim_grad, SCION_SAMPLES(samples_dim) };
const scion_op scion__op_resize_dim_grad = {
  .info = { "resize_dim_grad", 1, SCION_OF_INTERNAL, "The adjoint of resize_dim.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_dim, resize_params) },
  .infer = dim_infer, .forward = dim_forward, .grad = dim_grad, SCION_SAMPLES(samples_dim_grad) };

/* ---- interpolate ---------------------------------------------------------------------------------------------- */

static const scion_param params_resize[] = {
  { "size", SCION_P_INTS, SCION_PF_VARARGS, offsetof(resize_params, size), .def_ints = { .n = -1 }, .min = 1, .max = 1e9,
    .doc = "of the spatial dimensions, or one for all" },
  COMMON_PARAMS };

/* Output size of spatial dimension k of n. */
static int64_t out_size(const resize_params *p, int32_t k, int64_t n) {
  if (p->size.n > 0) return p->size.v[p->size.n == 1 ? 0 : k];
  return (int64_t)floor((double)n * p->scale_factor + 1e-9);
}
static scion_status resize_infer(scion_call *c) {
  const resize_params *p = c->params;
  char a[SCION_SHAPE_TEXT];
  SCION_TRY(scion__infer_float(c));
  SCION_TRY(scion__need_dims(c, 0, 3, SCION_MAX_DIMS));
  const scion_tensor *x = c->in[0];
  int32_t spatial = x->n_dims - 2;
  if ((p->size.n > 0) == (p->scale_factor > 0)) return SCION_OP_FAIL(c, SCION_EINVAL, "give either size or scale_factor");
  if (p->size.n > 1 && p->size.n != spatial) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "size has %d numbers, but x %s has %d spatial dimensions", p->size.n, scion__tensor_brief(a, x), spatial);
  }
  int32_t wanted = p->mode == LINEAR ? 1 : p->mode == BILINEAR || p->mode == BICUBIC ? 2 : p->mode == TRILINEAR ? 3 : spatial;
  if (wanted != spatial) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "mode \"%s\" is for %d spatial dimensions, x %s has %d", kinds[p->mode], wanted,
                         scion__tensor_brief(a, x), spatial);
  }
  if (p->align_corners && (is_nearest(p->mode) || p->mode == AREA)) {
    return SCION_OP_FAIL(c, SCION_EINVAL, "align_corners means nothing for mode \"%s\"", kinds[p->mode]);
  }
  for (int32_t k = 0; k < spatial; k++) {
    int64_t n = x->shape[k + 2], m = out_size(p, k, n);
    if (n < 1 || m < 1) {
      return SCION_OP_FAIL(c, SCION_ESHAPE, "cannot resize x %s: dimension %d would go from %lld to %lld", scion__tensor_brief(a, x), k + 2 + c->ctx->index_base,
                           (long long)n, (long long)m);
    }
    c->meta[0].shape[k + 2] = m;
  }
  return SCION_OK;
}
static void resize_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *t = c->in[0];
  resize_params p = *(const resize_params *)c->params;
  for (int32_t k = c->in[0]->n_dims - 3; k >= 0; k--) { /* shrink the fastest dimension first */
    int64_t n = c->in[0]->shape[k + 2], m = out_size(c->params, k, n);
    if (n == m) continue;
    p.dim = k + 2;
    p.in_size = n;
    p.out_size = m;
    t = scion__x1(x, &scion__op_resize_dim, &p, t);
  }
  if (t == c->in[0]) t = scion__x1(x, &scion__op_clone, NULL, t);
  out[0] = t;
}
static const scion_sample samples_resize[] = {
  { "1x2x3", "size=5" }, { "1x2x3x4", "size=5,3 mode=bilinear" }, { "1x1x3x4", "scale_factor=2 mode=bicubic" },
  { "1x2x5x4", "size=2,3 mode=area" }, { "1x1x3x4", "size=6 mode=bilinear align_corners=true" }, { "1x2x6", "size=3 mode=linear antialias=true" } };
const scion_op scion__op_interpolate = {
  .info = { "interpolate", 1, SCION_OF_FUNCTION, "Resizes the spatial dimensions of (N, C, ...) by nearest, linear, cubic or area interpolation.",
            SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_resize, resize_params) },
  .infer = resize_infer, .compose = resize_compose, SCION_SAMPLES(samples_resize) };

/* ---- ONNX's Resize ---------------------------------------------------------------------------------------------- */

enum { KEEP_STRETCH, KEEP_NOT_LARGER, KEEP_NOT_SMALLER };
static const char *const policies[] = { "stretch", "not_larger", "not_smaller", NULL };
typedef struct { resize_params r; scion_ints axes; int32_t policy; } by_params;
static scion_status by_infer(scion_call *c) { return scion__need_dtype(c, 0, "a compute type", true); }
static void by_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const by_params *b = c->params;
  scion_tensor *t = c->in[0], *numbers = c->n_in > 2 && c->in[2] != NULL && c->in[2]->numel > 0 ? c->in[2] : c->n_in > 1 ? c->in[1] : NULL;
  bool sizes = c->n_in > 2 && numbers == c->in[2];
  int32_t n = t->n_dims, count = b->axes.n >= 0 ? b->axes.n : n;
  int64_t dims[SCION_MAX_DIMS];
  double v[SCION_MAX_DIMS], common = 0;
  if (numbers == NULL || numbers->n_dims != 1 || numbers->numel != count || count > SCION_MAX_DIMS) {
    x->status = SCION_OP_FAIL(c, SCION_ESHAPE, "scales or sizes must hold %d numbers", count);
    return;
  }
  for (int64_t i = 0; i < count; i++) {
    int32_t d;
    if ((x->status = scion__check_dim(c->ctx, "resize_by", b->axes.n >= 0 ? b->axes.v[i] : i, n, &d)) != SCION_OK) return;
    if ((x->status = scion_tensor_get(c->ctx, numbers, &i, &v[i])) != SCION_OK) return;
    dims[i] = d;
    if (!(v[i] > 0 && v[i] < 1e9)) {
      x->status = SCION_OP_FAIL(c, SCION_EINVAL, "a scale or size is %g", v[i]);
      return;
    }
    double share = v[i] / (double)t->shape[d];
    if (i == 0 || (b->policy == KEEP_NOT_LARGER ? share < common : share > common)) common = share;
  }
  bool integers = !scion__is_float(t->dtype), crop = b->r.coordinates == COORD_CROP;
  scion_tensor *roi = c->n_in > 3 ? c->in[3] : NULL;
  if (crop && (roi == NULL || roi->n_dims != 1 || roi->numel != 2 * (int64_t)count)) {
    x->status = SCION_OP_FAIL(c, SCION_ESHAPE, "roi must hold %d numbers", 2 * count);
    return;
  }
  if (integers) t = x_to(x, t, SCION_F64);
  if (crop && b->r.outside != 0) t = x_adds(x, t, -b->r.outside); /* outside there is nothing, before this is added again */
  for (int32_t i = count - 1; i >= 0; i--) {
    resize_params p = b->r;
    if (crop) {
      int64_t end = i + count, start = i;
      if ((x->status = scion_tensor_get(c->ctx, roi, &start, &p.from)) != SCION_OK || (x->status = scion_tensor_get(c->ctx, roi, &end, &p.to)) != SCION_OK) return;
    }
    p.dim = dims[i];
    p.in_size = c->in[0]->shape[dims[i]];
    p.size.n = -1;
    p.scale_factor = sizes ? (b->policy == KEEP_STRETCH ? v[i] / (double)p.in_size : common) : v[i];
    p.out_size = sizes && b->policy == KEEP_STRETCH ? (int64_t)v[i] : sizes ? (int64_t)floor((double)p.in_size * common + 0.5)
                 : (int64_t)floor((double)p.in_size * v[i] + 1e-6);
    if (crop && !sizes) p.out_size = (int64_t)floor((double)p.in_size * (p.to - p.from) * v[i] + 1e-6);
    if (p.in_size == p.out_size && p.scale_factor == 1 && (!crop || (p.from == 0 && p.to == 1))) continue;
    t = scion__x1(x, &scion__op_resize_dim, &p, t);
  }
  if (crop && b->r.outside != 0) t = x_adds(x, t, b->r.outside);
  if (integers) t = x_to(x, t, c->in[0]->dtype);
  out[0] = t == c->in[0] ? scion__x1(x, &scion__op_clone, NULL, t) : t;
}
static const scion_slot slots_by[] = { { "x", 0, "input" }, { "scales", SCION_SF_OPTIONAL, "output size over input size" }, { "sizes", SCION_SF_OPTIONAL, "of the output" },
  { "roi", SCION_SF_OPTIONAL, "for tf_crop_and_resize: where each dimension starts, then where each ends, as parts of its size" } };
static const scion_param params_by[] = {
  COMMON_PARAMS, { "axes", SCION_P_INTS, 0, offsetof(by_params, axes), .def_ints = { .n = -1 }, .doc = "dimensions; default: all" },
  { "policy", SCION_P_ENUM, 0, offsetof(by_params, policy), .def = 0, .choices = policies, .doc = "sizes are reached by stretching, or bound a common scale" } };
static const scion_sample samples_by[] = { { "2x3x4,-,=2;5;3", "mode=linear" }, { "2x3x4,=1;2;2", "mode=nearest" } };
const scion_op scion__op_resize_by = {
  .info = { "resize_by", 1, SCION_OF_DYNAMIC | SCION_OF_INTERNAL, "Resizes any dimensions by scales or sizes that tensors hold, by ONNX's rules.", SCION_INPUTS(slots_by),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_by, by_params) },
  .infer = by_infer, .compose = by_compose, SCION_SAMPLES(samples_by) };

/* ---- pixels and channels ---------------------------------------------------------------------------------------- */

typedef struct { int64_t factor; int32_t mode; } factor_params;
static const scion_param params_up[] = {
  { "upscale_factor", SCION_P_INT, SCION_PF_REQUIRED, offsetof(factor_params, factor), .def = 2, .min = 1, .max = 1e6, .doc = "of height and width" } };
static const scion_param params_down[] = {
  { "downscale_factor", SCION_P_INT, SCION_PF_REQUIRED, offsetof(factor_params, factor), .def = 2, .min = 1, .max = 1e6, .doc = "of height and width" } };
static const char *const depth_modes[] = { "dcr", "crd", NULL };
static const scion_param params_depth[] = {
  { "blocksize", SCION_P_INT, SCION_PF_REQUIRED, offsetof(factor_params, factor), .def = 2, .min = 1, .max = 1e6, .doc = "of height and width" },
  { "mode", SCION_P_ENUM, 0, offsetof(factor_params, mode), .def = 0, .choices = depth_modes, .doc = "order of the channels: \"dcr\" or \"crd\" (pixel_shuffle)" } };
static const scion_param params_groups[] = {
  { "groups", SCION_P_INT, SCION_PF_REQUIRED, offsetof(factor_params, factor), .def = 2, .min = 1, .max = 1e15, .doc = "number of groups" } };

static scion_status shuffle_infer(scion_call *c) {
  const factor_params *p = c->params;
  SCION_TRY(scion__infer_same(c));
  SCION_TRY(scion__need_dims(c, 0, 3, SCION_MAX_DIMS - 2));
  const scion_tensor *x = c->in[0];
  int32_t n = x->n_dims;
  int64_t f = p->factor, *shape = c->meta[0].shape;
  char a[SCION_SHAPE_TEXT];
  if (f < 1) return SCION_OP_FAIL(c, SCION_EINVAL, "factor %lld is not positive", (long long)f);
  if (c->op == &scion__op_pixel_unshuffle || c->op == &scion__op_space_to_depth) {
    if (shape[n - 1] % f != 0 || shape[n - 2] % f != 0) {
      return SCION_OP_FAIL(c, SCION_ESHAPE, "height and width of x %s are not multiples of %lld", scion__tensor_brief(a, x), (long long)f);
    }
    shape[n - 1] /= f;
    shape[n - 2] /= f;
    shape[n - 3] *= f * f;
  } else {
    if (shape[n - 3] % (f * f) != 0) {
      return SCION_OP_FAIL(c, SCION_ESHAPE, "the channels of x %s are not a multiple of %lld^2", scion__tensor_brief(a, x), (long long)f);
    }
    shape[n - 1] *= f;
    shape[n - 2] *= f;
    shape[n - 3] /= f * f;
  }
  return SCION_OK;
}
/* Splits (.., C, H, W), permutes the five parts, and merges them again. */
static scion_tensor *shuffle(scion_x *x, scion_tensor *t, const int64_t parts[5], const int64_t order[5], const int64_t merged[3]) {
  int64_t shape[SCION_MAX_DIMS], perm[SCION_MAX_DIMS], out[SCION_MAX_DIMS];
  int32_t lead = t->n_dims - 3;
  for (int32_t i = 0; i < lead; i++) shape[i] = out[i] = t->shape[i], perm[i] = i;
  for (int32_t i = 0; i < 5; i++) shape[lead + i] = parts[i], perm[lead + i] = lead + order[i];
  for (int32_t i = 0; i < 3; i++) out[lead + i] = merged[i];
  return x_reshape(x, x_permute(x, x_reshape(x, t, lead + 5, shape), lead + 5, perm), lead + 3, out);
}
static void shuffle_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const factor_params *p = c->params;
  scion_tensor *t = c->in[0];
  const int64_t *s = t->shape + t->n_dims - 3;
  int64_t f = p->factor;
  if (c->op == &scion__op_pixel_unshuffle) {
    out[0] = shuffle(x, t, (int64_t[]){ s[0], s[1] / f, f, s[2] / f, f }, (int64_t[]){ 0, 2, 4, 1, 3 }, (int64_t[]){ s[0] * f * f, s[1] / f, s[2] / f });
  } else if (c->op == &scion__op_space_to_depth) {
    out[0] = shuffle(x, t, (int64_t[]){ s[0], s[1] / f, f, s[2] / f, f }, (int64_t[]){ 2, 4, 0, 1, 3 }, (int64_t[]){ s[0] * f * f, s[1] / f, s[2] / f });
  } else if (c->op == &scion__op_depth_to_space && p->mode == 0) {
    out[0] = shuffle(x, t, (int64_t[]){ f, f, s[0] / (f * f), s[1], s[2] }, (int64_t[]){ 2, 3, 0, 4, 1 }, (int64_t[]){ s[0] / (f * f), s[1] * f, s[2] * f });
  } else {
    out[0] = shuffle(x, t, (int64_t[]){ s[0] / (f * f), f, f, s[1], s[2] }, (int64_t[]){ 0, 3, 1, 4, 2 }, (int64_t[]){ s[0] / (f * f), s[1] * f, s[2] * f });
  }
}
static const scion_sample samples_up[] = { { "1x8x2x3", "upscale_factor=2" } };
static const scion_sample samples_down[] = { { "1x2x4x6", "downscale_factor=2" } };
static const scion_sample samples_depth[] = { { "1x8x2x3", "blocksize=2" }, { "1x8x2x3", "blocksize=2 mode=crd" } };
static const scion_sample samples_space[] = { { "1x2x4x6", "blocksize=2" } };
#define SHUFFLE(name, params_, samples_, doc_)                                                                        \
  const scion_op scion__op_##name = {                                                                                 \
    .info = { #name, 1, 0, doc_, SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_, factor_params) }, \
    .infer = shuffle_infer, .compose = shuffle_compose, SCION_SAMPLES(samples_) };
SHUFFLE(pixel_shuffle, params_up, samples_up, "(N, C r^2, H, W) to (N, C, H r, W r): channels become pixels.")
SHUFFLE(pixel_unshuffle, params_down, samples_down, "(N, C, H r, W r) to (N, C r^2, H, W): pixels become channels.")
SHUFFLE(depth_to_space, params_depth, samples_depth, "Channels become pixels, in ONNX's orders.")
static const scion_param params_space[] = {
  { "blocksize", SCION_P_INT, SCION_PF_REQUIRED, offsetof(factor_params, factor), .def = 2, .min = 1, .max = 1e6, .doc = "of height and width" } };
SHUFFLE(space_to_depth, params_space, samples_space, "Pixels become channels, in ONNX's order.")

static scion_status channel_infer(scion_call *c) {
  const factor_params *p = c->params;
  SCION_TRY(scion__infer_same(c));
  SCION_TRY(scion__need_dims(c, 0, 2, SCION_MAX_DIMS - 1));
  if (p->factor < 1 || c->in[0]->shape[1] % p->factor != 0) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "%lld channels cannot be split into %lld groups", (long long)c->in[0]->shape[1], (long long)p->factor);
  }
  return SCION_OK;
}
static void channel_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion_tensor *t = c->in[0];
  int64_t g = ((const factor_params *)c->params)->factor, shape[SCION_MAX_DIMS];
  shape[0] = t->shape[0];
  shape[1] = g;
  shape[2] = t->shape[1] / g;
  for (int32_t i = 2; i < t->n_dims; i++) shape[i + 1] = t->shape[i];
  out[0] = x_reshape_like(x, x_transpose(x, x_reshape(x, t, t->n_dims + 1, shape), 1, 2), t);
}
static const scion_sample samples_channel[] = { { "2x6x2", "groups=3" } };
const scion_op scion__op_channel_shuffle = {
  .info = { "channel_shuffle", 1, 0, "Deals the channels of every group out in turn: (g, C / g) transposed.", SCION_INPUTS(scion__slots_x),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_groups, factor_params) },
  .infer = channel_infer, .compose = channel_compose, SCION_SAMPLES(samples_channel) };
