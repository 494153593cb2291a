// One HTTP call over a unix socket: a plain answer, or a stream of lines that ends with a result or an error.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { StillpointError } from '@stillpoint/protocol';
import { z } from 'zod';
import * as api from './api.ts';
import { ApiError, CoordinatorUnreachable, UnexpectedAnswer } from './errors.ts';
import { limits } from './limits.ts';

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface StreamOptions extends CallOptions {
  readonly onProgress?: (progress: api.Progress) => void;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
}

export class ApiSocket {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** One answer. */
  async ask<T>(call: Call, schema: z.ZodType<T>, options: CallOptions = {}): Promise<T> {
    const deadline = AbortSignal.timeout(limits.answerDeadlineMs);
    const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
    const response = await this.#send(call, signal);
    try {
      const value = await jsonOf(response);
      if (response.statusCode !== 200) throw asApiError(value);
      return parseWith(schema, value);
    } catch (error) {
      throw this.#translate(error, signal);
    }
  }

  /** A stream, to its last line. */
  async follow<T>(call: Call, schema: z.ZodType<T>, options: StreamOptions = {}): Promise<T> {
    const response = await this.#send(call, options.signal);
    response.socket.setTimeout(limits.streamSilenceMs, () =>
      response.destroy(new CoordinatorUnreachable(this.#socketPath, 'it has fallen silent')),
    );
    try {
      // refused before it began
      if (response.statusCode !== 200) throw asApiError(await jsonOf(response));
      for await (const text of linesOf(response)) {
        const line = parseWith(api.streamLineSchema, parseJson(text));
        switch (line.kind) {
          case 'Progress':
            options.onProgress?.(line);
            break;
          case 'Beat':
            break;
          case 'Done':
            return parseWith(schema, line.result);
          case 'Error':
            throw new ApiError(line);
        }
      }
    } catch (error) {
      throw this.#translate(error, options.signal);
    } finally {
      response.destroy();
    }
    throw new CoordinatorUnreachable(this.#socketPath, 'it ended in the middle of an answer');
  }

  #send(call: Call, signal: AbortSignal | undefined): Promise<IncomingMessage> {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        socketPath: this.#socketPath,
        agent: false,
        method: call.method,
        path: call.path,
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
        ...(signal === undefined ? {} : { signal }),
      });
      request.once('error', (error) => reject(this.#translate(error, signal)));
      request.once('response', (response) => resolve(response.setEncoding('utf8')));
      request.end(body);
    });
  }

  #translate(error: unknown, signal: AbortSignal | undefined): unknown {
    if (error instanceof StillpointError) return error;
    if (signal?.aborted === true) {
      const reason: unknown = signal.reason;
      const isDeadline = reason instanceof DOMException && reason.name === 'TimeoutError';
      return isDeadline ? new CoordinatorUnreachable(this.#socketPath, 'it does not answer', error) : reason;
    }
    const detail = error instanceof Error ? error.message : String(error);
    return new CoordinatorUnreachable(this.#socketPath, detail, error);
  }
}

async function jsonOf(response: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of response) {
    text += chunk as string;
    if (text.length > limits.answerBytesMax) throw new UnexpectedAnswer('it is over its limit');
  }
  return parseJson(text);
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of response) {
    rest += chunk as string;
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > limits.lineBytesMax) throw new UnexpectedAnswer('a line of it is over its limit');
    yield* lines.filter((line) => line !== '');
  }
}

function asApiError(value: unknown): StillpointError {
  const parsed = api.errorLineSchema.safeParse(value);
  return parsed.success
    ? new ApiError(parsed.data)
    : new UnexpectedAnswer(JSON.stringify(value).slice(0, 200));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UnexpectedAnswer(`not JSON: ${text.slice(0, 200)}`, error);
  }
}

function parseWith<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new UnexpectedAnswer(z.prettifyError(parsed.error), parsed.error);
  return parsed.data;
}
