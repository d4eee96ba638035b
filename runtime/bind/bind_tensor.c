/* bind_tensor.c: tensors as Lua values: making them from tables and strings, reading and writing elements and
 * slices, properties, printing. Indices are 1-based; negative ones count from the end. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bind.h"

/* ---- from Lua values ------------------------------------------------------------------------------------- */

typedef struct { lua_State *L; int n_dims; int64_t shape[SCION_MAX_DIMS]; bool booleans; char *data; scion_dtype dtype; scion_tensor *t; int64_t at; } reader;

static void measure(reader *r, int index) { /* shape along the first elements */
  lua_State *L = r->L;
  index = lua_absindex(L, index);
  while (lua_istable(L, index)) {
    if (r->n_dims == SCION_MAX_DIMS) luaL_error(L, "tensor: the table is nested deeper than %d dimensions", SCION_MAX_DIMS);
    r->shape[r->n_dims++] = (int64_t)lua_rawlen(L, index);
    luaL_checkstack(L, 4, NULL);
    lua_rawgeti(L, index, 1);
    index = lua_gettop(L);
  }
  r->booleans = lua_isboolean(L, index);
}
static void fill(reader *r, int dim, int index) {
  lua_State *L = r->L;
  if (dim < r->n_dims) {
    if (!lua_istable(L, index) || (int64_t)lua_rawlen(L, index) != r->shape[dim]) {
      char what[64];
      if (lua_istable(L, index)) snprintf(what, sizeof what, "%d elements", (int)lua_rawlen(L, index));
      else snprintf(what, sizeof what, "a %s", luaL_typename(L, index));
      luaL_error(L, "tensor: ragged table: dimension %d has %s here, %d in the first row", dim + 1, what, (int)r->shape[dim]);
    }
    for (int64_t i = 1; i <= r->shape[dim]; i++) {
      lua_rawgeti(L, index, i);
      fill(r, dim + 1, lua_gettop(L));
      lua_pop(L, 1);
    }
    return;
  }
  int64_t i = r->at++;
  int exact, type = lua_type(L, index);
  if (type != LUA_TNUMBER && type != LUA_TBOOLEAN) {
    luaL_error(L, "tensor: element %d is a %s, expected a number", (int)i + 1, luaL_typename(L, index));
  }
  double v = type == LUA_TBOOLEAN ? lua_toboolean(L, index) : lua_tonumber(L, index);
  lua_Integer whole = type == LUA_TBOOLEAN ? lua_toboolean(L, index) : lua_tointegerx(L, index, &exact);
  if (type == LUA_TBOOLEAN) exact = 1;
  bool in_range = exact;
  switch (r->dtype) {
    case SCION_F32: ((float *)(void *)r->data)[i] = (float)v; return;
    case SCION_F64: ((double *)(void *)r->data)[i] = v; return;
    case SCION_I32: in_range = exact && whole >= INT32_MIN && whole <= INT32_MAX; if (in_range) ((int32_t *)(void *)r->data)[i] = (int32_t)whole; break;
    case SCION_I64: if (exact) ((int64_t *)(void *)r->data)[i] = whole; break;
    case SCION_U8: in_range = exact && whole >= 0 && whole <= 255; if (in_range) ((uint8_t *)r->data)[i] = (uint8_t)whole; break;
    case SCION_BOOL: ((uint8_t *)r->data)[i] = v != 0; return;
    default: luaL_error(L, "tensor: %s is a storage type; make an f32 or i64 tensor and convert it with :to", scion_dtype_name(r->dtype));
  }
  if (!in_range) luaL_error(L, "tensor: element %d is %s, which does not fit %s", (int)i + 1, luaL_tolstring(L, index, NULL), scion_dtype_name(r->dtype));
}

