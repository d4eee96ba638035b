/* bind_parallel.c: work on other threads, each with a Lua state and a context of its own (scion.parallel; policy in
 * lua/scion/parallel.lua).
 *
 *   pool = scion._parallel_pool(n)                 n states, opened when first used
 *   results = pool:map(code, items, keys)          code: { "module", "function" } or a text made by string.dump
 *
 * Items and results cross as bytes (pack.c). Which thread runs which item is left to chance; an item's random numbers follow from
 * keys[i] alone, and results come back in the order of the items. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "pack.h"

typedef struct {
  bind_bytes in, out;
  lua_Integer key;
  char *error; /* malloc'd; NULL: it went well */
} job;

typedef struct {
  const char *module, *name; /* one of the two */
  const char *code;
  size_t code_size;
  const char *path, *cpath; /* of require */
  job *jobs;
  int n;
  atomic_int next;
  atomic_bool stop; /* an item failed: the rest need not be done */
} round_of_work;

typedef struct { lua_State *L; round_of_work *work; pthread_t thread; } worker;
typedef struct { int n; worker *workers; bool busy; } pool;

static pool *check_pool(lua_State *L, int index) {
  pool *p = luaL_checkudata(L, index, "scion.pool");
  luaL_argcheck(L, p->workers != NULL, index, "the pool is closed");
  return p;
}

static char *copy_text(const char *s) {
  size_t n = strlen(s) + 1;
  char *c = malloc(n);
  if (c != NULL) memcpy(c, s, n);
  return c;
}

static int with_traceback(lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  return 1;
}

static int open_libraries(lua_State *L) {
  const round_of_work *w = lua_touserdata(L, 1);
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_pushstring(L, w->path);
  lua_setfield(L, -2, "path");
  lua_pushstring(L, w->cpath);
  lua_setfield(L, -2, "cpath");
  luaL_requiref(L, "scion", luaopen_scion, 0);
  scion_set_threads(scion_lua_context(L), 1);
  return 0;
}

/* Pushes the function to call. */
static int find_function(lua_State *L) {
  const round_of_work *w = lua_touserdata(L, 1);
  if (w->code != NULL) {
    if (luaL_loadbufferx(L, w->code, w->code_size, "=parallel", "b") != LUA_OK) return lua_error(L);
    return 1;
  }
  lua_getglobal(L, "require");
  lua_pushstring(L, w->module);
  lua_call(L, 1, 1);
  if (!lua_istable(L, -1) || lua_getfield(L, -1, w->name) != LUA_TFUNCTION) return luaL_error(L, "module '%s' has no function '%s'", w->module, w->name);
  return 1;
}

static int run_job(lua_State *L) { /* (job, function) */
  job *j = lua_touserdata(L, 1);
  uint64_t state[2] = { (uint64_t)j->key, 0 };
  scion_rng_set(bind_ctx(L), state);
  bind_unpack(L, &j->in);
  lua_call(L, 1, 1);
  bind_pack(L, &j->out, -1, "parallel.map: the result");
  return 0;
}

static void *work(void *ud) {
  worker *me = ud;
  round_of_work *w = me->work;
  lua_State *L = me->L;
  const char *trouble = NULL;
  if (L == NULL) {
    L = me->L = luaL_newstate();
    if (L == NULL) trouble = "out of memory";
    else {
      lua_pushcfunction(L, open_libraries);
      lua_pushlightuserdata(L, w);
      if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        trouble = lua_tostring(L, -1);
      }
    }
  }
  if (trouble == NULL) {
    lua_settop(L, 0);
    lua_pushcfunction(L, find_function);
    lua_pushlightuserdata(L, w);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) trouble = lua_tostring(L, -1);
  }
  for (;;) {
    int i = atomic_fetch_add(&w->next, 1);
    if (i >= w->n || atomic_load(&w->stop)) break;
    job *j = &w->jobs[i];
    if (trouble != NULL) {
      j->error = copy_text(trouble);
      atomic_store(&w->stop, true);
      continue;
    }
    lua_pushcfunction(L, with_traceback);
    lua_pushcfunction(L, run_job);
    lua_pushlightuserdata(L, j);
    lua_pushvalue(L, 1);
    if (lua_pcall(L, 2, 0, 2) != LUA_OK) {
      const char *text = lua_tostring(L, -1);
      j->error = copy_text(text != NULL ? text : "an error without a text");
      atomic_store(&w->stop, true);
    }
    lua_settop(L, 1);
    bind_bytes_free(&j->in);
  }
  if (L != NULL) lua_settop(L, 0);
  return NULL;
}

/* ---- from the caller's side ------------------------------------------------------------------------------------------ */

typedef struct { job *jobs; int n; } job_list; /* a userdata: freed with its __gc however map ends */
static int jobs_gc(lua_State *L) {
  job_list *list = lua_touserdata(L, 1);
  for (int i = 0; i < list->n; i++) {
    bind_bytes_free(&list->jobs[i].in);
    bind_bytes_free(&list->jobs[i].out);
    free(list->jobs[i].error);
  }
  free(list->jobs);
  list->jobs = NULL;
  list->n = 0;
  return 0;
}

