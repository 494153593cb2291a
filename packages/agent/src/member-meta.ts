// What a restore needs of a member besides CRIU's images: kept with them in staging, and in the vault's manifest.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MemberVote } from '@stillpoint/protocol';
import { z } from 'zod';

const clocks = z.object({ monotonicSeconds: z.number(), boottimeSeconds: z.number() });

const memberMetaSchema = z.object({
  /** Checked when it was made; it comes back from a vault that verifies its digest. */
  vote: z.custom<MemberVote>((value) => typeof value === 'object' && value !== null),
  /** The tree's root, as the sandbox's PID namespace numbers it. */
  rootPid: z.int().positive(),
  /** The sandbox's clocks at the cut. */
  clocks,
  /** `pipe:[inode]` of standard output and error, by which the images name them. */
  stdoutPipe: z.string(),
  stderrPipe: z.string(),
  cwd: z.string().startsWith('/'),
  machine: z.object({ kernel: z.string(), cpuModel: z.string(), cpuFlags: z.array(z.string()) }),
  outside: z.enum(['refuse', 'close', 'keep']),
  /** Contents of shared files, stored under the policy `save`. */
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

export type MemberMeta = z.infer<typeof memberMetaSchema>;

const metaFile = (staging: string): string => join(staging, 'member.json');

/** @throws ZodError when it is not what `writeMeta` wrote */
export const parseMeta = (value: unknown): MemberMeta => memberMetaSchema.parse(value);

export async function writeMeta(staging: string, meta: MemberMeta): Promise<void> {
  await writeFile(metaFile(staging), JSON.stringify(meta));
}

export async function readMeta(staging: string): Promise<MemberMeta> {
  return parseMeta(JSON.parse(await readFile(metaFile(staging), 'utf8')));
}
