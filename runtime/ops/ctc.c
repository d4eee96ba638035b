/* ctc.c: connectionist temporal classification (Graves et al. 2006): -log p(target | log_probs), summed over all
 * alignments that give the target after repeats and blanks are taken out. Written as calls of ops, one step of the
 * forward recursion a time step, so it has gradients of any order. */
#include <math.h>

#include "index.h"
#include "nn.h"

typedef struct { int64_t blank, base; int32_t reduction, zero_infinity; } ctc_params;
static const scion_param params[] = {
  SCION_REDUCTION(ctc_params),
  { "blank", SCION_P_INT, 0, offsetof(ctc_params, blank), .def = -1, .min = -1, .max = 1e15, .doc = "id of the blank, as written in targets; -1: the first class" },
  { "zero_infinity", SCION_P_BOOL, 0, offsetof(ctc_params, zero_infinity), .def = 0,
    .doc = "a target that does not fit its input counts 0 instead of infinity" },
  { "base", SCION_P_INT, SCION_PF_BASE, offsetof(ctc_params, base), .def = 0, .min = 0, .max = 1, .doc = "number of the first class" } };
static const scion_slot slots[] = { { "log_probs", 0, "log-probabilities (T, N, C): log_softmax over the last dimension" },
                                    { "targets", 0, "class ids (N, S), or all in a row (sum of target_lengths)" },
                                    { "input_lengths", 0, "time steps of each sequence (N), at most T" },
                                    { "target_lengths", 0, "ids of each target (N), at most S" } };
static const scion_slot slots_loss[] = { { "loss", 0, "scalar, or one value per sequence" } };

/* Stands for log 0: finite, so that no gradient meets inf - inf, and far below any sum of log-probabilities. */
#define CTC_NEVER (-1e30)

static scion_status infer(scion_call *c) {
  const ctc_params *p = c->params;
  SCION_TRY(scion__need_float(c, 0));
  SCION_TRY(scion__need_dims(c, 0, 3, 3));
  SCION_TRY(scion__need_dims(c, 1, 1, 2));
  char b[SCION_SHAPE_TEXT];
  int64_t n = c->in[0]->shape[1];
  if (c->in[0]->shape[0] == 0 || n == 0 || c->in[0]->shape[2] == 0) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "log_probs must not be empty, got %s", scion__tensor_brief(b, c->in[0]));
  }
  for (int32_t i = 1; i < 4; i++) SCION_TRY(scion__need_int(c, i));
  if (c->in[1]->n_dims == 2 && c->in[1]->shape[0] != n) {
    return SCION_OP_FAIL(c, SCION_ESHAPE, "targets must have a row for each of the %lld sequences, got %s", (long long)n, scion__tensor_brief(b, c->in[1]));
  }
  for (int32_t i = 2; i < 4; i++) {
    if (c->in[i]->n_dims != 1 || c->in[i]->shape[0] != n) {
      return SCION_OP_FAIL(c, SCION_ESHAPE, "%s needs one length for each of the %lld sequences, got %s", c->op->info.inputs[i].name,
                           (long long)n, scion__tensor_brief(b, c->in[i]));
    }
  }
  scion__out_reduced(c, c->in[0]->dtype, 1, &n, p->reduction);
  return SCION_OK;
}

