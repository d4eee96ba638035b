/* tensor.c: making, wrapping, viewing, reading and releasing tensors. */
#include <stdio.h>

#include "tensor.h"
#include "element.h"

#define STORAGE_HEADER sizeof(scion_storage)
_Static_assert(sizeof(scion_storage) <= 64 + 8, "the storage header is one cache line");

/* Bytes in front of inlined data, a multiple of the alignment. */
#define DATA_OFFSET ((STORAGE_HEADER + SCION_ALIGN - 1) / SCION_ALIGN * SCION_ALIGN)

static void storage_unref(scion_context *ctx, scion_storage *s) {
  if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1) return;
  bool owner = ctx != NULL && ctx->heap == s->heap;
  if (s->release != NULL) s->release(s->release_ud, s->data);
  scion__heap_free(s->heap, owner, s, s->owned ? DATA_OFFSET + s->bytes : STORAGE_HEADER);
}


scion_status scion__check_shape(scion_context *ctx, const char *who, int32_t n_dims, const int64_t *shape, int64_t *numel) {
  if (n_dims < 0 || n_dims > SCION_MAX_DIMS) {
    return scion_fail(ctx, SCION_ESHAPE, "%s: %d dimensions, at most %d are possible", who, n_dims, SCION_MAX_DIMS);
  }
  int64_t n = 1;
  bool zero = false, overflow = false;
  for (int32_t i = 0; i < n_dims; i++) {
    if (shape[i] < 0) {
      char text[SCION_SHAPE_TEXT];
      return scion_fail(ctx, SCION_ESHAPE, "%s: negative size in shape %s", who, scion__shape_text(text, n_dims, shape));
    }
    if (shape[i] == 0) zero = true;
    else if (scion__mul_overflow(n, shape[i], &n)) overflow = true;
  }
  if (zero) n = 0;
  if (!zero && (overflow || n > INT64_MAX / 64)) {
    char text[SCION_SHAPE_TEXT];
    return scion_fail(ctx, SCION_ESHAPE, "%s: shape %s has too many elements", who, scion__shape_text(text, n_dims, shape));
  }
  *numel = n;
  return SCION_OK;
}

static void pack_strides(scion_tensor *t) {
  int64_t stride = 1;
  for (int32_t i = t->n_dims - 1; i >= 0; i--) {
    t->strides[i] = stride;
    if (scion__mul_overflow(stride, t->shape[i], &stride)) stride = INT64_MAX; /* sizes beside a 0 may be anything; nothing is read then */
  }
}

static void update_flags(scion_tensor *t) {
  int64_t stride = 1;
  t->contiguous = true;
  t->expanded = false;
  for (int32_t i = t->n_dims - 1; i >= 0; i--) {
    if (t->shape[i] != 1) {
      if (t->strides[i] != stride) t->contiguous = false;
      if (t->strides[i] == 0 && t->shape[i] > 1) t->expanded = true;
    }
    stride *= t->shape[i];
  }
  if (t->numel == 0) t->contiguous = true, t->expanded = false;
}

static scion_tensor *header_new(scion_context *ctx, int dtype, int32_t n_dims, const int64_t *shape, int64_t numel) {
  scion_tensor *t = scion__alloc(ctx, sizeof *t);
  if (t == NULL) return NULL;
  t->refs = 1;
  t->dtype = (uint8_t)dtype;
  t->requires_grad = false;
  t->contiguous = true;
  t->expanded = false;
  t->n_dims = n_dims;
  t->output_index = 0;
  t->numel = numel;
  for (int32_t i = 0; i < n_dims; i++) t->shape[i] = shape[i];
  t->data = NULL;
  t->storage = NULL;
  t->grad_fn = NULL;
  t->meta = NULL;
  return t;
}

scion_status scion__tensor_shape_only(scion_context *ctx, int dtype, int32_t n_dims, const int64_t *shape, scion_tensor **out) {
  int64_t numel;
  *out = NULL;
  SCION_TRY(scion__check_shape(ctx, "tensor", n_dims, shape, &numel));
  scion_tensor *t = header_new(ctx, dtype, n_dims, shape, numel);
  if (t == NULL) return SCION_ENOMEM;
  pack_strides(t);
  *out = t;
  return SCION_OK;
}

