/* mapped.c: tensors out of files: read with one copy, or as a window on a shared mapping of the file. */
#include "tensor.h"
#include "../base/file.h"

scion_status scion__tensor_of_file(scion_context *ctx, const scion_file *f, uint64_t offset, int dtype, int32_t n_dims, const int64_t *shape, scion_tensor **out) {
  int64_t numel;
  *out = NULL;
  SCION_TRY(scion__check_shape(ctx, f->path, n_dims, shape, &numel));
  size_t size = scion_dtype_size((scion_dtype)dtype), bytes = (size_t)numel * size;
  bool inside = offset <= f->size && bytes <= f->size - offset;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  bool window = false;
#else
  /* bools are made 0 and 1 by whoever reads them, which would copy their pages anyway */
  bool window = f->shared != NULL && inside && bytes > 0 && dtype != SCION_BOOL && (uintptr_t)(f->data + offset) % size == 0;
#endif
  if (window) {
    scion_status st = scion_tensor_wrap(ctx, (scion_dtype)dtype, n_dims, shape, NULL, (void *)(uintptr_t)(f->data + offset), scion__mapping_release, f->shared, out);
    if (st == SCION_OK) scion__mapping_ref(f->shared);
    return st;
  }
  if (!inside) return scion_fail(ctx, SCION_EFORMAT, "%s: %zu bytes expected at byte %llu, but the file has %zu", f->path, bytes, (unsigned long long)offset, f->size);
  SCION_TRY(scion__tensor_alloc(ctx, dtype, n_dims, shape, out));
  scion_status st = bytes > 0 ? scion__file_read(ctx, f, offset, (*out)->data, bytes) : SCION_OK;
  if (st == SCION_OK) return st;
  scion_tensor_free(ctx, *out);
  *out = NULL;
  return st;
}
