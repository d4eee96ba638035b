-- Losses and accuracies of episodes. Every loss is a mean over items, so that with T tasks of equal size in one batch T times
-- the loss is the sum of the tasks' own losses.

local M = {}

local function nn() return require("scion").nn end

-- (N, 1) predictions beside (N) targets are squeezed, the usual slip of regression.
local function mse(output, target)
  if output:dim() == target:dim() + 1 and output:size(-1) == 1 then output = output:squeeze(-1) end
  return nn().mse_loss(output, target)
end

local function is_ids(y) return y.dtype == "i64" or y.dtype == "i32" end

-- More classes than outputs are a matter of task and head, and told as that.
local function cross_entropy(output, ids, where)
  local ok, loss = pcall(nn().cross_entropy, output, ids)
  if ok then return loss end
  if output:dim() == 2 and is_ids(ids) then
    local most = ids:max():item()
    if most > output:size(2) then error(("%sa task has %d classes, the network has %d outputs"):format(where or "", most, output:size(2)), 0) end
  end
  error(loss, 0)
end

--- A function (output, y) -> scalar from the option `loss` (nil: by the targets, class ids or numbers); the second result tells whether
--- it is known to be a mean over items. `name` is the algorithm's, for messages.
function M.of(loss, name)
  if type(loss) == "function" then
    return function(output, y)
      local value = loss(output, y)
      if not require("scion").is_tensor(value) or value:numel() ~= 1 then
        error(("%s: the loss function must return a tensor of one number, got %s"):format(name, require("scion.check").describe(value)), 0)
      end
      return value
    end, false
  end
  local where = name .. ": "
  return function(output, y)
    if loss == "cross_entropy" or not loss and is_ids(y) then return cross_entropy(output, y, where) end
    return mse(output, y)
  end, true
end

--- Share of right answers, or nil where y is no class id.
function M.accuracy(output, y)
  if not is_ids(y) or output:dim() ~= 2 then return nil end
  local scion = require "scion"
  return scion.no_grad(function() return output:argmax(2):eq(y):to("f32"):mean():item() end)
end

return M
