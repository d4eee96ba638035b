/* main.c: the `scion` program: options, scripts, the test runner, tracebacks and exit codes.
 *
 * Exit codes: 0 success, 1 a script failed, 2 wrong usage, 130 interrupted. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
  "Usage: scion [options] [script.lua [arguments]]\n"
  "\n"
  "  scion                     a prompt: help, completion, history\n"
  "  scion script.lua a b      run a script; its arguments are in `arg` and `...`\n"
  "  scion test [arguments]    run busted on the specs (or the given files) in this program\n"
  "\n"
  "  -e CODE       run CODE; may be repeated\n"
  "  -l MODULE     require MODULE into a global of its name\n"
  "  -i            a prompt after the script\n"
  "  -             read the script from standard input\n"
  "  --            end of options\n"
  "  --version     version, instruction set, BLAS, threads\n"
  "  --help        this text\n"
  "\n"
  "Environment: SCION_THREADS (number of threads), SCION_ISA (scalar, avx2, avx512),\n"
  "SCION_LUA (directory with scion's Lua files, while working on them), SCION_DATA (data of the\n"
  "examples), NO_COLOR.\n";

/* ---- calling and reporting ---------------------------------------------------------------------------- */

static int message(lua_State *L) {
  const char *text = lua_tostring(L, 1);
  if (text == NULL) {
    if (luaL_callmeta(L, 1, "__tostring") && lua_type(L, -1) == LUA_TSTRING) return 1;
    text = lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
  }
  luaL_traceback(L, L, text, 1);
  return 1;
}

int cli_call(lua_State *L, int n_args, int n_results) {
  int base = lua_gettop(L) - n_args;
  lua_pushcfunction(L, message);
  lua_insert(L, base);
  int status = lua_pcall(L, n_args, n_results, base);
  lua_remove(L, base);
  return status;
}

void cli_report(lua_State *L) {
  const char *text = lua_tostring(L, -1), *trace;
  fflush(stdout);
  cli_clear_line();
  if (text == NULL) text = "(error object is not a string)";
  trace = strstr(text, "\nstack traceback:");
  size_t n = trace != NULL ? (size_t)(trace - text) : strlen(text);
  if (cli_color(STDERR_FILENO)) {
    fprintf(stderr, "\033[31m%.*s\033[0m\033[2m%s\033[0m\n", (int)n, text, text + n);
  } else {
    fprintf(stderr, "%s\n", text);
  }
  lua_pop(L, 1);
}

/* Reports a failed call; the exit code of the program. */
static int outcome(lua_State *L, int status) {
  if (status == LUA_OK) return 0;
  if (cli_interrupted()) {
    lua_pop(L, 1);
    cli_clear_line();
    fputs("scion: interrupted\n", stderr);
    return 130;
  }
  fputs("scion: ", stderr);
  cli_report(L);
  return 1;
}

static int run(lua_State *L, int load_status, int n_args) {
  return outcome(L, load_status == LUA_OK ? cli_call(L, n_args, 0) : load_status);
}

/* ---- running ------------------------------------------------------------------------------------------- */

/* The global `arg`: the script at 0, its arguments from 1, what stood before it at negative positions. */
static void set_arg(lua_State *L, char **argv, int argc, int script) {
  lua_createtable(L, argc - script > 0 ? argc - script : 0, script + 1);
  for (int i = 0; i < argc; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i - script);
  }
  lua_setglobal(L, "arg");
}

static int push_args(lua_State *L, char **argv, int argc, int first) {
  luaL_checkstack(L, argc, "too many arguments");
  for (int i = first; i < argc; i++) lua_pushstring(L, argv[i]);
  return argc > first ? argc - first : 0;
}

static int run_tests(lua_State *L, char **argv, int argc, int module) {
  static const char code[] =
    "local scion = ...\n"
    "local ok, run = pcall(require, 'scion.testing')\n"
    "if not ok then error(run, 0) end\n"
    "return run.main(select(2, ...))\n";
  set_arg(L, argv, argc, 1);
  int status = luaL_loadbuffer(L, code, sizeof code - 1, "=scion test");
  if (status == LUA_OK) {
    lua_pushvalue(L, module);
    int n = push_args(L, argv, argc, 2);
    status = cli_call(L, n + 1, 1);
  }
  if (status != LUA_OK) return outcome(L, status);
  int code_out = lua_isinteger(L, -1) ? (int)lua_tointeger(L, -1) : 0;
  lua_pop(L, 1);
  return code_out;
}

