// The driver of a machine: order, and a state that can't be written down.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EpochHeader, epochNumber, fenceNumber, gangId, incarnationNumber } from '@stillpoint/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '@stillpoint/clock';
import { PartFolder } from './agent-files.ts';
import { MachinePart } from './machine-part.ts';
import { AgentMetrics } from './metrics.ts';

type Event =
  | { readonly kind: 'Add'; readonly value: number }
  | { readonly kind: 'PersistFailed'; readonly message: string };
type Effect =
  { readonly kind: 'Persist'; readonly record: number[] } | { readonly kind: 'Act'; readonly value: number };

const header: EpochHeader = {
  gang: gangId('g'),
  incarnation: incarnationNumber(1),
  epoch: epochNumber(2),
  fence: fenceNumber(3),
};
const lines: object[] = [];
const log = {
  info: () => undefined,
  warn: () => undefined,
  error: (line: object) => lines.push(line),
};
const metrics = new AgentMetrics();

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'machine-part-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A machine that collects numbers, keeps them, and acts on each; -1 stands for a failure to keep. */
function makePart(store: PartFolder) {
  const acts: number[] = [];
  const idle = Promise.withResolvers<undefined>();
  const part: MachinePart<number[], Event, Effect> = new MachinePart<number[], Event, Effect>({
    key: 'part',
    work: 'epoch',
    member: 0,
    clock: systemClock,
    store,
    state: [],
    header: () => header,
    step: (state, event) => {
      if (event.kind === 'PersistFailed')
        return { state: [...state, -1], effects: [{ kind: 'Act', value: -1 }] };
      const next = [...state, event.value];
      return {
        state: next,
        effects: [
          { kind: 'Persist', record: next },
          { kind: 'Act', value: event.value },
        ],
      };
    },
    perform: (effect) => {
      if (effect.kind === 'Persist') return part.persist(effect.record);
      acts.push(effect.value);
      if (acts.length === 2) idle.resolve(undefined);
      return undefined;
    },
    expired: (name) => {
      throw new Error(`there is no deadline ${name}`);
    },
    persistFailed: (message) => ({ kind: 'PersistFailed', message }),
    kept: { name: 'kept' },
    metrics,
    log,
  });
  return { part, acts, untilTwoActs: idle.promise };
}

it('takes events one by one, and keeps the state before it acts on it', async () => {
  const { part, acts, untilTwoActs } = makePart(new PartFolder(folder));
  part.feed({ kind: 'Add', value: 1 });
  part.feed({ kind: 'Add', value: 2 });
  await untilTwoActs;
  expect(acts).toEqual([1, 2]);
  expect(JSON.parse(readFileSync(join(folder, 'part.json'), 'utf8'))).toEqual({
    state: [1, 2],
    kept: { name: 'kept' },
  });
});

it('does nothing that relies on a state that could not be kept', async () => {
  lines.splice(0);
  const { part, acts, untilTwoActs } = makePart(new PartFolder(join(folder, 'missing')));
  part.feed({ kind: 'Add', value: 1 });
  part.feed({ kind: 'Add', value: 2 });
  await untilTwoActs;
  expect(acts).toEqual([-1, -1]);
  expect(part.state).toEqual([-1, -1]);
  expect(lines[0]).toMatchObject({ ...header, member: 0, event: 'Add' });
});

it('measures steps, also those that fail', async () => {
  const { part } = makePart(new PartFolder(folder));
  expect(await part.measure('dump', () => Promise.resolve('an image'))).toBe('an image');
  await expect(part.measure('dump', () => Promise.reject(new Error('no room')))).rejects.toThrow('no room');
  expect(part.spans.map(({ member, phase }) => [member, phase])).toEqual([
    [0, 'dump'],
    [0, 'dump'],
  ]);
  for (const result of ['done', 'failed'])
    expect(await metrics.text()).toContain(
      `\nstillpoint_agent_step_seconds_count{work="epoch",phase="dump",result="${result}"} 1\n`,
    );
});
