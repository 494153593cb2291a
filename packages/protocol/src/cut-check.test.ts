// The check of a cut, on every way in which one is known to go wrong, and on random traffic.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sequenceAtMost, verifyCut } from './cut-check.ts';
import type { ImageConnection, KernelSocket, MemberVote, TcpState } from './cut.ts';
import { memberId } from './ids.ts';
import type { OutsidePolicy } from './messages.ts';
import { makeVote } from './testing/fixtures.ts';

/** One end of a connection: in the images, in the kernel, or both. */
interface End {
  readonly state?: TcpState;
  readonly sndUna?: number;
  readonly writeSeq?: number;
  readonly rcvNxt?: number;
  readonly inode?: number;
  readonly isInImage?: boolean;
  readonly isInKernel?: boolean;
}

interface Address {
  readonly address: string;
  readonly port: number;
}

const at = (address: string, port: number): Address => ({ address, port });
const first = at('10.0.0.1', 4000);
const second = at('10.0.0.2', 29500);

const imageEnd = (local: Address, remote: Address, end: End): ImageConnection[] =>
  end.isInImage === false
    ? []
    : [
        {
          local,
          remote,
          state: end.state ?? 'ESTABLISHED',
          inode: end.inode ?? 11,
          sndUna: end.sndUna ?? 100,
          writeSeq: end.writeSeq ?? 100,
          rcvNxt: end.rcvNxt ?? 100,
        },
      ];

const kernelEnd = (local: Address, remote: Address, end: End): KernelSocket[] =>
  end.isInKernel === false
    ? []
    : [
        {
          local,
          remote,
          state: end.state ?? 'ESTABLISHED',
          inode: end.inode ?? 11,
          cookie: `${local.address}-${local.port}`,
          sendQueueBytes: 0,
          receiveQueueBytes: 0,
        },
      ];

const voteWith = (index: number, local: Address, remote: Address, end: End | null): MemberVote =>
  makeVote(memberId(index), {
    connections: end === null ? [] : imageEnd(local, remote, end),
    sockets: end === null ? [] : kernelEnd(local, remote, end),
  });

/** Votes of two members with one connection between them; null: that side knows nothing of it. */
const twoEnds = (a: End | null, b: End | null): MemberVote[] => [
  voteWith(0, first, second, a),
  voteWith(1, second, first, b),
];
const kinds = (votes: readonly MemberVote[], outside: OutsidePolicy = 'refuse'): string[] =>
  verifyCut(votes, outside).map(({ kind, member }) => `${kind} of ${member}`);

const outOfKernel: End = { isInKernel: false };
const outOfImage: End = { isInImage: false };

