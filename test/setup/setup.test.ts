// The launcher, set-up and doctor: what they refuse before they change anything, and that set-up happens once.
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Checkout, type Run } from './checkout.ts';

let checkout: Checkout;
beforeEach(() => {
  checkout = new Checkout();
});
afterEach(() => {
  checkout[Symbol.dispose]();
});

const seen = (run: Run, text: string): Promise<void> =>
  vi.waitFor(() => expect(run.stderr()).toContain(text), { timeout: 10_000, interval: 10 });

function expectUnchanged(): void {
  expect(existsSync(checkout.cache)).toBe(false);
  expect(existsSync(checkout.path('node_modules'))).toBe(false);
}

describe('refused before anything is changed', () => {
  test.each([
    ['not Linux', 'uname', '[ "$1" = -s ] && echo Darwin || /bin/uname "$@"', /this is Darwin/],
    ['not x86-64', 'uname', '[ "$1" = -m ] && echo aarch64 || /bin/uname "$@"', /this machine is aarch64/],
    ['an old kernel', 'uname', '[ "$1" = -r ] && echo 5.4.0-42 || /bin/uname "$@"', /5\.4\.0-42 is too old/],
    ['not root', 'id', '[ "$1" = -u ] && echo 1000 || echo ada', /you are ada, not root/],
    ['no namespaces', 'unshare', 'echo "unshare: Operation not permitted" >&2; exit 1', /not permitted/],
    ['an old Node', 'node', 'echo v18.19.0', /Node 18\.19\.0 is too old: /],
    ['no room', 'df', 'printf "Filesystem\\nx 9 9 42 9 /\\n"', /42 MiB free/],
    ['a deaf nft', 'nft', 'echo "Protocol not supported" >&2; exit 1', /nft does not work: Protocol not/],
  ])('%s', async (_, name, script, what) => {
    checkout.tool(name, script);
    const { code, stdout, stderr } = await checkout.stillpoint(['ps'], { STILLPOINT_CRIU: '' });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(what);
    expect(stderr).toContain('To mend it: ');
    expect(stderr).toContain('nothing was changed');
    expectUnchanged();
  });

  test('a real unprivileged user', async () => {
    const command = [
      'setpriv',
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      checkout.path('stillpoint'),
    ];
    const { code, stderr } = await checkout.start([...command, 'ps']).outcome;
    expect(code).toBe(1);
    expect(stderr).toContain('you are nobody, not root');
    expectUnchanged();
  });

  test('no cgroup freezer', async () => {
    const script = 'umount -l -R /sys/fs/cgroup && exec "$0" ps';
    const run = checkout.start(['unshare', '--mount', 'bash', '-c', script, checkout.path('stillpoint')]);
    const { code, stderr } = await run.outcome;
    expect(code).toBe(1);
    expect(stderr).toContain('no writable cgroup freezer');
    expectUnchanged();
  });

  test('no apt-get, and something to install', async () => {
    const { code, stderr } = await checkout.stillpoint(['ps'], {
      PATH: checkout.pathWithout('apt-get'),
      STILLPOINT_CRIU: '',
    });
    expect(code).toBe(1);
    expect(stderr).toContain('no apt-get to install');
    expectUnchanged();
  });

  test('several at once are all named', async () => {
    checkout.tool('id', 'echo 1000');
    checkout.tool('node', 'exit 127');
    const { stderr } = await checkout.stillpoint(['ps']);
    expect(stderr).toMatch(/not root[\s\S]*Node is missing/);
  });
});

describe('doctor', () => {
  test('works before set-up and changes nothing', async () => {
    const { code, stdout } = await checkout.stillpoint(['doctor']);
    expect(stdout).toMatch(/^ok {4}system {6}Linux x86_64$/m);
    expect(stdout).toContain('set-up: not done yet; run ./stillpoint setup');
    expect(code).toBe(1);
    expect(stdout).toContain('correct STILLPOINT_CRIU');
    expectUnchanged();
  });

  test('names what fails, why, and the mend, also as JSON', async () => {
    checkout.tool('uname', '[ "$1" = -r ] && echo "5.4\\"0\\"" || /bin/uname "$@"');
    const { code, stdout } = await checkout.stillpoint(['doctor', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      setup: false,
      checks: expect.arrayContaining([
        { name: 'system', ok: true, found: 'Linux x86_64' },
        {
          name: 'kernel',
          ok: false,
          found: 'kernel 5.4"0" is too old',
          why: expect.stringContaining('pidfd'),
          mend: expect.stringContaining('boot a kernel'),
        },
      ]),
    });
  });

  test('hands its checks to the command line once that is there', async () => {
    expect((await checkout.stillpoint(['setup'])).code).toBe(0);
    const { stdout } = await checkout.stillpoint(['doctor', '--json']);
    const called = JSON.parse(stdout);
    expect(called.arguments).toEqual(['doctor', '--json']);
    expect(JSON.parse(called.env.STILLPOINT_DOCTOR_CHECKS)).toContainEqual(
      expect.objectContaining({ name: 'freezer', ok: true }),
    );
  });

  test('wrong usage is 2', async () => {
    expect((await checkout.stillpoint(['doctor', '--jason'])).code).toBe(2);
  });
});