/* tensor(value, {dtype=, requires_grad=}): a number, boolean or nested list. f32 (bool for booleans) unless told. */
static int m_tensor(lua_State *L) {
  luaL_checkany(L, 1);
  int grad = 0, dtype = -1;
  if (lua_istable(L, 2)) {
    lua_pushnil(L);
    while (lua_next(L, 2) != 0) {
      const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
      if (strcmp(key, "dtype") == 0) dtype = bind_dtype(L, -1, "tensor");
      else if (strcmp(key, "requires_grad") == 0) grad = lua_toboolean(L, -1);
      else luaL_error(L, "tensor: unknown option '%s' (known: dtype, requires_grad)", key);
      lua_pop(L, 1);
    }
  } else if (!lua_isnoneornil(L, 2)) {
    dtype = bind_dtype(L, 2, "tensor");
  }
  scion_context *ctx = bind_ctx(L);
  if (bind_to_box(L, 1) != NULL) luaL_error(L, "tensor: the value is a tensor already; use :clone() or :to()");
  reader r = { .L = L };
  lua_settop(L, 2);
  measure(&r, 1);
  lua_settop(L, 2);
  r.dtype = dtype >= 0 ? (scion_dtype)dtype : r.booleans ? SCION_BOOL : SCION_F32;
  scion_tensor **box = bind_new(L);
  bind_try(L, scion_tensor_new(ctx, r.dtype, r.n_dims, r.shape, box));
  r.data = scion_tensor_data(*box);
  fill(&r, 0, 1);
  if (grad) bind_try(L, scion_set_requires_grad(ctx, *box, 1));
  return 1;
}

/* from_bytes(string, dtype, {shape}): packed little-endian row-major data. */
static int m_from_bytes(lua_State *L) {
  size_t n;
  const char *data = luaL_checklstring(L, 1, &n);
  scion_dtype dtype = bind_dtype(L, 2, "from_bytes");
  int64_t shape[SCION_MAX_DIMS + 1];
  int n_dims = 1;
  if (lua_isnoneornil(L, 3)) shape[0] = (int64_t)(n / scion_dtype_size(dtype));
  else n_dims = bind_ints(L, 3, "from_bytes: shape", shape, SCION_MAX_DIMS);
  bind_charge(L);
  scion_tensor **box = bind_new(L);
  bind_try(L, scion_tensor_from_bytes(bind_ctx(L), dtype, n_dims, shape, data, n, box));
  return 1;
}
static int t_bytes(lua_State *L) {
  scion_tensor *t = bind_check(L, 1);
  size_t n = (size_t)scion_tensor_numel(t) * scion_dtype_size(scion_tensor_dtype(t));
  luaL_Buffer b;
  char *p = luaL_buffinitsize(L, &b, n);
  bind_try(L, scion_tensor_read(bind_ctx(L), t, p, n));
  luaL_pushresultsize(&b, n);
  return 1;
}

/* ---- to Lua values ---------------------------------------------------------------------------------------- */

static void push_element(lua_State *L, scion_context *ctx, scion_tensor *t, const int64_t *index) {
  double v;
  int64_t i;
  switch (scion_tensor_dtype(t)) {
    case SCION_F32: case SCION_F64: case SCION_F16: case SCION_BF16:
      bind_try(L, scion_tensor_get(ctx, t, index, &v));
      lua_pushnumber(L, v);
      break;
    case SCION_BOOL:
      bind_try(L, scion_tensor_get_i64(ctx, t, index, &i));
      lua_pushboolean(L, i != 0);
      break;
    default:
      bind_try(L, scion_tensor_get_i64(ctx, t, index, &i));
      lua_pushinteger(L, i);
  }
}
static int t_item(lua_State *L) {
  scion_tensor *t = bind_check(L, 1);
  if (scion_tensor_numel(t) != 1) return luaL_error(L, "item: the tensor has %I elements, expected one", (LUAI_UACINT)scion_tensor_numel(t));
  static const int64_t zero[SCION_MAX_DIMS] = { 0 };
  push_element(L, bind_ctx(L), t, zero);
  return 1;
}
static void push_nested(lua_State *L, scion_context *ctx, scion_tensor *t, int dim, int64_t *index) {
  if (dim == scion_tensor_n_dims(t)) {
    push_element(L, ctx, t, index);
    return;
  }
  int64_t n = scion_tensor_shape(t)[dim];
  luaL_checkstack(L, 4, NULL);
  lua_createtable(L, (int)n, 0);
  for (int64_t i = 0; i < n; i++) {
    index[dim] = i;
    push_nested(L, ctx, t, dim + 1, index);
    lua_rawseti(L, -2, i + 1);
  }
}
static int t_tolist(lua_State *L) {
  int64_t index[SCION_MAX_DIMS];
  push_nested(L, bind_ctx(L), bind_check(L, 1), 0, index);
  if (lua_istable(L, -1) && scion_tensor_n_dims(bind_check(L, 1)) == 1) bind_list_meta(L);
  return 1;
}
static int t_tostring(lua_State *L) {
  bind_box *box = bind_to_box(L, 1);
  if (box == NULL || box->t == NULL) {
    lua_pushliteral(L, "tensor (closed)");
    return 1;
  }
  scion_context *ctx = bind_ctx(L);
  char *text;
  bind_try(L, scion_tensor_text(ctx, box->t, &text));
  lua_pushstring(L, text); /* may raise for want of memory: the text would be lost, the state stays usable */
  scion_text_free(ctx, text);
  return 1;
}

