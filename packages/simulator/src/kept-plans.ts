// Plans that have found something, and what: run for ever. `pnpm sim` prints a failing one as a file for `kept/`.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plan } from './faults.ts';

export interface KeptPlan {
  /** What it has found. */
  readonly what: string;
  readonly plan: Plan;
}

const folder = join(import.meta.dirname, '../kept');

export const keptPlans = (): readonly KeptPlan[] =>
  readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as KeptPlan);
