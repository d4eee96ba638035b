/* mxnet.c: MXNet's symbol files (NAME-symbol.json) with the parameters beside them (NAME-NNNN.params) become nets: layers under their
 * names with our types, parameters as "conv1.weight" (which also answer to "conv1_weight"), labels of output layers dropped. MXNet's
 * defaults are kept where they differ from ours: batch norm's eps 1e-3 and fix_gamma, pooling's conventions, flattening products. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "../base/json.h"
#include "../ops/op.h"
#include "../ops/params.h"
#include "weights.h"

#define OP(name) (&scion__op_##name)
#define MAX_IN 64

/* id in the net, -1: none yet; flat: (N, features); variable: a parameter's position, -1: none, WAITING: a parameter of a symbol without numbers */
typedef struct { int32_t id; bool flat; int32_t variable; } value;
#define WAITING (-2)
typedef struct {
  scion_context *ctx;
  const char *path;
  scion_net *net;
  const scion_weights *weights; /* NULL: the symbol alone */
  const scion_json **nodes;
  value *values;  /* first output of each node */
  bool *labels;   /* variables that only feed the label of an output layer */
  int32_t n;
  /* the node at work */
  const scion_json *attrs[3];
  const char *name, *op;
  int32_t in[MAX_IN], n_in; /* positions of nodes */
  int32_t at;
  bool waits; /* a parameter of the node has no numbers yet */
} reader;

static scion_status bad(reader *r, const char *what) { return scion_fail(r->ctx, SCION_EFORMAT, "%s: %s", r->path, what); }
static scion_status refuse(reader *r, const char *what) { return scion_fail(r->ctx, SCION_EUNSUPPORTED, "%s: layer '%.200s' (%.60s): %s", r->path, r->name, r->op, what); }

/* ---- attributes: texts such as "(2, 2)", "True", "1e-05" --------------------------------------------------------- */

static const char *attr(const reader *r, const char *key) {
  for (int i = 0; i < 3; i++) {
    const char *v = scion__json_string(scion__json_get(r->attrs[i], key), NULL);
    if (v != NULL && strcmp(v, "None") != 0) return v;
  }
  return NULL;
}
static bool flag(const reader *r, const char *key, bool def) {
  const char *v = attr(r, key);
  return v == NULL ? def : strcmp(v, "True") == 0 || strcmp(v, "true") == 0 || strcmp(v, "1") == 0;
}
static double real(const reader *r, const char *key, double def) {
  const char *v = attr(r, key);
  double out;
  return v != NULL && scion__read_double(v, strlen(v), true, &out) > 0 ? out : def;
}
static int64_t integer(const reader *r, const char *key, int64_t def) { return (int64_t)real(r, key, (double)def); }
static scion_ints ints(const reader *r, const char *key) { /* n -1: not given */
  scion_ints out = { .n = -1 };
  const char *v = attr(r, key);
  if (v == NULL) return out;
  out.n = 0;
  for (const char *p = v; *p != '\0' && out.n < SCION_MAX_INTS;) {
    if ((*p >= '0' && *p <= '9') || *p == '-') {
      char *end;
      out.v[out.n++] = strtoll(p, &end, 10);
      p = end > p ? end : p + 1;
    } else {
      p++;
    }
  }
  return out;
}
static bool is(const char *v, const char *word) { return v != NULL && strcmp(v, word) == 0; }

/* ---- values ----------------------------------------------------------------------------------------------------------- */

static int32_t find_weight(const reader *r, const char *name) {
  if (r->weights == NULL) return -1;
  for (int32_t i = 0; i < scion_weights_count(r->weights); i++) if (strcmp(scion_weights_name(r->weights, i), name) == 0) return i;
  return -1;
}
/* "conv1_weight" of layer conv1 is conv1.weight. */
static void entry_name(const char *layer, const char *variable, char *out, size_t room) {
  size_t n = strlen(layer);
  if (strncmp(variable, layer, n) == 0 && variable[n] == '_' && variable[n + 1] != '\0') snprintf(out, room, "%s.%s", layer, variable + n + 1);
  else snprintf(out, room, "%s", variable);
}
/* A symbol without parameters: their shapes as far as the layer tells, 0 where the size of what comes in decides. Such a layer is marked
 * "deferred", as those made without their input's size are (lua/scion/nn/deferred.lua). */
