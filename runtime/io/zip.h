/* zip.h: what other readers need of zip archives and deflate. */
#ifndef SCION_ZIP_H
#define SCION_ZIP_H

#include <zlib.h>

#include "../base/file.h"

#define SCION_DEFLATE_RATIO 1032 /* no deflate stream grows by more */

typedef struct scion_member {
  const char *name;
  uint64_t packed, size, header; /* compressed and plain bytes; where the local header is */
  uint32_t crc;
  uint16_t method, flags;
} scion_member;

const scion_member *scion__zip_member(const scion_zip *z, int32_t i);
const scion_file *scion__zip_file(const scion_zip *z);
/* Can the member's data hold the bytes that it claims? Asked before memory is; writes a message when not. */
scion_status scion__zip_check(const scion_zip *z, int32_t i, char *message, size_t room);
/* A member's plain bytes, without a context so that any thread may ask: writes a message on failure. `alloc_ctx` gives
 * zlib's memory; NULL: the C library's. */
scion_status scion__zip_extract(const scion_zip *z, int32_t i, void *data, scion_context *alloc_ctx, char *message, size_t room);

/* Where a stored member's bytes begin in the archive; false: it is packed, or damaged. */
bool scion__zip_stored(const scion_zip *z, int32_t i, uint64_t *offset);
scion_status scion__zip_sum(scion_context *ctx, const scion_zip *z, int32_t i, const void *data); /* are these the bytes of member i? */
/* scion_npz_read; with `whole` mapped for sharing (scion__file_share) a window where one is possible. */
scion_status scion__npz_read(scion_context *ctx, const scion_file *whole, scion_zip *zip, int32_t i, scion_tensor **out);

/* gzip or zlib data in memory, unpacked in pieces. */
typedef struct scion_inflater {
  z_stream z;
  scion_context *ctx;
  bool open, ended;
} scion_inflater;
scion_status scion__inflate_open(scion_context *ctx, scion_inflater *s, const void *data, size_t size);
/* Exactly `bytes`, or SCION_EFORMAT naming `path`. */
scion_status scion__inflate_read(scion_inflater *s, const char *path, void *data, size_t bytes);
scion_status scion__inflate_end(scion_inflater *s, const char *path); /* the checksum is right and nothing follows */
void scion__inflate_close(scion_inflater *s);
voidpf scion__zlib_alloc(voidpf ctx, uInt n, uInt size); /* for z_stream.zalloc, opaque = context */
void scion__zlib_free(voidpf ctx, voidpf p);

#endif
