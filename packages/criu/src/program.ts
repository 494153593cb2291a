// The CRIU program on this machine: which version it is, and whether the kernel has what it needs.
import { execFile, type ExecFileException } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { CriuProgramError } from './errors.ts';
import { readErrors } from './failure.ts';
import { criuVersionMin, limits } from './limits.ts';

export interface CriuVersion {
  readonly major: number;
  readonly minor: number;
  /** As CRIU prints it, such as `4.2.1`. */
  readonly text: string;
}

/**
 * The version of the CRIU at `path`.
 * @throws CriuProgramError when there is none, it does not run, or it is older than {@link criuVersionMin}
 */
export async function criuVersion(path: string): Promise<CriuVersion> {
  await access(path, constants.X_OK).catch((cause: unknown) => {
    throw new CriuProgramError('SP_CRIU_MISSING', `CRIU: no program at ${path}`, {
      remedy: 'Run `./stillpoint doctor`, which builds it, or set STILLPOINT_CRIU.',
      cause,
    });
  });
  const { failure, output } = await run(path, ['--version'], limits.versionDeadlineMs);
  const match = /^Version: ((\d+)\.(\d+)\S*)$/m.exec(output);
  if (failure !== null || match === null) {
    throw new CriuProgramError('SP_CRIU_BROKEN', `CRIU: ${path} does not say its version: ${output.trim()}`, {
      remedy: 'Remove it and let `./stillpoint` build it again.',
      cause: failure ?? undefined,
    });
  }
  const version = { major: Number(match[2]), minor: Number(match[3]), text: String(match[1]) };
  if (isOlder(version)) {
    const oldest = `${criuVersionMin.major}.${criuVersionMin.minor}`;
    throw new CriuProgramError(
      'SP_CRIU_TOO_OLD',
      `CRIU: ${path} is version ${version.text}, below ${oldest}`,
      {
        remedy: `Install CRIU ${oldest} or later, or let \`./stillpoint\` build it.`,
      },
    );
  }
  return version;
}

/**
 * Lets CRIU check the kernel, which also fills its cache of kernel features in the network namespace of the caller.
 * @throws CriuProgramError with what the kernel lacks
 */
export async function criuCheck(path: string): Promise<void> {
  const { failure, output } = await run(path, ['check', '--no-default-config'], limits.checkDeadlineMs);
  if (failure === null) return;
  const errors = readErrors(output).slice(-limits.quotedErrorsMax);
  const what = errors.length > 0 ? errors.join(' | ') : output.trim() || failure.message;
  throw new CriuProgramError(
    'SP_CRIU_UNFIT',
    `CRIU: this kernel or sandbox is not enough for ${path}: ${what}`,
    {
      remedy: 'See `stillpoint doctor`. Needed: root, all capabilities, and a kernel of the last years.',
      cause: failure,
    },
  );
}

function isOlder(version: CriuVersion): boolean {
  if (version.major !== criuVersionMin.major) return version.major < criuVersionMin.major;
  return version.minor < criuVersionMin.minor;
}

interface Run {
  readonly failure: ExecFileException | null;
  readonly output: string;
}

function run(path: string, args: readonly string[], deadlineMs: number): Promise<Run> {
  const bounds = { timeout: deadlineMs, killSignal: 'SIGKILL', maxBuffer: limits.outputBytesMax } as const;
  return new Promise((resolve) => {
    execFile(path, args, bounds, (failure, stdout, stderr) => {
      resolve({ failure, output: `${stdout}${stderr}` });
    });
  });
}
