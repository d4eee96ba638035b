/* bytes.c: whole files as bytes, gzip data unpacked. */
#include <stdlib.h>

#include "zip.h"

void scion_file_release(void *unused, void *data) {
  (void)unused;
  free(data);
}

static scion_status grow(scion_context *ctx, char **data, size_t room) {
  char *more = realloc(*data, room);
  if (more == NULL) return scion__nomem(ctx, room);
  *data = more;
  return SCION_OK;
}
static scion_status unpack(scion_context *ctx, const scion_file *f, char **data, size_t *size) {
  scion_inflater z;
  size_t room = 1 << 16;
  scion_status st = scion__inflate_open(ctx, &z, f->data, f->size);
  if (st == SCION_OK) st = grow(ctx, data, room);
  while (st == SCION_OK && !z.ended) {
    if (*size == room) st = room > (size_t)1 << 31 ? scion_fail(ctx, SCION_EUNSUPPORTED, "%s: unpacks to more than 4 GB", f->path) : grow(ctx, data, room *= 2);
    if (st != SCION_OK) break;
    uInt n = (uInt)(room - *size);
    z.z.next_out = (Bytef *)*data + *size;
    z.z.avail_out = n;
    int code = inflate(&z.z, Z_NO_FLUSH);
    *size += n - z.z.avail_out;
    if (code == Z_STREAM_END) z.ended = true;
    else if (code == Z_MEM_ERROR) st = scion__nomem(ctx, 1 << 16);
    else if (code != Z_OK) st = scion_fail(ctx, SCION_EFORMAT, "%s: gzip data are damaged or cut off after %zu unpacked bytes", f->path, *size);
  }
  scion__inflate_close(&z);
  return st;
}

scion_status scion_file_bytes(scion_context *ctx, const char *path, char **data, size_t *size) {
  scion_file f;
  *data = NULL;
  *size = 0;
  SCION_TRY(scion__file_open(ctx, path, &f));
  scion_status st;
  if (f.size >= 2 && f.data[0] == 0x1f && f.data[1] == 0x8b) {
    st = unpack(ctx, &f, data, size);
  } else {
    st = grow(ctx, data, f.size + 1);
    if (st == SCION_OK && f.size > 0) st = scion__file_read(ctx, &f, 0, *data, f.size);
    if (st == SCION_OK) *size = f.size;
  }
  scion__file_close(ctx, &f);
  if (st != SCION_OK) {
    free(*data);
    *data = NULL;
    *size = 0;
  }
  return st;
}
