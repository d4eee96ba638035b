/* einsum.c: products of tensors in Einstein's notation: "ij,jk->ik", "...ij->...ji", "ii", "bi,bj->bij".
 * Operands are joined from the left; each join becomes one batched matrix product (or a broadcast
 * product when nothing is summed), so gradients of any order come with it. */
#include "nn.h"

typedef struct { scion_string equation; } einsum_params;
static const scion_param params_einsum[] = {
  { "equation", SCION_P_STRING, SCION_PF_REQUIRED, offsetof(einsum_params, equation),
      .doc = "letters for the dimensions of each input, \"->\" and those of the result; \"...\" for any others" } };

enum { N_LABELS = 52 + SCION_MAX_DIMS, MAX_OPERANDS = SCION_MAX_INPUTS }; /* letters, then the dimensions of "..." */

typedef struct {
  int32_t n_operands, n_out;
  int32_t n[MAX_OPERANDS];
  int8_t label[MAX_OPERANDS][SCION_MAX_DIMS]; /* of every dimension */
  int8_t out[SCION_MAX_DIMS];
  int64_t size[N_LABELS];                     /* 0 dims allowed; -1: unused */
} plan;

static int letter(char ch) { return ch >= 'a' && ch <= 'z' ? ch - 'a' : ch >= 'A' && ch <= 'Z' ? ch - 'A' + 26 : -1; }
static char letter_name(int label) { return (char)(label < 26 ? 'a' + label : 'A' + label - 26); }

/* One side's term: letters and at most one "...". Writes labels; *dots: where "..." stands, or -1. */
static scion_status parse_term(const scion_call *c, const char **at, int8_t *labels, int32_t *n, int32_t *dots) {
  const char *equation = ((const einsum_params *)c->params)->equation.v, *p = *at;
  *n = 0;
  *dots = -1;
  for (;; p++) {
    if (*p == ' ') continue;
    if (strncmp(p, "...", 3) == 0) {
      if (*dots >= 0) return SCION_OP_FAIL(c, SCION_EINVAL, "\"...\" stands twice in one term of \"%s\"", equation);
      *dots = *n;
      p += 2;
      continue;
    }
    int label = letter(*p);
    if (label < 0) break;
    if (*n == SCION_MAX_DIMS) return SCION_OP_FAIL(c, SCION_EINVAL, "a term of \"%s\" has more than %d letters", equation, SCION_MAX_DIMS);
    labels[(*n)++] = (int8_t)label;
  }
  *at = p;
  return SCION_OK;
}
static scion_status set_size(const scion_call *c, plan *e, int32_t label, int64_t size) {
  if (e->size[label] < 0 || e->size[label] == 1) {
    e->size[label] = size;
  } else if (size != e->size[label] && size != 1) {
    if (label < 52) {
      return SCION_OP_FAIL(c, SCION_ESHAPE, "'%c' of \"%s\" is %lld in one input and %lld in another", letter_name(label),
                           ((const einsum_params *)c->params)->equation.v, (long long)e->size[label], (long long)size);
    }
    return SCION_OP_FAIL(c, SCION_ESHAPE, "dimensions under \"...\" do not broadcast: %lld and %lld", (long long)e->size[label], (long long)size);
  }
  return SCION_OK;
}

