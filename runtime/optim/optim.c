/* optim.c: optimiser objects: groups, options, state in and out, and the step of every kind but
 * lbfgs. A step first checks everything and makes missing state, then updates in place, so that a
 * failure changes nothing. Long parameters are split over threads at fixed places; updates are
 * elementwise, so no result depends on the split. */
#include <math.h>
#include <stdio.h>

#include "optim.h"

enum { CHUNK = 16384, SERIAL = 2 * CHUNK }; /* elements a task takes; below SERIAL threads cost more than they gain */

/* ---- life -------------------------------------------------------------------------------------------- */

static void known_kinds(char *buf, size_t size) {
  size_t n = 0;
  for (int32_t i = 0; i < scion_optim_kind_count() && n < size; i++) {
    n += (size_t)snprintf(buf + n, size - n, "%s%s", i == 0 ? "" : ", ", scion_optim_kind_at(i));
  }
}
static void known_options(const scion_optim_rule *rule, char *buf, size_t size) {
  size_t n = 0;
  for (int32_t i = 0; i < rule->n_options && n < size; i++) {
    n += (size_t)snprintf(buf + n, size - n, "%s%s", i == 0 ? "" : ", ", rule->options[i].name);
  }
}

scion_status scion_optim_new(scion_context *ctx, const char *kind, scion_optim **out) {
  *out = NULL;
  const scion_optim_rule *rule = scion__optim_rule(kind);
  if (rule == NULL) {
    char known[256];
    known_kinds(known, sizeof known);
    return scion_fail(ctx, SCION_EINVAL, "optim: unknown kind '%s' (known: %s)", kind == NULL ? "(null)" : kind, known);
  }
  scion_optim *opt = scion__calloc(ctx, sizeof *opt);
  if (opt == NULL) return SCION_ENOMEM;
  opt->rule = rule;
  for (int32_t i = 0; i < rule->n_options; i++) opt->defaults[i] = rule->options[i].def;
  if (rule->update < 0) {
    scion_status st = scion__lbfgs_new(ctx, &opt->lbfgs);
    if (st != SCION_OK) {
      scion__free(ctx, opt, sizeof *opt);
      return st;
    }
  }
  *out = opt;
  return SCION_OK;
}

static void clear_slot(scion_context *ctx, scion_optim_slot *slot) {
  for (int32_t k = 0; k < SCION_OPTIM_MAX_STATE; k++) {
    scion_tensor_free(ctx, slot->state[k]);
    slot->state[k] = NULL;
  }
  slot->step = 0;
  slot->mu_product = 1;
  slot->fresh = false;
}

void scion_optim_state_clear(scion_context *ctx, scion_optim *opt) {
  if (opt->busy) return;
  for (int32_t g = 0; g < opt->n_groups; g++) {
    for (int32_t i = 0; i < opt->groups[g].n; i++) clear_slot(ctx, &opt->groups[g].slots[i]);
  }
  if (opt->lbfgs != NULL) scion__lbfgs_clear(ctx, opt->lbfgs);
}

void scion_optim_free(scion_context *ctx, scion_optim *opt) {
  if (opt == NULL) return;
  scion_optim_state_clear(ctx, opt);
  for (int32_t g = 0; g < opt->n_groups; g++) {
    scion_optim_group *group = &opt->groups[g];
    for (int32_t i = 0; i < group->n; i++) scion_tensor_free(ctx, group->slots[i].param);
    scion__free(ctx, group->slots, (size_t)group->n * sizeof *group->slots);
  }
  scion__free(ctx, opt->groups, (size_t)opt->n_groups * sizeof *opt->groups);
  scion__lbfgs_free(ctx, opt->lbfgs);
  scion__free(ctx, opt, sizeof *opt);
}

const char *scion_optim_kind(const scion_optim *opt) { return opt->rule->kind; }
int32_t scion_optim_group_count(const scion_optim *opt) { return opt->n_groups; }
int32_t scion_optim_param_count(const scion_optim *opt, int32_t group) {
  return group >= 0 && group < opt->n_groups ? opt->groups[group].n : 0;
}
scion_tensor *scion_optim_param_get(const scion_optim *opt, int32_t group, int32_t i) {
  return i >= 0 && i < scion_optim_param_count(opt, group) ? opt->groups[group].slots[i].param : NULL;
}

