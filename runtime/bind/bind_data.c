/* bind_data.c: pictures decoded and augmented by C threads, for the iterators of scion.data.
 *
 *   source = scion.io.image_source { files = { path, ... } }
 *          | scion.io.image_source { zip = path, members = { name, ... } }   members nil: every picture in it, sorted
 *          | scion.io.image_source { tensor = u8 (N, C, H, W) or (N, H, W) }
 *     also channels = 3 (default), 1 or 4: what pictures are turned into (tensors keep theirs)
 *   #source; source:name(i) -> path or member; source:close()
 *
 *   loader = scion.io.image_loader(source, {
 *     order = { positions 1..#source } or an integer tensor of them   default: all, in order
 *     first = 1            start at this place of the order (resuming in the middle of a pass)
 *     batch_size = 32, drop_last = false
 *     transform = { step, ... }   see below; default {}
 *     seed = 0, epoch = 0  every random choice is a function of (seed, epoch, position, which time the position occurs in
 *                          the order): the same for any number of threads and any place of starting
 *     prefetch = 4         batches decoded ahead; 0: decode when asked, on the calling thread's pool
 *     threads = nil        worker threads; default: those of the context (scion.threads())
 *     on_error = "error"   or "skip": leave unreadable pictures out and remember them
 *   })
 *   x, positions = loader:next()   x: (B, C, H, W); positions: list of B positions in the source. nil at the end
 *   loader:skipped() -> { { position = 7, name = "a.jpg", message = "..." }, ... }
 *   loader:close()       stops the threads; also __close and __gc. Closing is not needed after the end
 *
 * A step is { name, arguments in order } or { name, option = value, ... }. Pictures start as u8:
 *   { "resize", size }            shorter side to size, proportions kept; { "resize", h, w }: exactly. Options
 *                                 filter = "bilinear" (antialiased, default), "bicubic", "nearest"
 *   { "center_crop", h, w }       w default h; too small pictures are padded with zeros
 *   { "crop", y, x, h, w }        1-based corner
 *   { "pad", left, top, right, bottom, value = 0 }
 *   { "random_crop", h, w, padding = 0 }
 *   { "random_resized_crop", h, w, scale = { 0.08, 1 }, ratio = { 3/4, 4/3 }, filter = }
 *   { "flip" }  mirrors left-right, { "vflip" } top-bottom; { "random_flip", p = 0.5 }, { "random_vflip", p = 0.5 }
 *   { "rotate", degrees, value = 0 }, { "random_rotation", degrees, value = 0 }   bilinear, size kept
 *   { "random_affine", degrees = 0, translate = { 0, 0 } (shares of w, h), scale = { 1, 1 }, shear = 0, value = 0 }
 *   { "color_jitter", brightness = 0, contrast = 0, saturation = 0, hue = 0 }     as in torchvision, random order included
 *   { "grayscale" }               keeps the number of channels; { "random_grayscale", p = 0.1 }
 *   { "invert" }
 *   { "random_erasing", p = 0.5, scale = { 0.02, 0.33 }, ratio = { 0.3, 3.3 }, value = 0 }
 *   { "bgr" }                     swaps red and blue
 *   { "to_float", scale = 1/255 } u8 -> f32
 *   { "normalize", mean = { ... }, std = { ... } }   f32; a u8 picture is scaled by 1/255 first. One value or one per channel
 * Without to_float or normalize x is u8.
 *
 *   y = scion.io.transform_image(x, transform, { seed = 0, epoch = 0, position = 1 })   one picture (C, H, W), u8 */
#include "bind.h"
