// The barrier recipe on etcd: the centre writes a key that all members watch, each then puts a key of its own, and the
// centre watches and counts those.
import { startEtcd } from '@stillpoint/servers';
import { Etcd3 } from 'etcd3';
import { measureBarriers, type RivalFigures } from './barriers.ts';
import { arrivedPrefix, orderKey } from './etcd-keys.ts';
import { Players } from './players.ts';

const program = new URL('etcd-main.ts', import.meta.url);

export async function measureEtcd(members: number, rounds: number): Promise<RivalFigures> {
  await using server = await startEtcd();
  await using players = await Players.start(program, server.url, members, 1);
  const client = new Etcd3({ hosts: server.url });
  try {
    let missing = 0;
    let allArrived: () => void = () => undefined;
    const watcher = await client.watch().prefix(arrivedPrefix).create();
    watcher.on('put', () => {
      missing -= 1;
      if (missing === 0) allArrived();
    });
    let barrier = 0;
    return await measureBarriers(rounds, players, async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      missing = members;
      allArrived = resolve;
      barrier += 1;
      await client.put(orderKey).value(barrier);
      await promise;
    });
  } finally {
    client.close();
  }
}
