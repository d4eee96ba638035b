/* conv.c: convolution (cross-correlation, as everywhere in this field), its transpose, and the gradient of the weight,
 * in one to three dimensions. The three are closed under differentiation:
 *   conv            d/dx = conv_transpose(dy, w)      d/dw = conv_grad_weight(x, dy)
 *   conv_transpose  d/dx = conv(dy, w)                d/dw = conv_grad_weight(dy, x)
 *   conv_grad_weight(x, dy)   d/dx = conv_transpose(dy, ddw)   d/ddy = conv(x, ddw) */
#include "conv.h"

typedef struct {
  scion_ints stride, padding, dilation;
  int64_t groups;
  int32_t activation;
} conv_params;
typedef struct {
  scion_ints stride, padding, output_padding;
  int64_t groups;
  scion_ints dilation, output_size; /* output_size: internal, fixes the size exactly */
} transpose_params;
typedef struct {
  scion_ints kernel, stride, padding, dilation;
  int64_t groups;
} weight_params;

static int64_t pick(const scion_ints *v, int32_t i, int64_t def) { return v->n <= 0 ? def : v->n == 1 ? v->v[0] : v->v[i]; }

static scion_status check_list(const scion_call *c, const char *name, const scion_ints *v, int32_t n, int64_t low, bool two_sided) {
  if (v->n > 1 && v->n != n && !(two_sided && v->n == 2 * n)) {
    return SCION_OP_FAIL(c, SCION_EINVAL, "%s has %d values, expected 1 or %d%s", name, v->n, n,
                         two_sided ? " (or twice that: all leading ones, then all trailing ones)" : "");
  }
  for (int32_t i = 0; i < v->n; i++) {
    if (v->v[i] < low || v->v[i] > INT32_MAX) {
      return SCION_OP_FAIL(c, SCION_EINVAL, "%s is %lld, expected at least %lld", name, (long long)v->v[i], (long long)low);
    }
  }
  return SCION_OK;
}

/* Geometry of n spatial dimensions; out NULL: computed from the input. Sizes are those of the convolution (for a
 * transpose: `in` is its output). */
static scion_status geometry(const scion_call *c, int32_t n, const int64_t *in, const int64_t *kernel, const scion_ints *stride,
                             const scion_ints *padding, const scion_ints *dilation, const int64_t *out, scion_conv_shape *s) {
  SCION_TRY(check_list(c, "stride", stride, n, 1, false));
  SCION_TRY(check_list(c, "padding", padding, n, 0, true));
  SCION_TRY(check_list(c, "dilation", dilation, n, 1, false));
  *s = (scion_conv_shape){ 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1 };
  int64_t *size[3] = { &s->d, &s->h, &s->w }, *osize[3] = { &s->od, &s->oh, &s->ow }, *k[3] = { &s->kd, &s->kh, &s->kw };
  int64_t *st[3] = { &s->sd, &s->sh, &s->sw }, *pad[3] = { &s->pd, &s->ph, &s->pw }, *dil[3] = { &s->dd, &s->dh, &s->dw };
  for (int32_t i = 0; i < n; i++) {
    int32_t at = 3 - n + i;
    *size[at] = in[i];
    *k[at] = kernel[i];
    *st[at] = pick(stride, i, 1);
    *dil[at] = pick(dilation, i, 1);
    *pad[at] = pick(padding, i, 0);
    int64_t trailing = padding->n == 2 * n ? padding->v[n + i] : *pad[at];
    int64_t reach = (*k[at] - 1) * *dil[at] + 1, padded = in[i] + *pad[at] + trailing;
    if (out != NULL) {
      *osize[at] = out[i];
      continue;
    }
    if (reach > padded) {
      return SCION_OP_FAIL(c, SCION_ESHAPE, "the kernel reaches %lld pixels in dimension %d, the padded input has %lld", (long long)reach,
                           i + 2 + c->ctx->index_base, (long long)padded);
    }
    *osize[at] = (padded - reach) / *st[at] + 1;
  }
  return SCION_OK;
}

static int32_t spatial_dims(const scion_call *c) { return c->op->kernel; }

