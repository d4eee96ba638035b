/* copy.c: everything that makes one net from (parts of) another: clone, extract, merge, prune. They share one
 * loop that copies marked nodes and the entries they read, translating value ids. */
#include <stdio.h>

#include "net.h"

/* "prefix.name" into buf; no prefix: name; no name: prefix. */
static scion_status join_name(scion_context *ctx, const char *prefix, const char *name, char buf[NET_MAX_NAME]) {
  int n = prefix == NULL || *prefix == 0 ? snprintf(buf, NET_MAX_NAME, "%s", name)
          : *name == 0                   ? snprintf(buf, NET_MAX_NAME, "%s", prefix)
                                         : snprintf(buf, NET_MAX_NAME, "%s.%s", prefix, name);
  if (n < NET_MAX_NAME) return SCION_OK;
  return scion_fail(ctx, SCION_EINVAL, "net: the name '%.40s...' has %d bytes, at most %d are possible", buf, n, NET_MAX_NAME - 1);
}

static scion_status copy_tensor(scion_context *ctx, const net_entry *e, scion_tensor **out) {
  SCION_TRY(scion__tensor_alloc(ctx, e->tensor->dtype, e->tensor->n_dims, e->tensor->shape, out));
  scion_status st = scion__tensor_copy_into(ctx, *out, e->tensor);
  if (st == SCION_OK && e->tensor->requires_grad) st = scion_set_requires_grad(ctx, *out, 1);
  if (st != SCION_OK) {
    scion_tensor_free(ctx, *out);
    *out = NULL;
  }
  return st;
}

/* Adds entry `e` of another net to dst, or finds the tensor there (share). */
static scion_status copy_entry(scion_context *ctx, scion_net *dst, const net_entry *e, const char *prefix, bool deep, bool share,
                               int32_t *value) {
  if (share) {
    int32_t there = scion_net_find_tensor(dst, e->tensor);
    if (there >= 0) {
      *value = net__entry(dst, there)->value;
      return SCION_OK;
    }
  }
  char name[NET_MAX_NAME];
  SCION_TRY(join_name(ctx, prefix, e->item.name, name));
  scion_tensor *t = e->tensor, *copy = NULL;
  if (deep) {
    SCION_TRY(copy_tensor(ctx, e, &copy));
    t = copy;
  }
  scion_status st = scion_net_add_entry(ctx, dst, name, e->kind, t, value);
  scion_tensor_free(ctx, copy);
  if (st == SCION_OK) net__entry(dst, dst->entries.n - 1)->frozen = e->frozen;
  return st;
}

/* Copies the marked nodes (all: marks NULL). map: src value -> dst value, -1 where not there yet. */
static scion_status copy_nodes(scion_context *ctx, scion_net *dst, const scion_net *src, const bool *marks, const char *prefix, bool deep,
                               bool share, int32_t *map) {
  int32_t most = 0;
  for (int32_t i = 0; i < src->nodes.n; i++)
    if (net__node(src, i)->n_in > most) most = net__node(src, i)->n_in;
  int32_t *in = scion__alloc(ctx, (size_t)(most + 1) * sizeof *in);
  if (in == NULL) return SCION_ENOMEM;
  scion_status st = SCION_OK;
  for (int32_t i = 0; i < src->nodes.n && st == SCION_OK; i++) {
    const net_node *n = net__node(src, i);
    if (marks != NULL && !marks[i]) continue;
    for (int32_t j = 0; j < n->n_in && st == SCION_OK; j++) {
      int32_t v = n->in[j];
      in[j] = -1;
      if (v < 0) continue;
      net_entry *e = net__value_entry(src, v);
      if (map[v] < 0 && e != NULL) st = copy_entry(ctx, dst, e, prefix, deep, share, &map[v]);
      in[j] = map[v];
      if (st == SCION_OK && in[j] < 0) {
        st = scion_fail(ctx, SCION_EINVAL, "net: layer '%s' depends on '%s', which is outside of the part to copy", n->item.name,
                        src->values[v].item->name);
      }
    }
    char name[NET_MAX_NAME];
    int32_t out[SCION_MAX_OUTPUTS];
    if (st == SCION_OK) st = join_name(ctx, prefix, n->item.name, name);
    if (st == SCION_OK) st = net__add_node_like(ctx, dst, n, name, in, out);
    for (int32_t j = 0; j < n->n_out && st == SCION_OK; j++) map[n->out[j]] = out[j];
  }
  scion__free(ctx, in, (size_t)(most + 1) * sizeof *in);
  return st;
}

