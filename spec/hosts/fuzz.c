/* fuzz.c: damaged files into every reader. `make fuzz` builds it with the address and undefined-behaviour sanitizers and
 * with coverage (gcc's trace-pc), so that inputs which reach new code are kept and damaged further; built without them
 * (as a spec does) it damages the seeds alone.
 *
 *   fuzz --list                                   names of the readers
 *   fuzz READER SEED_DIR [INPUTS] [SEED] [KEEP_DIR]   prints one line: reader, inputs, accepted, kept, largest memory, slowest
 *   fuzz READER FILE                              one file, to look at a finding
 *
 * For each input: no crash, no leak, a status and a message when it is refused, memory in proportion to the file, bounded
 * time. What fails lies in KEEP_DIR/crash-READER. A new reader is a function and a line in the table `readers`. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "scion.h"

#define MAX_BYTES (1u << 17)
#define MAX_CORPUS 4096
#define SECONDS 10 /* for one input, under sanitizers on a busy machine */

typedef struct blob { unsigned char *data; size_t size; } blob;

/* ---- what readers are made to do ------------------------------------------------------------------------ */

static scion_context *ctx;
static char scratch[4096]; /* a file for readers that want a path */

/* Looks at every element. */
static scion_status look(scion_status st, scion_tensor *t) {
  char *text = NULL;
  if (st != SCION_OK) return st;
  if (scion_tensor_numel(t) > 0) {
    size_t bytes = (size_t)scion_tensor_numel(t) * scion_dtype_size(scion_tensor_dtype(t));
    void *copy = malloc(bytes);
    if (copy != NULL && scion_tensor_read(ctx, t, copy, bytes) != SCION_OK) abort();
    free(copy);
  }
  if (scion_tensor_text(ctx, t, &text) == SCION_OK) scion_text_free(ctx, text);
  scion_tensor_free(ctx, t);
  return SCION_OK;
}

