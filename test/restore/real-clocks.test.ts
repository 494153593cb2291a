// Nodes whose real clocks are wrong, differ, and are set while a checkpoint is made. What the members themselves read
// can't be shifted: there is no namespace for the real clock. Monotonic clocks are in test/carry/processes.test.ts.
import { expect, test } from 'vitest';
import type { Timeline } from '@stillpoint/coordinator';
import { startStillpoint } from '../support/stillpoint.ts';
import { referenceOf } from '../workloads/harness.ts';

const preload = import.meta.resolve('../support/wrong-clock.ts');

test('real clocks that are hours apart and go backwards: cut, stopped, restored elsewhere', async () => {
  await using sp = await startStillpoint({
    nodes: ['n1', 'n2', 'n3', 'n4'],
    env: { NODE_OPTIONS: `--import ${preload}` },
  });
  const command = ['build/mesh', '--messages', '1500'] as const;
  const gang = await sp.run({ ranks: 2, command, pace: ['--rate-mb', '8'] });
  await gang.untilStep(1);
  const { stallMs, startedAtMs, epoch } = await gang.checkpoint();
  expect(stallMs).toBeGreaterThan(0);
  expect(stallMs).toBeLessThan(60_000);
  const timeline = await sp.json<Timeline>('timeline', `${gang.name}@${epoch}`);
  // the nodes' own words show that their clocks are wrong
  expect(Math.max(...timeline.spans.map(({ startMs }) => startMs - startedAtMs))).toBeGreaterThan(3_600_000);
  const drawn = await sp.ok('timeline', `${gang.name}@${epoch}`);
  expect(drawn).toMatch(/^Clocks that were set meanwhile: n1 and n2\./m);
  // no time is less than nothing, and none is hours long
  expect(drawn).not.toMatch(/-\d|\d h/);
  await gang.goOn(1);
  await gang.checkpoint({ outcome: 'stop' });
  await sp.ok('restore', gang.name, '--onto', 'n3,n4');
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command, gang: gang.name }));
});
