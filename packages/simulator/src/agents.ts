// The real agent on a simulated node, in a process that can die at any moment.
import { ledgerDecisions, ledgerOutcomes } from '@stillpoint/agent';
import { AgentMetrics, NodeAgent } from '@stillpoint/agent/assembly';
import {
  gangId,
  holdId,
  incarnationNumber,
  memberId,
  type NodeAnswer,
  nodeName,
  type NodeRequest,
} from '@stillpoint/protocol';
import { SimulatedEpochSteps } from './epoch-steps.ts';
import type { Member, Place } from './member.ts';
import type { SimulatedNode } from './node.ts';
import type { SimulatedProcess } from './process.ts';
import { SimulatedRestoreSteps } from './restore-steps.ts';
import { newTraining } from './training.ts';
import type { World } from './world.ts';

/** How long whoever starts an agent waits for it. */
const startMs = 10_000;

/** Starts the node's agent unless there is one. @throws when it does not listen in time */
export function startAgent(world: World, node: SimulatedNode): Promise<void> {
  if (node.agent?.isAlive === true) return Promise.resolve();
  const process = world.newProcess(`agent ${node.name}`, node.name);
  node.agent = process;
  const agent = makeAgent(world, node, process);
  node.onDeath = (member, reason) => {
    if (node.agent === process) process.enter(() => tellOfDeath(node, agent, member, reason));
  };
  const started = Promise.withResolvers<void>();
  world.engine.after(startMs, () => started.reject(new Error(`${process.name} did not start`)));
  const serve = async (): Promise<void> => {
    await agent.recover();
    node.address.listen({
      process,
      handlers: {
        onRequest: (request) => agent.request(request, () => answerRequest(world, node, request)),
        onCommand: (command) => agent.command(command),
      },
    });
  };
  world.engine.after(world.chance.processes.between(20, 400), () =>
    process.enter(() => void serve().then(started.resolve, started.reject)),
  );
  return started.promise;
}

function makeAgent(world: World, node: SimulatedNode, process: SimulatedProcess): NodeAgent<Place> {
  const ledger = world.ledger.connect(process);
  const membersOf = (gang: string, incarnation: number): Member[] =>
    [...node.members].filter((member) => member.gang === gang && member.incarnation === incarnation);
  return new NodeAgent<Place>({
    node: node.name,
    clock: process.clock,
    host: {
      sandboxes: (gang, incarnation) =>
        membersOf(gang, incarnation)
          .filter(({ state }) => state !== 'allocated')
          .map(placeOf),
      reserved: (gang, incarnation) => membersOf(gang, incarnation).map(({ member }) => member),
      find: (place, hold) => {
        const member = node.at(place);
        const isHere = member?.state === 'running';
        return Promise.resolve({
          isHere,
          frozen: isHere && member.isFrozen,
          held: isHere && member.hold === hold,
        });
      },
      epochSteps: (place, header) => new SimulatedEpochSteps(world, node, place, header),
      epochClosed: () => undefined,
      restoreSteps: (header, member) => new SimulatedRestoreSteps(world, node, header, member),
    },
    epochs: node.epochs,
    restores: node.restores,
    seen: node.seen,
    decisions: ledgerDecisions(ledger),
    outcomes: ledgerOutcomes(ledger),
    newHoldId: () => holdId(world.newName('hold')),
    send: (event) => {
      if (process.isAlive) node.address.broadcast(event);
    },
    metrics: new AgentMetrics(),
    log: world.log,
  });
}

function tellOfDeath(node: SimulatedNode, agent: NodeAgent<Place>, member: Member, reason: string): void {
  agent.memberDied(member, reason);
  node.address.broadcast({
    kind: 'MemberExited',
    node: nodeName(node.name),
    gang: gangId(member.gang),
    incarnation: incarnationNumber(member.incarnation),
    member: memberId(member.member),
    exitCode: member.exitCode ?? 137,
  });
}

async function answerRequest(world: World, node: SimulatedNode, request: NodeRequest): Promise<NodeAnswer> {
  switch (request.kind) {
    case 'Hello':
      return { kind: 'Hello', node: nodeName(node.name), pid: 1, version: 'simulated' };
    case 'Allocate': {
      const { gang, incarnation, members } = request;
      const addresses = members.map((member) => ({
        member,
        addresses: node.addresses(node.reserve({ gang, incarnation, member })),
      }));
      return { kind: 'Allocated', addresses };
    }
    case 'Launch': {
      await world.wait(world.chance.steps.between(5, 50));
      const { gang, incarnation, member } = request;
      const launched = node.reserve({ gang, incarnation, member });
      if (launched.state === 'allocated') {
        launched.training = newTraining(member, world.plan.members, world.kernel.newCookie);
        world.change(launched, { state: 'running' });
        world.launched(node, launched);
      }
      return { kind: 'Launched' };
    }
    case 'Remove': {
      await world.wait(world.chance.steps.between(5, 50));
      const doomed = [...node.members].filter(
        ({ gang, incarnation }) => gang === request.gang && incarnation <= request.upTo,
      );
      for (const member of doomed) world.remove(node, member);
      return { kind: 'Removed', members: doomed.map(({ member }) => memberId(member)) };
    }
    case 'RunHook':
      throw new Error('no hook of a simulated gang is a command');
    case 'Status':
      return {
        kind: 'Status',
        members: [...node.members].map((member) => node.status(member)),
        memoryAvailableBytes: 1e9,
        stagingFreeBytes: 1e9,
      };
  }
}

const placeOf = ({ gang, incarnation, member, serial, slot }: Member): Place => ({
  gang,
  incarnation,
  member,
  serial,
  slot,
});
