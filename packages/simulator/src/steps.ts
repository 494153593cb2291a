// A step of a member of a simulated node: it takes its time, may fail, and may have had its effect all the same.
import { StillpointError } from '@stillpoint/protocol';
import type { SimulatedNode } from './node.ts';
import type { World } from './world.ts';

/** Longest a step takes; those that are not named are over in 30 ms. */
const longestMs: Readonly<Record<string, number>> = {
  note: 100,
  dump: 3_000,
  persist: 3_000,
  prepare: 3_000,
  restore: 2_000,
};

/** Most take a fraction of the longest. */
const paces = [0.02, 0.2, 1];

/** Steps that are a process of their own, which lives on when the agent dies. */
const outlives: ReadonlySet<string> = new Set(['dump']);

export class StepFailed extends StillpointError {
  constructor(what: string, retryable = true) {
    super('SP_SIMULATED', what, { remedy: 'None: the simulator wants it so.', retryable });
  }
}

/**
 * Performs a step of a member: after a while, if its agent lives to hear of it.
 *
 * @param over called when its process has ended, however it did
 */
export function takeStep<Result>(
  world: World,
  node: SimulatedNode,
  step: string,
  effect: () => Result,
  over: () => void = () => undefined,
): Promise<Result> {
  const done = Promise.withResolvers<Result>();
  const { agent } = node;
  const { steps } = world.chance;
  const durationMs = 1 + steps.next() * steps.pick(paces) * (longestMs[step] ?? 30);
  world.engine.after(durationMs, () => {
    over();
    if (!node.isUp || agent === undefined) return;
    if (!agent.isAlive && !outlives.has(step) && world.chance.steps.chance(0.5)) return;
    let end: () => void;
    try {
      const fails = world.strikes('stepFailure');
      if (fails && world.chance.steps.chance(0.5)) throw new StepFailed(`${step} failed`);
      const result = effect();
      if (fails) throw new StepFailed(`${step} failed, though it was done`);
      end = () => done.resolve(result);
    } catch (error) {
      end = () => done.reject(error);
    }
    agent.enter(end);
  });
  return done.promise;
}

export const stagingKey = (gang: string, number: number, member: number): string =>
  `${gang}/${number}/${member}`;
