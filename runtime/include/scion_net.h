/* scion_net.h: the model graph: named layers over a table of named parameters and buffers.
 * Included by scion.h.
 *
 * A net is a list of values: inputs, entries (parameters, buffers, constants) and the outputs of
 * nodes. A node is one use of an op (or of a host function) on earlier values; two nodes may use one
 * entry (shared weights). Value ids stay what they are through every edit; only scion_net_prune,
 * _clone and _extract renumber. Nodes, entries, inputs and outputs are also numbered 0.. in order;
 * those positions move when something before them is removed. Nodes are kept in an order in which
 * they can run. Names are dotted ("layer1.0.conv1.weight"), unique among nodes, among entries and
 * among inputs. */
#ifndef SCION_NET_H
#define SCION_NET_H

typedef struct scion_net scion_net;

typedef enum scion_entry_kind { SCION_ENTRY_PARAM, SCION_ENTRY_BUFFER, SCION_ENTRY_CONST } scion_entry_kind;

SCION_API scion_status scion_net_new(scion_context *ctx, scion_net **out);
SCION_API scion_net *scion_net_ref(scion_net *net);
SCION_API void scion_net_free(scion_context *ctx, scion_net *net);

/* ---- building ------------------------------------------------------------------------------- */

/* dtype -1: any; n_dims -1: any; a dim of -1: any. */
SCION_API scion_status scion_net_add_input(scion_context *ctx, scion_net *net, const char *name, int32_t dtype,
                                           int32_t n_dims, const int64_t *shape, int32_t *value);
/* The net shares the tensor (takes a reference). A tensor that is an entry already may be added under
 * a second name; call scion_net_find_tensor first to share the entry instead. */
SCION_API scion_status scion_net_add_entry(scion_context *ctx, scion_net *net, const char *name,
                                           scion_entry_kind kind, scion_tensor *tensor, int32_t *value);
/* type: the layer's name for users ("Conv2d"); NULL: the op's. params NULL: defaults. inputs: value ids,
 * -1 for omitted optional ones. values: room for the op's visible outputs, may be NULL. */
SCION_API scion_status scion_net_add_node(scion_context *ctx, scion_net *net, const char *name, const char *type,
                                          const scion_op *op, const void *params, int32_t n_inputs,
                                          const int32_t *inputs, int32_t *values);
SCION_API scion_status scion_net_set_outputs(scion_context *ctx, scion_net *net, int32_t n, const int32_t *values);

/* A layer that is a function of the host. `fn` sets owned tensors. The net owns `ud` once the node is
 * added and calls `free` when the last net that shares the function lets go. */
typedef struct scion_net_custom_call {
  const char *layer;            /* the node's name */
  const char *config;           /* the text given with the function, or "" */
  int32_t training;             /* the mode this layer runs in */
  void *host;                   /* scion_net_run.host: the binding's state during this call */
  scion_tensor *const *inputs; int32_t n_inputs; /* NULL for omitted ones */
  scion_tensor **outputs; int32_t n_outputs;
} scion_net_custom_call;
typedef struct scion_net_custom {
  size_t size;                  /* sizeof(scion_net_custom) */
  const char *name;             /* registered name that files refer to; NULL: the net cannot be saved */
  const char *config;           /* text kept with it in files; may be NULL */
  scion_status (*fn)(scion_context *ctx, void *ud, const scion_net_custom_call *call);
  void (*free)(scion_context *ctx, void *ud);
  void *ud;
} scion_net_custom;
#define SCION_NET_CUSTOM_INIT { sizeof(scion_net_custom), NULL, NULL, NULL, NULL, NULL }
SCION_API scion_status scion_net_add_custom(scion_context *ctx, scion_net *net, const char *name, const char *type,
                                            const scion_net_custom *custom, int32_t n_inputs,
                                            const int32_t *inputs, int32_t n_outputs, int32_t *values);

/* ---- looking (pointers are borrowed until the net is edited) --------------------------------- */

