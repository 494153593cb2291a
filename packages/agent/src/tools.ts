// The programs that must be seen from inside every sandbox: CRIU, its warm cache, and sp-init. They are copied to
// the run-time folder, so that a change of the installed ones never touches a running gang.
import { copyFile, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { spInitPath } from '@stillpoint/sp-init';
import { ToolMissing } from './errors.ts';
import { exec } from './exec.ts';
import type { HomePaths } from './paths.ts';

/** CRIU's run directory, as compiled in by scripts/install-criu.sh: it caches there what it found out about the kernel. */
export const criuRuntimeFolder = '/run/stillpoint-criu';

export type Tool = 'criu' | 'sp-init';

export const toolPath = (paths: HomePaths, tool: Tool): string => join(paths.tools, tool);
export const criuCacheFile = (paths: HomePaths): string => join(paths.tools, 'criu.kdat');

/** Where the installed CRIU is. */
export function installedCriu(): string {
  const cache = process.env['STILLPOINT_CACHE'] ?? join(homedir(), '.cache', 'stillpoint');
  return process.env['STILLPOINT_CRIU'] ?? join(cache, 'criu', 'sbin', 'criu');
}

/**
 * Copies the tools and warms CRIU's cache, which CRIU keeps on a tmpfs only: one of a private namespace. Does nothing
 * while the installed tools are those that were copied since the machine started.
 */
export async function prepareTools(paths: HomePaths): Promise<void> {
  const stamp = await stampOf([installedCriu(), spInitPath()]);
  const stampFile = join(paths.tools, 'stamp');
  if ((await readFile(stampFile, 'utf8').catch(() => '')) === stamp) return;
  await mkdir(paths.tools, { recursive: true, mode: 0o755 });
  await mkdir(criuRuntimeFolder, { recursive: true });
  await install(installedCriu(), toolPath(paths, 'criu'));
  await install(spInitPath(), toolPath(paths, 'sp-init'));
  const warm =
    'mount -t tmpfs stillpoint "$1" && "$2" check >/dev/null 2>&1; cp "$1/criu.kdat" "$3.new" && mv "$3.new" "$3"';
  await exec('unshare', [
    '--mount',
    'sh',
    '-c',
    warm,
    'sh',
    criuRuntimeFolder,
    toolPath(paths, 'criu'),
    criuCacheFile(paths),
  ]);
  await writeFile(stampFile, stamp);
}

/** @throws ToolMissing naming the one that is not installed */
async function stampOf(files: readonly string[]): Promise<string> {
  const parts: string[] = [];
  for (const file of files) {
    try {
      const { size, mtimeMs } = await stat(file);
      parts.push(`${file} ${size} ${mtimeMs}`);
    } catch (error) {
      throw new ToolMissing(file, error);
    }
  }
  return parts.join('\n');
}

async function install(from: string, to: string): Promise<void> {
  await rm(`${to}.new`, { force: true });
  await copyFile(from, `${to}.new`);
  await rename(`${to}.new`, to);
}
