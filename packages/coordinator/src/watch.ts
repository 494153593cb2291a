// What nodes say of members, compared with what should be there: members that have ended are noticed, also those of
// which nobody told, and members that nobody knows are removed.
import type { NodeEvent } from '@stillpoint/bus';
import { epochNumber, gangId, incarnationNumber, type MemberStatus, nodeName } from '@stillpoint/protocol';
import type { Context } from './context.ts';
import { type Endings, exitReason, lostExitCode } from './endings.ts';
import type { Gang } from './gang.ts';
import type { NodeListener, NodeReport } from './node.ts';
import { inBackground, persistently } from './persist.ts';

export class Watch implements NodeListener {
  readonly #context: () => Context;
  readonly #endings: () => Endings;

  /** @param context and `endings` are there before the first node is */
  constructor(context: () => Context, endings: () => Endings) {
    this.#context = context;
    this.#endings = endings;
  }

  onEvent(node: string, event: NodeEvent): void {
    const gang = this.#context().gangs.find(event.gang);
    switch (event.kind) {
      case 'Reports':
        return gang?.epochRun?.receive(event);
      case 'RestoreReports':
        return gang?.restoreRun?.receive(event);
      case 'MemberExited': {
        const { incarnation, member, exitCode } = event;
        const reason = exitReason(`member ${member} on ${node}`, exitCode);
        if (gang !== undefined) this.#endings().memberEnded(gang, incarnation, member, exitCode, reason);
      }
    }
  }

  onReport(node: string, report: NodeReport): void {
    const { gangs } = this.#context();
    for (const gang of gangs.list()) this.#compare(gang, node, report);
    this.#removeStrays(node, report);
  }

  onKilled(node: string): void {
    for (const gang of this.#context().gangs.list()) {
      gang.epochRun?.nodeLost(nodeName(node));
      gang.restoreRun?.nodeLost(nodeName(node));
      const { current } = gang;
      for (const placed of current?.opened.placement ?? []) {
        if (current === undefined || placed.node !== node) continue;
        const reason = `node ${node} was killed, with member ${placed.member} on it`;
        this.#endings().memberEnded(gang, current.incarnation, placed.member, lostExitCode, reason);
      }
    }
  }

  #compare(gang: Gang, node: string, report: NodeReport): void {
    const { current } = gang;
    if (current === undefined || !gang.isRunning || gang.restoreRun !== undefined) return;
    if (report.askedAtMs < gang.watchedSinceMs) return;
    for (const { member, node: placedOn } of current.opened.placement) {
      if (placedOn !== node) continue;
      const status = report.members.find((each) => isMember(each, gang, current.incarnation, member));
      const where = `member ${member} on ${node}`;
      const ended = (exitCode: number, reason: string): void =>
        this.#endings().memberEnded(gang, current.incarnation, member, exitCode, reason);
      if (status === undefined) ended(lostExitCode, `${where} is gone`);
      else if (status.state === 'exited') {
        const exitCode = status.exitCode ?? lostExitCode;
        ended(exitCode, exitReason(where, exitCode));
      } else if (status.state === 'lost') ended(lostExitCode, `${where} was lost with its sandbox`);
    }
  }

  /** Members of gangs that are gone, and of incarnations that are over or were never opened. */
  #removeStrays(node: string, report: NodeReport): void {
    const { gangs } = this.#context();
    const strays = new Map<string, Set<number>>();
    for (const { gang: name, incarnation } of report.members) {
      const gang = gangs.find(name);
      const isEnding = gang?.ending !== undefined && !gang.isDead;
      const isAwaited = gang?.operation !== undefined || isEnding;
      const isCurrent = gang?.current?.incarnation === incarnation && !gang.isDead;
      if (!isAwaited && !isCurrent) strays.set(name, (strays.get(name) ?? new Set()).add(incarnation));
    }
    for (const [name, incarnations] of strays) {
      const gang = gangs.find(name);
      const current = gang === undefined || gang.isDead ? Infinity : (gang.current?.incarnation ?? Infinity);
      const over = [...incarnations].filter((incarnation) => incarnation < current);
      if (over.length > 0) this.#removeUpTo(node, name, Math.max(...over));
      for (const incarnation of incarnations)
        if (incarnation > current) this.#abandon(node, name, incarnation);
    }
  }

  #removeUpTo(node: string, gang: string, upTo: number): void {
    const context = this.#context();
    context.log.warn({ node, gang, upTo }, 'members that nobody knows are removed');
    const { fence } = context.store;
    const request = { kind: 'Remove', fence, gang: gangId(gang), upTo: incarnationNumber(upTo) } as const;
    const removed = persistently(context, `removing strays from ${node}`, async () => {
      if (context.nodes.find(node) !== undefined) await context.nodes.request(node, request);
    });
    inBackground(context, removed);
  }

  /** Places that were reserved for an attempt that was never opened, beside an incarnation that runs. */
  #abandon(node: string, gang: string, incarnation: number): void {
    const { nodes, store } = this.#context();
    nodes.send(node, {
      kind: 'Abandon',
      gang: gangId(gang),
      incarnation: incarnationNumber(incarnation),
      epoch: epochNumber(1),
      fence: store.fence,
      reason: 'it was never opened',
    });
  }
}

const isMember = (status: MemberStatus, gang: Gang, incarnation: number, member: number): boolean =>
  status.gang === gang.name && status.incarnation === incarnation && status.member === member;