/* ---- options ------------------------------------------------------------------------------------------ */

static scion_status find_option(scion_context *ctx, const scion_optim *opt, int32_t group, const char *name, int32_t *out) {
  const scion_optim_rule *rule = opt->rule;
  if (group < SCION_OPTIM_DEFAULTS || group >= opt->n_groups) {
    return scion_fail(ctx, SCION_EINDEX, "%s: no parameter group %d (there are %d)", rule->kind, group, opt->n_groups);
  }
  *out = scion__optim_option(rule, name);
  if (*out >= 0) return SCION_OK;
  char known[256];
  known_options(rule, known, sizeof known);
  return scion_fail(ctx, SCION_EINVAL, "%s: unknown option '%s' (known: %s)", rule->kind, name == NULL ? "(null)" : name, known);
}

/* Options that only make sense together. */
static scion_status check_together(scion_context *ctx, const scion_optim_rule *rule, const double *o) {
  if (strcmp(rule->kind, "sgd") == 0 && o[scion__optim_option(rule, "nesterov")] != 0 &&
      (!(o[scion__optim_option(rule, "momentum")] > 0) || o[scion__optim_option(rule, "dampening")] != 0)) {
    return scion_fail(ctx, SCION_EINVAL, "sgd: nesterov needs momentum above 0 and dampening 0 (got momentum %g, dampening %g)",
                      o[scion__optim_option(rule, "momentum")], o[scion__optim_option(rule, "dampening")]);
  }
  return SCION_OK;
}

scion_status scion_optim_set(scion_context *ctx, scion_optim *opt, int32_t group, const char *name, double value) {
  int32_t i;
  SCION_TRY(find_option(ctx, opt, group, name, &i));
  const scion_optim_option *o = &opt->rule->options[i];
  bool whole = !(o->is_flag || o->is_integer) || value == floor(value);
  if (!(value >= o->min && value <= o->max) || (o->open_max && value == o->max) || !whole) {
    if (o->is_flag) return scion_fail(ctx, SCION_EINVAL, "%s: option '%s' is a flag, 0 or 1 (got %g)", opt->rule->kind, name, value);
    if (o->min == 0 && o->max == INFINITY) {
      return scion_fail(ctx, SCION_EINVAL, "%s: option '%s' must be a finite number of at least 0 (got %g)", opt->rule->kind, name, value);
    }
    return scion_fail(ctx, SCION_EINVAL, "%s: option '%s' must be %s%g <= %s %s %g (got %g)", opt->rule->kind, name,
                      o->is_integer ? "a whole number, " : "", o->min, name, o->open_max ? "<" : "<=", o->max, value);
  }
  (group < 0 ? opt->defaults : opt->groups[group].options)[i] = value;
  return SCION_OK;
}

scion_status scion_optim_get(scion_context *ctx, const scion_optim *opt, int32_t group, const char *name, double *out) {
  int32_t i;
  *out = 0;
  SCION_TRY(find_option(ctx, opt, group, name, &i));
  *out = (group < 0 ? opt->defaults : opt->groups[group].options)[i];
  return SCION_OK;
}

scion_status scion__optim_not_busy(scion_context *ctx, const scion_optim *opt, const char *what) {
  if (!opt->busy) return SCION_OK;
  return scion_fail(ctx, SCION_ESTATE, "%s: a closure must not %s the optimiser that calls it", opt->rule->kind, what);
}

/* ---- parameters --------------------------------------------------------------------------------------- */

static bool has_param(const scion_optim *opt, const scion_tensor *t) {
  for (int32_t g = 0; g < opt->n_groups; g++) {
    for (int32_t i = 0; i < opt->groups[g].n; i++) {
      if (opt->groups[g].slots[i].param == t) return true;
    }
  }
  return false;
}

