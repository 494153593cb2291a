// Doctor: how its findings read, what it hands on, and its checks on this machine's kernel.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findFreezer } from '@stillpoint/agent';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { stillpoint } from '../testing/run.ts';
import { type Check, formatFinding, perform, Wrong } from './check.ts';
import { doctorChecks } from './checks.ts';
import { findLeftovers } from './leftovers.ts';
import { inNewNetwork, output } from './program.ts';

const isRoot = process.getuid?.() === 0;

let home: string;
beforeEach(async () => {
  home = await mkdtemp('/var/tmp/sp-cli-doctor-');
});
afterEach(() => rm(home, { recursive: true, force: true }));

const check = (look: Check['look']): Check => ({
  name: 'hold',
  needsRoot: false,
  why: 'traffic is held with it',
  mend: 'load the module',
  look,
});

describe('a finding', () => {
  test('that is good', async () => {
    const finding = await perform(check(() => Promise.resolve('nftables v1.0.6')));
    expect(finding).toEqual({ name: 'hold', ok: true, found: 'nftables v1.0.6' });
    expect(formatFinding(finding)).toBe('ok    hold        nftables v1.0.6');
  });

  test('that is bad says why it matters and how to mend it', async () => {
    const finding = await perform(check(() => Promise.reject(new Error('two\n  lines'))));
    expect(formatFinding(finding)).toBe(
      'FAIL  hold        two | lines: traffic is held with it.\n                  To mend it: load the module.',
    );
  });

  test('may have a mend of its own', async () => {
    const finding = await perform(check(() => Promise.reject(new Wrong('no', 'do this'))));
    expect(finding).toMatchObject({ ok: false, mend: 'do this' });
  });
});

describe('a program that a check runs', () => {
  test.each([
    ['nosuchprogram', [], /nosuchprogram is not installed/],
    ['sh', ['-c', 'echo first >&2; echo last >&2; exit 3'], /^last$/],
    ['sh', ['-c', 'echo said; exit 3'], /^said$/],
  ])('%s %j', async (program, args, message) => {
    await expect(output(program, args)).rejects.toThrow(message);
  });
});

describe('the state folder', () => {
  const lookAt = (name: string, path: string) =>
    perform(doctorChecks(path).find((each) => each.name === name)!);

  test('that is not made yet counts where it will be', async () => {
    expect(await lookAt('state', join(home, 'a', 'b'))).toMatchObject({
      ok: true,
      found: expect.stringMatching(/not made yet/),
    });
    expect((await lookAt('disk', join(home, 'a', 'b'))).found).toMatch(/free for/);
  });

  test('that is a file is no folder', async () => {
    await writeFile(join(home, 'file'), '');
    expect(await lookAt('state', join(home, 'file', 'x'))).toMatchObject({
      ok: false,
      found: `${home}/file is no folder`,
    });
  });
});

test('a state folder that members would not see is refused', async () => {
  const look = doctorChecks('/tmp/somewhere').find(({ name }) => name === 'state')!;
  expect(await perform(look)).toMatchObject({
    ok: false,
    found: expect.stringMatching(/have a \/tmp of their own/),
  });
});

describe('the verb', () => {
  const handed = JSON.stringify([
    { name: 'kernel', ok: true, found: '6.18' },
    { name: 'criu', ok: true, found: '4.2.1' },
  ]);

  test('without root says so, looks at the rest, and ends with 1', async () => {
    const env = { STILLPOINT_HOME: home, LANG: 'C' };
    const { code, out } = await stillpoint(undefined, 'doctor', { env, isRoot: false });
    expect(code).toBe(1);
    expect(out).toMatch(/^FAIL {2}user {8}you are not root: /);
    expect(out).toMatch(/^(ok {4}|FAIL {2})memory/m);
    expect(out).not.toMatch(/freezing/);
  });

  test('prints all as one document, the checks before set-up first', async () => {
    const env = { STILLPOINT_HOME: home, STILLPOINT_DOCTOR_CHECKS: handed };
    const { out } = await stillpoint(undefined, 'doctor --json', { env, isRoot: false });
    const report = JSON.parse(out) as { setup: boolean; checks: { name: string }[] };
    expect(report.setup).toBe(true);
    expect(report.checks.map(({ name }) => name)).toEqual([
      'kernel',
      'criu',
      'user',
      'sp-init',
      'torch',
      'memory',
      'disk',
    ]);
  });
});

describe.skipIf(!isRoot)('on this kernel (skipped: needs root)', () => {
  test.each(['freezing', 'hold', 'network', 'sockets'])(
    '%s is tried and leaves nothing behind',
    async (name) => {
      const before = await traces();
      const finding = await perform(doctorChecks(home).find((each) => each.name === name)!);
      expect(finding).toMatchObject({ name, ok: true });
      expect(await traces()).toEqual(before);
    },
  );

  test('a namespace in which nobody lives is found, and one with a process in its cgroup is not', async () => {
    const tag = 'd0c7d0c7';
    const name = `sp-${tag}-n-gone`;
    await expect(findLeftovers(undefined, [name])).rejects.toThrow(name);
    const folder = join((await findFreezer(tag)).root, 'gone-1');
    await mkdir(folder, { recursive: true });
    const sleeper = spawn('sleep', ['60'], { stdio: 'ignore' });
    const gone = new Promise((resolve) => sleeper.once('exit', resolve));
    try {
      await writeFile(join(folder, 'cgroup.procs'), String(sleeper.pid));
      expect(await findLeftovers(undefined, [name])).toBe('none; gangs and nodes are alive');
    } finally {
      sleeper.kill('SIGKILL');
      await gone;
      // a cgroup is empty only a moment after its last process is gone
      await vi.waitFor(() => rmdir(folder), { timeout: 5_000 });
      await rmdir(dirname(folder));
    }
  });

  test("a network of its own is not the machine's", async () => {
    expect(await inNewNetwork('ip -o link | wc -l')).toBe('1');
  });
});

async function traces(): Promise<string[]> {
  const namespaces = (await output('ip', ['netns', 'list']))
    .split('\n')
    .filter((name) => name.includes('doctor'));
  const { root } = await findFreezer('x');
  const cgroups = await readdir(join(root, '..')).catch(() => []);
  return [...namespaces, ...cgroups.filter((name) => name.includes('doctor'))];
}
