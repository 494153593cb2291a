// Schemas of what is asked of agents outside epochs and restores, and of their answers.
import type { NodeAnswer, NodeRequest } from '@stillpoint/protocol';
import { z } from 'zod';

const name = z.string().min(1).max(63);
const counting = z.int().positive();
const member = z.int().nonnegative();
const count = z.number().nonnegative();
const text = z.string();
const ofGang = { gang: name, incarnation: counting };
const ofLeader = { fence: counting };

const program = z.object({
  command: z.array(text).min(1),
  environment: z.record(text, text),
  cwd: text.startsWith('/'),
});

export const requestSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['Hello', 'Status']) }),
  z.object({ kind: z.literal('Allocate'), ...ofLeader, ...ofGang, members: z.array(member) }),
  z.object({
    kind: z.literal('Launch'),
    ...ofLeader,
    ...ofGang,
    member,
    hostname: text,
    hosts: text,
    program,
  }),
  z.object({
    kind: z.literal('RunHook'),
    ...ofLeader,
    ...ofGang,
    epoch: counting,
    member,
    hook: text.min(1),
    program,
    deadlineMs: counting,
  }),
  z.object({ kind: z.literal('Remove'), ...ofLeader, gang: name, upTo: counting }),
]);

const addresses = z.object({ ipv4: text, ipv6: text });

export const answerSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('Hello'), node: name, pid: counting, version: text }),
  z.object({ kind: z.literal('Allocated'), addresses: z.array(z.object({ member, addresses })) }),
  z.object({ kind: z.literal('Launched') }),
  z.object({ kind: z.literal('Removed'), members: z.array(member) }),
  z.object({
    kind: z.literal('HookRan'),
    exitCode: z.int().nullable(),
    isOverdue: z.boolean(),
    output: text,
  }),
  z.object({
    kind: z.literal('Status'),
    members: z.array(
      z.object({
        ...ofGang,
        member,
        state: z.enum(['allocated', 'awaiting-restore', 'running', 'frozen', 'held', 'exited', 'lost']),
        exitCode: z.int().optional(),
        addresses,
        processes: count,
        residentBytes: count,
        stdoutPath: text,
        stderrPath: text,
      }),
    ),
    memoryAvailableBytes: count,
    stagingFreeBytes: count,
  }),
  z.object({ kind: z.literal('Error'), code: text, message: text, remedy: text }),
]);

// A message of the protocol that its schema would refuse does not compile here.
type Passes<Message, Schema extends z.ZodType> = Message extends z.input<Schema> ? true : false;
true satisfies Passes<NodeRequest, typeof requestSchema>;
true satisfies Passes<NodeAnswer, typeof answerSchema>;
