/* graph.c: the structure of a net: building, looking, editing. Invariants: nodes stand in an order in which
 * they can run; every id in a node's inputs and in the outputs is a live value; positions in items
 * are their places in the lists. Every function checks and allocates before it changes anything. */
#include <stdio.h>

#include "net.h"

/* ---- small parts ------------------------------------------------------------------------------- */

static scion_status list_room(scion_context *ctx, net_list *list) {
  if (list->n < list->cap) return SCION_OK;
  int32_t cap = list->cap == 0 ? 8 : list->cap * 2;
  void **v = scion__alloc(ctx, (size_t)cap * sizeof *v);
  if (v == NULL) return SCION_ENOMEM;
  if (list->n > 0) memcpy(v, list->v, (size_t)list->n * sizeof *v);
  scion__free(ctx, list->v, (size_t)list->cap * sizeof *v);
  list->v = v;
  list->cap = cap;
  return SCION_OK;
}

static scion_status values_room(scion_context *ctx, scion_net *net, int32_t more) {
  if (net->n_values + more <= net->values_cap) return SCION_OK;
  int32_t cap = net->values_cap == 0 ? 32 : net->values_cap * 2;
  while (cap < net->n_values + more) cap *= 2;
  net_value *v = scion__alloc(ctx, (size_t)cap * sizeof *v);
  if (v == NULL) return SCION_ENOMEM;
  if (net->n_values > 0) memcpy(v, net->values, (size_t)net->n_values * sizeof *v);
  scion__free(ctx, net->values, (size_t)net->values_cap * sizeof *v);
  net->values = v;
  net->values_cap = cap;
  return SCION_OK;
}

static void list_remove(net_list *list, int32_t pos) {
  for (int32_t i = pos + 1; i < list->n; i++) {
    list->v[i - 1] = list->v[i];
    ((net_item *)list->v[i - 1])->pos = i - 1;
  }
  list->n--;
}

/* Numbers, names and lists a filled-in item; on failure nothing has changed. */
static scion_status enter(scion_context *ctx, scion_net *net, net_list *list, net_item *item) {
  SCION_TRY(list_room(ctx, list));
  item->pos = list->n;
  SCION_TRY(net__index_add(ctx, net, item));
  list->v[list->n++] = item;
  return SCION_OK;
}

static int32_t new_value(scion_net *net, net_item *item, int32_t slot) {
  net->values[net->n_values] = (net_value){ item, slot };
  return net->n_values++;
}

scion_status net__editable(scion_context *ctx, const scion_net *net) {
  if (net->running == 0) return SCION_OK;
  return scion_fail(ctx, SCION_ESTATE, "net: it cannot be edited while it runs (from a hook or a layer of its own)");
}

void net__changed(scion_context *ctx, scion_net *net) {
  for (int32_t i = 0; i < NET_PLANS; i++) {
    net__plan_free(ctx, net->plans[i]);
    net->plans[i] = NULL;
  }
}

static void custom_free(scion_context *ctx, net_custom *c) {
  if (c == NULL || --c->refs > 0) return;
  if (c->free != NULL) c->free(ctx, c->ud);
  scion__strfree(ctx, c->name);
  scion__strfree(ctx, c->config);
  scion__free(ctx, c, sizeof *c);
}

static void node_free(scion_context *ctx, net_node *n) {
  if (n == NULL) return;
  scion__strfree(ctx, n->item.name);
  scion__strfree(ctx, n->type);
  custom_free(ctx, n->custom);
  if (n->params != NULL) scion__free(ctx, n->params, n->op->info.params_size);
  if (n->in != NULL) scion__free(ctx, n->in, (size_t)(n->n_in + n->n_out) * sizeof *n->in);
  net__attrs_free(ctx, &n->attrs);
  scion__free(ctx, n, sizeof *n);
}

static void entry_free(scion_context *ctx, net_entry *e) {
  if (e == NULL) return;
  scion__strfree(ctx, e->item.name);
  scion_tensor_free(ctx, e->tensor);
  scion__free(ctx, e, sizeof *e);
}

static void input_free(scion_context *ctx, net_input *in) {
  if (in == NULL) return;
  scion__strfree(ctx, in->item.name);
  scion__free(ctx, in, sizeof *in);
}

/* ---- life -------------------------------------------------------------------------------------- */

scion_status scion_net_new(scion_context *ctx, scion_net **out) {
  *out = NULL;
  scion_net *net = scion__calloc(ctx, sizeof *net);
  if (net == NULL) return SCION_ENOMEM;
  net->refs = 1;
  net->training = true;
  *out = net;
  return SCION_OK;
}

scion_net *scion_net_ref(scion_net *net) {
  net->refs++;
  return net;
}

/* Forgets everything added after a state of the net, for edits that fail half way. */
void net__truncate(scion_context *ctx, scion_net *net, int32_t n_inputs, int32_t n_entries, int32_t n_nodes, int32_t n_values) {
  while (net->nodes.n > n_nodes) {
    net_node *n = net->nodes.v[--net->nodes.n];
    net__index_remove(net, &n->item);
    node_free(ctx, n);
  }
  while (net->entries.n > n_entries) {
    net_entry *e = net->entries.v[--net->entries.n];
    net__index_remove(net, &e->item);
    entry_free(ctx, e);
  }
  while (net->inputs.n > n_inputs) {
    net_input *in = net->inputs.v[--net->inputs.n];
    net__index_remove(net, &in->item);
    input_free(ctx, in);
  }
  net->n_values = n_values;
}

