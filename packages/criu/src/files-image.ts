// files.img: every file description of a member, and its rewrite for another place. Pure.
import { compileAddressMap, type AddressMap } from './addresses.ts';
import { FileSchema, type File } from './generated/images_pb.ts';
import { joinImage, magics, splitImage } from './image-file.ts';
import {
  checkInetSocket,
  rewriteInetSocket,
  type OutsidePolicy,
  type OutsideSocket,
} from './inet-sockets.ts';
import { decodeEntry, encodeEntry } from './messages.ts';
import { rewriteFileSize } from './regular-files.ts';

/** The name of this image. CRIU 4.2 keeps every inet socket here, sockets in flight over unix sockets too. */
export const filesImageName = 'files.img';

/** What to change in a member's images. */
export interface RewriteOptions {
  /** Old address to new address, for the whole gang, in text form. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Absolute path in the member's mount namespace to the size that the file will have at the restore. */
  readonly fileSizes: ReadonlyMap<string, bigint>;
  /** What to do with TCP connections to somebody outside; `keep` when absent. */
  readonly outside?: OutsidePolicy;
}

/** What a rewrite changed, and what it found outside. */
export interface RewriteReport {
  readonly socketsChanged: number;
  readonly sizesChanged: number;
  readonly connectionsClosed: number;
  readonly outside: readonly OutsideSocket[];
}

/** The file descriptions in their order. Inet sockets are checked. */
export function readFiles(bytes: Uint8Array): File[] {
  return splitImage(filesImageName, magics.files, bytes).payloads.map(decodeFile);
}

/**
 * Rewrites files.img. Entries that do not change keep their bytes.
 * @param unnamed ids of files that have lost their name, to which no path applies
 * @throws AddressMapError, CriuImageError
 */
export function rewriteFiles(
  bytes: Uint8Array,
  options: RewriteOptions,
  unnamed: ReadonlySet<number>,
): { readonly bytes: Uint8Array; readonly report: RewriteReport } {
  const map = compileAddressMap(options.addresses);
  const image = splitImage(filesImageName, magics.files, bytes);
  const entries = image.payloads.map((payload) => rewriteEntry(payload, map, options, unnamed));
  const outside = entries.flatMap((entry) => (entry.outside === undefined ? [] : [entry.outside]));
  const report = {
    socketsChanged: entries.filter((entry) => entry.socketChanged).length,
    sizesChanged: entries.filter((entry) => entry.sizeChanged).length,
    connectionsClosed: outside.filter((socket) => socket.closed).length,
    outside,
  };
  return { bytes: joinImage({ head: image.head, payloads: entries.map((entry) => entry.payload) }), report };
}

interface EntryRewrite {
  readonly payload: Uint8Array;
  readonly socketChanged: boolean;
  readonly sizeChanged: boolean;
  readonly outside: OutsideSocket | undefined;
}

function rewriteEntry(
  payload: Uint8Array,
  map: AddressMap,
  options: RewriteOptions,
  unnamed: ReadonlySet<number>,
): EntryRewrite {
  const file = decodeFile(payload);
  const socket =
    file.inetSocket === undefined
      ? undefined
      : rewriteInetSocket(file.inetSocket, map, options.outside ?? 'keep');
  const sizeChanged =
    file.regular !== undefined && !unnamed.has(file.id) && rewriteFileSize(file.regular, options.fileSizes);
  const socketChanged = socket?.changed ?? false;
  return {
    payload: socketChanged || sizeChanged ? encodeEntry(FileSchema, file) : payload,
    socketChanged,
    sizeChanged,
    outside: socket?.outside,
  };
}

function decodeFile(payload: Uint8Array): File {
  const file = decodeEntry(filesImageName, FileSchema, payload, ['type', 'id']);
  if (file.inetSocket !== undefined) checkInetSocket(filesImageName, file.inetSocket);
  return file;
}
