-- Pictures of a study of scion.hpo: history, convergence, the surrogate with its uncertainty and the acquisition, parallel
-- coordinates, slices, importance, Pareto front. Each takes (study, { out =, title =, width =, height = }) and returns the drawing.

local axes = require "scion.plot.axes"
local check = require "scion.check"
local files = require "scion.plot.file"
local plot = require "scion.plot"
local svg = require "scion.plot.svg"

local M = {}

local INK <const> = "#333333"

local OPTS <const> = { out = check.string {}, title = check.string {}, width = check.integer { min = 200 }, height = check.integer { min = 120 } }

local function options(where, opts) return check.opts("plot.study." .. where, opts, OPTS, 4) end

local function complete(where, study, at_least)
  local list = {}
  for _, trial in ipairs(study.trials) do
    if trial.state == "complete" then list[#list + 1] = trial end
  end
  if #list < (at_least or 1) then
    error(("plot.study.%s: needs %d complete trial%s, the study has %d"):format(where, at_least or 1, (at_least or 1) == 1 and "" or "s", #list), 3)
  end
  return list
end

local function one_objective(where, study)
  if #study.directions > 1 then error(("plot.study.%s: is for studies with one objective; see plot.study.pareto"):format(where), 3) end
end

local function write(canvas, out)
  if out then files.save("plot.study", out, canvas) end
  return canvas
end

-- From deep blue (t = 0) over green to yellow (t = 1): five stations of a map that stays readable in grey.
local STATIONS <const> = { { 68, 1, 84 }, { 59, 82, 139 }, { 33, 145, 140 }, { 94, 201, 98 }, { 253, 231, 37 } }
local function colour_bytes(t)
  if t ~= t then t = 0 end
  t = math.max(0, math.min(1, t)) * 4
  local i = math.min(3, math.floor(t))
  local out, f = {}, t - i
  for c = 1, 3 do out[c] = math.floor(STATIONS[i + 1][c] * (1 - f) + STATIONS[i + 2][c] * f + 0.5) end
  return out[1], out[2], out[3]
end
local function colour(t) return ("#%02x%02x%02x"):format(colour_bytes(t)) end

-- Position 0..1 of each complete trial: 1 is best.
local function goodness(study, list)
  local low, high = math.huge, -math.huge
  for _, trial in ipairs(list) do
    local v = study:sign() * trial.values[1]
    low, high = math.min(low, v), math.max(high, v)
  end
  local sorted, rank = {}, {}
  for i, trial in ipairs(list) do sorted[i] = study:sign() * trial.values[1] end
  table.sort(sorted)
  for i, v in ipairs(sorted) do rank[v] = rank[v] or i end
  return function(trial)
    if high == low then return 1 end
    return 1 - (rank[study:sign() * trial.values[1]] - 1) / math.max(1, #sorted - 1)
  end
end

-- ---- history and convergence ------------------------------------------------------------------------------------------

local function best_so_far(study, list)
  local xs, ys, best = {}, {}, nil
  for i, trial in ipairs(list) do
    if not best or study:sign() * trial.value < study:sign() * best then best = trial.value end
    xs[i], ys[i] = trial.id, best
  end
  return xs, ys
end

--- Values of the trials in their order, those stopped early apart, and the best so far.
function M.history(study, opts)
  local o = options("history", opts)
  one_objective("history", study)
  local list = complete("history", study)
  local xs, best = best_so_far(study, list)
  local done, pruned = { x = {}, y = {}, label = "complete", colour = plot.COLOURS[1] }, { x = {}, y = {}, label = "stopped early", colour = plot.COLOURS[6] }
  for _, trial in ipairs(study.trials) do
    local series = trial.state == "complete" and done or trial.state == "pruned" and pruned
    if series then series.x[#series.x + 1], series.y[#series.y + 1] = trial.id, trial.value end
  end
  local series = { { points = true, data = done } }
  if #pruned.x > 0 then series[2] = { points = true, data = pruned } end
  local w, h = o.width or 640, o.height or 360
  local canvas = svg.canvas(w, h)
  canvas:rect(0, 0, w, h, { fill = "white" })
  local low, high = math.huge, -math.huge
  for _, s in ipairs(series) do
    for _, y in ipairs(s.data.y) do low, high = math.min(low, y), math.max(high, y) end
  end
  local box = { x = 70, y = 36, w = w - 200, h = h - 86 }
  local map_x = axes.whole(axes.scale(1, math.max(2, #study.trials), box.x + 6, box.x + box.w - 6))
  local pad = (high - low) * 0.05
  local map_y = axes.scale(low - pad, high + pad, box.y + box.h, box.y)
  axes.frame(canvas, box, map_x, map_y, { title = o.title or "History", x = "trial", y = "value" })
  local y_at = box.y + 14
  for _, s in ipairs(series) do
    for i, x in ipairs(s.data.x) do canvas:circle(map_x.map(x), map_y.map(s.data.y[i]), 3, { fill = s.data.colour, fill_opacity = 0.7 }) end
    canvas:circle(box.x + box.w + 22, y_at - 4, 4, { fill = s.data.colour })
    canvas:text(box.x + box.w + 32, y_at, s.data.label, { fill = INK })
    y_at = y_at + 18
  end
  local path = {}
  for i, x in ipairs(xs) do
    if i > 1 then path[#path + 1] = { map_x.map(x), map_y.map(best[i - 1]) } end
    path[#path + 1] = { map_x.map(x), map_y.map(best[i]) }
  end
  canvas:path(path, { stroke = plot.BAD, stroke_width = 2 })
  canvas:line(box.x + box.w + 14, y_at - 4, box.x + box.w + 30, y_at - 4, { stroke = plot.BAD, stroke_width = 2.5 })
  canvas:text(box.x + box.w + 36, y_at, "best so far", { fill = INK })
  return write(canvas, o.out)
end

--- Two panels, as in GPyOpt: distance between consecutive points (in units of the domains), and the best value so far.
function M.convergence(study, opts)
  local o = options("convergence", opts)
  one_objective("convergence", study)
  local list = complete("convergence", study)
  local w, h = o.width or 900, o.height or 340
  local canvas = svg.canvas(w, h)
  canvas:rect(0, 0, w, h, { fill = "white" })
  local xs, best = best_so_far(study, list)
  local steps_x, steps = {}, {}
  for i = 2, #list do
    local a, b, sum = study.space:encode(list[i - 1].params), study.space:encode(list[i].params), 0
    for k = 1, #a do sum = sum + (a[k] - b[k]) ^ 2 end
    steps_x[#steps_x + 1], steps[#steps + 1] = list[i].id, math.sqrt(sum)
  end
  local function panel(x, title, y_label, px, py)
    local box = { x = x, y = 36, w = w / 2 - 90, h = h - 86 }
    local low, high = math.huge, -math.huge
    for _, v in ipairs(py) do low, high = math.min(low, v), math.max(high, v) end
    if #py == 0 then low, high = 0, 1 end
    local pad = (high - low) * 0.05
    local map_x = axes.whole(axes.scale(1, math.max(2, #study.trials), box.x + 6, box.x + box.w - 6))
    local map_y = axes.scale(low - pad, high + pad, box.y + box.h, box.y)
    axes.frame(canvas, box, map_x, map_y, { title = title, x = "trial", y = y_label, y_at = x - 54 })
    local points = {}
    for i, v in ipairs(py) do
      points[i] = { map_x.map(px[i]), map_y.map(v) }
      canvas:circle(points[i][1], points[i][2], 2.5, { fill = plot.COLOURS[1] })
    end
    if #points > 1 then canvas:path(points, { stroke = plot.COLOURS[1], stroke_width = 1.5 }) end
  end
  panel(70, "Distance between consecutive points", "distance", steps_x, steps)
  panel(w / 2 + 70, o.title or "Best value so far", "value", xs, best)
  return write(canvas, o.out)
end

-- ---- the surrogate -----------------------------------------------------------------------------------------------------------

-- The process refitted in units of the value (sign included), for drawing: same points, values as they are.
local function surrogate(study)
  local scion = require "scion"
  local rows, values = {}, {}
  for _, trial in ipairs(study.trials) do
    if trial.state == "complete" then
      rows[#rows + 1], values[#values + 1] = study.space:encode(trial.params), trial.value
    end
  end
  local gp = scion.GaussianProcess { tie = study.space.tie, seed = study.seed, restarts = 4,
    priors = { length_scale = { math.log(0.5), 1 }, noise = { math.log(1e-6), 3 } } }
  return gp:fit(scion.tensor(rows, { dtype = "f64" }), values)
end

local function numeric(p) return p.type ~= "categorical" end

-- Mean, deviation and acquisition (scaled to 0..1) at encoded rows.
local function evaluate(study, gp, rows)
  local scion = require "scion"
  return scion.no_grad(function()
    local mean, variance = gp:predict(scion.tensor(rows, { dtype = "f64" }))
    local at_points = (gp:predict(gp.x)):mul(study:sign())
    local deviation = variance:sqrt()
    local z = mean:mul(-study:sign()):add(at_points:min():item()):div(deviation)
    local ei = z:log_expected_improvement():exp():mul(deviation)
    local low, high = ei:min():item(), ei:max():item()
    return mean:tolist(), deviation:tolist(), ei:sub(low):div(math.max(high - low, 1e-300)):tolist()
  end)
end

local function axis_of(p, from, to)
  local s = axes.scale(p.low, p.high > p.low and p.high or p.low + 1, from, to, p.scale == "log")
  if p.values and #p.values <= 8 then -- marks where there are values
    s.ticks, s.step = p.values, nil
  elseif p.type == "integer" then
    axes.whole(s)
  end
  return s
end

local function acquisition_1d(study, o, gp, p, list)
  local w, h = o.width or 760, o.height or 460
  local canvas = svg.canvas(w, h)
  canvas:rect(0, 0, w, h, { fill = "white" })
  local n, rows, us = 241, {}, {}
  if p.count and p.count < n then n = math.max(p.count, 2) end
  for i = 1, n do
    us[i] = (i - 1) / (n - 1)
    local params = {}
    params[p.name] = study.space:value_at(p, math.min(us[i], 1 - 1e-12))
    us[i] = p.scale == "log" and math.log(params[p.name] / p.low) / math.log(p.high / p.low) or (params[p.name] - p.low) / math.max(p.high - p.low, 1e-300)
    rows[i] = study.space:encode(params)
  end
  local mean, deviation, ei = evaluate(study, gp, rows)
  local low, high = math.huge, -math.huge
  for i = 1, n do low, high = math.min(low, mean[i] - 2 * deviation[i]), math.max(high, mean[i] + 2 * deviation[i]) end
  for _, trial in ipairs(list) do low, high = math.min(low, trial.value), math.max(high, trial.value) end
  local box = { x = 74, y = 36, w = w - 240, h = h * 0.62 - 36 }
  local lower = { x = box.x, y = h * 0.70, w = box.w, h = h * 0.30 - 52 }
  local map_x = axis_of(p, box.x, box.x + box.w)
  local function at(u) return box.x + u * box.w end
  local map_y = axes.scale(low, high, box.y + box.h, box.y)
  axes.frame(canvas, box, map_x, map_y, { title = o.title or "Surrogate and acquisition", y = "value" })
  local band, line = {}, {}
  for i = 1, n do band[i] = { at(us[i]), map_y.map(mean[i] + 2 * deviation[i]) } end
  for i = n, 1, -1 do band[#band + 1] = { at(us[i]), map_y.map(mean[i] - 2 * deviation[i]) } end
  for i = 1, n do line[i] = { at(us[i]), map_y.map(mean[i]) } end
  canvas:path(band, { fill = plot.COLOURS[1], fill_opacity = 0.18, stroke = "none" })
  canvas:path(line, { stroke = plot.COLOURS[1], stroke_width = 2 })
  for _, trial in ipairs(list) do
    canvas:circle(map_x.map(trial.params[p.name]), map_y.map(trial.value), 3.5, { fill = plot.BAD, stroke = "white" })
  end
  local map_a = axes.scale(0, 1, lower.y + lower.h, lower.y)
  axes.frame(canvas, lower, map_x, map_a, { x = p.name, y = "EI" })
  local ei_line, best = {}, 1
  for i = 1, n do
    ei_line[i] = { at(us[i]), map_a.map(ei[i]) }
    if ei[i] > ei[best] then best = i end
  end
  canvas:path(ei_line, { stroke = plot.COLOURS[3], stroke_width = 2 })
  canvas:line(at(us[best]), lower.y, at(us[best]), lower.y + lower.h, { stroke = plot.COLOURS[4], stroke_dasharray = "4 3", stroke_width = 1.5 })
  local x, y = box.x + box.w + 14, box.y + 14
  for _, entry in ipairs { { "mean", plot.COLOURS[1] }, { "± 2 deviations", "#c5daea" }, { "trials", plot.BAD }, { "expected improvement", plot.COLOURS[3] },
    { "next", plot.COLOURS[4] } } do
    canvas:line(x, y - 4, x + 16, y - 4, { stroke = entry[2], stroke_width = 4 })
    canvas:text(x + 22, y, entry[1], { fill = INK })
    y = y + 18
  end
  return canvas
end

-- The value of a parameter at a share of its axis: the nearest that it has.
local function value_on_axis(p, u)
  local v = p.scale == "log" and p.low * (p.high / p.low) ^ u or p.low + (p.high - p.low) * u
  if p.type == "integer" then return math.tointeger(math.floor(v + 0.5)) end
  if not p.values then return v end
  local best = p.values[1]
  local function away(value) return p.scale == "log" and math.abs(math.log(value / v)) or math.abs(value - v) end
  for _, value in ipairs(p.values) do
    if away(value) < away(best) then best = value end
  end
  return best
end

local function acquisition_2d(study, o, gp, p, q, list)
  local png = require "scion.plot.png"
  local w, h = o.width or 1080, o.height or 380
  local canvas = svg.canvas(w, h)
  canvas:rect(0, 0, w, h, { fill = "white" })
  local n, rows = 60, {}
  for j = 1, n do
    for i = 1, n do
      local params = {}
      params[p.name] = value_on_axis(p, (i - 0.5) / n)
      params[q.name] = value_on_axis(q, 1 - (j - 0.5) / n)
      rows[#rows + 1] = study.space:encode(params)
    end
  end
  local mean, deviation, ei = evaluate(study, gp, rows)
  for k, panel in ipairs { { "Mean", mean }, { "Deviation", deviation }, { "Acquisition (expected improvement)", ei } } do
    local box = { x = 64 + (k - 1) * (w / 3), y = 36, w = w / 3 - 132, h = h - 92 }
    local low, high = math.huge, -math.huge
    for _, v in ipairs(panel[2]) do low, high = math.min(low, v), math.max(high, v) end
    local bytes = {}
    for i, v in ipairs(panel[2]) do bytes[i] = string.char(colour_bytes((v - low) / math.max(high - low, 1e-300))) end
    local map_x, map_y = axis_of(p, box.x, box.x + box.w), axis_of(q, box.y + box.h, box.y)
    axes.frame(canvas, box, map_x, map_y, { x = p.name, y = k == 1 and q.name or nil })
    canvas:text(box.x + box.w / 2, 24, panel[1], { fill = INK, text_anchor = "middle", font_size = 14, font_weight = "bold" })
    canvas:image(box.x, box.y, box.w, box.h, png.encode(table.concat(bytes), n, n, 3))
    for _, trial in ipairs(list) do
      canvas:circle(map_x.map(trial.params[p.name]), map_y.map(trial.params[q.name]), 2.5, { fill = plot.BAD, stroke = "white", stroke_width = 0.7 })
    end
    for step = 0, 20 do -- what the colours mean
      canvas:rect(box.x + box.w + 6, box.y + box.h * (1 - (step + 1) / 21), 9, box.h / 21 + 0.5, { fill = colour(step / 20) })
    end
    canvas:text(box.x + box.w + 19, box.y + 9, ("%.3g"):format(high), { fill = INK, font_size = 10 })
    canvas:text(box.x + box.w + 19, box.y + box.h, ("%.3g"):format(low), { fill = INK, font_size = 10 })
  end
  return canvas
end

--- The surrogate's mean and uncertainty and the acquisition, over one or two parameters. Larger spaces and
--- categories: see slices and parallel.
function M.acquisition(study, opts)
  local o = options("acquisition", opts)
  one_objective("acquisition", study)
  local list = complete("acquisition", study, 2)
  local space = study.space
  if #space > 2 then
    error(("plot.study.acquisition: draws spaces of one or two parameters, this one has %d; see slices and parallel"):format(#space), 2)
  end
  for _, p in ipairs(space) do
    if p.conditions then error("plot.study.acquisition: the space is conditional; see slices", 2) end
  end
  local gp = surrogate(study)
  local canvas
  if #space == 1 and numeric(space[1]) then
    canvas = acquisition_1d(study, o, gp, space[1], list)
  elseif #space == 2 and numeric(space[1]) and numeric(space[2]) then
    canvas = acquisition_2d(study, o, gp, space[1], space[2], list)
  else
    error("plot.study.acquisition: categories have no axis; see slices and parallel", 2)
  end
  return write(canvas, o.out)
end

-- ---- parameters -----------------------------------------------------------------------------------------------------------------

local function place(space, p, value)
  if value == nil then return nil end
  return space:unit_of(p, value)
end

-- Labels along the axis of a parameter: { u, text }.
local function marks(space, p)
  local out = {}
  if p.values and #p.values <= 8 then
    for _, value in ipairs(p.values) do out[#out + 1] = { space:unit_of(p, value), require("scion.hpo.space").value_text(value) } end
  else
    for _, u in ipairs { 0, 0.5, 1 } do
      out[#out + 1] = { u, require("scion.hpo.space").value_text(space:value_at(p, math.min(u, 1 - 1e-12))) }
    end
    for _, mark in ipairs(out) do mark[2] = tonumber(mark[2]) and ("%.3g"):format(tonumber(mark[2])) or mark[2] end
  end
  return out
end

-- A text of at most so many characters.
local function shortened(text, n)
  n = math.max(3, math.floor(n))
  local length = utf8.len(text)
  if not length or length <= n then return text end
  return text:sub(1, utf8.offset(text, n) - 1) .. "…"
end

--- Every trial as a line over one axis per parameter; the brighter, the better.
function M.parallel(study, opts)
  local o = options("parallel", opts)
  local list, space = complete("parallel", study), study.space
  local w, h = o.width or math.max(480, 130 * (#space + 1)), o.height or 360
  local canvas = svg.canvas(w, h)
  canvas:rect(0, 0, w, h, { fill = "white" })
  canvas:text(w / 2, 22, o.title or "Parallel coordinates", { fill = INK, text_anchor = "middle", font_size = 15, font_weight = "bold" })
  local top, bottom, left, right = 56, h - 24, 70, w - 70
  local n_axes = #space + 1
  local function axis_x(k) return left + (k - 1) * (right - left) / (n_axes - 1) end
  local function axis_y(u) return bottom - u * (bottom - top) end
  local good = goodness(study, list)
  local order = table.move(list, 1, #list, 1, {})
  table.sort(order, function(a, b)
    local x, y = good(a), good(b)
    if x ~= y then return x < y end
    return a.id < b.id
  end)
  for _, trial in ipairs(order) do
    local g, points = good(trial), {}
    for k, p in ipairs(space) do
      local u = place(space, p, trial.params[p.name])
      if u then points[#points + 1] = { axis_x(k), axis_y(u) } end
    end
    points[#points + 1] = { axis_x(n_axes), axis_y(g) }
    canvas:path(points, { stroke = colour(g), stroke_width = g == 1 and 2.5 or 1.2, stroke_opacity = 0.35 + 0.6 * g })
  end
  for k = 1, n_axes do
    local p = space[k]
    canvas:line(axis_x(k), top, axis_x(k), bottom, { stroke = INK })
    canvas:text(axis_x(k), top - 12, p and p.name or "rank (1 best)", { fill = INK, text_anchor = "middle", font_weight = "bold" })
    for _, mark in ipairs(p and marks(space, p) or { { 0, "worst" }, { 1, "best" } }) do
      canvas:text(axis_x(k) - 5, axis_y(mark[1]) + 4, mark[2], { fill = INK, text_anchor = "end", font_size = 10 })
    end
  end
  return write(canvas, o.out)
end

--- Value against each parameter, a panel each; the brighter, the later.
function M.slices(study, opts)
  local o = options("slices", opts)
  one_objective("slices", study)
  local list, space = complete("slices", study), study.space
  local columns = math.min(3, #space)
  local rows = (#space + columns - 1) // columns
  local w, h = o.width or 300 * columns + 60, o.height or 240 * rows + 40
  local canvas = svg.canvas(w, h)
  canvas:rect(0, 0, w, h, { fill = "white" })
  canvas:text(w / 2, 22, o.title or "Slices", { fill = INK, text_anchor = "middle", font_size = 15, font_weight = "bold" })
  local low, high = math.huge, -math.huge
  for _, trial in ipairs(list) do low, high = math.min(low, trial.value), math.max(high, trial.value) end
  local pad = (high - low) * 0.05
  for k, p in ipairs(space) do
    local cw, ch = (w - 60) / columns, (h - 40) / rows
    local box = { x = 60 + ((k - 1) % columns) * cw, y = 40 + ((k - 1) // columns) * ch, w = cw - 40, h = ch - 62 }
    local map_y = axes.scale(low - pad, high + pad, box.y + box.h, box.y)
    axes.frame(canvas, box, nil, map_y, { x = p.name })
    local labels = marks(space, p)
    for _, mark in ipairs(labels) do
      canvas:text(box.x + mark[1] * box.w, box.y + box.h + 16, shortened(mark[2], box.w / #labels / 8), { fill = INK, text_anchor = "middle", font_size = 11 })
    end
    for i, trial in ipairs(list) do
      local u = place(space, p, trial.params[p.name])
      if u then
        canvas:circle(box.x + u * box.w, map_y.map(trial.value), 3, { fill = colour(i / #list), fill_opacity = 0.8, stroke = INK, stroke_width = 0.3 })
      end
    end
  end
  return write(canvas, o.out)
end

--- Bars of the share of the variance that each parameter explains, with its interactions; see scion.hpo.importance.
function M.importance(study, opts)
  local o = options("importance", opts)
  local list = require("scion.hpo.importance").importance(study)
  if not list then error("plot.study.importance: needs 2 complete trials", 2) end
  local labels, values = {}, {}
  for i, item in ipairs(list) do labels[i], values[i] = item.name, item.total end
  local canvas = plot.bars { labels = labels, values = values, title = o.title or "Importance (fANOVA, total effects)",
    x_label = "share of the variance", width = o.width or 560 }
  return write(canvas, o.out)
end

--- Two objectives: all trials, and the front of those that none beats in both.
function M.pareto(study, opts)
  local o = options("pareto", opts)
  if #study.directions ~= 2 then error("plot.study.pareto: needs a study of two objectives", 2) end
  local list = complete("pareto", study)
  local front, on_front = study:pareto(), {}
  for _, trial in ipairs(front) do on_front[trial] = true end
  local a, b = { x = {}, y = {}, label = "beaten", colour = "#aaaaaa" }, { x = {}, y = {}, label = "Pareto front", colour = plot.BAD }
  for _, trial in ipairs(list) do
    local series = on_front[trial] and b or a
    series.x[#series.x + 1], series.y[#series.y + 1] = trial.values[1], trial.values[2]
  end
  local series = {}
  if #a.x > 0 then series[1] = a end
  series[#series + 1] = b
  local canvas = plot.scatter { series = series, radius = 4, title = o.title or "Pareto front", width = o.width or 560, height = o.height or 420,
    x_label = ("objective 1 (%s)"):format(study.directions[1]), y_label = ("objective 2 (%s)"):format(study.directions[2]) }
  return write(canvas, o.out)
end

return M
