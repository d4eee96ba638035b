/* onnx.c: an ONNX graph becomes a net. Values that depend on no input are computed at once; what remains are layers
 * with conventional types, named after the exporter's modules ("layer1.0.conv1"), so that the net can be cut,
 * frozen, trained and saved like any other. Integer data inside stay 0-based. */
#include <stdarg.h>
#include <stdio.h>

#include "onnx.h"

scion_status scion__onnx_fail(scion_onnx *o, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  const scion_onnx_node *n = o->node;
  return scion_fail(o->ctx, SCION_EUNSUPPORTED, "%s: %.*s '%.*s': %s", o->path, (int)scion__min(n->op_type.end - n->op_type.p, 60), (const char *)n->op_type.p,
                    (int)scion__min(n->name.end - n->name.p, 120), (const char *)n->name.p, text);
}
scion_status scion__onnx_damaged(scion_onnx *o, const char *what) { return scion_fail(o->ctx, SCION_EFORMAT, "%s: %s", o->path, what); }

/* ---- values ------------------------------------------------------------------------------------------------- */

static int32_t new_value(scion_onnx *o) {
  if (o->n_values == o->cap) {
    int32_t cap = o->cap == 0 ? 256 : 2 * o->cap;
    scion_onnx_value *more = scion__alloc(o->ctx, (size_t)cap * sizeof *more);
    if (more == NULL) return -1;
    if (o->n_values > 0) memcpy(more, o->values, (size_t)o->n_values * sizeof *more);
    if (o->values != NULL) scion__free(o->ctx, o->values, (size_t)o->cap * sizeof *more);
    o->values = more;
    o->cap = cap;
  }
  o->values[o->n_values] = (scion_onnx_value){ .id = -1, .dtype = -1 };
  return o->n_values++;
}
static void describe(scion_onnx_value *v, const scion_tensor *t) {
  v->known = true;
  v->dtype = t->dtype;
  v->n_dims = t->n_dims;
  for (int32_t d = 0; d < t->n_dims; d++) v->probe[0][d] = v->probe[1][d] = t->shape[d];
}
int32_t scion__onnx_constant(scion_onnx *o, scion_tensor *t) {
  int32_t v = new_value(o);
  if (v < 0) {
    scion_tensor_free(o->ctx, t);
    return -1;
  }
  o->values[v].tensor = t;
  describe(&o->values[v], t);
  return v;
}
int32_t scion__onnx_find(const scion_onnx *o, const scion_pb *name) {
  size_t length = (size_t)(name->end - name->p);
  for (int32_t i = o->n_values - 1; i >= o->first; i = o->values[i].closed ? o->values[i].below : i - 1)
    if (!o->values[i].closed && o->values[i].name != NULL && o->values[i].name_length == length && memcmp(name->p, o->values[i].name, length) == 0) return i;
  return -1;
}
scion_status scion__onnx_bind(scion_onnx *o, int32_t v, const scion_pb *name) {
  char *text = scion__pb_text(o->ctx, name);
  if (text == NULL) return SCION_ENOMEM;
  if (v < 0 || o->values[v].name != NULL) { /* Identity and the like, or an input of a function: a second name for it */
    int32_t copy = new_value(o);
    if (copy < 0) {
      scion__strfree(o->ctx, text);
      return SCION_ENOMEM;
    }
    scion_onnx_value *to = &o->values[copy];
    if (v >= 0) {
      *to = o->values[v];
      to->closed = false;
      if (to->tensor != NULL) scion_tensor_ref(to->tensor);
      for (int k = 0; k < 2; k++) if (to->seen[k] != NULL) scion_tensor_ref(to->seen[k]);
      to->label = to->weight ? scion__strdup(o->ctx, to->label != NULL ? to->label : to->name) : NULL; /* without memory it goes by the second name */
    }
    to->absent = v < 0 || o->values[v].absent;
    v = copy;
  }
  o->values[v].name = text;
  o->values[v].name_length = strlen(text);
  return SCION_OK;
}

