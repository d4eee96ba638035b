/* lbfgs.c: limited-memory BFGS (Nocedal & Wright, algorithms 7.4 and 7.5) with an optional line search
 * for the strong Wolfe conditions (algorithms 3.5 and 3.6, cubic interpolation); step rule and
 * stopping tests are PyTorch's. All parameters together are one flat vector x of their dtype; dot
 * products are sums in f64 over fixed chunks, so nothing depends on the number of threads.
 * A loss or slope that is not finite counts as too far: the search shortens the step. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "optim.h"

enum { CHUNK = 32768, MAX_SEARCH = 25 };

typedef struct { scion_tensor *y, *s; double ro; } history_pair; /* gradient change, step, 1 / (y . s) */

struct scion_lbfgs {
  scion_tensor *d, *prev_grad; /* direction, last gradient: flat */
  history_pair *pairs;         /* oldest first */
  int32_t n_pairs, capacity;
  double n_iter, func_evals, t, h_diag, prev_loss;
};

/* ---- flat vectors ------------------------------------------------------------------------------------- */

typedef struct { /* one job of a vector function */
  int32_t is_f64, kind;
  int64_t n;
  double a, *parts;
  char *x, *y;
} vector_job;

static int64_t element(const vector_job *j) { return j->is_f64 ? 8 : 4; }
static void axpy_chunk(void *ud, int64_t c) {
  const vector_job *j = ud;
  int64_t at = c * CHUNK;
  scion__k->vector_axpy(j->is_f64, scion__min(CHUNK, j->n - at), j->a, j->x + at * element(j), j->y + at * element(j));
}
static void scale_chunk(void *ud, int64_t c) {
  const vector_job *j = ud;
  int64_t at = c * CHUNK;
  scion__k->vector_scale(j->is_f64, scion__min(CHUNK, j->n - at), j->a, j->x + at * element(j));
}
static void dot_chunk(void *ud, int64_t c) {
  const vector_job *j = ud;
  int64_t at = c * CHUNK;
  j->parts[c] = scion__k->vector_dot(j->is_f64, scion__min(CHUNK, j->n - at), j->x + at * element(j), j->y + at * element(j));
}
static void norm_chunk(void *ud, int64_t c) {
  const vector_job *j = ud;
  int64_t at = c * CHUNK;
  j->parts[c] = scion__k->vector_norm(j->is_f64, scion__min(CHUNK, j->n - at), j->kind, 0, j->x + at * element(j));
}
static int64_t chunks_of(int64_t n) { return (n + CHUNK - 1) / CHUNK; }

/* The run of one step: everything the search needs, freed together. */
typedef struct run {
  scion_context *ctx;
  scion_optim *opt;
  scion_optim_group *group;
  scion_closure closure;
  void *ud;
  int32_t is_f64;
  int64_t n;
  double *parts;
  double loss;              /* at the current point */
  scion_tensor *grad;       /* flat, at the current point */
  scion_tensor *start;      /* x before a line search */
  int64_t evals;
} run;

static scion_status vector_new(run *r, scion_tensor **out) {
  return scion__tensor_alloc(r->ctx, r->is_f64 ? SCION_F64 : SCION_F32, 1, &r->n, out);
}
static scion_status vector_copy(run *r, const scion_tensor *x, scion_tensor **out) {
  SCION_TRY(vector_new(r, out));
  return scion__tensor_copy_into(r->ctx, *out, x);
}
static void axpy(run *r, double a, const scion_tensor *x, scion_tensor *y) {
  vector_job j = { .is_f64 = r->is_f64, .n = r->n, .a = a, .x = x->data, .y = y->data };
  scion__parallel(r->ctx, chunks_of(r->n), axpy_chunk, &j);
}
static void scale(run *r, double a, scion_tensor *x) {
  vector_job j = { .is_f64 = r->is_f64, .n = r->n, .a = a, .x = x->data };
  scion__parallel(r->ctx, chunks_of(r->n), scale_chunk, &j);
}
static double dot(run *r, const scion_tensor *x, const scion_tensor *y) {
  vector_job j = { .is_f64 = r->is_f64, .n = r->n, .parts = r->parts, .x = x->data, .y = y->data };
  scion__parallel(r->ctx, chunks_of(r->n), dot_chunk, &j);
  double s = 0;
  for (int64_t c = 0; c < chunks_of(r->n); c++) s += r->parts[c];
  return s;
}
/* kind 0: largest |x|, 1: sum |x| */
static double norm(run *r, int32_t kind, const scion_tensor *x) {
  vector_job j = { .is_f64 = r->is_f64, .kind = kind, .n = r->n, .parts = r->parts, .x = x->data };
  scion__parallel(r->ctx, chunks_of(r->n), norm_chunk, &j);
  double s = 0;
  for (int64_t c = 0; c < chunks_of(r->n); c++) s = kind == 1 ? s + r->parts[c] : r->parts[c] > s || r->parts[c] != r->parts[c] ? r->parts[c] : s;
  return s;
}

