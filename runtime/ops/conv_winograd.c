/* conv_winograd.c: 3 x 3 convolutions with steps of 1 and their two adjoints by Winograd's F(4 x 4, 3 x 3) (kernels/winograd.c): up to four
 * times fewer multiplications than the direct method. f32 results are within NMSE 1e-10 of the direct method's
 * (direct f32: about 1e-13); SCION_WINOGRAD=0 switches it off, 1 takes it where it may not pay. A task transforms a few lines of tiles of all input channels, multiplies plane by
 * plane and transforms back a few output channels at a time, so that what it works on stays in the caches. Work is cut by
 * shape only. */
#include <stdlib.h>

#include "conv_direct.h"
#include "gemm.h"

#define INPUT_FLOATS 98304    /* of transformed input in a task, where the channels are few */
#define PRODUCT_FLOATS 65536  /* of products between the transforms */
#define WEIGHT_FLOATS 4194304 /* of both transforms at a time for a gradient of the weight */
#define LANES_MOST 16
#define DEPTH 256             /* channels multiplied at a time: a panel of them fits the first cache */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool off, always;
static void read_switch(void) {
  const char *text = getenv("SCION_WINOGRAD");
  off = text != NULL && strcmp(text, "0") == 0;
  always = text != NULL && strcmp(text, "1") == 0;
}

static bool shaped(const scion_conv_job *c) {
  const scion_conv_shape *s = &c->shape;
  pthread_once(&once, read_switch);
  return !off && c->dtype == SCION_F32 && s->d == 1 && s->od == 1 && s->kd == 1 && s->pd == 0 && s->kh == 3 && s->kw == 3 && s->sh == 1 && s->sw == 1 &&
         s->dh == 1 && s->dw == 1 && s->ph <= 2 && s->pw <= 2 && s->oh + 2 - s->h - s->ph <= 2 && s->ow + 2 - s->w - s->pw <= 2;
}
/* Multiplications saved against what tiles beyond the edge and the transforms cost; that of the filters, per channel and output, is worth
 * about 1,200 multiplications, which few tiles don't save. */
static bool worth(int64_t batch, int64_t h, int64_t w, int64_t channels, int64_t outputs) {
  int64_t tiles = (h + 3) / 4 * ((w + 3) / 4), covered = 16 * tiles;
  return h >= 4 && w >= 4 && channels >= 16 && outputs >= 16 && 2 * h * w > covered &&
         (always || 9 * batch * h * w > 36 * ((batch * tiles + 15) / 16 * 16) + 1200);
}
bool scion__winograd_fits(const scion_conv_job *c) {
  return shaped(c) && worth(c->batch, c->shape.oh, c->shape.ow, c->in_channels / c->groups, c->out_channels / c->groups);
}
bool scion__winograd_fits_input(const scion_conv_job *c) {
  return shaped(c) && worth(c->batch, c->shape.h, c->shape.w, c->out_channels / c->groups, c->in_channels / c->groups);
}
bool scion__winograd_fits_weight(const scion_conv_job *c) { return scion__winograd_fits(c) && c->groups == 1; }

/* ---- forward, and the gradient of the input, which is the same with the filters turned round ------------------------------ */

typedef struct {
  int64_t batch, groups, ci, co; /* channels of a group */
  int64_t in_h, in_w, out_h, out_w, lead_h, lead_w;
  int64_t down, across;          /* tiles of an image */
  int64_t lines, parts;          /* lines of tiles in a task; tasks over all lines of the batch */
  int64_t rows, blocks;          /* output channels of a panel; panels of a group */
  int64_t shares, share;         /* tasks over the output channels; panels of them in each */
  int64_t strip, line, panels, step, u_step; /* floats of a padded line; of a transformed channel; panels of tiles; from plane to plane of the input's transform, of the filters' */
  int64_t chunk, pitch, product_step; /* panels of output channels at a time; tiles of one of their channels; between planes */
  int32_t activation;
  const float *x, *u, *bias, *plus; /* u: (group, block, 36, ci, rows), planes u_step apart */
  float *y;
  char *scratch;
  size_t slot_bytes;
  atomic_int_fast64_t next;
} job;

