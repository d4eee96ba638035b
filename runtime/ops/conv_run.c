/* conv_run.c: computing convolutions and their two adjoints. Patches become columns one tile at a time (a tile fits the
 * second-level cache), and the BLAS multiplies; 1x1 kernels need no columns, depthwise ones no BLAS.
 * Work is cut by shape only, so results do not depend on the number of threads. */
#include "conv.h"

#include "conv_direct.h"
#include "gemm.h"

#define TILE_BYTES (384 << 10) /* of columns at a time */
#define WEIGHT_CHUNKS 8        /* partial sums of a weight gradient */

static int64_t pixels_out(const scion_conv_shape *s) { return s->od * s->oh * s->ow; }
static int64_t pixels_in(const scion_conv_shape *s) { return s->d * s->h * s->w; }
static int64_t taps(const scion_conv_shape *s) { return s->kd * s->kh * s->kw; }
static bool pointwise(const scion_conv_shape *s) {
  return taps(s) == 1 && s->sd == 1 && s->sh == 1 && s->sw == 1 && s->pd == 0 && s->ph == 0 && s->pw == 0 && pixels_in(s) == pixels_out(s);
}

static void columns(int dtype, const scion_conv_shape *s, int64_t channels, const char *x, int64_t p0, int64_t n, char *col) {
  if (dtype == SCION_F32) scion__k->conv_columns_f32(s, channels, (const float *)(const void *)x, p0, n, (float *)(void *)col);
  else scion__k->conv_columns_f64(s, channels, (const double *)(const void *)x, p0, n, (double *)(void *)col);
}
static void image(int dtype, const scion_conv_shape *s, int64_t channels, const char *col, int64_t p0, int64_t n, char *x) {
  if (dtype == SCION_F32) scion__k->conv_image_f32(s, channels, (const float *)(const void *)col, p0, n, (float *)(void *)x);
  else scion__k->conv_image_f64(s, channels, (const double *)(const void *)col, p0, n, (double *)(void *)x);
}
static void finish(int dtype, int64_t n, int64_t pixels, int64_t row, const char *bias, int activation, char *y) {
  if (bias == NULL && activation == 0) return;
  if (dtype == SCION_F32) scion__k->conv_finish_f32(n, pixels, row, (const float *)(const void *)bias, activation, (float *)(void *)y);
  else scion__k->conv_finish_f64(n, pixels, row, (const double *)(const void *)bias, activation, (double *)(void *)y);
}

/* Tasks are numbered 0..n_tasks; `slots` of them run at a time, each with its own scratch. */
typedef struct {
  const scion_conv_job *c;
  const char *x, *w, *bias;
  char *y, *scratch;
  size_t slot_bytes;
  int64_t n_tasks, tiles, tile;
  atomic_int_fast64_t next;
  void (*task)(void *ud, int64_t task, char *scratch);
} slot_job;

static void run_slot(void *ud, int64_t slot) {
  slot_job *j = ud;
  for (;;) {
    int64_t task = atomic_fetch_add_explicit(&j->next, 1, memory_order_relaxed);
    if (task >= j->n_tasks) return;
    j->task(j, task, j->scratch + (size_t)slot * j->slot_bytes);
  }
}
static scion_status run_slots(scion_context *ctx, slot_job *j) {
  int64_t slots = scion__min(ctx->threads, j->n_tasks);
  j->slot_bytes = (j->slot_bytes + SCION_ALIGN - 1) / SCION_ALIGN * SCION_ALIGN;
  size_t bytes = (size_t)slots * j->slot_bytes;
  if (bytes > 0) {
    j->scratch = scion__alloc(ctx, bytes);
    if (j->scratch == NULL) return SCION_ENOMEM;
  }
  atomic_init(&j->next, 0);
  scion__parallel(ctx, slots, run_slot, j);
  if (bytes > 0) scion__free(ctx, j->scratch, bytes);
  return SCION_OK;
}

static int64_t tile_pixels(const scion_conv_job *c, int64_t column_rows) {
  int64_t size = (int64_t)scion_dtype_size((scion_dtype)c->dtype);
  int64_t tile = TILE_BYTES / (column_rows * size) / 16 * 16;
  tile = scion__max(tile, 64);
  return scion__min(tile, pixels_out(&c->shape));
}

/* ---- forward ---------------------------------------------------------------------------------------------- */

