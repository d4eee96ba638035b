/* cli.h: shared by the files of the `scion` program, a host like any other: it sees the engine through
 * include/ only, and what it prints goes to the terminal it was started from. */
#ifndef SCION_CLI_H
#define SCION_CLI_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>

#include "scion_lua.h"

/* ---- terminal.c: where text goes, and what Ctrl-C does ------------------------------------------ */

/* Gives the context of L a log sink (stderr) and a cancel callback, and the module table at `module` the
 * functions terminal, color, interrupted and clear_interrupt. Call once, on the main state. */
void cli_terminal_open(lua_State *L, int module);

void cli_catch_interrupts(void); /* from now on Ctrl-C interrupts Lua and kernels */
bool cli_interrupted(void);      /* has it since the last clear? */
void cli_clear_interrupt(lua_State *L);

void cli_clear_line(void);       /* a half-drawn progress line gives way to other text */
bool cli_color(int fd);          /* a terminal, and nobody set NO_COLOR */
int cli_columns(int fd);         /* width of the terminal, 0 when fd is none */

/* ---- main.c -------------------------------------------------------------------------------------- */

/* lua_pcall with a traceback in error messages. Error objects keep their own text. */
int cli_call(lua_State *L, int n_args, int n_results);
void cli_report(lua_State *L); /* pops an error and shows it */

/* ---- repl.c -------------------------------------------------------------------------------------- */

/* Reads, runs and prints until end of input; returns the exit code. `module` is the scion table. */
int cli_repl(lua_State *L, int module, bool banner);

#endif
