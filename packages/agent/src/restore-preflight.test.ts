// Whether all members of a gang that come back on one machine find room on it together.
import { freemem, totalmem } from 'node:os';
import { type Blocker, memberId } from '@stillpoint/protocol';
import type { Manifest, Vault } from '@stillpoint/vault';
import { afterEach, expect, it, vi } from 'vitest';
import { readMachineFacts } from './machine-facts.ts';
import { gangMemoryBytes, preflightRestore } from './restore-preflight.ts';
import { eventually, makeNodes } from './testing/node-fixture.ts';

const mebibyte = 1024 * 1024;

afterEach(() => vi.unstubAllEnvs());

/** An epoch of three members with one file of this name and size each. */
async function makeManifest(bytes: number, name: string): Promise<Manifest> {
  const meta = {
    vote: {},
    rootPid: 1000,
    clocks: { monotonicSeconds: 0, boottimeSeconds: 0 },
    stdoutPipe: 'pipe:[1]',
    stderrPipe: 'pipe:[2]',
    cwd: '/',
    machine: await readMachineFacts(),
    outside: 'refuse',
    contents: [],
  };
  const file = { name, bytes, sha256: '0'.repeat(64) };
  return {
    members: ['0', '1', '2'].map((member) => ({ member, files: [file], meta })),
  } as unknown as Manifest;
}

/** What stands against member 0 on its node, when so many members come back on the nodes of this machine. */
async function blockersWith(
  stagingSize: string,
  imageBytes: number,
  members: number,
  name = 'images/pages-1.img',
): Promise<Blocker[]> {
  vi.stubEnv('STILLPOINT_STAGING_SIZE', stagingSize);
  await using nodes = await makeNodes(1);
  const manifest = await makeManifest(imageBytes, name);
  const blockers = await preflightRestore({
    paths: nodes.paths,
    vault: { readManifest: () => Promise.resolve(manifest) } as unknown as Vault,
    node: 'n1',
    gang: 'g',
    epoch: 1,
    members: [memberId(0)],
    together: Array.from({ length: members }, (_, index) => memberId(index)),
  });
  return blockers.get(memberId(0)) ?? [];
}

it('counts the images of all members in the staging that their nodes share', async () => {
  expect(await blockersWith('64m', 30 * mebibyte, 2)).toEqual([]);
  expect(await blockersWith('64m', 30 * mebibyte, 3)).toEqual([
    expect.objectContaining({
      code: 'SP_NODE_NO_ROOM',
      member: 0,
      node: 'n1',
      message: '90 MiB are needed, and staging has 64 MiB free',
    }),
  ]);
});

it('counts images in staging and the memory of the processes together', async () => {
  const imageBytes = Math.round(totalmem() * 0.6);
  expect(await blockersWith('100%', imageBytes, 1)).toEqual([
    expect.objectContaining({ code: 'SP_NODE_NO_ROOM', message: expect.stringMatching(/and memory has/) }),
  ]);
});

it('counts contents of shared files in staging alone', async () => {
  const bytes = Math.round(freemem() * 0.7);
  expect(await blockersWith('100%', bytes, 1, 'contents/0a1b')).toEqual([]);
  expect(await blockersWith('100%', bytes, 1, 'private.tar')).toMatchObject([{ code: 'SP_NODE_NO_ROOM' }]);
});

it('knows what memory comes free when the gang is ended', async () => {
  await using nodes = await makeNodes(2);
  const program = 'import time\nblock = b"x" * (64 << 20)\ntime.sleep(1000)';
  for (const node of [1, 2]) await nodes.launch(node, ['/usr/bin/python3', '-c', program]);
  await eventually(
    async () => ((await gangMemoryBytes(nodes.paths, 'g')) > 128 * mebibyte ? true : undefined),
    'the memory of both members',
  );
  expect(await gangMemoryBytes(nodes.paths, 'other')).toBe(0);
});
