// What goes over NATS: one JSON value a message. What comes in is checked before anyone sees it.
import type { NodeAnswer, NodeRequest } from '@stillpoint/protocol';
import { z } from 'zod';
import type { NodeCommand, NodeEvent } from '../bus.ts';
import { fanPlacesMax } from './subjects.ts';
import { answerSchema, requestSchema } from '../request-schemas.ts';
import { commandSchema, eventSchema } from '../schemas.ts';

const id = z.int().nonnegative();
/** Names an agent's process, so that its successor is told from it. */
const agent = z.string().min(1).max(63);

const schemas = {
  command: z.object({ command: commandSchema }),
  request: z.object({ id, coordinator: z.string().min(1).max(63), request: requestSchema }),
  answer: z.object({ id, agent, answer: answerSchema }),
  event: z.object({ agent, event: eventSchema }),
  beat: z.object({ agent, isLast: z.boolean(), place: z.int().min(1).max(fanPlacesMax).optional() }),
} as const;

export interface NatsMessages {
  readonly command: { readonly command: NodeCommand };
  readonly request: { readonly id: number; readonly coordinator: string; readonly request: NodeRequest };
  readonly answer: { readonly id: number; readonly agent: string; readonly answer: NodeAnswer };
  readonly event: { readonly agent: string; readonly event: NodeEvent };
  readonly beat: {
    readonly agent: string;
    readonly isLast: boolean;
    /** Where it hears what is said to several nodes at once. */
    readonly place?: number;
  };
}

const text = { encoder: new TextEncoder(), decoder: new TextDecoder('utf-8', { fatal: true }) };

export const encode = (message: NatsMessages[keyof NatsMessages]): Uint8Array =>
  text.encoder.encode(JSON.stringify(message));

/**
 * The value itself, not the schema's copy: fields of a newer version are not lost on the way.
 *
 * @throws when it is no such message: its sender speaks another protocol
 */
export function decode<Kind extends keyof NatsMessages>(kind: Kind, data: Uint8Array): NatsMessages[Kind] {
  const value: unknown = JSON.parse(text.decoder.decode(data));
  const parsed = schemas[kind].safeParse(value);
  if (!parsed.success) throw new Error(`not a ${kind} of the bus: ${z.prettifyError(parsed.error)}`);
  return value as NatsMessages[Kind];
}