static scion_status parse(const scion_call *c, plan *e) {
  const char *equation = ((const einsum_params *)c->params)->equation.v, *p = equation;
  int32_t widest = 0; /* dimensions under "..." */
  int32_t count[52] = { 0 };
  memset(e, 0, sizeof *e);
  for (int32_t i = 0; i < N_LABELS; i++) e->size[i] = -1;
  if (c->n_in > MAX_OPERANDS) return SCION_OP_FAIL(c, SCION_EINVAL, "%d inputs, at most %d are possible", c->n_in, MAX_OPERANDS);
  e->n_operands = c->n_in;
  for (int32_t k = 0; k < c->n_in; k++) {
    int8_t labels[SCION_MAX_DIMS];
    int32_t n, dots;
    const scion_tensor *t = c->in[k];
    SCION_TRY(parse_term(c, &p, labels, &n, &dots));
    bool more = k + 1 < c->n_in;
    if (more != (*p == ',')) {
      if (*p == ',' || *p == '\0' || (*p == '-' && p[1] == '>')) {
        return SCION_OP_FAIL(c, SCION_EINVAL, "\"%s\" is not for %d inputs", equation, c->n_in);
      }
      return SCION_OP_FAIL(c, SCION_EINVAL, "\"%s\": unexpected '%c'", equation, *p);
    }
    if (more) p++;
    int32_t hidden = t->n_dims - n;
    if (hidden < 0 || (hidden > 0 && dots < 0)) {
      char a[SCION_SHAPE_TEXT];
      return SCION_OP_FAIL(c, SCION_ESHAPE, "term %d of \"%s\" names %d dimensions, but the input is %s", k + 1, equation, n, scion__tensor_brief(a, t));
    }
    if (hidden > widest) widest = hidden;
    for (int32_t d = 0; d < n; d++) count[labels[d]]++;
    for (int32_t d = 0, from = 0; d < t->n_dims; d++) {
      bool dotted = dots >= 0 && d >= dots && d < dots + hidden;
      int32_t label = dotted ? 52 + SCION_MAX_DIMS - (dots + hidden - d) : labels[from++]; /* the last one under "..." is label N_LABELS - 1 */
      e->label[k][d] = (int8_t)label;
      SCION_TRY(set_size(c, e, label, t->shape[d]));
    }
    e->n[k] = t->n_dims;
  }
  int32_t n, dots;
  int8_t labels[SCION_MAX_DIMS];
  if (*p == '\0') { /* implicit: "..." first, then letters that stand once, in order of the alphabet */
    n = 0;
    dots = 0;
    for (int32_t l = 0; l < 26; l++) /* upper case sorts before lower case */
      if (count[26 + l] == 1 && n < SCION_MAX_DIMS) labels[n++] = (int8_t)(26 + l);
    for (int32_t l = 0; l < 26; l++)
      if (count[l] == 1 && n < SCION_MAX_DIMS) labels[n++] = (int8_t)l;
  } else {
    if (p[0] != '-' || p[1] != '>') return SCION_OP_FAIL(c, SCION_EINVAL, "\"%s\": unexpected '%c'", equation, *p);
    p += 2;
    SCION_TRY(parse_term(c, &p, labels, &n, &dots));
    if (*p != '\0') return SCION_OP_FAIL(c, SCION_EINVAL, "\"%s\": unexpected '%c' after \"->\"", equation, *p);
    for (int32_t d = 0; d < n; d++) {
      for (int32_t i = 0; i < d; i++)
        if (labels[i] == labels[d]) return SCION_OP_FAIL(c, SCION_EINVAL, "'%c' stands twice in the result of \"%s\"", letter_name(labels[d]), equation);
      if (count[labels[d]] == 0) return SCION_OP_FAIL(c, SCION_EINVAL, "'%c' of the result of \"%s\" is in no input", letter_name(labels[d]), equation);
    }
  }
  int32_t under = dots >= 0 ? widest : 0;
  if (n + under > SCION_MAX_DIMS) return SCION_OP_FAIL(c, SCION_ESHAPE, "the result of \"%s\" has more than %d dimensions", equation, SCION_MAX_DIMS);
  for (int32_t d = 0, from = 0; d < n + under; d++) {
    bool dotted = dots >= 0 && d >= dots && d < dots + under;
    e->out[e->n_out++] = (int8_t)(dotted ? 52 + SCION_MAX_DIMS - (dots + under - d) : labels[from++]);
  }
  return SCION_OK;
}

static scion_status einsum_infer(scion_call *c) {
  plan e;
  SCION_TRY(scion__need_float(c, 0));
  for (int32_t i = 1; i < c->n_in; i++) SCION_TRY(scion__need_same_dtype(c, 0, i));
  SCION_TRY(parse(c, &e));
  int64_t shape[SCION_MAX_DIMS];
  for (int32_t d = 0; d < e.n_out; d++) shape[d] = e.size[e.out[d]];
  scion__out(c, 0, c->in[0]->dtype, e.n_out, shape);
  return SCION_OK;
}

/* ---- the work ------------------------------------------------------------------------------------------------- */

