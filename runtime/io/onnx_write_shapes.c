/* onnx_write_shapes.c: what ops on shapes, reductions, ids, resizing and attention become in ONNX (opset 21). Ids that an op counts from 1
 * are moved by one around it. */
#include <math.h>
#include <stdio.h>

#include "onnx_write.h"

/* ---- shapes ---------------------------------------------------------------------------------------------------------------- */

static void reshape_to(scion_ow *w, const char *x, int32_t n, const int64_t *shape, bool allow_zero) {
  ATTRS(a);
  if (allow_zero) scion__oa_int(&a, "allowzero", 1);
  emit2(w, "Reshape", x, scion__ow_ints(w, n, shape).s, &a);
}
static void reshape(scion_ow *w) {
  scion_ints s = scion__ow_list(w, "shape");
  bool zero = false;
  for (int32_t i = 0; i < s.n; i++) zero = zero || s.v[i] == 0;
  reshape_to(w, IN(0), s.n, s.v, zero);
}
static void reshape_by(scion_ow *w) {
  ATTRS(a);
  scion__oa_int(&a, "allowzero", scion__ow_int(w, "allow_zero"));
  emit2(w, "Reshape", IN(0), IN(1), &a);
}
/* Dimension d of the input in a Reshape: 0 (as it is) while places agree, else its fixed size; -1 for one that is free. */
static bool keep_dim(scion_ow *w, int32_t d, int32_t at, int32_t *holes, int64_t *out) {
  *out = d == at ? 0 : scion__ow_free(w, 0, d) ? -1 : scion__ow_shape(w, 0)->shape[d];
  *holes += *out == -1;
  return *holes <= 1;
}
static void flatten(scion_ow *w) {
  int32_t n = rank_in(w), k = 0, holes = 0;
  int64_t a = dim_of(w, "start_dim"), b = dim_of(w, "end_dim"), shape[SCION_MAX_DIMS];
  ATTRS(attrs);
  if (a == 1 && b == n - 1 && n >= 2) {
    scion__oa_int(&attrs, "axis", 1);
    emit1(w, "Flatten", IN(0), &attrs);
    return;
  }
  if (n == 0) {
    reshape_to(w, IN(0), 1, (int64_t[]){ 1 }, false);
    return;
  }
  for (int32_t d = 0; d < a; d++) shape[k++] = 0;
  bool joined_free = false;
  int64_t product = 1;
  for (int64_t d = a; d <= b; d++) {
    joined_free = joined_free || scion__ow_free(w, 0, (int32_t)d);
    product *= scion__ow_shape(w, 0)->shape[d];
  }
  shape[k++] = joined_free ? -1 : product;
  holes = joined_free;
  for (int64_t d = b + 1; d < n; d++, k++) {
    if (!keep_dim(w, (int32_t)d, k, &holes, &shape[k])) {
      scion__ow_refuse(w, "more than one size is free");
      return;
    }
  }
  reshape_to(w, IN(0), k, shape, false);
}
static void unflatten(scion_ow *w) {
  int32_t n = rank_in(w), k = 0, holes = 0;
  int64_t dim = dim_of(w, "dim"), shape[SCION_MAX_DIMS + SCION_MAX_INTS];
  scion_ints sizes = scion__ow_list(w, "sizes");
  for (int32_t d = 0; d < dim; d++) shape[k++] = 0;
  for (int32_t i = 0; i < sizes.n; i++) holes += (shape[k++] = sizes.v[i]) == -1;
  for (int64_t d = dim + 1; d < n; d++, k++) {
    if (!keep_dim(w, (int32_t)d, k, &holes, &shape[k])) {
      scion__ow_refuse(w, "more than one size is free");
      return;
    }
  }
  reshape_to(w, IN(0), k, shape, false);
}
static void permute(scion_ow *w) {
  ATTRS(a);
  scion_ints dims = scion__ow_list(w, "dims");
  for (int32_t i = 0; i < dims.n; i++) if (dims.v[i] < 0) dims.v[i] += dims.n;
  scion__oa_ints(&a, "perm", dims.n, dims.v);
  emit1(w, "Transpose", IN(0), &a);
}
static void transpose(scion_ow *w) {
  ATTRS(a);
  int32_t n = rank_in(w);
  bool t = strcmp(w->node->op->info.name, "t") == 0;
  int64_t i = t ? 0 : dim_of(w, "dim0"), k = t ? n - 1 : dim_of(w, "dim1"), perm[SCION_MAX_DIMS];
  for (int32_t d = 0; d < n; d++) perm[d] = d == i ? k : d == k ? i : d;
  scion__oa_ints(&a, "perm", n, perm);
  emit1(w, "Transpose", IN(0), &a);
}
static void squeeze(scion_ow *w) { /* the dimensions that are 1 and named (or all) */
  scion_ints dims = scion__ow_list(w, "dim");
  const scion_net_shape *x = scion__ow_shape(w, 0);
  int64_t axes[SCION_MAX_DIMS];
  int32_t k = 0;
  for (int32_t d = 0; d < x->n_dims; d++) {
    bool named = dims.n <= 0;
    for (int32_t i = 0; i < dims.n; i++) named = named || dims.v[i] == d || dims.v[i] + x->n_dims == d;
    if (named && x->shape[d] == 1 && !scion__ow_free(w, 0, d)) axes[k++] = d;
  }
  if (k == 0) emit1(w, "Identity", IN(0), NULL);
  else emit2(w, "Squeeze", IN(0), scion__ow_ints(w, k, axes).s, NULL);
}
static void unsqueeze(scion_ow *w) {
  int64_t d = scion__ow_int(w, "dim");
  emit2(w, "Unsqueeze", IN(0), scion__ow_ints(w, 1, &d).s, NULL);
}
static void expand(scion_ow *w) {
  scion_ints s = scion__ow_list(w, "shape");
  for (int32_t i = 0; i < s.n; i++) if (s.v[i] == -1) s.v[i] = 1; /* broadcasting keeps it */
  emit2(w, "Expand", IN(0), scion__ow_ints(w, s.n, s.v).s, NULL);
}
static void tile(scion_ow *w) {
  scion_ints t = scion__ow_list(w, "times");
  int32_t n = rank_in(w);
  int64_t all[SCION_MAX_DIMS];
  if (t.n > n) { /* new leading dimensions */
    int64_t axes[SCION_MAX_DIMS];
    for (int32_t i = 0; i < t.n - n; i++) axes[i] = i;
    emit2(w, "Tile", scion__ow_call(w, "Unsqueeze", IN(0), scion__ow_ints(w, t.n - n, axes).s, NULL).s, scion__ow_ints(w, t.n, t.v).s, NULL);
    return;
  }
  for (int32_t d = 0; d < n; d++) all[d] = d < n - t.n ? 1 : t.v[d - (n - t.n)];
  emit2(w, "Tile", IN(0), scion__ow_ints(w, n, all).s, NULL);
}
static void slice_of(scion_ow *w, int64_t dim, int64_t start, int64_t stop, int64_t step) {
  scion_oname from = scion__ow_ints(w, 1, &start), end = scion__ow_ints(w, 1, &stop), axis = scion__ow_ints(w, 1, &dim), by = scion__ow_ints(w, 1, &step);
  emit(w, "Slice", 5, (const char *[]){ IN(0), from.s, end.s, axis.s, by.s }, NULL);
}
static void slice(scion_ow *w) {
  int64_t start = scion__ow_int(w, "start"), stop = scion__ow_int(w, "stop");
  slice_of(w, dim_of(w, "dim"), start == SCION_NONE ? 0 : start, stop == SCION_NONE ? INT64_MAX : stop, scion__max(1, scion__ow_int(w, "step")));
}
static void narrow(scion_ow *w) {
  int64_t start = scion__ow_int(w, "start"), dim = dim_of(w, "dim");
  if (start < 0) start += scion__ow_shape(w, 0)->shape[dim];
  slice_of(w, dim, start, start + scion__ow_int(w, "length"), 1);
}
static void select_(scion_ow *w) {
  ATTRS(a);
  int64_t i = scion__ow_int(w, "index");
  scion__oa_int(&a, "axis", dim_of(w, "dim"));
  emit2(w, "Gather", IN(0), scion__ow_ints(w, -1, &i).s, &a);
}
static void flip(scion_ow *w) {
  scion_ints dims = scion__ow_list(w, "dims");
  int64_t first[SCION_MAX_INTS], last[SCION_MAX_INTS], step[SCION_MAX_INTS];
  for (int32_t i = 0; i < dims.n; i++) first[i] = -1, last[i] = INT64_MIN, step[i] = -1;
  emit(w, "Slice", 5, (const char *[]){ IN(0), scion__ow_ints(w, dims.n, first).s, scion__ow_ints(w, dims.n, last).s, scion__ow_ints(w, dims.n, dims.v).s,
                                        scion__ow_ints(w, dims.n, step).s }, NULL);
}
static void joined(scion_ow *w, bool stack) {
  ATTRS(a);
  int32_t n = w->node->n_in;
  int64_t dim = scion__ow_int(w, "dim");
  size_t bytes = (size_t)n * (sizeof(const char *) + sizeof(scion_oname));
  const char **in = scion__alloc(w->ctx, bytes);
  if (in == NULL) {
    w->status = SCION_ENOMEM;
    return;
  }
  scion_oname *made = (scion_oname *)(void *)(in + n);
  if (dim < 0) dim += rank_in(w) + stack;
  for (int32_t i = 0; i < n; i++) {
    in[i] = IN(i);
    if (!stack) continue;
    made[i] = scion__ow_call(w, "Unsqueeze", IN(i), scion__ow_ints(w, 1, &dim).s, NULL);
    in[i] = made[i].s;
  }
  scion__oa_int(&a, "axis", dim);
  emit(w, "Concat", n, in, &a);
  scion__free(w->ctx, in, bytes);
}
static void cat(scion_ow *w) { joined(w, false); }
static void stack_(scion_ow *w) { joined(w, true); }
static void pad(scion_ow *w) {
  ATTRS(a);
  scion_ints list = scion__ow_list(w, "pad");
  int32_t n = rank_in(w);
  int64_t pads[2 * SCION_MAX_DIMS] = { 0 };
  const char *mode = scion__ow_word(w, "mode");
  for (int32_t i = 0; i + 1 < list.n && i / 2 < n; i += 2) pads[n - 1 - i / 2] = list.v[i], pads[2 * n - 1 - i / 2] = list.v[i + 1];
  scion__oa_text(&a, "mode", strcmp(mode, "replicate") == 0 ? "edge" : strcmp(mode, "circular") == 0 ? "wrap" : mode);
  scion_oname value = { "" };
  if (strcmp(mode, "constant") == 0) value = scion__ow_number(w, dtype_in(w), scion__ow_float(w, "value"));
  emit(w, "Pad", 3, (const char *[]){ IN(0), scion__ow_ints(w, 2 * n, pads).s, value.s }, &a);
}
static void pad_by(scion_ow *w) {
  ATTRS(a);
  const char *mode = scion__ow_word(w, "mode");
  scion__oa_text(&a, "mode", strcmp(mode, "replicate") == 0 ? "edge" : strcmp(mode, "circular") == 0 ? "wrap" : mode);
  emit(w, "Pad", 4, (const char *[]){ IN(0), IN(1), IN(2), IN(3) }, &a);
}
static void shape_of(scion_ow *w) {
  ATTRS(a);
  int64_t stop = scion__ow_int(w, "stop");
  scion__oa_int(&a, "start", scion__ow_int(w, "start"));
  if (stop != SCION_NONE) scion__oa_int(&a, "end", stop);
  emit1(w, "Shape", IN(0), &a);
}
static void pixels(scion_ow *w) {
  ATTRS(a);
  const char *name = w->node->op->info.name;
  if (strcmp(name, "space_to_depth") == 0) {
    scion__oa_int(&a, "blocksize", scion__ow_int(w, "blocksize"));
    emit1(w, "SpaceToDepth", IN(0), &a);
    return;
  }
  bool shuffle = strcmp(name, "pixel_shuffle") == 0;
  scion__oa_int(&a, "blocksize", scion__ow_int(w, shuffle ? "upscale_factor" : "blocksize"));
  scion__oa_text(&a, "mode", shuffle || is_word(w, "mode", "crd") ? "CRD" : "DCR");
  emit1(w, "DepthToSpace", IN(0), &a);
}
static void channel_shuffle(scion_ow *w) {
  const scion_net_shape *x = scion__ow_shape(w, 0);
  int64_t g = scion__ow_int(w, "groups"), split[SCION_MAX_DIMS + 1] = { 0, g, x->shape[1] / scion__max(1, g) }, back[SCION_MAX_DIMS] = { 0, x->shape[1] };
  int32_t n = x->n_dims, free_dims = 0;
  for (int32_t d = 2; d < n; d++) {
    bool is_free = scion__ow_free(w, 0, d);
    free_dims += is_free;
    split[d + 1] = is_free ? -1 : x->shape[d];
    back[d] = is_free ? -1 : x->shape[d];
  }
  if (free_dims > 1 || n >= SCION_MAX_DIMS) {
    scion__ow_refuse(w, "more than one size is free");
    return;
  }
  scion_oname parts = scion__ow_call(w, "Reshape", IN(0), scion__ow_ints(w, n + 1, split).s, NULL);
  reshape_to(w, transposed(w, parts.s, n + 1, 1, 2).s, n, back, false);
}

