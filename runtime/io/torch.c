/* torch.c: tensors out of files that torch.save wrote: zip archives (PyTorch 1.6 and later) and the five pickles in a row of
 * before. State dictionaries and checkpoints around them; nothing is executed (pickle.h). Storages are read once and shared by the
 * tensors that lie in them; strides and offsets are checked against them. */
#include <stdarg.h>
#include <stdio.h>

#include "pickle.h"
#include "weights.h"
#include "zip.h"

#define MAX_DEPTH 32
#define MAX_TENSORS 1000000

typedef struct { char *key; scion_tensor *data; } storage; /* data: one dimension */
typedef struct {
  scion_context *ctx;
  const scion_file *file;
  scion_weights *w;
  scion_pickle pickle;
  scion_zip *zip;      /* NULL: the old form */
  char *prefix;        /* of the members: "archive/data/" */
  storage *storages;
  int32_t n, cap;
} reader;

static scion_status bad(reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static scion_status bad(reader *r, const char *format, ...) {
  char text[400];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return scion_fail(r->ctx, SCION_EFORMAT, "%s: %s", r->file->path, text);
}

/* ---- storages -------------------------------------------------------------------------------------------------- */

static int dtype_of(const char *name) { /* "torch FloatStorage" or "torch float32" */
  static const struct { const char *name; int dtype; } types[] = {
    { "Float", SCION_F32 }, { "Double", SCION_F64 }, { "Half", SCION_F16 }, { "BFloat16", SCION_BF16 }, { "Long", SCION_I64 }, { "Int", SCION_I32 },
    { "Short", SCION_I16 }, { "Char", SCION_I8 }, { "Byte", SCION_U8 }, { "Bool", SCION_BOOL }, { "Untyped", SCION_U8 } };
  static const struct { const char *name; int dtype; } plain[] = {
    { "float32", SCION_F32 }, { "float", SCION_F32 }, { "float64", SCION_F64 }, { "double", SCION_F64 }, { "float16", SCION_F16 }, { "half", SCION_F16 },
    { "bfloat16", SCION_BF16 }, { "int64", SCION_I64 }, { "long", SCION_I64 }, { "int32", SCION_I32 }, { "int", SCION_I32 }, { "int16", SCION_I16 },
    { "int8", SCION_I8 }, { "uint8", SCION_U8 }, { "uint16", SCION_U16 }, { "uint32", SCION_U32 }, { "uint64", SCION_U64 }, { "bool", SCION_BOOL } };
  const char *space = strrchr(name, ' ');
  if (space == NULL || strncmp(name, "torch", 5) != 0) return -1;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    size_t n = strlen(types[i].name);
    if (strncmp(space + 1, types[i].name, n) == 0 && strcmp(space + 1 + n, "Storage") == 0) return types[i].dtype;
  }
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) if (strcmp(space + 1, plain[i].name) == 0) return plain[i].dtype;
  return -1;
}
static storage *find_storage(reader *r, const char *key) {
  for (int32_t i = 0; i < r->n; i++) if (strcmp(r->storages[i].key, key) == 0) return &r->storages[i];
  return NULL;
}
/* Takes data. */
static scion_status keep_storage(reader *r, const char *key, scion_tensor *data) {
  if (r->n == r->cap) {
    int32_t cap = r->cap == 0 ? 64 : 2 * r->cap;
    storage *more = scion__alloc(r->ctx, (size_t)cap * sizeof *more);
    if (more == NULL) goto failed;
    if (r->n > 0) memcpy(more, r->storages, (size_t)r->n * sizeof *more);
    scion__free(r->ctx, r->storages, (size_t)r->cap * sizeof *more);
    r->storages = more;
    r->cap = cap;
  }
  char *copy = scion__strdup(r->ctx, key);
  if (copy == NULL) goto failed;
  r->storages[r->n++] = (storage){ copy, data };
  return SCION_OK;
failed:
  scion_tensor_free(r->ctx, data);
  return SCION_ENOMEM;
}
/* A member of the archive as a vector. */
static scion_status read_member(reader *r, const char *key, int dtype) {
  size_t size = scion_dtype_size((scion_dtype)dtype), n = strlen(r->prefix) + strlen(key) + 1;
  char *name = scion__alloc(r->ctx, n);
  if (name == NULL) return SCION_ENOMEM;
  snprintf(name, n, "%s%s", r->prefix, key);
  int32_t i = scion_zip_find(r->zip, name);
  scion__free(r->ctx, name, n);
  if (i < 0) return bad(r, "the storage '%.200s' is missing from the archive", key);
  uint64_t bytes = scion_zip_size(r->zip, i);
  if (bytes % size != 0) return bad(r, "the storage '%.200s' is no whole number of elements", key);
  if (scion__zip_member(r->zip, i)->method == 0 && bytes > r->file->size) return bad(r, "the storage '%.200s' is larger than the file", key);
  scion_tensor *t;
  int64_t count = (int64_t)(bytes / size);
  uint64_t offset;
  if (bytes > 0 && scion__zip_stored(r->zip, i, &offset)) { /* straight from the file */
    SCION_TRY(scion__tensor_of_file(r->ctx, r->file, offset, dtype, 1, &count, &t));
    scion_status sum = scion__zip_sum(r->ctx, r->zip, i, t->data);
    if (sum == SCION_OK) return keep_storage(r, key, t);
    scion_tensor_free(r->ctx, t);
    return sum;
  }
  SCION_TRY(scion__tensor_alloc(r->ctx, dtype, 1, &count, &t));
  scion_status st = scion_zip_read(r->ctx, r->zip, i, t->data, (size_t)bytes);
  if (st != SCION_OK) {
    scion_tensor_free(r->ctx, t);
    return st;
  }
  return keep_storage(r, key, t);
}