scion_status scion__tensor_alloc(scion_context *ctx, int dtype, int32_t n_dims, const int64_t *shape, scion_tensor **out) {
  int64_t numel;
  *out = NULL;
  SCION_TRY(scion__check_shape(ctx, "tensor", n_dims, shape, &numel));
  scion_tensor *t = header_new(ctx, dtype, n_dims, shape, numel);
  if (t == NULL) return SCION_ENOMEM;
  size_t bytes = (size_t)numel * scion_dtype_size(dtype);
  scion_storage *s = scion__alloc(ctx, DATA_OFFSET + bytes);
  if (s == NULL) {
    scion__free(ctx, t, sizeof *t);
    return SCION_ENOMEM;
  }
  atomic_init(&s->refs, 1);
  s->n_recorded = 0;
  s->version = 0;
  s->heap = ctx->heap;
  s->data = (char *)s + DATA_OFFSET;
  s->bytes = bytes;
  s->release = NULL;
  s->release_ud = NULL;
  s->owned = true;
  t->storage = s;
  t->data = s->data;
  pack_strides(t);
  *out = t;
  return SCION_OK;
}

scion_status scion_tensor_new(scion_context *ctx, scion_dtype dtype, int32_t n_dims, const int64_t *shape, scion_tensor **out) {
  *out = NULL;
  if ((unsigned)dtype >= SCION_DTYPE_COUNT) return scion_fail(ctx, SCION_EDTYPE, "tensor: unknown dtype %d", (int)dtype);
  SCION_TRY(scion__tensor_alloc(ctx, dtype, n_dims, shape, out));
  if ((*out)->numel > 0) memset((*out)->data, 0, (size_t)(*out)->numel * scion_dtype_size(dtype));
  return SCION_OK;
}

scion_status scion_tensor_from_bytes(scion_context *ctx, scion_dtype dtype, int32_t n_dims, const int64_t *shape,
                                     const void *data, size_t bytes, scion_tensor **out) {
  int64_t numel;
  *out = NULL;
  if ((unsigned)dtype >= SCION_DTYPE_COUNT) return scion_fail(ctx, SCION_EDTYPE, "tensor_from_bytes: unknown dtype %d", (int)dtype);
  SCION_TRY(scion__check_shape(ctx, "tensor_from_bytes", n_dims, shape, &numel));
  if ((size_t)numel * scion_dtype_size(dtype) != bytes) {
    char text[SCION_SHAPE_TEXT];
    return scion_fail(ctx, SCION_EINVAL, "tensor_from_bytes: %zu bytes given, %s %s needs %zu", bytes, scion_dtype_name(dtype),
                      scion__shape_text(text, n_dims, shape), (size_t)numel * scion_dtype_size(dtype));
  }
  SCION_TRY(scion__tensor_alloc(ctx, dtype, n_dims, shape, out));
  if (bytes > 0) memcpy((*out)->data, data, bytes);
  if (dtype == SCION_BOOL)
    for (size_t i = 0; i < bytes; i++) (*out)->data[i] = (*out)->data[i] != 0;
  return SCION_OK;
}

