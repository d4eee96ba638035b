-- Repurposers that Xfer saved: NAME.json with a scikit-learn model inside, of LrRepurposer and SvmRepurposer.
--
--   local rp = scion.load "saved.json"             -- the source network: saved_source-symbol.json and its parameters beside it
--   local rp = scion.repurpose.load_xfer("saved.json", { source_model = net })
--
-- The JSON holds { repurposer_class, feature_layer_names, ..., target_model = { model = { parameters, attributes } } }; arrays are [dtype,
-- nested list], tuples ["tuple", list]. It becomes the graph that our own repurposers are, so it predicts, saves and exports like them.

local check = require "scion.check"
local graph = require "scion.repurpose.graph"
local json = require "scion.json"
local show = require "scion.show"

local M = {}

local function scion() return require "scion" end

-- Arrays and tuples of Xfer's JSON as plain lists.
local function plain(value)
  if type(value) ~= "table" then return value end
  if type(value[1]) == "string" and type(value[2]) == "table" and #value == 2 then return value[2] end
  return value
end

local function matrix(where, value)
  value = plain(value)
  if type(value) ~= "table" or #value == 0 then error(("%s is missing"):format(where), 0) end
  return scion().tensor(value, { dtype = "f64" })
end

local function whole(value)
  return math.type(value) == "float" and math.tointeger(value) or value
end

