-- Plots: line charts, scatter plots, bars with error marks, and grids of images with captions.
--
--   scion.plot.lines { series = { { label = "loss", y = losses } }, x_label = "step", out = "loss.svg" }
--
-- Every function returns the drawing (tostring gives SVG); `out` writes it to a file: .svg, or .png and .pdf where
-- rsvg-convert is installed. Image grids go to PNG without it.

local axes = require "scion.plot.axes"
local check = require "scion.check"
local files = require "scion.plot.file"
local svg = require "scion.plot.svg"

local M = {}

--- Colours that stay apart for colour-blind readers (after Okabe and Ito).
M.COLOURS = { "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#6b4c9a", "#333333" }
M.GOOD, M.BAD = "#009e73", "#d55e00"

local INK <const> = "#333333"

local COMMON <const> = {
  title = check.string {}, x_label = check.string {}, y_label = check.string {}, out = check.string {},
  width = check.integer { default = 640, min = 100 }, height = check.integer { default = 400, min = 100 },
  log_x = false, log_y = false,
}

local function options(where, given, extra)
  local rules = {}
  for name, rule in pairs(COMMON) do rules[name] = rule end
  for name, rule in pairs(extra) do rules[name] = rule end
  return check.opts(where, given, rules, 4)
end

local function numbers(value, where)
  if type(value) == "userdata" then value = value:reshape(-1):tolist() end
  if type(value) ~= "table" then error(("%s: expected a list of numbers, got %s"):format(where, check.describe(value)), 3) end
  return value
end

local function save(canvas, out)
  if out then files.save("plot", out, canvas) end
  return canvas
end

