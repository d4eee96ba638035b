/* pool.c: max, average, adaptive, global and power pooling in one to three dimensions, on (N, C, spatial...). */
#include <math.h>

#include "op.h"
#include "params.h"
#include "../kernels/kernels.h"

typedef struct {
  scion_ints kernel, stride, padding, dilation;
  int32_t ceil_mode, count_include_pad;
  int64_t base, divisor;
  scion_ints size; /* avg_pool_grad: spatial size of the input */
} pool_params;

static int64_t pick(const scion_ints *v, int32_t i, int64_t def) { return v->n <= 0 ? def : v->n == 1 ? v->v[0] : v->v[i]; }

static scion_status check_list(const scion_call *c, const char *name, const scion_ints *v, int32_t n, int64_t low, bool required) {
  bool two_sided = low == 0;
  if ((v->n <= 0 && required) || (v->n > 1 && v->n != n && !(two_sided && v->n == 2 * n))) {
    return SCION_OP_FAIL(c, SCION_EINVAL, "%s has %d values, expected 1 or %d%s", name, v->n < 0 ? 0 : v->n, n,
                         two_sided ? " (or twice that: all leading ones, then all trailing ones)" : "");
  }
  for (int32_t i = 0; i < v->n; i++) {
    if (v->v[i] < low || v->v[i] > INT32_MAX)
      return SCION_OP_FAIL(c, SCION_EINVAL, "%s is %lld, expected at least %lld", name, (long long)v->v[i], (long long)low);
  }
  return SCION_OK;
}

/* in: the n spatial sizes of the unpooled side. trailing[]: what the windows may count as padding behind. */
static scion_status geometry(const scion_call *c, const pool_params *p, int32_t n, const int64_t *in, scion_conv_shape *s, int64_t *trailing) {
  SCION_TRY(check_list(c, "kernel", &p->kernel, n, 1, true));
  SCION_TRY(check_list(c, "stride", &p->stride, n, 1, false));
  SCION_TRY(check_list(c, "padding", &p->padding, n, 0, false));
  SCION_TRY(check_list(c, "dilation", &p->dilation, n, 1, false));
  *s = (scion_conv_shape){ 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1 };
  int64_t *size[3] = { &s->d, &s->h, &s->w }, *out[3] = { &s->od, &s->oh, &s->ow }, *k[3] = { &s->kd, &s->kh, &s->kw };
  int64_t *st[3] = { &s->sd, &s->sh, &s->sw }, *pad[3] = { &s->pd, &s->ph, &s->pw }, *dil[3] = { &s->dd, &s->dh, &s->dw };
  for (int32_t i = 0; i < 3; i++) trailing[i] = 0;
  for (int32_t i = 0; i < n; i++) {
    int32_t at = 3 - n + i;
    *size[at] = in[i];
    *k[at] = pick(&p->kernel, i, 1);
    *st[at] = pick(&p->stride, i, *k[at]);
    *pad[at] = pick(&p->padding, i, 0);
    *dil[at] = pick(&p->dilation, i, 1);
    int64_t trail = p->padding.n == 2 * n ? p->padding.v[n + i] : *pad[at], reach = (*k[at] - 1) * *dil[at] + 1;
    trailing[at] = trail;
    int64_t space = in[i] + *pad[at] + trail - reach;
    if (space < 0) {
      return SCION_OP_FAIL(c, SCION_ESHAPE, "the window reaches %lld pixels in dimension %d, the padded input has %lld", (long long)reach, i + 2,
                           (long long)(in[i] + *pad[at] + trail));
    }
    if (*pad[at] >= reach || trail >= reach) {
      return SCION_OP_FAIL(c, SCION_EINVAL, "padding %lld in dimension %d would leave windows without any input (kernel reaches %lld)",
                           (long long)scion__max(*pad[at], trail), i + 2, (long long)reach);
    }
    *out[at] = (p->ceil_mode ? space + *st[at] - 1 : space) / *st[at] + 1;
    if (p->ceil_mode && (*out[at] - 1) * *st[at] >= in[i] + *pad[at]) (*out[at])--; /* a window must start inside */
  }
  return SCION_OK;
}
static scion_status check_input(const scion_call *c, int32_t n) {
  SCION_TRY(scion__need_float(c, 0));
  return scion__need_dims(c, 0, n + 2, n + 2);
}
static void out_shape(scion_call *c, int32_t i, int dtype, int32_t n, const scion_conv_shape *s) {
  int64_t all[3] = { s->od, s->oh, s->ow }, shape[5] = { c->in[0]->shape[0], c->in[0]->shape[1] };
  for (int32_t d = 0; d < n; d++) shape[2 + d] = all[3 - n + d];
  scion__out(c, i, dtype, n + 2, shape);
}

