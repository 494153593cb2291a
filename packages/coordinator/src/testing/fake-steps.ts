// What the steps of an epoch or a restore do to a member that is only played.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  EpochHeader,
  FileNote,
  HoldId,
  MemberId,
  MemberRestoreResult,
  MemberRestoreStep,
  MemberStep,
  MemberStepResult,
  MemberVote,
} from '@stillpoint/protocol';
import type { Vault } from '@stillpoint/vault';
import type { FakeMember, FakeNode } from './fake-node.ts';

/** A step that is about to be done. */
export interface FakeStep {
  readonly node: string;
  readonly step: string;
  readonly gang: string;
  readonly member: number;
}

interface Resources {
  readonly node: FakeNode;
  readonly vault: Vault;
}

interface Subject {
  readonly header: EpochHeader;
  readonly member: MemberId;
}

export async function performEpochStep(
  { node, vault }: Resources,
  { header, member }: Subject,
  step: MemberStep,
): Promise<MemberStepResult> {
  const { gang, incarnation, epoch } = header;
  const stagingKey = `${gang}/${epoch}/${member}`;
  const found = node.find(gang, incarnation, member);
  switch (step.step) {
    case 'preflight':
      return {
        step: 'preflight',
        blockers: [],
        holdBudgetMs: 60_000,
        room: { imageBytes: 1000, vaultFreeBytes: node.world.vaultFreeBytes },
      };
    case 'freeze':
      node.change(node.get(gang, incarnation, member), { frozen: true });
      return { step: 'freeze' };
    case 'hold':
      node.change(node.get(gang, incarnation, member), { hold: step.holdId });
      return { step: 'hold', holdId: step.holdId };
    case 'note':
      node.notes.set(stagingKey, await node.world.noteFiles());
      return { step: 'note' };
    case 'dump':
      node.staging.set(stagingKey, node.get(gang, incarnation, member).value);
      return { step: 'dump' };
    case 'check': {
      const checked = node.get(gang, incarnation, member);
      const files = node.notes.get(stagingKey) ?? [];
      return {
        step: 'check',
        vote: fakeVote(node, checked, files),
      };
    }
    case 'release':
      if (found !== undefined) node.change(found, { hold: undefined, frozen: false });
      return { step: 'release', heldMs: 5 };
    case 'kill':
      if (found !== undefined) node.remove(found);
      return { step: 'kill' };
    case 'survey':
      return { step: 'survey', addresses: [], sockets: [] };
    case 'settle':
      return { step: 'settle', destroyed: 0 };
    case 'persist': {
      const value = node.staging.get(stagingKey);
      if (value === undefined) throw new Error('what was staged is gone');
      const files = await withFolder(async (folder) => {
        await writeFile(join(folder, 'image'), String(value));
        return (await vault.writeMember({ gang, epoch, member: String(member), from: folder })).files;
      });
      return {
        step: 'persist',
        files,
        meta: {
          vote: { files: node.notes.get(stagingKey) ?? [], ...fakeSizes(value) },
          contents: [],
        },
      };
    }
    case 'forget':
      node.staging.delete(stagingKey);
      return { step: 'forget' };
  }
}

export async function performRestoreStep(
  { node, vault }: Resources,
  { header, member }: Subject,
  step: MemberRestoreStep,
): Promise<MemberRestoreResult> {
  const { gang, incarnation, epoch } = header;
  const stagingKey = `restore/${gang}/${incarnation}/${member}`;
  const found = node.find(gang, incarnation, member);
  switch (step.step) {
    case 'preflight':
      await vault.readManifest(gang, epoch);
      return { step: 'preflight', blockers: [] };
    case 'prepare':
      await withFolder(async (folder) => {
        const to = join(folder, 'member');
        await mkdir(to);
        await vault.readMember({ gang, epoch, member: String(member), to });
        node.staging.set(stagingKey, Number(await readFile(join(to, 'image'), 'utf8')));
      });
      return { step: 'prepare' };
    case 'restore': {
      const value = node.staging.get(stagingKey);
      if (value === undefined) throw new Error('it was not prepared');
      const restored = node.get(gang, incarnation, member);
      node.change(restored, { frozen: true, hold: step.holdId, value, state: 'running' });
      return { step: 'restore', holdId: step.holdId };
    }
    case 'lift':
      node.change(node.get(gang, incarnation, member), { hold: undefined, frozen: false });
      return { step: 'lift' };
    case 'verify':
      if (found?.state !== 'running') throw new Error('it does not run');
      return { step: 'verify' };
    case 'abandon':
      if (found !== undefined) node.remove(found);
      node.staging.delete(stagingKey);
      return { step: 'abandon' };
  }
}

function fakeVote(node: FakeNode, fake: FakeMember, files: readonly FileNote[]): MemberVote {
  const { ipv4, ipv6 } = node.addresses(fake);
  return {
    member: fake.member as MemberId,
    holdId: fake.hold as HoldId,
    addresses: [ipv4, ipv6],
    connections: [],
    sockets: [],
    files,
    ...fakeSizes(fake.value),
  };
}

const fakeSizes = (value: number) => ({ imageBytes: 1000, stdoutBytes: value * 10, stderrBytes: value });

async function withFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'fake-agent-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