void scion_net_free(scion_context *ctx, scion_net *net) {
  if (net == NULL || --net->refs > 0) return;
  net__changed(ctx, net);
  for (int32_t i = 0; i < net->nodes.n; i++) node_free(ctx, net->nodes.v[i]);
  for (int32_t i = 0; i < net->entries.n; i++) entry_free(ctx, net->entries.v[i]);
  for (int32_t i = 0; i < net->inputs.n; i++) input_free(ctx, net->inputs.v[i]);
  net_list *const lists[] = { &net->nodes, &net->entries, &net->inputs };
  for (int32_t i = 0; i < 3; i++) scion__free(ctx, lists[i]->v, (size_t)lists[i]->cap * sizeof(void *));
  scion__free(ctx, net->values, (size_t)net->values_cap * sizeof *net->values);
  scion__free(ctx, net->outputs, (size_t)net->n_outputs * sizeof *net->outputs);
  scion__free(ctx, net->index, (size_t)net->index_cap * sizeof *net->index);
  net__attrs_free(ctx, &net->attrs);
  scion__free(ctx, net, sizeof *net);
}

/* ---- building ---------------------------------------------------------------------------------- */

static scion_status check_description(scion_context *ctx, const char *name, int32_t dtype, int32_t n_dims, const int64_t *shape) {
  if (dtype < -1 || dtype >= SCION_DTYPE_COUNT) return scion_fail(ctx, SCION_EDTYPE, "net:add_input: '%s' has an unknown dtype %d", name, dtype);
  if (n_dims < -1 || n_dims > SCION_MAX_DIMS) {
    return scion_fail(ctx, SCION_ESHAPE, "net:add_input: '%s' has %d dimensions, expected at most %d", name, n_dims, SCION_MAX_DIMS);
  }
  for (int32_t d = 0; d < n_dims; d++) {
    if (shape[d] < -1) return scion_fail(ctx, SCION_ESHAPE, "net:add_input: '%s' has a dimension of %lld", name, (long long)shape[d]);
  }
  return SCION_OK;
}
scion_status scion_net_describe_input(scion_context *ctx, scion_net *net, int32_t input, int32_t dtype, int32_t n_dims, const int64_t *shape) {
  if (input < 0 || input >= net->inputs.n) return scion_fail(ctx, SCION_EINDEX, "net:describe_input: position %d, the net has %d", input, net->inputs.n);
  SCION_TRY(net__editable(ctx, net));
  net_input *in = net__input(net, input);
  SCION_TRY(check_description(ctx, in->item.name, dtype, n_dims, shape));
  in->shape.dtype = dtype;
  in->shape.n_dims = n_dims;
  for (int32_t d = 0; d < n_dims; d++) in->shape.shape[d] = shape[d];
  net__changed(ctx, net);
  return SCION_OK;
}
scion_status scion_net_add_input(scion_context *ctx, scion_net *net, const char *name, int32_t dtype, int32_t n_dims,
                                 const int64_t *shape, int32_t *value) {
  if (value != NULL) *value = -1;
  SCION_TRY(net__editable(ctx, net));
  SCION_TRY(net__check_name(ctx, net, NET_INPUT, name, "net:add_input"));
  SCION_TRY(check_description(ctx, name, dtype, n_dims, shape));
  SCION_TRY(values_room(ctx, net, 1));
  net_input *in = scion__calloc(ctx, sizeof *in);
  if (in == NULL) return SCION_ENOMEM;
  in->item.space = NET_INPUT;
  in->shape.dtype = dtype;
  in->shape.n_dims = n_dims;
  for (int32_t d = 0; d < n_dims; d++) in->shape.shape[d] = shape[d];
  in->item.name = scion__strdup(ctx, name);
  scion_status st = in->item.name == NULL ? SCION_ENOMEM : enter(ctx, net, &net->inputs, &in->item);
  if (st != SCION_OK) {
    input_free(ctx, in);
    return st;
  }
  in->value = new_value(net, &in->item, 0);
  if (value != NULL) *value = in->value;
  net__changed(ctx, net);
  return SCION_OK;
}

scion_status scion_net_add_entry(scion_context *ctx, scion_net *net, const char *name, scion_entry_kind kind, scion_tensor *tensor,
                                 int32_t *value) {
  if (value != NULL) *value = -1;
  SCION_TRY(net__editable(ctx, net));
  SCION_TRY(net__check_name(ctx, net, NET_ENTRY, name, "net:add_entry"));
  if (tensor == NULL) return scion_fail(ctx, SCION_EINVAL, "net:add_entry: '%s' has no tensor", name);
  if (kind == SCION_ENTRY_PARAM && !scion__is_float(tensor->dtype)) {
    return scion_fail(ctx, SCION_EDTYPE, "net:add_entry: parameter '%s' is %s, expected f32 or f64", name,
                      scion_dtype_name((scion_dtype)tensor->dtype));
  }
  SCION_TRY(values_room(ctx, net, 1));
  net_entry *e = scion__calloc(ctx, sizeof *e);
  if (e == NULL) return SCION_ENOMEM;
  e->item.space = NET_ENTRY;
  e->kind = kind;
  e->item.name = scion__strdup(ctx, name);
  scion_status st = e->item.name == NULL ? SCION_ENOMEM : enter(ctx, net, &net->entries, &e->item);
  if (st != SCION_OK) {
    entry_free(ctx, e);
    return st;
  }
  e->tensor = scion_tensor_ref(tensor);
  e->value = new_value(net, &e->item, 0);
  if (value != NULL) *value = e->value;
  net__changed(ctx, net);
  return SCION_OK;
}

