// Runs `pnpm sim` in a process of its own: a mutation is switched on before anything is loaded.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const program = fileURLToPath(new URL('../../packages/simulator/src/main.ts', import.meta.url));

/** @returns what it prints, and how it ends */
export async function simulate(...options: string[]): Promise<{ code: unknown; stdout: string }> {
  return await promisify(execFile)(process.execPath, [program, ...options]).then(
    ({ stdout }) => ({ code: 0, stdout }),
    ({ code, stdout }: { code: unknown; stdout: string }) => ({ code, stdout }),
  );
}
