/* image.c: picture files through stb_image, with what it leaves unchecked: truncation and sizes. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "image.h"
#include "../base/file.h"
#include "../tensor/tensor.h"

#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_NO_PSD
#define STBI_NO_PIC
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#pragma GCC diagnostic ignored "-Wunused-function" /* of stb's, reported at the end of the file */
#include <stb_image.h>

#define MAX_PIXELS (1LL << 28)
/* No format says more pixels in a byte: deflated lines of one-bit pixels, 1032 bytes from one. */
#define PIXELS_PER_BYTE 8256

void scion__picture_free(scion_picture *p) {
  free(p->u8);
  free(p->f);
  p->u8 = NULL;
  p->f = NULL;
}

/* stb fills the missing rest of a JPEG with grey: there must be an end marker after the start of the scan. */
static bool jpeg_truncated(const unsigned char *d, size_t size) {
  size_t at = 2, scan = 0;
  while (at + 4 <= size && scan == 0) {
    if (d[at] != 0xff) return false; /* stb will tell */
    if (d[at + 1] == 0xff) {
      at++;
      continue;
    }
    if (d[at + 1] == 0xda) scan = at;
    else at += 2 + ((size_t)d[at + 2] << 8 | d[at + 3]);
  }
  if (scan == 0) return true;
  for (size_t i = size - 1; i > scan; i--)
    if (d[i] == 0xd9 && d[i - 1] == 0xff) return false;
  return true;
}
/* stb counts on at most 256 codes in a Huffman table. Where it would look for tables is only certain up to the first scan. */
static bool table_too_large(const unsigned char *d, size_t size, size_t at) { /* at: the marker */
  if (at + 4 > size) return false;
  int64_t left = (d[at + 2] << 8 | d[at + 3]) - 2;
  for (at += 4; left > 0 && at < size;) { /* stb reads zeros past the end */
    size_t codes = 0;
    for (size_t i = 1; i <= 16 && at + i < size; i++) codes += d[at + i];
    if (codes > 256) return true;
    at += 17 + codes;
    left -= 17 + (int64_t)codes;
  }
  return false;
}
static bool jpeg_tables_too_large(const unsigned char *d, size_t size) {
  size_t at = 2;
  while (at + 4 <= size && d[at] == 0xff && d[at + 1] != 0xda) {
    if (d[at + 1] == 0xff) {
      at++;
      continue;
    }
    if (d[at + 1] == 0xc4 && table_too_large(d, size, at)) return true;
    at += 2 + ((size_t)d[at + 2] << 8 | d[at + 3]);
  }
  for (; at + 4 <= size; at++)
    if (d[at] == 0xff && d[at + 1] == 0xc4 && table_too_large(d, size, at)) return true;
  return false;
}
/* stb adds up the digits of a PNM's sizes without an end. */
static bool pnm_number_too_long(const unsigned char *d, size_t size) {
  int digits = 0;
  if (size < 3 || d[0] != 'P' || (d[1] != '5' && d[1] != '6')) return false;
  for (size_t at = 2, numbers = 0; at < size && numbers < 3; at++) {
    if (d[at] >= '0' && d[at] <= '9') {
      if (++digits > 9) return true;
      continue;
    }
    numbers += digits > 0;
    digits = 0;
    if (d[at] == '#') /* a comment, to the end of its line */
      while (at + 1 < size && d[at + 1] != '\n' && d[at + 1] != '\r') at++;
  }
  return false;
}
/* What the uncompressed formats need at least. */
static bool too_short(const unsigned char *d, size_t size, int32_t w, int32_t h) {
  if (size >= 6 && d[0] == 'B' && d[1] == 'M') return scion__le32(d + 2) > size;
  if (size >= 2 && d[0] == 'P' && (d[1] == '5' || d[1] == '6')) return (size_t)w * (size_t)h * (d[1] == '6' ? 3u : 1u) > size;
  if (size >= 3 && memcmp(d, "GIF", 3) == 0) return d[size - 1] != 0x3b && d[size - 1] != 0;
  if (size >= 18 && (d[2] == 2 || d[2] == 3) && d[0] != 0x89 && d[0] != 0xff) { /* TGA without compression */
    return 18u + d[0] + (size_t)w * (size_t)h * (d[16] / 8u) > size;
  }
  return false;
}

