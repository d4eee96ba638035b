/* bind_svm.c: training of support vector machines for Lua, in the plain form that the repurposers build on:
 *
 *   support, coef, offset, iterations, converged = scion._svm_fit(x, y, { kernel = "rbf", c = 1, gamma = 0.1, degree = 3,
 *     coef0 = 0, tol = 1e-3, n_classes = 3, class_weight = { ... }, epsilon = 0.1, shrinking = true })
 *
 * x: f64 (N, F); y: f64 (N), class ids 0..n_classes-1 or, without n_classes, targets; support: i64, rows from 0. */
#include "bind.h"

static double number_field(lua_State *L, const char *name, double def) {
  double v = lua_getfield(L, 3, name) == LUA_TNIL ? def : luaL_checknumber(L, -1);
  lua_pop(L, 1);
  return v;
}

static int m_svm_fit(lua_State *L) {
  static const char *const kernels[] = { "linear", "poly", "rbf", "sigmoid", "precomputed", NULL };
  scion_tensor *x = bind_check(L, 1), *y = bind_check(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  lua_settop(L, 3);
  scion_svm_options o = SCION_SVM_OPTIONS_INIT;
  lua_getfield(L, 3, "kernel");
  o.kernel = luaL_checkoption(L, -1, "rbf", kernels);
  o.degree = (int32_t)number_field(L, "degree", 3);
  o.gamma = number_field(L, "gamma", 1);
  o.coef0 = number_field(L, "coef0", 0);
  o.c = number_field(L, "c", 1);
  o.tol = number_field(L, "tol", 1e-3);
  o.epsilon = number_field(L, "epsilon", 0.1);
  o.n_classes = (int32_t)number_field(L, "n_classes", 0);
  o.shrinking = lua_getfield(L, 3, "shrinking") == LUA_TNIL || lua_toboolean(L, -1);
  if (lua_getfield(L, 3, "class_weight") == LUA_TTABLE) {
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    if (n != o.n_classes) return luaL_error(L, "svm: %d class weights for %d classes", (int)n, (int)o.n_classes);
    int list = lua_gettop(L);
    double *w = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *w, 0);
    for (lua_Integer i = 1; i <= n; i++) {
      lua_rawgeti(L, list, i);
      w[i - 1] = luaL_checknumber(L, -1);
      lua_pop(L, 1);
    }
    o.class_weight = w;
  }
  scion_tensor **support = bind_new(L), **coef = bind_new(L), **offset = bind_new(L);
  int64_t iterations = 0;
  int32_t converged = 0;
  bind_try(L, scion_svm_fit(bind_ctx(L), &o, x, y, support, coef, offset, &iterations, &converged));
  lua_pushinteger(L, iterations);
  lua_pushboolean(L, converged);
  return 5;
}

void bind_open_svm(lua_State *L) {
  lua_pushcfunction(L, m_svm_fit);
  lua_setfield(L, -2, "_svm_fit");
}
