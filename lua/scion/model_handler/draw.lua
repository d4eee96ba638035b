-- Pictures of networks: by Graphviz (SVG, PNG, PDF, or its text), and as text with the branches drawn beside the layers.
-- Nodes tell name, type, settings and parameters, edges the shapes; frozen layers are marked.

local check = require "scion.check"
local files = require "scion.plot.file"
local show = require "scion.show"
local types = require "scion.model_handler.types"

local M = {}

local function scion() return require "scion" end

-- ---- what is shown --------------------------------------------------------------------------------------------------

local function thousands(n)
  local text = tostring(n):reverse():gsub("(%d%d%d)", "%1,"):reverse()
  return (text:gsub("^,", ""))
end

local function times(list)
  if type(list) ~= "table" then return tostring(list) end
  return table.concat(list, "×")
end

local function all(list, value)
  for _, v in ipairs(list or {}) do
    if v ~= value then return false end
  end
  return true
end

-- The settings that matter, in a few words: "3×3, 64, stride 2".
local function settings(layer, tensors)
  local p, words = layer.params or {}, {}
  local weight = layer.entries[1] and tensors[layer.entries[1]]
  weight = weight and weight.tensor
  local op = layer.op or ""
  if op:match("^conv") and weight then
    local k = {}
    for d = 3, weight:dim() do k[#k + 1] = weight:size(d) end
    words[1] = times(k)
    words[2] = tostring(op:match("transpose") and weight:size(2) * p.groups or weight:size(1))
  elseif op == "linear" and weight then
    words[1] = tostring(weight:size(1))
  elseif op == "embedding" and weight then
    words[1] = times { weight:size(1), weight:size(2) }
  elseif p.kernel and #p.kernel > 0 then
    words[1] = times(p.kernel)
  elseif p.size and type(p.size) == "table" and #p.size > 0 then
    words[1] = "to " .. times(p.size)
  end
  if p.stride and not all(p.stride, 1) and #p.stride > 0 then words[#words + 1] = "stride " .. (all(p.stride, p.stride[1]) and p.stride[1] or times(p.stride)) end
  if p.padding and type(p.padding) == "table" and not all(p.padding, 0) then
    words[#words + 1] = "pad " .. (all(p.padding, p.padding[1]) and p.padding[1] or times(p.padding))
  end
  if p.groups and p.groups > 1 then words[#words + 1] = "groups " .. p.groups end
  if op == "dropout" then words[#words + 1] = ("p %g"):format(p.p) end
  return table.concat(words, ", ")
end

-- Everything that drawings need, by layer: type, settings, parameters, frozen, shape of each output.
local function describe(net, input_shape)
  local tensors, info = {}, {}
  for _, e in ipairs(net:entries()) do tensors[e.name] = e end
  local shapes = input_shape
  if shapes == nil then
    shapes = require("scion.nn.input_shapes").known(net)
    for _, shape in ipairs(shapes or {}) do
      for d, n in ipairs(shape) do shape[d] = n < 0 and (d == 1 and 1 or 224) or n end
    end
  elseif type(shapes[1]) ~= "table" then
    shapes = { shapes }
  end
  local inferred
  if shapes then
    local ok, found = pcall(net._infer, net, shapes)
    if ok then inferred = found elseif input_shape then error("visualize_net: " .. tostring(found):gsub("^[^\n]-%.lua:%d+: ", ""), 4) end
  end
  local tops = {}
  for _, output in ipairs(net:outputs()) do tops[(output:gsub(":%d+$", ""))] = true end
  for _, layer in ipairs(net:layers()) do
    local parameters, frozen, trained = 0, 0, 0
    for _, name in ipairs(layer.entries) do
      local e = tensors[name]
      if e.kind == "param" then
        parameters = parameters + e.tensor:numel()
        if e.frozen then frozen = frozen + 1 else trained = trained + 1 end
      end
    end
    local _, own = types.names(layer, tops[layer.name])
    info[layer.name] = { type = own, settings = settings(layer, tensors), parameters = parameters,
      frozen = frozen > 0 and trained == 0, waiting = net:attr("deferred", layer.name) ~= nil, shapes = inferred and inferred[layer.name] }
  end
  return info, shapes and inferred and shapes
end

local function shape_text(shape)
  if not shape then return nil end
  if #shape <= 1 then return #shape == 0 and "scalar" or tostring(shape[1]) end
  return table.concat(shape, "×", 2) -- of one item
end

local function value_shape(info, inputs, value)
  if inputs[value] then return #inputs[value] > 0 and shape_text(inputs[value]) or nil end
  local layer, slot = value, 1
  if not info[value] then
    layer, slot = value:match("^(.*):(%d+)$")
    slot = math.tointeger(tonumber(slot)) + 1
  end
  local shapes = info[layer] and info[layer].shapes
  return shapes and shape_text(shapes[slot] or nil)
end

-- ---- Graphviz ----------------------------------------------------------------------------------------------------------

local COLOURS <const> = { -- fill by kind of layer
  Convolution = "#cfe3f5", Deconvolution = "#cfe3f5", FullyConnected = "#d7ecd9", Embedding = "#d7ecd9", RNN = "#d7ecd9", Pooling = "#f6dcd0",
  BatchNorm = "#e9e1f2", LayerNorm = "#e9e1f2", Activation = "#fbf1cf", LeakyReLU = "#fbf1cf", clip = "#fbf1cf", SoftmaxOutput = "#f3d3dc",
  softmax = "#f3d3dc",
}

local function quote(text) return '"' .. text:gsub("\\", "\\\\"):gsub('"', '\\"'):gsub("\n", "\\n") .. '"' end

--- The text that dot reads.
function M.dot(net, input_shape)
  local info, shapes = describe(net, input_shape)
  local lines = { "digraph network {", "  rankdir = TB; nodesep = 0.35; ranksep = 0.35;",
    '  node [shape = box, style = "filled,rounded", fontname = "Helvetica", fontsize = 11, color = "#555555", fillcolor = "#eeeeee"];',
    '  edge [fontname = "Helvetica", fontsize = 9, fontcolor = "#555555", color = "#777777", arrowsize = 0.7];' }
  local inputs = {}
  for i, input in ipairs(net:inputs()) do
    inputs[input.name] = shapes and shapes[i] or {}
    lines[#lines + 1] = ("  %s [label = %s, shape = ellipse, fillcolor = white];"):format(quote("in:" .. input.name), quote(input.name))
  end
  local tops = {}
  for _, output in ipairs(net:outputs()) do tops[(output:gsub(":%d+$", ""))] = true end
  local names = {}
  for _, layer in ipairs(net:layers()) do names[layer.name] = true end
  local function node_of(value)
    if names[value] then return value end
    local layer = value:match("^(.*):%d+$")
    if layer and names[layer] then return layer end
    return "in:" .. value
  end
  for _, layer in ipairs(net:layers()) do
    local d = info[layer.name]
    local text = { layer.name, d.type .. (d.settings ~= "" and " " .. d.settings or "") }
    if d.waiting then
      text[#text + 1] = "waits for its input's size"
    elseif d.parameters > 0 then
      text[#text + 1] = thousands(d.parameters) .. (d.frozen and " parameters, frozen" or " parameters")
    end
    local mxnet = types.names(layer, tops[layer.name])
    local attributes = ("label = %s, fillcolor = \"%s\""):format(quote(table.concat(text, "\n")), COLOURS[mxnet] or "#eeeeee")
    if d.frozen then attributes = attributes .. ', style = "filled,rounded,dashed", color = "#1f4e8c", penwidth = 2' end
    lines[#lines + 1] = ("  %s [%s];"):format(quote(layer.name), attributes)
    for _, source in ipairs(layer.sources) do
      local shape = value_shape(info, inputs, source)
      lines[#lines + 1] = ("  %s -> %s%s;"):format(quote(node_of(source)), quote(layer.name), shape and (" [label = %s]"):format(quote(" " .. shape)) or "")
    end
  end
  for i, output in ipairs(net:outputs()) do
    local name = "out:" .. i
    lines[#lines + 1] = ("  %s [label = %s, shape = ellipse, fillcolor = white];"):format(quote(name), quote(#net:outputs() > 1 and "output " .. i or "output"))
    local shape = value_shape(info, inputs, output)
    lines[#lines + 1] = ("  %s -> %s%s;"):format(quote(node_of(output)), quote(name), shape and (" [label = %s]"):format(quote(" " .. shape)) or "")
  end
  lines[#lines + 1] = "}"
  return table.concat(lines, "\n") .. "\n"
end

-- ---- text ----------------------------------------------------------------------------------------------------------------

-- How often each value is read, outputs included.
local function use_counts(net)
  local uses = {}
  for _, layer in ipairs(net:layers()) do
    local seen = {}
    for _, source in ipairs(layer.sources) do
      if not seen[source] then
        seen[source] = true
        uses[source] = (uses[source] or 0) + 1
      end
    end
  end
  for _, output in ipairs(net:outputs()) do uses[output] = (uses[output] or 0) + 1 end
  return uses
end

-- One line of the drawing: the node in column `at`, joined to the columns in `joined` (column -> is it finished?).
local function rail(lanes, at, joined)
  local low, high, width = at, at, at
  for column in pairs(joined) do low, high = math.min(low, column), math.max(high, column) end
  for column in pairs(lanes) do width = math.max(width, column) end
  local cells = {}
  for column = 1, math.max(width, high) do
    local inside = column > low and column < high
    local cell
    if column == at then
      cell = "●"
    elseif joined[column] ~= nil then
      if joined[column] then cell = column > at and (inside and "┴" or "╯") or (inside and "┴" or "╰")
      else cell = column == low and "├" or column == high and "┤" or "┼" end
    elseif lanes[column] then
      cell = inside and "┼" or "│"
    else
      cell = inside and "─" or " "
    end
    cells[#cells + 1] = cell
    cells[#cells + 1] = (column >= low and column < high) and "─" or " "
  end
  return (table.concat(cells):gsub("%s+$", ""))
end

--- The network as text: branches as lines on the left, then name, type, settings, shape, parameters.
function M.text(net, input_shape)
  local info, shapes = describe(net, input_shape)
  local uses, lanes, rows, some_frozen = use_counts(net), {}, {}, false
  local function free_lane()
    local column = 1
    while lanes[column] do column = column + 1 end
    return column
  end
  for i, input in ipairs(net:inputs()) do
    local column = free_lane()
    rows[#rows + 1] = { rail(lanes, column, {}):gsub("●", "○"), input.name, "input", shapes and shape_text(shapes[i]) or "", "", "" }
    if uses[input.name] then lanes[column] = input.name end
  end
  for _, layer in ipairs(net:layers()) do
    local joined, finished = {}, nil
    local columns = {}
    for column, value in pairs(lanes) do columns[value] = column end
    local seen = {}
    for _, source in ipairs(layer.sources) do
      if not seen[source] and columns[source] then
        seen[source] = true
        uses[source] = uses[source] - 1
        joined[columns[source]] = uses[source] == 0
        if uses[source] == 0 then finished = math.min(finished or columns[source], columns[source]) end
      end
    end
    local at = finished or free_lane()
    joined[at] = nil
    local line = rail(lanes, at, joined)
    for column, done in pairs(joined) do
      if done then lanes[column] = nil end
    end
    lanes[at] = nil
    for slot = 0, layer.n_outputs - 1 do
      local value = slot == 0 and layer.name or ("%s:%d"):format(layer.name, slot)
      if uses[value] and uses[value] > 0 then lanes[slot == 0 and at or free_lane()] = value end
    end
    local d = info[layer.name]
    local count = d.waiting and "?" or d.parameters > 0 and thousands(d.parameters) or ""
    rows[#rows + 1] = { line, layer.name, d.type .. (d.settings ~= "" and " " .. d.settings or ""),
      d.shapes and shape_text(d.shapes[1] or nil) or "", count, d.frozen and "frozen" or "" }
    some_frozen = some_frozen or d.frozen
  end
  local columns = { { title = "", align = "left" }, { title = "layer", align = "left" }, { title = "type", align = "left" },
    { title = "shape", align = "left" }, { title = "parameters", align = "right" } }
  if some_frozen then columns[6] = { title = "", align = "left" } end
  return show.table(columns, rows)
end

-- ---- files -----------------------------------------------------------------------------------------------------------------

local FORMATS <const> = { svg = true, png = true, pdf = true }

local function write(path, text) files.write("visualize_net", path, text) end

--- Is Graphviz there?
function M.has_graphviz() return files.has_program "dot" end

local OPTS <const> = { input_shape = check.table {}, net = check.any {} }

function M.visualize(net, path, opts)
  opts = check.opts("visualize_net", opts, OPTS, 4)
  if path ~= nil and type(path) ~= "string" then
    error(("visualize_net: expected a file name (.svg, .png, .pdf, .dot, .txt), got %s"):format(check.describe(path)), 3)
  end
  net = opts.net or net
  if path == nil then
    local text = M.text(net, opts.input_shape)
    scion().emit("info", text)
    return text
  end
  local ending = path:match("%.(%w+)$")
  ending = ending and ending:lower()
  if ending == "txt" then
    local text = M.text(net, opts.input_shape)
    write(path, text .. "\n")
    return text
  end
  if ending ~= "dot" and not FORMATS[ending or ""] then
    error(("visualize_net: '%s' must end in .svg, .png, .pdf, .dot or .txt"):format(path), 3)
  end
  local dot = M.dot(net, opts.input_shape)
  if ending == "dot" then
    write(path, dot)
    return dot
  end
  if not M.has_graphviz() then
    local text = M.text(net, opts.input_shape)
    scion().emit("warn", ("visualize_net: %s needs Graphviz (apt-get install graphviz); as text:"):format(path))
    scion().emit("info", text)
    return text
  end
  local source = os.tmpname()
  write(source, dot)
  local ok = os.execute(("dot -T%s -o %s %s > /dev/null 2>&1"):format(ending, files.quote(path), files.quote(source)))
  os.remove(source)
  if not ok then error(("visualize_net: dot could not write %s"):format(path), 3) end
  return dot
end

return M
