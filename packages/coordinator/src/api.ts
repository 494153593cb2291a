// What the coordinator's HTTP API takes (requests.ts) and gives, as schemas and types. No IO: `client.ts` calls it,
// `server.ts` serves it. Answers are JSON; the answer of a long verb is a stream of JSON lines (`StreamLine`).
import { z } from 'zod';
import { filesPolicySchema, outsidePolicySchema } from './requests.ts';

import { hookReportSchema, spanSchema } from './span-api.ts';

export * from './requests.ts';
export * from './span-api.ts';

/**
 * `starting`, `restoring`, `stopping`: a verb is under way. `completed`: all members ended with 0. `failed`: a member failed or was
 * lost; `reason` says which. `stopped`: by an operator or a *stop* checkpoint. A gang that has ended is restorable if it has a published epoch.
 */
export const gangStateSchema = z.enum([
  'starting',
  'running',
  'restoring',
  'stopping',
  'stopped',
  'completed',
  'failed',
]);
export type GangState = z.infer<typeof gangStateSchema>;

export const gangSummarySchema = z.object({
  name: z.string(),
  state: gangStateSchema,
  reason: z.string().optional(),
  exitCode: z.int().optional(),
  ranks: z.int(),
  nodes: z.array(z.string()),
  incarnation: z.int(),
  /** The epoch that the current incarnation was restored from. */
  restoredFrom: z.int().optional(),
  createdAtMs: z.number(),
  command: z.array(z.string()),
  everyMs: z.number().optional(),
  keep: z.int().optional(),
  /** The epoch that is being made now. */
  openEpoch: z.object({ epoch: z.int(), phase: z.string() }).optional(),
  lastPublishedEpoch: z.int().optional(),
});
export type GangSummary = z.infer<typeof gangSummarySchema>;

export const memberInfoSchema = z.object({
  member: z.int(),
  node: z.string(),
  ipv4: z.string(),
  ipv6: z.string(),
  /** As its node says; `unknown` while the node's agent does not answer. */
  state: z.enum([
    'allocated',
    'awaiting-restore',
    'running',
    'frozen',
    'held',
    'exited',
    'lost',
    'gone',
    'unknown',
  ]),
  exitCode: z.int().optional(),
  processes: z.int(),
  residentBytes: z.number(),
});
export type MemberInfo = z.infer<typeof memberInfoSchema>;

/** `raw`: in staging. `nonZero`: of those, in pages that are not all zero, where known. `stored`: in the vault. */
export const epochBytesSchema = z.object({
  raw: z.number(),
  nonZero: z.number().optional(),
  stored: z.number().optional(),
});

export const epochInfoSchema = z.object({
  epoch: z.int(),
  incarnation: z.int(),
  outcome: z.enum(['resume', 'stop']),
  trigger: z.enum(['manual', 'periodic', 'migrate', 'drain']),
  /** `open` until the decision; `committed` until it is in the vault; `removed`: by retention or `rm`. */
  state: z.enum(['open', 'committed', 'published', 'aborted', 'lost', 'removed']),
  /** Phase of an epoch that is not finished yet. */
  phase: z.string().optional(),
  reason: z.string().optional(),
  startedAtMs: z.number(),
  finishedAtMs: z.number().optional(),
  /** From the first freeze to the last release: the longest time that a member stood still. */
  stallMs: z.number().optional(),
  bytes: epochBytesSchema.optional(),
});
export type EpochInfo = z.infer<typeof epochInfoSchema>;

export const gangDetailSchema = gangSummarySchema.extend({
  cwd: z.string(),
  outside: outsidePolicySchema,
  files: filesPolicySchema,
  hooks: z.array(z.object({ name: z.string(), when: z.enum(['pre', 'post']), phase: z.string() })),
  members: z.array(memberInfoSchema),
  /** The newest epochs, newest last. */
  epochs: z.array(epochInfoSchema),
});
export type GangDetail = z.infer<typeof gangDetailSchema>;

/** `GET /v1/gangs/:gang/epochs/:epoch/timeline` */
export const timelineSchema = epochInfoSchema.extend({
  members: z.array(z.object({ member: z.int(), node: z.string() })),
  /** What each member did, and when; wall-clock times of its node. */
  spans: z.array(spanSchema),
  hooks: z.array(hookReportSchema),
  /** When the coordinator entered each phase. */
  phases: z.array(z.object({ phase: z.string(), atMs: z.number() })),
  decision: z.object({ decision: z.enum(['commit', 'abort']), atMs: z.number() }).optional(),
});
export type Timeline = z.infer<typeof timelineSchema>;