/* ---- indexing --------------------------------------------------------------------------------------------- */

static int64_t zero_based(lua_State *L, scion_tensor *t, int dim, lua_Integer i) {
  int64_t n = scion_tensor_shape(t)[dim];
  if (i == 0 || i > n || i < -n) {
    luaL_error(L, "index %I is out of range 1..%I in dimension %d%s", (LUAI_UACINT)i, (LUAI_UACINT)n, dim + 1,
               i == 0 ? " (indices start at 1)" : "");
  }
  return i > 0 ? i - 1 : i + n;
}

/* Values that are in range already go straight to their place. */
static void set_int(const scion_op *op, void *params, const char *name, int64_t v) {
  const scion_op_info *info = scion_op_get_info(op);
  for (int i = 0; i < info->n_params; i++)
    if (strcmp(info->params[i].name, name) == 0) *(int64_t *)(void *)((char *)params + info->params[i].offset) = v;
}
/* One step of an index expression: replaces the tensor on the top of the stack. */
static void select_dim(lua_State *L, int dim, int64_t index) {
  const scion_op *op = scion_op_find("select");
  _Alignas(16) char params[2048];
  scion_params_init(op, params);
  set_int(op, params, "dim", dim);
  set_int(op, params, "index", index);
  scion_tensor *t = bind_check(L, -1);
  bind_apply(L, op, &t, 1, params);
  lua_remove(L, -2);
}
static void slice_dim(lua_State *L, int dim, int64_t start, int64_t stop, int64_t step) {
  const scion_op *op = scion_op_find("slice");
  _Alignas(16) char params[2048];
  scion_params_init(op, params);
  set_int(op, params, "dim", dim);
  set_int(op, params, "start", start);
  set_int(op, params, "stop", stop);
  set_int(op, params, "step", stop > start && step > stop - start ? stop - start : step); /* no sum with it can overflow */
  scion_tensor *t = bind_check(L, -1);
  bind_apply(L, op, &t, 1, params);
  lua_remove(L, -2);
}
static lua_Integer range_end(lua_State *L, int list, int k, const char *what) {
  int exact;
  lua_rawgeti(L, list, k);
  lua_Integer v = lua_tointegerx(L, -1, &exact);
  if (!exact) luaL_error(L, "slice: the %s of a range must be an integer, got %s", what, luaL_typename(L, -1));
  lua_pop(L, 1);
  return v;
}
/* A mask of one dimension as ids: replaces the tensor at `item`. */
static scion_tensor *mask_ids(lua_State *L, scion_tensor *t, int dim, int item) {
  scion_tensor *mask = bind_check(L, item);
  if (scion_tensor_n_dims(mask) != 1 || scion_tensor_shape(mask)[0] != scion_tensor_shape(t)[dim]) {
    luaL_error(L, "slice: a mask among the indices needs one dimension of %I elements, as dimension %d has; it has %d dimensions and %I elements",
               (LUAI_UACINT)scion_tensor_shape(t)[dim], dim + 1, scion_tensor_n_dims(mask), (LUAI_UACINT)scion_tensor_numel(mask));
  }
  const scion_op *op = scion_op_find("nonzero");
  _Alignas(16) char params[2048];
  scion_params_init(op, params);
  set_int(op, params, "base", 1);
  bind_apply(L, op, &mask, 1, params);
  lua_replace(L, item);
  lua_pushvalue(L, item); /* (n, 1) to (n) */
  select_dim(L, 1, 0);
  lua_replace(L, item);
  return bind_check(L, item);
}
/* t[{ 2, {1, 3}, {}, ids, mask }]: integer picks, {first, last[, step]} keeps both ends, {} keeps all, an integer tensor takes ids.
 * Pushes the result: a view unless a tensor took part. */