static scion_status check_node(scion_context *ctx, const scion_net *net, const char *name, const char *type, int32_t n_inputs,
                               const int32_t *inputs) {
  SCION_TRY(net__editable(ctx, net));
  SCION_TRY(net__check_name(ctx, net, NET_NODE, name, "net:add_node"));
  if (type != NULL && strlen(type) >= 128) return scion_fail(ctx, SCION_EINVAL, "net:add_node: the type of layer '%s' is too long", name);
  if (n_inputs < 0 || n_inputs > 100000) return scion_fail(ctx, SCION_EINVAL, "net:add_node: layer '%s' has %d inputs", name, n_inputs);
  for (int32_t i = 0; i < n_inputs; i++) {
    if (inputs[i] != -1 && !net__value_ok(net, inputs[i])) {
      return scion_fail(ctx, SCION_EINVAL, "net:add_node: input %d of layer '%s' is value %d, which the net does not have", i, name, inputs[i]);
    }
  }
  return SCION_OK;
}

/* Takes over `n`, which has everything but inputs, outputs and a name. */
static scion_status finish_node(scion_context *ctx, scion_net *net, net_node *n, const char *name, const char *type, int32_t n_inputs,
                                const int32_t *inputs, int32_t n_outputs, int32_t *values) {
  scion_status st = values_room(ctx, net, n_outputs);
  if (st != SCION_OK) goto failed;
  st = SCION_ENOMEM;
  n->item.space = NET_NODE;
  n->item.name = scion__strdup(ctx, name);
  n->type = scion__strdup(ctx, type);
  n->in = scion__alloc(ctx, (size_t)(n_inputs + n_outputs) * sizeof *n->in);
  n->n_in = n_inputs;
  n->n_out = n_outputs;
  if (n->item.name == NULL || n->type == NULL || n->in == NULL) goto failed;
  n->out = n->in + n_inputs;
  for (int32_t i = 0; i < n_inputs; i++) n->in[i] = inputs[i];
  st = enter(ctx, net, &net->nodes, &n->item);
  if (st != SCION_OK) goto failed;
  for (int32_t i = 0; i < n_outputs; i++) {
    n->out[i] = new_value(net, &n->item, i);
    if (values != NULL) values[i] = n->out[i];
  }
  net__changed(ctx, net);
  return SCION_OK;
failed:
  node_free(ctx, n);
  return st;
}

static net_node *new_node(scion_context *ctx, const scion_op *op, const void *params) {
  net_node *n = scion__calloc(ctx, sizeof *n);
  if (n == NULL) return NULL;
  n->op = op;
  n->mode = -1;
  n->training_offset = -1;
  if (op == NULL || op->info.params_size == 0) return n;
  n->params = scion__alloc(ctx, op->info.params_size);
  if (n->params == NULL) {
    scion__free(ctx, n, sizeof *n);
    return NULL;
  }
  if (params != NULL) memcpy(n->params, params, op->info.params_size);
  else scion_params_init(op, n->params);
  for (int32_t i = 0; i < op->info.n_params; i++)
    if (op->info.params[i].flags & SCION_PF_TRAINING) n->training_offset = (int32_t)op->info.params[i].offset;
  return n;
}

scion_status scion_net_add_node(scion_context *ctx, scion_net *net, const char *name, const char *type, const scion_op *op,
                                const void *params, int32_t n_inputs, const int32_t *inputs, int32_t *values) {
  SCION_TRY(check_node(ctx, net, name, type, n_inputs, inputs));
  if (op == NULL) return scion_fail(ctx, SCION_EINVAL, "net:add_node: layer '%s' has no operation", name);
  const scion_op_info *info = &op->info;
  bool variadic = info->n_inputs > 0 && (info->inputs[info->n_inputs - 1].flags & SCION_SF_VARIADIC);
  if (n_inputs > info->n_inputs && !variadic) {
    return scion_fail(ctx, SCION_EINVAL, "net:add_node: layer '%s' gives %s %d inputs, at most %d are possible", name, info->name, n_inputs,
                      info->n_inputs);
  }
  for (int32_t i = 0; i < (n_inputs > info->n_inputs ? n_inputs : info->n_inputs); i++) {
    const scion_slot *slot = &info->inputs[scion__min(i, info->n_inputs - 1)];
    if ((i < n_inputs && inputs[i] >= 0) || (slot->flags & SCION_SF_OPTIONAL)) continue;
    if (i >= n_inputs && (slot->flags & SCION_SF_VARIADIC)) continue;
    return scion_fail(ctx, SCION_EINVAL, "net:add_node: layer '%s' (%s) lacks its input '%s'", name, info->name, slot->name);
  }
  if (info->params_size > NET_MAX_PARAMS) return scion_fail(ctx, SCION_EUNSUPPORTED, "net:add_node: %s has too many parameters", info->name);
  net_node *n = new_node(ctx, op, params);
  if (n == NULL) return SCION_ENOMEM;
  return finish_node(ctx, net, n, name, type != NULL ? type : info->name, n_inputs, inputs, info->n_visible, values);
}

