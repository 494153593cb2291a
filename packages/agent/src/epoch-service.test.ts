// What an agent answers to orders of epochs of which it knows nothing, or which are of the past.
import { access, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { NodeEvent } from '@stillpoint/bus';
import {
  type EpochCommand,
  type EpochHeader,
  epochNumber,
  type EpochOrder,
  fenceNumber,
  gangId,
  holdId,
  incarnationNumber,
  type MemberEpochState,
  memberEpochLimits,
  type MemberEvent,
  memberId,
  type Outcome,
  startMemberEpoch,
  stepMemberEpoch,
} from '@stillpoint/protocol';
import { openDirectoryVault } from '@stillpoint/vault';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from '@stillpoint/clock';
import { PartFolder, SeenFolder } from './agent-files.ts';
import { EpochService } from './epoch-service.ts';
import { Fences } from './fences.ts';
import type { Freezer } from './freezer.ts';
import { AgentMetrics } from './metrics.ts';
import { NodeMembers } from './node-members.ts';
import { newHoldId } from './member-cut.ts';
import { homePaths, type HomePaths, nodeRuntime } from './paths.ts';
import { SandboxHost } from './sandbox-host.ts';
import { type SandboxRecord, sandboxSlot, writeRecord } from './sandbox-record.ts';
import { stagingFolder } from './staging.ts';

const node = { name: 'n1', index: 1 };
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const decisions = {
  read: () => Promise.resolve('unavailable' as const),
  tryAbort: () => Promise.resolve('unavailable' as const),
};
const header = (incarnation: number, epoch: number, fence = 1): EpochHeader => ({
  gang: gangId('g'),
  incarnation: incarnationNumber(incarnation),
  epoch: epochNumber(epoch),
  fence: fenceNumber(fence),
});
const commit = { kind: 'Decided', decision: 'commit', reason: '' } as const;

let paths: HomePaths;
let sent: NodeEvent[];
beforeEach(async () => {
  const home = await mkdtemp(join(tmpdir(), 'epoch-service-'));
  paths = { ...homePaths(home), runtime: join(home, 'run'), staging: join(home, 'run', 'staging') };
  sent = [];
});
afterEach(() => rm(dirname(paths.runtime), { recursive: true, force: true }));

const epochsFolder = (): string => join(nodeRuntime(paths, node.name), 'epochs');

/** An agent on a node without sandboxes, as a reboot or a committed *stop* leaves it. */
async function makeAgent(): Promise<EpochService<SandboxRecord>> {
  const freezer: Freezer = { version: 'v1', root: paths.runtime };
  const members = new NodeMembers(paths, freezer, node, () => undefined);
  await members.recover();
  const service = new EpochService(
    {
      node: node.name,
      clock: systemClock,
      store: new PartFolder(epochsFolder()),
      fences: new Fences(new SeenFolder(join(paths.runtime, 'seen'))),
      newHoldId,
      send: (event) => sent.push(event),
      metrics: new AgentMetrics(),
      log,
    },
    new SandboxHost({
      paths,
      freezer,
      node: node.name,
      members,
      vault: await openDirectoryVault(paths.vault),
    }),
    decisions,
  );
  await service.recover();
  return service;
}

/** Leaves behind what an agent knows of a member that was stopped by a committed epoch, or runs on after one. */
async function leaveMember(of: EpochHeader, outcome: Outcome): Promise<SandboxRecord> {
  const member = memberId(0);
  const hold = holdId('hold');
  const input = { header: of, member, outcome, outside: 'refuse', files: 'refuse' } as const;
  const vote = {
    member,
    holdId: hold,
    addresses: [],
    connections: [],
    sockets: [],
    files: [],
    imageBytes: 0,
    stdoutBytes: 0,
    stderrBytes: 0,
  };
  const order = (given: EpochOrder): MemberEvent => ({
    kind: 'CommandReceived',
    command: { ...of, ...given },
  });
  const way: readonly MemberEvent[] = [
    order({ kind: 'Preflight', outcome, outside: 'refuse', files: 'refuse' }),
    {
      kind: 'StepDone',
      step: 'preflight',
      blockers: [],
      holdBudgetMs: 60_000,
      room: { imageBytes: 1, vaultFreeBytes: 1 },
    },
    order({ kind: 'Freeze', outcome, deadManMs: 15_000 }),
    { kind: 'StepDone', step: 'freeze' },
    order({ kind: 'Hold' }),
    { kind: 'StepDone', step: 'hold', holdId: hold },
    order({ kind: 'Dump' }),
    { kind: 'StepDone', step: 'note' },
    { kind: 'StepDone', step: 'dump' },
    { kind: 'StepDone', step: 'check', vote },
    order(commit),
    ...released[outcome],
  ];
  let { state }: { state: MemberEpochState } = startMemberEpoch({
    ...input,
    holdId: hold,
    limits: memberEpochLimits,
  });
  for (const event of way) ({ state } = stepMemberEpoch(state, event));
  const record: SandboxRecord = {
    gang: of.gang,
    member,
    incarnation: of.incarnation,
    slot: sandboxSlot(paths, { version: 'v1', root: paths.runtime }, node.name, node.index, 1),
    initPid: 0,
    stdoutPath: '',
    stderrPath: '',
    cwd: '/',
    keptFolder: '',
    clockOffsets: { monotonicSeconds: 0, boottimeSeconds: 0 },
  };
  const folder = epochsFolder();
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${of.gang}.${of.epoch}.0.json`), JSON.stringify({ state, kept: record }));
  const images = stagingFolder(paths, of.gang, of.epoch, member);
  await mkdir(images, { recursive: true });
  return record;
}

/** How a member that has voted is freed. */
const released: Readonly<Record<Outcome, readonly MemberEvent[]>> = {
  stop: [{ kind: 'StepDone', step: 'kill' }],
  resume: [{ kind: 'StepDone', step: 'release', heldMs: 100 }],
};

/** The member has its sandbox, in this incarnation. */
async function leaveSandbox(record: SandboxRecord, incarnation: number): Promise<void> {
  const { slot } = record;
  await mkdir(slot.folder, { recursive: true });
  await writeRecord(slot.folder, 'owner.json', { ...record, incarnation });
  await writeRecord(slot.folder, 'sandbox.json', { ...record, incarnation });
}

const command = (of: EpochHeader, order: EpochOrder): EpochCommand => ({ ...of, ...order });
const answers = (epoch: number): NodeEvent[] =>
  sent.filter((event) => event.kind === 'Reports' && event.epoch === epoch);

it('says that it knows nothing, of an epoch that was before a reboot', async () => {
  const agent = await makeAgent();
  agent.command(command(header(1, 4), commit));
  expect(sent).toEqual([{ kind: 'Reports', ...header(1, 4), node: 'n1', reports: [], spans: [] }]);
});

it('answers for what it staged, also when later incarnations have had epochs', async () => {
  await leaveMember(header(1, 4), 'stop');
  const agent = await makeAgent();
  await vi.waitFor(() => expect(answers(4)).not.toEqual([]));
  agent.command(command(header(2, 5), { kind: 'Hold' }));
  sent = [];
  agent.command(command(header(1, 4, 2), commit));
  await vi.waitFor(() =>
    expect(answers(4).at(-1)).toMatchObject({
      fence: 2,
      reports: expect.arrayContaining([expect.objectContaining({ kind: 'Killed', member: 0 })]),
    }),
  );
});

it('says nothing to a leader of the past', async () => {
  const agent = await makeAgent();
  agent.command(command(header(1, 5, 2), { kind: 'Hold' }));
  sent = [];
  agent.command(command(header(1, 4, 1), commit));
  agent.command(command(header(1, 5, 1), commit));
  expect(sent).toEqual([]);
});

it('takes no other order of an epoch that others have followed', async () => {
  await leaveMember(header(1, 4), 'stop');
  const agent = await makeAgent();
  await vi.waitFor(() => expect(answers(4)).not.toEqual([]));
  agent.command(command(header(2, 5), { kind: 'Hold' }));
  sent = [];
  agent.command(command(header(1, 4), { kind: 'AllReleased', round: 1 }));
  agent.command(command(header(1, 4, 2), commit));
  await vi.waitFor(() => expect(answers(4)).toContainEqual(expect.objectContaining({ fence: 2 })));
  expect(answers(4)).toHaveLength(1);
});

const untilForgotten = (epoch: number): Promise<void> =>
  vi.waitFor(
    () =>
      expect(answers(epoch).at(-1)).toMatchObject({
        reports: expect.arrayContaining([{ kind: 'Forgotten', member: 0 }]),
      }),
    { timeout: 10_000 },
  );

it('forgets what an epoch has staged once a later one comes, though nobody has said so', async () => {
  await leaveSandbox(await leaveMember(header(1, 4), 'resume'), 2);
  const agent = await makeAgent();
  agent.command(command(header(2, 5), { kind: 'Hold' }));
  await untilForgotten(4);
  await expect(access(join(paths.staging, 'g'))).rejects.toMatchObject({ code: 'ENOENT' });
});

it('keeps the only image of a member that was stopped, whatever epochs come later', async () => {
  await leaveSandbox(await leaveMember(header(1, 4), 'stop'), 2);
  const agent = await makeAgent();
  for (const order of ['Hold', 'Forget'] as const) agent.command(command(header(2, 5), { kind: order }));
  await untilForgotten(5);
  await access(stagingFolder(paths, 'g', 4, 0));
  agent.command(command(header(1, 4), commit));
  expect(answers(4).at(-1)).toMatchObject({
    reports: expect.arrayContaining([expect.objectContaining({ kind: 'Killed', member: 0 })]),
  });
});

it('begins nothing anew in an epoch that is over, though the agent that said so is gone', async () => {
  const record = await leaveMember(header(1, 4), 'resume');
  const first = await makeAgent();
  first.command(command(header(1, 4), commit));
  first.command(command(header(1, 4), { kind: 'Forget' }));
  await untilForgotten(4);
  await vi.waitFor(async () => expect(await readdir(epochsFolder())).toEqual([]));
  await leaveSandbox(record, 1);
  sent = [];
  const second = await makeAgent();
  second.command(
    command(header(1, 4), { kind: 'Preflight', outcome: 'resume', outside: 'refuse', files: 'refuse' }),
  );
  second.command(command(header(1, 4), { kind: 'Freeze', outcome: 'resume', deadManMs: 15_000 }));
  const nothing = expect.objectContaining({ reports: [] });
  expect(sent).toEqual([nothing, nothing]);
  expect(await readdir(epochsFolder())).toEqual([]);
  // the next one is begun
  second.command(command(header(1, 5), { kind: 'Hold' }));
  await vi.waitFor(() => expect(answers(5)).not.toEqual([]));
});