/* ---- between the parameters and x ---------------------------------------------------------------------- */

static bool takes_part(const scion_optim_slot *slot) { return slot->param->requires_grad; }

/* A window of a flat vector with a parameter's shape. */
static scion_status window(run *r, scion_tensor *flat, int64_t at, const scion_tensor *like, scion_tensor **out) {
  return scion__tensor_view(r->ctx, flat, like->n_dims, like->shape, NULL, at, out);
}

/* what 0: flat <- parameters, 1: flat <- gradients (0 where missing), 2: parameters <- flat */
static scion_status transfer(run *r, int what, scion_tensor *flat) {
  int64_t at = 0;
  for (int32_t i = 0; i < r->group->n; i++) {
    scion_optim_slot *slot = &r->group->slots[i];
    if (!takes_part(slot)) continue;
    scion_tensor *w, *g = NULL;
    SCION_TRY(window(r, flat, at, slot->param, &w));
    scion_status st = what == 1 ? scion__optim_grad(r->ctx, "lbfgs", slot->param, &g) : SCION_OK;
    if (st == SCION_OK && what == 0) st = scion__tensor_copy_into(r->ctx, w, slot->param);
    if (st == SCION_OK && what == 1 && g != NULL) st = scion__tensor_copy_into(r->ctx, w, g);
    if (st == SCION_OK && what == 1 && g == NULL) scion__tensor_fill(r->ctx, w, 0);
    if (st == SCION_OK && what == 2) {
      st = scion__tensor_copy_into(r->ctx, slot->param, w);
      scion_tensor_touch(slot->param);
    }
    scion_tensor_free(r->ctx, g);
    scion_tensor_free(r->ctx, w);
    SCION_TRY(st);
    at += slot->param->numel;
  }
  return SCION_OK;
}

/* Moves to start + t d and evaluates there into r->loss and r->grad. */
static scion_status evaluate(run *r, double t) {
  scion_tensor *x = NULL;
  scion_status st = vector_copy(r, r->start, &x);
  if (st == SCION_OK) {
    axpy(r, t, r->opt->lbfgs->d, x);
    st = transfer(r, 2, x);
  }
  scion_tensor_free(r->ctx, x);
  SCION_TRY(st);
  double loss = NAN;
  SCION_TRY(r->closure(r->ctx, r->ud, &loss));
  r->evals++;
  r->loss = loss == loss ? loss : INFINITY;
  return transfer(r, 1, r->grad);
}

/* ---- the line search ------------------------------------------------------------------------------------- */

/* Minimum of the cubic through two points with slopes, kept within lo .. hi. */
static double interpolate(double x1, double f1, double g1, double x2, double f2, double g2, double lo, double hi) {
  double d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2), square = d1 * d1 - g1 * g2;
  double x = NAN;
  if (square >= 0) {
    double d2 = sqrt(square);
    x = x1 <= x2 ? x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2)) : x1 - (x1 - x2) * ((g1 + d2 - d1) / (g1 - g2 + 2 * d2));
  }
  if (x != x) return (lo + hi) / 2;
  return x < lo ? lo : x > hi ? hi : x;
}

typedef struct { double t, loss, slope; scion_tensor *grad; } point;

