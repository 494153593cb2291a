#!/bin/bash
# install-criu.sh [PREFIX]: builds CRIU with a run directory of our own from Debian's source package, natively,
# and puts it in place of whatever PREFIX held. The system's apt sources stay untouched. Build dependencies
# are set-up's business. DEBIAN_MIRROR overrides the mirror, CRIU_SOURCE names a source tree to build instead.
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"
prefix=${1:-$criu_prefix}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

mkdir -p "$(dirname "$prefix")"
work=$(mktemp -d "$prefix.build.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

# note MESSAGE: progress, on descriptor 3 where the caller gave one.
{ true >&3; } 2>/dev/null || exec 3>&2
note() {
  [ ! -t 3 ] || printf '\r\033[K' >&3
  printf 'set-up:   %s\n' "$*" >&3
}

# find_source: unpacks the newest source of the first suite that has one new enough. Prints its folder.
# It takes the upstream tarball alone: apt checks that against the signed index, and Debian's own patches
# are not needed. A private apt state keeps the system's lists as they are.
find_source() {
  local mirror suite state version
  local -a apt
  # shellcheck disable=SC2016
  mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
    grep -v security | head -n 1)}
  [ -n "$mirror" ] || {
    note 'apt knows no mirror of Debian: name one in DEBIAN_MIRROR'
    return 1
  }
  for suite in $criu_suites; do
    state=$work/apt-$suite
    mkdir -p "$state/lists/partial"
    echo "deb-src [check-valid-until=no signed-by=$keyring] $mirror $suite main" >"$state/list"
    apt=(-q -o "Dir::Etc::SourceList=$state/list" -o Dir::Etc::SourceParts=/dev/null
      -o "Dir::State::Lists=$state/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
      -o APT::Sandbox::User=root)
    apt-get "${apt[@]}" update >&2 || continue
    version=$(apt-cache "${apt[@]}" showsrc criu | sed -n 's/^Version: //p' | sort -V | tail -n 1)
    dpkg --compare-versions "${version:-0}" ge "$criu_minimum" || continue
    (cd "$work" && apt-get "${apt[@]}" source --tar-only "criu=$version" >&2 && tar xf criu_*.orig.tar.*) || continue
    note "source of criu $version, from $suite"
    find "$work" -maxdepth 1 -type d -name 'criu-[0-9]*'
    return 0
  done
  note "no source of criu >= $criu_minimum in the suites: $criu_suites"
  return 1
}

source=${CRIU_SOURCE:-}
[ -n "$source" ] || source=$(find_source)

# The run directory is where CRIU caches what it found out about the kernel, on a tmpfs only. With that cache
# a dump starts in milliseconds and makes no loopback connection of its own, which a hold would drop.
new=$work/prefix
note "compiling with $(nproc) processes"
make -C "$source" -j"$(nproc)" PYTHON=/usr/bin/python3 RUNDIR="$criu_rundir" PLUGINDIR="$prefix/lib/criu" criu
install -D -m 755 "$source/criu/criu" "$new/sbin/criu"
install -D -m 644 -t "$new/share/criu/proto" "$source"/images/*.proto
install -D -m 644 "$source/COPYING" "$new/share/doc/criu/COPYING"

[ -n "$(criu_version "$new/sbin/criu")" ] || { echo 'the new criu does not run' >&2; exit 1; }
grep -qa "$criu_rundir" "$new/sbin/criu" || { echo "the new criu does not know $criu_rundir" >&2; exit 1; }
criu_key >"$new/build-key"

# Whoever runs the old one now keeps it: the folder is exchanged, its files are not written to.
if [ -e "$prefix" ]; then mv "$prefix" "$work/old"; fi
mv "$new" "$prefix"
note "criu $(criu_version "$prefix/sbin/criu") is in $prefix"
