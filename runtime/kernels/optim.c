/* optim.c: fused parameter updates, one pass over each parameter, and the vector arithmetic that
 * L-BFGS, clipping and moving averages need. f32 in f32, f64 in f64; sums always in f64. */
#include <math.h>

#include "kernels.h"

#define T float
#define SQRT sqrtf
#define FABS fabsf
#define NAME(x) x##_f32
#include "optim_update.h"
#undef T
#undef SQRT
#undef FABS
#undef NAME
#define T double
#define SQRT sqrt
#define FABS fabs
#define NAME(x) x##_f64
#include "optim_update.h"

/* is_f64: 0 or 1. state: up to three arrays, NULL where the rule has none. */
void K(optim_update)(int32_t rule, int32_t is_f64, int64_t n, void *p, const void *g, void *const *state, const double *h) {
  if (is_f64) {
    double *const s[3] = { state[0], state[1], state[2] };
    updates_f64[rule](n, p, g, s, h);
  } else {
    float *const s[3] = { state[0], state[1], state[2] };
    updates_f32[rule](n, p, g, s, h);
  }
}
void K(vector_axpy)(int32_t is_f64, int64_t n, double a, const void *x, void *y) {
  if (is_f64) axpy_f64(n, a, x, y);
  else axpy_f32(n, (float)a, x, y);
}
void K(vector_scale)(int32_t is_f64, int64_t n, double a, void *x) {
  if (is_f64) scale_f64(n, a, x);
  else scale_f32(n, (float)a, x);
}
void K(vector_lerp)(int32_t is_f64, int64_t n, double w, const void *x, void *y) {
  if (is_f64) lerp_f64(n, w, x, y);
  else lerp_f32(n, (float)w, x, y);
}
double K(vector_dot)(int32_t is_f64, int64_t n, const void *x, const void *y) {
  return is_f64 ? dot_f64(n, x, y) : dot_f32(n, x, y);
}
double K(vector_norm)(int32_t is_f64, int64_t n, int32_t kind, double power, const void *x) {
  return is_f64 ? norm_part_f64(n, kind, power, x) : norm_part_f32(n, kind, power, x);
}
void K(vector_clamp)(int32_t is_f64, int64_t n, double lo, double hi, void *x) {
  if (is_f64) clamp_f64(n, lo, hi, x);
  else clamp_f32(n, (float)lo, (float)hi, x);
}
