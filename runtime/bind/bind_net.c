/* bind_net.c: nets as Lua values: the class scion.Net, running, modes, files. Policy (summary, state_dict, ...) is in
 * lua/scion/nn/net.lua, which adds to the same class. */
#include <stdio.h>

#include "bind_net.h"

const char bind_net_magic = 0;
static const char meta_key = 0, layers_key = 0, counter_key = 0; /* registry: metatable, registered Lua layers, last key given */

/* ---- boxes ------------------------------------------------------------------------------------- */

bind_net *bind_net_to(lua_State *L, int index) {
  bind_net *n = lua_touserdata(L, index);
  return n != NULL && lua_type(L, index) == LUA_TUSERDATA && lua_rawlen(L, index) == sizeof(bind_net) && n->magic == &bind_net_magic ? n : NULL;
}
scion_net *bind_net_check(lua_State *L, int index) {
  bind_net *n = bind_net_to(L, index);
  if (n == NULL || n->net == NULL) luaL_typeerror(L, index, "net");
  return n->net;
}
bind_net *bind_net_new(lua_State *L) {
  bind_net *n = lua_newuserdatauv(L, sizeof *n, 1);
  *n = (bind_net){ .magic = &bind_net_magic };
  lua_createtable(L, 0, 2);
  lua_newtable(L);
  lua_setfield(L, -2, "functions");
  lua_newtable(L);
  lua_setfield(L, -2, "hooks");
  lua_setiuservalue(L, -2, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &meta_key);
  lua_setmetatable(L, -2);
  return n;
}
void bind_net_table(lua_State *L, int index, const char *field) {
  lua_getiuservalue(L, index, 1);
  lua_getfield(L, -1, field);
  lua_remove(L, -2);
}
void bind_net_copy_functions(lua_State *L, int from, int to) {
  from = lua_absindex(L, from);
  to = lua_absindex(L, to);
  bind_net_table(L, from, "functions");
  bind_net_table(L, to, "functions");
  lua_pushnil(L);
  while (lua_next(L, -3) != 0) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4);
  }
  lua_pop(L, 2);
}
lua_Integer bind_net_hold(lua_State *L, int net, int fn) {
  net = lua_absindex(L, net);
  fn = lua_absindex(L, fn);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &counter_key);
  lua_Integer key = lua_tointeger(L, -1) + 1;
  lua_pushinteger(L, key);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &counter_key);
  bind_net_table(L, net, "functions");
  lua_pushvalue(L, fn);
  lua_rawseti(L, -2, key);
  lua_pop(L, 2);
  return key;
}
static int net_gc(lua_State *L) {
  bind_net *n = bind_net_to(L, 1);
  scion_context *ctx = scion_lua_context(L);
  if (n == NULL || n->net == NULL || ctx == NULL) return 0;
  scion_net *net = n->net;
  n->net = NULL;
  scion_net_free(ctx, net);
  return 0;
}

int32_t bind_net_value(lua_State *L, scion_net *net, int index) {
  int32_t value;
  if (lua_type(L, index) == LUA_TNUMBER) {
    scion_value_info info;
    lua_Integer i = luaL_checkinteger(L, index);
    if (i < 1 || i > scion_net_n_values(net) || !scion_net_get_value(net, (int32_t)i - 1, &info) || info.kind == SCION_VALUE_NONE) {
      luaL_error(L, "net: value %I does not exist", i);
    }
    return (int32_t)i - 1;
  }
  if (lua_type(L, index) != LUA_TSTRING) luaL_error(L, "net: expected the name of a layer, got %s", luaL_typename(L, index));
  bind_try(L, scion_net_find_value(bind_ctx(L), net, lua_tostring(L, index), &value));
  return value;
}
void bind_net_push_value(lua_State *L, const scion_net *net, int32_t value) {
  scion_value_info info;
  if (value < 0 || !scion_net_get_value(net, value, &info)) {
    lua_pushboolean(L, 0);
    return;
  }
  if (info.slot > 0) lua_pushfstring(L, "%s:%d", info.name, (int)info.slot);
  else lua_pushstring(L, info.name);
}
int32_t bind_net_layer(lua_State *L, scion_net *net, int index) {
  const char *name = luaL_checkstring(L, index);
  int32_t node = scion_net_find_node(net, name), value;
  if (node >= 0) return node;
  scion_status st = scion_net_find_value(bind_ctx(L), net, name, &value); /* its message lists the nearest */
  if (st == SCION_OK) luaL_error(L, "net: '%s' is not a layer", name);
  return bind_raise(L, st);
}
int32_t bind_net_entry(lua_State *L, scion_net *net, int index) {
  const char *name = luaL_checkstring(L, index);
  int32_t entry = scion_net_find_entry(net, name);
  if (entry < 0) luaL_error(L, "net: there is no parameter or buffer '%s'", name);
  return entry;
}

