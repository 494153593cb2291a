// CRIU's command lines, for a CRIU that runs inside the member's namespaces. Pure: typed options to argv.
// Every option was checked against criu 4.2.1 (criu/config.c and the kernel's answer to it).
import { limits } from './limits.ts';

/** What becomes of the member's TCP connections: kept as they are, or all closed in the image. */
export type TcpPolicy = 'established' | 'close';

/** What dumps and restores have in common. Paths are those of the member's mount namespace. */
interface CommonOptions {
  readonly imagesDirectory: string;
  readonly logFile: string;
  /** `established` when absent. Images dumped with `close` are only restored with `close`. */
  readonly tcp?: TcpPolicy;
  /** A script that CRIU runs at its stages, such as {@link freezeBeforeResumeScript}. */
  readonly actionScript?: string;
  /** Where CRIU looks for plugins, instead of the folder it was built with. */
  readonly pluginDirectory?: string;
  /** 1 errors, 2 warnings too, 3 information and time stamps too (the default), 4 everything. */
  readonly verbosity?: 1 | 2 | 3 | 4;
}

export interface DumpOptions extends CommonOptions {
  /** The root of the tree, as the member's PID namespace numbers it. */
  readonly pid: number;
  /** The member's freezer cgroup, v1 or v2. CRIU finds it frozen and leaves it frozen. */
  readonly freezeCgroup?: string;
  /** Largest unlinked open file that the image may carry. */
  readonly ghostBytesMax?: number;
}

/** A descriptor of CRIU's that takes the place of something outside the image, as `pipe:[123]`. */
export interface InheritedDescriptor {
  readonly descriptor: number;
  /** CRIU's name for it: `pipe:[inode]`, `socket:[inode]`, or a path without its leading slash. */
  readonly resource: string;
}

export interface RestoreOptions extends CommonOptions {
  /** Where CRIU writes the PID of the restored root. */
  readonly pidFile?: string;
  readonly inherit?: readonly InheritedDescriptor[];
}

/**
 * Arguments of a dump that leaves the member as it was: frozen, if `freezeCgroup` is. The network is the caller's to
 * hold (`--network-lock skip`), cgroups are the caller's to make, and a configuration file of the machine's is not read.
 */
export function dumpArguments(options: DumpOptions): string[] {
  return [
    'dump',
    `--tree=${options.pid}`,
    '--leave-running',
    ...optional('--freeze-cgroup', options.freezeCgroup),
    `--ghost-limit=${options.ghostBytesMax ?? limits.ghostBytesMax}`,
    `--timeout=${limits.collectSeconds}`,
    ...commonArguments(options),
  ];
}

/** Arguments of a restore whose root becomes a child of the namespace's PID 1 when CRIU ends. */
export function restoreArguments(options: RestoreOptions): string[] {
  const inherit = options.inherit ?? [];
  return [
    'restore',
    '--restore-detached',
    ...optional('--pidfile', options.pidFile),
    ...inherit.map(({ descriptor, resource }) => `--inherit-fd=fd[${descriptor}]:${resource}`),
    ...commonArguments(options),
  ];
}

function commonArguments(options: CommonOptions): string[] {
  return [
    `--images-dir=${options.imagesDirectory}`,
    `--log-file=${options.logFile}`,
    `-v${options.verbosity ?? 3}`,
    options.tcp === 'close' ? '--tcp-close' : '--tcp-established',
    '--network-lock=skip',
    '--file-locks',
    '--manage-cgroups=ignore',
    '--no-default-config',
    ...optional('--action-script', options.actionScript),
    ...optional('--libdir', options.pluginDirectory),
  ];
}

function optional(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`${name}=${value}`];
}
