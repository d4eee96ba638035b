/* safetensors.c: the file format of weights. u64 header length, JSON header, packed little-endian data. It stands here
 * rather than in io/ because networks are saved in it. Reading copies once, from the file into the tensor, or not at all (mapped.c). */
#include <stdio.h>

#include "tensor.h"
#include "../base/file.h"
#include "../base/json.h"

#define MAX_HEADER (100u << 20)

static const struct { const char *name; int8_t dtype; uint8_t bits; } types[] = {
  { "F32", SCION_F32, 32 }, { "F64", SCION_F64, 64 }, { "I32", SCION_I32, 32 }, { "I64", SCION_I64, 64 }, { "U8", SCION_U8, 8 },
  { "BOOL", SCION_BOOL, 8 }, { "F16", SCION_F16, 16 }, { "BF16", SCION_BF16, 16 }, { "I8", SCION_I8, 8 }, { "I16", SCION_I16, 16 },
  { "U16", SCION_U16, 16 }, { "U32", SCION_U32, 32 }, { "U64", SCION_U64, 64 },
  /* known, so that the rest of such a file can be read */
  { "F8_E4M3", -1, 8 }, { "F8_E5M2", -1, 8 }, { "F8_E8M0", -1, 8 }, { "F8_E4M3FNUZ", -1, 8 }, { "F8_E5M2FNUZ", -1, 8 }, { "C64", -1, 64 },
  { "F4", -1, 4 }, { "F6_E2M3", -1, 6 }, { "F6_E3M2", -1, 6 } };

typedef struct entry {
  const char *name;
  const scion_json *shape;
  uint64_t begin, end; /* relative to the data */
  uint8_t type;
} entry;

struct scion_safetensors {
  scion_file file;
  scion_json_doc *doc;
  const scion_json *meta; /* object or NULL */
  entry *entries;         /* in the file's order */
  int32_t *by_name;
  int32_t n;
  uint64_t data_start;
};

/* ---- reading ------------------------------------------------------------------------------------ */

static void sort_by(int32_t n, int32_t *order, int32_t *room, const entry *e, bool by_name) { /* merge sort, bottom up */
  for (int32_t i = 0; i < n; i++) order[i] = i;
  for (int64_t width = 1; width < n; width *= 2) {
    for (int64_t lo = 0; lo < n; lo += 2 * width) {
      int64_t mid = scion__min(lo + width, n), hi = scion__min(lo + 2 * width, n), a = lo, b = mid;
      for (int64_t k = lo; k < hi; k++) {
        bool left = b >= hi;
        if (!left && a < mid) {
          const entry *x = &e[order[a]], *y = &e[order[b]];
          left = by_name ? strcmp(x->name, y->name) <= 0
                         : x->begin != y->begin ? x->begin < y->begin : x->end <= y->end; /* empty ones first */
        }
        room[k] = order[left ? a++ : b++];
      }
    }
    memcpy(order, room, (size_t)n * sizeof *order);
  }
}