static void forward_task(void *ud, int64_t task, char *col) {
  const slot_job *j = ud;
  const scion_conv_job *c = j->c;
  const scion_conv_shape *s = &c->shape;
  int64_t size = (int64_t)scion_dtype_size((scion_dtype)c->dtype), ci = c->in_channels / c->groups, co = c->out_channels / c->groups;
  int64_t tile = task % j->tiles, g = task / j->tiles % c->groups, n = task / (j->tiles * c->groups);
  int64_t p0 = tile * j->tile, np = scion__min(j->tile, pixels_out(s) - p0), rows = ci * taps(s);
  const char *x = j->x + (n * c->in_channels + g * ci) * pixels_in(s) * size, *w = j->w + g * co * rows * size;
  char *y = j->y + ((n * c->out_channels + g * co) * pixels_out(s) + p0) * size;
  scion_matrix b = { (char *)(uintptr_t)x + p0 * size, pixels_in(s), 1 };
  if (!pointwise(s)) {
    columns(c->dtype, s, ci, x, p0, np, col);
    b = (scion_matrix){ col, np, 1 };
  }
  scion__gemm_serial(c->dtype, co, np, rows, (scion_matrix){ (char *)(uintptr_t)w, rows, 1 }, b, (scion_matrix){ y, pixels_out(s), 1 }, false);
  finish(c->dtype, co, np, pixels_out(s), j->bias != NULL ? j->bias + g * co * size : NULL, c->activation, y);
}
static void depthwise_task(void *ud, int64_t task, char *unused) {
  const slot_job *j = ud;
  const scion_conv_job *c = j->c;
  const scion_conv_shape *s = &c->shape;
  int64_t size = (int64_t)scion_dtype_size((scion_dtype)c->dtype), out = task % c->out_channels, n = task / c->out_channels;
  int64_t in = out / (c->out_channels / c->groups);
  const char *x = j->x + (n * c->in_channels + in) * pixels_in(s) * size, *w = j->w + out * taps(s) * size;
  char *y = j->y + (n * c->out_channels + out) * pixels_out(s) * size;
  (void)unused;
  if (c->dtype == SCION_F32) scion__k->conv_depthwise_f32(s, (const float *)(const void *)x, (const float *)(const void *)w, (float *)(void *)y);
  else scion__k->conv_depthwise_f64(s, (const double *)(const void *)x, (const double *)(const void *)w, (double *)(void *)y);
  finish(c->dtype, 1, pixels_out(s), pixels_out(s), j->bias != NULL ? j->bias + out * size : NULL, c->activation, y);
}

static scion_status forward_alone(scion_context *ctx, const scion_conv_job *c, const char *x, const char *w, const char *bias, char *y) {
  slot_job j = { .c = c, .x = x, .w = w, .bias = bias, .y = y };
  if (c->batch == 0 || pixels_out(&c->shape) == 0 || c->out_channels == 0) return SCION_OK;
  if (scion__winograd_fits(c)) {
    return scion__winograd_forward(ctx, c, (const float *)(const void *)x, (const float *)(const void *)w, (const float *)(const void *)bias, (float *)(void *)y);
  }
  if (scion__conv_direct_fits(c)) {
    return scion__conv_direct_forward(ctx, c, (const float *)(const void *)x, (const float *)(const void *)w, (const float *)(const void *)bias, (float *)(void *)y);
  }
  if (scion__depthwise_fits(c)) {
    return scion__depthwise_forward(ctx, c, (const float *)(const void *)x, (const float *)(const void *)w, (const float *)(const void *)bias, (float *)(void *)y);
  }
  if (c->in_channels == c->groups) {
    j.n_tasks = c->batch * c->out_channels;
    j.task = depthwise_task;
    return run_slots(ctx, &j);
  }
  if (scion__conv_panel_fits(c)) {
    return scion__conv_panel_forward(ctx, c, (const float *)(const void *)x, (const float *)(const void *)w, (const float *)(const void *)bias, (float *)(void *)y);
  }
  int64_t rows = c->in_channels / c->groups * taps(&c->shape);
  bool plain = pointwise(&c->shape);
  j.tile = plain ? scion__min(pixels_out(&c->shape), scion__max(256, (int64_t)(4 << 20) / (rows * c->out_channels / c->groups) / 16 * 16))
                 : tile_pixels(c, rows);
  j.tiles = (pixels_out(&c->shape) + j.tile - 1) / j.tile;
  j.n_tasks = c->batch * c->groups * j.tiles;
  j.slot_bytes = plain ? 0 : (size_t)(rows * j.tile) * scion_dtype_size((scion_dtype)c->dtype);
  j.task = forward_task;
  return run_slots(ctx, &j);
}