static scion_status waiting_shape(reader *r, int32_t i, scion_ints *s) {
  scion_ints kernel = ints(r, "kernel");
  bool convolution = strncmp(r->op, "Convolution", 11) == 0, up = is(r->op, "Deconvolution");
  int64_t out = integer(r, convolution || up ? "num_filter" : "num_hidden", 0), groups = integer(r, "num_group", 1);
  s->n = 1, s->v[0] = 0;
  if (convolution || up || is(r->op, "FullyConnected")) {
    if (out < 1 || out > INT32_MAX || groups < 1 || out % groups != 0) return refuse(r, "num_filter or num_hidden must be given, and num_group divide it");
    s->v[0] = out;
    if (i > 1) return SCION_OK;
    s->n = 2, s->v[1] = 0;
    if (up) s->v[0] = 0, s->v[1] = out / groups;
    for (int32_t d = 0; d < kernel.n && d < 3; d++) {
      if (kernel.v[d] < 1 || kernel.v[d] > INT32_MAX) return refuse(r, "a kernel's sizes must be positive");
      s->v[s->n++] = kernel.v[d];
    }
  } else if (is(r->op, "Embedding")) {
    s->n = 2, s->v[0] = integer(r, "input_dim", 0), s->v[1] = integer(r, "output_dim", 0);
    if (s->v[0] < 1 || s->v[1] < 1 || s->v[0] > (INT64_C(1) << 31) / s->v[1]) return refuse(r, "input_dim and output_dim must be given");
  }
  return SCION_OK;
}
static scion_status waiting_entry(reader *r, int32_t i, const char *variable, scion_entry_kind kind, int32_t *id) {
  char name[600];
  scion_ints s;
  scion_tensor *t;
  SCION_TRY(waiting_shape(r, i, &s));
  entry_name(r->name, variable, name, sizeof name);
  SCION_TRY(scion__tensor_alloc(r->ctx, SCION_F32, s.n, s.v, &t));
  scion__tensor_fill(r->ctx, t, 0);
  scion_status st = kind == SCION_ENTRY_PARAM ? scion_set_requires_grad(r->ctx, t, 1) : SCION_OK;
  if (st == SCION_OK) st = scion_net_add_entry(r->ctx, r->net, name, kind, t, id);
  scion_tensor_free(r->ctx, t);
  r->waits = true;
  return st;
}
static bool has_parameters(const char *op) {
  static const char *const ops[] = { "Convolution", "Convolution_v1", "Deconvolution", "FullyConnected", "BatchNorm", "BatchNorm_v1", "Embedding", "InstanceNorm", "LeakyReLU" };
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) if (is(op, ops[i])) return true;
  return false;
}
/* Input i of the node as a value of the net; parameters become entries when first used, `kind` says of which sort. */
static scion_status input(reader *r, int32_t i, scion_entry_kind kind, int32_t *id) {
  if (i >= r->n_in) return refuse(r, "an input is missing");
  value *v = &r->values[r->in[i]];
  if (v->id >= 0) {
    *id = v->id;
    return SCION_OK;
  }
  if (v->variable == WAITING) {
    SCION_TRY(waiting_entry(r, i, scion__json_string(scion__json_get(r->nodes[r->in[i]], "name"), "?"), kind, &v->id));
    *id = v->id;
    return SCION_OK;
  }
  if (v->variable < 0) {
    const char *name = scion__json_string(scion__json_get(r->nodes[r->in[i]], "name"), "?");
    return scion_fail(r->ctx, SCION_EFORMAT, "%s: the parameters lack '%.200s', which layer '%.200s' needs", r->path, name, r->name);
  }
  char name[600];
  scion_tensor *t = scion_weights_get(r->weights, v->variable), *wide = NULL;
  entry_name(r->name, scion_weights_name(r->weights, v->variable), name, sizeof name);
  if (t->dtype == SCION_F16 || t->dtype == SCION_BF16) {
    SCION_TRY(scion__tensor_alloc(r->ctx, SCION_F32, t->n_dims, t->shape, &wide));
    scion_status st = scion__tensor_copy_into(r->ctx, wide, t);
    if (st != SCION_OK) {
      scion_tensor_free(r->ctx, wide);
      return st;
    }
    t = wide;
  }
  if (kind == SCION_ENTRY_PARAM && !scion__is_float(t->dtype)) kind = SCION_ENTRY_CONST;
  scion_status st = kind == SCION_ENTRY_PARAM ? scion_set_requires_grad(r->ctx, t, 1) : SCION_OK;
  if (st == SCION_OK) st = scion_net_add_entry(r->ctx, r->net, name, kind, t, &v->id);
  scion_tensor_free(r->ctx, wide);
  *id = v->id;
  return st;
}
static scion_status tensor_in(reader *r, int32_t i, scion_tensor **t) { /* a parameter's tensor, borrowed; NULL: none */
  *t = i < r->n_in && r->values[r->in[i]].variable >= 0 ? scion_weights_get(r->weights, r->values[r->in[i]].variable) : NULL;
  return SCION_OK;
}
/* Adds a layer; suffix NULL: under the node's own name. */
static scion_status layer(reader *r, const scion_op *op, const void *params, const char *type, const char *suffix, int32_t n, const int32_t *in, int32_t *out) {
  char name[600];
  int32_t values[SCION_MAX_OUTPUTS];
  snprintf(name, sizeof name, "%s%s%s", r->name, suffix != NULL ? "." : "", suffix != NULL ? suffix : "");
  SCION_TRY(scion_net_add_node(r->ctx, r->net, name, type, op, params, n, in, values));
  *out = values[0];
  return SCION_OK;
}
static scion_status one(reader *r, const scion_op *op, const void *params, const char *type) {
  int32_t x;
  SCION_TRY(input(r, 0, SCION_ENTRY_CONST, &x));
  r->values[r->at].flat = r->values[r->in[0]].flat;
  return layer(r, op, params, type, NULL, 1, &x, &r->values[r->at].id);
}
static scion_status constant(reader *r, double v, int32_t *id) {
  char name[600];
  scion_tensor *t;
  snprintf(name, sizeof name, "%s.scalar", r->name);
  SCION_TRY(scion_tensor_scalar(r->ctx, SCION_F32, v, &t));
  scion_status st = scion_net_add_entry(r->ctx, r->net, name, SCION_ENTRY_CONST, t, id);
  scion_tensor_free(r->ctx, t);
  return st;
}

/* ---- layers --------------------------------------------------------------------------------------------------------------- */