void scion__onnx_name(scion_onnx *o, int32_t v, const char *name) {
  scion_onnx_value *value = &o->values[v];
  if (value->tensor == NULL || value->name != NULL) return;
  char full[400];
  snprintf(full, sizeof full, "%.250s.%.60s", o->layer, name);
  value->name = scion__strdup(o->ctx, full); /* without memory it stays nameless */
  value->weight = value->name != NULL;
}
scion_tensor *scion__onnx_const_in(scion_onnx *o, int32_t i) {
  int32_t v = scion__onnx_in(o, i);
  return v < 0 ? NULL : o->values[v].tensor;
}
scion_status scion__onnx_rank(scion_onnx *o, int32_t v, int32_t *rank) {
  if (v < 0) return scion__onnx_fail(o, "an input is missing");
  if (!o->values[v].known) return scion__onnx_fail(o, "the number of dimensions of an input is not known before the network runs");
  *rank = o->values[v].n_dims;
  return SCION_OK;
}
scion_status scion__onnx_ints_in(scion_onnx *o, int32_t i, scion_ints *out) {
  scion_tensor *t = scion__onnx_const_in(o, i);
  out->n = -1;
  if (scion__onnx_in(o, i) < 0) return SCION_OK;
  if (t == NULL) return scion__onnx_fail(o, "input %d is computed by the network, only constants are possible there", i);
  if (t->numel > SCION_MAX_INTS) return scion__onnx_fail(o, "input %d holds %lld numbers, at most %d are possible", i, (long long)t->numel, SCION_MAX_INTS);
  scion_tensor *packed;
  SCION_TRY(scion__tensor_packed(o->ctx, t, &packed));
  out->n = (int32_t)t->numel;
  for (int32_t k = 0; k < out->n; k++) {
    if (packed->dtype == SCION_I64) out->v[k] = ((const int64_t *)(void *)packed->data)[k];
    else if (packed->dtype == SCION_I32) out->v[k] = ((const int32_t *)(void *)packed->data)[k];
    else out->n = -2;
  }
  scion_tensor_free(o->ctx, packed);
  return out->n == -2 ? scion__onnx_fail(o, "input %d holds no integers", i) : SCION_OK;
}

/* ---- attributes ------------------------------------------------------------------------------------------------ */

/* Field `number` of a message, an attribute of that name. */
static bool attribute_of(scion_pb message, uint32_t number, const scion_pb *name, scion_pb *out) {
  scion_pb_field f, a;
  while (scion__pb_next(&message, &f)) {
    if (f.number != number || f.wire != 2) continue;
    scion_pb inner = f.sub;
    while (scion__pb_next(&inner, &a)) {
      if (a.number != 1 || a.wire != 2) continue;
      if (a.sub.end - a.sub.p == name->end - name->p && memcmp(a.sub.p, name->p, (size_t)(name->end - name->p)) == 0) {
        *out = f.sub;
        return true;
      }
      break;
    }
  }
  return false;
}
/* Inside a function an attribute may stand for one of the caller's, or for the function's default. */
static bool node_attribute(const scion_onnx_frame *frame, scion_pb node, const scion_pb *name, scion_pb *out) {
  scion_pb_field f;
  scion_pb wanted = *name;
  for (;; frame = frame->up) {
    if (!attribute_of(node, 5, &wanted, out)) return false;
    scion_pb inner = *out, other = { 0 };
    while (scion__pb_next(&inner, &f)) if (f.number == 21 && f.wire == 2 && f.sub.p < f.sub.end) other = f.sub;
    if (other.p == NULL) return true;
    if (frame == NULL) return false;
    if (!attribute_of(frame->caller, 5, &other, out)) return attribute_of(frame->function, 11, &other, out);
    node = frame->caller;
    wanted = other;
  }
}
static bool find_attribute(scion_onnx *o, const char *name, scion_pb *out) {
  const unsigned char *text = (const unsigned char *)name;
  scion_pb wanted = { text, text + strlen(name), false };
  return node_attribute(o->frame, o->node->attributes, &wanted, out);
}
bool scion__onnx_has(scion_onnx *o, const char *name) {
  scion_pb a;
  return find_attribute(o, name, &a);
}
int64_t scion__onnx_int(scion_onnx *o, const char *name, int64_t def) {
  scion_pb a;
  scion_pb_field f;
  if (!find_attribute(o, name, &a)) return def;
  while (scion__pb_next(&a, &f)) if (f.number == 3 && f.wire == 0) return (int64_t)f.v;
  return def;
}
double scion__onnx_float(scion_onnx *o, const char *name, double def) {
  scion_pb a;
  scion_pb_field f;
  if (!find_attribute(o, name, &a)) return def;
  while (scion__pb_next(&a, &f)) {
    if (f.number != 2 || f.wire != 5) continue;
    uint32_t u = (uint32_t)f.v;
    float v;
    memcpy(&v, &u, 4);
    return v;
  }
  return def;
}
bool scion__onnx_text(scion_onnx *o, const char *name, scion_pb *out) {
  scion_pb a;
  scion_pb_field f;
  if (!find_attribute(o, name, &a)) return false;
  while (scion__pb_next(&a, &f)) {
    if (f.number != 4 || f.wire != 2) continue;
    *out = f.sub;
    return true;
  }
  return false;
}
int32_t scion__onnx_floats(scion_onnx *o, const char *name, double *out, int32_t room) {
  scion_pb a;
  scion_pb_field f;
  int32_t n = 0;
  if (!find_attribute(o, name, &a)) return -1;
  while (scion__pb_next(&a, &f)) {
    if (f.number != 7) continue;
    unsigned char one[4];
    scion__put_le(one, 4, f.v);
    scion_pb list = f.wire == 2 ? f.sub : (scion_pb){ one, one + 4, false };
    for (; list.end - list.p >= 4; list.p += 4) {
      uint32_t u = scion__le32(list.p);
      float v;
      memcpy(&v, &u, 4);
      if (n == room) return -1;
      out[n++] = v;
    }
  }
  return n;
}
bool scion__onnx_texts(scion_onnx *o, const char *name, char *out, size_t room) {
  scion_pb a;
  scion_pb_field f;
  size_t n = 0;
  out[0] = '\0';
  if (!find_attribute(o, name, &a)) return false;
  while (scion__pb_next(&a, &f)) {
    if (f.number != 9 || f.wire != 2) continue;
    if (n > 0 && n + 1 < room) out[n++] = ',';
    for (const unsigned char *p = f.sub.p; p < f.sub.end && n + 1 < room; p++) out[n++] = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
    out[n] = '\0';
  }
  return true;
}
scion_status scion__onnx_ints(scion_onnx *o, const char *name, scion_ints *out) {
  scion_pb a;
  scion_pb_field f;
  out->n = -1;
  if (!find_attribute(o, name, &a)) return SCION_OK;
  out->n = 0;
  while (scion__pb_next(&a, &f)) {
    if (f.number != 8) continue;
    scion_pb one = f.sub;
    do {
      uint64_t v = f.v;
      if (f.wire == 2 && (one.p >= one.end || !scion__pb_varint(&one, &v))) break;
      if (out->n == SCION_MAX_INTS) return scion__onnx_fail(o, "attribute %s has more than %d numbers", name, SCION_MAX_INTS);
      out->v[out->n++] = (int64_t)v;
    } while (f.wire == 2);
  }
  return SCION_OK;
}
int32_t scion__onnx_tensor_attr_type(scion_onnx *o, const char *name) {
  scion_pb a;
  scion_pb_field f;
  if (!find_attribute(o, name, &a)) return 0;
  while (scion__pb_next(&a, &f)) if (f.number == 5 && f.wire == 2) return (int32_t)(scion__onnx_type_of(f.sub) & 63);
  return 0;
}
bool scion__onnx_graph_attr(scion_onnx *o, const char *name, scion_pb *out) {
  scion_pb a;
  scion_pb_field f;
  if (!find_attribute(o, name, &a)) return false;
  while (scion__pb_next(&a, &f)) {
    if (f.number != 6 || f.wire != 2) continue;
    *out = f.sub;
    return true;
  }
  return false;
}
scion_status scion__onnx_tensor_attr(scion_onnx *o, const char *name, scion_tensor **out) {
  scion_pb a;
  scion_pb_field f;
  *out = NULL;
  if (!find_attribute(o, name, &a)) return SCION_OK;
  while (scion__pb_next(&a, &f))
    if (f.number == 5 && f.wire == 2) return scion__onnx_tensor(o->ctx, o->path, o->file, f.sub, NULL, out);
  return SCION_OK;
}