/* y += plus, then the activation: for the ways that don't do it themselves. */
typedef struct { const scion_conv_job *c; char *y; } plus_job;
static void add_plus(void *ud, int64_t begin, int64_t end) {
  const plus_job *j = ud;
  int64_t size = (int64_t)scion_dtype_size((scion_dtype)j->c->dtype);
  char *y = j->y + begin * size;
  scion__k->binary[SCION_B_add][j->c->dtype](end - begin, y, 1, j->c->plus + begin * size, 1, y, 1);
  finish(j->c->dtype, 1, end - begin, end - begin, NULL, j->c->activation, y);
}
scion_status scion__conv_forward(scion_context *ctx, const scion_conv_job *c, const char *x, const char *w, const char *bias, char *y) {
  bool itself = scion__winograd_fits(c) || (!scion__conv_direct_fits(c) && !scion__depthwise_fits(c) && c->in_channels != c->groups && scion__conv_panel_fits(c));
  if (c->plus == NULL || itself) return forward_alone(ctx, c, x, w, bias, y);
  scion_conv_job bare = *c;
  bare.plus = NULL;
  bare.activation = 0;
  SCION_TRY(forward_alone(ctx, &bare, x, w, bias, y));
  plus_job p = { c, y };
  scion__parallel_range(ctx, c->batch * c->out_channels * pixels_out(&c->shape), 1 << 16, add_plus, &p);
  return SCION_OK;
}

/* ---- gradient of the input: one task an image and group; columns are added in order ---------------------------- */

static void input_task(void *ud, int64_t task, char *col) {
  const slot_job *j = ud;
  const scion_conv_job *c = j->c;
  const scion_conv_shape *s = &c->shape;
  int64_t size = (int64_t)scion_dtype_size((scion_dtype)c->dtype), ci = c->in_channels / c->groups, co = c->out_channels / c->groups;
  int64_t g = task % c->groups, n = task / c->groups, rows = ci * taps(s);
  char *dx = j->y + (n * c->in_channels + g * ci) * pixels_in(s) * size;
  const char *w = j->w + g * co * rows * size, *dy = j->x + (n * c->out_channels + g * co) * pixels_out(s) * size;
  scion_matrix wt = { (char *)(uintptr_t)w, 1, rows };
  if (pointwise(s)) {
    scion__gemm_serial(c->dtype, rows, pixels_out(s), co, wt, (scion_matrix){ (char *)(uintptr_t)dy, pixels_out(s), 1 },
                       (scion_matrix){ dx, pixels_in(s), 1 }, false);
    return;
  }
  memset(dx, 0, (size_t)(ci * pixels_in(s) * size));
  for (int64_t p0 = 0; p0 < pixels_out(s); p0 += j->tile) {
    int64_t np = scion__min(j->tile, pixels_out(s) - p0);
    scion__gemm_serial(c->dtype, rows, np, co, wt, (scion_matrix){ (char *)(uintptr_t)dy + p0 * size, pixels_out(s), 1 },
                       (scion_matrix){ col, np, 1 }, false);
    image(c->dtype, s, ci, col, p0, np, dx);
  }
}

scion_status scion__conv_grad_input(scion_context *ctx, const scion_conv_job *c, const char *dy, const char *w, char *dx) {
  slot_job j = { .c = c, .x = dy, .w = w, .y = dx, .task = input_task };
  if (c->batch == 0 || pixels_in(&c->shape) == 0 || c->in_channels == 0) return SCION_OK;
  if (scion__depthwise_fits_gradients(c)) {
    return scion__depthwise_input(ctx, c, (const float *)(const void *)dy, (const float *)(const void *)w, (float *)(void *)dx);
  }
  if (pixels_out(&c->shape) > 0 && scion__winograd_fits_input(c)) {
    return scion__winograd_input(ctx, c, (const float *)(const void *)dy, (const float *)(const void *)w, (float *)(void *)dx);
  }
  if (pixels_out(&c->shape) > 0 && scion__conv_direct_fits_input(c)) {
    return scion__conv_direct_input(ctx, c, (const float *)(const void *)dy, (const float *)(const void *)w, (float *)(void *)dx);
  }
  int64_t rows = c->in_channels / c->groups * taps(&c->shape);
  j.tile = scion__max(1, tile_pixels(c, rows));
  j.n_tasks = c->batch * c->groups;
  j.slot_bytes = pointwise(&c->shape) ? 0 : (size_t)(rows * j.tile) * scion_dtype_size((scion_dtype)c->dtype);
  return run_slots(ctx, &j);
}

