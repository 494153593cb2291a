// What the coordinator's HTTP API takes, as schemas and types. No IO.
import { z } from 'zod';
import { hooksSchema } from './hook-specs.ts';
import { limits } from './limits.ts';

const label = (lengthMax: number) =>
  z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'lower-case letters, digits and inner hyphens only')
    .max(lengthMax);

export const gangNameSchema = label(limits.gangNameLengthMax);
export const nodeNameSchema = label(limits.nodeNameLengthMax);
export const epochNumberSchema = z.coerce.number().int().positive();
export const outsidePolicySchema = z.enum(['refuse', 'close', 'keep']);
export const filesPolicySchema = z.enum(['refuse', 'save', 'keep']);

/** `POST /v1/gangs` (stream) → `RunResult` */
export const runRequestSchema = z.strictObject({
  name: gangNameSchema,
  /** Number of members. */
  ranks: z.int().min(1).max(limits.membersMax),
  /** Number of nodes that the members are spread over evenly; missing ones are added. */
  nodes: z.int().min(1).max(limits.membersMax).default(1),
  command: z.array(z.string()).min(1),
  /** The caller's environment with `--env` laid over it. RANK, WORLD_SIZE and the like are added for each member. */
  environment: z.record(z.string(), z.string()).default({}),
  /** Absolute. */
  cwd: z.string().startsWith('/'),
  /** Time between periodic checkpoints; without it there are none. */
  everyMs: z.int().min(limits.everyMsMin).max(limits.everyMsMax).optional(),
  /** Most published epochs that are kept. */
  keep: z.int().min(1).max(limits.keepMax).optional(),
  outside: outsidePolicySchema.default('refuse'),
  files: filesPolicySchema.default('refuse'),
  /** What runs before and after phases of its epochs, in this order. */
  hooks: hooksSchema.optional(),
});
export type RunRequest = z.input<typeof runRequestSchema>;

/** `POST /v1/gangs/:gang/checkpoint` (stream) → `CheckpointResult` */
export const checkpointRequestSchema = z.strictObject({
  outcome: z.enum(['resume', 'stop']).default('resume'),
  /** When the verb is done: once the epoch is decided and all run on, or once it is in the vault. */
  until: z.enum(['committed', 'published']).default('published'),
  /** Override the gang's own policies for this epoch. */
  outside: outsidePolicySchema.optional(),
  files: filesPolicySchema.optional(),
});
export type CheckpointRequest = z.input<typeof checkpointRequestSchema>;

/** `POST /v1/gangs/:gang/restore` (stream) → `RestoreResult` */
export const restoreRequestSchema = z.strictObject({
  /** The newest published one unless given. */
  epoch: z.int().positive().optional(),
  /** Nodes to spread the members over; may be fewer than before. Unless given: the nodes they were on, where they are ready. */
  onto: z.array(nodeNameSchema).min(1).optional(),
  /** What to do with shared files whose content up to the cut is not the cut's. */
  files: filesPolicySchema.optional(),
});
export type RestoreRequest = z.input<typeof restoreRequestSchema>;

/** `POST /v1/gangs/:gang/migrate` (stream) → `RestoreResult` */
export const migrateRequestSchema = z.strictObject({ from: nodeNameSchema, onto: nodeNameSchema.optional() });
export type MigrateRequest = z.input<typeof migrateRequestSchema>;

/** `POST /v1/nodes` → `NodeInfo` */
export const nodeAddRequestSchema = z.strictObject({
  name: nodeNameSchema,
  /** Shifts the monotonic and boot clocks of the node's members, as another machine's would be. */
  monotonicOffsetSeconds: z.int().min(-1_000_000_000).max(1_000_000_000).optional(),
});
export type NodeAddRequest = z.input<typeof nodeAddRequestSchema>;

/** `POST /v1/nodes/NODE/kill` → `{}` */
export const nodeKillRequestSchema = z.strictObject({
  /** The caller says that the machine is off: nothing of it runs, also where its agent can't be asked. */
  isOff: z.boolean().default(false),
});
export type NodeKillRequest = z.input<typeof nodeKillRequestSchema>;