static void write_scratch(const void *data, size_t size) {
  int fd = open(scratch, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  for (size_t at = 0; fd >= 0 && at < size;) {
    ssize_t n = write(fd, (const char *)data + at, size - at);
    if (n <= 0) break;
    at += (size_t)n;
  }
  if (fd < 0 || close(fd) != 0) {
    perror(scratch);
    exit(2);
  }
}

static scion_status read_npy(const void *data, size_t size) {
  scion_tensor *t = NULL;
  scion_status st = scion_npy_read_memory(ctx, "input", data, size, &t);
  return look(st, t);
}
static scion_status read_idx(const void *data, size_t size) {
  scion_tensor *t = NULL;
  scion_status st = scion_idx_read_memory(ctx, "input", data, size, &t);
  return look(st, t);
}
static scion_status read_image(const void *data, size_t size) {
  scion_status st = SCION_OK;
  for (int32_t channels = 0; channels < 4 && st == SCION_OK; channels += 3) {
    scion_tensor *t = NULL;
    st = scion_image_read_memory(ctx, "input", data, size, channels, &t);
    if (st == SCION_OK) scion_tensor_free(ctx, t);
  }
  return st;
}
static scion_status read_zip(const void *data, size_t size) { /* as npz, and every member's bytes */
  scion_zip *zip = NULL;
  scion_status st = scion_zip_open_memory(ctx, "input", data, size, &zip);
  for (int32_t i = 0; st == SCION_OK && i < scion_zip_count(zip); i++) {
    scion_tensor *t = NULL;
    uint64_t bytes = scion_zip_size(zip, i);
    void *member = bytes < 1u << 26 ? malloc(bytes + 1) : NULL;
    if (scion_zip_name(zip, i) == NULL || scion_zip_find(zip, scion_zip_name(zip, i)) < 0) abort();
    if (member != NULL) (void)!scion_zip_read(ctx, zip, i, member, bytes);
    free(member);
    st = scion_npz_read(ctx, zip, i, &t);
    st = look(st, t);
  }
  scion_zip_close(ctx, zip);
  return st;
}
static scion_status read_safetensors(const void *data, size_t size) {
  scion_safetensors *file = NULL;
  scion_tensor_info info;
  const char *key, *value;
  scion_status st = scion_safetensors_open_memory(ctx, "input", data, size, &file);
  for (int32_t i = 0; st == SCION_OK && scion_safetensors_at(file, i, &info); i++) {
    scion_tensor *t = NULL;
    if (scion_safetensors_find(file, info.name) < 0) abort();
    st = scion_safetensors_read(ctx, file, i, &t);
    st = look(st, t);
  }
  for (int32_t i = 0; st == SCION_OK && scion_safetensors_meta_at(file, i, &key, &value); i++) (void)scion_safetensors_meta(file, key);
  scion_safetensors_close(ctx, file);
  return st;
}

/* A net that was accepted also runs (on inputs of small sizes), is described and saved again. */
static scion_status use_net(scion_status st, scion_net *net) {
  enum { MOST = 8 };
  scion_tensor *in[MOST] = { NULL }, *out[MOST] = { NULL };
  scion_net_shape shapes[MOST];
  int32_t n = st == SCION_OK ? scion_net_n_inputs(net) : 0, m = st == SCION_OK ? scion_net_n_outputs(net) : 0;
  if (st != SCION_OK) return st;
  bool small = n <= MOST && m <= MOST && scion_net_n_nodes(net) < 1000;
  for (int32_t i = 0; i < n && small; i++) {
    scion_input_info info;
    scion_net_get_input(net, i, &info);
    shapes[i] = info.shape;
    if (shapes[i].dtype < 0) shapes[i].dtype = SCION_F32;
    if (shapes[i].n_dims < 0) shapes[i].n_dims = 2;
    int64_t numel = 1;
    for (int32_t d = 0; d < shapes[i].n_dims; d++) {
      if (shapes[i].shape[d] < 0) shapes[i].shape[d] = d == 0 ? 1 : 8;
      numel = shapes[i].shape[d] > 4096 || numel > 4096 ? INT64_MAX : numel * shapes[i].shape[d];
    }
    small = numel <= 4096 && scion_tensor_new(ctx, (scion_dtype)shapes[i].dtype, shapes[i].n_dims, shapes[i].shape, &in[i]) == SCION_OK;
  }
  if (small) {
    scion_net_shape *values = calloc((size_t)scion_net_n_values(net) + 1, sizeof *values);
    double *costs = calloc((size_t)scion_net_n_nodes(net) + 1, sizeof *costs), total = 0;
    bool known = scion_net_infer(ctx, net, shapes, n, NULL, values, costs) == SCION_OK;
    for (int32_t i = 0; i < scion_net_n_nodes(net) && known; i++) total += costs[i];
    scion_net_run run = SCION_NET_RUN_INIT;
    for (int plan = 0; plan < 2 && known && total < 1e6; plan++) { /* what is asked for at length is not what is tested here */
      run.plan = plan;
      run.mode = 0;
      if (scion_net_forward(ctx, net, in, n, &run, out, m) != SCION_OK) continue;
      for (int32_t i = 0; i < m; i++) scion_tensor_free(ctx, out[i]), out[i] = NULL;
    }
    free(values);
    free(costs);
  }
  for (int32_t i = 0; i < n && i < MOST; i++) scion_tensor_free(ctx, in[i]);
  scion_net_free(ctx, net);
  return SCION_OK;
}
static scion_status read_net(const void *data, size_t size) {
  scion_net *net = NULL;
  write_scratch(data, size);
  scion_status st = scion_model_load(ctx, scratch, NULL, &net);
  return use_net(st, net);
}
static scion_status read_onnx(const void *data, size_t size) {
  scion_net *net = NULL;
  scion_status st = scion_onnx_load_memory(ctx, "input", data, size, &net);
  return use_net(st, net);
}
/* Named tensors: PyTorch's two forms, MXNet's params. */
static scion_status look_at_all(scion_status st, scion_weights *w) {
  for (int32_t i = 0; st == SCION_OK && i < scion_weights_count(w); i++) {
    if (scion_weights_name(w, i) == NULL) abort();
    st = look(st, scion_tensor_ref(scion_weights_get(w, i)));
  }
  if (w != NULL) scion_weights_close(ctx, w);
  return st;
}
static scion_status read_weights(const void *data, size_t size) {
  scion_weights *w = NULL;
  scion_status st = scion_weights_open_memory(ctx, "input", data, size, &w);
  return look_at_all(st, w);
}
/* The same from a file whose pages become the tensors. */
static scion_status read_mapped(const void *data, size_t size) {
  scion_weights *w = NULL;
  write_scratch(data, size);
  scion_status st = scion_weights_map(ctx, scratch, &w);
  return look_at_all(st, w);
}
/* A symbol, a zero byte, its parameters. */
static scion_status read_symbol(const void *data, size_t size) {
  scion_net *net = NULL;
  scion_weights *w = NULL;
  const char *end = size > 0 ? memchr(data, 0, size) : NULL;
  size_t n = end != NULL ? (size_t)(end - (const char *)data) : size;
  if (end == NULL || scion_weights_open_memory(ctx, "params", end + 1, size - n - 1, &w) != SCION_OK) w = NULL; /* the symbol alone opens, too */
  scion_status st = scion_mxnet_load_memory(ctx, "input", data, n, w, &net);
  scion_weights_close(ctx, w);
  return use_net(st, net);
}
/* A zip of pictures, through the loader. */
static scion_status read_pictures(const void *data, size_t size) {
  scion_pictures *pictures = NULL;
  scion_transform *t = NULL;
  scion_loader *loader = NULL;
  scion_tensor *x = NULL;
  int64_t n = 0, positions[4];
  write_scratch(data, size);
  scion_status st = scion_pictures_zip(ctx, scratch, 0, NULL, 3, &pictures);
  if (st == SCION_OK) st = scion_transform_new(ctx, &t);
  scion_step_arg side = { .n = 1, .v = { 4 } };
  if (st == SCION_OK) st = scion_transform_add(ctx, t, "resize", 1, &side);
  if (st == SCION_OK) st = scion_transform_add(ctx, t, "center_crop", 1, &side);
  scion_loader_options options = SCION_LOADER_OPTIONS_INIT;
  options.prefetch = 0;
  options.batch_size = 4;
  options.skip_errors = 1;
  if (st == SCION_OK) st = scion_loader_new(ctx, pictures, t, &options, &loader);
  for (int i = 0; st == SCION_OK && i < 16; i++) {
    st = scion_loader_next(ctx, loader, &x, &n, positions);
    if (x == NULL) break;
    scion_tensor_free(ctx, x);
    x = NULL;
  }
  if (loader != NULL) scion_loader_free(ctx, loader);
  if (t != NULL) scion_transform_free(ctx, t);
  if (pictures != NULL) scion_pictures_free(ctx, pictures);
  return st;
}
static scion_status read_gzip(const void *data, size_t size) {
  char *bytes = NULL;
  size_t n = 0;
  write_scratch(data, size);
  scion_status st = scion_file_bytes(ctx, scratch, &bytes, &n);
  if (st == SCION_OK) scion_file_release(NULL, bytes);
  return st;
}

/* name, reader, bytes of memory that one byte of the file may ask for (deflate: 1032; a picture's run lengths likewise) */
static const struct reader { const char *name; scion_status (*read)(const void *, size_t); int64_t factor; } readers[] = {
  { "npy", read_npy, 64 },
  { "zip", read_zip, 4096 },
  { "idx", read_idx, 4096 },
  { "gzip", read_gzip, 4096 },
  { "safetensors", read_safetensors, 128 },
  { "net", read_net, 512 },
  { "onnx", read_onnx, 512 },
  { "weights", read_weights, 4096 },
  { "mapped", read_mapped, 4096 },
  { "symbol", read_symbol, 512 },
  { "pictures", read_pictures, 100000 },
  { "image", read_image, 100000 }, /* 8256 pixels from a byte, and stb works on copies */
};
enum { N_READERS = sizeof readers / sizeof *readers };
#define FREE_MEMORY ((int64_t)8 << 20) /* what any input may ask for */

/* ---- memory, coverage, time ------------------------------------------------------------------------------- */

static int64_t live, peak;
/* Under the address sanitizer all of malloc counts, stb's and zlib's too; otherwise the context's memory. */
int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void *, size_t), void (*)(const volatile void *)) __attribute__((weak));
size_t __sanitizer_get_allocated_size(const volatile void *) __attribute__((weak));
static int64_t heap, heap_peak;
static void on_malloc(const volatile void *p, size_t size) {
  (void)p;
  heap += (int64_t)size;
  if (heap > heap_peak) heap_peak = heap;
}
static void on_free(const volatile void *p) {
  if (p != NULL) heap -= (int64_t)__sanitizer_get_allocated_size(p);
}

