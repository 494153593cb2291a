// What an agent knows of one member in one restore attempt: which orders it has, which steps are done, what it has
// reported. Orders and facts only grow, so a command that comes twice or late changes nothing.
import { failures } from '../failures.ts';
import type {
  MemberRestoreEvent,
  MemberRestoreInput,
  MemberRestoreStep,
  MemberRestoreStepName,
} from './events.ts';
import type { FailedReport, FilesPolicy } from '../messages.ts';
import type { RestoreCommand, RestoreOutcome, RestorePlacement, RestoreReport } from '../restore-messages.ts';
import { invariant } from '../step.ts';

/** The context of the agent's machine. */
export interface MemberRestoreFacts extends MemberRestoreInput {
  readonly ordered: readonly RestoreCommand['kind'][];
  readonly members: readonly RestorePlacement[];
  readonly files: FilesPolicy;
  readonly deadManMs: number;
  readonly outcome: RestoreOutcome | null;
  /** The step that is under way; never more than one. */
  readonly running: MemberRestoreStep | null;
  readonly done: readonly MemberRestoreStepName[];
  /** This member is or will be killed: it is never lifted any more. */
  readonly burned: boolean;
  readonly reports: readonly RestoreReport[];
}

type Of<Kind extends MemberRestoreEvent['kind']> = Extract<MemberRestoreEvent, { kind: Kind }>;

export const startMemberRestoreFacts = (input: MemberRestoreInput): MemberRestoreFacts => ({
  ...input,
  ordered: [],
  members: [],
  files: 'refuse',
  deadManMs: 0,
  outcome: null,
  running: null,
  done: [],
  burned: false,
  reports: [],
});

export const isOrdered = ({ ordered }: MemberRestoreFacts, kind: RestoreCommand['kind']): boolean =>
  ordered.includes(kind);
/** An order that follows a `RestoreReady`, and none was said: an agent before this one said it, and is gone. */
export const isForgotten = (facts: MemberRestoreFacts): boolean =>
  !isOrdered(facts, 'RestorePreflight') && (isOrdered(facts, 'Prepare') || isOrdered(facts, 'Restore'));
export const isDone = ({ done }: MemberRestoreFacts, step: MemberRestoreStepName): boolean =>
  done.includes(step);
export const isIdle = ({ running }: MemberRestoreFacts): boolean => running === null;
/** The member is restored and said so: only the outcome lifts it, or lets it be killed. */
const isBound = (facts: MemberRestoreFacts): boolean => isDone(facts, 'restore');

const report = (facts: MemberRestoreFacts, more: RestoreReport): MemberRestoreFacts => ({
  ...facts,
  reports: [...facts.reports, more],
});

/** Why a command must change nothing; null when it counts. */
export function refusal(facts: MemberRestoreFacts, command: RestoreCommand): string | null {
  const { gang, incarnation, fence } = facts.header;
  if (command.gang !== gang) return 'another gang';
  if (command.incarnation !== incarnation) return `incarnation ${command.incarnation}, not ${incarnation}`;
  if (command.fence < fence) return `fence ${command.fence} is below ${fence}`;
  return command.kind === 'Lift' && !isBound(facts) ? 'a lift of what is not restored' : null;
}

/** A command that was not refused. The fence of a new leader is adopted. */
export function foldCommand(
  facts: MemberRestoreFacts,
  { command }: Of<'CommandReceived'>,
): MemberRestoreFacts {
  const ordered = isOrdered(facts, command.kind) ? facts.ordered : [...facts.ordered, command.kind];
  const reports = facts.reports.filter(({ kind }) => kind !== 'InDoubt');
  const heard = { ...facts, ordered, reports, header: { ...facts.header, fence: command.fence } };
  switch (command.kind) {
    case 'RestorePreflight':
      return { ...heard, members: command.members, files: command.files };
    case 'Prepare':
      return heard;
    case 'Restore':
      return { ...heard, deadManMs: command.deadManMs };
    case 'Lift':
      return { ...heard, outcome: 'go' };
    case 'Abandon':
      return { ...heard, burned: true };
  }
}

