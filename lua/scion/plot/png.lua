-- PNG files from bytes, uncompressed (stored deflate blocks): small pictures and image grids need no more.

local M = {}

local CRC <const> = {}
for i = 0, 255 do
  local c = i
  for _ = 1, 8 do c = c & 1 == 1 and 0xEDB88320 ~ (c >> 1) or c >> 1 end
  CRC[i] = c
end

local function crc32(text)
  local c = 0xFFFFFFFF
  for first = 1, #text, 4096 do
    local bytes = { text:byte(first, first + 4095) }
    for i = 1, #bytes do c = CRC[(c ~ bytes[i]) & 255] ~ (c >> 8) end
  end
  return c ~ 0xFFFFFFFF
end

local function adler32(text)
  local a, b = 1, 0
  for first = 1, #text, 4096 do
    local bytes = { text:byte(first, first + 4095) }
    for i = 1, #bytes do
      a = a + bytes[i]
      b = b + a
    end
    a, b = a % 65521, b % 65521
  end
  return b << 16 | a
end

local function chunk(kind, data)
  return string.pack(">I4", #data) .. kind .. data .. string.pack(">I4", crc32(kind .. data))
end

local COLOUR_TYPE <const> = { [1] = 0, [3] = 2, [4] = 6 }

--- PNG bytes of packed pixels, row by row, `channels` bytes each (1 grey, 3 RGB, 4 RGBA).
function M.encode(pixels, width, height, channels)
  if #pixels ~= width * height * channels then
    error(("png: %d bytes given for %d x %d pixels of %d channels"):format(#pixels, width, height, channels), 2)
  end
  local stride = width * channels
  local rows = {}
  for y = 0, height - 1 do rows[y + 1] = "\0" .. pixels:sub(y * stride + 1, (y + 1) * stride) end
  local raw = table.concat(rows)
  local blocks = { "\x78\x01" }
  for first = 1, #raw, 65535 do
    local block = raw:sub(first, first + 65534)
    local last = first + 65535 > #raw
    blocks[#blocks + 1] = string.pack("<BI2I2", last and 1 or 0, #block, ~#block & 0xFFFF) .. block
  end
  blocks[#blocks + 1] = string.pack(">I4", adler32(raw))
  return "\137PNG\r\n\26\n" .. chunk("IHDR", string.pack(">I4I4BBBBB", width, height, 8, COLOUR_TYPE[channels], 0, 0, 0))
    .. chunk("IDAT", table.concat(blocks)) .. chunk("IEND", "")
end

return M
