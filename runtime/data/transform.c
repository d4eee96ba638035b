/* transform.c: the steps that pictures go through on their way to a network. Random ones follow torchvision's
 * definitions (RandomResizedCrop, ColorJitter, RandomAffine, RandomErasing). Steps on pixels work on u8 and stand before
 * to_float and normalize. Adding a step: a line in STEPS, a case in run_step, a line in the Lua doc (bind_data.c). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "transform.h"
#include "../tensor/tensor.h"

enum { RESIZE, CENTER_CROP, CROP, PAD, RANDOM_CROP, RANDOM_RESIZED_CROP, FLIP, VFLIP, RANDOM_FLIP, RANDOM_VFLIP, ROTATE, RANDOM_ROTATION,
       RANDOM_AFFINE, COLOR_JITTER, GRAYSCALE, RANDOM_GRAYSCALE, INVERT, RANDOM_INVERT, RANDOM_ERASING, BGR, TO_FLOAT, NORMALIZE };

#define NEEDED NAN
#define EMPTY INFINITY /* may be left out */
typedef struct { const char *name; int32_t n; double def[2], min, max; } param; /* n: how many numbers (0: the word filter) */
typedef struct { const char *name; int32_t kind; param p[6]; } spec;
#define SIDE(name, def) { name, 1, { def }, 1, 1 << 20 }
#define SHARE(name, def) { name, 1, { def }, 0, 1 }
#define VALUE { "value", 1, { 0 }, 0, 255 }
static const spec STEPS[] = {
  { "resize", RESIZE, { SIDE("h", NEEDED), SIDE("w", EMPTY), { "filter", 0, { 0 }, 0, 2 } } },
  { "center_crop", CENTER_CROP, { SIDE("h", NEEDED), SIDE("w", EMPTY), VALUE } },
  { "crop", CROP, { SIDE("y", NEEDED), SIDE("x", NEEDED), SIDE("h", NEEDED), SIDE("w", NEEDED) } },
  { "pad", PAD, { { "left", 1, { NEEDED }, 0, 1 << 20 }, { "top", 1, { NEEDED }, 0, 1 << 20 }, { "right", 1, { NEEDED }, 0, 1 << 20 },
                  { "bottom", 1, { NEEDED }, 0, 1 << 20 }, VALUE } },
  { "random_crop", RANDOM_CROP, { SIDE("h", NEEDED), SIDE("w", EMPTY), { "padding", 1, { 0 }, 0, 1 << 20 }, VALUE } },
  { "random_resized_crop", RANDOM_RESIZED_CROP, { SIDE("h", NEEDED), SIDE("w", EMPTY), { "scale", 2, { 0.08, 1 }, 1e-6, 1 },
                                                  { "ratio", 2, { 0.75, 4.0 / 3 }, 0.01, 100 }, { "filter", 0, { 0 }, 0, 2 } } },
  { "flip", FLIP, { { NULL, 0, { 0 }, 0, 0 } } },
  { "vflip", VFLIP, { { NULL, 0, { 0 }, 0, 0 } } },
  { "random_flip", RANDOM_FLIP, { SHARE("p", 0.5) } },
  { "random_vflip", RANDOM_VFLIP, { SHARE("p", 0.5) } },
  { "rotate", ROTATE, { { "degrees", 1, { NEEDED }, -1e6, 1e6 }, VALUE } },
  { "random_rotation", RANDOM_ROTATION, { { "degrees", 1, { NEEDED }, 0, 360 }, VALUE } },
  { "random_affine", RANDOM_AFFINE, { { "degrees", 1, { 0 }, 0, 360 }, { "translate", 2, { 0, 0 }, 0, 1 }, { "scale", 2, { 1, 1 }, 0.01, 100 },
                                      { "shear", 1, { 0 }, 0, 80 }, VALUE } },
  { "color_jitter", COLOR_JITTER, { { "brightness", 1, { 0 }, 0, 100 }, { "contrast", 1, { 0 }, 0, 100 }, { "saturation", 1, { 0 }, 0, 100 },
                                    { "hue", 1, { 0 }, 0, 0.5 } } },
  { "grayscale", GRAYSCALE, { { NULL, 0, { 0 }, 0, 0 } } },
  { "random_grayscale", RANDOM_GRAYSCALE, { SHARE("p", 0.1) } },
  { "invert", INVERT, { { NULL, 0, { 0 }, 0, 0 } } },
  { "random_invert", RANDOM_INVERT, { SHARE("p", 0.5) } },
  { "random_erasing", RANDOM_ERASING, { SHARE("p", 0.5), { "scale", 2, { 0.02, 0.33 }, 0, 1 }, { "ratio", 2, { 0.3, 3.3 }, 0.01, 100 },
                                        { "value", 1, { 0 }, -1e6, 1e6 } } },
  { "bgr", BGR, { { NULL, 0, { 0 }, 0, 0 } } },
  { "to_float", TO_FLOAT, { { "scale", 1, { 1.0 / 255 }, -1e9, 1e9 } } },
  { "normalize", NORMALIZE, { { "mean", 4, { NEEDED }, -1e9, 1e9 }, { "std", 4, { NEEDED }, 1e-12, 1e9 } } } };
