// What `stillpoint demo --json` prints: the whole story as data.
import type { EpochInfo } from '@stillpoint/coordinator';
import type { Comparison } from './comparison.ts';

export interface DemoReport {
  readonly bitIdentical: boolean;
  readonly comparison: Comparison;
  /** Published before the node was killed; `stallMs` and `bytes` as `stillpoint epochs` has them. */
  readonly epochs: readonly EpochInfo[];
  readonly killedNode: string;
  /** The last step that a rank had finished when its node was killed. */
  readonly killedAtStep: number;
  readonly restore: DemoRestore;
  /** The run without Stillpoint. */
  readonly referenceMs: number;
  readonly elapsedMs: number;
  /** The state folder that `--keep` left. */
  readonly kept?: string;
}

export interface DemoRestore {
  readonly epoch: number;
  readonly durationMs: number;
  /** From the command to the first new step of any rank. */
  readonly firstStepMs: number;
  /** The first step after the cut. */
  readonly fromStep: number;
  readonly moves: readonly RankMove[];
}

/** Where a rank was, and where it came back. */
export interface RankMove {
  readonly rank: number;
  readonly from: { readonly node: string; readonly ipv4: string };
  readonly to: { readonly node: string; readonly ipv4: string };
}
