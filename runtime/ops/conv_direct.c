/* conv_direct.c: cutting direct convolutions into tasks. A task pads a few lines of a few images of one group into
 * scratch that fits the second-level cache and runs every block of eight output channels over them. The gradient of
 * the input is the same with the filters turned round; that of the weight takes its columns from padded images, where
 * each is one long copy. Work is cut by shape only. */
#include "conv_direct.h"
#include "gemm.h"

#define CHUNK_FLOATS 98304 /* of padded input in a task */
#define MAX_TAPS 128
#define COLUMN_FLOATS 98304

/* A convolution with steps of 1 as the kernel sees it. in: lines of the input; lead: zeros before; pitch x height x depth: the
 * padded image. */
typedef struct {
  int64_t batch, groups, ci, co; /* channels of a group */
  int64_t in_d, in_h, in_w, out_d, out_h, out_w;
  int64_t lead_d, lead_h, lead_w, depth, height, pitch;
  int64_t taps, offsets[MAX_TAPS];
  int64_t chunk, chunks, images, image_groups; /* output lines of a task; images of a task */
  int32_t activation;
  const float *x, *w, *bias; /* w: packed (group, block, ci, taps, 8) */
  float *y;
  char *scratch;
  size_t slot_bytes;
  atomic_int_fast64_t next;
} job;

static bool unit_steps(const scion_conv_job *c) {
  const scion_conv_shape *s = &c->shape;
  int64_t taps = s->kd * s->kh * s->kw;
  return c->dtype == SCION_F32 && s->sd == 1 && s->sh == 1 && s->sw == 1 && taps > 1 && taps <= MAX_TAPS;
}
/* Lines shorter than the filter, or padding beyond it, waste too much. */
static bool worth(const scion_conv_shape *s) { return s->ow >= 4 && s->kw * s->dw <= s->ow + 4; }
bool scion__conv_direct_fits(const scion_conv_job *c) {
  return unit_steps(c) && worth(&c->shape) && c->out_channels / c->groups >= 4;
}
bool scion__conv_direct_fits_input(const scion_conv_job *c) {
  const scion_conv_shape *s = &c->shape;
  int64_t tail_d = s->od - 1 + (s->kd - 1) * s->dd - s->pd - (s->d - 1), tail_h = s->oh - 1 + (s->kh - 1) * s->dh - s->ph - (s->h - 1),
          tail_w = s->ow - 1 + (s->kw - 1) * s->dw - s->pw - (s->w - 1); /* trailing padding of the forward convolution */
  return unit_steps(c) && worth(s) && c->in_channels / c->groups >= 4 && s->pd <= (s->kd - 1) * s->dd && s->ph <= (s->kh - 1) * s->dh &&
         s->pw <= (s->kw - 1) * s->dw && tail_d <= (s->kd - 1) * s->dd && tail_h <= (s->kh - 1) * s->dh && tail_w <= (s->kw - 1) * s->dw;
}
bool scion__conv_direct_fits_weight(const scion_conv_job *c) {
  const scion_conv_shape *s = &c->shape;
  return unit_steps(c) && worth(s) && s->d == 1 && s->od == 1 && s->pd == 0 && c->out_channels / c->groups >= 4;
}

/* ---- padding ------------------------------------------------------------------------------------------------ */

/* Lines line .. line + lines - 1 of the padded image (all of it when it has depth) of one channel. */
static void pad_lines(const job *j, const float *x, int64_t line, int64_t lines, float *to) {
  for (int64_t l = 0; l < lines;) {
    int64_t at = line + l, d = at / j->height - j->lead_d, h = at % j->height - j->lead_h;
    if (d < 0 || d >= j->in_d || h < 0 || h >= j->in_h) {
      memset(to + l * j->pitch, 0, (size_t)j->pitch * sizeof *to);
      l++;
      continue;
    }
    int64_t n = scion__min(lines - l, j->in_h - h); /* lines of the image in a row */
    n = scion__min(n, j->height - at % j->height);
    scion__k->conv_direct_pad_f32(n, j->in_w, j->lead_w, j->pitch, x + (d * j->in_h + h) * j->in_w, to + l * j->pitch);
    l += n;
  }
}

