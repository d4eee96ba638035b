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
/* The same, but tensors are windows on the file where they can be (scion_net_load_options.mmap says at which price). */
SCION_API scion_status scion_safetensors_map(scion_context *ctx, const char *path, scion_safetensors **out);
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

/* ---- zip --------------------------------------------------------------------------------------- */

typedef struct scion_zip scion_zip;
SCION_API scion_status scion_zip_open(scion_context *ctx, const char *path, scion_zip **out);
SCION_API scion_status scion_zip_open_memory(scion_context *ctx, const char *name, const void *data, size_t size, scion_zip **out);
SCION_API void scion_zip_close(scion_context *ctx, scion_zip *zip);
SCION_API int32_t scion_zip_count(const scion_zip *zip);
SCION_API const char *scion_zip_name(const scion_zip *zip, int32_t i); /* NULL: no such; names of folders end in '/' */
SCION_API uint64_t scion_zip_size(const scion_zip *zip, int32_t i);    /* uncompressed bytes */
SCION_API int32_t scion_zip_find(const scion_zip *zip, const char *name); /* -1: none */
/* The member's bytes into `data`, exactly scion_zip_size of them; stored and deflated members, checksum compared. */
SCION_API scion_status scion_zip_read(scion_context *ctx, scion_zip *zip, int32_t i, void *data, size_t bytes);

/* ---- arrays: NumPy's .npy and .npz, IDX ----------------------------------------------------------- */

SCION_API scion_status scion_npy_read(scion_context *ctx, const char *path, scion_tensor **out);
SCION_API scion_status scion_npy_read_memory(scion_context *ctx, const char *name, const void *data, size_t size, scion_tensor **out);
SCION_API scion_status scion_npy_write(scion_context *ctx, const char *path, scion_tensor *t);
SCION_API scion_status scion_npz_read(scion_context *ctx, scion_zip *zip, int32_t i, scion_tensor **out); /* member i, an .npy */
SCION_API scion_status scion_npz_write(scion_context *ctx, const char *path, int32_t n, const char *const *names,
                                       scion_tensor *const *tensors, int compressed);
SCION_API scion_status scion_idx_read(scion_context *ctx, const char *path, scion_tensor **out); /* plain or gzip, by content */
SCION_API scion_status scion_idx_read_memory(scion_context *ctx, const char *name, const void *data, size_t size, scion_tensor **out);

/* What a file is, by content: "scion", "onnx", "mxnet-symbol" (networks); "pytorch", "safetensors", "npz", "npy", "mxnet" (weights);
 * "xfer" (a repurposer that Xfer saved, as JSON); NULL: nothing that is known. Static text. */
SCION_API scion_status scion_file_format(scion_context *ctx, const char *path, const char **out);

/* ---- weights from elsewhere ---------------------------------------------------------------------------- */

/* Named tensors of a file of weights, by content: safetensors, PyTorch's state dictionaries and checkpoints (zip or the older form; read
 * as data, nothing is executed), NumPy's npz and npy, MXNet's params. Names are the file's; a checkpoint gives what lies under
 * "state_dict", "model" and the like. */
typedef struct scion_weights scion_weights;
SCION_API scion_status scion_weights_open(scion_context *ctx, const char *path, scion_weights **out);
/* The same, but tensors are windows on the file where they can be: safetensors, PyTorch's zip and npz without compression, as far as they are aligned there
 * (scion_net_load_options.mmap says at which price). */
SCION_API scion_status scion_weights_map(scion_context *ctx, const char *path, scion_weights **out);
/* The same from memory, which may go afterwards; `name` stands for the path in messages. */
SCION_API scion_status scion_weights_open_memory(scion_context *ctx, const char *name, const void *data, size_t size, scion_weights **out);
SCION_API void scion_weights_close(scion_context *ctx, scion_weights *weights);
SCION_API const char *scion_weights_format(const scion_weights *weights); /* "pytorch", "safetensors", "npz", "npy", "mxnet" */
SCION_API int32_t scion_weights_count(const scion_weights *weights);
SCION_API const char *scion_weights_name(const scion_weights *weights, int32_t i); /* NULL: no such */
SCION_API scion_tensor *scion_weights_get(const scion_weights *weights, int32_t i); /* borrowed */

/* ---- networks from elsewhere ------------------------------------------------------------------------ */

/* ONNX, opsets 6 and later; see onnx_ops.c, onnx_window.c, onnx_layers.c and onnx_sequence.c for the operators. Weights become parameters under their names,
 * operators layers of conventional types. The net is in eval mode; integer data inside stay 0-based. */
SCION_API scion_status scion_onnx_load(scion_context *ctx, const char *path, scion_net **out);
SCION_API scion_status scion_onnx_load_memory(scion_context *ctx, const char *name, const void *data, size_t size, scion_net **out);
/* One value as ONNX keeps it beside its test cases (a TensorProto). */
SCION_API scion_status scion_onnx_tensor_memory(scion_context *ctx, const char *name, const void *data, size_t size, scion_tensor **out);
/* Writes a net as ONNX (opset 21), for inference: dropout does nothing, batch norm uses its running statistics. inputs: the shapes to work shapes out with,
 * one for each input (NULL: the declared ones; free dimensions are tried at usual sizes and stay free in the file). Ids that the net counts from 1 stay
 * so. A layer that ONNX has no word for is SCION_EUNSUPPORTED, naming it. */
SCION_API scion_status scion_onnx_save(scion_context *ctx, scion_net *net, const char *path, const scion_net_shape *inputs);
/* MXNet: NAME-symbol.json with the parameters in `params`, or (NULL) in the newest NAME-NNNN.params beside it, or that of `epoch` (below 0:
 * the newest). Integer data inside stay 0-based; labels of output layers are dropped. A symbol with no such file beside it opens, too: its
 * layers have the attribute "deferred" and weights without elements until they are given (from Lua: net:materialise). */
SCION_API scion_status scion_mxnet_load(scion_context *ctx, const char *symbol, const char *params, int64_t epoch, scion_net **out);
/* The same from memory: the symbol's JSON and its parameters (scion_weights_open; NULL: none). */
SCION_API scion_status scion_mxnet_load_memory(scion_context *ctx, const char *name, const void *symbol, size_t size, const scion_weights *weights, scion_net **out);
/* A network by content: scion's own format, ONNX, MXNet's symbol. options as for scion_net_load. */
SCION_API scion_status scion_model_load(scion_context *ctx, const char *path, const scion_net_load_options *options, scion_net **out);

/* ---- plain files ---------------------------------------------------------------------------------- */

/* A whole file (gzip data unpacked, at most 4 GB), released by scion_file_release(NULL, data). */
SCION_API scion_status scion_file_bytes(scion_context *ctx, const char *path, char **data, size_t *size);
SCION_API void scion_file_release(void *unused, void *data);

/* ---- pictures ------------------------------------------------------------------------------------ */

/* JPEG, PNG, BMP, GIF (first frame), TGA, PNM as u8 (C, H, W). channels 1, 3 or 4: grey, RGB or RGBA, whatever the file
 * has (alpha is dropped, grey is repeated); 0: the file's own. At most 2^28 pixels. A truncated file fails. */
SCION_API scion_status scion_image_read(scion_context *ctx, const char *path, int32_t channels, scion_tensor **out);
SCION_API scion_status scion_image_read_memory(scion_context *ctx, const char *name, const void *data, size_t size, int32_t channels,
                                               scion_tensor **out);

#endif