/* ---- layers --------------------------------------------------------------------------------------------------------- */

static void clean_name(char *s) {
  char *to = s;
  for (char *p = s; *p != '\0'; p++) {
    if (*p == '/' && to == s) continue;
    *to++ = *p == '/' ? '.' : *p == ':' || (unsigned char)*p < 33 ? '_' : *p;
  }
  *to = '\0';
}
/* A value as an id of the net; constants become entries. */
static scion_status value_id(scion_onnx *o, int32_t v, const char *slot, bool param_slot, int32_t *id) {
  scion_onnx_value *value = &o->values[v];
  if (value->id >= 0) {
    *id = value->id;
    return SCION_OK;
  }
  if (value->tensor == NULL) return scion__onnx_damaged(o, "a value is used before it is computed");
  int32_t shared = scion_net_find_tensor(o->net, value->tensor);
  if (shared >= 0) {
    scion_entry_info info;
    scion_net_get_entry(o->net, shared, &info);
    *id = value->id = info.value;
    return SCION_OK;
  }
  char name[400];
  if (value->weight && value->name != NULL) snprintf(name, sizeof name, "%.300s", value->label != NULL ? value->label : value->name);
  else snprintf(name, sizeof name, "%.200s.%.60s", o->layer, slot);
  clean_name(name);
  for (int32_t k = 2; scion_net_find_entry(o->net, name) >= 0; k++) snprintf(name, sizeof name, "%.200s.%.60s_%d", o->layer, slot, k);
  bool is_float = scion__is_float(value->tensor->dtype);
  bool buffer = strncmp(slot, "running_", 8) == 0;
  scion_entry_kind kind = buffer ? SCION_ENTRY_BUFFER : is_float && (value->weight || param_slot) ? SCION_ENTRY_PARAM : SCION_ENTRY_CONST;
  if (kind == SCION_ENTRY_PARAM && value->tensor->storage->n_recorded == 0) SCION_TRY(scion_set_requires_grad(o->ctx, value->tensor, 1));
  SCION_TRY(scion_net_add_entry(o->ctx, o->net, name, kind, value->tensor, id));
  o->values[v].id = *id;
  return SCION_OK;
}

