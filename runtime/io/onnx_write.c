/* onnx_write.c: a net becomes an ONNX file (opset 21, for inference). Weights go straight from their tensors into the file; layers keep
 * their names. A layer may become several nodes; the last one carries its name. */
#include <stdio.h>

#include "onnx_write.h"

#define OPSET 21 /* and later where an operator of the net is later */
#define IR_VERSION 10
#define MAX_BYTES ((uint64_t)2047 << 20) /* protobuf's limit, with room for the rest */

/* ---- protobuf ------------------------------------------------------------------------------------------------ */

static size_t varint(unsigned char *to, uint64_t v) {
  size_t n = 0;
  do {
    to[n++] = (unsigned char)(v > 127 ? (v & 127) | 128 : v);
    v >>= 7;
  } while (v > 0);
  return n;
}
static void put(scion_text *b, uint32_t number, const void *data, size_t n) { /* a length-delimited field */
  unsigned char head[24];
  size_t k = varint(head, (uint64_t)number << 3 | 2);
  k += varint(head + k, n);
  scion__text_add_bytes(b, (const char *)head, k);
  if (n > 0) scion__text_add_bytes(b, data, n);
}
static void put_text(scion_text *b, uint32_t number, const char *s) { put(b, number, s, strlen(s)); }
static void put_int(scion_text *b, uint32_t number, uint64_t v) {
  unsigned char all[24];
  size_t k = varint(all, (uint64_t)number << 3);
  k += varint(all + k, v);
  scion__text_add_bytes(b, (const char *)all, k);
}

/* An attribute whose value is `body`: name 1, the value's fields, type 20. */
static void attribute(scion_oattrs *a, const char *name, const unsigned char *body, size_t n, int type) {
  unsigned char head[96];
  size_t k = 0, length = strlen(name);
  if (length > 60 || n > sizeof a->b - 200 || a->n > sizeof a->b - n - 120) return; /* lists are short */
  head[k++] = 10;
  k += varint(head + k, length);
  memcpy(head + k, name, length);
  k += length;
  unsigned char tail[4] = { 0xa0, 0x01, (unsigned char)type };
  a->b[a->n++] = 42; /* field 5 of the node */
  a->n += varint(a->b + a->n, k + n + 3);
  memcpy(a->b + a->n, head, k);
  memcpy(a->b + a->n + k, body, n);
  memcpy(a->b + a->n + k + n, tail, 3);
  a->n += k + n + 3;
}
void scion__oa_int(scion_oattrs *a, const char *name, int64_t v) {
  unsigned char body[16] = { 3 << 3 };
  attribute(a, name, body, 1 + varint(body + 1, (uint64_t)v), 2);
}
void scion__oa_ints(scion_oattrs *a, const char *name, int32_t n, const int64_t *v) {
  unsigned char body[512];
  size_t k = 0;
  for (int32_t i = 0; i < n && k < sizeof body - 12; i++) {
    body[k++] = 8 << 3;
    k += varint(body + k, (uint64_t)v[i]);
  }
  attribute(a, name, body, k, 7);
}
void scion__oa_float(scion_oattrs *a, const char *name, double v) {
  unsigned char body[5] = { 2 << 3 | 5 };
  float f = (float)v;
  uint32_t u;
  memcpy(&u, &f, 4);
  scion__put_le(body + 1, 4, u);
  attribute(a, name, body, 5, 1);
}
void scion__oa_text(scion_oattrs *a, const char *name, const char *s) {
  unsigned char body[300] = { 4 << 3 | 2 };
  size_t n = strlen(s), k = 1 + varint(body + 1, n);
  if (n > 200) return;
  memcpy(body + k, s, n);
  attribute(a, name, body, k + n, 3);
}

void scion__oa_texts(scion_oattrs *a, const char *name, int32_t n, const char *const *v) {
  unsigned char body[300];
  size_t k = 0;
  for (int32_t i = 0; i < n; i++) {
    size_t length = strlen(v[i]);
    if (k + length > 250) return;
    body[k++] = 9 << 3 | 2;
    k += varint(body + k, length);
    memcpy(body + k, v[i], length);
    k += length;
  }
  attribute(a, name, body, k, 8);
}

/* ---- nodes and constants ----------------------------------------------------------------------------------------- */

