/* experiment.c: a program that keeps its own lua_State and its own memory, and lets Lua experiment on it.
 *
 *   cc experiment.c $(pkg-config --cflags --libs scion-lua lua5.4) -lm -o experiment && ./experiment [script.lua]
 *
 * The arrays below belong to this program. Tensors wrap them without copying: Lua trains a network on `points`
 * and `sides` and writes what it predicts straight into `scores`. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "scion_lua.h"

#define N 400

static float points[N][2];  /* input: N points of the plane */
static int64_t sides[N];    /* input: which of two interleaved spirals each is on, 1 or 2 */
static float scores[N][2];  /* output: two probabilities for each */

static const char script[] =
  "local scion = require 'scion'\n"
  "local points, sides, scores = ...\n"
  "scion.seed(1)\n"
  "local nn = scion.nn\n"
  "local net = nn.Sequential { nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2) }\n"
  "local adam = scion.optim.Adam(net:parameters(), { lr = 0.01 })\n"
  "local loss\n"
  "for step = 1, 400 do\n"
  "  loss = scion.cross_entropy(net(points), sides)\n"
  "  adam:zero_grad() loss:backward() adam:step()\n"
  "end\n"
  "scion.no_grad(function() scores:copy_(net(points):softmax(-1)) end)\n"
  "return loss:item()\n";

/* A tensor in Lua over an array of ours, which outlives the state. */
static int push_array(lua_State *L, scion_dtype dtype, int32_t n_dims, const int64_t *shape, void *data) {
  scion_context *ctx = scion_lua_context(L);
  scion_tensor *t;
  if (scion_tensor_wrap(ctx, dtype, n_dims, shape, NULL, data, NULL, NULL, &t) != SCION_OK) {
    return luaL_error(L, "%s", scion_errmsg(ctx));
  }
  scion_lua_take(L, t); /* Lua owns the handle, we own the memory */
  return 1;
}

static int experiment(lua_State *L) {
  const char *path = lua_touserdata(L, 1);
  const int64_t plane[2] = { N, 2 }, line[1] = { N };
  luaL_openlibs(L);
  luaL_requiref(L, "scion", luaopen_scion, 0);
  if (path != NULL ? luaL_loadfile(L, path) : luaL_loadstring(L, script)) return lua_error(L);
  push_array(L, SCION_F32, 2, plane, points);
  push_array(L, SCION_I64, 1, line, sides);
  push_array(L, SCION_F32, 2, plane, scores);
  if (scion_tensor_data(scion_lua_to(L, -1)) != (void *)scores) return luaL_error(L, "the array was copied");
  lua_call(L, 3, 1);
  printf("loss %.4f\n", lua_tonumber(L, -1));
  return 0;
}

int main(int argc, char **argv) {
  for (int i = 0; i < N; i++) {
    double turn = 0.5 + 2.5 * (i / 2) / (N / 2), angle = turn * 3.14159265 + (i % 2) * 3.14159265;
    points[i][0] = (float)(turn / 3 * cos(angle));
    points[i][1] = (float)(turn / 3 * sin(angle));
    sides[i] = i % 2 + 1;
  }
  lua_State *L = luaL_newstate();
  if (L == NULL) return 1;
  lua_pushcfunction(L, experiment); /* protected: nothing in Lua can end this program */
  lua_pushlightuserdata(L, argc > 1 ? argv[1] : NULL);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    fprintf(stderr, "experiment: %s\n", lua_tostring(L, -1));
    lua_close(L);
    return 1;
  }
  lua_close(L); /* the tensors are gone, the arrays stay */
  int right = 0;
  for (int i = 0; i < N; i++) right += scores[i][sides[i] - 1] > 0.5f;
  printf("%d of %d points on the right spiral\n", right, N);
  return 0;
}
