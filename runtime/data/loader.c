/* loader.c: batches of pictures, decoded and changed ahead by threads. Items are worked on in order, at most `prefetch`
 * batches ahead; what an item becomes depends on its key alone, so neither the number of threads nor the place of
 * starting shows. Workers never touch the context: they use the C library's memory and leave messages. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "pictures.h"
#include "transform.h"

typedef struct { scion_picture p; scion_status status; bool done; char *message; } item;
typedef struct { int64_t position; char *message; } skip;
struct scion_loader {
  scion_pictures *pictures;
  scion_transform *transform;
  int64_t n, *order, *occurrence; /* occurrence NULL: every position once */
  int64_t batch, taken;           /* place of the next item handed out */
  bool drop_last, skip_errors, failed;
  uint64_t seed, epoch;
  /* the ring of items being worked on: places taken .. taken + room - 1 */
  int64_t room, next;
  item *ring;
  pthread_mutex_t lock;
  pthread_cond_t work, ready;
  bool stop;
  int32_t n_threads, prefetch;
  pthread_t *threads;
  pid_t owner;
  int64_t n_skipped, skipped_cap;
  skip *skipped;
};

static char *copy_text(const char *s) {
  size_t n = strlen(s) + 1;
  char *c = malloc(n);
  if (c != NULL) memcpy(c, s, n);
  return c;
}

static void work_on(const scion_loader *l, int64_t place, item *it) {
  char message[SCION_MESSAGE] = "";
  int64_t position = l->order[place];
  it->status = scion__pictures_get(l->pictures, position, &it->p, message);
  if (it->status == SCION_OK) {
    scion_chance chance = scion__chance(l->seed, l->epoch, (uint64_t)position, l->occurrence != NULL ? (uint64_t)l->occurrence[place] : 0);
    char why[SCION_MESSAGE] = "";
    it->status = scion__transform_run(l->transform, &it->p, &chance, why);
    if (it->status != SCION_OK) snprintf(message, sizeof message, "%s%s%s", scion_pictures_name(l->pictures, position),
                                         l->pictures->names != NULL ? ": " : "", why);
  }
  if (it->status != SCION_OK) {
    scion__picture_free(&it->p);
    it->message = copy_text(message);
  }
}

static void *worker(void *ud) {
  scion_loader *l = ud;
  pthread_mutex_lock(&l->lock);
  for (;;) {
    while (!l->stop && (l->next >= l->n || l->next >= l->taken + l->room)) pthread_cond_wait(&l->work, &l->lock);
    if (l->stop) break;
    int64_t place = l->next++;
    item *it = &l->ring[place % l->room];
    pthread_mutex_unlock(&l->lock);
    work_on(l, place, it);
    pthread_mutex_lock(&l->lock);
    it->done = true;
    pthread_cond_broadcast(&l->ready);
  }
  pthread_mutex_unlock(&l->lock);
  return NULL;
}

static void item_clear(item *it) {
  scion__picture_free(&it->p);
  free(it->message);
  *it = (item){ 0 };
}

void scion_loader_free(scion_context *ctx, scion_loader *l) {
  if (l == NULL) return;
  if (l->n_threads > 0 && l->owner == getpid()) {
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    for (int32_t i = 0; i < l->n_threads; i++) pthread_join(l->threads[i], NULL);
  } /* after a fork the threads are not here, and what they held stays as it was */
  if (l->owner == getpid()) {
    pthread_cond_destroy(&l->work);
    pthread_cond_destroy(&l->ready);
    pthread_mutex_destroy(&l->lock);
  }
  for (int64_t i = 0; l->ring != NULL && i < l->room; i++)
    if (l->owner == getpid()) item_clear(&l->ring[i]);
  for (int64_t i = 0; i < l->n_skipped; i++) free(l->skipped[i].message);
  free(l->skipped);
  free(l->ring);
  free(l->threads);
  if (l->order != NULL) scion__free(ctx, l->order, (size_t)scion__max(l->n, 1) * sizeof *l->order);
  if (l->occurrence != NULL) scion__free(ctx, l->occurrence, (size_t)l->n * sizeof *l->occurrence);
  scion_transform_free(ctx, l->transform);
  scion_pictures_free(ctx, l->pictures);
  scion__free(ctx, l, sizeof *l);
}

/* How often each place's position came before; NULL when never. */
static scion_status count_occurrences(scion_context *ctx, scion_loader *l) {
  int64_t total = l->pictures->n;
  size_t bytes = (size_t)scion__max(total, 1) * sizeof(int64_t);
  int64_t *seen = scion__calloc(ctx, bytes);
  bool twice = false;
  if (seen == NULL) return SCION_ENOMEM;
  for (int64_t i = 0; i < l->n && !twice; i++) twice = seen[l->order[i]]++ > 0;
  scion_status st = SCION_OK;
  if (twice) {
    l->occurrence = scion__alloc(ctx, (size_t)l->n * sizeof *l->occurrence);
    if (l->occurrence == NULL) st = SCION_ENOMEM;
    memset(seen, 0, bytes);
    for (int64_t i = 0; st == SCION_OK && i < l->n; i++) l->occurrence[i] = seen[l->order[i]]++;
  }
  scion__free(ctx, seen, bytes);
  return st;
}

