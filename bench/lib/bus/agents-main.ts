// A process of agents: each with a connection of its own and the agent's real protocol, on members of which nothing is
// there. Ends with whoever started it.
import { randomUUID } from 'node:crypto';
import { openLog, type SlotOwner } from '@stillpoint/agent';
import { AgentMetrics, NodeAgent } from '@stillpoint/agent/assembly';
import type { AgentListener } from '@stillpoint/bus';
import { listenOnNats } from '@stillpoint/bus/nats';
import { systemClock } from '@stillpoint/clock';
import { holdId, memberId, type MemberStep, type MemberStepResult } from '@stillpoint/protocol';
import { gangName, incarnation, nodeNameOf, type Share } from './share.ts';

const share = JSON.parse(process.argv[2] ?? '') as Share;
const metrics = new AgentMetrics();
const log = openLog({}, '/dev/null');
process.once('disconnect', () => process.exit(0));

/** Each step is done as soon as it is asked for. */
function perform(member: number, step: MemberStep): MemberStepResult {
  switch (step.step) {
    case 'preflight':
      return {
        step: 'preflight',
        blockers: [],
        holdBudgetMs: 60_000,
        room: { imageBytes: 1, vaultFreeBytes: 1e15 },
      };
    case 'hold':
      return { step: 'hold', holdId: step.holdId };
    case 'check':
      return {
        step: 'check',
        vote: {
          member: memberId(member),
          holdId: step.holdId,
          addresses: [`10.${member >> 16}.${(member >> 8) & 255}.${member & 255}`],
          connections: [],
          sockets: [],
          files: [],
          imageBytes: 1,
          stdoutBytes: 0,
          stderrBytes: 0,
        },
      };
    case 'release':
      return { step: 'release', heldMs: 1 };
    case 'survey':
      return { step: 'survey', addresses: [], sockets: [] };
    case 'settle':
      return { step: 'settle', destroyed: 0 };
    case 'persist':
      return { step: 'persist', files: [], meta: null };
    case 'freeze':
    case 'note':
    case 'dump':
    case 'kill':
    case 'forget':
      return { step: step.step };
  }
}

async function startAgent(index: number): Promise<void> {
  const node = nodeNameOf(index);
  const own: readonly SlotOwner[] = Array.from({ length: share.membersEach }, (_, each) => ({
    gang: gangName,
    incarnation,
    member: index * share.membersEach + each,
  }));
  const kept = {
    list: () => Promise.resolve([]),
    keep: () => Promise.resolve(),
    drop: () => Promise.resolve(),
  };
  const unknown = { read: () => Promise.resolve('none' as const) };
  const line: { listener?: AgentListener } = {};
  const agent = new NodeAgent<SlotOwner>({
    node,
    clock: systemClock,
    host: {
      sandboxes: (gang) => (gang === gangName ? own : []),
      reserved: () => [],
      find: () => Promise.resolve({ isHere: true, frozen: false, held: false }),
      epochSteps: ({ member }) => ({ perform: (step) => Promise.resolve(perform(member, step)) }),
      epochClosed: () => undefined,
      restoreSteps: () => ({ perform: () => Promise.reject(new Error('nothing is restored here')) }),
    },
    epochs: kept,
    restores: kept,
    seen: { list: () => [], keep: () => undefined },
    decisions: { ...unknown, tryAbort: unknown.read },
    outcomes: { ...unknown, tryAbandon: unknown.read },
    newHoldId: () => holdId(randomUUID()),
    send: (event) => line.listener?.broadcast(event),
    metrics,
    log,
  });
  line.listener = await listenOnNats(
    node,
    {
      onRequest: () => Promise.reject(new Error('nothing is asked here')),
      onCommand: (command) => agent.command(command),
    },
    { servers: [share.url], place: index + 1 },
  );
}

const indexes = Array.from({ length: share.count }, (_, each) => share.first + each);
/** So many connect at a time. */
const atOnce = 50;
while (indexes.length > 0) await Promise.all(indexes.splice(0, atOnce).map(startAgent));
process.send?.('ready');
