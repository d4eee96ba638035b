/* zip.c: archives through their central directory, with zip64; stored and deflated members; gzip streams.
 * A member's claims are checked against the file before anything is allocated for it. */
#include <stdio.h>

#include "zip.h"

struct scion_zip {
  scion_file file;
  scion_member *members;
  int32_t *by_name;
  int32_t n;
  size_t room; /* of members */
  char *names; /* all of them, terminated */
  size_t names_bytes;
};

/* ---- zlib's memory -------------------------------------------------------------------------------- */

voidpf scion__zlib_alloc(voidpf ctx, uInt n, uInt size) {
  size_t bytes = (size_t)n * size + SCION_ALIGN;
  char *p = scion__alloc(ctx, bytes);
  if (p == NULL) return Z_NULL;
  *(size_t *)(void *)p = bytes;
  return p + SCION_ALIGN;
}
void scion__zlib_free(voidpf ctx, voidpf p) {
  char *block = (char *)p - SCION_ALIGN;
  scion__free(ctx, block, *(size_t *)(void *)block);
}

/* ---- directory ------------------------------------------------------------------------------------ */

static scion_status bad(scion_context *ctx, const scion_zip *z, const char *what) {
  return scion_fail(ctx, SCION_EFORMAT, "%s: damaged zip: %s", z->file.path, what);
}

/* Where the central directory is, how long it is, how many members it lists. */
static scion_status find_directory(scion_context *ctx, const scion_zip *z, uint64_t *start, uint64_t *size, uint64_t *count) {
  const unsigned char *d = z->file.data;
  size_t n = z->file.size;
  if (n < 22 || (scion__le32(d) != 0x04034b50 && scion__le32(d) != 0x06054b50)) {
    return scion_fail(ctx, SCION_EFORMAT, "%s: no zip file", z->file.path);
  }
  size_t at = n - 22, lowest = n > 22 + 65535 ? n - 22 - 65535 : 0;
  while (scion__le32(d + at) != 0x06054b50 || at + 22 + scion__le16(d + at + 20) != n) {
    if (at == lowest) return bad(ctx, z, "the end record is missing (truncated?)");
    at--;
  }
  *count = scion__le16(d + at + 10);
  *size = scion__le32(d + at + 12);
  *start = scion__le32(d + at + 16);
  if (*count == 0xffff || *size == 0xffffffff || *start == 0xffffffff) { /* zip64 */
    if (at < 20 || scion__le32(d + at - 20) != 0x07064b50) {
      if (*count == 0xffff && *size != 0xffffffff && *start != 0xffffffff) goto plain;
      return bad(ctx, z, "the zip64 locator is missing");
    }
    uint64_t record = scion__le64(d + at - 12);
    if (record > n || n - record < 56 || scion__le32(d + record) != 0x06064b50) return bad(ctx, z, "the zip64 end record is missing");
    *count = scion__le64(d + record + 32);
    *size = scion__le64(d + record + 40);
    *start = scion__le64(d + record + 48);
  }
plain:
  if (*start > at || *size > at - *start) return bad(ctx, z, "the directory does not lie in the file");
  if (*count > *size / 46 || *count > INT32_MAX) return bad(ctx, z, "the directory is too small for its members");
  return SCION_OK;
}

static scion_status read_member(scion_context *ctx, const scion_zip *z, const unsigned char *p, size_t left, scion_member *m, size_t *taken) {
  if (left < 46 || scion__le32(p) != 0x02014b50) return bad(ctx, z, "a directory entry is missing");
  size_t name = scion__le16(p + 28), extra = scion__le16(p + 30), comment = scion__le16(p + 32);
  *taken = 46 + name + extra + comment;
  if (left < *taken) return bad(ctx, z, "a directory entry is cut off");
  if (memchr(p + 46, 0, name) != NULL || name == 0) return bad(ctx, z, "a member has no proper name");
  m->flags = scion__le16(p + 8);
  m->method = scion__le16(p + 10);
  m->crc = scion__le32(p + 16);
  m->packed = scion__le32(p + 20);
  m->size = scion__le32(p + 24);
  m->header = scion__le32(p + 42);
  const unsigned char *x = p + 46 + name, *end = x + extra;
  bool need = m->packed == 0xffffffff || m->size == 0xffffffff || m->header == 0xffffffff;
  while (need && end - x >= 4) {
    size_t k = scion__le16(x + 2);
    if ((size_t)(end - x) - 4 < k) break;
    if (scion__le16(x) == 1) {
      const unsigned char *v = x + 4, *stop = v + k;
      uint64_t *fields[3] = { &m->size, &m->packed, &m->header };
      for (int i = 0; i < 3; i++) {
        if (*fields[i] != 0xffffffff) continue;
        if (stop - v < 8) return bad(ctx, z, "a zip64 field is cut off");
        *fields[i] = scion__le64(v);
        v += 8;
      }
      need = false;
    }
    x += 4 + k;
  }
  return SCION_OK;
}