/* ---- Lua layers and hooks, called by the engine -------------------------------------------------- */

typedef struct { const scion_net_custom_call *call; void *ud; } layer_call;

/* Runs protected: fn(x..., info) -> outputs. */
static int layer_body(lua_State *L) {
  const layer_call *lc = lua_touserdata(L, 2);
  const scion_net_custom_call *c = lc->call;
  lua_getfield(L, 1, "functions");
  lua_rawgeti(L, -1, (lua_Integer)(intptr_t)lc->ud);
  if (lua_isnil(L, -1)) return luaL_error(L, "its Lua function is gone");
  luaL_checkstack(L, c->n_inputs + c->n_outputs + 8, NULL);
  for (int i = 0; i < c->n_inputs; i++) bind_push(L, c->inputs[i]);
  lua_createtable(L, 0, 3);
  lua_pushstring(L, c->layer);
  lua_setfield(L, -2, "layer");
  lua_pushboolean(L, c->training);
  lua_setfield(L, -2, "training");
  lua_pushstring(L, c->config);
  lua_setfield(L, -2, "config");
  lua_call(L, c->n_inputs + 1, c->n_outputs);
  int first = lua_gettop(L) - c->n_outputs + 1;
  for (int i = 0; i < c->n_outputs; i++) {
    bind_box *box = bind_to_box(L, first + i);
    if (box == NULL || box->t == NULL) {
      return luaL_error(L, "the function's result %d is a %s, expected a tensor", i + 1, luaL_typename(L, first + i));
    }
  }
  for (int i = 0; i < c->n_outputs; i++) c->outputs[i] = scion_tensor_ref(bind_to_box(L, first + i)->t);
  return 0;
}

scion_status bind_net_call_layer(scion_context *ctx, void *ud, const scion_net_custom_call *call) {
  bind_net_host *host = call->host;
  if (host == NULL) return scion_fail(ctx, SCION_EUNSUPPORTED, "this layer is a Lua function: the net runs only from Lua");
  lua_State *L = host->L;
  if (!lua_checkstack(L, 8)) return scion_fail(ctx, SCION_ENOMEM, "the Lua stack is full");
  layer_call lc = { call, ud };
  int top = lua_gettop(L);
  lua_pushcfunction(L, layer_body);
  lua_pushvalue(L, host->uservalue);
  lua_pushlightuserdata(L, &lc);
  scion_status st = bind_call(L, 2, 0);
  lua_settop(L, top);
  return st;
}

typedef struct { bind_net_host host; scion_net *net; scion_tensor **outputs; int32_t n_outputs, node; } hook_call;

