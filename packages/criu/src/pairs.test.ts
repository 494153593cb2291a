// The real CRIU on a real process pair: the table's numbers are what the programs know, and after the images are
// rewritten everything arrives at other addresses, to the byte.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dumpArguments, restoreArguments } from './arguments.ts';
import type { ConnectionTable, TcpConnection } from './connection-table.ts';
import { connectionTable, describeImages, rewriteImages } from './directory.ts';
import type { TcpState } from './inet-sockets.ts';
import { eventually, missingForCriu, readJson, Sandbox, temporaryFolder } from './testing.ts';

/** What the program says of one end of a connection. */
interface EndReport {
  readonly inode: number;
  readonly sent: number;
  readonly read: number;
  readonly shut: boolean | string;
  readonly ended: string | null;
  readonly local: readonly [string, number] | null;
  readonly remote: readonly [string, number] | null;
}
type SideReport = Readonly<Record<string, EndReport>>;
interface PairReport {
  readonly client: SideReport;
  readonly server: SideReport;
}

const program = join(import.meta.dirname, '../testdata/pairs.py');
const home = { ipv4: '10.77.1.1', ipv6: 'fd77::1:1' };
const away = { ipv4: '10.88.2.2', ipv6: 'fd88::2:2' };
const moreBytes = 777;

/** The states of client and server in each case of the program. */
const expectedStates: Readonly<Record<string, readonly [TcpState, TcpState]>> = {
  idle: ['ESTABLISHED', 'ESTABLISHED'],
  'in-flight': ['ESTABLISHED', 'ESTABLISHED'],
  'both-fins': ['FIN_WAIT1', 'FIN_WAIT1'],
  quiet: ['ESTABLISHED', 'ESTABLISHED'],
  unread: ['ESTABLISHED', 'ESTABLISHED'],
  full: ['ESTABLISHED', 'ESTABLISHED'],
  'half-closed': ['FIN_WAIT2', 'CLOSE_WAIT'],
  'fin-behind-data': ['FIN_WAIT1', 'ESTABLISHED'],
  'last-ack': ['FIN_WAIT2', 'LAST_ACK'],
  over: ['CLOSE', 'CLOSE'],
};
const cases = ['ipv4', 'ipv6', 'mapped'].flatMap((family) =>
  Object.keys(expectedStates).map((name) => `${family} ${name}`),
);
const missing = missingForCriu();

describe.skipIf(missing !== undefined)(`a process pair over TCP (${missing ?? 'real CRIU'})`, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let images: string;
  let before: PairReport;
  let table: ConnectionTable;

  beforeAll(async () => {
    folder = await temporaryFolder();
    images = join(folder.path, 'images');
    await mkdir(images);
    before = await dumpPairs(folder.path, images);
    table = await connectionTable(images);
  });
  afterAll(() => folder?.[Symbol.asyncDispose]());

  test('the table holds every socket, as plain data', () => {
    expect(JSON.parse(JSON.stringify(table))).toEqual(table);
    expect(table.connections).toHaveLength(cases.length * 2);
    expect(table.listeners.map(({ local, family }) => [local.address, family])).toEqual([
      [home.ipv4, 'ipv4'],
      [home.ipv6, 'ipv6'],
      ['::', 'ipv6'],
    ]);
    expect(table.udp.map(({ local, remote }) => [local.address, remote.address])).toEqual([
      [home.ipv4, '0.0.0.0'],
      [home.ipv6, home.ipv6],
    ]);
    expect(table.unconnected).toHaveLength(1);
    expect([...table.streamless, ...table.other]).toEqual([]);
  });

  test.each(cases)('the numbers of %s are what the programs know', (name) => {
    const client = connectionOf(table, before.client[name]);
    const server = connectionOf(table, before.server[name]);
    expect([client.state, server.state]).toEqual(expectedStates[name.split(' ')[1] ?? '']);
    expect([client.local, client.remote]).toEqual([server.remote, server.local]);
    checkDirection(client, server, before.client[name]!, before.server[name]!);
    checkDirection(server, client, before.server[name]!, before.client[name]!);
  });

  test('the description names processes, files and blockers', async () => {
    const description = await describeImages(images);
    expect(description.processes.map(({ command, threads }) => [command, threads.length])).toEqual([
      ['python3', 1],
      ['python3', 1],
    ]);
    const logs = description.regularFiles.filter((file) => file.path === join(folder.path, 'program.log'));
    expect(logs).toMatchObject([{ access: 'write', append: false, size: 0n, unnamed: false }]);
    expect(logs[0]?.descriptors.map(({ descriptor }) => descriptor)).toEqual([1, 2, 1, 2]);
    expect(description.pageBytes).toBeGreaterThan(1_000_000);
    expect(description.imageBytes).toBeGreaterThan(description.pageBytes);
    expect(description.blockers).toEqual([]);
  });

  test('everything arrives at other addresses', async () => {
    const report = await rewriteImages(images, {
      addresses: new Map([
        [home.ipv4, away.ipv4],
        [home.ipv6, away.ipv6],
      ]),
      fileSizes: new Map(),
    });
    // All connections, two bound listeners and two UDP sockets; wildcards stay.
    expect(report).toEqual({
      socketsChanged: cases.length * 2 + 4,
      sizesChanged: 0,
      connectionsClosed: 0,
      outside: [],
    });

    const after = await restorePairs(folder.path, images);
    for (const name of cases) {
      const [client, server] = [after.client[name]!, after.server[name]!];
      expect([name, client.ended, server.ended]).toEqual([name, 'EOF', 'EOF']);
      const sent = (end: EndReport | undefined) => (end?.sent ?? 0) + (end?.shut === true ? 0 : moreBytes);
      expect([name, client.read, server.read]).toEqual([
        name,
        sent(before.server[name]),
        sent(before.client[name]),
      ]);
      if (name.endsWith('over')) continue;
      const address = name.startsWith('ipv6') ? away.ipv6 : away.ipv4;
      expect(client.local?.[0]).toBe(address);
      expect(server.remote?.[0]).toBe(name.startsWith('mapped') ? `::ffff:${address}` : address);
    }
  });
});