scion_status scion_tensor_wrap(scion_context *ctx, scion_dtype dtype, int32_t n_dims, const int64_t *shape,
                               const int64_t *strides, void *data, void (*release)(void *ud, void *data), void *ud,
                               scion_tensor **out) {
  int64_t numel;
  *out = NULL;
  if ((unsigned)dtype >= SCION_DTYPE_COUNT) return scion_fail(ctx, SCION_EDTYPE, "tensor_wrap: unknown dtype %d", (int)dtype);
  SCION_TRY(scion__check_shape(ctx, "tensor_wrap", n_dims, shape, &numel));
  if (data == NULL && numel > 0) return scion_fail(ctx, SCION_EINVAL, "tensor_wrap: data is NULL");
  if ((uintptr_t)data % scion_dtype_size(dtype) != 0) {
    return scion_fail(ctx, SCION_EINVAL, "tensor_wrap: data is not aligned to the %zu bytes of %s", scion_dtype_size(dtype),
                      scion_dtype_name(dtype));
  }
  scion_tensor *t = header_new(ctx, dtype, n_dims, shape, numel);
  if (t == NULL) return SCION_ENOMEM;
  scion_storage *s = scion__alloc(ctx, STORAGE_HEADER);
  if (s == NULL) {
    scion__free(ctx, t, sizeof *t);
    return SCION_ENOMEM;
  }
  pack_strides(t);
  if (strides != NULL)
    for (int32_t i = 0; i < n_dims; i++) t->strides[i] = strides[i];
  *s = (scion_storage){ .heap = ctx->heap, .data = data, .bytes = (size_t)numel * scion_dtype_size(dtype),
                        .release = release, .release_ud = ud };
  atomic_init(&s->refs, 1);
  t->storage = s;
  t->data = data;
  update_flags(t);
  *out = t;
  return SCION_OK;
}

scion_status scion__tensor_view(scion_context *ctx, scion_tensor *t, int32_t n_dims, const int64_t *shape,
                                const int64_t *strides, int64_t offset, scion_tensor **out) {
  int64_t numel;
  *out = NULL;
  SCION_TRY(scion__check_shape(ctx, "view", n_dims, shape, &numel));
  scion_tensor *v = header_new(ctx, t->dtype, n_dims, shape, numel);
  if (v == NULL) return SCION_ENOMEM;
  if (strides == NULL) {
    pack_strides(v);
  } else {
    for (int32_t i = 0; i < n_dims; i++) v->strides[i] = strides[i];
    update_flags(v);
  }
  if (t->storage != NULL) {
    atomic_fetch_add_explicit(&t->storage->refs, 1, memory_order_relaxed);
    v->storage = t->storage;
    v->data = t->data + offset * (int64_t)scion_dtype_size(t->dtype);
  }
  *out = v;
  return SCION_OK;
}

scion_status scion_tensor_as_strided(scion_context *ctx, scion_tensor *t, int32_t n_dims, const int64_t *shape,
                                     const int64_t *strides, int64_t offset, scion_tensor **out) {
  int64_t numel;
  *out = NULL;
  SCION_TRY(scion__check_shape(ctx, "as_strided", n_dims, shape, &numel));
  int64_t size = (int64_t)scion_dtype_size(t->dtype);
  int64_t first = (t->data - t->storage->data) / size + offset, low = first, high = first;
  for (int32_t i = 0; i < n_dims && numel > 0; i++) {
    int64_t span;
    if (scion__mul_overflow(shape[i] - 1, strides[i], &span) || span > INT64_MAX / 16 || span < -(INT64_MAX / 16)) {
      return scion_fail(ctx, SCION_EINVAL, "as_strided: stride %lld is out of range", (long long)strides[i]);
    }
    if (span > 0) high += span;
    else low += span;
  }
  if (numel > 0 && (low < 0 || high >= (int64_t)t->storage->bytes / size)) {
    return scion_fail(ctx, SCION_EINDEX, "as_strided: reaches elements %lld..%lld of a storage of %lld", (long long)low,
                      (long long)high, (long long)((int64_t)t->storage->bytes / size));
  }
  return scion__tensor_view(ctx, t, n_dims, shape, strides, offset, out);
}

void scion__tensor_swap_storage(scion_tensor *a, scion_tensor *b) {
  scion_tensor t = *a;
  a->storage = b->storage;
  a->data = b->data;
  a->contiguous = b->contiguous;
  a->expanded = b->expanded;
  memcpy(a->strides, b->strides, sizeof a->strides);
  b->storage = t.storage;
  b->data = t.data;
  b->contiguous = t.contiguous;
  b->expanded = t.expanded;
  memcpy(b->strides, t.strides, sizeof b->strides);
  int32_t in_a = scion__records(a) ? 1 : 0, in_b = scion__records(b) ? 1 : 0; /* the count follows the handle */
  a->storage->n_recorded += in_a - in_b;
  b->storage->n_recorded += in_b - in_a;
}

