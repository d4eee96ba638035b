/* bind.c: opening scion in a Lua state, errors, boxes, the collector's share, and finding the Lua files. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bind.h"
#include "embedded.h"

const char bind_magic = 0;
static const char state_key = 0; /* its address: the state's place in the registry */

/* Between two collections, at least; and, as a collection takes time for every byte of Lua's own heap, in proportion to it. */
#define GC_BOXES 1024        /* boxes made ... */
#define GC_BYTES_PER_BOX 128 /* ... or one for so many bytes of Lua's heap */
#define GC_BOX_SIZE 72       /* what a box takes there */
#define GC_STEP (1 << 20)    /* KB that the collector is told were allocated: enough to end the cycle that it is in */
#define GC_FLOOR (2 << 20)   /* bytes of tensors that may live without a collection ... */
#define GC_FLOOR_RATIO 16    /* ... or so many times Lua's heap */

bind_state *bind_get(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key);
  bind_state *s = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (s == NULL || s->ctx == NULL) luaL_error(L, "scion is not open in this Lua state");
  return s;
}
scion_context *scion_lua_context(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key);
  bind_state *s = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return s != NULL ? s->ctx : NULL;
}

/* ---- errors ------------------------------------------------------------------------------------------- */

const char *bind_path(lua_State *L, int arg) {
  size_t n;
  luaL_checktype(L, arg, LUA_TSTRING);
  const char *path = lua_tolstring(L, arg, &n);
  luaL_argcheck(L, strlen(path) == n, arg, "a path must not hold a zero byte");
  return path;
}
int bind_raise(lua_State *L, scion_status status) {
  bind_state *s = bind_get(L);
  if (s->error_ref != LUA_NOREF) { /* a callback failed underneath: its own error goes on */
    int ref = s->error_ref;
    s->error_ref = LUA_NOREF;
    lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
    luaL_unref(L, LUA_REGISTRYINDEX, ref);
    if (status == SCION_ECALLBACK) return lua_error(L);
    lua_pop(L, 1);
  }
  int level = 0, nearest = 0; /* the caller's line: of the nearest Lua function that is not one of ours, else of the nearest */
  lua_Debug ar;
  for (int i = 1; level == 0 && lua_getstack(L, i, &ar); i++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline < 0) continue;
    if (nearest == 0) nearest = i;
    if (strstr(ar.source, "lua/scion/") == NULL) level = i;
  }
  luaL_where(L, level > 0 ? level : nearest > 0 ? nearest : 1);
  lua_pushstring(L, scion_errmsg(s->ctx));
  lua_concat(L, 2);
  return lua_error(L);
}

scion_status bind_call(lua_State *L, int n_args, int n_results) {
  if (lua_pcall(L, n_args, n_results, 0) == LUA_OK) return SCION_OK;
  bind_state *s = bind_get(L);
  if (s->error_ref != LUA_NOREF) luaL_unref(L, LUA_REGISTRYINDEX, s->error_ref);
  const char *text = lua_tostring(L, -1);
  scion_fail(s->ctx, SCION_ECALLBACK, "%s", text != NULL ? text : "a Lua callback failed");
  s->error_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  return SCION_ECALLBACK;
}

/* ---- boxes -------------------------------------------------------------------------------------------- */

static const char meta_key = 0;

/* Lua waits until its heap has doubled, and counts boxes that wait for their finalizer as living: left to itself it lets small
 * tensors pile up to any limit, and every new one comes to lie in cold memory. Collecting after a thousand boxes costs 20-200 ns
 * each in a small heap and keeps the work in the nearest caches. Where much lives, twice that is the limit. */
void bind_charge_state(lua_State *L, bind_state *s) {
  scion_memory_info m;
  scion_memory(s->ctx, &m);
  bool full = m.live > s->gc_limit;
  if (!full && s->gc_boxes > 0) return;
  if (full) lua_gc(L, LUA_GCCOLLECT);
  else if (lua_gc(L, LUA_GCISRUNNING)) lua_gc(L, LUA_GCSTEP, GC_STEP); /* who stopped the collector may well make many boxes */
  int64_t heap = (int64_t)lua_gc(L, LUA_GCCOUNT) * 1024 - (s->gc_boxes_given - s->gc_boxes) * GC_BOX_SIZE; /* those go in the next one */
  int64_t boxes = heap / GC_BYTES_PER_BOX, floor = heap * GC_FLOOR_RATIO;
  s->gc_boxes = s->gc_boxes_given = boxes > GC_BOXES ? boxes : GC_BOXES;
  if (!full) return;
  scion_memory(s->ctx, &m);
  if (floor < GC_FLOOR) floor = GC_FLOOR;
  s->gc_limit = 2 * m.live > floor ? 2 * m.live : floor;
}
void bind_charge(lua_State *L) { bind_charge_state(L, bind_get(L)); }

