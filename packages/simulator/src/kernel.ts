// The kernels' part in a simulated world: programs take their steps, and packets find their way between members by
// address, unless a hold drops them.
import type { Addresses } from './addresses.ts';
import type { Engine } from './engine.ts';
import type { Member } from './member.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';
import { acknowledge, arrive, type Message, readAll, type TcpEnd, write } from './training.ts';

/** Retransmission: the first wait, and the longest. */
const firstWaitMs = 200;
const longestWaitMs = 5_000;
const stepMs = { low: 20, high: 150 };

export interface KernelHooks {
  readonly addresses: Addresses;
  readonly network: Network;
  readonly violated: (what: string) => void;
}

export class Kernel {
  readonly #engine: Engine;
  readonly #random: Random;
  readonly #hooks: KernelHooks;
  /** Programs write nothing any more: what is under way gets through. */
  isQuiet = false;

  constructor(engine: Engine, random: Random, hooks: KernelHooks) {
    this.#engine = engine;
    this.#random = random;
    this.#hooks = hooks;
  }

  /** Begins a program's steps; they end with the member. */
  start(member: Member, address: string): void {
    for (const end of member.training?.ends.values() ?? [])
      if (end.sendQueue.length > 0) this.#retransmit(member, address, end, firstWaitMs);
    this.#step(member, address);
  }

  #step(member: Member, address: string): void {
    this.#engine.afterInKernel(this.#random.between(stepMs.low, stepMs.high), () => {
      if (!this.#isThere(member, address)) return;
      if (!member.isFrozen) this.#act(member, address);
      this.#step(member, address);
    });
  }

  #act(member: Member, address: string): void {
    const { training } = member;
    if (training === undefined) return;
    try {
      readAll(training);
    } catch (error) {
      this.#hooks.violated((error as Error).message);
    }
    if (this.isQuiet || training.ends.size === 0) return;
    const peer = this.#random.pick([...training.ends.keys()]);
    const end = training.ends.get(peer);
    const wasIdle = end?.sendQueue.length === 0;
    const message = write(training, peer, this.#random.between(0, 0xffff));
    if (message === undefined || end === undefined) return;
    this.#send(member, address, end, message);
    if (wasIdle) this.#retransmit(member, address, end, firstWaitMs);
  }

  #send(member: Member, address: string, end: TcpEnd, message: Message): void {
    this.#packet(member, address, end.peer, (peer, peerAddress) => {
      const own = peer.training?.ends.get(member.member);
      if (own === undefined) return;
      const next = arrive(own, message);
      this.#packet(peer, peerAddress, member.member, (back) => {
        const origin = back.training?.ends.get(peer.member);
        if (origin !== undefined) acknowledge(origin, next);
      });
    });
  }

  /** Sent now if no hold is in the way, and received later if none is then, by whoever has the address. */
  #packet(
    from: Member,
    address: string,
    to: number,
    received: (peer: Member, address: string) => void,
  ): void {
    const { addresses, network } = this.#hooks;
    const target = addresses.ofPeer(from, to);
    if (from.hold !== undefined || target === undefined) return;
    this.#engine.afterInKernel(this.#random.next() * 2, () => {
      const peer = addresses.at(target);
      if (peer === undefined || peer.member !== to || peer.hold !== undefined || peer.state !== 'running')
        return;
      if (network.canReach(addresses.hostOf(address), addresses.hostOf(target))) received(peer, target);
    });
  }

  /** The oldest is sent again, after waits that grow until something is acknowledged. */
  #retransmit(member: Member, address: string, end: TcpEnd, waitMs: number): void {
    const before = end.unacknowledged;
    this.#engine.afterInKernel(waitMs, () => {
      if (!this.#isThere(member, address)) return;
      const [oldest] = end.sendQueue;
      if (oldest === undefined) return;
      this.#send(member, address, end, oldest);
      const isProgress = end.unacknowledged > before;
      this.#retransmit(member, address, end, isProgress ? firstWaitMs : Math.min(waitMs * 2, longestWaitMs));
    });
  }

  #isThere(member: Member, address: string): boolean {
    return member.state === 'running' && this.#hooks.addresses.at(address) === member;
  }
}
