/* npy.c: NumPy's arrays. The header is a Python literal, read by a small scanner and never evaluated. Object arrays
 * are pickles, that is code, and are refused. */
#include <stdio.h>

#include "zip.h"
#include "../base/json.h"
#include "../tensor/tensor.h"

#define MAGIC "\x93NUMPY"
#define MAX_HEADER (1u << 20)

typedef struct {
  int dtype;
  bool swap, fortran;
  int32_t n_dims;
  int64_t shape[SCION_MAX_DIMS];
  size_t data; /* where it starts */
} header;

typedef struct { scion_context *ctx; const char *path, *s, *p, *end; } scanner;

static scion_status bad(scanner *r, const char *what) {
  return scion_fail(r->ctx, SCION_EFORMAT, "%s: npy header, byte %zu: %s", r->path, (size_t)(r->p - r->s), what);
}
static void space(scanner *r) {
  while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r')) r->p++;
}
static bool eat(scanner *r, char c) {
  space(r);
  if (r->p >= r->end || *r->p != c) return false;
  r->p++;
  return true;
}
static bool word(scanner *r, const char *w) {
  space(r);
  size_t n = strlen(w);
  if ((size_t)(r->end - r->p) < n || memcmp(r->p, w, n) != 0) return false;
  r->p += n;
  return true;
}
static bool quoted(scanner *r, char *text, size_t room) {
  space(r);
  if (r->p >= r->end || (*r->p != '\'' && *r->p != '"')) return false;
  char quote = *r->p++;
  size_t n = 0;
  while (r->p < r->end && *r->p != quote && *r->p != '\\' && n + 1 < room) text[n++] = *r->p++;
  text[n] = '\0';
  return eat(r, quote);
}

static scion_status read_descr(scanner *r, header *h) {
  char d[32];
  space(r);
  if (r->p < r->end && *r->p == '[') {
    return scion_fail(r->ctx, SCION_EUNSUPPORTED, "%s: a structured array (records with fields); save its columns one by one", r->path);
  }
  if (!quoted(r, d, sizeof d)) return bad(r, "descr is no string");
  static const struct { const char *name; int dtype; } kinds[] = {
    { "f4", SCION_F32 }, { "f8", SCION_F64 }, { "f2", SCION_F16 }, { "i1", SCION_I8 }, { "i2", SCION_I16 }, { "i4", SCION_I32 },
    { "i8", SCION_I64 }, { "u1", SCION_U8 }, { "u2", SCION_U16 }, { "u4", SCION_U32 }, { "u8", SCION_U64 }, { "b1", SCION_BOOL } };
  const char *kind = strchr("<>|=", d[0]) != NULL && d[0] != '\0' ? d + 1 : d;
  h->dtype = -1;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kind, kinds[i].name) == 0) h->dtype = kinds[i].dtype;
  if (h->dtype < 0) {
    return scion_fail(r->ctx, SCION_EUNSUPPORTED, "%s: elements of type '%s'%s", r->path, d,
                      kind[0] == 'O' ? " are Python objects, which only Python can read" : " (f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1 can be read)");
  }
  h->swap = d[0] == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '>' : '<');
  return SCION_OK;
}

static scion_status read_shape(scanner *r, header *h) {
  if (!eat(r, '(')) return bad(r, "shape is no tuple");
  h->n_dims = 0;
  while (!eat(r, ')')) {
    int64_t v = 0;
    space(r);
    const char *digits = r->p;
    while (r->p < r->end && *r->p >= '0' && *r->p <= '9') {
      if (scion__mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (int64_t)(*r->p - '0'), &v)) return bad(r, "a size is too large");
      r->p++;
    }
    if (r->p == digits) return bad(r, "expected a size");
    if (r->p < r->end && *r->p == 'L') r->p++; /* Python 2 */
    if (h->n_dims == SCION_MAX_DIMS) {
      return scion_fail(r->ctx, SCION_EUNSUPPORTED, "%s: more than %d dimensions", r->path, SCION_MAX_DIMS);
    }
    h->shape[h->n_dims++] = v;
    if (eat(r, ',')) continue;
    if (!eat(r, ')')) return bad(r, "expected ',' or ')'");
    break;
  }
  return SCION_OK;
}

