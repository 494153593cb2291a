// What killed gangs left on this machine: network namespaces and cgroups in which nobody lives any more.
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { findFreezer, homePaths } from '@stillpoint/agent';
import { Wrong } from './check.ts';
import { output } from './program.ts';

/**
 * @param home real path of the state folder that is looked after by its next coordinator
 * @param names the network namespaces that are looked at; all of Stillpoint's unless given
 * @throws `Wrong` that names what nobody uses
 */
export async function findLeftovers(home: string | undefined, names?: readonly string[]): Promise<string> {
  const own = home === undefined ? undefined : homePaths(home).tag;
  const byTag = Map.groupBy(
    names ?? (await namespaces()),
    (name) => /^sp-([0-9a-f]{8})-/.exec(name)?.[1] ?? '',
  );
  const dead: string[] = [];
  for (const tag of byTag.keys()) {
    if (tag !== '' && !(await isInUse(tag))) dead.push(tag);
  }
  if (dead.length === 0) return byTag.size === 0 ? 'none' : 'none; gangs and nodes are alive';
  const unused = dead.flatMap((tag) => byTag.get(tag) ?? []);
  const shown = unused.slice(0, 3).join(', ') + (unused.length > 3 ? `, and ${unused.length - 3} more` : '');
  const foreign = unused.filter((name) => own === undefined || !name.startsWith(`sp-${own}-`));
  throw new Wrong(
    `network namespaces that nobody uses: ${shown}`,
    foreign.length === 0
      ? 'run `stillpoint ps`: the coordinator that it starts removes them'
      : 'run `stillpoint ps` with the STILLPOINT_HOME that they belong to, or remove each with `ip netns delete`',
  );
}

async function namespaces(): Promise<string[]> {
  const listed = await output('ip', ['netns', 'list']);
  return listed
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((name) => name.startsWith('sp-'));
}

/** A coordinator or an agent answers, or a process lives in a cgroup of the state folder. */
async function isInUse(tag: string): Promise<boolean> {
  const runtime = join('/run/stillpoint', tag);
  const sockets = (await namesIn(join(runtime, 'nodes'))).filter((name) => name.endsWith('.sock'));
  const paths = [join(runtime, 'api.sock'), ...sockets.map((name) => join(runtime, 'nodes', name))];
  if ((await Promise.all(paths.map(answers))).includes(true)) return true;
  const { root } = await findFreezer(tag);
  const cgroups = [root, ...(await namesIn(root)).map((name) => join(root, name))];
  const counts = await Promise.all(
    cgroups.map((cgroup) => readFile(join(cgroup, 'cgroup.procs'), 'utf8').catch(() => '')),
  );
  return counts.some((text) => text !== '');
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
