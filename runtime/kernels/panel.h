/* panel.h: the sizes that panel.c works in, for this instruction set. */
#ifndef SCION_PANEL_H
#define SCION_PANEL_H

#if defined(__AVX512F__)
#define PANEL_LANES 16
#define PANEL_ROWS 8 /* 24 sums, 3 loads */
#define PANEL_VECS 3
#elif defined(__AVX2__)
#define PANEL_LANES 8
#define PANEL_ROWS 4 /* 12 sums, 3 loads */
#define PANEL_VECS 3
#else
#define PANEL_LANES 4
#define PANEL_ROWS 4
#define PANEL_VECS 2
#endif
#define PANEL_COLS (PANEL_VECS * PANEL_LANES)

#endif
