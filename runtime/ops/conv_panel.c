/* conv_panel.c: f32 convolutions of any kernel and step as matrix products from panels (kernels/panel.c). Positions of all images of the
 * batch stand in one row, so that small images fill whole panels too. A task packs the patches of some positions once, multiplies them
 * with a few output channels at a time, and adds bias and activation while the sums are warm. Work is cut by shape only. */
#include "conv_direct.h"

#define PATCH_FLOATS 98304 /* of packed patches in a task: the second-level cache */
#define MOST_PANELS 16
#define DEPTH 256          /* rows of a panel multiplied at a time: they fit the first-level cache */
#define CHUNK_ROWS 64      /* output channels at a time */

typedef struct {
  const scion_conv_job *c;
  int64_t ci, co, depth, pixels, positions; /* channels of a group; rows of a patch; output pixels of an image, of the batch */
  int64_t rows, cols, blocks;               /* of a panel; panels of output channels */
  int64_t tile, parts, shares, share;       /* positions of a task; tasks over positions, over output channels; panels of these in one */
  bool plain;                               /* patches are the pixels themselves */
  const float *x, *w, *bias;                /* w: (group, block, depth, rows) */
  float *y;
  char *scratch;
  size_t slot_bytes;
  atomic_int_fast64_t next;
} job;

bool scion__conv_panel_fits(const scion_conv_job *c) {
  const scion_conv_shape *s = &c->shape;
  return c->dtype == SCION_F32 && c->out_channels / c->groups >= 2 && c->in_channels / c->groups * s->kd * s->kh * s->kw >= 4;
}

/* Patches of positions p0 .. p1 - 1 into panels. */
static void pack_patches(const job *j, int64_t g, int64_t p0, int64_t p1, float *to, float *columns) {
  const scion_conv_shape *s = &j->c->shape;
  int64_t in_plane = s->d * s->h * s->w, panel = j->depth * j->cols;
  for (int64_t p = p0; p < p1;) {
    int64_t n = p / j->pixels, q = p % j->pixels, count = scion__min(p1 - p, j->pixels - q);
    const float *x = j->x + (n * j->c->in_channels + g * j->ci) * in_plane;
    if (!j->plain) scion__k->conv_columns_f32(s, j->ci, x, q, count, columns);
    for (int64_t r = 0; r < j->depth; r++)
      scion__k->panel_spread_f32(p - p0, count, j->plain ? x + r * in_plane + q : columns + r * count, to + r * j->cols, panel);
    p += count;
  }
  /* columns beyond the last position are multiplied too and dropped: any number will do, but not whatever lay there */
  int64_t last = (p1 - p0) % j->cols;
  for (int64_t r = 0; last > 0 && r < j->depth; r++)
    memset(to + (p1 - p0) / j->cols * panel + r * j->cols + last, 0, (size_t)(j->cols - last) * sizeof *to);
}

/* Sums of positions p0 .. p1 - 1 of one output channel into the result. */
static void finish(const job *j, int64_t out, int64_t p0, int64_t p1, const float *sums) {
  for (int64_t p = p0; p < p1;) {
    int64_t n = p / j->pixels, q = p % j->pixels, count = scion__min(p1 - p, j->pixels - q), at = (n * j->c->out_channels + out) * j->pixels + q;
    scion__k->panel_finish_f32(count, sums + p - p0, j->bias != NULL ? j->bias[out] : 0,
                               j->c->plus != NULL ? (const float *)(const void *)j->c->plus + at : NULL, j->c->activation, j->y + at);
    p += count;
  }
}

/* Patches that a panel holds in one piece: whole panels of one image go straight into the result. */
static void run_shallow(const job *j, int64_t g, int64_t b0, int64_t b1, int64_t p0, int64_t p1, const float *patches, float *sums) {
  for (int64_t p = p0; p < p1; p += j->cols) {
    int64_t count = scion__min(j->cols, p1 - p), n = p / j->pixels, q = p % j->pixels;
    const float *patch = patches + (p - p0) * j->depth;
    for (int64_t b = b0; b < b1; b++) {
      int64_t out = g * j->co + b * j->rows, some = scion__min(j->rows, j->co - b * j->rows);
      const float *w = j->w + (g * j->blocks + b) * j->depth * j->rows;
      if (count == j->cols && some == j->rows && q + count <= j->pixels) {
        int64_t at = (n * j->c->out_channels + out) * j->pixels + q;
        scion__k->panel_whole_f32(j->depth, w, patch, j->bias != NULL ? j->bias + out : NULL,
                                  j->c->plus != NULL ? (const float *)(const void *)j->c->plus + at : NULL, j->c->activation, j->y + at, j->pixels);
      } else {
        scion__k->panel_f32(j->depth, w, patch, count, sums, j->cols, 0);
        for (int64_t o = 0; o < some; o++) finish(j, out + o, p, p + count, sums + o * j->cols);
      }
    }
  }
}

