/* loss_pair.c: distances and similarities of vectors, and the losses built on them. Everything here
 * is written as other ops. Norms stop at a small positive value, so gradients at zero vectors are 0, not NaN. */
#include <math.h>

#include "nn.h"

/* sum over one dimension */
static scion_tensor *sum_dim(scion_x *x, scion_tensor *t, int64_t dim, bool keepdim) { return x_sum(x, t, 1, &dim, keepdim); }

/* max(sqrt(sum t^2), eps), without the infinite slope of the root at 0 */
static scion_tensor *safe_norm(scion_x *x, scion_tensor *t, int64_t dim, double eps, bool keepdim) {
  scion_tensor *square = sum_dim(x, X1(square, t), dim, keepdim);
  return t == NULL ? NULL : X1(sqrt, X2(maximum, square, x_scalar(x, t->dtype, eps * eps)));
}

/* Inputs i and j are floats of one dtype that broadcast together. */
static scion_status need_pair(const scion_call *c, int32_t i, int32_t j, int32_t *n, int64_t *shape) {
  SCION_TRY(scion__need_float(c, i));
  SCION_TRY(scion__need_same_dtype(c, i, j));
  const scion_tensor *a = c->in[i], *b = c->in[j];
  if (!scion__broadcast(a->n_dims, a->shape, b->n_dims, b->shape, n, shape)) {
    char ta[SCION_SHAPE_TEXT], tb[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "%s %s and %s %s do not broadcast together", scion__slot_name(c, i),
                         scion__tensor_brief(ta, a), scion__slot_name(c, j), scion__tensor_brief(tb, b));
  }
  return SCION_OK;
}
static void out_without(scion_call *c, int dtype, int32_t n, const int64_t *shape, int32_t dim, bool keepdim) {
  int64_t y[SCION_MAX_DIMS];
  int32_t m = 0;
  for (int32_t i = 0; i < n; i++) {
    if (i != dim) y[m++] = shape[i];
    else if (keepdim) y[m++] = 1;
  }
  scion__out(c, 0, dtype, m, y);
}

/* ---- cosine_similarity, pairwise_distance ---------------------------------------------------------------- */

static const scion_slot slots_pair[] = { { "a", 0, "vectors along `dim`" }, { "b", 0, "broadcasts with a" } };

typedef struct { int64_t dim; double eps; } cosine_params;
static const scion_param params_cosine[] = {
  { "dim", SCION_P_INT, SCION_PF_INDEX, offsetof(cosine_params, dim), .def = 1, .doc = "dimension of the vectors; default the second" },
  { "eps", SCION_P_FLOAT, 0, offsetof(cosine_params, eps), .def = 1e-8, .min = 0, .max = 1e300, .doc = "smallest length" } };
static scion_status cosine_infer(scion_call *c) {
  int32_t n, dim;
  int64_t shape[SCION_MAX_DIMS];
  SCION_TRY(need_pair(c, 0, 1, &n, shape));
  SCION_TRY(scion__check_dim(c->ctx, c->op->info.name, ((const cosine_params *)c->params)->dim, n, &dim));
  out_without(c, c->in[0]->dtype, n, shape, dim, false);
  return SCION_OK;
}
static scion_tensor *cosine(scion_x *x, scion_tensor *a, scion_tensor *b, int64_t dim, double eps) {
  scion_tensor like = { .n_dims = 0 }; /* only its shape is read */
  scion__broadcast(a->n_dims, a->shape, b->n_dims, b->shape, &like.n_dims, like.shape);
  a = x_expand_like(x, a, &like);
  b = x_expand_like(x, b, &like);
  if (like.n_dims == 0) dim = 0;
  scion_tensor *unit_a = x_div(x, a, safe_norm(x, a, dim, eps, true));
  scion_tensor *unit_b = x_div(x, b, safe_norm(x, b, dim, eps, true));
  return sum_dim(x, x_mul(x, unit_a, unit_b), dim, false);
}
static void cosine_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const cosine_params *p = c->params;
  out[0] = cosine(x, c->in[0], c->in[1], p->dim, p->eps);
}
static const scion_sample samples_cosine[] = { { "3x4,3x4", "" }, { "2x3x4,3x1", "dim=1" }, { "5,5", "dim=-1" } };
const scion_op scion__op_cosine_similarity = {
  .info = { "cosine_similarity", 1, 0, "Cosine of the angle between vectors: a . b / (|a| |b|).", SCION_INPUTS(slots_pair),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_cosine, cosine_params) },
  .infer = cosine_infer, .compose = cosine_compose, SCION_SAMPLES(samples_cosine) };

