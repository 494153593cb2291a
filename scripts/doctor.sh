#!/bin/bash
# doctor.sh [--json]: what this machine can and cannot do, and how to mend it. Works before set-up and changes
# nothing. After set-up the command line adds its own checks: as JSON it is handed these in the variable
# STILLPOINT_DOCTOR_CHECKS (an array of {name, ok, found, why?, mend?}) to print them all as one.
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"
# shellcheck source=scripts/checks.sh
. "$root/scripts/checks.sh"

json=
for argument in "$@"; do
  case $argument in
    --json) json=yes ;;
    -h | --help)
      echo 'Usage: stillpoint doctor [--json]: what this machine can and cannot do, and how to mend it.'
      exit 0
      ;;
    *)
      echo "stillpoint doctor: unknown argument: $argument (it takes --json and --help)" >&2
      exit 2
      ;;
  esac
done

failures=0
results=()

# quote TEXT: as a JSON string.
quote() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  printf '"%s"' "${text//[[:cntrl:]]/ }"
}
pass() {
  results+=("{\"name\":$(quote "$1"),\"ok\":true,\"found\":$(quote "$2")}")
  [ -n "$json" ] || printf 'ok    %-11s %s\n' "$1" "$2"
}
fail() {
  failures=$((failures + 1))
  results+=("{\"name\":$(quote "$1"),\"ok\":false,\"found\":$(quote "$2"),\"why\":$(quote "$3"),\"mend\":$(quote "$4")}")
  [ -n "$json" ] || printf 'FAIL  %-11s %s: %s.\n                  To mend it: %s.\n' "$1" "$2" "$3" "$4"
}

# CRIU's own word on this kernel, once it is built.
check_criu() {
  local criu=${STILLPOINT_CRIU:-$criu_prefix/sbin/criu} version error
  version=$(criu_version "$criu" || true)
  if [ -z "$version" ] && [ -z "${STILLPOINT_CRIU:-}" ]; then
    pass criu 'will be built by set-up'
  elif [ -z "$version" ]; then
    fail criu "$criu does not run" 'it is what STILLPOINT_CRIU names' 'correct STILLPOINT_CRIU, or unset it'
  elif ! at_least "$version" "$criu_minimum"; then
    fail criu "$criu is $version" "$criu_minimum or later is needed" 'correct STILLPOINT_CRIU, or unset it'
  elif error=$("$criu" check 2>&1); then
    pass criu "$version at $criu"
  else
    fail criu "criu $version: $(tail -n 1 <<<"$error")" 'its own check fails on this kernel' \
      "run '$criu check' as root and see what it names"
  fi
}

all_checks
check_criu

checks="[$(IFS=,; echo "${results[*]}")]"
main=$root/packages/cli/src/main.ts
status=$((failures > 0))
if setup_done && [ -r "$main" ]; then
  export STILLPOINT_CRIU=${STILLPOINT_CRIU:-$criu_prefix/sbin/criu}
  STILLPOINT_DOCTOR_CHECKS=$checks "$node" "$main" doctor "$@" || status=1
elif [ -n "$json" ]; then
  printf '{"setup":false,"checks":%s}\n' "$checks"
else
  echo 'set-up: not done yet; run ./stillpoint setup'
fi
exit "$status"
