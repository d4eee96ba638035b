/* record.c: writing the graph down (called by ops/apply.c through the context), and letting go of it. */
#include "node.h"

void scion__set_history(scion_tensor *t, scion_node *node, uint32_t index) {
  if (!scion__records(t) && t->storage != NULL) t->storage->n_recorded++;
  node->refs++;
  t->grad_fn = node;
  t->output_index = index;
}

void scion__autograd_move_history(scion_tensor *from, scion_tensor *to) {
  if (from->grad_fn == NULL) return;
  if (!scion__records(to)) to->storage->n_recorded++;
  to->grad_fn = from->grad_fn;
  to->output_index = from->output_index;
  from->grad_fn = NULL;
  if (!scion__records(from)) from->storage->n_recorded--;
}

static void free_hooks(scion_context *ctx, scion_hook *hook) {
  for (scion_hook *next; hook != NULL; hook = next) {
    next = hook->next;
    if (hook->release != NULL) hook->release(ctx, hook->ud);
    scion__free(ctx, hook, sizeof *hook);
  }
}

/* Called when the last handle goes. */
void scion__autograd_forget(scion_context *ctx, scion_tensor *t) {
  if (scion__records(t) && t->storage != NULL) t->storage->n_recorded--;
  t->requires_grad = false;
  scion_node *node = t->grad_fn;
  t->grad_fn = NULL;
  scion__node_unref(ctx, node);
  scion_autograd_meta *meta = t->meta;
  if (meta == NULL) return;
  t->meta = NULL;
  scion_tensor_free(ctx, meta->grad);
  free_hooks(ctx, meta->hooks);
  scion__free(ctx, meta, sizeof *meta);
}

void scion__node_release_kept(scion_context *ctx, scion_node *node) {
  for (int32_t i = 0; i < node->n_in; i++) {
    scion_tensor_free(ctx, node->in[i]);
    node->in[i] = NULL;
  }
  for (int32_t i = 0; i < node->n_out; i++) {
    scion_tensor_free(ctx, node->out[i]);
    node->out[i] = NULL;
  }
  node->released = true;
}

/* A chain of a million nodes must not recurse a million deep: nodes die through a list. */
void scion__node_unref(scion_context *ctx, scion_node *node) {
  if (node == NULL || --node->refs > 0) return;
  node->next = ctx->dead_nodes;
  ctx->dead_nodes = node;
  if (ctx->releasing) return;
  ctx->releasing = true;
  while (ctx->dead_nodes != NULL) {
    scion_node *dead = ctx->dead_nodes;
    ctx->dead_nodes = dead->next;
    scion__node_release_kept(ctx, dead);
    for (int32_t i = 0; i < dead->n_in; i++) {
      scion__node_unref(ctx, dead->edges[i].node);
      scion_tensor_free(ctx, dead->edges[i].leaf);
    }
    free_hooks(ctx, dead->hooks);
    if (dead->custom.release != NULL) dead->custom.release(ctx, dead->custom.ud);
    scion__free(ctx, dead, dead->bytes);
  }
  ctx->releasing = false;
}

static scion_node *node_new(scion_context *ctx, int32_t n_in, int32_t n_out, size_t params_size) {
  size_t head = (sizeof(scion_node) + 15) & ~(size_t)15, params = (params_size + 15) & ~(size_t)15;
  size_t bytes = head + params + (size_t)n_in * (sizeof(scion_edge) + sizeof(void *) + sizeof(uint64_t)) +
                 (size_t)n_out * (2 * sizeof(void *) + sizeof(uint64_t));
  scion_node *node = scion__calloc(ctx, bytes);
  if (node == NULL) return NULL;
  char *p = (char *)node + head;
  node->params = p;
  p += params;
  node->edges = (scion_edge *)(void *)p;
  p += (size_t)n_in * sizeof(scion_edge);
  node->in = (scion_tensor **)(void *)p;
  p += (size_t)n_in * sizeof(void *);
  node->in_version = (uint64_t *)(void *)p;
  p += (size_t)n_in * sizeof(uint64_t);
  node->out = (scion_tensor **)(void *)p;
  p += (size_t)n_out * sizeof(void *);
  node->grads = (scion_tensor **)(void *)p;
  p += (size_t)n_out * sizeof(void *);
  node->out_version = (uint64_t *)(void *)p;
  for (int32_t i = 0; i < n_in; i++) node->in_version[i] = SCION_NOT_KEPT;
  for (int32_t i = 0; i < n_out; i++) node->out_version[i] = SCION_NOT_KEPT;
  node->bytes = bytes;
  node->refs = 1;
  node->n_in = n_in;
  node->n_out = n_out;
  node->sequence = ctx->sequence++;
  return node;
}

