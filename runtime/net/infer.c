/* infer.c: shapes, element types and costs of all values without computing them: the ops' own rules on tensors
 * without data. Small values that follow from shapes are computed; layers whose shape depends on other values, and host
 * functions, are run on zeros. */
#include "net.h"

static scion_status zeros_like(scion_context *ctx, const scion_tensor *t, scion_tensor **out) {
  return scion_tensor_new(ctx, (scion_dtype)t->dtype, t->n_dims, t->shape, out);
}

/* Shapes of one node's outputs by running it on zeros (entries take part as they are). */
static scion_status run_on_zeros(scion_context *ctx, const net_node *n, void *host, scion_tensor *const *in, scion_tensor **real,
                                 scion_net_shape *out) {
  scion_tensor *made[SCION_MAX_OUTPUTS] = { NULL };
  scion_status st = SCION_OK;
  for (int32_t i = 0; i < n->n_in; i++) real[i] = NULL;
  for (int32_t i = 0; i < n->n_in && st == SCION_OK; i++) {
    if (in[i] == NULL) continue;
    if (in[i]->storage != NULL) real[i] = scion_tensor_ref(in[i]);
    else st = zeros_like(ctx, in[i], &real[i]);
  }
  int was = scion_set_grad_enabled(ctx, 0);
  if (st == SCION_OK) st = net__run_node(ctx, n, false, host, n->n_in, real, made);
  scion_set_grad_enabled(ctx, was);
  for (int32_t i = 0; i < n->n_out && st == SCION_OK; i++) {
    out[i].dtype = made[i]->dtype;
    out[i].n_dims = made[i]->n_dims;
    memcpy(out[i].shape, made[i]->shape, (size_t)made[i]->n_dims * sizeof *made[i]->shape);
  }
  for (int32_t i = 0; i < n->n_out; i++) scion_tensor_free(ctx, made[i]);
  for (int32_t i = 0; i < n->n_in; i++) scion_tensor_free(ctx, real[i]);
  return st;
}

/* Shape arithmetic (shape_of and what is computed from it) is done for real: real[i] is set to the outputs. */
#define SMALL 4096
static bool computes_shapes(const net_node *n, scion_tensor *const *in) {
  if (n->op == NULL || n->n_in == 0 || (n->op->info.flags & SCION_OF_RANDOM)) return false;
  if (n->op == &scion__op_shape_of) return true;
  for (int32_t i = 0; i < n->n_in; i++)
    if (in[i] != NULL && (in[i]->storage == NULL || in[i]->numel > SMALL)) return false;
  return true;
}
static scion_status run_small(scion_context *ctx, const net_node *n, void *host, scion_tensor *const *in, scion_tensor **made, scion_net_shape *out) {
  scion_tensor *shaped = NULL, *zero = NULL;
  scion_tensor *const *given = in;
  scion_status st = SCION_OK;
  int was = scion_set_grad_enabled(ctx, 0);
  if (n->op == &scion__op_shape_of && in[0] != NULL && in[0]->storage == NULL) { /* one zero in place of the data */
    static const int64_t strides[SCION_MAX_DIMS] = { 0 };
    st = scion_tensor_scalar(ctx, (scion_dtype)in[0]->dtype, 0, &zero);
    if (st == SCION_OK) st = scion__tensor_view(ctx, zero, in[0]->n_dims, in[0]->shape, strides, 0, &shaped);
    given = &shaped;
  }
  if (st == SCION_OK) st = net__run_node(ctx, n, false, host, n->n_in, given, made);
  scion_set_grad_enabled(ctx, was);
  for (int32_t i = 0; i < n->n_out && st == SCION_OK; i++) {
    out[i].dtype = made[i]->dtype;
    out[i].n_dims = made[i]->n_dims;
    memcpy(out[i].shape, made[i]->shape, (size_t)made[i]->n_dims * sizeof *made[i]->shape);
  }
  scion_tensor_free(ctx, shaped);
  scion_tensor_free(ctx, zero);
  return st;
}

static scion_status infer_node(scion_context *ctx, const net_node *n, void *host, scion_tensor *const *in, scion_tensor **room,
                               scion_net_shape *out, double *cost) {
  bool known = n->op != NULL && !(n->op->info.flags & SCION_OF_DYNAMIC);
  *cost = 0;
  if (known) {
    _Alignas(16) char params[NET_MAX_PARAMS];
    scion_call c = { .ctx = ctx, .op = n->op, .params = n->params, .in = in, .n_in = n->n_in, .n_out = n->op->info.n_outputs };
    if (n->training_offset >= 0) {
      memcpy(params, n->params, n->op->info.params_size);
      *(int32_t *)(void *)(params + n->training_offset) = 0;
      c.params = params;
    }
    for (int32_t i = 0; i < c.n_out; i++) c.meta[i].dtype = -2;
    scion_status st = n->op->infer(&c);
    if (st != SCION_OK) return net__blame(ctx, n, st);
    for (int32_t i = 0; i < n->n_out; i++) {
      known = known && c.meta[i].dtype != -2;
      out[i].dtype = c.meta[i].dtype;
      out[i].n_dims = c.meta[i].n_dims;
      memcpy(out[i].shape, c.meta[i].shape, sizeof out[i].shape);
    }
    if (known) {
      double bytes = 0;
      for (int32_t i = 0; i < n->n_out; i++) {
        double numel = 1;
        for (int32_t d = 0; d < out[i].n_dims; d++) numel *= (double)out[i].shape[d];
        *cost += out[i].dtype >= 0 ? numel : 0;
      }
      if (n->op->info.flags & SCION_OF_VIEW) *cost = 0;
      if (n->op->cost != NULL) *cost = n->op->cost(&c, &bytes);
      return SCION_OK;
    }
  }
  return run_on_zeros(ctx, n, host, in, room, out);
}

