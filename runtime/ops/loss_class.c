/* loss_class.c: losses on class scores: cross_entropy (class ids or class probabilities), nll_loss and
 * multi_margin_loss. Scores are (N, C) or (N, C, d1, ...), ids (N) or (N, d1, ...); (C) with one id works too.
 *
 * cross_entropy on ids never forms a target table: it keeps the logarithm of the softmax's denominator per
 * position and the gradient is one pass. The gradient of the gradient uses the composed rule, in
 * which class_targets spells the table out. */
#include "nn.h"

/* ---- shapes and ids ------------------------------------------------------------------------------ */

/* Scores seen as (n, classes, inner): position p = i * inner + j of the target. */
typedef struct { int64_t n, classes, inner, positions; } layout;
static layout layout_of(const scion_tensor *x) {
  layout l = { 1, 1, 1, 0 };
  int32_t class_dim = x->n_dims == 1 ? 0 : 1;
  for (int32_t i = 0; i < x->n_dims; i++) {
    if (i < class_dim) l.n *= x->shape[i];
    else if (i == class_dim) l.classes = x->shape[i];
    else l.inner *= x->shape[i];
  }
  l.positions = l.n * l.inner;
  return l;
}
/* Shape of one value per position. */
static int32_t position_shape(const scion_tensor *x, int64_t *shape) {
  int32_t n = 0, class_dim = x->n_dims == 1 ? 0 : 1;
  for (int32_t i = 0; i < x->n_dims; i++) {
    if (i != class_dim) shape[n++] = x->shape[i];
  }
  return n;
}

typedef struct { int64_t base, ignore_index; double label_smoothing; int32_t reduction; } class_params;
#define BASE_PARAM(type)                                                                                          \
  { "base", SCION_P_INT, SCION_PF_BASE, offsetof(type, base), .def = 0, .min = 0, .max = 1, .doc = "number of the first class" }
#define IGNORE_PARAM(type)                                                                                         \
  { "ignore_index", SCION_P_INT, 0, offsetof(type, ignore_index), .def = -100, .doc = "id, as written in the target, that counts nothing" }
#define SMOOTHING_PARAM(type)                                                                                      \
  { "label_smoothing", SCION_P_FLOAT, 0, offsetof(type, label_smoothing), .def = 0, .min = 0, .max = 1,            \
    .doc = "share of the target spread evenly over the classes" }
static const scion_param params_class[] = { SCION_REDUCTION(class_params), IGNORE_PARAM(class_params),
                                            SMOOTHING_PARAM(class_params), BASE_PARAM(class_params) };
static const scion_param params_nll[] = { SCION_REDUCTION(class_params), IGNORE_PARAM(class_params), BASE_PARAM(class_params) };

/* Scores, ids and the optional weight per class (slot 2) fit together. */
static scion_status check_scores(const scion_call *c) {
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__need_dims(c, 0, 1, SCION_MAX_DIMS));
  const scion_tensor *x = c->in[0], *t = c->in[1];
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  layout l = layout_of(x);
  if (l.classes == 0) return SCION_OP_FAIL(c, SCION_ESHAPE, "there are no classes in input %s", scion__tensor_brief(a, x));
  if (scion__is_float(t->dtype)) {
    SCION_TRY(scion__need_same_dtype(c, 0, 1));
    if (!scion__same_shape(x, t)) {
      return SCION_OP_FAIL(c, SCION_ESHAPE, "class probabilities must have the shape of the input (input %s, target %s)",
                           scion__tensor_brief(a, x), scion__tensor_brief(b, t));
    }
  } else {
    SCION_TRY(scion__need_int(c, 1));
    int64_t shape[SCION_MAX_DIMS];
    int32_t n = position_shape(x, shape);
    bool fits = t->n_dims == n && memcmp(shape, t->shape, (size_t)n * sizeof shape[0]) == 0;
    if (!fits) {
      char want[SCION_SHAPE_TEXT];
      return SCION_OP_FAIL(c, SCION_ESHAPE, "class ids must be %s for input %s, got %s", scion__shape_text(want, n, shape),
                           scion__tensor_brief(a, x), scion__tensor_brief(b, t));
    }
  }
  if (scion__opt(c, 2) != NULL) {
    SCION_TRY(scion__need_same_dtype(c, 0, 2));
    if (c->in[2]->n_dims != 1 || c->in[2]->shape[0] != l.classes) {
      return SCION_OP_FAIL(c, SCION_ESHAPE, "weight needs one value for each of the %lld classes, got %s",
                           (long long)l.classes, scion__tensor_brief(b, c->in[2]));
    }
  }
  return SCION_OK;
}

