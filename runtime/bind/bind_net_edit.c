/* bind_net_edit.c: building, looking at and editing nets from Lua. Values are named (a layer's name stands for its
 * first output, "layer:1" for its second) or numbered as add_* returned them. */
#include "bind_net.h"

#define MAX_NODE_INPUTS 4096

static const char *const entry_kinds[] = { "param", "buffer", "const", NULL };

/* ---- building ---------------------------------------------------------------------------------- */

static void push_id(lua_State *L, int32_t value) { lua_pushinteger(L, (lua_Integer)value + 1); }

/* { shape = { -1, 784 }, dtype = "f32" } at 3, or nothing */
static int32_t description(lua_State *L, const char *who, int32_t *dtype, int64_t *shape) {
  int32_t n_dims = -1;
  *dtype = -1;
  if (lua_isnoneornil(L, 3)) return n_dims;
  luaL_checktype(L, 3, LUA_TTABLE);
  if (lua_getfield(L, 3, "dtype") != LUA_TNIL) *dtype = (int32_t)bind_dtype(L, -1, who);
  if (lua_getfield(L, 3, "shape") != LUA_TNIL) n_dims = bind_ints(L, lua_gettop(L), who, shape, SCION_MAX_DIMS);
  return n_dims;
}
/* add_input(name, { shape =, dtype = }) -> value */
static int net_add_input(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  const char *name = luaL_checkstring(L, 2);
  int64_t shape[SCION_MAX_DIMS];
  int32_t dtype, value, n_dims = description(L, "net:add_input: shape", &dtype, shape);
  bind_try(L, scion_net_add_input(bind_ctx(L), net, name, dtype, n_dims, shape, &value));
  push_id(L, value);
  return 1;
}

/* add_entry(name, tensor, kind = "param") -> value; a tensor that is in the net already is shared. */
static int net_add_entry(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  const char *name = luaL_checkstring(L, 2);
  scion_tensor *t = bind_check(L, 3);
  int kind = luaL_checkoption(L, 4, "param", entry_kinds);
  int32_t there = scion_net_find_tensor(net, t), value;
  scion_entry_info info;
  if (scion_net_get_entry(net, there, &info)) {
    push_id(L, info.value);
    return 1;
  }
  scion_context *ctx = bind_ctx(L);
  bind_try(L, scion_net_add_entry(ctx, net, name, (scion_entry_kind)kind, t, &value));
  push_id(L, value);
  return 1;
}

static int32_t *read_inputs(lua_State *L, scion_net *net, int index, int *n) {
  luaL_checktype(L, index, LUA_TTABLE);
  lua_Integer count = luaL_len(L, index);
  if (count > MAX_NODE_INPUTS) luaL_error(L, "net: %d inputs, at most %d are possible", (int)count, MAX_NODE_INPUTS);
  *n = (int)count;
  int32_t *in = lua_newuserdatauv(L, (size_t)(count + 1) * sizeof *in, 0);
  for (int i = 0; i < *n; i++) {
    lua_geti(L, index, i + 1);
    in[i] = lua_toboolean(L, -1) ? bind_net_value(L, net, lua_gettop(L)) : -1; /* false: omitted */
    lua_pop(L, 1);
  }
  return in;
}

/* add_node(name, type, op, params or nil, inputs) -> values */
static int net_add_node(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  const char *name = luaL_checkstring(L, 2), *type = luaL_optstring(L, 3, NULL), *op_name = luaL_checkstring(L, 4);
  const scion_op *op = scion_op_find(op_name);
  if (op == NULL) return luaL_error(L, "net:add_node: unknown operation '%s'", op_name);
  int n, n_out = scion_op_get_info(op)->n_visible;
  int32_t values[SCION_MAX_OUTPUTS];
  _Alignas(16) char params[2048];
  bind_params(L, op, lua_isnoneornil(L, 5) ? 0 : 5, NULL, params);
  int32_t *in = read_inputs(L, net, 6, &n);
  bind_try(L, scion_net_add_node(bind_ctx(L), net, name, type, op, params, n, in, values));
  for (int i = 0; i < n_out; i++) push_id(L, values[i]);
  return n_out;
}

/* add_custom(name, type, fn, { name = registered, config = text }, inputs, n_outputs = 1) -> values. fn is called as
 * fn(x, ..., { layer=, training=, config= }). */
