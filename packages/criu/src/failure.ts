// Turns a CRIU run without success into a coded error: what happened, and what to do. Pure.
import { CriuFailure } from './errors.ts';
import type { FailureRule } from './failure-rule.ts';
import { failureRules } from './failure-rules.ts';
import { limits } from './limits.ts';

/** A CRIU run that ended without success, or was given up. */
export interface CriuOutcome {
  readonly phase: 'dump' | 'restore' | 'check';
  /** The text of CRIU's log; its end is enough. */
  readonly log: string;
  readonly exitCode?: number | null | undefined;
  /** The signal that ended CRIU, by name. */
  readonly signal?: string | null | undefined;
  /** The deadline that CRIU missed. */
  readonly deadlineMs?: number | undefined;
  /** Connections that were being made, as the kernel knew them: CRIU's log has none of their addresses. */
  readonly halfOpen?: readonly string[];
}

/** Says why CRIU failed. Never throws; an unknown failure quotes the log. */
export function explainCriuFailure(outcome: CriuOutcome): CriuFailure {
  const errors = readErrors(outcome.log);
  const quoted = errors.slice(-limits.quotedErrorsMax);
  const subject = `CRIU ${outcome.phase}`;
  const ended = explainEnd(outcome);
  if (ended !== undefined) {
    const message = `${subject}: ${ended.message}${quote(quoted)}`;
    return new CriuFailure(ended.code, message, quoted, { remedy: ended.remedy, retryable: true });
  }
  const match = matchRule(errors);
  if (match !== undefined) {
    const { rule, message, error } = match;
    const { remedy, retryable, names } = rule;
    const named = names === undefined ? '' : listNames(outcome[names] ?? []);
    return new CriuFailure(rule.code, `${subject}: ${message}${named} (CRIU: ${error})`, quoted, {
      remedy,
      retryable: retryable ?? false,
    });
  }
  // CRIU failed in a way that no rule knows.
  const code = 'SP_CRIU_FAILED';
  const message = `${subject} failed with exit code ${outcome.exitCode ?? 'unknown'}${quote(quoted)}`;
  return new CriuFailure(code, message, quoted, {
    remedy: `Read the end of CRIU's ${outcome.phase}.log.`,
  });
}

/**
 * The errors of a CRIU log, oldest first: what follows `Error (file:line):`, less the messages that say nothing of
 * the cause.
 */
export function readErrors(log: string): string[] {
  return log
    .slice(-limits.logBytesMax)
    .split('\n')
    .flatMap((line) => /Error \([^)]*\): (.*)$/.exec(line)?.[1] ?? [])
    .filter((error) => !meaningless.some((pattern) => pattern.test(error)));
}

/** In every log, where the machine denies CAP_SYS_RESOURCE, or at the end of every failed one. */
const meaningless: readonly RegExp[] = [
  /Can't setup RLIMIT_NOFILE/,
  /^(?:Dumping|Restoring|Pre-dumping) FAILED/,
  /^Killing processes because of failure on restore/,
];

interface EndExplanation {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

/** A run that somebody ended: then its log says nothing of the cause. */
function explainEnd(outcome: CriuOutcome): EndExplanation | undefined {
  if (outcome.deadlineMs !== undefined) {
    return {
      code: 'SP_CRIU_DEADLINE',
      message: `not done after ${outcome.deadlineMs} ms`,
      remedy: 'See whether the staging area or the machine is overloaded, or allow more time.',
    };
  }
  const signal = outcome.signal ?? signalOfExitCode(outcome.exitCode);
  if (signal === undefined) return undefined;
  return {
    code: 'SP_CRIU_KILLED',
    message: `killed by ${signal}`,
    remedy:
      'See the kernel log for an out-of-memory kill. After a killed dump, restore the gang from its last epoch.',
  };
}

/** A shell reports a child's signal as 128 more than its number. */
function signalOfExitCode(exitCode: number | null | undefined): string | undefined {
  return exitCode !== undefined && exitCode !== null && exitCode > 128
    ? `signal ${exitCode - 128}`
    : undefined;
}

/** The first rule that fits any error, with its message filled in. */
function matchRule(
  errors: readonly string[],
): { readonly rule: FailureRule; readonly message: string; readonly error: string } | undefined {
  for (const rule of failureRules) {
    for (const error of errors) {
      const match = rule.pattern.exec(error);
      if (match !== null) return { rule, message: fill(rule.message, match.groups ?? {}), error };
    }
  }
  return undefined;
}

/** Fills the named groups in. A restore's log has paths relative to the root. */
function fill(message: string, groups: Readonly<Record<string, string | undefined>>): string {
  return message.replaceAll(/\$<(\w+)>/g, (_, name: string) => {
    const value = groups[name] ?? '';
    return name === 'path' ? value.replace(/^(?=[^/])/, '/') : value;
  });
}

function listNames(names: readonly string[]): string {
  if (names.length === 0) return '';
  const rest = names.length - limits.namesMax;
  return `: ${names.slice(0, limits.namesMax).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function quote(errors: readonly string[]): string {
  return errors.length === 0 ? '' : `: ${errors.join(' | ')}`;
}
