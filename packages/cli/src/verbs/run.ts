// `stillpoint run`: starts a gang. Everything that can be refused is refused before anything is started.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { RunRequest } from '@stillpoint/coordinator';
import { afterGangVerb } from '../aftermath.ts';
import { checkEnvironment, environmentPairs, gangName, wholeNumber } from '../arguments.ts';
import { parseDuration } from '../duration.ts';
import { UsageError } from '../errors.ts';
import { checkFolder, findExecutable } from '../executable.ts';
import { count, formatMs } from '../format/units.ts';
import { readHooks } from '../hooks-file.ts';
import type { Session } from '../session.ts';
import type { Verb } from '../verb.ts';
import { sayThatItRuns, sayWhereItRuns } from './placement.ts';
import { filesOption, outsideOption, type PolicyOptions } from './policies.ts';

interface RunOptions extends PolicyOptions {
  readonly ranks: string;
  readonly nodes?: string;
  readonly every?: string;
  readonly keep?: string;
  readonly env?: readonly string[];
  readonly cwd?: string;
  readonly hooks?: string;
  readonly follow?: true;
}

export const run: Verb = {
  name: 'run',
  usage: 'NAME --ranks N [OPTIONS] -- CMD [ARG...]',
  summary: 'start a gang',
  examples: [
    {
      line: 'stillpoint run train --ranks 3 --nodes 3 -- python3 train.py',
      says: 'three members, one a node',
    },
    {
      line: 'stillpoint run train --ranks 2 --every 5m --keep 3 -- ./train.sh',
      says: 'checkpoints by themselves',
    },
    { line: 'stillpoint run train --ranks 2 -f -- python3 -u train.py', says: 'and see what it writes' },
  ],
  notes: [
    'Each member gets RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, your environment and your folder.',
    'The coordinator takes the checkpoints of --every: if it is killed, none is taken until the next command.',
    'Ctrl-C gives the start up; with --follow it ends the following, and the gang runs on.',
    'JSON: {name, incarnation, placement: [{member, node, ipv4, ipv6}]}; not together with --follow',
  ],
  declare: (command, act) => declareOptions(command).action(act(runGang)),
};

function declareOptions(command: Command): Command {
  return command
    .argument('<NAME>', 'a name for the gang')
    .argument('<CMD...>', 'what each member runs')
    .requiredOption('--ranks <N>', 'number of members')
    .option('--nodes <M>', 'number of nodes that they are spread over; missing ones are added (default: 1)')
    .option('--every <TIME>', 'take a checkpoint every 30s, 5m, 1h30m ...')
    .option('--keep <N>', 'how many epochs are kept (default with --every: 5)')
    .option('--env <NAME=VALUE>', 'set a variable; may be repeated', collect)
    .option('--cwd <FOLDER>', 'working directory (default: this one)')
    .addOption(outsideOption('in every epoch'))
    .addOption(filesOption('in every epoch'))
    .option('--hooks <FILE>', 'what runs before and after phases of its epochs (docs/hooks.md)')
    .option('-f, --follow', "show what it writes until it ends, and end with the gang's exit code");
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

async function runGang(
  session: Session,
  name: string,
  command: readonly string[],
  options: RunOptions,
): Promise<number | undefined> {
  if (session.json && options.follow === true)
    throw new UsageError('--json and --follow exclude each other', 'run');
  const request = await requestOf(session, name, command, options);
  const result = await session.perform({
    title: `run ${name}`,
    aftermath: afterGangVerb(name, 'start'),
    call: (client, options_) => client.run(request, options_),
  });
  if (options.follow !== true) {
    sayWhereItRuns(session, result, 'running');
    return undefined;
  }
  sayThatItRuns(session, result, 'running');
  const { followToEnd } = await import('../logs/follow-verb.ts');
  return followToEnd(session, name);
}

async function requestOf(
  session: Session,
  name: string,
  command: readonly string[],
  options: RunOptions,
): Promise<RunRequest> {
  const { coordinatorLimits } = await import('@stillpoint/coordinator');
  const members = { min: 1, max: coordinatorLimits.membersMax };
  const gang = await gangName(name, 'run');
  const ranks = wholeNumber(options.ranks, '--ranks', members, 'run');
  const nodes = options.nodes === undefined ? 1 : wholeNumber(options.nodes, '--nodes', members, 'run');
  if (nodes > ranks)
    throw new UsageError(`${nodes} nodes for ${count(ranks, 'member')}: a node would be empty`, 'run');
  const keepBounds = { min: 1, max: coordinatorLimits.keepMax };
  const everyMs = options.every === undefined ? undefined : interval(options.every, coordinatorLimits);
  const cwd = resolve(session.io.cwd, options.cwd ?? '.');
  const environment = { ...definedOf(session.io.env), ...environmentPairs(options.env ?? [], 'run') };
  checkEnvironment(environment, coordinatorLimits.environmentBytesMax, 'run');
  await checkFolder(cwd);
  await findExecutable(command[0] ?? '', cwd, environment['PATH']);
  return {
    name: gang,
    ranks,
    nodes,
    command: [...command],
    environment,
    cwd,
    ...(everyMs === undefined ? {} : { everyMs }),
    ...(options.keep === undefined ? {} : { keep: wholeNumber(options.keep, '--keep', keepBounds, 'run') }),
    ...(options.hooks === undefined ? {} : { hooks: await readHooks(options.hooks, session.io.cwd) }),
    ...(options.outside === undefined ? {} : { outside: options.outside }),
    ...(options.files === undefined ? {} : { files: options.files }),
  };
}

function interval(
  text: string,
  bounds: { readonly everyMsMin: number; readonly everyMsMax: number },
): number {
  const ms = parseDuration(text);
  if (ms === undefined)
    throw new UsageError(`--every takes a time such as 30s, 5m or 1h30m, not "${text}"`, 'run');
  if (ms < bounds.everyMsMin || ms > bounds.everyMsMax) {
    const range = `${formatMs(bounds.everyMsMin)} to ${formatMs(bounds.everyMsMax)}`;
    throw new UsageError(`--every takes ${range}, not ${text}`, 'run');
  }
  return ms;
}

function definedOf(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
