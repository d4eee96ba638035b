/* optim.h: inside of runtime/optim. An optimiser is a kind (a row of tables: options, state, update), groups with
 * their own option values, and per parameter its state. */
#ifndef SCION_OPTIM_INTERNAL_H
#define SCION_OPTIM_INTERNAL_H

#include "../tensor/tensor.h"
#include "../kernels/kernels.h"

enum { SCION_OPTIM_MAX_OPTIONS = 12, SCION_OPTIM_MAX_STATE = 3 };

typedef struct scion_optim_slot { /* one parameter */
  scion_tensor *param;
  scion_tensor *state[SCION_OPTIM_MAX_STATE];
  int64_t step;      /* updates so far */
  double mu_product; /* nadam */
  bool fresh;        /* state[0] was made but not used yet */
} scion_optim_slot;

typedef struct scion_optim_group {
  double options[SCION_OPTIM_MAX_OPTIONS];
  scion_optim_slot *slots;
  int32_t n;
} scion_optim_group;

/* Numbers of one step of one parameter from the group's options. */
typedef void (*scion_optim_numbers_fn)(const double *options, scion_optim_slot *slot, double *h);

typedef struct scion_optim_rule {
  const char *kind;
  const scion_optim_option *options;
  int32_t n_options;
  int32_t update;                                /* SCION_UPDATE_*, -1: lbfgs */
  const char *state[SCION_OPTIM_MAX_STATE];      /* names; NULL: none */
  const char *needs[SCION_OPTIM_MAX_STATE];      /* option that must be nonzero for it, NULL: always */
  bool counts, has_mu;                           /* keep "step", "mu_product" */
  scion_optim_numbers_fn numbers;                /* h of the step that follows slot->step updates */
} scion_optim_rule;

typedef struct scion_lbfgs scion_lbfgs; /* lbfgs.c */

struct scion_optim {
  const scion_optim_rule *rule;
  double defaults[SCION_OPTIM_MAX_OPTIONS];
  scion_optim_group *groups;
  int32_t n_groups;
  scion_lbfgs *lbfgs;
  bool busy; /* inside a step: a closure may not change groups or state */
};

const scion_optim_rule *scion__optim_rule(const char *kind); /* NULL if unknown */
int32_t scion__optim_option(const scion_optim_rule *rule, const char *name); /* -1 if unknown */

scion_status scion__optim_not_busy(scion_context *ctx, const scion_optim *opt, const char *what); /* ESTATE while busy */

/* The gradient of `param`, packed, checked against it; NULL and OK when it has none. Owned. */
scion_status scion__optim_grad(scion_context *ctx, const char *who, scion_tensor *param, scion_tensor **out);

scion_status scion__lbfgs_new(scion_context *ctx, scion_lbfgs **out);
void scion__lbfgs_free(scion_context *ctx, scion_lbfgs *l);
void scion__lbfgs_clear(scion_context *ctx, scion_lbfgs *l);
scion_status scion__lbfgs_step(scion_context *ctx, scion_optim *opt, scion_closure closure, void *ud, double *loss);
int32_t scion__lbfgs_state_count(const scion_lbfgs *l);
const char *scion__lbfgs_state_name(const scion_lbfgs *l, int32_t i, char *name, int32_t *is_number);
scion_status scion__lbfgs_state_get(const scion_lbfgs *l, const char *name, scion_tensor **tensor, double *number);
scion_status scion__lbfgs_state_set(scion_context *ctx, scion_optim *opt, const char *name, scion_tensor *tensor, double number);

#endif
