/* onnx_write_recipes.c: ops that ONNX has no node for, as a few nodes each. Most are recipes in postfix order:
 *   x y z        inputs of the layer                  1.5    a number of x's type (@1.5: of the result's)
 *   $eps         a number from a parameter ($base - id)  %dim  its integers as a vector, nothing when there are none; %0 the vector of 0
 *   Exp, Add, .. a node; after Reduce.. "-" drops the dimensions, "+" keeps them, "?" asks the parameter keepdim
 *   :bool        a cast (bool, i64, x: x's type, y: the result's) */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "onnx_write.h"

/* ---- recipes --------------------------------------------------------------------------------------------------------- */

static const struct { const char *op, *text; } recipes[] = {
  { "exp2", "x 0.69314718055994531 Mul Exp" }, { "expm1", "x Exp 1 Sub" }, { "log1p", "x 1 Add Log" }, { "log2", "x Log 1.4426950408889634 Mul" },
  { "log10", "x Log 0.43429448190325183 Mul" }, { "erfc", "1 x Erf Sub" }, { "trunc", "x Sign x Abs Floor Mul" }, { "frac", "x x Sign x Abs Floor Mul Sub" },
  { "hypot", "x x Mul y y Mul Add Sqrt" }, { "logaddexp", "x y Max x x y Max Sub Exp y x y Max Sub Exp Add Log Add" },
  { "atan2", "y 0 Equal x Sign 1.5707963267948966 Mul x y Div Atan y 0 Less x 0 Less -3.1415926535897932 3.1415926535897932 Where 0 Where Add Where" },
  { "xlogy", "x 0 Equal 0 x y Log Mul Where" }, { "logit", "x $eps Max 1 $eps Sub Min Log 1 x $eps Max 1 $eps Sub Min Sub Log Sub" },
  { "lerp", "x y x Sub z Mul Add" }, { "add_scaled", "x y $value Mul Add" }, { "addcmul", "x y z Mul $value Mul Add" },
  { "addcdiv", "x y z Div $value Mul Add" }, { "addmm", "x $beta Mul y z MatMul $alpha Mul Add" }, { "addmv", "x $beta Mul y z MatMul $alpha Mul Add" },
  { "baddbmm", "x $beta Mul y z MatMul $alpha Mul Add" }, { "outer", "x %1 Unsqueeze y %0 Unsqueeze Mul" },
  { "isfinite", "x IsNaN x IsInf Or Not" }, { "isclose", "x y Equal x y Sub Abs y Abs $rtol Mul $atol Add LessOrEqual x IsNaN y IsNaN Or x IsInf Or y IsInf Or Not And Or" },
  { "masked_fill", "y z x Where" },
  { "zeros_like", "@0 x Shape Expand" }, { "ones_like", "@1 x Shape Expand" }, { "full_like", "@$value x Shape Expand" }, { "fill", "@$value x Shape Expand" },
  { "zero", "@0 x Shape Expand" }, { "empty_like", "@0 x Shape Expand" }, { "copy", "y x Shape Expand" }, { "expand_as", "x y Shape Expand" },
  { "reshape_as", "x y Shape Reshape" }, { "any", "x :bool :i64 %dim ReduceMax? :bool" }, { "all", "x :bool :i64 %dim ReduceMin? :bool" },
  { "count_nonzero", "x :bool :i64 %dim ReduceSum?" }, { "nansum", "x IsNaN 0 x Where %dim ReduceSum?" },
  { "nanmean", "x IsNaN 0 x Where %dim ReduceSum? x IsNaN Not :x %dim ReduceSum? Div" },
  { "cosine_similarity", "x y Mul %dim ReduceSum- x y 0 Mul Add %dim ReduceL2- $eps Max x 0 Mul y Add %dim ReduceL2- $eps Max Mul Div" },
  { NULL, NULL } };

