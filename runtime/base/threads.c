/* threads.c: the one pool of threads. Tasks are numbered and taken from a shared counter; which thread
 * runs which never shows in a result. Workers spin briefly for the next job, then sleep. A fork leaves
 * the child without workers: they are started again on first use. When a thread can't be started the others
 * do its share. */
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "base.h"

#define SPINS 2000 /* about 20 us on a 3 GHz core */

struct scion_pool {
  int32_t wanted, started; /* workers besides the caller */
  pthread_t *threads;
  uint64_t fork_generation;
  pthread_mutex_t mutex;
  pthread_cond_t work, done;
  atomic_uint_fast64_t job; /* number of the current job; changes wake the workers */
  void (*fn)(void *, int64_t);
  void *ud;
  int64_t n_tasks;
  atomic_int_fast64_t next;
  int32_t busy;    /* workers inside the job, under mutex */
  bool open;       /* the job accepts workers, under mutex */
  bool stop;
  atomic_bool running;
};

static atomic_uint_fast64_t forks = 0;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static void forked(void) { atomic_fetch_add(&forks, 1); }
static void watch_forks(void) { pthread_atfork(NULL, NULL, forked); }

int32_t scion__cpu_count(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    int n = CPU_COUNT(&set);
    if (n > 0) return n;
  }
  return 1;
}

static void run_tasks(scion_pool *p) {
  for (;;) {
    int64_t i = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
    if (i >= p->n_tasks) return;
    p->fn(p->ud, i);
  }
}

static inline void pause_cpu(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

static void *worker(void *arg) {
  scion_pool *p = arg;
  uint64_t seen = 0;
  for (;;) {
    for (int i = 0; i < SPINS && atomic_load_explicit(&p->job, memory_order_acquire) == seen; i++) pause_cpu();
    pthread_mutex_lock(&p->mutex);
    while (atomic_load_explicit(&p->job, memory_order_relaxed) == seen && !p->stop) pthread_cond_wait(&p->work, &p->mutex);
    if (p->stop) {
      pthread_mutex_unlock(&p->mutex);
      return NULL;
    }
    seen = atomic_load_explicit(&p->job, memory_order_relaxed);
    bool join = p->open;
    if (join) p->busy++;
    pthread_mutex_unlock(&p->mutex);
    if (!join) continue;
    run_tasks(p);
    pthread_mutex_lock(&p->mutex);
    if (--p->busy == 0) pthread_cond_signal(&p->done);
    pthread_mutex_unlock(&p->mutex);
  }
}

static void start(scion_pool *p) {
  pthread_mutex_init(&p->mutex, NULL);
  pthread_cond_init(&p->work, NULL);
  pthread_cond_init(&p->done, NULL);
  atomic_init(&p->job, 0);
  atomic_init(&p->running, false);
  p->busy = 0;
  p->open = p->stop = false;
  p->fork_generation = atomic_load(&forks);
  p->started = 0;
  while (p->started < p->wanted) {
    if (pthread_create(&p->threads[p->started], NULL, worker, p) != 0) break;
    p->started++;
  }
}

scion_pool *scion__pool_new(int32_t threads) {
  pthread_once(&fork_once, watch_forks);
  scion_pool *p = calloc(1, sizeof *p + (size_t)threads * sizeof(pthread_t));
  if (p == NULL) return NULL;
  p->threads = (pthread_t *)(void *)(p + 1);
  p->wanted = threads - 1;
  start(p);
  return p;
}

void scion__pool_free(scion_pool *p) {
  if (p == NULL) return;
  if (p->fork_generation == atomic_load(&forks)) { /* else the workers stayed in the parent */
    pthread_mutex_lock(&p->mutex);
    p->stop = true;
    atomic_fetch_add(&p->job, 1);
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->mutex);
    for (int32_t i = 0; i < p->started; i++) pthread_join(p->threads[i], NULL);
    pthread_mutex_destroy(&p->mutex);
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->done);
  }
  free(p);
}

void scion__parallel(scion_context *ctx, int64_t n_tasks, void (*fn)(void *ud, int64_t task), void *ud) {
  if (n_tasks > 1 && ctx->threads > 1 && ctx->pool == NULL) ctx->pool = scion__pool_new(ctx->threads);
  scion_pool *p = ctx->pool;
  if (n_tasks <= 1 || ctx->threads <= 1 || p == NULL || atomic_load_explicit(&p->running, memory_order_relaxed)) {
    for (int64_t i = 0; i < n_tasks; i++) fn(ud, i);
    return;
  }
  if (p->fork_generation != atomic_load_explicit(&forks, memory_order_relaxed)) start(p);
  atomic_store_explicit(&p->running, true, memory_order_relaxed);
  pthread_mutex_lock(&p->mutex);
  p->fn = fn;
  p->ud = ud;
  p->n_tasks = n_tasks;
  atomic_store_explicit(&p->next, 0, memory_order_relaxed);
  p->open = true;
  atomic_fetch_add_explicit(&p->job, 1, memory_order_release);
  pthread_cond_broadcast(&p->work);
  pthread_mutex_unlock(&p->mutex);
  run_tasks(p);
  pthread_mutex_lock(&p->mutex);
  p->open = false; /* latecomers need not start */
  while (p->busy > 0) pthread_cond_wait(&p->done, &p->mutex);
  pthread_mutex_unlock(&p->mutex);
  atomic_store_explicit(&p->running, false, memory_order_relaxed);
}

typedef struct { void (*fn)(void *, int64_t, int64_t); void *ud; int64_t n, grain; } range_job;

static void range_task(void *arg, int64_t task) {
  const range_job *j = arg;
  int64_t begin = task * j->grain;
  j->fn(j->ud, begin, scion__min(begin + j->grain, j->n));
}

void scion__parallel_range(scion_context *ctx, int64_t n, int64_t grain,
                           void (*fn)(void *ud, int64_t begin, int64_t end), void *ud) {
  if (n <= 0) return;
  if (n <= grain) {
    fn(ud, 0, n);
    return;
  }
  range_job j = { fn, ud, n, grain };
  scion__parallel(ctx, (n + grain - 1) / grain, range_task, &j);
}
