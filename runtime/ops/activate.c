/* activate.c: activation kernels over tensors: forward with parameters, gradients in one pass. */
#include "activate.h"

#define GRAIN 16384

typedef struct {
  int32_t kind, is_f64;
  int64_t size;
  const char *a, *dy; /* dy NULL: forward */
  char *y;
  double p, q;
} activate_job;

static void run(void *ud, int64_t begin, int64_t end) {
  const activate_job *j = ud;
  int64_t at = begin * j->size;
  if (j->dy == NULL) scion__k->activate(j->kind, j->is_f64, end - begin, j->a + at, j->y + at, j->p, j->q);
  else scion__k->activate_slope(j->kind, j->is_f64, end - begin, j->a + at, j->dy + at, j->y + at, j->p, j->q);
}

scion_status scion__activate(scion_call *c, int32_t kind, double p, double q) {
  scion_tensor *a, *y = c->out[0], *packed = NULL;
  SCION_TRY(scion__packed_in(c, 0, &a));
  scion_status st = SCION_OK;
  if (!y->contiguous) st = scion__tensor_alloc(c->ctx, y->dtype, y->n_dims, y->shape, &packed); /* in place on a strided view */
  if (st == SCION_OK) {
    char *to = packed != NULL ? packed->data : y->data;
    activate_job j = { kind, a->dtype == SCION_F64, (int64_t)scion_dtype_size((scion_dtype)a->dtype), a->data, NULL, to, p, q };
    scion__parallel_range(c->ctx, a->numel, GRAIN, run, &j);
    if (packed != NULL) st = scion__tensor_copy_into(c->ctx, y, packed);
  }
  scion_tensor_free(c->ctx, packed);
  scion_tensor_free(c->ctx, a);
  return st;
}

scion_status scion__activate_grad(scion_grad_call *g, int32_t kind, scion_tensor *v, double p, double q) {
  scion_context *ctx = g->x.ctx;
  scion_tensor *packed = NULL, *dy = NULL, *dx = NULL;
  scion_status st = scion__tensor_packed(ctx, v, &packed);
  if (st == SCION_OK) st = scion__tensor_packed(ctx, g->dy[0], &dy);
  if (st == SCION_OK) st = scion__tensor_alloc(ctx, v->dtype, v->n_dims, v->shape, &dx);
  if (st == SCION_OK) {
    activate_job j = { kind, v->dtype == SCION_F64, (int64_t)scion_dtype_size((scion_dtype)v->dtype), packed->data, dy->data, dx->data, p, q };
    scion__parallel_range(ctx, v->numel, GRAIN, run, &j);
    scion__g_set(g, 0, dx);
  }
  scion_tensor_free(ctx, packed);
  scion_tensor_free(ctx, dy);
  scion_tensor_free(ctx, dx);
  return st;
}
