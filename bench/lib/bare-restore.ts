// `criu restore` of all members at once from images as CRIU wrote them, in sandboxes that are there already: what
// Stillpoint's restore is compared with. Only what a restore can't do without is added: no member runs and no packet
// moves before all are back.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { HomePaths } from '@stillpoint/agent';
import { restoreArguments } from '@stillpoint/criu';
import { openDirectoryVault } from '@stillpoint/vault';
import { z } from 'zod';
import { type Addresses, startBareWorld } from './bare-world.ts';
import { exec } from './exec.ts';
import type { World } from './world.ts';

/** What is read of a member's part of the manifest. */
const metaSchema = z.object({
  stdoutPipe: z.string(),
  stderrPipe: z.string(),
  vote: z.object({
    addresses: z.tuple([z.string(), z.string()]),
    files: z.array(z.object({ path: z.string(), sizeBytes: z.number(), writable: z.boolean() })),
  }),
});

interface Member {
  readonly images: string;
  readonly log: string;
  readonly addresses: Addresses;
  /** The names by which the images know the ends of the pipes that were sp-init's. */
  readonly pipes: readonly string[];
  readonly files: readonly { readonly path: string; readonly sizeBytes: number }[];
}

/** An epoch of a gang whose members can be restored any number of times. */
export class BareRestore {
  readonly #world: World;
  readonly #members: readonly Member[];

  private constructor(world: World, members: readonly Member[]) {
    this.#world = world;
    this.#members = members;
  }

  /** Fetches the images from the vault to the disk that the vault is on. */
  static async prepare(world: World, gang: string, epoch: number): Promise<BareRestore> {
    const vault = await openDirectoryVault(world.paths.vault);
    const manifest = await vault.readManifest(gang, epoch);
    const folder = join(world.work, 'bare-images');
    await mkdir(folder);
    const members: Member[] = [];
    for (const { member, meta } of manifest.members.toSorted((a, b) => Number(a.member) - Number(b.member))) {
      const to = join(folder, member);
      await vault.readMember({ gang, epoch, member, to, signal: world.signal });
      const { stdoutPipe, stderrPipe, vote } = metaSchema.parse(meta);
      const [ipv4, ipv6] = vote.addresses;
      members.push({
        images: join(to, 'images'),
        log: join(folder, `${member}.log`),
        addresses: { ipv4, ipv6 },
        pipes: [stdoutPipe, stderrPipe],
        files: vote.files.filter(({ writable }) => writable),
      });
    }
    return new BareRestore(world, members);
  }

  /**
   * Restores all members, lets them run until `look` has found what it waits for, and kills them.
   * @param ready is awaited right before the command
   * @param look is given when the command began, on the wall clock
   */
  async run<Found>(ready: () => Promise<void>, look: (startMs: number) => Promise<Found>): Promise<Found> {
    const { paths, signal } = this.#world;
    await using sandboxes = await startBareWorld(
      paths,
      this.#members.map(({ addresses }) => addresses),
      signal,
    );
    const pids = sandboxes.initPids;
    // files have to be as they were, which is not CRIU's business
    for (const { files } of this.#members)
      for (const { path, sizeBytes } of files) await truncate(path, sizeBytes);
    await Promise.all(pids.map((pid) => nft(pid, dropAll)));
    await ready();
    const startMs = Date.now();
    await Promise.all(this.#members.map((member, index) => restoreOne(paths, member, pids[index] ?? 0)));
    await Promise.all(pids.map((pid) => nft(pid, 'delete table inet bench')));
    await Promise.all(
      pids.map((pid) => exec('nsenter', [...enterSandbox(pid), 'sh', '-c', 'kill -CONT -1'])),
    );
    // awaited here: the sandboxes end with this block
    return await look(startMs);
  }
}

const enterSandbox = (pid: number): string[] => ['-t', String(pid), '-m', '-u', '-i', '-n', '-p', '-T'];

/** CRIU's own packets, which it marks, are let through: it sends some while it restores a socket's state. */
const chain = (hook: string): string =>
  `chain ${hook} { type filter hook ${hook} priority -500; policy drop; meta mark 0xc114 accept; }`;
const dropAll = `table inet bench {\n${chain('input')}\n${chain('output')}\n}`;

const nft = (pid: number, rules: string): Promise<string> =>
  exec('nsenter', ['-t', String(pid), '-n', 'nft', rules]);

async function restoreOne(paths: HomePaths, { images, log, pipes }: Member, initPid: number): Promise<void> {
  const firstDescriptor = 3;
  const args = restoreArguments({
    imagesDirectory: images,
    logFile: log,
    inherit: pipes.map((resource, index) => ({ descriptor: firstDescriptor + index, resource })),
  });
  await using sink = await open(`${log}.out`, 'a');
  const command = [join(paths.tools, 'criu'), ...args, '--leave-stopped'];
  const child = spawn('nsenter', [...enterSandbox(initPid), ...command], {
    stdio: ['ignore', 'ignore', 'ignore', ...pipes.map(() => sink.fd)],
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`a bare restore failed (${code}): ${await exec('tail', ['-n', '5', log])}`);
}
