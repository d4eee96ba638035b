/* pictures.c: where a loader's pictures come from: files, members of a zip, a tensor. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pictures.h"
#include "../io/zip.h"

static scion_status make(scion_context *ctx, int64_t n, int32_t channels, bool named, scion_pictures **out) {
  if (channels != 1 && channels != 3 && channels != 4) return scion_fail(ctx, SCION_EINVAL, "pictures: channels is %d, expected 1, 3 or 4", channels);
  if (n < 0 || n > 1LL << 40) return scion_fail(ctx, SCION_EINVAL, "pictures: a source of %lld pictures", (long long)n);
  scion_pictures *p = scion__calloc(ctx, sizeof *p);
  if (p == NULL) return SCION_ENOMEM;
  atomic_init(&p->refs, 1);
  p->n = n;
  p->channels = channels;
  if (named && n > 0 && (p->names = scion__calloc(ctx, (size_t)n * sizeof *p->names)) == NULL) {
    scion__free(ctx, p, sizeof *p);
    return SCION_ENOMEM;
  }
  *out = p;
  return SCION_OK;
}
void scion_pictures_free(scion_context *ctx, scion_pictures *p) {
  if (p == NULL || atomic_fetch_sub(&p->refs, 1) > 1) return;
  for (int64_t i = 0; p->names != NULL && i < p->n; i++)
    if (p->names[i] != NULL) scion__strfree(ctx, p->names[i]);
  if (p->names != NULL) scion__free(ctx, p->names, (size_t)p->n * sizeof *p->names);
  if (p->members != NULL) scion__free(ctx, p->members, (size_t)p->n * sizeof *p->members);
  scion_zip_close(ctx, p->zip);
  scion_tensor_free(ctx, p->tensor);
  scion__free(ctx, p, sizeof *p);
}
scion_pictures *scion__pictures_ref(scion_pictures *p) {
  atomic_fetch_add(&p->refs, 1);
  return p;
}
int64_t scion_pictures_count(const scion_pictures *p) { return p->n; }
const char *scion_pictures_name(const scion_pictures *p, int64_t i) {
  if (i < 0 || i >= p->n) return NULL;
  return p->names != NULL ? p->names[i] : "";
}

scion_status scion_pictures_files(scion_context *ctx, int64_t n, const char *const *paths, int32_t channels, scion_pictures **out) {
  *out = NULL;
  SCION_TRY(make(ctx, n, channels, true, out));
  for (int64_t i = 0; i < n; i++) {
    if (((*out)->names[i] = scion__strdup(ctx, paths[i])) != NULL) continue;
    scion_pictures_free(ctx, *out);
    *out = NULL;
    return SCION_ENOMEM;
  }
  return SCION_OK;
}

static bool picture_name(const char *name) {
  static const char *const endings[] = { "jpg", "jpeg", "png", "bmp", "gif", "tga", "ppm", "pgm", "pnm" };
  const char *base = strrchr(name, '/'), *dot = strrchr(name, '.');
  base = base == NULL ? name : base + 1;
  for (size_t i = 0; dot != NULL && base[0] != '.' && i < sizeof endings / sizeof *endings; i++)
    if (strcasecmp(dot + 1, endings[i]) == 0) return true;
  return false;
}
typedef struct { const char *name; int32_t member; } entry;
static int by_name(const void *a, const void *b) { return strcmp(((const entry *)a)->name, ((const entry *)b)->name); }
static scion_status fill_from_zip(scion_context *ctx, scion_pictures *p, const char *path, int64_t n, const char *const *members, const entry *all) {
  p->members = scion__alloc(ctx, (size_t)scion__max(n, 1) * sizeof *p->members);
  if (p->members == NULL) return SCION_ENOMEM;
  if (n == 0) {
    scion__free(ctx, p->members, sizeof *p->members);
    p->members = NULL;
  }
  for (int64_t i = 0; i < n; i++) {
    p->members[i] = members != NULL ? scion_zip_find(p->zip, members[i]) : all[i].member;
    if (p->members[i] < 0) return scion_fail(ctx, SCION_EINVAL, "%s: has no member '%s'", path, members[i]);
    if ((p->names[i] = scion__strdup(ctx, scion_zip_name(p->zip, p->members[i]))) == NULL) return SCION_ENOMEM;
  }
  return SCION_OK;
}
scion_status scion_pictures_zip(scion_context *ctx, const char *path, int64_t n, const char *const *members, int32_t channels, scion_pictures **out) {
  scion_zip *zip;
  *out = NULL;
  SCION_TRY(scion_zip_open(ctx, path, &zip));
  int32_t count = scion_zip_count(zip);
  size_t bytes = (size_t)scion__max(count, 1) * sizeof(entry);
  entry *all = scion__alloc(ctx, bytes);
  scion_status st = all == NULL ? SCION_ENOMEM : SCION_OK;
  if (st == SCION_OK && n == 0) {
    members = NULL;
    for (int32_t i = 0; i < count; i++)
      if (picture_name(scion_zip_name(zip, i))) all[n++] = (entry){ scion_zip_name(zip, i), i };
    qsort(all, (size_t)n, sizeof *all, by_name);
  }
  if (st == SCION_OK) st = make(ctx, n, channels, true, out);
  if (st == SCION_OK) {
    (*out)->zip = zip;
    zip = NULL;
    st = fill_from_zip(ctx, *out, path, n, members, all);
    if (st != SCION_OK) {
      scion_pictures_free(ctx, *out);
      *out = NULL;
    }
  }
  if (all != NULL) scion__free(ctx, all, bytes);
  scion_zip_close(ctx, zip);
  return st;
}

scion_status scion_pictures_tensor(scion_context *ctx, scion_tensor *t, scion_pictures **out) {
  char shape[SCION_SHAPE_TEXT];
  *out = NULL;
  int32_t c = t->n_dims == 4 ? (int32_t)scion__min(t->shape[1], 99) : 1;
  if (t->dtype != SCION_U8 || (t->n_dims != 3 && t->n_dims != 4) || c < 1 || c > 4 || c == 2) {
    return scion_fail(ctx, SCION_ESHAPE, "pictures: expected u8 (N, C, H, W) with 1, 3 or 4 channels, or (N, H, W), got %s %s",
                      scion_dtype_name((scion_dtype)t->dtype), scion__tensor_brief(shape, t));
  }
  if (t->shape[t->n_dims - 1] < 1 || t->shape[t->n_dims - 2] < 1 || t->shape[t->n_dims - 1] * t->shape[t->n_dims - 2] > 1LL << 28) {
    return scion_fail(ctx, SCION_ESHAPE, "pictures: pictures of %s are empty or too large", scion__tensor_brief(shape, t));
  }
  SCION_TRY(make(ctx, t->shape[0], c, false, out));
  scion_status st = scion__tensor_packed(ctx, t, &(*out)->tensor);
  if (st != SCION_OK) {
    scion_pictures_free(ctx, *out);
    *out = NULL;
  }
  return st;
}

/* ---- one picture, on any thread -------------------------------------------------------------------------------------- */