static void point_set(run *r, point *p, double t, double loss, double slope, scion_tensor *grad) { /* takes grad over */
  scion_tensor_free(r->ctx, p->grad);
  *p = (point){ t, loss, slope, grad };
}
static scion_status point_here(run *r, point *p, double t, double slope) {
  scion_tensor *g;
  SCION_TRY(vector_copy(r, r->grad, &g));
  point_set(r, p, t, r->loss, slope, g);
  return SCION_OK;
}
static void point_move(run *r, point *to, point *from) {
  scion_tensor_free(r->ctx, to->grad);
  *to = *from;
  from->grad = NULL;
}
static scion_status point_copy(run *r, point *to, const point *from) {
  point_set(r, to, from->t, from->loss, from->slope, scion_tensor_ref(from->grad));
  return SCION_OK;
}

static const double C1 = 1e-4, C2 = 0.9;

/* Zooms into the bracket b[0], b[1] until a point satisfies both conditions or nothing moves. */
static scion_status zoom(run *r, point *b, double loss0, double slope0, double d_size, double tolerance, int32_t used, int32_t *low_out) {
  scion_tensor *d = r->opt->lbfgs->d;
  bool stalled = false;
  int32_t low = b[0].loss <= b[1].loss ? 0 : 1;
  for (; used < MAX_SEARCH; used++) {
    int32_t high = 1 - low;
    double width = fabs(b[1].t - b[0].t);
    if (width * d_size < tolerance) break;
    double left = fmin(b[0].t, b[1].t), right = fmax(b[0].t, b[1].t);
    double t = interpolate(b[0].t, b[0].loss, b[0].slope, b[1].t, b[1].loss, b[1].slope, left, right);
    double eps = 0.1 * (right - left);
    if (fmin(right - t, t - left) < eps) { /* too close to an end: once is accepted, then insist on progress */
      if (stalled || t >= right || t <= left) {
        t = fabs(t - right) < fabs(t - left) ? right - eps : left + eps;
        stalled = false;
      } else {
        stalled = true;
      }
    } else {
      stalled = false;
    }
    SCION_TRY(evaluate(r, t));
    double slope = dot(r, r->grad, d);
    if (r->loss > loss0 + C1 * t * slope0 || r->loss >= b[low].loss || r->loss == INFINITY) {
      SCION_TRY(point_here(r, &b[high], t, slope));
      low = b[0].loss <= b[1].loss ? 0 : 1;
    } else {
      bool done = fabs(slope) <= -C2 * slope0;
      if (!done && slope * (b[high].t - b[low].t) >= 0) SCION_TRY(point_copy(r, &b[high], &b[low]));
      SCION_TRY(point_here(r, &b[low], t, slope));
      if (done) break;
    }
  }
  *low_out = low;
  return SCION_OK;
}

/* From r->start along d; ends at the accepted point, its step in *t. */
static scion_status strong_wolfe(run *r, double *t_io, double slope0, double tolerance) {
  scion_tensor *d = r->opt->lbfgs->d;
  double t = *t_io, loss0 = r->loss, d_size = norm(r, 0, d);
  static const point none = { 0, 0, 0, NULL };
  point prev = none, here = none, origin = none, b[2] = { none, none };
  bool bracketed = false, accepted = false;
  int32_t used = 0, low = 0;
  scion_status st = point_here(r, &prev, 0, slope0);
  if (st == SCION_OK) st = point_copy(r, &origin, &prev);
  if (st == SCION_OK) st = evaluate(r, t);
  for (; st == SCION_OK && used < MAX_SEARCH; used++) {
    double slope = dot(r, r->grad, d);
    st = point_here(r, &here, t, slope);
    if (st != SCION_OK) break;
    if (r->loss > loss0 + C1 * t * slope0 || (used > 0 && r->loss >= prev.loss) || r->loss == INFINITY) {
      bracketed = true;
    } else if (fabs(slope) <= -C2 * slope0) {
      accepted = true;
    } else if (slope >= 0) {
      bracketed = true;
    }
    if (bracketed || accepted) break;
    double lo = t + 0.01 * (t - prev.t), hi = t * 10; /* extrapolate */
    double next = interpolate(prev.t, prev.loss, prev.slope, t, r->loss, slope, lo, hi);
    point_move(r, &prev, &here);
    t = next;
    st = evaluate(r, t);
  }
  if (st == SCION_OK && accepted) {
    point_move(r, &b[0], &here);
  } else if (st == SCION_OK && bracketed) {
    point_move(r, &b[0], &prev);
    point_move(r, &b[1], &here);
    st = zoom(r, b, loss0, slope0, d_size, tolerance, used, &low);
  } else if (st == SCION_OK) { /* still descending after all those steps: the better end */
    st = point_here(r, &b[1], t, dot(r, r->grad, d));
    point_move(r, &b[0], &origin);
    if (st == SCION_OK) low = b[0].loss <= b[1].loss ? 0 : 1;
  }
  if (st == SCION_OK) {
    *t_io = b[low].t;
    r->loss = b[low].loss;
    st = scion__tensor_copy_into(r->ctx, r->grad, b[low].grad);
  }
  scion_tensor_free(r->ctx, prev.grad);
  scion_tensor_free(r->ctx, here.grad);
  scion_tensor_free(r->ctx, origin.grad);
  scion_tensor_free(r->ctx, b[0].grad);
  scion_tensor_free(r->ctx, b[1].grad);
  return st;
}

