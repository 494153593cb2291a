// Runs `pnpm sim` in a process of its own: a mutation is switched on before anything is loaded.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { mutations } from '@stillpoint/simulator';
import { expect } from 'vitest';

type Mutation = (typeof mutations)[number];

const program = fileURLToPath(new URL('../../packages/simulator/src/main.ts', import.meta.url));

/** @returns what it prints, and how it ends */
export async function simulate(...options: string[]): Promise<{ code: unknown; stdout: string }> {
  return await promisify(execFile)(process.execPath, [program, ...options]).then(
    ({ stdout }) => ({ code: 0, stdout }),
    ({ code, stdout }: { code: unknown; stdout: string }) => ({ code, stdout }),
  );
}

/** Whether every run of the tests looks for it. */
export const isFoundSoon = ({ within }: Mutation): boolean => within <= 1_000;

/** Looks for it from the first seed on. @returns what is expected of `simulate` when it is found */
export async function lookFor({ name, within }: Mutation): Promise<{ code: unknown; stdout: string }> {
  const found = await simulate('--mutation', name, '--seed', '1', '--seeds', String(within), '--no-shrink');
  console.log(`${name}: ${found.stdout.trim()}`);
  return found;
}

/** What it comes to when something is found. */
export const violation = { code: 1, stdout: expect.stringMatching(/^seed \d+: /m) as string };
