#!/bin/sh
# pkgconfig.sh: writes scion.pc or scion-lua.pc for `make install`.
#   sh scripts/pkgconfig.sh NAME VERSION PREFIX LIBDIR INCLUDEDIR BLAS_DIR
set -eu
name=$1 version=$2 prefix=$3 libdir=$4 includedir=$5 blas=$6

below() { # a directory under the prefix is written relative to it, so that pkg-config can move it
  case $1 in
    "$prefix"/*) printf '${prefix}%s' "${1#"$prefix"}" ;;
    *) printf '%s' "$1" ;;
  esac
}
echo "prefix=$prefix"
echo "libdir=$(below "$libdir")"
echo "includedir=$(below "$includedir")"
echo
echo "Version: $version"
if [ "$name" = scion ]; then
  echo "Name: scion"
  echo "Description: tensors, gradients, networks and transfer learning; needs no Lua"
  echo 'Libs: -L${libdir} -lscion'
  echo "Libs.private: ${blas:+-L$blas -Wl,-rpath,$blas }-lopenblas -lsvm -lz -lm -pthread"
else
  echo "Name: scion-lua"
  echo "Description: scion in a Lua 5.4 state (scion_lua.h); the host links Lua"
  echo "Requires: scion = $version"
  echo "Requires.private: lua5.4"
  echo 'Libs: -L${libdir} -lscion-lua'
fi
echo 'Cflags: -I${includedir}'