void scion__ow_refuse(scion_ow *w, const char *why) {
  if (w->status != SCION_OK) return;
  w->status = scion_fail(w->ctx, SCION_EUNSUPPORTED, "%s: layer '%s' (%s) cannot be written as ONNX: %s", w->path, w->node->item.name, w->node->type, why);
}
void scion__ow_node(scion_ow *w, const char *type, int32_t n_in, const char *const *in, int32_t n_out, const char *const *out, const scion_oattrs *a) {
  if (w->status != SCION_OK) return;
  scion_text b;
  scion__text_init(&b, w->ctx);
  while (n_in > 0 && in[n_in - 1][0] == '\0') n_in--;
  for (int32_t i = 0; i < n_in; i++) put_text(&b, 1, in[i]);
  for (int32_t i = 0; i < n_out; i++) put_text(&b, 2, out[i]);
  put_text(&b, 3, n_out > 0 ? out[0] : w->node->item.name);
  put_text(&b, 4, type);
  if (a != NULL) scion__text_add_bytes(&b, (const char *)a->b, a->n);
  put(&w->nodes, 1, b.s, b.n);
  if (b.failed || w->nodes.failed) w->status = SCION_ENOMEM;
  scion_text_free(w->ctx, scion__text_take(&b));
}
scion_oname scion__ow_new(scion_ow *w, const char *what) {
  scion_oname out;
  snprintf(out.s, sizeof out.s, "%.540s/%.40s_%d", w->node->item.name, what, ++w->n_made);
  return out;
}
scion_oname scion__ow_call(scion_ow *w, const char *type, const char *a, const char *b, const scion_oattrs *attrs) {
  scion_oname out = scion__ow_new(w, type);
  const char *in[2] = { a, b != NULL ? b : "" }, *name = out.s;
  scion__ow_node(w, type, b != NULL ? 2 : 1, in, 1, &name, attrs);
  return out;
}
scion_oname scion__ow_constant(scion_ow *w, scion_status st, scion_tensor *t) {
  scion_oname out = scion__ow_new(w, "constant");
  if (w->status == SCION_OK) w->status = st;
  if (st != SCION_OK) return out;
  if (w->status == SCION_OK) w->status = scion__weights_add(w->ctx, &w->constants, out.s, t);
  else scion_tensor_free(w->ctx, t);
  return out;
}
scion_oname scion__ow_ints(scion_ow *w, int32_t n, const int64_t *v) {
  scion_tensor *t = NULL;
  int64_t size = n;
  scion_status st = scion_tensor_from_bytes(w->ctx, SCION_I64, n < 0 ? 0 : 1, &size, v, (size_t)(n < 0 ? 1 : n) * sizeof *v, &t);
  return scion__ow_constant(w, st, t);
}
scion_oname scion__ow_number(scion_ow *w, int dtype, double v) {
  scion_tensor *t = NULL;
  scion_status st = scion_tensor_scalar(w->ctx, (scion_dtype)dtype, v, &t);
  return scion__ow_constant(w, st, t);
}
scion_oname scion__ow_filled(scion_ow *w, int dtype, int64_t n, double v) {
  scion_tensor *t = NULL;
  scion_status st = scion__tensor_alloc(w->ctx, dtype, 1, &n, &t);
  if (st == SCION_OK) scion__tensor_fill(w->ctx, t, v);
  return scion__ow_constant(w, st, t);
}

/* ---- the layer at work ----------------------------------------------------------------------------------------------- */

bool scion__ow_has(const scion_ow *w, int32_t i) { return i < w->node->n_in && w->node->in[i] >= 0; }
const char *scion__ow_in(const scion_ow *w, int32_t i) { return scion__ow_has(w, i) ? w->names[w->node->in[i]] : ""; }
const char *scion__ow_out(const scion_ow *w, int32_t i) { return w->names[w->node->out[i]]; }
const scion_net_shape *scion__ow_shape(const scion_ow *w, int32_t i) {
  static const scion_net_shape none = { -1, 0, { 0 } };
  return scion__ow_has(w, i) ? &w->shapes[w->node->in[i]] : &none;
}
const scion_net_shape *scion__ow_out_shape(const scion_ow *w, int32_t i) { return &w->shapes[w->node->out[i]]; }
bool scion__ow_free(const scion_ow *w, int32_t i, int32_t d) { return w->shapes[w->node->in[i]].shape[d] != w->others[w->node->in[i]].shape[d]; }
static const void *param(const scion_ow *w, const char *name, const scion_param **info) {
  *info = net__param(w->node->op, name);
  return *info == NULL ? NULL : (const char *)w->node->params + (*info)->offset;
}
int64_t scion__ow_int(const scion_ow *w, const char *name) {
  const scion_param *p;
  const void *at = param(w, name, &p);
  if (at == NULL) return 0;
  return p->type == SCION_P_INT ? *(const int64_t *)at : p->type == SCION_P_INTS ? (((const scion_ints *)at)->n > 0 ? ((const scion_ints *)at)->v[0] : 0) : *(const int32_t *)at;
}
double scion__ow_float(const scion_ow *w, const char *name) {
  const scion_param *p;
  const void *at = param(w, name, &p);
  return at == NULL ? 0 : p->type == SCION_P_FLOAT ? *(const double *)at : (double)scion__ow_int(w, name);
}
scion_ints scion__ow_list(const scion_ow *w, const char *name) {
  const scion_param *p;
  const void *at = param(w, name, &p);
  if (at == NULL) return (scion_ints){ .n = -1 };
  return p->type == SCION_P_INTS ? *(const scion_ints *)at : (scion_ints){ 1, { scion__ow_int(w, name) } };
}
const char *scion__ow_word(const scion_ow *w, const char *name) {
  const scion_param *p;
  const void *at = param(w, name, &p);
  return at == NULL || p->type != SCION_P_ENUM ? "" : p->choices[*(const int32_t *)at];
}

