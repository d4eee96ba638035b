/* contexts.c: what a host does to a library: a context in each of several threads at once, a stop at any moment, a fork in
 * the middle. Every run must give the same number; nothing may
 * leak. Meant for MODE=tsan and MODE=asan, too. Prints one line for each; spec/hosts/hosts_spec.lua runs it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scion.h"

enum { N = 64, IN = 48, HIDDEN = 96, CLASSES = 5, THREADS = 3 };

/* Three steps of a small network; the loss after them. */
static scion_status train(scion_context *ctx, double *loss) {
  scion_tensor *own[64] = { NULL }, *weights[2] = { NULL, NULL };
  int n = 0;
  scion_status st = SCION_OK;
  const int64_t shapes[3][2] = { { N, IN }, { HIDDEN, IN }, { CLASSES, HIDDEN } };
  int64_t rows = N, ids[N];
  for (int i = 0; i < N; i++) ids[i] = i % CLASSES;
#define TRY(call) \
  do {            \
    if (st == SCION_OK && (st = (call)) == SCION_OK) n++; \
  } while (0)
#define APPLY(op, count, ...) TRY(scion_apply(ctx, scion_op_find(op), (scion_tensor *[]){ __VA_ARGS__ }, count, NULL, &own[n], 1))
  for (int k = 0; k < 3; k++) {
    TRY(scion_tensor_new(ctx, SCION_F32, 2, shapes[k], &own[n]));
    float *v = st == SCION_OK ? scion_tensor_data(own[k]) : NULL;
    for (int64_t i = 0; v != NULL && i < shapes[k][0] * shapes[k][1]; i++) v[i] = 0.02f * (float)((i * 31) % 97 - 48);
  }
  TRY(scion_tensor_from_bytes(ctx, SCION_I64, 1, &rows, ids, sizeof ids, &own[n]));
  scion_optim *adam = NULL;
  for (int k = 0; k < 2 && st == SCION_OK; k++) {
    weights[k] = own[k + 1];
    st = scion_set_requires_grad(ctx, weights[k], 1);
  }
  if (st == SCION_OK) st = scion_optim_new(ctx, "adam", &adam);
  if (st == SCION_OK) st = scion_optim_add(ctx, adam, weights, 2, NULL);
  for (int step = 0; step < 3 && st == SCION_OK; step++) {
    int base = n;
    APPLY("linear", 2, own[0], own[1]);
    APPLY("tanh", 1, own[base]);
    APPLY("linear", 2, own[base + 1], own[2]);
    APPLY("cross_entropy", 2, own[base + 2], own[3]);
    if (st == SCION_OK) st = scion_backward(ctx, &own[base + 3], 1, NULL, 0, 0);
    if (st == SCION_OK) st = scion_optim_step(ctx, adam, NULL, NULL, NULL);
    if (st == SCION_OK) st = scion_tensor_get(ctx, own[base + 3], NULL, loss);
    if (adam != NULL) scion_optim_zero_grad(ctx, adam);
    while (n > base) scion_tensor_free(ctx, own[--n]);
  }
  if (adam != NULL) scion_optim_free(ctx, adam);
  while (n > 0) scion_tensor_free(ctx, own[--n]);
  return st;
}

static int stop_after(void *ud) {
  int *left = ud;
  return (*left)-- <= 0;
}

/* A stop at the k-th moment at which the library asks. */
static int stops(double expected) {
  int stopped = 0;
  for (int k = 0;; k++) {
    scion_context *ctx = NULL;
    scion_config config = SCION_CONFIG_INIT;
    int left = k;
    double loss = 0;
    config.threads = 2;
    if (scion_open(&config, &ctx) != SCION_OK) return 1;
    scion_memory_info before, after;
    scion_memory(ctx, &before);
    scion_set_cancel(ctx, stop_after, &left);
    scion_status st = train(ctx, &loss);
    scion_set_cancel(ctx, NULL, NULL);
    if (st != SCION_OK && st != SCION_ECANCELLED) return fprintf(stderr, "stop %d: %s\n", k, scion_errmsg(ctx)), 1;
    scion_status again = train(ctx, &loss);
    if (again != SCION_OK || loss != expected) return fprintf(stderr, "after stop %d: status %d, loss %.9g, expected %.9g\n", k, (int)again, loss, expected), 1;
    scion_memory(ctx, &after);
    if (after.live != before.live) return fprintf(stderr, "stop %d: %lld bytes leaked\n", k, (long long)(after.live - before.live)), 1;
    scion_close(ctx);
    if (st == SCION_OK) break;
    stopped++;
  }
  printf("stopped at %d moments\n", stopped);
  return stopped > 20 ? 0 : 1;
}

typedef struct worker { pthread_t thread; double loss; scion_status status; } worker;

static void *work(void *ud) {
  worker *w = ud;
  scion_context *ctx = NULL;
  scion_config config = SCION_CONFIG_INIT;
  config.threads = 2;
  w->status = scion_open(&config, &ctx);
  for (int i = 0; i < 5 && w->status == SCION_OK; i++) w->status = train(ctx, &w->loss);
  scion_close(ctx);
  return NULL;
}

static int threads(double expected) {
  scion_context *ctx = NULL;
  worker w[THREADS];
  double loss = 0;
  if (scion_open(NULL, &ctx) != SCION_OK) return 1;
  for (int i = 0; i < THREADS; i++) {
    w[i] = (worker){ 0 };
    if (pthread_create(&w[i].thread, NULL, work, &w[i]) != 0) return 1;
  }
  for (int i = 0; i < 5; i++)
    if (train(ctx, &loss) != SCION_OK || loss != expected) return fprintf(stderr, "main thread: %s, loss %.9g\n", scion_errmsg(ctx), loss), 1;
  for (int i = 0; i < THREADS; i++) {
    pthread_join(w[i].thread, NULL);
    if (w[i].status != SCION_OK || w[i].loss != expected) return fprintf(stderr, "thread %d: status %d, loss %.9g\n", i, (int)w[i].status, w[i].loss), 1;
  }
  scion_close(ctx);
  printf("%d threads with a context each\n", THREADS + 1);
  return 0;
}

/* A child goes on with the context of its parent, whose worker threads it does not have. */
static int forks(double expected) {
  scion_context *ctx = NULL;
  scion_config config = SCION_CONFIG_INIT;
  double loss = 0;
  config.threads = 2;
  if (scion_open(&config, &ctx) != SCION_OK || train(ctx, &loss) != SCION_OK) return 1;
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    alarm(60);
    int ok = train(ctx, &loss) == SCION_OK && loss == expected;
    scion_close(ctx);
    _exit(ok ? 0 : 1);
  }
  int status = 1;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return fprintf(stderr, "the child failed (%d)\n", status), 1;
  if (train(ctx, &loss) != SCION_OK || loss != expected) return 1;
  scion_close(ctx);
  printf("went on after a fork\n");
  return 0;
}

int main(void) {
  scion_context *ctx = NULL;
  double expected = 0;
  if (scion_open(NULL, &ctx) != SCION_OK || train(ctx, &expected) != SCION_OK) return fprintf(stderr, "%s\n", ctx != NULL ? scion_errmsg(ctx) : "no context"), 1;
  scion_close(ctx);
  return stops(expected) || threads(expected) || forks(expected);
}
