// The agent's metrics for Prometheus, in a registry of their own. Fed where the facts arise; nothing is decided by them.
// No label has a gang's name or a member's number: both come and go without end.
import type { MemberReport, MemberStatus, StoredFile } from '@stillpoint/protocol';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** From a freeze of a millisecond to images that take minutes to store. */
const bucketsSeconds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

const memberStates = [
  'allocated',
  'awaiting-restore',
  'running',
  'frozen',
  'held',
  'exited',
  'lost',
] as const satisfies readonly MemberStatus['state'][];

/** What a node is asked for whenever somebody asks for its metrics. */
export interface ShownNode {
  members(): Promise<readonly Pick<MemberStatus, 'state'>[]>;
  staging(): Promise<{ readonly usedBytes: number; readonly freeBytes: number }>;
  /** Members that stay frozen because the decision can't be known. */
  inDoubt(): number;
}

/** One step of one member, of an epoch or of a restore attempt. */
export interface EndedStep {
  readonly work: 'epoch' | 'restore';
  readonly phase: string;
  readonly result: 'done' | 'failed';
  readonly ms: number;
}

export class AgentMetrics {
  readonly #registry = new Registry();
  readonly #steps = new Histogram({
    name: 'stillpoint_agent_step_seconds',
    help: 'How long the steps of members took.',
    labelNames: ['work', 'phase', 'result'],
    buckets: bucketsSeconds,
    registers: [this.#registry],
  });
  readonly #deadMan = new Counter({
    name: 'stillpoint_agent_dead_man_releases_total',
    help: 'Members that were released because nothing was heard of the coordinator.',
    registers: [this.#registry],
  });
  readonly #persisted = new Counter({
    name: 'stillpoint_agent_persisted_bytes_total',
    help: 'Bytes of images written to the vault, as they are stored there.',
    registers: [this.#registry],
  });

  /** In Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Memory, CPU and event loop of this process: for whoever has a process of its own. */
  addProcess(): void {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** From now on the node is asked for its members and its staging area whenever somebody asks. */
  show(node: ShownNode): void {
    this.#addGauge('members', 'Members on this node by their state.', ['state'], async (gauge) => {
      const members = await node.members();
      for (const state of memberStates)
        gauge.set({ state }, members.filter((member) => member.state === state).length);
    });
    const doubt = 'Members that have voted, hear nobody and stay frozen while the ledger is silent.';
    this.#addGauge('members_in_doubt', doubt, [], (gauge) => gauge.set(node.inDoubt()));
    const room = 'Room in the staging area, which all nodes of a machine share.';
    this.#addGauge('staging_bytes', room, ['state'], async (gauge) => {
      const { usedBytes, freeBytes } = await node.staging();
      gauge.set({ state: 'used' }, usedBytes);
      gauge.set({ state: 'free' }, freeBytes);
    });
  }

  stepEnded({ work, phase, result, ms }: EndedStep): void {
    this.#steps.observe({ work, phase, result }, ms / 1e3);
  }

  persisted(files: readonly StoredFile[]): void {
    this.#persisted.inc(files.reduce((sum, { storedBytes }) => sum + storedBytes, 0));
  }

  /** A member's reports have changed: what it said before is among them. */
  reported(before: readonly MemberReport[], now: readonly MemberReport[]): void {
    if (isGivenUp(now) && !isGivenUp(before)) this.#deadMan.inc();
  }

  /** What is looked up when somebody asks can't be behind. A look that fails shows nothing, and hides no other. */
  #addGauge<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    look: (gauge: Gauge<Label>) => Promise<void> | void,
  ): void {
    const gauge: Gauge<Label> = new Gauge({
      name: `stillpoint_agent_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      collect: async () => {
        gauge.reset();
        await Promise.resolve(look(gauge)).catch(() => gauge.reset());
      },
    });
  }
}

const isGivenUp = (reports: readonly MemberReport[]): boolean =>
  reports.some((report) => report.kind === 'Failed' && report.code === 'SP_COORDINATOR_SILENT');