/* ---- names ---------------------------------------------------------------------------------------------------------------- */

/* Inputs and entries keep theirs; a layer's first output is called like the layer, unless that is taken. */
static scion_status name_values(scion_ow *w) {
  const scion_net *net = w->net;
  for (int32_t v = 0; v < net->n_values; v++) {
    const net_item *item = net->values[v].item;
    char text[640];
    if (item == NULL) continue;
    bool node = item->space == NET_NODE;
    bool taken = (item->space != NET_INPUT && net__find(net, NET_INPUT, item->name) != NULL) || (node && net__find(net, NET_ENTRY, item->name) != NULL);
    if (node && net->values[v].slot > 0) snprintf(text, sizeof text, "%.520s/output_%d", item->name, net->values[v].slot + 1);
    else snprintf(text, sizeof text, "%.520s%s", item->name, taken ? node ? "/output" : "/value" : "");
    if ((w->names[v] = scion__strdup(w->ctx, text)) == NULL) return SCION_ENOMEM;
  }
  return SCION_OK;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------------------ */

/* Shapes of all values with the inputs' free dimensions filled in: two batch sizes, so that what depends on free ones shows. */
static scion_status work_out(scion_context *ctx, scion_net *net, const char *path, const scion_net_shape *given, scion_net_shape *shapes, scion_net_shape *others) {
  static const int64_t sizes[] = { 224, 32, 28, 64, 128, 16, 8, 7, 5, 3, 256, 299 };
  int32_t n = net->inputs.n;
  size_t bytes = (size_t)(n + 1) * 2 * sizeof(scion_net_shape);
  scion_net_shape *in = scion__alloc(ctx, bytes), *more = in + n + 1;
  if (in == NULL) return SCION_ENOMEM;
  scion_status st = SCION_EINVAL;
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes && st != SCION_OK && st != SCION_ENOMEM; k++) {
    bool is_free = false;
    for (int32_t i = 0; i < n; i++) {
      const net_input *input = net__input(net, i);
      in[i] = given != NULL && given[i].n_dims >= 0 ? given[i] : input->shape;
      if (in[i].n_dims < 0) {
        st = scion_fail(ctx, SCION_EINVAL, "%s: the shape of input '%s' is not known; declare it (net:describe_input) or give shapes", path, input->item.name);
        goto done;
      }
      more[i] = in[i];
      for (int32_t d = 0; d < in[i].n_dims; d++) {
        bool declared_free = input->shape.n_dims < 0 || input->shape.shape[d] < 0;
        if (in[i].shape[d] < 0) {
          is_free = is_free || d > 0;
          in[i].shape[d] = d == 0 ? 2 : sizes[k];
          more[i].shape[d] = d == 0 ? 3 : sizes[k] + (sizes[k] >= 28 ? 32 : sizes[k]);
        } else if (declared_free && d == 0) {
          more[i].shape[d] = in[i].shape[d] + 1;
        }
      }
    }
    st = scion_net_infer(ctx, net, in, n, NULL, shapes, NULL);
    if (st == SCION_OK) {
      st = scion_net_infer(ctx, net, more, n, NULL, others, NULL);
      if (st != SCION_OK && st != SCION_ENOMEM) { /* the second is only for comparing: the batch alone */
        for (int32_t i = 0; i < n; i++) {
          more[i] = in[i];
          if (in[i].n_dims > 0 && (net__input(net, i)->shape.n_dims < 0 || net__input(net, i)->shape.shape[0] < 0)) more[i].shape[0]++;
        }
        st = scion_net_infer(ctx, net, more, n, NULL, others, NULL);
      }
    }
    if (!is_free) break;
  }
done:
  scion__free(ctx, in, bytes);
  return st;
}

