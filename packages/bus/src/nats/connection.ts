// One connection to NATS, which is taken up again whenever it is lost, for as long as its owner wants. What can't be sent
// now is not sent later: its sender repeats it, or is told.
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { BusUnavailable } from '../errors.ts';
import { busLimits } from '../limits.ts';
import { decode, encode, type NatsMessages } from './messages.ts';

export interface NatsOptions {
  /** `nats://` or `tls://`, one or more of one cluster. */
  readonly servers: readonly string[];
  /** Files in PEM: the authority of the servers, and what this end shows of itself. */
  readonly tls?: { readonly caFile: string; readonly certFile?: string; readonly keyFile?: string };
  /** Of an agent's node, a number from 1 that no other has: it then hears what is said to several nodes at once. */
  readonly place?: number;
  /** Told of what goes wrong beside everything: a permission that is missing, a message of somebody else. */
  readonly onProblem?: (error: Error) => void;
}

export class Connection {
  readonly #nats: NatsConnection;
  readonly #onProblem: (error: Error) => void;
  #isUp = true;

  private constructor(nats: NatsConnection, options: NatsOptions) {
    this.#nats = nats;
    this.#onProblem = options.onProblem ?? (() => undefined);
  }

  /** @throws `SP_BUS_UNAVAILABLE` */
  static async open(name: string, options: NatsOptions): Promise<Connection> {
    const servers = [...options.servers];
    try {
      const nats = await connect({
        servers,
        name,
        timeout: busLimits.connectMs,
        maxReconnectAttempts: -1,
        reconnectTimeWait: busLimits.natsReconnectMs,
        reconnectJitter: busLimits.natsReconnectMs,
        reconnectJitterTLS: busLimits.natsReconnectMs,
        pingInterval: busLimits.natsPingMs,
        maxPingOut: 2,
        // credentials that are refused today may be right once somebody has mended them
        ignoreAuthErrorAbort: true,
        ...(options.tls === undefined ? {} : { tls: options.tls }),
      });
      return new Connection(nats, options);
    } catch (error) {
      throw new BusUnavailable(servers, (error as Error).message);
    }
  }

  get isUp(): boolean {
    return this.#isUp && !this.#nats.isClosed();
  }

  /** In bytes; the server's own limit, unless ours is lower. */
  get messageBytesMax(): number {
    return Math.min(this.#nats.info?.max_payload ?? 0, busLimits.messageBytesMax);
  }

  /** Calls back when the connection is lost, and when it is there again. Ends with the connection. */
  watch(onChange: (isUp: boolean) => void): void {
    const follow = async (): Promise<void> => {
      for await (const status of this.#nats.status()) {
        if (status.type === 'error') this.#onProblem(status.error);
        if (status.type !== 'disconnect' && status.type !== 'reconnect') continue;
        this.#isUp = status.type === 'reconnect';
        onChange(this.#isUp);
      }
    };
    void follow();
  }

  /** @returns whether it was sent: not while there is no connection, nor when it is too large */
  send(subject: string, message: NatsMessages[keyof NatsMessages]): boolean {
    if (!this.isUp) return false;
    const data = encode(message);
    if (data.length > this.messageBytesMax) return false;
    this.#nats.publish(subject, data);
    return true;
  }

  /**
   * Hears messages of a kind. What is none is reported, and not heard.
   *
   * @param onRefused called when the server does not allow it
   */
  hear<Kind extends keyof NatsMessages>(
    subject: string,
    kind: Kind,
    heard: (message: NatsMessages[Kind], subject: string) => void,
    onRefused: () => void = () => undefined,
  ): void {
    this.#nats.subscribe(subject, {
      callback: (error, message) => {
        if (error !== null) {
          this.#onProblem(error);
          return onRefused();
        }
        try {
          heard(decode(kind, message.data), message.subject);
        } catch (problem) {
          this.#onProblem(problem as Error);
        }
      },
    });
  }

  /** Hears that something is said, whatever it is. */
  hearCall(subject: string, heard: () => void): void {
    this.#nats.subscribe(subject, {
      callback: (error) => (error === null ? heard() : this.#onProblem(error)),
    });
  }

  /** Asks, and waits for one answer on a subject of its own. @throws when there is none in time, or nobody to answer */
  async ask(subject: string, answerSubject: string, text: string, deadlineMs: number): Promise<string> {
    const options = { timeout: deadlineMs, noMux: true, reply: answerSubject };
    return (await this.#nats.request(subject, text, options)).string();
  }

  call(subject: string): void {
    if (this.isUp) this.#nats.publish(subject);
  }

  /** What was sent is on its way when this returns, unless there is no connection. */
  async close(): Promise<void> {
    if (this.#nats.isClosed()) return;
    if (this.isUp) await Promise.race([this.#nats.flush().catch(() => undefined), soon()]);
    await this.#nats.close();
  }
}

const soon = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, busLimits.natsCloseMs).unref();
  });
