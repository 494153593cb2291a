// The bytes between frames, and that any zstd reader finds the content in a stored file.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { chunksOf, storeContent, withSource } from './content.ts';
import { bytesOf } from './testing/trees.ts';
import { frameBytesAfter, frameLead, frameLeadBytes } from './frames.ts';
import { vaultLimits } from './limits.ts';

test('the lead of a frame is a skippable frame with its length', () => {
  expect(Buffer.from(frameLead(0x01020304)).toString('hex')).toBe('502a4d180400000004030201');
  for (const length of [1, 1000, vaultLimits.frameBytesMax])
    expect(frameBytesAfter(frameLead(length))).toBe(length);
});

test('what is no lead, or one of a frame that can not be, is refused', () => {
  const lead = frameLead(1000);
  expect(frameBytesAfter(lead.subarray(1))).toBeUndefined();
  for (const length of [0, vaultLimits.frameBytesMax + 1])
    expect(frameBytesAfter(frameLead(length))).toBeUndefined();
  for (let at = 0; at < 8; at += 1) {
    const changed = Uint8Array.from(lead);
    changed[at]! ^= 1;
    expect(frameBytesAfter(changed)).toBeUndefined();
  }
});

test.for([0, 1, 4095, vaultLimits.chunkBytes - 1, vaultLimits.chunkBytes, 2 * vaultLimits.chunkBytes + 1])(
  '%i bytes are stored in full frames, all but the last',
  async (count) => {
    const folder = await mkdtemp(join(tmpdir(), 'vault-'));
    onTestFinished(async () => await rm(folder, { recursive: true }));
    const content = bytesOf(count);
    await writeFile(join(folder, 'content'), content);
    const guard = { signal: new AbortController().signal, moved: () => {} };
    const stored = await withSource(join(folder, 'content'), async (handle) => {
      return await storeContent(chunksOf(handle), join(folder, 'stored'), { level: 1, workers: 2 }, guard);
    });
    const bytes = await readFile(join(folder, 'stored'));
    expect(stored).toMatchObject({ bytes: count, storedBytes: bytes.length, nonZeroBytes: count });

    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
      const frameBytes = frameBytesAfter(bytes.subarray(at, at + frameLeadBytes))!;
      at += frameLeadBytes;
      chunks.push(zstdDecompressSync(bytes.subarray(at, at + frameBytes)));
      at += frameBytes;
    }
    expect(Buffer.concat(chunks).equals(content)).toBe(true);
    expect(chunks.slice(0, -1).every(({ length }) => length === vaultLimits.chunkBytes)).toBe(true);
  },
);
