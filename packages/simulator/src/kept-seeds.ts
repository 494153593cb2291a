// Seeds that have found something, and what: run for ever.

export const keptSeeds: readonly (readonly [seed: number, what: string])[] = [
  [4, 'an epoch that the ledger opened without an answer blocked every later one'],
  [878, 'places of a restore whose request was lost stayed beside the gang that ran'],
  [242, 'a member that had died was never noticed, for the word of it was lost'],
  [277, 'a coordinator that was deposed removed the members of a restore that it had never heard of'],
  [26, 'it removed what a restore had just fetched'],
  [534, 'an epoch that was staged on a node that is lost is called lost'],
  [356, 'a write that was given up took effect late, over a later one'],
];