static scion_status run_now(scion_onnx *o, const scion_op *op, const void *params, int32_t n_in, const int32_t *in, int32_t n_out, int32_t *out) {
  scion_tensor *t[64], *y[SCION_MAX_OUTPUTS];
  for (int32_t i = 0; i < n_in; i++) t[i] = in[i] < 0 ? NULL : o->values[in[i]].tensor;
  int was = scion_grad_enabled(o->ctx);
  scion_set_grad_enabled(o->ctx, 0);
  scion_status st = scion_apply(o->ctx, op, t, n_in, params, y, n_out);
  scion_set_grad_enabled(o->ctx, was);
  SCION_TRY(st);
  for (int32_t i = 0; i < n_out; i++) {
    out[i] = y[i] == NULL || st != SCION_OK ? -1 : scion__onnx_constant(o, y[i]);
    if (y[i] != NULL && out[i] < 0) st = SCION_ENOMEM;
  }
  return st;
}

/* Is "name_k" a layer? */
static bool taken(scion_onnx *o, char *name, size_t length, size_t room, int32_t k) {
  snprintf(name + length, room, "_%d", k);
  return scion_net_find_node(o->net, name) >= 0;
}
/* A layer's name that is taken gets the first number that is not (numbers are given in order, so that halving finds it). */
static void number_name(scion_onnx *o, char *name, size_t length, size_t room) {
  int32_t used = 1, unused = 2;
  if (scion_net_find_node(o->net, name) < 0) return;
  while (unused < 1 << 30 && taken(o, name, length, room, unused)) used = unused, unused *= 2;
  while (unused - used > 1) {
    int32_t k = used + (unused - used) / 2;
    if (taken(o, name, length, room, k)) used = k;
    else unused = k;
  }
  snprintf(name + length, room, "_%d", unused);
}
/* A layer of the net. */
static scion_status add_layer(scion_onnx *o, const scion_op *op, const void *params, const char *type, const char *suffix, int32_t n_in,
                              const int32_t *in, int32_t n_out, int32_t *out) {
  int32_t ids[64], values[SCION_MAX_OUTPUTS];
  for (int32_t i = 0; i < n_in; i++) {
    const scion_slot *slot = &op->info.inputs[scion__min(i, op->info.n_inputs - 1)];
    ids[i] = -1;
    if (in[i] >= 0) SCION_TRY(value_id(o, in[i], slot->name, slot->flags & SCION_SF_PARAM, &ids[i]));
  }
  char name[400];
  if (suffix == NULL && !o->named) {
    snprintf(name, sizeof name, "%s", o->layer);
    o->named = true;
  } else {
    snprintf(name, sizeof name, "%s.%s", o->layer, suffix != NULL ? suffix : op->info.name);
  }
  size_t length = strlen(name);
  number_name(o, name, length, sizeof name - length);
  scion_status st = scion_net_add_node(o->ctx, o->net, name, type, op, params, n_in, ids, values);
  if (st != SCION_OK) {
    if (st == SCION_ENOMEM) return st;
    char why[400];
    snprintf(why, sizeof why, "%.390s", scion_errmsg(o->ctx));
    return scion__onnx_fail(o, "%s", why);
  }
  for (int32_t i = 0; i < n_out; i++) {
    out[i] = new_value(o);
    if (out[i] < 0) return SCION_ENOMEM;
    o->values[out[i]].id = values[i];
  }
  scion__onnx_infer(o, op, params, n_in, in, n_out, out);
  if (op == &scion__op_shape_of) o->values[out[0]].list = true;
  return SCION_OK;
}

scion_status scion__onnx_emit(scion_onnx *o, const scion_op *op, const void *params, const char *type, const char *suffix, int32_t n_in,
                              const int32_t *in, int32_t n_out, int32_t *out) {
  bool constant = !(op->info.flags & SCION_OF_RANDOM);
  if (n_in > 64) return scion__onnx_fail(o, "more than 64 inputs");
  for (int32_t i = 0; i < n_in; i++) constant = constant && (in[i] < 0 || o->values[in[i]].tensor != NULL);
  if (constant) {
    scion_status st = run_now(o, op, params, n_in, in, n_out, out);
    if (st == SCION_OK || st == SCION_ENOMEM) return st;
    char why[400];
    snprintf(why, sizeof why, "%.390s", scion_errmsg(o->ctx));
    return scion__onnx_fail(o, "%s", why);
  }
  scion_tensor *seen[2][SCION_MAX_OUTPUTS] = { { NULL } };
  if (scion__onnx_follow(o, op, params, n_in, in, n_out, out, seen)) return SCION_OK;
  scion_status st = add_layer(o, op, params, type, suffix, n_in, in, n_out, out);
  for (int32_t i = 0; i < n_out; i++) {
    for (int pass = 0; pass < 2; pass++) {
      if (st == SCION_OK) o->values[out[i]].seen[pass] = seen[pass][i];
      else scion_tensor_free(o->ctx, seen[pass][i]);
    }
  }
  return st;
}
/* ---- names --------------------------------------------------------------------------------------------------------------- */

