// Splits a stream of text into lines of bounded length. Pure: it reads and writes nothing.

/** A line of more than the limit: whoever sends it is not to be listened to any longer. */
export class LineTooLong extends Error {
  constructor(lengthMax: number) {
    super(`a message is longer than ${lengthMax} characters`);
    this.name = 'LineTooLong';
  }
}

export class LineReader {
  readonly #lengthMax: number;
  #pieces: string[] = [];
  #length = 0;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  /**
   * Takes the next piece of the stream and gives back the lines that it completes.
   *
   * @throws {LineTooLong}
   */
  push(text: string): string[] {
    const parts = text.split('\n');
    const rest = parts.pop() ?? '';
    const lines: string[] = [];
    for (const part of parts) {
      this.#append(part);
      lines.push(this.#pieces.join(''));
      this.#pieces = [];
      this.#length = 0;
    }
    this.#append(rest);
    return lines;
  }

  // Pieces are joined once, when their line ends: a long message that comes in small pieces costs its length only.
  #append(text: string): void {
    if (text === '') return;
    this.#length += text.length;
    if (this.#length > this.#lengthMax) throw new LineTooLong(this.#lengthMax);
    this.#pieces.push(text);
  }
}
