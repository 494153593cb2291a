#!/bin/bash
# bare-world.sh CRIU_CACHE IPV4,IPV6...: sandboxes like Stillpoint's and nothing else of it, one for each pair of
# addresses, each on a node's switch, and these on one that joins them. Start it under
# `unshare --net --mount --pid --fork --kill-child`: all of it ends with that.
# Each sandbox says "ready", and then the script, which waits for the end of its standard input. Its children are the
# sandboxes, in the order given.
set -euo pipefail
criu_cache=$1
shift
# shellcheck disable=SC2016
sandbox='
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t tmpfs -o mode=0700,size=8m stillpoint /run/stillpoint-criu
cp "$1" /run/stillpoint-criu/criu.kdat
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t tmpfs -o mode=1777 shm /dev/shm
echo ready
exec 1>&- 2>&- sleep infinity'

mount -t proc -o nosuid,nodev,noexec proc /proc
ip link set lo up
ip link add switch type bridge forward_delay 0
ip link set switch up
number=0
for addresses in "$@"; do
  number=$((number + 1))
  unshare --net --mount --pid --uts --ipc --time --fork --kill-child=SIGKILL sh -euc "$sandbox" sh "$criu_cache" </dev/null &
  until [ "$(readlink "/proc/$!/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do :; done
  ip -batch - <<END
link add node$number type bridge forward_delay 0
link set node$number up
link add uplink$number type veth peer name plug$number
link set uplink$number master node$number up
link set plug$number master switch up
link add m$number type veth peer name eth0 netns $!
link set m$number master node$number up
END
  nsenter -t $! -n ip -batch - <<END
link set lo up
link set eth0 up
address add ${addresses%,*}/16 dev eth0
address add ${addresses#*,}/64 dev eth0 nodad
END
done
echo ready
read -r _ || true