/* 6 (or 4) lines of one image plane from `first` on, with zeros around it. */
static void pad(int64_t lines, const float *plane, int64_t h, int64_t w, int64_t first, int64_t lead_w, int64_t strip, float *to) {
  for (int64_t r = 0; r < lines;) {
    int64_t at = first + r;
    if (at < 0 || at >= h) {
      memset(to + r * strip, 0, (size_t)strip * sizeof *to);
      r++;
      continue;
    }
    int64_t n = scion__min(lines - r, h - at);
    scion__k->conv_direct_pad_f32(n, w, lead_w, strip, plane + at * w, to + r * strip);
    r += n;
  }
}

static void run_task(const job *j, int64_t task, float *scratch) {
  int64_t share = task % j->shares, part = task / j->shares % j->parts, g = task / (j->shares * j->parts), cols = scion__k->panel_cols;
  int64_t l0 = part * j->lines, l1 = scion__min(j->batch * j->down, l0 + j->lines), tiles = (l1 - l0) * j->across, panel = j->ci * cols;
  int64_t b0 = share * j->share, b1 = scion__min(j->blocks, b0 + j->share);
  float *strip = scratch, *line = strip + 6 * j->strip, *v = line + 36 * j->line, *m = v + 36 * j->step;
  for (int64_t c = 0; c < j->ci; c++) {
    for (int64_t l = l0; l < l1; l++) {
      int64_t n = l / j->down, row = l % j->down;
      pad(6, j->x + ((n * j->groups + g) * j->ci + c) * j->in_h * j->in_w, j->in_h, j->in_w, 4 * row - j->lead_h, j->lead_w, j->strip, strip);
      scion__k->winograd_input_f32(j->across, strip, j->strip, line + (l - l0) * j->across, j->line);
    }
    for (int64_t k = 0; k < 36; k++) scion__k->panel_spread_f32(0, tiles, line + k * j->line, v + k * j->step + c * cols, panel);
  }
  for (int64_t b = b0; b < b1; b += j->chunk) {
    int64_t end = scion__min(b1, b + j->chunk), first = b * j->rows;
    for (int64_t k = 0; k < 36; k++)
      for (int64_t c = 0; c < j->ci; c += DEPTH) {
        int64_t depth = scion__min(DEPTH, j->ci - c);
        for (int64_t t = 0; t < tiles; t += cols)
          for (int64_t i = b; i < end; i++)
            scion__k->panel_f32(depth, j->u + ((g * j->blocks + i) * 36 + k) * j->u_step + c * j->rows, v + k * j->step + t / cols * panel + c * cols,
                                scion__min(cols, tiles - t), m + k * j->product_step + (i - b) * j->rows * j->pitch + t, j->pitch, c > 0);
      }
    for (int64_t o = first; o < scion__min(j->co, end * j->rows); o++)
      for (int64_t l = l0; l < l1; l++) {
        int64_t n = l / j->down, row = l % j->down, out = g * j->co + o;
        float *y = j->y + ((n * j->groups * j->co + out) * j->out_h + 4 * row) * j->out_w;
        scion__k->winograd_output_f32(j->across, m + (o - first) * j->pitch + (l - l0) * j->across, j->product_step, j->bias != NULL ? j->bias[out] : 0,
                                      j->plus != NULL ? j->plus + (y - j->y) : NULL, j->activation, scion__min(4, j->out_h - 4 * row), j->out_w, y, j->out_w);
      }
  }
}
static void run_slot(void *ud, int64_t slot) {
  job *j = ud;
  for (;;) {
    int64_t task = atomic_fetch_add_explicit(&j->next, 1, memory_order_relaxed);
    if (task >= j->groups * j->parts * j->shares) return;
    run_task(j, task, (float *)(void *)(j->scratch + (size_t)slot * j->slot_bytes));
  }
}

typedef struct { const job *j; const float *w; float *to; bool turned; } filter_job;
static void transform_filters(void *ud, int64_t begin, int64_t end) {
  const filter_job *f = ud;
  const job *j = f->j;
  for (int64_t i = begin; i < end; i++) {
    int64_t g = i / j->blocks, o = i % j->blocks * j->rows;
    const float *w = f->turned ? f->w + (g * j->ci * j->co + o) * 9 : f->w + (g * j->co + o) * j->ci * 9;
    scion__k->winograd_filter_f32(j->ci, scion__min(j->rows, j->co - o), w, f->turned ? j->co * 9 : 9, f->turned ? 9 : j->ci * 9, f->turned,
                                  f->to + i * 36 * j->u_step, j->u_step);
  }
}

