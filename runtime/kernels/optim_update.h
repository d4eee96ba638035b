/* optim_update.h: the parameter updates for one element type; optim.c includes it with T (the type),
 * SQRT, FABS and NAME(x) defined. p: parameters, g: their gradients, s[]: state arrays, h: the step's
 * numbers (see SCION_H_LR .. in kernels.h), all n long. Elementwise, so splitting never
 * changes a result. Loops with a flag inside are unswitched by the compiler. */

/* Gradient with its sign and the weight decay that is added to it. */
#define GRADIENT(i) (sign * g[i] + decay * p[i])
#define COMMON                                                                     \
  const T lr = (T)h[SCION_H_LR], sign = (T)h[SCION_H_SIGN], decay = (T)h[SCION_H_DECAY]; \
  (void)lr

/* s: momentum buffer or NULL. */
static void NAME(sgd)(int64_t n, T *restrict p, const T *restrict g, T *const *s, const double *h) {
  COMMON;
  const T mu = (T)h[SCION_H_A], keep = (T)h[SCION_H_B];
  T *restrict m = s[0];
  if (m == NULL) {
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) p[i] -= lr * GRADIENT(i);
  } else if (h[SCION_H_C] != 0) { /* first step: the buffer is the gradient */
    const T ahead = h[SCION_H_FLAG] != 0 ? mu : 0; /* Nesterov */
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {
      T d = GRADIENT(i);
      m[i] = d;
      p[i] -= lr * (d + ahead * d);
    }
  } else if (h[SCION_H_FLAG] != 0) {
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {
      T d = GRADIENT(i), b = mu * m[i] + keep * d;
      m[i] = b;
      p[i] -= lr * (d + mu * b);
    }
  } else {
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {
      T b = mu * m[i] + keep * GRADIENT(i);
      m[i] = b;
      p[i] -= lr * b;
    }
  }
}

/* Kingma & Ba 2015; AdamW's shrinkage (Loshchilov & Hutter 2019) in `keep`. s: m, v, largest v or NULL. */
static void NAME(adam)(int64_t n, T *restrict p, const T *restrict g, T *const *s, const double *h) {
  COMMON;
  const T a1 = (T)(1 - h[SCION_H_A]), b2 = (T)h[SCION_H_B], a2 = (T)(1 - h[SCION_H_B]), eps = (T)h[SCION_H_EPS];
  const T keep = (T)h[SCION_H_KEEP], step = (T)h[SCION_H_C], root = (T)h[SCION_H_D]; /* lr / bias1, 1 / sqrt(bias2) */
  T *restrict m = s[0], *restrict v = s[1], *restrict top = s[2];
  if (top == NULL) {
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {
      T d = GRADIENT(i), mi = m[i] + a1 * (d - m[i]), vi = b2 * v[i] + a2 * d * d;
      m[i] = mi;
      v[i] = vi;
      p[i] = keep * p[i] - step * (mi / (SQRT(vi) * root + eps));
    }
  } else {
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {
      T d = GRADIENT(i), mi = m[i] + a1 * (d - m[i]), vi = b2 * v[i] + a2 * d * d;
      T ti = vi > top[i] ? vi : top[i];
      m[i] = mi;
      v[i] = vi;
      top[i] = ti;
      p[i] = keep * p[i] - step * (mi / (SQRT(ti) * root + eps));
    }
  }
}

/* s: mean square, mean gradient or NULL (centered), momentum or NULL. */
static void NAME(rmsprop)(int64_t n, T *restrict p, const T *restrict g, T *const *s, const double *h) {
  COMMON;
  const T alpha = (T)h[SCION_H_A], rest = (T)(1 - h[SCION_H_A]), eps = (T)h[SCION_H_EPS], mu = (T)h[SCION_H_B];
  T *restrict v = s[0], *restrict mean = s[1], *restrict m = s[2];
  for (int64_t i = 0; i < n; i++) {
    T d = GRADIENT(i), vi = alpha * v[i] + rest * d * d, spread = vi;
    v[i] = vi;
    if (mean != NULL) {
      T gi = mean[i] + rest * (d - mean[i]);
      mean[i] = gi;
      spread = vi - gi * gi;
      spread = spread > 0 ? spread : 0; /* rounding must not make a NaN */
    }
    T u = d / (SQRT(spread) + eps);
    if (m != NULL) {
      u = mu * m[i] + u;
      m[i] = u;
    }
    p[i] -= lr * u;
  }
}

/* s: sum of squares. lr already carries the rate's decay. */
static void NAME(adagrad)(int64_t n, T *restrict p, const T *restrict g, T *const *s, const double *h) {
  COMMON;
  const T eps = (T)h[SCION_H_EPS];
  T *restrict sum = s[0];
  _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {
    T d = GRADIENT(i), si = sum[i] + d * d;
    sum[i] = si;
    p[i] -= lr * (d / (SQRT(si) + eps));
  }
}

/* s: mean square gradient, mean square update. */
static void NAME(adadelta)(int64_t n, T *restrict p, const T *restrict g, T *const *s, const double *h) {
  COMMON;
  const T rho = (T)h[SCION_H_A], rest = (T)(1 - h[SCION_H_A]), eps = (T)h[SCION_H_EPS];
  T *restrict v = s[0], *restrict u = s[1];
  _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {
    T d = GRADIENT(i), vi = rho * v[i] + rest * d * d;
    T delta = SQRT(u[i] + eps) / SQRT(vi + eps) * d;
    v[i] = vi;
    u[i] = rho * u[i] + rest * delta * delta;
    p[i] -= lr * delta;
  }
}

