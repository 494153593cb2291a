// What is told of an epoch while it lasts and afterwards: phases, spans, bytes, the time that members stood still.
import type { Clock } from '@stillpoint/clock';
import type {
  Decision,
  EpochReply,
  Failure,
  GangProgress,
  GangResult,
  ManifestMember,
  MemberReport,
} from '@stillpoint/protocol';
import type { EpochReport, HookReport } from './records.ts';

/** Phases in which members may be frozen or held. Those of the decision are among them: *stop* holds until it is known. */
const holdingPhases = new Set([
  'freeze',
  'drain',
  'hold',
  'note',
  'dump',
  'release',
  'decide',
  'kill',
  'abort',
]);

/** A member's word on its part of the cut: `no` when it failed, or found a blocker, before it had voted. */
export interface Vote {
  readonly member: number;
  readonly verdict: 'yes' | 'no';
}

export class EpochJournal {
  readonly #clock: Clock;
  readonly #phases: { phase: string; atMs: number }[] = [];
  readonly #spans = new Map<string, EpochReport['spans'][number]>();
  readonly #reports = new Map<string, MemberReport>();
  readonly #hooks: HookReport[] = [];
  readonly #listeners = new Set<(phase: string) => void>();
  #decision: NonNullable<EpochReport['decision']> | undefined;
  #members: readonly ManifestMember[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get phase(): string {
    return this.#phases.at(-1)?.phase ?? 'preflight';
  }

  get decision(): EpochReport['decision'] {
    return this.#decision;
  }

  /** Members were in the hold's phases, and are past them. */
  get hasLetGo(): boolean {
    return this.#decision !== undefined && !holdingPhases.has(this.phase);
  }

  onPhase(listener: (phase: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  addProgress(event: GangProgress): void {
    if (event.kind !== 'PhaseEntered') return;
    this.#phases.push({ phase: event.phase, atMs: this.#clock.wallMs() });
    for (const listener of this.#listeners) listener(event.phase);
  }

  addDecision(decision: Decision): void {
    this.#decision ??= { decision, atMs: this.#clock.wallMs() };
  }

  addReply(reply: EpochReply): void {
    for (const span of reply.spans) this.#spans.set(`${span.member} ${span.phase} ${span.startMs}`, span);
    for (const report of reply.reports) this.#reports.set(`${report.member} ${report.kind}`, report);
  }

  addHook(report: HookReport): void {
    this.#hooks.push(report);
  }

  addMembers(members: readonly ManifestMember[]): void {
    this.#members = members;
  }

  report(result: Exclude<GangResult, 'undecided'>, failure: Failure | null): EpochReport {
    const votes = this.#all('Dumped').map(({ vote }) => vote);
    const stood = this.#all('Released').map(({ heldMs }) => heldMs);
    const raw = votes.reduce((sum, { imageBytes }) => sum + imageBytes, 0);
    return {
      result,
      ...(failure === null ? {} : { code: failure.code, reason: failure.message }),
      finishedAtMs: this.#clock.wallMs(),
      ...(stood.length === 0 ? {} : { stallMs: Math.max(...stood) }),
      ...(votes.length === 0 ? {} : { bytes: { raw, ...this.#stored() } }),
      ...(this.#decision === undefined ? {} : { decision: this.#decision }),
      phases: this.#phases,
      spans: [...this.#spans.values()].toSorted((a, b) => a.startMs - b.startMs),
      ...(this.#hooks.length === 0 ? {} : { hooks: this.#hooks }),
      cut: votes.map(({ member, stdoutBytes, stderrBytes }) => ({ member, stdoutBytes, stderrBytes })),
    };
  }

  /** Each member that has voted, once. */
  votes(): Vote[] {
    const verdicts = new Map<number, Vote['verdict']>();
    for (const { member, blockers } of this.#all('Ready'))
      if (blockers.length > 0) verdicts.set(member, 'no');
    for (const { member } of this.#all('Failed')) verdicts.set(member, 'no');
    for (const { member } of this.#all('Dumped')) verdicts.set(member, 'yes');
    return [...verdicts].map(([member, verdict]) => ({ member, verdict }));
  }

  #stored(): { nonZero?: number; stored?: number } {
    const files = this.#members.flatMap((member) => member.files);
    if (files.length === 0) return {};
    const nonZero = files.reduce((sum, file) => sum + file.nonZeroBytes, 0);
    return { nonZero, stored: files.reduce((sum, file) => sum + file.storedBytes, 0) };
  }

  #all<Kind extends MemberReport['kind']>(kind: Kind): Extract<MemberReport, { kind: Kind }>[] {
    return [...this.#reports.values()].filter(
      (report): report is Extract<MemberReport, { kind: Kind }> => report.kind === kind,
    );
  }
}