/* Planes in parallel. */
typedef struct {
  const scion_conv_shape *s;
  int dtype;
  int64_t in, out; /* elements of a plane on the unpooled and pooled side */
  const char *x;
  char *y, *scale;
  int32_t *place;
  bool backward;
} plane_job;

/* ---- max ------------------------------------------------------------------------------------------------------ */

static void max_planes(void *ud, int64_t begin, int64_t end) {
  const plane_job *j = ud;
  for (int64_t i = begin; i < end; i++) {
    int32_t *place = j->place != NULL ? j->place + i * j->out : NULL;
    if (j->dtype == SCION_F32) scion__k->max_pool_f32(j->s, (const float *)(const void *)j->x + i * j->in, (float *)(void *)j->y + i * j->out, place);
    else scion__k->max_pool_f64(j->s, (const double *)(const void *)j->x + i * j->in, (double *)(void *)j->y + i * j->out, place);
  }
}
static scion_status max_infer(scion_call *c) {
  scion_conv_shape s;
  int64_t trailing[3];
  int32_t n = c->op->kernel;
  SCION_TRY(check_input(c, n));
  SCION_TRY(geometry(c, c->params, n, c->in[0]->shape + 2, &s, trailing));
  if (s.d * s.h * s.w > INT32_MAX) return SCION_OP_FAIL(c, SCION_EUNSUPPORTED, "planes above 2^31 - 1 elements");
  out_shape(c, 0, c->in[0]->dtype, n, &s);
  if (c->n_out > 1) out_shape(c, 1, c->record ? SCION_I32 : -1, n, &s);
  return SCION_OK;
}
static scion_status run_max(scion_call *c, int32_t *place) {
  scion_conv_shape s;
  int64_t trailing[3];
  scion_tensor *x;
  SCION_TRY(geometry(c, c->params, c->op->kernel, c->in[0]->shape + 2, &s, trailing));
  SCION_TRY(scion__packed_in(c, 0, &x));
  plane_job j = { &s, x->dtype, s.d * s.h * s.w, s.od * s.oh * s.ow, x->data, c->out[0]->data, NULL, place, false };
  int64_t work = scion__max(j.out * s.kd * s.kh * s.kw, 1);
  scion__parallel_range(c->ctx, x->shape[0] * x->shape[1], scion__max(1, 65536 / work), max_planes, &j);
  scion_tensor_free(c->ctx, x);
  return SCION_OK;
}
static scion_status max_forward(scion_call *c) {
  return run_max(c, c->out[1] != NULL ? (int32_t *)(void *)c->out[1]->data : NULL);
}

/* The same with positions for the user: i64, in the plane, from `base`. */
static scion_status indices_infer(scion_call *c) {
  SCION_TRY(max_infer(c));
  c->meta[1].dtype = SCION_I64;
  return SCION_OK;
}
static void indices_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  static const scion_op *const ops[] = { &scion__op_max_pool1d, &scion__op_max_pool2d, &scion__op_max_pool3d };
  const pool_params *p = c->params;
  scion_tensor *both[2];
  int old = scion_set_grad_enabled(x->ctx, 1);
  scion_tensor *in = x_detach(x, c->in[0]);
  if (in != NULL) in->requires_grad = true, in->storage->n_recorded++; /* asks for positions */
  scion__x_call_n(x, ops[c->op->kernel - 1], p, 1, &in, 2, both);
  scion_set_grad_enabled(x->ctx, old);
  scion_tensor *place = x_to(x, both[1], SCION_I64);
  out[1] = p->base != 0 ? x_adds(x, place, (double)p->base) : place;
  if (place != NULL) scion__x_call_n(x, ops[c->op->kernel - 1], p, 1, (scion_tensor *[]){ c->in[0] }, 1, out);
}