/* Dozat 2016. s: m, v. C, D: weights of the gradient and of m; ROOT: 1 / bias2. */
static void NAME(nadam)(int64_t n, T *restrict p, const T *restrict g, T *const *s, const double *h) {
  COMMON;
  const T a1 = (T)(1 - h[SCION_H_A]), b2 = (T)h[SCION_H_B], a2 = (T)(1 - h[SCION_H_B]), eps = (T)h[SCION_H_EPS];
  const T keep = (T)h[SCION_H_KEEP], c = (T)h[SCION_H_C], e = (T)h[SCION_H_D], bias = (T)h[SCION_H_E];
  T *restrict m = s[0], *restrict v = s[1];
  _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {
    T old = keep * p[i], d = sign * g[i] + decay * old;
    T mi = m[i] + a1 * (d - m[i]), vi = b2 * v[i] + a2 * d * d;
    T down = SQRT(vi * bias) + eps;
    m[i] = mi;
    v[i] = vi;
    p[i] = old - c * (d / down) - e * (mi / down);
  }
}

/* s: m, largest gradient. C: lr / bias1. */
static void NAME(adamax)(int64_t n, T *restrict p, const T *restrict g, T *const *s, const double *h) {
  COMMON;
  const T a1 = (T)(1 - h[SCION_H_A]), b2 = (T)h[SCION_H_B], eps = (T)h[SCION_H_EPS], step = (T)h[SCION_H_C];
  T *restrict m = s[0], *restrict u = s[1];
  _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {
    T d = GRADIENT(i), mi = m[i] + a1 * (d - m[i]);
    T old = b2 * u[i], now = FABS(d) + eps, ui = old > now ? old : now;
    m[i] = mi;
    u[i] = ui;
    p[i] -= step * (mi / ui);
  }
}

/* Liu et al. 2020. s: m, v. C: lr / bias1; FLAG: rectified, then D: rectification * sqrt(bias2). */
static void NAME(radam)(int64_t n, T *restrict p, const T *restrict g, T *const *s, const double *h) {
  COMMON;
  const T a1 = (T)(1 - h[SCION_H_A]), b2 = (T)h[SCION_H_B], a2 = (T)(1 - h[SCION_H_B]), eps = (T)h[SCION_H_EPS];
  const T keep = (T)h[SCION_H_KEEP], step = (T)h[SCION_H_C], rect = (T)h[SCION_H_D];
  const int rectified = h[SCION_H_FLAG] != 0;
  T *restrict m = s[0], *restrict v = s[1];
  for (int64_t i = 0; i < n; i++) {
    T old = keep * p[i], d = sign * g[i] + decay * old;
    T mi = m[i] + a1 * (d - m[i]), vi = b2 * v[i] + a2 * d * d;
    m[i] = mi;
    v[i] = vi;
    p[i] = old - step * mi * (rectified ? rect / (SQRT(vi) + eps) : 1);
  }
}

static void (*const NAME(updates)[SCION_UPDATE_COUNT])(int64_t, T *restrict, const T *restrict, T *const *, const double *) = {
  [SCION_UPDATE_SGD] = NAME(sgd), [SCION_UPDATE_ADAM] = NAME(adam), [SCION_UPDATE_RMSPROP] = NAME(rmsprop),
  [SCION_UPDATE_ADAGRAD] = NAME(adagrad), [SCION_UPDATE_ADADELTA] = NAME(adadelta), [SCION_UPDATE_NADAM] = NAME(nadam),
  [SCION_UPDATE_ADAMAX] = NAME(adamax), [SCION_UPDATE_RADAM] = NAME(radam),
};

/* y += a x */
static void NAME(axpy)(int64_t n, T a, const T *restrict x, T *restrict y) {
  _Pragma("omp simd") for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}
static void NAME(scale)(int64_t n, T a, T *x) {
  _Pragma("omp simd") for (int64_t i = 0; i < n; i++) x[i] *= a;
}
/* y += w (x - y): moving averages */
static void NAME(lerp)(int64_t n, T w, const T *restrict x, T *restrict y) {
  _Pragma("omp simd") for (int64_t i = 0; i < n; i++) y[i] += w * (x[i] - y[i]);
}
static double NAME(dot)(int64_t n, const T *x, const T *y) {
  double s = 0;
  _Pragma("omp simd reduction(+ : s)") for (int64_t i = 0; i < n; i++) s += (double)x[i] * (double)y[i];
  return s;
}
/* kind 0: largest |x| (NaN if any is), 1: sum |x|, 2: sum x^2, 3: sum |x|^power */
static double NAME(norm_part)(int64_t n, int32_t kind, double power, const T *x) {
  double s = 0;
  if (kind == 0) {
    for (int64_t i = 0; i < n; i++) {
      double a = fabs((double)x[i]);
      s = a > s || a != a ? a : s;
    }
  } else if (kind == 1) {
    _Pragma("omp simd reduction(+ : s)") for (int64_t i = 0; i < n; i++) s += fabs((double)x[i]);
  } else if (kind == 2) {
    _Pragma("omp simd reduction(+ : s)") for (int64_t i = 0; i < n; i++) s += (double)x[i] * (double)x[i];
  } else {
    for (int64_t i = 0; i < n; i++) s += pow(fabs((double)x[i]), power);
  }
  return s;
}
static void NAME(clamp)(int64_t n, T lo, T hi, T *x) {
  _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {
    T v = x[i] < lo ? lo : x[i];
    x[i] = v > hi ? hi : v;
  }
}

#undef GRADIENT
#undef COMMON
