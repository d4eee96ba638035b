/* apply.c: the registry and the one way to run an op: check, infer, allocate, compute, record. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "op.h"

static const scion_op *const registry[] = {
#define SCION_OP(name) &scion__op_##name,
#include "ops.def"
#undef SCION_OP
};

/* ---- the registry ---------------------------------------------------------------------------------- */

static const scion_op *sorted[SCION_COUNT(registry)];
static pthread_once_t sort_once = PTHREAD_ONCE_INIT;

static int by_name(const void *a, const void *b) {
  return strcmp((*(const scion_op *const *)a)->info.name, (*(const scion_op *const *)b)->info.name);
}
static void sort_registry(void) {
  memcpy(sorted, registry, sizeof registry);
  qsort(sorted, SCION_COUNT(registry), sizeof *sorted, by_name);
}
int32_t scion_op_count(void) { return SCION_COUNT(registry); }
const scion_op *scion_op_at(int32_t i) {
  pthread_once(&sort_once, sort_registry);
  return i >= 0 && i < SCION_COUNT(registry) ? sorted[i] : NULL;
}
const scion_op *scion_op_find(const char *name) {
  pthread_once(&sort_once, sort_registry);
  int32_t lo = 0, hi = SCION_COUNT(registry);
  while (lo < hi) {
    int32_t mid = (lo + hi) / 2, order = strcmp(name, sorted[mid]->info.name);
    if (order == 0) return sorted[mid];
    if (order < 0) hi = mid;
    else lo = mid + 1;
  }
  return NULL;
}
const scion_op_info *scion_op_get_info(const scion_op *op) { return &op->info; }

const scion_slot scion__slots_x[1] = { { "x", 0, "input" } };
const scion_slot scion__slots_ab[2] = { { "a", SCION_SF_NUMBER, "left" }, { "b", SCION_SF_NUMBER, "right" } };
const scion_slot scion__slots_y[1] = { { "y", 0, "result" } };

/* ---- parameters ------------------------------------------------------------------------------------- */

void scion_params_init(const scion_op *op, void *params) {
  memset(params, 0, op->info.params_size);
  for (int32_t i = 0; i < op->info.n_params; i++) {
    const scion_param *p = &op->info.params[i];
    char *at = (char *)params + p->offset;
    switch (p->type) {
      case SCION_P_BOOL: case SCION_P_ENUM: case SCION_P_DTYPE: *(int32_t *)(void *)at = (int32_t)p->def; break;
      case SCION_P_INT:
        *(int64_t *)(void *)at = p->def <= (double)INT64_MIN ? SCION_NONE : p->def >= 9.2e18 ? INT64_MAX : (int64_t)p->def;
        break;
      case SCION_P_FLOAT: *(double *)(void *)at = p->def; break;
      case SCION_P_INTS: *(scion_ints *)(void *)at = p->def_ints; break;
      case SCION_P_STRING: break;
    }
  }
}

static scion_status check_range(scion_context *ctx, const scion_op *op, const scion_param *p, double v) {
  if ((p->min == 0 && p->max == 0) || (v >= p->min && v <= p->max)) return SCION_OK;
  if (p->max >= 1e300) return scion_fail(ctx, SCION_EINVAL, "%s: %s is %g, expected at least %g", op->info.name, p->name, v, p->min);
  return scion_fail(ctx, SCION_EINVAL, "%s: %s is %g, expected %g..%g", op->info.name, p->name, v, p->min, p->max);
}

/* No dimension, size or position lies beyond 2^53; up to there sums and small multiples cannot overflow. A position farther
 * out ("to the end") is as good as that. */
#define INT_LIMIT (INT64_C(1) << 53)
static scion_status check_int(scion_context *ctx, const scion_op *op, const scion_param *p, int64_t *value) {
  int64_t v = *value;
  if (p->type == SCION_P_INT && v == SCION_NONE && p->def <= (double)INT64_MIN) return SCION_OK; /* not given */
  if (p->type == SCION_P_INT && v == INT64_MAX && p->def >= 9.2e18) return SCION_OK;             /* to the end */
  bool position = (p->flags & SCION_PF_INDEX) || (p->min == 0 && p->max == 0 && p->def <= (double)INT64_MIN);
  if (position) *value = v = scion__max(-INT_LIMIT, scion__min(v, INT_LIMIT));
  SCION_TRY(check_range(ctx, op, p, (double)v));
  if (v >= -INT_LIMIT && v <= INT_LIMIT) return SCION_OK;
  return scion_fail(ctx, SCION_EINVAL, "%s: %s is %lld, expected at most 2^53 in size", op->info.name, p->name, (long long)v);
}

