// A file that all members of a simulated gang append their lines to, one under the other: each member numbers its own.
import type { SharedFiles } from '@stillpoint/coordinator/assembly';
import { type FileNote, memberId, mergeNotes } from '@stillpoint/protocol';
import type { Manifest } from '@stillpoint/vault';
import { mix } from './random.ts';

interface Line {
  readonly member: number;
  /** How many lines the member has written before it. */
  readonly number: number;
}

const path = '/shared/log';

/** What agents store of it with a member. */
interface MemberMeta {
  readonly vote: { readonly files: readonly FileNote[] };
}

export class SharedFile {
  #lines: readonly Line[] = [];
  /** Every content that was ever noted, by its digest: what a restore cuts off is kept. */
  readonly #noted = new Map<string, readonly Line[]>();

  /** @throws when the file does not hold just the lines that the member has written */
  append(member: number, number: number): void {
    const found = countOf(this.#lines, member);
    if (found !== number)
      throw new Error(`member ${member} has written ${number} lines, and the file has ${found} of it`);
    this.#lines = [...this.#lines, { member, number }];
  }

  note(): FileNote {
    const sha256 = digestOf(this.#lines);
    this.#noted.set(sha256, this.#lines);
    return {
      path,
      inode: 1,
      device: 1,
      sizeBytes: this.#lines.length,
      writable: true,
      append: true,
      sha256,
      modifiedMs: 0,
      isPrivate: false,
    };
  }

  /** What an epoch has of it, against what its members have written. @returns what is wrong */
  judge(manifest: Manifest, written: ReadonlyMap<number, number>): string[] {
    const lines = this.#ofEpoch(manifest);
    return [...written]
      .map(([member, count]) => [member, count, countOf(lines, member)] as const)
      .filter(([, count, found]) => count !== found)
      .map(
        ([member, count, found]) =>
          `member ${member} has written ${count} lines, and the file has ${found} of it`,
      );
  }

  /** The coordinator's port to it. */
  port(isUsed: () => boolean, violated: (what: string) => void): SharedFiles {
    return {
      check: () => Promise.resolve(),
      roll: ({ manifest }) => {
        if (isUsed()) violated('a file is rolled back while a member runs');
        this.#lines = this.#ofEpoch(manifest);
        return Promise.resolve();
      },
    };
  }

  #ofEpoch({ members }: Manifest): readonly Line[] {
    const notes = members.map(({ member, meta }) => ({
      member: memberId(Number(member)),
      files: (meta as unknown as MemberMeta).vote.files,
    }));
    const [merged] = mergeNotes(notes).files;
    const lines = this.#noted.get(merged?.sha256 ?? '');
    if (lines === undefined) throw new Error(`${path} was never noted as its epoch has it`);
    return lines;
  }
}

const countOf = (lines: readonly Line[], member: number): number =>
  lines.reduce((count, line) => count + (line.member === member ? 1 : 0), 0);

function digestOf(lines: readonly Line[]): string {
  const digest = lines.reduce((before, { member, number }) => mix(before, member, number), lines.length);
  return digest.toString(16).padStart(64, '0');
}