describe('a connection between two members', () => {
  const cases: Record<string, readonly [End | null, End | null, string[]]> = {
    'is good when both ends agree': [{}, {}, []],
    'may have bytes on their way: they are in the sender queue': [{ sndUna: 60, writeSeq: 140 }, {}, []],
    'may have had its bytes received and not acknowledged': [{ sndUna: 60, writeSeq: 100 }, {}, []],
    'is bad when the peer has received what was not sent': [{}, { rcvNxt: 101 }, ['OutOfStep of 0']],
    'is bad when bytes are neither in a queue nor received': [
      { sndUna: 101, writeSeq: 101 },
      {},
      ['OutOfStep of 0'],
    ],
    'is bad when it is in one image only': [{}, null, ['MissingEnd of 0']],
    'is bad when the peer image lost it': [{}, outOfImage, ['MissingEnd of 0', 'NotInImage of 1']],
    'is bad when the kernel did not show it': [outOfKernel, {}, ['NotInKernel of 0']],
    'is bad while its handshake is under way (one side only)': [
      { state: 'SYN_SENT', isInImage: false },
      null,
      ['HalfOpen of 0'],
    ],
    'is bad when the third ACK is lost': [
      {},
      { state: 'SYN_RECV', isInImage: false, inode: 0 },
      ['MissingEnd of 0', 'HalfOpen of 1'],
    ],
    'is bad when nobody has accepted it yet': [
      {},
      { isInImage: false, inode: 0 },
      ['MissingEnd of 0', 'NotInImage of 1'],
    ],
    'is bad when it was closed with unsent data': [
      {},
      { state: 'FIN_WAIT1', isInImage: false, inode: 0 },
      ['MissingEnd of 0', 'UnsentWithoutOwner of 1'],
    ],
    'is bad when the last FIN of a closed end is not acknowledged': [
      { state: 'FIN_WAIT2' },
      { state: 'LAST_ACK', isInImage: false, inode: 0 },
      ['MissingEnd of 0', 'UnsentWithoutOwner of 1'],
    ],
    'may be a lone CLOSE_WAIT: its peer is gone for good': [{ state: 'CLOSE_WAIT' }, null, []],
    'may be a CLOSE_WAIT whose closed peer has nothing left to say': [
      { state: 'CLOSE_WAIT' },
      { state: 'FIN_WAIT2', isInImage: false, inode: 0 },
      [],
    ],
    'is bad as a CLOSE_WAIT whose peer still sends': [
      { state: 'CLOSE_WAIT' },
      { state: 'FIN_WAIT1', isInImage: false, inode: 0 },
      ['MissingEnd of 0', 'UnsentWithoutOwner of 1'],
    ],
    'is bad as a CLOSE_WAIT whose peer is owned, and not in its image': [
      { state: 'CLOSE_WAIT' },
      { state: 'FIN_WAIT2', isInImage: false },
      ['MissingEnd of 0', 'NotInImage of 1'],
    ],
    'may be closed to one side: a FIN counts as one': [
      { state: 'FIN_WAIT2', sndUna: 101, writeSeq: 101 },
      { state: 'CLOSE_WAIT', rcvNxt: 101 },
      [],
    ],
    'may linger in TIME_WAIT, which nobody owns': [
      { state: 'TIME_WAIT', isInImage: false, inode: 0 },
      null,
      [],
    ],
  };
  test.each(Object.entries(cases))('%s', (_name, [a, b, expected]) => {
    expect(kinds(twoEnds(a, b)).toSorted()).toEqual(expected.toSorted());
    // The mirror image has the mirrored problems.
    const mirrored = expected.map((line) => line.replace(/\d$/, (digit) => String(1 - Number(digit))));
    expect(kinds(twoEnds(b, a)).toSorted()).toEqual(mirrored.toSorted());
  });

  test('is named with both its endpoints', () => {
    expect(verifyCut(twoEnds({}, null), 'refuse')[0]?.message).toBe(
      'connection 10.0.0.1:4000 → 10.0.0.2:29500 of member 0: its other end is in no image (ESTABLISHED)',
    );
  });
});

describe('homes', () => {
  const loopback = (index: number, isWhole: boolean): MemberVote => {
    const a = at('127.0.0.1', 5000);
    const b = at('127.0.0.1', 5001);
    const ends = isWhole ? [a, b] : [a];
    return makeVote(memberId(index), {
      connections: ends.flatMap((end) => imageEnd(end, end === a ? b : a, {})),
      sockets: ends.flatMap((end) => kernelEnd(end, end === a ? b : a, {})),
    });
  };

  test('loopback connections meet inside their own member, though every member has the same ones', () => {
    expect(kinds([loopback(0, true), loopback(1, true)])).toEqual([]);
    expect(kinds([loopback(0, false), loopback(1, true)])).toEqual(['MissingEnd of 0']);
  });

  test('IPv6 loopback is one too', () => {
    const end = at('::1', 5000);
    const vote = makeVote(memberId(0), {
      connections: imageEnd(end, at('::1', 5001), {}),
      sockets: kernelEnd(end, at('::1', 5001), {}),
    });
    expect(kinds([vote])).toEqual(['MissingEnd of 0']);
  });

  test('members that share a network namespace share its connections', () => {
    const [a, b] = twoEnds({}, {});
    const inOneHome = [a, b].map((vote, index) => ({
      ...makeVote(memberId(index)),
      ...vote,
      addresses: ['10.0.0.1', '10.0.0.2'],
    }));
    expect(kinds(inOneHome)).toEqual([]);
  });
});

