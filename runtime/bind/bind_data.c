/* bind_data.c: pictures decoded and augmented by C threads, for the iterators of scion.data.
 *
 *   source = scion.io.image_source { files = { path, ... } }
 *          | scion.io.image_source { zip = path, members = { name, ... } }   members nil: every picture in it, sorted
 *          | scion.io.image_source { tensor = u8 (N, C, H, W) or (N, H, W) }
 *     also channels = 3 (default), 1 or 4: what pictures are turned into (tensors keep theirs)
 *   #source; source:name(i) -> path or member; source:close()
 *
 *   loader = scion.io.image_loader(source, {
 *     order = { positions 1..#source } or an integer tensor of them   default: all, in order
 *     first = 1            start at this place of the order (resuming in the middle of a pass)
 *     batch_size = 32, drop_last = false
 *     transform = { step, ... }   see below; default {}
 *     seed = 0, epoch = 0  every random choice is a function of (seed, epoch, position, which time the position occurs in
 *                          the order): the same for any number of threads and any place of starting
 *     prefetch = 4         batches decoded ahead; 0: decode when asked, on the calling thread's pool
 *     threads = nil        worker threads; default: those of the context (scion.threads())
 *     on_error = "error"   or "skip": leave unreadable pictures out and remember them
 *   })
 *   x, positions = loader:next()   x: (B, C, H, W); positions: list of B positions in the source. nil at the end
 *   loader:skipped() -> { { position = 7, name = "a.jpg", message = "..." }, ... }
 *   loader:close()       stops the threads; also __close and __gc. Closing is not needed after the end
 *
 * A step is { name, arguments in order } or { name, option = value, ... }. Pictures start as u8:
 *   { "resize", size }            shorter side to size, proportions kept; { "resize", h, w }: exactly. Options
 *                                 filter = "bilinear" (antialiased, default), "bicubic", "nearest"
 *   { "center_crop", h, w }       w default h; too small pictures are padded with zeros
 *   { "crop", y, x, h, w }        1-based corner
 *   { "pad", left, top, right, bottom, value = 0 }
 *   { "random_crop", h, w, padding = 0 }
 *   { "random_resized_crop", h, w, scale = { 0.08, 1 }, ratio = { 3/4, 4/3 }, filter = }
 *   { "flip" }  mirrors left-right, { "vflip" } top-bottom; { "random_flip", p = 0.5 }, { "random_vflip", p = 0.5 }
 *   { "rotate", degrees, value = 0 }, { "random_rotation", degrees, value = 0 }   bilinear, size kept
 *   { "random_affine", degrees = 0, translate = { 0, 0 } (shares of w, h), scale = { 1, 1 }, shear = 0, value = 0 }
 *   { "color_jitter", brightness = 0, contrast = 0, saturation = 0, hue = 0 }     as in torchvision, random order included
 *   { "grayscale" }               keeps the number of channels; { "random_grayscale", p = 0.1 }
 *   { "invert" }, { "random_invert", p = 0.5 }
 *   { "random_erasing", p = 0.5, scale = { 0.02, 0.33 }, ratio = { 0.3, 3.3 }, value = 0 }
 *   { "bgr" }                     swaps red and blue
 *   { "to_float", scale = 1/255 } u8 -> f32
 *   { "normalize", mean = { ... }, std = { ... } }   f32; a u8 picture is scaled by 1/255 first. One value or one per channel
 * Without to_float or normalize x is u8.
 *
 *   y = scion.io.transform_image(x, transform, { seed = 0, epoch = 0, position = 1 })   one picture (C, H, W), u8 */
#include "bind.h"

#define MAX_ARGS 16

static scion_pictures *check_source(lua_State *L, int index) {
  scion_pictures **box = luaL_checkudata(L, index, "scion.pictures");
  if (*box == NULL) luaL_argerror(L, index, "the picture source is closed");
  return *box;
}
static scion_loader *check_loader(lua_State *L, int index) {
  scion_loader **box = luaL_checkudata(L, index, "scion.loader");
  if (*box == NULL) luaL_argerror(L, index, "the loader is closed");
  return *box;
}
static int source_gc(lua_State *L) {
  scion_pictures **box = luaL_checkudata(L, 1, "scion.pictures");
  scion_context *ctx = scion_lua_context(L);
  if (*box != NULL && ctx != NULL) scion_pictures_free(ctx, *box);
  *box = NULL;
  return 0;
}
static int loader_gc(lua_State *L) {
  scion_loader **box = luaL_checkudata(L, 1, "scion.loader");
  scion_context *ctx = scion_lua_context(L);
  if (*box != NULL && ctx != NULL) scion_loader_free(ctx, *box);
  *box = NULL;
  return 0;
}
static int transform_gc(lua_State *L) {
  scion_transform **box = luaL_checkudata(L, 1, "scion.transform");
  scion_context *ctx = scion_lua_context(L);
  if (*box != NULL && ctx != NULL) scion_transform_free(ctx, *box);
  *box = NULL;
  return 0;
}

