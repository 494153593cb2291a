// All nodes of a state folder: added, taken out of use, killed. What becomes of their members is not decided here.
import type { AnswerTo, NodeCommand, RequestOptions } from '@stillpoint/bus';
import { type NodeRequest, StillpointError } from '@stillpoint/protocol';
import { limits } from './limits.ts';
import { NodeNameInUse, NodeNotReady, TooFewNodes, TooManyNodes, UnknownNode } from './node-errors.ts';
import { ManagedNode, type NodeDependencies } from './node.ts';
import { newNodeNames } from './placement.ts';
import type { NodeEvidence } from './platform.ts';
import type { NodeRecord } from './records.ts';
import type { Store } from './store.ts';
import { Turnstile } from './wait.ts';

export interface NewNode {
  readonly name: string;
  readonly monotonicOffsetSeconds?: number;
}

export class Nodes {
  readonly #dependencies: NodeDependencies;
  readonly #store: Store;
  readonly #records = new Map<string, NodeRecord>();
  readonly #managed = new Map<string, ManagedNode>();
  /** Nodes are added and killed one at a time: names and indexes are given out once. */
  readonly #turnstile = new Turnstile();

  constructor(store: Store, dependencies: NodeDependencies) {
    this.#store = store;
    this.#dependencies = dependencies;
  }