static scion_status read_header(scion_context *ctx, const char *path, const unsigned char *d, size_t size, header *h) {
  if (size < 10 || memcmp(d, MAGIC, 6) != 0) return scion_fail(ctx, SCION_EFORMAT, "%s: no npy data", path);
  size_t prefix = d[6] == 1 ? 10 : 12;
  if (d[6] < 1 || d[6] > 3 || size < prefix) return scion_fail(ctx, SCION_EFORMAT, "%s: npy version %d.%d (1 to 3 are known)", path, d[6], d[7]);
  size_t length = d[6] == 1 ? scion__le16(d + 8) : scion__le32(d + 8);
  if (length > size - prefix || length > MAX_HEADER) return scion_fail(ctx, SCION_EFORMAT, "%s: npy header of %zu bytes in a file of %zu", path, length, size);
  const char *text = (const char *)d + prefix;
  scanner r = { ctx, path, text, text, text + length };
  int seen = 0;
  if (!eat(&r, '{')) return bad(&r, "expected '{'");
  while (!eat(&r, '}')) {
    char key[32];
    int bit;
    if (!quoted(&r, key, sizeof key) || !eat(&r, ':')) return bad(&r, "expected a key and ':'");
    if (strcmp(key, "descr") == 0) {
      bit = 1;
      SCION_TRY(read_descr(&r, h));
    } else if (strcmp(key, "fortran_order") == 0) {
      bit = 2;
      h->fortran = word(&r, "True");
      if (!h->fortran && !word(&r, "False")) return bad(&r, "fortran_order is neither True nor False");
    } else if (strcmp(key, "shape") == 0) {
      bit = 4;
      SCION_TRY(read_shape(&r, h));
    } else {
      return bad(&r, "unknown key");
    }
    if ((seen & bit) != 0) return bad(&r, "a key comes twice");
    seen |= bit;
    if (!eat(&r, ',')) {
      if (!eat(&r, '}')) return bad(&r, "expected ',' or '}'");
      break;
    }
  }
  space(&r);
  if (r.p != r.end) return bad(&r, "something follows the dictionary");
  if (seen != 7) return bad(&r, "descr, fortran_order or shape is missing");
  h->data = prefix + length;
  int64_t numel, bytes;
  SCION_TRY(scion__check_shape(ctx, path, h->n_dims, h->shape, &numel));
  bytes = numel * (int64_t)scion_dtype_size(h->dtype);
  if ((uint64_t)bytes != size - h->data) {
    char t[SCION_SHAPE_TEXT];
    return scion_fail(ctx, SCION_EFORMAT, "%s: shape %s of %s needs %lld bytes of data, there are %zu", path,
                      scion__shape_text(t, h->n_dims, h->shape), scion_dtype_name(h->dtype), (long long)bytes, size - h->data);
  }
  return SCION_OK;
}

static scion_status read_file(scion_context *ctx, const scion_file *f, scion_tensor **out) {
  header h = { 0 };
  SCION_TRY(read_header(ctx, f->path, f->data, f->size, &h));
  int64_t shape[SCION_MAX_DIMS];
  bool turn = h.fortran && h.n_dims > 1;
  for (int32_t i = 0; i < h.n_dims; i++) shape[i] = h.shape[turn ? h.n_dims - 1 - i : i];
  scion_tensor *t;
  scion_status st = SCION_OK;
  SCION_TRY(scion__tensor_of_file(ctx, f, h.data, h.dtype, h.n_dims, shape, &t));
  if (h.swap) scion__swap_bytes(t->data, (size_t)t->numel, scion_dtype_size(h.dtype));
  if (h.dtype == SCION_BOOL) {
    uint8_t *b = (uint8_t *)t->data;
    for (int64_t i = 0; i < t->numel; i++) b[i] = b[i] != 0;
  }
  if (turn) {
    scion_tensor *view = NULL, *packed = NULL;
    int64_t strides[SCION_MAX_DIMS];
    for (int32_t i = 0; i < h.n_dims; i++) strides[i] = t->strides[h.n_dims - 1 - i];
    st = scion__tensor_view(ctx, t, h.n_dims, h.shape, strides, 0, &view);
    if (st == SCION_OK) st = scion__tensor_packed(ctx, view, &packed);
    scion_tensor_free(ctx, view);
    scion_tensor_free(ctx, t);
    t = packed;
  }
  if (st != SCION_OK) {
    scion_tensor_free(ctx, t);
    return st;
  }
  *out = t;
  return SCION_OK;
}

