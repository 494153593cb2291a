// The real servers, as tests use them: they serve, go on after a kill, stand still, are cut off, and leave nothing behind.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  type Authority,
  type EtcdServer,
  makeAuthority,
  type Server,
  startEtcd,
  startEtcdCluster,
  startNatsServer,
} from './index.ts';

const waiting = { timeout: 20_000, interval: 50 };

/** The test's server: gone when the test ends. */
async function started<Started extends Server>(starting: Promise<Started>): Promise<Started> {
  const server = await starting;
  onTestFinished(() => server.dispose());
  return server;
}

/** One call of etcd's JSON gateway. */
async function call(url: string, method: string, body: object, timeoutMs = 5000): Promise<unknown> {
  const response = await fetch(`${url}/v3/${method}`, {
    method: 'POST',
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!response.ok) throw new Error(`${method}: ${response.status} ${await response.text()}`);
  return await response.json();
}
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const put = ({ url }: EtcdServer, key: string, timeoutMs?: number): Promise<unknown> =>
  call(url, 'kv/put', { key: base64(key), value: base64('v') }, timeoutMs);
const has = async ({ url }: EtcdServer, key: string, timeoutMs?: number): Promise<boolean> => {
  const found = (await call(url, 'kv/range', { key: base64(key) }, timeoutMs)) as { count?: string };
  return found.count === '1';
};

/** What a nats-server says first to whoever connects. */
async function natsGreeting(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  try {
    const [first] = (await once(socket, 'data')) as [Buffer];
    return first.toString();
  } finally {
    socket.destroy();
  }
}

describe('nats-server', () => {
  test('serves on a free port, and again on the same one after a kill', async () => {
    const server = await started(startNatsServer());
    expect(await natsGreeting(server.port)).toMatch(/^INFO \{.*"version":"2\.15\.2"/);
    await server.kill();
    await expect(natsGreeting(server.port)).rejects.toThrow('ECONNREFUSED');
    await server.restart();
    expect(await natsGreeting(server.port)).toMatch(/^INFO /);
  });

  test('takes more configuration, and says what is wrong with it', async () => {
    const server = await started(startNatsServer({ config: 'max_payload: 4321' }));
    expect(await natsGreeting(server.port)).toContain('"max_payload":4321');
    await expect(startNatsServer({ config: 'no_such_thing: 1' })).rejects.toThrow('no_such_thing');
  });

  test('stands still and goes on', async () => {
    const server = await started(startNatsServer());
    server.pause();
    const asked = fetch(`${server.monitorUrl}/varz`, { signal: AbortSignal.timeout(300) });
    await expect(asked).rejects.toMatchObject({ name: 'TimeoutError' });
    server.resume();
    expect((await fetch(`${server.monitorUrl}/varz`)).ok).toBe(true);
  });
});

describe('certificates', () => {
  let authority: Authority;
  beforeAll(async () => {
    authority = await makeAuthority();
  });
  afterAll(() => authority.dispose());

  test.for([
    { shows: 'a certificate of the authority', isLetIn: true },
    { shows: 'none', isLetIn: false },
    { shows: "another authority's", isLetIn: false },
  ])('etcd lets in who shows $shows: $isLetIn', async ({ shows, isLetIn }) => {
    const other = await makeAuthority();
    onTestFinished(() => other.dispose());
    const server = await started(
      startEtcd({ tls: { authority, server: await authority.server('etcd'), clientsShowCertificate: true } }),
    );
    const issuer = shows === 'none' ? undefined : isLetIn ? authority : other;
    const client = await issuer?.client('somebody');
    const socket = connectTls({
      port: Number(new URL(server.url).port),
      host: '127.0.0.1',
      ca: authority.certificate,
      ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
    });
    socket.on('secureConnect', () => socket.write('GET /version HTTP/1.1\r\nHost: x\r\n\r\n'));
    const answer = once(socket, 'data').then(([bytes]) => String(bytes));
    if (isLetIn) expect(await answer).toContain('3.6.16');
    else await expect(answer).rejects.toThrow(/certificate|unknown ca|ECONNRESET/i);
    socket.destroy();
  });

  test('nats-server speaks TLS with them', async () => {
    const server = await started(
      startNatsServer({ tls: { authority, server: await authority.server('nats'), clients: 'verify' } }),
    );
    expect(server.url).toMatch(/^tls:/);
    expect(await natsGreeting(server.port)).toContain('"tls_verify":true');
  });
});

describe('etcd', () => {
  test('keeps what was written through a stop and a kill', async () => {
    const server = await started(startEtcd());
    await put(server, 'a');
    await server.stop();
    await server.restart();
    expect(await has(server, 'a')).toBe(true);
    await put(server, 'b');
    await server.kill();
    await server.restart();
    expect(await has(server, 'b')).toBe(true);
  });

  test('of three members outlives the loss of one, and not of two', async () => {
    const cluster = await startEtcdCluster(3);
    onTestFinished(() => cluster.dispose());
    const leader = await cluster.leader();
    const [one, two] = cluster.members.filter((member) => member !== leader);
    await put(leader, 'before');
    await leader.kill();
    await vi.waitFor(() => put(one!, 'without the leader', 1000), waiting);
    two!.pause();
    await expect(put(one!, 'alone', 1500)).rejects.toThrow(/time|leader/i);
    two!.resume();
    await vi.waitFor(() => put(two!, 'again', 1000), waiting);
    await leader.restart();
    expect(await has(leader, 'again')).toBe(true);
  });

  test('of three members has a leader among those that reach each other', async () => {
    const cluster = await startEtcdCluster(3);
    onTestFinished(() => cluster.dispose());
    const cutOff = await cluster.leader();
    const [one] = cluster.members.filter((member) => member !== cutOff);
    await put(cutOff, 'before');
    cluster.isolate(cutOff);
    await expect(put(cutOff, 'nobody hears it', 1500)).rejects.toThrow(/time|leader/i);
    await vi.waitFor(() => put(one!, 'meanwhile', 1000), waiting);
    await expect(has(cutOff, 'meanwhile', 1500)).rejects.toThrow(/time|leader/i);
    cluster.heal();
    await vi.waitFor(async () => expect(await has(cutOff, 'meanwhile', 1000)).toBe(true), waiting);
  });
});

test('a server ends with whoever started it, however that ends', async () => {
  const script = `
    import { startEtcd } from ${JSON.stringify(new URL('index.ts', import.meta.url).href)};
    const server = await startEtcd();
    console.log(server.pid);
    setInterval(() => {}, 1000);
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(printed.toString());
  const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  const folder = path.dirname(args[args.indexOf('--data-dir') + 1]!);
  onTestFinished(() => rmSync(folder, { recursive: true }));
  parent.kill('SIGKILL');
  await vi.waitFor(() => expect(existsSync(`/proc/${pid}`)).toBe(false), waiting);
});