static int pool_map(lua_State *L) { /* (pool, code, items, keys) -> results */
  pool *p = check_pool(L, 1);
  luaL_checktype(L, 3, LUA_TTABLE);
  luaL_checktype(L, 4, LUA_TTABLE);
  if (p->busy) return luaL_error(L, "parallel.map: called from within itself");
  round_of_work w = { 0 };
  if (lua_istable(L, 2)) {
    lua_rawgeti(L, 2, 1);
    lua_rawgeti(L, 2, 2);
    w.module = luaL_checkstring(L, -2);
    w.name = luaL_checkstring(L, -1);
  } else {
    w.code = luaL_checklstring(L, 2, &w.code_size);
  }
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "path");
  lua_getfield(L, -2, "cpath");
  w.path = luaL_checkstring(L, -2);
  w.cpath = luaL_checkstring(L, -1);
  job_list *list = lua_newuserdatauv(L, sizeof *list, 0);
  *list = (job_list){ NULL, 0 };
  if (luaL_newmetatable(L, "scion.jobs")) {
    lua_pushcfunction(L, jobs_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  int holder = lua_gettop(L);
  lua_Integer n = luaL_len(L, 3);
  if (n > INT32_MAX / 2) return luaL_error(L, "parallel.map: too many items");
  list->jobs = calloc((size_t)n + 1, sizeof *list->jobs);
  if (list->jobs == NULL) return luaL_error(L, "out of memory");
  list->n = (int)n;
  for (int i = 0; i < list->n; i++) {
    char what[48];
    snprintf(what, sizeof what, "parallel.map: item %d", i + 1);
    lua_rawgeti(L, 3, i + 1);
    bind_pack(L, &list->jobs[i].in, -1, what);
    lua_rawgeti(L, 4, i + 1);
    list->jobs[i].key = luaL_checkinteger(L, -1);
    lua_pop(L, 2);
  }
  w.jobs = list->jobs;
  w.n = list->n;
  int started = 0, wanted = p->n < w.n ? p->n : w.n;
  p->busy = true;
  for (int i = 0; i < wanted; i++) {
    p->workers[i].work = &w;
    if (pthread_create(&p->workers[i].thread, NULL, work, &p->workers[i]) != 0) break;
    started++;
  }
  if (started == 0 && w.n > 0) { /* no thread can be started: the caller does it */
    p->workers[0].work = &w;
    work(&p->workers[0]);
  }
  for (int i = 0; i < started; i++) pthread_join(p->workers[i].thread, NULL);
  p->busy = false;
  for (int i = 0; i < w.n; i++) {
    if (w.jobs[i].error != NULL) return luaL_error(L, "parallel.map: item %d: %s", i + 1, w.jobs[i].error);
  }
  lua_createtable(L, w.n, 0);
  for (int i = 0; i < w.n; i++) {
    bind_unpack(L, &w.jobs[i].out);
    lua_rawseti(L, -2, i + 1);
    bind_bytes_free(&w.jobs[i].out);
  }
  lua_pushvalue(L, holder);
  lua_pushcfunction(L, jobs_gc); /* now rather than with the collector */
  lua_insert(L, -2);
  lua_call(L, 1, 0);
  return 1;
}

static int pool_close(lua_State *L) {
  pool *p = luaL_checkudata(L, 1, "scion.pool");
  for (int i = 0; p->workers != NULL && i < p->n; i++)
    if (p->workers[i].L != NULL) lua_close(p->workers[i].L);
  free(p->workers);
  p->workers = NULL;
  p->n = 0;
  return 0;
}
static int pool_size(lua_State *L) {
  lua_pushinteger(L, check_pool(L, 1)->n);
  return 1;
}

static int m_pool(lua_State *L) { /* _parallel_pool(n) */
  lua_Integer n = luaL_checkinteger(L, 1);
  luaL_argcheck(L, n >= 1 && n <= 256, 1, "1..256 workers are possible");
  pool *p = lua_newuserdatauv(L, sizeof *p, 0);
  *p = (pool){ 0, NULL, false };
  if (luaL_newmetatable(L, "scion.pool")) {
    static const luaL_Reg methods[] = { { "map", pool_map }, { "close", pool_close }, { "size", pool_size }, { NULL, NULL } };
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, pool_close);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, pool_close);
    lua_setfield(L, -2, "__close");
  }
  lua_setmetatable(L, -2);
  p->workers = calloc((size_t)n, sizeof *p->workers);
  if (p->workers == NULL) return luaL_error(L, "out of memory");
  p->n = (int)n;
  return 1;
}

void bind_open_parallel(lua_State *L) {
  lua_pushcfunction(L, m_pool);
  lua_setfield(L, -2, "_parallel_pool");
}
