/* walk.c: broadcasting, and the one loop over strided operands that copies, fills and elementwise ops
 * share. */
#include "tensor.h"
#include "element.h"
#include "../kernels/kernels.h"

bool scion__broadcast(int32_t na, const int64_t *a, int32_t nb, const int64_t *b, int32_t *n, int64_t *out) {
  int32_t m = na > nb ? na : nb;
  int64_t result[SCION_MAX_DIMS];
  for (int32_t i = 0; i < m; i++) {
    int64_t x = i < m - na ? 1 : a[i - (m - na)], y = i < m - nb ? 1 : b[i - (m - nb)];
    if (x != y && x != 1 && y != 1) return false;
    result[i] = x == 1 ? y : x;
  }
  *n = m;
  for (int32_t i = 0; i < m; i++) out[i] = result[i];
  return true;
}

void scion__broadcast_strides(const scion_tensor *t, int32_t n, int64_t *strides) {
  int32_t lead = n - t->n_dims;
  for (int32_t i = 0; i < n; i++) strides[i] = i < lead || t->shape[i - lead] == 1 ? 0 : t->strides[i - lead];
}

typedef struct {
  int32_t n_operands, n_outer;      /* dimensions outside the innermost */
  int64_t shape[SCION_MAX_DIMS];    /* outer dimensions, then the inner one */
  int64_t steps[SCION_MAX_WALK][SCION_MAX_DIMS]; /* bytes */
  int64_t inner_strides[SCION_MAX_WALK]; /* elements */
  char *data[SCION_MAX_WALK];
  scion_walk_fn fn;
  void *ud;
  int64_t inner, outer, inner_grain;
} walk_job;

/* Rows begin..end of the outer space, all of the inner dimension. */
static void walk_rows(void *arg, int64_t begin, int64_t end) {
  const walk_job *j = arg;
  int64_t index[SCION_MAX_DIMS], rest = begin;
  char *p[SCION_MAX_WALK];
  for (int32_t k = 0; k < j->n_operands; k++) p[k] = j->data[k];
  for (int32_t d = j->n_outer - 1; d >= 0; d--) {
    index[d] = rest % j->shape[d];
    rest /= j->shape[d];
    for (int32_t k = 0; k < j->n_operands; k++) p[k] += index[d] * j->steps[k][d];
  }
  for (int64_t row = begin; row < end; row++) {
    j->fn(j->ud, j->inner, p, j->inner_strides);
    for (int32_t d = j->n_outer - 1; d >= 0; d--) {
      for (int32_t k = 0; k < j->n_operands; k++) p[k] += j->steps[k][d];
      if (++index[d] < j->shape[d]) break;
      for (int32_t k = 0; k < j->n_operands; k++) p[k] -= j->shape[d] * j->steps[k][d];
      index[d] = 0;
    }
  }
}
/* One row only: elements begin..end of the inner dimension. */
static void walk_inner(void *arg, int64_t begin, int64_t end) {
  const walk_job *j = arg;
  char *p[SCION_MAX_WALK];
  for (int32_t k = 0; k < j->n_operands; k++) p[k] = j->data[k] + begin * j->steps[k][j->n_outer];
  j->fn(j->ud, end - begin, p, j->inner_strides);
}

void scion__walk(scion_context *ctx, int32_t n_operands, char *const *data, const int32_t *elem_sizes,
                 const int64_t *const *strides, int32_t n_dims, const int64_t *shape, int64_t grain,
                 scion_walk_fn fn, void *ud) {
  walk_job j = { .n_operands = n_operands, .fn = fn, .ud = ud };
  int32_t n = 0;
  for (int32_t k = 0; k < n_operands; k++) j.data[k] = data[k];
  for (int32_t d = 0; d < n_dims; d++) {
    if (shape[d] == 0) return;
    if (shape[d] == 1) continue;
    bool fuse = n > 0;
    for (int32_t k = 0; fuse && k < n_operands; k++) {
      if (j.steps[k][n - 1] != strides[k][d] * elem_sizes[k] * shape[d]) fuse = false;
    }
    int32_t at = fuse ? n - 1 : n++;
    j.shape[at] = fuse ? j.shape[at] * shape[d] : shape[d];
    for (int32_t k = 0; k < n_operands; k++) j.steps[k][at] = strides[k][d] * elem_sizes[k];
  }
  if (n == 0) {
    n = 1;
    j.shape[0] = 1;
    for (int32_t k = 0; k < n_operands; k++) j.steps[k][0] = 0;
  }
  j.n_outer = n - 1;
  j.inner = j.shape[n - 1];
  for (int32_t k = 0; k < n_operands; k++) j.inner_strides[k] = j.steps[k][n - 1] / elem_sizes[k];
  j.outer = 1;
  for (int32_t d = 0; d < n - 1; d++) j.outer *= j.shape[d];
  if (j.outer == 1) {
    scion__parallel_range(ctx, j.inner, scion__max(grain, 1), walk_inner, &j);
  } else {
    scion__parallel_range(ctx, j.outer, scion__max(grain / j.inner, 1), walk_rows, &j);
  }
}

/* ---- copies ---------------------------------------------------------------------------------------- */

typedef struct { char *dst; const char *src; } copy_job;
static void copy_bytes(void *ud, int64_t begin, int64_t end) {
  const copy_job *j = ud;
  memcpy(j->dst + begin, j->src + begin, (size_t)(end - begin));
}
static void convert_row(void *ud, int64_t n, char *const *p, const int64_t *s) {
  (*(scion_convert_fn *)ud)(n, p[0], s[0], p[1], s[1]);
}

/* A permuted source read along its own fastest dimension misses the cache once an element; square tiles of
 * the two dimensions miss once a line. rows: the source's unit-stride dimension; columns: the destination's. */
