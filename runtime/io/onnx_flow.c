/* onnx_flow.c: functions of the model, If, Loop and Scan. A net has no jumps: a function or an inner graph is written out where it is used,
 * once for every turn of a loop, so that the result can be cut, trained and saved like any other net. Therefore the number of turns has to
 * be known; an If whose condition is computed runs both branches and chooses between what they give. */
#include <stdio.h>

#include "onnx.h"

#define OP(name) (&scion__op_##name)
#define IN(i) scion__onnx_in(o, i)
#define MAX_DEPTH 16       /* functions and inner graphs within each other */
#define MAX_WRITTEN 4000   /* nodes that come from them, and one more for every 256 bytes of the file: memory that it justifies */
#define MAX_VALUES 64      /* inputs or outputs of an inner graph */

/* ---- scopes ------------------------------------------------------------------------------------------------------ */

/* What a node's own work changes, put back when the nodes within are done. */
typedef struct scope {
  scion_onnx_node *node;
  const scion_onnx_frame *frame;
  char prefix[sizeof ((scion_onnx *)0)->prefix], layer[sizeof ((scion_onnx *)0)->layer];
  bool named;
  int32_t first, begin;
  int64_t opset;
} scope;
static scion_status enter(scion_onnx *o, scope *s, int64_t turn) { /* turn: of a loop, from 0; -1: none */
  if (o->depth == MAX_DEPTH) return scion__onnx_fail(o, "functions and inner graphs are more than %d deep", MAX_DEPTH);
  *s = (scope){ .node = o->node, .frame = o->frame, .named = o->named, .first = o->first, .begin = o->n_values, .opset = o->opset };
  memcpy(s->layer, o->layer, sizeof s->layer);
  memcpy(s->prefix, o->prefix, sizeof s->prefix);
  o->depth++;
  if (turn < 0) snprintf(o->prefix, sizeof o->prefix, "%.159s", s->layer);
  else snprintf(o->prefix, sizeof o->prefix, "%.130s.%lld", s->layer, (long long)turn + 1);
  return SCION_OK;
}
static void leave(scion_onnx *o, const scope *s) {
  int32_t below = s->begin - 1;
  if (below >= 0 && o->values[below].closed) below = o->values[below].below; /* the turns of a loop are passed over at once */
  for (int32_t i = s->begin; i < o->n_values; i++) o->values[i].closed = true, o->values[i].below = below;
  o->depth--;
  o->node = s->node;
  o->frame = s->frame;
  memcpy(o->prefix, s->prefix, sizeof s->prefix);
  o->named = s->named;
  o->first = s->first;
  o->opset = s->opset;
  memcpy(o->layer, s->layer, sizeof s->layer);
}
/* Nodes are field `nodes` of the message, names of its outputs field `outputs` (a text, or a message whose field 1 it is). */
static scion_status run_body(scion_onnx *o, scion_pb body, uint32_t nodes, uint32_t outputs, int32_t room, int32_t *out, int32_t *n_out) {
  scion_pb_field f, e;
  scion_pb g = body;
  while (scion__pb_next(&g, &f)) {
    if (f.number != nodes || f.wire != 2) continue;
    int64_t most = MAX_WRITTEN + (o->model.end - o->model.p) / 256;
    o->hopeless = ++o->written_out > most;
    if (o->hopeless) return scion_fail(o->ctx, SCION_EUNSUPPORTED, "%s: functions, branches and loops come to more than %lld layers", o->path, (long long)most);
    SCION_TRY(scion__onnx_import_node(o, body, f.sub));
  }
  if (g.bad) return scion__onnx_damaged(o, "a function or an inner graph is damaged");
  *n_out = 0;
  for (g = body; scion__pb_next(&g, &f);) {
    if (f.number != outputs || f.wire != 2) continue;
    scion_pb name = f.sub;
    if (outputs != 5) {
      name = (scion_pb){ 0 };
      while (scion__pb_next(&f.sub, &e)) if (e.number == 1 && e.wire == 2) name = e.sub;
    }
    int32_t v = name.p == NULL ? -1 : scion__onnx_find(o, &name);
    if (v >= 0 && o->values[v].absent) v = -1;
    if (v < 0) return scion__onnx_damaged(o, "an output of a function or an inner graph is computed by no node");
    if (*n_out == room) return scion__onnx_damaged(o, "a function or an inner graph has more outputs than its node");
    out[(*n_out)++] = v;
  }
  return SCION_OK;
}
static scion_status run_graph(scion_onnx *o, scion_pb graph, int32_t *out, int32_t *n_out) {
  SCION_TRY(scion__onnx_weights(o, graph));
  return run_body(o, graph, 1, 12, MAX_VALUES, out, n_out);
}
/* Name of input i of an inner graph. */
static bool input_name(scion_pb graph, int32_t i, scion_pb *name) {
  scion_pb_field f, e;
  while (scion__pb_next(&graph, &f)) {
    if (f.number != 11 || f.wire != 2 || i-- > 0) continue;
    while (scion__pb_next(&f.sub, &e)) {
      if (e.number != 1 || e.wire != 2) continue;
      *name = e.sub;
      return true;
    }
    return false;
  }
  return false;
}
static scion_status bind_inputs(scion_onnx *o, scion_pb graph, int32_t n, const int32_t *v) {
  for (int32_t i = 0; i < n; i++) {
    scion_pb name;
    if (!input_name(graph, i, &name)) return scion__onnx_damaged(o, "an inner graph has fewer inputs than its node gives");
    SCION_TRY(scion__onnx_bind(o, v[i], &name));
  }
  return SCION_OK;
}

