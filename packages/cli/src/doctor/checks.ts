// Everything that doctor tries once the packages are there, in its order. What needs no set-up is scripts/checks.sh's.
import { access, constants, readFile, realpath, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatBytes } from '../format/units.ts';
import { limits } from '../limits.ts';
import { type Check, Wrong } from './check.ts';
import { tryFreezing } from './freezing.ts';
import { inNewNetwork, output } from './program.ts';

/** Debian's Python: the one that has torch. */
const python = '/usr/bin/python3';

/** @param home path of the state folder; it may be missing */
export function doctorChecks(home: string): readonly Check[] {
  return [
    {
      name: 'criu',
      needsRoot: true,
      why: 'members are dumped and restored with it',
      mend: 'run `./stillpoint setup`, or correct STILLPOINT_CRIU',
      look: lookAtCriu,
    },
    {
      name: 'sp-init',
      needsRoot: false,
      why: 'it is the first process of every sandbox',
      mend: 'run `./stillpoint setup`, which compiles it',
      look: lookAtSpInit,
    },
    {
      name: 'freezing',
      needsRoot: true,
      why: 'members are frozen while they are cut',
      mend: 'mount a freezer (cgroup v1) or cgroup2 under /sys/fs/cgroup, read-write',
      look: tryFreezing,
    },
    {
      name: 'hold',
      needsRoot: true,
      why: "a member's traffic is held with nftables",
      mend: 'load the kernel modules nf_tables and nft_chain_filter, or install nftables',
      look: tryHold,
    },
    {
      name: 'network',
      needsRoot: true,
      why: 'virtual nodes and members have networks of their own',
      mend: 'load the kernel modules veth and bridge; in a container, start it privileged',
      look: tryNetwork,
    },
    {
      name: 'sockets',
      needsRoot: true,
      why: 'half-dead connections are ended after a hold',
      mend: 'use a kernel with CONFIG_INET_DIAG_DESTROY, and iproute2',
      look: trySockDestroy,
    },
    {
      name: 'torch',
      needsRoot: false,
      why: 'the demo and the tests train with it',
      mend: 'run `apt-get install python3-torch`',
      look: lookAtTorch,
    },
    {
      name: 'state',
      needsRoot: true,
      why: 'epochs and decisions are kept in it',
      mend: 'set STILLPOINT_HOME to a folder that can be written to',
      look: () => lookAtState(home),
    },
    {
      name: 'memory',
      needsRoot: false,
      why: 'images are staged in memory before they are stored',
      mend: 'end other programs, or use a machine with more memory',
      look: lookAtMemory,
    },
    {
      name: 'disk',
      needsRoot: false,
      why: 'epochs are stored there',
      mend: 'free some room, or set STILLPOINT_HOME to a larger disk',
      look: () => lookAtDisk(home),
    },
    {
      name: 'leftovers',
      needsRoot: true,
      why: 'they take memory and addresses',
      mend: 'run `stillpoint ps`: the coordinator that it starts removes them',
      look: () => lookForLeftovers(home),
    },
  ];
}

async function lookAtCriu(): Promise<string> {
  const { installedCriu } = await import('@stillpoint/agent');
  const { criuCheck, criuVersion } = await import('@stillpoint/criu');
  const path = installedCriu();
  const { text } = await criuVersion(path);
  await criuCheck(path);
  return `${text} at ${path}`;
}

async function lookAtSpInit(): Promise<string> {
  const { spInitPath } = await import('@stillpoint/sp-init');
  const path = spInitPath();
  await access(path, constants.X_OK);
  return path;
}

async function tryHold(): Promise<string> {
  await inNewNetwork(`nft -f - <<'RULES'
table inet stillpoint_doctor {
  chain in { type filter hook input priority -300; policy drop; }
  chain out { type filter hook output priority -300; policy drop; }
}
RULES
nft list table inet stillpoint_doctor >/dev/null
nft delete table inet stillpoint_doctor`);
  return 'nftables drops all traffic of a namespace';
}

async function tryNetwork(): Promise<string> {
  const name = `sp-doctor-${process.pid}`;
  await output('ip', ['netns', 'add', name]);
  try {
    await output('ip', ['-n', name, 'link', 'add', 'switch', 'type', 'bridge']);
    await output('ip', ['-n', name, 'link', 'add', 'm1', 'type', 'veth', 'peer', 'name', 'eth0']);
    await output('ip', ['-n', name, 'link', 'set', 'm1', 'master', 'switch']);
  } finally {
    await output('ip', ['netns', 'delete', name]);
  }
  return 'named namespaces, veth and bridge';
}

async function trySockDestroy(): Promise<string> {
  const program = fileURLToPath(new URL('./sock-destroy.ts', import.meta.url));
  await inNewNetwork('ip link set lo up; exec "$1" "$2"', process.execPath, program);
  return '`ss -K` ends connections (SOCK_DESTROY)';
}

async function lookAtTorch(): Promise<string> {
  const version = await output(python, [
    '-c',
    'import torch, torch.distributed as d; assert d.is_gloo_available() if hasattr(d, "is_gloo_available") else d.is_available(); print(torch.__version__)',
  ]);
  return `${version} for ${python}`;
}

async function lookAtState(home: string): Promise<string> {
  const { hidingFolder } = await import('@stillpoint/agent');
  const hiding = hidingFolder(home);
  if (hiding !== undefined)
    throw new Wrong(
      `members have a ${hiding} of their own and can't see ${home}`,
      'set STILLPOINT_HOME to a folder elsewhere',
    );
  const folder = await nearestFolder(home);
  await access(folder, constants.W_OK | constants.X_OK).catch(() => {
    throw new Wrong(`${folder} is not writable`);
  });
  return folder === home ? home : `${home}, not made yet`;
}

async function lookAtMemory(): Promise<string> {
  const text = await readFile('/proc/meminfo', 'utf8');
  const bytes = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
  return enough(bytes, limits.doctorMemoryBytesMin, 'available');
}

async function lookAtDisk(home: string): Promise<string> {
  const { bavail, bsize } = await statfs(await nearestFolder(home));
  return enough(bavail * bsize, limits.doctorDiskBytesMin, `free for ${home}`);
}

function enough(bytes: number, least: number, what: string): string {
  if (bytes < least) throw new Wrong(`only ${formatBytes(bytes)} ${what}, less than ${formatBytes(least)}`);
  return `${formatBytes(bytes)} ${what}`;
}

async function lookForLeftovers(home: string): Promise<string> {
  const { findLeftovers } = await import('./leftovers.ts');
  return findLeftovers(await realpath(home).catch(() => undefined));
}

/** The folder, or the one that it would be made in. */
async function nearestFolder(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true || path === dirname(path)) return path;
  if (found !== undefined) throw new Wrong(`${path} is no folder`);
  return nearestFolder(dirname(path));
}