/* ---- tasks ---------------------------------------------------------------------------------------------------- */

static int64_t task_lines(const job *j) { /* padded lines that `chunk` output lines need */
  if (j->depth > 1 || j->out_d > 1) return j->depth * j->height;
  return j->chunk + j->height - j->out_h;
}
static int64_t task_positions(const job *j, int64_t lines) {
  if (j->depth > 1 || j->out_d > 1) return ((j->out_d - 1) * j->height + j->out_h - 1) * j->pitch + j->out_w;
  return (lines - 1) * j->pitch + j->out_w;
}

static void run_task(const job *j, int64_t task, float *scratch) {
  int64_t chunk = task % j->chunks, g = task / j->chunks % j->groups, images = task / (j->chunks * j->groups);
  int64_t n0 = images * j->images, n1 = scion__min(j->batch, n0 + j->images), first = chunk * j->chunk;
  int64_t lines = scion__min(j->chunk, j->out_h - first), padded = task_lines(j), plane = padded * j->pitch + SCION_DIRECT_SLACK;
  int64_t positions = task_positions(j, lines), row = positions + SCION_DIRECT_SLACK, in_plane = j->in_d * j->in_h * j->in_w;
  int64_t out_plane = j->out_d * j->out_h * j->out_w, blocks = (j->co + 7) / 8;
  bool deep = j->depth > 1 || j->out_d > 1;
  float *sums = scratch + j->images * j->ci * plane;
  for (int64_t n = n0; n < n1; n++)
    for (int64_t c = 0; c < j->ci; c++) {
      float *to = scratch + ((n - n0) * j->ci + c) * plane;
      pad_lines(j, j->x + ((n * j->groups + g) * j->ci + c) * in_plane, first, deep ? padded : lines + j->height - j->out_h, to);
    }
  for (int64_t b = 0; b < blocks; b++) {
    int64_t channels = scion__min(8, j->co - 8 * b), out = g * j->co + 8 * b;
    const float *w = j->w + (g * blocks + b) * j->ci * j->taps * 8;
    for (int64_t n = n0; n < n1; n++) {
      scion__k->conv_direct_f32(j->ci, j->taps, j->offsets, scratch + (n - n0) * j->ci * plane, plane, w, positions, sums, row);
      for (int64_t d = 0; d < j->out_d; d++) {
        float *y = j->y + (n * j->groups * j->co + out) * out_plane + (d * j->out_h + first) * j->out_w;
        scion__k->conv_direct_finish_f32(channels, lines, j->out_w, j->pitch, sums + d * j->height * j->pitch, row,
                                         j->bias != NULL ? j->bias + out : NULL, j->activation, y, out_plane);
      }
    }
  }
}
static void run_slot(void *ud, int64_t slot) {
  job *j = ud;
  int64_t tasks = (j->batch + j->images - 1) / j->images * j->groups * j->chunks;
  for (;;) {
    int64_t task = atomic_fetch_add_explicit(&j->next, 1, memory_order_relaxed);
    if (task >= tasks) return;
    run_task(j, task, (float *)(void *)(j->scratch + (size_t)slot * j->slot_bytes));
  }
}

/* Filters of one block of eight output channels: (ci, taps, 8), zeros where there are fewer. turned: w is (ci, co, taps) of the
 * other direction and the taps run backwards. */
typedef struct { const job *j; const float *w; float *to; bool turned; } pack_job;
static void pack(void *ud, int64_t begin, int64_t end) {
  const pack_job *p = ud;
  const job *j = p->j;
  int64_t blocks = (j->co + 7) / 8;
  for (int64_t i = begin; i < end; i++) {
    int64_t g = i / blocks, b = i % blocks;
    float *to = p->to + i * j->ci * j->taps * 8;
    for (int64_t c = 0; c < j->ci; c++)
      for (int64_t t = 0; t < j->taps; t++)
        for (int64_t k = 0; k < 8; k++) {
          int64_t o = 8 * b + k;
          float v = 0;
          if (o < j->co) v = p->turned ? p->w[((g * j->ci + c) * j->co + o) * j->taps + j->taps - 1 - t] : p->w[((g * j->co + o) * j->ci + c) * j->taps + t];
          *to++ = v;
        }
  }
}

