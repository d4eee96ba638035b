/* terminal.c: the terminal of the program: where log lines and progress bars go, and Ctrl-C.
 *
 * Everything the library says arrives at one sink and goes to stderr, so that stdout holds only what a
 * script prints. A progress text that begins with '\r' is a line still being drawn: it is shown on a
 * terminal and dropped elsewhere.
 *
 * Ctrl-C: the handler sets a flag that kernels poll between tiles and a hook that stops Lua at its next
 * instruction with the error "interrupted!". Who catches that (a training loop that keeps what was learned)
 * calls clear_interrupt; the third Ctrl-C without an answer ends the process. */
#include "cli.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static lua_State *main_state;               /* of the handler's hook */
static volatile sig_atomic_t n_interrupts;  /* since the last clear */
static bool drawing;                        /* a progress line has no newline yet */

bool cli_color(int fd) {
  const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
  if (no_color != NULL && no_color[0] != '\0') return false;
  return isatty(fd) && term != NULL && strcmp(term, "dumb") != 0;
}

int cli_columns(int fd) {
  struct winsize size;
  if (!isatty(fd)) return 0;
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char *columns = getenv("COLUMNS");
  int n = columns != NULL ? atoi(columns) : 0;
  return n > 0 ? n : 80;
}

void cli_clear_line(void) {
  if (!drawing) return;
  fputs("\r\033[K", stderr);
  fflush(stderr);
  drawing = false;
}

static void sink(void *ud, int32_t level, const char *msg) {
  bool partial = msg[0] == '\r';
  if (partial && !isatty(STDERR_FILENO)) return;
  fflush(stdout); /* keep the order of what a script prints and what is logged */
  cli_clear_line();
  if (partial) {
    fputs(msg, stderr);
    drawing = true;
  } else {
    const char *label = level == SCION_LOG_ERROR ? "error: " : level == SCION_LOG_WARN ? "warning: " : "";
    if (label[0] != '\0' && cli_color(STDERR_FILENO)) {
      fprintf(stderr, "\033[%dm%s\033[0m%s\n", level == SCION_LOG_ERROR ? 31 : 33, label, msg);
    } else {
      fprintf(stderr, "%s%s\n", label, msg);
    }
  }
  fflush(stderr);
}

/* ---- Ctrl-C ------------------------------------------------------------------------------------------ */

static void stop(lua_State *L, lua_Debug *ar) {
  (void)ar;
  lua_sethook(L, NULL, 0, 0);
  luaL_error(L, "interrupted!");
}

static void on_interrupt(int sig) {
  n_interrupts++;
  if (n_interrupts >= 3) { /* nobody listens */
    signal(sig, SIG_DFL);
    raise(sig);
    return;
  }
  lua_sethook(main_state, stop, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

void cli_catch_interrupts(void) {
  struct sigaction action = { .sa_handler = on_interrupt }; /* no SA_RESTART: reads end too */
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
}
bool cli_interrupted(void) { return n_interrupts > 0; }
void cli_clear_interrupt(lua_State *L) {
  n_interrupts = 0;
  if (lua_gethook(L) == stop) lua_sethook(L, NULL, 0, 0);
}

static int cancelled(void *ud) { return n_interrupts > 0; }

/* ---- what Lua sees ------------------------------------------------------------------------------------ */

static int m_terminal(lua_State *L) {
  int columns = cli_columns(STDERR_FILENO);
  if (columns == 0) lua_pushnil(L);
  else lua_pushinteger(L, columns);
  return 1;
}
static int m_color(lua_State *L) {
  lua_pushboolean(L, cli_color(STDOUT_FILENO));
  return 1;
}
static int m_interrupted(lua_State *L) {
  lua_pushboolean(L, n_interrupts > 0);
  return 1;
}

static int m_clear_interrupt(lua_State *L) {
  cli_clear_interrupt(L);
  return 0;
}

void cli_terminal_open(lua_State *L, int module) {
  static const luaL_Reg functions[] = { { "terminal", m_terminal }, { "color", m_color }, { "interrupted", m_interrupted },
                                        { "clear_interrupt", m_clear_interrupt }, { NULL, NULL } };
  main_state = L;
  scion_context *ctx = scion_lua_context(L);
  scion_set_log(ctx, sink, NULL);
  scion_set_cancel(ctx, cancelled, NULL);
  lua_pushvalue(L, module);
  luaL_setfuncs(L, functions, 0);
  lua_pop(L, 1);
}
