// Where things are said on NATS. Whoever controls a node may write below `from.NODE` and read below `to.NODE`, and no more:
// so that an agent can speak for its own node only, and hears nothing that is said to others.

/** Above all subjects: several installations can share a server. */
const prefix = 'stillpoint';

/** A name as one token of a subject: dots and wildcards are none of it. */
const token = (name: string): string =>
  encodeURIComponent(name).replaceAll('.', '%2E').replaceAll('*', '%2A');

/** What is said to a node's agent. */
export const toNode = (node: string) =>
  ({
    command: `${prefix}.to.${token(node)}.command`,
    request: `${prefix}.to.${token(node)}.request`,
    /** Asks for a sign of life. */
    call: `${prefix}.to.${token(node)}.call`,
    all: `${prefix}.to.${token(node)}.*`,
  }) as const;

/** What a node's agent says. */
export const fromNode = (node: string) =>
  ({
    event: `${prefix}.from.${token(node)}.event`,
    /** A sign of life, or that it ends. */
    beat: `${prefix}.from.${token(node)}.beat`,
    answer: (coordinator: string) => `${prefix}.from.${token(node)}.answer.${token(coordinator)}`,
    all: `${prefix}.from.${token(node)}.>`,
  }) as const;

/** What a coordinator hears, of all nodes. */
export const fromAll = {
  event: `${prefix}.from.*.event`,
  beat: `${prefix}.from.*.beat`,
  answer: (coordinator: string) => `${prefix}.from.*.answer.${token(coordinator)}`,
} as const;

/** The token of the node that a subject of `fromAll` is about. */
export const nodeTokenOf = (subject: string): string => subject.split('.')[2] ?? '';
export const nodeToken = token;

/** What an identity is allowed at the server: subjects that it may write and read. */
export interface NatsRights {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** The least that an agent needs. It calls its own node, and hears whether another agent serves it. */
export const agentRights = (node: string): NatsRights => ({
  publish: [fromNode(node).all, toNode(node).call],
  subscribe: [toNode(node).all, fromNode(node).beat],
});

export const coordinatorRights: NatsRights = {
  publish: [`${prefix}.to.>`],
  subscribe: [`${prefix}.from.>`],
};