/* Every id is in range or ignored. `who` is named in the message. */
static scion_status check_ids(scion_context *ctx, const char *who, const scion_tensor *ids, int64_t classes,
                              int64_t base, int64_t ignore) {
  for (int64_t p = 0; p < ids->numel; p++) {
    int64_t id = scion__load_id(ids->data, ids->dtype, p);
    if ((id >= base && id < base + classes) || id == ignore) continue;
    const char *hint = id == 0 && base == 1            ? " (0-based data? pass base = 0)"
                       : id == classes && base == 0 ? " (1-based data? pass base = 1)"
                                                       : "";
    return scion_fail(ctx, SCION_EINDEX, "%s: class id %lld at position %lld; ids are %lld..%lld%s", who, (long long)id,
                      (long long)(p + base), (long long)base, (long long)(base + classes - 1), hint);
  }
  return SCION_OK;
}

/* ---- class_targets: the table that cross entropy on ids compares with --------------------------------- */

typedef struct { int64_t classes, base, ignore_index; double label_smoothing; int32_t dtype; } target_params;
static const scion_param params_target[] = {
  { "classes", SCION_P_INT, SCION_PF_REQUIRED, offsetof(target_params, classes), .def = 1, .min = 1, .max = 1e15, .doc = "number of classes" },
  IGNORE_PARAM(target_params), SMOOTHING_PARAM(target_params), BASE_PARAM(target_params),
  { "dtype", SCION_P_DTYPE, 0, offsetof(target_params, dtype), .def = SCION_F32, .doc = "of the table: \"f32\" or \"f64\"" } };

static scion_status target_infer(scion_call *c) {
  const target_params *p = c->params;
  SCION_TRY(scion__need_int(c, 0));
  SCION_TRY(scion__need_dims(c, 0, 0, SCION_MAX_DIMS - 1));
  if (!scion__is_float(p->dtype)) return SCION_OP_FAIL(c, SCION_EDTYPE, "dtype must be f32 or f64");
  if (scion__opt(c, 1) != NULL && (c->in[1]->dtype != p->dtype || c->in[1]->n_dims != 1 || c->in[1]->shape[0] != p->classes)) {
    char b[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "weight must be %s (%lld), got %s", scion_dtype_name((scion_dtype)p->dtype),
                         (long long)p->classes, scion__tensor_brief(b, c->in[1]));
  }
  int64_t shape[SCION_MAX_DIMS], n = 0;
  for (int32_t i = 0; i < c->in[0]->n_dims; i++) {
    shape[n++] = c->in[0]->shape[i];
    if (i == 0) shape[n++] = p->classes;
  }
  if (n == 0) shape[n++] = p->classes;
  scion__out(c, 0, p->dtype, (int32_t)n, shape);
  scion__out(c, 1, p->dtype, c->in[0]->n_dims, c->in[0]->shape);
  return SCION_OK;
}
static scion_status target_forward(scion_call *c) {
  const target_params *p = c->params;
  scion_tensor *ids = NULL, *weight = NULL;
  scion_status status = scion__packed_in(c, 0, &ids);
  if (status == SCION_OK && scion__opt(c, 1) != NULL) status = scion__packed_in(c, 1, &weight);
  if (status == SCION_OK) status = check_ids(c->ctx, c->op->info.name, ids, p->classes, p->base, p->ignore_index);
  if (status == SCION_OK) {
    layout l = layout_of(c->out[0]);
    char *table = c->out[0]->data, *total = c->out[1]->data;
    double keep = 1 - p->label_smoothing, spread = p->label_smoothing / (double)p->classes;
    for (int64_t pos = 0; pos < l.positions; pos++) {
      int64_t id = scion__load_id(ids->data, ids->dtype, pos) - p->base;
      bool ignored = id + p->base == p->ignore_index;
      int64_t at = pos / l.inner * l.classes * l.inner + pos % l.inner;
      for (int64_t k = 0; k < l.classes; k++) {
        double w = weight == NULL ? 1 : scion__load(weight->data, p->dtype, k);
        scion__store(table, p->dtype, at + k * l.inner, ignored ? 0 : w * (spread + (k == id ? keep : 0)));
      }
      double w = ignored ? 0 : weight == NULL ? 1 : scion__load(weight->data, p->dtype, id);
      scion__store(total, p->dtype, pos, w);
    }
  }
  scion_tensor_free(c->ctx, ids);
  scion_tensor_free(c->ctx, weight);
  return status;
}
static const scion_slot slots_target[] = { { "ids", 0, "class ids (N) or (N, d1, ...)" },
                                           { "weight", SCION_SF_OPTIONAL, "(C): weight of each class" } };