/* A persistent id ('storage', type, key, location, numel [, view]) as a vector; borrowed. *dtype -1: untyped, as bytes. */
static scion_status storage_of(reader *r, const scion_pk *v, bool *untyped, scion_tensor **out, int64_t *shift) {
  const scion_pk *id = v->type == SCION_PK_PERSID ? v->items[0] : NULL;
  *shift = 0;
  *out = NULL;
  if (id == NULL || id->type != SCION_PK_TUPLE || id->n_items < 5 || id->items[0]->type != SCION_PK_TEXT || strcmp(id->items[0]->text, "storage") != 0) {
    return bad(r, "a tensor has no storage");
  }
  const scion_pk *type = id->items[1], *key = id->items[2], *view = scion__pk_item(id, 5);
  if (type->type != SCION_PK_GLOBAL || key->type != SCION_PK_TEXT) return bad(r, "a storage has no type or key");
  int dtype = dtype_of(type->text);
  if (dtype < 0) {
    return scion_fail(r->ctx, SCION_EUNSUPPORTED, "%s: a storage of type '%.80s' cannot be read (numbers and booleans can)", r->file->path, type->text);
  }
  *untyped = strstr(type->text, "UntypedStorage") != NULL;
  storage *s = find_storage(r, key->text);
  if (s == NULL && r->zip != NULL) {
    SCION_TRY(read_member(r, key->text, dtype));
    s = find_storage(r, key->text);
  }
  if (s == NULL) return bad(r, "the storage '%.200s' is not in the file", key->text);
  if (s->data->dtype != dtype) return bad(r, "the storage '%.200s' has two element types", key->text);
  if (view != NULL && view->type == SCION_PK_TUPLE && view->n_items >= 2 && view->items[1]->type == SCION_PK_INT) *shift = view->items[1]->i; /* a window on it */
  *out = s->data;
  return SCION_OK;
}

/* ---- tensors ------------------------------------------------------------------------------------------------------ */

