// What every service answers on its HTTP address: whether it lives, whether it does its work, and its metrics.
import fastify from 'fastify';
import { ListenFailed } from './service-errors.ts';

export interface ServiceAnswers {
  /** Whether it does what it is there for, and why not otherwise. */
  readonly readiness: () => { readonly isReady: boolean; readonly detail: Readonly<Record<string, unknown>> };
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface ServiceListener {
  /** `http://HOST:PORT`, with the port that was taken. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * `/healthz`: 200 for as long as the process answers. `/readyz`: 200 or 503, with what it knows as JSON. `/metrics`: in
 * Prometheus' text format.
 *
 * @param address `HOST:PORT`
 * @throws `SP_LISTEN_FAILED`
 */
export async function listenForProbes(address: string, answers: ServiceAnswers): Promise<ServiceListener> {
  const app = fastify({ forceCloseConnections: true });
  app.get('/healthz', () => ({ alive: true }));
  app.get('/readyz', (_request, reply) => {
    const { isReady, detail } = answers.readiness();
    return reply.status(isReady ? 200 : 503).send({ ready: isReady, ...detail });
  });
  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await answers.metrics();
    return reply.type(contentType).send(text);
  });
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  try {
    const url = await app.listen({ host, port: Number(address.slice(colon + 1)) });
    return { url, close: () => app.close() };
  } catch (error) {
    throw new ListenFailed(address, error as Error);
  }
}