static void *metered(void *ud, void *p, size_t old_size, size_t new_size) {
  (void)ud;
  if (new_size == 0) {
    live -= p != NULL ? (int64_t)old_size : 0;
    free(p);
    return NULL;
  }
  void *q = new_size > (size_t)1 << 33 ? NULL : aligned_alloc(64, (new_size + 63) / 64 * 64);
  if (q == NULL) return NULL;
  live += (int64_t)new_size;
  if (p != NULL) {
    memcpy(q, p, old_size < new_size ? old_size : new_size);
    live -= (int64_t)old_size;
    free(p);
  }
  if (live > peak) peak = live;
  return q;
}

/* Edges: pairs of basic blocks, hashed. Called by instrumented code alone. */
static unsigned char seen[1u << 18], hit[1u << 18];
static uint32_t touched[1u << 14], n_touched, last_block;
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void) {
  uint64_t pc = (uint64_t)(uintptr_t)__builtin_return_address(0);
  uint32_t block = (uint32_t)((pc * 0x9E3779B97F4A7C15u) >> 46), edge = (block ^ last_block) & ((1u << 18) - 1);
  last_block = block >> 1;
  if (hit[edge] < 255 && hit[edge]++ == 0 && n_touched < 1u << 14) touched[n_touched++] = edge;
}
/* Was there an edge, or a count of it (by powers of two), that no input had before? */
static bool news(void) {
  bool found = false;
  for (uint32_t i = 0; i < n_touched; i++) {
    unsigned char n = hit[touched[i]], bucket = (unsigned char)(1u << (n < 2 ? 0 : n < 4 ? 1 : n < 8 ? 2 : n < 32 ? 3 : n < 128 ? 4 : 5));
    if ((seen[touched[i]] & bucket) == 0) found = true;
    seen[touched[i]] |= bucket;
    hit[touched[i]] = 0;
  }
  n_touched = 0;
  return found;
}

