/* bind_autograd.c: gradients from Lua: backward, grad, no_grad, hooks, functions with their own gradient, and
 * scopes that free temporaries. */
#include <stdio.h>

#include "bind.h"

static int option(lua_State *L, int table, const char *name, int def) {
  if (!lua_istable(L, table)) return def;
  int v = def;
  if (lua_getfield(L, table, name) != LUA_TNIL) v = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return v;
}
static void check_options(lua_State *L, int table, const char *who, const char *const *known) {
  if (lua_isnoneornil(L, table)) return;
  luaL_checktype(L, table, LUA_TTABLE);
  lua_pushnil(L);
  while (lua_next(L, table) != 0) {
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    int i = 0;
    while (known[i] != NULL && strcmp(known[i], key) != 0) i++;
    if (known[i] == NULL) {
      luaL_Buffer b;
      luaL_buffinit(L, &b);
      for (i = 0; known[i] != NULL; i++) {
        if (i > 0) luaL_addstring(&b, ", ");
        luaL_addstring(&b, known[i]);
      }
      luaL_pushresult(&b);
      luaL_error(L, "%s: unknown option '%s' (known: %s)", who, key, lua_tostring(L, -1));
    }
    lua_pop(L, 1);
  }
}

/* One tensor or a list of them at index -> array that Lua owns (left on the stack). */
static scion_tensor **tensor_list(lua_State *L, int index, const char *who, const char *what, int *n) {
  index = lua_absindex(L, index);
  bool single = bind_to_box(L, index) != NULL;
  if (!single && !lua_istable(L, index)) luaL_error(L, "%s: %s must be a tensor or a list of tensors, got %s", who, what, luaL_typename(L, index));
  *n = single ? 1 : (int)lua_rawlen(L, index);
  scion_tensor **list = lua_newuserdatauv(L, (size_t)(*n + 1) * sizeof *list, 0);
  if (single) {
    list[0] = bind_check(L, index);
    return list;
  }
  for (int i = 0; i < *n; i++) {
    lua_rawgeti(L, index, i + 1);
    bind_box *box = bind_to_box(L, -1);
    if ((box == NULL || box->t == NULL) && !(lua_isboolean(L, -1) && !lua_toboolean(L, -1))) {
      luaL_error(L, "%s: element %d of %s must be a tensor, got %s", who, i + 1, what, luaL_typename(L, -1));
    }
    list[i] = box != NULL ? box->t : NULL; /* false: none */
    lua_pop(L, 1);
  }
  return list;
}

/* loss:backward{ gradient=, create_graph=, retain_graph= } */
static int t_backward(lua_State *L) {
  static const char *const known[] = { "gradient", "create_graph", "retain_graph", NULL };
  bind_state *s = bind_get(L);
  scion_tensor *t = bind_check(L, 1), *gradient = NULL;
  lua_settop(L, 2);
  if (bind_to_box(L, 2) != NULL) {
    gradient = bind_check(L, 2);
  } else {
    check_options(L, 2, "backward", known);
    if (lua_istable(L, 2)) {
      lua_getfield(L, 2, "gradient");
      gradient = bind_opt(L, -1);
    }
  }
  bind_charge_state(L, s);
  lua_State *old = s->L;
  s->L = L;
  scion_status st = scion_backward(s->ctx, &t, 1, gradient != NULL ? &gradient : NULL, option(L, 2, "create_graph", 0),
                                   option(L, 2, "retain_graph", -1));
  s->L = old;
  bind_try(L, st);
  return 0;
}

/* grad(outputs, inputs, { grad_outputs=, create_graph=, retain_graph=, allow_unused= }) -> list of gradients; a single
 * input given as a tensor gives a single gradient. Unused ones are false in the list (nil alone). */
