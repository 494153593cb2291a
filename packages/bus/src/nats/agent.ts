// An agent's end of the bus on NATS. It says at short intervals that it is there: a coordinator that hears nothing takes it
// for lost.
import { randomUUID } from 'node:crypto';
import type { EpochReply, FailedReport, NodeAnswer } from '@stillpoint/protocol';
import { asErrorAnswer } from '../answers.ts';
import type { AgentHandlers, AgentListener, NodeEvent } from '../bus.ts';
import { AddressInUse, MessageTooLarge } from '../errors.ts';
import { busLimits } from '../limits.ts';
import { Connection, type NatsOptions } from './connection.ts';
import type { NatsMessages } from './messages.ts';
import { atPlace, fromNode, toNode } from './subjects.ts';

/**
 * Serves a node.
 *
 * @throws `SP_BUS_UNAVAILABLE`, and `SP_BUS_ADDRESS_IN_USE` when another agent says that it serves the node
 */
export async function listenOnNats(
  node: string,
  handlers: AgentHandlers,
  options: NatsOptions,
): Promise<AgentListener> {
  const agent = randomUUID();
  const connection = await Connection.open(`agent ${node}`, options);
  try {
    await requireFree(connection, node, agent);
  } catch (error) {
    await connection.close();
    throw error;
  }
  return serve(connection, node, agent, handlers, options);
}

/** Calls the node's agent: whoever else serves it makes itself heard. */
async function requireFree(connection: Connection, node: string, agent: string): Promise<void> {
  let isTaken = false;
  connection.hear(fromNode(node).beat, 'beat', (beat) => {
    if (beat.agent !== agent && !beat.isLast) isTaken = true;
  });
  connection.call(toNode(node).call);
  await new Promise((resolve) => setTimeout(resolve, busLimits.natsGuardMs));
  if (isTaken) throw new AddressInUse(node);
}

function serve(
  connection: Connection,
  node: string,
  agent: string,
  handlers: AgentHandlers,
  { place, onProblem = () => undefined }: NatsOptions,
): AgentListener {
  let waiting = 0;
  let ownPlace = place;
  const beat = (isLast = false): void => {
    connection.send(fromNode(node).beat, {
      agent,
      isLast,
      ...(ownPlace === undefined ? {} : { place: ownPlace }),
    });
  };
  const say = (coordinator: string, id: number, answer: NodeAnswer): void => {
    const isSaid = connection.send(fromNode(node).answer(coordinator), { id, agent, answer });
    if (isSaid || !connection.isUp) return;
    const tooLarge = asErrorAnswer(new MessageTooLarge(answer.kind, connection.messageBytesMax));
    connection.send(fromNode(node).answer(coordinator), { id, agent, answer: tooLarge });
  };
  const hearCommands = (subject: string, onRefused?: () => void): void =>
    connection.hear(subject, 'command', ({ command }) => handlers.onCommand(command), onRefused);
  hearCommands(toNode(node).command);
  // one that may not read there is spoken to by itself
  if (place !== undefined)
    hearCommands(atPlace(place), () => {
      ownPlace = undefined;
      beat();
    });
  connection.hear(
    toNode(node).request,
    'request',
    ({ id, coordinator, request }: NatsMessages['request']) => {
      if (waiting >= busLimits.requestsWaitingMax) return say(coordinator, id, tooMany);
      waiting += 1;
      void handlers
        .onRequest(request)
        .catch(asErrorAnswer)
        .then((answer) => {
          waiting -= 1;
          say(coordinator, id, answer);
        });
    },
  );
  connection.hearCall(toNode(node).call, () => beat());
  connection.watch((isUp) => {
    if (isUp) beat();
  });
  beat();
  const beating = setInterval(() => beat(), busLimits.natsBeatMs);
  return {
    broadcast: (event) => {
      for (const part of inParts(event, connection.messageBytesMax, onProblem))
        connection.send(fromNode(node).event, { agent, event: part });
    },
    close: async () => {
      clearInterval(beating);
      beat(true);
      await connection.close();
    },
  };
}

const tooMany: NodeAnswer = {
  kind: 'Error',
  code: 'SP_BUS_OVERLOADED',
  message: 'too many requests wait for their answers on this node',
  remedy: 'Try again when less is under way there.',
};

/** Room for what is around an event in its message. */
const wrappingBytes = 1_024;

/** A node's reports go in as many messages as it takes: they add up wherever they come. */
function inParts(
  event: NodeEvent,
  bytesMax: number,
  onProblem: (error: Error) => void,
): readonly NodeEvent[] {
  if (Buffer.byteLength(JSON.stringify(event)) + wrappingBytes <= bytesMax) return [event];
  if (event.kind !== 'Reports') {
    onProblem(new MessageTooLarge(event.kind, bytesMax));
    return [];
  }
  const { reports } = event;
  if (reports.length > 1) {
    const half = Math.ceil(reports.length / 2);
    const parts = [reports.slice(0, half), reports.slice(half)];
    // the spans go with the last part
    return parts.flatMap((part, index) =>
      inParts({ ...event, reports: part, spans: index === 0 ? [] : event.spans }, bytesMax, onProblem),
    );
  }
  if (event.spans.length > 0) return inParts({ ...event, spans: [] }, bytesMax, onProblem);
  return [failedInstead(event, bytesMax)];
}

/** A report that no message holds fails its member's epoch, in so many words. */
function failedInstead(event: EpochReply, bytesMax: number): EpochReply {
  const [report] = event.reports;
  if (report === undefined) return event;
  const { code, message, remedy } = new MessageTooLarge(
    `${report.kind} of member ${report.member}`,
    bytesMax,
  );
  const failed: FailedReport = {
    kind: 'Failed',
    member: report.member,
    phase: report.kind.toLowerCase(),
    code,
    message,
    remedy,
    retryable: false,
  };
  return { ...event, reports: [failed] };
}