bind_box *bind_new_in(lua_State *L, bind_state *s, int meta) {
  bind_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->magic = &bind_magic;
  box->t = NULL;
  box->prev = box->next = NULL;
  s->gc_boxes--;
  lua_pushvalue(L, meta);
  lua_setmetatable(L, -2);
  if (s->scope != NULL) {
    box->next = s->scope->next;
    box->prev = s->scope;
    if (box->next != NULL) box->next->prev = box;
    s->scope->next = box;
  }
  return box;
}
scion_tensor **bind_new(lua_State *L) {
  bind_state *s = bind_get(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &meta_key);
  bind_box *box = bind_new_in(L, s, lua_gettop(L));
  lua_remove(L, -2);
  return &box->t;
}
void bind_push(lua_State *L, scion_tensor *t) {
  if (t == NULL) {
    lua_pushnil(L);
    return;
  }
  scion_tensor **box = bind_new(L);
  *box = scion_tensor_ref(t);
}
void scion_lua_push(lua_State *L, scion_tensor *t) { bind_push(L, t); }
void scion_lua_take(lua_State *L, scion_tensor *t) { *bind_new(L) = t; }
scion_tensor *scion_lua_to(lua_State *L, int index) {
  bind_box *box = bind_to_box(L, index);
  return box != NULL ? box->t : NULL;
}
scion_tensor *scion_lua_check(lua_State *L, int index) { return bind_check(L, index); }

scion_tensor *bind_check(lua_State *L, int index) {
  bind_box *box = bind_to_box(L, index);
  if (box == NULL) luaL_typeerror(L, index, "tensor");
  if (box->t == NULL) luaL_argerror(L, index, "the tensor is closed");
  return box->t;
}
scion_tensor *bind_opt(lua_State *L, int index) { return lua_isnoneornil(L, index) ? NULL : bind_check(L, index); }

static int box_gc(lua_State *L) {
  bind_box *box = bind_to_box(L, 1);
  if (box == NULL) return 0;
  if (box->prev != NULL) box->prev->next = box->next;
  if (box->next != NULL) box->next->prev = box->prev;
  box->prev = box->next = NULL;
  if (box->t == NULL) return 0;
  bind_state *s = lua_touserdata(L, lua_upvalueindex(1));
  scion_tensor *t = box->t;
  box->t = NULL;
  scion_tensor_free(s->ctx, t);
  return 0;
}

/* ---- values ------------------------------------------------------------------------------------------- */

static int list_tostring(lua_State *L) {
  luaL_Buffer b;
  lua_Integer n = luaL_len(L, 1);
  luaL_buffinit(L, &b);
  luaL_addstring(&b, "{ ");
  for (lua_Integer i = 1; i <= n; i++) {
    if (i > 1) luaL_addstring(&b, ", ");
    lua_geti(L, 1, i);
    luaL_tolstring(L, -1, NULL);
    lua_remove(L, -2);
    luaL_addvalue(&b);
  }
  luaL_addstring(&b, n > 0 ? " }" : "}");
  luaL_pushresult(&b);
  return 1;
}
static int list_eq(lua_State *L) {
  lua_Integer n = luaL_len(L, 1);
  int same = n == luaL_len(L, 2);
  for (lua_Integer i = 1; same && i <= n; i++) {
    lua_geti(L, 1, i);
    lua_geti(L, 2, i);
    same = lua_compare(L, -1, -2, LUA_OPEQ);
    lua_pop(L, 2);
  }
  lua_pushboolean(L, same);
  return 1;
}
static int list_tolist(lua_State *L) { /* list:tolist() -> a plain copy */
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_Integer n = (lua_Integer)lua_rawlen(L, 1);
  lua_createtable(L, (int)n, 0);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, 1, i);
    lua_rawseti(L, -2, i);
  }
  return 1;
}
void bind_list_meta(lua_State *L) {
  if (luaL_newmetatable(L, "scion.List")) {
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, list_tolist);
    lua_setfield(L, -2, "tolist");
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, list_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushcfunction(L, list_eq);
    lua_setfield(L, -2, "__eq");
  }
  lua_setmetatable(L, -2);
}
void bind_push_list(lua_State *L, int n, const int64_t *v) {
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    lua_pushinteger(L, v[i]);
    lua_rawseti(L, -2, i + 1);
  }
  bind_list_meta(L);
}
int bind_ints(lua_State *L, int index, const char *who, int64_t *v, int max) {
  int exact;
  if (lua_type(L, index) == LUA_TNUMBER) {
    v[0] = lua_tointegerx(L, index, &exact);
    if (!exact) luaL_error(L, "%s: %f is not an integer", who, lua_tonumber(L, index));
    return 1;
  }
  if (!lua_istable(L, index)) luaL_error(L, "%s: expected a list of integers, got %s", who, luaL_typename(L, index));
  lua_Integer n = (lua_Integer)lua_rawlen(L, index);
  if (n > max) luaL_error(L, "%s: %d values given, at most %d are possible", who, (int)n, max);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, index, i);
    v[i - 1] = lua_tointegerx(L, -1, &exact);
    if (!exact) luaL_error(L, "%s: value %d of the list is %s, expected an integer", who, (int)i, luaL_tolstring(L, -1, NULL));
    lua_pop(L, 1);
  }
  return (int)n;
}
scion_dtype bind_dtype(lua_State *L, int index, const char *who) {
  const char *name = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;
  int32_t dtype = name != NULL ? scion_dtype_parse(name) : -1;
  if (dtype < 0) {
    luaL_error(L, "%s: dtype is %s, expected \"f32\", \"f64\", \"i32\", \"i64\", \"u8\" or \"bool\"", who, luaL_tolstring(L, index, NULL));
  }
  return (scion_dtype)dtype;
}

