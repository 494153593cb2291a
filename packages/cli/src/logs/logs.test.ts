// Logs from real files: prefixes, streams, timelines, following over a restore to the end.
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GangLogs, LogSegment, WaitResult } from '@stillpoint/coordinator';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeCoordinator } from '../testing/fake-coordinator.ts';
import { start, stillpoint, until } from '../testing/run.ts';
import { gangDetail, placement } from '../testing/samples.ts';

let fake: FakeCoordinator;
let folder: string;
beforeEach(async () => {
  fake = await FakeCoordinator.start();
  folder = await mkdtemp(join(tmpdir(), 'sp-cli-logs-'));
});
afterEach(async () => {
  await fake[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const segment = (name: string, more: Partial<LogSegment> = {}): LogSegment => ({
  stream: name.endsWith('err') ? 'stderr' : 'stdout',
  path: join(folder, name),
  fromBytes: 0,
  live: false,
  ...more,
});
const logs = (ranks: LogSegment[][], more: Partial<GangLogs> = {}): GangLogs => ({
  state: 'running',
  incarnation: 1,
  ranks: ranks.map((segments, rank) => ({ rank, segments })),
  ...more,
});

describe('logs', () => {
  beforeEach(async () => {
    await writeFile(join(folder, '0.out'), 'step 1\nstep 2\n');
    await writeFile(join(folder, '0.err'), 'warning\n');
    await writeFile(join(folder, '1.out'), 'eins\nzwei — drei\nno end');
    fake.on('logs', () => logs([[segment('0.out'), segment('0.err')], [segment('1.out')]]));
  });

  test('puts the rank before each line of several members, and keeps the streams apart', async () => {
    const { code, out, err } = await stillpoint(fake, 'logs train');
    expect(code).toBe(0);
    expect(out).toBe('[0] step 1\n[0] step 2\n[1] eins\n[1] zwei — drei\n[1] no end\n');
    expect(err).toBe('[0] warning\n');
  });

  test('has a colour for each rank on a terminal', async () => {
    const { out } = await stillpoint(fake, 'logs train', { terminalColumns: 80 });
    expect(out.split('\n')[0]).toBe('\u001b[36m[0]\u001b[39m step 1');
    expect(out.split('\n')[2]).toBe('\u001b[32m[1]\u001b[39m eins');
  });

  test('gives one rank byte for byte', async () => {
    const { out, err } = await stillpoint(fake, 'logs train --rank 1');
    expect([out, err]).toEqual(['eins\nzwei — drei\nno end', '']);
  });

  test('a gang of one member has no prefix', async () => {
    fake.on('logs', () => logs([[segment('0.out')]]));
    expect((await stillpoint(fake, 'logs train')).out).toBe('step 1\nstep 2\n');
  });

  test('--json prints a line for each line', async () => {
    const { out } = await stillpoint(fake, 'logs train --json');
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { rank: 0, stream: 'stdout', text: 'step 1' },
      { rank: 0, stream: 'stdout', text: 'step 2' },
      { rank: 0, stream: 'stderr', text: 'warning' },
      { rank: 1, stream: 'stdout', text: 'eins' },
      { rank: 1, stream: 'stdout', text: 'zwei — drei' },
      { rank: 1, stream: 'stdout', text: 'no end' },
    ]);
  });

  test('joins the pieces of a timeline, also in the middle of a line and of a character', async () => {
    await writeFile(join(folder, 'old.out'), Buffer.from('one\ntwo ä other timeline\n'));
    await writeFile(join(folder, 'new.out'), Buffer.from([0xa4, 0x0a, 0x33, 0x0a]));
    const cut = Buffer.byteLength('one\ntwo ') + 1;
    const pieces = [segment('old.out', { toBytes: cut }), segment('new.out')];
    fake.on('logs', () => logs([pieces, []]));
    expect((await stillpoint(fake, 'logs train')).out).toBe('[0] one\n[0] two ä\n[0] 3\n');
  });

  test('a live file that is not there yet is empty; another one is named', async () => {
    fake.on('logs', () => logs([[segment('missing.out', { live: true })]]));
    expect(await stillpoint(fake, 'logs train')).toEqual({ code: 0, out: '', err: '' });
    fake.on('logs', () => logs([[segment('missing.out')]]));
    const { code, err } = await stillpoint(fake, 'logs train');
    expect(code).toBe(1);
    expect(err).toContain(`the log ${join(folder, 'missing.out')} can't be read`);
    expect(err).toContain('SP_LOG_UNREADABLE');
  });

  test('a rank that the gang does not have is wrong usage', async () => {
    const { code, err } = await stillpoint(fake, 'logs train --rank 2');
    expect(code).toBe(2);
    expect(err).toContain('--rank takes a whole number from 0 to 1, not "2"');
  });

  test('a line without end is written when it is too long to wait for', async () => {
    await writeFile(join(folder, '0.out'), 'x'.repeat(700_000));
    const { out } = await stillpoint(fake, 'logs train');
    const lines = out.split('\n').filter((line) => line.startsWith('[0] x'));
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.map((line) => line.slice(4)).join('')).toBe('x'.repeat(700_000));
  });
});

