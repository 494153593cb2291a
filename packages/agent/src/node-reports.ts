// What a node says of its members in an epoch: one message for all of them, when none of them has anything under way.
import { type EpochHeader, nodeName, type PhaseSpan } from '@stillpoint/protocol';
import type { EpochPart } from './epoch-part.ts';
import { limits } from './limits.ts';
import type { ServiceOptions } from './ports.ts';

type Options = Pick<ServiceOptions, 'node' | 'clock' | 'send'>;

export class NodeReports {
  readonly #options: Options;
  readonly #partsOf: (header: EpochHeader) => readonly EpochPart[];
  /** Epochs of which something is still to be said, and what ends the wait. */
  readonly #unsaid = new Map<string, { readonly header: EpochHeader; readonly stopWaiting: () => void }>();

  readonly #spansSaid = new WeakMap<EpochPart, number>();

  constructor(options: Options, partsOf: (header: EpochHeader) => readonly EpochPart[]) {
    this.#options = options;
    this.#partsOf = partsOf;
  }

  /**
   * A member has something to say. It waits for the others of its node that are at work, for a bounded time: whoever
   * asked waits for all of them.
   */
  add(header: EpochHeader): void {
    const key = keyOf(header);
    const waiting = this.#unsaid.get(key);
    const stopWaiting =
      waiting?.stopWaiting ?? this.#options.clock.after(limits.reportWaitMs, () => this.#say(key));
    this.#unsaid.set(key, { header, stopWaiting });
  }

  /** A member of the epoch has nothing under way any more. */
  partIsIdle(header: EpochHeader): void {
    const key = keyOf(header);
    if (this.#unsaid.has(key) && !this.#partsOf(header).some(({ machine }) => machine.isBusy)) this.#say(key);
  }

  /** All that there is to say of the epoch, now. */
  send(header: EpochHeader): void {
    const { gang, incarnation, epoch, fence } = header;
    const parts = this.#partsOf(header);
    this.#options.send({
      kind: 'Reports',
      gang,
      incarnation,
      epoch,
      fence,
      node: nodeName(this.#options.node),
      reports: parts.flatMap((part) => part.reports),
      spans: parts.flatMap((part) => this.#newSpans(part)),
    });
  }

  /** Each span once, and all of them with the last report: messages can be lost. */
  #newSpans(part: EpochPart): readonly PhaseSpan[] {
    const isLast = part.reports.some(({ kind }) => kind === 'Forgotten');
    const said = isLast ? 0 : (this.#spansSaid.get(part) ?? 0);
    const { spans } = part.machine;
    this.#spansSaid.set(part, spans.length);
    return spans.slice(said);
  }

  #say(key: string): void {
    const unsaid = this.#unsaid.get(key);
    this.#unsaid.delete(key);
    unsaid?.stopWaiting();
    if (unsaid !== undefined) this.send(unsaid.header);
  }
}

const keyOf = ({ gang, epoch }: EpochHeader): string => `${gang}.${epoch}`;