SCION_API int32_t scion_net_n_inputs(const scion_net *net);
SCION_API int32_t scion_net_n_entries(const scion_net *net);
SCION_API int32_t scion_net_n_nodes(const scion_net *net);
SCION_API int32_t scion_net_n_outputs(const scion_net *net);
SCION_API int32_t scion_net_n_values(const scion_net *net); /* ids are below this */
SCION_API int32_t scion_net_get_output(const scion_net *net, int32_t i); /* value id; -1 past the end */

typedef struct scion_net_shape {
  int32_t dtype, n_dims; /* -1: any */
  int64_t shape[SCION_MAX_DIMS]; /* -1: any */
} scion_net_shape;
typedef struct scion_input_info { const char *name; int32_t value; scion_net_shape shape; } scion_input_info;
typedef struct scion_entry_info {
  const char *name; int32_t value;
  scion_entry_kind kind;
  scion_tensor *tensor;
  int32_t frozen;
} scion_entry_info;
typedef struct scion_node_info {
  const char *name, *type;
  const scion_op *op;       /* NULL: a host function */
  const char *custom;       /* its registered name, "" when it has none; NULL: an op */
  const char *config;
  void *custom_ud;
  const void *params;       /* op's parameter struct, or NULL */
  const int32_t *inputs, *outputs; /* value ids; -1: omitted */
  int32_t n_inputs, n_outputs;
  int32_t mode;             /* -1: as the net; 0: pinned to eval; 1: pinned to train */
} scion_node_info;
typedef enum scion_value_kind { SCION_VALUE_NONE, SCION_VALUE_INPUT, SCION_VALUE_ENTRY, SCION_VALUE_NODE } scion_value_kind;
typedef struct scion_value_info { scion_value_kind kind; int32_t index; int32_t slot; const char *name; } scion_value_info;
/* false: no such position. A removed value has kind SCION_VALUE_NONE. */
SCION_API int scion_net_get_input(const scion_net *net, int32_t i, scion_input_info *out);
SCION_API int scion_net_get_entry(const scion_net *net, int32_t i, scion_entry_info *out);
SCION_API int scion_net_get_node(const scion_net *net, int32_t i, scion_node_info *out);
SCION_API int scion_net_get_value(const scion_net *net, int32_t value, scion_value_info *out);
/* Positions by name; -1: none. Entries also answer to MXNet's spelling ("conv1_weight" for
 * "conv1.weight") where it is unambiguous. */
SCION_API int32_t scion_net_find_input(const scion_net *net, const char *name);
SCION_API int32_t scion_net_find_entry(const scion_net *net, const char *name);
SCION_API int32_t scion_net_find_node(const scion_net *net, const char *name);
SCION_API int32_t scion_net_find_tensor(const scion_net *net, const scion_tensor *tensor); /* entry that holds it */
/* Value id by name: a layer's (first) output, "layer:2" for its third, an input, an entry. Fails with
 * the nearest names. */
SCION_API scion_status scion_net_find_value(scion_context *ctx, const scion_net *net, const char *name, int32_t *value);
/* Entries that a node reads directly, without repetition: the layer's own parameters and buffers. Returns how many
 * there are; at most `room` are written. */
SCION_API int32_t scion_net_node_entries(const scion_net *net, int32_t node, int32_t *entries, int32_t room);
/* Nodes that read a value. */
SCION_API int32_t scion_net_value_uses(const scion_net *net, int32_t value, int32_t *nodes, int32_t room);

/* ---- editing -------------------------------------------------------------------------------- */