scion_status scion_net_infer(scion_context *ctx, scion_net *net, const scion_net_shape *inputs, int32_t n_inputs, void *host,
                             scion_net_shape *values, double *costs) {
  if (n_inputs != net->inputs.n) return scion_fail(ctx, SCION_EINVAL, "net:summary: %d input shapes given, the net has %d inputs", n_inputs, net->inputs.n);
  for (int32_t i = 0; i < n_inputs; i++) {
    for (int32_t d = 0; d < inputs[i].n_dims; d++) {
      if (inputs[i].shape[d] < 0) {
        return scion_fail(ctx, SCION_ESHAPE, "net:summary: dimension %d of input '%s' is %lld; all sizes must be given", d,
                          net__input(net, i)->item.name, (long long)inputs[i].shape[d]);
      }
    }
  }
  int32_t most = 1, n_values = net->n_values;
  for (int32_t i = 0; i < net->nodes.n; i++)
    if (net__node(net, i)->n_in > most) most = net__node(net, i)->n_in;
  size_t bytes = (size_t)(n_values + 1 + 2 * most) * sizeof(scion_tensor *), mark_bytes = (size_t)net->nodes.n + 1;
  scion_tensor **tensors = scion__calloc(ctx, bytes), **in, **room; /* without data, by value; then workspace */
  bool *marks = scion__alloc(ctx, mark_bytes);
  scion_status st = tensors != NULL && marks != NULL ? SCION_OK : SCION_ENOMEM;
  if (st != SCION_OK) goto done;
  in = tensors + n_values + 1;
  room = in + most;
  net->running++;
  net__mark(net, net->n_outputs, net->outputs, NULL, marks);
  for (int32_t v = 0; v < n_values; v++) values[v].dtype = values[v].n_dims = -1;
  for (int32_t i = 0; i < n_inputs && st == SCION_OK; i++) {
    int32_t v = net__input(net, i)->value;
    values[v] = inputs[i];
    if (inputs[i].n_dims < 0) continue;
    if (values[v].dtype < 0) values[v].dtype = net__input(net, i)->shape.dtype >= 0 ? net__input(net, i)->shape.dtype : SCION_F32;
    st = scion__tensor_shape_only(ctx, values[v].dtype, inputs[i].n_dims, inputs[i].shape, &tensors[v]);
  }
  for (int32_t i = 0; i < net->entries.n && st == SCION_OK; i++) {
    net_entry *e = net__entry(net, i);
    values[e->value].dtype = e->tensor->dtype;
    values[e->value].n_dims = e->tensor->n_dims;
    memcpy(values[e->value].shape, e->tensor->shape, (size_t)e->tensor->n_dims * sizeof(int64_t));
    tensors[e->value] = scion_tensor_ref(e->tensor);
  }
  for (int32_t i = 0; i < net->nodes.n && st == SCION_OK; i++) {
    const net_node *n = net__node(net, i);
    scion_net_shape out[SCION_MAX_OUTPUTS];
    double cost = 0;
    if (costs != NULL) costs[i] = 0;
    if (!marks[i]) continue;
    for (int32_t j = 0; j < n->n_in && st == SCION_OK; j++) {
      in[j] = n->in[j] >= 0 ? tensors[n->in[j]] : NULL;
      if (n->in[j] >= 0 && in[j] == NULL) {
        st = scion_fail(ctx, SCION_EINVAL, "net:summary: the shape of input '%s' is needed by layer '%s'", net->values[n->in[j]].item->name,
                        n->item.name);
      }
    }
    scion_tensor *made[SCION_MAX_OUTPUTS] = { NULL };
    bool small = st == SCION_OK && computes_shapes(n, in);
    if (small) st = run_small(ctx, n, host, in, made, out);
    else if (st == SCION_OK) st = infer_node(ctx, n, host, in, room, out, &cost);
    for (int32_t j = 0; j < n->n_out && st == SCION_OK; j++) {
      values[n->out[j]] = out[j];
      tensors[n->out[j]] = made[j];
      made[j] = NULL;
      if (small) continue;
      if (out[j].dtype >= 0) st = scion__tensor_shape_only(ctx, out[j].dtype, out[j].n_dims, out[j].shape, &tensors[n->out[j]]);
    }
    if (costs != NULL) costs[i] = cost;
  }
  net->running--;
done:
  for (int32_t v = 0; tensors != NULL && v < n_values; v++) scion_tensor_free(ctx, tensors[v]);
  if (tensors != NULL) scion__free(ctx, tensors, bytes);
  if (marks != NULL) scion__free(ctx, marks, mark_bytes);
  return st;
}
