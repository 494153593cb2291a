// A process of members of a barrier in etcd. At every order that a member's watch brings it puts a key of its own. The
// members of a process share a connection, as threads would. Ends with whoever started it.
import { Etcd3 } from 'etcd3';
import { arrivedKey, orderKey } from './etcd-keys.ts';
import type { Share } from './share.ts';

const share = JSON.parse(process.argv[2] ?? '') as Share;
const client = new Etcd3({ hosts: share.url });
process.once('disconnect', () => process.exit(0));

async function join(member: number): Promise<void> {
  const watcher = await client.watch().key(orderKey).create();
  watcher.on('put', ({ value }) => {
    void client
      .put(arrivedKey(value.toString(), member))
      .value('')
      .catch((error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      });
  });
}

for (let each = 0; each < share.count; each += 1) await join(share.first + each);
process.send?.('ready');
