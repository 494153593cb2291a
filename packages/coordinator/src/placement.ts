// Which member goes to which node. Pure: nodes and their loads come in, a placement goes out.
import { NoNode } from './node-errors.ts';

/** A node that members can be placed on. */
export interface UsableNode {
  readonly name: string;
  readonly index: number;
  /** Members that it has now; of other gangs, where one is placed again. */
  readonly load: number;
}

export interface Placed {
  readonly member: number;
  readonly node: string;
}

/** The least loaded nodes first, then by age. */
const byLoad = (a: UsableNode, b: UsableNode): number => a.load - b.load || a.index - b.index;

/** The `count` least loaded nodes, in the order of their age; fewer if there are not as many. */
export function leastLoaded(nodes: readonly UsableNode[], count: number): UsableNode[] {
  return nodes
    .toSorted(byLoad)
    .slice(0, count)
    .toSorted((a, b) => a.index - b.index);
}

/** Spreads members 0 to `members - 1` evenly over nodes, neighbours together, as launchers number ranks. */
export function spread(members: number, nodes: readonly string[]): Placed[] {
  return Array.from({ length: members }, (_, member) => {
    const node = nodes[Math.floor((member * Math.min(nodes.length, members)) / members)];
    if (node === undefined) throw new NoNode();
    return { member, node };
  });
}

/**
 * Places members where they were before; those whose node can't be used go to the least loaded ones.
 *
 * @throws `SP_NO_NODE` when no node can be used
 */
export function placeAgain(before: readonly Placed[], usable: readonly UsableNode[]): Placed[] {
  const names = new Set(usable.map(({ name }) => name));
  return replace(before, (node) => !names.has(node), usable);
}

/**
 * Places the members of one node elsewhere, on `onto` or on the least loaded nodes; the others stay.
 *
 * @throws `SP_NO_NODE` when there is no other node that can be used
 */
export function placeAway(
  before: readonly Placed[],
  from: string,
  onto: string | undefined,
  usable: readonly UsableNode[],
): Placed[] {
  const names = new Set(usable.map(({ name }) => name));
  const targets = usable.filter(({ name }) => name !== from && (onto === undefined || name === onto));
  return replace(before, (node) => node === from || !names.has(node), targets);
}

function replace(
  before: readonly Placed[],
  mustLeave: (node: string) => boolean,
  targets: readonly UsableNode[],
): Placed[] {
  const stay = (name: string): number =>
    before.filter(({ node }) => node === name && !mustLeave(node)).length;
  const loads = new Map(targets.map((node) => [node.name, { ...node, load: node.load + stay(node.name) }]));
  return before.map(({ member, node }) => {
    if (!mustLeave(node)) return { member, node };
    const [target] = [...loads.values()].toSorted(byLoad);
    if (target === undefined) throw new NoNode();
    loads.set(target.name, { ...target, load: target.load + 1 });
    return { member, node: target.name };
  });
}

/** Names for `count` new nodes: `n1`, `n2`, … that are not in use. */
export function newNodeNames(inUse: readonly string[], count: number): string[] {
  const used = new Set(inUse);
  const names: string[] = [];
  for (let number = 1; names.length < count; number += 1) {
    const name = `n${number}`;
    if (!used.has(name)) names.push(name);
  }
  return names;
}
