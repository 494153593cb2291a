// A content put together from ranges of files: how a former content of a file is described without copying it.
import { createHash, type Hash } from 'node:crypto';
import { errorCode, fileError } from './errors.ts';
import { hashRange, openToRead, readRange } from './io.ts';

/** The bytes `from` to `to` of a file. */
interface Segment {
  /** Absolute path on the host. */
  readonly file: string;
  readonly from: number;
  readonly to: number;
}

export type Rope = readonly Segment[];

export const ropeBytes = (rope: Rope): number =>
  rope.reduce((sum, segment) => sum + segment.to - segment.from, 0);

/** The bytes `from` to `to` of a rope; it must be that long. */
export function sliceRope(rope: Rope, from: number, to: number): Rope {
  const slice: Segment[] = [];
  let start = 0;
  for (const segment of rope) {
    const bytes = segment.to - segment.from;
    const first = Math.max(from, start);
    const last = Math.min(to, start + bytes);
    const shift = segment.from - start;
    if (first < last) slice.push({ file: segment.file, from: first + shift, to: last + shift });
    start += bytes;
  }
  if (start < to) throw new Error(`a rope of ${start} bytes has no byte ${to}`);
  return slice;
}

/** Yields a rope's bytes. A yielded buffer is used again for the next. @throws FileFailed when a file is too short */
export async function* readRope(rope: Rope): AsyncGenerator<Buffer, void, undefined> {
  for (const { file, from, to } of rope) {
    await using handle = await openToRead(file);
    let bytes = 0;
    for await (const chunk of readRange(handle, from, to)) {
      bytes += chunk.length;
      yield chunk;
    }
    if (bytes < to - from) throw fileError(file, new Error(`is shorter than ${to} bytes`));
  }
}

/**
 * The first of several ropes whose content has this SHA-256. Ropes may begin alike: what they share is read once.
 * A rope whose files are gone or too short matches nothing.
 */
export async function findByDigest(ropes: readonly Rope[], sha256: string): Promise<Rope | undefined> {
  const cuts = cutPoints(ropes);
  const states = new Map<string, Hash>();
  for (const rope of ropes) {
    const digest = await digestRope(
      rope.flatMap((segment) => splitSegment(segment, cuts)),
      states,
    );
    if (digest === sha256) return rope;
  }
  return undefined;
}

/** Hashes a rope on from the longest beginning that is in `states`, and adds its own beginnings. */
async function digestRope(pieces: Rope, states: Map<string, Hash>): Promise<string | undefined> {
  let key = '';
  let hash = createHash('sha256');
  for (const { file, from, to } of pieces) {
    key += `${file}\0${from}\0${to}\0`;
    const known = states.get(key);
    if (known !== undefined) {
      hash = known.copy();
      continue;
    }
    try {
      await using handle = await openToRead(file);
      if (!(await hashRange(hash, handle, from, to))) return undefined;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw fileError(file, error);
    }
    states.set(key, hash.copy());
  }
  return hash.digest('hex');
}

/** For each file the places where a rope leaves it: ropes that begin alike are split alike there. */
function cutPoints(ropes: readonly Rope[]): Map<string, number[]> {
  const cuts = new Map<string, Set<number>>();
  for (const segment of ropes.flat())
    cuts.set(segment.file, (cuts.get(segment.file) ?? new Set()).add(segment.to));
  return new Map([...cuts].map(([file, places]) => [file, [...places].toSorted((a, b) => a - b)]));
}

function splitSegment({ file, from, to }: Segment, cuts: ReadonlyMap<string, readonly number[]>): Segment[] {
  const pieces: Segment[] = [];
  let start = from;
  for (const cut of cuts.get(file) ?? []) {
    if (cut <= start || cut > to) continue;
    pieces.push({ file, from: start, to: cut });
    start = cut;
  }
  return pieces;
}
