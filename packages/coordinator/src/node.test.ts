// One node, on a link that loses what is said: requests are sent again, and what was told unasked is found again.
import { type NodeLink, NodeRefused, RequestTimeout } from '@stillpoint/bus';
import { HandClock } from '@stillpoint/clock/testing';
import {
  fenceNumber,
  gangId,
  incarnationNumber,
  type NodeAnswer,
  nodeName,
  type NodeRequest,
} from '@stillpoint/protocol';
import pino from 'pino';
import { beforeEach, expect, it, vi } from 'vitest';
import { limits } from './limits.ts';
import { ManagedNode, type NodeReport } from './node.ts';
import type { NodePlatform } from './platform.ts';

const remove = {
  kind: 'Remove',
  fence: fenceNumber(1),
  gang: gangId('g'),
  upTo: incarnationNumber(1),
} as const;
const record = {
  name: 'n1',
  index: 1,
  schedulable: true,
  state: 'present',
  monotonicOffsetSeconds: 0,
} as const;

let clock: HandClock;
let node: ManagedNode;
let asked: string[];
let reports: NodeReport[];
/** What becomes of a request to remove. */
let onRemove: (deadlineMs: number) => Promise<NodeAnswer>;

beforeEach(async () => {
  clock = new HandClock();
  asked = [];
  reports = [];
  onRemove = () => Promise.resolve({ kind: 'Removed', members: [] });
  const request = ({ kind }: NodeRequest, { deadlineMs = 0 } = {}): Promise<NodeAnswer> => {
    asked.push(kind);
    if (kind === 'Remove') return onRemove(deadlineMs);
    if (kind === 'Hello') return Promise.resolve({ kind, node: nodeName('n1'), pid: 1, version: '' });
    return Promise.resolve({ kind: 'Status', members: [], memoryAvailableBytes: 1, stagingFreeBytes: 1 });
  };
  const link = {
    state: 'up',
    request,
    onMessage: () => () => undefined,
    onState: () => () => undefined,
    close: () => Promise.resolve(),
  } as unknown as NodeLink;
  const platform = { connect: () => link } as unknown as NodePlatform;
  node = new ManagedNode(record, {
    clock,
    platform,
    listener: {
      onEvent: () => undefined,
      onReport: (_, report) => reports.push(report),
      onKilled: () => undefined,
    },
    log: pino({ level: 'silent' }),
  });
  await node.untilReady({});
  asked = [];
});

/** Time passes, and nobody has answered. */
const silence = (deadlineMs: number): Promise<NodeAnswer> => {
  clock.move(deadlineMs);
  return Promise.reject(new RequestTimeout('n1', 'Remove', deadlineMs));
};

it('sends a request again that is not answered', async () => {
  onRemove = (deadlineMs) => {
    onRemove = () => Promise.resolve({ kind: 'Removed', members: [] });
    return silence(deadlineMs);
  };
  expect(await node.request(remove)).toMatchObject({ kind: 'Removed' });
  expect(asked).toEqual(['Remove', 'Remove']);
  expect(clock.monotonicMs()).toBe(limits.nodeResendMs);
});

it('gives it up after all of its time, and says how long that was', async () => {
  onRemove = silence;
  const error: unknown = await node
    .request(remove, { deadlineMs: 12_000 })
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'SP_REQUEST_TIMEOUT', message: expect.stringContaining('12000 ms') });
  expect(asked).toEqual(['Remove', 'Remove', 'Remove']);
  expect(clock.monotonicMs()).toBe(12_000);
});

it('does not send one again that was refused', async () => {
  onRemove = () => Promise.reject(new NodeRefused({ code: 'SP_PAST_LEADER', message: '', remedy: '' }));
  await expect(node.request(remove)).rejects.toMatchObject({ code: 'SP_PAST_LEADER' });
  expect(asked).toEqual(['Remove']);
});

it('asks from time to time what the agent finds, until it is closed', async () => {
  clock.move(limits.nodeLookMs);
  await vi.waitFor(() => expect(reports).toHaveLength(2));
  expect(reports.at(-1)?.askedAtMs).toBe(limits.nodeLookMs);
  await node.close();
  clock.move(10 * limits.nodeLookMs);
  expect(clock.pending).toBe(0);
  expect(reports).toHaveLength(2);
});
