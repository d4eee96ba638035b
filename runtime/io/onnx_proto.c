/* onnx_proto.c: the protobuf wire format as far as ONNX needs it, and TensorProto. Nothing is trusted: every length is
 * checked against the message that holds it, every tensor against its data. */
#include <stdio.h>

#include "onnx.h"
#include "../tensor/element.h"

bool scion__pb_varint(scion_pb *m, uint64_t *v) {
  *v = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (m->p >= m->end) break;
    unsigned char c = *m->p++;
    *v |= (uint64_t)(c & 127) << shift;
    if (c < 128) return true;
  }
  m->bad = true;
  return false;
}

bool scion__pb_next(scion_pb *m, scion_pb_field *f) {
  uint64_t key, n = 0;
  if (m->bad || m->p >= m->end || !scion__pb_varint(m, &key)) return false;
  f->number = (uint32_t)(key >> 3);
  f->wire = (uint32_t)(key & 7);
  f->v = 0;
  size_t left = (size_t)(m->end - m->p);
  switch (f->wire) {
    case 0: return scion__pb_varint(m, &f->v);
    case 1: n = 8; break;
    case 5: n = 4; break;
    case 2:
      if (!scion__pb_varint(m, &n)) return false;
      left = (size_t)(m->end - m->p);
      if (n > left) break;
      f->sub = (scion_pb){ m->p, m->p + n, false };
      m->p += n;
      return f->number > 0;
    default: break; /* groups: not in ONNX */
  }
  if (n == 0 || n > left || f->number == 0) {
    m->bad = true;
    return false;
  }
  f->v = n == 8 ? scion__le64(m->p) : scion__le32(m->p);
  m->p += n;
  return true;
}

char *scion__pb_text(scion_context *ctx, const scion_pb *s) {
  size_t n = (size_t)(s->end - s->p);
  char *t = scion__alloc(ctx, n + 1);
  if (t == NULL) return NULL;
  for (size_t i = 0; i < n; i++) t[i] = s->p[i] == 0 ? '_' : (char)s->p[i]; /* an inner NUL would cut it short */
  t[n] = '\0';
  char *text = scion__strdup(ctx, t);
  scion__free(ctx, t, n + 1);
  return text;
}

/* ---- tensors ---------------------------------------------------------------------------------------------- */

static int dtype_of(uint64_t type) {
  static const int types[] = { -1, SCION_F32, SCION_U8, SCION_I8, SCION_U16, SCION_I16, SCION_I32, SCION_I64, -1, SCION_BOOL, SCION_F16, SCION_F64,
                               SCION_U32, SCION_U64, -1, -1, SCION_BF16 };
  return type < sizeof types / sizeof *types ? types[type] : -1;
}

/* storage types become the compute type that holds them */
static int wider_than(int dtype) {
  return dtype == SCION_F16 || dtype == SCION_BF16 ? SCION_F32 : dtype == SCION_I8 || dtype == SCION_I16 || dtype == SCION_U16 ? SCION_I32
         : dtype == SCION_U32 || dtype == SCION_U64 ? SCION_I64 : dtype;
}
int scion__onnx_dtype(uint64_t type) {
  int dtype = dtype_of(type);
  return dtype < 0 ? -1 : wider_than(dtype);
}

typedef struct {
  int32_t n_dims;
  int64_t shape[SCION_MAX_DIMS], numel;
  uint64_t type;
  scion_pb raw, name, location;
  uint64_t offset, length;
  bool has_raw, external, has_length, too_many;
} header;

