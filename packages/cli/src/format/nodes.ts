// Nodes as text. No IO.
import type { NodeInfo } from '@stillpoint/coordinator';
import type { Look } from '../terminal.ts';
import { colorState } from './states.ts';
import { renderTable } from './table.ts';
import { formatBytes } from './units.ts';

/** `stillpoint nodes`. */
export function formatNodes(nodes: readonly NodeInfo[], look: Look): string {
  return renderTable(
    [
      { title: 'NODE' },
      { title: 'STATE' },
      { title: 'MEMORY FREE', align: 'right' },
      { title: 'STAGING FREE', align: 'right' },
      { title: 'MEMBERS', givesWay: true },
    ],
    nodes.map((node) => [
      look.colors.bold(node.name),
      stateOf(node, look),
      node.memoryAvailableBytes === undefined ? '-' : formatBytes(node.memoryAvailableBytes),
      node.stagingFreeBytes === undefined ? '-' : formatBytes(node.stagingFreeBytes),
      node.members.map(({ gang, member }) => `${gang}/${member}`).join(' ') || '-',
    ]),
    look,
  );
}

function stateOf(node: NodeInfo, look: Look): string {
  const state = colorState(node.state, look.colors);
  return node.state === 'ready' && !node.schedulable ? `${state}, ${look.colors.yellow('drained')}` : state;
}