/* Runs protected: each hook gets (layer name, output...) and may return replacements. */
static int hook_body(lua_State *L) {
  hook_call *h = lua_touserdata(L, 2);
  scion_node_info info;
  scion_net_get_node(h->net, h->node, &info);
  lua_getfield(L, 1, "hooks");
  if (lua_getfield(L, -1, info.name) != LUA_TTABLE) return 0;
  int list = lua_gettop(L);
  luaL_checkstack(L, h->n_outputs * 2 + 8, NULL);
  lua_Integer n = luaL_len(L, list);
  for (lua_Integer i = 1; i <= n; i++) {
    if (lua_rawgeti(L, list, i) != LUA_TFUNCTION) continue;
    lua_pushstring(L, info.name);
    for (int k = 0; k < h->n_outputs; k++) bind_push(L, h->outputs[k]);
    lua_call(L, h->n_outputs + 1, h->n_outputs);
    for (int k = 0; k < h->n_outputs; k++) {
      int at = lua_gettop(L) - h->n_outputs + 1 + k;
      if (lua_isnil(L, at)) continue;
      bind_box *box = bind_to_box(L, at);
      if (box == NULL || box->t == NULL) return luaL_error(L, "the hook returned a %s, expected a tensor or nothing", luaL_typename(L, at));
      scion_tensor_ref(box->t);
      scion_tensor_free(bind_ctx(L), h->outputs[k]);
      h->outputs[k] = box->t;
    }
    lua_settop(L, list);
  }
  return 0;
}
static scion_status call_hooks(scion_context *ctx, void *ud, int32_t node, scion_tensor **outputs, int32_t n_outputs) {
  hook_call *h = ud;
  lua_State *L = h->host.L;
  if (!lua_checkstack(L, 8)) return scion_fail(ctx, SCION_ENOMEM, "the Lua stack is full");
  h->node = node;
  h->outputs = outputs;
  h->n_outputs = n_outputs;
  int top = lua_gettop(L);
  lua_pushcfunction(L, hook_body);
  lua_pushvalue(L, h->host.uservalue);
  lua_pushlightuserdata(L, h);
  scion_status st = bind_call(L, 2, 0);
  lua_settop(L, top);
  return st;
}

/* ---- running ----------------------------------------------------------------------------------- */

/* Runs the net at stack index 1 with the inputs at first .. first+n-1 and pushes the outputs. */
static int run_net(lua_State *L, int first, int n_given, scion_net_run *run) {
  bind_net *box = bind_net_to(L, 1);
  scion_net *net = bind_net_check(L, 1);
  bind_state *s = bind_get(L);
  int n_in = scion_net_n_inputs(net), n_out = run->n_outputs > 0 ? run->n_outputs : scion_net_n_outputs(net);
  scion_tensor *few[16], **in = few;
  if (n_given > n_in && n_given != n_in) luaL_error(L, "net: %d inputs given, it has %d", n_given, n_in);
  if (n_out == 0) luaL_error(L, "net: it has no outputs");
  luaL_checkstack(L, n_out + 16, "too many outputs");
  if (n_in > 16) in = lua_newuserdatauv(L, (size_t)n_in * sizeof *in, 0);
  for (int i = 0; i < n_in; i++) {
    in[i] = NULL;
    if (i >= n_given || lua_isnil(L, first + i)) continue;
    bind_box *t = bind_to_box(L, first + i);
    if (t == NULL || t->t == NULL) {
      scion_input_info info;
      scion_net_get_input(net, i, &info);
      luaL_error(L, "net: input '%s' must be a tensor, got %s", info.name, t != NULL ? "a closed tensor" : luaL_typename(L, first + i));
    }
    in[i] = t->t;
  }
  bind_charge_state(L, s);
  hook_call h = { { L, 0 }, net, NULL, 0, 0 };
  lua_getiuservalue(L, 1, 1);
  h.host.uservalue = lua_gettop(L);
  run->host = &h.host;
  if (box->n_hooks > 0) {
    run->hook = call_hooks;
    run->ud = &h;
  }
  int base = lua_gettop(L);
  scion_tensor *few_out[8], **out = few_out;
  if (n_out > 8) {
    out = lua_newuserdatauv(L, (size_t)n_out * sizeof *out, 0);
    base++;
  }
  scion_tensor **boxes[8];
  for (int i = 0; i < n_out; i++) {
    scion_tensor **b = bind_new(L);
    if (i < 8) boxes[i] = b;
  }
  lua_State *old = s->L;
  s->L = L;
  bool training = run->mode >= 0 ? run->mode != 0 : scion_net_training(net);
  scion_status st = scion_net_forward(s->ctx, net, in, n_in, run, out, n_out);
  if (st == SCION_ENOMEM && !training) { /* once more without the garbage */
    lua_gc(L, LUA_GCCOLLECT);
    st = scion_net_forward(s->ctx, net, in, n_in, run, out, n_out);
  }
  s->L = old;
  if (st != SCION_OK) return bind_raise(L, st);
  for (int i = 0; i < n_out; i++) {
    if (i < 8) *boxes[i] = out[i];
    else bind_to_box(L, base + 1 + i)->t = out[i];
  }
  return n_out;
}

