// What sp-init says: its status lines and its exit file, as schemas and types. No IO.
import { z } from 'zod';

const count = z.number().int().nonnegative();

const statusSchema = z.object({
  state: z.enum(['awaiting', 'running', 'parked', 'exited']),
  /** The main child in sp-init's own pid namespace; 0 before it is there and once it is reaped. */
  pid: count,
  /** How the main child ended: its exit code, or 128 plus the signal. */
  code: count,
  signal: count,
  /** Bytes that reached the logs, and bytes of both streams that could not. */
  stdoutBytes: count,
  stderrBytes: count,
  dropped: count,
  /** In the answer to a drain: whether both pipes were empty, with all they held in the logs or dropped. */
  drained: z.boolean().optional(),
});

const exitSchema = statusSchema.pick({ code: true, signal: true, stdoutBytes: true, stderrBytes: true });

const refusalSchema = z.object({ error: z.string() });

export type SpInitStatus = Readonly<z.infer<typeof statusSchema>>;
export type SpInitDrained = SpInitStatus & { readonly drained: boolean };
export type SpInitExit = Readonly<z.infer<typeof exitSchema>>;
export type SpInitState = SpInitStatus['state'];

/** An answer of sp-init: a status, or why the command was refused. */
export const answerSchema = z.union([statusSchema, refusalSchema]);
export type SpInitAnswer = Readonly<z.infer<typeof answerSchema>>;

/**
 * Reads the text of an exit file.
 * @throws SyntaxError or ZodError when it is none
 */
export function parseExitFile(text: string): SpInitExit {
  return exitSchema.parse(JSON.parse(text));
}