#define N_STEPS ((int32_t)(sizeof STEPS / sizeof *STEPS))

static int32_t slots_of(const param *p) { return p->n == 0 ? 1 : p->n; }
static int32_t param_at(const spec *s, int32_t k) { /* its first number */
  int32_t at = 0;
  for (int32_t i = 0; i < k; i++) at += slots_of(&s->p[i]);
  return at;
}

/* ---- describing ------------------------------------------------------------------------------------------------- */

scion_status scion_transform_new(scion_context *ctx, scion_transform **out) {
  *out = scion__calloc(ctx, sizeof **out);
  return *out != NULL ? SCION_OK : SCION_ENOMEM;
}
void scion_transform_free(scion_context *ctx, scion_transform *t) {
  if (t == NULL) return;
  if (t->steps != NULL) scion__free(ctx, t->steps, (size_t)t->cap * sizeof *t->steps);
  scion__free(ctx, t, sizeof *t);
}
scion_status scion__transform_copy(scion_context *ctx, const scion_transform *from, scion_transform **out) {
  SCION_TRY(scion_transform_new(ctx, out));
  if (from == NULL || from->n == 0) return SCION_OK;
  (*out)->steps = scion__alloc(ctx, (size_t)from->n * sizeof *from->steps);
  if ((*out)->steps == NULL) {
    scion_transform_free(ctx, *out);
    *out = NULL;
    return SCION_ENOMEM;
  }
  memcpy((*out)->steps, from->steps, (size_t)from->n * sizeof *from->steps);
  (*out)->n = (*out)->cap = from->n;
  (*out)->is_float = from->is_float;
  return SCION_OK;
}

