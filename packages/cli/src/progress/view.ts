// Progress of a long verb on stderr: a live line a phase on a terminal, plain lines elsewhere.
import type { Progress } from '@stillpoint/coordinator';
import type { Output } from '../io.ts';
import type { Look } from '../terminal.ts';
import { PlainProgress } from './plain.ts';

export interface ProgressView {
  report(progress: Progress): void;
  /** Nothing is reported after it. */
  end(how: 'done' | 'failed'): Promise<void>;
}

/** @param title what is done: `checkpoint train` */
export async function startProgress(title: string, output: Output, look: Look): Promise<ProgressView> {
  if (!look.isTty || !look.unicode) return new PlainProgress(title, output, look);
  const { LiveProgress } = await import('./live.ts');
  return new LiveProgress(title, look);
}