/* ---- the file -------------------------------------------------------------------------------------------------------------------- */

int scion__onnx_type(int dtype) {
  static const int types[SCION_DTYPE_COUNT] = { [SCION_F32] = 1, [SCION_F64] = 11, [SCION_I32] = 6, [SCION_I64] = 7, [SCION_U8] = 2, [SCION_BOOL] = 9, [SCION_F16] = 10,
    [SCION_BF16] = 16, [SCION_I8] = 3, [SCION_I16] = 5, [SCION_U16] = 4, [SCION_U32] = 12, [SCION_U64] = 13 };
  return dtype < 0 || dtype >= SCION_DTYPE_COUNT ? 1 : types[dtype];
}
/* TensorProto up to its data: dims 1, type 2, name 8, then raw_data 9, whose bytes follow. */
static void tensor_head(scion_text *b, const char *name, const scion_tensor *t) {
  unsigned char head[24];
  for (int32_t d = 0; d < t->n_dims; d++) put_int(b, 1, (uint64_t)t->shape[d]);
  put_int(b, 2, (uint64_t)scion__onnx_type(t->dtype));
  put_text(b, 8, name);
  size_t k = varint(head, 9 << 3 | 2);
  k += varint(head + k, (uint64_t)t->numel * scion_dtype_size((scion_dtype)t->dtype));
  scion__text_add_bytes(b, (const char *)head, k);
}
static uint64_t sized(uint64_t n) { /* of a field with a one-byte key and a length */
  unsigned char head[16];
  return 1 + varint(head, n) + n;
}
static void value_info(scion_text *b, uint32_t number, const char *name, const scion_net_shape *s, const scion_net_shape *other, const char *tag) {
  scion_text shape, tensor, type, info;
  scion_text *const all[] = { &shape, &tensor, &type, &info };
  for (int i = 0; i < 4; i++) scion__text_init(all[i], b->ctx);
  for (int32_t d = 0; d < s->n_dims; d++) {
    scion_text dim;
    char word[64];
    scion__text_init(&dim, b->ctx);
    bool is_free = s->shape[d] != other->shape[d];
    snprintf(word, sizeof word, "%.40s_%d", tag, d);
    if (is_free) put_text(&dim, 2, d == 0 ? "N" : word);
    else put_int(&dim, 1, (uint64_t)s->shape[d]);
    put(&shape, 1, dim.s, dim.n);
    scion_text_free(b->ctx, scion__text_take(&dim));
  }
  put_int(&tensor, 1, (uint64_t)scion__onnx_type(s->dtype));
  put(&tensor, 2, shape.s, shape.n);
  put(&type, 1, tensor.s, tensor.n);
  put_text(&info, 1, name);
  put(&info, 2, type.s, type.n);
  put(b, number, info.s, info.n);
  for (int i = 0; i < 4; i++) {
    b->failed = b->failed || all[i]->failed;
    scion_text_free(b->ctx, scion__text_take(all[i]));
  }
}
static scion_status put_tensor(scion_ow *w, scion_writer *f, const char *name, scion_tensor *t) {
  scion_text head, field;
  scion_tensor *packed;
  scion__text_init(&head, w->ctx);
  scion__text_init(&field, w->ctx);
  tensor_head(&head, name, t);
  size_t bytes = (size_t)t->numel * scion_dtype_size((scion_dtype)t->dtype);
  unsigned char lead[24];
  size_t k = varint(lead, 5 << 3 | 2);
  k += varint(lead + k, head.n + bytes);
  scion_status st = head.failed ? SCION_ENOMEM : scion__tensor_packed(w->ctx, t, &packed);
  if (st == SCION_OK) {
    st = scion__writer_put(w->ctx, f, lead, k);
    if (st == SCION_OK) st = scion__writer_put(w->ctx, f, head.s, head.n);
    if (st == SCION_OK && bytes > 0) st = scion__writer_put(w->ctx, f, packed->data, bytes);
    scion_tensor_free(w->ctx, packed);
  }
  scion_text_free(w->ctx, scion__text_take(&head));
  scion_text_free(w->ctx, scion__text_take(&field));
  return st;
}
static scion_status tensor_size(scion_ow *w, const char *name, const scion_tensor *t, uint64_t *total) {
  scion_text head;
  scion__text_init(&head, w->ctx);
  tensor_head(&head, name, t);
  *total += sized(head.n + (uint64_t)t->numel * scion_dtype_size((scion_dtype)t->dtype));
  scion_status st = head.failed ? SCION_ENOMEM : SCION_OK;
  scion_text_free(w->ctx, scion__text_take(&head));
  return st;
}
static scion_status write_file(scion_ow *w, const bool *marks) {
  const scion_net *net = w->net;
  scion_text rest, model;
  scion_writer f = { 0 };
  uint64_t total;
  scion__text_init(&rest, w->ctx);
  scion__text_init(&model, w->ctx);
  put_text(&rest, 2, "scion");
  for (int32_t i = 0; i < net->inputs.n; i++) {
    int32_t v = net__input(net, i)->value;
    scion_net_shape s = w->shapes[v], o = w->others[v];
    const scion_net_shape *declared = &net__input(net, i)->shape;
    for (int32_t d = 0; d < s.n_dims; d++) if (declared->n_dims >= 0 ? declared->shape[d] < 0 : d == 0) o.shape[d] = s.shape[d] + 1;
    value_info(&rest, 11, w->names[v], &s, &o, w->names[v]);
  }
  for (int32_t i = 0; i < net->n_outputs; i++) {
    int32_t v = net->outputs[i];
    value_info(&rest, 12, w->names[v], &w->shapes[v], &w->others[v], w->names[v]);
  }
  scion_status st = rest.failed || w->nodes.failed ? SCION_ENOMEM : SCION_OK;
  total = w->nodes.n + rest.n;
  for (int32_t i = 0; i < net->entries.n && st == SCION_OK; i++)
    if (marks[i]) st = tensor_size(w, w->names[net__entry(net, i)->value], net__entry(net, i)->tensor, &total);
  for (int32_t i = 0; i < w->constants.n && st == SCION_OK; i++) st = tensor_size(w, w->constants.names[i], w->constants.tensors[i], &total);
  if (st == SCION_OK && total > MAX_BYTES) st = scion_fail(w->ctx, SCION_EUNSUPPORTED, "%s: the network has more than 2 GB, the most that one ONNX file holds", w->path);
  put_int(&model, 1, w->opset > OPSET ? IR_VERSION + 1 : IR_VERSION);
  put_text(&model, 2, "scion");
  put_text(&model, 3, scion_version());
  scion_text opset;
  scion__text_init(&opset, w->ctx);
  put_text(&opset, 1, "");
  put_int(&opset, 2, (uint64_t)w->opset);
  put(&model, 8, opset.s, opset.n);
  unsigned char lead[24];
  size_t k = varint(lead, 7 << 3 | 2);
  k += varint(lead + k, total);
  if (st == SCION_OK && (model.failed || opset.failed)) st = SCION_ENOMEM;
  if (st == SCION_OK) st = scion__writer_open(w->ctx, w->path, &f);
  if (st == SCION_OK) st = scion__writer_put(w->ctx, &f, model.s, model.n);
  if (st == SCION_OK) st = scion__writer_put(w->ctx, &f, lead, k);
  if (st == SCION_OK && w->nodes.n > 0) st = scion__writer_put(w->ctx, &f, w->nodes.s, w->nodes.n);
  if (st == SCION_OK) st = scion__writer_put(w->ctx, &f, rest.s, rest.n);
  for (int32_t i = 0; i < net->entries.n && st == SCION_OK; i++)
    if (marks[i]) st = put_tensor(w, &f, w->names[net__entry(net, i)->value], net__entry(net, i)->tensor);
  for (int32_t i = 0; i < w->constants.n && st == SCION_OK; i++) st = put_tensor(w, &f, w->constants.names[i], w->constants.tensors[i]);
  if (st == SCION_OK) st = scion__writer_commit(w->ctx, &f);
  else scion__writer_abandon(w->ctx, &f);
  scion_text_free(w->ctx, scion__text_take(&rest));
  scion_text_free(w->ctx, scion__text_take(&model));
  scion_text_free(w->ctx, scion__text_take(&opset));
  return st;
}

