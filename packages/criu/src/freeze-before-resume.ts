// The script by which CRIU leaves a restored tree frozen, before it has run a single instruction.

/**
 * Descriptors that CRIU must inherit for {@link freezeBeforeResumeScript}, all opened for reading and writing:
 * `cgroup.procs` of the member's cgroup and of another one outside it, and the member's `freezer.state` (v1) or
 * `cgroup.freeze` (v2). So the sandbox needs no cgroup mount. CRIU itself must be in the member's cgroup when it
 * starts (`echo $$ >&6`), since restored tasks inherit it.
 */
export const freezeDescriptors = { memberProcesses: 6, elsewhereProcesses: 7, freezer: 8 } as const;

/** The environment of CRIU's that the script reads. */
export function freezeEnvironment(version: 'v1' | 'v2'): { readonly STILLPOINT_FREEZE_WORD: string } {
  return { STILLPOINT_FREEZE_WORD: version === 'v1' ? 'FROZEN' : '1' };
}

/**
 * An action script for `criu restore`; needs /bin/sh in the member's mount namespace. At `pre-resume` every task is
 * stopped by ptrace at its return to user space, and CRIU only has to let go: a freeze requested now takes hold at
 * that very point. CRIU goes on to resume even if the script fails, so then everything in the cgroup is killed,
 * upon which CRIU fails. CRIU closes a script's descriptors: they are reached through /proc.
 */
export const freezeBeforeResumeScript = `#!/bin/sh
[ "$CRTOOLS_SCRIPT_ACTION" = pre-resume ] || exit 0
fds=/proc/$PPID/fd

leave_and_freeze() {
  [ -n "$STILLPOINT_FREEZE_WORD" ] &&
    echo "$PPID" >"$fds/${freezeDescriptors.elsewhereProcesses}" &&
    echo $$ >"$fds/${freezeDescriptors.elsewhereProcesses}" &&
    echo "$STILLPOINT_FREEZE_WORD" >"$fds/${freezeDescriptors.freezer}"
}
leave_and_freeze && exit 0 # in this very shell: a subshell would stay in the cgroup

echo "Error (freeze-before-resume): the restored tasks could not be frozen; they are killed"
while read -r pid; do
  [ "$pid" -gt 1 ] && [ "$pid" != $$ ] && kill -KILL "$pid"
done <"$fds/${freezeDescriptors.memberProcesses}"
exit 1
`;
