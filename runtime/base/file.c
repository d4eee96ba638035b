/* file.c: mapped files and atomic replacement. Named pipes, devices and directories are refused: opening
 * must neither hang nor read without end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

#define BUFFER (256u << 10)

static scion_status io_error(scion_context *ctx, const char *path, const char *what, int code) {
  char text[128];
  const char *reason = strerror_r(code, text, sizeof text); /* GNU's: returns the text */
  return scion_fail(ctx, SCION_EIO, "%s: %s: %s", path, what, reason);
}

scion_status scion__file_open(scion_context *ctx, const char *path, scion_file *out) {
  memset(out, 0, sizeof *out);
  out->fd = -1;
  int fd;
  do fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) return io_error(ctx, path, "cannot open", errno);
  struct stat st;
  if (fstat(fd, &st) != 0) {
    int code = errno;
    close(fd);
    return io_error(ctx, path, "cannot look at it", code);
  }
  if (!S_ISREG(st.st_mode)) {
    close(fd);
    return scion_fail(ctx, SCION_EIO, "%s: %s, not a file", path, S_ISDIR(st.st_mode) ? "a directory" : "a device or pipe");
  }
  char *name = scion__strdup(ctx, path);
  if (name == NULL) {
    close(fd);
    return SCION_ENOMEM;
  }
  void *map = NULL;
  if (st.st_size > 0) {
    map = (uint64_t)st.st_size > SIZE_MAX ? MAP_FAILED : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
      int code = errno;
      scion__strfree(ctx, name);
      close(fd);
      return io_error(ctx, path, "cannot map into memory", code);
    }
  }
  *out = (scion_file){ name, map, (size_t)st.st_size, fd, map != NULL, NULL };
  return SCION_OK;
}

scion_status scion__file_memory(scion_context *ctx, const char *name, const void *data, size_t size, scion_file *out) {
  memset(out, 0, sizeof *out);
  out->fd = -1;
  char *copy = scion__strdup(ctx, name);
  if (copy == NULL) return SCION_ENOMEM;
  *out = (scion_file){ copy, size == 0 ? NULL : data, size, -1, false, NULL };
  return SCION_OK;
}

/* ---- mappings that tensors lie in ------------------------------------------------------------------ */

struct scion_mapping {
  atomic_int refs;
  scion_heap *heap;
  void *data;
  size_t size;
};
scion_status scion__file_share(scion_context *ctx, scion_file *f) {
  if (f->fd < 0 || f->size == 0 || f->shared != NULL) return SCION_OK;
  scion_mapping *m = scion__alloc(ctx, sizeof *m);
  if (m == NULL) return SCION_ENOMEM;
  void *data = mmap(NULL, f->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, f->fd, 0);
  if (data == MAP_FAILED) {
    int code = errno;
    scion__free(ctx, m, sizeof *m);
    return io_error(ctx, f->path, "cannot map into memory", code);
  }
  *m = (scion_mapping){ .heap = ctx->heap, .data = data, .size = f->size };
  atomic_init(&m->refs, 1);
  if (f->mapped) munmap((void *)(uintptr_t)f->data, f->size);
  f->mapped = false;
  f->data = data;
  f->shared = m;
  return SCION_OK;
}
void scion__mapping_ref(scion_mapping *m) { atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed); }
void scion__mapping_release(void *mapping, void *unused) {
  scion_mapping *m = mapping;
  (void)unused;
  if (atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1) return;
  munmap(m->data, m->size);
  scion__heap_free(m->heap, false, m, sizeof *m);
}

void scion__file_close(scion_context *ctx, scion_file *f) {
  if (f->path == NULL) return;
  if (f->mapped) munmap((void *)(uintptr_t)f->data, f->size);
  if (f->shared != NULL) scion__mapping_release(f->shared, NULL);
  if (f->fd >= 0) close(f->fd);
  scion__strfree(ctx, (char *)(uintptr_t)f->path);
  memset(f, 0, sizeof *f);
  f->fd = -1;
}

