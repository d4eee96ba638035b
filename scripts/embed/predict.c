/* predict.c: a program without any Lua that names pictures with a repurposed network.
 *
 *   cc predict.c $(pkg-config --cflags --libs scion) -o predict && ./predict result/model.scion picture.jpg ...
 *
 * The file says everything: the size of its pictures (the shape of the input), what is done to them (the first layers), and
 * the names of the classes (the attribute "classes", a JSON list). The last layer gives probabilities. */
#include <stdio.h>
#include <string.h>

#include "scion.h"

static scion_context *ctx;

static int failed(const char *what) {
  fprintf(stderr, "predict: %s: %s\n", what, scion_errmsg(ctx));
  return 1;
}

/* Name i of a JSON list of plain texts. */
static const char *class_name(const char *list, int32_t i, char *name, size_t room) {
  const char *from = list, *end;
  for (int32_t k = 0; from != NULL && (from = strchr(from, '"')) != NULL; from = end + 1, k++) {
    end = strchr(++from, '"');
    if (end == NULL) break;
    if (k < i) continue;
    snprintf(name, room, "%.*s", (int)(end - from), from);
    return name;
  }
  snprintf(name, room, "class %d", i + 1);
  return name;
}

/* Shorter side to the network's size (over the share that is cropped), the middle of it, 0..1. */
static scion_status preprocess(double side, scion_tensor *picture, scion_tensor **out) {
  scion_transform *t;
  const scion_step_arg resize = { NULL, 1, { (double)(int)(side / 0.875 + 0.5) }, NULL }, crop = { NULL, 1, { side }, NULL };
  scion_status st = scion_transform_new(ctx, &t);
  if (st != SCION_OK) return st;
  st = scion_transform_add(ctx, t, "resize", 1, &resize);
  if (st == SCION_OK) st = scion_transform_add(ctx, t, "center_crop", 1, &crop);
  if (st == SCION_OK) st = scion_transform_add(ctx, t, "to_float", 0, NULL);
  if (st == SCION_OK) st = scion_transform_image(ctx, t, picture, 0, 0, 0, out);
  scion_transform_free(ctx, t);
  return st;
}

static int name_picture(scion_net *net, const scion_input_info *input, const char *path) {
  const int32_t channels = input->shape.n_dims == 4 ? (int32_t)input->shape.shape[1] : 3;
  const double side = input->shape.n_dims == 4 && input->shape.shape[2] > 0 ? (double)input->shape.shape[2] : 224;
  scion_tensor *picture = NULL, *pixels = NULL, *batch = NULL, *y = NULL;
  int64_t shape[4] = { 1 }, at[2] = { 0, 0 }, best = 0;
  double p = 0, top = -1;
  char name[128];
  scion_status st = scion_image_read(ctx, path, channels, &picture);
  if (st == SCION_OK) st = preprocess(side, picture, &pixels);
  if (st == SCION_OK) {
    memcpy(shape + 1, scion_tensor_shape(pixels), 3 * sizeof *shape);
    st = scion_tensor_as_strided(ctx, pixels, 4, shape, (int64_t[]){ 0, shape[2] * shape[3], shape[3], 1 }, 0, &batch);
  }
  if (st == SCION_OK) st = scion_net_forward(ctx, net, &batch, 1, NULL, &y, 1);
  for (; st == SCION_OK && at[1] < scion_tensor_shape(y)[1]; at[1]++) {
    st = scion_tensor_get(ctx, y, at, &p);
    if (p > top) top = p, best = at[1];
  }
  if (st == SCION_OK) printf("%s: %s %.3f\n", path, class_name(scion_net_get_attr(net, -1, "classes"), (int32_t)best, name, sizeof name), top);
  else failed(path);
  scion_tensor_free(ctx, picture);
  scion_tensor_free(ctx, pixels);
  scion_tensor_free(ctx, batch);
  scion_tensor_free(ctx, y);
  return st != SCION_OK;
}

int main(int argc, char **argv) {
  scion_net *net;
  scion_input_info input;
  int status = 0;
  if (argc < 3) return fprintf(stderr, "usage: predict NETWORK PICTURE...\n"), 2;
  if (scion_open(NULL, &ctx) != SCION_OK) return 1;
  if (scion_net_load(ctx, argv[1], NULL, &net) != SCION_OK) return failed(argv[1]);
  scion_net_set_training(net, 0);
  scion_set_grad_enabled(ctx, 0);
  if (!scion_net_get_input(net, 0, &input)) status = 1;
  for (int i = 2; status == 0 && i < argc; i++) status = name_picture(net, &input, argv[i]);
  scion_net_free(ctx, net);
  scion_close(ctx);
  return status;
}