typedef struct { const int64_t *targets, *steps, *sizes; int64_t T, n, classes, row, longest; } sequences;
/* Every length and id is in range; the longest target. */
static scion_status check(const scion_call *c, const ctc_params *p, int64_t blank, const scion_tensor *targets, sequences *s) {
  int64_t sum = 0;
  for (int64_t i = 0; i < s->n; i++) {
    if (s->steps[i] < 0 || s->steps[i] > s->T) {
      return SCION_OP_FAIL(c, SCION_EINDEX, "input_lengths has %lld at position %lld; 0..%lld are valid (the time steps of log_probs)",
                           (long long)s->steps[i], (long long)(i + p->base), (long long)s->T);
    }
    int64_t most = s->row > 0 ? s->row : targets->n_dims == 2 ? 0 : targets->numel - sum;
    if (s->sizes[i] < 0 || s->sizes[i] > most) {
      return SCION_OP_FAIL(c, SCION_EINDEX, "target_lengths has %lld at position %lld; 0..%lld are valid (the ids in targets)",
                           (long long)s->sizes[i], (long long)(i + p->base), (long long)most);
    }
    const int64_t *ids = s->targets + (targets->n_dims == 2 ? i * s->row : sum);
    for (int64_t k = 0; k < s->sizes[i]; k++) {
      if (ids[k] < p->base || ids[k] >= p->base + s->classes || ids[k] - p->base == blank) {
        return SCION_OP_FAIL(c, SCION_EINDEX, "targets has the id %lld; ids are %lld..%lld without the blank %lld", (long long)ids[k],
                             (long long)p->base, (long long)(s->classes + p->base - 1), (long long)(blank + p->base));
      }
    }
    sum += s->sizes[i];
    s->longest = scion__max(s->longest, s->sizes[i]);
  }
  return SCION_OK;
}

