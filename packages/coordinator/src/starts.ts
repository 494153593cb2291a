// Starting a gang: its members are placed, given addresses, and launched. All of them run, or the gang never was.
import { type GangId, type Incarnation, memberId } from '@stillpoint/protocol';
import type { z } from 'zod';
import type { RunResult, runRequestSchema } from './api.ts';
import type { Context } from './context.ts';
import type { Endings } from './endings.ts';
import type { Gang } from './gang.ts';
import { memberProgram } from './member-program.ts';
import { InvalidRequest } from './errors.ts';
import { limits } from './limits.ts';
import { persistently } from './persist.ts';
import { leastLoaded, type Placed, spread } from './placement.ts';
import type { GangRecord, PlacementRecord } from './records.ts';
import type { VerbContext } from './stream.ts';
import { GangNameInUse } from './verb-errors.ts';

export class Starts {
  readonly #context: Context;
  readonly #endings: Endings;

  constructor(context: Context, endings: Endings) {
    this.#context = context;
    this.#endings = endings;
  }

  /**
   * Starts a gang, and is done once all its members run. If that fails, or the caller hangs up, nothing is left of it.
   *
   * @throws `SP_GANG_NAME_IN_USE`, and what keeps a node from launching its members
   */
  async run(request: z.output<typeof runRequestSchema>, verb: VerbContext): Promise<RunResult> {
    const { clock, store, gangs } = this.#context;
    const namesake = gangs.find(request.name);
    if (namesake !== undefined) {
      const hasEnded = namesake.isDead && namesake.operation === undefined;
      throw new GangNameInUse(request.name, hasEnded);
    }
    this.#requireHooks(request);
    const { nodes: _, name, ...rest } = request;
    const record: GangRecord = { ...rest, name, createdAtMs: clock.wallMs() };
    const gang = gangs.add({ record, incarnations: [], epochs: [] });
    return gang.operate('run', verb.signal, async (signal) => {
      try {
        await store.createGang(record);
        return await this.#start(gang, request.nodes, { ...verb, signal });
      } catch (error) {
        await this.#undo(gang, error as Error);
        throw error;
      }
    });
  }

  #requireHooks({ hooks = [], ranks }: z.output<typeof runRequestSchema>): void {
    if (hooks.some(({ nats }) => nats !== undefined) && !this.#context.hooks.hasNats)
      throw new InvalidRequest('a hook asks over NATS, and this coordinator has none: run it as a service');
    for (const { name, exec } of hooks)
      for (const rank of exec?.ranks ?? [])
        if (rank >= ranks)
          throw new InvalidRequest(
            `the hook ${name} is for rank ${rank}, and the gang has ${ranks}, from 0 on`,
          );
  }

  async #start(gang: Gang, nodeCount: number, verb: VerbContext): Promise<RunResult> {
    const { store } = this.#context;
    const placed = await this.#place(gang.record.ranks, nodeCount, verb);
    const incarnation = await store.beginIncarnation(gang.id);
    verb.report({ phase: 'allocate', message: 'making sandboxes' });
    const placement = await this.allocate(gang.id, incarnation, placed, verb.signal);
    const opened = { placement, openedAtMs: this.#context.clock.wallMs() };
    const refusal = await store.openIncarnation(gang.id, incarnation, opened);
    if (refusal !== undefined) throw new Error(`${gang.name} can't be started: ${refusal}`);
    gang.addIncarnation({ incarnation, opened, isRunning: false, isEnded: false });

    await this.#launch(gang, incarnation, placement, verb);
    const outcome = await store.decideIncarnation(gang.id, incarnation, 'go', 'all members were launched');
    if (outcome === 'abandon') throw new Error(`the start of ${gang.name} was abandoned by somebody else`);
    await store.markRunning(gang.name, incarnation);
    gang.changeCurrent({ outcome, isRunning: true });
    // members may have ended before all were launched
    this.#endings.evaluate(gang);
    return { name: gang.name, incarnation, placement };
  }

