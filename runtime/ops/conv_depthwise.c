/* conv_depthwise.c: convolutions of single channels in f32 and their adjoints: every plane is padded into scratch, split
 * by column modulo the step, and run line by line. The gradient of the input spreads dy by the step and runs the filter
 * backwards. Tasks are planes, or channels where sums run over the batch. */
#include "conv_direct.h"

#define MAX_TAPS 128

/* A padded plane: `height` lines of `phases` parts of `part` floats each. */
typedef struct {
  int64_t in_h, in_w, lead_h, lead_w, spread_h, spread_w; /* line h of the input is padded line lead + h * spread */
  int64_t height, phases, part, step_h, taps, offsets[MAX_TAPS];
  int64_t out_h, out_w;
} plane;

static void layout(plane *p, const scion_conv_shape *s, int64_t step_h, int64_t step_w, int64_t width) {
  p->phases = step_w;
  p->step_h = step_h;
  p->part = (width + step_w - 1) / step_w + SCION_DIRECT_SLACK;
  p->taps = 0;
  for (int64_t h = 0; h < s->kh; h++)
    for (int64_t w = 0; w < s->kw; w++) p->offsets[p->taps++] = (h * s->dh * step_w + w * s->dw % step_w) * p->part + w * s->dw / step_w;
}
static plane forward_plane(const scion_conv_shape *s) {
  plane p = { .in_h = s->h, .in_w = s->w, .lead_h = s->ph, .lead_w = s->pw, .spread_h = 1, .spread_w = 1, .out_h = s->oh, .out_w = s->ow,
              .height = (s->oh - 1) * s->sh + (s->kh - 1) * s->dh + 1 };
  layout(&p, s, s->sh, s->sw, (s->ow - 1) * s->sw + (s->kw - 1) * s->dw + 1);
  return p;
}
static plane input_plane(const scion_conv_shape *s) {
  plane p = { .in_h = s->oh, .in_w = s->ow, .lead_h = (s->kh - 1) * s->dh - s->ph, .lead_w = (s->kw - 1) * s->dw - s->pw, .spread_h = s->sh, .spread_w = s->sw,
              .out_h = s->h, .out_w = s->w, .height = s->h + (s->kh - 1) * s->dh };
  layout(&p, s, 1, 1, s->w + (s->kw - 1) * s->dw);
  return p;
}
static int64_t plane_floats(const plane *p) { return p->height * p->phases * p->part; }

static void fill(const plane *p, const float *x, float *to) {
  memset(to, 0, (size_t)plane_floats(p) * sizeof *to);
  int64_t width = p->part - SCION_DIRECT_SLACK;
  for (int64_t h = 0; h < p->in_h; h++) {
    int64_t line = p->lead_h + h * p->spread_h;
    if (line < 0 || line >= p->height) continue;
    float *row = to + line * p->phases * p->part;
    const float *in = x + h * p->in_w;
    if (p->phases == 1 && p->spread_w == 1) {
      int64_t first = scion__max(0, -p->lead_w), n = scion__min(p->in_w, width - p->lead_w) - first;
      if (n > 0) memcpy(row + p->lead_w + first, in + first, (size_t)n * sizeof *in);
    } else if (p->phases == 1) {
      for (int64_t w = 0; w < p->in_w; w++) {
        int64_t at = p->lead_w + w * p->spread_w;
        if (at >= 0 && at < width) row[at] = in[w];
      }
    } else {
      for (int64_t f = 0; f < p->phases; f++) { /* columns whose place is f modulo the step */
        int64_t first = (f - p->lead_w % p->phases + p->phases) % p->phases, at = (p->lead_w + first) / p->phases;
        float *part = row + f * p->part;
        for (int64_t w = first; w < p->in_w && at < width; w += p->phases) part[at++] = in[w];
      }
    }
  }
}

static bool shaped(const scion_conv_job *c) {
  const scion_conv_shape *s = &c->shape;
  return c->dtype == SCION_F32 && s->d == 1 && s->od == 1 && s->kd == 1 && s->pd == 0 && s->kh * s->kw <= MAX_TAPS && c->in_channels == c->groups &&
         s->oh > 0 && s->ow > 0;
}
bool scion__depthwise_fits(const scion_conv_job *c) { return shaped(c); }
bool scion__depthwise_fits_gradients(const scion_conv_job *c) {
  const scion_conv_shape *s = &c->shape;
  return shaped(c) && c->out_channels == c->groups && s->ph <= (s->kh - 1) * s->dh && s->pw <= (s->kw - 1) * s->dw;
}

typedef struct {
  const scion_conv_job *c;
  plane p;
  const float *x, *w, *bias;
  float *y;
  char *scratch;
  size_t slot_bytes;
  int64_t n_tasks;
  atomic_int_fast64_t next;
  void (*task)(const void *job, int64_t task, float *scratch);
} job;
static void run_slot(void *ud, int64_t slot) {
  job *j = ud;
  for (;;) {
    int64_t task = atomic_fetch_add_explicit(&j->next, 1, memory_order_relaxed);
    if (task >= j->n_tasks) return;
    j->task(j, task, (float *)(void *)(j->scratch + (size_t)slot * j->slot_bytes));
  }
}
static scion_status run(scion_context *ctx, job *j, int64_t floats) {
  int64_t slots = scion__min(ctx->threads, j->n_tasks);
  j->slot_bytes = ((size_t)floats * sizeof(float) + SCION_ALIGN - 1) / SCION_ALIGN * SCION_ALIGN;
  size_t bytes = (size_t)slots * j->slot_bytes;
  if (j->n_tasks == 0) return SCION_OK;
  j->scratch = scion__alloc(ctx, bytes);
  if (j->scratch == NULL) return SCION_ENOMEM;
  atomic_init(&j->next, 0);
  scion__parallel(ctx, slots, run_slot, j);
  scion__free(ctx, j->scratch, bytes);
  return SCION_OK;
}