static scion_tensor *ids_of(scion_x *x, scion_tensor *t) {
  t = x_detach(x, x_to(x, t, SCION_I64));
  return scion__x1(x, &scion__op_contiguous, NULL, t);
}
static void compose(scion_x *x, const scion_call *c, scion_tensor **out) {
  const ctc_params *p = c->params;
  scion_tensor *lp = c->in[0], *targets = ids_of(x, c->in[1]), *steps = ids_of(x, c->in[2]), *sizes = ids_of(x, c->in[3]);
  if (x->status != SCION_OK) return;
  sequences s = { (const int64_t *)(void *)targets->data, (const int64_t *)(void *)steps->data, (const int64_t *)(void *)sizes->data,
                  lp->shape[0], lp->shape[1], lp->shape[2], targets->n_dims == 2 ? targets->shape[1] : 0, 0 };
  int64_t blank = p->blank < 0 ? 0 : p->blank - p->base;
  if (blank < 0 || blank >= s.classes) {
    x->status = SCION_OP_FAIL(c, SCION_EINDEX, "blank must be %lld..%lld, got %lld", (long long)p->base, (long long)(s.classes + p->base - 1), (long long)p->blank);
    return;
  }
  if ((x->status = check(c, p, blank, targets, &s)) != SCION_OK) return;

  /* States: blank, id, blank, id, ..., blank. `label` is each state's class, `skip` 0 where a state may be entered from two
   * before (an id unlike the one before it), `start` 0 in the first two states, `last` 0 in the two a path may end in. */
  int64_t n = s.n, states = 2 * s.longest + 1, shape[3] = { 1, n, states }, flat[2] = { n, states };
  scion_tensor *label = x_full(x, SCION_I64, 3, shape, (double)blank), *skip = x_full(x, lp->dtype, 2, flat, CTC_NEVER);
  scion_tensor *start = x_full(x, lp->dtype, 2, flat, CTC_NEVER), *last = x_full(x, lp->dtype, 2, flat, CTC_NEVER);
  scion_tensor *weight = x_full(x, lp->dtype, 1, &n, 1);
  if (x->status != SCION_OK) return;
  int64_t sum = 0;
  bool ragged = false, none = false;
  for (int64_t i = 0; i < n; i++) {
    const int64_t *ids = s.targets + (targets->n_dims == 2 ? i * s.row : sum);
    for (int64_t k = 0; k < s.sizes[i]; k++) {
      ((int64_t *)(void *)label->data)[i * states + 2 * k + 1] = ids[k] - p->base;
      if (k > 0 && ids[k] != ids[k - 1]) scion__store(skip->data, lp->dtype, i * states + 2 * k + 1, 0);
    }
    scion__store(start->data, lp->dtype, i * states, 0);
    if (s.sizes[i] > 0) {
      scion__store(start->data, lp->dtype, i * states + 1, 0);
      scion__store(last->data, lp->dtype, i * states + 2 * s.sizes[i] - 1, 0);
    }
    scion__store(last->data, lp->dtype, i * states + 2 * s.sizes[i], 0);
    scion__store(weight->data, lp->dtype, i, 1.0 / (double)scion__max(1, s.sizes[i]));
    sum += s.sizes[i];
    ragged = ragged || s.steps[i] < s.T;
    none = none || s.steps[i] == 0;
  }
  int64_t wide[3] = { s.T, n, states }, one[2] = { n, 1 }, two[2] = { n, 2 };
  scion__reshape_params to = { { 3, { wide[0], wide[1], wide[2] } } };
  scion_tensor *each = scion__x_gather(x, lp, scion__x1(x, &scion__op_expand, &to, label), 2, 0); /* (T, N, states) */
  scion_tensor *never1 = x_full(x, lp->dtype, 2, one, CTC_NEVER), *never2 = x_full(x, lp->dtype, 2, two, CTC_NEVER);
  scion_tensor *alpha = NULL;
  for (int64_t t = 0; t < s.T && x->status == SCION_OK; t++) {
    int64_t row[2] = { n, states };
    scion_tensor *emit = x_reshape(x, x_narrow(x, each, 0, t, 1), 2, row), *next;
    if (t == 0) {
      next = x_add(x, start, emit);
    } else {
      scion_tensor *ways[3] = { alpha };
      int32_t k = 1;
      if (states > 1) {
        scion_tensor *step[2] = { never1, x_narrow(x, alpha, 1, 0, states - 1) }, *leap[2] = { never2, x_narrow(x, alpha, 1, 0, states - 2) };
        ways[k++] = x_cat(x, 2, step, 1);
        if (states > 2) ways[k++] = x_add(x, x_cat(x, 2, leap, 1), skip);
      }
      scion__reduce_params over = { { 1, { 0 } }, 0 };
      next = x_add(x, scion__x1(x, &scion__op_logsumexp, &over, x_stack(x, k, ways, 0)), emit);
    }
    if (ragged && t > 0) { /* sequences that have ended keep their last row */
      scion_tensor *going = x_reshape(x, X2(gt, steps, x_scalar(x, SCION_I64, (double)t)), 2, one);
      next = x_where(x, going, next, alpha);
    }
    alpha = next;
  }
  scion__reduce_params along = { { 1, { 1 } }, 0 };
  scion_tensor *loss = x_neg(x, scion__x1(x, &scion__op_logsumexp, &along, x_add(x, alpha, last)));
  scion_tensor *zero = x_scalar(x, lp->dtype, 0);
  if (none) { /* no time step: certain for the empty target, impossible for others */
    scion_tensor *empty = X2(eq, steps, x_scalar(x, SCION_I64, 0));
    scion_tensor *easy = X2(eq, sizes, x_scalar(x, SCION_I64, 0));
    loss = x_where(x, empty, x_where(x, easy, zero, x_scalar(x, lp->dtype, -CTC_NEVER)), loss);
  }
  scion_tensor *impossible = X2(gt, loss, x_scalar(x, lp->dtype, -CTC_NEVER / 2));
  loss = x_where(x, impossible, x_scalar(x, lp->dtype, p->zero_infinity ? 0 : INFINITY), loss);
  if (p->reduction == SCION_RED_MEAN) loss = x_mul(x, loss, weight); /* per id, then the mean over the batch */
  out[0] = scion__x_reduce(x, loss, p->reduction);
}
static const scion_sample samples[] = { { "5x2x4,=1;3;2;1,=5;4,=3;1", "" }, { "4x1x3,=2;1,=4,=2", "reduction=none blank=0" },
                                        { "3x1x3,=1;1,=2,=2", "zero_infinity=true" }, { "4x2x3,=1,=3;4,=0;1", "reduction=sum" } };
const scion_op scion__op_ctc_loss = {
  .info = { "ctc_loss", 1, SCION_OF_FUNCTION, "Connectionist temporal classification (Graves et al. 2006): -log of the probability of the targets over all alignments; "
            "\"mean\" divides by each target's length, then averages. Infinite where a target needs more steps than there are.",
            SCION_INPUTS(slots), SCION_OUTPUTS(slots_loss), SCION_PARAMS(params, ctc_params) },
  .infer = infer, .compose = compose, SCION_SAMPLES(samples) };
