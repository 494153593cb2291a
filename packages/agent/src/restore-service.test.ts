// What an agent still knows of a restore once its member runs: whoever asks late, or anew, is answered.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeEvent } from '@stillpoint/bus';
import {
  epochNumber,
  fenceNumber,
  gangId,
  holdId,
  incarnationNumber,
  memberId,
  memberRestoreLimits,
  type MemberRestoreEvent,
  type MemberRestoreState,
  type RestoreHeader,
  type RestoreOrder,
  startMemberRestore,
  stepMemberRestore,
} from '@stillpoint/protocol';
import { openDirectoryVault } from '@stillpoint/vault';
import { expect, it, vi } from 'vitest';
import { systemClock } from '@stillpoint/clock';
import { PartFolder, SeenFolder } from './agent-files.ts';
import { Fences } from './fences.ts';
import { freeze, isFrozen } from './freezer.ts';
import { listHolds, takeHold } from './hold.ts';
import { AgentMetrics } from './metrics.ts';
import { NodeMembers } from './node-members.ts';
import { newHoldId } from './member-cut.ts';
import { nodeRuntime } from './paths.ts';
import { SandboxHost } from './sandbox-host.ts';
import { RestoreService } from './restore-service.ts';
import { makeNodes, type NodeFixture } from './testing/node-fixture.ts';

const hold = holdId('a1');
const member = memberId(0);
const header: RestoreHeader = {
  gang: gangId('g'),
  incarnation: incarnationNumber(2),
  epoch: epochNumber(1),
  fence: fenceNumber(1),
};
const owner = { gang: 'g', incarnation: 2, member: 0 };
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const outcomes = {
  read: () => Promise.resolve('unavailable' as const),
  tryAbandon: () => Promise.resolve('unavailable' as const),
};

/** What an agent wrote down that was killed when it was about to lift its member. */
function stateBeforeLift(): MemberRestoreState {
  const order = (given: RestoreOrder): MemberRestoreEvent => ({
    kind: 'CommandReceived',
    command: { ...header, ...given },
  });
  const way: readonly MemberRestoreEvent[] = [
    order({ kind: 'RestorePreflight', members: [], files: 'refuse' }),
    { kind: 'StepDone', step: 'preflight', blockers: [] },
    order({ kind: 'Prepare' }),
    { kind: 'StepDone', step: 'prepare' },
    order({ kind: 'Restore', deadManMs: 15_000 }),
    { kind: 'StepDone', step: 'restore', holdId: hold },
    order({ kind: 'Lift' }),
  ];
  let { state } = startMemberRestore({ header, member, holdId: hold, limits: memberRestoreLimits });
  for (const event of way) ({ state } = stepMemberRestore(state, event));
  return state;
}

async function startAgent({ paths, freezer }: NodeFixture) {
  const members = new NodeMembers(paths, freezer, { name: 'n1', index: 1 }, () => undefined);
  await members.recover();
  const sent: NodeEvent[] = [];
  const service = new RestoreService(
    {
      node: 'n1',
      clock: systemClock,
      store: new PartFolder(join(nodeRuntime(paths, 'n1'), 'restores')),
      fences: new Fences(new SeenFolder(join(nodeRuntime(paths, 'n1'), 'seen'))),
      newHoldId,
      send: (event: NodeEvent) => sent.push(event),
      metrics: new AgentMetrics(),
      log,
    },
    new SandboxHost({ paths, freezer, node: 'n1', members, vault: await openDirectoryVault(paths.vault) }),
    outcomes,
  );
  await service.recover();
  return { members, service, sent };
}

const saysRunning = (fence: number): unknown =>
  expect.objectContaining({
    kind: 'RestoreReports',
    fence,
    reports: expect.arrayContaining([{ kind: 'Running', member }]),
  });

it('answers a leader who asks again for a member that runs, and leaves the member alone', async () => {
  await using nodes = await makeNodes(1);
  const { paths, freezer } = nodes;
  const { members } = await startAgent(nodes);
  const { slot } = await members.launch({
    ...owner,
    hostname: 'g-0',
    hosts: '',
    environment: { PATH: '/usr/bin:/bin' },
    cwd: paths.home,
    command: ['/bin/sleep', '1000'],
    clockOffsets: { monotonicSeconds: 0, boottimeSeconds: 0 },
  });
  await takeHold(slot.namespace, hold);
  await freeze(freezer, slot.cgroup);
  const folder = join(nodeRuntime(paths, 'n1'), 'restores');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'g.2.0.json'), JSON.stringify({ state: stateBeforeLift(), kept: null }));

  const second = await startAgent(nodes);
  await vi.waitFor(() => expect(second.sent).toContainEqual(saysRunning(1)));
  expect(await isFrozen(freezer, slot.cgroup)).toBe(false);
  expect(await listHolds(slot.namespace)).toEqual([]);

  // an epoch has frozen it when the agent is killed, and the coordinator too
  await freeze(freezer, slot.cgroup);
  const third = await startAgent(nodes);
  third.service.command({ ...header, fence: fenceNumber(2), kind: 'Lift' });
  await vi.waitFor(() => expect(third.sent).toContainEqual(saysRunning(2)));
  expect(await isFrozen(freezer, slot.cgroup)).toBe(true);

  await third.members.removeMembers('g', 2);
  await third.service.membersRemoved('g', 2);
  expect(await readdir(folder)).toEqual([]);
});