/* ---- functions ------------------------------------------------------------------------------------------------------- */

static bool same_text(const scion_pb *a, const scion_pb *b) {
  return a->end - a->p == b->end - b->p && (a->end == a->p || memcmp(a->p, b->p, (size_t)(a->end - a->p)) == 0);
}
bool scion__onnx_function(const scion_onnx *o, const scion_pb *domain, const scion_pb *name, scion_pb *out) {
  scion_pb m = o->model;
  scion_pb_field f, g;
  while (scion__pb_next(&m, &f)) {
    if (f.number != 25 || f.wire != 2) continue;
    scion_pb inner = f.sub, own = { 0 }, its = { 0 };
    while (scion__pb_next(&inner, &g)) {
      if (g.wire != 2) continue;
      if (g.number == 1) own = g.sub;
      if (g.number == 10) its = g.sub;
    }
    if (own.p == NULL || !same_text(&own, name) || !same_text(&its, domain)) continue;
    *out = f.sub;
    return true;
  }
  return false;
}
scion_status scion__onnx_call(scion_onnx *o, scion_pb function, int32_t *out) {
  scope s;
  scion_pb_field f, e;
  SCION_TRY(enter(o, &s, -1));
  const scion_onnx_frame frame = { s.node->attributes, function, s.frame };
  scion_status st = SCION_OK;
  int32_t i = 0, n;
  for (scion_pb m = function; st == SCION_OK && scion__pb_next(&m, &f);) { /* inputs under the function's names */
    if (f.number == 4 && f.wire == 2) st = scion__onnx_bind(o, i < s.node->n_in ? s.node->in[i] : -1, &f.sub), i++;
    if (f.number != 9 || f.wire != 2) continue;
    scion_pb domain = { 0 };
    int64_t version = 0;
    while (scion__pb_next(&f.sub, &e)) {
      if (e.number == 1 && e.wire == 2) domain = e.sub;
      if (e.number == 2 && e.wire == 0) version = (int64_t)e.v;
    }
    if (version > 0 && (domain.p == domain.end || scion__pb_is(&domain, "ai.onnx"))) o->opset = version;
  }
  if (st == SCION_OK && i < s.node->n_in) st = scion__onnx_damaged(o, "a function is called with more inputs than it has");
  o->first = s.begin; /* a function sees its inputs alone */
  o->frame = &frame;
  if (st == SCION_OK) st = run_body(o, function, 7, 5, s.node->n_out, out, &n);
  leave(o, &s);
  return st;
}

/* ---- If -------------------------------------------------------------------------------------------------------------------- */

