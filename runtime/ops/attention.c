/* attention.c: scaled dot-product attention and multi-head attention with PyTorch's packed weights.
 * Written as other ops: the products dominate, and they are batched. Sequences are (N, T, E). */
#include <math.h>

#include "nn.h"

typedef struct { double dropout_p, scale; int64_t heads; int32_t causal, training; } attention_params;
#define COMMON                                                                                                              \
  { "dropout_p", SCION_P_FLOAT, 0, offsetof(attention_params, dropout_p), .def = 0, .min = 0, .max = 1, .doc = "dropout of the attention weights" }, \
  { "is_causal", SCION_P_BOOL, 0, offsetof(attention_params, causal), .def = 0, .doc = "position i sees positions up to i" },    \
  { "training", SCION_P_BOOL, SCION_PF_TRAINING, offsetof(attention_params, training), .def = 0, .doc = "apply dropout" }
static const scion_param params_sdpa[] = {
  COMMON, { "scale", SCION_P_FLOAT, 0, offsetof(attention_params, scale), .def = 0, .doc = "of the products; default 1 / sqrt(E)" } };

/* (l, s) with -inf where position i may not see position j > i. */
static scion_tensor *causal_mask(scion_x *x, int dtype, int64_t l, int64_t s) {
  scion_tensor *mask = x_full(x, dtype, 2, (int64_t[]){ l, s }, 0);
  for (int64_t i = 0; mask != NULL && i < l; i++)
    for (int64_t j = i + 1; j < s; j++) scion__store(mask->data, dtype, i * s + j, -INFINITY);
  return mask;
}

/* softmax(q k' scale + masks) v; mask: bool (true takes part) or float (added); any of them NULL. */
static scion_tensor *attend(scion_x *x, scion_tensor *q, scion_tensor *k, scion_tensor *v, scion_tensor *mask, scion_tensor *mask2,
                            const attention_params *p, scion_tensor **weights) {
  if (q == NULL || k == NULL || v == NULL) return NULL;
  int64_t e = q->shape[q->n_dims - 1];
  double scale = p->scale != 0 ? p->scale : 1 / sqrt((double)scion__max(1, e));
  scion_tensor *scores = x_matmul(x, x_muls(x, q, scale), x_transpose(x, k, -2, -1));
  scion_tensor *masks[3] = { mask, mask2, NULL };
  if (p->causal) masks[2] = causal_mask(x, q->dtype, q->shape[q->n_dims - 2], k->shape[k->n_dims - 2]);
  for (int i = 0; i < 3; i++) {
    if (masks[i] == NULL) continue;
    if (masks[i]->dtype == SCION_BOOL) scores = x_where(x, masks[i], scores, x_scalar(x, q->dtype, -INFINITY));
    else scores = x_add(x, scores, masks[i]);
  }
  scion_tensor *w = X1(softmax, scores);
  if (weights != NULL) *weights = w;
  if (p->dropout_p > 0 && p->training) {
    struct { double p; int32_t training; } drop = { p->dropout_p, 1 };
    w = scion__x1(x, &scion__op_dropout, &drop, w);
  }
  return x_matmul(x, w, v);
}

static scion_status need_mask(const scion_call *c, int32_t i) {
  const scion_tensor *m = scion__opt(c, i);
  if (m == NULL || m->dtype == SCION_BOOL) return SCION_OK;
  return scion__need_dtype(c, i, "bool, or a float of the inputs' dtype", m->dtype == c->in[0]->dtype);
}
static scion_status sdpa_infer(scion_call *c) {
  SCION_TRY(scion__need_float(c, 0));
  const scion_tensor *q = c->in[0], *k = c->in[1], *v = c->in[2], *m = scion__opt(c, 3);
  for (int32_t i = 0; i < 3; i++) {
    SCION_TRY(scion__need_same_dtype(c, 0, i));
    SCION_TRY(scion__need_dims(c, i, 2, SCION_MAX_DIMS));
  }
  SCION_TRY(need_mask(c, 3));
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT], d[SCION_SHAPE_TEXT];
  int32_t n;
  int64_t shape[SCION_MAX_DIMS], l = q->shape[q->n_dims - 2], s = k->shape[k->n_dims - 2];
  if (q->shape[q->n_dims - 1] != k->shape[k->n_dims - 1] || s != v->shape[v->n_dims - 2] ||
      !scion__broadcast(q->n_dims - 2, q->shape, k->n_dims - 2, k->shape, &n, shape) ||
      !scion__broadcast(n, shape, v->n_dims - 2, v->shape, &n, shape)) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "query (..., L, E), key (..., S, E) and value (..., S, Ev) do not fit: %s, %s, %s",
                         scion__tensor_brief(a, q), scion__tensor_brief(b, k), scion__tensor_brief(d, v));
  }
  shape[n] = l;
  shape[n + 1] = s;
  if (m != NULL) {
    int32_t mn;
    int64_t ms[SCION_MAX_DIMS];
    if (m->n_dims > n + 2 || !scion__broadcast(m->n_dims, m->shape, n + 2, shape, &mn, ms) || memcmp(ms, shape, (size_t)mn * sizeof *ms) != 0) {
      return SCION_OP_FAIL(c, SCION_ESHAPE, "attn_mask %s does not broadcast to %s", scion__tensor_brief(a, m), scion__shape_text(b, n + 2, shape));
    }
  }
  shape[n + 1] = v->shape[v->n_dims - 1];
  scion__out(c, 0, q->dtype, n + 2, shape);
  return SCION_OK;
}
static void sdpa_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  out[0] = attend(x, c->in[0], c->in[1], c->in[2], scion__opt(c, 3), NULL, c->params, NULL);
}
static const scion_slot slots_sdpa[] = { { "query", 0, "(..., L, E)" }, { "key", 0, "(..., S, E)" }, { "value", 0, "(..., S, Ev)" },
                                         { "attn_mask", SCION_SF_OPTIONAL, "broadcasts to (..., L, S): bool (true takes part) or float (added)" } };
