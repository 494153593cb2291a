// Nodes as network namespaces of this machine, each with an agent process of its own.
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  cleanLeftovers,
  createVirtualNode,
  type HomePaths,
  killVirtualNode,
  logFolder,
  nodeSocket,
  startAgent,
  sweepStaging,
} from '@stillpoint/agent';
import { connectNode } from '@stillpoint/bus';
import type { NodePlatform } from './platform.ts';

export function virtualPlatform(paths: HomePaths): NodePlatform {
  return {
    makesNodes: true,
    create: (node) => createVirtualNode(paths, node),
    startAgent: (node) => startAgent(paths, node),
    connect: (name) => connectNode(nodeSocket(paths, name)),
    kill: (name) => killVirtualNode(paths, name),
    cleanLeftovers: (names) => cleanLeftovers(paths, names),
    sweepStaging: (inUse) => sweepStaging(paths, inUse),
    logFiles: (gang, incarnation, member) => {
      const folder = logFolder(paths, gang, incarnation);
      return { stdout: join(folder, `${member}.out`), stderr: join(folder, `${member}.err`) };
    },
    removeGangFiles: (gang) =>
      rm(dirname(dirname(logFolder(paths, gang, 1))), { recursive: true, force: true }),
  };
}
