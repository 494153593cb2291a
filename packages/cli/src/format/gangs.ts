// Gangs as text: the list, and one with its members and last epochs. No IO.
import type { GangDetail, GangSummary, MemberInfo, RunResult } from '@stillpoint/coordinator';
import type { Look } from '../terminal.ts';
import { formatEpochs } from './epochs.ts';
import { colorState } from './states.ts';
import { renderTable } from './table.ts';
import { formatAge, formatWhen } from './time.ts';
import { formatBytes, formatMs } from './units.ts';

/** `stillpoint ps`. */
export function formatGangs(gangs: readonly GangSummary[], nowMs: number, look: Look): string {
  return renderTable(
    [
      { title: 'NAME' },
      { title: 'STATE' },
      { title: 'RANKS', align: 'right' },
      { title: 'NODES' },
      { title: 'EVERY', align: 'right' },
      { title: 'EPOCH', align: 'right' },
      { title: 'AGE', align: 'right' },
      { title: 'COMMAND', givesWay: true },
    ],
    gangs.map((gang) => [
      look.colors.bold(gang.name),
      stateOf(gang, look),
      String(gang.ranks),
      gang.nodes.join(',') || '-',
      gang.everyMs === undefined ? '-' : formatMs(gang.everyMs),
      gang.lastPublishedEpoch === undefined ? '-' : String(gang.lastPublishedEpoch),
      formatAge(gang.createdAtMs, nowMs),
      commandLine(gang.command),
    ]),
    look,
  );
}

/** On one line: what would break it, or steer the terminal, is written as an escape. */
const commandLine = (command: readonly string[]): string =>
  command.join(' ').replaceAll(/\p{Cc}/gu, (control) => JSON.stringify(control).slice(1, -1));

function stateOf(gang: GangSummary, look: Look): string {
  const state = colorState(gang.state, look.colors);
  if (gang.openEpoch !== undefined)
    return `${state} (epoch ${gang.openEpoch.epoch}: ${gang.openEpoch.phase})`;
  return gang.state === 'failed' && gang.exitCode !== undefined ? `${state} (${gang.exitCode})` : state;
}

/** `stillpoint show`. */
export function formatGang(gang: GangDetail, nowMs: number, look: Look): string {
  const facts: [string, string | undefined][] = [
    ['state', stateOf(gang, look)],
    ['reason', gang.reason],
    ['way back', wayBack(gang)],
    ['command', commandLine(gang.command)],
    ['folder', gang.cwd],
    ['started', `${formatWhen(gang.createdAtMs, nowMs)} (${formatAge(gang.createdAtMs, nowMs)} ago)`],
    ['incarnation', incarnationOf(gang)],
    ['checkpoints', scheduleOf(gang)],
    ['hooks', hooksOf(gang)],
    ['outside', gang.outside],
    ['files', gang.files],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.flatMap(([name, value]) =>
    value === undefined ? [] : [`${look.colors.dim(name.padEnd(width))}  ${value}`],
  );
  return [
    look.colors.bold(gang.name),
    ...lines,
    '',
    formatMembers(gang.members, look),
    ...(gang.epochs.length === 0 ? [] : ['', formatEpochs(gang.epochs, nowMs, look)]),
  ].join('\n');
}

const hooksOf = ({ hooks }: GangDetail): string | undefined =>
  hooks.length === 0
    ? undefined
    : hooks.map(({ name, when, phase }) => `${name} (${when} ${phase})`).join(', ');

/** What brings back a gang that did not end by itself. */
function wayBack({ name, state, lastPublishedEpoch }: GangDetail): string | undefined {
  const isOver = state === 'failed' || state === 'stopped';
  if (!isOver || lastPublishedEpoch === undefined) return undefined;
  return `\`stillpoint restore ${name}\`, from epoch ${lastPublishedEpoch}`;
}

function incarnationOf(gang: GangDetail): string {
  return gang.restoredFrom === undefined
    ? String(gang.incarnation)
    : `${gang.incarnation}, restored from epoch ${gang.restoredFrom}`;
}

function scheduleOf(gang: GangDetail): string {
  if (gang.everyMs === undefined) return 'on demand';
  const kept = gang.keep === undefined ? '' : `, the last ${gang.keep} kept`;
  return `every ${formatMs(gang.everyMs)}${kept}`;
}

function formatMembers(members: readonly MemberInfo[], look: Look): string {
  return renderTable(
    [
      { title: 'MEMBER', align: 'right' },
      { title: 'NODE' },
      { title: 'STATE' },
      { title: 'ADDRESS' },
      { title: 'IPV6', givesWay: true },
      { title: 'PROCESSES', align: 'right' },
      { title: 'MEMORY', align: 'right' },
    ],
    members.map((member) => [
      String(member.member),
      member.node,
      member.exitCode === undefined
        ? colorState(member.state, look.colors)
        : `${colorState(member.state, look.colors)} (${member.exitCode})`,
      member.ipv4,
      member.ipv6,
      String(member.processes),
      formatBytes(member.residentBytes),
    ]),
    look,
  );
}

/** Where the members of a gang run, after it was started or brought back. */
export function formatPlacement(placement: RunResult['placement'], look: Look): string {
  return renderTable(
    [
      { title: 'MEMBER', align: 'right' },
      { title: 'NODE' },
      { title: 'ADDRESS' },
      { title: 'IPV6', givesWay: true },
    ],
    placement.map(({ member, node, ipv4, ipv6 }) => [String(member), node, ipv4, ipv6]),
    look,
  );
}
