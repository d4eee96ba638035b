-- Layers and losses against PyTorch: outputs, gradients of inputs and parameters, moved statistics; in f64, and in f32, where
-- the fast kernels are.
local dir = debug.getinfo(1, "S").source:match("^@(.*)[^/]*$"):match("^(.*/)") or "./"
local golden = dofile(dir .. "golden.lua")

for _, file in ipairs { "layer.lua", "loss.lua" } do
  describe(file == "layer.lua" and "layers follow PyTorch:" or "losses follow PyTorch:", function()
    for _, case in ipairs(golden.load(file)) do
      for _, dtype in ipairs { "f64", "f32" } do
        it(golden.title(case) .. " in " .. dtype, function() golden.run(case, dtype) end)
      end
    end
  end)
end
