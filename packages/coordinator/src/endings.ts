// How gangs end: a member that fails or is lost ends its gang as a whole, since a collective can't go on without it.
import { constants } from 'node:os';
import { timeoutSignal } from '@stillpoint/clock';
import { memberId } from '@stillpoint/protocol';
import type { Context } from './context.ts';
import type { Gang } from './gang.ts';
import { limits } from './limits.ts';
import { inBackground, persistently } from './persist.ts';
import type { Ending } from './records.ts';

/** Exit code of a gang that was stopped, or lost a member without an exit code: as of SIGTERM and SIGKILL. */
export const stoppedExitCode = 143;
export const lostExitCode = 137;

export class Endings {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** A member's processes are gone. The first word on a member counts. */
  memberEnded(gang: Gang, incarnation: number, member: number, exitCode: number, reason: string): void {
    if (gang.current?.incarnation !== incarnation || gang.ends.has(member)) return;
    const { epochRun } = gang;
    const isKilledByEpoch =
      epochRun?.header.incarnation === incarnation &&
      epochRun.outcome === 'stop' &&
      epochRun.decision === 'commit';
    if (isKilledByEpoch) return;
    const node = gang.current.opened.placement.find((placed) => placed.member === member)?.node;
    const { name } = gang;
    this.#context.log.info({ gang: name, incarnation, node, member, exitCode, reason }, 'a member has ended');
    gang.ends.set(member, { exitCode, reason });
    if (epochRun?.header.incarnation === incarnation) epochRun.memberLost(memberId(member), reason);
    gang.changes.notify();
    this.evaluate(gang);
  }

  /** Ends a running gang whose members say that it is over. */
  evaluate(gang: Gang): void {
    if (!gang.isRunning) return;
    const failed = [...gang.ends.values()].find(({ exitCode }) => exitCode !== 0);
    const atMs = this.#context.clock.wallMs();
    if (failed !== undefined) {
      const { reason, exitCode } = failed;
      inBackground(this.#context, this.end(gang, { state: 'failed', reason, exitCode, atMs }));
    } else if (gang.ends.size === gang.record.ranks) {
      inBackground(this.#context, this.end(gang, { state: 'completed', exitCode: 0, atMs }));
    }
  }

  /**
   * Ends the current incarnation: kills what is left of it, and writes down that all are dead. The first word on how
   * it ends stays.
   */
  end(gang: Gang, ending: Ending): Promise<Ending> {
    if (gang.ending === undefined) {
      gang.ending = this.#end(gang, ending);
      gang.ending.catch(() => undefined);
    }
    return gang.ending;
  }

  async #end(gang: Gang, wanted: Ending): Promise<Ending> {
    const { clock, store, log } = this.#context;
    const { current } = gang;
    if (current === undefined) throw new Error(`${gang.name} has nothing to end`);
    const { incarnation } = current;
    const ending = await persistently(this.#context, 'the end of a gang', () =>
      store.putEnding(gang.name, incarnation, wanted),
    );
    gang.changeCurrent({ ending });
    log.info({ gang: gang.name, incarnation, ending }, 'a gang ends');
    // an epoch that can still be given up gets its members back before they are killed
    await gang.epochRun
      ?.untilLetGo({ signal: timeoutSignal(clock, limits.endWaitsForEpochMs) })
      .catch(() => undefined);
    await this.removeMembers(gang, incarnation);
    if (current.outcome === 'go') {
      await persistently(this.#context, 'the end of a gang', () =>
        store.markEnded(gang.id, incarnation, 'the word of its nodes'),
      );
    }
    gang.changeCurrent({ isEnded: true });
    return ending;
  }

  /** Kills and removes every member of a gang up to an incarnation, on every node that may have one. */
  async removeMembers(gang: Gang, upTo: number): Promise<void> {
    const placed = gang.incarnations
      .filter(({ incarnation }) => incarnation <= upTo)
      .slice(-2)
      .flatMap(({ opened }) => opened.placement.map(({ node }) => node));
    await Promise.all([...new Set(placed)].map((node) => this.removeMembersOn(gang, node, upTo)));
  }

  /** Does not end before they are gone. On a node that was killed they are once it is dead. */
  async removeMembersOn(gang: Gang, node: string, upTo: number): Promise<void> {
    const { nodes, store } = this.#context;
    await persistently(this.#context, `removing ${gang.name} from ${node}`, async () => {
      if (nodes.find(node) === undefined) return nodes.requireDead(node);
      await nodes.request(node, { kind: 'Remove', fence: store.fence, gang: gang.id, upTo: upTo as never });
    });
    const { current, epochRun } = gang;
    if (epochRun === undefined || epochRun.header.incarnation > upTo) return;
    for (const placed of current?.opened.placement ?? [])
      if (placed.node === node) epochRun.memberLost(memberId(placed.member), 'the gang has ended');
  }
}

/** @param where the member, as messages name it */
export function exitReason(where: string, exitCode: number): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === exitCode - 128)?.[0];
  return `${where} ended with exit code ${exitCode}${signal === undefined ? '' : ` (${signal})`}`;
}
