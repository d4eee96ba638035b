/* context.c: opening and closing a context, its messages, memory and settings; names of statuses. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base.h"
#include "../kernels/kernels.h"

const char *scion_version(void) { return SCION_VERSION; }
int32_t scion_version_num(void) { return SCION_VERSION_NUM; }

const char *scion_status_str(scion_status status) {
  static const char *const names[] = { "ok", "invalid", "shape", "dtype", "index", "memory", "io", "format",
                                       "unsupported", "state", "numeric", "cancelled", "callback" };
  return (unsigned)status < sizeof names / sizeof *names ? names[status] : "unknown";
}

scion_status scion_open(const scion_config *config, scion_context **out) {
  scion_config c = SCION_CONFIG_INIT;
  *out = NULL;
  if (config != NULL) memcpy(&c, config, config->size < sizeof c ? config->size : sizeof c);
  if (c.threads < 0) return SCION_EINVAL;
  scion__kernels_init();
  scion__blas_memory_init();
  scion_heap *heap = scion__heap_new(c.alloc, c.ud);
  if (heap == NULL) return SCION_ENOMEM;
  scion_context *ctx = scion__heap_alloc(heap, sizeof *ctx);
  if (ctx == NULL) {
    scion__heap_close(heap);
    return SCION_ENOMEM;
  }
  memset(ctx, 0, sizeof *ctx);
  ctx->heap = heap;
  ctx->grad_enabled = true;
  ctx->seed = c.seed;
  ctx->log = c.log;
  ctx->log_ud = c.ud;
  ctx->cancelled = c.cancelled;
  ctx->cancel_ud = c.ud;
  ctx->record = scion__autograd_record;
  const char *threads = getenv("SCION_THREADS");
  ctx->threads = c.threads > 0 ? c.threads : threads != NULL && atoi(threads) > 0 ? atoi(threads) : scion__cpu_count();
  if (ctx->threads > 256) ctx->threads = 256;
  *out = ctx;
  return SCION_OK;
}

void scion_close(scion_context *ctx) {
  if (ctx == NULL) return;
  scion__pool_free(ctx->pool);
  scion_heap *heap = ctx->heap;
  scion__heap_free(heap, true, ctx, sizeof *ctx);
  scion__heap_close(heap);
}

const char *scion_errmsg(scion_context *ctx) { return ctx->message; }

scion_status scion_fail(scion_context *ctx, scion_status status, const char *format, ...) {
  char text[sizeof ctx->message]; /* arguments may point into the old message */
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  memcpy(ctx->message, text, sizeof text);
  return status;
}

void scion_log(scion_context *ctx, int32_t level, const char *msg) {
  if (ctx->log != NULL) ctx->log(ctx->log_ud, level, msg);
}
void scion_set_log(scion_context *ctx, void (*log)(void *, int32_t, const char *), void *ud) {
  ctx->log = log;
  ctx->log_ud = ud;
}
void scion_set_cancel(scion_context *ctx, int (*cancelled)(void *), void *ud) {
  ctx->cancelled = cancelled;
  ctx->cancel_ud = ud;
}

scion_status scion_set_threads(scion_context *ctx, int32_t threads) {
  if (threads < 1 || threads > 256) return scion_fail(ctx, SCION_EINVAL, "set_threads: threads is %d, expected 1..256", threads);
  scion__pool_free(ctx->pool);
  ctx->pool = NULL;
  ctx->threads = threads;
  return SCION_OK;
}
int32_t scion_get_threads(scion_context *ctx) { return ctx->threads; }

void scion_set_index_base(scion_context *ctx, int32_t base) { ctx->index_base = base != 0; }
void scion_seed(scion_context *ctx, uint64_t seed) {
  ctx->seed = seed;
  ctx->rng_counter = 0;
}
void scion_rng_get(scion_context *ctx, uint64_t state[2]) {
  state[0] = ctx->seed;
  state[1] = ctx->rng_counter;
}
void scion_rng_set(scion_context *ctx, const uint64_t state[2]) {
  ctx->seed = state[0];
  ctx->rng_counter = state[1];
}

void scion_memory(scion_context *ctx, scion_memory_info *out) { scion__heap_info(ctx->heap, out); }
void scion_memory_reset_peak(scion_context *ctx) { scion__heap_reset_peak(ctx->heap); }
void scion_memory_trim(scion_context *ctx) { scion__heap_trim(ctx->heap); }

scion_status scion__nomem(scion_context *ctx, size_t bytes) {
  return scion_fail(ctx, SCION_ENOMEM, "out of memory: %zu bytes asked for", bytes);
}
void *scion__alloc(scion_context *ctx, size_t bytes) {
  void *p = scion__heap_alloc(ctx->heap, bytes);
  if (p == NULL) scion__nomem(ctx, bytes);
  return p;
}
void *scion__calloc(scion_context *ctx, size_t bytes) {
  void *p = scion__alloc(ctx, bytes);
  if (p != NULL) memset(p, 0, bytes);
  return p;
}
void scion__free(scion_context *ctx, void *p, size_t bytes) { scion__heap_free(ctx->heap, true, p, bytes); }
