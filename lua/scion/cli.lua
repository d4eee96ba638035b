-- Arguments of scripts. One call describes them, parses them and prints --help:
--
--   local args = scion.cli.parse {
--     name = "repurpose", about = "Grafts a new task onto a trained network.",
--     options = { { "source", "FILE", "network to start from", required = true },
--                 { "method", "NAME", "how", choices = { "lr", "finetune", "freeze" }, default = "lr" } },
--     positional = { "image", "images to classify", many = true } }
--
--   local net = args:try("source", scion.load, args.source)     -- a failure ends the script: "repurpose: --source: ..."
--
-- --help, --seed N, --quick and --out PATH exist in every script. An option's type follows its default or
-- `type` ("integer", "number", "string", "list"); one without a metavariable is a switch.

local check = require "scion.check"

local M = {}

local STANDARD <const> = {
  { "seed", "N", "seed of the random numbers", type = "integer", default = 0 },
  { "quick", nil, "small sizes: shows that it runs, not how well" },
  { "out", "PATH", "where results are written" },
  { "help", nil, "show this text" },
}

local function option_key(name) return (name:gsub("-", "_")) end

local function with_standard(spec)
  if type(spec) ~= "table" or type(spec.name) ~= "string" then
    error("cli: the description of a script must be a table with name, about and options", 3)
  end
  local options, seen = {}, {}
  for _, option in ipairs(spec.options or {}) do
    options[#options + 1] = option
    seen[option[1]] = true
  end
  for _, option in ipairs(STANDARD) do
    if not seen[option[1]] then options[#options + 1] = option end
  end
  return options
end

--- The help text.
function M.usage(spec)
  local options = with_standard(spec)
  local head = { "Usage: scion scripts/" .. spec.name .. ".lua" }
  for _, option in ipairs(options) do
    if option.required then head[#head + 1] = ("--%s %s"):format(option[1], option[2]) end
  end
  head[#head + 1] = "[options]"
  if spec.positional then head[#head + 1] = spec.positional[1] .. (spec.positional.many and "..." or "") end
  local lines = { table.concat(head, " "), "", spec.about or "", "" }
  local left, width = {}, 0
  for i, option in ipairs(options) do
    left[i] = "  --" .. option[1] .. (option[2] and " " .. option[2] or "")
    width = math.max(width, #left[i])
  end
  for i, option in ipairs(options) do
    local notes = {}
    if option.choices then notes[#notes + 1] = "one of " .. table.concat(option.choices, ", ") end
    if option.default ~= nil and option[2] then notes[#notes + 1] = "default " .. tostring(option.default) end
    if option.required then notes[#notes + 1] = "required" end
    lines[#lines + 1] = left[i] .. (" "):rep(width - #left[i] + 2) .. option[3]
      .. (#notes > 0 and " (" .. table.concat(notes, "; ") .. ")" or "")
  end
  if spec.examples then
    lines[#lines + 1] = "\nExamples:"
    for _, example in ipairs(spec.examples) do lines[#lines + 1] = "  " .. example end
  end
  return table.concat(lines, "\n")
end

local function convert(option, text)
  local kind = option.type or (math.type(option.default) == "integer" and "integer") or
    (type(option.default) == "number" and "number") or "string"
  if kind == "integer" then
    local n = math.tointeger(tonumber(text))
    if not n then return nil, "an integer" end
    if option.min and n < option.min then return nil, "at least " .. option.min end
    return n
  elseif kind == "number" then
    local n = tonumber(text)
    if not n or n ~= n then return nil, "a number" end
    return n
  elseif kind == "list" then
    local items = {}
    for item in text:gmatch("[^,]+") do items[#items + 1] = item end
    return items
  end
  if option.choices then
    for _, choice in ipairs(option.choices) do
      if choice == text then return text end
    end
    return nil, "one of " .. table.concat(option.choices, ", ")
  end
  return text
end

--- Parses without leaving the process: returns the values, or nil and a message; `help` is a value.
function M.try_parse(spec, argv)
  local options, by_name, names = with_standard(spec), {}, {}
  local out = { args = {} }
  for _, option in ipairs(options) do
    by_name[option[1]] = option
    names[#names + 1] = option[1]
    if option.default ~= nil then out[option_key(option[1])] = option.default end
    if not option[2] then out[option_key(option[1])] = false end
  end
  local i = 1
  while i <= #argv do
    local word = argv[i]
    if word == "--" then
      table.move(argv, i + 1, #argv, #out.args + 1, out.args)
      break
    end
    local name, value = word:match("^%-%-([%w_-]+)=(.*)$")
    name = name or word:match("^%-%-([%w_-]+)$") or (word == "-h" and "help")
    if name then
      name = name:gsub("_", "-")
      local option = by_name[name] or by_name[option_key(name)]
      if not option then
        local near = check.nearest(name, names)
        return nil, ("unknown option --%s%s"):format(name, near and (" (did you mean --%s?)"):format(near) or "")
      end
      if not option[2] then
        if value then return nil, ("--%s takes no value"):format(name) end
        out[option_key(name)] = true
      else
        if not value then
          i = i + 1
          value = argv[i]
          if not value then return nil, ("--%s needs a value (%s)"):format(name, option[2]) end
        end
        local converted, expected = convert(option, value)
        if converted == nil then
          return nil, ("--%s must be %s, got '%s'"):format(name, expected, value)
        end
        out[option_key(name)] = converted
      end
    elseif spec.positional then
      if not spec.positional.many and #out.args == 1 then
        return nil, ("unexpected argument '%s'"):format(word)
      end
      out.args[#out.args + 1] = word
    else
      return nil, ("unexpected argument '%s'"):format(word)
    end
    i = i + 1
  end
  if out.help then return out end
  for _, option in ipairs(options) do
    if option.required and out[option_key(option[1])] == nil then
      return nil, ("--%s %s is required (%s)"):format(option[1], option[2], option[3])
    end
  end
  if spec.positional and spec.positional.required and #out.args == 0 then
    return nil, ("%s is required (%s)"):format(spec.positional[1], spec.positional[2])
  end
  return out
end

local Args = {}
Args.__index = Args

--- Ends the script with one line about an option (or, without one, about the whole) and exit code 1.
---@param option string?
---@param message string
function Args:fail(option, message)
  local name = getmetatable(self).script
  require("scion.progress").clear()
  io.stderr:write(("%s: %s%s\n"):format(name, option and "--" .. option .. ": " or "", (message:gsub("^[^\n]-%.lua:%d+: ", ""))))
  os.exit(1, true)
end

--- Calls f(...); an error in it is the user's to mend and ends the script with its message alone.
---@param option string? the option that it is about
---@param f function
function Args:try(option, f, ...)
  local results = table.pack(pcall(f, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local scion = require "scion"
  if type(results[2]) ~= "string" or scion.interrupted and scion.interrupted() then error(results[2], 0) end
  self:fail(option, results[2])
end

--- Parses the script's arguments; --help and mistakes end the script with a text. The result holds the options' values, `args`
--- (what is no option), and the methods try and fail.
---@param spec table
---@param argv? string[] default: the global `arg`
function M.parse(spec, argv)
  local out, message = M.try_parse(spec, argv or _G.arg or {})
  if not out then
    io.stderr:write(spec.name, ": ", message, "\nTry --help.\n")
    os.exit(2, true)
  end
  if out.help then
    print(M.usage(spec))
    os.exit(0, true)
  end
  local meta = { script = spec.name }
  meta.__index = Args
  return setmetatable(out, meta)
end

return M