/* ---- the step ------------------------------------------------------------------------------------------ */

static void drop_pair(scion_context *ctx, scion_lbfgs *l) {
  scion_tensor_free(ctx, l->pairs[0].y);
  scion_tensor_free(ctx, l->pairs[0].s);
  memmove(l->pairs, l->pairs + 1, (size_t)(--l->n_pairs) * sizeof *l->pairs);
}
static scion_status reserve(scion_context *ctx, scion_lbfgs *l, int32_t n) {
  if (n <= l->capacity) return SCION_OK;
  history_pair *more = scion__calloc(ctx, (size_t)n * sizeof *more);
  if (more == NULL) return SCION_ENOMEM;
  if (l->n_pairs > 0) memcpy(more, l->pairs, (size_t)l->n_pairs * sizeof *more);
  scion__free(ctx, l->pairs, (size_t)l->capacity * sizeof *more);
  l->pairs = more;
  l->capacity = n;
  return SCION_OK;
}

/* The two-loop recursion: d = -H grad. */
static scion_status direction(run *r, int32_t history) {
  scion_lbfgs *l = r->opt->lbfgs;
  scion_context *ctx = r->ctx;
  if (l->n_iter <= 1 || l->d == NULL || l->prev_grad == NULL) {
    while (l->n_pairs > 0) drop_pair(ctx, l);
    l->h_diag = 1;
    scion_tensor *d;
    SCION_TRY(vector_copy(r, r->grad, &d));
    scion_tensor_free(ctx, l->d);
    l->d = d;
    scale(r, -1, l->d);
    return SCION_OK;
  }
  scion_tensor *y = NULL, *s = NULL;
  scion_status st = vector_copy(r, r->grad, &y);
  if (st == SCION_OK) st = vector_copy(r, l->d, &s);
  if (st == SCION_OK) st = reserve(ctx, l, history);
  if (st != SCION_OK) {
    scion_tensor_free(ctx, y);
    scion_tensor_free(ctx, s);
    return st;
  }
  axpy(r, -1, l->prev_grad, y);
  scale(r, l->t, s);
  double ys = dot(r, y, s);
  if (ys > 1e-10) { /* curvature is positive: worth remembering */
    while (l->n_pairs >= history) drop_pair(ctx, l);
    l->h_diag = ys / dot(r, y, y);
    l->pairs[l->n_pairs++] = (history_pair){ y, s, 1 / ys };
  } else {
    scion_tensor_free(ctx, y);
    scion_tensor_free(ctx, s);
  }
  double *al = scion__alloc(ctx, (size_t)(l->n_pairs + 1) * sizeof *al);
  if (al == NULL) return SCION_ENOMEM;
  scion__tensor_copy_into(ctx, l->d, r->grad);
  scale(r, -1, l->d);
  for (int32_t i = l->n_pairs - 1; i >= 0; i--) {
    al[i] = dot(r, l->pairs[i].s, l->d) * l->pairs[i].ro;
    axpy(r, -al[i], l->pairs[i].y, l->d);
  }
  scale(r, l->h_diag, l->d);
  for (int32_t i = 0; i < l->n_pairs; i++) {
    double be = dot(r, l->pairs[i].y, l->d) * l->pairs[i].ro;
    axpy(r, al[i] - be, l->pairs[i].s, l->d);
  }
  scion__free(ctx, al, (size_t)(l->n_pairs + 1) * sizeof *al);
  return SCION_OK;
}