static const scion_sample samples_sdpa[] = { { "2x3x4,2x5x4,2x5x2", "" }, { "3x4,3x4,3x4", "is_causal=true scale=0.7" }, { "2x3x2,2x4x2,2x4x2,3x4", "" } };
const scion_op scion__op_scaled_dot_product_attention = {
  .info = { "scaled_dot_product_attention", 1, SCION_OF_FUNCTION | SCION_OF_TRAINING | SCION_OF_RANDOM, "softmax(query key' / sqrt(E) + mask) value.",
            SCION_INPUTS(slots_sdpa), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_sdpa, attention_params) },
  .infer = sdpa_infer, .compose = sdpa_compose, SCION_SAMPLES(samples_sdpa) };

/* ---- multi-head ------------------------------------------------------------------------------------------------- */

enum { QUERY, KEY, VALUE, IN_WEIGHT, IN_BIAS, OUT_WEIGHT, OUT_BIAS, MASK, PADDING };
static const scion_param params_mha[] = {
  { "num_heads", SCION_P_INT, SCION_PF_REQUIRED, offsetof(attention_params, heads), .def = 1, .min = 1, .max = 1e6, .doc = "heads; they share E" }, COMMON };
static scion_status expect(const scion_call *c, int32_t i, int32_t n, const int64_t *shape) {
  const scion_tensor *t = scion__opt(c, i);
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  if (t == NULL || (t->n_dims == n && memcmp(t->shape, shape, (size_t)n * sizeof *shape) == 0)) return SCION_OK;
  return SCION_OP_FAIL(c, SCION_ESHAPE, "%s must be %s, got %s", scion__slot_name(c, i), scion__shape_text(a, n, shape), scion__tensor_brief(b, t));
}
static scion_status mha_infer(scion_call *c) {
  const attention_params *p = c->params;
  SCION_TRY(scion__need_float(c, 0));
  for (int32_t i = 0; i < scion__min(c->n_in, MASK); i++) {
    if (c->in[i] != NULL) SCION_TRY(scion__need_same_dtype(c, 0, i));
  }
  for (int32_t i = 0; i < 3; i++) SCION_TRY(scion__need_dims(c, i, 3, 3));
  const int64_t *q = c->in[QUERY]->shape, *k = c->in[KEY]->shape;
  int64_t n = q[0], l = q[1], e = q[2], s = k[1];
  SCION_TRY(expect(c, KEY, 3, (int64_t[]){ n, s, e }));
  SCION_TRY(expect(c, VALUE, 3, (int64_t[]){ n, s, e }));
  if (p->heads < 1 || e % p->heads != 0) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "embedding size %lld cannot be split into %lld heads", (long long)e, (long long)p->heads);
  }
  SCION_TRY(expect(c, IN_WEIGHT, 2, (int64_t[]){ 3 * e, e }));
  SCION_TRY(expect(c, IN_BIAS, 1, (int64_t[]){ 3 * e }));
  SCION_TRY(expect(c, OUT_WEIGHT, 2, (int64_t[]){ e, e }));
  SCION_TRY(expect(c, OUT_BIAS, 1, &e));
  SCION_TRY(need_mask(c, MASK));
  if (scion__opt(c, MASK) != NULL && c->in[MASK]->n_dims == 3) SCION_TRY(expect(c, MASK, 3, (int64_t[]){ n * p->heads, l, s }));
  else SCION_TRY(expect(c, MASK, 2, (int64_t[]){ l, s }));
  SCION_TRY(expect(c, PADDING, 2, (int64_t[]){ n, s }));
  if (scion__opt(c, PADDING) != NULL) SCION_TRY(scion__need_dtype(c, PADDING, "bool", c->in[PADDING]->dtype == SCION_BOOL));
  scion__out(c, 0, c->in[0]->dtype, 3, q);
  scion__out(c, 1, c->in[0]->dtype, 4, (int64_t[]){ n, p->heads, l, s });
  return SCION_OK;
}
/* rows from..from+e of the packed projection: (N, T, E) -> (N, heads, T, E / heads) */
static scion_tensor *project(scion_x *x, const scion_call *c, scion_tensor *t, int64_t part, int64_t heads) {
  int64_t n = t->shape[0], len = t->shape[1], e = t->shape[2];
  scion_tensor *w = x_narrow(x, c->in[IN_WEIGHT], 0, part * e, e), *bias = scion__opt(c, IN_BIAS);
  scion_tensor *y = x_matmul(x, x_reshape(x, t, 2, (int64_t[]){ n * len, e }), x_transpose(x, w, 0, 1));
  if (bias != NULL) y = x_add(x, y, x_narrow(x, bias, 0, part * e, e));
  return x_transpose(x, x_reshape(x, y, 4, (int64_t[]){ n, len, heads, e / heads }), 1, 2);
}
static void mha_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const attention_params *p = c->params;
  const int64_t *q = c->in[QUERY]->shape;
  int64_t n = q[0], l = q[1], e = q[2], s = c->in[KEY]->shape[1];
  scion_tensor *mask = scion__opt(c, MASK), *padding = scion__opt(c, PADDING);
  if (mask != NULL && mask->dtype == SCION_BOOL) mask = X1(logical_not, mask); /* PyTorch: true hides */
  if (mask != NULL && mask->n_dims == 3) mask = x_reshape(x, mask, 4, (int64_t[]){ n, p->heads, l, s });
  if (padding != NULL) padding = x_reshape(x, X1(logical_not, padding), 4, (int64_t[]){ n, 1, 1, s });
  scion_tensor *head = attend(x, project(x, c, c->in[QUERY], 0, p->heads), project(x, c, c->in[KEY], 1, p->heads),
                              project(x, c, c->in[VALUE], 2, p->heads), mask, padding, p, &out[1]);
  scion_tensor *rows = x_reshape(x, x_transpose(x, head, 1, 2), 2, (int64_t[]){ n * l, e });
  scion_tensor *y = x_matmul(x, rows, x_transpose(x, c->in[OUT_WEIGHT], 0, 1));
  if (scion__opt(c, OUT_BIAS) != NULL) y = x_add(x, y, c->in[OUT_BIAS]);
  out[0] = x_reshape(x, y, 3, q);
}
static const scion_slot slots_mha[] = {
  { "query", 0, "(N, L, E)" }, { "key", 0, "(N, S, E)" }, { "value", 0, "(N, S, E)" },
  { "in_proj_weight", SCION_SF_PARAM, "(3 E, E): of query, key and value" }, { "in_proj_bias", SCION_SF_OPTIONAL | SCION_SF_PARAM, "(3 E)" },
  { "out_proj_weight", SCION_SF_PARAM, "(E, E)" }, { "out_proj_bias", SCION_SF_OPTIONAL | SCION_SF_PARAM, "(E)" },
  { "attn_mask", SCION_SF_OPTIONAL, "(L, S) or (N heads, L, S): bool (true hides, as in PyTorch) or float (added)" },
  { "key_padding_mask", SCION_SF_OPTIONAL, "(N, S) bool: true hides" } };
static const scion_slot slots_mha_out[] = { { "y", 0, "(N, L, E)" }, { "weights", 0, "(N, heads, L, S): of the attention" } };
static const scion_sample samples_mha[] = { { "2x3x4,2x5x4,2x5x4,12x4,12,4x4,4", "num_heads=2" }, { "1x3x4,1x3x4,1x3x4,12x4,-,4x4,-,3x3", "num_heads=2 is_causal=true" } };
const scion_op scion__op_multi_head_attention = {
  .info = { "multi_head_attention", 1, SCION_OF_FUNCTION | SCION_OF_TRAINING | SCION_OF_RANDOM, "Attention of several heads between projections, with packed weights.",
            SCION_INPUTS(slots_mha), SCION_OUTPUTS(slots_mha_out), SCION_PARAMS(params_mha, attention_params) },
  .infer = mha_infer, .compose = mha_compose, SCION_SAMPLES(samples_mha) };