static scion_oname copy_name(const char *s) {
  scion_oname out;
  snprintf(out.s, sizeof out.s, "%s", s);
  return out;
}
static scion_oname param_ints(scion_ow *w, const char *param) {
  const scion_param *p = net__param(w->node->op, param);
  scion_ints v = scion__ow_list(w, param);
  if (p == NULL || v.n <= 0 || (p->type == SCION_P_INT && v.v[0] == SCION_NONE)) return copy_name("");
  return scion__ow_ints(w, v.n, v.v);
}
static int32_t inputs_of(const char *type) {
  static const char *const two[] = { "Add", "Sub", "Mul", "Div", "Max", "Min", "Equal", "Less", "Greater", "LessOrEqual", "And", "Or", "MatMul", "Expand", "Reshape",
    "Unsqueeze", NULL };
  if (strncmp(type, "Reduce", 6) == 0) return 2;
  if (strcmp(type, "Where") == 0) return 3;
  for (int i = 0; two[i] != NULL; i++) if (strcmp(two[i], type) == 0) return 2;
  return 1;
}
#define STACK 10
static scion_oname cook(scion_ow *w, const char *text) {
  scion_oname stack[STACK + 1], x;
  int32_t n = 0;
  while (*text != '\0' && w->status == SCION_OK && n < STACK) {
    char token[64];
    size_t length = strcspn(text, " ");
    snprintf(token, sizeof token, "%.*s", (int)scion__min(length, 60), text);
    text += length + strspn(text + length, " ");
    int number_type = token[0] == '@' ? scion__ow_out_shape(w, 0)->dtype : dtype_in(w);
    const char *word = token + (token[0] == '@');
    if (word[0] >= 'x' && word[0] <= 'z' && word[1] == '\0') x = copy_name(IN(word[0] - 'x'));
    else if (word[0] == '$') x = scion__ow_number(w, number_type, scion__ow_float(w, word + 1));
    else if (word[0] == '%' && isdigit((unsigned char)word[1])) x = scion__ow_ints(w, 1, &(int64_t){ word[1] - '0' });
    else if (word[0] == '%') x = param_ints(w, word + 1);
    else if (word[0] == ':') x = cast(w, stack[--n].s, word[1] == 'b' ? SCION_BOOL : word[1] == 'i' ? SCION_I64 : word[1] == 'y' ? scion__ow_out_shape(w, 0)->dtype : dtype_in(w));
    else if (!isupper((unsigned char)word[0])) x = scion__ow_number(w, number_type, strtod(word, NULL));
    else {
      ATTRS(a);
      const char *in[3];
      size_t end = strlen(token) - 1;
      char keep = token[end];
      if (strchr("-+?", keep) != NULL) {
        token[end] = '\0';
        scion__oa_int(&a, "keepdims", keep == '+' || (keep == '?' && scion__ow_int(w, "keepdim")));
      }
      int32_t k = inputs_of(token);
      for (int32_t i = 0; i < k; i++) in[i] = stack[n - k + i].s;
      x = scion__ow_new(w, token);
      const char *out = x.s;
      scion__ow_node(w, token, k, in, 1, &out, &a);
      n -= k;
    }
    stack[n++] = x;
  }
  return stack[0];
}
bool scion__ow_recipe(scion_ow *w) {
  for (int i = 0; recipes[i].op != NULL; i++) {
    if (strcmp(recipes[i].op, w->node->op->info.name) != 0) continue;
    emit1(w, "Identity", cook(w, recipes[i].text).s, NULL);
    return true;
  }
  return false;
}
static void give(scion_ow *w, int32_t slot, const char *name) { /* output `slot` of the layer */
  const char *out = scion__ow_out(w, slot);
  scion__ow_node(w, "Identity", 1, &name, 1, &out, NULL);
}

/* ---- reductions ----------------------------------------------------------------------------------------------------- */