  /** Begins to bring up every node that the ledger has, and ends what is left of others. */
  async start(): Promise<void> {
    const { platform, log } = this.#dependencies;
    for (const record of await this.#store.listNodes()) this.#records.set(record.name, record);
    const [present, dying] = [this.#inState('present'), this.#inState('dying')];
    try {
      const ended = await platform.cleanLeftovers(present.map(({ name }) => name));
      if (ended.length > 0) log.info({ nodes: ended }, 'leftovers of nodes were removed');
    } catch (error) {
      // what does not die keeps no other node, and no gang elsewhere, from being served
      if (!(error instanceof StillpointError) || !error.retryable) throw error;
      log.error({ err: error }, 'leftovers of nodes were not removed');
    }
    await Promise.all(dying.map(({ name }) => this.#tryToEnd(name)));
    for (const record of present) this.#manage(record);
  }

  /** Waits for a bounded time until all nodes are ready. */
  async untilReady(deadlineMs: number): Promise<void> {
    await Promise.all([...this.#managed.values()].map((node) => node.untilReady({ deadlineMs })));
  }

  list(): NodeRecord[] {
    return [...this.#records.values()].toSorted((a, b) => a.index - b.index);
  }

  /** @throws `SP_UNKNOWN_NODE` */
  record(name: string): NodeRecord {
    const record = this.#records.get(name);
    if (record === undefined) throw new UnknownNode(name, [...this.#records.keys()]);
    return record;
  }

  /** The node, unless it was killed. */
  find(name: string): ManagedNode | undefined {
    return this.#managed.get(name);
  }

  /** It was killed, and nothing of it runs any more. */
  isDead(name: string): boolean {
    return this.#records.get(name)?.state === 'killed';
  }

  /** Nodes that members may be placed on now. */
  usable(): NodeRecord[] {
    return this.list().filter(({ name, schedulable }) => schedulable && this.find(name)?.isReady === true);
  }

  /** @throws `SP_UNKNOWN_NODE`, `SP_NODE_NOT_READY` unless members may be placed on it */
  requireUsable(name: string): NodeRecord {
    const record = this.record(name);
    if (record.state !== 'present') throw new NodeNotReady(name, 'it was killed');
    if (!record.schedulable) throw new NodeNotReady(name, 'it is drained');
    if (this.find(name)?.isReady !== true) throw new NodeNotReady(name, 'its agent does not answer');
    return record;
  }

  /** Sends without waiting. A node that is gone hears nothing. */
  send(name: string, command: NodeCommand): void {
    this.find(name)?.send(command);
  }

  /** The same to several nodes. */
  sendToAll(names: readonly string[], command: NodeCommand): void {
    const there = names.filter((name) => this.#managed.has(name));
    const { sendToAll } = this.#dependencies.platform;
    if (sendToAll !== undefined) sendToAll(there, command);
    else for (const name of there) this.send(name, command);
  }

  /** @throws `SP_NODE_NOT_READY` when the node was killed, and what `ManagedNode.request` throws */
  async request<Request extends NodeRequest>(
    name: string,
    request: Request,
    options?: RequestOptions,
  ): Promise<AnswerTo<Request>> {
    const node = this.find(name);
    if (node === undefined) throw new NodeNotReady(name, 'it was killed');
    return node.request(request, options);
  }

  /**
   * Adds a node and waits until its agent answers. One that was killed or drained is put into use again.
   *
   * @throws `SP_NODE_NAME_IN_USE`, `SP_TOO_MANY_NODES`, `SP_NODE_NOT_READY`
   */
  add(node: NewNode): Promise<NodeRecord> {
    return this.#turnstile.pass(() => this.#add(node));
  }

  /** Adds `count` nodes under names that are free. Whoever hangs up does not wait for those that are not begun. @throws `SP_TOO_FEW_NODES` */
  async addUnnamed(count: number, signal: AbortSignal): Promise<NodeRecord[]> {
    if (!this.#dependencies.platform.makesNodes) throw new TooFewNodes(count);
    return this.#turnstile.pass(async () => {
      const added: NodeRecord[] = [];
      for (const name of newNodeNames([...this.#records.keys()], count)) {
        signal.throwIfAborted();
        added.push(await this.#add({ name }));
      }
      return added;
    });
  }

  async #add({ name, monotonicOffsetSeconds }: NewNode): Promise<NodeRecord> {
    const before = this.#records.get(name);
    if (before?.state === 'present' && before.schedulable) throw new NodeNameInUse(name);
    await this.#endDying(name);
    const record: NodeRecord = {
      name,
      index: before?.index ?? this.#freeIndex(),
      schedulable: true,
      state: 'present',
      monotonicOffsetSeconds: monotonicOffsetSeconds ?? before?.monotonicOffsetSeconds ?? 0,
    };
    await this.#put(record);
    await this.#dependencies.platform.create(record);
    const node = this.find(name) ?? this.#manage(record);
    node.record = record;
    if (!(await node.untilReady({ deadlineMs: limits.nodeUpMs })))
      throw new NodeNotReady(name, 'its agent does not answer');
    return record;
  }

  /** No member is placed on it any more. */
  async cordon(name: string): Promise<void> {
    await this.#put({ ...this.record(name), schedulable: false });
  }

  /**
   * SIGKILL for everything on it. Its name stays, until it is added again. Where that failed, calling it again goes on
   * with it.
   */
  kill(name: string, evidence: NodeEvidence): Promise<void> {
    return this.#turnstile.pass(async () => {
      const record = this.record(name);
      if (record.state === 'present') {
        await this.#put({ ...record, state: 'dying' });
        const node = this.#managed.get(name);
        this.#managed.delete(name);
        await node?.close();
      }
      await this.#endDying(name, evidence);
    });
  }

  /**
   * Nothing of a node that was killed runs any more when this returns.
   *
   * @throws `SP_NODE_NOT_READY` when it is not dead yet
   */
  async requireDead(name: string): Promise<void> {
    try {
      await this.#turnstile.pass(() => this.#endDying(name));
    } catch (error) {
      throw new NodeNotReady(name, `it was killed, but is not dead: ${(error as Error).message}`);
    }
  }

  async #endDying(name: string, evidence: NodeEvidence = { isOff: false }): Promise<void> {
    const record = this.#records.get(name);
    if (record?.state !== 'dying') return;
    const { platform, listener, log } = this.#dependencies;
    await platform.kill(name, this.#store.fence, evidence);
    // it is dead, whether the ledger says so or not: a successor that reads `dying` makes sure once more
    const killed: NodeRecord = { ...record, state: 'killed' };
    this.#records.set(name, killed);
    listener.onKilled(name);
    await this.#put(killed).catch((error: unknown) =>
      log.error({ err: error, node: name }, 'a node that is dead could not be written down as such'),
    );
  }

  async #tryToEnd(name: string): Promise<void> {
    try {
      await this.#endDying(name);
    } catch (error) {
      this.#dependencies.log.error({ err: error, node: name }, 'a node that was killed may not be dead');
    }
  }

  /** Ends all links; nodes and members are left as they are. */
  async close(): Promise<void> {
    await Promise.all([...this.#managed.values()].map((node) => node.close()));
  }

  #manage(record: NodeRecord): ManagedNode {
    const node = new ManagedNode(record, this.#dependencies);
    this.#managed.set(record.name, node);
    return node;
  }

  async #put(record: NodeRecord): Promise<void> {
    await this.#store.putNode(record);
    this.#records.set(record.name, record);
    const node = this.#managed.get(record.name);
    if (node !== undefined) node.record = record;
  }

  #inState(state: NodeRecord['state']): NodeRecord[] {
    return this.list().filter((record) => record.state === state);
  }

  #freeIndex(): number {
    const used = new Set(this.list().map(({ index }) => index));
    for (let index = 1; index <= limits.nodesMax; index += 1) if (!used.has(index)) return index;
    throw new TooManyNodes(limits.nodesMax);
  }
}
