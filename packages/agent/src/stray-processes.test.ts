// A process that has left the sandbox's namespaces is found; one that has not, is not.
import { expect, it } from 'vitest';
import { preflightMember } from './preflight.ts';
import { strayProcesses } from './stray-processes.ts';
import { eventually, makeNodes } from './testing/node-fixture.ts';

const vault = { freeBytes: () => Promise.resolve(4711) };

it('names a process in namespaces of its own, and which', { timeout: 60_000 }, async () => {
  await using nodes = await makeNodes(1);
  const { paths, freezer } = nodes;
  const record = await nodes.launch(1, ['/bin/sh', '-c', 'unshare --net --uts sleep 1000 & sleep 1000']);
  const blockers = await eventually(async () => {
    const found = await preflightMember({ paths, freezer, record }, vault, 'refuse');
    return found.blockers.some(({ code }) => code === 'SP_BLOCKED_NAMESPACE') ? found.blockers : undefined;
  }, 'a blocker');
  expect(blockers.map(({ message }) => message)).toEqual([
    expect.stringMatching(/ \(process \d+, \w+\) is in a namespace of its own: net, uts$/),
  ]);
});

it('names none by namespaces that have ended meanwhile', async () => {
  const pidsMax = 2 ** 22; // of the kernel: no process has that pid
  expect(await strayProcesses(pidsMax, [process.pid])).toEqual([]);
});
