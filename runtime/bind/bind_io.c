/* bind_io.c: files for Lua: scion.io.* readers and writers. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bind_net.h"

/* A C object that must be released even when Lua raises: held by a box until done. */
typedef struct { void *p; void (*release)(scion_context *ctx, void *p); } holder;
static int holder_gc(lua_State *L) {
  holder *h = lua_touserdata(L, 1);
  scion_context *ctx = scion_lua_context(L);
  if (h->p != NULL && ctx != NULL) h->release(ctx, h->p);
  h->p = NULL;
  return 0;
}
static holder *new_holder(lua_State *L, void (*release)(scion_context *, void *)) {
  holder *h = lua_newuserdatauv(L, sizeof *h, 0);
  h->p = NULL;
  h->release = release;
  if (luaL_newmetatable(L, "scion.holder")) {
    lua_pushcfunction(L, holder_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, holder_gc);
    lua_setfield(L, -2, "__close");
  }
  lua_setmetatable(L, -2);
  return h;
}
static void drop(lua_State *L, holder *h) {
  if (h->p != NULL) h->release(bind_ctx(L), h->p);
  h->p = NULL;
}
static void release_zip(scion_context *ctx, void *p) { scion_zip_close(ctx, p); }
static void release_safetensors(scion_context *ctx, void *p) { scion_safetensors_close(ctx, p); }
static void release_dir(scion_context *ctx, void *p) { (void)ctx, closedir(p); }

/* ---- arrays -------------------------------------------------------------------------------------------- */

static int m_read_idx(lua_State *L) { /* (path) -> tensor */
  const char *path = bind_path(L, 1);
  bind_try(L, scion_idx_read(bind_ctx(L), path, bind_new(L)));
  return 1;
}
static int m_read_npy(lua_State *L) {
  const char *path = bind_path(L, 1);
  bind_try(L, scion_npy_read(bind_ctx(L), path, bind_new(L)));
  return 1;
}
static int m_save_npy(lua_State *L) { /* (path, tensor) */
  bind_try(L, scion_npy_write(bind_ctx(L), bind_path(L, 1), bind_check(L, 2)));
  return 0;
}
static int m_read_npz(lua_State *L) { /* (path) -> { name = tensor } */
  const char *path = bind_path(L, 1);
  scion_context *ctx = bind_ctx(L);
  holder *h = new_holder(L, release_zip);
  scion_zip *zip;
  bind_try(L, scion_zip_open(ctx, path, &zip));
  h->p = zip;
  lua_newtable(L);
  for (int32_t i = 0; i < scion_zip_count(zip); i++) {
    const char *name = scion_zip_name(zip, i);
    size_t n = strlen(name);
    if (n < 5 || strcmp(name + n - 4, ".npy") != 0) continue;
    lua_pushlstring(L, name, n - 4);
    bind_try(L, scion_npz_read(ctx, zip, i, bind_new(L)));
    lua_rawset(L, -3);
  }
  drop(L, h);
  return 1;
}

/* { name = tensor } at `index` as two arrays kept alive on the stack, in the order of the names. */
static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }
static int32_t named(lua_State *L, int index, const char *who, const char ***names, scion_tensor ***tensors) {
  luaL_checktype(L, index, LUA_TTABLE);
  int32_t n = 0;
  for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "%s: tensors must have names", who);
    n++;
  }
  *names = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof **names, 0);
  *tensors = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof **tensors, 0);
  int32_t i = 0;
  for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) (*names)[i++] = lua_tostring(L, -2); /* the table keeps them */
  qsort(*names, (size_t)n, sizeof **names, by_name);
  for (i = 0; i < n; i++) {
    lua_getfield(L, index, (*names)[i]);
    bind_box *box = bind_to_box(L, -1);
    if (box == NULL || box->t == NULL) luaL_error(L, "%s: '%s' is %s, expected a tensor", who, (*names)[i], luaL_typename(L, -1));
    (*tensors)[i] = box->t;
    lua_pop(L, 1);
  }
  return n;
}
static int m_save_npz(lua_State *L) { /* (path, { name = tensor }, compressed) */
  const char *path = bind_path(L, 1), **names;
  scion_tensor **tensors;
  int32_t n = named(L, 2, "save_npz", &names, &tensors);
  bind_try(L, scion_npz_write(bind_ctx(L), path, n, names, tensors, lua_toboolean(L, 3)));
  return 0;
}