static scion_status check_params(scion_context *ctx, const scion_optim *opt, scion_tensor *const *params, int32_t n) {
  const char *kind = opt->rule->kind;
  char brief[SCION_SHAPE_TEXT];
  if (n <= 0) return scion_fail(ctx, SCION_EINVAL, "%s: a parameter group needs at least one parameter", kind);
  bool any = false;
  for (int32_t i = 0; i < n; i++) {
    scion_tensor *t = params[i];
    if (t == NULL) return scion_fail(ctx, SCION_EINVAL, "%s: parameter %d is missing", kind, i + 1);
    if (!scion__is_float(t->dtype)) {
      return scion_fail(ctx, SCION_EDTYPE, "%s: parameter %d is %s; only f32 and f64 can be optimised", kind, i + 1, scion__tensor_brief(brief, t));
    }
    if (t->grad_fn != NULL) {
      return scion_fail(ctx, SCION_EINVAL, "%s: parameter %d, %s, was computed by '%s'; only leaves can be optimised (detach it first)", kind, i + 1,
                        scion__tensor_brief(brief, t), scion_grad_fn_name(t));
    }
    if (t->expanded) {
      return scion_fail(ctx, SCION_EINVAL, "%s: parameter %d, %s, is an expanded view and cannot be written", kind, i + 1, scion__tensor_brief(brief, t));
    }
    any = any || t->requires_grad;
    bool twice = has_param(opt, t);
    for (int32_t k = 0; k < i && !twice; k++) twice = params[k] == t;
    if (twice) return scion_fail(ctx, SCION_EINVAL, "%s: parameter %d, %s, is given twice", kind, i + 1, scion__tensor_brief(brief, t));
  }
  if (!any) {
    return scion_fail(ctx, SCION_EINVAL, "%s: none of the %d parameters requires a gradient (t:requires_grad_(true) makes one trainable)", kind, n);
  }
  return check_together(ctx, opt->rule, opt->defaults);
}

scion_status scion_optim_add(scion_context *ctx, scion_optim *opt, scion_tensor *const *params, int32_t n, int32_t *group) {
  if (group != NULL) *group = -1;
  SCION_TRY(scion__optim_not_busy(ctx, opt, "add parameters to"));
  SCION_TRY(check_params(ctx, opt, params, n));
  if (opt->lbfgs != NULL) {
    if (opt->n_groups > 0) return scion_fail(ctx, SCION_EINVAL, "lbfgs: takes one group of parameters only");
    for (int32_t i = 1; i < n; i++) {
      if (params[i]->dtype != params[0]->dtype) {
        return scion_fail(ctx, SCION_EDTYPE, "lbfgs: all parameters must have one dtype (parameter %d is %s, the first %s)", i + 1,
                          scion_dtype_name(params[i]->dtype), scion_dtype_name(params[0]->dtype));
      }
    }
  }
  scion_optim_slot *slots = scion__calloc(ctx, (size_t)n * sizeof *slots);
  if (slots == NULL) return SCION_ENOMEM;
  scion_optim_group *groups = scion__alloc(ctx, (size_t)(opt->n_groups + 1) * sizeof *groups);
  if (groups == NULL) {
    scion__free(ctx, slots, (size_t)n * sizeof *slots);
    return SCION_ENOMEM;
  }
  for (int32_t i = 0; i < n; i++) {
    slots[i].param = scion_tensor_ref(params[i]);
    slots[i].mu_product = 1;
  }
  if (opt->n_groups > 0) memcpy(groups, opt->groups, (size_t)opt->n_groups * sizeof *groups);
  scion__free(ctx, opt->groups, (size_t)opt->n_groups * sizeof *groups);
  opt->groups = groups;
  scion_optim_group *fresh = &groups[opt->n_groups];
  memcpy(fresh->options, opt->defaults, sizeof fresh->options);
  fresh->slots = slots;
  fresh->n = n;
  if (group != NULL) *group = opt->n_groups;
  opt->n_groups++;
  return SCION_OK;
}

void scion_optim_zero_grad(scion_context *ctx, scion_optim *opt) {
  for (int32_t g = 0; g < opt->n_groups; g++) {
    for (int32_t i = 0; i < opt->groups[g].n; i++) scion_set_grad(ctx, opt->groups[g].slots[i].param, NULL);
  }
}

