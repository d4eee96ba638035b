/* clip.c: limits on gradients, and moving averages of parameters. */
#include <math.h>

#include "optim.h"

enum { CHUNK = 32768 };

typedef struct { /* one tensor of a list */
  scion_tensor *x, *y; /* x: read; y: written, NULL where not needed */
  int64_t first_chunk;
} part;
typedef struct {
  part *parts;
  int32_t n, kind;
  double a, b, power, *sums;
  void (*fn)(const void *job, const part *p, int64_t chunk, int64_t n, char *x, char *y);
} list_job;

static void run_chunk(void *ud, int64_t chunk) {
  const list_job *j = ud;
  int32_t lo = 0, hi = j->n - 1;
  while (lo < hi) {
    int32_t mid = lo + (hi - lo + 1) / 2;
    if (j->parts[mid].first_chunk <= chunk) lo = mid;
    else hi = mid - 1;
  }
  const part *p = &j->parts[lo];
  int64_t begin = (chunk - p->first_chunk) * CHUNK, n = scion__min(CHUNK, p->x->numel - begin);
  int64_t offset = begin * (int64_t)scion_dtype_size((scion_dtype)p->x->dtype);
  if (n > 0) j->fn(j, p, chunk, n, p->x->data + offset, p->y == NULL ? NULL : p->y->data + offset);
}
static void do_norm(const void *job, const part *p, int64_t chunk, int64_t n, char *x, char *y) {
  const list_job *j = job;
  (void)y;
  j->sums[chunk] = scion__k->vector_norm(p->x->dtype == SCION_F64, n, j->kind, j->power, x);
}
static void do_scale(const void *job, const part *p, int64_t chunk, int64_t n, char *x, char *y) {
  (void)chunk, (void)y;
  scion__k->vector_scale(p->x->dtype == SCION_F64, n, ((const list_job *)job)->a, x);
}
static void do_clamp(const void *job, const part *p, int64_t chunk, int64_t n, char *x, char *y) {
  const list_job *j = job;
  (void)chunk, (void)y;
  scion__k->vector_clamp(p->x->dtype == SCION_F64, n, j->a, j->b, x);
}
static void do_lerp(const void *job, const part *p, int64_t chunk, int64_t n, char *x, char *y) {
  (void)chunk;
  scion__k->vector_lerp(p->x->dtype == SCION_F64, n, ((const list_job *)job)->a, x, y);
}

static void run_list(scion_context *ctx, list_job *j, int64_t chunks) {
  if (chunks <= 2) for (int64_t i = 0; i < chunks; i++) run_chunk(j, i);
  else scion__parallel(ctx, chunks, run_chunk, j);
}

/* Gradients that may be scaled in place: packed ones as they are, others replaced by a packed copy. */
static scion_status gather(scion_context *ctx, const char *who, scion_tensor *const *params, int32_t n, list_job *j, int64_t *chunks) {
  *chunks = 0;
  for (int32_t i = 0; i < n; i++) {
    if (params[i] == NULL) return scion_fail(ctx, SCION_EINVAL, "%s: parameter %d is missing", who, i + 1);
    scion_tensor *g = scion_get_grad(params[i]), *packed;
    if (g == NULL || g->numel == 0) continue;
    SCION_TRY(scion__optim_grad(ctx, who, params[i], &packed));
    if (packed != g) scion_set_grad(ctx, params[i], packed);
    bool stored = scion_get_grad(params[i]) == packed;
    j->parts[j->n] = (part){ packed, NULL, *chunks };
    *chunks += (packed->numel + CHUNK - 1) / CHUNK;
    scion_tensor_free(ctx, packed); /* its parameter holds it */
    if (!stored) return SCION_ENOMEM;
    j->n++;
  }
  return SCION_OK;
}

/* The norm of every element together from the norms of chunks, in order. */
static double total_norm(const list_job *j, int64_t chunks) {
  double s = 0;
  for (int64_t c = 0; c < chunks; c++) {
    double v = j->sums[c];
    s = j->kind != 0 ? s + v : v > s || v != v ? v : s;
  }
  return j->kind == 2 ? sqrt(s) : j->kind == 3 ? pow(s, 1 / j->power) : s;
}

