// Carries out what a plan says: faults of every kind, and the verbs of the gang's users.
import type { Coordinator, Gang } from '@stillpoint/coordinator/assembly';
import type { Disturbance } from './faults.ts';
import { ledgerHost } from './ledger.ts';
import type { SimulatedNode } from './node.ts';
import { gangName, type World } from './world.ts';

export class Disturber {
  readonly #world: World;
  /** The coordinators that carry out a verb now. */
  readonly #busy = new Map<symbol, Coordinator>();
  /** Ends the verbs that are under way. */
  #callers = new AbortController();

  constructor(world: World) {
    this.#world = world;
  }

  /** Whether a verb is under way: one dies with its coordinator. */
  get isBusy(): boolean {
    return [...this.#busy.values()].some((busy) =>
      this.#world.coordinators.some(({ coordinator }) => coordinator === busy),
    );
  }

  /** Has every happening of the plan happen in its time, from now. */
  schedule(): void {
    for (const happening of this.#world.plan.happenings)
      this.#world.engine.after(happening.atMs, () => {
        this.#world.say(`HAPPENS: ${happening.kind} (${Math.round(happening.lastsMs)} ms)`);
        this.#happen(happening);
      });
  }

  #happen({ kind, choice, lastsMs }: Disturbance): void {
    const world = this.#world;
    const later = (run: () => void): void => void world.engine.after(lastsMs, run);
    const node = pick([...world.nodes.values()], choice);
    const leading = world.coordinators.at(-1);
    switch (kind) {
      case 'coordinatorCrash':
        if (leading !== undefined) world.endCoordinator(leading);
        return;
      case 'coordinatorStop':
        leading?.process.stop();
        return later(() => leading?.process.goOn());
      case 'secondCoordinator':
        return world.startCoordinator();
      case 'agentCrash':
        node.agent?.kill();
        return;
      case 'agentStop': {
        const { agent } = node;
        agent?.stop();
        return later(() => agent?.goOn());
      }
      case 'memberDeath': {
        const found = [...world.nodes.values()].flatMap((each) =>
          [...each.members]
            .filter(({ state }) => state === 'running')
            .map((member) => [each, member] as const),
        );
        if (found.length === 0) return;
        const [home, member] = pick(found, choice);
        return world.die(home, member, 139, 'it was killed by signal 11');
      }
      case 'nodeKill':
        return this.#killNode(node);
      case 'reboot':
        return world.loseNode(node, 'its power is gone');
      case 'ledgerAway':
        world.ledger.isAway = true;
        return later(() => (world.ledger.isAway = false));
      case 'ledgerMute':
        world.ledger.isMute = true;
        return later(() => (world.ledger.isMute = false));
      case 'vaultAway':
        world.vault.isAway = true;
        return later(() => (world.vault.isAway = false));
      case 'vaultFull':
        world.vault.isFull = true;
        return later(() => (world.vault.isFull = false));
      case 'diskFull':
        node.isDiskFull = true;
        return later(() => (node.isDiskFull = false));
      case 'cut':
      case 'cutOneWay': {
        const others = this.#othersThan(node);
        return this.#cut(node, [pick(others, (choice * 7) % 1)], kind === 'cutOneWay', later);
      }
      case 'isolation':
        return this.#cut(node, this.#othersThan(node), false, later);
      case 'clockJump':
        leading?.process.jump((choice - 0.5) * 7_200_000);
        node.agent?.jump((0.5 - choice) * 7_200_000);
        return;
      case 'hangUp':
        this.#callers.abort(new Error('the caller has hung up'));
        this.#callers = new AbortController();
        return;
      case 'checkpoint':
      case 'stopCheckpoint':
      case 'restore':
      case 'migrate':
        return void this.verb(kind, choice);
    }
  }

  /** A verb of a user, whatever comes of it. @returns why it failed, or undefined */
  async verb(
    kind: 'checkpoint' | 'stopCheckpoint' | 'restore' | 'migrate',
    choice: number,
  ): Promise<Error | undefined> {
    const coordinator = this.#world.leader;
    const gang = coordinator?.context.gangs.find(gangName);
    if (coordinator === undefined || gang === undefined) return new Error('nobody leads');
    const id = Symbol(kind);
    this.#busy.set(id, coordinator);
    try {
      await this.#call(coordinator, gang, kind, choice);
      this.#world.say(`${kind} is done`);
      return undefined;
    } catch (error) {
      this.#world.say(`${kind}: ${String(error)}`);
      return error as Error;
    } finally {
      this.#busy.delete(id);
    }
  }

  async #call(
    coordinator: Coordinator,
    gang: Gang,
    kind: 'checkpoint' | 'stopCheckpoint' | 'restore' | 'migrate',
    choice: number,
  ): Promise<void> {
    const verb = { signal: this.#callers.signal, report: () => undefined };
    const current = gang.current?.incarnation ?? 0;
    if (kind === 'restore')
      this.#world.watch.excuse({ gang: gang.name, incarnation: current }, 'somebody asked for a restore');
    switch (kind) {
      case 'checkpoint':
      case 'stopCheckpoint': {
        const outcome = kind === 'checkpoint' ? 'resume' : 'stop';
        await coordinator.checkpoints.take(gang, { outcome, until: 'published' }, 'manual', verb);
        return;
      }
      case 'restore':
        await coordinator.restores.restore(gang, {}, verb);
        return;
      case 'migrate': {
        const placed = gang.current?.opened.placement ?? [];
        if (placed.length > 0)
          await coordinator.moves.migrate(gang, pick(placed, choice).node, undefined, 'migrate', verb);
      }
    }
  }

  #killNode(node: SimulatedNode): void {
    void this.#world.leader?.context.nodes
      .kill(node.name, { isOff: false })
      .catch((error: unknown) => this.#world.say(`node kill: ${String(error)}`));
  }

  #othersThan(node: SimulatedNode): string[] {
    return ['control', ledgerHost, ...this.#world.nodes.keys()].filter((host) => host !== node.name);
  }

  #cut(
    { name }: SimulatedNode,
    others: readonly string[],
    isOneWay: boolean,
    later: (run: () => void) => void,
  ): void {
    const { network } = this.#world;
    for (const other of others) {
      network.cut(name, other);
      if (!isOneWay) network.cut(other, name);
    }
    later(() => {
      for (const other of others) {
        network.mend(name, other);
        network.mend(other, name);
      }
    });
  }
}

function pick<Item>(items: readonly Item[], choice: number): Item {
  const item = items[Math.floor(choice * items.length)];
  if (item === undefined) throw new Error('there is nothing to choose from');
  return item;
}