static int net_add_custom(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  const char *name = luaL_checkstring(L, 2), *type = luaL_optstring(L, 3, NULL);
  luaL_checktype(L, 4, LUA_TFUNCTION);
  scion_net_custom custom = SCION_NET_CUSTOM_INIT;
  if (!lua_isnoneornil(L, 5)) {
    luaL_checktype(L, 5, LUA_TTABLE);
    lua_getfield(L, 5, "name");
    custom.name = lua_tostring(L, -1);
    lua_getfield(L, 5, "config");
    custom.config = lua_tostring(L, -1);
  }
  int n;
  int32_t *in = read_inputs(L, net, 6, &n), values[SCION_MAX_OUTPUTS];
  lua_Integer n_out = luaL_optinteger(L, 7, 1);
  luaL_argcheck(L, n_out >= 1 && n_out <= SCION_MAX_OUTPUTS, 7, "1..8 outputs are possible");
  lua_Integer key = bind_net_hold(L, 1, 4);
  custom.fn = bind_net_call_layer;
  custom.ud = (void *)(intptr_t)key;
  bind_try(L, scion_net_add_custom(bind_ctx(L), net, name, type, &custom, n, in, (int32_t)n_out, values));
  for (int i = 0; i < (int)n_out; i++) push_id(L, values[i]);
  return (int)n_out;
}

static int net_set_outputs(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  int n;
  if (!lua_istable(L, 2)) { /* set_outputs("fc") */
    lua_settop(L, 2);
    lua_createtable(L, 1, 0);
    lua_insert(L, 2);
    lua_rawseti(L, 2, 1);
  }
  int32_t *values = read_inputs(L, net, 2, &n);
  bind_try(L, scion_net_set_outputs(bind_ctx(L), net, n, values));
  return 0;
}

/* ---- looking ----------------------------------------------------------------------------------- */

static int net_find(lua_State *L) { /* find(name) -> value number; raises when unknown */
  push_id(L, bind_net_value(L, bind_net_check(L, 1), 2));
  return 1;
}
static int net_has_layer(lua_State *L) {
  lua_pushboolean(L, scion_net_find_node(bind_net_check(L, 1), luaL_checkstring(L, 2)) >= 0);
  return 1;
}
static int net_value_name(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  bind_net_push_value(L, net, bind_net_value(L, net, 2));
  return 1;
}

static void set_string(lua_State *L, const char *key, const char *s) {
  lua_pushstring(L, s);
  lua_setfield(L, -2, key);
}

static void push_layer(lua_State *L, scion_net *net, int32_t i) {
  scion_node_info info;
  scion_net_get_node(net, i, &info);
  lua_createtable(L, 0, 10);
  set_string(L, "name", info.name);
  set_string(L, "type", info.type);
  lua_pushinteger(L, i + 1);
  lua_setfield(L, -2, "position");
  if (info.op != NULL) {
    set_string(L, "op", scion_op_get_info(info.op)->name);
    bind_push_params(L, info.op, info.params);
    lua_setfield(L, -2, "params");
  } else {
    set_string(L, "custom", info.custom);
    set_string(L, "config", info.config);
  }
  if (info.mode >= 0) set_string(L, "mode", info.mode == 1 ? "train" : "eval");
  lua_createtable(L, info.n_inputs, 0);
  lua_createtable(L, info.n_inputs, 0);
  int n = 0;
  for (int k = 0; k < info.n_inputs; k++) { /* inputs: all slots; sources: those that are not entries */
    scion_value_info v = { SCION_VALUE_NONE, -1, 0, "" };
    bind_net_push_value(L, net, info.inputs[k]);
    if (info.inputs[k] >= 0) scion_net_get_value(net, info.inputs[k], &v);
    if (v.kind == SCION_VALUE_INPUT || v.kind == SCION_VALUE_NODE) {
      lua_pushvalue(L, -1);
      lua_rawseti(L, -3, ++n);
    }
    lua_rawseti(L, -3, k + 1);
  }
  bind_list_meta(L);
  lua_setfield(L, -3, "sources");
  bind_list_meta(L);
  lua_setfield(L, -2, "inputs");
  lua_pushinteger(L, info.n_outputs);
  lua_setfield(L, -2, "n_outputs");
  int32_t entries[64];
  int32_t n_entries = scion_net_node_entries(net, i, entries, 64);
  lua_createtable(L, n_entries, 0);
  for (int32_t k = 0; k < n_entries && k < 64; k++) {
    scion_entry_info e;
    scion_net_get_entry(net, entries[k], &e);
    lua_pushstring(L, e.name);
    lua_rawseti(L, -2, k + 1);
  }
  bind_list_meta(L);
  lua_setfield(L, -2, "entries");
}