static void sort_names(int32_t n, int32_t *order, int32_t *room, const scion_member *m) {
  for (int32_t i = 0; i < n; i++) order[i] = i;
  for (int64_t width = 1; width < n; width *= 2) {
    for (int64_t lo = 0; lo < n; lo += 2 * width) {
      int64_t mid = scion__min(lo + width, n), hi = scion__min(lo + 2 * width, n), a = lo, b = mid;
      for (int64_t k = lo; k < hi; k++) {
        bool left = b >= hi || (a < mid && strcmp(m[order[a]].name, m[order[b]].name) <= 0);
        room[k] = order[left ? a++ : b++];
      }
    }
    memcpy(order, room, (size_t)n * sizeof *order);
  }
}

static scion_status read_directory(scion_context *ctx, scion_zip *z) {
  uint64_t start = 0, size = 0, count = 0;
  SCION_TRY(find_directory(ctx, z, &start, &size, &count));
  z->room = (size_t)count + 1;
  z->names_bytes = (size_t)size + 1; /* each entry is longer than its name and the terminator */
  z->members = scion__alloc(ctx, z->room * sizeof *z->members);
  z->by_name = scion__alloc(ctx, z->room * sizeof *z->by_name);
  z->names = scion__alloc(ctx, z->names_bytes);
  int32_t *room = scion__alloc(ctx, z->room * sizeof *room);
  scion_status st = z->members == NULL || z->by_name == NULL || z->names == NULL || room == NULL ? SCION_ENOMEM : SCION_OK;
  const unsigned char *p = z->file.data + start;
  size_t left = (size_t)size;
  char *name = z->names;
  while (st == SCION_OK && (uint64_t)z->n < count) {
    size_t taken = 0;
    scion_member *m = &z->members[z->n];
    st = read_member(ctx, z, p, left, m, &taken);
    if (st != SCION_OK) break;
    size_t k = scion__le16(p + 28);
    memcpy(name, p + 46, k);
    name[k] = '\0';
    m->name = name;
    name += k + 1;
    p += taken;
    left -= taken;
    z->n++;
  }
  if (st == SCION_OK) sort_names(z->n, z->by_name, room, z->members);
  scion__free(ctx, room, z->room * sizeof *room);
  return st;
}

static scion_status opened(scion_context *ctx, scion_zip *z, scion_status st, scion_zip **out) {
  if (st == SCION_OK) st = read_directory(ctx, z);
  if (st != SCION_OK) scion_zip_close(ctx, z);
  else *out = z;
  return st;
}
scion_status scion_zip_open(scion_context *ctx, const char *path, scion_zip **out) {
  *out = NULL;
  scion_zip *z = scion__calloc(ctx, sizeof *z);
  if (z == NULL) return SCION_ENOMEM;
  return opened(ctx, z, scion__file_open(ctx, path, &z->file), out);
}
scion_status scion_zip_open_memory(scion_context *ctx, const char *name, const void *data, size_t size, scion_zip **out) {
  *out = NULL;
  scion_zip *z = scion__calloc(ctx, sizeof *z);
  if (z == NULL) return SCION_ENOMEM;
  return opened(ctx, z, scion__file_memory(ctx, name, data, size, &z->file), out);
}
void scion_zip_close(scion_context *ctx, scion_zip *z) {
  if (z == NULL) return;
  scion__free(ctx, z->members, z->room * sizeof *z->members);
  scion__free(ctx, z->by_name, z->room * sizeof *z->by_name);
  scion__free(ctx, z->names, z->names_bytes);
  scion__file_close(ctx, &z->file);
  scion__free(ctx, z, sizeof *z);
}

