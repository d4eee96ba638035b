-- scion.optim: optimisers with PyTorch's names, defaults and formulas; limits on gradients; schedules of
-- the learning rate (schedule.lua); averaged weights (average.lua).
--
--   local opt = scion.optim.Adam(net:parameters(), { lr = 1e-3, weight_decay = 1e-4 })
--   opt:zero_grad(); loss:backward(); opt:step()
--
-- Parameter groups with their own options: a list of tables instead of a list of tensors,
--   scion.optim.SGD({ { params = head, lr = 0.1 }, { params = body } }, { lr = 0.01, momentum = 0.9 })
-- and later opt.param_groups[1].lr = 0.05.

local scion = require "scion"
local core = scion._optim
local optimizer = require "scion.optim.optimizer"
local schedule = require "scion.optim.schedule"
local average = require "scion.optim.average"
local parameters = optimizer.parameters

local M = {}

--- Stochastic gradient descent. Options: lr 1e-3, momentum 0, dampening 0, weight_decay 0, nesterov, maximize.
M.SGD = optimizer.class("SGD", "sgd")
--- Adam (Kingma & Ba 2015). Options: lr 1e-3, betas {0.9, 0.999}, eps 1e-8, weight_decay 0, amsgrad, maximize,
--- decoupled_weight_decay.
M.Adam = optimizer.class("Adam", "adam")
--- Adam with decoupled weight decay (Loshchilov & Hutter 2019). Options as Adam; weight_decay 0.01.
M.AdamW = optimizer.class("AdamW", "adamw")
--- RMSprop. Options: lr 1e-2, alpha 0.99, eps 1e-8, weight_decay 0, momentum 0, centered, maximize.
M.RMSprop = optimizer.class("RMSprop", "rmsprop")
--- Adagrad. Options: lr 1e-2, lr_decay 0, weight_decay 0, initial_accumulator_value 0, eps 1e-10, maximize.
M.Adagrad = optimizer.class("Adagrad", "adagrad")
--- Adadelta. Options: lr 1, rho 0.9, eps 1e-6, weight_decay 0, maximize.
M.Adadelta = optimizer.class("Adadelta", "adadelta")
--- Adam with Nesterov's momentum (Dozat 2016). Options: lr 2e-3, betas, eps 1e-8, weight_decay 0,
--- momentum_decay 4e-3, decoupled_weight_decay, maximize.
M.NAdam = optimizer.class("NAdam", "nadam")
--- Adam with the infinity norm. Options: lr 2e-3, betas, eps 1e-8, weight_decay 0, maximize.
M.Adamax = optimizer.class("Adamax", "adamax")
--- Rectified Adam (Liu et al. 2020). Options: lr 1e-3, betas, eps 1e-8, weight_decay 0, decoupled_weight_decay, maximize.
M.RAdam = optimizer.class("RAdam", "radam")
--- Limited-memory BFGS; opt:step(closure), where the closure clears the gradients, computes the loss, runs
--- backward and returns the loss. Options: lr 1, max_iter 20, max_eval max_iter * 5 / 4, tolerance_grad 1e-7,
--- tolerance_change 1e-9, history_size 100, line_search_fn ("strong_wolfe" or nil).
M.LBFGS = optimizer.class("LBFGS", "lbfgs")

local KINDS <const> = { sgd = "SGD", adam = "Adam", adamw = "AdamW", rmsprop = "RMSprop", adagrad = "Adagrad", adadelta = "Adadelta",
  nadam = "NAdam", adamax = "Adamax", radam = "RAdam", lbfgs = "LBFGS" }

--- An optimiser by its name in small letters: optim.make("adam", params, { lr = 1e-3 }).
---@param kind string       sgd, adam, adamw, rmsprop, adagrad, adadelta, nadam, adamax, radam or lbfgs
---@param params table
---@param opts? table
function M.make(kind, params, opts)
  local name = type(kind) == "string" and KINDS[kind:lower()]
  if not name then
    local known = {}
    for key in pairs(KINDS) do known[#known + 1] = key end
    table.sort(known)
    error(("optim.make: unknown optimiser '%s' (known: %s)"):format(tostring(kind), table.concat(known, ", ")), 2)
  end
  return M[name](params, opts)
end

--- Scales all gradients together so that their norm is at most max_norm; returns the norm they had.
---@param params table            parameters: a list, one tensor, or an object with :parameters()
---@param max_norm number
---@param opts? table             norm_type (2; math.huge: the largest absolute value), error_if_nonfinite (false)
---@return number norm
function M.clip_grad_norm(params, max_norm, opts)
  local list = parameters("clip_grad_norm", params, 3)
  if type(max_norm) ~= "number" then
    error(("clip_grad_norm: max_norm must be a number, got %s"):format(type(max_norm)), 2)
  end
  local norm_type, strict = 2, false
  if type(opts) == "number" then
    norm_type = opts
  elseif opts ~= nil then
    opts = optimizer.check_keys("clip_grad_norm", opts, { norm_type = "number", error_if_nonfinite = "boolean" }, 3)
    norm_type, strict = opts.norm_type or 2, opts.error_if_nonfinite
  end
  return core.clip_grad_norm(list, max_norm, norm_type, strict)
end
M.clip_grad_norm_ = M.clip_grad_norm

--- Limits every element of every gradient to -limit .. limit.
---@param params table
---@param limit number
function M.clip_grad_value(params, limit)
  local list = parameters("clip_grad_value", params, 3)
  if type(limit) ~= "number" then
    error(("clip_grad_value: the limit must be a number, got %s"):format(type(limit)), 2)
  end
  return core.clip_grad_value(list, limit)
end
M.clip_grad_value_ = M.clip_grad_value

for name, class in pairs(schedule) do M[name] = class end
M.lr_scheduler = schedule
for name, class in pairs(average) do M[name] = class end

return M
