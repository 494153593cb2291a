// A coordinator's process for tests: the real one, but for its nodes, whose agents are served by the test.
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { nodeSocket } from '@stillpoint/agent';
import { connectNode } from '@stillpoint/bus';
import { openHome } from '../home.ts';
import type { NodePlatform } from '../platform.ts';
import { runProcess } from '../process.ts';

const { values } = parseArgs({ options: { home: { type: 'string' } } });

await runProcess(async () => {
  const paths = await openHome(values.home ?? '');
  const platform: NodePlatform = {
    makesNodes: true,
    create: () => Promise.resolve(),
    startAgent: () => Promise.resolve(),
    connect: (name) => connectNode(nodeSocket(paths, name)),
    kill: () => Promise.resolve(),
    cleanLeftovers: async () => {
      if (existsSync(join(paths.home, 'removes-leftovers'))) await rm(paths.runtime, { recursive: true });
      return [];
    },
    sweepStaging: () => Promise.resolve([]),
    logFiles: (gang, incarnation, member) => ({
      stdout: `${gang}/${incarnation}/${member}.out`,
      stderr: `${gang}/${incarnation}/${member}.err`,
    }),
    removeGangFiles: () => Promise.resolve(),
  };
  return { paths, platform };
});