static void fill(scion_ints *v, int32_t n, int64_t def) {
  if (v->n < 0) for (v->n = 0; v->n < n;) v->v[v->n++] = def;
}
static scion_status convolution(reader *r) {
  static const scion_op *const ops[2][3] = { { OP(conv1d), OP(conv2d), OP(conv3d) }, { OP(conv_transpose1d), OP(conv_transpose2d), OP(conv_transpose3d) } };
  static const char *const types[2][3] = { { "Conv1d", "Conv2d", "Conv3d" }, { "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d" } };
  bool up = is(r->op, "Deconvolution"), bias = !flag(r, "no_bias", up);
  scion_ints kernel = ints(r, "kernel"), stride = ints(r, "stride"), pad = ints(r, "pad"), dilate = ints(r, "dilate"), adj = ints(r, "adj");
  int32_t n = kernel.n, in[3];
  scion__room p;
  if (n < 1 || n > 3) return refuse(r, "a kernel of 1 to 3 sizes is needed");
  if (up && attr(r, "target_shape") != NULL && ints(r, "target_shape").n > 0 && ints(r, "target_shape").v[0] != 0) return refuse(r, "target_shape is not known");
  const char *layout = attr(r, "layout");
  if (layout != NULL && strncmp(layout, "NC", 2) != 0) return refuse(r, "only layouts with channels first are known");
  fill(&stride, n, 1), fill(&pad, n, 0), fill(&dilate, n, 1), fill(&adj, n, 0);
  const scion_op *op = ops[up][n - 1];
  void *q = scion__params(&p, op);
  scion__set_ints(op, q, "stride", &stride);
  scion__set_ints(op, q, "padding", &pad);
  scion__set_ints(op, q, "dilation", &dilate);
  scion__set_ints(op, q, "output_padding", &adj);
  scion__set_int(op, q, "groups", integer(r, "num_group", 1));
  SCION_TRY(input(r, 0, SCION_ENTRY_CONST, &in[0]));
  SCION_TRY(input(r, 1, SCION_ENTRY_PARAM, &in[1]));
  if (bias) SCION_TRY(input(r, 2, SCION_ENTRY_PARAM, &in[2]));
  return layer(r, op, q, types[up][n - 1], NULL, bias ? 3 : 2, in, &r->values[r->at].id);
}
static scion_status fully_connected(reader *r) {
  bool bias = !flag(r, "no_bias", false), flatten = flag(r, "flatten", true);
  int32_t in[3];
  scion__room p;
  SCION_TRY(input(r, 0, SCION_ENTRY_CONST, &in[0]));
  if (flatten && !r->values[r->in[0]].flat) {
    void *q = scion__params(&p, OP(flatten));
    scion__set_int(OP(flatten), q, "start_dim", 1);
    SCION_TRY(layer(r, OP(flatten), q, "Flatten", "flatten", 1, in, &in[0]));
  }
  SCION_TRY(input(r, 1, SCION_ENTRY_PARAM, &in[1]));
  if (bias) SCION_TRY(input(r, 2, SCION_ENTRY_PARAM, &in[2]));
  r->values[r->at].flat = flatten || r->values[r->in[0]].flat;
  return layer(r, OP(linear), NULL, "Linear", NULL, bias ? 3 : 2, in, &r->values[r->at].id);
}
static scion_status batch_norm(reader *r) {
  int32_t in[5];
  scion_tensor *gamma;
  scion__room p;
  if (integer(r, "axis", 1) != 1) return refuse(r, "axis must be 1");
  if (r->n_in < 5) { /* before 0.9 the running statistics are not in the graph */
    static const char *const suffix[] = { "moving_mean", "moving_var" };
    for (int32_t i = 0; i < 2 && r->n_in == 3 + i; i++) {
      char name[600], own[600];
      snprintf(name, sizeof name, "%s_%s", r->name, suffix[i]);
      snprintf(own, sizeof own, "%s.%s", r->name, suffix[i]);
      int32_t w = find_weight(r, name);
      if (r->weights == NULL) {
        SCION_TRY(waiting_entry(r, 3 + i, name, SCION_ENTRY_BUFFER, &in[3 + i]));
        r->n_in++;
        continue;
      }
      if (w < 0) return scion_fail(r->ctx, SCION_EFORMAT, "%s: the parameters lack '%.200s'", r->path, name);
      SCION_TRY(scion_net_add_entry(r->ctx, r->net, own, SCION_ENTRY_BUFFER, scion_weights_get(r->weights, w), &in[3 + i]));
      r->n_in++;
    }
  } else {
    for (int32_t i = 3; i < 5; i++) SCION_TRY(input(r, i, SCION_ENTRY_BUFFER, &in[i]));
  }
  bool fixed = flag(r, "fix_gamma", true);
  SCION_TRY(tensor_in(r, 1, &gamma));
  if (fixed && gamma != NULL) scion__tensor_fill(r->ctx, gamma, 1); /* whatever the file holds */
  SCION_TRY(input(r, 0, SCION_ENTRY_CONST, &in[0]));
  SCION_TRY(input(r, 1, SCION_ENTRY_PARAM, &in[1]));
  SCION_TRY(input(r, 2, SCION_ENTRY_PARAM, &in[2]));
  void *q = scion__params(&p, OP(batch_norm));
  scion__set_float(OP(batch_norm), q, "eps", real(r, "eps", 1e-3));
  scion__set_float(OP(batch_norm), q, "momentum", 1 - real(r, "momentum", 0.9));
  r->values[r->at].flat = r->values[r->in[0]].flat;
  SCION_TRY(layer(r, OP(batch_norm), q, "BatchNorm2d", NULL, 5, in, &r->values[r->at].id));
  scion_value_info info;
  scion_net_get_value(r->net, in[1], &info);
  if (fixed) {
    SCION_TRY(scion_net_set_frozen(r->ctx, r->net, info.index, 1));
    SCION_TRY(scion_net_set_attr(r->ctx, r->net, scion_net_n_nodes(r->net) - 1, "fix_gamma", "true")); /* new weights keep it so */
  }
  if (flag(r, "use_global_stats", false)) return scion_net_set_node_mode(r->ctx, r->net, scion_net_n_nodes(r->net) - 1, 0);
  return SCION_OK;
}
static scion_status pooling(reader *r) {
  static const scion_op *const ops[2][3] = { { OP(max_pool1d), OP(max_pool2d), OP(max_pool3d) }, { OP(avg_pool1d), OP(avg_pool2d), OP(avg_pool3d) } };
  static const char *const types[2][3] = { { "MaxPool1d", "MaxPool2d", "MaxPool3d" }, { "AvgPool1d", "AvgPool2d", "AvgPool3d" } };
  const char *type = attr(r, "pool_type"), *convention = attr(r, "pooling_convention");
  bool average = is(type, "avg") || is(type, "sum"), sum = is(type, "sum");
  int32_t x;
  scion__room p;
  if (type != NULL && !average && !is(type, "max")) return refuse(r, "pool_type is not known (max, avg, sum are)");
  SCION_TRY(input(r, 0, SCION_ENTRY_CONST, &x));
  if (flag(r, "global_pool", false)) {
    if (sum) return refuse(r, "a global sum is not known");
    const scion_op *op = average ? OP(global_avg_pool) : OP(global_max_pool);
    return layer(r, op, NULL, average ? "GlobalAvgPool" : "GlobalMaxPool", NULL, 1, &x, &r->values[r->at].id);
  }
  scion_ints kernel = ints(r, "kernel"), stride = ints(r, "stride"), pad = ints(r, "pad");
  int32_t n = kernel.n;
  if (n < 1 || n > 3) return refuse(r, "a kernel of 1 to 3 sizes is needed");
  if (convention != NULL && !is(convention, "valid") && !is(convention, "full")) return refuse(r, "pooling_convention is not known (valid, full are)");
  fill(&stride, n, 1), fill(&pad, n, 0);
  const scion_op *op = ops[average][n - 1];
  void *q = scion__params(&p, op);
  scion__set_ints(op, q, "kernel", &kernel);
  scion__set_ints(op, q, "stride", &stride);
  scion__set_ints(op, q, "padding", &pad);
  scion__set_int(op, q, "ceil_mode", is(convention, "full"));
  scion__set_int(op, q, "count_include_pad", flag(r, "count_include_pad", true));
  if (sum) scion__set_int(op, q, "divisor_override", 1);
  return layer(r, op, q, sum ? "SumPool" : types[average][n - 1], NULL, 1, &x, &r->values[r->at].id);
}
static scion_status activation(reader *r) {
  static const struct { const char *word, *type; const scion_op *op; } all[] = {
    { "relu", "ReLU", OP(relu) }, { "sigmoid", "Sigmoid", OP(sigmoid) }, { "tanh", "Tanh", OP(tanh) }, { "softrelu", "Softplus", OP(softplus) },
    { "softsign", "Softsign", OP(softsign) } };
  const char *type = is(r->op, "Activation") ? attr(r, "act_type") : r->op;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) if (is(type, all[i].word)) return one(r, all[i].op, NULL, all[i].type);
  return refuse(r, "act_type is not known");
}
static scion_status leaky_relu(reader *r) {
  const char *type = attr(r, "act_type");
  double slope = real(r, "slope", 0.25);
  scion__room p;
  if (is(type, "prelu")) {
    int32_t in[2];
    SCION_TRY(input(r, 0, SCION_ENTRY_CONST, &in[0]));
    SCION_TRY(input(r, 1, SCION_ENTRY_PARAM, &in[1]));
    return layer(r, OP(prelu), NULL, "PReLU", NULL, 2, in, &r->values[r->at].id);
  }
  if (is(type, "selu")) return one(r, OP(selu), NULL, "SELU");
  if (is(type, "gelu")) return one(r, OP(gelu), NULL, "GELU");
  if (is(type, "elu")) {
    scion__set_float(OP(elu), scion__params(&p, OP(elu)), "alpha", slope);
    return one(r, OP(elu), p.p, "ELU");
  }
  if (is(type, "rrelu")) slope = (real(r, "lower_bound", 0.125) + real(r, "upper_bound", 0.334)) / 2;
  else if (type != NULL && !is(type, "leaky")) return refuse(r, "act_type is not known");
  scion__set_float(OP(leaky_relu), scion__params(&p, OP(leaky_relu)), "negative_slope", slope);
  return one(r, OP(leaky_relu), p.p, "LeakyReLU");
}
static scion_status softmax(reader *r) {
  scion__room p;
  const scion_op *op = is(r->op, "log_softmax") ? OP(log_softmax) : OP(softmax);
  int64_t dim = is(r->op, "softmax") || is(r->op, "log_softmax") ? integer(r, "axis", -1) : flag(r, "preserve_shape", false) ? -1 : 1;
  scion__set_int(op, scion__params(&p, op), "dim", dim);
  return one(r, op, p.p, op == OP(softmax) ? "Softmax" : "LogSoftmax");
}
static scion_status flatten(reader *r) {
  scion__room p;
  scion__set_int(OP(flatten), scion__params(&p, OP(flatten)), "start_dim", 1);
  SCION_TRY(one(r, OP(flatten), p.p, "Flatten"));
  r->values[r->at].flat = true;
  return SCION_OK;
}
static scion_status reshape(reader *r) {
  scion__room p;
  scion_ints s = ints(r, "shape");
  if (s.n < 1 || s.n > SCION_MAX_DIMS || flag(r, "reverse", false)) return refuse(r, "its shape is not known");
  for (int32_t i = 0; i < s.n; i++) {
    if (s.v[i] < -1) return refuse(r, "shape codes below -1 are not known");
    if (s.v[i] == 0 && i > 0) return refuse(r, "a size of 0 (as before) is known in the first place only");
    if (s.v[i] == 0) { /* the batch as it is, the rest split */
      bool hole = false;
      for (int32_t k = 1; k < s.n; k++) hole = hole || s.v[k] == -1;
      if (!hole) {
        s.v[0] = -1;
        break;
      }
      scion_ints rest = { .n = s.n - 1 };
      int32_t x;
      for (int32_t k = 1; k < s.n; k++) rest.v[k - 1] = s.v[k];
      SCION_TRY(input(r, 0, SCION_ENTRY_CONST, &x));
      scion__set_int(OP(flatten), scion__params(&p, OP(flatten)), "start_dim", 1);
      SCION_TRY(layer(r, OP(flatten), p.p, "Flatten", "flatten", 1, &x, &x));
      void *q = scion__params(&p, OP(unflatten));
      scion__set_int(OP(unflatten), q, "dim", 1);
      scion__set_ints(OP(unflatten), q, "sizes", &rest);
      return layer(r, OP(unflatten), q, "Reshape", NULL, 1, &x, &r->values[r->at].id);
    }
  }
  scion__set_ints(OP(reshape), scion__params(&p, OP(reshape)), "shape", &s);
  return one(r, OP(reshape), p.p, "Reshape");
}
static scion_status concat(reader *r) {
  int32_t in[MAX_IN];
  scion__room p;
  for (int32_t i = 0; i < r->n_in; i++) SCION_TRY(input(r, i, SCION_ENTRY_CONST, &in[i]));
  scion__set_int(OP(cat), scion__params(&p, OP(cat)), "dim", integer(r, "dim", 1));
  return layer(r, OP(cat), p.p, "Concat", NULL, r->n_in, in, &r->values[r->at].id);
}
static scion_status binary(reader *r) {
  static const struct { const char *word, *type; const scion_op *op; bool scalar, reversed; } all[] = {
    { "elemwise_add", "Add", OP(add), 0, 0 }, { "_Plus", "Add", OP(add), 0, 0 }, { "_plus", "Add", OP(add), 0, 0 }, { "broadcast_add", "Add", OP(add), 0, 0 },
    { "broadcast_plus", "Add", OP(add), 0, 0 }, { "_add", "Add", OP(add), 0, 0 }, { "elemwise_sub", "Sub", OP(sub), 0, 0 }, { "_Minus", "Sub", OP(sub), 0, 0 },
    { "_minus", "Sub", OP(sub), 0, 0 }, { "_sub", "Sub", OP(sub), 0, 0 }, { "broadcast_sub", "Sub", OP(sub), 0, 0 }, { "broadcast_minus", "Sub", OP(sub), 0, 0 },
    { "elemwise_mul", "Mul", OP(mul), 0, 0 }, { "_Mul", "Mul", OP(mul), 0, 0 }, { "_mul", "Mul", OP(mul), 0, 0 }, { "broadcast_mul", "Mul", OP(mul), 0, 0 },
    { "elemwise_div", "Div", OP(div), 0, 0 }, { "_Div", "Div", OP(div), 0, 0 }, { "_div", "Div", OP(div), 0, 0 }, { "broadcast_div", "Div", OP(div), 0, 0 },
    { "_maximum", "Maximum", OP(maximum), 0, 0 }, { "broadcast_maximum", "Maximum", OP(maximum), 0, 0 }, { "_minimum", "Minimum", OP(minimum), 0, 0 },
    { "broadcast_minimum", "Minimum", OP(minimum), 0, 0 }, { "_plus_scalar", "Add", OP(add), 1, 0 }, { "_PlusScalar", "Add", OP(add), 1, 0 },
    { "_minus_scalar", "Sub", OP(sub), 1, 0 }, { "_MinusScalar", "Sub", OP(sub), 1, 0 }, { "_rminus_scalar", "Sub", OP(sub), 1, 1 }, { "_RMinusScalar", "Sub", OP(sub), 1, 1 },
    { "_mul_scalar", "Mul", OP(mul), 1, 0 }, { "_MulScalar", "Mul", OP(mul), 1, 0 }, { "_div_scalar", "Div", OP(div), 1, 0 }, { "_DivScalar", "Div", OP(div), 1, 0 },
    { "_rdiv_scalar", "Div", OP(div), 1, 1 }, { "_power_scalar", "Pow", OP(pow), 1, 0 }, { "_PowerScalar", "Pow", OP(pow), 1, 0 },
    { "_maximum_scalar", "Maximum", OP(maximum), 1, 0 }, { "_minimum_scalar", "Minimum", OP(minimum), 1, 0 }, { "dot", "MatMul", OP(matmul), 0, 0 },
    { "batch_dot", "MatMul", OP(matmul), 0, 0 } };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    int32_t in[2];
    if (!is(r->op, all[i].word)) continue;
    if (flag(r, "transpose_a", false) || flag(r, "transpose_b", false)) return refuse(r, "transposed products are not known");
    SCION_TRY(input(r, 0, SCION_ENTRY_PARAM, &in[all[i].reversed]));
    if (all[i].scalar) SCION_TRY(constant(r, real(r, "scalar", 0), &in[!all[i].reversed]));
    else SCION_TRY(input(r, 1, SCION_ENTRY_PARAM, &in[1]));
    r->values[r->at].flat = r->values[r->in[0]].flat;
    return layer(r, all[i].op, NULL, all[i].type, NULL, 2, in, &r->values[r->at].id);
  }
  return refuse(r, "a layer of a kind that is not known");
}
static scion_status add_all(reader *r) {
  int32_t sum, next;
  SCION_TRY(input(r, 0, SCION_ENTRY_CONST, &sum));
  for (int32_t i = 1; i < r->n_in; i++) {
    char suffix[32];
    snprintf(suffix, sizeof suffix, "part%d", i);
    SCION_TRY(input(r, i, SCION_ENTRY_CONST, &next));
    SCION_TRY(layer(r, OP(add), NULL, "Add", i == r->n_in - 1 ? NULL : suffix, 2, (int32_t[]){ sum, next }, &sum));
  }
  r->values[r->at] = (value){ .id = sum, .flat = r->values[r->in[0]].flat, .variable = -1 };
  return SCION_OK;
}
static scion_status dropout(reader *r) {
  scion__room p;
  scion__set_float(OP(dropout), scion__params(&p, OP(dropout)), "p", real(r, "p", 0.5));
  return one(r, OP(dropout), p.p, "Dropout");
}
static scion_status lrn(reader *r) {
  scion__room p;
  void *q = scion__params(&p, OP(local_response_norm));
  scion__set_int(OP(local_response_norm), q, "size", integer(r, "nsize", 5));
  scion__set_float(OP(local_response_norm), q, "alpha", real(r, "alpha", 1e-4));
  scion__set_float(OP(local_response_norm), q, "beta", real(r, "beta", 0.75));
  scion__set_float(OP(local_response_norm), q, "k", real(r, "knorm", 2));
  return one(r, OP(local_response_norm), q, "LocalResponseNorm");
}
static scion_status embedding(reader *r) {
  int32_t in[2];
  scion__room p;
  SCION_TRY(input(r, 0, SCION_ENTRY_CONST, &in[0]));
  SCION_TRY(input(r, 1, SCION_ENTRY_PARAM, &in[1]));
  void *q = scion__params(&p, OP(to)); /* MXNet's ids may be floats */
  scion__set_int(OP(to), q, "dtype", SCION_I64);
  SCION_TRY(layer(r, OP(to), q, NULL, "ids", 1, in, &in[0]));
  return layer(r, OP(embedding), NULL, "Embedding", NULL, 2, in, &r->values[r->at].id);
}
static scion_status reduction(reader *r) {
  static const struct { const char *word; const scion_op *op; } all[] = { { "mean", OP(mean) }, { "sum", OP(sum) }, { "sum_axis", OP(sum) }, { "max", OP(amax) },
    { "max_axis", OP(amax) }, { "min", OP(amin) }, { "prod", OP(prod) } };
  scion__room p;
  scion_ints axes = ints(r, "axis");
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    if (!is(r->op, all[i].word)) continue;
    void *q = scion__params(&p, all[i].op);
    if (axes.n > 0) scion__set_ints(all[i].op, q, "dim", &axes);
    scion__set_int(all[i].op, q, "keepdim", flag(r, "keepdims", false));
    return one(r, all[i].op, q, NULL);
  }
  return refuse(r, "not known");
}
static scion_status transpose(reader *r) {
  scion__room p;
  scion_ints axes = ints(r, "axes");
  if (axes.n < 1) return refuse(r, "axes must be given");
  scion__set_ints(OP(permute), scion__params(&p, OP(permute)), "dims", &axes);
  return one(r, OP(permute), p.p, "Permute");
}
static scion_status expand_dims(reader *r) {
  scion__room p;
  scion__set_int(OP(unsqueeze), scion__params(&p, OP(unsqueeze)), "dim", integer(r, "axis", 0));
  return one(r, OP(unsqueeze), p.p, NULL);
}
static scion_status clip(reader *r) {
  scion__room p;
  void *q = scion__params(&p, OP(clamp));
  scion__set_float(OP(clamp), q, "min", real(r, "a_min", 0));
  scion__set_float(OP(clamp), q, "max", real(r, "a_max", 0));
  return one(r, OP(clamp), q, "Clamp");
}
static scion_status upsampling(reader *r) {
  scion__room p;
  if (!is(attr(r, "sample_type"), "nearest") || r->n_in != 1) return refuse(r, "only sample_type nearest of one input is known");
  scion__set_float(OP(interpolate), scion__params(&p, OP(interpolate)), "scale_factor", real(r, "scale", 1));
  return one(r, OP(interpolate), p.p, "Upsample");
}
static scion_status l2_norm(reader *r) {
  scion__room p;
  const char *mode = attr(r, "mode");
  if (mode != NULL && !is(mode, "instance") && !is(mode, "channel")) return refuse(r, "its mode is not known");
  if (!is(mode, "channel") && !r->values[r->in[0]].flat) return refuse(r, "only rows of features, or mode channel, are known");
  void *q = scion__params(&p, OP(normalize));
  scion__set_int(OP(normalize), q, "dim", 1);
  scion__set_float(OP(normalize), q, "eps", real(r, "eps", 1e-10));
  return one(r, OP(normalize), q, "Normalize");
}
static scion_status instance_norm(reader *r) {
  int32_t in[3];
  scion__room p;
  SCION_TRY(input(r, 0, SCION_ENTRY_CONST, &in[0]));
  for (int32_t i = 1; i < 3; i++) SCION_TRY(input(r, i, SCION_ENTRY_PARAM, &in[i]));
  scion__set_float(OP(instance_norm), scion__params(&p, OP(instance_norm)), "eps", real(r, "eps", 1e-3));
  return layer(r, OP(instance_norm), p.p, "InstanceNorm2d", NULL, 3, in, &r->values[r->at].id);
}
static scion_status identity(reader *r) { return one(r, OP(clone), NULL, "Identity"); }
static scion_status logistic(reader *r) { return one(r, OP(sigmoid), NULL, "Sigmoid"); }
static scion_status unary(reader *r) {
  static const struct { const char *word; const scion_op *op; } all[] = { { "exp", OP(exp) }, { "log", OP(log) }, { "sqrt", OP(sqrt) }, { "square", OP(square) },
    { "abs", OP(abs) }, { "negative", OP(neg) }, { "rsqrt", OP(rsqrt) }, { "erf", OP(erf) } };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) if (is(r->op, all[i].word)) return one(r, all[i].op, NULL, NULL);
  return binary(r);
}