scion_tensor *scion_tensor_ref(scion_tensor *t) {
  if (t != NULL) t->refs++;
  return t;
}

void scion_tensor_free(scion_context *ctx, scion_tensor *t) {
  if (t == NULL || --t->refs > 0) return;
  if (t->grad_fn != NULL || t->requires_grad || t->meta != NULL) scion__autograd_forget(ctx, t);
  if (t->storage != NULL) storage_unref(ctx, t->storage);
  scion__free(ctx, t, sizeof *t);
}

scion_status scion_tensor_scalar(scion_context *ctx, scion_dtype dtype, double value, scion_tensor **out) {
  *out = NULL;
  if ((unsigned)dtype >= SCION_DTYPE_COUNT) return scion_fail(ctx, SCION_EDTYPE, "scalar: unknown dtype %d", (int)dtype);
  SCION_TRY(scion__tensor_alloc(ctx, dtype, 0, NULL, out));
  scion__element_set(dtype, (*out)->data, value);
  return SCION_OK;
}

scion_dtype scion_tensor_dtype(const scion_tensor *t) { return (scion_dtype)t->dtype; }
int32_t scion_tensor_n_dims(const scion_tensor *t) { return t->n_dims; }
const int64_t *scion_tensor_shape(const scion_tensor *t) { return t->shape; }
const int64_t *scion_tensor_strides(const scion_tensor *t) { return t->strides; }
int64_t scion_tensor_numel(const scion_tensor *t) { return t->numel; }
int scion_tensor_is_contiguous(const scion_tensor *t) { return t->contiguous; }
void *scion_tensor_data(scion_tensor *t) { return t->data; }
void scion_tensor_touch(scion_tensor *t) { if (t->storage != NULL) t->storage->version++; }
uint64_t scion_tensor_version(const scion_tensor *t) { return t->storage != NULL ? t->storage->version : 0; }
int scion_tensor_shares_storage(const scion_tensor *a, const scion_tensor *b) { return a->storage == b->storage && a->storage != NULL; }

bool scion__same_shape(const scion_tensor *a, const scion_tensor *b) {
  if (a->n_dims != b->n_dims) return false;
  for (int32_t i = 0; i < a->n_dims; i++)
    if (a->shape[i] != b->shape[i]) return false;
  return true;
}

char *scion__tensor_brief(char *buf, const scion_tensor *t) {
  int n = snprintf(buf, SCION_SHAPE_TEXT, "%s ", scion_dtype_name((scion_dtype)t->dtype));
  char shape[SCION_SHAPE_TEXT];
  scion__shape_text(shape, t->n_dims, t->shape);
  snprintf(buf + n, (size_t)(SCION_SHAPE_TEXT - n), "%.*s", SCION_SHAPE_TEXT - n - 1, shape);
  return buf;
}

scion_status scion__check_dim(scion_context *ctx, const char *who, int64_t dim, int32_t n_dims, int32_t *out) {
  int32_t n = n_dims == 0 ? 1 : n_dims;
  if (dim < -n || dim >= n) {
    int32_t base = ctx->index_base; /* negative ones count from the end in either */
    return scion_fail(ctx, SCION_EINDEX, "%s: dimension %lld is out of range for a tensor of %d dimensions (valid: %d..%d or %d..-1)",
                      who, (long long)(dim < 0 || dim == INT64_MAX ? dim : dim + base), n_dims, base, n - 1 + base, -n);
  }
  *out = (int32_t)(dim < 0 ? dim + n : dim);
  return SCION_OK;
}

/* ---- single elements and whole contents ---------------------------------------------------------- */

