/* recurrent_body.h: the steps of recurrent.c for one element type: T, FN(name), SIGMOID, TANH.
 * rows: of the batch; h: hidden size; gates: (rows, gates per cell * h). */

/* gates: sums for i, f, g, o; become their values. c = f c_prev + i g, y = o tanh(c). c_prev NULL: zeros. */
void FN(lstm_step)(int64_t rows, int64_t h, T *gates, const T *c_prev, T *c, T *y) {
  for (int64_t r = 0; r < rows; r++, gates += 4 * h, c += h, y += h) {
    T *gi = gates, *gf = gates + h, *gg = gates + 2 * h, *go = gates + 3 * h;
#pragma omp simd
    for (int64_t j = 0; j < 2 * h; j++) gates[j] = SIGMOID(gates[j]);
#pragma omp simd
    for (int64_t j = 0; j < h; j++) {
      gg[j] = TANH(gg[j]);
      go[j] = SIGMOID(go[j]);
      c[j] = gi[j] * gg[j] + (c_prev != NULL ? gf[j] * c_prev[r * h + j] : 0);
      y[j] = go[j] * TANH(c[j]);
    }
  }
}

/* dy: gradient of y; dc: of c, becomes that of c_prev. d: gradients of the four sums. */
void FN(lstm_step_grad)(int64_t rows, int64_t h, const T *gates, const T *c_prev, const T *c, const T *dy, T *dc, T *d) {
  for (int64_t r = 0; r < rows; r++, gates += 4 * h, c += h, dy += h, dc += h, d += 4 * h) {
    const T *gi = gates, *gf = gates + h, *gg = gates + 2 * h, *go = gates + 3 * h;
#pragma omp simd
    for (int64_t j = 0; j < h; j++) {
      T t = TANH(c[j]), up = dc[j] + dy[j] * go[j] * (1 - t * t), before = c_prev != NULL ? c_prev[r * h + j] : 0;
      d[j] = up * gg[j] * gi[j] * (1 - gi[j]);
      d[h + j] = up * before * gf[j] * (1 - gf[j]);
      d[2 * h + j] = up * gi[j] * (1 - gg[j] * gg[j]);
      d[3 * h + j] = dy[j] * t * go[j] * (1 - go[j]);
      dc[j] = up * gf[j];
    }
  }
}

/* gates: sums from x for r, z, n; become their values. from_h: sums from h_prev. hn: keeps the n part of from_h. */
void FN(gru_step)(int64_t rows, int64_t h, T *gates, const T *from_h, const T *h_prev, T *hn, T *y) {
  for (int64_t r = 0; r < rows; r++, gates += 3 * h, from_h += 3 * h, hn += h, y += h) {
#pragma omp simd
    for (int64_t j = 0; j < 2 * h; j++) gates[j] = SIGMOID(gates[j] + from_h[j]);
#pragma omp simd
    for (int64_t j = 0; j < h; j++) {
      T z = gates[h + j], inner = from_h[2 * h + j], n = TANH(gates[2 * h + j] + gates[j] * inner);
      hn[j] = inner;
      gates[2 * h + j] = n;
      y[j] = (1 - z) * n + (h_prev != NULL ? z * h_prev[r * h + j] : 0);
    }
  }
}

/* dx, dh: gradients of the sums from x and from h_prev. carry: what of dy reaches h_prev directly. */
void FN(gru_step_grad)(int64_t rows, int64_t h, const T *gates, const T *hn, const T *h_prev, const T *dy, T *dx, T *dh, T *carry) {
  for (int64_t r = 0; r < rows; r++, gates += 3 * h, hn += h, dy += h, dx += 3 * h, dh += 3 * h, carry += h) {
#pragma omp simd
    for (int64_t j = 0; j < h; j++) {
      T g = gates[j], z = gates[h + j], n = gates[2 * h + j], before = h_prev != NULL ? h_prev[r * h + j] : 0;
      T dn = dy[j] * (1 - z) * (1 - n * n), dz = dy[j] * (before - n) * z * (1 - z), dr = dn * hn[j] * g * (1 - g);
      dx[j] = dh[j] = dr;
      dx[h + j] = dh[h + j] = dz;
      dx[2 * h + j] = dn;
      dh[2 * h + j] = dn * g;
      carry[j] = dy[j] * z;
    }
  }
}

/* y = tanh(gates) or relu(gates), n elements. */
void FN(rnn_step)(int64_t n, const T *gates, int relu, T *y) {
  if (relu) {
#pragma omp simd
    for (int64_t j = 0; j < n; j++) y[j] = gates[j] > 0 ? gates[j] : 0;
  } else {
#pragma omp simd
    for (int64_t j = 0; j < n; j++) y[j] = TANH(gates[j]);
  }
}
void FN(rnn_step_grad)(int64_t n, const T *y, const T *dy, int relu, T *d) {
#pragma omp simd
  for (int64_t j = 0; j < n; j++) d[j] = relu ? (y[j] > 0 ? dy[j] : 0) : dy[j] * (1 - y[j] * y[j]);
}
