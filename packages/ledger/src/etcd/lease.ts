// One lease in etcd, renewed until it is given back or can't be. It knows by its own clock when it may have run out:
// counted from before a renewal was asked for, less a margin, so that it takes itself for lost before etcd does.
import type { Etcd3, ILeaseKeepAliveResponse } from 'etcd3';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { LeadershipLostError } from '../errors.ts';
import { ledgerLimits } from '../limits.ts';
import type { EtcdMembers } from './members.ts';

const livesMs = ledgerLimits.leaseSeconds * 1000 - ledgerLimits.leaseMarginMs;

export class Lease {
  readonly id: string;
  readonly #members: EtcdMembers;
  readonly #lost = new AbortController();
  #heldUntilMs: number;
  #timer: NodeJS.Timeout | undefined;

  private constructor(members: EtcdMembers, id: string, askedAtMs: number) {
    this.#members = members;
    this.id = id;
    this.#heldUntilMs = askedAtMs + livesMs;
    this.#arm();
    void this.#renewOnAndOn();
  }

  static async grant(members: EtcdMembers): Promise<Lease> {
    const askedAtMs = performance.now();
    // a lease whose grant had no answer runs out by itself
    const { ID } = await members.read('grant a lease', ledgerLimits.callDeadlineMs, ({ leaseClient }, call) =>
      leaseClient.leaseGrant({ TTL: ledgerLimits.leaseSeconds }, call),
    );
    return new Lease(members, ID, askedAtMs);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  isHeld(): boolean {
    return !this.lost.aborted && performance.now() < this.#heldUntilMs;
  }

  /** Ends it here at once, and in etcd if it can be reached. */
  async giveBack(): Promise<void> {
    this.#lose('it gave its lease back');
    await this.#members
      .read('revoke a lease', ledgerLimits.leaseSeconds * 1000, ({ leaseClient }, call) =>
        leaseClient.leaseRevoke({ ID: this.id }, call),
      )
      .catch(() => undefined); // it runs out
  }

  async #renewOnAndOn(): Promise<void> {
    while (!this.lost.aborted) {
      const askedAtMs = performance.now();
      try {
        const { TTL } = await this.#members.read('renew a lease', ledgerLimits.leaseAnswerMs, (member) =>
          renewOnce(member, this.id),
        );
        if (Number(TTL) <= 0) return this.#lose('its lease has run out');
        // one that could be too late is none: its owner was told already, or is about to be
        if (!this.isHeld()) return this.#lose('its lease was renewed too late');
        this.#heldUntilMs = askedAtMs + livesMs;
        this.#arm();
        await pause(ledgerLimits.leaseRenewMs);
      } catch {
        await pause(ledgerLimits.memberPauseMs); // the timer says when it is too late
      }
    }
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const leftMs = this.#heldUntilMs - performance.now();
    this.#timer = setTimeout(() => this.#lose('its lease could not be renewed in time'), leftMs);
  }

  #lose(reason: string): void {
    clearTimeout(this.#timer);
    this.#lost.abort(new LeadershipLostError(reason));
  }
}

/** One renewal: a stream with one question and one answer, as etcd's own clients do it. */
async function renewOnce({ leaseClient }: Etcd3, id: string): Promise<ILeaseKeepAliveResponse> {
  const stream = await leaseClient.leaseKeepAlive({ deadline: Date.now() + ledgerLimits.leaseAnswerMs });
  try {
    const answered = once(stream as unknown as NodeJS.EventEmitter, 'data');
    stream.write({ ID: id });
    const [answer] = (await answered) as [ILeaseKeepAliveResponse];
    return answer;
  } finally {
    stream.on('error', () => undefined);
    stream.end();
    stream.cancel();
  }
}