-- Reads the series: { label=, x=, y=, colour=, radius=, hollow=, line= }; x defaults to 1, 2, 3, ...
local function read_series(where, list)
  local out = {}
  local x_low, x_high, y_low, y_high, whole = math.huge, -math.huge, math.huge, -math.huge, true
  for i, given in ipairs(list) do
    local s = { label = given.label, colour = given.colour or M.COLOURS[(i - 1) % #M.COLOURS + 1], points = {}, radius = given.radius,
      hollow = given.hollow, line = given.line }
    local ys = numbers(given.y or given, where)
    local xs = given.x and numbers(given.x, where)
    if xs and #xs ~= #ys then
      error(("%s: series %d has %d x and %d y values"):format(where, i, #xs, #ys), 4)
    end
    for k = 1, #ys do
      local x, y = xs and xs[k] or k, ys[k]
      if x == x and y == y and math.abs(y) ~= math.huge then
        s.points[#s.points + 1] = { x, y }
        if x ~= math.floor(x) then whole = false end
        x_low, x_high = math.min(x_low, x), math.max(x_high, x)
        y_low, y_high = math.min(y_low, y), math.max(y_high, y)
      end
    end
    out[i] = s
  end
  if x_low > x_high then error(where .. ": there is nothing to draw", 4) end
  return out, x_low, x_high, y_low, y_high, whole
end

local function legend(canvas, entries, box, marker)
  local shown = {}
  for _, s in ipairs(entries) do
    if s.label then shown[#shown + 1] = s end
  end
  local y = box.y + 14
  for _, s in ipairs(shown) do
    local x = box.x + box.w + 14
    if marker == "dot" and not s.line then
      canvas:circle(x + 8, y - 4, 4, { fill = s.colour })
    else
      canvas:line(x, y - 4, x + 16, y - 4, { stroke = s.colour, stroke_width = 2.5 })
    end
    canvas:text(x + 22, y, s.label, { fill = INK })
    y = y + 18
  end
end

local function legend_width(list)
  local longest = 0
  for _, s in ipairs(list) do longest = math.max(longest, utf8.len(s.label or "") or 0) end
  return longest > 0 and 44 + longest * 6.6 or 16
end

local function prepare(opts, list)
  local canvas = svg.canvas(opts.width, opts.height)
  canvas:rect(0, 0, opts.width, opts.height, { fill = "white" })
  local left, top = opts.y_label and 70 or 54, opts.title and 36 or 14
  local box = { x = left, y = top }
  box.w = opts.width - left - legend_width(list)
  box.h = opts.height - top - (opts.x_label and 50 or 30)
  return canvas, box
end

local function check_log(where, low, log, axis)
  if log and low <= 0 then
    error(("%s: log_%s needs positive values, the smallest is %g"):format(where, axis, low), 4)
  end
end

local function chart(where, opts, list, draw, marker)
  local series, x_low, x_high, y_low, y_high, whole = read_series(where, list)
  check_log(where, x_low, opts.log_x, "x")
  check_log(where, y_low, opts.log_y, "y")
  local canvas, box = prepare(opts, series)
  local margin = opts.log_y and 0 or (y_high - y_low) * 0.04
  local xs = axes.scale(x_low, x_high, box.x + 6, box.x + box.w - 6, opts.log_x)
  if whole then axes.whole(xs) end
  local ys = axes.scale(y_low - margin, y_high + margin, box.y + box.h, box.y, opts.log_y)
  axes.frame(canvas, box, xs, ys, { title = opts.title, x = opts.x_label, y = opts.y_label })
  for _, s in ipairs(series) do draw(canvas, s, xs.map, ys.map) end
  legend(canvas, series, box, marker)
  return save(canvas, opts.out)
end

--- Line chart. opts.series: list of { label=, y=, x= } (lists or tensors).
function M.lines(opts)
  opts = options("plot.lines", opts, { series = check.list { required = true, min_length = 1 } })
  return chart("plot.lines", opts, opts.series, function(canvas, s, map_x, map_y)
    local points = {}
    for i, p in ipairs(s.points) do points[i] = { map_x(p[1]), map_y(p[2]) } end
    canvas:path(points, { stroke = s.colour, stroke_width = 2, stroke_linejoin = "round" })
    if #points == 1 then canvas:circle(points[1][1], points[1][2], 3, { fill = s.colour }) end
  end)
end

--- Scatter plot. opts.series: list of { label=, x=, y=, colour=, radius =, hollow = true for rings, line = true for a line in place of
--- points (a diagonal, say) }; opts.radius: of the points whose series says nothing.
function M.scatter(opts)
  opts = options("plot.scatter", opts, { series = check.list { required = true, min_length = 1 },
    radius = check.number { default = 3, above = 0 } })
  return chart("plot.scatter", opts, opts.series, function(canvas, s, map_x, map_y)
    if s.line then
      local points = {}
      for i, p in ipairs(s.points) do points[i] = { map_x(p[1]), map_y(p[2]) } end
      canvas:path(points, { stroke = s.colour, stroke_width = 1.5 })
      return
    end
    local style = s.hollow and { fill = "none", stroke = s.colour, stroke_width = 1.5 } or { fill = s.colour, fill_opacity = 0.7 }
    for _, p in ipairs(s.points) do canvas:circle(map_x(p[1]), map_y(p[2]), s.radius or opts.radius, style) end
  end, "dot")
end

--- Bars. opts.labels: names; opts.values: numbers; opts.errors: half lengths of error marks; opts.colours.
function M.bars(opts)
  opts = options("plot.bars", opts, { labels = check.list { required = true, min_length = 1 },
    values = check.any { required = true }, errors = check.any {}, colours = check.list {} })
  local values = numbers(opts.values, "plot.bars")
  local errors = opts.errors and numbers(opts.errors, "plot.bars") or {}
  if #values ~= #opts.labels then
    error(("plot.bars: %d labels but %d values"):format(#opts.labels, #values), 2)
  end
  local longest, low, high = 0, 0, -math.huge
  for i, v in ipairs(values) do
    longest = math.max(longest, utf8.len(opts.labels[i]) or 0)
    low, high = math.min(low, v - (errors[i] or 0)), math.max(high, v + (errors[i] or 0))
  end
  -- Horizontal bars: names stay readable however long they are.
  local bar = 24
  local top = opts.title and 36 or 12
  local height = top + #values * bar + (opts.x_label and 50 or 30)
  local canvas = svg.canvas(opts.width, height)
  canvas:rect(0, 0, opts.width, height, { fill = "white" })
  local left = 20 + longest * 6.6
  local right = opts.width - 90
  local scale = axes.scale(low, high, left, right)
  for _, v in ipairs(scale.ticks) do
    canvas:line(scale.map(v), top, scale.map(v), top + #values * bar, { stroke = "#e4e4e8" })
    canvas:text(scale.map(v), top + #values * bar + 16, ("%g"):format(v), { fill = INK, text_anchor = "middle", font_size = 11 })
  end
  if opts.title then
    canvas:text(opts.width / 2, 22, opts.title, { fill = INK, text_anchor = "middle", font_size = 15, font_weight = "bold" })
  end
  if opts.x_label then
    canvas:text((left + right) / 2, top + #values * bar + 38, opts.x_label, { fill = INK, text_anchor = "middle" })
  end
  for i, v in ipairs(values) do
    local y = top + (i - 1) * bar
    local zero, x = scale.map(0), scale.map(v)
    local colour = opts.colours and opts.colours[i] or M.COLOURS[(i - 1) % #M.COLOURS + 1]
    canvas:rect(math.min(zero, x), y + 4, math.abs(x - zero), bar - 8, { fill = colour, rx = 2 })
    canvas:text(left - 8, y + bar / 2 + 4, opts.labels[i], { fill = INK, text_anchor = "end" })
    local tip = x
    if errors[i] and errors[i] > 0 then
      local a, b = scale.map(v - errors[i]), scale.map(v + errors[i])
      canvas:line(a, y + bar / 2, b, y + bar / 2, { stroke = INK, stroke_width = 1.5 })
      tip = math.max(tip, b)
    end
    local text = errors[i] and ("%.1f ± %.1f"):format(v, errors[i]) or ("%.4g"):format(v)
    canvas:text(tip + 6, y + bar / 2 + 4, text, { fill = INK, font_size = 11 })
  end
  return save(canvas, opts.out)
end

--- Several charts side by side; see scion.plot.panels.
function M.panels(opts) return require("scion.plot.panels").panels(opts) end
--- Points of a grid over a rectangle as a tensor (n * n, 2), row by row of y: where a panel's heat is computed.
function M.grid_points(low, high, n) return require("scion.plot.panels").grid_points(low, high, n) end

--- A grid of images with captions; see scion.plot.images. Writes SVG or PNG by the ending of `out`.
function M.images(opts) return require("scion.plot.images").grid(opts) end

return M
