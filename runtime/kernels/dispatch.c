/* dispatch.c: picks the best table of kernels that this processor can run, once per process.
 * SCION_ISA=scalar|avx2|avx512 in the environment pins it (an unavailable one is ignored). */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "scion.h"

extern const scion_kernels scion__kernels__scalar;
#if defined(__x86_64__)
extern const scion_kernels scion__kernels__avx2, scion__kernels__avx512;
#endif

const scion_kernels *scion__k = NULL;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void) {
  const scion_kernels *best = &scion__kernels__scalar;
#if defined(__x86_64__)
  const char *pin = getenv("SCION_ISA");
  __builtin_cpu_init();
  bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  bool any = pin == NULL || (strcmp(pin, "scalar") != 0 && strcmp(pin, "avx2") != 0);
  if (has_avx2 && (any || strcmp(pin, "avx2") == 0)) best = &scion__kernels__avx2;
  if (has_avx512 && any) best = &scion__kernels__avx512;
#endif
  scion__k = best;
}

void scion__kernels_init(void) { pthread_once(&once, choose); }

const char *scion_isa(void) {
  scion__kernels_init();
  return scion__k->isa;
}