/* Planes an odd number of cache lines apart: 36 of them written at a time would else meet in one set of the cache. */
static int64_t plane_step(int64_t floats) { return ((floats + 15) / 16 | 1) * 16; }
static int64_t strip_of(int64_t across) { return (across + LANES_MOST) / LANES_MOST * LANES_MOST * 4 + 4 * LANES_MOST; }

static scion_status run(scion_context *ctx, job *j, const float *w, bool turned) {
  j->down = (j->out_h + 3) / 4;
  j->across = (j->out_w + 3) / 4;
  int64_t all = j->batch * j->down, wish = j->ci >= 256 ? 96 : scion__max(48, scion__min(192, INPUT_FLOATS / (36 * j->ci)));
  j->lines = scion__max(1, wish / j->across);
  j->parts = (all + j->lines - 1) / j->lines;
  j->lines = (all + j->parts - 1) / j->parts;
  j->parts = (all + j->lines - 1) / j->lines;
  j->rows = scion__k->panel_rows;
  j->blocks = (j->co + j->rows - 1) / j->rows;
  j->shares = j->parts * j->groups >= 4 ? 1 : scion__max(1, scion__min(4 / (j->parts * j->groups), j->co / 64));
  j->share = (j->blocks + j->shares - 1) / j->shares;
  j->strip = strip_of(j->across);
  int64_t most = j->lines * j->across, cols = scion__k->panel_cols;
  j->panels = (most + cols - 1) / cols;
  j->line = most + 2 * LANES_MOST;
  j->step = plane_step(j->panels * j->ci * cols);
  j->pitch = j->panels * cols + LANES_MOST;
  j->chunk = scion__max(1, scion__min(j->share, PRODUCT_FLOATS / (36 * j->pitch) / j->rows));
  j->u_step = plane_step(j->ci * j->rows);
  j->product_step = plane_step(j->chunk * j->rows * j->pitch);
  j->slot_bytes = (size_t)(6 * j->strip + 36 * (j->line + j->step + j->product_step)) * sizeof(float);
  j->slot_bytes = (j->slot_bytes + SCION_ALIGN - 1) / SCION_ALIGN * SCION_ALIGN;
  int64_t slots = scion__min(ctx->threads, j->groups * j->parts * j->shares);
  size_t u_bytes = (size_t)(j->groups * j->blocks * 36 * j->u_step) * sizeof(float), bytes = (size_t)slots * j->slot_bytes;
  float *u = scion__alloc(ctx, u_bytes);
  if (u == NULL) return SCION_ENOMEM;
  j->scratch = scion__alloc(ctx, bytes);
  if (j->scratch == NULL) {
    scion__free(ctx, u, u_bytes);
    return SCION_ENOMEM;
  }
  /* tiles beyond the last one are multiplied too and dropped: any number will do, but not none */
  memset(j->scratch, 0, bytes);
  filter_job f = { j, w, u, turned };
  scion__parallel_range(ctx, j->groups * j->blocks, scion__max(1, 2048 / j->ci), transform_filters, &f);
  j->u = u;
  atomic_init(&j->next, 0);
  scion__parallel(ctx, slots, run_slot, j);
  scion__free(ctx, j->scratch, bytes);
  scion__free(ctx, u, u_bytes);
  return SCION_OK;
}

scion_status scion__winograd_forward(scion_context *ctx, const scion_conv_job *c, const float *x, const float *w, const float *bias, float *y) {
  const scion_conv_shape *s = &c->shape;
  job j = { .batch = c->batch, .groups = c->groups, .ci = c->in_channels / c->groups, .co = c->out_channels / c->groups, .in_h = s->h, .in_w = s->w,
            .out_h = s->oh, .out_w = s->ow, .lead_h = s->ph, .lead_w = s->pw, .activation = c->activation, .x = x, .bias = bias,
            .plus = (const float *)(const void *)c->plus, .y = y };
  return run(ctx, &j, w, false);
}

scion_status scion__winograd_input(scion_context *ctx, const scion_conv_job *c, const float *dy, const float *w, float *dx) {
  const scion_conv_shape *s = &c->shape;
  job j = { .batch = c->batch, .groups = c->groups, .ci = c->out_channels / c->groups, .co = c->in_channels / c->groups, .in_h = s->oh, .in_w = s->ow,
            .out_h = s->h, .out_w = s->w, .lead_h = 2 - s->ph, .lead_w = 2 - s->pw, .x = dy, .y = dx };
  return run(ctx, &j, w, true);
}

