/* prepare.c: pictures for a network as its file asks for them. Repurposers write down how their pictures were made (attribute
 * "preprocessing": size, crop, filter, channels; means and deviations are layers of the net) and what their classes are called
 * (attribute "classes"); hosts without Lua read that here, and lua/scion/data/image_folder.lua makes the same steps. */
#include <math.h>
#include <stdio.h>

#include "../base/json.h"
#include "transform.h"

static scion_status read_attr(scion_context *ctx, const scion_net *net, const char *key, scion_json_doc **out) {
  const char *text = scion_net_get_attr(net, -1, key);
  *out = NULL;
  return text != NULL ? scion__json_parse(ctx, key, text, strlen(text), out) : SCION_OK;
}

typedef struct { int64_t h, w; double crop; int32_t channels; const char *filter; } recipe;

static bool sides(const scion_json *size, recipe *r) {
  if (size == NULL) return true;
  if (scion__json_int(size, &r->h)) r->w = r->h;
  else if (!scion__json_int(scion__json_at(size, 0), &r->h) || !scion__json_int(scion__json_at(size, 1), &r->w)) return false;
  return r->h >= 1 && r->w >= 1 && r->h <= 1 << 16 && r->w <= 1 << 16;
}

/* What the attribute says; without one, what the shape of the first input says. */
static scion_status read_recipe(scion_context *ctx, const scion_net *net, const scion_json *pre, recipe *r) {
  scion_input_info input;
  *r = (recipe){ 224, 224, 0.875, 3, "bilinear" };
  if (scion_net_get_input(net, 0, &input) && input.shape.n_dims == 4) {
    if (input.shape.shape[1] == 1) r->channels = 1;
    if (input.shape.shape[2] > 0 && input.shape.shape[3] > 0) r->h = input.shape.shape[2], r->w = input.shape.shape[3];
  }
  if (pre == NULL) return SCION_OK;
  const char *channels = scion__json_string(scion__json_get(pre, "channels"), "RGB");
  r->channels = strcmp(channels, "grey") == 0 ? 1 : 3;
  r->filter = scion__json_string(scion__json_get(pre, "filter"), "bilinear");
  if (!scion__json_number(scion__json_get(pre, "crop"), &r->crop)) r->crop = 1;
  if (!sides(scion__json_get(pre, "size"), r) || !(r->crop > 0 && r->crop <= 1)) {
    return scion_fail(ctx, SCION_EFORMAT, "net_picture: the network's \"preprocessing\" is damaged");
  }
  return SCION_OK;
}

static scion_status make_steps(scion_context *ctx, const recipe *r, scion_transform *t) {
  const scion_step_arg crop[2] = { { NULL, 1, { (double)r->h }, NULL }, { NULL, 1, { (double)r->w }, NULL } };
  const scion_step_arg filter = { "filter", 0, { 0 }, r->filter };
  if (r->crop == 1 && r->h != r->w) {
    SCION_TRY(scion_transform_add(ctx, t, "resize", 3, (scion_step_arg[]){ crop[0], crop[1], filter }));
  } else {
    double shorter = floor((double)scion__min(r->h, r->w) / r->crop + 0.5);
    SCION_TRY(scion_transform_add(ctx, t, "resize", 2, (scion_step_arg[]){ { NULL, 1, { shorter }, NULL }, filter }));
    SCION_TRY(scion_transform_add(ctx, t, "center_crop", 2, crop));
  }
  return scion_transform_add(ctx, t, "to_float", 0, NULL);
}

static scion_status prepare(scion_context *ctx, const recipe *r, const char *path, scion_tensor **out) {
  scion_tensor *picture = NULL, *pixels = NULL;
  scion_transform *t = NULL;
  scion_status st = scion_transform_new(ctx, &t);
  if (st == SCION_OK) st = make_steps(ctx, r, t);
  if (st == SCION_OK) st = scion_image_read(ctx, path, r->channels, &picture);
  if (st == SCION_OK) st = scion_transform_image(ctx, t, picture, 0, 0, 0, &pixels);
  if (st == SCION_OK) { /* a batch of one */
    const int64_t *s = scion_tensor_shape(pixels), shape[4] = { 1, s[0], s[1], s[2] }, strides[4] = { 0, s[1] * s[2], s[2], 1 };
    st = scion_tensor_as_strided(ctx, pixels, 4, shape, strides, 0, out);
  }
  scion_tensor_free(ctx, picture);
  scion_tensor_free(ctx, pixels);
  scion_transform_free(ctx, t);
  return st;
}

scion_status scion_net_picture(scion_context *ctx, const scion_net *net, const char *path, scion_tensor **out) {
  scion_json_doc *doc;
  recipe r;
  *out = NULL;
  SCION_TRY(read_attr(ctx, net, "preprocessing", &doc));
  scion_status st = read_recipe(ctx, net, doc != NULL ? scion__json_root(doc) : NULL, &r);
  if (st == SCION_OK) st = prepare(ctx, &r, path, out);
  scion__json_free(ctx, doc);
  return st;
}

scion_status scion_net_class(scion_context *ctx, const scion_net *net, int64_t i, char *name, size_t room) {
  scion_json_doc *doc;
  if (room == 0) return SCION_OK;
  SCION_TRY(read_attr(ctx, net, "classes", &doc));
  const scion_json *label = doc != NULL && i >= 0 && i <= INT32_MAX ? scion__json_at(scion__json_root(doc), (int32_t)i) : NULL;
  double number;
  int64_t integer;
  if (label == NULL) snprintf(name, room, "class %lld", (long long)i + 1);
  else if (label->type == SCION_JSON_BOOL) snprintf(name, room, "%s", label->i ? "true" : "false");
  else if (scion__json_int(label, &integer)) snprintf(name, room, "%lld", (long long)integer);
  else if (label->type == SCION_JSON_FLOAT && scion__json_number(label, &number)) snprintf(name, room, "%.15g", number);
  else snprintf(name, room, "%s", scion__json_string(label, "?"));
  scion__json_free(ctx, doc);
  return SCION_OK;
}
