// A typed client of the coordinator's API over its unix socket. A call that is aborted hangs up: the coordinator then
// gives up a checkpoint that is not decided, or a start or restore that is not under way to `go`.
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import * as api from './api.ts';
import { ApiSocket, type CallOptions, type StreamOptions } from './api-socket.ts';
import { CoordinatorUnreachable, ShutdownIncomplete } from './errors.ts';
import { limits } from './limits.ts';

const gangPath = (gang: string): string => `/v1/gangs/${encodeURIComponent(gang)}`;
const epochPath = (gang: string, epoch: number): string => `${gangPath(gang)}/epochs/${epoch}`;
const nodePath = (node: string): string => `/v1/nodes/${encodeURIComponent(node)}`;

/**
 * Every method throws the coordinator's coded errors as `ApiError`, `SP_COORDINATOR_UNREACHABLE` when nobody answers,
 * and the signal's reason when it was aborted.
 */
export class CoordinatorClient {
  readonly #socketPath: string;
  readonly #socket: ApiSocket;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
    this.#socket = new ApiSocket(socketPath);
  }

  health(options?: CallOptions): Promise<api.Health> {
    return this.#socket.ask({ method: 'GET', path: '/v1/health' }, api.healthSchema, options);
  }

  listGangs(options?: CallOptions): Promise<api.GangSummary[]> {
    return this.#socket.ask({ method: 'GET', path: '/v1/gangs' }, z.array(api.gangSummarySchema), options);
  }

  showGang(gang: string, options?: CallOptions): Promise<api.GangDetail> {
    return this.#socket.ask({ method: 'GET', path: gangPath(gang) }, api.gangDetailSchema, options);
  }

  /** Places and starts a gang; done once all members run. */
  run(body: api.RunRequest, options?: StreamOptions): Promise<api.RunResult> {
    return this.#socket.follow({ method: 'POST', path: '/v1/gangs', body }, api.runResultSchema, options);
  }

  /** Makes one epoch, with retries where one is aborted for a passing reason. */
  checkpoint(
    gang: string,
    body: api.CheckpointRequest = {},
    options?: StreamOptions,
  ): Promise<api.CheckpointResult> {
    const call = { method: 'POST', path: `${gangPath(gang)}/checkpoint`, body } as const;
    return this.#socket.follow(call, api.checkpointResultSchema, options);
  }

  /** All epochs of a gang, oldest first. */
  listEpochs(gang: string, options?: CallOptions): Promise<api.EpochInfo[]> {
    return this.#socket.ask(
      { method: 'GET', path: `${gangPath(gang)}/epochs` },
      z.array(api.epochInfoSchema),
      options,
    );
  }

  /** Brings the gang back as it was at an epoch; what runs of it now is killed once all targets are ready. */
  restore(gang: string, body: api.RestoreRequest = {}, options?: StreamOptions): Promise<api.RestoreResult> {
    const call = { method: 'POST', path: `${gangPath(gang)}/restore`, body } as const;
    return this.#socket.follow(call, api.restoreResultSchema, options);
  }

  migrate(gang: string, body: api.MigrateRequest, options?: StreamOptions): Promise<api.RestoreResult> {
    const call = { method: 'POST', path: `${gangPath(gang)}/migrate`, body } as const;
    return this.#socket.follow(call, api.restoreResultSchema, options);
  }

  /** Kills the gang's members; done once all are gone. A gang that has ended already is left as it is. */
  async stop(gang: string, options?: StreamOptions): Promise<void> {
    await this.#socket.follow(
      { method: 'POST', path: `${gangPath(gang)}/stop`, body: {} },
      api.emptyResultSchema,
      options,
    );
  }

  logs(gang: string, options?: CallOptions): Promise<api.GangLogs> {
    return this.#socket.ask({ method: 'GET', path: `${gangPath(gang)}/logs` }, api.gangLogsSchema, options);
  }

  /** Answers when the gang has ended and no verb is about to bring it back. */
  wait(gang: string, options?: StreamOptions): Promise<api.WaitResult> {
    return this.#socket.follow(
      { method: 'GET', path: `${gangPath(gang)}/wait` },
      api.waitResultSchema,
      options,
    );
  }

  timeline(gang: string, epoch: number, options?: CallOptions): Promise<api.Timeline> {
    return this.#socket.ask(
      { method: 'GET', path: `${epochPath(gang, epoch)}/timeline` },
      api.timelineSchema,
      options,
    );
  }

  /** Reads and checks everything that is stored of an epoch. Problems are a result, not an error. */
  verify(gang: string, epoch: number, options?: StreamOptions): Promise<api.VerifyResult> {
    const call = { method: 'POST', path: `${epochPath(gang, epoch)}/verify`, body: {} } as const;
    return this.#socket.follow(call, api.verifyResultSchema, options);
  }

  /** Forgets a gang that has ended, with its epochs and logs. */
  async removeGang(gang: string, options?: CallOptions): Promise<void> {
    await this.#socket.ask({ method: 'DELETE', path: gangPath(gang) }, api.emptyResultSchema, options);
  }

  async removeEpoch(gang: string, epoch: number, options?: CallOptions): Promise<void> {
    await this.#socket.ask(
      { method: 'DELETE', path: epochPath(gang, epoch) },
      api.emptyResultSchema,
      options,
    );
  }

  listNodes(options?: CallOptions): Promise<api.NodeInfo[]> {
    return this.#socket.ask({ method: 'GET', path: '/v1/nodes' }, z.array(api.nodeInfoSchema), options);
  }

  /** Adds a node; one that was killed or drained is brought back under its name. */
  addNode(body: api.NodeAddRequest, options?: CallOptions): Promise<api.NodeInfo> {
    return this.#socket.ask({ method: 'POST', path: '/v1/nodes', body }, api.nodeInfoSchema, options);
  }

  /** Takes the node out of use and migrates every gang that has members on it. */
  drainNode(node: string, options?: StreamOptions): Promise<api.DrainResult> {
    return this.#socket.follow(
      { method: 'POST', path: `${nodePath(node)}/drain`, body: {} },
      api.drainResultSchema,
      options,
    );
  }

  /** Ends the coordinator, the agents and the nodes' networks; refused while a gang runs. Done once all are gone. */
  async shutdown(options?: CallOptions): Promise<void> {
    const { pid } = await this.health(options);
    const call = { method: 'POST', path: '/v1/shutdown', body: {} } as const;
    await this.#socket.ask(call, api.emptyResultSchema, options);
    // it goes last
    const end = performance.now() + limits.endDeadlineMs;
    while (isRunning(pid)) {
      if (performance.now() > end) throw new CoordinatorUnreachable(this.#socketPath, 'it does not end');
      await delay(limits.endPollMs, undefined, options);
    }
    // the folder of its socket is what a coordinator removes last
    const runtime = dirname(this.#socketPath);
    if (existsSync(runtime)) throw new ShutdownIncomplete(runtime);
  }

  /** SIGKILL for everything on the node, as if its power had failed. */
  async killNode(node: string, body: api.NodeKillRequest = {}, options?: CallOptions): Promise<void> {
    const call = { method: 'POST', path: `${nodePath(node)}/kill`, body } as const;
    await this.#socket.ask(call, api.emptyResultSchema, options);
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    return false;
  }
}
