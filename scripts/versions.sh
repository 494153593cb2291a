# shellcheck shell=bash disable=SC2034
# What set-up installs, and in which version. Sourced; sets variables only.

kernel_minimum=5.10 # time namespaces, clone3 with set_tid, pidfd
node_minimum=20     # enough to fetch the Node that Stillpoint itself runs on

# Debian's packages: what Stillpoint runs with, and what its C programs are compiled with.
apt_runtime='python3-torch nftables iproute2 util-linux procps'
apt_compiler='gcc libc6-dev make'

criu_minimum=4.2
criu_suites='sid experimental' # Debian's suites to take the source from, in this order
# Where CRIU caches what it found out about the kernel. Compiled in: sandboxes put a tmpfs of their own there.
criu_rundir=/run/stillpoint-criu
criu_recipe=1 # raise it when install-criu.sh builds something else from the same source
apt_criu='build-essential pkg-config protobuf-c-compiler libprotobuf-c-dev protobuf-compiler libprotobuf-dev
  libnl-3-dev libcap-dev libnet1-dev libbsd-dev libgnutls28-dev libnftables-dev uuid-dev python3-protobuf dpkg-dev'
