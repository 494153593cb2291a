// Saving and restoring a sandbox's /tmp and /dev/shm, from one mount namespace into another.
import { once } from 'node:events';
import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { restorePrivate, savePrivate } from './private-files.ts';
import { namespacesMissing, scratchFolder, startTestMember } from './testing/scratch.ts';

const fill = `
import os, socket, sys
os.umask(0)
def write(path, content, mode=0o600):
    with open(path, 'wb') as file: file.write(content)
    os.chmod(path, mode)
os.mkdir('/tmp/folder', 0o750)
write('/tmp/folder/mode', b'mode', 0o4711); os.chown('/tmp/folder/mode', 1234, 4321); os.chmod('/tmp/folder/mode', 0o4711)
write('/tmp/one', b'linked'); os.link('/tmp/one', '/tmp/two')
os.symlink('/etc/passwd', '/tmp/absolute'); os.symlink('one', '/tmp/relative')
with open('/tmp/sparse', 'wb') as file: file.seek(40 << 20); file.write(b'end')
os.mkfifo('/tmp/fifo', 0o640)
os.setxattr('/tmp/one', 'trusted.note', b'kept')
socket.socket(socket.AF_UNIX).bind('/tmp/folder/listener')
write('/dev/shm/segment', b'shared memory'); write('/tmp/line\\nbreak', b'odd'); write(b'/tmp/\\xff', b'no text')
write(sys.argv[1] + '/of-the-host', b'stays')
for path in ['/tmp/one', '/dev/shm/segment', '/tmp/folder', '/tmp']: os.utime(path, ns=(10**18 + 1, 10**18 + 123456789))
print('ready'); sys.stdin.read()
`;

/** Prints everything that a restored file has to have, in a fixed order. */
const describeFiles = `
import hashlib, json, os, stat, sys
print('ready')
sys.stdin.readline()
found = {}
for top in ['/tmp', '/dev/shm']:
    for folder, folders, files in os.walk(os.fsencode(top)):
        if folder == os.fsencode(sys.argv[1]): folders.clear(); continue
        for path in [folder] + [os.path.join(folder, name) for name in files]:
            s = os.lstat(path); kind = stat.S_IFMT(s.st_mode)
            content = hashlib.sha256(open(path, 'rb').read()).hexdigest() if kind == stat.S_IFREG else ''
            target = os.readlink(path).decode() if kind == stat.S_IFLNK else ''
            found[repr(path)] = [oct(s.st_mode), s.st_uid, s.st_gid, s.st_nlink if kind == stat.S_IFREG else 0, s.st_blocks, content, target,
                s.st_mtime_ns, {} if kind == stat.S_IFLNK else {n: os.getxattr(path, n).decode() for n in os.listxattr(path)}]
print(json.dumps(found, sort_keys=True)); sys.stdin.read()
`;

type Described = Record<string, unknown[]>;

describe.skipIf(namespacesMissing !== undefined)(`private files (${namespacesMissing ?? 'GNU tar'})`, () => {
  test('come back in a new sandbox as they were, without what is the host’s', async () => {
    await using keep = await scratchFolder();
    await using staging = await scratchFolder('/var/tmp');
    const to = join(staging.path, 'private.tar');
    const describeIn = async (member: Awaited<ReturnType<typeof startTestMember>>): Promise<Described> => {
      member.child.stdin?.write('\n');
      return JSON.parse(String((await member.lines.next()).value)) as Described;
    };
    const program = fill.replace("print('ready'); sys.stdin.read()", describeFiles);
    await using old = await startTestMember({ keep: keep.path, program, args: [keep.path] });
    const saved = await savePrivate({ root: old.root, to, exclude: keep.path });
    const before = await describeIn(old);

    expect(saved.skippedSockets).toEqual(['/tmp/folder/listener']);
    expect(saved.bytes).toBe((await stat(to)).size);
    expect(saved.bytes).toBeLessThan(1 << 20);
    const hostFolder = await stat(keep.path);

    await using fresh = await startTestMember({ keep: keep.path, program: describeFiles, args: [keep.path] });
    await restorePrivate({ root: fresh.root, from: to });
    const after = await describeIn(fresh);
    delete before["b'/tmp/folder/listener'"];
    expect(after).toEqual(before);
    expect(Object.keys(after)).toContain("b'/tmp/\\xff'");
    expect(await readFile(join(keep.path, 'of-the-host'), 'utf8')).toBe('stays');
    expect((await stat(keep.path)).mtimeMs).toBe(hostFolder.mtimeMs);
  });

  test('a full staging area is said by name, and leaves nothing there', async () => {
    await using keep = await scratchFolder();
    const program = `
import os, sys
os.mkdir('/dev/shm/staging')
open('/tmp/large', 'wb').write(os.urandom(16 << 20)); print('ready'); sys.stdin.read()`;
    await using member = await startTestMember({ keep: keep.path, program });
    // its /dev/shm has room for 8 MiB
    const staging = `${member.root}/dev/shm/staging`;
    const saving = savePrivate({ root: member.root, to: join(staging, 'private.tar') });
    await expect(saving).rejects.toMatchObject({
      code: 'SP_FILES_NO_ROOM',
      message: expect.stringContaining('private.tar'),
    });
    expect(await readdir(staging)).toEqual([]);
  });

  test('a sandbox with too small a /tmp is said by name', async () => {
    await using keep = await scratchFolder();
    await using staging = await scratchFolder('/var/tmp');
    const to = join(staging.path, 'private.tar');
    const program = `
import os, sys
open('/tmp/large', 'wb').write(os.urandom(4 << 20)); print('ready'); sys.stdin.read()`;
    await using old = await startTestMember({ keep: keep.path, program });
    await savePrivate({ root: old.root, to, exclude: keep.path });
    await using small = await startTestMember({
      keep: keep.path,
      program: `print('ready'); input()`,
      tmpSize: '1m',
    });
    const restoring = restorePrivate({ root: small.root, from: to });
    await expect(restoring).rejects.toMatchObject({ code: 'SP_FILES_NO_ROOM' });
  });

  test('a sandbox that is gone is refused', async () => {
    await using keep = await scratchFolder();
    const member = await startTestMember({ keep: keep.path, program: `print('ready'); input()` });
    const exited = once(member.child, 'exit');
    member.child.kill('SIGKILL');
    await exited;
    await member[Symbol.asyncDispose]();
    const saving = savePrivate({ root: member.root, to: join(keep.path, 'private.tar') });
    await expect(saving).rejects.toMatchObject({ code: 'SP_PRIVATE_FILES_FAILED' });
  });

  test('a link in place of a private folder is refused', async () => {
    await using root = await scratchFolder();
    await symlink('/tmp', join(root.path, 'tmp'));
    const saving = savePrivate({ root: root.path, to: join(root.path, 'private.tar') });
    await expect(saving).rejects.toMatchObject({
      code: 'SP_PRIVATE_FILES_FAILED',
      message: `${root.path}/tmp: is no folder`,
    });
  });

  test('a damaged archive is refused', async () => {
    await using keep = await scratchFolder();
    await using staging = await scratchFolder('/var/tmp');
    const from = join(staging.path, 'private.tar');
    await writeFile(from, 'no archive at all');
    await using member = await startTestMember({ keep: keep.path, program: `print('ready'); input()` });
    const restoring = restorePrivate({ root: member.root, from });
    await expect(restoring).rejects.toMatchObject({ code: 'SP_PRIVATE_FILES_FAILED' });
  });
});
