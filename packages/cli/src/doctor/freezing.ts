// Whether a process really can be frozen and thawed: one that does nothing is.
import { spawn } from 'node:child_process';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { limits } from '../limits.ts';
import { Wrong } from './check.ts';

/** How long freezing one idle process may take, and how often it is looked at. */
const freezeMs = 3_000;
const pollMs = 5;

export async function tryFreezing(): Promise<string> {
  const { findFreezer } = await import('@stillpoint/agent');
  const { version, root } = await findFreezer(`doctor-${process.pid}`);
  const started = performance.now();
  await mkdir(root, { recursive: true });
  const sleeper = spawn('sleep', [String(limits.doctorCheckMs / 1000)], { stdio: 'ignore' });
  const gone = new Promise((resolve) => {
    sleeper.once('exit', resolve);
    sleeper.once('error', resolve);
  });
  try {
    if (sleeper.pid === undefined) throw new Wrong('the program "sleep" can\'t be started');
    await writeFile(join(root, 'cgroup.procs'), String(sleeper.pid));
    await setFrozen(version, root, true);
    await until(async () => isFrozen(version, root), 'a process that does nothing could not be frozen');
    return `cgroup ${version}, frozen in ${Math.round(performance.now() - started)} ms`;
  } finally {
    sleeper.kill('SIGKILL');
    await setFrozen(version, root, false).catch(() => undefined);
    await gone;
    await until(
      () =>
        rmdir(root).then(
          () => true,
          () => false,
        ),
      `the cgroup ${root} could not be removed`,
    );
  }
}

async function setFrozen(version: 'v1' | 'v2', cgroup: string, frozen: boolean): Promise<void> {
  if (version === 'v1') await writeFile(join(cgroup, 'freezer.state'), frozen ? 'FROZEN' : 'THAWED');
  else await writeFile(join(cgroup, 'cgroup.freeze'), frozen ? '1' : '0');
}

async function isFrozen(version: 'v1' | 'v2', cgroup: string): Promise<boolean> {
  if (version === 'v1') return (await readFile(join(cgroup, 'freezer.state'), 'utf8')).trim() === 'FROZEN';
  return /^frozen 1$/m.test(await readFile(join(cgroup, 'cgroup.events'), 'utf8'));
}

async function until(look: () => Promise<boolean>, otherwise: string): Promise<void> {
  const end = performance.now() + freezeMs;
  while (!(await look())) {
    if (performance.now() > end) throw new Wrong(otherwise);
    await delay(pollMs);
  }
}
