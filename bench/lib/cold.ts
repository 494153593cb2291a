// The machine as if it had not read any of the files lately.
import { writeFile } from 'node:fs/promises';
import { exec } from './exec.ts';

/** Files are read from the disk afterwards, and not from memory. What lies in a tmpfs stays there. */
export async function dropCaches(): Promise<void> {
  await exec('sync', []);
  await writeFile('/proc/sys/vm/drop_caches', '1');
}
