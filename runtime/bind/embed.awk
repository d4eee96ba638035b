# embed.awk: writes the Lua files given as arguments as the C table of embedded.h. Text becomes string
# literals, one per line, so that the C compiler reads it quickly and a person can too.
function close_file() {
  if (name != "") printf "    , %d },\n", size
}
BEGIN {
  print "/* Generated from lua/scion by embed.awk. */"
  print "#include \"embedded.h\"\n\nconst scion_embedded_file scion_embedded[] = {"
}
FNR == 1 {
  close_file()
  name = FILENAME
  sub(/^lua\//, "", name)
  sub(/\.lua$/, "", name)
  if (name != "scion/init") sub(/\/init$/, "", name)
  gsub(/\//, ".", name)
  printf "  { \"%s\", \"%s\",\n", name, FILENAME
  size = 0
}
{
  size += length($0) + 1
  gsub(/\\/, "&&")
  gsub(/"/, "\\\"")
  gsub(/\?/, "\\?")
  gsub(/\t/, "\\t")
  gsub(/\r/, "\\r")
  print "    \"" $0 "\\n\""
}
END {
  close_file()
  print "  { 0, 0, 0, 0 }\n};"
}
