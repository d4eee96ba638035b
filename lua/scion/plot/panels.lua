-- Small charts side by side on one drawing, each with its own axes: lines, dots, and a coloured surface behind them.

local axes = require "scion.plot.axes"
local check = require "scion.check"
local files = require "scion.plot.file"
local svg = require "scion.plot.svg"

local M = {}

local OPTS <const> = {
  -- each { series = { { x =, y =, colour =, label =, dots = } }, title =, x_label =, y_label =, log_x =, log_y =,
  --        heat = { x = { low, high }, y = { low, high }, n =, z = n * n numbers row by row of y } }
  panels = check.list { required = true, min_length = 1 },
  columns = check.integer { min = 1 }, panel_width = check.integer { default = 320, min = 120 }, panel_height = check.integer { default = 240, min = 100 },
  title = check.string {}, out = check.string {},
}

local INK <const> = "#333333"
local COLOURS <const> = { "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#6b4c9a", "#333333" }

local function numbers(value)
  if type(value) == "userdata" then return value:reshape(-1):tolist() end
  return value
end

--- Points of a grid over the rectangle from low { x, y } to high, n a side: a tensor (n * n, 2), x runs fastest.
function M.grid_points(low, high, n)
  local scion = require "scion"
  local corner = check.list { required = true, min_length = 2, of = check.number() }
  low, high = check.arg("plot.grid_points", "low", low, corner), check.arg("plot.grid_points", "high", high, corner)
  n = check.arg("plot.grid_points", "n", n, check.integer { required = true, min = 1 })
  local x = scion.linspace(low[1], high[1], n):reshape(1, n):expand(n, n):reshape(-1)
  local y = scion.linspace(low[2], high[2], n):reshape(n, 1):expand(n, n):reshape(-1)
  return scion.stack({ x, y }, 2)
end

local function extent(panel)
  local x = { math.huge, -math.huge }
  local y = { math.huge, -math.huge }
  local whole = not panel.heat
  local function take(range, v)
    if v == v and math.abs(v) ~= math.huge then range[1], range[2] = math.min(range[1], v), math.max(range[2], v) end
  end
  for _, s in ipairs(panel.series or {}) do
    local ys = numbers(s.y)
    local xs = s.x and numbers(s.x)
    for i = 1, #ys do
      take(x, xs and xs[i] or i)
      if xs and xs[i] ~= math.floor(xs[i]) then whole = false end
      take(y, ys[i])
    end
  end
  if panel.heat then
    for d = 1, 2 do
      take(x, panel.heat.x[d])
      take(y, panel.heat.y[d])
    end
  end
  return x, y, whole
end

-- Light where z is low; ranks, so that one steep corner does not wash the rest out.
local function draw_heat(canvas, heat, map_x, map_y)
  local z, n = numbers(heat.z), heat.n
  local sorted = {}
  for i, v in ipairs(z) do sorted[i] = v end
  table.sort(sorted)
  local bands, limits = 12, {}
  for b = 1, bands - 1 do limits[b] = sorted[math.max(1, #sorted * b // bands)] end
  local x0, x1, y0, y1 = map_x(heat.x[1]), map_x(heat.x[2]), map_y(heat.y[2]), map_y(heat.y[1])
  local w, h = (x1 - x0) / n, (y1 - y0) / n
  for row = 1, n do
    for column = 1, n do
      local v, band = z[(row - 1) * n + column], 0
      while band < bands - 1 and v > limits[band + 1] do band = band + 1 end
      local level = 250 - math.floor(band * 90 / bands)
      canvas:rect(x0 + (column - 1) * w, y1 - row * h, w + 0.5, h + 0.5, { fill = ("#%02x%02x%02x"):format(level, level, math.min(255, level + 8)) })
    end
  end
end

local function draw_panel(canvas, panel, box, index)
  local x, y, whole = extent(panel)
  if x[1] > x[2] then error(("plot.panels: panel %d has nothing to draw"):format(index), 4) end
  local margin = (panel.log_y or panel.heat) and 0 or (y[2] - y[1]) * 0.04
  for axis, range in pairs { x = x, y = y } do
    if panel["log_" .. axis] and range[1] <= 0 then
      error(("plot.panels: log_%s of panel %d needs positive values, the smallest is %g"):format(axis, index, range[1]), 4)
    end
  end
  local xs = axes.scale(x[1], x[2], box.x, box.x + box.w, panel.log_x)
  if whole then axes.whole(xs) end
  local ys = axes.scale(y[1] - margin, y[2] + margin, box.y + box.h, box.y, panel.log_y)
  if panel.heat then draw_heat(canvas, panel.heat, xs.map, ys.map) end
  axes.frame(canvas, box, xs, ys, { x = panel.x_label })
  if panel.title then canvas:text(box.x + box.w / 2, box.y - 8, panel.title, { fill = INK, text_anchor = "middle", font_weight = "bold" }) end
  if panel.y_label then
    local lx, ly = box.x - 44, box.y + box.h / 2
    canvas:text(lx, ly, panel.y_label, { fill = INK, text_anchor = "middle", transform = ("rotate(-90 %.1f %.1f)"):format(lx, ly) })
  end
  local key_y = box.y + 14
  for k, s in ipairs(panel.series or {}) do
    local colour = s.colour or COLOURS[(k - 1) % #COLOURS + 1]
    local points, yv, xv = {}, numbers(s.y), s.x and numbers(s.x)
    for i = 1, #yv do
      if yv[i] == yv[i] and math.abs(yv[i]) ~= math.huge then points[#points + 1] = { xs.map(xv and xv[i] or i), ys.map(yv[i]) } end
    end
    if s.dots or #points == 1 then
      for _, p in ipairs(points) do canvas:circle(p[1], p[2], 3.2, { fill = colour, stroke = "white", stroke_width = 0.8 }) end
    elseif #points > 1 then
      canvas:path(points, { stroke = colour, stroke_width = 1.8, stroke_linejoin = "round" })
    end
    if s.label then
      canvas:line(box.x + box.w - 96, key_y - 4, box.x + box.w - 82, key_y - 4, { stroke = colour, stroke_width = 2.5 })
      canvas:text(box.x + box.w - 78, key_y, s.label, { fill = INK, font_size = 11 })
      key_y = key_y + 15
    end
  end
end

--- Charts side by side. opts: panels (list of { series, title, x_label, y_label, log_x, log_y, heat }), columns, panel_width, panel_height,
--- title, out (SVG). A series is { y =, x = 1, 2, ..., colour =, label =, dots = true for a point each }.
function M.panels(opts)
  opts = check.opts("plot.panels", opts, OPTS, 4)
  local n = #opts.panels
  local columns = math.min(opts.columns or math.min(n, 3), n)
  local rows = (n + columns - 1) // columns
  local top = opts.title and 34 or 8
  local canvas = svg.canvas(columns * opts.panel_width, top + rows * opts.panel_height)
  canvas:rect(0, 0, canvas.width, canvas.height, { fill = "white" })
  if opts.title then canvas:text(canvas.width / 2, 22, opts.title, { fill = INK, text_anchor = "middle", font_size = 15, font_weight = "bold" }) end
  for i, panel in ipairs(opts.panels) do
    local column, row = (i - 1) % columns, (i - 1) // columns
    local box = { x = column * opts.panel_width + 60, y = top + row * opts.panel_height + 26, w = opts.panel_width - 74, h = opts.panel_height - 76 }
    draw_panel(canvas, panel, box, i)
  end
  if opts.out then files.save("plot.panels", opts.out, canvas) end
  return canvas
end

return M
