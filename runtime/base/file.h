/* file.h: whole files as memory, and files replaced whole or not at all. */
#ifndef SCION_FILE_H
#define SCION_FILE_H

#include "base.h"

/* A regular file open for reading. `data` maps it; a file that another process shortens meanwhile can hurt whoever
 * touches `data`, so bulk reads go through scion__file_read, which reports that as SCION_EFORMAT. */
typedef struct scion_mapping scion_mapping; /* counted; copy on write, so that tensors may lie in it */
typedef struct scion_file {
  const char *path; /* owned copy, for messages */
  const unsigned char *data; /* NULL when size is 0 */
  size_t size;
  int fd;           /* -1: memory of the caller */
  bool mapped;
  scion_mapping *shared; /* NULL, or what `data` lies in instead (scion__file_share) */
} scion_file;
scion_status scion__file_open(scion_context *ctx, const char *path, scion_file *out);
/* The same over memory, which must outlive it; `name` stands for the path in messages. */
scion_status scion__file_memory(scion_context *ctx, const char *name, const void *data, size_t size, scion_file *out);
/* From here on `data` lies in a mapping that outlives the file, for as long as somebody holds it; nothing changes for memory and empty files. */
scion_status scion__file_share(scion_context *ctx, scion_file *f);
void scion__mapping_ref(scion_mapping *m);
void scion__mapping_release(void *mapping, void *unused); /* from any thread */
void scion__file_close(scion_context *ctx, scion_file *f); /* fine on a zeroed struct */
scion_status scion__file_read(scion_context *ctx, const scion_file *f, uint64_t offset, void *data, size_t bytes);

/* Writing: a temporary file beside `path`; commit syncs it, renames it over path and syncs the directory. */
typedef struct scion_writer {
  char *path, *temporary; /* owned */
  int fd;
  size_t used;
  scion_status status;    /* sticky */
  unsigned char *buffer;
  uint64_t written;
} scion_writer;
scion_status scion__writer_open(scion_context *ctx, const char *path, scion_writer *out);
scion_status scion__writer_put(scion_context *ctx, scion_writer *w, const void *data, size_t bytes);
scion_status scion__writer_commit(scion_context *ctx, scion_writer *w); /* closes in any case; after a failure the old file is as it was */
void scion__writer_abandon(scion_context *ctx, scion_writer *w);        /* fine after commit and on a zeroed struct */

/* Little and big endian, at any alignment. */
static inline uint16_t scion__le16(const unsigned char *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t scion__le32(const unsigned char *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t scion__le64(const unsigned char *p) { return scion__le32(p) | (uint64_t)scion__le32(p + 4) << 32; }
static inline uint32_t scion__be32(const unsigned char *p) {
  return (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24;
}
static inline void scion__put_le(unsigned char *p, int bytes, uint64_t v) {
  for (int i = 0; i < bytes; i++) p[i] = (unsigned char)(v >> (8 * i));
}
void scion__swap_bytes(void *data, size_t n, size_t size); /* n elements of `size` bytes, in place */

#endif