SCION_API scion_status scion_net_rename_node(scion_context *ctx, scion_net *net, int32_t node, const char *name);
SCION_API scion_status scion_net_rename_entry(scion_context *ctx, scion_net *net, int32_t entry, const char *name);
SCION_API scion_status scion_net_rename_input(scion_context *ctx, scion_net *net, int32_t input, const char *name);
/* What an input accepts: as for scion_net_add_input. */
SCION_API scion_status scion_net_describe_input(scion_context *ctx, scion_net *net, int32_t input, int32_t dtype, int32_t n_dims, const int64_t *shape);
SCION_API scion_status scion_net_set_node_type(scion_context *ctx, scion_net *net, int32_t node, const char *type);
/* Other op parameters for an op node (a struct of the same op). */
SCION_API scion_status scion_net_set_node_params(scion_context *ctx, scion_net *net, int32_t node, const void *params);
/* Rewires one input of a node; the order of nodes is mended, a cycle is SCION_EINVAL. */
SCION_API scion_status scion_net_set_node_input(scion_context *ctx, scion_net *net, int32_t node, int32_t slot, int32_t value);
/* Every use of `old` (net outputs included) becomes `value`, except in the nodes that compute `value`: so to insert
 * layers after `old`, add nodes that read it and call this. */
SCION_API scion_status scion_net_replace_value(scion_context *ctx, scion_net *net, int32_t old, int32_t value);
/* A node, entry or input that something still reads is not removed: SCION_EINVAL naming the readers. */
SCION_API scion_status scion_net_remove_node(scion_context *ctx, scion_net *net, int32_t node);
SCION_API scion_status scion_net_remove_entry(scion_context *ctx, scion_net *net, int32_t entry);
SCION_API scion_status scion_net_remove_input(scion_context *ctx, scion_net *net, int32_t input);
/* Another tensor for an entry (taken as a reference). */
SCION_API scion_status scion_net_set_entry(scion_context *ctx, scion_net *net, int32_t entry, scion_tensor *tensor);
SCION_API scion_status scion_net_set_entry_kind(scion_context *ctx, scion_net *net, int32_t entry, scion_entry_kind kind);
/* Drops nodes that no output needs and entries that no node reads, and renumbers values. Inputs
 * stay unless `inputs_too`. */
SCION_API scion_status scion_net_prune(scion_context *ctx, scion_net *net, int inputs_too);
/* A net of its own to edit. Tensors are shared (deep 0: training one trains the other) or copied. */
SCION_API scion_status scion_net_clone(scion_context *ctx, const scion_net *net, int deep, scion_net **out);
/* The part that computes `to` from `from`: values `from` become inputs (the net's own inputs stay
 * where they are still needed). Tensors are shared. */
SCION_API scion_status scion_net_extract(scion_context *ctx, const scion_net *net, int32_t n_from, const int32_t *from,
                                         int32_t n_to, const int32_t *to, scion_net **out);
/* Splices `src` into `net`: its inputs become `inputs` (one value per input of src), names get `prefix`
 * and a dot (NULL: none; a node or entry of src without a name takes the prefix alone). Entries whose tensor is in `net`
 * already are shared. outputs: values of src's outputs; may be NULL. */
SCION_API scion_status scion_net_merge(scion_context *ctx, scion_net *net, const scion_net *src, const char *prefix,
                                       const int32_t *inputs, int32_t *outputs);

/* Text attributes of the net (node -1) or of a node: class names, preprocessing, conventions. value NULL removes. */
SCION_API scion_status scion_net_set_attr(scion_context *ctx, scion_net *net, int32_t node, const char *key, const char *value);
SCION_API const char *scion_net_get_attr(const scion_net *net, int32_t node, const char *key); /* NULL: none */
SCION_API int scion_net_attr_at(const scion_net *net, int32_t node, int32_t i, const char **key, const char **value);

/* ---- modes ---------------------------------------------------------------------------------- */

SCION_API void scion_net_set_training(scion_net *net, int on); /* a new net is in training mode, as in PyTorch */
SCION_API int scion_net_training(const scion_net *net);
/* -1: as the net; 0: always eval (a frozen batch norm); 1: always train (Monte-Carlo dropout). */
SCION_API scion_status scion_net_set_node_mode(scion_context *ctx, scion_net *net, int32_t node, int32_t mode);
/* Frozen parameters do not ask for gradients; requires_grad of the tensor follows. */
SCION_API scion_status scion_net_set_frozen(scion_context *ctx, scion_net *net, int32_t entry, int on);

