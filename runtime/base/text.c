/* text.c: strings in the context's memory; each block remembers its size in front. */
#include <stdarg.h>
#include <stdio.h>

#include "base.h"

#define PREFIX 16

static char *text_new(scion_context *ctx, size_t cap) {
  char *block = scion__alloc(ctx, cap + PREFIX);
  if (block == NULL) return NULL;
  *(size_t *)(void *)block = cap + PREFIX;
  return block + PREFIX;
}
void scion_text_free(scion_context *ctx, char *text) {
  if (text != NULL) scion__free(ctx, text - PREFIX, *(size_t *)(void *)(text - PREFIX));
}
char *scion__strdup(scion_context *ctx, const char *s) {
  size_t n = strlen(s) + 1;
  char *copy = text_new(ctx, n);
  if (copy != NULL) memcpy(copy, s, n);
  return copy;
}
void scion__strfree(scion_context *ctx, char *s) { scion_text_free(ctx, s); }

void scion__text_init(scion_text *b, scion_context *ctx) { *b = (scion_text){ ctx, NULL, 0, 0, false }; }

static bool reserve(scion_text *b, size_t more) {
  if (b->failed) return false;
  if (b->n + more + 1 <= b->cap) return true;
  size_t cap = b->cap < 128 ? 256 : b->cap * 2;
  while (cap < b->n + more + 1) cap *= 2;
  char *s = text_new(b->ctx, cap);
  if (s == NULL) {
    b->failed = true;
    return false;
  }
  if (b->n > 0) memcpy(s, b->s, b->n);
  scion_text_free(b->ctx, b->s);
  b->s = s;
  b->cap = cap;
  return true;
}
void scion__text_add_bytes(scion_text *b, const char *s, size_t n) {
  if (!reserve(b, n)) return;
  memcpy(b->s + b->n, s, n);
  b->n += n;
  b->s[b->n] = '\0';
}
void scion__text_add(scion_text *b, const char *format, ...) {
  char few[512];
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int n = vsnprintf(few, sizeof few, format, args);
  va_end(args);
  if (n >= 0 && (size_t)n < sizeof few) {
    scion__text_add_bytes(b, few, (size_t)n);
  } else if (n >= 0 && reserve(b, (size_t)n)) {
    vsnprintf(b->s + b->n, (size_t)n + 1, format, again);
    b->n += (size_t)n;
  }
  va_end(again);
}
char *scion__text_take(scion_text *b) {
  if (b->s == NULL && !b->failed) scion__text_add_bytes(b, "", 0);
  if (b->failed) {
    scion_text_free(b->ctx, b->s);
    b->s = NULL;
    return NULL;
  }
  char *s = b->s;
  b->s = NULL;
  return s;
}

char *scion__shape_text(char *buf, int32_t n_dims, const int64_t *shape) {
  size_t n = 0;
  buf[n++] = '(';
  for (int32_t i = 0; i < n_dims; i++) {
    n += (size_t)snprintf(buf + n, SCION_SHAPE_TEXT - n, i == 0 ? "%lld" : ", %lld", (long long)shape[i]);
  }
  if (n_dims == 1) buf[n++] = ',';
  buf[n++] = ')';
  buf[n] = '\0';
  return buf;
}