static scion_status start(scion_context *ctx, scion_loader *l, const scion_loader_options *o) {
  int64_t total = l->pictures->n;
  l->n = o->n < 0 ? total : o->n;
  if (o->n > 0 && o->order == NULL) return scion_fail(ctx, SCION_EINVAL, "loader: order is missing");
  l->order = scion__alloc(ctx, (size_t)scion__max(l->n, 1) * sizeof *l->order);
  if (l->order == NULL) return SCION_ENOMEM;
  for (int64_t i = 0; i < l->n; i++) {
    l->order[i] = o->n < 0 ? i : o->order[i];
    if (l->order[i] < 0 || l->order[i] >= total) {
      return scion_fail(ctx, SCION_EINDEX, "loader: position %lld of the order is picture %lld of %lld", (long long)i + 1, (long long)l->order[i] + 1, (long long)total);
    }
  }
  if (o->first < 0 || o->first > l->n) return scion_fail(ctx, SCION_EINDEX, "loader: first is %lld of %lld", (long long)o->first + 1, (long long)l->n);
  l->taken = l->next = o->first;
  SCION_TRY(count_occurrences(ctx, l));
  l->batch = o->batch_size;
  l->drop_last = o->drop_last != 0;
  l->skip_errors = o->skip_errors != 0;
  l->seed = o->seed;
  l->epoch = o->epoch;
  l->room = scion__min(l->batch * (o->prefetch > 0 ? o->prefetch : 1), scion__max(l->n, 1));
  l->room = scion__max(l->room, scion__min(l->batch, scion__max(l->n, 1)));
  l->ring = calloc((size_t)l->room, sizeof *l->ring);
  if (l->ring == NULL) return scion_fail(ctx, SCION_ENOMEM, "loader: out of memory");
  l->prefetch = o->prefetch;
  if (o->prefetch <= 0) return SCION_OK;
  int32_t wanted = o->threads > 0 ? o->threads : scion_get_threads(ctx);
  l->threads = calloc((size_t)wanted, sizeof *l->threads);
  if (l->threads == NULL) return scion_fail(ctx, SCION_ENOMEM, "loader: out of memory");
  while (l->n_threads < wanted && pthread_create(&l->threads[l->n_threads], NULL, worker, l) == 0) l->n_threads++;
  return SCION_OK; /* none could be started: the caller's thread works */
}

scion_status scion_loader_new(scion_context *ctx, scion_pictures *pictures, const scion_transform *t, const scion_loader_options *options, scion_loader **out) {
  *out = NULL;
  if (options->batch_size < 1 || options->batch_size > 1 << 24 || options->prefetch < 0 || options->prefetch > 4096 || options->threads < 0 || options->threads > 1024) {
    return scion_fail(ctx, SCION_EINVAL, "loader: batch_size %lld (1..16777216), prefetch %d (0..4096) or threads %d (0..1024) is out of range",
                      (long long)options->batch_size, options->prefetch, options->threads);
  }
  scion_loader *l = scion__calloc(ctx, sizeof *l);
  if (l == NULL) return SCION_ENOMEM;
  l->owner = getpid();
  pthread_mutex_init(&l->lock, NULL);
  pthread_cond_init(&l->work, NULL);
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&l->ready, &monotonic);
  pthread_condattr_destroy(&monotonic);
  l->pictures = scion__pictures_ref(pictures);
  scion_status st = scion__transform_copy(ctx, t, &l->transform);
  if (st == SCION_OK) st = start(ctx, l, options);
  if (st != SCION_OK) {
    scion_loader_free(ctx, l);
    return st;
  }
  *out = l;
  return SCION_OK;
}

int64_t scion_loader_skipped(const scion_loader *l) { return l->n_skipped; }
const char *scion_loader_skip(const scion_loader *l, int64_t i, int64_t *position) {
  if (i < 0 || i >= l->n_skipped) return NULL;
  *position = l->skipped[i].position;
  return l->skipped[i].message;
}
static scion_status note_skip(scion_context *ctx, scion_loader *l, int64_t position, item *it) {
  if (l->n_skipped == l->skipped_cap) {
    int64_t cap = l->skipped_cap == 0 ? 8 : 2 * l->skipped_cap;
    skip *more = realloc(l->skipped, (size_t)cap * sizeof *more);
    if (more == NULL) return scion_fail(ctx, SCION_ENOMEM, "loader: out of memory");
    l->skipped = more;
    l->skipped_cap = cap;
  }
  l->skipped[l->n_skipped++] = (skip){ position, it->message != NULL ? it->message : copy_text("") };
  it->message = NULL;
  return SCION_OK;
}