describe('set-up', () => {
  test('happens once, says so on stderr only, and the command line gets the caller’s folder', async () => {
    const first = await checkout.start([checkout.path('stillpoint'), 'ps', '--json', 'a b'], { cwd: '/usr' })
      .outcome;
    expect(first.code).toBe(0);
    expect(first.stderr).toMatch(/^set-up: node: done in \d+\.\d s$/m);
    expect(JSON.parse(first.stdout)).toMatchObject({
      cwd: '/usr',
      arguments: ['ps', '--json', 'a b'],
      env: {
        STILLPOINT_CRIU: '/bin/true',
        NODE_COMPILE_CACHE: path.join(checkout.cache, 'node-compile-cache'),
      },
    });

    const second = await checkout.stillpoint(['ps']);
    expect(second).toMatchObject({ code: 0, stderr: '' });
    expect(npxRuns()).toBe(1);

    const timesMs: number[] = [];
    for (let run = 0; run < 10; run += 1) {
      const startedMs = performance.now();
      await checkout.start(['bash', checkout.path('scripts/setup.sh')]).outcome;
      timesMs.push(performance.now() - startedMs);
    }
    expect(Math.min(...timesMs)).toBeLessThan(50);
  });

  test('works by a link in PATH, from anywhere', async () => {
    symlinkSync(checkout.path('stillpoint'), path.join(checkout.tools, 'stillpoint'));
    const { code, stdout } = await checkout.start(['stillpoint', 'nodes'], { cwd: '/' }).outcome;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ cwd: '/', arguments: ['nodes'] });
  });

  test('finds the tools of administrators where PATH lacks them', async () => {
    const { code, stdout } = await checkout.stillpoint(['ps'], { PATH: `${checkout.tools}:/usr/bin:/bin` });
    expect(code).toBe(0);
    expect(JSON.parse(stdout).env.PATH).toBe(`${checkout.tools}:/usr/bin:/bin:/usr/sbin:/sbin`);
  });

  test('compiles the C programs, and again when a source changes', async () => {
    checkout.write('packages/probe/package.json', '{}');
    checkout.write('packages/probe/Makefile', 'build/answer: c/answer.c\n\tmkdir -p build && cp $< $@\n');
    checkout.write('packages/probe/c/answer.c', '// 41\n');
    await checkout.stillpoint(['setup']);
    expect(readFileSync(checkout.path('packages/probe/build/answer'), 'utf8')).toBe('// 41\n');
    checkout.write('packages/probe/c/answer.c', '// 42\n');
    await checkout.stillpoint(['ps']);
    expect(readFileSync(checkout.path('packages/probe/build/answer'), 'utf8')).toBe('// 42\n');
  });

  test('shows why a step failed, and goes on from there the next time', async () => {
    checkout.write('packages/probe/package.json', '{}');
    checkout.write(
      'packages/probe/Makefile',
      'all:\n\t@echo this compiler is tired >&2; test -e mended && mkdir -p build\n',
    );
    const failed = await checkout.stillpoint(['ps']);
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(failed.stderr).toContain('this compiler is tired');
    expect(failed.stderr).toContain(path.join(checkout.cache, 'log/programs.log'));
    checkout.write('packages/probe/mended', '');
    expect((await checkout.stillpoint(['ps'])).code).toBe(0);
  });

  test('two at once: the second waits for the first and does nothing itself', async () => {
    const release = holdNpx();
    const first = checkout.start([checkout.path('stillpoint'), 'ps']);
    await seen(first, 'npm packages');
    const second = checkout.start([checkout.path('stillpoint'), 'ps']);
    await seen(second, 'another set-up is running; waiting for it');
    release();
    expect((await first.outcome).code).toBe(0);
    expect((await second.outcome).code).toBe(0);
    expect(npxRuns()).toBe(1);
  });

  test('Ctrl-C ends it cleanly; the next run goes on', async () => {
    const release = holdNpx();
    const run = checkout.start([checkout.path('stillpoint'), 'ps']);
    await seen(run, 'npm packages');
    await vi.waitFor(() => expect(existsSync(checkout.path('npx.started'))).toBe(true), { timeout: 10_000 });
    process.kill(-run.process.pid!, 'SIGINT');
    const interrupted = await run.outcome;
    expect(interrupted).toMatchObject({ code: 130, stdout: '' });
    expect(interrupted.stderr).toContain('interrupted; run the same command again');
    release();
    expect((await checkout.stillpoint(['ps'])).code).toBe(0);
  });

  test('--help needs none', async () => {
    const { code, stdout, stderr } = await checkout.stillpoint(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Usage: stillpoint VERB');
    expectUnchanged();
  });
});

/** Makes npx wait for a file; the returned function makes the file. */
function holdNpx(): () => void {
  const npx = readFileSync(path.join(checkout.tools, 'npx'), 'utf8').replace('#!/bin/bash\n', '');
  const gate = checkout.path('npx.gate');
  const started = checkout.path('npx.started');
  // The trap: bash itself lives on after a SIGINT that came as its sleep had just ended.
  checkout.tool(
    'npx',
    `trap 'exit 130' INT; touch ${started}; until [ -e ${gate} ]; do sleep 0.02; done\n${npx}`,
  );
  return () => checkout.write('npx.gate', '');
}

function npxRuns(): number {
  return readFileSync(checkout.path('npx.log'), 'utf8').trim().split('\n').length;
}
