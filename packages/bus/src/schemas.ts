// Schemas of the protocol's messages, for what comes in over a connection. Compile-time checks at the end keep
// them in step with the protocol's types.
import type { MemberReport, RestoreReport } from '@stillpoint/protocol';
import { z } from 'zod';
import type { NodeCommand, NodeEvent } from './bus.ts';

const name = z.string().min(1).max(63);
const counting = z.int().positive();
const member = z.int().nonnegative();
const count = z.number().nonnegative();
const text = z.string();

const endpoint = z.object({ address: text, port: z.int().min(0).max(65535) });
const tcpState = z.enum([
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
]);
const kernelSocket = z.object({
  local: endpoint,
  remote: endpoint,
  state: tcpState,
  inode: count,
  cookie: text,
  sendQueueBytes: count,
  receiveQueueBytes: count,
});
const imageConnection = z.object({
  local: endpoint,
  remote: endpoint,
  state: tcpState,
  inode: count,
  sndUna: count,
  writeSeq: count,
  rcvNxt: count,
});
const fileNote = z.object({
  path: text,
  inode: count,
  device: count,
  sizeBytes: count,
  writable: z.boolean(),
  append: z.boolean(),
  sha256: text.optional(),
  modifiedMs: z.number(),
  isPrivate: z.boolean(),
});
const vote = z.object({
  member,
  holdId: text,
  addresses: z.array(text),
  connections: z.array(imageConnection),
  sockets: z.array(kernelSocket),
  files: z.array(fileNote),
  imageBytes: count,
  stdoutBytes: count,
  stderrBytes: count,
});
const blocker = z.object({
  code: text,
  member: member.optional(),
  node: name.optional(),
  message: text,
  remedy: text,
});
const storedFile = z.object({
  name: text,
  bytes: count,
  nonZeroBytes: count,
  storedBytes: count,
  sha256: text,
  storedSha256: text,
});
const span = z.object({ member, phase: text, startMs: z.number(), endMs: z.number() });
const coded = { code: text, message: text, remedy: text };

const epochHeader = { gang: name, incarnation: counting, epoch: counting, fence: counting };
const outcome = z.enum(['resume', 'stop']);
const outside = z.enum(['refuse', 'close', 'keep']);
const files = z.enum(['refuse', 'save', 'keep']);
const round = z.union([z.literal(1), z.literal(2)]);
const restorePlacement = z.object({
  member,
  node: name,
  addresses: z.array(z.object({ from: text, to: text })),
});

export const commandSchema = z.discriminatedUnion('kind', [
  z.object({ ...epochHeader, kind: z.literal('Preflight'), outcome, outside, files }),
  z.object({ ...epochHeader, kind: z.literal('Freeze'), outcome, deadManMs: count }),
  z.object({ ...epochHeader, kind: z.enum(['Hold', 'Dump', 'AllNoted', 'Forget']) }),
  z.object({ ...epochHeader, kind: z.literal('Persist'), persistId: text }),
  z.object({
    ...epochHeader,
    kind: z.literal('Decided'),
    decision: z.enum(['commit', 'abort']),
    reason: text,
  }),
  z.object({ ...epochHeader, kind: z.literal('AllReleased'), round }),
  z.object({
    ...epochHeader,
    kind: z.literal('Settle'),
    halfDead: z.array(z.object({ member, cookie: text, local: endpoint, remote: endpoint })),
  }),
  z.object({
    ...epochHeader,
    kind: z.literal('RestorePreflight'),
    members: z.array(restorePlacement),
    files,
  }),
  z.object({ ...epochHeader, kind: z.enum(['Prepare', 'Lift']) }),
  z.object({ ...epochHeader, kind: z.literal('Restore'), deadManMs: count }),
  z.object({ ...epochHeader, kind: z.literal('Abandon'), reason: text }),
]);

const failedReport = z.object({
  kind: z.literal('Failed'),
  member,
  phase: text,
  ...coded,
  retryable: z.boolean(),
  persistId: text.optional(),
});

const memberReport = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('Ready'),
    member,
    blockers: z.array(blocker),
    holdBudgetMs: count,
    room: z.object({ imageBytes: count, vaultFreeBytes: count }),
  }),
  z.object({ kind: z.enum(['Frozen', 'Noted', 'Killed', 'Forgotten', 'InDoubt']), member }),
  z.object({ kind: z.literal('Held'), member, holdId: text }),
  z.object({ kind: z.literal('Dumped'), member, vote }),
  z.object({ kind: z.literal('Released'), member, heldMs: count }),
  z.object({
    kind: z.literal('Surveyed'),
    member,
    round,
    addresses: z.array(text),
    sockets: z.array(kernelSocket),
  }),
  z.object({ kind: z.literal('Settled'), member, destroyed: count }),
  z.object({ kind: z.literal('Persisted'), member, files: z.array(storedFile), meta: z.unknown() }),
  failedReport,
]);

const restoreReport = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('RestoreReady'), member, blockers: z.array(blocker) }),
  z.object({ kind: z.enum(['Prepared', 'Lifted', 'Running', 'Abandoned', 'InDoubt']), member }),
  z.object({ kind: z.literal('Restored'), member, holdId: text }),
  failedReport,
]);

export const eventSchema = z.discriminatedUnion('kind', [
  z.object({
    ...epochHeader,
    kind: z.literal('Reports'),
    node: name,
    reports: z.array(memberReport),
    spans: z.array(span),
  }),
  z.object({
    ...epochHeader,
    kind: z.literal('RestoreReports'),
    node: name,
    reports: z.array(restoreReport),
    spans: z.array(span),
  }),
  z.object({
    kind: z.literal('MemberExited'),
    node: name,
    gang: name,
    incarnation: counting,
    member,
    exitCode: z.int(),
  }),
]);

// A message of the protocol that its schema would refuse does not compile here.
type Passes<Message, Schema extends z.ZodType> = Message extends z.input<Schema> ? true : false;
true satisfies Passes<NodeCommand, typeof commandSchema>;
true satisfies Passes<MemberReport, typeof memberReport>;
true satisfies Passes<RestoreReport, typeof restoreReport>;
true satisfies Passes<NodeEvent, typeof eventSchema>;