static bool is_rebuild(const scion_pk *v) {
  return v->type == SCION_PK_OBJECT && v->items[0]->type == SCION_PK_GLOBAL && v->items[1]->type == SCION_PK_TUPLE &&
         (strncmp(v->items[0]->text, "torch._utils _rebuild_", 22) == 0 || strncmp(v->items[0]->text, "torch._tensor _rebuild_", 23) == 0);
}
static bool sizes_of(const scion_pk *v, int64_t *out, int32_t *n) {
  if (v == NULL) return false;
  if (v->type == SCION_PK_OBJECT && scion__pk_is(v->items[0], "torch Size")) v = scion__pk_item(v->items[1], 0); /* torch.Size((..)) */
  if (v == NULL || (v->type != SCION_PK_TUPLE && v->type != SCION_PK_LIST) || v->n_items > SCION_MAX_DIMS) return false;
  for (*n = 0; *n < v->n_items; (*n)++) {
    if (v->items[*n]->type != SCION_PK_INT) return false;
    out[*n] = v->items[*n]->i;
  }
  return true;
}
/* A tensor from what would rebuild it; *out NULL: the call is of another kind. */
static scion_status tensor_of(reader *r, const scion_pk *v, int depth, scion_tensor **out) {
  const char *name = v->items[0]->text;
  const char *kind = strchr(name, ' ') + 1;
  const scion_pk *args = v->items[1], *first = scion__pk_item(args, 0);
  *out = NULL;
  if (depth > MAX_DEPTH) return bad(r, "tensors are nested too deeply");
  if (strcmp(kind, "_rebuild_parameter") == 0 || strcmp(kind, "_rebuild_parameter_with_state") == 0) {
    if (first == NULL || !is_rebuild(first)) return bad(r, "a parameter holds no tensor");
    return tensor_of(r, first, depth + 1, out);
  }
  if (strcmp(kind, "_rebuild_from_type_v2") == 0) { /* (function, type, arguments, state) */
    const scion_pk *inner = scion__pk_item(args, 2);
    if (first == NULL || first->type != SCION_PK_GLOBAL || inner == NULL || inner->type != SCION_PK_TUPLE) return bad(r, "a subclass holds no tensor");
    scion_pk *items[3] = { (scion_pk *)first, (scion_pk *)inner, v->items[2] };
    scion_pk call = { .type = SCION_PK_OBJECT, .items = items, .n_items = 3 };
    if (!is_rebuild(&call)) return bad(r, "a subclass holds no tensor");
    return tensor_of(r, &call, depth + 1, out);
  }
  bool v3 = strcmp(kind, "_rebuild_tensor_v3") == 0;
  if (!v3 && strcmp(kind, "_rebuild_tensor_v2") != 0 && strcmp(kind, "_rebuild_tensor") != 0) {
    return scion_fail(r->ctx, SCION_EUNSUPPORTED, "%s: a tensor made by %.80s cannot be read (dense tensors can)", r->file->path, kind);
  }
  int64_t shape[SCION_MAX_DIMS], strides[SCION_MAX_DIMS], shift, numel, last = 0;
  int32_t n, k;
  bool untyped = false;
  const scion_pk *offset = scion__pk_item(args, 1);
  if (first == NULL || offset == NULL || offset->type != SCION_PK_INT || !sizes_of(scion__pk_item(args, 2), shape, &n) ||
      !sizes_of(scion__pk_item(args, 3), strides, &k) || n != k) {
    return bad(r, "a tensor has no proper offset, sizes and strides (at most 8 dimensions are possible)");
  }
  scion_tensor *data, *bytes = NULL;
  SCION_TRY(storage_of(r, first, &untyped, &data, &shift));
  SCION_TRY(scion__check_shape(r->ctx, r->file->path, n, shape, &numel));
  int64_t start, available = data->numel;
  int dtype = data->dtype;
  if (v3) {
    const scion_pk *type = scion__pk_item(args, 6);
    dtype = type != NULL && type->type == SCION_PK_GLOBAL ? dtype_of(type->text) : -1;
    if (dtype < 0)
      return scion_fail(r->ctx, SCION_EUNSUPPORTED, "%s: a tensor of type '%.80s' cannot be read", r->file->path, type != NULL && type->type == SCION_PK_GLOBAL ? type->text : "?");
    if (!untyped && dtype != data->dtype) return bad(r, "a tensor differs in type from its storage");
    available = untyped ? available / (int64_t)scion_dtype_size((scion_dtype)dtype) : available;
  } else if (untyped) {
    return bad(r, "a tensor on untyped storage has no type");
  }
  if (__builtin_add_overflow(offset->i, shift, &start) || offset->i < 0 || shift < 0) return bad(r, "a tensor's offset is negative");
  for (int32_t d = 0; d < n; d++) {
    int64_t reach;
    if (strides[d] < 0 || (numel > 0 && (scion__mul_overflow(shape[d] - 1, strides[d], &reach) || __builtin_add_overflow(last, reach, &last)))) {
      return bad(r, "a tensor's strides are negative or too large");
    }
  }
  if (start > available || (numel > 0 && last >= available - start)) return bad(r, "a tensor reaches beyond its storage");
  if (untyped) { /* the bytes as elements */
    SCION_TRY(scion_tensor_from_bytes(r->ctx, (scion_dtype)dtype, 1, &available, data->data, (size_t)available * scion_dtype_size((scion_dtype)dtype), &bytes));
    data = bytes;
  }
  scion_tensor *view;
  scion_status st = numel == 0 ? scion__tensor_alloc(r->ctx, dtype, n, shape, &view) : scion__tensor_view(r->ctx, data, n, shape, strides, start, &view);
  scion_tensor_free(r->ctx, bytes);
  SCION_TRY(st);
  if (view->contiguous) {
    *out = view;
    return SCION_OK;
  }
  st = scion__tensor_packed(r->ctx, view, out);
  scion_tensor_free(r->ctx, view);
  return st;
}