static scion_status check_common(scion_call *c, int32_t n, int64_t groups, int32_t n_tensors) {
  SCION_TRY(scion__need_float(c, 0));
  for (int32_t i = 1; i < n_tensors; i++)
    if (i < c->n_in && c->in[i] != NULL) SCION_TRY(scion__need_same_dtype(c, 0, i));
  SCION_TRY(scion__need_dims(c, 0, n + 2, n + 2));
  SCION_TRY(scion__need_dims(c, 1, n + 2, n + 2));
  if (groups < 1) return SCION_OP_FAIL(c, SCION_EINVAL, "groups is %lld, expected at least 1", (long long)groups);
  return SCION_OK;
}
static scion_status check_bias(scion_call *c, int64_t channels) {
  if (c->n_in < 3 || c->in[2] == NULL) return SCION_OK;
  char text[SCION_SHAPE_TEXT];
  if (c->in[2]->n_dims == 1 && c->in[2]->shape[0] == channels) return SCION_OK;
  return SCION_OP_FAIL(c, SCION_ESHAPE, "bias is %s, expected (%lld,)", scion__shape_text(text, c->in[2]->n_dims, c->in[2]->shape),
                       (long long)channels);
}

/* ---- conv ------------------------------------------------------------------------------------------------------- */

static scion_status conv_job(scion_call *c, scion_conv_job *j) {
  const conv_params *p = c->params;
  const scion_tensor *x = c->in[0], *w = c->in[1];
  int32_t n = spatial_dims(c);
  char tx[SCION_SHAPE_TEXT], tw[SCION_SHAPE_TEXT];
  SCION_TRY(check_common(c, n, p->groups, 3));
  if (x->shape[1] != w->shape[1] * p->groups) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "input has %lld channels but weight expects %lld (input %s, weight %s, groups %lld)",
                         (long long)x->shape[1], (long long)(w->shape[1] * p->groups), scion__shape_text(tx, x->n_dims, x->shape),
                         scion__shape_text(tw, w->n_dims, w->shape), (long long)p->groups);
  }
  if (w->shape[0] % p->groups != 0) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "%lld output channels do not divide into %lld groups", (long long)w->shape[0], (long long)p->groups);
  }
  SCION_TRY(check_bias(c, w->shape[0]));
  *j = (scion_conv_job){ x->dtype, p->activation, x->shape[0], x->shape[1], w->shape[0], p->groups, { 0 }, NULL };
  return geometry(c, n, x->shape + 2, w->shape + 2, &p->stride, &p->padding, &p->dilation, NULL, &j->shape);
}
static void spatial(const scion_conv_shape *s, int32_t n, bool out, int64_t *shape) {
  int64_t all[3] = { out ? s->od : s->d, out ? s->oh : s->h, out ? s->ow : s->w };
  for (int32_t i = 0; i < n; i++) shape[i] = all[3 - n + i];
}
static scion_status conv_infer(scion_call *c) {
  scion_conv_job j;
  SCION_TRY(conv_job(c, &j));
  int64_t shape[5] = { j.batch, j.out_channels };
  spatial(&j.shape, spatial_dims(c), true, shape + 2);
  if (c->n_in > 3 && c->in[3] != NULL) {
    const scion_tensor *plus = c->in[3];
    SCION_TRY(scion__need_same_dtype(c, 0, 3));
    if (plus->n_dims != spatial_dims(c) + 2 || memcmp(plus->shape, shape, (size_t)plus->n_dims * sizeof *shape) != 0) {
      char got[SCION_SHAPE_TEXT], want[SCION_SHAPE_TEXT];
      return SCION_OP_FAIL(c, SCION_ESHAPE, "plus is %s, expected the output's shape %s", scion__shape_text(got, plus->n_dims, plus->shape),
                           scion__shape_text(want, spatial_dims(c) + 2, shape));
    }
  }
  scion__out(c, 0, j.dtype, spatial_dims(c) + 2, shape);
  return SCION_OK;
}

/* Packs the inputs around a computation. */
typedef struct { scion_tensor *t[4]; } packed;
static scion_status pack(scion_call *c, packed *p) {
  *p = (packed){ { NULL, NULL, NULL, NULL } };
  for (int32_t i = 0; i < c->n_in && i < 4; i++) {
    if (c->in[i] == NULL) continue;
    scion_status st = scion__packed_in(c, i, &p->t[i]);
    if (st == SCION_OK) continue;
    for (int32_t k = 0; k <= i; k++) scion_tensor_free(c->ctx, p->t[k]);
    return st;
  }
  return SCION_OK;
}
static void unpack(scion_call *c, packed *p) {
  for (int32_t i = 0; i < 4; i++) scion_tensor_free(c->ctx, p->t[i]);
}

