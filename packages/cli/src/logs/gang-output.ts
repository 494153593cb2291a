// The output of a gang's members, in the order of its timeline, written as it is asked for.
import type { GangLogs, LogSegment } from '@stillpoint/coordinator';
import { drained, type Output } from '../io.ts';
import type { Look } from '../terminal.ts';
import { lineWriter, type LogWriter, rawWriter } from './line-writer.ts';
import { PieceReader } from './piece-reader.ts';

export interface OutputOptions {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly look: Look;
  readonly json: boolean;
  /** One rank only, without its number before each line. */
  readonly rank?: number;
  /** Stops reading. */
  readonly signal: AbortSignal;
}

type Stream = LogSegment['stream'];

export class GangOutput {
  readonly #options: OutputOptions;
  readonly #reader = new PieceReader();
  readonly #writers = new Map<string, LogWriter>();

  constructor(options: OutputOptions) {
    this.#options = options;
  }

  /** Writes what is new in these files. @throws `SP_LOG_UNREADABLE`, and the signal's reason */
  async writeNew(logs: GangLogs): Promise<void> {
    const { stdout, stderr, signal } = this.#options;
    const wanted = logs.ranks.filter(
      ({ rank }) => this.#options.rank === undefined || rank === this.#options.rank,
    );
    for (const { rank, segments } of wanted) {
      for (const segment of segments) {
        const writer = this.#writerOf(rank, segment.stream, wanted.length > 1);
        for await (const piece of this.#reader.read(segment)) {
          writer.write(piece);
          await Promise.all([drained(stdout, signal), drained(stderr, signal)]);
          signal.throwIfAborted();
        }
      }
    }
  }

  /** Writes last lines that have no end. */
  end(): void {
    for (const writer of this.#writers.values()) writer.end();
  }

  #writerOf(rank: number, stream: Stream, isOneOfSeveral: boolean): LogWriter {
    const key = `${rank} ${stream}`;
    const known = this.#writers.get(key);
    if (known !== undefined) return known;
    const made = this.#makeWriter(rank, stream, isOneOfSeveral);
    this.#writers.set(key, made);
    return made;
  }

  #makeWriter(rank: number, stream: Stream, isOneOfSeveral: boolean): LogWriter {
    const { stdout, stderr, json, look } = this.#options;
    if (json)
      return lineWriter(
        (text) => stdout.write(text),
        (text) => JSON.stringify({ rank, stream, text }),
      );
    const sink = (text: string | Uint8Array): void => {
      (stream === 'stdout' ? stdout : stderr).write(text);
    };
    if (!isOneOfSeveral) return rawWriter(sink);
    const prefix = rankColor(rank, look)(`[${rank}]`);
    return lineWriter(sink, (line) => `${prefix} ${line}`);
  }
}

/** Neighbours differ. */
function rankColor(rank: number, { colors }: Look): (text: string) => string {
  const palette = [colors.cyan, colors.green, colors.yellow, colors.magenta, colors.blue, colors.red];
  return palette[rank % palette.length] ?? colors.cyan;
}
