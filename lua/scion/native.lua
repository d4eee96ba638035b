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

return scion