/* net(x, ...): symbolic values and everything else that is no tensor go to the handler that nn installs. */
static int net_call(lua_State *L) {
  if (lua_gettop(L) >= 2 && bind_to_box(L, 2) == NULL && !lua_isnil(L, 2)) {
    if (luaL_getmetafield(L, 1, "apply_symbolic") != LUA_TNIL) {
      lua_insert(L, 1);
      lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
      return lua_gettop(L);
    }
  }
  scion_net_run run = SCION_NET_RUN_INIT;
  return run_net(L, 2, lua_gettop(L) - 1, &run);
}

/* One source of overrides: a list in the order of that kind of entry, or a table by name. */
static void read_overrides(lua_State *L, scion_net *net, int table, const char *what, bool buffers, int32_t *entries, scion_tensor **tensors, int32_t *n) {
  luaL_checktype(L, table, LUA_TTABLE);
  int n_entries = scion_net_n_entries(net);
  lua_Integer count = luaL_len(L, table);
  if (count > 0) {
    lua_Integer at = 0;
    for (int i = 0; i < n_entries; i++) {
      scion_entry_info e;
      scion_net_get_entry(net, i, &e);
      if ((e.kind == SCION_ENTRY_PARAM) == buffers || e.kind == SCION_ENTRY_CONST) continue;
      if (++at > count) continue;
      lua_rawgeti(L, table, at);
      bind_box *box = bind_to_box(L, -1);
      if (box == NULL || box->t == NULL) luaL_error(L, "net:call: element %d of %s is a %s, expected a tensor", (int)at, what, luaL_typename(L, -1));
      entries[*n] = i;
      tensors[(*n)++] = box->t;
      lua_pop(L, 1);
    }
    if (at != count) luaL_error(L, "net:call: %s has %d tensors, the net has %d", what, (int)count, (int)at);
    return;
  }
  lua_pushnil(L);
  while (lua_next(L, table) != 0) {
    if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "net:call: %s must be a list of tensors or a table by name", what);
    int32_t i = scion_net_find_entry(net, lua_tostring(L, -2));
    if (i < 0) luaL_error(L, "net:call: %s: the net has no entry '%s'", what, lua_tostring(L, -2));
    bind_box *box = bind_to_box(L, -1);
    if (box == NULL || box->t == NULL) luaL_error(L, "net:call: %s: '%s' is a %s, expected a tensor", what, lua_tostring(L, -2), luaL_typename(L, -1));
    for (int k = 0; k < *n; k++)
      if (entries[k] == i) luaL_error(L, "net:call: '%s' is given twice", lua_tostring(L, -2));
    entries[*n] = i;
    tensors[(*n)++] = box->t;
    lua_pop(L, 1);
  }
}

static int32_t read_mode(lua_State *L, int index, const char *who) {
  const char *mode = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;
  if (mode != NULL && strcmp(mode, "train") == 0) return 1;
  if (mode != NULL && strcmp(mode, "eval") == 0) return 0;
  if (mode != NULL && strcmp(mode, "batch") == 0) return 2;
  return luaL_error(L, "%s: mode is %s, expected \"train\", \"eval\" or \"batch\"", who, luaL_tolstring(L, index, NULL));
}

/* A list of names (or one name) at index -> value ids in memory that Lua owns (left on the stack). */
static int32_t *read_values(lua_State *L, scion_net *net, int index, int *n) {
  index = lua_absindex(L, index);
  bool list = lua_istable(L, index);
  *n = list ? (int)luaL_len(L, index) : 1;
  int32_t *values = lua_newuserdatauv(L, (size_t)(*n + 1) * sizeof *values, 0);
  for (int i = 0; i < *n; i++) {
    if (list) lua_geti(L, index, i + 1);
    else lua_pushvalue(L, index);
    values[i] = bind_net_value(L, net, lua_gettop(L));
    lua_pop(L, 1);
  }
  return values;
}