/* Variance and mean, deviation and mean. How many items there are is known, or counted where a size is free. */
static void spread_of(scion_ow *w) {
  const char *op = w->node->op->info.name;
  scion_ints dims = scion__ow_list(w, "dim");
  const scion_net_shape *x = scion__ow_shape(w, 0);
  double n = 1, correction = scion__ow_float(w, "correction");
  bool is_free = false;
  for (int32_t d = 0; d < x->n_dims; d++) {
    bool in = dims.n <= 0;
    for (int32_t i = 0; i < dims.n; i++) in = in || (dims.v[i] < 0 ? dims.v[i] + x->n_dims : dims.v[i]) == d;
    if (in) n *= (double)x->shape[d], is_free = is_free || scion__ow_free(w, 0, d);
  }
  scion_oname squares = cook(w, "x x %dim ReduceMean+ Sub x x %dim ReduceMean+ Sub Mul %dim ReduceMean?"), factor;
  if (!is_free) {
    factor = scion__ow_number(w, dtype_in(w), correction == 0 ? 1 : n / fmax(n - correction, 0));
  } else {
    ATTRS(a);
    scion__oa_int(&a, "keepdims", 0);
    scion_oname sizes = scion__ow_call(w, "Shape", IN(0), NULL, NULL), axes = param_ints(w, "dim");
    if (dims.n > 0) sizes = scion__ow_call(w, "Gather", sizes.s, axes.s, NULL);
    scion_oname count = cast(w, scion__ow_call(w, "ReduceProd", sizes.s, NULL, &a).s, dtype_in(w));
    scion_oname rest = scion__ow_call(w, "Sub", count.s, scion__ow_number(w, dtype_in(w), correction).s, NULL);
    factor = scion__ow_call(w, "Div", count.s, rest.s, NULL);
  }
  scion_oname y = scion__ow_call(w, "Mul", squares.s, factor.s, NULL);
  if (op[0] == 's') y = scion__ow_call(w, "Sqrt", y.s, NULL, NULL);
  give(w, 0, y.s);
  if (strstr(op, "_mean") != NULL) give(w, 1, cook(w, "x %dim ReduceMean?").s);
}
static void norm(scion_ow *w) { /* of values, of differences, of differences of rows */
  const char *op = w->node->op->info.name;
  double p = scion__ow_float(w, "p");
  bool rows = strcmp(op, "pairwise_distance") == 0;
  ATTRS(a);
  if (p != 1 && p != 2 && !isinf(p)) {
    scion__ow_refuse(w, "a norm other than 1, 2 and infinity");
    return;
  }
  scion_oname d = cook(w, rows ? "x y Sub $eps Add Abs" : strcmp(op, "dist") == 0 ? "x y Sub Abs" : "x Abs");
  scion_oname axes = rows ? scion__ow_ints(w, 1, &(int64_t){ -1 }) : param_ints(w, "dim");
  scion__oa_int(&a, "keepdims", scion__ow_int(w, "keepdim"));
  emit2(w, p == 1 ? "ReduceSum" : p == 2 ? "ReduceL2" : p > 0 ? "ReduceMax" : "ReduceMin", d.s, axes.s, &a);
}
static void nan_to_num(scion_ow *w) {
  static const struct { const char *param; double is, largest; } ends[] = { { "posinf", INFINITY, 3.4028234663852886e38 }, { "neginf", -INFINITY, -3.4028234663852886e38 } };
  scion_oname t = cook(w, "x IsNaN $nan x Where");
  for (int i = 0; i < 2; i++) {
    double v = scion__ow_float(w, ends[i].param);
    scion_oname hit = scion__ow_call(w, "Equal", t.s, scion__ow_number(w, dtype_in(w), ends[i].is).s, NULL), to = scion__ow_number(w, dtype_in(w), isnan(v) ? ends[i].largest : v);
    scion_oname next = scion__ow_new(w, "Where");
    const char *out = next.s;
    scion__ow_node(w, "Where", 3, (const char *[]){ hit.s, to.s, t.s }, 1, &out, NULL);
    t = next;
  }
  give(w, 0, t.s);
}
static scion_oname add_base(scion_ow *w, scion_oname ids) {
  int64_t base = scion__ow_int(w, "base");
  return base == 0 ? ids : scion__ow_call(w, "Add", ids.s, scion__ow_number(w, SCION_I64, (double)base).s, NULL);
}
static scion_oname sub_base(scion_ow *w, int32_t i) {
  int64_t base = scion__ow_int(w, "base");
  return base == 0 ? copy_name(IN(i)) : scion__ow_call(w, "Sub", IN(i), scion__ow_number(w, scion__ow_shape(w, i)->dtype, (double)base).s, NULL);
}
static void extreme(scion_ow *w) { /* values and positions */
  ATTRS(a);
  bool max = w->node->op->info.name[1] == 'a';
  give(w, 0, cook(w, max ? "x %dim ReduceMax?" : "x %dim ReduceMin?").s);
  scion__oa_int(&a, "axis", dim_of(w, "dim"));
  scion__oa_int(&a, "keepdims", scion__ow_int(w, "keepdim"));
  give(w, 1, add_base(w, scion__ow_call(w, max ? "ArgMax" : "ArgMin", IN(0), NULL, &a)).s);
}
static void sort_(scion_ow *w) { /* the largest or smallest of all there are */
  ATTRS(a);
  bool ids_only = strcmp(w->node->op->info.name, "argsort") == 0;
  int64_t dim = dim_of(w, "dim");
  scion_oname sizes = scion__ow_call(w, "Shape", IN(0), NULL, NULL), k = scion__ow_call(w, "Gather", sizes.s, scion__ow_ints(w, 1, &dim).s, NULL);
  scion_oname values = scion__ow_new(w, "values"), ids = scion__ow_new(w, "positions");
  scion__oa_int(&a, "axis", dim);
  scion__oa_int(&a, "largest", scion__ow_int(w, "descending"));
  scion__ow_node(w, "TopK", 2, (const char *[]){ IN(0), k.s }, 2, (const char *[]){ values.s, ids.s }, &a);
  if (!ids_only) give(w, 0, values.s);
  give(w, ids_only ? 0 : 1, add_base(w, ids).s);
}
static void softmin(scion_ow *w) {
  ATTRS(a);
  scion__oa_int(&a, "axis", dim_of(w, "dim"));
  give(w, 0, scion__ow_call(w, "Softmax", scion__ow_call(w, "Neg", IN(0), NULL, NULL).s, NULL, &a).s);
}
static void standardize(scion_ow *w) { /* (x - mean) / sqrt(mean square + eps) over the last dimensions */
  int64_t axes[SCION_MAX_DIMS], n = scion__ow_int(w, "n_dims");
  for (int32_t d = 0; d < n && d < SCION_MAX_DIMS; d++) axes[d] = d - n;
  scion_oname over = scion__ow_ints(w, (int32_t)n, axes), x = copy_name(IN(0));
  if (scion__ow_int(w, "center")) x = scion__ow_call(w, "Sub", x.s, scion__ow_call(w, "ReduceMean", x.s, over.s, NULL).s, NULL);
  scion_oname square = scion__ow_call(w, "ReduceMean", scion__ow_call(w, "Mul", x.s, x.s, NULL).s, over.s, NULL);
  scion_oname root = scion__ow_call(w, "Sqrt", scion__ow_call(w, "Add", square.s, scion__ow_number(w, dtype_in(w), scion__ow_float(w, "eps")).s, NULL).s, NULL, NULL);
  give(w, 0, scion__ow_call(w, "Div", x.s, root.s, NULL).s);
}