typedef struct { scion_tensor *t; int32_t n; int8_t label[SCION_MAX_DIMS]; } operand;
static int32_t find(const operand *a, int32_t label) {
  for (int32_t d = 0; d < a->n; d++)
    if (a->label[d] == label) return d;
  return -1;
}
static void drop(operand *a, int32_t d) {
  for (int32_t i = d; i + 1 < a->n; i++) a->label[i] = a->label[i + 1];
  a->n--;
}
static void sum_out(scion_x *x, operand *a, int32_t d) {
  int64_t dim = d;
  a->t = x_sum(x, a->t, 1, &dim, false);
  drop(a, d);
}
/* A letter that stands twice in one operand: its diagonal, as a product with the identity. */
static void diagonals(scion_x *x, operand *a) {
  for (int32_t d = 0; d < a->n; d++) {
    int32_t first = find(a, a->label[d]);
    if (first == d || a->t == NULL) continue;
    int64_t n = a->t->shape[d], shape[SCION_MAX_DIMS];
    for (int32_t i = 0; i < a->n; i++) shape[i] = i == d || i == first ? n : 1;
    scion_tensor *eye = x_full(x, a->t->dtype, a->n, shape, 0);
    for (int64_t i = 0; eye != NULL && i < n; i++) scion__store(eye->data, eye->dtype, i * n + i, 1);
    a->t = x_mul(x, a->t, eye);
    sum_out(x, a, d);
    d--;
  }
}
/* Dimensions of size 1 where the label is longer elsewhere are dropped: products broadcast. */
static void squeeze(scion_x *x, operand *a, const plan *e) {
  int64_t shape[SCION_MAX_DIMS];
  int32_t n = 0;
  if (a->t == NULL) return;
  for (int32_t d = 0; d < a->t->n_dims; d++) {
    if (a->t->shape[d] == 1 && e->size[a->label[n]] != 1) {
      drop(a, n);
      continue;
    }
    shape[n++] = a->t->shape[d];
  }
  if (n != a->t->n_dims) a->t = x_reshape(x, a->t, n, shape);
}

/* Dimensions of `a` in the order of `labels`. */
static scion_tensor *ordered(scion_x *x, const operand *a, int32_t n, const int8_t *labels) {
  int64_t dims[SCION_MAX_DIMS];
  bool same = true;
  for (int32_t i = 0; i < n; i++) {
    dims[i] = find(a, labels[i]);
    same = same && dims[i] == i;
  }
  return same ? a->t : x_permute(x, a->t, n, dims);
}
static int64_t product(const plan *e, int32_t n, const int8_t *labels) {
  int64_t p = 1;
  for (int32_t i = 0; i < n; i++) p *= e->size[labels[i]];
  return p;
}

/* a <- a joined with b; labels not in `wanted` are summed. */
static void join(scion_x *x, operand *a, operand *b, const plan *e, const bool *wanted) {
  for (int32_t d = a->n - 1; d >= 0; d--)
    if (!wanted[a->label[d]] && find(b, a->label[d]) < 0) sum_out(x, a, d);
  for (int32_t d = b->n - 1; d >= 0; d--)
    if (!wanted[b->label[d]] && find(a, b->label[d]) < 0) sum_out(x, b, d);
  int8_t batch[SCION_MAX_DIMS], left[SCION_MAX_DIMS], right[SCION_MAX_DIMS], inner[SCION_MAX_DIMS], order[2 * SCION_MAX_DIMS];
  int32_t nb = 0, nl = 0, nr = 0, ni = 0;
  for (int32_t d = 0; d < a->n; d++) {
    int8_t l = a->label[d];
    if (find(b, l) < 0) left[nl++] = l;
    else if (wanted[l]) batch[nb++] = l;
    else inner[ni++] = l;
  }
  for (int32_t d = 0; d < b->n; d++)
    if (find(a, b->label[d]) < 0) right[nr++] = b->label[d];
  int64_t sb = product(e, nb, batch), sl = product(e, nl, left), sr = product(e, nr, right), si = product(e, ni, inner);
  int32_t n = 0;
#define PUT(list, count) for (int32_t i_ = 0; i_ < (count); i_++) order[n++] = (list)[i_]
  PUT(batch, nb);
  PUT(left, nl);
  PUT(inner, ni);
  scion_tensor *p = x_reshape(x, ordered(x, a, n, order), 3, (int64_t[]){ sb, sl, si });
  n = 0;
  PUT(batch, nb);
  PUT(inner, ni);
  PUT(right, nr);
  scion_tensor *q = x_reshape(x, ordered(x, b, n, order), 3, (int64_t[]){ sb, si, sr }), *y;
  if (ni == 0) y = x_mul(x, p, q); /* (batch, left, 1) (batch, 1, right) */
  else if (nb == 0) y = x_matmul(x, x_reshape(x, p, 2, (int64_t[]){ sl, si }), x_reshape(x, q, 2, (int64_t[]){ si, sr }));
  else y = x_matmul(x, p, q);
  n = 0;
  PUT(batch, nb);
  PUT(left, nl);
  PUT(right, nr);
#undef PUT
  if (n > SCION_MAX_DIMS) {
    if (x->status == SCION_OK) x->status = scion_fail(x->ctx, SCION_ESHAPE,
        "einsum: an intermediate result has %d dimensions, at most %d are possible; change the order of the inputs", n, SCION_MAX_DIMS);
    return;
  }
  int64_t shape[SCION_MAX_DIMS];
  for (int32_t i = 0; i < n; i++) {
    shape[i] = e->size[order[i]];
    a->label[i] = order[i];
  }
  a->n = n;
  a->t = x_reshape(x, y, n, shape);
}

