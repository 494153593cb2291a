#!/bin/sh
# PID 1 of a new sandbox before it becomes sp-init: gives the sandbox its own /proc, /tmp, /dev/shm, host name and
# hosts file, and a warm CRIU cache. Runs in namespaces of its own; nothing here reaches the host.
#   sandbox-setup.sh FOLDER HOSTNAME CRIU_RUNDIR CRIU_CACHE KEEP -- PROGRAM ARG...
# FOLDER is the sandbox's run-time folder. KEEP is a folder under /tmp or /dev/shm that stays the host's, or empty.
set -eu
folder=$1 name=$2 criu_rundir=$3 criu_cache=$4 keep=$5
shift 6

mount -t proc -o nosuid,nodev,noexec proc /proc
hostname "$name"
mount --bind "$folder/hosts" /etc/hosts
mount -t tmpfs -o mode=0700,size=8m stillpoint "$criu_rundir"
cp "$criu_cache" "$criu_rundir/"

if [ -n "$keep" ]; then
  mkdir -p "$folder/keep"
  mount --bind "$keep" "$folder/keep"
fi
mount -t tmpfs -o mode=1777,nosuid,nodev tmp /tmp
mount -t tmpfs -o mode=1777,nosuid,nodev shm /dev/shm
if [ -n "$keep" ]; then
  mkdir -p "$keep"
  mount --bind "$folder/keep" "$keep"
fi

# what a member adds to these is found before a checkpoint
cat /proc/self/mountinfo >"$folder/mounts"

exec "$@"