static scion_status branch(scion_onnx *o, const char *which, int32_t *out, int32_t *n) {
  scion_pb graph;
  scope s;
  if (!scion__onnx_graph_attr(o, which, &graph)) return scion__onnx_fail(o, "has no %s", which);
  SCION_TRY(enter(o, &s, -1));
  scion_status st = run_graph(o, graph, out, n);
  leave(o, &s);
  if (st == SCION_OK && *n != o->node->n_out) return scion__onnx_fail(o, "its %s gives %d values, the node has %d", which, *n, o->node->n_out);
  return st;
}
static bool same_shape(const scion_onnx_value *a, const scion_onnx_value *b) {
  if (!a->known || !b->known || a->dtype != b->dtype || a->n_dims != b->n_dims) return false;
  for (int32_t d = 0; d < a->n_dims; d++) if (a->probe[0][d] != b->probe[0][d] || a->probe[1][d] != b->probe[1][d]) return false;
  return true;
}
static scion_status truth(scion_onnx *o, int32_t v, bool *out) {
  static const int64_t zeros[SCION_MAX_DIMS] = { 0 };
  double number = 0;
  const scion_tensor *t = scion__onnx_value(o, v)->tensor;
  if (t == NULL) return scion__onnx_fail(o, "its condition is missing");
  if (t->numel != 1) return scion__onnx_fail(o, "its condition holds %lld values, not one", (long long)t->numel);
  SCION_TRY(scion_tensor_get(o->ctx, t, zeros, &number));
  *out = number != 0;
  return SCION_OK;
}
static scion_status if_(scion_onnx *o, int32_t *out) {
  int32_t yes[MAX_VALUES], no[MAX_VALUES], n, cond = IN(0);
  if (cond < 0) return scion__onnx_fail(o, "has no condition");
  if (o->node->n_out > MAX_VALUES) return scion__onnx_fail(o, "has more than %d outputs", MAX_VALUES);
  if (scion__onnx_value(o, cond)->tensor != NULL) {
    bool taken = false;
    SCION_TRY(truth(o, cond, &taken));
    SCION_TRY(branch(o, taken ? "then_branch" : "else_branch", yes, &n));
    memcpy(out, yes, (size_t)n * sizeof *out);
    return SCION_OK;
  }
  SCION_TRY(branch(o, "then_branch", yes, &n));
  SCION_TRY(branch(o, "else_branch", no, &n));
  scion__room p;
  scion_ints none = { .n = 0 };
  void *q = scion__params(&p, OP(reshape));
  scion__set_ints(OP(reshape), q, "shape", &none);
  SCION_TRY(scion__onnx_emit1(o, OP(reshape), q, NULL, "condition", cond, &cond));
  for (int32_t i = 0; i < n; i++) {
    if (!same_shape(scion__onnx_value(o, yes[i]), scion__onnx_value(o, no[i]))) return scion__onnx_fail(o,
        "its condition is computed by the network and its branches differ in shape; only a known condition, or branches of one shape, are possible");
    SCION_TRY(scion__onnx_emit(o, OP(where), NULL, "Where", i == 0 ? NULL : "choice", 3, (int32_t[]){ cond, yes[i], no[i] }, 1, &out[i]));
  }
  return SCION_OK;
}

/* ---- Loop and Scan ------------------------------------------------------------------------------------------------------------- */

/* Values that the turns of a loop gave, to be joined along a new dimension. */
typedef struct turns { int32_t *v; int64_t n, cap; } turns;
static scion_status add_turn(scion_onnx *o, turns *t, int32_t v) {
  if (t->n == t->cap) {
    int64_t cap = t->cap == 0 ? 16 : 2 * t->cap;
    int32_t *more = scion__alloc(o->ctx, (size_t)cap * sizeof *more);
    if (more == NULL) return SCION_ENOMEM;
    if (t->n > 0) memcpy(more, t->v, (size_t)t->n * sizeof *more);
    if (t->v != NULL) scion__free(o->ctx, t->v, (size_t)t->cap * sizeof *more);
    t->v = more;
    t->cap = cap;
  }
  t->v[t->n++] = v;
  return SCION_OK;
}
static void free_turns(scion_onnx *o, turns *t, int32_t n) {
  for (int32_t i = 0; i < n; i++) if (t[i].v != NULL) scion__free(o->ctx, t[i].v, (size_t)t[i].cap * sizeof *t[i].v);
}
static scion_status stack_turns(scion_onnx *o, const turns *t, int64_t axis, bool backwards, int32_t *out) {
  int32_t parts[64] = { -1 }, n_parts = 0;
  scion__room p;
  if (t->n == 0) return scion__onnx_fail(o, "has no turns, so that the shape of what they would give is not known");
  if (t->n > 64 * 60) return scion__onnx_fail(o, "more than %d turns", 64 * 60);
  for (int64_t at = 0; at < t->n; at += 60) {
    int32_t some[60], n = (int32_t)scion__min(60, t->n - at);
    for (int32_t i = 0; i < n; i++) some[i] = t->v[backwards ? t->n - 1 - at - i : at + i];
    void *q = scion__params(&p, OP(stack));
    scion__set_int(OP(stack), q, "dim", axis);
    SCION_TRY(scion__onnx_emit(o, OP(stack), q, NULL, "turns", n, some, 1, &parts[n_parts++]));
  }
  *out = parts[0];
  if (n_parts == 1) return SCION_OK;
  void *q = scion__params(&p, OP(cat));
  scion__set_int(OP(cat), q, "dim", axis);
  return scion__onnx_emit(o, OP(cat), q, "Concat", "turns", n_parts, parts, 1, out);
}
static scion_status number(scion_onnx *o, int dtype, double v, int32_t *out) {
  scion_tensor *t;
  SCION_TRY(scion_tensor_scalar(o->ctx, (scion_dtype)dtype, v, &t));
  *out = scion__onnx_constant(o, t);
  return *out < 0 ? SCION_ENOMEM : SCION_OK;
}