static scion_status set_arg(scion_context *ctx, const spec *s, scion_step *step, int32_t k, const scion_step_arg *a) {
  const param *p = &s->p[k];
  double *to = step->v + param_at(s, k);
  if (p->n == 0) {
    static const char *const filters[] = { "bilinear", "bicubic", "nearest" };
    for (int32_t i = 0; a->text != NULL && i < 3; i++) {
      if (strcmp(filters[i], a->text) != 0) continue;
      to[0] = i;
      return SCION_OK;
    }
    return scion_fail(ctx, SCION_EINVAL, "transform: %s: filter must be \"bilinear\", \"bicubic\" or \"nearest\", got %.40s", s->name,
                      a->text != NULL ? a->text : "a number");
  }
  if (a->text != NULL || a->n < 1 || a->n > p->n) {
    return scion_fail(ctx, SCION_EINVAL, "transform: %s: %s must be %s%d number%s", s->name, p->name, p->n > 1 ? "1 to " : "", p->n, p->n > 1 ? "s" : "");
  }
  for (int32_t i = 0; i < a->n; i++) {
    if (!(a->v[i] >= p->min && a->v[i] <= p->max)) {
      return scion_fail(ctx, SCION_EINVAL, "transform: %s: %s is %g, expected %g..%g", s->name, p->name, a->v[i], p->min, p->max);
    }
    to[i] = a->v[i];
  }
  step->given[k] = a->n;
  return SCION_OK;
}
static int32_t n_params(const spec *s) {
  int32_t n = 0;
  while (n < 6 && s->p[n].name != NULL) n++;
  return n;
}
scion_status scion_transform_add(scion_context *ctx, scion_transform *t, const char *name, int32_t n_args, const scion_step_arg *args) {
  const spec *s = NULL;
  char known[512] = "";
  for (int32_t i = 0; i < N_STEPS; i++) {
    if (strcmp(STEPS[i].name, name) == 0) s = &STEPS[i];
    size_t n = strlen(known);
    snprintf(known + n, sizeof known - n, "%s%s", i == 0 ? "" : ", ", STEPS[i].name);
  }
  if (s == NULL) return scion_fail(ctx, SCION_EINVAL, "transform: no step '%.40s' (known: %s)", name, known);
  if (t->is_float && s->kind != NORMALIZE && s->kind != RANDOM_ERASING && s->kind != BGR) {
    return scion_fail(ctx, SCION_EINVAL, "transform: %s works on u8 pixels and must stand before to_float and normalize", name);
  }
  scion_step step = { .kind = s->kind };
  int32_t n = n_params(s), next = 0;
  for (int32_t k = 0; k < n; k++)
    for (int32_t i = 0; i < (s->p[k].n > 2 ? 1 : slots_of(&s->p[k])); i++) step.v[param_at(s, k) + i] = s->p[k].def[i];
  for (int32_t i = 0; i < n_args; i++) {
    int32_t k = 0;
    if (args[i].name == NULL) k = next++;
    else while (k < n && strcmp(s->p[k].name, args[i].name) != 0) k++;
    if (k >= n) {
      return args[i].name != NULL ? scion_fail(ctx, SCION_EINVAL, "transform: %s has no option '%.40s'", name, args[i].name)
                                  : scion_fail(ctx, SCION_EINVAL, "transform: %s takes at most %d arguments", name, n);
    }
    SCION_TRY(set_arg(ctx, s, &step, k, &args[i]));
  }
  for (int32_t k = 0; k < n; k++) {
    double *v = step.v + param_at(s, k);
    if (v[0] != v[0]) return scion_fail(ctx, SCION_EINVAL, "transform: %s: %s is missing", name, s->p[k].name);
    if (s->p[k].n == 2 && (strcmp(s->p[k].name, "scale") == 0 || strcmp(s->p[k].name, "ratio") == 0) && v[0] > v[1]) {
      return scion_fail(ctx, SCION_EINVAL, "transform: %s: %s runs from %g to %g", name, s->p[k].name, v[0], v[1]);
    }
  }
  if (t->n == t->cap) {
    int32_t cap = t->cap == 0 ? 8 : 2 * t->cap;
    scion_step *more = scion__alloc(ctx, (size_t)cap * sizeof *more);
    if (more == NULL) return SCION_ENOMEM;
    if (t->n > 0) memcpy(more, t->steps, (size_t)t->n * sizeof *more);
    if (t->steps != NULL) scion__free(ctx, t->steps, (size_t)t->cap * sizeof *more);
    t->steps = more;
    t->cap = cap;
  }
  t->steps[t->n++] = step;
  if (s->kind == TO_FLOAT || s->kind == NORMALIZE) t->is_float = true;
  return SCION_OK;
}

/* ---- chance ------------------------------------------------------------------------------------------------------- */

scion_chance scion__chance(uint64_t seed, uint64_t epoch, uint64_t position, uint64_t occurrence) {
  scion_chance c = { .key = seed ^ epoch * 0x9e3779b97f4a7c15u, .counter = position + (occurrence << 40), .word = 4 };
  return c;
}
static double uniform(scion_chance *c) {
  if (c->word >= 4) {
    scion__philox(c->key, c->counter, 0x696d6700u + c->block++, c->u);
    c->word = 0;
  }
  double v = scion__u64_to_f64(c->u[c->word], c->u[c->word + 1]);
  c->word += 2;
  return v;
}
static double between(scion_chance *c, double lo, double hi) { return lo + (hi - lo) * uniform(c); }
static int64_t below(scion_chance *c, int64_t n) { return scion__min((int64_t)(uniform(c) * (double)n), n - 1); }

/* ---- pixels --------------------------------------------------------------------------------------------------------- */

static uint8_t clip(double v) { return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)(v + 0.5); }
static double grey_of(const uint8_t *p, int32_t c) { return c < 3 ? p[0] : 0.2989 * p[0] + 0.587 * p[1] + 0.114 * p[2]; }
static int32_t colours(const scion_picture *p) { return p->c == 4 ? 3 : p->c; } /* alpha stays */