/* Fields of the options table at `index` must be among `known`. */
static void check_options(lua_State *L, int index, const char *who, const char *const *known) {
  if (!lua_istable(L, index)) luaL_error(L, "%s: options must be a table, got %s", who, luaL_typename(L, index));
  for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
    bool found = false;
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "a number";
    for (int i = 0; known[i] != NULL && !found; i++) found = strcmp(known[i], name) == 0;
    if (found) continue;
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (int i = 0; known[i] != NULL; i++) {
      luaL_addstring(&b, i == 0 ? "" : ", ");
      luaL_addstring(&b, known[i]);
    }
    luaL_pushresult(&b);
    luaL_error(L, "%s: unknown option '%s' (known: %s)", who, name, lua_tostring(L, -1));
  }
}
static lua_Integer int_option(lua_State *L, int index, const char *who, const char *name, lua_Integer def) {
  int exact;
  if (lua_getfield(L, index, name) != LUA_TNIL) {
    def = lua_tointegerx(L, -1, &exact);
    if (!exact) luaL_error(L, "%s: %s must be an integer, got %s", who, name, luaL_tolstring(L, -1, NULL));
  }
  lua_pop(L, 1);
  return def;
}

/* A list of texts as an array kept alive on the stack; the list keeps the texts. */
static const char **texts(lua_State *L, int index, const char *who, const char *what, int64_t *n) {
  if (!lua_istable(L, index)) luaL_error(L, "%s: %s must be a list of names, got %s", who, what, luaL_typename(L, index));
  lua_Unsigned count = lua_rawlen(L, index);
  const char **list = lua_newuserdatauv(L, (size_t)(count + 1) * sizeof *list, 0);
  for (lua_Unsigned i = 0; i < count; i++) {
    if (lua_rawgeti(L, index, (lua_Integer)i + 1) != LUA_TSTRING) luaL_error(L, "%s: element %d of %s is no text but %s", who, (int)i + 1, what, luaL_typename(L, -1));
    list[i] = lua_tostring(L, -1);
    lua_pop(L, 1);
  }
  *n = (int64_t)count;
  return list;
}

static int m_image_source(lua_State *L) {
  static const char *const known[] = { "files", "zip", "members", "tensor", "channels", NULL };
  static const char who[] = "image_source";
  lua_settop(L, 1);
  check_options(L, 1, who, known);
  int32_t channels = (int32_t)int_option(L, 1, who, "channels", 3);
  scion_context *ctx = bind_ctx(L);
  scion_pictures **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, "scion.pictures");
  int64_t n = 0;
  if (lua_getfield(L, 1, "files") != LUA_TNIL) {
    const char **files = texts(L, lua_gettop(L), who, "files", &n);
    bind_try(L, scion_pictures_files(ctx, n, files, channels, box));
  } else if (lua_getfield(L, 1, "zip") != LUA_TNIL) {
    const char *path = lua_tostring(L, -1), **members = NULL;
    if (path == NULL) return luaL_error(L, "%s: zip must be a path, got %s", who, luaL_typename(L, -1));
    if (lua_getfield(L, 1, "members") != LUA_TNIL) {
      members = texts(L, lua_gettop(L), who, "members", &n);
      if (n == 0) return luaL_error(L, "%s: the list of members is empty", who);
    }
    bind_try(L, scion_pictures_zip(ctx, path, n, members, channels, box));
  } else if (lua_getfield(L, 1, "tensor") != LUA_TNIL) {
    bind_try(L, scion_pictures_tensor(ctx, bind_check(L, -1), box));
  } else {
    return luaL_error(L, "%s: give one of files, zip, tensor", who);
  }
  lua_settop(L, 2);
  return 1;
}
static int source_len(lua_State *L) {
  lua_pushinteger(L, scion_pictures_count(check_source(L, 1)));
  return 1;
}
static int source_name(lua_State *L) {
  scion_pictures *p = check_source(L, 1);
  lua_Integer i = luaL_checkinteger(L, 2);
  const char *name = scion_pictures_name(p, i - 1);
  if (name == NULL) return luaL_error(L, "name: picture %I of %I", (LUAI_UACINT)i, (LUAI_UACINT)scion_pictures_count(p));
  lua_pushstring(L, name);
  return 1;
}

/* ---- steps ------------------------------------------------------------------------------------------------ */