static scion_status conv_forward(scion_call *c) {
  scion_conv_job j;
  packed p;
  SCION_TRY(conv_job(c, &j));
  SCION_TRY(pack(c, &p));
  if (p.t[3] != NULL) j.plus = p.t[3]->data;
  scion_status st = scion__conv_forward(c->ctx, &j, p.t[0]->data, p.t[1]->data, p.t[2] != NULL ? p.t[2]->data : NULL, c->out[0]->data);
  unpack(c, &p);
  return st;
}
static scion_tensor *bias_grad(scion_x *x, scion_tensor *dy) {
  int64_t dims[4] = { 0, 2, 3, 4 };
  return dy == NULL ? NULL : x_sum(x, dy, dy->n_dims - 1, dims, false);
}
static const scion_op *const conv_ops[] = { &scion__op_conv1d, &scion__op_conv2d, &scion__op_conv3d };
static const scion_op *const transpose_ops[] = { &scion__op_conv_transpose1d, &scion__op_conv_transpose2d, &scion__op_conv_transpose3d };
static const scion_op *const weight_ops[] = { &scion__op_conv1d_grad_weight, &scion__op_conv2d_grad_weight, &scion__op_conv3d_grad_weight };

static scion_ints sizes_of(const scion_tensor *t) {
  scion_ints v = { t->n_dims - 2, { 0 } };
  for (int32_t i = 0; i < v.n; i++) v.v[i] = t->shape[2 + i];
  return v;
}
static void conv_grad(scion_grad_call *g) {
  const conv_params *p = g->params;
  int32_t n = g->op->kernel;
  scion_tensor *dy = g->dy[0];
  if (p->activation != 0) { /* the executor fuses activations only where nobody differentiates */
    g->x.status = scion_fail(g->x.ctx, SCION_EUNSUPPORTED, "%s: a fused activation has no gradient", g->op->info.name);
    return;
  }
  if (g->needs[0]) {
    transpose_params t = { p->stride, p->padding, { 0 }, p->groups, p->dilation, sizes_of(g->in[0]) };
    scion__g_set(g, 0, scion__x3(&g->x, transpose_ops[n - 1], &t, dy, g->in[1], NULL));
  }
  if (g->needs[1]) {
    weight_params t = { sizes_of(g->in[1]), p->stride, p->padding, p->dilation, p->groups };
    scion__g_set(g, 1, scion__x2(&g->x, weight_ops[n - 1], &t, g->in[0], dy));
  }
  if (scion__g_needs(g, 2)) scion__g_set(g, 2, bias_grad(&g->x, dy));
  if (scion__g_needs(g, 3)) scion__g_set(g, 3, dy);
}
static uint32_t conv_keeps(const scion_call *c, const bool *needs) {
  return (needs[0] ? SCION_KEEP_IN(1) : 0) | (needs[1] ? SCION_KEEP_IN(0) : 0);
}
static double conv_cost(const scion_call *c, double *bytes) {
  scion_conv_job j;
  scion_call copy = *c;
  if (conv_job(&copy, &j) != SCION_OK) return 0;
  double out = (double)(j.batch * j.out_channels) * (double)(j.shape.od * j.shape.oh * j.shape.ow);
  *bytes = (double)scion_dtype_size((scion_dtype)j.dtype) * ((double)c->in[0]->numel + (double)c->in[1]->numel + out);
  return out * (double)(j.in_channels / j.groups * j.shape.kd * j.shape.kh * j.shape.kw);
}

/* ---- conv_transpose ----------------------------------------------------------------------------------------------- */

