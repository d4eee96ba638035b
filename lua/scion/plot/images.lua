-- Grids of images: tensors (C, H, W) or (H, W) with captions and coloured frames, to SVG or PNG.

local check = require "scion.check"
local files = require "scion.plot.file"
local png = require "scion.plot.png"
local svg = require "scion.plot.svg"

local M = {}

local OPTS <const> = {
  images = check.any { required = true },   -- tensor (N, C, H, W) or (N, H, W), or a list of such images
  captions = check.list {},                 -- a text under each image; lines are separated by \n (SVG only)
  colours = check.list {},                  -- "#rrggbb" of each frame and caption
  columns = check.integer { min = 1 }, scale = check.integer { min = 1 },
  title = check.string {}, out = check.string {},
  row_labels = check.list {},               -- texts left of the rows (SVG only)
  range = check.list { of = check.number() }, -- values shown as black and white; default { 0, 1 }, u8: { 0, 255 }
}

local function scion() return require "scion" end

-- One image as u8 (H, W, C), C 1 or 3.
local function to_bytes(image, range)
  if image:dim() == 2 then image = image:reshape(1, image:size(1), image:size(2)) end
  if image:dim() ~= 3 or (image:size(1) ~= 1 and image:size(1) ~= 3) then
    error(("plot.images: an image must be (H, W), (1, H, W) or (3, H, W), got %s"):format(tostring(image.shape)), 4)
  end
  image = image:detach()
  local low, high = 0, image.dtype == "u8" and 255 or 1
  if range then low, high = range[1], range[2] end
  local scaled = image:to("f32"):sub(low):mul(255 / (high - low)):clamp(0, 255):round()
  local bytes = scaled:permute(2, 3, 1):contiguous():to("u8"):bytes()
  return { bytes = bytes, width = image:size(3), height = image:size(2), channels = image:size(1) }
end

local function collect(opts)
  local list, given = {}, opts.images
  if type(given) == "userdata" then
    for i = 1, #given do list[i] = to_bytes(given[i], opts.range) end
  else
    for i, image in ipairs(given) do list[i] = to_bytes(image, opts.range) end
  end
  if #list == 0 then error("plot.images: there is no image", 3) end
  return list
end

local function lines_of(text)
  local out = {}
  for line in (text .. "\n"):gmatch("(.-)\n") do out[#out + 1] = line end
  return out
end

local function draw_svg(opts, images, columns, scale)
  local cell_w, cell_h, text_lines = 0, 0, 0
  for i, image in ipairs(images) do
    cell_w, cell_h = math.max(cell_w, image.width * scale), math.max(cell_h, image.height * scale)
    local caption = opts.captions and opts.captions[i]
    if caption then
      local lines = lines_of(caption)
      text_lines = math.max(text_lines, #lines)
      for _, line in ipairs(lines) do cell_w = math.max(cell_w, (utf8.len(line) or #line) * 5.6) end
    end
  end
  local left = 12
  for _, label in ipairs(opts.row_labels or {}) do left = math.max(left, 20 + (utf8.len(label) or 0) * 6.6) end
  local top = opts.title and 40 or 12
  local step_x, step_y = cell_w + 12, cell_h + 12 + text_lines * 13
  local n_rows = (#images + columns - 1) // columns
  local canvas = svg.canvas(left + columns * step_x, top + n_rows * step_y + 4)
  canvas:rect(0, 0, canvas.width, canvas.height, { fill = "white" })
  if opts.title then
    canvas:text(canvas.width / 2, 25, opts.title, { fill = "#333333", text_anchor = "middle", font_size = 15, font_weight = "bold" })
  end
  for i, image in ipairs(images) do
    local row, column = (i - 1) // columns, (i - 1) % columns
    local w, h = image.width * scale, image.height * scale
    local x, y = left + column * step_x + (cell_w - w) / 2, top + row * step_y
    local colour = opts.colours and opts.colours[i]
    if column == 0 and opts.row_labels and opts.row_labels[row + 1] then
      canvas:text(left - 10, y + h / 2 + 4, opts.row_labels[row + 1], { fill = "#333333", text_anchor = "end" })
    end
    canvas:image(x, y, w, h, png.encode(image.bytes, image.width, image.height, image.channels))
    canvas:rect(x - 1, y - 1, w + 2, h + 2, { fill = "none", stroke = colour or "#bbbbbb", stroke_width = colour and 2.5 or 1 })
    local caption = opts.captions and opts.captions[i]
    if caption then
      for l, line in ipairs(lines_of(caption)) do
        canvas:text(x + w / 2, y + h + 1 + l * 13, line, { fill = colour or "#333333", text_anchor = "middle", font_size = 10.5 })
      end
    end
  end
  return canvas
end

local function rgb(colour)
  local r, g, b = colour:match("^#(%x%x)(%x%x)(%x%x)$")
  if not r then error(("plot.images: a colour is written '#rrggbb', got '%s'"):format(colour), 4) end
  return tonumber(r, 16), tonumber(g, 16), tonumber(b, 16)
end

-- The grid as one u8 tensor (H, W, 3), frames 2 pixels wide.
local function draw_pixels(opts, images, columns, scale)
  local cell_w, cell_h = 0, 0
  for _, image in ipairs(images) do
    cell_w, cell_h = math.max(cell_w, image.width * scale), math.max(cell_h, image.height * scale)
  end
  local gap, frame = 8, 2
  local n_rows = (#images + columns - 1) // columns
  local width, height = columns * (cell_w + gap) + gap, n_rows * (cell_h + gap) + gap
  local s = scion()
  local page = s.full({ height, width, 3 }, 255, { dtype = "u8" })
  local function block(x, y, w, h) return page:narrow(1, y, h):narrow(2, x, w) end
  for i, image in ipairs(images) do
    local row, column = (i - 1) // columns, (i - 1) % columns
    local w, h = image.width * scale, image.height * scale
    local x, y = gap + 1 + column * (cell_w + gap) + (cell_w - w) // 2, gap + 1 + row * (cell_h + gap)
    local colour = opts.colours and opts.colours[i]
    if colour then
      local r, g, b = rgb(colour)
      block(x - frame, y - frame, w + 2 * frame, h + 2 * frame):copy_(s.tensor({ r, g, b }, { dtype = "u8" }))
    end
    local pixels = s.from_bytes(image.bytes, "u8", { image.height, 1, image.width, 1, image.channels })
    pixels = pixels:expand(image.height, scale, image.width, scale, image.channels):reshape(h, w, image.channels)
    block(x, y, w, h):copy_(pixels)
  end
  return page
end

--- Draws the grid; returns the SVG drawing, or the u8 tensor (H, W, 3) when `out` ends in .png.
function M.grid(opts)
  opts = check.opts("plot.images", opts, OPTS, 4)
  local images = collect(opts)
  local columns = opts.columns or math.min(#images, 10)
  local scale = opts.scale or math.max(1, 56 // math.max(images[1].width, images[1].height))
  if opts.out and opts.out:lower():match("%.png$") then
    local page = draw_pixels(opts, images, columns, scale)
    files.write("plot.images", opts.out, png.encode(page:bytes(), page:size(2), page:size(1), 3))
    return page
  end
  local canvas = draw_svg(opts, images, columns, scale)
  if opts.out then files.save("plot.images", opts.out, canvas) end
  return canvas
end

return M