static void einsum_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  plan e;
  x->status = parse(c, &e);
  operand a = { .t = NULL };
  for (int32_t k = 0; k < c->n_in && x->status == SCION_OK; k++) {
    operand b = { .t = c->in[k], .n = e.n[k] };
    memcpy(b.label, e.label[k], sizeof b.label);
    diagonals(x, &b);
    squeeze(x, &b, &e);
    if (k == 0) {
      a = b;
      continue;
    }
    bool wanted[N_LABELS] = { false }; /* by the result or by operands still to come */
    for (int32_t d = 0; d < e.n_out; d++) wanted[e.out[d]] = true;
    for (int32_t r = k + 1; r < c->n_in; r++)
      for (int32_t d = 0; d < e.n[r]; d++) wanted[e.label[r][d]] = true;
    join(x, &a, &b, &e, wanted);
  }
  if (x->status != SCION_OK) return;
  for (int32_t d = a.n - 1; d >= 0; d--) {
    bool keep = false;
    for (int32_t i = 0; i < e.n_out; i++) keep = keep || e.out[i] == a.label[d];
    if (!keep) sum_out(x, &a, d);
  }
  /* labels of size 1 everywhere may be missing: they come back by the reshape */
  int8_t order[SCION_MAX_DIMS];
  int64_t shape[SCION_MAX_DIMS];
  int32_t n = 0;
  for (int32_t d = 0; d < e.n_out; d++) {
    shape[d] = e.size[e.out[d]];
    if (find(&a, e.out[d]) >= 0) order[n++] = e.out[d];
  }
  scion_tensor *y = x_reshape(x, ordered(x, &a, n, order), e.n_out, shape);
  out[0] = y == c->in[0] ? scion__x1(x, &scion__op_clone, NULL, y) : y;
}

static const scion_slot slots_einsum[] = { { "inputs", SCION_SF_VARIADIC, "one tensor per term of the equation" } };
static const scion_sample samples_einsum[] = {
  { "3x4,4x2", "equation=ij,jk->ik" }, { "2x3x4,2x4x2", "equation=bij,bjk" }, { "3x3", "equation=ii" }, { "2x3x3", "equation=...ii->...i" },
  { "2x3,2x4", "equation=bi,bj->bij" }, { "3,4,3x4", "equation=i,j,ij->" }, { "2x1x3,4x3", "equation=...i,...i->..." }, { "2x3x4", "equation=abc->ca" } };
const scion_op scion__op_einsum = {
  .info = { "einsum", 1, SCION_OF_FUNCTION, "Sum of products in Einstein's notation: einsum(\"ij,jk->ik\", a, b).", SCION_INPUTS(slots_einsum),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_einsum, einsum_params) },
  .infer = einsum_infer, .compose = einsum_compose, SCION_SAMPLES(samples_einsum) };
