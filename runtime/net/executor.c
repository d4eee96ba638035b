/* executor.c: plans: the order of work for a list of wanted values, with the last use of every value. A fused plan
 * (evaluation without gradients) also folds batch norm into the convolution or linear layer before
 * it and lets that op apply the activation after it. Folded weights are kept with the storage versions
 * of what they were made from. Plans are cached in the net and dropped by every edit. */
#include <math.h>

#include "net.h"

int32_t net__slot(const scion_op *op, const char *name) {
  for (int32_t i = 0; i < op->info.n_inputs; i++)
    if (strcmp(op->info.inputs[i].name, name) == 0) return i;
  return -1;
}
const scion_param *net__param(const scion_op *op, const char *name) {
  for (int32_t i = 0; i < op->info.n_params; i++)
    if (strcmp(op->info.params[i].name, name) == 0) return &op->info.params[i];
  return NULL;
}

void net__plan_free(scion_context *ctx, net_plan *plan) {
  if (plan == NULL || --plan->refs > 0) return;
  for (int32_t i = 0; i < plan->n_folds; i++) {
    scion_tensor_free(ctx, plan->folds[i].weight);
    scion_tensor_free(ctx, plan->folds[i].bias);
  }
  scion__free(ctx, plan->wanted, (size_t)(plan->n_wanted + 1) * sizeof *plan->wanted);
  scion__free(ctx, plan->steps, (size_t)(plan->n_steps + 1) * sizeof *plan->steps);
  scion__free(ctx, plan->dead, (size_t)(plan->n_values + 1) * sizeof *plan->dead);
  scion__free(ctx, plan->folds, (size_t)(plan->n_folds + 1) * sizeof *plan->folds);
  scion__free(ctx, plan, sizeof *plan);
}

/* ---- fusion ------------------------------------------------------------------------------------ */

/* The one marked reader of a node's only output, when nothing else wants that output. */
static const net_node *only_reader(const scion_net *net, const net_node *n, const int32_t *n_uses, const int32_t *reader) {
  if (n->n_out != 1 || n_uses[n->out[0]] != 1) return NULL;
  return net__node(net, reader[n->out[0]]);
}

static bool is_entry(const scion_net *net, const net_node *n, int32_t slot, bool optional) {
  if (slot < 0 || slot >= n->n_in || n->in[slot] < 0) return optional && slot >= 0;
  return net__value_entry(net, n->in[slot]) != NULL;
}

/* Layers whose output channels are dimension 0 of their weight. */
static bool takes_folding(const scion_net *net, const net_node *n) {
  static const char *const names[] = { "conv1d", "conv2d", "conv3d", "linear" };
  bool known = false;
  for (int32_t i = 0; n->op != NULL && i < SCION_COUNT(names); i++) known = known || strcmp(n->op->info.name, names[i]) == 0;
  return known && is_entry(net, n, net__slot(n->op, "weight"), false) && is_entry(net, n, net__slot(n->op, "bias"), true);
}

static bool is_foldable_norm(const scion_net *net, const net_node *n, int32_t value) {
  if (n->op == NULL || strcmp(n->op->info.name, "batch_norm") != 0 || n->mode == 1) return false;
  const net_value *v = &net->values[value];
  const scion_tensor *weight = net__value_entry(net, ((const net_node *)v->item)->in[net__slot(((const net_node *)v->item)->op, "weight")])->tensor;
  static const char *const slots[] = { "running_mean", "running_var", "weight", "bias" };
  if (n->in[0] != value || net__param(n->op, "eps") == NULL) return false;
  for (int32_t i = 0; i < 4; i++) {
    int32_t slot = net__slot(n->op, slots[i]);
    if (!is_entry(net, n, slot, i >= 2)) return false;
    if (slot >= n->n_in || n->in[slot] < 0) continue;
    const scion_tensor *t = net__value_entry(net, n->in[slot])->tensor;
    if (t->n_dims != 1 || weight->n_dims < 2 || t->shape[0] != weight->shape[0] || t->dtype != weight->dtype) return false;
  }
  return true;
}

