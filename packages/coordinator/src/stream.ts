// Answers as JSON lines: news while a verb is under way, then its result or its error. A caller that hangs up
// aborts the verb.
import { StillpointError } from '@stillpoint/protocol';
import type { FastifyReply } from 'fastify';
import type { ErrorLine, Progress, StreamLine } from './api.ts';
import { CallerGone, GaveUp } from './errors.ts';
import { limits } from './limits.ts';

/** What a verb under way is given. */
export interface VerbContext {
  /** Aborted when the caller hangs up, or when another verb ends this one. */
  readonly signal: AbortSignal;
  readonly report: (news: News) => void;
}

type News = Omit<Progress, 'kind' | 'atMs'>;

/** Runs a verb and streams what it says. */
export async function answerAsStream(
  reply: FastifyReply,
  verb: (context: VerbContext) => Promise<unknown>,
): Promise<void> {
  reply.hijack();
  const response = reply.raw;
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const write = (line: StreamLine): void => {
    if (!response.destroyed) response.write(`${JSON.stringify(line)}\n`);
  };
  const controller = new AbortController();
  response.once('close', () => controller.abort(new CallerGone()));
  response.on('error', () => response.destroy());
  const beat = setInterval(() => write({ kind: 'Beat' }), limits.beatMs);
  const context: VerbContext = {
    signal: controller.signal,
    // news that a slow caller does not take is left out: the last line matters
    report: (news) => {
      if (response.writableLength < limits.streamBacklogBytesMax)
        write({ kind: 'Progress', atMs: Date.now(), ...news });
    },
  };
  try {
    const result = await verb(context);
    write({ kind: 'Done', result: result ?? {} });
  } catch (error) {
    write(asErrorLine(error));
  } finally {
    clearInterval(beat);
    response.end();
  }
}

/** Any error as it travels. What is no coded error is a defect. */
export function asErrorLine(error: unknown): ErrorLine {
  if (!(error instanceof StillpointError)) {
    return {
      kind: 'Error',
      code: 'SP_COORDINATOR_BROKEN',
      message: `the coordinator broke: ${error instanceof Error ? error.message : String(error)}`,
      remedy: 'Look at coordinator.log in the state folder; this is a defect of Stillpoint.',
      retryable: false,
    };
  }
  const { code, message, remedy, retryable } = error;
  const blockers = error instanceof GaveUp ? error.blockers : [];
  return {
    kind: 'Error',
    code,
    message,
    remedy,
    retryable,
    ...(blockers.length === 0 ? {} : { blockers: blockers.map((blocker) => ({ ...blocker })) }),
  };
}
