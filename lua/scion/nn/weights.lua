-- Weights into a net by name: from a table of tensors, or from a file of weights of any known format. What matched, what was
-- missing and what was left over is told by the report.

local scion = require "scion"
local check = require "scion.check"
local core = require "scion.nn.core"
local deferred = require "scion.nn.deferred"

local M = {}

local function sorted(list)
  table.sort(list)
  return scion.list(list)
end
local function shape_text(t) return tostring(scion.list({ table.unpack(t.shape) })) end
local function same_shape(a, b)
  if #a ~= #b then return false end
  for i = 1, #a do if a[i] ~= b[i] then return false end end
  return true
end

-- ---- the report ------------------------------------------------------------------------------------------

local Report = {}
Report.__index = Report
function Report:__tostring()
  local lines = { ("%d tensors matched, %d missing, %d left over, %d of another shape"):format(#self.loaded, #self.missing, #self.unexpected, #self.mismatched) }
  local function some(title, list)
    if #list == 0 then return end
    local few = table.concat(list, ", ", 1, math.min(#list, 8))
    lines[#lines + 1] = ("  %s: %s%s"):format(title, few, #list > 8 and (", ... (%d more)"):format(#list - 8) or "")
  end
  some("missing", self.missing)
  some("left over", self.unexpected)
  some("of another shape", self.mismatched)
  if self.prefix ~= "" then lines[#lines + 1] = ("  taken off every name: '%s'"):format(self.prefix) end
  return table.concat(lines, "\n")
end

-- ---- names --------------------------------------------------------------------------------------------------

-- The prefix that all names share up to a dot and without which most of them are the net's: "module.", "model.net.", ... ; "module." goes
-- in any case.
local function common_prefix(names, entries)
  local function count(prefix)
    local n = 0
    for _, name in ipairs(names) do n = n + (entries[name:sub(#prefix + 1)] and 1 or 0) end
    return n
  end
  local prefix, best, most = "", "", count ""
  while true do
    local first = names[1] and names[1]:sub(#prefix + 1):match "^[^.]+%."
    if not first then return best end
    local longer = prefix .. first
    for _, name in ipairs(names) do
      if name:sub(1, #longer) ~= longer then return best end
    end
    local n = count(longer)
    if n > most or first == "module." and best == prefix then best, most = longer, n end
    prefix = longer
  end
end

-- What MXNet and Gluon call an entry: conv1_weight and arg:conv1_weight for conv1.weight, bn_gamma and bn.gamma for bn.weight.
local OTHERS <const> = { weight = "gamma", bias = "beta", running_mean = "moving_mean", running_var = "moving_var", gamma = "weight", beta = "bias",
  moving_mean = "running_mean", moving_var = "running_var" }
local function other_names(entries)
  local out = {}
  for name in pairs(entries) do
    local layer, last = name:match "^(.*)%.([^.]+)$"
    if layer then
      for _, word in ipairs { last, OTHERS[last] } do
        for _, dot in ipairs { "_", "." } do
          local other = layer .. dot .. word
          if not entries[other] then out[other] = name end
        end
      end
    end
  end
  return out
end

-- rename: { { pattern, replacement }, ... } applied in order, or a function(name) -> name, or nil to leave the tensor out.
local function renamed(name, rules)
  if rules == nil then return name end
  if type(rules) == "function" then return rules(name) end
  for _, rule in ipairs(rules) do name = name:gsub(rule[1], rule[2]) end
  return name
end

-- ---- loading ---------------------------------------------------------------------------------------------------

--- The work of net:load_weights and net:load_state_dict. who: for messages.
function M.load(net, who, tensors, opts, level)
  local entries, list = {}, net:entries()
  for _, e in ipairs(list) do entries[e.name] = e end
  local names = {}
  for name, tensor in pairs(tensors) do
    if type(name) ~= "string" or not core.is_tensor(tensor) then
      error(("%s: element %s is not a tensor with a name"):format(who, tostring(name)), level + 1)
    end
    if not name:find "num_batches_tracked$" then names[#names + 1] = name end
  end
  table.sort(names)
  local prefix = opts.prefix or common_prefix(names, entries)
  local given, unexpected, others = {}, {}, other_names(entries)
  for _, name in ipairs(names) do
    local short = name:sub(1, #prefix) == prefix and renamed(name:sub(#prefix + 1), opts.rename)
    if short and not entries[short] then
      local plain = short:gsub("^a[ru][gx]:", "")
      local other = others[plain]
      short = entries[plain] and plain or other and not tensors[prefix .. other] and other or short
    end
    if short and given[short] then
      error(("%s: '%s' and '%s' become the same name '%s'"):format(who, given[short].name, name, short), level + 1)
    elseif short then
      given[short] = { name = name, tensor = tensors[name] }
    end
  end
  local copies, loaded, missing, mismatched = {}, {}, {}, {}
  local waiting, fills = deferred.waiting_entries(net), {}
  for _, e in ipairs(list) do
    local value = given[e.name]
    if value and waiting[e.name] and deferred.fits(e.tensor.shape, value.tensor.shape) then
      fills[#fills + 1] = { e, value.tensor }
      loaded[#loaded + 1] = e.name
    elseif value and same_shape(value.tensor.shape, e.tensor.shape) then
      copies[#copies + 1] = { e.tensor, value.tensor }
      loaded[#loaded + 1] = e.name
    elseif value then
      mismatched[#mismatched + 1] = ("%s is %s in the file, %s in the net"):format(e.name, shape_text(value.tensor), shape_text(e.tensor))
    elseif e.kind ~= "const" then
      missing[#missing + 1] = e.name
    end
    given[e.name] = nil
  end
  for _, value in pairs(given) do unexpected[#unexpected + 1] = value.name end
  local report = setmetatable({ loaded = sorted(loaded), missing = sorted(missing), unexpected = sorted(unexpected), mismatched = sorted(mismatched),
    prefix = prefix }, Report)
  if opts.strict and #missing + #unexpected + #mismatched > 0 then
    error(("%s: the names or shapes do not match (strict = false loads the rest): %s"):format(who, tostring(report)), level + 1)
  end
  if opts.same_shapes and #mismatched > 0 then error(("%s: %s"):format(who, table.concat(mismatched, "; ")), level + 1) end
  if #loaded == 0 and #list > 0 then error(("%s: not one name matches: %s"):format(who, tostring(report)), level + 1) end
  scion.no_grad(function()
    for _, pair in ipairs(copies) do
      local to, from = pair[1], pair[2]
      to:copy_(from.dtype == to.dtype and from or from:to(to.dtype)) -- to() makes a copy in any case
    end
    for _, pair in ipairs(fills) do
      local e, from = pair[1], pair[2]
      local t = from.dtype == e.tensor.dtype and from:clone() or from:to(e.tensor.dtype)
      net:set_entry(e.name, e.kind == "param" and t:requires_grad_(not e.frozen) or t)
    end
  end)
  for _, pair in ipairs(fills) do
    if net:attr(deferred.KEY, waiting[pair[1].name]) then deferred.given(net, waiting[pair[1].name]) end
  end
  return report
end

local OPTS <const> = { strict = check.boolean { default = true }, prefix = check.string {}, rename = check.any {}, mmap = check.boolean { default = false } }

local Net = scion.Net
--- Copies weights into parameters and buffers by name: from a file (PyTorch, safetensors, npz, MXNet params, a network of scion) or a
--- table of tensors. Number types are converted; PyTorch's num_batches_tracked is ignored; MXNet's names (conv1_weight, bn_gamma) are known.
--- Layers that wait for their input's size (MXNet's without parameters) take the size from the weights.
---@param source string|table<string, scion.Tensor>
---@param opts? { strict?: boolean, prefix?: string, rename?: table|function, mmap?: boolean }
--- strict (true): everything must match. prefix: taken off the names; by default what all share ("module.") where that helps. rename: a list
--- of { pattern, replacement }, or a function(name) that gives the net's name, or nil to leave a tensor out.
--- mmap (false): the file is mapped while it is read, so that no second copy of the weights is in memory (scion.load says at which risk).
---@return table report { loaded =, missing =, unexpected =, mismatched = }, which prints itself
function Net:load_weights(source, opts)
  local o = check.opts("net:load_weights", opts, OPTS, 3)
  local tensors = source
  if type(source) == "string" then tensors = scion.io.read_weights(source, o.mmap) end
  if type(tensors) ~= "table" then error(("net:load_weights: expected a file name or a table of tensors, got %s"):format(type(source)), 2) end
  return M.load(self, "net:load_weights", tensors, o, 2)
end

return M
