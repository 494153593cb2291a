// Real nodes and sandboxes for the tests of this package; everything is removed at the end.
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreezer, type Freezer, type FreezerVersion } from '../freezer.ts';
import { type HomePaths, homePaths } from '../paths.ts';
import { launchSandbox, prepareSlot } from '../sandbox.ts';
import { connectInit, type SandboxRecord, sandboxSlot } from '../sandbox-record.ts';
import { cleanLeftovers, createVirtualNode } from '../virtual-node.ts';

/** A state folder of its own with virtual nodes on which sandboxes can be started. */
export interface NodeFixture extends AsyncDisposable {
  readonly paths: HomePaths;
  readonly freezer: Freezer;
  /** Makes a node anew that was killed. */
  addNode(node: number): Promise<void>;
  /** Starts a member's command on a node (1 and up), in the slot or the next that was never used. */
  launch(node: number, command: readonly string[], slot?: number): Promise<SandboxRecord>;
  /** The member's status as its sp-init tells it. */
  status(
    record: SandboxRecord,
  ): Promise<{ readonly state: string; readonly pid: number; readonly stdoutBytes: number }>;
}

/** Makes `nodes` virtual nodes. STILLPOINT_HOME is a folder under /var/tmp: /tmp is private in sandboxes. */
export async function makeNodes(nodes: number, version?: FreezerVersion): Promise<NodeFixture> {
  const home = await realpath(await mkdtemp('/var/tmp/stillpoint-agent-'));
  const paths = homePaths(home);
  const freezer = await findFreezer(paths.tag, version);
  const used = new Map<number, number>();
  const addNode = (index: number): Promise<void> => createVirtualNode(paths, { name: `n${index}`, index });
  for (let index = 1; index <= nodes; index += 1) await addNode(index);
  return {
    paths,
    freezer,
    addNode,
    async launch(node, command, wanted) {
      const number = wanted ?? (used.get(node) ?? 0) + 1;
      used.set(node, number);
      const slot = sandboxSlot(paths, freezer, `n${node}`, node, number);
      const owner = { gang: 'g', member: node * 10 + number, incarnation: 1 };
      await prepareSlot(paths, freezer, slot, owner);
      return launchSandbox(paths, slot, {
        ...owner,
        hostname: `g-${owner.member}`,
        hosts: '127.0.0.1 localhost\n',
        environment: { PATH: '/usr/bin:/bin' },
        cwd: home,
        command,
        logFolder: join(home, 'logs'),
        clockOffsets: { monotonicSeconds: 0, boottimeSeconds: 0 },
      });
    },
    async status(record) {
      const client = await connectInit(record);
      try {
        return await client.status();
      } finally {
        client.close();
      }
    },
    async [Symbol.asyncDispose]() {
      await cleanLeftovers(paths, []);
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Waits until `check` gives a value. @throws Error after `deadlineMs` */
export async function eventually<T>(
  check: () => Promise<T | undefined>,
  what: string,
  deadlineMs = 10_000,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await check();
    if (value !== undefined) return value;
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