/* dx[place] += dy, and its adjoint y = x[place], plane by plane. x: (N, C, spatial), place as dy. */
typedef struct { scion_ints size; } scatter_params;
static void scatter_planes(void *ud, int64_t begin, int64_t end) {
  const plane_job *j = ud;
  for (int64_t i = begin; i < end; i++) {
    const int32_t *place = j->place + i * j->out;
    if (j->backward) { /* gather */
      if (j->dtype == SCION_F32) for (int64_t k = 0; k < j->out; k++) ((float *)(void *)j->y)[i * j->out + k] = ((const float *)(const void *)j->x)[i * j->in + place[k]];
      else for (int64_t k = 0; k < j->out; k++) ((double *)(void *)j->y)[i * j->out + k] = ((const double *)(const void *)j->x)[i * j->in + place[k]];
    } else if (j->dtype == SCION_F32) {
      float *y = (float *)(void *)j->y + i * j->in;
      memset(y, 0, (size_t)j->in * sizeof *y);
      for (int64_t k = 0; k < j->out; k++) y[place[k]] += ((const float *)(const void *)j->x)[i * j->out + k];
    } else {
      double *y = (double *)(void *)j->y + i * j->in;
      memset(y, 0, (size_t)j->in * sizeof *y);
      for (int64_t k = 0; k < j->out; k++) y[place[k]] += ((const double *)(const void *)j->x)[i * j->out + k];
    }
  }
}
static int64_t plane_size(const scion_tensor *t) {
  int64_t n = 1;
  for (int32_t i = 2; i < t->n_dims; i++) n *= t->shape[i];
  return n;
}
static scion_status scatter_infer(scion_call *c) {
  const scatter_params *p = c->params;
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__need_dtype(c, 1, "i32", c->in[1]->dtype == SCION_I32));
  SCION_TRY(scion__need_dims(c, 0, 3, 5));
  bool gather = c->op == &scion__op_max_pool_gather;
  int64_t shape[5] = { c->in[0]->shape[0], c->in[0]->shape[1] };
  const scion_tensor *like = c->in[1];
  bool fits = like->n_dims == c->in[0]->n_dims && like->shape[0] == shape[0] && like->shape[1] == shape[1] &&
              (gather || scion__same_shape(like, c->in[0])) && (gather || p->size.n == like->n_dims - 2);
  if (!fits) return SCION_OP_FAIL(c, SCION_ESHAPE, "positions do not fit the values");
  for (int32_t i = 2; i < like->n_dims; i++) shape[i] = gather ? like->shape[i] : p->size.v[i - 2];
  scion__out(c, 0, c->in[0]->dtype, like->n_dims, shape);
  return SCION_OK;
}
static scion_status scatter_forward(scion_call *c) {
  scion_tensor *x, *place;
  bool gather = c->op == &scion__op_max_pool_gather;
  SCION_TRY(scion__packed_in(c, 0, &x));
  scion_status st = scion__packed_in(c, 1, &place);
  if (st != SCION_OK) {
    scion_tensor_free(c->ctx, x);
    return st;
  }
  plane_job j = { NULL, x->dtype, plane_size(gather ? x : c->out[0]), plane_size(place), x->data, c->out[0]->data, NULL,
                  (int32_t *)(void *)place->data, gather };
  for (int64_t i = 0; i < place->numel && st == SCION_OK; i++)
    if (j.place[i] < 0 || j.place[i] >= j.in) st = SCION_OP_FAIL(c, SCION_EINDEX, "position %d is out of range 0..%lld", j.place[i], (long long)j.in - 1);
  if (st == SCION_OK) scion__parallel_range(c->ctx, x->shape[0] * x->shape[1], scion__max(1, 65536 / scion__max(1, j.in + j.out)), scatter_planes, &j);
  scion_tensor_free(c->ctx, x);
  scion_tensor_free(c->ctx, place);
  return st;
}
static void max_grad(scion_grad_call *g) {
  scatter_params p = { { g->in[0]->n_dims - 2, { 0 } } };
  for (int32_t i = 0; i < p.size.n; i++) p.size.v[i] = g->in[0]->shape[2 + i];
  scion__g_set(g, 0, scion__x2(&g->x, &scion__op_max_pool_scatter, &p, g->dy[0], g->out[1]));
}
static void scatter_grad(scion_grad_call *g) {
  scion__g_set(g, 0, scion__x2(&g->x, &scion__op_max_pool_gather, NULL, g->dy[0], g->in[1]));
}
static void gather_grad(scion_grad_call *g) {
  scatter_params p = { { g->in[0]->n_dims - 2, { 0 } } };
  for (int32_t i = 0; i < p.size.n; i++) p.size.v[i] = g->in[0]->shape[2 + i];
  scion__g_set(g, 0, scion__x2(&g->x, &scion__op_max_pool_scatter, &p, g->dy[0], g->in[1]));
}

/* ---- average ---------------------------------------------------------------------------------------------------- */

