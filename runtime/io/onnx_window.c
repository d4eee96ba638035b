/* onnx_window.c: ONNX operators that move a window over an image or sequence: convolutions and pooling. Pads that differ between
 * the two sides, or that the layer does not take, become a Pad layer before it. */
#include <math.h>
#include <stdio.h>

#include "onnx.h"

#define OP(name) (&scion__op_##name)
#define IN(i) scion__onnx_in(o, i)

/* Spatial attributes: kernel_shape, strides, dilations, pads or auto_pad, for n dimensions. */
typedef struct { int32_t n; scion_ints kernel, stride, dilation, pads; bool symmetric; } window;

static scion_status read_window(scion_onnx *o, int32_t n, const int64_t *kernel, window *w) {
  w->n = n;
  SCION_TRY(scion__onnx_ints(o, "kernel_shape", &w->kernel));
  SCION_TRY(scion__onnx_ints(o, "strides", &w->stride));
  SCION_TRY(scion__onnx_ints(o, "dilations", &w->dilation));
  SCION_TRY(scion__onnx_ints(o, "pads", &w->pads));
  if (w->kernel.n < 0 && kernel != NULL) {
    w->kernel.n = n;
    for (int32_t i = 0; i < n; i++) w->kernel.v[i] = kernel[i];
  }
  if (w->kernel.n != n) return scion__onnx_fail(o, "kernel_shape has %d sizes for %d dimensions", w->kernel.n, n);
  if (w->stride.n < 0) for (w->stride.n = 0; w->stride.n < n;) w->stride.v[w->stride.n++] = 1;
  if (w->dilation.n < 0) for (w->dilation.n = 0; w->dilation.n < n;) w->dilation.v[w->dilation.n++] = 1;
  if (w->pads.n < 0) for (w->pads.n = 0; w->pads.n < 2 * n;) w->pads.v[w->pads.n++] = 0;
  if (w->stride.n != n || w->dilation.n != n || w->pads.n != 2 * n) return scion__onnx_fail(o, "strides, dilations or pads do not fit %d dimensions", n);
  scion_pb mode;
  if (scion__onnx_text(o, "auto_pad", &mode) && !scion__pb_is(&mode, "NOTSET") && !scion__pb_is(&mode, "VALID")) {
    bool upper = scion__pb_is(&mode, "SAME_UPPER");
    const scion_onnx_value *x = scion__onnx_value(o, IN(0));
    if (!x->known) return scion__onnx_fail(o, "auto_pad needs an input of known size");
    for (int32_t i = 0; i < n; i++) {
      int64_t size = x->probe[0][2 + i], reach = (w->kernel.v[i] - 1) * w->dilation.v[i] + 1;
      if (w->stride.v[i] < 1) return scion__onnx_fail(o, "a stride is below 1");
      if (size != x->probe[1][2 + i] && w->stride.v[i] != 1) return scion__onnx_fail(o, "auto_pad with strides needs an input of known size");
      int64_t out = (size + w->stride.v[i] - 1) / w->stride.v[i], pad = scion__max(0, (out - 1) * w->stride.v[i] + reach - size);
      if (w->stride.v[i] == 1) pad = reach - 1;
      w->pads.v[i] = upper ? pad / 2 : pad - pad / 2;
      w->pads.v[n + i] = pad - w->pads.v[i];
    }
  }
  w->symmetric = true;
  for (int32_t i = 0; i < n; i++) w->symmetric = w->symmetric && w->pads.v[i] == w->pads.v[n + i];
  return SCION_OK;
}
/* pads (or their leading half when both are equal) as a parameter. */
static void set_padding(const scion_op *op, void *p, const window *w) {
  scion_ints pads = w->pads;
  if (w->symmetric) pads.n = w->n;
  scion__set_ints(op, p, "padding", &pads);
}
/* x with the pads around it, filled with `value`. */
static scion_status pad_first(scion_onnx *o, const window *w, double value, int32_t x, int32_t *out) {
  scion__room p;
  scion_ints pads = { .n = 0 };
  for (int32_t i = w->n - 1; i >= 0; i--) { /* the last dimension first: leading, trailing */
    pads.v[pads.n++] = w->pads.v[i];
    pads.v[pads.n++] = w->pads.v[w->n + i];
  }
  void *q = scion__params(&p, OP(pad));
  scion__set_ints(OP(pad), q, "pad", &pads);
  scion__set_float(OP(pad), q, "value", value);
  return scion__onnx_emit1(o, OP(pad), q, "Pad", "pad", x, out);
}

