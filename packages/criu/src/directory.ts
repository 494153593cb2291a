// A directory of CRIU images on disk: the only file of the image format that does IO.
import { open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Message } from '@bufbuild/protobuf';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import { buildConnectionTable, type ConnectionTable } from './connection-table.ts';
import { buildDescription, type ImageDescription, type ImageParts } from './description.ts';
import { CriuImageError } from './errors.ts';
import {
  filesImageName,
  readFiles,
  rewriteFiles,
  type RewriteOptions,
  type RewriteReport,
} from './files-image.ts';
import {
  CoreSchema,
  DescriptorSchema,
  InventorySchema,
  ProcessSchema,
  RemapSchema,
  TaskIdsSchema,
  type File,
  type TcpStream,
} from './generated/images_pb.ts';
import { magics, splitImage } from './image-file.ts';
import { isTcpConnection } from './inet-sockets.ts';
import { limits } from './limits.ts';
import { decodeEntry, type FieldOf } from './messages.ts';
import { readTcpStream, tcpStreamName } from './tcp-stream.ts';

/**
 * Moves a member's images to other addresses, and tells CRIU the sizes that the files will have. Only files.img
 * changes, by a temporary file and a rename, and only when there is something to change.
 * @throws AddressMapError, CriuImageError; the images are then as they were
 */
export async function rewriteImages(directory: string, options: RewriteOptions): Promise<RewriteReport> {
  await checkInventory(directory);
  const bytes = await readImage(directory, filesImageName);
  const rewritten = rewriteFiles(bytes, options, await readUnnamed(directory));
  if (rewritten.report.socketsChanged + rewritten.report.sizesChanged > 0) {
    await replaceFile(join(directory, filesImageName), rewritten.bytes);
  }
  return rewritten.report;
}

/** Reads the connections of a member from its images. @throws CriuImageError */
export async function connectionTable(directory: string): Promise<ConnectionTable> {
  await checkInventory(directory);
  const files = await readFileDescriptions(directory);
  const sockets = files.flatMap((file) => (file.inetSocket === undefined ? [] : [file.inetSocket]));
  const streams = new Map<number, TcpStream>();
  for (const { inode } of sockets.filter(isTcpConnection)) {
    const stream = await readStream(directory, inode);
    if (stream !== undefined) streams.set(inode, stream);
  }
  return buildConnectionTable(sockets, streams);
}

/** Tells what a member's images hold. @throws CriuImageError */
export async function describeImages(directory: string): Promise<ImageDescription> {
  await checkInventory(directory);
  const processes: ImageParts['processes'][number][] = [];
  const descriptors: ImageParts['descriptors'][number][] = [];
  for (const process of await readEntries(directory, 'pstree.img', magics.processTree, ProcessSchema, [
    'pid',
  ])) {
    const { pid } = process;
    processes.push({ process, command: await readCommand(directory, pid) });
    descriptors.push({ pid, entries: await readDescriptors(directory, pid) });
  }
  return buildDescription({
    processes,
    descriptors,
    files: await readFileDescriptions(directory),
    unnamed: await readUnnamed(directory),
    ...(await measureImages(directory)),
  });
}

/** Version 1.1 of the image format: every image but the inventory begins with a common magic number. */
const imageVersion = 2;

async function checkInventory(directory: string): Promise<void> {
  const name = 'inventory.img';
  const [inventory] = await readEntries(directory, name, magics.inventory, InventorySchema, ['imageVersion']);
  if (inventory?.imageVersion !== imageVersion) {
    const what = `image format ${inventory?.imageVersion ?? 'unknown'}, where ${imageVersion} is understood`;
    throw new CriuImageError('SP_CRIU_IMAGE_CORRUPT', name, what);
  }
}

async function readFileDescriptions(directory: string): Promise<File[]> {
  return readFiles(await readImage(directory, filesImageName));
}

/** Ids of files that are unlinked, or known to the processes by another name than the one that exists. */
async function readUnnamed(directory: string): Promise<Set<number>> {
  const name = 'remap-fpath.img';
  const remaps = await readOptionalEntries(directory, name, magics.remaps, RemapSchema, ['fileId']);
  return new Set(remaps.map((remap) => remap.fileId));
}

async function readCommand(directory: string, pid: number): Promise<string> {
  const name = `core-${pid}.img`;
  const [core] = await readEntries(directory, name, magics.core, CoreSchema, []);
  return new TextDecoder().decode(core?.task?.command);
}

/** The descriptors of a process; a zombie has none. */
async function readDescriptors(directory: string, pid: number) {
  const ids = await readOptionalEntries(directory, `ids-${pid}.img`, magics.taskIds, TaskIdsSchema, [
    'filesId',
  ]);
  const [first] = ids;
  if (first === undefined) return [];
  return readOptionalEntries(directory, `fdinfo-${first.filesId}.img`, magics.descriptors, DescriptorSchema, [
    'fileId',
    'number',
  ]);
}

async function readStream(directory: string, inode: number): Promise<TcpStream | undefined> {
  const name = tcpStreamName(inode);
  const file = await open(join(directory, name)).catch(ignoreMissing);
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    const { bytesRead, buffer } = await file.read(Buffer.alloc(limits.streamHeadBytesMax), 0, undefined, 0);
    return readTcpStream(name, buffer.subarray(0, bytesRead), size);
  } finally {
    await file.close();
  }
}

async function measureImages(directory: string): Promise<{ pageBytes: number; imageBytes: number }> {
  const names = await readdir(directory);
  if (names.length > limits.imagesMax) {
    throw new CriuImageError('SP_CRIU_IMAGE_TOO_LARGE', directory, `${names.length} files`);
  }
  let pageBytes = 0;
  let imageBytes = 0;
  for (const name of names.filter((name) => name.endsWith('.img'))) {
    const { size } = await stat(join(directory, name));
    imageBytes += size;
    if (name.startsWith('pages-')) pageBytes += size;
  }
  return { pageBytes, imageBytes };
}

async function readEntries<T extends Message>(
  directory: string,
  name: string,
  magic: number,
  schema: GenMessage<T>,
  required: readonly FieldOf<T>[],
): Promise<T[]> {
  const bytes = await readImage(directory, name);
  return splitImage(name, magic, bytes).payloads.map((payload) =>
    decodeEntry(name, schema, payload, required),
  );
}

/** Like {@link readEntries}; CRIU writes no image where there is nothing to say. */
async function readOptionalEntries<T extends Message>(
  ...[directory, name, magic, schema, required]: Parameters<typeof readEntries<T>>
): Promise<T[]> {
  const found = await stat(join(directory, name)).catch(ignoreMissing);
  return found === undefined ? [] : readEntries(directory, name, magic, schema, required);
}

async function readImage(directory: string, name: string): Promise<Uint8Array> {
  const path = join(directory, name);
  const found = await stat(path).catch(ignoreMissing);
  if (found === undefined) throw new CriuImageError('SP_CRIU_IMAGE_MISSING', name, `not in ${directory}`);
  if (found.size > limits.imageBytesMax) {
    const what = `${found.size} bytes, over the limit of ${limits.imageBytesMax}`;
    throw new CriuImageError('SP_CRIU_IMAGE_TOO_LARGE', name, what);
  }
  return readFile(path);
}

/** Atomic for readers; how far it survives a crash does not matter, since rewritten images are working copies. */
async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.rewritten`;
  try {
    await writeFile(temporary, bytes);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}