/* ---- reductions and ids ----------------------------------------------------------------------------------------------------- */

static void reduce(scion_ow *w) {
  static const struct { const char *op, *type; } all[] = { { "sum", "ReduceSum" }, { "mean", "ReduceMean" }, { "amax", "ReduceMax" }, { "amin", "ReduceMin" },
    { "prod", "ReduceProd" }, { "logsumexp", "ReduceLogSumExp" }, { "max", "ReduceMax" }, { "min", "ReduceMin" } };
  ATTRS(a);
  const char *type = "";
  scion_ints dims = scion__ow_list(w, "dim");
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) if (strcmp(all[i].op, w->node->op->info.name) == 0) type = all[i].type;
  scion__oa_int(&a, "keepdims", scion__ow_int(w, "keepdim"));
  scion_oname axes = { "" };
  if (dims.n > 0) axes = scion__ow_ints(w, dims.n, dims.v);
  emit2(w, type, IN(0), axes.s, &a);
}
static void reduce_by(scion_ow *w) {
  static const char *const types[] = { "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum",
    "ReduceLogSumExp" };
  ATTRS(a);
  scion__oa_int(&a, "keepdims", scion__ow_int(w, "keepdim"));
  scion__oa_int(&a, "noop_with_empty_axes", scion__ow_int(w, "noop"));
  emit2(w, types[scion__ow_int(w, "kind") % 10], IN(0), IN(1), &a);
}
/* name - base, or name itself. */
static scion_oname less_base(scion_ow *w, int32_t i) {
  scion_oname out;
  int64_t base = scion__ow_int(w, "base");
  snprintf(out.s, sizeof out.s, "%s", IN(i));
  return base == 0 ? out : scion__ow_call(w, "Sub", out.s, scion__ow_number(w, scion__ow_shape(w, i)->dtype, (double)base).s, NULL);
}
/* ONNX's ids from 0 as output `slot` of the layer. */
static void plus_base(scion_ow *w, const char *ids, int32_t slot) {
  int64_t base = scion__ow_int(w, "base");
  const char *out = scion__ow_out(w, slot);
  if (base == 0) scion__ow_node(w, "Identity", 1, &ids, 1, &out, NULL);
  else scion__ow_node(w, "Add", 2, (const char *[]){ ids, scion__ow_number(w, SCION_I64, (double)base).s }, 1, &out, NULL);
}
static void arg(scion_ow *w) {
  ATTRS(a);
  const scion_param *p = net__param(w->node->op, "dim");
  int64_t dim = p != NULL ? scion__ow_int(w, "dim") : SCION_NONE;
  const char *type = strcmp(w->node->op->info.name, "argmax") == 0 ? "ArgMax" : "ArgMin";
  if (dim == SCION_NONE) { /* of all elements in one row */
    scion_oname flat = scion__ow_call(w, "Reshape", IN(0), scion__ow_ints(w, 1, &(int64_t){ -1 }).s, NULL);
    scion__oa_int(&a, "keepdims", 0);
    plus_base(w, scion__ow_call(w, type, flat.s, NULL, &a).s, 0);
    return;
  }
  scion__oa_int(&a, "axis", dim_of(w, "dim"));
  scion__oa_int(&a, "keepdims", scion__ow_int(w, "keepdim"));
  plus_base(w, scion__ow_call(w, type, IN(0), NULL, &a).s, 0);
}
static void topk(scion_ow *w) {
  ATTRS(a);
  bool by = w->node->op == &scion__op_topk_by;
  int64_t k = by ? 0 : scion__ow_int(w, "k");
  scion_oname ids = scion__ow_new(w, "positions");
  scion__oa_int(&a, "axis", scion__ow_int(w, "dim"));
  scion__oa_int(&a, "largest", scion__ow_int(w, "largest"));
  const char *in[2] = { IN(0), IN(1) }, *out[2] = { OUT, ids.s };
  scion_oname count = { "" };
  if (by) {
    ATTRS(none);
    int64_t one = 1;
    count = scion__ow_call(w, "Reshape", IN(1), scion__ow_ints(w, 1, &one).s, &none);
  } else {
    count = scion__ow_ints(w, 1, &k);
  }
  in[1] = count.s;
  scion__ow_node(w, "TopK", 2, in, 2, out, &a);
  plus_base(w, ids.s, 1);
}
static void gather(scion_ow *w) {
  ATTRS(a);
  bool elements = strcmp(w->node->op->info.name, "gather") == 0;
  scion__oa_int(&a, "axis", dim_of(w, "dim"));
  emit2(w, elements ? "GatherElements" : "Gather", IN(0), less_base(w, 1).s, &a);
}
static void scatter(scion_ow *w) {
  ATTRS(a);
  const char *name = w->node->op->info.name, *how = scion__ow_word(w, "reduce");
  const char *kind = strcmp(name, "scatter_add") == 0 || strcmp(how, "sum") == 0 ? "add" : strcmp(how, "prod") == 0 ? "mul"
                     : strcmp(how, "amax") == 0 ? "max" : strcmp(how, "amin") == 0 ? "min" : "none";
  scion__oa_int(&a, "axis", dim_of(w, "dim"));
  scion__oa_text(&a, "reduction", kind);
  const scion_net_shape *ids = scion__ow_shape(w, 1), *src = scion__ow_shape(w, 2);
  scion_oname values; /* as many as ids: a number for all, or the first ones of more */
  snprintf(values.s, sizeof values.s, "%s", IN(2));
  if (src->n_dims != ids->n_dims || memcmp(src->shape, ids->shape, (size_t)ids->n_dims * sizeof *ids->shape) != 0) {
    scion_oname sizes = scion__ow_call(w, "Shape", IN(1), NULL, NULL), from = scion__ow_filled(w, SCION_I64, ids->n_dims, 0);
    if (src->n_dims != ids->n_dims) {
      values = scion__ow_call(w, "Expand", values.s, sizes.s, NULL);
    } else {
      scion_oname part = scion__ow_new(w, "Slice");
      const char *out = part.s;
      scion__ow_node(w, "Slice", 3, (const char *[]){ values.s, from.s, sizes.s }, 1, &out, NULL);
      values = part;
    }
  }
  emit(w, "ScatterElements", 3, (const char *[]){ IN(0), less_base(w, 1).s, values.s }, &a);
}
static void gather_nd(scion_ow *w) {
  ATTRS(a);
  scion__oa_int(&a, "batch_dims", scion__ow_int(w, "batch_dims"));
  emit2(w, "GatherND", IN(0), less_base(w, 1).s, &a);
}
static void scatter_nd(scion_ow *w) {
  ATTRS(a);
  scion__oa_text(&a, "reduction", scion__ow_word(w, "reduce"));
  emit(w, "ScatterND", 3, (const char *[]){ IN(0), less_base(w, 1).s, IN(2) }, &a);
}
static void embedding(scion_ow *w) { emit2(w, "Gather", IN(1), less_base(w, 0).s, NULL); }
static void cumsum(scion_ow *w) {
  ATTRS(a);
  bool by = w->node->op == &scion__op_cumsum_by;
  int64_t dim = by ? 0 : dim_of(w, "dim");
  scion__oa_int(&a, "reverse", scion__ow_int(w, "reverse"));
  if (by) scion__oa_int(&a, "exclusive", scion__ow_int(w, "exclusive"));
  scion_oname axis = { "" };
  if (by) snprintf(axis.s, sizeof axis.s, "%s", IN(1));
  else axis = scion__ow_ints(w, -1, &dim);
  emit2(w, "CumSum", IN(0), axis.s, &a);
}
static void triangle(scion_ow *w) {
  ATTRS(a);
  bool by = w->node->op == &scion__op_triangle_by;
  int64_t k = by ? 0 : scion__ow_int(w, "diagonal");
  scion__oa_int(&a, "upper", by ? scion__ow_int(w, "upper") : strcmp(w->node->op->info.name, "triu") == 0);
  scion_oname diagonal = { "" };
  if (by) snprintf(diagonal.s, sizeof diagonal.s, "%s", IN(1));
  else diagonal = scion__ow_ints(w, -1, &k);
  emit2(w, "Trilu", IN(0), diagonal.s, &a);
}
static void one_hot(scion_ow *w) {
  ATTRS(a);
  scion__oa_int(&a, "axis", scion__ow_int(w, "dim"));
  emit(w, "OneHot", 3, (const char *[]){ IN(0), IN(1), IN(2) }, &a);
}
static void full_by(scion_ow *w) { /* Expand rather than ConstantOfShape, whose value is a tensor attribute */
  emit2(w, "Expand", scion__ow_number(w, scion__ow_out_shape(w, 0)->dtype, scion__ow_float(w, "value")).s, IN(0), NULL);
}