/* layers() -> list of { name=, type=, position=, op=, params=, inputs=, sources=, entries=, n_outputs=, mode= } */
static int net_layers(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  int n = scion_net_n_nodes(net);
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    push_layer(L, net, i);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}
static int net_layer(lua_State *L) { /* layer(name) -> the same for one */
  scion_net *net = bind_net_check(L, 1);
  push_layer(L, net, bind_net_layer(L, net, 2));
  return 1;
}
static int net_layer_names(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  int n = scion_net_n_nodes(net);
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    scion_node_info info;
    scion_net_get_node(net, i, &info);
    lua_pushstring(L, info.name);
    lua_rawseti(L, -2, i + 1);
  }
  bind_list_meta(L);
  return 1;
}
static int net_entries(lua_State *L) { /* list of { name=, kind=, frozen=, tensor= } */
  scion_net *net = bind_net_check(L, 1);
  int n = scion_net_n_entries(net);
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    scion_entry_info e;
    scion_net_get_entry(net, i, &e);
    lua_createtable(L, 0, 4);
    set_string(L, "name", e.name);
    set_string(L, "kind", entry_kinds[e.kind]);
    lua_pushboolean(L, e.frozen);
    lua_setfield(L, -2, "frozen");
    bind_push(L, e.tensor);
    lua_setfield(L, -2, "tensor");
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}
static int net_inputs(lua_State *L) { /* list of { name=, dtype=, shape= } */
  scion_net *net = bind_net_check(L, 1);
  lua_newtable(L);
  for (int i = 0; i < scion_net_n_inputs(net); i++) {
    scion_input_info in;
    scion_net_get_input(net, i, &in);
    lua_createtable(L, 0, 3);
    set_string(L, "name", in.name);
    if (in.shape.dtype >= 0) set_string(L, "dtype", scion_dtype_name((scion_dtype)in.shape.dtype));
    if (in.shape.n_dims >= 0) {
      bind_push_list(L, in.shape.n_dims, in.shape.shape);
      lua_setfield(L, -2, "shape");
    }
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}
static int net_outputs(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  lua_newtable(L);
  for (int i = 0; i < scion_net_n_outputs(net); i++) {
    bind_net_push_value(L, net, scion_net_get_output(net, i));
    lua_rawseti(L, -2, i + 1);
  }
  bind_list_meta(L);
  return 1;
}
static int net_users(lua_State *L) { /* names of the layers that read a value */
  scion_net *net = bind_net_check(L, 1);
  int32_t value = bind_net_value(L, net, 2), n = scion_net_value_uses(net, value, NULL, 0);
  int32_t *nodes = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *nodes, 0);
  scion_net_value_uses(net, value, nodes, n);
  lua_createtable(L, n, 0);
  for (int32_t i = 0; i < n; i++) {
    scion_node_info info;
    scion_net_get_node(net, nodes[i], &info);
    lua_pushstring(L, info.name);
    lua_rawseti(L, -2, i + 1);
  }
  bind_list_meta(L);
  return 1;
}

/* ---- editing ----------------------------------------------------------------------------------- */