typedef struct { scion_loader *l; int64_t first; } serial_job;
static void serial_items(void *ud, int64_t i) {
  const serial_job *j = ud;
  work_on(j->l, j->first + i, &j->l->ring[(j->first + i) % j->l->room]);
}
/* Items taken .. taken + count - 1 are done. */
static scion_status wait_for(scion_context *ctx, scion_loader *l, int64_t count) {
  if (l->n_threads == 0) {
    serial_job j = { l, l->taken };
    scion__parallel(ctx, count, serial_items, &j);
    l->next = l->taken + count;
    return SCION_OK;
  }
  scion_status st = SCION_OK;
  pthread_mutex_lock(&l->lock);
  for (int64_t i = 0; i < count && st == SCION_OK; i++) {
    const item *it = &l->ring[(l->taken + i) % l->room];
    while (!it->done && st == SCION_OK) {
      struct timespec until;
      clock_gettime(CLOCK_MONOTONIC, &until);
      until.tv_nsec += 100000000;
      if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
      pthread_cond_timedwait(&l->ready, &l->lock, &until);
      if (scion__cancelled(ctx)) st = scion_fail(ctx, SCION_ECANCELLED, "loader: cancelled");
    }
  }
  pthread_mutex_unlock(&l->lock);
  return st;
}

typedef struct { scion_tensor *x; const item *const *items; size_t bytes; } gather_job;
static void gather(void *ud, int64_t begin, int64_t end) {
  const gather_job *j = ud;
  for (int64_t i = begin; i < end; i++) {
    const scion_picture *p = &j->items[i]->p;
    memcpy(j->x->data + (size_t)i * j->bytes, p->f != NULL ? (const void *)p->f : (const void *)p->u8, j->bytes);
  }
}
/* The readable items as one tensor; all must have one size. */
static scion_status assemble(scion_context *ctx, scion_loader *l, int64_t count, const item **good, int64_t *positions, scion_tensor **x, int64_t *n) {
  int64_t k = 0;
  for (int64_t i = 0; i < count; i++) {
    item *it = &l->ring[(l->taken + i) % l->room];
    int64_t position = l->order[l->taken + i];
    if (it->status == SCION_OK) {
      good[k] = it;
      positions[k++] = position;
    } else if (l->skip_errors && it->status != SCION_ENOMEM) {
      SCION_TRY(note_skip(ctx, l, position, it));
    } else {
      return scion_fail(ctx, it->status, "loader: %s", it->message != NULL ? it->message : "out of memory");
    }
  }
  *n = k;
  if (k == 0) return SCION_OK;
  const scion_picture *first = &good[0]->p;
  for (int64_t i = 1; i < k; i++) {
    const scion_picture *p = &good[i]->p;
    if (p->h == first->h && p->w == first->w && p->c == first->c) continue;
    return scion_fail(ctx, SCION_ESHAPE, "loader: %s is %d x %d but %s is %d x %d; pictures of a batch need one size (resize or crop them)",
                      scion_pictures_name(l->pictures, positions[i]), p->w, p->h, scion_pictures_name(l->pictures, positions[0]), first->w, first->h);
  }
  SCION_TRY(scion__tensor_alloc(ctx, first->f != NULL ? SCION_F32 : SCION_U8, 4, (int64_t[]){ k, first->c, first->h, first->w }, x));
  gather_job j = { *x, good, (size_t)first->c * (size_t)first->h * (size_t)first->w * (first->f != NULL ? sizeof(float) : 1) };
  scion__parallel_range(ctx, k, scion__max(1, (int64_t)((1 << 19) / scion__max((int64_t)j.bytes, 1))), gather, &j);
  return SCION_OK;
}

scion_status scion_loader_next(scion_context *ctx, scion_loader *l, scion_tensor **x, int64_t *n, int64_t *positions) {
  *x = NULL;
  *n = 0;
  if (l->owner != getpid()) return scion_fail(ctx, SCION_ESTATE, "loader: made before a fork; make a new one in the child process");
  if (l->failed) return scion_fail(ctx, SCION_ESTATE, "loader: an earlier batch failed");
  while (*n == 0) {
    int64_t count = scion__min(l->batch, l->n - l->taken);
    if (count <= 0 || (l->drop_last && count < l->batch)) return SCION_OK;
    SCION_TRY(wait_for(ctx, l, count));
    size_t bytes = (size_t)count * sizeof(item *);
    const item **good = scion__alloc(ctx, bytes);
    if (good == NULL) return SCION_ENOMEM;
    scion_status st = assemble(ctx, l, count, good, positions, x, n);
    scion__free(ctx, good, bytes);
    if (st == SCION_ENOMEM) return st; /* may be asked for again */
    for (int64_t i = 0; i < count; i++) item_clear(&l->ring[(l->taken + i) % l->room]);
    pthread_mutex_lock(&l->lock);
    l->taken += count;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    if (st != SCION_OK) {
      l->failed = true;
      return st;
    }
  }
  return SCION_OK;
}
