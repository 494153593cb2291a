// Gangs that are explored: where their members are.
import { memberId, nodeName } from '@stillpoint/protocol';
import type { Layout } from './state.ts';

/** Members in turn on nodes. */
export function layOut(members: number, nodes: number): Layout {
  const names = Array.from({ length: nodes }, (_, index) => nodeName(`n${index}`));
  const places = Array.from({ length: members }, (_, index) => ({
    member: memberId(index),
    node: nodeName(`n${index % nodes}`),
  }));
  return {
    places,
    nodes: names.map((name) => ({
      name,
      members: places.filter(({ node }) => node === name).map(({ member }) => Number(member)),
    })),
  };
}
