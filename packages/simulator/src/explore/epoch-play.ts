// An epoch as it is explored: the protocol's real machines and transactions, and what must hold in every state.
import {
  closeEpoch,
  type Decision,
  fenceNumber,
  gangEpochLimits,
  type GangEpochInput,
  isPastEpoch,
  ledgerKeys,
  memberEpochLimits,
  memberId,
  type MemberEpochState,
  type Outcome,
  recoverGangEpoch,
  startGangEpoch,
  startMemberEpoch,
  writeDecision,
} from '@stillpoint/protocol';
import {
  endOrphanDump,
  type EpochKernel,
  firstKernel,
  holdOf,
  orphanDump,
  killMember,
  loseMember,
  takeStep,
} from './epoch-kernel.ts';
import {
  checkCut,
  checkForget,
  decisionOf,
  epoch,
  firstFence,
  gang,
  incarnation,
  openedLedger,
} from './epoch-ledger.ts';
import { gangRules, isTakenByLeader, memberRules } from './epoch-merge.ts';
import { transact } from './ledger.ts';
import type { AnyKinded, AnyState } from './machine.ts';
import type { AnyCommand, Play } from './play.ts';
import type { Draft, Layout, Leader, Shared } from './state.ts';
import { expects } from './violation.ts';

/** Deadlines that wait for the ledger or the vault, not for agents. */
const forOthers: ReadonlySet<string> = new Set(['decide', 'manifest']);

const closing = /^close-/;

export class EpochPlay implements Play<EpochKernel> {
  readonly layout: Layout;
  readonly firstFence = firstFence;
  readonly firstShared: Shared = { ledger: openedLedger(), hasManifest: false, closed: null };
  readonly firstKernel = firstKernel;
  readonly leader = gangRules;
  readonly member = memberRules;
  readonly isTaken = isTakenByLeader;
  readonly orphan = orphanDump;
  readonly endOrphan = endOrphanDump;
  readonly kill = killMember;
  readonly loseNode = loseMember;
  readonly lastReport = 'Forgotten';
  readonly ledgerSilent = { kind: 'DecisionRead', decision: 'unavailable' };
  readonly requested = { kind: 'AbortRequested', reason: '' };
  readonly dueDeadlines: ReadonlySet<string> = new Set(['drain', 'surveyGap', 'retry', 'doubt']);
  readonly #outcome: Outcome;

  constructor(layout: Layout, outcome: Outcome) {
    this.layout = layout;
    this.#outcome = outcome;
  }

