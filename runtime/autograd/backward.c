/* backward.c: walking the graph from outputs to leaves (reverse accumulation). Nodes run in reverse order
 * of recording once every use of their outputs has reported, so sums are always formed in one order. */
#include <stdlib.h>

#include "node.h"

typedef struct run_state {
  scion_context *ctx;
  bool create_graph, retain_graph;
  scion_tensor *const *inputs; /* grad(): what is asked for; NULL for backward() */
  int32_t n_inputs;
  scion_tensor **captured;     /* [n_inputs] */
  scion_node **found;          /* every reachable node */
  int32_t n_found, cap_found;
  scion_node **heap;           /* ready nodes, latest first */
  int32_t n_heap, cap_heap;
} run_state;

static scion_status push(scion_context *ctx, scion_node ***list, int32_t *n, int32_t *cap, scion_node *node) {
  if (*n == *cap) {
    int32_t more = *cap == 0 ? 64 : 2 * *cap;
    scion_node **grown = scion__alloc(ctx, (size_t)more * sizeof *grown);
    if (grown == NULL) return SCION_ENOMEM;
    if (*n > 0) memcpy(grown, *list, (size_t)*n * sizeof *grown);
    scion__free(ctx, *list, (size_t)*cap * sizeof *grown);
    *list = grown;
    *cap = more;
  }
  (*list)[(*n)++] = node;
  return SCION_OK;
}

