/* bind.h: shared by the files of bind/, the only room where C meets lua.h. The engine is seen through
 * include/ only.
 *
 * A tensor in Lua is a userdata box holding one reference. Rule for every function here: make the box first
 * (bind_new, bind_push), then fill it, so that a Lua error never leaks a tensor. No engine frame is ever
 * jumped over: callbacks from the engine run protected (bind_call) and report SCION_ECALLBACK.
 *
 * A new file of bindings has `void bind_open_NAME(lua_State *L)`, which finds the module table on the top
 * of the stack and leaves it there, and a line in modules.def. */
#ifndef SCION_BIND_H
#define SCION_BIND_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>
#include <string.h>

#include "scion.h"
#include "scion_lua.h"

typedef struct bind_state { /* one per lua_State, in the registry */
  scion_context *ctx;
  int64_t gc_limit;       /* live bytes above which the collector runs; 0: the floor */
  int64_t gc_boxes, gc_boxes_given; /* boxes that may still be made before it runs, and that might at the start */
  struct bind_box *scope; /* boxes made since the innermost scope() opened; list head or NULL */
  int error_ref;          /* error object of a failed callback, or LUA_NOREF */
  lua_State *L;           /* the running coroutine at the last entry: callbacks use it */
} bind_state;

typedef struct bind_box {
  const void *magic;
  scion_tensor *t;              /* NULL: closed */
  struct bind_box *prev, *next; /* in a scope's list */
} bind_box;

extern const char bind_magic; /* its address marks boxes */

bind_state *bind_get(lua_State *L); /* raises when the state has no scion */
static inline scion_context *bind_ctx(lua_State *L) { return bind_get(L)->ctx; }

/* Errors. */
int bind_raise(lua_State *L, scion_status status); /* with the context's message and the caller's position; never returns */
static inline void bind_try(lua_State *L, scion_status status) {
  if (status != SCION_OK) bind_raise(L, status);
}

const char *bind_path(lua_State *L, int arg); /* a file's name: text without zero bytes, never a number */

/* Tensors. */
static inline bind_box *bind_to_box(lua_State *L, int index) {
  bind_box *box = lua_touserdata(L, index);
  return box != NULL && lua_rawlen(L, index) == sizeof(bind_box) && box->magic == &bind_magic ? box : NULL;
}
scion_tensor **bind_new(lua_State *L);         /* pushes an empty box; fill *result */
void bind_push(lua_State *L, scion_tensor *t); /* shares t (NULL pushes nil) */
scion_tensor *bind_check(lua_State *L, int index); /* borrowed; raises when no tensor or closed */
scion_tensor *bind_opt(lua_State *L, int index);   /* NULL for nil or none */
/* The same with the state at hand and the boxes' metatable at stack index `meta`: for hot paths. */
bind_box *bind_new_in(lua_State *L, bind_state *s, int meta);
void bind_charge_state(lua_State *L, bind_state *s);
void bind_charge(lua_State *L); /* collect garbage when tensors have grown much; call before making large things */

/* Values. */
void bind_push_list(lua_State *L, int n, const int64_t *v); /* a list that prints itself */
void bind_list_meta(lua_State *L);                          /* turns the table on top into such a list */
int bind_ints(lua_State *L, int index, const char *who, int64_t *v, int max); /* list or number at index -> count */
scion_dtype bind_dtype(lua_State *L, int index, const char *who); /* a dtype name */

/* Protected call from an engine callback: function and arguments are on L's stack, as for lua_call. A Lua error is
 * kept and raised again by bind_raise. Yields across it are errors. */
scion_status bind_call(lua_State *L, int n_args, int n_results);

/* Running an op by name with inputs on hand; pushes the first output's box. params: NULL or a filled struct. */
void bind_apply(lua_State *L, const scion_op *op, scion_tensor *const *inputs, int n_inputs, const void *params);

/* The modules (modules.def). */
#define BIND_MODULE(name) void bind_open_##name(lua_State *L);
#include "modules.def"
#undef BIND_MODULE

#endif
