// The log of a process that lives long: lines of JSON in a file.
import { openSync, writeSync } from 'node:fs';
import pino, { type Logger } from 'pino';

/** The agent's log, as its parts see it. */
export type AgentLog = Pick<Logger, 'info' | 'warn' | 'error'>;

/**
 * Opens a log. A line that can't be written, because the disk is full, is left out: it must not end the process.
 *
 * @param base stands in every line
 * @param file a path, or the descriptor of a file that is open
 */
export function openLog(base: Readonly<Record<string, unknown>>, file: string | number): Logger {
  const descriptor = typeof file === 'number' ? file : openSync(file, 'a', 0o600);
  const write = (line: string): void => {
    try {
      writeSync(descriptor, line);
    } catch {
      // there is nobody else to tell
    }
  };
  return pino({ base }, { write });
}
