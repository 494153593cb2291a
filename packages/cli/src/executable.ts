// Finds the program that a command names, as execvp would: before anything is started.
import { access, constants, stat } from 'node:fs/promises';
import { delimiter, resolve } from 'node:path';
import { CommandNotFound, CwdMissing } from './errors.ts';

/** What execvp uses when PATH is not set. */
const defaultPath = '/bin:/usr/bin';

/** @throws `SP_CWD_NOT_A_FOLDER` */
export async function checkFolder(cwd: string): Promise<void> {
  const found = await stat(cwd).catch(() => undefined);
  if (found?.isDirectory() !== true) throw new CwdMissing(cwd);
}

/**
 * @param path the PATH that the command will have
 * @returns where the program is
 * @throws `SP_COMMAND_NOT_FOUND`
 */
export async function findExecutable(
  command: string,
  cwd: string,
  path: string | undefined,
): Promise<string> {
  if (command === '') throw new CommandNotFound(command, 'it is empty');
  if (command.includes('/')) {
    const file = resolve(cwd, command);
    const why = await whyNotExecutable(file);
    if (why === undefined) return file;
    throw new CommandNotFound(command, why);
  }
  let denied: string | undefined;
  for (const folder of (path ?? defaultPath).split(delimiter)) {
    const file = resolve(cwd, folder, command);
    const why = await whyNotExecutable(file);
    if (why === undefined) return file;
    if (why !== notThere) denied ??= `${file}: ${why}`;
  }
  throw new CommandNotFound(command, denied ?? 'it is in no folder of PATH');
}

const notThere = 'there is no such file';

async function whyNotExecutable(file: string): Promise<string | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return notThere;
  if (!found.isFile()) return 'it is no file';
  return access(file, constants.X_OK).then(
    () => undefined,
    () => 'it is not executable',
  );
}
