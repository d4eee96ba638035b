local helper = require "spec.helper"

-- A sanitized module cannot be loaded by a stock interpreter.
local describe_install = helper.sanitized and pending or describe

describe_install("an installed scion #slow", function()
  local root, prefix

  setup(function()
    root = helper.tmpdir()
    prefix = root .. "/usr/local/scion"
    local mode = helper.build:match("([^/]+)$")
    local result = helper.run(("make --no-print-directory -j1 MODE=%s install DESTDIR=%s PREFIX=/usr/local/scion"):format(mode, root), { env = { MAKEFLAGS = "" } })
    assert.equal(0, result.code, result.err)
  end)

  it("has program, libraries, headers, module, annotations and pkg-config files", function()
    for _, path in ipairs { "bin/scion", "lib/libscion.so", "lib/libscion.so.0", "lib/libscion.a", "lib/libscion-lua.so.0",
      "include/scion.h", "include/scion_net.h", "include/scion_lua.h", "lib/lua/5.4/scion.so", "share/scion/meta/scion.lua",
      "lib/pkgconfig/scion.pc", "lib/pkgconfig/scion-lua.pc" } do
      assert.is_true(helper.exists(prefix .. "/" .. path), path)
    end
  end)

  it("finds its libraries wherever it was moved", function()
    local result = helper.run({ prefix .. "/bin/scion", "-e", "print(scion.tensor { 1, 2 }:sum():item())" }, { env = { LD_LIBRARY_PATH = "" } })
    assert.equal("3.0\n", result.out)
  end)

  it("is a module of a stock Lua", function()
    local result = helper.run({ "lua5.4", "-e", "scion = require 'scion' print(scion.tensor({ 1, 2 }):sum():item(), scion.version)" },
      { env = { LUA_CPATH = prefix .. "/lib/lua/5.4/?.so", LUA_PATH = "" } })
    assert.equal("3.0\t0.1.0\n", result.out, result.err)
  end)

  it("opens in any number of states and any number of times", function()
    local code = "local a = require 'scion' package.loaded.scion = nil assert(require 'scion' == a) print(a.nn ~= nil)"
    local result = helper.run({ "lua5.4", "-e", code }, { env = { LUA_CPATH = prefix .. "/lib/lua/5.4/?.so", LUA_PATH = "" } })
    assert.equal("true\n", result.out, result.err)
  end)

  local function compile_host(flags, env)
    local source = helper.write_file(root .. "/host.c", [[
      #include <scion.h>
      #include <stdio.h>
      int main(void) {
        scion_context *ctx;
        scion_tensor *one, *sum;
        if (scion_open(NULL, &ctx) != SCION_OK || scion_tensor_scalar(ctx, SCION_F32, 20.5, &one) != SCION_OK) return 1;
        scion_tensor *in[2] = { one, one };
        double v = 0;
        if (scion_apply(ctx, scion_op_find("add"), in, 2, NULL, &sum, 1) != SCION_OK) return 1;
        scion_tensor_get(ctx, sum, NULL, &v);
        printf("%s %g\n", scion_version(), v);
        scion_tensor_free(ctx, one);
        scion_tensor_free(ctx, sum);
        scion_close(ctx);
        return 0;
      }]])
    local result = helper.run(("cc -o %s/host %s $(pkg-config %s) && %s/host"):format(root, source, flags, root), { env = env })
    assert.equal("0.1.0 41\n", result.out, result.err)
  end

  it("builds hosts through pkg-config, with the shared library", function()
    local env = { PKG_CONFIG_PATH = prefix .. "/lib/pkgconfig", LD_LIBRARY_PATH = prefix .. "/lib" }
    compile_host("--define-variable=prefix=" .. prefix .. " --cflags --libs scion", env)
  end)

  it("builds hosts through pkg-config, statically", function()
    os.execute("mkdir -p " .. root .. "/static && cp " .. prefix .. "/lib/libscion.a " .. root .. "/static/")
    local env = { PKG_CONFIG_PATH = prefix .. "/lib/pkgconfig" }
    compile_host(("--define-variable=prefix=%s --define-variable=libdir=%s/static --static --cflags --libs scion"):format(prefix, root), env)
  end)

  it("has headers for C++ too", function()
    if os.execute("command -v g++ >/dev/null 2>&1") ~= true then pending("no g++") end
    local result = helper.run(("printf '#include <scion.h>\\n#include <scion_lua.h>\\nint main() {}\\n' | "
      .. "g++ -std=c++11 -pedantic-errors -Wall -Wextra -Werror -I%s/include -I/usr/include/lua5.4 -fsyntax-only -x c++ -"):format(prefix))
    assert.equal(0, result.code, result.err)
  end)
end)