static scion_status remember_gradient(run *r) {
  scion_lbfgs *l = r->opt->lbfgs;
  if (l->prev_grad == NULL) return vector_copy(r, r->grad, &l->prev_grad);
  return scion__tensor_copy_into(r->ctx, l->prev_grad, r->grad);
}

static scion_status iterate(run *r) {
  const double *o = r->group->options;
  const scion_optim_rule *rule = r->opt->rule;
#define OPTION(name) o[scion__optim_option(rule, name)]
  double lr = OPTION("lr"), tolerance_grad = OPTION("tolerance_grad"), tolerance_change = OPTION("tolerance_change");
  int64_t max_iter = (int64_t)OPTION("max_iter"), max_eval = (int64_t)OPTION("max_eval");
  int32_t history = (int32_t)OPTION("history_size");
  bool search = OPTION("strong_wolfe") != 0;
#undef OPTION
  if (max_eval < 0) max_eval = max_iter * 5 / 4;
  scion_lbfgs *l = r->opt->lbfgs;
  bool flat_enough = norm(r, 0, r->grad) <= tolerance_grad;
  for (int64_t i = 1; !flat_enough && i <= max_iter; i++) {
    l->n_iter++;
    SCION_TRY(direction(r, history));
    SCION_TRY(remember_gradient(r));
    l->prev_loss = r->loss;
    double t = l->n_iter <= 1 ? fmin(1, 1 / norm(r, 1, r->grad)) * lr : lr, slope = dot(r, r->grad, l->d);
    l->t = t;
    if (!(slope <= -tolerance_change)) break;
    SCION_TRY(transfer(r, 0, r->start));
    if (search) {
      scion_status st = strong_wolfe(r, &t, slope, tolerance_change);
      scion_tensor *x = NULL; /* whatever happened, stand on the accepted point: the start if there is none */
      scion_status moved = st == SCION_OK ? vector_copy(r, r->start, &x) : transfer(r, 2, r->start);
      if (st == SCION_OK && moved == SCION_OK) {
        axpy(r, t, l->d, x);
        moved = transfer(r, 2, x);
      }
      scion_tensor_free(r->ctx, x);
      SCION_TRY(st);
      SCION_TRY(moved);
      flat_enough = norm(r, 0, r->grad) <= tolerance_grad;
    } else if (i < max_iter) {
      scion_status st = evaluate(r, t);
      if (st != SCION_OK || r->loss == INFINITY) {
        transfer(r, 2, r->start);
        if (st != SCION_OK) return st;
        return scion_fail(r->ctx, SCION_ENUMERIC, "lbfgs: the loss is not finite after a step of %g (a smaller lr or strong_wolfe helps); the step was undone", t);
      }
      flat_enough = norm(r, 0, r->grad) <= tolerance_grad;
    } else { /* the last one moves without looking */
      scion_tensor *x = NULL;
      SCION_TRY(vector_copy(r, r->start, &x));
      axpy(r, t, l->d, x);
      scion_status st = transfer(r, 2, x);
      scion_tensor_free(r->ctx, x);
      SCION_TRY(st);
    }
    l->t = t;
    if (r->evals >= max_eval || fabs(t) * norm(r, 0, l->d) <= tolerance_change || fabs(r->loss - l->prev_loss) < tolerance_change) break;
  }
  return SCION_OK;
}

