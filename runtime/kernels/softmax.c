/* softmax.c: softmax, its logarithm, log sum exp and their gradients, along packed rows or down the
 * columns of a slab. The body is written once for both element types. */
#include <math.h>

#include "kernels.h"
#include "math_f32.h"

#define T float
#define FN(name) K(name##_f32)
#define FN_LOCAL(name) name##_f32
#define EXP(a) m_exp(a)
#define LOG(a) log(a)
#include "softmax_body.h"
#undef T
#undef FN
#undef FN_LOCAL
#undef EXP
#undef LOG

#define T double
#define FN(name) K(name##_f64)
#define FN_LOCAL(name) name##_f64
#define EXP(a) exp(a)
#define LOG(a) log(a)
#include "softmax_body.h"