void bind_apply(lua_State *L, const scion_op *op, scion_tensor *const *inputs, int n_inputs, const void *params) {
  bind_state *s = bind_get(L);
  bind_charge_state(L, s);
  scion_tensor **box = bind_new(L);
  bind_try(L, scion_apply(s->ctx, op, inputs, n_inputs, params, box, 1));
}

/* ---- settings of the context --------------------------------------------------------------------------- */

static int m_memory(lua_State *L) {
  bind_state *s = bind_get(L);
  scion_memory_info m;
  scion_memory(s->ctx, &m);
  lua_createtable(L, 0, 5);
  const struct { const char *name; int64_t v; } fields[] = {
    { "live", m.live }, { "peak", m.peak }, { "pooled", m.pooled }, { "blocks", m.blocks }, { "limit", s->gc_limit } };
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    lua_pushinteger(L, fields[i].v);
    lua_setfield(L, -2, fields[i].name);
  }
  return 1;
}
static int m_memory_trim(lua_State *L) {
  lua_gc(L, LUA_GCCOLLECT);
  scion_memory_trim(bind_ctx(L));
  return 0;
}
static int m_memory_reset_peak(lua_State *L) {
  scion_memory_reset_peak(bind_ctx(L));
  return 0;
}
static int m_memory_limit(lua_State *L) { /* soft limit: live bytes above which the collector runs next */
  bind_state *s = bind_get(L);
  lua_Integer bytes = luaL_checkinteger(L, 1);
  luaL_argcheck(L, bytes > 0, 1, "bytes must be positive");
  s->gc_limit = bytes;
  return 0;
}
static int m_seed(lua_State *L) {
  scion_seed(bind_ctx(L), (uint64_t)luaL_checkinteger(L, 1));
  return 0;
}
static int m_rng_state(lua_State *L) { /* with arguments: restore */
  uint64_t state[2];
  if (lua_gettop(L) > 0) {
    state[0] = (uint64_t)luaL_checkinteger(L, 1);
    state[1] = (uint64_t)luaL_checkinteger(L, 2);
    scion_rng_set(bind_ctx(L), state);
    return 0;
  }
  scion_rng_get(bind_ctx(L), state);
  lua_pushinteger(L, (lua_Integer)state[0]);
  lua_pushinteger(L, (lua_Integer)state[1]);
  return 2;
}
static int m_threads(lua_State *L) { /* with an argument: set; returns the (old) number */
  scion_context *ctx = bind_ctx(L);
  int32_t old = scion_get_threads(ctx);
  if (!lua_isnoneornil(L, 1)) {
    lua_Integer n = luaL_checkinteger(L, 1);
    bind_try(L, scion_set_threads(ctx, n > 1000 ? 1000 : n < -1 ? -1 : (int32_t)n));
  }
  lua_pushinteger(L, old);
  return 1;
}
static int m_info(lua_State *L) {
  lua_createtable(L, 0, 4);
  lua_pushstring(L, scion_version());
  lua_setfield(L, -2, "version");
  lua_pushstring(L, scion_isa());
  lua_setfield(L, -2, "isa");
  lua_pushstring(L, scion_blas());
  lua_setfield(L, -2, "blas");
  lua_pushinteger(L, scion_get_threads(bind_ctx(L)));
  lua_setfield(L, -2, "threads");
  return 1;
}
static int m_emit(lua_State *L) { /* emit(level, text): a line for the log sink; `log` is the logarithm */
  static const char *const levels[] = { "error", "warn", "info", "progress", NULL };
  int level = luaL_checkoption(L, 1, "info", levels);
  scion_log(bind_ctx(L), level, luaL_checkstring(L, 2));
  return 0;
}
/* A list that prints itself: scion.list { "a", "b" }. */
static int m_list(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  bind_list_meta(L);
  return 1;
}

