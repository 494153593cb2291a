// Which connections are destroyed after the last release, and which are left alone.
import { describe, expect, test } from 'vitest';
import type { KernelSocket, TcpState } from './cut.ts';
import { judgeHalfDead, type MemberSockets } from './half-dead.ts';
import { memberId } from './ids.ts';

const client = { address: '10.0.0.1', port: 4000 };
const server = { address: '10.0.0.2', port: 29500 };

const socket = (state: TcpState, isClient = true, cookie = 'c1'): KernelSocket => ({
  local: isClient ? client : server,
  remote: isClient ? server : client,
  state,
  inode: 11,
  cookie,
  sendQueueBytes: 0,
  receiveQueueBytes: 0,
});

/** What a look at both members finds. */
const look = (ofClient: readonly KernelSocket[], ofServer: readonly KernelSocket[]): MemberSockets[] => [
  { member: memberId(0), addresses: [client.address], sockets: ofClient },
  { member: memberId(1), addresses: [server.address], sockets: ofServer },
];

const lonely = look([socket('ESTABLISHED')], []);

describe('half-dead connections', () => {
  test.each(['ESTABLISHED', 'FIN_WAIT1', 'FIN_WAIT2'] as const)(
    '%s without its other end is one',
    (state) => {
      const found = look([socket(state)], []);
      expect(judgeHalfDead(found, found)).toEqual([
        { member: memberId(0), cookie: 'c1', local: client, remote: server },
      ]);
    },
  );

  test.each(['CLOSE_WAIT', 'SYN_SENT', 'SYN_RECV', 'TIME_WAIT', 'LAST_ACK', 'CLOSING', 'CLOSE'] as const)(
    '%s is never one',
    (state) => {
      const found = look([socket(state)], []);
      expect(judgeHalfDead(found, found)).toEqual([]);
    },
  );

  test.each(['ESTABLISHED', 'TIME_WAIT', 'SYN_RECV', 'LAST_ACK', 'CLOSE_WAIT'] as const)(
    'an other end of any kind saves it: %s',
    (state) => {
      const found = look([socket('ESTABLISHED')], [socket(state, false, 'c2')]);
      expect(judgeHalfDead(found, found)).toEqual([]);
    },
  );

  test('it must be seen twice', () => {
    const whole = look([socket('ESTABLISHED')], [socket('ESTABLISHED', false, 'c2')]);
    expect(judgeHalfDead(whole, lonely)).toEqual([]);
    expect(judgeHalfDead(lonely, whole)).toEqual([]);
    expect(judgeHalfDead(lonely, look([], []))).toEqual([]);
  });

  test('by the same cookie: another connection at the same place is another connection', () => {
    expect(judgeHalfDead(lonely, look([socket('ESTABLISHED', true, 'c9')], []))).toEqual([]);
  });

  test('members that were not looked at, and the outside, are not judged', () => {
    const clientOnly = lonely.slice(0, 1);
    expect(judgeHalfDead(clientOnly, clientOnly)).toEqual([]);
  });

  test('loopback connections are judged inside their member', () => {
    const end = {
      ...socket('ESTABLISHED'),
      local: { address: '::1', port: 1 },
      remote: { address: '::1', port: 2 },
    };
    const other = { ...end, local: end.remote, remote: end.local, cookie: 'c2' };
    expect(judgeHalfDead(look([end], []), look([end], []))).toHaveLength(1);
    expect(judgeHalfDead(look([end, other], []), look([end, other], []))).toEqual([]);
    // The other end of a loopback connection is not in another member.
    expect(judgeHalfDead(look([end], [other]), look([end], [other]))).toHaveLength(2);
  });
});
