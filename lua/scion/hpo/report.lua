-- One HTML page of a study: what was searched, what was found, the pictures, the table of trials. Everything is inside the file
-- (pictures as SVG), so that it opens from disk without a network.

local check = require "scion.check"
local svg = require "scion.plot.svg"

local M = {}

local STYLE <const> = [[
body { font: 15px/1.5 Helvetica, Arial, sans-serif; color: #333; max-width: 1120px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; border-bottom: 1px solid #ddd; }
table { border-collapse: collapse; font-size: 13px; } th, td { padding: 3px 10px; text-align: right; border-bottom: 1px solid #eee; }
th { cursor: pointer; background: #f4f4f6; position: sticky; top: 0; } td.text, th.text { text-align: left; }
tr.best { background: #e5f4ee; } tr.failed { color: #b04a00; } tr.pruned { color: #888; }
.key { display: inline-block; margin: 0 2em .6em 0; } .key b { display: block; font-size: 1.5em; color: #0072b2; }
svg { max-width: 100%; height: auto; } pre { white-space: pre-wrap; }
.wide { overflow-x: auto; } @media (max-width: 700px) { .wide svg { max-width: none; min-width: 600px; } }
]]

-- Sorts the table by the column that is clicked.
local SCRIPT <const> = [[
document.querySelectorAll("th").forEach(function (th, column) {
  th.addEventListener("click", function () {
    var body = th.closest("table").tBodies[0], up = th.dataset.up !== "1";
    th.dataset.up = up ? "1" : "0";
    Array.from(body.rows).sort(function (a, b) {
      var x = a.cells[column].textContent, y = b.cells[column].textContent, d = parseFloat(x) - parseFloat(y);
      if (isNaN(d)) d = x < y ? -1 : x > y ? 1 : 0;
      return up ? d : -d;
    }).forEach(function (row) { body.appendChild(row); });
  });
});
]]

local function value_text(v) return require("scion.hpo.space").value_text(v) end

local function trials_table(study)
  local head = { "<th>trial</th><th class=\"text\">state</th>" }
  for k = 1, #study.directions do head[#head + 1] = ("<th>%s</th>"):format(#study.directions == 1 and "value" or "value " .. k) end
  for _, p in ipairs(study.space) do head[#head + 1] = ("<th>%s</th>"):format(svg.escape(p.name)) end
  head[#head + 1] = "<th class=\"text\">note</th>"
  local best = {}
  if #study.directions == 1 then
    local trial = study:best_trial()
    if trial then best[trial] = true end
  else
    for _, trial in ipairs(study:pareto()) do best[trial] = true end
  end
  local rows = {}
  for i, trial in ipairs(study.trials) do
    local cells = { ("<td>%d</td><td class=\"text\">%s</td>"):format(trial.id, trial.state == "pruned" and "stopped early" or trial.state) }
    for k = 1, #study.directions do
      cells[#cells + 1] = ("<td>%s</td>"):format(trial.values and ("%.6g"):format(trial.values[k]) or "")
    end
    for _, p in ipairs(study.space) do
      local v = trial.params[p.name]
      cells[#cells + 1] = ("<td>%s</td>"):format(v == nil and "" or svg.escape(value_text(v)))
    end
    local note = trial.reason and trial.reason:gsub("\n.*", "") or #trial.reports > 0 and ("%d reports"):format(#trial.reports) or ""
    cells[#cells + 1] = ("<td class=\"text\">%s</td>"):format(svg.escape(note))
    rows[i] = ("<tr class=\"%s\">%s</tr>"):format(best[trial] and "best" or trial.state, table.concat(cells))
  end
  return ("<div class=\"wide\"><table><thead><tr>%s</tr></thead><tbody>\n%s\n</tbody></table></div>"):format(table.concat(head), table.concat(rows, "\n"))
end

-- A picture, or why there is none.
local function picture(study, name)
  local plots = require "scion.plot.study"
  local ok, drawing = pcall(plots[name], study, {})
  if ok then return ("<div class=\"wide\">%s</div>"):format(tostring(drawing)) end
  return ("<p><small>%s</small></p>"):format(svg.escape((tostring(drawing):gsub("^.-plot%.", "plot."))))
end

--- The page's text; written to opts.out, if given. opts.title: default "Search".
function M.html(study, opts)
  local o = check.opts("report", opts, { out = check.string {}, title = check.string { default = "Search" } })
  local counts = { complete = 0, pruned = 0, failed = 0, running = 0 }
  for _, trial in ipairs(study.trials) do counts[trial.state] = counts[trial.state] + 1 end
  local parts = { "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">",
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>", svg.escape(o.title), "</title><style>", STYLE,
    "</style></head><body>\n<h1>", svg.escape(o.title), "</h1>\n<p>" }
  local function key(label, value) parts[#parts + 1] = ("<span class=\"key\"><b>%s</b>%s</span>"):format(svg.escape(value), svg.escape(label)) end
  key("trials", tostring(#study.trials))
  key("complete", tostring(counts.complete))
  key("stopped early", tostring(counts.pruned))
  key("failed", tostring(counts.failed))
  local single = #study.directions == 1
  local best = single and study:best_trial()
  if best then key(("best value (%s), trial %d"):format(study.directions[1], best.id), ("%.6g"):format(best.value)) end
  parts[#parts + 1] = "</p>\n"
  if best then parts[#parts + 1] = ("<p>Best parameters: <code>%s</code></p>\n"):format(svg.escape(tostring(best.params))) end
  parts[#parts + 1] = ("<p>Sampler %s, seed %d%s.</p>\n<h2>Space</h2>\n<pre>%s</pre>\n"):format(svg.escape(study.sampler.name), study.seed,
    study.pruner and ", pruner " .. svg.escape(study.pruner.name) or "", svg.escape(tostring(study.space)))
  local names
  if single then
    names = { { "History", "history" }, { "Convergence", "convergence" }, { "Importance", "importance" }, { "Slices", "slices" },
      { "Parallel coordinates", "parallel" } }
    if #study.space <= 2 then names[#names + 1] = { "Surrogate and acquisition", "acquisition" } end
  else
    names = { { "Pareto front", "pareto" }, { "Parallel coordinates", "parallel" } }
  end
  if #study.trials > 0 then
    for _, entry in ipairs(names) do
      parts[#parts + 1] = ("<h2>%s</h2>\n%s\n"):format(entry[1], picture(study, entry[2]))
    end
    parts[#parts + 1] = "<h2>Trials</h2>\n<p><small>A click on a column's name sorts by it.</small></p>\n" .. trials_table(study)
  else
    parts[#parts + 1] = "<p>There are no trials yet.</p>"
  end
  parts[#parts + 1] = "\n<script>" .. SCRIPT .. "</script>\n</body></html>\n"
  local text = table.concat(parts)
  if o.out then
    local file, message = io.open(o.out, "wb")
    if not file then error("report: cannot write " .. message, 2) end
    local ok, why = file:write(text)
    file:close()
    if not ok then error(("report: cannot write %s: %s"):format(o.out, why), 2) end
  end
  return text
end

return M