/* ---- resizing --------------------------------------------------------------------------------------------------------------------- */

static void add_resize(scion_ow *w, scion_oattrs *a) {
  const char *mode = scion__ow_word(w, "mode"), *where = scion__ow_word(w, "coordinates"), *how = scion__ow_word(w, "nearest_mode");
  bool nearest = strncmp(mode, "nearest", 7) == 0, exact = strcmp(mode, "nearest_exact") == 0;
  if (strcmp(mode, "area") == 0) scion__ow_refuse(w, "mode area");
  double cubic_a = scion__ow_float(w, "cubic_a");
  bool antialias = scion__ow_int(w, "antialias") != 0, ours = antialias && strcmp(where, "default") == 0; /* PyTorch's kernel, cut off at the border */
  if (ours && cubic_a == -0.75) cubic_a = -0.5;
  if (strcmp(where, "default") == 0) where = scion__ow_int(w, "align_corners") ? "align_corners" : strcmp(mode, "nearest") == 0 ? "asymmetric" : "half_pixel";
  scion__oa_text(a, "mode", nearest ? "nearest" : strstr(mode, "cubic") != NULL ? "cubic" : "linear");
  scion__oa_text(a, "coordinate_transformation_mode", where);
  if (nearest) scion__oa_text(a, "nearest_mode", strcmp(how, "default") != 0 ? how : exact ? "round_prefer_ceil" : "floor");
  if (strstr(mode, "cubic") != NULL) scion__oa_float(a, "cubic_coeff_a", cubic_a);
  if (ours || scion__ow_int(w, "exclude_outside")) scion__oa_int(a, "exclude_outside", 1);
  if (antialias) scion__oa_int(a, "antialias", 1);
}
static void interpolate(scion_ow *w) {
  ATTRS(a);
  int32_t n = rank_in(w);
  scion_ints size = scion__ow_list(w, "size");
  add_resize(w, &a);
  if (size.n > 0) {
    int64_t axes[SCION_MAX_DIMS], v[SCION_MAX_DIMS];
    for (int32_t d = 2; d < n; d++) axes[d - 2] = d, v[d - 2] = size.n == 1 ? size.v[0] : size.v[d - 2];
    scion__oa_ints(&a, "axes", n - 2, axes);
    emit(w, "Resize", 4, (const char *[]){ IN(0), "", "", scion__ow_ints(w, n - 2, v).s }, &a);
    return;
  }
  int64_t axes[SCION_MAX_DIMS];
  for (int32_t d = 2; d < n; d++) axes[d - 2] = d;
  scion__oa_ints(&a, "axes", n - 2, axes);
  emit(w, "Resize", 3, (const char *[]){ IN(0), "", scion__ow_filled(w, SCION_F32, n - 2, scion__ow_float(w, "scale_factor")).s }, &a);
}
static void resize_by(scion_ow *w) {
  ATTRS(a);
  scion_ints axes = scion__ow_list(w, "axes");
  add_resize(w, &a);
  if (axes.n > 0) scion__oa_ints(&a, "axes", axes.n, axes.v);
  scion__oa_text(&a, "keep_aspect_ratio_policy", scion__ow_word(w, "policy"));
  scion_oname scales = { "" };
  if (scion__ow_has(w, 1)) scales = cast(w, IN(1), SCION_F32);
  if (scion__ow_float(w, "outside") != 0) scion__oa_float(&a, "extrapolation_value", scion__ow_float(w, "outside"));
  scion_oname roi = { "" };
  if (scion__ow_has(w, 3)) roi = cast(w, IN(3), SCION_F32);
  emit(w, "Resize", 4, (const char *[]){ IN(0), roi.s, scales.s, IN(2) }, &a);
}

