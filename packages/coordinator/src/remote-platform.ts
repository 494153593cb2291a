// Nodes as machines: somebody starts an agent on each, and it is reached over NATS. What a coordinator can't do there
// itself it asks of the agent, or of an operator.
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type HomePaths, logFolder } from '@stillpoint/agent';
import type { NodeLink } from '@stillpoint/bus';
import type { NatsBus } from '@stillpoint/bus/nats';
import { type Fence, incarnationNumber } from '@stillpoint/protocol';
import { limits } from './limits.ts';
import type { NodePlatform } from './platform.ts';
import { NodeMayLive } from './node-errors.ts';

export function remotePlatform(bus: NatsBus, paths: HomePaths): NodePlatform {
  return {
    makesNodes: false,
    create: () => Promise.resolve(),
    startAgent: () => Promise.resolve(),
    connect: (name) => bus.connect(name),
    sendToAll: (names, command) => bus.sendToAll(names, command),
    kill: async (name, fence, { isOff }) => {
      if (!isOff) await endMembers(bus, name, fence);
    },
    // members that nobody knows are removed when their agent says what it finds
    cleanLeftovers: () => Promise.resolve([]),
    // agents do that when they start
    sweepStaging: () => Promise.resolve([]),
    logFiles: (gang, incarnation, member) => {
      const folder = logFolder(paths, gang, incarnation);
      return { stdout: join(folder, `${member}.out`), stderr: join(folder, `${member}.err`) };
    },
    removeGangFiles: (gang) =>
      rm(dirname(dirname(logFolder(paths, gang, 1))), { recursive: true, force: true }),
  };
}

/** Has the node's agent kill and remove all its members. @throws `SP_NODE_MAY_LIVE` when it does not say that it did */
async function endMembers(bus: NatsBus, name: string, fence: Fence): Promise<void> {
  const link = bus.connect(name);
  try {
    await untilUp(link);
    const { members } = await link.request({ kind: 'Status' }, { deadlineMs: limits.nodeStatusMs });
    for (const [gang, there] of Map.groupBy(members, (member) => member.gang)) {
      const upTo = incarnationNumber(Math.max(...there.map(({ incarnation }) => incarnation)));
      await link.request({ kind: 'Remove', fence, gang, upTo }, { deadlineMs: limits.nodeRequestMs });
    }
  } catch (error) {
    throw new NodeMayLive(name, error as Error);
  } finally {
    await link.close();
  }
}

async function untilUp(link: NodeLink): Promise<void> {
  if (link.state === 'up') return;
  const up = Promise.withResolvers<void>();
  const stop = link.onState((state) => {
    if (state === 'up') up.resolve();
  });
  const timer = setTimeout(
    () => up.reject(new Error(`its agent was not heard for ${limits.nodeAnswerMs} ms`)),
    limits.nodeAnswerMs,
  );
  try {
    await up.promise;
  } finally {
    stop();
    clearTimeout(timer);
  }
}
