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

--- A file that several processes append to under locks: try_lock(seconds), unlock, size, read(from), append(text) (on the disk when it
--- returns), truncate(size), claim(id) and claimed(id) (numbers held as long as a process lives), close. scion.hpo.study keeps logs in it.
function scion.open_journal(path, read_only) end

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

-- ---- nets ------------------------------------------------------------------------------------------------
-- A net is a graph of named layers. A *layer* is named ("conv1"); the *value* it computes has the layer's name ("split:2" for its
-- second output); *entries* are the tensors that layers refer to ("conv1.weight"): parameters, buffers and constants.

---@class scion.Net a graph of named layers; net(x) runs it, net["conv1.weight"] is an entry
---@overload fun(...: scion.Tensor): scion.Tensor
---@field [string] scion.Tensor
local Net = {}

--- Is this value a net?
---@param value any
---@return boolean
function scion.is_net(value) end

--- Reads a network: scion's own file, ONNX and the other formats that are known, told apart by their bytes.
---@param path string
---@return scion.Net
function scion.load_net(path, mmap) end

--- Names a Lua layer, so that nets with it can be saved, and loaded once it is registered again.
---@param name string as files call it
---@param f fun(...: scion.Tensor): scion.Tensor what nn.Lambda was given
function scion.register_layer(name, f) end

--- Runs the net on its inputs. The last argument may be a table of options:
---   params   { ["fc.weight"] = tensor } used instead of the net's own (gradients flow to them); may have a leading task dimension
---   buffers  the same for buffers;  outputs  layers to return instead of the net's outputs
---   mode     for this call: "train", "eval", or "batch" (batch norms take the statistics of these items, everything else as in "eval")
---   plan     false: layer by layer even where the executor's plan would do
---@param ... scion.Tensor|table
---@return scion.Tensor ...
function Net:call(...) end

--- The values of inner layers: features(x, "relu3") or features(x, { "relu1", "relu3" }) -> list. Stops at the last one needed.
---@param ... any inputs, then a layer's name or a list of names, then options { mode =, plan = }
---@return scion.Tensor|scion.Tensor[]
function Net:features(...) end

--- Runs the net as net(x) does; forward { pixels = x, length = n } gives inputs by name.
---@param ... scion.Tensor|table<string, scion.Tensor>
---@return scion.Tensor ...
function Net:forward(...) end

--- Training mode: dropout drops, batch norm uses its batch. train(false) is eval().
---@param on? boolean default true
---@return scion.Net self
function Net:train(on) end

--- Evaluation mode.
---@return scion.Net self
function Net:eval() end

--- Is the net in training mode?
---@return boolean
function Net:is_training() end

--- The parameters, frozen ones included, as a list that optimisers take.
---@return scion.Tensor[]
function Net:parameters() end

--- The buffers (running statistics and the like) as a list.
---@return scion.Tensor[]
function Net:buffers() end

--- How many numbers the parameters hold: all, and those that are not frozen.
---@return integer all
---@return integer trainable
function Net:n_parameters() end

--- Calls f(layer name, output) whenever the layer has run; what f returns, if anything, replaces the output.
---@param layer string
---@param f function
---@return integer id for remove_hook
function Net:register_hook(layer, f) end

--- Takes a hook of a layer away.
---@param layer string
---@param id integer
function Net:remove_hook(layer, id) end

--- A copy. clone { share = true } shares the tensors instead of copying them.
---@param opts? { share?: boolean }
---@return scion.Net
function Net:clone(opts) end

--- Writes the net to one file, through a temporary one: an old file is replaced only when the new one is whole.
---@param path string
---@return scion.Net self
function Net:save(path) end

--- 32 hexadecimal digits that depend on structure and weights.
---@return string
function Net:hash() end

--- Declares an input; returns its value.
---@param name string
---@param opts? { dtype?: scion.dtype, shape?: integer[] } -1 in the shape: any size
---@return integer value
function Net:add_input(name, opts) end

--- Adds a tensor under a name; one that the net has already is not added twice.
---@param name string
---@param tensor scion.Tensor
---@param kind? "param"|"buffer"|"const" default "param"
---@return integer value
function Net:add_entry(name, tensor, kind) end

--- Adds a layer that runs an operation of the registry.
---@param name string
---@param type? string as summaries show it; default: the operation's name
---@param op string such as "conv2d"
---@param params? table parameters of the operation
---@param inputs (string|integer|false)[] values in the order of the operation's inputs; false: an optional one left out
---@return integer ... values of its outputs
function Net:add_node(name, type, op, params, inputs) end

--- Adds a layer that is a Lua function of tensors.
---@param name string
---@param type? string
---@param f function
---@param opts? { name?: string, config?: string } name: as registered by scion.register_layer, for files
---@param inputs (string|integer)[]
---@param n_outputs? integer default 1
---@return integer ... values of its outputs
function Net:add_custom(name, type, f, opts, inputs, n_outputs) end

--- Says which values the net returns.
---@param values string|(string|integer)[]
function Net:set_outputs(values) end

--- The number of a value by its name; an error names what is near when there is none.
---@param name string
---@return integer value
function Net:find(name) end

--- Is there a layer of that name?
---@param name string
---@return boolean
function Net:has_layer(name) end

--- The name of a value given by its number.
---@param value integer|string
---@return string
function Net:value_name(value) end

--- All layers in the order in which they run: { name, type, op, params, sources, entries, mode }.
---@return table[]
function Net:layers() end

--- One layer; see layers.
---@param name string
---@return table
function Net:layer(name) end

--- Names of all layers in the order in which they run.
---@return string[]
function Net:layer_names() end

--- The tensors of the net: { name, kind = "param", "buffer" or "const", frozen, tensor }.
---@return table[]
function Net:entries() end

--- The inputs: { name, dtype, shape }, as far as they are known.
---@return table[]
function Net:inputs() end

--- Names of the values that the net returns.
---@return string[]
function Net:outputs() end

--- Names of the layers that read a value.
---@param value string|integer
---@return string[]
function Net:users(value) end

--- Gives a layer another name (its entries keep theirs).
---@param layer string
---@param name string
function Net:rename(layer, name) end

--- Gives an entry another name.
---@param entry string
---@param name string
function Net:rename_entry(entry, name) end

--- Gives an input another name.
---@param input string
---@param name string
function Net:rename_input(input, name) end

--- Says what an input accepts: its shape (-1: any size) and type; what is left out may be anything.
---@param input string
---@param opts { shape?: integer[], dtype?: scion.dtype }
function Net:describe_input(input, opts) end

--- Changes the type that summaries show for a layer.
---@param layer string
---@param type string
function Net:set_type(layer, type) end

--- Changes parameters of a layer's operation: set_params("conv1", { stride = 2 }). The others keep their values.
---@param layer string
---@param params table
function Net:set_params(layer, params) end

--- Connects one input of a layer to another value; false disconnects an optional one.
---@param layer string
---@param slot integer 1-based
---@param value string|integer|false
function Net:set_input(layer, slot, value) end

--- Whoever read the one value reads the other from now on, the net's outputs included.
---@param old string|integer
---@param new string|integer
function Net:replace_value(old, new) end

--- Removes a layer that nobody reads.
---@param layer string
function Net:remove(layer) end

--- Removes an entry that no layer uses.
---@param entry string
function Net:remove_entry(entry) end

--- Removes an input that no layer reads.
---@param input string
function Net:remove_input(input) end

--- Puts another tensor in an entry's place.
---@param entry string
---@param tensor scion.Tensor
function Net:set_entry(entry, tensor) end

--- Freezes a parameter (no gradient) or, with false, lets it learn again.
---@param entry string
---@param on boolean
function Net:set_frozen(entry, on) end

--- Fixes the mode of one layer whatever the net's is: "train", "eval", or nil for the net's.
---@param layer string
---@param mode? "train"|"eval"
function Net:set_mode(layer, mode) end

--- Removes layers and entries that the outputs do not need; with true inputs too.
---@param inputs_too? boolean
---@return scion.Net self
function Net:prune(inputs_too) end

--- The part between two sets of values as a net of its own, which shares the tensors.
---@param opts { from?: string|string[], to?: string|string[] } default: the inputs, the outputs
---@return scion.Net
function Net:extract(opts) end

--- Adds another net's layers, fed with values of this one.
---@param other scion.Net
---@param prefix? string put before its names
---@param inputs (string|integer)[]
---@return integer ... values of its outputs
function Net:merge(other, prefix, inputs) end

--- A text kept with the net (or with a layer) and in its file; nil when there is none.
---@param key string
---@param layer? string
---@return string?
function Net:attr(key, layer) end

--- Keeps a text with the net or a layer; nil takes it away.
---@param key string
---@param text string?
---@param layer? string
function Net:set_attr(key, text, layer) end

--- All texts kept with the net or a layer.
---@param layer? string
---@return table<string, string>
function Net:attrs(layer) end

-- ---- files and pictures --------------------------------------------------------------------------------------

---@class scion.io readers and writers of files; all raise errors that name the file
scion.io = {}

--- An IDX file (MNIST's format), gzipped or not.
---@param path string
---@return scion.Tensor
function scion.io.read_idx(path) end

--- An array in NumPy's .npy format. Fortran order and foreign byte order are understood; objects are refused.
---@param path string
---@return scion.Tensor
function scion.io.read_npy(path) end

--- Writes one .npy file.
---@param path string
---@param tensor scion.Tensor
function scion.io.save_npy(path, tensor) end

--- The arrays of an .npz file by name.
---@param path string
---@return table<string, scion.Tensor>
function scion.io.read_npz(path) end

--- Writes an .npz file.
---@param path string
---@param tensors table<string, scion.Tensor>
---@param compressed? boolean default false
function scion.io.save_npz(path, tensors, compressed) end

--- The tensors of a safetensors file by name, and its metadata.
---@param path string
---@return table<string, scion.Tensor>
---@return table<string, string>? metadata
function scion.io.read_safetensors(path) end

--- Writes a safetensors file, through a temporary one.
---@param path string
---@param tensors table<string, scion.Tensor>
---@param metadata? table<string, string>
function scion.io.save_safetensors(path, tensors, metadata) end

--- A network from the bytes of an ONNX file; `name` stands for the file in messages.
---@param bytes string
---@param name? string
---@return scion.Net
function scion.io.decode_onnx(bytes, name) end

--- The tensor in the bytes of an ONNX TensorProto (the .pb files of ONNX's own tests).
---@param bytes string
---@return scion.Tensor
function scion.io.decode_onnx_tensor(bytes) end

--- What a file is, by content: "scion", "onnx", "mxnet-symbol" (networks), "pytorch", "safetensors", "npz", "npy", "mxnet" (weights), "xfer" (a
--- repurposer that Xfer saved), or nil.
---@param path string
---@return string?
function scion.io.file_format(path) end

--- Named tensors of a file of weights, by content: PyTorch (zip or the older form; nothing is executed), safetensors, npz, npy, MXNet's params.
---@param path string
---@param mmap? boolean tensors stay in the file where they can, see scion.load
---@return table<string, scion.Tensor> tensors, string format, string[] names names in the file's order
function scion.io.read_weights(path, mmap) end

--- A net from MXNet's NAME-symbol.json. Without a file of parameters the newest NAME-NNNN.params beside it, or that of `epoch`.
---@param symbol string
---@param params? string
---@param epoch? integer
---@return scion.Net
function scion.io.load_mxnet(symbol, params, epoch) end

--- Writes a net as ONNX (opset 21), for inference; see net:save_onnx.
---@param path string
---@param net scion.Net
---@param shapes? integer[][] sizes of the inputs, where they are not declared
function scion.io.save_onnx(path, net, shapes) end

--- A picture (JPEG, PNG, BMP, GIF, TGA, PNM) as u8 (C, H, W). Grey ones are repeated to 3 channels; alpha is left out unless
--- 4 channels are asked for.
---@param path string
---@param channels? integer 1, 3 (default) or 4
---@return scion.Tensor
function scion.io.read_image(path, channels) end

--- The same from the bytes of a file.
---@param bytes string
---@param channels? integer
---@return scion.Tensor
function scion.io.decode_image(bytes, channels) end

--- What lies in a folder: { { name =, kind = "file", "directory" or "other" }, ... }, in no particular order.
---@param path string
---@return { name: string, kind: string }[]
function scion.io.list_dir(path) end

--- The bytes of a file, unpacked when it is gzipped.
---@param path string
---@return string
function scion.io.read_file(path) end

--- What a path is, links followed: "file", "directory", "other" (a device, a pipe), or nil for nothing.
---@param path string
---@return string?
function scion.io.path_kind(path) end

--- A text that tells whether a file is the same as before: its size, the time when it was written, its number. nil: no such file.
---@param path string
---@return string?
function scion.io.path_stamp(path) end

--- Makes a folder and those above it; fine when it is there.
---@param path string
function scion.io.make_dir(path) end

--- Where pictures come from: { files = paths }, { zip = path, members = names } (default: every picture in it), or
--- { tensor = u8 (N, C, H, W) or (N, H, W) }. channels (3, 1 or 4) is what files are turned into.
---@param opts { files?: string[], zip?: string, members?: string[], tensor?: scion.Tensor, channels?: integer }
---@return scion.Pictures
function scion.io.image_source(opts) end

--- Batches of pictures, decoded and changed ahead by threads. Options and their defaults:
---   order        positions 1..#source, a list or an integer tensor (all, in order); first = 1: place in it to start at
---   batch_size   32;  drop_last  false
---   transform    list of steps, see transform_image
---   seed, epoch  0: every random choice is a function of (seed, epoch, position), for any number of threads
---   prefetch     4 batches ahead; 0: decode when asked;  threads  those of the context
---   on_error     "error", or "skip": leave unreadable pictures out and remember them
---@param source scion.Pictures
---@param opts? table
---@return scion.Loader
function scion.io.image_loader(source, opts) end

--- One u8 picture (C, H, W) after some steps { name, arguments in order } or { name, option = value }:
---   resize size (shorter side) or h, w; filter "bilinear" (antialiased), "bicubic", "nearest"      center_crop h, w
---   crop y, x, h, w     pad left, top, right, bottom, value     random_crop h, w, padding
---   random_resized_crop h, w, scale { 0.08, 1 }, ratio { 3/4, 4/3 }, filter
---   flip, vflip, random_flip p, random_vflip p     rotate degrees, random_rotation degrees
---   random_affine degrees, translate { x, y }, scale { low, high }, shear
---   color_jitter brightness, contrast, saturation, hue     grayscale, random_grayscale p     invert, random_invert p
---   random_erasing p, scale, ratio, value     bgr     to_float scale (1/255)     normalize mean, std
--- Without to_float or normalize the result stays u8.
---@param x scion.Tensor
---@param transform table[]
---@param opts? { seed?: integer, epoch?: integer, position?: integer }
---@return scion.Tensor
function scion.io.transform_image(x, transform, opts) end

---@class scion.Pictures a source of pictures; #source is their number
local Pictures = {}

--- The path or the member's name of picture i; "" for tensors.
---@param i integer
---@return string
function Pictures:name(i) end

--- Lets go of files that are open.
function Pictures:close() end

---@class scion.Loader batches of pictures from scion.io.image_loader
local Loader = {}

--- The next batch x (B, C, H, W) and the positions of its items in the source; nil at the end.
---@return scion.Tensor?
---@return integer[]?
function Loader:next() end

--- Pictures that were left out so far: { position =, name =, message = }.
---@return table[]
function Loader:skipped() end

--- Stops the threads. Not needed after the end.
function Loader:close() end

-- ---- operations ---------------------------------------------------------------------------------------

--- Absolute value; gradient 0 at 0.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.abs(x) end

--- Absolute value; gradient 0 at 0.
---@return scion.Tensor y
function Tensor:abs() end

--- Absolute value; gradient 0 at 0. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:abs_() end

--- Inverse cosine, radians.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.acos(x) end

--- Inverse cosine, radians.
---@return scion.Tensor y
function Tensor:acos() end

--- Inverse cosine, radians. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:acos_() end

--- Inverse hyperbolic cosine; x >= 1.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.acosh(x) end

--- Inverse hyperbolic cosine; x >= 1.
---@return scion.Tensor y
function Tensor:acosh() end

--- Inverse hyperbolic cosine; x >= 1. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:acosh_() end

--- 1-d average pooling to a given size.
---@param x scion.Tensor input
---@param size integer|integer[] output size: one number or one per dimension (default { })
---@return scion.Tensor y
function scion.adaptive_avg_pool1d(x, size) end

--- 1-d average pooling to a given size.
---@param size integer|integer[] output size: one number or one per dimension (default { })
---@return scion.Tensor y
function Tensor:adaptive_avg_pool1d(size) end

--- 2-d average pooling to a given size.
---@param x scion.Tensor input
---@param size integer|integer[] output size: one number or one per dimension (default { })
---@return scion.Tensor y
function scion.adaptive_avg_pool2d(x, size) end

--- 2-d average pooling to a given size.
---@param size integer|integer[] output size: one number or one per dimension (default { })
---@return scion.Tensor y
function Tensor:adaptive_avg_pool2d(size) end

--- 3-d average pooling to a given size.
---@param x scion.Tensor input
---@param size integer|integer[] output size: one number or one per dimension (default { })
---@return scion.Tensor y
function scion.adaptive_avg_pool3d(x, size) end

--- 3-d average pooling to a given size.
---@param size integer|integer[] output size: one number or one per dimension (default { })
---@return scion.Tensor y
function Tensor:adaptive_avg_pool3d(size) end

--- 1-d max pooling to a given size.
---@param x scion.Tensor input
---@param size integer|integer[] output size: one number or one per dimension (default { })
---@return scion.Tensor y
function scion.adaptive_max_pool1d(x, size) end

--- 1-d max pooling to a given size.
---@param size integer|integer[] output size: one number or one per dimension (default { })
---@return scion.Tensor y
function Tensor:adaptive_max_pool1d(size) end

--- 2-d max pooling to a given size.
---@param x scion.Tensor input
---@param size integer|integer[] output size: one number or one per dimension (default { })
---@return scion.Tensor y
function scion.adaptive_max_pool2d(x, size) end

--- 2-d max pooling to a given size.
---@param size integer|integer[] output size: one number or one per dimension (default { })
---@return scion.Tensor y
function Tensor:adaptive_max_pool2d(size) end

--- 3-d max pooling to a given size.
---@param x scion.Tensor input
---@param size integer|integer[] output size: one number or one per dimension (default { })
---@return scion.Tensor y
function scion.adaptive_max_pool3d(x, size) end

--- 3-d max pooling to a given size.
---@param size integer|integer[] output size: one number or one per dimension (default { })
---@return scion.Tensor y
function Tensor:adaptive_max_pool3d(size) end

--- a + b, elementwise with broadcasting.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.add(a, b) end

--- a + b, elementwise with broadcasting.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:add(b) end

--- a + b, elementwise with broadcasting. In place: changes and returns the tensor.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:add_(b) end

--- a + value * b.
---@param a scion.Tensor start
---@param b scion.Tensor direction
---@param value? number factor of the product (default 1.0)
---@return scion.Tensor y
function scion.add_scaled(a, b, value) end

--- a + value * b.
---@param b scion.Tensor direction
---@param value? number factor of the product (default 1.0)
---@return scion.Tensor y
function Tensor:add_scaled(b, value) end

--- x + value * a / b.
---@param x scion.Tensor start
---@param a scion.Tensor|number first factor
---@param b scion.Tensor|number second
---@param value? number factor of the product (default 1.0)
---@return scion.Tensor y
function scion.addcdiv(x, a, b, value) end

--- x + value * a / b.
---@param a scion.Tensor|number first factor
---@param b scion.Tensor|number second
---@param value? number factor of the product (default 1.0)
---@return scion.Tensor y
function Tensor:addcdiv(a, b, value) end

--- x + value * a / b. In place: changes and returns the tensor.
---@param a scion.Tensor|number first factor
---@param b scion.Tensor|number second
---@param value? number factor of the product (default 1.0)
---@return scion.Tensor y
function Tensor:addcdiv_(a, b, value) end

--- x + value * a * b.
---@param x scion.Tensor start
---@param a scion.Tensor|number first factor
---@param b scion.Tensor|number second
---@param value? number factor of the product (default 1.0)
---@return scion.Tensor y
function scion.addcmul(x, a, b, value) end

--- x + value * a * b.
---@param a scion.Tensor|number first factor
---@param b scion.Tensor|number second
---@param value? number factor of the product (default 1.0)
---@return scion.Tensor y
function Tensor:addcmul(a, b, value) end

--- x + value * a * b. In place: changes and returns the tensor.
---@param a scion.Tensor|number first factor
---@param b scion.Tensor|number second
---@param value? number factor of the product (default 1.0)
---@return scion.Tensor y
function Tensor:addcmul_(a, b, value) end

--- beta x + alpha a b for matrices.
---@param x scion.Tensor broadcasts to the product
---@param a scion.Tensor left
---@param b scion.Tensor right
---@param beta? number factor of x; 0 leaves x out (default 1.0)
---@param alpha? number factor of the product (default 1.0)
---@return scion.Tensor y
function scion.addmm(x, a, b, beta, alpha) end

--- beta x + alpha a b for matrices.
---@param a scion.Tensor left
---@param b scion.Tensor right
---@param beta? number factor of x; 0 leaves x out (default 1.0)
---@param alpha? number factor of the product (default 1.0)
---@return scion.Tensor y
function Tensor:addmm(a, b, beta, alpha) end

--- beta x + alpha a b for matrices. In place: changes and returns the tensor.
---@param a scion.Tensor left
---@param b scion.Tensor right
---@param beta? number factor of x; 0 leaves x out (default 1.0)
---@param alpha? number factor of the product (default 1.0)
---@return scion.Tensor y
function Tensor:addmm_(a, b, beta, alpha) end

--- beta x + alpha a b for a matrix and a vector.
---@param x scion.Tensor broadcasts to the product
---@param a scion.Tensor left
---@param b scion.Tensor right
---@param beta? number factor of x; 0 leaves x out (default 1.0)
---@param alpha? number factor of the product (default 1.0)
---@return scion.Tensor y
function scion.addmv(x, a, b, beta, alpha) end

--- beta x + alpha a b for a matrix and a vector.
---@param a scion.Tensor left
---@param b scion.Tensor right
---@param beta? number factor of x; 0 leaves x out (default 1.0)
---@param alpha? number factor of the product (default 1.0)
---@return scion.Tensor y
function Tensor:addmv(a, b, beta, alpha) end

--- beta x + alpha a b for a matrix and a vector. In place: changes and returns the tensor.
---@param a scion.Tensor left
---@param b scion.Tensor right
---@param beta? number factor of x; 0 leaves x out (default 1.0)
---@param alpha? number factor of the product (default 1.0)
---@return scion.Tensor y
function Tensor:addmv_(a, b, beta, alpha) end

--- Whether all elements are nonzero, over dimensions, default all.
---@param x scion.Tensor input
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function scion.all(x, dim, keepdim) end

--- Whether all elements are nonzero, over dimensions, default all.
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function Tensor:all(dim, keepdim) end

--- Dropout for selu networks: dropped elements take selu's negative limit, mean and variance stay.
---@param x scion.Tensor input
---@param p? number probability of being dropped (default 0.5)
---@param training? boolean without it, x itself (default true)
---@return scion.Tensor y
function scion.alpha_dropout(x, p, training) end

--- Dropout for selu networks: dropped elements take selu's negative limit, mean and variance stay.
---@param p? number probability of being dropped (default 0.5)
---@param training? boolean without it, x itself (default true)
---@return scion.Tensor y
function Tensor:alpha_dropout(p, training) end

--- Largest element over dimensions, default all; NaN if there is one.
---@param x scion.Tensor input
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function scion.amax(x, dim, keepdim) end

--- Largest element over dimensions, default all; NaN if there is one.
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function Tensor:amax(dim, keepdim) end

--- Smallest element over dimensions, default all; NaN if there is one.
---@param x scion.Tensor input
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function scion.amin(x, dim, keepdim) end

--- Smallest element over dimensions, default all; NaN if there is one.
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function Tensor:amin(dim, keepdim) end

--- Whether any element is nonzero, over dimensions, default all.
---@param x scion.Tensor input
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function scion.any(x, dim, keepdim) end

--- Whether any element is nonzero, over dimensions, default all.
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function Tensor:any(dim, keepdim) end

--- start, start + step, ... below stop.
---@param start number first; alone it is stop, and the first is 0 (default 0.0)
---@param stop? number where it ends, excluded (default nan)
---@param step? number distance (default 1.0)
---@param dtype? scion.dtype default f32
---@return scion.Tensor y
function scion.arange(start, stop, step, dtype) end

--- Where the largest element stands along dim, or in the flattened tensor; i64. Of equal ones the first.
---@param x scion.Tensor input
---@param dim? integer dimension that goes; default all of x flattened
---@param keepdim? boolean keep it with size 1 (default false)
---@return scion.Tensor y
function scion.argmax(x, dim, keepdim) end

--- Where the largest element stands along dim, or in the flattened tensor; i64. Of equal ones the first.
---@param dim? integer dimension that goes; default all of x flattened
---@param keepdim? boolean keep it with size 1 (default false)
---@return scion.Tensor y
function Tensor:argmax(dim, keepdim) end

--- Where the smallest element stands along dim, or in the flattened tensor; i64. Of equal ones the first.
---@param x scion.Tensor input
---@param dim? integer dimension that goes; default all of x flattened
---@param keepdim? boolean keep it with size 1 (default false)
---@return scion.Tensor y
function scion.argmin(x, dim, keepdim) end

--- Where the smallest element stands along dim, or in the flattened tensor; i64. Of equal ones the first.
---@param dim? integer dimension that goes; default all of x flattened
---@param keepdim? boolean keep it with size 1 (default false)
---@return scion.Tensor y
function Tensor:argmin(dim, keepdim) end

--- Where the elements in order stand along a dimension (stable); i64.
---@param x scion.Tensor input
---@param dim? integer dimension, default the last (default -1)
---@param descending? boolean largest first (default false)
---@return scion.Tensor y
function scion.argsort(x, dim, descending) end

--- Where the elements in order stand along a dimension (stable); i64.
---@param dim? integer dimension, default the last (default -1)
---@param descending? boolean largest first (default false)
---@return scion.Tensor y
function Tensor:argsort(dim, descending) end

--- Inverse sine, radians.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.asin(x) end

--- Inverse sine, radians.
---@return scion.Tensor y
function Tensor:asin() end

--- Inverse sine, radians. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:asin_() end

--- Inverse hyperbolic sine.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.asinh(x) end

--- Inverse hyperbolic sine.
---@return scion.Tensor y
function Tensor:asinh() end

--- Inverse hyperbolic sine. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:asinh_() end

--- Inverse tangent, radians.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.atan(x) end

--- Inverse tangent, radians.
---@return scion.Tensor y
function Tensor:atan() end

--- Inverse tangent, radians. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:atan_() end

--- Angle of the point (b, a) in radians, -pi .. pi.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.atan2(a, b) end

--- Angle of the point (b, a) in radians, -pi .. pi.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:atan2(b) end

--- Angle of the point (b, a) in radians, -pi .. pi. In place: changes and returns the tensor.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:atan2_(b) end

--- Inverse hyperbolic tangent; -1 < x < 1.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.atanh(x) end

--- Inverse hyperbolic tangent; -1 < x < 1.
---@return scion.Tensor y
function Tensor:atanh() end

--- Inverse hyperbolic tangent; -1 < x < 1. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:atanh_() end

--- 1-d average pooling.
---@param x scion.Tensor input
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@param count_include_pad? boolean padding counts in the average (default true)
---@param divisor_override? integer what sums are divided by, instead of the number of elements (1: sums) (default 0)
---@return scion.Tensor y
function scion.avg_pool1d(x, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override) end

--- 1-d average pooling.
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@param count_include_pad? boolean padding counts in the average (default true)
---@param divisor_override? integer what sums are divided by, instead of the number of elements (1: sums) (default 0)
---@return scion.Tensor y
function Tensor:avg_pool1d(kernel, stride, padding, ceil_mode, count_include_pad, divisor_override) end

--- 2-d average pooling.
---@param x scion.Tensor input
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@param count_include_pad? boolean padding counts in the average (default true)
---@param divisor_override? integer what sums are divided by, instead of the number of elements (1: sums) (default 0)
---@return scion.Tensor y
function scion.avg_pool2d(x, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override) end

--- 2-d average pooling.
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@param count_include_pad? boolean padding counts in the average (default true)
---@param divisor_override? integer what sums are divided by, instead of the number of elements (1: sums) (default 0)
---@return scion.Tensor y
function Tensor:avg_pool2d(kernel, stride, padding, ceil_mode, count_include_pad, divisor_override) end

--- 3-d average pooling.
---@param x scion.Tensor input
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@param count_include_pad? boolean padding counts in the average (default true)
---@param divisor_override? integer what sums are divided by, instead of the number of elements (1: sums) (default 0)
---@return scion.Tensor y
function scion.avg_pool3d(x, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override) end

--- 3-d average pooling.
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@param count_include_pad? boolean padding counts in the average (default true)
---@param divisor_override? integer what sums are divided by, instead of the number of elements (1: sums) (default 0)
---@return scion.Tensor y
function Tensor:avg_pool3d(kernel, stride, padding, ceil_mode, count_include_pad, divisor_override) end

--- beta x + alpha a b for batches of matrices.
---@param x scion.Tensor broadcasts to the product
---@param a scion.Tensor left
---@param b scion.Tensor right
---@param beta? number factor of x; 0 leaves x out (default 1.0)
---@param alpha? number factor of the product (default 1.0)
---@return scion.Tensor y
function scion.baddbmm(x, a, b, beta, alpha) end

--- beta x + alpha a b for batches of matrices.
---@param a scion.Tensor left
---@param b scion.Tensor right
---@param beta? number factor of x; 0 leaves x out (default 1.0)
---@param alpha? number factor of the product (default 1.0)
---@return scion.Tensor y
function Tensor:baddbmm(a, b, beta, alpha) end

--- beta x + alpha a b for batches of matrices. In place: changes and returns the tensor.
---@param a scion.Tensor left
---@param b scion.Tensor right
---@param beta? number factor of x; 0 leaves x out (default 1.0)
---@param alpha? number factor of the product (default 1.0)
---@return scion.Tensor y
function Tensor:baddbmm_(a, b, beta, alpha) end

--- Normalises every channel over the batch: (x - mean) / sqrt(var + eps) * weight + bias.
---@param x scion.Tensor (N, C) or (N, C, ...)
---@param weight? scion.Tensor (C) scale; default 1
---@param bias? scion.Tensor (C) shift; default 0
---@param running_mean? scion.Tensor (C); without it the batch's statistics are always used
---@param running_var? scion.Tensor (C), unbiased
---@param training? boolean normalise with the batch's statistics and update the running ones (default false)
---@param momentum? number weight of the new batch in the running statistics (default 0.1)
---@param eps? number added to the variance (default 1e-05)
---@return scion.Tensor y
function scion.batch_norm(x, weight, bias, running_mean, running_var, training, momentum, eps) end

--- 1 with the probability that x gives (or p), else 0.
---@param x scion.Tensor input
---@param p? number probability of 1; default the elements of x (default nan)
---@return scion.Tensor y
function scion.bernoulli(x, p) end

--- 1 with the probability that x gives (or p), else 0.
---@param p? number probability of 1; default the elements of x (default nan)
---@return scion.Tensor y
function Tensor:bernoulli(p) end

--- 1 with the probability that x gives (or p), else 0. In place: changes and returns the tensor.
---@param p? number probability of 1; default the elements of x (default nan)
---@return scion.Tensor y
function Tensor:bernoulli_(p) end

--- -(t log p + (1 - t) log(1 - p)) of probabilities p.
---@param input scion.Tensor probabilities
---@param target scion.Tensor 0 .. 1; same shape
---@param weight? scion.Tensor of each element; broadcasts
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@return scion.Tensor loss
function scion.binary_cross_entropy(input, target, weight, reduction) end

--- Binary cross entropy of sigmoid(input), exact for large scores.
---@param input scion.Tensor scores before the sigmoid
---@param target scion.Tensor 0 .. 1; same shape
---@param weight? scion.Tensor of each element; broadcasts
---@param pos_weight? scion.Tensor of positive targets; broadcasts
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@return scion.Tensor loss
function scion.binary_cross_entropy_with_logits(input, target, weight, pos_weight, reduction) end

--- How often each id occurs (or the sum of its weights).
---@param ids scion.Tensor (n)
---@param weights? scion.Tensor (n): added instead of 1
---@param minlength? integer at least so many counts (default 0)
---@return scion.Tensor y
function scion.bincount(ids, weights, minlength) end

--- How often each id occurs (or the sum of its weights).
---@param weights? scion.Tensor (n): added instead of 1
---@param minlength? integer at least so many counts (default 0)
---@return scion.Tensor y
function Tensor:bincount(weights, minlength) end

--- Bitwise and of integers; logical and of bools.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.bitwise_and(a, b) end

--- Bitwise and of integers; logical and of bools.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:bitwise_and(b) end

--- Bitwise and of integers; logical and of bools. In place: changes and returns the tensor.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:bitwise_and_(b) end

--- Bitwise complement of integers; logical not of bools.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.bitwise_not(x) end

--- Bitwise complement of integers; logical not of bools.
---@return scion.Tensor y
function Tensor:bitwise_not() end

--- Bitwise complement of integers; logical not of bools. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:bitwise_not_() end

--- Bitwise or of integers; logical or of bools.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.bitwise_or(a, b) end

--- Bitwise or of integers; logical or of bools.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:bitwise_or(b) end

--- Bitwise or of integers; logical or of bools. In place: changes and returns the tensor.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:bitwise_or_(b) end

--- Bitwise exclusive or of integers or bools.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.bitwise_xor(a, b) end

--- Bitwise exclusive or of integers or bools.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:bitwise_xor(b) end

--- Bitwise exclusive or of integers or bools. In place: changes and returns the tensor.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:bitwise_xor_(b) end

--- Products of a batch of matrices: (b, n, k) (b, k, m).
---@param a scion.Tensor left
---@param b scion.Tensor right
---@return scion.Tensor y
function scion.bmm(a, b) end

--- Products of a batch of matrices: (b, n, k) (b, k, m).
---@param b scion.Tensor right
---@return scion.Tensor y
function Tensor:bmm(b) end

--- x repeated to a shape by NumPy's rules (as expand).
---@param x scion.Tensor input
---@param shape integer|integer[] sizes; -1 keeps the old one (default { })
---@return scion.Tensor y
function scion.broadcast_to(x, shape) end

--- x repeated to a shape by NumPy's rules (as expand).
---@param shape integer|integer[] sizes; -1 keeps the old one (default { })
---@return scion.Tensor y
function Tensor:broadcast_to(shape) end

--- Which interval between rising boundaries every value falls into; i64.
---@param values scion.Tensor any shape
---@param sorted scion.Tensor (n), rising
---@param right? boolean after equal elements instead of before them (default false)
---@return scion.Tensor y
function scion.bucketize(values, sorted, right) end

--- Which interval between rising boundaries every value falls into; i64.
---@param sorted scion.Tensor (n), rising
---@param right? boolean after equal elements instead of before them (default false)
---@return scion.Tensor y
function Tensor:bucketize(sorted, right) end

--- Tensors joined along a dimension that exists: scion.cat({a, b}, dim).
---@param tensors scion.Tensor[] list of tensors
---@param dim? integer dimension, default the first (default 0)
---@return scion.Tensor y
function scion.cat(tensors, dim) end

--- Distances between all pairs of two sets of vectors: (..., P, R).
---@param a scion.Tensor (..., P, D)
---@param b scion.Tensor (..., R, D)
---@param p? number order of the norm; inf: the largest difference (default 2.0)
---@return scion.Tensor y
function scion.cdist(a, b, p) end

--- Distances between all pairs of two sets of vectors: (..., P, R).
---@param b scion.Tensor (..., R, D)
---@param p? number order of the norm; inf: the largest difference (default 2.0)
---@return scion.Tensor y
function Tensor:cdist(b, p) end

--- Smallest integer not below x.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.ceil(x) end

--- Smallest integer not below x.
---@return scion.Tensor y
function Tensor:ceil() end

--- Smallest integer not below x. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:ceil_() end

--- x above 0, alpha (e^(x / alpha) - 1) below.
---@param x scion.Tensor input
---@param alpha? number scale of the negative side (default 1.0)
---@return scion.Tensor y
function scion.celu(x, alpha) end

--- x above 0, alpha (e^(x / alpha) - 1) below.
---@param alpha? number scale of the negative side (default 1.0)
---@return scion.Tensor y
function Tensor:celu(alpha) end

--- x above 0, alpha (e^(x / alpha) - 1) below. In place: changes and returns the tensor.
---@param alpha? number scale of the negative side (default 1.0)
---@return scion.Tensor y
function Tensor:celu_(alpha) end

--- Deals the channels of every group out in turn: (g, C / g) transposed.
---@param x scion.Tensor input
---@param groups integer number of groups (default 2)
---@return scion.Tensor y
function scion.channel_shuffle(x, groups) end

--- Deals the channels of every group out in turn: (g, C / g) transposed.
---@param groups integer number of groups (default 2)
---@return scion.Tensor y
function Tensor:channel_shuffle(groups) end

--- Lower triangular L with L L' = a, for a symmetric positive definite a (its symmetric part is used).
---@param a scion.Tensor (..., N, N)
---@param upper? boolean the upper factor (or: b is one) (default false)
---@return scion.Tensor y
function scion.cholesky(a, upper) end

--- Lower triangular L with L L' = a, for a symmetric positive definite a (its symmetric part is used).
---@param upper? boolean the upper factor (or: b is one) (default false)
---@return scion.Tensor y
function Tensor:cholesky(upper) end

--- x of L L' x = b, given the factor: b:cholesky_solve(L).
---@param b scion.Tensor (..., N, K)
---@param factor scion.Tensor (..., N, N) from cholesky
---@param upper? boolean the upper factor (or: b is one) (default false)
---@return scion.Tensor y
function scion.cholesky_solve(b, factor, upper) end

--- x of L L' x = b, given the factor: b:cholesky_solve(L).
---@param factor scion.Tensor (..., N, N) from cholesky
---@param upper? boolean the upper factor (or: b is one) (default false)
---@return scion.Tensor y
function Tensor:cholesky_solve(factor, upper) end

--- x limited to min .. max.
---@param x scion.Tensor input
---@param min? number lower bound; default none (default -inf)
---@param max? number upper bound; default none (default inf)
---@return scion.Tensor y
function scion.clamp(x, min, max) end

--- x limited to min .. max.
---@param min? number lower bound; default none (default -inf)
---@param max? number upper bound; default none (default inf)
---@return scion.Tensor y
function Tensor:clamp(min, max) end

--- x limited to min .. max. In place: changes and returns the tensor.
---@param min? number lower bound; default none (default -inf)
---@param max? number upper bound; default none (default inf)
---@return scion.Tensor y
function Tensor:clamp_(min, max) end

--- A copy with its own storage, part of the gradient's graph.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.clone(x) end

--- A copy with its own storage, part of the gradient's graph.
---@return scion.Tensor y
function Tensor:clone() end

--- x itself when packed in row-major order, else a packed copy.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.contiguous(x) end

--- x itself when packed in row-major order, else a packed copy.
---@return scion.Tensor y
function Tensor:contiguous() end

--- 1-d convolution (cross-correlation).
---@param x scion.Tensor (N, C, spatial...)
---@param weight scion.Tensor (out, C / groups, kernel...)
---@param bias? scion.Tensor (out)
---@param plus? scion.Tensor of the output's shape: added to the result (a residual connection)
---@param stride? integer|integer[] step of the window: one number or one per dimension; default 1 (default { })
---@param padding? integer|integer[] zeros around the input: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param dilation? integer|integer[] distance of the kernel's taps; default 1 (default { })
---@param groups? integer channel groups that do not mix (default 1)
---@return scion.Tensor y
function scion.conv1d(x, weight, bias, plus, stride, padding, dilation, groups) end

--- 1-d convolution (cross-correlation).
---@param weight scion.Tensor (out, C / groups, kernel...)
---@param bias? scion.Tensor (out)
---@param plus? scion.Tensor of the output's shape: added to the result (a residual connection)
---@param stride? integer|integer[] step of the window: one number or one per dimension; default 1 (default { })
---@param padding? integer|integer[] zeros around the input: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param dilation? integer|integer[] distance of the kernel's taps; default 1 (default { })
---@param groups? integer channel groups that do not mix (default 1)
---@return scion.Tensor y
function Tensor:conv1d(weight, bias, plus, stride, padding, dilation, groups) end

--- 2-d convolution (cross-correlation).
---@param x scion.Tensor (N, C, spatial...)
---@param weight scion.Tensor (out, C / groups, kernel...)
---@param bias? scion.Tensor (out)
---@param plus? scion.Tensor of the output's shape: added to the result (a residual connection)
---@param stride? integer|integer[] step of the window: one number or one per dimension; default 1 (default { })
---@param padding? integer|integer[] zeros around the input: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param dilation? integer|integer[] distance of the kernel's taps; default 1 (default { })
---@param groups? integer channel groups that do not mix (default 1)
---@return scion.Tensor y
function scion.conv2d(x, weight, bias, plus, stride, padding, dilation, groups) end

--- 2-d convolution (cross-correlation).
---@param weight scion.Tensor (out, C / groups, kernel...)
---@param bias? scion.Tensor (out)
---@param plus? scion.Tensor of the output's shape: added to the result (a residual connection)
---@param stride? integer|integer[] step of the window: one number or one per dimension; default 1 (default { })
---@param padding? integer|integer[] zeros around the input: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param dilation? integer|integer[] distance of the kernel's taps; default 1 (default { })
---@param groups? integer channel groups that do not mix (default 1)
---@return scion.Tensor y
function Tensor:conv2d(weight, bias, plus, stride, padding, dilation, groups) end

--- 3-d convolution (cross-correlation).
---@param x scion.Tensor (N, C, spatial...)
---@param weight scion.Tensor (out, C / groups, kernel...)
---@param bias? scion.Tensor (out)
---@param plus? scion.Tensor of the output's shape: added to the result (a residual connection)
---@param stride? integer|integer[] step of the window: one number or one per dimension; default 1 (default { })
---@param padding? integer|integer[] zeros around the input: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param dilation? integer|integer[] distance of the kernel's taps; default 1 (default { })
---@param groups? integer channel groups that do not mix (default 1)
---@return scion.Tensor y
function scion.conv3d(x, weight, bias, plus, stride, padding, dilation, groups) end

--- 3-d convolution (cross-correlation).
---@param weight scion.Tensor (out, C / groups, kernel...)
---@param bias? scion.Tensor (out)
---@param plus? scion.Tensor of the output's shape: added to the result (a residual connection)
---@param stride? integer|integer[] step of the window: one number or one per dimension; default 1 (default { })
---@param padding? integer|integer[] zeros around the input: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param dilation? integer|integer[] distance of the kernel's taps; default 1 (default { })
---@param groups? integer channel groups that do not mix (default 1)
---@return scion.Tensor y
function Tensor:conv3d(weight, bias, plus, stride, padding, dilation, groups) end

--- 1-d transposed convolution: the gradient of a convolution as an operation.
---@param x scion.Tensor (N, C, spatial...)
---@param weight scion.Tensor (C, out / groups, kernel...)
---@param bias? scion.Tensor (out)
---@param stride? integer|integer[] step of the window: one number or one per dimension; default 1 (default { })
---@param padding? integer|integer[] taken off the output; default 0 (default { })
---@param output_padding? integer|integer[] added to the output's size on the trailing side; default 0 (default { })
---@param groups? integer channel groups that do not mix (default 1)
---@param dilation? integer|integer[] distance of the kernel's taps; default 1 (default { })
---@return scion.Tensor y
function scion.conv_transpose1d(x, weight, bias, stride, padding, output_padding, groups, dilation) end

--- 1-d transposed convolution: the gradient of a convolution as an operation.
---@param weight scion.Tensor (C, out / groups, kernel...)
---@param bias? scion.Tensor (out)
---@param stride? integer|integer[] step of the window: one number or one per dimension; default 1 (default { })
---@param padding? integer|integer[] taken off the output; default 0 (default { })
---@param output_padding? integer|integer[] added to the output's size on the trailing side; default 0 (default { })
---@param groups? integer channel groups that do not mix (default 1)
---@param dilation? integer|integer[] distance of the kernel's taps; default 1 (default { })
---@return scion.Tensor y
function Tensor:conv_transpose1d(weight, bias, stride, padding, output_padding, groups, dilation) end

--- 2-d transposed convolution: the gradient of a convolution as an operation.
---@param x scion.Tensor (N, C, spatial...)
---@param weight scion.Tensor (C, out / groups, kernel...)
---@param bias? scion.Tensor (out)
---@param stride? integer|integer[] step of the window: one number or one per dimension; default 1 (default { })
---@param padding? integer|integer[] taken off the output; default 0 (default { })
---@param output_padding? integer|integer[] added to the output's size on the trailing side; default 0 (default { })
---@param groups? integer channel groups that do not mix (default 1)
---@param dilation? integer|integer[] distance of the kernel's taps; default 1 (default { })
---@return scion.Tensor y
function scion.conv_transpose2d(x, weight, bias, stride, padding, output_padding, groups, dilation) end

--- 2-d transposed convolution: the gradient of a convolution as an operation.
---@param weight scion.Tensor (C, out / groups, kernel...)
---@param bias? scion.Tensor (out)
---@param stride? integer|integer[] step of the window: one number or one per dimension; default 1 (default { })
---@param padding? integer|integer[] taken off the output; default 0 (default { })
---@param output_padding? integer|integer[] added to the output's size on the trailing side; default 0 (default { })
---@param groups? integer channel groups that do not mix (default 1)
---@param dilation? integer|integer[] distance of the kernel's taps; default 1 (default { })
---@return scion.Tensor y
function Tensor:conv_transpose2d(weight, bias, stride, padding, output_padding, groups, dilation) end

--- 3-d transposed convolution: the gradient of a convolution as an operation.
---@param x scion.Tensor (N, C, spatial...)
---@param weight scion.Tensor (C, out / groups, kernel...)
---@param bias? scion.Tensor (out)
---@param stride? integer|integer[] step of the window: one number or one per dimension; default 1 (default { })
---@param padding? integer|integer[] taken off the output; default 0 (default { })
---@param output_padding? integer|integer[] added to the output's size on the trailing side; default 0 (default { })
---@param groups? integer channel groups that do not mix (default 1)
---@param dilation? integer|integer[] distance of the kernel's taps; default 1 (default { })
---@return scion.Tensor y
function scion.conv_transpose3d(x, weight, bias, stride, padding, output_padding, groups, dilation) end

--- 3-d transposed convolution: the gradient of a convolution as an operation.
---@param weight scion.Tensor (C, out / groups, kernel...)
---@param bias? scion.Tensor (out)
---@param stride? integer|integer[] step of the window: one number or one per dimension; default 1 (default { })
---@param padding? integer|integer[] taken off the output; default 0 (default { })
---@param output_padding? integer|integer[] added to the output's size on the trailing side; default 0 (default { })
---@param groups? integer channel groups that do not mix (default 1)
---@param dilation? integer|integer[] distance of the kernel's taps; default 1 (default { })
---@return scion.Tensor y
function Tensor:conv_transpose3d(weight, bias, stride, padding, output_padding, groups, dilation) end

--- src broadcast to the shape of x and converted to its dtype; x:copy_(src) overwrites x.
---@param x scion.Tensor gives shape and dtype
---@param src scion.Tensor the values
---@return scion.Tensor y
function scion.copy(x, src) end

--- src broadcast to the shape of x and converted to its dtype; x:copy_(src) overwrites x.
---@param src scion.Tensor the values
---@return scion.Tensor y
function Tensor:copy(src) end

--- src broadcast to the shape of x and converted to its dtype; x:copy_(src) overwrites x. In place: changes and returns the tensor.
---@param src scion.Tensor the values
---@return scion.Tensor y
function Tensor:copy_(src) end

--- Correlation matrix (Pearson) of the rows.
---@param x scion.Tensor (variables, observations)
---@return scion.Tensor y
function scion.corrcoef(x) end

--- Correlation matrix (Pearson) of the rows.
---@return scion.Tensor y
function Tensor:corrcoef() end

--- Cosine of radians.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.cos(x) end

--- Cosine of radians.
---@return scion.Tensor y
function Tensor:cos() end

--- Cosine of radians. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:cos_() end

--- Hyperbolic cosine.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.cosh(x) end

--- Hyperbolic cosine.
---@return scion.Tensor y
function Tensor:cosh() end

--- Hyperbolic cosine. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:cosh_() end

--- 1 - cos(a, b) where target is 1, max(0, cos(a, b) - margin) where it is -1.
---@param a scion.Tensor (N, D) or (D)
---@param b scion.Tensor same shape
---@param target scion.Tensor (N) or scalar: 1 where the pair shall be similar, -1 where not
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@param margin? number cosine up to which different pairs cost nothing (default 0.0)
---@return scion.Tensor loss
function scion.cosine_embedding_loss(a, b, target, reduction, margin) end

--- Cosine of the angle between vectors: a . b / (|a| |b|).
---@param a scion.Tensor vectors along `dim`
---@param b scion.Tensor broadcasts with a
---@param dim? integer dimension of the vectors; default the second (default 1)
---@param eps? number smallest length (default 1e-08)
---@return scion.Tensor y
function scion.cosine_similarity(a, b, dim, eps) end

--- Cosine of the angle between vectors: a . b / (|a| |b|).
---@param b scion.Tensor broadcasts with a
---@param dim? integer dimension of the vectors; default the second (default 1)
---@param eps? number smallest length (default 1e-08)
---@return scion.Tensor y
function Tensor:cosine_similarity(b, dim, eps) end

--- How many elements are nonzero, over dimensions, default all.
---@param x scion.Tensor input
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function scion.count_nonzero(x, dim, keepdim) end

--- How many elements are nonzero, over dimensions, default all.
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function Tensor:count_nonzero(dim, keepdim) end

--- Covariance matrix of the rows.
---@param x scion.Tensor (variables, observations)
---@param correction? number divides by n - correction (default 1.0)
---@return scion.Tensor y
function scion.cov(x, correction) end

--- Covariance matrix of the rows.
---@param correction? number divides by n - correction (default 1.0)
---@return scion.Tensor y
function Tensor:cov(correction) end

--- Covariances (P, R) of a Gaussian process between two sets of points: variance * k(r), r the distance of the weighted vectors.
---@param a scion.Tensor (P, D)
---@param b scion.Tensor (R, D)
---@param weight scion.Tensor (D) or one number: inverse length scales
---@param variance scion.Tensor one number: the covariance at distance 0
---@param kind? "rbf"|"matern12"|"matern32"|"matern52" "rbf" (squared exponential), or Matern of half-integer order: "matern52", "matern32", "matern12" (default matern52)
---@return scion.Tensor y
function scion.covariance_matrix(a, b, weight, variance, kind) end

--- Covariances (P, R) of a Gaussian process between two sets of points: variance * k(r), r the distance of the weighted vectors.
---@param b scion.Tensor (R, D)
---@param weight scion.Tensor (D) or one number: inverse length scales
---@param variance scion.Tensor one number: the covariance at distance 0
---@param kind? "rbf"|"matern12"|"matern32"|"matern52" "rbf" (squared exponential), or Matern of half-integer order: "matern52", "matern32", "matern12" (default matern52)
---@return scion.Tensor y
function Tensor:covariance_matrix(b, weight, variance, kind) end

--- Cross product of 3-vectors.
---@param a scion.Tensor left
---@param b scion.Tensor right
---@param dim? integer dimension of the 3-vectors; default the last (default -1)
---@return scion.Tensor y
function scion.cross(a, b, dim) end

--- Cross product of 3-vectors.
---@param b scion.Tensor right
---@param dim? integer dimension of the 3-vectors; default the last (default -1)
---@return scion.Tensor y
function Tensor:cross(b, dim) end

--- Cross entropy of softmax(input) with class ids or class probabilities. The mean is weighted as in PyTorch.
---@param input scion.Tensor scores before softmax: (N, C) or (N, C, d1, ...)
---@param target scion.Tensor class ids (N) or (N, d1, ...), or class probabilities like input
---@param weight? scion.Tensor (C): weight of each class, a constant
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@param ignore_index? integer id, as written in the target, that counts nothing (default -100)
---@param label_smoothing? number share of the target spread evenly over the classes (default 0.0)
---@return scion.Tensor loss
function scion.cross_entropy(input, target, weight, reduction, ignore_index, label_smoothing) end

--- Connectionist temporal classification (Graves et al. 2006): -log of the probability of the targets over all alignments; "mean" divides by each target's length, then averages. Infinite where a target needs more steps than there are.
---@param log_probs scion.Tensor log-probabilities (T, N, C): log_softmax over the last dimension
---@param targets scion.Tensor class ids (N, S), or all in a row (sum of target_lengths)
---@param input_lengths scion.Tensor time steps of each sequence (N), at most T
---@param target_lengths scion.Tensor ids of each target (N), at most S
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@param blank? integer id of the blank, as written in targets; -1: the first class (default -1)
---@param zero_infinity? boolean a target that does not fit its input counts 0 instead of infinity (default false)
---@return scion.Tensor loss
function scion.ctc_loss(log_probs, targets, input_lengths, target_lengths, reduction, blank, zero_infinity) end

--- Largest element so far along a dimension, and where it stands.
---@param x scion.Tensor input
---@param dim integer dimension to run along (default 0)
---@return scion.Tensor values, scion.Tensor indices
function scion.cummax(x, dim) end

--- Largest element so far along a dimension, and where it stands.
---@param dim integer dimension to run along (default 0)
---@return scion.Tensor values, scion.Tensor indices
function Tensor:cummax(dim) end

--- Smallest element so far along a dimension, and where it stands.
---@param x scion.Tensor input
---@param dim integer dimension to run along (default 0)
---@return scion.Tensor values, scion.Tensor indices
function scion.cummin(x, dim) end

--- Smallest element so far along a dimension, and where it stands.
---@param dim integer dimension to run along (default 0)
---@return scion.Tensor values, scion.Tensor indices
function Tensor:cummin(dim) end

--- Running product along a dimension. Integers and bools give i64.
---@param x scion.Tensor input
---@param dim integer dimension (default 0)
---@param reverse? boolean from the end (default false)
---@return scion.Tensor y
function scion.cumprod(x, dim, reverse) end

--- Running product along a dimension. Integers and bools give i64.
---@param dim integer dimension (default 0)
---@param reverse? boolean from the end (default false)
---@return scion.Tensor y
function Tensor:cumprod(dim, reverse) end

--- Running product along a dimension. Integers and bools give i64. In place: changes and returns the tensor.
---@param dim integer dimension (default 0)
---@param reverse? boolean from the end (default false)
---@return scion.Tensor y
function Tensor:cumprod_(dim, reverse) end

--- Running sum along a dimension. Integers and bools give i64.
---@param x scion.Tensor input
---@param dim integer dimension (default 0)
---@param reverse? boolean from the end (default false)
---@return scion.Tensor y
function scion.cumsum(x, dim, reverse) end

--- Running sum along a dimension. Integers and bools give i64.
---@param dim integer dimension (default 0)
---@param reverse? boolean from the end (default false)
---@return scion.Tensor y
function Tensor:cumsum(dim, reverse) end

--- Running sum along a dimension. Integers and bools give i64. In place: changes and returns the tensor.
---@param dim integer dimension (default 0)
---@param reverse? boolean from the end (default false)
---@return scion.Tensor y
function Tensor:cumsum_(dim, reverse) end

--- Channels become pixels, in ONNX's orders.
---@param x scion.Tensor input
---@param blocksize integer of height and width (default 2)
---@param mode? "dcr"|"crd" order of the channels: "dcr" or "crd" (pixel_shuffle) (default dcr)
---@return scion.Tensor y
function scion.depth_to_space(x, blocksize, mode) end

--- Channels become pixels, in ONNX's orders.
---@param blocksize integer of height and width (default 2)
---@param mode? "dcr"|"crd" order of the channels: "dcr" or "crd" (pixel_shuffle) (default dcr)
---@return scion.Tensor y
function Tensor:depth_to_space(blocksize, mode) end

--- Determinants of square matrices. Singular matrices have no gradient.
---@param a scion.Tensor (..., N, N)
---@return scion.Tensor y
function scion.det(a) end

--- Determinants of square matrices. Singular matrices have no gradient.
---@return scion.Tensor y
function Tensor:det() end

--- A vector as a diagonal matrix; of a matrix its diagonal (a copy).
---@param x scion.Tensor input
---@param diagonal? integer 0: the main diagonal; positive above, negative below it (default 0)
---@return scion.Tensor y
function scion.diag(x, diagonal) end

--- A vector as a diagonal matrix; of a matrix its diagonal (a copy).
---@param diagonal? integer 0: the main diagonal; positive above, negative below it (default 0)
---@return scion.Tensor y
function Tensor:diag(diagonal) end

--- Square matrices with x's last dimension on a diagonal.
---@param x scion.Tensor input
---@param offset? integer 0: the main diagonal; positive above, negative below it (default 0)
---@param dim1? integer dimension of rows (default -2)
---@param dim2? integer dimension of columns (default -1)
---@return scion.Tensor y
function scion.diag_embed(x, offset, dim1, dim2) end

--- Square matrices with x's last dimension on a diagonal.
---@param offset? integer 0: the main diagonal; positive above, negative below it (default 0)
---@param dim1? integer dimension of rows (default -2)
---@param dim2? integer dimension of columns (default -1)
---@return scion.Tensor y
function Tensor:diag_embed(offset, dim1, dim2) end

--- A diagonal of two dimensions, which become one at the end.
---@param x scion.Tensor input
---@param offset? integer 0: the main diagonal; positive above, negative below it (default 0)
---@param dim1? integer dimension of rows (default 0)
---@param dim2? integer dimension of columns (default 1)
---@return scion.Tensor y
function scion.diagonal(x, offset, dim1, dim2) end

--- A diagonal of two dimensions, which become one at the end.
---@param offset? integer 0: the main diagonal; positive above, negative below it (default 0)
---@param dim1? integer dimension of rows (default 0)
---@param dim2? integer dimension of columns (default 1)
---@return scion.Tensor y
function Tensor:diagonal(offset, dim1, dim2) end

--- Differences of neighbours along a dimension, n times.
---@param x scion.Tensor input
---@param n? integer how often (default 1)
---@param dim? integer dimension, default the last (default -1)
---@return scion.Tensor y
function scion.diff(x, n, dim) end

--- Differences of neighbours along a dimension, n times.
---@param n? integer how often (default 1)
---@param dim? integer dimension, default the last (default -1)
---@return scion.Tensor y
function Tensor:diff(n, dim) end

--- Derivative of lgamma.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.digamma(x) end

--- Derivative of lgamma.
---@return scion.Tensor y
function Tensor:digamma() end

--- Derivative of lgamma. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:digamma_() end

--- norm of a - b.
---@param a scion.Tensor input
---@param b scion.Tensor broadcasts with a
---@param p? number order (default 2.0)
---@return scion.Tensor y
function scion.dist(a, b, p) end

--- norm of a - b.
---@param b scion.Tensor broadcasts with a
---@param p? number order (default 2.0)
---@return scion.Tensor y
function Tensor:dist(b, p) end

--- a / b, elementwise with broadcasting; floating point only (use floor_divide for integers).
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.div(a, b) end

--- a / b, elementwise with broadcasting; floating point only (use floor_divide for integers).
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:div(b) end

--- a / b, elementwise with broadcasting; floating point only (use floor_divide for integers). In place: changes and returns the tensor.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:div_(b) end

--- Scalar product of two vectors.
---@param a scion.Tensor left
---@param b scion.Tensor right
---@return scion.Tensor y
function scion.dot(a, b) end

--- Scalar product of two vectors.
---@param b scion.Tensor right
---@return scion.Tensor y
function Tensor:dot(b) end

--- Zeroes elements with probability p and scales the rest by 1 / (1 - p).
---@param x scion.Tensor input
---@param p? number probability of being dropped (default 0.5)
---@param training? boolean without it, x itself (default true)
---@return scion.Tensor y
function scion.dropout(x, p, training) end

--- Zeroes elements with probability p and scales the rest by 1 / (1 - p).
---@param p? number probability of being dropped (default 0.5)
---@param training? boolean without it, x itself (default true)
---@return scion.Tensor y
function Tensor:dropout(p, training) end

--- Eigenvalues and eigenvectors of symmetric matrices (the symmetric part is used): w, v = a:eigh().
---@param a scion.Tensor (..., N, N)
---@return scion.Tensor values, scion.Tensor vectors
function scion.eigh(a) end

--- Eigenvalues and eigenvectors of symmetric matrices (the symmetric part is used): w, v = a:eigh().
---@return scion.Tensor values, scion.Tensor vectors
function Tensor:eigh() end

--- Sum of products in Einstein's notation: einsum("ij,jk->ik", a, b).
---@param inputs scion.Tensor[] one tensor per term of the equation
---@param equation string letters for the dimensions of each input, "->" and those of the result; "..." for any others
---@return scion.Tensor y
function scion.einsum(inputs, equation) end

--- x above 0, alpha (e^x - 1) below.
---@param x scion.Tensor input
---@param alpha? number minus the limit at minus infinity (default 1.0)
---@return scion.Tensor y
function scion.elu(x, alpha) end

--- x above 0, alpha (e^x - 1) below.
---@param alpha? number minus the limit at minus infinity (default 1.0)
---@return scion.Tensor y
function Tensor:elu(alpha) end

--- x above 0, alpha (e^x - 1) below. In place: changes and returns the tensor.
---@param alpha? number minus the limit at minus infinity (default 1.0)
---@return scion.Tensor y
function Tensor:elu_(alpha) end

--- Rows of weight by id: ids' shape + (D).
---@param ids scion.Tensor any shape
---@param weight scion.Tensor (V, D): one row per id
---@param padding_idx? integer id, as written in ids, whose row gets no gradient
---@return scion.Tensor y
function scion.embedding(ids, weight, padding_idx) end

--- Sum, mean or maximum of the rows of every bag of ids: (N, D).
---@param ids scion.Tensor (N, T): T ids per bag
---@param weight scion.Tensor (V, D)
---@param per_sample_weights? scion.Tensor (N, T), with mode "sum"
---@param mode? "sum"|"mean"|"max" "sum", "mean" or "max" of the rows of a bag (default mean)
---@param padding_idx? integer id, as written in ids, that does not count
---@return scion.Tensor y
function scion.embedding_bag(ids, weight, per_sample_weights, mode, padding_idx) end

--- A tensor to be written to; it starts as zeros.
---@param shape integer|integer[] sizes (default { })
---@param dtype? scion.dtype default f32
---@return scion.Tensor y
function scion.empty(shape, dtype) end

--- A tensor in the shape of x, to be written to; it starts as zeros.
---@param x scion.Tensor input
---@param dtype? scion.dtype default that of x
---@return scion.Tensor y
function scion.empty_like(x, dtype) end

--- a == b, elementwise, as bool.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.eq(a, b) end

--- a == b, elementwise, as bool.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:eq(b) end

--- Error function.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.erf(x) end

--- Error function.
---@return scion.Tensor y
function Tensor:erf() end

--- Error function. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:erf_() end

--- 1 - erf(x), exact for large x.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.erfc(x) end

--- 1 - erf(x), exact for large x.
---@return scion.Tensor y
function Tensor:erfc() end

--- 1 - erf(x), exact for large x. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:erfc_() end

--- e^x.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.exp(x) end

--- e^x.
---@return scion.Tensor y
function Tensor:exp() end

--- e^x. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:exp_() end

--- 2^x.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.exp2(x) end

--- 2^x.
---@return scion.Tensor y
function Tensor:exp2() end

--- Dimensions of size 1 repeated without copying; the result is read-only.
---@param x scion.Tensor input
---@param shape integer|integer[] sizes; -1 keeps the old one (default { })
---@return scion.Tensor y
function scion.expand(x, shape) end

--- Dimensions of size 1 repeated without copying; the result is read-only.
---@param shape integer|integer[] sizes; -1 keeps the old one (default { })
---@return scion.Tensor y
function Tensor:expand(shape) end

--- x expanded to the shape of another tensor.
---@param x scion.Tensor input
---@param other scion.Tensor tensor whose shape is taken
---@return scion.Tensor y
function scion.expand_as(x, other) end

--- x expanded to the shape of another tensor.
---@param other scion.Tensor tensor whose shape is taken
---@return scion.Tensor y
function Tensor:expand_as(other) end

--- e^x - 1, exact near 0.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.expm1(x) end

--- e^x - 1, exact near 0.
---@return scion.Tensor y
function Tensor:expm1() end

--- e^x - 1, exact near 0. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:expm1_() end

--- Exponential random numbers in the shape of x.
---@param x scion.Tensor input
---@param lambd? number rate: 1 / mean (default 1.0)
---@return scion.Tensor y
function scion.exponential(x, lambd) end

--- Exponential random numbers in the shape of x.
---@param lambd? number rate: 1 / mean (default 1.0)
---@return scion.Tensor y
function Tensor:exponential(lambd) end

--- Exponential random numbers in the shape of x. In place: changes and returns the tensor.
---@param lambd? number rate: 1 / mean (default 1.0)
---@return scion.Tensor y
function Tensor:exponential_(lambd) end

--- The identity matrix.
---@param n integer rows (default 0)
---@param m? integer columns; default n
---@param dtype? scion.dtype default f32
---@return scion.Tensor y
function scion.eye(n, m, dtype) end

--- alpha_dropout of whole channels of (N, C, ...).
---@param x scion.Tensor input
---@param p? number probability of being dropped (default 0.5)
---@param training? boolean without it, x itself (default true)
---@return scion.Tensor y
function scion.feature_alpha_dropout(x, p, training) end

--- alpha_dropout of whole channels of (N, C, ...).
---@param p? number probability of being dropped (default 0.5)
---@param training? boolean without it, x itself (default true)
---@return scion.Tensor y
function Tensor:feature_alpha_dropout(p, training) end

--- Zeroes whole channels of (N, C, ...) with probability p and scales the rest by 1 / (1 - p).
---@param x scion.Tensor input
---@param p? number probability of being dropped (default 0.5)
---@param training? boolean without it, x itself (default true)
---@return scion.Tensor y
function scion.feature_dropout(x, p, training) end

--- Zeroes whole channels of (N, C, ...) with probability p and scales the rest by 1 / (1 - p).
---@param p? number probability of being dropped (default 0.5)
---@param training? boolean without it, x itself (default true)
---@return scion.Tensor y
function Tensor:feature_dropout(p, training) end

--- One value everywhere; x:fill_(v) writes it.
---@param x scion.Tensor input
---@param value number of every element (default 0.0)
---@return scion.Tensor y
function scion.fill(x, value) end

--- One value everywhere; x:fill_(v) writes it.
---@param value number of every element (default 0.0)
---@return scion.Tensor y
function Tensor:fill(value) end

--- One value everywhere; x:fill_(v) writes it. In place: changes and returns the tensor.
---@param value number of every element (default 0.0)
---@return scion.Tensor y
function Tensor:fill_(value) end

--- Joins dimensions start_dim .. end_dim into one.
---@param x scion.Tensor input
---@param start_dim? integer first dimension to join (default 0)
---@param end_dim? integer last dimension to join (default -1)
---@return scion.Tensor y
function scion.flatten(x, start_dim, end_dim) end

--- Joins dimensions start_dim .. end_dim into one.
---@param start_dim? integer first dimension to join (default 0)
---@param end_dim? integer last dimension to join (default -1)
---@return scion.Tensor y
function Tensor:flatten(start_dim, end_dim) end

--- x with dimensions reversed (a copy).
---@param x scion.Tensor input
---@param dims integer|integer[] dimensions to reverse (default { })
---@return scion.Tensor y
function scion.flip(x, dims) end

--- x with dimensions reversed (a copy).
---@param dims integer|integer[] dimensions to reverse (default { })
---@return scion.Tensor y
function Tensor:flip(dims) end

--- Largest integer not above x.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.floor(x) end

--- Largest integer not above x.
---@return scion.Tensor y
function Tensor:floor() end

--- Largest integer not above x. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:floor_() end

--- floor(a / b), elementwise. Integer division by zero is an error.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.floor_divide(a, b) end

--- floor(a / b), elementwise. Integer division by zero is an error.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:floor_divide(b) end

--- floor(a / b), elementwise. Integer division by zero is an error. In place: changes and returns the tensor.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:floor_divide_(b) end

--- Remainder of a / b with the sign of a (C's fmod).
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.fmod(a, b) end

--- Remainder of a / b with the sign of a (C's fmod).
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:fmod(b) end

--- Remainder of a / b with the sign of a (C's fmod). In place: changes and returns the tensor.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:fmod_(b) end

--- Columns added up into images: (N, C, H, W). The transpose of unfold.
---@param x scion.Tensor (N, C * kernel height * kernel width, positions)
---@param size integer|integer[] (height, width) of the result (default { })
---@param kernel integer|integer[] (height, width) or one number (default { })
---@param stride? integer|integer[] step of the window (default { 1 })
---@param padding? integer|integer[] zeros on every side (default { 0 })
---@param dilation? integer|integer[] step inside the window (default { 1 })
---@return scion.Tensor y
function scion.fold(x, size, kernel, stride, padding, dilation) end

--- Fraction of x, with its sign.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.frac(x) end

--- Fraction of x, with its sign.
---@return scion.Tensor y
function Tensor:frac() end

--- Fraction of x, with its sign. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:frac_() end

--- One value everywhere: scion.full({2, 3}, 7).
---@param shape integer|integer[] sizes (default { })
---@param value number of every element (default 0.0)
---@param dtype? scion.dtype default f32
---@return scion.Tensor y
function scion.full(shape, value, dtype) end

--- One value everywhere, in the shape of x.
---@param x scion.Tensor input
---@param value number of every element (default 0.0)
---@param dtype? scion.dtype default that of x
---@return scion.Tensor y
function scion.full_like(x, value, dtype) end

--- Elements by id along a dimension: y[i][j] = x[ids[i][j]][j] for dim 1. y has the shape of ids.
---@param x scion.Tensor input
---@param ids scion.Tensor ids along dim, of x's rank
---@param dim integer along which ids choose (default 0)
---@return scion.Tensor y
function scion.gather(x, ids, dim) end

--- Elements by id along a dimension: y[i][j] = x[ids[i][j]][j] for dim 1. y has the shape of ids.
---@param ids scion.Tensor ids along dim, of x's rank
---@param dim integer along which ids choose (default 0)
---@return scion.Tensor y
function Tensor:gather(ids, dim) end

--- The sub-tensors that index tuples name: y[i] = x[ids[i][1]][ids[i][2]]...
---@param x scion.Tensor input
---@param ids scion.Tensor index tuples (..., k)
---@param batch_dims? integer leading dimensions that x and ids share (default 0)
---@return scion.Tensor y
function scion.gather_nd(x, ids, batch_dims) end

--- The sub-tensors that index tuples name: y[i] = x[ids[i][1]][ids[i][2]]...
---@param ids scion.Tensor index tuples (..., k)
---@param batch_dims? integer leading dimensions that x and ids share (default 0)
---@return scion.Tensor y
function Tensor:gather_nd(ids, batch_dims) end

--- Negative log-likelihood of normal distributions with given means and variances.
---@param input scion.Tensor expected values
---@param target scion.Tensor samples; same shape
---@param var scion.Tensor variances, positive; broadcasts
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@param full? boolean add the constant log(2 pi) / 2 (default false)
---@param eps? number smallest variance (default 1e-06)
---@return scion.Tensor loss
function scion.gaussian_nll_loss(input, target, var, reduction, full, eps) end

--- a >= b, elementwise, as bool.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.ge(a, b) end

--- a >= b, elementwise, as bool.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:ge(b) end

--- x times the normal distribution function of x.
---@param x scion.Tensor input
---@param approximate? "none"|"tanh" "none": by the error function; "tanh": the usual approximation (default none)
---@return scion.Tensor y
function scion.gelu(x, approximate) end

--- x times the normal distribution function of x.
---@param approximate? "none"|"tanh" "none": by the error function; "tanh": the usual approximation (default none)
---@return scion.Tensor y
function Tensor:gelu(approximate) end

--- x times the normal distribution function of x. In place: changes and returns the tensor.
---@param approximate? "none"|"tanh" "none": by the error function; "tanh": the usual approximation (default none)
---@return scion.Tensor y
function Tensor:gelu_(approximate) end

--- Mean over all spatial dimensions, which stay with size 1.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.global_avg_pool(x) end

--- Mean over all spatial dimensions, which stay with size 1.
---@return scion.Tensor y
function Tensor:global_avg_pool() end

--- Maximum over all spatial dimensions, which stay with size 1.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.global_max_pool(x) end

--- Maximum over all spatial dimensions, which stay with size 1.
---@return scion.Tensor y
function Tensor:global_max_pool() end

--- Gated linear unit: first half times sigmoid of the second.
---@param x scion.Tensor input
---@param dim? integer dimension that is halved (default -1)
---@return scion.Tensor y
function scion.glu(x, dim) end

--- Gated linear unit: first half times sigmoid of the second.
---@param dim? integer dimension that is halved (default -1)
---@return scion.Tensor y
function Tensor:glu(dim) end

--- x read at the positions of a grid, by torch's rules.
---@param x scion.Tensor (N, C, ...) with one to three sizes
---@param grid scion.Tensor (N, ..., k): the k coordinates of each output, last dimension of x first, -1 to 1 across it
---@param mode? "bilinear"|"nearest"|"bicubic" how neighbours are weighed; bilinear is linear in one or three dimensions, too (default bilinear)
---@param padding_mode? "zeros"|"border"|"reflection" what lies outside (default zeros)
---@param align_corners? boolean -1 and 1 are the centres of the corner elements; else their outer edges (default false)
---@return scion.Tensor y
function scion.grid_sample(x, grid, mode, padding_mode, align_corners) end

--- Normalises groups of channels of every item, then scales and shifts each channel.
---@param x scion.Tensor (N, C, ...)
---@param weight? scion.Tensor (C) scale; default 1
---@param bias? scion.Tensor (C) shift; default 0
---@param num_groups integer groups of channels (default 1)
---@param eps? number added to the variance (default 1e-05)
---@return scion.Tensor y
function scion.group_norm(x, weight, bias, num_groups, eps) end

--- Gated recurrent unit over a sequence (gates r, z, n).
---@param x scion.Tensor (T, N, C)
---@param h0? scion.Tensor (layers directions, N, H); default zeros
---@param weights scion.Tensor[] for every layer and direction: w_ih (gates H, C), w_hh (gates H, H), b_ih, b_hh (gates H)
---@param num_layers? integer stacked layers (default 1)
---@param bidirectional? boolean a second cell runs backwards; outputs are joined (default false)
---@param has_biases? boolean weights include b_ih and b_hh (default true)
---@param batch_first? boolean x and y are (N, T, ...) instead of (T, N, ...) (default false)
---@param dropout? number between layers, in training (default 0.0)
---@param training? boolean apply dropout (default false)
---@return scion.Tensor y, scion.Tensor h_n
function scion.gru(x, h0, weights, num_layers, bidirectional, has_biases, batch_first, dropout, training) end

--- Gated recurrent unit over a sequence (gates r, z, n).
---@param x scion.Tensor (T, N, C)
---@param h0? scion.Tensor (layers directions, N, H); default zeros
---@param weights scion.Tensor[] for every layer and direction: w_ih (gates H, C), w_hh (gates H, H), b_ih, b_hh (gates H)
---@param num_layers? integer stacked layers (default 1)
---@param bidirectional? boolean a second cell runs backwards; outputs are joined (default false)
---@param has_biases? boolean weights include b_ih and b_hh (default true)
---@param batch_first? boolean x and y are (N, T, ...) instead of (T, N, ...) (default false)
---@param dropout? number between layers, in training (default 0.0)
---@param training? boolean apply dropout (default false)
---@return scion.Tensor y, scion.Tensor h_n
function scion.gru(x, h0, weights, num_layers, bidirectional, has_biases, batch_first, dropout, training) end

--- One layer of gated recurrent units as first published (Cho et al. 2014): the reset gate acts on the state before its product.
---@param x scion.Tensor (T, N, C)
---@param h0? scion.Tensor (layers directions, N, H); default zeros
---@param weights scion.Tensor[] for every layer and direction: w_ih (gates H, C), w_hh (gates H, H), b_ih, b_hh (gates H)
---@param num_layers? integer stacked layers (default 1)
---@param bidirectional? boolean a second cell runs backwards; outputs are joined (default false)
---@param has_biases? boolean weights include b_ih and b_hh (default true)
---@param batch_first? boolean x and y are (N, T, ...) instead of (T, N, ...) (default false)
---@param dropout? number between layers, in training (default 0.0)
---@param training? boolean apply dropout (default false)
---@return scion.Tensor y, scion.Tensor h_n
function scion.gru_reset(x, h0, weights, num_layers, bidirectional, has_biases, batch_first, dropout, training) end

--- a > b, elementwise, as bool.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.gt(a, b) end

--- a > b, elementwise, as bool.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:gt(b) end

--- x outside -lambda .. lambda, 0 within.
---@param x scion.Tensor input
---@param lambda? number half-width of the zone that gives 0 (default 0.5)
---@return scion.Tensor y
function scion.hardshrink(x, lambda) end

--- x outside -lambda .. lambda, 0 within.
---@param lambda? number half-width of the zone that gives 0 (default 0.5)
---@return scion.Tensor y
function Tensor:hardshrink(lambda) end

--- x outside -lambda .. lambda, 0 within. In place: changes and returns the tensor.
---@param lambda? number half-width of the zone that gives 0 (default 0.5)
---@return scion.Tensor y
function Tensor:hardshrink_(lambda) end

--- clamp(x / 6 + 1 / 2, 0, 1).
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.hardsigmoid(x) end

--- clamp(x / 6 + 1 / 2, 0, 1).
---@return scion.Tensor y
function Tensor:hardsigmoid() end

--- clamp(x / 6 + 1 / 2, 0, 1). In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:hardsigmoid_() end

--- x hardsigmoid(x).
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.hardswish(x) end

--- x hardsigmoid(x).
---@return scion.Tensor y
function Tensor:hardswish() end

--- x hardsigmoid(x). In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:hardswish_() end

--- x limited to min_val .. max_val.
---@param x scion.Tensor input
---@param min_val? number lower bound (default -1.0)
---@param max_val? number upper bound (default 1.0)
---@return scion.Tensor y
function scion.hardtanh(x, min_val, max_val) end

--- x limited to min_val .. max_val.
---@param min_val? number lower bound (default -1.0)
---@param max_val? number upper bound (default 1.0)
---@return scion.Tensor y
function Tensor:hardtanh(min_val, max_val) end

--- x limited to min_val .. max_val. In place: changes and returns the tensor.
---@param min_val? number lower bound (default -1.0)
---@param max_val? number upper bound (default 1.0)
---@return scion.Tensor y
function Tensor:hardtanh_(min_val, max_val) end

--- input where target is 1, max(0, margin - input) where it is -1.
---@param input scion.Tensor scores or distances
---@param target scion.Tensor 1 or -1; same shape
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@param margin? number distance asked for (default 1.0)
---@return scion.Tensor loss
function scion.hinge_embedding_loss(input, target, reduction, margin) end

--- max(0, margin - target * input): the loss of support vector machines.
---@param input scion.Tensor scores or distances
---@param target scion.Tensor 1 or -1; same shape
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@param margin? number distance asked for (default 1.0)
---@return scion.Tensor loss
function scion.hinge_loss(input, target, reduction, margin) end

--- How many elements fall into each of `bins` equal intervals of min..max; others are left out.
---@param x scion.Tensor input
---@param bins? integer intervals (default 100)
---@param min? number lower end; min = max: the range of x (default 0.0)
---@param max? number upper end (default 0.0)
---@return scion.Tensor y
function scion.histc(x, bins, min, max) end

--- How many elements fall into each of `bins` equal intervals of min..max; others are left out.
---@param bins? integer intervals (default 100)
---@param min? number lower end; min = max: the range of x (default 0.0)
---@param max? number upper end (default 0.0)
---@return scion.Tensor y
function Tensor:histc(bins, min, max) end

--- Quadratic below delta, linear beyond: d^2 / 2, delta (|d| - delta / 2).
---@param input scion.Tensor predictions
---@param target scion.Tensor what they should be; same shape
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@param delta? number difference at which the square becomes a line (default 1.0)
---@return scion.Tensor loss
function scion.huber_loss(input, target, reduction, delta) end

--- sqrt(a^2 + b^2) without overflow.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.hypot(a, b) end

--- sqrt(a^2 + b^2) without overflow.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:hypot(b) end

--- sqrt(a^2 + b^2) without overflow. In place: changes and returns the tensor.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:hypot_(b) end

--- x with alpha * the slices of src added to those that ids name.
---@param x scion.Tensor input
---@param ids scion.Tensor (n): ids along dim
---@param src scion.Tensor x's shape with n along dim
---@param dim integer along which ids choose (default 0)
---@param alpha? number factor of src (default 1.0)
---@return scion.Tensor y
function scion.index_add(x, ids, src, dim, alpha) end

--- x with alpha * the slices of src added to those that ids name.
---@param ids scion.Tensor (n): ids along dim
---@param src scion.Tensor x's shape with n along dim
---@param dim integer along which ids choose (default 0)
---@param alpha? number factor of src (default 1.0)
---@return scion.Tensor y
function Tensor:index_add(ids, src, dim, alpha) end

--- x with alpha * the slices of src added to those that ids name. In place: changes and returns the tensor.
---@param ids scion.Tensor (n): ids along dim
---@param src scion.Tensor x's shape with n along dim
---@param dim integer along which ids choose (default 0)
---@param alpha? number factor of src (default 1.0)
---@return scion.Tensor y
function Tensor:index_add_(ids, src, dim, alpha) end

--- x with the slices that ids name replaced by those of src. Of equal ids the last wins.
---@param x scion.Tensor input
---@param ids scion.Tensor (n): ids along dim
---@param src scion.Tensor x's shape with n along dim
---@param dim integer along which ids choose (default 0)
---@return scion.Tensor y
function scion.index_copy(x, ids, src, dim) end

--- x with the slices that ids name replaced by those of src. Of equal ids the last wins.
---@param ids scion.Tensor (n): ids along dim
---@param src scion.Tensor x's shape with n along dim
---@param dim integer along which ids choose (default 0)
---@return scion.Tensor y
function Tensor:index_copy(ids, src, dim) end

--- x with the slices that ids name replaced by those of src. Of equal ids the last wins. In place: changes and returns the tensor.
---@param ids scion.Tensor (n): ids along dim
---@param src scion.Tensor x's shape with n along dim
---@param dim integer along which ids choose (default 0)
---@return scion.Tensor y
function Tensor:index_copy_(ids, src, dim) end

--- x with the slices that ids name filled with a number.
---@param x scion.Tensor input
---@param ids scion.Tensor (n): ids along dim
---@param value scion.Tensor|number a number
---@param dim integer along which ids choose (default 0)
---@return scion.Tensor y
function scion.index_fill(x, ids, value, dim) end

--- x with the slices that ids name filled with a number.
---@param ids scion.Tensor (n): ids along dim
---@param value scion.Tensor|number a number
---@param dim integer along which ids choose (default 0)
---@return scion.Tensor y
function Tensor:index_fill(ids, value, dim) end

--- x with the slices that ids name filled with a number. In place: changes and returns the tensor.
---@param ids scion.Tensor (n): ids along dim
---@param value scion.Tensor|number a number
---@param dim integer along which ids choose (default 0)
---@return scion.Tensor y
function Tensor:index_fill_(ids, value, dim) end

--- Slices by id along a dimension, in the order of the ids.
---@param x scion.Tensor input
---@param ids scion.Tensor (n): ids along dim
---@param dim integer along which ids choose (default 0)
---@return scion.Tensor y
function scion.index_select(x, ids, dim) end

--- Slices by id along a dimension, in the order of the ids.
---@param ids scion.Tensor (n): ids along dim
---@param dim integer along which ids choose (default 0)
---@return scion.Tensor y
function Tensor:index_select(ids, dim) end

--- Scalar products over the last dimensions.
---@param a scion.Tensor left
---@param b scion.Tensor right
---@return scion.Tensor y
function scion.inner(a, b) end

--- Scalar products over the last dimensions.
---@param b scion.Tensor right
---@return scion.Tensor y
function Tensor:inner(b) end

--- Normalises every channel of every item by its own statistics. With running ones, use batch_norm.
---@param x scion.Tensor (N, C, ...)
---@param weight? scion.Tensor (C) scale; default 1
---@param bias? scion.Tensor (C) shift; default 0
---@param eps? number added to the variance (default 1e-05)
---@return scion.Tensor y
function scion.instance_norm(x, weight, bias, eps) end

--- Resizes the spatial dimensions of (N, C, ...) by nearest, linear, cubic or area interpolation.
---@param x scion.Tensor input
---@param size? integer|integer[] of the spatial dimensions, or one for all
---@param mode? "nearest"|"nearest_exact"|"linear"|"bilinear"|"trilinear"|"bicubic"|"cubic"|"area" kind of interpolation; area averages (default nearest)
---@param scale_factor? number output size over input size, when `size` is not given (default 0.0)
---@param align_corners? boolean corner elements keep their values (default false)
---@param antialias? boolean when shrinking, average over all input elements (default false)
---@param coordinates? "default"|"half_pixel"|"pytorch_half_pixel"|"asymmetric"|"align_corners"|"half_pixel_symmetric"|"tf_crop_and_resize" position rule of ONNX's Resize; default: align_corners, or asymmetric for nearest and half_pixel else (default default)
---@param nearest_mode? "default"|"floor"|"ceil"|"round_prefer_floor"|"round_prefer_ceil" rounding rule of ONNX's Resize; default: floor, or round_prefer_ceil for nearest_exact (default default)
---@param cubic_a? number parameter of the cubic kernel (default -0.75)
---@param exclude_outside? boolean taps outside the input get no weight (default false)
---@param from? number start of what tf_crop_and_resize takes, as a part of the size (default 0.0)
---@param to? number its end (default 1.0)
---@param outside? number value outside the input, for tf_crop_and_resize (default 0.0)
---@return scion.Tensor y
function scion.interpolate(x, size, mode, scale_factor, align_corners, antialias, coordinates, nearest_mode, cubic_a, exclude_outside, from, to, outside) end

--- Inverse of square matrices. To solve a system, use solve.
---@param a scion.Tensor (..., N, N)
---@return scion.Tensor y
function scion.inv(a) end

--- Inverse of square matrices. To solve a system, use solve.
---@return scion.Tensor y
function Tensor:inv() end

--- |a - b| <= atol + rtol |b|: bool.
---@param a scion.Tensor input
---@param b scion.Tensor broadcasts with a
---@param rtol? number of |b| (default 1e-05)
---@param atol? number absolute (default 1e-08)
---@param equal_nan? boolean NaN is close to NaN (default false)
---@return scion.Tensor y
function scion.isclose(a, b, rtol, atol, equal_nan) end

--- |a - b| <= atol + rtol |b|: bool.
---@param b scion.Tensor broadcasts with a
---@param rtol? number of |b| (default 1e-05)
---@param atol? number absolute (default 1e-08)
---@param equal_nan? boolean NaN is close to NaN (default false)
---@return scion.Tensor y
function Tensor:isclose(b, rtol, atol, equal_nan) end

--- Where x is neither NaN nor infinite, as bool.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.isfinite(x) end

--- Where x is neither NaN nor infinite, as bool.
---@return scion.Tensor y
function Tensor:isfinite() end

--- Whether each element of x is among values: bool.
---@param x scion.Tensor input
---@param values scion.Tensor any shape
---@return scion.Tensor y
function scion.isin(x, values) end

--- Whether each element of x is among values: bool.
---@param values scion.Tensor any shape
---@return scion.Tensor y
function Tensor:isin(values) end

--- Where x is infinite, as bool.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.isinf(x) end

--- Where x is infinite, as bool.
---@return scion.Tensor y
function Tensor:isinf() end

--- Where x is NaN, as bool.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.isnan(x) end

--- Where x is NaN, as bool.
---@return scion.Tensor y
function Tensor:isnan() end

--- Kullback-Leibler divergence: target (log target - input), input in logarithms.
---@param input scion.Tensor log-probabilities
---@param target scion.Tensor probabilities; same shape
---@param reduction? "none"|"mean"|"sum"|"batchmean" "none", "mean" (over elements), "sum", or "batchmean" (sum / N: the divergence itself) (default mean)
---@param log_target? boolean target holds logarithms too (default false)
---@return scion.Tensor loss
function scion.kl_div(input, target, reduction, log_target) end

--- Kronecker product.
---@param a scion.Tensor left
---@param b scion.Tensor right
---@return scion.Tensor y
function scion.kron(a, b) end

--- Kronecker product.
---@param b scion.Tensor right
---@return scion.Tensor y
function Tensor:kron(b) end

--- The k-th smallest along a dimension, and where it stands.
---@param x scion.Tensor input
---@param k integer 1 is the smallest (default 0)
---@param dim? integer dimension, default the last (default -1)
---@param keepdim? boolean keep the dimension with size 1 (default false)
---@return scion.Tensor values, scion.Tensor indices
function scion.kthvalue(x, k, dim, keepdim) end

--- The k-th smallest along a dimension, and where it stands.
---@param k integer 1 is the smallest (default 0)
---@param dim? integer dimension, default the last (default -1)
---@param keepdim? boolean keep the dimension with size 1 (default false)
---@return scion.Tensor values, scion.Tensor indices
function Tensor:kthvalue(k, dim, keepdim) end

--- Absolute difference.
---@param input scion.Tensor predictions
---@param target scion.Tensor what they should be; same shape
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@return scion.Tensor loss
function scion.l1_loss(input, target, reduction) end

--- Normalises the trailing dimensions of every item: (x - mean) / sqrt(var + eps) * weight + bias.
---@param x scion.Tensor (..., D)
---@param weight? scion.Tensor (D) scale; default 1
---@param bias? scion.Tensor (D) shift; default 0
---@param normalized_shape? integer|integer[] trailing dimensions that are normalised together; default those of weight, else the last
---@param eps? number added to the variance (default 1e-05)
---@return scion.Tensor y
function scion.layer_norm(x, weight, bias, normalized_shape, eps) end

--- a <= b, elementwise, as bool.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.le(a, b) end

--- a <= b, elementwise, as bool.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:le(b) end

--- x above 0, negative_slope x below.
---@param x scion.Tensor input
---@param negative_slope? number slope below 0 (default 0.01)
---@return scion.Tensor y
function scion.leaky_relu(x, negative_slope) end

--- x above 0, negative_slope x below.
---@param negative_slope? number slope below 0 (default 0.01)
---@return scion.Tensor y
function Tensor:leaky_relu(negative_slope) end

--- x above 0, negative_slope x below. In place: changes and returns the tensor.
---@param negative_slope? number slope below 0 (default 0.01)
---@return scion.Tensor y
function Tensor:leaky_relu_(negative_slope) end

--- a + weight * (b - a).
---@param a scion.Tensor start
---@param b scion.Tensor|number end
---@param weight scion.Tensor|number 0 gives a, 1 gives b
---@return scion.Tensor y
function scion.lerp(a, b, weight) end

--- a + weight * (b - a).
---@param b scion.Tensor|number end
---@param weight scion.Tensor|number 0 gives a, 1 gives b
---@return scion.Tensor y
function Tensor:lerp(b, weight) end

--- a + weight * (b - a). In place: changes and returns the tensor.
---@param b scion.Tensor|number end
---@param weight scion.Tensor|number 0 gives a, 1 gives b
---@return scion.Tensor y
function Tensor:lerp_(b, weight) end

--- log |gamma(x)|.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.lgamma(x) end

--- log |gamma(x)|.
---@return scion.Tensor y
function Tensor:lgamma() end

--- log |gamma(x)|. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:lgamma_() end

--- x weight' + bias: (..., out). With (tasks, out, in) weights the items of x are split into that many equal runs, each with its own matrix.
---@param x scion.Tensor (..., in)
---@param weight scion.Tensor (out, in), or (tasks, out, in)
---@param bias? scion.Tensor (out), or (tasks, out)
---@return scion.Tensor y
function scion.linear(x, weight, bias) end

--- What linear's gradient gives its weight and bias: dy' x, and the sum of dy over items.
---@param dy scion.Tensor (..., out)
---@param x scion.Tensor (..., in)
---@param tasks? integer tasks among which the items are divided; 0: a weight without that dimension (default 0)
---@return scion.Tensor dweight, scion.Tensor dbias
function scion.linear_grad(dy, x, tasks) end

--- The recurrence y[k] = b[k] + a[k] y[k-1] along a dimension, starting from 0.
---@param a scion.Tensor factors
---@param b scion.Tensor additions
---@param dim integer dimension (default 0)
---@param reverse? boolean from the end (default false)
---@return scion.Tensor y
function scion.linear_scan(a, b, dim, reverse) end

--- `steps` evenly spaced numbers from start to stop, both included.
---@param start number first (default 0.0)
---@param stop number last (default 0.0)
---@param steps integer how many (default 0)
---@param dtype? scion.dtype default f32
---@return scion.Tensor y
function scion.linspace(start, stop, steps, dtype) end

--- x / (k + alpha * mean of x^2 over neighbouring channels)^beta.
---@param x scion.Tensor input
---@param size integer neighbouring channels that count (default 5)
---@param alpha? number weight of the mean square (default 0.0001)
---@param beta? number exponent (default 0.75)
---@param k? number added before the exponent (default 1.0)
---@return scion.Tensor y
function scion.local_response_norm(x, size, alpha, beta, k) end

--- Natural logarithm.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.log(x) end

--- Natural logarithm.
---@return scion.Tensor y
function Tensor:log() end

--- Natural logarithm. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:log_() end

--- Logarithm to base 10.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.log10(x) end

--- Logarithm to base 10.
---@return scion.Tensor y
function Tensor:log10() end

--- Logarithm to base 10. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:log10_() end

--- log(1 + x), exact near 0.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.log1p(x) end

--- log(1 + x), exact near 0.
---@return scion.Tensor y
function Tensor:log1p() end

--- log(1 + x), exact near 0. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:log1p_() end

--- Logarithm to base 2.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.log2(x) end

--- Logarithm to base 2.
---@return scion.Tensor y
function Tensor:log2() end

--- Logarithm to base 2. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:log2_() end

--- log(phi(z) + z Phi(z)): the logarithm of the expected improvement in units of the deviation, z = (best - mean) / deviation; exact far below 0.
---@param x scion.Tensor input
---@param slope? boolean the derivative instead (default false)
---@return scion.Tensor y
function scion.log_expected_improvement(x, slope) end

--- log(phi(z) + z Phi(z)): the logarithm of the expected improvement in units of the deviation, z = (best - mean) / deviation; exact far below 0.
---@param slope? boolean the derivative instead (default false)
---@return scion.Tensor y
function Tensor:log_expected_improvement(slope) end

--- Numbers whose logarithm is normal, in the shape of x.
---@param x scion.Tensor input
---@param mean? number mean (default 1.0)
---@param std? number standard deviation (default 2.0)
---@return scion.Tensor y
function scion.log_normal(x, mean, std) end

--- Numbers whose logarithm is normal, in the shape of x.
---@param mean? number mean (default 1.0)
---@param std? number standard deviation (default 2.0)
---@return scion.Tensor y
function Tensor:log_normal(mean, std) end

--- Numbers whose logarithm is normal, in the shape of x. In place: changes and returns the tensor.
---@param mean? number mean (default 1.0)
---@param std? number standard deviation (default 2.0)
---@return scion.Tensor y
function Tensor:log_normal_(mean, std) end

--- log(softmax(x)) along a dimension, exact for large differences.
---@param x scion.Tensor input
---@param dim? integer dimension that sums to one; default the last (default -1)
---@return scion.Tensor y
function scion.log_softmax(x, dim) end

--- log(softmax(x)) along a dimension, exact for large differences.
---@param dim? integer dimension that sums to one; default the last (default -1)
---@return scion.Tensor y
function Tensor:log_softmax(dim) end

--- log(e^a + e^b) without overflow, elementwise with broadcasting.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.logaddexp(a, b) end

--- log(e^a + e^b) without overflow, elementwise with broadcasting.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:logaddexp(b) end

--- Logarithm of the running sum of e^x along a dimension, without overflow.
---@param x scion.Tensor input
---@param dim integer dimension (default 0)
---@param reverse? boolean from the end (default false)
---@return scion.Tensor y
function scion.logcumsumexp(x, dim, reverse) end

--- Logarithm of the running sum of e^x along a dimension, without overflow.
---@param dim integer dimension (default 0)
---@param reverse? boolean from the end (default false)
---@return scion.Tensor y
function Tensor:logcumsumexp(dim, reverse) end

--- Logarithm of determinants; NaN where negative.
---@param a scion.Tensor (..., N, N)
---@return scion.Tensor y
function scion.logdet(a) end

--- Logarithm of determinants; NaN where negative.
---@return scion.Tensor y
function Tensor:logdet() end

--- a and b, elementwise, as bool; nonzero is true.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.logical_and(a, b) end

--- a and b, elementwise, as bool; nonzero is true.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:logical_and(b) end

--- x == 0, as bool.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.logical_not(x) end

--- x == 0, as bool.
---@return scion.Tensor y
function Tensor:logical_not() end

--- a or b, elementwise, as bool; nonzero is true.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.logical_or(a, b) end

--- a or b, elementwise, as bool; nonzero is true.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:logical_or(b) end

--- Exactly one of a and b is nonzero, elementwise, as bool.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.logical_xor(a, b) end

--- Exactly one of a and b is nonzero, elementwise, as bool.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:logical_xor(b) end

--- log(x / (1 - x)), the inverse of sigmoid; NaN outside 0 .. 1.
---@param x scion.Tensor input
---@param eps? number x is first limited to eps .. 1 - eps; 0: not (default 0.0)
---@return scion.Tensor y
function scion.logit(x, eps) end

--- log(x / (1 - x)), the inverse of sigmoid; NaN outside 0 .. 1.
---@param eps? number x is first limited to eps .. 1 - eps; 0: not (default 0.0)
---@return scion.Tensor y
function Tensor:logit(eps) end

--- log(sigmoid(x)), exact for large negative x.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.logsigmoid(x) end

--- log(sigmoid(x)), exact for large negative x.
---@return scion.Tensor y
function Tensor:logsigmoid() end

--- log(sigmoid(x)), exact for large negative x. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:logsigmoid_() end

--- base to the power of evenly spaced numbers from start to stop.
---@param start number first (default 0.0)
---@param stop number last (default 0.0)
---@param steps integer how many (default 0)
---@param base? number of the powers (default 10.0)
---@param dtype? scion.dtype default f32
---@return scion.Tensor y
function scion.logspace(start, stop, steps, base, dtype) end

--- log(sum(exp(x))) over dimensions, default all, without overflow.
---@param x scion.Tensor input
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function scion.logsumexp(x, dim, keepdim) end

--- log(sum(exp(x))) over dimensions, default all, without overflow.
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function Tensor:logsumexp(dim, keepdim) end

--- 1-d power pooling: (sum of |x|^p)^(1/p).
---@param x scion.Tensor input
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@param p? number the power (default 2.0)
---@return scion.Tensor y
function scion.lp_pool1d(x, kernel, stride, padding, ceil_mode, p) end

--- 1-d power pooling: (sum of |x|^p)^(1/p).
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@param p? number the power (default 2.0)
---@return scion.Tensor y
function Tensor:lp_pool1d(kernel, stride, padding, ceil_mode, p) end

--- 2-d power pooling: (sum of |x|^p)^(1/p).
---@param x scion.Tensor input
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@param p? number the power (default 2.0)
---@return scion.Tensor y
function scion.lp_pool2d(x, kernel, stride, padding, ceil_mode, p) end

--- 2-d power pooling: (sum of |x|^p)^(1/p).
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@param p? number the power (default 2.0)
---@return scion.Tensor y
function Tensor:lp_pool2d(kernel, stride, padding, ceil_mode, p) end

--- 3-d power pooling: (sum of |x|^p)^(1/p).
---@param x scion.Tensor input
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@param p? number the power (default 2.0)
---@return scion.Tensor y
function scion.lp_pool3d(x, kernel, stride, padding, ceil_mode, p) end

--- 3-d power pooling: (sum of |x|^p)^(1/p).
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@param p? number the power (default 2.0)
---@return scion.Tensor y
function Tensor:lp_pool3d(kernel, stride, padding, ceil_mode, p) end

--- Long short-term memory over a sequence (gates i, f, g, o).
---@param x scion.Tensor (T, N, C)
---@param h0? scion.Tensor (layers directions, N, H); default zeros
---@param c0? scion.Tensor (layers directions, N, H); default zeros
---@param weights scion.Tensor[] for every layer and direction: w_ih (gates H, C), w_hh (gates H, H), b_ih, b_hh (gates H)
---@param num_layers? integer stacked layers (default 1)
---@param bidirectional? boolean a second cell runs backwards; outputs are joined (default false)
---@param has_biases? boolean weights include b_ih and b_hh (default true)
---@param batch_first? boolean x and y are (N, T, ...) instead of (T, N, ...) (default false)
---@param dropout? number between layers, in training (default 0.0)
---@param training? boolean apply dropout (default false)
---@return scion.Tensor y, scion.Tensor h_n, scion.Tensor c_n
function scion.lstm(x, h0, c0, weights, num_layers, bidirectional, has_biases, batch_first, dropout, training) end

--- Long short-term memory over a sequence (gates i, f, g, o).
---@param x scion.Tensor (T, N, C)
---@param h0? scion.Tensor (layers directions, N, H); default zeros
---@param c0? scion.Tensor (layers directions, N, H); default zeros
---@param weights scion.Tensor[] for every layer and direction: w_ih (gates H, C), w_hh (gates H, H), b_ih, b_hh (gates H)
---@param num_layers? integer stacked layers (default 1)
---@param bidirectional? boolean a second cell runs backwards; outputs are joined (default false)
---@param has_biases? boolean weights include b_ih and b_hh (default true)
---@param batch_first? boolean x and y are (N, T, ...) instead of (T, N, ...) (default false)
---@param dropout? number between layers, in training (default 0.0)
---@param training? boolean apply dropout (default false)
---@return scion.Tensor y, scion.Tensor h_n, scion.Tensor c_n
function scion.lstm(x, h0, c0, weights, num_layers, bidirectional, has_biases, batch_first, dropout, training) end

--- x that minimises |a x - b|; the shortest one where there are many.
---@param a scion.Tensor (..., M, N)
---@param b scion.Tensor (..., M, K), or a vector (M)
---@param rtol? number singular values up to rtol times the largest count as 0; default max(M, N) times the type's precision (default -1.0)
---@return scion.Tensor y
function scion.lstsq(a, b, rtol) end

--- x that minimises |a x - b|; the shortest one where there are many.
---@param b scion.Tensor (..., M, K), or a vector (M)
---@param rtol? number singular values up to rtol times the largest count as 0; default max(M, N) times the type's precision (default -1.0)
---@return scion.Tensor y
function Tensor:lstsq(b, rtol) end

--- a < b, elementwise, as bool.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.lt(a, b) end

--- a < b, elementwise, as bool.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:lt(b) end

--- max(0, margin - target * (input1 - input2)).
---@param input1 scion.Tensor scores
---@param input2 scion.Tensor scores; same shape
---@param target scion.Tensor 1: input1 shall rank higher, -1: input2
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@param margin? number distance asked for (default 0.0)
---@return scion.Tensor loss
function scion.margin_ranking_loss(input1, input2, target, reduction, margin) end

--- x with a number where the mask is true.
---@param x scion.Tensor input
---@param mask scion.Tensor bool, broadcasts with x
---@param value scion.Tensor|number a number
---@return scion.Tensor y
function scion.masked_fill(x, mask, value) end

--- x with a number where the mask is true.
---@param mask scion.Tensor bool, broadcasts with x
---@param value scion.Tensor|number a number
---@return scion.Tensor y
function Tensor:masked_fill(mask, value) end

--- x with a number where the mask is true. In place: changes and returns the tensor.
---@param mask scion.Tensor bool, broadcasts with x
---@param value scion.Tensor|number a number
---@return scion.Tensor y
function Tensor:masked_fill_(mask, value) end

--- x with the elements where the mask is true replaced by those of source, in row-major order.
---@param x scion.Tensor input
---@param mask scion.Tensor bool, broadcasts to x
---@param source scion.Tensor at least as many elements as the mask has true ones
---@return scion.Tensor y
function scion.masked_scatter(x, mask, source) end

--- x with the elements where the mask is true replaced by those of source, in row-major order.
---@param mask scion.Tensor bool, broadcasts to x
---@param source scion.Tensor at least as many elements as the mask has true ones
---@return scion.Tensor y
function Tensor:masked_scatter(mask, source) end

--- x with the elements where the mask is true replaced by those of source, in row-major order. In place: changes and returns the tensor.
---@param mask scion.Tensor bool, broadcasts to x
---@param source scion.Tensor at least as many elements as the mask has true ones
---@return scion.Tensor y
function Tensor:masked_scatter_(mask, source) end

--- The elements where the mask is true, in row-major order: (n).
---@param x scion.Tensor input
---@param mask scion.Tensor bool, broadcasts with x
---@return scion.Tensor y
function scion.masked_select(x, mask) end

--- The elements where the mask is true, in row-major order: (n).
---@param mask scion.Tensor bool, broadcasts with x
---@return scion.Tensor y
function Tensor:masked_select(mask) end

--- Matrix product by NumPy's rules: the last two dimensions multiply, the others broadcast; 1-d operands are a row (left) or a column (right).
---@param a scion.Tensor (..., m, k) or (k)
---@param b scion.Tensor (..., k, n) or (k)
---@return scion.Tensor y
function scion.matmul(a, b) end

--- Matrix product by NumPy's rules: the last two dimensions multiply, the others broadcast; 1-d operands are a row (left) or a column (right).
---@param b scion.Tensor (..., k, n) or (k)
---@return scion.Tensor y
function Tensor:matmul(b) end

--- Norm of matrices: Frobenius by default.
---@param a scion.Tensor (..., M, N)
---@param ord? "fro"|"nuc"|"1"|"-1"|"2"|"-2"|"inf"|"-inf" "fro", "nuc" (sum of singular values), "2", "-2" (largest, smallest one), "1", "-1" (column sums), "inf", "-inf" (row sums) (default fro)
---@param keepdim? boolean keep the two dimensions as 1 (default false)
---@return scion.Tensor y
function scion.matrix_norm(a, ord, keepdim) end

--- Norm of matrices: Frobenius by default.
---@param ord? "fro"|"nuc"|"1"|"-1"|"2"|"-2"|"inf"|"-inf" "fro", "nuc" (sum of singular values), "2", "-2" (largest, smallest one), "1", "-1" (column sums), "inf", "-inf" (row sums) (default fro)
---@param keepdim? boolean keep the two dimensions as 1 (default false)
---@return scion.Tensor y
function Tensor:matrix_norm(ord, keepdim) end

--- A square matrix multiplied by itself n times.
---@param x scion.Tensor input
---@param n integer negative: of the inverse (default 0)
---@return scion.Tensor y
function scion.matrix_power(x, n) end

--- A square matrix multiplied by itself n times.
---@param n integer negative: of the inverse (default 0)
---@return scion.Tensor y
function Tensor:matrix_power(n) end

--- Number of singular values that are not negligible, as i64.
---@param a scion.Tensor (..., M, N)
---@param rtol? number singular values up to rtol times the largest count as 0; default max(M, N) times the type's precision (default -1.0)
---@return scion.Tensor y
function scion.matrix_rank(a, rtol) end

--- Number of singular values that are not negligible, as i64.
---@param rtol? number singular values up to rtol times the largest count as 0; default max(M, N) times the type's precision (default -1.0)
---@return scion.Tensor y
function Tensor:matrix_rank(rtol) end

--- Largest element of all, or along dim: values and indices. max(a, b) of two tensors is maximum.
---@param x scion.Tensor input
---@param dim? integer dimension that goes; default all of x flattened
---@param keepdim? boolean keep it with size 1 (default false)
---@return scion.Tensor values, scion.Tensor indices
function scion.max(x, dim, keepdim) end

--- Largest element of all, or along dim: values and indices. max(a, b) of two tensors is maximum.
---@param dim? integer dimension that goes; default all of x flattened
---@param keepdim? boolean keep it with size 1 (default false)
---@return scion.Tensor values, scion.Tensor indices
function Tensor:max(dim, keepdim) end

--- 1-d max pooling.
---@param x scion.Tensor input
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param dilation? integer|integer[] distance of the window's taps; default 1 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@return scion.Tensor y
function scion.max_pool1d(x, kernel, stride, padding, dilation, ceil_mode) end

--- 1-d max pooling.
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param dilation? integer|integer[] distance of the window's taps; default 1 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@return scion.Tensor y
function Tensor:max_pool1d(kernel, stride, padding, dilation, ceil_mode) end

--- 1-d max pooling that also tells where the maxima were.
---@param x scion.Tensor input
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param dilation? integer|integer[] distance of the window's taps; default 1 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@return scion.Tensor y, scion.Tensor indices
function scion.max_pool1d_with_indices(x, kernel, stride, padding, dilation, ceil_mode) end

--- 1-d max pooling that also tells where the maxima were.
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param dilation? integer|integer[] distance of the window's taps; default 1 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@return scion.Tensor y, scion.Tensor indices
function Tensor:max_pool1d_with_indices(kernel, stride, padding, dilation, ceil_mode) end

--- 2-d max pooling.
---@param x scion.Tensor input
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param dilation? integer|integer[] distance of the window's taps; default 1 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@return scion.Tensor y
function scion.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode) end

--- 2-d max pooling.
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param dilation? integer|integer[] distance of the window's taps; default 1 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@return scion.Tensor y
function Tensor:max_pool2d(kernel, stride, padding, dilation, ceil_mode) end

--- 2-d max pooling that also tells where the maxima were.
---@param x scion.Tensor input
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param dilation? integer|integer[] distance of the window's taps; default 1 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@return scion.Tensor y, scion.Tensor indices
function scion.max_pool2d_with_indices(x, kernel, stride, padding, dilation, ceil_mode) end

--- 2-d max pooling that also tells where the maxima were.
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param dilation? integer|integer[] distance of the window's taps; default 1 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@return scion.Tensor y, scion.Tensor indices
function Tensor:max_pool2d_with_indices(kernel, stride, padding, dilation, ceil_mode) end

--- 3-d max pooling.
---@param x scion.Tensor input
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param dilation? integer|integer[] distance of the window's taps; default 1 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@return scion.Tensor y
function scion.max_pool3d(x, kernel, stride, padding, dilation, ceil_mode) end

--- 3-d max pooling.
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param dilation? integer|integer[] distance of the window's taps; default 1 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@return scion.Tensor y
function Tensor:max_pool3d(kernel, stride, padding, dilation, ceil_mode) end

--- 3-d max pooling that also tells where the maxima were.
---@param x scion.Tensor input
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param dilation? integer|integer[] distance of the window's taps; default 1 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@return scion.Tensor y, scion.Tensor indices
function scion.max_pool3d_with_indices(x, kernel, stride, padding, dilation, ceil_mode) end

--- 3-d max pooling that also tells where the maxima were.
---@param kernel integer|integer[] size of the window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding: one number, one per dimension, or all leading then all trailing ones; default 0 (default { })
---@param dilation? integer|integer[] distance of the window's taps; default 1 (default { })
---@param ceil_mode? boolean round the output's size up: the last window may hang over (default false)
---@return scion.Tensor y, scion.Tensor indices
function Tensor:max_pool3d_with_indices(kernel, stride, padding, dilation, ceil_mode) end

--- Undoes max_pool1d_with_indices: each value at its position of the plane, zeros elsewhere. Of values with one position the last stays.
---@param x scion.Tensor maxima (N, C, ...)
---@param indices scion.Tensor their positions in the plane, of x's shape
---@param kernel integer|integer[] size of the pooling window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding of the pooling: one number or one per dimension; default 0 (default { })
---@param output_size? integer|integer[] spatial size of the result; default (size - 1) stride - 2 padding + kernel (default { })
---@return scion.Tensor y
function scion.max_unpool1d(x, indices, kernel, stride, padding, output_size) end

--- Undoes max_pool1d_with_indices: each value at its position of the plane, zeros elsewhere. Of values with one position the last stays.
---@param indices scion.Tensor their positions in the plane, of x's shape
---@param kernel integer|integer[] size of the pooling window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding of the pooling: one number or one per dimension; default 0 (default { })
---@param output_size? integer|integer[] spatial size of the result; default (size - 1) stride - 2 padding + kernel (default { })
---@return scion.Tensor y
function Tensor:max_unpool1d(indices, kernel, stride, padding, output_size) end

--- Undoes max_pool2d_with_indices: each value at its position of the plane, zeros elsewhere. Of values with one position the last stays.
---@param x scion.Tensor maxima (N, C, ...)
---@param indices scion.Tensor their positions in the plane, of x's shape
---@param kernel integer|integer[] size of the pooling window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding of the pooling: one number or one per dimension; default 0 (default { })
---@param output_size? integer|integer[] spatial size of the result; default (size - 1) stride - 2 padding + kernel (default { })
---@return scion.Tensor y
function scion.max_unpool2d(x, indices, kernel, stride, padding, output_size) end

--- Undoes max_pool2d_with_indices: each value at its position of the plane, zeros elsewhere. Of values with one position the last stays.
---@param indices scion.Tensor their positions in the plane, of x's shape
---@param kernel integer|integer[] size of the pooling window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding of the pooling: one number or one per dimension; default 0 (default { })
---@param output_size? integer|integer[] spatial size of the result; default (size - 1) stride - 2 padding + kernel (default { })
---@return scion.Tensor y
function Tensor:max_unpool2d(indices, kernel, stride, padding, output_size) end

--- Undoes max_pool3d_with_indices: each value at its position of the plane, zeros elsewhere. Of values with one position the last stays.
---@param x scion.Tensor maxima (N, C, ...)
---@param indices scion.Tensor their positions in the plane, of x's shape
---@param kernel integer|integer[] size of the pooling window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding of the pooling: one number or one per dimension; default 0 (default { })
---@param output_size? integer|integer[] spatial size of the result; default (size - 1) stride - 2 padding + kernel (default { })
---@return scion.Tensor y
function scion.max_unpool3d(x, indices, kernel, stride, padding, output_size) end

--- Undoes max_pool3d_with_indices: each value at its position of the plane, zeros elsewhere. Of values with one position the last stays.
---@param indices scion.Tensor their positions in the plane, of x's shape
---@param kernel integer|integer[] size of the pooling window: one number or one per dimension (default { })
---@param stride? integer|integer[] step of the window; default: its size (default { })
---@param padding? integer|integer[] padding of the pooling: one number or one per dimension; default 0 (default { })
---@param output_size? integer|integer[] spatial size of the result; default (size - 1) stride - 2 padding + kernel (default { })
---@return scion.Tensor y
function Tensor:max_unpool3d(indices, kernel, stride, padding, output_size) end

--- The larger of a and b, elementwise; NaN if either is NaN.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.maximum(a, b) end

--- The larger of a and b, elementwise; NaN if either is NaN.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:maximum(b) end

--- The larger of a and b, elementwise; NaN if either is NaN. In place: changes and returns the tensor.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:maximum_(b) end

--- Mean over dimensions, default all; NaN of nothing.
---@param x scion.Tensor input
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function scion.mean(x, dim, keepdim) end

--- Mean over dimensions, default all; NaN of nothing.
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function Tensor:mean(dim, keepdim) end

--- Middle element (the lower of two) of all, or along dim: values and indices. NaN if there is one.
---@param x scion.Tensor input
---@param dim? integer dimension, default all
---@param keepdim? boolean keep the dimension with size 1 (default false)
---@return scion.Tensor values, scion.Tensor indices
function scion.median(x, dim, keepdim) end

--- Middle element (the lower of two) of all, or along dim: values and indices. NaN if there is one.
---@param dim? integer dimension, default all
---@param keepdim? boolean keep the dimension with size 1 (default false)
---@return scion.Tensor values, scion.Tensor indices
function Tensor:median(dim, keepdim) end

--- Smallest element of all, or along dim: values and indices. min(a, b) of two tensors is minimum.
---@param x scion.Tensor input
---@param dim? integer dimension that goes; default all of x flattened
---@param keepdim? boolean keep it with size 1 (default false)
---@return scion.Tensor values, scion.Tensor indices
function scion.min(x, dim, keepdim) end

--- Smallest element of all, or along dim: values and indices. min(a, b) of two tensors is minimum.
---@param dim? integer dimension that goes; default all of x flattened
---@param keepdim? boolean keep it with size 1 (default false)
---@return scion.Tensor values, scion.Tensor indices
function Tensor:min(dim, keepdim) end

--- The smaller of a and b, elementwise; NaN if either is NaN.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.minimum(a, b) end

--- The smaller of a and b, elementwise; NaN if either is NaN.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:minimum(b) end

--- The smaller of a and b, elementwise; NaN if either is NaN. In place: changes and returns the tensor.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:minimum_(b) end

--- x tanh(softplus(x)).
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.mish(x) end

--- x tanh(softplus(x)).
---@return scion.Tensor y
function Tensor:mish() end

--- x tanh(softplus(x)). In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:mish_() end

--- Product of two matrices: (n, k) (k, m).
---@param a scion.Tensor left
---@param b scion.Tensor right
---@return scion.Tensor y
function scion.mm(a, b) end

--- Product of two matrices: (n, k) (k, m).
---@param b scion.Tensor right
---@return scion.Tensor y
function Tensor:mm(b) end

--- The most frequent element along a dimension (the smallest of several), and where it last stands.
---@param x scion.Tensor input
---@param dim? integer dimension, default the last (default -1)
---@param keepdim? boolean keep the dimension with size 1 (default false)
---@return scion.Tensor values, scion.Tensor indices
function scion.mode(x, dim, keepdim) end

--- The most frequent element along a dimension (the smallest of several), and where it last stands.
---@param dim? integer dimension, default the last (default -1)
---@param keepdim? boolean keep the dimension with size 1 (default false)
---@return scion.Tensor values, scion.Tensor indices
function Tensor:mode(dim, keepdim) end

--- Dimensions moved to other places; the rest keep their order.
---@param x scion.Tensor input
---@param source integer|integer[] dimensions to move (default { })
---@param destination integer|integer[] where they go (default { })
---@return scion.Tensor y
function scion.movedim(x, source, destination) end

--- Dimensions moved to other places; the rest keep their order.
---@param source integer|integer[] dimensions to move (default { })
---@param destination integer|integer[] where they go (default { })
---@return scion.Tensor y
function Tensor:movedim(source, destination) end

--- Squared difference.
---@param input scion.Tensor predictions
---@param target scion.Tensor what they should be; same shape
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@return scion.Tensor loss
function scion.mse_loss(input, target, reduction) end

--- a * b, elementwise with broadcasting.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.mul(a, b) end

--- a * b, elementwise with broadcasting.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:mul(b) end

--- a * b, elementwise with broadcasting. In place: changes and returns the tensor.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:mul_(b) end

--- Attention of several heads between projections, with packed weights.
---@param query scion.Tensor (N, L, E)
---@param key scion.Tensor (N, S, E)
---@param value scion.Tensor (N, S, E)
---@param in_proj_weight scion.Tensor (3 E, E): of query, key and value
---@param in_proj_bias? scion.Tensor (3 E)
---@param out_proj_weight scion.Tensor (E, E)
---@param out_proj_bias? scion.Tensor (E)
---@param attn_mask? scion.Tensor (L, S) or (N heads, L, S): bool (true hides, as in PyTorch) or float (added)
---@param key_padding_mask? scion.Tensor (N, S) bool: true hides
---@param num_heads integer heads; they share E (default 1)
---@param dropout_p? number dropout of the attention weights (default 0.0)
---@param is_causal? boolean position i sees positions up to i (default false)
---@param training? boolean apply dropout (default false)
---@return scion.Tensor y, scion.Tensor weights
function scion.multi_head_attention(query, key, value, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias, attn_mask, key_padding_mask, num_heads, dropout_p, is_causal, training) end

--- Multi-class hinge loss: every other class shall stay `margin` below the right one.
---@param input scion.Tensor scores (N, C)
---@param target scion.Tensor class ids (N)
---@param weight? scion.Tensor (C): weight of each class, a constant
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@param margin? number how far ahead the right class shall be (default 1.0)
---@param p? integer power of the violation (default 1)
---@return scion.Tensor loss
function scion.multi_margin_loss(input, target, weight, reduction, margin, p) end

--- Binary cross entropy with logits, averaged over the classes of each item.
---@param input scion.Tensor scores (N, C)
---@param target scion.Tensor 0 .. 1 (N, C)
---@param weight? scion.Tensor (C): of each class
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@return scion.Tensor loss
function scion.multilabel_soft_margin_loss(input, target, weight, reduction) end

--- Matrix times vector: (n, k) (k).
---@param a scion.Tensor left
---@param b scion.Tensor right
---@return scion.Tensor y
function scion.mv(a, b) end

--- Matrix times vector: (n, k) (k).
---@param b scion.Tensor right
---@return scion.Tensor y
function Tensor:mv(b) end

--- x with NaN and infinities replaced.
---@param x scion.Tensor input
---@param nan? number in place of NaN (default 0.0)
---@param posinf? number in place of inf; default the largest number of the dtype (default nan)
---@param neginf? number in place of -inf; default the smallest number of the dtype (default nan)
---@return scion.Tensor y
function scion.nan_to_num(x, nan, posinf, neginf) end

--- x with NaN and infinities replaced.
---@param nan? number in place of NaN (default 0.0)
---@param posinf? number in place of inf; default the largest number of the dtype (default nan)
---@param neginf? number in place of -inf; default the smallest number of the dtype (default nan)
---@return scion.Tensor y
function Tensor:nan_to_num(nan, posinf, neginf) end

--- x with NaN and infinities replaced. In place: changes and returns the tensor.
---@param nan? number in place of NaN (default 0.0)
---@param posinf? number in place of inf; default the largest number of the dtype (default nan)
---@param neginf? number in place of -inf; default the smallest number of the dtype (default nan)
---@return scion.Tensor y
function Tensor:nan_to_num_(nan, posinf, neginf) end

--- Mean over dimensions, default all, of what is not NaN.
---@param x scion.Tensor input
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function scion.nanmean(x, dim, keepdim) end

--- Mean over dimensions, default all, of what is not NaN.
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function Tensor:nanmean(dim, keepdim) end

--- Sum over dimensions, default all, NaN counting as 0.
---@param x scion.Tensor input
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function scion.nansum(x, dim, keepdim) end

--- Sum over dimensions, default all, NaN counting as 0.
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function Tensor:nansum(dim, keepdim) end

--- `length` positions of one dimension.
---@param x scion.Tensor input
---@param dim integer dimension (default 0)
---@param start integer first position (default 0)
---@param length integer how many (default 0)
---@return scion.Tensor y
function scion.narrow(x, dim, start, length) end

--- `length` positions of one dimension.
---@param dim integer dimension (default 0)
---@param start integer first position (default 0)
---@param length integer how many (default 0)
---@return scion.Tensor y
function Tensor:narrow(dim, start, length) end

--- a ~= b, elementwise, as bool.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.ne(a, b) end

--- a ~= b, elementwise, as bool.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:ne(b) end

--- -x.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.neg(x) end

--- -x.
---@return scion.Tensor y
function Tensor:neg() end

--- -x. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:neg_() end

--- Negative log-likelihood of class ids, from log-probabilities (log_softmax).
---@param input scion.Tensor log-probabilities: (N, C) or (N, C, d1, ...)
---@param target scion.Tensor class ids (N) or (N, d1, ...)
---@param weight? scion.Tensor (C): weight of each class, a constant
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@param ignore_index? integer id, as written in the target, that counts nothing (default -100)
---@return scion.Tensor loss
function scion.nll_loss(input, target, weight, reduction, ignore_index) end

--- The indices of the elements that are not zero: (n, dimensions), i64.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.nonzero(x) end

--- The indices of the elements that are not zero: (n, dimensions), i64.
---@return scion.Tensor y
function Tensor:nonzero() end

--- (sum |x|^p)^(1/p) over dimensions, default all.
---@param x scion.Tensor input
---@param p? number order: 0 counts nonzeros, inf and -inf are extremes (default 2.0)
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function scion.norm(x, p, dim, keepdim) end

--- (sum |x|^p)^(1/p) over dimensions, default all.
---@param p? number order: 0 counts nonzeros, inf and -inf are extremes (default 2.0)
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function Tensor:norm(p, dim, keepdim) end

--- Normal random numbers in the shape of x.
---@param x scion.Tensor input
---@param mean? number mean (default 0.0)
---@param std? number standard deviation (default 1.0)
---@return scion.Tensor y
function scion.normal(x, mean, std) end

--- Normal random numbers in the shape of x.
---@param mean? number mean (default 0.0)
---@param std? number standard deviation (default 1.0)
---@return scion.Tensor y
function Tensor:normal(mean, std) end

--- Normal random numbers in the shape of x. In place: changes and returns the tensor.
---@param mean? number mean (default 0.0)
---@param std? number standard deviation (default 1.0)
---@return scion.Tensor y
function Tensor:normal_(mean, std) end

--- log N(y | 0, covariance + noise I): the log evidence of a Gaussian process.
---@param y scion.Tensor (N)
---@param covariance scion.Tensor (N, N): its symmetric part is used
---@param noise scion.Tensor one number, added to the diagonal
---@return scion.Tensor y
function scion.normal_log_density(y, covariance, noise) end

--- log N(y | 0, covariance + noise I): the log evidence of a Gaussian process.
---@param covariance scion.Tensor (N, N): its symmetric part is used
---@param noise scion.Tensor one number, added to the diagonal
---@return scion.Tensor y
function Tensor:normal_log_density(covariance, noise) end

--- Vectors divided by their p-norm.
---@param x scion.Tensor input
---@param p? number order of the norm (default 2.0)
---@param dim? integer dimension of the vectors; default the second (default 1)
---@param eps? number smallest norm to divide by (default 1e-12)
---@return scion.Tensor y
function scion.normalize(x, p, dim, eps) end

--- Vectors divided by their p-norm.
---@param p? number order of the norm (default 2.0)
---@param dim? integer dimension of the vectors; default the second (default 1)
---@param eps? number smallest norm to divide by (default 1e-12)
---@return scion.Tensor y
function Tensor:normalize(p, dim, eps) end

--- A row of zeros with a 1 at the id, for every id: ids' shape + (num_classes), i64.
---@param ids scion.Tensor i32 or i64, any shape
---@param num_classes? integer default: the largest id (default -1)
---@return scion.Tensor y
function scion.one_hot(ids, num_classes) end

--- A row of zeros with a 1 at the id, for every id: ids' shape + (num_classes), i64.
---@param num_classes? integer default: the largest id (default -1)
---@return scion.Tensor y
function Tensor:one_hot(num_classes) end

--- Ones: scion.ones(2, 3).
---@param shape integer|integer[] sizes (default { })
---@param dtype? scion.dtype default f32
---@return scion.Tensor y
function scion.ones(shape, dtype) end

--- Ones in the shape of x.
---@param x scion.Tensor input
---@param dtype? scion.dtype default that of x
---@return scion.Tensor y
function scion.ones_like(x, dtype) end

--- Every element of a times every element of b: (n, m).
---@param a scion.Tensor left
---@param b scion.Tensor right
---@return scion.Tensor y
function scion.outer(a, b) end

--- Every element of a times every element of b: (n, m).
---@param b scion.Tensor right
---@return scion.Tensor y
function Tensor:outer(b) end

--- Pads (or crops, with negative numbers) the last dimensions: a:pad({left, right, top, bottom}).
---@param x scion.Tensor input
---@param pad integer|integer[] before and after, starting with the last dimension: {left, right, top, bottom, ...}; negative numbers crop (default { })
---@param mode? "constant"|"reflect"|"replicate"|"circular" "constant", "reflect" (without the edge), "replicate" (the edge), "circular" (default constant)
---@param value? number of constant padding (default 0.0)
---@return scion.Tensor y
function scion.pad(x, pad, mode, value) end

--- Pads (or crops, with negative numbers) the last dimensions: a:pad({left, right, top, bottom}).
---@param pad integer|integer[] before and after, starting with the last dimension: {left, right, top, bottom, ...}; negative numbers crop (default { })
---@param mode? "constant"|"reflect"|"replicate"|"circular" "constant", "reflect" (without the edge), "replicate" (the edge), "circular" (default constant)
---@param value? number of constant padding (default 0.0)
---@return scion.Tensor y
function Tensor:pad(pad, mode, value) end

--- p-norm of a - b along the last dimension.
---@param a scion.Tensor vectors along the last dimension
---@param b scion.Tensor broadcasts with a
---@param p? number order of the norm; inf: the largest difference (default 2.0)
---@param eps? number added to every difference (default 1e-06)
---@param keepdim? boolean keep the last dimension as 1 (default false)
---@return scion.Tensor y
function scion.pairwise_distance(a, b, p, eps, keepdim) end

--- p-norm of a - b along the last dimension.
---@param b scion.Tensor broadcasts with a
---@param p? number order of the norm; inf: the largest difference (default 2.0)
---@param eps? number added to every difference (default 1e-06)
---@param keepdim? boolean keep the last dimension as 1 (default false)
---@return scion.Tensor y
function Tensor:pairwise_distance(b, p, eps, keepdim) end

--- Dimensions in another order.
---@param x scion.Tensor input
---@param dims integer|integer[] for each new dimension the old one (default { })
---@return scion.Tensor y
function scion.permute(x, dims) end

--- Dimensions in another order.
---@param dims integer|integer[] for each new dimension the old one (default { })
---@return scion.Tensor y
function Tensor:permute(dims) end

--- Moore-Penrose pseudo-inverse.
---@param a scion.Tensor (..., M, N)
---@param rtol? number singular values up to rtol times the largest count as 0; default max(M, N) times the type's precision (default -1.0)
---@return scion.Tensor y
function scion.pinv(a, rtol) end

--- Moore-Penrose pseudo-inverse.
---@param rtol? number singular values up to rtol times the largest count as 0; default max(M, N) times the type's precision (default -1.0)
---@return scion.Tensor y
function Tensor:pinv(rtol) end

--- (N, C r^2, H, W) to (N, C, H r, W r): channels become pixels.
---@param x scion.Tensor input
---@param upscale_factor integer of height and width (default 2)
---@return scion.Tensor y
function scion.pixel_shuffle(x, upscale_factor) end

--- (N, C r^2, H, W) to (N, C, H r, W r): channels become pixels.
---@param upscale_factor integer of height and width (default 2)
---@return scion.Tensor y
function Tensor:pixel_shuffle(upscale_factor) end

--- (N, C, H r, W r) to (N, C r^2, H, W): pixels become channels.
---@param x scion.Tensor input
---@param downscale_factor integer of height and width (default 2)
---@return scion.Tensor y
function scion.pixel_unshuffle(x, downscale_factor) end

--- (N, C, H r, W r) to (N, C r^2, H, W): pixels become channels.
---@param downscale_factor integer of height and width (default 2)
---@return scion.Tensor y
function Tensor:pixel_unshuffle(downscale_factor) end

--- Negative log-likelihood of counts under Poisson distributions.
---@param input scion.Tensor predictions
---@param target scion.Tensor what they should be; same shape
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@param log_input? boolean input is the logarithm of the rate (default true)
---@param full? boolean add Stirling's approximation of log(target!) (default false)
---@param eps? number added to the rate before its logarithm (default 1e-08)
---@return scion.Tensor loss
function scion.poisson_nll_loss(input, target, reduction, log_input, full, eps) end

--- The n-th derivative of digamma, n >= 1, for x > 0.
---@param x scion.Tensor input
---@param n? integer order of the derivative of digamma (default 1)
---@return scion.Tensor y
function scion.polygamma(x, n) end

--- The n-th derivative of digamma, n >= 1, for x > 0.
---@param n? integer order of the derivative of digamma (default 1)
---@return scion.Tensor y
function Tensor:polygamma(n) end

--- a to the power of b, elementwise with broadcasting.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.pow(a, b) end

--- a to the power of b, elementwise with broadcasting.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:pow(b) end

--- a to the power of b, elementwise with broadcasting. In place: changes and returns the tensor.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:pow_(b) end

--- x above 0, weight x below, with a learned weight.
---@param x scion.Tensor (N, C, ...)
---@param weight scion.Tensor slopes below 0: one, or one per channel
---@return scion.Tensor y
function scion.prelu(x, weight) end

--- x above 0, weight x below, with a learned weight.
---@param weight scion.Tensor slopes below 0: one, or one per channel
---@return scion.Tensor y
function Tensor:prelu(weight) end

--- Product over dimensions, default all. Integers and bools give i64.
---@param x scion.Tensor input
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function scion.prod(x, dim, keepdim) end

--- Product over dimensions, default all. Integers and bools give i64.
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function Tensor:prod(dim, keepdim) end

--- x with the elements at flat positions replaced by (or, accumulated, increased by) src.
---@param x scion.Tensor input
---@param ids scion.Tensor positions in x read row by row
---@param src scion.Tensor as many elements as ids
---@param accumulate? boolean add instead of replacing (default false)
---@return scion.Tensor y
function scion.put(x, ids, src, accumulate) end

--- x with the elements at flat positions replaced by (or, accumulated, increased by) src. In place: changes and returns the tensor.
---@param ids scion.Tensor positions in x read row by row
---@param src scion.Tensor as many elements as ids
---@param accumulate? boolean add instead of replacing (default false)
---@return scion.Tensor y
function Tensor:put_(ids, src, accumulate) end

--- a = q r, reduced: q, r = a:qr().
---@param a scion.Tensor (..., M, N)
---@return scion.Tensor q, scion.Tensor r
function scion.qr(a) end

--- a = q r, reduced: q, r = a:qr().
---@return scion.Tensor q, scion.Tensor r
function Tensor:qr() end

--- The value below which a share q of the elements lies: of all, or along dim. NaN if there is one.
---@param x scion.Tensor input
---@param q scion.Tensor|number 0..1, one number or (Q)
---@param dim? integer dimension, default all
---@param keepdim? boolean keep the dimension with size 1 (default false)
---@param interpolation? "linear"|"lower"|"higher"|"nearest"|"midpoint" between two elements (default linear)
---@return scion.Tensor y
function scion.quantile(x, q, dim, keepdim, interpolation) end

--- The value below which a share q of the elements lies: of all, or along dim. NaN if there is one.
---@param q scion.Tensor|number 0..1, one number or (Q)
---@param dim? integer dimension, default all
---@param keepdim? boolean keep the dimension with size 1 (default false)
---@param interpolation? "linear"|"lower"|"higher"|"nearest"|"midpoint" between two elements (default linear)
---@return scion.Tensor y
function Tensor:quantile(q, dim, keepdim, interpolation) end

--- Uniform random numbers in [0, 1): scion.rand(2, 3).
---@param shape integer|integer[] sizes (default { })
---@param dtype? scion.dtype "f32" (default) or "f64"
---@return scion.Tensor y
function scion.rand(shape, dtype) end

--- Uniform random numbers in [0, 1) in the shape of x.
---@param x scion.Tensor input
---@param dtype? scion.dtype "f32" or "f64"; default that of x
---@return scion.Tensor y
function scion.rand_like(x, dtype) end

--- Random integers, low <= n < high: scion.randint(1, 7, {2, 3}).
---@param low integer smallest (default 0)
---@param high integer one above the largest (default 0)
---@param shape integer|integer[] sizes (default { })
---@param dtype? scion.dtype default i64 (default i64)
---@return scion.Tensor y
function scion.randint(low, high, shape, dtype) end

--- Standard normal random numbers: scion.randn(2, 3).
---@param shape integer|integer[] sizes (default { })
---@param dtype? scion.dtype "f32" (default) or "f64"
---@return scion.Tensor y
function scion.randn(shape, dtype) end

--- Standard normal random numbers in the shape of x.
---@param x scion.Tensor input
---@param dtype? scion.dtype "f32" or "f64"; default that of x
---@return scion.Tensor y
function scion.randn_like(x, dtype) end

--- The positions 1..n (0..n-1 with base 0) in random order.
---@param n integer how many (default 0)
---@return scion.Tensor y
function scion.randperm(n) end

--- 1 / x.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.reciprocal(x) end

--- 1 / x.
---@return scion.Tensor y
function Tensor:reciprocal() end

--- 1 / x. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:reciprocal_() end

--- max(x, 0).
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.relu(x) end

--- max(x, 0).
---@return scion.Tensor y
function Tensor:relu() end

--- max(x, 0). In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:relu_() end

--- x limited to 0 .. 6.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.relu6(x) end

--- x limited to 0 .. 6.
---@return scion.Tensor y
function Tensor:relu6() end

--- x limited to 0 .. 6. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:relu6_() end

--- Remainder of a / b with the sign of b (Lua's %).
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.remainder(a, b) end

--- Remainder of a / b with the sign of b (Lua's %).
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:remainder(b) end

--- Remainder of a / b with the sign of b (Lua's %). In place: changes and returns the tensor.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:remainder_(b) end

--- Slices along dim whose p-norm is above maxnorm, scaled down to it.
---@param x scion.Tensor input
---@param p number order of the norm (default 2.0)
---@param dim integer slices are taken along it (default 0)
---@param maxnorm number largest norm (default 1.0)
---@return scion.Tensor y
function scion.renorm(x, p, dim, maxnorm) end

--- Slices along dim whose p-norm is above maxnorm, scaled down to it.
---@param p number order of the norm (default 2.0)
---@param dim integer slices are taken along it (default 0)
---@param maxnorm number largest norm (default 1.0)
---@return scion.Tensor y
function Tensor:renorm(p, dim, maxnorm) end

--- Slices along dim whose p-norm is above maxnorm, scaled down to it. In place: changes and returns the tensor.
---@param p number order of the norm (default 2.0)
---@param dim integer slices are taken along it (default 0)
---@param maxnorm number largest norm (default 1.0)
---@return scion.Tensor y
function Tensor:renorm_(p, dim, maxnorm) end

--- Copies of x along its dimensions (x["repeat"] or scion["repeat"] in Lua; tile is the same).
---@param x scion.Tensor input
---@param times integer|integer[] copies along each dimension (default { })
---@return scion.Tensor y
scion["repeat"] = function(x, times) end

--- Copies of x along its dimensions (x["repeat"] or scion["repeat"] in Lua; tile is the same).
---@param times integer|integer[] copies along each dimension (default { })
---@return scion.Tensor y
Tensor["repeat"] = function(self, times) end

--- Every element (or slice along dim) several times in a row.
---@param x scion.Tensor input
---@param repeats? scion.Tensor (n) integers, one per element along dim
---@param times? integer for every element the same
---@param dim? integer dimension; default: x flattened
---@return scion.Tensor y
function scion.repeat_interleave(x, repeats, times, dim) end

--- Every element (or slice along dim) several times in a row.
---@param repeats? scion.Tensor (n) integers, one per element along dim
---@param times? integer for every element the same
---@param dim? integer dimension; default: x flattened
---@return scion.Tensor y
function Tensor:repeat_interleave(repeats, times, dim) end

--- The same elements in another shape; a view when strides allow it, else a copy.
---@param x scion.Tensor input
---@param shape integer|integer[] sizes; one may be -1 and takes what is left (default { })
---@return scion.Tensor y
function scion.reshape(x, shape) end

--- The same elements in another shape; a view when strides allow it, else a copy.
---@param shape integer|integer[] sizes; one may be -1 and takes what is left (default { })
---@return scion.Tensor y
function Tensor:reshape(shape) end

--- x in the shape of another tensor.
---@param x scion.Tensor input
---@param other scion.Tensor tensor whose shape is taken
---@return scion.Tensor y
function scion.reshape_as(x, other) end

--- x in the shape of another tensor.
---@param other scion.Tensor tensor whose shape is taken
---@return scion.Tensor y
function Tensor:reshape_as(other) end

--- x / sqrt(mean(x^2) + eps) * weight over the trailing dimensions.
---@param x scion.Tensor (..., D)
---@param weight? scion.Tensor (D) scale; default 1
---@param normalized_shape? integer|integer[] trailing dimensions that are normalised together; default those of weight, else the last
---@param eps? number added to the mean square (default 1.1920929e-07)
---@return scion.Tensor y
function scion.rms_norm(x, weight, normalized_shape, eps) end

--- Recurrent network: h = relu(W_ih x + b_ih + W_hh h + b_hh), for every step.
---@param x scion.Tensor (T, N, C)
---@param h0? scion.Tensor (layers directions, N, H); default zeros
---@param weights scion.Tensor[] for every layer and direction: w_ih (gates H, C), w_hh (gates H, H), b_ih, b_hh (gates H)
---@param num_layers? integer stacked layers (default 1)
---@param bidirectional? boolean a second cell runs backwards; outputs are joined (default false)
---@param has_biases? boolean weights include b_ih and b_hh (default true)
---@param batch_first? boolean x and y are (N, T, ...) instead of (T, N, ...) (default false)
---@param dropout? number between layers, in training (default 0.0)
---@param training? boolean apply dropout (default false)
---@return scion.Tensor y, scion.Tensor h_n
function scion.rnn_relu(x, h0, weights, num_layers, bidirectional, has_biases, batch_first, dropout, training) end

--- Recurrent network: h = relu(W_ih x + b_ih + W_hh h + b_hh), for every step.
---@param x scion.Tensor (T, N, C)
---@param h0? scion.Tensor (layers directions, N, H); default zeros
---@param weights scion.Tensor[] for every layer and direction: w_ih (gates H, C), w_hh (gates H, H), b_ih, b_hh (gates H)
---@param num_layers? integer stacked layers (default 1)
---@param bidirectional? boolean a second cell runs backwards; outputs are joined (default false)
---@param has_biases? boolean weights include b_ih and b_hh (default true)
---@param batch_first? boolean x and y are (N, T, ...) instead of (T, N, ...) (default false)
---@param dropout? number between layers, in training (default 0.0)
---@param training? boolean apply dropout (default false)
---@return scion.Tensor y, scion.Tensor h_n
function scion.rnn_relu(x, h0, weights, num_layers, bidirectional, has_biases, batch_first, dropout, training) end

--- Recurrent network: h = tanh(W_ih x + b_ih + W_hh h + b_hh), for every step.
---@param x scion.Tensor (T, N, C)
---@param h0? scion.Tensor (layers directions, N, H); default zeros
---@param weights scion.Tensor[] for every layer and direction: w_ih (gates H, C), w_hh (gates H, H), b_ih, b_hh (gates H)
---@param num_layers? integer stacked layers (default 1)
---@param bidirectional? boolean a second cell runs backwards; outputs are joined (default false)
---@param has_biases? boolean weights include b_ih and b_hh (default true)
---@param batch_first? boolean x and y are (N, T, ...) instead of (T, N, ...) (default false)
---@param dropout? number between layers, in training (default 0.0)
---@param training? boolean apply dropout (default false)
---@return scion.Tensor y, scion.Tensor h_n
function scion.rnn_tanh(x, h0, weights, num_layers, bidirectional, has_biases, batch_first, dropout, training) end

--- Recurrent network: h = tanh(W_ih x + b_ih + W_hh h + b_hh), for every step.
---@param x scion.Tensor (T, N, C)
---@param h0? scion.Tensor (layers directions, N, H); default zeros
---@param weights scion.Tensor[] for every layer and direction: w_ih (gates H, C), w_hh (gates H, H), b_ih, b_hh (gates H)
---@param num_layers? integer stacked layers (default 1)
---@param bidirectional? boolean a second cell runs backwards; outputs are joined (default false)
---@param has_biases? boolean weights include b_ih and b_hh (default true)
---@param batch_first? boolean x and y are (N, T, ...) instead of (T, N, ...) (default false)
---@param dropout? number between layers, in training (default 0.0)
---@param training? boolean apply dropout (default false)
---@return scion.Tensor y, scion.Tensor h_n
function scion.rnn_tanh(x, h0, weights, num_layers, bidirectional, has_biases, batch_first, dropout, training) end

--- Elements moved along dimensions; what leaves at one end comes in at the other.
---@param x scion.Tensor input
---@param shifts integer|integer[] places to move, one per dimension (default { })
---@param dims? integer|integer[] default: x flattened
---@return scion.Tensor y
function scion.roll(x, shifts, dims) end

--- Elements moved along dimensions; what leaves at one end comes in at the other.
---@param shifts integer|integer[] places to move, one per dimension (default { })
---@param dims? integer|integer[] default: x flattened
---@return scion.Tensor y
function Tensor:roll(shifts, dims) end

--- Nearest integer, ties to even.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.round(x) end

--- Nearest integer, ties to even.
---@return scion.Tensor y
function Tensor:round() end

--- Nearest integer, ties to even. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:round_() end

--- x above 0; below, x times a slope drawn evenly from lower .. upper for each element (Xu et al. 2015).
---@param x scion.Tensor input
---@param lower? number least slope below 0 (default 0.125)
---@param upper? number greatest slope below 0 (default 0.33333333333333)
---@param training? boolean without it the slope is the mean of both (default true)
---@return scion.Tensor y
function scion.rrelu(x, lower, upper, training) end

--- x above 0; below, x times a slope drawn evenly from lower .. upper for each element (Xu et al. 2015).
---@param lower? number least slope below 0 (default 0.125)
---@param upper? number greatest slope below 0 (default 0.33333333333333)
---@param training? boolean without it the slope is the mean of both (default true)
---@return scion.Tensor y
function Tensor:rrelu(lower, upper, training) end

--- 1 / sqrt(x).
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.rsqrt(x) end

--- 1 / sqrt(x).
---@return scion.Tensor y
function Tensor:rsqrt() end

--- 1 / sqrt(x). In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:rsqrt_() end

--- softmax(query key' / sqrt(E) + mask) value.
---@param query scion.Tensor (..., L, E)
---@param key scion.Tensor (..., S, E)
---@param value scion.Tensor (..., S, Ev)
---@param attn_mask? scion.Tensor broadcasts to (..., L, S): bool (true takes part) or float (added)
---@param dropout_p? number dropout of the attention weights (default 0.0)
---@param is_causal? boolean position i sees positions up to i (default false)
---@param training? boolean apply dropout (default false)
---@param scale? number of the products; default 1 / sqrt(E) (default 0.0)
---@return scion.Tensor y
function scion.scaled_dot_product_attention(query, key, value, attn_mask, dropout_p, is_causal, training, scale) end

--- x with the elements that ids name along dim replaced by src. Of equal ids the last wins.
---@param x scion.Tensor input
---@param ids scion.Tensor ids along dim, of x's rank
---@param src scion.Tensor|number an element per id, or one number
---@param dim integer along which ids choose (default 0)
---@return scion.Tensor y
function scion.scatter(x, ids, src, dim) end

--- x with the elements that ids name along dim replaced by src. Of equal ids the last wins.
---@param ids scion.Tensor ids along dim, of x's rank
---@param src scion.Tensor|number an element per id, or one number
---@param dim integer along which ids choose (default 0)
---@return scion.Tensor y
function Tensor:scatter(ids, src, dim) end

--- x with the elements that ids name along dim replaced by src. Of equal ids the last wins. In place: changes and returns the tensor.
---@param ids scion.Tensor ids along dim, of x's rank
---@param src scion.Tensor|number an element per id, or one number
---@param dim integer along which ids choose (default 0)
---@return scion.Tensor y
function Tensor:scatter_(ids, src, dim) end

--- x with src added to the elements that ids name along dim.
---@param x scion.Tensor input
---@param ids scion.Tensor ids along dim, of x's rank
---@param src scion.Tensor|number an element per id, or one number
---@param dim integer along which ids choose (default 0)
---@return scion.Tensor y
function scion.scatter_add(x, ids, src, dim) end

--- x with src added to the elements that ids name along dim.
---@param ids scion.Tensor ids along dim, of x's rank
---@param src scion.Tensor|number an element per id, or one number
---@param dim integer along which ids choose (default 0)
---@return scion.Tensor y
function Tensor:scatter_add(ids, src, dim) end

--- x with src added to the elements that ids name along dim. In place: changes and returns the tensor.
---@param ids scion.Tensor ids along dim, of x's rank
---@param src scion.Tensor|number an element per id, or one number
---@param dim integer along which ids choose (default 0)
---@return scion.Tensor y
function Tensor:scatter_add_(ids, src, dim) end

--- x with the sub-tensors that index tuples name replaced by, or combined with, those of src. Of equal tuples the last wins.
---@param x scion.Tensor input
---@param ids scion.Tensor index tuples (..., k)
---@param src scion.Tensor the new sub-tensors
---@param reduce? "none"|"add"|"mul"|"max"|"min" how src meets what is there; none replaces it (default none)
---@return scion.Tensor y
function scion.scatter_nd(x, ids, src, reduce) end

--- x with the sub-tensors that index tuples name replaced by, or combined with, those of src. Of equal tuples the last wins.
---@param ids scion.Tensor index tuples (..., k)
---@param src scion.Tensor the new sub-tensors
---@param reduce? "none"|"add"|"mul"|"max"|"min" how src meets what is there; none replaces it (default none)
---@return scion.Tensor y
function Tensor:scatter_nd(ids, src, reduce) end

--- x with src summed into, multiplied into, or compared with the elements that ids name along dim.
---@param x scion.Tensor input
---@param ids scion.Tensor ids along dim, of x's rank
---@param src scion.Tensor|number an element per id, or one number
---@param dim integer along which ids choose (default 0)
---@param reduce? "sum"|"prod"|"amax"|"amin" "sum", "prod", "amax" or "amin", x's own value included (default sum)
---@return scion.Tensor y
function scion.scatter_reduce(x, ids, src, dim, reduce) end

--- x with src summed into, multiplied into, or compared with the elements that ids name along dim.
---@param ids scion.Tensor ids along dim, of x's rank
---@param src scion.Tensor|number an element per id, or one number
---@param dim integer along which ids choose (default 0)
---@param reduce? "sum"|"prod"|"amax"|"amin" "sum", "prod", "amax" or "amin", x's own value included (default sum)
---@return scion.Tensor y
function Tensor:scatter_reduce(ids, src, dim, reduce) end

--- x with src summed into, multiplied into, or compared with the elements that ids name along dim. In place: changes and returns the tensor.
---@param ids scion.Tensor ids along dim, of x's rank
---@param src scion.Tensor|number an element per id, or one number
---@param dim integer along which ids choose (default 0)
---@param reduce? "sum"|"prod"|"amax"|"amin" "sum", "prod", "amax" or "amin", x's own value included (default sum)
---@return scion.Tensor y
function Tensor:scatter_reduce_(ids, src, dim, reduce) end

--- Where values go into a rising sequence so that it stays in order; i64.
---@param sorted scion.Tensor (..., n), rising along the last dimension
---@param values scion.Tensor (..., m), or any shape when sorted is (n)
---@param right? boolean after equal elements instead of before them (default false)
---@return scion.Tensor y
function scion.searchsorted(sorted, values, right) end

--- One position of a dimension, which goes.
---@param x scion.Tensor input
---@param dim integer dimension (default 0)
---@param index integer position (default 0)
---@return scion.Tensor y
function scion.select(x, dim, index) end

--- One position of a dimension, which goes.
---@param dim integer dimension (default 0)
---@param index integer position (default 0)
---@return scion.Tensor y
function Tensor:select(dim, index) end

--- A copy of x with src written to one position of a dimension.
---@param x scion.Tensor tensor to copy
---@param src scion.Tensor what goes into the window
---@param dim integer dimension (default 0)
---@param index integer position (default 0)
---@return scion.Tensor y
function scion.select_scatter(x, src, dim, index) end

--- A copy of x with src written to one position of a dimension.
---@param src scion.Tensor what goes into the window
---@param dim integer dimension (default 0)
---@param index integer position (default 0)
---@return scion.Tensor y
function Tensor:select_scatter(src, dim, index) end

--- A copy of x with src written to one position of a dimension. In place: changes and returns the tensor.
---@param src scion.Tensor what goes into the window
---@param dim integer dimension (default 0)
---@param index integer position (default 0)
---@return scion.Tensor y
function Tensor:select_scatter_(src, dim, index) end

--- Self-normalising elu: 1.0507 (x above 0, 1.6733 (e^x - 1) below).
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.selu(x) end

--- Self-normalising elu: 1.0507 (x above 0, 1.6733 (e^x - 1) below).
---@return scion.Tensor y
function Tensor:selu() end

--- Self-normalising elu: 1.0507 (x above 0, 1.6733 (e^x - 1) below). In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:selu_() end

--- 1 / (1 + e^-x).
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.sigmoid(x) end

--- 1 / (1 + e^-x).
---@return scion.Tensor y
function Tensor:sigmoid() end

--- 1 / (1 + e^-x). In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:sigmoid_() end

--- -1, 0 or 1.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.sign(x) end

--- -1, 0 or 1.
---@return scion.Tensor y
function Tensor:sign() end

--- -1, 0 or 1. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:sign_() end

--- x sigmoid(x), also called swish.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.silu(x) end

--- x sigmoid(x), also called swish.
---@return scion.Tensor y
function Tensor:silu() end

--- x sigmoid(x), also called swish. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:silu_() end

--- Sine of radians.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.sin(x) end

--- Sine of radians.
---@return scion.Tensor y
function Tensor:sin() end

--- Sine of radians. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:sin_() end

--- Hyperbolic sine.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.sinh(x) end

--- Hyperbolic sine.
---@return scion.Tensor y
function Tensor:sinh() end

--- Hyperbolic sine. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:sinh_() end

--- Every step-th position of one dimension from start to stop.
---@param x scion.Tensor input
---@param dim integer dimension (default 0)
---@param start? integer first position (default 0)
---@param stop? integer elements before this count (the last position, 1-based); negative leaves as many out at the end; default all
---@param step? integer take every step-th (default 1)
---@return scion.Tensor y
function scion.slice(x, dim, start, stop, step) end

--- Every step-th position of one dimension from start to stop.
---@param dim integer dimension (default 0)
---@param start? integer first position (default 0)
---@param stop? integer elements before this count (the last position, 1-based); negative leaves as many out at the end; default all
---@param step? integer take every step-th (default 1)
---@return scion.Tensor y
function Tensor:slice(dim, start, stop, step) end

--- A copy of x with src written into a slice of it.
---@param x scion.Tensor tensor to copy
---@param src scion.Tensor what goes into the window
---@param dim integer dimension (default 0)
---@param start? integer first position (default 0)
---@param stop? integer elements before this count (the last position, 1-based); negative leaves as many out at the end; default all
---@param step? integer take every step-th (default 1)
---@return scion.Tensor y
function scion.slice_scatter(x, src, dim, start, stop, step) end

--- A copy of x with src written into a slice of it.
---@param src scion.Tensor what goes into the window
---@param dim integer dimension (default 0)
---@param start? integer first position (default 0)
---@param stop? integer elements before this count (the last position, 1-based); negative leaves as many out at the end; default all
---@param step? integer take every step-th (default 1)
---@return scion.Tensor y
function Tensor:slice_scatter(src, dim, start, stop, step) end

--- A copy of x with src written into a slice of it. In place: changes and returns the tensor.
---@param src scion.Tensor what goes into the window
---@param dim integer dimension (default 0)
---@param start? integer first position (default 0)
---@param stop? integer elements before this count (the last position, 1-based); negative leaves as many out at the end; default all
---@param step? integer take every step-th (default 1)
---@return scion.Tensor y
function Tensor:slice_scatter_(src, dim, start, stop, step) end

--- Overlapping windows of one dimension, as a new last one (torch's Tensor.unfold); read-only.
---@param x scion.Tensor input
---@param dim integer dimension (default 0)
---@param size integer elements of a window (default 0)
---@param step? integer distance of windows (default 1)
---@return scion.Tensor y
function scion.sliding_window(x, dim, size, step) end

--- Overlapping windows of one dimension, as a new last one (torch's Tensor.unfold); read-only.
---@param dim integer dimension (default 0)
---@param size integer elements of a window (default 0)
---@param step? integer distance of windows (default 1)
---@return scion.Tensor y
function Tensor:sliding_window(dim, size, step) end

--- Sign and logarithm of the absolute value of determinants.
---@param a scion.Tensor (..., N, N)
---@return scion.Tensor sign, scion.Tensor logabsdet
function scion.slogdet(a) end

--- Sign and logarithm of the absolute value of determinants.
---@return scion.Tensor sign, scion.Tensor logabsdet
function Tensor:slogdet() end

--- Quadratic below beta, linear beyond: d^2 / (2 beta), |d| - beta / 2.
---@param input scion.Tensor predictions
---@param target scion.Tensor what they should be; same shape
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@param beta? number difference at which the square becomes a line (default 1.0)
---@return scion.Tensor loss
function scion.smooth_l1_loss(input, target, reduction, beta) end

--- log(1 + e^(-target * input)), target 1 or -1.
---@param input scion.Tensor scores or distances
---@param target scion.Tensor 1 or -1; same shape
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@return scion.Tensor loss
function scion.soft_margin_loss(input, target, reduction) end

--- e^x / sum e^x along a dimension: positive numbers that sum to one.
---@param x scion.Tensor input
---@param dim? integer dimension that sums to one; default the last (default -1)
---@return scion.Tensor y
function scion.softmax(x, dim) end

--- e^x / sum e^x along a dimension: positive numbers that sum to one.
---@param dim? integer dimension that sums to one; default the last (default -1)
---@return scion.Tensor y
function Tensor:softmax(dim) end

--- softmax(-x) along a dimension.
---@param x scion.Tensor input
---@param dim? integer dimension that sums to one; default the last (default -1)
---@return scion.Tensor y
function scion.softmin(x, dim) end

--- softmax(-x) along a dimension.
---@param dim? integer dimension that sums to one; default the last (default -1)
---@return scion.Tensor y
function Tensor:softmin(dim) end

--- log(1 + e^(beta x)) / beta: a smooth relu.
---@param x scion.Tensor input
---@param beta? number sharpness (default 1.0)
---@param threshold? number above beta x of this, x itself (default 20.0)
---@return scion.Tensor y
function scion.softplus(x, beta, threshold) end

--- log(1 + e^(beta x)) / beta: a smooth relu.
---@param beta? number sharpness (default 1.0)
---@param threshold? number above beta x of this, x itself (default 20.0)
---@return scion.Tensor y
function Tensor:softplus(beta, threshold) end

--- log(1 + e^(beta x)) / beta: a smooth relu. In place: changes and returns the tensor.
---@param beta? number sharpness (default 1.0)
---@param threshold? number above beta x of this, x itself (default 20.0)
---@return scion.Tensor y
function Tensor:softplus_(beta, threshold) end

--- x moved towards 0 by lambda, 0 within.
---@param x scion.Tensor input
---@param lambda? number half-width of the zone that gives 0 (default 0.5)
---@return scion.Tensor y
function scion.softshrink(x, lambda) end

--- x moved towards 0 by lambda, 0 within.
---@param lambda? number half-width of the zone that gives 0 (default 0.5)
---@return scion.Tensor y
function Tensor:softshrink(lambda) end

--- x moved towards 0 by lambda, 0 within. In place: changes and returns the tensor.
---@param lambda? number half-width of the zone that gives 0 (default 0.5)
---@return scion.Tensor y
function Tensor:softshrink_(lambda) end

--- x / (1 + |x|).
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.softsign(x) end

--- x / (1 + |x|).
---@return scion.Tensor y
function Tensor:softsign() end

--- x / (1 + |x|). In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:softsign_() end

--- x of a x = b by LU factors.
---@param a scion.Tensor (..., N, N)
---@param b scion.Tensor (..., N, K), or a vector (N)
---@return scion.Tensor y
function scion.solve(a, b) end

--- x of a x = b by LU factors.
---@param b scion.Tensor (..., N, K), or a vector (N)
---@return scion.Tensor y
function Tensor:solve(b) end

--- x of a x = b (or x a = b) for a triangular a; the other triangle is not read.
---@param a scion.Tensor (..., N, N)
---@param b scion.Tensor (..., N, K)
---@param upper boolean a is upper triangular (default false)
---@param left? boolean solve a x = b, else x a = b (default true)
---@param unitriangular? boolean take a's diagonal as ones (default false)
---@param transpose? boolean solve with a' (default false)
---@return scion.Tensor y
function scion.solve_triangular(a, b, upper, left, unitriangular, transpose) end

--- x of a x = b (or x a = b) for a triangular a; the other triangle is not read.
---@param b scion.Tensor (..., N, K)
---@param upper boolean a is upper triangular (default false)
---@param left? boolean solve a x = b, else x a = b (default true)
---@param unitriangular? boolean take a's diagonal as ones (default false)
---@param transpose? boolean solve with a' (default false)
---@return scion.Tensor y
function Tensor:solve_triangular(b, upper, left, unitriangular, transpose) end

--- Elements in order along a dimension (stable), and where they stood.
---@param x scion.Tensor input
---@param dim? integer dimension, default the last (default -1)
---@param descending? boolean largest first (default false)
---@return scion.Tensor values, scion.Tensor indices
function scion.sort(x, dim, descending) end

--- Elements in order along a dimension (stable), and where they stood.
---@param dim? integer dimension, default the last (default -1)
---@param descending? boolean largest first (default false)
---@return scion.Tensor values, scion.Tensor indices
function Tensor:sort(dim, descending) end

--- Pixels become channels, in ONNX's order.
---@param x scion.Tensor input
---@param blocksize integer of height and width (default 2)
---@return scion.Tensor y
function scion.space_to_depth(x, blocksize) end

--- Pixels become channels, in ONNX's order.
---@param blocksize integer of height and width (default 2)
---@return scion.Tensor y
function Tensor:space_to_depth(blocksize) end

--- Square root; NaN below 0.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.sqrt(x) end

--- Square root; NaN below 0.
---@return scion.Tensor y
function Tensor:sqrt() end

--- Square root; NaN below 0. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:sqrt_() end

--- x^2.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.square(x) end

--- x^2.
---@return scion.Tensor y
function Tensor:square() end

--- x^2. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:square_() end

--- Without dimensions of size 1.
---@param x scion.Tensor input
---@param dim? integer|integer[] dimensions to drop where their size is 1; default all such
---@return scion.Tensor y
function scion.squeeze(x, dim) end

--- Without dimensions of size 1.
---@param dim? integer|integer[] dimensions to drop where their size is 1; default all such
---@return scion.Tensor y
function Tensor:squeeze(dim) end

--- Tensors of one shape joined along a new dimension: scion.stack({a, b}, dim).
---@param tensors scion.Tensor[] list of tensors
---@param dim? integer dimension, default the first (default 0)
---@return scion.Tensor y
function scion.stack(tensors, dim) end

--- Covariance k(r) of a stationary Gaussian process from squared distances r^2 (scaled by the length scale); 1 at 0.
---@param x scion.Tensor input
---@param kind? "rbf"|"matern12"|"matern32"|"matern52" "rbf" (squared exponential), or Matern of half-integer order: "matern52", "matern32", "matern12" (default matern52)
---@param derivative? integer which derivative with respect to the squared distance (default 0)
---@return scion.Tensor y
function scion.stationary_covariance(x, kind, derivative) end

--- Covariance k(r) of a stationary Gaussian process from squared distances r^2 (scaled by the length scale); 1 at 0.
---@param kind? "rbf"|"matern12"|"matern32"|"matern52" "rbf" (squared exponential), or Matern of half-integer order: "matern52", "matern32", "matern12" (default matern52)
---@param derivative? integer which derivative with respect to the squared distance (default 0)
---@return scion.Tensor y
function Tensor:stationary_covariance(kind, derivative) end

--- Standard deviation over dimensions, default all.
---@param x scion.Tensor input
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param correction? number divides by n - correction: 1 unbiased, 0 of the whole population (default 1.0)
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function scion.std(x, dim, correction, keepdim) end

--- Standard deviation over dimensions, default all.
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param correction? number divides by n - correction: 1 unbiased, 0 of the whole population (default 1.0)
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function Tensor:std(dim, correction, keepdim) end

--- std and mean.
---@param x scion.Tensor input
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param correction? number divides by n - correction: 1 unbiased, 0 of the whole population (default 1.0)
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor spread, scion.Tensor mean
function scion.std_mean(x, dim, correction, keepdim) end

--- std and mean.
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param correction? number divides by n - correction: 1 unbiased, 0 of the whole population (default 1.0)
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor spread, scion.Tensor mean
function Tensor:std_mean(dim, correction, keepdim) end

--- a - b, elementwise with broadcasting.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.sub(a, b) end

--- a - b, elementwise with broadcasting.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:sub(b) end

--- a - b, elementwise with broadcasting. In place: changes and returns the tensor.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:sub_(b) end

--- Sum over dimensions, default all. Integers and bools give i64.
---@param x scion.Tensor input
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function scion.sum(x, dim, keepdim) end

--- Sum over dimensions, default all. Integers and bools give i64.
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function Tensor:sum(dim, keepdim) end

--- a = u diag(s) vh, thin: u, s, vh = a:svd().
---@param a scion.Tensor (..., M, N)
---@return scion.Tensor u, scion.Tensor s, scion.Tensor vh
function scion.svd(a) end

--- a = u diag(s) vh, thin: u, s, vh = a:svd().
---@return scion.Tensor u, scion.Tensor s, scion.Tensor vh
function Tensor:svd() end

--- Two dimensions exchanged (as transpose).
---@param x scion.Tensor input
---@param dim0 integer one dimension (default 0)
---@param dim1 integer the other (default 0)
---@return scion.Tensor y
function scion.swapaxes(x, dim0, dim1) end

--- Two dimensions exchanged (as transpose).
---@param dim0 integer one dimension (default 0)
---@param dim1 integer the other (default 0)
---@return scion.Tensor y
function Tensor:swapaxes(dim0, dim1) end

--- A matrix transposed; fewer dimensions stay as they are.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.t(x) end

--- A matrix transposed; fewer dimensions stay as they are.
---@return scion.Tensor y
function Tensor:t() end

--- Elements by their position in the flattened tensor; y has the shape of ids.
---@param x scion.Tensor input
---@param ids scion.Tensor positions in x read row by row, any shape
---@return scion.Tensor y
function scion.take(x, ids) end

--- Elements by their position in the flattened tensor; y has the shape of ids.
---@param ids scion.Tensor positions in x read row by row, any shape
---@return scion.Tensor y
function Tensor:take(ids) end

--- gather with x and ids broadcast against each other outside dim: what argsort and argmax give fits.
---@param x scion.Tensor input
---@param ids scion.Tensor ids along dim, of x's rank
---@param dim integer along which ids choose (default 0)
---@return scion.Tensor y
function scion.take_along_dim(x, ids, dim) end

--- gather with x and ids broadcast against each other outside dim: what argsort and argmax give fits.
---@param ids scion.Tensor ids along dim, of x's rank
---@param dim integer along which ids choose (default 0)
---@return scion.Tensor y
function Tensor:take_along_dim(ids, dim) end

--- Tangent of radians.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.tan(x) end

--- Tangent of radians.
---@return scion.Tensor y
function Tensor:tan() end

--- Tangent of radians. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:tan_() end

--- Hyperbolic tangent.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.tanh(x) end

--- Hyperbolic tangent.
---@return scion.Tensor y
function Tensor:tanh() end

--- Hyperbolic tangent. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:tanh_() end

--- x - tanh(x).
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.tanhshrink(x) end

--- x - tanh(x).
---@return scion.Tensor y
function Tensor:tanhshrink() end

--- x - tanh(x). In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:tanhshrink_() end

--- Sums of products over pairs of dimensions; those that stay are a's, then b's.
---@param a scion.Tensor left
---@param b scion.Tensor right
---@param dims_a integer|integer[] dimensions of a that are summed (default { })
---@param dims_b integer|integer[] their partners in b (default { })
---@return scion.Tensor y
function scion.tensordot(a, b, dims_a, dims_b) end

--- x where x > threshold, else value.
---@param x scion.Tensor input
---@param threshold number what x must exceed (default 0.0)
---@param value number put where it does not (default 0.0)
---@return scion.Tensor y
function scion.threshold(x, threshold, value) end

--- x where x > threshold, else value.
---@param threshold number what x must exceed (default 0.0)
---@param value number put where it does not (default 0.0)
---@return scion.Tensor y
function Tensor:threshold(threshold, value) end

--- x where x > threshold, else value. In place: changes and returns the tensor.
---@param threshold number what x must exceed (default 0.0)
---@param value number put where it does not (default 0.0)
---@return scion.Tensor y
function Tensor:threshold_(threshold, value) end

--- Copies of x along its last dimensions.
---@param x scion.Tensor input
---@param times integer|integer[] copies along each dimension (default { })
---@return scion.Tensor y
function scion.tile(x, times) end

--- Copies of x along its last dimensions.
---@param times integer|integer[] copies along each dimension (default { })
---@return scion.Tensor y
function Tensor:tile(times) end

--- Converts to another element type (a copy, always). Floats to integers truncate; anything to bool is x ~= 0.
---@param x scion.Tensor input
---@param dtype scion.dtype "f32", "f64", "i32", "i64", "u8", "bool"
---@return scion.Tensor y
function scion.to(x, dtype) end

--- Converts to another element type (a copy, always). Floats to integers truncate; anything to bool is x ~= 0.
---@param dtype scion.dtype "f32", "f64", "i32", "i64", "u8", "bool"
---@return scion.Tensor y
function Tensor:to(dtype) end

--- The k largest (or smallest) along a dimension, in order, and where they stand.
---@param x scion.Tensor input
---@param k integer how many (default 0)
---@param dim? integer dimension, default the last (default -1)
---@param largest? boolean the largest; false: the smallest (default true)
---@param sorted? boolean in order; the result always is (default true)
---@return scion.Tensor values, scion.Tensor indices
function scion.topk(x, k, dim, largest, sorted) end

--- The k largest (or smallest) along a dimension, in order, and where they stand.
---@param k integer how many (default 0)
---@param dim? integer dimension, default the last (default -1)
---@param largest? boolean the largest; false: the smallest (default true)
---@param sorted? boolean in order; the result always is (default true)
---@return scion.Tensor values, scion.Tensor indices
function Tensor:topk(k, dim, largest, sorted) end

--- Sum of a matrix's diagonal.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.trace(x) end

--- Sum of a matrix's diagonal.
---@return scion.Tensor y
function Tensor:trace() end

--- Two dimensions exchanged.
---@param x scion.Tensor input
---@param dim0 integer one dimension (default 0)
---@param dim1 integer the other (default 0)
---@return scion.Tensor y
function scion.transpose(x, dim0, dim1) end

--- Two dimensions exchanged.
---@param dim0 integer one dimension (default 0)
---@param dim1 integer the other (default 0)
---@return scion.Tensor y
function Tensor:transpose(dim0, dim1) end

--- Integral along a dimension by the trapezoidal rule.
---@param y scion.Tensor values
---@param at? scion.Tensor (n): where they stand
---@param dim? integer dimension, default the last (default -1)
---@param dx? number distance of the points, without at (default 1.0)
---@return scion.Tensor y
function scion.trapezoid(y, at, dim, dx) end

--- Matrices with zeros above a diagonal.
---@param x scion.Tensor input
---@param diagonal? integer 0 the main one, positive above it (default 0)
---@return scion.Tensor y
function scion.tril(x, diagonal) end

--- Matrices with zeros above a diagonal.
---@param diagonal? integer 0 the main one, positive above it (default 0)
---@return scion.Tensor y
function Tensor:tril(diagonal) end

--- Matrices with zeros above a diagonal. In place: changes and returns the tensor.
---@param diagonal? integer 0 the main one, positive above it (default 0)
---@return scion.Tensor y
function Tensor:tril_(diagonal) end

--- max(0, |anchor - positive| - |anchor - negative| + margin).
---@param anchor scion.Tensor (N, D) or (D)
---@param positive scion.Tensor of the anchor's class; same shape
---@param negative scion.Tensor of another class; same shape
---@param reduction? "none"|"mean"|"sum" "none" (a value per element), "mean" or "sum" (default mean)
---@param margin? number how much farther the negative shall be (default 1.0)
---@param p? number order of the norm; inf: the largest difference (default 2.0)
---@param eps? number added to every difference (default 1e-06)
---@param swap? boolean use the distance of positive and negative where it is smaller (default false)
---@return scion.Tensor loss
function scion.triplet_margin_loss(anchor, positive, negative, reduction, margin, p, eps, swap) end

--- Matrices with zeros below a diagonal.
---@param x scion.Tensor input
---@param diagonal? integer 0 the main one, positive above it (default 0)
---@return scion.Tensor y
function scion.triu(x, diagonal) end

--- Matrices with zeros below a diagonal.
---@param diagonal? integer 0 the main one, positive above it (default 0)
---@return scion.Tensor y
function Tensor:triu(diagonal) end

--- Matrices with zeros below a diagonal. In place: changes and returns the tensor.
---@param diagonal? integer 0 the main one, positive above it (default 0)
---@return scion.Tensor y
function Tensor:triu_(diagonal) end

--- x without its fraction.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.trunc(x) end

--- x without its fraction.
---@return scion.Tensor y
function Tensor:trunc() end

--- x without its fraction. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:trunc_() end

--- Normal random numbers between a and b, in the shape of x.
---@param x scion.Tensor input
---@param mean? number mean (default 0.0)
---@param std? number standard deviation (default 1.0)
---@param a? number lower bound (default -2.0)
---@param b? number upper bound (default 2.0)
---@return scion.Tensor y
function scion.trunc_normal(x, mean, std, a, b) end

--- Normal random numbers between a and b, in the shape of x.
---@param mean? number mean (default 0.0)
---@param std? number standard deviation (default 1.0)
---@param a? number lower bound (default -2.0)
---@param b? number upper bound (default 2.0)
---@return scion.Tensor y
function Tensor:trunc_normal(mean, std, a, b) end

--- Normal random numbers between a and b, in the shape of x. In place: changes and returns the tensor.
---@param mean? number mean (default 0.0)
---@param std? number standard deviation (default 1.0)
---@param a? number lower bound (default -2.0)
---@param b? number upper bound (default 2.0)
---@return scion.Tensor y
function Tensor:trunc_normal_(mean, std, a, b) end

--- Splits one dimension into several.
---@param x scion.Tensor input
---@param dim integer dimension to split (default 0)
---@param sizes integer|integer[] its new sizes; one may be -1 (default { })
---@return scion.Tensor y
function scion.unflatten(x, dim, sizes) end

--- Splits one dimension into several.
---@param dim integer dimension to split (default 0)
---@param sizes integer|integer[] its new sizes; one may be -1 (default { })
---@return scion.Tensor y
function Tensor:unflatten(dim, sizes) end

--- Sliding windows of images as columns: (N, C * kernel size, positions).
---@param x scion.Tensor (N, C, H, W)
---@param kernel integer|integer[] (height, width) or one number (default { })
---@param stride? integer|integer[] step of the window (default { 1 })
---@param padding? integer|integer[] zeros on every side (default { 0 })
---@param dilation? integer|integer[] step inside the window (default { 1 })
---@return scion.Tensor y
function scion.unfold(x, kernel, stride, padding, dilation) end

--- Uniform random numbers in the shape of x.
---@param x scion.Tensor input
---@param from? number lower bound, included (default 0.0)
---@param to? number upper bound, excluded (default 1.0)
---@return scion.Tensor y
function scion.uniform(x, from, to) end

--- Uniform random numbers in the shape of x.
---@param from? number lower bound, included (default 0.0)
---@param to? number upper bound, excluded (default 1.0)
---@return scion.Tensor y
function Tensor:uniform(from, to) end

--- Uniform random numbers in the shape of x. In place: changes and returns the tensor.
---@param from? number lower bound, included (default 0.0)
---@param to? number upper bound, excluded (default 1.0)
---@return scion.Tensor y
function Tensor:uniform_(from, to) end

--- The different elements in order; also where each element of x went, and how often each occurs.
---@param x scion.Tensor input
---@return scion.Tensor values, scion.Tensor inverse, scion.Tensor counts
function scion.unique(x) end

--- The different elements in order; also where each element of x went, and how often each occurs.
---@return scion.Tensor values, scion.Tensor inverse, scion.Tensor counts
function Tensor:unique() end

--- Runs of equal elements: their values; also the run of each element, and the lengths.
---@param x scion.Tensor input
---@return scion.Tensor values, scion.Tensor inverse, scion.Tensor counts
function scion.unique_consecutive(x) end

--- Runs of equal elements: their values; also the run of each element, and the lengths.
---@return scion.Tensor values, scion.Tensor inverse, scion.Tensor counts
function Tensor:unique_consecutive() end

--- With a new dimension of size 1.
---@param x scion.Tensor input
---@param dim integer place of the new dimension (default 0)
---@return scion.Tensor y
function scion.unsqueeze(x, dim) end

--- With a new dimension of size 1.
---@param dim integer place of the new dimension (default 0)
---@return scion.Tensor y
function Tensor:unsqueeze(dim) end

--- Variance over dimensions, default all.
---@param x scion.Tensor input
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param correction? number divides by n - correction: 1 unbiased, 0 of the whole population (default 1.0)
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function scion.var(x, dim, correction, keepdim) end

--- Variance over dimensions, default all.
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param correction? number divides by n - correction: 1 unbiased, 0 of the whole population (default 1.0)
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor y
function Tensor:var(dim, correction, keepdim) end

--- var and mean.
---@param x scion.Tensor input
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param correction? number divides by n - correction: 1 unbiased, 0 of the whole population (default 1.0)
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor spread, scion.Tensor mean
function scion.var_mean(x, dim, correction, keepdim) end

--- var and mean.
---@param dim? integer|integer[] dimension or list of dimensions; default all
---@param correction? number divides by n - correction: 1 unbiased, 0 of the whole population (default 1.0)
---@param keepdim? boolean keep reduced dimensions with size 1 (default false)
---@return scion.Tensor spread, scion.Tensor mean
function Tensor:var_mean(dim, correction, keepdim) end

--- a where cond, b elsewhere, with broadcasting: scion.where(cond, a, b).
---@param cond scion.Tensor bool
---@param a scion.Tensor|number taken where cond
---@param b scion.Tensor|number taken elsewhere
---@return scion.Tensor y
function scion.where(cond, a, b) end

--- a * log(b), and 0 where a is 0.
---@param a scion.Tensor|number left
---@param b scion.Tensor|number right
---@return scion.Tensor y
function scion.xlogy(a, b) end

--- a * log(b), and 0 where a is 0.
---@param b scion.Tensor|number right
---@return scion.Tensor y
function Tensor:xlogy(b) end

--- Zeros everywhere; x:zero_() writes them.
---@param x scion.Tensor input
---@return scion.Tensor y
function scion.zero(x) end

--- Zeros everywhere; x:zero_() writes them.
---@return scion.Tensor y
function Tensor:zero() end

--- Zeros everywhere; x:zero_() writes them. In place: changes and returns the tensor.
---@return scion.Tensor y
function Tensor:zero_() end

--- Zeros: scion.zeros(2, 3).
---@param shape integer|integer[] sizes (default { })
---@param dtype? scion.dtype default f32
---@return scion.Tensor y
function scion.zeros(shape, dtype) end

--- Zeros in the shape of x.
---@param x scion.Tensor input
---@param dtype? scion.dtype default that of x
---@return scion.Tensor y
function scion.zeros_like(x, dtype) end

-- ---- parts written in Lua ------------------------------------------------------------------------------

--- Loss and metrics over one pass: net:evaluate(test, { metrics = { "accuracy" } }); see scion.trainer.evaluate.
---@param data fun(): scion.Tensor?, scion.Tensor?
---@param opts? table
---@return table<string, number>
function Net:evaluate(data, opts) end

--- Trains the net: net:fit(train, { epochs = 3 }) or net:fit { data = train, ... }; see scion.trainer.fit for the options.
---@param data? fun(): scion.Tensor?, scion.Tensor?
---@param opts? scion.FitOptions
---@return table history
function Net:fit(data, opts) end

--- beta * x + alpha * (sum over the batch of products of matrices).
---@param batch1 scion.Tensor (B, m, k)
---@param batch2 scion.Tensor (B, k, n)
---@param opts? { beta?: number, alpha?: number }
---@return scion.Tensor
function Tensor:addbmm(batch1, batch2, opts) end

--- beta * x + alpha * (outer product of two vectors).
---@param vec1 scion.Tensor
---@param vec2 scion.Tensor
---@param opts? { beta?: number, alpha?: number }
---@return scion.Tensor
function Tensor:addr(vec1, vec2, opts) end

--- Smallest and largest element, over everything or along a dimension.
---@param dim? integer
---@param keepdim? boolean
---@return scion.Tensor min, scion.Tensor max
function Tensor:aminmax(dim, keepdim) end

--- The tensor with at least 1, 2 or 3 dimensions: a vector becomes a row (1, n) or (1, n, 1), a matrix (m, n, 1).
---@return scion.Tensor
function Tensor:atleast_1d() end

--- The tensor with at least 1, 2 or 3 dimensions: a vector becomes a row (1, n) or (1, n, 1), a matrix (m, n, 1).
---@return scion.Tensor
function Tensor:atleast_2d() end

--- The tensor with at least 1, 2 or 3 dimensions: a vector becomes a row (1, n) or (1, n, 1), a matrix (m, n, 1).
---@return scion.Tensor
function Tensor:atleast_3d() end

--- The tensor in another element type, itself when it has it: float f32, double f64, half f16, bfloat16 bf16, long i64, int i32,
--- short i16, char i8, byte u8, bool (where elements are not 0).
---@return scion.Tensor
function Tensor:bfloat16() end

--- Integers times 2^n (n at least 0).
---@param n integer|scion.Tensor
---@return scion.Tensor
function Tensor:bitwise_left_shift(n) end

--- Integers divided by 2^n, rounded down (n at least 0).
---@param n integer|scion.Tensor
---@return scion.Tensor
function Tensor:bitwise_right_shift(n) end

--- The tensor in another element type, itself when it has it: float f32, double f64, half f16, bfloat16 bf16, long i64, int i32,
--- short i16, char i8, byte u8, bool (where elements are not 0).
---@return scion.Tensor
function Tensor:bool() end

--- The tensor in another element type, itself when it has it: float f32, double f64, half f16, bfloat16 bf16, long i64, int i32,
--- short i16, char i8, byte u8, bool (where elements are not 0).
---@return scion.Tensor
function Tensor:byte() end

--- The tensor in another element type, itself when it has it: float f32, double f64, half f16, bfloat16 bf16, long i64, int i32,
--- short i16, char i8, byte u8, bool (where elements are not 0).
---@return scion.Tensor
function Tensor:char() end

--- The inverse of A A' from its lower Cholesky factor.
---@return scion.Tensor
function Tensor:cholesky_inverse() end

--- At most `chunks` views of equal size along dim; the last may be smaller.
---@param chunks integer
---@param dim? integer default 1
---@return scion.Tensor[]
function Tensor:chunk(chunks, dim) end

--- No element above `max`.
---@param max number
---@return scion.Tensor
function Tensor:clamp_max(max) end

--- No element above `max`, in place.
---@param max number
---@return scion.Tensor self
function Tensor:clamp_max_(max) end

--- No element below `min`.
---@param min number
---@return scion.Tensor
function Tensor:clamp_min(min) end

--- No element below `min`, in place.
---@param min number
---@return scion.Tensor self
function Tensor:clamp_min_(min) end

--- All choices of r elements of a vector, as rows, in the vector's order.
---@param r? integer default 2
---@param with_replacement? boolean
---@return scion.Tensor
function Tensor:combinations(r, with_replacement) end

--- Condition number: the largest singular value over the smallest (p = 2), or |x| |x^-1| in the norm "fro".
---@param p? "fro"|2
---@return scion.Tensor
function Tensor:cond(p) end

--- The size of x with the sign of another (of -0.0 too).
---@param other scion.Tensor|number
---@return scion.Tensor
function Tensor:copysign(other) end

--- Running integral by the trapezoid rule along dim; spacing dx.
---@param dx? number default 1
---@param dim? integer default -1
---@return scion.Tensor
function Tensor:cumulative_trapezoid(dx, dim) end

--- Degrees as radians.
---@return scion.Tensor
function Tensor:deg2rad() end

--- A matrix with the flattened elements on diagonal `offset`.
---@param offset? integer default 0
---@return scion.Tensor
function Tensor:diagflat(offset) end

--- The tensor in another element type, itself when it has it: float f32, double f64, half f16, bfloat16 bf16, long i64, int i32,
--- short i16, char i8, byte u8, bool (where elements are not 0).
---@return scion.Tensor
function Tensor:double() end

--- tensor_split along dimension 1 (vsplit), 2 (hsplit; 1 of a vector) or 3 (dsplit).
---@param sections integer|integer[]
---@return scion.Tensor[]
function Tensor:dsplit(sections) end

--- Eigenvalues of symmetric matrices, smallest first.
---@return scion.Tensor
function Tensor:eigvalsh() end

--- Bytes of one element.
---@return integer
function Tensor:element_size() end

--- Have both tensors the same shape and the same elements?
---@param other scion.Tensor
---@return boolean
function Tensor:equal(other) end

--- Fills the main diagonal of a matrix in place.
---@param value number
---@return scion.Tensor self
function Tensor:fill_diagonal_(value) end

--- The order of the elements along dimension 2 turned round.
---@return scion.Tensor
function Tensor:fliplr() end

--- The order of the elements along dimension 1 turned round.
---@return scion.Tensor
function Tensor:flipud() end

--- The tensor in another element type, itself when it has it: float f32, double f64, half f16, bfloat16 bf16, long i64, int i32,
--- short i16, char i8, byte u8, bool (where elements are not 0).
---@return scion.Tensor
function Tensor:float() end

--- x to a power, computed in f64.
---@param exponent scion.Tensor|number
---@return scion.Tensor
function Tensor:float_power(exponent) end

--- The larger of two, elementwise with broadcasting; of a number and NaN the number.
---@param other scion.Tensor|number
---@return scion.Tensor
function Tensor:fmax(other) end

--- The smaller of two, elementwise with broadcasting; of a number and NaN the number.
---@param other scion.Tensor|number
---@return scion.Tensor
function Tensor:fmin(other) end

--- Greatest common divisor of integers, elementwise with broadcasting; gcd(0, 0) is 0.
---@param other scion.Tensor
---@return scion.Tensor
function Tensor:gcd(other) end

--- Samples of the Gumbel-softmax distribution (Jang et al. 2017). hard: one-hot values with the gradient of the soft ones.
---@param opts? { tau?: number, hard?: boolean, dim?: integer }
---@return scion.Tensor
function Tensor:gumbel_softmax(opts) end

--- The tensor in another element type, itself when it has it: float f32, double f64, half f16, bfloat16 bf16, long i64, int i32,
--- short i16, char i8, byte u8, bool (where elements are not 0).
---@return scion.Tensor
function Tensor:half() end

--- 0 below 0, 1 above, `values` at 0.
---@param values scion.Tensor|number
---@return scion.Tensor
function Tensor:heaviside(values) end

--- tensor_split along dimension 1 (vsplit), 2 (hsplit; 1 of a vector) or 3 (dsplit).
---@param sections integer|integer[]
---@return scion.Tensor[]
function Tensor:hsplit(sections) end

--- A copy with values written at the positions that id tensors name together; see index_put_.
---@param ids scion.Tensor[]
---@param values scion.Tensor|number
---@param accumulate? boolean
---@return scion.Tensor
function Tensor:index_put(ids, values, accumulate) end

--- Writes values at the positions that id tensors name together, in place: x:index_put_({ rows, columns }, values). Fewer ids
--- than dimensions write whole rows; values broadcast. accumulate adds instead, repeated positions too.
---@param ids scion.Tensor[] i64 from 1, broadcast together; or masks of one dimension
---@param values scion.Tensor|number
---@param accumulate? boolean
---@return scion.Tensor self
function Tensor:index_put_(ids, values, accumulate) end

--- The tensor in another element type, itself when it has it: float f32, double f64, half f16, bfloat16 bf16, long i64, int i32,
--- short i16, char i8, byte u8, bool (where elements are not 0).
---@return scion.Tensor
function Tensor:int() end

--- Is the element type one of floating-point numbers?
---@return boolean
function Tensor:is_floating_point() end

--- Is it negative infinity?
---@return scion.Tensor bool
function Tensor:isneginf() end

--- Is it positive infinity?
---@return scion.Tensor bool
function Tensor:isposinf() end

--- Least common multiple of integers, elementwise with broadcasting; 0 where either is 0.
---@param other scion.Tensor
---@return scion.Tensor
function Tensor:lcm(other) end

--- x * 2^exponent.
---@param exponent scion.Tensor|number
---@return scion.Tensor
function Tensor:ldexp(exponent) end

--- log2(2^a + 2^b) without overflow.
---@param other scion.Tensor
---@return scion.Tensor
function Tensor:logaddexp2(other) end

--- The tensor in another element type, itself when it has it: float f32, double f64, half f16, bfloat16 bf16, long i64, int i32,
--- short i16, char i8, byte u8, bool (where elements are not 0).
---@return scion.Tensor
function Tensor:long() end

--- Matrix exponential of square matrices: scaling and squaring with the [13/13] Pade approximant (Higham 2005), which has gradients of any order.
---@return scion.Tensor
function Tensor:matrix_exp() end

--- Values sorted along dimension 1.
---@return scion.Tensor
function Tensor:msort() end

--- Ids drawn with the given weights (rows of a matrix separately): i64 from 1, (n_samples) or (rows, n_samples).
---@param n_samples integer
---@param replacement? boolean may an id come more than once? default false
---@return scion.Tensor
function Tensor:multinomial(n_samples, replacement) end

--- The median of the elements that are not NaN (the lower of two), over everything.
---@return scion.Tensor
function Tensor:nanmedian() end

--- Bytes of all elements.
---@return integer
function Tensor:nbytes() end

--- A tensor of another shape in the element type of this one: new_zeros(2, 3), new_ones, new_empty, new_full({ 2, 3 }, 7).
---@return scion.Tensor
function Tensor:new_empty(...) end

--- A tensor of another shape in the element type of this one: new_zeros(2, 3), new_ones, new_empty, new_full({ 2, 3 }, 7).
---@return scion.Tensor
function Tensor:new_full(...) end

--- A tensor of another shape in the element type of this one: new_zeros(2, 3), new_ones, new_empty, new_full({ 2, 3 }, 7).
---@return scion.Tensor
function Tensor:new_ones(...) end

--- A tensor of the given numbers in the element type of this one.
---@param value scion.Numbers
---@param opts? { dtype?: scion.dtype, requires_grad?: boolean }
---@return scion.Tensor
function Tensor:new_tensor(value, opts) end

--- A tensor of another shape in the element type of this one: new_zeros(2, 3), new_ones, new_empty, new_full({ 2, 3 }, 7).
---@return scion.Tensor
function Tensor:new_zeros(...) end

--- Distances between all pairs of rows of (N, D), as the vector of the upper triangle.
---@param p? number order, default 2
---@return scion.Tensor
function Tensor:pdist(p) end

--- x itself (PyTorch's unary plus).
---@return scion.Tensor
function Tensor:positive() end

--- Radians as degrees.
---@return scion.Tensor
function Tensor:rad2deg() end

--- Random integers low .. high - 1 of a tensor's shape and type: randint_like(x, high) or randint_like(x, low, high).
---@param low integer
---@param high? integer
---@return scion.Tensor
function Tensor:randint_like(low, high) end

--- All elements in one dimension, in row-major order.
---@return scion.Tensor
function Tensor:ravel() end

--- Keeps the gradient of a tensor that is not a leaf in its .grad during backward.
---@return scion.Tensor self
function Tensor:retain_grad() end

--- Turned by k times 90 degrees from the first towards the second dimension of `dims`.
---@param k? integer default 1
---@param dims? integer[] default { 1, 2 }
---@return scion.Tensor
function Tensor:rot90(k, dims) end

--- The tensor in another element type, itself when it has it: float f32, double f64, half f16, bfloat16 bf16, long i64, int i32,
--- short i16, char i8, byte u8, bool (where elements are not 0).
---@return scion.Tensor
function Tensor:short() end

--- Is the sign negative? -0.0 counts as negative.
---@return scion.Tensor bool
function Tensor:signbit() end

--- sin(pi x) / (pi x), 1 at 0, with gradients of first order there.
---@return scion.Tensor
function Tensor:sinc() end

--- Views of `split_size` elements along dim (the last may be smaller), or of the sizes in a list.
---@param split_size integer|integer[]
---@param dim? integer default 1
---@return scion.Tensor[]
function Tensor:split(split_size, dim) end

--- Singular values of matrices, largest first.
---@return scion.Tensor
function Tensor:svdvals() end

--- Views along dim: a number of parts whose sizes differ by at most one, or a list of the first ids of all parts but the first.
---@param sections integer|integer[]
---@param dim? integer default 1
---@return scion.Tensor[]
function Tensor:tensor_split(sections, dim) end

--- The tensor in the element type of another.
---@param other scion.Tensor
---@return scion.Tensor
function Tensor:type_as(other) end

--- Views without dimension dim, one for each of its elements.
---@param dim? integer default 1
---@return scion.Tensor[]
function Tensor:unbind(dim) end

--- Elements of windows of `size` every `step` along dim, as a new last dimension: a view. (scion.unfold gives the columns
--- of image patches, as PyTorch's F.unfold.)
---@param dim integer
---@param size integer
---@param step? integer default 1
---@return scion.Tensor
function Tensor:unfold(dim, size, step) end

--- Powers of a vector's elements as columns, from n - 1 down to 0 (up with increasing).
---@param n? integer default as many as elements
---@param opts? { increasing?: boolean }
---@return scion.Tensor
function Tensor:vander(n, opts) end

--- Sum of products along a dimension, default the last, with broadcasting.
---@param other scion.Tensor
---@param dim? integer
---@return scion.Tensor
function Tensor:vecdot(other, dim) end

--- p-norm of vectors along a dimension (default: of all elements). p = 2; 0 counts what is not 0; math.huge and -math.huge: extremes of |x|.
---@param p? number
---@param dim? integer
---@param keepdim? boolean
---@return scion.Tensor
function Tensor:vector_norm(p, dim, keepdim) end

--- The same elements in another shape, sharing storage; an error where that needs a copy (reshape makes one).
---@param ... integer|integer[] sizes; one may be -1
---@return scion.Tensor
function Tensor:view(...) end

--- view in the shape of another tensor.
---@param other scion.Tensor
---@return scion.Tensor
function Tensor:view_as(other) end

--- tensor_split along dimension 1 (vsplit), 2 (hsplit; 1 of a vector) or 3 (dsplit).
---@param sections integer|integer[]
---@return scion.Tensor[]
function Tensor:vsplit(sections) end

--- self where condition, other elsewhere: x:where(cond, other).
---@param condition scion.Tensor bool
---@param other scion.Tensor|number
---@return scion.Tensor
function Tensor:where(condition, other) end

--- beta * x + alpha * (sum over the batch of products of matrices).
---@param batch1 scion.Tensor (B, m, k)
---@param batch2 scion.Tensor (B, k, n)
---@param opts? { beta?: number, alpha?: number }
---@return scion.Tensor
function scion.addbmm(batch1, batch2, opts) end

--- beta * x + alpha * (outer product of two vectors).
---@param vec1 scion.Tensor
---@param vec2 scion.Tensor
---@param opts? { beta?: number, alpha?: number }
---@return scion.Tensor
function scion.addr(vec1, vec2, opts) end

--- Smallest and largest element, over everything or along a dimension.
---@param dim? integer
---@param keepdim? boolean
---@return scion.Tensor min, scion.Tensor max
function scion.aminmax(dim, keepdim) end

--- A tensor itself, anything else through scion.tensor.
---@param value scion.Tensor|scion.Numbers
---@param opts? scion.dtype|{ dtype?: scion.dtype }
---@return scion.Tensor
function scion.as_tensor(value, opts) end

--- The tensor with at least 1, 2 or 3 dimensions: a vector becomes a row (1, n) or (1, n, 1), a matrix (m, n, 1).
---@return scion.Tensor
function scion.atleast_1d() end

--- The tensor with at least 1, 2 or 3 dimensions: a vector becomes a row (1, n) or (1, n, 1), a matrix (m, n, 1).
---@return scion.Tensor
function scion.atleast_2d() end

--- The tensor with at least 1, 2 or 3 dimensions: a vector becomes a row (1, n) or (1, n, 1), a matrix (m, n, 1).
---@return scion.Tensor
function scion.atleast_3d() end

--- Integers times 2^n (n at least 0).
---@param n integer|scion.Tensor
---@return scion.Tensor
function scion.bitwise_left_shift(n) end

--- Integers divided by 2^n, rounded down (n at least 0).
---@param n integer|scion.Tensor
---@return scion.Tensor
function scion.bitwise_right_shift(n) end

--- Matrices along the diagonal of a larger one, zeros elsewhere.
---@param tensors scion.Tensor[]
---@return scion.Tensor
function scion.block_diag(tensors, ...) end

--- The shape that tensors of these shapes broadcast to.
---@param ... integer[]
---@return integer[]
function scion.broadcast_shapes(...) end

--- Views of all tensors in the shape they broadcast to.
---@param tensors scion.Tensor[]
---@return scion.Tensor[]
function scion.broadcast_tensors(tensors, ...) end

--- All combinations of one element from each vector, as rows; one vector alone is returned as it is.
---@param ... scion.Tensor
---@return scion.Tensor
function scion.cartesian_prod(...) end

--- The product of several matrices in the order that needs the fewest multiplications.
---@param tensors scion.Tensor[]
---@return scion.Tensor
function scion.chain_matmul(tensors, ...) end

--- The inverse of A A' from its lower Cholesky factor.
---@return scion.Tensor
function scion.cholesky_inverse() end

--- At most `chunks` views of equal size along dim; the last may be smaller.
---@param chunks integer
---@param dim? integer default 1
---@return scion.Tensor[]
function scion.chunk(chunks, dim) end

--- No element above `max`.
---@param max number
---@return scion.Tensor
function scion.clamp_max(max) end

--- No element below `min`.
---@param min number
---@return scion.Tensor
function scion.clamp_min(min) end

--- Vectors as the columns of a matrix; matrices side by side.
---@param tensors scion.Tensor[]
---@return scion.Tensor
function scion.column_stack(tensors, ...) end

--- All choices of r elements of a vector, as rows, in the vector's order.
---@param r? integer default 2
---@param with_replacement? boolean
---@return scion.Tensor
function scion.combinations(r, with_replacement) end

--- Condition number: the largest singular value over the smallest (p = 2), or |x| |x^-1| in the norm "fro".
---@param p? "fro"|2
---@return scion.Tensor
function scion.cond(p) end

--- The size of x with the sign of another (of -0.0 too).
---@param other scion.Tensor|number
---@return scion.Tensor
function scion.copysign(other) end

--- Running integral by the trapezoid rule along dim; spacing dx.
---@param dx? number default 1
---@param dim? integer default -1
---@return scion.Tensor
function scion.cumulative_trapezoid(dx, dim) end

--- Degrees as radians.
---@return scion.Tensor
function scion.deg2rad() end

--- A matrix with the flattened elements on diagonal `offset`.
---@param offset? integer default 0
---@return scion.Tensor
function scion.diagflat(offset) end

--- tensor_split along dimension 1 (vsplit), 2 (hsplit; 1 of a vector) or 3 (dsplit).
---@param sections integer|integer[]
---@return scion.Tensor[]
function scion.dsplit(sections) end

--- Tensors joined along dimension 3.
---@param tensors scion.Tensor[]
---@return scion.Tensor
function scion.dstack(tensors, ...) end

--- Eigenvalues of symmetric matrices, smallest first.
---@return scion.Tensor
function scion.eigvalsh() end

--- Have both tensors the same shape and the same elements?
---@param other scion.Tensor
---@return boolean
function scion.equal(other) end

--- The order of the elements along dimension 2 turned round.
---@return scion.Tensor
function scion.fliplr() end

--- The order of the elements along dimension 1 turned round.
---@return scion.Tensor
function scion.flipud() end

--- x to a power, computed in f64.
---@param exponent scion.Tensor|number
---@return scion.Tensor
function scion.float_power(exponent) end

--- The larger of two, elementwise with broadcasting; of a number and NaN the number.
---@param other scion.Tensor|number
---@return scion.Tensor
function scion.fmax(other) end

--- The smaller of two, elementwise with broadcasting; of a number and NaN the number.
---@param other scion.Tensor|number
---@return scion.Tensor
function scion.fmin(other) end

--- Greatest common divisor of integers, elementwise with broadcasting; gcd(0, 0) is 0.
---@param other scion.Tensor
---@return scion.Tensor
function scion.gcd(other) end

--- Samples of the Gumbel-softmax distribution (Jang et al. 2017). hard: one-hot values with the gradient of the soft ones.
---@param opts? { tau?: number, hard?: boolean, dim?: integer }
---@return scion.Tensor
function scion.gumbel_softmax(opts) end

--- 0 below 0, 1 above, `values` at 0.
---@param values scion.Tensor|number
---@return scion.Tensor
function scion.heaviside(values) end

--- tensor_split along dimension 1 (vsplit), 2 (hsplit; 1 of a vector) or 3 (dsplit).
---@param sections integer|integer[]
---@return scion.Tensor[]
function scion.hsplit(sections) end

--- Tensors joined side by side: along dimension 2, vectors along 1.
---@param tensors scion.Tensor[]
---@return scion.Tensor
function scion.hstack(tensors, ...) end

--- A copy with values written at the positions that id tensors name together; see index_put_.
---@param ids scion.Tensor[]
---@param values scion.Tensor|number
---@param accumulate? boolean
---@return scion.Tensor
function scion.index_put(ids, values, accumulate) end

--- Is it negative infinity?
---@return scion.Tensor bool
function scion.isneginf() end

--- Is it positive infinity?
---@return scion.Tensor bool
function scion.isposinf() end

--- Least common multiple of integers, elementwise with broadcasting; 0 where either is 0.
---@param other scion.Tensor
---@return scion.Tensor
function scion.lcm(other) end

--- x * 2^exponent.
---@param exponent scion.Tensor|number
---@return scion.Tensor
function scion.ldexp(exponent) end

--- log2(2^a + 2^b) without overflow.
---@param other scion.Tensor
---@return scion.Tensor
function scion.logaddexp2(other) end

--- Matrix exponential of square matrices: scaling and squaring with the [13/13] Pade approximant (Higham 2005), which has gradients of any order.
---@return scion.Tensor
function scion.matrix_exp() end

--- Vectors of coordinates as tensors over the grid they span. indexing "ij" (default): dimension k follows vector k; "xy":
--- the first two are exchanged.
---@param tensors scion.Tensor[]
---@param opts? { indexing?: "ij"|"xy" }
---@return scion.Tensor[]
function scion.meshgrid(tensors, opts) end

--- Values sorted along dimension 1.
---@return scion.Tensor
function scion.msort() end

--- The product of several matrices in the order that needs the fewest multiplications.
---@param tensors scion.Tensor[]
---@return scion.Tensor
function scion.multi_dot(tensors, ...) end

--- Ids drawn with the given weights (rows of a matrix separately): i64 from 1, (n_samples) or (rows, n_samples).
---@param n_samples integer
---@param replacement? boolean may an id come more than once? default false
---@return scion.Tensor
function scion.multinomial(n_samples, replacement) end

--- The median of the elements that are not NaN (the lower of two), over everything.
---@return scion.Tensor
function scion.nanmedian() end

--- Distances between all pairs of rows of (N, D), as the vector of the upper triangle.
---@param p? number order, default 2
---@return scion.Tensor
function scion.pdist(p) end

--- x itself (PyTorch's unary plus).
---@return scion.Tensor
function scion.positive() end

--- Radians as degrees.
---@return scion.Tensor
function scion.rad2deg() end

--- Random integers low .. high - 1 of a tensor's shape and type: randint_like(x, high) or randint_like(x, low, high).
---@param low integer
---@param high? integer
---@return scion.Tensor
function scion.randint_like(low, high) end

--- All elements in one dimension, in row-major order.
---@return scion.Tensor
function scion.ravel() end

--- Turned by k times 90 degrees from the first towards the second dimension of `dims`.
---@param k? integer default 1
---@param dims? integer[] default { 1, 2 }
---@return scion.Tensor
function scion.rot90(k, dims) end

--- Tensors joined one below the other; vectors become rows.
---@param tensors scion.Tensor[]
---@return scion.Tensor
function scion.row_stack(tensors, ...) end

--- Is the sign negative? -0.0 counts as negative.
---@return scion.Tensor bool
function scion.signbit() end

--- sin(pi x) / (pi x), 1 at 0, with gradients of first order there.
---@return scion.Tensor
function scion.sinc() end

--- Views of `split_size` elements along dim (the last may be smaller), or of the sizes in a list.
---@param split_size integer|integer[]
---@param dim? integer default 1
---@return scion.Tensor[]
function scion.split(split_size, dim) end

--- Singular values of matrices, largest first.
---@return scion.Tensor
function scion.svdvals() end

--- Views along dim: a number of parts whose sizes differ by at most one, or a list of the first ids of all parts but the first.
---@param sections integer|integer[]
---@param dim? integer default 1
---@return scion.Tensor[]
function scion.tensor_split(sections, dim) end

--- Rows and columns (2, n) of the elements on and below (tril_indices) or above (triu_indices) diagonal `offset`.
---@param rows integer
---@param columns integer
---@param offset? integer default 0
---@return scion.Tensor
function scion.tril_indices(rows, columns, offset) end

--- Rows and columns (2, n) of the elements on and below (tril_indices) or above (triu_indices) diagonal `offset`.
---@param rows integer
---@param columns integer
---@param offset? integer default 0
---@return scion.Tensor
function scion.triu_indices(rows, columns, offset) end

--- Views without dimension dim, one for each of its elements.
---@param dim? integer default 1
---@return scion.Tensor[]
function scion.unbind(dim) end

--- Ids into a flattened tensor of `shape` as one id tensor for each dimension.
---@param ids scion.Tensor  i64, from 1
---@param shape integer[]
---@return scion.Tensor[]
function scion.unravel_index(ids, shape) end

--- Powers of a vector's elements as columns, from n - 1 down to 0 (up with increasing).
---@param n? integer default as many as elements
---@param opts? { increasing?: boolean }
---@return scion.Tensor
function scion.vander(n, opts) end

--- Sum of products along a dimension, default the last, with broadcasting.
---@param other scion.Tensor
---@param dim? integer
---@return scion.Tensor
function scion.vecdot(other, dim) end

--- p-norm of vectors along a dimension (default: of all elements). p = 2; 0 counts what is not 0; math.huge and -math.huge: extremes of |x|.
---@param p? number
---@param dim? integer
---@param keepdim? boolean
---@return scion.Tensor
function scion.vector_norm(p, dim, keepdim) end

--- tensor_split along dimension 1 (vsplit), 2 (hsplit; 1 of a vector) or 3 (dsplit).
---@param sections integer|integer[]
---@return scion.Tensor[]
function scion.vsplit(sections) end

--- Tensors joined one below the other; vectors become rows.
---@param tensors scion.Tensor[]
---@return scion.Tensor
function scion.vstack(tensors, ...) end

---@class scion.BnnRepurposer: scion.PredictorRepurposer
---@overload fun(...): scion.BnnRepurposer
scion.BnnRepurposer = {}

function scion.BnnRepurposer:init(opts) end

--- A function of tensors with its own gradient, as PyTorch's autograd.Function. forward(ctx, ...) computes without recording and may
--- keep what backward needs in ctx; backward(ctx, gradients of the outputs...) returns one gradient (or nil) for each argument of
--- forward, those that are no tensors included. What backward computes with operations can be differentiated again.
--- ctx.needs_input_grad[i] tells whether argument i asks for a gradient.
---@param spec { name?: string, forward: fun(ctx: table, ...): ..., backward: fun(ctx: table, ...): ... }
---@return fun(...): scion.Tensor
function scion.Function(spec) end

---@class scion.GaussianProcess
---@overload fun(...): scion.GaussianProcess
scion.GaussianProcess = {}

--- Fits hyper-parameters (unless fixed) and the posterior. x (N, D) and y (N): tensors; y may be a list. `theta`: logarithms of
--- hyper-parameters, as an earlier fit left them in gp.theta, as the first start. Returns itself.
function scion.GaussianProcess:fit(x, y, theta) end

--- opts: kernel ("matern52", "matern32", "matern12", "rbf"), ard, tie, length_scale, variance, noise, or components = a list of
--- { columns, kernel, ard, tie, length_scale, variance } to be summed; fixed, normalise_y, priors, bounds, restarts, max_iter, seed.
--- priors: { length_scale = { mean, deviation, shared = 0 }, variance = { mean, deviation }, noise = { mean, deviation } }, normal, of
--- logarithms; shared is the deviation of a mean that the length scales of a component have in common, which they show themselves.
--- Without priors (priors = false) hyper-parameters are those of maximum evidence. The default priors are wide: log length
--- scale normal around sqrt(2) + log(D) / 2 with deviation sqrt(3) (Hvarfner et al. 2024), log variance around 0 (deviation 2),
--- log noise around log 1e-4 (deviation 3), all of standardised y.
function scion.GaussianProcess:init(opts) end

--- Log evidence (marginal likelihood) of standardised y at the hyper-parameters found, without priors. With
--- theta (logarithms, in the order of gp.theta): there, and its gradient as a second result.
function scion.GaussianProcess:log_evidence(theta) end

--- Posterior mean and variance (M) of the function at x (M, D), in units of y, f64. Add gp.noise to the variance for that of
--- a new observation. Differentiable in x.
---@return scion.Tensor mean
---@return scion.Tensor variance
function scion.GaussianProcess:predict(x) end

--- Joint draws of the function at x (M, D): (n, M), f64. seed: of the draws.
function scion.GaussianProcess:sample(x, n, seed) end

---@class scion.GpRepurposer: scion.PredictorRepurposer
---@overload fun(...): scion.GpRepurposer
scion.GpRepurposer = {}

---@class scion.KnnRepurposer: scion.PredictorRepurposer
---@overload fun(...): scion.KnnRepurposer
scion.KnnRepurposer = {}

---@class scion.LinearRegressionRepurposer: scion.RidgeRepurposer
---@overload fun(...): scion.LinearRegressionRepurposer
scion.LinearRegressionRepurposer = {}

--- The constructor's options; alpha is none of them.
function scion.LinearRegressionRepurposer:get_params() end

---@class scion.LrRepurposer: scion.PredictorRepurposer
---@overload fun(...): scion.LrRepurposer
scion.LrRepurposer = {}

---@class scion.MetaModelRepurposer: scion.Repurposer
---@overload fun(...): scion.MetaModelRepurposer
scion.MetaModelRepurposer = {}

--- Features of the data: { features = (N, F), feature_indices_per_layer = list of { layer, first, last }, ids }.
--- Columns follow the order of feature_layer_names.
function scion.MetaModelRepurposer:get_features_from_source_model(iterator) end

function scion.MetaModelRepurposer:init(opts) end

--- Trains for the task that the iterator shows. Returns itself.
function scion.MetaModelRepurposer:repurpose(train) end

---@class scion.ModelHandler
---@overload fun(...): scion.ModelHandler
scion.ModelHandler = {}

--- Another input: name, and { shape = { -1, 3, 32, 32 }, dtype = } where they are known.
function scion.ModelHandler:add_input(name, spec) end

--- Puts layers before the first ones, in the order of the list: { A, B } before 1, 2 gives A, B, 1, 2.
---@param layers scion.Net[]
---@param opts? { input?: string } which input, where there are several
function scion.ModelHandler:add_layer_bottom(layers, opts) end

--- Puts layers on the output, in the order of the list.
---@param layers scion.Net[]
---@param opts? { output?: string } which output, where there are several
function scion.ModelHandler:add_layer_top(layers, opts) end

--- What differs from the network at the beginning: { added, removed, renamed, rewired, altered, parameters, inputs, outputs },
--- which prints itself as a diff.
function scion.ModelHandler:changes() end

--- Copies a branch of another network into this one. It reads values of this model (`at`) and becomes a further output, or is
--- added to or concatenated with a layer (`join`, `with`), whose readers then read the joined value.
---   mh:copy_branch { source = other, from = { "pool1" }, to = "fc7", at = { "pool1" }, prefix = "other", join = "cat", with = "fc7" }
---@return string[] values names of the branch's values in this model
function scion.ModelHandler:copy_branch(opts) end

--- Keeps what is computed up to and including a layer, which becomes the output; keep = "top" keeps what comes after it instead,
--- and its value becomes the input.
---@param name string
---@param opts? { keep?: "bottom"|"top" }
function scion.ModelHandler:cut_after(name, opts) end

--- Keeps what is computed before a layer; keep = "top" keeps the layer and what comes after it.
---@param name string
---@param opts? { keep?: "bottom"|"top" }
function scion.ModelHandler:cut_before(name, opts) end

--- Drops the first n layers; the input stays, under its name, and feeds what is left. opts.input names the input where
--- there are several.
---@param n? integer default 1
---@param opts? { input?: string }
---@return string[] dropped
function scion.ModelHandler:drop_layer_bottom(n, opts) end

--- Drops the last n layers. Where branches meet, n must take the whole block away, or opts.branch names a layer of the
--- branch to keep; with several outputs opts.output names one.
---@param n? integer default 1
---@param opts? { branch?: string, output?: string }
---@return string[] dropped
function scion.ModelHandler:drop_layer_top(n, opts) end

--- Names of the layers of a type ("Convolution" or "Conv2d"; case does not matter), in the order of the graph.
---@param wanted string
---@return string[]
function scion.ModelHandler:get_layer_names_matching_type(wanted) end

--- Values of layers for all items of an iterator: each batch runs once, however many layers are asked for.
---   local features, labels = mh:get_layer_output { data_iterator = it, layer_names = { "fc6", "fc8" } }
--- features.fc6 is (N, F), rows in the order of the data; padding is cut off. Options: flatten = true (false keeps the
--- shapes), cache (a scion.features.Cache, false), out (a file that takes the values as they come, for more than memory
--- holds; a layer is read from it when it is touched, and features.File gives its rows as a data set), progress.
---@return table features  by layer name, in the order asked for
---@return any[]|scion.Tensor|nil labels as the data spell them; targets where the data have no classes
---@return scion.Tensor? ids
function scion.ModelHandler:get_layer_output(opts, layer_names) end

--- Names of the parameters and buffers that exactly these layers own.
---@param names string[]
---@return string[]
function scion.ModelHandler:get_layer_parameters(names) end

--- The type of a layer under MXNet's name and under ours: "Activation", "ReLU".
---@param name string
---@return string mxnet, string own
function scion.ModelHandler:get_layer_type(name) end

--- A net of its own (weights are copied) for the data of an iterator: layers that wait for their input's size get weights, the
--- random ones get new values and the shapes that the graph gives them, the fixed ones no gradient. Batch norms whose
--- parameters are fixed keep their running statistics too. Names of parameters that the model does not have are warned about.
---@param it any    an iterator over the data, or the shape of the input, batch first
---@param opts? { fixed_layer_parameters?: string[], random_layer_parameters?: string[] }
---@return scion.Net
function scion.ModelHandler:get_module(it, opts) end

--- A handler of a net, or of a repurposer's network. opts: data_name renames the (first) input; context_function and
--- num_devices are Xfer's and take "cpu" and 1.
---@param model scion.Net|table
function scion.ModelHandler:init(model, opts) end

--- Inserts layers behind a layer: everything that read it reads the last of them.
---@param name string
---@param layers scion.Net|scion.Net[]
function scion.ModelHandler:insert_layer_after(name, layers) end

--- Inserts layers before a layer of one input; other readers of that input are left alone.
---@param name string
---@param layers scion.Net|scion.Net[]
function scion.ModelHandler:insert_layer_before(name, layers) end

--- Renames a layer and the parameters that bear its name.
---@param old string
---@param new string
function scion.ModelHandler:rename_layer(old, new) end

--- Another layer in the place of one; it keeps the old name unless it brings its own.
---@param name string
---@param layer scion.Net
function scion.ModelHandler:replace_layer(name, layer) end

--- Writes the network of now as it is (scion's format).
function scion.ModelHandler:save(path) end

--- Xfer's name for save.
function scion.ModelHandler:save_symbol(path) end

--- Which values the model gives: a list of layer names. What they do not need is dropped.
---@param names string[]
function scion.ModelHandler:set_outputs(names) end

--- A table of layers, types, output shapes and parameters; see net:summary.
---@param shapes? table shape of the input, batch first
function scion.ModelHandler:summary(shapes) end

--- Takes back the last n edits (default 1). Returns what was taken back, the newest first.
---@param n? integer
function scion.ModelHandler:undo(n) end

--- Puts another network in the place of this one, as an edit that can be taken back. Xfer's name: update_sym.
---@param net scion.Net
function scion.ModelHandler:update_net(net) end

--- Xfer's name for update_net.
function scion.ModelHandler:update_sym(net) end

--- Draws the network: "net.svg", "net.png", "net.pdf" (by Graphviz's dot), "net.dot" (its text), "net.txt" or nothing (as text).
--- opts: input_shape (batch first; shapes are then shown), net (another net to draw, such as a module). Returns the text of the
--- drawing. Without Graphviz a picture cannot be made: that is said, and the text is returned.
function scion.ModelHandler:visualize_net(path, opts) end

---@class scion.NearestPrototypeRepurposer: scion.PredictorRepurposer
---@overload fun(...): scion.NearestPrototypeRepurposer
scion.NearestPrototypeRepurposer = {}

---@class scion.NeuralNetworkFineTuneRepurposer: scion.NeuralNetworkRepurposer
---@overload fun(...): scion.NeuralNetworkFineTuneRepurposer
scion.NeuralNetworkFineTuneRepurposer = {}

function scion.NeuralNetworkFineTuneRepurposer:init(opts) end

---@class scion.NeuralNetworkRandomFreezeRepurposer: scion.NeuralNetworkRepurposer
---@overload fun(...): scion.NeuralNetworkRandomFreezeRepurposer
scion.NeuralNetworkRandomFreezeRepurposer = {}

function scion.NeuralNetworkRandomFreezeRepurposer:init(opts) end

---@class scion.NeuralNetworkRepurposer: scion.Repurposer
---@overload fun(...): scion.NeuralNetworkRepurposer
scion.NeuralNetworkRepurposer = {}

--- How training ended: { converged, epochs, stopped, loss }. converged: the loss of the last epoch is the least or within a percent of it.
function scion.NeuralNetworkRepurposer:convergence() end

--- The learning-rate range test on this task: { lr (a suggestion), rates, losses }, which prints itself. Trains a copy, so that
--- nothing changes. opts: from = 1e-6, to = 1, steps = 60, out (a picture: SVG, PNG, PDF).
function scion.NeuralNetworkRepurposer:find_learning_rate(train, opts) end

--- Functions and live objects do not go into files.
function scion.NeuralNetworkRepurposer:get_params() end

function scion.NeuralNetworkRepurposer:init(opts) end

--- Trains for the task that the iterator shows. Returns itself.
function scion.NeuralNetworkRepurposer:repurpose(train) end

function scion.NeuralNetworkRepurposer:restore(net, info) end

---@class scion.Repurposer
---@overload fun(...): scion.Repurposer
scion.Repurposer = {}

--- Share of right predictions on labelled data.
function scion.Repurposer:accuracy(data) end

--- Fits the temperature of the probabilities on labelled data that were not used for training. Returns it.
---@return number temperature
function scion.Repurposer:calibrate(data) end

--- k-fold cross-validation: trains a new repurposer with the same options on every fold and measures it on the rest.
--- Features of the source network are computed once for all folds. opts: folds = 5, repeats = 1, first (only so many of the folds, for
--- a rougher answer in less time), seed = 0.
---@return table result folds (measures of each), mean, std by measure; predicted and truth in the order of the data (last repeat)
function scion.Repurposer:cross_validate(data, opts) end

--- Predictions beside the truth on labelled data, which print their measures. Classes: accuracy, confusion table, measures (accuracy, log_loss, ece where the classes are
--- known), the lists of labels. Regression: rmse, mae, r2. Multi-label: subset_accuracy, hamming_loss, f1.
---@return { accuracy: number, confusion: table, predicted: any[], truth: any[], measures: table }
function scion.Repurposer:evaluate(data) end

--- The constructor's options as plain data, without the source model: what save keeps and load hands back.
function scion.Repurposer:get_params() end

function scion.Repurposer:init(opts) end

--- Predicted numbers of regression: (N), or (N, D) for several targets; labels for classification.
function scion.Repurposer:predict(data) end

--- Class ids (N), 1..K.
function scion.Repurposer:predict_id(data) end

--- Labels, as a list: the values that the training data used; numbers for regression, lists of labels for multi-label.
function scion.Repurposer:predict_label(data) end

--- Probabilities (N, K) of tensors or data, in the order of the data; rows add up to one (not for multi-label).
function scion.Repurposer:predict_probability(data) end

--- Predictive variance, where the family has one: of the numbers of regression, shaped like predict's (Gaussian processes, Bayesian
--- networks); of the latent functions of classes (N, K) (Gaussian processes).
function scion.Repurposer:predict_variance(data) end

--- How far confidence and accuracy are apart on labelled data: { ece, log_loss, bins }, which prints itself; opts.out draws the
--- reliability diagram (SVG, PNG, PDF).
function scion.Repurposer:reliability(data, opts) end

--- Trains for the task that the iterator shows. Returns itself.
function scion.Repurposer:repurpose(_) end

--- Writes one file that scion.load, predict.lua and C hosts read. Classes without a graph form are asked to serialize(path): what they
--- return (a table of tensors and plain values) becomes part of the file. opts.save_source = false leaves the source network out; it must
--- then be given to scion.load, which compares its hash.
---@param path string
---@param opts? { save_source?: boolean }
function scion.Repurposer:save(path, opts) end

--- Xfer's name for save: to the file model_name in model_directory.
---@param model_name string
---@param model_directory? string    default: here
---@param save_source_model? boolean default: with the source
function scion.Repurposer:save_repurposer(model_name, model_directory, save_source_model) end

--- The whole thing as one network: preprocessing, trunk, head, softmax. C hosts and predict.lua run it.
function scion.Repurposer:to_net() end

---@class scion.RidgeRepurposer: scion.PredictorRepurposer
---@overload fun(...): scion.RidgeRepurposer
scion.RidgeRepurposer = {}

---@class scion.SvmRepurposer: scion.PredictorRepurposer
---@overload fun(...): scion.SvmRepurposer
scion.SvmRepurposer = {}

--- Fits the temperature of the probabilities on labelled data that were not used for training. Returns it.
---@return number temperature
function scion.SvmRepurposer:calibrate(...) end

--- Probabilities (N, K) of tensors or data, in the order of the data; rows add up to one (not for multi-label).
function scion.SvmRepurposer:predict_probability(...) end

--- How far confidence and accuracy are apart on labelled data: { ece, log_loss, bins }, which prints itself; opts.out draws the
--- reliability diagram (SVG, PNG, PDF).
function scion.SvmRepurposer:reliability(...) end

function scion.SvmRepurposer:restore(net, info) end

---@class scion.VotingRepurposer: scion.PredictorRepurposer
---@overload fun(...): scion.VotingRepurposer
scion.VotingRepurposer = {}

--- The members as repurposers of their own.
function scion.VotingRepurposer:init(opts) end

scion.check = {}

--- Rules. settings: default, required, min, max, above, below (numbers), of (element rule of lists).
function scion.check.any(settings) end

--- Checks one positional argument; returns the accepted value. level as in opts.
function scion.check.arg(where, name, value, entry, level) end

--- true or false.
function scion.check.boolean(settings) end

--- One of the given strings.
function scion.check.choice(choices, settings) end

--- Short text of a value for messages: strings quoted, tensors with their shape, tables by kind.
function scion.check.describe(value) end

--- Any of several rules.
function scion.check.either(rules, settings) end

--- A function; also under the name func, which needs no quotes.
function scion.check.func(settings) end

--- A whole number; floats without a fraction are taken as integers.
function scion.check.integer(settings) end

--- What a rule (or a plain default) asks for, in words, and its default: for help.
---@return string kind
---@return any default
function scion.check.kind_text(entry) end

--- A list (1..n without holes); `of` is a rule for each element, `min_length` its least length.
function scion.check.list(settings) end

--- The name in `names` nearest to `name`, when it is near enough to be a slip of the pen.
function scion.check.nearest(name, names) end

--- Any number but NaN.
function scion.check.number(settings) end

--- Checks an options table and fills in the defaults; returns a new table.
---@param where string            function named in messages
---@param given table|nil
---@param rules table<string, any> name -> rule, or a plain default value
---@param level? integer|"user"   error level; 3 (default) points at the caller of the function that checks, "user" at the
---   nearest caller outside scion's own files
---@return table
function scion.check.opts(where, given, rules, level) end

--- Raises at the line of the nearest caller outside scion's own files: for code whose depth below the user varies.
---@param format string
---@param ... any       what the format asks for
function scion.check.raise(format, ...) end

scion.check.required = {}

--- A string.
function scion.check.string(settings) end

--- A table of any kind.
function scion.check.table(settings) end

--- A value for which test(value) is true; `what` names it in messages ("a net").
function scion.check.test(what, test, settings) end

--- A new class. Instances are made by calling it: `local k = KNNRepurposer { source_model = net }`.
---@param name string      shown by tostring and stored in saved files
---@param parent? table    class to inherit from
---@return table class     with the fields class_name and super
function scion.class(name, parent) end

scion.cli = {}

--- Parses the script's arguments; --help and mistakes end the script with a text. The result holds the options' values, `args`
--- (what is no option), and the methods try and fail.
---@param spec table
---@param argv? string[] default: the global `arg`
function scion.cli.parse(spec, argv) end

--- Parses without leaving the process: returns the values, or nil and a message; `help` is a value.
function scion.cli.try_parse(spec, argv) end

--- The help text.
function scion.cli.usage(spec) end

scion.data = {}

---@class scion.Dataset
---@overload fun(...): scion.Dataset
scion.data.Dataset = {}

--- The same pictures, changed at random on the engine's threads whenever they are read: steps as scion.io.image_loader takes
--- them, true for the usual ones (shift or crop, and mirroring), false for none. Sets of pictures alone can.
---@param _ boolean|table[]
function scion.data.Dataset:augment(_) end

--- Items per class, as a list in class order.
function scion.data.Dataset:class_counts() end

--- The items at `positions` (a list of 1-based integers) as a batch: x, y. y is i64 class ids (N) when
--- the set has classes, a float tensor of targets when it does not, nil when it is unlabelled.
function scion.data.Dataset:get(_) end

--- The first n items.
function scion.data.Dataset:head(n) end

--- Class ids of all items as a Lua list, or nil for sets without classes.
function scion.data.Dataset:ids() end

--- An iterator over batches; see scion.data.Iterator for the options.
function scion.data.Dataset:iterator(opts) end

--- k folds for cross-validation: a list of { train, test } pairs, stratified where there are classes.
function scion.data.Dataset:kfold(k, opts) end

--- Labels of all items as a list.
function scion.data.Dataset:labels() end

--- A set whose batches pass through fn(x, y) -> x, y when they are made.
function scion.data.Dataset:map(fn) end

--- The items of some classes; the rest of the classes disappear and ids are counted anew.
---@param wanted any[] labels
function scion.data.Dataset:only(wanted) end

--- Number of items. Subclasses set self.n or override.
function scion.data.Dataset:size() end

--- Random disjoint parts: `local train, valid = set:split(0.8)` or `set:split({ 0.7, 0.2, 0.1 })`.
--- Stratified where the set has classes: every part has its share of each class.
---@param fractions number|number[]
---@param opts? { seed?: integer, stratify?: boolean, shuffle?: boolean }
function scion.data.Dataset:split(fractions, opts) end

--- The items at the given positions (a list, repeats allowed).
function scion.data.Dataset:subset(positions) end

--- k random items of every class, grouped by class.
---@param k integer
---@param opts? { seed?: integer }
function scion.data.Dataset:take_per_class(k, opts) end

scion.data.FASHION_CLASSES = {}

---@class scion.Iterator
---@overload fun(...): scion.Iterator
scion.data.Iterator = {}

--- The same pictures with random changes on threads, or without (false); see Dataset:augment.
---@param steps boolean|table[]
function scion.data.Iterator:augment(steps) end

--- Batches in one pass.
function scion.data.Iterator:batches() end

--- Items per class, in class order.
function scion.data.Iterator:class_counts() end

--- The first item, as a batch of one: x, y. The iterator stays where it is; pictures that cannot be read and are to be skipped are passed over.
function scion.data.Iterator:first() end

--- What a checkpoint keeps: a plain table.
function scion.data.Iterator:get_state() end

--- The first n items.
function scion.data.Iterator:head(n) end

--- The data once, item after item, nothing random and nothing left out: for predictions and features.
function scion.data.Iterator:in_order(batch_size) end

function scion.data.Iterator:init(dataset, opts) end

--- Items in one pass (differs from #it.dataset under balance).
function scion.data.Iterator:items() end

--- k pairs { train, test } of iterators for cross-validation; see Dataset:kfold.
---@param k integer
---@param opts? { seed?: integer }
function scion.data.Iterator:kfold(k, opts) end

--- Labels of all items, as a list.
function scion.data.Iterator:labels() end

--- The same with fn(x, y) -> x, y applied to the batches; see Dataset:map.
function scion.data.Iterator:map(fn) end

--- The next batch x, y, or nil at the end of the pass (the following call begins the next one).
function scion.data.Iterator:next() end

--- The items of some classes, whose ids are counted anew; see Dataset:only.
function scion.data.Iterator:only(classes) end

--- How many items of the batch handed out last are padding (only under last_batch = "pad").
function scion.data.Iterator:padding() end

--- Positions (in the data set) of the items in the batch handed out last.
function scion.data.Iterator:positions() end

--- Goes to the beginning of a pass: the next one when this one has begun, or the one named by opts.epoch.
---@param opts? { epoch?: integer }
function scion.data.Iterator:reset(opts) end

--- Goes on from a state. The data must be what they were: their number and the batch size are checked.
function scion.data.Iterator:set_state(state) end

--- Two or more iterators over disjoint parts; see Dataset:split.
---@param fractions number|number[]
---@param opts? { seed?: integer, stratify?: boolean, shuffle?: boolean }
function scion.data.Iterator:split(fractions, opts) end

--- The items at the given positions; see Dataset:subset.
function scion.data.Iterator:subset(positions) end

--- k random items of every class; see Dataset:take_per_class.
---@param k integer
---@param opts? { seed?: integer }
function scion.data.Iterator:take_per_class(k, opts) end

--- The same data with other options: it:with { batch_size = 256, shuffle = false }.
function scion.data.Iterator:with(changes) end

---@class scion.TensorDataset: scion.Dataset
---@overload fun(...): scion.TensorDataset
scion.data.TensorDataset = {}

--- The same pictures, changed at random on the engine's threads whenever they are read: steps as scion.io.image_loader takes
--- them, true for the usual ones (shift or crop, and mirroring), false for none. Sets of pictures alone can.
---@param _ boolean|table[]
function scion.data.TensorDataset:augment(steps) end

--- The items at `positions` (a list of 1-based integers) as a batch: x, y. y is i64 class ids (N) when
--- the set has classes, a float tensor of targets when it does not, nil when it is unlabelled.
function scion.data.TensorDataset:get(positions) end

--- Class ids of all items as a Lua list, or nil for sets without classes.
function scion.data.TensorDataset:ids() end

function scion.data.TensorDataset:init(fields) end

--- CIFAR-10 as zips of PNG files (one folder per class inside).
function scion.data.cifar10(opts) end

--- A table with a column to predict (the last, or `target`); the others are what it is predicted from. Options, besides the iterator's:
---   missing      cells with nothing in them ("", ?, NA, NaN, null, N/A, and what missing_values lists): "error" (the default, naming the
---                cell); "mean" or "median" of the column (of texts: the most frequent); "drop" the row; or a number (of texts: a category
---                of their own)
---   text         columns of texts: "error" (the default), "one_hot" (a feature for each category), "ordinal" (1 to K in the order of the
---                alphabet, or that of `categories`); or by column: { colour = "one_hot", size = "ordinal" }
---   categories   { size = { "S", "M", "L" } }: what a column may hold, in order
---   encoding     it.dataset.encoding of another file: its means and categories, so that a test file gets the same features
---   unknown      texts that are no category: "error", or "ignore" (0 in every feature)
---   kind         "labels", "targets" (numbers) or "auto": targets where the column holds numbers with fractions
---   drop, header, separator, decimal, classes
---@param path string|table the file, or all options in one table
---@param opts? table
---@return scion.Iterator  its dataset has feature_names and encoding
function scion.data.csv(path, opts) end

--- Directory of the shared test data (SCION_DATA, or ../shared/data), or nil.
function scion.data.data_dir() end

--- Fashion-MNIST (Debian's package dataset-fashion-mnist): 60,000 + 10,000 grey photos, 28 x 28, 10 classes.
--- Options: split "train" or "test", dir, classes, augment, normalise, and those of iterators.
function scion.data.fashion_mnist(opts) end

--- Pictures in one folder per class; see scion.data.image_folder for the options.
---@param dir string|table the folder, or all options in one table
---@param opts? table
function scion.data.image_folder(dir, opts) end

--- u8 pictures (N, H, W) or (N, C, H, W) in memory; they come out as f32 in 0..1 and may be augmented on threads.
---   data.images { x = pixels, labels = names, augment = { { "random_crop", 32, padding = 4 }, { "random_flip" } } }
function scion.data.images(opts) end

--- MNIST digits in idx files: labels are the digits 0..9. Options as data.fashion_mnist.
function scion.data.mnist(opts) end

--- Arrays of an .npz file (or .safetensors): x and y name the entries.
---@param path string|table the file, or all options in one table
---@param opts? table
function scion.data.numpy(path, opts) end

scion.data.rng = {}

--- A generator whose stream depends on all the keys (integers).
function scion.data.rng.new(...) end

--- Data held in tensors or tables.
---   data.tensors { x = features, labels = { "ant", "bee", ... }, batch_size = 32, shuffle = true }
function scion.data.tensors(opts) end

scion.distributions = {}

---@class scion.Categorical: scion.Distribution
---@overload fun(...): scion.Categorical
scion.distributions.Categorical = {}

--- Entropies (N) in nats.
function scion.distributions.Categorical:entropy() end

---@param opts { logits?: scion.Tensor, probabilities?: scion.Tensor }
function scion.distributions.Categorical:init(opts) end

--- The divergence to another categorical distribution, summed over the rows.
function scion.distributions.Categorical:kl(other) end

--- Log probabilities (N) of class ids 1..K.
function scion.distributions.Categorical:log_prob(ids) end

--- Class ids, one for every row: (N), or (n, N).
---@param n? integer
function scion.distributions.Categorical:sample(n) end

---@class scion.Distribution
---@overload fun(...): scion.Distribution
scion.distributions.Distribution = {}

--- The Kullback-Leibler divergence from this distribution to another, estimated from n samples of this one: a 0-d tensor with gradients.
---@param other table
---@param n? integer default 1
function scion.distributions.Distribution:kl_sample(other, n) end

--- The log density (or log probability) of all of x together: a 0-d tensor.
function scion.distributions.Distribution:log_pdf(x) end

---@class scion.GaussianPrior: scion.MeanFieldNormal
---@overload fun(...): scion.GaussianPrior
scion.distributions.GaussianPrior = {}

---@class scion.GaussianVariationalPosterior: scion.MeanFieldNormal
---@overload fun(...): scion.GaussianVariationalPosterior
scion.distributions.GaussianVariationalPosterior = {}

---@param opts { shapes: table<string, integer[]>, means?: any, sigmas?: any, fix_means?: boolean, fix_sigmas?: boolean, seed?: integer }
function scion.distributions.GaussianVariationalPosterior:init(opts) end

---@class scion.MeanFieldNormal: scion.Distribution
---@overload fun(...): scion.MeanFieldNormal
scion.distributions.MeanFieldNormal = {}

--- Xfer's spelling of kl.
function scion.distributions.MeanFieldNormal:KL(other) end

--- A draw: name -> tensor, with gradients by means and deviations, by the context's random numbers.
function scion.distributions.MeanFieldNormal:generate_sample() end

--- The means by name, without gradients.
function scion.distributions.MeanFieldNormal:get_mean() end

--- The deviations by name.
function scion.distributions.MeanFieldNormal:get_sigma() end

function scion.distributions.MeanFieldNormal:init(opts) end

--- Can the divergence to this prior be computed exactly?
function scion.distributions.MeanFieldNormal:is_conjugate(other) end

--- The divergence to another of the same variables, exactly: a 0-d tensor with gradients.
function scion.distributions.MeanFieldNormal:kl(other) end

--- The log density of values by name, all together: a 0-d tensor.
---@param values table<string, scion.Tensor>
function scion.distributions.MeanFieldNormal:log_pdf(values) end

--- What is learned, for an optimiser: means and rhos that are not fixed, in the order of the names.
---@return scion.Tensor[]
function scion.distributions.MeanFieldNormal:parameters() end

--- Writes means, rhos and what is fixed (safetensors); scion.distributions.load reads it.
---@param path string
function scion.distributions.MeanFieldNormal:save(path) end

---@class scion.Normal: scion.Distribution
---@overload fun(...): scion.Normal
scion.distributions.Normal = {}

--- Entropy in nats, a 0-d tensor.
function scion.distributions.Normal:entropy() end

---@param opts { mean: number|scion.Tensor, std: number|scion.Tensor, shape?: integer[] }
function scion.distributions.Normal:init(opts) end

--- The divergence from this distribution to another normal one, exactly: a 0-d tensor.
function scion.distributions.Normal:kl(other) end

--- Log densities of the elements of x.
function scion.distributions.Normal:log_prob(x) end

--- A draw, by the context's random numbers; of shape (n, ...) with n.
---@param n? integer
function scion.distributions.Normal:sample(n) end

--- What MeanFieldNormal:save wrote, as a GaussianVariationalPosterior.
---@param path string
function scion.distributions.load(path) end

--- What variational inference minimises: weight * KL(posterior || prior) - log likelihood (Blundell et al. 2015). The divergence is exact where
--- it is known; otherwise it is estimated from `values`, the draw that the likelihood was computed with, or from a new one.
---@param opts { log_likelihood: scion.Tensor, posterior: table, prior: table, weight?: number, values?: table<string, scion.Tensor> }
---@return scion.Tensor
function scion.distributions.negative_evidence_bound(opts) end

scion.features = {}

---@class scion.FeatureCache
---@overload fun(...): scion.FeatureCache
scion.features.Cache = {}

--- Forgets what is in memory (files stay).
function scion.features.Cache:clear() end

--- Values of layers for the items of an iterator, each computed at most once per cache; nil when the iterator's items cannot be
--- told apart or look different every time (augmentation, transforms, plain functions).
---@return scion.Tensor[]? values, scion.Tensor? targets
function scion.features.Cache:collect(net, iterator, names, opts) end

--- A cache of features. opts: dir (a directory, made when needed; default: memory alone), max_bytes = 256 MiB.
function scion.features.Cache:init(opts) end

---@class scion.FeatureFile: scion.Dataset
---@overload fun(...): scion.FeatureFile
scion.features.File = {}

--- The items at `positions` (a list of 1-based integers) as a batch: x, y. y is i64 class ids (N) when
--- the set has classes, a float tensor of targets when it does not, nil when it is unlabelled.
function scion.features.File:get(positions) end

--- Class ids of all items as a Lua list, or nil for sets without classes.
function scion.features.File:ids() end

--- The features of one layer in a file that get_layer_output { out = path } wrote, as a data set: rows are read when they are asked
--- for, so the file may be larger than memory. Train on features.File(path, { layer = "fc6" }):iterator { batch_size = 64 }.
---@param path string
---@param opts? { layer?: string } default: the first layer that was asked for
function scion.features.File:init(path, opts) end

--- What get_layer_output gives: features by layer name (a table that keeps the order asked for), labels, ids.
function scion.features.by_name(net, iterator, names, opts) end

--- The cache that an option means: nil or true: the program's; false: none; a path: one with files in that directory; or a Cache itself.
function scion.features.choose_cache(where, given, level) end

--- Values of layers for a whole data set, in the order of the data: list of tensors (N, ...), and the targets (class ids, or what the
--- data set gives). opts: flatten (N, F), cache (as choose_cache; default none), progress, label.
---@return scion.Tensor[] values, scion.Tensor? targets
function scion.features.collect(net, iterator, names, opts) end

--- Runs fn on every batch's values, in eval mode and without gradients: fn(values, y, n). Padding is cut off.
function scion.features.each_batch(net, iterator, names, opts, fn) end

--- Can this be walked over for x, y?
function scion.features.is_iterator(value) end

--- The cache of this program: in memory, of at most 256 MiB.
function scion.features.shared_cache() end

--- Writes values of layers to a safetensors file batch by batch (never all of them in memory): one tensor per layer, and "ids" or "targets".
--- The iterator must know its number of items.
function scion.features.stream(net, iterator, names, path, opts) end

--- Prints what is known about a value or a name; without argument an overview.
---@param what? any
function scion.help(...) end

scion.hpo = {}

---@class scion.BayesianOptimization
---@overload fun(...): scion.BayesianOptimization
scion.hpo.BayesianOptimization = {}

--- opts: f(params, trial) -> number; domain (or space): the list of parameters; maximize, seed, log (file: the search resumes
--- from it), initial_design_numdata, kernel, or sampler in place of these two; pruner, warm_start.
function scion.hpo.BayesianOptimization:init(opts) end

--- Mean and uncertainty of the surrogate and the acquisition, for one or two parameters; an SVG drawing, written to `out`.
function scion.hpo.BayesianOptimization:plot_acquisition(out) end

--- Distance between consecutive points, and the best value so far.
function scion.hpo.BayesianOptimization:plot_convergence(out) end

--- One HTML page of everything.
function scion.hpo.BayesianOptimization:report(out) end

--- Evaluates f at max_iter more points (default 20), or until max_time seconds have passed. Returns itself.
function scion.hpo.BayesianOptimization:run_optimization(opts) end

--- The point that comes next, without evaluating it.
function scion.hpo.BayesianOptimization:suggest_next() end

---@class scion.Study
---@overload fun(...): scion.Study
scion.hpo.Study = {}

--- The next trial to run, with trial.params; or nil and a reason when every point of a finite space has been tried.
---@return table? trial
---@return string? reason
function scion.hpo.Study:ask() end

--- Several trials at once, for parallel workers; each takes the others, still running, into account.
---@return table[] trials  fewer than n when the space is exhausted
function scion.hpo.Study:ask_batch(n) end

--- The complete trial with the best value; nil when there is none.
function scion.hpo.Study:best_trial() end

--- Closes the log; the study stays readable, what is told afterwards is in memory alone.
function scion.hpo.Study:close() end

--- Puts a point in front: the next ask gives it.
function scion.hpo.Study:enqueue(params) end

--- Records that a trial cannot be evaluated. It is never repeated; samplers take it for a bad place.
function scion.hpo.Study:fail(trial, reason) end

--- opts: space (or domain), log, direction ("minimize", "maximize", or a list of them for several objectives), sampler ("gp",
--- "tpe", "random", "sobol", "grid", "cma_es", or a sampler of scion.hpo with options), pruner ("median", "asha",
--- "hyperband", or one with options), seed, warm_start, retries.
function scion.hpo.Study:init(opts) end

--- Runs trials; see scion.hpo.optimize.
function scion.hpo.Study:optimize(f, opts) end

--- Complete trials that no other beats in every objective.
function scion.hpo.Study:pareto() end

--- Mean and uncertainty of the surrogate and the acquisition, for one or two parameters.
---@param out? string
function scion.hpo.Study:plot_acquisition(out) end

--- Distance between consecutive points, and the best value so far.
---@param out? string
function scion.hpo.Study:plot_convergence(out) end

--- Values of the trials in their order and the best so far. The drawings are SVG, written to `out` where it is given.
---@param out? string
function scion.hpo.Study:plot_history(out) end

--- The share of the variance that each parameter explains; see scion.hpo.importance.
---@param out? string
function scion.hpo.Study:plot_importance(out) end

--- Every trial as a line over one axis per parameter.
---@param out? string
function scion.hpo.Study:plot_parallel(out) end

--- All trials of a study of two objectives, and those that none beats in both.
---@param out? string
function scion.hpo.Study:plot_pareto(out) end

--- Value against each parameter, a panel each.
---@param out? string
function scion.hpo.Study:plot_slices(out) end

--- Records that a trial was stopped early; its last report is its value.
function scion.hpo.Study:prune(trial) end

--- Gives up a trial that was interrupted: the next ask, here or in another process, gives it out again. It costs no retry.
function scion.hpo.Study:release(trial) end

--- One self-contained HTML page: summary, plots, table of trials. Written to `out`; its text is returned.
function scion.hpo.Study:report(out) end

--- Sign that makes values something to minimise.
function scion.hpo.Study:sign(objective) end

--- A text for the terminal: counts, the best trials, failures.
function scion.hpo.Study:summary() end

--- Reads what other processes have written.
function scion.hpo.Study:sync() end

--- The value of a trial: a number, or a list of them for several objectives. NaN and infinities make it a failed trial.
---@return boolean complete
function scion.hpo.Study:tell(trial, value) end

---@class scion.Trial
---@overload fun(...): scion.Trial
scion.hpo.Trial = {}

--- Tells the study an intermediate value at a step (an epoch, a number of examples); larger steps later.
function scion.hpo.Trial:report(step, value) end

--- Should training stop, by the study's pruner? A trial that stops is told with study:prune(trial), or by returning
--- from the objective of optimize.
function scion.hpo.Trial:should_stop() end

--- Asynchronous successive halving (Li et al. 2020), the variant that stops: at steps min_resource, min_resource * factor, ... a
--- trial goes on only when it is among the best 1/factor of those that have come so far. No worker ever waits.
function scion.hpo.asha(opts) end

--- A sampler by CMA-ES. opts: sigma = 0.25 (first step size), population = 4 + 3 log(parameters).
function scion.hpo.cma_es(opts) end

--- A sampler by a Gaussian process. opts: n_startup, kernel = "matern52", n_candidates, n_starts = 6, max_points = 400.
function scion.hpo.gp(opts) end

--- Every combination in order. levels: points of a continuous parameter's domain (default 5), or { name = number } for some of them, and for
--- integers, which have all their values otherwise.
function scion.hpo.grid(opts) end

--- Hyperband over asynchronous halving: brackets that begin to stop trials at min_resource, min_resource * factor, ... up to
--- max_resource hedge against values that deceive early. Each trial's bracket follows from the seed and its number.
function scion.hpo.hyperband(opts) end

--- Shares of the variance of the objective over the space that each parameter explains: alone (main), and with all its
--- interactions (total): Sobol' indices, estimated on the mean of a Gaussian process. opts: n_samples (default 512).
---@return { name: string, main: number, total: number }[]? list  by falling total; nil with fewer than 2 complete trials
function scion.hpo.importance(study, opts) end

--- Stops a trial whose best value so far is worse than the median of the complete trials at the same step (Golovin et al. 2017).
--- n_startup: complete trials before it acts; warmup_steps: steps that every trial may have; quantile: 0.5 is the median.
function scion.hpo.median(opts) end

--- Independent uniform draws (on the scale of each parameter).
function scion.hpo.random(opts) end

--- Hyperband: brackets of successive halving, from many trials with a small first budget to few with the whole one.
--- opts as for successive_halving, without n_trials.
function scion.hpo.run_hyperband(study, f, opts) end

--- Points of a Sobol' sequence with a random shift: an even start.
function scion.hpo.sobol(opts) end

--- A space from a list of parameters; see the head of this file.
---@param list table[]
---@return table space
function scion.hpo.space(list, where, level) end

--- Opens or begins a study (scion.hpo.Study): ask, tell, fail, optimize, report, ... Options: space (or domain), a list of parameters
--- { name =, type = "continuous" | "integer" | "discrete" | "categorical", domain =, scale = "linear" | "log", when = { parent = value } };
--- log (file: the study resumes from it), direction "minimize" ("maximize", or a list of them), sampler "gp" ("tpe", "cma_es", "random",
--- "sobol", "grid", or scion.hpo.gp { ... }), pruner ("median", "asha", or scion.hpo.hyperband { ... }), seed 0, warm_start (earlier studies),
--- retries 2.
---@return table study
function scion.hpo.study(opts) end

--- One bracket of successive halving over a study. See the head of this file.
function scion.hpo.successive_halving(study, f, opts) end

--- A sampler by Parzen estimators. opts: n_startup = 10, n_candidates = 48, gamma = 0.15, prior_weight = 1.
function scion.hpo.tpe(opts) end

--- Is `value` an instance of `class` or of one of its descendants?
function scion.is_a(value, class) end

scion.json = {}

--- Marks a table as an array, so that an empty one is written as [].
function scion.json.array(items) end

--- Data of a JSON text; raises with the place of the mistake.
function scion.json.decode(text) end

--- JSON text of plain data.
function scion.json.encode(value) end

scion.json.null = {}

--- Reads a file by what it holds: a net (scion's own, ONNX, MXNet's NAME-symbol.json with the newest NAME-NNNN.params beside it), a repurposer (also Xfer's NAME.json of a
--- LrRepurposer or SvmRepurposer, with the source network that Xfer saves beside it), or named tensors (PyTorch, safetensors, npz, params without a
--- symbol), which net:load_weights takes. Nothing in a file is executed.
---@param path string a file; NAME of NAME-symbol.json will do, or one of its NAME-NNNN.params
---@param opts? { source_model?: scion.Net, params?: string, epoch?: integer, mmap?: boolean } source_model: of a repurposer saved without; params, epoch: MXNet's
--- parameters. mmap (false): weights stay in the file instead of being copied, where their alignment there allows it (scion's own files, safetensors, PyTorch's
--- zip, npz without compression): pages are read when they are used, and shared between processes; writing to a tensor makes a copy of its pages and never reaches the
--- file. It is not the default because a file that somebody shortens while the network lives ends the process (SIGBUS), which a library cannot
--- prevent; use it for files that are replaced whole, as scion and most tools write them, or not at all.
---@return scion.Net|table
function scion.load(path, opts) end

scion.logistic = {}

scion.logistic.OPTS = {}

scion.logistic.OPTS.c = {}

scion.logistic.OPTS.class_weight = {}

scion.logistic.OPTS.history = {}

scion.logistic.OPTS.max_iter = {}

scion.logistic.OPTS.tol = {}

--- Weight of every class: "balanced" gives n / (K * count), a table is read by label (by id where there are no labels; 1 where it says
--- nothing).
function scion.logistic.class_weights(class_weight, counts, n, classes) end

--- Fits. x: features (N, F), f32 or f64; ids: list or tensor of class ids 1..K.
---@param x scion.Tensor
---@param ids integer[]|scion.Tensor
---@param n_classes integer
---@param opts? table c, tol, max_iter, fit_intercept, class_weight
---@return table model weight (K, F), bias (K), converged, iterations, loss
function scion.logistic.fit(x, ids, n_classes, opts, classes) end

--- Minimises objective(x) -> value, gradient from x (a flat f64 tensor).
---@return scion.Tensor x, number value, integer iterations, boolean converged
function scion.logistic.minimise(objective, x, opts) end

scion.meta = {}

---@class scion.ANIL: scion.MAML
---@overload fun(...): scion.ANIL
scion.meta.ANIL = {}

--- Prepares what the options ask for; called once when the object is made.
function scion.meta.ANIL:setup() end

---@class scion.MetaAlgorithm
---@overload fun(...): scion.MetaAlgorithm
scion.meta.Algorithm = {}

--- Adapts to one task: a learner that predicts with learner(x), and learner:net() is a network of its own. Its batch norms take the
--- statistics of the items that it is given (bn = "running": the running ones), dropout is off.
---@param task table  { support_x =, support_y = }
---@param opts? table { steps = }
function scion.meta.Algorithm:adapt(task, opts) end

--- Adds the gradient of one task's loss to .grad of the meta parameters. Each task's is complete before it is added, so that the sum is the same
--- bits whoever computed the parts.
function scion.meta.Algorithm:add_gradient(loss) end

--- Begins task k of a list; returns its number in the meta-batch. Random numbers, of dropout, are those of the task, whoever runs it.
function scion.meta.Algorithm:begin_task(list, k) end

--- Raises unless the task has what adapting needs.
function scion.meta.Algorithm:check_adapt(task, level) end

--- Raises unless a task of fit is one.
function scion.meta.Algorithm:check_task(task, level) end

--- A learner that starts from the meta-learned parameters: learner(x), learner:adapt(loss).
---@return scion.meta.Learner
function scion.meta.Algorithm:clone(opts) end

--- n tasks of a source from number `first` on, checked, with what their random numbers begin from.
function scion.meta.Algorithm:draw(source, first, n) end

--- Adapts to n held-out tasks of a source (or to every task of a list) and measures their queries: { loss =, accuracy =, ci95 =, n = },
--- means over tasks, ci95 of the accuracy (of the loss for regression). Where the model has batch norms, `transductive` holds the
--- results with the queries' own statistics and `inductive` those with the support set's; the plain fields are one of the two, by the
--- option bn. opts: n 100, steps, first (number of the first task).
function scion.meta.Algorithm:evaluate(source, opts) end

--- Learns to learn from a source of tasks (or a list of them). Options: meta_steps 1000 (in all: those of earlier calls count),
--- meta_batch_size 4, meta_lr_schedule, validation with validate_every and validate_n, log (JSON lines) with log_every, checkpoint with
--- checkpoint_every and resume, workers, on_step, progress, label. Ctrl-C ends it after the last whole meta-step.
---@return table history  list of { step =, loss =, accuracy =, validation = }; history.stopped says why it ended
function scion.meta.Algorithm:fit(source, opts) end

--- The meta gradient of one batch, in one call where possible.
function scion.meta.Algorithm:gradient(source, first, n) end

--- The tensors whose .grad meta_step fills.
function scion.meta.Algorithm:gradient_tensors() end

function scion.meta.Algorithm:init(opts) end

--- inner_steps steps of `learner` on the support items of a task (of `tasks` tasks).
function scion.meta.Algorithm:inner_loop(learner, task, steps) end

--- What algorithms carry from step to step (self.carried) must outlive the scope of a step.
function scion.meta.Algorithm:keep(scope, value) end

--- Goes back to a checkpoint, bit for bit.
function scion.meta.Algorithm:load_checkpoint(path) end

--- Takes over what state_dict gave.
function scion.meta.Algorithm:load_state_dict(state) end

--- The outer optimiser, made when first needed.
function scion.meta.Algorithm:meta_optimiser() end

--- The parameters that the outer optimiser moves, with names: a list of { name, tensor }.
function scion.meta.Algorithm:meta_parameters() end

--- The mode of queries in training: batch statistics, or the running ones that the support items left.
function scion.meta.Algorithm:query_mode() end

--- Writes a checkpoint: one safetensors file, replaced whole or not at all.
function scion.meta.Algorithm:save_checkpoint(path) end

--- Everything that the rest of a run depends on, as tensors and plain values.
function scion.meta.Algorithm:state_dict() end

--- Running statistics that meta_step moves with every task: a list of { tensor =, keep = the share of the old value that a task leaves }.
function scion.meta.Algorithm:statistics() end

--- Those of a net's batch norms that train in so many calls a task.
function scion.meta.Algorithm:statistics_of(net, uses) end

---@class scion.CAVIA: scion.MetaAlgorithm
---@overload fun(...): scion.CAVIA
scion.meta.CAVIA = {}

--- A learner that starts from the meta-learned parameters.
function scion.meta.CAVIA:clone(opts) end

--- From a list of tasks to .grad of the meta parameters; returns { loss =, accuracy = }.
function scion.meta.CAVIA:meta_step(list) end

--- The same for tasks of equal shapes as one call.
function scion.meta.CAVIA:stacked_step(batch) end

---@class scion.FOMAML: scion.MAML
---@overload fun(...): scion.FOMAML
scion.meta.FOMAML = {}

--- Prepares what the options ask for; called once when the object is made.
function scion.meta.FOMAML:setup() end

---@class scion.IMAML: scion.MetaAlgorithm
---@overload fun(...): scion.IMAML
scion.meta.IMAML = {}

--- Inner steps of a learner on the support items of a task.
function scion.meta.IMAML:inner_loop(learner, task, steps) end

--- From a list of tasks to .grad of the meta parameters; returns { loss =, accuracy = }.
function scion.meta.IMAML:meta_step(list) end

--- (I + H / lambda)^-1 b by conjugate gradients; apply(v) gives H v.
function scion.meta.IMAML:solve(apply, b, lambda, steps) end

---@class scion.Leap: scion.MetaAlgorithm
---@overload fun(...): scion.Leap
scion.meta.Leap = {}

--- Tasks need no queries to be trained on.
function scion.meta.Leap:check_task(task, level) end

--- From a list of tasks to .grad of the meta parameters; returns { loss =, accuracy = }.
function scion.meta.Leap:meta_step(list) end

--- Trains a learner on one task and gathers its path. `report(step, loss)` is called at every step.
---@return scion.meta.Learner
function scion.meta.Leap:walk(task, path, batch, steps, report) end

---@class scion.LeapMetaRepurposer: scion.Leap
---@overload fun(...): scion.LeapMetaRepurposer
scion.meta.LeapMetaRepurposer = {}

--- Adapts to a new task as repurpose trains on one: over its batches for num_epochs (or `epochs`), or for so many steps. The task is an iterator,
--- { train = iterator }, or { support_x =, support_y = }, as in repurpose.
---@param task table|function
---@param opts? { steps?: integer, epochs?: integer }
function scion.meta.LeapMetaRepurposer:adapt(task, opts) end

function scion.meta.LeapMetaRepurposer:init(opts) end

--- num_meta_steps over the tasks; the model ends up with the learned initialisation. opts: meta_batch_size (all tasks),
--- with_replacement (false).
---@param tasks table[]  iterators, { train = iterator }, or { support_x =, support_y = }
function scion.meta.LeapMetaRepurposer:repurpose(tasks, opts) end

---@class scion.Learner
---@overload fun(...): scion.Learner
scion.meta.Learner = {}

--- One inner step down the gradient of `loss`, a scalar made by this learner. With several tasks at once it is the sum of their losses.
---@param loss scion.Tensor
---@param opts? table     retain_graph (false), create_graph (default: unless first_order)
function scion.meta.Learner:adapt(loss, opts) end

--- Running statistics of the batch norms from these items alone: what a learner that must not look at the queries together
--- normalises them with (mode = "eval" then). Frozen layers, and those without running statistics, are left alone.
function scion.meta.Learner:calibrate(x) end

--- Raises naming task, step and layer when the numbers have left the finite ones.
function scion.meta.Learner:check_finite(loss, grads, values) end

--- The network's output with this learner's parameters: (x, opts), or (x1, x2, ..., opts) for nets with several inputs, which may come as
--- one list, too. opts: mode ("train", "eval" or "batch"; default the learner's). Only "train" moves running statistics.
---@param x scion.Tensor|scion.Tensor[]
---@param ... scion.Tensor|table   further inputs, options
function scion.meta.Learner:forward(x, ...) end

--- fields: model, rule (inner.lua), names (of the parameters that adapt; default: all that ask for gradients), params (name -> tensor
--- to begin with), first_order, cut (every step leaves its history behind: for learners that no outer loss looks through), tasks,
--- mode, clip, label (of the task, for messages). mode: "train", "eval", or "batch", in which batch norms take the statistics of the items
--- at hand and dropout is off.
function scion.meta.Learner:init(fields) end

--- A network of its own with the adapted parameters: to predict with, save or fine-tune.
---@return scion.Net
function scion.meta.Learner:net() end

--- The adapted parameters as a list, in the order of self.names.
function scion.meta.Learner:parameters() end

--- Puts a list in place of the adapted parameters.
function scion.meta.Learner:set_parameters(list) end

---@class scion.MAML: scion.MetaAlgorithm
---@overload fun(...): scion.MAML
scion.meta.MAML = {}

--- A learner that starts from the meta-learned parameters.
function scion.meta.MAML:clone(opts) end

--- The meta gradient of a list of tasks, one after the other; each task's graph is gone before the next begins.
function scion.meta.MAML:meta_step(list) end

--- Prepares what the options ask for; called once when the object is made.
function scion.meta.MAML:setup() end

--- The same for tasks of equal shapes as one call. The loss is a mean over items, so the mean over all queries is the mean over tasks.
function scion.meta.MAML:stacked_step(batch) end

--- One task: the loss of its queries after adapting, with the graph that leads back to the meta parameters.
function scion.meta.MAML:task_loss(task) end

---@class scion.MAMLPlusPlus: scion.MAML
---@overload fun(...): scion.MAMLPlusPlus
scion.meta.MAMLPlusPlus = {}

--- Tensors beside the model that checkpoints keep, by name.
function scion.meta.MAMLPlusPlus:extras() end

--- Inner steps of a learner on the support items of a task.
function scion.meta.MAMLPlusPlus:inner_loop(learner, task, steps) end

--- The parameters that the outer optimiser moves: a list of { name, tensor }.
function scion.meta.MAMLPlusPlus:meta_parameters() end

--- Prepares what the options ask for; called once when the object is made.
function scion.meta.MAMLPlusPlus:setup() end

--- The same for tasks of equal shapes as one call.
function scion.meta.MAMLPlusPlus:stacked_step(batch) end

--- Running statistics that a task moves: support items those of the step's norms, queries measured after a step those of the next.
function scion.meta.MAMLPlusPlus:statistics() end

--- Loss and accuracy of one task, with the graph that leads back to the meta parameters.
function scion.meta.MAMLPlusPlus:task_loss(task) end

---@class scion.MatchingNet: scion.MetricAlgorithm
---@overload fun(...): scion.MatchingNet
scion.meta.MatchingNet = {}

--- Logits (Q, K) of embedded queries against embedded support items; task: { support_y =, n_classes = }.
function scion.meta.MatchingNet:scores(support, query, task) end

---@class scion.MetaLogger
---@overload fun(...): scion.MetaLogger
scion.meta.MetaLogger = {}

function scion.meta.MetaLogger:init() end

--- The loss of one epoch. Meta-steps count from 1, tasks from 1.
function scion.meta.MetaLogger:log_loss(metastep, task, loss) end

--- Copies of parameters (name -> tensor) after an epoch.
function scion.meta.MetaLogger:log_parameters(metastep, task, params) end

--- Copies of the start that meta-step `metastep` began from.
function scion.meta.MetaLogger:log_start(metastep, params) end

--- Mean over tasks of the last loss of a meta-step, and the number of tasks.
function scion.meta.MetaLogger:mean_loss(metastep) end

--- Loss over the epochs of each task, a panel a task, earlier meta-steps faded. Writes SVG to `out`; returns the drawing.
---@param out? string
function scion.meta.MetaLogger:plot_losses(out) end

--- Paths of two elements of a parameter in their plane over the task's loss, a panel a task: early meta-steps faded, the learned start pink.
--- opts: elements {1, 2}; surface = function(task, tensor of (n, 2) points) -> n losses, or false for none (default: the loss of the task's items
--- with the other parameters as they were learned, for models of up to 1000 numbers); grid 40, its points a side.
---@param name string  of the parameter, or a part of it that no other has
---@param out? string
function scion.meta.MetaLogger:plot_params(name, out, opts) end

---@class scion.MetaSGD: scion.MAML
---@overload fun(...): scion.MetaSGD
scion.meta.MetaSGD = {}

--- Tensors beside the model that checkpoints keep, by name.
function scion.meta.MetaSGD:extras() end

--- The parameters that the outer optimiser moves: a list of { name, tensor }.
function scion.meta.MetaSGD:meta_parameters() end

--- Prepares what the options ask for; called once when the object is made.
function scion.meta.MetaSGD:setup() end

---@class scion.MultiTask: scion.MetaAlgorithm
---@overload fun(...): scion.MultiTask
scion.meta.MultiTask = {}

--- Tasks in turn need no check.
function scion.meta.MultiTask:check_task() end

--- A learner of a new task: the trained trunk, a new head. Running statistics begin anew.
function scion.meta.MultiTask:clone(opts) end

--- Loss and accuracy of each training task's queries: a list of { loss =, accuracy = }.
function scion.meta.MultiTask:evaluate_heads(tasks) end

--- Tensors beside the model that checkpoints keep, by name.
function scion.meta.MultiTask:extras() end

--- Joint training: every meta-step takes a batch of batch_size items from each of the next meta_batch_size tasks. Options as of every fit.
---@param tasks table[]  { support_x =, support_y = }, { train = iterator } or iterators
function scion.meta.MultiTask:fit(tasks, opts) end

--- The output of task t's head. opts: mode.
function scion.meta.MultiTask:forward(x, t, opts) end

--- Takes over what state_dict gave, with as many heads.
function scion.meta.MultiTask:load_state_dict(state) end

--- The parameters that training moves: the trunk's, every head's, the weights': a list of { name, tensor }.
function scion.meta.MultiTask:meta_parameters() end

--- From the next tasks to .grad of trunk, heads and weights; returns { loss =, accuracy = }.
function scion.meta.MultiTask:meta_step(list) end

--- Heads and weights by name: an iterator.
function scion.meta.MultiTask:own_tensors() end

--- Prepares what the options ask for; called once when the object is made.
function scion.meta.MultiTask:setup() end

--- Running statistics of the trunk, that a task moves.
function scion.meta.MultiTask:statistics() end

---@class scion.PrototypicalNet: scion.MetricAlgorithm
---@overload fun(...): scion.PrototypicalNet
scion.meta.PrototypicalNet = {}

--- Logits (Q, K) of embedded queries against embedded support items; task: { support_y =, n_classes = }.
function scion.meta.PrototypicalNet:scores(support, query, task) end

--- |q|^2 - 2 q c' + |c|^2 for all pairs: (Q, K).
function scion.meta.PrototypicalNet:square_distance(q, c) end

---@class scion.RelationNet: scion.MetricAlgorithm
---@overload fun(...): scion.RelationNet
scion.meta.RelationNet = {}

--- Embeds supports and queries together and gives logits.
function scion.meta.RelationNet:compare(support_x, query_x, task, mode, untouched) end

--- Loss of an episode from its logits and class ids.
function scion.meta.RelationNet:episode_loss(output, y) end

--- Tensors beside the model that checkpoints keep, by name.
function scion.meta.RelationNet:extras() end

--- The parameters that the outer optimiser moves: a list of { name, tensor }.
function scion.meta.RelationNet:meta_parameters() end

--- Logits (Q, K) of embedded queries against embedded support items; task: { support_y =, n_classes = }.
function scion.meta.RelationNet:scores(support, query, task) end

--- Running statistics that a task moves.
function scion.meta.RelationNet:statistics() end

---@class scion.Reptile: scion.MetaAlgorithm
---@overload fun(...): scion.Reptile
scion.meta.Reptile = {}

--- Tasks need no queries to be trained on.
function scion.meta.Reptile:check_task(task, level) end

--- From a list of tasks to .grad of the meta parameters; returns { loss =, accuracy = }.
function scion.meta.Reptile:meta_step(list) end

--- T tasks as one call, where a step takes all items of a task.
function scion.meta.Reptile:stacked_step(batch) end

---@class scion.WarpLeap: scion.Leap
---@overload fun(...): scion.WarpLeap
scion.meta.WarpLeap = {}

--- The warps' own update, after the outer one.
function scion.meta.WarpLeap:after_step() end

--- A learner that starts from the meta-learned parameters.
function scion.meta.WarpLeap:clone(opts) end

--- The outer optimiser's parameters, and the warps, which have their own.
function scion.meta.WarpLeap:gradient_tensors() end

--- Takes over what state_dict gave.
function scion.meta.WarpLeap:load_state_dict(state) end

--- The parameters that the outer optimiser moves: a list of { name, tensor }.
function scion.meta.WarpLeap:meta_parameters() end

--- From a list of tasks to .grad of the meta parameters; returns { loss =, accuracy = }.
function scion.meta.WarpLeap:meta_step(list) end

--- Prepares what the options ask for; called once when the object is made.
function scion.meta.WarpLeap:setup() end

--- Everything that the rest of a run depends on.
function scion.meta.WarpLeap:state_dict() end

scion.meta.inner = {}

--- A rule by name or description: "sgd", { kind = "adam", lr = 0.01, betas = { 0.9, 0.999 } }. Kinds: sgd (momentum, nesterov), adam
--- (betas, eps), rmsprop (alpha, eps, momentum).
---@param given string|table
---@param lr any           used where `given` names none
---@param where? string    function named in messages
function scion.meta.inner.rule(given, lr, where) end

--- The same rule with other rates.
function scion.meta.inner.with_rates(rule, lr) end

scion.meta.tasks = {}

---@class scion.TaskSource
---@overload fun(...): scion.TaskSource
scion.meta.tasks.Source = {}

--- n tasks as one whose items stand one task after the other, with the field `tasks` = n; nil where their shapes differ.
function scion.meta.tasks.Source:batch(first, n) end

--- Task number i (from 1): the same for the same number, whoever asks.
function scion.meta.tasks.Source:task(_) end

--- n tasks beginning with number `first`, as a list.
function scion.meta.tasks.Source:tasks(first, n) end

--- One task a group of classes, from labels "group/class": a list of tasks. Options: data, ways 20, shots 15, held_out 5, seed.
function scion.meta.tasks.alphabets(opts) end

--- Batches of a task without end: a function giving x, y. A task is { support_x, support_y, ... }, { train = iterator } or an iterator
--- itself; of tensors, `size` items (nil: all) in an order shuffled anew in every pass by `keys`.
function scion.meta.tasks.batches(where, task, size, all, ...) end

--- Checks one task; returns it. parts: { "support" } where queries are not needed.
function scion.meta.tasks.check(where, task, level, parts) end

--- Support items and queries that are to be put together must have one shape.
function scion.meta.tasks.check_joined(where, task, level) end

--- Raises unless a task is one that can be trained on without queries: support items, { train = iterator } or an iterator.
function scion.meta.tasks.check_trained(where, task, level) end

--- Number of items.
function scion.meta.tasks.count(x) end

--- fn(tensor, ...) of the tensor, or of each of the list; further arguments may be inputs of the same kind.
function scion.meta.tasks.each_input(fn, x, ...) end

--- n-way k-shot episodes from a labelled data set. Options: data, ways 5, shots 1, queries 15, classes (labels to draw from), rotations ("none",
--- "classes", "random"), augment, seed.
function scion.meta.tasks.episodes(opts) end

--- One task a folder of a folder, dir/task/class/picture: a list of tasks. Options: dir, ways, shots 15, held_out 5, seed as of alphabets; size, crop,
--- channels, normalise, filter as of data.image_folder.
function scion.meta.tasks.folder(opts) end

--- Sums of two sinusoids around a point of the task. Options: shots 10, queries 10, x_range { -4, 4 } of the points, noise 0, seed.
function scion.meta.tasks.harmonic(opts) end

--- Is the value what a net takes: a tensor, or a list of tensors with equally many items?
function scion.meta.tasks.is_input(x) end

--- Is the value a tensor?
function scion.meta.tasks.is_tensor(v) end

--- The items of a task that an algorithm without queries trains on: all of them, or the support items.
function scion.meta.tasks.items(task, all) end

--- The items of several inputs, one after the other.
function scion.meta.tasks.join(list) end

--- What messages call task number i of a source.
function scion.meta.tasks.label(i) end

--- The label of a task, if it has one; a task may be an iterator.
function scion.meta.tasks.label_of(task) end

--- Linear regressions, as in Xfer's Leap demo: a list of tasks. Options: weights (one list a task), bias, examples 200, held_out 50, std_x 1,
--- std_noise 0.01, seed.
function scion.meta.tasks.linear(opts) end

--- Items first .. first + n - 1.
function scion.meta.tasks.narrow(x, first, n) end

--- Sinusoids y = A sin(x - phase). Options: shots 10, queries 10, amplitude { 0.1, 5 }, phase { 0, pi }, x_range { -5, 5 }, noise 0, seed,
--- grid (queries are so many points evenly over x_range).
function scion.meta.tasks.sinusoid(opts) end

--- A source from what a user gives: a source, or a list of tasks.
function scion.meta.tasks.source(where, given, seed, level) end

--- Several tasks of equal shapes as one, or nil.
function scion.meta.tasks.stack(list) end

--- Every tensor in a table of tables: what a scope has to keep.
function scion.meta.tasks.tensors_in(value, out) end

scion.metrics = {}

--- Fraction of predictions that are right. Lists of labels or tensors of class ids.
function scion.metrics.accuracy(predicted, truth) end

--- Expected calibration error: how far confidence and accuracy are apart, over equal bins of confidence.
---@return number ece
---@return table[] bins   { n, confidence, accuracy } of the bins that hold items
function scion.metrics.calibration(probabilities, truth, n_bins) end

--- Counts of (true class, predicted class). ids: lists or tensors of 1..K.
---@param predicted integer[]|scion.Tensor
---@param truth integer[]|scion.Tensor
---@param classes any[]|integer labels of the classes, or their number
function scion.metrics.confusion(predicted, truth, classes) end

--- The confusion table, from labels of any kind.
function scion.metrics.confusion_of_labels(predicted, truth, classes) end

--- Mean negative log probability of the true class. probabilities: (N, K); truth: ids (N).
function scion.metrics.log_loss(probabilities, truth) end

--- Mean absolute error.
function scion.metrics.mae(predicted, truth) end

--- Mean squared error.
function scion.metrics.mse(predicted, truth) end

--- A running metric by name ("accuracy", "top_5", "mse", "rmse", "mae"), or from a function
--- fn(output, target) -> number (the mean over the batch).
function scion.metrics.new(metric, name) end

--- Share of the variance that the predictions explain: 1 is perfect, 0 as good as the mean.
function scion.metrics.r2(predicted, truth) end

--- Root of the mean squared error.
function scion.metrics.rmse(predicted, truth) end

--- Fraction of items whose class is among the k best scores. scores: (N, K); truth: ids (N).
function scion.metrics.top_k(scores, truth, k) end

scion.minimise = {}

--- Minimises from every start. objective(points) gives a list of values and a list of gradients (lists of numbers) for a
--- list of points; NaN or infinite values are places not to go.
---@param objective fun(points: number[][]): number[], number[][]
---@param starts number[][]
---@param opts? { lower?: number[], upper?: number[], max_rounds?: integer, tol?: number, f_tol?: number, history?: integer }
---@return { x: number[], f: number }[] results  one per start, in their order
function scion.minimise.boxed(objective, starts, opts) end

scion.models = {}

--- AlexNet: features.0, ..., avgpool, classifier.1, .4, .6. Pictures of at least 63 pixels; 224 is usual.
---@param opts? table num_classes = 1000, dropout = 0.5, in_channels = 3
function scion.models.alexnet(opts) end

--- Encoder of texts: word ids (N, T) from 1 to (N, T, width), or with num_classes to (N, num_classes) from the first word: embeddings.word_embeddings,
--- encoder.layer.0.attention.self.query, ..., pooler.dense, classifier. mask: a second input "mask" (N, T), bool, true for words.
---@param opts? table vocabulary = 30522, layers = 12, heads = 12, width = 768, mlp = 4 * width, positions = 512, num_classes = 0, mask = false, dropout = 0.1
function scion.models.bert(opts) end

--- Densely connected network: features.conv0, features.denseblock1.denselayer1.norm1, ..., features.norm5, classifier.
---@param opts? table depth = 121 | 161 | 169 | 201, num_classes = 1000, in_channels = 3
function scion.models.densenet(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.densenet121(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.densenet161(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.densenet169(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.densenet201(opts) end

--- EfficientNet: features.0.0, features.1.0.block.0.0, ..., features.8.0, classifier.1.
---@param opts? table size = "b0" ... "b7" | "lite0" ... "lite4", num_classes = 1000, in_channels = 3
function scion.models.efficientnet(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.efficientnet_b0(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.efficientnet_b1(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.efficientnet_b2(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.efficientnet_b3(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.efficientnet_b4(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.efficientnet_b5(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.efficientnet_b6(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.efficientnet_b7(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.efficientnet_lite0(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.efficientnet_lite1(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.efficientnet_lite2(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.efficientnet_lite3(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.efficientnet_lite4(opts) end

--- LeNet-5 (LeCun et al. 1998) with rectifiers and max pooling: conv1, relu1, pool1, conv2, relu2, pool2, flatten, fc1, relu3, fc2, relu4, fc3. 28 x 28 pictures are
--- padded to 32 x 32 by the first convolution.
---@param opts? table num_classes = 10, in_channels = 1, size = 28 (of the square pictures)
function scion.models.lenet(opts) end

--- A multilayer perceptron on (N, inputs): fc1, act1, (drop1,) fc2, ... with the last layer without activation.
---@param opts table inputs, outputs, hidden = { 128 }, dropout = 0, activation = "ReLU" (any layer of scion.nn without arguments)
function scion.models.mlp(opts) end

--- Depthwise separable convolutions: features.0.0, features.1.depthwise.0, features.1.pointwise.0, ..., classifier.1.
---@param opts? table width = 1, num_classes = 1000, dropout = 0.001, in_channels = 3
function scion.models.mobilenet_v1(opts) end

--- Inverted residuals and linear bottlenecks: features.0.0, ..., features.18.2, classifier.1.
---@param opts? table width = 1, num_classes = 1000, dropout = 0.2
function scion.models.mobilenet_v2(opts) end

--- Inverted residuals with squeeze and excitation and hardswish: features.0.0, features.1.block.0.0, ..., classifier.3.
---@param opts? table size = "large" | "small", num_classes = 1000, dropout = 0.2, in_channels = 3
function scion.models.mobilenet_v3(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.mobilenet_v3_large(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.mobilenet_v3_small(opts) end

--- Residual network of 18, 34, 50, 101 or 152 layers: conv1, bn1, relu, maxpool, layer1.0.conv1, ..., avgpool, flatten, fc. The steps of two
--- are in the 3 x 3 convolutions, as in torchvision.
---@param opts? table depth = 50, num_classes = 1000
function scion.models.resnet(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.resnet101(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.resnet110(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.resnet152(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.resnet18(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.resnet20(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.resnet32(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.resnet34(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.resnet44(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.resnet50(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.resnet56(opts) end

--- The residual networks for CIFAR of 20, 32, 44, 56 or 110 layers: conv1, bn1, relu, layer1.0.conv1, ..., avgpool, flatten, linear. shortcut "A": where a
--- block halves the picture, every second pixel with zero channels around; "B": a convolution, layer2.0.shortcut.0.
---@param opts? table depth = 20, num_classes = 10, shortcut = "A" | "B", in_channels = 3
function scion.models.resnet_cifar(opts) end

--- SqueezeNet: features.0, features.3.squeeze, .expand1x1, .expand3x3, ..., classifier.1.
---@param opts? table version = "1.1" | "1.0", num_classes = 1000, dropout = 0.5, in_channels = 3
function scion.models.squeezenet(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.squeezenet1_0(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.squeezenet1_1(opts) end

--- The convolutional network for sentences of Kim (2014, arXiv 1408.5882): word ids (N, T) from 1, embedding, convolutions over 3, 4 and 5 words (conv3, conv4, conv5),
--- each with its maximum over the sentence, dropout, fc. Sentences have at least as many words as the widest convolution.
---@param opts table vocabulary, num_classes, embedding = 100, filters = 100, widths = { 3, 4, 5 }, dropout = 0.5
function scion.models.text_cnn(opts) end

--- VGG of 11, 13, 16 or 19 layers. names = "caffe" calls them conv1_1, relu1_1, pool1, ..., fc6, relu6, drop6, fc7, fc8; "torch"
--- features.0, ..., classifier.6. Inputs of at least 32 pixels; 224 is usual.
---@param opts? table depth = 19, num_classes = 1000, names = "torch" | "caffe", batch_norm = false, dropout = 0.5, in_channels = 3
function scion.models.vgg(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.vgg11(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.vgg11_bn(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.vgg13(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.vgg13_bn(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.vgg16(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.vgg16_bn(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.vgg19(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.vgg19_bn(opts) end

--- Vision transformer: conv_proj, class_token, encoder.pos_embedding, encoder.layers.encoder_layer_0.ln_1, .self_attention, .ln_2, .mlp.0, .mlp.3, ..., encoder.ln, heads.head.
--- The defaults are ViT-B/16; a small one: { image = 32, patch = 4, layers = 6, heads = 3, width = 192 }.
---@param opts? table image = 224, patch = 16, layers = 12, heads = 12, width = 768, mlp = 4 * width, num_classes = 1000, dropout = 0, in_channels = 3
function scion.models.vit(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.vit_b_16(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.vit_b_32(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.vit_l_16(opts) end

--- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
---@param opts? table
---@return scion.Net
function scion.models.vit_l_32(opts) end

scion.mpi = {}

--- Sums (or means: how = "mean") of a tensor, or of each of a list, over all ranks, in place.
---@param tensors scion.Tensor|scion.Tensor[]
---@param how? "sum"|"mean"
function scion.mpi.allreduce_(tensors, how) end

--- The gradients of parameters become their means over all ranks: after backward, before the optimiser's step.
function scion.mpi.average_gradients(parameters) end

--- Waits for all ranks.
function scion.mpi.barrier() end

--- A tensor, or each of a list, becomes that of rank `root` (0), in place.
---@param tensors scion.Tensor|scion.Tensor[]
---@param root? integer
function scion.mpi.broadcast_(tensors, root) end

--- This process's number, 0 .. size() - 1, as MPI counts.
function scion.mpi.rank() end

--- Number of processes.
function scion.mpi.size() end

scion.nn = {}

--- act_type: "relu", "sigmoid", "tanh", "softrelu" or "softsign".
---@return scion.Net
function scion.nn.Activation(opts) end

--- Means of as many windows as `output_size` says, whatever the input's size.
function scion.nn.AdaptiveAvgPool1d(...) end

--- Means of as many windows as `output_size` says, whatever the input's size.
function scion.nn.AdaptiveAvgPool2d(...) end

--- Means of as many windows as `output_size` says, whatever the input's size.
function scion.nn.AdaptiveAvgPool3d(...) end

--- Maxima of as many windows as `output_size` says.
function scion.nn.AdaptiveMaxPool1d(...) end

--- Maxima of as many windows as `output_size` says.
function scion.nn.AdaptiveMaxPool2d(...) end

--- Maxima of as many windows as `output_size` says.
function scion.nn.AdaptiveMaxPool3d(...) end

--- Dropout that keeps mean and variance of selu activations.
function scion.nn.AlphaDropout(...) end

--- Mean of each window. Arguments: kernel_size, stride = kernel_size, padding = 0, ceil_mode = false, count_include_pad = true,
--- divisor_override (what sums are divided by).
function scion.nn.AvgPool1d(...) end

--- Mean of each window. Arguments: kernel_size, stride = kernel_size, padding = 0, ceil_mode = false, count_include_pad = true,
--- divisor_override (what sums are divided by).
function scion.nn.AvgPool2d(...) end

--- Mean of each window. Arguments: kernel_size, stride = kernel_size, padding = 0, ceil_mode = false, count_include_pad = true,
--- divisor_override (what sums are divided by).
function scion.nn.AvgPool3d(...) end

--- -(t log p + (1 - t) log(1 - p)) of probabilities p.
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@return scion.Net
function scion.nn.BCELoss(options, ...) end

--- Binary cross entropy of sigmoid(input), exact for large scores.
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@return scion.Net
function scion.nn.BCEWithLogitsLoss(options, ...) end

--- Batch normalisation of the second dimension: eps = 1e-3, momentum = 0.9 (of the old value, as MXNet writes it), fix_gamma = true (the scale
--- stays 1), use_global_stats = false (true: never the batch's own statistics).
---@return scion.Net
function scion.nn.BatchNorm(opts) end

--- Normalises each channel over the batch: (N, C) or (N, C, L). In training by the batch's statistics, which also move running_mean
--- and running_var by `momentum`; in evaluation by those. Arguments: num_features, eps = 1e-5, momentum = 0.1, affine = true,
--- track_running_stats = true.
---@return scion.Net
function scion.nn.BatchNorm1d(...) end

--- Batch normalisation of images (N, C, H, W); see BatchNorm1d.
---@return scion.Net
function scion.nn.BatchNorm2d(...) end

--- Batch normalisation of volumes (N, C, D, H, W); see BatchNorm1d.
---@return scion.Net
function scion.nn.BatchNorm3d(...) end

--- y = x1 W x2 + b of two inputs: (N, in1), (N, in2) to (N, out).
---@return scion.Net
function scion.nn.Bilinear(...) end

--- x above 0, alpha (e^(x / alpha) - 1) below.
---@param alpha? number scale of the negative side
---@return scion.Net
function scion.nn.CELU(...) end

--- Connectionist temporal classification (Graves et al. 2006): -log of the probability of the targets over all alignments; "mean" divides by each target's length, then averages. Infinite where a target needs more steps than there are.
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@param blank? integer id of the blank, as written in targets; -1: the first class
---@param zero_infinity? boolean a target that does not fit its input counts 0 instead of infinity
---@return scion.Net
function scion.nn.CTCLoss(options, ...) end

--- Deals the channels of every group out in turn.
---@return scion.Net
function scion.nn.ChannelShuffle(...) end

--- The other side continued.
function scion.nn.CircularPad1d(...) end

--- The other side continued.
function scion.nn.CircularPad2d(...) end

--- The other side continued.
function scion.nn.CircularPad3d(...) end

--- Inputs joined along dimension `dim` (0-based as in MXNet, 1: channels): num_args = 2.
---@return scion.Net
function scion.nn.Concat(opts) end

--- A constant around: padding, value.
function scion.nn.ConstantPad1d(...) end

--- A constant around: padding, value.
function scion.nn.ConstantPad2d(...) end

--- A constant around: padding, value.
function scion.nn.ConstantPad3d(...) end

--- Convolution over length: (N, in_channels, L) to (N, out_channels, L'). Parameters: weight (out, in / groups, k), bias (out).
--- Arguments: in_channels, out_channels, kernel_size, stride = 1, padding = 0 (or "same", "valid"), dilation = 1, groups = 1,
--- bias = true, padding_mode = "zeros" ("reflect", "replicate", "circular").
---@return scion.Net
function scion.nn.Conv1d(...) end

--- Convolution over images: (N, in_channels, H, W) to (N, out_channels, H', W'). Arguments as Conv1d.
---@param in_channels integer
---@param out_channels integer
---@param kernel_size integer|integer[]
---@return scion.Net
function scion.nn.Conv2d(...) end

--- Convolution over volumes: (N, in_channels, D, H, W) to (N, out_channels, D', H', W'). Arguments as Conv1d.
---@return scion.Net
function scion.nn.Conv3d(...) end

--- Transposed convolution (the gradient of Conv1d as a layer). Arguments: in_channels, out_channels, kernel_size, stride = 1,
--- padding = 0, output_padding = 0, groups = 1, bias = true, dilation = 1. weight is (in, out / groups, k).
---@return scion.Net
function scion.nn.ConvTranspose1d(...) end

--- Transposed convolution of images; see ConvTranspose1d.
---@return scion.Net
function scion.nn.ConvTranspose2d(...) end

--- Transposed convolution of volumes; see ConvTranspose1d.
---@return scion.Net
function scion.nn.ConvTranspose3d(...) end

--- Convolution: kernel (one number or a list), num_filter, stride = 1, pad = 0, dilate = 1, num_group = 1, no_bias = false.
---@return scion.Net
function scion.nn.Convolution(opts) end

--- 1 - cos(a, b) where target is 1, max(0, cos(a, b) - margin) where it is -1.
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@param margin? number cosine up to which different pairs cost nothing
---@return scion.Net
function scion.nn.CosineEmbeddingLoss(options, ...) end

--- Cosine of the angle between vectors: a . b / (|a| |b|).
---@param dim? integer dimension of the vectors; default the second
---@param eps? number smallest length
---@return scion.Net
function scion.nn.CosineSimilarity(options, ...) end

--- Cross entropy of softmax(input) with class ids or class probabilities. The mean is weighted as in PyTorch.
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@param ignore_index? integer id, as written in the target, that counts nothing
---@param label_smoothing? number share of the target spread evenly over the classes
---@return scion.Net
function scion.nn.CrossEntropyLoss(options, ...) end

--- Transposed convolution; as Convolution, with adj (output padding); no_bias defaults to true, as in MXNet.
---@return scion.Net
function scion.nn.Deconvolution(opts) end

--- In training zeroes elements with probability p (default 0.5) and scales the rest by 1 / (1 - p); in evaluation x itself.
function scion.nn.Dropout(...) end

--- Dropout of whole channels of (N, C, L).
function scion.nn.Dropout1d(...) end

--- Dropout of whole channels of (N, C, H, W).
function scion.nn.Dropout2d(...) end

--- Dropout of whole channels of (N, C, D, H, W).
function scion.nn.Dropout3d(...) end

--- x above 0, alpha (e^x - 1) below.
---@param alpha? number minus the limit at minus infinity
---@return scion.Net
function scion.nn.ELU(...) end

--- Rows of weight (num_embeddings, embedding_dim) by id: ids of any shape, 1..num_embeddings, to that shape + (embedding_dim).
--- The row padding_idx is zero and gets no gradient.
---@return scion.Net
function scion.nn.Embedding(...) end

--- Sum, mean (the default) or maximum of the embeddings of each bag of ids: (N, T) to (N, embedding_dim).
---@return scion.Net
function scion.nn.EmbeddingBag(...) end

--- AlphaDropout of whole channels of (N, C, ...).
function scion.nn.FeatureAlphaDropout(...) end

--- Joins dimensions start_dim .. end_dim (default: all but the first): (N, C, H, W) to (N, C H W).
---@return scion.Net
function scion.nn.Flatten(...) end

--- Columns added up into (N, C, H, W). Arguments: output_size, kernel_size, dilation = 1, padding = 0, stride = 1.
---@return scion.Net
function scion.nn.Fold(...) end

--- Linear layer on flattened items: num_hidden, no_bias = false, flatten = true (false: on the last dimension only).
---@return scion.Net
function scion.nn.FullyConnected(opts) end

--- x times the normal distribution function of x.
---@param approximate? choice "none": by the error function; "tanh": the usual approximation
---@return scion.Net
function scion.nn.GELU(...) end

--- Gated linear unit: first half times sigmoid of the second.
---@param dim? integer dimension that is halved
---@return scion.Net
function scion.nn.GLU(...) end

--- Gated recurrent unit; arguments and outputs as RNN.
---@return scion.Net
function scion.nn.GRU(...) end

--- One step of GRU: cell(x, h) to the next h.
---@return scion.Net
function scion.nn.GRUCell(...) end

--- Negative log-likelihood of normal distributions with given means and variances.
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@param full? boolean add the constant log(2 pi) / 2
---@param eps? number smallest variance
---@return scion.Net
function scion.nn.GaussianNLLLoss(options, ...) end

--- Mean over all positions: (N, C, ...) to (N, C).
function scion.nn.GlobalAvgPool1d(...) end

--- Mean over all positions: (N, C, ...) to (N, C).
function scion.nn.GlobalAvgPool2d(...) end

--- Mean over all positions: (N, C, ...) to (N, C).
function scion.nn.GlobalAvgPool3d(...) end

--- Maximum over all positions: (N, C, ...) to (N, C).
function scion.nn.GlobalMaxPool1d(...) end

--- Maximum over all positions: (N, C, ...) to (N, C).
function scion.nn.GlobalMaxPool2d(...) end

--- Maximum over all positions: (N, C, ...) to (N, C).
function scion.nn.GlobalMaxPool3d(...) end

--- A net from symbolic values: any directed graph without cycles. A layer used twice keeps one set of parameters.
---@param inputs any   nn.input value or a list of them
---@param outputs any  symbolic value or a list of them
---@param opts? table  { name = }
function scion.nn.Graph(inputs, outputs, opts) end

--- Normalises groups of channels of every item (N, C, ...). Arguments: num_groups, num_channels, eps = 1e-5, affine = true.
---@return scion.Net
function scion.nn.GroupNorm(...) end

--- x outside -lambda .. lambda, 0 within.
---@param lambda? number half-width of the zone that gives 0
---@return scion.Net
function scion.nn.Hardshrink(...) end

--- clamp(x / 6 + 1 / 2, 0, 1).
---@return scion.Net
function scion.nn.Hardsigmoid(...) end

--- x hardsigmoid(x).
---@return scion.Net
function scion.nn.Hardswish(...) end

--- x limited to min_val .. max_val.
---@param min_val? number lower bound
---@param max_val? number upper bound
---@return scion.Net
function scion.nn.Hardtanh(...) end

--- input where target is 1, max(0, margin - input) where it is -1.
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@param margin? number distance asked for
---@return scion.Net
function scion.nn.HingeEmbeddingLoss(options, ...) end

--- max(0, margin - target * input): the loss of support vector machines.
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@param margin? number distance asked for
---@return scion.Net
function scion.nn.HingeLoss(options, ...) end

--- Quadratic below delta, linear beyond: d^2 / 2, delta (|d| - delta / 2).
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@param delta? number difference at which the square becomes a line
---@return scion.Net
function scion.nn.HuberLoss(options, ...) end

--- x itself.
---@return scion.Net
function scion.nn.Identity(...) end

--- Normalises every channel of every item by its own statistics: (N, C, L). Arguments: num_features, eps = 1e-5, affine = false.
---@return scion.Net
function scion.nn.InstanceNorm1d(...) end

--- Instance normalisation of images; see InstanceNorm1d.
---@return scion.Net
function scion.nn.InstanceNorm2d(...) end

--- Instance normalisation of volumes; see InstanceNorm1d.
---@return scion.Net
function scion.nn.InstanceNorm3d(...) end

--- Kullback-Leibler divergence: target (log target - input), input in logarithms.
---@param reduction? choice "none", "mean" (over elements), "sum", or "batchmean" (sum / N: the divergence itself)
---@param log_target? boolean target holds logarithms too
---@return scion.Net
function scion.nn.KLDivLoss(options, ...) end

--- Absolute difference.
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@return scion.Net
function scion.nn.L1Loss(options, ...) end

--- (sum of |x|^p)^(1/p) of each window. Arguments: norm_type (p), kernel_size, stride = kernel_size, ceil_mode = false.
function scion.nn.LPPool1d(...) end

--- (sum of |x|^p)^(1/p) of each window. Arguments: norm_type (p), kernel_size, stride = kernel_size, ceil_mode = false.
function scion.nn.LPPool2d(...) end

--- (sum of |x|^p)^(1/p) of each window. Arguments: norm_type (p), kernel_size, stride = kernel_size, ceil_mode = false.
function scion.nn.LPPool3d(...) end

--- Local response normalisation across channels: nsize, alpha = 1e-4, beta = 0.75, knorm = 2.
---@return scion.Net
function scion.nn.LRN(opts) end

--- Long short-term memory; arguments as RNN. Gives y, h_n and c_n; with state = true the net takes h0 and c0.
---@return scion.Net
function scion.nn.LSTM(...) end

--- One step of LSTM: cell(x, h, c) to the next h and c.
---@return scion.Net
function scion.nn.LSTMCell(...) end

--- A function of tensors as a layer: fn(x, ..., info) -> tensor, info = { layer =, training =, config = }. opts: name, n_inputs (1),
--- n_outputs (1), config (text). To be saved, the function is registered first: scion.register_layer("swish2", fn).
---@param fn function|string the function, or the name of a registered one
---@return scion.Net
function scion.nn.Lambda(fn, opts) end

--- Normalises the trailing dimensions of every item, then scales and shifts. Arguments: normalized_shape, eps = 1e-5,
--- elementwise_affine = true, bias = true.
---@return scion.Net
function scion.nn.LayerNorm(...) end

--- y = x > 0 ? x : slope x, or act_type "elu", "selu", "gelu".
---@return scion.Net
function scion.nn.LeakyReLU(opts) end

--- y = x W' + b: (..., in_features) to (..., out_features). Parameters: weight (out_features, in_features), bias.
---@param in_features integer
---@param out_features integer
---@param bias? boolean default true
---@return scion.Net
function scion.nn.Linear(...) end

--- x / (k + alpha * mean of x^2 over neighbouring channels)^beta.
---@return scion.Net
function scion.nn.LocalResponseNorm(...) end

--- log(sigmoid(x)), exact for large negative x.
---@return scion.Net
function scion.nn.LogSigmoid(...) end

--- log(softmax(x)) along a dimension, exact for large differences.
---@param dim? integer dimension that sums to one; default the last
---@return scion.Net
function scion.nn.LogSoftmax(...) end

--- Squared difference.
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@return scion.Net
function scion.nn.MSELoss(options, ...) end

--- max(0, margin - target * (input1 - input2)).
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@param margin? number distance asked for
---@return scion.Net
function scion.nn.MarginRankingLoss(options, ...) end

--- Largest value of each window. Arguments: kernel_size, stride = kernel_size, padding = 0, dilation = 1, return_indices = false
--- (a second output: positions in the plane), ceil_mode = false.
function scion.nn.MaxPool1d(...) end

--- Largest value of each window. Arguments: kernel_size, stride = kernel_size, padding = 0, dilation = 1, return_indices = false
--- (a second output: positions in the plane), ceil_mode = false.
function scion.nn.MaxPool2d(...) end

--- Largest value of each window. Arguments: kernel_size, stride = kernel_size, padding = 0, dilation = 1, return_indices = false
--- (a second output: positions in the plane), ceil_mode = false.
function scion.nn.MaxPool3d(...) end

--- Puts maxima back where MaxPool { return_indices = true } found them: unpool(x, indices). Arguments: kernel_size,
--- stride = kernel_size, padding = 0, output_size = (size - 1) * stride - 2 * padding + kernel_size.
function scion.nn.MaxUnpool1d(...) end

--- Puts maxima back where MaxPool { return_indices = true } found them: unpool(x, indices). Arguments: kernel_size,
--- stride = kernel_size, padding = 0, output_size = (size - 1) * stride - 2 * padding + kernel_size.
function scion.nn.MaxUnpool2d(...) end

--- Puts maxima back where MaxPool { return_indices = true } found them: unpool(x, indices). Arguments: kernel_size,
--- stride = kernel_size, padding = 0, output_size = (size - 1) * stride - 2 * padding + kernel_size.
function scion.nn.MaxUnpool3d(...) end

--- x tanh(softplus(x)).
---@return scion.Net
function scion.nn.Mish(...) end

--- Binary cross entropy with logits, averaged over the classes of each item.
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@return scion.Net
function scion.nn.MultiLabelSoftMarginLoss(options, ...) end

--- Multi-class hinge loss: every other class shall stay `margin` below the right one.
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@param margin? number how far ahead the right class shall be
---@param p? integer power of the violation
---@return scion.Net
function scion.nn.MultiMarginLoss(options, ...) end

--- Attention of several heads: mha(query, key, value) of (N, L, E), (N, S, E), (N, S, E) to (N, L, E). Parameters as PyTorch's:
--- in_proj_weight (3 E, E), in_proj_bias, out_proj.weight, out_proj.bias. attn_mask (L, S) belongs to the layer: bool, true hides, or
--- float, added. need_weights: a second output, the weights of each head (N, heads, L, S).
---@param embed_dim integer
---@param num_heads integer
---@return scion.Net
function scion.nn.MultiheadAttention(...) end

--- Negative log-likelihood of class ids, from log-probabilities (log_softmax).
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@param ignore_index? integer id, as written in the target, that counts nothing
---@return scion.Net
function scion.nn.NLLLoss(options, ...) end

--- x above 0, weight x below, with a learned weight: one, or one per channel of (N, C, ...).
---@return scion.Net
function scion.nn.PReLU(...) end

--- p-norm of a - b along the last dimension.
---@param p? number order of the norm; inf: the largest difference
---@param eps? number added to every difference
---@param keepdim? boolean keep the last dimension as 1
---@return scion.Net
function scion.nn.PairwiseDistance(options, ...) end

--- Dimensions in another order: nn.Permute { dims = { 1, 3, 2 } }.
---@return scion.Net
function scion.nn.Permute(...) end

--- (N, C r^2, H, W) to (N, C, H r, W r).
---@return scion.Net
function scion.nn.PixelShuffle(...) end

--- (N, C, H r, W r) to (N, C r^2, H, W).
---@return scion.Net
function scion.nn.PixelUnshuffle(...) end

--- Negative log-likelihood of counts under Poisson distributions.
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@param log_input? boolean input is the logarithm of the rate
---@param full? boolean add Stirling's approximation of log(target!)
---@param eps? number added to the rate before its logarithm
---@return scion.Net
function scion.nn.PoissonNLLLoss(options, ...) end

--- Pooling of images: pool_type = "max" | "avg" | "sum", kernel, stride = 1, pad = 0, global_pool = false, pooling_convention =
--- "valid" | "full", count_include_pad = true.
---@return scion.Net
function scion.nn.Pooling(opts) end

--- x / sqrt(mean(x^2) + eps) over the trailing dimensions, scaled. eps defaults to the dtype's machine epsilon.
---@return scion.Net
function scion.nn.RMSNorm(...) end

--- Elman network: h = tanh(W_ih x + b_ih + W_hh h + b_hh). Arguments: input_size, hidden_size, num_layers = 1, bias = true,
--- batch_first = false, dropout = 0 (between layers), bidirectional = false, nonlinearity = "tanh" | "relu". Gives y (T, N, directions
--- * hidden) and h_n (layers * directions, N, hidden); outputs = "sequence" or "last" gives only one of them, for a Sequential. state =
--- true: the net takes h0 as a second input.
---@return scion.Net
function scion.nn.RNN(...) end

--- One step of RNN: cell(x, h) of (N, input_size) and (N, hidden_size) to the next h. Arguments: input_size, hidden_size, bias = true,
--- nonlinearity = "tanh" | "relu".
---@return scion.Net
function scion.nn.RNNCell(...) end

--- x above 0; below, x times a slope drawn evenly from lower .. upper for each element (Xu et al. 2015).
---@param lower? number least slope below 0
---@param upper? number greatest slope below 0
---@param training? boolean without it the slope is the mean of both
---@return scion.Net
function scion.nn.RReLU(...) end

--- max(x, 0).
---@return scion.Net
function scion.nn.ReLU(...) end

--- x limited to 0 .. 6.
---@return scion.Net
function scion.nn.ReLU6(...) end

--- The border mirrored without its edge.
function scion.nn.ReflectionPad1d(...) end

--- The border mirrored without its edge.
function scion.nn.ReflectionPad2d(...) end

--- The border mirrored without its edge.
function scion.nn.ReflectionPad3d(...) end

--- The edge repeated.
function scion.nn.ReplicationPad1d(...) end

--- The edge repeated.
function scion.nn.ReplicationPad2d(...) end

--- The edge repeated.
function scion.nn.ReplicationPad3d(...) end

--- Another shape, batch dimension included; one size may be -1.
---@return scion.Net
function scion.nn.Reshape(...) end

--- body(x) + x, where shapes agree; opts: shortcut (a layer for x), activation (a layer after the sum), name.
---@param body any  layer, net, function or list of layers
---@return scion.Net
function scion.nn.Residual(body, opts) end

--- Self-normalising elu: 1.0507 (x above 0, 1.6733 (e^x - 1) below).
---@return scion.Net
function scion.nn.SELU(...) end

--- Layers one after the other: nn.Sequential { layer, { "name", layer }, function(x) ... end, ..., name =, naming = }.
--- naming: "type" (conv2d, relu, relu_2; the default) or "index" ("0", "1", as PyTorch). Nested nets give dotted names.
---@param layers table
---@param opts? table { name = string, naming = "type"|"index" }
---@return scion.Net
function scion.nn.Sequential(layers, opts) end

--- x sigmoid(x), also called swish.
---@return scion.Net
function scion.nn.SiLU(...) end

--- 1 / (1 + e^-x).
---@return scion.Net
function scion.nn.Sigmoid(...) end

--- Quadratic below beta, linear beyond: d^2 / (2 beta), |d| - beta / 2.
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@param beta? number difference at which the square becomes a line
---@return scion.Net
function scion.nn.SmoothL1Loss(options, ...) end

--- log(1 + e^(-target * input)), target 1 or -1.
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@return scion.Net
function scion.nn.SoftMarginLoss(options, ...) end

--- e^x / sum e^x along a dimension: positive numbers that sum to one.
---@param dim? integer dimension that sums to one; default the last
---@return scion.Net
function scion.nn.Softmax(...) end

--- Softmax over the channels of (N, C, H, W).
---@return scion.Net
function scion.nn.Softmax2d(...) end

--- The softmax that a classifier ends in; training takes the cross entropy of what comes before it.
---@return scion.Net
function scion.nn.SoftmaxOutput(opts) end

--- softmax(-x) along a dimension.
---@param dim? integer dimension that sums to one; default the last
---@return scion.Net
function scion.nn.Softmin(...) end

--- log(1 + e^(beta x)) / beta: a smooth relu.
---@param beta? number sharpness
---@param threshold? number above beta x of this, x itself
---@return scion.Net
function scion.nn.Softplus(...) end

--- x moved towards 0 by lambda, 0 within.
---@param lambda? number half-width of the zone that gives 0
---@return scion.Net
function scion.nn.Softshrink(...) end

--- x / (1 + |x|).
---@return scion.Net
function scion.nn.Softsign(...) end

--- Without dimensions of size 1 (or without `dim` if its size is 1).
---@return scion.Net
function scion.nn.Squeeze(...) end

--- Hyperbolic tangent.
---@return scion.Net
function scion.nn.Tanh(...) end

--- x - tanh(x).
---@return scion.Net
function scion.nn.Tanhshrink(...) end

--- x where x > threshold, else value.
---@param threshold? number what x must exceed
---@param value? number put where it does not
---@return scion.Net
function scion.nn.Threshold(...) end

--- Encoder and decoder of Vaswani et al. (2017), a final norm behind each: transformer(source (N, S, d_model), target (N, L, d_model)) to
--- (N, L, d_model), the decoder causal. Arguments: d_model = 512, nhead = 8, num_encoder_layers = 6, num_decoder_layers = 6,
--- dim_feedforward = 2048, dropout = 0.1, activation = "relu", layer_norm_eps = 1e-5, norm_first = false. Parameter names are PyTorch's.
---@return scion.Net
function scion.nn.Transformer(...) end

--- `num_layers` decoder layers, named layers.0, layers.1, ..., each looking at the same memory: decoder(target, memory); final_norm: a layer
--- norm "norm" behind them.
---@return scion.Net
function scion.nn.TransformerDecoder(...) end

--- Self-attention, attention to the encoder's output and a feed-forward net: decoder(target (N, L, d_model), memory (N, S, d_model)) to
--- (N, L, d_model). Arguments as TransformerEncoderLayer's, but is_causal = true: a position sees itself and those before it (PyTorch asks for a
--- mask instead). Parameter names are PyTorch's.
---@param d_model integer
---@param nhead integer
---@return scion.Net
function scion.nn.TransformerDecoderLayer(...) end

--- `num_layers` encoder layers one after the other, named layers.0, layers.1, ...; final_norm: a layer norm "norm" behind them.
---@return scion.Net
function scion.nn.TransformerEncoder(...) end

--- Self-attention and a feed-forward net, each with dropout, residual sum and layer norm: (N, L, d_model) to the same. Arguments: d_model,
--- nhead, dim_feedforward = 2048, dropout = 0.1, activation = "relu", layer_norm_eps = 1e-5, norm_first = false, bias = true,
--- is_causal = false. Parameter names are PyTorch's.
---@param d_model integer
---@param nhead integer
---@return scion.Net
function scion.nn.TransformerEncoderLayer(...) end

--- Two dimensions exchanged.
---@return scion.Net
function scion.nn.Transpose(...) end

--- max(0, |anchor - positive| - |anchor - negative| + margin).
---@param reduction? choice "none" (a value per element), "mean" or "sum"
---@param margin? number how much farther the negative shall be
---@param p? number order of the norm; inf: the largest difference
---@param eps? number added to every difference
---@param swap? boolean use the distance of positive and negative where it is smaller
---@return scion.Net
function scion.nn.TripletMarginLoss(options, ...) end

--- Splits dimension `dim` into the sizes of the list.
---@return scion.Net
function scion.nn.Unflatten(...) end

--- Sliding windows of (N, C, H, W) as columns (N, C * kernel size, positions). Arguments: kernel_size, dilation = 1, padding = 0, stride = 1.
---@return scion.Net
function scion.nn.Unfold(...) end

--- With a new dimension of size 1 at `dim`.
---@return scion.Net
function scion.nn.Unsqueeze(...) end

--- Resizes the spatial dimensions. Arguments: size or scale_factor, mode = "nearest" ("linear", "bilinear", "bicubic", "trilinear", "area"),
--- align_corners = false.
---@return scion.Net
function scion.nn.Upsample(...) end

--- Upsample bilinearly with aligned corners.
---@return scion.Net
function scion.nn.UpsamplingBilinear2d(...) end

--- Upsample by nearest elements.
---@return scion.Net
function scion.nn.UpsamplingNearest2d(...) end

--- Zeros around (N, C, ...): one number or { left, right, top, bottom, ... }.
function scion.nn.ZeroPad1d(...) end

--- Zeros around (N, C, ...): one number or { left, right, top, bottom, ... }.
function scion.nn.ZeroPad2d(...) end

--- Zeros around (N, C, ...): one number or { left, right, top, bottom, ... }.
function scion.nn.ZeroPad3d(...) end

scion.nn.init = {}

--- The gain of a nonlinearity, for xavier_* and kaiming_*.
---@param nonlinearity string "linear", "conv1d".."conv3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"
---@param param? number       negative slope of leaky_relu, default 0.01
function scion.nn.init.calculate_gain(nonlinearity, param) end

--- All elements become `value`.
function scion.nn.init.constant_(t, value) end

--- The identity of a convolution weight (out, in, kernel...): channel i goes to channel i through the kernel's centre.
function scion.nn.init.dirac_(t) end

--- The identity matrix (2-d).
function scion.nn.init.eye_(t) end

--- fan_in and fan_out of a weight (out, in, kernel...).
---@return integer fan_in, integer fan_out
function scion.nn.init.fans(t) end

--- He: normal. Options as kaiming_uniform_.
function scion.nn.init.kaiming_normal_(t, opts) end

--- He: uniform. opts: a (negative slope, 0), mode ("fan_in" or "fan_out"), nonlinearity ("leaky_relu").
function scion.nn.init.kaiming_uniform_(t, opts) end

--- Normal with mean and standard deviation; default 0, 1.
function scion.nn.init.normal_(t, mean, std) end

--- All ones.
function scion.nn.init.ones_(t) end

--- Rows (or columns, where there are more rows) orthonormal, times gain; further dimensions are flattened.
function scion.nn.init.orthogonal_(t, gain) end

--- A share `sparsity` of each column is zero, the rest normal with `std` (default 0.01).
function scion.nn.init.sparse_(t, sparsity, std) end

--- Normal truncated to [a, b] (absolute bounds, default -2 and 2).
function scion.nn.init.trunc_normal_(t, mean, std, a, b) end

--- Uniform on [a, b); default 0..1.
function scion.nn.init.uniform_(t, a, b) end

--- Glorot: normal with standard deviation gain sqrt(2 / (fan_in + fan_out)).
function scion.nn.init.xavier_normal_(t, gain) end

--- Glorot: uniform on +-gain sqrt(6 / (fan_in + fan_out)).
function scion.nn.init.xavier_uniform_(t, gain) end

--- All zeros.
function scion.nn.init.zeros_(t) end

--- A named input of a graph.
---@param name? string     default "x"
---@param spec? table      { shape = { -1, 3, 32, 32 }, dtype = "f32" }: checked at every run; -1: any size
function scion.nn.input(name, spec) end

--- A parameter of its own in a graph, not of a layer: a class token, positions.
---@param name string its name in the net
---@param tensor scion.Tensor
function scion.nn.parameter(name, tensor) end

scion.nn.types = {}

scion.optim = {}

---@class scion.Adadelta
---@overload fun(...): scion.Adadelta
scion.optim.Adadelta = {}

---@class scion.Adagrad
---@overload fun(...): scion.Adagrad
scion.optim.Adagrad = {}

---@class scion.Adam
---@overload fun(...): scion.Adam
scion.optim.Adam = {}

---@class scion.AdamW
---@overload fun(...): scion.AdamW
scion.optim.AdamW = {}

---@class scion.Adamax
---@overload fun(...): scion.Adamax
scion.optim.Adamax = {}

---@class scion.ConstantLR
---@overload fun(...): scion.ConstantLR
scion.optim.ConstantLR = {}

---@class scion.CosineAnnealingLR
---@overload fun(...): scion.CosineAnnealingLR
scion.optim.CosineAnnealingLR = {}

---@class scion.CosineAnnealingWarmRestarts
---@overload fun(...): scion.CosineAnnealingWarmRestarts
scion.optim.CosineAnnealingWarmRestarts = {}

---@class scion.EMA
---@overload fun(...): scion.EMA
scion.optim.EMA = {}

function scion.optim.EMA:weight() end

---@class scion.ExponentialLR
---@overload fun(...): scion.ExponentialLR
scion.optim.ExponentialLR = {}

---@class scion.LBFGS
---@overload fun(...): scion.LBFGS
scion.optim.LBFGS = {}

---@class scion.LambdaLR
---@overload fun(...): scion.LambdaLR
scion.optim.LambdaLR = {}

---@class scion.LinearLR
---@overload fun(...): scion.LinearLR
scion.optim.LinearLR = {}

---@class scion.LinearWarmup
---@overload fun(...): scion.LinearWarmup
scion.optim.LinearWarmup = {}

--- Sets the rates for the present step.
function scion.optim.LinearWarmup:apply() end

---@param dict table
function scion.optim.LinearWarmup:load_state_dict(dict) end

--- Plain numbers and tables; functions are not kept.
---@return table
function scion.optim.LinearWarmup:state_dict() end

---@class scion.MultiStepLR
---@overload fun(...): scion.MultiStepLR
scion.optim.MultiStepLR = {}

---@class scion.NAdam
---@overload fun(...): scion.NAdam
scion.optim.NAdam = {}

---@class scion.OneCycleLR
---@overload fun(...): scion.OneCycleLR
scion.optim.OneCycleLR = {}

--- Sets the rates for the present step.
function scion.optim.OneCycleLR:apply() end

--- Takes the optimiser and sets the rates of step 0 (the constructors do it).
function scion.optim.OneCycleLR:start(optimizer) end

--- The rate or momentum of step t on its way between three values.
function scion.optim.OneCycleLR:value(t, from, top, last) end

---@class scion.PolynomialLR
---@overload fun(...): scion.PolynomialLR
scion.optim.PolynomialLR = {}

---@class scion.RAdam
---@overload fun(...): scion.RAdam
scion.optim.RAdam = {}

---@class scion.RMSprop
---@overload fun(...): scion.RMSprop
scion.optim.RMSprop = {}

---@class scion.ReduceLROnPlateau
---@overload fun(...): scion.ReduceLROnPlateau
scion.optim.ReduceLROnPlateau = {}

--- Sets the rates for the present step.
function scion.optim.ReduceLROnPlateau:apply() end

--- Goes to the next step, or to step `epoch`.
---@param epoch? integer
function scion.optim.ReduceLROnPlateau:step(value) end

---@class scion.SGD
---@overload fun(...): scion.SGD
scion.optim.SGD = {}

---@class scion.SWA
---@overload fun(...): scion.SWA
scion.optim.SWA = {}

function scion.optim.SWA:weight() end

---@class scion.SequentialLR
---@overload fun(...): scion.SequentialLR
scion.optim.SequentialLR = {}

--- Sets the rates for the present step.
function scion.optim.SequentialLR:apply() end

---@class scion.StepLR
---@overload fun(...): scion.StepLR
scion.optim.StepLR = {}

--- Scales all gradients together so that their norm is at most max_norm; returns the norm they had.
---@param params table            parameters: a list, one tensor, or an object with :parameters()
---@param max_norm number
---@param opts? table             norm_type (2; math.huge: the largest absolute value), error_if_nonfinite (false)
---@return number norm
function scion.optim.clip_grad_norm(params, max_norm, opts) end

--- Limits every element of every gradient to -limit .. limit.
---@param params table
---@param limit number
function scion.optim.clip_grad_value(params, limit) end

scion.optim.lr_scheduler = {}

--- An optimiser by its name in small letters: optim.make("adam", params, { lr = 1e-3 }).
---@param kind string       sgd, adam, adamw, rmsprop, adagrad, adadelta, nadam, adamax, radam or lbfgs
---@param params table
---@param opts? table
function scion.optim.make(kind, params, opts) end

scion.parallel = {}

--- Closes the worker states that map keeps for its next call.
function scion.parallel.close() end

--- fn(item) for every item of a list, on worker threads; a list of results. An error in fn is raised with the item's number. opts: workers
--- (default: the context's threads).
---@param fn function
---@param items any[]
---@param opts? { workers?: integer }
---@return any[]
function scion.parallel.map(fn, items, opts) end

scion.plot = {}

scion.plot.COLOURS = {}

--- Bars. opts.labels: names; opts.values: numbers; opts.errors: half lengths of error marks; opts.colours.
function scion.plot.bars(opts) end

--- Points of a grid over a rectangle as a tensor (n * n, 2), row by row of y: where a panel's heat is computed.
function scion.plot.grid_points(low, high, n) end

--- A grid of images with captions; see scion.plot.images. Writes SVG or PNG by the ending of `out`.
function scion.plot.images(opts) end

--- Line chart. opts.series: list of { label=, y=, x= } (lists or tensors).
function scion.plot.lines(opts) end

--- Several charts side by side; see scion.plot.panels.
function scion.plot.panels(opts) end

--- Scatter plot. opts.series: list of { label=, x=, y=, colour=, radius =, hollow = true for rings, line = true for a line in place of
--- points (a diagonal, say) }; opts.radius: of the points whose series says nothing.
function scion.plot.scatter(opts) end

scion.progress = {}

--- Takes a half-drawn bar away, before a script writes something of its own.
function scion.progress.clear() end

--- For such loops: counts one.
function scion.progress.count_interruption() end

--- Runs a loop; Ctrl-C ends it alone, and outer loops see that it did. Other errors are raised as they are.
---@return boolean finished  false when it was interrupted
function scion.progress.interruptible(loop) end

--- How often Ctrl-C has been answered by a loop that then returned as usual: an outer loop that sees the number grow ends, too.
function scion.progress.interruptions() end

--- Is this error Ctrl-C?
function scion.progress.is_interrupt(message) end

--- A bar that has just begun.
---@param opts { label?: string, total?: integer, unit?: string, interval?: number, quiet?: boolean }
function scion.progress.new(opts) end

--- Wall-clock seconds: the engine's clock where it is loaded.
function scion.progress.now() end

--- `for i in progress.range(n, { label = ... }) do` counts from 1 to n behind a bar.
function scion.progress.range(n, opts) end

--- One finished line of information.
function scion.progress.say(format, ...) end

--- Replaces the sink (nil: back to the default); returns the old one. Specs and hosts use it.
function scion.progress.set_sink(new) end

scion.repurpose = {}

--- Searches for the source, layer, repurposer and hyper-parameters that serve best, and says whether transfer pays. Options: source (a net, a
--- list of nets, or a table of them by name; each may be { net =, classes =, n_labelled =, data = }, which sharpens the report), train (a data
--- set with classes), budget 120 (seconds, about), n_trials 40, folds 4, n_layers 3 (of each source), n_ranked 6, max_features 4096,
--- fine_tune "auto", steps 150, cache, log (file of the study, resumes), seed, progress.
---@return table repurposer  fitted on all of train
---@return table report      prints itself; transfer, best, ways, ranking, settings, study
function scion.repurpose.auto(opts) end

--- The class of a name in a file, or nil.
function scion.repurpose.find(name) end

scion.repurpose.graph = {}

--- Adds flatten (for values of more than two dimensions) to a value; returns the new value.
function scion.repurpose.graph.add_flatten(net, value, dims) end

--- Adds a linear layer on a value (N, F); weight (K, F), bias (K) or nil.
function scion.repurpose.graph.add_linear(net, name, value, weight, bias) end

--- Adds a softmax over the classes of scores (N, K); returns its value.
function scion.repurpose.graph.add_softmax(net, value) end

--- Raises unless every name is a layer of the net; `what` names the option in the message.
function scion.repurpose.graph.check_layers(where, what, net, names) end

--- A constant (f32) under a name that is not taken yet: "svm.first", "svm.first_2", ...
function scion.repurpose.graph.constant(net, name, tensor) end

--- Freezes layers: their parameters ask for no gradient and they stay in eval mode (batch norm keeps its
--- running statistics, dropout is off).
function scion.repurpose.graph.freeze(net, names) end

--- A name that the net does not use yet.
function scion.repurpose.graph.fresh_name(net, name) end

--- Where the constant beginning of a net ends: the value between the layers that cannot change (frozen, or
--- without parameters, and nothing random or trained before them) and the rest. nil when there is none, or more than one.
function scion.repurpose.graph.frozen_boundary(net) end

--- The last layer with weights on the way to the output, and the value that it reads (the usual feature).
---@return string head, string features
function scion.repurpose.graph.head(net) end

--- What to say about a name that is no layer: the layers below it, or the nearest name; "" when neither is there.
function scion.repurpose.graph.hint(net, name) end

--- Is this value a net?
function scion.repurpose.graph.is_net(value) end

--- The scores before a final softmax: the name of the value that a softmax-free net returns.
function scion.repurpose.graph.logits(net) end

--- Adds a node of an op; returns its (first) value.
function scion.repurpose.graph.node(net, name, type, op, params, inputs) end

--- Dimensions of some values for one batch x (a list for several inputs), found by running it.
function scion.repurpose.graph.probe(net, names, x) end

--- The part of a net that computes some values, as a net of its own that shares the tensors.
function scion.repurpose.graph.trunk(net, names) end

--- All layers up to and including the named ones.
function scion.repurpose.graph.upstream(net, names) end

--- Puts preprocessing before a net, so that it takes pixels in 0..1: an affine map per channel, perhaps RGB to BGR.
---@param net scion.Net
---@param pre { mean?: number[], std?: number[], scale?: number, channels?: string }
function scion.repurpose.graph.with_preprocessing(net, pre) end

--- A copy of the net whose single output ends in softmax (left alone when it does already).
function scion.repurpose.graph.with_softmax(net) end

--- A repurposer from the JSON file of Xfer's LrRepurposer or SvmRepurposer, on its source network: the one given, or that which Xfer saved beside it
--- (NAME_source-symbol.json with NAME_source-0000.params). Layers must have the names that the file says. scion.load does the same.
---@param path string
---@param opts? { source_model?: scion.Net }
function scion.repurpose.load_xfer(path, opts) end

--- Makes a class known to scion.load. Built-in ones are known already. A class without a graph form needs serialize and
--- deserialize (see Repurposer:save).
function scion.repurpose.register(cls) end

scion.show = {}

--- Is this a list that prints itself?
function scion.show.is_list(value) end

--- Makes a plain list print itself; it stays an ordinary Lua list.
function scion.show.list(items) end

--- "91.5 ± 0.8" from a list of numbers: mean and sample standard deviation.
function scion.show.mean_spread(values, format) end

--- Makes a table of named values print itself: { accuracy = 0.95, n = 40 }.
function scion.show.record(fields) end

--- Seconds as a person says them: 0.35 s, 12.3 s, 4 min 10 s, 2 h 05 min.
function scion.show.seconds(s) end

--- A table for the console. columns: list of names or { title=, align=, format= }; rows: lists of
--- cells, or "-" for a rule across.
---@return string text without a final newline
function scion.show.table(columns, rows, opts) end

--- Number of columns a text takes on a terminal (UTF-8 code points; combining marks are not used here).
function scion.show.width(text) end

scion.trainer = {}

scion.trainer.SCHEDULES = {}

function scion.trainer.SCHEDULES.constant() end

function scion.trainer.SCHEDULES.cosine(t) end

function scion.trainer.SCHEDULES.linear(t) end

--- Rise from 1/25 over 30 % of the steps, then fall to almost nothing (Smith 2018).
function scion.trainer.SCHEDULES.one_cycle(t) end

--- What yields batches: a function, or a table or userdata that can be called.
function scion.trainer.check_data(where, data, level) end

--- Loss and metrics over one pass, in eval mode and without gradients: { loss =, accuracy =, ... }.
---@param net scion.Net
---@param data fun(): scion.Tensor?, scion.Tensor?
function scion.trainer.evaluate(net, data, opts) end

--- Trains a net. Returns the history: history.epochs is a list of { epoch, loss, accuracy, val_loss, ...,
--- seconds }, history.stopped says why the run ended, history.best_epoch under early stopping.
---@param net scion.Net
---@param data? fun(): scion.Tensor?, scion.Tensor?   may be given as opts.data
---@param opts? scion.FitOptions
function scion.trainer.fit(net, data, opts) end

return scion