static void mirror(scion_picture *p, bool vertical) {
  for (int32_t y = 0; y < (vertical ? p->h / 2 : p->h); y++)
    for (int32_t x = 0; x < (vertical ? p->w : p->w / 2); x++) {
      uint8_t *a = p->u8 + ((int64_t)y * p->w + x) * p->c;
      uint8_t *b = vertical ? p->u8 + ((int64_t)(p->h - 1 - y) * p->w + x) * p->c : p->u8 + ((int64_t)y * p->w + p->w - 1 - x) * p->c;
      for (int32_t k = 0; k < p->c; k++) {
        uint8_t t = a[k];
        a[k] = b[k];
        b[k] = t;
      }
    }
}
static void blend_grey(scion_picture *p, double keep) { /* keep 0: grey */
  int64_t n = (int64_t)p->h * p->w;
  if (p->c < 3) return;
  for (int64_t i = 0; i < n; i++) {
    uint8_t *px = p->u8 + i * p->c;
    double g = grey_of(px, p->c);
    for (int32_t k = 0; k < 3; k++) px[k] = clip(keep * px[k] + (1 - keep) * g);
  }
}
static void brightness(scion_picture *p, double f) {
  int64_t n = (int64_t)p->h * p->w;
  for (int64_t i = 0; i < n; i++)
    for (int32_t k = 0; k < colours(p); k++) p->u8[i * p->c + k] = clip(f * p->u8[i * p->c + k]);
}
static void contrast(scion_picture *p, double f) {
  int64_t n = (int64_t)p->h * p->w;
  double mean = 0;
  for (int64_t i = 0; i < n; i++) mean += grey_of(p->u8 + i * p->c, p->c);
  mean /= (double)n;
  for (int64_t i = 0; i < n; i++)
    for (int32_t k = 0; k < colours(p); k++) p->u8[i * p->c + k] = clip(f * p->u8[i * p->c + k] + (1 - f) * mean);
}
static void hue(scion_picture *p, double shift) { /* of the full circle */
  int64_t n = (int64_t)p->h * p->w;
  if (p->c < 3) return;
  for (int64_t i = 0; i < n; i++) {
    uint8_t *px = p->u8 + i * p->c;
    double r = px[0] / 255.0, g = px[1] / 255.0, b = px[2] / 255.0, top = fmax(r, fmax(g, b)), low = fmin(r, fmin(g, b)), d = top - low, h = 0;
    if (d == 0) continue;
    if (top == r) h = fmod((g - b) / d + 6, 6);
    else if (top == g) h = (b - r) / d + 2;
    else h = (r - g) / d + 4;
    h = fmod(h / 6 + shift + 1, 1) * 6;
    double s = d / top;
    for (int32_t k = 0; k < 3; k++) {
      double at = fmod((k == 0 ? 5 : k == 1 ? 3 : 1) + h, 6);
      px[k] = clip(255 * (top - top * s * fmax(0, fmin(1, fmin(at, 4 - at)))));
    }
  }
}
static void jitter(scion_picture *p, const double *v, scion_chance *c) { /* in a random order */
  int order[4] = { 0, 1, 2, 3 };
  double f[4];
  for (int i = 3; i > 0; i--) {
    int64_t k = below(c, i + 1);
    int t = order[i];
    order[i] = order[k];
    order[k] = t;
  }
  for (int i = 0; i < 3; i++) f[i] = between(c, fmax(0, 1 - v[i]), 1 + v[i]);
  f[3] = between(c, -v[3], v[3]);
  for (int i = 0; i < 4; i++) {
    int k = order[i];
    if (v[k] == 0) continue;
    if (k == 0) brightness(p, f[0]);
    else if (k == 1) contrast(p, f[1]);
    else if (k == 2) blend_grey(p, f[2]);
    else hue(p, f[3]);
  }
}

