#!/usr/bin/env bash
# A real InfluxDB OSS 2.7 for tests and benches, on 127.0.0.1, built once from its Go module and the Rust library libflux.
#
#   influxd.sh [options] build    build influxd into the cache, once (5 to 10 minutes on 2 cores); prints the binary's path
#   influxd.sh [options] check    can `up` start one with nothing to build? Says what is missing, exit 3
#   influxd.sh [options] up       build if needed, start on empty data, create organisation, bucket and token; prints NAME=VALUE lines.
#                                 A server that this starter already has on the port is left as it is
#   influxd.sh [options] down     stop it and remove its data
#   influxd.sh [options] status   prints the address and pid, or `down` with exit 3
#
#   --port N      HTTP listener                                       ($INFLUXD_PORT or 18086)
#   --keep        `up` on the data of an earlier server, `down` without removing it
#   --owner PID   `up` only: take the server down when that process ends
#
#   INFLUX_ORG (test-org), INFLUX_BUCKET (test-bucket), INFLUX_TOKEN (test-token-0123456789abcdef)   what `up` creates
#   STREAMGAUGE_CACHE   where the binary and its state live (${XDG_CACHE_HOME:-~/.cache}/streamgauge)
#
# Needs curl, and for the build Go 1.23 or newer, cargo, cc and pkg-config.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

VERSION=v2.7.12
PORT=${INFLUXD_PORT:-18086}
KEEP=no
OWNER=
ORG=${INFLUX_ORG:-test-org}
BUCKET=${INFLUX_BUCKET:-test-bucket}
TOKEN=${INFLUX_TOKEN:-test-token-0123456789abcdef}
BINARY=$CACHE/influxd/$VERSION/influxd

is_ours() { [ "$(readlink "/proc/$1/exe" 2>/dev/null)" = "$(readlink -f "$BINARY")" ]; }
healthy() { curl --fail --silent --max-time 2 --output /dev/null "$URL/health"; }
healthy_or_ended() { healthy || gone "$1"; }

check() {
  command -v curl >/dev/null || { say "no curl: install it"; return 3; }
  [ -x "$BINARY" ] || { say "InfluxDB $VERSION is not in $BINARY: run tests/servers/influxd.sh build"; return 3; }
}

build() {
  if [ ! -x "$BINARY" ]; then
    need go cargo cc pkg-config flock
    go_is_new_enough || die "InfluxDB $VERSION needs Go 1.23 or newer, here is $(go env GOVERSION): install a newer one"
    mkdir -p "$(dirname "$BINARY")"
    exec 9>"$CACHE/influxd/build.lock"
    flock 9
    [ -x "$BINARY" ] || build_all
    exec 9>&-
  fi
  [ "${1:-}" = quiet ] || echo "$BINARY"
}

build_all() {
  local began=$SECONDS
  work=$(mktemp -d "$CACHE/influxd/build.XXXXXX") # global: the trap needs it
  trap 'rm -rf "$work"' EXIT
  copy_sources
  build_libflux
  build_influxd
  "$work/influxd" version >&2
  # Moved into place whole: a build that was cut off leaves no binary.
  mv "$work/influxd" "$BINARY"
  say "built $BINARY in $((SECONDS - began)) s"
}

go_is_new_enough() { printf 'go1.23\n%s\n' "$(go env GOVERSION)" | sort --version-sort --check=silent; }

# module_folder MODULE[@VERSION]: downloads a module (the checksum database vouches for it) and prints where it lies.
module_folder() {
  go mod download -json "$1" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p'
}

