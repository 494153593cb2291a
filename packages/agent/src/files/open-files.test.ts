// Noting the open files of real processes in a mount namespace of their own.
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileNote } from '@stillpoint/protocol';
import { describe, expect, test } from 'vitest';
import { noteFiles } from './open-files.ts';
import { namespacesMissing, scratchFolder, startTestMember, type TestMember } from './testing/scratch.ts';

async function noteMember(member: TestMember): Promise<FileNote[]> {
  const children = (await readFile(`/proc/${member.pid}/task/${member.pid}/children`, 'utf8')).trim();
  const pids = [member.pid, ...children.split(' ').filter(Boolean).map(Number)];
  const privateDevices = [(await stat(`${member.root}/tmp`)).dev, (await stat(`${member.root}/dev/shm`)).dev];
  const notes = await noteFiles({ pids, privateDevices });
  // what Python's own libraries map
  return notes.filter((note) => !note.path.startsWith('/usr/lib'));
}

const prelude = `
import mmap, os, sys
os.chdir(sys.argv[1])
def new(path, flags, content=b'0123456789'):
    fd = os.open(path, flags | os.O_CREAT, 0o644)
    if flags & os.O_ACCMODE: os.write(fd, content)
    return fd
def ready():
    print('ready'); sys.stdin.read()
`;

async function notesOf(program: string): Promise<{ notes: FileNote[]; folder: string }> {
  await using scratch = await scratchFolder();
  await writeFile(join(scratch.path, 'data'), 'x'.repeat(100));
  await using member = await startTestMember({
    keep: scratch.path,
    program: `${prelude}\n${program}\nready()`,
    args: [scratch.path],
  });
  return { notes: await noteMember(member), folder: scratch.path };
}

