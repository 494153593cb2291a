// What an agent does with what it hears, whatever node it is on: the same code on sandboxes and in the simulator.
import type { NodeCommand } from '@stillpoint/bus';
import type { NodeAnswer, NodeRequest, RestoreCommand } from '@stillpoint/protocol';
import type { AgentLog } from './agent-log.ts';
import { EpochService } from './epoch-service.ts';
import { toFailure } from './failure.ts';
import { Fences } from './fences.ts';
import type { Decisions, Outcomes } from './ledger-words.ts';
import type { EpochHost, PartStore, RestoreHost, SeenStore, ServiceOptions } from './ports.ts';
import type { SlotOwner } from './sandbox-record.ts';
import { RestoreService } from './restore-service.ts';

export interface NodeAgentOptions<Place extends SlotOwner> extends Omit<ServiceOptions, 'store' | 'fences'> {
  readonly host: EpochHost<Place> & RestoreHost;
  readonly epochs: PartStore;
  readonly restores: PartStore;
  readonly seen: SeenStore;
  readonly decisions: Decisions;
  readonly outcomes: Outcomes;
}

export class NodeAgent<Place extends SlotOwner> {
  readonly #epochs: EpochService<Place>;
  readonly #restores: RestoreService;
  readonly #fences: Fences;
  readonly #log: AgentLog;

  constructor(options: NodeAgentOptions<Place>) {
    const { host, epochs, restores, seen, decisions, outcomes, ...rest } = options;
    this.#fences = new Fences(seen);
    const common = { ...rest, fences: this.#fences };
    this.#epochs = new EpochService({ ...common, store: epochs }, host, decisions);
    this.#restores = new RestoreService({ ...common, store: restores }, host, outcomes);
    this.#log = rest.log;
  }

  /** Goes on where an earlier agent of this node was killed. */
  async recover(): Promise<void> {
    await this.#epochs.recover();
    await this.#restores.recover();
  }

  /** A coordinator's order. */
  command(command: NodeCommand): void {
    try {
      if (isRestoreCommand(command)) this.#restores.command(command);
      else this.#epochs.command(command);
    } catch (error) {
      // it was not written down, so it was not acted on: the coordinator says it again
      const { kind, gang, incarnation, epoch, fence } = command;
      const subject = { gang, incarnation, epoch, fence };
      this.#log.error({ ...subject, command: kind, error: String(error) }, 'a command could not be taken');
    }
  }

  /** Members that stay frozen because the decision can't be known. */
  inDoubt(): number {
    return this.#epochs.inDoubt();
  }

  /** A member's processes are gone, not by our hand. */
  memberDied({ gang, incarnation, member }: SlotOwner, reason: string): void {
    this.#epochs.memberDied(gang, incarnation, member, reason);
    this.#restores.memberDied(gang, incarnation, member, reason);
  }

  /** A coordinator's request, unless it does not lead any more. Every failure is an answer too. */
  async request(
    request: NodeRequest,
    perform: (request: NodeRequest) => Promise<NodeAnswer>,
  ): Promise<NodeAnswer> {
    try {
      if ('fence' in request) this.#fences.admitRequest(request);
      const answer = await perform(request);
      // nobody asks any more whether they were restored
      if (request.kind === 'Remove') await this.#restores.membersRemoved(request.gang, request.upTo);
      return answer;
    } catch (error) {
      const { code, message, remedy } = toFailure(error);
      return { kind: 'Error', code, message, remedy };
    }
  }
}

const restoreKinds: ReadonlySet<string> = new Set<RestoreCommand['kind']>([
  'RestorePreflight',
  'Prepare',
  'Restore',
  'Lift',
  'Abandon',
]);

const isRestoreCommand = (command: NodeCommand): command is RestoreCommand => restoreKinds.has(command.kind);
