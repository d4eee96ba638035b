-- Edits of ModelHandler: dropping, cutting, adding, inserting, replacing, renaming, copying branches. All act on the graph:
-- what is dropped or cut must leave one value to go on from, and where several branches meet the error names them.

local check = require "scion.check"
local core = require "scion.nn.core"
local show = require "scion.show"
local types = require "scion.model_handler.types"

local M = {}

local SUFFIXES <const> = { "_output", "_label", "_weight", "_bias", "_moving_mean", "_moving_var", "_gamma", "_beta" }

local function fail(...) error(string.format(...), 0) end

-- ---- the graph as layers ---------------------------------------------------------------------------------------------

local function layer_map(net)
  local map = {}
  for _, layer in ipairs(net:layers()) do map[layer.name] = layer end
  return map
end
local function layer_of(map, value) return map[value] or map[(value:gsub(":%d+$", ""))] end

-- All layers that a value needs, as a set of names.
local function ancestors(map, value, seen)
  seen = seen or {}
  local layer = layer_of(map, value)
  if layer and not seen[layer.name] then
    seen[layer.name] = true
    for _, source in ipairs(layer.sources) do ancestors(map, source, seen) end
  end
  return seen
end

local function unique_sources(layer)
  local list, seen = {}, {}
  for _, source in ipairs(layer.sources) do
    if not seen[source] then
      seen[source] = true
      list[#list + 1] = source
    end
  end
  return list
end

local function quoted(list)
  local out = {}
  for i, name in ipairs(list) do out[i] = ("'%s'"):format(name) end
  return table.concat(out, ", ")
end

-- Keeps attributes of the whole net (preprocessing, names) across a cut.
local function carry_attributes(from, to)
  for key, text in pairs(from:attrs()) do to:set_attr(key, text) end
  if from:is_training() then to:train() else to:eval() end
  return to
end

-- ---- dropping from the top ---------------------------------------------------------------------------------------------

-- Walks down from an output, the last layer first. Between branches the walk goes on through all of them; a cut is possible
-- where a single value is left. Returns that value after n layers, or raises.
local function top_after(net, output, n, branch)
  local map = layer_map(net)
  local frontier, dropped, join, possible = { [output] = true }, 0, nil, {}
  local function only()
    local value = next(frontier)
    return value and next(frontier, value) == nil and value or nil
  end
  local limit = #net:layers()
  while dropped < limit do
    local last
    for value in pairs(frontier) do
      local layer = layer_of(map, value)
      if layer and (not last or layer.position > last.position) then last = layer end
    end
    if not last then break end
    for value in pairs(frontier) do
      if layer_of(map, value) == last then frontier[value] = nil end
    end
    local sources = unique_sources(last)
    if branch and #sources > 1 then
      local chosen = {}
      for _, source in ipairs(sources) do
        if ancestors(map, source)[branch] then chosen[#chosen + 1] = source end
      end
      if #chosen == 1 then sources = chosen end
    end
    if #sources > 1 and dropped < n then join = last end
    for _, source in ipairs(sources) do frontier[source] = true end
    dropped = dropped + 1
    local value = only()
    if value then possible[#possible + 1] = dropped end
    if dropped == n and value then
      if layer_of(map, value) then return value end
      fail("Cannot drop %d layers. Model only has %d layers", n, limit)
    end
  end
  if n >= limit or not join then fail("Cannot drop %d layers. Model only has %d layers", n, limit) end
  local drop_number = 0
  for i = 1, #possible do
    if possible[i] < n then drop_number = possible[i] end
  end
  local next_cut
  for _, count in ipairs(possible) do
    if count > n then
      next_cut = count
      break
    end
  end
  fail("The model does not support dropping layers where there is ambiguity. Layer drop: %d. '%s' (%s) joins the branches %s; name one " ..
    "with { branch = name }%s", drop_number + 1, join.name, join.type, quoted(unique_sources(join)),
    next_cut and next_cut < limit and (", or drop %d layers to take the whole block away"):format(next_cut) or "")
end

local function drop_top(self, n, opts)
  local net = self.net
  local layers, outputs = net:layers(), net:outputs()
  if n >= #layers then fail("Cannot drop %d layers. Model only has %d layers", n, #layers) end
  local which = 1
  if opts.output then
    which = nil
    for i, output in ipairs(outputs) do
      if output == opts.output then which = i end
    end
    if not which then fail("'%s' is not an output of the model (outputs: %s)", opts.output, quoted(outputs)) end
  elseif #outputs > 1 then
    fail("The model has %d outputs: %s; name one with { output = name }", #outputs, quoted(outputs))
  end
  if opts.branch and not net:has_layer(opts.branch) then fail("branch '%s' is no layer of the model", opts.branch) end
  outputs[which] = top_after(net, outputs[which], n, opts.branch)
  local before = net:layer_names()
  net:set_outputs(outputs)
  net:prune()
  return before
end

-- ---- dropping from the bottom ------------------------------------------------------------------------------------------

local function all_sources_in(layer, set)
  for _, source in ipairs(layer.sources) do
    if not set[source] then return false, source end
  end
  return true
end

local function outputs_of(layer)
  local list = { layer.name }
  for i = 1, layer.n_outputs - 1 do list[#list + 1] = ("%s:%d"):format(layer.name, i) end
  return list
end

-- Values of `set` that layers outside of `dropped` still read, or that the net gives.
local function live_values(net, layers, dropped, set)
  local live, list = {}, {}
  local function note(value)
    if set[value] and not live[value] then
      live[value] = true
      list[#list + 1] = value
    end
  end
  for _, layer in ipairs(layers) do
    if not dropped[layer.name] then
      for _, source in ipairs(layer.sources) do note(source) end
    end
  end
  for _, output in ipairs(net:outputs()) do note(output) end
  return list
end

local function readers(layers, value, dropped)
  local list = {}
  for _, layer in ipairs(layers) do
    if not dropped[layer.name] then
      for _, source in ipairs(layer.sources) do
        if source == value then
          list[#list + 1] = layer.name
          break
        end
      end
    end
  end
  return list
end

local function bottom_after(net, input, n)
  local layers = net:layers()
  local set, dropped, count = { [input] = true }, {}, 0
  local possible, value_at, trouble = {}, {}, nil
  for _, layer in ipairs(layers) do
    local reads = false
    for _, source in ipairs(layer.sources) do reads = reads or set[source] end
    if reads then
      local ok, other = all_sources_in(layer, set)
      if not ok then
        trouble = trouble or { count = count + 1, text = ("'%s' (%s) joins it with '%s'"):format(layer.name, layer.type, other) }
        break
      end
      local live = live_values(net, layers, dropped, set)
      for _, value in ipairs(live) do
        local list = readers(layers, value, dropped)
        if #list > 1 and not trouble then
          trouble = { count = count + 1, text = ("'%s' is read by %s"):format(value, quoted(list)) }
        end
      end
      dropped[layer.name], count = true, count + 1
      for _, value in ipairs(outputs_of(layer)) do set[value] = true end
      live = live_values(net, layers, dropped, set)
      if #live == 1 then
        possible[#possible + 1] = count
        value_at[count] = live[1]
      end
    end
  end
  if value_at[n] and n < #layers then return value_at[n] end
  if not trouble then fail("Cannot drop %d layers. Model only has %d layers", n, #layers) end
  local next_cut
  for _, c in ipairs(possible) do
    if c > n and c < #layers then
      next_cut = c
      break
    end
  end
  fail("The model does not support dropping layers where there is ambiguity. Layer drop: %d. %s%s", trouble.count, trouble.text,
    next_cut and (" (dropping %d layers takes the whole block away)"):format(next_cut) or "")
end

-- The net from a value on; the value becomes an input with the old input's name.
local function cut_bottom(self, value, input_name)
  local net = self.net
  local part = net:extract { from = { value }, to = net:outputs() }
  part:prune(true)
  for _, input in ipairs(part:inputs()) do
    if input.name == value and input_name and input_name ~= value then
      local free = true
      for _, other in ipairs(part:inputs()) do free = free and other.name ~= input_name end
      if free then part:rename_input(value, input_name) end
    end
  end
  self.net = carry_attributes(net, part)
end

local function choose_input(net, wanted)
  local inputs = net:inputs()
  local names = {}
  for i, input in ipairs(inputs) do
    names[i] = input.name
    if input.name == wanted then return wanted end
  end
  if wanted then fail("'%s' is not an input of the model (inputs: %s)", wanted, quoted(names)) end
  if #inputs == 1 then return inputs[1].name end
  fail("The model has %d inputs: %s; name one with { input = name }", #inputs, quoted(names))
end

-- ---- names -----------------------------------------------------------------------------------------------------------

local function taken_names(net)
  local taken = {}
  for _, name in ipairs(net:layer_names()) do taken[name] = "a layer" end
  for _, e in ipairs(net:entries()) do taken[e.name] = "a parameter" end
  for _, input in ipairs(net:inputs()) do taken[input.name] = "an input" end
  return taken
end

local function check_name(name, taken)
  if name == "" then fail("Layer name cannot be empty") end
  for _, suffix in ipairs(SUFFIXES) do
    if name:find(suffix, 1, true) then fail("Layer name cannot contain '%s' (got '%s')", suffix, name) end
  end
  if taken[name] then fail("Layer name '%s' conflicts with name already in model (%s)", name, taken[name]) end
end

-- A list of nets with their names, checked against the model and each other.
local function new_layers(net, list, what)
  if core.is_net(list) or type(list) == "function" then list = { list } end
  if type(list) ~= "table" then fail("%s must be a list of layers. Instead got type: %s", what, type(list)) end
  if #list == 0 then fail("%s is empty", what) end
  local taken, out = taken_names(net), {}
  for i, item in ipairs(list) do
    local name
    if type(item) == "table" and not core.is_net(item) and type(item[1]) == "string" then name, item = item[1], item[2] end
    if type(item) == "function" then item = core.lambda(item) end
    if not core.is_net(item) then fail("%s: element %d is %s, expected a layer", what, i, check.describe(item)) end
    if not name then
      name = item:attr("name")
      if not name then -- a layer made without a name gets one that is free
        local base = core.layer_name(item)
        name = base
        local k = 2
        while taken[name] do name, k = ("%s_%d"):format(base, k), k + 1 end
      end
    end
    check_name(name, taken)
    taken[name] = "a layer"
    for _, inner in ipairs(item:layer_names()) do
      if inner ~= "" then
        check_name(name .. "." .. inner, taken)
        taken[name .. "." .. inner] = "a layer"
      end
    end
    out[i] = { net = item, name = name }
  end
  return out
end

-- Merges layers one after the other on a value; returns the last value and the names.
local function stack_on(self, value, layers)
  local names = {}
  for _, item in ipairs(layers) do
    if #item.net:inputs() ~= 1 or #item.net:outputs() ~= 1 then
      fail("layer '%s' has %d inputs and %d outputs; one of each is needed here (copy_branch takes others)", item.name, #item.net:inputs(), #item.net:outputs())
    end
    value = self.net:merge(item.net, item.name, { value })
    self.renamed[item.name] = false
    for _, inner in ipairs(item.net:layer_names()) do
      if inner ~= "" then self.renamed[item.name .. "." .. inner] = false end
    end
    names[#names + 1] = item.name
  end
  return value, names
end

-- The one value that a layer computes.
local function value_of(net, name)
  local layer = net:layer(name)
  if layer.n_outputs ~= 1 then fail("layer '%s' has %d outputs", name, layer.n_outputs) end
  return name
end

-- ---- methods ---------------------------------------------------------------------------------------------------------

local N <const> = check.integer { default = 1, min = 1 }

local function names_dropped(before, net)
  local kept, list = {}, show.list {}
  for _, name in ipairs(net:layer_names()) do kept[name] = true end
  for _, name in ipairs(before) do
    if not kept[name] then list[#list + 1] = name end
  end
  return list
end

function M.install(Handler)
  --- Drops the last n layers. Where branches meet, n must take the whole block away, or opts.branch names a layer of the
  --- branch to keep; with several outputs opts.output names one.
  ---@param n? integer default 1
  ---@param opts? { branch?: string, output?: string }
  ---@return string[] dropped
  function Handler:drop_layer_top(n, opts)
    n = check.arg("drop_layer_top", "n", n, N)
    opts = check.opts("drop_layer_top", opts, { branch = check.string {}, output = check.string {} })
    return (self:_edit(("drop_layer_top(%d)"):format(n), function()
      local before = drop_top(self, n, opts)
      return names_dropped(before, self.net)
    end))
  end

  --- Drops the first n layers; the input stays, under its name, and feeds what is left. opts.input names the input where
  --- there are several.
  ---@param n? integer default 1
  ---@param opts? { input?: string }
  ---@return string[] dropped
  function Handler:drop_layer_bottom(n, opts)
    n = check.arg("drop_layer_bottom", "n", n, N)
    opts = check.opts("drop_layer_bottom", opts, { input = check.string {} })
    return (self:_edit(("drop_layer_bottom(%d)"):format(n), function()
      local net = self.net
      local before = net:layer_names()
      if n >= #before then fail("Cannot drop %d layers. Model only has %d layers", n, #before) end
      local input = choose_input(net, opts.input)
      cut_bottom(self, bottom_after(net, input, n), input)
      return names_dropped(before, self.net)
    end))
  end

  --- Puts layers on the output, in the order of the list.
  ---@param layers scion.Net[]
  ---@param opts? { output?: string } which output, where there are several
  function Handler:add_layer_top(layers, opts)
    opts = check.opts("add_layer_top", opts, { output = check.string {} })
    self:_edit("add_layer_top", function(net)
      local outputs = net:outputs()
      local which = 1
      if opts.output then
        which = nil
        for i, output in ipairs(outputs) do
          if output == opts.output then which = i end
        end
        if not which then fail("'%s' is not an output of the model (outputs: %s)", opts.output, quoted(outputs)) end
      elseif #outputs > 1 then
        fail("The model has %d outputs: %s; name one with { output = name }", #outputs, quoted(outputs))
      end
      local top = layer_of(layer_map(net), outputs[which])
      if top and types.is_output(top) then fail("Cannot add layer above output layer '%s' (%s); drop it first", top.name, top.type) end
      outputs[which] = stack_on(self, outputs[which], new_layers(net, layers, "layer_list"))
      net:set_outputs(outputs)
    end)
    return self
  end

  --- Puts layers before the first ones, in the order of the list: { A, B } before 1, 2 gives A, B, 1, 2.
  ---@param layers scion.Net[]
  ---@param opts? { input?: string } which input, where there are several
  function Handler:add_layer_bottom(layers, opts)
    opts = check.opts("add_layer_bottom", opts, { input = check.string {} })
    self:_edit("add_layer_bottom", function(net)
      local input = choose_input(net, opts.input)
      local value = stack_on(self, input, new_layers(net, layers, "layer_list"))
      net:replace_value(input, value)
    end)
    return self
  end

  --- Keeps what is computed up to and including a layer, which becomes the output; keep = "top" keeps what comes after it instead,
  --- and its value becomes the input.
  ---@param name string
  ---@param opts? { keep?: "bottom"|"top" }
  function Handler:cut_after(name, opts)
    opts = check.opts("cut_after", opts, { keep = check.choice({ "bottom", "top" }, { default = "bottom" }) })
    self:_layer("cut_after", name)
    self:_edit(("cut_after '%s'"):format(name), function(net)
      local value = value_of(net, name)
      if opts.keep == "bottom" then
        net:set_outputs { value }
        net:prune(true)
      else
        cut_bottom(self, value, #net:inputs() == 1 and net:inputs()[1].name or nil)
      end
    end)
    return self
  end

  --- Keeps what is computed before a layer; keep = "top" keeps the layer and what comes after it.
  ---@param name string
  ---@param opts? { keep?: "bottom"|"top" }
  function Handler:cut_before(name, opts)
    opts = check.opts("cut_before", opts, { keep = check.choice({ "bottom", "top" }, { default = "bottom" }) })
    self:_layer("cut_before", name)
    self:_edit(("cut_before '%s'"):format(name), function(net)
      local layer = net:layer(name)
      local sources = unique_sources(layer)
      if #sources ~= 1 then
        fail("'%s' (%s) reads %d values: %s; cut after one of them instead", name, layer.type, #sources, quoted(sources))
      end
      if not layer_of(layer_map(net), sources[1]) then
        if opts.keep == "top" then return end -- nothing comes before it
        fail("nothing comes before '%s' but the input '%s'", name, sources[1])
      end
      if opts.keep == "bottom" then
        net:set_outputs { sources[1] }
        net:prune(true)
      else
        cut_bottom(self, sources[1], #net:inputs() == 1 and net:inputs()[1].name or nil)
      end
    end)
    return self
  end

  --- Inserts layers behind a layer: everything that read it reads the last of them.
  ---@param name string
  ---@param layers scion.Net|scion.Net[]
  function Handler:insert_layer_after(name, layers)
    self:_layer("insert_layer_after", name)
    self:_edit(("insert_layer_after '%s'"):format(name), function(net)
      local value = value_of(net, name)
      net:replace_value(value, (stack_on(self, value, new_layers(net, layers, "layers"))))
    end)
    return self
  end

  --- Inserts layers before a layer of one input; other readers of that input are left alone.
  ---@param name string
  ---@param layers scion.Net|scion.Net[]
  function Handler:insert_layer_before(name, layers)
    self:_layer("insert_layer_before", name)
    self:_edit(("insert_layer_before '%s'"):format(name), function(net)
      local layer = net:layer(name)
      local sources = unique_sources(layer)
      if #sources ~= 1 then
        fail("'%s' (%s) reads %d values: %s; insert after one of them instead", name, layer.type, #sources, quoted(sources))
      end
      local value = stack_on(self, sources[1], new_layers(net, layers, "layers"))
      for slot, input in ipairs(layer.inputs) do
        if input == sources[1] then net:set_input(name, slot, value) end
      end
    end)
    return self
  end

  --- Another layer in the place of one; it keeps the old name unless it brings its own.
  ---@param name string
  ---@param layer scion.Net
  function Handler:replace_layer(name, layer)
    local old = self:_layer("replace_layer", name)
    self:_edit(("replace_layer '%s'"):format(name), function(net)
      if type(layer) == "function" then layer = core.lambda(layer) end
      if not core.is_net(layer) then fail("expected a layer, got %s", check.describe(layer)) end
      if #layer:inputs() ~= #old.sources or #layer:outputs() ~= old.n_outputs then
        fail("'%s' reads %d values and gives %d, the new layer reads %d and gives %d", name, #old.sources, old.n_outputs, #layer:inputs(), #layer:outputs())
      end
      local own = layer:attr("name")
      local final = own or name
      local taken = taken_names(net)
      taken[name] = nil
      for _, entry in ipairs(old.entries) do taken[entry] = nil end
      if own and own ~= name then check_name(own, taken) end
      local temporary = name .. " (replaced)"
      net:rename(name, temporary)
      for _, entry in ipairs(old.entries) do
        if #net:users(entry) == 1 then net:rename_entry(entry, temporary .. "." .. entry) end
      end
      local values = table.pack(net:merge(layer, final, old.sources))
      for slot = 1, values.n do
        net:replace_value(slot == 1 and temporary or ("%s:%d"):format(temporary, slot - 1), values[slot])
      end
      net:prune()
      self.renamed[final] = false
    end)
    return self
  end

  --- Renames a layer and the parameters that bear its name.
  ---@param old string
  ---@param new string
  function Handler:rename_layer(old, new)
    local layer = self:_layer("rename_layer", old)
    check.arg("rename_layer", "new name", new, check.string { required = true })
    self:_edit(("rename_layer '%s' to '%s'"):format(old, new), function(net)
      check_name(new, taken_names(net))
      net:rename(old, new)
      for _, entry in ipairs(layer.entries) do
        if entry:sub(1, #old + 1) == old .. "." then net:rename_entry(entry, new .. entry:sub(#old + 1)) end
      end
      local before = self.renamed[old]
      self.renamed[old] = nil
      if before == nil then self.renamed[new] = old else self.renamed[new] = before end
      if self.renamed[new] == new then self.renamed[new] = nil end
    end)
    return self
  end

  --- Another input: name, and { shape = { -1, 3, 32, 32 }, dtype = } where they are known.
  function Handler:add_input(name, spec)
    check.arg("add_input", "name", name, check.string { required = true })
    self:_edit(("add_input '%s'"):format(name), function(net)
      check_name(name, taken_names(net))
      net:add_input(name, spec)
    end)
    return self
  end

  --- Which values the model gives: a list of layer names. What they do not need is dropped.
  ---@param names string[]
  function Handler:set_outputs(names)
    check.arg("set_outputs", "names", names, check.list { required = true, min_length = 1, of = check.string() })
    for _, name in ipairs(names) do
      if not name:find(":", 1, true) then self:_layer("set_outputs", name) end
    end
    self:_edit("set_outputs", function(net)
      net:set_outputs(names)
      net:prune()
    end)
    return self
  end

  local BRANCH <const> = {
    source = check.any { required = true },       -- net or handler to copy from
    to = check.any { required = true },           -- its layer at the top of the branch, or a list
    from = check.any {},                          -- its values where the branch begins; default: its inputs
    at = check.any {},                            -- values of this model to read instead, one per begin; default: inputs of the same names
    prefix = check.string {},                     -- put before the names, with a dot
    join = check.choice({ "output", "add", "cat" }, { default = "output" }), -- a further output, or joined with `with`
    with = check.string {},                       -- layer of this model to join with; default: its output
    name = check.string {},                       -- of the joining layer
  }

  --- Copies a branch of another network into this one. It reads values of this model (`at`) and becomes a further output, or is
  --- added to or concatenated with a layer (`join`, `with`), whose readers then read the joined value.
  ---   mh:copy_branch { source = other, from = { "pool1" }, to = "fc7", at = { "pool1" }, prefix = "other", join = "cat", with = "fc7" }
  ---@return string[] values names of the branch's values in this model
  function Handler:copy_branch(opts)
    opts = check.opts("copy_branch", opts, BRANCH)
    local source = opts.source
    if getmetatable(source) == Handler then source = source.net end
    if not core.is_net(source) then error(("copy_branch: source must be a net or a ModelHandler, got %s"):format(check.describe(source)), 2) end
    local function list(value) return type(value) == "string" and { value } or value end
    local to, from, at = list(opts.to), list(opts.from), list(opts.at)
    return (self:_edit("copy_branch", function(net)
      local part = source:extract { from = from, to = to }
      local inputs = part:inputs()
      if at and #at ~= #inputs then fail("the branch begins at %d values, %d are given in 'at'", #inputs, #at) end
      local values = {}
      for i, input in ipairs(inputs) do
        local wanted = at and at[i] or input.name
        local ok, found = pcall(net.find, net, wanted)
        if not ok then
          if at then fail("'%s' is no value of this model", wanted) end
          net:add_input(input.name, { shape = input.shape, dtype = input.dtype })
          found = net:find(input.name)
        end
        values[i] = found
      end
      local taken = taken_names(net)
      for _, name in ipairs(part:layer_names()) do
        local full = opts.prefix and opts.prefix .. "." .. name or name
        if taken[full] then fail("Layer name '%s' conflicts with name already in model (give a prefix)", full) end
        self.renamed[full] = false
      end
      local results = table.pack(net:merge(part, opts.prefix, values))
      local names = show.list {}
      for i = 1, results.n do names[i] = net:value_name(results[i]) end
      if opts.join == "output" then
        local outputs = net:outputs()
        for i = 1, results.n do outputs[#outputs + 1] = names[i] end
        net:set_outputs(outputs)
      else
        if results.n ~= 1 then fail("only a branch of one value can be joined, this one has %d", results.n) end
        local with = opts.with or net:outputs()[1]
        local name = opts.name or opts.join .. "_" .. with
        check_name(name, taken_names(net))
        local params = opts.join == "cat" and { dim = 2 } or nil
        local joined = net:add_node(name, opts.join == "cat" and "Concat" or "Add", opts.join, params, { with, names[1] })
        self.renamed[name] = false
        -- everything that read `with` reads the joined value
        net:replace_value(with, joined)
      end
      return names
    end))
  end
end

return M
