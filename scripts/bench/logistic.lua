-- Logistic regression to convergence: 1,000 examples of 1,000 features, ten classes, C = 1, the same tolerance (the largest element
-- of the gradient of the mean objective), beside scikit-learn's L-BFGS.

local scion = require "scion"

local N <const>, FEATURES <const>, CLASSES <const>, C <const>, TOL <const> = 1000, 1000, 10, 1.0, 1e-6

local function problem()
  scion.seed(5)
  local x = scion.randn(N, FEATURES)
  local scores = x:matmul(scion.randn(FEATURES, CLASSES)) + scion.randn(N, CLASSES):mul(20)
  return x, scores:argmax(2)
end

local row = { name = "1000 x 1000 ten classes", unit = "ms" }
function row.setup()
  local x, ids = problem()
  local paths = { os.tmpname(), os.tmpname() }
  scion.io.save_npy(paths[1], x)
  scion.io.save_npy(paths[2], ids)
  row.arguments = { x = paths[1], y = paths[2], c = C, tol = TOL }
  row.cleanup = function() for _, path in ipairs(paths) do os.remove(path) end end
  local model
  local function step() model = scion.logistic.fit(x, ids, CLASSES, { c = C, tol = TOL }) end
  local function facts()
    local right = model:predict_id(x):eq(ids):to("f64"):mean():item()
    return ("scion objective %.6f, %.1f %% right, %d iterations"):format(model.loss, 100 * right, model.iterations)
  end
  return step, facts
end
return { title = "logistic regression", rows = { row } }
