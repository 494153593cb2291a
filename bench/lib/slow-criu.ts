// A program that stands before CRIU and makes the dumps of one member last longer, when it is told to.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installedCriu } from '@stillpoint/agent';

const scriptOf = (folder: string, delayMs: number): string => `#!/bin/sh
[ "$1" != dump ] || [ ! -e "${folder}/slow.$(hostname)" ] || sleep ${delayMs / 1000}
exec ${installedCriu()} "$@"
`;

/** Makes it. @param folder one that the members see @returns its path, for `startWorld` */
export async function makeSlowCriu(folder: string, delayMs: number): Promise<string> {
  const path = join(folder, 'slow-criu');
  await writeFile(path, scriptOf(folder, delayMs), { mode: 0o755 });
  return path;
}

/** While `work` runs the dumps of the member with this host name are slow. */
export async function whileSlow<Found>(
  folder: string,
  hostname: string,
  work: () => Promise<Found>,
): Promise<Found> {
  const order = join(folder, `slow.${hostname}`);
  await writeFile(order, '');
  try {
    return await work();
  } finally {
    await rm(order);
  }
}
