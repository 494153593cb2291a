// Intervals, pauses, signals and deadlines on a clock that is set by hand, and once on the real one.
import { expect, it } from 'vitest';
import { systemClock } from './clock.ts';
import { HandClock } from './testing.ts';
import { Deadlines, every, pause, timeoutSignal } from './timers.ts';

it('calls back every period until it is ended, also from within', () => {
  const clock = new HandClock();
  const seen: number[] = [];
  const stop = every(clock, 10, () => {
    seen.push(clock.monotonicMs());
    if (seen.length === 3) stop();
  });
  clock.move(100);
  expect(seen).toEqual([10, 20, 30]);
  expect(clock.pending).toBe(0);
});

it('pauses for as long as it is told, and leaves nothing behind', async () => {
  const clock = new HandClock();
  let isOver = false;
  const paused = pause(clock, 50).then(() => (isOver = true));
  clock.move(49);
  await Promise.resolve();
  expect(isOver).toBe(false);
  clock.move(1);
  await paused;
  expect(clock.pending).toBe(0);
});

it('ends a pause with the reason of its signal, before and during it', async () => {
  const clock = new HandClock();
  const controller = new AbortController();
  const { signal } = controller;
  const paused = pause(clock, 50, { signal });
  controller.abort(new Error('enough'));
  await expect(paused).rejects.toThrow('enough');
  await expect(pause(clock, 50, { signal })).rejects.toThrow('enough');
  expect(clock.pending).toBe(0);
});

it('aborts a signal once it took too long', () => {
  const clock = new HandClock();
  const signal = timeoutSignal(clock, 20);
  clock.move(19);
  expect(signal.aborted).toBe(false);
  clock.move(1);
  expect(signal.reason).toMatchObject({ name: 'TimeoutError' });
});

it('sets a deadline anew, clears one, and clears all', () => {
  const clock = new HandClock();
  const expired: string[] = [];
  const deadlines = new Deadlines<'a' | 'b' | 'c'>(clock, (name) => expired.push(name));
  deadlines.set('a', 10);
  deadlines.set('b', 10);
  clock.move(9);
  deadlines.set('a', 10);
  deadlines.clear('b');
  clock.move(9);
  expect(expired).toEqual([]);
  clock.move(1);
  expect(expired).toEqual(['a']);
  deadlines.set('b', 10);
  deadlines.set('c', 10);
  deadlines.clearAll();
  clock.move(100);
  expect(expired).toEqual(['a']);
});

it('is the time of this process, unless told otherwise', async () => {
  const before = systemClock.monotonicMs();
  let hasForgotten = true;
  systemClock.after(5, () => (hasForgotten = false))();
  await pause(systemClock, 20);
  expect(hasForgotten).toBe(true);
  expect(systemClock.monotonicMs() - before).toBeGreaterThanOrEqual(19);
  expect(Math.abs(systemClock.wallMs() - Date.now())).toBeLessThan(1000);
});