scion_status scion_net_add_custom(scion_context *ctx, scion_net *net, const char *name, const char *type, const scion_net_custom *custom,
                                  int32_t n_inputs, const int32_t *inputs, int32_t n_outputs, int32_t *values) {
  SCION_TRY(check_node(ctx, net, name, type, n_inputs, inputs));
  if (custom == NULL || custom->fn == NULL) return scion_fail(ctx, SCION_EINVAL, "net:add_custom: layer '%s' has no function", name);
  if (n_outputs < 1 || n_outputs > SCION_MAX_OUTPUTS) {
    return scion_fail(ctx, SCION_EINVAL, "net:add_custom: layer '%s' has %d outputs, expected 1..%d", name, n_outputs, SCION_MAX_OUTPUTS);
  }
  net_node *n = new_node(ctx, NULL, NULL);
  if (n == NULL) return SCION_ENOMEM;
  net_custom *c = n->custom = scion__calloc(ctx, sizeof *c);
  bool ok = c != NULL;
  if (ok) {
    c->refs = 1;
    c->fn = custom->fn;
    c->ud = custom->ud; /* `free` comes last: a failure leaves ud to the caller */
    if (custom->name != NULL) ok = (c->name = scion__strdup(ctx, custom->name)) != NULL;
    if (custom->config != NULL) ok = ok && (c->config = scion__strdup(ctx, custom->config)) != NULL;
  }
  if (!ok) {
    node_free(ctx, n);
    return SCION_ENOMEM;
  }
  SCION_TRY(finish_node(ctx, net, n, name, type != NULL ? type : "Lambda", n_inputs, inputs, n_outputs, values));
  c->free = custom->free;
  return SCION_OK;
}

/* A node like another one (of any net), with its own name and inputs: attributes, mode and function included. */
scion_status net__add_node_like(scion_context *ctx, scion_net *net, const net_node *like, const char *name, const int32_t *inputs,
                                int32_t *values) {
  SCION_TRY(check_node(ctx, net, name, like->type, like->n_in, inputs));
  net_node *n = new_node(ctx, like->op, like->params);
  if (n == NULL) return SCION_ENOMEM;
  n->mode = like->mode;
  n->custom = like->custom;
  if (n->custom != NULL) n->custom->refs++;
  for (int32_t i = 0; i < like->attrs.n; i++) {
    scion_status st = net__attrs_set(ctx, &n->attrs, like->attrs.v[i].key, like->attrs.v[i].value);
    if (st != SCION_OK) {
      node_free(ctx, n);
      return st;
    }
  }
  return finish_node(ctx, net, n, name, like->type, like->n_in, inputs, like->n_out, values);
}

scion_status scion_net_set_outputs(scion_context *ctx, scion_net *net, int32_t n, const int32_t *values) {
  SCION_TRY(net__editable(ctx, net));
  if (n < 0) return scion_fail(ctx, SCION_EINVAL, "net:set_outputs: %d outputs", n);
  for (int32_t i = 0; i < n; i++) {
    if (!net__value_ok(net, values[i])) {
      return scion_fail(ctx, SCION_EINVAL, "net:set_outputs: output %d is value %d, which the net does not have", i, values[i]);
    }
  }
  int32_t *copy = NULL;
  if (n > 0) {
    copy = scion__alloc(ctx, (size_t)n * sizeof *copy);
    if (copy == NULL) return SCION_ENOMEM;
    memcpy(copy, values, (size_t)n * sizeof *copy);
  }
  scion__free(ctx, net->outputs, (size_t)net->n_outputs * sizeof *net->outputs);
  net->outputs = copy;
  net->n_outputs = n;
  net__changed(ctx, net);
  return SCION_OK;
}

/* ---- looking ----------------------------------------------------------------------------------- */

int32_t scion_net_n_inputs(const scion_net *net) { return net->inputs.n; }
int32_t scion_net_n_entries(const scion_net *net) { return net->entries.n; }
int32_t scion_net_n_nodes(const scion_net *net) { return net->nodes.n; }
int32_t scion_net_n_outputs(const scion_net *net) { return net->n_outputs; }
int32_t scion_net_n_values(const scion_net *net) { return net->n_values; }
int32_t scion_net_get_output(const scion_net *net, int32_t i) { return i >= 0 && i < net->n_outputs ? net->outputs[i] : -1; }

