/* grid_sample.c: reads a picture (or a line, or a volume) at positions that a tensor holds (Jaderberg et al. 2015, "Spatial
 * transformer networks"), by torch's rules. Every position reads a few neighbours with weights that follow from the position: gathers, products
 * and sums, so that gradients of any order reach both the picture and the positions. */
#include <math.h>

#include "nn.h"

enum { LINEAR, NEAREST, CUBIC };
enum { ZEROS, BORDER, REFLECTION };
typedef struct { int32_t mode, padding, align; } grid_params;

static scion_status grid_infer(scion_call *c) {
  const scion_tensor *t = c->in[0], *grid = c->in[1];
  char a[SCION_SHAPE_TEXT], b[SCION_SHAPE_TEXT];
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__need_same_dtype(c, 0, 1));
  SCION_TRY(scion__need_dims(c, 0, 3, 5));
  int32_t k = t->n_dims - 2;
  if (grid->n_dims != t->n_dims || grid->shape[0] != t->shape[0] || grid->shape[k + 1] != k) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "grid %s does not fit x %s: it must be (N, ..., %d) with %d sizes between", scion__tensor_brief(b, grid),
                         scion__tensor_brief(a, t), k, k);
  }
  int64_t shape[SCION_MAX_DIMS] = { t->shape[0], t->shape[1] };
  for (int32_t d = 0; d < k; d++) {
    if (t->shape[d + 2] < 1) return SCION_OP_FAIL(c, SCION_ESHAPE, "x %s is empty", scion__tensor_brief(a, t));
    shape[d + 2] = grid->shape[d + 1];
  }
  scion__out(c, 0, t->dtype, t->n_dims, shape);
  return SCION_OK;
}
static scion_tensor *clamped(scion_x *x, scion_tensor *t, double lo, double hi) {
  scion__room r;
  void *q = scion__params(&r, &scion__op_clamp);
  scion__set_float(&scion__op_clamp, q, "min", lo);
  scion__set_float(&scion__op_clamp, q, "max", hi);
  return scion__x1(x, &scion__op_clamp, q, t);
}
/* Back and forth between lo and hi. */
static scion_tensor *reflected(scion_x *x, scion_tensor *t, double lo, double hi) {
  if (t == NULL || hi <= lo) return t == NULL ? NULL : x_full(x, t->dtype, t->n_dims, t->shape, 0);
  double span = hi - lo;
  /* the distance from lo, folded at every 2 spans */
  scion_tensor *far = X1(abs, x_adds(x, t, -lo));
  scion_tensor *rest = x_sub(x, far, x_muls(x, X1(floor, x_muls(x, far, 1 / (2 * span))), 2 * span));
  return x_adds(x, x_neg(x, X1(abs, x_adds(x, rest, -span))), lo + span);
}
static scion_tensor *padded(scion_x *x, const grid_params *p, scion_tensor *t, int64_t n) {
  if (p->padding == ZEROS) return t;
  if (p->padding == REFLECTION) t = p->align ? reflected(x, t, 0, (double)(n - 1)) : reflected(x, t, -0.5, (double)n - 0.5);
  return clamped(x, t, 0, (double)(n - 1));
}
/* Keys' cubic (a = -0.75) at distance d >= 0 within one element, or within two. */
static scion_tensor *cubic_near(scion_x *x, scion_tensor *d) { /* (a + 2) d^3 - (a + 3) d^2 + 1 */
  return x_adds(x, x_mul(x, x_mul(x, d, d), x_adds(x, x_muls(x, d, 1.25), -2.25)), 1);
}
static scion_tensor *cubic_far(scion_x *x, scion_tensor *d) { /* a d^3 - 5 a d^2 + 8 a d - 4 a */
  return x_adds(x, x_mul(x, d, x_adds(x, x_mul(x, d, x_adds(x, x_muls(x, d, -0.75), 3.75)), -6)), 3);
}
typedef struct { scion_tensor *at, *weight; } tap; /* positions as floats, later as ids, (N, points); weight NULL: 1 */
static void grid_compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const grid_params *p = c->params;
  scion_tensor *t = c->in[0], *y = NULL;
  int32_t k = t->n_dims - 2, each = p->mode == NEAREST ? 1 : p->mode == LINEAR ? 2 : 4, combinations = 1;
  int64_t n = t->shape[0], channels = t->shape[1], inner = 1, points = 1, shape[SCION_MAX_DIMS] = { n, channels };
  tap taps[3][4];
  for (int32_t d = 0; d < k; d++) {
    inner *= t->shape[d + 2];
    points *= shape[d + 2] = c->in[1]->shape[d + 1];
    combinations *= each;
  }
  scion_tensor *rows = x_reshape(x, t, 3, (int64_t[]){ n, channels, inner }), *grid = x_reshape(x, c->in[1], 3, (int64_t[]){ n, points, k });
  for (int32_t d = 0; d < k; d++) { /* the grid's last coordinate belongs to the first dimension */
    int64_t size = t->shape[d + 2];
    scion_tensor *at = x_reshape(x, x_narrow(x, grid, 2, k - 1 - d, 1), 2, (int64_t[]){ n, points });
    at = p->align ? x_muls(x, x_adds(x, at, 1), (double)(size - 1) / 2) : x_adds(x, x_muls(x, x_adds(x, at, 1), (double)size / 2), -0.5);
    if (p->mode != CUBIC) at = padded(x, p, at, size);
    if (p->mode == NEAREST) {
      taps[d][0] = (tap){ X1(round, at), NULL };
      continue;
    }
    scion_tensor *low = x_detach(x, X1(floor, at)), *part = x_sub(x, at, low), *rest = x_adds(x, x_neg(x, part), 1);
    if (p->mode == LINEAR) {
      taps[d][0] = (tap){ low, rest };
      taps[d][1] = (tap){ x_adds(x, low, 1), part };
    } else {
      scion_tensor *weight[4] = { cubic_far(x, x_adds(x, part, 1)), cubic_near(x, part), cubic_near(x, rest), cubic_far(x, x_adds(x, rest, 1)) };
      for (int32_t i = 0; i < 4; i++) taps[d][i] = (tap){ padded(x, p, x_adds(x, low, i - 1), size), weight[i] };
    }
  }
  for (int32_t d = 0; d < k; d++) { /* positions become ids; outside ones count nothing when padding with zeros */
    double last = (double)(t->shape[d + 2] - 1);
    for (int32_t i = 0; i < each; i++) {
      scion_tensor *at = taps[d][i].at;
      if (p->padding == ZEROS) {
        scion_tensor *inside = X2(logical_and, X2(ge, at, x_scalar(x, t->dtype, 0)), X2(le, at, x_scalar(x, t->dtype, last)));
        scion_tensor *one = taps[d][i].weight != NULL ? taps[d][i].weight : x_scalar(x, t->dtype, 1);
        taps[d][i].weight = x_where(x, inside, one, x_scalar(x, t->dtype, 0));
      }
      at = x_where(x, X2(eq, at, at), at, x_scalar(x, t->dtype, 0)); /* not a number: anywhere */
      taps[d][i].at = x_to(x, x_detach(x, clamped(x, at, 0, last)), SCION_I64);
    }
  }
  scion_tensor whole = { .n_dims = 3, .shape = { n, channels, points } };
  scion__room r;
  void *q = scion__params(&r, &scion__op_gather);
  scion__set_int(&scion__op_gather, q, "dim", 2);
  for (int32_t m = 0; m < combinations && x->status == SCION_OK; m++) {
    scion_tensor *id = NULL, *weight = NULL;
    for (int32_t d = 0, left = m; d < k; d++, left /= each) {
      const tap *one = &taps[d][left % each];
      id = id == NULL ? one->at : x_add(x, x_muls(x, id, (double)t->shape[d + 2]), one->at);
      if (one->weight != NULL) weight = weight == NULL ? one->weight : x_mul(x, weight, one->weight);
    }
    scion_tensor *v = scion__x2(x, &scion__op_gather, q, rows, x_expand_like(x, x_unsqueeze(x, id, 1), &whole));
    if (weight != NULL) v = x_mul(x, v, x_unsqueeze(x, weight, 1));
    y = y == NULL ? v : x_add(x, y, v);
  }
  out[0] = x_reshape(x, y, t->n_dims, shape);
}
static const char *const modes[] = { "bilinear", "nearest", "bicubic", NULL }, *const paddings[] = { "zeros", "border", "reflection", NULL };
static const scion_param params_grid[] = {
  { "mode", SCION_P_ENUM, 0, offsetof(grid_params, mode), .def = LINEAR, .choices = modes,
    .doc = "how neighbours are weighed; bilinear is linear in one or three dimensions, too" },
  { "padding_mode", SCION_P_ENUM, 0, offsetof(grid_params, padding), .def = ZEROS, .choices = paddings, .doc = "what lies outside" },
  { "align_corners", SCION_P_BOOL, 0, offsetof(grid_params, align), .def = 0, .doc = "-1 and 1 are the centres of the corner elements; else their outer edges" } };
static const scion_slot slots_grid[] = { { "x", 0, "(N, C, ...) with one to three sizes" },
  { "grid", 0, "(N, ..., k): the k coordinates of each output, last dimension of x first, -1 to 1 across it" } };
static const scion_sample samples_grid[] = { { "2x2x4x3,2x3x2x2:u", "" }, { "1x2x5,1x4x1:u", "padding_mode=border align_corners=true" },
  { "1x1x4x4,1x2x2x2:u", "mode=bicubic padding_mode=reflection" },
  { "1x2x3x3,1x2x2x2:u!", "mode=nearest" } };
const scion_op scion__op_grid_sample = {
  .info = { "grid_sample", 1, SCION_OF_FUNCTION, "x read at the positions of a grid, by torch's rules.", SCION_INPUTS(slots_grid), SCION_OUTPUTS(scion__slots_y),
            SCION_PARAMS(params_grid, grid_params) },
  .infer = grid_infer, .compose = grid_compose, SCION_SAMPLES(samples_grid) };