/* As the convolution whose input gradient it is: in_channels and sizes are those of this op's output. */
static scion_status transpose_job(scion_call *c, scion_conv_job *j) {
  const transpose_params *p = c->params;
  const scion_tensor *x = c->in[0], *w = c->in[1];
  int32_t n = spatial_dims(c);
  char tx[SCION_SHAPE_TEXT], tw[SCION_SHAPE_TEXT];
  SCION_TRY(check_common(c, n, p->groups, 3));
  SCION_TRY(check_list(c, "output_padding", &p->output_padding, n, 0, false));
  SCION_TRY(check_list(c, "stride", &p->stride, n, 1, false));
  SCION_TRY(check_list(c, "padding", &p->padding, n, 0, true));
  SCION_TRY(check_list(c, "dilation", &p->dilation, n, 1, false));
  if (x->shape[1] != w->shape[0] || w->shape[0] % p->groups != 0) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "input has %lld channels but weight expects %lld (input %s, weight %s, groups %lld)",
                         (long long)x->shape[1], (long long)w->shape[0], scion__shape_text(tx, x->n_dims, x->shape),
                         scion__shape_text(tw, w->n_dims, w->shape), (long long)p->groups);
  }
  SCION_TRY(check_bias(c, w->shape[1] * p->groups));
  int64_t out[3];
  for (int32_t i = 0; i < n; i++) {
    int64_t stride = pick(&p->stride, i, 1), lead = pick(&p->padding, i, 0), trail = p->padding.n == 2 * n ? p->padding.v[n + i] : lead;
    int64_t extra = pick(&p->output_padding, i, 0), dilation = pick(&p->dilation, i, 1);
    if (extra >= stride && extra >= dilation) {
      return SCION_OP_FAIL(c, SCION_EINVAL, "output_padding is %lld, expected less than the stride %lld or the dilation %lld",
                           (long long)extra, (long long)stride, (long long)dilation);
    }
    out[i] = p->output_size.n > 0 ? p->output_size.v[i]
                                  : (x->shape[2 + i] - 1) * stride - lead - trail + dilation * (w->shape[2 + i] - 1) + extra + 1;
    if (out[i] < 0 || (out[i] == 0 && x->shape[2 + i] > 0)) {
      return SCION_OP_FAIL(c, SCION_ESHAPE, "the output would have size %lld in dimension %d", (long long)out[i], i + 2 + c->ctx->index_base);
    }
  }
  *j = (scion_conv_job){ x->dtype, 0, x->shape[0], w->shape[1] * p->groups, x->shape[1], p->groups, { 0 }, NULL };
  return geometry(c, n, out, w->shape + 2, &p->stride, &p->padding, &p->dilation, x->shape + 2, &j->shape);
}
static scion_status transpose_infer(scion_call *c) {
  scion_conv_job j;
  SCION_TRY(transpose_job(c, &j));
  int64_t shape[5] = { j.batch, j.in_channels };
  spatial(&j.shape, spatial_dims(c), false, shape + 2);
  scion__out(c, 0, j.dtype, spatial_dims(c) + 2, shape);
  return SCION_OK;
}
static scion_status transpose_forward(scion_call *c) {
  scion_conv_job j;
  packed p;
  SCION_TRY(transpose_job(c, &j));
  SCION_TRY(pack(c, &p));
  scion_status st = scion__conv_grad_input(c->ctx, &j, p.t[0]->data, p.t[1]->data, c->out[0]->data);
  if (st == SCION_OK && p.t[2] != NULL) {
    int64_t pixels = j.shape.d * j.shape.h * j.shape.w, size = (int64_t)scion_dtype_size((scion_dtype)j.dtype);
    for (int64_t n = 0; n < j.batch; n++) {
      char *y = c->out[0]->data + n * j.in_channels * pixels * size;
      if (j.dtype == SCION_F32) scion__k->conv_finish_f32(j.in_channels, pixels, pixels, (float *)(void *)p.t[2]->data, 0, (float *)(void *)y);
      else scion__k->conv_finish_f64(j.in_channels, pixels, pixels, (double *)(void *)p.t[2]->data, 0, (double *)(void *)y);
    }
  }
  unpack(c, &p);
  return st;
}
/* Trailing padding so that a convolution of this op's output gives its input's size back. */
static scion_ints exact_padding(const transpose_params *p, int32_t n, const scion_tensor *big, const scion_tensor *w, const scion_tensor *small) {
  scion_ints v = { 2 * n, { 0 } };
  for (int32_t i = 0; i < n; i++) {
    int64_t stride = pick(&p->stride, i, 1), dilation = pick(&p->dilation, i, 1);
    v.v[i] = pick(&p->padding, i, 0);
    int64_t need = (small->shape[2 + i] - 1) * stride + dilation * (w->shape[2 + i] - 1) + 1 - big->shape[2 + i] - v.v[i];
    v.v[n + i] = scion__max(need, 0);
  }
  return v;
}
static void transpose_grad(scion_grad_call *g) {
  const transpose_params *p = g->params;
  int32_t n = g->op->kernel;
  scion_tensor *dy = g->dy[0];
  scion_ints padding = exact_padding(p, n, dy, g->in[1], g->in[0]);
  if (g->needs[0]) {
    conv_params t = { p->stride, padding, p->dilation, p->groups, 0 };
    scion_tensor *dx = scion__x3(&g->x, conv_ops[n - 1], &t, dy, g->in[1], NULL);
    for (int32_t i = 0; i < n && dx != NULL; i++) /* output_padding beyond the stride's reach */
      if (dx->shape[2 + i] > g->in[0]->shape[2 + i]) dx = x_narrow(&g->x, dx, 2 + i, 0, g->in[0]->shape[2 + i]);
    scion__g_set(g, 0, dx);
  }
  if (g->needs[1]) {
    weight_params t = { sizes_of(g->in[1]), p->stride, padding, p->dilation, p->groups };
    scion__g_set(g, 1, scion__x2(&g->x, weight_ops[n - 1], &t, dy, g->in[0]));
  }
  if (scion__g_needs(g, 2)) scion__g_set(g, 2, bias_grad(&g->x, dy));
}

