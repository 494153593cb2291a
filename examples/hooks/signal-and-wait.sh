#!/bin/sh
# usage: signal-and-wait.sh SIGNAL FILE
# Sends a signal to the member's own process, and waits until it has replaced FILE. A hook's deadline bounds the wait.
set -eu
rm -f "$2"
# sp-init is process 1 of the sandbox, and the member its only child
kill "-$1" "$(pgrep -o -P 1)"
until [ -e "$2" ]; do sleep 0.01; done
