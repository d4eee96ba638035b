-- The groups of rows, in the order of the table: NAME.lua describes our side, NAME.py the peers'.
--
-- A group returns { title =, rows = { row... } }; a row is a table:
--   name     as the table shows it, and as NAME.py calls it
--   unit     "images/s", "steps/s", ... (more is better) or "ms", "us", "MB" (less is better)
--   items    how many of them one step does, for rates; 1 by default
--   setup    function(bench) -> step: a function that does the work once; and optionally facts: a function -> text for the notes
--   flops    operations of one step (a fused multiply-add is two), for the share of the machine's limit; or nil
--   rounds   at most so many rounds; 1 where measuring again would tell the same
--   arguments  plain data for the peers' side (env.arguments there), may be set by setup; cleanup: a function called at the end of the row
--   measure  instead of setup: function(bench) -> number, one measurement; then `peer` too: list of { label, function(bench) -> number or nil }
-- NAME.py has rows(env) -> { name: setup }, where setup() gives { variant: step } or { variant: (step, facts) }.
return {
  "startup",
  "small",
  "training",
  "features",
  "logistic",
  "loading",
  "meta_learning",
}