static const scion_slot slots_target_out[] = { { "table", 0, "(N, C) or (N, C, d1, ...): weighted target probabilities" },
                                               { "total", 0, "(N) or (N, d1, ...): weight of each position's class" } };
static const scion_sample samples_target[] = { { "3:i<4,4:+!", "classes=4 dtype=f64 label_smoothing=0.1" } };
const scion_op scion__op_class_targets = {
  .info = { "class_targets", 1, SCION_OF_NO_GRAD | SCION_OF_INTERNAL, "Spells class ids out as a table of (smoothed, weighted) target probabilities.",
            SCION_INPUTS(slots_target), SCION_OUTPUTS(slots_target_out), SCION_PARAMS(params_target, target_params) },
  .infer = target_infer, .forward = target_forward, SCION_SAMPLES(samples_target) };

/* ---- cross_entropy ----------------------------------------------------------------------------------- */

static scion_status cross_entropy_infer(scion_call *c) {
  const class_params *p = c->params;
  SCION_TRY(check_scores(c));
  const scion_tensor *x = c->in[0];
  int64_t shape[SCION_MAX_DIMS];
  int32_t n = position_shape(x, shape);
  scion__out_reduced(c, x->dtype, n, shape, p->reduction);
  int64_t positions = layout_of(x).positions;
  scion__out(c, 1, x->dtype, 1, &positions);
  return SCION_OK;
}

typedef struct {
  layout l;
  int dtype, ids_dtype;
  const class_params *p;
  const char *x, *target, *weight; /* target: ids, or probabilities when `ids_dtype` is a float */
  char *lse, *loss, *dx, *scale;   /* per position: lse, loss, factor of the softmax in the gradient */
  int64_t tiles;
  const char *dy; /* per position or one, times `factor` */
  bool dy_each;
  double factor;
} ce_job;

static inline double class_weight(const ce_job *j, int64_t k) {
  return j->weight == NULL ? 1 : scion__load(j->weight, j->dtype, k);
}
/* Loss of position pos, from its logits and lse; `at` is the offset of its class 0. */
static double position_loss(const ce_job *j, int64_t pos, int64_t at) {
  double lse = scion__load(j->lse, j->dtype, pos), smooth = j->p->label_smoothing, loss = 0;
  int64_t k_classes = j->l.classes, step = j->l.inner;
  bool probabilities = scion__is_float(j->ids_dtype);
  int64_t id = probabilities ? 0 : scion__load_id(j->target, j->ids_dtype, pos);
  if (!probabilities && id == j->p->ignore_index) return 0;
  if (probabilities) {
    for (int64_t k = 0; k < k_classes; k++) {
      double t = scion__load(j->target, j->dtype, at + k * step) * (1 - smooth) + smooth / (double)k_classes;
      if (t != 0) loss += class_weight(j, k) * t * (lse - scion__load(j->x, j->dtype, at + k * step));
    }
    return loss;
  }
  id -= j->p->base;
  loss = class_weight(j, id) * (lse - scion__load(j->x, j->dtype, at + id * step));
  if (smooth > 0) {
    double all = 0;
    for (int64_t k = 0; k < k_classes; k++) all += class_weight(j, k) * (lse - scion__load(j->x, j->dtype, at + k * step));
    loss = (1 - smooth) * loss + smooth / (double)k_classes * all;
  }
  return loss;
}
static inline int64_t offset_of(const layout *l, int64_t pos) { return pos / l->inner * l->classes * l->inner + pos % l->inner; }

