// Restore attempts under way: driven to their end, also for a predecessor that did not live to do it.
import {
  epochNumber,
  type FilesPolicy,
  type Incarnation,
  incarnationNumber,
  memberId,
  nodeName,
  recoverRestoreAttempt,
  restoreLimits,
  type RestoreInput,
  startRestoreAttempt,
} from '@stillpoint/protocol';
import type { Context } from './context.ts';
import type { Endings } from './endings.ts';
import { GaveUp } from './errors.ts';
import type { Gang } from './gang.ts';
import { isWithoutEffect } from './leader-ledger.ts';
import { inBackground, persistently } from './persist.ts';
import type { IncarnationOpened } from './records.ts';
import { type RestoreEnd, RestoreRun, type RestoreWorld } from './restore-driver.ts';
import type { StoredIncarnation } from './stored-gang.ts';
import type { VerbContext } from './stream.ts';

export interface Attempt {
  readonly gang: Gang;
  readonly incarnation: Incarnation;
  readonly opened: IncarnationOpened;
  readonly files: FilesPolicy;
  /** Ends the incarnation before, and brings files to the cut. What it throws, the attempt is refused with. */
  readonly clearWay: () => Promise<void>;
  /** Opens the incarnation in the ledger. @returns why that is not allowed, or undefined */
  readonly open: () => Promise<string | undefined>;
}

type Way = Pick<RestoreWorld, 'clearWay' | 'open'>;

export class Attempts {
  readonly #context: Context;
  readonly #endings: Endings;

  constructor(context: Context, endings: Endings) {
    this.#context = context;
    this.#endings = endings;
  }

