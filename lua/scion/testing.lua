-- `scion test`: busted in this program. The module is also busted's output handler: the usual one for the
-- terminal, followed by a last line `N passed, N failed` for people and programs in a hurry.

local M = {}

--- Runs busted on the specs; arguments as for busted itself. Returns the exit code.
---@param ... string
---@return integer
function M.main(...)
  local found, runner = pcall(require, "busted.runner")
  if not found then
    io.stderr:write("scion test: busted is missing (Debian: apt-get install lua-busted)\n")
    return 1
  end
  _G.arg = { [0] = "busted", "--ignore-lua", ... }
  runner({ standalone = false, output = "scion.testing" })
  return 0 -- failures leave through os.exit
end

local function is_terminal()
  local found, term = pcall(require, "term")
  return found and term.isatty(io.stdout)
end

--- busted's output handler.
local function handler(_, options)
  local busted = require "busted"
  local inner = require("busted.outputHandlers." .. (is_terminal() and "utfTerminal" or "plainTerminal"))(options)
  busted.subscribe({ "exit" }, function()
    io.write(("\n%d passed, %d failed\n"):format(inner.successesCount, inner.failuresCount + inner.errorsCount))
    io.flush()
    return nil, true
  end)
  return inner
end

return setmetatable(M, { __call = handler })
