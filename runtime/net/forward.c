/* forward.c: runs a net. The meaning of a net is its nodes called in order through scion_apply, so gradients
 * of any order come by themselves; a plan gives the order, drops values after their last use and, where
 * no gradient is recorded, fuses steps and overwrites dead values in place. Messages name the layer. */
#include <stdio.h>

#include "net.h"

#define FEW 24 /* inputs of a node before the heap is asked */

scion_status net__blame(scion_context *ctx, const net_node *node, scion_status st) {
  if (st == SCION_ECANCELLED) return st;
  char old[sizeof ctx->message];
  memcpy(old, ctx->message, sizeof old);
  for (int32_t i = 0; i < node->attrs.n; i++) { /* made without its input's size, and run before it was known */
    if (strcmp(node->attrs.v[i].key, "deferred") != 0) continue;
    return scion_fail(ctx, st, "layer '%s' (%s) has no weights yet (net:materialise gives them, from the shape of an input): %s", node->item.name, node->type, old);
  }
  if (*node->item.name == 0) return scion_fail(ctx, st, "layer %s: %s", node->type, old);
  return scion_fail(ctx, st, "layer '%s' (%s): %s", node->item.name, node->type, old);
}

/* The parameter struct to call with: the node's own, or a copy in `room` with the mode filled in. */
static void *effective_params(const net_node *node, bool training, char *room) {
  if (node->training_offset < 0) return node->params;
  memcpy(room, node->params, node->op->info.params_size);
  *(int32_t *)(void *)(room + node->training_offset) = training;
  return room;
}

scion_status net__run_node(scion_context *ctx, const net_node *node, bool training, void *host, int32_t n_in, scion_tensor *const *in,
                           scion_tensor **out) {
  scion_status st;
  for (int32_t i = 0; i < node->n_out; i++) out[i] = NULL;
  if (node->op != NULL) {
    _Alignas(16) char room[NET_MAX_PARAMS];
    st = scion_apply(ctx, node->op, in, n_in, effective_params(node, training, room), out, node->n_out);
  } else {
    const net_custom *c = node->custom;
    scion_net_custom_call call = { node->item.name, c->config != NULL ? c->config : "", training, host, in, n_in, out, node->n_out };
    st = c->fn(ctx, c->ud, &call);
    if (st == SCION_OK) {
      for (int32_t i = 0; i < node->n_out && st == SCION_OK; i++)
        if (out[i] == NULL) st = scion_fail(ctx, SCION_ECALLBACK, "the function gave no output %d", i);
    }
    for (int32_t i = 0; i < node->n_out && st != SCION_OK; i++) {
      scion_tensor_free(ctx, out[i]);
      out[i] = NULL;
    }
  }
  return st == SCION_OK ? st : net__blame(ctx, node, st);
}

/* ---- one run ----------------------------------------------------------------------------------- */

typedef struct run_state {
  scion_context *ctx;
  scion_net *net;
  const scion_net_run *run;
  scion_tensor *const *inputs;
  scion_tensor **values;    /* of nodes, owned; by value id */
  scion_tensor **overrides; /* by entry position; NULL: none at all */
  bool record;              /* a gradient may be recorded */
} run_state;

/* The tensor of a value: borrowed. */
static scion_tensor *tensor_of(const run_state *r, int32_t v) {
  const net_item *item = r->net->values[v].item;
  switch (item->space) {
    case NET_NODE: return r->values[v];
    case NET_INPUT: return r->inputs[item->pos];
    case NET_ENTRY:
      if (r->overrides != NULL && r->overrides[item->pos] != NULL) return r->overrides[item->pos];
      return ((const net_entry *)item)->tensor;
  }
  return NULL;
}

/* May the step write its result over its first input? Only over a value that this run made, that nobody else
 * holds and that dies here; the other operands must not be larger. */
static bool can_overwrite(const run_state *r, const net_step *step, const net_plan *plan, scion_tensor *const *in, int32_t n_in) {
  const net_node *n = step->node;
  if (r->record || n->op == NULL || !(n->op->info.flags & SCION_OF_INPLACE) || (n->op->info.flags & SCION_OF_VIEW) || n_in == 0) return false;
  if (n->n_out != 1 || n->op->info.n_outputs != 1 || in[0] == NULL || n->in[0] < 0 || net__producer(r->net, n->in[0]) == NULL) return false;
  bool dies = false;
  for (int32_t i = 0; i < step->n_dead; i++) dies = dies || plan->dead[step->first_dead + i] == n->in[0];
  if (!dies || in[0]->refs != 1 || in[0]->expanded || scion__records(in[0]) || atomic_load(&in[0]->storage->refs) != 1) return false;
  for (int32_t i = 1; i < n_in; i++) {
    if (in[i] == NULL) continue;
    if (in[i]->dtype != in[0]->dtype || in[i] == in[0]) return false;
    if (in[i]->numel != 1 && !scion__same_shape(in[i], in[0])) return false;
    if (in[i]->numel == 1 && in[i]->n_dims > in[0]->n_dims) return false;
  }
  return true;
}