/* net:call(x, ..., { params=, buffers=, mode=, outputs=, plan=, tasks= }) */
static int net_call_with(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  scion_net_run run = SCION_NET_RUN_INIT;
  int top = lua_gettop(L), options = top > 1 && lua_istable(L, top) ? top : 0;
  if (options) {
    int n_entries = scion_net_n_entries(net);
    int32_t *entries = lua_newuserdatauv(L, (size_t)(2 * n_entries + 1) * sizeof *entries, 0);
    scion_tensor **tensors = lua_newuserdatauv(L, (size_t)(2 * n_entries + 1) * sizeof *tensors, 0);
    int32_t n = 0;
    lua_pushnil(L);
    while (lua_next(L, options) != 0) {
      const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
      int value = lua_gettop(L);
      if (strcmp(key, "params") == 0) read_overrides(L, net, value, "params", false, entries, tensors, &n);
      else if (strcmp(key, "buffers") == 0) read_overrides(L, net, value, "buffers", true, entries, tensors, &n);
      else if (strcmp(key, "mode") == 0) run.mode = read_mode(L, value, "net:call");
      else if (strcmp(key, "plan") == 0) run.plan = lua_toboolean(L, value);
      else if (strcmp(key, "tasks") == 0) {
        run.tasks = luaL_checkinteger(L, value);
        if (run.tasks < 1) return luaL_error(L, "net:call: tasks is %I, expected at least 1", (lua_Integer)run.tasks);
      } else if (strcmp(key, "outputs") == 0) {
        int count;
        run.outputs = read_values(L, net, value, &count);
        run.n_outputs = count;
        luaL_argcheck(L, count > 0, top, "outputs is an empty list");
        lua_insert(L, options + 1); /* keeps it alive below lua_next's key */
      } else luaL_error(L, "net:call: unknown option '%s' (known: buffers, mode, outputs, params, plan, tasks)", key);
      lua_settop(L, lua_gettop(L) - 1);
    }
    run.n_overrides = n;
    run.override_entries = entries;
    run.override_tensors = tensors;
  }
  return run_net(L, 2, (options ? options : top + 1) - 2, &run);
}

/* net:features(x, ..., layers [, { mode=, plan= }]): a name gives a tensor, a list gives a list. */
static int net_features(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  scion_net_run run = SCION_NET_RUN_INIT;
  int top = lua_gettop(L), layers = top;
  if (top > 3 && lua_istable(L, top) && luaL_len(L, top) == 0) { /* options behind the layers */
    layers = top - 1;
    lua_pushnil(L);
    while (lua_next(L, top) != 0) {
      const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
      if (strcmp(key, "mode") == 0) run.mode = read_mode(L, lua_gettop(L), "net:features");
      else if (strcmp(key, "plan") == 0) run.plan = lua_toboolean(L, -1);
      else luaL_error(L, "net:features: unknown option '%s' (known: mode, plan)", key);
      lua_pop(L, 1);
    }
  }
  bool list = lua_istable(L, layers);
  if (!list && lua_type(L, layers) != LUA_TSTRING) {
    return luaL_error(L, "net:features: layers must be a name or a list of names, got %s", luaL_typename(L, layers));
  }
  int n;
  run.outputs = read_values(L, net, layers, &n);
  if (n == 0) return luaL_error(L, "net:features: the list of layers is empty");
  run.n_outputs = n;
  run_net(L, 2, layers - 2, &run);
  if (!list) return 1;
  lua_createtable(L, n, 0);
  lua_insert(L, -n - 1);
  for (int i = n; i >= 1; i--) lua_rawseti(L, -i - 1, i);
  return 1;
}