/* |a - b + eps|_p along the last dimension. */
static scion_tensor *distance(scion_x *x, scion_tensor *a, scion_tensor *b, double p, double eps, bool keepdim) {
  scion_tensor *d = x_adds(x, x_sub(x, a, b), eps);
  if (p == 2) return safe_norm(x, d, -1, 2e-19, keepdim);
  d = X1(abs, d);
  if (p == 1) return sum_dim(x, d, -1, keepdim);
  if (isinf(p)) {
    scion__reduce_params amax = { { 1, { -1 } }, keepdim };
    return scion__x1(x, &scion__op_amax, &amax, d);
  }
  if (d == NULL) return NULL;
  scion_tensor *power = x_scalar(x, d->dtype, p), *root = x_scalar(x, d->dtype, 1 / p);
  return X2(pow, sum_dim(x, X2(pow, d, power), -1, keepdim), root);
}
typedef struct { double p, eps; int32_t keepdim; } distance_params;
#define P_PARAM(type) { "p", SCION_P_FLOAT, 0, offsetof(type, p), .def = 2, .min = 1e-3, .max = 1.0 / 0.0, .doc = "order of the norm; inf: the largest difference" }
#define EPS_PARAM(type) { "eps", SCION_P_FLOAT, 0, offsetof(type, eps), .def = 1e-6, .min = 0, .max = 1e300, .doc = "added to every difference" }
static const scion_param params_distance[] = { P_PARAM(distance_params), EPS_PARAM(distance_params),
  { "keepdim", SCION_P_BOOL, 0, offsetof(distance_params, keepdim), .def = 0, .doc = "keep the last dimension as 1" } };
static scion_status distance_infer(scion_call *c) {
  int32_t n;
  int64_t shape[SCION_MAX_DIMS];
  SCION_TRY(need_pair(c, 0, 1, &n, shape));
  if (n == 0) return SCION_OP_FAIL(c, SCION_ESHAPE, "needs vectors, got scalars");
  out_without(c, c->in[0]->dtype, n, shape, n - 1, ((const distance_params *)c->params)->keepdim);
  return SCION_OK;
}
static void distance_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const distance_params *p = c->params;
  out[0] = distance(x, c->in[0], c->in[1], p->p, p->eps, p->keepdim);
}
static const scion_slot slots_vectors[] = { { "a", 0, "vectors along the last dimension" }, { "b", 0, "broadcasts with a" } };
static const scion_sample samples_distance[] = { { "3x4,3x4", "" }, { "2x3x4,4", "p=3 keepdim=true" }, { "3x4:d,3x4:u", "p=1" } };
const scion_op scion__op_pairwise_distance = {
  .info = { "pairwise_distance", 1, 0, "p-norm of a - b along the last dimension.", SCION_INPUTS(slots_vectors),
            SCION_OUTPUTS(scion__slots_y), SCION_PARAMS(params_distance, distance_params) },
  .infer = distance_infer, .compose = distance_compose, SCION_SAMPLES(samples_distance) };

/* ---- triplet_margin_loss, cosine_embedding_loss ------------------------------------------------------------ */

static const scion_slot slots_loss[] = { { "loss", 0, "scalar, or one value per item" } };
typedef struct { int32_t reduction, swap; double margin, p, eps; } triplet_params;
static const scion_param params_triplet[] = { SCION_REDUCTION(triplet_params),
  { "margin", SCION_P_FLOAT, 0, offsetof(triplet_params, margin), .def = 1, .doc = "how much farther the negative shall be" },
  P_PARAM(triplet_params), EPS_PARAM(triplet_params),
  { "swap", SCION_P_BOOL, 0, offsetof(triplet_params, swap), .def = 0, .doc = "use the distance of positive and negative where it is smaller" } };
