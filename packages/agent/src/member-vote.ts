// A member's vote: what its images and its note say of connections, files and logs.
import { readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { connectionTable, type TcpConnection } from '@stillpoint/criu';
import {
  type HoldId,
  type ImageConnection,
  memberId,
  type MemberVote,
  type OutsidePolicy,
} from '@stillpoint/protocol';
import { readMachineFacts } from './machine-facts.ts';
import {
  type CutNote,
  imagesFolder,
  type MemberContext,
  memberRootPid,
  stderrDescriptor,
  stdoutDescriptor,
} from './member-cut.ts';
import { writeMeta } from './member-meta.ts';

/** Makes the member's vote from its images and its note, and writes both down beside the images. */
export async function composeVote(
  context: MemberContext,
  staging: string,
  note: CutNote,
  hold: HoldId,
  outside: OutsidePolicy,
): Promise<MemberVote> {
  const { record } = context;
  const table = await connectionTable(imagesFolder(staging));
  const vote: MemberVote = {
    member: memberId(record.member),
    holdId: hold,
    addresses: [record.slot.addresses.ipv4, record.slot.addresses.ipv6],
    connections: table.connections.map(toImageConnection),
    sockets: note.sockets,
    files: note.files,
    imageBytes: await folderBytes(staging),
    stdoutBytes: note.stdoutBytes,
    stderrBytes: note.stderrBytes,
  };
  await writeMeta(staging, {
    vote,
    rootPid: await memberRootPid(record),
    clocks: note.clocks,
    stdoutPipe: await readlink(`/proc/${record.initPid}/fd/${stdoutDescriptor}`),
    stderrPipe: await readlink(`/proc/${record.initPid}/fd/${stderrDescriptor}`),
    cwd: record.cwd,
    machine: await readMachineFacts(),
    outside,
    contents: [...note.contents],
  });
  return vote;
}

const toImageConnection = ({
  local,
  remote,
  state,
  inode,
  sndUna,
  writeSeq,
  rcvNxt,
}: TcpConnection): ImageConnection => ({
  local,
  remote,
  state,
  inode,
  sndUna,
  writeSeq,
  rcvNxt,
});

async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
