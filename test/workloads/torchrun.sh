#!/bin/sh
# Starts ddp.py the usual way: one launcher a member, two ranks under it. Debian's torch 1.13 on Python 3.11
# needs --redirects, --tee and --log_dir spelled out, or its launcher fails on its own enum;
# -u: it passes lines on at once.
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
exec /usr/bin/python3 -u -m torch.distributed.run \
  --nproc_per_node 2 --nnodes "$WORLD_SIZE" --node_rank "$RANK" \
  --master_addr "$MASTER_ADDR" --master_port "$MASTER_PORT" \
  --redirects 1 --tee 1 --log_dir "torchrun.$RANK" \
  "$here/ddp.py" "$@"
