/* mxnet_params.c: MXNet's lists of arrays (NAME-NNNN.params): every version of the record, from the oldest without a magic number to
 * the np-shaped one, dense and sparse (which become dense). All numbers little-endian. */
#include <stdio.h>

#include "weights.h"

#define V1 0xF993fac8u
#define V2 0xF993fac9u
#define V3 0xF993facau
#define SPARSE_RATIO 4096 /* how much larger than its file a sparse array may become */

typedef struct { scion_context *ctx; const scion_file *file; size_t at; bool cut; } reader;
typedef struct { int32_t n; int64_t v[SCION_MAX_DIMS]; bool unknown; } sizes;

static scion_status bad(reader *r, const char *what) { return scion_fail(r->ctx, SCION_EFORMAT, "%s: %s at byte %zu", r->file->path, what, r->at); }
static uint64_t number(reader *r, int bytes) {
  if (r->file->size - r->at < (size_t)bytes) {
    r->cut = true;
    return 0;
  }
  const unsigned char *p = r->file->data + r->at;
  r->at += (size_t)bytes;
  return bytes == 8 ? scion__le64(p) : scion__le32(p);
}
static scion_status read_sizes(reader *r, int32_t n, int bytes, sizes *s) {
  s->unknown = n < 0;
  s->n = n < 0 ? 0 : n;
  if (n > SCION_MAX_DIMS) return scion_fail(r->ctx, SCION_EUNSUPPORTED, "%s: an array of %d dimensions, at most %d are possible", r->file->path, n, SCION_MAX_DIMS);
  for (int32_t d = 0; d < s->n; d++) {
    s->v[d] = (int64_t)number(r, bytes);
    if (s->v[d] < 0) s->unknown = true;
  }
  return r->cut ? bad(r, "an array is cut off") : SCION_OK;
}
static int dtype_of(int32_t flag) {
  static const int types[] = { SCION_F32, SCION_F64, SCION_F16, SCION_U8, SCION_I32, SCION_I8, SCION_I64, SCION_BOOL, SCION_I16, SCION_U16, SCION_U32, SCION_U64, SCION_BF16 };
  return flag >= 0 && flag < (int32_t)(sizeof types / sizeof *types) ? types[flag] : -1;
}
/* A dense block of the file as a tensor. */
static scion_status read_dense(reader *r, int32_t flag, const sizes *s, scion_tensor **out) {
  int dtype = dtype_of(flag);
  int64_t numel;
  if (dtype < 0) return bad(r, "an array has an unknown element type");
  SCION_TRY(scion__check_shape(r->ctx, r->file->path, s->n, s->v, &numel));
  size_t size = scion_dtype_size((scion_dtype)dtype);
  if ((uint64_t)numel > (r->file->size - r->at) / size) return bad(r, "an array is cut off");
  SCION_TRY(scion__tensor_alloc(r->ctx, dtype, s->n, s->v, out));
  scion_status st = numel > 0 ? scion__file_read(r->ctx, r->file, r->at, (*out)->data, (size_t)numel * size) : SCION_OK;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  if (st == SCION_OK) scion__swap_bytes((*out)->data, (size_t)numel, size);
#endif
  if (st == SCION_OK && dtype == SCION_BOOL) for (int64_t i = 0; i < numel; i++) (*out)->data[i] = (*out)->data[i] != 0;
  r->at += (size_t)numel * size;
  if (st == SCION_OK) return st;
  scion_tensor_free(r->ctx, *out);
  *out = NULL;
  return st;
}
static int64_t id_at(const scion_tensor *t, int64_t i) {
  return t->dtype == SCION_I64 ? ((const int64_t *)(const void *)t->data)[i] : ((const int32_t *)(const void *)t->data)[i];
}
static bool are_ids(const scion_tensor *t) { return t->dtype == SCION_I64 || t->dtype == SCION_I32; }

/* Rows at their places (type 1), or compressed rows (type 2), written into zeros. */
static scion_status densify(reader *r, int32_t type, const sizes *s, const scion_tensor *data, scion_tensor *const *aux, scion_tensor **out) {
  int64_t numel, row = 1;
  size_t size = scion_dtype_size((scion_dtype)data->dtype);
  *out = NULL;
  SCION_TRY(scion__check_shape(r->ctx, r->file->path, s->n, s->v, &numel));
  if (!are_ids(aux[0]) || (type == 2 && !are_ids(aux[1])) || s->n < 1 || (type == 2 && s->n != 2)) return bad(r, "a sparse array has no proper indices");
  if ((double)numel * (double)size > (double)r->file->size * SPARSE_RATIO) return bad(r, "a sparse array would become far larger than its file");
  for (int32_t d = 1; d < s->n; d++) row *= s->v[d];
  scion_tensor *t;
  SCION_TRY(scion_tensor_new(r->ctx, (scion_dtype)data->dtype, s->n, s->v, &t));
  bool ok = true;
  if (type == 1) {
    ok = data->numel == aux[0]->numel * row;
    for (int64_t i = 0; i < aux[0]->numel && ok; i++) {
      int64_t at = id_at(aux[0], i);
      ok = at >= 0 && at < s->v[0];
      if (ok) memcpy(t->data + (size_t)(at * row) * size, data->data + (size_t)(i * row) * size, (size_t)row * size);
    }
  } else {
    ok = aux[0]->numel == s->v[0] + 1 && data->numel == aux[1]->numel;
    for (int64_t i = 0; i < s->v[0] && ok; i++) {
      int64_t from = id_at(aux[0], i), to = id_at(aux[0], i + 1);
      ok = from >= 0 && from <= to && to <= data->numel;
      for (int64_t k = from; k < to && ok; k++) {
        int64_t column = id_at(aux[1], k);
        ok = column >= 0 && column < row;
        if (ok) memcpy(t->data + (size_t)(i * row + column) * size, data->data + (size_t)k * size, size);
      }
    }
  }
  if (ok) {
    *out = t;
    return SCION_OK;
  }
  scion_tensor_free(r->ctx, t);
  return bad(r, "a sparse array's indices do not fit");
}