/* ---- names ---------------------------------------------------------------------------------------------------------- */

static bool has_tensors(const scion_pk *dict) {
  for (int32_t i = 0; dict->type == SCION_PK_DICT && i + 1 < dict->n_items; i += 2) if (is_rebuild(dict->items[i + 1])) return true;
  return false;
}
/* Tensors of a dictionary or list under their keys, deeper ones under dotted names; other values are passed over. */
static scion_status add_all(reader *r, const scion_pk *v, const char *prefix, int depth) {
  char name[1024];
  bool dict = v->type == SCION_PK_DICT;
  if (depth > MAX_DEPTH) return bad(r, "dictionaries are nested too deeply");
  for (int32_t i = 0; i < v->n_items; i += dict ? 2 : 1) {
    const scion_pk *key = dict ? v->items[i] : NULL, *value = dict ? v->items[i + 1] : v->items[i];
    bool tensor = is_rebuild(value), inner = value->type == SCION_PK_DICT || value->type == SCION_PK_LIST || value->type == SCION_PK_TUPLE;
    if (!tensor && !inner) continue;
    int n = dict && key->type == SCION_PK_TEXT && strlen(key->text) == key->n ? snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", key->text)
            : dict && key->type == SCION_PK_INT ? snprintf(name, sizeof name, "%s%s%lld", prefix, *prefix ? "." : "", (long long)key->i)
            : !dict ? snprintf(name, sizeof name, "%s%s%d", prefix, *prefix ? "." : "", i) : -1;
    if (n < 0 || n >= (int)sizeof name) {
      if (tensor) return bad(r, "the name of a tensor is no text, or too long");
      continue;
    }
    if (!tensor) {
      SCION_TRY(add_all(r, value, name, depth + 1));
      continue;
    }
    if (r->w->n >= MAX_TENSORS) return bad(r, "more than a million tensors");
    scion_tensor *t;
    SCION_TRY(tensor_of(r, value, 0, &t));
    SCION_TRY(scion__weights_add(r->ctx, r->w, name, t));
  }
  return SCION_OK;
}
/* The dictionary of weights in a checkpoint: the root, or what lies under one of the usual names. */
static const scion_pk *weights_of(const scion_pk *root) {
  static const char *const keys[] = { "state_dict", "model_state_dict", "model_state", "model", "net", "network", "params", "weights", "module", "state" };
  for (int depth = 0; depth < 4 && root->type == SCION_PK_DICT && !has_tensors(root); depth++) {
    const scion_pk *inner = NULL;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && inner == NULL; i++) {
      inner = scion__pk_get(root, keys[i]);
      if (inner != NULL && inner->type != SCION_PK_DICT) inner = NULL;
    }
    if (inner == NULL) break;
    root = inner;
  }
  return root;
}
/* What an object is made by; the old form wraps the classes of modules in a persistent id, ('module', class, file, source). */
static const scion_pk *maker(const scion_pk *object) {
  const scion_pk *by = object->items[0], *id = by->type == SCION_PK_PERSID ? by->items[0] : NULL;
  if (id == NULL) return by;
  return id->type == SCION_PK_TUPLE && id->n_items >= 2 && id->items[0]->type == SCION_PK_TEXT && strcmp(id->items[0]->text, "module") == 0 ? id->items[1] : by;
}
/* A class whose object holds the whole network: its name. */
static const char *pickled_module(const scion_pk *v, int depth) {
  if (depth > 3) return NULL;
  if (v->type == SCION_PK_OBJECT && maker(v)->type == SCION_PK_GLOBAL) {
    const scion_pk *state = v->items[2];
    if (scion__pk_get(state, "_modules") != NULL || scion__pk_get(state, "_parameters") != NULL) return maker(v)->text;
    if (scion__pk_is(v->items[0], "copy_reg _reconstructor") || scion__pk_is(v->items[0], "copyreg _reconstructor")) {
      const scion_pk *class = scion__pk_item(v->items[1], 0);
      if (class != NULL && class->type == SCION_PK_GLOBAL && state->type == SCION_PK_DICT) return class->text;
    }
    return NULL;
  }
  for (int32_t i = 0; v->type == SCION_PK_DICT && i + 1 < v->n_items; i += 2) {
    const char *name = pickled_module(v->items[i + 1], depth + 1);
    if (name != NULL) return name;
  }
  return NULL;
}
static scion_status add_root(reader *r, const scion_pk *root) {
  scion_tensor *t;
  if (is_rebuild(root)) {
    SCION_TRY(tensor_of(r, root, 0, &t));
    return scion__weights_add(r->ctx, r->w, "tensor", t);
  }
  const scion_pk *dict = weights_of(root);
  if (dict->type == SCION_PK_DICT || dict->type == SCION_PK_LIST || dict->type == SCION_PK_TUPLE) SCION_TRY(add_all(r, dict, "", 0));
  if (r->w->n > 0) return SCION_OK;
  const char *class = pickled_module(root, 0);
  if (class != NULL) {
    return scion_fail(r->ctx, SCION_EUNSUPPORTED, "%s: holds a whole pickled module (%.120s), which only its own Python code could rebuild; save model.state_dict() "
                      "there instead", r->file->path, class);
  }
  return scion_fail(r->ctx, SCION_EFORMAT, "%s: a PyTorch file without tensors", r->file->path);
}

