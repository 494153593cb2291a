// Runs the hooks of a stage: one after the other, each within its deadline, and says what became of them.
import type { Clock } from '@stillpoint/clock';
import { timeoutSignal } from '@stillpoint/clock';
import {
  type EpochHeader,
  type Failure,
  type GangEvent,
  type HookStage,
  memberId,
  type Outcome,
} from '@stillpoint/protocol';
import type { Logger } from 'pino';
import { type Hook, hooksAt, pointOf, policyOf } from './hook-specs.ts';
import { memberProgram } from './member-program.ts';
import type { Nodes } from './nodes.ts';
import type { HookReport, PlacementRecord } from './records.ts';
import type { Store } from './store.ts';
import type { GangRecord } from './records.ts';

/** What is told to hooks that are no command. */
export interface HookMessage {
  readonly hook: string;
  readonly gang: string;
  readonly incarnation: number;
  readonly epoch: number;
  readonly outcome: Outcome;
  readonly when: Hook['when'];
  readonly phase: Hook['phase'];
  readonly members: readonly { readonly member: number; readonly node: string }[];
}

/** How hooks outside of sandboxes are called. Each rejects, in words, when the hook did not succeed. */
export interface HookCallers {
  http(url: string, message: HookMessage, signal: AbortSignal): Promise<void>;
  /** Absent where there is no NATS. */
  readonly nats?: (subject: string, message: HookMessage, deadlineMs: number) => Promise<void>;
}

export interface HookStageRun {
  readonly gang: GangRecord;
  readonly placement: PlacementRecord;
  readonly header: EpochHeader;
  readonly outcome: Outcome;
  readonly stage: HookStage;
  readonly log: Logger;
  /** Nobody waits any more. */
  readonly signal: AbortSignal;
  readonly report: (report: HookReport) => void;
}

type Finished = Extract<GangEvent, { kind: 'HooksFinished' }>;

/** The agent may take this much longer than a hook to answer. */
const answerGraceMs = 1_500;

export class HookRunner {
  readonly #clock: Clock;
  readonly #callers: HookCallers;
  readonly #nodes: Nodes;
  readonly #store: Store;

  constructor(options: {
    readonly clock: Clock;
    readonly callers: HookCallers;
    readonly nodes: Nodes;
    readonly store: Store;
  }) {
    this.#clock = options.clock;
    this.#callers = options.callers;
    this.#nodes = options.nodes;
    this.#store = options.store;
  }

  get hasNats(): boolean {
    return this.#callers.nats !== undefined;
  }

  /** Runs all of a stage, up to the first that the epoch is to be given up for. Never rejects. */
  async run(stageRun: HookStageRun): Promise<Finished> {
    const { gang, stage, outcome, signal, log } = stageRun;
    const warnings: Failure[] = [];
    for (const hook of hooksAt(gang.hooks ?? [], stage, outcome)) {
      if (signal.aborted) break;
      const startMs = this.#clock.wallMs();
      const problem = await this.#runOne(hook, stageRun).then(
        () => undefined,
        (error: unknown) => (error as Error).message,
      );
      stageRun.report({
        name: hook.name,
        when: hook.when,
        phase: hook.phase,
        startMs,
        endMs: this.#clock.wallMs(),
        ...(problem === undefined ? {} : { problem }),
      });
      if (problem === undefined) continue;
      const failure = hookFailed(hook, problem);
      log.warn({ hook: hook.name, problem }, 'a hook failed');
      if (policyOf(hook) === 'Abort') return { kind: 'HooksFinished', stage, failure, warnings };
      warnings.push(failure);
    }
    return { kind: 'HooksFinished', stage, failure: null, warnings };
  }

  async #runOne(hook: Hook, stageRun: HookStageRun): Promise<void> {
    if (hook.exec !== undefined) return this.#exec(hook, hook.exec, stageRun);
    const { header, outcome, placement } = stageRun;
    const message: HookMessage = {
      hook: hook.name,
      gang: header.gang,
      incarnation: header.incarnation,
      epoch: header.epoch,
      outcome,
      when: hook.when,
      phase: hook.phase,
      members: placement.map(({ member, node }) => ({ member, node })),
    };
    const overdue = timeoutSignal(this.#clock, hook.deadlineMs);
    const signal = AbortSignal.any([overdue, stageRun.signal]);
    const call =
      hook.http === undefined
        ? this.#callNats(hook, message)
        : this.#callers.http(hook.http.url, message, signal);
    const ended = Promise.withResolvers<never>();
    const end = (): void =>
      ended.reject(new Error(overdue.aborted ? `no answer after ${hook.deadlineMs} ms` : 'it was given up'));
    signal.addEventListener('abort', end, { once: true });
    call.catch(() => undefined);
    try {
      await Promise.race([call, ended.promise]);
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  async #callNats({ nats, deadlineMs }: Hook, message: HookMessage): Promise<void> {
    if (this.#callers.nats === undefined || nats === undefined) throw new Error('there is no NATS here');
    await this.#callers.nats(nats.subject, message, deadlineMs);
  }

  /** In all sandboxes at once. @throws naming the first member whose command did not end with 0 */
  async #exec(
    hook: Hook,
    { command, ranks }: NonNullable<Hook['exec']>,
    { gang, placement, header, signal }: HookStageRun,
  ): Promise<void> {
    const chosen = placement.filter(({ member }) => ranks?.includes(member) ?? true);
    await Promise.all(
      chosen.map(async ({ member, node }) => {
        const { program } = memberProgram(gang, placement, member);
        const environment = {
          ...program.environment,
          STILLPOINT_EPOCH: String(header.epoch),
          STILLPOINT_PHASE: hook.phase,
          STILLPOINT_WHEN: hook.when,
        };
        const { exitCode, isOverdue, output } = await this.#nodes.request(
          node,
          {
            kind: 'RunHook',
            fence: this.#store.fence,
            gang: header.gang,
            incarnation: header.incarnation,
            epoch: header.epoch,
            member: memberId(member),
            hook: hook.name,
            program: { ...program, command, environment },
            deadlineMs: hook.deadlineMs,
          },
          { signal, deadlineMs: hook.deadlineMs + answerGraceMs },
        );
        if (exitCode === 0) return;
        const how = isOverdue
          ? `it was killed after ${hook.deadlineMs} ms`
          : `it ended with ${exitCode === null ? 'a signal' : `exit code ${exitCode}`}`;
        throw new Error(`member ${member}: ${how}${output.trim() === '' ? '' : `: ${output.trim()}`}`);
      }),
    );
  }
}

function hookFailed(hook: Hook, problem: string): Failure {
  return {
    code: 'SP_HOOK_FAILED',
    message: `the hook ${hook.name} (${pointOf(hook)}) failed: ${problem}`,
    remedy:
      'Mend the hook; or let it fail with `failurePolicy: Continue`. The training goes on, as after every epoch that is given up.',
    retryable: false,
    phase: 'hooks',
  };
}

/** A POST with JSON. Redirects are refused, and only the status counts. */
export async function callOverHttp(url: string, message: HookMessage, signal: AbortSignal): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(message),
    redirect: 'error',
    signal,
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`it answered ${response.status} ${response.statusText}`);
}
