// A mount that a member made is found, running and frozen; what its sandbox has, and what the kernel adds, is not.
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { killCgroup, thaw } from './freezer.ts';
import { freezeMember } from './member-cut.ts';
import { addedMounts, ownMounts } from './own-mounts.ts';
import { preflightMember } from './preflight.ts';
import type { SandboxRecord } from './sandbox-record.ts';
import { eventually, makeNodes } from './testing/node-fixture.ts';

const vault = { freeBytes: () => Promise.resolve(4711) };
const command = ['/bin/sh', '-c', 'mkdir /tmp/mine; mount -t tmpfs mine /tmp/mine; echo mounted; sleep 1000'];

it('names what a member has mounted', { timeout: 60_000 }, async () => {
  await using nodes = await makeNodes(1);
  const { paths, freezer } = nodes;
  const record = await nodes.launch(1, command);
  const context = { paths, freezer, record };
  await eventually(async () => (await nodes.status(record)).stdoutBytes > 0 || undefined, 'a mount');
  const { blockers } = await preflightMember(context, vault, 'refuse');
  expect(blockers).toMatchObject([
    {
      code: 'SP_BLOCKED_MOUNT',
      message: `member ${record.member} has made a mount of its own: /tmp/mine`,
      remedy: expect.stringContaining('/tmp/mine'),
    },
  ]);
  await expect(freezeMember(context, 2_000)).rejects.toMatchObject({ code: 'SP_MOUNT_MADE' });
  await thaw(freezer, record.slot.cgroup);
  await killCgroup(freezer, record.slot.cgroup);
  await eventually(async () => (await ownMounts(record)).length === 0 || undefined, 'its end');
});

it('finds none where it is not known what the sandbox was given', async () => {
  const record = { initPid: process.pid, slot: { folder: tmpdir() } } as SandboxRecord;
  expect(await ownMounts(record)).toEqual([]);
});

const given = `22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
23 22 0:40 / /home rw,relatime - nfs4 server:/home rw
24 22 0:41 / /tmp rw,relatime - tmpfs tmp rw
`;

it.each([
  ['nothing new', given, []],
  ['one that is gone', given.replace(/^24.*\n/m, ''), []],
  ["another under the same id, in that one's place", given.replace('0:41 / /tmp', '0:42 / /tmp'), ['/tmp']],
  ['a bind mount', `${given}25 24 8:1 /var /tmp/var rw - ext4 /dev/sda1 rw\n`, ['/tmp/var']],
  ['a part of a network file system', `${given}25 23 0:43 / /home/u rw - nfs4 server:/home/u rw\n`, []],
  ['a network file system', `${given}25 22 0:43 / /data rw - nfs4 server:/data rw\n`, ['/data']],
])('tells what was added: %s', (_, present, expected) => {
  expect(addedMounts(given, present)).toEqual(expected);
});
