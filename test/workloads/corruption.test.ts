// What the other workloads must notice: each is run with one thing falsified, and must end with CORRUPT.
import { appendFile, open, readFile, rename, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { buildWorkloads, runReference, untilStep, verdictOf, workload, workloadsFolder } from './harness.ts';

beforeAll(buildWorkloads);

async function flipByte(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  byte[0]! ^= 1;
  await file.write(byte, 0, 1, at);
  await file.close();
}

async function replaceByCopy(path: string): Promise<void> {
  await writeFile(`${path}.copy`, await readFile(path));
  await rename(`${path}.copy`, path);
}

const forged = 'rank 9 step 0 after - 0:999999';

test.each([
  ['append.0.log', 'flipped', async (path: string) => flipByte(path, 30)],
  ['append.0.log', 'cut short', async (path: string) => truncate(path, 90)],
  ['append.0.log', 'grown by another timeline', async (path: string) => appendFile(path, 'step\n')],
  ['append.0.log', 'replaced', replaceByCopy],
  ['plain.0.log', 'grown by another timeline', async (path: string) => appendFile(path, 'step\n')],
  ['in-place.0', 'flipped', async (path: string) => flipByte(path, 2000)],
  ['shared.log', 'flipped', async (path: string) => flipByte(path, 30)],
  ['shared.log', 'cut short', async (path: string) => truncate(path, 0)],
  ['shared.log', 'written by a rank that has seen the future', async (path: string) => forgeFuture(path)],
])('files.py notices that %s is %s', async (name, _, falsify) => {
  const run = await runReference({
    members: 1,
    command: ['files.py', '--steps', '100000', '--step-ms', '5', '--shared', 'shared.log', '--in-place'],
    during: async (cwd) => {
      await untilStep(cwd, 0, 20);
      await falsify(join(cwd, name));
    },
  });
  expect(run.members[0]!.code).toBe(1);
  expect(verdictOf(run.members[0]!.stdout)).toEqual({ kind: 'corrupt', line: expect.stringContaining(name) });
});

async function forgeFuture(path: string): Promise<void> {
  const { createHash } = await import('node:crypto');
  await appendFile(
    path,
    `${forged} hash ${createHash('sha256').update(forged).digest('hex').slice(0, 16)}\n`,
  );
}

test.each([
  ['shared', 'shared mapping'],
  ['private', 'private mapping'],
  ['shared-offset', 'shared offset'],
])("tree notices a change of its file '%s'", async (file, named) => {
  const run = await runReference({
    members: 1,
    command: ['build/tree', '--steps', '100000', '--step-ms', '5', '--in', '.'],
    during: async (cwd) => {
      await untilStep(cwd, 0, 10);
      // The last 16 records at the shared offset are looked at: write over more than those, and what follows them.
      const content = Buffer.alloc(1 << 15, 0x5a);
      const handle = await open(join(cwd, 'tree.0', file), 'r+');
      await handle.write(content, 0, content.length, 0);
      await handle.close();
    },
  });
  expect(run.members[0]!.code).toBe(1);
  expect(verdictOf(run.members[0]!.stdout)).toEqual({
    kind: 'corrupt',
    line: expect.stringContaining(named),
  });
});

test('ddp.py notices a changed step log, and refuses one of another run', async () => {
  const changed = await runReference({
    members: 1,
    command: ['ddp.py', '--steps', '100000', '--step-ms', '5'],
    during: async (cwd) => {
      await untilStep(cwd, 0, 5);
      await truncate(join(cwd, 'steps.0.log'), 10);
    },
  });
  expect(verdictOf(changed.members[0]!.stdout)).toMatchObject({ kind: 'corrupt' });
  const again = await runReference({
    members: 1,
    command: ['/bin/sh', '-c', ': > steps.0.log; exec "$0" --steps 2', workload('ddp.py')],
  });
  expect(again.members[0]).toMatchObject({ code: 2, stderr: expect.stringContaining('exists already') });
});

/** Runs a Python workload after `patch` has falsified one of its functions. */
async function runPatched(
  members: number,
  module: string,
  patch: string,
  ...options: string[]
): Promise<string[]> {
  const program = [
    'import sys, os',
    `sys.path.insert(0, ${JSON.stringify(workloadsFolder)}); sys.dont_write_bytecode = True`,
    `import ${module} as main, workload`,
    patch,
    'main.main()',
  ].join('\n');
  const run = await runReference({ members, command: ['/usr/bin/python3', '-c', program, ...options] });
  return run.members.map((member) => member.stdout);
}

test('ddp.py notices that one rank has other parameters', async () => {
  const patch = `
import training
honest, calls = training.digest_of, []
def other(model):
    calls.append(1)
    return 'f' * 64 if workload.rank() == 1 and len(calls) == 4 else honest(model)
training.digest_of = other`;
  const outputs = await runPatched(2, 'ddp', patch, '--steps', '8');
  expect(outputs[0]).toMatch(/CORRUPT: step 3: rank 1 is at step 3 with other parameters/);
});

test('dataloader.py notices one wrong number in one sample', async () => {
  const patch = `
honest = main.Synthetic.__getitem__
def other(self, index):
    content, at, served = honest(self, index)
    if served == 20: content[7] += 1e-6
    return content, at, served
main.Synthetic.__getitem__ = other`;
  const outputs = await runPatched(1, 'dataloader', patch, '--steps', '8');
  expect(outputs[0]).toMatch(/CORRUPT: step 2: a batch differs/);
});

test('ballast.py notices one flipped bit', async () => {
  const patch = `
honest = main.Ballast.verify
def other(self, step):
    if step == 3: self._memory[5] ^= 1
    honest(self, step)
main.Ballast.verify = other`;
  const outputs = await runPatched(1, 'ballast', patch, '--steps', '8', '--mb', '8', '--step-ms', '1');
  expect(outputs[0]).toMatch(/CORRUPT: step 3: resident memory differs in slice 0/);
});

test('clocks.py notices a leap', async () => {
  const stop =
    '"$0" --steps 100000 --tolerance-ms 200 & sleep 0.7; kill -STOP $!; sleep 0.6; kill -CONT $!; wait $!';
  const run = await runReference({
    members: 1,
    command: ['/bin/sh', '-c', stop, workload('clocks.py')],
  });
  expect(run.members[0]!.code).toBe(1);
  expect(verdictOf(run.members[0]!.stdout)).toMatchObject({ kind: 'corrupt' });
});
