/* sample.c: the sample inputs of the registry, made from their description in words (op.h). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "op.h"
#include "../tensor/element.h"

static double uniform(scion_context *ctx) {
  uint32_t u[4];
  scion__philox(ctx->seed ^ 0x5c10fu, scion__rng_take(ctx, 1), 1, u);
  return scion__u64_to_f64(u[0], u[1]);
}
static double normal(scion_context *ctx) {
  double a = uniform(ctx), b = uniform(ctx);
  return sqrt(-2 * log(1 - a)) * cos(6.283185307179586 * b);
}

/* n distinct values with gaps of 0.25 around zero, none of them an integer or close to one, shuffled. */
static void distinct(scion_context *ctx, double *v, int64_t n) {
  for (int64_t i = 0; i < n; i++) v[i] = 0.25 * (double)(i - n / 2) + 0.11;
  for (int64_t i = n - 1; i > 0; i--) {
    int64_t k = (int64_t)(uniform(ctx) * (double)(i + 1));
    double t = v[i];
    v[i] = v[k];
    v[k] = t;
  }
}

static scion_status make(scion_context *ctx, const char *op, const char *word, scion_tensor **out, int32_t *differentiable) {
  int64_t shape[SCION_MAX_DIMS], numel;
  int32_t n = 0;
  const char *p = word;
  *out = NULL;
  *differentiable = 0;
  if (strcmp(word, "-") == 0) return SCION_OK;
  if (*word == '=') { /* numbers as they stand */
    int64_t v[SCION_MAX_INTS], count = 0;
    for (char *at = (char *)word + 1; *at != '\0' && count < SCION_MAX_INTS; at += *at == ';') v[count++] = strtoll(at, &at, 10);
    return scion_tensor_from_bytes(ctx, SCION_I64, 1, &count, v, (size_t)count * sizeof *v, out);
  }
  if (*p == 's') p++;
  while (*p >= '0' && *p <= '9') {
    char *end;
    shape[n++] = strtoll(p, &end, 10);
    p = *end == 'x' ? end + 1 : end;
  }
  char kind[16] = "";
  bool fixed = false;
  if (*p == ':') {
    size_t k = 0;
    for (p++; *p != '\0' && *p != '!' && k < sizeof kind - 1; p++) kind[k++] = *p;
    kind[k] = '\0';
  }
  if (*p == '!') fixed = true;
  bool ids = (kind[0] == 'i' || kind[0] == 'j') && kind[1] == '<', ids32 = ids && kind[0] == 'j', boolean = strcmp(kind, "b") == 0;
  int dtype = ids32 ? SCION_I32 : ids ? SCION_I64 : boolean ? SCION_BOOL : SCION_F64;
  SCION_TRY(scion__check_shape(ctx, op, n, shape, &numel));
  SCION_TRY(scion__tensor_alloc(ctx, dtype, n, shape, out));
  *differentiable = dtype == SCION_F64 && !fixed;
  double *v = (double *)(void *)(*out)->data;
  int64_t rows = n >= 2 ? shape[n - 2] : 1, cols = n >= 1 ? shape[n - 1] : 1;
  if (strcmp(kind, "d") == 0) distinct(ctx, v, numel);
  for (int64_t i = 0; i < numel && strcmp(kind, "d") != 0; i++) {
    int64_t r = i / cols % rows, c = i % cols;
    if (ids32) ((int32_t *)(void *)v)[i] = (int32_t)(uniform(ctx) * (double)strtoll(kind + 2, NULL, 10));
    else if (ids) ((int64_t *)(void *)v)[i] = (int64_t)(uniform(ctx) * (double)strtoll(kind + 2, NULL, 10));
    else if (boolean) ((uint8_t *)(void *)v)[i] = uniform(ctx) < 0.5;
    else if (strcmp(kind, "+") == 0) v[i] = 0.5 + 1.5 * uniform(ctx);
    else if (strcmp(kind, "u") == 0) v[i] = 1.8 * uniform(ctx) - 0.9;
    else if (strcmp(kind, "p") == 0) v[i] = 0.05 + 0.9 * uniform(ctx); /* probabilities */
    else if (strcmp(kind, "sign") == 0) v[i] = uniform(ctx) < 0.5 ? -1 : 1;
    else if (strcmp(kind, "above1") == 0) v[i] = 1.2 + uniform(ctx);
    else if (strcmp(kind, "tril") == 0) v[i] = c > r ? 0 : c == r ? 1.5 + uniform(ctx) : 0.5 * normal(ctx);
    else v[i] = normal(ctx);
  }
  if (strcmp(kind, "spd") == 0) { /* a a' / n + 1 */
    for (int64_t m = 0; m < numel / (rows * cols); m++) {
      double *a = v + m * rows * cols, b[64];
      if (rows > 8 || rows != cols) return scion_fail(ctx, SCION_EINVAL, "%s: sample %s must be square, at most 8", op, word);
      memcpy(b, a, (size_t)(rows * cols) * sizeof *b);
      for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) {
          double sum = i == j ? 1 : 0;
          for (int64_t k = 0; k < cols; k++) sum += b[i * cols + k] * b[j * cols + k] / (double)cols;
          a[i * cols + j] = sum;
        }
    }
  }
  return SCION_OK;
}