static scion_status loop_turns(scion_onnx *o, scion_pb body, int64_t most, bool go, int32_t n_states, int32_t n_scans, int32_t *state, turns *scans) {
  int32_t given[MAX_VALUES + 2], made[MAX_VALUES], n;
  for (int64_t k = 0; k < most && go; k++) {
    scope s;
    SCION_TRY(enter(o, &s, k));
    scion_status st = number(o, SCION_I64, (double)k, &given[0]);
    if (st == SCION_OK) st = number(o, SCION_BOOL, 1, &given[1]);
    memcpy(given + 2, state, (size_t)n_states * sizeof *state);
    if (st == SCION_OK) st = bind_inputs(o, body, n_states + 2, given);
    if (st == SCION_OK) st = run_graph(o, body, made, &n);
    leave(o, &s);
    SCION_TRY(st);
    if (n != 1 + n_states + n_scans) return scion__onnx_fail(o, "its body gives %d values where %d are expected", n, 1 + n_states + n_scans);
    if (scion__onnx_value(o, made[0])->tensor == NULL) {
      return scion__onnx_fail(o, "whether it goes on is computed by the network; only loops whose number of turns is known can be read");
    }
    SCION_TRY(truth(o, made[0], &go));
    memcpy(state, made + 1, (size_t)n_states * sizeof *state);
    for (int32_t i = 0; i < n_scans; i++) SCION_TRY(add_turn(o, &scans[i], made[1 + n_states + i]));
  }
  return SCION_OK;
}
static scion_status loop(scion_onnx *o, int32_t *out) {
  scion_pb body;
  scion_ints count = { 1, { INT64_MAX } };
  bool go = true;
  int32_t state[MAX_VALUES], n_states = scion__max(0, o->node->n_in - 2), n_scans = o->node->n_out - n_states;
  turns scans[MAX_VALUES] = { { 0 } };
  if (!scion__onnx_graph_attr(o, "body", &body)) return scion__onnx_fail(o, "has no body");
  if (n_scans < 0 || n_states + n_scans >= MAX_VALUES) return scion__onnx_fail(o, "its inputs and outputs do not fit, or are more than %d", MAX_VALUES);
  if (scion__onnx_computed(o, 0)) return scion__onnx_fail(o, "its number of turns is computed by the network; it has to be known");
  if (IN(0) >= 0) SCION_TRY(scion__onnx_ints_in(o, 0, &count));
  if (count.n != 1) return scion__onnx_fail(o, "its number of turns is no number");
  if (scion__onnx_computed(o, 1)) return scion__onnx_fail(o, "whether it runs at all is computed by the network; that has to be known");
  if (IN(1) >= 0) SCION_TRY(truth(o, IN(1), &go));
  for (int32_t i = 0; i < n_states; i++) state[i] = IN(i + 2);
  scion_status st = loop_turns(o, body, count.v[0], go, n_states, n_scans, state, scans);
  for (int32_t i = 0; i < n_states && st == SCION_OK; i++) out[i] = state[i];
  for (int32_t i = 0; i < n_scans && st == SCION_OK; i++)
    if (o->node->out[n_states + i].p != o->node->out[n_states + i].end) st = stack_turns(o, &scans[i], 0, false, &out[n_states + i]);
  free_turns(o, scans, n_scans);
  return st;
}

