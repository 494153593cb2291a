// Placements: even, stable, and never on a node that can't be used.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leastLoaded, newNodeNames, placeAgain, placeAway, spread, type UsableNode } from './placement.ts';

const node = (name: string, load = 0): UsableNode => ({ name, index: Number(name.slice(1)), load });
const nodesOf = (placed: readonly { node: string }[]): string => placed.map(({ node }) => node).join(' ');

describe('spread', () => {
  it.each([
    [3, ['n1', 'n2', 'n3'], 'n1 n2 n3'],
    [3, ['n1'], 'n1 n1 n1'],
    [3, ['n1', 'n2'], 'n1 n1 n2'],
    [8, ['n1', 'n2', 'n3'], 'n1 n1 n1 n2 n2 n2 n3 n3'],
    [2, ['n1', 'n2', 'n3'], 'n1 n2'],
  ])('%i members over %j', (members, nodes, expected) => {
    expect(nodesOf(spread(members, nodes))).toBe(expected);
  });

  it('never differs by more than one member between nodes, and keeps neighbours together', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 64 }), (members, count) => {
        const nodes = Array.from({ length: count }, (_, index) => `n${index + 1}`);
        const placed = spread(members, nodes);
        expect(placed.map(({ member }) => member)).toEqual(placed.map((_, index) => index));
        const loads = nodes.map((name) => placed.filter(({ node }) => node === name).length);
        const used = loads.slice(0, Math.min(count, members));
        expect(Math.max(...used) - Math.min(...used)).toBeLessThanOrEqual(1);
        const order = placed.map(({ node }) => nodes.indexOf(node));
        expect(order).toEqual(order.toSorted((a, b) => a - b));
      }),
    );
  });

  it('needs a node', () => {
    expect(() => spread(1, [])).toThrow(expect.objectContaining({ code: 'SP_NO_NODE' }));
  });
});

describe('leastLoaded', () => {
  it('takes idle nodes first, older ones first, and answers in the order of age', () => {
    const nodes = [node('n1', 2), node('n2'), node('n3', 1), node('n4')];
    expect(leastLoaded(nodes, 3).map(({ name }) => name)).toEqual(['n2', 'n3', 'n4']);
    expect(leastLoaded(nodes, 9)).toHaveLength(4);
  });
});

describe('placeAgain', () => {
  const before = spread(3, ['n1', 'n2', 'n3']);

  it('keeps everybody in place where it can', () => {
    expect(placeAgain(before, [node('n1'), node('n2'), node('n3'), node('n4')])).toEqual(before);
  });

  it('moves those whose node is gone to the least loaded ones', () => {
    expect(nodesOf(placeAgain(before, [node('n1'), node('n3', 1), node('n4')]))).toBe('n1 n4 n3');
    expect(nodesOf(placeAgain(before, [node('n1', 1), node('n3')]))).toBe('n1 n3 n3');
    expect(nodesOf(placeAgain(before, [node('n4'), node('n5')]))).toBe('n4 n5 n4');
  });

  it('needs a node', () => {
    expect(() => placeAgain(before, [])).toThrow(expect.objectContaining({ code: 'SP_NO_NODE' }));
  });
});

describe('placeAway', () => {
  const before = spread(4, ['n1', 'n2']);

  it('moves the members of one node only', () => {
    const usable = [node('n1', 2), node('n2', 2), node('n3')];
    expect(nodesOf(placeAway(before, 'n2', undefined, usable))).toBe('n1 n1 n3 n3');
    expect(nodesOf(placeAway(before, 'n2', 'n1', usable))).toBe('n1 n1 n1 n1');
  });

  it('has nowhere to go when the target can’t be used', () => {
    const usable = [node('n1', 2), node('n2', 2)];
    const refused = expect.objectContaining({ code: 'SP_NO_NODE' });
    expect(() => placeAway(before, 'n2', 'n9', usable)).toThrow(refused);
    expect(() => placeAway(before, 'n2', undefined, [node('n2')])).toThrow(refused);
  });
});

describe('newNodeNames', () => {
  it('fills the gaps', () => {
    expect(newNodeNames(['n1', 'n3', 'gpu'], 3)).toEqual(['n2', 'n4', 'n5']);
  });
});
