// Shared files of a gang around a restore: planned before anything is touched, rolled back once nobody runs.
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { applyFilePlan, type FilePlan, isPrunable, planFileRollback, sweepTails } from '@stillpoint/agent';
import { timeoutSignal } from '@stillpoint/clock';
import { epochNumber, incarnationNumber, memberId, mergeNotes, type FileNote } from '@stillpoint/protocol';
import type { Manifest } from '@stillpoint/vault';
import { z } from 'zod';
import type { Context } from './context.ts';
import type { Gang } from './gang.ts';
import { limits } from './limits.ts';
import { RollBackOverdue } from './restore-errors.ts';
import type { RollBack, SharedFiles } from './shared-files.ts';
import { EpochDamaged } from './verb-errors.ts';

/** The part of what agents store with a member that concerns its files. */
const memberFilesSchema = z.object({
  vote: z.object({
    files: z.array(
      z.object({
        path: z.string(),
        inode: z.number(),
        device: z.number(),
        sizeBytes: z.number(),
        writable: z.boolean(),
        append: z.boolean(),
        sha256: z.string().optional(),
        modifiedMs: z.number(),
        isPrivate: z.boolean(),
      }),
    ),
  }),
  contents: z.array(
    z.object({
      path: z.string(),
      sizeBytes: z.number(),
      sha256: z.string(),
      mode: z.number(),
      uid: z.number(),
      gid: z.number(),
    }),
  ),
});
type MemberFiles = z.infer<typeof memberFilesSchema>;

/** What rolling back needs of the coordinator, and where it keeps what. */
interface Surroundings extends Pick<Context, 'clock' | 'store' | 'vault'> {
  /** Where files that a restore cuts off are kept for a gang. */
  readonly tailFolder: (gang: string) => string;
  /** An empty place for what a restore reads from the vault in between. */
  readonly scratchFolder: (gang: string, incarnation: number) => string;
}

/** @param shared what all machines have in common; @param runtime where things are that are gone after a reboot */
export function filesOnDisk(
  context: Pick<Context, 'clock' | 'store' | 'vault'>,
  { shared, runtime }: { readonly shared: string; readonly runtime: string },
): SharedFiles {
  const surroundings: Surroundings = {
    ...context,
    tailFolder: (gang) => join(shared, 'gangs', gang, 'tails'),
    scratchFolder: (gang, incarnation) => join(runtime, 'scratch', `${gang}-${incarnation}`),
  };
  return {
    check: (rollBack, caller) => withPlan(surroundings, rollBack, caller, () => Promise.resolve()),
    roll: (rollBack, caller) => rollFiles(surroundings, rollBack, caller),
  };
}

async function rollFiles(context: Surroundings, rollBack: RollBack, caller: AbortSignal): Promise<void> {
  const { gang, manifest, incarnation } = rollBack;
  caller.throwIfAborted();
  await forgetTails(context, gang);
  await withPlan(context, rollBack, caller, (plan, signal) =>
    applyFilePlan(plan, {
      signal,
      tailFolder: context.tailFolder(gang.name),
      record: (record) => context.store.undo.add(gang.name, record),
      epoch: epochNumber(manifest.epoch),
      incarnation: incarnationNumber(incarnation),
    }),
  );
}

/** Forgets what was cut off files for restores that no epoch is older than. The caller has the gang for itself. */
async function forgetTails({ store, tailFolder }: Surroundings, gang: Gang): Promise<void> {
  const published = new Set(gang.published());
  const incarnations = gang.epochs
    .filter(({ epoch }) => published.has(epoch))
    .map(({ opened }) => opened.header.incarnation);
  const oldest = incarnationNumber(Math.min(...incarnations));
  const before = await store.undo.list(gang.name);
  if (!before.some((record) => isPrunable(record, oldest))) return;
  const kept = await store.undo.prune(gang.name, (record) => !isPrunable(record, oldest));
  await sweepTails(tailFolder(gang.name), kept);
}

/** Plans with what the epoch has stored of files at hand, for as long as the plan is needed. */
async function withPlan(
  context: Surroundings,
  { gang, manifest, incarnation, policy }: RollBack,
  caller: AbortSignal,
  use: (plan: FilePlan, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const members = manifest.members.map(({ member, meta }) => ({
    member,
    ...parseMeta(gang, manifest, meta),
  }));
  const merged = mergeNotes(
    members.map(({ member, vote }) => ({
      member: memberId(Number(member)),
      files: vote.files as FileNote[],
    })),
  );
  if (merged.conflicts.length > 0 && policy !== 'keep')
    throw new EpochDamaged(
      gang.name,
      manifest.epoch,
      merged.conflicts.map(({ message }) => message),
    );
  const scratch = context.scratchFolder(gang.name, incarnation);
  const overdue = timeoutSignal(context.clock, limits.rollBackMs);
  const signal = AbortSignal.any([caller, overdue]);
  try {
    const saved = await fetchContents(context, gang, manifest, members, scratch, signal);
    const plan = await planFileRollback({
      files: merged.files,
      records: await context.store.undo.list(gang.name),
      tailFolder: context.tailFolder(gang.name),
      policy,
      saved,
      signal,
    });
    await use(plan, signal);
  } catch (error) {
    caller.throwIfAborted();
    throw overdue.aborted ? new RollBackOverdue(gang.name, manifest.epoch, limits.rollBackMs) : error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

type SavedContents = NonNullable<Parameters<typeof planFileRollback>[0]['saved']>;

/** Members that stored contents of files are read from the vault: the plan needs them as files. */
async function fetchContents(
  { vault }: Surroundings,
  gang: Gang,
  manifest: Manifest,
  members: readonly (MemberFiles & { readonly member: string })[],
  scratch: string,
  signal: AbortSignal,
): Promise<SavedContents> {
  await rm(scratch, { recursive: true, force: true });
  const saved: SavedContents[number][] = [];
  for (const { member, contents } of members) {
    if (contents.length === 0) continue;
    const folder = join(scratch, member);
    await mkdir(folder, { recursive: true });
    await vault.readMember({ gang: gang.name, epoch: manifest.epoch, member, to: folder, signal });
    saved.push({ folder: join(folder, 'contents'), contents });
  }
  return saved;
}

function parseMeta(gang: Gang, manifest: Manifest, meta: unknown): MemberFiles {
  const parsed = memberFilesSchema.safeParse(meta);
  if (!parsed.success)
    throw new EpochDamaged(gang.name, manifest.epoch, ['its manifest lacks what its files were']);
  return parsed.data;
}