describe.skipIf(namespacesMissing !== undefined)(
  `noteFiles (${namespacesMissing ?? 'real processes'})`,
  () => {
    test('notes size, inode and how each file is open', async () => {
      await using scratch = await scratchFolder();
      await writeFile(join(scratch.path, 'data'), 'x'.repeat(100));
      await using member = await startTestMember({
        keep: scratch.path,
        args: [scratch.path],
        program: `${prelude}
new('log', os.O_WRONLY | os.O_APPEND)
new('plain', os.O_RDWR)
os.open('data', os.O_RDONLY)
ready()`,
      });
      const notes = await noteMember(member);
      const log = await stat(join(scratch.path, 'log'));
      const common = { device: log.dev, isPrivate: false, modifiedMs: expect.any(Number) };
      expect(notes).toEqual([
        {
          ...common,
          path: join(scratch.path, 'data'),
          inode: expect.any(Number),
          sizeBytes: 100,
          writable: false,
          append: false,
        },
        {
          ...common,
          path: join(scratch.path, 'log'),
          inode: log.ino,
          sizeBytes: 10,
          writable: true,
          append: true,
        },
        {
          ...common,
          path: join(scratch.path, 'plain'),
          inode: expect.any(Number),
          sizeBytes: 10,
          writable: true,
          append: false,
        },
      ]);
    });

    test('knows the files of the sandbox from those of the host', async () => {
      const { notes, folder } = await notesOf(`
new('/tmp/private', os.O_RDWR); new('/dev/shm/private', os.O_RDWR); new('shared', os.O_RDWR)`);
      expect(notes.map((note) => [note.path, note.isPrivate])).toEqual([
        ['/dev/shm/private', true],
        ['/tmp/private', true],
        [join(folder, 'shared'), false],
      ]);
    });

    test('a file that is also open without O_APPEND, by another process, is not only appended to', async () => {
      const { notes } = await notesOf(`
new('log', os.O_WRONLY | os.O_APPEND)
r, w = os.pipe()
if os.fork() == 0:
    os.open('log', os.O_RDWR); os.write(w, b'.'); os.close(w); sys.stdin.read(); os._exit(0)
os.read(r, 1)`);
      expect(notes).toMatchObject([{ writable: true, append: false }]);
    });

    test('a reader beside it changes nothing for an appender', async () => {
      const { notes } = await notesOf(`new('log', os.O_WRONLY | os.O_APPEND); os.open('log', os.O_RDONLY)`);
      expect(notes).toMatchObject([{ writable: true, append: true }]);
    });

    test('shared mappings count by how the file was opened, descriptors or not', async () => {
      const { notes, folder } = await notesOf(`
def mapped(name, flags, prot):
    fd = new(name, flags) if flags else os.open('data', flags)
    m = mmap.mmap(fd, 10, mmap.MAP_SHARED, prot); os.close(fd); return m
keep = [mapped('written', os.O_RDWR, mmap.PROT_READ | mmap.PROT_WRITE),
        mapped('may-be-written', os.O_RDWR, mmap.PROT_READ),
        mapped('data', os.O_RDONLY, mmap.PROT_READ)]
fd = os.open('data', os.O_RDONLY); mmap.mmap(fd, 10, mmap.MAP_PRIVATE, mmap.PROT_READ); os.close(fd)
fd = new('log', os.O_RDWR | os.O_APPEND); keep.append(mmap.mmap(fd, 10))`);
      expect(notes.map((note) => [note.path.slice(folder.length + 1), note.writable, note.append])).toEqual([
        ['data', false, false],
        ['log', true, false],
        ['may-be-written', true, false],
        ['written', true, false],
      ]);
    });

    test('leaves out what is unlinked, of the kernel, a place, or no regular file', async () => {
      const { notes, folder } = await notesOf(`
new('gone', os.O_RDWR); os.unlink('gone')
new('renamed-over', os.O_RDWR); os.close(new('new', os.O_RDWR)); os.rename('new', 'renamed-over')
new('linked', os.O_RDWR); os.link('linked', 'other'); os.unlink('linked')
os.open('/proc/self/status', os.O_RDONLY); os.open('data', os.O_PATH); os.open('.', os.O_RDONLY)
os.mkfifo('fifo'); os.open('fifo', os.O_RDWR); os.memfd_create('memory'); os.open('/dev/zero', os.O_RDWR)
shared = mmap.mmap(-1, 4096)
new('x (deleted)', os.O_RDWR)`);
      expect(notes.map((note) => note.path)).toEqual([join(folder, 'x (deleted)')]);
    });

    test('two names of one file are one note, and odd names are kept as they are', async () => {
      const { notes, folder } = await notesOf(`
new('a', os.O_WRONLY | os.O_APPEND); os.link('a', 'b'); os.open('b', os.O_WRONLY)
new('line\\nbreak and blank', os.O_RDWR); new('\\u00fcml', os.O_RDWR)`);
      expect(notes.map((note) => [note.path.slice(folder.length + 1), note.append])).toEqual([
        ['a', false],
        ['line\nbreak and blank', false],
        ['üml', false],
      ]);
    });

    test('a file that is a mount itself belongs to the sandbox', async () => {
      const { notes } = await notesOf(`
os.close(new('/tmp/hosts', os.O_RDWR)); assert os.system('mount --bind /tmp/hosts /etc/hosts') == 0
os.open('/etc/hosts', os.O_RDONLY)`);
      expect(notes).toEqual([]);
    });

    test('a name that is no text is refused', async () => {
      await expect(notesOf(`new(b'\\xff\\xfe', os.O_RDWR)`)).rejects.toMatchObject({ code: 'SP_FILE_NAME' });
    });

    test('a process that has ended and is not reaped has nothing open', async () => {
      const { notes } = await notesOf(`
r, w = os.pipe()
if os.fork() == 0: os._exit(0)
os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)`);
      expect(notes).toEqual([]);
    });

    test('thousands of open files are noted in a fraction of a second', async () => {
      await using scratch = await scratchFolder();
      await mkdir(join(scratch.path, 'many'));
      await using member = await startTestMember({
        keep: scratch.path,
        args: [scratch.path],
        program: `${prelude}
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
for i in range(2000): new(f'many/{i}', os.O_RDWR)
ready()`,
      });
      const start = performance.now();
      expect(await noteMember(member)).toHaveLength(2000);
      expect(performance.now() - start).toBeLessThan(2000);
    });
  },
);