/* How many of the graph's nodes have a name that starts with this folder. */
static int32_t count_in_folder(scion_pb graph, const unsigned char *folder, size_t n) {
  scion_pb_field f, g;
  int32_t count = 0;
  while (scion__pb_next(&graph, &f)) {
    if (f.number != 1 || f.wire != 2) continue;
    scion_pb node = f.sub, name = { 0 }, op = { 0 };
    while (scion__pb_next(&node, &g)) {
      if (g.number == 3 && g.wire == 2) name = g.sub;
      if (g.number == 4 && g.wire == 2) op = g.sub;
    }
    if (name.p != NULL && op.p != NULL && !scion__pb_is(&op, "Constant") && (size_t)(name.end - name.p) > n && memcmp(name.p, folder, n) == 0 && name.p[n] == '/') count++;
  }
  return count;
}
/* "/layer1/layer1.0/conv1/Conv" is layer1.0.conv1 when a weight says so ("layer1.0.conv1.weight") or a module of its own
 * (the only operator of its folder), and layer1.0.relu_1 for the second Relu of layer1.0. */
static void choose_name(scion_onnx *o, scion_pb graph) {
  const scion_onnx_node *n = o->node;
  char *name = o->layer;
  size_t room = sizeof o->layer - 16;
  name[0] = '\0';
  for (int32_t i = 1; i < n->n_in && name[0] == '\0'; i++) {
    const scion_onnx_value *v = n->in[i] < 0 ? NULL : &o->values[n->in[i]];
    if (v == NULL || !v->weight || v->name == NULL) continue;
    const char *weight = v->label != NULL ? v->label : v->name;
    size_t length = strlen(weight);
    if (length > 7 && length - 7 < room && strcmp(weight + length - 7, ".weight") == 0) snprintf(name, room, "%.*s", (int)(length - 7), weight);
  }
  bool of_weight = name[0] != '\0';
  if (name[0] == '\0' && n->name.p != n->name.end) {
    const unsigned char *last = n->name.end, *parent;
    while (last > n->name.p && last[-1] != '/') last--;
    parent = last > n->name.p ? last - 1 : last;
    size_t folder = (size_t)(parent - n->name.p);
    while (parent > n->name.p && parent[-1] != '/') parent--;
    int module = (int)scion__max(0, (last - 1) - parent), own = (int)scion__min(n->name.end - last, 100);
    bool folders = last > n->name.p + 1 && module > 0 && module < 120;
    if (folders && count_in_folder(graph, n->name.p, folder) == 1) {
      snprintf(name, room, "%.*s", module, (const char *)parent);
    } else {
      size_t k = 0;
      if (folders) k = (size_t)snprintf(name, room, "%.*s.", module, (const char *)parent);
      bool type = (size_t)own >= (size_t)(n->op_type.end - n->op_type.p) && memcmp(last, n->op_type.p, (size_t)(n->op_type.end - n->op_type.p)) == 0;
      for (int i = 0; i < own && k + 1 < room; i++) name[k++] = (char)(type && last[i] >= 'A' && last[i] <= 'Z' ? last[i] + 32 : last[i]);
      name[k] = '\0';
    }
  }
  if (name[0] == '\0') {
    size_t k = 0;
    for (const unsigned char *p = n->op_type.p; p < n->op_type.end && k + 1 < 60; p++) name[k++] = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
    name[k] = '\0';
  }
  if (o->prefix[0] != '\0' && !of_weight) {
    char own[80];
    snprintf(own, sizeof own, "%.79s", name);
    snprintf(name, room, "%s.%s", o->prefix, own);
  }
  clean_name(name);
  size_t length = strlen(name);
  number_name(o, name, length, sizeof o->layer - length);
}

/* ---- the walk ------------------------------------------------------------------------------------------------------------------ */

static const scion_onnx_operator *find_operator(const scion_pb *name) {
  static const scion_onnx_operator *const tables[] = { scion__onnx_windows, scion__onnx_layers, scion__onnx_sequence, scion__onnx_flow,
    scion__onnx_quantised, scion__onnx_operators };
  for (int32_t i = 0; i < SCION_COUNT(tables); i++)
    for (const scion_onnx_operator *t = tables[i]; t->name != NULL; t++) if (scion__pb_is(name, t->name)) return t;
  return NULL;
}

static bool is_standard(const scion_pb *domain) { return domain->p == domain->end || scion__pb_is(domain, "ai.onnx"); }

static scion_status read_value_info(scion_onnx *o, scion_pb info, scion_pb *name, scion_net_shape *shape, int32_t *type) {
  scion_pb_field f, g, h, d;
  *shape = (scion_net_shape){ .dtype = -1, .n_dims = -1 };
  *name = (scion_pb){ 0 };
  *type = 0;
  while (scion__pb_next(&info, &f)) {
    if (f.wire != 2) continue;
    if (f.number == 1) *name = f.sub;
    if (f.number != 2) continue;
    while (scion__pb_next(&f.sub, &g)) { /* type: tensor_type 1 */
      if (g.wire != 2) continue;
      if (g.number != 1) return scion__onnx_damaged(o, "an input is no tensor (sequences and maps are not known)");
      while (scion__pb_next(&g.sub, &h)) {
        if (h.number == 1 && h.wire == 0) shape->dtype = scion__onnx_dtype(h.v), *type = h.v < 64 ? (int32_t)h.v : 0;
        if (h.number != 2 || h.wire != 2) continue;
        shape->n_dims = 0;
        while (scion__pb_next(&h.sub, &d)) {
          if (d.number != 1 || d.wire != 2) continue;
          if (shape->n_dims == SCION_MAX_DIMS) return scion__onnx_damaged(o, "an input has more than 8 dimensions");
          int64_t size = -1;
          scion_pb_field e;
          while (scion__pb_next(&d.sub, &e)) if (e.number == 1 && e.wire == 0 && e.v > 0 && e.v < INT64_MAX / 2) size = (int64_t)e.v;
          shape->shape[shape->n_dims++] = size;
        }
      }
    }
  }
  return name->p == NULL ? scion__onnx_damaged(o, "an input has no name") : SCION_OK;
}

