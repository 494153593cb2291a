// A typed client of the coordinator's API over its unix socket. A call that is aborted hangs up: the coordinator then
// gives up a checkpoint that is not decided, or a start or restore that is not under way to `go`.
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

interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
}

const gangPath = (gang: string): string => `/v1/gangs/${encodeURIComponent(gang)}`;
const epochPath = (gang: string, epoch: number): string => `${gangPath(gang)}/epochs/${epoch}`;
const nodePath = (node: string): string => `/v1/nodes/${encodeURIComponent(node)}`;

/**
 * Every method throws the coordinator's coded errors as `ApiError`, `SP_COORDINATOR_UNREACHABLE` when nobody answers,
 * and the signal's reason when it was aborted.
 */
export class CoordinatorClient {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  health(options?: CallOptions): Promise<api.Health> {
    return this.#ask({ method: 'GET', path: '/v1/health' }, api.healthSchema, options);
  }

  listGangs(options?: CallOptions): Promise<api.GangSummary[]> {
    return this.#ask({ method: 'GET', path: '/v1/gangs' }, z.array(api.gangSummarySchema), options);
  }

  showGang(gang: string, options?: CallOptions): Promise<api.GangDetail> {
    return this.#ask({ method: 'GET', path: gangPath(gang) }, api.gangDetailSchema, options);
  }

  /** Places and starts a gang; done once all members run. */
  run(body: api.RunRequest, options?: StreamOptions): Promise<api.RunResult> {
    return this.#follow({ method: 'POST', path: '/v1/gangs', body }, api.runResultSchema, options);
  }

  /** Makes one epoch, with retries where one is aborted for a passing reason. */
  checkpoint(
    gang: string,
    body: api.CheckpointRequest = {},
    options?: StreamOptions,
  ): Promise<api.CheckpointResult> {
    const call = { method: 'POST', path: `${gangPath(gang)}/checkpoint`, body } as const;
    return this.#follow(call, api.checkpointResultSchema, options);
  }

  /** All epochs of a gang, oldest first. */
  listEpochs(gang: string, options?: CallOptions): Promise<api.EpochInfo[]> {
    return this.#ask(
      { method: 'GET', path: `${gangPath(gang)}/epochs` },
      z.array(api.epochInfoSchema),
      options,
    );
  }

  /** Brings the gang back as it was at an epoch; what runs of it now is killed once all targets are ready. */
  restore(gang: string, body: api.RestoreRequest = {}, options?: StreamOptions): Promise<api.RestoreResult> {
    const call = { method: 'POST', path: `${gangPath(gang)}/restore`, body } as const;
    return this.#follow(call, api.restoreResultSchema, options);
  }

  migrate(gang: string, body: api.MigrateRequest, options?: StreamOptions): Promise<api.RestoreResult> {
    const call = { method: 'POST', path: `${gangPath(gang)}/migrate`, body } as const;
    return this.#follow(call, api.restoreResultSchema, options);
  }

  /** Kills the gang's members; done once all are gone. A gang that has ended already is left as it is. */
  async stop(gang: string, options?: StreamOptions): Promise<void> {
    await this.#follow(
      { method: 'POST', path: `${gangPath(gang)}/stop`, body: {} },
      api.emptyResultSchema,
      options,
    );
  }

  logs(gang: string, options?: CallOptions): Promise<api.GangLogs> {
    return this.#ask({ method: 'GET', path: `${gangPath(gang)}/logs` }, api.gangLogsSchema, options);
  }

  /** Answers when the gang has ended and no verb is about to bring it back. */
  wait(gang: string, options?: StreamOptions): Promise<api.WaitResult> {
    return this.#follow({ method: 'GET', path: `${gangPath(gang)}/wait` }, api.waitResultSchema, options);
  }

  timeline(gang: string, epoch: number, options?: CallOptions): Promise<api.Timeline> {
    return this.#ask(
      { method: 'GET', path: `${epochPath(gang, epoch)}/timeline` },
      api.timelineSchema,
      options,
    );
  }

  /** Reads and checks everything that is stored of an epoch. Problems are a result, not an error. */
  verify(gang: string, epoch: number, options?: StreamOptions): Promise<api.VerifyResult> {
    const call = { method: 'POST', path: `${epochPath(gang, epoch)}/verify`, body: {} } as const;
    return this.#follow(call, api.verifyResultSchema, options);
  }

  /** Forgets a gang that has ended, with its epochs and logs. */
  async removeGang(gang: string, options?: CallOptions): Promise<void> {
    await this.#ask({ method: 'DELETE', path: gangPath(gang) }, api.emptyResultSchema, options);
  }

  async removeEpoch(gang: string, epoch: number, options?: CallOptions): Promise<void> {
    await this.#ask({ method: 'DELETE', path: epochPath(gang, epoch) }, api.emptyResultSchema, options);
  }

  listNodes(options?: CallOptions): Promise<api.NodeInfo[]> {
    return this.#ask({ method: 'GET', path: '/v1/nodes' }, z.array(api.nodeInfoSchema), options);
  }

  /** Adds a node; one that was killed or drained is brought back under its name. */
  addNode(body: api.NodeAddRequest, options?: CallOptions): Promise<api.NodeInfo> {
    return this.#ask({ method: 'POST', path: '/v1/nodes', body }, api.nodeInfoSchema, options);
  }

  /** Takes the node out of use and migrates every gang that has members on it. */
  drainNode(node: string, options?: StreamOptions): Promise<api.DrainResult> {
    return this.#follow(
      { method: 'POST', path: `${nodePath(node)}/drain`, body: {} },
      api.drainResultSchema,
      options,
    );
  }

  /** SIGKILL for everything on the node, as if its power had failed. */
  async killNode(node: string, options?: CallOptions): Promise<void> {
    const call = { method: 'POST', path: `${nodePath(node)}/kill`, body: {} } as const;
    await this.#ask(call, api.emptyResultSchema, options);
  }

  async #ask<T>(call: Call, schema: z.ZodType<T>, options: CallOptions = {}): Promise<T> {
    const deadline = AbortSignal.timeout(limits.answerDeadlineMs);
    const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
    const response = await this.#send(call, signal);
    let text = '';
    try {
      for await (const chunk of response) {
        text += chunk as string;
        if (text.length > limits.answerBytesMax) throw new UnexpectedAnswer('it is over its limit');
      }
    } catch (error) {
      throw this.#translate(error, signal);
    }
    const value = parseJson(text);
    if (response.statusCode !== 200) throw asApiError(value);
    return parseWith(schema, value);
  }

  async #follow<T>(call: Call, schema: z.ZodType<T>, options: StreamOptions = {}): Promise<T> {
    const response = await this.#send(call, options.signal);
    response.socket.setTimeout(limits.streamSilenceMs, () =>
      response.destroy(new CoordinatorUnreachable(this.#socketPath, 'it has fallen silent')),
    );
    try {
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