/* ---- conv_grad_weight ------------------------------------------------------------------------------------------------ */

static scion_status weight_job(scion_call *c, scion_conv_job *j) {
  const weight_params *p = c->params;
  const scion_tensor *x = c->in[0], *dy = c->in[1];
  int32_t n = spatial_dims(c);
  SCION_TRY(check_common(c, n, p->groups, 2));
  SCION_TRY(check_list(c, "kernel", &p->kernel, n, 1, false));
  if (p->kernel.n != n || x->shape[0] != dy->shape[0] || x->shape[1] % p->groups != 0 || dy->shape[1] % p->groups != 0) {
    char tx[SCION_SHAPE_TEXT], ty[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "x %s, dy %s, groups %lld and a kernel of %d sizes do not fit", scion__shape_text(tx, x->n_dims, x->shape),
                         scion__shape_text(ty, dy->n_dims, dy->shape), (long long)p->groups, p->kernel.n);
  }
  *j = (scion_conv_job){ x->dtype, 0, x->shape[0], x->shape[1], dy->shape[1], p->groups, { 0 }, NULL };
  return geometry(c, n, x->shape + 2, p->kernel.v, &p->stride, &p->padding, &p->dilation, dy->shape + 2, &j->shape);
}
static scion_status weight_infer(scion_call *c) {
  scion_conv_job j;
  SCION_TRY(weight_job(c, &j));
  const weight_params *p = c->params;
  int64_t shape[5] = { j.out_channels, j.in_channels / j.groups };
  for (int32_t i = 0; i < p->kernel.n; i++) shape[2 + i] = p->kernel.v[i];
  scion__out(c, 0, j.dtype, p->kernel.n + 2, shape);
  return SCION_OK;
}
static scion_status weight_forward(scion_call *c) {
  scion_conv_job j;
  packed p;
  SCION_TRY(weight_job(c, &j));
  SCION_TRY(pack(c, &p));
  scion_status st = scion__conv_grad_weight(c->ctx, &j, p.t[0]->data, p.t[1]->data, c->out[0]->data);
  unpack(c, &p);
  return st;
}
static void weight_grad(scion_grad_call *g) {
  const weight_params *p = g->params;
  int32_t n = g->op->kernel;
  if (g->needs[0]) {
    transpose_params t = { p->stride, p->padding, { 0 }, p->groups, p->dilation, sizes_of(g->in[0]) };
    scion__g_set(g, 0, scion__x3(&g->x, transpose_ops[n - 1], &t, g->in[1], g->dy[0], NULL));
  }
  if (g->needs[1]) {
    transpose_params geometry_of = { .stride = p->stride, .padding = p->padding, .dilation = p->dilation };
    scion_ints padding = exact_padding(&geometry_of, n, g->in[0], g->dy[0], g->in[1]);
    conv_params t = { p->stride, padding, p->dilation, p->groups, 0 };
    scion_tensor *d = scion__x3(&g->x, conv_ops[n - 1], &t, g->in[0], g->dy[0], NULL);
    for (int32_t i = 0; i < n && d != NULL; i++)
      if (d->shape[2 + i] > g->in[1]->shape[2 + i]) d = x_narrow(&g->x, d, 2 + i, 0, g->in[1]->shape[2 + i]);
    scion__g_set(g, 1, d);
  }
}

