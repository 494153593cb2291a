// An agent that is only played: it speaks the bus and keeps the protocol's rules with the protocol's own machines, on
// a node without processes. A test can make its steps fail, hang or be slow, and kill it at any moment.
import { type AgentListener, listenAsAgent, type NodeCommand } from '@stillpoint/bus';
import type { Ledger } from '@stillpoint/ledger';
import {
  type EpochCommand,
  type EpochHeader,
  gangId,
  holdId,
  incarnationNumber,
  askDecision,
  askOutcome,
  type MemberEffect,
  memberEpochLimits,
  type MemberEvent,
  memberId,
  type MemberReport,
  memberRestoreLimits,
  type MemberRestoreEffect,
  type MemberRestoreEvent,
  type NodeAnswer,
  nodeName,
  type NodeRequest,
  type RestoreCommand,
  type RestoreReport,
  startMemberEpoch,
  startMemberRestore,
  stepMemberEpoch,
  stepMemberRestore,
  writeDecision,
  writeOutcome,
} from '@stillpoint/protocol';
import type { Vault } from '@stillpoint/vault';
import type { FakeNode } from './fake-node.ts';
import { FakePart } from './fake-part.ts';
import { type FakeStep, performEpochStep, performRestoreStep } from './fake-steps.ts';

export type HookRequest = Extract<NodeRequest, { kind: 'RunHook' }>;
export type HookAnswer = Extract<NodeAnswer, { kind: 'HookRan' }>;

export interface FakeAgentOptions {
  readonly node: FakeNode;
  readonly socketPath: string;
  readonly ledger: Ledger;
  readonly vault: Vault;
  /** Called before each step of a member; what it throws is the step's failure. */
  readonly beforeStep: (step: FakeStep) => Promise<void>;
  readonly runHook: (request: HookRequest) => Promise<HookAnswer>;
}

type EpochPart = FakePart<
  ReturnType<typeof startMemberEpoch>['state'],
  MemberEvent,
  MemberEffect,
  MemberReport
>;
type RestorePart = FakePart<
  ReturnType<typeof startMemberRestore>['state'],
  MemberRestoreEvent,
  MemberRestoreEffect,
  RestoreReport
>;

let holds = 0;
const newHold = () => holdId(`hold-${(holds += 1)}`);
const restoreOrders = new Set<string>(['RestorePreflight', 'Prepare', 'Restore', 'Lift', 'Abandon']);

export class FakeAgent {
  readonly #options: FakeAgentOptions;
  readonly #epochs = new Map<string, EpochPart>();
  readonly #restores = new Map<string, RestorePart>();
  #listener: AgentListener | undefined;
  #isDead = false;