static void ce_rows(void *ud, int64_t begin, int64_t end) {
  const ce_job *j = ud;
  int64_t n = j->l.classes;
  if (j->dtype == SCION_F32) {
    scion__k->lse_rows_f32(end - begin, n, (const float *)j->x + begin * n, (float *)j->lse + begin);
  } else {
    scion__k->lse_rows_f64(end - begin, n, (const double *)j->x + begin * n, (double *)j->lse + begin);
  }
  for (int64_t r = begin; r < end; r++) scion__store(j->loss, j->dtype, r, position_loss(j, r, r * n));
}
static void ce_cols(void *ud, int64_t task) {
  const ce_job *j = ud;
  int64_t column = task % j->tiles * SCION_SOFTMAX_TILE, i = task / j->tiles;
  int64_t width = scion__min(SCION_SOFTMAX_TILE, j->l.inner - column), pos = i * j->l.inner + column;
  int64_t at = i * j->l.classes * j->l.inner + column;
  if (j->dtype == SCION_F32) {
    scion__k->lse_cols_f32(j->l.classes, j->l.inner, width, (const float *)j->x + at, (float *)j->lse + pos);
  } else {
    scion__k->lse_cols_f64(j->l.classes, j->l.inner, width, (const double *)j->x + at, (double *)j->lse + pos);
  }
  for (int64_t q = 0; q < width; q++) scion__store(j->loss, j->dtype, pos + q, position_loss(j, pos + q, at + q));
}

/* What the mean divides by: the weights of the targets' classes, or the positions for probabilities. */
static double mean_divisor(const ce_job *j) {
  if (scion__is_float(j->ids_dtype)) return (double)j->l.positions;
  double total = 0;
  for (int64_t pos = 0; pos < j->l.positions; pos++) {
    int64_t id = scion__load_id(j->target, j->ids_dtype, pos);
    if (id != j->p->ignore_index) total += class_weight(j, id - j->p->base);
  }
  return total;
}

static scion_status cross_entropy_forward(scion_call *c) {
  scion_context *ctx = c->ctx;
  const class_params *p = c->params;
  scion_tensor *x = NULL, *t = NULL, *w = NULL, *each = NULL;
  scion_status status = scion__packed_in(c, 0, &x);
  if (status == SCION_OK) status = scion__packed_in(c, 1, &t);
  if (status == SCION_OK && scion__opt(c, 2) != NULL) status = scion__packed_in(c, 2, &w);
  if (status != SCION_OK) goto done;
  ce_job j = { .l = layout_of(x), .dtype = x->dtype, .ids_dtype = t->dtype, .p = p, .x = x->data, .target = t->data,
               .weight = w == NULL ? NULL : w->data, .lse = c->out[1]->data, .loss = c->out[0]->data };
  if (!scion__is_float(t->dtype)) {
    status = check_ids(ctx, c->op->info.name, t, j.l.classes, p->base, p->ignore_index);
    if (status != SCION_OK) goto done;
  }
  if (p->reduction != SCION_RED_NONE) {
    status = scion__tensor_alloc(ctx, x->dtype, 1, &j.l.positions, &each);
    if (status != SCION_OK) goto done;
    j.loss = each->data;
  }
  if (j.l.inner == 1) {
    scion__parallel_range(ctx, j.l.positions, scion__row_grain(j.l.classes), ce_rows, &j);
  } else if (j.l.positions > 0) {
    j.tiles = (j.l.inner + SCION_SOFTMAX_TILE - 1) / SCION_SOFTMAX_TILE;
    scion__parallel(ctx, j.l.n * j.tiles, ce_cols, &j);
  }
  if (p->reduction != SCION_RED_NONE) {
    double total = 0;
    for (int64_t pos = 0; pos < j.l.positions; pos++) total += scion__load(each->data, j.dtype, pos);
    if (p->reduction == SCION_RED_MEAN) total /= mean_divisor(&j); /* nothing counted: NaN, as in PyTorch */
    scion__store(c->out[0]->data, j.dtype, 0, total);
  }
done:
  scion_tensor_free(ctx, x);
  scion_tensor_free(ctx, t);
  scion_tensor_free(ctx, w);
  scion_tensor_free(ctx, each);
  return status;
}

