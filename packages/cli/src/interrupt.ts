// Ctrl-C: the first one aborts what is under way, the second one leaves at once.
import { Interrupted } from './errors.ts';
import type { CliIo } from './io.ts';

/** Shows the cursor, which a progress line hides. */
const showCursor = '\u001b[?25h';

export interface Interruption extends Disposable {
  readonly signal: AbortSignal;
}

export function watchInterrupts(io: CliIo): Interruption {
  const controller = new AbortController();
  const stop = io.onInterrupt((signal) => {
    const interrupted = new Interrupted(signal);
    if (!controller.signal.aborted) {
      controller.abort(interrupted);
      return;
    }
    if (io.stderr.isTTY === true) io.stderr.write(showCursor);
    io.exitNow(interrupted.exitCode);
  });
  return { signal: controller.signal, [Symbol.dispose]: stop };
}
