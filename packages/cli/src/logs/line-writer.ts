// Writes a member's output: as it is, or line by line behind its rank, or as JSON lines. Lines of several members are
// never mixed up: one that is not complete yet waits, within bounds.
import { StringDecoder } from 'node:string_decoder';
import { limits } from '../limits.ts';

/** Where one stream of one member goes. */
export interface LogWriter {
  write(piece: Uint8Array): void;
  /** What waits for the end of its line is written as it is. */
  end(): void;
}

export type Sink = (text: string | Uint8Array) => void;

/** Byte for byte. */
export function rawWriter(sink: Sink): LogWriter {
  // a piece is only good until the next is read, and a sink may keep it
  return { write: (piece) => sink(Uint8Array.from(piece)), end: () => undefined };
}

/** @param dress makes a line to write of a line that was read, both without their line end */
export function lineWriter(sink: Sink, dress: (line: string) => string): LogWriter {
  const decoder = new StringDecoder('utf8');
  let waiting = '';
  const flush = (text: string): void => {
    if (text !== '') sink(`${dress(text)}\n`);
  };
  return {
    write: (piece) => {
      const lines = `${waiting}${decoder.write(piece)}`.split('\n');
      waiting = lines.pop() ?? '';
      if (lines.length > 0) sink(lines.map((line) => `${dress(line)}\n`).join(''));
      if (waiting.length > limits.logLineBytesMax) {
        flush(waiting);
        waiting = '';
      }
    },
    end: () => {
      flush(`${waiting}${decoder.end()}`);
      waiting = '';
    },
  };
}