static scion_status heap_push(run_state *r, scion_node *node) {
  SCION_TRY(push(r->ctx, &r->heap, &r->n_heap, &r->cap_heap, node));
  int32_t i = r->n_heap - 1;
  while (i > 0 && r->heap[(i - 1) / 2]->sequence < node->sequence) {
    r->heap[i] = r->heap[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  r->heap[i] = node;
  return SCION_OK;
}
static scion_node *heap_pop(run_state *r) {
  scion_node *top = r->heap[0], *last = r->heap[--r->n_heap];
  int32_t i = 0;
  for (;;) {
    int32_t child = 2 * i + 1;
    if (child >= r->n_heap) break;
    if (child + 1 < r->n_heap && r->heap[child + 1]->sequence > r->heap[child]->sequence) child++;
    if (r->heap[child]->sequence <= last->sequence) break;
    r->heap[i] = r->heap[child];
    i = child;
  }
  if (r->n_heap > 0) r->heap[i] = last;
  return top;
}

static bool asked_leaf(const run_state *r, const scion_tensor *leaf) {
  for (int32_t i = 0; i < r->n_inputs; i++)
    if (r->inputs[i] == leaf) return true;
  return false;
}
static bool asked_node(const run_state *r, const scion_node *node) {
  for (int32_t i = 0; i < r->n_inputs; i++)
    if (r->inputs[i]->grad_fn == node) return true;
  return false;
}

static scion_status visit(run_state *r, scion_node *node) {
  if (node->run == r) return SCION_OK;
  if (node->run != NULL) return scion_fail(r->ctx, SCION_ESTATE, "backward: already running on this graph");
  SCION_TRY(push(r->ctx, &r->found, &r->n_found, &r->cap_found, node));
  node->refs++;
  node->run = r;
  node->wanted = r->inputs == NULL;
  node->pending = 0;
  return SCION_OK;
}

static int by_sequence(const void *a, const void *b) {
  uint64_t x = (*(scion_node *const *)a)->sequence, y = (*(scion_node *const *)b)->sequence;
  return (x > y) - (x < y);
}

/* Finds every reachable node (the list grows while it is read), marks what leads to the inputs asked for,
 * and counts the uses that will report. */
static scion_status discover(run_state *r) {
  uint64_t oldest = 0; /* what was recorded before the oldest input asked for cannot lead to it */
  if (r->inputs != NULL) {
    oldest = UINT64_MAX;
    for (int32_t i = 0; i < r->n_inputs; i++) {
      uint64_t s = r->inputs[i]->grad_fn != NULL ? r->inputs[i]->grad_fn->sequence : 0;
      if (s < oldest) oldest = s;
    }
  }
  for (int32_t i = 0; i < r->n_found; i++) {
    scion_node *node = r->found[i];
    for (int32_t k = 0; k < node->n_in; k++) {
      scion_node *from = node->edges[k].node;
      if (from != NULL && from->sequence >= oldest) SCION_TRY(visit(r, from));
    }
  }
  if (r->inputs != NULL && r->n_found > 0) {
    qsort(r->found, (size_t)r->n_found, sizeof *r->found, by_sequence);
    for (int32_t i = 0; i < r->n_found; i++) {
      scion_node *node = r->found[i];
      for (int32_t k = 0; k < node->n_in && !node->wanted; k++) {
        const scion_edge *e = &node->edges[k];
        if (e->leaf != NULL) node->wanted = asked_leaf(r, e->leaf);
        else if (e->node != NULL && e->node->run == r) node->wanted = e->node->wanted || asked_node(r, e->node);
      }
    }
  }
  for (int32_t i = 0; i < r->n_found; i++) {
    scion_node *node = r->found[i];
    if (!node->wanted) continue;
    for (int32_t k = 0; k < node->n_in; k++)
      if (node->edges[k].node != NULL && node->edges[k].node->run == r) node->edges[k].node->pending++;
  }
  return SCION_OK;
}

static bool exclusive(const scion_tensor *t) {
  return t->refs == 1 && t->contiguous && t->grad_fn == NULL && t->storage->owned && atomic_load(&t->storage->refs) == 1;
}

/* sum += g; takes over g. Buffers that nobody else sees are added to in place. */
static scion_status accumulate(run_state *r, scion_tensor **sum, scion_tensor *g) {
  scion_context *ctx = r->ctx;
  if (*sum == NULL) {
    *sum = g;
    return SCION_OK;
  }
  scion_tensor *both, *pair[2] = { *sum, g };
  scion_status st;
  if (!r->create_graph && exclusive(*sum)) {
    st = scion_apply_inplace(ctx, &scion__op_add, pair, 2, NULL);
  } else {
    st = scion_apply(ctx, &scion__op_add, pair, 2, NULL, &both, 1);
    if (st == SCION_OK) {
      scion_tensor_free(ctx, *sum);
      *sum = both;
    }
  }
  scion_tensor_free(ctx, g);
  return st;
}

static scion_status run_hooks(scion_context *ctx, scion_hook *hooks, uint32_t index, scion_tensor **grad) {
  for (scion_hook *h = hooks, *next; h != NULL; h = next) {
    next = h->next;
    if (h->index == index && *grad != NULL) SCION_TRY(h->fn(ctx, h->ud, grad));
  }
  return SCION_OK;
}

/* leaf.grad += g. A first gradient that somebody else may still read is copied. */
static scion_status add_to_leaf(run_state *r, scion_tensor *leaf, scion_tensor *g) {
  scion_context *ctx = r->ctx;
  scion_tensor *old = scion_get_grad(leaf), *fresh = NULL, *pair[2] = { old, g };
  if (old != NULL && !r->create_graph && !old->expanded && old->grad_fn == NULL) {
    return scion_apply_inplace(ctx, &scion__op_add, pair, 2, NULL);
  }
  if (old != NULL) SCION_TRY(scion_apply(ctx, &scion__op_add, pair, 2, NULL, &fresh, 1));
  else if (r->create_graph || exclusive(g)) fresh = scion_tensor_ref(g);
  else {
    SCION_TRY(scion__tensor_alloc(ctx, g->dtype, g->n_dims, g->shape, &fresh));
    scion__tensor_copy_into(ctx, fresh, g);
  }
  scion_set_grad(ctx, leaf, fresh);
  bool stored = scion_get_grad(leaf) == fresh;
  scion_tensor_free(ctx, fresh);
  return stored ? SCION_OK : SCION_ENOMEM;
}

/* A leaf receives its part: backward() adds to .grad, grad() to the results. Takes over g. */
static scion_status give_leaf(run_state *r, scion_tensor *leaf, scion_tensor *g) {
  scion_context *ctx = r->ctx;
  scion_status st = SCION_OK;
  if (leaf->meta != NULL && leaf->meta->hooks != NULL) st = run_hooks(ctx, leaf->meta->hooks, 0, &g);
  if (st == SCION_OK && g != NULL && r->inputs == NULL) st = add_to_leaf(r, leaf, g);
  for (int32_t i = 0; st == SCION_OK && r->inputs != NULL && i < r->n_inputs; i++) {
    if (r->inputs[i] == leaf) st = accumulate(r, &r->captured[i], scion_tensor_ref(g));
  }
  scion_tensor_free(ctx, g);
  return st;
}

static scion_status check_version(scion_context *ctx, const scion_node *node, const char *what, int32_t i,
                                  const scion_tensor *t, uint64_t kept) {
  if (t == NULL || kept == SCION_NOT_KEPT || t->storage->version == kept) return SCION_OK;
  return scion_fail(ctx, SCION_ESTATE, "backward: %s %d of %s was changed in place after it was used (it is at version %llu, the "
                    "gradient needs version %llu); clone it before changing it", what, i + ctx->index_base, node->op->info.name,
                    (unsigned long long)t->storage->version, (unsigned long long)kept);
}

/* Second order of an op that has no rule for any order: differentiate its compose, on aliases of the kept
 * inputs so that the walk stops there. */
static scion_status replay(run_state *r, scion_node *node, const bool *needs, scion_tensor **dx) {
  scion_context *ctx = r->ctx;
  const scion_op *op = node->op;
  if (node->n_in > SCION_MAX_INPUTS) {
    return scion_fail(ctx, SCION_EUNSUPPORTED, "%s: more than %d inputs in a second-order gradient", op->info.name, SCION_MAX_INPUTS);
  }
  scion_x x;
  scion_tensor *in[SCION_MAX_INPUTS], *asked[SCION_MAX_INPUTS], *result[SCION_MAX_INPUTS];
  scion_tensor *y[SCION_MAX_OUTPUTS] = { NULL }, *ys[SCION_MAX_OUTPUTS], *dys[SCION_MAX_OUTPUTS];
  int32_t which[SCION_MAX_INPUTS], n_asked = 0, n_y = 0;
  scion__x_init(&x, ctx);
  for (int32_t i = 0; i < node->n_in; i++) {
    in[i] = node->in[i];
    if (in[i] == NULL || !needs[i]) continue;
    in[i] = x_reshape(&x, node->in[i], node->in[i]->n_dims, node->in[i]->shape);
    asked[n_asked] = in[i];
    which[n_asked++] = i;
  }
  scion_call c = { .ctx = ctx, .op = op, .params = node->params, .in = in, .n_in = node->n_in, .n_out = node->n_out };
  if (x.status == SCION_OK) x.status = op->infer(&c);
  if (x.status == SCION_OK) op->compose(&x, &c, y);
  for (int32_t i = 0; i < node->n_out && x.status == SCION_OK; i++) {
    if (node->grads[i] == NULL || y[i] == NULL || y[i]->grad_fn == NULL) continue;
    ys[n_y] = y[i];
    dys[n_y++] = node->grads[i];
  }
  if (x.status == SCION_OK && n_y > 0) {
    x.status = scion_grad(ctx, ys, n_y, asked, n_asked, dys, 1, 1, 1, result);
    for (int32_t k = 0; k < n_asked && x.status == SCION_OK; k++) dx[which[k]] = result[k];
  }
  return scion__x_done(&x);
}

static scion_status call_rule(run_state *r, scion_node *node, scion_tensor **dx, const bool *needs) {
  scion_context *ctx = r->ctx;
  const scion_op *op = node->op;
  if (op == NULL) return node->custom.backward(ctx, node->custom.ud, node->grads, node->n_out, dx, node->n_in);
  for (int32_t i = 0; i < node->n_in; i++) SCION_TRY(check_version(ctx, node, "input", i, node->in[i], node->in_version[i]));
  for (int32_t i = 0; i < node->n_out; i++) SCION_TRY(check_version(ctx, node, "output", i, node->out[i], node->out_version[i]));
  bool fused = op->grad_fused != NULL && !r->create_graph;
  if (!fused && op->grad == NULL) {
    if (op->compose != NULL) {
      bool old = ctx->grad_enabled;
      ctx->grad_enabled = true; /* first order without a fused rule comes here, too */
      scion_status st = replay(r, node, needs, dx);
      ctx->grad_enabled = old;
      return st;
    }
    return scion_fail(ctx, SCION_EUNSUPPORTED, "%s: has no %sgradient", op->info.name, op->grad_fused != NULL ? "second-order " : "");
  }
  scion_tensor *out[SCION_MAX_OUTPUTS];
  scion_grad_call g = { .op = op, .params = node->params, .in = node->in, .n_in = node->n_in, .out = out, .n_out = node->n_out,
                        .dy = node->grads, .dx = dx, .needs = needs };
  scion__x_init(&g.x, ctx);
  for (int32_t i = 0; i < node->n_out; i++) {
    out[i] = node->out[i];
    if (!r->create_graph || out[i] == NULL || node->out_version[i] == SCION_NOT_KEPT || !scion__is_float(out[i]->dtype)) continue;
    out[i] = x_detach(&g.x, node->out[i]); /* a kept output gets its history back */
    if (out[i] != NULL) scion__set_history(out[i], node, (uint32_t)i);
  }
  if (g.x.status == SCION_OK && fused) {
    scion_status st = op->grad_fused(&g);
    if (g.x.status == SCION_OK) g.x.status = st;
  } else if (g.x.status == SCION_OK) {
    op->grad(&g);
  }
  return scion__x_done(&g.x);
}

static scion_status check_grad(scion_context *ctx, const scion_node *node, int32_t i, const scion_tensor *g) {
  const scion_tensor *x = node->in[i];
  if (x == NULL || (scion__same_shape(g, x) && g->dtype == x->dtype)) return SCION_OK;
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  return scion_fail(ctx, SCION_ESHAPE, "backward: %s gave a gradient %s for its input %d of %s",
                    node->op != NULL ? node->op->info.name : node->custom.name, scion__tensor_brief(a, g), i + ctx->index_base,
                    scion__tensor_brief(b, x));
}

static scion_status run_node(run_state *r, scion_node *node) {
  scion_context *ctx = r->ctx;
  bool any = false;
  for (int32_t i = 0; i < node->n_out; i++) {
    if (node->hooks != NULL && node->grads[i] != NULL) SCION_TRY(run_hooks(ctx, node->hooks, (uint32_t)i, &node->grads[i]));
    any = any || node->grads[i] != NULL;
  }
  for (int32_t i = 0; r->inputs != NULL && i < r->n_inputs; i++) {
    scion_tensor *t = r->inputs[i];
    if (t->grad_fn != node || node->grads[t->output_index] == NULL) continue;
    scion_tensor_free(ctx, r->captured[i]);
    r->captured[i] = scion_tensor_ref(node->grads[t->output_index]);
  }
  if (!node->wanted) return SCION_OK;
  scion_tensor *few_dx[SCION_MAX_INPUTS] = { NULL }, **dx = few_dx;
  bool few_needs[SCION_MAX_INPUTS], *needs = few_needs;
  size_t bytes = (size_t)node->n_in * (sizeof *dx + sizeof *needs);
  if (node->n_in > SCION_MAX_INPUTS) {
    dx = scion__calloc(ctx, bytes);
    if (dx == NULL) return SCION_ENOMEM;
    needs = (bool *)(dx + node->n_in);
  }
  for (int32_t i = 0; i < node->n_in; i++) {
    const scion_edge *e = &node->edges[i];
    needs[i] = e->leaf != NULL ? r->inputs == NULL || asked_leaf(r, e->leaf)
                               : e->node != NULL && e->node->run == r && (e->node->wanted || asked_node(r, e->node));
  }
  scion_status st = SCION_OK;
  if (any && node->released) {
    st = scion_fail(ctx, SCION_ESTATE, "backward: the graph was released by an earlier backward; pass retain_graph = true to that one");
  } else if (any) {
    st = call_rule(r, node, dx, needs);
    if (st != SCION_OK && st != SCION_ECALLBACK && node->op != NULL && strncmp(ctx->message, "backward", 8) != 0) {
      scion_fail(ctx, st, "backward of %s: %s", node->op->info.name, ctx->message);
    }
  }
  for (int32_t i = 0; i < node->n_in; i++) {
    const scion_edge *e = &node->edges[i];
    scion_tensor *g = dx[i];
    if (st == SCION_OK && g != NULL && needs[i]) st = check_grad(ctx, node, i, g);
    if (g != NULL && (st != SCION_OK || !needs[i])) scion_tensor_free(ctx, g);
    else if (g != NULL) st = e->leaf != NULL ? give_leaf(r, e->leaf, g) : accumulate(r, &e->node->grads[e->index], g);
    if (e->node != NULL && e->node->run == r && --e->node->pending == 0 && st == SCION_OK) st = heap_push(r, e->node);
  }
  if (dx != few_dx) scion__free(ctx, dx, bytes);
  if (st == SCION_OK && !r->retain_graph) scion__node_release_kept(ctx, node);
  for (int32_t i = 0; i < node->n_out; i++) {
    scion_tensor_free(ctx, node->grads[i]);
    node->grads[i] = NULL;
  }
  return st;
}

static scion_status seed(run_state *r, scion_tensor *const *outputs, int32_t n, scion_tensor *const *grad_outputs) {
  scion_context *ctx = r->ctx;
  for (int32_t i = 0; i < n; i++) {
    scion_tensor *y = outputs[i], *g = grad_outputs != NULL ? grad_outputs[i] : NULL;
    if (y == NULL) return scion_fail(ctx, SCION_EINVAL, "backward: output %d is missing", i + ctx->index_base);
    if (!scion__records(y)) {
      return scion_fail(ctx, SCION_ESTATE, "backward: output %d does not depend on anything that requires a gradient", i + ctx->index_base);
    }
    char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
    if (g == NULL && y->numel != 1) {
      return scion_fail(ctx, SCION_ESHAPE, "backward: output %d is %s; only a single number has an implicit gradient, give grad_outputs "
                        "or reduce it", i + ctx->index_base, scion__tensor_brief(a, y));
    }
    if (g != NULL && (!scion__same_shape(g, y) || g->dtype != y->dtype)) {
      return scion_fail(ctx, SCION_ESHAPE, "backward: grad_outputs %d is %s, the output is %s", i + ctx->index_base, scion__tensor_brief(a, g),
                        scion__tensor_brief(b, y));
    }
    if (y->grad_fn == NULL) continue;
    SCION_TRY(visit(r, y->grad_fn));
  }
  SCION_TRY(discover(r));
  for (int32_t i = 0; i < n; i++) {
    scion_tensor *y = outputs[i], *g = grad_outputs != NULL ? scion_tensor_ref(grad_outputs[i]) : NULL;
    if (g == NULL) {
      SCION_TRY(scion__tensor_alloc(ctx, y->dtype, y->n_dims, y->shape, &g));
      scion__tensor_fill(ctx, g, 1);
    }
    if (y->grad_fn != NULL) SCION_TRY(accumulate(r, &y->grad_fn->grads[y->output_index], g));
    else SCION_TRY(give_leaf(r, y, g));
  }
  for (int32_t i = 0; i < r->n_found; i++)
    if (r->found[i]->pending == 0) SCION_TRY(heap_push(r, r->found[i]));
  return SCION_OK;
}

static scion_status differentiate(run_state *r, scion_tensor *const *outputs, int32_t n, scion_tensor *const *grad_outputs) {
  scion_context *ctx = r->ctx;
  int was_enabled = scion_set_grad_enabled(ctx, r->create_graph);
  scion_status st = seed(r, outputs, n, grad_outputs);
  while (st == SCION_OK && r->n_heap > 0) st = run_node(r, heap_pop(r));
  for (int32_t i = 0; i < r->n_found; i++) {
    scion_node *node = r->found[i];
    node->run = NULL;
    for (int32_t k = 0; k < node->n_out; k++) {
      scion_tensor_free(ctx, node->grads[k]);
      node->grads[k] = NULL;
    }
    scion__node_unref(ctx, node);
  }
  scion__free(ctx, r->found, (size_t)r->cap_found * sizeof *r->found);
  scion__free(ctx, r->heap, (size_t)r->cap_heap * sizeof *r->heap);
  scion_set_grad_enabled(ctx, was_enabled);
  return st;
}

scion_status scion_backward(scion_context *ctx, scion_tensor *const *outputs, int32_t n_outputs,
                            scion_tensor *const *grad_outputs, int create_graph, int retain_graph) {
  run_state r = { .ctx = ctx, .create_graph = create_graph != 0,
                  .retain_graph = retain_graph < 0 ? create_graph != 0 : retain_graph != 0 };
  return differentiate(&r, outputs, n_outputs, grad_outputs);
}

scion_status scion_grad(scion_context *ctx, scion_tensor *const *outputs, int32_t n_outputs, scion_tensor *const *inputs,
                        int32_t n_inputs, scion_tensor *const *grad_outputs, int create_graph, int retain_graph,
                        int allow_unused, scion_tensor **grads) {
  for (int32_t i = 0; i < n_inputs; i++) grads[i] = NULL;
  for (int32_t i = 0; i < n_inputs; i++) {
    if (inputs[i] == NULL) return scion_fail(ctx, SCION_EINVAL, "grad: input %d is missing", i + ctx->index_base);
    if (!scion__records(inputs[i])) return scion_fail(ctx, SCION_ESTATE, "grad: input %d does not require a gradient", i + ctx->index_base);
  }
  run_state r = { .ctx = ctx, .create_graph = create_graph != 0, .inputs = inputs, .n_inputs = n_inputs, .captured = grads,
                  .retain_graph = retain_graph < 0 ? create_graph != 0 : retain_graph != 0 };
  scion_status st = differentiate(&r, outputs, n_outputs, grad_outputs);
  for (int32_t i = 0; st == SCION_OK && i < n_inputs && !allow_unused; i++) {
    if (grads[i] == NULL) {
      st = scion_fail(ctx, SCION_EINVAL, "grad: the outputs do not depend on input %d (pass allow_unused = true to get none)", i + ctx->index_base);
    }
  }
  for (int32_t i = 0; st != SCION_OK && i < n_inputs; i++) {
    scion_tensor_free(ctx, grads[i]);
    grads[i] = NULL;
  }
  return st;
}