/* ---- the two forms ---------------------------------------------------------------------------------------------------- */

static int32_t find_pickle(const scion_zip *zip) {
  for (int32_t i = 0; i < scion_zip_count(zip); i++) {
    const char *name = scion_zip_name(zip, i), *slash = strrchr(name, '/');
    if (strcmp(slash == NULL ? name : slash + 1, "data.pkl") == 0) return i;
  }
  return -1;
}
bool scion__torch_is_zip(scion_context *ctx, const scion_file *file) {
  scion_zip *zip;
  if (file->size < 4 || scion__le32(file->data) != 0x04034b50) return false;
  if (scion_zip_open_memory(ctx, file->path, file->data, file->size, &zip) != SCION_OK) return false;
  bool found = find_pickle(zip) >= 0;
  scion_zip_close(ctx, zip);
  return found;
}
static scion_status read_zip(reader *r) {
  SCION_TRY(scion_zip_open_memory(r->ctx, r->file->path, r->file->data, r->file->size, &r->zip));
  int32_t i = find_pickle(r->zip);
  if (i < 0) return bad(r, "a zip archive without data.pkl");
  const char *name = scion_zip_name(r->zip, i);
  size_t folder = strlen(name) - strlen("data.pkl");
  char text[600];
  if (folder > 500) return bad(r, "a name in the archive is too long");
  snprintf(text, sizeof text, "%.*sbyteorder", (int)folder, name);
  int32_t order = scion_zip_find(r->zip, text);
  if (order >= 0 && scion_zip_size(r->zip, order) == 3) return scion_fail(r->ctx, SCION_EUNSUPPORTED, "%s: was written on a big-endian machine", r->file->path);
  snprintf(text, sizeof text, "%.*sdata/", (int)folder, name);
  if ((r->prefix = scion__strdup(r->ctx, text)) == NULL) return SCION_ENOMEM;
  uint64_t size = scion_zip_size(r->zip, i);
  if (size > (uint64_t)r->file->size * SCION_DEFLATE_RATIO) return bad(r, "data.pkl is larger than the file justifies");
  unsigned char *data = scion__alloc(r->ctx, (size_t)size + 1);
  if (data == NULL) return SCION_ENOMEM;
  scion_pk *root;
  size_t taken;
  scion_status st = scion_zip_read(r->ctx, r->zip, i, data, (size_t)size);
  if (st == SCION_OK) st = scion__pickle_read(&r->pickle, data, (size_t)size, &taken, &root);
  if (st == SCION_OK) st = add_root(r, root);
  scion__free(r->ctx, data, (size_t)size + 1);
  return st;
}

typedef struct { const scion_pk **v; int32_t n, cap; int64_t left; } id_list;
/* Every persistent id, in order of appearance; `left` bounds the walk, since memoised values may be reached often. */
static scion_status gather_ids(reader *r, const scion_pk *v, id_list *ids, int depth) {
  if (depth > 2 * MAX_DEPTH || ids->left-- <= 0) return SCION_OK;
  if (v->type == SCION_PK_PERSID) {
    if (ids->n == ids->cap) {
      int32_t cap = ids->cap == 0 ? 64 : 2 * ids->cap;
      const scion_pk **more = scion__alloc(r->ctx, (size_t)cap * sizeof *more);
      if (more == NULL) return SCION_ENOMEM;
      if (ids->n > 0) memcpy(more, ids->v, (size_t)ids->n * sizeof *more);
      scion__free(r->ctx, ids->v, (size_t)ids->cap * sizeof *more);
      ids->v = more;
      ids->cap = cap;
    }
    ids->v[ids->n++] = v->items[0];
    return SCION_OK;
  }
  for (int32_t i = 0; i < v->n_items; i++) SCION_TRY(gather_ids(r, v->items[i], ids, depth + 1));
  return SCION_OK;
}

