// What the ledger keeps for the coordinator, as schemas: a record is checked whenever it is read.
import { epochNumber, incarnationNumber } from '@stillpoint/protocol';
import { z } from 'zod';
import { filesPolicySchema, hookReportSchema, outsidePolicySchema, spanSchema } from './api.ts';
import { hooksSchema } from './hook-specs.ts';

export const nodeRecordSchema = z.object({
  name: z.string(),
  index: z.int().positive(),
  /** Whether members may be placed on it. */
  schedulable: z.boolean(),
  /** `dying`: it is to be killed, and may not be dead. `killed`: it is dead, until it is added again. */
  state: z.enum(['present', 'dying', 'killed']),
  monotonicOffsetSeconds: z.int(),
});
export type NodeRecord = z.infer<typeof nodeRecordSchema>;

/** What a gang is; written once. */
export const gangRecordSchema = z.object({
  name: z.string(),
  ranks: z.int().positive(),
  command: z.array(z.string()).min(1),
  environment: z.record(z.string(), z.string()),
  cwd: z.string(),
  everyMs: z.int().positive().optional(),
  keep: z.int().positive().optional(),
  outside: outsidePolicySchema,
  files: filesPolicySchema,
  hooks: hooksSchema.optional(),
  createdAtMs: z.number(),
});
export type GangRecord = z.infer<typeof gangRecordSchema>;

const memberCutSchema = z.object({
  member: z.int().nonnegative(),
  stdoutBytes: z.number().nonnegative(),
  stderrBytes: z.number().nonnegative(),
});

const placementSchema = z.array(
  z.object({ member: z.int().nonnegative(), node: z.string(), ipv4: z.string(), ipv6: z.string() }),
);
export type PlacementRecord = z.infer<typeof placementSchema>;

/** How an incarnation ended, or is about to: the first word on it stays. */
export const endingSchema = z.object({
  state: z.enum(['stopped', 'completed', 'failed']),
  reason: z.string().optional(),
  exitCode: z.int(),
  atMs: z.number(),
});
export type Ending = z.infer<typeof endingSchema>;

/** What an epoch came to; written when it is closed. */
export const epochReportSchema = z.object({
  result: z.enum(['published', 'committed-stopped', 'aborted', 'lost']),
  code: z.string().optional(),
  reason: z.string().optional(),
  finishedAtMs: z.number(),
  stallMs: z.number().optional(),
  bytes: z
    .object({ raw: z.number(), nonZero: z.number().optional(), stored: z.number().optional() })
    .optional(),
  decision: z.object({ decision: z.enum(['commit', 'abort']), atMs: z.number() }).optional(),
  phases: z.array(z.object({ phase: z.string(), atMs: z.number() })),
  spans: z.array(spanSchema),
  hooks: z.array(hookReportSchema).optional(),
  cut: z.array(memberCutSchema),
});
export type HookReport = z.infer<typeof hookReportSchema>;
export type EpochReport = z.infer<typeof epochReportSchema>;

const headerSchema = z.object({
  gang: z.string(),
  incarnation: z.int().positive(),
  epoch: z.int().positive(),
  fence: z.int().positive(),
});

/** What an epoch was opened with: enough for a successor to finish it. */
export const epochOpenedSchema = z.object({
  header: headerSchema,
  outcome: z.enum(['resume', 'stop']),
  outside: outsidePolicySchema,
  files: filesPolicySchema,
  members: z.array(z.object({ member: z.int().nonnegative(), node: z.string() })).min(1),
  trigger: z.enum(['manual', 'periodic', 'migrate', 'drain']),
  startedAtMs: z.number(),
});
export type EpochOpened = z.infer<typeof epochOpenedSchema>;

/** What an incarnation was opened with: where its members are, and what they go on from. */
export const incarnationOpenedSchema = z.object({
  placement: placementSchema,
  openedAtMs: z.number(),
  /** Absent for one that was started. */
  from: z
    .object({
      epoch: z.int().positive(),
      /** The incarnation that the epoch belongs to. */
      incarnation: z.int().positive(),
      cut: z.array(memberCutSchema),
      /** How addresses change, for each member. */
      addresses: z.array(
        z.object({
          member: z.int().nonnegative(),
          changes: z.array(z.object({ from: z.string(), to: z.string() })),
        }),
      ),
    })
    .optional(),
});
export type IncarnationOpened = z.infer<typeof incarnationOpenedSchema>;

/** A migration under way: where the members are to be, once the gang has been stopped by a checkpoint. */
export const moveSchema = z.object({
  placement: z.array(z.object({ member: z.int().nonnegative(), node: z.string() })),
  startedAtMs: z.number(),
});
export type Move = z.infer<typeof moveSchema>;

/** One roll-back of one file; the bytes that were cut off are kept beside. */
export const undoRecordSchema = z.object({
  path: z.string(),
  keptFromBytes: z.number().nonnegative(),
  tailBytes: z.number().nonnegative(),
  sha256: z.string(),
  restoredEpoch: z.int().positive().transform(epochNumber),
  incarnation: z.int().positive().transform(incarnationNumber),
});
export type StoredUndo = z.infer<typeof undoRecordSchema>;