static void connect(scion_edge *edge, scion_tensor *t) {
  if (t == NULL || !scion__is_float(t->dtype)) return;
  if (t->grad_fn != NULL) {
    edge->node = t->grad_fn;
    edge->node->refs++;
    edge->index = t->output_index;
  } else if (t->requires_grad) {
    edge->leaf = scion_tensor_ref(t);
  }
}

scion_status scion__autograd_record(scion_context *ctx, struct scion_call *c) {
  const scion_op *op = c->op;
  scion_node *node = node_new(ctx, c->n_in, c->n_out, op->info.params_size);
  if (node == NULL) return SCION_ENOMEM;
  node->op = op;
  if (op->info.params_size > 0) memcpy(node->params, c->params, op->info.params_size);
  uint32_t keeps = op->keeps;
  if (op->keeps_for != NULL && c->n_in <= SCION_MAX_INPUTS) {
    bool needs[SCION_MAX_INPUTS] = { false };
    for (int32_t i = 0; i < c->n_in; i++)
      needs[i] = c->in[i] != NULL && scion__records(c->in[i]) && scion__is_float(c->in[i]->dtype);
    keeps = op->keeps_for(c, needs);
  }
  if (op->grad == NULL && op->compose != NULL) keeps |= SCION_KEEP_ALL_IN; /* second order replays compose */
  bool all_in = (keeps & SCION_KEEP_ALL_IN) == SCION_KEEP_ALL_IN;
  scion_status st = SCION_OK;
  for (int32_t i = 0; i < c->n_in && st == SCION_OK; i++) {
    scion_tensor *t = c->in[i];
    if (t == NULL) continue;
    connect(&node->edges[i], t);
    if (all_in || (i < 16 && (keeps & SCION_KEEP_IN(i)))) {
      node->in[i] = scion_tensor_ref(t);
      node->in_version[i] = t->storage->version;
    } else {
      st = scion__tensor_shape_only(ctx, t->dtype, t->n_dims, t->shape, &node->in[i]);
    }
  }
  for (int32_t i = 0; i < c->n_out && st == SCION_OK; i++) {
    scion_tensor *t = c->out[i];
    if (t == NULL) continue;
    if (keeps & SCION_KEEP_OUT(i)) {
      st = scion__tensor_view(ctx, t, t->n_dims, t->shape, t->strides, 0, &node->out[i]);
      node->out_version[i] = t->storage->version;
    } else {
      st = scion__tensor_shape_only(ctx, t->dtype, t->n_dims, t->shape, &node->out[i]);
    }
  }
  if (st == SCION_OK) {
    for (int32_t i = 0; i < c->n_out; i++)
      if (c->out[i] != NULL && scion__is_float(c->out[i]->dtype)) scion__set_history(c->out[i], node, (uint32_t)i);
  }
  scion__node_unref(ctx, node);
  return st;
}

scion_status scion_record_custom(scion_context *ctx, const scion_custom *custom, scion_tensor *const *inputs,
                                 int32_t n_inputs, scion_tensor *const *outputs, int32_t n_outputs) {
  bool any = false;
  for (int32_t i = 0; i < n_inputs; i++) any = any || (inputs[i] != NULL && scion__records(inputs[i]));
  if (!ctx->grad_enabled || !any) {
    if (custom->release != NULL) custom->release(ctx, custom->ud);
    return SCION_OK;
  }
  for (int32_t i = 0; i < n_outputs; i++) {
    if (scion__records(outputs[i])) {
      return scion_fail(ctx, SCION_ESTATE, "%s: output %d already has a gradient history; compute it under no_grad", custom->name, i + ctx->index_base);
    }
    for (int32_t k = 0; k < n_inputs; k++) {
      if (inputs[k] == outputs[i]) return scion_fail(ctx, SCION_EINVAL, "%s: output %d is also an input; return a clone", custom->name, i + ctx->index_base);
    }
  }
  scion_node *node = node_new(ctx, n_inputs, n_outputs, 0);
  if (node == NULL) return SCION_ENOMEM;
  scion_status st = SCION_OK;
  for (int32_t i = 0; i < n_inputs && st == SCION_OK; i++) {
    if (inputs[i] == NULL) continue;
    connect(&node->edges[i], inputs[i]);
    st = scion__tensor_shape_only(ctx, inputs[i]->dtype, inputs[i]->n_dims, inputs[i]->shape, &node->in[i]);
  }
  for (int32_t i = 0; i < n_outputs && st == SCION_OK; i++) {
    st = scion__tensor_shape_only(ctx, outputs[i]->dtype, outputs[i]->n_dims, outputs[i]->shape, &node->out[i]);
  }
  if (st == SCION_OK) {
    node->custom = *custom;
    for (int32_t i = 0; i < n_outputs; i++) scion__set_history(outputs[i], node, (uint32_t)i);
  }
  scion__node_unref(ctx, node);
  return st;
}