/* ---- attention ---------------------------------------------------------------------------------------------------------------------- */

/* softmax(q k' scale + mask) v on (..., L, E); mask: bool (true takes part) or float, "" for none. */
static scion_oname attend(scion_ow *w, const char *q, const char *k, const char *v, int32_t rank, double scale, const char *mask, bool causal, int64_t l, int64_t s,
                          scion_oname *weights, bool last) {
  ATTRS(a);
  int dtype = dtype_in(w);
  scion_oname products = scion__ow_call(w, "MatMul", q, transposed(w, k, rank, rank - 2, rank - 1).s, NULL);
  scion_oname scores = scion__ow_call(w, "Mul", products.s, scion__ow_number(w, dtype, scale).s, NULL);
  if (causal) { /* above the diagonal: far below zero */
    scion_oname ones = scion__ow_call(w, "Expand", scion__ow_number(w, dtype, -1e30).s, scion__ow_ints(w, 2, (int64_t[]){ l, s }).s, NULL);
    int64_t one = 1;
    scores = scion__ow_call(w, "Add", scores.s, scion__ow_call(w, "Trilu", ones.s, scion__ow_ints(w, -1, &one).s, NULL).s, NULL);
  }
  if (mask[0] != '\0') scores = scion__ow_call(w, "Add", scores.s, mask, NULL);
  scion__oa_int(&a, "axis", -1);
  *weights = scion__ow_call(w, "Softmax", scores.s, NULL, &a);
  if (!last) return scion__ow_call(w, "MatMul", weights->s, v, NULL);
  emit2(w, "MatMul", weights->s, v, NULL);
  return *weights;
}
/* A bool mask as numbers to add: 0 where it is `keep`, far below zero elsewhere. */
static scion_oname as_numbers(scion_ow *w, const char *mask, bool keep) {
  scion_oname zero = scion__ow_number(w, dtype_in(w), 0), low = scion__ow_number(w, dtype_in(w), -1e30), out = scion__ow_new(w, "mask");
  const char *in[3] = { mask, keep ? zero.s : low.s, keep ? low.s : zero.s }, *name = out.s;
  scion__ow_node(w, "Where", 3, in, 1, &name, NULL);
  return out;
}
static void sdpa(scion_ow *w) {
  const scion_net_shape *q = scion__ow_shape(w, 0), *k = scion__ow_shape(w, 1);
  int32_t n = q->n_dims;
  double scale = scion__ow_float(w, "scale");
  scion_oname weights, mask = { "" };
  bool causal = scion__ow_int(w, "is_causal") != 0;
  if (causal && (scion__ow_free(w, 0, n - 2) || scion__ow_free(w, 1, n - 2))) {
    scion__ow_refuse(w, "a causal mask of a size that is free");
    return;
  }
  if (scale <= 0 || !isfinite(scale)) scale = 1 / sqrt((double)q->shape[n - 1]);
  if (scion__ow_has(w, 3)) {
    if (scion__ow_shape(w, 3)->dtype == SCION_BOOL) mask = as_numbers(w, IN(3), true);
    else snprintf(mask.s, sizeof mask.s, "%s", IN(3));
  }
  attend(w, IN(0), IN(1), IN(2), n, scale, mask.s, causal, q->shape[n - 2], k->shape[n - 2], &weights, true);
}
static scion_oname project(scion_ow *w, int32_t input, int64_t part, int64_t e, int64_t heads) {
  int64_t start = part * e, stop = start + e, zero = 0, shape[4] = { 0, 0, heads, e / heads };
  scion_oname from = scion__ow_ints(w, 1, &start), end = scion__ow_ints(w, 1, &stop), axis = scion__ow_ints(w, 1, &zero), rows = scion__ow_new(w, "weight");
  const char *in[4] = { IN(3), from.s, end.s, axis.s }, *name = rows.s;
  scion__ow_node(w, "Slice", 4, in, 1, &name, NULL);
  scion_oname y = scion__ow_call(w, "MatMul", IN(input), transposed(w, rows.s, 2, 0, 1).s, NULL);
  if (scion__ow_has(w, 4)) {
    scion_oname bias = scion__ow_new(w, "bias");
    const char *b_in[4] = { IN(4), from.s, end.s, axis.s }, *b_name = bias.s;
    scion__ow_node(w, "Slice", 4, b_in, 1, &b_name, NULL);
    y = scion__ow_call(w, "Add", y.s, bias.s, NULL);
  }
  return transposed(w, scion__ow_call(w, "Reshape", y.s, scion__ow_ints(w, 4, shape).s, NULL).s, 4, 1, 2);
}
static void multi_head(scion_ow *w) {
  const scion_net_shape *q = scion__ow_shape(w, 0), *k = scion__ow_shape(w, 1);
  int64_t e = q->shape[2], heads = scion__max(1, scion__ow_int(w, "num_heads")), merged[3] = { 0, 0, e };
  bool causal = scion__ow_int(w, "is_causal") != 0;
  scion_oname mask = { "" }, weights;
  if (causal && (scion__ow_free(w, 0, 1) || scion__ow_free(w, 1, 1))) {
    scion__ow_refuse(w, "a causal mask of a size that is free");
    return;
  }
  if (scion__ow_has(w, 7)) {
    if (scion__ow_shape(w, 7)->n_dims == 3) {
      scion__ow_refuse(w, "a mask for every head");
      return;
    }
    if (scion__ow_shape(w, 7)->dtype == SCION_BOOL) mask = as_numbers(w, IN(7), false);
    else snprintf(mask.s, sizeof mask.s, "%s", IN(7));
  }
  if (scion__ow_has(w, 8)) { /* (N, S): true hides */
    int64_t axes[2] = { 1, 2 };
    scion_oname hidden = as_numbers(w, scion__ow_call(w, "Unsqueeze", IN(8), scion__ow_ints(w, 2, axes).s, NULL).s, false);
    mask = mask.s[0] != '\0' ? scion__ow_call(w, "Add", mask.s, hidden.s, NULL) : hidden;
  }
  scion_oname query = project(w, 0, 0, e, heads), key = project(w, 1, 1, e, heads), value = project(w, 2, 2, e, heads);
  scion_oname head = attend(w, query.s, key.s, value.s, 4, 1 / sqrt((double)(e / heads)), mask.s, causal, q->shape[1], k->shape[1], &weights, false);
  scion_oname rows = scion__ow_call(w, "Reshape", transposed(w, head.s, 4, 1, 2).s, scion__ow_ints(w, 3, merged).s, NULL);
  scion_oname turned = transposed(w, IN(5), 2, 0, 1);
  if (scion__ow_has(w, 6)) emit2(w, "Add", scion__ow_call(w, "MatMul", rows.s, turned.s, NULL).s, IN(6), NULL);
  else emit2(w, "MatMul", rows.s, turned.s, NULL);
  const char *from = weights.s, *name = scion__ow_out(w, 1);
  scion__ow_node(w, "Identity", 1, &from, 1, &name, NULL);
}

