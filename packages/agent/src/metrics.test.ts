// An agent's metrics, and the fields of its log, after what happened to a member whose steps are only played.
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@stillpoint/clock';
import {
  type EpochOrder,
  epochNumber,
  fenceNumber,
  gangId,
  incarnationNumber,
  memberId,
  type MemberStep,
  type MemberStepResult,
  StillpointError,
} from '@stillpoint/protocol';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { PartFolder, SeenFolder } from './agent-files.ts';
import { openLog } from './agent-log.ts';
import { newHoldId } from './member-cut.ts';
import { AgentMetrics } from './metrics.ts';
import { NodeAgent } from './node-agent.ts';
import type { SlotOwner } from './sandbox-record.ts';

const header = {
  gang: gangId('g'),
  incarnation: incarnationNumber(1),
  epoch: epochNumber(2),
  fence: fenceNumber(3),
};
const outside = 'refuse';
const files = 'refuse';
const place: SlotOwner = { gang: 'g', incarnation: 1, member: 0 };

const vote = {
  member: memberId(0),
  addresses: [],
  connections: [],
  sockets: [],
  files: [],
  imageBytes: 0,
  stdoutBytes: 0,
  stderrBytes: 0,
};

let folder: string;
let metrics: AgentMetrics;
let agent: NodeAgent<SlotOwner>;
let failing: MemberStep['step'] | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-metrics-'));
  for (const name of ['epochs', 'restores']) await mkdir(join(folder, name));
  failing = undefined;
  metrics = new AgentMetrics();
  const silent = () => Promise.resolve('unavailable' as const);
  agent = new NodeAgent<SlotOwner>({
    node: 'n1',
    clock: systemClock,
    host: {
      sandboxes: () => [place],
      find: () => Promise.resolve({ isHere: true, frozen: true, held: true }),
      epochSteps: () => ({ perform }),
      epochClosed: () => undefined,
      reserved: () => [],
      restoreSteps: () => {
        throw new Error('nothing is restored here');
      },
    },
    epochs: new PartFolder(join(folder, 'epochs')),
    restores: new PartFolder(join(folder, 'restores')),
    seen: new SeenFolder(join(folder, 'seen')),
    decisions: { read: silent, tryAbort: silent },
    outcomes: { read: silent, tryAbandon: silent },
    newHoldId,
    send: () => undefined,
    metrics,
    log: openLog({ node: 'n1' }, join(folder, 'log')),
  });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function perform(step: MemberStep): Promise<MemberStepResult> {
  if (step.step === failing)
    throw new StillpointError('SP_FAKE', 'it can not', { remedy: 'Mend the test.', retryable: false });
  return Promise.resolve(resultOf(step));
}

function resultOf(step: MemberStep): MemberStepResult {
  switch (step.step) {
    case 'preflight':
      return {
        step: 'preflight',
        blockers: [],
        holdBudgetMs: 60_000,
        room: { imageBytes: 1, vaultFreeBytes: 1e9 },
      };
    case 'hold':
      return { step: 'hold', holdId: step.holdId };
    case 'release':
      return { step: 'release', heldMs: 5 };
    case 'check':
      return { step: 'check', vote: { ...vote, holdId: step.holdId } };
    case 'freeze':
    case 'note':
    case 'dump':
    case 'kill':
      return { step: step.step };
    case 'survey':
    case 'settle':
    case 'persist':
    case 'forget':
      throw new Error(`${step.step} is not played`);
  }
}

const order = (given: EpochOrder): void => agent.command({ ...header, ...given });
const untilText = (text: string): Promise<void> =>
  vi.waitFor(async () => expect(await metrics.text()).toContain(`\n${text}\n`), { timeout: 5_000 });
const stepCount = (phase: string, result = 'done'): string =>
  `stillpoint_agent_step_seconds_count{work="epoch",phase="${phase}",result="${result}"}`;
