/* scion_data.h: pictures decoded, changed and batched by threads. Included by scion.h. */
#ifndef SCION_DATA_H
#define SCION_DATA_H

/* Where pictures come from. References are counted: a loader holds one. */
typedef struct scion_pictures scion_pictures;
/* channels: 1, 3 or 4, see scion_image_read. The files are opened when asked for. */
SCION_API scion_status scion_pictures_files(scion_context *ctx, int64_t n, const char *const *paths, int32_t channels, scion_pictures **out);
/* Members of a zip; n 0: every picture in it (by its ending), sorted by name. */
SCION_API scion_status scion_pictures_zip(scion_context *ctx, const char *path, int64_t n, const char *const *members, int32_t channels,
                                          scion_pictures **out);
/* u8 (N, C, H, W) or (N, H, W), shared and not copied when contiguous. */
SCION_API scion_status scion_pictures_tensor(scion_context *ctx, scion_tensor *t, scion_pictures **out);
SCION_API int64_t scion_pictures_count(const scion_pictures *p);
SCION_API const char *scion_pictures_name(const scion_pictures *p, int64_t i); /* path, member or ""; NULL: no such */
SCION_API void scion_pictures_free(scion_context *ctx, scion_pictures *p);

/* What is done to a picture: steps in order, each a name with numbers by position or by name; see transform.c for the list. */
typedef struct scion_transform scion_transform;
typedef struct scion_step_arg {
  const char *name; /* NULL: the next by position */
  int32_t n;        /* numbers in v */
  double v[4];
  const char *text; /* or a word */
} scion_step_arg;
SCION_API scion_status scion_transform_new(scion_context *ctx, scion_transform **out);
SCION_API scion_status scion_transform_add(scion_context *ctx, scion_transform *t, const char *step, int32_t n_args, const scion_step_arg *args);
SCION_API void scion_transform_free(scion_context *ctx, scion_transform *t);
/* One u8 picture (C, H, W). Random choices are a function of (seed, epoch, position). */
SCION_API scion_status scion_transform_image(scion_context *ctx, const scion_transform *t, scion_tensor *x, uint64_t seed, uint64_t epoch,
                                             uint64_t position, scion_tensor **out);

typedef struct scion_loader_options {
  size_t size;          /* sizeof(scion_loader_options) */
  int64_t n;            /* of order; -1: all pictures in order */
  const int64_t *order; /* 0-based positions, copied */
  int64_t first;        /* place of the order to start at */
  int64_t batch_size;   /* 32 */
  int32_t drop_last;
  int32_t prefetch;     /* batches ahead; 0: decode when asked, on the context's threads */
  int32_t threads;      /* workers; 0: as many as the context has */
  int32_t skip_errors;  /* leave unreadable pictures out instead of failing */
  uint64_t seed, epoch;
} scion_loader_options;
#define SCION_LOADER_OPTIONS_INIT { sizeof(scion_loader_options), -1, NULL, 0, 32, 0, 4, 0, 0, 0, 0 }
typedef struct scion_loader scion_loader;
/* The transform is copied. Belongs to the context's thread; its workers never touch the context. */
SCION_API scion_status scion_loader_new(scion_context *ctx, scion_pictures *pictures, const scion_transform *t, const scion_loader_options *options,
                                        scion_loader **out);
/* The next batch: x (B, C, H, W), and B positions into `positions`, which has room for batch_size. *n 0 and *x NULL: the end. */
SCION_API scion_status scion_loader_next(scion_context *ctx, scion_loader *loader, scion_tensor **x, int64_t *n, int64_t *positions);
SCION_API int64_t scion_loader_skipped(const scion_loader *loader); /* pictures left out so far */
SCION_API const char *scion_loader_skip(const scion_loader *loader, int64_t i, int64_t *position); /* message, and which */
SCION_API void scion_loader_free(scion_context *ctx, scion_loader *loader);

/* ---- pictures and labels of a saved network ------------------------------------------------------- */

/* The picture at `path` as the network's file asks for it (its attribute "preprocessing"; else the shape of its first input, with
 * a central crop of 87.5 %): f32 (1, C, H, W) in 0..1. Means and deviations are layers of a repurposed network. */
SCION_API scion_status scion_net_picture(scion_context *ctx, const scion_net *net, const char *path, scion_tensor **out);
/* What class i (from 0) of the outputs is called, cut to `room` bytes; "class 1" and so on where the file does not say. */
SCION_API scion_status scion_net_class(scion_context *ctx, const scion_net *net, int64_t i, char *name, size_t room);

#endif
