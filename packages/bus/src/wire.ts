// What goes over a connection: one JSON value a line. What comes in is checked before anyone sees it.
import { z } from 'zod';
import type { NodeAnswer, NodeRequest } from '@stillpoint/protocol';
import type { NodeCommand, NodeEvent } from './bus.ts';
import { answerSchema, requestSchema } from './request-schemas.ts';
import { commandSchema, eventSchema } from './schemas.ts';

export type ToAgent =
  | { readonly kind: 'Request'; readonly id: number; readonly request: NodeRequest }
  | { readonly kind: 'Command'; readonly command: NodeCommand };

export type ToCoordinator =
  | { readonly kind: 'Answer'; readonly id: number; readonly answer: NodeAnswer }
  | { readonly kind: 'Event'; readonly event: NodeEvent };

const id = z.int().nonnegative();
const toAgentSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('Request'), id, request: requestSchema }),
  z.object({ kind: z.literal('Command'), command: commandSchema }),
]);
const toCoordinatorSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('Answer'), id, answer: answerSchema }),
  z.object({ kind: z.literal('Event'), event: eventSchema }),
]);

/** @throws when the line is not a message: its sender speaks another protocol */
export const parseToAgent = (line: string): ToAgent => checked(toAgentSchema, line) as ToAgent;
/** @throws when the line is not a message: its sender speaks another protocol */
export const parseToCoordinator = (line: string): ToCoordinator =>
  checked(toCoordinatorSchema, line) as ToCoordinator;

// The value itself goes on, not the schema's copy: fields of a newer version are not lost on the way.
function checked(schema: z.ZodType, line: string): unknown {
  const value: unknown = JSON.parse(line);
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new Error(`not a message of the bus: ${z.prettifyError(parsed.error)}`);
  return value;
}
