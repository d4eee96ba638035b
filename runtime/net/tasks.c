/* tasks.c: a net run for many tasks at once. The items of T tasks stand one task after the other in the batch dimension, and
 * an entry given from outside may carry one value per task in front. Layers that read no such entry treat items
 * independently and run as they are; linear becomes a batched product, convolution a grouped one, batch norm sees the
 * channels of every task as channels of its own. All of it is ops, so gradients of any order follow. */
#include "net.h"

typedef struct {
  scion_x x;
  const net_node *node;
  const scion_op *op;
  bool training;
  int64_t tasks;
  scion_tensor *in[SCION_MAX_INPUTS];
  bool own[SCION_MAX_INPUTS]; /* one value per task */
  int32_t n_in;
  char *params;
} call;

/* (T * N, C, ...) to (N, T * C, ...) and back: tasks move between items and channels. */
static scion_tensor *swap_tasks(call *c, scion_tensor *t, bool to_channels) {
  if (t == NULL || c->x.status != SCION_OK) return NULL;
  int64_t shape[SCION_MAX_DIMS] = { 0 }, order[SCION_MAX_DIMS] = { 1, 0, 2 };
  int32_t n = t->n_dims, lead = to_channels ? 0 : 1; /* the dimension that holds the tasks now */
  if (n + 1 > SCION_MAX_DIMS) {
    c->x.status = scion_fail(c->x.ctx, SCION_EUNSUPPORTED, "too many dimensions for a run over tasks");
    return NULL;
  }
  for (int32_t d = 0, k = 0; d < n; d++) {
    if (d == lead) shape[k++] = c->tasks;
    shape[k++] = d == lead ? t->shape[d] / c->tasks : t->shape[d];
  }
  for (int32_t d = 3; d < n + 1; d++) order[d] = d;
  t = x_permute(&c->x, x_reshape(&c->x, t, n + 1, shape), n + 1, order); /* (T, N, C) <-> (N, T, C) */
  if (t == NULL) return NULL;
  int32_t k = 0;
  for (int32_t d = 0; d < n + 1; d++) {
    if (d == (to_channels ? 2 : 1)) shape[k - 1] *= t->shape[d];
    else shape[k++] = t->shape[d];
  }
  return x_reshape(&c->x, t, n, shape);
}

/* An entry of all tasks, merged into its first dimension: (T * C, ...); a shared one is repeated. */
static scion_tensor *merged(call *c, int32_t i) {
  scion_tensor *t = i < c->n_in ? c->in[i] : NULL;
  if (t == NULL || c->x.status != SCION_OK) return NULL;
  int64_t shape[SCION_MAX_DIMS];
  int32_t n = t->n_dims;
  if (!c->own[i]) {
    scion__reshape_params p = { .shape = { .n = n + 1 } };
    p.shape.v[0] = c->tasks;
    for (int32_t d = 0; d < n; d++) p.shape.v[d + 1] = t->shape[d];
    t = scion__x1(&c->x, &scion__op_expand, &p, t);
    if (t == NULL) return NULL;
    n++;
  }
  shape[0] = t->shape[0] * t->shape[1];
  for (int32_t d = 2; d < n; d++) shape[d - 1] = t->shape[d];
  return x_reshape(&c->x, t, n - 1, shape);
}

/* (T, values...) seen against items (T, N, ...): ones between the tasks and the values. */
static scion_tensor *against_items(call *c, scion_tensor *t, int32_t n_dims) {
  if (t == NULL || c->x.status != SCION_OK) return NULL;
  int64_t shape[SCION_MAX_DIMS];
  int32_t between = n_dims + 1 - t->n_dims;
  if (between < 1 || n_dims + 1 > SCION_MAX_DIMS) {
    c->x.status = scion_fail(c->x.ctx, SCION_EUNSUPPORTED, "its values per task have too many dimensions for its items");
    return NULL;
  }
  shape[0] = c->tasks;
  for (int32_t d = 1; d <= between; d++) shape[d] = 1;
  for (int32_t d = 1; d < t->n_dims; d++) shape[between + d] = t->shape[d];
  return x_reshape(&c->x, t, n_dims + 1, shape);
}
static scion_tensor *items_by_task(call *c, scion_tensor *t) {
  if (t == NULL || c->x.status != SCION_OK) return NULL;
  int64_t shape[SCION_MAX_DIMS] = { c->tasks, t->shape[0] / c->tasks };
  for (int32_t d = 1; d < t->n_dims; d++) shape[d + 1] = t->shape[d];
  return x_reshape(&c->x, t, t->n_dims + 1, shape);
}

