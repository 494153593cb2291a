// A client of sp-init's control socket. One connection; commands are answered in order; each has a deadline.
import { Connection } from './connection.ts';
import { SpInitGone, SpInitRefused, SpInitTimeout } from './errors.ts';
import { limits } from './limits.ts';
import type { SpInitAnswer, SpInitDrained, SpInitStatus } from './status.ts';

export interface ConnectOptions {
  /** How long to wait for a socket that is not there yet. */
  readonly deadlineMs?: number;
}

/** A change of state, or that sp-init is gone without a last word (it was killed). */
export type WatchEvent = SpInitStatus | 'gone';

interface Request {
  readonly command: string;
  readonly resolve: (answer: SpInitAnswer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Talks to one sp-init. Every method may throw SpInitRefused (the command does not fit its state), SpInitTimeout or
 * SpInitGone; after the last two the client is closed and another has to be connected.
 */
export class SpInitClient {
  readonly #path: string;
  readonly #requests: Request[] = [];
  #connection: Connection | undefined;
  #closedBecause = '';

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Connects to the control socket at `path`.
   * @throws SpInitUnreachable when nothing listens there within the deadline
   */
  static async connect(path: string, options: ConnectOptions = {}): Promise<SpInitClient> {
    const client = new SpInitClient(path);
    client.#connection = await Connection.open(path, options.deadlineMs ?? limits.connectDeadlineMs, {
      onAnswer: (answer) => client.#answered(answer),
      onEnd: (detail, cause) => client.#ended(detail, cause),
    });
    return client;
  }

  status(): Promise<SpInitStatus> {
    return this.#ask('status', limits.answerDeadlineMs);
  }

  /** Waits until both pipes are empty, for 2 s at most: `drained` says whether they are. */
  async drain(): Promise<SpInitDrained> {
    const answer = await this.#ask('drain', limits.drainDeadlineMs);
    return { ...answer, drained: answer.drained === true };
  }

  /** Makes a restored process, by its pid in sp-init's namespace, the main child. Call it before the member thaws. */
  adopt(pid: number): Promise<SpInitStatus> {
    return this.#ask(`adopt ${pid}`, limits.adoptDeadlineMs);
  }

  /** Sends a signal, by number, to the main child. */
  signal(number: number): Promise<SpInitStatus> {
    return this.#ask(`signal ${number}`, limits.answerDeadlineMs);
  }

  /** From now on the end of the main child does not end sp-init. */
  park(): Promise<SpInitStatus> {
    return this.#ask('park', limits.answerDeadlineMs);
  }

  /** Kills all processes of the sandbox; answers when sp-init ends. */
  kill(): Promise<SpInitStatus> {
    return this.#ask('kill', limits.endDeadlineMs);
  }

  /** Ends a parked or awaiting sp-init with no process left; answers when it ends. */
  quit(): Promise<SpInitStatus> {
    return this.#ask('quit', limits.endDeadlineMs);
  }

  /**
   * Calls back with the status, at once and at every change, on a connection of its own, until the returned function
   * is called. The last event has state `exited` (the exit file is there by then), or is `gone`.
   * @throws SpInitUnreachable, SpInitTimeout, SpInitGone or SpInitRefused when there is no first status
   */
  async watch(callback: (event: WatchEvent) => void): Promise<() => void> {
    const begun = Promise.withResolvers<undefined>();
    let isWatching = false;
    const connection = await Connection.open(this.#path, limits.connectDeadlineMs, {
      onAnswer: (answer) => {
        if ('error' in answer || answer.state === 'exited') connection.close();
        if ('error' in answer) return begun.reject(new SpInitRefused(this.#path, 'watch', answer.error));
        isWatching = true;
        begun.resolve(undefined);
        callback(answer);
      },
      onEnd: (detail, cause) => {
        if (isWatching) callback('gone');
        else begun.reject(new SpInitGone(this.#path, 'watch', detail, cause));
      },
    });
    connection.send('watch');
    const timer = setTimeout(() => {
      connection.close();
      begun.reject(new SpInitTimeout(this.#path, 'watch', limits.answerDeadlineMs));
    }, limits.answerDeadlineMs);
    await begun.promise.finally(() => clearTimeout(timer));
    return () => connection.close();
  }

  /** Closes the connection; commands that wait for an answer fail. */
  close(): void {
    this.#ended('this client was closed');
  }

  async #ask(command: string, deadlineMs: number): Promise<SpInitStatus> {
    const answer = await new Promise<SpInitAnswer>((resolve, reject) => {
      if (this.#connection === undefined) {
        reject(new SpInitGone(this.#path, command, this.#closedBecause));
        return;
      }
      const timer = setTimeout(() => {
        reject(new SpInitTimeout(this.#path, command, deadlineMs));
        this.#ended('an earlier command timed out');
      }, deadlineMs);
      this.#requests.push({ command, resolve, reject, timer });
      this.#connection.send(command);
    });
    if ('error' in answer) throw new SpInitRefused(this.#path, command, answer.error);
    return answer;
  }

  #answered(answer: SpInitAnswer): void {
    const request = this.#requests.shift();
    if (request === undefined) {
      this.#ended('error' in answer ? answer.error : 'it answered what nobody asked');
      return;
    }
    clearTimeout(request.timer);
    request.resolve(answer);
  }

  #ended(detail: string, cause?: unknown): void {
    this.#closedBecause ||= detail;
    this.#connection?.close();
    this.#connection = undefined;
    for (const request of this.#requests.splice(0)) {
      clearTimeout(request.timer);
      request.reject(new SpInitGone(this.#path, request.command, detail, cause));
    }
  }
}
