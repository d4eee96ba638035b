/* alloc_sweep.c: a small training run and a file round trip in which the k-th allocation fails, for every k.
 * Whatever fails, the call must say SCION_ENOMEM, nothing may leak or crash, and the same context must train
 * afterwards as if nothing had happened. spec/base/memory_spec.lua runs it; usage: alloc_sweep [STRIDE] [DIR] */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scion.h"

typedef struct meter { int64_t count, fail_at, live; } meter;

static void *metered(void *ud, void *p, size_t old_size, size_t new_size) {
  meter *m = ud;
  if (new_size == 0) {
    if (p != NULL) m->live -= (int64_t)old_size;
    free(p);
    return NULL;
  }
  if (m->fail_at > 0 && ++m->count == m->fail_at) return NULL;
  void *q = aligned_alloc(64, (new_size + 63) / 64 * 64);
  if (q == NULL) return NULL;
  m->live += (int64_t)new_size;
  if (p != NULL) {
    memcpy(q, p, old_size < new_size ? old_size : new_size);
    m->live -= (int64_t)old_size;
    free(p);
  }
  return q;
}

typedef struct run { scion_context *ctx; scion_tensor *own[64]; int n; scion_status status; } run;

static scion_tensor *own(run *r, scion_status status, scion_tensor **t) { /* t is set by the call whose status this is */
  if (r->status == SCION_OK) r->status = status;
  if (status != SCION_OK) return NULL;
  return r->own[r->n++] = *t;
}
static scion_tensor *apply(run *r, const char *name, scion_tensor *a, scion_tensor *b, scion_tensor *c) {
  scion_tensor *in[3] = { a, b, c }, *out = NULL;
  if (r->status != SCION_OK) return NULL;
  const scion_op *op = scion_op_find(name);
  if (op == NULL) {
    fprintf(stderr, "no op %s\n", name);
    exit(2);
  }
  return own(r, scion_apply(r->ctx, op, in, c != NULL ? 3 : b != NULL ? 2 : 1, NULL, &out, 1), &out);
}
static scion_tensor *leaf(run *r, int rows, int columns) {
  int64_t shape[2] = { rows, columns };
  scion_tensor *t = NULL;
  if (r->status != SCION_OK) return NULL;
  own(r, scion_tensor_new(r->ctx, SCION_F32, 2, shape, &t), &t);
  if (t == NULL) return NULL;
  float *v = scion_tensor_data(t);
  for (int i = 0; i < rows * columns; i++) v[i] = 0.01f * (float)((i * 37) % 101 - 50);
  return t;
}

/* Two layers, three steps of gradient descent, by the C interface alone. */
static scion_status train(scion_context *ctx, double *loss) {
  run r = { .ctx = ctx };
  scion_tensor *x = leaf(&r, 16, 8), *w1 = leaf(&r, 12, 8), *w2 = leaf(&r, 4, 12);
  int64_t sixteen = 16, ids[16];
  scion_tensor *y = NULL, *rate = NULL;
  for (int i = 0; i < 16; i++) ids[i] = i % 4;
  if (r.status == SCION_OK) own(&r, scion_tensor_from_bytes(ctx, SCION_I64, 1, &sixteen, ids, sizeof ids, &y), &y);
  if (r.status == SCION_OK) own(&r, scion_tensor_scalar(ctx, SCION_F32, 0.1, &rate), &rate);
  int base = r.n;
  for (int step = 0; step < 3 && r.status == SCION_OK; step++) {
    if (r.status == SCION_OK) r.status = scion_set_requires_grad(ctx, w1, 1);
    if (r.status == SCION_OK) r.status = scion_set_requires_grad(ctx, w2, 1);
    scion_tensor *h = apply(&r, "tanh", apply(&r, "linear", x, w1, NULL), NULL, NULL);
    scion_tensor *l = apply(&r, "cross_entropy", apply(&r, "linear", h, w2, NULL), y, NULL);
    if (r.status == SCION_OK) r.status = scion_backward(ctx, &l, 1, NULL, 0, 0);
    if (r.status == SCION_OK) r.status = scion_tensor_get(ctx, l, NULL, loss);
    int was = scion_set_grad_enabled(ctx, 0);
    scion_tensor *weights[2] = { w1, w2 };
    for (int i = 0; i < 2 && r.status == SCION_OK; i++) {
      scion_tensor *d = apply(&r, "mul", scion_get_grad(weights[i]), rate, NULL);
      scion_tensor *in[2] = { weights[i], d };
      if (r.status == SCION_OK) r.status = scion_apply_inplace(ctx, scion_op_find("sub"), in, 2, NULL);
      scion_set_grad(ctx, weights[i], NULL);
    }
    scion_set_grad_enabled(ctx, was);
    while (r.n > base) scion_tensor_free(ctx, r.own[--r.n]);
  }
  while (r.n > 0) scion_tensor_free(ctx, r.own[--r.n]);
  return r.status;
}