static int32_t *new_map(scion_context *ctx, const scion_net *src) {
  int32_t *map = scion__alloc(ctx, (size_t)(src->n_values + 1) * sizeof *map);
  for (int32_t i = 0; map != NULL && i <= src->n_values; i++) map[i] = -1;
  return map;
}
static void free_map(scion_context *ctx, const scion_net *src, int32_t *map) {
  if (map != NULL) scion__free(ctx, map, (size_t)(src->n_values + 1) * sizeof *map);
}

static scion_status copy_input(scion_context *ctx, scion_net *dst, const net_input *in, int32_t *value) {
  return scion_net_add_input(ctx, dst, in->item.name, in->shape.dtype, in->shape.n_dims, in->shape.shape, value);
}

static scion_status copy_outputs(scion_context *ctx, scion_net *dst, int32_t n, const int32_t *values, const int32_t *map) {
  size_t bytes = (size_t)(n + 1) * sizeof(int32_t);
  int32_t *mapped = scion__alloc(ctx, bytes);
  if (mapped == NULL) return SCION_ENOMEM;
  for (int32_t i = 0; i < n; i++) mapped[i] = map[values[i]];
  scion_status st = scion_net_set_outputs(ctx, dst, n, mapped);
  scion__free(ctx, mapped, bytes);
  return st;
}

static scion_status copy_attrs(scion_context *ctx, scion_net *dst, const scion_net *src) {
  for (int32_t i = 0; i < src->attrs.n; i++) SCION_TRY(net__attrs_set(ctx, &dst->attrs, src->attrs.v[i].key, src->attrs.v[i].value));
  dst->training = src->training;
  return SCION_OK;
}

scion_status scion_net_clone(scion_context *ctx, const scion_net *net, int deep, scion_net **out) {
  *out = NULL;
  scion_net *dst;
  SCION_TRY(scion_net_new(ctx, &dst));
  int32_t *map = new_map(ctx, net);
  scion_status st = map == NULL ? SCION_ENOMEM : SCION_OK;
  for (int32_t i = 0; i < net->inputs.n && st == SCION_OK; i++) st = copy_input(ctx, dst, net__input(net, i), &map[net__input(net, i)->value]);
  for (int32_t i = 0; i < net->entries.n && st == SCION_OK; i++) {
    st = copy_entry(ctx, dst, net__entry(net, i), NULL, deep != 0, false, &map[net__entry(net, i)->value]);
  }
  if (st == SCION_OK) st = copy_nodes(ctx, dst, net, NULL, NULL, deep != 0, false, map);
  if (st == SCION_OK) st = copy_outputs(ctx, dst, net->n_outputs, net->outputs, map);
  if (st == SCION_OK) st = copy_attrs(ctx, dst, net);
  free_map(ctx, net, map);
  if (st != SCION_OK) scion_net_free(ctx, dst);
  else *out = dst;
  return st;
}

/* The part of `net` between `from` and `to`, into a fresh net. all_inputs: keep inputs that nothing needs. */
static scion_status extract(scion_context *ctx, const scion_net *net, int32_t n_from, const int32_t *from, int32_t n_to, const int32_t *to,
                            bool all_inputs, scion_net *dst) {
  size_t stop_bytes = (size_t)net->n_values + 1, mark_bytes = (size_t)net->nodes.n + 1;
  bool *stop = scion__calloc(ctx, stop_bytes), *marks = scion__alloc(ctx, mark_bytes), *wanted = scion__calloc(ctx, stop_bytes);
  int32_t *map = new_map(ctx, net);
  scion_status st = stop != NULL && marks != NULL && wanted != NULL && map != NULL ? SCION_OK : SCION_ENOMEM;
  if (st != SCION_OK) goto done;
  for (int32_t i = 0; i < n_from; i++) stop[from[i]] = true;
  net__mark(net, n_to, to, stop, marks);
  for (int32_t i = 0; i < net->nodes.n; i++)
    for (int32_t j = 0; marks[i] && j < net__node(net, i)->n_in; j++)
      if (net__node(net, i)->in[j] >= 0) wanted[net__node(net, i)->in[j]] = true;
  for (int32_t i = 0; i < n_to; i++) wanted[to[i]] = true;
  for (int32_t i = 0; i < net->inputs.n && st == SCION_OK; i++) {
    const net_input *in = net__input(net, i);
    if (wanted[in->value] || (all_inputs && !stop[in->value])) st = copy_input(ctx, dst, in, &map[in->value]);
  }
  for (int32_t i = 0; i < n_from && st == SCION_OK; i++) {
    if (map[from[i]] >= 0) continue;
    const net_value *v = &net->values[from[i]];
    char name[NET_MAX_NAME];
    if (v->slot == 0) snprintf(name, sizeof name, "%s", *v->item->name != 0 ? v->item->name : "input");
    else snprintf(name, sizeof name, "%.*s:%d", NET_MAX_NAME - 8, v->item->name, v->slot);
    st = scion_net_add_input(ctx, dst, name, -1, -1, NULL, &map[from[i]]);
  }
  if (st == SCION_OK) st = copy_nodes(ctx, dst, net, marks, NULL, false, false, map);
  for (int32_t i = 0; i < n_to && st == SCION_OK; i++) { /* an entry may itself be wanted */
    net_entry *e = net__value_entry(net, to[i]);
    if (map[to[i]] < 0 && e != NULL) st = copy_entry(ctx, dst, e, NULL, false, false, &map[to[i]]);
  }
  if (st == SCION_OK) st = copy_outputs(ctx, dst, n_to, to, map);
  if (st == SCION_OK) st = copy_attrs(ctx, dst, net);
done:
  free_map(ctx, net, map);
  if (wanted != NULL) scion__free(ctx, wanted, stop_bytes);
  if (marks != NULL) scion__free(ctx, marks, mark_bytes);
  if (stop != NULL) scion__free(ctx, stop, stop_bytes);
  return st;
}

