/* scion.h: the public interface of libscion, the transfer-learning runtime. No Lua is needed.
 *
 * Conventions
 *   - Every call that can fail returns a scion_status. On failure outputs are NULL, objects are
 *     unchanged, and scion_errmsg(ctx) explains which operation, which argument, what was given and
 *     what is valid; the text lives until the next call on the same context.
 *   - A context belongs to one thread at a time; different contexts are independent. Tensors belong
 *     to a context's thread; their storage may be shared between threads and freed from any.
 *   - Ownership words: *_new / *_open and every `out` parameter give an owned reference; *_get
 *     borrows (valid while the parent lives); *_ref / *_free share and release; free accepts NULL.
 *   - Indices and dimensions are 0-based here (the Lua binding is 1-based); negative dims count
 *     from the end. Sizes are int64_t. Strides are in elements.
 *   - The library never prints, exits, aborts or touches signals, locale or floating-point modes.
 */
#ifndef SCION_H
#define SCION_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SCION_VERSION_MAJOR 0
#define SCION_VERSION_MINOR 1
#define SCION_VERSION_PATCH 0
#define SCION_VERSION "0.1.0"
#define SCION_VERSION_NUM (SCION_VERSION_MAJOR * 10000 + SCION_VERSION_MINOR * 100 + SCION_VERSION_PATCH)

#if defined(__GNUC__)
#define SCION_API __attribute__((visibility("default")))
#else
#define SCION_API
#endif

#define SCION_MAX_DIMS 8     /* dimensions of a tensor */
#define SCION_MAX_OUTPUTS 8  /* outputs of one op */

typedef struct scion_context scion_context;
typedef struct scion_tensor scion_tensor;
typedef struct scion_op scion_op;

/* ---- status ------------------------------------------------------------------------------- */

typedef enum scion_status {
  SCION_OK = 0,
  SCION_EINVAL = 1,     /* an argument is wrong: value, range, missing, unknown name */
  SCION_ESHAPE = 2,     /* shapes do not fit */
  SCION_EDTYPE = 3,     /* element type not allowed here */
  SCION_EINDEX = 4,     /* index or class id out of range */
  SCION_ENOMEM = 5,     /* allocation failed; the state stays usable */
  SCION_EIO = 6,        /* the operating system refused: missing file, disk full, ... */
  SCION_EFORMAT = 7,    /* file damaged, truncated or foreign */
  SCION_EUNSUPPORTED = 8, /* valid, but this build or op cannot do it */
  SCION_ESTATE = 9,     /* called at the wrong time (backward twice, changed saved tensor, ...) */
  SCION_ENUMERIC = 10,  /* singular matrix, no convergence, NaN where none may be */
  SCION_ECANCELLED = 11, /* the cancel callback asked to stop */
  SCION_ECALLBACK = 12  /* a host callback failed; the host keeps its own error object */
} scion_status;

SCION_API const char *scion_status_str(scion_status status); /* "shape", "dtype", ...: static text */
SCION_API const char *scion_version(void);
SCION_API int32_t scion_version_num(void);

/* ---- context ------------------------------------------------------------------------------ */

typedef enum scion_log_level { SCION_LOG_ERROR, SCION_LOG_WARN, SCION_LOG_INFO, SCION_LOG_PROGRESS } scion_log_level;

typedef struct scion_config {
  size_t size; /* sizeof(scion_config): fields are only ever appended */
  /* realloc-like: new_size 0 frees; results must be 64-byte aligned. NULL: the C library's. */
  void *(*alloc)(void *ud, void *p, size_t old_size, size_t new_size);
  void (*log)(void *ud, int32_t level, const char *msg); /* NULL: silent */
  int (*cancelled)(void *ud); /* polled between ops and tiles; nonzero stops with SCION_ECANCELLED */
  void *ud;
  int32_t threads; /* 0: physical cores, or SCION_THREADS from the environment */
  uint64_t seed;   /* of the random numbers; default 0 */
} scion_config;
#define SCION_CONFIG_INIT { sizeof(scion_config), NULL, NULL, NULL, NULL, 0, 0 }

