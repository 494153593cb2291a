// All of the outside that the command line touches, so that tests can stand in for it.
import type { CoordinatorClient } from '@stillpoint/coordinator';
import type { InterruptSignal } from './errors.ts';

/** A standard stream. Writing to a pipe or terminal is synchronous on Linux: nothing is lost at the end. */
export interface Output {
  write(text: string | Uint8Array): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface CliIo {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly isRoot: boolean;
  readonly stdout: Output;
  readonly stderr: Output;
  now(): number;
  /** Finds the coordinator of a state folder, or starts one. */
  connect(home: string, signal: AbortSignal): Promise<CoordinatorClient>;
  /** The coordinator's client, where a state folder is; nothing is made and nothing is started. */
  connectIfRunning(home: string): Promise<CoordinatorClient | undefined>;
  /** Calls the listener at each signal, until the returned function is called. */
  onInterrupt(listener: (signal: InterruptSignal) => void): () => void;
  /** Ends the process at once. */
  exitNow(code: number): void;
}
