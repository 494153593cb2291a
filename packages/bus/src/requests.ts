// Requests that wait for their answers, each with a deadline. Knows nothing of how they travel.
import type { NodeAnswer, NodeRequest } from '@stillpoint/protocol';
import { type AnswerTo, answerKinds, type RequestOptions } from './bus.ts';
import { BusOverloaded, NodeRefused, RequestTimeout } from './errors.ts';
import { busLimits } from './limits.ts';

interface Waiting {
  readonly settle: (answer: NodeAnswer) => void;
  readonly fail: (error: unknown) => void;
}

export class RequestTable {
  readonly #node: string;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  /** @param node what errors call the other side */
  constructor(node: string) {
    this.#node = node;
  }

  /** @throws `SP_BUS_OVERLOADED` */
  open<Request extends NodeRequest>(
    request: Request,
    options: RequestOptions,
  ): { readonly id: number; readonly answer: Promise<AnswerTo<Request>> } {
    if (this.#waiting.size >= busLimits.requestsWaitingMax) {
      throw new BusOverloaded(this.#node, `${this.#waiting.size} requests wait for their answers`);
    }
    this.#lastId += 1;
    const id = this.#lastId;
    const deadlineMs = options.deadlineMs ?? busLimits.requestDeadlineMs;
    const { promise, resolve, reject } = Promise.withResolvers<AnswerTo<Request>>();
    const forget = (): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', aborted);
      this.#waiting.delete(id);
    };
    const fail = (error: unknown): void => {
      forget();
      reject(error);
    };
    const settle = (answer: NodeAnswer): void => {
      forget();
      if (answer.kind === answerKinds[request.kind]) resolve(answer as AnswerTo<Request>);
      else if (answer.kind === 'Error') reject(new NodeRefused(answer));
      else reject(new Error(`a ${request.kind} was answered with ${answer.kind}`));
    };
    const aborted = (): void => fail(options.signal?.reason);
    const timer = setTimeout(
      () => fail(new RequestTimeout(this.#node, request.kind, deadlineMs)),
      deadlineMs,
    );
    options.signal?.addEventListener('abort', aborted, { once: true });
    this.#waiting.set(id, { settle, fail });
    return { id, answer: promise };
  }

  /** An answer to a request that is given up already is ignored. */
  answer(id: number, answer: NodeAnswer): void {
    this.#waiting.get(id)?.settle(answer);
  }

  fail(id: number, error: Error): void {
    this.#waiting.get(id)?.fail(error);
  }

  failAll(error: Error): void {
    for (const { fail } of this.#waiting.values()) fail(error);
  }
}