  constructor(options: FakeAgentOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { node, socketPath } = this.#options;
    node.onExit = (member) => {
      const { gang, incarnation, exitCode } = member;
      for (const part of this.#epochs.values()) {
        const { header } = part.state.context;
        if (header.gang === gang && header.incarnation === incarnation && part.member === member.member)
          part.feed({ kind: 'MemberDied', reason: `exit code ${exitCode}` });
      }
      this.#restores
        .get(`${gang}/${incarnation}/${member.member}`)
        ?.feed({ kind: 'MemberDied', reason: `exit code ${exitCode}` });
      this.#listener?.broadcast({
        kind: 'MemberExited',
        node: nodeName(node.name),
        gang: gangId(gang),
        incarnation: incarnationNumber(incarnation),
        member: memberId(member.member),
        exitCode: exitCode ?? 137,
      });
    };
    for (const [key, state] of node.epochRecords) {
      const { header, member, reports } = state.context;
      const found = node.find(header.gang, header.incarnation, member);
      const part = this.#addEpoch(key, state);
      part.reports = reports;
      part.feed({
        kind: 'Restarted',
        found: { frozen: found?.frozen ?? false, held: found?.hold !== undefined },
      });
    }
    for (const [key, state] of node.restoreRecords) {
      const part = this.#addRestore(key, state);
      part.reports = state.context.reports;
      part.feed({ kind: 'Restarted' });
    }
    this.#listener = await listenAsAgent(socketPath, {
      onRequest: (request) => this.#answer(request),
      onCommand: (command) => this.#command(command),
    });
  }

  /** Ends the agent at once; its members stay as they are. */
  async kill(): Promise<void> {
    this.#isDead = true;
    for (const part of [...this.#epochs.values(), ...this.#restores.values()]) part.kill();
    await this.#listener?.close();
  }

  async #answer(request: NodeRequest): Promise<NodeAnswer> {
    const { node } = this.#options;
    switch (request.kind) {
      case 'Hello':
        return { kind: 'Hello', node: nodeName(node.name), pid: 1, version: 'fake' };
      case 'Allocate': {
        const { gang, incarnation, members } = request;
        const addresses = members.map((member) => ({
          member,
          addresses: node.addresses(node.allocate(gang, incarnation, member)),
        }));
        return { kind: 'Allocated', addresses };
      }
      case 'Launch': {
        const { gang, incarnation, member } = request;
        await this.#options.beforeStep({ node: node.name, step: 'launch', gang, member });
        const launched = node.get(gang, incarnation, member);
        if (launched.state === 'allocated') node.change(launched, { state: 'running' });
        return { kind: 'Launched' };
      }
      case 'Remove': {
        const doomed = [...node.members.values()].filter(
          ({ gang, incarnation }) => gang === request.gang && incarnation <= request.upTo,
        );
        for (const member of doomed) node.remove(member);
        return { kind: 'Removed', members: doomed.map(({ member }) => memberId(member)) };
      }
      case 'RunHook':
        return this.#options.runHook(request);
      case 'Status':
        return {
          kind: 'Status',
          members: [...node.members.values()].map((member) => node.status(member)),
          memoryAvailableBytes: 1e9,
          stagingFreeBytes: 1e9,
        };
    }
  }

  #command(command: NodeCommand): void {
    if (this.#isDead) return;
    if (restoreOrders.has(command.kind)) this.#restoreCommand(command as RestoreCommand);
    else this.#epochCommand(command as EpochCommand);
  }

  #epochCommand(command: EpochCommand): void {
    const { gang, incarnation, epoch, fence } = command;
    const here = [...this.#options.node.members.values()].filter(
      (member) => member.gang === gang && member.incarnation === incarnation && member.state !== 'allocated',
    );
    for (const { member } of here) {
      const key = `${gang}/${epoch}/${member}`;
      if (this.#epochs.has(key)) continue;
      const policy =
        command.kind === 'Preflight'
          ? { outcome: command.outcome, outside: command.outside, files: command.files }
          : ({ outcome: 'resume', outside: 'refuse', files: 'refuse' } as const);
      const header = { gang, incarnation, epoch, fence };
      const input = {
        header,
        member: memberId(member),
        ...policy,
        holdId: newHold(),
        limits: memberEpochLimits,
      };
      const { state, effects } = startMemberEpoch(input);
      this.#addEpoch(key, state).begin(effects);
    }
    const isKnown = [...this.#epochs.values()].some(
      ({ state }) => state.context.header.gang === gang && state.context.header.epoch === epoch,
    );
    if (!isKnown) this.#reportEpoch({ gang, incarnation, epoch, fence });
    for (const part of this.#epochs.values()) {
      const { header } = part.state.context;
      if (header.gang !== gang) continue;
      if (header.epoch === epoch) part.feed({ kind: 'CommandReceived', command });
      else if (header.epoch < epoch) part.feed({ kind: 'Superseded' });
    }
  }

  #restoreCommand(command: RestoreCommand): void {
    const { gang, incarnation, epoch, fence } = command;
    const { node } = this.#options;
    const here = [...node.members.values()].filter(
      (each) => each.gang === gang && each.incarnation === incarnation,
    );
    for (const { member } of here) {
      const key = `${gang}/${incarnation}/${member}`;
      if (this.#restores.has(key)) continue;
      const header = { gang, incarnation, epoch, fence };
      const input = { header, member: memberId(member), holdId: newHold(), limits: memberRestoreLimits };
      const { state, effects } = startMemberRestore(input);
      this.#addRestore(key, state).begin(effects);
    }
    for (const part of this.#restores.values()) {
      const { header } = part.state.context;
      if (header.gang !== gang) continue;
      if (header.incarnation === incarnation) part.feed({ kind: 'CommandReceived', command });
      else if (header.incarnation < incarnation) part.feed({ kind: 'Superseded' });
    }
  }

  #addEpoch(key: string, state: EpochPart['state']): EpochPart {
    const { node, ledger } = this.#options;
    const { header, member } = state.context;
    const question = askDecision(header.gang, header.epoch);
    const readDecision = async (): Promise<void> => {
      const result = await ledger.transact(question.transaction);
      const decision = question.answer(result.ok ? undefined : result.found) ?? 'none';
      part.feed({ kind: 'DecisionRead', decision });
    };
    const part: EpochPart = new FakePart(member, state, stepMemberEpoch, {
      persist: (record) => node.epochRecords.set(key, record),
      run: async (step) => {
        await this.#options.beforeStep({ node: node.name, step: step.step, gang: header.gang, member });
        return performEpochStep(this.#options, part.state.context, step);
      },
      report: () => this.#reportEpoch(part.state.context.header),
      ask: async (effect) => {
        if (effect.kind === 'TryAbort')
          await ledger.transact(
            writeDecision({ ...header, decision: 'abort', reason: effect.reason, fence: null }),
          );
        await readDecision();
      },
    });
    this.#epochs.set(key, part);
    return part;
  }

  #addRestore(key: string, state: RestorePart['state']): RestorePart {
    const { node, ledger } = this.#options;
    const { header, member } = state.context;
    const part: RestorePart = new FakePart(member, state, stepMemberRestore, {
      persist: (record) => node.restoreRecords.set(key, record),
      run: async (step) => {
        await this.#options.beforeStep({
          node: node.name,
          step: `restore:${step.step}`,
          gang: header.gang,
          member,
        });
        return performRestoreStep(this.#options, part.state.context, step);
      },
      report: () => this.#reportRestore(part),
      ask: async (effect) => {
        if (effect.kind === 'TryAbandon')
          await ledger.transact(
            writeOutcome({ ...header, outcome: 'abandon', reason: effect.reason, fence: null }),
          );
        const { transaction, answer } = askOutcome(header.gang, header.incarnation);
        const result = await ledger.transact(transaction);
        const outcome = answer(result.ok ? undefined : result.found) ?? 'none';
        part.feed({ kind: 'OutcomeRead', outcome });
      },
    });
    this.#restores.set(key, part);
    return part;
  }

  #reportEpoch(header: EpochHeader): void {
    const parts = [...this.#epochs.values()].filter(
      (part) =>
        part.state.context.header.gang === header.gang && part.state.context.header.epoch === header.epoch,
    );
    this.#listener?.broadcast({
      kind: 'Reports',
      ...header,
      node: nodeName(this.#options.node.name),
      reports: parts.flatMap(({ reports }) => reports),
      spans: parts.flatMap(({ spans }) => spans),
    });
  }

  #reportRestore({ state }: RestorePart): void {
    const { header } = state.context;
    const parts = [...this.#restores.values()].filter(
      (part) =>
        part.state.context.header.gang === header.gang &&
        part.state.context.header.incarnation === header.incarnation,
    );
    this.#listener?.broadcast({
      kind: 'RestoreReports',
      ...header,
      node: nodeName(this.#options.node.name),
      reports: parts.flatMap(({ reports }) => reports),
      spans: parts.flatMap(({ spans }) => spans),
    });
  }
}
