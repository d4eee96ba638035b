/* predict.c: a program without any Lua that names pictures with a repurposed network.
 *
 *   cc predict.c $(pkg-config --cflags --libs scion) -o predict && ./predict result/model.scion picture.jpg ...
 *
 * The file says everything: how a picture becomes the network's input, what the layers are, how the classes are called. Networks
 * from elsewhere (ONNX) do too, as far as their inputs have a shape. */
#include <stdio.h>

#include "scion.h"

static scion_context *ctx;

static int failed(const char *what) {
  fprintf(stderr, "predict: %s: %s\n", what, scion_errmsg(ctx));
  return 1;
}

static int name_picture(scion_net *net, const char *path) {
  scion_tensor *x = NULL, *y = NULL;
  char name[128];
  double p = 0, top = 0;
  int64_t at[2] = { 0, 0 }, best = 0;
  scion_status st = scion_net_picture(ctx, net, path, &x);
  if (st == SCION_OK) st = scion_net_forward(ctx, net, &x, 1, NULL, &y, 1);
  for (; st == SCION_OK && at[1] < scion_tensor_shape(y)[1]; at[1]++) {
    st = scion_tensor_get(ctx, y, at, &p);
    if (at[1] == 0 || p > top) top = p, best = at[1];
  }
  if (st == SCION_OK) st = scion_net_class(ctx, net, best, name, sizeof name);
  if (st == SCION_OK) printf("%s: %s %.3f\n", path, name, top);
  else failed(path);
  scion_tensor_free(ctx, x);
  scion_tensor_free(ctx, y);
  return st != SCION_OK;
}

int main(int argc, char **argv) {
  scion_net *net;
  int status = 0;
  if (argc < 3) return fprintf(stderr, "usage: predict NETWORK PICTURE...\n"), 2;
  if (scion_open(NULL, &ctx) != SCION_OK) return 1;
  if (scion_model_load(ctx, argv[1], NULL, &net) != SCION_OK) return failed(argv[1]);
  scion_net_set_training(net, 0);
  scion_set_grad_enabled(ctx, 0);
  for (int i = 2; status == 0 && i < argc; i++) status = name_picture(net, argv[i]);
  scion_net_free(ctx, net);
  scion_close(ctx);
  return status;
}