int scion_net_get_input(const scion_net *net, int32_t i, scion_input_info *out) {
  if (i < 0 || i >= net->inputs.n) return 0;
  const net_input *in = net__input(net, i);
  *out = (scion_input_info){ in->item.name, in->value, in->shape };
  return 1;
}
int scion_net_get_entry(const scion_net *net, int32_t i, scion_entry_info *out) {
  if (i < 0 || i >= net->entries.n) return 0;
  const net_entry *e = net__entry(net, i);
  *out = (scion_entry_info){ e->item.name, e->value, e->kind, e->tensor, e->frozen };
  return 1;
}
int scion_net_get_node(const scion_net *net, int32_t i, scion_node_info *out) {
  if (i < 0 || i >= net->nodes.n) return 0;
  const net_node *n = net__node(net, i);
  *out = (scion_node_info){ .name = n->item.name, .type = n->type, .op = n->op, .params = n->params, .inputs = n->in, .outputs = n->out,
                            .n_inputs = n->n_in, .n_outputs = n->n_out, .mode = n->mode };
  if (n->custom != NULL) {
    out->custom = n->custom->name != NULL ? n->custom->name : "";
    out->config = n->custom->config != NULL ? n->custom->config : "";
    out->custom_ud = n->custom->ud;
  }
  return 1;
}
int scion_net_get_value(const scion_net *net, int32_t value, scion_value_info *out) {
  if (value < 0 || value >= net->n_values) return 0;
  const net_value *v = &net->values[value];
  *out = (scion_value_info){ SCION_VALUE_NONE, -1, 0, "" };
  if (v->item == NULL) return 1;
  static const scion_value_kind kinds[] = { SCION_VALUE_INPUT, SCION_VALUE_ENTRY, SCION_VALUE_NODE };
  *out = (scion_value_info){ kinds[v->item->space], v->item->pos, v->slot, v->item->name };
  return 1;
}

/* Marks (by position) the nodes that `wanted` depend on, not looking behind values in `stop`. Nodes stand in running
 * order, so one pass from the last to the first suffices. */
void net__mark(const scion_net *net, int32_t n, const int32_t *wanted, const bool *stop, bool *marks) {
  for (int32_t i = 0; i < net->nodes.n; i++) marks[i] = false;
  for (int32_t i = 0; i < n; i++) {
    const net_node *p = net__producer(net, wanted[i]);
    if (p != NULL && (stop == NULL || !stop[wanted[i]])) marks[p->item.pos] = true;
  }
  for (int32_t i = net->nodes.n - 1; i >= 0; i--) {
    const net_node *node = net__node(net, i);
    if (!marks[i]) continue;
    for (int32_t j = 0; j < node->n_in; j++) {
      if (node->in[j] < 0 || (stop != NULL && stop[node->in[j]])) continue;
      const net_node *p = net__producer(net, node->in[j]);
      if (p != NULL) marks[p->item.pos] = true;
    }
  }
}

/* ---- editing ----------------------------------------------------------------------------------- */

static scion_status rename_item(scion_context *ctx, scion_net *net, net_item *item, const char *name, const char *what) {
  SCION_TRY(net__editable(ctx, net));
  if (name != NULL && strcmp(item->name, name) == 0) return SCION_OK;
  SCION_TRY(net__check_name(ctx, net, item->space, name, what));
  char *copy = scion__strdup(ctx, name);
  if (copy == NULL) return SCION_ENOMEM;
  net__index_remove(net, item); /* leaves room: adding again cannot fail */
  scion__strfree(ctx, item->name);
  item->name = copy;
  return net__index_add(ctx, net, item);
}
static scion_status no_position(scion_context *ctx, const char *what, int32_t i, int32_t n) {
  return scion_fail(ctx, SCION_EINDEX, "%s: position %d, the net has %d", what, i, n);
}

scion_status scion_net_rename_node(scion_context *ctx, scion_net *net, int32_t node, const char *name) {
  if (node < 0 || node >= net->nodes.n) return no_position(ctx, "net:rename", node, net->nodes.n);
  return rename_item(ctx, net, net->nodes.v[node], name, "net:rename");
}
scion_status scion_net_rename_entry(scion_context *ctx, scion_net *net, int32_t entry, const char *name) {
  if (entry < 0 || entry >= net->entries.n) return no_position(ctx, "net:rename_entry", entry, net->entries.n);
  return rename_item(ctx, net, net->entries.v[entry], name, "net:rename_entry");
}
scion_status scion_net_rename_input(scion_context *ctx, scion_net *net, int32_t input, const char *name) {
  if (input < 0 || input >= net->inputs.n) return no_position(ctx, "net:rename_input", input, net->inputs.n);
  return rename_item(ctx, net, net->inputs.v[input], name, "net:rename_input");
}

scion_status scion_net_set_node_type(scion_context *ctx, scion_net *net, int32_t node, const char *type) {
  if (node < 0 || node >= net->nodes.n) return no_position(ctx, "net:set_type", node, net->nodes.n);
  SCION_TRY(net__editable(ctx, net));
  if (type == NULL || strlen(type) >= 128) return scion_fail(ctx, SCION_EINVAL, "net:set_type: expected a name of 1..127 characters");
  char *copy = scion__strdup(ctx, type);
  if (copy == NULL) return SCION_ENOMEM;
  scion__strfree(ctx, net__node(net, node)->type);
  net__node(net, node)->type = copy;
  return SCION_OK;
}