static const char *keep_dir = ".", *reader_name = "";
static blob current;

static void save_current(void) { /* async-signal-safe */
  char path[4096];
  size_t n = strlen(keep_dir);
  if (n > 4000) return;
  memcpy(path, keep_dir, n);
  memcpy(path + n, "/crash-", 7);
  strncpy(path + n + 7, reader_name, sizeof path - n - 8);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd >= 0) {
    (void)!write(fd, current.data, current.size);
    close(fd);
  }
}
static void on_signal(int signal) {
  static const char slow[] = "fuzz: an input takes too long, or the process was stopped\n", crash[] = "fuzz: crash\n";
  (void)!write(2, signal == SIGALRM ? slow : crash, signal == SIGALRM ? sizeof slow - 1 : sizeof crash - 1);
  save_current();
  _exit(99);
}
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1000000000 + t.tv_nsec;
}

static int complain(const char *what, int64_t number) {
  fprintf(stderr, "fuzz %s: %s (%lld), input of %zu bytes\n", reader_name, what, (long long)number, current.size);
  save_current();
  exit(1);
}

typedef struct totals { int64_t inputs, accepted, memory, nanoseconds; } totals;

static void run_one(const struct reader *r, blob input, totals *t) {
  /* an exact copy, so that one byte too far is one byte outside */
  current = (blob){ malloc(input.size > 0 ? input.size : 1), input.size };
  if (input.size > 0) memcpy(current.data, input.data, input.size);
  scion_memory_info before, after;
  scion_memory(ctx, &before);
  int64_t base = peak = live, heap_base = heap_peak = heap;
  last_block = 0;
  alarm(SECONDS);
  int64_t start = now();
  scion_status st = r->read(current.data, current.size);
  int64_t spent = now() - start;
  alarm(0);
  scion_memory(ctx, &after);
  if (after.live != before.live) complain("bytes leaked", after.live - before.live);
  if (st != SCION_OK && scion_errmsg(ctx)[0] == '\0') complain("refused without a message, status", st);
  int64_t most = peak - base > heap_peak - heap_base ? peak - base : heap_peak - heap_base;
  if (most > FREE_MEMORY + r->factor * (int64_t)input.size) complain("bytes of memory asked for", most);
  t->inputs++;
  t->accepted += st == SCION_OK;
  if (most > t->memory) t->memory = most;
  if (spent > t->nanoseconds) t->nanoseconds = spent;
  free(current.data);
  current = (blob){ NULL, 0 };
}

/* ---- damage ---------------------------------------------------------------------------------------------------- */

static uint64_t state = 88172645463325252u;
static uint64_t draw(uint64_t n) { /* xorshift */
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return n > 0 ? state % n : 0;
}

static blob corpus[MAX_CORPUS];
static size_t n_corpus;

