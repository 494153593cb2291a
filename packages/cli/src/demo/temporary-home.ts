// A state folder for a while: whoever makes one gets it removed with all that runs from it, processes, nodes and
// sandboxes. One whose maker was killed is removed by the next maker.
import { access, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cleanLeftovers, type HomePaths, homePaths } from '@stillpoint/agent';
import { findProcesses, identify, isAlive, type ProcessIdentity, terminate } from './processes.ts';

/** Where they are made. Not /tmp: every sandbox has one of its own. */
export const temporaryHomesFolder = '/var/tmp';
const keptMark = 'kept';

export interface TemporaryHome {
  /** The state folder. */
  readonly home: string;
  /** An empty folder beside it, for what the members read and write. */
  readonly work: string;
  /** Ends everything that runs from it, and removes it. */
  remove(): Promise<void>;
  /** Ends everything that runs from it, and leaves the folder to `sweepTemporaryHomes`. */
  keep(): Promise<void>;
}

/** @param prefix of the folder's name: sweeping knows them by it */
export async function makeTemporaryHome(prefix: string): Promise<TemporaryHome> {
  const maker = await identify(process.pid);
  if (maker === undefined) throw new Error('this process is not in /proc');
  const folder = await makeFolder(`${prefix}-${maker.pid}-${maker.startTicks}`);
  const home = homeIn(folder);
  const work = join(folder, 'work');
  await mkdir(home);
  await mkdir(work);
  return {
    home,
    work,
    remove: () => removeFolder(folder),
    keep: async () => {
      await writeFile(join(folder, keptMark), '');
      await endAll(homePaths(home));
    },
  };
}

/**
 * Removes the folders of makers that are dead.
 * @param what `abandoned`: those that nobody asked to keep; `all`: those too
 * @returns the folders
 */
export async function sweepTemporaryHomes(
  prefix: string,
  what: 'abandoned' | 'all',
): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const name of await readdir(temporaryHomesFolder)) {
    const maker = makerOf(prefix, name);
    if (maker === undefined || (await isAlive(maker))) continue;
    const folder = join(temporaryHomesFolder, name);
    if (what === 'abandoned' && (await exists(join(folder, keptMark)))) continue;
    await removeFolder(folder);
    removed.push(folder);
  }
  return removed;
}

const homeIn = (folder: string): string => join(folder, 'home');

/** One process may make several, one after the other or at once. */
async function makeFolder(name: string): Promise<string> {
  for (let number = 1; ; number += 1) {
    const folder = join(temporaryHomesFolder, `${name}-${number}`);
    try {
      await mkdir(folder, { mode: 0o755 });
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function makerOf(prefix: string, name: string): ProcessIdentity | undefined {
  if (!name.startsWith(`${prefix}-`)) return undefined;
  const match = /^(\d+)-(\d+)-\d+$/.exec(name.slice(prefix.length + 1));
  const [, pid, startTicks] = match ?? [];
  return pid === undefined || startTicks === undefined ? undefined : { pid: Number(pid), startTicks };
}

async function removeFolder(folder: string): Promise<void> {
  if (!basename(folder).startsWith('stillpoint-')) throw new Error(`${folder} is no temporary state folder`);
  await endAll(homePaths(homeIn(folder)));
  await rm(folder, { recursive: true, force: true });
}

/** The coordinator first: it would start its agents again. Then the nodes with all that is on them. */
async function endAll(paths: HomePaths): Promise<void> {
  const isCoordinator = (args: readonly string[]): boolean =>
    args[args.indexOf('--home') + 1] === paths.home && !args.includes('--node');
  for (const coordinator of await findProcesses(isCoordinator)) await terminate(coordinator);
  await cleanLeftovers(paths, []);
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