static scion_status triplet_infer(scion_call *c) {
  int32_t n;
  int64_t shape[SCION_MAX_DIMS];
  SCION_TRY(scion__need_same_shape(c, 0, 1));
  SCION_TRY(scion__need_same_shape(c, 0, 2));
  SCION_TRY(need_pair(c, 0, 1, &n, shape));
  if (n == 0) return SCION_OP_FAIL(c, SCION_ESHAPE, "needs vectors, got scalars");
  scion__out_reduced(c, c->in[0]->dtype, n - 1, shape, ((const triplet_params *)c->params)->reduction);
  return SCION_OK;
}
static void triplet_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const triplet_params *p = c->params;
  scion_tensor *near = distance(x, c->in[0], c->in[1], p->p, p->eps, false);
  scion_tensor *far = distance(x, c->in[0], c->in[2], p->p, p->eps, false);
  if (p->swap) far = X2(minimum, far, distance(x, c->in[1], c->in[2], p->p, p->eps, false));
  out[0] = scion__x_reduce(x, X1(relu, x_adds(x, x_sub(x, near, far), p->margin)), p->reduction);
}
static const scion_slot slots_triplet[] = { { "anchor", 0, "(N, D) or (D)" }, { "positive", 0, "of the anchor's class; same shape" },
                                            { "negative", 0, "of another class; same shape" } };
static const scion_sample samples_triplet[] = { { "3x4,3x4,3x4", "margin=20" }, { "3x4,3x4,3x4", "margin=20 swap=true reduction=none p=3" } };
const scion_op scion__op_triplet_margin_loss = {
  .info = { "triplet_margin_loss", 1, SCION_OF_FUNCTION, "max(0, |anchor - positive| - |anchor - negative| + margin).",
            SCION_INPUTS(slots_triplet), SCION_OUTPUTS(slots_loss), SCION_PARAMS(params_triplet, triplet_params) },
  .infer = triplet_infer, .compose = triplet_compose, SCION_SAMPLES(samples_triplet) };

typedef struct { int32_t reduction; double margin; } embedding_params;
static const scion_param params_embedding[] = { SCION_REDUCTION(embedding_params),
  { "margin", SCION_P_FLOAT, 0, offsetof(embedding_params, margin), .def = 0, .min = -1, .max = 1, .doc = "cosine up to which different pairs cost nothing" } };
static scion_status embedding_infer(scion_call *c) {
  char b[SCION_SHAPE_TEXT];
  SCION_TRY(scion__need_same_shape(c, 0, 1));
  SCION_TRY(scion__need_dims(c, 0, 1, 2));
  const scion_tensor *a = c->in[0], *t = c->in[2];
  if (t->n_dims != a->n_dims - 1 || (t->n_dims == 1 && t->shape[0] != a->shape[0])) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "target needs one value (1 or -1) per pair, got %s", scion__tensor_brief(b, t));
  }
  scion__out_reduced(c, a->dtype, t->n_dims, t->shape, ((const embedding_params *)c->params)->reduction);
  return SCION_OK;
}
static void embedding_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const embedding_params *p = c->params;
  scion_tensor *similar = cosine(x, c->in[0], c->in[1], -1, 1e-8), *t = c->in[2];
  scion_tensor *close = x_adds(x, x_neg(x, similar), 1), *apart = X1(relu, x_adds(x, similar, -p->margin));
  out[0] = scion__x_reduce(x, x_where(x, X2(gt, t, x_scalar(x, t->dtype, 0)), close, apart), p->reduction);
}
static const scion_slot slots_embedding[] = { { "a", 0, "(N, D) or (D)" }, { "b", 0, "same shape" },
                                              { "target", 0, "(N) or scalar: 1 where the pair shall be similar, -1 where not" } };
static const scion_sample samples_embedding[] = { { "3x4,3x4,3:sign!", "margin=-0.9" }, { "3x4,3x4,3:sign!", "reduction=none margin=-1" } };
const scion_op scion__op_cosine_embedding_loss = {
  .info = { "cosine_embedding_loss", 1, SCION_OF_FUNCTION, "1 - cos(a, b) where target is 1, max(0, cos(a, b) - margin) where it is -1.",
            SCION_INPUTS(slots_embedding), SCION_OUTPUTS(slots_loss), SCION_PARAMS(params_embedding, embedding_params) },
  .infer = embedding_infer, .compose = embedding_compose, SCION_SAMPLES(samples_embedding) };