static scion_status io_error(const char *path, char *message) {
  snprintf(message, SCION_MESSAGE, "%s: %s", path, strerror(errno));
  return SCION_EIO;
}
static scion_status read_whole(const char *path, unsigned char **data, size_t *size, char *message) {
  struct stat s;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return io_error(path, message);
  scion_status st = SCION_OK;
  *data = NULL;
  if (fstat(fd, &s) != 0) {
    st = io_error(path, message);
  } else if (!S_ISREG(s.st_mode) || s.st_size > INT32_MAX) {
    snprintf(message, SCION_MESSAGE, "%s: %s", path, S_ISREG(s.st_mode) ? "above 2 GB" : "not a regular file");
    st = SCION_EIO;
  } else if ((*data = malloc((size_t)s.st_size + 1)) == NULL) {
    snprintf(message, SCION_MESSAGE, "%s: out of memory", path);
    st = SCION_ENOMEM;
  }
  size_t at = 0;
  while (st == SCION_OK && at < (size_t)s.st_size) {
    ssize_t n = read(fd, *data + at, (size_t)s.st_size - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) st = io_error(path, message);
    if (n <= 0) break;
    at += (size_t)n;
  }
  *size = at;
  close(fd);
  return st;
}

scion_status scion__pictures_get(const scion_pictures *p, int64_t i, scion_picture *out, char *message) {
  unsigned char *data = NULL;
  size_t size = 0;
  *out = (scion_picture){ 0 };
  if (p->tensor != NULL) {
    const scion_tensor *t = p->tensor;
    int64_t plane = t->shape[t->n_dims - 2] * t->shape[t->n_dims - 1];
    const uint8_t *from = (const uint8_t *)t->data + i * plane * p->channels;
    *out = (scion_picture){ (int32_t)t->shape[t->n_dims - 2], (int32_t)t->shape[t->n_dims - 1], p->channels, malloc((size_t)(plane * p->channels)), NULL };
    if (out->u8 == NULL) {
      snprintf(message, SCION_MESSAGE, "out of memory");
      return SCION_ENOMEM;
    }
    for (int32_t k = 0; k < p->channels; k++)
      for (int64_t e = 0; e < plane; e++) out->u8[e * p->channels + k] = from[k * plane + e];
    return SCION_OK;
  }
  scion_status st;
  if (p->zip == NULL) {
    st = read_whole(p->names[i], &data, &size, message);
  } else {
    uint64_t bytes = scion_zip_size(p->zip, p->members[i]);
    scion_status fits = scion__zip_check(p->zip, p->members[i], message, SCION_MESSAGE);
    if (fits != SCION_OK) return fits;
    size = (size_t)bytes;
    /* a member that claims more than its compressed bytes can hold is refused by the reader; 2 GB is stb's limit */
    data = bytes <= INT32_MAX ? malloc(size + 1) : NULL;
    if (data == NULL) {
      snprintf(message, SCION_MESSAGE, "%s: no memory for %llu bytes", p->names[i], (unsigned long long)bytes);
      return SCION_ENOMEM;
    }
    st = scion__zip_extract(p->zip, p->members[i], data, NULL, message, SCION_MESSAGE);
  }
  if (st == SCION_OK) st = scion__picture_decode(p->names[i], data, size, p->channels, out, message);
  free(data);
  return st;
}