static scion_status read_entry(scion_context *ctx, scion_safetensors *s, const scion_json *m, uint64_t data_size, entry *e) {
  const char *path = s->file.path;
  const char *dtype = scion__json_string(scion__json_get(m, "dtype"), NULL);
  const scion_json *shape = scion__json_get(m, "shape"), *offsets = scion__json_get(m, "data_offsets");
  if (dtype == NULL || shape == NULL || shape->type != SCION_JSON_ARRAY || offsets == NULL ||
      offsets->type != SCION_JSON_ARRAY || offsets->n != 2) {
    return scion_fail(ctx, SCION_EFORMAT, "%s: tensor '%s': needs dtype, shape and two data_offsets", path, m->key);
  }
  size_t type = 0;
  while (type < sizeof types / sizeof *types && strcmp(types[type].name, dtype) != 0) type++;
  if (type == sizeof types / sizeof *types) {
    return scion_fail(ctx, SCION_EFORMAT, "%s: tensor '%s': unknown dtype '%s'", path, m->key, dtype);
  }
  int64_t bits = types[type].bits, dim, begin, end;
  bool zero = false, overflow = false;
  for (const scion_json *d = shape->child; d != NULL; d = d->next) {
    if (d->type != SCION_JSON_INT || d->i < 0) {
      return scion_fail(ctx, SCION_EFORMAT, "%s: tensor '%s': sizes in its shape must be whole numbers from 0", path, m->key);
    }
    dim = d->i;
    if (dim == 0) zero = true;
    else if (scion__mul_overflow(bits, dim, &bits)) overflow = true;
  }
  if (zero) bits = 0, overflow = false;
  const scion_json *o = offsets->child;
  if (o->type != SCION_JSON_INT || o->next->type != SCION_JSON_INT || o->i < 0 || o->next->i < o->i ||
      (uint64_t)o->next->i > data_size) {
    return scion_fail(ctx, SCION_EFORMAT, "%s: tensor '%s': data_offsets do not lie in the %llu bytes of data", path, m->key,
                      (unsigned long long)data_size);
  }
  begin = o->i;
  end = o->next->i;
  if (overflow || bits % 8 != 0 || end - begin != bits / 8) {
    return scion_fail(ctx, SCION_EFORMAT, "%s: tensor '%s': its shape and dtype %s do not make %lld bytes", path, m->key, dtype,
                      (long long)(end - begin));
  }
  *e = (entry){ m->key, shape, (uint64_t)begin, (uint64_t)end, (uint8_t)type };
  return SCION_OK;
}

static scion_status read_header(scion_context *ctx, scion_safetensors *s) {
  const char *path = s->file.path;
  if (s->file.size < 8) return scion_fail(ctx, SCION_EFORMAT, "%s: %zu bytes are too few for a safetensors file", path, s->file.size);
  uint64_t length = scion__le64(s->file.data);
  if (length > MAX_HEADER || length > s->file.size - 8 || length < 2 || s->file.data[8] != '{') {
    return scion_fail(ctx, SCION_EFORMAT, "%s: no safetensors file (its header would be %llu bytes, the file has %zu)", path,
                      (unsigned long long)length, s->file.size);
  }
  s->data_start = 8 + length;
  uint64_t data_size = s->file.size - s->data_start;
  char what[512];
  snprintf(what, sizeof what, "%.480s: header", path);
  SCION_TRY(scion__json_parse(ctx, what, (const char *)s->file.data + 8, (size_t)length, &s->doc));
  const scion_json *root = scion__json_root(s->doc);
  s->entries = scion__alloc(ctx, (size_t)(root->n + 1) * sizeof *s->entries);
  s->by_name = scion__alloc(ctx, (size_t)(root->n + 1) * sizeof *s->by_name);
  if (s->entries == NULL || s->by_name == NULL) return SCION_ENOMEM;
  for (const scion_json *m = root->child; m != NULL; m = m->next) {
    if (strcmp(m->key, "__metadata__") != 0) {
      SCION_TRY(read_entry(ctx, s, m, data_size, &s->entries[s->n]));
      s->n++;
      continue;
    }
    if (s->meta != NULL || m->type != SCION_JSON_OBJECT) return scion_fail(ctx, SCION_EFORMAT, "%s: __metadata__ is not one object", path);
    for (const scion_json *v = m->child; v != NULL; v = v->next) {
      if (scion__json_string(v, NULL) == NULL) {
        return scion_fail(ctx, SCION_EFORMAT, "%s: metadata '%s' is not a string", path, v->key);
      }
    }
    s->meta = m;
  }
  int32_t *room = scion__alloc(ctx, (size_t)(s->n + 1) * sizeof *room);
  if (room == NULL) return SCION_ENOMEM;
  scion_status st = SCION_OK;
  uint64_t at = 0;
  sort_by(s->n, s->by_name, room, s->entries, false);
  for (int32_t i = 0; i < s->n && st == SCION_OK; i++) {
    const entry *e = &s->entries[s->by_name[i]];
    if (e->begin != at) {
      st = scion_fail(ctx, SCION_EFORMAT, "%s: tensor '%s': data %s at byte %llu", path, e->name,
                      e->begin < at ? "overlaps another's" : "leaves a hole before it", (unsigned long long)e->begin);
    }
    at = e->end;
  }
  if (st == SCION_OK && at != data_size) {
    st = scion_fail(ctx, SCION_EFORMAT, "%s: the tensors take %llu bytes of data, the file has %llu", path,
                    (unsigned long long)at, (unsigned long long)data_size);
  }
  sort_by(s->n, s->by_name, room, s->entries, true);
  for (int32_t i = 1; i < s->n && st == SCION_OK; i++) {
    if (strcmp(s->entries[s->by_name[i - 1]].name, s->entries[s->by_name[i]].name) == 0) {
      st = scion_fail(ctx, SCION_EFORMAT, "%s: two tensors are called '%s'", path, s->entries[s->by_name[i]].name);
    }
  }
  scion__free(ctx, room, (size_t)(s->n + 1) * sizeof *room);
  return st;
}

