// Rolling files back and forward: what is planned, what is refused, and what a crash leaves.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  chmod,
  chown,
  link,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { epochNumber, type FilesPolicy, incarnationNumber, memberId, mergeNotes } from '@stillpoint/protocol';
import { describe, expect, test } from 'vitest';
import { applyFilePlan } from './apply.ts';
import { planFileRollback } from './plan.ts';
import { namespacesMissing, scratchFolder, startTestMember } from './testing/scratch.ts';
import { appenderNote, FileTimeline, sha256 } from './testing/timeline.ts';
import { tailPath, type UndoRecord } from './undo-log.ts';

/** A timeline with one file of 10 bytes, and its first epoch. */
async function oneFile(folder: string, policy: FilesPolicy = 'refuse') {
  const path = join(folder, 'log');
  await writeFile(path, '0123456789');
  const timeline = new FileTimeline(folder, [path], policy);
  const epoch = await timeline.checkpoint();
  const plan = () =>
    planFileRollback({
      files: epoch.files,
      records: timeline.records,
      tailFolder: timeline.tailFolder,
      policy,
      saved: epoch.saved,
    });
  return { path, timeline, epoch, plan };
}

const replace = async (path: string): Promise<void> => {
  await writeFile(`${path}.new`, 'something else');
  await rename(`${path}.new`, path);
};

describe('a file of the cut', () => {
  test('that grew is cut, its tail kept and noted', async () => {
    await using scratch = await scratchFolder();
    const { path, timeline, epoch } = await oneFile(scratch.path);
    await appendFile(path, 'grown');
    const { ino } = await stat(path);
    await timeline.restore(epoch);
    expect(await readFile(path, 'utf8')).toBe('0123456789');
    expect((await stat(path)).ino).toBe(ino);
    expect(timeline.records).toEqual([
      { path, keptFromBytes: 10, tailBytes: 5, sha256: sha256('grown'), restoredEpoch: 1, incarnation: 2 },
    ]);
    expect(await readFile(tailPath(timeline.tailFolder, sha256('grown')), 'utf8')).toBe('grown');
  });

  test('that did not change is left alone', async () => {
    await using scratch = await scratchFolder();
    const { plan } = await oneFile(scratch.path);
    expect(await plan()).toEqual({ actions: [], kept: [] });
  });

  test('that several timelines wrote to goes back and forth between all their epochs', async () => {
    await using scratch = await scratchFolder();
    const { path, timeline, epoch: first } = await oneFile(scratch.path);
    await appendFile(path, ' first timeline');
    const second = await timeline.checkpoint();
    await appendFile(path, ', lost by nobody');
    await timeline.restore(first);
    await appendFile(path, ' second timeline');
    const other = await timeline.checkpoint();
    for (const epoch of [second, other, first, other, second, first]) {
      await timeline.restore(epoch);
      expect(await readFile(path, 'utf8')).toBe(epoch.contents.get(path)?.toString());
      await appendFile(path, ' and on it runs');
    }
  });

  test('that is not there for the checkpoint of an epoch is no matter for that epoch', async () => {
    await using scratch = await scratchFolder();
    const { path, timeline } = await oneFile(scratch.path);
    const none = { ...timeline.epochs[0]!, files: [] };
    await appendFile(path, 'x');
    await timeline.restore(none);
    expect(await readFile(path, 'utf8')).toBe('0123456789x');
  });

  test('that has two names is rolled back once', async () => {
    await using scratch = await scratchFolder();
    const path = join(scratch.path, 'a');
    await writeFile(path, 'abc');
    await link(path, join(scratch.path, 'b'));
    const timeline = new FileTimeline(scratch.path, [path, join(scratch.path, 'b')], 'refuse');
    const epoch = await timeline.checkpoint();
    await appendFile(path, 'def');
    await timeline.restore(epoch);
    expect(await readFile(path, 'utf8')).toBe('abc');
    expect(timeline.records).toHaveLength(1);
  });

  test.each([
    ['gone', rm],
    ['replaced', replace],
    ['shortened', (path: string) => truncate(path, 9)],
    ['written-in-place', (path: string) => writeFile(path, 'x123456789 and more')],
  ])('that is %s is refused by name, and nothing is touched', async (kind, change) => {
    await using scratch = await scratchFolder();
    const paths = ['good', 'bad'].map((name) => join(scratch.path, name));
    for (const path of paths) await writeFile(path, '0123456789');
    const [good, bad] = paths as [string, string];
    const timeline = new FileTimeline(scratch.path, paths, 'refuse');
    const epoch = await timeline.checkpoint();
    await appendFile(good, 'grown');
    await change(bad);
    await expect(timeline.restore(epoch)).rejects.toMatchObject({
      code: 'SP_FILE_CHANGED',
      message: expect.stringContaining(bad),
      problems: [{ path: bad, kind }],
    });
    expect(await readFile(good, 'utf8')).toBe('0123456789grown');
    expect(await readdir(scratch.path)).not.toContain('tails');
  });

  test('whose tail was lost is refused, and the epochs that do not need it are not', async () => {
    await using scratch = await scratchFolder();
    const { path, timeline, epoch } = await oneFile(scratch.path);
    await appendFile(path, 'grown');
    const later = await timeline.checkpoint();
    await timeline.restore(epoch);
    await writeFile(tailPath(timeline.tailFolder, sha256('grown')), 'flipp');
    await expect(timeline.restore(later)).rejects.toMatchObject({ code: 'SP_FILE_CHANGED' });
    await rm(tailPath(timeline.tailFolder, sha256('grown')));
    await expect(timeline.restore(later)).rejects.toMatchObject({ code: 'SP_FILE_CHANGED' });
    await timeline.restore(epoch);
    expect(await readFile(path, 'utf8')).toBe('0123456789');
  });

  test('that is only read must be there, the same one or as old, and as long', async () => {
    await using scratch = await scratchFolder();
    const path = join(scratch.path, 'data');
    await writeFile(path, '0123456789');
    const note = { ...(await appenderNote(path)), writable: false, append: false };
    const { files } = mergeNotes([{ member: memberId(0), files: [note] }]);
    const plan = () => planFileRollback({ files, records: [], tailFolder: '/nowhere', policy: 'refuse' });
    await appendFile(path, 'x');
    expect(await plan()).toEqual({ actions: [], kept: [] });
    await truncate(path, 9);
    await expect(plan()).rejects.toMatchObject({ problems: [{ kind: 'shortened' }] });
    await rm(path);
    await expect(plan()).rejects.toMatchObject({ problems: [{ kind: 'gone' }] });
    await writeFile(path, '0123456789');
    await expect(plan()).rejects.toMatchObject({
      problems: [{ kind: expect.stringMatching(/replaced|written-in-place/) }],
    });
    await utimes(path, new Date(), new Date(note.modifiedMs));
    expect(await plan()).toMatchObject({ kept: [] });
  });
});

