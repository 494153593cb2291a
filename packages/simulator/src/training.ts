// Modelled training programs: each sends numbered, chained messages to its peers at random over modelled TCP
// connections, and looks at what it gets. One that is lost, doubled, early or of another timeline breaks the chain.
import { mix } from './random.ts';

/** One message. `chain` is the sender's chain up to and with it: only the receiver that has all before it agrees. */
export interface Message {
  readonly sequence: number;
  readonly nonce: number;
  readonly chain: number;
}

/** One end of a TCP connection in the kernel. A sequence number counts a message. */
export interface TcpEnd {
  readonly peer: number;
  /** First sequence number that is not acknowledged. */
  unacknowledged: number;
  /** After the last one that the program has written. */
  written: number;
  /** Next one expected from the peer. */
  expected: number;
  sendQueue: Message[];
  receiveQueue: Message[];
}

/** What the program knows of one peer. */
interface Chains {
  sent: number;
  received: number;
}

/** A member's processes and its kernel's connections: what an image holds. */
export interface Training {
  readonly member: number;
  readonly chains: Map<number, Chains>;
  readonly ends: Map<number, TcpEnd>;
  /** Steps that it has done. */
  steps: number;
}

/** Most messages that a program writes ahead of its peer. */
const windowMax = 6;

export function newTraining(member: number, members: number): Training {
  const peers = Array.from({ length: members }, (_, index) => index).filter((index) => index !== member);
  return {
    member,
    steps: 0,
    chains: new Map(peers.map((peer) => [peer, { sent: 0, received: 0 }])),
    ends: new Map(
      peers.map((peer) => [
        peer,
        { peer, unacknowledged: 0, written: 0, expected: 0, sendQueue: [], receiveQueue: [] },
      ]),
    ),
  };
}

export function copyProgram({ chains, steps }: Training): Pick<Training, 'chains' | 'steps'> {
  return { steps, chains: new Map([...chains].map(([peer, each]) => [peer, { ...each }])) };
}

export const copyEnds = ({ ends }: Training): Training['ends'] =>
  new Map(
    [...ends].map(([peer, end]) => [
      peer,
      { ...end, sendQueue: [...end.sendQueue], receiveQueue: [...end.receiveQueue] },
    ]),
  );

/**
 * One step of the program: reads all that has come.
 *
 * @throws when a message is not the next one that the peer has sent
 */
export function readAll(training: Training): void {
  training.steps += 1;
  for (const [peer, end] of training.ends) {
    const chains = chainsOf(training, peer);
    for (const message of end.receiveQueue.splice(0)) {
      chains.received = mix(chains.received, message.nonce);
      if (chains.received !== message.chain)
        throw new Error(
          `member ${training.member} got a message of member ${peer} that is not the next one it has sent`,
        );
    }
  }
}

/** The program writes one message. @returns it, or undefined while the window is full */
export function write(training: Training, peer: number, nonce: number): Message | undefined {
  const end = training.ends.get(peer);
  if (end === undefined || end.sendQueue.length >= windowMax) return undefined;
  const chains = chainsOf(training, peer);
  chains.sent = mix(chains.sent, nonce);
  const message: Message = { sequence: end.written, nonce, chain: chains.sent };
  end.written += 1;
  end.sendQueue.push(message);
  return message;
}

/** A segment comes in. @returns what is acknowledged */
export function arrive(end: TcpEnd, message: Message): number {
  if (message.sequence === end.expected) {
    end.expected += 1;
    end.receiveQueue.push(message);
  }
  return end.expected;
}

/** An acknowledgement comes in. One of what was never sent is ignored, as RFC 9293 has it. */
export function acknowledge(end: TcpEnd, next: number): void {
  if (next <= end.unacknowledged || next > end.written) return;
  end.sendQueue = end.sendQueue.filter(({ sequence }) => sequence >= next);
  end.unacknowledged = next;
}

/**
 * Whether members' images are one consistent cut: what each has received and what waits for it is just what the other
 * has sent.
 *
 * @returns what is wrong
 */
export function judgeCut(images: readonly Training[]): string[] {
  const problems: string[] = [];
  for (const sender of images) {
    for (const receiver of images) {
      if (sender === receiver) continue;
      const from = sender.ends.get(receiver.member);
      const to = receiver.ends.get(sender.member);
      if (from === undefined || to === undefined) continue;
      let chain = chainsOf(receiver, sender.member).received;
      for (const { nonce } of to.receiveQueue) chain = mix(chain, nonce);
      for (const { sequence, nonce } of from.sendQueue)
        if (sequence >= to.expected) chain = mix(chain, nonce);
      if (chain !== chainsOf(sender, receiver.member).sent)
        problems.push(
          `member ${receiver.member} would never get what member ${sender.member} has sent, or twice: ` +
            `${from.unacknowledged} to ${from.written} in the sender's queue, ${to.expected} expected`,
        );
    }
  }
  return problems;
}

function chainsOf(training: Training, peer: number): Chains {
  const chains = training.chains.get(peer);
  if (chains === undefined) throw new Error(`member ${training.member} has no peer ${peer}`);
  return chains;
}