static scion_status opened(scion_context *ctx, scion_safetensors *s, scion_status st, scion_safetensors **out) {
  if (st == SCION_OK) st = read_header(ctx, s);
  if (st != SCION_OK) scion_safetensors_close(ctx, s);
  else *out = s;
  return st;
}

scion_status scion_safetensors_open(scion_context *ctx, const char *path, scion_safetensors **out) {
  *out = NULL;
  scion_safetensors *s = scion__calloc(ctx, sizeof *s);
  if (s == NULL) return SCION_ENOMEM;
  return opened(ctx, s, scion__file_open(ctx, path, &s->file), out);
}
scion_status scion_safetensors_map(scion_context *ctx, const char *path, scion_safetensors **out) {
  *out = NULL;
  scion_safetensors *s = scion__calloc(ctx, sizeof *s);
  if (s == NULL) return SCION_ENOMEM;
  scion_status st = scion__file_open(ctx, path, &s->file);
  if (st == SCION_OK) st = scion__file_share(ctx, &s->file);
  return opened(ctx, s, st, out);
}

scion_status scion_safetensors_open_memory(scion_context *ctx, const char *name, const void *data, size_t size, scion_safetensors **out) {
  *out = NULL;
  scion_safetensors *s = scion__calloc(ctx, sizeof *s);
  if (s == NULL) return SCION_ENOMEM;
  return opened(ctx, s, scion__file_memory(ctx, name, data, size, &s->file), out);
}

void scion_safetensors_close(scion_context *ctx, scion_safetensors *s) {
  if (s == NULL) return;
  int32_t members = s->doc != NULL ? scion__json_root(s->doc)->n : 0;
  scion__free(ctx, s->entries, (size_t)(members + 1) * sizeof *s->entries);
  scion__free(ctx, s->by_name, (size_t)(members + 1) * sizeof *s->by_name);
  scion__json_free(ctx, s->doc);
  scion__file_close(ctx, &s->file);
  scion__free(ctx, s, sizeof *s);
}

int32_t scion_safetensors_count(const scion_safetensors *s) { return s->n; }

int scion_safetensors_at(const scion_safetensors *s, int32_t i, scion_tensor_info *out) {
  if (i < 0 || i >= s->n) return 0;
  const entry *e = &s->entries[i];
  *out = (scion_tensor_info){ .name = e->name, .file_dtype = types[e->type].name, .dtype = types[e->type].dtype,
                              .n_dims = e->shape->n, .offset = s->data_start + e->begin, .bytes = e->end - e->begin };
  int32_t k = 0;
  for (const scion_json *d = e->shape->child; d != NULL && k < SCION_MAX_DIMS; d = d->next) out->shape[k++] = d->i;
  return 1;
}

