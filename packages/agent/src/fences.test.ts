// What an agent refuses because it comes from the past.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type EpochCommand,
  epochNumber,
  type FencedRequest,
  fenceNumber,
  gangId,
  incarnationNumber,
  type RestoreCommand,
} from '@stillpoint/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SeenFolder } from './agent-files.ts';
import { Fences } from './fences.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fences-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const header = (fence: number, incarnation: number, epoch: number) => ({
  gang: gangId('g'),
  fence: fenceNumber(fence),
  incarnation: incarnationNumber(incarnation),
  epoch: epochNumber(epoch),
});
const hold = (...numbers: [number, number, number]): EpochCommand => ({
  ...header(...numbers),
  kind: 'Hold',
});
const restore = (
  kind: 'RestorePreflight' | 'Prepare' | 'Abandon',
  ...numbers: [number, number, number]
): RestoreCommand => {
  const common = header(...numbers);
  if (kind === 'RestorePreflight') return { ...common, kind, members: [], files: 'refuse' };
  return kind === 'Abandon' ? { ...common, kind, reason: '' } : { ...common, kind };
};

describe.each([
  ['the same agent', (fences: Fences) => fences],
  ['an agent that was killed', () => new Fences(new SeenFolder(folder))],
])('%s', (_name, later) => {
  it('refuses a lower fence, incarnation and epoch, and takes the same again', () => {
    const fences = new Fences(new SeenFolder(folder));
    expect(fences.admitEpoch(hold(2, 3, 4))).toBe(true);
    const next = later(fences);
    expect(next.admitEpoch(hold(1, 3, 5))).toBe(false);
    expect(next.admitEpoch(hold(2, 2, 5))).toBe(false);
    expect(next.admitEpoch(hold(2, 3, 3))).toBe(false);
    expect(next.admitEpoch(hold(2, 3, 4))).toBe(true);
    expect(next.admitEpoch(hold(3, 3, 4))).toBe(true);
    expect(next.admitEpoch(hold(2, 3, 4))).toBe(false);
  });

  it('keeps which epoch is over, for as long as its incarnation is the latest', () => {
    const fences = new Fences(new SeenFolder(folder));
    fences.admitEpoch(hold(1, 1, 4));
    expect(fences.isClosed(header(1, 1, 4))).toBe(false);
    fences.close(header(1, 1, 4));
    fences.close(header(1, 1, 3));
    const next = later(fences);
    expect(next.admitEpoch(hold(2, 1, 5))).toBe(true);
    expect([3, 4, 5].map((epoch) => next.isClosed(header(2, 1, epoch)))).toEqual([true, true, false]);
    next.close(header(2, 9, 5));
    expect(next.isClosed(header(2, 1, 5))).toBe(false);
    expect(next.admitRestore(restore('Prepare', 2, 2, 4))).toBe(true);
    expect(next.isClosed(header(2, 2, 4))).toBe(false);
  });

  it('refuses the requests of a coordinator that was deposed, also for a gang that it never heard of', () => {
    const fences = new Fences(new SeenFolder(folder));
    const request = (kind: 'Allocate' | 'Remove', fence: number): FencedRequest => {
      const common = { gang: gangId('g'), fence: fenceNumber(fence) };
      return kind === 'Remove'
        ? { ...common, kind, upTo: incarnationNumber(9) }
        : { ...common, kind, incarnation: incarnationNumber(1), members: [] };
    };
    fences.admitRequest(request('Allocate', 2));
    const next = later(fences);
    expect(() => next.admitRequest(request('Remove', 1))).toThrow(
      expect.objectContaining({ code: 'SP_PAST_LEADER', message: expect.stringContaining('fence is 1') }),
    );
    next.admitRequest(request('Remove', 2));
    // what was asked for fences no epoch of the incarnation that runs
    expect(next.admitEpoch(hold(2, 1, 1))).toBe(true);
    expect(() => next.admitRequest(request('Remove', 1))).toThrow('was deposed');
    next.admitRequest(request('Allocate', 3));
    expect(next.admitEpoch(hold(2, 1, 1))).toBe(false);
    expect(next.admitEpoch(hold(3, 1, 1))).toBe(true);
  });

  it('lets a gang go on whose restore was refused or given up before it was opened', () => {
    const fences = new Fences(new SeenFolder(folder));
    expect(fences.admitEpoch(hold(1, 1, 7))).toBe(true);
    expect(fences.admitRestore(restore('RestorePreflight', 1, 2, 3))).toBe(true);
    expect(fences.admitRestore(restore('Abandon', 1, 2, 3))).toBe(true);
    expect(later(fences).admitEpoch(hold(1, 1, 8))).toBe(true);
  });

  it('refuses the incarnation before once another is prepared, except to abandon it', () => {
    const fences = new Fences(new SeenFolder(folder));
    expect(fences.admitEpoch(hold(1, 1, 7))).toBe(true);
    expect(fences.admitRestore(restore('Prepare', 1, 2, 3))).toBe(true);
    const next = later(fences);
    expect(next.admitEpoch(hold(1, 1, 8))).toBe(false);
    expect(next.admitRestore(restore('Prepare', 1, 1, 3))).toBe(false);
    expect(next.admitRestore(restore('Abandon', 1, 1, 3))).toBe(true);
    expect(next.admitRestore(restore('Abandon', 0, 1, 3))).toBe(false);
    expect(next.admitEpoch(hold(1, 2, 8))).toBe(true);
  });
});