/* net:forward(x, ...) or net:forward { x = ..., y = ... } by the inputs' names. */
static int net_forward(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  scion_net_run run = SCION_NET_RUN_INIT;
  if (lua_gettop(L) != 2 || !lua_istable(L, 2)) return net_call(L);
  int n = scion_net_n_inputs(net), named = 0;
  luaL_checkstack(L, n + 8, "too many inputs");
  for (int i = 0; i < n; i++) {
    scion_input_info info;
    scion_net_get_input(net, i, &info);
    if (lua_getfield(L, 2, info.name) != LUA_TNIL) named++;
  }
  lua_pushnil(L);
  while (lua_next(L, 2) != 0) {
    if (lua_type(L, -2) != LUA_TSTRING) return net_call(L);
    if (scion_net_find_input(net, lua_tostring(L, -2)) < 0) return luaL_error(L, "net:forward: the net has no input '%s'", lua_tostring(L, -2));
    lua_pop(L, 1);
  }
  return run_net(L, 3, n, &run);
}

static int net_infer(lua_State *L) { /* _infer({ {shape..., dtype=}, ... }) -> { layer name -> { {shape}, ..., cost= } } */
  scion_net *net = bind_net_check(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  int n = scion_net_n_inputs(net), n_values = scion_net_n_values(net), n_nodes = scion_net_n_nodes(net);
  scion_net_shape *shapes = lua_newuserdatauv(L, (size_t)(n + n_values + 1) * sizeof *shapes, 0);
  double *costs = lua_newuserdatauv(L, (size_t)(n_nodes + 1) * sizeof *costs, 0);
  for (int i = 0; i < n; i++) {
    shapes[i].dtype = shapes[i].n_dims = -1;
    if (lua_rawgeti(L, 2, i + 1) == LUA_TTABLE) {
      shapes[i].n_dims = bind_ints(L, lua_gettop(L), "net:summary: input shape", shapes[i].shape, SCION_MAX_DIMS);
      if (lua_getfield(L, -1, "dtype") != LUA_TNIL) shapes[i].dtype = (int32_t)bind_dtype(L, lua_gettop(L), "net:summary");
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
  }
  bind_state *s = bind_get(L);
  lua_getiuservalue(L, 1, 1);
  bind_net_host host = { L, lua_gettop(L) };
  lua_State *old = s->L;
  s->L = L;
  scion_status st = scion_net_infer(s->ctx, net, shapes, n, &host, shapes + n, costs);
  s->L = old;
  bind_try(L, st);
  lua_createtable(L, 0, n_nodes);
  for (int i = 0; i < n_nodes; i++) {
    scion_node_info info;
    scion_net_get_node(net, i, &info);
    lua_createtable(L, info.n_outputs, 1);
    for (int k = 0; k < info.n_outputs; k++) {
      const scion_net_shape *shape = &shapes[n + info.outputs[k]];
      if (shape->dtype < 0) lua_pushboolean(L, 0);
      else bind_push_list(L, shape->n_dims, shape->shape);
      lua_rawseti(L, -2, k + 1);
    }
    lua_pushnumber(L, costs[i]);
    lua_setfield(L, -2, "cost");
    lua_setfield(L, -2, info.name);
  }
  return 1;
}

/* ---- modes, hooks, parts ------------------------------------------------------------------------ */

static int net_train(lua_State *L) { /* train(on = true) */
  scion_net_set_training(bind_net_check(L, 1), lua_isnoneornil(L, 2) ? 1 : lua_toboolean(L, 2));
  lua_settop(L, 1);
  return 1;
}
static int net_eval(lua_State *L) {
  scion_net_set_training(bind_net_check(L, 1), 0);
  lua_settop(L, 1);
  return 1;
}
static int net_is_training(lua_State *L) {
  lua_pushboolean(L, scion_net_training(bind_net_check(L, 1)));
  return 1;
}
static int net_parameters(lua_State *L) {
  scion_net *net = bind_net_check(L, 1);
  bool buffers = lua_toboolean(L, lua_upvalueindex(1));
  lua_newtable(L);
  for (int i = 0, n = 0; i < scion_net_n_entries(net); i++) {
    scion_entry_info e;
    scion_net_get_entry(net, i, &e);
    if (e.kind == SCION_ENTRY_CONST || (e.kind == SCION_ENTRY_BUFFER) != buffers) continue;
    bind_push(L, e.tensor);
    lua_rawseti(L, -2, ++n);
  }
  bind_list_meta(L);
  return 1;
}
static int net_register_hook(lua_State *L) { /* register_hook(layer, fn) -> id */
  scion_net *net = bind_net_check(L, 1);
  scion_node_info info;
  scion_net_get_node(net, bind_net_layer(L, net, 2), &info);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  bind_net_table(L, 1, "hooks");
  if (lua_getfield(L, -1, info.name) != LUA_TTABLE) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, info.name);
  }
  lua_Integer id = luaL_len(L, -1) + 1;
  lua_pushvalue(L, 3);
  lua_rawseti(L, -2, id);
  bind_net_to(L, 1)->n_hooks++;
  lua_pushinteger(L, id);
  return 1;
}
static int net_remove_hook(lua_State *L) { /* remove_hook(layer, id) */
  scion_net *net = bind_net_check(L, 1);
  scion_node_info info;
  scion_net_get_node(net, bind_net_layer(L, net, 2), &info);
  lua_Integer id = luaL_checkinteger(L, 3);
  bind_net_table(L, 1, "hooks");
  if (lua_getfield(L, -1, info.name) != LUA_TTABLE || lua_rawgeti(L, -1, id) != LUA_TFUNCTION) {
    return luaL_error(L, "net:remove_hook: layer '%s' has no hook %I", info.name, id);
  }
  lua_pop(L, 1);
  lua_pushboolean(L, 0);
  lua_rawseti(L, -2, id);
  bind_net_to(L, 1)->n_hooks--;
  return 0;
}
static int net_clone(lua_State *L) { /* clone { share = false } */
  scion_net *net = bind_net_check(L, 1);
  bool share = false;
  if (lua_istable(L, 2)) {
    lua_getfield(L, 2, "share");
    share = lua_toboolean(L, -1);
    lua_pop(L, 1);
  }
  bind_charge(L);
  bind_net *copy = bind_net_new(L);
  bind_try(L, scion_net_clone(bind_ctx(L), net, !share, &copy->net));
  bind_net_copy_functions(L, 1, -1);
  return 1;
}
static int net_n_parameters(lua_State *L) {
  int64_t trainable, all = scion_net_n_parameters(bind_net_check(L, 1), &trainable);
  lua_pushinteger(L, all);
  lua_pushinteger(L, trainable);
  return 2;
}

