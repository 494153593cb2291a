// How ss's lines of unix sockets are read.
import { expect, it } from 'vitest';
import { parseUnixSocket } from './unix-sockets.ts';

it.each([
  ['u_str ESTAB 0      0             * 15 * 16', { inode: 15, peerInode: 16, path: undefined }],
  ['u_str LISTEN 0      5   /srv/a b.sock 17 * 0   ', { inode: 17, peerInode: 0, path: '/srv/a b.sock' }],
  ['u_dgr UNCONN 0      0  * 18 /dev/log 19', { inode: 18, peerInode: 19, path: '/dev/log' }],
  ['u_seq ESTAB 1      2  @abstract 20  * 21', { inode: 20, peerInode: 21, path: '@abstract' }],
])('%s', (line, expected) => {
  expect(parseUnixSocket(line)).toEqual(expected);
});

it('a line that is no socket is an error', () => {
  expect(() => parseUnixSocket('u_str ESTAB')).toThrow(/ss printed/);
});
