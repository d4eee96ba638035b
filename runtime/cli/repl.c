/* repl.c: the prompt. Line editing is libedit's on a terminal and plain reading elsewhere; what a line
 * means, how values are shown and what Tab offers is decided in lua/scion/repl.lua.
 *
 * While a line is edited Ctrl-C is an ordinary key that abandons the line; while code runs it is the
 * signal of terminal.c, and control comes back here. */
#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct repl {
  lua_State *L;
  int session;         /* stack index of the session object of scion.repl */
  bool tty, more;      /* editing; in the middle of an entry */
  bool abandoned;      /* Ctrl-C while editing */
  EditLine *editor;
  History *history;
  char history_path[4096];
} repl;

/* ---- history -------------------------------------------------------------------------------------------- */

static void make_directories(char *path) { /* of a file; failures show when the file is opened */
  for (char *p = path + 1; *p != '\0'; p++) {
    if (*p != '/') continue;
    *p = '\0';
    mkdir(path, 0700);
    *p = '/';
  }
}

static void open_history(repl *r) {
  HistEvent event;
  const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  int n = 0;
  r->history = history_init();
  if (r->history == NULL) return;
  history(r->history, &event, H_SETSIZE, 2000);
  history(r->history, &event, H_SETUNIQUE, 1);
  if (state != NULL && state[0] == '/') n = snprintf(r->history_path, sizeof r->history_path, "%s/scion/history", state);
  else if (home != NULL && home[0] == '/') n = snprintf(r->history_path, sizeof r->history_path, "%s/.local/state/scion/history", home);
  if (n <= 0 || (size_t)n >= sizeof r->history_path) r->history_path[0] = '\0';
  if (r->history_path[0] == '\0') return;
  make_directories(r->history_path);
  history(r->history, &event, H_LOAD, r->history_path);
}

static void add_history(repl *r, const char *line) {
  HistEvent event;
  if (r->history == NULL || line[strspn(line, " \t\r\n")] == '\0') return;
  history(r->history, &event, H_ENTER, line);
  if (r->history_path[0] != '\0') history(r->history, &event, H_SAVE, r->history_path);
}

/* ---- editing --------------------------------------------------------------------------------------------- */

static char *prompt(EditLine *editor) {
  static char plain[] = "> ", more[] = ">> ";
  repl *r;
  el_get(editor, EL_CLIENTDATA, &r);
  return r->more ? more : plain;
}

static unsigned char abandon(EditLine *editor, int ch) {
  repl *r;
  (void)ch;
  el_get(editor, EL_CLIENTDATA, &r);
  r->abandoned = true;
  fputs("^C\r\n", stdout); /* the editor moves on only for lines that it ends itself */
  fflush(stdout);
  return CC_NEWLINE;
}

static unsigned char suspend(EditLine *editor, int ch) {
  (void)ch;
  el_set(editor, EL_PREP_TERM, 0);
  kill(getpid(), SIGTSTP);
  el_set(editor, EL_PREP_TERM, 1);
  return CC_REDISPLAY;
}

static void show_columns(lua_State *L, int list, int n, int columns) {
  int width = 0;
  for (int i = 1; i <= n; i++) {
    lua_rawgeti(L, list, i);
    int w = (int)lua_rawlen(L, -1);
    if (w > width) width = w;
    lua_pop(L, 1);
  }
  int per_line = columns / (width + 2) > 0 ? columns / (width + 2) : 1, lines = (n + per_line - 1) / per_line;
  putchar('\n');
  for (int row = 0; row < lines; row++) {
    for (int i = row; i < n; i += lines) {
      lua_rawgeti(L, list, i + 1);
      printf(i + lines < n ? "%-*s" : "%.*s", i + lines < n ? width + 2 : 1000, lua_tostring(L, -1));
      lua_pop(L, 1);
    }
    putchar('\n');
  }
}