/* One factor per output element: 1 / (elements that count). */
static scion_status scales(scion_context *ctx, int dtype, const pool_params *p, const scion_conv_shape *s, const int64_t *trailing, char **out, size_t *bytes) {
  int64_t n = s->od * s->oh * s->ow;
  *bytes = (size_t)n * scion_dtype_size((scion_dtype)dtype);
  *out = scion__alloc(ctx, *bytes);
  if (*out == NULL) return SCION_ENOMEM;
  const int64_t in[3] = { s->d, s->h, s->w }, k[3] = { s->kd, s->kh, s->kw }, st[3] = { s->sd, s->sh, s->sw }, pad[3] = { s->pd, s->ph, s->pw };
  for (int64_t i = 0; i < n; i++) {
    int64_t o[3] = { i / (s->oh * s->ow), i / s->ow % s->oh, i % s->ow }, count = 1;
    for (int d = 0; d < 3; d++) {
      int64_t start = o[d] * st[d] - pad[d], end = start + k[d];
      int64_t low = p->count_include_pad ? -pad[d] : 0, high = p->count_include_pad ? in[d] + trailing[d] : in[d];
      count *= scion__max(0, scion__min(end, high) - scion__max(start, low));
    }
    double f = p->divisor > 0 ? 1.0 / (double)p->divisor : count > 0 ? 1.0 / (double)count : 0;
    if (dtype == SCION_F32) ((float *)(void *)*out)[i] = (float)f;
    else ((double *)(void *)*out)[i] = f;
  }
  return SCION_OK;
}
static void avg_planes(void *ud, int64_t begin, int64_t end) {
  const plane_job *j = ud;
  for (int64_t i = begin; i < end; i++) {
    int64_t from = i * (j->backward ? j->out : j->in), to = i * (j->backward ? j->in : j->out);
    if (j->dtype == SCION_F32) {
      (j->backward ? scion__k->avg_pool_grad_f32 : scion__k->avg_pool_f32)(j->s, (const float *)(const void *)j->x + from,
          (const float *)(const void *)j->scale, (float *)(void *)j->y + to);
    } else {
      (j->backward ? scion__k->avg_pool_grad_f64 : scion__k->avg_pool_f64)(j->s, (const double *)(const void *)j->x + from,
          (const double *)(const void *)j->scale, (double *)(void *)j->y + to);
    }
  }
}
static scion_status run_avg(scion_call *c, bool backward, const int64_t *size) {
  const pool_params *p = c->params;
  scion_conv_shape s;
  int64_t trailing[3];
  scion_tensor *x;
  char *scale;
  size_t bytes;
  SCION_TRY(geometry(c, p, c->op->kernel, size, &s, trailing));
  SCION_TRY(scion__packed_in(c, 0, &x));
  scion_status st = scales(c->ctx, x->dtype, p, &s, trailing, &scale, &bytes);
  if (st == SCION_OK) {
    plane_job j = { &s, x->dtype, s.d * s.h * s.w, s.od * s.oh * s.ow, x->data, c->out[0]->data, scale, NULL, backward };
    scion__parallel_range(c->ctx, x->shape[0] * x->shape[1], scion__max(1, 65536 / scion__max(1, j.out * s.kd * s.kh * s.kw)), avg_planes, &j);
    scion__free(c->ctx, scale, bytes);
  }
  scion_tensor_free(c->ctx, x);
  return st;
}
static scion_status avg_infer(scion_call *c) {
  scion_conv_shape s;
  int64_t trailing[3];
  int32_t n = c->op->kernel;
  SCION_TRY(check_input(c, n));
  SCION_TRY(geometry(c, c->params, n, c->in[0]->shape + 2, &s, trailing));
  out_shape(c, 0, c->in[0]->dtype, n, &s);
  return SCION_OK;
}
static scion_status avg_forward(scion_call *c) { return run_avg(c, false, c->in[0]->shape + 2); }
static scion_status avg_grad_infer(scion_call *c) {
  const pool_params *p = c->params;
  scion_conv_shape s;
  int64_t trailing[3], shape[5] = { c->in[0]->shape[0], c->in[0]->shape[1] };
  int32_t n = c->op->kernel;
  SCION_TRY(check_input(c, n));
  if (p->size.n != n) return SCION_OP_FAIL(c, SCION_EINVAL, "size has %d values, expected %d", p->size.n, n);
  SCION_TRY(geometry(c, p, n, p->size.v, &s, trailing));
  int64_t all[3] = { s.od, s.oh, s.ow };
  for (int32_t i = 0; i < n; i++) {
    if (all[3 - n + i] != c->in[0]->shape[2 + i]) return SCION_OP_FAIL(c, SCION_ESHAPE, "the gradient does not fit the pooled size in dimension %d", i + 2);
    shape[2 + i] = p->size.v[i];
  }
  scion__out(c, 0, c->in[0]->dtype, n + 2, shape);
  return SCION_OK;
}
static scion_status avg_grad_forward(scion_call *c) { return run_avg(c, true, ((const pool_params *)c->params)->size.v); }
static const scion_op *const avg_ops[] = { &scion__op_avg_pool1d, &scion__op_avg_pool2d, &scion__op_avg_pool3d };
static const scion_op *const avg_grad_ops[] = { &scion__op_avg_pool1d_grad, &scion__op_avg_pool2d_grad, &scion__op_avg_pool3d_grad };
static void avg_grad(scion_grad_call *g) {
  pool_params p = *(const pool_params *)g->params;
  p.size.n = g->op->kernel;
  for (int32_t i = 0; i < p.size.n; i++) p.size.v[i] = g->in[0]->shape[2 + i];
  scion__g_set(g, 0, scion__x1(&g->x, avg_grad_ops[g->op->kernel - 1], &p, g->dy[0]));
}
static void avg_grad_grad(scion_grad_call *g) {
  scion__g_set(g, 0, scion__x1(&g->x, avg_ops[g->op->kernel - 1], g->params, g->dy[0]));
}

