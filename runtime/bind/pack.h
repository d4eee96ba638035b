/* pack.h: plain Lua values as bytes that another lua_State can read (pack.c). */
#ifndef SCION_BIND_PACK_H
#define SCION_BIND_PACK_H

#include "bind.h"

typedef struct bind_bytes { char *data; size_t n, cap, at; } bind_bytes;

/* Appends the value at index; `what` names it in errors ("parallel.map: item 3"). Raises; what was written stays the caller's to free. */
void bind_pack(lua_State *L, bind_bytes *b, int index, const char *what);
void bind_unpack(lua_State *L, bind_bytes *b); /* pushes the value */
void bind_bytes_free(bind_bytes *b);

#endif
