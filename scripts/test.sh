#!/bin/bash
# test.sh [--long]: `npm test`. Sets up what is missing, then runs the checks and tests on the project's own Node.
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"
setup_done || bash "$root/scripts/setup.sh"
export STILLPOINT_CRIU=${STILLPOINT_CRIU:-$criu_prefix/sbin/criu}
exec "$node" "$root/scripts/test.ts" "$@"
