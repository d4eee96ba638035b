/* bind_system.c: what Lua needs of the machine and of this library's own files: a clock, the Lua sources. */
#include <time.h>

#include "bind.h"
#include "embedded.h"

static int m_clock(lua_State *L) { /* monotonic seconds */
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  lua_pushnumber(L, (lua_Number)now.tv_sec + 1e-9 * (lua_Number)now.tv_nsec);
  return 1;
}

/* source("lua/scion/nn/init.lua") -> its text, nil when it is none of ours: help reads the comments */
static int m_source(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  for (const scion_embedded_file *f = scion_embedded; f->name != NULL; f++) {
    if (strcmp(f->path, path) != 0) continue;
    lua_pushlstring(L, f->text, f->size);
    return 1;
  }
  return 0;
}

/* sources() -> names of the modules compiled in, and their paths */
static int m_sources(lua_State *L) {
  int n = 0;
  lua_newtable(L);
  lua_newtable(L);
  for (const scion_embedded_file *f = scion_embedded; f->name != NULL; f++) {
    n++;
    lua_pushstring(L, f->name);
    lua_rawseti(L, -3, n);
    lua_pushstring(L, f->path);
    lua_rawseti(L, -2, n);
  }
  return 2;
}

void bind_open_system(lua_State *L) {
  static const luaL_Reg functions[] = { { "clock", m_clock }, { "source", m_source }, { "sources", m_sources }, { NULL, NULL } };
  luaL_setfuncs(L, functions, 0);
}
