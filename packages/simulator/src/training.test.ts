// The modelled programs and their TCP: what is lost, doubled or cut in two is noticed, and nothing else is.
import { expect, it } from 'vitest';
import { seededRandom } from './random.ts';
import { packetsOf, receive } from './tcp.ts';
import {
  copyEnds,
  copyProgram,
  findHalfDead,
  isSettled,
  judgeCut,
  newTraining,
  step,
  type Training,
} from './training.ts';

let cookies = 0;
const cookie = (): number => (cookies += 1);
const pair = (): readonly [Training, Training] => [newTraining(0, 2, cookie), newTraining(1, 2, cookie)];
const image = (training: Training): Training => ({
  member: training.member,
  ...copyProgram(training),
  ends: copyEnds(training),
});

/** Everything that one has to send reaches the other, and the answers come back. */
function exchange(from: Training, to: Training): void {
  for (const end of from.ends.values()) {
    for (const packet of packetsOf(end)) {
      const { answer } = receive(to.ends, from.member, packet, cookie);
      if (answer !== undefined) receive(from.ends, to.member, answer, cookie);
    }
  }
}

it('all that is written arrives, over connections that come and go', () => {
  const [one, other] = pair();
  const random = seededRandom(1);
  for (let round = 0; round < 2_000; round += 1) {
    const isQuiet = round >= 1_900;
    for (const training of [one, other]) step(training, random, isQuiet, cookie);
    exchange(one, other);
    exchange(other, one);
    expect(judgeCut([one, other])).toEqual([]);
  }
  expect(one.dialed + other.dialed).toBeGreaterThan(50);
  expect([one, other].every(isSettled)).toBe(true);
  expect(judgeCut([one, other])).toEqual([]);
});

it('a message that is lost, doubled or of another timeline is noticed by the program', () => {
  const [sender, receiver] = pair();
  const random = seededRandom(2);
  step(sender, random, false, cookie);
  const lasting = [...receiver.ends.values()][0]!;
  lasting.receiveQueue.push({ nonce: 1, chain: 1 });
  expect(() => step(receiver, random, false, cookie)).toThrow('is not the next one it has sent');
});

it('a cut in which one side has forgotten what the other has sent is none', () => {
  const [sender, receiver] = pair();
  const random = seededRandom(3);
  const early = image(sender);
  for (let round = 0; round < 5; round += 1) step(sender, random, false, cookie);
  expect(judgeCut([image(sender), image(receiver)])).toEqual([]);
  exchange(sender, receiver);
  step(receiver, random, true, cookie);
  expect(judgeCut([early, image(receiver)]).join()).toContain('would not all come, or come twice');
});

it('a letter in a connection that its writer has closed is in no image', () => {
  const [sender, receiver] = pair();
  const random = seededRandom(4);
  while (!(sender.peers.get(1)!.lettersSent > 0)) {
    step(sender, random, false, cookie);
    if (sender.peers.get(1)!.lettersSent === 0) exchange(sender, receiver);
    step(receiver, random, true, cookie);
  }
  expect(judgeCut([image(sender), image(receiver)]).join()).toContain('letters are lost');
  exchange(sender, receiver);
  step(receiver, random, true, cookie);
  expect(judgeCut([image(sender), image(receiver)])).toEqual([]);
});

it('whoever waits for a peer that went away without a word is half dead', () => {
  const [one, other] = pair();
  expect(findHalfDead([one, other])).toEqual([]);
  const [[key] = ['']] = one.ends;
  one.ends.delete(key);
  expect(findHalfDead([one, other])).toEqual(['member 1 waits for ever for member 0, port 20000']);
});
