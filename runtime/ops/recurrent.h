/* recurrent.h: parameters of the layer that rnn.c stacks. */
#ifndef SCION_OPS_RECURRENT_H
#define SCION_OPS_RECURRENT_H

#include "op.h"

enum { SCION_RNN_TANH, SCION_RNN_RELU, SCION_GRU, SCION_LSTM };
typedef struct scion_recurrent_params { int32_t kind, reverse; } scion_recurrent_params;
int64_t scion__gates_of(int32_t kind); /* per hidden unit */

#endif