int32_t scion_zip_count(const scion_zip *z) { return z->n; }
const scion_member *scion__zip_member(const scion_zip *z, int32_t i) { return i >= 0 && i < z->n ? &z->members[i] : NULL; }
const scion_file *scion__zip_file(const scion_zip *z) { return &z->file; }
const char *scion_zip_name(const scion_zip *z, int32_t i) { return i >= 0 && i < z->n ? z->members[i].name : NULL; }
uint64_t scion_zip_size(const scion_zip *z, int32_t i) { return i >= 0 && i < z->n ? z->members[i].size : 0; }
int32_t scion_zip_find(const scion_zip *z, const char *name) {
  int32_t lo = 0, hi = z->n; /* first that is greater: of equal names the last entry counts */
  while (lo < hi) {
    int32_t mid = lo + (hi - lo) / 2;
    if (strcmp(z->members[z->by_name[mid]].name, name) <= 0) lo = mid + 1;
    else hi = mid;
  }
  return lo > 0 && strcmp(z->members[z->by_name[lo - 1]].name, name) == 0 ? z->by_name[lo - 1] : -1;
}

/* ---- members -------------------------------------------------------------------------------------- */

static scion_status member_data(const scion_zip *z, const scion_member *m, const unsigned char **data, char *message, size_t room) {
  const char *what = NULL;
  scion_status st = SCION_EFORMAT;
  bool inside = m->header <= z->file.size && z->file.size - m->header >= 30;
  const unsigned char *h = z->file.data + (inside ? m->header : 0);
  uint64_t at = 0;
  if ((m->flags & 1) != 0) what = "is encrypted", st = SCION_EUNSUPPORTED;
  else if (m->method != 0 && m->method != 8) what = "is packed by a method other than deflate", st = SCION_EUNSUPPORTED;
  else if (!inside || scion__le32(h) != 0x04034b50) what = "has no local header";
  else {
    at = m->header + 30 + scion__le16(h + 26) + scion__le16(h + 28);
    if (at > z->file.size || m->packed > z->file.size - at) what = "does not lie in the file";
    else if (m->method == 0 && m->packed != m->size) what = "is stored with two different sizes";
    else if (m->method == 8 && m->size / SCION_DEFLATE_RATIO > m->packed) what = "claims more bytes than its data can hold";
  }
  if (what != NULL) {
    snprintf(message, room, "%s: member '%s' %s", z->file.path, m->name, what);
    return st;
  }
  *data = z->file.data + at;
  return SCION_OK;
}

scion_status scion__zip_check(const scion_zip *z, int32_t i, char *message, size_t room) {
  const unsigned char *data;
  return member_data(z, &z->members[i], &data, message, room);
}
bool scion__zip_stored(const scion_zip *z, int32_t i, uint64_t *offset) {
  const scion_member *m = &z->members[i];
  const unsigned char *data;
  char message[600];
  if (m->method != 0 || member_data(z, m, &data, message, sizeof message) != SCION_OK) return false;
  *offset = (uint64_t)(data - z->file.data);
  return true;
}
scion_status scion__zip_sum(scion_context *ctx, const scion_zip *z, int32_t i, const void *data) {
  const scion_member *m = &z->members[i];
  uint32_t crc = (uint32_t)crc32_z(crc32_z(0, NULL, 0), data, (size_t)m->size);
  return crc == m->crc ? SCION_OK : scion_fail(ctx, SCION_EFORMAT, "%s: member '%s': checksum %08x, expected %08x", z->file.path, m->name, crc, m->crc);
}
scion_status scion__zip_extract(const scion_zip *z, int32_t i, void *data, scion_context *alloc_ctx, char *message, size_t room) {
  const scion_member *m = &z->members[i];
  const unsigned char *src;
  SCION_TRY(member_data(z, m, &src, message, room));
  if (m->method == 0) {
    if (m->size > 0) memcpy(data, src, (size_t)m->size);
  } else {
    z_stream s = { 0 };
    if (alloc_ctx != NULL) {
      s.zalloc = scion__zlib_alloc;
      s.zfree = scion__zlib_free;
      s.opaque = alloc_ctx;
    }
    if (inflateInit2(&s, -15) != Z_OK) {
      snprintf(message, room, "out of memory for unpacking %s", m->name);
      return SCION_ENOMEM;
    }
    uint64_t in = m->packed, out = m->size;
    int code = Z_OK;
    s.next_in = (Bytef *)(uintptr_t)src;
    s.next_out = data;
    unsigned char nothing;
    if (out == 0) s.next_out = &nothing;
    while (code == Z_OK) {
      if (s.avail_in == 0 && in > 0) in -= s.avail_in = (uInt)(in > 1u << 30 ? 1u << 30 : in);
      if (s.avail_out == 0 && out > 0) out -= s.avail_out = (uInt)(out > 1u << 30 ? 1u << 30 : out);
      code = inflate(&s, Z_NO_FLUSH);
    }
    bool whole = code == Z_STREAM_END && out == 0 && s.avail_out == 0;
    inflateEnd(&s);
    if (!whole) {
      snprintf(message, room, "%s: member '%s': %s", z->file.path, m->name,
               code == Z_MEM_ERROR ? "out of memory" : "its compressed data are damaged");
      return code == Z_MEM_ERROR ? SCION_ENOMEM : SCION_EFORMAT;
    }
  }
  uint32_t crc = (uint32_t)crc32_z(crc32_z(0, NULL, 0), data, (size_t)m->size);
  if (crc != m->crc) {
    snprintf(message, room, "%s: member '%s': checksum %08x, expected %08x", z->file.path, m->name, crc, m->crc);
    return SCION_EFORMAT;
  }
  return SCION_OK;
}

