-- Distributions for Bayesian models of one's own: normal and categorical ones, and mean-field normals over the named weights of a model.
-- BnnRepurposer is the finished thing; this is what a loop by hand needs:
--
--   local q = scion.distributions.GaussianVariationalPosterior { shapes = { w = { 3, 1 } }, seed = 1 }
--   local p = scion.distributions.GaussianPrior { shapes = { w = { 3, 1 } }, sigmas = 1 }
--   local adam = scion.optim.Adam(q:parameters(), { lr = 1e-2 })
--   for _ = 1, 500 do
--     local v = q:generate_sample()                     -- gradients flow into the means and deviations
--     local fit = scion.distributions.Normal { mean = x:matmul(v.w), std = 0.1 }:log_pdf(y)
--     local loss = scion.distributions.negative_evidence_bound { log_likelihood = fit, posterior = q, prior = p }
--     adam:zero_grad(); loss:backward(); adam:step()
--   end

local check = require "scion.check"
local class = require "scion.class"
local show = require "scion.show"

local M = {}

local function scion() return require "scion" end

local function text_of(shape) return "(" .. table.concat(shape, ", ") .. ")" end

-- A parameter as a tensor of a shape. One number is shared over it; everything else must have it.
local function fitting(where, name, value, shape)
  local s = scion()
  if type(value) == "number" then return s.full(shape, value) end
  if type(value) == "table" then value = s.tensor(value) end
  if not s.is_tensor(value) then check.raise("%s: %s must be a number or a tensor, got %s", where, name, check.describe(value)) end
  if value:numel() == 1 then return value:reshape(1):expand(shape) end
  if text_of(value.shape) ~= text_of(shape) then
    check.raise("%s: size of %s is not compatible: %s for a variable of shape %s", where, name, text_of(value.shape), text_of(shape))
  end
  return value
end

local function need_positive(where, name, value)
  if not value:detach():gt(0):all():item() then check.raise("%s: %s must be above 0", where, name) end
  return value
end

local function need_tensor(where, name, value)
  if not scion().is_tensor(value) then check.raise("%s: %s must be a tensor, got %s", where, name, check.describe(value)) end
  return value
end

local HALF_LOG_2PI <const> = 0.5 * math.log(2 * math.pi)

local function normal_log_prob(x, mean, std) return x:sub(mean):div(std):square():mul(-0.5):sub(std:log()):sub(HALF_LOG_2PI) end

local function normal_kl(mean, std, mean2, std2)
  local ratio = std:div(std2)
  return ratio:square():add(mean:sub(mean2):div(std2):square()):sub(1):mul(0.5):sub(ratio:log())
end

-- ---- one variable --------------------------------------------------------------------------------------------------

--- What distributions of one variable share.
local Distribution = class.class("Distribution")
M.Distribution = Distribution

--- The log density (or log probability) of all of x together: a 0-d tensor.
function Distribution:log_pdf(x) return self:log_prob(x):sum() end

--- The Kullback-Leibler divergence from this distribution to another, estimated from n samples of this one: a 0-d tensor with gradients.
---@param other table
---@param n? integer default 1
function Distribution:kl_sample(other, n)
  n = check.arg("kl_sample", "n", n, check.integer { default = 1, min = 1 })
  if type(other) ~= "table" or not other.log_pdf then check.raise("kl_sample: expected a distribution, got %s", check.describe(other)) end
  local sum
  for _ = 1, n do
    local x = self:sample()
    local part = self:log_pdf(x):sub(other:log_pdf(x))
    sum = sum and sum:add(part) or part
  end
  return sum:div(n)
end

local NORMAL <const> = { mean = check.any { required = true }, std = check.any { required = true }, shape = check.list { of = check.integer { min = 1 } } }

--- A normal distribution of a tensor whose elements are independent. mean, std: numbers or tensors; shape: of the variable (default: that
--- of mean, else of std). Samples and densities have gradients by mean and std.
local Normal = class.class("Normal", Distribution)
M.Normal = Normal

