/* table.c: this instruction set's table of kernels; dispatch.c picks one. */
#include "kernels.h"
#include "panel.h"

#define SCION_TEXT_(a) #a
#define SCION_TEXT(a) SCION_TEXT_(a)

extern const scion_kernels K(kernels);
const scion_kernels K(kernels) = {
  .isa = SCION_TEXT(SCION_ISA),
  .lanes = PANEL_LANES,
  .panel_rows = PANEL_ROWS,
  .panel_cols = PANEL_COLS,
  .unary = K(unary_table),
  .binary = K(binary_table),
  .convert = K(convert_table),
#define SCION_KERNEL(ret, name, args) .name = K(name),
#include "kernels.def"
#undef SCION_KERNEL
};