static const struct { const char *name; scion_status (*fn)(reader *r); } layers[] = {
  { "Convolution", convolution }, { "Convolution_v1", convolution }, { "Deconvolution", convolution }, { "FullyConnected", fully_connected }, { "BatchNorm", batch_norm },
  { "BatchNorm_v1", batch_norm }, { "Pooling", pooling }, { "Pooling_v1", pooling }, { "Activation", activation }, { "relu", activation }, { "sigmoid", activation },
  { "tanh", activation }, { "softsign", activation }, { "LeakyReLU", leaky_relu }, { "SoftmaxOutput", softmax }, { "Softmax", softmax }, { "SoftmaxActivation", softmax },
  { "softmax", softmax }, { "log_softmax", softmax }, { "Flatten", flatten }, { "flatten", flatten }, { "Reshape", reshape }, { "reshape", reshape }, { "Concat", concat },
  { "concat", concat }, { "ElementWiseSum", add_all }, { "add_n", add_all }, { "Dropout", dropout }, { "LRN", lrn }, { "Embedding", embedding }, { "mean", reduction },
  { "sum", reduction }, { "sum_axis", reduction }, { "max", reduction }, { "max_axis", reduction }, { "min", reduction }, { "prod", reduction }, { "transpose", transpose },
  { "expand_dims", expand_dims }, { "clip", clip }, { "UpSampling", upsampling }, { "L2Normalization", l2_norm }, { "InstanceNorm", instance_norm }, { "_copy", identity },
  { "identity", identity }, { "BlockGrad", identity }, { "MakeLoss", identity }, { "LinearRegressionOutput", identity }, { "MAERegressionOutput", identity },
  { "SVMOutput", identity }, { "LogisticRegressionOutput", logistic } };

