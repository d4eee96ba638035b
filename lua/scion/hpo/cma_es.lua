-- CMA-ES (Hansen and Ostermeier 2001; constants of Hansen's tutorial, arXiv:1604.00772) in the unit cube of the space. Trials are
-- taken in the order of their numbers, a generation each lambda of them; the distribution is computed anew from the trials
-- whenever a generation is complete, so nothing needs saving. Integers and values are the bins that coordinates fall into.
-- For conditional spaces it is poor: coordinates that do not exist are noise.

local check = require "scion.check"

local M = {}

local OPTS <const> = {
  sigma = check.number { default = 0.25, above = 0 },  -- first step size, in units of a parameter's domain
  population = check.integer { min = 3 },              -- default 4 + 3 log(parameters)
}

local CMA = { name = "cma_es" }
CMA.__index = CMA

--- A sampler by CMA-ES. opts: sigma = 0.25 (first step size), population = 4 + 3 log(parameters).
function M.new(opts) return setmetatable(check.opts("hpo.cma_es", opts, OPTS), CMA) end

local function scion() return require "scion" end

local function constants(d, lambda)
  local mu = lambda // 2
  local w, sum, squares = {}, 0, 0
  for i = 1, mu do
    w[i] = math.log((lambda + 1) / 2) - math.log(i)
    sum = sum + w[i]
  end
  for i = 1, mu do
    w[i] = w[i] / sum
    squares = squares + w[i] ^ 2
  end
  local c = { mu = mu, w = w, mu_eff = 1 / squares }
  c.c_sigma = (c.mu_eff + 2) / (d + c.mu_eff + 5)
  c.d_sigma = 1 + 2 * math.max(0, math.sqrt((c.mu_eff - 1) / (d + 1)) - 1) + c.c_sigma
  c.c_c = (4 + c.mu_eff / d) / (d + 4 + 2 * c.mu_eff / d)
  c.c_1 = 2 / ((d + 1.3) ^ 2 + c.mu_eff)
  c.c_mu = math.min(1 - c.c_1, 2 * (c.mu_eff - 2 + 1 / c.mu_eff) / ((d + 2) ^ 2 + c.mu_eff))
  c.chi = math.sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d * d))
  return c
end

-- One update from a generation: units (lambda lists, best first).
local function update(state, units, c, d)
  local s = scion()
  local f64 = { dtype = "f64" }
  local x = s.tensor(table.move(units, 1, c.mu, 1, {}), f64)                     -- (mu, d)
  local w = s.tensor(c.w, f64)
  local y = x:sub(state.mean):div(state.sigma)
  local step = y:t():mv(w)
  state.mean = state.mean:add(step:mul(state.sigma))
  -- C^-1/2 by the eigenvectors of C
  local whitened = state.axes:matmul(state.axes:t():mv(step):div(state.scales):unsqueeze(2)):squeeze(2)
  state.p_sigma = state.p_sigma:mul(1 - c.c_sigma):add(whitened:mul(math.sqrt(c.c_sigma * (2 - c.c_sigma) * c.mu_eff)))
  state.generation = state.generation + 1
  local length = math.sqrt(state.p_sigma:square():sum():item())
  local stalled = length / math.sqrt(1 - (1 - c.c_sigma) ^ (2 * state.generation)) >= (1.4 + 2 / (d + 1)) * c.chi
  state.p_c = state.p_c:mul(1 - c.c_c)
  if not stalled then state.p_c = state.p_c:add(step:mul(math.sqrt(c.c_c * (2 - c.c_c) * c.mu_eff))) end
  local rank_one = state.p_c:unsqueeze(2):matmul(state.p_c:unsqueeze(1))
  local rank_mu = y:t():matmul(y:mul(w:unsqueeze(2)))
  local keep = 1 - c.c_1 - c.c_mu + (stalled and c.c_1 * c.c_c * (2 - c.c_c) or 0)
  state.C = state.C:mul(keep):add(rank_one:mul(c.c_1)):add(rank_mu:mul(c.c_mu))
  state.sigma = math.min(1.0, state.sigma * math.exp(math.min(1, c.c_sigma / c.d_sigma * (length / c.chi - 1))))
  local values, vectors = state.C:add(state.C:t()):mul(0.5):eigh()
  state.scales, state.axes = values:clamp(1e-20, math.huge):sqrt(), vectors
end

local function distribution(self, study, d, lambda)
  local s = scion()
  local f64 = { dtype = "f64" }
  local c = constants(d, lambda)
  local state = { mean = s.full({ d }, 0.5, f64), sigma = self.sigma, C = s.eye(d, f64), axes = s.eye(d, f64), scales = s.ones(d, f64),
    p_sigma = s.zeros(d, f64), p_c = s.zeros(d, f64), generation = 0 }
  local sign = study:sign()
  local generation = {}
  for _, trial in ipairs(study.trials) do
    if trial.state ~= "running" then
      generation[#generation + 1] = { unit = study.space:to_unit(trial.params), y = trial.value and sign * trial.value or math.huge, id = trial.id }
    end
    if #generation == lambda then
      table.sort(generation, function(a, b)
        if a.y ~= b.y then return a.y < b.y end
        return a.id < b.id
      end)
      local units = {}
      for i, item in ipairs(generation) do units[i] = item.unit end
      update(state, units, c, d)
      generation = {}
    end
  end
  return state
end

function CMA:suggest(study, _, random)
  if #study.directions > 1 then error("cma_es: searches for one objective; the study has several", 0) end
  local d = #study.space
  local lambda = self.population or 4 + math.floor(3 * math.log(d))
  return scion().no_grad(function()
    local state = self.state
    local generation = study.n_finished // lambda
    if not state or self.study ~= study or self.at ~= generation then
      state = distribution(self, study, d, lambda)
      self.state, self.study, self.at = state, study, generation
    end
    local u
    for _ = 1, 20 do -- outside the box: draw again, at last clip
      local z = {}
      for k = 1, d do z[k] = random:normal() end
      local step = state.axes:matmul(scion().tensor(z, { dtype = "f64" }):mul(state.scales):unsqueeze(2)):squeeze(2)
      u = state.mean:add(step:mul(state.sigma)):tolist()
      local inside = true
      for k = 1, d do inside = inside and u[k] >= 0 and u[k] < 1 end
      if inside then break end
    end
    for k = 1, d do u[k] = math.max(0.0, math.min(1 - 1e-12, u[k])) end
    return study.space:from_unit(u)
  end)
end

return M
