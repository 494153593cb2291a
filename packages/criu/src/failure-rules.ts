// What CRIU's error messages mean, and what to do about each. The patterns are texts of CRIU 4.2.1.
import type { FailureRule } from './failure-rule.ts';
import { dumpFailureRules } from './failure-rules-dump.ts';
import { restoreFailureRules } from './failure-rules-restore.ts';

/** Short of something: CRIU then complains of much else too. */
const shortageRules: readonly FailureRule[] = [
  {
    code: 'SP_CRIU_DISK_FULL',
    message: 'there is no room left for the images',
    pattern: /No space left on device|Disk quota exceeded/,
    remedy: 'Free room in the staging area, or point it at a larger file system.',
    retryable: true,
  },
  {
    code: 'SP_CRIU_OUT_OF_MEMORY',
    message: 'the machine is out of memory',
    pattern: /Cannot allocate memory|Can't allocate -?\d+ bytes/,
    remedy: 'Free memory on this node, or use another one.',
    retryable: true,
  },
];

/** Of the machine and its permissions; less exact than what is said of a member's own things. */
const machineRules: readonly FailureRule[] = [
  {
    code: 'SP_CRIU_PERMISSION',
    message:
      'a process runs as another user, and CRIU has not the capability to look into it (CAP_SYS_RESOURCE)',
    pattern: /Can't get rlimit \d+: Operation not permitted/,
    remedy: 'Give the agent CAP_SYS_RESOURCE, or run all processes of the member as the same user.',
  },
  {
    code: 'SP_CRIU_FREEZER',
    message: "the member's freezer cgroup cannot be used",
    pattern:
      /Unable to freeze cgroup|control file found|Unable to (?:thaw|freeze) tasks|zombie \d+ .*found while seizing/,
    remedy: 'Look for a process in an uninterruptible wait (state D), and try again.',
    retryable: true,
  },
  {
    code: 'SP_CRIU_KERNEL',
    message: 'CRIU could not find out what the kernel can do',
    pattern: /when initializing kerndat|Could not initialize kernel features detection/,
    remedy: 'See that loopback is up in the sandbox, and run `stillpoint doctor`.',
  },
  {
    code: 'SP_CRIU_PROCESS_GONE',
    message: "one of the member's processes ended, or does not stop",
    pattern: /No such process|A root task is dead|Unable to seize|Can't collect process|Timeout reached/,
    remedy: 'Try again, if the member still runs.',
    retryable: true,
  },
  {
    code: 'SP_CRIU_PERMISSION',
    message: 'CRIU may not do what it must: it needs root and its capabilities',
    pattern: /Operation not permitted|Permission denied/,
    remedy: 'Run the agent as root with all capabilities, and see `stillpoint doctor`.',
  },
];

/** Every rule, causes before consequences: the first that fits any error of a log wins. */
export const failureRules: readonly FailureRule[] = [
  ...shortageRules,
  ...dumpFailureRules,
  ...restoreFailureRules,
  ...machineRules,
];
