-- Line drawings of photos: black paper, white where the Sobel gradient of the grey values (x/255, so 0..1) is longer than 0.8;
-- beyond the edge of the photo it is black, as its background is. As a module it returns the functions; as a script it writes the
-- drawn Fashion-MNIST test set:
--
--   scion datasets/drawings.lua --out drawings.safetensors

local scion = require "scion"

local M = {}

--- Edges of grey pictures (N, 1, H, W) in 0..1: 1 where |(Gx, Gy)| > 0.8, else 0.
---@param x scion.Tensor
---@return scion.Tensor
function M.draw(x)
  local kernel = scion.tensor {
    { { { -1, 0, 1 }, { -2, 0, 2 }, { -1, 0, 1 } } },
    { { { -1, -2, -1 }, { 0, 0, 0 }, { 1, 2, 1 } } },
  }
  local g = x:conv2d(kernel, nil, { padding = 1 })
  return g:square():sum(2, true):sqrt():gt(0.8):to("f32")
end

--- A whole data set of photos as drawings with the same labels.
---@param photos scion.data.Iterator
---@param opts? table of the new iterator (batch_size, shuffle, seed)
---@return scion.data.Iterator
function M.of(photos, opts)
  local parts = {}
  for x in photos:in_order(1000) do parts[#parts + 1] = M.draw(x):to("u8"):mul(255) end
  local all = { x = scion.cat(parts, 1), ids = photos.dataset:ids(), classes = photos.classes }
  for name, value in pairs(opts or {}) do all[name] = value end
  return scion.data.images(all)
end

if arg and arg[0] and arg[0]:match("drawings%.lua$") then
  local args = scion.cli.parse { name = "drawings", about = "Writes the drawn Fashion-MNIST test set.", options = {} }
  local test = M.of(scion.data.fashion_mnist { split = "test" })
  print(test, "share of edge pixels", test.dataset.x:to("f32"):mean():item() / 255)
  if args.out then
    scion.io.save_safetensors(args.out, { x = test.dataset.x, y = test.dataset.y })
    print("wrote " .. args.out)
  end
end

return M