scion_status scion__optim_grad(scion_context *ctx, const char *who, scion_tensor *param, scion_tensor **out) {
  *out = NULL;
  scion_tensor *g = scion_get_grad(param);
  if (g == NULL) return SCION_OK;
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  if (g->dtype != param->dtype || !scion__same_shape(g, param)) {
    return scion_fail(ctx, SCION_ESHAPE, "%s: the gradient is %s but its parameter %s", who, scion__tensor_brief(a, g), scion__tensor_brief(b, param));
  }
  return scion__tensor_packed(ctx, g, out);
}

/* ---- a step ------------------------------------------------------------------------------------------- */

typedef struct step_job { /* one parameter */
  scion_optim_slot *slot;
  scion_tensor *grad, *packed; /* packed: the parameter's elements in order */
  const double *options;
  int64_t first_chunk;
  double h[SCION_H_COUNT];
} step_job;
typedef struct step_jobs { step_job *jobs; int32_t n; int32_t update; } step_jobs;

static void update_chunk(void *ud, int64_t chunk) {
  const step_jobs *all = ud;
  int32_t lo = 0, hi = all->n - 1;
  while (lo < hi) { /* the last job that starts at or before the chunk */
    int32_t mid = lo + (hi - lo + 1) / 2;
    if (all->jobs[mid].first_chunk <= chunk) lo = mid;
    else hi = mid - 1;
  }
  const step_job *j = &all->jobs[lo];
  int64_t begin = (chunk - j->first_chunk) * CHUNK, n = scion__min(CHUNK, j->packed->numel - begin);
  if (n <= 0) return;
  int64_t offset = begin * (int64_t)scion_dtype_size(j->packed->dtype);
  void *state[SCION_OPTIM_MAX_STATE];
  for (int32_t k = 0; k < SCION_OPTIM_MAX_STATE; k++) state[k] = j->slot->state[k] == NULL ? NULL : j->slot->state[k]->data + offset;
  scion__k->optim_update(all->update, j->packed->dtype == SCION_F64, n, j->packed->data + offset, j->grad->data + offset, state, j->h);
}

static double option(const scion_optim_rule *rule, const double *options, const char *name) {
  int32_t i = scion__optim_option(rule, name);
  return i < 0 ? 0 : options[i];
}

/* The state that the options ask for; made as zeros (adagrad: its start). */
static scion_status make_state(scion_context *ctx, const scion_optim_rule *rule, const double *options, scion_optim_slot *slot) {
  for (int32_t k = 0; k < SCION_OPTIM_MAX_STATE; k++) {
    bool wanted = rule->state[k] != NULL && (rule->needs[k] == NULL || option(rule, options, rule->needs[k]) != 0);
    if (!wanted || slot->state[k] != NULL) continue;
    SCION_TRY(scion_tensor_new(ctx, (scion_dtype)slot->param->dtype, slot->param->n_dims, slot->param->shape, &slot->state[k]));
    if (rule->update == SCION_UPDATE_ADAGRAD) {
      double start = option(rule, options, "initial_accumulator_value");
      if (start != 0) scion__tensor_fill(ctx, slot->state[k], start);
    }
    if (k == 0) slot->fresh = true;
  }
  return SCION_OK;
}

static scion_status prepare(scion_context *ctx, scion_optim *opt, step_jobs *all, int64_t *chunks, int64_t *elements) {
  const scion_optim_rule *rule = opt->rule;
  for (int32_t g = 0; g < opt->n_groups; g++) {
    scion_optim_group *group = &opt->groups[g];
    SCION_TRY(check_together(ctx, rule, group->options));
    for (int32_t i = 0; i < group->n; i++) {
      scion_optim_slot *slot = &group->slots[i];
      if (!slot->param->requires_grad) continue;
      step_job *j = &all->jobs[all->n];
      *j = (step_job){ .slot = slot, .options = group->options, .first_chunk = *chunks };
      SCION_TRY(scion__optim_grad(ctx, rule->kind, slot->param, &j->grad));
      if (j->grad == NULL) continue;
      all->n++; /* from here on release() knows it */
      SCION_TRY(scion__tensor_packed(ctx, slot->param, &j->packed));
      SCION_TRY(make_state(ctx, rule, group->options, slot));
      rule->numbers(group->options, slot, j->h);
      *chunks += (j->packed->numel + CHUNK - 1) / CHUNK;
      *elements += j->packed->numel;
    }
  }
  return SCION_OK;
}