scion_status scion_npy_read(scion_context *ctx, const char *path, scion_tensor **out) {
  scion_file f;
  *out = NULL;
  SCION_TRY(scion__file_open(ctx, path, &f));
  scion_status st = read_file(ctx, &f, out);
  scion__file_close(ctx, &f);
  return st;
}
scion_status scion_npy_read_memory(scion_context *ctx, const char *name, const void *data, size_t size, scion_tensor **out) {
  scion_file f;
  *out = NULL;
  SCION_TRY(scion__file_memory(ctx, name, data, size, &f));
  scion_status st = read_file(ctx, &f, out);
  scion__file_close(ctx, &f);
  return st;
}

scion_status scion__npz_read(scion_context *ctx, const scion_file *whole, scion_zip *zip, int32_t i, scion_tensor **out) {
  uint64_t offset;
  if (whole->shared != NULL && i >= 0 && i < scion_zip_count(zip) && scion__zip_stored(zip, i, &offset)) { /* the member as a file of its own in the same mapping */
    const scion_member *m = scion__zip_member(zip, i);
    char name[600];
    snprintf(name, sizeof name, "%.300s: %.250s", whole->path, m->name);
    scion_file part = { name, whole->data + offset, (size_t)m->size, -1, false, whole->shared };
    SCION_TRY(scion__zip_sum(ctx, zip, i, part.data));
    return read_file(ctx, &part, out);
  }
  return scion_npz_read(ctx, zip, i, out);
}
scion_status scion_npz_read(scion_context *ctx, scion_zip *zip, int32_t i, scion_tensor **out) {
  *out = NULL;
  const scion_member *m = scion__zip_member(zip, i);
  const scion_file *file = scion__zip_file(zip);
  if (m == NULL) return scion_fail(ctx, SCION_EINDEX, "%s: member %d of %d", file->path, i, scion_zip_count(zip));
  char name[600], message[600];
  scion_status st = scion__zip_check(zip, i, message, sizeof message);
  if (st != SCION_OK) return scion_fail(ctx, st, "%s", message);
  snprintf(name, sizeof name, "%.300s: %.250s", file->path, m->name);
  unsigned char *data = scion__alloc(ctx, (size_t)m->size + 1);
  if (data == NULL) return SCION_ENOMEM;
  st = scion_zip_read(ctx, zip, i, data, (size_t)m->size);
  if (st == SCION_OK) st = scion_npy_read_memory(ctx, name, data, (size_t)m->size, out);
  scion__free(ctx, data, (size_t)m->size + 1);
  return st;
}

/* ---- writing -------------------------------------------------------------------------------------- */

/* The header for t into text (at least 512 bytes); returns its length, a multiple of 64. */
static scion_status make_header(scion_context *ctx, const scion_tensor *t, unsigned char *text, size_t *length) {
  static const char *const kinds[SCION_DTYPE_COUNT] = {
    [SCION_F32] = "<f4", [SCION_F64] = "<f8", [SCION_I32] = "<i4", [SCION_I64] = "<i8", [SCION_U8] = "|u1", [SCION_BOOL] = "|b1",
    [SCION_F16] = "<f2", [SCION_I8] = "|i1", [SCION_I16] = "<i2", [SCION_U16] = "<u2", [SCION_U32] = "<u4", [SCION_U64] = "<u8" };
  if (kinds[t->dtype] == NULL) return scion_fail(ctx, SCION_EDTYPE, "npy: there is no NumPy type for %s; convert it first", scion_dtype_name(t->dtype));
  int n = snprintf((char *)text + 10, 500, "{'descr': '%s', 'fortran_order': False, 'shape': (", kinds[t->dtype]);
  for (int32_t i = 0; i < t->n_dims; i++) {
    n += snprintf((char *)text + 10 + n, 500 - (size_t)n, i == 0 ? "%lld" : ", %lld", (long long)t->shape[i]);
  }
  n += snprintf((char *)text + 10 + n, 500 - (size_t)n, t->n_dims == 1 ? ",), }" : "), }");
  size_t total = ((size_t)n + 10 + 1 + 63) / 64 * 64;
  memset(text + 10 + n, ' ', total - 10 - (size_t)n);
  text[total - 1] = '\n';
  memcpy(text, MAGIC "\x01\x00", 8);
  scion__put_le(text + 8, 2, total - 10);
  *length = total;
  return SCION_OK;
}

