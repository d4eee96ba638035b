/* params.c: parameters of an op by name, for code that fills in the ops of other families. */
#include "op.h"
#include "params.h"

void *scion__params(scion__room *room, const scion_op *op) {
  scion_params_init(op, room->p);
  return room->p;
}
static char *param_at(const scion_op *op, void *p, const char *name, scion_param_type *type) {
  for (int32_t i = 0; i < op->info.n_params; i++) {
    if (strcmp(op->info.params[i].name, name) != 0) continue;
    *type = op->info.params[i].type;
    return (char *)p + op->info.params[i].offset;
  }
  return NULL;
}
void scion__set_int(const scion_op *op, void *p, const char *name, int64_t v) {
  scion_param_type type;
  char *at = param_at(op, p, name, &type);
  if (at == NULL) return;
  if (type == SCION_P_INT) *(int64_t *)(void *)at = v;
  else if (type == SCION_P_INTS) *(scion_ints *)(void *)at = (scion_ints){ 1, { v } };
  else *(int32_t *)(void *)at = (int32_t)v;
}
void scion__set_float(const scion_op *op, void *p, const char *name, double v) {
  scion_param_type type;
  char *at = param_at(op, p, name, &type);
  if (at != NULL && type == SCION_P_FLOAT) *(double *)(void *)at = v;
}
void scion__set_ints(const scion_op *op, void *p, const char *name, const scion_ints *v) {
  scion_param_type type;
  char *at = param_at(op, p, name, &type);
  if (at != NULL && type == SCION_P_INTS && v->n >= 0) *(scion_ints *)(void *)at = *v;
}
scion_status scion__set_word(scion_context *ctx, const scion_op *op, void *p, const char *name, const char *word) {
  scion_value v = { .type = SCION_V_STRING, .s = word };
  for (int32_t i = 0; i < op->info.n_params; i++)
    if (strcmp(op->info.params[i].name, name) == 0) return scion_params_set(ctx, op, p, i, &v);
  return SCION_OK;
}