static void write_layer(scion_ow *w) {
  const net_node *n = w->node;
  static const scion_ow_op *const tables[] = { scion__ow_ops, scion__ow_shape_ops, scion__ow_more_ops, scion__ow_composed_ops };
  for (int i = 0; i < 4; i++) {
    for (const scion_ow_op *op = tables[i]; op->name != NULL; op++) {
      if (strcmp(op->name, n->op->info.name) != 0) continue;
      op->fn(w);
      return;
    }
  }
  if (scion__ow_recipe(w)) return;
  if (n->n_in == 0 && !(n->op->info.flags & SCION_OF_RANDOM)) { /* the same in every run */
    scion_tensor *t = NULL;
    w->status = scion_apply(w->ctx, n->op, NULL, 0, n->params, &t, 1);
    if (w->status == SCION_OK) w->status = scion__weights_add(w->ctx, &w->constants, scion__ow_out(w, 0), t);
    return;
  }
  char why[400];
  const net_item *from = n->n_in > 0 && n->in[0] >= 0 ? w->net->values[n->in[0]].item : NULL;
  int at = snprintf(why, sizeof why, "ONNX has no counterpart of '%.100s' here", n->op->info.name);
  if (from != NULL && from->space == NET_NODE) { /* something useful can be written */
    snprintf(why + at, sizeof why - (size_t)at, "; what feeds it can be written: net:extract { to = { \"%.150s\" } }:save_onnx(...)", from->name);
  }
  scion__ow_refuse(w, why);
}