scion_status scion__picture_decode(const char *name, const unsigned char *data, size_t size, int32_t channels, scion_picture *out, char *message) {
  int w = 0, h = 0, c = 0;
  *out = (scion_picture){ 0 };
  if (size == 0 || size > INT_MAX) {
    snprintf(message, SCION_MESSAGE, "%s: %s", name, size == 0 ? "the file is empty" : "above 2 GB");
    return SCION_EFORMAT;
  }
  bool jpeg = size > 3 && data[0] == 0xff && data[1] == 0xd8;
  if (jpeg && jpeg_tables_too_large(data, size)) {
    snprintf(message, SCION_MESSAGE, "%s: a Huffman table of the JPEG has more than 256 codes", name);
    return SCION_EFORMAT;
  }
  if (pnm_number_too_long(data, size)) {
    snprintf(message, SCION_MESSAGE, "%s: a number in the header of the PNM has more than 9 digits", name);
    return SCION_EFORMAT;
  }
  if (!stbi_info_from_memory(data, (int)size, &w, &h, &c)) {
    snprintf(message, SCION_MESSAGE, "%s: not a picture that can be read (%s); JPEG, PNG, BMP, GIF, TGA and PNM can", name, stbi_failure_reason());
    return SCION_EFORMAT;
  }
  if (w < 1 || h < 1 || (long long)w * h > MAX_PIXELS) {
    snprintf(message, SCION_MESSAGE, "%s: %d x %d pixels; at most 2^28 are possible", name, w, h);
    return SCION_EFORMAT;
  }
  if ((long long)w * h > 65536 + PIXELS_PER_BYTE * (long long)size) { /* before memory is asked for */
    snprintf(message, SCION_MESSAGE, "%s: claims %d x %d pixels, more than %zu bytes can hold", name, w, h, size);
    return SCION_EFORMAT;
  }
  if ((jpeg && jpeg_truncated(data, size)) || too_short(data, size, w, h)) {
    snprintf(message, SCION_MESSAGE, "%s: the picture is cut off (%zu bytes)", name, size);
    return SCION_EFORMAT;
  }
  out->u8 = stbi_load_from_memory(data, (int)size, &w, &h, &c, channels);
  if (out->u8 == NULL) {
    const char *why = stbi_failure_reason();
    bool memory = why != NULL && strcmp(why, "outofmem") == 0;
    snprintf(message, SCION_MESSAGE, "%s: %s", name, memory || why == NULL ? "out of memory" : why);
    return memory ? SCION_ENOMEM : SCION_EFORMAT;
  }
  out->h = h, out->w = w, out->c = channels != 0 ? channels : c;
  return SCION_OK;
}

static scion_status to_tensor(scion_context *ctx, const char *name, const unsigned char *data, size_t size, int32_t channels, scion_tensor **out) {
  char message[SCION_MESSAGE];
  scion_picture p;
  if (channels != 0 && channels != 1 && channels != 3 && channels != 4) return scion_fail(ctx, SCION_EINVAL, "image: channels is %d, expected 0, 1, 3 or 4", channels);
  scion_status st = scion__picture_decode(name, data, size, channels, &p, message);
  if (st != SCION_OK) return scion_fail(ctx, st, "%s", message);
  st = scion__tensor_alloc(ctx, SCION_U8, 3, (int64_t[]){ p.c, p.h, p.w }, out);
  if (st == SCION_OK) {
    uint8_t *y = (uint8_t *)(*out)->data;
    int64_t plane = (int64_t)p.h * p.w;
    for (int32_t k = 0; k < p.c; k++)
      for (int64_t i = 0; i < plane; i++) y[k * plane + i] = p.u8[i * p.c + k];
  }
  scion__picture_free(&p);
  return st;
}
scion_status scion_image_read(scion_context *ctx, const char *path, int32_t channels, scion_tensor **out) {
  scion_file f;
  *out = NULL;
  SCION_TRY(scion__file_open(ctx, path, &f));
  /* a copy: a file that shrinks meanwhile is an error and no fault */
  unsigned char *data = scion__alloc(ctx, f.size + 1);
  scion_status st = data == NULL ? SCION_ENOMEM : scion__file_read(ctx, &f, 0, data, f.size);
  if (st == SCION_OK) st = to_tensor(ctx, path, data, f.size, channels, out);
  scion__free(ctx, data, f.size + 1);
  scion__file_close(ctx, &f);
  return st;
}
scion_status scion_image_read_memory(scion_context *ctx, const char *name, const void *data, size_t size, int32_t channels, scion_tensor **out) {
  *out = NULL;
  return to_tensor(ctx, name, data, size, channels, out);
}