static void index_table(lua_State *L, int tensor, int spec) {
  lua_pushvalue(L, tensor);
  int n = (int)lua_rawlen(L, spec), dim = 0;
  int n_dims = scion_tensor_n_dims(bind_check(L, tensor));
  if (n > n_dims) luaL_error(L, "slice: %d indices for a tensor of %d dimensions", n, n_dims);
  for (int k = 1; k <= n; k++) {
    lua_rawgeti(L, spec, k);
    int item = lua_gettop(L), exact;
    scion_tensor *t = bind_check(L, item - 1);
    if (lua_type(L, item) == LUA_TNUMBER) {
      lua_Integer i = lua_tointegerx(L, item, &exact);
      if (!exact) luaL_error(L, "slice: index %f is not an integer", lua_tonumber(L, item));
      lua_settop(L, item - 1);
      select_dim(L, dim, zero_based(L, t, dim, i));
      continue;
    }
    bind_box *ids = bind_to_box(L, item);
    if (ids != NULL && ids->t != NULL) {
      const scion_op *op = scion_op_find("index_select");
      _Alignas(16) char params[2048];
      scion_params_init(op, params);
      set_int(op, params, "dim", dim);
      set_int(op, params, "base", 1);
      scion_tensor *rows = scion_tensor_dtype(ids->t) == SCION_BOOL ? mask_ids(L, t, dim, item) : ids->t;
      bind_apply(L, op, (scion_tensor *[]){ t, rows }, 2, params);
      lua_replace(L, item - 1);
      lua_settop(L, item - 1);
    } else if (lua_istable(L, item)) {
      int m = (int)lua_rawlen(L, item);
      if (m == 1 || m > 3) luaL_error(L, "slice: a range is {}, {first, last} or {first, last, step}, got %d values", m);
      if (m >= 2) {
        lua_Integer first = range_end(L, item, 1, "first index"), last = range_end(L, item, 2, "last index");
        lua_Integer step = m == 3 ? range_end(L, item, 3, "step") : 1;
        int64_t size = scion_tensor_shape(t)[dim];
        if (step < 1) luaL_error(L, "slice: step is %I, expected at least 1", (LUAI_UACINT)step);
        int64_t from = first == size + 1 || (first == 1 && size == 0) ? size : zero_based(L, t, dim, first);
        int64_t to = last == 0 ? 0 : zero_based(L, t, dim, last) + 1; /* {1, 0} is empty */
        lua_settop(L, item - 1);
        slice_dim(L, dim, from, to < from ? from : to, step);
      } else {
        lua_settop(L, item - 1);
      }
      dim++;
      continue;
    } else {
      luaL_error(L, "slice: index %d is a %s, expected an integer, a range {first, last} or a tensor of ids", k, luaL_typename(L, item));
    }
    dim++;
  }
}

/* The method or property named by the key; see `properties`. Upvalues: methods, properties. */
static int t_index(lua_State *L) {
  int type = lua_type(L, 2);
  if (type == LUA_TSTRING) {
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(2)) == LUA_TNIL) {
      lua_pushvalue(L, 2);
      lua_gettable(L, lua_upvalueindex(1)); /* what Lua adds to the methods when it is first asked */
      return 1;
    }
    lua_CFunction get = lua_tocfunction(L, -1);
    lua_settop(L, 1);
    return get(L);
  }
  scion_tensor *t = bind_check(L, 1);
  if (type == LUA_TNUMBER) {
    int exact;
    lua_Integer i = lua_tointegerx(L, 2, &exact);
    if (!exact) return luaL_error(L, "index %f is not an integer", lua_tonumber(L, 2));
    if (scion_tensor_n_dims(t) == 0) return luaL_error(L, "a tensor without dimensions has no elements to index; use :item()");
    int64_t k = zero_based(L, t, 0, i);
    if (scion_tensor_n_dims(t) == 1) {
      push_element(L, bind_ctx(L), t, &k);
      return 1;
    }
    lua_settop(L, 1);
    select_dim(L, 0, k);
    return 1;
  }
  if (bind_to_box(L, 2) != NULL) {
    scion_tensor *ids = bind_check(L, 2);
    lua_settop(L, 2);
    if (scion_tensor_dtype(ids) == SCION_BOOL) {
      bind_apply(L, scion_op_find("masked_select"), (scion_tensor *[]){ t, ids }, 2, NULL);
    } else {
      lua_createtable(L, 1, 0);
      lua_pushvalue(L, 2);
      lua_rawseti(L, -2, 1);
      index_table(L, 1, 3);
    }
    return 1;
  }
  if (type == LUA_TTABLE) {
    lua_settop(L, 2);
    index_table(L, 1, 2);
    return 1;
  }
  return luaL_error(L, "a tensor is indexed by an integer, a list of indices and ranges, or a name; got %s", luaL_typename(L, 2));
}

