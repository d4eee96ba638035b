-- Which of six settings of transfer learning holds (Damianou 2019: "Data properties considerations"), from measured figures, and
-- what follows. Part of scion.repurpose.auto.

local M = {}

local function scion() return require "scion" end

-- Mean and deviation per channel (pictures) or feature of some items.
local function statistics(set, most)
  local s = scion()
  local xs, n = {}, 0
  for x in set:iterator { batch_size = 64 } do
    xs[#xs + 1], n = x:to("f64"), n + #x
    if n >= most then break end
  end
  local x = s.cat(xs, 1)
  local flat = x:dim() == 4 and x:permute(2, 1, 3, 4):reshape(x:size(2), -1):t() or x:reshape(x:size(1), -1)
  return flat:mean(1), flat:std(1), x
end

-- How far the target's inputs are from what the source was trained on, in the source's deviations: from its data where given, else
-- from the running statistics of its first batch normalisation. nil: nothing to compare with.
local function input_shift(source, set)
  local s = scion()
  if source.data then
    local other = source.data.dataset or source.data
    local m1, d1, x1 = statistics(other, 512)
    local m2, d2, x2 = statistics(set, 512)
    if x1:numel() // #x1 ~= x2:numel() // #x2 then return math.huge, "inputs have other sizes" end
    local floor = d1:mean():item() * 1e-3 + 1e-9
    local shift = m1:sub(m2):abs():div(d1:add(floor)):mean():item() + d2:add(floor):div(d1:add(floor)):log():abs():mean():item()
    return shift, ("means and deviations of the inputs differ by %.2f of the source's deviations"):format(shift)
  end
  local names = {}
  for name in source.net:named_buffers() do names[#names + 1] = name end
  for _, name in ipairs(names) do
    local layer = name:match("^(.*)%.running_mean$")
    if layer then
      local net = source.net
      local ok, value = pcall(function()
        local before = net:layer(layer).inputs[1]
        local some = set:head(math.min(#set, 64)):iterator { batch_size = 64 }
        return require("scion.features").collect(net, some, { before }, {})[1]
      end)
      if not ok or value:dim() ~= 4 then return nil end
      local flat = value:to("f64"):permute(2, 1, 3, 4):reshape(value:size(2), -1)
      local deviation = net[layer .. ".running_var"]:to("f64"):add(1e-9):sqrt()
      local shift = flat:mean(2):sub(net[name]:to("f64")):abs():div(deviation):mean():item()
      return shift, ("activations before '%s' are %.2f deviations from those that the source was trained on"):format(layer, shift)
    end
  end
  return s and nil
end

local function same_labels(a, b)
  local known, shared = {}, 0
  for _, label in ipairs(a) do known[label] = true end
  for _, label in ipairs(b) do
    if known[label] then shared = shared + 1 end
  end
  return shared
end

--- The six settings as { name, holds (true, false or nil: not known), text }.
function M.describe(sources, set, best_source, _)
  local list = {}
  local function add(name, holds, format, ...) list[#list + 1] = { name = name, holds = holds, text = format:format(...) } end
  local source = best_source or sources[1]
  local shift, how = input_shift(source, set)
  if shift == nil then
    add("different inputs", nil, "Give the source's `data` to have its inputs compared")
  else
    add("different inputs", shift > 1.5, "%s; %s", how:sub(1, 1):upper() .. how:sub(2), shift > 1.5 and "consider domain adaptation, or retrain the lower layers" or
      "the source's first layers see what they know")
  end
  if source.classes then
    local shared = same_labels(source.classes, set.classes)
    add("different labels", shared < #set.classes, "%d of the %d labels are among the source's %d; %s", shared, #set.classes, #source.classes,
      shared < #set.classes and "the last layer must be new" or "the source's own last layer may serve: try it untouched first")
  else
    add("different labels", nil, "Give the source's `classes` to have labels compared; a new last layer is the safe choice")
  end
  local entropy, n = 0, 0
  for _, count in ipairs(set:class_counts()) do n = n + count end
  for _, count in ipairs(set:class_counts()) do
    if count > 0 then entropy = entropy - count / n * math.log(count / n) end
  end
  local balance = entropy / math.log(#set.classes)
  add("dissimilar output distribution", balance < 0.95, "The entropy of the target's classes is %.2f of a balanced set's (1); %s", balance,
    balance < 0.95 and "weigh classes, or correct the prior; transfer lower layers rather than the last ones" or "nothing to correct")
  if shift == nil then
    add("dissimilar input distribution", nil, "Not measured without the source's `data` or a batch normalisation")
  else
    add("dissimilar input distribution", shift > 0.5, "The shift is %.2f; %s", shift, shift > 0.5 and "higher layers carry over better than lower ones: tune the bottom" or
      "any layer may be kept")
  end
  local per_class = n / #set.classes
  if source.n_labelled then
    local ratio = n / source.n_labelled
    add("far fewer labels in the target", ratio < 0.1, "%d against %d items (%.3f), %.0f a class; %s", n, source.n_labelled, ratio, per_class,
      ratio < 0.1 and "frozen features with a simple model, or fine-tuning with care" or "fine-tuning all layers is affordable")
    add("far fewer labels in the source", ratio > 3, "%d against %d items; %s", n, source.n_labelled, ratio > 3 and
      "train from scratch unless the source task must be kept; if so, guard against forgetting" or "forgetting is no concern here")
  else
    add("far fewer labels in the target", per_class < 50 or nil, "%d items, %.0f a class; %s", n, per_class, per_class < 50 and
      "frozen features with a simple model, or fine-tuning with care" or "give the source's `n_labelled` to compare")
    add("far fewer labels in the source", nil, "Give the source's `n_labelled` to compare")
  end
  return list
end

return M
