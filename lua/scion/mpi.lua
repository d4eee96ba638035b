-- scion.mpi: the ranks of `mpirun -n N scion script.lua`. Without mpirun there is one rank, and everything here does nothing.
--
--   local mpi = scion.mpi
--   mpi.broadcast_(net:parameters())              -- everyone starts alike
--   mpi.allreduce_(gradients, "mean")             -- data-parallel training
--   if mpi.rank() == 0 then net:save "net.scion" end
--
-- The library is Debian's OpenMPI (openmpi-bin), opened when first needed. Learning-to-learn's fit() spreads the tasks of a
-- meta-batch over the ranks by itself.

local scion = require "scion"

local M = {}

local opened, world

local function get()
  if not opened then
    opened = true
    world = scion._mpi_open()
  end
  return world
end

--- This process's number, 0 .. size() - 1, as MPI counts.
function M.rank()
  local w = get()
  return w and w:rank() or 0
end
--- Number of processes.
function M.size()
  local w = get()
  return w and w:size() or 1
end
--- Waits for all ranks.
function M.barrier()
  local w = get()
  if w then w:barrier() end
end

local function each(where, tensors, fn)
  local list = type(tensors) == "table" and tensors or { tensors }
  for i, t in ipairs(list) do
    if not scion.is_tensor(t) then error(("mpi.%s: element %d is a %s, expected a tensor"):format(where, i, type(t)), 3) end
    fn(t)
  end
  return tensors
end

--- Sums (or means: how = "mean") of a tensor, or of each of a list, over all ranks, in place.
---@param tensors scion.Tensor|scion.Tensor[]
---@param how? "sum"|"mean"
function M.allreduce_(tensors, how)
  if how ~= nil and how ~= "sum" and how ~= "mean" then error(("mpi.allreduce_: how is '%s', expected 'sum' or 'mean'"):format(tostring(how)), 2) end
  local w = get()
  return each("allreduce_", tensors, function(t)
    if not w then return end
    w:allreduce_(t)
    if how == "mean" then scion.no_grad(function() t:mul_(1 / w:size()) end) end
  end)
end

--- A tensor, or each of a list, becomes that of rank `root` (0), in place.
---@param tensors scion.Tensor|scion.Tensor[]
---@param root? integer
function M.broadcast_(tensors, root)
  local w = get()
  return each("broadcast_", tensors, function(t)
    if w then w:broadcast_(t, root or 0) end
  end)
end

--- The gradients of parameters become their means over all ranks: after backward, before the optimiser's step.
function M.average_gradients(parameters)
  local w = get()
  if not w then return end
  for _, p in ipairs(parameters) do
    local g = p.grad or scion.zeros_like(p)
    w:allreduce_(g)
    p.grad = scion.no_grad(function() return g:mul(1 / w:size()) end)
  end
end

return M
