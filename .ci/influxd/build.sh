#!/usr/bin/env bash
# Build the InfluxDB 2 server, without its web pages, from its Go module: InfluxData offers no package of it that
# a build machine without access to their site could install.
#
#   build.sh CACHE_DIR    prints the path of the binary; one made from the same inputs is taken from CACHE_DIR
#
# Needs go >= 1.23, cargo with rustc, gcc and pkg-config. About 8 minutes on two cores and 3 GB of temporary disk, once.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
version=v2.7.12 # in step with go.mod
inputs=(build.sh go.mod go.sum rustc.sh tools.go)
key=$(cd "$here" && cat "${inputs[@]}" | sha256sum | cut -c1-16)
cache=$(mkdir -p "${1:?usage: build.sh CACHE_DIR}" && cd "$1" && pwd)
binary=$cache/influxd-$version-$key

if [[ -x $binary ]]; then
  echo "$binary"
  exit 0
fi
for tool in go cargo rustc gcc pkg-config; do
  command -v "$tool" >/dev/null || { echo "influxd cannot be built: $tool is not installed" >&2; exit 2; }
done

work=$(mktemp -d)
log=$cache/influxd-build.log
exec 3>&1 4>&2 >"$log" 2>&1
finish() {
  code=$?
  ((code == 0)) || tail -n 40 "$log" >&4
  chmod -R u+w "$work"
  rm -rf "$work"
}
trap finish EXIT

(cd "$here" && cp "${inputs[@]}" "$work")
chmod 755 "$work/rustc.sh"
cd "$work"

export GOTOOLCHAIN=local GOFLAGS=-buildvcs=false CGO_ENABLED=1 RUSTC_WRAPPER=$work/rustc.sh
export CARGO_PROFILE_RELEASE_LTO=off # what it does stays, it only links sooner
if command -v rustup >/dev/null; then # flux names a toolchain of its own; ours does
  RUSTUP_TOOLCHAIN=$(cd / && rustup show active-toolchain | cut -d ' ' -f 1)
  export RUSTUP_TOOLCHAIN
fi

step() { echo "$(date +%T) $*"; }

step "modules"
go mod download github.com/influxdata/influxdb/v2 github.com/influxdata/flux
step "pkg-config wrapper, which builds libflux for cgo"
go build -mod=readonly -o "$work/influx-pkg-config" github.com/influxdata/pkg-config
export PKG_CONFIG=$work/influx-pkg-config
step "libflux (cargo)"
"$PKG_CONFIG" --cflags flux
step "influxd (go)"
go build -mod=readonly -trimpath -tags sqlite_foreign_keys,sqlite_json \
  -ldflags "-s -w -X main.version=$version -X main.commit=module" \
  -o "$work/influxd" github.com/influxdata/influxdb/v2/cmd/influxd
step "done"

mv "$work/influxd" "$binary.new"
mv "$binary.new" "$binary"
echo "$binary" >&3
