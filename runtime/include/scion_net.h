/* scion_net.h: the model graph: named layers over a table of named parameters and buffers.
 * Included by scion.h.
 *
 * A net is a list of values: inputs, entries (parameters, buffers, constants) and the outputs of
 * nodes. A node is one use of an op (or of a host function) on earlier values; two nodes may use one entry
 * (shared weights). Value ids are stable until the net is edited. Names are dotted ("layer1.0.conv1.weight"). */
#ifndef SCION_NET_H
#define SCION_NET_H

typedef struct scion_net scion_net;

typedef enum scion_entry_kind { SCION_ENTRY_PARAM, SCION_ENTRY_BUFFER, SCION_ENTRY_CONST } scion_entry_kind;

SCION_API scion_status scion_net_new(scion_context *ctx, scion_net **out);
SCION_API scion_net *scion_net_ref(scion_net *net);
SCION_API void scion_net_free(scion_context *ctx, scion_net *net);

/* Building. dtype -1: any; n_dims -1: any; a dim of -1: any. */
SCION_API scion_status scion_net_add_input(scion_context *ctx, scion_net *net, const char *name, int32_t dtype,
                                           int32_t n_dims, const int64_t *shape, int32_t *value);
SCION_API scion_status scion_net_add_entry(scion_context *ctx, scion_net *net, const char *name,
                                           scion_entry_kind kind, scion_tensor *tensor, int32_t *value);
/* type: the layer's name for users ("Conv2d"); NULL: the op's. inputs: value ids, -1 for omitted optional ones. values: room
 * for the op's visible outputs. */
SCION_API scion_status scion_net_add_node(scion_context *ctx, scion_net *net, const char *name, const char *type,
                                          const scion_op *op, const void *params, int32_t n_inputs,
                                          const int32_t *inputs, int32_t *values);
SCION_API scion_status scion_net_set_outputs(scion_context *ctx, scion_net *net, int32_t n, const int32_t *values);

#endif
