/* attention_groups.c: the attention of language models as ONNX defines it (Attention and RotaryEmbedding of opset 23 and later): heads in
 * groups that share keys and values (Ainslie et al. 2023, "GQA"), keys and values kept from earlier steps, a soft cap on the scores, windows, and
 * rotary positions (Su et al. 2021, "RoFormer"). Written as other ops, so that gradients of any order follow. */
#include <math.h>

#include "nn.h"

/* ---- attention --------------------------------------------------------------------------------------------------- */

enum { QUERY, KEY, VALUE, MASK, PAST_KEY, PAST_VALUE, LENGTHS };
typedef struct { double scale, softcap; int64_t q_heads, kv_heads, left, right; int32_t causal, scores; } groups_params;
typedef struct { int64_t n, heads, kv_heads, l, s, e, ev, past; bool flat; } sizes; /* flat: (N, T, heads E), not (N, heads, T, E) */

static scion_status look(const scion_call *c, sizes *z) {
  const groups_params *p = c->params;
  const scion_tensor *q = c->in[QUERY], *k = c->in[KEY], *v = c->in[VALUE], *pk = scion__opt(c, PAST_KEY), *pv = scion__opt(c, PAST_VALUE);
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT], d[SCION_SHAPE_TEXT];
  SCION_TRY(scion__need_float(c, QUERY));
  for (int32_t i = KEY; i <= VALUE; i++) SCION_TRY(scion__need_same_dtype(c, QUERY, i));
  SCION_TRY(scion__need_dims(c, QUERY, 3, 4));
  z->flat = q->n_dims == 3;
  bool fits = k->n_dims == q->n_dims && v->n_dims == q->n_dims && k->shape[0] == q->shape[0] && v->shape[0] == q->shape[0];
  z->n = q->shape[0];
  z->heads = z->flat ? p->q_heads : q->shape[1];
  z->kv_heads = z->flat ? p->kv_heads : fits ? k->shape[1] : 1;
  if (z->heads < 1 || z->kv_heads < 1) return SCION_OP_FAIL(c, SCION_EINVAL, "(N, T, E) inputs need q_heads and kv_heads of 1 or more");
  int32_t t = z->flat ? 1 : 2, last = t + 1;
  if (fits && z->flat) fits = q->shape[2] % z->heads == 0 && k->shape[2] % z->kv_heads == 0 && v->shape[2] % z->kv_heads == 0;
  if (fits) {
    z->l = q->shape[t];
    z->s = k->shape[t];
    z->e = z->flat ? q->shape[last] / z->heads : q->shape[last];
    z->ev = z->flat ? v->shape[last] / z->kv_heads : v->shape[last];
    fits = z->heads % z->kv_heads == 0 && v->shape[t] == z->s && (z->flat ? k->shape[last] / z->kv_heads : k->shape[last]) == z->e && (z->flat || v->shape[1] == z->kv_heads);
  }
  if (!fits) return SCION_OP_FAIL(c, SCION_ESHAPE, "query %s, key %s and value %s do not fit (%lld and %lld heads)", scion__tensor_brief(a, q), scion__tensor_brief(b, k),
                                  scion__tensor_brief(d, v), (long long)z->heads, (long long)z->kv_heads);
  z->past = pk != NULL ? (pk->n_dims == 4 ? pk->shape[2] : -1) : 0;
  if ((pk == NULL) != (pv == NULL)) return SCION_OP_FAIL(c, SCION_EINVAL, "past_key and past_value come together");
  if (pk != NULL) {
    SCION_TRY(scion__need_same_dtype(c, QUERY, PAST_KEY));
    SCION_TRY(scion__need_same_dtype(c, QUERY, PAST_VALUE));
    fits = pk->n_dims == 4 && pv->n_dims == 4 && pk->shape[0] == z->n && pv->shape[0] == z->n && pk->shape[1] == z->kv_heads && pv->shape[1] == z->kv_heads &&
           pv->shape[2] == z->past && pk->shape[3] == z->e && pv->shape[3] == z->ev;
    if (!fits) return SCION_OP_FAIL(c, SCION_ESHAPE, "past_key %s and past_value %s must be (N, heads, T, E) and fit key %s", scion__tensor_brief(a, pk),
                                    scion__tensor_brief(b, pv), scion__tensor_brief(d, k));
  }
  if (scion__opt(c, LENGTHS) != NULL) {
    SCION_TRY(scion__need_int(c, LENGTHS));
    if (c->in[LENGTHS]->numel != z->n) {
      return SCION_OP_FAIL(c, SCION_ESHAPE, "lengths %s must hold one number for each of %lld sequences", scion__tensor_brief(a, c->in[LENGTHS]), (long long)z->n);
    }
    if (pk != NULL) return SCION_OP_FAIL(c, SCION_EINVAL, "lengths and past_key exclude each other");
  }
  const scion_tensor *m = scion__opt(c, MASK);
  if (m != NULL && m->dtype != SCION_BOOL) SCION_TRY(scion__need_same_dtype(c, QUERY, MASK));
  if (m != NULL) SCION_TRY(scion__need_dims(c, MASK, 1, 4));
  if (m != NULL && m->shape[m->n_dims - 1] > z->past + z->s) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "mask %s is longer than the %lld keys", scion__tensor_brief(a, m), (long long)(z->past + z->s));
  }
  return SCION_OK;
}
static scion_status groups_infer(scion_call *c) {
  sizes z;
  SCION_TRY(look(c, &z));
  int64_t s = z.past + z.s;
  if (z.flat) scion__out(c, 0, c->in[QUERY]->dtype, 3, (int64_t[]){ z.n, z.l, z.heads * z.ev });
  else scion__out(c, 0, c->in[QUERY]->dtype, 4, (int64_t[]){ z.n, z.heads, z.l, z.ev });
  scion__out(c, 1, c->in[QUERY]->dtype, 4, (int64_t[]){ z.n, z.kv_heads, s, z.e });
  scion__out(c, 2, c->in[QUERY]->dtype, 4, (int64_t[]){ z.n, z.kv_heads, s, z.ev });
  scion__out(c, 3, c->in[QUERY]->dtype, 4, (int64_t[]){ z.n, z.heads, z.l, s });
  return SCION_OK;
}
static scion_tensor *split_heads(scion_x *x, scion_tensor *t, int64_t heads, bool flat) {
  if (!flat || t == NULL) return t;
  return x_transpose(x, x_reshape(x, t, 4, (int64_t[]){ t->shape[0], t->shape[1], heads, t->shape[2] / heads }), 1, 2);
}
/* (N, kv heads, S, E) to (N, heads, S, E): every head of a group reads the same. */
static scion_tensor *share(scion_x *x, scion_tensor *t, int64_t heads) {
  if (t == NULL || t->shape[1] == heads) return t;
  int64_t n = t->shape[0], kv = t->shape[1], s = t->shape[2], e = t->shape[3];
  scion_tensor like = { .n_dims = 5, .shape = { n, kv, heads / kv, s, e } };
  return x_reshape(x, x_expand_like(x, x_unsqueeze(x, t, 2), &like), 4, (int64_t[]){ n, heads, s, e });
}
/* 0 where position i sees position j, -inf elsewhere: (L, S), or (N, 1, L, S) when lengths are given; NULL: everybody sees everything. */
static scion_tensor *visible(scion_x *x, const scion_call *c, const sizes *z) {
  const groups_params *p = c->params;
  scion_tensor *lengths = scion__opt(c, LENGTHS), *packed = NULL;
  int64_t left = p->left, right = p->causal ? 0 : p->right, s = z->past + z->s;
  if (p->causal && p->right >= 0) right = scion__min(right, p->right);
  if ((left < 0 && right < 0 && lengths == NULL) || x->status != SCION_OK) return NULL;
  if (lengths != NULL && (x->status = scion__tensor_packed(c->ctx, lengths, &packed)) != SCION_OK) return NULL;
  bool many = lengths != NULL;
  int64_t shape[4] = { z->n, 1, z->l, s };
  scion_tensor *bias = x_full(x, c->in[QUERY]->dtype, many ? 4 : 2, many ? shape : shape + 2, 0);
  for (int64_t n = 0; bias != NULL && n < (many ? z->n : 1); n++) {
    int64_t keys = many ? scion__load_id(packed->data, packed->dtype, n) : s;
    if (keys < 0 || keys > s) {
      x->status = SCION_OP_FAIL(c, SCION_EINDEX, "lengths has %lld at position %lld; 0..%lld are valid (the keys)", (long long)keys,
                                (long long)(n + c->ctx->index_base), (long long)s);
      break;
    }
    int64_t offset = many ? keys - z->l : z->past;
    for (int64_t i = 0; i < z->l; i++)
      for (int64_t j = 0; j < s; j++) {
        int64_t ahead = j - (i + offset);
        if (j >= keys || (right >= 0 && ahead > right) || (left >= 0 && -ahead > left)) scion__store(bias->data, bias->dtype, (n * z->l + i) * s + j, -INFINITY);
      }
  }
  scion_tensor_free(c->ctx, packed);
  return bias;
}
/* The mask as numbers to add, as long as the keys: what it does not reach is hidden. */
static scion_tensor *mask_of(scion_x *x, const scion_call *c, int64_t s) {
  scion_tensor *m = scion__opt(c, MASK);
  int dtype = c->in[QUERY]->dtype;
  if (m == NULL) return NULL;
  if (m->dtype == SCION_BOOL) m = x_where(x, m, x_scalar(x, dtype, 0), x_scalar(x, dtype, -INFINITY));
  int64_t missing = m == NULL ? 0 : s - m->shape[m->n_dims - 1], shape[SCION_MAX_DIMS];
  if (missing <= 0) return m;
  memcpy(shape, m->shape, sizeof shape);
  shape[m->n_dims - 1] = missing;
  return x_cat(x, 2, (scion_tensor *[]){ m, x_full(x, dtype, m->n_dims, shape, -INFINITY) }, m->n_dims - 1);
}
static void groups_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const groups_params *p = c->params;
  sizes z;
  if ((x->status = look(c, &z)) != SCION_OK) return;
  int dtype = c->in[QUERY]->dtype;
  scion_tensor *q = split_heads(x, c->in[QUERY], z.heads, z.flat), *k = split_heads(x, c->in[KEY], z.kv_heads, z.flat), *v = split_heads(x, c->in[VALUE], z.kv_heads, z.flat);
  if (z.past > 0) {
    k = x_cat(x, 2, (scion_tensor *[]){ c->in[PAST_KEY], k }, 2);
    v = x_cat(x, 2, (scion_tensor *[]){ c->in[PAST_VALUE], v }, 2);
  }
  out[1] = X1(clone, k);
  out[2] = X1(clone, v);
  double scale = p->scale != 0 ? p->scale : 1 / sqrt((double)scion__max(1, z.e)), half = sqrt(fabs(scale));
  /* the root on both sides, as ONNX has it: the products stay small */
  scion_tensor *scores = x_matmul(x, x_muls(x, q, scale < 0 ? -half : half), x_transpose(x, x_muls(x, share(x, k, z.heads), half), -2, -1));
  if (p->scores == 0) out[3] = scores;
  if (p->softcap > 0) scores = x_muls(x, X1(tanh, x_muls(x, scores, 1 / p->softcap)), p->softcap);
  if (p->scores == 1) out[3] = scores;
  scion_tensor *bias = visible(x, c, &z), *mask = mask_of(x, c, z.past + z.s), *blind = NULL;
  if (bias == NULL) bias = mask;
  else if (mask != NULL) bias = x_add(x, bias, mask);
  if (bias != NULL) {
    scores = x_add(x, scores, bias);
    if (p->scores == 2) out[3] = scores;
    if (bias->shape[bias->n_dims - 1] > 0) { /* a row that sees nothing gives 0, and no gradient */
      scion__reduce_params last = { .dims = { 1, { -1 } }, .keepdim = 1 };
      blind = X2(eq, scion__x1(x, &scion__op_amax, &last, bias), x_scalar(x, dtype, -INFINITY));
      scores = x_where(x, blind, x_scalar(x, dtype, 0), scores);
    }
  } else if (p->scores == 2) {
    out[3] = scores;
  }
  scion_tensor *w = X1(softmax, scores);
  if (blind != NULL) w = x_where(x, blind, x_scalar(x, dtype, 0), w);
  if (p->scores == 3) out[3] = w;
  scion_tensor *y = x_matmul(x, w, share(x, v, z.heads));
  out[0] = z.flat ? x_reshape(x, x_transpose(x, y, 1, 2), 3, (int64_t[]){ z.n, z.l, z.heads * z.ev }) : y;
}
static const char *const score_kinds[] = { "raw", "capped", "masked", "weights", NULL };
static const scion_param params_groups[] = {
  { "scale", SCION_P_FLOAT, 0, offsetof(groups_params, scale), .def = 0, .doc = "of the products; default 1 / sqrt(E)" },
  { "softcap", SCION_P_FLOAT, 0, offsetof(groups_params, softcap), .def = 0, .doc = "scores s become softcap tanh(s / softcap); 0: as they are" },
  { "q_heads", SCION_P_INT, 0, offsetof(groups_params, q_heads), .def = 0, .max = 1e6, .doc = "heads of query, for (N, T, heads E) inputs" },
  { "kv_heads", SCION_P_INT, 0, offsetof(groups_params, kv_heads), .def = 0, .max = 1e6, .doc = "heads of key and value, for (N, T, heads E) inputs" },
  { "left", SCION_P_INT, 0, offsetof(groups_params, left), .def = -1, .doc = "how far back a position sees; -1: to the start" },
  { "right", SCION_P_INT, 0, offsetof(groups_params, right), .def = -1, .doc = "how far ahead a position sees; -1: to the end" },
  { "is_causal", SCION_P_BOOL, 0, offsetof(groups_params, causal), .def = 0, .doc = "a position sees itself and what came before" },
  { "scores", SCION_P_ENUM, 0, offsetof(groups_params, scores), .def = 0, .choices = score_kinds, .doc = "what the output scores holds" } };
