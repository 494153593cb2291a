// Memory that is there before anything is measured. A virtual machine may give free memory back to its host; the first
// touch of a page then costs several times what the next one does, and would hit whichever rival comes first.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { exec } from './exec.ts';
import type { World } from './world.ts';

/** Writes so many bytes into the staging's memory and frees them at once. */
export async function touchMemory({ paths }: World, bytes: number): Promise<void> {
  const file = join(paths.staging, 'bench-memory');
  await exec('sh', ['-c', 'exec head -c "$1" /dev/zero > "$2"', 'sh', String(bytes), file]);
  await rm(file);
}
