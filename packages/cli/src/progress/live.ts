// Progress on a terminal: a line with a spinner for the phase under way, and a ticked one for each that is over.
import type { Progress } from '@stillpoint/coordinator';
import { DefaultRenderer, Listr, ListrLogger, ProcessOutput } from 'listr2';
import { limits } from '../limits.ts';
import type { Look } from '../terminal.ts';
import { Phase } from './phase.ts';
import type { ProgressView } from './view.ts';

/** listr2 looks at stdout alone; here stderr is the terminal, whatever becomes of stdout. */
class StderrRenderer extends DefaultRenderer {
  static override nonTTY = true;
}

interface Line {
  readonly phase: Phase;
  readonly over: PromiseWithResolvers<void>;
}

function stderrLogger(): ListrLogger<never> {
  const processOutput = new ProcessOutput(process.stderr, process.stdout);
  return new ListrLogger({ useIcons: true, toStderr: [], processOutput });
}

export class LiveProgress implements ProgressView {
  readonly #title: string;
  readonly #look: Look;
  #line: Line | undefined;
  /** Lines are drawn one after the other: a finished one is out of the way before the next begins. */
  #drawn: Promise<void> = Promise.resolve();

  constructor(title: string, look: Look) {
    this.#title = title;
    this.#look = look;
  }

  report(progress: Progress): void {
    if (this.#line?.phase.owns(progress) === true) {
      this.#line.phase.add(progress);
      return;
    }
    this.#line?.phase.end(progress.atMs);
    this.#line?.over.resolve();
    const line: Line = { phase: new Phase(progress), over: Promise.withResolvers() };
    line.over.promise.catch(() => undefined);
    this.#line = line;
    this.#drawn = this.#drawn.then(() => this.#draw(line));
  }

  async end(how: 'done' | 'failed'): Promise<void> {
    this.#line?.phase.end(Date.now());
    if (how === 'done') this.#line?.over.resolve();
    else this.#line?.over.reject(new Error('the verb failed'));
    await this.#drawn;
  }

  async #draw(line: Line): Promise<void> {
    const text = (): string => `${this.#look.colors.bold(this.#title)} ${line.phase.text(Date.now())}`;
    const list = new Listr(
      {
        title: text(),
        task: async (_, task) => {
          const tick = setInterval(() => (task.title = text()), limits.progressTickMs);
          try {
            await line.over.promise;
          } finally {
            clearInterval(tick);
            task.title = text();
          }
        },
      },
      {
        renderer: StderrRenderer,
        rendererOptions: {
          showErrorMessage: false,
          collapseErrors: false,
          formatOutput: 'truncate',
          logger: stderrLogger(),
        },
        registerSignalListeners: false,
      },
    );
    // the error is the caller's to tell
    await list.run().catch(() => undefined);
  }
}
