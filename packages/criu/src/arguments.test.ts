// The command lines, in full: they are what the design rests on.
import { expect, test } from 'vitest';
import { dumpArguments, restoreArguments } from './arguments.ts';

test('a dump leaves the member as it was and the network to the hold', () => {
  expect(
    dumpArguments({
      pid: 1001,
      imagesDirectory: '/staging/images',
      logFile: '/staging/dump.log',
      freezeCgroup: '/sys/fs/cgroup/freezer/member',
    }),
  ).toEqual([
    'dump',
    '--tree=1001',
    '--leave-running',
    '--freeze-cgroup=/sys/fs/cgroup/freezer/member',
    '--ghost-limit=17179869184',
    '--timeout=10',
    '--images-dir=/staging/images',
    '--log-file=/staging/dump.log',
    '-v3',
    '--tcp-established',
    '--network-lock=skip',
    '--file-locks',
    '--manage-cgroups=ignore',
    '--no-default-config',
  ]);
});

test('a restore detaches and takes what is outside from its descriptors', () => {
  expect(
    restoreArguments({
      imagesDirectory: '/staging/images',
      logFile: '/staging/restore.log',
      pidFile: '/staging/restore.pid',
      actionScript: '/staging/freeze.sh',
      inherit: [
        { descriptor: 4, resource: 'pipe:[17]' },
        { descriptor: 5, resource: 'pipe:[18]' },
      ],
    }),
  ).toEqual([
    'restore',
    '--restore-detached',
    '--pidfile=/staging/restore.pid',
    '--inherit-fd=fd[4]:pipe:[17]',
    '--inherit-fd=fd[5]:pipe:[18]',
    '--images-dir=/staging/images',
    '--log-file=/staging/restore.log',
    '-v3',
    '--tcp-established',
    '--network-lock=skip',
    '--file-locks',
    '--manage-cgroups=ignore',
    '--no-default-config',
    '--action-script=/staging/freeze.sh',
  ]);
});

test('what is asked for otherwise', () => {
  const paths = { imagesDirectory: 'i', logFile: 'l' };
  const dump = dumpArguments({ ...paths, pid: 2, tcp: 'close', ghostBytesMax: 4096, verbosity: 4 });
  expect(dump).toEqual(expect.arrayContaining(['--tcp-close', '--ghost-limit=4096', '-v4']));
  expect(dump).not.toContain('--tcp-established');
  expect(restoreArguments({ ...paths, pluginDirectory: '/lib/criu' })).toContain('--libdir=/lib/criu');
});
