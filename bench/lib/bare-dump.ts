// `criu dump --leave-running` of all members at once, inside their sandboxes, with Stillpoint's options and without
// anything else of it: what the stall is compared with.
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { HomePaths } from '@stillpoint/agent';
import { dumpArguments } from '@stillpoint/criu';
import { exec } from './exec.ts';
import { frozenMs } from './criu-stats.ts';
import type { Sandbox } from './sandboxes.ts';

export interface BareDump {
  /** The members' images, one folder each. */
  readonly folder: string;
  /** The longest time that a member stood still, as CRIU's own statistics have it. */
  readonly frozenMs: number;
}

/** Images go into the staging's memory, where Stillpoint's go. @param isFrozen the members are, and stay so */
export async function dumpBare(
  paths: HomePaths,
  sandboxes: readonly Sandbox[],
  isFrozen: boolean,
): Promise<BareDump> {
  const folder = join(paths.staging, 'bench-bare');
  await rm(folder, { recursive: true, force: true });
  const times = await Promise.all(
    sandboxes.map(async ({ member, initPid, rootPid, cgroup }) => {
      const images = join(folder, String(member));
      await mkdir(images, { recursive: true });
      const args = dumpArguments({
        pid: rootPid,
        imagesDirectory: images,
        logFile: join(folder, `${member}.log`),
        ...(isFrozen ? { freezeCgroup: cgroup } : {}),
      });
      const enter = ['-t', String(initPid), '-m', '-u', '-i', '-n', '-p', '-T'];
      await exec('nsenter', [...enter, join(paths.tools, 'criu'), ...args]);
      return frozenMs(await readFile(join(images, 'stats-dump')));
    }),
  );
  return { folder, frozenMs: Math.max(...times) };
}
