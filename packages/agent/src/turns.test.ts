// What a turn promises: order, and that a failure ends only its own work.
import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

test('one thing at a time for a key, in the order of asking, also after a failure', async () => {
  const turns = new Turns();
  const done: string[] = [];
  const first = Promise.withResolvers<void>();
  const one = turns.take('a', async () => {
    await first.promise;
    done.push('one');
    throw new Error('one failed');
  });
  const two = turns.take('a', () => Promise.resolve(done.push('two')));
  await turns.take('b', () => Promise.resolve(done.push('other key')));
  first.resolve();
  await expect(one).rejects.toThrow('one failed');
  expect(await two).toBe(3);
  expect(done).toEqual(['other key', 'one', 'two']);
});
