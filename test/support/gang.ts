// One gang under test: what its ranks have printed on its current timeline, and how it ended.
import assert from 'node:assert/strict';
import { open, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  CheckpointRequest,
  CheckpointResult,
  CoordinatorClient,
  EpochInfo,
  GangDetail,
  LogSegment,
  MemberInfo,
  RestoreRequest,
  RestoreResult,
} from '@stillpoint/coordinator';
import {
  compareRuns,
  parseSteps,
  type ReferenceRun,
  type StepRecord,
  verdictOf,
} from '../workloads/harness.ts';
import { until } from './until.ts';

const finishDeadlineMs = 120_000;

/** The file that keeps a gang slow. */
const slowFile = (cwd: string): string => join(cwd, 'slow');

/** Makes the pace of a gang that is to work in a folder count until `finish`. @returns options for its command */
export async function slowDown(cwd: string): Promise<string[]> {
  await writeFile(slowFile(cwd), '');
  return ['--slow-while', slowFile(cwd)];
}

export interface GangShape {
  readonly name: string;
  readonly members: number;
  /** The members' working folder. */
  readonly cwd: string;
  /** Application's ranks in a member, where a launcher starts several. */
  readonly ranksPerMember?: number;
}

export class TestGang {
  readonly name: string;
  readonly members: number;
  readonly cwd: string;
  readonly #client: CoordinatorClient;
  readonly #ranksPerMember: number | undefined;

  constructor(client: CoordinatorClient, shape: GangShape) {
    this.#client = client;
    this.name = shape.name;
    this.members = shape.members;
    this.cwd = shape.cwd;
    this.#ranksPerMember = shape.ranksPerMember;
  }

  show(): Promise<GangDetail> {
    return this.#client.showGang(this.name);
  }

  epochs(): Promise<EpochInfo[]> {
    return this.#client.listEpochs(this.name);
  }

  checkpoint(request: CheckpointRequest = {}): Promise<CheckpointResult> {
    return this.#client.checkpoint(this.name, request);
  }

  restore(request: RestoreRequest = {}): Promise<RestoreResult> {
    return this.#client.restore(this.name, request);
  }

  stop(): Promise<void> {
    return this.#client.stop(this.name);
  }

  /** What a member has written on the current timeline. */
  async output(member: number, stream: 'stdout' | 'stderr' = 'stdout'): Promise<string> {
    const logs = await this.#client.logs(this.name);
    const segments = logs.ranks.find(({ rank }) => rank === member)?.segments ?? [];
    const texts = segments.filter((segment) => segment.stream === stream).map(readSegment);
    return (await Promise.all(texts)).join('');
  }

  /** Steps of every rank on the current timeline, by rank. */
  async steps(): Promise<StepRecord[][]> {
    const outputs = await Promise.all(this.#memberNumbers().map((member) => this.output(member)));
    return outputs.flatMap((text) => this.#localRanks().map((local) => [...parseSteps(text, local)]));
  }

  /** The last step that every rank has finished; -1 before the first. */
  async step(): Promise<number> {
    const steps = await this.steps();
    return Math.min(...steps.map((records) => records.at(-1)?.step ?? -1));
  }

  /** Waits until every rank has finished a step, and fails at once when the gang ends before. */
  async untilStep(step: number, deadlineMs = 60_000): Promise<void> {
    let ended: string | undefined;
    await until(
      async () => {
        if ((await this.step()) >= step) return true;
        const { state, reason = '' } = await this.show();
        if (!['completed', 'failed', 'stopped'].includes(state)) return undefined;
        ended = `${this.name} is ${state} before step ${step}: ${reason}\n${await this.#lastWords()}`;
        return true;
      },
      `step ${step} of ${this.name}`,
      deadlineMs,
    );
    if (ended !== undefined && (await this.step()) < step) throw new Error(ended);
  }

  /** Waits until a member's node says that it is in a state. */
  async untilMember(member: number, state: MemberInfo['state'], deadlineMs = 30_000): Promise<void> {
    await until(
      async () => {
        const { members } = await this.show();
        return members.some((info) => info.member === member && info.state === state) || undefined;
      },
      `member ${member} of ${this.name} being ${state}`,
      deadlineMs,
    );
  }

  /** Waits until nothing is under way with it. @returns its state then */
  settled(deadlineMs?: number): Promise<string> {
    return until(
      async () => {
        const { state, openEpoch } = await this.show();
        const isBusy = openEpoch !== undefined || ['starting', 'restoring', 'stopping'].includes(state);
        return isBusy ? undefined : state;
      },
      `a ${this.name} with nothing under way`,
      deadlineMs,
    );
  }

  /** Waits until some steps more than now are finished. */
  async goOn(steps: number): Promise<void> {
    await this.untilStep((await this.step()) + steps);
  }

  /** Ends its pace: from now on it runs as fast as it can. */
  async hurry(): Promise<void> {
    await rm(slowFile(this.cwd), { force: true });
  }

  /** Waits for the end, at full pace; it must be a good one on every rank: exit status 0 and a verdict OK. */
  async finish(deadlineMs = finishDeadlineMs): Promise<void> {
    await this.hurry();
    const end = await this.#client.wait(this.name, { signal: AbortSignal.timeout(deadlineMs) });
    const words = end.state === 'completed' ? '' : await this.#lastWords();
    assert.deepEqual([end.state, end.exitCode], ['completed', 0], `${end.reason ?? ''}\n${words}`);
    for (const member of this.#memberNumbers()) {
      const text = await this.output(member);
      for (const local of this.#localRanks()) {
        const verdict = verdictOf(text, local);
        assert.equal(verdict.kind, 'ok', `member ${member}: ${JSON.stringify(verdict)}`);
      }
    }
  }

  /** The current timeline has each step once, in order, and all are those of a run that was never touched. */
  async expectSameAs(reference: ReferenceRun): Promise<void> {
    const wanted = reference.members.flatMap(({ stdout }) =>
      this.#localRanks().map((local) => parseSteps(stdout, local)),
    );
    const found = await this.steps();
    for (const [rank, records] of found.entries()) {
      const numbers = records.map(({ step }) => step);
      assert.deepEqual(numbers, [...numbers.keys()], `steps of rank ${rank}`);
    }
    const { firstDifference, identical, of } = compareRuns(wanted, found);
    assert.equal(firstDifference, undefined);
    assert.ok(of > 0, 'the reference has no steps');
    assert.equal(identical, of);
  }

  #memberNumbers(): number[] {
    return Array.from({ length: this.members }, (_, member) => member);
  }

  #localRanks(): (number | undefined)[] {
    const count = this.#ranksPerMember;
    return count === undefined ? [undefined] : Array.from({ length: count }, (_, local) => local);
  }

  async #lastWords(): Promise<string> {
    const words = await Promise.all(
      this.#memberNumbers().map(async (member) => {
        const texts = await Promise.all([this.output(member), this.output(member, 'stderr')]);
        return `member ${member}: ${texts.map((text) => text.trim().slice(-400)).join('\n')}`;
      }),
    );
    return words.join('\n');
  }
}

/** Bytes of a log file that belong to a timeline; a file that is not there yet is empty. */
async function readSegment({ path, fromBytes, toBytes }: LogSegment): Promise<string> {
  const info = await stat(path).catch(() => undefined);
  const end = Math.min(toBytes ?? Infinity, info?.size ?? 0);
  if (end <= fromBytes) return '';
  await using file = await open(path);
  const bytes = Buffer.alloc(end - fromBytes);
  await file.read(bytes, 0, bytes.length, fromBytes);
  return bytes.toString();
}