/* The op's own activation parameter can stand for the node `act`: its position among the choices, or -1. act NULL: is it free? */
static int32_t own_activation(const net_node *n, const net_node *act) {
  const scion_param *p = net__param(n->op, "activation");
  if (p == NULL || p->type != SCION_P_ENUM) return -1;
  if (*(const int32_t *)(const void *)((const char *)n->params + p->offset) != (int32_t)p->def) return -1; /* has one already */
  if (act == NULL) return 0;
  if (act->op == NULL || act->n_in != 1 || act->op->info.n_params > 0) return -1;
  for (int32_t i = 0; p->choices[i] != NULL; i++)
    if (strcmp(p->choices[i], act->op->info.name) == 0) return i;
  return -1;
}

/* The node adds, to a convolution's result, a value that is there before the convolution runs: that value, or -1. Shapes are known
 * only when it runs; call_fused falls back where they differ. */
static int32_t added_value(const scion_net *net, const net_node *n, const net_node *last, const net_node *next) {
  if (next == NULL || next->op == NULL || strcmp(next->op->info.name, "add") != 0 || next->n_in != 2 || net__slot(n->op, "plus") < 0) return -1;
  int32_t other = next->in[0] == last->out[0] ? next->in[1] : next->in[0], slot = net__slot(n->op, "plus");
  if (other < 0 || other == last->out[0] || (slot < n->n_in && n->in[slot] >= 0)) return -1;
  const net_node *producer = net__producer(net, other);
  return net->values[other].item->space == NET_INPUT || (producer != NULL && producer->item.pos < n->item.pos) ? other : -1;
}

static void fuse_step(const scion_net *net, net_plan *plan, net_step *step, const int32_t *n_uses, const int32_t *reader, bool *gone) {
  const net_node *n = step->node;
  if (takes_folding(net, n)) {
    const net_node *next = only_reader(net, n, n_uses, reader);
    if (next != NULL && is_foldable_norm(net, next, n->out[0])) {
      step->norm = step->last = next;
      step->fold = plan->n_folds++;
      gone[next->item.pos] = true;
    }
  }
  if (n->op != NULL) {
    const net_node *next = only_reader(net, step->last, n_uses, reader);
    int32_t plus = added_value(net, n, step->last, next);
    if (plus >= 0 && own_activation(n, NULL) >= 0) {
      step->add = step->last = next;
      step->plus = plus;
      gone[next->item.pos] = true;
      next = only_reader(net, step->last, n_uses, reader);
    }
    int32_t choice = next != NULL ? own_activation(n, next) : -1;
    if (choice >= 0) {
      step->act = step->last = next;
      step->act_choice = choice;
      gone[next->item.pos] = true;
    }
  }
}

/* ---- plans ------------------------------------------------------------------------------------- */

