// A deliberate error that a protocol of this kind could have: the simulator has to find every one of them. It is an edit
// of the sources, made while these are loaded; nothing of it is in the product.

interface Edit {
  /** Below `packages/`. */
  readonly file: string;
  /** Stands there once. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutation {
  readonly name: string;
  /** It is found within so many worlds from the first one. */
  readonly within: number;
  /** What a program with it does. */
  readonly what: string;
  readonly edits: readonly Edit[];
}