scion_status scion_onnx_save(scion_context *ctx, scion_net *net, const char *path, const scion_net_shape *inputs) {
  scion_ow w = { .ctx = ctx, .net = net, .path = path, .opset = OPSET };
  size_t shape_bytes = (size_t)(net->n_values + 1) * 2 * sizeof(scion_net_shape), name_bytes = (size_t)(net->n_values + 1) * sizeof *w.names;
  size_t mark_bytes = (size_t)(net->nodes.n + net->entries.n + 2);
  scion_net_shape *shapes = scion__alloc(ctx, shape_bytes);
  bool *nodes = scion__calloc(ctx, mark_bytes), *entries = nodes + net->nodes.n + 1;
  w.names = scion__calloc(ctx, name_bytes);
  scion__text_init(&w.nodes, ctx);
  scion_status st = shapes == NULL || nodes == NULL || w.names == NULL ? SCION_ENOMEM : SCION_OK;
  if (st == SCION_OK && net->n_outputs == 0) st = scion_fail(ctx, SCION_EINVAL, "%s: the net has no outputs", path);
  if (st == SCION_OK) net__mark(net, net->n_outputs, net->outputs, NULL, nodes);
  for (int32_t i = 0; i < net->nodes.n && st == SCION_OK; i++) {
    w.node = net__node(net, i);
    if (nodes[i] && w.node->op == NULL) scion__ow_refuse(&w, "it is a function of the host");
    st = w.status;
  }
  if (st == SCION_OK) {
    w.shapes = shapes;
    w.others = shapes + net->n_values + 1;
    st = work_out(ctx, net, path, inputs, shapes, shapes + net->n_values + 1);
  }
  if (st == SCION_OK) st = name_values(&w);
  if (st == SCION_OK) {
    for (int32_t i = 0; i < net->nodes.n; i++) {
      w.node = net__node(net, i);
      if (!nodes[i]) continue;
      for (int32_t k = 0; k < w.node->n_in; k++) {
        const net_entry *e = w.node->in[k] >= 0 ? net__value_entry(net, w.node->in[k]) : NULL;
        if (e != NULL) entries[e->item.pos] = true;
      }
      write_layer(&w);
    }
    st = w.status;
  }
  for (int32_t i = 0; i < net->n_outputs && st == SCION_OK; i++) { /* an output that no layer makes */
    const net_entry *e = net__value_entry(net, net->outputs[i]);
    if (e != NULL) entries[e->item.pos] = true;
  }
  if (st == SCION_OK) st = write_file(&w, entries);
  for (int32_t v = 0; w.names != NULL && v < net->n_values; v++) if (w.names[v] != NULL) scion__strfree(ctx, w.names[v]);
  for (int32_t i = 0; i < w.constants.n; i++) {
    scion__strfree(ctx, w.constants.names[i]);
    scion_tensor_free(ctx, w.constants.tensors[i]);
  }
  scion__free(ctx, w.constants.names, (size_t)w.constants.cap * (sizeof *w.constants.names + sizeof *w.constants.tensors));
  scion_text_free(ctx, scion__text_take(&w.nodes));
  scion__free(ctx, w.names, name_bytes);
  scion__free(ctx, nodes, mark_bytes);
  scion__free(ctx, shapes, shape_bytes);
  return st;
}