static const luaL_Reg functions[] = {
  { "memory", m_memory }, { "memory_trim", m_memory_trim }, { "memory_reset_peak", m_memory_reset_peak },
  { "memory_limit", m_memory_limit }, { "seed", m_seed }, { "rng_state", m_rng_state }, { "threads", m_threads },
  { "info", m_info }, { "emit", m_emit }, { "list", m_list }, { NULL, NULL } };

/* ---- opening ------------------------------------------------------------------------------------------- */

/* Runs a module's chunk (upvalue 1) once in a state: whoever asks again, with package.loaded cleared, gets the same value, as
 * the classes and metatables of two copies would not know each other. */
static int load_once(lua_State *L) { /* (name, path) */
  static const char modules_key = 0;
  lua_settop(L, 2);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &modules_key) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &modules_key);
  }
  lua_pushvalue(L, 1);
  if (lua_rawget(L, 3) != LUA_TNIL) return 1;
  lua_pop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  lua_call(L, 2, 1);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, -2);
  lua_rawset(L, 3);
  return 1;
}

/* Searcher for "scion.x.y": the directory in SCION_LUA first (while working on the sources), then the
 * files compiled into this library. */
static int search(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  if (strncmp(name, "scion.", 6) != 0) return 0;
  const char *dir = getenv("SCION_LUA");
  if (dir != NULL && dir[0] != '\0') {
    const char *path = luaL_gsub(L, name, ".", "/");
    for (int i = 0; i < 2; i++) {
      const char *file = lua_pushfstring(L, i == 0 ? "%s/%s.lua" : "%s/%s/init.lua", dir, path);
      FILE *f = fopen(file, "r");
      if (f == NULL) continue;
      fclose(f);
      if (luaL_loadfile(L, file) != LUA_OK) return lua_error(L);
      lua_pushcclosure(L, load_once, 1);
      lua_pushstring(L, file);
      return 2;
    }
  }
  for (const scion_embedded_file *f = scion_embedded; f->name != NULL; f++) {
    if (strcmp(f->name, name) != 0) continue;
    const char *chunk = lua_pushfstring(L, "@%s", f->path);
    if (luaL_loadbufferx(L, f->text, f->size, chunk, "t") != LUA_OK) return lua_error(L);
    lua_pushcclosure(L, load_once, 1);
    lua_pushstring(L, f->path);
    return 2;
  }
  lua_pushfstring(L, "no file '%s' in scion's library", name);
  return 1;
}

static int state_gc(lua_State *L) {
  bind_state *s = lua_touserdata(L, 1);
  scion_context *ctx = s->ctx;
  s->ctx = NULL;
  scion_close(ctx);
  return 0;
}

static void open_state(lua_State *L, const scion_config *config) {
  /* First of all userdata, hence finalised last at lua_close: boxes still find their context. */
  bind_state *s = lua_newuserdatauv(L, sizeof *s, 0);
  *s = (bind_state){ .gc_limit = GC_FLOOR, .gc_boxes = GC_BOXES, .gc_boxes_given = GC_BOXES, .error_ref = LUA_NOREF, .L = L };
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, state_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  scion_status st = scion_open(config, &s->ctx);
  if (st != SCION_OK) luaL_error(L, "scion: could not open a context (%s)", scion_status_str(st));
  scion_set_index_base(s->ctx, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key);
  luaL_newmetatable(L, "scion.Tensor");
  lua_pushlightuserdata(L, s);
  lua_pushcclosure(L, box_gc, 1);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "__gc");
  lua_setfield(L, -2, "__close");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &meta_key);
  lua_getglobal(L, "package");
  if (lua_istable(L, -1) && lua_getfield(L, -1, "searchers") == LUA_TTABLE) {
    lua_pushcfunction(L, search);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static const char module_key = 0;

int luaopen_scion(lua_State *L) { return scion_lua_open(L, NULL); }

int scion_lua_open(lua_State *L, const scion_config *config) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &module_key) == LUA_TTABLE) return 1;
  lua_pop(L, 1);
  if (scion_lua_context(L) == NULL) open_state(L, config);
  luaL_newlib(L, functions);
  lua_pushstring(L, scion_version());
  lua_setfield(L, -2, "version");
#define BIND_MODULE(name) bind_open_##name(L);
#include "modules.def"
#undef BIND_MODULE
  /* Lua files find this table as require "scion" while they load; lua/scion/init.lua completes it. */
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "scion");
  lua_pop(L, 1);
  lua_getglobal(L, "require");
  if (lua_isfunction(L, -1)) {
    lua_pushliteral(L, "scion.init");
    lua_call(L, 1, 0);
  } else {
    lua_pop(L, 1);
  }
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &module_key);
  return 1;
}
