// One watch in etcd, which goes on from where it was when its connection or its member is lost. It asks again and again
// how far it has come, so that it is never far behind; where etcd has compacted what it did not see, it ends and says so.
import {
  InterceptingCall,
  type Interceptor,
  type InterceptorOptions,
  type Metadata,
  type NextCall,
} from '@grpc/grpc-js';
import type { Etcd3, IDuplexStream, IWatchRequest, IWatchResponse } from 'etcd3';
import { setTimeout as pause } from 'node:timers/promises';
import { LedgerWatchBehindError } from '../errors.ts';
import type { LedgerEvent } from '../ledger.ts';
import { ledgerLimits } from '../limits.ts';
import { isUnavailable, ledgerError } from './failures.ts';
import type { EtcdForm } from './form.ts';
import type { EtcdMembers } from './members.ts';
import { rangeOf } from './options.ts';

type Stream = IDuplexStream<IWatchRequest, IWatchResponse>;

interface EtcdWatchOptions {
  readonly members: EtcdMembers;
  readonly form: EtcdForm;
  readonly prefix: string;
  /** The revision after which it begins. */
  readonly after: number;
  readonly tell: (event: LedgerEvent) => void;
  readonly onEnd: () => void;
}

export class EtcdWatch {
  readonly #options: EtcdWatchOptions;
  readonly #begun = Promise.withResolvers<void>();
  /** Every change below it was told. */
  #next: number;
  #isOver = false;
  #stream: Stream | undefined;
  #lastHeardMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: EtcdWatchOptions) {
    this.#options = options;
    this.#next = options.after + 1;
  }

  /** Ends when etcd has taken it for the first time. */
  async begin(deadlineMs: number): Promise<void> {
    const { members, prefix } = this.#options;
    this.#timer = setInterval(() => this.#progress(), ledgerLimits.watchProgressMs);
    const late = setTimeout(() => {
      this.#begun.reject(ledgerError(members.name, `watch ${prefix}`, new Error('its deadline has passed')));
    }, deadlineMs);
    void this.#connect();
    try {
      await this.#begun.promise;
    } finally {
      clearTimeout(late);
    }
  }

  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#drop();
    const { members, onEnd } = this.#options;
    this.#begun.reject(ledgerError(members.name, 'watch', new Error('it was closed')));
    onEnd();
  }

  /** Never rejects: it tries until it is told to stop. */
  async #connect(): Promise<void> {
    const { members } = this.#options;
    while (!this.#isOver) {
      try {
        const member = await members.findOne(ledgerLimits.callDeadlineMs);
        if (this.#isOver) return;
        await this.#open(member);
        return;
      } catch (error) {
        if (!isUnavailable(ledgerError(members.name, 'watch', error))) this.#fail(error);
        await pause(ledgerLimits.memberPauseMs);
      }
    }
  }

  async #open(member: Etcd3): Promise<void> {
    const stream = await member.watchClient.watch({ interceptors: [requireLeader] });
    if (this.#isOver) return stream.cancel();
    this.#stream = stream;
    this.#lastHeardMs = performance.now();
    stream.on('data', (response) => {
      if (this.#stream !== stream) return;
      try {
        this.#take(response);
      } catch (error) {
        this.#fail(error);
      }
    });
    const lost = (): void => {
      if (this.#stream !== stream) return;
      this.#options.members.distrust(member);
      this.#reconnect();
    };
    stream.on('error', (error) => {
      const known = ledgerError(this.#options.members.name, 'watch', error);
      if (this.#stream === stream && !isUnavailable(known)) this.#fail(known);
      lost();
    });
    stream.on('end', lost);
    stream.write({
      create_request: {
        ...rangeOf(this.#options.form.keyPrefix + this.#options.prefix),
        start_revision: this.#next,
        progress_notify: true,
      },
    });
  }

  #take(response: IWatchResponse): void {
    this.#lastHeardMs = performance.now();
    if (response.canceled) {
      const { members, prefix } = this.#options;
      if (Number(response.compact_revision) > 0) this.#fail(new LedgerWatchBehindError(members.name, prefix));
      else this.#fail(ledgerError(members.name, `watch ${prefix}`, new Error(response.cancel_reason)));
      return;
    }
    if (response.created) {
      this.#begun.resolve();
      return;
    }
    for (const { type, kv } of response.events) {
      const revision = Number(kv.mod_revision);
      if (revision < this.#next) continue;
      if (type === 'Delete') this.#tell({ kind: 'removed', key: this.#options.form.keyOf(kv), revision });
      else this.#tell({ kind: 'put', entry: this.#options.form.entry(kv) });
      if (this.#isOver) return;
    }
    const last = response.events.at(-1);
    const through = last === undefined ? response.header.revision : last.kv.mod_revision;
    this.#next = Math.max(this.#next, Number(through) + 1);
  }

  #progress(): void {
    if (this.#stream === undefined) return;
    if (performance.now() - this.#lastHeardMs > ledgerLimits.watchSilenceMs) this.#reconnect();
    else this.#stream.write({ progress_request: {} });
  }

  #reconnect(): void {
    this.#drop();
    void this.#connect();
  }

  #drop(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    // ended first: the client would take a stream cancelled half-way for a failure of its member
    stream?.end();
    stream?.cancel();
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    const failure = error instanceof Error ? error : new Error(String(error));
    this.#begun.reject(failure);
    this.stop();
    this.#tell({ kind: 'failed', error: failure });
  }

  #tell(event: LedgerEvent): void {
    try {
      this.#options.tell(event);
    } catch (error) {
      // not the ledger's failure, and not to be lost either
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

/** Has etcd end the stream when its member finds itself without a leader: otherwise it would be silent for ever. */
const requireLeader: Interceptor = (options: InterceptorOptions, nextCall: NextCall) =>
  new InterceptingCall(nextCall(options), {
    start: (metadata: Metadata, listener, next) => {
      const more = metadata.clone();
      more.set('hasleader', 'true');
      next(more, listener);
    },
  });