scion_status scion_zip_read(scion_context *ctx, scion_zip *z, int32_t i, void *data, size_t bytes) {
  if (i < 0 || i >= z->n) return scion_fail(ctx, SCION_EINDEX, "%s: member %d of %d", z->file.path, i, z->n);
  if (bytes != z->members[i].size) {
    return scion_fail(ctx, SCION_EINVAL, "%s: member '%s' has %llu bytes, room for %zu was given", z->file.path, z->members[i].name,
                      (unsigned long long)z->members[i].size, bytes);
  }
  char message[600];
  scion_status st = scion__zip_extract(z, i, data, ctx, message, sizeof message);
  return st == SCION_OK ? st : scion_fail(ctx, st, "%s", message);
}

/* ---- gzip ----------------------------------------------------------------------------------------- */

scion_status scion__inflate_open(scion_context *ctx, scion_inflater *s, const void *data, size_t size) {
  memset(s, 0, sizeof *s);
  s->ctx = ctx;
  if (size > UINT32_MAX) return scion_fail(ctx, SCION_EUNSUPPORTED, "gzip data of %zu bytes; at most 4 GB are possible", size);
  s->z.zalloc = scion__zlib_alloc;
  s->z.zfree = scion__zlib_free;
  s->z.opaque = ctx;
  s->z.next_in = (Bytef *)(uintptr_t)data;
  s->z.avail_in = (uInt)size;
  if (inflateInit2(&s->z, 15 + 32) != Z_OK) return scion__nomem(ctx, 1 << 16);
  s->open = true;
  return SCION_OK;
}
scion_status scion__inflate_read(scion_inflater *s, const char *path, void *data, size_t bytes) {
  s->z.next_out = data;
  while (bytes > 0) {
    uInt room = (uInt)(bytes > 1u << 30 ? 1u << 30 : bytes);
    s->z.avail_out = room;
    int code = s->ended ? Z_BUF_ERROR : inflate(&s->z, Z_NO_FLUSH);
    bytes -= room - s->z.avail_out;
    if (code == Z_STREAM_END) s->ended = true;
    else if (code == Z_MEM_ERROR) return SCION_ENOMEM;
    else if (code != Z_OK) {
      return scion_fail(s->ctx, SCION_EFORMAT, "%s: gzip data %s after %lu unpacked bytes", path,
                        code == Z_BUF_ERROR ? "end" : "are damaged", (unsigned long)s->z.total_out);
    }
  }
  return SCION_OK;
}
scion_status scion__inflate_end(scion_inflater *s, const char *path) {
  unsigned char more;
  s->z.next_out = &more;
  s->z.avail_out = 1;
  int code = s->ended ? Z_STREAM_END : inflate(&s->z, Z_FINISH);
  if (code == Z_MEM_ERROR) return SCION_ENOMEM;
  if (s->z.avail_out == 0) return scion_fail(s->ctx, SCION_EFORMAT, "%s: holds more data than its header says", path);
  if (code != Z_STREAM_END) return scion_fail(s->ctx, SCION_EFORMAT, "%s: gzip data are damaged or cut off at the end", path);
  return SCION_OK;
}
void scion__inflate_close(scion_inflater *s) {
  if (s->open) inflateEnd(&s->z);
  s->open = false;
}