scion_status scion_net_set_node_params(scion_context *ctx, scion_net *net, int32_t node, const void *params) {
  if (node < 0 || node >= net->nodes.n) return no_position(ctx, "net:set_params", node, net->nodes.n);
  SCION_TRY(net__editable(ctx, net));
  net_node *n = net__node(net, node);
  if (n->params == NULL) return scion_fail(ctx, SCION_EINVAL, "net:set_params: layer '%s' (%s) has no parameters", n->item.name, n->type);
  memcpy(n->params, params, n->op->info.params_size);
  net__changed(ctx, net);
  return SCION_OK;
}

/* Puts the nodes into running order again, keeping their order where it is possible; false: there is a cycle
 * (nothing changed). `block` is workspace of mend_bytes(net), allocated before the edit so that
 * nothing can fail after it. */
static size_t mend_bytes(const scion_net *net) { return (size_t)(net->nodes.n + 1) * (sizeof(void *) + 3 * sizeof(int32_t)); }

static bool mend_order(scion_net *net, void *block) {
  int32_t n = net->nodes.n, n_order = 0, depth = 0;
  memset(block, 0, mend_bytes(net));
  void **order = block;
  int32_t *stack = (int32_t *)(void *)(order + n + 1), *next = stack + n + 1, *state = next + n + 1; /* 0 new, 1 open, 2 done */
  for (int32_t root = 0; root < n; root++) {
    if (state[root] != 0) continue;
    stack[depth++] = root;
    state[root] = 1;
    while (depth > 0) {
      int32_t i = stack[depth - 1];
      const net_node *node = net__node(net, i);
      bool pushed = false;
      while (next[i] < node->n_in && !pushed) {
        int32_t v = node->in[next[i]++];
        const net_node *p = v >= 0 ? net__producer(net, v) : NULL;
        if (p == NULL || state[p->item.pos] == 2) continue;
        if (state[p->item.pos] == 1) return false;
        state[p->item.pos] = 1;
        stack[depth++] = p->item.pos;
        pushed = true;
      }
      if (pushed) continue;
      state[i] = 2;
      order[n_order++] = net->nodes.v[i];
      depth--;
    }
  }
  for (int32_t i = 0; i < n; i++) {
    net->nodes.v[i] = order[i];
    net__node(net, i)->item.pos = i;
  }
  return true;
}

scion_status scion_net_set_node_input(scion_context *ctx, scion_net *net, int32_t node, int32_t slot, int32_t value) {
  if (node < 0 || node >= net->nodes.n) return no_position(ctx, "net:set_input", node, net->nodes.n);
  SCION_TRY(net__editable(ctx, net));
  net_node *n = net__node(net, node);
  if (slot < 0 || slot >= n->n_in) {
    return scion_fail(ctx, SCION_EINDEX, "net:set_input: layer '%s' has %d inputs, there is no input %d", n->item.name, n->n_in, slot);
  }
  bool optional = n->op == NULL || (n->op->info.inputs[scion__min(slot, n->op->info.n_inputs - 1)].flags & SCION_SF_OPTIONAL);
  if (value == -1 ? !optional : !net__value_ok(net, value)) {
    return scion_fail(ctx, SCION_EINVAL, "net:set_input: value %d does not exist (input %d of layer '%s')", value, slot, n->item.name);
  }
  const net_node *p = value >= 0 ? net__producer(net, value) : NULL;
  if (p == NULL || p->item.pos < node) {
    n->in[slot] = value;
  } else {
    size_t bytes = mend_bytes(net);
    void *block = scion__alloc(ctx, bytes);
    if (block == NULL) return SCION_ENOMEM;
    int32_t old = n->in[slot];
    n->in[slot] = value;
    bool ok = mend_order(net, block);
    scion__free(ctx, block, bytes);
    if (!ok) {
      n->in[slot] = old;
      return scion_fail(ctx, SCION_EINVAL, "net:set_input: layer '%s' would depend on itself through '%s'", n->item.name, p->item.name);
    }
  }
  net__changed(ctx, net);
  return SCION_OK;
}

scion_status scion_net_replace_value(scion_context *ctx, scion_net *net, int32_t old, int32_t value) {
  SCION_TRY(net__editable(ctx, net));
  if (!net__value_ok(net, old) || !net__value_ok(net, value)) {
    return scion_fail(ctx, SCION_EINVAL, "net:replace_value: value %d does not exist", net__value_ok(net, old) ? value : old);
  }
  if (old == value) return SCION_OK;
  bool *ancestors = scion__alloc(ctx, (size_t)net->nodes.n + 1);
  size_t bytes = mend_bytes(net);
  void *block = ancestors != NULL ? scion__alloc(ctx, bytes) : NULL;
  if (block == NULL) {
    scion__free(ctx, ancestors, (size_t)net->nodes.n + 1);
    return SCION_ENOMEM;
  }
  net__mark(net, 1, &value, NULL, ancestors);
  for (int32_t i = 0; i < net->nodes.n; i++) {
    net_node *n = net__node(net, i);
    for (int32_t j = 0; j < n->n_in && !ancestors[i]; j++)
      if (n->in[j] == old) n->in[j] = value;
  }
  mend_order(net, block); /* a reader that `value` does not depend on cannot close a cycle */
  for (int32_t i = 0; i < net->n_outputs; i++)
    if (net->outputs[i] == old) net->outputs[i] = value;
  scion__free(ctx, block, bytes);
  scion__free(ctx, ancestors, (size_t)net->nodes.n + 1);
  net__changed(ctx, net);
  return SCION_OK;
}