/* ---- __index: methods, then parameters and buffers by name -------------------------------------- */

static int net_index(lua_State *L) {
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
  if (lua_type(L, 2) != LUA_TSTRING) return 1;
  bind_net *n = bind_net_to(L, 1);
  scion_entry_info e;
  if (n != NULL && n->net != NULL && scion_net_get_entry(n->net, scion_net_find_entry(n->net, lua_tostring(L, 2)), &e)) bind_push(L, e.tensor);
  return 1;
}

/* ---- files -------------------------------------------------------------------------------------- */

static int net_save(lua_State *L) { /* save(path) */
  bind_try(L, scion_net_save(bind_ctx(L), bind_net_check(L, 1), bind_path(L, 2)));
  lua_settop(L, 1);
  return 1;
}
static int net_hash(lua_State *L) {
  char hash[33];
  bind_try(L, scion_net_hash(bind_ctx(L), bind_net_check(L, 1), hash));
  lua_pushstring(L, hash);
  return 1;
}

typedef struct { lua_State *L; int net; const char *name; scion_net_custom *out; } layer_search;

/* Runs protected: finds the registered function and gives the net being loaded a key for it. */
static int search_body(lua_State *L) {
  layer_search *s = lua_touserdata(L, 2);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &layers_key);
  if (lua_getfield(L, -1, s->name) != LUA_TFUNCTION) return 0;
  s->out->ud = (void *)(intptr_t)bind_net_hold(L, 1, -1);
  s->out->fn = bind_net_call_layer;
  return 0;
}
static scion_status find_layer(scion_context *ctx, void *ud, const char *name, const char *config, scion_net_custom *out) {
  layer_search *s = ud;
  lua_State *L = s->L;
  (void)config;
  if (!lua_checkstack(L, 8)) return scion_fail(ctx, SCION_ENOMEM, "the Lua stack is full");
  s->name = name;
  s->out = out;
  lua_pushcfunction(L, search_body);
  lua_pushvalue(L, s->net);
  lua_pushlightuserdata(L, s);
  int top = lua_gettop(L) - 3;
  scion_status st = bind_call(L, 2, 0);
  lua_settop(L, top);
  return st;
}
static int m_load_net(lua_State *L) { /* load_net(path, mmap) -> net */
  const char *path = bind_path(L, 1);
  int map = lua_toboolean(L, 2);
  bind_charge(L);
  bind_net *n = bind_net_new(L);
  layer_search s = { L, lua_gettop(L), NULL, NULL };
  scion_net_load_options options = { sizeof options, find_layer, &s, map };
  bind_try(L, scion_model_load(bind_ctx(L), path, &options, &n->net));
  return 1;
}

