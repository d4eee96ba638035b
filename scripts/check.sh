#!/bin/sh
# check.sh: the rules of the house that a machine can check. `make check` builds and runs it.
#   sh scripts/check.sh BUILD_DIR CC LUA_CFLAGS
set -u
build=${1:-build/release} cc=${2:-gcc} lua_cflags=${3:--I/usr/include/lua5.4}
LC_ALL=C
export LC_ALL
failed=0
report=$(mktemp)
trap 'rm -f "$report"' EXIT

# rule "what": passes when $report is empty, shows it otherwise
rule() {
  if [ -s "$report" ]; then
    echo "FAIL  $1"
    sed 's/^/        /' "$report" | head -n 40
    failed=$((failed + 1))
  else
    echo "ok    $1"
  fi
  : > "$report"
}

# ---- libraries ------------------------------------------------------------------------------------

nm -D --defined-only "$build/libscion.so.0" | awk '{ print $3 }' | sed 's/@.*//' |
  grep -v -E '^scion_[a-z0-9]|^blas_memory_(alloc|free)$' | grep -v -E '^(_init|_fini|__bss_start|_edata|_end|__asan_.*|__odr_asan.*)$' > "$report"
rule "libscion exports scion_* alone (and stands in for two functions of the BLAS)"
nm -D --defined-only "$build/libscion-lua.so.0" | awk '{ print $3 }' | sed 's/@.*//' |
  grep -v -E '^(scion_lua_|luaopen_scion)' | grep -v -E '^(_init|_fini|__bss_start|_edata|_end|__asan_.*|__odr_asan.*)$' > "$report"
rule "libscion-lua exports scion_lua_* and luaopen_scion* alone"

core=$(find "$build/runtime" -name '*.o' ! -path '*/bind/*' ! -path '*/cli/*' | sort)
if [ "${build%asan}" = "$build" ] && [ "${build%tsan}" = "$build" ]; then
  for object in $core; do
    nm -u "$object" | awk '{ print $2 }' |
      grep -x -E 'printf|vprintf|puts|putchar|fputs|fputc|perror|stdout|stderr|exit|_exit|quick_exit|abort|raise|signal|sigaction|setlocale|srand|rand|random|system|fesetround|fesetenv|setenv|putenv|openblas_set_num_threads|goto_set_num_threads' |
      sed "s|^|${object#"$build"/}: |"
  done > "$report"
  rule "the core never prints, exits, or changes the process"
  for object in $core; do
    # the heap itself; the pool's own records; what workers without a context or hosts release
    case $object in */base/heap.o | */base/threads.o | */data/*.o | */io/image.o | */io/bytes.o) continue ;; esac
    nm -u "$object" | awk '{ print $2 }' | grep -x -E 'malloc|calloc|realloc|aligned_alloc|posix_memalign|strdup|strndup|asprintf|vasprintf' |
      sed "s|^|${object#"$build"/}: |"
  done > "$report"
  rule "the core allocates through its context"
fi

readelf -d "$build/libscion.so.0" | grep -i 'liblua' > "$report"
rule "libscion needs no Lua"

# ---- layers ------------------------------------------------------------------------------------------

