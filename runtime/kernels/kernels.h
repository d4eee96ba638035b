/* kernels.h: the inner loops. Plain pointers and sizes, no tensors, no allocation, no errors.
 *
 * Every file of this room except dispatch.c is compiled once per instruction set (scalar, avx2, avx512) with
 * SCION_ISA set to that name; K(name) is the function's name there. kernels.def lists them, and
 * scion__k points to the table chosen at start. Write portable C first (the compiler vectorises
 * it per instruction set; `#pragma omp simd` where it needs leave to reorder); intrinsics only
 * where measured, under #if defined(__AVX512F__) / __AVX2__, beside the portable code.
 * Only `static inline` functions in headers: one shared copy could carry the wrong instructions. */
#ifndef SCION_KERNELS_H
#define SCION_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define SCION_PASTE_(a, b) scion__##a##__##b
#define SCION_PASTE(a, b) SCION_PASTE_(a, b)
#ifdef SCION_ISA
#define K(name) SCION_PASTE(name, SCION_ISA)
#endif

/* Elementwise loops: n elements, strides in elements (0 repeats one value). The output may be one of the
 * inputs when their strides are equal. One function per (operation, dtype); NULL where undefined. */
typedef void (*scion_unary_fn)(int64_t n, const void *a, int64_t sa, void *y, int64_t sy);
typedef void (*scion_binary_fn)(int64_t n, const void *a, int64_t sa, const void *b, int64_t sb, void *y, int64_t sy);
enum { SCION_K_DTYPES = 6 }; /* f32 f64 i32 i64 u8 bool, in scion_dtype's order */
/* Copies between any two of all the element types, storage types included (convert.c). */
typedef scion_unary_fn scion_convert_fn;
enum { SCION_K_ALL_DTYPES = 13 };

#define SCION_UNARY_LIST(X) \
  X(neg) X(abs) X(sign) X(sqrt) X(rsqrt) X(square) X(reciprocal) X(exp) X(expm1) X(log) X(log1p) X(log2) X(log10) \
  X(sin) X(cos) X(tan) X(asin) X(acos) X(atan) X(sinh) X(cosh) X(tanh) X(asinh) X(acosh) X(atanh) \
  X(floor) X(ceil) X(round) X(trunc) X(frac) X(erf) X(erfc) X(lgamma) X(digamma) X(sigmoid) X(softplus1) X(relu) X(silu) X(gelu) \
  X(gelu_tanh) X(mish) X(hardswish) X(hardsigmoid) X(logical_not) X(bitwise_not) X(isnan) X(isinf) X(isfinite)
#define SCION_BINARY_LIST(X) \
  X(add) X(sub) X(mul) X(div) X(pow) X(maximum) X(minimum) X(fmod) X(remainder) X(floor_divide) X(atan2) \
  X(eq) X(ne) X(lt) X(le) X(gt) X(ge) X(logical_and) X(logical_or) X(logical_xor) \
  X(bitwise_and) X(bitwise_or) X(bitwise_xor) X(hypot)
enum {
#define X(name) SCION_U_##name,
  SCION_UNARY_LIST(X) SCION_U_COUNT
#undef X
};
enum {
#define X(name) SCION_B_##name,
  SCION_BINARY_LIST(X) SCION_B_COUNT
#undef X
};

/* Reductions (reduce.c). */
enum { SCION_R_sum, SCION_R_prod, SCION_R_max, SCION_R_min, SCION_R_count, SCION_R_sumsq, SCION_R_sumabs, SCION_R_sqdiff, SCION_R_COUNT };

enum { SCION_SOFTMAX_TILE = 256 }; /* columns that softmax_cols and its kin do at once */

/* Activations with a gradient kernel (activate.c); the first three read their output, the rest their input. */
#define SCION_ACTIVATION_LIST(X) \
  X(relu) X(sigmoid) X(tanh) X(silu) X(mish) X(gelu) X(gelu_tanh) X(hardswish) X(hardsigmoid) \
  X(clamp) X(hardtanh) X(leaky_relu) X(elu) X(softplus)
enum {
#define X(name) SCION_A_##name,
  SCION_ACTIVATION_LIST(X) SCION_A_COUNT
#undef X
};

/* Covariance functions (covariance.c). */
enum { SCION_COV_RBF, SCION_COV_MATERN12, SCION_COV_MATERN32, SCION_COV_MATERN52 };

/* Parameter updates (optim.c) and the numbers h[] that one step of them takes. */
enum {
  SCION_UPDATE_SGD, SCION_UPDATE_ADAM, SCION_UPDATE_RMSPROP, SCION_UPDATE_ADAGRAD, SCION_UPDATE_ADADELTA,
  SCION_UPDATE_NADAM, SCION_UPDATE_ADAMAX, SCION_UPDATE_RADAM, SCION_UPDATE_COUNT
};
enum {
  SCION_H_LR, SCION_H_SIGN, SCION_H_DECAY, /* rate; -1 to climb; weight decay added to the gradient */
  SCION_H_KEEP,                            /* factor on the parameter: decoupled weight decay */
  SCION_H_EPS, SCION_H_A, SCION_H_B, SCION_H_C, SCION_H_D, SCION_H_E, SCION_H_FLAG, SCION_H_COUNT
};

/* Geometry of a convolution: input (d, h, w), output (od, oh, ow), kernel, stride, leading padding, dilation. */
typedef struct scion_conv_shape {
  int64_t d, h, w, od, oh, ow, kd, kh, kw, sd, sh, sw, pd, ph, pw, dd, dh, dw;
} scion_conv_shape;
enum { SCION_SMALL_PANEL = 16384 }; /* bytes of b that gemm_small lays out at once */
enum { SCION_DIRECT_SLACK = 16 }; /* floats that conv_direct_f32 may read and write beyond the last position */

typedef struct scion_kernels {
  const char *isa;
  int32_t lanes;                  /* floats of a vector */
  int32_t panel_rows, panel_cols; /* sizes of panel.c; panel_rows divides 8 */
  const scion_unary_fn (*unary)[SCION_K_DTYPES];   /* [SCION_U_x][dtype]; predicates and logical_not write u8 0/1 */
  const scion_binary_fn (*binary)[SCION_K_DTYPES]; /* [SCION_B_x][dtype of the inputs]; comparisons write u8 0/1 */
  const scion_convert_fn (*convert)[SCION_K_ALL_DTYPES]; /* [from][to] */
#define SCION_KERNEL(ret, name, args) ret(*name) args;
#include "kernels.def"
#undef SCION_KERNEL
} scion_kernels;

extern const scion_kernels *scion__k; /* set by scion__kernels_init, which scion_open calls */
void scion__kernels_init(void);

#ifdef SCION_ISA
#define SCION_KERNEL(ret, name, args) ret K(name) args;
#include "kernels.def"
#undef SCION_KERNEL
extern const scion_unary_fn K(unary_table)[SCION_U_COUNT][SCION_K_DTYPES];
extern const scion_binary_fn K(binary_table)[SCION_B_COUNT][SCION_K_DTYPES];
extern const scion_convert_fn K(convert_table)[SCION_K_ALL_DTYPES][SCION_K_ALL_DTYPES];
#endif

#endif