/** Starts the pair, holds its network, and dumps it. */
async function dumpPairs(folder: string, images: string): Promise<PairReport> {
  await using sandbox = await Sandbox.start([`${home.ipv4}/32`, `${home.ipv6}/128`]);
  sandbox.start({
    command: ['/usr/bin/python3', program, folder, home.ipv4, home.ipv6],
    log: join(folder, 'program.log'),
  });
  const pid = await eventually('the pairs are made', () => readJson<number>(join(folder, 'pid.json')));
  await sandbox.hold();
  await writeFile(join(folder, 'held'), '');
  const report = await readReports(folder, 'state');
  const logFile = join(folder, 'dump.log');
  await sandbox.criu('dump', logFile, dumpArguments({ pid, imagesDirectory: images, logFile }));
  return report;
}

/** Restores the pair under a hold at the addresses away, lifts the hold, and lets the programs finish. */
async function restorePairs(folder: string, images: string): Promise<PairReport> {
  await using sandbox = await Sandbox.start([`${away.ipv4}/32`, `${away.ipv6}/128`]);
  await sandbox.hold();
  const logFile = join(folder, 'restore.log');
  await sandbox.criu('restore', logFile, restoreArguments({ imagesDirectory: images, logFile }));
  await sandbox.lift();
  await writeFile(join(folder, 'go'), '');
  return await readReports(folder, 'result'); // awaited here: the sandbox ends with this scope
}

async function readReports(folder: string, what: 'state' | 'result'): Promise<PairReport> {
  const read = (side: string) =>
    eventually(`${side}'s ${what}`, () => readJson<SideReport>(join(folder, `${side}-${what}.json`)));
  return { client: await read('client'), server: await read('server') };
}

function connectionOf(table: ConnectionTable, report: EndReport | undefined): TcpConnection {
  return table.connections.find(({ inode }) => inode === report?.inode)!;
}

/** Checks one direction of a connection: what the images say is on its way is what the programs say is missing. */
function checkDirection(
  from: TcpConnection,
  to: TcpConnection,
  sender: EndReport,
  receiver: EndReport,
): void {
  const isFinQueued = sender.shut === true;
  const isFinArrived = ['CLOSE_WAIT', 'LAST_ACK', 'CLOSING', 'CLOSE'].includes(to.state);
  const pendingFin = isFinQueued && !isFinArrived ? 1 : 0;
  const onItsWay = difference(from.writeSeq, to.rcvNxt) - pendingFin;
  expect(onItsWay).toBeGreaterThanOrEqual(0);
  expect(onItsWay + to.receiveQueueBytes).toBe(sender.sent - receiver.read);
  expect(difference(to.rcvNxt, from.sndUna)).toBeLessThanOrEqual(difference(from.writeSeq, from.sndUna));
  expect(from.sendQueueBytes).toBe(difference(from.writeSeq, from.sndUna) - pendingFin);
  expect(from.unsentBytes).toBeLessThanOrEqual(from.sendQueueBytes);
}

function difference(a: number, b: number): number {
  return (a - b) >>> 0;
}