static const scion_slot slots_groups[] = {
  { "query", 0, "(N, heads, L, E), or (N, L, heads E)" }, { "key", 0, "(N, kv_heads, S, E), or (N, S, kv_heads E)" }, { "value", 0, "as key, with its own E" },
  { "mask", SCION_SF_OPTIONAL, "broadcast to (N, heads, L, S): bool (true takes part) or float (added)" },
  { "past_key", SCION_SF_OPTIONAL, "(N, kv_heads, P, E): of earlier steps" }, { "past_value", SCION_SF_OPTIONAL, "(N, kv_heads, P, E)" },
  { "lengths", SCION_SF_OPTIONAL, "(N) integers: how many keys each sequence has" } };
static const scion_slot slots_groups_out[] = {
  { "y", 0, "as query, with the E of value" }, { "present_key", 0, "past and new keys" }, { "present_value", 0, "past and new values" },
  { "scores", 0, "(N, heads, L, S)" } };
static const scion_sample samples_groups[] = { { "2x4x3x2,2x2x5x2,2x2x5x3", "" }, { "1x3x4,1x3x4,1x3x4", "q_heads=2 kv_heads=2 is_causal=true softcap=2" },
  { "1x2x2x2,1x2x2x2,1x2x2x2,2x4,1x2x2x2,1x2x2x2", "is_causal=true scores=weights" }, { "2x1x2x2,2x1x3x2,2x1x3x2,-,-,-,=2;3", "left=1 scores=capped" } };
