/* weights.c: files told by content; named tensors from whatever file they are in: safetensors (scion's own networks included),
 * PyTorch, NumPy's npz and npy, MXNet's params. */
#include <stdio.h>

#include "onnx.h"
#include "weights.h"
#include "zip.h"

scion_status scion__weights_add(scion_context *ctx, scion_weights *w, const char *name, scion_tensor *t) {
  scion_status st = SCION_ENOMEM;
  if (w->n == w->cap) {
    int32_t cap = w->cap == 0 ? 64 : 2 * w->cap;
    size_t each = sizeof *w->names + sizeof *w->tensors;
    char **names = scion__alloc(ctx, (size_t)cap * each);
    if (names == NULL) goto failed;
    scion_tensor **tensors = (scion_tensor **)(void *)(names + cap);
    if (w->n > 0) {
      memcpy(names, w->names, (size_t)w->n * sizeof *names);
      memcpy(tensors, w->tensors, (size_t)w->n * sizeof *tensors);
    }
    scion__free(ctx, w->names, (size_t)w->cap * each);
    w->names = names;
    w->tensors = tensors;
    w->cap = cap;
  }
  if ((w->names[w->n] = scion__strdup(ctx, name)) == NULL) goto failed;
  w->tensors[w->n++] = t;
  return SCION_OK;
failed:
  scion_tensor_free(ctx, t);
  return st;
}

static scion_status read_safetensors(scion_context *ctx, const scion_file *f, scion_weights *w) {
  scion_safetensors *file;
  scion_tensor_info info;
  w->format = "safetensors";
  if (f->shared != NULL) SCION_TRY(scion_safetensors_map(ctx, f->path, &file));
  else if (f->fd >= 0) SCION_TRY(scion_safetensors_open(ctx, f->path, &file));
  else SCION_TRY(scion_safetensors_open_memory(ctx, f->path, f->data, f->size, &file));
  scion_status st = SCION_OK;
  for (int32_t i = 0; st == SCION_OK && scion_safetensors_at(file, i, &info); i++) {
    scion_tensor *t;
    st = scion_safetensors_read(ctx, file, i, &t);
    if (st == SCION_OK) st = scion__weights_add(ctx, w, info.name, t);
  }
  scion_safetensors_close(ctx, file);
  return st;
}
static scion_status read_npz(scion_context *ctx, const scion_file *file, scion_weights *w) {
  scion_zip *zip;
  w->format = "npz";
  SCION_TRY(scion_zip_open_memory(ctx, file->path, file->data, file->size, &zip));
  scion_status st = SCION_OK;
  for (int32_t i = 0; st == SCION_OK && i < scion_zip_count(zip); i++) {
    const char *name = scion_zip_name(zip, i);
    size_t n = strlen(name);
    char text[512];
    scion_tensor *t;
    if (n < 5 || n >= sizeof text || strcmp(name + n - 4, ".npy") != 0) continue;
    st = scion__npz_read(ctx, file, zip, i, &t);
    snprintf(text, sizeof text, "%.*s", (int)(n - 4), name);
    if (st == SCION_OK) st = scion__weights_add(ctx, w, text, t);
  }
  scion_zip_close(ctx, zip);
  if (st == SCION_OK && w->n == 0) st = scion_fail(ctx, SCION_EFORMAT, "%s: a zip archive without arrays (.npy) or PyTorch's data.pkl", file->path);
  return st;
}

/* What a file is, by its first bytes (and a zip's members): a word of scion_file_format, NULL: unknown. */
static const char *format_of(scion_context *ctx, const scion_file *f) {
  static const unsigned char torch[] = { 0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20 };
  size_t blank = 0;
  if (f->size >= 4 && scion__le32(f->data) == 0x04034b50) return scion__torch_is_zip(ctx, f) ? "pytorch" : "npz";
  if (f->size >= sizeof torch && memcmp(f->data, torch, sizeof torch) == 0) return "pytorch";
  if (f->size >= 8 && scion__le64(f->data) == 0x112) return "mxnet";
  if (f->size >= 6 && memcmp(f->data, "\x93NUMPY", 6) == 0) return "npy";
  if (f->size >= 9 && f->data[8] == '{') {
    uint64_t n = scion__le64(f->data), left = f->size - 8;
    static const char word[] = "\"scion.net\"";
    return memmem(f->data + 8, (size_t)(n < left ? n : left), word, sizeof word - 1) != NULL ? "scion" : "safetensors";
  }
  while (blank < f->size && (f->data[blank] == ' ' || f->data[blank] == '\n' || f->data[blank] == '\r' || f->data[blank] == '\t')) blank++;
  if (blank < f->size && f->data[blank] == '{' && memmem(f->data, f->size, "\"repurposer_class\"", 18) != NULL) return "xfer";
  if (blank < f->size && f->data[blank] == '{' && memmem(f->data, f->size, "\"nodes\"", 7) != NULL) return "mxnet-symbol";
  return f->size > 2 && f->data[0] == 0x08 ? "onnx" : NULL;
}
scion_status scion_file_format(scion_context *ctx, const char *path, const char **out) {
  scion_file f;
  *out = NULL;
  SCION_TRY(scion__file_open(ctx, path, &f));
  *out = format_of(ctx, &f);
  scion__file_close(ctx, &f);
  return SCION_OK;
}