static scion_status missing(const run_state *r, const net_node *n, int32_t v) {
  return scion_fail(r->ctx, SCION_EINVAL, "net: input '%s' is missing, layer '%s' needs it", r->net->values[v].item->name, n->item.name);
}

/* Convolution (folded weights in `in`), addition and activation of a step one after the other. */
static scion_status call_apart(run_state *r, const net_step *step, int32_t n_in, scion_tensor *const *in, scion_tensor **out) {
  scion_tensor *sum[2], *value = NULL, *next = NULL;
  scion_status st = scion_apply(r->ctx, step->node->op, in, n_in, step->node->params, &value, 1);
  if (st != SCION_OK) return net__blame(r->ctx, step->node, st);
  for (int32_t i = 0; i < 2; i++) sum[i] = step->add->in[i] == step->plus ? tensor_of(r, step->plus) : value;
  st = net__run_node(r->ctx, step->add, false, r->run->host, 2, sum, &next);
  scion_tensor_free(r->ctx, value);
  if (st != SCION_OK || step->act == NULL) {
    out[0] = next;
    return st;
  }
  st = net__run_node(r->ctx, step->act, false, r->run->host, 1, &next, out);
  scion_tensor_free(r->ctx, next);
  return st;
}

static scion_status call_fused(run_state *r, net_plan *plan, const net_step *step, int32_t n_in, scion_tensor *const *in, scion_tensor **out) {
  const net_node *n = step->node;
  scion_tensor *own[SCION_MAX_INPUTS] = { NULL };
  _Alignas(16) char room[NET_MAX_PARAMS];
  void *params = n->params;
  for (int32_t i = 0; i < n_in; i++) own[i] = in[i];
  if (step->fold >= 0) {
    int32_t weight = net__slot(n->op, "weight"), bias = net__slot(n->op, "bias");
    scion_status st = net__fold(r->ctx, r->net, plan, step, &own[weight], &own[bias]);
    if (st != SCION_OK) return net__blame(r->ctx, step->norm, st);
    if (bias >= n_in) n_in = bias + 1;
  }
  if (step->act != NULL) {
    memcpy(room, n->params, n->op->info.params_size);
    *(int32_t *)(void *)(room + net__param(n->op, "activation")->offset) = step->act_choice;
    params = room;
  }
  if (step->add != NULL) {
    int32_t slot = net__slot(n->op, "plus");
    own[slot] = tensor_of(r, step->plus);
    if (own[slot] == NULL) return missing(r, step->add, step->plus);
    if (scion_apply(r->ctx, n->op, own, slot + 1, params, out, 1) == SCION_OK) return SCION_OK;
    return call_apart(r, step, n_in, own, out); /* a broadcast, or an error to be told as the layers' own */
  }
  scion_status st = scion_apply(r->ctx, n->op, own, n_in, params, out, 1);
  return st == SCION_OK ? st : net__blame(r->ctx, n, st);
}

/* Is the value an entry that was given with one value per task in front? */
static scion_status per_task(const run_state *r, int32_t v, bool *own) {
  const net_item *item = v >= 0 ? r->net->values[v].item : NULL;
  *own = false;
  if (item == NULL || item->space != NET_ENTRY || r->overrides == NULL || r->overrides[item->pos] == NULL) return SCION_OK;
  const scion_tensor *t = r->overrides[item->pos], *entry = ((const net_entry *)item)->tensor;
  if (t->n_dims != entry->n_dims + 1) return SCION_OK;
  *own = true;
  if (t->shape[0] == r->run->tasks) return SCION_OK;
  char shape[SCION_SHAPE_TEXT];
  return scion_fail(r->ctx, SCION_ESHAPE, "net: '%s' is %s, expected one value for each of the %lld tasks in front", item->name,
                    scion__tensor_brief(shape, t), (long long)r->run->tasks);
}

