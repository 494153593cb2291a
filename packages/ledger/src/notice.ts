// Tells when a file may have grown: by the kernel's notice where there is one, by a slow poll in any case.
// It keeps no process running, and it may speak without cause.
import { watch, type FSWatcher } from 'node:fs';
import { ledgerLimits } from './limits.ts';

export class FileNotice {
  readonly #timer: NodeJS.Timeout;
  readonly #watcher: FSWatcher | undefined;

  constructor(path: string, mayHaveGrown: () => void) {
    this.#timer = setInterval(mayHaveGrown, ledgerLimits.watchPollMs);
    this.#timer.unref();
    this.#watcher = watchOrPoll(path, mayHaveGrown);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#watcher?.close();
  }
}

function watchOrPoll(path: string, mayHaveGrown: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(path, { persistent: false }, mayHaveGrown);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined; // no inotify watches left: the poll has to do
  }
}
