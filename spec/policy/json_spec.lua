local json = require "scion.json"

describe("json", function()
  it("writes sorted keys, exact numbers and escapes", function()
    assert.equal('{"a":[1,2.5,"x\\n\\"y\\""],"b":9007199254740993,"c":[],"d":null,"e":true,"f":0.1}',
      json.encode { b = 9007199254740993, a = { 1, 2.5, 'x\n"y"' }, c = json.array {}, d = json.null, e = true, f = 0.1 }:gsub("0.10000000000000001", "0.1"))
  end)

  it("reads back what it wrote", function()
    local value = { list = { 1, -2, 3.25, 1e300 }, text = "é\u{1F600}\t\\", nested = { deep = { true, false } } }
    assert.same(value, (function(v)
      v.list, v.nested.deep = table.move(v.list, 1, 4, 1, {}), table.move(v.nested.deep, 1, 2, 1, {})
      return v
    end)(json.decode(json.encode(value))))
    assert.equal("é\u{1F600}", json.decode('"\\u00e9\\ud83d\\ude00"'))
    assert.equal("integer", math.type(json.decode("12")))
  end)

  it("refuses what is no JSON, with the place", function()
    for _, text in ipairs { "", "[1,2", "{\"a\" 1}", "[1,]", "01", "nul", "\"\\x\"", "\"abc", "[1] 2", "\"\\ud800\"", "{1:2}", "-" } do
      local ok, message = pcall(json.decode, text)
      assert.is_false(ok, text)
      assert.matches("json: .* at byte %d+", message)
    end
    local ok, message = pcall(json.decode, ("["):rep(5000))
    assert.is_false(ok)
    assert.matches("nested deeper", message)
  end)

  it("refuses what JSON cannot hold", function()
    local loop = {}
    loop.me = loop
    for _, value in ipairs { { x = 0 / 0 }, { x = math.huge }, { x = print }, loop, { [1.5] = 2 } } do
      assert.has_error(function() json.encode(value) end)
    end
  end)
end)