/* dx = s e^(x - lse) - target s', where s is the gradient of the position's loss times its total target. */
static void ce_grad_targets(const ce_job *j, int64_t pos, int64_t at) {
  int64_t n = j->l.classes, step = j->l.inner;
  double up = j->factor * scion__load(j->dy, j->dtype, j->dy_each ? pos : 0), smooth = j->p->label_smoothing;
  bool probabilities = scion__is_float(j->ids_dtype);
  if (!probabilities) {
    int64_t id = scion__load_id(j->target, j->ids_dtype, pos);
    if (id == j->p->ignore_index) return;
    id -= j->p->base;
    double w = class_weight(j, id) * (1 - smooth) * up;
    if (j->dtype == SCION_F32) ((float *)j->dx)[at + id * step] -= (float)w;
    else ((double *)j->dx)[at + id * step] -= w;
    if (smooth == 0) return;
  }
  for (int64_t k = 0; k < n; k++) {
    double t = probabilities ? scion__load(j->target, j->dtype, at + k * step) * (1 - smooth) : 0;
    t = (t + smooth / (double)n) * class_weight(j, k) * up;
    scion__store(j->dx, j->dtype, at + k * step, scion__load(j->dx, j->dtype, at + k * step) - t);
  }
}
static double position_scale(const ce_job *j, int64_t pos, int64_t at, double weight_sum) {
  double smooth = j->p->label_smoothing, total = 0;
  if (scion__is_float(j->ids_dtype)) {
    for (int64_t k = 0; k < j->l.classes; k++) {
      total += class_weight(j, k) * (scion__load(j->target, j->dtype, at + k * j->l.inner) * (1 - smooth) + smooth / (double)j->l.classes);
    }
  } else {
    int64_t id = scion__load_id(j->target, j->ids_dtype, pos);
    if (id == j->p->ignore_index) return 0;
    total = (1 - smooth) * class_weight(j, id - j->p->base) + smooth / (double)j->l.classes * weight_sum;
  }
  return total * j->factor * scion__load(j->dy, j->dtype, j->dy_each ? pos : 0);
}
static void ce_grad_rows(void *ud, int64_t begin, int64_t end) {
  const ce_job *j = ud;
  int64_t n = j->l.classes, at = begin * n;
  if (j->dtype == SCION_F32) {
    scion__k->softmax_scaled_rows_f32(end - begin, n, (const float *)j->x + at, (const float *)j->lse + begin,
                                      (const float *)j->scale + begin, (float *)j->dx + at);
  } else {
    scion__k->softmax_scaled_rows_f64(end - begin, n, (const double *)j->x + at, (const double *)j->lse + begin,
                                      (const double *)j->scale + begin, (double *)j->dx + at);
  }
  for (int64_t r = begin; r < end; r++) ce_grad_targets(j, r, r * n);
}
static void ce_grad_cols(void *ud, int64_t task) {
  const ce_job *j = ud;
  int64_t column = task % j->tiles * SCION_SOFTMAX_TILE, i = task / j->tiles;
  int64_t width = scion__min(SCION_SOFTMAX_TILE, j->l.inner - column), pos = i * j->l.inner + column;
  int64_t at = i * j->l.classes * j->l.inner + column;
  if (j->dtype == SCION_F32) {
    scion__k->softmax_scaled_cols_f32(j->l.classes, j->l.inner, width, (const float *)j->x + at, (const float *)j->lse + pos,
                                      (const float *)j->scale + pos, (float *)j->dx + at);
  } else {
    scion__k->softmax_scaled_cols_f64(j->l.classes, j->l.inner, width, (const double *)j->x + at, (const double *)j->lse + pos,
                                      (const double *)j->scale + pos, (double *)j->dx + at);
  }
  for (int64_t q = 0; q < width; q++) ce_grad_targets(j, pos + q, at + q);
}

