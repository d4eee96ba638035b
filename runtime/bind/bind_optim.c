/* bind_optim.c: optimisers for Lua, in the plain form that lua/scion/optim builds its classes on: the hidden
 * table scion._optim. Groups and parameters are numbered from 1. */
#include <math.h>

#include "bind.h"

static const char type_name[] = "scion.optimizer";

typedef struct optim_box { scion_optim *opt; } optim_box;

static scion_optim *check_optim(lua_State *L, int index) {
  optim_box *box = luaL_checkudata(L, index, type_name);
  if (box->opt == NULL) luaL_argerror(L, index, "the optimizer is closed");
  return box->opt;
}
static int32_t check_group(lua_State *L, scion_optim *opt, int index) { /* nil: the defaults */
  if (lua_isnoneornil(L, index)) return SCION_OPTIM_DEFAULTS;
  lua_Integer g = luaL_checkinteger(L, index);
  int32_t n = scion_optim_group_count(opt);
  if (g < 1 || g > n) luaL_error(L, "%s: no parameter group %I (there are %d)", scion_optim_kind(opt), (LUAI_UACINT)g, n);
  return (int32_t)g - 1;
}

/* A list of tensors at `index` as an array in a new userdata on the stack; they stay alive through the list. */
static scion_tensor **check_list(lua_State *L, int index, const char *who, int32_t *n) {
  if (!lua_istable(L, index)) luaL_error(L, "%s: expected a list of tensors, got %s", who, luaL_typename(L, index));
  lua_Unsigned count = lua_rawlen(L, index);
  if (count > INT32_MAX / 2) luaL_error(L, "%s: the list is too long", who);
  scion_tensor **list = lua_newuserdatauv(L, (size_t)(count + 1) * sizeof *list, 0);
  for (lua_Unsigned i = 0; i < count; i++) {
    lua_rawgeti(L, index, (lua_Integer)i + 1);
    bind_box *box = bind_to_box(L, -1);
    if (box == NULL || box->t == NULL) {
      luaL_error(L, "%s: element %d of the list is %s, expected a tensor", who, (int)i + 1, box != NULL ? "a closed tensor" : luaL_typename(L, -1));
    }
    list[i] = box->t;
    lua_pop(L, 1);
  }
  *n = (int32_t)count;
  return list;
}

static int m_new(lua_State *L) { /* new(kind) */
  const char *kind = luaL_checkstring(L, 1);
  scion_context *ctx = bind_ctx(L);
  optim_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->opt = NULL;
  luaL_setmetatable(L, type_name);
  bind_try(L, scion_optim_new(ctx, kind, &box->opt));
  return 1;
}
static int o_gc(lua_State *L) {
  optim_box *box = luaL_checkudata(L, 1, type_name);
  scion_context *ctx = scion_lua_context(L);
  if (box->opt != NULL && ctx != NULL) scion_optim_free(ctx, box->opt);
  box->opt = NULL;
  return 0;
}