static scion_status read_any(scion_context *ctx, const scion_file *f, scion_weights *w) {
  const char *path = f->path;
  const char *format = format_of(ctx, f);
  if (format == NULL) format = "";
  if (strcmp(format, "pytorch") == 0) return scion__torch_read(ctx, f, w);
  if (strcmp(format, "npz") == 0) return read_npz(ctx, f, w);
  if (strcmp(format, "mxnet") == 0) return scion__mxnet_read(ctx, f, w);
  if (strcmp(format, "safetensors") == 0 || strcmp(format, "scion") == 0) return read_safetensors(ctx, f, w);
  if (strcmp(format, "npy") == 0) {
    scion_tensor *t;
    w->format = "npy";
    SCION_TRY(scion_npy_read_memory(ctx, path, f->data, f->size, &t));
    return scion__weights_add(ctx, w, "tensor", t);
  }
  if (f->size >= 2 && f->data[0] == 0x80 && f->data[1] <= 5) {
    return scion_fail(ctx, SCION_EUNSUPPORTED, "%s: a pickle that torch.save did not write; save the tensors with torch.save, numpy.savez or safetensors", path);
  }
  if (f->size >= 8 && memcmp(f->data, "\x89HDF\r\n\x1a\n", 8) == 0) return scion_fail(ctx, SCION_EUNSUPPORTED, "%s: an HDF5 file (Keras); export it as ONNX", path);
  return scion_fail(ctx, SCION_EFORMAT, "%s: no file of weights that is known (safetensors, PyTorch, npz, npy, MXNet params)", path);
}

static scion_status open_file(scion_context *ctx, const scion_file *f, scion_weights **out) {
  scion_weights *w = scion__calloc(ctx, sizeof *w);
  scion_status st = w == NULL ? SCION_ENOMEM : read_any(ctx, f, w);
  if (st == SCION_OK) *out = w;
  else if (w != NULL) scion_weights_close(ctx, w);
  return st;
}
static scion_status open_path(scion_context *ctx, const char *path, bool map, scion_weights **out) {
  scion_file f;
  *out = NULL;
  SCION_TRY(scion__file_open(ctx, path, &f));
  scion_status st = map ? scion__file_share(ctx, &f) : SCION_OK;
  if (st == SCION_OK) st = open_file(ctx, &f, out);
  scion__file_close(ctx, &f);
  return st;
}
scion_status scion_weights_open(scion_context *ctx, const char *path, scion_weights **out) { return open_path(ctx, path, false, out); }
scion_status scion_weights_map(scion_context *ctx, const char *path, scion_weights **out) { return open_path(ctx, path, true, out); }
scion_status scion_weights_open_memory(scion_context *ctx, const char *name, const void *data, size_t size, scion_weights **out) {
  scion_file f;
  *out = NULL;
  SCION_TRY(scion__file_memory(ctx, name, data, size, &f));
  scion_status st = open_file(ctx, &f, out);
  scion__file_close(ctx, &f);
  return st;
}
void scion_weights_close(scion_context *ctx, scion_weights *w) {
  if (w == NULL) return;
  for (int32_t i = 0; i < w->n; i++) {
    scion__strfree(ctx, w->names[i]);
    scion_tensor_free(ctx, w->tensors[i]);
  }
  scion__free(ctx, w->names, (size_t)w->cap * (sizeof *w->names + sizeof *w->tensors));
  scion__free(ctx, w, sizeof *w);
}
const char *scion_weights_format(const scion_weights *w) { return w->format; }
int32_t scion_weights_count(const scion_weights *w) { return w->n; }
const char *scion_weights_name(const scion_weights *w, int32_t i) { return i >= 0 && i < w->n ? w->names[i] : NULL; }
scion_tensor *scion_weights_get(const scion_weights *w, int32_t i) { return i >= 0 && i < w->n ? w->tensors[i] : NULL; }

scion_status scion_model_load(scion_context *ctx, const char *path, const scion_net_load_options *options, scion_net **out) {
  const char *format;
  bool map = options != NULL && options->size >= offsetof(scion_net_load_options, mmap) + sizeof options->mmap && options->mmap;
  *out = NULL;
  SCION_TRY(scion_file_format(ctx, path, &format));
  if (format != NULL && strcmp(format, "onnx") == 0) return scion__onnx_load(ctx, path, map, out);
  if (format != NULL && strcmp(format, "mxnet-symbol") == 0) return scion_mxnet_load(ctx, path, NULL, -1, out);
  if (format == NULL || strcmp(format, "scion") == 0 || strcmp(format, "safetensors") == 0) return scion_net_load(ctx, path, options, out);
  if (strcmp(format, "xfer") == 0) return scion_fail(ctx, SCION_EUNSUPPORTED, "%s: a repurposer that Xfer saved; scion.load of Lua reads it", path);
  return scion_fail(ctx, SCION_EFORMAT, "%s: holds weights alone (%s); describe the network and give it the file with load_weights", path, format);
}
