// What every verb declares: its place on the command line, and what it does.
import type { Command } from 'commander';
import type { Session } from './session.ts';

/** Done well unless a number says otherwise: the exit code. */
type Outcome = Promise<number | undefined>;

/** Wraps a verb's work for commander: the session comes first, then arguments and options as commander gives them. */
export type Act = <Arguments extends unknown[]>(
  work: (session: Session, ...args: Arguments) => Outcome,
) => (...args: Arguments) => Promise<void>;

interface Example {
  readonly line: string;
  readonly says: string;
}

export interface Verb {
  /** One word, or two: `node add`. */
  readonly name: string;
  /** What follows the name, as in the list of verbs; options that nearly nobody needs are left out. */
  readonly usage?: string;
  /** What it does, in a few words, as in the list of verbs. */
  readonly summary: string;
  /** Shown by --help. */
  readonly examples: readonly Example[];
  /** More for --help: shapes of the JSON, what Ctrl-C does. */
  readonly notes?: readonly string[];
  /** Not in the list of verbs: for shells, not for people. */
  readonly isHidden?: boolean;
  /** Adds arguments, options and the action. `--json` is there already. */
  declare(command: Command, act: Act): void;
}
