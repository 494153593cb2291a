// Shell completion: what can come next, asked as a shell asks it; and the script for bash, in a real bash.
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { apiError, FakeCoordinator } from '../testing/fake-coordinator.ts';
import { stillpoint } from '../testing/run.ts';
import { epoch, gang, node } from '../testing/samples.ts';
import { completionScripts } from './scripts.ts';

let fake: FakeCoordinator;
beforeEach(async () => {
  fake = await FakeCoordinator.start();
  fake.on('listGangs', () => [gang(), gang({ name: 'try' }), gang({ name: 'eval' })]);
  fake.on('listNodes', () => [node(), node({ name: 'n2' }), node({ name: 'other' })]);
  fake.on('listEpochs', ({ params }) =>
    params['gang'] === 'train'
      ? [epoch({ epoch: 6 }), epoch({ epoch: 7 }), epoch({ epoch: 8, state: 'removed' })]
      : [],
  );
});
afterEach(async () => {
  await fake[Symbol.asyncDispose]();
});

/** Candidates without their explanations. @param words what is typed behind `stillpoint`, the last one unfinished */
async function candidates(...words: string[]): Promise<string[]> {
  const { code, out, err } = await stillpoint(fake, ['__complete', '--', ...words]);
  expect([code, err]).toEqual([0, '']);
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('\t')[0] ?? '');
}

describe('what can come next', () => {
  test.each([
    [['ch'], ['checkpoint']],
    [['node'], ['nodes', 'node']],
    [
      ['node', ''],
      ['add', 'drain', 'kill'],
    ],
    [['checkpoint', '--w'], ['--wait']],
    [
      ['checkpoint', 'train', '--wait', ''],
      ['committed', 'published'],
    ],
    [
      ['checkpoint', '--wait', 'published', 't'],
      ['train', 'try'],
    ],
    [['restore', '--files', 's'], ['save']],
    [
      ['show', ''],
      ['train', 'try', 'eval'],
    ],
    [['show', 'train', ''], []],
    [['logs', '-f', 'ev'], ['eval']],
    [['logs', 'train', '--rank', ''], []],
    [
      ['restore', 'tr'],
      ['train', 'try'],
    ],
    [
      ['restore', 'train@'],
      ['train@6', 'train@7'],
    ],
    [
      ['timeline', 'tra'],
      ['train@6', 'train@7'],
    ],
    [
      ['timeline', 'tr'],
      [':nospace', 'train@', 'try@'],
    ],
    [['verify', 'train@7'], ['train@7']],
    [['verify', 'nobody@'], []],
    [
      ['restore', 'train', '--onto', 'n'],
      ['n1', 'n2'],
    ],
    [
      ['restore', 'train', '--onto', 'n1,'],
      ['n1,n2', 'n1,other'],
    ],
    [['migrate', 'train', '--from', 'o'], ['other']],
    [
      ['node', 'kill', ''],
      ['n1', 'n2', 'other'],
    ],
    [['run', 'new'], []],
    [['run', 'new', '--cwd', ''], [':folders']],
    [['run', 'new', '--ranks', '2', '--', 'py'], [':files']],
    [['run', 'new', '--ranks', '2', '--', 'python3', '--fl'], [':files']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['dance', ''], []],
  ])('stillpoint %j', async (words, expected) => {
    expect(await candidates(...words)).toEqual(expected);
  });

  test('verbs come with what they do', async () => {
    const { out } = await stillpoint(fake, ['__complete', '--', 'ps']);
    expect(out).toBe('ps\tthe gangs\n');
  });

  test('no verb for machines is offered', async () => {
    expect(await candidates('')).not.toContain('__complete');
  });
});

describe('it never fails, and never keeps a shell waiting', () => {
  test('without a state folder', async () => {
    const options = { connectIfRunning: () => Promise.resolve(undefined) };
    expect(await stillpoint(fake, ['__complete', '--', 'show', ''], options)).toEqual({
      code: 0,
      out: '',
      err: '',
    });
  });

  test('when the coordinator says no', async () => {
    fake.on('listGangs', () => Promise.reject(apiError('SP_NO')));
    expect(await candidates('show', '')).toEqual([]);
  });

  test('when the coordinator hangs', async () => {
    fake.on('listGangs', async ({ signal }) => {
      while (!signal.aborted) await delay(5);
      return [];
    });
    const started = performance.now();
    expect(await candidates('show', '')).toEqual([]);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe('the script for bash', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sp-cli-bash-'));
    await writeFile(join(folder, 'completion.sh'), completionScripts.bash);
    // says what it was asked in the place of the real command, and answers
    await writeFile(
      join(folder, 'stillpoint'),
      '#!/bin/bash\nprintf "%s|" "$@" >"${0%/*}/asked"\nprintf "train@6\\tpublished\\ntrain@7\\tpublished\\n"\n',
    );
    await chmod(join(folder, 'stillpoint'), 0o755);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** Completes a line as readline would. */
  async function complete(line: string, words: readonly string[]): Promise<string> {
    const script = `. "$1/completion.sh"; COMP_LINE=$2; COMP_POINT=\${#2}; shift 2; COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1)); _stillpoint; printf '%s\\n' "\${COMPREPLY[@]}"; cat "${folder}/asked"`;
    const args = ['--norc', '-c', script, 'bash', folder, line, ...words];
    const { stdout } = await promisify(execFile)('bash', args, { timeout: 10_000 });
    return stdout;
  }

  test('hands over the words and takes the candidates', async () => {
    const said = await complete(`${folder}/stillpoint timeline `, [`${folder}/stillpoint`, 'timeline', '']);
    expect(said).toBe('train@6\ntrain@7\n__complete|--|timeline||');
  });

  test('knows that bash breaks words at "@"', async () => {
    const words = [`${folder}/stillpoint`, 'timeline', 'train', '@'];
    expect(await complete(`${folder}/stillpoint timeline train@`, words)).toBe(
      '@6\n@7\n__complete|--|timeline|train@|',
    );
  });
});
