#!/bin/bash
# install-servers.sh: builds the real servers that tests and benches run against, etcd and nats-server, from the Go
# module proxy into the cache, unless they are there. Which versions: packages/servers/modules/*/go.mod.
# Nothing but tests needs them: set-up for the demo does not come here.
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"
modules=$root/packages/servers/modules
servers=$cache/servers
build_deadline_s=1200
lock_deadline_s=1500

# A Go that was unpacked where its own instructions say is not always in PATH.
export PATH=$PATH:/usr/local/go/bin GOTOOLCHAIN=local GOFLAGS= CGO_ENABLED=0

# package_of FOLDER: the program that the module in FOLDER is there to build.
# version_of FOLDER PACKAGE: in which version.
package_of() { sed -n 's/^tool //p' "$modules/$1/go.mod"; }
version_of() { awk -v package="$2" '$1 == "require" { sub(/require /, "") } $1 == package { print substr($2, 2) }' "$modules/$1/go.mod"; }

# need_go: whether this machine has a Go that is new enough for all modules.
need_go() {
  local wanted found
  wanted=$(sed -n 's/^go //p' "$modules"/*/go.mod | sort -V | tail -n 1)
  found=$(go env GOVERSION 2>/dev/null || true)
  found=${found#go}
  if [ -z "$found" ] || [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]; then
    say "Go >= $wanted is needed to build the servers that tests use; ${found:+found is $found}${found:-there is none}"
    say 'install it (https://go.dev/doc/install), put its bin folder in PATH, and run this again'
    return 1
  fi
}

# build FOLDER PROGRAM PACKAGE VERSION: into a name of its own first, so that what is there is always whole.
build() {
  local started=$SECONDS
  draft=$servers/.$2-$4.$$ # for the trap, which outlives this function
  say "building $2 $4 from the Go module proxy, once"
  trap 'rm -f "$draft"' EXIT
  (cd "$modules/$1" && timeout "$build_deadline_s" nice go build -mod=readonly -trimpath -buildvcs=false \
    -ldflags '-s -w' -o "$draft" "$3") >&2
  "$draft" --version | grep -qF "$4" || {
    say "the new $2 does not say that it is $4"
    return 1
  }
  mv "$draft" "$servers/$2-$4"
  say "$2 $4 is in $servers ($((SECONDS - started)) s)"
}

mkdir -p "$servers"
for folder in etcd nats; do
  package=$(package_of "$folder")
  program=$(basename "${package%/v[0-9]*}")
  [ "$folder" != etcd ] || program=etcd # its package is called server
  version=$(version_of "$folder" "$package")
  [ ! -x "$servers/$program-$version" ] || continue
  need_go
  (
    # two builders at once: the second one waits, and finds it built
    flock --timeout "$lock_deadline_s" 9 || {
      say "another process builds in $servers for too long; end it, then run this again"
      exit 1
    }
    [ -x "$servers/$program-$version" ] || build "$folder" "$program" "$package" "$version"
  ) 9>"$servers/lock"
done
