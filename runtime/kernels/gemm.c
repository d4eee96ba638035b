/* gemm.c: small matrix products, where a call of the BLAS costs more than the product itself. */
#include <string.h>

#include "kernels.h"

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#else
#define VECTOR_BYTES 32
#endif

/* y (m, n) = a (m, k) b (k, n), or added to y; a and b with any strides, rows of y packed. b is first laid out in panels of two
 * vectors of columns, padded with zeros: k * (n rounded up to them) elements must fit into SCION_SMALL_PANEL bytes. A block is R
 * rows by one panel, held in registers over all of k. */
#define SMALL(name, type, tag)                                                                                            \
  typedef type tag __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(type)), may_alias));                          \
  enum { tag##_lanes = VECTOR_BYTES / sizeof(type), tag##_panel = 2 * tag##_lanes };                                      \
  static inline __attribute__((always_inline)) void tag##_rows(int64_t rows, int64_t k, const type *a, int64_t a_row,     \
                                                               int64_t a_col, const type *b, int64_t width, type *y,      \
                                                               int64_t y_row, int accumulate) {                           \
    tag acc[4][2];                                                                                                        \
    for (int64_t r = 0; r < rows; r++) acc[r][0] = acc[r][1] = (tag){ 0 };                                                \
    for (int64_t p = 0; p < k; p++) {                                                                                     \
      tag b0 = *(const tag *)(b + p * tag##_panel), b1 = *(const tag *)(b + p * tag##_panel + tag##_lanes);               \
      for (int64_t r = 0; r < rows; r++) {                                                                                \
        type s = a[r * a_row + p * a_col];                                                                                \
        acc[r][0] += s * b0;                                                                                              \
        acc[r][1] += s * b1;                                                                                              \
      }                                                                                                                   \
    }                                                                                                                     \
    for (int64_t r = 0; r < rows; r++) {                                                                                  \
      type *at = y + r * y_row;                                                                                           \
      if (width == tag##_panel) {                                                                                         \
        if (accumulate) acc[r][0] += *(const tag *)at, acc[r][1] += *(const tag *)(at + tag##_lanes);                     \
        *(tag *)at = acc[r][0];                                                                                           \
        *(tag *)(at + tag##_lanes) = acc[r][1];                                                                           \
      } else {                                                                                                            \
        type row[tag##_panel];                                                                                            \
        memcpy(row, acc[r], sizeof row);                                                                                  \
        for (int64_t j = 0; j < width; j++) at[j] = accumulate ? at[j] + row[j] : row[j];                                 \
      }                                                                                                                   \
    }                                                                                                                     \
  }                                                                                                                       \
  void K(name)(int64_t m, int64_t n, int64_t k, const type *a, int64_t a_row, int64_t a_col, const type *b, int64_t b_row, \
               int64_t b_col, type *y, int64_t y_row, int accumulate) {                                                   \
    type packed[SCION_SMALL_PANEL / sizeof(type)];                                                                        \
    for (int64_t j = 0; j < n; j += tag##_panel) {                                                                        \
      int64_t width = n - j < tag##_panel ? n - j : tag##_panel;                                                          \
      const type *from = b + j * b_col;                                                                                   \
      if (b_col == 1) {                                                                                                   \
        for (int64_t p = 0; p < k; p++) {                                                                                 \
          if (width == tag##_panel) memcpy(packed + p * tag##_panel, from + p * b_row, sizeof(type) * tag##_panel);       \
          else {                                                                                                          \
            for (int64_t c = 0; c < tag##_panel; c++) packed[p * tag##_panel + c] = c < width ? from[p * b_row + c] : 0;  \
          }                                                                                                               \
        }                                                                                                                 \
      } else {                                                                                                            \
        for (int64_t c = 0; c < tag##_panel; c++) {                                                                       \
          const type *column = from + c * b_col;                                                                          \
          if (c < width) for (int64_t p = 0; p < k; p++) packed[p * tag##_panel + c] = column[p * b_row];                 \
          else for (int64_t p = 0; p < k; p++) packed[p * tag##_panel + c] = 0;                                           \
        }                                                                                                                 \
      }                                                                                                                   \
      int64_t i = 0;                                                                                                      \
      for (; i + 4 <= m; i += 4) tag##_rows(4, k, a + i * a_row, a_row, a_col, packed, width, y + i * y_row + j, y_row, accumulate); \
      if (i + 2 <= m) {                                                                                                   \
        tag##_rows(2, k, a + i * a_row, a_row, a_col, packed, width, y + i * y_row + j, y_row, accumulate);               \
        i += 2;                                                                                                           \
      }                                                                                                                   \
      if (i < m) tag##_rows(1, k, a + i * a_row, a_row, a_col, packed, width, y + i * y_row + j, y_row, accumulate);      \
    }                                                                                                                     \
  }
SMALL(gemm_small_f32, float, floats)
SMALL(gemm_small_f64, double, doubles)