/* ---- gradient of the weight: partial sums over fixed chunks of the batch, added in order ------------------------- */

static void weight_task(void *ud, int64_t task, char *col) {
  const slot_job *j = ud;
  const scion_conv_job *c = j->c;
  const scion_conv_shape *s = &c->shape;
  int64_t size = (int64_t)scion_dtype_size((scion_dtype)c->dtype), ci = c->in_channels / c->groups, co = c->out_channels / c->groups;
  int64_t g = task % c->groups, chunk = task / c->groups, rows = ci * taps(s), per = (c->batch + j->tiles - 1) / j->tiles;
  char *dw = j->y + (chunk * c->groups + g) * co * rows * size;
  if (scion__conv_direct_fits_weight(c) && chunk * per < c->batch) {
    scion__conv_direct_weight(c, (const float *)(const void *)j->x, (const float *)(const void *)j->w, g, chunk * per, scion__min(c->batch, (chunk + 1) * per),
                              (float *)(void *)dw, col);
    return;
  }
  bool first = true;
  for (int64_t n = chunk * per; n < scion__min(c->batch, (chunk + 1) * per); n++) {
    const char *x = j->x + (n * c->in_channels + g * ci) * pixels_in(s) * size;
    const char *dy = j->w + (n * c->out_channels + g * co) * pixels_out(s) * size;
    for (int64_t p0 = 0; p0 < pixels_out(s); p0 += j->tile) {
      int64_t np = scion__min(j->tile, pixels_out(s) - p0);
      scion_matrix b = { (char *)(uintptr_t)x + p0 * size, 1, pixels_in(s) };
      if (!pointwise(s)) {
        columns(c->dtype, s, ci, x, p0, np, col);
        b = (scion_matrix){ col, 1, np };
      }
      scion__gemm_serial(c->dtype, co, rows, np, (scion_matrix){ (char *)(uintptr_t)dy + p0 * size, pixels_out(s), 1 }, b,
                         (scion_matrix){ dw, rows, 1 }, !first);
      first = false;
    }
  }
  if (first) memset(dw, 0, (size_t)(co * rows * size));
}

scion_status scion__conv_grad_weight(scion_context *ctx, const scion_conv_job *c, const char *x, const char *dy, char *dw) {
  slot_job j = { .c = c, .x = x, .w = dy, .y = dw, .task = weight_task };
  size_t size = scion_dtype_size((scion_dtype)c->dtype);
  int64_t rows = c->in_channels / c->groups * taps(&c->shape), n = c->out_channels * rows;
  if (n == 0) return SCION_OK;
  if (c->batch == 0 || pixels_out(&c->shape) == 0) {
    memset(dw, 0, (size_t)n * size);
    return SCION_OK;
  }
  if (scion__depthwise_fits_gradients(c)) {
    return scion__depthwise_weight(ctx, c, (const float *)(const void *)x, (const float *)(const void *)dy, (float *)(void *)dw);
  }
  if (scion__winograd_fits_weight(c)) {
    return scion__winograd_weight(ctx, c, (const float *)(const void *)x, (const float *)(const void *)dy, (float *)(void *)dw);
  }
  int64_t chunks = c->groups > 1 ? 1 : scion__min(c->batch, WEIGHT_CHUNKS);
  int64_t per = (c->batch + chunks - 1) / chunks;
  chunks = (c->batch + per - 1) / per;
  j.tile = tile_pixels(c, rows);
  j.tiles = chunks;
  j.n_tasks = chunks * c->groups;
  j.slot_bytes = pointwise(&c->shape) ? 0 : scion__conv_direct_fits_weight(c) ? scion__conv_direct_weight_room(c) : (size_t)(rows * j.tile) * size;
  size_t bytes = (size_t)(chunks * n) * size;
  if (chunks > 1) {
    j.y = scion__alloc(ctx, bytes);
    if (j.y == NULL) return SCION_ENOMEM;
  }
  scion_status st = run_slots(ctx, &j);
  if (chunks > 1 && st == SCION_OK) {
    memcpy(dw, j.y, (size_t)n * size);
    scion_binary_fn add = scion__k->binary[SCION_B_add][c->dtype];
    for (int64_t k = 1; k < chunks; k++) add(n, dw, 1, j.y + (size_t)(k * n) * size, 1, dw, 1);
  }
  if (chunks > 1) scion__free(ctx, j.y, bytes);
  return st;
}
