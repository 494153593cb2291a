// A process of members of a central barrier over TCP, each with a connection of its own. At every order of the centre a
// member says at once that it has arrived. Ends with whoever started it.
import { connect } from 'node:net';
import type { Share } from './share.ts';

const share = JSON.parse(process.argv[2] ?? '') as Share;
const { hostname, port } = new URL(share.url);
process.once('disconnect', () => process.exit(0));

function join(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    socket.once('connect', resolve);
    socket.once('error', reject);
    socket.on('data', (orders) => socket.write(orders));
  });
}

let left = share.count;
/** So many connect at a time. */
const atOnce = 100;
while (left > 0) {
  await Promise.all(Array.from({ length: Math.min(atOnce, left) }, join));
  left -= atOnce;
}
process.send?.('ready');
