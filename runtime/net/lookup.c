/* lookup.c: names of a net: a hash index over inputs, entries and nodes, validation, spelling help. */
#include <stdio.h>

#include "net.h"

static uint32_t hash_name(net_space space, const char *name) {
  uint32_t h = 2166136261u ^ (uint32_t)space; /* FNV-1a */
  for (const unsigned char *p = (const unsigned char *)name; *p != 0; p++) h = (h ^ *p) * 16777619u;
  return h;
}

net_item *net__find(const scion_net *net, net_space space, const char *name) {
  if (net->index_cap == 0) return NULL;
  uint32_t h = hash_name(space, name), mask = (uint32_t)net->index_cap - 1;
  for (uint32_t i = h & mask;; i = (i + 1) & mask) {
    net_item *item = net->index[i];
    if (item == NULL) return NULL;
    if (item->hash == h && item->space == space && strcmp(item->name, name) == 0) return item;
  }
}

static void put(net_item **index, int32_t cap, net_item *item) {
  uint32_t mask = (uint32_t)cap - 1, i = item->hash & mask;
  while (index[i] != NULL) i = (i + 1) & mask;
  index[i] = item;
}

scion_status net__index_add(scion_context *ctx, scion_net *net, net_item *item) {
  item->hash = hash_name(item->space, item->name);
  if ((net->index_n + 1) * 2 > net->index_cap) {
    int32_t cap = net->index_cap == 0 ? 32 : net->index_cap * 2;
    net_item **index = scion__calloc(ctx, (size_t)cap * sizeof *index);
    if (index == NULL) return SCION_ENOMEM;
    for (int32_t i = 0; i < net->index_cap; i++)
      if (net->index[i] != NULL) put(index, cap, net->index[i]);
    scion__free(ctx, net->index, (size_t)net->index_cap * sizeof *index);
    net->index = index;
    net->index_cap = cap;
  }
  put(net->index, net->index_cap, item);
  net->index_n++;
  return SCION_OK;
}

/* Backward-shift deletion: no tombstones. */
void net__index_remove(scion_net *net, net_item *item) {
  uint32_t mask = (uint32_t)net->index_cap - 1, i = item->hash & mask;
  while (net->index[i] != item) {
    if (net->index[i] == NULL) return; /* was never entered */
    i = (i + 1) & mask;
  }
  net->index[i] = NULL;
  net->index_n--;
  for (uint32_t j = (i + 1) & mask; net->index[j] != NULL; j = (j + 1) & mask) {
    uint32_t home = net->index[j]->hash & mask;
    if (((j - home) & mask) >= ((j - i) & mask)) {
      net->index[i] = net->index[j];
      net->index[j] = NULL;
      i = j;
    }
  }
}

static const char *const space_words[] = { "input", "parameter", "layer" };

scion_status net__check_name(scion_context *ctx, const scion_net *net, net_space space, const char *name, const char *what) {
  if (name == NULL) return scion_fail(ctx, SCION_EINVAL, "%s: the %s needs a name", what, space_words[space]);
  size_t n = strlen(name);
  if (n >= NET_MAX_NAME) {
    return scion_fail(ctx, SCION_EINVAL, "%s: the name '%.40s...' has %zu bytes, at most %d are possible", what, name, n, NET_MAX_NAME - 1);
  }
  for (size_t i = 0; i < n; i++) {
    if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f) {
      return scion_fail(ctx, SCION_EINVAL, "%s: the name '%.*s' contains a control character", what, (int)i, name);
    }
  }
  net_item *other = net__find(net, space, name);
  if (other != NULL) {
    if (n == 0) return scion_fail(ctx, SCION_EINVAL, "%s: the net has an unnamed %s already; name one", what, space_words[space]);
    return scion_fail(ctx, SCION_EINVAL, "%s: the name '%s' conflicts with a %s already in the net", what, name, space_words[space]);
  }
  return SCION_OK;
}

int32_t scion_net_find_input(const scion_net *net, const char *name) {
  net_item *item = net__find(net, NET_INPUT, name);
  return item != NULL ? item->pos : -1;
}
int32_t scion_net_find_node(const scion_net *net, const char *name) {
  net_item *item = net__find(net, NET_NODE, name);
  return item != NULL ? item->pos : -1;
}

int32_t scion_net_find_entry(const scion_net *net, const char *name) {
  net_item *item = net__find(net, NET_ENTRY, name);
  if (item != NULL) return item->pos;
  static const char *const spellings[][2] = { /* MXNet's, then ours */
    { "_moving_mean", ".running_mean" }, { "_moving_var", ".running_var" }, { "_running_mean", ".running_mean" },
    { "_running_var", ".running_var" }, { "_gamma", ".weight" }, { "_beta", ".bias" }, { "_weight", ".weight" }, { "_bias", ".bias" } };
  size_t n = strlen(name);
  for (int32_t i = 0; i < SCION_COUNT(spellings); i++) {
    size_t k = strlen(spellings[i][0]);
    char other[NET_MAX_NAME + 16];
    if (n <= k || n >= NET_MAX_NAME || strcmp(name + n - k, spellings[i][0]) != 0) continue;
    snprintf(other, sizeof other, "%.*s%s", (int)(n - k), name, spellings[i][1]);
    item = net__find(net, NET_ENTRY, other);
    if (item != NULL) return item->pos;
  }
  return -1;
}

