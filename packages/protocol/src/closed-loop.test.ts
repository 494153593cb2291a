// Whole epochs, coordinator and agents together, in a simulated world: every one ends, nothing stays frozen or held,
// and nothing that the world forbids happens. A failing seed reproduces its run.
import { describe, expect, test } from 'vitest';
import type { Outcome } from './messages.ts';
import { simulateEpoch } from './testing/epoch-simulation.ts';
import { simulateRestore } from './testing/restore-simulation.ts';
import { noFaults, type Faults } from './testing/surroundings.ts';

const outcomes: readonly Outcome[] = ['resume', 'stop'];

/** Several worlds a case; SIMULATION_SEEDS=1000 for a long run. */
const seeds = Array.from({ length: Number(process.env['SIMULATION_SEEDS'] ?? 10) }, (_, index) => index + 1);

const runs = (outcome: Outcome, faults: Partial<Faults>, members = 3, nodes = 3) =>
  seeds.map((seed) => {
    try {
      return simulateEpoch({ seed, outcome, members, nodes, faults: { ...noFaults, ...faults } });
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  });

describe.each(outcomes)('an epoch with outcome %s', (outcome) => {
  test('is published when nothing goes wrong', () => {
    for (const { result, world } of runs(outcome, {})) {
      expect(result).toBe('published');
      expect(world.members.every(({ killed }) => killed)).toBe(outcome === 'stop');
    }
  });

  test('is published by several members a node', () => {
    for (const { result } of runs(outcome, {}, 5, 2)) expect(result).toBe('published');
  });

  test('is published over queues that lose and double a fifth of all messages', () => {
    for (const { result } of runs(outcome, { loss: 0.2, duplication: 0.2 })) {
      expect(['published', 'aborted']).toContain(result);
    }
  });

  test('resumes every member when it is aborted', () => {
    for (const { result, world } of runs(outcome, { request: 0.3 })) {
      if (result !== 'aborted') continue;
      expect(world.members.every(({ alive }) => alive)).toBe(true);
    }
  });

  const cases: readonly [string, Partial<Faults>][] = [
    ['failing steps', { stepFailure: 0.1 }],
    ['full disks of agents', { persistFailure: 0.2 }],
    ['crashing agents', { agentCrash: 0.05 }],
    ['crashing coordinators', { coordinatorCrash: 0.1 }],
    ['paused coordinators and bad queues', { coordinatorPause: 0.05, loss: 0.3, duplication: 0.3 }],
    ['paused coordinators and an absent ledger', { coordinatorPause: 0.03, ledgerOutage: 0.1 }],
    ['an absent ledger', { ledgerOutage: 0.2 }],
    ['dying members', { memberDeath: 0.02 }],
    ['lost nodes', { nodeLoss: 0.02 }],
    ['nodes that are started anew', { reboot: 0.02 }],
    ['nodes that are started anew and crashing coordinators', { reboot: 0.02, coordinatorCrash: 0.1 }],
    ['an absent ledger and crashing coordinators', { ledgerOutage: 0.1, coordinatorCrash: 0.1 }],
    [
      'everything at once',
      {
        loss: 0.1,
        duplication: 0.1,
        stepFailure: 0.02,
        agentCrash: 0.01,
        coordinatorCrash: 0.02,
        coordinatorPause: 0.005,
        ledgerOutage: 0.05,
        memberDeath: 0.002,
        nodeLoss: 0.002,
        reboot: 0.002,
        request: 0.01,
      },
    ],
  ];
  test.each(cases)('ends, with nobody frozen or held, whatever comes: %s', (_name, faults) => {
    for (const { world } of runs(outcome, faults)) expect(world.closed).not.toBeNull();
  });
});

describe('a restore attempt', () => {
  const restores = (faults: Partial<Faults>) =>
    seeds.map((seed) => {
      try {
        return simulateRestore({ seed, members: 3, faults: { ...noFaults, ...faults } });
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    });

  test('brings every member back when nothing goes wrong', () => {
    for (const { result, members } of restores({})) {
      expect(result).toBe('running');
      expect(members.every(({ state }) => state === 'running')).toBe(true);
    }
  });

  test('is all or nothing when it is given up', () => {
    for (const { result, members } of restores({ request: 0.3 })) {
      const states = new Set(members.map(({ state }) => state));
      expect([...states]).toEqual([result === 'running' ? 'running' : 'absent']);
    }
  });

  const cases: readonly [string, Partial<Faults>][] = [
    ['failing steps', { stepFailure: 0.1 }],
    ['full disks of agents', { persistFailure: 0.2 }],
    ['crashing agents', { agentCrash: 0.05 }],
    ['crashing coordinators', { coordinatorCrash: 0.1 }],
    ['paused coordinators and bad queues', { coordinatorPause: 0.05, loss: 0.3, duplication: 0.3 }],
    ['paused coordinators and an absent ledger', { coordinatorPause: 0.03, ledgerOutage: 0.1 }],
    ['dying members', { memberDeath: 0.05 }],
    ['lost nodes', { nodeLoss: 0.02 }],
    [
      'everything at once',
      {
        loss: 0.1,
        duplication: 0.1,
        stepFailure: 0.02,
        agentCrash: 0.02,
        coordinatorCrash: 0.02,
        coordinatorPause: 0.01,
        ledgerOutage: 0.05,
        memberDeath: 0.005,
        nodeLoss: 0.002,
        request: 0.01,
      },
    ],
  ];
  test.each(cases)('ends, with nobody frozen, whatever comes: %s', (_name, faults) => {
    for (const { result, outcome, members } of restores(faults)) {
      expect(outcome === 'go' || members.every(({ wasLifted }) => !wasLifted)).toBe(true);
      expect(result !== 'ended' || members.every(({ state }) => state === 'absent')).toBe(true);
    }
  });
});