scion_status scion_params_set(scion_context *ctx, const scion_op *op, void *params, int32_t index, const scion_value *v) {
  if (index < 0 || index >= op->info.n_params) {
    return scion_fail(ctx, SCION_EINVAL, "%s: has no parameter %d", op->info.name, index);
  }
  const scion_param *p = &op->info.params[index];
  char *at = (char *)params + p->offset;
  const char *wanted = "a value";
  switch (p->type) {
    case SCION_P_BOOL:
      wanted = "a boolean";
      if (v->type != SCION_V_BOOL && !(v->type == SCION_V_INT && (v->i == 0 || v->i == 1))) break;
      *(int32_t *)(void *)at = v->i != 0;
      return SCION_OK;
    case SCION_P_INT: {
      wanted = "an integer";
      if (v->type == SCION_V_FLOAT && v->f == floor(v->f) && fabs(v->f) < 9e18) {
        int64_t whole = (int64_t)v->f;
        SCION_TRY(check_int(ctx, op, p, &whole));
        *(int64_t *)(void *)at = whole;
        return SCION_OK;
      }
      if (v->type == SCION_V_FLOAT) {
        return scion_fail(ctx, SCION_EINVAL, "%s: %s must be an integer, got %g", op->info.name, p->name, v->f);
      }
      if (v->type != SCION_V_INT) break;
      int64_t i = v->i;
      SCION_TRY(check_int(ctx, op, p, &i));
      *(int64_t *)(void *)at = i;
      return SCION_OK;
    }
    case SCION_P_FLOAT: {
      wanted = "a number";
      if (v->type != SCION_V_FLOAT && v->type != SCION_V_INT) break;
      double f = v->type == SCION_V_INT ? (double)v->i : v->f;
      SCION_TRY(check_range(ctx, op, p, f));
      *(double *)(void *)at = f;
      return SCION_OK;
    }
    case SCION_P_INTS: {
      wanted = "an integer or a list of integers";
      scion_ints ints = { 1, { v->i } };
      if (v->type == SCION_V_INTS) {
        if (v->n_ints > SCION_MAX_INTS) {
          return scion_fail(ctx, SCION_EINVAL, "%s: %s has %d values, at most %d are possible", op->info.name, p->name, v->n_ints,
                            SCION_MAX_INTS);
        }
        ints.n = v->n_ints;
        for (int32_t i = 0; i < v->n_ints; i++) ints.v[i] = v->ints[i];
      } else if (v->type != SCION_V_INT) {
        break;
      }
      for (int32_t i = 0; i < ints.n; i++) SCION_TRY(check_int(ctx, op, p, &ints.v[i]));
      *(scion_ints *)(void *)at = ints;
      return SCION_OK;
    }
    case SCION_P_ENUM: {
      wanted = "a name";
      if (v->type != SCION_V_STRING) break;
      char known[256] = "";
      for (int32_t i = 0; p->choices[i] != NULL; i++) {
        if (strcmp(p->choices[i], v->s) == 0) {
          *(int32_t *)(void *)at = i;
          return SCION_OK;
        }
        size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, "%s\"%s\"", i == 0 ? "" : ", ", p->choices[i]);
      }
      return scion_fail(ctx, SCION_EINVAL, "%s: %s is \"%.40s\", expected one of %s", op->info.name, p->name, v->s, known);
    }
    case SCION_P_DTYPE: {
      wanted = "a dtype name";
      if (v->type != SCION_V_STRING) break;
      int32_t dtype = scion_dtype_parse(v->s);
      if (dtype < 0) {
        return scion_fail(ctx, SCION_EDTYPE, "%s: %s is \"%.40s\", expected \"f32\", \"f64\", \"i32\", \"i64\", \"u8\" or \"bool\"",
                          op->info.name, p->name, v->s);
      }
      *(int32_t *)(void *)at = dtype;
      return SCION_OK;
    }
    case SCION_P_STRING: {
      wanted = "a string";
      if (v->type != SCION_V_STRING) break;
      scion_string *s = (scion_string *)(void *)at;
      if (strlen(v->s) >= sizeof s->v) {
        return scion_fail(ctx, SCION_EINVAL, "%s: %s has %zu characters, at most %zu are possible", op->info.name, p->name,
                          strlen(v->s), sizeof s->v - 1);
      }
      strcpy(s->v, v->s);
      return SCION_OK;
    }
  }
  static const char *const kinds[] = { "a boolean", "an integer", "a number", "a list", "a string" };
  return scion_fail(ctx, SCION_EINVAL, "%s: %s must be %s, got %s", op->info.name, p->name, wanted, kinds[v->type]);
}