/* About the centre: rotation counter-clockwise, shear, scale, then a shift in pixels. */
static bool affine(scion_picture *p, double degrees, double dx, double dy, double scale, double shear, double value) {
  double a = degrees * 3.14159265358979323846 / 180, s = tan(shear * 3.14159265358979323846 / 180);
  double m00 = scale * cos(a), m01 = scale * (sin(a) - s * cos(a)), m10 = -scale * sin(a), m11 = scale * (cos(a) + s * sin(a));
  double det = m00 * m11 - m01 * m10, cx = p->w / 2.0, cy = p->h / 2.0;
  double i00 = m11 / det, i01 = -m01 / det, i10 = -m10 / det, i11 = m00 / det;
  double m[6] = { i00, i01, cx - i00 * (cx + dx) - i01 * (cy + dy), i10, i11, cy - i10 * (cx + dx) - i11 * (cy + dy) };
  return scion__picture_warp(p, m, value);
}

/* A random window whose area is a share in scale and whose width / height is in ratio; false: none found in ten tries. */
static bool random_window(scion_chance *c, int32_t h, int32_t w, const double *scale, const double *ratio, bool smaller, int64_t *box) {
  for (int i = 0; i < 10; i++) {
    double area = between(c, scale[0], scale[1]) * h * w, r = exp(between(c, log(ratio[0]), log(ratio[1])));
    int64_t bw = (int64_t)floor(sqrt(area * r) + 0.5), bh = (int64_t)floor(sqrt(area / r) + 0.5);
    if (bw < 1 || bh < 1 || bw > w || bh > h || (smaller && (bw == w || bh == h))) continue;
    box[0] = below(c, h - bh + 1), box[1] = below(c, w - bw + 1), box[2] = bh, box[3] = bw;
    return true;
  }
  return false;
}

static bool to_planes(scion_picture *p, double scale) {
  int64_t plane = (int64_t)p->h * p->w;
  float *f = malloc((size_t)(plane * p->c) * sizeof *f), s = (float)scale;
  if (f == NULL) return false;
  for (int32_t k = 0; k < p->c; k++)
    for (int64_t i = 0; i < plane; i++) f[k * plane + i] = s * p->u8[i * p->c + k];
  free(p->u8);
  p->u8 = NULL;
  p->f = f;
  return true;
}

static scion_status nomem(char *message) {
  snprintf(message, SCION_MESSAGE, "out of memory");
  return SCION_ENOMEM;
}
#define GUARD(ok)                          \
  do {                                     \
    if (!(ok)) return nomem(message);      \
  } while (0)

