// The bus over unix sockets keeps the contract, and holds against what only a connection can do wrong.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeName } from '@stillpoint/protocol';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { connectNode } from './connect.ts';
import { busLimits } from './limits.ts';
import { listenAsAgent } from './listen.ts';
import { busContract } from './testing.ts';

busContract('unix socket', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bus-'));
  const path = join(folder, 'n1.sock');
  return {
    listen: (handlers) => listenAsAgent(path, handlers),
    connect: () => connectNode(path),
    dispose: () => rm(folder, { recursive: true }),
  };
});

describe('over a unix socket', () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function socketPath(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'bus-'));
    cleanups.push(() => rm(folder, { recursive: true }));
    return join(folder, 'n1.sock');
  }

  async function agentAt(path: string) {
    const onCommand = vi.fn<() => void>();
    const listener = await listenAsAgent(path, {
      onRequest: () => Promise.resolve({ kind: 'Hello', node: nodeName('n1'), pid: 1, version: '0' }),
      onCommand,
    });
    cleanups.push(() => listener.close());
    return { listener, onCommand };
  }

  it('replaces a socket that a dead agent left behind', async () => {
    const path = await socketPath();
    await writeFile(path, '');
    await agentAt(path);
    const link = connectNode(path);
    cleanups.push(() => link.close());
    await vi.waitFor(() => expect(link.state).toBe('up'));
    await expect(link.request({ kind: 'Hello' })).resolves.toMatchObject({ node: 'n1' });
  });

  it.each([
    ['not JSON', 'hello\n'],
    ['not a message', '{"kind":"Command","command":{"kind":"Hold"}}\n'],
    ['an unknown kind', '{"kind":"Boo"}\n'],
  ])('hangs up on %s, and serves the others', async (_, bytes) => {
    const path = await socketPath();
    const { onCommand } = await agentAt(path);
    const link = connectNode(path);
    cleanups.push(() => link.close());
    await vi.waitFor(() => expect(link.state).toBe('up'));
    const stranger = connect(path);
    const closed = new Promise((resolve) => stranger.once('close', resolve));
    stranger.on('error', () => undefined);
    stranger.write(bytes);
    await closed;
    expect(onCommand).not.toHaveBeenCalled();
    await expect(link.request({ kind: 'Hello' })).resolves.toMatchObject({ node: 'n1' });
  });

  it('hangs up on an agent that speaks something else, and tries again', async () => {
    const path = await socketPath();
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.on('error', () => undefined);
      socket.write('{"kind":"Event","event":{}}\n');
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const link = connectNode(path);
    cleanups.push(() => link.close().then(() => server.close()));
    await vi.waitFor(() => expect(connections).toBeGreaterThan(2));
  });

  it('takes a bounded number of coordinators', async () => {
    const path = await socketPath();
    await agentAt(path);
    const links = Array.from({ length: busLimits.connectionsMax }, () => connectNode(path));
    for (const link of links) cleanups.push(() => link.close());
    await vi.waitFor(() => expect(links.every(({ state }) => state === 'up')).toBe(true));
    const late = connect(path);
    await new Promise((resolve) => late.once('close', resolve));
    expect(links.every(({ state }) => state === 'up')).toBe(true);
  });

  it('refuses a message over its limit', async () => {
    const path = await socketPath();
    await agentAt(path);
    const link = connectNode(path);
    cleanups.push(() => link.close());
    await vi.waitFor(() => expect(link.state).toBe('up'));
    const halfDead = 'x'.repeat(busLimits.messageBytesMax);
    const command = { kind: 'Settle', gang: 'g', incarnation: 1, epoch: 1, fence: 1, halfDead } as never;
    expect(link.send(command)).toBe(false);
    expect(link.state).toBe('up');
  });
});