describe('logs --follow', () => {
  const ended = (): PromiseWithResolvers<WaitResult> => Promise.withResolvers<WaitResult>();

  test('shows what is written until the gang ends', async () => {
    const end = ended();
    await writeFile(join(folder, '0.out'), 'step 1\n');
    fake.on('logs', () => logs([[segment('0.out', { live: true })], []]));
    fake.on('wait', () => end.promise);
    const running = start(fake, 'logs train -f');
    await until(() => running.out() === '[0] step 1\n', 'the first step');
    await appendFile(join(folder, '0.out'), 'step 2\nstep');
    await until(() => running.out() === '[0] step 1\n[0] step 2\n', 'whole lines only');
    await appendFile(join(folder, '0.out'), ' 3');
    end.resolve({ state: 'completed', exitCode: 0 });
    const { code, out, err } = await running.done;
    expect(code).toBe(0);
    expect(out).toBe('[0] step 1\n[0] step 2\n[0] step 3\n');
    expect(err).toBe('train is completed (0)\n');
  });

  test('goes on with the next incarnation after a restore, without repeating what was shown', async () => {
    const end = ended();
    await writeFile(join(folder, '1.out'), 'step 1\nstep 2\n');
    await writeFile(join(folder, '2.out'), 'step 2 again\n');
    let isRestored = false;
    fake.on('wait', () => end.promise);
    fake.on('logs', () =>
      isRestored
        ? logs([[segment('1.out', { toBytes: 7 }), segment('2.out', { live: true })]], { incarnation: 2 })
        : logs([[segment('1.out', { live: true })]]),
    );
    const running = start(fake, 'logs train --follow');
    await until(() => running.out() === 'step 1\nstep 2\n', 'the first incarnation');
    isRestored = true;
    await until(() => running.out() === 'step 1\nstep 2\nstep 2 again\n', 'the second incarnation');
    expect(running.err()).toBe('─── train was restored: incarnation 2 goes on from here ───\n');
    end.resolve({ state: 'failed', exitCode: 3, reason: 'member 0 exited with 3' });
    const { code, err } = await running.done;
    expect(code).toBe(0);
    expect(err).toContain('train is failed (3): member 0 exited with 3');
  });

  test('Ctrl-C ends the following', async () => {
    fake.on('logs', () => logs([[segment('0.out', { live: true })]]));
    fake.on(
      'wait',
      ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('gone')))),
    );
    const running = start(fake, 'logs train -f');
    await until(() => fake.asked.includes('wait train'), 'the question for the end');
    running.interrupt();
    const { code, err } = await running.done;
    expect([code, err]).toEqual([130, '']);
  });

  test('run --follow ends with the exit code of the gang', async () => {
    await writeFile(join(folder, '0.out'), 'hello\n');
    fake.on('run', () => ({ name: 'train', incarnation: 1, placement }));
    fake.on('logs', () => logs([[segment('0.out', { live: true })]]));
    fake.on('wait', () => ({ state: 'failed', exitCode: 9 }));
    fake.on('showGang', () => gangDetail());
    const { code, out } = await stillpoint(fake, 'run train --ranks 3 -f -- true');
    expect(code).toBe(9);
    expect(out).toBe('hello\n');
  });
});
