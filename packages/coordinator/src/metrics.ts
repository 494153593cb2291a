// The coordinator's metrics for Prometheus, in a registry of their own. Fed where the facts arise; nothing is decided by
// them. Labels are bounded: no histogram has a gang's name or a member's number, for both come and go without end, and
// each value of a label costs every bucket once more. Nodes are few, and keep their names.
import { StillpointError } from '@stillpoint/protocol';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { gangStateSchema } from './api.ts';
import type { Context } from './context.ts';
import type { Vote } from './epoch-journal.ts';
import type { Gang } from './gang.ts';
import type { EpochOpened, EpochReport } from './records.ts';

/** From a freeze of a millisecond to images that take minutes to store. */
const bucketsSeconds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** What a coordinator shows of itself once it leads. */
type Shown = Pick<Context, 'gangs' | 'nodes' | 'store' | 'closing'>;

/** An epoch that the ledger has closed. */
export interface ClosedEpoch {
  readonly opened: EpochOpened;
  readonly votes: readonly Vote[];
  readonly report: EpochReport;
  /** What it was closed with before, when it was published only later. */
  readonly before: EpochReport | undefined;
}

export class CoordinatorMetrics {
  readonly #registry = new Registry();
  #shown: Shown | undefined;
  readonly #epochs = new Counter({
    name: 'stillpoint_epochs_total',
    help: 'Epochs closed. One that was committed and stopped, and published later, counts under both results.',
    labelNames: ['outcome', 'result'],
    registers: [this.#registry],
  });
  readonly #phases = new Histogram({
    name: 'stillpoint_epoch_phase_seconds',
    help: 'How long epochs were in a phase.',
    labelNames: ['phase'],
    buckets: bucketsSeconds,
    registers: [this.#registry],
  });
  readonly #memberPhases = new Histogram({
    name: 'stillpoint_member_phase_seconds',
    help: 'How long one step took for one member, as its node says.',
    labelNames: ['phase', 'node'],
    buckets: bucketsSeconds,
    registers: [this.#registry],
  });
  readonly #stall = new Histogram({
    name: 'stillpoint_stall_seconds',
    help: 'How long the slowest member of an epoch stood still.',
    buckets: bucketsSeconds,
    registers: [this.#registry],
  });
  readonly #votes = new Counter({
    name: 'stillpoint_votes_total',
    help: 'Votes of members; one that failed or found a blocker before it had voted has voted no.',
    labelNames: ['node', 'verdict'],
    registers: [this.#registry],
  });
  readonly #retransmissions = new Counter({
    name: 'stillpoint_retransmissions_total',
    help: 'Orders sent to a node again: it had not answered, or waits with frozen members and is to hear something.',
    labelNames: ['kind'],
    registers: [this.#registry],
  });
  readonly #imageBytes = new Counter({
    name: 'stillpoint_image_bytes_total',
    help: 'Bytes of published epochs at each stage: raw, non_zero, stored.',
    labelNames: ['stage'],
    registers: [this.#registry],
  });
  readonly #restores = new Counter({
    name: 'stillpoint_restores_total',
    help: 'Restore attempts that have ended.',
    labelNames: ['result'],
    registers: [this.#registry],
  });
  readonly #ledgerErrors = new Counter({
    name: 'stillpoint_ledger_errors_total',
    help: 'Calls that the ledger did not carry out.',
    labelNames: ['code'],
    registers: [this.#registry],
  });

  constructor() {
    this.#addLeadership();
    this.#addGangs();
    this.#addNodes();
  }

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

  /** From now on, what this coordinator knows is looked up whenever somebody asks. */
  show(coordinator: Shown): void {
    this.#shown = coordinator;
  }

  epochClosed({ opened, votes, report, before }: ClosedEpoch): void {
    this.#epochs.inc({ outcome: opened.outcome, result: report.result });
    for (const [index, { phase, atMs }] of report.phases.entries()) {
      const next = report.phases[index + 1];
      // a wall clock may have been set back
      if (next !== undefined) this.#phases.observe({ phase }, Math.max(0, next.atMs - atMs) / 1e3);
    }
    const nodes = new Map(opened.members.map(({ member, node }) => [member, node]));
    const told = new Set(before?.spans.map(keyOf));
    for (const span of report.spans) {
      const node = nodes.get(span.member);
      if (node === undefined || told.has(keyOf(span))) continue;
      const seconds = Math.max(0, span.endMs - span.startMs) / 1e3;
      this.#memberPhases.observe({ phase: span.phase, node }, seconds);
    }
    const { stallMs, bytes, result } = report;
    if (stallMs !== undefined && before?.stallMs === undefined) this.#stall.observe(stallMs / 1e3);
    if (before === undefined)
      for (const { member, verdict } of votes) this.#votes.inc({ node: nodes.get(member) ?? '', verdict });
    if (result !== 'published' || bytes === undefined) return;
    this.#imageBytes.inc({ stage: 'raw' }, bytes.raw);
    this.#imageBytes.inc({ stage: 'non_zero' }, bytes.nonZero ?? 0);
    this.#imageBytes.inc({ stage: 'stored' }, bytes.stored ?? 0);
  }

  restoreEnded(result: string): void {
    this.#restores.inc({ result });
  }

  ledgerFailed(error: unknown): void {
    this.#ledgerErrors.inc({ code: error instanceof StillpointError ? error.code : 'unknown' });
  }

  /** Sends the orders of one epoch or attempt, and counts those that a node was sent before. */
  countRepeats<Order extends { readonly kind: string; readonly round?: number }>(
    send: (nodes: readonly string[], order: Order) => void,
  ): (nodes: readonly string[], order: Order) => void {
    const sent = new Set<string>();
    return (nodes, order) => {
      const { kind, round = 0 } = order;
      for (const node of nodes) {
        const key = `${node} ${kind} ${round}`;
        if (sent.has(key)) this.#retransmissions.inc({ kind });
        sent.add(key);
      }
      send(nodes, order);
    };
  }

  #addLeadership(): void {
    const leads = (): boolean => this.#shown?.closing.aborted === false;
    this.#addGauge('leader', 'Whether this coordinator leads.', [], (gauge) => gauge.set(leads() ? 1 : 0));
    this.#addGauge('fence', 'The fence of this coordinator; 0 before it has led.', [], (gauge) =>
      gauge.set(this.#shown?.store.fence ?? 0),
    );
  }

  #addGangs(): void {
    const gangs = (): Gang[] => this.#shown?.gangs.list() ?? [];
    this.#addGauge('gangs', 'Gangs by their state.', ['state'], (gauge) => {
      for (const state of gangStateSchema.options)
        gauge.set({ state }, gangs().filter((gang) => gang.state === state).length);
    });
    // a single number for each gang, which goes with it
    const help = 'When the newest epoch of a gang that is kept was published.';
    this.#addGauge('gang_last_published_epoch_timestamp_seconds', help, ['gang'], (gauge) => {
      for (const gang of gangs()) {
        const last = gang.epochs.findLast(
          (epoch) => epoch.closed?.result === 'published' && !epoch.isRemoved,
        );
        if (last?.closed !== undefined) gauge.set({ gang: gang.name }, last.closed.finishedAtMs / 1e3);
      }
    });
  }

  #addNodes(): void {
    const help = 'Nodes that were not killed, by whether their agent answers.';
    this.#addGauge('nodes', help, ['ready'], (gauge) => {
      const nodes = this.#shown?.nodes;
      const present = nodes?.list().filter(({ state }) => state === 'present') ?? [];
      const ready = present.filter(({ name }) => nodes?.find(name)?.isReady === true).length;
      gauge.set({ ready: 'true' }, ready);
      gauge.set({ ready: 'false' }, present.length - ready);
    });
  }

  /** What is looked up when somebody asks can't be behind. */
  #addGauge<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    look: (gauge: Gauge<Label>) => void,
  ): void {
    const gauge: Gauge<Label> = new Gauge({
      name: `stillpoint_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      collect: () => {
        gauge.reset();
        look(gauge);
      },
    });
  }
}

const keyOf = ({ member, phase, startMs }: EpochReport['spans'][number]): string =>
  `${member} ${phase} ${startMs}`;