const scion_op scion__op_grouped_attention = {
  .info = { "grouped_attention", 1, SCION_OF_INTERNAL | SCION_OF_FUNCTION, "Attention whose heads share keys and values in groups, with keys and values of earlier steps.",
            SCION_INPUTS(slots_groups), SCION_OUTPUTS(slots_groups_out), SCION_PARAMS(params_groups, groups_params) },
  .infer = groups_infer, .compose = groups_compose, SCION_SAMPLES(samples_groups) };

/* ---- rotary positions ------------------------------------------------------------------------------------------------- */

typedef struct { int64_t dim, heads; int32_t interleaved; } rotary_params;
static scion_status rotary_infer(scion_call *c) {
  const rotary_params *p = c->params;
  const scion_tensor *t = c->in[0], *cos = c->in[1], *sin = c->in[2], *ids = scion__opt(c, 3);
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  SCION_TRY(scion__infer_float(c));
  SCION_TRY(scion__need_dims(c, 0, 3, 4));
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  SCION_TRY(scion__need_same_dtype(c, 0, 2));
  SCION_TRY(scion__need_same_shape(c, 1, 2));
  int64_t heads = t->n_dims == 4 ? t->shape[1] : p->heads, steps = t->n_dims == 4 ? t->shape[2] : t->shape[1];
  if (heads < 1 || (t->n_dims == 3 && t->shape[2] % heads != 0)) {
    return SCION_OP_FAIL(c, SCION_EINVAL, "x %s cannot be split into %lld heads", scion__tensor_brief(a, t), (long long)heads);
  }
  int64_t e = t->n_dims == 4 ? t->shape[3] : t->shape[2] / heads, dim = p->dim > 0 ? p->dim : e;
  if (dim > e || dim % 2 != 0) return SCION_OP_FAIL(c, SCION_EINVAL, "dim %lld must be even and at most %lld", (long long)dim, (long long)e);
  bool fits = ids != NULL ? cos->n_dims == 2 && ids->n_dims == 2 && ids->shape[0] == t->shape[0] && ids->shape[1] == steps
                          : cos->n_dims == 3 && cos->shape[0] == t->shape[0] && cos->shape[1] == steps;
  if (ids != NULL) SCION_TRY(scion__need_int(c, 3));
  if (!fits || cos->shape[cos->n_dims - 1] != dim / 2) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "cos %s and sin %s do not fit x %s", scion__tensor_brief(a, cos), scion__shape_text(b, sin->n_dims, sin->shape),
                         ids != NULL ? "and the positions" : "; without positions they are (N, T, dim / 2)");
  }
  return SCION_OK;
}
static void rotary_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const rotary_params *p = c->params;
  scion_tensor *t = c->in[0], *angle[2] = { c->in[1], c->in[2] }, *ids = scion__opt(c, 3);
  int64_t n = t->shape[0];
  bool flat = t->n_dims == 3;
  int64_t heads = flat ? p->heads : t->shape[1], steps = flat ? t->shape[1] : t->shape[2], e = flat ? t->shape[2] / heads : t->shape[3];
  int64_t dim = p->dim > 0 ? p->dim : e, half = dim / 2;
  if (flat) t = x_reshape(x, t, 4, (int64_t[]){ n, steps, heads, e });
  int64_t shape[4] = { n, flat ? steps : 1, flat ? 1 : steps, half }; /* the same for all heads */
  for (int i = 0; i < 2; i++) {
    if (ids != NULL) {
      scion__room r;
      void *q = scion__params(&r, &scion__op_index_select);
      scion__set_int(&scion__op_index_select, q, "dim", 0);
      angle[i] = scion__x2(x, &scion__op_index_select, q, angle[i], x_reshape(x, ids, 1, (int64_t[]){ n * steps }));
    }
    angle[i] = x_reshape(x, angle[i], 4, shape);
  }
  scion_tensor *turned = x_narrow(x, t, 3, 0, dim), *a, *b;
  int64_t pairs[5] = { n, flat ? steps : heads, flat ? heads : steps, p->interleaved ? half : 2, p->interleaved ? 2 : half }, one[4] = { pairs[0], pairs[1], pairs[2], half };
  int64_t along = p->interleaved ? 4 : 3;
  turned = x_reshape(x, turned, 5, pairs);
  a = x_reshape(x, x_narrow(x, turned, along, 0, 1), 4, one);
  b = x_reshape(x, x_narrow(x, turned, along, 1, 1), 4, one);
  scion_tensor *re = x_sub(x, x_mul(x, angle[0], a), x_mul(x, angle[1], b)), *im = x_add(x, x_mul(x, angle[1], a), x_mul(x, angle[0], b));
  scion_tensor *y = x_reshape(x, x_stack(x, 2, (scion_tensor *[]){ re, im }, along), 4, (int64_t[]){ pairs[0], pairs[1], pairs[2], dim });
  if (dim < e) y = x_cat(x, 2, (scion_tensor *[]){ y, x_narrow(x, t, 3, dim, e - dim) }, 3);
  out[0] = flat ? x_reshape(x, y, 3, c->in[0]->shape) : y;
}
static const scion_param params_rotary[] = {
  { "dim", SCION_P_INT, 0, offsetof(rotary_params, dim), .def = 0, .doc = "how many elements of each head turn; 0: all" },
  { "heads", SCION_P_INT, 0, offsetof(rotary_params, heads), .def = 0, .max = 1e6, .doc = "for (N, T, heads E) inputs" },
  { "interleaved", SCION_P_BOOL, 0, offsetof(rotary_params, interleaved), .def = 0, .doc = "pairs are neighbours; else the halves of a head are paired" } };
static const scion_slot slots_rotary[] = { { "x", 0, "(N, heads, T, E), or (N, T, heads E)" }, { "cos", 0, "(positions, dim / 2), or (N, T, dim / 2) without positions" },
  { "sin", 0, "as cos" }, { "positions", SCION_SF_OPTIONAL, "(N, T) integers from 0" } };
static const scion_sample samples_rotary[] = { { "2x3x4x6,5x3,5x3,2x4:i<5", "" }, { "2x4x6,2x4x1,2x4x1", "heads=2 dim=2 interleaved=true" } };
const scion_op scion__op_rotary_embedding = {
  .info = { "rotary_embedding", 1, SCION_OF_INTERNAL | SCION_OF_FUNCTION, "Turns pairs of elements by angles that grow with the position.",
            SCION_INPUTS(slots_rotary), SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_rotary, rotary_params) },
  .infer = rotary_infer, .compose = rotary_compose, SCION_SAMPLES(samples_rotary) };