int32_t scion_safetensors_find(const scion_safetensors *s, const char *name) {
  int32_t lo = 0, hi = s->n;
  while (lo < hi) {
    int32_t mid = lo + (hi - lo) / 2, c = strcmp(s->entries[s->by_name[mid]].name, name);
    if (c == 0) return s->by_name[mid];
    if (c < 0) lo = mid + 1;
    else hi = mid;
  }
  return -1;
}

scion_status scion_safetensors_read(scion_context *ctx, scion_safetensors *s, int32_t i, scion_tensor **out) {
  *out = NULL;
  scion_tensor_info info;
  if (!scion_safetensors_at(s, i, &info)) return scion_fail(ctx, SCION_EINDEX, "%s: tensor %d of %d", s->file.path, i, s->n);
  if (info.dtype < 0) return scion_fail(ctx, SCION_EUNSUPPORTED, "%s: tensor '%s' is %s, which has no type here", s->file.path, info.name, info.file_dtype);
  if (info.n_dims > SCION_MAX_DIMS) {
    return scion_fail(ctx, SCION_EUNSUPPORTED, "%s: tensor '%s' has %d dimensions, at most %d are possible", s->file.path, info.name,
                      info.n_dims, SCION_MAX_DIMS);
  }
  scion_tensor *t;
  SCION_TRY(scion__tensor_of_file(ctx, &s->file, info.offset, info.dtype, info.n_dims, info.shape, &t));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  scion__swap_bytes(t->data, (size_t)t->numel, scion_dtype_size(t->dtype));
#endif
  if (t->dtype == SCION_BOOL) {
    uint8_t *b = (uint8_t *)t->data;
    for (int64_t k = 0; k < t->numel; k++) b[k] = b[k] != 0;
  }
  *out = t;
  return SCION_OK;
}

const char *scion_safetensors_meta(const scion_safetensors *s, const char *key) {
  return scion__json_string(scion__json_get(s->meta, key), NULL);
}
int scion_safetensors_meta_at(const scion_safetensors *s, int32_t i, const char **key, const char **value) {
  const scion_json *m = s->meta == NULL || i < 0 ? NULL : s->meta->child;
  while (m != NULL && i-- > 0) m = m->next;
  if (m == NULL) return 0;
  *key = m->key;
  *value = m->s;
  return 1;
}

/* ---- writing ------------------------------------------------------------------------------------ */

static const char *type_name(int dtype) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i].dtype == dtype) return types[i].name;
  return NULL;
}

static scion_status put_tensor(scion_context *ctx, scion_writer *w, scion_tensor *tensor) {
  scion_tensor *t;
  SCION_TRY(scion__tensor_packed(ctx, tensor, &t));
  size_t bytes = (size_t)t->numel * scion_dtype_size(t->dtype);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  scion_tensor *copy = NULL;
  scion_status st = scion__tensor_alloc(ctx, t->dtype, t->n_dims, t->shape, &copy);
  if (st == SCION_OK) {
    memcpy(copy->data, t->data, bytes);
    scion__swap_bytes(copy->data, (size_t)t->numel, scion_dtype_size(t->dtype));
    st = scion__writer_put(ctx, w, copy->data, bytes);
  }
  scion_tensor_free(ctx, copy);
#else
  scion_status st = scion__writer_put(ctx, w, t->data, bytes);
#endif
  scion_tensor_free(ctx, t);
  return st;
}