/* lp_pool: (sum |x|^p over the window)^(1/p). */
typedef struct { pool_params pool; double p; } lp_params;
static scion_status lp_infer(scion_call *c) { return avg_infer(c); }
static void lp_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  lp_params p = *(const lp_params *)c->params;
  int32_t n = c->op->kernel;
  double count = 1;
  for (int32_t i = 0; i < n; i++) count *= (double)pick(&p.pool.kernel, i, 1);
  p.pool.count_include_pad = 1;
  scion_tensor *in = c->in[0];
  scion_tensor *power = in == NULL ? NULL : x_scalar(x, in->dtype, p.p), *root = in == NULL ? NULL : x_scalar(x, in->dtype, 1 / p.p);
  scion_tensor *sum = scion__x1(x, avg_ops[n - 1], &p.pool, scion__x2(x, &scion__op_pow, NULL, scion__x1(x, &scion__op_abs, NULL, in), power));
  out[0] = scion__x2(x, &scion__op_pow, NULL, x_muls(x, sum, count), root);
}

/* ---- adaptive and global: windows that follow from the sizes -------------------------------------------------------- */

typedef struct { scion_ints size; } adaptive_params;
static scion_status adaptive_infer(scion_call *c) {
  const adaptive_params *p = c->params;
  int32_t n = c->op->kernel;
  SCION_TRY(check_input(c, n));
  SCION_TRY(check_list(c, "size", &p->size, n, 1, true));
  if (p->size.n > n) return SCION_OP_FAIL(c, SCION_EINVAL, "size has %d values, expected 1 or %d", p->size.n, n);
  int64_t shape[5] = { c->in[0]->shape[0], c->in[0]->shape[1] };
  for (int32_t i = 0; i < n; i++) {
    shape[2 + i] = pick(&p->size, i, 1);
    if (c->in[0]->shape[2 + i] == 0) return SCION_OP_FAIL(c, SCION_ESHAPE, "dimension %d of the input is empty", i + 2);
  }
  scion__out(c, 0, c->in[0]->dtype, n + 2, shape);
  return SCION_OK;
}
/* Window o of `out` over `in` elements: floor(o in / out) .. ceil((o + 1) in / out). One dimension after the other: means of
 * means are right because windows are products of intervals. */
