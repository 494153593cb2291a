// What was measured, where and when: every result carries it.
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { installedCriu } from '@stillpoint/agent';
import { exec } from './exec.ts';

export interface Circumstances {
  readonly date: string;
  /** With `+` where the checkout differs from it. */
  readonly commit: string;
  readonly cores: number;
  readonly processor: string;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly criu: string;
  readonly node: string;
  /** Load averages of the last 1, 5 and 15 minutes before it began: above 0, others were at work too. */
  readonly loadBefore: readonly number[];
}

export async function readCircumstances(): Promise<Circumstances> {
  const criu = await exec(installedCriu(), ['--version']);
  return {
    date: new Date().toISOString(),
    commit: await readCommit(),
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? (await readFile('/proc/cpuinfo', 'utf8')).slice(0, 80),
    memoryBytes: totalmem(),
    kernel: release(),
    criu: /^Version: (.*)$/m.exec(criu)?.[1] ?? 'unknown',
    node: process.version,
    loadBefore: loadavg().map((load) => Math.round(load * 100) / 100),
  };
}

/** One line for people. */
export function describe({ date, commit, cores, kernel, criu, loadBefore }: Circumstances): string {
  const load = loadBefore[0]?.toFixed(1);
  return `${date}, commit ${commit}, ${cores} cores, Linux ${kernel}, CRIU ${criu}, load before ${load}`;
}

async function readCommit(): Promise<string> {
  const at = ['-C', import.meta.dirname];
  try {
    const commit = (await exec('git', [...at, 'rev-parse', '--short', 'HEAD'])).trim();
    const changes = await exec('git', [...at, 'status', '--porcelain']);
    return changes === '' ? commit : `${commit}+`;
  } catch {
    return 'unknown'; // not a git checkout
  }
}
