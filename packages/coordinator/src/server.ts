// The HTTP API on a unix socket: routes to verbs, schemas at the edge, errors as they travel.
import { chmod, mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StillpointError } from '@stillpoint/protocol';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import * as api from './api.ts';
import type { Coordinator } from './coordinator.ts';
import { InvalidRequest, ServiceManaged } from './errors.ts';
import type { Gang } from './gang.ts';
import { limits } from './limits.ts';
import { answerAsStream, asErrorLine } from './stream.ts';
import * as verbs from './verbs.ts';
import { epochInfo, gangSummary, timeline } from './views.ts';

export interface ServerOptions {
  readonly coordinator: Coordinator;
  readonly home: string;
  readonly version: string;
  /** Called at the beginning and at the end of every request. */
  readonly onActivity: (requestsUnderWay: number) => void;
  /** Called once the answer to a shutdown is on its way; without it a shutdown is refused. */
  readonly onShutdown?: () => void;
}

export interface Server {
  listen(path: string): Promise<void>;
  close(): Promise<void>;
}

export function makeServer(options: ServerOptions): Server {
  const app = fastify({ bodyLimit: limits.requestBytesMax, forceCloseConnections: true });
  countRequests(app, options.onActivity);
  app.setErrorHandler((error, _request, reply) => {
    const isHttp =
      !(error instanceof StillpointError) && (error as { statusCode?: number }).statusCode !== undefined;
    const known = isHttp ? new InvalidRequest((error as Error).message) : error;
    const line = asErrorLine(known);
    if (line.code === 'SP_COORDINATOR_BROKEN')
      options.coordinator.context.log.error({ err: error }, 'a verb broke');
    void reply.status(statusOf(line.code)).send(line);
  });
  app.setNotFoundHandler((request, reply) => {
    const line = asErrorLine(new InvalidRequest(`there is no ${request.method} ${request.url}`));
    void reply.status(404).send(line);
  });
  addGangRoutes(app, options.coordinator);
  addEpochRoutes(app, options.coordinator);
  addNodeRoutes(app, options.coordinator);
  const { context, startedAtMs } = options.coordinator;
  app.get('/v1/health', (): api.Health => {
    const { home, version } = options;
    return { version, pid: process.pid, home, fence: context.store.fence, startedAtMs };
  });
  app.get('/v1/metrics', async (_request, reply) => {
    const text = await context.metrics.text();
    return reply.type(context.metrics.contentType).send(text);
  });
  app.post('/v1/shutdown', (_request, reply) => {
    if (options.onShutdown === undefined) throw new ServiceManaged();
    verbs.requireNothingOnNodes(options.coordinator);
    reply.raw.once('finish', options.onShutdown);
    return {};
  });
  return serverOf(app);
}

/** What a coordinator that stands by answers, whatever it is asked. */
export function makeStandbyServer(refusal: () => Promise<StillpointError>): Server {
  const app = fastify({ bodyLimit: limits.requestBytesMax, forceCloseConnections: true });
  app.all('*', async (_request, reply) => reply.status(503).send(asErrorLine(await refusal())));
  return serverOf(app);
}

function serverOf(app: FastifyInstance): Server {
  return {
    listen: async (path) => {
      // without any node, what a predecessor left of this folder was removed
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await rm(path, { force: true });
      await app.listen({ path });
      await chmod(path, 0o600);
    },
    close: () => app.close(),
  };
}

