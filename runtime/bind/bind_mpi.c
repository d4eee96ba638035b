/* bind_mpi.c: several processes, over Debian's OpenMPI (scion.mpi; policy in lua/scion/mpi.lua). The library is opened when a program
 * started by mpirun asks for it: nothing is needed to build, and nothing is opened otherwise. OpenMPI's handles are addresses of
 * objects in it, which is why only OpenMPI will do. Errors are returned, not fatal.
 *
 *   m = scion._mpi_open()     nil when this process was not started by mpirun
 *   m:rank(), m:size()        0-based, as MPI counts
 *   m:allreduce_(t)           sum over all ranks, in place; f32, f64, i32, i64, contiguous
 *   m:broadcast_(t, root)
 *   m:barrier() */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "bind.h"

typedef struct {
  void *library, *world, *sum;
  int rank, size;
  bool open;
  int (*allreduce)(const void *, void *, int, void *, void *, void *);
  int (*bcast)(void *, int, void *, int, void *);
  int (*barrier)(void *);
  int (*finalize)(void);
  int (*finalized)(int *);
  int (*error_string)(int, char *, int *);
} mpi;

#define IN_PLACE ((void *)1) /* MPI_IN_PLACE of OpenMPI */

static mpi *check_mpi(lua_State *L, int index) {
  mpi *m = luaL_checkudata(L, index, "scion.mpi");
  luaL_argcheck(L, m->open, index, "MPI is closed");
  return m;
}
static void check_code(lua_State *L, const mpi *m, const char *what, int code) {
  if (code == 0) return;
  char text[1024] = ""; /* MPI_MAX_ERROR_STRING and more */
  int n = 0;
  if (m->error_string != NULL) m->error_string(code, text, &n);
  luaL_error(L, "mpi.%s: %s (code %d)", what, text, code);
}

static void *symbol(lua_State *L, const mpi *m, const char *name) {
  void *at = dlsym(m->library, name);
  if (at == NULL) luaL_error(L, "mpi: the library has no %s; OpenMPI is needed", name);
  return at;
}
#define FUNCTION(field, name) (*(void **)(void *)&m->field = symbol(L, m, name))

/* The element type's handle, and the count as int. */
static void *type_of(lua_State *L, const mpi *m, scion_tensor *t, const char *what, int *count) {
  static const char *const names[] = { "ompi_mpi_float", "ompi_mpi_double", "ompi_mpi_int32_t", "ompi_mpi_int64_t" };
  int dtype = (int)scion_tensor_dtype(t);
  if (dtype > SCION_I64) luaL_error(L, "mpi.%s: the tensor is %s, expected f32, f64, i32 or i64", what, scion_dtype_name((scion_dtype)dtype));
  if (!scion_tensor_is_contiguous(t)) luaL_error(L, "mpi.%s: the tensor must be contiguous", what);
  if (scion_tensor_numel(t) > INT32_MAX) luaL_error(L, "mpi.%s: more than 2^31 - 1 elements", what);
  *count = (int)scion_tensor_numel(t);
  return symbol(L, m, names[dtype]);
}

