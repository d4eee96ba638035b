/* json.h: JSON in and out, for headers and metadata of files. A document is a tree of nodes in blocks of its own;
 * reading is strict (RFC 8259), bounded in depth, and never allocates more than the text justifies. */
#ifndef SCION_JSON_H
#define SCION_JSON_H

#include "base.h"

typedef enum scion_json_type {
  SCION_JSON_NULL, SCION_JSON_BOOL, SCION_JSON_INT, SCION_JSON_FLOAT, SCION_JSON_STRING, SCION_JSON_ARRAY, SCION_JSON_OBJECT
} scion_json_type;

typedef struct scion_json {
  uint8_t type;
  int32_t n;       /* STRING: bytes without the final NUL; ARRAY, OBJECT: children */
  const char *key; /* inside an object: NUL-terminated, holds no other NUL; else NULL */
  union {
    int64_t i;     /* INT (a number without fraction or exponent that fits); BOOL: 0 or 1 */
    double f;      /* FLOAT */
    const char *s; /* STRING: NUL-terminated UTF-8, may hold NULs of its own (compare n with strlen where it matters) */
    struct scion_json *child; /* first element or member */
  };
  struct scion_json *next; /* in the array or object around it */
} scion_json;

typedef struct scion_json_doc scion_json_doc;
/* `what` names the text in messages ("net.scion: header"). Fails with SCION_EFORMAT and the byte's position. */
scion_status scion__json_parse(scion_context *ctx, const char *what, const char *text, size_t n, scion_json_doc **out);
const scion_json *scion__json_root(const scion_json_doc *doc);
void scion__json_free(scion_context *ctx, scion_json_doc *doc); /* NULL is fine */

/* Looking; all accept NULL and the wrong type and then return NULL, false or the fallback. */
const scion_json *scion__json_get(const scion_json *object, const char *key); /* first member of that name */
const scion_json *scion__json_at(const scion_json *array, int32_t i);
const char *scion__json_string(const scion_json *j, const char *fallback); /* STRING without inner NULs */
bool scion__json_int(const scion_json *j, int64_t *out);    /* INT, or a FLOAT that is a whole number below 2^53 */
bool scion__json_number(const scion_json *j, double *out);  /* INT or FLOAT, or one of the strings "NaN", "Infinity", "-Infinity" */
bool scion__json_bool(const scion_json *j, bool fallback);

/* Writing into a text builder: pieces that the caller puts commas and brackets between. */
void scion__json_put_string(scion_text *b, const char *s, size_t n); /* quoted and escaped; bytes that are no UTF-8 become U+FFFD */
void scion__json_put_key(scion_text *b, bool *first, const char *key); /* comma unless first, "key": */
void scion__json_put_number(scion_text *b, double v); /* reads back exactly; NaN and infinities as the strings above */

/* Numbers in text, whatever the process's locale is. Reads one number at the start of s[0..n); returns how many bytes it took (0: none there).
 * Accepts C's decimal forms and, with `words`, nan, inf, infinity in any case. */
size_t scion__read_double(const char *s, size_t n, bool words, double *out);

#endif
