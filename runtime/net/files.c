/* files.c: nets in files. One safetensors file: entries as tensors under their names, the structure as JSON in the
 * metadata under "scion.net", a hash over both under "scion.hash". Values are numbered inputs first, then
 * entries, then the outputs of the nodes in order, so a reference to a later value is a damaged file and
 * cycles cannot be written down. Reading trusts nothing: every name, number, arity and tensor is checked. */
#include <stdio.h>

#include "../base/json.h"
#include "net.h"

#define FORMAT_VERSION 1
#define MAX_ATTRS 4096

static const char *const kind_words[] = { "param", "buffer", "const" };

/* ---- hash --------------------------------------------------------------------------------------- */

/* 128 bits, two multiply-rotate lanes over 16-byte blocks; not cryptographic: it tells networks apart and finds
 * damage. */
typedef struct { uint64_t a, b, bytes; unsigned char rest[16]; size_t n_rest; } hasher;

static uint64_t rotate(uint64_t v, int k) { return (v << k) | (v >> (64 - k)); }
static uint64_t mix(uint64_t v) {
  v = (v ^ (v >> 33)) * 0xff51afd7ed558ccdull;
  v = (v ^ (v >> 33)) * 0xc4ceb9fe1a85ec53ull;
  return v ^ (v >> 33);
}
static void hash_block(hasher *h, const unsigned char *p) {
  uint64_t x, y;
  memcpy(&x, p, 8);
  memcpy(&y, p + 8, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  x = __builtin_bswap64(x);
  y = __builtin_bswap64(y);
#endif
  h->a = (rotate(h->a ^ (rotate(x * 0x9e3779b97f4a7c15ull, 31) * 0xd6e8feb86659fd93ull), 27) + h->b) * 5 + 0x52dce729;
  h->b = (rotate(h->b ^ (rotate(y * 0xd6e8feb86659fd93ull, 33) * 0x9e3779b97f4a7c15ull), 31) + h->a) * 5 + 0x38495ab5;
}
static void hash_bytes(hasher *h, const void *data, size_t n) {
  const unsigned char *p = data;
  h->bytes += n;
  while (n > 0) {
    if (h->n_rest == 0 && n >= 16) {
      hash_block(h, p);
      p += 16;
      n -= 16;
      continue;
    }
    h->rest[h->n_rest++] = *p++;
    n--;
    if (h->n_rest == 16) {
      hash_block(h, h->rest);
      h->n_rest = 0;
    }
  }
}
static void hash_text(hasher *h, const char *s) { hash_bytes(h, s, strlen(s) + 1); }
static void hash_hex(hasher *h, char out[33]) {
  memset(h->rest + h->n_rest, 0, sizeof h->rest - h->n_rest);
  hash_block(h, h->rest);
  uint64_t a = mix(h->a ^ h->bytes), b = mix(h->b + a);
  a = mix(a + b);
  snprintf(out, 33, "%016llx%016llx", (unsigned long long)a, (unsigned long long)b);
}

static scion_status hash_tensor(scion_context *ctx, hasher *h, scion_tensor *t) {
  scion_tensor *packed;
  int64_t head[SCION_MAX_DIMS + 2] = { t->dtype, t->n_dims };
  for (int32_t d = 0; d < t->n_dims; d++) head[2 + d] = t->shape[d];
  SCION_TRY(scion__tensor_packed(ctx, t, &packed));
  hash_bytes(h, head, (size_t)(t->n_dims + 2) * sizeof *head);
  hash_bytes(h, packed->data, (size_t)packed->numel * scion_dtype_size((scion_dtype)packed->dtype));
  scion_tensor_free(ctx, packed);
  return SCION_OK;
}

/* Over the structure's text and every entry: what both saving and loading can compute. */
static scion_status hash_net(scion_context *ctx, const scion_net *net, const char *structure, char out[33]) {
  hasher h = { .a = 0x736369, .b = 0x6f6e };
  hash_text(&h, structure);
  for (int32_t i = 0; i < net->entries.n; i++) SCION_TRY(hash_tensor(ctx, &h, net__entry(net, i)->tensor));
  hash_hex(&h, out);
  return SCION_OK;
}

/* ---- writing ------------------------------------------------------------------------------------- */

static void put_text(scion_text *b, bool *first, const char *key, const char *s) {
  scion__json_put_key(b, first, key);
  scion__json_put_string(b, s, strlen(s));
}

static void put_attrs(scion_text *b, bool *first, const net_attrs *attrs) {
  if (attrs->n == 0) return;
  bool inner = true;
  scion__json_put_key(b, first, "attrs");
  scion__text_add(b, "{");
  for (int32_t i = 0; i < attrs->n; i++) put_text(b, &inner, attrs->v[i].key, attrs->v[i].value);
  scion__text_add(b, "}");
}

static void put_ints(scion_text *b, int32_t n, const int64_t *v) {
  scion__text_add(b, "[");
  for (int32_t i = 0; i < n; i++) scion__text_add(b, "%s%lld", i > 0 ? "," : "", (long long)v[i]);
  scion__text_add(b, "]");
}

static void put_params(scion_text *b, const scion_op *op, const void *params) {
  bool first = true;
  scion__text_add(b, "{");
  for (int32_t i = 0; i < op->info.n_params; i++) {
    const scion_param *p = &op->info.params[i];
    const void *at = (const char *)params + p->offset;
    if (p->flags & SCION_PF_TRAINING) continue;
    if (p->type == SCION_P_INT && *(const int64_t *)at == SCION_NONE) continue;
    if (p->type == SCION_P_INTS && ((const scion_ints *)at)->n < 0) continue;
    if (p->type == SCION_P_DTYPE && *(const int32_t *)at < 0) continue;
    scion__json_put_key(b, &first, p->name);
    switch (p->type) {
      case SCION_P_BOOL: scion__text_add(b, *(const int32_t *)at ? "true" : "false"); break;
      case SCION_P_INT: scion__text_add(b, "%lld", (long long)*(const int64_t *)at); break;
      case SCION_P_FLOAT: scion__json_put_number(b, *(const double *)at); break;
      case SCION_P_INTS: put_ints(b, ((const scion_ints *)at)->n, ((const scion_ints *)at)->v); break;
      case SCION_P_ENUM: {
        const char *s = p->choices[*(const int32_t *)at];
        scion__json_put_string(b, s, strlen(s));
        break;
      }
      case SCION_P_DTYPE: {
        const char *s = scion_dtype_name((scion_dtype) * (const int32_t *)at);
        scion__json_put_string(b, s, strlen(s));
        break;
      }
      case SCION_P_STRING: scion__json_put_string(b, ((const scion_string *)at)->v, strlen(((const scion_string *)at)->v)); break;
    }
  }
  scion__text_add(b, "}");
}

static void put_values(scion_text *b, bool *first, const char *key, int32_t n, const int32_t *values, const int32_t *number) {
  scion__json_put_key(b, first, key);
  scion__text_add(b, "[");
  for (int32_t i = 0; i < n; i++) scion__text_add(b, "%s%d", i > 0 ? "," : "", values[i] < 0 ? -1 : (int)number[values[i]]);
  scion__text_add(b, "]");
}

static void put_node(scion_text *b, const net_node *n, const int32_t *number) {
  bool first = true;
  scion__text_add(b, "{");
  put_text(b, &first, "name", n->item.name);
  put_text(b, &first, "type", n->type);
  if (n->op != NULL) {
    put_text(b, &first, "op", n->op->info.name);
    scion__json_put_key(b, &first, "version");
    scion__text_add(b, "%d", (int)n->op->info.version);
    if (n->op->info.n_params > 0) {
      scion__json_put_key(b, &first, "params");
      put_params(b, n->op, n->params);
    }
  } else {
    put_text(b, &first, "custom", n->custom->name);
    if (n->custom->config != NULL) put_text(b, &first, "config", n->custom->config);
    scion__json_put_key(b, &first, "outputs");
    scion__text_add(b, "%d", (int)n->n_out);
  }
  if (n->mode >= 0) put_text(b, &first, "mode", n->mode == 1 ? "train" : "eval");
  put_values(b, &first, "inputs", n->n_in, n->in, number);
  put_attrs(b, &first, &n->attrs);
  scion__text_add(b, "}");
}

/* The structure as JSON; names of tensors are those of the entries (the first of those that share one). */
static scion_status structure_text(scion_context *ctx, const scion_net *net, char **out) {
  *out = NULL;
  size_t bytes = (size_t)(net->n_values + 1) * sizeof(int32_t);
  int32_t *number = scion__calloc(ctx, bytes), next = 0;
  if (number == NULL) return SCION_ENOMEM;
  for (int32_t i = 0; i < net->inputs.n; i++) number[net__input(net, i)->value] = next++;
  for (int32_t i = 0; i < net->entries.n; i++) number[net__entry(net, i)->value] = next++;
  for (int32_t i = 0; i < net->nodes.n; i++)
    for (int32_t k = 0; k < net__node(net, i)->n_out; k++) number[net__node(net, i)->out[k]] = next++;
  scion_text b;
  scion__text_init(&b, ctx);
  bool first = true;
  scion__text_add(&b, "{\"format\":%d", FORMAT_VERSION);
  first = false;
  put_text(&b, &first, "scion", scion_version());
  scion__json_put_key(&b, &first, "training");
  scion__text_add(&b, net->training ? "true" : "false");
  put_attrs(&b, &first, &net->attrs);
  scion__json_put_key(&b, &first, "inputs");
  scion__text_add(&b, "[");
  for (int32_t i = 0; i < net->inputs.n; i++) {
    const net_input *in = net__input(net, i);
    bool inner = true;
    scion__text_add(&b, i > 0 ? ",{" : "{");
    put_text(&b, &inner, "name", in->item.name);
    if (in->shape.dtype >= 0) put_text(&b, &inner, "dtype", scion_dtype_name((scion_dtype)in->shape.dtype));
    if (in->shape.n_dims >= 0) {
      scion__json_put_key(&b, &inner, "shape");
      put_ints(&b, in->shape.n_dims, in->shape.shape);
    }
    scion__text_add(&b, "}");
  }
  scion__text_add(&b, "]");
  scion__json_put_key(&b, &first, "entries");
  scion__text_add(&b, "[");
  for (int32_t i = 0; i < net->entries.n; i++) {
    const net_entry *e = net__entry(net, i);
    bool inner = true;
    int32_t holder = scion_net_find_tensor(net, e->tensor);
    scion__text_add(&b, i > 0 ? ",{" : "{");
    put_text(&b, &inner, "name", e->item.name);
    put_text(&b, &inner, "kind", kind_words[e->kind]);
    if (holder != i) put_text(&b, &inner, "tensor", net__entry(net, holder)->item.name);
    if (e->frozen) {
      scion__json_put_key(&b, &inner, "frozen");
      scion__text_add(&b, "true");
    }
    scion__text_add(&b, "}");
  }
  scion__text_add(&b, "]");
  scion__json_put_key(&b, &first, "nodes");
  scion__text_add(&b, "[");
  for (int32_t i = 0; i < net->nodes.n; i++) {
    if (i > 0) scion__text_add(&b, ",");
    put_node(&b, net__node(net, i), number);
  }
  scion__text_add(&b, "]");
  put_values(&b, &first, "outputs", net->n_outputs, net->outputs, number);
  scion__text_add(&b, "}");
  scion__free(ctx, number, bytes);
  *out = scion__text_take(&b);
  return *out != NULL ? SCION_OK : SCION_ENOMEM;
}

static scion_status check_saveable(scion_context *ctx, const scion_net *net) {
  for (int32_t i = 0; i < net->nodes.n; i++) {
    const net_node *n = net__node(net, i);
    if (n->op != NULL || n->custom->name != NULL) continue;
    return scion_fail(ctx, SCION_EUNSUPPORTED, "layer '%s' (%s) is a function without a registered name and cannot be written to a file; "
                      "register it first: scion.register_layer(\"name\", fn)", n->item.name, n->type);
  }
  return SCION_OK;
}

scion_status scion_net_hash(scion_context *ctx, scion_net *net, char out[33]) {
  char *text;
  out[0] = 0;
  SCION_TRY(check_saveable(ctx, net));
  SCION_TRY(structure_text(ctx, net, &text));
  scion_status st = hash_net(ctx, net, text, out);
  scion_text_free(ctx, text);
  return st;
}

scion_status scion_net_save(scion_context *ctx, scion_net *net, const char *path) {
  if (path == NULL || *path == 0) return scion_fail(ctx, SCION_EINVAL, "net:save: the path is empty");
  SCION_TRY(check_saveable(ctx, net));
  char *text, hash[33], version[16];
  SCION_TRY(structure_text(ctx, net, &text));
  snprintf(version, sizeof version, "%d", FORMAT_VERSION);
  int32_t n_entries = net->entries.n, n = 0;
  size_t bytes = (size_t)(n_entries + 1) * (sizeof(char *) + sizeof(scion_tensor *));
  const char **names = scion__calloc(ctx, bytes);
  scion_status st = names != NULL ? hash_net(ctx, net, text, hash) : SCION_ENOMEM;
  if (st == SCION_OK) {
    scion_tensor **tensors = (scion_tensor **)(void *)(names + n_entries + 1);
    for (int32_t i = 0; i < n_entries; i++) {
      net_entry *e = net__entry(net, i);
      if (scion_net_find_tensor(net, e->tensor) != i) continue;
      names[n] = e->item.name;
      tensors[n++] = e->tensor;
    }
    const char *const keys[] = { "scion.format", "scion.hash", "scion.net" };
    const char *const values[] = { version, hash, text };
    st = scion_safetensors_write(ctx, path, n, names, tensors, 3, keys, values);
  }
  if (names != NULL) scion__free(ctx, names, bytes);
  scion_text_free(ctx, text);
  return st;
}

/* ---- reading ------------------------------------------------------------------------------------- */

typedef struct reader {
  scion_context *ctx;
  scion_net *net;
  const scion_net_load_options *options;
  int32_t *ids; /* file's number -> value id */
  int32_t n_ids, cap_ids;
} reader;

#define BAD(r, ...) scion_fail((r)->ctx, SCION_EFORMAT, __VA_ARGS__)

static scion_status push_id(reader *r, int32_t value) {
  if (r->n_ids == r->cap_ids) {
    int32_t cap = r->cap_ids == 0 ? 256 : r->cap_ids * 2;
    int32_t *ids = scion__alloc(r->ctx, (size_t)cap * sizeof *ids);
    if (ids == NULL) return SCION_ENOMEM;
    if (r->n_ids > 0) memcpy(ids, r->ids, (size_t)r->n_ids * sizeof *ids);
    scion__free(r->ctx, r->ids, (size_t)r->cap_ids * sizeof *ids);
    r->ids = ids;
    r->cap_ids = cap;
  }
  r->ids[r->n_ids++] = value;
  return SCION_OK;
}

static const char *name_of(const scion_json *j) {
  const char *name = scion__json_string(scion__json_get(j, "name"), NULL);
  return name;
}

static scion_status read_attrs(reader *r, const scion_json *j, int32_t node) {
  const scion_json *attrs = scion__json_get(j, "attrs");
  if (attrs == NULL) return SCION_OK;
  if (attrs->type != SCION_JSON_OBJECT || attrs->n > MAX_ATTRS) return BAD(r, "attrs is not a table of at most %d texts", MAX_ATTRS);
  for (const scion_json *a = attrs->child; a != NULL; a = a->next) {
    const char *value = scion__json_string(a, NULL);
    if (value == NULL || *a->key == 0) return BAD(r, "attribute '%.60s' is not a text", a->key);
    SCION_TRY(scion_net_set_attr(r->ctx, r->net, node, a->key, value));
  }
  return SCION_OK;
}

static scion_status read_inputs(reader *r, const scion_json *list) {
  if (list == NULL || list->type != SCION_JSON_ARRAY) return BAD(r, "the list of inputs is missing");
  for (const scion_json *j = list->child; j != NULL; j = j->next) {
    const char *name = name_of(j), *dtype = scion__json_string(scion__json_get(j, "dtype"), NULL);
    const scion_json *shape = scion__json_get(j, "shape");
    int32_t n_dims = -1, value, code = -1;
    int64_t dims[SCION_MAX_DIMS];
    if (name == NULL) return BAD(r, "an input has no name");
    if (dtype != NULL && (code = scion_dtype_parse(dtype)) < 0) return BAD(r, "input '%s' has the unknown dtype '%.40s'", name, dtype);
    if (shape != NULL) {
      if (shape->type != SCION_JSON_ARRAY || shape->n > SCION_MAX_DIMS) return BAD(r, "the shape of input '%s' is no list of at most %d sizes", name, SCION_MAX_DIMS);
      n_dims = 0;
      for (const scion_json *d = shape->child; d != NULL; d = d->next)
        if (!scion__json_int(d, &dims[n_dims++])) return BAD(r, "the shape of input '%s' holds something else than integers", name);
    }
    SCION_TRY(scion_net_add_input(r->ctx, r->net, name, code, n_dims, dims, &value));
    SCION_TRY(push_id(r, value));
  }
  return SCION_OK;
}

static scion_status read_entry(reader *r, scion_safetensors *file, const scion_json *j) {
  const char *name = name_of(j), *kind = scion__json_string(scion__json_get(j, "kind"), ""), *tensor_name;
  int32_t k = 0, value;
  if (name == NULL) return BAD(r, "a parameter or buffer has no name");
  while (k < 3 && strcmp(kind_words[k], kind) != 0) k++;
  if (k == 3) return BAD(r, "'%s' is of the unknown kind '%.40s'", name, kind);
  tensor_name = scion__json_string(scion__json_get(j, "tensor"), NULL);
  scion_tensor *t = NULL;
  if (tensor_name != NULL) { /* shared with an entry before it */
    net_item *holder = net__find(r->net, NET_ENTRY, tensor_name);
    if (holder == NULL) return BAD(r, "'%s' shares the tensor of '%.100s', which is not there", name, tensor_name);
    t = scion_tensor_ref(((net_entry *)holder)->tensor);
  } else {
    int32_t i = scion_safetensors_find(file, name);
    if (i < 0) return BAD(r, "the tensor '%s' is missing", name);
    SCION_TRY(scion_safetensors_read(r->ctx, file, i, &t));
  }
  scion_status st = scion_net_add_entry(r->ctx, r->net, name, (scion_entry_kind)k, t, &value);
  bool frozen = scion__json_bool(scion__json_get(j, "frozen"), false);
  if (st == SCION_OK && k == SCION_ENTRY_PARAM && !frozen) st = scion_set_requires_grad(r->ctx, t, 1);
  if (st == SCION_OK) {
    net__entry(r->net, r->net->entries.n - 1)->frozen = frozen;
    st = push_id(r, value);
  }
  scion_tensor_free(r->ctx, t);
  return st;
}

/* Migrations of op parameters: called when a file holds an older version of the op, after the parameters that still exist
 * have been read; fixes the struct up to `version + 1`. An entry stays for ever. */
typedef struct migration {
  const char *op;
  int32_t from;
  scion_status (*fix)(scion_context *ctx, const scion_json *old, void *params);
} migration;
static const migration migrations[] = { { NULL, 0, NULL } };

static const migration *find_migration(const char *op, int32_t from) {
  for (const migration *m = migrations; m->op != NULL; m++)
    if (m->from == from && strcmp(m->op, op) == 0) return m;
  return NULL;
}

static scion_status read_param(reader *r, const scion_op *op, int32_t index, const scion_json *j, const char *layer, void *params) {
  const scion_param *p = &op->info.params[index];
  scion_value v = { .type = SCION_V_INT };
  int64_t ints[SCION_MAX_INTS];
  bool ok = false;
  switch (p->type) {
    case SCION_P_BOOL:
      ok = j->type == SCION_JSON_BOOL;
      v.type = SCION_V_BOOL;
      v.i = scion__json_bool(j, false);
      break;
    case SCION_P_INT: ok = scion__json_int(j, &v.i); break;
    case SCION_P_FLOAT:
      ok = scion__json_number(j, &v.f);
      v.type = SCION_V_FLOAT;
      break;
    case SCION_P_INTS:
      ok = j->type == SCION_JSON_ARRAY && j->n <= SCION_MAX_INTS;
      v.type = SCION_V_INTS;
      v.ints = ints;
      for (const scion_json *e = ok ? j->child : NULL; e != NULL && ok; e = e->next) ok = scion__json_int(e, &ints[v.n_ints++]);
      break;
    default:
      v.type = SCION_V_STRING;
      v.s = scion__json_string(j, NULL);
      ok = v.s != NULL;
  }
  if (!ok) return BAD(r, "layer '%s': parameter '%s' of %s has a value of the wrong kind", layer, p->name, op->info.name);
  return scion_params_set(r->ctx, op, params, index, &v);
}

static scion_status read_params(reader *r, const scion_op *op, const scion_json *j, const char *layer, bool old, void *params) {
  scion_params_init(op, params);
  if (j != NULL && j->type != SCION_JSON_OBJECT) return BAD(r, "layer '%s': its parameters are no table", layer);
  for (const scion_json *m = j != NULL ? j->child : NULL; m != NULL; m = m->next) {
    int32_t i = 0;
    while (i < op->info.n_params && strcmp(op->info.params[i].name, m->key) != 0) i++;
    if (i == op->info.n_params) {
      if (old) continue; /* for the migration */
      return BAD(r, "layer '%s': %s has no parameter '%.60s'", layer, op->info.name, m->key);
    }
    SCION_TRY(read_param(r, op, i, m, layer, params));
  }
  for (int32_t i = 0; i < op->info.n_params && !old; i++) {
    if ((op->info.params[i].flags & SCION_PF_REQUIRED) && scion__json_get(j, op->info.params[i].name) == NULL) {
      return BAD(r, "layer '%s': parameter '%s' of %s is missing", layer, op->info.params[i].name, op->info.name);
    }
  }
  return SCION_OK;
}

static scion_status add_op_node(reader *r, const scion_json *j, const char *name, const char *type, const char *op_name, int32_t n,
                                const int32_t *in, int32_t *out, int32_t *n_out) {
  const scion_op *op = scion_op_find(op_name);
  if (op == NULL) return BAD(r, "layer '%s' uses the operation '%.60s', which this version of scion does not have", name, op_name);
  int64_t version;
  if (!scion__json_int(scion__json_get(j, "version"), &version) || version < 1) return BAD(r, "layer '%s' has no operation version", name);
  if (version > op->info.version) {
    return BAD(r, "layer '%s' uses version %lld of %s, this scion knows up to %d: the file is newer", name, (long long)version, op_name,
               (int)op->info.version);
  }
  _Alignas(16) char params[NET_MAX_PARAMS];
  if (op->info.params_size > sizeof params) return BAD(r, "layer '%s': %s has too many parameters", name, op_name);
  const scion_json *given = scion__json_get(j, "params");
  SCION_TRY(read_params(r, op, given, name, version < op->info.version, params));
  for (; version < op->info.version; version++) {
    const migration *m = find_migration(op_name, (int32_t)version);
    if (m != NULL) SCION_TRY(m->fix(r->ctx, given, params));
  }
  *n_out = op->info.n_visible;
  return scion_net_add_node(r->ctx, r->net, name, type, op, params, n, in, out);
}

static scion_status add_custom_node(reader *r, const scion_json *j, const char *name, const char *type, const char *custom, int32_t n,
                                    const int32_t *in, int32_t *out, int32_t *n_out) {
  int64_t outputs;
  if (!scion__json_int(scion__json_get(j, "outputs"), &outputs) || outputs < 1 || outputs > SCION_MAX_OUTPUTS) {
    return BAD(r, "layer '%s' does not say how many outputs it has", name);
  }
  const char *config = scion__json_string(scion__json_get(j, "config"), NULL);
  scion_net_custom c = SCION_NET_CUSTOM_INIT;
  if (r->options == NULL || r->options->custom == NULL) {
    return scion_fail(r->ctx, SCION_EUNSUPPORTED, "layer '%s' is the host function '%.100s', which is not available here", name, custom);
  }
  scion_status st = r->options->custom(r->ctx, r->options->ud, custom, config != NULL ? config : "", &c);
  if (st != SCION_OK) return st;
  if (c.fn == NULL) {
    return scion_fail(r->ctx, SCION_EUNSUPPORTED, "layer '%s' is the function '%.100s', which is not registered; call "
                      "scion.register_layer(\"%.100s\", fn) before loading", name, custom, custom);
  }
  c.name = custom;
  c.config = config;
  *n_out = (int32_t)outputs;
  st = scion_net_add_custom(r->ctx, r->net, name, type, &c, n, in, *n_out, out);
  if (st != SCION_OK && c.free != NULL) c.free(r->ctx, c.ud);
  return st;
}

static scion_status read_refs(reader *r, const scion_json *list, const char *layer, int32_t **out, int32_t *n) {
  *out = NULL;
  *n = 0;
  if (list == NULL || list->type != SCION_JSON_ARRAY) return BAD(r, "%s has no list of inputs", layer);
  int32_t *refs = scion__alloc(r->ctx, (size_t)(list->n + 1) * sizeof *refs);
  if (refs == NULL) return SCION_ENOMEM;
  *out = refs;
  for (const scion_json *j = list->child; j != NULL; j = j->next) {
    int64_t v;
    if (!scion__json_int(j, &v) || v < -1 || v >= r->n_ids) {
      scion__free(r->ctx, refs, (size_t)(list->n + 1) * sizeof *refs);
      *out = NULL;
      return BAD(r, "%s refers to a value that does not exist before it", layer);
    }
    refs[(*n)++] = v < 0 ? -1 : r->ids[v];
  }
  return SCION_OK;
}

static scion_status read_node(reader *r, const scion_json *j) {
  const char *name = name_of(j);
  if (name == NULL) return BAD(r, "a layer has no name");
  const char *type = scion__json_string(scion__json_get(j, "type"), NULL), *op = scion__json_string(scion__json_get(j, "op"), NULL);
  const char *custom = scion__json_string(scion__json_get(j, "custom"), NULL), *mode = scion__json_string(scion__json_get(j, "mode"), NULL);
  if (type == NULL || (op == NULL) == (custom == NULL)) return BAD(r, "layer '%s' has no type or not exactly one operation", name);
  char what[NET_MAX_NAME + 16];
  snprintf(what, sizeof what, "layer '%s'", name);
  int32_t *in, n, out[SCION_MAX_OUTPUTS], n_out = 0;
  const scion_json *list = scion__json_get(j, "inputs");
  SCION_TRY(read_refs(r, list, what, &in, &n));
  scion_status st = op != NULL ? add_op_node(r, j, name, type, op, n, in, out, &n_out) : add_custom_node(r, j, name, type, custom, n, in, out, &n_out);
  scion__free(r->ctx, in, (size_t)(list->n + 1) * sizeof *in);
  for (int32_t i = 0; i < n_out && st == SCION_OK; i++) st = push_id(r, out[i]);
  if (st != SCION_OK) return st;
  int32_t at = r->net->nodes.n - 1;
  if (mode != NULL) {
    if (strcmp(mode, "eval") != 0 && strcmp(mode, "train") != 0) return BAD(r, "layer '%s' has the unknown mode '%.40s'", name, mode);
    net__node(r->net, at)->mode = strcmp(mode, "train") == 0;
  }
  return read_attrs(r, j, at);
}

static scion_status read_structure(reader *r, scion_safetensors *file, const scion_json *root) {
  int64_t format;
  if (root == NULL || root->type != SCION_JSON_OBJECT || !scion__json_int(scion__json_get(root, "format"), &format)) {
    return BAD(r, "the structure is no table with a format number");
  }
  if (format < 1 || format > FORMAT_VERSION) {
    return BAD(r, "it has format %lld, this scion (%s) reads up to %d", (long long)format, scion_version(), FORMAT_VERSION);
  }
  SCION_TRY(read_attrs(r, root, -1));
  SCION_TRY(read_inputs(r, scion__json_get(root, "inputs")));
  const scion_json *entries = scion__json_get(root, "entries"), *nodes = scion__json_get(root, "nodes");
  if (entries == NULL || entries->type != SCION_JSON_ARRAY || nodes == NULL || nodes->type != SCION_JSON_ARRAY) {
    return BAD(r, "the list of parameters or of layers is missing");
  }
  for (const scion_json *j = entries->child; j != NULL; j = j->next) SCION_TRY(read_entry(r, file, j));
  for (const scion_json *j = nodes->child; j != NULL; j = j->next) SCION_TRY(read_node(r, j));
  int32_t *outputs, n;
  const scion_json *list = scion__json_get(root, "outputs");
  SCION_TRY(read_refs(r, list, "the net's list of outputs", &outputs, &n));
  scion_status st = scion_net_set_outputs(r->ctx, r->net, n, outputs);
  scion__free(r->ctx, outputs, (size_t)(list->n + 1) * sizeof *outputs);
  r->net->training = scion__json_bool(scion__json_get(root, "training"), true);
  return st;
}

static scion_status load(reader *r, scion_safetensors *file) {
  const char *text = scion_safetensors_meta(file, "scion.net"), *hash = scion_safetensors_meta(file, "scion.hash");
  if (text == NULL) return BAD(r, "it is a safetensors file with %d tensors but holds no network of scion", (int)scion_safetensors_count(file));
  scion_json_doc *doc;
  SCION_TRY(scion__json_parse(r->ctx, "structure", text, strlen(text), &doc));
  scion_status st = read_structure(r, file, scion__json_root(doc));
  scion__json_free(r->ctx, doc);
  char actual[33];
  if (st == SCION_OK && hash != NULL) {
    st = hash_net(r->ctx, r->net, text, actual);
    if (st == SCION_OK && strcmp(actual, hash) != 0) st = BAD(r, "its contents do not match its hash: the file is damaged");
  }
  return st;
}

scion_status scion_net_load(scion_context *ctx, const char *path, const scion_net_load_options *options, scion_net **out) {
  *out = NULL;
  scion_safetensors *file;
  bool map = options != NULL && options->size >= offsetof(scion_net_load_options, mmap) + sizeof options->mmap && options->mmap;
  if (map) SCION_TRY(scion_safetensors_map(ctx, path, &file));
  else SCION_TRY(scion_safetensors_open(ctx, path, &file));
  reader r = { ctx, NULL, options, NULL, 0, 0 };
  scion_status st = scion_net_new(ctx, &r.net);
  if (st == SCION_OK) st = load(&r, file);
  scion_safetensors_close(ctx, file);
  scion__free(ctx, r.ids, (size_t)r.cap_ids * sizeof *r.ids);
  if (st == SCION_OK) {
    *out = r.net;
    return SCION_OK;
  }
  scion_net_free(ctx, r.net);
  if (st == SCION_ENOMEM || st == SCION_EIO || st == SCION_ECALLBACK || st == SCION_ECANCELLED) return st;
  char old[sizeof ctx->message];
  memcpy(old, ctx->message, sizeof old);
  return scion_fail(ctx, st == SCION_EUNSUPPORTED ? st : SCION_EFORMAT, "%s: %s", path, old);
}
