/* scion_optim.h: optimisers; included by scion.h. PyTorch's names, defaults and formulas.
 *
 *   scion_optim *opt;
 *   scion_optim_new(ctx, "adam", &opt);
 *   scion_optim_set(ctx, opt, SCION_OPTIM_DEFAULTS, "lr", 0.01);
 *   scion_optim_add(ctx, opt, parameters, n, NULL);
 *   ... scion_optim_zero_grad; forward; scion_backward; scion_optim_step ...
 *
 * Kinds: sgd adam adamw rmsprop adagrad adadelta nadam adamax radam lbfgs. */
#ifndef SCION_OPTIM_H
#define SCION_OPTIM_H

#include "scion.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct scion_optim scion_optim;

typedef struct scion_optim_option {
  const char *name;
  double def, min, max;
  int32_t open_max; /* max itself is not allowed */
  int32_t is_flag;  /* 0 or 1 */
  int32_t is_integer;
  const char *doc;
} scion_optim_option;

SCION_API int32_t scion_optim_kind_count(void);
SCION_API const char *scion_optim_kind_at(int32_t i);
/* The options of a kind, in order; NULL and *n = 0 for an unknown kind. */
SCION_API const scion_optim_option *scion_optim_options(const char *kind, int32_t *n);

SCION_API scion_status scion_optim_new(scion_context *ctx, const char *kind, scion_optim **out);
SCION_API void scion_optim_free(scion_context *ctx, scion_optim *opt);
SCION_API const char *scion_optim_kind(const scion_optim *opt);

/* Options belong to groups; SCION_OPTIM_DEFAULTS names what groups added later start with. */
#define SCION_OPTIM_DEFAULTS (-1)
SCION_API scion_status scion_optim_set(scion_context *ctx, scion_optim *opt, int32_t group, const char *name, double value);
SCION_API scion_status scion_optim_get(scion_context *ctx, const scion_optim *opt, int32_t group, const char *name, double *out);
/* A new group of leaf parameters (shared references). They must be f32 or f64, at least one must require a gradient
 * (frozen ones are passed over), and none may be here already. */
SCION_API scion_status scion_optim_add(scion_context *ctx, scion_optim *opt, scion_tensor *const *params, int32_t n, int32_t *group);
SCION_API int32_t scion_optim_group_count(const scion_optim *opt);
SCION_API int32_t scion_optim_param_count(const scion_optim *opt, int32_t group);
SCION_API scion_tensor *scion_optim_param_get(const scion_optim *opt, int32_t group, int32_t i); /* borrowed */

/* One update of every parameter that has a gradient. lbfgs needs the closure: it clears the gradients,
 * computes the loss, runs backward and gives the loss; it is called several times. For other kinds it
 * is optional and called once, first. *loss (may be NULL): its first value. On failure nothing was
 * changed (lbfgs: the parameters are those of the last accepted point). */
typedef scion_status (*scion_closure)(scion_context *ctx, void *ud, double *loss);
SCION_API scion_status scion_optim_step(scion_context *ctx, scion_optim *opt, scion_closure closure, void *ud, double *loss);
SCION_API void scion_optim_zero_grad(scion_context *ctx, scion_optim *opt); /* drops the gradients */

/* State, for checkpoints. Entry i of 0..count-1 is a tensor or a number; entries not made yet are absent: *tensor
 * NULL and *number NaN. lbfgs keeps everything at group 0, parameter 0. */
#define SCION_OPTIM_NAME 32
SCION_API int32_t scion_optim_state_count(const scion_optim *opt);
SCION_API const char *scion_optim_state_name(const scion_optim *opt, int32_t i, char name[SCION_OPTIM_NAME], int32_t *is_number);
SCION_API scion_status scion_optim_state_get(scion_context *ctx, const scion_optim *opt, int32_t group, int32_t param,
                                             const char *name, scion_tensor **tensor, double *number); /* borrowed */
/* Copies the tensor; shape and dtype must be the parameter's. */
SCION_API scion_status scion_optim_state_set(scion_context *ctx, scion_optim *opt, int32_t group, int32_t param,
                                             const char *name, scion_tensor *tensor, double number);
SCION_API void scion_optim_state_clear(scion_context *ctx, scion_optim *opt);

/* Scales all gradients together so that their norm is at most max_norm. norm_type: 1, 2, any positive power, or
 * INFINITY. *total: the norm before. strict: a NaN or infinite norm is an error, otherwise it passes through. */
SCION_API scion_status scion_clip_grad_norm(scion_context *ctx, scion_tensor *const *params, int32_t n, double max_norm,
                                            double norm_type, int32_t strict, double *total);
SCION_API scion_status scion_clip_grad_value(scion_context *ctx, scion_tensor *const *params, int32_t n, double value);

/* averages[i] += weight * (values[i] - averages[i]): exponential (weight 1 - decay) and plain (1 / (k + 1)) averages. */
SCION_API scion_status scion_average_update(scion_context *ctx, scion_tensor *const *averages, scion_tensor *const *values,
                                            int32_t n, double weight);

#ifdef __cplusplus
}
#endif
#endif