/* ---- the graph ---------------------------------------------------------------------------------------------------------------- */

static bool is_output(const char *op) {
  static const char *const ops[] = { "SoftmaxOutput", "Softmax", "LinearRegressionOutput", "MAERegressionOutput", "LogisticRegressionOutput", "SVMOutput" };
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) if (is(op, ops[i])) return true;
  return false;
}
static scion_status read_inputs(reader *r, const scion_json *node) {
  const scion_json *list = scion__json_get(node, "inputs");
  r->n_in = 0;
  if (list == NULL || list->type != SCION_JSON_ARRAY || list->n > MAX_IN) return bad(r, "a node has no list of at most 64 inputs");
  for (const scion_json *j = list->child; j != NULL; j = j->next) {
    int64_t from, slot = 0;
    if (!scion__json_int(scion__json_at(j, 0), &from) || from < 0 || from >= r->at) return bad(r, "a node reads another that is not before it");
    scion__json_int(scion__json_at(j, 1), &slot);
    if (slot != 0) return refuse(r, "reads a further output of another layer, which is not known");
    r->in[r->n_in++] = (int32_t)from;
  }
  return SCION_OK;
}
static scion_status find_labels(reader *r) {
  for (int32_t i = 0; i < r->n; i++) r->labels[i] = false;
  for (int pass = 0; pass < 2; pass++) { /* first what output layers read as labels, then what others read, too */
    for (r->at = 0; r->at < r->n; r->at++) {
      r->op = scion__json_string(scion__json_get(r->nodes[r->at], "op"), "");
      r->name = scion__json_string(scion__json_get(r->nodes[r->at], "name"), "");
      SCION_TRY(read_inputs(r, r->nodes[r->at]));
      for (int32_t i = 0; i < r->n_in; i++) {
        bool label = is_output(r->op) && i == 1;
        if (r->weights == NULL && i > 0 && has_parameters(r->op)) r->values[r->in[i]].variable = WAITING;
        if (pass == 0 ? label : !label) r->labels[r->in[i]] = pass == 0;
      }
    }
  }
  return SCION_OK;
}
static scion_status add_variable(reader *r) {
  value *v = &r->values[r->at];
  if (v->variable == WAITING) return SCION_OK;
  v->variable = find_weight(r, r->name);
  if (v->variable >= 0 || r->labels[r->at]) return SCION_OK;
  static const char *const endings[] = { "_weight", "_bias", "_gamma", "_beta", "_moving_mean", "_moving_var", "_running_mean", "_running_var" };
  size_t n = strlen(r->name);
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) { /* a parameter that the file lacks: said when a layer needs it */
    size_t k = strlen(endings[i]);
    if (n > k && strcmp(r->name + n - k, endings[i]) == 0) return SCION_OK;
  }
  scion_ints s = ints(r, "__shape__");
  for (int32_t d = 0; d < s.n && d < SCION_MAX_DIMS; d++) if (s.v[d] == 0) s.v[d] = -1;
  if (s.n > 0 && s.n <= SCION_MAX_DIMS) s.v[0] = -1;
  bool known = s.n > 0 && s.n <= SCION_MAX_DIMS;
  return scion_net_add_input(r->ctx, r->net, r->name, -1, known ? s.n : -1, s.v, &v->id);
}
static scion_status read_graph(reader *r, const scion_json *root) {
  const scion_json *heads = scion__json_get(root, "heads");
  SCION_TRY(find_labels(r));
  for (r->at = 0; r->at < r->n; r->at++) {
    const scion_json *node = r->nodes[r->at];
    static const char *const tables[] = { "attrs", "attr", "param" };
    for (int i = 0; i < 3; i++) r->attrs[i] = scion__json_get(node, tables[i]);
    r->op = scion__json_string(scion__json_get(node, "op"), NULL);
    r->name = scion__json_string(scion__json_get(node, "name"), NULL);
    if (r->op == NULL || r->name == NULL || *r->name == '\0' || strlen(r->name) > 400) return bad(r, "a node has no operator or no name");
    SCION_TRY(read_inputs(r, node));
    scion_status st = SCION_OK;
    if (is(r->op, "null")) {
      st = add_variable(r);
    } else {
      size_t i = 0, n = sizeof layers / sizeof *layers;
      while (i < n && !is(r->op, layers[i].name)) i++;
      r->waits = false;
      st = i < n ? layers[i].fn(r) : unary(r);
      if (st == SCION_OK && r->waits) {
        const char *kind = is(r->op, "FullyConnected") && !flag(r, "flatten", true) ? "linear" : is(r->op, "FullyConnected") ? "fullyconnected" : "parameters";
        st = scion_net_set_attr(r->ctx, r->net, scion_net_n_nodes(r->net) - 1, "deferred", kind);
      }
    }
    if (st != SCION_OK) return st;
  }
  int32_t outputs[64], n = 0;
  if (heads == NULL || heads->type != SCION_JSON_ARRAY || heads->n < 1 || heads->n > 64) return bad(r, "the graph has no heads, or more than 64");
  for (const scion_json *j = heads->child; j != NULL; j = j->next) {
    int64_t from;
    if (!scion__json_int(scion__json_at(j, 0), &from) || from < 0 || from >= r->n || r->values[from].id < 0) return bad(r, "a head is no layer");
    outputs[n++] = r->values[from].id;
  }
  SCION_TRY(scion_net_set_outputs(r->ctx, r->net, n, outputs));
  scion_net_set_training(r->net, 0);
  SCION_TRY(scion_net_set_attr(r->ctx, r->net, -1, "format", "mxnet"));
  return scion_net_prune(r->ctx, r->net, 0);
}
static scion_status build(scion_context *ctx, const char *path, const scion_file *f, const scion_weights *w, scion_net **out) {
  reader r = { .ctx = ctx, .path = path, .weights = w };
  scion_json_doc *doc;
  SCION_TRY(scion__json_parse(ctx, path, (const char *)f->data, f->size, &doc));
  const scion_json *root = scion__json_root(doc), *nodes = scion__json_get(root, "nodes");
  scion_status st = nodes != NULL && nodes->type == SCION_JSON_ARRAY && nodes->n > 0 ? scion_net_new(ctx, &r.net) : bad(&r, "no symbol of MXNet (it has no nodes)");
  if (st == SCION_OK) {
    r.n = nodes->n;
    size_t each = sizeof *r.nodes + sizeof *r.values + sizeof *r.labels, k = 0;
    r.nodes = scion__calloc(ctx, (size_t)r.n * each);
    if (r.nodes == NULL) {
      st = SCION_ENOMEM;
    } else {
      r.values = (value *)(void *)(r.nodes + r.n);
      r.labels = (bool *)(r.values + r.n);
      for (const scion_json *j = nodes->child; j != NULL; j = j->next, k++) {
        r.nodes[k] = j;
        r.values[k] = (value){ .id = -1, .variable = -1 };
      }
      st = read_graph(&r, root);
      scion__free(ctx, r.nodes, (size_t)r.n * each);
    }
  }
  scion__json_free(ctx, doc);
  if (st == SCION_OK) *out = r.net;
  else if (r.net != NULL) scion_net_free(ctx, r.net);
  return st;
}