describe('a connection to the outside, opened after preflight,', () => {
  const outside = at('192.0.2.1', 443);
  const votes = (end: End): MemberVote[] => [voteWith(0, first, outside, end), makeVote(memberId(1))];

  test.each<[string, End]>([
    ['in image and kernel', {}],
    ['in the image only', outOfKernel],
    ['in the kernel only', outOfImage],
    ['while its handshake is under way', { state: 'SYN_SENT', isInImage: false }],
    ['closed with unsent data', { state: 'FIN_WAIT1', isInImage: false, inode: 0 }],
  ])('%s: no cut where it is refused, and a good one by any other policy', (_name, end) => {
    expect(kinds(votes(end), 'refuse')).toEqual(['Outside of 0']);
    expect(kinds(votes(end), 'close')).toEqual([]);
    expect(kinds(votes(end), 'keep')).toEqual([]);
  });

  test('is none once nobody owns it and nothing is unsaid', () => {
    expect(kinds(votes({ state: 'FIN_WAIT2', isInImage: false, inode: 0 }))).toEqual([]);
    expect(kinds(votes({ state: 'TIME_WAIT', isInImage: false, inode: 0 }))).toEqual([]);
    expect(kinds(votes({ state: 'CLOSE' }))).toEqual([]);
  });

  test('is named with where it leads', () => {
    expect(verifyCut(votes({}), 'refuse')[0]?.message).toBe(
      'connection 10.0.0.1:4000 → 192.0.2.1:443 of member 0: it leads out of the gang (ESTABLISHED)',
    );
  });
});

test('listening and closed sockets have no other end', () => {
  const votes = twoEnds({ state: 'LISTEN' }, { state: 'CLOSE' });
  expect(kinds(votes)).toEqual([]);
});

test('two votes of one member are a broken invariant', () => {
  expect(() => verifyCut([makeVote(memberId(0)), makeVote(memberId(0))], 'keep')).toThrow(
    'one vote for each member',
  );
});

describe('sequence numbers', () => {
  const sequence = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  test('are compared modulo 2³²', () => {
    fc.assert(
      fc.property(sequence, fc.integer({ min: 0, max: 2 ** 31 - 1 }), (from, distance) => {
        const to = (from + distance) % 2 ** 32;
        expect(sequenceAtMost(from, to)).toBe(true);
        if (distance > 0) expect(sequenceAtMost(to, from)).toBe(false);
      }),
    );
  });

  test('random traffic in both directions is good, and one byte lost or early is not', () => {
    const amount = fc.integer({ min: 0, max: 2 ** 24 });
    fc.assert(
      fc.property(sequence, sequence, amount, amount, amount, (a0, b0, acknowledged, flying, unsent) => {
        const wrap = (value: number): number => ((value % 2 ** 32) + 2 ** 32) % 2 ** 32;
        const a: End = {
          sndUna: wrap(a0 + acknowledged),
          writeSeq: wrap(a0 + acknowledged + flying + unsent),
          rcvNxt: b0,
        };
        const b: End = { sndUna: b0, writeSeq: b0, rcvNxt: wrap(a0 + acknowledged + flying) };
        expect(kinds(twoEnds(a, b))).toEqual([]);
        const early = wrap(a0 + acknowledged + flying + unsent + 1);
        expect(kinds(twoEnds(a, { ...b, rcvNxt: early }))).toEqual(['OutOfStep of 0']);
        const lost = wrap(a0 + acknowledged - 1);
        expect(kinds(twoEnds(a, { ...b, rcvNxt: lost }))).toEqual(['OutOfStep of 0']);
      }),
    );
  });
});
