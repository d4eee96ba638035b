-- A small SVG writer: elements are appended in drawing order, numbers are rounded to 2 digits.

local M = {}

local Canvas = {}
Canvas.__index = Canvas

local ENTITIES <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }
function M.escape(text) return (tostring(text):gsub('[&<>"]', ENTITIES)) end

local function number(v)
  local text = ("%.2f"):format(v):gsub("%.?0+$", "")
  return text == "-0" and "0" or text
end
M.number = number

local function attributes(attrs)
  local names = {}
  for name in pairs(attrs or {}) do names[#names + 1] = name end
  table.sort(names)
  local parts = {}
  for i, name in ipairs(names) do
    local value = attrs[name]
    if type(value) == "number" then value = number(value) else value = M.escape(value) end
    parts[i] = (' %s="%s"'):format(name:gsub("_", "-"), value)
  end
  return table.concat(parts)
end

--- An empty drawing of the given size in pixels.
function M.canvas(width, height)
  return setmetatable({ width = width, height = height, parts = {} }, Canvas)
end

function Canvas:add(element, attrs, content)
  self.parts[#self.parts + 1] = content
    and ("<%s%s>%s</%s>"):format(element, attributes(attrs), content, element)
    or ("<%s%s/>"):format(element, attributes(attrs))
  return self
end

function Canvas:rect(x, y, w, h, attrs)
  attrs = attrs or {}
  attrs.x, attrs.y, attrs.width, attrs.height = x, y, math.max(w, 0), math.max(h, 0)
  return self:add("rect", attrs)
end

function Canvas:line(x1, y1, x2, y2, attrs)
  attrs = attrs or {}
  attrs.x1, attrs.y1, attrs.x2, attrs.y2 = x1, y1, x2, y2
  return self:add("line", attrs)
end

function Canvas:circle(x, y, r, attrs)
  attrs = attrs or {}
  attrs.cx, attrs.cy, attrs.r = x, y, r
  return self:add("circle", attrs)
end

--- A broken line through a list of { x, y }.
function Canvas:path(points, attrs)
  local words = {}
  for i, p in ipairs(points) do words[i] = (i == 1 and "M" or "L") .. number(p[1]) .. " " .. number(p[2]) end
  attrs = attrs or {}
  attrs.d = table.concat(words)
  attrs.fill = attrs.fill or "none"
  return self:add("path", attrs)
end

function Canvas:text(x, y, text, attrs)
  attrs = attrs or {}
  attrs.x, attrs.y = x, y
  return self:add("text", attrs, M.escape(text))
end

--- A picture given as PNG bytes.
function Canvas:image(x, y, w, h, png)
  return self:add("image", { x = x, y = y, width = w, height = h, ["image-rendering"] = "pixelated", preserveAspectRatio = "none",
    ["href"] = "data:image/png;base64," .. M.base64(png) })
end

local ALPHABET <const> = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

function M.base64(bytes)
  local out = {}
  for i = 1, #bytes, 3 do
    local a, b, c = bytes:byte(i, i + 2)
    local word = a << 16 | (b or 0) << 8 | (c or 0)
    local text = ""
    for shift = 18, 0, -6 do
      local at = (word >> shift & 63) + 1
      text = text .. ALPHABET:sub(at, at)
    end
    if not b then text = text:sub(1, 2) .. "==" elseif not c then text = text:sub(1, 3) .. "=" end
    out[#out + 1] = text
  end
  return table.concat(out)
end

Canvas.__tostring = function(self)
  return ('<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %s %s" '
    .. 'font-family="Helvetica, Arial, sans-serif" font-size="12">\n%s\n</svg>\n'):format(
    number(self.width), number(self.height), number(self.width), number(self.height), table.concat(self.parts, "\n"))
end

return M