static scion_status run_node_for_tasks(run_state *r, const net_node *n, bool training, scion_tensor *const *in, scion_tensor **out) {
  bool few[FEW], *own = few;
  size_t bytes = (size_t)n->n_in * sizeof *own;
  if (n->n_in > FEW) {
    own = scion__alloc(r->ctx, bytes);
    if (own == NULL) return SCION_ENOMEM;
  }
  scion_status st = SCION_OK;
  for (int32_t i = 0; i < n->n_in && st == SCION_OK; i++) st = per_task(r, n->in[i], &own[i]);
  if (st == SCION_OK) st = net__run_tasks(r->ctx, n, training, r->run->tasks, n->n_in, in, own, out);
  if (own != few) scion__free(r->ctx, own, bytes);
  return st;
}

static scion_status run_step(run_state *r, net_plan *plan, const net_step *step) {
  scion_context *ctx = r->ctx;
  const net_node *n = step->node;
  scion_tensor *few[FEW], **in = few, *out[SCION_MAX_OUTPUTS] = { NULL };
  int32_t n_in = n->n_in;
  if (n_in > FEW) {
    in = scion__alloc(ctx, (size_t)n_in * sizeof *in);
    if (in == NULL) return SCION_ENOMEM;
  }
  scion_status st = SCION_OK;
  for (int32_t i = 0; i < n_in && st == SCION_OK; i++) {
    in[i] = n->in[i] >= 0 ? tensor_of(r, n->in[i]) : NULL;
    if (n->in[i] >= 0 && in[i] == NULL) {
      st = missing(r, n, n->in[i]);
    }
  }
  if (st == SCION_OK) {
    bool training = net__layer_training(r->net, n, r->run->mode);
    if (r->run->tasks > 0) {
      st = run_node_for_tasks(r, n, training, in, out);
    } else if (step->last != n) {
      st = call_fused(r, plan, step, n_in, in, out);
    } else {
      bool done = false;
      if (can_overwrite(r, step, plan, in, n_in)) {
        _Alignas(16) char room[NET_MAX_PARAMS];
        done = scion_apply_inplace(ctx, n->op, in, n_in, effective_params(n, training, room)) == SCION_OK;
        if (done) out[0] = scion_tensor_ref(in[0]);
      }
      if (!done) st = net__run_node(ctx, n, training, r->run->host, n_in, in, out);
    }
  }
  if (in != few) scion__free(ctx, in, (size_t)n->n_in * sizeof *in);
  if (st == SCION_OK && r->run->hook != NULL) {
    st = r->run->hook(ctx, r->run->ud, n->item.pos, out, n->n_out);
    if (st != SCION_OK) st = net__blame(ctx, n, st);
  }
  for (int32_t i = 0; i < step->last->n_out; i++) {
    if (st == SCION_OK) r->values[step->last->out[i]] = out[i];
    else scion_tensor_free(ctx, out[i]);
  }
  for (int32_t i = 0; i < step->n_dead && st == SCION_OK; i++) {
    int32_t v = plan->dead[step->first_dead + i];
    scion_tensor_free(ctx, r->values[v]);
    r->values[v] = NULL;
  }
  return st;
}

/* ---- checks ------------------------------------------------------------------------------------ */

static scion_status check_input(scion_context *ctx, const net_input *in, const scion_tensor *t) {
  const scion_net_shape *want = &in->shape;
  bool ok = want->dtype < 0 || want->dtype == t->dtype;
  if (want->n_dims >= 0) {
    ok = ok && want->n_dims == t->n_dims;
    for (int32_t d = 0; ok && d < want->n_dims; d++) ok = want->shape[d] < 0 || want->shape[d] == t->shape[d];
  }
  if (ok) return SCION_OK;
  char got[SCION_SHAPE_TEXT], expected[SCION_SHAPE_TEXT] = "any shape";
  if (want->n_dims >= 0) scion__shape_text(expected, want->n_dims, want->shape);
  return scion_fail(ctx, want->dtype >= 0 && want->dtype != t->dtype ? SCION_EDTYPE : SCION_ESHAPE,
                    "net: input '%s' is %s, expected %s%s%s (-1: any size)", in->item.name, scion__tensor_brief(got, t),
                    want->dtype >= 0 ? scion_dtype_name((scion_dtype)want->dtype) : "", want->dtype >= 0 ? " " : "", expected);
}

static bool anything_records(const run_state *r, int32_t n_inputs) {
  if (!scion_grad_enabled(r->ctx)) return false;
  for (int32_t i = 0; i < n_inputs; i++)
    if (r->inputs[i] != NULL && scion__records(r->inputs[i])) return true;
  for (int32_t i = 0; i < r->net->entries.n; i++)
    if (scion__records(r->overrides != NULL && r->overrides[i] != NULL ? r->overrides[i] : net__entry(r->net, i)->tensor)) return true;
  return false;
}