static void cross_entropy_grad(scion_grad_call *g);
static scion_status cross_entropy_grad_fused(scion_grad_call *g) {
  const class_params *p = g->params;
  if (scion__g_needs(g, 1)) { /* a gradient for target probabilities: rare, so composed */
    cross_entropy_grad(g);
    return g->x.status;
  }
  if (!g->needs[0]) return SCION_OK;
  scion_context *ctx = g->x.ctx;
  scion_tensor *x = NULL, *t = NULL, *w = NULL, *dy = NULL, *dx = NULL, *scale = NULL;
  scion_status status = scion__tensor_packed(ctx, g->in[0], &x);
  if (status == SCION_OK) status = scion__tensor_packed(ctx, g->in[1], &t);
  if (status == SCION_OK && scion__g_opt(g, 2) != NULL) status = scion__tensor_packed(ctx, g->in[2], &w);
  if (status == SCION_OK) status = scion__tensor_packed(ctx, g->dy[0], &dy);
  if (status == SCION_OK) status = scion__tensor_alloc(ctx, x->dtype, x->n_dims, x->shape, &dx);
  if (status == SCION_OK) status = scion__tensor_alloc(ctx, x->dtype, 1, g->out[1]->shape, &scale);
  if (status != SCION_OK) goto done;
  ce_job j = { .l = layout_of(x), .dtype = x->dtype, .ids_dtype = t->dtype, .p = p, .x = x->data, .target = t->data,
               .weight = w == NULL ? NULL : w->data, .lse = g->out[1]->data, .dx = dx->data, .scale = scale->data,
               .dy = dy->data, .dy_each = p->reduction == SCION_RED_NONE, .factor = 1 };
  if (p->reduction == SCION_RED_MEAN) j.factor = 1 / mean_divisor(&j);
  double weight_sum = 0;
  for (int64_t k = 0; k < j.l.classes; k++) weight_sum += class_weight(&j, k);
  for (int64_t pos = 0; pos < j.l.positions; pos++) {
    scion__store(j.scale, j.dtype, pos, position_scale(&j, pos, offset_of(&j.l, pos), weight_sum));
  }
  if (j.l.inner == 1) {
    scion__parallel_range(ctx, j.l.positions, scion__row_grain(j.l.classes), ce_grad_rows, &j);
  } else if (j.l.positions > 0) {
    j.tiles = (j.l.inner + SCION_SOFTMAX_TILE - 1) / SCION_SOFTMAX_TILE;
    scion__parallel(ctx, j.l.n * j.tiles, ce_grad_cols, &j);
  }
  scion__g_set(g, 0, dx);
done:
  scion_tensor_free(ctx, x);
  scion_tensor_free(ctx, t);
  scion_tensor_free(ctx, w);
  scion_tensor_free(ctx, dy);
  scion_tensor_free(ctx, dx);
  scion_tensor_free(ctx, scale);
  return status;
}

/* Weight (C) made to broadcast along the class dimension of x. */
static scion_tensor *weight_like(scion_x *x, scion_tensor *weight, const scion_tensor *scores) {
  int64_t shape[SCION_MAX_DIMS];
  int32_t class_dim = scores->n_dims == 1 ? 0 : 1;
  for (int32_t i = 0; i < scores->n_dims; i++) shape[i] = i == class_dim ? scores->shape[i] : 1;
  return x_reshape(x, weight, scores->n_dims, shape);
}

/* loss = s . (T lse - sum_k T_k x_k) with T the weighted, smoothed target, s = dy / divisor per position. */
static void cross_entropy_grad(scion_grad_call *g) {
  scion_x *x = &g->x;
  const class_params *p = g->params;
  scion_tensor *in = g->in[0], *weight = scion__g_opt(g, 2), *up = g->dy[0];
  layout l = layout_of(in);
  int64_t class_dim = in->n_dims == 1 ? 0 : 1;
  bool probabilities = scion__is_float(g->in[1]->dtype);
  scion_tensor *table = NULL;
  if (probabilities) {
    table = g->in[1];
    if (p->label_smoothing > 0) table = x_adds(x, x_muls(x, table, 1 - p->label_smoothing), p->label_smoothing / (double)l.classes);
    if (weight != NULL) table = x_mul(x, table, weight_like(x, weight, in));
    if (p->reduction == SCION_RED_MEAN) up = x_muls(x, up, 1 / (double)l.positions);
  } else {
    target_params tp = { l.classes, p->base, p->ignore_index, p->label_smoothing, in->dtype };
    scion_tensor *ins[2] = { g->in[1], weight }, *outs[2] = { NULL, NULL };
    scion__x_call_n(x, &scion__op_class_targets, &tp, 2, ins, 2, outs);
    table = outs[0];
    if (p->reduction == SCION_RED_MEAN) up = x_div(x, up, x_sum(x, outs[1], 0, NULL, false));
  }
  if (p->reduction == SCION_RED_NONE) up = x_unsqueeze(x, up, class_dim);
  if (g->needs[0]) {
    struct { int64_t dim; } dim = { class_dim };
    scion_tensor *soft = scion__x1(x, &scion__op_softmax, &dim, in);
    scion_tensor *total = x_sum(x, table, 1, &class_dim, true);
    scion__g_set(g, 0, x_mul(x, up, x_sub(x, x_mul(x, soft, total), table)));
  }
  if (g->needs[1] && probabilities) {
    struct { int64_t dim; } dim = { class_dim };
    scion_tensor *d = x_neg(x, scion__x1(x, &scion__op_log_softmax, &dim, in));
    if (weight != NULL) d = x_mul(x, d, weight_like(x, weight, in));
    scion__g_set(g, 1, x_mul(x, x_muls(x, up, 1 - p->label_smoothing), d));
  }
}