static int64_t list_at(const scion_ints *list, int32_t i, int64_t def) { return i < list->n ? list->v[i] : def; }
static scion_status scan_turns(scion_onnx *o, scion_pb body, int64_t length, int32_t n_states, int32_t n_in, const int64_t *axis, const scion_ints *direction,
                               int32_t n_scans, int32_t *state, turns *scans) {
  int32_t given[MAX_VALUES], made[MAX_VALUES], n;
  for (int64_t k = 0; k < length; k++) {
    scope s;
    memcpy(given, state, (size_t)n_states * sizeof *state);
    SCION_TRY(enter(o, &s, k));
    scion_status st = SCION_OK;
    for (int32_t i = 0; i < n_in && st == SCION_OK; i++) {
      scion__room p;
      void *q = scion__params(&p, OP(select));
      scion__set_int(OP(select), q, "dim", axis[i]);
      scion__set_int(OP(select), q, "index", list_at(direction, i, 0) ? length - 1 - k : k);
      st = scion__onnx_emit1(o, OP(select), q, NULL, "step", IN(n_states + i), &given[n_states + i]);
    }
    if (st == SCION_OK) st = bind_inputs(o, body, n_states + n_in, given);
    if (st == SCION_OK) st = run_graph(o, body, made, &n);
    leave(o, &s);
    SCION_TRY(st);
    if (n != n_states + n_scans) return scion__onnx_fail(o, "its body gives %d values where %d are expected", n, n_states + n_scans);
    memcpy(state, made, (size_t)n_states * sizeof *state);
    for (int32_t i = 0; i < n_scans; i++) SCION_TRY(add_turn(o, &scans[i], made[n_states + i]));
  }
  return SCION_OK;
}
static scion_status scan(scion_onnx *o, int32_t *out) {
  scion_pb body;
  scion_ints axes, directions, out_axes, out_directions;
  int64_t axis[MAX_VALUES], length = -1, given = scion__onnx_int(o, "num_scan_inputs", 0);
  int32_t state[MAX_VALUES], n_in = (int32_t)scion__max(0, scion__min(given, MAX_VALUES)), n_states = o->node->n_in - n_in, n_scans = o->node->n_out - n_states;
  turns scans[MAX_VALUES] = { { 0 } };
  if (o->opset < 9) return scion__onnx_fail(o, "is known from opset 9 on");
  if (!scion__onnx_graph_attr(o, "body", &body)) return scion__onnx_fail(o, "has no body");
  if (n_in < 1 || n_in != given || n_states < 0 || n_scans < 0 || n_states + scion__max(n_in, n_scans) > MAX_VALUES)
    return scion__onnx_fail(o, "its inputs and outputs do not fit, or are more than %d", MAX_VALUES);
  SCION_TRY(scion__onnx_ints(o, "scan_input_axes", &axes));
  SCION_TRY(scion__onnx_ints(o, "scan_input_directions", &directions));
  SCION_TRY(scion__onnx_ints(o, "scan_output_axes", &out_axes));
  SCION_TRY(scion__onnx_ints(o, "scan_output_directions", &out_directions));
  for (int32_t i = 0; i < n_in; i++) {
    int32_t rank, v = IN(n_states + i);
    SCION_TRY(scion__onnx_rank(o, v, &rank));
    axis[i] = list_at(&axes, i, 0);
    if (axis[i] < 0) axis[i] += rank;
    if (axis[i] < 0 || axis[i] >= rank) return scion__onnx_fail(o, "axis %lld of %d dimensions", (long long)axis[i], rank);
    if (scion__onnx_free(scion__onnx_value(o, v), (int32_t)axis[i])) return scion__onnx_fail(o, "the size of what it walks along is not fixed");
    if (length >= 0 && length != scion__onnx_value(o, v)->probe[0][axis[i]]) return scion__onnx_fail(o, "its inputs differ in length");
    length = scion__onnx_value(o, v)->probe[0][axis[i]];
  }
  for (int32_t i = 0; i < n_states; i++) state[i] = IN(i);
  scion_status st = scan_turns(o, body, length, n_states, n_in, axis, &directions, n_scans, state, scans);
  for (int32_t i = 0; i < n_states && st == SCION_OK; i++) out[i] = state[i];
  for (int32_t i = 0; i < n_scans && st == SCION_OK; i++)
    if (o->node->out[n_states + i].p != o->node->out[n_states + i].end)
      st = stack_turns(o, &scans[i], list_at(&out_axes, i, 0), list_at(&out_directions, i, 0) != 0, &out[n_states + i]);
  free_turns(o, scans, n_scans);
  return st;
}

const scion_onnx_operator scion__onnx_flow[] = { { "If", if_ }, { "Loop", loop }, { "Scan", scan }, { NULL, NULL } };
