// What makes a restore of a member on this node impossible, found before anything is changed anywhere.
import { access, statfs } from 'node:fs/promises';
import { freemem } from 'node:os';
import { type Blocker, type MemberId, memberId, nodeName } from '@stillpoint/protocol';
import type { Manifest, Vault } from '@stillpoint/vault';
import { toFailure } from './failure.ts';
import { cgroupProcesses } from './freezer.ts';
import { compareMachines, type MachineFacts, readMachineFacts } from './machine-facts.ts';
import { isContent } from './member-cut.ts';
import { type MemberMeta, parseMeta } from './member-meta.ts';
import type { HomePaths } from './paths.ts';
import { privateBytes } from './preflight.ts';
import { hidingFolder } from './private-folders.ts';
import { listSlots } from './sandbox-record.ts';

/** What is asked: can these members of an epoch come back on this node? */
export interface RestoreQuestion {
  readonly paths: HomePaths;
  readonly vault: Vault;
  readonly node: string;
  readonly gang: string;
  readonly epoch: number;
  /** The members that are to come back on this node. */
  readonly members: readonly MemberId[];
  /** All that are to come back on this machine, here or on another node: its staging and memory are one. */
  readonly together: readonly MemberId[];
}

/** Blockers by member; a member with none can be restored here as far as can be told. */
export async function preflightRestore(question: RestoreQuestion): Promise<Map<MemberId, Blocker[]>> {
  const found = new Map<MemberId, Blocker[]>(question.members.map((member) => [member, []]));
  const add = (member: MemberId, problem: Omit<Blocker, 'member' | 'node'>): void => {
    found.get(member)?.push({ ...problem, member, node: nodeName(question.node) });
  };
  let manifest: Manifest;
  try {
    manifest = await question.vault.readManifest(question.gang, question.epoch);
  } catch (error) {
    for (const member of question.members) add(member, toFailure(error));
    return found;
  }
  const here = await readMachineFacts();
  const metas = new Map(manifest.members.map((entry) => [memberId(Number(entry.member)), entry]));
  for (const member of question.members) {
    const entry = metas.get(member);
    if (entry === undefined) {
      add(member, {
        code: 'SP_MEMBER_NOT_IN_EPOCH',
        message: `epoch ${question.epoch} has no member ${member}`,
        remedy: 'Choose another epoch.',
      });
      continue;
    }
    for (const problem of await memberProblems(parseMeta(entry.meta), here)) add(member, problem);
  }
  for (const problem of await roomProblems(question, manifest))
    for (const member of question.members) add(member, problem);
  return found;
}

async function memberProblems(
  meta: MemberMeta,
  here: MachineFacts,
): Promise<Omit<Blocker, 'member' | 'node'>[]> {
  const problems: Omit<Blocker, 'member' | 'node'>[] = compareMachines(meta.machine, here);
  if (hidingFolder(meta.cwd) === undefined && !(await isThere(meta.cwd))) {
    problems.push({
      code: 'SP_CWD_MISSING',
      message: `the working directory ${meta.cwd} is not there`,
      remedy: 'Mount or make it at the same path on this node.',
    });
  }
  return problems;
}

/**
 * Until all members run there must be room for the images twice: in staging, which is memory too, and as the memory of
 * the processes and their private files. Contents of shared files go back to where they were. What still runs of the
 * gang ends before.
 */
async function roomProblems(
  { paths, gang, together }: RestoreQuestion,
  manifest: Manifest,
): Promise<Omit<Blocker, 'member' | 'node'>[]> {
  const wanted = new Set<string>(together.map(String));
  const files = manifest.members.filter(({ member }) => wanted.has(member)).flatMap((entry) => entry.files);
  const stagedBytes = sumOf(files);
  const imageBytes = sumOf(files.filter(({ name }) => !isContent(name)));
  const [staging, runningBytes] = await Promise.all([statfs(paths.staging), gangMemoryBytes(paths, gang)]);
  const problems: Omit<Blocker, 'member' | 'node'>[] = [];
  const lacks = (what: string, neededBytes: number, freeBytes: number, remedy: string): void => {
    if (freeBytes < neededBytes) {
      problems.push({
        code: 'SP_NODE_NO_ROOM',
        message: `${toMiB(neededBytes)} MiB are needed, and ${what} has ${toMiB(freeBytes)} MiB free`,
        remedy,
      });
    }
  };
  lacks(
    'staging',
    stagedBytes,
    staging.bavail * staging.bsize,
    'Free staging, or give STILLPOINT_STAGING_SIZE a larger value.',
  );
  lacks(
    'memory',
    stagedBytes + imageBytes,
    freemem() + runningBytes,
    'End what else uses memory on this machine.',
  );
  return problems;
}

/** What the gang's processes use on this machine, whatever their node. */
export async function gangMemoryBytes(paths: HomePaths, gang: string): Promise<number> {
  const slots = (await listSlots(paths)).filter((used) => used.gang === gang);
  const sizes = await Promise.all(
    slots.map(async ({ slot }) => privateBytes(await cgroupProcesses(slot.cgroup))),
  );
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
const sumOf = (files: readonly { readonly bytes: number }[]): number =>
  files.reduce((sum, { bytes }) => sum + bytes, 0);
const toMiB = (bytes: number): number => Math.ceil(bytes / 1024 / 1024);
