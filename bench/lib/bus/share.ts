// What the processes of `bus` have in common: which agents, members or participants each plays, and where.

/** The part of one process. */
export interface Share {
  /** Of the server that it connects to. */
  readonly url: string;
  readonly first: number;
  readonly count: number;
  /** Members of each agent. */
  readonly membersEach: number;
}

export const gangName = 'bench';
export const incarnation = 1;
export const nodeNameOf = (index: number): string => `n${index}`;

/** Points of a checkpoint at which all wait for all: frozen, held, noted, dumped. */
export const barriers = 4;
