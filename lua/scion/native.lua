---@meta scion
-- Descriptions of the functions that are written in C. Never run: help reads it, and scripts/annotate.lua
-- puts it before the operations of the registry into the annotations for editors.

---@alias scion.dtype "f32"|"f64"|"i32"|"i64"|"u8"|"bool"|"f16"|"bf16"|"i8"|"i16"|"u16"|"u32"|"u64"
---@alias scion.Numbers number|boolean|scion.Numbers[]

---@class scion.Tensor an array of numbers of one type, with gradients
---@field [integer] number|boolean|scion.Tensor element of a vector, row of anything else (1-based, negative from the end)
---@field shape integer[] sizes of the dimensions, as a list
---@field dtype scion.dtype name of the element type
---@field ndim integer number of dimensions
---@field grad scion.Tensor? gradient that backward has added up here; nil when there is none; may be set
---@field requires_grad boolean whether operations on this tensor are recorded; may be set on leaves
---@field is_leaf boolean made by the user rather than by a recorded operation
---@field grad_fn string? name of the operation that made this tensor, when it was recorded
---@field T scion.Tensor the dimensions in reverse order
---@field mT scion.Tensor the last two dimensions exchanged
---@field data scion.Tensor the same elements without history; see detach
---@operator add(scion.Tensor|number): scion.Tensor
---@operator sub(scion.Tensor|number): scion.Tensor
---@operator mul(scion.Tensor|number): scion.Tensor
---@operator div(scion.Tensor|number): scion.Tensor
---@operator mod(scion.Tensor|number): scion.Tensor
---@operator pow(scion.Tensor|number): scion.Tensor
---@operator idiv(scion.Tensor|number): scion.Tensor
---@operator unm: scion.Tensor
---@operator len: integer
local Tensor = {}

---@class scion
---@field version string version of the library, such as "0.1.0"
---@field Tensor table the class of tensors: its methods and properties
local scion = {}

-- ---- making tensors --------------------------------------------------------------------------------

--- A tensor from a number, a boolean, or nested lists of them: f32 (bool for booleans) unless told otherwise.
--- tensor { { 1, 2 }, { 3, 4 } } has shape (2, 2).
---@param value scion.Numbers
---@param opts? scion.dtype|{ dtype?: scion.dtype, requires_grad?: boolean }
---@return scion.Tensor
function scion.tensor(value, opts) end

--- A tensor from packed little-endian row-major data in a string; without a shape a vector.
---@param data string
---@param dtype scion.dtype
---@param shape? integer[]
---@return scion.Tensor
function scion.from_bytes(data, dtype, shape) end

--- Is the value an open tensor?
---@param value any
---@return boolean
function scion.is_tensor(value) end

-- ---- gradients -------------------------------------------------------------------------------------

--- Gradients of outputs with respect to inputs, returned rather than added to .grad. create_graph records the
--- computation, for gradients of gradients. Several inputs give a list, one gives one tensor.
---@param outputs scion.Tensor|scion.Tensor[]
---@param inputs scion.Tensor|scion.Tensor[]
---@param opts? { grad_outputs?: scion.Tensor|scion.Tensor[], create_graph?: boolean, retain_graph?: boolean, allow_unused?: boolean }
---@return scion.Tensor|scion.Tensor[]
function scion.grad(outputs, inputs, opts) end

--- Runs f(...) without recording and returns what it returns. Without a function gives a guard:
--- local _ <close> = scion.no_grad()
---@param f? function
---@param ... any
---@return any
function scion.no_grad(f, ...) end

--- Runs f(...) with recording, inside no_grad too; without a function gives a guard.
---@param f? function
---@param ... any
---@return any
function scion.enable_grad(f, ...) end

--- Are operations being recorded now?
---@return boolean
function scion.grad_enabled() end

--- Gives outputs, which were computed without recording, a gradient of their own: backward(grad_outputs...) returns
--- one gradient (or nil) for each input.
---@param name string
---@param backward fun(...: scion.Tensor): ...
---@param inputs scion.Tensor[]
---@param outputs scion.Tensor[]
function scion.record_custom(name, backward, inputs, outputs) end

-- ---- memory ----------------------------------------------------------------------------------------

--- Bytes held by tensors: live now, peak so far, pooled (freed and kept warm), number of blocks, and limit, the
--- live bytes above which Lua's collector runs.
---@return { live: integer, peak: integer, pooled: integer, blocks: integer, limit: integer }
function scion.memory() end

--- Collects garbage and gives the pooled memory back to the system.
function scion.memory_trim() end

--- Starts a new measurement of the peak.
function scion.memory_reset_peak() end

--- Sets the live bytes above which Lua's collector runs next.
---@param bytes integer
function scion.memory_limit(bytes) end

--- A block in which tensors are temporary: local s <close> = scion.scope(). Those made until the block ends are freed
--- there at once; s:keep(t, ...) lets some live on.
---@return { keep: fun(self, ...: scion.Tensor): ... }
function scion.scope() end

-- ---- random numbers, threads, the machine ------------------------------------------------------------

--- Starts the random numbers anew from a seed: same seed, same numbers, for any number of threads.
---@param seed integer
function scion.seed(seed) end

--- The whole state of the random numbers; with arguments, restores it.
---@param seed? integer
---@param counter? integer
---@return integer seed, integer counter
function scion.rng_state(seed, counter) end

