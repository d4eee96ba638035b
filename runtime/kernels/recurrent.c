/* recurrent.c: the element by element part of one step of an RNN, GRU or LSTM, and of its gradient. The
 * body is written once for both element types. */
#include <math.h>

#include "kernels.h"
#include "math_f32.h"

#define T float
#define FN(name) K(name##_f32)
#define SIGMOID(a) m_sigmoid(a)
#define TANH(a) m_tanh(a)
#include "recurrent_body.h"
#undef T
#undef FN
#undef SIGMOID
#undef TANH

#define T double
#define FN(name) K(name##_f64)
#define SIGMOID(a) (1 / (1 + exp(-(a))))
#define TANH(a) tanh(a)
#include "recurrent_body.h"