/* Storages in the order of the list of keys: i64 element count, then the elements. */
static scion_status read_storages(reader *r, const scion_pk *root, const scion_pk *keys, size_t at) {
  id_list ids = { .left = 1 << 24 };
  scion_status st = keys->type == SCION_PK_LIST ? gather_ids(r, root, &ids, 0) : bad(r, "the list of storages is missing");
  int32_t hint = 0;
  for (int32_t i = 0; st == SCION_OK && i < keys->n_items; i++) {
    const scion_pk *key = keys->items[i], *id = NULL;
    if (key->type != SCION_PK_TEXT) st = bad(r, "a storage's key is no text");
    for (int32_t k = 0; st == SCION_OK && k < ids.n && id == NULL; k++) { /* mostly in the same order */
      const scion_pk *c = ids.v[(hint + k) % ids.n];
      if (c->type == SCION_PK_TUPLE && c->n_items >= 5 && c->items[2]->type == SCION_PK_TEXT && strcmp(c->items[2]->text, key->text) == 0) {
        id = c;
        hint = (hint + k) % ids.n;
      }
    }
    if (st != SCION_OK) break;
    if (id == NULL || id->items[1]->type != SCION_PK_GLOBAL) {
      st = bad(r, "the storage '%.200s' is used by no tensor", key->text);
      break;
    }
    int dtype = dtype_of(id->items[1]->text);
    if (dtype < 0) {
      st = scion_fail(r->ctx, SCION_EUNSUPPORTED, "%s: a storage of type '%.80s' cannot be read (numbers and booleans can)", r->file->path, id->items[1]->text);
      break;
    }
    size_t size = scion_dtype_size((scion_dtype)dtype);
    uint64_t count = r->file->size - at >= 8 ? scion__le64(r->file->data + at) : UINT64_MAX;
    if (count > (r->file->size - at - 8) / size) {
      st = bad(r, "the storage '%.200s' is cut off", key->text);
      break;
    }
    scion_tensor *t;
    st = scion__tensor_of_file(r->ctx, r->file, at + 8, dtype, 1, &(int64_t){ (int64_t)count }, &t);
    if (st == SCION_OK) st = keep_storage(r, key->text, t);
    at += 8 + (size_t)count * size;
  }
  scion__free(r->ctx, ids.v, (size_t)ids.cap * sizeof *ids.v);
  return st;
}
static scion_status read_legacy(reader *r) {
  scion_pk *v[5];
  size_t at = 0, taken;
  for (int i = 0; i < 5; i++) {
    SCION_TRY(scion__pickle_read(&r->pickle, r->file->data + at, r->file->size - at, &taken, &v[i]));
    at += taken;
    if (i == 1 && (v[1]->type != SCION_PK_INT || v[1]->i != 1001)) return bad(r, "an unknown version of PyTorch's old format");
    const scion_pk *little = i == 2 ? scion__pk_get(v[2], "little_endian") : NULL;
    if (little != NULL && little->i == 0) return scion_fail(r->ctx, SCION_EUNSUPPORTED, "%s: was written on a big-endian machine", r->file->path);
  }
  SCION_TRY(read_storages(r, v[3], v[4], at));
  return add_root(r, v[3]);
}

scion_status scion__torch_read(scion_context *ctx, const scion_file *file, scion_weights *w) {
  reader r = { .ctx = ctx, .file = file, .w = w, .pickle = { .ctx = ctx, .path = file->path } };
  w->format = "pytorch";
  scion_status st = file->size >= 4 && scion__le32(file->data) == 0x04034b50 ? read_zip(&r) : read_legacy(&r);
  for (int32_t i = 0; i < r.n; i++) {
    scion__strfree(ctx, r.storages[i].key);
    scion_tensor_free(ctx, r.storages[i].data);
  }
  scion__free(ctx, r.storages, (size_t)r.cap * sizeof *r.storages);
  scion__pickle_free(&r.pickle);
  if (r.prefix != NULL) scion__strfree(ctx, r.prefix);
  if (r.zip != NULL) scion_zip_close(ctx, r.zip);
  return st;
}
