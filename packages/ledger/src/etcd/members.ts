// The members of an etcd as one: who is asked, for how long, and who is asked next. A read may be asked of one member
// after the other; a write is sent once, to one that was there a moment ago.
import type { CallOptions } from '@grpc/grpc-js';
import type { Etcd3 } from 'etcd3';
import { setTimeout as pause } from 'node:timers/promises';
import { LedgerUnavailableError } from '../errors.ts';
import { ledgerLimits } from '../limits.ts';
import { isUnavailable, ledgerError } from './failures.ts';
import { connectMembers, type EtcdOptions, keyPrefixOf, nameOf } from './options.ts';

/** A call of one member. */
export type Ask<Answer> = (member: Etcd3, options: CallOptions) => Promise<Answer>;

export class EtcdMembers {
  readonly name: string;
  readonly #clients: readonly Etcd3[];
  readonly #probeKey: Buffer;
  /** Ends the calls that wait now. */
  readonly #waiting = new Set<(reason: Error) => void>();
  #isClosed = false;
  #current: number;
  /** The current member answered last time. */
  #isTrusted = false;

  constructor(options: EtcdOptions) {
    this.name = nameOf(options);
    this.#clients = connectMembers(options);
    this.#probeKey = Buffer.from(keyPrefixOf(options));
    this.#current = Math.floor(Math.random() * this.#clients.length);
  }

  /** Asks one member after the other until one answers: for what may be done twice. */
  async read<Answer>(what: string, deadlineMs: number, ask: Ask<Answer>): Promise<Answer> {
    const deadline = performance.now() + deadlineMs;
    for (;;) {
      const leftMs = deadline - performance.now();
      try {
        return await this.#askOnce(what, Math.min(leftMs, ledgerLimits.memberAnswerMs), ask);
      } catch (error) {
        const canTryAgain = deadline - performance.now() > ledgerLimits.memberPauseMs;
        if (this.#isClosed || !isUnavailable(error) || !canTryAgain) throw error;
        await pause(ledgerLimits.memberPauseMs);
      }
    }
  }

  /** Asks once: what has no answer may have taken effect. */
  async write<Answer>(what: string, deadlineMs: number, ask: Ask<Answer>): Promise<Answer> {
    const deadline = performance.now() + deadlineMs;
    if (!this.#isTrusted) await this.findOne(deadlineMs);
    return await this.#askOnce(what, deadline - performance.now(), ask);
  }

  /** Finds a member that answers for the whole cluster, and stays with it. */
  async findOne(deadlineMs: number): Promise<Etcd3> {
    await this.read('are you there', deadlineMs, (member, options) =>
      member.kv.range({ key: this.#probeKey, count_only: true }, options).catch((error: unknown) => {
        // a refusal is an answer too
        if (isUnavailable(ledgerError(this.name, 'are you there', error))) throw error;
      }),
    );
    return this.#member(this.#current);
  }

  /** The member was silent: the next call asks another one. */
  distrust(member: Etcd3): void {
    if (this.#clients[this.#current] !== member) return;
    this.#current = (this.#current + 1) % this.#clients.length;
    this.#isTrusted = false;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const end of this.#waiting) end(this.#closedError());
    for (const client of this.#clients) client.close();
  }

  async #askOnce<Answer>(what: string, deadlineMs: number, ask: Ask<Answer>): Promise<Answer> {
    if (this.#isClosed) throw this.#closedError();
    if (deadlineMs <= 0) throw ledgerError(this.name, what, new Error('its deadline has passed'));
    const member = this.#member(this.#current);
    const ended = Promise.withResolvers<never>();
    this.#waiting.add(ended.reject);
    const late = new Error(`no answer within ${deadlineMs.toFixed(0)} ms`);
    const timer = setTimeout(() => ended.reject(late), deadlineMs);
    try {
      const answered = ask(member, { deadline: Date.now() + deadlineMs });
      const answer = await Promise.race([answered, ended.promise]);
      if (this.#clients[this.#current] === member) this.#isTrusted = true;
      return answer;
    } catch (error) {
      const known = ledgerError(this.name, what, error);
      if (isUnavailable(known)) this.distrust(member);
      throw known;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(ended.reject);
    }
  }

  #member(index: number): Etcd3 {
    const client = this.#clients[index];
    if (client === undefined) throw new Error(`no member ${index}`);
    return client;
  }

  #closedError(): LedgerUnavailableError {
    return new LedgerUnavailableError(`${this.name} was closed`, {
      remedy: 'Open it again.',
      retryable: false,
    });
  }
}
