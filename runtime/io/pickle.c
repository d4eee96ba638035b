/* pickle.c: the pickle machine, protocols 0 to 5 as far as data need them. Memory is bounded by the length of the pickle. */
#include <stdio.h>
#include <stdlib.h>

#include "pickle.h"

/* ---- memory ------------------------------------------------------------------------------------------------ */

typedef struct pickle_block { struct pickle_block *next; size_t bytes; } pickle_block;
#define BLOCK ((size_t)1 << 15)

static void *take(scion_pickle *p, size_t bytes) {
  bytes = (bytes + 15) & ~(size_t)15;
  if (p->blocks == NULL || p->room - p->used < bytes) {
    size_t whole = sizeof(pickle_block) + 16 + (bytes > BLOCK ? bytes : BLOCK);
    pickle_block *b = scion__alloc(p->ctx, whole);
    if (b == NULL) return NULL;
    *b = (pickle_block){ p->blocks, whole };
    p->blocks = b;
    p->used = (sizeof *b + 15) & ~(size_t)15;
    p->room = whole;
  }
  void *at = (char *)p->blocks + p->used;
  p->used += bytes;
  return at;
}
void scion__pickle_free(scion_pickle *p) {
  while (p->blocks != NULL) {
    pickle_block *b = p->blocks;
    p->blocks = b->next;
    scion__free(p->ctx, b, b->bytes);
  }
  p->used = p->room = 0;
}

/* ---- the machine ------------------------------------------------------------------------------------------------ */

typedef struct { scion_pk **v; size_t n, cap; } array;
typedef struct {
  scion_pickle *p;
  const unsigned char *data;
  size_t size, at;
  array stack, memo, marks; /* marks: positions in the stack, kept as integers in pointers */
  scion_status status;
} machine;

static bool fail(machine *m, const char *what) {
  if (m->status == SCION_OK) m->status = scion_fail(m->p->ctx, SCION_EFORMAT, "%s: damaged pickle: %s at byte %zu", m->p->path, what, m->at);
  return false;
}
static bool no_memory(machine *m) {
  m->status = SCION_ENOMEM;
  return false;
}
static bool room_for(machine *m, array *a, size_t n) {
  if (n <= a->cap) return true;
  size_t cap = a->cap == 0 ? 256 : a->cap;
  while (cap < n) cap *= 2;
  scion_pk **v = scion__calloc(m->p->ctx, cap * sizeof *v);
  if (v == NULL) return no_memory(m);
  if (a->n > 0) memcpy(v, a->v, a->n * sizeof *v);
  scion__free(m->p->ctx, a->v, a->cap * sizeof *v);
  a->v = v;
  a->cap = cap;
  return true;
}
static scion_pk *new_value(machine *m, scion_pk_type type) {
  scion_pk *v = take(m->p, sizeof *v);
  if (v == NULL) {
    no_memory(m);
    return NULL;
  }
  *v = (scion_pk){ .type = type };
  return v;
}
static bool push(machine *m, scion_pk *v) {
  if (v == NULL || !room_for(m, &m->stack, m->stack.n + 1)) return false;
  m->stack.v[m->stack.n++] = v;
  return true;
}
static size_t floor_of(const machine *m) { return m->marks.n > 0 ? (size_t)(uintptr_t)m->marks.v[m->marks.n - 1] : 0; }
static scion_pk *pop(machine *m) {
  if (m->stack.n <= floor_of(m)) {
    fail(m, "the stack is empty");
    return NULL;
  }
  return m->stack.v[--m->stack.n];
}
static scion_pk *top(machine *m) {
  if (m->stack.n <= floor_of(m)) {
    fail(m, "the stack is empty");
    return NULL;
  }
  return m->stack.v[m->stack.n - 1];
}
/* The values above the last mark, which goes: *n of them, still in the stack's memory. */
static scion_pk **pop_mark(machine *m, size_t *n) {
  if (m->marks.n == 0) {
    fail(m, "a mark is missing");
    return NULL;
  }
  size_t start = floor_of(m);
  m->marks.n--;
  *n = m->stack.n - start;
  m->stack.n = start;
  return m->stack.v + start;
}
static bool append(machine *m, scion_pk *to, scion_pk *const *v, size_t n) {
  if ((size_t)to->n_items + n > INT32_MAX / 2) return fail(m, "a list is too long");
  if ((size_t)to->n_items + n > (size_t)to->cap) {
    size_t cap = (size_t)to->n_items + n > (size_t)to->cap * 2 ? (size_t)to->n_items + n : (size_t)to->cap * 2;
    scion_pk **items = take(m->p, cap * sizeof *items);
    if (items == NULL) return no_memory(m);
    if (to->n_items > 0) memcpy(items, to->items, (size_t)to->n_items * sizeof *items);
    to->items = items;
    to->cap = (int32_t)cap;
  }
  if (n > 0) memcpy(to->items + to->n_items, v, n * sizeof *v);
  to->n_items += (int32_t)n;
  return true;
}
static scion_pk *collect(machine *m, scion_pk_type type, scion_pk *const *v, size_t n) {
  scion_pk *out = new_value(m, type);
  return out != NULL && append(m, out, v, n) ? out : NULL;
}

