// A coordinator of tests: the real API's routes on a unix socket, with answers that a test gives. What it is sent and
// what it answers both pass the API's schemas, so that it can't drift from the real one.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as api from '@stillpoint/coordinator';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';

const routes = {
  health: { method: 'GET', path: '/v1/health', result: api.healthSchema },
  listGangs: { method: 'GET', path: '/v1/gangs', result: z.array(api.gangSummarySchema) },
  run: {
    method: 'POST',
    path: '/v1/gangs',
    body: api.runRequestSchema,
    result: api.runResultSchema,
    isStream: true,
  },
  showGang: { method: 'GET', path: '/v1/gangs/:gang', result: api.gangDetailSchema },
  removeGang: { method: 'DELETE', path: '/v1/gangs/:gang', result: api.emptyResultSchema },
  checkpoint: {
    method: 'POST',
    path: '/v1/gangs/:gang/checkpoint',
    body: api.checkpointRequestSchema,
    result: api.checkpointResultSchema,
    isStream: true,
  },
  listEpochs: { method: 'GET', path: '/v1/gangs/:gang/epochs', result: z.array(api.epochInfoSchema) },
  restore: {
    method: 'POST',
    path: '/v1/gangs/:gang/restore',
    body: api.restoreRequestSchema,
    result: api.restoreResultSchema,
    isStream: true,
  },
  migrate: {
    method: 'POST',
    path: '/v1/gangs/:gang/migrate',
    body: api.migrateRequestSchema,
    result: api.restoreResultSchema,
    isStream: true,
  },
  stop: { method: 'POST', path: '/v1/gangs/:gang/stop', result: api.emptyResultSchema, isStream: true },
  logs: { method: 'GET', path: '/v1/gangs/:gang/logs', result: api.gangLogsSchema },
  wait: { method: 'GET', path: '/v1/gangs/:gang/wait', result: api.waitResultSchema, isStream: true },
  timeline: { method: 'GET', path: '/v1/gangs/:gang/epochs/:epoch/timeline', result: api.timelineSchema },
  verify: {
    method: 'POST',
    path: '/v1/gangs/:gang/epochs/:epoch/verify',
    result: api.verifyResultSchema,
    isStream: true,
  },
  removeEpoch: { method: 'DELETE', path: '/v1/gangs/:gang/epochs/:epoch', result: api.emptyResultSchema },
  listNodes: { method: 'GET', path: '/v1/nodes', result: z.array(api.nodeInfoSchema) },
  addNode: { method: 'POST', path: '/v1/nodes', body: api.nodeAddRequestSchema, result: api.nodeInfoSchema },
  drainNode: {
    method: 'POST',
    path: '/v1/nodes/:node/drain',
    result: api.drainResultSchema,
    isStream: true,
  },
  killNode: { method: 'POST', path: '/v1/nodes/:node/kill', result: api.emptyResultSchema },
} as const satisfies Record<string, Route>;

interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: z.ZodType;
  readonly result: z.ZodType;
  readonly isStream?: true;
}

export type RouteName = keyof typeof routes;

export interface Call {
  readonly params: Readonly<Record<string, string>>;
  /** As the schema reads it, defaults filled in. */
  readonly body: unknown;
  /** News of a stream. */
  readonly report: (news: Partial<api.Progress>) => void;
  /** Aborted when the caller hangs up. */
  readonly signal: AbortSignal;
}

type Answer = (call: Call) => unknown;
type ResultOf<Name extends RouteName> = z.input<(typeof routes)[Name]['result']>;

/** An error that the coordinator answers with. */
export function apiError(code: string, more: Partial<api.ErrorLine> = {}): api.ApiError {
  const message = `the message of ${code}`;
  return new api.ApiError({
    kind: 'Error',
    code,
    message,
    remedy: 'Do what helps.',
    retryable: false,
    ...more,
  });
}

/** The instant of every progress line that says none. */
export const atMs = Date.UTC(2026, 10, 24, 8, 0, 0);

export class FakeCoordinator implements AsyncDisposable {
  readonly socketPath: string;
  /** What was asked: `run`, `checkpoint train`, `removeEpoch train 7`. */
  readonly asked: string[] = [];
  readonly bodies: unknown[] = [];
  readonly #answers = new Map<RouteName, Answer>();
  readonly #server: FastifyInstance;
  readonly #folder: string | undefined;

  private constructor(server: FastifyInstance, socketPath: string, folder: string | undefined) {
    this.#server = server;
    this.socketPath = socketPath;
    this.#folder = folder;
  }

  /** @param socketPath a socket in a temporary folder unless given */
  static async start(socketPath?: string): Promise<FakeCoordinator> {
    const folder = socketPath === undefined ? await mkdtemp(join(tmpdir(), 'sp-cli-')) : undefined;
    const server = Fastify({ forceCloseConnections: true });
    const fake = new FakeCoordinator(server, socketPath ?? join(String(folder), 'api.sock'), folder);
    for (const name of Object.keys(routes) as RouteName[]) fake.#serve(name, routes[name]);
    fake.on('health', () => ({ version: '0', pid: process.pid, home: '/', fence: 1, startedAtMs: atMs }));
    await server.listen({ path: fake.socketPath });
    return fake;
  }

  /** Gives the answer to a route. Without one it is an error to ask it. */
  on<Name extends RouteName>(
    name: Name,
    answer: (call: Call) => ResultOf<Name> | Promise<ResultOf<Name>>,
  ): this {
    this.#answers.set(name, answer);
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }

  #serve(name: RouteName, route: Route): void {
    this.#server.route({
      method: route.method,
      url: route.path,
      handler: (request, reply) => this.#answer(name, route, request, reply),
    });
  }

  async #answer(
    name: RouteName,
    route: Route,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<unknown> {
    const params = request.params as Record<string, string>;
    const lines: object[] = [];
    const controller = new AbortController();
    if (route.isStream === true) {
      reply.hijack();
      reply.raw.writeHead(200);
      reply.raw.once('close', () => controller.abort());
    }
    const send = (line: object): void => {
      if (route.isStream === true) reply.raw.write(`${JSON.stringify(line)}\n`);
      else lines.push(line);
    };
    const report = (news: Partial<api.Progress>): void =>
      send(api.progressSchema.parse({ kind: 'Progress', atMs, phase: 'dump', message: '', ...news }));
    try {
      if (name !== 'health') this.asked.push([name, ...Object.values(params)].join(' '));
      const body = route.body?.parse(request.body);
      this.bodies.push(body);
      const answer = this.#answers.get(name);
      if (answer === undefined) throw apiError('SP_TEST_UNEXPECTED', { message: `nobody expected ${name}` });
      const result = route.result.parse(await answer({ params, body, report, signal: controller.signal }));
      if (route.isStream !== true) return reply.send(result);
      send({ kind: 'Done', result });
    } catch (error) {
      const line = errorLine(error);
      if (route.isStream !== true) return reply.status(400).send(line);
      send(line);
    }
    reply.raw.end();
    return reply;
  }
}

function errorLine(error: unknown): api.ErrorLine {
  const { code, message, remedy, retryable, blockers } =
    error instanceof api.ApiError ? error : apiError('SP_TEST_BROKEN', { message: String(error) });
  return api.errorLineSchema.parse({ kind: 'Error', code, message, remedy, retryable, blockers });
}