static scion_status plain_step(scion_context *ctx, scion_optim *opt) {
  int32_t capacity = 0;
  for (int32_t g = 0; g < opt->n_groups; g++) capacity += opt->groups[g].n;
  if (capacity == 0) return SCION_OK;
  step_jobs all = { scion__alloc(ctx, (size_t)capacity * sizeof(step_job)), 0, opt->rule->update };
  if (all.jobs == NULL) return SCION_ENOMEM;
  int64_t chunks = 0, elements = 0;
  scion_status st = prepare(ctx, opt, &all, &chunks, &elements);
  if (st == SCION_OK) {
    if (elements <= SERIAL) for (int64_t i = 0; i < chunks; i++) update_chunk(&all, i);
    else scion__parallel(ctx, chunks, update_chunk, &all);
    for (int32_t i = 0; i < all.n; i++) {
      step_job *j = &all.jobs[i];
      scion_optim_slot *slot = j->slot;
      if (j->packed->storage != slot->param->storage) scion__tensor_copy_into(ctx, slot->param, j->packed);
      scion_tensor_touch(slot->param);
      slot->step++;
      slot->fresh = false;
      if (opt->rule->has_mu) slot->mu_product = j->h[SCION_H_FLAG];
    }
  }
  for (int32_t i = 0; i < all.n; i++) {
    scion_tensor_free(ctx, all.jobs[i].grad);
    scion_tensor_free(ctx, all.jobs[i].packed);
  }
  scion__free(ctx, all.jobs, (size_t)capacity * sizeof(step_job));
  return st;
}

scion_status scion_optim_step(scion_context *ctx, scion_optim *opt, scion_closure closure, void *ud, double *loss) {
  if (loss != NULL) *loss = NAN;
  SCION_TRY(scion__optim_not_busy(ctx, opt, "step"));
  if (opt->lbfgs != NULL) {
    opt->busy = true;
    scion_status st = scion__lbfgs_step(ctx, opt, closure, ud, loss);
    opt->busy = false;
    return st;
  }
  if (closure != NULL) {
    double value = NAN;
    SCION_TRY(closure(ctx, ud, &value));
    if (loss != NULL) *loss = value;
  }
  return plain_step(ctx, opt);
}

/* ---- state ------------------------------------------------------------------------------------------- */

int32_t scion_optim_state_count(const scion_optim *opt) {
  if (opt->lbfgs != NULL) return scion__lbfgs_state_count(opt->lbfgs);
  int32_t n = opt->rule->counts + opt->rule->has_mu;
  for (int32_t k = 0; k < SCION_OPTIM_MAX_STATE; k++) n += opt->rule->state[k] != NULL;
  return n;
}

const char *scion_optim_state_name(const scion_optim *opt, int32_t i, char name[SCION_OPTIM_NAME], int32_t *is_number) {
  const scion_optim_rule *rule = opt->rule;
  *is_number = 0;
  if (opt->lbfgs != NULL) return scion__lbfgs_state_name(opt->lbfgs, i, name, is_number);
  const char *found = NULL;
  for (int32_t k = 0; k < SCION_OPTIM_MAX_STATE && found == NULL; k++) {
    if (rule->state[k] != NULL && i-- == 0) found = rule->state[k];
  }
  if (found == NULL) {
    *is_number = 1;
    if (rule->counts && i-- == 0) found = "step";
    else if (rule->has_mu && i == 0) found = "mu_product";
  }
  if (found == NULL) return NULL;
  snprintf(name, SCION_OPTIM_NAME, "%s", found);
  return name;
}