--- The number of threads; with an argument, sets it and returns the old one. Results do not depend on it.
---@param n? integer
---@return integer
function scion.threads(n) end

--- What this is and what it runs on: version, isa (instruction set), blas, threads.
---@return { version: string, isa: string, blas: string, threads: integer }
function scion.info() end

--- Seconds of a clock that never jumps; only differences mean something.
---@return number
function scion.clock() end

-- ---- texts -----------------------------------------------------------------------------------------

--- Sends a line to the log sink: the terminal in the program, nowhere or the host's own in a host.
---@param level "error"|"warn"|"info"|"progress"
---@param text string
function scion.emit(level, text) end

--- Turns a plain list into one that prints itself and compares by its elements; it stays an ordinary list.
---@generic T
---@param items T[]
---@return T[]
function scion.list(items) end

-- ---- the registry ------------------------------------------------------------------------------------

--- Everything the registry knows of an operation: doc, inputs, outputs, params, flags; nil when there is none.
---@param name string
---@return table?
function scion.op_info(name) end

--- Names of all operations.
---@return string[]
function scion.op_names() end

--- Sample i of an operation, for the checks of the registry: apply(inputs, #inputs, in_place) runs it with the sample's
--- parameters; then the inputs (false: omitted), and which of them are differentiable. Nothing past the last sample.
---@param name string
---@param i integer
---@return function? apply, scion.Tensor[] inputs, boolean[] differentiable
function scion.op_sample(name, i) end

--- Text of one of scion's own Lua files, by the path that errors show; nil when it is none.
---@param path string
---@return string?
function scion.source(path) end

--- Names and paths of the Lua modules compiled into the library.
---@return string[] names, string[] paths
function scion.sources() end

-- ---- the program: present when running under `scion` ---------------------------------------------------

--- Columns of the terminal, nil when there is none.
---@return integer?
function scion.terminal() end

--- May output be coloured? (a terminal, and NO_COLOR is not set)
---@return boolean
function scion.color() end

--- Has Ctrl-C been pressed since the last clear_interrupt?
---@return boolean
function scion.interrupted() end

--- Answers a Ctrl-C: what was caught as the error "interrupted!" is dealt with, the program goes on.
function scion.clear_interrupt() end

-- ---- methods of tensors --------------------------------------------------------------------------------

--- The one element as a Lua number (or boolean).
---@return number|boolean
function Tensor:item() end

--- All elements as nested lists; a number for a tensor without dimensions.
---@return any
function Tensor:tolist() end

--- All elements as packed little-endian row-major data.
---@return string
function Tensor:bytes() end

--- One element by its full index.
---@param ... integer
---@return number|boolean
function Tensor:at(...) end

--- Writes one element by its full index: t:put(value, i, j).
---@param value number|boolean
---@param ... integer
function Tensor:put(value, ...) end

--- What t[list] does: an integer picks, {first, last} and {first, last, step} keep a range with both ends, {} keeps all, an
--- integer tensor takes ids, a bool vector keeps where it is true. A view, unless ids took part.
---@param list (integer|integer[]|scion.Tensor)[]
---@return scion.Tensor
function Tensor:index(list) end

--- Copies src into this tensor, broadcasting it and converting its type.
---@param src scion.Tensor|number|boolean|table
---@return scion.Tensor self
function Tensor:copy_(src) end

--- The shape as a list, or the size of one dimension.
---@param dim? integer
---@return integer|integer[]
function Tensor:size(dim) end

--- Steps between neighbours in each dimension, in elements.
---@return integer[]
function Tensor:stride() end

--- Number of elements.
---@return integer
function Tensor:numel() end

--- Number of dimensions.
---@return integer
function Tensor:dim() end

--- Do the elements lie in row-major order without gaps?
---@return boolean
function Tensor:is_contiguous() end

--- Counts the changes of the storage; in-place operations raise it.
---@return integer
function Tensor:version() end

--- Do two tensors share storage?
---@param other scion.Tensor
---@return boolean
function Tensor:shares_storage(other) end

--- Are these two handles of one tensor?
---@param other scion.Tensor
---@return boolean
function Tensor:is_same(other) end

--- Says that the storage was changed from outside (by a host): its version rises.
---@return scion.Tensor self
function Tensor:touch() end

--- Iterates over the first dimension: for i, row in t:rows() do.
---@return fun(): integer?, scion.Tensor?
function Tensor:rows() end

--- Are all elements within atol + rtol * |other|?
---@param other scion.Tensor|number
---@param opts? { rtol?: number, atol?: number, equal_nan?: boolean }
---@return boolean
function Tensor:allclose(other, opts) end

--- Adds the gradient of this tensor to the .grad of every leaf it depends on.
---@param opts? { gradient?: scion.Tensor, create_graph?: boolean, retain_graph?: boolean }
function Tensor:backward(opts) end

--- The same elements without history: shares storage, records nothing.
---@return scion.Tensor
function Tensor:detach() end

--- Asks for a gradient (or no longer, with false); leaves only.
---@param on? boolean
---@return scion.Tensor self
function Tensor:requires_grad_(on) end

--- Calls f(gradient) during backward; what it returns replaces the gradient. Gives an id for remove_hook.
---@param f fun(gradient: scion.Tensor): scion.Tensor?
---@return integer id
function Tensor:register_hook(f) end

--- Takes a hook away.
---@param id integer
function Tensor:remove_hook(id) end

return scion
