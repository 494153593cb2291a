// Process trees with something of everything, and clocks that differ from node to node.
import { expect, test } from 'vitest';
import { carry } from '../support/carry.ts';
import { startStillpoint } from '../support/stillpoint.ts';

test('a tree of processes: threads, pipes, timers, signals, mappings, unlinked files, folder, umask', async () => {
  await using sp = await startStillpoint();
  const gang = await carry(sp, {
    ranks: 2,
    command: ['build/tree', '--steps', '800', '--step-ms', '1'],
    pace: ['--step-ms', '30'],
    cuts: 3,
    stepsBetween: 30,
    seed: 41,
  });
  expect(await gang.show()).toMatchObject({ state: 'completed', incarnation: 2 });
});

test.each([
  ['waits and setitimer', ['clocks.py', '--steps', '60'], undefined],
  ['timerfd and timer_create', ['build/tree', '--steps', '300'], ['--step-ms', '50']],
] as const)('a node whose monotonic clock is a day ahead, there and back: %s', async (_, command, pace) => {
  await using sp = await startStillpoint({ nodes: ['n1', 'n2'] });
  for (const name of ['late1', 'late2']) await sp.client.addNode({ name, monotonicOffsetSeconds: 86_400 });
  const gang = await sp.run({ ranks: 2, command, ...(pace === undefined ? {} : { pace }) });
  await gang.untilStep(10);
  await gang.checkpoint({ outcome: 'stop' });
  await gang.restore({ onto: ['late1', 'late2'] });
  await gang.goOn(10);
  await gang.checkpoint({ outcome: 'stop' });
  const { placement } = await gang.restore({ onto: ['n1', 'n2'] });
  expect(placement.map(({ node }) => node)).toEqual(['n1', 'n2']);
  await gang.finish();
});
