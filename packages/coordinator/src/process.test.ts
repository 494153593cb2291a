// The coordinator as a process: started on demand, once; killed at any moment; gone when it is asked to go.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { homePaths, nodeSocket } from '@stillpoint/agent';
import { holdExclusively } from '@stillpoint/bus';
import { type Ledger, openFileLedger } from '@stillpoint/ledger';
import { openDirectoryVault } from '@stillpoint/vault';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CoordinatorClient } from './client.ts';
import { ensureCoordinator } from './ensure.ts';
import { FakeAgent } from './testing/fake-agent.ts';
import { FakeWorld } from './testing/fake-node.ts';

const program = fileURLToPath(new URL('./testing/coordinator-process.ts', import.meta.url));
const patience = { timeout: 20_000, interval: 10 };
const until = (check: () => void | Promise<void>): Promise<void> => vi.waitFor(check, patience);

let home: string;
let world: FakeWorld;
let ledger: Ledger;
let agents: FakeAgent[];

const ensure = (): Promise<CoordinatorClient> => ensureCoordinator(home, { program });

beforeEach(async () => {
  home = await mkdtemp('/var/tmp/coordinator-');
  world = new FakeWorld();
  agents = [];
  const paths = homePaths(home);
  await mkdir(join(paths.runtime, 'nodes'), { recursive: true });
  ledger = await openFileLedger(paths.ledger);
  const vault = await openDirectoryVault(paths.vault);
  for (const name of ['n1', 'n2']) {
    const node = world.node(name);
    const agent = new FakeAgent({
      node,
      socketPath: nodeSocket(paths, name),
      ledger,
      vault,
      beforeStep: () => Promise.resolve(),
      runHook: () => Promise.reject(new Error('there are none')),
    });
    agents.push(agent);
    await agent.start();
  }
});

afterEach(async () => {
  // one that lost a race may still be on its way up
  await vi.waitUntil(async () => (await killAllOf(home)) === 0, { timeout: 20_000 });
  for (const agent of agents) await agent.kill();
  await ledger.close();
  await rm(homePaths(home).runtime, { recursive: true, force: true });
  await rm(home, { recursive: true, force: true });
  if (world.violations.length > 0) throw new Error(world.violations.join('; '));
});

/** The coordinators that were started for a state folder. */
async function processesOf(folder: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (words.includes(program) && words.includes(folder)) found.push(pid);
  }
  return found;
}

