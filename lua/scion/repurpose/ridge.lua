-- RidgeRepurposer: linear regression with an L2 penalty on features of the source network; alpha is scikit-learn's strength of the
-- penalty (of standardised features and targets in their own units), 0 gives least squares (the solution of least norm).

local check = require "scion.check"
local class = require "scion.class"
local graph = require "scion.repurpose.graph"
local Predictor = require "scion.repurpose.predictor"

local Ridge = class.class("RidgeRepurposer", Predictor)

Ridge.TASKS = { regression = true }
Ridge.OPTIONS = { alpha = check.number { default = 1.0, min = 0 } }

local function scion() return require "scion" end

-- Least squares of least norm from the singular values.
local function least_squares(z, y)
  local u, sigma, vh = scion().svd(z)
  local floor = sigma:max():item() * math.max(#z, z:size(2)) * 2.2e-16
  local inverse = scion().where(sigma:gt(floor), sigma:reciprocal(), scion().zeros_like(sigma))
  return vh:transpose(1, 2):matmul(u:transpose(1, 2):matmul(y):mul(inverse:reshape(-1, 1)))
end

function Ridge:_fit(z, y, _)
  local s = scion()
  local centre = z:mean(1)
  local zc, mean = z:sub(centre), y:mean(1)
  local yc = y:sub(mean)
  local n, width, alpha = #z, z:size(2), self.options.alpha
  local w
  if alpha == 0 then
    w = least_squares(zc, yc)
  elseif width <= n then
    local a = zc:transpose(1, 2):matmul(zc):add(s.eye(width, { dtype = "f64" }):mul(alpha))
    w = s.cholesky_solve(zc:transpose(1, 2):matmul(yc), s.cholesky(a))
  else -- the dual: as many unknowns as items
    local a = zc:matmul(zc:transpose(1, 2)):add(s.eye(n, { dtype = "f64" }):mul(alpha))
    w = zc:transpose(1, 2):matmul(s.cholesky_solve(yc, s.cholesky(a)))
  end
  local residual = yc:sub(zc:matmul(w)):square():mean():item()
  return { weight = w:transpose(1, 2), bias = mean:sub(centre:reshape(1, -1):matmul(w):reshape(-1)),
    report = { converged = true, iterations = 1, loss = residual } }
end

function Ridge:_build(net, value, model)
  return graph.add_linear(net, "ridge", value, model.weight:to("f32"):contiguous(), model.bias:to("f32"))
end

-- LinearRegressionRepurposer: least squares, without a penalty.
local Linear = class.class("LinearRegressionRepurposer", Ridge)
Linear.OPTIONS = { alpha = check.number { default = 0.0, min = 0, max = 0 } }

--- The constructor's options; alpha is none of them.
function Linear:get_params()
  local params = Ridge.get_params(self)
  params.alpha = nil
  return params
end

return { RidgeRepurposer = Ridge, LinearRegressionRepurposer = Linear }