static int m_kinds(lua_State *L) {
  lua_newtable(L);
  for (int32_t i = 0; i < scion_optim_kind_count(); i++) {
    lua_pushstring(L, scion_optim_kind_at(i));
    lua_rawseti(L, -2, i + 1);
  }
  bind_list_meta(L);
  return 1;
}
static void push_value(lua_State *L, const scion_optim_option *o, double v) {
  if (o->is_flag) lua_pushboolean(L, v != 0);
  else if (o->is_integer) lua_pushinteger(L, (lua_Integer)v);
  else lua_pushnumber(L, v);
}
static int m_options(lua_State *L) { /* options(kind): list of {name=, default=, doc=, flag=} */
  int32_t n;
  const scion_optim_option *o = scion_optim_options(luaL_checkstring(L, 1), &n);
  lua_createtable(L, n, 0);
  for (int32_t i = 0; i < n; i++) {
    lua_createtable(L, 0, 4);
    lua_pushstring(L, o[i].name);
    lua_setfield(L, -2, "name");
    push_value(L, &o[i], o[i].def);
    lua_setfield(L, -2, "default");
    lua_pushstring(L, o[i].doc);
    lua_setfield(L, -2, "doc");
    lua_pushboolean(L, o[i].is_flag);
    lua_setfield(L, -2, "flag");
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

static int o_add(lua_State *L) { /* add(list) -> group */
  scion_optim *opt = check_optim(L, 1);
  int32_t n, group;
  scion_tensor **list = check_list(L, 2, scion_optim_kind(opt), &n);
  bind_try(L, scion_optim_add(bind_ctx(L), opt, list, n, &group));
  lua_pushinteger(L, group + 1);
  return 1;
}

static const scion_optim_option *option_info(scion_optim *opt, const char *name) {
  int32_t n;
  const scion_optim_option *o = scion_optim_options(scion_optim_kind(opt), &n);
  for (int32_t i = 0; i < n; i++) {
    if (strcmp(o[i].name, name) == 0) return &o[i];
  }
  return NULL;
}
static int o_set(lua_State *L) { /* set(group | nil, name, value) */
  scion_optim *opt = check_optim(L, 1);
  int32_t group = check_group(L, opt, 2);
  const char *name = luaL_checkstring(L, 3);
  const scion_optim_option *o = option_info(opt, name);
  double v;
  if (o != NULL && o->is_flag ? lua_isboolean(L, 4) : lua_type(L, 4) == LUA_TNUMBER) {
    v = lua_isboolean(L, 4) ? lua_toboolean(L, 4) : lua_tonumber(L, 4);
  } else if (o == NULL) {
    v = 0; /* the engine names the known ones */
  } else {
    return luaL_error(L, "%s: option '%s' must be a %s, got %s", scion_optim_kind(opt), name, o->is_flag ? "boolean" : "number", luaL_typename(L, 4));
  }
  bind_try(L, scion_optim_set(bind_ctx(L), opt, group, name, v));
  return 0;
}
static int o_get(lua_State *L) { /* get(group | nil, name) */
  scion_optim *opt = check_optim(L, 1);
  int32_t group = check_group(L, opt, 2);
  const char *name = luaL_checkstring(L, 3);
  double v;
  bind_try(L, scion_optim_get(bind_ctx(L), opt, group, name, &v));
  push_value(L, option_info(opt, name), v);
  return 1;
}
static int o_params(lua_State *L) { /* params(group) -> list of tensors */
  scion_optim *opt = check_optim(L, 1);
  int32_t group = check_group(L, opt, 2), n = scion_optim_param_count(opt, group);
  lua_createtable(L, n, 0);
  for (int32_t i = 0; i < n; i++) {
    bind_push(L, scion_optim_param_get(opt, group, i));
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}
static int o_count(lua_State *L) { /* number of groups, or of parameters in a group */
  scion_optim *opt = check_optim(L, 1);
  if (lua_isnoneornil(L, 2)) lua_pushinteger(L, scion_optim_group_count(opt));
  else lua_pushinteger(L, scion_optim_param_count(opt, check_group(L, opt, 2)));
  return 1;
}
static int o_kind(lua_State *L) {
  lua_pushstring(L, scion_optim_kind(check_optim(L, 1)));
  return 1;
}

/* ---- steps ------------------------------------------------------------------------------------------------ */

typedef struct { lua_State *L; int closure, first; bool called; } closure_call;

/* Runs the Lua closure; its first result is kept at stack index `first`. */
static scion_status run_closure(scion_context *ctx, void *ud, double *loss) {
  closure_call *c = ud;
  lua_State *L = c->L;
  lua_pushvalue(L, c->closure);
  scion_status st = bind_call(L, 0, 1);
  if (st != SCION_OK) return st;
  if (!c->called) lua_copy(L, -1, c->first);
  c->called = true;
  bind_box *box = bind_to_box(L, -1);
  if (box != NULL && box->t != NULL && scion_tensor_numel(box->t) == 1) {
    static const int64_t zero[SCION_MAX_DIMS] = { 0 };
    st = scion_tensor_get(ctx, box->t, zero, loss);
  } else if (lua_type(L, -1) == LUA_TNUMBER) {
    *loss = lua_tonumber(L, -1);
  } else {
    st = scion_fail(ctx, SCION_EINVAL, "step: the closure must return the loss, a number or a tensor of one element (got %s)",
                    box != NULL ? "a tensor of another size" : luaL_typename(L, -1));
  }
  lua_pop(L, 1);
  return st;
}
static int o_step(lua_State *L) { /* step([closure]) -> what the closure gave first */
  scion_optim *opt = check_optim(L, 1);
  scion_context *ctx = bind_ctx(L);
  lua_settop(L, 2);
  if (lua_isnil(L, 2)) {
    bind_try(L, scion_optim_step(ctx, opt, NULL, NULL, NULL));
    return 0;
  }
  if (lua_type(L, 2) != LUA_TFUNCTION) return luaL_error(L, "%s: step takes a function that returns the loss, got %s", scion_optim_kind(opt), luaL_typename(L, 2));
  luaL_checkstack(L, 8, NULL);
  lua_pushnil(L);
  closure_call c = { L, 2, 3, false };
  bind_try(L, scion_optim_step(ctx, opt, run_closure, &c, NULL));
  lua_settop(L, 3);
  return 1;
}
static int o_zero_grad(lua_State *L) {
  scion_optim_zero_grad(bind_ctx(L), check_optim(L, 1));
  return 0;
}

/* ---- state ------------------------------------------------------------------------------------------------ */

static int o_state(lua_State *L) { /* state(group, param) -> table of tensors (shared) and numbers */
  scion_optim *opt = check_optim(L, 1);
  scion_context *ctx = bind_ctx(L);
  int32_t group = check_group(L, opt, 2), param = (int32_t)luaL_checkinteger(L, 3) - 1;
  int32_t n = scion_optim_state_count(opt);
  lua_newtable(L);
  for (int32_t i = 0; i < n; i++) {
    char buf[SCION_OPTIM_NAME];
    int32_t is_number;
    const char *name = scion_optim_state_name(opt, i, buf, &is_number);
    scion_tensor *t;
    double v;
    bind_try(L, scion_optim_state_get(ctx, opt, group, param, name, &t, &v));
    if (is_number && !isnan(v)) lua_pushnumber(L, v);
    else if (!is_number && t != NULL) bind_push(L, t);
    else continue;
    lua_setfield(L, -2, name);
  }
  return 1;
}
static int o_set_state(lua_State *L) { /* set_state(group, param, name, tensor | number) */
  scion_optim *opt = check_optim(L, 1);
  int32_t group = check_group(L, opt, 2), param = (int32_t)luaL_checkinteger(L, 3) - 1;
  const char *name = luaL_checkstring(L, 4);
  bind_box *box = bind_to_box(L, 5);
  if (box == NULL && lua_type(L, 5) != LUA_TNUMBER) {
    return luaL_error(L, "%s: state '%s' must be a tensor or a number, got %s", scion_optim_kind(opt), name, luaL_typename(L, 5));
  }
  bind_try(L, scion_optim_state_set(bind_ctx(L), opt, group, param, name, box != NULL ? box->t : NULL, box != NULL ? NAN : lua_tonumber(L, 5)));
  return 0;
}
static int o_clear_state(lua_State *L) {
  scion_optim_state_clear(bind_ctx(L), check_optim(L, 1));
  return 0;
}

/* ---- gradients and averages ------------------------------------------------------------------------------ */

static int m_clip_grad_norm(lua_State *L) { /* (params, max_norm, norm_type, strict) -> norm before */
  int32_t n;
  double total, max_norm = luaL_checknumber(L, 2), norm_type = luaL_optnumber(L, 3, 2);
  int strict = lua_toboolean(L, 4);
  scion_tensor **list = check_list(L, 1, "clip_grad_norm", &n);
  bind_try(L, scion_clip_grad_norm(bind_ctx(L), list, n, max_norm, norm_type, strict, &total));
  lua_pushnumber(L, total);
  return 1;
}
static int m_clip_grad_value(lua_State *L) { /* (params, limit) */
  int32_t n;
  double limit = luaL_checknumber(L, 2);
  scion_tensor **list = check_list(L, 1, "clip_grad_value", &n);
  bind_try(L, scion_clip_grad_value(bind_ctx(L), list, n, limit));
  return 0;
}
static int m_average_update(lua_State *L) { /* (averages, values, weight) */
  int32_t n, m;
  double weight = luaL_checknumber(L, 3);
  scion_tensor **averages = check_list(L, 1, "average_update", &n), **values = check_list(L, 2, "average_update", &m);
  if (n != m) return luaL_error(L, "average_update: %d averages but %d values", n, m);
  bind_try(L, scion_average_update(bind_ctx(L), averages, values, n, weight));
  return 0;
}

static const luaL_Reg methods[] = {
  { "add", o_add }, { "set", o_set }, { "get", o_get }, { "params", o_params }, { "count", o_count }, { "kind", o_kind }, { "step", o_step },
  { "zero_grad", o_zero_grad }, { "state", o_state }, { "set_state", o_set_state }, { "clear_state", o_clear_state }, { NULL, NULL } };
static const luaL_Reg functions[] = {
  { "new", m_new }, { "kinds", m_kinds }, { "options", m_options }, { "clip_grad_norm", m_clip_grad_norm },
  { "clip_grad_value", m_clip_grad_value }, { "average_update", m_average_update }, { NULL, NULL } };

void bind_open_optim(lua_State *L);
void bind_open_optim(lua_State *L) {
  luaL_newmetatable(L, type_name);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, o_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  lua_setfield(L, -2, "_optim");
}