static void put(unsigned char *p, size_t bytes, uint64_t v, bool big) {
  for (size_t i = 0; i < bytes; i++) p[i] = (unsigned char)(v >> 8 * (big ? bytes - 1 - i : i));
}
static uint64_t length_word(size_t size) { /* what length fields are attacked with */
  static const uint64_t words[] = { 0, 1, 2, 7, 8, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
                                    0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0x4000000000000000 };
  uint64_t near[4] = { size, size - 1, size + 1, size / 2 };
  return draw(4) == 0 ? near[draw(4)] : words[draw(sizeof words / sizeof *words)];
}
static size_t insert(unsigned char *p, size_t size, size_t at, const void *from, size_t n) {
  if (size + n > MAX_BYTES) n = MAX_BYTES - size;
  memmove(p + at + n, p + at, size - at);
  memmove(p + at, from, n);
  return size + n;
}

/* Words that formats give a meaning to; deep nesting among them. */
static const char *const words[] = { "[", "]", "{", "}", "\"", "\\u0000", "\\", ":", ",", "-1", "0", "1e999", "NaN", "null", "true", "'", "(", ")", ", ",
  "9223372036854775808", "18446744073709551615", "-9223372036854775808", "99999999999999999999999999", "<f4", ">f8", "|O", "descr", "shape",
  "fortran_order", "data_offsets", "dtype", "F32", "BOOL", "I64", "__metadata__", "PK\3\4", "PK\1\2", "PK\5\6", "PK\6\6", "\x1f\x8b", "P6\n", "IHDR", "IDAT",
  "\xff\xd8", "\xff\xda", "\xff\xc4", "BM", "GIF89a", "\r\n", "\n" };

static size_t damage(unsigned char *p, size_t size) {
  for (uint64_t rounds = 1 + draw(draw(4) == 0 ? 16 : 3); rounds > 0; rounds--) {
    size_t at = (size_t)draw(size), n = (size_t)draw(size - at < 64 ? size - at : 64);
    if (size == 0) return insert(p, size, 0, words[0], 1);
    switch (draw(14)) {
      case 0: p[at] ^= (unsigned char)(1u << draw(8)); break;
      case 1: p[at] = (unsigned char)draw(256); break;
      case 2: p[at] = (unsigned char)(p[at] + draw(17) - 8); break;
      case 3: case 4: case 5: { /* a length field, small ones more often since headers stand in front */
        static const size_t widths[] = { 1, 2, 4, 8 };
        size_t width = widths[draw(4)], where = draw(2) ? at : (size_t)draw(size < 128 ? size : 128);
        if (where + width <= size) put(p + where, width, length_word(size), draw(3) == 0);
        break;
      }
      case 6: size = at + (size_t)draw(2); break; /* the end is missing */
      case 7: memmove(p + at, p + at + n, size - at - n), size -= n; break;
      case 8: size = insert(p, size, at, p + draw(size - n + 1), n); break;
      case 9: for (size_t i = 0; i < n; i++) p[at + i] = (unsigned char)draw(256); break;
      case 10: { /* the rest of another file */
        const blob *other = &corpus[draw(n_corpus)];
        size_t from = (size_t)draw(other->size), room = MAX_BYTES - at, m = other->size - from;
        memcpy(p + at, other->data + from, m < room ? m : room);
        size = at + (m < room ? m : room);
        break;
      }
      case 11: case 12: {
        const char *word = words[draw(sizeof words / sizeof *words)];
        size_t m = strlen(word);
        if (draw(2) && at + m <= size) memcpy(p + at, word, m);
        else size = insert(p, size, at, word, m);
        break;
      }
      default: { /* nesting without end, or a long row of one byte */
        if (draw(8) != 0) break;
        unsigned char many[1024];
        memset(many, draw(2) ? "[{(\x0a"[draw(4)] : p[at], sizeof many);
        for (uint64_t k = draw(40); k > 0; k--) size = insert(p, size, at, many, sizeof many);
      }
    }
  }
  return size;
}

/* ---- the run ------------------------------------------------------------------------------------------------------ */

static blob read_whole(const char *path) {
  blob b = { malloc(MAX_BYTES), 0 };
  FILE *f = fopen(path, "rb");
  if (f == NULL || b.data == NULL) {
    perror(path);
    exit(2);
  }
  b.size = fread(b.data, 1, MAX_BYTES, f);
  fclose(f);
  return b;
}
static void add(const unsigned char *data, size_t size) {
  blob *slot = n_corpus < MAX_CORPUS ? &corpus[n_corpus++] : &corpus[draw(MAX_CORPUS)];
  free(slot->data);
  *slot = (blob){ malloc(size > 0 ? size : 1), size };
  memcpy(slot->data, data, size);
}
static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