/** The outcome, from the ledger. */
export const foldOutcome = (facts: MemberRestoreFacts, outcome: RestoreOutcome): MemberRestoreFacts => {
  invariant(facts.outcome === null || facts.outcome === outcome, 'an outcome never changes');
  return { ...facts, outcome, burned: facts.burned || outcome === 'abandon' };
};

export function startStep(facts: MemberRestoreFacts, running: MemberRestoreStep): MemberRestoreFacts {
  invariant(facts.running === null, `${running.step} begins when ${facts.running?.step} is over`);
  return { ...facts, running };
}

/** Whether this is the answer to the step under way; an answer to another one is stale. */
export const answersStep = (
  facts: MemberRestoreFacts,
  { step }: { readonly step: MemberRestoreStepName },
): boolean => facts.running?.step === step;

/** A step that succeeded. One of an attempt that was given up meanwhile counts for nothing. */
export function foldDone(facts: MemberRestoreFacts, result: Of<'StepDone'>): MemberRestoreFacts {
  const { member } = facts;
  const ended: MemberRestoreFacts = { ...facts, running: null };
  const done: MemberRestoreFacts = { ...ended, done: [...facts.done, result.step] };
  if (result.step === 'abandon') return report(done, { kind: 'Abandoned', member });
  if (facts.burned) return ended;
  switch (result.step) {
    case 'preflight':
      return report(done, { kind: 'RestoreReady', member, blockers: result.blockers });
    case 'prepare':
      return report(done, { kind: 'Prepared', member });
    case 'restore':
      if (result.holdId !== facts.holdId) return giveUp(ended, failures.holdBroken(member, 'restore'));
      return report(done, { kind: 'Restored', member, holdId: result.holdId });
    case 'lift':
      return report(done, { kind: 'Lifted', member });
    case 'verify':
      return report(done, { kind: 'Running', member });
  }
}

/** A step that failed: before the member is restored it gives the attempt up, later it is said. */
export function foldFailed(facts: MemberRestoreFacts, failed: Of<'StepFailed'>): MemberRestoreFacts {
  const { step, code, message, remedy, retryable } = failed;
  const ended = { ...facts, running: null };
  const failure: FailedReport = {
    kind: 'Failed',
    member: facts.member,
    phase: step,
    code,
    message,
    remedy,
    retryable,
  };
  return isBound(facts) || step === 'abandon' ? reportOnce(ended, failure) : giveUp(ended, failure);
}

/** What could not be kept did not happen. Who is restored, or killed, is not moved by that. */
export function foldPersistFailed(
  facts: MemberRestoreFacts,
  { message }: Of<'PersistFailed'>,
): MemberRestoreFacts {
  const failure = failures.stateNotKept(facts.member, phaseOf(facts), message);
  if (facts.running !== null) {
    return foldFailed(facts, { ...failure, kind: 'StepFailed', step: facts.running.step });
  }
  return isBound(facts) || isDone(facts, 'abandon') ? facts : giveUp(facts, failure);
}

export const reportOnce = (facts: MemberRestoreFacts, failure: FailedReport): MemberRestoreFacts =>
  facts.reports.some((known) => known.kind === 'Failed' && known.phase === failure.phase)
    ? facts
    : report(facts, failure);

/** The member takes no further part in this attempt. Never after it was restored: then the ledger is asked. */
export function giveUp(facts: MemberRestoreFacts, failure: FailedReport): MemberRestoreFacts {
  invariant(!isBound(facts), 'a restored member waits for the outcome');
  return facts.burned ? facts : report({ ...facts, burned: true }, failure);
}

/** The step that failures of this member are reported for, when no step itself has failed. */
export const phaseOf = ({ running, done }: MemberRestoreFacts): string =>
  running?.step ?? done.at(-1) ?? 'preflight';

export const reportDoubt = (facts: MemberRestoreFacts): MemberRestoreFacts =>
  facts.reports.some(({ kind }) => kind === 'InDoubt')
    ? facts
    : report(facts, { kind: 'InDoubt', member: facts.member });