const scion_ow_op scion__ow_shape_ops[] = {
  { "reshape", reshape }, { "reshape_by", reshape_by }, { "flatten", flatten }, { "unflatten", unflatten }, { "permute", permute }, { "transpose", transpose },
  { "swapaxes", transpose }, { "t", transpose }, { "squeeze", squeeze }, { "unsqueeze", unsqueeze }, { "expand", expand }, { "broadcast_to", expand },
  { "tile", tile }, { "repeat", tile }, { "slice", slice }, { "narrow", narrow }, { "select", select_ }, { "flip", flip }, { "cat", cat }, { "stack", stack_ },
  { "pad", pad }, { "pad_by", pad_by }, { "shape_of", shape_of }, { "pixel_shuffle", pixels }, { "depth_to_space", pixels }, { "space_to_depth", pixels },
  { "channel_shuffle", channel_shuffle }, { "sum", reduce }, { "mean", reduce }, { "amax", reduce }, { "amin", reduce }, { "prod", reduce }, { "logsumexp", reduce },
  { "max", reduce }, { "min", reduce }, { "reduce_by", reduce_by }, { "argmax", arg }, { "argmin", arg }, { "topk", topk }, { "topk_by", topk },
  { "gather", gather }, { "index_select", gather }, { "scatter", scatter }, { "scatter_add", scatter }, { "scatter_reduce", scatter }, { "gather_nd", gather_nd },
  { "scatter_nd", scatter_nd }, { "embedding", embedding }, { "cumsum", cumsum }, { "cumsum_by", cumsum }, { "tril", triangle }, { "triu", triangle },
  { "triangle_by", triangle }, { "one_hot_by", one_hot }, { "full_by", full_by }, { "interpolate", interpolate }, { "resize_by", resize_by },
  { "scaled_dot_product_attention", sdpa }, { "multi_head_attention", multi_head }, { NULL, NULL } };
