/* blas_memory.c: makes the serial OpenBLAS callable from several threads at once. Debian builds it without
 * locks: its products are reentrant except for the table that hands out work buffers, where two threads can be
 * given the same one (seen as wrong results). The library takes and returns buffers through its own exported
 * functions, so these definitions, which stand before it in the order of lookup, are called instead: they pass
 * the call on under a mutex. Two short critical sections a product; a BLAS with locks of its own loses nothing. */
#include <dlfcn.h>
#include <pthread.h>

#include "base.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void *(*real_alloc)(int);
static void (*real_free)(void *);

static void lock(void) { pthread_mutex_lock(&mutex); }
static void unlock(void) { pthread_mutex_unlock(&mutex); }
static void find(void) {
  void *alloc = dlsym(RTLD_NEXT, "blas_memory_alloc"), *release = dlsym(RTLD_NEXT, "blas_memory_free");
  memcpy(&real_alloc, &alloc, sizeof alloc); /* ISO C has no cast from object to function pointers */
  memcpy(&real_free, &release, sizeof release);
  pthread_atfork(lock, unlock, unlock); /* a child must not inherit the mutex locked */
}

SCION_API void *blas_memory_alloc(int position);
SCION_API void blas_memory_free(void *buffer);

void *blas_memory_alloc(int position) {
  pthread_once(&once, find);
  if (real_alloc == NULL) return NULL;
  lock();
  void *buffer = real_alloc(position);
  unlock();
  return buffer;
}

void blas_memory_free(void *buffer) {
  pthread_once(&once, find);
  if (real_free == NULL) return;
  lock();
  real_free(buffer);
  unlock();
}

/* Called by scion_open: keeps this file in statically linked programs. */
void scion__blas_memory_init(void) { pthread_once(&once, find); }
