// What the explored loop is told of the thing that is explored: an epoch, or a restore attempt.
import type { Step } from '@stillpoint/protocol';
import type { AnyKinded, AnyState, MachineRules } from './machine.ts';
import type { Draft, Layout, Leader, Shared } from './state.ts';

/** A command of a leader, as far as the loop looks at it. */
export interface AnyCommand extends AnyKinded {
  readonly fence: number;
}

export interface Play<Kernel extends object> {
  readonly layout: Layout;
  readonly firstFence: number;
  readonly firstShared: Shared;
  readonly firstKernel: Kernel;
  readonly leader: MachineRules;
  readonly member: MachineRules;

  startLeader(fence: number): Step<AnyState, AnyKinded>;
  /** The successor of a leader, which has taken the fence and reads what the ledger says. */
  recoverLeader(fence: number, shared: Shared): Step<AnyState, AnyKinded>;
  startMember(member: number, command: AnyCommand): Step<AnyState, AnyKinded>;

  /** Whether an agent that has heard of a fence leaves a command alone. */
  isPast(seenFence: number, command: AnyCommand): boolean;
  /** Whether an agent that knows nothing of a member begins with it when it is told to. */
  mayBegin(kernel: Kernel): boolean;
  answer(fence: number, node: string, reports: readonly AnyKinded[]): AnyKinded;
  /** After such a report an agent keeps nothing of the member any more. */
  readonly lastReport: string;

  /** Whether a leader knows all that, for good: to hear it again will never change anything. */
  isTaken(leader: AnyState, reports: readonly AnyKinded[]): boolean;

  /** What a leader's effect waits for, in a word; undefined when it waits for nothing. */
  askOfLeader(effect: AnyKinded): string | undefined;
  /** Does what a leader asked for. @returns the answer; undefined when its fence is of the past */
  perform(draft: Draft<Kernel>, leader: Leader, ask: string): string | undefined;
  answerToLeader(ask: string, answer: string): AnyKinded;
  /** Whether it is a question to the ledger, which can be silent. */
  isLedgerAsk(ask: string): boolean;
  /** What goes wrong with other asks. */
  failureOf(ask: string): AnyKinded;

  askOfMember(effect: AnyKinded): string | undefined;
  /** Does what a member's agent asked the ledger for. @returns what it is told */
  performForMember(draft: Draft<Kernel>, ask: string): AnyKinded;
  readonly ledgerSilent: AnyKinded;

  /** Whether the kernel lets the step end now. */
  isStepDue(kernel: Kernel, step: string): boolean;
  /** Does what a step does to a member. @returns what it found; undefined when an honest executor fails */
  step(draft: Draft<Kernel>, member: number, step: string): object | undefined;
  /** Leaves a step to itself whose agent dies: it goes on, for it is a process of its own. */
  orphan(kernel: Kernel, step: string): Kernel | undefined;
  /** Ends what goes on without an agent; undefined when nothing does. */
  endOrphan(kernel: Kernel): Kernel | undefined;
  restarted(kernel: Kernel): AnyKinded;
  isAlive(kernel: Kernel): boolean;
  /** It died of its own. */
  kill(kernel: Kernel): Kernel;
  /** Its node is without power: what was staged there is gone too. */
  loseNode(kernel: Kernel): Kernel;
  readonly requested: AnyKinded;
  /** What a leader is told of a member that died of its own, if anything. */
  memberLost(member: number): AnyKinded | undefined;

  /** Deadlines that are no sign of a fault: they say when something is due. */
  readonly dueDeadlines: ReadonlySet<string>;
  /** Deadlines of a leader that wait for agents. */
  isForAgents(deadline: string): boolean;

  /** @throws `Violation`, for what must never be in any state */
  check(draft: Draft<Kernel>, members: readonly (AnyState | null)[]): void;
  /** Whether all members are as they have to be once it is closed. */
  isGoodEnd(draft: Draft<Kernel>): boolean;
}
