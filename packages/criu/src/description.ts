// What a member's images hold, for people and for the agent: processes, open files, sockets, pages. Pure.
import type { Descriptor, File, Process, UnixSocket } from './generated/images_pb.ts';
import { isTcpConnection, localOf, remoteOf, stateOf } from './inet-sockets.ts';
import { accessOf, isAppending, isRegular, pathOf, recordedSize, type FileAccess } from './regular-files.ts';

/** One process of the member, with PIDs of the sandbox's namespace. */
export interface ProcessRecord {
  readonly pid: number;
  readonly parentPid: number;
  readonly command: string;
  /** Thread ids, the main thread's first. */
  readonly threads: readonly number[];
}

/** A place where a process has a file open. */
export interface DescriptorRecord {
  readonly pid: number;
  readonly descriptor: number;
}

/** An open, mapped or executed regular file. */
export interface RegularFileRecord {
  readonly path: string;
  /** How it was opened. The entry of a mapping says `read`, even when the mapping may be written. */
  readonly access: FileAccess;
  readonly append: boolean;
  readonly position: bigint;
  /** The size that CRIU will check at a restore; CRIU records none for files that are only appended to. */
  readonly size: bigint | undefined;
  /** The path no longer leads to it: CRIU carries the content itself. */
  readonly unnamed: boolean;
  /** Where it is open; empty when it is only mapped or executed. */
  readonly descriptors: readonly DescriptorRecord[];
}

export interface UnixSocketRecord {
  readonly inode: number;
  /** The path, or `@` and the abstract name; empty when it has none. */
  readonly name: string;
  readonly listening: boolean;
  /** Inode of the other end, 0 when it has none. */
  readonly peer: number;
  readonly peerInImage: boolean;
}

/** Something that cannot be restored faithfully elsewhere. */
export type ImageBlocker =
  | { readonly kind: 'half-open-connection'; readonly what: string }
  | { readonly kind: 'outside-unix-socket'; readonly what: string }
  | { readonly kind: 'packet-socket'; readonly what: string }
  | { readonly kind: 'network-device'; readonly what: string }
  | { readonly kind: 'external-file'; readonly what: string }
  | { readonly kind: 'bpf-map'; readonly what: string };

export interface ImageDescription {
  readonly processes: readonly ProcessRecord[];
  readonly regularFiles: readonly RegularFileRecord[];
  readonly unixSockets: readonly UnixSocketRecord[];
  /** Bytes of memory pages, by far the most of an image. */
  readonly pageBytes: number;
  /** Bytes of all images together. */
  readonly imageBytes: number;
  readonly blockers: readonly ImageBlocker[];
}

/** The parts of an image directory that a description is made of. */
export interface ImageParts {
  readonly processes: readonly { readonly process: Process; readonly command: string }[];
  readonly descriptors: readonly { readonly pid: number; readonly entries: readonly Descriptor[] }[];
  readonly files: readonly File[];
  /** Ids of files that have lost their name. */
  readonly unnamed: ReadonlySet<number>;
  readonly pageBytes: number;
  readonly imageBytes: number;
}

export function buildDescription(parts: ImageParts): ImageDescription {
  const unixSockets = describeUnixSockets(parts.files);
  return {
    processes: parts.processes.map(({ process, command }) => ({
      pid: process.pid,
      parentPid: process.parentPid,
      command,
      threads: process.threads,
    })),
    regularFiles: describeRegularFiles(parts),
    unixSockets,
    pageBytes: parts.pageBytes,
    imageBytes: parts.imageBytes,
    blockers: [...parts.files.flatMap(fileBlocker), ...unixSockets.flatMap(unixBlocker)],
  };
}

function describeRegularFiles(parts: ImageParts): RegularFileRecord[] {
  const holders = new Map<number, DescriptorRecord[]>();
  for (const { pid, entries } of parts.descriptors) {
    for (const entry of entries) {
      const list = holders.get(entry.fileId) ?? [];
      list.push({ pid, descriptor: entry.number });
      holders.set(entry.fileId, list);
    }
  }
  return parts.files.flatMap(({ id, regular }) =>
    regular === undefined || !isRegular(regular)
      ? []
      : [
          {
            path: pathOf(regular),
            access: accessOf(regular),
            append: isAppending(regular),
            position: regular.position,
            size: recordedSize(regular),
            unnamed: parts.unnamed.has(id),
            descriptors: holders.get(id) ?? [],
          },
        ],
  );
}

function describeUnixSockets(files: readonly File[]): UnixSocketRecord[] {
  const sockets = files.flatMap((file) => (file.unixSocket === undefined ? [] : [file.unixSocket]));
  const inodes = new Set(sockets.map((socket) => socket.inode));
  return sockets.map((socket) => ({
    inode: socket.inode,
    name: unixName(socket),
    listening: socket.state === tcpListen,
    peer: socket.peer,
    peerInImage: inodes.has(socket.peer),
  }));
}

/** Abstract names begin with a zero byte; the kernel counts a path's closing zero in. */
function unixName(socket: UnixSocket): string {
  const text = new TextDecoder().decode(socket.name);
  return text.startsWith('\0') ? `@${text.slice(1)}` : text.replace(/\0+$/, '');
}

function unixBlocker(socket: UnixSocketRecord): ImageBlocker[] {
  if (socket.peer === 0 || socket.peerInImage) return [];
  const what = `unix socket ${socket.name || socket.inode} is connected to inode ${socket.peer}, outside the member`;
  return [{ kind: 'outside-unix-socket', what }];
}

function fileBlocker(file: File): ImageBlocker[] {
  const { inetSocket } = file;
  if (inetSocket !== undefined && isTcpConnection(inetSocket) && stateOf(inetSocket) === 'SYN_SENT') {
    const [local, remote] = [localOf(inetSocket), remoteOf(inetSocket)];
    const what = `${local.address} port ${local.port} is still connecting to ${remote.address} port ${remote.port}`;
    return [{ kind: 'half-open-connection', what }];
  }
  const kind = blockingTypes.get(file.type);
  return kind === undefined ? [] : [{ kind, what: `file description ${file.id} is a ${kind}` }];
}

const tcpListen = 10;

/** Of CRIU's fd_types (fdinfo.proto). */
const blockingTypes: ReadonlyMap<number, ImageBlocker['kind']> = new Map([
  [10, 'packet-socket'],
  [15, 'network-device'],
  [16, 'external-file'],
  [19, 'bpf-map'],
]);
