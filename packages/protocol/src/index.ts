// Public face of the protocol: the algorithm, its words and its messages.
export { verifyCut, type CutProblem } from './cut-check.ts';
export type * from './cut.ts';
export { StillpointError, type StillpointErrorOptions } from './errors.ts';
export { isClosedEpoch, isPastAttempt, isPastEpoch, type HighestSeen } from './fencing.ts';
export { failures, type Failure } from './failures.ts';
export { type GangFile, type MemberFiles, mergeNotes } from './gang-files.ts';
export {
  isGangEpochFinished,
  recoverGangEpoch,
  startGangEpoch,
  stepGangEpoch,
  type GangEpochState,
} from './gang/epoch.ts';
export type * from './gang/events.ts';
export { type HookDeadlines, type HookStage, hookStages } from './gang/hooks.ts';
export { judgeHalfDead, type MemberSockets } from './half-dead.ts';
export * from './ids.ts';
export * from './limits.ts';
export type * from './messages.ts';
export type * from './node-messages.ts';
export { invariant, type Step } from './step.ts';
export type { MemberEffect, MemberEpochState } from './member/effects.ts';
export { isMemberEngaged, isStagingStale, startMemberEpoch, stepMemberEpoch } from './member/epoch.ts';
export type * from './member/events.ts';
export type { MemberRestoreEffect, MemberRestoreState } from './member-restore/effects.ts';
export type * from './member-restore/events.ts';
export {
  isMemberAbandoned,
  isMemberRestored,
  startMemberRestore,
  stepMemberRestore,
} from './member-restore/attempt.ts';
export {
  isRestoreFinished,
  recoverRestoreAttempt,
  startRestoreAttempt,
  stepRestoreAttempt,
  type RestoreState,
} from './restore/attempt.ts';
export type * from './restore/events.ts';
export type * from './restore-messages.ts';
export * from './decisions.ts';
export {
  type LedgerCompare,
  ledgerKeys,
  type LedgerRights,
  ledgerRights,
  type LedgerTransaction,
  type LedgerValue,
} from './ledger-keys.ts';
export { askDecision, askOutcome, type LedgerQuestion } from './ledger-words.ts';