/* ---- positions and shapes --------------------------------------------------------------------------------------------- */

static void one_hot(scion_ow *w) {
  ATTRS(a);
  int64_t n = scion__ow_int(w, "num_classes");
  if (n < 0) {
    scion__ow_refuse(w, "the number of classes is that of the ids at hand: give num_classes");
    return;
  }
  scion_oname values = scion__ow_ints(w, 2, (const int64_t[]){ 0, 1 });
  int dtype = scion__ow_out_shape(w, 0)->dtype;
  if (dtype != SCION_I64) values = cast(w, values.s, dtype);
  scion__oa_int(&a, "axis", -1);
  emit(w, "OneHot", 3, (const char *[]){ sub_base(w, 0).s, scion__ow_ints(w, 1, &n).s, values.s }, &a);
}
static void take_along(scion_ow *w) {
  ATTRS(a);
  const scion_net_shape *x = scion__ow_shape(w, 0), *ids = scion__ow_shape(w, 1);
  int64_t dim = dim_of(w, "dim");
  for (int32_t d = 0; d < x->n_dims; d++) {
    if (d != dim && (x->n_dims != ids->n_dims || x->shape[d] != ids->shape[d])) {
      scion__ow_refuse(w, "ids that are broadcast");
      return;
    }
  }
  scion__oa_int(&a, "axis", dim);
  emit2(w, "GatherElements", IN(0), sub_base(w, 1).s, &a);
}
static void take(scion_ow *w) {
  emit2(w, "Gather", scion__ow_call(w, "Reshape", IN(0), scion__ow_ints(w, 1, &(int64_t){ -1 }).s, NULL).s, sub_base(w, 1).s, NULL);
}
static scion_oname part(scion_ow *w, const char *x, int64_t dim, int64_t start, int64_t stop) {
  scion_oname out = scion__ow_new(w, "part");
  const char *name = out.s;
  scion__ow_node(w, "Slice", 4, (const char *[]){ x, scion__ow_ints(w, 1, &start).s, scion__ow_ints(w, 1, &stop).s, scion__ow_ints(w, 1, &dim).s }, 1, &name, NULL);
  return out;
}
static void roll(scion_ow *w) { /* the end comes first */
  scion_ints shifts = scion__ow_list(w, "shifts"), dims = scion__ow_list(w, "dims");
  const scion_net_shape *x = scion__ow_shape(w, 0);
  int64_t flat = -1;
  scion_oname t = copy_name(IN(0));
  if (dims.n <= 0) t = scion__ow_call(w, "Reshape", t.s, scion__ow_ints(w, 1, &flat).s, NULL);
  for (int32_t i = 0; i < shifts.n; i++) {
    int64_t dim = dims.n <= 0 ? 0 : dims.v[i] < 0 ? dims.v[i] + x->n_dims : dims.v[i], size = 1, shift;
    for (int32_t d = 0; d < x->n_dims; d++) {
      if (dims.n > 0 && d != dim) continue;
      size *= x->shape[d];
      if (scion__ow_free(w, 0, d)) {
        scion__ow_refuse(w, "it rolls along a size that is free");
        return;
      }
    }
    if (size == 0 || (shift = ((shifts.v[i] % size) + size) % size) == 0) continue;
    ATTRS(a);
    scion__oa_int(&a, "axis", dim);
    scion_oname end = part(w, t.s, dim, size - shift, size), begin = part(w, t.s, dim, 0, size - shift);
    t = scion__ow_call(w, "Concat", end.s, begin.s, &a);
  }
  if (dims.n <= 0) t = scion__ow_call(w, "Reshape", t.s, scion__ow_call(w, "Shape", IN(0), NULL, NULL).s, NULL);
  give(w, 0, t.s);
}
static void movedim(scion_ow *w) {
  ATTRS(a);
  scion_ints from = scion__ow_list(w, "source"), to = scion__ow_list(w, "destination");
  int32_t n = rank_in(w), next = 0;
  int64_t perm[SCION_MAX_DIMS];
  bool used[SCION_MAX_DIMS] = { false };
  for (int32_t d = 0; d < n; d++) perm[d] = -1;
  for (int32_t i = 0; i < from.n; i++) {
    int64_t f = from.v[i] < 0 ? from.v[i] + n : from.v[i], t = to.v[i] < 0 ? to.v[i] + n : to.v[i];
    perm[t] = f;
    used[f] = true;
  }
  for (int32_t d = 0; d < n; d++) {
    if (perm[d] >= 0) continue;
    while (used[next]) next++;
    perm[d] = next++;
  }
  scion__oa_ints(&a, "perm", n, perm);
  emit1(w, "Transpose", IN(0), &a);
}
static void inner(scion_ow *w) { /* over the last dimension of both */
  int32_t n = scion__ow_shape(w, 0)->n_dims, m = scion__ow_shape(w, 1)->n_dims;
  ATTRS(a);
  char equation[64], *at = equation;
  if (n == 0 || m == 0) {
    emit2(w, "Mul", IN(0), IN(1), NULL);
    return;
  }
  for (int32_t d = 0; d < n - 1; d++) *at++ = (char)('a' + d);
  *at++ = 'z', *at++ = ',';
  for (int32_t d = 0; d < m - 1; d++) *at++ = (char)('a' + n + d);
  *at++ = 'z', *at++ = '-', *at++ = '>';
  for (int32_t d = 0; d < n - 1; d++) *at++ = (char)('a' + d);
  for (int32_t d = 0; d < m - 1; d++) *at++ = (char)('a' + n + d);
  *at = '\0';
  scion__oa_text(&a, "equation", equation);
  emit2(w, "Einsum", IN(0), IN(1), &a);
}
static void tensordot(scion_ow *w) {
  scion_ints da = scion__ow_list(w, "dims_a"), db = scion__ow_list(w, "dims_b");
  int32_t n = (int32_t)scion__max(0, scion__ow_shape(w, 0)->n_dims), m = (int32_t)scion__max(0, scion__ow_shape(w, 1)->n_dims);
  char left[SCION_MAX_DIMS + 1] = { 0 }, right[SCION_MAX_DIMS + 1] = { 0 }, out[2 * SCION_MAX_DIMS + 1], equation[80];
  int32_t k = 0;
  ATTRS(a);
  for (int32_t d = 0; d < n; d++) left[d] = (char)('a' + d);
  for (int32_t d = 0; d < m; d++) right[d] = (char)('m' + d);
  for (int32_t i = 0; i < da.n; i++) right[db.v[i] < 0 ? db.v[i] + m : db.v[i]] = left[da.v[i] < 0 ? da.v[i] + n : da.v[i]];
  for (int32_t d = 0; d < n; d++) if (strchr(right, left[d]) == NULL) out[k++] = left[d];
  for (int32_t d = 0; d < m; d++) if (strchr(left, right[d]) == NULL) out[k++] = right[d];
  out[k] = '\0';
  snprintf(equation, sizeof equation, "%.*s,%.*s->%s", (int)n, left, (int)m, right, out);
  scion__oa_text(&a, "equation", equation);
  emit2(w, "Einsum", IN(0), IN(1), &a);
}
/* Positions of a diagonal in the flattened matrix: known where the two sizes are. */
static void diagonal(scion_ow *w) {
  const char *op = w->node->op->info.name;
  const scion_net_shape *x = scion__ow_shape(w, 0);
  int32_t n = x->n_dims, at = 0;
  bool trace = strcmp(op, "trace") == 0;
  int64_t offset = strcmp(op, "diag") == 0 ? scion__ow_int(w, "diagonal") : scion__ow_int(w, "offset"), ids[1024], perm[SCION_MAX_DIMS], merged[SCION_MAX_DIMS], count = 0;
  int64_t d1 = strcmp(op, "diagonal") == 0 ? dim_of(w, "dim1") : 0, d2 = strcmp(op, "diagonal") == 0 ? dim_of(w, "dim2") : 1;
  if (n < 2 || scion__ow_free(w, 0, (int32_t)d1) || scion__ow_free(w, 0, (int32_t)d2)) {
    scion__ow_refuse(w, n < 2 ? "a matrix made of a vector" : "the size of the matrix is free");
    return;
  }
  for (int64_t i = 0; i < x->shape[d1] && count < 1024; i++) if (i + offset >= 0 && i + offset < x->shape[d2]) ids[count++] = i * x->shape[d2] + i + offset;
  if (count == 1024) {
    scion__ow_refuse(w, "a diagonal of more than 1023 elements");
    return;
  }
  for (int32_t d = 0; d < n; d++) if (d != d1 && d != d2) perm[at++] = d;
  for (int32_t d = 0; d < at; d++) merged[d] = 0;
  perm[at] = d1, perm[at + 1] = d2, merged[at] = -1;
  ATTRS(p);
  ATTRS(g);
  scion__oa_ints(&p, "perm", n, perm);
  scion__oa_int(&g, "axis", at);
  scion_oname flat = scion__ow_call(w, "Reshape", scion__ow_call(w, "Transpose", IN(0), NULL, &p).s, scion__ow_ints(w, at + 1, merged).s, NULL);
  scion_oname line = scion__ow_call(w, "Gather", flat.s, scion__ow_ints(w, (int32_t)count, ids).s, &g);
  if (trace) {
    ATTRS(r);
    scion__oa_int(&r, "keepdims", 0);
    line = scion__ow_call(w, "ReduceSum", line.s, NULL, &r);
  }
  give(w, 0, line.s);
}
static void repeat_interleave(scion_ow *w) {
  const scion_param *p = net__param(w->node->op, "dim");
  int64_t times = scion__ow_int(w, "times"), dim = scion__ow_int(w, "dim"), before, back[SCION_MAX_DIMS], ones[SCION_MAX_DIMS + 1];
  int32_t n = rank_in(w);
  if (scion__ow_has(w, 1) || times == SCION_NONE || p == NULL || n >= SCION_MAX_DIMS) {
    scion__ow_refuse(w, "numbers of repetitions that are a tensor, or as many dimensions as there can be");
    return;
  }
  scion_oname x = copy_name(IN(0));
  if (dim == SCION_NONE) x = scion__ow_call(w, "Reshape", x.s, scion__ow_ints(w, 1, &(int64_t){ -1 }).s, NULL), n = 1, dim = 0;
  if (dim < 0) dim += n;
  before = dim + 1;
  for (int32_t d = 0; d < n; d++) back[d] = d == dim ? -1 : 0;
  for (int32_t d = 0; d <= n; d++) ones[d] = d == before ? times : 1;
  scion_oname y = scion__ow_call(w, "Tile", scion__ow_call(w, "Unsqueeze", x.s, scion__ow_ints(w, 1, &before).s, NULL).s, scion__ow_ints(w, n + 1, ones).s, NULL);
  /* (.., size, times, rest): what lies behind must be kept by its number, as 0 copies by position */
  for (int32_t d = (int32_t)dim + 1; d < n; d++) {
    back[d] = scion__ow_shape(w, 0)->shape[d];
    if (scion__ow_free(w, 0, d)) {
      scion__ow_refuse(w, "a size behind the repeated one is free");
      return;
    }
  }
  give(w, 0, scion__ow_call(w, "Reshape", y.s, scion__ow_ints(w, n, back).s, NULL).s);
}
static void pixel_unshuffle(scion_ow *w) { /* (N, C, h r, w r) to (N, C r r, h, w) */
  const scion_net_shape *x = scion__ow_shape(w, 0);
  int64_t r = scion__ow_int(w, "downscale_factor"), c = x->n_dims == 4 ? x->shape[1] : 0;
  if (x->n_dims != 4 || scion__ow_free(w, 0, 1) || scion__ow_free(w, 0, 2) || scion__ow_free(w, 0, 3)) {
    scion__ow_refuse(w, x->n_dims != 4 ? "pictures without a batch" : "a size of the picture is free");
    return;
  }
  ATTRS(a);
  scion__oa_ints(&a, "perm", 6, (const int64_t[]){ 0, 1, 3, 5, 2, 4 });
  scion_oname parts = scion__ow_call(w, "Reshape", IN(0), scion__ow_ints(w, 6, (const int64_t[]){ 0, c, x->shape[2] / r, r, x->shape[3] / r, r }).s, NULL);
  scion_oname turned = scion__ow_call(w, "Transpose", parts.s, NULL, &a);
  give(w, 0, scion__ow_call(w, "Reshape", turned.s, scion__ow_ints(w, 4, (const int64_t[]){ 0, c * r * r, x->shape[2] / r, x->shape[3] / r }).s, NULL).s);
}
static void bits(scion_ow *w) {
  static const char *const names[][3] = { { "bitwise_and", "BitwiseAnd", "And" }, { "bitwise_or", "BitwiseOr", "Or" }, { "bitwise_xor", "BitwiseXor", "Xor" },
    { "bitwise_not", "BitwiseNot", "Not" } };
  for (int i = 0; i < 4; i++) {
    if (strcmp(names[i][0], w->node->op->info.name) == 0) emit(w, names[i][dtype_in(w) == SCION_BOOL ? 2 : 1], i == 3 ? 1 : 2, (const char *[]){ IN(0), IN(1) }, NULL);
  }
}
static void by_ids(scion_ow *w) { /* rows at ids take, or add, other ones */
  const char *op = w->node->op->info.name;
  const scion_net_shape *x = scion__ow_shape(w, 0), *src = scion__ow_shape(w, 2);
  int64_t dim = dim_of(w, "dim"), column[SCION_MAX_DIMS], shape[SCION_MAX_DIMS], n = scion__ow_shape(w, 1)->shape[0];
  bool fill = strcmp(op, "index_fill") == 0;
  ATTRS(a);
  for (int32_t d = 0; d < x->n_dims; d++) {
    column[d] = d == dim ? -1 : 1;
    shape[d] = d == dim ? n : x->shape[d];
    if (scion__ow_free(w, 0, d) || scion__ow_free(w, 1, 0)) {
      scion__ow_refuse(w, "a size is free");
      return;
    }
  }
  scion_oname to = scion__ow_ints(w, x->n_dims, shape), ids = scion__ow_call(w, "Reshape", sub_base(w, 1).s, scion__ow_ints(w, x->n_dims, column).s, NULL);
  ids = scion__ow_call(w, "Expand", ids.s, to.s, NULL);
  scion_oname values = fill || src->n_dims != x->n_dims ? scion__ow_call(w, "Expand", IN(2), to.s, NULL) : copy_name(IN(2));
  scion__oa_int(&a, "axis", dim);
  if (strcmp(op, "index_add") == 0) {
    scion__oa_text(&a, "reduction", "add");
    if (scion__ow_float(w, "alpha") != 1) values = scion__ow_call(w, "Mul", values.s, scion__ow_number(w, dtype_in(w), scion__ow_float(w, "alpha")).s, NULL);
  }
  emit(w, "ScatterElements", 3, (const char *[]){ IN(0), ids.s, values.s }, &a);
}


