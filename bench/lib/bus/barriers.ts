// What a rival takes for the barriers of one checkpoint.
import type { Players } from './players.ts';
import { barriers } from './share.ts';

export interface RivalFigures {
  /** Each single barrier: from the order until the centre knows that all have arrived. */
  readonly barrierMs: readonly number[];
  /** All barriers of one checkpoint, one after the other. */
  readonly wholeMs: readonly number[];
  /** Of the centre and of the participants, for all barriers of one checkpoint; a server is not in it. */
  readonly centreCpuMs: number;
  readonly playersCpuMs: number;
}

export async function measureBarriers(
  rounds: number,
  players: Players,
  pass: () => Promise<void>,
): Promise<RivalFigures> {
  await pass();
  const barrierMs: number[] = [];
  const wholeMs: number[] = [];
  const cpu = process.cpuUsage();
  const playersBefore = await players.cpuMs();
  for (let round = 0; round < rounds; round += 1) {
    const begunMs = performance.now();
    for (let barrier = 0; barrier < barriers; barrier += 1) {
      const orderedMs = performance.now();
      await pass();
      barrierMs.push(performance.now() - orderedMs);
    }
    wholeMs.push(performance.now() - begunMs);
  }
  const { user, system } = process.cpuUsage(cpu);
  const playersCpuMs = ((await players.cpuMs()) - playersBefore) / rounds;
  return { barrierMs, wholeMs, centreCpuMs: (user + system) / 1_000 / rounds, playersCpuMs };
}