static void write_into(lua_State *L, scion_tensor *dst, int value) {
  scion_context *ctx = bind_ctx(L);
  if (lua_type(L, value) == LUA_TNUMBER || lua_isboolean(L, value)) {
    scion_tensor **box = bind_new(L);
    double v = lua_isboolean(L, value) ? lua_toboolean(L, value) : lua_tonumber(L, value);
    bind_try(L, scion_tensor_scalar(ctx, scion_tensor_dtype(dst), v, box));
    bind_try(L, scion_tensor_copy(ctx, dst, *box));
    return;
  }
  if (lua_istable(L, value)) { /* a nested list */
    lua_pushcfunction(L, m_tensor);
    lua_pushvalue(L, value);
    lua_pushstring(L, scion_dtype_name(scion_tensor_dtype(dst)));
    lua_call(L, 2, 1);
    bind_try(L, scion_tensor_copy(ctx, dst, bind_check(L, -1)));
    return;
  }
  bind_try(L, scion_tensor_copy(ctx, dst, bind_check(L, value)));
}

/* A part of an expanded view may look like any other tensor: the whole is checked before it is taken. */
static void check_writable(lua_State *L, scion_tensor *t) {
  for (int i = 0; i < scion_tensor_n_dims(t); i++) {
    if (scion_tensor_strides(t)[i] == 0 && scion_tensor_shape(t)[i] > 1) {
      luaL_error(L, "assignment: this view repeats elements (it was expanded); clone it before writing");
    }
  }
}

static int assign_by_ids(lua_State *L, int list) { /* lua/scion/tensor.lua knows how */
  lua_getfield(L, 1, "_assign");
  lua_pushvalue(L, 1);
  lua_pushvalue(L, list);
  lua_pushvalue(L, 3);
  lua_call(L, 3, 0);
  return 0;
}

static int t_newindex(lua_State *L) {
  scion_tensor *t = bind_check(L, 1);
  scion_context *ctx = bind_ctx(L);
  int type = lua_type(L, 2);
  if (type == LUA_TSTRING) {
    const char *key = lua_tostring(L, 2);
    if (strcmp(key, "grad") == 0) scion_set_grad(ctx, t, bind_opt(L, 3));
    else if (strcmp(key, "requires_grad") == 0) bind_try(L, scion_set_requires_grad(ctx, t, lua_toboolean(L, 3)));
    else return luaL_error(L, "a tensor has no settable field '%s' (settable: grad, requires_grad)", key);
    return 0;
  }
  check_writable(L, t);
  if (type == LUA_TNUMBER && scion_tensor_n_dims(t) == 1 && !bind_to_box(L, 3)) {
    int exact;
    lua_Integer i = lua_tointegerx(L, 2, &exact);
    if (!exact) return luaL_error(L, "index %f is not an integer", lua_tonumber(L, 2));
    int64_t k = zero_based(L, t, 0, i);
    if (lua_isinteger(L, 3)) bind_try(L, scion_tensor_set_i64(ctx, t, &k, lua_tointeger(L, 3)));
    else if (lua_isboolean(L, 3)) bind_try(L, scion_tensor_set_i64(ctx, t, &k, lua_toboolean(L, 3)));
    else bind_try(L, scion_tensor_set(ctx, t, &k, luaL_checknumber(L, 3)));
    return 0;
  }
  bind_box *mask = bind_to_box(L, 2);
  if (mask != NULL && mask->t != NULL && scion_tensor_dtype(mask->t) == SCION_BOOL) { /* t[mask] = value */
    lua_getfield(L, 1, lua_type(L, 3) == LUA_TNUMBER ? "masked_fill_" : "masked_scatter_");
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 3);
    lua_call(L, 3, 0);
    return 0;
  }
  lua_settop(L, 3);
  if (type == LUA_TNUMBER) {
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, 1);
  } else if (type == LUA_TTABLE) {
    for (int k = 1; k <= (int)lua_rawlen(L, 2); k++) {
      lua_rawgeti(L, 2, k);
      if (bind_to_box(L, -1) != NULL) return assign_by_ids(L, 2);
      lua_pop(L, 1);
    }
    lua_pushvalue(L, 2);
  } else if (mask != NULL && mask->t != NULL) { /* t[ids] = value */
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, 1);
    return assign_by_ids(L, lua_gettop(L));
  } else {
    return luaL_error(L, "a tensor is indexed by an integer, a list of indices and ranges, or a bool tensor; got %s", luaL_typename(L, 2));
  }
  index_table(L, 1, 4);
  write_into(L, bind_check(L, -1), 3);
  return 0;
}