static const scion_slot slots_class[] = { { "input", 0, "scores before softmax: (N, C) or (N, C, d1, ...)" },
                                          { "target", 0, "class ids (N) or (N, d1, ...), or class probabilities like input" },
                                          { "weight", SCION_SF_OPTIONAL, "(C): weight of each class, a constant" } };
static const scion_slot slots_class_out[] = { { "loss", 0, "scalar, or one value per position" },
                                              { "lse", 0, "log of the sum of the exponentials per position" } };
static const scion_sample samples_ce[] = {
  { "4x5,4:i<5", "" }, { "4x5,4:i<5,5:+!", "label_smoothing=0.1" }, { "2x3x4,2x4:i<3,3:+!", "reduction=none label_smoothing=0.2" },
  { "4x5,4:i<5", "ignore_index=2 reduction=sum" }, { "4x5,4x5", "label_smoothing=0.1" }, { "2x3x2x2,2x3x2x2,3:+!", "reduction=none" } };

const scion_op scion__op_cross_entropy = {
  .info = { .name = "cross_entropy", .version = 1, .flags = SCION_OF_FUNCTION,
            .doc = "Cross entropy of softmax(input) with class ids or class probabilities. The mean is weighted as in PyTorch.",
            SCION_INPUTS(slots_class), .outputs = slots_class_out, .n_outputs = 2, .n_visible = 1,
            SCION_PARAMS(params_class, class_params) },
  .infer = cross_entropy_infer, .forward = cross_entropy_forward, .grad = cross_entropy_grad, .grad_fused = cross_entropy_grad_fused,
  .keeps = SCION_KEEP_IN(0) | SCION_KEEP_IN(1) | SCION_KEEP_IN(2) | SCION_KEEP_OUT(1), SCION_SAMPLES(samples_ce) };

/* ---- nll_loss, multi_margin_loss ---------------------------------------------------------------------- */

static scion_status ids_infer(scion_call *c) {
  const class_params *p = c->params;
  SCION_TRY(scion__need_int(c, 1));
  SCION_TRY(check_scores(c));
  int64_t shape[SCION_MAX_DIMS];
  int32_t n = position_shape(c->in[0], shape);
  scion__out_reduced(c, c->in[0]->dtype, n, shape, p->reduction);
  return SCION_OK;
}
/* -w[t] x[t]; the table makes the pick a product, which is differentiable to any order. */
static void nll_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const class_params *p = c->params;
  scion_tensor *in = c->in[0];
  layout l = layout_of(in);
  int64_t class_dim = in->n_dims == 1 ? 0 : 1;
  target_params tp = { l.classes, p->base, p->ignore_index, 0, in->dtype };
  scion_tensor *ins[2] = { c->in[1], scion__opt(c, 2) }, *outs[2] = { NULL, NULL };
  scion__x_call_n(x, &scion__op_class_targets, &tp, 2, ins, 2, outs);
  /* not table * input: an ignored or unpicked -inf must not become NaN */
  scion_tensor *zero = x_scalar(x, in->dtype, 0);
  scion_tensor *picked = x_where(x, X2(ne, outs[0], zero), x_mul(x, outs[0], in), zero);
  scion_tensor *loss = x_neg(x, x_sum(x, picked, 1, &class_dim, false));
  if (p->reduction == SCION_RED_MEAN) loss = x_div(x, x_sum(x, loss, 0, NULL, false), x_sum(x, outs[1], 0, NULL, false));
  else loss = scion__x_reduce(x, loss, p->reduction);
  out[0] = loss;
}
static const scion_slot slots_nll[] = { { "input", 0, "log-probabilities: (N, C) or (N, C, d1, ...)" },
                                        { "target", 0, "class ids (N) or (N, d1, ...)" },
                                        { "weight", SCION_SF_OPTIONAL, "(C): weight of each class, a constant" } };