static int mpi_rank(lua_State *L) {
  lua_pushinteger(L, check_mpi(L, 1)->rank);
  return 1;
}
static int mpi_size(lua_State *L) {
  lua_pushinteger(L, check_mpi(L, 1)->size);
  return 1;
}
static int mpi_allreduce(lua_State *L) {
  mpi *m = check_mpi(L, 1);
  scion_tensor *t = bind_check(L, 2);
  int count;
  void *type = type_of(L, m, t, "allreduce_", &count);
  check_code(L, m, "allreduce_", m->allreduce(IN_PLACE, scion_tensor_data(t), count, type, m->sum, m->world));
  scion_tensor_touch(t);
  lua_settop(L, 2);
  return 1;
}
static int mpi_broadcast(lua_State *L) {
  mpi *m = check_mpi(L, 1);
  scion_tensor *t = bind_check(L, 2);
  lua_Integer root = luaL_optinteger(L, 3, 0);
  luaL_argcheck(L, root >= 0 && root < m->size, 3, "no such rank");
  int count;
  void *type = type_of(L, m, t, "broadcast_", &count);
  check_code(L, m, "broadcast_", m->bcast(scion_tensor_data(t), count, type, (int)root, m->world));
  scion_tensor_touch(t);
  lua_settop(L, 2);
  return 1;
}
static int mpi_barrier(lua_State *L) {
  mpi *m = check_mpi(L, 1);
  check_code(L, m, "barrier", m->barrier(m->world));
  return 0;
}
static int mpi_close(lua_State *L) {
  mpi *m = luaL_checkudata(L, 1, "scion.mpi");
  int done = 0;
  /* A program that failed does not wait for the others, who may wait for it: mpirun ends them when it sees the exit code. */
  bool failed = lua_getfield(L, LUA_REGISTRYINDEX, "scion.failed") == LUA_TBOOLEAN;
  if (m->open && !failed && m->finalized(&done) == 0 && !done) m->finalize();
  m->open = false; /* the library stays: its threads and handlers may outlive us */
  return 0;
}

static int m_open(lua_State *L) {
  if (getenv("OMPI_COMM_WORLD_SIZE") == NULL && getenv("PMIX_RANK") == NULL) return 0;
  mpi *m = lua_newuserdatauv(L, sizeof *m, 0);
  memset(m, 0, sizeof *m);
  static const char *const names[] = { "libmpi.so.40", "libmpi.so" };
  for (int i = 0; i < 2 && m->library == NULL; i++) m->library = dlopen(names[i], RTLD_NOW | RTLD_GLOBAL); /* its plugins look for its symbols */
  if (m->library == NULL) return luaL_error(L, "mpi: this process was started by mpirun, but OpenMPI's library cannot be opened (%s)", dlerror());
  m->world = symbol(L, m, "ompi_mpi_comm_world");
  m->sum = symbol(L, m, "ompi_mpi_op_sum");
  FUNCTION(allreduce, "MPI_Allreduce");
  FUNCTION(bcast, "MPI_Bcast");
  FUNCTION(barrier, "MPI_Barrier");
  FUNCTION(finalize, "MPI_Finalize");
  FUNCTION(finalized, "MPI_Finalized");
  FUNCTION(error_string, "MPI_Error_string");
  int (*init)(int *, char ***, int, int *), (*initialized)(int *), (*rank)(void *, int *), (*size)(void *, int *), (*handler)(void *, void *), provided, is_open = 0;
  *(void **)(void *)&init = symbol(L, m, "MPI_Init_thread");
  *(void **)(void *)&initialized = symbol(L, m, "MPI_Initialized");
  *(void **)(void *)&rank = symbol(L, m, "MPI_Comm_rank");
  *(void **)(void *)&size = symbol(L, m, "MPI_Comm_size");
  *(void **)(void *)&handler = symbol(L, m, "MPI_Comm_set_errhandler");
  check_code(L, m, "open", initialized(&is_open));
  if (!is_open) check_code(L, m, "open", init(NULL, NULL, 1, &provided)); /* MPI_THREAD_FUNNELED: this thread alone calls */
  check_code(L, m, "open", handler(m->world, symbol(L, m, "ompi_mpi_errors_return")));
  check_code(L, m, "open", rank(m->world, &m->rank));
  check_code(L, m, "open", size(m->world, &m->size));
  m->open = true;
  if (luaL_newmetatable(L, "scion.mpi")) {
    static const luaL_Reg methods[] = { { "rank", mpi_rank }, { "size", mpi_size }, { "allreduce_", mpi_allreduce }, { "broadcast_", mpi_broadcast },
                                        { "barrier", mpi_barrier }, { "close", mpi_close }, { NULL, NULL } };
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, mpi_close);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return 1;
}

void bind_open_mpi(lua_State *L) {
  lua_pushcfunction(L, m_open);
  lua_setfield(L, -2, "_mpi_open");
}