static void read_arg(lua_State *L, const char *step, scion_step_arg *a) { /* the value on the top; the step's table keeps texts */
  a->n = 0;
  a->text = NULL;
  switch (lua_type(L, -1)) {
    case LUA_TNUMBER: a->v[a->n++] = lua_tonumber(L, -1); return;
    case LUA_TSTRING: a->text = lua_tostring(L, -1); return;
    case LUA_TTABLE: {
      lua_Unsigned n = lua_rawlen(L, -1);
      if (n < 1 || n > 4) luaL_error(L, "transform: %s: a list of %d numbers, expected 1 to 4", step, (int)n);
      for (lua_Unsigned i = 1; i <= n; i++) {
        int ok;
        lua_rawgeti(L, -1, (lua_Integer)i);
        a->v[a->n++] = lua_tonumberx(L, -1, &ok);
        if (!ok) luaL_error(L, "transform: %s: expected numbers, got %s", step, luaL_typename(L, -1));
        lua_pop(L, 1);
      }
      return;
    }
    default: luaL_error(L, "transform: %s: expected numbers or words, got %s", step, luaL_typename(L, -1));
  }
}
/* The list of steps at `index` (nil: none) as a transform that the box on the stack owns. */
static scion_transform *read_transform(lua_State *L, int index) {
  scion_context *ctx = bind_ctx(L);
  scion_transform **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, "scion.transform");
  bind_try(L, scion_transform_new(ctx, box));
  if (lua_isnoneornil(L, index)) return *box;
  if (!lua_istable(L, index)) luaL_error(L, "transform: must be a list of steps, got %s", luaL_typename(L, index));
  for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, index); i++) {
    scion_step_arg args[MAX_ARGS];
    int32_t n = 0;
    if (lua_rawgeti(L, index, i) != LUA_TTABLE || lua_rawgeti(L, -1, 1) != LUA_TSTRING) {
      luaL_error(L, "transform: step %d must be a table that starts with a name, { \"resize\", 256 }", (int)i);
    }
    const char *step = lua_tostring(L, -1);
    lua_pop(L, 1);
    for (lua_Integer k = 2; k <= (lua_Integer)lua_rawlen(L, -1) && n < MAX_ARGS; k++) {
      lua_rawgeti(L, -1, k);
      args[n] = (scion_step_arg){ 0 };
      read_arg(L, step, &args[n++]);
      lua_pop(L, 1);
    }
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
      if (lua_type(L, -2) != LUA_TSTRING) continue;
      if (n == MAX_ARGS) luaL_error(L, "transform: %s: too many arguments", step);
      args[n] = (scion_step_arg){ .name = lua_tostring(L, -2) };
      read_arg(L, step, &args[n++]);
    }
    bind_try(L, scion_transform_add(ctx, *box, step, n, args));
    lua_pop(L, 1);
  }
  return *box;
}

static int m_transform_image(lua_State *L) {
  static const char *const known[] = { "seed", "epoch", "position", NULL };
  scion_tensor *x = bind_check(L, 1);
  lua_settop(L, 3);
  uint64_t key[3] = { 0, 0, 0 };
  if (!lua_isnil(L, 3)) {
    check_options(L, 3, "transform_image", known);
    for (int i = 0; i < 3; i++) key[i] = (uint64_t)int_option(L, 3, "transform_image", known[i], i == 2 ? 1 : 0);
    key[2]--;
  }
  scion_transform *t = read_transform(L, 2);
  bind_try(L, scion_transform_image(bind_ctx(L), t, x, key[0], key[1], key[2], bind_new(L)));
  return 1;
}

/* ---- loaders ------------------------------------------------------------------------------------------------ */

