/* json.c: the strict JSON reader, the pieces of a writer, and numbers in text without the locale's help. */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json.h"

#define MAX_DEPTH 64
#define FIRST_BLOCK 1024
#define LARGEST_BLOCK (1u << 20)

typedef struct block { struct block *next; size_t bytes, used; } block;
struct scion_json_doc { scion_json root; block *blocks; };

typedef struct reader {
  scion_context *ctx;
  const char *what, *start, *p, *end;
  scion_json_doc *doc;
  int depth;
} reader;

static scion_status bad(reader *r, const char *message) {
  return scion_fail(r->ctx, SCION_EFORMAT, "%s: byte %zu: %s", r->what, (size_t)(r->p - r->start), message);
}

static void *take(reader *r, size_t bytes) {
  bytes = (bytes + 7) & ~(size_t)7;
  block *b = r->doc->blocks;
  if (b == NULL || b->bytes - b->used < bytes) {
    size_t size = b == NULL ? FIRST_BLOCK : b->bytes * 2 > LARGEST_BLOCK ? LARGEST_BLOCK : b->bytes * 2;
    if (size < bytes + sizeof(block)) size = bytes + sizeof(block);
    block *fresh = scion__alloc(r->ctx, size);
    if (fresh == NULL) return NULL;
    *fresh = (block){ b, size, sizeof(block) };
    r->doc->blocks = b = fresh;
  }
  void *p = (char *)b + b->used;
  b->used += bytes;
  return p;
}

static void space(reader *r) {
  while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r')) r->p++;
}

/* ---- strings ---------------------------------------------------------------------------------- */

static int hex4(const char *p) {
  int v = 0;
  for (int i = 0; i < 4; i++) {
    int c = (unsigned char)p[i];
    int d = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
    if (d < 0) return -1;
    v = v * 16 + d;
  }
  return v;
}

static char *put_utf8(char *o, uint32_t c) {
  if (c < 0x80) {
    *o++ = (char)c;
  } else if (c < 0x800) {
    *o++ = (char)(0xc0 | c >> 6);
    *o++ = (char)(0x80 | (c & 63));
  } else if (c < 0x10000) {
    *o++ = (char)(0xe0 | c >> 12);
    *o++ = (char)(0x80 | (c >> 6 & 63));
    *o++ = (char)(0x80 | (c & 63));
  } else {
    *o++ = (char)(0xf0 | c >> 18);
    *o++ = (char)(0x80 | (c >> 12 & 63));
    *o++ = (char)(0x80 | (c >> 6 & 63));
    *o++ = (char)(0x80 | (c & 63));
  }
  return o;
}

/* Length of the valid UTF-8 sequence at p, or 0. */
static size_t utf8_length(const unsigned char *p, const unsigned char *end) {
  if (*p < 0x80) return 1;
  size_t n = *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe0 && *p < 0xf0 ? 3 : *p >= 0xf0 && *p < 0xf5 ? 4 : 0;
  if (n == 0 || (size_t)(end - p) < n) return 0;
  for (size_t i = 1; i < n; i++)
    if ((p[i] & 0xc0) != 0x80) return 0;
  if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f)) return 0;
  return n;
}