static scion_status read_array(reader *r, scion_tensor **out) { /* *out NULL: an empty record */
  uint32_t magic = (uint32_t)number(r, 4);
  bool modern = magic == V2 || magic == V3;
  int32_t type = 0, n;
  sizes shape, stored;
  *out = NULL;
  if (modern) type = (int32_t)number(r, 4);
  if (type < 0 || type > 2 || (magic == V3 && type != 0)) return bad(r, "an array has an unknown storage type");
  if (type != 0) SCION_TRY(read_sizes(r, (int32_t)number(r, 4), 8, &stored));
  n = modern || magic == V1 ? (int32_t)number(r, 4) : (int32_t)magic;
  SCION_TRY(read_sizes(r, n, modern || magic == V1 ? 8 : 4, &shape));
  if (shape.unknown || (n == 0 && magic != V3)) return SCION_OK;
  number(r, 8); /* device */
  int32_t flag = (int32_t)number(r, 4), n_aux = type == 0 ? 0 : type, aux_flags[2];
  sizes aux_shapes[2];
  for (int32_t i = 0; i < n_aux; i++) {
    aux_flags[i] = (int32_t)number(r, 4);
    SCION_TRY(read_sizes(r, (int32_t)number(r, 4), 8, &aux_shapes[i]));
  }
  if (r->cut) return bad(r, "an array is cut off");
  if (type == 0) return read_dense(r, flag, &shape, out);
  scion_tensor *data, *aux[2] = { NULL };
  SCION_TRY(read_dense(r, flag, &stored, &data));
  scion_status st = SCION_OK;
  for (int32_t i = 0; i < n_aux && st == SCION_OK; i++) st = read_dense(r, aux_flags[i], &aux_shapes[i], &aux[i]);
  if (st == SCION_OK) st = densify(r, type, &shape, data, aux, out);
  for (int32_t i = 0; i < n_aux; i++) scion_tensor_free(r->ctx, aux[i]);
  scion_tensor_free(r->ctx, data);
  return st;
}

scion_status scion__mxnet_read(scion_context *ctx, const scion_file *file, scion_weights *w) {
  reader r = { .ctx = ctx, .file = file };
  w->format = "mxnet";
  if (file->size < 24 || number(&r, 8) != 0x112) return bad(&r, "no list of MXNet arrays");
  number(&r, 8);
  uint64_t count = number(&r, 8);
  if (count > file->size / 4) return bad(&r, "the list has more arrays than bytes");
  size_t bytes = (size_t)(count + 1) * sizeof(scion_tensor *);
  scion_tensor **all = scion__calloc(ctx, bytes);
  if (all == NULL) return SCION_ENOMEM;
  scion_status st = SCION_OK;
  for (uint64_t i = 0; i < count && st == SCION_OK; i++) st = read_array(&r, &all[i]);
  uint64_t names = st == SCION_OK ? number(&r, 8) : 0;
  if (st == SCION_OK && (r.cut || (names != 0 && names != count))) st = bad(&r, "the list of names is missing or of another length");
  for (uint64_t i = 0; i < count && st == SCION_OK; i++) {
    char name[512];
    if (names == 0) {
      snprintf(name, sizeof name, "%llu", (unsigned long long)i);
    } else {
      uint64_t n = number(&r, 8);
      if (r.cut || n > file->size - r.at || n >= sizeof name || memchr(file->data + r.at, 0, (size_t)n) != NULL) {
        st = bad(&r, "a name is cut off or too long");
        break;
      }
      const char *s = (const char *)file->data + r.at;
      size_t skip = n > 4 && (memcmp(s, "arg:", 4) == 0 || memcmp(s, "aux:", 4) == 0) ? 4 : 0;
      snprintf(name, sizeof name, "%.*s", (int)(n - skip), s + skip);
      r.at += (size_t)n;
    }
    if (all[i] == NULL) continue;
    st = scion__weights_add(ctx, w, name, all[i]);
    all[i] = NULL;
  }
  if (st == SCION_OK && r.at != file->size) st = bad(&r, "something follows the last name");
  for (uint64_t i = 0; i < count; i++) scion_tensor_free(ctx, all[i]);
  scion__free(ctx, all, bytes);
  return st;
}