static scion_tensor *adaptive_dim(scion_x *x, scion_tensor *t, int32_t dim, int64_t out, bool is_max) {
  if (t == NULL) return NULL;
  int64_t in = t->shape[dim], d = dim;
  scion__reduce_params p = { { 1, { d } }, 1 };
  const scion_op *reduce = is_max ? &scion__op_amax : &scion__op_mean;
  if (out == in) return t;
  if (out == 1) return scion__x1(x, reduce, &p, t);
  if (in % out == 0) { /* equal windows: one reshape */
    int64_t shape[SCION_MAX_DIMS];
    int32_t n = 0;
    for (int32_t i = 0; i < t->n_dims; i++) {
      if (i == dim) shape[n++] = out, shape[n++] = in / out;
      else shape[n++] = t->shape[i];
    }
    p.dims.v[0] = dim + 1;
    p.keepdim = 0;
    return scion__x1(x, reduce, &p, x_reshape(x, t, n, shape));
  }
  scion_tensor *few[64], **parts = few;
  size_t bytes = (size_t)out * sizeof *parts;
  if (out > 64) {
    parts = scion__alloc(x->ctx, bytes);
    if (parts == NULL) {
      x->status = SCION_ENOMEM;
      return NULL;
    }
  }
  for (int64_t o = 0; o < out; o++) {
    int64_t begin = o * in / out, end = ((o + 1) * in + out - 1) / out;
    parts[o] = scion__x1(x, reduce, &p, x_narrow(x, t, dim, begin, end - begin));
  }
  scion_tensor *y = x->status == SCION_OK ? x_cat(x, (int32_t)out, parts, dim) : NULL;
  if (parts != few) scion__free(x->ctx, parts, bytes);
  return y;
}
static void adaptive_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const adaptive_params *p = c->params;
  bool is_max = c->op == &scion__op_adaptive_max_pool1d || c->op == &scion__op_adaptive_max_pool2d || c->op == &scion__op_adaptive_max_pool3d;
  scion_tensor *t = c->in[0];
  for (int32_t i = c->op->kernel - 1; i >= 0; i--) t = adaptive_dim(x, t, 2 + i, pick(&p->size, i, 1), is_max);
  out[0] = t == c->in[0] ? scion__x1(x, &scion__op_clone, NULL, t) : t;
}

static scion_status global_infer(scion_call *c) {
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__need_dims(c, 0, 3, SCION_MAX_DIMS));
  int64_t shape[SCION_MAX_DIMS] = { c->in[0]->shape[0], c->in[0]->shape[1] };
  for (int32_t i = 2; i < c->in[0]->n_dims; i++) shape[i] = 1;
  scion__out(c, 0, c->in[0]->dtype, c->in[0]->n_dims, shape);
  return SCION_OK;
}
static void global_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  scion__reduce_params p = { { c->in[0]->n_dims - 2, { 0 } }, 1 };
  for (int32_t i = 0; i < p.dims.n; i++) p.dims.v[i] = 2 + i;
  out[0] = scion__x1(x, c->op == &scion__op_global_max_pool ? &scion__op_amax : &scion__op_mean, &p, c->in[0]);
}

/* ---- tables --------------------------------------------------------------------------------------------------------- */

static const scion_slot slots_max[] = { { "y", 0, "maxima" }, { "place", 0, "positions in the plane" } };
static const scion_slot slots_indices[] = { { "y", 0, "maxima" }, { "indices", 0, "i64 positions in the plane (row-major over the spatial dimensions)" } };
static const scion_slot slots_place[] = { { "x", 0, "values" }, { "place", 0, "i32 positions in the plane" } };
#define LIST(struct_, field, flag, text) { #field, SCION_P_INTS, flag, offsetof(struct_, field), .def_ints = { 0 }, .doc = text }
#define KERNEL(struct_) LIST(struct_, kernel, SCION_PF_REQUIRED, "size of the window: one number or one per dimension")
#define STRIDE(struct_) LIST(struct_, stride, 0, "step of the window; default: its size")
#define PADDING(struct_) LIST(struct_, padding, 0, "padding: one number, one per dimension, or all leading then all trailing ones; default 0")
#define CEIL { "ceil_mode", SCION_P_BOOL, 0, offsetof(pool_params, ceil_mode), .doc = "round the output's size up: the last window may hang over" }
static const scion_param params_max[] = { KERNEL(pool_params), STRIDE(pool_params), PADDING(pool_params),
  LIST(pool_params, dilation, 0, "distance of the window's taps; default 1"), CEIL };
static const scion_param params_indices[] = { KERNEL(pool_params), STRIDE(pool_params), PADDING(pool_params),
  LIST(pool_params, dilation, 0, "distance of the window's taps; default 1"), CEIL,
  { "base", SCION_P_INT, SCION_PF_BASE, offsetof(pool_params, base), .def = 0, .min = 0, .max = 1, .doc = "the first position's number" } };
#define INCLUDE { "count_include_pad", SCION_P_BOOL, 0, offsetof(pool_params, count_include_pad), .def = 1, .doc = "padding counts in the average" }
#define DIVISOR { "divisor_override", SCION_P_INT, 0, offsetof(pool_params, divisor), .def = 0, .min = 0, .max = 1e15,                  \
  .doc = "what sums are divided by, instead of the number of elements (1: sums)" }
