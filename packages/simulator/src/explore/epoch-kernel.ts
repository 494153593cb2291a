// The truth about a member in an explored epoch, and what the steps of its agent do to it.
import { holdId, memberId, type MemberStepResult } from '@stillpoint/protocol';
import type { Draft } from './state.ts';
import { expects } from './violation.ts';

export interface EpochKernel {
  /** `killed`: by its agent. `dead`: of its own, or with its node. */
  readonly life: 'alive' | 'killed' | 'dead';
  readonly isFrozen: boolean;
  readonly isHeld: boolean;
  readonly wasHeld: boolean;
  /** While this hold lasts there was an instant at which all members stood frozen and held. */
  readonly sharesInstant: boolean;
  readonly hasNoted: boolean;
  /** The instant came before its files were noted. */
  readonly isOfCut: boolean;
  readonly wasReleased: boolean;
  /** It was released before all had noted. */
  readonly wasEarly: boolean;
  /** `orphan`: it is still being made, and the agent that began it is dead. `lost`: with its node. */
  readonly image: 'none' | 'orphan' | 'good' | 'bad' | 'lost';
  readonly hasVoted: boolean;
  readonly isStored: boolean;
}

export const firstKernel: EpochKernel = {
  life: 'alive',
  isFrozen: false,
  isHeld: false,
  wasHeld: false,
  sharesInstant: false,
  hasNoted: false,
  isOfCut: false,
  wasReleased: false,
  wasEarly: false,
  image: 'none',
  hasVoted: false,
  isStored: false,
};

export const holdOf = (member: number) => holdId(`hold-${member}`);

const standsStill = ({ life, isFrozen, isHeld }: EpochKernel): boolean =>
  life !== 'alive' || (isFrozen && isHeld);

export const hasImage = ({ image }: EpochKernel): boolean => image === 'good' || image === 'bad';

/** An image of what stood still from the instant on. */
const imageOf = ({ isFrozen, isHeld, isOfCut }: EpochKernel): EpochKernel['image'] =>
  isFrozen && isHeld && isOfCut ? 'good' : 'bad';

/** CRIU goes on by itself when its agent dies. */
export const orphanDump = (kernel: EpochKernel, step: string): EpochKernel | undefined =>
  step === 'dump' && kernel.life === 'alive' ? { ...kernel, image: 'orphan' } : undefined;
export const endOrphanDump = (kernel: EpochKernel): EpochKernel | undefined =>
  kernel.image === 'orphan' ? { ...kernel, image: imageOf(kernel) } : undefined;

/** Steps that an honest executor only does to a living member. */
const needsLife: ReadonlySet<string> = new Set([
  'preflight',
  'freeze',
  'hold',
  'note',
  'dump',
  'check',
  'survey',
]);

/** What a step does to a member, and what an honest executor reports; undefined when it fails. */
export function takeStep(
  draft: Draft<EpochKernel>,
  member: number,
  step: string,
  facts: { readonly isDecided: boolean; readonly isCommitted: boolean; readonly isStop: boolean },
): MemberStepResult | undefined {
  const kernel = draft.kernels[member];
  if (kernel === undefined || (needsLife.has(step) && kernel.life !== 'alive')) return undefined;
  const become = (more: Partial<EpochKernel>): void => {
    draft.kernels[member] = { ...kernel, ...more };
    if (!draft.kernels.every(standsStill)) return;
    draft.kernels.forEach((each, index) => {
      if (each.life === 'alive') draft.kernels[index] = { ...each, sharesInstant: true };
    });
  };
  const name = `member ${member}`;
  switch (step) {
    case 'preflight':
      return { step, blockers: [], holdBudgetMs: 60_000, room: { imageBytes: 1, vaultFreeBytes: 1_000 } };
    case 'freeze':
      become({ isFrozen: true });
      return { step };
    case 'hold':
      // later it changes nothing any more: the decision stands
      expects(!kernel.wasHeld || facts.isDecided, `${name} is held once before an epoch is decided`);
      become({ isHeld: true, wasHeld: true });
      return { step, holdId: holdOf(member) };
    case 'note':
      become({ hasNoted: true, isOfCut: kernel.sharesInstant && standsStill(kernel) });
      return { step };
    case 'dump':
      become({ image: imageOf(kernel) });
      return { step };
    case 'check':
      if (!standsStill(kernel) || !hasImage(kernel)) return undefined;
      become({ hasVoted: true });
      return { step, vote: makeVote(member) };
    case 'release': {
      expects(!(facts.isStop && facts.isCommitted), `${name} is not thawed after a stop that is committed`);
      const isEarly = draft.kernels.some(({ hasNoted }) => !hasNoted);
      become({
        isFrozen: false,
        isHeld: false,
        sharesInstant: false,
        wasReleased: true,
        wasEarly: kernel.wasEarly || isEarly,
      });
      return { step, heldMs: 100 };
    }
    case 'kill':
      expects(facts.isStop && facts.isCommitted, `${name} is killed only by a stop that is committed`);
      become({ life: kernel.life === 'alive' ? 'killed' : kernel.life, isFrozen: false });
      return { step };
    case 'survey':
      return { step, addresses: [`10.0.0.${member + 1}`], sockets: [] };
    case 'settle':
      return { step, destroyed: 0 };
    case 'persist':
      if (!hasImage(kernel)) return undefined;
      expects(facts.isCommitted, `the image of ${name} is stored after the commit`);
      become({ isStored: true });
      return { step, files: [], meta: null };
    case 'forget':
      become({ image: 'none' });
      return { step };
    default:
      throw new Error(`no such step: ${step}`);
  }
}

const makeVote = (member: number) => ({
  member: memberId(member),
  holdId: holdOf(member),
  addresses: [`10.0.0.${member + 1}`],
  connections: [],
  sockets: [],
  files: [],
  imageBytes: 1,
  stdoutBytes: 0,
  stderrBytes: 0,
});

export function killMember(kernel: EpochKernel): EpochKernel {
  return { ...kernel, life: 'dead', isFrozen: false };
}

export function loseMember(kernel: EpochKernel): EpochKernel {
  const life = kernel.life === 'killed' ? 'killed' : 'dead';
  return { ...kernel, life, isFrozen: false, isHeld: false, image: 'lost' };
}