static bool add_dim(header *h, uint64_t v) {
  if (h->n_dims == SCION_MAX_DIMS) h->too_many = true;
  else h->shape[h->n_dims++] = (int64_t)v;
  return true;
}
static bool number_of(const scion_pb *s, uint64_t *v) {
  *v = 0;
  if (s->p == s->end) return false;
  for (const unsigned char *p = s->p; p < s->end; p++) {
    if (*p < '0' || *p > '9' || *v > UINT64_MAX / 10 - 9) return false;
    *v = *v * 10 + (uint64_t)(*p - '0');
  }
  return true;
}
static bool read_header(scion_pb m, header *h) {
  scion_pb_field f;
  while (scion__pb_next(&m, &f)) {
    uint64_t v;
    switch (f.number) {
      case 1:
        if (f.wire == 0) add_dim(h, f.v);
        else if (f.wire == 2) while (f.sub.p < f.sub.end && scion__pb_varint(&f.sub, &v)) add_dim(h, v);
        if (f.wire == 2 && f.sub.bad) return false;
        break;
      case 2: h->type = f.v; break;
      case 8: if (f.wire == 2) h->name = f.sub; break;
      case 9: if (f.wire == 2) h->raw = f.sub, h->has_raw = true; break;
      case 13: { /* external_data: key 1, value 2 */
        scion_pb key = { 0 }, value = { 0 };
        scion_pb_field e;
        while (f.wire == 2 && scion__pb_next(&f.sub, &e))
          if (e.wire == 2) *(e.number == 1 ? &key : &value) = e.sub;
        if (key.p == NULL || value.p == NULL) break;
        if (scion__pb_is(&key, "location")) h->location = value;
        else if (scion__pb_is(&key, "offset") && !number_of(&value, &h->offset)) return false;
        else if (scion__pb_is(&key, "length") && !(h->has_length = number_of(&value, &h->length))) return false;
        break;
      }
      case 14: h->external = f.v == 1; break;
      default: break;
    }
  }
  return !m.bad;
}

uint64_t scion__onnx_type_of(scion_pb proto) {
  header h = { 0 };
  return read_header(proto, &h) ? h.type : 0;
}

/* Numbers in typed fields: floats 4, int32s 5 (also small integers, bools, half bits), int64s 7, doubles 10, uint64s 11. */
static scion_status typed_data(scion_context *ctx, const char *path, scion_pb m, scion_tensor *t) {
  scion_pb_field f;
  int64_t at = 0;
  int dtype = t->dtype;
  size_t size = scion_dtype_size((scion_dtype)dtype);
  while (scion__pb_next(&m, &f)) {
    bool fixed = f.number == 4 || f.number == 10, counts = fixed || f.number == 5 || f.number == 7 || f.number == 11;
    if (!counts) continue;
    scion_pb one = f.wire == 2 ? f.sub : (scion_pb){ 0 };
    bool packed = f.wire == 2;
    while (!packed || one.p < one.end) {
      uint64_t v = f.v;
      if (packed && fixed) {
        size_t n = f.number == 4 ? 4 : 8;
        if ((size_t)(one.end - one.p) < n) return scion_fail(ctx, SCION_EFORMAT, "%s: a tensor's data are cut off", path);
        v = n == 4 ? scion__le32(one.p) : scion__le64(one.p);
        one.p += n;
      } else if (packed && !scion__pb_varint(&one, &v)) {
        return scion_fail(ctx, SCION_EFORMAT, "%s: a tensor's data are damaged", path);
      }
      if (at == t->numel) return scion_fail(ctx, SCION_EFORMAT, "%s: a tensor holds more than its %lld elements", path, (long long)t->numel);
      char *to = t->data + (size_t)at++ * size;
      if (f.number == 4) {
        uint32_t u = (uint32_t)v;
        float x;
        memcpy(&x, &u, 4);
        scion__element_set(dtype, to, x);
      } else if (f.number == 10) {
        double x;
        memcpy(&x, &v, 8);
        scion__element_set(dtype, to, x);
      } else if (dtype == SCION_F16 || dtype == SCION_BF16) {
        uint16_t bits = (uint16_t)v;
        memcpy(to, &bits, 2);
      } else {
        scion__element_set_i64(dtype, to, (int64_t)v);
      }
      if (!packed) break;
    }
  }
  if (at != t->numel) return scion_fail(ctx, SCION_EFORMAT, "%s: a tensor holds %lld of its %lld elements", path, (long long)at, (long long)t->numel);
  return SCION_OK;
}