static const scion_param params_avg[] = { KERNEL(pool_params), STRIDE(pool_params), PADDING(pool_params), CEIL, INCLUDE, DIVISOR };
static const scion_param params_avg_grad[] = { KERNEL(pool_params), STRIDE(pool_params), PADDING(pool_params), CEIL, INCLUDE, DIVISOR,
  LIST(pool_params, size, SCION_PF_REQUIRED, "spatial size of the unpooled input") };
static const scion_param params_lp[] = { KERNEL(pool_params), STRIDE(pool_params), PADDING(pool_params), CEIL,
  { "p", SCION_P_FLOAT, 0, offsetof(lp_params, p), .def = 2, .min = 1e-9, .max = 1e300, .doc = "the power" } };
static const scion_param params_adaptive[] = { LIST(adaptive_params, size, SCION_PF_REQUIRED, "output size: one number or one per dimension") };
static const scion_param params_scatter[] = { LIST(scatter_params, size, SCION_PF_REQUIRED, "spatial size of the result") };

static const scion_sample max1[] = { { "2x2x7:d", "kernel=3 stride=2 padding=1" }, { "2x2x8:d", "kernel=2 stride=3 ceil_mode=true" },
  { "1x2x7:d", "kernel=3 stride=1 dilation=2" } };
static const scion_sample max2[] = { { "2x2x4x5:d", "kernel=2" }, { "1x2x5x6:d", "kernel=3,2 stride=2,1 padding=1,0 ceil_mode=true" }, { "1x1x6x6:d",
    "kernel=2 stride=1 dilation=2" } };
static const scion_sample max3[] = { { "1x2x3x4x4:d", "kernel=2 stride=1" }, { "2x1x4x5x3:d", "kernel=3,2,2 stride=2,1,2 padding=1,0,1 ceil_mode=true" }, { "1x1x4x4x4:d",
    "kernel=2 stride=1 dilation=2,1,2" } };
static const scion_sample avg1[] = { { "2x2x7", "kernel=3 stride=2 padding=1" }, { "1x2x8", "kernel=3 stride=2 padding=1 count_include_pad=false ceil_mode=true" } };
static const scion_sample avg2[] = { { "2x2x4x5", "kernel=2" }, { "1x2x5x6",
    "kernel=3,2 stride=2,1 padding=1,0,0,1 ceil_mode=true count_include_pad=false" }, { "1x2x5x5", "kernel=2 ceil_mode=true padding=1" },
  { "1x2x4x4", "kernel=2 stride=1 divisor_override=1" } };
static const scion_sample avg3[] = { { "1x2x3x4x4", "kernel=2 stride=1 padding=1" },
  { "2x1x4x5x3", "kernel=3,2,2 stride=2,1,2 padding=1,0,1 ceil_mode=true count_include_pad=false" } };
static const scion_sample avg1g[] = { { "2x2x4", "kernel=3 stride=2 padding=1 size=7" } };
static const scion_sample avg2g[] = { { "2x2x2x2", "kernel=2 size=4,5" } };
static const scion_sample avg3g[] = { { "1x2x2x3x3", "kernel=2 stride=1 size=3,4,4" } };
static const scion_sample lp1[] = { { "2x2x6:+", "kernel=2 p=3" } };
static const scion_sample lp2[] = { { "1x2x4x4:+", "kernel=2 p=2" }, { "1x2x5x4:+", "kernel=3,2 stride=2,1 p=3 ceil_mode=true" } };
static const scion_sample lp3[] = { { "1x2x3x4x3:+", "kernel=2 stride=1 p=2" } };
static const scion_sample ad1[] = { { "2x2x7:d", "size=3" }, { "1x2x6:d", "size=2" }, { "1x2x3:d", "size=5" } };
static const scion_sample ad2[] = { { "1x2x6x7:d", "size=3,2" }, { "1x2x4x4:d", "size=1" }, { "1x1x2x3:d", "size=4,3" } };
static const scion_sample ad3[] = { { "1x1x4x4x3:d", "size=2" }, { "1x2x3x5x4:d", "size=1,3,4" } };
static const scion_sample global_samples[] = { { "2x3x4x3:d", "" }, { "2x3x4:d", "" } };