/* ---- module functions --------------------------------------------------------------------------- */

static int m_net_new(lua_State *L) {
  bind_net *n = bind_net_new(L);
  bind_try(L, scion_net_new(bind_ctx(L), &n->net));
  return 1;
}
static int m_is_net(lua_State *L) {
  lua_pushboolean(L, bind_net_to(L, 1) != NULL);
  return 1;
}
/* register_layer(name, fn): files refer to Lua layers by such names. */
static int m_register_layer(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  luaL_argcheck(L, *name != 0, 1, "the name is empty");
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &layers_key);
  lua_pushvalue(L, 2);
  lua_setfield(L, 3, name);
  lua_settop(L, 2);
  return 1;
}
/* The name under which a function was registered, or nil. */
static int m_layer_name(lua_State *L) {
  lua_settop(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &layers_key);
  lua_pushnil(L);
  while (lua_next(L, 2) != 0) {
    if (lua_rawequal(L, -1, 1)) {
      lua_pop(L, 1);
      return 1;
    }
    lua_pop(L, 1);
  }
  return 0;
}
static int m_registered_layer(lua_State *L) {
  luaL_checkstring(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &layers_key);
  lua_getfield(L, -1, lua_tostring(L, 1));
  return 1;
}

static const luaL_Reg methods[] = {
  { "call", net_call_with }, { "features", net_features }, { "forward", net_forward }, { "_infer", net_infer },
  { "train", net_train }, { "eval", net_eval }, { "is_training", net_is_training }, { "register_hook", net_register_hook },
  { "remove_hook", net_remove_hook }, { "clone", net_clone }, { "n_parameters", net_n_parameters }, { "save", net_save },
  { "hash", net_hash }, { NULL, NULL } };

static const luaL_Reg functions[] = {
  { "_net_new", m_net_new }, { "is_net", m_is_net }, { "register_layer", m_register_layer }, { "_layer_name", m_layer_name },
  { "_registered_layer", m_registered_layer }, { "load_net", m_load_net }, { NULL, NULL } };

void bind_open_net(lua_State *L) {
  int module = lua_gettop(L);
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &layers_key);
  luaL_newmetatable(L, "scion.Net");
  int meta = lua_gettop(L);
  lua_pushvalue(L, meta);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &meta_key);
  lua_pushcfunction(L, net_gc);
  lua_setfield(L, meta, "__gc");
  lua_pushcfunction(L, net_call);
  lua_setfield(L, meta, "__call");
  luaL_newlib(L, methods);
  lua_pushboolean(L, 0);
  lua_pushcclosure(L, net_parameters, 1);
  lua_setfield(L, -2, "parameters");
  lua_pushboolean(L, 1);
  lua_pushcclosure(L, net_parameters, 1);
  lua_setfield(L, -2, "buffers");
  bind_net_edit_methods(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, meta, "methods");
  lua_pushvalue(L, -1);
  lua_setfield(L, module, "Net"); /* scion.Net: the class; Lua adds its methods here */
  lua_pushcclosure(L, net_index, 1);
  lua_setfield(L, meta, "__index");
  lua_settop(L, module);
  luaL_setfuncs(L, functions, 0);
}
