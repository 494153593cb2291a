// The barrier that one would write first: a centre with a TCP connection to every member, and a byte each way.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { measureBarriers, type RivalFigures } from './barriers.ts';
import { Players } from './players.ts';

const program = new URL('star-main.ts', import.meta.url);

export async function measureStar(members: number, rounds: number): Promise<RivalFigures> {
  const sockets: Socket[] = [];
  let missing = 0;
  let allArrived: () => void = () => undefined;
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (arrivals) => {
      missing -= arrivals.length;
      if (missing === 0) allArrived();
    });
  });
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    await using players = await Players.start(program, `tcp://127.0.0.1:${port}`, members, 1);
    return await measureBarriers(rounds, players, async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      missing = members;
      allArrived = resolve;
      for (const socket of sockets) socket.write('.');
      await promise;
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}
