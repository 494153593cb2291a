// A gang that notes when each of its steps ends, and what is asked of it while it runs.
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseTimes, workload } from '../../test/workloads/harness.ts';
import { limits } from './limits.ts';
import type { StepEnds } from './steps.ts';
import { until } from './until.ts';
import type { World } from './world.ts';

/** The Python that Debian's PyTorch belongs to. */
export const python = '/usr/bin/python3';

export const environment = {
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
  PYTHONDONTWRITEBYTECODE: '1',
} as const;

/** More than any benchmark lasts. */
export const endlessSteps = 10_000_000;

export interface TrainingOptions {
  readonly name: string;
  readonly members: number;
  /** Resident memory of each member beside what PyTorch takes, in MiB. */
  readonly sizeMiB?: number;
  /** A step takes at least this long. */
  readonly stepMs?: number;
  /** What to run instead of a DistributedDataParallel training: it notes its steps in the same way. */
  readonly program?: (cwd: string) => [string, ...string[]];
}

/** A training without an end, under Stillpoint. */
export class Training {
  readonly name: string;
  readonly members: number;
  readonly #world: World;
  readonly #cwd: string;

  private constructor(world: World, { name, members }: TrainingOptions) {
    this.name = name;
    this.members = members;
    this.#world = world;
    this.#cwd = join(world.work, name);
  }

  /** Starts it, a node for each member, and returns once all ranks train. */
  static async start(world: World, options: TrainingOptions): Promise<Training> {
    const training = new Training(world, options);
    await mkdir(training.#cwd);
    const { name, members } = options;
    const program = options.program ?? ((cwd) => ddpCommand(cwd, { ...options, steps: endlessSteps }));
    const command = program(training.#cwd);
    await world.client.run(
      { name, ranks: members, nodes: members, command, environment, cwd: training.#cwd },
      { signal: world.signal },
    );
    await training.steps(limits.quietSteps);
    return training;
  }

  /** When the steps of each rank ended. */
  ends(): Promise<readonly StepEnds[]> {
    return readStepEnds(this.#cwd, this.members);
  }

  /** Waits until every rank has finished this many more steps. @returns all that have ended */
  async steps(count: number): Promise<readonly StepEnds[]> {
    const before = await this.ends();
    return until(`${count} more steps of ${this.name}`, limits.stepsMs, this.#world.signal, async () => {
      const now = await this.ends();
      const isThere = now.every((ends, rank) => ends.length >= (before[rank]?.length ?? 0) + count);
      if (isThere) return now;
      await this.#requireRunning();
      return undefined;
    });
  }

  async stop(): Promise<void> {
    await this.#world.client.stop(this.name, { signal: this.#world.signal });
  }

  async #requireRunning(): Promise<void> {
    const gangs = await this.#world.client.listGangs({ signal: this.#world.signal });
    const found = gangs.find(({ name }) => name === this.name);
    if (found?.state !== 'failed' && found?.state !== 'stopped') return;
    throw new Error(`${this.name} is ${found.state}: ${found.reason ?? 'nobody says why'}`);
  }
}

export interface DdpOptions {
  readonly steps: number;
  readonly sizeMiB?: number;
  readonly stepMs?: number;
}

/** The command of one rank; it notes the times of its steps in the folder. */
export function ddpCommand(
  cwd: string,
  { steps, sizeMiB = 0, stepMs = 0 }: DdpOptions,
): [string, ...string[]] {
  return [
    python,
    workload('ddp.py'),
    ...['--steps', String(steps), '--size-mb', String(sizeMiB), '--step-ms', String(stepMs)],
    ...['--times', join(cwd, 'times.{rank}'), '--overwrite'],
  ];
}

/** Milliseconds of the wall clock, with fractions. */
export async function readStepEnds(cwd: string, members: number): Promise<readonly StepEnds[]> {
  return Promise.all(
    Array.from({ length: members }, async (_, rank) => {
      const text = await readFile(join(cwd, `times.${rank}`), 'utf8').catch(() => '');
      return parseTimes(text).map(({ realtimeNs }) => Number(realtimeNs) / 1e6);
    }),
  );
}