int32_t scion_net_find_tensor(const scion_net *net, const scion_tensor *tensor) {
  for (int32_t i = 0; i < net->entries.n; i++)
    if (net__entry(net, i)->tensor == tensor) return i;
  return -1;
}

/* Edit distance of the first 40 bytes. */
static int32_t distance(const char *a, const char *b) {
  int32_t row[41], n = (int32_t)scion__min((int64_t)strlen(b), 40), m = (int32_t)scion__min((int64_t)strlen(a), 40);
  for (int32_t j = 0; j <= n; j++) row[j] = j;
  for (int32_t i = 1; i <= m; i++) {
    int32_t diagonal = row[0];
    row[0] = i;
    for (int32_t j = 1; j <= n; j++) {
      int32_t best = diagonal + (a[i - 1] != b[j - 1]);
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      diagonal = row[j];
      row[j] = best;
    }
  }
  return row[n];
}

static scion_status no_such_value(scion_context *ctx, const scion_net *net, const char *name) {
  const char *near[3] = { NULL };
  int32_t cost[3] = { 1000, 1000, 1000 };
  for (int32_t i = 0; i < net->nodes.n + net->inputs.n; i++) {
    const char *other = i < net->nodes.n ? net__node(net, i)->item.name : net__input(net, i - net->nodes.n)->item.name;
    int32_t d = distance(name, other);
    for (int32_t k = 0; k < 3; k++) {
      if (d >= cost[k]) continue;
      for (int32_t l = 2; l > k; l--) near[l] = near[l - 1], cost[l] = cost[l - 1];
      near[k] = other, cost[k] = d;
      break;
    }
  }
  char list[256] = "";
  for (int32_t k = 0; k < 3 && near[k] != NULL; k++) {
    size_t n = strlen(list);
    snprintf(list + n, sizeof list - n, "%s'%.60s'", k == 0 ? "; nearest: " : ", ", near[k]);
  }
  return scion_fail(ctx, SCION_EINVAL, "the net has no layer '%.100s' (%d layers%s)", name, net->nodes.n, list);
}

scion_status scion_net_find_value(scion_context *ctx, const scion_net *net, const char *name, int32_t *value) {
  *value = -1;
  int32_t node = scion_net_find_node(net, name), slot = 0;
  if (node < 0) { /* "layer:slot" */
    const char *colon = strrchr(name, ':');
    if (colon != NULL && colon[1] >= '0' && colon[1] <= '9' && colon[2] == 0 && colon - name < NET_MAX_NAME) {
      char base[NET_MAX_NAME];
      snprintf(base, sizeof base, "%.*s", (int)(colon - name), name);
      node = scion_net_find_node(net, base);
      slot = colon[1] - '0';
    }
  }
  if (node >= 0) {
    const net_node *n = net__node(net, node);
    if (slot >= n->n_out) {
      return scion_fail(ctx, SCION_EINVAL, "layer '%s' has %d outputs, there is no output %d", n->item.name, n->n_out, slot);
    }
    *value = n->out[slot];
    return SCION_OK;
  }
  int32_t i = scion_net_find_input(net, name);
  if (i >= 0) {
    *value = net__input(net, i)->value;
    return SCION_OK;
  }
  i = scion_net_find_entry(net, name);
  if (i >= 0) {
    *value = net__entry(net, i)->value;
    return SCION_OK;
  }
  return no_such_value(ctx, net, name);
}

int32_t scion_net_node_entries(const scion_net *net, int32_t node, int32_t *entries, int32_t room) {
  if (node < 0 || node >= net->nodes.n) return 0;
  const net_node *n = net__node(net, node);
  int32_t count = 0;
  for (int32_t i = 0; i < n->n_in; i++) {
    const net_entry *e = n->in[i] >= 0 ? net__value_entry(net, n->in[i]) : NULL;
    bool seen = e == NULL;
    for (int32_t j = 0; j < i && !seen; j++) seen = n->in[j] == n->in[i];
    if (seen) continue;
    if (count < room) entries[count] = e->item.pos;
    count++;
  }
  return count;
}

int32_t scion_net_value_uses(const scion_net *net, int32_t value, int32_t *nodes, int32_t room) {
  int32_t count = 0;
  for (int32_t i = 0; i < net->nodes.n; i++) {
    const net_node *n = net__node(net, i);
    for (int32_t j = 0; j < n->n_in; j++) {
      if (n->in[j] != value) continue;
      if (count < room) nodes[count] = i;
      count++;
      break;
    }
  }
  return count;
}
