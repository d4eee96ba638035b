-- placeholder
return { active = function() return false end }