static void know_shape(const scion_onnx *o, scion_onnx_value *value, const scion_net_shape *shape) {
  value->dtype = shape->dtype;
  if (shape->dtype < 0 || shape->n_dims < 0) return;
  value->known = true;
  value->dtype = shape->dtype;
  value->n_dims = shape->n_dims;
  for (int32_t d = 0; d < shape->n_dims; d++)
    for (int k = 0; k < 2; k++) value->probe[k][d] = shape->shape[d] >= 0 ? shape->shape[d] : o->probes[k];
}

/* What the graph says about a value whose shape could not be inferred. */
static scion_status declared_shape(scion_onnx *o, scion_pb graph, const scion_pb *name, int32_t v) {
  scion_pb_field f, g;
  while (scion__pb_next(&graph, &f)) {
    if ((f.number != 12 && f.number != 13) || f.wire != 2) continue;
    scion_pb info = f.sub, own = { 0 };
    while (scion__pb_next(&info, &g)) if (g.number == 1 && g.wire == 2) own = g.sub;
    if (own.p == NULL || own.end - own.p != name->end - name->p || memcmp(own.p, name->p, (size_t)(own.end - own.p)) != 0) continue;
    scion_net_shape shape;
    SCION_TRY(read_value_info(o, f.sub, &own, &shape, &o->values[v].type));
    know_shape(o, &o->values[v], &shape);
    return SCION_OK;
  }
  return SCION_OK;
}

scion_status scion__onnx_import_node(scion_onnx *o, scion_pb graph, scion_pb node) {
  scion_onnx_node n = { .attributes = node };
  scion_pb m = node;
  scion_pb_field f;
  while (scion__pb_next(&m, &f)) {
    if (f.wire != 2) continue;
    if (f.number == 1) n.n_in++;
    else if (f.number == 2) n.n_out++;
    else if (f.number == 3) n.name = f.sub;
    else if (f.number == 4) n.op_type = f.sub;
    else if (f.number == 7) n.domain = f.sub;
  }
  if (m.bad || n.op_type.p == NULL || n.n_in > 100000 || n.n_out > 100000) return scion__onnx_damaged(o, "a node is damaged");
  size_t in_bytes = (size_t)(n.n_in + 1) * sizeof *n.in, out_bytes = (size_t)(n.n_out + 1) * sizeof *n.out, value_bytes = (size_t)(n.n_out + 8) * sizeof(int32_t);
  n.in = scion__alloc(o->ctx, in_bytes);
  n.out = scion__alloc(o->ctx, out_bytes);
  int32_t *values = scion__alloc(o->ctx, value_bytes), i = 0, k = 0;
  scion_status st = n.in != NULL && n.out != NULL && values != NULL ? SCION_OK : SCION_ENOMEM;
  o->node = &n;
  o->named = false;
  for (m = node; st == SCION_OK && scion__pb_next(&m, &f);) {
    if (f.wire != 2 || (f.number != 1 && f.number != 2)) continue;
    if (f.number == 2) {
      n.out[k++] = f.sub;
      continue;
    }
    if (f.sub.p < f.sub.end && *f.sub.p == '^') continue; /* only an order of execution */
    n.in[i] = f.sub.p == f.sub.end ? -1 : scion__onnx_find(o, &f.sub);
    if (n.in[i] < 0 && f.sub.p != f.sub.end) {
      st = scion_fail(o->ctx, SCION_EFORMAT, "%s: a node reads '%.*s', which nothing before it computes", o->path,
          (int)scion__min(f.sub.end - f.sub.p, 200), (const char *)f.sub.p);
    }
    else if (n.in[i] >= 0 && o->values[n.in[i]].absent) n.in[i] = -1;
    i++;
  }
  n.n_in = i;
  while (st == SCION_OK && n.n_in > 0 && n.in[n.n_in - 1] < 0) n.n_in--;
  if (st == SCION_OK) {
    const scion_onnx_operator *op = is_standard(&n.domain) ? find_operator(&n.op_type) : NULL;
    scion_pb function;
    choose_name(o, graph);
    for (i = 0; i < n.n_out + 8; i++) values[i] = -1;
    if (op != NULL) st = op->fn(o, values);
    else if (scion__onnx_function(o, &n.domain, &n.op_type, &function)) st = scion__onnx_call(o, function, values);
    else st = scion__onnx_fail(o, "an operator that is not known");
  }
  for (k = 0; st == SCION_OK && k < n.n_out; k++) {
    if (n.out[k].p == n.out[k].end) continue;
    if (values[k] < 0) continue;
    if (!o->values[values[k]].known) st = declared_shape(o, graph, &n.out[k], values[k]);
    if (st == SCION_OK) st = scion__onnx_bind(o, values[k], &n.out[k]);
  }
  if (n.in != NULL) scion__free(o->ctx, n.in, in_bytes);
  if (n.out != NULL) scion__free(o->ctx, n.out, out_bytes);
  if (values != NULL) scion__free(o->ctx, values, value_bytes);
  o->node = NULL;
  return st;
}