/* ---- files ---------------------------------------------------------------------------------------------------------------------- */

/* NAME-NNNN.params beside NAME-symbol.json: the newest epoch, or the one named; an empty text when no epoch is named and none is there. */
static scion_status find_params(scion_context *ctx, const char *symbol, int64_t epoch, char *out, size_t room) {
  static const char tail[] = "-symbol.json";
  size_t n = strlen(symbol), k = sizeof tail - 1;
  *out = '\0';
  if (n < k || strcmp(symbol + n - k, tail) != 0) {
    return epoch < 0 ? SCION_OK : scion_fail(ctx, SCION_EIO, "%s: its parameters are looked for beside NAME-symbol.json; name them (params)", symbol);
  }
  const char *slash = strrchr(symbol, '/'), *base = slash == NULL ? symbol : slash + 1;
  int prefix = (int)(n - k - (size_t)(base - symbol));
  char folder[4096];
  snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - symbol), slash == NULL ? "." : symbol);
  if (slash == symbol) snprintf(folder, sizeof folder, "/");
  DIR *dir = opendir(folder);
  int64_t best = -1;
  if (dir != NULL) {
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
      const char *s = e->d_name;
      char *end;
      if (strncmp(s, base, (size_t)prefix) != 0 || s[prefix] != '-' || s[prefix + 1] < '0' || s[prefix + 1] > '9') continue;
      long long number = strtoll(s + prefix + 1, &end, 10);
      if (strcmp(end, ".params") != 0 || (epoch >= 0 && number != epoch) || number <= best) continue;
      best = number;
      snprintf(out, room, "%s/%s", folder, s);
    }
    closedir(dir);
  }
  if (best >= 0) return SCION_OK;
  if (epoch >= 0) return scion_fail(ctx, SCION_EIO, "%s: there is no %.*s-%04lld.params beside it", symbol, prefix, base, (long long)epoch);
  return SCION_OK;
}
scion_status scion_mxnet_load_memory(scion_context *ctx, const char *name, const void *symbol, size_t size, const scion_weights *weights, scion_net **out) {
  scion_file f = { .path = name, .data = symbol, .size = size, .fd = -1 };
  *out = NULL;
  return build(ctx, name, &f, weights, out);
}
scion_status scion_mxnet_load(scion_context *ctx, const char *symbol, const char *params, int64_t epoch, scion_net **out) {
  char path[4096 + 300];
  scion_file f;
  scion_weights *w = NULL;
  *out = NULL;
  if (params == NULL) {
    SCION_TRY(find_params(ctx, symbol, epoch, path, sizeof path));
    params = path;
  }
  if (*params != '\0') SCION_TRY(scion_weights_open(ctx, params, &w));
  scion_status st = scion__file_open(ctx, symbol, &f);
  if (st == SCION_OK) {
    st = build(ctx, symbol, &f, w, out);
    scion__file_close(ctx, &f);
  }
  scion_weights_close(ctx, w);
  return st;
}