/* ---- helpers for infer ------------------------------------------------------------------------------ */

void scion__out(scion_call *c, int32_t i, int dtype, int32_t n_dims, const int64_t *shape) {
  c->meta[i].dtype = dtype;
  c->meta[i].n_dims = n_dims;
  for (int32_t d = 0; d < n_dims; d++) c->meta[i].shape[d] = shape[d];
}
scion_status scion__need_dtype(const scion_call *c, int32_t i, const char *what, bool ok) {
  if (ok && scion__is_compute(c->in[i]->dtype)) return SCION_OK;
  if (!scion__is_compute(c->in[i]->dtype)) {
    return SCION_OP_FAIL(c, SCION_EDTYPE, "%s is %s, a storage type; convert it first with :to(\"f32\")",
                         c->op->info.inputs[scion__min(i, c->op->info.n_inputs - 1)].name, scion_dtype_name((scion_dtype)c->in[i]->dtype));
  }
  return SCION_OP_FAIL(c, SCION_EDTYPE, "%s is %s, expected %s", c->op->info.inputs[scion__min(i, c->op->info.n_inputs - 1)].name,
                       scion_dtype_name((scion_dtype)c->in[i]->dtype), what);
}
scion_status scion__need_float(const scion_call *c, int32_t i) {
  if (scion__is_float(c->in[i]->dtype)) return SCION_OK;
  return scion__need_dtype(c, i, "f32 or f64 (convert with :to(\"f32\"))", false);
}
scion_status scion__need_int(const scion_call *c, int32_t i) {
  int dtype = c->in[i]->dtype;
  return scion__need_dtype(c, i, "i32 or i64", dtype == SCION_I32 || dtype == SCION_I64);
}
scion_status scion__need_same_dtype(const scion_call *c, int32_t i, int32_t j) {
  if (c->in[i]->dtype == c->in[j]->dtype) return SCION_OK;
  int32_t last = c->op->info.n_inputs - 1;
  return SCION_OP_FAIL(c, SCION_EDTYPE, "%s is %s but %s is %s; convert one with :to()", c->op->info.inputs[scion__min(i, last)].name,
                       scion_dtype_name((scion_dtype)c->in[i]->dtype), c->op->info.inputs[scion__min(j, last)].name,
                       scion_dtype_name((scion_dtype)c->in[j]->dtype));
}
scion_status scion__need_dims(const scion_call *c, int32_t i, int32_t lo, int32_t hi) {
  int32_t n = c->in[i]->n_dims;
  if (n >= lo && n <= hi) return SCION_OK;
  char shape[SCION_SHAPE_TEXT];
  scion__shape_text(shape, n, c->in[i]->shape);
  const char *name = c->op->info.inputs[scion__min(i, c->op->info.n_inputs - 1)].name;
  if (lo == hi) return SCION_OP_FAIL(c, SCION_ESHAPE, "%s has %d dimensions %s, expected %d", name, n, shape, lo);
  return SCION_OP_FAIL(c, SCION_ESHAPE, "%s has %d dimensions %s, expected %d..%d", name, n, shape, lo, hi);
}
scion_status scion__infer_same(scion_call *c) {
  SCION_TRY(scion__need_dtype(c, 0, "a compute type", true));
  scion__out(c, 0, c->in[0]->dtype, c->in[0]->n_dims, c->in[0]->shape);
  return SCION_OK;
}
scion_status scion__infer_float(scion_call *c) {
  SCION_TRY(scion__need_float(c, 0));
  scion__out(c, 0, c->in[0]->dtype, c->in[0]->n_dims, c->in[0]->shape);
  return SCION_OK;
}
scion_status scion__infer_broadcast(scion_call *c) {
  const scion_tensor *a = c->in[0], *b = c->in[1];
  if (a->dtype != b->dtype) return scion__need_same_dtype(c, 0, 1);
  if (!scion__is_compute(a->dtype)) return scion__need_dtype(c, 0, "a compute type", false);
  c->meta[0].dtype = a->dtype;
  if (scion__same_shape(a, b)) {
    c->meta[0].n_dims = a->n_dims;
    for (int32_t i = 0; i < a->n_dims; i++) c->meta[0].shape[i] = a->shape[i];
    return SCION_OK;
  }
  if (!scion__broadcast(a->n_dims, a->shape, b->n_dims, b->shape, &c->meta[0].n_dims, c->meta[0].shape)) {
    char ta[SCION_SHAPE_TEXT], tb[SCION_SHAPE_TEXT];
    return SCION_OP_FAIL(c, SCION_ESHAPE, "shapes %s and %s do not broadcast together",
                         scion__shape_text(ta, a->n_dims, a->shape), scion__shape_text(tb, b->n_dims, b->shape));
  }
  return SCION_OK;
}
scion_status scion__packed_in(const scion_call *c, int32_t i, scion_tensor **hold) {
  return scion__tensor_packed(c->ctx, c->in[i], hold);
}