static scion_status address(scion_context *ctx, const scion_tensor *t, const int64_t *index, char **p) {
  int64_t offset = 0;
  for (int32_t i = 0; i < t->n_dims; i++) {
    int64_t k = index[i] < 0 ? index[i] + t->shape[i] : index[i];
    if (k < 0 || k >= t->shape[i]) {
      return scion_fail(ctx, SCION_EINDEX, "tensor: index %lld is out of range %d..%lld in dimension %d",
                        (long long)index[i] + ctx->index_base, ctx->index_base, (long long)t->shape[i] - 1 + ctx->index_base, i + ctx->index_base);
    }
    offset += k * t->strides[i];
  }
  *p = t->data + offset * (int64_t)scion_dtype_size(t->dtype);
  return SCION_OK;
}
scion_status scion_tensor_get(scion_context *ctx, const scion_tensor *t, const int64_t *index, double *out) {
  char *p;
  *out = 0;
  SCION_TRY(address(ctx, t, index, &p));
  *out = scion__element_get(t->dtype, p);
  return SCION_OK;
}
scion_status scion_tensor_get_i64(scion_context *ctx, const scion_tensor *t, const int64_t *index, int64_t *out) {
  char *p;
  *out = 0;
  SCION_TRY(address(ctx, t, index, &p));
  *out = scion__element_get_i64(t->dtype, p);
  return SCION_OK;
}

/* A direct write carries no history: refuse where it would make a gradient wrong. */
scion_status scion__check_writable(scion_context *ctx, const char *who, const scion_tensor *t) {
  if (t->expanded) {
    return scion_fail(ctx, SCION_ESTATE, "%s: this view repeats elements (it was expanded); clone it before writing", who);
  }
  if (ctx->grad_enabled && scion__records(t)) {
    return scion_fail(ctx, SCION_ESTATE, t->grad_fn != NULL
                      ? "%s: the tensor has a gradient history; write under no_grad or use ops such as slice_scatter"
                      : "%s: a leaf that requires a gradient may only be changed under no_grad", who);
  }
  return SCION_OK;
}
scion_status scion_tensor_set(scion_context *ctx, scion_tensor *t, const int64_t *index, double value) {
  char *p;
  SCION_TRY(scion__check_writable(ctx, "set", t));
  SCION_TRY(address(ctx, t, index, &p));
  scion__element_set(t->dtype, p, value);
  scion_tensor_touch(t);
  return SCION_OK;
}
scion_status scion_tensor_set_i64(scion_context *ctx, scion_tensor *t, const int64_t *index, int64_t value) {
  char *p;
  SCION_TRY(scion__check_writable(ctx, "set", t));
  SCION_TRY(address(ctx, t, index, &p));
  scion__element_set_i64(t->dtype, p, value);
  scion_tensor_touch(t);
  return SCION_OK;
}

static scion_status check_bytes(scion_context *ctx, const char *who, const scion_tensor *t, size_t bytes) {
  size_t need = (size_t)t->numel * scion_dtype_size(t->dtype);
  char text[SCION_SHAPE_TEXT];
  if (bytes == need) return SCION_OK;
  return scion_fail(ctx, SCION_EINVAL, "%s: %zu bytes given, %s has %zu", who, bytes, scion__tensor_brief(text, t), need);
}
scion_status scion_tensor_read(scion_context *ctx, scion_tensor *t, void *data, size_t bytes) {
  SCION_TRY(check_bytes(ctx, "tensor_read", t, bytes));
  scion_tensor *packed;
  SCION_TRY(scion__tensor_packed(ctx, t, &packed));
  if (bytes > 0) memcpy(data, packed->data, bytes);
  scion_tensor_free(ctx, packed);
  return SCION_OK;
}
scion_status scion_tensor_write(scion_context *ctx, scion_tensor *t, const void *data, size_t bytes) {
  SCION_TRY(scion__check_writable(ctx, "tensor_write", t));
  SCION_TRY(check_bytes(ctx, "tensor_write", t, bytes));
  if (t->contiguous) {
    if (bytes > 0) memcpy(t->data, data, bytes);
  } else {
    scion_tensor *packed;
    SCION_TRY(scion_tensor_from_bytes(ctx, (scion_dtype)t->dtype, t->n_dims, t->shape, data, bytes, &packed));
    scion_status st = scion__tensor_copy_into(ctx, t, packed);
    scion_tensor_free(ctx, packed);
    SCION_TRY(st);
  }
  scion_tensor_touch(t);
  return SCION_OK;
}