const silence = 'stillpoint_agent_dead_man_releases_total';

it('count a member that was released because the coordinator fell silent, once', async () => {
  order({ kind: 'Preflight', outcome: 'resume', outside, files });
  await untilText(`${stepCount('preflight')} 1`);
  expect(await metrics.text()).toContain(`\n${silence} 0\n`);
  order({ kind: 'Freeze', outcome: 'resume', deadManMs: 50 });
  await untilText(`${stepCount('release')} 1`);
  order({ kind: 'Hold' });
  await untilText(`${silence} 1`);
});

it('count steps that fail, and the log says whose they were', async () => {
  failing = 'freeze';
  order({ kind: 'Preflight', outcome: 'resume', outside, files });
  await untilText(`${stepCount('preflight')} 1`);
  order({ kind: 'Freeze', outcome: 'resume', deadManMs: 10_000 });
  await untilText(`${stepCount('freeze', 'failed')} 1`);
  agent.command({ ...header, epoch: epochNumber(1), kind: 'Hold' });
  const lines = await vi.waitFor(async () => {
    const written = (await readFile(join(folder, 'log'), 'utf8')).trim().split('\n');
    expect(written.length).toBeGreaterThan(1);
    return written.map((line) => JSON.parse(line) as object);
  });
  const subject = { node: 'n1', gang: 'g', incarnation: 1, epoch: 2, fence: 3 };
  expect(lines).toContainEqual(expect.objectContaining({ ...subject, member: 0, step: 'freeze' }));
  expect(lines).toContainEqual(expect.objectContaining({ ...subject, epoch: 1, msg: 'Hold is of the past' }));
});

it('count a member in doubt, for as long as it is', async () => {
  metrics.show({
    members: () => Promise.resolve([{ state: 'frozen' }, { state: 'running' }, { state: 'running' }]),
    staging: () => Promise.resolve({ usedBytes: 10, freeBytes: 90 }),
    inDoubt: () => agent.inDoubt(),
  });
  order({ kind: 'Preflight', outcome: 'stop', outside, files });
  await untilText(`${stepCount('preflight')} 1`);
  order({ kind: 'Freeze', outcome: 'stop', deadManMs: 300 });
  await untilText(`${stepCount('freeze')} 1`);
  order({ kind: 'Hold' });
  await untilText(`${stepCount('hold')} 1`);
  order({ kind: 'Dump' });
  await untilText(`${stepCount('check')} 1`);
  expect(await metrics.text()).toContain('\nstillpoint_agent_members_in_doubt 0\n');
  await untilText('stillpoint_agent_members_in_doubt 1');
  for (const line of [
    'stillpoint_agent_members{state="running"} 2',
    'stillpoint_agent_members{state="held"} 0',
    'stillpoint_agent_staging_bytes{state="used"} 10',
    'stillpoint_agent_staging_bytes{state="free"} 90',
  ])
    expect(await metrics.text()).toContain(`\n${line}\n`);
  order({ kind: 'Decided', decision: 'abort', reason: 'it was given up' });
  await untilText('stillpoint_agent_members_in_doubt 0');
});

it('count what was written to the vault', async () => {
  const file = { name: 'pages', bytes: 100, nonZeroBytes: 50, sha256: '', storedSha256: '' };
  metrics.persisted([
    { ...file, storedBytes: 20 },
    { ...file, storedBytes: 10 },
  ]);
  expect(await metrics.text()).toContain('\nstillpoint_agent_persisted_bytes_total 30\n');
});

it('go on when a look at the node fails', async () => {
  metrics.show({
    members: () => Promise.reject(new Error('no cgroup')),
    staging: () => Promise.reject(new Error('no staging')),
    inDoubt: () => 0,
  });
  const text = await metrics.text();
  expect(text).toContain('\nstillpoint_agent_members_in_doubt 0\n');
  expect(text).not.toContain('stillpoint_agent_staging_bytes{');
});
