/* scion_io.h: files. Included by scion.h. A file is data, never code: every reader checks what it reads and fails with
 * SCION_EFORMAT (or SCION_EIO where the operating system refuses), naming the file, what is wrong and where. */
#ifndef SCION_IO_H
#define SCION_IO_H

/* ---- safetensors: named tensors and text metadata in one file ---------------------------------- */

typedef struct scion_safetensors scion_safetensors; /* open for reading; checked whole when opened */
typedef struct scion_tensor_info {
  const char *name;
  const char *file_dtype; /* the file's word for it: "F32", "F8_E4M3", ... */
  int32_t dtype;          /* scion_dtype, or -1 for one that scion has no type for */
  int32_t n_dims;         /* may exceed SCION_MAX_DIMS: then shape holds the first of them */
  int64_t shape[SCION_MAX_DIMS];
  uint64_t offset, bytes; /* in the file */
} scion_tensor_info;

SCION_API scion_status scion_safetensors_open(scion_context *ctx, const char *path, scion_safetensors **out);
/* The same from memory, which must outlive it; `name` stands for the path in messages. */
SCION_API scion_status scion_safetensors_open_memory(scion_context *ctx, const char *name, const void *data, size_t size,
                                                     scion_safetensors **out);
SCION_API void scion_safetensors_close(scion_context *ctx, scion_safetensors *file);
SCION_API int32_t scion_safetensors_count(const scion_safetensors *file);
SCION_API int scion_safetensors_at(const scion_safetensors *file, int32_t i, scion_tensor_info *out); /* the file's order; 0: no such */
SCION_API int32_t scion_safetensors_find(const scion_safetensors *file, const char *name);            /* -1: none */
SCION_API scion_status scion_safetensors_read(scion_context *ctx, scion_safetensors *file, int32_t i, scion_tensor **out);
SCION_API const char *scion_safetensors_meta(const scion_safetensors *file, const char *key); /* NULL: none; borrowed */
SCION_API int scion_safetensors_meta_at(const scion_safetensors *file, int32_t i, const char **key, const char **value);

/* Writes a temporary file beside `path`, syncs, renames: an existing file is replaced whole or not at all. Same input,
 * same bytes. Tensors may be strided. keys, values: metadata, n_meta of each. */
SCION_API scion_status scion_safetensors_write(scion_context *ctx, const char *path, int32_t n, const char *const *names,
                                               scion_tensor *const *tensors, int32_t n_meta, const char *const *keys,
                                               const char *const *values);

#endif