/* ---- rules ----------------------------------------------------------------------------------------------------- */

static bool is_conv(const scion_op *op) { return op == &scion__op_conv1d || op == &scion__op_conv2d || op == &scion__op_conv3d; }

static scion_tensor *run_linear(call *c) {
  if (!c->own[1]) { /* a bias per task alone */
    scion_tensor *y = scion__x2(&c->x, &scion__op_linear, NULL, c->in[0], c->in[1]);
    if (y == NULL) return NULL;
    return x_reshape_like(&c->x, x_add(&c->x, items_by_task(c, y), against_items(c, c->in[2], y->n_dims)), y);
  }
  scion_tensor *b = c->n_in > 2 ? c->in[2] : NULL;
  if (b != NULL && !c->own[2]) {
    scion__reshape_params p = { .shape = { .n = 2, .v = { c->tasks, b->shape[0] } } };
    b = scion__x1(&c->x, &scion__op_expand, &p, b);
  }
  return scion__x_call(&c->x, c->op, NULL, b != NULL ? 3 : 2, (scion_tensor *[]){ c->in[0], c->in[1], b });
}

static scion_tensor *run_conv(call *c) {
  const scion_param *groups = net__param(c->op, "groups");
  *(int64_t *)(void *)(c->params + groups->offset) *= c->tasks;
  scion_tensor *in[3] = { swap_tasks(c, c->in[0], true), merged(c, 1), merged(c, 2) };
  return swap_tasks(c, scion__x_call(&c->x, c->op, c->params, in[2] != NULL ? 3 : 2, in), false);
}

/* Statistics are each task's own. Running ones are used in evaluation; in training they move only where every task has its own. */
static scion_tensor *run_batch_norm(call *c) {
  enum { MEAN = 3, VAR = 4 };
  bool running = c->n_in > VAR && c->in[MEAN] != NULL && c->in[VAR] != NULL;
  bool moved = running && c->own[MEAN] && c->own[VAR];
  bool used = running && (!c->training || moved);
  scion_tensor *in[5] = { swap_tasks(c, c->in[0], true), merged(c, 1), merged(c, 2), used ? merged(c, MEAN) : NULL, used ? merged(c, VAR) : NULL };
  return swap_tasks(c, scion__x_call(&c->x, c->op, c->params, 5, in), false);
}

/* Normalisation within items, then each task's scale and shift. `channels`: the values belong to dimension 1, not to the last ones. */
static scion_tensor *run_item_norm(call *c, bool channels) {
  scion_tensor *plain[SCION_MAX_INPUTS] = { c->in[0] };
  scion_tensor *y = scion__x_call(&c->x, c->op, c->params, 1, plain);
  for (int32_t i = 1; i <= 2 && y != NULL; i++) {
    scion_tensor *t = i < c->n_in ? c->in[i] : NULL;
    if (t == NULL) continue;
    if (channels) {
      int64_t shape[SCION_MAX_DIMS] = { 0 };
      int32_t n = t->n_dims;
      for (int32_t d = 0; d < n; d++) shape[d] = t->shape[d];
      for (int32_t d = 2; d < y->n_dims; d++) shape[n++] = 1;
      t = x_reshape(&c->x, t, n, shape);
    }
    scion_tensor *items = items_by_task(c, y);
    if (c->own[i]) t = against_items(c, t, y->n_dims);
    items = i == 1 ? x_mul(&c->x, items, t) : x_add(&c->x, items, t);
    y = x_reshape_like(&c->x, items, y);
  }
  return y;
}

/* Two operands by NumPy's rules, one of them a value per task. */
static scion_tensor *run_binary(call *c) {
  int32_t mine = c->own[0] ? 0 : 1;
  scion_tensor *items = c->in[1 - mine], *pair[2];
  pair[mine] = against_items(c, c->in[mine], items->n_dims);
  pair[1 - mine] = items_by_task(c, items);
  scion_tensor *y = scion__x_call(&c->x, c->op, c->params, 2, pair);
  if (y == NULL) return NULL;
  int64_t shape[SCION_MAX_DIMS] = { y->shape[0] * y->shape[1] };
  for (int32_t d = 2; d < y->n_dims; d++) shape[d - 1] = y->shape[d];
  return x_reshape(&c->x, y, y->n_dims - 1, shape);
}