static int net_rename(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  bind_try(L, scion_net_rename_node(bind_ctx(L), net, bind_net_layer(L, net, 2), luaL_checkstring(L, 3)));
  return 0;
}
static int net_rename_entry(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  bind_try(L, scion_net_rename_entry(bind_ctx(L), net, bind_net_entry(L, net, 2), luaL_checkstring(L, 3)));
  return 0;
}
static int32_t input_position(lua_State *L, scion_net *net, int index) {
  int32_t i = scion_net_find_input(net, luaL_checkstring(L, index));
  if (i < 0) luaL_error(L, "net: there is no input '%s'", lua_tostring(L, index));
  return i;
}
static int net_rename_input(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  bind_try(L, scion_net_rename_input(bind_ctx(L), net, input_position(L, net, 2), luaL_checkstring(L, 3)));
  return 0;
}
static int net_describe_input(lua_State *L) { /* describe_input(name, { shape =, dtype = }): what it accepts; left out: anything */
  scion_net *net = bind_net_check(L, 1);
  int64_t shape[SCION_MAX_DIMS];
  int32_t dtype, i = input_position(L, net, 2), n_dims = description(L, "net:describe_input: shape", &dtype, shape);
  bind_try(L, scion_net_describe_input(bind_ctx(L), net, i, dtype, n_dims, shape));
  return 0;
}
static int net_set_type(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  bind_try(L, scion_net_set_node_type(bind_ctx(L), net, bind_net_layer(L, net, 2), luaL_checkstring(L, 3)));
  return 0;
}
static int net_set_params(lua_State *L) { /* set_params(layer, { stride = 2 }): others keep their values */
  scion_net *net = bind_net_check(L, 1);
  int32_t node = bind_net_layer(L, net, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  scion_node_info info;
  scion_net_get_node(net, node, &info);
  if (info.params == NULL) return luaL_error(L, "net:set_params: layer '%s' (%s) has no parameters", info.name, info.type);
  _Alignas(16) char params[2048];
  bind_params(L, info.op, 3, info.params, params);
  bind_try(L, scion_net_set_node_params(bind_ctx(L), net, node, params));
  return 0;
}
static int net_set_input(lua_State *L) { /* set_input(layer, slot (1-based), value or false) */
  scion_net *net = bind_net_check(L, 1);
  int32_t node = bind_net_layer(L, net, 2);
  int32_t slot = (int32_t)luaL_checkinteger(L, 3) - 1, value = lua_toboolean(L, 4) ? bind_net_value(L, net, 4) : -1;
  bind_try(L, scion_net_set_node_input(bind_ctx(L), net, node, slot, value));
  return 0;
}
static int net_replace_value(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  int32_t old = bind_net_value(L, net, 2), value = bind_net_value(L, net, 3);
  bind_try(L, scion_net_replace_value(bind_ctx(L), net, old, value));
  return 0;
}
static int net_remove(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  bind_try(L, scion_net_remove_node(bind_ctx(L), net, bind_net_layer(L, net, 2)));
  return 0;
}
static int net_remove_entry(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  bind_try(L, scion_net_remove_entry(bind_ctx(L), net, bind_net_entry(L, net, 2)));
  return 0;
}
static int net_remove_input(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  bind_try(L, scion_net_remove_input(bind_ctx(L), net, input_position(L, net, 2)));
  return 0;
}
static int net_set_entry(lua_State *L) { /* set_entry(name, tensor) */
  scion_net *net = bind_net_check(L, 1);
  bind_try(L, scion_net_set_entry(bind_ctx(L), net, bind_net_entry(L, net, 2), bind_check(L, 3)));
  return 0;
}
static int net_set_frozen(lua_State *L) { /* set_frozen(entry name, on) */
  scion_net *net = bind_net_check(L, 1);
  bind_try(L, scion_net_set_frozen(bind_ctx(L), net, bind_net_entry(L, net, 2), lua_toboolean(L, 3)));
  return 0;
}
static int net_set_mode(lua_State *L) { /* set_mode(layer, "train", "eval" or nil: as the net) */
  static const char *const modes[] = { "eval", "train", NULL };
  scion_net *net = bind_net_check(L, 1);
  int32_t node = bind_net_layer(L, net, 2), mode = lua_isnoneornil(L, 3) ? -1 : luaL_checkoption(L, 3, NULL, modes);
  bind_try(L, scion_net_set_node_mode(bind_ctx(L), net, node, mode));
  return 0;
}
static int net_prune(lua_State *L) { /* prune(inputs_too = false) */
  bind_try(L, scion_net_prune(bind_ctx(L), bind_net_check(L, 1), lua_toboolean(L, 2)));
  lua_settop(L, 1);
  return 1;
}
static int net_extract(lua_State *L) { /* extract { from = names, to = names } -> net that shares the tensors */
  scion_net *net = bind_net_check(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  int n[2] = { 0, 0 };
  int32_t *values[2] = { NULL, NULL };
  for (int i = 0; i < 2; i++) {
    if (lua_getfield(L, 2, i == 0 ? "from" : "to") == LUA_TNIL) continue;
    if (!lua_istable(L, -1)) {
      lua_createtable(L, 1, 0);
      lua_insert(L, -2);
      lua_rawseti(L, -2, 1);
    }
    values[i] = read_inputs(L, net, lua_gettop(L), &n[i]);
    for (int k = 0; k < n[i]; k++)
      if (values[i][k] < 0) return luaL_error(L, "net:extract: element %d of %s is not a name", k + 1, i == 0 ? "from" : "to");
  }
  bind_net *part = bind_net_new(L);
  bind_try(L, scion_net_extract(bind_ctx(L), net, n[0], values[0], n[1], values[1], &part->net));
  bind_net_copy_functions(L, 1, -1);
  return 1;
}
static int net_merge(lua_State *L) { /* merge(other, prefix, inputs) -> values of its outputs */
  scion_net *net = bind_net_check(L, 1), *other = bind_net_check(L, 2);
  const char *prefix = luaL_optstring(L, 3, NULL);
  int n, n_out = scion_net_n_outputs(other);
  int32_t *in = read_inputs(L, net, 4, &n);
  if (n != scion_net_n_inputs(other)) {
    return luaL_error(L, "net:merge: %d inputs given%s%s%s, the net has %d", n, prefix != NULL ? " for '" : "", prefix != NULL ? prefix : "",
                      prefix != NULL ? "'" : "", scion_net_n_inputs(other));
  }
  int32_t *out = lua_newuserdatauv(L, (size_t)(n_out + 1) * sizeof *out, 0);
  bind_net_copy_functions(L, 2, 1);
  bind_try(L, scion_net_merge(bind_ctx(L), net, other, prefix, in, out));
  luaL_checkstack(L, n_out, NULL);
  for (int i = 0; i < n_out; i++) push_id(L, out[i]);
  return n_out;
}
static int net_attr(lua_State *L) { /* attr(key [, layer]), set_attr(key, text or nil [, layer]) */
  scion_net *net = bind_net_check(L, 1);
  int32_t node = lua_isnoneornil(L, 3) ? -1 : bind_net_layer(L, net, 3);
  lua_pushstring(L, scion_net_get_attr(net, node, luaL_checkstring(L, 2)));
  return 1;
}
static int net_set_attr(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  int32_t node = lua_isnoneornil(L, 4) ? -1 : bind_net_layer(L, net, 4);
  bind_try(L, scion_net_set_attr(bind_ctx(L), net, node, luaL_checkstring(L, 2), lua_isnoneornil(L, 3) ? NULL : luaL_checkstring(L, 3)));
  return 0;
}
static int net_attrs(lua_State *L) { /* attrs([layer]) -> table */
  scion_net *net = bind_net_check(L, 1);
  int32_t node = lua_isnoneornil(L, 2) ? -1 : bind_net_layer(L, net, 2);
  const char *key, *value;
  lua_newtable(L);
  for (int i = 0; scion_net_attr_at(net, node, i, &key, &value); i++) set_string(L, key, value);
  return 1;
}

static const luaL_Reg methods[] = {
  { "add_input", net_add_input }, { "add_entry", net_add_entry }, { "add_node", net_add_node }, { "add_custom", net_add_custom },
  { "set_outputs", net_set_outputs }, { "find", net_find }, { "has_layer", net_has_layer }, { "value_name", net_value_name },
  { "layers", net_layers }, { "layer", net_layer }, { "layer_names", net_layer_names }, { "entries", net_entries },
  { "inputs", net_inputs }, { "outputs", net_outputs }, { "users", net_users }, { "rename", net_rename },
  { "rename_entry", net_rename_entry }, { "rename_input", net_rename_input }, { "describe_input", net_describe_input }, { "set_type", net_set_type },
  { "set_params", net_set_params }, { "set_input", net_set_input }, { "replace_value", net_replace_value }, { "remove", net_remove },
  { "remove_entry", net_remove_entry }, { "remove_input", net_remove_input }, { "set_entry", net_set_entry },
  { "set_frozen", net_set_frozen }, { "set_mode", net_set_mode }, { "prune", net_prune }, { "extract", net_extract },
  { "merge", net_merge }, { "attr", net_attr }, { "set_attr", net_set_attr }, { "attrs", net_attrs }, { NULL, NULL } };

void bind_net_edit_methods(lua_State *L) { luaL_setfuncs(L, methods, 0); }
