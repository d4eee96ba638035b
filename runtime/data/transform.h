/* transform.h: what is done to one picture; no context, so that any thread may run it. */
#ifndef SCION_TRANSFORM_H
#define SCION_TRANSFORM_H

#include "../io/image.h"

#define SCION_STEP_VALUES 16
typedef struct scion_step {
  int32_t kind;
  int32_t given[8];             /* numbers given for each parameter */
  double v[SCION_STEP_VALUES];  /* parameters one after another */
} scion_step;
struct scion_transform {
  int32_t n, cap;
  bool is_float; /* after the steps so far */
  scion_step *steps;
};

/* Numbers for one picture: a function of its key alone. */
typedef struct scion_chance { uint64_t key, counter; uint32_t block, word, u[4]; } scion_chance;
scion_chance scion__chance(uint64_t seed, uint64_t epoch, uint64_t position, uint64_t occurrence);

/* In place; on failure the message says which step. The result is planar: f, or u8 rearranged to (C, H, W). */
scion_status scion__transform_run(const scion_transform *t, scion_picture *p, scion_chance *chance, char *message);
scion_status scion__transform_copy(scion_context *ctx, const scion_transform *from, scion_transform **out);

/* resample.c. Results replace p's pixels. filter 0 bilinear (antialiased), 1 bicubic, 2 nearest. */
enum { SCION_BILINEAR, SCION_BICUBIC, SCION_NEAREST };
bool scion__picture_resize(scion_picture *p, int32_t h, int32_t w, int32_t filter);
/* Window (y, x, h, w), which may reach over the edges: `value` there. */
bool scion__picture_window(scion_picture *p, int64_t y, int64_t x, int64_t h, int64_t w, double value);
/* Output (x, y) reads input m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5] (pixel centres), bilinear; `value` outside. */
bool scion__picture_warp(scion_picture *p, const double *m, double value);

#endif