describe('the policy', () => {
  test('keep leaves a changed file as it is, says so, and rolls the others back', async () => {
    await using scratch = await scratchFolder();
    const { path, plan } = await oneFile(scratch.path, 'keep');
    await writeFile(path, 'other');
    const message = expect.stringContaining(path);
    expect(await plan()).toEqual({
      actions: [],
      kept: [{ path, kind: 'shortened', message }],
    });
    await writeFile(path, '0123456789grown');
    expect(await plan()).toMatchObject({ actions: [{ path, commonBytes: 10 }], kept: [] });
    await rm(path);
    await expect(plan()).rejects.toMatchObject({ problems: [{ kind: 'gone' }] });
  });

  test('save writes the same file anew, and what it had can be gone back to', async () => {
    await using scratch = await scratchFolder();
    const { path, timeline, epoch } = await oneFile(scratch.path, 'save');
    await writeFile(path, '01234x');
    const { ino } = await stat(path);
    const later = await timeline.checkpoint();
    await timeline.restore(epoch);
    expect(await readFile(path, 'utf8')).toBe('0123456789');
    expect((await stat(path)).ino).toBe(ino);
    expect(timeline.records).toMatchObject([{ keptFromBytes: 5, tailBytes: 1 }]);
    await timeline.restore({ ...later, saved: [] });
    expect(await readFile(path, 'utf8')).toBe('01234x');
  });

  test('save makes a file that is gone anew, with its mode and owner', async () => {
    await using scratch = await scratchFolder();
    const { path, timeline } = await oneFile(scratch.path, 'save');
    await chmod(path, 0o640);
    if (process.getuid?.() === 0) await chown(path, 1234, 4321);
    const before = await stat(path);
    const epoch = await timeline.checkpoint();
    await rm(path);
    await timeline.restore(epoch);
    const { mode, uid, gid } = await stat(path);
    expect(await readFile(path, 'utf8')).toBe('0123456789');
    expect({ mode, uid, gid }).toEqual({ mode: before.mode, uid: before.uid, gid: before.gid });
  });

  test('save does not put back what is damaged', async () => {
    await using scratch = await scratchFolder();
    const { path, timeline, epoch } = await oneFile(scratch.path, 'save');
    await writeFile(join(epoch.saved[0]!.folder, sha256('0123456789')), '0123456788');
    await rm(path);
    await expect(timeline.restore(epoch)).rejects.toMatchObject({ problems: [{ kind: 'gone' }] });
    await writeFile(path, 'other');
    await expect(timeline.restore(epoch)).rejects.toMatchObject({ code: 'SP_FILE_CHANGED' });
  });
});

