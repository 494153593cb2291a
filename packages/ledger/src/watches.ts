// The watches on one ledger file, and the notice that the file may have grown while there are any.
import type { LedgerEvent } from './ledger.ts';
import { FileNotice } from './notice.ts';

interface Watch {
  readonly prefix: string;
  readonly callback: (event: LedgerEvent) => void;
}

export class Watches {
  readonly #path: string;
  readonly #mayHaveGrown: () => void;
  readonly #watches = new Set<Watch>();
  #notice: FileNotice | undefined;

  constructor(path: string, mayHaveGrown: () => void) {
    this.#path = path;
    this.#mayHaveGrown = mayHaveGrown;
  }

  /** Gives the function that ends the watch. */
  add(prefix: string, callback: (event: LedgerEvent) => void): () => void {
    const watch: Watch = { prefix, callback };
    this.#watches.add(watch);
    this.#notice ??= new FileNotice(this.#path, this.#mayHaveGrown);
    return () => {
      this.#watches.delete(watch);
      if (this.#watches.size === 0) this.#stopNotice();
    };
  }

  tell(event: LedgerEvent): void {
    for (const { prefix, callback } of this.#watches) {
      if (!concerns(event, prefix)) continue;
      try {
        callback(event);
      } catch (error) {
        // Not the ledger's failure, and not to be lost either.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Ends all watches without a word. */
  end(): void {
    this.#watches.clear();
    this.#stopNotice();
  }

  #stopNotice(): void {
    this.#notice?.stop();
    this.#notice = undefined;
  }
}

function concerns(event: LedgerEvent, prefix: string): boolean {
  if (event.kind === 'failed') return true;
  const key = event.kind === 'put' ? event.entry.key : event.key;
  return key.startsWith(prefix);
}
