// The sandboxes of a gang as the agents have written them down: for what is measured beside Stillpoint on the same members.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreezer, type HomePaths } from '@stillpoint/agent';
import { z } from 'zod';

const recordSchema = z.object({
  gang: z.string(),
  member: z.int(),
  initPid: z.int().positive(),
  slot: z.object({ cgroup: z.string(), namespace: z.string() }),
});

export interface Sandbox {
  readonly member: number;
  /** PID 1 of the sandbox, as the machine numbers it. */
  readonly initPid: number;
  /** The member's first process, as the sandbox numbers it. */
  readonly rootPid: number;
  readonly cgroup: string;
  readonly namespace: string;
}

/** By member. */
export async function findSandboxes(paths: HomePaths, gang: string): Promise<readonly Sandbox[]> {
  const folder = join(paths.runtime, 'sandboxes');
  const found: Sandbox[] = [];
  for (const name of await readdir(folder)) {
    const text = await readFile(join(folder, name, 'sandbox.json'), 'utf8').catch(() => undefined);
    if (text === undefined) continue; // it is being made, or removed
    const { gang: whose, member, initPid, slot } = recordSchema.parse(JSON.parse(text));
    if (whose === gang) found.push({ member, initPid, rootPid: await rootPidOf(initPid), ...slot });
  }
  return found.toSorted((a, b) => a.member - b.member);
}

async function rootPidOf(initPid: number): Promise<number> {
  const children = await readFile(`/proc/${initPid}/task/${initPid}/children`, 'utf8');
  const child = children.trim().split(' ')[0] ?? '';
  const status = await readFile(`/proc/${child}/status`, 'utf8');
  return Number(/^NSpid:.*\s(\d+)$/m.exec(status)?.[1]);
}

/** Freezes members, or lets them run, without Stillpoint. The freezer may take a moment. */
export async function setFrozen(
  paths: HomePaths,
  sandboxes: readonly Sandbox[],
  isFrozen: boolean,
): Promise<void> {
  const { version } = await findFreezer(paths.tag);
  const [file, word] =
    version === 'v1'
      ? ['freezer.state', isFrozen ? 'FROZEN' : 'THAWED']
      : ['cgroup.freeze', isFrozen ? '1' : '0'];
  await Promise.all(sandboxes.map(({ cgroup }) => writeFile(join(cgroup, file), word)));
}