static scion_status run(scion_context *ctx, job *j, const float *w, bool turned) {
  bool deep = j->depth > 1 || j->out_d > 1;
  int64_t filter_lines = j->height - j->out_h;
  j->chunk = j->out_h;
  if (!deep) { /* as many lines as fit the cache, evenly */
    int64_t fit = scion__max(1, CHUNK_FLOATS / (j->ci * j->pitch) - filter_lines);
    int64_t parts = (j->out_h + fit - 1) / fit;
    /* short tasks pay for filters and overlap: at least 8 lines where there are */
    parts = scion__min(parts, scion__max(1, j->out_h / 8));
    j->chunk = (j->out_h + parts - 1) / parts;
  }
  j->chunks = deep ? 1 : (j->out_h + j->chunk - 1) / j->chunk;
  int64_t plane = task_lines(j) * j->pitch + SCION_DIRECT_SLACK, positions = task_positions(j, j->chunk);
  /* small images share a task: filters are read once for all of them */
  j->images = scion__max(1, scion__min(scion__min(j->batch, 1024 / scion__max(positions, 1)), 4 * CHUNK_FLOATS / (j->ci * plane)));
  while (j->images > 1 && (j->batch / j->images) * j->groups * j->chunks < 8) j->images--;
  j->slot_bytes = (size_t)(j->images * j->ci * plane + 8 * (positions + SCION_DIRECT_SLACK) + 16) * sizeof(float);
  j->slot_bytes = (j->slot_bytes + SCION_ALIGN - 1) / SCION_ALIGN * SCION_ALIGN;
  int64_t tasks = (j->batch + j->images - 1) / j->images * j->groups * j->chunks, slots = scion__min(ctx->threads, tasks), blocks = j->groups * ((j->co + 7) / 8);
  size_t packed_bytes = (size_t)(blocks * j->ci * j->taps * 8) * sizeof(float), bytes = (size_t)slots * j->slot_bytes;
  float *packed = scion__alloc(ctx, packed_bytes);
  if (packed == NULL) return SCION_ENOMEM;
  j->scratch = scion__alloc(ctx, bytes);
  if (j->scratch == NULL) {
    scion__free(ctx, packed, packed_bytes);
    return SCION_ENOMEM;
  }
  /* what lies beyond the last position is read by vectors whose sums are dropped: any number will do, but not none */
  memset(j->scratch, 0, bytes);
  pack_job p = { j, w, packed, turned };
  scion__parallel_range(ctx, blocks, scion__max(1, 32768 / (j->ci * j->taps * 8)), pack, &p);
  j->w = packed;
  atomic_init(&j->next, 0);
  scion__parallel(ctx, slots, run_slot, j);
  scion__free(ctx, j->scratch, bytes);
  scion__free(ctx, packed, packed_bytes);
  return SCION_OK;
}

static void offsets(job *j, const scion_conv_shape *s) {
  j->taps = 0;
  for (int64_t d = 0; d < s->kd; d++)
    for (int64_t h = 0; h < s->kh; h++)
      for (int64_t w = 0; w < s->kw; w++) j->offsets[j->taps++] = (d * s->dd * j->height + h * s->dh) * j->pitch + w * s->dw;
}

scion_status scion__conv_direct_forward(scion_context *ctx, const scion_conv_job *c, const float *x, const float *w, const float *bias, float *y) {
  const scion_conv_shape *s = &c->shape;
  job j = { .batch = c->batch, .groups = c->groups, .ci = c->in_channels / c->groups, .co = c->out_channels / c->groups, .in_d = s->d, .in_h = s->h,
            .in_w = s->w, .out_d = s->od, .out_h = s->oh, .out_w = s->ow, .lead_d = s->pd, .lead_h = s->ph, .lead_w = s->pw,
            .depth = s->od + (s->kd - 1) * s->dd, .height = s->oh + (s->kh - 1) * s->dh, .pitch = s->ow + (s->kw - 1) * s->dw,
            .activation = c->activation, .x = x, .bias = bias, .y = y };
  offsets(&j, s);
  return run(ctx, &j, w, false);
}

