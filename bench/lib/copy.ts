// Copies a folder's files to the disk, all together at a limited rate.
import { mkdir, open, readdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { limits } from './limits.ts';

/** @returns bytes copied; the files are on the disk then */
export async function copyLimited(
  from: string,
  to: string,
  bytesPerSecond: number,
  signal: AbortSignal,
): Promise<number> {
  const startedAt = performance.now();
  const buffer = Buffer.allocUnsafe(limits.copyPieceBytes);
  let bytes = 0;
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const source = join(entry.parentPath, entry.name);
    const target = join(to, relative(from, source));
    await mkdir(dirname(target), { recursive: true });
    await using input = await open(source, 'r');
    await using output = await open(target, 'w');
    for (;;) {
      const { bytesRead } = await input.read(buffer, 0, buffer.length);
      if (bytesRead === 0) break;
      await output.write(buffer, 0, bytesRead);
      bytes += bytesRead;
      const aheadMs = (bytes / bytesPerSecond) * 1000 - (performance.now() - startedAt);
      if (aheadMs > 1) await delay(aheadMs, undefined, { signal });
    }
    await output.sync();
  }
  return bytes;
}