static scion_status set_overrides(run_state *r, size_t bytes) {
  const scion_net_run *run = r->run;
  r->overrides = scion__calloc(r->ctx, bytes);
  if (r->overrides == NULL) return SCION_ENOMEM;
  for (int32_t i = 0; i < run->n_overrides; i++) {
    int32_t k = run->override_entries[i];
    if (k < 0 || k >= r->net->entries.n || run->override_tensors[i] == NULL) {
      return scion_fail(r->ctx, SCION_EINVAL, "net: override %d is for entry %d, the net has %d", i, k, r->net->entries.n);
    }
    r->overrides[k] = run->override_tensors[i];
  }
  return SCION_OK;
}

scion_status scion_net_forward(scion_context *ctx, scion_net *net, scion_tensor *const *inputs, int32_t n_inputs,
                               const scion_net_run *run, scion_tensor **outputs, int32_t n_outputs) {
  static const scion_net_run defaults = SCION_NET_RUN_INIT;
  if (run == NULL) run = &defaults;
  for (int32_t i = 0; i < n_outputs; i++) outputs[i] = NULL;
  int32_t n_wanted = run->n_outputs > 0 ? run->n_outputs : net->n_outputs;
  const int32_t *wanted = run->n_outputs > 0 ? run->outputs : net->outputs;
  if (n_outputs > n_wanted) return scion_fail(ctx, SCION_EINVAL, "net: %d outputs are asked for, it has %d", n_outputs, n_wanted);
  for (int32_t i = 0; i < n_wanted; i++) {
    if (!net__value_ok(net, wanted[i])) return scion_fail(ctx, SCION_EINVAL, "net: output %d is value %d, which does not exist", i, wanted[i]);
  }
  if (n_inputs != net->inputs.n) {
    return scion_fail(ctx, SCION_EINVAL, "net: %d inputs given, it has %d%s%s%s", n_inputs, net->inputs.n, net->inputs.n > 0 ? " ('" : "",
                      net->inputs.n > 0 ? net__input(net, 0)->item.name : "", net->inputs.n > 1 ? "', ...)" : net->inputs.n > 0 ? "')" : "");
  }
  for (int32_t i = 0; i < n_inputs; i++)
    if (inputs[i] != NULL) SCION_TRY(check_input(ctx, net__input(net, i), inputs[i]));

  run_state r = { ctx, net, run, inputs, NULL, NULL, true };
  size_t value_bytes = (size_t)(net->n_values + 1) * sizeof *r.values, entry_bytes = (size_t)(net->entries.n + 1) * sizeof *r.overrides;
  net_plan *plan = NULL;
  scion_status st = SCION_OK;
  scion_net_ref(net);
  net->running++;
  if (run->n_overrides > 0) st = set_overrides(&r, entry_bytes);
  if (st == SCION_OK) {
    r.record = anything_records(&r, n_inputs) || run->plan == 0;
    bool eval = run->mode >= 0 ? run->mode == 0 : !net->training;
    st = net__plan(ctx, net, n_wanted, wanted, !r.record && eval && run->n_overrides == 0 && run->hook == NULL && run->tasks <= 0, &plan);
  }
  if (st == SCION_OK) {
    r.values = scion__calloc(ctx, value_bytes);
    if (r.values == NULL) st = SCION_ENOMEM;
  }
  for (int32_t s = 0; st == SCION_OK && s < plan->n_steps; s++) st = run_step(&r, plan, &plan->steps[s]);
  for (int32_t i = 0; i < n_outputs && st == SCION_OK; i++) {
    scion_tensor *t = tensor_of(&r, wanted[i]);
    if (t == NULL) st = scion_fail(ctx, SCION_EINVAL, "net: input '%s' is missing", net->values[wanted[i]].item->name);
    else outputs[i] = scion_tensor_ref(t);
  }
  if (r.values != NULL) {
    for (int32_t i = 0; i < net->n_values; i++)
      if (r.values[i] != NULL) scion_tensor_free(ctx, r.values[i]);
    scion__free(ctx, r.values, value_bytes);
  }
  for (int32_t i = 0; i < n_outputs && st != SCION_OK; i++) {
    scion_tensor_free(ctx, outputs[i]);
    outputs[i] = NULL;
  }
  if (r.overrides != NULL) scion__free(ctx, r.overrides, entry_bytes);
  net__plan_free(ctx, plan);
  net->running--;
  scion_net_free(ctx, net);
  return st;
}