static const unsigned char *bytes_of(machine *m, uint64_t n) {
  if (n > m->size - m->at) {
    fail(m, "it is cut off");
    return NULL;
  }
  m->at += (size_t)n;
  return m->data + m->at - n;
}
static bool number_of(machine *m, int bytes, uint64_t *v) {
  const unsigned char *p = bytes_of(m, (uint64_t)bytes);
  *v = 0;
  if (p == NULL) return false;
  for (int i = bytes - 1; i >= 0; i--) *v = *v << 8 | p[i];
  return true;
}
static scion_pk *new_text(machine *m, const unsigned char *s, size_t n) {
  scion_pk *v = new_value(m, SCION_PK_TEXT);
  char *t = v != NULL ? take(m->p, n + 1) : NULL;
  if (t == NULL) {
    no_memory(m);
    return NULL;
  }
  if (n > 0) memcpy(t, s, n);
  t[n] = '\0';
  v->text = t;
  v->n = n;
  return v;
}
/* Bytes up to a newline, which goes too. */
static const unsigned char *line_of(machine *m, size_t *n) {
  const unsigned char *from = m->data + m->at, *end = m->at < m->size ? memchr(from, '\n', m->size - m->at) : NULL;
  if (end == NULL) {
    fail(m, "a line is cut off");
    return NULL;
  }
  *n = (size_t)(end - from);
  m->at += *n + 1;
  return from;
}
static bool push_text(machine *m, int length_bytes) {
  uint64_t n;
  if (!number_of(m, length_bytes, &n)) return false;
  const unsigned char *s = bytes_of(m, n);
  return s != NULL && push(m, new_text(m, s, (size_t)n));
}
static bool push_int(machine *m, int64_t i) {
  scion_pk *v = new_value(m, SCION_PK_INT);
  if (v == NULL) return false;
  v->i = i;
  return push(m, v);
}
static bool push_bool(machine *m, bool on) {
  scion_pk *v = new_value(m, SCION_PK_BOOL);
  if (v == NULL) return false;
  v->i = on;
  return push(m, v);
}
static bool push_global(machine *m, const unsigned char *module, size_t n, const unsigned char *name, size_t k) {
  scion_pk *v = new_value(m, SCION_PK_GLOBAL);
  char *t = v != NULL ? take(m->p, n + k + 2) : NULL;
  if (t == NULL) return no_memory(m);
  memcpy(t, module, n);
  t[n] = ' ';
  memcpy(t + n + 1, name, k);
  t[n + 1 + k] = '\0';
  v->text = t;
  v->n = n + k + 1;
  return push(m, v);
}
/* LONG1, LONG4: two's complement, little-endian; what does not fit 64 bits saturates (the magic number of torch files). */
static bool push_long(machine *m, uint64_t n) {
  const unsigned char *p = bytes_of(m, n);
  if (p == NULL) return false;
  bool negative = n > 0 && (p[n - 1] & 0x80);
  uint64_t v = negative ? UINT64_MAX : 0;
  for (uint64_t i = n < 8 ? n : 8; i-- > 0;) v = v << 8 | p[i];
  bool fits = true;
  for (uint64_t i = 8; i < n; i++) fits = fits && p[i] == (negative ? 0xff : 0);
  if (fits && n > 8) fits = (v >> 63 != 0) == negative;
  return push_int(m, fits ? (int64_t)v : negative ? INT64_MIN : INT64_MAX);
}

