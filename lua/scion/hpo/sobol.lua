-- Sobol' sequences: points that fill the unit cube more evenly than random ones. Direction numbers of Joe and Kuo (2008),
-- dimensions 2 .. 40 below as { polynomial with all its bits, initial numbers }; the first is van der Corput's. A random digital
-- shift, keyed by the seed, keeps the evenness and makes starts differ; dimensions beyond 40 are random.

local rng = require "scion.data.rng"

local M = {}

local BITS <const> = 30
local JOE_KUO <const> = {
  { 3, 1 },
  { 7, 1, 3 },
  { 11, 1, 3, 1 },
  { 13, 1, 1, 1 },
  { 19, 1, 1, 3, 3 },
  { 25, 1, 3, 5, 13 },
  { 37, 1, 1, 5, 5, 17 },
  { 41, 1, 1, 5, 5, 5 },
  { 47, 1, 1, 7, 11, 19 },
  { 55, 1, 1, 5, 1, 1 },
  { 59, 1, 1, 1, 3, 11 },
  { 61, 1, 3, 5, 5, 31 },
  { 67, 1, 3, 3, 9, 7, 49 },
  { 91, 1, 1, 1, 15, 21, 21 },
  { 97, 1, 3, 1, 13, 27, 49 },
  { 103, 1, 1, 1, 15, 7, 5 },
  { 109, 1, 3, 1, 15, 13, 25 },
  { 115, 1, 1, 5, 5, 19, 61 },
  { 131, 1, 3, 7, 11, 23, 15, 103 },
  { 137, 1, 3, 7, 13, 13, 15, 69 },
  { 143, 1, 1, 3, 13, 7, 35, 63 },
  { 145, 1, 3, 5, 9, 1, 25, 53 },
  { 157, 1, 3, 1, 13, 9, 35, 107 },
  { 167, 1, 3, 1, 5, 27, 61, 31 },
  { 171, 1, 1, 5, 11, 19, 41, 61 },
  { 185, 1, 3, 5, 3, 3, 13, 69 },
  { 191, 1, 1, 7, 13, 1, 19, 1 },
  { 193, 1, 3, 7, 5, 13, 19, 59 },
  { 203, 1, 1, 3, 9, 25, 29, 41 },
  { 211, 1, 3, 5, 13, 23, 1, 55 },
  { 213, 1, 3, 7, 3, 13, 59, 17 },
  { 229, 1, 3, 1, 3, 5, 53, 69 },
  { 239, 1, 1, 5, 5, 23, 33, 13 },
  { 241, 1, 1, 7, 7, 1, 61, 123 },
  { 247, 1, 1, 7, 9, 13, 61, 49 },
  { 253, 1, 3, 3, 5, 3, 55, 33 },
  { 285, 1, 3, 1, 15, 31, 13, 49, 245 },
  { 299, 1, 3, 5, 15, 31, 59, 63, 97 },
  { 301, 1, 3, 1, 11, 11, 11, 77, 249 },
}

-- v[1 .. BITS] of one dimension (1-based), as integers of BITS bits.
local function directions(dimension)
  local v = {}
  if dimension == 1 then
    for i = 1, BITS do v[i] = 1 << (BITS - i) end
    return v
  end
  local row = JOE_KUO[dimension - 1]
  local polynomial, degree = row[1], #row - 1
  for i = 1, degree do v[i] = row[i + 1] << (BITS - i) end
  for i = degree + 1, BITS do
    local x = v[i - degree] ~ (v[i - degree] >> degree)
    for k = 1, degree - 1 do
      if polynomial >> (degree - k) & 1 == 1 then x = x ~ v[i - k] end
    end
    v[i] = x
  end
  return v
end

local cache <const> = {}

local Sobol = {}
Sobol.__index = Sobol

--- A sequence in d dimensions. seed: of the digital shift; nil: none.
function M.new(d, seed)
  local self = setmetatable({ d = d, seed = seed, v = {}, shift = {} }, Sobol)
  local random = seed and rng.new(seed, 0x50b01)
  for k = 1, d do
    if k <= #JOE_KUO + 1 then
      cache[k] = cache[k] or directions(k)
      self.v[k] = cache[k]
    end
    self.shift[k] = random and random:next() >> (64 - BITS) or 0
  end
  return self
end

--- Point i (from 0) of the sequence: a list of d numbers in [0, 1).
function Sobol:at(i)
  local gray, out = i ~ (i >> 1), {}
  local random
  for k = 1, self.d do
    local v = self.v[k]
    if not v then
      random = random or rng.new(self.seed or 0, i, 0x50b02)
      out[k] = random:uniform()
    else
      local x, bits, j = self.shift[k], gray, 1
      while bits ~= 0 do
        if bits & 1 == 1 then x = x ~ v[j] end
        bits, j = bits >> 1, j + 1
      end
      out[k] = x / (1 << BITS)
    end
  end
  return out
end

return M