-- Weights of a logistic regression as rows of a softmax. Two classes have one row of decisions d, which means softmax(-d, d) in scikit-learn's multinomial
-- models (Xfer's; multi_class is among their parameters) and sigmoid(d) in others.
local function logistic_model(attributes, multinomial)
  local s = scion()
  local weight, bias = matrix("coef_", attributes.coef_), matrix("intercept_", attributes.intercept_):reshape(-1)
  if #weight == 1 then
    local share = multinomial and 1 or 0.5
    weight, bias = weight * share, bias * share
    weight, bias = s.cat({ weight:neg(), weight }, 1), s.cat({ bias:neg(), bias }, 1)
  end
  local iterations = plain(attributes.n_iter_)
  return { weight = weight, bias = bias, report = { converged = false, iterations = type(iterations) == "table" and iterations[1] or iterations } }
end

-- libsvm's dual form as our coefficients by pair. In scikit-learn's attributes two classes have their signs turned round.
local function svm_model(attributes, n_classes, gamma)
  local s = scion()
  local points = matrix("support_vectors_", attributes.support_vectors_)
  local dual = matrix("dual_coef_", attributes._dual_coef_ or attributes.dual_coef_)
  local intercept = matrix("intercept_", attributes._intercept_ or attributes.intercept_):reshape(-1)
  local counts = plain(attributes.n_support_ or attributes._n_support)
  if type(counts) ~= "table" then error("n_support_ is missing", 0) end
  local n_pairs = n_classes * (n_classes - 1) // 2
  local turned = n_classes == 2 and attributes._dual_coef_ == nil and -1 or 1
  local from, at = {}, 1
  for k = 1, n_classes do from[k], at = at, at + counts[k] end
  local columns = {}
  local n = #points
  for i = 1, n_classes do
    for j = i + 1, n_classes do
      local column = s.zeros(n, { dtype = "f64" })
      -- rows of class i carry their coefficient against j in row j - 1, those of j against i in row i
      if counts[i] > 0 then column:narrow(1, from[i], counts[i]):copy_(dual:narrow(1, j - 1, 1):reshape(-1):narrow(1, from[i], counts[i])) end
      if counts[j] > 0 then column:narrow(1, from[j], counts[j]):copy_(dual:narrow(1, i, 1):reshape(-1):narrow(1, from[j], counts[j])) end
      columns[#columns + 1] = column
    end
  end
  if #intercept ~= n_pairs then error(("intercept_ has %d numbers, expected %d"):format(#intercept, n_pairs), 0) end
  local model = { gamma = gamma, n_classes = n_classes, report = { converged = true, n_support = n },
    machine = { points = points, coef = s.stack(columns, 2):mul(turned), offset = intercept:mul(turned) } }
  local a, b = plain(attributes.probA_ or attributes._probA), plain(attributes.probB_ or attributes._probB)
  if type(a) == "table" and #a == n_pairs then -- libsvm: 1 / (1 + exp(A f + B))
    model.coupling = "libsvm"
    model.slope, model.shift = s.tensor(a, { dtype = "f64" }):neg(), s.tensor(b, { dtype = "f64" }):neg()
  end
  return model
end

local OPTS <const> = { source_model = check.test("a net", graph.is_net, {}) }

-- The source network that Xfer saves beside NAME.json: NAME_source-symbol.json, NAME_source-0000.params.
local function source_beside(path)
  local symbol = path:gsub("%.json$", "") .. "_source-symbol.json"
  if scion().io.path_kind(symbol) ~= "file" then
    check.raise("load_xfer: %s holds a repurposer of Xfer and no source is beside it (%s); give one: scion.load(path, { source_model = net })", path, symbol)
  end
  return scion().io.load_mxnet(symbol)
end

--- A repurposer from the JSON file of Xfer's LrRepurposer or SvmRepurposer, on its source network: the one given, or that which Xfer saved beside it
--- (NAME_source-symbol.json with NAME_source-0000.params). Layers must have the names that the file says. scion.load does the same.
---@param path string
---@param opts? { source_model?: scion.Net }
function M.load(path, opts)
  opts = check.opts("load_xfer", opts, OPTS)
  check.arg("load_xfer", "path", path, check.string { required = true })
  local found, text = pcall(scion().io.read_file, path)
  if not found then check.raise("load_xfer: Cannot find repurposer file (%s)", text) end
  local ok, saved = pcall(json.decode, text)
  if not ok or type(saved) ~= "table" or type(saved.repurposer_class) ~= "string" then
    check.raise("load_xfer: %s is no repurposer of Xfer", path)
  end
  local name = saved.repurposer_class
  if name ~= "LrRepurposer" and name ~= "SvmRepurposer" then
    local symbol = path:gsub("%.json$", "") .. "-symbol.json"
    check.raise("load_xfer: %s holds a %s; LrRepurposer and SvmRepurposer can be read%s", path, name,
      name:find "^NeuralNetwork" and ("; the network that it trained is %s, which scion.load reads"):format(symbol) or "")
  end
  local target = type(saved.target_model) == "table" and saved.target_model.model
  if type(target) ~= "table" or type(target.attributes) ~= "table" then check.raise("load_xfer: %s has no target_model", path) end
  local attributes, parameters = target.attributes, target.parameters or {}
  local layers = plain(saved.feature_layer_names)
  opts.source_model = opts.source_model or source_beside(path)
  local settings = { source_model = opts.source_model, feature_layer_names = layers, standardise = false }
  if name == "SvmRepurposer" then
    settings.c, settings.kernel = parameters.C or saved.c, parameters.kernel or saved.kernel
    settings.degree, settings.coef0 = whole(parameters.degree or 3), (parameters.coef0 or 0) + 0.0
  else
    settings.c = parameters.C or saved.c
  end
  local made, rp = pcall(scion()[name], settings)
  if not made then check.raise("load_xfer: %s: %s", path, (tostring(rp):gsub("^[^\n]-%.lua:%d+: ", ""))) end
  local built, message = pcall(function()
    local classes = plain(attributes.classes_)
    if type(classes) ~= "table" or #classes < 2 then error("classes_ is missing", 0) end
    rp.classes = show.list {}
    for i, label in ipairs(classes) do rp.classes[i] = whole(label) end
    rp.task = "classes"
    local fitted
    if name == "LrRepurposer" then
      fitted = { model = logistic_model(attributes, parameters.multi_class == "multinomial") }
    else
      local points = matrix("support_vectors_", attributes.support_vectors_)
      local gamma = attributes._gamma or parameters.gamma
      if type(gamma) ~= "number" then gamma = 1 / points:size(2) end
      fitted = { model = svm_model(attributes, #classes, gamma) }
      rp.has_probabilities = fitted.model.slope ~= nil
    end
    rp.report = fitted.model.report
    rp.feature_width = (fitted.model.weight or fitted.model.machine.points):size(2)
    scion().no_grad(function()
      rp.head_net = rp:_head(fitted)
      rp.target_model = rp:_assemble(rp.head_net)
    end)
  end)
  if not built then check.raise("load_xfer: %s: %s", path, tostring(message)) end
  return rp
end

return M
