// What the demo needs of the machine, looked at before anything is started.
import { execFile } from 'node:child_process';
import { access, readFile, statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import { installedCriu } from '@stillpoint/agent';
import { formatBytes } from '../format/units.ts';
import { DemoRequirementMissing } from './errors.ts';
import { limits } from './limits.ts';

/** The Python that Debian's PyTorch belongs to; one earlier in PATH may be another. */
export const python = '/usr/bin/python3';

const hasGloo =
  'import torch.distributed as d, sys; sys.exit(0 if d.is_available() and d.is_gloo_available() else 3)';

/**
 * @param folder where the demo will keep its state
 * @throws `SP_DEMO_REQUIREMENT` naming what is missing, and how to get it
 */
export async function checkRequirements(folder: string): Promise<void> {
  await checkCriu();
  await checkMemory();
  await checkDisk(folder);
  await checkTorch();
}

async function checkCriu(): Promise<void> {
  const criu = installedCriu();
  const isThere = await access(criu).then(
    () => true,
    () => false,
  );
  if (!isThere)
    throw new DemoRequirementMissing(
      `CRIU is not at ${criu}`,
      'Run `stillpoint setup`, or name one in STILLPOINT_CRIU.',
    );
}

async function checkTorch(): Promise<void> {
  const install = 'Install it with `apt-get install python3-torch`, or run `stillpoint setup`.';
  try {
    await promisify(execFile)(python, ['-c', hasGloo], { timeout: limits.requirementMs });
  } catch (error) {
    const { code, stderr = '' } = error as { readonly code?: unknown; readonly stderr?: string };
    if (code === 'ENOENT') throw new DemoRequirementMissing(`there is no ${python}`, install);
    if (code === 3) throw new DemoRequirementMissing(`${python}'s PyTorch has no gloo`, install);
    const last = stderr.trim().split('\n').at(-1) ?? '';
    throw new DemoRequirementMissing(
      `${python} can't import PyTorch${last === '' ? '' : ` (${last})`}`,
      install,
    );
  }
}

async function checkMemory(): Promise<void> {
  const text = await readFile('/proc/meminfo', 'utf8');
  const available = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
  if (available >= limits.memoryBytesMin) return;
  throw new DemoRequirementMissing(
    `${formatBytes(available)} of memory are free, and it needs ${formatBytes(limits.memoryBytesMin)}`,
    'End what uses the memory, or use a larger machine.',
  );
}

async function checkDisk(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= limits.diskBytesMin) return;
  throw new DemoRequirementMissing(
    `${formatBytes(bavail * bsize)} are free in ${folder}, and it needs ${formatBytes(limits.diskBytesMin)}`,
    `Make room in ${folder}.`,
  );
}