/* At the opening quote. *out lives in the document. */
static scion_status read_string(reader *r, const char **out, int32_t *n_out) {
  const char *q = ++r->p;
  while (q < r->end && *q != '"') q += *q == '\\' ? 2 : 1;
  if (q >= r->end) return bad(r, "this string has no end");
  if (q - r->p > INT32_MAX - 1) return bad(r, "this string is too long");
  char *text = take(r, (size_t)(q - r->p) + 1), *o = text; /* escapes only shrink */
  if (text == NULL) return SCION_ENOMEM;
  while (*r->p != '"') {
    unsigned char c = (unsigned char)*r->p;
    if (c < 0x20) return bad(r, "control character in a string");
    if (c != '\\') {
      size_t n = utf8_length((const unsigned char *)r->p, (const unsigned char *)q);
      if (n == 0) return bad(r, "bytes that are no UTF-8");
      memcpy(o, r->p, n);
      o += n;
      r->p += n;
      continue;
    }
    r->p++;
    switch (*r->p) {
      case '"': case '\\': case '/': *o++ = *r->p; break;
      case 'b': *o++ = '\b'; break;
      case 'f': *o++ = '\f'; break;
      case 'n': *o++ = '\n'; break;
      case 'r': *o++ = '\r'; break;
      case 't': *o++ = '\t'; break;
      case 'u': {
        int v = q - r->p >= 5 ? hex4(r->p + 1) : -1;
        if (v < 0) return bad(r, "\\u needs four hexadecimal digits");
        uint32_t u = (uint32_t)v;
        r->p += 4;
        if (u >= 0xd800 && u < 0xdc00) {
          int low = q - r->p >= 7 && r->p[1] == '\\' && r->p[2] == 'u' ? hex4(r->p + 3) : -1;
          if (low < 0xdc00 || low > 0xdfff) return bad(r, "half of a surrogate pair");
          u = 0x10000 + ((u - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
          r->p += 6;
        } else if (u >= 0xdc00 && u < 0xe000) {
          return bad(r, "half of a surrogate pair");
        }
        o = put_utf8(o, u);
        break;
      }
      default: return bad(r, "unknown escape");
    }
    r->p++;
  }
  r->p++;
  *o = '\0';
  *out = text;
  *n_out = (int32_t)(o - text);
  return SCION_OK;
}

/* ---- values ------------------------------------------------------------------------------------ */

static scion_status read_number(reader *r, scion_json *j) {
  const char *s = r->p, *p = s;
  if (p < r->end && *p == '-') p++;
  const char *digits = p;
  while (p < r->end && *p >= '0' && *p <= '9') p++;
  if (p == digits || (*digits == '0' && p - digits > 1)) return bad(r, "malformed number");
  bool whole = true;
  if (p < r->end && *p == '.') {
    whole = false;
    const char *f = ++p;
    while (p < r->end && *p >= '0' && *p <= '9') p++;
    if (p == f) return bad(r, "malformed number");
  }
  if (p < r->end && (*p == 'e' || *p == 'E')) {
    whole = false;
    p++;
    if (p < r->end && (*p == '+' || *p == '-')) p++;
    const char *e = p;
    while (p < r->end && *p >= '0' && *p <= '9') p++;
    if (p == e) return bad(r, "malformed number");
  }
  if (whole) {
    int64_t v = 0;
    bool negative = *s == '-', fits = true;
    for (const char *q = digits; q < p && fits; q++) {
      int d = *q - '0';
      fits = !__builtin_mul_overflow(v, (int64_t)10, &v) && !__builtin_sub_overflow(v, (int64_t)d, &v);
    }
    if (fits && (negative || v != INT64_MIN)) {
      j->type = SCION_JSON_INT;
      j->i = negative ? v : -v;
      r->p = p;
      return SCION_OK;
    }
  }
  j->type = SCION_JSON_FLOAT;
  if (scion__read_double(s, (size_t)(p - s), false, &j->f) != (size_t)(p - s)) return bad(r, "malformed number");
  r->p = p;
  return SCION_OK;
}

static bool word(reader *r, const char *s) {
  size_t n = strlen(s);
  if ((size_t)(r->end - r->p) < n || memcmp(r->p, s, n) != 0) return false;
  r->p += n;
  return true;
}

static scion_status read_value(reader *r, scion_json *j) {
  space(r);
  if (r->p >= r->end) return bad(r, "the text ends where a value should be");
  char open = *r->p;
  j->child = NULL;
  j->n = 0;
  if (open == '"') {
    j->type = SCION_JSON_STRING;
    return read_string(r, &j->s, &j->n);
  }
  if (open != '{' && open != '[') {
    if (word(r, "true")) {
      j->type = SCION_JSON_BOOL;
      j->i = 1;
      return SCION_OK;
    }
    if (word(r, "false")) {
      j->type = SCION_JSON_BOOL;
      return SCION_OK;
    }
    if (word(r, "null")) {
      j->type = SCION_JSON_NULL;
      return SCION_OK;
    }
    if (open == '-' || (open >= '0' && open <= '9')) return read_number(r, j);
    return bad(r, "no JSON value begins like this");
  }
  char close = open == '{' ? '}' : ']';
  if (++r->depth > MAX_DEPTH) return bad(r, "nested too deeply");
  j->type = open == '{' ? SCION_JSON_OBJECT : SCION_JSON_ARRAY;
  r->p++;
  space(r);
  scion_json **tail = &j->child;
  if (r->p < r->end && *r->p == close) {
    r->p++;
    r->depth--;
    return SCION_OK;
  }
  for (;;) {
    if (j->n == INT32_MAX) return bad(r, "too many values");
    scion_json *item = take(r, sizeof *item);
    if (item == NULL) return SCION_ENOMEM;
    *item = (scion_json){ 0 };
    if (open == '{') {
      space(r);
      if (r->p >= r->end || *r->p != '"') return bad(r, "expected a member's name in quotes");
      int32_t n;
      SCION_TRY(read_string(r, &item->key, &n));
      if (strlen(item->key) != (size_t)n) return bad(r, "a NUL character in a member's name");
      space(r);
      if (r->p >= r->end || *r->p != ':') return bad(r, "expected ':' after a member's name");
      r->p++;
    }
    SCION_TRY(read_value(r, item));
    *tail = item;
    tail = &item->next;
    j->n++;
    space(r);
    if (r->p < r->end && *r->p == ',') {
      r->p++;
      continue;
    }
    if (r->p >= r->end || *r->p != close) return bad(r, open == '{' ? "expected ',' or '}'" : "expected ',' or ']'");
    r->p++;
    r->depth--;
    return SCION_OK;
  }
}

scion_status scion__json_parse(scion_context *ctx, const char *what, const char *text, size_t n, scion_json_doc **out) {
  *out = NULL;
  scion_json_doc *doc = scion__calloc(ctx, sizeof *doc);
  if (doc == NULL) return SCION_ENOMEM;
  reader r = { ctx, what, text, text, text + n, doc, 0 };
  scion_status st = read_value(&r, &doc->root);
  if (st == SCION_OK) {
    space(&r);
    if (r.p != r.end) st = bad(&r, "something follows the end of the value");
  }
  if (st != SCION_OK) scion__json_free(ctx, doc);
  else *out = doc;
  return st;
}

const scion_json *scion__json_root(const scion_json_doc *doc) { return &doc->root; }

void scion__json_free(scion_context *ctx, scion_json_doc *doc) {
  if (doc == NULL) return;
  for (block *b = doc->blocks, *next; b != NULL; b = next) {
    next = b->next;
    scion__free(ctx, b, b->bytes);
  }
  scion__free(ctx, doc, sizeof *doc);
}

/* ---- looking ------------------------------------------------------------------------------------ */

const scion_json *scion__json_get(const scion_json *object, const char *key) {
  if (object == NULL || object->type != SCION_JSON_OBJECT) return NULL;
  for (const scion_json *m = object->child; m != NULL; m = m->next)
    if (strcmp(m->key, key) == 0) return m;
  return NULL;
}
const scion_json *scion__json_at(const scion_json *array, int32_t i) {
  if (array == NULL || array->type != SCION_JSON_ARRAY || i < 0) return NULL;
  const scion_json *m = array->child;
  while (m != NULL && i-- > 0) m = m->next;
  return m;
}
const char *scion__json_string(const scion_json *j, const char *fallback) {
  return j != NULL && j->type == SCION_JSON_STRING && strlen(j->s) == (size_t)j->n ? j->s : fallback;
}
bool scion__json_int(const scion_json *j, int64_t *out) {
  if (j == NULL) return false;
  if (j->type == SCION_JSON_INT) {
    *out = j->i;
    return true;
  }
  if (j->type != SCION_JSON_FLOAT || !(fabs(j->f) < 0x1p53) || j->f != floor(j->f)) return false;
  *out = (int64_t)j->f;
  return true;
}
bool scion__json_number(const scion_json *j, double *out) {
  if (j == NULL) return false;
  if (j->type == SCION_JSON_INT) *out = (double)j->i;
  else if (j->type == SCION_JSON_FLOAT) *out = j->f;
  else if (j->type != SCION_JSON_STRING) return false;
  else if (strcmp(j->s, "NaN") == 0) *out = NAN;
  else if (strcmp(j->s, "Infinity") == 0) *out = INFINITY;
  else if (strcmp(j->s, "-Infinity") == 0) *out = -INFINITY;
  else return false;
  return true;
}
bool scion__json_bool(const scion_json *j, bool fallback) {
  return j != NULL && j->type == SCION_JSON_BOOL ? j->i != 0 : fallback;
}

/* ---- writing ------------------------------------------------------------------------------------ */

void scion__json_put_string(scion_text *b, const char *s, size_t n) {
  const unsigned char *p = (const unsigned char *)s, *end = p + n;
  scion__text_add_bytes(b, "\"", 1);
  while (p < end) {
    const unsigned char *run = p;
    size_t k = 0;
    while (p < end && *p >= 0x20 && *p != '"' && *p != '\\' && (k = utf8_length(p, end)) > 0) p += k;
    if (p > run) scion__text_add_bytes(b, (const char *)run, (size_t)(p - run));
    if (p >= end) break;
    switch (*p) {
      case '"': scion__text_add_bytes(b, "\\\"", 2); break;
      case '\\': scion__text_add_bytes(b, "\\\\", 2); break;
      case '\n': scion__text_add_bytes(b, "\\n", 2); break;
      case '\t': scion__text_add_bytes(b, "\\t", 2); break;
      case '\r': scion__text_add_bytes(b, "\\r", 2); break;
      default:
        if (*p < 0x20) scion__text_add(b, "\\u%04x", *p);
        else scion__text_add_bytes(b, "\xef\xbf\xbd", 3);
    }
    p++;
  }
  scion__text_add_bytes(b, "\"", 1);
}

void scion__json_put_key(scion_text *b, bool *first, const char *key) {
  if (!*first) scion__text_add_bytes(b, ",", 1);
  *first = false;
  scion__json_put_string(b, key, strlen(key));
  scion__text_add_bytes(b, ":", 1);
}

void scion__json_put_number(scion_text *b, double v) {
  if (isnan(v)) {
    scion__text_add(b, "\"NaN\"");
  } else if (isinf(v)) {
    scion__text_add(b, v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  } else {
    char text[40];
    double back = 0;
    for (int digits = 15; digits <= 17; digits++) { /* the shortest that reads back */
      snprintf(text, sizeof text, "%.*g", digits, v);
      for (char *p = text; *p != '\0'; p++)
        if (strchr("+-0123456789e", *p) == NULL) *p = '.'; /* the locale's decimal sign, one byte in every common one */
      scion__read_double(text, strlen(text), false, &back);
      if (back == v) break;
    }
    scion__text_add_bytes(b, text, strlen(text));
  }
}

/* ---- numbers in text ----------------------------------------------------------------------------- */

static size_t word_at(const char *s, size_t n, const char *w) {
  size_t k = strlen(w);
  if (n < k) return 0;
  for (size_t i = 0; i < k; i++)
    if ((s[i] | 32) != w[i]) return 0;
  return k;
}

/* Digits that do not fit the exact short way: the C library, in the C locale, on a terminated copy. */
static double slow_double(const char *s, size_t n) {
  char few[512];
  if (n >= sizeof few) { /* hundreds of digits: fold those beyond the 400th into the exponent */
    long exponent = 0;
    size_t k = 0, i = 0;
    bool point = false;
    for (; i < n && (s[i] | 32) != 'e'; i++) {
      if (s[i] == '.') point = true;
      else if (k > 0 && k < 400) few[k++] = s[i], exponent -= point;
      else if (k == 0 && (s[i] == '-' || s[i] == '+')) few[k++] = s[i];
      else if (k == 0 && s[i] != '0') few[k++] = s[i], exponent -= point;
      else if (k == 0) exponent -= point;
      else exponent += !point;
    }
    long e = 0, sign = 1;
    if (i < n) {
      i++;
      if (i < n && (s[i] == '-' || s[i] == '+')) sign = s[i++] == '-' ? -1 : 1;
      for (; i < n && e < 1000000; i++) e = e * 10 + (s[i] - '0');
    }
    if (k == 0) few[k++] = '0';
    snprintf(few + k, sizeof few - k, "e%ld", exponent + sign * e);
  } else {
    memcpy(few, s, n);
    few[n] = '\0';
  }
  locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (c == (locale_t)0) return strtod(few, NULL);
  double v = strtod_l(few, NULL, c);
  freelocale(c);
  return v;
}

size_t scion__read_double(const char *s, size_t n, bool words, double *out) {
  static const double tens[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
                                 1e19, 1e20, 1e21, 1e22 };
  size_t i = 0;
  bool negative = false;
  if (i < n && (s[i] == '-' || s[i] == '+')) negative = s[i++] == '-';
  if (words && i < n && (s[i] | 32) >= 'i') {
    size_t k;
    double v = INFINITY;
    if ((k = word_at(s + i, n - i, "infinity")) == 0 && (k = word_at(s + i, n - i, "inf")) == 0) {
      k = word_at(s + i, n - i, "nan");
      v = NAN;
    }
    *out = negative ? -v : v;
    return k == 0 ? 0 : i + k;
  }
  uint64_t m = 0;
  int kept = 0, digits = 0, shift = 0; /* value is m * 10^shift while kept <= 19 */
  for (; i < n && s[i] >= '0' && s[i] <= '9'; i++, digits++)
    if (kept < 19) m = m * 10 + (uint64_t)(s[i] - '0'), kept += m != 0;
    else kept++, shift++;
  if (i < n && s[i] == '.') {
    size_t at = i++;
    for (; i < n && s[i] >= '0' && s[i] <= '9'; i++, digits++)
      if (kept < 19) m = m * 10 + (uint64_t)(s[i] - '0'), kept += m != 0, shift--;
      else kept++;
    if (digits == 0) i = at;
  }
  if (digits == 0) return 0;
  if (i < n && (s[i] | 32) == 'e') {
    size_t j = i + 1;
    bool minus = false;
    if (j < n && (s[j] == '-' || s[j] == '+')) minus = s[j++] == '-';
    if (j < n && s[j] >= '0' && s[j] <= '9') {
      int e = 0;
      for (; j < n && s[j] >= '0' && s[j] <= '9'; j++)
        if (e < 100000) e = e * 10 + (s[j] - '0');
      shift += minus ? -e : e;
      i = j;
    }
  }
  if (m == 0) *out = negative ? -0.0 : 0.0;
  else if (kept <= 19 && m <= (1ull << 53) && shift >= -22 && shift <= 22) { /* both factors are exact doubles: one rounding */
    double v = shift < 0 ? (double)m / tens[-shift] : (double)m * tens[shift];
    *out = negative ? -v : v;
  } else {
    *out = slow_double(s, i);
  }
  return i;
}
