-- Random orders for the data layer, keyed by (seed, epoch, ...) instead of drawn from the context:
-- the order of epoch 7 is the same whatever ran before it, so iterators resume and repeat exactly.
-- The generator is splitmix64, which needs one 64-bit word of state.

local M = {}

local GOLDEN <const> = 0x9E3779B97F4A7C15

local function mix(z)
  z = (z ~ (z >> 30)) * 0xBF58476D1CE4E5B9
  z = (z ~ (z >> 27)) * 0x94D049BB133111EB
  return z ~ (z >> 31)
end

local Rng = {}
Rng.__index = Rng

--- A generator whose stream depends on all the keys (integers).
function M.new(...)
  local state = 0
  for _, key in ipairs { ... } do state = mix((state + GOLDEN) ~ mix(key + GOLDEN)) end
  return setmetatable({ state = state }, Rng)
end

function Rng:next()
  self.state = self.state + GOLDEN
  return mix(self.state)
end

--- Uniform integer in 1..n, without modulo bias worth speaking of (63 bits against n < 2^40).
function Rng:integer(n) return (self:next() >> 1) % n + 1 end

--- Uniform in [0, 1).
function Rng:uniform() return (self:next() >> 11) * 0x1p-53 end

--- Standard normal (Box and Muller; the second number of the pair is not kept, so that a draw is two words of the stream).
function Rng:normal()
  local radius = math.sqrt(-2 * math.log(1 - self:uniform()))
  return radius * math.cos(2 * math.pi * self:uniform())
end

--- Shuffles a list in place (Fisher and Yates) and returns it.
function Rng:shuffle(list)
  for i = #list, 2, -1 do
    local j = self:integer(i)
    list[i], list[j] = list[j], list[i]
  end
  return list
end

--- A random order of 1..n.
function Rng:permutation(n)
  local order = {}
  for i = 1, n do order[i] = i end
  return self:shuffle(order)
end

return M
