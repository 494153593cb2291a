// Hooks of a simulated gang: programs of somebody else's, which succeed, fail, take their time, or never answer.
import type { Engine } from './engine.ts';
import type { Random } from './random.ts';

/** One hook before the freeze, which opens again after the release, one while members stand still, and one at the end. */
export const simulatedHooks = [
  { name: 'close', when: 'pre', phase: 'freeze' },
  { name: 'look', when: 'post', phase: 'hold' },
  { name: 'open', when: 'post', phase: 'release' },
  { name: 'tell', when: 'post', phase: 'persist' },
].map(({ name, when, phase }) => ({
  name,
  when: when as 'pre' | 'post',
  phase: phase as 'freeze' | 'hold' | 'release' | 'persist',
  http: { url: 'http://simulated', needsMember: false },
  deadlineMs: 400,
}));

export class SimulatedHooks {
  readonly #engine: Engine;
  readonly #random: Random;
  isFaulty = false;

  constructor(engine: Engine, random: Random) {
    this.#engine = engine;
    this.#random = random;
  }

  call(): Promise<void> {
    const answered = Promise.withResolvers<void>();
    const takesMs = this.#random.between(1, 100);
    const goesWrong = this.isFaulty && this.#random.chance(0.2);
    // one that does not answer is left to its deadline
    if (goesWrong && this.#random.chance(0.5)) return answered.promise;
    this.#engine.after(takesMs, () => {
      if (goesWrong) answered.reject(new Error('it failed'));
      else answered.resolve();
    });
    return answered.promise;
  }
}
