/* limits.c: what this machine can do at most: fused multiply-adds from registers and copies through memory, on one
 * thread and on as many as asked for. `make bench` divides its big rows by these figures.
 *
 *   limits [threads]   prints: gflops_one gflops_all copy_one copy_all   (GFLOP/s, GB/s read plus written) */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_THREADS 256
#define COPY_BYTES ((size_t)128 << 20) /* beyond any cache ... */
#define SLICE ((size_t)2 << 20)        /* ... timed piece by piece, short enough to fall between two interruptions */
#define ROUNDS 200

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Twelve independent sums hide the latency of a fused multiply-add. `steps` x 12 vectors; returns operations done. */
#define PEAK(name, isa, lanes)                                                                          \
  typedef float name##_vec __attribute__((vector_size(lanes * 4)));                                     \
  isa static double name(int64_t steps, float *sink) {                                                  \
    name##_vec s[12], a = (name##_vec){ 0 } + 0.999f, b = (name##_vec){ 0 } + 1e-3f;                    \
    for (int k = 0; k < 12; k++) s[k] = (name##_vec){ 0 } + (float)k;                                   \
    for (int64_t i = 0; i < steps; i++)                                                                 \
      _Pragma("GCC unroll 12") for (int k = 0; k < 12; k++) s[k] = s[k] * a + b;                        \
    for (int k = 0; k < 12; k++) *sink += s[k][0];                                                      \
    return 2.0 * 12 * lanes * (double)steps;                                                            \
  }
PEAK(peak_plain, , 4)
#if defined(__x86_64__)
PEAK(peak_avx2, __attribute__((target("avx2,fma"))), 8)
PEAK(peak_avx512, __attribute__((target("avx512f"))), 16)
#endif

static double peak(int64_t steps, float *sink) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return peak_avx512(steps, sink);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return peak_avx2(steps, sink);
#endif
  return peak_plain(steps, sink);
}

typedef struct { double gflops, copy; pthread_barrier_t *barrier; } result;

/* The best of several short rounds: other work on the machine only ever takes away. */
static void *work(void *ud) {
  result *r = ud;
  float sink = 0;
  r->gflops = r->copy = 0;
  char *from = malloc(COPY_BYTES), *to = malloc(COPY_BYTES);
  if (from == NULL || to == NULL) exit(1);
  memset(from, 1, COPY_BYTES);
  memset(to, 2, COPY_BYTES);
  pthread_barrier_wait(r->barrier);
  for (int i = 0; i < ROUNDS; i++) {
    double start = now(), operations = peak(100000, &sink), rate = operations / (now() - start) * 1e-9;
    if (rate > r->gflops) r->gflops = rate;
  }
  pthread_barrier_wait(r->barrier);
  for (size_t at = 0; at < 2 * COPY_BYTES; at += SLICE) {
    double start = now();
    memcpy(to + at % COPY_BYTES, from + at % COPY_BYTES, SLICE);
    double rate = 2.0 * (double)SLICE / (now() - start) * 1e-9;
    if (rate > r->copy) r->copy = rate;
    from[at % COPY_BYTES] = (char)(to[at % COPY_BYTES] + 1);
  }
  if (sink == 1) fputs("", stderr); /* keeps the sums */
  free(from);
  free(to);
  return NULL;
}

static void measure(int threads, double *gflops, double *copy) {
  static pthread_t thread[MAX_THREADS];
  static result results[MAX_THREADS];
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, NULL, (unsigned)threads);
  for (int i = 0; i < threads; i++) {
    results[i].barrier = &barrier;
    if (pthread_create(&thread[i], NULL, work, &results[i]) != 0) exit(1);
  }
  *gflops = *copy = 0;
  for (int i = 0; i < threads; i++) {
    pthread_join(thread[i], NULL);
    *gflops += results[i].gflops;
    *copy += results[i].copy;
  }
  pthread_barrier_destroy(&barrier);
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1;
  if (threads < 1 || threads > MAX_THREADS) {
    fprintf(stderr, "limits: threads must be 1 to %d\n", MAX_THREADS);
    return 2;
  }
  double one[2], all[2];
  measure(1, &one[0], &one[1]);
  all[0] = one[0];
  all[1] = one[1];
  if (threads > 1) measure(threads, &all[0], &all[1]);
  printf("%.1f %.1f %.1f %.1f\n", one[0], all[0], one[1], all[1]);
  return 0;
}