static const scion_slot slots_loss[] = { { "loss", 0, "scalar, or one value per position" } };
static const scion_sample samples_nll[] = { { "4x5,4:i<5", "" }, { "2x3x4,2x4:i<3,3:+!", "reduction=none" }, { "4x5,4:i<5,5:+!", "ignore_index=1" } };
const scion_op scion__op_nll_loss = {
  .info = { "nll_loss", 1, SCION_OF_FUNCTION, "Negative log-likelihood of class ids, from log-probabilities (log_softmax).",
            SCION_INPUTS(slots_nll), SCION_OUTPUTS(slots_loss), SCION_PARAMS(params_nll, class_params) },
  .infer = ids_infer, .compose = nll_compose, SCION_SAMPLES(samples_nll) };

typedef struct { double margin; int64_t p, base; int32_t reduction; } margin_params;
static const scion_param params_margin[] = {
  SCION_REDUCTION(margin_params),
  { "margin", SCION_P_FLOAT, 0, offsetof(margin_params, margin), .def = 1, .doc = "how far ahead the right class shall be" },
  { "p", SCION_P_INT, 0, offsetof(margin_params, p), .def = 1, .min = 1, .max = 2, .doc = "power of the violation" },
  BASE_PARAM(margin_params) };
static scion_status multi_margin_infer(scion_call *c) {
  SCION_TRY(scion__need_int(c, 1));
  SCION_TRY(scion__need_dims(c, 0, 1, 2));
  SCION_TRY(check_scores(c));
  scion__out_reduced(c, c->in[0]->dtype, c->in[0]->n_dims - 1, c->in[0]->shape, ((const margin_params *)c->params)->reduction);
  return SCION_OK;
}
/* sum over k != t of max(0, margin - x[t] + x[k])^p w[t], divided by C. */
static void multi_margin_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const margin_params *p = c->params;
  scion_tensor *in = c->in[0], *weight = scion__opt(c, 2);
  layout l = layout_of(in);
  int64_t class_dim = in->n_dims - 1;
  target_params tp = { l.classes, p->base, INT64_MIN, 0, in->dtype };
  scion_tensor *ins[2] = { c->in[1], NULL }, *outs[2] = { NULL, NULL };
  scion__x_call_n(x, &scion__op_class_targets, &tp, 2, ins, 2, outs);
  scion_tensor *table = outs[0];
  scion_tensor *right = x_sum(x, x_mul(x, table, in), 1, &class_dim, true);
  scion_tensor *gap = X1(relu, x_adds(x, x_sub(x, in, right), p->margin));
  if (p->p == 2) gap = x_mul(x, gap, gap);
  gap = x_mul(x, gap, x_adds(x, x_neg(x, table), 1));
  if (weight != NULL) gap = x_mul(x, gap, x_sum(x, x_mul(x, table, weight), 1, &class_dim, true));
  out[0] = scion__x_reduce(x, x_muls(x, x_sum(x, gap, 1, &class_dim, false), 1 / (double)l.classes), p->reduction);
}
static const scion_slot slots_multi_margin[] = { { "input", 0, "scores (N, C)" }, { "target", 0, "class ids (N)" },
                                                 { "weight", SCION_SF_OPTIONAL, "(C): weight of each class, a constant" } };
static const scion_sample samples_multi_margin[] = { { "3x4:d,3:i<4", "margin=0.9" }, { "3x4:d,3:i<4,4:+!", "p=2 reduction=none margin=0.7" } };
const scion_op scion__op_multi_margin_loss = {
  .info = { "multi_margin_loss", 1, SCION_OF_FUNCTION, "Multi-class hinge loss: every other class shall stay `margin` below the right one.",
            SCION_INPUTS(slots_multi_margin), SCION_OUTPUTS(slots_loss), SCION_PARAMS(params_margin, margin_params) },
  .infer = multi_margin_infer, .compose = multi_margin_compose, SCION_SAMPLES(samples_multi_margin) };
