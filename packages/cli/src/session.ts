// What a verb under way works with: its outputs, its coordinator, its interruption.
import type { CoordinatorClient, Progress } from '@stillpoint/coordinator';
import { StillpointError } from '@stillpoint/protocol';
import { CoordinatorLost, Interrupted, NotRoot } from './errors.ts';
import type { CliIo } from './io.ts';
import { limits } from './limits.ts';
import { type ProgressView, startProgress } from './progress/view.ts';
import { type Look, lookOf } from './terminal.ts';

/** State folder unless STILLPOINT_HOME names another. */
const defaultHome = '/var/lib/stillpoint';

/** What an interrupted verb finds out about its work, as sentences. */
export type Aftermath = (client: CoordinatorClient) => Promise<string>;

/** A call of the coordinator that is shown while it lasts. */
export interface Work<Result> {
  /** What is done, as the beginning of a progress line: `checkpoint train`. */
  readonly title: string;
  readonly call: (
    client: CoordinatorClient,
    options: { readonly signal: AbortSignal; readonly onProgress: (progress: Progress) => void },
  ) => Promise<Result>;
  /** Asked after an interruption. Without it nothing was at stake. */
  readonly aftermath?: Aftermath;
}

export class Session {
  readonly io: CliIo;
  readonly json: boolean;
  /** Aborted by the first Ctrl-C, with an `Interrupted` as its reason. */
  readonly signal: AbortSignal;
  readonly look: Look;
  readonly errorLook: Look;
  readonly #verb: string;
  #client: Promise<CoordinatorClient> | undefined;

  constructor(
    io: CliIo,
    options: { readonly verb: string; readonly json: boolean; readonly signal: AbortSignal },
  ) {
    this.io = io;
    this.json = options.json;
    this.signal = options.signal;
    this.#verb = options.verb;
    this.look = lookOf(io.stdout, io.env);
    this.errorLook = lookOf(io.stderr, io.env);
  }

  get home(): string {
    const named = this.io.env['STILLPOINT_HOME'];
    return named === undefined || named === '' ? defaultHome : named;
  }

  /** @throws `SP_NOT_ROOT`, and what keeps a coordinator from starting */
  client(): Promise<CoordinatorClient> {
    if (!this.io.isRoot) throw new NotRoot(this.#verb);
    this.#client ??= this.io.connect(this.home, this.signal);
    return this.#client;
  }

  /** The verb's result: with `--json` the document, else the text. */
  print(document: unknown, text: string): void {
    const shown = this.json ? JSON.stringify(document, undefined, 2) : text;
    if (shown !== '') this.io.stdout.write(`${shown}\n`);
  }

  /** A word to people, beside the result. */
  note(text: string): void {
    this.io.stderr.write(`${text}\n`);
  }

  /** Says how it went; what is asked of a terminal's user only is left out elsewhere. */
  succeed(text: string): void {
    const mark = this.errorLook.unicode ? '✔' : 'ok:';
    this.note(`${this.errorLook.colors.green(mark)} ${text}`);
  }

  /** Runs a long verb with its progress on stderr. @throws `Interrupted`, `SP_COORDINATOR_LOST`: they say what became of it */
  async perform<Result>(work: Work<Result>): Promise<Result> {
    const client = await this.client();
    const view: ProgressView = await startProgress(work.title, this.io.stderr, this.errorLook);
    try {
      const result = await work.call(client, {
        signal: this.signal,
        onProgress: (progress) => view.report(progress),
      });
      await view.end('done');
      return result;
    } catch (error) {
      await view.end('failed');
      if (work.aftermath === undefined) throw error;
      if (error instanceof Interrupted) {
        const { isTty, colors } = this.errorLook;
        if (isTty)
          this.note(colors.dim('Interrupted: looking what became of it. Ctrl-C again leaves at once.'));
        throw new Interrupted(error.signal, await work.aftermath(client));
      }
      if (!isLost(error)) throw error;
      this.#client = undefined;
      throw new CoordinatorLost(await work.aftermath(await this.client()), error);
    }
  }

  /** Repeats a call that changes nothing while coordinators die: each time the next one is found, or started. */
  async persevere<Result>(call: (client: CoordinatorClient) => Promise<Result>): Promise<Result> {
    for (let reconnects = 0; ; reconnects += 1) {
      try {
        return await call(await this.client());
      } catch (error) {
        if (!isLost(error) || reconnects >= limits.reconnectsMax) throw error;
        this.#client = undefined;
      }
    }
  }
}

/** Nobody answers any more. Known by its code: the class would load the whole coordinator package. */
function isLost(error: unknown): boolean {
  return error instanceof StillpointError && error.code === 'SP_COORDINATOR_UNREACHABLE';
}
