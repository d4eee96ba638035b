/* alloc_sweep.c: small runs in which the k-th allocation fails, for every k, once alone or with all that follow: training by
 * ops, a file round trip, and a network that is built, trained, saved, loaded, cut and given a new head. Whatever fails, the
 * call must say SCION_ENOMEM, nothing may leak or crash, and the same context must do the run afterwards as if nothing had
 * happened. spec/hosts/hosts_spec.lua runs it; usage: alloc_sweep STRIDE DIR [RUN] */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scion.h"

typedef struct meter { int64_t count, fail_at, live; bool sticky; } meter;

static void *metered(void *ud, void *p, size_t old_size, size_t new_size) {
  meter *m = ud;
  if (new_size == 0) {
    if (p != NULL) m->live -= (int64_t)old_size;
    free(p);
    return NULL;
  }
  if (m->fail_at > 0 && (++m->count == m->fail_at || (m->sticky && m->count > m->fail_at))) return NULL;
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
static scion_status train(scion_context *ctx, const char *path, double *loss) {
  (void)path;
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
static scion_status files(scion_context *ctx, const char *path, double *loss) {
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
  if (r.status == SCION_OK) r.status = scion_tensor_get(ctx, y, (int64_t[]){ 1, 2 }, loss);
  scion_net_free(ctx, again);
  scion_net_free(ctx, net);
  while (r.n > 0) scion_tensor_free(ctx, r.own[--r.n]);
  return r.status;
}


/* A layer of the net: an op on the value `x` and new entries that hold the given tensors. */
static scion_status layer(run *r, scion_net *net, const char *name, const char *op_name, int32_t *x, int32_t n, scion_tensor *const *tensors,
                          const char *param, int64_t value) {
  const scion_op *op = scion_op_find(op_name);
  const scion_op_info *info = op != NULL ? scion_op_get_info(op) : NULL;
  int32_t inputs[8] = { *x };
  char params[2048];
  if (r->status != SCION_OK) return r->status;
  if (info == NULL || info->params_size > sizeof params) {
    fprintf(stderr, "no op %s\n", op_name);
    exit(2);
  }
  scion_params_init(op, params);
  for (int32_t i = 0; param != NULL && i < info->n_params; i++) {
    scion_value v = { .type = SCION_V_INT, .i = value };
    if (strcmp(info->params[i].name, param) == 0) r->status = scion_params_set(r->ctx, op, params, i, &v);
  }
  for (int32_t i = 0; i < n && r->status == SCION_OK; i++) {
    char entry[64];
    snprintf(entry, sizeof entry, "%s.%s", name, info->inputs[i + 1].name);
    scion_entry_kind kind = info->inputs[i + 1].flags & SCION_SF_BUFFER ? SCION_ENTRY_BUFFER : SCION_ENTRY_PARAM;
    r->status = scion_net_add_entry(r->ctx, net, entry, kind, tensors[i], &inputs[i + 1]);
  }
  if (r->status == SCION_OK) r->status = scion_net_add_node(r->ctx, net, name, NULL, op, params, n + 1, inputs, x);
  return r->status;
}
static scion_tensor *filled(run *r, int32_t n_dims, const int64_t *shape) {
  scion_tensor *t = NULL;
  if (r->status != SCION_OK) return NULL;
  own(r, scion_tensor_new(r->ctx, SCION_F32, n_dims, shape, &t), &t);
  for (int64_t i = 0; t != NULL && i < scion_tensor_numel(t); i++) ((float *)scion_tensor_data(t))[i] = 0.05f * (float)((i * 29) % 23 - 9);
  return t;
}
/* Steps of an optimiser on a net. */
static void fit(run *r, scion_net *net, scion_tensor *x, scion_tensor *y, const char *kind, int steps, double *loss) {
  scion_optim *opt = NULL;
  scion_tensor *params[16];
  int32_t n = 0;
  scion_entry_info info;
  for (int32_t i = 0; scion_net_get_entry(net, i, &info); i++)
    if (info.kind == SCION_ENTRY_PARAM && n < 16) params[n++] = info.tensor;
  for (int32_t i = 0; i < n && r->status == SCION_OK; i++) r->status = scion_set_requires_grad(r->ctx, params[i], 1);
  if (r->status == SCION_OK) r->status = scion_optim_new(r->ctx, kind, &opt);
  if (r->status == SCION_OK) r->status = scion_optim_add(r->ctx, opt, params, n, NULL);
  for (int step = 0; step < steps && r->status == SCION_OK; step++) {
    int base = r->n;
    scion_tensor *out = NULL;
    own(r, scion_net_forward(r->ctx, net, &x, 1, NULL, &out, 1), &out);
    scion_tensor *l = apply(r, "cross_entropy", out, y, NULL);
    if (r->status == SCION_OK) r->status = scion_backward(r->ctx, &l, 1, NULL, 0, 0);
    if (r->status == SCION_OK) r->status = scion_optim_step(r->ctx, opt, NULL, NULL, NULL);
    if (r->status == SCION_OK) r->status = scion_tensor_get(r->ctx, l, NULL, loss);
    if (opt != NULL) scion_optim_zero_grad(r->ctx, opt);
    while (r->n > base) scion_tensor_free(r->ctx, r->own[--r->n]);
  }
  if (opt != NULL) scion_optim_free(r->ctx, opt);
}
/* A convolutional net is trained, saved and loaded; its features feed a new head, which is trained and grafted on. */
static scion_status graft(scion_context *ctx, const char *path, double *loss) {
  run r = { .ctx = ctx };
  scion_net *net = NULL, *again = NULL, *trunk = NULL;
  int32_t v = 0, features = 0;
  const int64_t any[4] = { -1, 1, 6, 6 };
  int64_t eight = 8, ids[8];
  for (int i = 0; i < 8; i++) ids[i] = i % 3;
  scion_tensor *x = filled(&r, 4, (int64_t[]){ 8, 1, 6, 6 }), *y = NULL, *out = NULL;
  if (r.status == SCION_OK) own(&r, scion_tensor_from_bytes(ctx, SCION_I64, 1, &eight, ids, sizeof ids, &y), &y);
  scion_tensor *conv[2] = { filled(&r, 4, (int64_t[]){ 2, 1, 3, 3 }), filled(&r, 1, (int64_t[]){ 2 }) };
  scion_tensor *norm[4];
  for (int i = 0; i < 4; i++) norm[i] = filled(&r, 1, (int64_t[]){ 2 });
  for (int i = 0; i < 2 && norm[3] != NULL; i++) ((float *)scion_tensor_data(norm[3]))[i] = 1; /* a variance */
  scion_tensor *fc[2] = { filled(&r, 2, (int64_t[]){ 3, 8 }), filled(&r, 1, (int64_t[]){ 3 }) };
  scion_tensor *head[2] = { filled(&r, 2, (int64_t[]){ 3, 8 }), filled(&r, 1, (int64_t[]){ 3 }) };
  if (r.status == SCION_OK && (r.status = scion_net_new(ctx, &net)) == SCION_OK) {
    r.status = scion_net_add_input(ctx, net, "x", SCION_F32, 4, any, &v);
    layer(&r, net, "conv", "conv2d", &v, 2, conv, NULL, 0);
    layer(&r, net, "norm", "batch_norm", &v, 4, norm, NULL, 0);
    layer(&r, net, "relu", "relu", &v, 0, NULL, NULL, 0);
    layer(&r, net, "pool", "max_pool2d", &v, 0, NULL, "kernel", 2);
    layer(&r, net, "flat", "flatten", &v, 0, NULL, "start_dim", 1);
    layer(&r, net, "fc", "linear", &v, 2, fc, NULL, 0);
    if (r.status == SCION_OK) r.status = scion_net_set_outputs(ctx, net, 1, &v);
    if (r.status == SCION_OK) fit(&r, net, x, y, "adam", 2, loss);
    if (r.status == SCION_OK) r.status = scion_net_save(ctx, net, path);
  }
  if (r.status == SCION_OK) r.status = scion_net_load(ctx, path, NULL, &again);
  if (r.status == SCION_OK) r.status = scion_net_find_value(ctx, again, "flat", &features);
  if (r.status == SCION_OK) r.status = scion_net_extract(ctx, again, 0, NULL, 1, &features, &trunk);
  if (r.status == SCION_OK) {
    scion_net_set_training(trunk, 0);
    v = scion_net_get_output(trunk, 0);
    layer(&r, trunk, "head", "linear", &v, 2, head, NULL, 0);
    if (r.status == SCION_OK) r.status = scion_net_set_outputs(ctx, trunk, 1, &v);
    if (r.status == SCION_OK) fit(&r, trunk, x, y, "sgd", 2, loss);
    int was = scion_set_grad_enabled(ctx, 0);
    if (r.status == SCION_OK) own(&r, scion_net_forward(ctx, trunk, &x, 1, NULL, &out, 1), &out);
    scion_set_grad_enabled(ctx, was);
    if (r.status == SCION_OK) r.status = scion_tensor_get(ctx, out, (int64_t[]){ 7, 2 }, loss);
  }
  scion_net_free(ctx, trunk);
  scion_net_free(ctx, again);
  scion_net_free(ctx, net);
  while (r.n > 0) scion_tensor_free(ctx, r.own[--r.n]);
  return r.status;
}

static const struct { const char *name; scion_status (*run)(scion_context *, const char *, double *); } runs[] = {
  { "training", train }, { "files", files }, { "graft", graft } };

/* Run number `which` with every stride-th allocation failing; the next ones fail too when sticky. */
static int sweep(int which, bool sticky, int64_t stride, const char *path) {
  const char *what = runs[which].name;
  int64_t k, failures = 0, refused_opens = 0, times = 0;
  double expected = 0, loss = 0;
  for (k = 1;; k += stride, times++) {
    meter m = { .fail_at = k, .sticky = sticky };
    scion_config config = SCION_CONFIG_INIT;
    scion_context *ctx = NULL;
    config.alloc = metered;
    config.ud = &m;
    config.threads = 1;
    scion_status status = scion_open(&config, &ctx);
    if (status != SCION_OK) {
      if (status != SCION_ENOMEM || ctx != NULL || m.live != 0) return fprintf(stderr, "open: k %lld: status %d, live %lld\n", (long long)k, (int)status, (long long)m.live), 1;
      refused_opens++;
      continue;
    }
    scion_memory_info before, info; /* the context itself lives there, too */
    scion_memory(ctx, &before);
    status = runs[which].run(ctx, path, &loss);
    bool failed = m.count >= m.fail_at;
    if (status != SCION_OK && status != SCION_ENOMEM) {
      return fprintf(stderr, "%s: k %lld: status %s: %s\n", what, (long long)k, scion_status_str(status), scion_errmsg(ctx)), 1;
    }
    if (status == SCION_ENOMEM) failures++;
    m.fail_at = 0; /* memory is back: the same context works */
    status = runs[which].run(ctx, path, &loss);
    if (status != SCION_OK) return fprintf(stderr, "%s: k %lld: afterwards: %s\n", what, (long long)k, scion_errmsg(ctx)), 1;
    if (times == 0 || expected == 0) expected = loss;
    if (loss != expected) return fprintf(stderr, "%s: k %lld: loss %g afterwards, expected %g\n", what, (long long)k, loss, expected), 1;
    scion_memory(ctx, &info);
    if (info.live != before.live) return fprintf(stderr, "%s: k %lld: %lld bytes of tensors leaked\n", what, (long long)k, (long long)(info.live - before.live)), 1;
    scion_close(ctx);
    if (m.live != 0) return fprintf(stderr, "%s: k %lld: %lld bytes leaked after close\n", what, (long long)k, (long long)m.live), 1;
    if (!failed) break; /* k lies behind the last allocation */
  }
  printf("%s%s: %lld allocations, %lld refused opens, %lld clean failures\n", what, sticky ? ", none after" : "", (long long)(k - 1),
         (long long)refused_opens, (long long)failures);
  return 0;
}

int main(int argc, char **argv) {
  char path[4096];
  if (argc < 3 || atoll(argv[1]) < 1) return fprintf(stderr, "usage: alloc_sweep STRIDE DIR [RUN]\n"), 2;
  snprintf(path, sizeof path, "%s/sweep.scion", argv[2]);
  for (int i = 0; i < (int)(sizeof runs / sizeof *runs); i++) {
    if (argc > 3 && strcmp(argv[3], runs[i].name) != 0) continue;
    for (int sticky = 0; sticky < 2; sticky++)
      if (sweep(i, sticky, atoll(argv[1]), path) != 0) return 1;
  }
  return 0;
}