static void print_version(lua_State *L) {
  scion_context *ctx = scion_lua_context(L);
  printf("scion %s (%s, %s, %d thread%s, %s)\n", scion_version(), scion_isa(), scion_blas(), (int)scion_get_threads(ctx),
         scion_get_threads(ctx) == 1 ? "" : "s", LUA_RELEASE);
}

static int bad_usage(const char *text, const char *detail) {
  fprintf(stderr, "scion: %s%s\nTry scion --help.\n", text, detail);
  return 2;
}

typedef struct plan {
  int script;        /* index of the script, 0: none, argc: none and no more options */
  bool prompt, version, help, code, test, from_stdin;
} plan;

static int read_options(plan *p, char **argv, int argc) {
  int i = 1;
  for (; i < argc && argv[i][0] == '-'; i++) {
    const char *a = argv[i];
    if (strcmp(a, "-") == 0) {
      p->from_stdin = true;
      break;
    }
    if (strcmp(a, "--") == 0) {
      i++;
      break;
    }
    if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) p->help = true;
    else if (strcmp(a, "--version") == 0 || strcmp(a, "-v") == 0) p->version = true;
    else if (strcmp(a, "-i") == 0) p->prompt = true;
    else if (a[1] == 'e' || a[1] == 'l') {
      if (a[1] == 'e') p->code = true;
      if (a[2] == '\0' && ++i >= argc) return bad_usage(a, " needs an argument");
    } else {
      return bad_usage("unknown option ", a);
    }
  }
  p->script = i;
  p->test = i < argc && !p->from_stdin && strcmp(argv[i], "test") == 0 && access("test", R_OK) != 0;
  return 0;
}

static int run_options(lua_State *L, char **argv, int n) {
  for (int i = 1; i < n; i++) {
    char kind = argv[i][1];
    if (argv[i][0] != '-' || (kind != 'e' && kind != 'l')) continue;
    const char *text = argv[i][2] != '\0' ? argv[i] + 2 : argv[++i];
    int code;
    if (kind == 'e') {
      code = run(L, luaL_loadbuffer(L, text, strlen(text), "=(command line)"), 0);
    } else {
      lua_getglobal(L, "require");
      lua_pushstring(L, text);
      int status = cli_call(L, 1, 1);
      code = outcome(L, status);
      if (status == LUA_OK) lua_setglobal(L, text);
    }
    if (code != 0) return code;
  }
  return 0;
}

typedef struct command { int argc; char **argv; int code; } command;

static int protected_main(lua_State *L) {
  command *c = lua_touserdata(L, 1);
  char **argv = c->argv;
  int argc = c->argc;
  plan p = { 0 };
  c->code = read_options(&p, argv, argc);
  if (c->code != 0) return 0;
  if (p.help) {
    fputs(usage, stdout);
    return 0;
  }
  luaL_openlibs(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, luaopen_scion); /* `require "scion"` in a script finds this one, not an installed one */
  lua_setfield(L, -2, "scion");
  lua_pop(L, 1);
  luaL_requiref(L, "scion", luaopen_scion, 1);
  int module = lua_gettop(L);
  cli_terminal_open(L, module);
  cli_catch_interrupts();
  if (p.version) {
    print_version(L);
    return 0;
  }
  if (p.test) {
    c->code = run_tests(L, argv, argc, module);
    return 0;
  }
  bool has_script = p.script < argc;
  set_arg(L, argv, argc, has_script ? p.script : 0);
  c->code = run_options(L, argv, p.script);
  if (c->code == 0 && has_script) {
    int status = luaL_loadfile(L, p.from_stdin ? NULL : argv[p.script]);
    c->code = run(L, status, status == LUA_OK ? push_args(L, argv, argc, p.script + 1) : 0);
  }
  if (p.prompt || (!has_script && !p.code)) c->code = cli_repl(L, module, true);
  return 0;
}

int main(int argc, char **argv) {
  lua_State *L = luaL_newstate();
  if (L == NULL) {
    fputs("scion: out of memory\n", stderr);
    return 1;
  }
  command c = { argc, argv, 0 };
  lua_pushcfunction(L, protected_main);
  lua_pushlightuserdata(L, &c);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    fputs("scion: ", stderr);
    cli_report(L);
    c.code = 1;
  }
  if (c.code != 0) { /* other ranks of mpirun may wait for this one for ever: see bind_mpi.c */
    lua_pushboolean(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, "scion.failed");
  }
  lua_close(L);
  if (fflush(stdout) != 0 || ferror(stdout)) {
    fputs("scion: writing to standard output failed\n", stderr);
    if (c.code == 0) c.code = 1;
  }
  return c.code;
}
