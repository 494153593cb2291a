// Hooks that answer requests over NATS.
import type { NatsBus } from '@stillpoint/bus/nats';
import { z } from 'zod';
import type { HookMessage } from './hooks.ts';

const answerSchema = z.object({ ok: z.boolean(), message: z.string().max(2_000).optional() });

/** @throws when the answer says so, is none, or does not come in time */
export async function callOverNats(
  bus: NatsBus,
  subject: string,
  message: HookMessage,
  deadlineMs: number,
): Promise<void> {
  const text = await bus.ask(subject, JSON.stringify(message), deadlineMs);
  const { ok, message: why } = answerSchema.parse(JSON.parse(text));
  if (!ok) throw new Error(why ?? 'it answered that it failed');
}