static int m_grad(lua_State *L) {
  static const char *const known[] = { "grad_outputs", "create_graph", "retain_graph", "allow_unused", NULL };
  bind_state *s = bind_get(L);
  lua_settop(L, 3);
  check_options(L, 3, "grad", known);
  int n_out, n_in, n_go;
  scion_tensor **outputs = tensor_list(L, 1, "grad", "outputs", &n_out), **inputs = tensor_list(L, 2, "grad", "inputs", &n_in), **go = NULL;
  if (lua_istable(L, 3)) {
    if (lua_getfield(L, 3, "grad_outputs") != LUA_TNIL) {
      go = tensor_list(L, -1, "grad", "grad_outputs", &n_go);
      if (n_go != n_out) return luaL_error(L, "grad: %d grad_outputs for %d outputs", n_go, n_out);
    }
  }
  bind_charge_state(L, s);
  scion_tensor **grads = lua_newuserdatauv(L, (size_t)(n_in + 1) * sizeof *grads, 0);
  bool single = bind_to_box(L, 2) != NULL;
  lua_createtable(L, n_in, 0);
  int result = lua_gettop(L);
  bind_box **boxes = lua_newuserdatauv(L, (size_t)(n_in + 1) * sizeof *boxes, 0);
  for (int i = 0; i < n_in; i++) { /* boxes first */
    scion_tensor **t = bind_new(L);
    boxes[i] = bind_to_box(L, -1);
    (void)t;
    lua_rawseti(L, result, i + 1);
  }
  lua_State *old = s->L;
  s->L = L;
  scion_status st = scion_grad(s->ctx, outputs, n_out, inputs, n_in, go, option(L, 3, "create_graph", 0), option(L, 3, "retain_graph", -1),
                               option(L, 3, "allow_unused", 0), grads);
  s->L = old;
  bind_try(L, st);
  for (int i = 0; i < n_in; i++) {
    boxes[i]->t = grads[i];
    if (grads[i] != NULL) continue;
    lua_pushboolean(L, 0);
    lua_rawseti(L, result, i + 1);
  }
  if (!single) {
    lua_pushvalue(L, result);
    return 1;
  }
  lua_rawgeti(L, result, 1);
  if (lua_isboolean(L, -1)) lua_pushnil(L);
  return 1;
}

/* ---- no_grad, enable_grad ---------------------------------------------------------------------------------- */

/* no_grad(fn, ...) runs fn without recording and returns its results; no_grad() gives a guard for
 * `local _ <close> = scion.no_grad()`. */
typedef struct { int old; bool open; } grad_guard;
static int guard_close(lua_State *L) {
  grad_guard *g = luaL_checkudata(L, 1, "scion.GradGuard");
  if (g->open) scion_set_grad_enabled(bind_ctx(L), g->old);
  g->open = false;
  return 0;
}
static int with_grad(lua_State *L, int on) {
  scion_context *ctx = bind_ctx(L);
  if (lua_gettop(L) == 0) {
    grad_guard *g = lua_newuserdatauv(L, sizeof *g, 0);
    g->open = false;
    if (luaL_newmetatable(L, "scion.GradGuard")) {
      lua_pushcfunction(L, guard_close);
      lua_setfield(L, -2, "__close");
    }
    lua_setmetatable(L, -2);
    g->old = scion_set_grad_enabled(ctx, on);
    g->open = true;
    return 1;
  }
  int old = scion_set_grad_enabled(ctx, on);
  int st = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  scion_set_grad_enabled(ctx, old);
  return st == LUA_OK ? lua_gettop(L) : lua_error(L);
}
static int m_no_grad(lua_State *L) { return with_grad(L, 0); }
static int m_enable_grad(lua_State *L) { return with_grad(L, 1); }
static int m_grad_enabled(lua_State *L) {
  lua_pushboolean(L, scion_grad_enabled(bind_ctx(L)));
  return 1;
}

/* ---- a tensor's part ------------------------------------------------------------------------------------------ */

static int t_detach(lua_State *L) {
  scion_tensor *t = bind_check(L, 1), **box = bind_new(L);
  bind_try(L, scion_detach(bind_ctx(L), t, box));
  return 1;
}
static int t_requires_grad_(lua_State *L) { /* requires_grad_(on = true) */
  int on = lua_isnoneornil(L, 2) ? 1 : lua_toboolean(L, 2);
  bind_try(L, scion_set_requires_grad(bind_ctx(L), bind_check(L, 1), on));
  lua_settop(L, 1);
  return 1;
}