scion_status scion__lbfgs_step(scion_context *ctx, scion_optim *opt, scion_closure closure, void *ud, double *loss) {
  if (closure == NULL) return scion_fail(ctx, SCION_EINVAL, "lbfgs: step needs a closure that clears gradients, computes the loss and runs backward");
  if (opt->n_groups == 0) return scion_fail(ctx, SCION_ESTATE, "lbfgs: no parameters were added");
  run r = { .ctx = ctx, .opt = opt, .group = &opt->groups[0], .closure = closure, .ud = ud };
  for (int32_t i = 0; i < r.group->n; i++) {
    if (takes_part(&r.group->slots[i])) r.n += r.group->slots[i].param->numel;
  }
  r.is_f64 = r.group->slots[0].param->dtype == SCION_F64;
  scion_lbfgs *l = opt->lbfgs;
  if (l->d != NULL && l->d->numel != r.n) {
    return scion_fail(ctx, SCION_ESTATE, "lbfgs: %lld parameter elements take part, but the state was built for %lld (parameters were frozen or thawed); clear the state",
                      (long long)r.n, (long long)l->d->numel);
  }
  double first = NAN;
  SCION_TRY(closure(ctx, ud, &first));
  if (loss != NULL) *loss = first;
  if (!isfinite(first)) return scion_fail(ctx, SCION_ENUMERIC, "lbfgs: the closure's loss is %g; nothing was changed", first);
  r.loss = first;
  r.evals = 1;
  size_t parts_size = (size_t)(chunks_of(r.n) + 1) * sizeof *r.parts;
  r.parts = scion__alloc(ctx, parts_size);
  scion_status st = r.parts == NULL ? SCION_ENOMEM : SCION_OK;
  if (st == SCION_OK) st = vector_new(&r, &r.grad);
  if (st == SCION_OK) st = vector_new(&r, &r.start);
  if (st == SCION_OK) st = transfer(&r, 1, r.grad);
  if (st == SCION_OK) st = iterate(&r);
  l->func_evals += (double)r.evals;
  scion_tensor_free(ctx, r.grad);
  scion_tensor_free(ctx, r.start);
  scion__free(ctx, r.parts, parts_size);
  return st;
}

/* ---- life and state ------------------------------------------------------------------------------------- */

scion_status scion__lbfgs_new(scion_context *ctx, scion_lbfgs **out) {
  *out = scion__calloc(ctx, sizeof **out);
  if (*out == NULL) return SCION_ENOMEM;
  (*out)->h_diag = 1;
  return SCION_OK;
}
void scion__lbfgs_clear(scion_context *ctx, scion_lbfgs *l) {
  scion_tensor_free(ctx, l->d);
  scion_tensor_free(ctx, l->prev_grad);
  while (l->n_pairs > 0) drop_pair(ctx, l);
  scion__free(ctx, l->pairs, (size_t)l->capacity * sizeof *l->pairs);
  *l = (scion_lbfgs){ .h_diag = 1 };
}
void scion__lbfgs_free(scion_context *ctx, scion_lbfgs *l) {
  if (l == NULL) return;
  scion__lbfgs_clear(ctx, l);
  scion__free(ctx, l, sizeof *l);
}

static const char *const FIXED[] = { "d", "prev_flat_grad", "n_iter", "func_evals", "t", "H_diag", "prev_loss" };
enum { N_FIXED = 7, N_TENSORS = 2 };

static double *fixed_number(scion_lbfgs *l, int32_t i) {
  double *const all[] = { &l->n_iter, &l->func_evals, &l->t, &l->h_diag, &l->prev_loss };
  return all[i - N_TENSORS];
}
/* "old_dirs.3" -> 0, 3; "old_stps.3" -> 1, 3; "ro.3" -> 2, 3 */
static int parse_pair(const char *name, long *at) {
  static const char *const heads[] = { "old_dirs.", "old_stps.", "ro." };
  for (int k = 0; k < 3; k++) {
    size_t n = strlen(heads[k]);
    if (strncmp(name, heads[k], n) != 0) continue;
    char *end;
    *at = strtol(name + n, &end, 10) - 1;
    return *end == '\0' && *at >= 0 && *at < 1000000 ? k : -1;
  }
  return -1;
}