/* ---- running an op ---------------------------------------------------------------------------------- */

#define MAX_PARAMS 2048

static scion_status check_inputs(scion_context *ctx, const scion_op *op, scion_tensor *const *in, int32_t n) {
  const scion_op_info *info = &op->info;
  bool variadic = info->n_inputs > 0 && (info->inputs[info->n_inputs - 1].flags & SCION_SF_VARIADIC);
  if (n > info->n_inputs && !variadic) {
    return scion_fail(ctx, SCION_EINVAL, "%s: %d inputs given, at most %d are possible", info->name, n, info->n_inputs);
  }
  for (int32_t i = 0; i < (n > info->n_inputs ? n : info->n_inputs); i++) {
    if (i < n && in[i] != NULL) {
      if (in[i]->storage == NULL && in[i]->numel > 0) {
        return scion_fail(ctx, SCION_ESTATE, "%s: input %d has a shape but no data", info->name, i);
      }
      continue;
    }
    const scion_slot *slot = &info->inputs[scion__min(i, info->n_inputs - 1)];
    if (slot->flags & SCION_SF_OPTIONAL) continue;
    if ((slot->flags & SCION_SF_VARIADIC) && i >= n && n >= info->n_inputs) continue;
    return scion_fail(ctx, SCION_EINVAL, "%s: %s is missing", info->name, slot->name);
  }
  return SCION_OK;
}

static void drop_outputs(scion_call *c) {
  for (int32_t i = 0; i < c->n_out; i++) {
    scion_tensor_free(c->ctx, c->out[i]);
    c->out[i] = NULL;
  }
}

/* compose: the op as other ops; its tensors are kept as outputs. */
static scion_status run_compose(scion_call *c) {
  scion_x x;
  scion_tensor *made[SCION_MAX_OUTPUTS] = { NULL };
  scion__x_init(&x, c->ctx);
  c->op->compose(&x, c, made);
  for (int32_t i = 0; i < c->n_out; i++) c->out[i] = x.status == SCION_OK ? scion__x_keep(&x, made[i]) : NULL;
  scion_status st = scion__x_done(&x);
  if (st != SCION_OK) drop_outputs(c);
  return st;
}

static bool wants_gradient(const scion_context *ctx, const scion_op *op, scion_tensor *const *in, int32_t n) {
  if (!ctx->grad_enabled || (op->info.flags & SCION_OF_NO_GRAD)) return false;
  for (int32_t i = 0; i < n; i++)
    if (in[i] != NULL && scion__records(in[i]) && scion__is_float(in[i]->dtype)) return true;
  return false;
}

static scion_status run(scion_call *c, bool record) {
  const scion_op *op = c->op;
  c->record = record;
  SCION_TRY(op->infer(c));
  bool through_compose = op->forward == NULL || (record && op->grad == NULL && op->grad_fused == NULL && op->compose != NULL);
  if (through_compose) return run_compose(c);
  if (!(op->info.flags & (SCION_OF_VIEW | SCION_OF_DYNAMIC))) {
    for (int32_t i = 0; i < c->n_out; i++) {
      if (c->meta[i].dtype < 0) continue;
      scion_status st = scion__tensor_alloc(c->ctx, c->meta[i].dtype, c->meta[i].n_dims, c->meta[i].shape, &c->out[i]);
      if (st != SCION_OK) {
        drop_outputs(c);
        return st;
      }
    }
  }
  scion_status st = op->forward(c);
  if (st == SCION_OK && record) st = c->ctx->record(c->ctx, c);
  if (st != SCION_OK) drop_outputs(c);
  return st;
}