/* Tab: session:complete(text before the cursor) -> text to insert, list of candidates when there are many. */
static unsigned char complete(EditLine *editor, int ch) {
  repl *r;
  (void)ch;
  el_get(editor, EL_CLIENTDATA, &r);
  lua_State *L = r->L;
  const LineInfo *line = el_line(editor);
  int top = lua_gettop(L);
  unsigned char result = CC_REFRESH_BEEP;
  lua_getfield(L, r->session, "complete");
  lua_pushvalue(L, r->session);
  lua_pushlstring(L, line->buffer, (size_t)(line->cursor - line->buffer));
  if (lua_pcall(L, 2, 2, 0) == LUA_OK) {
    const char *insert = lua_tostring(L, top + 1);
    int n = lua_istable(L, top + 2) ? (int)lua_rawlen(L, top + 2) : 0;
    if (insert != NULL && insert[0] != '\0') {
      result = el_insertstr(editor, insert) == 0 ? CC_REFRESH : CC_ERROR;
    } else if (n > 1) {
      show_columns(L, top + 2, n, cli_columns(STDOUT_FILENO));
      fflush(stdout);
      result = CC_REDISPLAY;
    }
  }
  lua_settop(L, top);
  return result;
}

static void open_editor(repl *r) {
  if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
  r->editor = el_init("scion", stdin, stdout, stderr);
  if (r->editor == NULL) {
    r->tty = false;
    return;
  }
  el_set(r->editor, EL_CLIENTDATA, r);
  el_set(r->editor, EL_PROMPT, prompt);
  el_set(r->editor, EL_EDITOR, "emacs");
  el_set(r->editor, EL_SIGNAL, 0);
  open_history(r);
  if (r->history != NULL) el_set(r->editor, EL_HIST, history, r->history);
  el_set(r->editor, EL_ADDFN, "scion-complete", "complete the name before the cursor", complete);
  el_set(r->editor, EL_ADDFN, "scion-abandon", "drop the line", abandon);
  el_set(r->editor, EL_ADDFN, "scion-suspend", "stop the program until fg", suspend);
  el_set(r->editor, EL_BIND, "\t", "scion-complete", NULL);
  el_set(r->editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
  el_set(r->editor, EL_BIND, "^W", "ed-delete-prev-word", NULL);
  el_set(r->editor, EL_BIND, "\033[A", "ed-search-prev-history", NULL); /* arrows search by what is typed */
  el_set(r->editor, EL_BIND, "\033[B", "ed-search-next-history", NULL);
  el_set(r->editor, EL_BIND, "\033[3~", "ed-delete-next-char", NULL);
  el_set(r->editor, EL_BIND, "\033[1;5D", "ed-prev-word", NULL);
  el_set(r->editor, EL_BIND, "\033[1;5C", "em-next-word", NULL);
  el_source(r->editor, NULL); /* the user's ~/.editrc */
  el_set(r->editor, EL_SETTY, "-d", "-isig", NULL); /* while editing, Ctrl-C and Ctrl-Z are keys */
  el_set(r->editor, EL_BIND, "^C", "scion-abandon", NULL);
  el_set(r->editor, EL_BIND, "^Z", "scion-suspend", NULL);
}

/* A line without its newline, pushed on the stack; false at the end of input. */
static bool read_line(repl *r) {
  r->abandoned = false;
  if (r->tty) {
    int n = 0;
    el_set(r->editor, EL_PREP_TERM, 1); /* before the prompt appears: whoever types on seeing it types into the editor */
    const char *line = el_gets(r->editor, &n);
    if (line == NULL || n <= 0) return false;
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) n--;
    lua_pushlstring(r->L, line, (size_t)n);
    if (!r->abandoned) add_history(r, lua_tostring(r->L, -1));
    return true;
  }
  char *line = NULL;
  size_t room = 0;
  ssize_t n = getline(&line, &room, stdin);
  if (n < 0) {
    free(line);
    return false;
  }
  while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) n--;
  lua_pushlstring(r->L, line, (size_t)n); /* out of memory here ends the program: the line is lost with it */
  free(line);
  return true;
}

/* ---- what scion.repl asks of us ---------------------------------------------------------------------------- */