static scion_status find_slot(scion_context *ctx, const scion_optim *opt, int32_t group, int32_t param, scion_optim_slot **out) {
  if (group < 0 || group >= opt->n_groups || param < 0 || param >= opt->groups[group].n) {
    return scion_fail(ctx, SCION_EINDEX, "%s: there is no parameter %d in group %d", opt->rule->kind, param, group);
  }
  *out = &opt->groups[group].slots[param];
  return SCION_OK;
}
static int32_t state_index(const scion_optim_rule *rule, const char *name) {
  for (int32_t k = 0; k < SCION_OPTIM_MAX_STATE; k++) {
    if (rule->state[k] != NULL && strcmp(rule->state[k], name) == 0) return k;
  }
  return -1;
}
static scion_status no_state(scion_context *ctx, const scion_optim *opt, const char *name) {
  return scion_fail(ctx, SCION_EINVAL, "%s: has no state called '%s'", opt->rule->kind, name);
}

scion_status scion_optim_state_get(scion_context *ctx, const scion_optim *opt, int32_t group, int32_t param, const char *name,
                                   scion_tensor **tensor, double *number) {
  *tensor = NULL;
  *number = NAN;
  scion_optim_slot *slot = NULL;
  SCION_TRY(find_slot(ctx, opt, group, param, &slot));
  if (opt->lbfgs != NULL) {
    if (group != 0 || param != 0) return SCION_OK;
    scion_status st = scion__lbfgs_state_get(opt->lbfgs, name, tensor, number);
    return st == SCION_OK ? st : no_state(ctx, opt, name);
  }
  int32_t k = state_index(opt->rule, name);
  if (k >= 0) {
    if (!slot->fresh) *tensor = slot->state[k];
    return SCION_OK;
  }
  if (opt->rule->counts && strcmp(name, "step") == 0) {
    if (slot->step > 0) *number = (double)slot->step;
    return SCION_OK;
  }
  if (opt->rule->has_mu && strcmp(name, "mu_product") == 0) {
    if (slot->step > 0) *number = slot->mu_product;
    return SCION_OK;
  }
  return no_state(ctx, opt, name);
}

scion_status scion_optim_state_set(scion_context *ctx, scion_optim *opt, int32_t group, int32_t param, const char *name,
                                   scion_tensor *tensor, double number) {
  SCION_TRY(scion__optim_not_busy(ctx, opt, "set the state of"));
  scion_optim_slot *slot = NULL;
  SCION_TRY(find_slot(ctx, opt, group, param, &slot));
  if (opt->lbfgs != NULL) return scion__lbfgs_state_set(ctx, opt, name, tensor, number);
  int32_t k = state_index(opt->rule, name);
  if (k >= 0) {
    char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
    if (tensor == NULL) return scion_fail(ctx, SCION_EINVAL, "%s: state '%s' must be a tensor", opt->rule->kind, name);
    if (tensor->dtype != slot->param->dtype || !scion__same_shape(tensor, slot->param)) {
      return scion_fail(ctx, SCION_ESHAPE, "%s: state '%s' is %s but its parameter %d of group %d is %s", opt->rule->kind, name,
                        scion__tensor_brief(a, tensor), param + 1, group + 1, scion__tensor_brief(b, slot->param));
    }
    scion_tensor *copy;
    SCION_TRY(scion__tensor_alloc(ctx, tensor->dtype, tensor->n_dims, tensor->shape, &copy));
    scion__tensor_copy_into(ctx, copy, tensor);
    scion_tensor_free(ctx, slot->state[k]);
    slot->state[k] = copy;
    if (k == 0) slot->fresh = false;
    return SCION_OK;
  }
  bool is_step = opt->rule->counts && strcmp(name, "step") == 0;
  if (!is_step && !(opt->rule->has_mu && strcmp(name, "mu_product") == 0)) return no_state(ctx, opt, name);
  if (is_step && !(number >= 0 && number < 0x1p53 && number == floor(number))) {
    return scion_fail(ctx, SCION_EINVAL, "%s: state 'step' must be a whole number of at least 0 (got %g)", opt->rule->kind, number);
  }
  if (!is_step && !(number >= 0 && number <= 1)) {
    return scion_fail(ctx, SCION_EINVAL, "%s: state 'mu_product' must be within 0 .. 1 (got %g)", opt->rule->kind, number);
  }
  if (is_step) slot->step = (int64_t)number;
  else slot->mu_product = number;
  return SCION_OK;
}