static scion_status run_step(const scion_step *s, scion_picture *p, scion_chance *c, char *message) {
  const double *v = s->v;
  switch (s->kind) {
    case RESIZE: {
      int64_t h, w;
      if (isinf(v[1])) { /* the shorter side */
        h = p->h <= p->w ? (int64_t)v[0] : (int64_t)((double)p->h * v[0] / p->w);
        w = p->h <= p->w ? (int64_t)((double)p->w * v[0] / p->h) : (int64_t)v[0];
      } else {
        h = (int64_t)v[0], w = (int64_t)v[1];
      }
      if (h * w > 1LL << 28) {
        snprintf(message, SCION_MESSAGE, "resize: the result would be %lld x %lld", (long long)w, (long long)h);
        return SCION_EINVAL;
      }
      GUARD(scion__picture_resize(p, (int32_t)scion__max(h, 1), (int32_t)scion__max(w, 1), (int32_t)v[2]));
      break;
    }
    case CENTER_CROP: {
      int64_t h = (int64_t)v[0], w = isinf(v[1]) ? h : (int64_t)v[1];
      GUARD(scion__picture_window(p, (int64_t)nearbyint((double)(p->h - h) / 2), (int64_t)nearbyint((double)(p->w - w) / 2), h, w, v[2]));
      break;
    }
    case CROP: {
      int64_t y = (int64_t)v[0] - 1, x = (int64_t)v[1] - 1, h = (int64_t)v[2], w = (int64_t)v[3];
      if (y + h > p->h || x + w > p->w) {
        snprintf(message, SCION_MESSAGE, "crop: %lld x %lld at (%lld, %lld) leaves the picture of %d x %d", (long long)w, (long long)h, (long long)x + 1,
                 (long long)y + 1, p->w, p->h);
        return SCION_EINVAL;
      }
      GUARD(scion__picture_window(p, y, x, h, w, 0));
      break;
    }
    case PAD: GUARD(scion__picture_window(p, -(int64_t)v[1], -(int64_t)v[0], p->h + (int64_t)v[1] + (int64_t)v[3], p->w + (int64_t)v[0] + (int64_t)v[2], v[4])); break;
    case RANDOM_CROP: {
      int64_t h = (int64_t)v[0], w = isinf(v[1]) ? h : (int64_t)v[1], pad = (int64_t)v[2], spare_h = p->h + 2 * pad - h, spare_w = p->w + 2 * pad - w;
      if (spare_h < 0 || spare_w < 0) {
        snprintf(message, SCION_MESSAGE, "random_crop: %lld x %lld is larger than the padded picture of %lld x %lld", (long long)w, (long long)h,
                 (long long)(p->w + 2 * pad), (long long)(p->h + 2 * pad));
        return SCION_EINVAL;
      }
      int64_t y = below(c, spare_h + 1), x = below(c, spare_w + 1);
      GUARD(scion__picture_window(p, y - pad, x - pad, h, w, v[3]));
      break;
    }
    case RANDOM_RESIZED_CROP: {
      int64_t box[4];
      if (!random_window(c, p->h, p->w, v + 2, v + 4, false, box)) { /* the middle, as wide or high as ratio allows */
        double r = (double)p->w / p->h;
        box[3] = r > v[5] ? scion__max(1, (int64_t)floor(p->h * v[5] + 0.5)) : p->w;
        box[2] = r < v[4] ? scion__max(1, (int64_t)floor(p->w / v[4] + 0.5)) : p->h;
        box[0] = (p->h - box[2]) / 2, box[1] = (p->w - box[3]) / 2;
      }
      GUARD(scion__picture_window(p, box[0], box[1], box[2], box[3], 0));
      GUARD(scion__picture_resize(p, (int32_t)v[0], (int32_t)(isinf(v[1]) ? v[0] : v[1]), (int32_t)v[6]));
      break;
    }
    case FLIP: mirror(p, false); break;
    case VFLIP: mirror(p, true); break;
    case RANDOM_FLIP: if (uniform(c) < v[0]) mirror(p, false); break;
    case RANDOM_VFLIP: if (uniform(c) < v[0]) mirror(p, true); break;
    case ROTATE: GUARD(affine(p, v[0], 0, 0, 1, 0, v[1])); break;
    case RANDOM_ROTATION: GUARD(affine(p, between(c, -v[0], v[0]), 0, 0, 1, 0, v[1])); break;
    case RANDOM_AFFINE: {
      double degrees = between(c, -v[0], v[0]), dx = nearbyint(between(c, -v[1], v[1]) * p->w), dy = nearbyint(between(c, -v[2], v[2]) * p->h);
      double scale = between(c, v[3], v[4]), shear = between(c, -v[5], v[5]);
      GUARD(affine(p, degrees, dx, dy, scale, shear, v[6]));
      break;
    }
    case COLOR_JITTER: jitter(p, v, c); break;
    case GRAYSCALE: blend_grey(p, 0); break;
    case RANDOM_GRAYSCALE: if (uniform(c) < v[0]) blend_grey(p, 0); break;
    case RANDOM_INVERT: if (!(uniform(c) < v[0])) break; /* fallthrough */
    case INVERT:
      for (int64_t i = 0; i < (int64_t)p->h * p->w; i++)
        for (int32_t k = 0; k < colours(p); k++) p->u8[i * p->c + k] = (uint8_t)(255 - p->u8[i * p->c + k]);
      break;
    case RANDOM_ERASING: {
      int64_t box[4];
      if (!(uniform(c) < v[0]) || !random_window(c, p->h, p->w, v + 1, v + 3, true, box)) break;
      for (int64_t y = box[0]; y < box[0] + box[2]; y++)
        for (int64_t x = box[1]; x < box[1] + box[3]; x++)
          for (int32_t k = 0; k < p->c; k++) {
            if (p->f != NULL) p->f[((int64_t)k * p->h + y) * p->w + x] = (float)v[5];
            else p->u8[(y * p->w + x) * p->c + k] = clip(v[5]);
          }
      break;
    }
    case BGR:
      for (int64_t i = 0; p->c >= 3 && i < (int64_t)p->h * p->w; i++) {
        int64_t plane = (int64_t)p->h * p->w;
        if (p->f != NULL) {
          float t = p->f[i];
          p->f[i] = p->f[2 * plane + i];
          p->f[2 * plane + i] = t;
        } else {
          uint8_t t = p->u8[i * p->c];
          p->u8[i * p->c] = p->u8[i * p->c + 2];
          p->u8[i * p->c + 2] = t;
        }
      }
      break;
    case TO_FLOAT: GUARD(to_planes(p, v[0])); break;
    default: { /* NORMALIZE */
      int32_t n_mean = s->given[0], n_std = s->given[1];
      if ((n_mean != 1 && n_mean != p->c) || (n_std != 1 && n_std != p->c)) {
        snprintf(message, SCION_MESSAGE, "normalize: %d means and %d deviations for %d channels", n_mean, n_std, p->c);
        return SCION_EINVAL;
      }
      if (p->f == NULL) GUARD(to_planes(p, 1.0 / 255));
      int64_t plane = (int64_t)p->h * p->w;
      for (int32_t k = 0; k < p->c; k++) {
        float mean = (float)v[n_mean == 1 ? 0 : k], over = (float)(1 / v[4 + (n_std == 1 ? 0 : k)]), *f = p->f + k * plane;
        for (int64_t i = 0; i < plane; i++) f[i] = (f[i] - mean) * over;
      }
      break;
    }
  }
  return SCION_OK;
}