/* What failed inside (memory, a view, an op that this one is made of) gets the op's name in front. */
static scion_status blame(scion_context *ctx, const scion_op *op, scion_status st) {
  if (st == SCION_OK || st == SCION_ECALLBACK) return st;
  size_t n = strlen(op->info.name);
  const char *m = ctx->message;
  if (strncmp(m, op->info.name, n) == 0 && (m[n] == ':' || (m[n] == '_' && m[n + 1] == ':'))) return st;
  return scion_fail(ctx, st, "%s: %s", op->info.name, m);
}

static scion_status prepare(scion_context *ctx, scion_call *c, const scion_op *op, scion_tensor *const *inputs,
                            int32_t n_inputs, const void *params, void *defaults) {
  SCION_TRY(check_inputs(ctx, op, inputs, n_inputs));
  if (ctx->cancelled != NULL && ctx->cancelled(ctx->cancel_ud)) {
    return scion_fail(ctx, SCION_ECANCELLED, "%s: cancelled", op->info.name);
  }
  c->ctx = ctx;
  c->op = op;
  c->in = inputs;
  c->n_in = n_inputs;
  c->n_out = op->info.n_outputs;
  for (int32_t i = 0; i < c->n_out; i++) c->out[i] = NULL;
  c->params = params;
  if (params == NULL && op->info.params_size > 0) {
    scion_params_init(op, defaults);
    c->params = defaults;
  }
  return SCION_OK;
}

scion_status scion_apply(scion_context *ctx, const scion_op *op, scion_tensor *const *inputs, int32_t n_inputs,
                         const void *params, scion_tensor **outputs, int32_t n_outputs) {
  _Alignas(16) char defaults[MAX_PARAMS];
  scion_call c;
  for (int32_t i = 0; i < n_outputs; i++) outputs[i] = NULL;
  SCION_TRY(prepare(ctx, &c, op, inputs, n_inputs, params, defaults));
  SCION_TRY(blame(ctx, op, run(&c, wants_gradient(ctx, op, inputs, n_inputs))));
  for (int32_t i = 0; i < c.n_out; i++) {
    if (i < n_outputs && i < op->info.n_visible) outputs[i] = c.out[i];
    else scion_tensor_free(ctx, c.out[i]);
  }
  return SCION_OK;
}

scion_status scion__apply_all(scion_context *ctx, const scion_op *op, scion_tensor *const *inputs, int32_t n_inputs,
                              const void *params, scion_tensor **out) {
  _Alignas(16) char defaults[MAX_PARAMS];
  scion_call c;
  for (int32_t i = 0; i < op->info.n_outputs; i++) out[i] = NULL;
  SCION_TRY(prepare(ctx, &c, op, inputs, n_inputs, params, defaults));
  SCION_TRY(blame(ctx, op, run(&c, wants_gradient(ctx, op, inputs, n_inputs))));
  for (int32_t i = 0; i < c.n_out; i++) out[i] = c.out[i];
  return SCION_OK;
}

/* In place: the result must fit inputs[0]. Kernels allow the output to be an input of equal strides; where another input
 * overlaps inputs[0] differently, the result is computed aside and copied. */
static bool overlaps_others(scion_tensor *const *in, int32_t n) {
  for (int32_t i = 1; i < n; i++) {
    if (in[i] == NULL || in[i]->storage != in[0]->storage) continue;
    if (in[i]->data != in[0]->data || !scion__same_shape(in[i], in[0])) return true;
    for (int32_t d = 0; d < in[0]->n_dims; d++)
      if (in[i]->strides[d] != in[0]->strides[d] && in[0]->shape[d] > 1) return true;
  }
  return false;
}

/* With history: the old value lives on under a handle of its own (gradients may keep it), the receiver takes
 * over the result's storage and history. Host memory can't be swapped: there the old value is a copy. */