static bool memoize(machine *m, uint64_t k) {
  scion_pk *v = top(m);
  if (v == NULL) return false;
  if (k > m->at) return fail(m, "a memo number is larger than what was read"); /* every put takes bytes, so honest numbers stay below */
  if (!room_for(m, &m->memo, (size_t)k + 1)) return false;
  if (k >= m->memo.n) m->memo.n = (size_t)k + 1;
  m->memo.v[k] = v;
  return true;
}
static bool recall(machine *m, uint64_t k) {
  if (k >= m->memo.n || m->memo.v[k] == NULL) return fail(m, "it recalls what was never stored");
  return push(m, m->memo.v[k]);
}

/* A call becomes an object; an OrderedDict is a dictionary, with what the call was given. */
static bool reduce(machine *m) {
  scion_pk *args = pop(m), *callable = args != NULL ? pop(m) : NULL;
  if (callable == NULL) return false;
  if (args->type != SCION_PK_TUPLE) return fail(m, "a call without arguments");
  if (scion__pk_is(callable, "collections OrderedDict")) {
    scion_pk *dict = new_value(m, SCION_PK_DICT);
    if (dict == NULL) return false;
    const scion_pk *pairs = scion__pk_item(args, 0);
    for (int32_t i = 0; pairs != NULL && i < pairs->n_items; i++) {
      const scion_pk *pair = pairs->items[i];
      if (pair->n_items != 2) return fail(m, "an OrderedDict of something else than pairs");
      if (!append(m, dict, pair->items, 2)) return false;
    }
    return push(m, dict);
  }
  scion_pk *parts[3] = { callable, args, new_value(m, SCION_PK_NONE) };
  return parts[2] != NULL && push(m, collect(m, SCION_PK_OBJECT, parts, 3));
}
static bool build(machine *m) {
  scion_pk *state = pop(m), *object = state != NULL ? top(m) : NULL;
  if (object == NULL) return false;
  if (object->type == SCION_PK_OBJECT) object->items[2] = state;
  return true; /* attributes of dictionaries (torch's _metadata) are dropped */
}