/* Does a parameter that names dimensions name the first one, where the items of all tasks stand? */
static bool along_items(const call *c) {
  int32_t n = c->n_in > 0 && c->in[0] != NULL ? c->in[0]->n_dims : 0;
  if (c->op == &scion__op_permute) return ((const scion__permute_params *)(const void *)c->params)->dims.v[0] != 0;
  for (int32_t i = 0; i < c->op->info.n_params; i++) {
    const scion_param *p = &c->op->info.params[i];
    if (!(p->flags & SCION_PF_INDEX)) continue;
    if (p->type == SCION_P_INT) {
      int64_t v = *(const int64_t *)(const void *)(c->params + p->offset);
      if (v == 0 || v == -n) return true;
    } else if (p->type == SCION_P_INTS) {
      const scion_ints *v = (const scion_ints *)(const void *)(c->params + p->offset);
      if (v->n <= 0) return true; /* all of them */
      for (int32_t k = 0; k < v->n; k++)
        if (v->v[k] == 0 || v->v[k] == -n) return true;
    }
  }
  return false;
}

scion_status net__run_tasks(scion_context *ctx, const net_node *node, bool training, int64_t tasks, int32_t n_in, scion_tensor *const *in,
                            const bool *own, scion_tensor **out) {
  if (node->op == NULL || n_in > SCION_MAX_INPUTS) {
    return net__blame(ctx, node, scion_fail(ctx, SCION_EUNSUPPORTED, "%s cannot run over several tasks at once; run one task after the other",
                                            node->op == NULL ? "a function" : node->op->info.name));
  }
  _Alignas(16) char params[NET_MAX_PARAMS];
  call c = { .node = node, .op = node->op, .training = training, .tasks = tasks, .n_in = n_in, .params = params };
  const scion_op *op = node->op;
  bool any = false;
  if (node->params != NULL) memcpy(params, node->params, op->info.params_size);
  else scion_params_init(op, params);
  if (node->training_offset >= 0) *(int32_t *)(void *)(params + node->training_offset) = training;
  int64_t items = 0;
  for (int32_t i = 0; i < n_in; i++) {
    c.in[i] = in[i];
    c.own[i] = own[i];
    any = any || own[i];
    if (in[i] != NULL && node->in[i] >= 0 && !own[i] && in[i]->n_dims > 0 && items == 0) items = in[i]->shape[0];
  }
  if (c.in[0] != NULL && !own[0] && (c.in[0]->n_dims == 0 || c.in[0]->shape[0] % tasks != 0)) {
    char t[SCION_SHAPE_TEXT];
    return net__blame(ctx, node, scion_fail(ctx, SCION_ESHAPE, "%s does not divide among %lld tasks", scion__tensor_brief(t, c.in[0]), (long long)tasks));
  }
  scion_tensor *y = NULL;
  scion__x_init(&c.x, ctx);
  bool handled = true;
  if (op == &scion__op_batch_norm && (any || training || n_in < 4 || c.in[3] == NULL)) y = run_batch_norm(&c);
  else if (!any) handled = false;
  else if (op == &scion__op_linear && !own[0]) y = run_linear(&c);
  else if (is_conv(op) && !own[0]) y = run_conv(&c);
  else if ((op == &scion__op_layer_norm || op == &scion__op_rms_norm) && !own[0]) y = run_item_norm(&c, false);
  else if ((op == &scion__op_group_norm || op == &scion__op_instance_norm) && !own[0]) y = run_item_norm(&c, true);
  else if (n_in == 2 && op->info.n_inputs == 2 && (op->info.inputs[1].flags & SCION_SF_NUMBER) && own[0] != own[1]) y = run_binary(&c);
  else c.x.status = scion_fail(ctx, SCION_EUNSUPPORTED, "%s has no rule for values per task; run one task after the other", op->info.name);
  if (handled) {
    out[0] = scion__x_keep(&c.x, y);
    scion_status st = scion__x_done(&c.x);
    return st == SCION_OK ? st : net__blame(ctx, node, st);
  }
  scion__x_done(&c.x);
  if (along_items(&c)) {
    return net__blame(ctx, node, scion_fail(ctx, SCION_EUNSUPPORTED, "%s works along the first dimension, where the items of all tasks stand; run one task after the other",
                                            op->info.name));
  }
  SCION_TRY(net__run_node(ctx, node, training, NULL, n_in, in, out));
  bool kept = out[0]->n_dims > 0 && (items == 0 || out[0]->shape[0] == c.in[0]->shape[0]);
  if (kept) return SCION_OK;
  for (int32_t i = 0; i < node->n_out; i++) {
    scion_tensor_free(ctx, out[i]);
    out[i] = NULL;
  }
  return net__blame(ctx, node, scion_fail(ctx, SCION_EUNSUPPORTED, "%s does not keep the items of the tasks apart; run one task after the other", op->info.name));
}