scion_status scion__file_read(scion_context *ctx, const scion_file *f, uint64_t offset, void *data, size_t bytes) {
  if (offset > f->size || bytes > f->size - offset) {
    return scion_fail(ctx, SCION_EFORMAT, "%s: %zu bytes expected at byte %llu, but the file has %zu", f->path, bytes,
                      (unsigned long long)offset, f->size);
  }
  if (f->fd < 0) {
    if (bytes > 0) memcpy(data, f->data + offset, bytes);
    return SCION_OK;
  }
  char *p = data;
  while (bytes > 0) {
    ssize_t n = pread(f->fd, p, bytes > 1u << 30 ? 1u << 30 : bytes, (off_t)offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(ctx, f->path, "cannot read", errno);
    if (n == 0) return scion_fail(ctx, SCION_EFORMAT, "%s: became shorter while it was read", f->path);
    p += n;
    offset += (uint64_t)n;
    bytes -= (size_t)n;
  }
  return SCION_OK;
}

/* ---- writing ------------------------------------------------------------------------------------ */

static atomic_uint serial = 0;

scion_status scion__writer_open(scion_context *ctx, const char *path, scion_writer *out) {
  memset(out, 0, sizeof *out);
  out->fd = -1;
  char *real = realpath(path, NULL); /* an existing link stays a link */
  out->path = scion__strdup(ctx, real != NULL ? real : path);
  free(real);
  if (out->path == NULL) return out->status = SCION_ENOMEM;
  struct stat st;
  bool exists = stat(out->path, &st) == 0;
  if (exists && !S_ISREG(st.st_mode)) {
    scion_fail(ctx, SCION_EIO, "%s: %s, not a file", path, S_ISDIR(st.st_mode) ? "a directory" : "a device or pipe");
    scion__writer_abandon(ctx, out);
    return out->status = SCION_EIO;
  }
  out->buffer = scion__alloc(ctx, BUFFER);
  for (int attempt = 0; out->buffer != NULL && attempt < 100 && out->fd < 0; attempt++) {
    scion_text name;
    scion__text_init(&name, ctx);
    scion__text_add(&name, "%s.%ld-%u.tmp", out->path, (long)getpid(), atomic_fetch_add(&serial, 1));
    scion__strfree(ctx, out->temporary);
    out->temporary = scion__text_take(&name);
    if (out->temporary == NULL) break;
    out->fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (out->fd < 0 && errno != EEXIST && errno != EINTR) {
      int code = errno;
      scion__strfree(ctx, out->temporary);
      out->temporary = NULL;
      scion__writer_abandon(ctx, out);
      return out->status = io_error(ctx, path, "cannot write", code);
    }
  }
  if (out->fd < 0) {
    scion__strfree(ctx, out->temporary);
    out->temporary = NULL;
    scion__writer_abandon(ctx, out);
    return out->status = SCION_ENOMEM;
  }
  if (exists) (void)!fchmod(out->fd, st.st_mode & 07777);
  return SCION_OK;
}

static scion_status flush(scion_context *ctx, scion_writer *w, const unsigned char *p, size_t n) {
  while (n > 0) {
    ssize_t k = write(w->fd, p, n > 1u << 30 ? 1u << 30 : n);
    if (k < 0 && errno == EINTR) continue;
    if (k <= 0) return w->status = io_error(ctx, w->path, "cannot write", k < 0 ? errno : ENOSPC);
    p += k;
    n -= (size_t)k;
  }
  return SCION_OK;
}

scion_status scion__writer_put(scion_context *ctx, scion_writer *w, const void *data, size_t bytes) {
  if (w->status != SCION_OK) return w->status;
  w->written += bytes;
  if (bytes >= BUFFER) {
    SCION_TRY(flush(ctx, w, w->buffer, w->used));
    w->used = 0;
    return flush(ctx, w, data, bytes);
  }
  if (w->used + bytes > BUFFER) {
    SCION_TRY(flush(ctx, w, w->buffer, w->used));
    w->used = 0;
  }
  if (bytes > 0) memcpy(w->buffer + w->used, data, bytes);
  w->used += bytes;
  return SCION_OK;
}

scion_status scion__writer_commit(scion_context *ctx, scion_writer *w) {
  scion_status st = w->status;
  if (st == SCION_OK) st = flush(ctx, w, w->buffer, w->used);
  if (st == SCION_OK && fsync(w->fd) != 0) st = io_error(ctx, w->path, "cannot write to disk", errno);
  int fd = w->fd;
  w->fd = -1;
  if (close(fd) != 0 && st == SCION_OK && errno != EINTR) st = io_error(ctx, w->path, "cannot write to disk", errno);
  if (st == SCION_OK && rename(w->temporary, w->path) != 0) st = io_error(ctx, w->path, "cannot replace", errno);
  if (st == SCION_OK) {
    scion__strfree(ctx, w->temporary);
    w->temporary = NULL;
    char *slash = strrchr(w->path, '/');
    if (slash != NULL) slash[slash == w->path] = '\0'; /* the directory; the path is not needed any more */
    int dir = open(slash != NULL ? w->path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0) {
      (void)!fsync(dir); /* not every file system can; the data is safe */
      close(dir);
    }
  }
  scion__writer_abandon(ctx, w);
  w->status = st;
  return st;
}

void scion__writer_abandon(scion_context *ctx, scion_writer *w) {
  if (w->path == NULL) return;
  if (w->fd >= 0) close(w->fd);
  if (w->temporary != NULL) unlink(w->temporary);
  scion__strfree(ctx, w->temporary);
  scion__strfree(ctx, w->path);
  scion__free(ctx, w->buffer, BUFFER);
  memset(w, 0, sizeof *w);
  w->fd = -1;
}

void scion__swap_bytes(void *data, size_t n, size_t size) {
  if (size == 2) {
    uint16_t *p = data;
    for (size_t i = 0; i < n; i++) p[i] = __builtin_bswap16(p[i]);
  } else if (size == 4) {
    uint32_t *p = data;
    for (size_t i = 0; i < n; i++) p[i] = __builtin_bswap32(p[i]);
  } else if (size == 8) {
    uint64_t *p = data;
    for (size_t i = 0; i < n; i++) p[i] = __builtin_bswap64(p[i]);
  }
}
