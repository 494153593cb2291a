#!/bin/bash
# setup.sh: brings this checkout and machine to where the command line runs: Debian's packages, Node and its
# packages, the C programs, CRIU. Checks first and changes nothing if a check fails; each step is skipped when
# its result is there, so it can be interrupted and run again. Says nothing when there is nothing to do.
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"

if setup_done; then exit 0; fi

# shellcheck source=scripts/checks.sh
. "$root/scripts/checks.sh"
failures=0
pass() { :; }
fail() {
  failures=$((failures + 1))
  printf 'stillpoint: %s: %s.\n  To mend it: %s.\n' "$2" "$3" "$4" >&2
}
all_checks
if [ "$failures" -gt 0 ]; then
  printf 'stillpoint: nothing was changed. "stillpoint doctor" lists every check.\n' >&2
  exit 1
fi

# One set-up at a time: per checkout, and per cache (several checkouts may share one).
lock_wait_seconds=3600
mkdir -p "$cache/log"
exec 8<"$root" 9<"$cache"
for fd in 8 9; do
  flock -n "$fd" && continue
  say 'another set-up is running; waiting for it'
  flock -w "$lock_wait_seconds" "$fd" || {
    say "it has not ended within $((lock_wait_seconds / 60)) minutes; end it and run this again"
    exit 1
  }
done
if setup_done; then exit 0; fi

started=$SECONDS
ticker=
stop_ticker() {
  [ -z "$ticker" ] || kill "$ticker" 2>/dev/null || true
  ticker=
}
interrupted() {
  stop_ticker
  say 'interrupted; run the same command again, it goes on where it was'
  exit 130
}
trap interrupted INT TERM HUP
trap stop_ticker EXIT

# seconds_since MICROSECONDS: with one decimal.
seconds_since() {
  local tenths=$(((${EPOCHREALTIME/[.,]/} - $1) / 100000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# step TITLE COMMAND...: runs it with its output in a log, says how long it took; on failure shows the log's end.
# What the command writes to descriptor 3 is seen.
step() {
  local title=$1 log status=0 began=${EPOCHREALTIME/[.,]/}
  shift
  log=$cache/log/${title%% *}.log
  say "$title ..."
  if [ -t 2 ]; then
    while sleep 1 && kill -0 $$ 2>/dev/null; do printf '\r        %s s ' "$(seconds_since "$began")" >&2; done &
    ticker=$!
  fi
  ("$@") 3>&2 >"$log" 2>&1 8<&- 9<&- || status=$? # a subshell: traps must not run with its stderr
  [ -z "$ticker" ] || printf '\r\033[K' >&2
  stop_ticker
  if [ "$status" -ne 0 ]; then
    say "$title: failed after $(seconds_since "$began") s. The end of $log:"
    tail -n 15 "$log" | sed 's/^/        /' >&2
    say 'mend it and run the same command again; finished steps are kept'
    exit 1
  fi
  say "${title%% *}: done in $(seconds_since "$began") s"
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  local apt=(apt-get -q -o DPkg::Lock::Timeout=600)
  dpkg --configure -a # what an interrupted run left half done
  "${apt[@]}" update || true # an old list may do
  "${apt[@]}" install -y --no-install-recommends "$@"
}

install_node_packages() {
  local pnpm
  pnpm=$(sed -n 's/.*"packageManager": "\(pnpm@[0-9.]*\)".*/\1/p' "$root/package.json")
  # Without a Node in PATH that can run it, the one fetched before will do.
  PATH=$PATH:${node%/*} npx -y "$pnpm" --dir "$root" install --frozen-lockfile --config.confirmModulesPurge=false </dev/null
}

compile_programs() {
  local makefile
  for makefile in "$root"/packages/*/Makefile; do
    [ ! -e "$makefile" ] || make -C "${makefile%/*}"
  done
}

# 1. Debian's packages: only the missing ones, the build dependencies of CRIU only if it is to be built.
wanted="$apt_runtime $apt_compiler"
build_criu=
if criu_wanted; then
  build_criu=yes
  wanted="$wanted $apt_criu"
fi
# shellcheck disable=SC2086
missing=$(missing_packages $wanted)
if [ -n "$missing" ]; then
  # shellcheck disable=SC2086
  step "packages from Debian: ${missing//$'\n'/ }" install_packages $missing
fi

# 2. Node and the packages of the lock file.
step 'node and the npm packages of pnpm-lock.yaml' install_node_packages

# 3. The C programs.
step 'programs in C' compile_programs

# 4. CRIU, from Debian's source package, into the cache.
if [ -n "$build_criu" ]; then
  rm -rf "$criu_prefix".build.* # what a killed run left
  step "criu >= $criu_minimum from Debian's source package (about a minute), into $criu_prefix" \
    bash "$root/scripts/install-criu.sh" "$criu_prefix"
fi

setup_key >"$stamp.new" && mv "$stamp.new" "$stamp"
say "complete in $((SECONDS - started)) s"