static scion_status inplace_recorded(scion_call *c, scion_tensor *t) {
  scion_context *ctx = c->ctx;
  bool wrapped = !t->storage->owned;
  scion_tensor *in[SCION_MAX_INPUTS], *old;
  SCION_TRY(scion__tensor_view(ctx, t, t->n_dims, t->shape, t->strides, 0, &old));
  if (wrapped) {
    scion_tensor_free(ctx, old);
    SCION_TRY(scion__tensor_alloc(ctx, t->dtype, t->n_dims, t->shape, &old));
    scion__tensor_copy_into(ctx, old, t);
  }
  scion__autograd_move_history(t, old);
  for (int32_t i = 0; i < c->n_in; i++) in[i] = c->in[i] == t ? old : c->in[i];
  c->in = in;
  scion_status st = run(c, true);
  if (st != SCION_OK) {
    scion__autograd_move_history(old, t);
    scion_tensor_free(ctx, old);
    return st;
  }
  if (wrapped) {
    scion__tensor_copy_into(ctx, t, c->out[0]);
  } else {
    c->out[0]->storage->version = t->storage->version;
    scion__tensor_swap_storage(t, c->out[0]);
  }
  scion_tensor_touch(t);
  scion__autograd_move_history(c->out[0], t);
  drop_outputs(c);
  scion_tensor_free(ctx, old);
  return SCION_OK;
}

static scion_status apply_inplace(scion_context *ctx, const scion_op *op, scion_tensor *const *inputs, int32_t n_inputs,
                                  const void *params) {
  _Alignas(16) char defaults[MAX_PARAMS];
  scion_call c;
  if (!(op->info.flags & SCION_OF_INPLACE)) {
    return scion_fail(ctx, SCION_EUNSUPPORTED, "%s: has no in-place form", op->info.name);
  }
  SCION_TRY(prepare(ctx, &c, op, inputs, n_inputs, params, defaults));
  scion_tensor *t = inputs[0];
  bool record = wants_gradient(ctx, op, inputs, n_inputs);
  if (t->expanded) {
    return scion_fail(ctx, SCION_ESTATE, "%s_: this view repeats elements (it was expanded); clone it before writing", op->info.name);
  }
  if (ctx->grad_enabled && t->requires_grad) {
    return scion_fail(ctx, SCION_ESTATE, "%s_: a leaf that requires a gradient may only be changed under no_grad", op->info.name);
  }
  bool history = ctx->grad_enabled && (record || t->grad_fn != NULL);
  if (history && (t->storage->n_recorded > (scion__records(t) ? 1 : 0) || (record && atomic_load(&t->storage->refs) > 1))) {
    return scion_fail(ctx, SCION_ESTATE, "%s_: the tensor shares storage with another one and takes part in a gradient; "
                      "clone it first, or build the result with slice_scatter, where or cat", op->info.name);
  }
  c.record = false;
  SCION_TRY(op->infer(&c));
  bool fits = c.meta[0].dtype == t->dtype && c.meta[0].n_dims == t->n_dims &&
              memcmp(c.meta[0].shape, t->shape, (size_t)t->n_dims * sizeof *t->shape) == 0;
  if (!fits) {
    char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
    return scion_fail(ctx, SCION_ESHAPE, "%s_: the result %s %s does not fit the receiver %s", op->info.name,
                      scion_dtype_name((scion_dtype)c.meta[0].dtype), scion__shape_text(a, c.meta[0].n_dims, c.meta[0].shape),
                      scion__tensor_brief(b, t));
  }
  if (record) return inplace_recorded(&c, t);
  if (op->forward == NULL || c.n_out != 1 || overlaps_others(inputs, n_inputs)) { /* compute aside, then copy */
    SCION_TRY(run(&c, false));
    scion_status st = scion__tensor_copy_into(ctx, t, c.out[0]);
    scion_tensor_touch(t);
    drop_outputs(&c);
    return st;
  }
  c.out[0] = t;
  scion_status st = op->forward(&c);
  scion_tensor_touch(t);
  return st;
}

scion_status scion_apply_inplace(scion_context *ctx, const scion_op *op, scion_tensor *const *inputs, int32_t n_inputs,
                                 const void *params) {
  return blame(ctx, op, apply_inplace(ctx, op, inputs, n_inputs, params));
}

scion_status scion_tensor_copy(scion_context *ctx, scion_tensor *dst, scion_tensor *src) {
  return scion_apply_inplace(ctx, &scion__op_copy, (scion_tensor *[]){ dst, src }, 2, NULL);
}
