// The same training without Stillpoint: in sandboxes like its own, started by nobody but this.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { startBareWorld } from './bare-world.ts';
import { limits } from './limits.ts';
import type { StepEnds } from './steps.ts';
import { ddpCommand, endlessSteps, environment, readStepEnds } from './training.ts';
import { until } from './until.ts';
import type { World } from './world.ts';

export interface BareTraining extends AsyncDisposable {
  ends(): Promise<readonly StepEnds[]>;
  /** Stops all ranks, or lets them go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
}

const port = 29_500;
const addressesOf = (member: number) => ({
  ipv4: `10.234.0.${member + 1}`,
  ipv6: `fd5a:7171::${member + 1}`,
});

/** Returns once all ranks train. */
export async function startBareTraining(world: World, name: string, members: number): Promise<BareTraining> {
  const cwd = join(world.work, name);
  await mkdir(cwd);
  const ranks = Array.from({ length: members }, (_, rank) => rank);
  const sandboxes = await startBareWorld(world.paths, ranks.map(addressesOf), world.signal);
  const children: ChildProcess[] = [];
  const signal = (name: NodeJS.Signals): void => {
    for (const { pid, exitCode, signalCode } of children)
      if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, name);
  };
  const end = async (): Promise<void> => {
    signal('SIGKILL'); // nsenter is not of the sandboxes, and would stay stopped for ever
    await sandboxes[Symbol.asyncDispose]();
  };
  try {
    for (const rank of ranks)
      children.push(await startRank(cwd, members, rank, sandboxes.initPids[rank] ?? 0));
    const ends = (): Promise<readonly StepEnds[]> => readStepEnds(cwd, members);
    await until(`the first steps of ${name}`, limits.stepsMs, world.signal, async () => {
      if (children.some(({ exitCode }) => exitCode !== null)) throw new Error(`a rank of ${name} has ended`);
      return (await ends()).every(({ length }) => length >= limits.quietSteps) ? true : undefined;
    });
    return { ends, signal, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** In a process group of its own: nsenter stands between, and stops and goes on with it. */
async function startRank(cwd: string, members: number, rank: number, initPid: number): Promise<ChildProcess> {
  await using output = await open(join(cwd, `${rank}.out`), 'a');
  const enter = ['-t', String(initPid), '-m', '-u', '-i', '-n', '-p', '-T', `--wdns=${cwd}`];
  return spawn('nsenter', [...enter, ...ddpCommand(cwd, { steps: endlessSteps })], {
    detached: true,
    env: {
      ...environment,
      RANK: String(rank),
      LOCAL_RANK: '0',
      WORLD_SIZE: String(members),
      MASTER_ADDR: addressesOf(0).ipv4,
      MASTER_PORT: String(port),
      GLOO_SOCKET_IFNAME: 'eth0',
    },
    stdio: ['ignore', output.fd, output.fd],
  });
}
