-- How well will features transfer? Scores in closed form, without training a model: LogME and the H-score, for ranking source
-- networks and their layers before anything is fitted.

local check = require "scion.check"

local M = {}

local F64 <const> = { dtype = "f64" }
local function scion() return require "scion" end

local function check_input(where, x, ids, n_classes)
  local s = scion()
  if not s.is_tensor(x) or x:dim() ~= 2 then error(where .. ": features must be a tensor (N, F)", 3) end
  if type(ids) == "table" then ids = s.tensor(ids, { dtype = "i64" }) end
  if not s.is_tensor(ids) or ids:dim() ~= 1 or #ids ~= #x then
    check.raise("%s: needs %d class ids, got %s", where, #x, check.describe(ids))
  end
  n_classes = n_classes or ids:max():item()
  return x:detach():to("f64"), ids, n_classes
end

--- LogME (You et al. 2021): the largest log evidence per item of a Bayesian linear model from features to each one-hot class, mean over
--- the classes. alpha and beta are the fixed point of MacKay's equations, at most 100 rounds, until both change by less than 1e-3.
---@param x scion.Tensor features (N, F)
---@param ids integer[]|scion.Tensor class ids 1..K (N)
---@return number
function M.log_me(x, ids, n_classes)
  local s = scion()
  x, ids, n_classes = check_input("log_me", x, ids, n_classes)
  return s.no_grad(function()
    local n, d = x:size(1), x:size(2)
    local u, sigma = s.svd(x)
    local squares = sigma:square()
    local rank = #sigma
    local targets = ids:one_hot { num_classes = n_classes }:to("f64")
    local projected = u:t():matmul(targets):square()      -- (rank, K): squared coordinates
    local length = targets:square():sum(1)                 -- (K)
    local total, counted = 0, 0
    for k = 1, n_classes do
      local p, y2 = projected:select(2, k), length[k]
      local outside = math.max(y2 - p:sum():item(), 0)     -- what no weights reach
      local alpha, beta, m2, residual = 1.0, 1.0, 0, 0
      for _ = 1, 100 do
        local t = squares:mul(beta):add(alpha)
        local gamma = squares:mul(beta):div(t):sum():item()
        m2 = math.max(squares:mul(p):mul(beta * beta):div(t:square()):sum():item(), 1e-300)
        residual = math.max(p:mul(alpha * alpha):div(t:square()):sum():item() + outside, 1e-300)
        local new_alpha, new_beta = gamma / m2, (n - gamma) / residual
        if n <= gamma then new_beta = beta end
        local done = math.abs(new_alpha / alpha - 1) <= 1e-3 and math.abs(new_beta / beta - 1) <= 1e-3
        alpha, beta = math.min(math.max(new_alpha, 1e-12), 1e12), math.min(math.max(new_beta, 1e-12), 1e12)
        if done then break end
      end
      local log_det = squares:mul(beta):add(alpha):log():sum():item() + (d - rank) * math.log(alpha)
      local evidence = 0.5 * (n * math.log(beta) + d * math.log(alpha) - n * math.log(2 * math.pi) - beta * residual - alpha * m2 - log_det)
      total, counted = total + evidence / n, counted + 1
    end
    return total / counted
  end)
end

--- H-score (Bao et al. 2019), regularised (Ibrahim et al. 2021): the trace of cov(f)^-1 cov(E[f | y]), the covariance of the features shrunk
--- towards a multiple of the identity by Ledoit and Wolf's estimate. Larger is better; at most K - 1.
---@param x scion.Tensor features (N, F)
---@param ids integer[]|scion.Tensor class ids 1..K (N)
---@return number
function M.h_score(x, ids, n_classes)
  local s = scion()
  x, ids, n_classes = check_input("h_score", x, ids, n_classes)
  return s.no_grad(function()
    local n, d = x:size(1), x:size(2)
    local z = x:sub(x:mean(1))
    local one_hot = ids:one_hot { num_classes = n_classes }:to("f64")
    local counts = one_hot:sum(1):clamp(1, math.huge)
    local means = one_hot:t():matmul(z):div(counts:unsqueeze(2))                      -- (K, F)
    -- Work in the row space of z: both covariances live there, the rest only adds the shrunk part of the identity.
    local gram = z:matmul(z:t()):div(n)                                                -- (N, N)
    local trace = gram:trace():item()
    local mu = trace / d
    local norm2 = gram:square():sum():item()                                           -- of the covariance
    local fourth = z:square():sum(2):square():sum():item() / n
    local delta2 = norm2 - trace * trace / d
    local beta2 = math.max(0, (fourth - norm2) / n)
    local shrinkage = delta2 > 0 and math.min(1, beta2 / delta2) or 1
    if mu <= 0 then return 0 end
    local keep, floor = 1 - shrinkage, math.max(shrinkage * mu, 1e-10 * mu)
    -- between-class covariance = B' B, B = sqrt(counts / n) * means (K, F); (keep C + floor I)^-1 by Woodbury in N dimensions
    local b = means:mul(counts:div(n):sqrt():unsqueeze(2))
    local bz = b:matmul(z:t())                                                         -- (K, N)
    local inner = z:matmul(z:t()):mul(keep / (n * floor)):add(s.eye(n, F64))
    local solved = bz:t():cholesky_solve(inner:cholesky())
    local reduced = bz:mul(solved:t()):sum():item() * keep / (n * floor * floor)
    return (b:square():sum():item() / floor - reduced) * (1 - shrinkage)
  end)
end

return M