SCION_API scion_status scion_open(const scion_config *config, scion_context **out); /* config may be NULL */
SCION_API void scion_close(scion_context *ctx);
SCION_API const char *scion_errmsg(scion_context *ctx);
/* For bindings and host callbacks: set the message (printf-like) and return `status`. */
SCION_API scion_status scion_fail(scion_context *ctx, scion_status status, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;
SCION_API void scion_log(scion_context *ctx, int32_t level, const char *msg);
SCION_API void scion_set_log(scion_context *ctx, void (*log)(void *, int32_t, const char *), void *ud);
SCION_API void scion_set_cancel(scion_context *ctx, int (*cancelled)(void *), void *ud);

SCION_API scion_status scion_set_threads(scion_context *ctx, int32_t threads); /* results do not depend on it */
SCION_API int32_t scion_get_threads(scion_context *ctx);
/* What messages count dimensions and positions from: 0 (the default), or 1 for the sake of a language that does. */
SCION_API void scion_set_index_base(scion_context *ctx, int32_t base);
SCION_API void scion_seed(scion_context *ctx, uint64_t seed);
/* The whole random state: (seed, counter). Restoring it replays the same numbers. */
SCION_API void scion_rng_get(scion_context *ctx, uint64_t state[2]);
SCION_API void scion_rng_set(scion_context *ctx, const uint64_t state[2]);

typedef struct scion_memory_info {
  int64_t live, peak, pooled, blocks; /* bytes held by tensors and nodes, the most so far, bytes kept warm, live blocks */
} scion_memory_info;
SCION_API void scion_memory(scion_context *ctx, scion_memory_info *out);
SCION_API void scion_memory_reset_peak(scion_context *ctx);
SCION_API void scion_memory_trim(scion_context *ctx); /* gives the warm blocks back */

SCION_API const char *scion_isa(void);  /* "scalar", "avx2" or "avx512": chosen once, SCION_ISA pins it */
SCION_API const char *scion_blas(void); /* name and core type of the BLAS in use */

/* ---- element types ------------------------------------------------------------------------ */

typedef enum scion_dtype {
  SCION_F32, SCION_F64, SCION_I32, SCION_I64, SCION_U8, SCION_BOOL, /* compute types */
  SCION_F16, SCION_BF16, SCION_I8, SCION_I16, SCION_U16, SCION_U32, SCION_U64, /* storage only: convert with `to` */
  SCION_DTYPE_COUNT
} scion_dtype;
SCION_API const char *scion_dtype_name(scion_dtype dtype); /* "f32" ... */
SCION_API int32_t scion_dtype_parse(const char *name);     /* -1 if unknown; accepts "f32", "float32", "float", ... */
SCION_API size_t scion_dtype_size(scion_dtype dtype);

/* ---- tensors ------------------------------------------------------------------------------ */

/* Zero-filled, contiguous tensor. */
SCION_API scion_status scion_tensor_new(scion_context *ctx, scion_dtype dtype, int32_t n_dims,
                                        const int64_t *shape, scion_tensor **out);
/* Copies `bytes` (must be exactly numel * size) of packed row-major data. */
SCION_API scion_status scion_tensor_from_bytes(scion_context *ctx, scion_dtype dtype, int32_t n_dims,
                                               const int64_t *shape, const void *data, size_t bytes,
                                               scion_tensor **out);
/* Wraps the host's memory without copying. `strides` NULL: contiguous. `release(ud, data)` is called
 * once, from whichever thread drops the last reference; may be NULL. */
SCION_API scion_status scion_tensor_wrap(scion_context *ctx, scion_dtype dtype, int32_t n_dims,
                                         const int64_t *shape, const int64_t *strides, void *data,
                                         void (*release)(void *ud, void *data), void *ud,
                                         scion_tensor **out);
SCION_API scion_status scion_tensor_scalar(scion_context *ctx, scion_dtype dtype, double value, scion_tensor **out);
SCION_API scion_tensor *scion_tensor_ref(scion_tensor *t);
SCION_API void scion_tensor_free(scion_context *ctx, scion_tensor *t);

SCION_API scion_dtype scion_tensor_dtype(const scion_tensor *t);
SCION_API int32_t scion_tensor_n_dims(const scion_tensor *t);
SCION_API const int64_t *scion_tensor_shape(const scion_tensor *t);
SCION_API const int64_t *scion_tensor_strides(const scion_tensor *t);
SCION_API int64_t scion_tensor_numel(const scion_tensor *t);
SCION_API int scion_tensor_is_contiguous(const scion_tensor *t);
/* Address of the first element; strided. After writing through it call scion_tensor_touch. */
SCION_API void *scion_tensor_data(scion_tensor *t);
SCION_API void scion_tensor_touch(scion_tensor *t);
SCION_API uint64_t scion_tensor_version(const scion_tensor *t); /* of the storage: counts changes */
SCION_API int scion_tensor_shares_storage(const scion_tensor *a, const scion_tensor *b);
/* Copies all elements into packed host memory (`bytes` exactly numel * size), and back. */
SCION_API scion_status scion_tensor_read(scion_context *ctx, scion_tensor *t, void *data, size_t bytes);
SCION_API scion_status scion_tensor_write(scion_context *ctx, scion_tensor *t, const void *data, size_t bytes);
/* One element by full index, as double (exact for |i64| < 2^53; use _i64 for more). */
SCION_API scion_status scion_tensor_get(scion_context *ctx, const scion_tensor *t, const int64_t *index, double *out);
SCION_API scion_status scion_tensor_get_i64(scion_context *ctx, const scion_tensor *t, const int64_t *index, int64_t *out);
SCION_API scion_status scion_tensor_set(scion_context *ctx, scion_tensor *t, const int64_t *index, double value);
SCION_API scion_status scion_tensor_set_i64(scion_context *ctx, scion_tensor *t, const int64_t *index, int64_t value);
/* Views share storage and are recorded like the ops of the same name (as_strided is not recorded). */
SCION_API scion_status scion_tensor_as_strided(scion_context *ctx, scion_tensor *t, int32_t n_dims,
                                               const int64_t *shape, const int64_t *strides,
                                               int64_t offset, scion_tensor **out);
SCION_API scion_status scion_tensor_copy(scion_context *ctx, scion_tensor *dst, scion_tensor *src); /* in place, recorded; broadcasts src, converts dtype */
/* NumPy-like text, summarised above 1000 elements; owned, release with scion_text_free. */
SCION_API scion_status scion_tensor_text(scion_context *ctx, scion_tensor *t, char **out);
SCION_API void scion_text_free(scion_context *ctx, char *text);

/* ---- the registry of operations ------------------------------------------------------------- */

typedef enum scion_param_type {
  SCION_P_BOOL,   /* int32_t 0 or 1 */
  SCION_P_INT,    /* int64_t */
  SCION_P_FLOAT,  /* double */
  SCION_P_INTS,   /* scion_ints */
  SCION_P_ENUM,   /* int32_t: position in the NULL-terminated `choices` */
  SCION_P_DTYPE,  /* int32_t: scion_dtype, or -1 for "as the input" */
  SCION_P_STRING  /* scion_string */
} scion_param_type;

#define SCION_MAX_INTS 16
#define SCION_NONE INT64_MIN /* an INT parameter that was not given */
typedef struct scion_ints { int32_t n; int64_t v[SCION_MAX_INTS]; } scion_ints; /* n == -1: not given */
typedef struct scion_string { char v[128]; } scion_string;                      /* NUL-terminated */

enum { /* scion_param.flags */
  SCION_PF_REQUIRED = 1,
  SCION_PF_INDEX = 2,   /* a dimension or position: Lua users give it 1-based, negative from the end */
  SCION_PF_BASE = 4,    /* the index base of integer data (0 or 1); bindings fill it in */
  SCION_PF_TRAINING = 8, /* the train/eval switch; a net fills it in */
  SCION_PF_VARARGS = 16, /* an INTS parameter that may be spelled as separate numbers */
  SCION_PF_INTERNAL = 32 /* not shown to users */
};

typedef struct scion_param {
  const char *name;
  scion_param_type type;
  uint32_t flags;
  size_t offset;          /* into the op's parameter struct */
  double def;             /* default of BOOL, INT, FLOAT, ENUM, DTYPE; SCION_NONE allowed */
  scion_ints def_ints;    /* default of INTS */
  double min, max;        /* valid range of numbers (both 0: any) */
  const char *const *choices;
  const char *doc;
} scion_param;

enum { /* scion_slot.flags */
  SCION_SF_OPTIONAL = 1, SCION_SF_VARIADIC = 2,
  SCION_SF_NUMBER = 4,   /* a plain number is welcome and takes the other operand's dtype */
  SCION_SF_BUFFER = 8,   /* updated in place in training (running statistics) */
  SCION_SF_PARAM = 16    /* usually a trainable parameter when the op is a layer */
};
typedef struct scion_slot { const char *name; uint32_t flags; const char *doc; } scion_slot;

enum { /* scion_op_info.flags */
  SCION_OF_VIEW = 1,       /* the output shares the first input's storage */
  SCION_OF_INPLACE = 2,    /* has an in-place form `name_` that overwrites its first input */
  SCION_OF_RANDOM = 4, SCION_OF_TRAINING = 8, /* takes random numbers; differs between train and eval */
  SCION_OF_INDICES = 16,   /* produces indices (shifted by `base`) */
  SCION_OF_DYNAMIC = 32,   /* output shape depends on values */
  SCION_OF_NO_GRAD = 64,   /* not differentiable: outputs are never recorded */
  SCION_OF_INTERNAL = 128, /* backward helper: no method on tensors, still a function */
  SCION_OF_FUNCTION = 256  /* a function of the module, not a method */
};

typedef struct scion_op_info {
  const char *name; int32_t version; uint32_t flags;
  const char *doc;
  const scion_slot *inputs;  int32_t n_inputs;  /* a variadic slot is the last */
  const scion_slot *outputs; int32_t n_outputs; /* slots beyond `n_visible` feed the gradient only */
  int32_t n_visible;
  const scion_param *params; int32_t n_params;
  size_t params_size;
} scion_op_info;

SCION_API int32_t scion_op_count(void);
SCION_API const scion_op *scion_op_at(int32_t i);
SCION_API const scion_op *scion_op_find(const char *name); /* NULL if unknown */
SCION_API const scion_op_info *scion_op_get_info(const scion_op *op);
/* Fill a parameter struct of info->params_size bytes with the defaults; then set single fields, checked. */
SCION_API void scion_params_init(const scion_op *op, void *params);
typedef struct scion_value {
  enum { SCION_V_BOOL, SCION_V_INT, SCION_V_FLOAT, SCION_V_INTS, SCION_V_STRING } type;
  int64_t i; double f; const int64_t *ints; int32_t n_ints; const char *s;
} scion_value;
SCION_API scion_status scion_params_set(scion_context *ctx, const scion_op *op, void *params, int32_t index,
                                        const scion_value *value);
/* Runs an op, the one way: checks, allocates, computes, records for the gradient where an input
 * asks for it. inputs: n_inputs tensors (NULL for an omitted optional one). params NULL: defaults.
 * outputs: room for n_outputs (at most info->n_visible are given); the rest are dropped. */
SCION_API scion_status scion_apply(scion_context *ctx, const scion_op *op, scion_tensor *const *inputs,
                                   int32_t n_inputs, const void *params, scion_tensor **outputs,
                                   int32_t n_outputs);
/* The in-place form: the result overwrites inputs[0]. */
SCION_API scion_status scion_apply_inplace(scion_context *ctx, const scion_op *op, scion_tensor *const *inputs,
                                           int32_t n_inputs, const void *params);
/* Sample inputs for the derivative checks: sample i of op, or SCION_EINDEX past the last. Values are
 * f64 (i64 for ids), drawn from the context's random numbers. `differentiable[k]` says whether input
 * k takes part. n_inputs: in: capacity, out: count. params: params_size bytes. */
SCION_API scion_status scion_op_sample(scion_context *ctx, const scion_op *op, int32_t i, scion_tensor **inputs,
                                       int32_t *n_inputs, int32_t *differentiable, void *params);

/* ---- automatic differentiation -------------------------------------------------------------- */

SCION_API int scion_requires_grad(const scion_tensor *t); /* asked for, or computed from one that was */
SCION_API int scion_is_leaf(const scion_tensor *t);
SCION_API scion_status scion_set_requires_grad(scion_context *ctx, scion_tensor *t, int on); /* leaves only, float only */
SCION_API scion_tensor *scion_get_grad(scion_tensor *t); /* borrowed; NULL if none */
SCION_API void scion_set_grad(scion_context *ctx, scion_tensor *t, scion_tensor *grad); /* NULL clears */
SCION_API scion_status scion_detach(scion_context *ctx, scion_tensor *t, scion_tensor **out); /* shares storage, forgets history */
SCION_API int scion_grad_enabled(scion_context *ctx);
SCION_API int scion_set_grad_enabled(scion_context *ctx, int on); /* returns the old value */
SCION_API const char *scion_grad_fn_name(const scion_tensor *t); /* op that made it, or NULL */

/* Adds d(outputs)/d(leaf) to the .grad of every leaf. grad_outputs may be NULL (ones, for
 * one-element outputs). retain_graph < 0: as create_graph. */
SCION_API scion_status scion_backward(scion_context *ctx, scion_tensor *const *outputs, int32_t n_outputs,
                                      scion_tensor *const *grad_outputs, int create_graph, int retain_graph);
/* Gradients with respect to `inputs` (leaves or inner tensors), not accumulated anywhere. An input
 * that outputs do not depend on: NULL with allow_unused, else SCION_EINVAL. */
SCION_API scion_status scion_grad(scion_context *ctx, scion_tensor *const *outputs, int32_t n_outputs,
                                  scion_tensor *const *inputs, int32_t n_inputs,
                                  scion_tensor *const *grad_outputs, int create_graph, int retain_graph,
                                  int allow_unused, scion_tensor **grads);

/* A host function with its own gradient. `backward` gets one gradient per output (NULL: none) and
 * sets an owned tensor or NULL per input; ops it calls are recorded under create_graph. The outputs
 * must have been computed without recording. `release` is called when the graph lets go. */
typedef struct scion_custom {
  scion_status (*backward)(scion_context *ctx, void *ud, scion_tensor *const *grad_outputs, int32_t n_outputs,
                           scion_tensor **grad_inputs, int32_t n_inputs);
  void (*release)(scion_context *ctx, void *ud);
  void *ud;
  const char *name; /* static */
} scion_custom;
SCION_API scion_status scion_record_custom(scion_context *ctx, const scion_custom *custom,
                                           scion_tensor *const *inputs, int32_t n_inputs,
                                           scion_tensor *const *outputs, int32_t n_outputs);
/* Called with the gradient of `t` during backward; may replace it by setting *grad (release the old,
 * give an owned one). Returns an id for scion_hook_remove. */
typedef scion_status (*scion_hook_fn)(scion_context *ctx, void *ud, scion_tensor **grad);
SCION_API scion_status scion_hook_add(scion_context *ctx, scion_tensor *t, scion_hook_fn fn, void *ud,
                                      void (*release)(scion_context *ctx, void *ud), int64_t *id);
SCION_API void scion_hook_remove(scion_context *ctx, scion_tensor *t, int64_t id);

#include "scion_net.h"
#include "scion_io.h"
#include "scion_optim.h"
#include "scion_svm.h"
#include "scion_data.h"

#ifdef __cplusplus
}
#endif
#endif
