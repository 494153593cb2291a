// All gangs of a state folder, by name.
import type { Clock } from '@stillpoint/clock';
import { Gang } from './gang.ts';
import type { StoredGang } from './stored-gang.ts';
import { UnknownGang } from './verb-errors.ts';

export class Gangs {
  readonly #clock: Clock;
  readonly #gangs = new Map<string, Gang>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(stored: StoredGang): Gang {
    const gang = new Gang(stored, this.#clock);
    this.#gangs.set(gang.name, gang);
    return gang;
  }

  remove(name: string): void {
    this.#gangs.delete(name);
  }

  find(name: string): Gang | undefined {
    return this.#gangs.get(name);
  }

  /** @throws `SP_UNKNOWN_GANG` */
  get(name: string): Gang {
    const gang = this.#gangs.get(name);
    if (gang === undefined) throw new UnknownGang(name, [...this.#gangs.keys()]);
    return gang;
  }

  list(): Gang[] {
    return [...this.#gangs.values()].toSorted((a, b) => a.record.createdAtMs - b.record.createdAtMs);
  }

  /** Members of gangs that have not ended, on one node. */
  membersOn(node: string): { readonly gang: Gang; readonly member: number }[] {
    return this.list()
      .filter((gang) => !gang.isDead)
      .flatMap((gang) =>
        (gang.current?.opened.placement ?? [])
          .filter((placed) => placed.node === node)
          .map(({ member }) => ({ gang, member })),
      );
  }
}
