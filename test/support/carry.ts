// The story that every workload has to survive: cut while it runs at full rate, killed, brought back, run to its end.
import type { TestGang } from './gang.ts';
import { seededRandom } from './random.ts';
import type { Stillpoint, TestRun } from './stillpoint.ts';
import { runReference } from '../workloads/harness.ts';

export interface CarryOptions extends TestRun {
  /** Checkpoints before the kill; the last is restored. */
  readonly cuts?: number;
  /** Chooses the moments of the cuts. */
  readonly seed?: number;
  /** Most steps between two cuts. */
  readonly stepsBetween?: number;
  /** Nodes to restore onto: the same ones unless given. */
  readonly onto?: readonly string[];
  /** Options that only slow the gang down, so that the moments fall within its run; a run for reference needs none. */
  readonly pace?: readonly string[];
}

/** Plays the story to its end, on which every rank says OK, with the very steps of a run that was never touched. */
export async function carry(stillpoint: Stillpoint, options: CarryOptions): Promise<TestGang> {
  const { cuts = 1, seed = 1, stepsBetween = 5, onto, pace = [], ...run } = options;
  const random = seededRandom(seed);
  const gang = await stillpoint.run({ ...run, command: [...run.command, ...pace] });
  await gang.untilStep(0);
  for (let cut = 0; cut < cuts; cut += 1) {
    await gang.goOn(1 + Math.floor(random() * stepsBetween));
    await gang.checkpoint();
  }
  await gang.goOn(1);
  await gang.stop();
  await stillpoint.untilNoMembers();
  await gang.restore(onto === undefined ? {} : { onto: [...onto] });
  await gang.finish();
  const { ranks: members, command, environment = {} } = run;
  await gang.expectSameAs(await runReference({ members, command, env: environment, gang: gang.name }));
  await stillpoint.untilNoMembers();
  return gang;
}
