// Where nodes come from in a simulated world: a coordinator makes them, starts their agents, and ends them.
import type { NodePlatform } from '@stillpoint/coordinator/assembly';
import { startAgent } from './agents.ts';
import { SimulatedLink } from './link.ts';
import type { SimulatedProcess } from './process.ts';
import type { World } from './world.ts';

export function platformOf(world: World, process: SimulatedProcess): NodePlatform {
  /** What a coordinator asks for is done, whether it lives to hear of it or not. */
  const call = <Answer>(work: () => Answer | Promise<Answer>): Promise<Answer> => {
    const answered = Promise.withResolvers<Answer>();
    world.engine.after(world.chance.processes.between(1, 50), () => {
      void Promise.resolve(work()).then(
        (answer) => process.enter(() => answered.resolve(answer)),
        (error: unknown) => process.enter(() => answered.reject(error)),
      );
    });
    return answered.promise;
  };
  return {
    makesNodes: true,
    create: ({ name }) =>
      call(() => {
        world.node(name).isUp = true;
      }),
    startAgent: ({ name }) => call(() => startAgent(world, world.node(name))),
    connect: (name) => new SimulatedLink(world.engine, world.network, process, world.node(name).address),
    kill: (name) => call(() => world.loseNode(world.node(name), 'it was killed')),
    cleanLeftovers: (names) =>
      call(() => {
        const ended = [...world.nodes.values()].filter(({ name, isUp }) => isUp && !names.includes(name));
        for (const node of ended) world.loseNode(node, 'it was left over');
        return ended.map(({ name }) => name);
      }),
    sweepStaging: ({ epochs, restores }) =>
      call(() => {
        const needed = new Set(epochs.map(({ gang, epoch }) => `${gang}/${epoch}`));
        const wanted = new Set(restores.map(({ gang, incarnation }) => `${gang}/${incarnation}`));
        const swept: string[] = [];
        for (const { staging, prepared } of world.nodes.values()) {
          swept.push(...sweep(staging, needed), ...sweep(prepared, wanted));
        }
        return swept;
      }),
    logFiles: (gang, incarnation, member) => ({
      stdout: `${gang}/${incarnation}/${member}.out`,
      stderr: `${gang}/${incarnation}/${member}.err`,
    }),
    removeGangFiles: () => Promise.resolve(),
  };
}

function sweep(kept: Map<string, unknown>, needed: ReadonlySet<string>): string[] {
  const doomed = [...kept.keys()].filter((key) => !needed.has(key.slice(0, key.lastIndexOf('/'))));
  for (const key of doomed) kept.delete(key);
  return doomed;
}