# A module in Go's cache is read-only, and its own go.mod counts only when it is the main module: hence a writable copy.
copy_sources() {
  local folder
  say "downloading github.com/influxdata/influxdb/v2@$VERSION"
  mkdir "$work/lookup"
  folder=$(cd "$work/lookup" && printf 'module lookup\n\ngo 1.23\n' >go.mod && module_folder "github.com/influxdata/influxdb/v2@$VERSION")
  [ -d "$folder" ] || die "go could not download InfluxDB $VERSION: run 'go mod download -json github.com/influxdata/influxdb/v2@$VERSION' to see why"
  cp -r "$folder" "$work/influxdb"
  # libflux comes from the version of flux that this InfluxDB asks for.
  folder=$(cd "$work/influxdb" && chmod -R u+w . && module_folder github.com/influxdata/flux)
  [ -d "$folder/libflux" ] || die "the flux module has no libflux folder: was InfluxDB's version changed?"
  cp -r "$folder" "$work/flux"
  chmod -R u+w "$work/flux"
  flux_version=${folder##*@v}
  # It pins a Rust from 2023 that nobody has installed.
  rm -f "$work/flux/rust-toolchain.toml"
}

# Without the default feature `strict`, which turns the warnings of newer compilers into errors. LTO only costs time here.
build_libflux() {
  say "building libflux $flux_version with $(cargo --version)"
  (cd "$work/flux/libflux" && env -u RUSTFLAGS -u CARGO_BUILD_TARGET CARGO_TARGET_DIR="$work/flux-target" CARGO_PROFILE_RELEASE_LTO=false \
    cargo build --quiet --release --locked --package flux --no-default-features --features cffi) \
    >"$work/libflux.log" 2>&1 || { tail -n 40 "$work/libflux.log" >&2; die "libflux did not build: see above"; }
  mkdir -p "$work/pkgconfig/lib"
  cp "$work/flux-target/release/libflux.a" "$work/pkgconfig/lib/"
  cat >"$work/pkgconfig/flux.pc" <<PC
Name: Flux
Description: libflux
Version: $flux_version
Libs: -L$work/pkgconfig/lib -lflux -ldl -lpthread -lm
Cflags: -I$work/flux/libflux/include
PC
}

# No tag `assets`: no web page. pkg-config by its full path, so that a wrapper of that name in a Go folder is not taken.
build_influxd() {
  say "building influxd $VERSION with $(go version)"
  (cd "$work/influxdb" && PKG_CONFIG=$(command -v /usr/bin/pkg-config || command -v pkg-config) PKG_CONFIG_PATH=$work/pkgconfig \
    CGO_ENABLED=1 GOFLAGS='' GOWORK=off \
    go build -mod=readonly -buildvcs=false -trimpath -tags sqlite_foreign_keys,sqlite_json \
    -ldflags "-s -w -X main.version=$VERSION -X main.commit=module" -o "$work/influxd" ./cmd/influxd) \
    >"$work/go.log" 2>&1 || { tail -n 40 "$work/go.log" >&2; die "influxd did not build: see above"; }
}

launch() {
  setsid "$BINARY" --http-bind-address "127.0.0.1:$PORT" --reporting-disabled --log-level warn \
    --bolt-path "$STATE/data/influxd.bolt" --sqlite-path "$STATE/data/influxd.sqlite" --engine-path "$STATE/data/engine" \
    </dev/null >"$STATE/influxd.log" 2>&1 8>&- &
  echo $! >"$STATE/pid"
}

# Creates organisation, bucket and token on a new server; one with data has them already.
set_up() {
  local body answer
  if curl --fail --silent --max-time 5 "$URL/api/v2/setup" | grep -q '"allowed": *true'; then
    body=$(printf '{"username":"admin","password":"admin-password","org":"%s","bucket":"%s","token":"%s","retentionPeriodSeconds":0}' \
      "$ORG" "$BUCKET" "$TOKEN")
    curl --fail --silent --show-error --max-time 20 --output "$STATE/setup.json" -H 'Content-Type: application/json' \
      --data "$body" "$URL/api/v2/setup" || die "InfluxDB refused to set up organisation $ORG, bucket $BUCKET"
  fi
  answer=$(curl --silent --max-time 5 --output /dev/null --write-out '%{http_code}' -H "Authorization: Token $TOKEN" \
    "$URL/api/v2/buckets?name=$BUCKET")
  [ "$answer" = 200 ] || die "InfluxDB answers $answer for bucket $BUCKET: it was set up with other names; take it down first"
}

up() {
  local pid
  build quiet
  check || exit 3
  lock_state
  if running && healthy; then
    say "already up, pid $(recorded_pid)"
  else
    stop_recorded
    ! port_taken "$PORT" || die "port $PORT is taken by another program: choose another with --port"
    [ "$KEEP" = yes ] || rm -rf "$STATE"
    mkdir -p "$STATE/data"
    launch
    pid=$(recorded_pid)
    wait_until 60 healthy_or_ended "$pid" || true
    healthy || { tail -n 20 "$STATE/influxd.log" >&2; stop_recorded; die "InfluxDB did not start: see the end of its log above"; }
    say "up on port $PORT, pid $pid"
  fi
  set_up
  [ -z "$OWNER" ] || leave_with "$OWNER"
  printf 'INFLUX_URL=%s\nINFLUX_ORG=%s\nINFLUX_BUCKET=%s\nINFLUX_TOKEN=%s\n' "$URL" "$ORG" "$BUCKET" "$TOKEN"
}

down() {
  lock_state
  stop_recorded
  [ "$KEEP" = yes ] || rm -rf "$STATE" "$STATE.lock"
}

status() {
  if running && healthy; then echo "up $URL pid $(recorded_pid)"; else echo down; return 3; fi
}

while [ $# -gt 0 ]; do
  case $1 in
    --port) PORT=${2:?--port needs a number}; shift 2 ;;
    --owner) OWNER=${2:?--owner needs a process id}; shift 2 ;;
    --keep) KEEP=yes; shift ;;
    *) break ;;
  esac
done
STATE=$CACHE/influxd/run-$PORT
URL=http://127.0.0.1:$PORT

case ${1:-} in
  build | check | up | down | status) "$1" ;;
  watch) watch "$2" "$3" ;;
  *) usage >&2; exit 2 ;;
esac
