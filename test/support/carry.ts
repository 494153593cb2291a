// The story that every workload has to survive: cut while it runs at full rate, killed, brought back, run to its end.
import type { TestGang } from './gang.ts';
import { seededRandom } from './random.ts';
import type { Stillpoint, TestRun } from './stillpoint.ts';
import { referenceOf } from '../workloads/harness.ts';

const awkwardDeadlineMs = 90_000;

export interface CarryOptions extends TestRun {
  /** Checkpoints before the kill; the last is restored. */
  readonly cuts?: number;
  /** Chooses the moments of the cuts. */
  readonly seed?: number;
  /** Most steps between two cuts. */
  readonly stepsBetween?: number;
  /** Its connections can't be cut at most moments, so that checkpoints are given up: each is tried until one is made. */
  readonly isAwkward?: boolean;
  /** Nodes to restore onto: the same ones unless given. */
  readonly onto?: readonly string[];
}

/** Plays the story to its end, on which every rank says OK, with the very steps of a run that was never touched. */
export async function carry(stillpoint: Stillpoint, options: CarryOptions): Promise<TestGang> {
  const { cuts = 1, seed = 1, stepsBetween = 5, isAwkward = false, onto, ...run } = options;
  const random = seededRandom(seed);
  const gang = await stillpoint.run(run);
  await gang.untilStep(0);
  for (let cut = 0; cut < cuts; cut += 1) {
    await gang.goOn(1 + Math.floor(random() * stepsBetween));
    if (isAwkward) await checkpointAtLast(gang);
    else await gang.checkpoint();
  }
  await gang.goOn(1);
  await gang.stop();
  await stillpoint.untilNoMembers();
  await gang.restore(onto === undefined ? {} : { onto: [...onto] });
  await gang.finish();
  const { ranks: members, command, environment = {} } = run;
  await gang.expectSameAs(await referenceOf({ members, command, env: environment, gang: gang.name }));
  await stillpoint.untilNoMembers();
  return gang;
}

/** Tries until a checkpoint is made; those that are not must have been given up for the connections' sake. */
async function checkpointAtLast(gang: TestGang): Promise<void> {
  const end = performance.now() + awkwardDeadlineMs;
  for (;;) {
    try {
      await gang.checkpoint();
      return;
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== 'SP_CUT_NOT_CONSISTENT' || performance.now() > end) throw error;
    }
  }
}