  async #place(ranks: number, count: number, { signal, report }: VerbContext): Promise<Placed[]> {
    const { nodes, gangs } = this.#context;
    const wanted = Math.min(ranks, count);
    const missing = wanted - nodes.usable().length;
    if (missing > 0) {
      report({ phase: 'nodes', message: `adding ${missing} node${missing === 1 ? '' : 's'}` });
      await nodes.addUnnamed(missing, signal);
    }
    signal.throwIfAborted();
    const usable = nodes.usable().map((node) => ({ ...node, load: gangs.membersOn(node.name).length }));
    return spread(
      ranks,
      leastLoaded(usable, wanted).map(({ name }) => name),
    );
  }

  /** Reserves a place and addresses for every member. */
  async allocate(
    gang: GangId,
    incarnation: Incarnation,
    placed: readonly Placed[],
    signal: AbortSignal,
  ): Promise<PlacementRecord> {
    const { nodes, store } = this.#context;
    const byNode = Map.groupBy(placed, ({ node }) => node);
    const answers = await Promise.all(
      [...byNode].map(async ([node, there]) => {
        const members = there.map(({ member }) => memberId(member));
        const request = { kind: 'Allocate', fence: store.fence, gang, incarnation, members } as const;
        const { addresses } = await nodes.request(node, request, { signal });
        return addresses.map(({ member, addresses: own }) => ({ member, node, ...own }));
      }),
    );
    return answers.flat().toSorted((a, b) => a.member - b.member);
  }

  async #launch(
    gang: Gang,
    incarnation: Incarnation,
    placement: PlacementRecord,
    { signal, report }: VerbContext,
  ): Promise<void> {
    let done = 0;
    const total = placement.length;
    await Promise.all(
      placement.map(async ({ member, node }) => {
        const launch = {
          kind: 'Launch',
          fence: this.#context.store.fence,
          gang: gang.id,
          incarnation,
          member: memberId(member),
          ...memberProgram(gang.record, placement, member),
        } as const;
        await this.#context.nodes.request(node, launch, { signal, deadlineMs: limits.launchMs });
        done += 1;
        report({
          phase: 'launch',
          message: `member ${member} runs`,
          member,
          node,
          done,
          total,
          unit: 'members',
        });
      }),
    );
    signal.throwIfAborted();
  }

  /** Nothing is left of a gang that did not start. */
  async #undo(gang: Gang, error: Error): Promise<void> {
    const { store, gangs, nodes, platform, log } = this.#context;
    log.warn({ gang: gang.name, err: error }, 'a gang was not started');
    const { current } = gang;
    // a number above all that were given: nothing of this name may be left
    const upTo = await persistently(this.#context, 'undoing a start', () => store.nextIncarnation(gang.id));
    if (current !== undefined)
      await persistently(this.#context, 'undoing a start', () =>
        store.decideIncarnation(gang.id, current.incarnation, 'abandon', error.message),
      );
    await Promise.all(nodes.list().map(({ name }) => this.#endings.removeMembersOn(gang, name, upTo)));
    await persistently(this.#context, 'undoing a start', () => store.removeGang(gang.name));
    await platform.removeGangFiles(gang.name);
    gangs.remove(gang.name);
  }

  /** A start that a coordinator did not live to finish: what was launched is killed. */
  async recover(gang: Gang): Promise<void> {
    const { store, gangs, closing } = this.#context;
    const { current } = gang;
    await gang.operate('run', closing, async () => {
      if (current === undefined) {
        // no member was launched yet
        await persistently(this.#context, 'undoing a start', () => store.removeGang(gang.name));
        gangs.remove(gang.name);
        return;
      }
      const reason = 'the coordinator ended while the gang was starting';
      const outcome = await persistently(this.#context, 'abandoning a start', () =>
        store.decideIncarnation(gang.id, current.incarnation, 'abandon', reason),
      );
      gang.changeCurrent({ outcome });
      if (outcome === 'go') return;
      await this.#endings.removeMembers(gang, current.incarnation);
      const ending = { state: 'failed', reason, exitCode: 1, atMs: this.#context.clock.wallMs() } as const;
      await persistently(this.#context, 'abandoning a start', () =>
        store.putEnding(gang.name, current.incarnation, ending),
      );
      gang.changeCurrent({ ending, isEnded: true });
    });
  }
}