/* A Lua function held by the engine. The reference is dropped with the hook or the graph. */
typedef struct { bind_state *s; int ref; char name[64]; } held; /* name: of a function with its own gradient */
static held *hold(lua_State *L, int index) {
  held *h = NULL;
  lua_Alloc alloc;
  void *ud;
  alloc = lua_getallocf(L, &ud);
  h = alloc(ud, NULL, 0, sizeof *h);
  if (h == NULL) luaL_error(L, "out of memory");
  h->s = bind_get(L);
  h->name[0] = '\0';
  lua_pushvalue(L, index);
  h->ref = luaL_ref(L, LUA_REGISTRYINDEX);
  return h;
}
static void let_go(scion_context *ctx, void *ud) {
  held *h = ud;
  lua_State *L = h->s->L;
  (void)ctx;
  luaL_unref(L, LUA_REGISTRYINDEX, h->ref);
  void *alloc_ud;
  lua_Alloc alloc = lua_getallocf(L, &alloc_ud);
  alloc(alloc_ud, h, sizeof *h, 0);
}

static scion_status call_hook(scion_context *ctx, void *ud, scion_tensor **grad) {
  held *h = ud;
  lua_State *L = h->s->L;
  int top = lua_gettop(L);
  if (!lua_checkstack(L, 8)) return scion_fail(ctx, SCION_ENOMEM, "hook: the Lua stack is full");
  lua_rawgeti(L, LUA_REGISTRYINDEX, h->ref);
  bind_push(L, *grad);
  scion_status st = bind_call(L, 1, 1);
  if (st == SCION_OK && !lua_isnil(L, -1)) {
    bind_box *box = bind_to_box(L, -1);
    if (box == NULL || box->t == NULL) {
      st = scion_fail(ctx, SCION_EINVAL, "hook: returned a %s, expected a tensor or nothing", luaL_typename(L, -1));
    } else {
      scion_tensor_ref(box->t);
      scion_tensor_free(ctx, *grad);
      *grad = box->t;
    }
  }
  lua_settop(L, top);
  return st;
}
/* t:register_hook(fn) -> id; fn(gradient) may return another one. t:remove_hook(id). */
static int t_register_hook(lua_State *L) {
  scion_tensor *t = bind_check(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  int64_t id;
  held *h = hold(L, 2);
  scion_status st = scion_hook_add(bind_ctx(L), t, call_hook, h, let_go, &id);
  if (st != SCION_OK) let_go(NULL, h);
  bind_try(L, st);
  lua_pushinteger(L, id);
  return 1;
}
static int t_remove_hook(lua_State *L) {
  scion_hook_remove(bind_ctx(L), bind_check(L, 1), luaL_checkinteger(L, 2));
  return 0;
}

/* ---- functions with their own gradient --------------------------------------------------------------------------- */

static scion_status custom_backward(scion_context *ctx, void *ud, scion_tensor *const *grad_outputs, int32_t n_outputs,
                                    scion_tensor **grad_inputs, int32_t n_inputs) {
  held *h = ud;
  lua_State *L = h->s->L;
  int top = lua_gettop(L);
  if (!lua_checkstack(L, n_outputs + n_inputs + 8)) return scion_fail(ctx, SCION_ENOMEM, "%s: the Lua stack is full", h->name);
  lua_rawgeti(L, LUA_REGISTRYINDEX, h->ref);
  for (int i = 0; i < n_outputs; i++) bind_push(L, grad_outputs[i]);
  scion_status st = bind_call(L, n_outputs, n_inputs);
  for (int i = 0; st == SCION_OK && i < n_inputs; i++) {
    int at = top + 1 + i;
    if (lua_isnil(L, at)) continue;
    bind_box *box = bind_to_box(L, at);
    if (box == NULL || box->t == NULL) {
      st = scion_fail(ctx, SCION_EINVAL, "%s: backward's result %d is a %s, expected a tensor or nil", h->name, i + 1, luaL_typename(L, at));
    } else {
      grad_inputs[i] = scion_tensor_ref(box->t);
    }
  }
  lua_settop(L, top);
  return st;
}
/* record_custom(name, backward, inputs, outputs): the outputs, computed without recording, get `backward` as
 * their gradient: backward(grad_of_each_output...) -> grad of each input. scion.Function is built on it. */
static int m_record_custom(lua_State *L) {
  luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  int n_in, n_out;
  scion_tensor **inputs = tensor_list(L, 3, lua_tostring(L, 1), "inputs", &n_in);
  scion_tensor **outputs = tensor_list(L, 4, lua_tostring(L, 1), "outputs", &n_out);
  if (n_out > SCION_MAX_OUTPUTS) return luaL_error(L, "%s: %d outputs, at most %d are possible", lua_tostring(L, 1), n_out, SCION_MAX_OUTPUTS);
  for (int i = 0; i < n_out; i++) if (outputs[i] == NULL) return luaL_error(L, "%s: output %d is missing", lua_tostring(L, 1), i + 1);
  held *h = hold(L, 2);
  snprintf(h->name, sizeof h->name, "%s", lua_tostring(L, 1));
  scion_custom custom = { custom_backward, let_go, h, h->name };
  scion_status st = scion_record_custom(bind_ctx(L), &custom, inputs, n_in, outputs, n_out);
  if (st != SCION_OK) let_go(NULL, custom.ud);
  bind_try(L, st);
  return 0;
}

/* ---- scopes ---------------------------------------------------------------------------------------------------- */

/* local s <close> = scion.scope(): tensors made until the block ends are freed there at once, those given to s:keep(t)
 * excepted. Everything else about a program stays as it is: the collector would have freed them later. */
typedef struct { bind_box head; bind_box *outer; bool open; } scope;
static int scope_close(lua_State *L) {
  scope *s = luaL_checkudata(L, 1, "scion.Scope");
  bind_state *state = bind_get(L);
  if (!s->open) return 0;
  s->open = false;
  if (state->scope == &s->head) state->scope = s->outer;
  for (bind_box *box = s->head.next, *next; box != NULL; box = next) {
    next = box->next;
    box->prev = box->next = NULL;
    scion_tensor *t = box->t;
    box->t = NULL;
    scion_tensor_free(state->ctx, t);
  }
  s->head.next = NULL;
  return 0;
}
static int scope_keep(lua_State *L) { /* keep(t, ...) -> t, ...; they move to the scope outside */
  scope *s = luaL_checkudata(L, 1, "scion.Scope");
  for (int i = 2; i <= lua_gettop(L); i++) {
    bind_check(L, i);
    bind_box *box = bind_to_box(L, i);
    if (box->prev == NULL) continue;
    box->prev->next = box->next;
    if (box->next != NULL) box->next->prev = box->prev;
    box->prev = box->next = NULL;
    if (s->outer == NULL) continue;
    box->next = s->outer->next;
    box->prev = s->outer;
    if (box->next != NULL) box->next->prev = box;
    s->outer->next = box;
  }
  return lua_gettop(L) - 1;
}
static int m_scope(lua_State *L) {
  bind_state *state = bind_get(L);
  scope *s = lua_newuserdatauv(L, sizeof *s, 0);
  *s = (scope){ .outer = state->scope };
  if (luaL_newmetatable(L, "scion.Scope")) {
    lua_pushcfunction(L, scope_close);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, scope_close);
    lua_setfield(L, -2, "__gc");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, scope_keep);
    lua_setfield(L, -2, "keep");
    lua_setfield(L, -2, "__index");
  }
  lua_setmetatable(L, -2);
  s->open = true;
  state->scope = &s->head;
  return 1;
}

static const luaL_Reg functions[] = {
  { "grad", m_grad }, { "no_grad", m_no_grad }, { "enable_grad", m_enable_grad }, { "grad_enabled", m_grad_enabled },
  { "record_custom", m_record_custom }, { "scope", m_scope }, { NULL, NULL } };
static const luaL_Reg tensor_methods[] = {
  { "backward", t_backward }, { "detach", t_detach }, { "requires_grad_", t_requires_grad_ }, { "register_hook", t_register_hook },
  { "remove_hook", t_remove_hook }, { NULL, NULL } };

void bind_open_autograd(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  luaL_getmetatable(L, "scion.Tensor");
  lua_getfield(L, -1, "methods");
  luaL_setfuncs(L, tensor_methods, 0);
  lua_pop(L, 2);
}
