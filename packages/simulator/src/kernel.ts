// The kernels' part in a simulated world: programs take their steps, and packets find their way between members by
// address, unless a hold drops them.
import type { Addresses } from './addresses.ts';
import type { Engine } from './engine.ts';
import type { Member } from './member.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';
import type { SharedFile } from './shared-file.ts';
import { keyOfEnd, type Packet, packetsOf, receive, type TcpEnd } from './tcp.ts';
import { step } from './training.ts';

/** Retransmission: the first wait, as the routes of a sandbox have it, and the longest. */
const firstWaitMs = 50;
const longestWaitMs = 5_000;
const stepMs = { low: 20, high: 150 };
/** How long a socket that nobody has open waits for stray packets, or for the other side to close. */
const lingerMs = { TIME_WAIT: 2_000, FIN_WAIT2: 60_000 };

export interface KernelHooks {
  readonly addresses: Addresses;
  readonly network: Network;
  readonly file: SharedFile;
  readonly violated: (what: string) => void;
}

export class Kernel {
  readonly #engine: Engine;
  readonly #random: Random;
  readonly #hooks: KernelHooks;
  /** Ends whose timer of retransmission runs. */
  readonly #timed = new WeakSet<TcpEnd>();
  #cookies = 0;
  /** Programs write nothing any more: what is under way gets through. */
  isQuiet = false;

  constructor(engine: Engine, random: Random, hooks: KernelHooks) {
    this.#engine = engine;
    this.#random = random;
    this.#hooks = hooks;
  }

  readonly newCookie = (): number => {
    this.#cookies += 1;
    return this.#cookies;
  };

  /** Begins a program's steps; they end with the member. */
  start(member: Member, address: string): void {
    for (const end of member.training?.ends.values() ?? [])
      this.#retransmit(member, address, end, firstWaitMs);
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
      const { send, gone, writesLine } = step(training, this.#random, this.isQuiet, this.newCookie);
      if (writesLine) this.#hooks.file.append(member.member, training.lines - 1);
      for (const end of send) this.#transmit(member, address, end);
      for (const { peer, port, dials } of gone)
        this.#packet(member, address, peer, { port, isFromDialer: dials, kind: 'RST', next: 0 });
    } catch (error) {
      this.#hooks.violated((error as Error).message);
    }
  }

  /** What was not sent yet. */
  #transmit(member: Member, address: string, end: TcpEnd): void {
    for (const packet of packetsOf(end)) {
      if (packet.carries !== undefined && packet.carries.sequence < end.sent) continue;
      this.#packet(member, address, end.peer, packet);
    }
    end.sent = end.written;
    if (!this.#timed.has(end)) this.#retransmit(member, address, end, firstWaitMs);
  }

  /** Sent now if no hold is in the way, and received later if none is then, by whoever has the address. */
  #packet(from: Member, address: string, to: number, packet: Packet): void {
    const { addresses, network } = this.#hooks;
    const target = addresses.ofPeer(from, to);
    if (from.hold !== undefined || target === undefined) return;
    this.#engine.afterInKernel(this.#random.next() * 2, () => {
      const peer = addresses.at(target);
      if (peer === undefined || peer.member !== to || peer.hold !== undefined || peer.state !== 'running')
        return;
      if (network.canReach(addresses.hostOf(address), addresses.hostOf(target)))
        this.#receive(peer, target, from.member, packet);
    });
  }

  #receive(member: Member, address: string, from: number, packet: Packet): void {
    const { training } = member;
    if (training === undefined) return;
    const { end, answer } = receive(training.ends, from, packet, this.newCookie);
    if (answer !== undefined) this.#packet(member, address, from, answer);
    if (end === undefined) return;
    if (end.state === 'SYN_RECV' && !this.#timed.has(end))
      this.#retransmit(member, address, end, firstWaitMs);
    const linger = end.state === 'TIME_WAIT' || end.state === 'FIN_WAIT2' ? end.state : undefined;
    if (linger === undefined) return;
    this.#engine.afterInKernel(lingerMs[linger], () => {
      if (end.state === linger) training.ends.delete(keyOfEnd(end));
    });
  }

  /** What is not acknowledged is sent again, after waits that grow until something is. */
  #retransmit(member: Member, address: string, end: TcpEnd, waitMs: number): void {
    const before = end.unacknowledged;
    if (packetsOf(end).length === 0) return;
    this.#timed.add(end);
    this.#engine.afterInKernel(waitMs, () => {
      this.#timed.delete(end);
      const isOurs = this.#isThere(member, address) && member.training?.ends.get(keyOfEnd(end)) === end;
      if (!isOurs) return;
      for (const packet of packetsOf(end)) this.#packet(member, address, end.peer, packet);
      const isProgress = end.unacknowledged > before;
      this.#retransmit(member, address, end, isProgress ? firstWaitMs : Math.min(waitMs * 2, longestWaitMs));
    });
  }

  #isThere(member: Member, address: string): boolean {
    return member.state === 'running' && this.#hooks.addresses.at(address) === member;
  }
}
