// What the story is played with.
import type { CoordinatorClient } from '@stillpoint/coordinator';
import type { DemoPlan } from './plan.ts';
import type { Teller } from './teller.ts';

export interface Stage {
  readonly plan: DemoPlan;
  readonly client: CoordinatorClient;
  readonly teller: Teller;
  /** The script, as the members see it, and the program that runs it. */
  readonly program: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly signal: AbortSignal;
}
