// The readers of /proc, on texts as the kernel writes them.
import { describe, expect, test } from 'vitest';
import { isKernelFileSystem, parseDescriptorInfo, parseMounts, sharedMappings } from './proc.ts';

describe('parseDescriptorInfo', () => {
  const info = (flags: string) =>
    parseDescriptorInfo(`pos:\t12\nflags:\t${flags}\nmnt_id:\t29\nino:\t1234\n`);

  test.each([
    ['0100000', { writable: false, append: false, isPathOnly: false, mountId: 29 }],
    ['0100001', { writable: true, append: false, isPathOnly: false, mountId: 29 }],
    ['02102002', { writable: true, append: true, isPathOnly: false, mountId: 29 }],
    ['010100000', { writable: false, append: false, isPathOnly: true, mountId: 29 }],
  ])('flags %s', (flags, expected) => {
    expect(info(flags)).toEqual(expected);
  });

  test('refuses another text', () => {
    expect(() => parseDescriptorInfo('')).toThrow('fdinfo reads');
  });
});

test('sharedMappings names shared mappings of files alone, without leading zeros', () => {
  const maps = [
    '00400000-00401000 r--s 00000000 fe:00 1234                              /data/set one.bin',
    '7f0000001000-7f0000002000 rw-s 00000000 00:1d 5                         /dev/shm/x (deleted)',
    '7f0000002000-7f0000003000 rw-p 00000000 fe:00 99                        /lib/libc.so.6',
    '7f0000003000-7f0000004000 rw-s 00000000 00:01 0                         /dev/zero',
    '7f0000004000-7f0000005000 rw-p 00000000 00:00 0 ',
  ].join('\n');
  expect(sharedMappings(maps)).toEqual(['400000-401000', '7f0000001000-7f0000002000']);
});

test('parseMounts finds point and type, with blanks in names and optional fields', () => {
  const mounts = parseMounts(
    [
      '29 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw',
      '30 29 0:5 / /mnt/with\\040blank rw - tmpfs none rw',
      '',
    ].join('\n'),
  );
  expect(mounts.get(29)).toEqual({ point: '/', type: 'ext4' });
  expect(mounts.get(30)).toEqual({ point: '/mnt/with blank', type: 'tmpfs' });
  expect(isKernelFileSystem('proc')).toBe(true);
  expect(isKernelFileSystem('tmpfs')).toBe(false);
});