/* at(i, j, ...) -> element; put(value, i, j, ...) writes one. */
static int read_index(lua_State *L, scion_tensor *t, int first, int64_t *index) {
  int n = scion_tensor_n_dims(t);
  if (lua_gettop(L) - first + 1 != n) return luaL_error(L, "%d indices given for a tensor of %d dimensions", lua_gettop(L) - first + 1, n);
  for (int i = 0; i < n; i++) index[i] = zero_based(L, t, i, luaL_checkinteger(L, first + i));
  return 0;
}
static int t_at(lua_State *L) {
  int64_t index[SCION_MAX_DIMS];
  scion_tensor *t = bind_check(L, 1);
  read_index(L, t, 2, index);
  push_element(L, bind_ctx(L), t, index);
  return 1;
}
static int t_put(lua_State *L) {
  int64_t index[SCION_MAX_DIMS];
  scion_tensor *t = bind_check(L, 1);
  read_index(L, t, 3, index);
  if (lua_isinteger(L, 2)) bind_try(L, scion_tensor_set_i64(bind_ctx(L), t, index, lua_tointeger(L, 2)));
  else bind_try(L, scion_tensor_set(bind_ctx(L), t, index, lua_isboolean(L, 2) ? lua_toboolean(L, 2) : luaL_checknumber(L, 2)));
  lua_settop(L, 1);
  return 1;
}
static int t_slice_table(lua_State *L) { /* t:at_slice{...}: the same as t[{...}] */
  bind_check(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  index_table(L, 1, 2);
  return 1;
}
static int t_copy_(lua_State *L) {
  write_into(L, bind_check(L, 1), 2);
  lua_settop(L, 1);
  return 1;
}

/* ---- facts ------------------------------------------------------------------------------------------------- */

static int p_shape(lua_State *L) {
  scion_tensor *t = bind_check(L, 1);
  bind_push_list(L, scion_tensor_n_dims(t), scion_tensor_shape(t));
  return 1;
}
static int p_dtype(lua_State *L) {
  lua_pushstring(L, scion_dtype_name(scion_tensor_dtype(bind_check(L, 1))));
  return 1;
}
static int p_ndim(lua_State *L) {
  lua_pushinteger(L, scion_tensor_n_dims(bind_check(L, 1)));
  return 1;
}
static int p_grad(lua_State *L) {
  bind_push(L, scion_get_grad(bind_check(L, 1)));
  return 1;
}
static int p_requires_grad(lua_State *L) {
  lua_pushboolean(L, scion_requires_grad(bind_check(L, 1)));
  return 1;
}
static int p_is_leaf(lua_State *L) {
  lua_pushboolean(L, scion_is_leaf(bind_check(L, 1)));
  return 1;
}
static int p_grad_fn(lua_State *L) {
  lua_pushstring(L, scion_grad_fn_name(bind_check(L, 1)));
  return 1;
}
/* x.T reverses the dimensions, x.mT exchanges the last two, x.data is x:detach(). */
static int push_view(lua_State *L, const char *op, int n, const int64_t *dims) {
  const scion_op *o = scion_op_find(op);
  _Alignas(16) char params[2048];
  scion_params_init(o, params);
  scion_value v = { .type = SCION_V_INTS, .ints = dims, .n_ints = n };
  bind_try(L, scion_params_set(bind_ctx(L), o, params, 0, &v));
  scion_tensor *t = bind_check(L, 1);
  bind_apply(L, o, &t, 1, params);
  return 1;
}
static int p_T(lua_State *L) {
  int n = scion_tensor_n_dims(bind_check(L, 1));
  int64_t dims[SCION_MAX_DIMS];
  for (int i = 0; i < n; i++) dims[i] = n - 1 - i;
  return push_view(L, "permute", n, dims);
}
static int p_mT(lua_State *L) {
  int n = scion_tensor_n_dims(bind_check(L, 1));
  int64_t dims[SCION_MAX_DIMS];
  if (n < 2) return luaL_error(L, "mT: needs at least 2 dimensions, the tensor has %d", n);
  for (int i = 0; i < n; i++) dims[i] = i < n - 2 ? i : 2 * n - 3 - i;
  return push_view(L, "permute", n, dims);
}
static int p_data(lua_State *L) {
  lua_getfield(L, 1, "detach");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}
static const luaL_Reg properties[] = {
  { "shape", p_shape }, { "dtype", p_dtype }, { "ndim", p_ndim }, { "grad", p_grad }, { "requires_grad", p_requires_grad },
  { "is_leaf", p_is_leaf }, { "grad_fn", p_grad_fn }, { "T", p_T }, { "mT", p_mT },
  { "data", p_data }, { NULL, NULL } };

static int t_size(lua_State *L) {
  scion_tensor *t = bind_check(L, 1);
  if (lua_isnoneornil(L, 2)) return p_shape(L);
  lua_Integer d = luaL_checkinteger(L, 2);
  int n = scion_tensor_n_dims(t);
  if (d == 0 || d > n || d < -n) return luaL_error(L, "size: dimension %I is out of range 1..%d", (LUAI_UACINT)d, n);
  lua_pushinteger(L, scion_tensor_shape(t)[d > 0 ? d - 1 : d + n]);
  return 1;
}
static int t_stride(lua_State *L) {
  scion_tensor *t = bind_check(L, 1);
  bind_push_list(L, scion_tensor_n_dims(t), scion_tensor_strides(t));
  return 1;
}
static int t_numel(lua_State *L) {
  lua_pushinteger(L, scion_tensor_numel(bind_check(L, 1)));
  return 1;
}
static int t_is_contiguous(lua_State *L) {
  lua_pushboolean(L, scion_tensor_is_contiguous(bind_check(L, 1)));
  return 1;
}
static int t_len(lua_State *L) {
  scion_tensor *t = bind_check(L, 1);
  if (scion_tensor_n_dims(t) == 0) return luaL_error(L, "a tensor without dimensions has no length");
  lua_pushinteger(L, scion_tensor_shape(t)[0]);
  return 1;
}
static int t_version(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)scion_tensor_version(bind_check(L, 1)));
  return 1;
}
static int t_shares(lua_State *L) {
  lua_pushboolean(L, scion_tensor_shares_storage(bind_check(L, 1), bind_check(L, 2)));
  return 1;
}
static int t_same(lua_State *L) { /* the same tensor under two boxes */
  bind_box *a = bind_to_box(L, 1), *b = bind_to_box(L, 2);
  lua_pushboolean(L, a != NULL && b != NULL && a->t == b->t && a->t != NULL);
  return 1;
}
static int t_touch(lua_State *L) {
  scion_tensor_touch(bind_check(L, 1));
  return 0;
}
static int rows_next(lua_State *L) {
  scion_tensor *t = bind_check(L, 1);
  lua_Integer i = luaL_checkinteger(L, 2) + 1;
  if (i > scion_tensor_shape(t)[0]) return 0;
  lua_pushinteger(L, i);
  lua_pushinteger(L, i);
  lua_gettable(L, 1);
  return 2;
}
static int t_rows(lua_State *L) { /* for i, row in t:rows() do */
  if (scion_tensor_n_dims(bind_check(L, 1)) == 0) return luaL_error(L, "rows: a tensor without dimensions has no rows");
  lua_pushcfunction(L, rows_next);
  lua_pushvalue(L, 1);
  lua_pushinteger(L, 0);
  return 3;
}

