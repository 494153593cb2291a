// A restore attempt as it is explored: the protocol's real machines and transactions, and what must hold in every state.
import {
  epochNumber,
  fenceNumber,
  gangId,
  holdId,
  incarnationNumber,
  isPastAttempt,
  ledgerKeys,
  memberId,
  memberRestoreLimits,
  openIncarnation,
  recoverRestoreAttempt,
  restoreLimits,
  type RestoreInput,
  type RestoreOutcome,
  startMemberRestore,
  startRestoreAttempt,
  writeEnded,
  writeOutcome,
} from '@stillpoint/protocol';
import {
  firstRestoreKernel,
  killRestored,
  loseRestored,
  type RestoreKernel,
  takeRestoreStep,
} from './restore-kernel.ts';
import { transact } from './ledger.ts';
import type { AnyKinded } from './machine.ts';
import type { AnyCommand, Play } from './play.ts';
import { isTakenByLeader, memberRestoreRules, restoreRules } from './restore-merge.ts';
import type { Draft, Layout, Leader, Shared } from './state.ts';
import { expects } from './violation.ts';

const gang = gangId('mnist');
const past = incarnationNumber(1);
const incarnation = incarnationNumber(2);
const epoch = epochNumber(7);
const firstFence = 3;

function outcomeOf({ ledger }: Shared): RestoreOutcome | null {
  if (ledger[ledgerKeys.go(gang, incarnation)] !== undefined) return 'go';
  return ledger[ledgerKeys.abandon(gang, incarnation)] === undefined ? null : 'abandon';
}
const hasEnded = ({ ledger }: Shared): boolean => ledger[ledgerKeys.ended(gang, incarnation)] !== undefined;

/** Deadlines that wait for the ledger, not for agents. */
const forOthers: ReadonlySet<string> = new Set(['open', 'decide']);
const closing = /^close-/;

export class RestorePlay implements Play<RestoreKernel> {
  readonly layout: Layout;
  readonly firstFence = firstFence;
  readonly firstShared: Shared = {
    ledger: {
      [ledgerKeys.fence]: firstFence,
      [ledgerKeys.incarnation(gang)]: past,
      [ledgerKeys.go(gang, past)]: '',
    },
    hasManifest: true,
    closed: null,
  };
  readonly firstKernel = firstRestoreKernel;
  readonly leader = restoreRules;
  readonly member = memberRestoreRules;
  readonly isTaken = isTakenByLeader;
  readonly restarted = (): AnyKinded => ({ kind: 'Restarted' });
  readonly kill = killRestored;
  readonly loseNode = loseRestored;
  readonly lastReport = 'Abandoned';
  readonly ledgerSilent = { kind: 'OutcomeRead', outcome: 'unavailable' };
  readonly requested = { kind: 'AbandonRequested', reason: '' };
  readonly dueDeadlines: ReadonlySet<string> = new Set(['retry', 'doubt']);

  constructor(layout: Layout) {
    this.layout = layout;
  }