scion_status scion__conv_direct_input(scion_context *ctx, const scion_conv_job *c, const float *dy, const float *w, float *dx) {
  const scion_conv_shape *s = &c->shape;
  job j = { .batch = c->batch, .groups = c->groups, .ci = c->out_channels / c->groups, .co = c->in_channels / c->groups, .in_d = s->od, .in_h = s->oh,
            .in_w = s->ow, .out_d = s->d, .out_h = s->h, .out_w = s->w, .lead_d = (s->kd - 1) * s->dd - s->pd, .lead_h = (s->kh - 1) * s->dh - s->ph,
            .lead_w = (s->kw - 1) * s->dw - s->pw, .depth = s->d + (s->kd - 1) * s->dd, .height = s->h + (s->kh - 1) * s->dh,
            .pitch = s->w + (s->kw - 1) * s->dw, .x = dy, .y = dx };
  offsets(&j, s);
  return run(ctx, &j, w, true);
}

/* ---- gradient of the weight ------------------------------------------------------------------------------------- */

typedef struct { int64_t ci, co, taps, height, pitch, positions, plane, tile; } weight_plan;
static weight_plan plan_weight(const scion_conv_job *c) {
  const scion_conv_shape *s = &c->shape;
  weight_plan p = { .ci = c->in_channels / c->groups, .co = c->out_channels / c->groups, .taps = s->kh * s->kw * s->kd,
                    .height = s->oh + (s->kh - 1) * s->dh, .pitch = s->ow + (s->kw - 1) * s->dw };
  p.positions = s->oh * p.pitch;
  p.plane = p.height * p.pitch + s->kw * s->dw; /* the last line's taps reach beyond it */
  p.tile = scion__min(p.positions, scion__max(64, COLUMN_FLOATS / (p.ci * p.taps) / 16 * 16));
  return p;
}
size_t scion__conv_direct_weight_room(const scion_conv_job *c) {
  weight_plan p = plan_weight(c);
  return (size_t)(p.ci * p.plane + p.co * p.positions + p.ci * p.taps * p.tile + 16) * sizeof(float);
}
void scion__conv_direct_weight(const scion_conv_job *c, const float *x, const float *dy, int64_t g, int64_t n0, int64_t n1, float *dw, char *scratch) {
  const scion_conv_shape *s = &c->shape;
  weight_plan p = plan_weight(c);
  job j = { .in_d = 1, .in_h = s->h, .in_w = s->w, .lead_h = s->ph, .lead_w = s->pw, .depth = 1, .height = p.height, .pitch = p.pitch };
  offsets(&j, s);
  float *xs = (float *)(void *)scratch, *ds = xs + p.ci * p.plane, *col = ds + p.co * p.positions;
  int64_t rows = p.ci * p.taps, in_plane = s->h * s->w, out_plane = s->oh * s->ow;
  for (int64_t n = n0; n < n1; n++) {
    for (int64_t k = 0; k < p.ci; k++) {
      float *to = xs + k * p.plane;
      pad_lines(&j, x + ((n * c->groups + g) * p.ci + k) * in_plane, 0, p.height, to);
      memset(to + p.height * p.pitch, 0, (size_t)(p.plane - p.height * p.pitch) * sizeof *to);
    }
    for (int64_t k = 0; k < p.co; k++) /* zeros between the lines: what the columns hold there does not count */
      scion__k->conv_direct_pad_f32(s->oh, s->ow, 0, p.pitch, dy + ((n * c->groups + g) * p.co + k) * out_plane, ds + k * p.positions);
    for (int64_t p0 = 0; p0 < p.positions; p0 += p.tile) {
      int64_t np = scion__min(p.tile, p.positions - p0);
      for (int64_t k = 0; k < p.ci; k++)
        for (int64_t t = 0; t < p.taps; t++)
          memcpy(col + (k * p.taps + t) * np, xs + k * p.plane + j.offsets[t] + p0, (size_t)np * sizeof *col);
      scion__gemm_serial(SCION_F32, p.co, rows, np, (scion_matrix){ (char *)(ds + p0), p.positions, 1 }, (scion_matrix){ (char *)col, 1, np },
                         (scion_matrix){ (char *)dw, rows, 1 }, n > n0 || p0 > 0);
    }
  }
}