/* ---- tables ------------------------------------------------------------------------------------------------------------ */

static const char *const activations[] = { "none", "relu", "relu6", NULL };
#define LIST(struct_, field, text) { #field, SCION_P_INTS, 0, offsetof(struct_, field), .def_ints = { 0 }, .doc = text }
#define PADDING_DOC "zeros around the input: one number, one per dimension, or all leading then all trailing ones; default 0"
static const scion_param params_conv[] = {
  LIST(conv_params, stride, "step of the window: one number or one per dimension; default 1"), LIST(conv_params, padding, PADDING_DOC),
  LIST(conv_params, dilation, "distance of the kernel's taps; default 1"),
  { "groups", SCION_P_INT, 0, offsetof(conv_params, groups), .def = 1, .min = 1, .max = 1e9, .doc = "channel groups that do not mix" },
  { "activation", SCION_P_ENUM, SCION_PF_INTERNAL, offsetof(conv_params, activation), .choices = activations, .doc = "fused by the executor" } };
static const scion_param params_transpose[] = {
  LIST(transpose_params, stride, "step of the window: one number or one per dimension; default 1"), LIST(transpose_params, padding, "taken off the output; default 0"),
  LIST(transpose_params, output_padding, "added to the output's size on the trailing side; default 0"),
  { "groups", SCION_P_INT, 0, offsetof(transpose_params, groups), .def = 1, .min = 1, .max = 1e9, .doc = "channel groups that do not mix" },
  LIST(transpose_params, dilation, "distance of the kernel's taps; default 1"),
  { "output_size", SCION_P_INTS, SCION_PF_INTERNAL, offsetof(transpose_params, output_size), .def_ints = { 0 }, .doc = "fixes the output's size" } };
static const scion_param params_weight[] = {
  LIST(weight_params, kernel, "size of the kernel"), LIST(weight_params, stride, "as in the convolution"), LIST(weight_params, padding, "as in the convolution"),
  LIST(weight_params, dilation, "as in the convolution"),
  { "groups", SCION_P_INT, 0, offsetof(weight_params, groups), .def = 1, .min = 1, .max = 1e9, .doc = "as in the convolution" } };
static const scion_slot slots_conv[] = { { "x", 0, "(N, C, spatial...)" }, { "weight", SCION_SF_PARAM, "(out, C / groups, kernel...)" },
                                         { "bias", SCION_SF_PARAM | SCION_SF_OPTIONAL, "(out)" },
                                         { "plus", SCION_SF_OPTIONAL, "of the output's shape: added to the result (a residual connection)" } };
static const scion_slot slots_transpose[] = { { "x", 0, "(N, C, spatial...)" }, { "weight", SCION_SF_PARAM, "(C, out / groups, kernel...)" },
                                              { "bias", SCION_SF_PARAM | SCION_SF_OPTIONAL, "(out)" } };
static const scion_slot slots_weight[] = { { "x", 0, "(N, C, spatial...)" }, { "dy", 0, "(N, out, spatial...)" } };

static const scion_sample samples1[] = { { "2x2x6,3x2x3,3", "" }, { "2x4x7,4x2x3,-", "stride=2 padding=1 groups=2" }, { "1x2x8,3x2x3,3", "dilation=2 padding=0,3" } };
static const scion_sample samples2[] = { { "2x2x4x5,3x2x3x2,3", "" }, { "1x4x5x5,4x1x3x3,4", "padding=1 groups=4" }, { "1x4x5x4,6x2x3x3,-", "stride=2,1 padding=1 groups=2" },
                                         { "2x3x3x3,2x3x1x1,2,2x2x3x3", "" }, { "1x2x6x6,2x2x3x3,-", "dilation=2 padding=1,2,0,1" } };