/* Data in a file beside the model: only of its own folder. */
static scion_status external_data(scion_context *ctx, const char *path, const scion_file *model, const header *h, int dtype, size_t bytes, scion_tensor **out) {
  char *location = scion__pb_text(ctx, &h->location);
  if (location == NULL) return SCION_ENOMEM;
  if (location[0] == '\0' || location[0] == '/' || strstr(location, "..") != NULL || strchr(location, '\\') != NULL) {
    scion_status st = scion_fail(ctx, SCION_EFORMAT, "%s: refers to data in '%.200s', outside its folder", path, location);
    scion__strfree(ctx, location);
    return st;
  }
  const char *slash = strrchr(path, '/');
  size_t folder = slash == NULL ? 0 : (size_t)(slash - path) + 1, n = folder + strlen(location) + 1;
  char *full = scion__alloc(ctx, n);
  scion_status st = SCION_ENOMEM;
  if (full != NULL) {
    memcpy(full, path, folder);
    memcpy(full + folder, location, n - folder);
    scion_file file;
    st = scion__file_open(ctx, full, &file);
    if (st == SCION_OK) {
      if (h->has_length && h->length != bytes) st = scion_fail(ctx, SCION_EFORMAT, "%s: a tensor of %zu bytes has %llu in %s", path, bytes,
          (unsigned long long)h->length, location);
      else if (h->offset > file.size || bytes > file.size - h->offset) st = scion_fail(ctx, SCION_EFORMAT, "%s: a tensor's data end after the end of %s", path, location);
      else if (model != NULL && model->shared != NULL) st = scion__file_share(ctx, &file);
      if (st == SCION_OK) st = scion__tensor_of_file(ctx, &file, h->offset, dtype, h->n_dims, h->shape, out);
      scion__file_close(ctx, &file);
    }
    scion__free(ctx, full, n);
  }
  scion__strfree(ctx, location);
  return st;
}

scion_status scion__onnx_tensor(scion_context *ctx, const char *path, const scion_file *file, scion_pb proto, char **name, scion_tensor **out) {
  header h = { 0 };
  *out = NULL;
  if (name != NULL) *name = NULL;
  if (!read_header(proto, &h)) return scion_fail(ctx, SCION_EFORMAT, "%s: a tensor's description is damaged", path);
  int dtype = dtype_of(h.type);
  if (dtype < 0) return scion_fail(ctx, SCION_EUNSUPPORTED, "%s: a tensor has elements of ONNX type %llu (numbers and booleans can be read)", path, (unsigned long long)h.type);
  if (h.too_many) return scion_fail(ctx, SCION_EUNSUPPORTED, "%s: a tensor has more than %d dimensions", path, SCION_MAX_DIMS);
  int64_t numel;
  SCION_TRY(scion__check_shape(ctx, path, h.n_dims, h.shape, &numel));
  size_t bytes = (size_t)numel * scion_dtype_size((scion_dtype)dtype), have = (size_t)(proto.end - proto.p);
  if (h.has_raw && !h.external && (size_t)(h.raw.end - h.raw.p) != bytes) {
    return scion_fail(ctx, SCION_EFORMAT, "%s: a tensor of %zu bytes has %zu bytes of data", path, bytes, (size_t)(h.raw.end - h.raw.p));
  }
  if (!h.has_raw && !h.external && (uint64_t)numel > have) { /* at least one byte an element */
    return scion_fail(ctx, SCION_EFORMAT, "%s: a tensor of %lld elements lies in %zu bytes", path, (long long)numel, have);
  }
  scion_tensor *t = NULL;
  scion_status st;
  if (h.external) {
    st = external_data(ctx, path, file, &h, dtype, bytes, &t);
  } else if (h.has_raw && file != NULL && bytes > 0) { /* past the mapping, whose pages stay out of memory, or as a window on it */
    st = scion__tensor_of_file(ctx, file, (uint64_t)(h.raw.p - file->data), dtype, h.n_dims, h.shape, &t);
  } else {
    st = scion__tensor_alloc(ctx, dtype, h.n_dims, h.shape, &t);
    if (st == SCION_OK && h.has_raw && bytes > 0) memcpy(t->data, h.raw.p, bytes);
    else if (st == SCION_OK) st = typed_data(ctx, path, proto, t);
  }
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  if (st == SCION_OK && (h.has_raw || h.external)) scion__swap_bytes(t->data, (size_t)numel, scion_dtype_size((scion_dtype)dtype));
#endif
  if (st == SCION_OK && dtype == SCION_BOOL)
    for (int64_t i = 0; i < numel; i++) t->data[i] = t->data[i] != 0;
  int wider = wider_than(dtype);
  if (st == SCION_OK && wider != dtype) {
    scion_tensor *y;
    st = scion__tensor_alloc(ctx, wider, h.n_dims, h.shape, &y);
    if (st == SCION_OK) {
      st = scion__tensor_copy_into(ctx, y, t);
      scion_tensor_free(ctx, t);
      t = y;
    }
  }
  if (st == SCION_OK && name != NULL && (*name = scion__pb_text(ctx, &h.name)) == NULL) st = SCION_ENOMEM;
  if (st != SCION_OK) {
    scion_tensor_free(ctx, t);
    return st;
  }
  *out = t;
  return SCION_OK;
}