static void run_task(const job *j, int64_t task, float *scratch) {
  int64_t share = task % j->shares, part = task / j->shares % j->parts, g = task / (j->shares * j->parts);
  int64_t p0 = part * j->tile, p1 = scion__min(j->positions, p0 + j->tile), b0 = share * j->share, b1 = scion__min(j->blocks, b0 + j->share);
  int64_t panel = j->depth * j->cols, most = (j->tile + j->cols - 1) / j->cols * j->cols, pitch = most + SCION_DIRECT_SLACK;
  float *patches = scratch, *sums = patches + most * j->depth, *columns = sums + CHUNK_ROWS * pitch;
  pack_patches(j, g, p0, p1, patches, columns);
  if (j->depth <= DEPTH) {
    run_shallow(j, g, b0, b1, p0, p1, patches, sums);
    return;
  }
  for (int64_t b = b0; b < b1; b += CHUNK_ROWS / j->rows) {
    int64_t end = scion__min(b1, b + CHUNK_ROWS / j->rows), first = b * j->rows;
    for (int64_t k = 0; k < j->depth; k += DEPTH)
      for (int64_t t = 0; t < p1 - p0; t += j->cols)
        for (int64_t i = b; i < end; i++)
          scion__k->panel_f32(scion__min(DEPTH, j->depth - k), j->w + ((g * j->blocks + i) * j->depth + k) * j->rows, patches + t / j->cols * panel + k * j->cols,
                              scion__min(j->cols, p1 - p0 - t), sums + (i - b) * j->rows * pitch + t, pitch, k > 0);
    for (int64_t o = first; o < scion__min(j->co, end * j->rows); o++) finish(j, g * j->co + o, p0, p1, sums + (o - first) * pitch);
  }
}
static void run_slot(void *ud, int64_t slot) {
  job *j = ud;
  for (;;) {
    int64_t task = atomic_fetch_add_explicit(&j->next, 1, memory_order_relaxed);
    if (task >= j->c->groups * j->parts * j->shares) return;
    run_task(j, task, (float *)(void *)(j->scratch + (size_t)slot * j->slot_bytes));
  }
}

typedef struct { const job *j; const float *w; float *to; } pack_job;
static void pack_weights(void *ud, int64_t begin, int64_t end) {
  const pack_job *p = ud;
  const job *j = p->j;
  for (int64_t i = begin; i < end; i++) {
    int64_t g = i / j->blocks, o = i % j->blocks * j->rows;
    scion__k->panel_pack_f32(scion__min(j->rows, j->co - o), j->depth, p->w + (g * j->co + o) * j->depth, p->to + i * j->depth * j->rows);
  }
}

scion_status scion__conv_panel_forward(scion_context *ctx, const scion_conv_job *c, const float *x, const float *w, const float *bias, float *y) {
  const scion_conv_shape *s = &c->shape;
  int64_t taps = s->kd * s->kh * s->kw;
  job j = { .c = c, .ci = c->in_channels / c->groups, .co = c->out_channels / c->groups, .pixels = s->od * s->oh * s->ow, .rows = scion__k->panel_rows,
            .cols = scion__k->panel_cols, .x = x, .bias = bias, .y = y };
  j.plain = taps == 1 && s->sd == 1 && s->sh == 1 && s->sw == 1 && s->pd == 0 && s->ph == 0 && s->pw == 0 && s->d == s->od && s->h == s->oh && s->w == s->ow;
  j.depth = j.ci * taps;
  j.positions = c->batch * j.pixels;
  j.blocks = (j.co + j.rows - 1) / j.rows;
  int64_t wish = j.cols * scion__max(2, scion__min(MOST_PANELS, PATCH_FLOATS / (j.depth * j.cols)));
  j.parts = scion__max(1, (j.positions + wish / 2) / wish);
  j.tile = ((j.positions + j.parts - 1) / j.parts + j.cols - 1) / j.cols * j.cols;
  j.parts = (j.positions + j.tile - 1) / j.tile;
  j.shares = scion__max(1, scion__min(8 / (j.parts * c->groups), j.co / CHUNK_ROWS));
  j.share = (j.blocks + j.shares - 1) / j.shares;
  int64_t slots = scion__min(ctx->threads, c->groups * j.parts * j.shares), pitch = j.tile + SCION_DIRECT_SLACK;
  j.slot_bytes = (size_t)(j.tile * j.depth * (j.plain ? 1 : 2) + CHUNK_ROWS * pitch) * sizeof(float);
  j.slot_bytes = (j.slot_bytes + SCION_ALIGN - 1) / SCION_ALIGN * SCION_ALIGN;
  size_t w_bytes = (size_t)(c->groups * j.blocks * j.depth * j.rows) * sizeof(float), bytes = (size_t)slots * j.slot_bytes;
  float *packed = scion__alloc(ctx, w_bytes);
  if (packed == NULL) return SCION_ENOMEM;
  j.scratch = scion__alloc(ctx, bytes);
  if (j.scratch == NULL) {
    scion__free(ctx, packed, w_bytes);
    return SCION_ENOMEM;
  }
  pack_job p = { &j, w, packed };
  scion__parallel_range(ctx, c->groups * j.blocks, scion__max(1, 32768 / (j.depth * j.rows)), pack_weights, &p);
  j.w = packed;
  atomic_init(&j.next, 0);
  scion__parallel(ctx, slots, run_slot, &j);
  scion__free(ctx, j.scratch, bytes);
  scion__free(ctx, packed, w_bytes);
  return SCION_OK;
}
