// `stillpoint shutdown`: ends what Stillpoint itself runs on this machine.
import type { Verb } from '../verb.ts';

export const shutdown: Verb = {
  name: 'shutdown',
  summary: "end Stillpoint's own processes and networks, once no gang runs",
  examples: [
    { line: 'stillpoint shutdown', says: 'end the coordinator, and the agents and networks of all nodes' },
  ],
  notes: [
    'Epochs and logs stay; the next verb starts what it needs. It is refused while the only image of an epoch is on',
    'its nodes, because the vault was full or still writes it. JSON: {}',
  ],
  declare: (command, act) =>
    command.action(
      act(async (session) => {
        await session.perform({ title: 'shutdown', call: (client, options) => client.shutdown(options) });
        session.succeed('Stillpoint has ended on this machine');
        session.print({}, '');
        return undefined;
      }),
    ),
};
