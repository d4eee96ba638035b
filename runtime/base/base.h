/* base.h: what every room of the engine stands on: the context, messages, memory, threads and
 * random numbers. Internal; hosts see include/scion.h. */
#ifndef SCION_BASE_H
#define SCION_BASE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "scion.h"

#define SCION_ALIGN 64 /* of every block: one cache line, one AVX-512 vector */

#define scion__fail scion_fail
#define SCION_TRY(call)                     \
  do {                                      \
    scion_status try_st_ = (call);          \
    if (try_st_ != SCION_OK) return try_st_; \
  } while (0)

static inline int64_t scion__min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t scion__max(int64_t a, int64_t b) { return a > b ? a : b; }
static inline bool scion__mul_overflow(int64_t a, int64_t b, int64_t *out) {
  return __builtin_mul_overflow(a, b, out);
}

/* ---- heap (heap.c) ---------------------------------------------------------------------------
 * Blocks of one context: counted, pooled by size class, 64-byte aligned. A block remembers nothing:
 * give its size back. scion__heap_free may be called from any thread; the rest only by the
 * owner. A heap outlives its context while blocks are live elsewhere. */
typedef struct scion_heap scion_heap;
scion_heap *scion__heap_new(void *(*alloc)(void *, void *, size_t, size_t), void *ud);
void scion__heap_close(scion_heap *heap); /* the context goes; remaining blocks may come back later */
void *scion__heap_alloc(scion_heap *heap, size_t bytes); /* NULL when out of memory; not cleared */
void scion__heap_info(scion_heap *heap, scion_memory_info *out);
void scion__heap_reset_peak(scion_heap *heap);
void scion__heap_trim(scion_heap *heap);
void scion__heap_free(scion_heap *heap, bool owner, void *p, size_t bytes); /* owner: on the context's thread */

/* ---- text builder (text.c): messages and printed tensors, growing in the context's memory ---- */
typedef struct scion_text {
  scion_context *ctx;
  char *s;
  size_t n, cap;
  bool failed;
} scion_text;
void scion__text_init(scion_text *b, scion_context *ctx);
void scion__text_add(scion_text *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void scion__text_add_bytes(scion_text *b, const char *s, size_t n);
char *scion__text_take(scion_text *b); /* owned, scion_text_free; NULL when memory ran out */
/* "(8, 3, 224, 224)" into buf; returns buf. SCION_SHAPE_TEXT is enough room for any shape. */
#define SCION_SHAPE_TEXT 192
char *scion__shape_text(char *buf, int32_t n_dims, const int64_t *shape);

/* The BLAS's work buffers under a lock, so that our threads may call it at the same time (blas_memory.c). */
void scion__blas_memory_init(void);

/* ---- threads (threads.c) ----------------------------------------------------------------------
 * One pool per context. `fn` runs for every task 0..n_tasks-1, in any order, on any thread: results
 * must not depend on which. Nested calls run serially. Never fails: fewer threads do more each.
 * `scratch` memory must be allocated before the call. */
void scion__parallel(scion_context *ctx, int64_t n_tasks, void (*fn)(void *ud, int64_t task), void *ud);
/* Splits 0..n into ranges of about `grain` (fixed by n and grain only). Serial when one range. */
void scion__parallel_range(scion_context *ctx, int64_t n, int64_t grain,
                           void (*fn)(void *ud, int64_t begin, int64_t end), void *ud);
typedef struct scion_pool scion_pool;
scion_pool *scion__pool_new(int32_t threads); /* NULL: no memory; else at least the caller works */
void scion__pool_free(scion_pool *pool);
int32_t scion__cpu_count(void);

/* ---- random numbers (random.c): Philox4x32-10 (Salmon et al. 2011), counter-based --------------
 * scion__rng_take reserves n blocks of four u32 and returns the first block's number; value i of a
 * stream is a function of (seed, first + i / 4), whoever computes it. */
uint64_t scion__rng_take(scion_context *ctx, uint64_t n_blocks);
void scion__philox(uint64_t key, uint64_t counter, uint64_t stream, uint32_t out[4]);
static inline float scion__u32_to_f32(uint32_t u) { return (float)(u >> 8) * 0x1p-24f; } /* [0, 1) */
static inline double scion__u64_to_f64(uint32_t a, uint32_t b) {
  return (double)((((uint64_t)a << 32) | b) >> 11) * 0x1p-53;
}

/* ---- context (context.c) ---------------------------------------------------------------------- */
struct scion_node;
struct scion_call;
struct scion_context {
  scion_heap *heap;
  scion_pool *pool; /* started on first use */
  int32_t threads;
  bool grad_enabled;
  int32_t index_base; /* what messages count dimensions and positions from: 0, or 1 for Lua */
  uint64_t seed, rng_counter, sequence; /* sequence: of recorded nodes */
  void *(*alloc)(void *, void *, size_t, size_t);
  void *alloc_ud;
  void (*log)(void *, int32_t, const char *);
  void *log_ud;
  int (*cancelled)(void *);
  void *cancel_ud;
  /* autograd's recorder (ops/ stands below autograd/ only through this) */
  scion_status (*record)(scion_context *ctx, struct scion_call *call);
  struct scion_node *dead_nodes; /* being released, iteratively */
  bool releasing;
  char message[1024];
};
/* the recorder that scion_open installs: autograd/record.c */
scion_status scion__autograd_record(scion_context *ctx, struct scion_call *call);
void *scion__alloc(scion_context *ctx, size_t bytes);  /* NULL and message when out of memory */
void *scion__calloc(scion_context *ctx, size_t bytes); /* cleared */
void scion__free(scion_context *ctx, void *p, size_t bytes);
char *scion__strdup(scion_context *ctx, const char *s); /* free with scion__strfree */
void scion__strfree(scion_context *ctx, char *s);
scion_status scion__nomem(scion_context *ctx, size_t bytes); /* SCION_ENOMEM with the size named */
static inline bool scion__cancelled(scion_context *ctx) {
  return ctx->cancelled != NULL && ctx->cancelled(ctx->cancel_ud);
}

#endif
