/* pack.c: plain Lua values as bytes, to cross from one lua_State to another: nil, booleans, numbers, texts, tensors and tables of
 * these. A tensor crosses as a copy without history; whether it asked for gradients goes with it. */
#include <stdlib.h>

#include "pack.h"

enum { NIL, FALSE, TRUE, INTEGER, FLOAT, TEXT, TABLE, END, TENSOR };
#define MAX_DEPTH 100

void bind_bytes_free(bind_bytes *b) {
  free(b->data);
  *b = (bind_bytes){ NULL, 0, 0, 0 };
}

static void put(lua_State *L, bind_bytes *b, const void *data, size_t n) {
  if (b->n + n > b->cap) {
    size_t cap = b->cap < 256 ? 256 : b->cap;
    while (cap < b->n + n) cap *= 2;
    char *grown = realloc(b->data, cap);
    if (grown == NULL) luaL_error(L, "out of memory");
    b->data = grown;
    b->cap = cap;
  }
  if (n > 0) memcpy(b->data + b->n, data, n);
  b->n += n;
}
static void put_tag(lua_State *L, bind_bytes *b, char tag) { put(L, b, &tag, 1); }

static void put_tensor(lua_State *L, bind_bytes *b, scion_tensor *t) {
  int32_t head[3] = { (int32_t)scion_tensor_dtype(t), scion_tensor_n_dims(t), scion_requires_grad(t) };
  size_t bytes = (size_t)scion_tensor_numel(t) * scion_dtype_size((scion_dtype)head[0]);
  put_tag(L, b, TENSOR);
  put(L, b, head, sizeof head);
  put(L, b, scion_tensor_shape(t), (size_t)head[1] * sizeof(int64_t));
  size_t at = b->n;
  while (b->cap < at + bytes) { /* room, to be read into directly */
    size_t cap = b->cap < 256 ? 256 : 2 * b->cap;
    if (cap < at + bytes) cap = at + bytes;
    char *grown = realloc(b->data, cap);
    if (grown == NULL) luaL_error(L, "out of memory");
    b->data = grown;
    b->cap = cap;
  }
  bind_try(L, scion_tensor_read(bind_ctx(L), t, b->data + at, bytes));
  b->n += bytes;
}

static void pack(lua_State *L, bind_bytes *b, int index, const char *what, int depth) {
  index = lua_absindex(L, index);
  if (depth > MAX_DEPTH) luaL_error(L, "%s holds tables deeper than %d (does one hold itself?)", what, MAX_DEPTH);
  luaL_checkstack(L, 6, NULL);
  bind_box *box = bind_to_box(L, index);
  if (box != NULL) {
    put_tensor(L, b, bind_check(L, index));
    return;
  }
  switch (lua_type(L, index)) {
    case LUA_TNIL: put_tag(L, b, NIL); return;
    case LUA_TBOOLEAN: put_tag(L, b, lua_toboolean(L, index) ? TRUE : FALSE); return;
    case LUA_TNUMBER: {
      if (lua_isinteger(L, index)) {
        lua_Integer v = lua_tointeger(L, index);
        put_tag(L, b, INTEGER);
        put(L, b, &v, sizeof v);
      } else {
        lua_Number v = lua_tonumber(L, index);
        put_tag(L, b, FLOAT);
        put(L, b, &v, sizeof v);
      }
      return;
    }
    case LUA_TSTRING: {
      size_t n;
      const char *s = lua_tolstring(L, index, &n);
      put_tag(L, b, TEXT);
      put(L, b, &n, sizeof n);
      put(L, b, s, n);
      return;
    }
    case LUA_TTABLE:
      put_tag(L, b, TABLE);
      lua_pushnil(L);
      while (lua_next(L, index) != 0) {
        if (lua_type(L, -2) == LUA_TTABLE || bind_to_box(L, -2) != NULL) luaL_error(L, "%s holds a table with a %s as key", what, luaL_typename(L, -2));
        pack(L, b, -2, what, depth + 1);
        pack(L, b, -1, what, depth + 1);
        lua_pop(L, 1);
      }
      put_tag(L, b, END);
      return;
    default: luaL_error(L, "%s holds a %s; plain data and tensors can cross to another thread", what, luaL_typename(L, index));
  }
}
void bind_pack(lua_State *L, bind_bytes *b, int index, const char *what) { pack(L, b, index, what, 0); }

/* ---- the way back -------------------------------------------------------------------------------------------------- */

static const void *take(bind_bytes *b, size_t n) {
  const void *at = b->data + b->at;
  b->at += n;
  return at;
}

/* false: END. */
static bool unpack(lua_State *L, bind_bytes *b) {
  luaL_checkstack(L, 6, NULL);
  char tag = *(const char *)take(b, 1);
  switch (tag) {
    case NIL: lua_pushnil(L); return true;
    case FALSE: case TRUE: lua_pushboolean(L, tag == TRUE); return true;
    case INTEGER: {
      lua_Integer v;
      memcpy(&v, take(b, sizeof v), sizeof v);
      lua_pushinteger(L, v);
      return true;
    }
    case FLOAT: {
      lua_Number v;
      memcpy(&v, take(b, sizeof v), sizeof v);
      lua_pushnumber(L, v);
      return true;
    }
    case TEXT: {
      size_t n;
      memcpy(&n, take(b, sizeof n), sizeof n);
      lua_pushlstring(L, take(b, n), n);
      return true;
    }
    case TABLE:
      lua_newtable(L);
      while (unpack(L, b)) {
        unpack(L, b);
        lua_rawset(L, -3);
      }
      return true;
    case TENSOR: {
      int32_t head[3];
      int64_t shape[16], numel = 1;
      memcpy(head, take(b, sizeof head), sizeof head);
      memcpy(shape, take(b, (size_t)head[1] * sizeof *shape), (size_t)head[1] * sizeof *shape);
      for (int32_t d = 0; d < head[1]; d++) numel *= shape[d];
      size_t bytes = (size_t)numel * scion_dtype_size((scion_dtype)head[0]);
      scion_tensor **box = bind_new(L);
      bind_try(L, scion_tensor_from_bytes(bind_ctx(L), (scion_dtype)head[0], head[1], shape, take(b, bytes), bytes, box));
      if (head[2]) bind_try(L, scion_set_requires_grad(bind_ctx(L), *box, 1));
      return true;
    }
    default: return false;
  }
}
void bind_unpack(lua_State *L, bind_bytes *b) {
  b->at = 0;
  unpack(L, b);
}
