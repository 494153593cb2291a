// Members, votes and reports for the tests, by short names: `0:Dumped` is member 0's vote.
import type { MemberVote } from '../cut.ts';
import {
  epochNumber,
  fenceNumber,
  gangId,
  holdId,
  incarnationNumber,
  memberId,
  type HoldId,
  type MemberId,
} from '../ids.ts';
import type { MemberRestoreResult, MemberRestoreStepName } from '../member-restore/events.ts';
import type { MemberStepName, MemberStepResult } from '../member/events.ts';
import type { EpochHeader, FailedReport, MemberReport, SurveyRound } from '../messages.ts';

export const testHeader: EpochHeader = {
  gang: gangId('mnist'),
  incarnation: incarnationNumber(1),
  epoch: epochNumber(7),
  fence: fenceNumber(3),
};

export const testHold = (member: MemberId): HoldId => holdId(`hold-${member}`);

/** A vote of a member that talks to nobody. */
export const makeVote = (member: MemberId, more: Partial<MemberVote> = {}): MemberVote => ({
  member,
  holdId: testHold(member),
  addresses: [`10.0.0.${member + 1}`],
  connections: [],
  sockets: [],
  files: [],
  imageBytes: 1_000,
  stdoutBytes: 0,
  stderrBytes: 0,
  ...more,
});

/** A vote with a connection that no other member knows; to another member unless its peer is given. */
const makeLonelyVote = (member: MemberId, peer = `10.0.0.${member === 0 ? 2 : 1}`): MemberVote => {
  const end = {
    local: { address: `10.0.0.${member + 1}`, port: 4000 },
    remote: { address: peer, port: 29500 },
    state: 'ESTABLISHED',
    inode: 11,
  } as const;
  return makeVote(member, {
    connections: [{ ...end, sndUna: 1, writeSeq: 1, rcvNxt: 1 }],
    sockets: [{ ...end, cookie: 'c1', sendQueueBytes: 0, receiveQueueBytes: 0 }],
  });
};

/** A vote of a member that writes to a file that others share. */
const makeWritersVote = (member: MemberId, sha256: string): MemberVote =>
  makeVote(member, {
    files: [
      {
        path: '/data/state.bin',
        inode: 7,
        device: 1,
        sizeBytes: 10,
        writable: true,
        append: false,
        sha256,
        modifiedMs: 0,
        isPrivate: false,
      },
    ],
  });

const makeSurvey = (member: MemberId, round: SurveyRound, isLonely: boolean): MemberReport => ({
  kind: 'Surveyed',
  member,
  round,
  addresses: [`10.0.0.${member + 1}`],
  sockets: isLonely ? makeLonelyVote(member).sockets : [],
});

export const makeFailed = (member: MemberId, phase: string, persistId?: string): FailedReport => ({
  kind: 'Failed',
  member,
  phase,
  code: 'SP_TEST',
  message: `member ${member} failed to ${phase}`,
  remedy: 'None.',
  retryable: true,
  ...(persistId === undefined ? {} : { persistId }),
});

/** Reads `MEMBER:KIND[:VARIANT]`. */
export function parseReport(word: string): MemberReport {
  const [index = '', kind = '', variant = ''] = word.split(':');
  const member = memberId(Number(index));
  switch (kind) {
    case 'Ready': {
      const blocker = {
        code: 'SP_IO_URING',
        member,
        message: `member ${member} uses io_uring`,
        remedy: 'Switch it off.',
      };
      return {
        kind,
        member,
        blockers: variant === 'blocked' ? [blocker] : [],
        holdBudgetMs: ['', 'blocked', 'no-room'].includes(variant) ? 60_000 : Number(variant),
        room: { imageBytes: 40 * 1024 ** 2, vaultFreeBytes: (variant === 'no-room' ? 79 : 80) * 1024 ** 2 },
      };
    }
    case 'Frozen':
    case 'Noted':
    case 'Killed':
    case 'Forgotten':
    case 'InDoubt':
      return { kind, member };
    case 'Held':
      return { kind, member, holdId: testHold(member) };
    case 'Dumped':
      if (variant === 'lonely') return { kind, member, vote: makeLonelyVote(member) };
      if (variant === 'outside') return { kind, member, vote: makeLonelyVote(member, '192.0.2.1') };
      if (variant === 'other-hold')
        return { kind, member, vote: makeVote(member, { holdId: holdId('other') }) };
      if (variant.startsWith('wrote-')) return { kind, member, vote: makeWritersVote(member, variant) };
      return { kind, member, vote: makeVote(member) };
    case 'Released':
      return { kind, member, heldMs: 100 };
    case 'Surveyed':
    case 'Resurveyed':
      return makeSurvey(member, kind === 'Surveyed' ? 1 : 2, variant === 'lonely');
    case 'Settled':
      return { kind, member, destroyed: 1 };
    case 'Persisted':
      return { kind, member, files: [], meta: null };
    case 'Failed': {
      const [phase = '', persistId] = variant.split('@');
      return makeFailed(member, phase, persistId);
    }
    default:
      throw new Error(`no such report: ${word}`);
  }
}

/** A plain result of a step of a member. */
export function makeStepResult(step: MemberStepName, member: MemberId, hold: HoldId): MemberStepResult {
  switch (step) {
    case 'preflight':
      return { step, blockers: [], holdBudgetMs: 60_000, room: { imageBytes: 1, vaultFreeBytes: 1_000 } };
    case 'hold':
      return { step, holdId: hold };
    case 'check':
      return { step, vote: makeVote(member, { holdId: hold }) };
    case 'release':
      return { step, heldMs: 100 };
    case 'survey':
      return { step, addresses: [`10.0.0.${member + 1}`], sockets: [] };
    case 'settle':
      return { step, destroyed: 0 };
    case 'persist':
      return { step, files: [], meta: null };
    case 'freeze':
    case 'note':
    case 'dump':
    case 'kill':
    case 'forget':
      return { step };
  }
}

/** A plain result of a step of a restore. */
export function makeRestoreResult(step: MemberRestoreStepName, hold: HoldId): MemberRestoreResult {
  switch (step) {
    case 'preflight':
      return { step, blockers: [] };
    case 'restore':
      return { step, holdId: hold };
    case 'prepare':
    case 'lift':
    case 'verify':
    case 'abandon':
      return { step };
  }
}
