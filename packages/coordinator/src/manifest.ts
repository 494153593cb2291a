// Publishing an epoch: the manifest is written last, and once.
import type { GangEpochInput, ManifestMember } from '@stillpoint/protocol';
import { type JsonValue, type Manifest, type Vault, VaultAlreadyPublishedError } from '@stillpoint/vault';
import type { EpochReport } from './records.ts';

/** The coordinator's own part of a manifest: where the members were. */
interface GangMeta {
  readonly fence: number;
  readonly members: readonly {
    readonly member: number;
    readonly node: string;
    readonly heldMs: number | null;
  }[];
}

/** Publishes an epoch whose members are stored. Done also when a predecessor has published it. */
export async function publishEpoch(
  vault: Vault,
  { header, outcome }: GangEpochInput,
  members: readonly ManifestMember[],
): Promise<void> {
  const { gang, incarnation, epoch, fence } = header;
  const meta: GangMeta = {
    fence,
    members: members.map(({ member, node, heldMs }) => ({ member, node, heldMs })),
  };
  const manifest: Manifest = {
    gang,
    epoch,
    incarnation,
    createdAt: new Date().toISOString(),
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
  }
}

/** How an epoch is closed: one whose manifest a predecessor wrote is published, whatever has become of its staging. */
export async function asTheVaultHasIt(
  vault: Vault,
  gang: string,
  epoch: number,
  report: EpochReport,
): Promise<EpochReport> {
  if (report.result !== 'lost' || !(await vault.list(gang)).includes(epoch)) return report;
  const { code: _code, reason: _reason, ...rest } = report;
  return { ...rest, result: 'published' };
}

const asJson = (value: unknown): JsonValue => JSON.parse(JSON.stringify(value)) as JsonValue;
