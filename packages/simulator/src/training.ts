// Modelled training programs. Each sends numbered, chained messages to its peers over connections that last, and looks at
// what it gets: one that is lost, doubled, early or of another timeline breaks the chain. Now and then it dials a
// peer for a few letters, and closes; or it dials, and goes away without a word.
import { mix, type Random } from './random.ts';
import { close, keyOfEnd, type Message, newEnd, otherEnd, type TcpEnd, write } from './tcp.ts';

/** What the program knows of one peer: its chains, and how many letters, with the sum of what they say. */
interface Peer {
  sent: number;
  received: number;
  lettersSent: number;
  lettersReceived: number;
}

/** A member's processes and its kernel's connections: what an image holds. */
export interface Training {
  readonly member: number;
  readonly peers: Map<number, Peer>;
  readonly ends: Map<string, TcpEnd>;
  /** What it wants of connections that it has dialed, by their ports: so many letters, or to go away. */
  readonly errands: Map<number, number | 'go away'>;
  /** How many lines it has written to the file that all share. */
  lines: number;
  /** How often it has dialed. */
  dialed: number;
  /** Steps that it has done. */
  steps: number;
}

/** Of the connections that last; the others have ports above it. */
const lastingPort = 20_000;
/** Most messages that a program writes ahead of its peer. */
const windowMax = 6;
const errandChance = 0.04;
const lineChance = 0.3;

export function newTraining(member: number, members: number, cookie: () => number): Training {
  const peers = Array.from({ length: members }, (_, index) => index).filter((index) => index !== member);
  const ends = peers.map((peer) =>
    newEnd({ peer, port: lastingPort, dials: member > peer, cookie: cookie() }, 'ESTABLISHED', true),
  );
  return {
    member,
    lines: 0,
    dialed: 0,
    steps: 0,
    peers: new Map(peers.map((peer) => [peer, { sent: 0, received: 0, lettersSent: 0, lettersReceived: 0 }])),
    ends: new Map(ends.map((end) => [keyOfEnd(end), end])),
    errands: new Map(),
  };
}

export type Program = Pick<Training, 'peers' | 'errands' | 'lines' | 'dialed' | 'steps'>;

export const copyProgram = ({ peers, errands, lines, dialed, steps }: Program): Program => ({
  lines,
  dialed,
  steps,
  peers: new Map([...peers].map(([peer, each]) => [peer, { ...each }])),
  errands: new Map(errands),
});

/** The connections that CRIU sees: those that the program has open. */
export const copyEnds = ({ ends }: Training): Training['ends'] =>
  new Map(
    [...ends]
      .filter(([, { isOpen }]) => isOpen)
      .map(([key, end]) => [
        key,
        { ...end, sendQueue: [...end.sendQueue], receiveQueue: [...end.receiveQueue], early: [] },
      ]),
  );

/** What one step of the program wants of its kernel. */
export interface Wishes {
  /** Ends with something to send. */
  readonly send: readonly TcpEnd[];
  /** Ends that are gone without a word: a RST is all that is said. */
  readonly gone: readonly TcpEnd[];
  /** Writes a line to the file that all share. */
  readonly writesLine: boolean;
}

/**
 * One step of the program: reads all that has come, sees its errands through, writes, and may dial.
 *
 * @throws when a message is not the next one that the peer has sent
 */
export function step(training: Training, random: Random, isQuiet: boolean, cookie: () => number): Wishes {
  training.steps += 1;
  readAll(training);
  const gone = goAway(training);
  const send = [...closeWhatEnds(training), ...writeLetters(training, random)];
  const peers = [...training.peers.keys()];
  if (isQuiet || peers.length === 0) return { send, gone, writesLine: false };
  const peer = random.pick(peers);
  const lasting = [...training.ends.values()].find(
    (end) => end.peer === peer && end.port === lastingPort && end.state === 'ESTABLISHED',
  );
  if (lasting !== undefined && lasting.sendQueue.length < windowMax) {
    const known = peerOf(training, peer);
    const nonce = random.between(0, 0xffff);
    known.sent = mix(known.sent, nonce);
    write(lasting, { nonce, chain: known.sent });
    send.push(lasting);
  }
  if (random.chance(errandChance)) send.push(dial(training, peer, random, cookie));
  const writesLine = random.chance(lineChance);
  if (writesLine) training.lines += 1;
  return { send, gone, writesLine };
}

function dial(training: Training, peer: number, random: Random, cookie: () => number): TcpEnd {
  training.dialed += 1;
  const port = lastingPort + training.dialed;
  training.errands.set(port, random.chance(0.7) ? random.between(1, 3) : 'go away');
  const end = newEnd({ peer, port, dials: true, cookie: cookie() }, 'SYN_SENT', true);
  training.ends.set(keyOfEnd(end), end);
  return end;
}

