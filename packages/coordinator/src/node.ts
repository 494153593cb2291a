// One node as the coordinator knows it: the link to its agent, which is started again whenever it is lost, and what
// it last said of its members.
import type { AnswerTo, NodeCommand, NodeEvent, NodeLink, RequestOptions } from '@stillpoint/bus';
import { NodeUnreachable, RequestTimeout } from '@stillpoint/bus';
import { type Clock, every, pause } from '@stillpoint/clock';
import type { MemberStatus, NodeRequest } from '@stillpoint/protocol';
import type { Logger } from 'pino';
import { limits } from './limits.ts';
import type { NodePlatform } from './platform.ts';
import type { NodeRecord } from './records.ts';
import { Changes } from './wait.ts';

/** What a node's agent says of itself and of all its members. */
export interface NodeReport {
  readonly agentPid: number;
  readonly members: readonly MemberStatus[];
  readonly memoryAvailableBytes: number;
  readonly stagingFreeBytes: number;
  /** When the agent was asked, by the coordinator's monotonic clock: what has begun since may not be in it. */
  readonly askedAtMs: number;
}

export interface NodeListener {
  onEvent(node: string, event: NodeEvent): void;
  /** The agent is there, anew or again, and this is what it finds. */
  onReport(node: string, report: NodeReport): void;
  /** The node was killed: everything on it is dead. */
  onKilled(node: string): void;
}

export interface NodeDependencies {
  readonly clock: Clock;
  readonly platform: NodePlatform;
  readonly listener: NodeListener;
  readonly log: Logger;
}

export class ManagedNode {
  record: NodeRecord;
  #report: NodeReport | undefined;
  readonly #dependencies: NodeDependencies;
  readonly #link: NodeLink;
  readonly #changes: Changes;
  readonly #closing = new AbortController();
  readonly #stopLooking: () => void;
  #tending: Promise<void> | undefined;

  constructor(record: NodeRecord, dependencies: NodeDependencies) {
    this.record = record;
    this.#dependencies = dependencies;
    this.#changes = new Changes(dependencies.clock);
    this.#link = dependencies.platform.connect(record.name);
    this.#link.onMessage((event) => dependencies.listener.onEvent(record.name, event));
    this.#link.onState((state) => {
      if (state === 'down') this.#report = undefined;
      this.#tend();
    });
    this.#stopLooking = every(dependencies.clock, limits.nodeLookMs, () => void this.#lookAgain());
    this.#tend();
  }

  /** Its agent answers, and has said what it finds. */
  get isReady(): boolean {
    return this.#report !== undefined;
  }

  /** What the agent last said; absent while it does not answer. */
  get report(): NodeReport | undefined {
    return this.#report;
  }

  /** Sends without waiting: whoever needs an answer sends again. */
  send(command: NodeCommand): void {
    this.#link.send(command);
  }

  /**
   * Asks, and asks again where the agent is lost before it answers, or does not answer: requests can be sent twice.
   *
   * @throws the agent's coded error; `SP_NODE_UNREACHABLE` or `SP_REQUEST_TIMEOUT` after the deadline
   */
  async request<Request extends NodeRequest>(
    request: Request,
    options: RequestOptions = {},
  ): Promise<AnswerTo<Request>> {
    const { clock } = this.#dependencies;
    const totalMs = options.deadlineMs ?? limits.nodeRequestMs;
    const end = clock.monotonicMs() + totalMs;
    for (;;) {
      const rest = end - clock.monotonicMs();
      if (!(await this.untilReady({ ...options, deadlineMs: Math.max(rest, 0) })))
        throw new NodeUnreachable(this.record.name, 'its agent did not come back in time');
      try {
        const deadlineMs = Math.max(1, Math.min(limits.nodeResendMs, end - clock.monotonicMs()));
        return await this.#link.request(request, { ...options, deadlineMs });
      } catch (error) {
        const isSilence = error instanceof RequestTimeout;
        if (!isSilence && !(error instanceof NodeUnreachable)) throw error;
        if (clock.monotonicMs() >= end)
          throw isSilence ? new RequestTimeout(this.record.name, request.kind, totalMs) : error;
      }
    }
  }

  /** Asks the agent anew what it finds. */
  async refresh(): Promise<NodeReport> {
    const askedAtMs = this.#dependencies.clock.monotonicMs();
    const hello = await this.#link.request({ kind: 'Hello' }, { deadlineMs: limits.nodeStatusMs });
    const status = await this.#link.request({ kind: 'Status' }, { deadlineMs: limits.nodeStatusMs });
    const { members, memoryAvailableBytes, stagingFreeBytes } = status;
    this.#report = { agentPid: hello.pid, members, memoryAvailableBytes, stagingFreeBytes, askedAtMs };
    this.#changes.notify();
    return this.#report;
  }

  /** Asks the agent anew what it finds, and tells of it. */
  async look(): Promise<void> {
    this.#dependencies.listener.onReport(this.record.name, await this.refresh());
  }

  async #lookAgain(): Promise<void> {
    if (!this.isReady) return;
    try {
      await this.look();
    } catch (error) {
      this.#dependencies.log.warn(
        { node: this.record.name, err: error },
        'the agent did not say what it finds',
      );
    }
  }

  /** @returns whether it is ready before the deadline; false at once when it is closed */
  async untilReady(options: RequestOptions): Promise<boolean> {
    const seen = await this.#changes.until(
      () => this.#closing.signal.aborted || this.isReady || undefined,
      options,
    );
    return seen === true && this.isReady;
  }

  /** Ends the link. The agent and the members are left as they are. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#stopLooking();
    this.#report = undefined;
    this.#changes.notify();
    await this.#link.close();
    await this.#tending;
  }

  #tend(): void {
    if (this.#tending !== undefined) return;
    this.#tending = this.#tendUntilReady().finally(() => {
      this.#tending = undefined;
      // the link may have been lost since the loop last looked
      if (!this.isReady && !this.#closing.signal.aborted) this.#tend();
    });
  }

  async #tendUntilReady(): Promise<void> {
    const { platform, clock, log } = this.#dependencies;
    const { name } = this.record;
    const { signal } = this.#closing;
    for (let failures = 0; !signal.aborted && !this.isReady; failures += 1) {
      try {
        if (this.#link.state === 'down') {
          // after a reboot the node itself is gone
          await platform.create(this.record);
          await platform.startAgent(this.record);
        }
        if (signal.aborted || !(await this.#untilUp(signal))) continue;
        await this.look();
        return;
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ node: name, err: error }, 'the agent is not there');
        const wait = Math.min(
          limits.agentRetryFirstMs * 2 ** Math.min(failures, 10),
          limits.agentRetryLongestMs,
        );
        await pause(clock, wait, { signal }).catch(() => undefined);
      }
    }
  }

  async #untilUp(signal: AbortSignal): Promise<boolean> {
    if (this.#link.state === 'up') return true;
    const up = Promise.withResolvers<boolean>();
    const stop = this.#link.onState((state) => up.resolve(state === 'up'));
    const end = (): void => up.resolve(false);
    const forget = this.#dependencies.clock.after(limits.nodeUpMs, end);
    signal.addEventListener('abort', end, { once: true });
    try {
      return await up.promise;
    } finally {
      stop();
      forget();
      signal.removeEventListener('abort', end);
    }
  }
}