/* ---- running -------------------------------------------------------------------------------- */

typedef struct scion_net_run {
  size_t size;                        /* sizeof(scion_net_run) */
  int32_t mode;                       /* -1: the net's; 0: eval; 1: train; 2: batch norms train, the rest eval */
  int32_t plan;                       /* 1: the executor where no gradient is recorded; 0: node by node */
  int32_t n_outputs;                  /* values wanted; 0: the net's outputs. Only what they need is run */
  const int32_t *outputs;
  int32_t n_overrides;                /* tensors instead of entries (functional calls) */
  const int32_t *override_entries;    /* entry positions */
  scion_tensor *const *override_tensors;
  /* Called after a node with its outputs, which it may replace (release the old, give owned ones). */
  scion_status (*hook)(scion_context *ctx, void *ud, int32_t node, scion_tensor **outputs, int32_t n_outputs);
  void *ud;
  void *host;                         /* handed to custom nodes */
  /* Above 0: the items of so many tasks stand one task after the other in the inputs (equally many each), and an override
   * may carry one value per task in a dimension in front. Statistics of batch norms are each task's own; running ones move
   * in training only where every task has its own. A layer that cannot do so: SCION_EUNSUPPORTED. */
  int64_t tasks;
} scion_net_run;
#define SCION_NET_RUN_INIT { sizeof(scion_net_run), -1, 1, 0, NULL, 0, NULL, NULL, NULL, NULL, NULL, 0 }

/* Runs the net. inputs: one tensor per input (NULL for inputs that the wanted outputs do not need).
 * outputs: room for as many tensors as wanted, owned by the caller. Messages name the layer. */
SCION_API scion_status scion_net_forward(scion_context *ctx, scion_net *net, scion_tensor *const *inputs, int32_t n_inputs,
                                         const scion_net_run *run, scion_tensor **outputs, int32_t n_outputs);

/* Shapes of all values (n_values of them; dtype -1 where a value is not needed for the outputs) for inputs of the given shapes,
 * computed without data. Layers whose shape depends on values are run on zeros. costs: multiply-adds by node, may be NULL. */
SCION_API scion_status scion_net_infer(scion_context *ctx, scion_net *net, const scion_net_shape *inputs, int32_t n_inputs,
                                       void *host, scion_net_shape *values, double *costs);
/* Elements of parameters; *trainable counts those that are not frozen. */
SCION_API int64_t scion_net_n_parameters(const scion_net *net, int64_t *trainable);

/* ---- files (the one format: safetensors with the structure in its metadata) -------------------- */

/* Writes to a temporary file beside `path`, syncs, renames: an existing file is replaced whole or not at all. A host function without
 * a registered name: SCION_EUNSUPPORTED naming the layer. */
SCION_API scion_status scion_net_save(scion_context *ctx, scion_net *net, const char *path);
typedef struct scion_net_load_options {
  size_t size;
  /* Fills in fn, free and ud for a registered host function; NULL or a failure makes loading fail, naming the layer. */
  scion_status (*custom)(scion_context *ctx, void *ud, const char *name, const char *config, scion_net_custom *out);
  void *ud;
  /* 1: weights are windows on a private mapping of the file instead of copies, where the alignment in it allows that. Pages come from the file when they
   * are used, several processes share them, and a write makes a copy of the page. The price: whoever shortens the file while the net lives kills the
   * process with SIGBUS, against which a library has no means, and whoever writes into it may change weights. So copies are the default; choose
   * this for files that are replaced whole (renamed over, as scion writes them) or not at all. */
  int mmap;
} scion_net_load_options;
SCION_API scion_status scion_net_load(scion_context *ctx, const char *path, const scion_net_load_options *options, scion_net **out);
/* 32 hexadecimal digits over structure and weights: which network a repurposer belongs to. */
SCION_API scion_status scion_net_hash(scion_context *ctx, scion_net *net, char out[33]);

#endif