/* list_dir(path) -> names, directories with a slash behind; empty when it cannot be read */
static int list_dir(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  lua_newtable(L);
  DIR *dir = opendir(path[0] != '\0' ? path : ".");
  if (dir == NULL) return 1;
  struct dirent *entry;
  for (lua_Integer n = 0; (entry = readdir(dir)) != NULL;) {
    char full[4096];
    struct stat info;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    int length = snprintf(full, sizeof full, "%s%s%s", path, path[0] != '\0' ? "/" : "", entry->d_name);
    bool folder = length > 0 && (size_t)length < sizeof full && stat(full, &info) == 0 && S_ISDIR(info.st_mode);
    lua_pushfstring(L, "%s%s", entry->d_name, folder ? "/" : "");
    lua_rawseti(L, -2, ++n);
  }
  closedir(dir);
  return 1;
}

/* ---- the loop ------------------------------------------------------------------------------------------------ */

/* The traceback on top without the frames below what was typed: those of the prompt itself. */
static void trim_traceback(lua_State *L) {
  const char *text = lua_tostring(L, -1), *trace = text != NULL ? strstr(text, "\nstack traceback:") : NULL;
  const char *ours = trace != NULL ? strstr(trace, "scion/repl.lua:") : NULL;
  if (ours == NULL) return;
  while (*ours != '\n') ours--;
  lua_pushlstring(L, text, (size_t)(ours - text));
  lua_replace(L, -2);
}

/* One entry or a part of it; 0 or the exit code of an error. */
static int feed(repl *r) { /* the line is on top */
  lua_State *L = r->L;
  int line = lua_gettop(L);
  lua_getfield(L, r->session, r->abandoned ? "reset" : "feed");
  lua_pushvalue(L, r->session);
  lua_pushvalue(L, line);
  int status = cli_call(L, 2, 1);
  int code = 0;
  if (status == LUA_OK) {
    r->more = lua_toboolean(L, -1);
  } else {
    r->more = false;
    code = 1;
    if (cli_interrupted()) {
      cli_clear_line();
      fputs("interrupted\n", stderr);
    } else {
      trim_traceback(L);
      cli_report(L);
    }
    lua_settop(L, line);
    lua_getfield(L, r->session, "reset");
    lua_pushvalue(L, r->session);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) lua_pop(L, 1);
  }
  lua_settop(L, line - 1);
  cli_clear_line();
  cli_clear_interrupt(L);
  return code;
}

static void close_editor(repl *r) {
  if (r->history != NULL) history_end(r->history);
  if (r->editor != NULL) el_end(r->editor);
}

int cli_repl(lua_State *L, int module, bool banner) {
  repl r = { .L = L, .tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) };
  int top = lua_gettop(L), code = 0;
  luaL_checkstack(L, 40, NULL);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "scion.repl");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "new");
  lua_createtable(L, 0, 4);
  lua_pushcfunction(L, list_dir);
  lua_setfield(L, -2, "list_dir");
  lua_pushboolean(L, r.tty);
  lua_setfield(L, -2, "interactive");
  lua_pushboolean(L, cli_color(STDOUT_FILENO));
  lua_setfield(L, -2, "color");
  lua_call(L, 1, 1);
  r.session = lua_gettop(L);
  if (r.tty) open_editor(&r);
  if (r.tty && banner) {
    printf("scion %s (%s, %d threads). Type help for help, Ctrl-D to leave.\n", scion_version(), scion_isa(),
           (int)scion_get_threads(scion_lua_context(L)));
  }
  for (;;) {
    fflush(stdout);
    if (!read_line(&r)) {
      if (cli_interrupted()) { /* a signal while reading: drop what was typed, back to the prompt */
        cli_clear_interrupt(L);
        clearerr(stdin);
        if (r.tty) fputs("^C\n", stdout);
        r.abandoned = true;
        lua_pushliteral(L, "");
        feed(&r);
        continue;
      }
      break;
    }
    code = feed(&r);
    if (code != 0 && !r.tty) break;
  }
  if (r.more && !r.tty) { /* input ended inside an entry */
    lua_pushnil(L);
    code = feed(&r);
  }
  if (r.tty) putchar('\n');
  close_editor(&r);
  (void)module;
  lua_settop(L, top);
  return r.tty ? 0 : code;
}
