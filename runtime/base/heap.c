/* heap.c: the blocks of one context. Freed blocks wait in bins by size class, so that the next step of a
 * loop works in warm memory; what is pooled and live together never exceeds twice the most that was
 * ever live (plus a small floor). Under sanitizers, or with SCION_POOL=0, nothing is pooled. */
#include <stdlib.h>
#include <sys/mman.h>

#include "base.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POOLING_DEFAULT false
#else
#define POOLING_DEFAULT true
#endif

#define SMALL_STEPS 16          /* 64, 128 ... 1024 bytes */
#define BINS (SMALL_STEPS + 8 * 40)
#define POOL_FLOOR (16 << 20)   /* bytes that may always be pooled */
#define HUGE_BLOCK (4u << 20)   /* from here on ask for huge pages */

typedef struct free_block { struct free_block *next; size_t bytes; } free_block;

struct scion_heap {
  void *(*alloc)(void *, void *, size_t, size_t);
  void *ud;
  free_block *bins[BINS];
  int64_t live, peak, pooled, blocks;
  bool pooling;
  /* frees from other threads, and everything after the context closed */
  pthread_mutex_t mutex;
  free_block *remote;
  atomic_int n_remote;
  bool closed;
};

static void *default_alloc(void *ud, void *p, size_t old_size, size_t new_size) {
  (void)ud, (void)old_size;
  if (new_size == 0) {
    free(p);
    return NULL;
  }
  void *q = NULL;
  bool huge = new_size >= HUGE_BLOCK;
  if (posix_memalign(&q, huge ? 2u << 20 : SCION_ALIGN, new_size) != 0) return NULL;
  if (huge) (void)madvise(q, new_size & ~(((size_t)2 << 20) - 1), MADV_HUGEPAGE);
  return q;
}

/* Size classes: multiples of 64 up to 1024, then eight steps for each doubling. Rounds *bytes up. */
static int32_t bin_of(size_t *bytes) {
  size_t n = *bytes == 0 ? 1 : *bytes;
  if (n <= 64 * SMALL_STEPS) {
    int32_t i = (int32_t)((n + 63) / 64);
    *bytes = (size_t)i * 64;
    return i - 1;
  }
  int32_t log2 = 63 - __builtin_clzll(n - 1); /* 2^log2 < n <= 2^(log2+1), log2 >= 10 */
  size_t step = (size_t)1 << (log2 - 3);
  size_t rounded = (n + step - 1) & ~(step - 1);
  int32_t k = (int32_t)((rounded - ((size_t)1 << log2)) / step); /* 1..8 */
  *bytes = rounded;
  int32_t i = SMALL_STEPS + (log2 - 10) * 8 + k - 1;
  return i < BINS ? i : -1;
}

scion_heap *scion__heap_new(void *(*alloc)(void *, void *, size_t, size_t), void *ud) {
  if (alloc == NULL) alloc = default_alloc;
  scion_heap *h = alloc(ud, NULL, 0, sizeof *h);
  if (h == NULL) return NULL;
  memset(h, 0, sizeof *h);
  h->alloc = alloc;
  h->ud = ud;
  const char *pool = getenv("SCION_POOL");
  h->pooling = pool != NULL ? strcmp(pool, "0") != 0 : POOLING_DEFAULT;
  pthread_mutex_init(&h->mutex, NULL);
  return h;
}

static void destroy(scion_heap *h) {
  pthread_mutex_destroy(&h->mutex);
  h->alloc(h->ud, h, sizeof *h, 0);
}

void scion__heap_trim(scion_heap *h) {
  for (int32_t i = 0; i < BINS; i++) {
    for (free_block *b = h->bins[i], *next; b != NULL; b = next) {
      next = b->next;
      h->alloc(h->ud, b, b->bytes, 0);
    }
    h->bins[i] = NULL;
  }
  h->pooled = 0;
}

static void free_here(scion_heap *h, void *p, size_t bytes) {
  int32_t bin = bin_of(&bytes);
  h->live -= (int64_t)bytes;
  h->blocks--;
  bool keep = h->pooling && bin >= 0 &&
              (h->pooled + (int64_t)bytes <= POOL_FLOOR || h->live + h->pooled + (int64_t)bytes <= 2 * h->peak);
  if (!keep) {
    h->alloc(h->ud, p, bytes, 0);
    return;
  }
  free_block *b = p;
  b->next = h->bins[bin];
  b->bytes = bytes;
  h->bins[bin] = b;
  h->pooled += (int64_t)bytes;
}

static void drain(scion_heap *h) {
  pthread_mutex_lock(&h->mutex);
  free_block *b = h->remote;
  h->remote = NULL;
  atomic_store_explicit(&h->n_remote, 0, memory_order_relaxed);
  pthread_mutex_unlock(&h->mutex);
  for (free_block *next; b != NULL; b = next) {
    next = b->next;
    free_here(h, b, b->bytes);
  }
}

void scion__heap_close(scion_heap *h) {
  drain(h);
  scion__heap_trim(h);
  pthread_mutex_lock(&h->mutex);
  h->closed = true;
  free_block *b = h->remote; /* arrived since */
  h->remote = NULL;
  for (free_block *next; b != NULL; b = next) {
    next = b->next;
    h->blocks--;
    size_t bytes = b->bytes;
    bin_of(&bytes);
    h->alloc(h->ud, b, bytes, 0);
  }
  bool last = h->blocks == 0;
  pthread_mutex_unlock(&h->mutex);
  if (last) destroy(h);
}

void *scion__heap_alloc(scion_heap *h, size_t bytes) {
  int32_t bin = bin_of(&bytes);
  if (atomic_load_explicit(&h->n_remote, memory_order_relaxed) != 0) drain(h);
  void *p = NULL;
  if (bin >= 0 && h->bins[bin] != NULL) {
    free_block *b = h->bins[bin];
    h->bins[bin] = b->next;
    h->pooled -= (int64_t)bytes;
    if (b->next != NULL) __builtin_prefetch(b->next, 1); /* it was freed long ago; the next caller finds it warm */
    p = b;
  } else {
    p = h->alloc(h->ud, NULL, 0, bytes);
    if (p == NULL && h->pooled > 0) { /* give the warm blocks back and try once more */
      scion__heap_trim(h);
      p = h->alloc(h->ud, NULL, 0, bytes);
    }
    if (p == NULL) return NULL;
  }
  h->live += (int64_t)bytes;
  h->blocks++;
  if (h->live > h->peak) h->peak = h->live;
  return p;
}

void scion__heap_free(scion_heap *h, bool owner, void *p, size_t bytes) {
  if (p == NULL) return;
  if (owner) {
    free_here(h, p, bytes);
    return;
  }
  pthread_mutex_lock(&h->mutex);
  if (!h->closed) {
    free_block *b = p;
    b->next = h->remote;
    b->bytes = bytes;
    h->remote = b;
    atomic_fetch_add_explicit(&h->n_remote, 1, memory_order_relaxed);
    pthread_mutex_unlock(&h->mutex);
    return;
  }
  bin_of(&bytes);
  h->alloc(h->ud, p, bytes, 0);
  bool last = --h->blocks == 0;
  pthread_mutex_unlock(&h->mutex);
  if (last) destroy(h);
}

void scion__heap_info(scion_heap *h, scion_memory_info *out) {
  if (atomic_load_explicit(&h->n_remote, memory_order_relaxed) != 0) drain(h);
  out->live = h->live;
  out->peak = h->peak;
  out->pooled = h->pooled;
  out->blocks = h->blocks;
}

void scion__heap_reset_peak(scion_heap *h) { h->peak = h->live; }