/* Operators that the tables lack, each once with the first node that uses it. */
static scion_status check_operators(scion_onnx *o, scion_pb graph) {
  scion_pb g = graph;
  scion_pb_field f, n;
  char missing[400] = "";
  int32_t count = 0;
  while (scion__pb_next(&g, &f)) {
    if (f.number != 1 || f.wire != 2) continue;
    scion_pb node = f.sub, op = { 0 }, name = { 0 }, domain = { 0 };
    while (scion__pb_next(&node, &n)) {
      if (n.wire != 2) continue;
      if (n.number == 3) name = n.sub;
      if (n.number == 4) op = n.sub;
      if (n.number == 7) domain = n.sub;
    }
    if (op.p == NULL) return scion__onnx_damaged(o, "a node has no operator");
    bool standard = is_standard(&domain);
    scion_pb function;
    char word[80];
    snprintf(word, sizeof word, "%s%.*s", standard ? "" : "custom ", (int)scion__min(op.end - op.p, 60), (const char *)op.p);
    if ((standard && find_operator(&op) != NULL) || scion__onnx_function(o, &domain, &op, &function) || strstr(missing, word) != NULL) continue;
    size_t at = strlen(missing);
    snprintf(missing + at, sizeof missing - at, "%s%s ('%.*s')", count++ == 0 ? "" : ", ", word, (int)scion__min(name.end - name.p, 60), (const char *)name.p);
  }
  if (g.bad) return scion__onnx_damaged(o, "the graph is damaged");
  return count == 0 ? SCION_OK : scion_fail(o->ctx, SCION_EUNSUPPORTED, "%s: uses operators that are not known: %s", o->path, missing);
}

static scion_status import_inputs(scion_onnx *o, scion_pb graph) {
  scion_pb_field f;
  while (scion__pb_next(&graph, &f)) {
    scion_pb name;
    scion_net_shape shape;
    int32_t type;
    if (f.number != 11 || f.wire != 2) continue;
    SCION_TRY(read_value_info(o, f.sub, &name, &shape, &type));
    if (scion__onnx_find(o, &name) >= 0) continue; /* an initialiser */
    int32_t v = new_value(o);
    if (v < 0) return SCION_ENOMEM;
    SCION_TRY(scion__onnx_bind(o, v, &name));
    char text[200];
    snprintf(text, sizeof text, "%s", o->values[v].name);
    clean_name(text);
    SCION_TRY(scion_net_add_input(o->ctx, o->net, text, shape.dtype, shape.n_dims, shape.shape, &o->values[v].id));
    know_shape(o, &o->values[v], &shape);
    o->values[v].type = type;
  }
  return graph.bad ? scion__onnx_damaged(o, "the graph is damaged") : SCION_OK;
}

scion_status scion__onnx_weights(scion_onnx *o, scion_pb graph) {
  scion_pb_field f;
  while (scion__pb_next(&graph, &f)) {
    if (f.number == 15) return scion__onnx_damaged(o, "sparse initialisers are not known");
    if (f.number != 5 || f.wire != 2) continue;
    scion_tensor *t;
    char *name;
    SCION_TRY(scion__onnx_tensor(o->ctx, o->path, o->file, f.sub, &name, &t));
    int32_t v = scion__onnx_constant(o, t);
    if (v < 0) {
      scion__strfree(o->ctx, name);
      return SCION_ENOMEM;
    }
    o->values[v].name = name;
    o->values[v].name_length = strlen(name);
    o->values[v].weight = true;
    o->values[v].type = (int32_t)(scion__onnx_type_of(f.sub) & 63);
  }
  return SCION_OK;
}
static scion_status import_graph(scion_onnx *o, scion_pb graph) {
  scion_pb g = graph;
  scion_pb_field f;
  SCION_TRY(check_operators(o, graph));
  SCION_TRY(scion__onnx_weights(o, graph));
  SCION_TRY(import_inputs(o, graph));
  for (g = graph; scion__pb_next(&g, &f);)
    if (f.number == 1 && f.wire == 2) SCION_TRY(scion__onnx_import_node(o, graph, f.sub));
  int32_t outputs[64], n = 0;
  for (g = graph; scion__pb_next(&g, &f);) {
    scion_pb name;
    scion_pb_field e;
    if (f.number != 12 || f.wire != 2) continue;
    name = (scion_pb){ 0 };
    while (scion__pb_next(&f.sub, &e)) if (e.number == 1 && e.wire == 2) name = e.sub;
    int32_t v = name.p == NULL ? -1 : scion__onnx_find(o, &name);
    if (v < 0) return scion__onnx_damaged(o, "an output of the graph is computed by no node");
    if (n == 64) return scion__onnx_damaged(o, "more than 64 outputs");
    snprintf(o->layer, sizeof o->layer, "output");
    SCION_TRY(value_id(o, v, "constant", false, &outputs[n++]));
  }
  if (n == 0) return scion__onnx_damaged(o, "the graph has no outputs");
  SCION_TRY(scion_net_set_outputs(o->ctx, o->net, n, outputs));
  scion_net_set_training(o->net, 0);
  SCION_TRY(scion_net_set_attr(o->ctx, o->net, -1, "format", "onnx"));
  return scion_net_prune(o->ctx, o->net, 0);
}

