// A node says in one message what its members have done, and waits only so long for one that is slow.
import type { NodeEvent } from '@stillpoint/bus';
import { systemClock } from '@stillpoint/clock';
import {
  type EpochOrder,
  epochNumber,
  fenceNumber,
  gangId,
  holdId,
  incarnationNumber,
  type MemberStep,
  type MemberStepResult,
} from '@stillpoint/protocol';
import { beforeEach, expect, it, vi } from 'vitest';
import { EpochService } from './epoch-service.ts';
import { Fences } from './fences.ts';
import { AgentMetrics } from './metrics.ts';
import type { SlotOwner } from './sandbox-record.ts';

const members = [0, 1, 2, 3, 4, 5, 6, 7];
const header = {
  gang: gangId('g'),
  incarnation: incarnationNumber(1),
  epoch: epochNumber(1),
  fence: fenceNumber(1),
};
const preflight: EpochOrder = { kind: 'Preflight', outcome: 'resume', outside: 'refuse', files: 'refuse' };
const freeze: EpochOrder = { kind: 'Freeze', outcome: 'resume', deadManMs: 60_000 };

let sent: Extract<NodeEvent, { kind: 'Reports' }>[];
/** What a member's freeze waits for. */
let delays: Map<number, Promise<void>>;
let service: EpochService<SlotOwner>;

async function perform(member: number, step: MemberStep): Promise<MemberStepResult> {
  if (step.step === 'preflight')
    return {
      step: 'preflight',
      blockers: [],
      holdBudgetMs: 60_000,
      room: { imageBytes: 1, vaultFreeBytes: 9 },
    };
  if (step.step !== 'freeze') throw new Error(`nobody has asked for ${step.step}`);
  await delays.get(member);
  return { step: 'freeze' };
}

beforeEach(() => {
  sent = [];
  delays = new Map();
  const word = {
    read: () => Promise.resolve('none' as const),
    tryAbort: () => Promise.resolve('none' as const),
  };
  service = new EpochService<SlotOwner>(
    {
      node: 'n1',
      clock: systemClock,
      store: {
        list: () => Promise.resolve([]),
        keep: () => Promise.resolve(),
        drop: () => Promise.resolve(),
      },
      fences: new Fences({ list: () => [], keep: () => undefined }),
      newHoldId: () => holdId('hold'),
      send: (event) => {
        if (event.kind === 'Reports') sent.push(event);
      },
      metrics: new AgentMetrics(),
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    },
    {
      sandboxes: () => members.map((member) => ({ gang: 'g', incarnation: 1, member })),
      find: () => Promise.resolve({ isHere: true, frozen: false, held: false }),
      epochSteps: ({ member }) => ({ perform: (step) => perform(member, step) }),
      epochClosed: () => undefined,
    },
    word,
  );
});

const said = (kind: string): number[][] =>
  sent.map(({ reports }) => reports.filter((report) => report.kind === kind).map(({ member }) => member));

it('all members of a node are in one message for each order', async () => {
  service.command({ ...header, ...preflight });
  await vi.waitFor(() => expect(said('Ready')).toEqual([members]));
  service.command({ ...header, ...freeze });
  await vi.waitFor(() => expect(said('Frozen')).toEqual([[], members]));
});

it('a slow member keeps the others waiting for a bounded time, and a span is said once', async () => {
  service.command({ ...header, ...preflight });
  await vi.waitFor(() => expect(said('Ready')).toEqual([members]));
  const slow = Promise.withResolvers<void>();
  delays.set(3, slow.promise);
  service.command({ ...header, ...freeze });
  await vi.waitFor(() => expect(said('Frozen').at(-1)).toEqual([0, 1, 2, 4, 5, 6, 7]));
  slow.resolve();
  await vi.waitFor(() => expect(said('Frozen').at(-1)).toEqual(members));
  expect(sent).toHaveLength(3);
  const spans = sent.flatMap((message) => message.spans.map(({ member, phase }) => `${member} ${phase}`));
  expect(spans).toHaveLength(2 * members.length);
  expect(new Set(spans).size).toBe(2 * members.length);
});