static void forward_task(const void *ud, int64_t task, float *scratch) {
  const job *j = ud;
  const scion_conv_job *c = j->c;
  const plane *p = &j->p;
  int64_t in = task % c->in_channels, n = task / c->in_channels, multiplier = c->out_channels / c->groups;
  fill(p, j->x + (n * c->in_channels + in) * p->in_h * p->in_w, scratch);
  for (int64_t k = 0; k < multiplier; k++) {
    int64_t out = in * multiplier + k;
    scion__k->depthwise_f32(p->taps, p->offsets, scratch, p->step_h * p->phases * p->part, j->w + out * p->taps, p->out_h, p->out_w,
                            j->bias != NULL ? j->bias[out] : 0, c->activation, j->y + (n * c->out_channels + out) * p->out_h * p->out_w);
  }
}
/* The common case needs no padded copy. */
static bool plain3(const scion_conv_job *c) {
  const scion_conv_shape *s = &c->shape;
  return s->kh == 3 && s->kw == 3 && s->dh == 1 && s->dw == 1 && s->ph == 1 && s->pw == 1 && s->sh == s->sw && s->sh <= 2 &&
         (s->w >= 1 + s->sw * (1 + scion__k->lanes) || (scion__k->lanes == 16 && s->w <= 16)) && (s->ow - 1) * s->sw + 1 <= s->w && (s->oh - 1) * s->sh + 1 <= s->h;
}
static void plain3_task(const void *ud, int64_t task, float *zeros) {
  const job *j = ud;
  const scion_conv_job *c = j->c;
  const scion_conv_shape *s = &c->shape;
  int64_t in = task % c->in_channels, n = task / c->in_channels, multiplier = c->out_channels / c->groups;
  memset(zeros, 0, (size_t)s->w * sizeof *zeros);
  for (int64_t k = 0; k < multiplier; k++) {
    int64_t out = in * multiplier + k;
    scion__k->depthwise3_f32(s->sw, s->h, s->w, j->x + task * s->h * s->w, zeros, j->w + out * 9, s->oh, s->ow, j->bias != NULL ? j->bias[out] : 0, c->activation,
                             j->y + (n * c->out_channels + out) * s->oh * s->ow);
  }
}
scion_status scion__depthwise_forward(scion_context *ctx, const scion_conv_job *c, const float *x, const float *w, const float *bias, float *y) {
  job j = { .c = c, .p = forward_plane(&c->shape), .x = x, .w = w, .bias = bias, .y = y, .n_tasks = c->batch * c->in_channels,
            .task = plain3(c) ? plain3_task : forward_task };
  return run(ctx, &j, plain3(c) ? c->shape.w : plane_floats(&j.p));
}

static void input_task(const void *ud, int64_t task, float *scratch) {
  const job *j = ud;
  const plane *p = &j->p;
  int64_t channel = task % j->c->in_channels;
  float turned[MAX_TAPS];
  for (int64_t t = 0; t < p->taps; t++) turned[t] = j->w[channel * p->taps + p->taps - 1 - t];
  fill(p, j->x + task * p->in_h * p->in_w, scratch);
  scion__k->depthwise_f32(p->taps, p->offsets, scratch, p->phases * p->part, turned, p->out_h, p->out_w, 0, 0, j->y + task * p->out_h * p->out_w);
}
scion_status scion__depthwise_input(scion_context *ctx, const scion_conv_job *c, const float *dy, const float *w, float *dx) {
  job j = { .c = c, .p = input_plane(&c->shape), .x = dy, .w = w, .y = dx, .n_tasks = c->batch * c->in_channels, .task = input_task };
  return run(ctx, &j, plane_floats(&j.p));
}

static void weight_task(const void *ud, int64_t channel, float *scratch) {
  const job *j = ud;
  const scion_conv_job *c = j->c;
  const plane *p = &j->p;
  int64_t pitch = (p->out_w + 15) / 16 * 16;
  float *dy = scratch + plane_floats(p), *dw = j->y + channel * p->taps;
  memset(dw, 0, (size_t)p->taps * sizeof *dw);
  memset(dy, 0, (size_t)(p->out_h * pitch) * sizeof *dy);
  for (int64_t n = 0; n < c->batch; n++) {
    int64_t at = n * c->in_channels + channel;
    fill(p, j->x + at * p->in_h * p->in_w, scratch);
    for (int64_t l = 0; l < p->out_h; l++) memcpy(dy + l * pitch, j->w + (at * p->out_h + l) * p->out_w, (size_t)p->out_w * sizeof *dy);
    scion__k->depthwise_weight_f32(p->taps, p->offsets, scratch, p->step_h * p->phases * p->part, dy, pitch, p->out_h, dw);
  }
}
scion_status scion__depthwise_weight(scion_context *ctx, const scion_conv_job *c, const float *x, const float *dy, float *dw) {
  job j = { .c = c, .p = forward_plane(&c->shape), .x = x, .w = dy, .y = dw, .n_tasks = c->in_channels, .task = weight_task };
  /* vectors of dy beyond the line's end meet zeros, but read x there: room for a whole vector more */
  return run(ctx, &j, plane_floats(&j.p) + j.p.out_h * ((j.p.out_w + 15) / 16 * 16) + SCION_DIRECT_SLACK);
}
