// What must hold in a simulated world, looked at whenever something changes.
import type { JsonValue } from '@stillpoint/ledger';
import { epochNumber, gangId, incarnationNumber, ledgerKeys } from '@stillpoint/protocol';
import type { Manifest } from '@stillpoint/vault';
import { memberName, runsUnheld, type Member } from './member.ts';
import { findHalfDead, judgeCut, type Training } from './training.ts';
import type { World } from './world.ts';

/** Numbers that only grow, and keys that are written once. */
const growing = /\/(epoch-mark|incarnation|incarnation-mark)$|^leader\/(fence|turn)$/;
const writtenOnce = /\/(commit|go|ended)$|^given-up\//;

export class Watch {
  readonly #world: World;
  /** Why members may have ended, by incarnation. */
  readonly #excuses = new Map<string, string>();
  /** Incarnations that a committed epoch has stopped. */
  readonly #stopped = new Set<string>();
  readonly violations: string[] = [];
  /** A node was lost, with what was staged on it. */
  hasLostNodes = false;
  /** Epochs that were ever published. */
  published = 0;

  constructor(world: World) {
    this.#world = world;
    world.ledger.onWrite = (key, before, after) => this.#onWrite(key, before, after);
    world.vault.onPublished = (manifest, images) => this.#onPublished(manifest, images);
  }

  violated(what: string): void {
    this.#world.say(`VIOLATION: ${what}`);
    this.violations.push(what);
  }

  /** Something has happened that may end this incarnation. */
  excuse({ gang, incarnation }: Pick<Member, 'gang' | 'incarnation'>, why: string): void {
    this.#excuses.set(keyOf({ gang, incarnation }), why);
  }

  isExcused(gang: string, incarnation: number): boolean {
    return this.#excuses.has(keyOf({ gang, incarnation }));
  }

  /** At most one incarnation of a gang ever runs unheld. */
  look(): void {
    const running = new Map<string, Member>();
    for (const node of this.#world.nodes.values()) {
      for (const member of node.members) {
        if (!runsUnheld(member)) continue;
        if (!this.#isLetGo(member))
          this.violated(`${memberName(member)} runs, and its restore has no outcome \`go\``);
        if (this.#stopped.has(keyOf(member)))
          this.violated(`${memberName(member)} runs, and a checkpoint that stops it is committed`);
        const other = running.get(member.gang);
        if (other !== undefined && other.incarnation !== member.incarnation)
          this.violated(`${memberName(member)} and ${memberName(other)} run unheld together`);
        running.set(member.gang, member);
      }
    }
  }

  /** A member that was started may run at once; one that is restored waits for `go`. */
  #isLetGo({ gang, incarnation }: Member): boolean {
    const [id, number] = [gangId(gang), incarnationNumber(incarnation)];
    const opened = this.#world.ledger.peek(ledgerKeys.opened(id, number)) as { readonly from?: unknown };
    return opened.from === undefined || this.#world.ledger.peek(ledgerKeys.go(id, number)) !== undefined;
  }

  #onPublished(manifest: Manifest, images: readonly Training[]): void {
    const name = `epoch ${manifest.epoch} of ${manifest.gang}`;
    const written = new Map(images.map(({ member, lines }) => [member, lines]));
    this.published += 1;
    this.#world.say(`${name} is published`);
    for (const problem of [
      ...judgeCut(images),
      ...findHalfDead(images),
      ...this.#world.file.judge(manifest, written),
    ])
      this.violated(`${name} is no consistent cut: ${problem}`);
  }

  #onWrite(key: string, before: JsonValue | undefined, after: JsonValue | undefined): void {
    this.#world.say(`ledger: ${key} = ${JSON.stringify(after)?.slice(0, 60)}`);
    if (growing.test(key) && before !== undefined && !(typeof after === 'number' && after > Number(before)))
      this.violated(`${key} went from ${JSON.stringify(before)} to ${JSON.stringify(after)}`);
    if (writtenOnce.test(key) && before !== undefined && after !== undefined)
      this.violated(
        `${key} was ${JSON.stringify(before)}, and was written again as ${JSON.stringify(after)}`,
      );
    const committed = /^gangs\/([^/]+)\/epochs\/(\d+)\/commit$/.exec(key);
    if (committed?.[1] !== undefined && after !== undefined)
      this.#onCommit(committed[1], Number(committed[2]));
    const rival = rivalOf(key);
    if (rival !== undefined && after !== undefined && this.#world.ledger.peek(rival) !== undefined)
      this.violated(`${key} is written where ${rival} stands`);
    const ending = /^gangs\/([^/]+)\/incarnations\/(\d+)\/ending$/.exec(key);
    if (ending?.[1] !== undefined && after !== undefined) this.#onEnding(ending[1], Number(ending[2]));
  }

  /** A committed stop ends its incarnation. */
  #onCommit(gang: string, epoch: number): void {
    const { outcome, header } = this.#world.ledger.peek(
      ledgerKeys.epoch(gangId(gang), epochNumber(epoch)),
    ) as {
      readonly outcome: string;
      readonly header: { readonly incarnation: number };
    };
    if (outcome !== 'stop') return;
    const stopped = { gang, incarnation: header.incarnation };
    this.#stopped.add(keyOf(stopped));
    this.excuse(stopped, `epoch ${epoch} stopped it`);
    this.look();
  }

  /** A gang of which all members run ends only if something has happened to it. */
  #onEnding(gang: string, incarnation: number): void {
    // before that, a restore whose members can not all be reached is ended
    const isRunning = this.#world.ledger.peek(`gangs/${gang}/incarnations/${incarnation}/running`) === true;
    if (isRunning && !this.isExcused(gang, incarnation))
      this.violated(`incarnation ${incarnation} of ${gang} ends, and nothing has happened to it`);
  }
}

const keyOf = ({ gang, incarnation }: Pick<Member, 'gang' | 'incarnation'>): string =>
  `${gang}/${incarnation}`;

/** The key with the opposite word: `commit` and abort, `go` and abandon. */
function rivalOf(key: string): string | undefined {
  const leaders = /^gangs\/(.+)\/(?:commit|go)$/.exec(key)?.[1];
  if (leaders !== undefined) return `given-up/${leaders}`;
  const anyones = /^given-up\/(.+\/(epochs|incarnations)\/.+)$/.exec(key);
  if (anyones === null) return undefined;
  return `gangs/${anyones[1]}/${anyones[2] === 'epochs' ? 'commit' : 'go'}`;
}