scion_status scion_clip_grad_norm(scion_context *ctx, scion_tensor *const *params, int32_t n, double max_norm, double norm_type,
                                  int32_t strict, double *total) {
  static const char who[] = "clip_grad_norm";
  if (total != NULL) *total = 0;
  if (!(max_norm >= 0)) return scion_fail(ctx, SCION_EINVAL, "%s: max_norm must be at least 0 (got %g)", who, max_norm);
  if (!(norm_type > 0)) return scion_fail(ctx, SCION_EINVAL, "%s: norm_type must be above 0, 'inf' included (got %g)", who, norm_type);
  if (n <= 0) return SCION_OK;
  list_job j = { .power = norm_type, .kind = norm_type == INFINITY ? 0 : norm_type == 1 ? 1 : norm_type == 2 ? 2 : 3 };
  int64_t chunks = 0;
  size_t size = (size_t)n * sizeof *j.parts;
  j.parts = scion__alloc(ctx, size);
  if (j.parts == NULL) return SCION_ENOMEM;
  scion_status st = gather(ctx, who, params, n, &j, &chunks);
  j.sums = st == SCION_OK ? scion__calloc(ctx, (size_t)(chunks + 1) * sizeof *j.sums) : NULL;
  if (st == SCION_OK && j.sums == NULL) st = SCION_ENOMEM;
  if (st == SCION_OK) {
    j.fn = do_norm;
    run_list(ctx, &j, chunks);
    double norm = total_norm(&j, chunks);
    if (total != NULL) *total = norm;
    if (!isfinite(norm) && strict) {
      st = scion_fail(ctx, SCION_ENUMERIC, "%s: the norm of the gradients is %g; nothing was scaled", who, norm);
    } else {
      double factor = max_norm / (norm + 1e-6);
      if (!(factor >= 1)) { /* a NaN passes on, as the caller chose */
        j.fn = do_scale;
        j.a = factor;
        run_list(ctx, &j, chunks);
        for (int32_t i = 0; i < j.n; i++) scion_tensor_touch(j.parts[i].x);
      }
    }
  }
  if (j.sums != NULL) scion__free(ctx, j.sums, (size_t)(chunks + 1) * sizeof *j.sums);
  scion__free(ctx, j.parts, size);
  return st;
}

scion_status scion_clip_grad_value(scion_context *ctx, scion_tensor *const *params, int32_t n, double value) {
  static const char who[] = "clip_grad_value";
  if (!(value >= 0)) return scion_fail(ctx, SCION_EINVAL, "%s: the limit must be at least 0 (got %g)", who, value);
  if (n <= 0) return SCION_OK;
  list_job j = { .fn = do_clamp, .a = -value, .b = value };
  int64_t chunks = 0;
  size_t size = (size_t)n * sizeof *j.parts;
  j.parts = scion__alloc(ctx, size);
  if (j.parts == NULL) return SCION_ENOMEM;
  scion_status st = gather(ctx, who, params, n, &j, &chunks);
  if (st == SCION_OK) {
    run_list(ctx, &j, chunks);
    for (int32_t i = 0; i < j.n; i++) scion_tensor_touch(j.parts[i].x);
  }
  scion__free(ctx, j.parts, size);
  return st;
}

scion_status scion_average_update(scion_context *ctx, scion_tensor *const *averages, scion_tensor *const *values, int32_t n, double weight) {
  static const char who[] = "average_update";
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  if (!(weight >= 0 && weight <= 1)) return scion_fail(ctx, SCION_EINVAL, "%s: the weight must be within 0 .. 1 (got %g)", who, weight);
  if (n <= 0) return SCION_OK;
  for (int32_t i = 0; i < n; i++) {
    if (averages[i] == NULL || values[i] == NULL) return scion_fail(ctx, SCION_EINVAL, "%s: tensor %d is missing", who, i + 1);
    if (averages[i]->dtype != values[i]->dtype || !scion__is_float(values[i]->dtype) || !scion__same_shape(averages[i], values[i])) {
      return scion_fail(ctx, SCION_ESHAPE, "%s: average %d is %s but its value %s (f32 or f64, of one shape)", who, i + 1,
                        scion__tensor_brief(a, averages[i]), scion__tensor_brief(b, values[i]));
    }
    if (!averages[i]->contiguous) return scion_fail(ctx, SCION_EINVAL, "%s: average %d, %s, is not contiguous", who, i + 1, scion__tensor_brief(a, averages[i]));
  }
  list_job j = { .fn = do_lerp, .a = weight };
  int64_t chunks = 0;
  size_t size = (size_t)n * sizeof *j.parts;
  j.parts = scion__alloc(ctx, size);
  if (j.parts == NULL) return SCION_ENOMEM;
  scion_status st = SCION_OK;
  for (; st == SCION_OK && j.n < n; j.n++) {
    scion_tensor *packed = NULL;
    st = scion__tensor_packed(ctx, values[j.n], &packed);
    if (st != SCION_OK) break;
    j.parts[j.n] = (part){ packed, averages[j.n], chunks };
    chunks += (packed->numel + CHUNK - 1) / CHUNK;
  }
  if (st == SCION_OK) {
    run_list(ctx, &j, chunks);
    for (int32_t i = 0; i < n; i++) scion_tensor_touch(averages[i]);
  }
  for (int32_t i = 0; i < j.n; i++) scion_tensor_free(ctx, j.parts[i].x);
  scion__free(ctx, j.parts, size);
  return st;
}
