/* node.h: the graph of gradients. A node is one recorded call: what it kept, where its inputs came from.
 * Nodes are counted; a tensor holds the node that made it, a node holds its inputs' nodes, so the graph
 * lives as long as somebody can ask for a gradient through it. Backward releases what it walked. */
#ifndef SCION_NODE_H
#define SCION_NODE_H

#include "../ops/op.h"

#define SCION_NOT_KEPT UINT64_MAX

typedef struct scion_edge {
  struct scion_node *node; /* where the input came from, or */
  scion_tensor *leaf;      /* the leaf it is; both NULL: no gradient wanted */
  uint32_t index;          /* which output of node */
} scion_edge;

typedef struct scion_hook {
  struct scion_hook *next;
  int64_t id;
  uint32_t index; /* output of the node */
  scion_hook_fn fn;
  void *ud;
  void (*release)(scion_context *ctx, void *ud);
} scion_hook;

typedef struct scion_node {
  int32_t refs;
  int32_t n_in, n_out;
  bool released;         /* its kept tensors are gone */
  const void *run;       /* the running backward it takes part in, or NULL: one may run inside another's rule */
  bool wanted;           /* leads to something asked for */
  uint64_t sequence;     /* order of recording: an edge always leads to a smaller one */
  const scion_op *op;    /* NULL: custom */
  void *params;
  scion_custom custom;
  scion_edge *edges;     /* [n_in] */
  scion_tensor **in;     /* [n_in] kept inputs; others shapes only; NULL omitted */
  uint64_t *in_version;  /* [n_in] when kept, else SCION_NOT_KEPT */
  scion_tensor **out;    /* [n_out] kept outputs (without history) or shapes */
  uint64_t *out_version;
  scion_hook *hooks;
  size_t bytes;          /* of this block */
  /* while a backward runs */
  scion_tensor **grads;  /* [n_out] */
  int32_t pending;
  struct scion_node *next; /* worklist of the dying */
} scion_node;

struct scion_autograd_meta { /* of a leaf */
  scion_tensor *grad;
  scion_hook *hooks;
};

void scion__node_unref(scion_context *ctx, scion_node *node);
void scion__node_release_kept(scion_context *ctx, scion_node *node);
void scion__set_history(scion_tensor *t, scion_node *node, uint32_t index); /* takes a reference */

#endif