static int m_read_safetensors(lua_State *L) { /* (path) -> { name = tensor }, { key = text } */
  const char *path = bind_path(L, 1);
  scion_context *ctx = bind_ctx(L);
  holder *h = new_holder(L, release_safetensors);
  scion_safetensors *file;
  bind_try(L, scion_safetensors_open(ctx, path, &file));
  h->p = file;
  scion_tensor_info info;
  const char *key, *value;
  lua_newtable(L);
  for (int32_t i = 0; scion_safetensors_at(file, i, &info); i++) {
    lua_pushstring(L, info.name);
    bind_try(L, scion_safetensors_read(ctx, file, i, bind_new(L)));
    lua_rawset(L, -3);
  }
  lua_newtable(L);
  for (int32_t i = 0; scion_safetensors_meta_at(file, i, &key, &value); i++) {
    lua_pushstring(L, value);
    lua_setfield(L, -2, key);
  }
  drop(L, h);
  return 2;
}
static int m_save_safetensors(lua_State *L) { /* (path, { name = tensor }, { key = text }) */
  const char *path = bind_path(L, 1), **names;
  scion_tensor **tensors;
  lua_settop(L, 3);
  int32_t n = named(L, 2, "save_safetensors", &names, &tensors), m = 0;
  const char **keys = NULL, **values = NULL;
  if (!lua_isnil(L, 3)) {
    luaL_checktype(L, 3, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 3) != 0; lua_pop(L, 1)) {
      if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "save_safetensors: metadata are texts with names");
      m++;
    }
    keys = lua_newuserdatauv(L, (size_t)(m + 1) * sizeof *keys, 0);
    values = lua_newuserdatauv(L, (size_t)(m + 1) * sizeof *values, 0);
    int32_t i = 0;
    for (lua_pushnil(L); lua_next(L, 3) != 0; lua_pop(L, 1)) keys[i++] = lua_tostring(L, -2);
    qsort(keys, (size_t)m, sizeof *keys, by_name);
    for (i = 0; i < m; i++) {
      lua_getfield(L, 3, keys[i]);
      values[i] = lua_tostring(L, -1);
      lua_pop(L, 1); /* the table keeps it */
    }
  }
  bind_try(L, scion_safetensors_write(bind_ctx(L), path, n, names, tensors, m, keys, values));
  return 0;
}

/* ---- networks from elsewhere ------------------------------------------------------------------------------------ */

static int m_decode_onnx(lua_State *L) { /* (bytes, name) -> net */
  size_t size;
  const char *bytes = luaL_checklstring(L, 1, &size), *name = luaL_optstring(L, 2, "onnx");
  bind_net *box = bind_net_new(L);
  bind_try(L, scion_onnx_load_memory(bind_ctx(L), name, bytes, size, &box->net));
  return 1;
}
static int m_decode_onnx_tensor(lua_State *L) { /* (bytes) -> tensor */
  size_t size;
  const char *bytes = luaL_checklstring(L, 1, &size);
  bind_try(L, scion_onnx_tensor_memory(bind_ctx(L), "onnx tensor", bytes, size, bind_new(L)));
  return 1;
}