static scion_status spatial(scion_onnx *o, int32_t v, int32_t *n) {
  SCION_TRY(scion__onnx_rank(o, v, n));
  *n -= 2;
  return *n >= 1 && *n <= 3 ? SCION_OK : scion__onnx_fail(o, "needs an input of 3 to 5 dimensions, got %d", *n + 2);
}

/* ---- convolutions -------------------------------------------------------------------------------------------- */

static scion_status conv(scion_onnx *o, int32_t *out) {
  static const scion_op *const ops[] = { OP(conv1d), OP(conv2d), OP(conv3d) };
  static const char *const types[] = { "Conv1d", "Conv2d", "Conv3d" };
  int32_t n;
  window w;
  scion__room p;
  SCION_TRY(spatial(o, IN(1), &n));
  SCION_TRY(read_window(o, n, scion__onnx_value(o, IN(1))->probe[0] + 2, &w));
  const scion_op *op = ops[n - 1];
  void *q = scion__params(&p, op);
  scion__set_ints(op, q, "stride", &w.stride);
  scion__set_ints(op, q, "dilation", &w.dilation);
  set_padding(op, q, &w);
  scion__set_int(op, q, "groups", scion__onnx_int(o, "group", 1));
  return scion__onnx_emit(o, op, q, types[n - 1], NULL, IN(2) >= 0 ? 3 : 2, (int32_t[]){ IN(0), IN(1), IN(2) }, 1, out);
}
static scion_status conv_transpose(scion_onnx *o, int32_t *out) {
  static const scion_op *const ops[] = { OP(conv_transpose1d), OP(conv_transpose2d), OP(conv_transpose3d) };
  static const char *const types[] = { "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d" };
  int32_t n;
  window w;
  scion__room p;
  scion_ints output_padding, output_shape;
  SCION_TRY(spatial(o, IN(1), &n));
  SCION_TRY(scion__onnx_ints(o, "output_padding", &output_padding));
  SCION_TRY(scion__onnx_ints(o, "output_shape", &output_shape));
  scion_pb mode;
  bool same = scion__onnx_text(o, "auto_pad", &mode) && (scion__pb_is(&mode, "SAME_UPPER") || scion__pb_is(&mode, "SAME_LOWER"));
  bool upper = same && scion__pb_is(&mode, "SAME_UPPER");
  const int64_t *kernel = scion__onnx_value(o, IN(1))->probe[0] + 2;
  SCION_TRY(scion__onnx_ints(o, "kernel_shape", &w.kernel));
  SCION_TRY(scion__onnx_ints(o, "strides", &w.stride));
  SCION_TRY(scion__onnx_ints(o, "dilations", &w.dilation));
  SCION_TRY(scion__onnx_ints(o, "pads", &w.pads));
  w.n = n;
  if (w.stride.n < 0) for (w.stride.n = 0; w.stride.n < n;) w.stride.v[w.stride.n++] = 1;
  if (w.dilation.n < 0) for (w.dilation.n = 0; w.dilation.n < n;) w.dilation.v[w.dilation.n++] = 1;
  if (w.pads.n < 0) for (w.pads.n = 0; w.pads.n < 2 * n;) w.pads.v[w.pads.n++] = 0;
  if (output_padding.n < 0) for (output_padding.n = 0; output_padding.n < n;) output_padding.v[output_padding.n++] = 0;
  if (w.stride.n != n || w.dilation.n != n || w.pads.n != 2 * n || output_padding.n != n) return scion__onnx_fail(o,
      "strides, dilations, pads or output_padding do not fit %d dimensions", n);
  if (same || output_shape.n >= 0) {
    const scion_onnx_value *x = scion__onnx_value(o, IN(0));
    if (!x->known) return scion__onnx_fail(o, "the size of the input is not known");
    for (int32_t i = 0; i < n; i++) {
      int64_t size = x->probe[0][2 + i], target = output_shape.n == n ? output_shape.v[i] : output_shape.n == n + 2 ? output_shape.v[i + 2] : size * w.stride.v[i];
      int64_t total = w.stride.v[i] * (size - 1) + output_padding.v[i] + (kernel[i] - 1) * w.dilation.v[i] + 1 - target;
      if (total < 0) output_padding.v[i] -= total, total = 0;
      w.pads.v[i] = upper ? total / 2 : total - total / 2;
      w.pads.v[n + i] = total - w.pads.v[i];
    }
  }
  /* what the two sides differ by goes to the end of the output: more there is output_padding, less is cut off */
  scion_ints lead = { .n = n };
  bool cut = false;
  int64_t cuts[3] = { 0 };
  for (int32_t i = 0; i < n; i++) {
    lead.v[i] = w.pads.v[i];
    int64_t more = w.pads.v[i] - w.pads.v[n + i]; /* the end keeps `more` further rows */
    if (more >= 0) output_padding.v[i] += more;
    else cuts[i] = -more, cut = true;
  }
  const scion_op *op = ops[n - 1];
  void *q = scion__params(&p, op);
  scion__set_ints(op, q, "stride", &w.stride);
  scion__set_ints(op, q, "dilation", &w.dilation);
  scion__set_ints(op, q, "padding", &lead);
  scion__set_ints(op, q, "output_padding", &output_padding);
  scion__set_int(op, q, "groups", scion__onnx_int(o, "group", 1));
  SCION_TRY(scion__onnx_emit(o, op, q, types[n - 1], NULL, IN(2) >= 0 ? 3 : 2, (int32_t[]){ IN(0), IN(1), IN(2) }, 1, out));
  if (!cut) return SCION_OK;
  scion_ints crop = { .n = 0 };
  for (int32_t i = n - 1; i >= 0; i--) crop.v[crop.n++] = 0, crop.v[crop.n++] = -cuts[i];
  q = scion__params(&p, OP(pad));
  scion__set_ints(OP(pad), q, "pad", &crop);
  return scion__onnx_emit1(o, OP(pad), q, "Pad", "crop", out[0], out);
}

