/* print.c: tensors as text, like NumPy and Torch: one scale of digits for all shown numbers, three items at
 * each edge when there are more than 1000 elements. Only shown elements are touched. */
#include <math.h>
#include <stdio.h>

#include "tensor.h"
#include "element.h"

#define SUMMARY_ABOVE 1000
#define EDGE 3
#define LINE 88

typedef struct {
  const scion_tensor *t;
  bool summary, floating, integral, scientific;
  int digits, width;
} style;

static const char *element_at(const scion_tensor *t, int64_t offset) {
  return t->data + offset * (int64_t)scion_dtype_size((scion_dtype)t->dtype);
}

static int format_element(const style *s, int64_t offset, char *buf, size_t size) {
  const char *p = element_at(s->t, offset);
  if (s->t->dtype == SCION_BOOL) return snprintf(buf, size, "%s", *p ? "true" : "false");
  if (s->t->dtype == SCION_U64) return snprintf(buf, size, "%llu", (unsigned long long)*(const uint64_t *)(const void *)p);
  if (!s->floating) return snprintf(buf, size, "%lld", (long long)scion__element_get_i64(s->t->dtype, p));
  double v = scion__element_get(s->t->dtype, p);
  if (v != v) return snprintf(buf, size, "nan");
  if (isinf(v)) return snprintf(buf, size, v > 0 ? "inf" : "-inf");
  if (s->scientific) return snprintf(buf, size, "%.*e", s->digits, v);
  if (s->integral) return snprintf(buf, size, "%.0f.", v);
  return snprintf(buf, size, "%.*f", s->digits, v);
}

/* Calls fn for each shown element. */
static void each(const style *s, int32_t dim, int64_t offset, void (*fn)(const style *, int64_t, void *), void *ud) {
  const scion_tensor *t = s->t;
  if (dim == t->n_dims) {
    fn(s, offset, ud);
    return;
  }
  int64_t n = t->shape[dim];
  for (int64_t i = 0; i < n; i++) {
    if (s->summary && n > 2 * EDGE && i == EDGE) i = n - EDGE;
    each(s, dim + 1, offset + i * t->strides[dim], fn, ud);
  }
}

typedef struct { double low, high; bool any, integral; } range;
static void scan(const style *s, int64_t offset, void *ud) {
  range *r = ud;
  double v = fabs(scion__element_get(s->t->dtype, element_at(s->t, offset)));
  if (!isfinite(v)) return;
  if (v != floor(v)) r->integral = false;
  if (v == 0) return;
  if (!r->any || v < r->low) r->low = v;
  if (!r->any || v > r->high) r->high = v;
  r->any = true;
}
static void measure(const style *s, int64_t offset, void *ud) {
  char buf[64];
  int n = format_element(s, offset, buf, sizeof buf), *width = ud;
  if (n > *width) *width = n;
}

static void rows(const style *s, scion_text *b, int32_t dim, int64_t offset, int indent) {
  const scion_tensor *t = s->t;
  char buf[64];
  if (dim == t->n_dims) {
    format_element(s, offset, buf, sizeof buf);
    scion__text_add(b, "%*s", s->width, buf);
    return;
  }
  int64_t n = t->shape[dim];
  bool last = dim == t->n_dims - 1, cut = s->summary && n > 2 * EDGE;
  int column = indent + 1;
  scion__text_add(b, "[");
  for (int64_t i = 0; i < n; i++) {
    if (i > 0) scion__text_add(b, ",");
    if (i > 0 && last) {
      bool wrap = column + s->width + 2 > LINE;
      if (wrap) column = indent + 1;
      if (wrap) scion__text_add(b, "\n%*s", indent + 1, "");
      else scion__text_add(b, " ");
    } else if (i > 0) {
      for (int32_t k = dim; k < t->n_dims - 1; k++) scion__text_add(b, "\n");
      scion__text_add(b, "%*s", indent + 1, "");
    }
    if (cut && i == EDGE) {
      scion__text_add(b, last ? "..." : "...,");
      if (!last) {
        for (int32_t k = dim; k < t->n_dims - 1; k++) scion__text_add(b, "\n");
        scion__text_add(b, "%*s", indent + 1, "");
      } else {
        scion__text_add(b, ", ");
        column += 5;
      }
      i = n - EDGE;
    }
    rows(s, b, dim + 1, offset + i * t->strides[dim], indent + 1);
    column += s->width + 2;
  }
  scion__text_add(b, "]");
}

scion_status scion_tensor_text(scion_context *ctx, scion_tensor *t, char **out) {
  *out = NULL;
  if (t->storage == NULL) return scion_fail(ctx, SCION_ESTATE, "tostring: the tensor has a shape but no data");
  style s = { .t = t, .summary = t->numel > SUMMARY_ABOVE };
  s.floating = scion__is_float(t->dtype) || t->dtype == SCION_F16 || t->dtype == SCION_BF16;
  if (s.floating && t->numel > 0) {
    range r = { 0, 0, false, true };
    each(&s, 0, 0, scan, &r);
    s.integral = r.integral && r.high < 1e8;
    s.digits = 4;
    s.scientific = r.any && !s.integral && (r.high >= 1e8 || r.low < 1e-4 || r.high / r.low > 1e5);
    if (r.any && !s.integral && !s.scientific && r.low < 1e-3) s.digits = 6;
  }
  if (t->numel > 0) each(&s, 0, 0, measure, &s.width);
  scion_text b;
  scion__text_init(&b, ctx);
  if (t->numel == 0) scion__text_add(&b, "[]");
  else rows(&s, &b, 0, 0, 0);
  char shape[SCION_SHAPE_TEXT];
  scion__text_add(&b, "%s(%s %s%s%s", t->n_dims > 1 ? "\n" : "  ", scion_dtype_name((scion_dtype)t->dtype),
                  scion__shape_text(shape, t->n_dims, t->shape), t->expanded ? ", expanded" : t->contiguous ? "" : ", strided",
                  t->requires_grad ? ", requires_grad" : "");
  if (t->grad_fn != NULL) scion__text_add(&b, ", grad_fn = %s", scion_grad_fn_name(t));
  scion__text_add(&b, ")");
  *out = scion__text_take(&b);
  return *out == NULL ? SCION_ENOMEM : SCION_OK;
}