static int m_save_onnx(lua_State *L) { /* (path, net, { { shape... }, ... } or nil) */
  const char *path = bind_path(L, 1);
  scion_net *net = bind_net_check(L, 2);
  int32_t n = scion_net_n_inputs(net);
  scion_net_shape *shapes = NULL;
  if (!lua_isnoneornil(L, 3)) {
    luaL_checktype(L, 3, LUA_TTABLE);
    if (luaL_len(L, 3) != n) return luaL_error(L, "save_onnx: %d shapes given, the net has %d inputs", (int)luaL_len(L, 3), (int)n);
    shapes = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *shapes, 0);
    for (int32_t i = 0; i < n; i++) {
      scion_input_info info;
      scion_net_get_input(net, i, &info);
      lua_rawgeti(L, 3, i + 1);
      shapes[i].dtype = info.shape.dtype;
      shapes[i].n_dims = bind_ints(L, lua_gettop(L), "save_onnx: shape", shapes[i].shape, SCION_MAX_DIMS);
      if (lua_getfield(L, -1, "dtype") == LUA_TSTRING) shapes[i].dtype = (int32_t)bind_dtype(L, -1, "save_onnx: dtype");
      lua_pop(L, 2);
    }
  }
  bind_try(L, scion_onnx_save(bind_ctx(L), net, path, shapes));
  return 0;
}
static int m_load_mxnet(lua_State *L) { /* (symbol path, params path or nil, epoch or nil) -> net */
  const char *symbol = bind_path(L, 1), *params = lua_isnoneornil(L, 2) ? NULL : bind_path(L, 2);
  lua_Integer epoch = luaL_optinteger(L, 3, -1);
  bind_charge(L);
  bind_net *box = bind_net_new(L);
  bind_try(L, scion_mxnet_load(bind_ctx(L), symbol, params, epoch, &box->net));
  return 1;
}
static int m_file_format(lua_State *L) { /* (path) -> word or nil */
  const char *format;
  bind_try(L, scion_file_format(bind_ctx(L), bind_path(L, 1), &format));
  lua_pushstring(L, format);
  return 1;
}
static void release_weights(scion_context *ctx, void *p) { scion_weights_close(ctx, p); }
static int m_read_weights(lua_State *L) { /* (path, mmap) -> { name = tensor }, format, { names in the file's order } */
  const char *path = bind_path(L, 1);
  holder *h = new_holder(L, release_weights);
  scion_weights *w;
  bind_charge(L);
  if (lua_toboolean(L, 2)) bind_try(L, scion_weights_map(bind_ctx(L), path, &w));
  else bind_try(L, scion_weights_open(bind_ctx(L), path, &w));
  h->p = w;
  lua_newtable(L);
  lua_pushstring(L, scion_weights_format(w));
  lua_newtable(L);
  for (int32_t i = 0; i < scion_weights_count(w); i++) {
    lua_pushstring(L, scion_weights_name(w, i));
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, i + 1);
    bind_push(L, scion_weights_get(w, i));
    lua_rawset(L, -5);
  }
  bind_list_meta(L);
  drop(L, h);
  return 3;
}

/* ---- pictures, folders, bytes ------------------------------------------------------------------------------------ */

static int m_read_image(lua_State *L) { /* (path, channels) -> u8 (C, H, W) */
  const char *path = bind_path(L, 1);
  int channels = (int)luaL_optinteger(L, 2, 3);
  bind_try(L, scion_image_read(bind_ctx(L), path, channels, bind_new(L)));
  return 1;
}
static int m_decode_image(lua_State *L) { /* (bytes, channels) -> u8 (C, H, W) */
  size_t size;
  const char *bytes = luaL_checklstring(L, 1, &size);
  int channels = (int)luaL_optinteger(L, 2, 3);
  bind_try(L, scion_image_read_memory(bind_ctx(L), "image", bytes, size, channels, bind_new(L)));
  return 1;
}

