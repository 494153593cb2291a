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

/** Nodes that one message reaches: a bit of the subject each. */
const fanBits = 64;
/** Places of nodes are numbers from 1 to this. */
export const fanPlacesMax = 16_384;

/**
 * One subject for any set of nodes: `stillpoint.fan.GROUP.0.1.1...`, with a token for each of the group's places that says
 * whether it is meant. An agent reads those whose own token is 1, whatever the others are, and the server lets it
 * read no more: it hears what is said to it, in a message that is published once.
 *
 * @param places of the nodes, each 1 and up
 * @returns the subject for each group, and the places that it reaches
 */
export function toPlaces(
  places: readonly number[],
): readonly { readonly subject: string; readonly places: readonly number[] }[] {
  const groups = Map.groupBy(places, (place) => Math.floor((place - 1) / fanBits));
  return [...groups].map(([group, own]) => {
    const bits = Array.from({ length: fanBits }, () => '0');
    for (const place of own) bits[(place - 1) % fanBits] = '1';
    return { subject: `${prefix}.fan.${group}.${bits.join('.')}`, places: own };
  });
}

/** What an agent in a place reads of `toPlaces`. */
export function atPlace(place: number): string {
  const bits = Array.from({ length: fanBits }, () => '*');
  bits[(place - 1) % fanBits] = '1';
  return `${prefix}.fan.${Math.floor((place - 1) / fanBits)}.${bits.join('.')}`;
}

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

/**
 * The least that an agent needs. It calls its own node, and hears whether another agent serves it.
 *
 * @param place of its node, where it has one
 */
export const agentRights = (node: string, place?: number): NatsRights => ({
  publish: [fromNode(node).all, toNode(node).call],
  subscribe: [toNode(node).all, fromNode(node).beat, ...(place === undefined ? [] : [atPlace(place)])],
});

/** Where a hook of the user's is asked, and where its answer comes to. */
export const hookSubject = (subject: string): string => `${prefix}.hook.${subject}`;
export const hookAnswer = (id: string): string => `${prefix}.hook-answer.${id}`;

export const coordinatorRights: NatsRights = {
  publish: [`${prefix}.to.>`, `${prefix}.fan.>`, `${prefix}.hook.>`],
  subscribe: [`${prefix}.from.>`, `${prefix}.hook-answer.*`],
};
