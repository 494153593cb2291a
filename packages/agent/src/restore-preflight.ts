// What makes a restore of a member on this node impossible, found before anything is changed anywhere.
import { access, statfs } from 'node:fs/promises';
import { freemem } from 'node:os';
import { type Blocker, type MemberId, memberId, nodeName } from '@stillpoint/protocol';
import type { Manifest, Vault } from '@stillpoint/vault';
import { toFailure } from './failure.ts';
import { compareMachines, type MachineFacts, readMachineFacts } from './machine-facts.ts';
import { type MemberMeta, parseMeta } from './member-meta.ts';
import type { HomePaths } from './paths.ts';
import { hidingFolder } from './private-folders.ts';

/** What is asked: can these members of an epoch come back on this node? */
export interface RestoreQuestion {
  readonly paths: HomePaths;
  readonly vault: Vault;
  readonly node: string;
  readonly gang: string;
  readonly epoch: number;
  readonly members: readonly MemberId[];
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

/** The node needs room for the images twice: in staging, and as the memory of the processes. */
async function roomProblems(
  question: RestoreQuestion,
  manifest: Manifest,
): Promise<Omit<Blocker, 'member' | 'node'>[]> {
  const wanted = new Set<string>(question.members.map(String));
  const neededBytes = manifest.members
    .filter(({ member }) => wanted.has(member))
    .flatMap(({ files }) => files)
    .reduce((sum, { bytes }) => sum + bytes, 0);
  const staging = await statfs(question.paths.staging);
  const problems: Omit<Blocker, 'member' | 'node'>[] = [];
  const lacks = (what: string, freeBytes: number, remedy: string): void => {
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
    staging.bavail * staging.bsize,
    'Restore onto other nodes, or give STILLPOINT_STAGING_SIZE a larger value.',
  );
  lacks('memory', freemem(), 'Restore onto nodes with more free memory.');
  return problems;
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
const toMiB = (bytes: number): number => Math.ceil(bytes / 1024 / 1024);
