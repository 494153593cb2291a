// The agent of one virtual node, as a process of its own: finds what its predecessor left, then serves the node.
import { parseArgs } from 'node:util';
import { openLog } from './agent-log.ts';
import { homePaths } from './paths.ts';
import { localConnections, serveNode } from './serve.ts';

const { values } = parseArgs({
  options: {
    home: { type: 'string' },
    node: { type: 'string' },
    index: { type: 'string' },
    'monotonic-offset': { type: 'string', default: '0' },
  },
});
const { home, node, index } = values;
if (home === undefined || node === undefined || index === undefined) {
  process.stderr.write(
    'usage: main.ts --home FOLDER --node NAME --index NUMBER [--monotonic-offset SECONDS]\n',
  );
  process.exit(2);
}

const log = openLog({ node }, process.stdout.fd);
const paths = homePaths(home);
const service = await serveNode({
  paths,
  node: { name: node, index: Number(index), monotonicOffsetSeconds: Number(values['monotonic-offset']) },
  log,
  connections: localConnections(paths),
});
log.info({ pid: process.pid }, 'the agent serves its node');

// Members live on without their agent: it just lets go of them.
const end = (signal: NodeJS.Signals): void => {
  log.info({ signal }, 'the agent ends; its members run on');
  void service.close().finally(() => process.exit(0));
};
process.once('SIGTERM', end);
process.once('SIGINT', end);