#define INFO(name_, flags_, doc_, params_, struct_) { name_, 1, flags_, doc_, SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_, struct_) }
#define POOLS(n)                                                                                                                         \
  const scion_op scion__op_max_pool##n##d = {                                                                                           \
    .info = { "max_pool" #n "d", 1, 0, #n "-d max pooling.", SCION_INPUTS(scion__slots_x), .outputs = slots_max, .n_outputs = 2,         \
              .n_visible = 1, SCION_PARAMS(params_max, pool_params) },                                                                  \
    .infer = max_infer, .forward = max_forward, .grad = max_grad, .kernel = n, .keeps = SCION_KEEP_OUT(1), SCION_SAMPLES(max##n) };     \
  const scion_op scion__op_max_pool##n##d_with_indices = {                                                                              \
    .info = { "max_pool" #n "d_with_indices", 1, SCION_OF_INDICES, #n "-d max pooling that also tells where the maxima were.",           \
              SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(slots_indices), SCION_PARAMS(params_indices, pool_params) },                  \
    .infer = indices_infer, .compose = indices_compose, .kernel = n, SCION_SAMPLES(max##n) };                                          \
  const scion_op scion__op_avg_pool##n##d = {                                                                                           \
    .info = INFO("avg_pool" #n "d", 0, #n "-d average pooling.", params_avg, pool_params),                                              \
    .infer = avg_infer, .forward = avg_forward, .grad = avg_grad, .kernel = n, SCION_SAMPLES(avg##n) };                                \
  const scion_op scion__op_avg_pool##n##d_grad = {                                                                                      \
    .info = INFO("avg_pool" #n "d_grad", SCION_OF_INTERNAL, "Gradient of average pooling.", params_avg_grad, pool_params),              \
    .infer = avg_grad_infer, .forward = avg_grad_forward, .grad = avg_grad_grad, .kernel = n, SCION_SAMPLES(avg##n##g) };              \
  const scion_op scion__op_adaptive_avg_pool##n##d = {                                                                                  \
    .info = INFO("adaptive_avg_pool" #n "d", 0, #n "-d average pooling to a given size.", params_adaptive, adaptive_params),            \
    .infer = adaptive_infer, .compose = adaptive_compose, .kernel = n, SCION_SAMPLES(ad##n) };                                         \
  const scion_op scion__op_adaptive_max_pool##n##d = {                                                                                  \
    .info = INFO("adaptive_max_pool" #n "d", 0, #n "-d max pooling to a given size.", params_adaptive, adaptive_params),                \
    .infer = adaptive_infer, .compose = adaptive_compose, .kernel = n, SCION_SAMPLES(ad##n) };
POOLS(1)
POOLS(2)
POOLS(3)
#define LP(n)                                                                                                                            \
  const scion_op scion__op_lp_pool##n##d = {                                                                                            \
    .info = INFO("lp_pool" #n "d", 0, #n "-d power pooling: (sum of |x|^p)^(1/p).", params_lp, lp_params),                              \
    .infer = lp_infer, .compose = lp_compose, .kernel = n, SCION_SAMPLES(lp##n) };
LP(1)
LP(2)
LP(3)
const scion_op scion__op_global_avg_pool = {
  .info = { "global_avg_pool", 1, 0, "Mean over all spatial dimensions, which stay with size 1.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y) },
  .infer = global_infer, .compose = global_compose, SCION_SAMPLES(global_samples) };
const scion_op scion__op_global_max_pool = {
  .info = { "global_max_pool", 1, 0, "Maximum over all spatial dimensions, which stay with size 1.", SCION_INPUTS(scion__slots_x), SCION_OUTPUTS(scion__slots_y) },
  .infer = global_infer, .compose = global_compose, SCION_SAMPLES(global_samples) };
static const scion_sample samples_scatter[] = { { "2x2x3,2x2x3:j<5", "size=5" } };
const scion_op scion__op_max_pool_scatter = {
  .info = { "max_pool_scatter", 1, SCION_OF_INTERNAL, "Gradient of max pooling: adds values at their positions.", SCION_INPUTS(slots_place), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_scatter, scatter_params) },
  .infer = scatter_infer, .forward = scatter_forward, .grad = scatter_grad, .keeps = SCION_KEEP_IN(1), SCION_SAMPLES(samples_scatter) };
static const scion_sample samples_gather[] = { { "2x2x5,2x2x3:j<5", "" } };
const scion_op scion__op_max_pool_gather = {
  .info = { "max_pool_gather", 1, SCION_OF_INTERNAL, "Reads values at the positions of max pooling.", SCION_INPUTS(slots_place), SCION_OUTPUTS(scion__slots_y) },
  .infer = scatter_infer, .forward = scatter_forward, .grad = gather_grad, .keeps = SCION_KEEP_IN(1), SCION_SAMPLES(samples_gather) };