/* Who reads a value: for the message when it may not go. */
static scion_status check_unused(scion_context *ctx, const scion_net *net, int32_t value, const char *what, const char *name) {
  for (int32_t i = 0; i < net->n_outputs; i++) {
    if (net->outputs[i] == value) return scion_fail(ctx, SCION_EINVAL, "net:remove: %s '%s' is an output of the net", what, name);
  }
  int32_t users[3], n = scion_net_value_uses(net, value, users, 3);
  if (n == 0) return SCION_OK;
  char list[256] = "";
  for (int32_t i = 0; i < n && i < 3; i++) {
    size_t k = strlen(list);
    snprintf(list + k, sizeof list - k, "%s'%.60s'", i == 0 ? "" : ", ", net__node(net, users[i])->item.name);
  }
  return scion_fail(ctx, SCION_EINVAL, "net:remove: %s '%s' is still read by %s%s", what, name, list, n > 3 ? ", ..." : "");
}

scion_status scion_net_remove_node(scion_context *ctx, scion_net *net, int32_t node) {
  if (node < 0 || node >= net->nodes.n) return no_position(ctx, "net:remove", node, net->nodes.n);
  SCION_TRY(net__editable(ctx, net));
  net_node *n = net__node(net, node);
  for (int32_t i = 0; i < n->n_out; i++) SCION_TRY(check_unused(ctx, net, n->out[i], "layer", n->item.name));
  for (int32_t i = 0; i < n->n_out; i++) net->values[n->out[i]].item = NULL;
  net__index_remove(net, &n->item);
  list_remove(&net->nodes, node);
  node_free(ctx, n);
  net__changed(ctx, net);
  return SCION_OK;
}
scion_status scion_net_remove_entry(scion_context *ctx, scion_net *net, int32_t entry) {
  if (entry < 0 || entry >= net->entries.n) return no_position(ctx, "net:remove_entry", entry, net->entries.n);
  SCION_TRY(net__editable(ctx, net));
  net_entry *e = net__entry(net, entry);
  SCION_TRY(check_unused(ctx, net, e->value, "entry", e->item.name));
  net->values[e->value].item = NULL;
  net__index_remove(net, &e->item);
  list_remove(&net->entries, entry);
  entry_free(ctx, e);
  net__changed(ctx, net);
  return SCION_OK;
}
scion_status scion_net_remove_input(scion_context *ctx, scion_net *net, int32_t input) {
  if (input < 0 || input >= net->inputs.n) return no_position(ctx, "net:remove_input", input, net->inputs.n);
  SCION_TRY(net__editable(ctx, net));
  net_input *in = net__input(net, input);
  SCION_TRY(check_unused(ctx, net, in->value, "input", in->item.name));
  net->values[in->value].item = NULL;
  net__index_remove(net, &in->item);
  list_remove(&net->inputs, input);
  input_free(ctx, in);
  net__changed(ctx, net);
  return SCION_OK;
}

scion_status scion_net_set_entry(scion_context *ctx, scion_net *net, int32_t entry, scion_tensor *tensor) {
  if (entry < 0 || entry >= net->entries.n) return no_position(ctx, "net:set_entry", entry, net->entries.n);
  SCION_TRY(net__editable(ctx, net));
  net_entry *e = net__entry(net, entry);
  if (tensor == NULL) return scion_fail(ctx, SCION_EINVAL, "net:set_entry: '%s' needs a tensor", e->item.name);
  if (e->kind == SCION_ENTRY_PARAM && !scion__is_float(tensor->dtype)) {
    return scion_fail(ctx, SCION_EDTYPE, "net:set_entry: parameter '%s' cannot be %s, expected f32 or f64", e->item.name,
                      scion_dtype_name((scion_dtype)tensor->dtype));
  }
  scion_tensor_ref(tensor);
  scion_tensor_free(ctx, e->tensor);
  e->tensor = tensor;
  net__changed(ctx, net);
  return SCION_OK;
}
scion_status scion_net_set_entry_kind(scion_context *ctx, scion_net *net, int32_t entry, scion_entry_kind kind) {
  if (entry < 0 || entry >= net->entries.n) return no_position(ctx, "net:set_entry_kind", entry, net->entries.n);
  net_entry *e = net__entry(net, entry);
  if (kind == SCION_ENTRY_PARAM && !scion__is_float(e->tensor->dtype)) {
    return scion_fail(ctx, SCION_EDTYPE, "net:set_entry_kind: '%s' is %s, a parameter must be f32 or f64", e->item.name,
                      scion_dtype_name((scion_dtype)e->tensor->dtype));
  }
  e->kind = kind;
  return SCION_OK;
}

/* ---- attributes, modes ------------------------------------------------------------------------- */

void net__attrs_free(scion_context *ctx, net_attrs *attrs) {
  for (int32_t i = 0; i < attrs->n; i++) {
    scion__strfree(ctx, attrs->v[i].key);
    scion__strfree(ctx, attrs->v[i].value);
  }
  scion__free(ctx, attrs->v, (size_t)attrs->cap * sizeof *attrs->v);
  *attrs = (net_attrs){ NULL, 0, 0 };
}

