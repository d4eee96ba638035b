/* net.h: the model graph from the inside. graph.c owns the structure and its edits, lookup.c names,
 * copy.c everything that makes one net from another, forward.c runs it node by node, executor.c plans
 * the runs without a gradient, infer.c knows shapes without data. */
#ifndef SCION_NET_INTERNAL_H
#define SCION_NET_INTERNAL_H

#include "../ops/op.h"
#include "../ops/params.h"

#define NET_MAX_PARAMS 2048   /* bytes of an op's parameter struct */
#define NET_MAX_NAME 512      /* bytes of a name */

typedef enum net_space { NET_INPUT, NET_ENTRY, NET_NODE } net_space;

/* What has a name: inputs, entries, nodes begin with it. */
typedef struct net_item {
  char *name;
  net_space space;
  int32_t pos;   /* position in the net's list of its kind */
  uint32_t hash; /* of space and name */
} net_item;

typedef struct net_attr { char *key, *value; } net_attr;
typedef struct net_attrs { net_attr *v; int32_t n, cap; } net_attrs;

typedef struct net_input { net_item item; int32_t value; scion_net_shape shape; } net_input;

typedef struct net_entry {
  net_item item;
  int32_t value;
  scion_entry_kind kind;
  scion_tensor *tensor;
  bool frozen;
} net_entry;

/* A host function, shared by the nets that were cloned from one another. */
typedef struct net_custom {
  int32_t refs;
  char *name, *config; /* name NULL: not registered */
  scion_status (*fn)(scion_context *, void *, const scion_net_custom_call *);
  void (*free)(scion_context *, void *);
  void *ud;
} net_custom;

typedef struct net_node {
  net_item item;
  char *type;
  const scion_op *op;      /* NULL: custom */
  net_custom *custom;
  void *params;            /* op->info.params_size bytes, NULL when 0 */
  int32_t training_offset; /* of the op's train/eval switch in params; -1: it has none */
  int32_t mode;
  int32_t n_in, n_out;
  int32_t *in, *out;       /* value ids; one block, in first */
  net_attrs attrs;
} net_node;

typedef struct net_value { net_item *item; int32_t slot; } net_value; /* item NULL: removed */

typedef struct net_list { void **v; int32_t n, cap; } net_list;

struct net_plan; /* executor.c */
#define NET_PLANS 6

struct scion_net {
  int32_t refs;
  bool training;
  int32_t running;  /* calls of forward in progress: no edits then */
  net_list inputs, entries, nodes;
  net_value *values;
  int32_t n_values, values_cap;
  int32_t *outputs;
  int32_t n_outputs;
  net_attrs attrs;
  net_item **index; /* open addressing over all items; a power of two */
  int32_t index_cap, index_n;
  struct net_plan *plans[NET_PLANS]; /* most recently used first */
};

static inline net_node *net__node(const scion_net *net, int32_t i) { return net->nodes.v[i]; }
static inline net_entry *net__entry(const scion_net *net, int32_t i) { return net->entries.v[i]; }
static inline net_input *net__input(const scion_net *net, int32_t i) { return net->inputs.v[i]; }
static inline bool net__value_ok(const scion_net *net, int32_t v) {
  return v >= 0 && v < net->n_values && net->values[v].item != NULL;
}
/* The node that makes a value, or NULL. */
static inline net_node *net__producer(const scion_net *net, int32_t v) {
  net_item *item = net->values[v].item;
  return item != NULL && item->space == NET_NODE ? (net_node *)item : NULL;
}
static inline net_entry *net__value_entry(const scion_net *net, int32_t v) {
  net_item *item = net->values[v].item;
  return item != NULL && item->space == NET_ENTRY ? (net_entry *)item : NULL;
}

/* lookup.c */
net_item *net__find(const scion_net *net, net_space space, const char *name);
scion_status net__index_add(scion_context *ctx, scion_net *net, net_item *item); /* hash is set here */
void net__index_remove(scion_net *net, net_item *item);
scion_status net__check_name(scion_context *ctx, const scion_net *net, net_space space, const char *name, const char *what);

/* graph.c */
scion_status net__editable(scion_context *ctx, const scion_net *net);
void net__changed(scion_context *ctx, scion_net *net); /* plans are stale */
/* The first node that `value` depends on and that is set in `marks` ... marks[pos] is set for every node that `wanted` need;
 * nodes behind a value in `stop` (by value id, may be NULL) are not entered. */
void net__mark(const scion_net *net, int32_t n, const int32_t *wanted, const bool *stop, bool *marks);
scion_status net__attrs_set(scion_context *ctx, net_attrs *attrs, const char *key, const char *value);
void net__attrs_free(scion_context *ctx, net_attrs *attrs);
scion_status net__add_node_like(scion_context *ctx, scion_net *net, const net_node *like, const char *name, const int32_t *inputs,
                                int32_t *values);
void net__truncate(scion_context *ctx, scion_net *net, int32_t n_inputs, int32_t n_entries, int32_t n_nodes, int32_t n_values);
bool net__layer_training(const scion_net *net, const net_node *node, int32_t run_mode);

/* forward.c */
scion_status net__run_node(scion_context *ctx, const net_node *node, bool training, void *host, int32_t n_in, scion_tensor *const *in,
                           scion_tensor **out);
/* The same for a run over several tasks (tasks.c); own: which inputs carry one value per task. */
scion_status net__run_tasks(scion_context *ctx, const net_node *node, bool training, int64_t tasks, int32_t n_in, scion_tensor *const *in,
                            const bool *own, scion_tensor **out);
scion_status net__blame(scion_context *ctx, const net_node *node, scion_status st); /* "layer 'conv2' (Conv2d): ..." */

/* executor.c: the order of work for a list of wanted values. */
typedef struct net_step {
  const net_node *node;
  const net_node *norm;       /* batch norm folded into node, or NULL */
  const net_node *act;        /* activation done by node's own op, or NULL */
  int32_t act_choice;         /* its position in the op's `activation` parameter */
  const net_node *add;        /* addition done by node's own op, or NULL */
  int32_t plus;               /* the value that it adds */
  const net_node *last;       /* the node whose outputs the step makes */
  int32_t first_dead, n_dead; /* values whose last use this is: into plan->dead */
  int32_t fold;               /* position in plan->folds, -1 none */
} net_step;
typedef struct net_fold {
  uint64_t versions[6];
  const void *storages[6];
  scion_tensor *weight, *bias; /* folded; NULL: not made yet */
} net_fold;
typedef struct net_plan {
  int32_t refs;
  bool fused;
  int32_t n_wanted, n_steps, n_dead, n_folds, n_values;
  int32_t *wanted;
  net_step *steps;
  int32_t *dead;
  net_fold *folds;
} net_plan;
scion_status net__plan(scion_context *ctx, scion_net *net, int32_t n, const int32_t *wanted, bool fused, net_plan **out);
void net__plan_free(scion_context *ctx, net_plan *plan);
/* Folded weight and bias of a step (borrowed from the plan), made again when an entry has changed. */
scion_status net__fold(scion_context *ctx, const scion_net *net, net_plan *plan, const net_step *step, scion_tensor **weight,
                       scion_tensor **bias);
int32_t net__slot(const scion_op *op, const char *name);  /* input slot by name, -1 none */
const scion_param *net__param(const scion_op *op, const char *name); /* NULL: none */

#endif
