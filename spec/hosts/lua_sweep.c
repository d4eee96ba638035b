/* lua_sweep.c: a Lua script in which the k-th allocation fails, for many k: of the engine (through scion_lua_open's config)
 * or of Lua itself, once or from there on until the script has failed. The script must succeed or raise an error that
 * speaks of memory, and the same state must run it again with the same result; at the end nothing may be left.
 * usage: lua_sweep SCRIPT STRIDE [ARGUMENT]   the script returns a function that gets the argument and returns a number */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "scion_lua.h"

typedef struct meter { int64_t count, fail_at, live; bool sticky; } meter;

static bool refuse(meter *m) {
  if (m->fail_at == 0) return false;
  m->count++;
  return m->count == m->fail_at || (m->sticky && m->count > m->fail_at);
}
static void *engine_alloc(void *ud, void *p, size_t old_size, size_t new_size) {
  meter *m = ud;
  if (new_size == 0) {
    if (p != NULL) m->live -= (int64_t)old_size;
    free(p);
    return NULL;
  }
  if (refuse(m)) return NULL;
  void *q = aligned_alloc(64, (new_size + 63) / 64 * 64);
  if (q == NULL) return NULL;
  m->live += (int64_t)new_size;
  if (p != NULL) {
    memcpy(q, p, old_size < new_size ? old_size : new_size);
    m->live -= (int64_t)old_size;
    free(p);
  }
  return q;
}
static void *lua_alloc(void *ud, void *p, size_t old_size, size_t new_size) {
  meter *m = ud;
  if (new_size == 0) {
    free(p);
    return NULL;
  }
  bool grows = p == NULL || new_size > old_size; /* Lua relies on shrinking */
  return grows && refuse(m) ? NULL : realloc(p, new_size);
}

static int fail(lua_State *L, const char *what, int64_t k) {
  fprintf(stderr, "lua_sweep: %s, k %lld: %s\n", what, (long long)k, lua_gettop(L) > 0 && lua_isstring(L, -1) ? lua_tostring(L, -1) : "");
  return 1;
}
/* The script's function once, with the k-th allocation of m failing (0: none); its number. */
static int run(lua_State *L, const char *argument, meter *m, int64_t k, double *result) {
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  lua_pushstring(L, argument);
  m->count = 0;
  m->fail_at = k;
  int status = lua_pcall(L, 1, 1, 0);
  m->fail_at = 0;
  if (status == LUA_OK) *result = lua_tonumber(L, -1);
  return status;
}

int main(int argc, char **argv) {
  meter engine = { 0 }, state = { 0 };
  if (argc < 3 || atoll(argv[2]) < 1) return fprintf(stderr, "usage: lua_sweep SCRIPT STRIDE [ARGUMENT]\n"), 2;
  const char *argument = argc > 3 ? argv[3] : "";
  lua_State *L = lua_newstate(lua_alloc, &state);
  scion_config config = SCION_CONFIG_INIT;
  config.alloc = engine_alloc;
  config.ud = &engine;
  config.threads = 1;
  luaL_openlibs(L);
  scion_lua_open(L, &config);
  lua_settop(L, 0);
  if (luaL_dofile(L, argv[1]) != LUA_OK || !lua_isfunction(L, -1)) return fail(L, argv[1], 0);
  lua_settop(L, 1);
  double expected = 0, result = 0;
  for (int warm = 0; warm < 2; warm++) { /* modules load on first use */
    if (run(L, argument, &engine, 0, &expected) != LUA_OK) return fail(L, "without failures", 0);
  }
  scion_memory_info before, after;
  lua_settop(L, 1);
  lua_gc(L, LUA_GCCOLLECT);
  lua_gc(L, LUA_GCCOLLECT);
  scion_memory(scion_lua_context(L), &before);
  static const char *const names[] = { "engine, one", "engine, all", "Lua, one", "Lua, all" };
  for (int kind = 0; kind < 4; kind++) {
    meter *m = kind < 2 ? &engine : &state;
    int64_t k = 1, failures = 0, times = 0;
    /* Lua allocates much more often than the engine */
    int64_t stride = atoll(argv[2]) * (kind < 2 ? 1 : 17);
    for (;; k += stride, times++) {
      scion_memory_trim(scion_lua_context(L)); /* warm blocks would hide the failure */
      m->sticky = kind % 2 == 1;
      int status = run(L, argument, m, k, &result);
      bool reached = m->count >= k;
      if (status != LUA_OK) {
        const char *text = lua_tostring(L, -1);
        failures++;
        if (text == NULL || strstr(text, "memory") == NULL) return fail(L, names[kind], k);
      } else if (result != expected) {
        return fail(L, "another result", k);
      }
      if (run(L, argument, m, 0, &result) != LUA_OK) return fail(L, "afterwards", k);
      if (result != expected) return fail(L, "another result afterwards", k);
      lua_settop(L, 1);
      if (!reached) break;
    }
    lua_gc(L, LUA_GCCOLLECT);
    lua_gc(L, LUA_GCCOLLECT);
    scion_memory(scion_lua_context(L), &after);
    if (after.live > before.live) return fprintf(stderr, "lua_sweep: %s: %lld bytes of tensors stay\n", names[kind], (long long)(after.live - before.live)), 1;
    printf("%s: about %lld allocations, %lld runs, %lld clean failures\n", names[kind], (long long)(k - 1), (long long)times, (long long)failures);
  }
  lua_close(L);
  return engine.live == 0 ? 0 : (fprintf(stderr, "lua_sweep: %lld bytes left after close\n", (long long)engine.live), 1);
}