/** A piece of one file of a member's output. */
export const logSegmentSchema = z.object({
  stream: z.enum(['stdout', 'stderr']),
  path: z.string(),
  fromBytes: z.number(),
  /** Absent: to the file's end, which may still grow (`live`). */
  toBytes: z.number().optional(),
  live: z.boolean(),
});
/** `GET /v1/gangs/:gang/logs`: the pieces that make up the gang's current timeline, oldest first. */
export const gangLogsSchema = z.object({
  state: gangStateSchema,
  incarnation: z.int(),
  ranks: z.array(z.object({ rank: z.int(), segments: z.array(logSegmentSchema) })),
});
export type GangLogs = z.infer<typeof gangLogsSchema>;
export type LogSegment = z.infer<typeof logSegmentSchema>;

export const nodeInfoSchema = z.object({
  name: z.string(),
  index: z.int(),
  /** `down`: its agent does not answer and is being started again. `killed`: until it is added again. */
  state: z.enum(['ready', 'down', 'killed']),
  schedulable: z.boolean(),
  monotonicOffsetSeconds: z.number(),
  agentPid: z.int().optional(),
  members: z.array(z.object({ gang: z.string(), member: z.int() })),
  memoryAvailableBytes: z.number().optional(),
  stagingFreeBytes: z.number().optional(),
});
export type NodeInfo = z.infer<typeof nodeInfoSchema>;

/** `GET /v1/health` */
export const healthSchema = z.object({
  version: z.string(),
  pid: z.int(),
  home: z.string(),
  fence: z.int(),
  startedAtMs: z.number(),
});
export type Health = z.infer<typeof healthSchema>;

export const runResultSchema = z.object({
  name: z.string(),
  incarnation: z.int(),
  placement: z.array(z.object({ member: z.int(), node: z.string(), ipv4: z.string(), ipv6: z.string() })),
});
export type RunResult = z.infer<typeof runResultSchema>;

export const checkpointResultSchema = epochInfoSchema.extend({
  /** Attempts that were given up before this one, each an epoch of its own. */
  retries: z.int(),
});
export type CheckpointResult = z.infer<typeof checkpointResultSchema>;

export const restoreResultSchema = runResultSchema.extend({ epoch: z.int(), durationMs: z.number() });
export type RestoreResult = z.infer<typeof restoreResultSchema>;

/** `GET /v1/gangs/:gang/wait` (stream): how the gang ended. */
export const waitResultSchema = z.object({
  state: gangStateSchema,
  exitCode: z.int(),
  reason: z.string().optional(),
});
export type WaitResult = z.infer<typeof waitResultSchema>;

/** `POST /v1/gangs/:gang/epochs/:epoch/verify` (stream) */
export const verifyResultSchema = z.object({
  epoch: z.int(),
  files: z.int(),
  bytes: z.number(),
  problems: z.array(z.object({ file: z.string(), problem: z.string() })),
});
export type VerifyResult = z.infer<typeof verifyResultSchema>;

/** `POST /v1/nodes/:node/drain` (stream): the gangs that were moved away. */
export const drainResultSchema = z.object({ node: z.string(), moved: z.array(z.string()) });
export type DrainResult = z.infer<typeof drainResultSchema>;

export const emptyResultSchema = z.object({});

/** News of a verb under way. `done` and `total` count in `unit`. */
export const progressSchema = z.object({
  kind: z.literal('Progress'),
  atMs: z.number(),
  phase: z.string(),
  message: z.string(),
  epoch: z.int().optional(),
  member: z.int().optional(),
  node: z.string().optional(),
  done: z.number().optional(),
  total: z.number().optional(),
  unit: z.enum(['bytes', 'members']).optional(),
});
export type Progress = z.infer<typeof progressSchema>;

/** A coded error as it travels. `blockers`: what stands in the way of a checkpoint or restore, one by one. */
export const errorLineSchema = z.object({
  kind: z.literal('Error'),
  code: z.string(),
  message: z.string(),
  remedy: z.string(),
  retryable: z.boolean(),
  blockers: z
    .array(
      z.object({
        code: z.string(),
        member: z.int().optional(),
        node: z.string().optional(),
        message: z.string(),
        remedy: z.string(),
      }),
    )
    .optional(),
});
export type ErrorLine = z.infer<typeof errorLineSchema>;

/** A stream ends with exactly one `Done` or `Error`; a `Beat` only says that it is alive. */
export const streamLineSchema = z.discriminatedUnion('kind', [
  progressSchema,
  z.object({ kind: z.literal('Beat') }),
  z.object({ kind: z.literal('Done'), result: z.unknown() }),
  errorLineSchema,
]);
export type StreamLine = z.infer<typeof streamLineSchema>;