#define TILE 32
typedef struct {
  char *dst;
  const char *src;
  size_t size;
  int64_t rows, cols, src_col, dst_row; /* elements; src row stride and dst column stride are 1 */
  int32_t n_outer;
  int64_t shape[SCION_MAX_DIMS], src_step[SCION_MAX_DIMS], dst_step[SCION_MAX_DIMS];
  int64_t row_tiles;
} transpose_job;

#define TRANSPOSE_TILE(type)                                                                         \
  for (int64_t r = r0; r < r1; r++) {                                                                \
    type *d = (type *)(void *)dst + r * j->dst_row;                                                  \
    const type *a = (const type *)(const void *)src + r;                                             \
    for (int64_t k = c0; k < c1; k++) d[k] = a[k * j->src_col];                                      \
  }
static void transpose_tiles(void *ud, int64_t begin, int64_t end) {
  const transpose_job *j = ud;
  for (int64_t task = begin; task < end; task++) {
    int64_t rest = task / j->row_tiles, r0 = task % j->row_tiles * TILE, r1 = scion__min(r0 + TILE, j->rows);
    char *dst = j->dst;
    const char *src = j->src;
    for (int32_t d = j->n_outer - 1; d >= 0; d--) {
      int64_t i = rest % j->shape[d];
      rest /= j->shape[d];
      dst += i * j->dst_step[d] * (int64_t)j->size;
      src += i * j->src_step[d] * (int64_t)j->size;
    }
    for (int64_t c0 = 0; c0 < j->cols; c0 += TILE) {
      int64_t c1 = scion__min(c0 + TILE, j->cols);
      switch (j->size) {
        case 1: TRANSPOSE_TILE(uint8_t) break;
        case 2: TRANSPOSE_TILE(uint16_t) break;
        case 4: TRANSPOSE_TILE(uint32_t) break;
        default: TRANSPOSE_TILE(uint64_t) break;
      }
    }
  }
}
static bool transpose_copy(scion_context *ctx, scion_tensor *dst, const scion_tensor *src, const int64_t *src_strides) {
  int32_t n = dst->n_dims, row = -1;
  if (!dst->contiguous || n < 2 || dst->dtype != src->dtype || dst->shape[n - 1] < 4 || src_strides[n - 1] <= 1) return false;
  for (int32_t d = 0; d < n - 1; d++)
    if (src_strides[d] == 1 && dst->shape[d] >= 4) row = d;
  if (row < 0) return false;
  transpose_job j = { dst->data, src->data, scion_dtype_size((scion_dtype)dst->dtype), dst->shape[row], dst->shape[n - 1],
                      src_strides[n - 1], dst->strides[row], 0, { 0 }, { 0 }, { 0 }, (dst->shape[row] + TILE - 1) / TILE };
  int64_t tasks = j.row_tiles;
  for (int32_t d = 0; d < n - 1; d++) {
    if (d == row) continue;
    j.shape[j.n_outer] = dst->shape[d];
    j.src_step[j.n_outer] = src_strides[d];
    j.dst_step[j.n_outer++] = dst->strides[d];
    tasks *= dst->shape[d];
  }
  scion__parallel_range(ctx, tasks, scion__max(1, 32768 / (TILE * j.cols)), transpose_tiles, &j);
  return true;
}

scion_status scion__tensor_copy_into(scion_context *ctx, scion_tensor *dst, const scion_tensor *src) {
  if (dst->numel == 0) return SCION_OK;
  if (dst->dtype == src->dtype && dst->contiguous && src->contiguous && dst->numel == src->numel) {
    copy_job j = { dst->data, src->data };
    if (dst->data == src->data) return SCION_OK;
    scion__parallel_range(ctx, dst->numel * (int64_t)scion_dtype_size(dst->dtype), 1 << 19, copy_bytes, &j);
    return SCION_OK;
  }
  int64_t src_strides[SCION_MAX_DIMS];
  scion__broadcast_strides(src, dst->n_dims, src_strides);
  if (transpose_copy(ctx, dst, src, src_strides)) return SCION_OK;
  char *const data[2] = { src->data, dst->data };
  const int32_t sizes[2] = { (int32_t)scion_dtype_size(src->dtype), (int32_t)scion_dtype_size(dst->dtype) };
  const int64_t *const strides[2] = { src_strides, dst->strides };
  scion_convert_fn fn = scion__k->convert[src->dtype][dst->dtype];
  scion__walk(ctx, 2, data, sizes, strides, dst->n_dims, dst->shape, 32768, convert_row, &fn);
  return SCION_OK;
}

scion_status scion__tensor_packed(scion_context *ctx, scion_tensor *t, scion_tensor **out) {
  if (t->contiguous) {
    *out = scion_tensor_ref(t);
    return SCION_OK;
  }
  SCION_TRY(scion__tensor_alloc(ctx, t->dtype, t->n_dims, t->shape, out));
  return scion__tensor_copy_into(ctx, *out, t);
}

void scion__tensor_fill(scion_context *ctx, scion_tensor *t, double value) {
  char one[8] = { 0 };
  scion__element_set(t->dtype, one, value);
  scion_convert_fn fn = scion__k->convert[t->dtype][t->dtype];
  static const int64_t zeros[SCION_MAX_DIMS] = { 0 };
  char *const data[2] = { one, t->data };
  const int32_t size = (int32_t)scion_dtype_size(t->dtype), sizes[2] = { size, size };
  const int64_t *const strides[2] = { zeros, t->strides };
  scion__walk(ctx, 2, data, sizes, strides, t->n_dims, t->shape, 65536, convert_row, &fn);
}