---@param opts { mean: number|scion.Tensor, std: number|scion.Tensor, shape?: integer[] }
function Normal:init(opts)
  opts = check.opts("Normal", opts, NORMAL, "user")
  local shape = opts.shape
  for _, value in ipairs { opts.mean, opts.std } do
    if not shape and scion().is_tensor(value) then shape = table.move(value.shape, 1, #value.shape, 1, {}) end
  end
  self.shape = shape or { 1 }
  self.mean = fitting("Normal", "mean", opts.mean, self.shape)
  self.std = need_positive("Normal", "std", fitting("Normal", "std", opts.std, self.shape))
end

--- Log densities of the elements of x.
function Normal:log_prob(x) return normal_log_prob(need_tensor("log_prob", "x", x), self.mean, self.std) end

--- A draw, by the context's random numbers; of shape (n, ...) with n.
---@param n? integer
function Normal:sample(n)
  local shape = table.move(self.shape, 1, #self.shape, 1, {})
  if n then table.insert(shape, 1, check.arg("sample", "n", n, check.integer { min = 1 })) end
  return scion().randn(shape):to(self.mean.dtype):mul(self.std):add(self.mean)
end

--- Entropy in nats, a 0-d tensor.
function Normal:entropy() return self.std:log():add(HALF_LOG_2PI + 0.5):sum() end

--- The divergence from this distribution to another normal one, exactly: a 0-d tensor.
function Normal:kl(other)
  if not class.is_a(other, Normal) then check.raise("kl: a Normal has no exact divergence to %s; use kl_sample", check.describe(other)) end
  if text_of(other.shape) ~= text_of(self.shape) then
    check.raise("kl: the distributions have different support: shapes %s and %s", text_of(self.shape), text_of(other.shape))
  end
  return normal_kl(self.mean, self.std, other.mean, other.std):sum()
end

local CATEGORICAL <const> = { logits = check.any {}, probabilities = check.any {} }

--- Distributions over K classes, one in every row: logits (N, K) or (K), or probabilities.
local Categorical = class.class("Categorical", Distribution)
M.Categorical = Categorical

---@param opts { logits?: scion.Tensor, probabilities?: scion.Tensor }
function Categorical:init(opts)
  opts = check.opts("Categorical", opts, CATEGORICAL, "user")
  if (opts.logits == nil) == (opts.probabilities == nil) then check.raise("Categorical: give either logits or probabilities") end
  local name = opts.logits ~= nil and "logits" or "probabilities"
  local value = opts[name]
  if type(value) == "table" then value = scion().tensor(value) end
  if not scion().is_tensor(value) or value:dim() < 1 or value:dim() > 2 then
    check.raise("Categorical: %s must be (K) or (N, K), got %s", name, scion().is_tensor(value) and text_of(value.shape) or check.describe(value))
  end
  if value:dim() == 1 then value = value:reshape(1, -1) end
  if name == "probabilities" then
    if not value:detach():ge(0):all():item() then check.raise("Categorical: probabilities must not be negative") end
    value = value:div(value:sum(2, true)):clamp(1e-38, 1):log()
  end
  self.log_probabilities = value:log_softmax(2)
end

--- Log probabilities (N) of class ids 1..K.
function Categorical:log_prob(ids)
  need_tensor("log_prob", "ids", ids)
  return self.log_probabilities:gather(2, ids:reshape(-1, 1)):reshape(-1)
end

--- Class ids, one for every row: (N), or (n, N).
---@param n? integer
function Categorical:sample(n)
  local p = self.log_probabilities:detach()
  local rows, k = p:size(1), p:size(2)
  local u = scion().rand(n or 1, rows, k):clamp(1e-20, 1)
  local ids = p:unsqueeze(1):sub(u:log():neg():log()):argmax(3) -- the largest of log p plus Gumbel noise
  return n and ids or ids:reshape(-1)
end

--- Entropies (N) in nats.
function Categorical:entropy() return self.log_probabilities:exp():mul(self.log_probabilities):sum(2):neg() end

--- The divergence to another categorical distribution, summed over the rows.
function Categorical:kl(other)
  if not class.is_a(other, Categorical) then check.raise("kl: a Categorical has no exact divergence to %s", check.describe(other)) end
  if text_of(other.log_probabilities.shape) ~= text_of(self.log_probabilities.shape) then
    check.raise("kl: the distributions have different support: %s and %s", text_of(self.log_probabilities.shape), text_of(other.log_probabilities.shape))
  end
  return self.log_probabilities:exp():mul(self.log_probabilities:sub(other.log_probabilities)):sum()
end

-- ---- many variables by name ------------------------------------------------------------------------------------------

--- Independent normals over named tensors: what GaussianPrior and GaussianVariationalPosterior are. Deviations are softplus(rho).
local MeanField = class.class("MeanFieldNormal", Distribution)
M.MeanFieldNormal = MeanField

local FIELD <const> = {
  shapes = check.table { required = true },   -- name -> shape
  means = check.any {}, sigmas = check.any {}, -- one number for all, or name -> number or tensor
  fix_means = check.boolean {}, fix_sigmas = check.boolean {}, -- fixed: no gradient
  seed = check.integer {},                     -- of the means, where they are random
}

local function inverse_softplus(t) return t:add(t:neg():exp():neg():add(1):log()) end

-- Means and rhos of all variables; random_means: where none are given.
local function build(self, where, opts, random_means, sigma, fixed)
  opts = check.opts(where, opts, FIELD, "user")
  local s = scion()
  self.names, self.shapes, self.means, self.rhos = show.list {}, {}, {}, {}
  self.fix_means = opts.fix_means == nil and fixed or opts.fix_means or false
  self.fix_sigmas = opts.fix_sigmas == nil and fixed or opts.fix_sigmas or false
  for name, shape in pairs(opts.shapes) do
    if type(shape) ~= "table" or #shape == 0 then check.raise("%s: shapes.%s must be a list of sizes, got %s", where, tostring(name), check.describe(shape)) end
    self.names[#self.names + 1] = name
    self.shapes[name] = table.move(shape, 1, #shape, 1, {})
  end
  if #self.names == 0 then check.raise("%s: shapes is empty", where) end
  table.sort(self.names, function(a, b) return type(a) == type(b) and a < b or type(a) == "number" and type(b) ~= "number" end)
  for _, given in ipairs { { "means", opts.means }, { "sigmas", opts.sigmas } } do
    for name in pairs(type(given[2]) == "table" and given[2] or {}) do
      if not self.shapes[name] then check.raise("%s: %s names %s, which is no variable", where, given[1], check.describe(name)) end
    end
  end
  local function pick(given, name) if type(given) == "table" then return given[name] end return given end
  local state = opts.seed and random_means and table.pack(s.rng_state())
  if state then s.seed(opts.seed) end
  for _, name in ipairs(self.names) do
    local shape = self.shapes[name]
    local mean = pick(opts.means, name)
    if mean == nil then mean = random_means and s.randn(shape):mul(random_means) or 0.0 end
    local std = pick(opts.sigmas, name)
    mean = fitting(where, "means." .. name, mean, shape)
    std = need_positive(where, "sigmas." .. name, fitting(where, "sigmas." .. name, std == nil and sigma or std, shape))
    s.no_grad(function()
      self.means[name] = mean:detach():contiguous():clone()
      self.rhos[name] = inverse_softplus(std:detach():contiguous():clone())
    end)
    self.means[name]:requires_grad_(not self.fix_means)
    self.rhos[name]:requires_grad_(not self.fix_sigmas)
  end
  if state then s.rng_state(table.unpack(state, 1, state.n)) end
end

MeanField.__tostring = function(self)
  local n = 0
  for _, name in ipairs(self.names) do n = n + self.means[name]:numel() end
  return ("%s: %d numbers in %s"):format(getmetatable(self).class_name, n, tostring(self.names))
end

function MeanField:init(opts) build(self, getmetatable(self).class_name, opts, nil, 1.0, true) end

--- What is learned, for an optimiser: means and rhos that are not fixed, in the order of the names.
---@return scion.Tensor[]
function MeanField:parameters()
  local list = {}
  for _, name in ipairs(self.names) do
    if not self.fix_means then list[#list + 1] = self.means[name] end
    if not self.fix_sigmas then list[#list + 1] = self.rhos[name] end
  end
  return list
end

--- The means by name, without gradients.
function MeanField:get_mean()
  local out = {}
  for _, name in ipairs(self.names) do out[name] = self.means[name]:detach() end
  return out
end

--- The deviations by name.
function MeanField:get_sigma()
  local out = {}
  for _, name in ipairs(self.names) do out[name] = self.rhos[name]:softplus() end
  return out
end

--- A draw: name -> tensor, with gradients by means and deviations, by the context's random numbers.
function MeanField:generate_sample()
  local out = {}
  for _, name in ipairs(self.names) do
    out[name] = scion().randn(self.shapes[name]):mul(self.rhos[name]:softplus()):add(self.means[name])
  end
  return out
end
MeanField.sample = MeanField.generate_sample

--- The log density of values by name, all together: a 0-d tensor.
---@param values table<string, scion.Tensor>
function MeanField:log_pdf(values)
  local sum
  for _, name in ipairs(self.names) do
    local x = type(values) == "table" and values[name]
    if not scion().is_tensor(x) or text_of(x.shape) ~= text_of(self.shapes[name]) then
      check.raise("log_pdf: %s must be a tensor %s, got %s", name, text_of(self.shapes[name]), scion().is_tensor(x) and text_of(x.shape) or check.describe(x))
    end
    local part = normal_log_prob(x, self.means[name], self.rhos[name]:softplus()):sum()
    sum = sum and sum:add(part) or part
  end
  return sum
end

-- What keeps the exact divergence to another from being known; nil: nothing.
local function obstacle(self, other)
  if not class.is_a(other, MeanField) then return "no exact divergence to " .. check.describe(other) .. "; use kl_sample" end
  if #other.names ~= #self.names then return ("different support: %s and %s"):format(tostring(self.names), tostring(other.names)) end
  for _, name in ipairs(self.names) do
    local there = other.shapes[name]
    if not there or text_of(there) ~= text_of(self.shapes[name]) then
      return ("different support: %s is %s here, %s there"):format(name, text_of(self.shapes[name]), there and text_of(there) or "missing")
    end
  end
end

--- Can the divergence to this prior be computed exactly?
function MeanField:is_conjugate(other) return obstacle(self, other) == nil end

--- The divergence to another of the same variables, exactly: a 0-d tensor with gradients.
function MeanField:kl(other)
  local reason = obstacle(self, other)
  if reason then check.raise("kl: %s", reason) end
  local sum
  for _, name in ipairs(self.names) do
    local part = normal_kl(self.means[name], self.rhos[name]:softplus(), other.means[name], other.rhos[name]:softplus()):sum()
    sum = sum and sum:add(part) or part
  end
  return sum
end
--- Xfer's spelling of kl.
function MeanField:KL(other) return self:kl(other) end

--- Writes means, rhos and what is fixed (safetensors); scion.distributions.load reads it.
---@param path string
function MeanField:save(path)
  check.arg("save", "path", path, check.string { required = true })
  local arrays = { fixed = scion().tensor({ self.fix_means and 1 or 0, self.fix_sigmas and 1 or 0 }, { dtype = "i64" }) }
  for _, name in ipairs(self.names) do
    arrays["means." .. name], arrays["rhos." .. name] = self.means[name]:detach(), self.rhos[name]:detach()
  end
  scion().io.save_safetensors(path, arrays)
end

--- Normals over named weights as they are before any data: GaussianPrior { shapes = { w = { 3, 1 } }, means = 0, sigmas = 1 }, not learned
--- unless fix_means or fix_sigmas is false. means and sigmas: one number, or by name; one number (or a tensor of one element) is shared over
--- a variable, any other shape must be the variable's.
local Prior = class.class("GaussianPrior", MeanField)
M.GaussianPrior = Prior

--- Normals to be fitted: means begin at random (deviation 0.1, by seed), sigmas at 0.05. Options as of GaussianPrior, nothing fixed.
local Posterior = class.class("GaussianVariationalPosterior", MeanField)
M.GaussianVariationalPosterior = Posterior

---@param opts { shapes: table<string, integer[]>, means?: any, sigmas?: any, fix_means?: boolean, fix_sigmas?: boolean, seed?: integer }
function Posterior:init(opts) build(self, "GaussianVariationalPosterior", opts, 0.1, 0.05, false) end

--- What MeanFieldNormal:save wrote, as a GaussianVariationalPosterior.
---@param path string
function M.load(path)
  check.arg("distributions.load", "path", path, check.string { required = true })
  local arrays = scion().io.read_safetensors(path)
  local shapes = {}
  for key, value in pairs(arrays) do
    local name = key:match("^means%.(.*)$")
    if name then shapes[name] = table.move(value.shape, 1, #value.shape, 1, {}) end
  end
  if not arrays.fixed or not next(shapes) then check.raise("distributions.load: %s holds no distribution", path) end
  local fixed = arrays.fixed:tolist()
  local out = Posterior { shapes = shapes, means = 0, fix_means = fixed[1] == 1, fix_sigmas = fixed[2] == 1 }
  for name in pairs(shapes) do
    if not arrays["rhos." .. name] then check.raise("distributions.load: %s has no deviations of %s", path, name) end
    out.means[name] = arrays["means." .. name]:requires_grad_(fixed[1] ~= 1)
    out.rhos[name] = arrays["rhos." .. name]:requires_grad_(fixed[2] ~= 1)
  end
  return out
end

-- ---- the bound ----------------------------------------------------------------------------------------------------------

local BOUND <const> = {
  log_likelihood = check.any { required = true }, posterior = check.any { required = true }, prior = check.any { required = true },
  weight = check.number { default = 1, min = 0 },                    -- of the divergence: batch / items, annealing
  values = check.table {},                                           -- the draw, where the divergence is not known exactly
}

--- What variational inference minimises: weight * KL(posterior || prior) - log likelihood (Blundell et al. 2015). The divergence is exact where
--- it is known; otherwise it is estimated from `values`, the draw that the likelihood was computed with, or from a new one.
---@param opts { log_likelihood: scion.Tensor, posterior: table, prior: table, weight?: number, values?: table<string, scion.Tensor> }
---@return scion.Tensor
function M.negative_evidence_bound(opts)
  opts = check.opts("negative_evidence_bound", opts, BOUND, "user")
  local q, p = opts.posterior, opts.prior
  need_tensor("negative_evidence_bound", "log_likelihood", opts.log_likelihood)
  for name, value in pairs { posterior = q, prior = p } do
    if type(value) ~= "table" or not value.log_pdf then check.raise("negative_evidence_bound: %s must be a distribution, got %s", name, check.describe(value)) end
  end
  local divergence
  if q.is_conjugate and q:is_conjugate(p) then
    divergence = q:kl(p)
  else
    local values = opts.values or q:sample()
    divergence = q:log_pdf(values):sub(p:log_pdf(values))
  end
  return divergence:mul(opts.weight):sub(opts.log_likelihood)
end

return M