/* ---- what a tensor knows ------------------------------------------------------------------------------ */

int scion_requires_grad(const scion_tensor *t) { return scion__records(t); }
int scion_is_leaf(const scion_tensor *t) { return t->grad_fn == NULL; }
const char *scion_grad_fn_name(const scion_tensor *t) {
  if (t->grad_fn == NULL) return NULL;
  return t->grad_fn->op != NULL ? t->grad_fn->op->info.name : t->grad_fn->custom.name;
}
int scion_grad_enabled(scion_context *ctx) { return ctx->grad_enabled; }
int scion_set_grad_enabled(scion_context *ctx, int on) {
  int old = ctx->grad_enabled;
  ctx->grad_enabled = on != 0;
  return old;
}

scion_status scion_set_requires_grad(scion_context *ctx, scion_tensor *t, int on) {
  if (t->grad_fn != NULL) {
    if (on) return SCION_OK;
    return scion_fail(ctx, SCION_ESTATE, "requires_grad: only a leaf can be switched off; use detach");
  }
  if (on && !scion__is_float(t->dtype)) {
    return scion_fail(ctx, SCION_EDTYPE, "requires_grad: only f32 and f64 tensors have gradients, this one is %s",
                      scion_dtype_name((scion_dtype)t->dtype));
  }
  if ((on != 0) != t->requires_grad && t->storage != NULL) t->storage->n_recorded += on ? 1 : -1;
  t->requires_grad = on != 0;
  return SCION_OK;
}

scion_status scion_detach(scion_context *ctx, scion_tensor *t, scion_tensor **out) {
  return scion__tensor_view(ctx, t, t->n_dims, t->shape, t->strides, 0, out);
}

static scion_autograd_meta *meta_of(scion_context *ctx, scion_tensor *t) {
  if (t->meta == NULL) t->meta = scion__calloc(ctx, sizeof *t->meta);
  return t->meta;
}
scion_tensor *scion_get_grad(scion_tensor *t) { return t->meta != NULL ? t->meta->grad : NULL; }
void scion_set_grad(scion_context *ctx, scion_tensor *t, scion_tensor *grad) {
  if (grad == NULL && t->meta == NULL) return;
  scion_autograd_meta *meta = meta_of(ctx, t);
  if (meta == NULL) return;
  scion_tensor_ref(grad);
  scion_tensor_free(ctx, meta->grad);
  meta->grad = grad;
}

scion_status scion_hook_add(scion_context *ctx, scion_tensor *t, scion_hook_fn fn, void *ud,
                            void (*release)(scion_context *ctx, void *ud), int64_t *id) {
  if (!scion__records(t)) return scion_fail(ctx, SCION_ESTATE, "register_hook: the tensor takes no part in a gradient");
  scion_hook **list;
  if (t->grad_fn != NULL) {
    list = &t->grad_fn->hooks;
  } else {
    if (meta_of(ctx, t) == NULL) return SCION_ENOMEM;
    list = &t->meta->hooks;
  }
  scion_hook *hook = scion__alloc(ctx, sizeof *hook);
  if (hook == NULL) return SCION_ENOMEM;
  *hook = (scion_hook){ NULL, (int64_t)ctx->sequence++, t->grad_fn != NULL ? t->output_index : 0, fn, ud, release };
  while (*list != NULL) list = &(*list)->next; /* called in the order of registration */
  *list = hook;
  if (id != NULL) *id = hook->id;
  return SCION_OK;
}
void scion_hook_remove(scion_context *ctx, scion_tensor *t, int64_t id) {
  scion_hook **list = t->grad_fn != NULL ? &t->grad_fn->hooks : t->meta != NULL ? &t->meta->hooks : NULL;
  for (; list != NULL && *list != NULL; list = &(*list)->next) {
    if ((*list)->id != id) continue;
    scion_hook *hook = *list;
    *list = hook->next;
    hook->next = NULL;
    free_hooks(ctx, hook);
    return;
  }
}
