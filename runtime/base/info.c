/* info.c: which BLAS this process computes with. */
#include "base.h"

extern char *openblas_get_config(void);
extern char *openblas_get_corename(void);

const char *scion_blas(void) {
  static char text[128]; /* written once with the same bytes, whoever comes first */
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  if (text[0] == '\0') {
    const char *config = openblas_get_config(); /* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..." */
    size_t n = 0, words = 0;
    while (config[n] != '\0' && n < 60 && !(config[n] == ' ' && ++words == 2)) n++;
    memcpy(text, config, n);
    text[n] = ' ';
    strncpy(text + n + 1, openblas_get_corename(), sizeof text - n - 2);
  }
  pthread_mutex_unlock(&mutex);
  return text;
}
