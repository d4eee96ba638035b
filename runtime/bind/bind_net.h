/* bind_net.h: shared by bind_net.c (the class, running, files) and bind_net_edit.c (building, looking, editing). */
#ifndef SCION_BIND_NET_H
#define SCION_BIND_NET_H

#include "bind.h"

/* A net in Lua: a box with one user value: the table { functions = { key -> Lua layer }, hooks = { layer name ->
 * list of functions } }. The engine's nodes know Lua layers by key only, so that no C object holds a
 * reference into Lua. Keys are unique in a state: nets that share layers share keys. */
typedef struct bind_net {
  const void *magic;
  scion_net *net;
  int n_hooks;
} bind_net;

extern const char bind_net_magic;

/* The engine's `host` pointer during a run: where the functions are. */
typedef struct bind_net_host {
  lua_State *L;
  int uservalue; /* stack index of the net's table */
} bind_net_host;

bind_net *bind_net_to(lua_State *L, int index);      /* NULL: no net */
scion_net *bind_net_check(lua_State *L, int index);  /* borrowed; raises */
bind_net *bind_net_new(lua_State *L);                /* pushes an empty box with its table; fill ->net */
void bind_net_table(lua_State *L, int index, const char *field); /* pushes functions or hooks of the net at index */
void bind_net_copy_functions(lua_State *L, int from, int to);    /* so that a clone finds the layers of the original */
lua_Integer bind_net_hold(lua_State *L, int net, int fn);        /* keeps the function at `fn` for the net at `net`; its key */
scion_status bind_net_call_layer(scion_context *ctx, void *ud, const scion_net_custom_call *call);
int32_t bind_net_value(lua_State *L, scion_net *net, int index); /* value id from a name or a (1-based) number */
void bind_net_push_value(lua_State *L, const scion_net *net, int32_t value); /* its name */
int32_t bind_net_layer(lua_State *L, scion_net *net, int index); /* node position from a name */
int32_t bind_net_entry(lua_State *L, scion_net *net, int index);
void bind_net_edit_methods(lua_State *L);            /* adds to the methods table on the top */

/* bind_ops.c: fills a parameter struct from the table at `table` (names, 1-based dimensions; 0: no table), over `from` or the
 * defaults. */
void bind_params(lua_State *L, const scion_op *op, int table, const void *from, void *params);
/* Pushes a table with the parameters of a struct, as users spell them. */
void bind_push_params(lua_State *L, const scion_op *op, const void *params);

#endif
