# shellcheck shell=bash disable=SC2154
# What this machine must be able to do, checked without changing anything. Sourced by set-up and doctor.
# Each check answers through `pass NAME FOUND` or `fail NAME WHAT WHY MEND`, which the caller defines.

# at_least VERSION MINIMUM: compares dotted numbers.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

check_system() {
  local system machine
  system=$(uname -s) machine=$(uname -m)
  if [ "$system" != Linux ]; then
    fail system "this is $system" 'processes are cut with features of the Linux kernel' \
      'use a Linux machine or virtual machine (x86-64)'
  elif [ "$machine" != x86_64 ]; then
    fail system "this machine is $machine" 'only x86-64 is supported' 'use an x86-64 machine'
  else
    pass system "Linux $machine"
  fi
}

check_kernel() {
  local release version
  release=$(uname -r)
  version=${release%%[!0-9.]*}
  if at_least "$version" "$kernel_minimum"; then
    pass kernel "$release"
  else
    fail kernel "kernel $release is too old" \
      "time namespaces, clone3 with set_tid and pidfd need $kernel_minimum" "boot a kernel >= $kernel_minimum"
  fi
}

check_root() {
  if [ "$(id -u)" = 0 ]; then
    pass user root
  else
    fail user "you are $(id -un 2>/dev/null || id -u), not root" \
      'namespaces, the freezer, nftables and CRIU need root' 'run the same command with sudo'
  fi
}

check_namespaces() {
  local error
  if error=$(unshare --pid --mount --net --ipc --uts --time --fork true 2>&1); then
    pass namespaces 'pid mount net ipc uts time'
  else
    fail namespaces "no new namespaces: ${error:-unshare failed}" \
      'every member runs in namespaces of its own' \
      'leave the container, or start it privileged (CAP_SYS_ADMIN, no seccomp filter on unshare)'
  fi
}

# The freezer: a v1 hierarchy of its own, or any writable v2 tree (its groups have cgroup.freeze).
check_freezer() {
  local folder type options found=
  while read -r _ folder type options _; do
    case $type:,$options, in
      cgroup:*,freezer,*) [ -w "$folder" ] && found="v1 at $folder" && break ;;
      cgroup2:*) [ -w "$folder" ] && found=${found:-v2 at $folder} ;;
    esac
  done </proc/self/mounts
  if [ -n "$found" ]; then
    pass freezer "cgroup $found"
  else
    fail freezer 'no writable cgroup freezer' 'members are frozen with it while they are cut' \
      'mount cgroup2 at /sys/fs/cgroup, read-write (in a container: start it privileged)'
  fi
}

# Debian's packages are needed only while something that comes from them is missing.
criu_wanted() { [ -z "${STILLPOINT_CRIU:-}" ] && ! criu_built; }
check_packages() {
  local missing
  # shellcheck disable=SC2086
  missing=$(missing_packages $apt_runtime $apt_compiler | tr '\n' ' ')
  if command -v dpkg-query >/dev/null && [ -z "$missing" ] && ! criu_wanted; then
    pass packages 'installed'
  elif ! command -v apt-get >/dev/null; then
    fail packages "no apt-get to install ${missing:-nft, a C compiler and PyTorch} with" \
      "nftables, PyTorch, a C compiler and CRIU's source are Debian's packages" 'use Debian 12 or later'
  else
    pass packages "apt-get will install: ${missing:-the build dependencies of CRIU}"
  fi
}

check_nftables() {
  local error
  if ! command -v nft >/dev/null; then
    pass nftables 'will be installed'
  elif error=$(unshare --net nft list ruleset 2>&1); then
    pass nftables "$(nft --version | cut -d ' ' -f 1,2)"
  else
    fail nftables "nft does not work: ${error:-no message}" "a member's traffic is held with it" \
      'load the kernel module nf_tables (modprobe nf_tables)'
  fi
}

check_node() {
  local version
  version=$(node --version 2>/dev/null || true)
  version=${version#v}
  if [ -x "$node" ]; then
    pass node "$("$node" --version) in node_modules"
  elif [ -z "$version" ] || ! at_least "$version" "$node_minimum"; then
    [ -z "$version" ] || version="$version is too old"
    fail node "Node ${version:-is missing}" "its npm fetches the Node that Stillpoint runs on" \
      "install Node >= $node_minimum and put it in PATH"
  elif ! command -v npx >/dev/null; then
    fail node 'npm is missing (no npx in PATH)' 'it installs the packages' 'install npm'
  else
    pass node "v$version"
  fi
}

# room_for FOLDER: MiB free where FOLDER is or will be.
room_for() {
  local folder=$1
  while [ ! -e "$folder" ] && [ "$folder" != / ]; do folder=$(dirname "$folder"); done
  df -P -m "$folder" 2>/dev/null | awk 'NR == 2 { print $4 }'
}

check_room() {
  local free need=1500
  free=$(room_for "$cache")
  if ! criu_wanted || [ "${free:-0}" -ge "$need" ]; then
    pass room "${free:-?} MiB free for $cache"
  else
    fail room "${free:-0} MiB free for $cache" "set-up needs $need MiB (packages, CRIU)" \
      'free some, or name another folder in STILLPOINT_CACHE'
  fi
}

all_checks() {
  check_system
  check_kernel
  check_root
  check_namespaces
  check_freezer
  check_nftables
  check_packages
  check_node
  check_room
}
