// Draws the charts as they are, in Mermaid's language: for the documentation, which cannot disagree with the code.
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';
import { gangChart } from './gang/chart.ts';
import { memberChart } from './member/chart.ts';
import { memberRestoreChart } from './member-restore/chart.ts';
import { restoreChart } from './restore/chart.ts';

/** Every machine of the protocol by its name. */
const charts: Readonly<Record<string, AnyStateMachine>> = {
  gang: gangChart,
  member: memberChart,
  restore: restoreChart,
  'member-restore': memberRestoreChart,
};

/** Names of the diagrams that can be drawn. */
export const diagramNames = Object.keys(charts);

/** A state diagram. An arrow without a word is taken as soon as what is known allows it. */
export function drawDiagram(name: string): string {
  const chart = charts[name];
  if (chart === undefined) throw new Error(`no such chart: ${name}`);
  return ['stateDiagram-v2', ...drawInside(chart.root, '  '), ''].join('\n');
}

function drawInside(node: AnyStateNode, indent: string): string[] {
  const children = Object.values(node.states);
  const first = node.initial.target[0];
  return [
    ...(first === undefined ? [] : [`${indent}[*] --> ${nameOf(first)}`]),
    ...children.flatMap((child) => drawState(child, indent)),
    ...children.flatMap((child) => drawArrows(child, indent)),
  ];
}

function drawState(node: AnyStateNode, indent: string): string[] {
  if (node.type === 'compound') {
    return [`${indent}state ${nameOf(node)} {`, ...drawInside(node, `${indent}  `), `${indent}}`];
  }
  return node.type === 'final' ? [`${indent}${nameOf(node)} --> [*]`] : [];
}

/** Arrows of a state, each pair of states and word once. */
function drawArrows(node: AnyStateNode, indent: string): string[] {
  const always = (node.always ?? []).flatMap((transition) => drawArrow(node, transition, ''));
  const events = [...node.transitions.values()]
    .flat()
    .filter(({ eventType }) => eventType !== '')
    .flatMap((transition) => drawArrow(node, transition, `: ${transition.eventType}`));
  return [...new Set([...always, ...events])].map((arrow) => indent + arrow);
}

const drawArrow = (
  node: AnyStateNode,
  { target }: AnyTransitionDefinition,
  word: string,
): readonly string[] => (target ?? []).map((to) => `${nameOf(node)} --> ${nameOf(to)}${word}`);

/** Nested states of different parents may share a name: the path keeps them apart. */
const nameOf = ({ path }: AnyStateNode): string => path.join('_').replaceAll('-', '_');