  #input(fence: number): RestoreInput {
    return {
      header: { gang, incarnation, epoch, fence: fenceNumber(fence) },
      members: this.layout.places.map((place) => ({ ...place, addresses: [] })),
      files: 'refuse',
      limits: restoreLimits,
    };
  }

  startLeader(fence: number) {
    return startRestoreAttempt(this.#input(fence));
  }

  /** An attempt that was not opened left nothing to take up: it is begun anew. */
  recoverLeader(fence: number, shared: Shared) {
    const isOpen = shared.ledger[ledgerKeys.incarnation(gang)] === incarnation;
    return isOpen
      ? recoverRestoreAttempt(this.#input(fence), outcomeOf(shared))
      : startRestoreAttempt(this.#input(fence));
  }

  startMember(member: number, { fence }: AnyCommand) {
    return startMemberRestore({
      header: { gang, incarnation, epoch, fence: fenceNumber(fence) },
      member: memberId(member),
      holdId: holdId(`hold-${member}`),
      limits: memberRestoreLimits,
    });
  }

  isPast(seenFence: number, { fence }: AnyCommand): boolean {
    const seen = { fence: fenceNumber(seenFence), incarnation, epoch: null };
    return isPastAttempt(seen, { fence: fenceNumber(fence), incarnation });
  }

  mayBegin(_kernel: RestoreKernel): boolean {
    return true;
  }

  answer(fence: number, node: string, reports: readonly AnyKinded[]) {
    return { kind: 'RestoreReports', gang, incarnation, epoch, fence, node, reports, spans: [] };
  }

  askOfLeader(effect: AnyKinded): string | undefined {
    if (effect.kind === 'WriteRestoreOutcome') return (effect as { outcome?: string }).outcome;
    return { ClearWay: 'clear', OpenIncarnation: 'open', WriteEnded: 'ended' }[effect.kind];
  }

  perform(draft: Draft<RestoreKernel>, leader: Leader, ask: string): string | undefined {
    const fence = fenceNumber(leader.fence);
    const isLeader = draft.shared.ledger[ledgerKeys.fence] === leader.fence;
    const write = (transaction: Parameters<typeof transact>[1]): boolean => {
      const ledger = transact(draft.shared.ledger, transaction);
      if (ledger !== undefined) draft.shared = { ...draft.shared, ledger };
      return ledger !== undefined;
    };
    if (closing.test(ask)) return isLeader ? this.#close(draft, ask.replace(closing, '')) : undefined;
    switch (ask) {
      case 'clear':
        write(writeEnded(gang, fence, past, ''));
        return isLeader ? 'done' : undefined;
      case 'open': {
        const predecessor = { kind: 'Ended', incarnation: past } as const;
        write(openIncarnation({ gang, fence, incarnation, predecessor, openEpoch: null, record: null }));
        return isLeader ? 'done' : undefined;
      }
      case 'ended':
        if (write(writeEnded(gang, fence, incarnation, ''))) {
          const areDead = draft.kernels.every(({ state }) => state === 'absent');
          expects(areDead, 'all are dead when that is written');
        }
        return isLeader ? 'done' : undefined;
      default:
        this.#decide(draft, ask as RestoreOutcome, leader.fence);
        return isLeader ? (outcomeOf(draft.shared) ?? undefined) : undefined;
    }
  }

  #close(draft: Draft<RestoreKernel>, result: string): string {
    const outcome = outcomeOf(draft.shared);
    const isRight = {
      running: outcome === 'go',
      abandoned: outcome === 'abandon',
      ended: hasEnded(draft.shared),
      unproved: outcome === 'go',
      refused: draft.shared.ledger[ledgerKeys.incarnation(gang)] === past,
    }[result];
    expects(isRight === true, `an attempt ends as ${result}, and the ledger says ${outcome}`);
    draft.shared = { ...draft.shared, closed: result };
    return result;
  }

  #decide(draft: Draft<RestoreKernel>, outcome: RestoreOutcome, by: number | null): void {
    const fence = by === null ? null : fenceNumber(by);
    const write = writeOutcome({ gang, incarnation, outcome, reason: '', fence });
    const ledger = transact(draft.shared.ledger, write);
    if (ledger === undefined) return;
    draft.shared = { ...draft.shared, ledger };
    if (outcome === 'go') {
      const areBack = draft.kernels.every(({ wasRestored }) => wasRestored);
      expects(areBack, 'all members are restored before the attempt may go');
    }
  }

  answerToLeader(ask: string, answer: string): AnyKinded {
    if (ask === 'clear') return { kind: 'WayCleared' };
    if (ask === 'open') return { kind: 'IncarnationOpened' };
    if (ask === 'ended') return { kind: 'EndedWritten' };
    return { kind: 'OutcomeWritten', outcome: answer } as AnyKinded;
  }

  isLedgerAsk(ask: string): boolean {
    return ask !== 'clear' && !closing.test(ask);
  }

  failureOf(_ask: string): AnyKinded {
    return { kind: 'IncarnationRefused', reason: '' } as AnyKinded;
  }

  askOfMember({ kind }: AnyKinded): string | undefined {
    return { ReadOutcome: 'read', TryAbandon: 'try-abandon' }[kind];
  }

  performForMember(draft: Draft<RestoreKernel>, ask: string): AnyKinded {
    if (ask === 'try-abandon') this.#decide(draft, 'abandon', null);
    return { kind: 'OutcomeRead', outcome: outcomeOf(draft.shared) ?? 'none' } as AnyKinded;
  }

  isStepDue(): boolean {
    return true;
  }

  step = takeRestoreStep;

  /** A restore of a dead agent is waited for by whatever comes after it. */
  orphan() {
    return undefined;
  }

  endOrphan() {
    return undefined;
  }

  isAlive({ hasDied }: RestoreKernel): boolean {
    return !hasDied;
  }

  /** Its agent's word is enough: whoever does not run fails to be lifted. */
  memberLost(): undefined {
    return undefined;
  }

  isForAgents(deadline: string): boolean {
    return !forOthers.has(deadline);
  }

  /** Invariant 2: nobody of an attempt runs before its `go`, after its end, or where it was abandoned. */
  check({ kernels, shared }: Draft<RestoreKernel>): void {
    kernels.forEach(({ state, wasLifted }, member) => {
      expects(!wasLifted || outcomeOf(shared) === 'go', `member ${member} is lifted only after the go`);
      expects(state === 'absent' || !hasEnded(shared), `nothing is left of member ${member} after the end`);
    });
  }

  isGoodEnd({ kernels, shared }: Draft<RestoreKernel>): boolean {
    const isRunning = shared.closed === 'running';
    return kernels.every(({ state, hasDied }) =>
      isRunning ? state === 'running' || hasDied : state === 'absent',
    );
  }
}