/* ---- systems of equations ------------------------------------------------------------------------------------------------ */

#define MAX_UNKNOWNS 144
static scion_oname stacked(scion_ow *w, int32_t n, const scion_oname *parts, int64_t axis) {
  const char *in[MAX_UNKNOWNS];
  scion_oname out = scion__ow_new(w, "Concat");
  const char *name = out.s;
  ATTRS(a);
  scion__oa_int(&a, "axis", axis);
  for (int32_t i = 0; i < n; i++) in[i] = parts[i].s;
  scion__ow_node(w, "Concat", n, in, 1, &name, &a);
  return out;
}
/* ONNX has determinants and no solver: Cramer's rule, every unknown by the matrix with one column replaced by the right side. */
static void solve(scion_ow *w) {
  bool inverse = strcmp(w->node->op->info.name, "inv") == 0;
  const scion_net_shape *a = scion__ow_shape(w, 0), *b = scion__ow_shape(w, inverse ? 0 : 1), *y = scion__ow_out_shape(w, 0);
  bool vector = !inverse && b->n_dims == 1;
  int64_t n = a->shape[a->n_dims - 1], m = vector ? 1 : b->shape[b->n_dims - 1], last = -1, both[2] = { -1, -2 };
  if (n < 1 || m < 1 || n > MAX_UNKNOWNS || n * m > MAX_UNKNOWNS ||
      scion__ow_free(w, 0, a->n_dims - 1) || (b->n_dims > 1 && y->n_dims < b->n_dims) || (!vector && y->shape[y->n_dims - 1] != m)) {
    bool many = n > MAX_UNKNOWNS || n * m > MAX_UNKNOWNS;
    scion__ow_refuse(w, many ? "more than 144 unknowns" : "a batch of vectors, or a system that is empty or whose size is free");
    return;
  }
  scion_oname *rows = scion__alloc(w->ctx, 2 * MAX_UNKNOWNS * sizeof *rows), *row = rows + MAX_UNKNOWNS;
  if (rows == NULL) {
    w->status = SCION_ENOMEM;
    return;
  }
  scion_oname det = scion__ow_call(w, "Det", IN(0), NULL, NULL);
  for (int64_t i = 0; i < n && w->status == SCION_OK; i++) {
    int64_t column[MAX_UNKNOWNS] = { 0 };
    column[i] = 1;
    scion_oname mask = cast(w, scion__ow_ints(w, (int32_t)n, column).s, SCION_BOOL);
    for (int64_t j = 0; j < m; j++) {
      scion_oname side, mixed = scion__ow_new(w, "Where"); /* the identity's column j: ones in row j */
      const char *out = mixed.s;
      int64_t unit[MAX_UNKNOWNS] = { 0 };
      unit[inverse ? j : 0] = 1;
      if (inverse) side = scion__ow_call(w, "Unsqueeze", cast(w, scion__ow_ints(w, (int32_t)n, unit).s, dtype_in(w)).s, scion__ow_ints(w, 1, &last).s, NULL);
      else if (vector) side = scion__ow_call(w, "Unsqueeze", IN(1), scion__ow_ints(w, 1, &last).s, NULL);
      else side = part(w, IN(1), -1, j, j + 1);
      scion__ow_node(w, "Where", 3, (const char *[]){ mask.s, side.s, IN(0) }, 1, &out, NULL);
      scion_oname x = scion__ow_call(w, "Div", scion__ow_call(w, "Det", mixed.s, NULL, NULL).s, det.s, NULL);
      row[j] = scion__ow_call(w, "Unsqueeze", x.s, vector ? scion__ow_ints(w, 1, &last).s : scion__ow_ints(w, 2, both).s, NULL);
    }
    rows[i] = vector ? row[0] : stacked(w, (int32_t)m, row, -1);
  }
  give(w, 0, stacked(w, (int32_t)n, rows, vector ? -1 : -2).s);
  scion__free(w->ctx, rows, 2 * MAX_UNKNOWNS * sizeof *rows);
}
static void log_determinant(scion_ow *w) {
  scion_oname det = scion__ow_call(w, "Det", IN(0), NULL, NULL);
  if (strcmp(w->node->op->info.name, "logdet") == 0) {
    emit1(w, "Log", det.s, NULL);
    return;
  }
  give(w, 0, scion__ow_call(w, "Sign", det.s, NULL, NULL).s);
  give(w, 1, scion__ow_call(w, "Log", scion__ow_call(w, "Abs", det.s, NULL, NULL).s, NULL, NULL).s);
}

