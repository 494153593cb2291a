// Looks at the members as the kernel has them, again and again: how long each stood still, and whether two incarnations of a
// gang ever ran at once. No agent or coordinator is asked.
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { HomePaths } from '@stillpoint/agent';
import { findCgroups } from './remains.ts';

const run = promisify(execFile);
const everyMs = 100;

interface Look {
  readonly place: string;
  readonly incarnation: number;
  readonly isStill: boolean;
}

export class Stillness {
  readonly #paths: HomePaths;
  readonly #since = new Map<string, number>();
  readonly #problems: string[] = [];
  #longestMs = 0;
  #countedFromMs = Infinity;
  #isEnding = false;
  readonly #watching: Promise<void>;

  constructor(paths: HomePaths) {
    this.#paths = paths;
    this.#watching = this.#watch();
  }

  /** From now on it counts how long members stand still. */
  countFromNow(): void {
    this.#countedFromMs = performance.now();
  }

  /** Members that stand still now. */
  get stillNow(): readonly string[] {
    return [...this.#since.keys()];
  }

  /** @returns the longest time that a member stood still, since it was counted, in ms; and what must not be */
  async end(): Promise<{ readonly longestMs: number; readonly problems: readonly string[] }> {
    this.#isEnding = true;
    await this.#watching;
    return { longestMs: this.#longestMs, problems: this.#problems };
  }

  async #watch(): Promise<void> {
    while (!this.#isEnding) {
      const looks = await this.#look();
      this.#count(looks);
      await this.#compare(looks);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  #count(looks: readonly Look[]): void {
    const now = performance.now();
    const still = new Set(looks.filter(({ isStill }) => isStill).map(({ place }) => place));
    for (const place of this.#since.keys()) if (!still.has(place)) this.#since.delete(place);
    for (const place of still) {
      const since = this.#since.get(place) ?? now;
      this.#since.set(place, since);
      this.#longestMs = Math.max(this.#longestMs, now - Math.max(since, this.#countedFromMs));
    }
  }

  /** Looks are not of one moment: whoever seems to run beside another incarnation is looked at once more. */
  async #compare(looks: readonly Look[]): Promise<void> {
    const running = looks.filter(({ isStill }) => !isStill);
    const newest = Math.max(...running.map(({ incarnation }) => incarnation));
    const older = running.filter(({ incarnation }) => incarnation < newest);
    if (older.length === 0) return;
    const again = await this.#look();
    for (const { place, incarnation } of older)
      if (again.some((look) => look.place === place && look.incarnation === incarnation && !look.isStill))
        this.#problems.push(`${place} of incarnation ${incarnation} ran beside incarnation ${newest}`);
  }

  async #look(): Promise<Look[]> {
    const places = await readdir(join(this.#paths.runtime, 'sandboxes')).catch(() => []);
    const cgroups = findCgroups(this.#paths.tag);
    const looks = await Promise.all(places.map((place) => this.#lookAt(place, cgroups)));
    return looks.filter((look) => look !== undefined);
  }

  /** A member that has processes; undefined where none is, or it goes meanwhile. */
  async #lookAt(place: string, cgroups: readonly string[]): Promise<Look | undefined> {
    try {
      const own = cgroups.filter((folder) => basename(folder) === place);
      const texts = await Promise.all(own.map((folder) => readFile(join(folder, 'cgroup.procs'), 'utf8')));
      if (texts.every((text) => text.trim() === '')) return undefined;
      const owner = JSON.parse(
        await readFile(join(this.#paths.runtime, 'sandboxes', place, 'owner.json'), 'utf8'),
      ) as { readonly incarnation: number };
      const isStill = (await this.#isFrozen(own)) || (await this.#isHeld(place));
      return { place, incarnation: owner.incarnation, isStill };
    } catch {
      return undefined;
    }
  }

  async #isFrozen(cgroups: readonly string[]): Promise<boolean> {
    for (const folder of cgroups) {
      const v1 = await readFile(join(folder, 'freezer.state'), 'utf8').catch(() => '');
      const v2 = await readFile(join(folder, 'cgroup.events'), 'utf8').catch(() => '');
      if (v1.trim() === 'FROZEN' || /^frozen 1$/m.test(v2)) return true;
    }
    return false;
  }

  async #isHeld(place: string): Promise<boolean> {
    const network = `--net=/run/netns/sp-${this.#paths.tag}-m-${place}`;
    const { stdout } = await run('nsenter', [network, 'nft', 'list tables'], { timeout: 5_000 });
    return stdout.includes('stillpoint_');
  }
}
