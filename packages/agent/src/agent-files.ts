// What one agent keeps in files about its own node until a reboot: each is replaced as a whole.
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GangId, HighestSeen } from '@stillpoint/protocol';
import type { KeptPart, PartStore, SeenStore } from './ports.ts';

const suffix = '.json';

export class PartFolder implements PartStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async list(): Promise<readonly unknown[]> {
    await mkdir(this.#folder, { recursive: true });
    const names = (await readdir(this.#folder)).filter((name) => name.endsWith(suffix));
    const texts = await Promise.all(names.map((name) => readFile(join(this.#folder, name), 'utf8')));
    return texts.map((text) => JSON.parse(text) as unknown);
  }

  async keep(key: string, part: KeptPart<unknown, unknown>): Promise<void> {
    const file = this.#file(key);
    await writeFile(`${file}.new`, JSON.stringify(part));
    await rename(`${file}.new`, file);
  }

  drop(key: string): Promise<void> {
    return rm(this.#file(key), { force: true });
  }

  #file(key: string): string {
    return join(this.#folder, key + suffix);
  }
}

export class SeenFolder implements SeenStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  list(): [GangId, HighestSeen][] {
    const names = readdirSync(this.#folder).filter((name) => name.endsWith(suffix));
    return names.map((name) => [
      name.slice(0, -suffix.length) as GangId,
      JSON.parse(readFileSync(join(this.#folder, name), 'utf8')) as HighestSeen,
    ]);
  }

  /** At once: the order that brought the numbers is acted on next. */
  keep(gang: GangId, seen: HighestSeen): void {
    const file = join(this.#folder, gang + suffix);
    writeFileSync(`${file}.new`, JSON.stringify(seen));
    renameSync(`${file}.new`, file);
  }
}
