// The vault of a simulated world: images of members, and manifests. It can be away, full, and lose nothing that it has
// acknowledged.
import type { StoredFile } from '@stillpoint/protocol';
import {
  type EpochName,
  type Manifest,
  type Vault,
  VaultAlreadyPublishedError,
  VaultFullError,
  VaultIncompleteError,
  VaultUnavailableError,
  VaultUnknownEpochError,
} from '@stillpoint/vault';
import type { Engine } from './engine.ts';
import type { SimulatedProcess } from './process.ts';
import type { Random } from './random.ts';
import type { Training } from './training.ts';

/** Of an image, for a manifest: nobody looks into it. */
const fileOf = (image: Training): StoredFile => ({
  name: 'image',
  bytes: image.steps,
  nonZeroBytes: image.steps,
  storedBytes: image.steps,
  sha256: '0'.repeat(64),
  storedSha256: '0'.repeat(64),
});

const gigabyte = 1e9;

export class SimulatedVault {
  readonly #engine: Engine;
  readonly #random: Random;
  readonly #images = new Map<string, Training>();
  readonly #manifests = new Map<string, Manifest>();
  isAway = false;
  isFull = false;
  /** Called when an epoch becomes visible. */
  onPublished: (manifest: Manifest, images: readonly Training[]) => void = () => undefined;

  constructor(engine: Engine, random: Random) {
    this.#engine = engine;
    this.#random = random;
  }

  get freeBytes(): number {
    return this.isFull ? 0 : gigabyte;
  }

  /** What an agent does. @throws `SP_VAULT_UNAVAILABLE`, `SP_VAULT_FULL` */
  store(name: EpochName, image: Training): StoredFile[] {
    if (this.isAway) throw unavailable();
    if (this.isFull) throw new VaultFullError('the vault', 'modelled');
    const key = memberKey(name, image.member);
    if (!this.#images.has(key)) this.#images.set(key, image);
    return [fileOf(image)];
  }

  /** @throws `SP_VAULT_UNAVAILABLE`, `SP_VAULT_UNKNOWN_EPOCH` */
  fetch(name: EpochName, member: number): Training {
    if (this.isAway) throw unavailable();
    const image = this.#images.get(memberKey(name, member));
    if (image === undefined || !this.#manifests.has(keyOf(name)))
      throw new VaultUnknownEpochError(name.gang, name.epoch);
    return image;
  }

  /** Published epochs of which something is missing. */
  broken(): string[] {
    return [...this.#manifests.values()].flatMap((manifest) =>
      manifest.members
        .filter(({ member }) => !this.#images.has(memberKey(manifest, Number(member))))
        .map(
          ({ member }) => `epoch ${manifest.epoch} of ${manifest.gang} is published without member ${member}`,
        ),
    );
  }

  connect(process: SimulatedProcess): Vault {
    const call = <Answer>(work: () => Answer): Promise<Answer> => this.#call(process, work);
    return {
      writeMember: () => Promise.reject(new Error('a coordinator writes no member')),
      readMember: () => Promise.reject(new Error('a coordinator reads no member')),
      publish: ({ gang, epoch, manifest }) => call(() => this.#publish({ gang, epoch }, manifest)),
      list: (gang) =>
        call(() =>
          [...this.#manifests.values()]
            .filter((manifest) => manifest.gang === gang)
            .map(({ epoch }) => epoch)
            .toSorted((a, b) => a - b),
        ),
      readManifest: (gang, epoch) => call(() => this.#require({ gang, epoch })),
      verify: (gang, epoch) =>
        call(() => {
          this.#require({ gang, epoch });
          return [];
        }),
      remove: (gang, epoch) =>
        call(() => {
          this.#require({ gang, epoch });
          this.#remove({ gang, epoch });
        }),
      sweep: ({ inFlight }) => call(() => this.#sweep(inFlight)),
      freeBytes: () => call(() => this.freeBytes),
    };
  }

  #call<Answer>(process: SimulatedProcess, work: () => Answer): Promise<Answer> {
    const answered = Promise.withResolvers<Answer>();
    this.#engine.after(this.#random.next() * 20, () => {
      // what was asked for is done, whether the caller lives to hear of it or not
      let end: () => void;
      try {
        if (this.isAway) throw unavailable();
        const answer = work();
        end = () => answered.resolve(answer);
      } catch (error) {
        end = () => answered.reject(error);
      }
      this.#engine.after(this.#random.next() * 5, () => process.enter(end));
    });
    return answered.promise;
  }

  #publish(name: EpochName, manifest: Manifest): void {
    if (this.#manifests.has(keyOf(name))) throw new VaultAlreadyPublishedError(name.gang, name.epoch);
    const images = manifest.members.map(({ member }) => this.#images.get(memberKey(name, Number(member))));
    const present = images.filter((image) => image !== undefined);
    if (present.length < images.length)
      throw new VaultIncompleteError(name.gang, name.epoch, 'a member is missing');
    if (this.isFull) throw new VaultFullError('the vault', 'modelled');
    this.#manifests.set(keyOf(name), manifest);
    this.onPublished(manifest, present);
  }

  #require(name: EpochName): Manifest {
    const manifest = this.#manifests.get(keyOf(name));
    if (manifest === undefined) throw new VaultUnknownEpochError(name.gang, name.epoch);
    return manifest;
  }

  #remove(name: EpochName): void {
    this.#manifests.delete(keyOf(name));
    for (const key of this.#images.keys()) if (key.startsWith(`${keyOf(name)}/`)) this.#images.delete(key);
  }

  #sweep(inFlight: readonly EpochName[]): EpochName[] {
    const kept = new Set([...inFlight.map(keyOf), ...this.#manifests.keys()]);
    const swept = new Set([...this.#images.keys()].map((key) => key.slice(0, key.lastIndexOf('/'))));
    const names = [...swept].filter((key) => !kept.has(key)).map(nameOf);
    for (const name of names) this.#remove(name);
    return names;
  }
}

const keyOf = ({ gang, epoch }: EpochName): string => `${gang}/${epoch}`;
const memberKey = (name: EpochName, member: number): string => `${keyOf(name)}/${member}`;
function nameOf(key: string): EpochName {
  const [gang = '', epoch = ''] = key.split('/');
  return { gang, epoch: Number(epoch) };
}

const unavailable = (): VaultUnavailableError =>
  new VaultUnavailableError('the vault is away', { remedy: 'Wait until it is back.', retryable: true });
