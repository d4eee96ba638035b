-- Axes of a chart: round tick marks, linear or logarithmic scales, the frame with labels.

local M = {}

--- About `count` round numbers that cover [low, high]: 1, 2 or 5 times a power of ten apart.
function M.ticks(low, high, count)
  local span = high - low
  local step = 10 ^ math.floor(math.log(span / count, 10))
  for _, factor in ipairs { 1, 2, 5, 10 } do
    if span / (step * factor) <= count then
      step = step * factor
      break
    end
  end
  local ticks = {}
  for i = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) do ticks[#ticks + 1] = i * step end
  return ticks, step
end

local function log_ticks(low, high)
  local ticks = {}
  local first, last = math.floor(math.log(low, 10)), math.ceil(math.log(high, 10))
  local every = math.max(1, math.ceil((last - first) / 7))
  for e = first, last, every do
    local v = 10.0 ^ e
    if v >= low * 0.999 and v <= high * 1.001 then ticks[#ticks + 1] = v end
  end
  if #ticks < 2 then return M.ticks(low, high, 4) end
  return ticks
end

local function tick_text(v, step)
  if v == 0 then return "0" end
  local size = math.abs(v)
  if size >= 1e5 or size < 1e-3 then return (("%.2e"):format(v):gsub("%.?0*e([+-])0*", "e%1"):gsub("e%+", "e")) end
  local digits = step and math.max(0, -math.floor(math.log(step, 10) + 1e-9)) or 3
  local text = ("%." .. math.min(digits, 6) .. "f"):format(v)
  if not step and text:find("%.") then text = text:gsub("%.?0+$", "") end
  return text
end

--- A scale from data to pixels: a function, with its ticks and range.
function M.scale(low, high, from, to, log)
  if not (low < high) then
    local pad = low == 0 and 1 or math.abs(low) * 0.1
    if log then low, high = low / 2, high * 2 else low, high = low - pad, high + pad end
  end
  local ticks, step
  if log then ticks = log_ticks(low, high) else ticks, step = M.ticks(low, high, 6) end
  local function map(v)
    local t
    if log then
      t = math.log(math.max(v, low * 1e-3) / low) / math.log(high / low)
    else
      t = (v - low) / (high - low)
    end
    return from + t * (to - from)
  end
  return { map = map, ticks = ticks, step = not log and step or nil, low = low, high = high, log = log }
end

--- Marks of a scale at whole numbers alone: of epochs, steps, trials.
function M.whole(scale)
  if not scale.step or scale.step >= 1 or scale.high - scale.low < 1 then return scale end
  scale.ticks, scale.step = {}, 1
  for v = math.ceil(scale.low), math.floor(scale.high) do scale.ticks[#scale.ticks + 1] = v end
  return scale
end

local INK <const>, GRID <const> = "#333333", "#e4e4e8"

--- Draws title, grid, tick labels and axis labels around the rectangle `box` { x, y, w, h }.
function M.frame(canvas, box, x_scale, y_scale, labels)
  for _, v in ipairs(y_scale.ticks) do
    local y = y_scale.map(v)
    canvas:line(box.x, y, box.x + box.w, y, { stroke = GRID })
    canvas:text(box.x - 6, y + 4, tick_text(v, y_scale.step), { fill = INK, text_anchor = "end", font_size = 11 })
  end
  for _, v in ipairs(x_scale and x_scale.ticks or {}) do
    local x = x_scale.map(v)
    canvas:line(x, box.y, x, box.y + box.h, { stroke = GRID })
    canvas:text(x, box.y + box.h + 16, tick_text(v, x_scale.step), { fill = INK, text_anchor = "middle", font_size = 11 })
  end
  canvas:line(box.x, box.y + box.h, box.x + box.w, box.y + box.h, { stroke = INK })
  if labels.title then
    canvas:text(box.x + box.w / 2, 22, labels.title, { fill = INK, text_anchor = "middle", font_size = 15, font_weight = "bold" })
  end
  if labels.x then
    canvas:text(box.x + box.w / 2, box.y + box.h + 36, labels.x, { fill = INK, text_anchor = "middle" })
  end
  if labels.y then
    local x, y = labels.y_at or 16, box.y + box.h / 2
    canvas:text(x, y, labels.y, { fill = INK, text_anchor = "middle", transform = ("rotate(-90 %d %.1f)"):format(x, y) })
  end
end

return M
