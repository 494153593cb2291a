// Pure readers of what /proc tells about a process's open files, mappings and mounts (proc(5)).

/** Access mode bits of open(2) flags. */
const accessModeMask = 0o3;
const appendFlag = 0o2000;
const pathFlag = 0o10000000;

export interface DescriptorInfo {
  readonly writable: boolean;
  readonly append: boolean;
  /** Opened with O_PATH: it refers to a place, not to content. */
  readonly isPathOnly: boolean;
  readonly mountId: number;
}

/** Reads /proc/PID/fdinfo/FD. @throws Error when it is no such text */
export function parseDescriptorInfo(text: string): DescriptorInfo {
  const flags = Number.parseInt(/^flags:\s*([0-7]+)$/m.exec(text)?.[1] ?? '', 8);
  const mountId = Number(/^mnt_id:\s*(\d+)$/m.exec(text)?.[1]);
  if (Number.isNaN(flags) || Number.isNaN(mountId)) throw new Error(`fdinfo reads: ${text.slice(0, 200)}`);
  return {
    writable: (flags & accessModeMask) !== 0,
    append: (flags & appendFlag) !== 0,
    isPathOnly: (flags & pathFlag) !== 0,
    mountId,
  };
}

/** Names in /proc/PID/map_files of the shared mappings of files in /proc/PID/maps. */
export function sharedMappings(maps: string): string[] {
  const names: string[] = [];
  for (const match of maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) ..(.)s \S+ \S+ [1-9]\d* +\//gm)) {
    // map_files has no leading zeros
    names.push(`${(match[1] ?? '').replace(/^0+(?=.)/, '')}-${(match[2] ?? '').replace(/^0+(?=.)/, '')}`);
  }
  return names;
}

export interface Mount {
  readonly point: string;
  readonly type: string;
}

/** Reads /proc/PID/mountinfo: mounts by their id. */
export function parseMounts(mountinfo: string): Map<number, Mount> {
  const mounts = new Map<number, Mount>();
  for (const line of mountinfo.split('\n')) {
    const fields = line.split(' ');
    const separator = fields.indexOf('-', 6);
    const [id, , , , point] = fields;
    const type = fields[separator + 1];
    if (separator < 0 || point === undefined || type === undefined) continue;
    mounts.set(Number(id), { point: unescapeOctal(point), type });
  }
  return mounts;
}

/** File systems whose files are views of the kernel: they have no content of their own. */
const kernelFileSystems = new Set([
  'proc', 'sysfs', 'cgroup', 'cgroup2', 'debugfs', 'tracefs', 'securityfs', 'configfs', 'bpf', 'pstore', 'mqueue',
  'devpts', 'binfmt_misc', 'fusectl', 'efivarfs', 'rpc_pipefs', 'selinuxfs', 'nsfs',
]); // prettier-ignore

export const isKernelFileSystem = (type: string): boolean => kernelFileSystems.has(type);

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