int32_t scion__lbfgs_state_count(const scion_lbfgs *l) { return N_FIXED + 3 * l->n_pairs; }
const char *scion__lbfgs_state_name(const scion_lbfgs *l, int32_t i, char *name, int32_t *is_number) {
  if (i < 0 || i >= scion__lbfgs_state_count(l)) return NULL;
  if (i < N_FIXED) {
    *is_number = i >= N_TENSORS;
    snprintf(name, SCION_OPTIM_NAME, "%s", FIXED[i]);
  } else {
    static const char *const heads[] = { "old_dirs", "old_stps", "ro" };
    int32_t k = (i - N_FIXED) % 3;
    *is_number = k == 2;
    snprintf(name, SCION_OPTIM_NAME, "%s.%d", heads[k], (i - N_FIXED) / 3 + 1);
  }
  return name;
}
scion_status scion__lbfgs_state_get(const scion_lbfgs *l, const char *name, scion_tensor **tensor, double *number) {
  for (int32_t i = 0; i < N_FIXED; i++) {
    if (strcmp(FIXED[i], name) != 0) continue;
    if (i < N_TENSORS) *tensor = i == 0 ? l->d : l->prev_grad;
    else if (l->n_iter > 0) *number = *fixed_number((scion_lbfgs *)(uintptr_t)l, i);
    return SCION_OK;
  }
  long at = 0;
  int k = parse_pair(name, &at);
  if (k < 0) return SCION_EINVAL;
  if (at < l->n_pairs) {
    if (k == 2) *number = l->pairs[at].ro;
    else *tensor = k == 0 ? l->pairs[at].y : l->pairs[at].s;
  }
  return SCION_OK;
}

scion_status scion__lbfgs_state_set(scion_context *ctx, scion_optim *opt, const char *name, scion_tensor *tensor, double number) {
  scion_lbfgs *l = opt->lbfgs;
  scion_tensor **slot = NULL;
  double *value = NULL;
  for (int32_t i = 0; i < N_FIXED; i++) {
    if (strcmp(FIXED[i], name) != 0) continue;
    if (i < N_TENSORS) slot = i == 0 ? &l->d : &l->prev_grad;
    else value = fixed_number(l, i);
  }
  long at = 0;
  int k = slot == NULL && value == NULL ? parse_pair(name, &at) : -1;
  if (k >= 0) { /* pairs come in order, so a set beyond the end appends */
    if (at > l->n_pairs) return scion_fail(ctx, SCION_EINVAL, "lbfgs: state '%s' given before its predecessors", name);
    SCION_TRY(reserve(ctx, l, (int32_t)at + 1));
    if (at == l->n_pairs) l->pairs[l->n_pairs++] = (history_pair){ NULL, NULL, 0 };
    if (k == 2) value = &l->pairs[at].ro;
    else slot = k == 0 ? &l->pairs[at].y : &l->pairs[at].s;
  }
  if (value != NULL) {
    if (!isfinite(number)) return scion_fail(ctx, SCION_EINVAL, "lbfgs: state '%s' must be a finite number (got %g)", name, number);
    *value = number;
    return SCION_OK;
  }
  if (slot == NULL) return scion_fail(ctx, SCION_EINVAL, "lbfgs: has no state called '%s'", name);
  int64_t n = 0;
  const scion_optim_group *group = &opt->groups[0];
  for (int32_t i = 0; i < group->n; i++) n += takes_part(&group->slots[i]) ? group->slots[i].param->numel : 0;
  char brief[SCION_SHAPE_TEXT];
  if (tensor == NULL || tensor->dtype != group->slots[0].param->dtype || tensor->n_dims != 1 || tensor->numel != n) {
    return scion_fail(ctx, SCION_ESHAPE, "lbfgs: state '%s' must be %s (%lld) (got %s)", name, scion_dtype_name((scion_dtype)group->slots[0].param->dtype),
                      (long long)n, tensor == NULL ? "nothing" : scion__tensor_brief(brief, tensor));
  }
  scion_tensor *copy;
  SCION_TRY(scion__tensor_alloc(ctx, tensor->dtype, 1, &n, &copy));
  scion__tensor_copy_into(ctx, copy, tensor);
  scion_tensor_free(ctx, *slot);
  *slot = copy;
  return SCION_OK;
}