/** Its own ends with an errand, once they are connected. */
const errandsOf = ({ ends, errands }: Training): [TcpEnd, number | 'go away'][] =>
  [...ends.values()].flatMap((end): [TcpEnd, number | 'go away'][] => {
    const errand = end.dials && end.isOpen && end.state === 'ESTABLISHED' ? errands.get(end.port) : undefined;
    return errand === undefined ? [] : [[end, errand]];
  });

function goAway(training: Training): TcpEnd[] {
  const ports = new Set([...training.ends.values()].map(({ port }) => port));
  // somebody has refused to listen
  for (const port of training.errands.keys()) if (!ports.has(port)) training.errands.delete(port);
  const gone = errandsOf(training).filter(([, errand]) => errand === 'go away');
  for (const [end] of gone) {
    training.ends.delete(keyOfEnd(end));
    training.errands.delete(end.port);
  }
  return gone.map(([end]) => end);
}

function writeLetters(training: Training, random: Random): TcpEnd[] {
  return errandsOf(training).flatMap(([end, errand]) => {
    if (errand === 'go away') return [];
    for (let count = errand; count > 0; count -= 1) {
      const nonce = random.between(1, 0xffff);
      peerOf(training, end.peer).lettersSent += nonce;
      write(end, { nonce, chain: undefined });
    }
    training.errands.delete(end.port);
    close(end);
    return [end];
  });
}

/** Whoever has said all it had to say is answered in kind. */
function closeWhatEnds({ ends }: Training): TcpEnd[] {
  const over = [...ends.values()].filter(({ state, isOpen }) => state === 'CLOSE_WAIT' && isOpen);
  over.forEach(close);
  return over;
}

/** Accepts what was dialed, and reads. */
function readAll(training: Training): void {
  for (const end of training.ends.values()) {
    if (!end.dials && !end.isOpen && (end.state === 'ESTABLISHED' || end.state === 'CLOSE_WAIT'))
      end.isOpen = true;
    if (!end.isOpen) continue;
    for (const message of end.receiveQueue.splice(0)) read(training, end.peer, message);
  }
}

function read(training: Training, from: number, { nonce, chain }: Message): void {
  const peer = peerOf(training, from);
  if (chain === undefined) {
    peer.lettersReceived += nonce;
    return;
  }
  peer.received = mix(peer.received, nonce);
  if (peer.received !== chain)
    throw new Error(
      `member ${training.member} got a message of member ${from} that is not the next one it has sent`,
    );
}

/** Whether there is nothing under way between programs that write nothing more. */
export const isSettled = ({ ends, errands }: Training): boolean =>
  errands.size === 0 &&
  [...ends.values()].every(({ sendQueue, receiveQueue }) => sendQueue.length + receiveQueue.length === 0);

/** Messages that come to one member of what another has sent, once all that waits in queues has come. */
function judgePair(sender: Training, receiver: Training): string[] {
  const sent = peerOf(sender, receiver.member);
  let { received: chain, lettersReceived: letters } = peerOf(receiver, sender.member);
  for (const to of receiver.ends.values()) {
    if (to.peer !== sender.member) continue;
    const from = otherEnd(receiver.member, to, sender.ends);
    const waiting = from?.sendQueue.filter(({ sequence }) => sequence >= to.expected) ?? [];
    for (const message of [...to.receiveQueue, ...waiting.map((each) => each.message)]) {
      if (message === 'FIN') continue;
      if (message.chain === undefined) letters += message.nonce;
      else chain = mix(chain, message.nonce);
    }
  }
  const what = `what member ${sender.member} has sent to member ${receiver.member}`;
  return [
    ...(chain === sent.sent ? [] : [`${what} would not all come, or come twice`]),
    ...(letters === sent.lettersSent ? [] : [`letters are lost of ${what}`]),
  ];
}

/** Ends that wait for a peer who has none. */
export function findHalfDead(gang: readonly Training[]): string[] {
  return gang.flatMap(({ member, ends }) =>
    [...ends.values()]
      .filter((end) => {
        const peer = gang.find((each) => each.member === end.peer);
        return end.state === 'ESTABLISHED' && peer !== undefined && !otherEnd(member, end, peer.ends);
      })
      .map(({ peer, port }) => `member ${member} waits for ever for member ${peer}, port ${port}`),
  );
}

/**
 * Whether members' images are one consistent cut: what each has received and what waits for it is just what the others
 * have sent.
 *
 * @returns what is wrong
 */
export function judgeCut(images: readonly Training[]): string[] {
  return images.flatMap((sender) =>
    images.flatMap((receiver) => (sender === receiver ? [] : judgePair(sender, receiver))),
  );
}

function peerOf(training: Training, peer: number): Peer {
  const known = training.peers.get(peer);
  if (known === undefined) throw new Error(`member ${training.member} has no peer ${peer}`);
  return known;
}
