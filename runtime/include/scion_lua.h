/* scion_lua.h: libscion in a Lua 5.4 state. For hosts that bring their own lua_State.
 *
 *   luaL_openlibs(L);
 *   luaL_requiref(L, "scion", luaopen_scion, 0);    or  require "scion" from Lua
 *
 * One context per state, made on first open and closed with the state. Opening again is harmless. */
#ifndef SCION_LUA_H
#define SCION_LUA_H

#include <lua.h>

#include "scion.h"

#ifdef __cplusplus
extern "C" {
#endif

SCION_API int luaopen_scion(lua_State *L); /* pushes the module table */
/* The same with the host's settings: its allocator, log, cancel callback, threads, seed. config NULL: defaults. They count
 * at the first opening of a state alone. Raises a Lua error when no context can be made. */
SCION_API int scion_lua_open(lua_State *L, const scion_config *config);
SCION_API scion_context *scion_lua_context(lua_State *L); /* borrowed; NULL before luaopen_scion */
/* Tensors on the stack. push shares (a new reference for Lua), take transfers yours to Lua, to borrows
 * (NULL when the value is no tensor), check borrows or raises a Lua error. */
SCION_API void scion_lua_push(lua_State *L, scion_tensor *t);
SCION_API void scion_lua_take(lua_State *L, scion_tensor *t);
SCION_API scion_tensor *scion_lua_to(lua_State *L, int index);
SCION_API scion_tensor *scion_lua_check(lua_State *L, int index);

#ifdef __cplusplus
}
#endif
#endif
