// The command line as commander knows it: built from the list of verbs. Parses; does nothing itself.
import { Command } from 'commander';
import type { Act, Verb } from './verb.ts';

/** Describes the groups of two-word verbs. */
const groups: Readonly<Record<string, string>> = { node: 'change a node' };

/** Where help goes, and how wide it may be. */
export interface HelpOutput {
  readonly write: (text: string) => void;
  readonly columns: number;
}

/** @param actOf wraps the work of a verb */
export function buildProgram(
  verbs: readonly Verb[],
  version: string,
  output: HelpOutput,
  actOf: (verb: Verb) => Act,
): Command {
  const program = new Command('stillpoint')
    .description('Consistent checkpoints of whole training gangs, and their restore on other nodes.')
    .version(version)
    .usage('VERB [OPTIONS]')
    .helpCommand('help [VERB]', 'show the help of a verb')
    .addHelpText('after', overview);
  for (const verb of verbs) {
    const words = verb.name.split(' ');
    const last = words.pop() ?? verb.name;
    const command = words
      .reduce(groupOf, program)
      .command(last, { hidden: verb.isHidden === true })
      .summary(verb.summary)
      .description(`${verb.summary.charAt(0).toUpperCase()}${verb.summary.slice(1)}.`)
      .usage(verb.usage ?? '[OPTIONS]')
      .option('--json', 'print JSON instead');
    verb.declare(command, actOf(verb));
    command.addHelpText('after', () => furtherHelp(verb));
  }
  const shown = new Map(
    verbs.flatMap(({ name, usage, isHidden }) => (isHidden === true ? [] : [[name, usage ?? '']])),
  );
  for (const command of everyCommand(program)) {
    command
      .exitOverride()
      .configureOutput({
        writeOut: output.write,
        writeErr: () => undefined,
        outputError: () => undefined,
        getOutHelpWidth: () => output.columns,
      })
      .configureHelp({
        visibleCommands: (of) => verbsBelow(of).filter((each) => shown.has(verbOf(each))),
        subcommandTerm: (of) => `${verbOf(of)} ${shown.get(verbOf(of)) ?? ''}`.trimEnd(),
      })
      .helpOption('-h, --help', 'show this help');
  }
  return program;
}

/** Two-word verbs stand in the list of their group's parent too. */
function verbsBelow(command: Command): Command[] {
  return command.commands.flatMap((each) => (each.commands.length === 0 ? [each] : verbsBelow(each)));
}

/** All words but the program's own: `node add`. */
function verbOf(command: Command): string {
  const { parent } = command;
  return parent === null ? '' : `${verbOf(parent)} ${command.name()}`.trimStart();
}

function groupOf(parent: Command, word: string): Command {
  const found = parent.commands.find((command) => command.name() === word);
  return (
    found ??
    parent
      .command(word)
      .description(groups[word] ?? '')
      .usage('VERB [OPTIONS]')
  );
}

/** The command and all below it. */
function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

function furtherHelp(verb: Verb): string {
  const width = Math.max(...verb.examples.map(({ line }) => line.length));
  const examples = verb.examples.map(({ line, says }) => `  ${line.padEnd(width)}  # ${says}`);
  const notes = verb.notes === undefined ? [] : ['', ...verb.notes];
  return ['', 'Examples:', ...examples, ...notes].join('\n');
}

const overview = `
A gang is one training job: all processes that must be cut at one moment. A NAME is one that you give;
an EPOCH is the number of one of its checkpoints. Every verb has --help with examples, and --json.

Exit codes: 0 done, 1 failed, 2 wrong usage; \`wait\` and \`run --follow\` end with the gang's own.
Environment: STILLPOINT_HOME (state; default /var/lib/stillpoint), STILLPOINT_CRIU, NO_COLOR.`;
