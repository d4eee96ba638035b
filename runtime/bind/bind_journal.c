/* bind_journal.c: a file that several processes append to, for logs that survive being killed (lua/scion/journal.lua,
 * lua/scion/hpo/study.lua). Lua decides what is written; here are the system calls that Lua lacks.
 *
 *   local file = scion.open_journal(path, read_only)
 *   file:try_lock(seconds) -> boolean    the file for oneself; waits, in naps, so that Ctrl-C is heard between calls
 *   file:unlock()
 *   file:size(), file:read(from)         bytes from an offset to the end
 *   file:append(text)                    at the end, on the disk when it returns (fsync)
 *   file:truncate(size)                  drops a torn tail
 *   file:claim(id) -> boolean            holds a number as long as this process lives; false: another holds it
 *   file:claimed(id) -> boolean          does another open file hold it?
 *   file:close()
 *
 * Locks belong to the open file (F_OFD_SETLK): the kernel drops them when the process ends, however it ends. They lie beyond
 * any data: the file's own at LOCK_AT, the claim of number id at LOCK_AT + id. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bind.h"

#ifndef F_OFD_SETLK /* not Linux: locks of the process */
#define F_OFD_SETLK F_SETLK
#define F_OFD_GETLK F_GETLK
#endif
#define LOCK_AT ((off_t)1 << 50)
#define NAME "scion.Journal"

typedef struct { int fd; } journal;

static int fail(lua_State *L, const char *what, const char *path) {
  int code = errno;
  return luaL_error(L, "journal: cannot %s%s%s: %s", what, path == NULL ? "" : " ", path == NULL ? "" : path, strerror(code));
}
static journal *check_journal(lua_State *L) {
  journal *j = luaL_checkudata(L, 1, NAME);
  if (j->fd < 0) luaL_error(L, "journal: the file is closed");
  return j;
}

static bool set_lock(int fd, off_t at, short type) {
  struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };
  return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

static int m_open(lua_State *L) {
  const char *path = bind_path(L, 1);
  bool read_only = lua_toboolean(L, 2);
  journal *j = lua_newuserdatauv(L, sizeof *j, 0);
  j->fd = -1;
  luaL_setmetatable(L, NAME);
  j->fd = open(path, (read_only ? O_RDONLY : O_RDWR | O_CREAT | O_APPEND) | O_CLOEXEC, 0666);
  if (j->fd < 0) return fail(L, "open", path);
  struct stat st;
  if (fstat(j->fd, &st) != 0 || !S_ISREG(st.st_mode)) return luaL_error(L, "journal: %s is not a regular file", path);
  return 1;
}

static int m_try_lock(lua_State *L) {
  journal *j = check_journal(L);
  double left = luaL_optnumber(L, 2, 0);
  for (;;) {
    if (set_lock(j->fd, LOCK_AT, F_WRLCK)) break;
    if (errno != EACCES && errno != EAGAIN && errno != EINTR) return fail(L, "lock the file", NULL);
    if (left <= 0) {
      lua_pushboolean(L, 0);
      return 1;
    }
    struct timespec nap = { 0, 1000000 };
    nanosleep(&nap, NULL);
    left -= 1e-3;
  }
  lua_pushboolean(L, 1);
  return 1;
}
static int m_unlock(lua_State *L) {
  journal *j = check_journal(L);
  set_lock(j->fd, LOCK_AT, F_UNLCK);
  return 0;
}
static int m_claim(lua_State *L) {
  journal *j = check_journal(L);
  lua_pushboolean(L, set_lock(j->fd, LOCK_AT + (off_t)luaL_checkinteger(L, 2), F_WRLCK));
  return 1;
}
static int m_claimed(lua_State *L) {
  journal *j = check_journal(L);
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_AT + (off_t)luaL_checkinteger(L, 2), .l_len = 1 };
  if (fcntl(j->fd, F_OFD_GETLK, &lock) != 0) return fail(L, "ask for a lock", NULL);
  lua_pushboolean(L, lock.l_type != F_UNLCK);
  return 1;
}

static off_t size_of(lua_State *L, const journal *j) {
  struct stat st;
  if (fstat(j->fd, &st) != 0) fail(L, "ask for the size", NULL);
  return st.st_size;
}
static int m_size(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)size_of(L, check_journal(L)));
  return 1;
}
static int m_read(lua_State *L) {
  journal *j = check_journal(L);
  off_t at = (off_t)luaL_checkinteger(L, 2), end = size_of(L, j);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  while (at < end) {
    size_t want = end - at < (off_t)LUAL_BUFFERSIZE ? (size_t)(end - at) : (size_t)LUAL_BUFFERSIZE;
    ssize_t n = pread(j->fd, luaL_prepbuffer(&b), want, at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(L, "read the file", NULL);
    if (n == 0) break;
    luaL_addsize(&b, (size_t)n);
    at += n;
  }
  luaL_pushresult(&b);
  return 1;
}
static int m_append(lua_State *L) {
  journal *j = check_journal(L);
  size_t n;
  const char *text = luaL_checklstring(L, 2, &n);
  while (n > 0) {
    ssize_t done = write(j->fd, text, n);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return fail(L, "write to the file", NULL);
    text += done;
    n -= (size_t)done;
  }
  if (fsync(j->fd) != 0 && errno != EINVAL && errno != EROFS) return fail(L, "bring the file to the disk", NULL);
  return 0;
}
static int m_truncate(lua_State *L) {
  journal *j = check_journal(L);
  if (ftruncate(j->fd, (off_t)luaL_checkinteger(L, 2)) != 0) return fail(L, "shorten the file", NULL);
  return 0;
}
static int m_close(lua_State *L) {
  journal *j = luaL_checkudata(L, 1, NAME);
  if (j->fd >= 0) close(j->fd);
  j->fd = -1;
  return 0;
}

void bind_open_journal(lua_State *L) {
  static const luaL_Reg methods[] = { { "try_lock", m_try_lock }, { "unlock", m_unlock }, { "claim", m_claim }, { "claimed", m_claimed },
                                      { "size", m_size }, { "read", m_read }, { "append", m_append }, { "truncate", m_truncate },
                                      { "close", m_close }, { "__gc", m_close }, { "__close", m_close }, { NULL, NULL } };
  static const luaL_Reg functions[] = { { "open_journal", m_open }, { NULL, NULL } };
  luaL_newmetatable(L, NAME);
  luaL_setfuncs(L, methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_setfuncs(L, functions, 0);
}