static int m_list_dir(lua_State *L) { /* (path) -> { { name =, kind = "file" | "directory" | "other" } }, sorted by name */
  const char *path = bind_path(L, 1);
  holder *h = new_holder(L, release_dir);
  DIR *dir = opendir(path);
  if (dir == NULL) return luaL_error(L, "list_dir: %s: %s", path, strerror(errno));
  h->p = dir;
  lua_newtable(L);
  int n = 0;
  for (struct dirent *e; (e = readdir(dir)) != NULL;) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    struct stat s;
    lua_pushfstring(L, "%s/%s", path, e->d_name);
    bool found = stat(lua_tostring(L, -1), &s) == 0;
    lua_pop(L, 1);
    lua_createtable(L, 0, 2);
    lua_pushstring(L, e->d_name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, !found ? "other" : S_ISDIR(s.st_mode) ? "directory" : S_ISREG(s.st_mode) ? "file" : "other");
    lua_setfield(L, -2, "kind");
    lua_rawseti(L, -2, ++n);
  }
  drop(L, h);
  return 1;
}
static int m_read_file(lua_State *L) { /* (path) -> bytes, unpacked when they are gzip data */
  const char *path = bind_path(L, 1);
  char *data;
  size_t size;
  bind_try(L, scion_file_bytes(bind_ctx(L), path, &data, &size));
  scion_tensor **box = bind_new(L); /* frees the bytes should Lua have no memory for the string */
  scion_status st = scion_tensor_wrap(bind_ctx(L), SCION_U8, 1, (int64_t[]){ (int64_t)size }, NULL, data, scion_file_release, NULL, box);
  if (st != SCION_OK) {
    scion_file_release(NULL, data);
    return bind_raise(L, st);
  }
  lua_pushlstring(L, data, size);
  return 1;
}
static int m_path_kind(lua_State *L) { /* (path) -> "file", "directory", "other", or nil; opens nothing, so a pipe cannot make it wait */
  struct stat s;
  if (stat(bind_path(L, 1), &s) != 0) lua_pushnil(L);
  else lua_pushstring(L, S_ISDIR(s.st_mode) ? "directory" : S_ISREG(s.st_mode) ? "file" : "other");
  return 1;
}
static int m_path_stamp(lua_State *L) { /* (path) -> text that changes when the file does, or nil */
  struct stat s;
  if (stat(bind_path(L, 1), &s) != 0) return 0;
  char text[96];
  snprintf(text, sizeof text, "%lld:%lld.%09ld:%llu", (long long)s.st_size, (long long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec, (unsigned long long)s.st_ino);
  lua_pushstring(L, text);
  return 1;
}
static int m_make_dir(lua_State *L) { /* (path): a folder and those above it; fine when it exists */
  const char *path = bind_path(L, 1);
  struct stat s;
  for (const char *p = path; *p != '\0'; p++) {
    if (*p != '/' || p == path) continue;
    lua_pushlstring(L, path, (size_t)(p - path));
    mkdir(lua_tostring(L, -1), 0777); /* a failure shows below */
    lua_pop(L, 1);
  }
  if (mkdir(path, 0777) == 0 || (errno == EEXIST && stat(path, &s) == 0 && S_ISDIR(s.st_mode))) return 0;
  return luaL_error(L, "make_dir: %s: %s", path, strerror(errno));
}

static const luaL_Reg functions[] = {
  { "read_idx", m_read_idx }, { "read_npy", m_read_npy }, { "save_npy", m_save_npy }, { "read_npz", m_read_npz }, { "save_npz", m_save_npz },
  { "read_safetensors", m_read_safetensors }, { "save_safetensors", m_save_safetensors }, { "read_image", m_read_image },
  { "decode_image", m_decode_image }, { "list_dir", m_list_dir }, { "path_kind", m_path_kind }, { "path_stamp", m_path_stamp },
  { "read_file", m_read_file }, { "make_dir", m_make_dir },
  { "read_weights", m_read_weights }, { "load_mxnet", m_load_mxnet }, { "save_onnx", m_save_onnx }, { "file_format", m_file_format }, { "decode_onnx",
    m_decode_onnx }, { "decode_onnx_tensor", m_decode_onnx_tensor }, { NULL, NULL } };

void bind_open_io(lua_State *L) {
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  lua_setfield(L, -2, "io");
}