/* ---- pooling ----------------------------------------------------------------------------------------------------- */

/* Values and positions; ONNX counts positions over the whole input, planes of one image by rows or by columns. */
static scion_status max_pool_positions(scion_onnx *o, int32_t n, const window *w, int32_t *out) {
  static const scion_op *const ops[] = { OP(max_pool1d_with_indices), OP(max_pool2d_with_indices), OP(max_pool3d_with_indices) };
  const scion_op *op = ops[n - 1];
  const scion_onnx_value *x = scion__onnx_value(o, IN(0));
  scion__room p;
  scion_tensor *t;
  int64_t plane = 1, shape[SCION_MAX_DIMS];
  int32_t start;
  if (!x->known || !w->symmetric) return scion__onnx_fail(o, "positions of maxima need even pads and an input of known size");
  for (int32_t d = 0; d < x->n_dims; d++) {
    if (scion__onnx_free(x, d)) return scion__onnx_fail(o, "positions of maxima need an input of known size");
    shape[d] = d < 2 ? x->probe[0][d] : 1;
    if (d >= 2) plane *= x->probe[0][d];
  }
  int64_t height = x->probe[0][2], width = n == 2 ? x->probe[0][3] : 1;
  void *q = scion__params(&p, op);
  scion__set_ints(op, q, "kernel", &w->kernel);
  scion__set_ints(op, q, "stride", &w->stride);
  scion__set_ints(op, q, "dilation", &w->dilation);
  scion__set_int(op, q, "ceil_mode", scion__onnx_int(o, "ceil_mode", 0));
  set_padding(op, q, w);
  SCION_TRY(scion__onnx_emit(o, op, q, "MaxPool", NULL, 1, (int32_t[]){ IN(0) }, 2, out));
  if (scion__onnx_int(o, "storage_order", 0) != 0 && n == 2) { /* row r, column c: r + c height */
    scion_tensor *wide, *high;
    int32_t a, b, row, column;
    SCION_TRY(scion_tensor_scalar(o->ctx, SCION_I64, (double)width, &wide));
    if ((a = scion__onnx_constant(o, wide)) < 0) return SCION_ENOMEM;
    SCION_TRY(scion_tensor_scalar(o->ctx, SCION_I64, (double)height, &high));
    if ((b = scion__onnx_constant(o, high)) < 0) return SCION_ENOMEM;
    SCION_TRY(scion__onnx_emit2(o, OP(floor_divide), NULL, NULL, "row", out[1], a, &row));
    SCION_TRY(scion__onnx_emit2(o, OP(remainder), NULL, NULL, "column", out[1], a, &column));
    SCION_TRY(scion__onnx_emit2(o, OP(mul), NULL, NULL, "columns", column, b, &column));
    SCION_TRY(scion__onnx_emit2(o, OP(add), NULL, NULL, "position", row, column, &out[1]));
  }
  SCION_TRY(scion__tensor_alloc(o->ctx, SCION_I64, n + 2, shape, &t));
  for (int64_t i = 0; i < t->numel; i++) ((int64_t *)(void *)t->data)[i] = i * plane;
  if ((start = scion__onnx_constant(o, t)) < 0) return SCION_ENOMEM;
  return scion__onnx_emit2(o, OP(add), NULL, NULL, "positions", out[1], start, &out[1]);
}
static scion_status max_pool(scion_onnx *o, int32_t *out) {
  static const scion_op *const ops[] = { OP(max_pool1d), OP(max_pool2d), OP(max_pool3d) };
  static const char *const types[] = { "MaxPool1d", "MaxPool2d", "MaxPool3d" };
  int32_t n, x = IN(0);
  window w;
  scion__room p;
  SCION_TRY(spatial(o, x, &n));
  SCION_TRY(read_window(o, n, NULL, &w));
  if (o->node->n_out > 1) return max_pool_positions(o, n, &w, out);
  int integers = scion__onnx_value(o, x)->dtype;
  if (integers >= 0 && !scion__is_float(integers)) { /* through f32 */
    void *f = scion__params(&p, OP(to));
    scion__set_int(OP(to), f, "dtype", SCION_F32);
    SCION_TRY(scion__onnx_emit1(o, OP(to), f, NULL, "float", x, &x));
  } else {
    integers = -1;
  }
  const scion_op *op = ops[n - 1];
  void *q = scion__params(&p, op);
  bool outside = false; /* pads above half of the kernel */
  for (int32_t i = 0; i < n; i++) outside = outside || 2 * w.pads.v[i] > w.kernel.v[i];
  scion__set_ints(op, q, "kernel", &w.kernel);
  scion__set_ints(op, q, "stride", &w.stride);
  scion__set_ints(op, q, "dilation", &w.dilation);
  scion__set_int(op, q, "ceil_mode", scion__onnx_int(o, "ceil_mode", 0));
  if (w.symmetric && !outside) {
    set_padding(op, q, &w);
  } else {
    scion__room p2;
    memcpy(&p2, &p, sizeof p);
    SCION_TRY(pad_first(o, &w, -INFINITY, x, &x));
    memcpy(&p, &p2, sizeof p);
  }
  SCION_TRY(scion__onnx_emit1(o, op, p.p, types[n - 1], NULL, x, out));
  if (integers < 0) return SCION_OK;
  q = scion__params(&p, OP(to));
  scion__set_int(OP(to), q, "dtype", integers);
  return scion__onnx_emit1(o, OP(to), q, NULL, "integers", *out, out);
}
/* With dilations: sums and counts under the window as convolutions of every channel with ones. */
static scion_status dilated_average(scion_onnx *o, const window *w, int32_t *out) {
  static const scion_op *const ops[] = { OP(conv1d), OP(conv2d), OP(conv3d) };
  const scion_op *op = ops[w->n - 1];
  const scion_onnx_value *v = scion__onnx_value(o, IN(0));
  bool count = scion__onnx_int(o, "count_include_pad", 0) != 0, ceil_mode = scion__onnx_int(o, "ceil_mode", 0) != 0;
  window rest = *w; /* what ceil_mode adds at the end */
  int64_t shape[SCION_MAX_DIMS] = { 1, 1 }, kernel[SCION_MAX_DIMS] = { 0, 1 };
  int dtype = v->dtype;
  int32_t ones, mask, x = IN(0), sum, number;
  scion_tensor *t;
  scion__room p;
  if (!v->known || scion__onnx_free(v, 1)) return scion__onnx_fail(o, "dilations need an input of known size");
  int64_t channels = kernel[0] = v->probe[0][1];
  for (int32_t i = 0; i < w->n; i++) {
    int64_t size = v->probe[0][2 + i], reach = (w->kernel.v[i] - 1) * w->dilation.v[i] + 1, whole = size + w->pads.v[i] + w->pads.v[w->n + i];
    if (scion__onnx_free(v, 2 + i) || w->stride.v[i] < 1) return scion__onnx_fail(o, "dilations need an input of known size");
    int64_t over = whole - reach, steps = ceil_mode ? (over + w->stride.v[i] - 1) / w->stride.v[i] : over / w->stride.v[i];
    if (steps * w->stride.v[i] >= size + w->pads.v[i]) steps--; /* a window must begin inside */
    shape[2 + i] = count ? whole : size;
    kernel[2 + i] = w->kernel.v[i];
    rest.pads.v[i] = 0;
    rest.pads.v[w->n + i] = scion__max(0, steps * w->stride.v[i] + reach - whole);
  }
  SCION_TRY(scion__tensor_alloc(o->ctx, dtype, w->n + 2, kernel, &t));
  scion__tensor_fill(o->ctx, t, 1);
  if ((ones = scion__onnx_constant(o, t)) < 0) return SCION_ENOMEM;
  SCION_TRY(scion__tensor_alloc(o->ctx, dtype, w->n + 2, shape, &t));
  scion__tensor_fill(o->ctx, t, 1);
  if ((mask = scion__onnx_constant(o, t)) < 0) return SCION_ENOMEM;
  if (!count) SCION_TRY(pad_first(o, w, 0, mask, &mask));
  SCION_TRY(pad_first(o, w, 0, x, &x));
  SCION_TRY(pad_first(o, &rest, 0, mask, &mask));
  SCION_TRY(pad_first(o, &rest, 0, x, &x));
  void *q = scion__params(&p, op);
  scion__set_ints(op, q, "stride", &w->stride);
  scion__set_ints(op, q, "dilation", &w->dilation);
  scion__set_int(op, q, "groups", channels);
  SCION_TRY(scion__onnx_emit2(o, op, q, NULL, "sum", x, ones, &sum));
  kernel[0] = 1;
  SCION_TRY(scion__tensor_alloc(o->ctx, dtype, w->n + 2, kernel, &t));
  scion__tensor_fill(o->ctx, t, 1);
  if ((ones = scion__onnx_constant(o, t)) < 0) return SCION_ENOMEM;
  scion__set_int(op, q, "groups", 1);
  SCION_TRY(scion__onnx_emit2(o, op, q, NULL, "count", mask, ones, &number));
  return scion__onnx_emit2(o, OP(div), NULL, "AvgPool", NULL, sum, number, out);
}
static scion_status average_pool(scion_onnx *o, int32_t *out) {
  static const scion_op *const ops[] = { OP(avg_pool1d), OP(avg_pool2d), OP(avg_pool3d) };
  static const char *const types[] = { "AvgPool1d", "AvgPool2d", "AvgPool3d" };
  int32_t n, x = IN(0);
  window w;
  scion__room p;
  SCION_TRY(spatial(o, x, &n));
  SCION_TRY(read_window(o, n, NULL, &w));
  for (int32_t i = 0; i < n; i++) if (w.dilation.v[i] != 1) return dilated_average(o, &w, out);
  bool count = scion__onnx_int(o, "count_include_pad", 0) != 0, half = true;
  for (int32_t i = 0; i < n; i++) half = half && 2 * w.pads.v[i] <= w.kernel.v[i];
  const scion_op *op = ops[n - 1];
  void *q = scion__params(&p, op);
  scion__set_ints(op, q, "kernel", &w.kernel);
  scion__set_ints(op, q, "stride", &w.stride);
  scion__set_int(op, q, "ceil_mode", scion__onnx_int(o, "ceil_mode", 0));
  scion__set_int(op, q, "count_include_pad", count);
  if (w.symmetric && half) {
    set_padding(op, q, &w);
    return scion__onnx_emit1(o, op, q, types[n - 1], NULL, x, out);
  }
  int32_t padded, sum, ones;
  SCION_TRY(pad_first(o, &w, 0, x, &padded));
  scion__set_int(op, q, "count_include_pad", 1);
  SCION_TRY(scion__onnx_emit1(o, op, q, types[n - 1], NULL, padded, &sum));
  if (count) {
    *out = sum;
    return SCION_OK;
  }
  /* the mean over what is inside: divided by the share of ones under the window */
  const scion_onnx_value *v = scion__onnx_value(o, x);
  int64_t shape[SCION_MAX_DIMS];
  scion_tensor *t;
  for (int32_t d = 0; d < v->n_dims; d++) {
    shape[d] = d < 2 ? 1 : v->probe[0][d];
    if (d >= 2 && scion__onnx_free(v, d)) return scion__onnx_fail(o, "uneven pads need an input of known size");
  }
  SCION_TRY(scion__tensor_alloc(o->ctx, v->dtype, v->n_dims, shape, &t));
  scion__tensor_fill(o->ctx, t, 1);
  if ((ones = scion__onnx_constant(o, t)) < 0) return SCION_ENOMEM;
  SCION_TRY(pad_first(o, &w, 0, ones, &ones));
  SCION_TRY(scion__onnx_emit1(o, op, q, NULL, "share", ones, &ones));
  return scion__onnx_emit2(o, OP(div), NULL, NULL, "div", sum, ones, out);
}
static scion_status lp_pool(scion_onnx *o, int32_t *out) {
  int32_t n;
  window w;
  scion__room p;
  SCION_TRY(spatial(o, IN(0), &n));
  SCION_TRY(read_window(o, n, NULL, &w));
  static const scion_op *const ops[] = { OP(lp_pool1d), OP(lp_pool2d), OP(lp_pool3d) };
  static const char *const types[] = { "LPPool1d", "LPPool2d", "LPPool3d" };
  if (!w.symmetric) return scion__onnx_fail(o, "only even pads are known");
  const scion_op *op = ops[n - 1];
  void *q = scion__params(&p, op);
  scion__set_ints(op, q, "kernel", &w.kernel);
  scion__set_ints(op, q, "stride", &w.stride);
  set_padding(op, q, &w);
  scion__set_float(op, q, "p", (double)scion__onnx_int(o, "p", 2));
  return scion__onnx_emit1(o, op, q, types[n - 1], NULL, IN(0), out);
}
static scion_status global_pool(scion_onnx *o, const scion_op *op, const char *type, int32_t *out) {
  int32_t n;
  scion__room p;
  SCION_TRY(scion__onnx_rank(o, IN(0), &n));
  scion_ints dims = { .n = 0 };
  for (int32_t d = 2; d < n; d++) dims.v[dims.n++] = d;
  if (dims.n == 0) return scion__onnx_fail(o, "needs at least 3 dimensions");
  void *q = scion__params(&p, op);
  scion__set_ints(op, q, "dim", &dims);
  scion__set_int(op, q, "keepdim", 1);
  return scion__onnx_emit1(o, op, q, type, NULL, IN(0), out);
}
static scion_status global_average(scion_onnx *o, int32_t *out) { return global_pool(o, OP(mean), "GlobalAvgPool", out); }
static scion_status global_max(scion_onnx *o, int32_t *out) { return global_pool(o, OP(amax), "GlobalMaxPool", out); }

const scion_onnx_operator scion__onnx_windows[] = {
  { "Conv", conv }, { "ConvTranspose", conv_transpose }, { "MaxPool", max_pool }, { "AveragePool", average_pool }, { "LpPool", lp_pool },
  { "GlobalAveragePool", global_average }, { "GlobalMaxPool", global_max }, { NULL, NULL } };
