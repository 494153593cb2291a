// Publishing an epoch: the manifest is written last, and once.
import {
  type Failure,
  type GangEpochInput,
  type ManifestMember,
  StillpointError,
} from '@stillpoint/protocol';
import { type JsonValue, type Manifest, type Vault, VaultAlreadyPublishedError } from '@stillpoint/vault';
import { z } from 'zod';
import type { Context } from './context.ts';
import { EpochNumberTaken } from './errors.ts';
import type { EpochOpened, EpochReport } from './records.ts';

/** The coordinator's own part of a manifest: which epoch it is, and where the members were. */
const gangMetaSchema = z.object({
  fence: z.number(),
  /** With the incarnation it tells an epoch from another of its number, under a ledger that was lost or put back. */
  startedAtMs: z.number(),
  members: z.array(z.object({ member: z.number(), node: z.string(), heldMs: z.number().nullable() })),
});
type GangMeta = z.infer<typeof gangMetaSchema>;

/** What is told of an epoch is in its members' parts, which are written by agents. */
const memberMetaSchema = z.object({
  vote: z.object({ imageBytes: z.number(), stdoutBytes: z.number(), stderrBytes: z.number() }),
});

/** How an epoch is closed. */
export interface EpochClosing {
  readonly report: EpochReport;
  readonly failure: Failure | null;
}

/**
 * Publishes an epoch whose members are stored. Done also when a predecessor has published it.
 *
 * @throws `SP_EPOCH_NUMBER_TAKEN`
 */
export async function publishEpoch(
  { clock, vault }: Pick<Context, 'clock' | 'vault'>,
  { header: { fence }, outcome }: GangEpochInput,
  opened: EpochOpened,
  members: readonly ManifestMember[],
): Promise<void> {
  const { gang, incarnation, epoch } = opened.header;
  const meta: GangMeta = {
    fence,
    startedAtMs: opened.startedAtMs,
    members: members.map(({ member, node, heldMs }) => ({ member, node, heldMs })),
  };
  const manifest: Manifest = {
    gang,
    epoch,
    incarnation,
    createdAt: new Date(clock.wallMs()).toISOString(),
    outcome,
    meta: asJson(meta),
    members: members.map((each) => ({
      member: String(each.member),
      files: each.files.map((file) => ({ ...file })),
      meta: asJson(each.meta),
    })),
  };
  try {
    await vault.publish({ gang, epoch, manifest });
  } catch (error) {
    if (!(error instanceof VaultAlreadyPublishedError)) throw error;
    await requireSame(vault, opened);
  }
}

/** The protocol knows that a manifest was not written; why, and whether that may pass, is the vault's to say. */
export function inVaultsWords(closing: EpochClosing, unwritten: unknown): EpochClosing {
  const { report, failure } = closing;
  if (failure?.code !== 'SP_MANIFEST_NOT_WRITTEN' || !(unwritten instanceof StillpointError)) return closing;
  const { code, message, remedy, retryable } = unwritten;
  return {
    report: { ...report, code, reason: message },
    failure: { ...failure, code, message, remedy, retryable },
  };
}

/** One whose manifest a predecessor wrote is published, whatever has become of its staging. */
export async function asTheVaultHasIt(
  vault: Vault,
  opened: EpochOpened,
  closing: EpochClosing,
): Promise<EpochClosing> {
  const { report, failure } = closing;
  const { gang, epoch } = opened.header;
  if (report.result === 'published') return { report, failure: null };
  if (report.result !== 'lost' || !(await vault.list(gang)).includes(epoch)) return closing;
  let manifest: Manifest;
  try {
    manifest = await requireSame(vault, opened);
  } catch (error) {
    // a manifest that can't be read is no proof that the epoch is there
    if (!(error instanceof StillpointError) || error.retryable) throw error;
    const { code, message, remedy, retryable } = error;
    const phase = failure?.phase ?? 'manifest';
    return {
      report: { ...report, code, reason: message },
      failure: { code, message, remedy, retryable, phase },
    };
  }
  const { code: _code, reason: _reason, ...rest } = report;
  return { report: { ...rest, ...measuresOf(manifest), result: 'published' }, failure: null };
}

/** What agents that have forgotten the epoch report no more. */
function measuresOf({ members }: Manifest): Pick<EpochReport, 'bytes' | 'cut'> {
  const votes = members.map(({ member, meta }) => ({
    member: Number(member),
    ...memberMetaSchema.parse(meta).vote,
  }));
  const files = members.flatMap((member) => member.files);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return {
    bytes: {
      raw: sum(votes.map(({ imageBytes }) => imageBytes)),
      nonZero: sum(files.map(({ nonZeroBytes }) => nonZeroBytes)),
      stored: sum(files.map(({ storedBytes }) => storedBytes)),
    },
    cut: votes.map(({ member, stdoutBytes, stderrBytes }) => ({ member, stdoutBytes, stderrBytes })),
  };
}

/** @throws `SP_EPOCH_NUMBER_TAKEN` when the vault holds another epoch under its number, or why it can't be told */
async function requireSame(vault: Vault, { header, startedAtMs }: EpochOpened): Promise<Manifest> {
  const { gang, epoch, incarnation } = header;
  const found = await vault.readManifest(gang, epoch);
  const meta = gangMetaSchema.safeParse(found.meta);
  if (found.incarnation !== incarnation || meta.data?.startedAtMs !== startedAtMs)
    throw new EpochNumberTaken(gang, epoch, found);
  return found;
}

const asJson = (value: unknown): JsonValue => JSON.parse(JSON.stringify(value)) as JsonValue;
