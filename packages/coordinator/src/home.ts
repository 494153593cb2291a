// The state folder: made where it is missing, and refused where it can't be used.
import { randomUUID } from 'node:crypto';
import {
  access,
  constants,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { hidingFolder, type HomePaths, homePaths, serviceMark } from '@stillpoint/agent';
import { z } from 'zod';
import { HomeNewerVersion, HomeUnusable, LedgerMissing, ServiceNotRunning } from './errors.ts';

/** Version of the state folder's layout that this program writes, and the newest that it reads. */
const homeVersion = 1;
const formatSchema = z.object({ format: z.literal('stillpoint-home'), version: z.int().positive() });

/** `$STILLPOINT_HOME`, or where state is kept without it. */
export const defaultHome = (): string => process.env['STILLPOINT_HOME'] ?? '/var/lib/stillpoint';

/** The coordinator's socket. */
export const apiSocket = (paths: HomePaths): string => join(paths.runtime, 'api.sock');
/** The coordinator's log. */
export const coordinatorLog = (paths: HomePaths): string => join(paths.home, 'coordinator.log');

/**
 * Makes the state folder, unless it is there, and the run-time folder that belongs to it.
 *
 * @throws `SP_HOME_UNUSABLE`, `SP_HOME_NEWER_VERSION`
 */
export async function openHome(home: string): Promise<HomePaths> {
  try {
    const path = resolve(home);
    const hiding = hidingFolder(path) ?? hidingFolder(await withoutLinks(path));
    if (hiding !== undefined)
      throw new HomeUnusable(home, `members have a ${hiding} of their own and can't see it`);
    await mkdir(home, { recursive: true, mode: 0o700 });
    const paths = homePaths(await realpath(home));
    await access(paths.home, constants.R_OK | constants.W_OK | constants.X_OK);
    await checkFormat(paths.home);
    await mkdir(join(paths.runtime, 'nodes'), { recursive: true, mode: 0o700 });
    return paths;
  } catch (error) {
    if (error instanceof HomeNewerVersion || error instanceof HomeUnusable) throw error;
    throw new HomeUnusable(home, (error as Error).message, error);
  }
}

/** Where a path leads, also if its end does not exist yet. */
async function withoutLinks(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return join(await withoutLinks(dirname(path)), basename(path));
  }
}

/**
 * A ledger that is gone is not made anew beside what it knew of: running gangs would be taken for leftovers, and
 * epochs would get numbers that the vault has already.
 *
 * @throws `SP_LEDGER_MISSING`
 */
export async function requireLedger(paths: HomePaths): Promise<void> {
  if (!(await isFilled(paths.ledger))) await requireNothingKnown(paths, paths.ledger);
}

/** @param ledger that knows nothing yet, in words @throws `SP_LEDGER_MISSING` */
export async function requireNothingKnown({ home, shared, vault }: HomePaths, ledger: string): Promise<void> {
  for (const witness of [join(vault, 'gangs'), join(shared, 'gangs')])
    if (await isFilled(witness)) throw new LedgerMissing(ledger, witness, home);
}

/**
 * A coordinator of one machine, beside services, would find none of their nodes in its ledger, and end them.
 *
 * @throws `SP_SERVICE_NOT_RUNNING` when the state folder is one of services
 */
export async function requireLocalHome(paths: HomePaths): Promise<void> {
  if (await isThere(serviceMark(paths))) throw new ServiceNotRunning(paths.home);
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function isFilled(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw new HomeUnusable(folder, (error as Error).message, error);
  }
}

async function checkFormat(home: string): Promise<void> {
  const file = join(home, 'format.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await writeFormat(file);
    return;
  }
  const parsed = formatSchema.safeParse(parseOrUndefined(text));
  if (!parsed.success) throw new HomeUnusable(home, `${file} is not what Stillpoint writes`);
  if (parsed.data.version > homeVersion) throw new HomeNewerVersion(home, parsed.data.version, homeVersion);
}

async function writeFormat(file: string): Promise<void> {
  const format = { format: 'stillpoint-home', version: homeVersion } satisfies z.infer<typeof formatSchema>;
  const temporary = `${file}.${randomUUID()}`;
  try {
    await writeFile(temporary, `${JSON.stringify(format)}\n`);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
