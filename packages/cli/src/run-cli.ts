// One run of the command line, from its arguments to its exit code.
import { type Command, CommanderError } from 'commander';
import { Interrupted, UsageError } from './errors.ts';
import { errorDocument, formatError } from './format/problems.ts';
import { watchInterrupts } from './interrupt.ts';
import type { CliIo } from './io.ts';
import { limits } from './limits.ts';
import { buildProgram } from './program.ts';
import { Session } from './session.ts';
import { lookOf } from './terminal.ts';
import type { Act, Verb } from './verb.ts';
import { verbs } from './verbs.ts';
import { version } from './version.ts';

export const exitCodes = { done: 0, failed: 1, wrongUsage: 2 } as const;

/** Runs a verb and returns the exit code. Never throws. */
export async function runCli(io: CliIo): Promise<number> {
  using interruption = watchInterrupts(io);
  let exitCode: number = exitCodes.done;
  const actOf =
    (verb: Verb): Act =>
    (work) =>
    async (...args) => {
      const session = new Session(io, {
        verb: verb.name,
        json: wantsJson(io.argv),
        signal: interruption.signal,
      });
      exitCode = (await work(session, ...args)) ?? exitCodes.done;
    };
  const help = { write: (text: string) => void io.stdout.write(text), columns: helpColumns(io) };
  const program = buildProgram(verbs, version, help, actOf);
  try {
    if (io.argv.length === 0) program.outputHelp();
    else await program.parseAsync([...io.argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    return fail(io, error, program);
  }
}

function helpColumns(io: CliIo): number {
  return Math.min(lookOf(io.stdout, io.env).columns ?? limits.plainColumns, limits.helpColumnsMax);
}

function fail(io: CliIo, error: unknown, program: Command): number {
  if (error instanceof CommanderError) {
    const isHelp = error.exitCode === 0;
    if (isHelp) return exitCodes.done;
    return fail(io, usageErrorOf(error, io.argv, program), program);
  }
  if (error instanceof Interrupted && error.isQuiet) return error.exitCode;
  const document = errorDocument(error);
  if (wantsJson(io.argv)) io.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`);
  else io.stderr.write(`${formatError(document, lookOf(io.stderr, io.env))}\n`);
  if (io.env['STILLPOINT_DEBUG'] === '1' && error instanceof Error) io.stderr.write(`${error.stack ?? ''}\n`);
  if (error instanceof Interrupted) return error.exitCode;
  return error instanceof UsageError ? exitCodes.wrongUsage : exitCodes.failed;
}

/** What is asked for before any `--`: what follows belongs to the gang's command. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end === -1 ? undefined : end).includes('--json');
}

/** Commander's complaint in this program's words. */
function usageErrorOf(error: CommanderError, argv: readonly string[], program: Command): UsageError {
  const verb = verbOf(argv, program);
  if (error.code === 'commander.help') return new UsageError(`which verb of \`stillpoint ${verb}\`?`, verb);
  const said = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  const remedy =
    verb === 'run' && !argv.includes('--')
      ? "Put `--` before the gang's command: options after it are the command's own. See `stillpoint run --help`."
      : undefined;
  return new UsageError(said, verb, remedy);
}

function verbOf(argv: readonly string[], program: Command): string {
  const words: string[] = [];
  let at = program;
  for (const word of argv) {
    const next = at.commands.find((command) => command.name() === word);
    if (next === undefined) break;
    words.push(word);
    at = next;
  }
  return words.join(' ');
}