int main(int argc, char **argv) {
  const struct reader *r = NULL;
  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    for (int i = 0; i < N_READERS; i++) puts(readers[i].name);
    return 0;
  }
  for (int i = 0; argc >= 3 && i < N_READERS; i++)
    if (strcmp(argv[1], readers[i].name) == 0) r = &readers[i];
  if (r == NULL) return fprintf(stderr, "usage: fuzz --list | fuzz READER SEED_DIR [INPUTS] [SEED] [KEEP_DIR] | fuzz READER FILE\n"), 2;
  int64_t inputs = argc > 3 ? atoll(argv[3]) : 20000;
  if (argc > 4) state ^= (uint64_t)atoll(argv[4]) * 0x9E3779B97F4A7C15u;
  if (argc > 5) keep_dir = argv[5];
  reader_name = r->name;
  snprintf(scratch, sizeof scratch, "%s/input-%s-%ld", keep_dir, r->name, (long)getpid());
  scion_config config = SCION_CONFIG_INIT;
  config.alloc = metered;
  config.threads = 1;
  if (scion_open(&config, &ctx) != SCION_OK) return 2;
  if (__sanitizer_set_death_callback != NULL) __sanitizer_set_death_callback(save_current);
  else signal(SIGSEGV, on_signal), signal(SIGBUS, on_signal), signal(SIGFPE, on_signal), signal(SIGABRT, on_signal);
  if (__sanitizer_install_malloc_and_free_hooks != NULL) __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
  signal(SIGALRM, on_signal);

  totals t = { 0 };
  struct dirent **files;
  int n = scandir(argv[2], &files, NULL, by_name);
  if (n < 0) { /* one file */
    run_one(r, read_whole(argv[2]), &t);
    printf("%s: %s\n", r->name, t.accepted ? "accepted" : scion_errmsg(ctx));
    n = 0;
    inputs = 0;
  }
  for (int i = 0; i < n; i++) {
    char path[8192];
    snprintf(path, sizeof path, "%s/%s", argv[2], files[i]->d_name);
    if (files[i]->d_name[0] != '.') {
      blob seed = read_whole(path);
      add(seed.data, seed.size);
      int64_t accepted = t.accepted;
      run_one(r, seed, &t);
      if (t.accepted == accepted && strstr(files[i]->d_name, "bad") == NULL) return fprintf(stderr, "fuzz %s: seed %s: %s\n", r->name, path, scion_errmsg(ctx)), 1;
      (void)news();
      free(seed.data);
    }
    free(files[i]);
  }
  if (n > 0) free(files);
  if (n > 0 && n_corpus == 0) return fprintf(stderr, "fuzz %s: no seeds in %s\n", r->name, argv[2]), 2;
  for (size_t i = 0, seeds = n_corpus; i < seeds && inputs > 0; i++) { /* cut off at every byte, as far as half of the inputs go */
    size_t step = corpus[i].size * seeds / (size_t)(inputs / 2 + 1) + 1;
    for (size_t cut = 0; cut < corpus[i].size; cut += step) {
      run_one(r, (blob){ corpus[i].data, cut }, &t);
      (void)news();
    }
  }
  unsigned char *work = malloc(MAX_BYTES);
  while (t.inputs < inputs) {
    const blob *from = &corpus[draw(2) ? n_corpus - 1 - draw(n_corpus < 64 ? n_corpus : 64) : draw(n_corpus)];
    memcpy(work, from->data, from->size);
    size_t size = damage(work, from->size);
    run_one(r, (blob){ work, size }, &t);
    if (news()) add(work, size);
  }
  if (inputs > 0) {
    printf("%s: %lld inputs, %lld accepted, %zu kept, %.1f MB at most, %.3f s at most\n", r->name, (long long)t.inputs, (long long)t.accepted,
           n_corpus, (double)t.memory / 1e6, (double)t.nanoseconds / 1e9);
  }
  free(work);
  for (size_t i = 0; i < n_corpus; i++) free(corpus[i].data);
  unlink(scratch);
  scion_close(ctx);
  return live == 0 ? 0 : (fprintf(stderr, "fuzz %s: %lld bytes left after close\n", r->name, (long long)live), 1);
}