/* ---- gradient of the weight: both sides transformed for a few images, 36 products summed over all tiles ------------------- */

typedef struct {
  const scion_conv_job *c;
  int64_t down, across, strip, tiles, pitch, x_step, dy_step, n0, n1; /* tiles, images n0 .. n1 - 1: of this round */
  const float *x, *dy;
  float *v, *d, *du, *dw, *strips;
  bool first;
} weight_job;

/* One channel (of x, then of dy) a task. */
static void transform_channel(void *ud, int64_t task) {
  const weight_job *j = ud;
  const scion_conv_job *c = j->c;
  const scion_conv_shape *s = &c->shape;
  bool is_x = task < c->in_channels;
  int64_t channel = is_x ? task : task - c->in_channels, channels = is_x ? c->in_channels : c->out_channels;
  float *strip = j->strips + task * 6 * j->strip, *to = (is_x ? j->v : j->d) + channel * j->pitch;
  int64_t line = 0;
  for (int64_t n = j->n0; n < j->n1; n++)
    for (int64_t row = 0; row < j->down; row++, line++) {
      if (is_x) {
        pad(6, j->x + (n * channels + channel) * s->h * s->w, s->h, s->w, 4 * row - s->ph, s->pw, j->strip, strip);
        scion__k->winograd_input_f32(j->across, strip, j->strip, to + line * j->across, j->x_step);
      } else {
        pad(4, j->dy + (n * channels + channel) * s->oh * s->ow, s->oh, s->ow, 4 * row, 0, j->strip, strip);
        scion__k->winograd_gradient_f32(j->across, strip, j->strip, to + line * j->across, j->dy_step);
      }
    }
}
static void multiply(void *ud, int64_t k) {
  const weight_job *j = ud;
  const scion_conv_job *c = j->c;
  scion__gemm_serial(SCION_F32, c->out_channels, c->in_channels, j->tiles, (scion_matrix){ (char *)(j->d + k * j->dy_step), j->pitch, 1 },
                     (scion_matrix){ (char *)(j->v + k * j->x_step), 1, j->pitch },
                     (scion_matrix){ (char *)(j->du + k * c->out_channels * c->in_channels), c->in_channels, 1 }, !j->first);
}
static void transform_back(void *ud, int64_t begin, int64_t end) {
  const weight_job *j = ud;
  scion__k->winograd_filter_grad_f32(end - begin, j->du + begin, j->c->out_channels * j->c->in_channels, j->dw + 9 * begin);
}

scion_status scion__winograd_weight(scion_context *ctx, const scion_conv_job *c, const float *x, const float *dy, float *dw) {
  const scion_conv_shape *s = &c->shape;
  weight_job j = { .c = c, .down = (s->oh + 3) / 4, .across = (s->ow + 3) / 4, .x = x, .dy = dy, .dw = dw };
  int64_t per_image = j.down * j.across, channels = c->in_channels + c->out_channels, filters = c->in_channels * c->out_channels;
  int64_t images = scion__max(1, scion__min(c->batch, WEIGHT_FLOATS / (36 * channels * per_image)));
  images = (c->batch + (c->batch + images - 1) / images - 1) / ((c->batch + images - 1) / images); /* evenly */
  j.strip = strip_of(j.across);
  j.pitch = images * per_image + LANES_MOST;
  j.x_step = plane_step(c->in_channels * j.pitch);
  j.dy_step = plane_step(c->out_channels * j.pitch);
  size_t floats = (size_t)(36 * (j.x_step + j.dy_step + filters) + channels * 6 * j.strip), bytes = floats * sizeof(float);
  j.v = scion__alloc(ctx, bytes);
  if (j.v == NULL) return SCION_ENOMEM;
  j.d = j.v + 36 * j.x_step;
  j.du = j.d + 36 * j.dy_step;
  j.strips = j.du + 36 * filters;
  for (j.n0 = 0; j.n0 < c->batch; j.n0 += images) {
    j.n1 = scion__min(c->batch, j.n0 + images);
    j.tiles = (j.n1 - j.n0) * per_image;
    j.first = j.n0 == 0;
    scion__parallel(ctx, channels, transform_channel, &j);
    scion__parallel(ctx, 36, multiply, &j);
  }
  scion__parallel_range(ctx, filters, 4096, transform_back, &j);
  scion__free(ctx, j.v, bytes);
  return SCION_OK;
}
