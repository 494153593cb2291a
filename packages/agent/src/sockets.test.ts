// How ss's lines are read.
import { describe, expect, it } from 'vitest';
import { nameHalfOpen, parseEndpoint, parseSocketLine } from './sockets.ts';

describe('an endpoint as ss prints it', () => {
  it.each([
    ['10.0.0.1:80', { address: '10.0.0.1', port: 80 }],
    ['[fd00::1]:443', { address: 'fd00::1', port: 443 }],
    ['[::ffff:10.0.0.1]:80', { address: '10.0.0.1', port: 80 }],
    ['[fe80::1%eth0]:9', { address: 'fe80::1', port: 9 }],
    ['10.0.0.1%eth0:80', { address: '10.0.0.1', port: 80 }],
  ])('%s', (text, expected) => {
    expect(parseEndpoint(text)).toEqual(expected);
  });
});

describe('a line of ss', () => {
  it('gives state, both ends, inode, cookie and queues', () => {
    const line = 'ESTAB 100 7 127.0.0.1:5000 127.0.0.1:56164 ino:21191 sk:10ab cgroup:unreachable:1 <->';
    expect(parseSocketLine(line)).toEqual({
      state: 'ESTABLISHED',
      local: { address: '127.0.0.1', port: 5000 },
      remote: { address: '127.0.0.1', port: 56164 },
      inode: 21191,
      cookie: '10ab',
      receiveQueueBytes: 100,
      sendQueueBytes: 7,
    });
  });

  it('of a socket without descriptor has inode 0', () => {
    expect(parseSocketLine('FIN-WAIT-1 0 9 10.0.0.1:1 10.0.0.2:2 timer:(on,1sec,0) sk:2 <->').inode).toBe(0);
  });

  it('that is no socket is an error', () => {
    expect(() => parseSocketLine('State Recv-Q')).toThrow(/ss printed/);
  });
});

it('connections that are being made are named', () => {
  const lines = [
    'ESTAB 0 0 10.0.0.1:1 10.0.0.2:2 ino:7 sk:1',
    'ESTAB 0 0 10.0.0.1:3 10.0.0.2:4 sk:2',
    'SYN-SENT 0 1 [fd00::1]:5 [fd00::2]:6 ino:8 sk:3',
    'FIN-WAIT-1 0 9 10.0.0.1:7 10.0.0.2:8 sk:4',
  ];
  expect(nameHalfOpen(lines.map(parseSocketLine))).toEqual([
    '10.0.0.1 port 3 with 10.0.0.2 port 4 (ESTABLISHED)',
    'fd00::1 port 5 with fd00::2 port 6 (SYN_SENT)',
  ]);
});