static bool step(machine *m, bool *done) {
  const unsigned char *op = bytes_of(m, 1), *s, *t;
  uint64_t v;
  size_t n, k;
  scion_pk *a, *b, *c, **list;
  if (op == NULL) return false;
  switch (*op) {
    case 0x80: return bytes_of(m, 1) != NULL || fail(m, "it is cut off");  /* PROTO */
    case 0x95: return bytes_of(m, 8) != NULL;                              /* FRAME */
    case '.': *done = true; return true;                                   /* STOP */
    case '(':                                                              /* MARK */
      if (!room_for(m, &m->marks, m->marks.n + 1)) return false;
      m->marks.v[m->marks.n++] = (scion_pk *)(uintptr_t)m->stack.n;
      return true;
    case '0': return pop(m) != NULL;                                       /* POP */
    case '1': return pop_mark(m, &n) != NULL;                              /* POP_MARK */
    case 'N': return push(m, new_value(m, SCION_PK_NONE));
    case 0x88: case 0x89: return push_bool(m, *op == 0x88);                /* NEWTRUE, NEWFALSE */
    case 'J': return number_of(m, 4, &v) && push_int(m, (int32_t)(uint32_t)v); /* BININT */
    case 'K': return number_of(m, 1, &v) && push_int(m, (int64_t)v);
    case 'M': return number_of(m, 2, &v) && push_int(m, (int64_t)v);
    case 0x8a: return number_of(m, 1, &v) && push_long(m, v);              /* LONG1 */
    case 0x8b: return number_of(m, 4, &v) && push_long(m, v);              /* LONG4 */
    case 'I': case 'L': {                                                  /* INT, LONG: decimal */
      if ((s = line_of(m, &n)) == NULL) return false;
      char text[32] = "";
      if (n > sizeof text - 1) return fail(m, "a number is too long");
      memcpy(text, s, n);
      if (*op == 'I' && n == 2 && text[0] == '0' && (text[1] == '0' || text[1] == '1')) return push_bool(m, text[1] == '1');
      return push_int(m, strtoll(text, NULL, 10));
    }
    case 'G': {                                                            /* BINFLOAT: big-endian */
      if ((s = bytes_of(m, 8)) == NULL || (a = new_value(m, SCION_PK_FLOAT)) == NULL) return false;
      uint64_t u = (uint64_t)scion__be32(s) << 32 | scion__be32(s + 4);
      memcpy(&a->f, &u, 8);
      return push(m, a);
    }
    case 'X': case 'T': case 'B': return push_text(m, 4);                  /* BINUNICODE, BINSTRING, BINBYTES */
    case 0x8c: case 'U': case 'C': return push_text(m, 1);                 /* SHORT_... */
    case 0x8d: case 0x8e: case 0x96: return push_text(m, 8);               /* BINUNICODE8, BINBYTES8, BYTEARRAY8 */
    case 'V':                                                              /* UNICODE */
      return (s = line_of(m, &n)) != NULL && push(m, new_text(m, s, n));
    case 'S':                                                              /* STRING: quoted */
      if ((s = line_of(m, &n)) == NULL) return false;
      if (n < 2 || s[0] != s[n - 1] || (s[0] != '\'' && s[0] != '"')) return fail(m, "a text without quotes");
      return push(m, new_text(m, s + 1, n - 2));
    case ')': return push(m, new_value(m, SCION_PK_TUPLE));
    case ']': return push(m, new_value(m, SCION_PK_LIST));
    case '}': return push(m, new_value(m, SCION_PK_DICT));
    case 0x8f: return push(m, new_value(m, SCION_PK_LIST));                /* EMPTY_SET */
    case 't': case 'l': case 'd': case 0x91:                               /* TUPLE, LIST, DICT, FROZENSET from a mark */
      if ((list = pop_mark(m, &n)) == NULL) return false;
      if (*op == 'd' && n % 2 != 0) return fail(m, "a key without a value");
      return push(m, collect(m, *op == 't' ? SCION_PK_TUPLE : *op == 'd' ? SCION_PK_DICT : SCION_PK_LIST, list, n));
    case 0x85: case 0x86: case 0x87: {                                     /* TUPLE1 .. TUPLE3 */
      scion_pk *few[3];
      int count = *op - 0x84;
      for (int i = count - 1; i >= 0; i--) if ((few[i] = pop(m)) == NULL) return false;
      return push(m, collect(m, SCION_PK_TUPLE, few, (size_t)count));
    }
    case 'a':                                                              /* APPEND */
      return (a = pop(m)) != NULL && (b = top(m)) != NULL && (b->type == SCION_PK_LIST ? append(m, b, &a, 1) : b->type == SCION_PK_OBJECT || fail(m, "no list to append to"));
    case 'e': case 0x90:                                                   /* APPENDS, ADDITEMS */
      if ((list = pop_mark(m, &n)) == NULL || (b = top(m)) == NULL) return false;
      return b->type == SCION_PK_LIST ? append(m, b, list, n) : b->type == SCION_PK_OBJECT || fail(m, "no list to append to");
    case 's': {                                                            /* SETITEM */
      if ((b = pop(m)) == NULL || (a = pop(m)) == NULL || (c = top(m)) == NULL) return false;
      scion_pk *pair[2] = { a, b };
      return c->type == SCION_PK_DICT ? append(m, c, pair, 2) : c->type == SCION_PK_OBJECT || fail(m, "no dictionary to set in");
    }
    case 'u':                                                              /* SETITEMS */
      if ((list = pop_mark(m, &n)) == NULL || (c = top(m)) == NULL) return false;
      if (n % 2 != 0) return fail(m, "a key without a value");
      return c->type == SCION_PK_DICT ? append(m, c, list, n) : c->type == SCION_PK_OBJECT || fail(m, "no dictionary to set in");
    case 'q': return number_of(m, 1, &v) && memoize(m, v);                 /* BINPUT */
    case 'r': return number_of(m, 4, &v) && memoize(m, v);                 /* LONG_BINPUT */
    case 0x94: return memoize(m, m->memo.n);                               /* MEMOIZE */
    case 'h': return number_of(m, 1, &v) && recall(m, v);                  /* BINGET */
    case 'j': return number_of(m, 4, &v) && recall(m, v);                  /* LONG_BINGET */
    case 'p': case 'g': {                                                  /* PUT, GET: decimal */
      if ((s = line_of(m, &n)) == NULL) return false;
      v = 0;
      for (k = 0; k < n; k++) {
        if (s[k] < '0' || s[k] > '9' || v > UINT32_MAX) return fail(m, "a memo number is wrong");
        v = v * 10 + (uint64_t)(s[k] - '0');
      }
      return *op == 'p' ? memoize(m, v) : recall(m, v);
    }
    case 'c':                                                              /* GLOBAL */
      return (s = line_of(m, &n)) != NULL && (t = line_of(m, &k)) != NULL && push_global(m, s, n, t, k);
    case 0x93:                                                             /* STACK_GLOBAL */
      if ((b = pop(m)) == NULL || (a = pop(m)) == NULL) return false;
      if (a->type != SCION_PK_TEXT || b->type != SCION_PK_TEXT) return fail(m, "a name that is no text");
      return push_global(m, (const unsigned char *)a->text, a->n, (const unsigned char *)b->text, b->n);
    case 'R': case 0x81: return reduce(m);                                 /* REDUCE, NEWOBJ */
    case 'b': return build(m);
    case 'Q':                                                              /* BINPERSID */
      return (a = pop(m)) != NULL && push(m, collect(m, SCION_PK_PERSID, &a, 1));
    default: {
      char what[64];
      snprintf(what, sizeof what, "the opcode 0x%02x is not known", *op);
      return fail(m, what);
    }
  }
}

scion_status scion__pickle_read(scion_pickle *p, const unsigned char *data, size_t size, size_t *taken, scion_pk **out) {
  machine m = { .p = p, .data = data, .size = size };
  bool done = false;
  *out = NULL;
  while (m.status == SCION_OK && !done) {
    if (!step(&m, &done) && m.status == SCION_OK) fail(&m, "it makes no sense");
  }
  if (m.status == SCION_OK && (m.stack.n != 1 || m.marks.n != 0)) fail(&m, "something is left on the stack");
  if (m.status == SCION_OK) *out = m.stack.v[0];
  *taken = m.at;
  array *const all[] = { &m.stack, &m.memo, &m.marks };
  for (int i = 0; i < 3; i++) scion__free(p->ctx, all[i]->v, all[i]->cap * sizeof(scion_pk *));
  return m.status;
}

const scion_pk *scion__pk_get(const scion_pk *dict, const char *key) {
  for (int32_t i = 0; dict != NULL && dict->type == SCION_PK_DICT && i + 1 < dict->n_items; i += 2)
    if (dict->items[i]->type == SCION_PK_TEXT && strcmp(dict->items[i]->text, key) == 0) return dict->items[i + 1];
  return NULL;
}