static const scion_sample samples3[] = { { "1x2x5x5x4,3x2x2x3x2,3", "dilation=2,1,1 padding=1,0,1 stride=1,2,1" },
  { "1x2x3x4x3,2x2x2x3x2,2", "padding=1" }, { "1x2x4x3x3,2x1x2x2x2,-", "stride=2 groups=2" } };
static const scion_sample samples_t1[] = { { "1x2x5,2x2x3,2", "dilation=2 stride=2 padding=1" }, { "2x2x4,2x3x3,3", "" },
  { "1x4x4,4x2x3,-", "stride=2 padding=1 output_padding=1 groups=2" } };
static const scion_sample samples_t2[] = { { "1x2x3x3,2x3x3x2,3", "stride=2 padding=1" }, { "1x2x3x3,2x2x2x2,-", "stride=2 output_padding=1" },
    { "1x4x3x3,4x1x3x3,-", "groups=4 dilation=2 padding=1" } };
static const scion_sample samples_t3[] = { { "1x2x2x3x2,2x2x2x2x2,2", "stride=2" },
  { "1x4x3x2x2,4x1x2x2x3,-", "stride=1,2,1 padding=1,0,1 dilation=2,1,1 groups=2 output_padding=0,1,0" } };
static const scion_sample samples_w1[] = { { "2x2x6,2x3x4", "kernel=3" }, { "2x4x7,2x4x4", "kernel=3 stride=2 padding=1 groups=2" } };
static const scion_sample samples_w2[] = { { "2x2x4x5,2x3x2x4", "kernel=3,2" }, { "1x4x5x4,1x6x3x4", "kernel=3,3 stride=2,1 padding=1 groups=2" } };
static const scion_sample samples_w3[] = { { "1x2x3x4x3,1x2x4x4x4", "kernel=2,3,2 padding=1" } };

#define CONV(n, samples_)                                                                                                      \
  const scion_op scion__op_conv##n##d = {                                                                                      \
    .info = { "conv" #n "d", 1, 0, #n "-d convolution (cross-correlation).", SCION_INPUTS(slots_conv),                        \
              SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_conv, conv_params) },                                        \
    .infer = conv_infer, .forward = conv_forward, .grad = conv_grad, .kernel = n, .keeps = SCION_KEEP_IN(0) | SCION_KEEP_IN(1), \
    .keeps_for = conv_keeps, .cost = conv_cost, SCION_SAMPLES(samples_) };
#define TRANSPOSE(n, samples_)                                                                                                 \
  const scion_op scion__op_conv_transpose##n##d = {                                                                            \
    .info = { "conv_transpose" #n "d", 1, 0, #n "-d transposed convolution: the gradient of a convolution as an operation.",  \
              SCION_INPUTS(slots_transpose), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_transpose, transpose_params) }, \
    .infer = transpose_infer, .forward = transpose_forward, .grad = transpose_grad, .kernel = n,                               \
    .keeps = SCION_KEEP_IN(0) | SCION_KEEP_IN(1), .keeps_for = conv_keeps, SCION_SAMPLES(samples_) };
#define WEIGHT(n, samples_)                                                                                                    \
  const scion_op scion__op_conv##n##d_grad_weight = {                                                                          \
    .info = { "conv" #n "d_grad_weight", 1, SCION_OF_INTERNAL, "Gradient of a convolution with respect to its weight.",       \
              SCION_INPUTS(slots_weight), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_weight, weight_params) },        \
    .infer = weight_infer, .forward = weight_forward, .grad = weight_grad, .kernel = n,                                        \
    .keeps = SCION_KEEP_IN(0) | SCION_KEEP_IN(1), .keeps_for = conv_keeps, SCION_SAMPLES(samples_) };
CONV(1, samples1)
CONV(2, samples2)
CONV(3, samples3)
TRANSPOSE(1, samples_t1)
TRANSPOSE(2, samples_t2)
TRANSPOSE(3, samples_t3)
WEIGHT(1, samples_w1)
WEIGHT(2, samples_w2)
WEIGHT(3, samples_w3)