function addGangRoutes(app: FastifyInstance, coordinator: Coordinator): void {
  const { gangs } = coordinator.context;
  const gangOf = (request: FastifyRequest): Gang => gangs.get(parse(gangParams, request.params).gang);

  app.get('/v1/gangs', () => gangs.list().map(gangSummary));
  app.post('/v1/gangs', (request, reply) => {
    const body = parse(api.runRequestSchema, request.body);
    return answerAsStream(reply, async (verb) => {
      const result = await coordinator.starts.run(body, verb);
      coordinator.periodic.watch(gangs.get(body.name));
      return result;
    });
  });
  app.get('/v1/gangs/:gang', (request) => verbs.showGang(coordinator, gangOf(request)));
  app.delete('/v1/gangs/:gang', async (request) => {
    await verbs.removeGang(coordinator, gangOf(request));
    return {};
  });
  app.post('/v1/gangs/:gang/checkpoint', (request, reply) => {
    const gang = gangOf(request);
    const body = parse(api.checkpointRequestSchema, request.body);
    return answerAsStream(reply, (verb) => coordinator.checkpoints.take(gang, body, 'manual', verb));
  });
  app.post('/v1/gangs/:gang/restore', (request, reply) => {
    const gang = gangOf(request);
    const body = parse(api.restoreRequestSchema, request.body);
    return answerAsStream(reply, (verb) => coordinator.restores.restore(gang, body, verb));
  });
  app.post('/v1/gangs/:gang/migrate', (request, reply) => {
    const gang = gangOf(request);
    const { from, onto } = parse(api.migrateRequestSchema, request.body);
    return answerAsStream(reply, (verb) => coordinator.moves.migrate(gang, from, onto, 'migrate', verb));
  });
  app.post('/v1/gangs/:gang/stop', (request, reply) => {
    const gang = gangOf(request);
    return answerAsStream(reply, (verb) => verbs.stopGang(coordinator, gang, verb));
  });
  app.get('/v1/gangs/:gang/wait', (request, reply) => {
    const gang = gangOf(request);
    return answerAsStream(reply, (verb) => verbs.waitForEnd(gang, verb));
  });
  app.get('/v1/gangs/:gang/logs', (request) => verbs.gangLogs(coordinator, gangOf(request)));
}

function addEpochRoutes(app: FastifyInstance, coordinator: Coordinator): void {
  const find = (request: FastifyRequest): { gang: Gang; epoch: number } => {
    const { gang, epoch } = parse(epochParams, request.params);
    return { gang: coordinator.context.gangs.get(gang), epoch };
  };

  app.get('/v1/gangs/:gang/epochs', (request) => {
    const gang = coordinator.context.gangs.get(parse(gangParams, request.params).gang);
    return gang.epochs.map(({ epoch }) => epochInfo(gang, epoch));
  });
  app.get('/v1/gangs/:gang/epochs/:epoch/timeline', (request) => {
    const { gang, epoch } = find(request);
    return timeline(gang, epoch);
  });
  app.post('/v1/gangs/:gang/epochs/:epoch/verify', (request, reply) => {
    const { gang, epoch } = find(request);
    return answerAsStream(reply, (verb) => verbs.verifyEpoch(coordinator, gang, epoch, verb));
  });
  app.delete('/v1/gangs/:gang/epochs/:epoch', async (request) => {
    const { gang, epoch } = find(request);
    await verbs.removeEpoch(coordinator, gang, epoch);
    return {};
  });
}

function addNodeRoutes(app: FastifyInstance, coordinator: Coordinator): void {
  const nodeOf = (request: FastifyRequest): string => parse(nodeParams, request.params).node;

  app.get('/v1/nodes', () => verbs.listNodes(coordinator));
  app.post('/v1/nodes', (request) =>
    verbs.addNode(coordinator, parse(api.nodeAddRequestSchema, request.body)),
  );
  app.post('/v1/nodes/:node/drain', (request, reply) => {
    const { name } = coordinator.context.nodes.record(nodeOf(request));
    return answerAsStream(reply, (verb) => verbs.drainNode(coordinator, name, verb));
  });
  app.post('/v1/nodes/:node/kill', async (request) => {
    await verbs.killNode(coordinator, nodeOf(request), parse(api.nodeKillRequestSchema, request.body));
    return {};
  });
}

const gangParams = z.object({ gang: api.gangNameSchema });
const epochParams = z.object({ gang: api.gangNameSchema, epoch: api.epochNumberSchema });
const nodeParams = z.object({ node: api.nodeNameSchema });

/** @throws `SP_INVALID_REQUEST` */
function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value ?? {});
  if (!parsed.success) throw new InvalidRequest(z.prettifyError(parsed.error));
  return parsed.data;
}

function statusOf(code: string): number {
  if (code === 'SP_COORDINATOR_BROKEN') return 500;
  if (code === 'SP_INVALID_REQUEST') return 400;
  return code.startsWith('SP_UNKNOWN_') ? 404 : 409;
}

/** Streams count until their last line. */
function countRequests(app: FastifyInstance, onActivity: ServerOptions['onActivity']): void {
  let underWay = 0;
  app.addHook('onRequest', (_request, reply, done) => {
    underWay += 1;
    onActivity(underWay);
    reply.raw.once('close', () => {
      underWay -= 1;
      onActivity(underWay);
    });
    done();
  });
}