const scion_ow_op scion__ow_composed_ops[] = {
  { "solve", solve }, { "solve_matrix", solve }, { "inv", solve }, { "logdet", log_determinant }, { "slogdet", log_determinant },
  { "var", spread_of }, { "std", spread_of }, { "var_mean", spread_of }, { "std_mean", spread_of }, { "norm", norm }, { "norm2", norm }, { "dist", norm },
  { "pairwise_distance", norm }, { "max_dim", extreme }, { "min_dim", extreme }, { "sort", sort_ }, { "argsort", sort_ }, { "softmin", softmin }, { "nan_to_num", nan_to_num },
  { "standardize", standardize }, { "one_hot", one_hot }, { "take_along_dim", take_along }, { "take", take }, { "roll", roll }, { "movedim", movedim },
  { "inner", inner }, { "tensordot", tensordot }, { "diagonal", diagonal }, { "diag", diagonal }, { "trace", diagonal }, { "repeat_interleave", repeat_interleave },
  { "pixel_unshuffle", pixel_unshuffle }, { "bitwise_and", bits }, { "bitwise_or", bits }, { "bitwise_xor", bits }, { "bitwise_not", bits },
  { "index_fill", by_ids }, { "index_copy", by_ids }, { "index_add", by_ids }, { NULL, NULL } };