/* Little-endian packed data: *hold to be freed. */
static scion_status packed_le(scion_context *ctx, scion_tensor *tensor, scion_tensor **hold) {
  SCION_TRY(scion__tensor_packed(ctx, tensor, hold));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  scion_tensor *copy;
  scion_status st = scion__tensor_alloc(ctx, (*hold)->dtype, (*hold)->n_dims, (*hold)->shape, &copy);
  if (st == SCION_OK) {
    memcpy(copy->data, (*hold)->data, (size_t)copy->numel * scion_dtype_size(copy->dtype));
    scion__swap_bytes(copy->data, (size_t)copy->numel, scion_dtype_size(copy->dtype));
  }
  scion_tensor_free(ctx, *hold);
  *hold = copy;
  return st;
#else
  return SCION_OK;
#endif
}

scion_status scion_npy_write(scion_context *ctx, const char *path, scion_tensor *tensor) {
  unsigned char head[576];
  size_t length;
  scion_tensor *t;
  scion_writer w;
  SCION_TRY(make_header(ctx, tensor, head, &length));
  SCION_TRY(packed_le(ctx, tensor, &t));
  scion_status st = scion__writer_open(ctx, path, &w);
  if (st == SCION_OK) {
    st = scion__writer_put(ctx, &w, head, length);
    if (st == SCION_OK) st = scion__writer_put(ctx, &w, t->data, (size_t)t->numel * scion_dtype_size(t->dtype));
    if (st == SCION_OK) st = scion__writer_commit(ctx, &w);
    else scion__writer_abandon(ctx, &w);
  }
  scion_tensor_free(ctx, t);
  return st;
}

