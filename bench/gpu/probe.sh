#!/bin/sh
# usage: bench/gpu/probe.sh
# Says what this machine's GPU and driver are, and measures the driver's checkpoint API: a line of JSON a fact (docs/gpu-facts.md).
set -eu
command -v nvidia-smi >/dev/null || {
  echo 'no NVIDIA driver here: there is no nvidia-smi' >&2
  exit 2
}
here=$(dirname "$(readlink -f "$0")")
fact() { printf '{"fact":"%s","is":"%s"}\n' "$1" "$(echo "$2" | tr -d '"\\' | tr '\n' ' ')"; }
fact gpu "$(nvidia-smi --query-gpu=name,driver_version,memory.total,persistence_mode,mig.mode.current --format=csv,noheader)"
fact kernel "$(uname -sr)"
fact libc "$(ldd --version | head -1)"
fact user "$(id -u) capabilities $(grep CapEff /proc/self/status | cut -f2)"
fact seccomp "$(grep -E '^Seccomp:' /proc/self/status | cut -f2)"
fact ptrace_scope "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo none)"
fact namespaces "$(unshare --net --mount --pid --fork true 2>&1 && echo possible || echo refused)"
fact cgroup "$(stat -fc %T /sys/fs/cgroup 2>/dev/null || echo none)"
fact torch "$(python3 -c 'import torch; print(torch.__version__, torch.cuda.nccl.version())' 2>&1 | tail -1)"
program=$(mktemp)
trap 'rm -f "$program"' EXIT
cc -std=gnu11 -O1 -o "$program" "$here/probe.c" -ldl
"$program"