static scion_status import_model(scion_onnx *o, scion_pb model) {
  scion_pb_field f, e;
  scion_pb graph = { 0 };
  bool version = false;
  o->model = model;
  while (scion__pb_next(&model, &f)) {
    if (f.number == 1 && f.wire == 0) version = true;
    if (f.number == 7 && f.wire == 2) graph = f.sub;
    if (f.number != 8 || f.wire != 2) continue;
    scion_pb domain = { 0 };
    int64_t opset = 1;
    while (scion__pb_next(&f.sub, &e)) {
      if (e.number == 1 && e.wire == 2) domain = e.sub;
      if (e.number == 2 && e.wire == 0) opset = (int64_t)e.v;
    }
    if (is_standard(&domain)) o->opset = opset;
  }
  if (model.bad || !version || graph.p == NULL) return scion__onnx_damaged(o, "no ONNX model, or a damaged one");
  return import_graph(o, graph);
}

static scion_status load_with(scion_context *ctx, const scion_file *f, bool mapped, const int64_t *probes, bool *hopeless, scion_net **out) {
  scion_onnx o = { .ctx = ctx, .path = f->path, .file = mapped ? f : NULL, .opset = 1, .probes = probes };
  *hopeless = false;
  SCION_TRY(scion_net_new(ctx, &o.net));
  scion_status st = import_model(&o, (scion_pb){ f->data, f->data + f->size, false });
  for (int32_t i = 0; i < o.n_values; i++) {
    scion_tensor_free(ctx, o.values[i].tensor);
    for (int k = 0; k < 2; k++) scion_tensor_free(ctx, o.values[i].seen[k]);
    if (o.values[i].name != NULL) scion__strfree(ctx, o.values[i].name);
    if (o.values[i].label != NULL) scion__strfree(ctx, o.values[i].label);
  }
  if (o.values != NULL) scion__free(ctx, o.values, (size_t)o.cap * sizeof *o.values);
  if (st == SCION_OK) *out = o.net;
  else scion_net_free(ctx, o.net);
  *hopeless = o.hopeless;
  return st;
}
/* Pictures want sizes that halve often; sequences may have few positions: smaller sizes when the first do not fit. */
static scion_status load_file(scion_context *ctx, const scion_file *f, bool mapped, scion_net **out) {
  static const int64_t probes[][2] = { { 224, 352 }, { 12, 8 }, { 4, 3 } };
  scion_status st = SCION_OK;
  *out = NULL;
  for (int32_t i = 0; i < SCION_COUNT(probes); i++) {
    char message[sizeof ctx->message];
    if (i > 0) memcpy(message, ctx->message, sizeof message);
    bool hopeless;
    scion_status next = load_with(ctx, f, mapped, probes[i], &hopeless, out);
    if (next == SCION_OK || next != SCION_EUNSUPPORTED || hopeless) return next;
    if (i > 0) memcpy(ctx->message, message, sizeof message); /* the first reason counts */
    st = next;
  }
  return st;
}
scion_status scion_onnx_load_memory(scion_context *ctx, const char *name, const void *data, size_t size, scion_net **out) {
  scion_file f = { .path = name, .data = data, .size = size, .fd = -1 };
  return load_file(ctx, &f, false, out);
}
scion_status scion_onnx_load(scion_context *ctx, const char *path, scion_net **out) { return scion__onnx_load(ctx, path, false, out); }
scion_status scion__onnx_load(scion_context *ctx, const char *path, bool map, scion_net **out) {
  scion_file f;
  *out = NULL;
  SCION_TRY(scion__file_open(ctx, path, &f));
  scion_status st = map ? scion__file_share(ctx, &f) : SCION_OK;
  if (st == SCION_OK) st = load_file(ctx, &f, true, out);
  scion__file_close(ctx, &f);
  return st;
}

scion_status scion_onnx_tensor_memory(scion_context *ctx, const char *name, const void *data, size_t size, scion_tensor **out) {
  const unsigned char *bytes = data;
  return scion__onnx_tensor(ctx, name, NULL, (scion_pb){ bytes, bytes + size, false }, NULL, out);
}