  #input(fence: number): GangEpochInput {
    return {
      header: { gang, incarnation, epoch, fence: fenceNumber(fence) },
      outcome: this.#outcome,
      outside: 'refuse',
      files: 'refuse',
      members: this.layout.places,
      persistId: String(fence),
      limits: gangEpochLimits,
      hooks: {},
    };
  }

  startLeader(fence: number) {
    return startGangEpoch(this.#input(fence));
  }

  recoverLeader(fence: number, shared: Shared) {
    return recoverGangEpoch(this.#input(fence), decisionOf(shared));
  }

  startMember(member: number, command: AnyCommand) {
    const { outcome = 'resume' } = command as { outcome?: Outcome };
    return startMemberEpoch({
      header: { gang, incarnation, epoch, fence: fenceNumber(command.fence) },
      member: memberId(member),
      outcome,
      outside: 'refuse',
      files: 'refuse',
      holdId: holdOf(member),
      limits: memberEpochLimits,
    });
  }

  isPast(seenFence: number, { fence }: AnyCommand): boolean {
    const seen = { fence: fenceNumber(seenFence), incarnation, epoch };
    return isPastEpoch(seen, { fence: fenceNumber(fence), incarnation, epoch });
  }

  /** One that was killed has no sandbox any more. */
  mayBegin({ life }: EpochKernel): boolean {
    return life !== 'killed';
  }

  answer(fence: number, node: string, reports: readonly AnyKinded[]) {
    return { kind: 'Reports', gang, incarnation, epoch, fence, node, reports, spans: [] };
  }

  askOfLeader(effect: AnyKinded): string | undefined {
    if (effect.kind === 'WriteDecision') return (effect as { decision?: string }).decision;
    return effect.kind === 'WriteManifest' ? 'manifest' : undefined;
  }

  perform(draft: Draft<EpochKernel>, leader: Leader, ask: string): string | undefined {
    const { kernels, shared } = draft;
    if (ask === 'manifest') {
      expects(decisionOf(shared) === 'commit', 'a manifest follows the commit');
      expects(
        kernels.every(({ isStored }) => isStored),
        'a manifest follows all images',
      );
      draft.shared = { ...shared, hasManifest: true };
      return 'written';
    }
    if (closing.test(ask)) return this.#close(draft, leader, ask.replace(closing, ''));
    const isLeader = shared.ledger[ledgerKeys.fence] === leader.fence;
    this.#decide(draft, ask as Decision, leader.fence);
    return isLeader ? (decisionOf(draft.shared) ?? undefined) : undefined;
  }

  #close(draft: Draft<EpochKernel>, leader: Leader, result: string): string | undefined {
    const fence = fenceNumber(leader.fence);
    const decision = decisionOf(draft.shared);
    if (decision === null) return undefined;
    const closed = closeEpoch({ gang, fence, epoch, decision, record: result });
    const ledger = transact(draft.shared.ledger, closed);
    if (ledger === undefined) return undefined;
    expects(
      (result === 'aborted') === (decision === 'abort'),
      `an epoch that ends as ${result} was decided ${decision}`,
    );
    expects(result !== 'published' || draft.shared.hasManifest, 'what is published has a manifest');
    draft.shared = { ...draft.shared, ledger, closed: result };
    return result;
  }

  #decide(draft: Draft<EpochKernel>, decision: Decision, fence: number | null): void {
    const by = fence === null ? null : fenceNumber(fence);
    const write = writeDecision({ gang, epoch, decision, reason: '', fence: by });
    const ledger = transact(draft.shared.ledger, write);
    if (ledger === undefined) return;
    draft.shared = { ...draft.shared, ledger };
    if (decision === 'commit') checkCut(draft.kernels, this.#outcome);
  }

  answerToLeader(ask: string, answer: string): AnyKinded {
    return ask === 'manifest'
      ? { kind: 'ManifestWritten' }
      : ({ kind: 'DecisionWritten', decision: answer } as AnyKinded);
  }

  isLedgerAsk(ask: string): boolean {
    return ask === 'commit' || ask === 'abort';
  }

  failureOf(_ask: string): AnyKinded {
    return { kind: 'ManifestFailed', reason: '' } as AnyKinded;
  }

  askOfMember({ kind }: AnyKinded): string | undefined {
    if (kind === 'ReadDecision') return 'read';
    return kind === 'TryAbort' ? 'try-abort' : undefined;
  }

  performForMember(draft: Draft<EpochKernel>, ask: string): AnyKinded {
    if (ask === 'try-abort') this.#decide(draft, 'abort', null);
    return { kind: 'DecisionRead', decision: decisionOf(draft.shared) ?? 'none' } as AnyKinded;
  }

  /** What ends a member waits for a dump that goes on without its agent. */
  isStepDue({ image }: EpochKernel, step: string): boolean {
    return image !== 'orphan' || (step !== 'release' && step !== 'kill');
  }

  step(draft: Draft<EpochKernel>, member: number, step: string): object | undefined {
    const { shared } = draft;
    const decision = decisionOf(shared);
    if (step === 'forget') checkForget(draft, member);
    return takeStep(draft, member, step, {
      isDecided: decision !== null,
      isCommitted: decision === 'commit',
      isStop: this.#outcome === 'stop',
    });
  }

  restarted({ isFrozen, isHeld }: EpochKernel): AnyKinded {
    return { kind: 'Restarted', found: { frozen: isFrozen, held: isHeld } } as AnyKinded;
  }

  isAlive({ life }: EpochKernel): boolean {
    return life === 'alive';
  }

  memberLost(member: number): AnyKinded {
    return { kind: 'MemberLost', member, reason: '' } as AnyKinded;
  }

  isForAgents(deadline: string): boolean {
    return !forOthers.has(deadline);
  }

  check({ kernels, shared }: Draft<EpochKernel>, members: readonly (AnyState | null)[]): void {
    const decision = decisionOf(shared);
    if (decision === 'commit' && this.#outcome === 'stop') {
      // invariant 2: who comes back from the image must never meet who is still there
      kernels.forEach(({ life, isFrozen, isHeld }, member) =>
        expects(
          life !== 'alive' || (isFrozen && isHeld),
          `member ${member} runs on after its gang was stopped`,
        ),
      );
    }
    members.forEach((state, member) => {
      const believed = (state as MemberEpochState | null)?.context.decision ?? null;
      const isRight = believed === null || (believed === 'commit') === (decision === 'commit');
      expects(isRight, `member ${member} believes ${believed}, and the ledger says ${decision}`);
    });
  }

  /** Everybody runs, or is dead by the rules; nobody is frozen or held for ever. */
  isGoodEnd({ kernels, shared }: Draft<EpochKernel>): boolean {
    const isStopped = decisionOf(shared) === 'commit' && this.#outcome === 'stop';
    return kernels.every(({ life, isFrozen, isHeld, image }) =>
      life === 'alive' ? !isStopped && !isFrozen && !isHeld && image !== 'orphan' : !isFrozen,
    );
  }
}
