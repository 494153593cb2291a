// Progress: plain lines that are not too many, what a phase says of itself, and the live lines in a real terminal.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify, stripVTControlCharacters } from 'node:util';
import type { Progress } from '@stillpoint/coordinator';
import { describe, expect, test } from 'vitest';
import { plainLook } from '../terminal.ts';
import { Phase } from './phase.ts';
import { PlainProgress } from './plain.ts';

const news = (atMs: number, phase: string, more: Partial<Progress> = {}): Progress => ({
  kind: 'Progress',
  atMs,
  phase,
  message: '',
  ...more,
});

function plain(...all: readonly Progress[]): string[] {
  const lines: string[] = [];
  const view = new PlainProgress(
    'checkpoint train',
    { write: (text) => lines.push(String(text)) },
    plainLook,
  );
  for (const each of all) view.report(each);
  return lines.map((line) => line.trimEnd());
}

describe('plain lines', () => {
  test('one for each phase and each new message', () => {
    expect(
      plain(
        news(1_000, 'freeze'),
        news(1_004, 'hold', { message: 'member 1 on n2' }),
        news(1_005, 'hold', { message: 'member 1 on n2' }),
        news(1_006, 'hold', { message: 'member 2 on n3' }),
      ),
    ).toEqual([
      '[0 ms] checkpoint train: freeze (0 ms)',
      '[4 ms] checkpoint train: hold: member 1 on n2 (0 ms)',
      '[6 ms] checkpoint train: hold: member 2 on n3 (2 ms)',
    ]);
  });

  test('what only counts is said once a second, and at its end', () => {
    const counted = (atMs: number, done: number): Progress =>
      news(atMs, 'persist', { message: 'compressing', done, total: 400e6, unit: 'bytes' });
    const lines = plain(
      ...Array.from({ length: 40 }, (_, index) => counted(index * 100, index * 1e7)),
      counted(4_000, 4e8),
    );
    expect(lines).toEqual([
      '[0 ms] checkpoint train: persist: compressing, 0 B of 400 MB (0 ms)',
      '[1 s] checkpoint train: persist: compressing, 100 MB of 400 MB, 100 MB/s (1 s)',
      '[2 s] checkpoint train: persist: compressing, 200 MB of 400 MB, 100 MB/s (2 s)',
      '[3 s] checkpoint train: persist: compressing, 300 MB of 400 MB, 100 MB/s (3 s)',
      '[4 s] checkpoint train: persist: compressing, 400 MB of 400 MB, 100 MB/s (4 s)',
    ]);
  });

  test('a retry, which is another epoch, begins its phases anew', () => {
    expect(plain(news(0, 'dump', { epoch: 1 }), news(500, 'dump', { epoch: 2 }))).toHaveLength(2);
  });
});

describe('a phase', () => {
  test('counts members', () => {
    const phase = new Phase(news(0, 'dump', { done: 1, total: 3, unit: 'members' }));
    expect(phase.text(1_200)).toBe('dump, 1 of 3 members (1.2 s)');
  });
  test('leaves it to a message to name epoch and phase', () => {
    const phase = new Phase(news(0, 'dump', { epoch: 7, message: 'restoring epoch 7: dump' }));
    expect(phase.text(0)).toBe('restoring epoch 7: dump (0 ms)');
  });
  test('keeps its time once it is over', () => {
    const phase = new Phase(news(0, 'dump'));
    phase.end(40);
    expect(phase.text(9_000)).toBe('dump (40 ms)');
  });
  test('does not go back in time when clocks differ', () => {
    expect(new Phase(news(1_000, 'dump')).text(900)).toBe('dump (0 ms)');
  });
});

describe('live lines', () => {
  const program = fileURLToPath(new URL('../testing/live-progress.ts', import.meta.url));

  /** Runs the program in a terminal of its own and returns what the terminal was sent. */
  async function inTerminal(rest: string): Promise<string> {
    const command = `stty cols 100 rows 30; exec '${process.execPath}' '${program}' ${rest}`;
    const { stdout } = await promisify(execFile)('script', ['-qec', command, '/dev/null'], {
      timeout: 30_000,
      env: { ...process.env, LANG: 'C.UTF-8' },
    });
    return stdout;
  }

  test('tick off each phase, name the one that failed, and show the cursor again', async () => {
    const shown = await inTerminal('failed');
    const text = stripVTControlCharacters(shown);
    expect(text).toMatch(/✔ checkpoint train freeze: 3 members \(/);
    expect(text).toMatch(/✖ checkpoint train dump, 1 of 3 members \(/);
    expect(text).not.toContain('the verb failed');
    expect(shown.lastIndexOf('\u001b[?25h')).toBeGreaterThan(shown.lastIndexOf('\u001b[?25l'));
  });

  test('leave standard output alone', async () => {
    const text = stripVTControlCharacters(await inTerminal('done >/dev/null'));
    expect(text).toMatch(/✔ checkpoint train dump, 1 of 3 members \(/);
  });
});