/* allclose(a, b, {rtol=1e-5, atol=1e-8, equal_nan=false}): |a - b| <= atol + rtol |b| everywhere. Returns also the largest excess. */
static int t_allclose(lua_State *L) {
  scion_tensor *t[2] = { bind_check(L, 1), bind_check(L, 2) };
  double rtol = 1e-5, atol = 1e-8;
  int equal_nan = 0;
  if (lua_istable(L, 3)) {
    if (lua_getfield(L, 3, "rtol") == LUA_TNUMBER) rtol = lua_tonumber(L, -1);
    if (lua_getfield(L, 3, "atol") == LUA_TNUMBER) atol = lua_tonumber(L, -1);
    lua_getfield(L, 3, "equal_nan");
    equal_nan = lua_toboolean(L, -1);
  }
  int64_t n = scion_tensor_numel(t[0]);
  int n_dims = scion_tensor_n_dims(t[0]);
  if (n_dims != scion_tensor_n_dims(t[1]) || memcmp(scion_tensor_shape(t[0]), scion_tensor_shape(t[1]), (size_t)n_dims * sizeof(int64_t)) != 0) {
    lua_pushboolean(L, 0);
    lua_pushnumber(L, INFINITY);
    return 2;
  }
  scion_context *ctx = bind_ctx(L);
  const scion_op *to = scion_op_find("to");
  double *data[2];
  int old = scion_set_grad_enabled(ctx, 0);
  for (int i = 0; i < 2; i++) { /* packed f64 copies, in boxes */
    _Alignas(16) char params[64];
    scion_params_init(to, params);
    *(int32_t *)(void *)params = SCION_F64;
    scion_tensor **box = bind_new(L);
    scion_status st = scion_apply(ctx, to, &t[i], 1, params, box, 1);
    if (st != SCION_OK) scion_set_grad_enabled(ctx, old);
    bind_try(L, st);
    data[i] = scion_tensor_data(*box);
  }
  scion_set_grad_enabled(ctx, old);
  double worst = 0;
  bool close = true;
  for (int64_t i = 0; i < n; i++) {
    double a = data[0][i], b = data[1][i];
    if (a == b || (equal_nan && a != a && b != b)) continue;
    double d = fabs(a - b);
    if (!(d <= atol + rtol * fabs(b))) close = false;
    if (!(d <= worst)) worst = d;
  }
  lua_pushboolean(L, close);
  lua_pushnumber(L, worst);
  return 2;
}

