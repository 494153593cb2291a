// The demo's gang as its logs show it: how far every rank is, and in the end all that it printed.
import { open } from 'node:fs/promises';
import type { CoordinatorClient, LogSegment } from '@stillpoint/coordinator';
import { PieceReader } from '../logs/piece-reader.ts';
import { completeLines, stepOf } from './comparison.ts';
import { limits } from './limits.ts';

/** The last step of a rank that is in its log. */
export interface RankProgress {
  readonly step: number;
  readonly loss: number | undefined;
}

export class Training {
  readonly #client: CoordinatorClient;
  readonly #gang: string;
  readonly #signal: AbortSignal;

  constructor(client: CoordinatorClient, gang: string, signal: AbortSignal) {
    this.#client = client;
    this.#gang = gang;
    this.#signal = signal;
  }

  /** Where each rank is; undefined for one that has printed nothing since it was started or restored. */
  async progress(): Promise<readonly (RankProgress | undefined)[]> {
    const ranks = await this.#segments('stdout');
    return Promise.all(ranks.map(async (segments) => lastStep(await partOf(segments.at(-1), 'tail'))));
  }

  /** The first step that any rank has finished since it was started or restored. */
  async firstStep(): Promise<number> {
    const ranks = await this.#segments('stdout');
    const heads = await Promise.all(ranks.map((segments) => partOf(segments.at(-1), 'head')));
    return Math.min(
      ...heads.flatMap((text) => completeLines(text).map(stepOf)).filter((step) => step !== undefined),
    );
  }

  /** The last thing that any rank has said on its standard error. */
  async complaint(): Promise<string | undefined> {
    const ranks = await this.#segments('stderr');
    const texts = await Promise.all(ranks.map((segments) => textOf(segments)));
    return texts.flatMap((text) => completeLines(text).at(-1) ?? []).at(-1);
  }

  /** Everything that the living timeline of each rank consists of: up to the cut, and from it on. */
  async lines(): Promise<readonly (readonly string[])[]> {
    return Promise.all(
      (await this.#segments('stdout')).map(async (segments) => completeLines(await textOf(segments))),
    );
  }

  async #segments(wanted: LogSegment['stream']): Promise<readonly (readonly LogSegment[])[]> {
    const { ranks } = await this.#client.logs(this.#gang, { signal: this.#signal });
    return ranks
      .toSorted((a, b) => a.rank - b.rank)
      .map(({ segments }) => segments.filter(({ stream }) => stream === wanted));
  }
}

async function textOf(segments: readonly LogSegment[]): Promise<string> {
  const reader = new PieceReader();
  const decoder = new TextDecoder();
  let text = '';
  for (const segment of segments) {
    for await (const piece of reader.read(segment)) text += decoder.decode(piece, { stream: true });
  }
  return text;
}

/** The beginning or the end of what a rank has printed since it was started or restored. */
async function partOf(segment: LogSegment | undefined, part: 'head' | 'tail'): Promise<string> {
  if (segment?.live !== true) return '';
  try {
    await using file = await open(segment.path, 'r');
    const { fromBytes } = segment;
    const { size } = await file.stat();
    const from = part === 'head' ? fromBytes : Math.max(fromBytes, size - limits.logPartBytes);
    const buffer = Buffer.alloc(Math.min(limits.logPartBytes, Math.max(0, size - from)));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
    return buffer.toString('utf8', 0, bytesRead);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''; // nothing is printed yet
    throw error;
  }
}

function lastStep(tail: string): RankProgress | undefined {
  const line = completeLines(tail).findLast((each) => stepOf(each) !== undefined);
  const step = line === undefined ? undefined : stepOf(line);
  return step === undefined
    ? undefined
    : { step, loss: parseHexFloat(/ loss (\S+)/.exec(line ?? '')?.[1] ?? '') };
}

/** A float as Python's `float.hex` writes it: `-0x1.8p+3`. Undefined for anything else. */
export function parseHexFloat(text: string): number | undefined {
  const [, sign, whole = '', fraction = '', exponent] =
    /^(-?)0x([01])(?:\.([0-9a-f]+))?p([+-]\d+)$/.exec(text) ?? [];
  if (exponent === undefined) return undefined;
  const mantissa = Number.parseInt(`${whole}${fraction}`, 16) / 16 ** fraction.length;
  return (sign === '-' ? -1 : 1) * mantissa * 2 ** Number(exponent);
}
