#!/bin/sh
# setup.sh: installs the Debian packages that building, testing and the demo need, and nothing else. Says what
# is missing and why; does nothing when all is there. Needs root, or sudo.
#
#   sh scripts/setup.sh          install what is missing
#   sh scripts/setup.sh --list   show the list and what is missing
set -eu

# package | why
packages='
gcc|the compiler
libc6-dev|headers of the C library
binutils|linker and archiver
liblua5.4-dev|Lua 5.4: the script language of the program
lua5.4|a stock interpreter, for the spec of the installed module
libopenblas-serial-dev|OpenBLAS without threads of its own: matrix products and LAPACK
libstb-dev|reading and writing JPEG, PNG, BMP, ...
zlib1g-dev|compressed data files
libsvm-dev|support vector machines (training)
libedit-dev|line editing at the prompt
pkg-config|how other programs find the installed library
lua-busted|runs the specs
dataset-fashion-mnist|the photos of the demo
openmpi-bin|mpirun and its library: scion.mpi over several processes (the specs of 2 ranks)
'

missing=''
reasons=''
old_ifs=$IFS
IFS='
'
for line in $packages; do
  name=${line%%|*}
  why=${line#*|}
  state=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null || true)
  # pkgconf stands in for pkg-config
  if [ "$state" != installed ] && [ "$name" = pkg-config ] && command -v pkg-config >/dev/null 2>&1; then
    state=installed
  fi
  if [ "$state" != installed ]; then
    missing="$missing $name"
    reasons="$reasons  $name: $why
"
  fi
  if [ "${1:-}" = --list ]; then
    printf '%-24s %-12s %s\n' "$name" "${state:-missing}" "$why"
  fi
done
IFS=$old_ifs

[ "${1:-}" != --list ] || exit 0
[ -n "$missing" ] || exit 0

printf 'scion needs these Debian packages, which are not installed yet:\n%s' "$reasons"
if ! command -v apt-get >/dev/null 2>&1; then
  echo "This is not a Debian system: please install their equivalents by hand." >&2
  exit 1
fi
as_root=''
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    printf 'Please run as root:\n  apt-get install%s\n' "$missing" >&2
    exit 1
  fi
  as_root='sudo'
fi
install() {
  echo "+ ${as_root:+$as_root }apt-get install -y --no-install-recommends$missing"
  # shellcheck disable=SC2086
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
}
update() {
  echo "+ ${as_root:+$as_root }apt-get update"
  $as_root apt-get update -q
}
# Package lists may be absent on a fresh machine, or name versions that are gone.
# shellcheck disable=SC2086
if ! apt-cache show $missing >/dev/null 2>&1; then
  update
  install
else
  install || { update && install; }
fi