describe('applying a plan', () => {
  const apply = { epoch: epochNumber(1), incarnation: incarnationNumber(2) };

  test.each([
    ['grew', (path: string) => appendFile(path, 'more'), 'written-in-place'],
    ['was replaced', replace, 'replaced'],
  ])('to a file that %s since is refused', async (_, change, kind) => {
    await using scratch = await scratchFolder();
    const { path, plan, timeline } = await oneFile(scratch.path);
    await appendFile(path, 'grown');
    const planned = await plan();
    await change(path);
    const before = await readFile(path, 'utf8');
    const { tailFolder } = timeline;
    const applying = applyFilePlan(planned, { ...apply, tailFolder, record: () => Promise.resolve() });
    await expect(applying).rejects.toMatchObject({ code: 'SP_FILE_CHANGED', problems: [{ kind }] });
    expect(await readFile(path, 'utf8')).toBe(before);
  });

  test('cuts nothing when the record can not be made', async () => {
    await using scratch = await scratchFolder();
    const { path, plan, timeline } = await oneFile(scratch.path);
    await appendFile(path, 'grown');
    const { tailFolder } = timeline;
    const record = () => Promise.reject(new Error('the ledger is full'));
    await expect(applyFilePlan(await plan(), { ...apply, tailFolder, record })).rejects.toThrow(
      'the ledger is full',
    );
    expect(await readFile(path, 'utf8')).toBe('0123456789grown');
  });

  test.skipIf(namespacesMissing !== undefined)('touches nothing when the tails have no room', async () => {
    await using scratch = await scratchFolder();
    const { path, plan } = await oneFile(scratch.path);
    await appendFile(path, Buffer.alloc(9 << 20));
    // its /dev/shm has room for 8 MiB
    await using small = await startTestMember({ keep: scratch.path, program: `print('ready'); input()` });
    const tailFolder = `${small.root}/dev/shm/tails`;
    const applying = applyFilePlan(await plan(), { ...apply, tailFolder, record: () => Promise.resolve() });
    await expect(applying).rejects.toMatchObject({ code: 'SP_FILES_NO_ROOM' });
    expect((await stat(path)).size).toBe(10 + (9 << 20));
  });

  test(
    'that a SIGKILL stops anywhere ends in the right content the next time',
    { timeout: 120_000 },
    async () => {
      await using scratch = await scratchFolder();
      const path = join(scratch.path, 'log');
      const records = join(scratch.path, 'records');
      await writeFile(path, 'beginning.');
      await writeFile(records, '');
      const timeline = new FileTimeline(scratch.path, [path], 'refuse');
      await appendFile(path, Buffer.alloc(6 << 20, 'first timeline '));
      const forward = await timeline.checkpoint();
      await truncate(path, 10);
      const back = await timeline.checkpoint();
      await writeFile(path, forward.contents.get(path)!);

      const readRecords = async (): Promise<UndoRecord[]> =>
        (await readFile(records, 'utf8'))
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as UndoRecord);
      // each restore is killed after ever more steps, until one gets through
      for (const epoch of [back, forward, back]) {
        await appendFile(path, 'and it ran on');
        for (let steps = 1; ; steps += 1) {
          const job = { files: epoch.files, tailFolder: timeline.tailFolder, records, steps };
          if ((await restoreInChild(job)) === 'done') break;
        }
        expect((await readFile(path)).equals(epoch.contents.get(path)!)).toBe(true);
      }
      timeline.records = await readRecords();
      await timeline.restore(forward);
      expect((await readFile(path)).equals(forward.contents.get(path)!)).toBe(true);
    },
  );
});

/** Plans and applies in a process of its own, which is sent SIGKILL as soon as it reports step number `steps`. */
async function restoreInChild(job: { steps: number } & Record<string, unknown>): Promise<'done' | 'killed'> {
  const program = fileURLToPath(new URL('./testing/restore-child.ts', import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let steps = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    steps += 1;
    if (line === 'end') break;
    if (steps === job.steps) child.kill('SIGKILL');
  }
  const [code, signal] = (await exited) as [number | null, string | null];
  if (signal === 'SIGKILL') return 'killed';
  expect(code).toBe(0);
  return 'done';
}