scion_status net__attrs_set(scion_context *ctx, net_attrs *attrs, const char *key, const char *value) {
  int32_t i = 0;
  while (i < attrs->n && strcmp(attrs->v[i].key, key) != 0) i++;
  if (value == NULL) {
    if (i == attrs->n) return SCION_OK;
    scion__strfree(ctx, attrs->v[i].key);
    scion__strfree(ctx, attrs->v[i].value);
    for (; i + 1 < attrs->n; i++) attrs->v[i] = attrs->v[i + 1];
    attrs->n--;
    return SCION_OK;
  }
  char *v = scion__strdup(ctx, value);
  if (v == NULL) return SCION_ENOMEM;
  if (i < attrs->n) {
    scion__strfree(ctx, attrs->v[i].value);
    attrs->v[i].value = v;
    return SCION_OK;
  }
  char *k = scion__strdup(ctx, key);
  if (k != NULL && attrs->n == attrs->cap) {
    int32_t cap = attrs->cap == 0 ? 4 : attrs->cap * 2;
    net_attr *more = scion__alloc(ctx, (size_t)cap * sizeof *more);
    if (more == NULL) {
      scion__strfree(ctx, k);
      k = NULL;
    } else {
      if (attrs->n > 0) memcpy(more, attrs->v, (size_t)attrs->n * sizeof *more);
      scion__free(ctx, attrs->v, (size_t)attrs->cap * sizeof *more);
      attrs->v = more;
      attrs->cap = cap;
    }
  }
  if (k == NULL) {
    scion__strfree(ctx, v);
    return SCION_ENOMEM;
  }
  attrs->v[attrs->n++] = (net_attr){ k, v };
  return SCION_OK;
}

static net_attrs *attrs_of(const scion_net *net, int32_t node) {
  if (node == -1) return (net_attrs *)&net->attrs;
  return node >= 0 && node < net->nodes.n ? &net__node(net, node)->attrs : NULL;
}
scion_status scion_net_set_attr(scion_context *ctx, scion_net *net, int32_t node, const char *key, const char *value) {
  net_attrs *attrs = attrs_of(net, node);
  if (attrs == NULL) return no_position(ctx, "net:set_attr", node, net->nodes.n);
  if (key == NULL || *key == 0) return scion_fail(ctx, SCION_EINVAL, "net:set_attr: the key is empty");
  return net__attrs_set(ctx, attrs, key, value);
}
const char *scion_net_get_attr(const scion_net *net, int32_t node, const char *key) {
  const net_attrs *attrs = attrs_of(net, node);
  for (int32_t i = 0; attrs != NULL && i < attrs->n; i++)
    if (strcmp(attrs->v[i].key, key) == 0) return attrs->v[i].value;
  return NULL;
}
int scion_net_attr_at(const scion_net *net, int32_t node, int32_t i, const char **key, const char **value) {
  const net_attrs *attrs = attrs_of(net, node);
  if (attrs == NULL || i < 0 || i >= attrs->n) return 0;
  *key = attrs->v[i].key;
  *value = attrs->v[i].value;
  return 1;
}

void scion_net_set_training(scion_net *net, int on) { net->training = on != 0; }
int scion_net_training(const scion_net *net) { return net->training; }

bool net__layer_training(const scion_net *net, const net_node *node, int32_t run_mode) {
  if (node->mode >= 0) return node->mode == 1;
  if (run_mode == 2) return node->op != NULL && strcmp(node->op->info.name, "batch_norm") == 0;
  return run_mode >= 0 ? run_mode == 1 : net->training;
}

scion_status scion_net_set_node_mode(scion_context *ctx, scion_net *net, int32_t node, int32_t mode) {
  if (node < 0 || node >= net->nodes.n) return no_position(ctx, "net:set_mode", node, net->nodes.n);
  if (mode < -1 || mode > 1) return scion_fail(ctx, SCION_EINVAL, "net:set_mode: %d, expected -1 (as the net), 0 (eval) or 1 (train)", mode);
  SCION_TRY(net__editable(ctx, net));
  net__node(net, node)->mode = mode;
  net__changed(ctx, net);
  return SCION_OK;
}

scion_status scion_net_set_frozen(scion_context *ctx, scion_net *net, int32_t entry, int on) {
  if (entry < 0 || entry >= net->entries.n) return no_position(ctx, "net:freeze", entry, net->entries.n);
  net_entry *e = net__entry(net, entry);
  if (e->kind == SCION_ENTRY_PARAM && scion_is_leaf(e->tensor)) SCION_TRY(scion_set_requires_grad(ctx, e->tensor, !on));
  e->frozen = on != 0;
  return SCION_OK;
}

int64_t scion_net_n_parameters(const scion_net *net, int64_t *trainable) {
  int64_t all = 0, free_ones = 0;
  for (int32_t i = 0; i < net->entries.n; i++) {
    const net_entry *e = net__entry(net, i);
    if (e->kind != SCION_ENTRY_PARAM) continue;
    all += e->tensor->numel;
    if (!e->frozen) free_ones += e->tensor->numel;
  }
  if (trainable != NULL) *trainable = free_ones;
  return all;
}
