/* idx.c: the IDX format of MNIST and its kin, plain or in gzip. */
#include "zip.h"
#include "../tensor/tensor.h"

typedef struct { scion_file *f; scion_inflater *z; uint64_t at; } source;

static scion_status get(scion_context *ctx, source *s, void *data, size_t bytes) {
  if (s->z != NULL) return scion__inflate_read(s->z, s->f->path, data, bytes);
  SCION_TRY(scion__file_read(ctx, s->f, s->at, data, bytes));
  s->at += bytes;
  return SCION_OK;
}

static scion_status read_source(scion_context *ctx, source *s, scion_tensor **out) {
  const char *path = s->f->path;
  unsigned char head[4], dims[4 * SCION_MAX_DIMS];
  SCION_TRY(get(ctx, s, head, 4));
  int dtype = -1;
  switch (head[2]) {
    case 0x08: dtype = SCION_U8; break;
    case 0x09: dtype = SCION_I8; break;
    case 0x0b: dtype = SCION_I16; break;
    case 0x0c: dtype = SCION_I32; break;
    case 0x0d: dtype = SCION_F32; break;
    case 0x0e: dtype = SCION_F64; break;
    default: break;
  }
  if (head[0] != 0 || head[1] != 0 || dtype < 0 || head[3] > SCION_MAX_DIMS) {
    return scion_fail(ctx, SCION_EFORMAT, "%s: no IDX file (it begins with %02x %02x %02x %02x)", path, head[0], head[1], head[2], head[3]);
  }
  int32_t n = head[3];
  int64_t shape[SCION_MAX_DIMS], numel;
  SCION_TRY(get(ctx, s, dims, 4 * (size_t)n));
  for (int32_t i = 0; i < n; i++) shape[i] = scion__be32(dims + 4 * i);
  SCION_TRY(scion__check_shape(ctx, path, n, shape, &numel));
  size_t size = scion_dtype_size(dtype), bytes = (size_t)numel * size;
  size_t possible = s->z != NULL ? s->f->size * SCION_DEFLATE_RATIO : s->f->size - (size_t)s->at;
  if (bytes > possible || (s->z == NULL && bytes < possible)) {
    char text[SCION_SHAPE_TEXT];
    return scion_fail(ctx, SCION_EFORMAT, "%s: shape %s needs %zu bytes of data, the file has %zu%s", path,
                      scion__shape_text(text, n, shape), bytes, possible, s->z != NULL ? " at most" : "");
  }
  scion_tensor *t;
  SCION_TRY(scion__tensor_alloc(ctx, dtype, n, shape, &t));
  scion_status st = get(ctx, s, t->data, bytes);
  if (st == SCION_OK && s->z != NULL) st = scion__inflate_end(s->z, path);
  if (st != SCION_OK) {
    scion_tensor_free(ctx, t);
    return st;
  }
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  scion__swap_bytes(t->data, (size_t)numel, size);
#endif
  *out = t;
  return SCION_OK;
}

static scion_status read_file(scion_context *ctx, scion_file *f, scion_tensor **out) {
  source s = { f, NULL, 0 };
  if (f->size < 3 || f->data[0] != 0x1f || f->data[1] != 0x8b) return read_source(ctx, &s, out);
  scion_inflater z;
  scion_status st = scion__inflate_open(ctx, &z, f->data, f->size);
  s.z = &z;
  if (st == SCION_OK) st = read_source(ctx, &s, out);
  scion__inflate_close(&z);
  return st;
}

scion_status scion_idx_read(scion_context *ctx, const char *path, scion_tensor **out) {
  scion_file f;
  *out = NULL;
  SCION_TRY(scion__file_open(ctx, path, &f));
  scion_status st = read_file(ctx, &f, out);
  scion__file_close(ctx, &f);
  return st;
}
scion_status scion_idx_read_memory(scion_context *ctx, const char *name, const void *data, size_t size, scion_tensor **out) {
  scion_file f;
  *out = NULL;
  SCION_TRY(scion__file_memory(ctx, name, data, size, &f));
  scion_status st = read_file(ctx, &f, out);
  scion__file_close(ctx, &f);
  return st;
}