scion_status scion_safetensors_write(scion_context *ctx, const char *path, int32_t n, const char *const *names,
                                     scion_tensor *const *tensors, int32_t n_meta, const char *const *keys, const char *const *values) {
  for (int32_t i = 0; i < n; i++) {
    if (names[i] == NULL || tensors[i] == NULL) return scion_fail(ctx, SCION_EINVAL, "safetensors: tensor %d has no name or no data", i);
    if (strcmp(names[i], "__metadata__") == 0) return scion_fail(ctx, SCION_EINVAL, "safetensors: a tensor cannot be called '__metadata__'");
    if (tensors[i]->numel > 0 && tensors[i]->data == NULL) return scion_fail(ctx, SCION_ESTATE, "safetensors: tensor '%s' has no data", names[i]);
  }
  size_t room_bytes = (size_t)(n + 1) * (sizeof(entry) + 2 * sizeof(int32_t));
  entry *e = scion__calloc(ctx, room_bytes);
  if (e == NULL) return SCION_ENOMEM;
  int32_t *order = (int32_t *)(void *)(e + n + 1), *room = order + n + 1;
  for (int32_t i = 0; i < n; i++) e[i].name = names[i];
  sort_by(n, order, room, e, true);
  scion_status st = SCION_OK;
  for (int32_t i = 1; i < n && st == SCION_OK; i++) {
    if (strcmp(names[order[i - 1]], names[order[i]]) == 0) {
      st = scion_fail(ctx, SCION_EINVAL, "safetensors: two tensors are called '%s'", names[order[i]]);
    }
  }
  /* Data goes by falling element size, so that every tensor is aligned for its type. */
  uint64_t at = 0;
  int32_t k = 0;
  for (size_t size = 8; size > 0; size /= 2) {
    for (int32_t i = 0; i < n; i++) {
      if (scion_dtype_size(tensors[i]->dtype) != size) continue;
      e[i].begin = at;
      e[i].end = at += (uint64_t)tensors[i]->numel * size;
      order[k++] = i;
    }
  }
  scion_text header;
  scion__text_init(&header, ctx);
  scion__text_add_bytes(&header, "{", 1);
  bool first = true;
  for (int32_t i = 0; i < n_meta; i++) {
    if (i == 0) {
      scion__json_put_key(&header, &first, "__metadata__");
      scion__text_add_bytes(&header, "{", 1);
      first = true;
    }
    scion__json_put_key(&header, &first, keys[i]);
    scion__json_put_string(&header, values[i], strlen(values[i]));
    if (i == n_meta - 1) scion__text_add_bytes(&header, "}", 1);
  }
  for (int32_t i = 0; i < n; i++) {
    const scion_tensor *t = tensors[i];
    scion__json_put_key(&header, &first, names[i]);
    scion__text_add(&header, "{\"dtype\":\"%s\",\"shape\":[", type_name(t->dtype));
    for (int32_t d = 0; d < t->n_dims; d++) scion__text_add(&header, d == 0 ? "%lld" : ",%lld", (long long)t->shape[d]);
    scion__text_add(&header, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)e[i].begin, (unsigned long long)e[i].end);
  }
  scion__text_add_bytes(&header, "}", 1);
  while (!header.failed && header.n % 8 != 0) scion__text_add_bytes(&header, " ", 1);
  size_t length = header.n;
  char *text = scion__text_take(&header);
  if (text == NULL) st = SCION_ENOMEM;
  if (st == SCION_OK && length > MAX_HEADER) st = scion_fail(ctx, SCION_EINVAL, "safetensors: names and metadata take %zu bytes, at most %u are possible", length, MAX_HEADER);
  scion_writer w = { .fd = -1 };
  if (st == SCION_OK) st = scion__writer_open(ctx, path, &w);
  if (st == SCION_OK) {
    unsigned char prefix[8];
    scion__put_le(prefix, 8, length);
    st = scion__writer_put(ctx, &w, prefix, 8);
    if (st == SCION_OK) st = scion__writer_put(ctx, &w, text, length);
    for (int32_t i = 0; i < n && st == SCION_OK; i++) st = put_tensor(ctx, &w, tensors[order[i]]);
    if (st == SCION_OK) st = scion__writer_commit(ctx, &w);
    else scion__writer_abandon(ctx, &w);
  }
  scion_text_free(ctx, text);
  scion__free(ctx, e, room_bytes);
  return st;
}
