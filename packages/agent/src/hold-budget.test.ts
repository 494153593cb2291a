// The hold's budget from real sockets' timers.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { dumpDeadlineMs, holdBudgetMs, longestHoldMs, readSocketTimers } from './hold-budget.ts';
import { limits } from './limits.ts';

const program = `
import socket, sys
a = socket.create_server(('127.0.0.1', 0))
b = socket.create_connection(a.getsockname())
c, _ = a.accept()
b.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 9000)
c.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
c.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 3)
c.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print('ready', flush=True)
sys.stdin.read()
`;

it('reads user time-out and keepalive of every connection, and of nothing else', async () => {
  const child = spawn('/usr/bin/python3', ['-c', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    const timers = await readSocketTimers([child.pid ?? 0]);
    expect(timers.toSorted((a, b) => a.userTimeoutMs - b.userTimeoutMs)).toEqual([
      { userTimeoutMs: 0, keepaliveMs: 12_000 },
      { userTimeoutMs: 9000, keepaliveMs: 0 },
    ]);
    expect(holdBudgetMs(timers)).toBe(4500);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

it('is the default where no connection has a shorter one', () => {
  expect(holdBudgetMs([])).toBe(limits.holdBudgetMs);
  expect(holdBudgetMs([{ userTimeoutMs: 0, keepaliveMs: 675_000 }])).toBe(limits.holdBudgetMs);
});

it('passes over processes that are gone', async () => {
  expect(await readSocketTimers([2 ** 22 - 1])).toEqual([]);
  expect(await readSocketTimers([])).toEqual([]);
});

describe('STILLPOINT_HOLD_BUDGET', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('shortens the hold of every member, and the dump with it', () => {
    vi.stubEnv('STILLPOINT_HOLD_BUDGET', '7');
    expect(holdBudgetMs([])).toBe(7_000);
    expect(holdBudgetMs([{ userTimeoutMs: 4_000, keepaliveMs: 0 }])).toBe(2_000);
    expect(dumpDeadlineMs()).toBe(14_000);
  });

  it.each(['0', '61', '-1', '1.5', '5s', ' ', '1e1'])('can not be "%s"', (value) => {
    vi.stubEnv('STILLPOINT_HOLD_BUDGET', value);
    expect(() => longestHoldMs()).toThrow(
      expect.objectContaining({ code: 'SP_SETTING_INVALID', message: expect.stringContaining(`"${value}"`) }),
    );
  });
});
