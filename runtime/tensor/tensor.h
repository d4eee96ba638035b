/* tensor.h: the tensor and its storage. A tensor is a strided window on a storage; views share the
 * storage, whose version counts changes. Tensors are confined to their context's thread; the
 * storage is counted atomically and may be shared or freed anywhere. */
#ifndef SCION_TENSOR_H
#define SCION_TENSOR_H

#include "../base/base.h"

typedef struct scion_storage { /* 64 bytes; owned data follows in the same block */
  atomic_int refs;
  int32_t n_recorded; /* handles on it that carry history or ask for gradients */
  uint64_t version;   /* changes so far */
  scion_heap *heap;
  char *data;
  size_t bytes;       /* of data */
  void (*release)(void *ud, void *data); /* host memory */
  void *release_ud;
  bool owned;         /* data is in this block */
} scion_storage;

struct scion_node;
typedef struct scion_autograd_meta scion_autograd_meta; /* .grad and hooks: autograd/ */

struct scion_tensor {
  int32_t refs;
  uint8_t dtype;
  bool requires_grad; /* a leaf that asked for it */
  bool contiguous;    /* row-major and packed; kept up to date by every constructor */
  bool expanded;      /* some stride is 0 over a dimension above 1: read-only */
  int32_t n_dims;
  uint32_t output_index; /* which output of grad_fn this is */
  int64_t numel;
  int64_t shape[SCION_MAX_DIMS], strides[SCION_MAX_DIMS]; /* elements; only n_dims are set */
  char *data;            /* first element; NULL for a shape without storage */
  scion_storage *storage;
  struct scion_node *grad_fn;
  scion_autograd_meta *meta;
};

static inline bool scion__is_float(int dtype) { return dtype == SCION_F32 || dtype == SCION_F64; }
static inline bool scion__is_compute(int dtype) { return dtype <= SCION_BOOL; }
static inline bool scion__records(const scion_tensor *t) { return t->requires_grad || t->grad_fn != NULL; }

/* Uninitialised contiguous tensor. */
scion_status scion__tensor_alloc(scion_context *ctx, int dtype, int32_t n_dims, const int64_t *shape,
                                 scion_tensor **out);
/* A contiguous tensor whose elements stand at `offset` of a file: a copy, or with scion__file_share a window where the alignment allows it (mapped.c). */
struct scion_file;
scion_status scion__tensor_of_file(scion_context *ctx, const struct scion_file *f, uint64_t offset, int dtype, int32_t n_dims, const int64_t *shape, scion_tensor **out);
/* A shape and dtype without storage, for shape inference. */
scion_status scion__tensor_shape_only(scion_context *ctx, int dtype, int32_t n_dims, const int64_t *shape,
                                      scion_tensor **out);
/* Unrecorded view; strides NULL: contiguous. offset in elements from t's first. Bounds are the caller's. */
scion_status scion__tensor_view(scion_context *ctx, scion_tensor *t, int32_t n_dims, const int64_t *shape,
                                const int64_t *strides, int64_t offset, scion_tensor **out);
/* t itself (new reference) when contiguous, else a packed unrecorded copy. */
scion_status scion__tensor_packed(scion_context *ctx, scion_tensor *t, scion_tensor **out);
/* Exchanges storage, window and flags of two tensors of one shape; history stays. */
void scion__tensor_swap_storage(scion_tensor *a, scion_tensor *b);
/* Moves what autograd knows (never .grad or hooks of leaves) from one handle to another. */
void scion__autograd_move_history(scion_tensor *from, scion_tensor *to);
void scion__autograd_forget(scion_context *ctx, scion_tensor *t); /* the last handle goes: history, .grad, hooks */
/* dst <- src, both strided, same shape after broadcasting src, any dtypes (f32 -> i32 truncates). Unrecorded. */
scion_status scion__tensor_copy_into(scion_context *ctx, scion_tensor *dst, const scion_tensor *src);
/* Fill from a double (i64 exact when is_int). */
void scion__tensor_fill(scion_context *ctx, scion_tensor *t, double value);

scion_status scion__check_writable(scion_context *ctx, const char *who, const scion_tensor *t); /* a direct write may not change history or an expanded view */
scion_status scion__check_shape(scion_context *ctx, const char *who, int32_t n_dims, const int64_t *shape,
                                int64_t *numel); /* dims >= 0, product fits, at most SCION_MAX_DIMS */
/* NumPy broadcasting of two shapes; false when they do not fit. */
bool scion__broadcast(int32_t na, const int64_t *a, int32_t nb, const int64_t *b, int32_t *n, int64_t *out);
bool scion__same_shape(const scion_tensor *a, const scion_tensor *b);
/* dim in -n..n-1 -> 0..n-1; fails naming op and parameter. n_dims 0 counts as 1. */
scion_status scion__check_dim(scion_context *ctx, const char *who, int64_t dim, int32_t n_dims, int32_t *out);
/* "f32 (2, 3)" for messages: a rotating static-per-call buffer is avoided; give room of SCION_SHAPE_TEXT. */
char *scion__tensor_brief(char *buf, const scion_tensor *t);

/* Strides of `t` seen under a broadcast shape of n dims (0 where repeated). */
void scion__broadcast_strides(const scion_tensor *t, int32_t n, int64_t *strides);

/* Walks up to SCION_MAX_WALK strided operands of one shape. The innermost dimension is left to the
 * caller: fn gets `n` elements and one stride (elements) per operand. Adjacent dimensions that fuse are
 * fused. Runs in parallel over fixed chunks when `grain` elements or more. */
#define SCION_MAX_WALK 6
typedef void (*scion_walk_fn)(void *ud, int64_t n, char *const *ptrs, const int64_t *strides);
void scion__walk(scion_context *ctx, int32_t n_operands, char *const *data, const int32_t *elem_sizes,
                 const int64_t *const *strides, int32_t n_dims, const int64_t *shape, int64_t grain,
                 scion_walk_fn fn, void *ud);

#endif
