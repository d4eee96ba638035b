-- Writing drawings: SVG as it is; PNG and PDF through rsvg-convert (Debian's librsvg2-bin) where it is installed.

local check = require "scion.check"

local M = {}

local function write(where, path, bytes)
  local file, message = io.open(path, "wb")
  if not file then check.raise("%s: cannot write %s", where, message) end
  local ok, why = file:write(bytes)
  local closed, late = file:close()
  if not (ok and closed) then check.raise("%s: cannot write %s: %s", where, path, why or late) end
end
M.write = write

--- A word for the shell, whatever is in it.
function M.quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

--- Is this program installed?
function M.has_program(name) return (os.execute("command -v " .. name .. " > /dev/null 2>&1")) == true end

--- Writes a drawing (tostring gives SVG) to a file, in the format of its ending: svg, png, pdf.
---@param where string  who asks, for messages
---@param path string
---@param canvas any
function M.save(where, path, canvas)
  local ending = (path:match("%.(%w+)$") or "svg"):lower()
  if ending == "svg" then return write(where, path, tostring(canvas)) end
  if ending ~= "png" and ending ~= "pdf" then check.raise("%s: '%s' must end in .svg, .png or .pdf", where, path) end
  if not M.has_program("rsvg-convert") then
    check.raise("%s: %s needs rsvg-convert (apt-get install librsvg2-bin); .svg needs nothing", where, path)
  end
  local source = os.tmpname()
  write(where, source, tostring(canvas))
  local ok = os.execute(("rsvg-convert -f %s -o %s %s > /dev/null 2>&1"):format(ending, M.quote(path), M.quote(source)))
  os.remove(source)
  if not ok then check.raise("%s: rsvg-convert could not write %s", where, path) end
end

return M