  /** @throws `GaveUp` with the protocol's reason, or what `clearWay` or `open` threw, unless all members run */
  async run({ gang, incarnation, opened, files, clearWay, open }: Attempt, verb: VerbContext): Promise<void> {
    const input = this.#input(gang, incarnation, opened, files);
    const { epoch } = input.header;
    let refusal: Error | undefined;
    const refuse = (error: unknown): string => {
      refusal = error as Error;
      return refusal.message;
    };
    const way: Way = {
      clearWay: () => clearWay().then(() => undefined, refuse),
      open: () =>
        open().catch((error: unknown) => {
          // whatever else the ledger says, it may be open
          if (!isWithoutEffect(error)) throw error;
          return refuse(error);
        }),
    };
    const run = this.#drive(gang, input, startRestoreAttempt(input), way, (phase) =>
      verb.report({ phase, message: `restoring epoch ${epoch}: ${phase}`, epoch }),
    );
    const giveUp = (): void => run.abandon('the caller has hung up');
    verb.signal.addEventListener('abort', giveUp, { once: true });
    if (verb.signal.aborted) giveUp();
    try {
      await this.#finish(gang, run);
    } catch (error) {
      throw refusal ?? error;
    } finally {
      verb.signal.removeEventListener('abort', giveUp);
    }
  }

  /** Finishes or abandons an attempt that a predecessor left open. */
  async recover(gang: Gang, { incarnation, opened, outcome }: StoredIncarnation): Promise<void> {
    // what is not decided yet is abandoned: nothing is prepared any more
    const input = this.#input(gang, incarnation, opened, 'refuse');
    const first = recoverRestoreAttempt(input, outcome ?? null);
    await gang.operate('restore', this.#context.closing, async () => {
      const isOpen = (): Promise<undefined> => Promise.resolve(undefined);
      const run = this.#drive(gang, input, first, { clearWay: isOpen, open: isOpen }, () => undefined);
      const dead = opened.placement.filter(({ node }) => this.#context.nodes.isDead(node));
      // once the run has begun
      queueMicrotask(() => {
        for (const { node } of dead) run.nodeLost(nodeName(node));
      });
      await this.#finish(gang, run);
    });
  }

  /**
   * Gives places back that were reserved for an attempt, unless a running incarnation would be hit. Nothing ran there
   * yet, so nobody waits for a node that says nothing: what it has is removed as strays once it does.
   */
  async discard(gang: Gang, incarnation: Incarnation, placed: readonly string[]): Promise<void> {
    if (!gang.isDead) return;
    const { nodes, store } = this.#context;
    const remove = { kind: 'Remove', fence: store.fence, gang: gang.id, upTo: incarnation } as const;
    const giveBack = (name: string): Promise<void> =>
      persistently(this.#context, `giving back places on ${name}`, async () => {
        if (nodes.find(name)?.isReady === true) await nodes.request(name, remove);
      });
    await Promise.all([...new Set(placed)].map(giveBack));
  }

  #drive(
    gang: Gang,
    input: RestoreInput,
    first: ReturnType<typeof startRestoreAttempt>,
    way: Way,
    onPhase: (phase: string) => void,
  ): RestoreRun {
    const { clock, store, nodes, log, metrics } = this.#context;
    const { incarnation, epoch } = input.header;
    const run = new RestoreRun(input.header, first, {
      clock,
      send: metrics.countRepeats((names, command) => nodes.sendToAll(names, command)),
      ...way,
      decide: async (outcome, reason) => {
        const found = await store.decideIncarnation(gang.id, incarnation, outcome, reason);
        gang.changeCurrent({ outcome: found });
        return found;
      },
      markEnded: () => store.markEnded(gang.id, incarnation, 'the word of its nodes'),
      onPhase,
      log: log.child({ gang: gang.name, incarnation, epoch }),
    });
    gang.restoreRun = run;
    return run;
  }

  async #finish(gang: Gang, run: RestoreRun): Promise<void> {
    try {
      const end = await run.untilEnd();
      this.#context.metrics.restoreEnded(end.result);
      await this.#conclude(gang, run, end);
    } finally {
      gang.restoreRun = undefined;
      gang.watch();
      this.#endings.evaluate(gang);
      if (gang.isRunning) this.#lookAgain(gang);
    }
  }

  /** What nodes said of members while the attempt was under way was not compared. */
  #lookAgain(gang: Gang): void {
    const { nodes } = this.#context;
    for (const name of new Set(gang.current?.opened.placement.map(({ node }) => node))) {
      const seen = persistently(this.#context, `looking at ${name}`, async () => {
        const node = nodes.find(name);
        // one that does not answer says what it finds once it does
        if (node?.isReady === true) await node.look();
      });
      inBackground(this.#context, seen);
    }
  }

  async #conclude(gang: Gang, run: RestoreRun, { result, failure }: RestoreEnd): Promise<void> {
    const { store, fatal } = this.#context;
    const { incarnation, epoch } = run.header;
    if (result === 'running') {
      const work = (): Promise<void> => store.markRunning(gang.name, incarnation);
      await persistently(this.#context, 'ending a restore', work, { gang: gang.name, incarnation, epoch });
      gang.changeCurrent({ isRunning: true });
      return;
    }
    if (failure === null) throw new Error(`the restore of ${gang.name} did not succeed without a reason`);
    const error = new GaveUp(`epoch ${epoch} of ${gang.name} was not restored`, failure);
    if (result === 'undecided') fatal(error);
    // where it was never opened, its places are given back by whoever reserved them
    else if (gang.current?.incarnation === incarnation)
      await this.#bury(gang, incarnation, `the restore of epoch ${epoch} was given up: ${failure.message}`);
    throw error;
  }

  /** Nothing is left of an attempt that was opened. */
  async #bury(gang: Gang, incarnation: Incarnation, reason: string): Promise<void> {
    const ending = { state: 'failed', reason, exitCode: 1, atMs: this.#context.clock.wallMs() } as const;
    if (gang.current?.outcome === 'go') {
      await this.#endings.end(gang, ending);
      return;
    }
    await this.#endings.removeMembers(gang, incarnation);
    const work = () => this.#context.store.putEnding(gang.name, incarnation, ending);
    await persistently(this.#context, 'ending a restore', work, { gang: gang.name, incarnation });
    gang.changeCurrent({ ending, isEnded: true });
  }

  #input(
    gang: Gang,
    incarnation: number,
    { placement, from }: IncarnationOpened,
    files: FilesPolicy,
  ): RestoreInput {
    if (from === undefined) throw new Error(`incarnation ${incarnation} of ${gang.name} is no restore`);
    return {
      header: {
        gang: gang.id,
        incarnation: incarnationNumber(incarnation),
        epoch: epochNumber(from.epoch),
        fence: this.#context.store.fence,
      },
      members: placement.map(({ member, node }) => ({
        member: memberId(member),
        node: nodeName(node),
        addresses: from.addresses.find((each) => each.member === member)?.changes ?? [],
      })),
      files,
      limits: restoreLimits,
    };
  }
}
