# shellcheck shell=bash disable=SC2154
# What the launcher, set-up and doctor share: folders, the set-up stamp, messages. Sourced; changes nothing.
# Needs `root`, the folder of the checkout. Everything is said on stderr: stdout belongs to the command line.

# shellcheck source=scripts/versions.sh
. "$root/scripts/versions.sh"

# nft and ip are in /usr/sbin, which is not in every PATH: `su` without `-` and cron leave it out
case :$PATH: in *:/usr/sbin:*) ;; *) PATH=$PATH:/usr/sbin:/sbin ;; esac
export PATH

cache=${STILLPOINT_CACHE:-${HOME:-/root}/.cache/stillpoint}
criu_prefix=$cache/criu
node=$root/node_modules/node/bin/node
stamp=$root/node_modules/.stillpoint-setup

say() { printf 'set-up: %s\n' "$*" >&2; }

# setup_key: names everything that set-up makes something from. A changed key means set-up has work to do.
setup_key() {
  (
    cd "$root" || exit 1
    find packages -name node_modules -prune -o -name build -prune -o \
      -type f \( -name '*.[ch]' -o -name Makefile \) -print | LC_ALL=C sort | xargs -d '\n' -r cat
    cat package.json pnpm-lock.yaml pnpm-workspace.yaml packages/*/package.json \
      scripts/versions.sh scripts/setup.sh scripts/install-criu.sh
  ) | sha256sum | cut -d ' ' -f 1
}

# setup_done: whether set-up is complete for these sources, and what it made is still there.
setup_done() {
  [ -r "$stamp" ] && [ -x "$node" ] || return 1
  if [ -z "${STILLPOINT_CRIU:-}" ]; then
    [ -x "$criu_prefix/sbin/criu" ] && [ -r "$criu_prefix/build-key" ] || return 1
    [ "$(cat "$criu_prefix/build-key")" = "$(criu_key)" ] || return 1
  fi
  [ -x /usr/sbin/nft ] && [ -d /usr/lib/python3/dist-packages/torch ] || return 1
  local makefile
  for makefile in "$root"/packages/*/Makefile; do
    [ ! -e "$makefile" ] || [ -d "${makefile%/*}/build" ] || return 1
  done
  [ "$(cat "$stamp")" = "$(setup_key)" ]
}

# missing_packages NAME...: those of Debian's packages that are not installed.
missing_packages() {
  local name
  for name in "$@"; do
    dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || printf '%s\n' "$name"
  done
}

# criu_version PROGRAM: what it says of itself, or nothing.
# criu_built: whether the cache holds the CRIU that scripts/versions.sh describes, and it runs here.
criu_key() { printf 'criu >= %s rundir=%s recipe=%s\n' "$criu_minimum" "$criu_rundir" "$criu_recipe"; }
criu_version() { "$1" --version 2>/dev/null | sed -n 's/^Version: //p'; }
criu_built() {
  [ -r "$criu_prefix/build-key" ] && [ "$(cat "$criu_prefix/build-key")" = "$(criu_key)" ] &&
    [ -n "$(criu_version "$criu_prefix/sbin/criu")" ]
}
