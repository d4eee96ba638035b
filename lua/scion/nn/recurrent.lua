-- Recurrent layers, with PyTorch's parameter names (weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, ..._reverse) and
-- gate order. The sequence is (T, N, C), or (N, T, C) with batch_first.

local scion = require "scion"
local args = require "scion.nn.args"
local core = require "scion.nn.core"
local init = require "scion.nn.initializers"

local M = {}

local ARGS <const> = { { "input_size", "posint" }, { "hidden_size", "posint" }, { "num_layers", "posint", 1 }, { "bias", "boolean", true },
  { "batch_first", "boolean", false }, { "dropout", "probability", 0 }, { "bidirectional", "boolean", false },
  { "nonlinearity", { "tanh", "relu" }, "tanh" }, { "state", "boolean", false }, { "outputs", { "all", "sequence", "last" }, "all" }, { "dtype", "dtype", "f32" } }

-- op, rows of a weight per hidden unit, state inputs
local function recurrent(who, op, gates, states, ...)
  local a = args.read(who, ARGS, ...)
  if who == "RNN" then op = a.nonlinearity == "relu" and "rnn_relu" or "rnn_tanh" end
  local net = scion._net_new()
  local values = { net:add_input("x") }
  for _, name in ipairs(states) do values[#values + 1] = a.state and net:add_input(name) or false end
  local bound, rows, directions = 1 / math.sqrt(a.hidden_size), gates * a.hidden_size, a.bidirectional and 2 or 1
  local function entry(name, shape)
    values[#values + 1] = net:add_entry(name, core.parameter(init.uniform_(scion.zeros(shape, { dtype = a.dtype }), -bound, bound)), "param")
  end
  for layer = 0, a.num_layers - 1 do
    for direction = 1, directions do
      local suffix = ("_l%d%s"):format(layer, direction == 2 and "_reverse" or "")
      entry("weight_ih" .. suffix, { rows, layer == 0 and a.input_size or a.hidden_size * directions })
      entry("weight_hh" .. suffix, { rows, a.hidden_size })
      if a.bias then
        entry("bias_ih" .. suffix, { rows })
        entry("bias_hh" .. suffix, { rows })
      end
    end
  end
  net:set_outputs { (net:add_node("", who, op, { num_layers = a.num_layers, bidirectional = a.bidirectional, has_biases = a.bias,
    batch_first = a.batch_first, dropout = a.dropout }, values)) }
  if a.outputs == "all" then core.set_all_outputs(net, "", 1 + #states) end
  if a.outputs == "last" then net:set_outputs { ":1" } end
  if a.name then net:set_attr("name", a.name) end
  return net
end

--- Elman network: h = tanh(W_ih x + b_ih + W_hh h + b_hh). Arguments: input_size, hidden_size, num_layers = 1, bias = true,
--- batch_first = false, dropout = 0 (between layers), bidirectional = false, nonlinearity = "tanh" | "relu". Gives y (T, N, directions
--- * hidden) and h_n (layers * directions, N, hidden); outputs = "sequence" or "last" gives only one of them, for a Sequential. state =
--- true: the net takes h0 as a second input.
---@return scion.Net
function M.RNN(...) return recurrent("RNN", nil, 1, { "h0" }, ...) end
--- Gated recurrent unit; arguments and outputs as RNN.
---@return scion.Net
function M.GRU(...) return recurrent("GRU", "gru", 3, { "h0" }, ...) end
--- Long short-term memory; arguments as RNN. Gives y, h_n and c_n; with state = true the net takes h0 and c0.
---@return scion.Net
function M.LSTM(...) return recurrent("LSTM", "lstm", 4, { "h0", "c0" }, ...) end

-- ---- one step ---------------------------------------------------------------------------------------

local CELL <const> = { { "input_size", "posint" }, { "hidden_size", "posint" }, { "bias", "boolean", true }, { "nonlinearity", { "tanh", "relu" }, "tanh" },
  { "dtype", "dtype", "f32" } }
-- The sequence of one step: (N, C) becomes (1, N, C), the states (1, N, H).
local function cell(who, op, gates, states, ...)
  local a = args.read(who, CELL, ...)
  if who == "RNNCell" then op = a.nonlinearity == "relu" and "rnn_relu" or "rnn_tanh" end
  local net = scion._net_new()
  local values, outside = {}, { net:add_input("x") }
  for _, name in ipairs(states) do outside[#outside + 1] = net:add_input(name) end
  for i, value in ipairs(outside) do
    values[i] = net:add_node(i == 1 and "step" or states[i - 1] .. "_step", "Unsqueeze", "unsqueeze", { dim = 1 }, { value })
  end
  local bound, rows = 1 / math.sqrt(a.hidden_size), gates * a.hidden_size
  local function entry(name, shape)
    values[#values + 1] = net:add_entry(name, core.parameter(init.uniform_(scion.zeros(shape, { dtype = a.dtype }), -bound, bound)), "param")
  end
  entry("weight_ih", { rows, a.input_size })
  entry("weight_hh", { rows, a.hidden_size })
  if a.bias then
    entry("bias_ih", { rows })
    entry("bias_hh", { rows })
  end
  net:add_node("cell", who, op, { has_biases = a.bias }, values)
  local outputs = {}
  for i, name in ipairs(states) do
    outputs[i] = net:add_node(i == 1 and "" or name .. "_next", "Squeeze", "squeeze", { dim = 1 }, { ("cell:%d"):format(i) })
  end
  net:set_outputs(outputs)
  net:set_attr("name", a.name or who:lower())
  return net
end

--- One step of RNN: cell(x, h) of (N, input_size) and (N, hidden_size) to the next h. Arguments: input_size, hidden_size, bias = true,
--- nonlinearity = "tanh" | "relu".
---@return scion.Net
function M.RNNCell(...) return cell("RNNCell", nil, 1, { "h" }, ...) end
--- One step of GRU: cell(x, h) to the next h.
---@return scion.Net
function M.GRUCell(...) return cell("GRUCell", "gru", 3, { "h" }, ...) end
--- One step of LSTM: cell(x, h, c) to the next h and c.
---@return scion.Net
function M.LSTMCell(...) return cell("LSTMCell", "lstm", 4, { "h", "c" }, ...) end

return M
