// An epoch drawn: a bar for each member and phase, first while members stood still, then all of it; and what the
// drawing says. No IO.
import type { Timeline } from '@stillpoint/coordinator';
import { limits } from '../limits.ts';
import type { Colors, Look } from '../terminal.ts';
import { drawAxis, drawBar, type Stretch } from './bars.ts';
import { formatCost } from './epochs.ts';
import { colorState } from './states.ts';
import { costliestPhase, findStraggler, isStill, type Span, windowOf } from './timeline-findings.ts';
import { formatMs } from './units.ts';

/** `stillpoint timeline`. */
export function formatTimeline(gang: string, timeline: Timeline, look: Look): string {
  const still = timeline.spans.filter(isStill);
  const rest = timeline.spans.filter((span) => !isStill(span));
  return [
    ...heading(gang, timeline, look),
    ...chart('while members stood still', still, timeline, look),
    ...chart('before and after, while they ran', rest, timeline, look),
    ...findings(timeline, look),
  ].join('\n');
}

function heading(gang: string, timeline: Timeline, look: Look): string[] {
  const { colors } = look;
  const took =
    timeline.finishedAtMs === undefined
      ? []
      : [`took ${formatMs(timeline.finishedAtMs - timeline.startedAtMs)}`];
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

interface Row {
  readonly label: string;
  readonly phase: string;
  readonly spans: readonly Span[];
}

function chart(title: string, spans: readonly Span[], timeline: Timeline, look: Look): string[] {
  const window = windowOf(spans);
  if (window === undefined) return [];
  const rows = rowsOf(spans, timeline);
  const labelColumns = Math.max(...rows.map(({ label }) => label.length));
  const phaseColumns = Math.max(...rows.map(({ phase }) => phase.length));
  const timeColumns = Math.max(...rows.map((row) => timeOf(row).length));
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
      return `${label}  ${row.phase.padEnd(phaseColumns)}  ${bar}  ${timeOf(row).padStart(timeColumns)}`;
    }),
    ...decisionRow(timeline, window, { indent: labelColumns, phaseColumns, columns }, look),
  ];
}

function rowsOf(spans: readonly Span[], timeline: Timeline): Row[] {
  return timeline.members.flatMap(({ member, node }) => {
    const own = spans.filter((span) => span.member === member).toSorted((a, b) => a.startMs - b.startMs);
    const phases = [...new Set(own.map(({ phase }) => phase))];
    return phases.map((phase, index) => ({
      label: index === 0 ? `member ${member} on ${node}` : '',
      phase,
      spans: own.filter((span) => span.phase === phase),
    }));
  });
}

function timeOf({ spans }: Row): string {
  return formatMs(spans.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0));
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

function findings(timeline: Timeline, look: Look): string[] {
  if (timeline.spans.length === 0) return ['', 'What its members did is not known.'];
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
      ? 'Straggler: none; all members stood still for about as long.'
      : `Straggler: ${colors.yellow(nodeOf(straggler.member))} stood still for ${formatMs(straggler.ms)}, the others ` +
        `for ${formatMs(straggler.othersMs)}; its ${straggler.phase.name} took ${formatMs(straggler.phase.ms)}, theirs ` +
        `${formatMs(straggler.phase.othersMs)}.`;
  const most =
    `Costliest phase: ${colors.yellow(costliest.phase)}, ${formatMs(costliest.ms)} of ${nodeOf(costliest.member)}, ` +
    `${Math.round(costliest.share * 100)} % of its time.`;
  return ['', ...(timeline.members.length < 2 ? [] : [late]), most];
}
