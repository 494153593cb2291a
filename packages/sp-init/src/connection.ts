// One connection to a control socket that hands on each answer. It knows nothing of commands.
import { connect, type Socket } from 'node:net';
import { SpInitUnreachable } from './errors.ts';
import { limits } from './limits.ts';
import { answerSchema, type SpInitAnswer } from './status.ts';

/** Who is told what arrives. `onEnd` comes once, unless this side closed the connection. */
export interface AnswerListener {
  readonly onAnswer: (answer: SpInitAnswer) => void;
  readonly onEnd: (detail: string, cause?: unknown) => void;
}

export class Connection {
  readonly #socket: Socket;
  #listener: AnswerListener | undefined;
  #pending = '';

  private constructor(socket: Socket, listener: AnswerListener) {
    this.#socket = socket;
    this.#listener = listener;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#receive(text));
    socket.on('error', (error) => this.#end(error.message, error));
    socket.on('close', () => this.#end('the connection was closed'));
  }

  /**
   * Connects, waiting for a socket that is not there yet.
   * @throws SpInitUnreachable when nothing listens within the deadline
   */
  static async open(path: string, deadlineMs: number, listener: AnswerListener): Promise<Connection> {
    const end = performance.now() + deadlineMs;
    for (;;) {
      try {
        return new Connection(await connectOnce(path, end - performance.now()), listener);
      } catch (error) {
        if (!mayComeUp(error) || performance.now() + limits.connectRetryMs > end) {
          throw new SpInitUnreachable(path, error);
        }
        await new Promise((resolve) => setTimeout(resolve, limits.connectRetryMs));
      }
    }
  }

  send(line: string): void {
    this.#socket.write(`${line}\n`);
  }

  /** Closes without telling the listener. */
  close(): void {
    this.#listener = undefined;
    this.#socket.destroy();
  }

  #receive(text: string): void {
    const lines = (this.#pending + text).split('\n');
    this.#pending = lines.pop() ?? '';
    if (this.#pending.length > limits.answerBytesMax) this.#end('a line too long for an answer');
    for (const line of lines) {
      const answer = parseAnswer(line);
      if (answer === undefined) this.#end(`not an answer: ${line.slice(0, 100)}`);
      else this.#listener?.onAnswer(answer);
    }
  }

  #end(detail: string, cause?: unknown): void {
    const listener = this.#listener;
    this.close();
    listener?.onEnd(detail, cause);
  }
}

function connectOnce(path: string, deadlineMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    const timer = setTimeout(
      () => socket.destroy(new Error('no answer to connect')),
      Math.max(deadlineMs, 0),
    );
    socket.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

const mayComeUp = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['ENOENT', 'ECONNREFUSED', 'EAGAIN'].includes(String(error.code));

function parseAnswer(line: string): SpInitAnswer | undefined {
  try {
    return answerSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