static scion_status make_plan(scion_context *ctx, const scion_net *net, net_plan *plan) {
  int32_t n_nodes = net->nodes.n, n_values = net->n_values;
  size_t bytes = (size_t)(n_values + 1) * 2 * sizeof(int32_t) + (size_t)(n_nodes + 1) * 2;
  char *block = scion__calloc(ctx, bytes);
  if (block == NULL) return SCION_ENOMEM;
  int32_t *n_uses = (int32_t *)(void *)block, *reader = n_uses + n_values + 1;
  bool *marks = (bool *)(reader + n_values + 1), *gone = marks + n_nodes + 1;
  net__mark(net, plan->n_wanted, plan->wanted, NULL, marks);
  for (int32_t i = 0; i < n_nodes; i++) {
    const net_node *n = net__node(net, i);
    for (int32_t j = 0; marks[i] && j < n->n_in; j++) {
      if (n->in[j] < 0) continue;
      n_uses[n->in[j]]++;
      reader[n->in[j]] = i;
    }
  }
  for (int32_t i = 0; i < plan->n_wanted; i++) n_uses[plan->wanted[i]] += 2; /* never fused away */
  int32_t most = 0;
  for (int32_t i = 0; i < n_nodes; i++) most += marks[i];
  plan->n_steps = most;
  plan->n_values = n_values;
  plan->steps = scion__calloc(ctx, (size_t)(most + 1) * sizeof *plan->steps);
  plan->dead = scion__calloc(ctx, (size_t)(n_values + 1) * sizeof *plan->dead);
  scion_status st = plan->steps != NULL && plan->dead != NULL ? SCION_OK : SCION_ENOMEM;
  int32_t n_steps = 0;
  for (int32_t i = 0; i < n_nodes && st == SCION_OK; i++) {
    if (!marks[i] || gone[i]) continue;
    net_step *step = &plan->steps[n_steps++];
    step->node = step->last = net__node(net, i);
    step->fold = -1;
    if (plan->fused) fuse_step(net, plan, step, n_uses, reader, gone);
  }
  if (st == SCION_OK && n_steps < most) { /* keep the block's size in n_steps: shrink by moving */
    net_step *fewer = scion__calloc(ctx, (size_t)(n_steps + 1) * sizeof *fewer);
    if (fewer == NULL) {
      st = SCION_ENOMEM;
    } else {
      memcpy(fewer, plan->steps, (size_t)n_steps * sizeof *fewer);
      scion__free(ctx, plan->steps, (size_t)(most + 1) * sizeof *plan->steps);
      plan->steps = fewer;
      plan->n_steps = n_steps;
    }
  }
  if (st == SCION_OK) {
    int32_t n_folds = plan->n_folds;
    plan->folds = scion__calloc(ctx, (size_t)(n_folds + 1) * sizeof *plan->folds);
    if (plan->folds == NULL) st = SCION_ENOMEM;
  }
  if (st != SCION_OK) {
    plan->n_folds = 0;
    if (plan->folds == NULL) plan->n_folds = -1; /* its block does not exist: nothing to size */
    scion__free(ctx, block, bytes);
    return st;
  }
  /* last uses, from the back: the first time a value is met is its last use */
  bool *seen = (bool *)n_uses;
  memset(seen, 0, (size_t)n_values + 1);
  for (int32_t i = 0; i < plan->n_wanted; i++) seen[plan->wanted[i]] = true;
  for (int32_t s = n_steps - 1; s >= 0; s--) {
    net_step *step = &plan->steps[s];
    step->first_dead = plan->n_dead;
    int32_t n_in = step->node->n_in;
    for (int32_t j = -(step->add != NULL); j < n_in + step->last->n_out; j++) {
      int32_t v = j < 0 ? step->plus : j < n_in ? step->node->in[j] : step->last->out[j - n_in];
      if (v < 0 || seen[v] || net->values[v].item->space != NET_NODE) continue;
      seen[v] = true;
      plan->dead[plan->n_dead++] = v;
    }
    step->n_dead = plan->n_dead - step->first_dead;
  }
  scion__free(ctx, block, bytes);
  return SCION_OK;
}

scion_status net__plan(scion_context *ctx, scion_net *net, int32_t n, const int32_t *wanted, bool fused, net_plan **out) {
  for (int32_t i = 0; i < NET_PLANS && net->plans[i] != NULL; i++) {
    net_plan *p = net->plans[i];
    if (p->fused != fused || p->n_wanted != n || (n > 0 && memcmp(p->wanted, wanted, (size_t)n * sizeof *wanted) != 0)) continue;
    for (; i > 0; i--) net->plans[i] = net->plans[i - 1];
    net->plans[0] = p;
    p->refs++;
    *out = p;
    return SCION_OK;
  }
  *out = NULL;
  net_plan *plan = scion__calloc(ctx, sizeof *plan);
  if (plan == NULL) return SCION_ENOMEM;
  plan->refs = 1;
  plan->fused = fused;
  plan->n_wanted = n;
  plan->wanted = scion__alloc(ctx, (size_t)(n + 1) * sizeof *wanted);
  scion_status st = SCION_ENOMEM;
  if (plan->wanted != NULL) {
    if (n > 0) memcpy(plan->wanted, wanted, (size_t)n * sizeof *wanted);
    st = make_plan(ctx, net, plan);
  }
  if (st != SCION_OK) {
    net__plan_free(ctx, plan);
    return st;
  }
  net__plan_free(ctx, net->plans[NET_PLANS - 1]);
  for (int32_t i = NET_PLANS - 1; i > 0; i--) net->plans[i] = net->plans[i - 1];
  net->plans[0] = plan;
  plan->refs++;
  *out = plan;
  return SCION_OK;
}