scion_status scion_net_extract(scion_context *ctx, const scion_net *net, int32_t n_from, const int32_t *from, int32_t n_to,
                               const int32_t *to, scion_net **out) {
  *out = NULL;
  for (int32_t i = 0; i < n_from + n_to; i++) {
    int32_t v = i < n_from ? from[i] : to[i - n_from];
    if (!net__value_ok(net, v)) return scion_fail(ctx, SCION_EINVAL, "net:extract: value %d does not exist", v);
  }
  if (n_to < 1) return scion_fail(ctx, SCION_EINVAL, "net:extract: no outputs are asked for");
  scion_net *dst;
  SCION_TRY(scion_net_new(ctx, &dst));
  scion_status st = extract(ctx, net, n_from, from, n_to, to, false, dst);
  if (st != SCION_OK) scion_net_free(ctx, dst);
  else *out = dst;
  return st;
}

scion_status scion_net_prune(scion_context *ctx, scion_net *net, int inputs_too) {
  SCION_TRY(net__editable(ctx, net));
  scion_net *dst;
  SCION_TRY(scion_net_new(ctx, &dst));
  scion_status st = extract(ctx, net, 0, NULL, net->n_outputs, net->outputs, !inputs_too, dst);
  if (st == SCION_OK) { /* swap the contents: handles on `net` stay valid */
    net__changed(ctx, net);
    scion_net tmp = *net;
    *net = *dst;
    *dst = tmp;
    dst->refs = 1;
    net->refs = tmp.refs;
  }
  scion_net_free(ctx, dst);
  return st;
}

scion_status scion_net_merge(scion_context *ctx, scion_net *net, const scion_net *src, const char *prefix, const int32_t *inputs,
                             int32_t *outputs) {
  SCION_TRY(net__editable(ctx, net));
  if (net == src) return scion_fail(ctx, SCION_EINVAL, "net:merge: a net cannot be merged into itself; clone it first");
  for (int32_t i = 0; i < src->inputs.n; i++) {
    if (!net__value_ok(net, inputs[i])) {
      return scion_fail(ctx, SCION_EINVAL, "net:merge: value %d for input '%s' does not exist", inputs[i], net__input(src, i)->item.name);
    }
  }
  int32_t n_entries = net->entries.n, n_nodes = net->nodes.n, n_values = net->n_values;
  int32_t *map = new_map(ctx, src);
  if (map == NULL) return SCION_ENOMEM;
  for (int32_t i = 0; i < src->inputs.n; i++) map[net__input(src, i)->value] = inputs[i];
  scion_status st = copy_nodes(ctx, net, src, NULL, prefix, false, true, map);
  for (int32_t i = 0; i < src->n_outputs && st == SCION_OK; i++) {
    int32_t v = src->outputs[i];
    net_entry *e = net__value_entry(src, v);
    if (map[v] < 0 && e != NULL) st = copy_entry(ctx, net, e, prefix, false, true, &map[v]);
    if (outputs != NULL) outputs[i] = map[v];
  }
  free_map(ctx, src, map);
  if (st != SCION_OK) net__truncate(ctx, net, net->inputs.n, n_entries, n_nodes, n_values);
  return st;
}
