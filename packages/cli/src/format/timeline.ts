// An epoch drawn: a bar for each member and phase, first while members stood still, then all of it; and what the
// drawing says. No IO.
import type { Timeline } from '@stillpoint/coordinator';
import { limits } from '../limits.ts';
import type { Colors, Look } from '../terminal.ts';
import { drawAxis, drawBar, type Stretch } from './bars.ts';
import { formatCost } from './epochs.ts';
import { colorState } from './states.ts';
import { onOneClock } from './timeline-clocks.ts';
import { costliestPhase, findStraggler, isStill, type Span, windowOf } from './timeline-findings.ts';
import { areTooMany, rowsOf } from './timeline-rows.ts';
import { formatMs } from './units.ts';

/** `stillpoint timeline`. */
export function formatTimeline(gang: string, told: Timeline, look: Look): string {
  const { spans, notes } = onOneClock(told);
  const timeline: Timeline = { ...told, spans: [...spans] };
  const still = spans.filter(isStill);
  const rest = spans.filter((span) => !isStill(span));
  return [
    ...heading(gang, timeline, look),
    ...chart('while members stood still', still, timeline, look),
    ...chart('before and after, while they ran', rest, timeline, look),
    ...hookLines(timeline, look),
    ...findings(timeline, look),
    ...notes.map((note) => look.colors.dim(note)),
  ].join('\n');
}

function heading(gang: string, timeline: Timeline, look: Look): string[] {
  const { colors } = look;
  const took =
    timeline.finishedAtMs === undefined
      ? []
      : [`took ${formatMs(Math.max(0, timeline.finishedAtMs - timeline.startedAtMs))}`];
  const cost = formatCost(timeline, look);
  return [
    `${colors.bold(`${gang}@${timeline.epoch}`)}  ${colorState(timeline.state, colors)}, ${timeline.trigger}, ${timeline.outcome}`,
    ...(timeline.reason === undefined ? [] : [colors.red(timeline.reason)]),
    ...[[cost, ...took].filter((part) => part !== '').join(', ')].filter((line) => line !== ''),
  ];
}

const phaseColors: Readonly<Record<string, (colors: Colors) => (text: string) => string>> = {
  freeze: (colors) => colors.cyan,
  hold: (colors) => colors.blue,
  dump: (colors) => colors.green,
  check: (colors) => colors.yellow,
  release: (colors) => colors.magenta,
  kill: (colors) => colors.red,
  persist: (colors) => colors.green,
};

function chart(title: string, spans: readonly Span[], timeline: Timeline, look: Look): string[] {
  const window = windowOf(spans);
  if (window === undefined) return [];
  const rows = rowsOf(spans, timeline.members, findStraggler(timeline.spans)?.member);
  const labelColumns = Math.max(...rows.map(({ label }) => label.length));
  const phaseColumns = Math.max(...rows.map(({ phase }) => phase.length));
  const timeColumns = Math.max(...rows.map(({ time }) => time.length));
  const width = Math.min(look.columns ?? limits.plainColumns, limits.timelineColumnsMax);
  const columns = Math.max(limits.barColumnsMin, width - labelColumns - phaseColumns - timeColumns - 6);
  const axis = drawAxis('0', formatMs(window.endMs - window.startMs), columns, look.unicode);
  const { colors } = look;
  const indent = ' '.repeat(labelColumns + phaseColumns + 4);
  return [
    '',
    title,
    `${indent}${colors.dim(axis)}`,
    ...rows.map((row) => {
      const paint = phaseColors[row.phase]?.(colors) ?? colors.dim;
      const bar = paint(drawBar(row.spans, window, columns, look.unicode));
      const label = colors.bold(row.label.padEnd(labelColumns));
      return `${label}  ${row.phase.padEnd(phaseColumns)}  ${bar}  ${row.time.padStart(timeColumns)}`;
    }),
    ...decisionRow(timeline, window, { indent: labelColumns, phaseColumns, columns }, look),
  ];
}

function decisionRow(
  { decision }: Timeline,
  window: Stretch,
  room: { readonly indent: number; readonly phaseColumns: number; readonly columns: number },
  look: Look,
): string[] {
  if (decision === undefined || decision.atMs < window.startMs || decision.atMs > window.endMs) return [];
  const share = (decision.atMs - window.startMs) / Math.max(window.endMs - window.startMs, 1);
  const before = ' '.repeat(Math.round(share * (room.columns - 1)));
  const label = look.colors.bold('decision'.padEnd(room.indent));
  const name = colorState(decision.decision, look.colors);
  const pad = ' '.repeat(Math.max(0, room.phaseColumns - decision.decision.length));
  return [`${label}  ${name}${pad}  ${before}${look.unicode ? '◆' : '*'}`];
}

function hookLines({ hooks }: Timeline, { colors }: Look): string[] {
  if (hooks.length === 0) return [];
  const points = hooks.map(({ when, phase }) => `${when} ${phase}`);
  const nameColumns = Math.max(...hooks.map(({ name }) => name.length));
  const pointColumns = Math.max(...points.map((point) => point.length));
  const times = hooks.map(({ startMs, endMs }) => formatMs(Math.max(0, endMs - startMs)));
  const timeColumns = Math.max(...times.map((time) => time.length));
  const lines = hooks.map(({ name, problem }, at) => {
    const [point = '', time = ''] = [points[at], times[at]];
    const said = problem === undefined ? '' : `  ${colors.red(problem)}`;
    return `${colors.bold(name.padEnd(nameColumns))}  ${point.padEnd(pointColumns)}  ${time.padStart(timeColumns)}${said}`;
  });
  return ['', 'hooks', ...lines];
}

function findings(timeline: Timeline, look: Look): string[] {
  if (timeline.spans.length === 0)
    return [
      '',
      timeline.finishedAtMs !== undefined
        ? 'What its members did is not known.'
        : 'What its members did is told when it has ended.',
    ];
  const costliest = costliestPhase(timeline.spans);
  if (costliest === undefined) return ['', 'No member stood still.'];
  const { colors } = look;
  const nodeOf = (member: number): string => {
    const node = timeline.members.find((each) => each.member === member)?.node;
    return node === undefined ? `member ${member}` : `member ${member} on ${node}`;
  };
  const straggler = findStraggler(timeline.spans);
  const late =
    straggler === undefined
      ? ['Straggler: none; the steps of all members took about as long.']
      : [
          `Straggler: ${colors.yellow(nodeOf(straggler.member))}, whose steps took ${formatMs(straggler.ms)}, ` +
            `${formatMs(straggler.ms - straggler.othersMs)} more than the others' median;`,
          `its ${straggler.phase.name} took ${formatMs(straggler.phase.ms)}, theirs ${formatMs(straggler.phase.othersMs)}.`,
        ];
  const most =
    `Costliest phase: ${colors.yellow(costliest.phase)}, ${formatMs(costliest.ms)} of ${nodeOf(costliest.member)}, ` +
    `${Math.round(costliest.share * 100)} % of its time.`;
  const hidden = `All members are drawn together, for they are many; \`--json\` has each.`;
  return [
    '',
    ...(timeline.members.length < 2 ? [] : late),
    most,
    ...(areTooMany(timeline.members) ? [hidden] : []),
  ];
}