/* One member of an npz; dir collects the central directory. */
static scion_status put_member(scion_context *ctx, scion_writer *w, scion_text *dir, const char *name, scion_tensor *tensor, int compressed) {
  unsigned char head[576], h[30 + 20], entry[46 + 28];
  size_t length, name_length = strlen(name) + 4;
  scion_tensor *t;
  SCION_TRY(make_header(ctx, tensor, head, &length));
  SCION_TRY(packed_le(ctx, tensor, &t));
  uint64_t bytes = (uint64_t)t->numel * scion_dtype_size(t->dtype), size = length + bytes, packed = size, at = w->written;
  uint32_t crc = (uint32_t)crc32_z(crc32_z(0, NULL, 0), head, length);
  crc = (uint32_t)crc32_z(crc, (const Bytef *)t->data, (size_t)bytes);
  scion_status st = SCION_OK;
  unsigned char *out = NULL;
  size_t room = 0;
  if (compressed && size < UINT32_MAX) { /* larger ones are stored */
    z_stream s = { .zalloc = scion__zlib_alloc, .zfree = scion__zlib_free, .opaque = ctx };
    if (deflateInit2(&s, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) st = SCION_ENOMEM;
    if (st == SCION_OK) {
      room = deflateBound(&s, (uLong)size);
      out = scion__alloc(ctx, room);
      if (out == NULL) st = SCION_ENOMEM;
      s.next_out = out;
      s.avail_out = (uInt)scion__min((int64_t)room, UINT32_MAX);
      s.next_in = head;
      s.avail_in = (uInt)length;
      if (st == SCION_OK) deflate(&s, Z_NO_FLUSH);
      s.next_in = (Bytef *)t->data;
      s.avail_in = (uInt)bytes;
      if (st == SCION_OK && deflate(&s, Z_FINISH) != Z_STREAM_END) st = scion_fail(ctx, SCION_EIO, "%s: could not compress", name);
      packed = s.total_out;
      deflateEnd(&s);
    }
  }
  memset(h, 0, sizeof h);
  scion__put_le(h, 4, 0x04034b50);
  scion__put_le(h + 4, 2, 45);
  scion__put_le(h + 8, 2, out != NULL ? 8 : 0);
  scion__put_le(h + 12, 2, 0x21); /* 1980-01-01: same input, same bytes */
  scion__put_le(h + 14, 4, crc);
  scion__put_le(h + 18, 8, UINT64_MAX); /* both sizes are in the zip64 field */
  scion__put_le(h + 26, 2, name_length);
  scion__put_le(h + 28, 2, 20);
  scion__put_le(h + 30, 4, 1 | 16u << 16);
  scion__put_le(h + 34, 8, size);
  scion__put_le(h + 42, 8, packed);
  if (st == SCION_OK) st = scion__writer_put(ctx, w, h, 30);
  if (st == SCION_OK) st = scion__writer_put(ctx, w, name, name_length - 4);
  if (st == SCION_OK) st = scion__writer_put(ctx, w, ".npy", 4);
  if (st == SCION_OK) st = scion__writer_put(ctx, w, h + 30, 20);
  if (st == SCION_OK && out != NULL) st = scion__writer_put(ctx, w, out, (size_t)packed);
  if (st == SCION_OK && out == NULL) st = scion__writer_put(ctx, w, head, length);
  if (st == SCION_OK && out == NULL) st = scion__writer_put(ctx, w, t->data, (size_t)bytes);
  scion__free(ctx, out, room);
  scion_tensor_free(ctx, t);
  memset(entry, 0, sizeof entry);
  scion__put_le(entry, 4, 0x02014b50);
  scion__put_le(entry + 4, 2, 45);
  memcpy(entry + 6, h + 4, 26); /* from version to the name's length */
  scion__put_le(entry + 30, 2, 28);
  scion__put_le(entry + 42, 4, UINT32_MAX);
  scion__put_le(entry + 46, 4, 1 | 24u << 16);
  memcpy(entry + 50, h + 34, 16);
  scion__put_le(entry + 66, 8, at);
  scion__text_add_bytes(dir, (const char *)entry, 46);
  scion__text_add_bytes(dir, name, name_length - 4);
  scion__text_add_bytes(dir, ".npy", 4);
  scion__text_add_bytes(dir, (const char *)entry + 46, 28);
  return st;
}

scion_status scion_npz_write(scion_context *ctx, const char *path, int32_t n, const char *const *names, scion_tensor *const *tensors,
                             int compressed) {
  for (int32_t i = 0; i < n; i++) {
    size_t length = names[i] == NULL ? 0 : strlen(names[i]);
    if (length == 0 || length > 60000 || tensors[i] == NULL) return scion_fail(ctx, SCION_EINVAL, "npz: array %d has no usable name or no data", i);
    for (int32_t j = 0; j < i; j++)
      if (strcmp(names[i], names[j]) == 0) return scion_fail(ctx, SCION_EINVAL, "npz: two arrays are called '%s'", names[i]);
  }
  scion_writer w;
  SCION_TRY(scion__writer_open(ctx, path, &w));
  scion_text dir;
  scion__text_init(&dir, ctx);
  scion_status st = SCION_OK;
  for (int32_t i = 0; i < n && st == SCION_OK; i++) st = put_member(ctx, &w, &dir, names[i], tensors[i], compressed);
  uint64_t start = w.written, size = dir.n;
  char *text = scion__text_take(&dir);
  if (text == NULL && st == SCION_OK) st = SCION_ENOMEM;
  unsigned char e[56 + 20 + 22] = { 0 };
  scion__put_le(e, 4, 0x06064b50);
  scion__put_le(e + 4, 8, 44);
  scion__put_le(e + 12, 4, 45 | 45u << 16);
  scion__put_le(e + 24, 8, (uint64_t)n);
  scion__put_le(e + 32, 8, (uint64_t)n);
  scion__put_le(e + 40, 8, size);
  scion__put_le(e + 48, 8, start);
  scion__put_le(e + 56, 4, 0x07064b50);
  scion__put_le(e + 64, 8, start + size);
  scion__put_le(e + 72, 4, 1);
  scion__put_le(e + 76, 4, 0x06054b50);
  scion__put_le(e + 84, 4, UINT32_MAX);
  scion__put_le(e + 88, 8, UINT64_MAX);
  if (st == SCION_OK) st = scion__writer_put(ctx, &w, text, (size_t)size);
  if (st == SCION_OK) st = scion__writer_put(ctx, &w, e, sizeof e);
  if (st == SCION_OK) st = scion__writer_commit(ctx, &w);
  else scion__writer_abandon(ctx, &w);
  scion_text_free(ctx, text);
  return st;
}