grep -rn -E '#include *<(lua|lauxlib|lualib)\.h>' runtime | grep -v -E '^runtime/(bind|cli)/|^runtime/include/scion_lua\.h' > "$report"
rule "lua.h is included in bind/ and cli/ alone"
grep -rn -E '#include *"\.\./' runtime/bind runtime/cli > "$report"
rule "bind/ and cli/ see the engine through include/"
# A room may include the rooms before it; optim, io and data stand side by side on net.
rank() {
  case $1 in
    base | kernels) echo 1 ;; tensor) echo 2 ;; ops) echo 3 ;; autograd) echo 4 ;; net) echo 5 ;;
    optim | io | data) echo 6 ;; *) echo 9 ;;
  esac
}
grep -rn -o -E '#include *"\.\./[a-z]+/' runtime --include='*.[ch]' | grep -v -E '^runtime/(bind|cli)/' |
  while IFS=: read -r file line text; do
    from=${file#runtime/}
    from=${from%%/*}
    to=${text#*../}
    to=${to%/}
    [ "$to" = include ] && continue
    [ "$(rank "$from")" -ge "$(rank "$to")" ] || echo "$file:$line: $from includes $to"
  done > "$report"
rule "rooms stand on the rooms above them"

# ---- headers -----------------------------------------------------------------------------------------

headers='scion.h scion_lua.h' # the others are parts of scion.h
for header in $headers; do
  printf '#include "%s"\nint main(void) { return 0; }\n' "$header" |
    $cc -std=c11 -pedantic-errors -Wall -Wextra -Werror -Iruntime/include $lua_cflags -fsyntax-only -x c - >> "$report" 2>&1
done
rule "public headers are C11"
if command -v g++ > /dev/null 2>&1; then
  for header in $headers; do
    printf 'extern "C" {\n#include <stddef.h>\n}\n#include "%s"\nint main() { return 0; }\n' "$header" |
      g++ -std=c++11 -pedantic-errors -Wall -Wextra -Werror -Iruntime/include $lua_cflags -fsyntax-only -x c++ - >> "$report" 2>&1
  done
  rule "public headers are C++11"
else
  echo "--    public headers are C++11 (not checked: no g++)"
fi

# ---- Lua ----------------------------------------------------------------------------------------------

lua_files=$(find lua scripts datasets spec -name '*.lua' 2> /dev/null | sort)
if command -v luac5.4 > /dev/null 2>&1; then
  for file in $lua_files; do # one at a time: Debian's luac fails with several
    luac5.4 -p "$file" >> "$report" 2>&1
  done
  rule "every Lua file compiles"
  known='_G|_VERSION|assert|collectgarbage|dofile|error|getmetatable|ipairs|load|loadfile|next|pairs|pcall|print|rawequal|rawget|rawlen|rawset|require|select|setmetatable|tonumber|tostring|type|xpcall|warn|coroutine|debug|io|math|os|package|string|table|utf8'
  busted='describe|it|pending|before_each|after_each|setup|teardown|lazy_setup|lazy_teardown|strict_setup|strict_teardown|insulate|expose|context|spec|test|finally|spy|stub|mock|match|async|done|randomize|file'
  for file in $lua_files; do
    case $file in
      lua/meta/* | lua/scion/native.lua) continue ;; # descriptions, never run
      spec/*_worker.lua) names="$known|arg" ;;
      spec/*) names="$known|$busted" ;;
      scripts/* | datasets/*) names="$known|arg|scion" ;;
      *) names="$known" ;;
    esac
    luac5.4 -l -p "$file" 2> /dev/null | awk -v file="$file" '
      /SETTABUP.*_ENV/ { sub(/.*_ENV "/, ""); sub(/".*/, ""); print file ": sets the global " $0 }'
    luac5.4 -l -p "$file" 2> /dev/null | grep 'GETTABUP.*_ENV' | sed 's/.*_ENV "//; s/".*//' | sort -u |
      grep -v -x -E "$names" | sed "s|^|$file: reads the unknown global |"
  done > "$report"
  rule "no stray globals in Lua files"
else
  echo "--    Lua files (not checked: no luac5.4)"
fi

"$build/scion" scripts/annotate.lua --check > "$report" 2>&1
rule "the annotations for editors are up to date"

# ---- texts ---------------------------------------------------------------------------------------------

sources=$(find runtime lua scripts spec datasets -type f \( -name '*.c' -o -name '*.h' -o -name '*.lua' -o -name '*.sh' -o -name '*.py' -o -name '*.def' \) ! -path 'lua/meta/*' ! -path 'spec/golden/*' 2> /dev/null | sort)
wc -l $sources | awk '$1 > 800 && $2 != "total" { print $2 ": " $1 " lines" }' > "$report"
rule "no file is longer than 800 lines"
# characters, not bytes: a line of boxes counts as wide as it looks
for file in $sources; do
  [ "$file" = scripts/check.sh ] || LC_ALL=C.UTF-8 grep -n -E '^.{181,}$' "$file" | cut -d: -f1 | sed "s|^|$file:|"
done > "$report"
rule "no line is longer than 180 columns"
grep -n -P '\t' $(printf '%s\n' $sources | grep -E '\.(c|h|lua)$') | cut -d: -f1,2 > "$report"
rule "no tabs"
grep -n -w -E 'TODO|FIXME|XXX|HACK' $sources | grep -v '^scripts/check.sh' > "$report"
grep -n -i 'not implemented' $sources | grep -v '^scripts/check.sh' >> "$report"
rule "nothing is left to do"
git ls-files -z 2> /dev/null | xargs -0 grep -n -I -E '/(work|opt)/' 2> /dev/null | grep -v '^scripts/check.sh' > "$report"
rule "no paths of one machine"

echo
if [ "$failed" -eq 0 ]; then
  echo "all rules hold"
else
  echo "$failed rules do not hold"
fi
exit $((failed > 0))
