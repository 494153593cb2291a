// What of the machine a restored program depends on: processor features and the kernel. Compared before a restore.
import { readFile } from 'node:fs/promises';
import { release } from 'node:os';

export interface MachineFacts {
  readonly kernel: string;
  readonly cpuModel: string;
  /** Feature flags as /proc/cpuinfo names them. */
  readonly cpuFlags: string[];
}

export async function readMachineFacts(): Promise<MachineFacts> {
  const text = await readFile('/proc/cpuinfo', 'utf8');
  const field = (name: string): string => new RegExp(`^${name}\\s*: (.*)$`, 'm').exec(text)?.[1] ?? '';
  return {
    kernel: release(),
    cpuModel: field('model name'),
    cpuFlags: field('flags').split(' ').filter(Boolean),
  };
}

/** A difference that makes a restore impossible. */
export interface MachineProblem {
  readonly code:
    | 'SP_BLOCKED_CPU' // The node's processor lacks a feature that the program may use.
    | 'SP_BLOCKED_KERNEL'; // The node's kernel is older than the one under which the checkpoint was made.
  readonly message: string;
  readonly remedy: string;
}

/**
 * Compares the machine of a dump with this one. A program may have chosen code for any feature it found, so all have
 * to be there; a kernel of an older major and minor version may lack what CRIU needs to restore.
 */
export function compareMachines(dumped: MachineFacts, here: MachineFacts): MachineProblem[] {
  const problems: MachineProblem[] = [];
  const present = new Set(here.cpuFlags);
  const missing = dumped.cpuFlags.filter((flag) => !present.has(flag));
  if (missing.length > 0) {
    problems.push({
      code: 'SP_BLOCKED_CPU',
      message: `the processor (${here.cpuModel}) lacks ${missing.slice(0, 8).join(', ')}, which it had at the checkpoint (${dumped.cpuModel})`,
      remedy: 'Restore onto a node with the same or a newer processor.',
    });
  }
  if (isOlder(here.kernel, dumped.kernel)) {
    problems.push({
      code: 'SP_BLOCKED_KERNEL',
      message: `the kernel ${here.kernel} is older than ${dumped.kernel}, under which the checkpoint was made`,
      remedy: 'Restore onto a node with the same or a newer kernel.',
    });
  }
  return problems;
}

/** Whether major.minor of `one` is below that of `other`. */
function isOlder(one: string, other: string): boolean {
  const [major = 0, minor = 0] = one.split('.').map((part) => Number.parseInt(part, 10));
  const [otherMajor = 0, otherMinor = 0] = other.split('.').map((part) => Number.parseInt(part, 10));
  return major < otherMajor || (major === otherMajor && minor < otherMinor);
}