static int m_image_loader(lua_State *L) {
  static const char *const known[] = { "order", "first", "batch_size", "drop_last", "transform", "seed", "epoch", "prefetch", "threads", "on_error", NULL };
  static const char who[] = "image_loader";
  scion_pictures *source = check_source(L, 1);
  scion_context *ctx = bind_ctx(L);
  lua_settop(L, 2);
  if (lua_isnil(L, 2)) {
    lua_newtable(L);
    lua_replace(L, 2);
  }
  check_options(L, 2, who, known);
  scion_loader_options o = SCION_LOADER_OPTIONS_INIT;
  o.first = int_option(L, 2, who, "first", 1) - 1;
  o.batch_size = int_option(L, 2, who, "batch_size", 32);
  o.seed = (uint64_t)int_option(L, 2, who, "seed", 0);
  o.epoch = (uint64_t)int_option(L, 2, who, "epoch", 0);
  lua_Integer prefetch = int_option(L, 2, who, "prefetch", 4), threads = int_option(L, 2, who, "threads", 0);
  if (prefetch < 0 || prefetch > 4096 || threads < 0 || threads > 1024) return luaL_error(L, "%s: prefetch must be 0..4096 and threads 0..1024", who);
  o.prefetch = (int32_t)prefetch;
  o.threads = (int32_t)threads;
  lua_getfield(L, 2, "drop_last");
  o.drop_last = lua_toboolean(L, -1);
  if (lua_getfield(L, 2, "on_error") != LUA_TNIL) {
    const char *word = lua_tostring(L, -1);
    if (word == NULL || (strcmp(word, "skip") != 0 && strcmp(word, "error") != 0)) return luaL_error(L, "%s: on_error must be \"error\" or \"skip\"", who);
    o.skip_errors = strcmp(word, "skip") == 0;
  }
  lua_pop(L, 2);
  int type = lua_getfield(L, 2, "order");
  if (type == LUA_TTABLE || bind_to_box(L, -1) != NULL) {
    bind_box *box = bind_to_box(L, -1);
    if (box != NULL && (box->t == NULL || scion_tensor_n_dims(box->t) != 1)) return luaL_error(L, "%s: order must be a list of positions", who);
    o.n = box != NULL ? scion_tensor_numel(box->t) : (int64_t)lua_rawlen(L, -1);
    int64_t *order = lua_newuserdatauv(L, (size_t)(o.n + 1) * sizeof *order, 0);
    for (int64_t i = 0; i < o.n; i++) {
      int exact = 1;
      if (box != NULL) {
        bind_try(L, scion_tensor_get_i64(ctx, box->t, &i, &order[i]));
      } else {
        lua_rawgeti(L, 3, i + 1);
        order[i] = lua_tointegerx(L, -1, &exact);
        lua_pop(L, 1);
      }
      if (!exact) return luaL_error(L, "%s: position %d of order is no integer", who, (int)i + 1);
      order[i]--;
    }
    o.order = order;
  } else if (type != LUA_TNIL) {
    return luaL_error(L, "%s: order must be a list or a tensor of positions, got %s", who, luaL_typename(L, -1));
  }
  lua_getfield(L, 2, "transform");
  scion_transform *t = read_transform(L, lua_gettop(L));
  scion_loader **box = lua_newuserdatauv(L, sizeof *box, 1);
  *box = NULL;
  luaL_setmetatable(L, "scion.loader");
  bind_try(L, scion_loader_new(ctx, source, t, &o, box));
  lua_pushinteger(L, o.batch_size);
  lua_setiuservalue(L, -2, 1);
  return 1;
}
static int loader_next(lua_State *L) {
  scion_loader *l = check_loader(L, 1);
  lua_getiuservalue(L, 1, 1);
  int64_t batch = lua_tointeger(L, -1), n;
  int64_t *positions = lua_newuserdatauv(L, (size_t)batch * sizeof *positions, 0);
  bind_charge(L);
  scion_tensor **x = bind_new(L);
  bind_try(L, scion_loader_next(bind_ctx(L), l, x, &n, positions));
  if (n == 0) return 0;
  lua_createtable(L, (int)n, 0);
  for (int64_t i = 0; i < n; i++) {
    lua_pushinteger(L, positions[i] + 1);
    lua_rawseti(L, -2, i + 1);
  }
  return 2;
}
static int loader_skipped(lua_State *L) {
  scion_loader *l = check_loader(L, 1);
  int64_t n = scion_loader_skipped(l), position;
  lua_createtable(L, (int)n, 0);
  for (int64_t i = 0; i < n; i++) {
    const char *message = scion_loader_skip(l, i, &position);
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, position + 1);
    lua_setfield(L, -2, "position");
    lua_pushstring(L, message);
    lua_setfield(L, -2, "message");
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

static void make_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc, lua_CFunction len) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__close");
  if (len != NULL) {
    lua_pushcfunction(L, len);
    lua_setfield(L, -2, "__len");
  }
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "close");
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

void bind_open_data(lua_State *L) {
  static const luaL_Reg source[] = { { "name", source_name }, { NULL, NULL } };
  static const luaL_Reg loader[] = { { "next", loader_next }, { "skipped", loader_skipped }, { NULL, NULL } };
  static const luaL_Reg nothing[] = { { NULL, NULL } };
  static const luaL_Reg functions[] = { { "image_source", m_image_source }, { "image_loader", m_image_loader }, { "transform_image", m_transform_image }, { NULL, NULL } };
  make_class(L, "scion.pictures", source, source_gc, source_len);
  make_class(L, "scion.loader", loader, loader_gc, NULL);
  make_class(L, "scion.transform", nothing, transform_gc, NULL);
  lua_getfield(L, -1, "io");
  luaL_setfuncs(L, functions, 0);
  lua_pop(L, 1);
}