/** Kills every coordinator that was started for a state folder. @returns how many there were */
async function killAllOf(folder: string): Promise<number> {
  const pids = await processesOf(folder);
  for (const pid of pids) kill(pid, 'SIGKILL');
  return pids.length;
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const run = (client: CoordinatorClient) =>
  client.run({ name: 'train', ranks: 2, nodes: 2, command: ['train'], cwd: '/' });

describe('ensureCoordinator', () => {
  it('starts one, and finds it again', async () => {
    const client = await ensure();
    const { pid, home: served } = await client.health();
    expect(served).toBe(home);
    expect((await (await ensure()).health()).pid).toBe(pid);
  });

  it('ends up with one, however many callers there are', async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, ensure));
    const pids = new Set((await Promise.all(clients.map((client) => client.health()))).map(({ pid }) => pid));
    expect(pids.size).toBe(1);
  });

  it('outlasts one that is about to end and answers nobody', async () => {
    const release = await holdExclusively(`stillpoint-coordinator-${homePaths(home).tag}`);
    const asked = ensure();
    // one that is started meanwhile finds the state folder taken, and ends
    const [early] = await vi.waitFor(async () => {
      const pids = await processesOf(home);
      expect(pids).toHaveLength(1);
      return pids;
    }, patience);
    await until(() => expect(isAlive(early!)).toBe(false));
    await release?.();
    expect((await (await asked).health()).home).toBe(home);
  });

  it('says why none can start', async () => {
    await writeFile(join(home, 'format.json'), '{"format":"stillpoint-home","version":99}');
    await expect(ensure()).rejects.toMatchObject({ code: 'SP_HOME_NEWER_VERSION' });
    await writeFile(join(home, 'format.json'), 'nonsense');
    await expect(ensure()).rejects.toMatchObject({ code: 'SP_HOME_UNUSABLE' });
    await rm(join(home, 'format.json'));
    await expect(ensureCoordinator(join(program, 'inside-a-file'))).rejects.toMatchObject({
      code: 'SP_HOME_UNUSABLE',
    });
  });

  it('makes no new ledger beside epochs or logs that an older one knew of', async () => {
    const { ledger: folder, vault } = homePaths(home);
    await ledger.close();
    for (const witness of [join(vault, 'gangs'), join(home, 'gangs')]) {
      await rm(folder, { recursive: true, force: true });
      await mkdir(join(witness, 'train'), { recursive: true });
      await expect(ensure()).rejects.toMatchObject({
        code: 'SP_LEDGER_MISSING',
        message: expect.stringContaining(witness),
      });
      await expect(readdir(folder)).rejects.toMatchObject({ code: 'ENOENT' });
      await rm(witness, { recursive: true });
    }
    expect((await (await ensure()).health()).home).toBe(home);
  });

  it('passes on what the coordinator can’t get over, such as a damaged ledger', async () => {
    await ledger.close();
    const folder = homePaths(home).ledger;
    const [name] = await readdir(folder);
    const content = await readFile(join(folder, name!));
    content[10] = content[10]! ^ 1;
    await writeFile(join(folder, name!), content);
    await expect(ensure()).rejects.toMatchObject({ code: 'SP_LEDGER_CORRUPT' });
  });
});

describe('kill -9', () => {
  it('at random moments: the gang runs on, and every checkpoint is made or given up', async () => {
    await run(await ensure());
    for (const member of world.members('train')) member.value = 5;
    for (let round = 0; round < 6; round += 1) {
      const client = await ensure();
      const { pid } = await client.health();
      const asked = client.checkpoint('train').catch((error: unknown) => error);
      await new Promise((resolve) => setTimeout(resolve, round * 12));
      kill(pid, 'SIGKILL');
      await asked;
      await until(() => expect(isAlive(pid)).toBe(false));
    }
    const client = await ensure();
    await until(() => expect(world.running('train')).toHaveLength(2));
    await until(async () => {
      const states = (await client.listEpochs('train')).map(({ state }) => state);
      expect(states.every((state) => state === 'published' || state === 'aborted')).toBe(true);
    });
    expect(await client.checkpoint('train', { outcome: 'stop' })).toMatchObject({ state: 'published' });
    await client.restore('train');
    expect(world.members('train').map(({ value }) => value)).toEqual([5, 5]);
  }, 60_000);
});

describe('shutdown', () => {
  it('is done once nothing is left', async () => {
    const client = await ensure();
    await writeFile(join(home, 'removes-leftovers'), '');
    await client.shutdown();
    expect(await processesOf(home)).toEqual([]);
    await expect(readdir(homePaths(home).runtime)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('says that something is left', async () => {
    const client = await ensure();
    await expect(client.shutdown()).rejects.toMatchObject({
      code: 'SP_SHUTDOWN_INCOMPLETE',
      message: expect.stringContaining(homePaths(home).runtime),
    });
    expect(await processesOf(home)).toEqual([]);
  });
});

describe('SIGTERM', () => {
  it('ends it; gangs run on, and the next one knows them', async () => {
    const client = await ensure();
    await run(client);
    const { pid } = await client.health();
    kill(pid, 'SIGTERM');
    await until(() => expect(isAlive(pid)).toBe(false));
    expect(world.running('train')).toHaveLength(2);
    expect(await (await ensure()).showGang('train')).toMatchObject({ state: 'running' });
  });
});
