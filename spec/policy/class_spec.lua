local class = require "scion.class"

describe("class", function()
  local Animal = class.class("Animal")
  function Animal:init(name) self.name = name end
  function Animal:speak() return self.name .. " speaks" end
  Animal.__len = function(self) return #self.name end
  local Dog = class.class("Dog", Animal)
  function Dog:speak() return Animal.speak(self) .. ": woof" end

  it("constructs, inherits and overrides", function()
    assert.equal("Rex speaks: woof", Dog("Rex"):speak())
    assert.equal(3, #Dog("Rex"))
    assert.equal(Animal, Dog.super)
    assert.equal("Dog", Dog.class_name)
  end)

  it("knows what is what", function()
    assert.is_true(class.is_a(Dog("Rex"), Animal))
    assert.is_false(class.is_a(Animal("x"), Dog))
    assert.is_false(class.is_a(3, Dog))
    assert.matches("^Dog", tostring(Dog("Rex")))
  end)

  it("refuses bad names and parents", function()
    assert.has_error(function() class.class("two words") end)
    assert.has_error(function() class.class("A", {}) end)
    assert.has_error(function() class.class("Bare")(1) end)
  end)
end)
