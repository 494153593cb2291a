// What can come next on a command line, worked out from commander's own description of it. No IO: names of gangs,
// epochs and nodes are left to the caller.
import type { Command, Option } from 'commander';

/** What the caller looks up. `gangs-epochs`: a gang, and an epoch of it once `@` is typed. */
export type Lookup = 'gangs' | 'gangs-epochs' | 'epochs' | 'nodes' | 'files' | 'folders';

export interface Candidate {
  readonly word: string;
  readonly says: string;
}

export interface Candidates {
  readonly words: readonly Candidate[];
  readonly lookup?: Lookup;
  /** What is typed of the word that is completed. */
  readonly current: string;
}

const lookupOfArgument: Readonly<Record<string, Lookup>> = {
  NAME: 'gangs',
  'NAME[@EPOCH]': 'gangs-epochs',
  'NAME@EPOCH': 'epochs',
  NODE: 'nodes',
  CMD: 'files',
};

const lookupOfOption: Readonly<Record<string, Lookup>> = {
  '--from': 'nodes',
  '--onto': 'nodes',
  '--cwd': 'folders',
};

interface Place {
  readonly command: Command;
  /** How many arguments are there already. */
  readonly arguments: number;
  /** The option whose value comes next. */
  readonly option: Option | undefined;
  readonly isPastDashes: boolean;
}

/** @param words what follows `stillpoint`; the last one is completed, and may be empty */
export function candidatesFor(program: Command, words: readonly string[]): Candidates {
  const current = words.at(-1) ?? '';
  const place = placeOf(program, words.slice(0, -1));
  const { command, option } = place;
  if (place.isPastDashes) return { words: [], lookup: 'files', current };
  if (option !== undefined) return valuesOf(option, current);
  if (current.startsWith('-')) return { words: startingWith(optionsOf(command), current), current };
  if (place.arguments === 0 && command.commands.length > 0)
    return { words: startingWith(verbsOf(command), current), current };
  const declared = command.registeredArguments;
  const argument =
    declared[place.arguments] ?? (declared.at(-1)?.variadic === true ? declared.at(-1) : undefined);
  const choices = (argument?.argChoices ?? []).map((word) => ({ word, says: argument?.description ?? '' }));
  // the name that `run` takes is a new one
  const isNew = command.name() === 'run' && place.arguments === 0;
  const lookup = argument === undefined || isNew ? undefined : lookupOfArgument[argument.name()];
  return { words: startingWith(choices, current), current, ...(lookup === undefined ? {} : { lookup }) };
}

function placeOf(program: Command, before: readonly string[]): Place {
  let command = program;
  let count = 0;
  let option: Option | undefined;
  for (const word of before) {
    if (option !== undefined) {
      option = undefined;
    } else if (word === '--') {
      return { command, arguments: count, option, isPastDashes: true };
    } else if (word.startsWith('-')) {
      const found = command.options.find((each) => each.short === word || each.long === word);
      if (found?.required === true) option = found;
    } else {
      const next = count === 0 ? command.commands.find((each) => each.name() === word) : undefined;
      if (next === undefined) count += 1;
      else command = next;
    }
  }
  return { command, arguments: count, option, isPastDashes: false };
}

function valuesOf(option: Option, current: string): Candidates {
  const words = (option.argChoices ?? []).map((word) => ({ word, says: '' }));
  const lookup = lookupOfOption[option.long ?? ''];
  return { words: startingWith(words, current), current, ...(lookup === undefined ? {} : { lookup }) };
}

const startingWith = (words: readonly Candidate[], current: string): Candidate[] =>
  words.filter(({ word }) => word.startsWith(current));

/** Verbs for machines begin with underscores. */
const verbsOf = (command: Command): Candidate[] =>
  command.commands
    .filter((each) => !each.name().startsWith('_'))
    .map((each) => ({ word: each.name(), says: each.summary() || each.description() }));

const optionsOf = (command: Command): Candidate[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long, description }) =>
      long === undefined || long === null ? [] : [{ word: long, says: description }],
    );
