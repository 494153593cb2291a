// Another one first in each round: what one way leaves behind must not always hit the same rival. Pure.

export const rotate = <Value>(values: readonly Value[], by: number): Value[] => [
  ...values.slice(by % values.length),
  ...values.slice(0, by % values.length),
];