static scion_status set_words(scion_context *ctx, const scion_op *op, const char *set, void *params) {
  char text[512];
  snprintf(text, sizeof text, "%s", set);
  char *rest = NULL;
  for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
    char *value = strchr(word, '=');
    int32_t k = 0;
    if (value == NULL) return scion_fail(ctx, SCION_EINVAL, "%s: sample parameter '%s' has no value", op->info.name, word);
    *value++ = '\0';
    while (k < op->info.n_params && strcmp(op->info.params[k].name, word) != 0) k++;
    if (k == op->info.n_params) return scion_fail(ctx, SCION_EINVAL, "%s: sample names an unknown parameter '%s'", op->info.name, word);
    scion_value v = { .type = SCION_V_STRING, .s = value };
    int64_t ints[SCION_MAX_INTS];
    switch (op->info.params[k].type) {
      case SCION_P_BOOL: v.type = SCION_V_BOOL, v.i = strcmp(value, "true") == 0 || strcmp(value, "1") == 0; break;
      case SCION_P_INT: v.type = SCION_V_INT, v.i = strtoll(value, NULL, 10); break;
      case SCION_P_FLOAT: v.type = SCION_V_FLOAT, v.f = strtod(value, NULL); break;
      case SCION_P_INTS:
        v.type = SCION_V_INTS;
        v.ints = ints;
        for (char *p = value; *p != '\0' && v.n_ints < SCION_MAX_INTS; p += *p == ',') ints[v.n_ints++] = strtoll(p, &p, 10);
        break;
      default: break;
    }
    SCION_TRY(scion_params_set(ctx, op, params, k, &v));
  }
  return SCION_OK;
}

scion_status scion_op_sample(scion_context *ctx, const scion_op *op, int32_t i, scion_tensor **inputs, int32_t *n_inputs,
                             int32_t *differentiable, void *params) {
  int32_t capacity = *n_inputs, n = 0;
  *n_inputs = 0;
  if (i < 0 || i >= op->n_samples) return scion_fail(ctx, SCION_EINDEX, "%s: has %d samples", op->info.name, op->n_samples);
  scion_params_init(op, params);
  SCION_TRY(set_words(ctx, op, op->samples[i].set, params));
  char text[512];
  snprintf(text, sizeof text, "%s", op->samples[i].inputs);
  char *rest = NULL;
  scion_status st = SCION_OK;
  for (char *word = strtok_r(text, ",", &rest); word != NULL && st == SCION_OK; word = strtok_r(NULL, ",", &rest)) {
    if (n == capacity) st = scion_fail(ctx, SCION_EINVAL, "%s: sample has more than %d inputs", op->info.name, capacity);
    else {
      st = make(ctx, op->info.name, word, &inputs[n], &differentiable[n]);
      n++;
    }
  }
  if (st != SCION_OK) {
    for (int32_t k = 0; k < n; k++) {
      scion_tensor_free(ctx, inputs[k]);
      inputs[k] = NULL;
    }
    return st;
  }
  *n_inputs = n;
  return SCION_OK;
}