/* A net of one layer, saved, loaded and run. */
static scion_status files(scion_context *ctx, const char *path) {
  run r = { .ctx = ctx };
  scion_net *net = NULL, *again = NULL;
  int32_t input = 0, weight = 0, out = 0;
  const int64_t shape[2] = { -1, 8 };
  scion_tensor *w = leaf(&r, 4, 8), *x = leaf(&r, 2, 8), *y = NULL;
  if (r.status == SCION_OK) r.status = scion_net_new(ctx, &net);
  if (r.status == SCION_OK) r.status = scion_net_add_input(ctx, net, "x", SCION_F32, 2, shape, &input);
  if (r.status == SCION_OK) r.status = scion_net_add_entry(ctx, net, "fc.weight", SCION_ENTRY_PARAM, w, &weight);
  int32_t inputs[2] = { input, weight };
  if (r.status == SCION_OK) r.status = scion_net_add_node(ctx, net, "fc", "Linear", scion_op_find("linear"), NULL, 2, inputs, &out);
  if (r.status == SCION_OK) r.status = scion_net_set_outputs(ctx, net, 1, &out);
  if (r.status == SCION_OK) r.status = scion_net_save(ctx, net, path);
  if (r.status == SCION_OK) r.status = scion_net_load(ctx, path, NULL, &again);
  if (r.status == SCION_OK) own(&r, scion_net_forward(ctx, again, &x, 1, NULL, &y, 1), &y);
  scion_net_free(ctx, again);
  scion_net_free(ctx, net);
  while (r.n > 0) scion_tensor_free(ctx, r.own[--r.n]);
  return r.status;
}

static int sweep(const char *what, int64_t stride, const char *path) {
  int64_t k, failures = 0, refused_opens = 0;
  double expected = 0, loss = 0;
  for (k = 1;; k += stride) {
    meter m = { 0, 0, 0 };
    scion_config config = SCION_CONFIG_INIT;
    scion_context *ctx = NULL;
    config.alloc = metered;
    config.ud = &m;
    config.threads = 1;
    m.fail_at = k;
    scion_status status = scion_open(&config, &ctx);
    if (status != SCION_OK) {
      if (status != SCION_ENOMEM || ctx != NULL || m.live != 0) return fprintf(stderr, "open: k %lld: status %d, live %lld\n", (long long)k, (int)status, (long long)m.live), 1;
      refused_opens++;
      continue;
    }
    scion_memory_info before, info; /* the context itself lives there, too */
    scion_memory(ctx, &before);
    status = path != NULL ? files(ctx, path) : train(ctx, &loss);
    bool failed = m.count >= m.fail_at;
    if (status != SCION_OK && status != SCION_ENOMEM) {
      return fprintf(stderr, "%s: k %lld: status %s: %s\n", what, (long long)k, scion_status_str(status), scion_errmsg(ctx)), 1;
    }
    if (status == SCION_ENOMEM) failures++;
    m.fail_at = 0; /* memory is back: the same context works */
    status = path != NULL ? files(ctx, path) : train(ctx, &loss);
    if (status != SCION_OK) return fprintf(stderr, "%s: k %lld: afterwards: %s\n", what, (long long)k, scion_errmsg(ctx)), 1;
    if (k == 1 || expected == 0) expected = loss;
    if (loss != expected) return fprintf(stderr, "%s: k %lld: loss %g afterwards, expected %g\n", what, (long long)k, loss, expected), 1;
    scion_memory(ctx, &info);
    if (info.live != before.live) return fprintf(stderr, "%s: k %lld: %lld bytes of tensors leaked\n", what, (long long)k, (long long)(info.live - before.live)), 1;
    scion_close(ctx);
    if (m.live != 0) return fprintf(stderr, "%s: k %lld: %lld bytes leaked after close\n", what, (long long)k, (long long)m.live), 1;
    if (!failed) break; /* k lies behind the last allocation */
  }
  printf("%s: %lld allocations, %lld refused opens, %lld clean failures\n", what, (long long)(k - 1), (long long)refused_opens, (long long)failures);
  return 0;
}

int main(int argc, char **argv) {
  int64_t stride = argc > 1 ? atoll(argv[1]) : 1;
  char path[4096];
  if (sweep("training", stride > 0 ? stride : 1, NULL) != 0) return 1;
  if (argc > 2) {
    snprintf(path, sizeof path, "%s/sweep.scion", argv[2]);
    if (sweep("files", stride > 0 ? stride : 1, path) != 0) return 1;
  }
  return 0;
}