scion_status scion__transform_run(const scion_transform *t, scion_picture *p, scion_chance *c, char *message) {
  for (int32_t i = 0; i < t->n; i++) SCION_TRY(run_step(&t->steps[i], p, c, message));
  if (p->u8 == NULL || p->c == 1) return SCION_OK;
  int64_t plane = (int64_t)p->h * p->w;
  uint8_t *planes = malloc((size_t)(plane * p->c));
  GUARD(planes != NULL);
  for (int32_t k = 0; k < p->c; k++)
    for (int64_t i = 0; i < plane; i++) planes[k * plane + i] = p->u8[i * p->c + k];
  free(p->u8);
  p->u8 = planes;
  return SCION_OK;
}

scion_status scion_transform_image(scion_context *ctx, const scion_transform *t, scion_tensor *x, uint64_t seed, uint64_t epoch, uint64_t position,
                                   scion_tensor **out) {
  char message[SCION_MESSAGE], shape[SCION_SHAPE_TEXT];
  scion_tensor *packed;
  *out = NULL;
  if (x->dtype != SCION_U8 || x->n_dims != 3 || x->numel == 0 || x->shape[0] > 4 || x->shape[1] > 1 << 20 || x->shape[2] > 1 << 20) {
    return scion_fail(ctx, SCION_ESHAPE, "transform_image: expected one u8 picture (C, H, W) of 1 to 4 channels, got %s %s",
                      scion_dtype_name((scion_dtype)x->dtype), scion__tensor_brief(shape, x));
  }
  SCION_TRY(scion__tensor_packed(ctx, x, &packed));
  scion_picture p = { (int32_t)x->shape[1], (int32_t)x->shape[2], (int32_t)x->shape[0], malloc((size_t)x->numel), NULL };
  scion_status st = p.u8 != NULL ? SCION_OK : nomem(message);
  if (st == SCION_OK) {
    int64_t plane = (int64_t)p.h * p.w;
    for (int32_t k = 0; k < p.c; k++)
      for (int64_t i = 0; i < plane; i++) p.u8[i * p.c + k] = ((const uint8_t *)packed->data)[k * plane + i];
    scion_chance chance = scion__chance(seed, epoch, position, 0);
    st = scion__transform_run(t, &p, &chance, message);
  }
  scion_tensor_free(ctx, packed);
  if (st != SCION_OK) {
    st = scion_fail(ctx, st, "transform_image: %s", message);
  } else {
    st = scion__tensor_alloc(ctx, p.f != NULL ? SCION_F32 : SCION_U8, 3, (int64_t[]){ p.c, p.h, p.w }, out);
    if (st == SCION_OK) memcpy((*out)->data, p.f != NULL ? (void *)p.f : (void *)p.u8, (size_t)(*out)->numel * (p.f != NULL ? sizeof(float) : 1));
  }
  scion__picture_free(&p);
  return st;
}