static int unary(lua_State *L, const char *name) { /* Lua passes the operand of a unary operator twice */
  scion_tensor *t = bind_check(L, 1);
  bind_charge(L);
  bind_apply(L, scion_op_find(name), &t, 1, NULL);
  return 1;
}
static int t_unm(lua_State *L) { return unary(L, "neg"); }
static int t_bnot(lua_State *L) { return unary(L, "bitwise_not"); }

static int m_is_tensor(lua_State *L) {
  bind_box *box = bind_to_box(L, 1);
  lua_pushboolean(L, box != NULL && box->t != NULL);
  return 1;
}

static const luaL_Reg methods[] = {
  { "item", t_item }, { "tolist", t_tolist }, { "bytes", t_bytes }, { "at", t_at }, { "put", t_put }, { "index", t_slice_table },
  { "copy_", t_copy_ }, { "size", t_size }, { "stride", t_stride }, { "numel", t_numel }, { "dim", p_ndim },
  { "is_contiguous", t_is_contiguous }, { "version", t_version }, { "shares_storage", t_shares }, { "is_same", t_same },
  { "touch", t_touch }, { "rows", t_rows }, { "allclose", t_allclose }, { NULL, NULL } };
static const luaL_Reg metamethods[] = {
  { "__newindex", t_newindex }, { "__len", t_len }, { "__tostring", t_tostring }, { "__unm", t_unm }, { "__bnot", t_bnot }, { NULL, NULL } };

void bind_open_tensor(lua_State *L) {
  int module = lua_gettop(L);
  lua_pushcfunction(L, m_tensor);
  lua_setfield(L, module, "tensor");
  lua_pushcfunction(L, m_from_bytes);
  lua_setfield(L, module, "from_bytes");
  lua_pushcfunction(L, m_is_tensor);
  lua_setfield(L, module, "is_tensor");
  luaL_getmetatable(L, "scion.Tensor");
  luaL_setfuncs(L, metamethods, 0);
  luaL_newlib(L, methods);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "methods"); /* where other files add methods; completion and help read it */
  lua_newtable(L);
  luaL_setfuncs(L, properties, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -4, "properties");
  lua_pushcclosure(L, t_index, 2);
  lua_setfield(L, -2, "__index");
  lua_setfield(L, module, "Tensor"); /* the class: scion.Tensor.methods */
}