/* ---- batch norm into weights ------------------------------------------------------------------- */

static scion_tensor *slot_tensor(const scion_net *net, const net_node *n, const char *slot) {
  int32_t i = net__slot(n->op, slot);
  return i >= 0 && i < n->n_in && n->in[i] >= 0 ? net__value_entry(net, n->in[i])->tensor : NULL;
}

/* w' = w s, b' = (b - mean) s + beta with s = gamma / sqrt(var + eps), per output channel. */
static scion_status make_fold(scion_context *ctx, double eps, scion_tensor *const *parts, net_fold *fold) {
  scion_tensor *w = parts[0], *b = parts[1], *mean = parts[2], *var = parts[3], *gamma = parts[4], *beta = parts[5];
  scion_x x;
  scion__x_init(&x, ctx);
  scion_tensor *s = scion__x1(&x, &scion__op_rsqrt, NULL, x_adds(&x, var, eps));
  if (gamma != NULL) s = x_mul(&x, s, gamma);
  int64_t shape[SCION_MAX_DIMS] = { w->shape[0], 1, 1, 1, 1, 1, 1, 1 };
  scion_tensor *folded = x_mul(&x, w, x_reshape(&x, s, w->n_dims, shape));
  scion_tensor *shift = b != NULL ? x_sub(&x, b, mean) : x_neg(&x, mean);
  shift = x_mul(&x, shift, s);
  if (beta != NULL) shift = x_add(&x, shift, beta);
  scion_tensor *weight = scion__x_keep(&x, folded), *bias = scion__x_keep(&x, shift);
  scion_status st = scion__x_done(&x);
  if (st != SCION_OK) {
    scion_tensor_free(ctx, weight);
    scion_tensor_free(ctx, bias);
    return st;
  }
  scion_tensor_free(ctx, fold->weight);
  scion_tensor_free(ctx, fold->bias);
  fold->weight = weight;
  fold->bias = bias;
  return SCION_OK;
}

scion_status net__fold(scion_context *ctx, const scion_net *net, net_plan *plan, const net_step *step, scion_tensor **weight,
                       scion_tensor **bias) {
  net_fold *fold = &plan->folds[step->fold];
  scion_tensor *const parts[6] = { slot_tensor(net, step->node, "weight"), slot_tensor(net, step->node, "bias"),
                                   slot_tensor(net, step->norm, "running_mean"), slot_tensor(net, step->norm, "running_var"),
                                   slot_tensor(net, step->norm, "weight"), slot_tensor(net, step->norm, "bias") };
  bool fresh = fold->weight != NULL;
  for (int32_t i = 0; i < 6; i++) {
    if (parts[i] == NULL) continue;
    fresh = fresh && fold->storages[i] == (const void *)parts[i]->storage && fold->versions[i] == parts[i]->storage->version;
  }
  if (!fresh) {
    double eps = *(const double *)(const void *)((const char *)step->norm->params + net__param(step->norm->op, "eps")->offset);
    int was = scion_set_grad_enabled(ctx, 0);
    scion_status st = make_fold(ctx, eps, parts, fold);
    scion_set_grad_enabled(ctx, was);
    if (st != SCION_OK) return st;
    for (int32_t i = 0; i < 6; i++) {
      if (parts[i] == NULL) continue;
      fold->storages[i] = parts[i]->storage;
      fold->versions[i] = parts[i]->storage->version;
    }
  }
  *weight = fold->weight;
  *bias = fold->bias;
  return SCION_OK;
}
