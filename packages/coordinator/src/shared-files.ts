// The port to files that a gang's members share: brought to the cut by a restore, between two incarnations.
import type { FilesPolicy } from '@stillpoint/protocol';
import type { Manifest } from '@stillpoint/vault';
import type { Gang } from './gang.ts';

export interface RollBack {
  readonly gang: Gang;
  readonly manifest: Manifest;
  /** The incarnation that the restore begins. */
  readonly incarnation: number;
  readonly policy: FilesPolicy;
}

export interface SharedFiles {
  /** Whether all files can be brought to the epoch. Changes nothing. @throws `SP_FILE_CHANGED` naming those that can't */
  check(rollBack: RollBack, caller: AbortSignal): Promise<void>;
  /**
   * Brings every file to the epoch. No member of the gang may run. Left at any point, calling it again goes on.
   *
   * @throws `SP_FILE_CHANGED` and the like, `SP_ROLL_BACK_OVERDUE`, the caller's reason
   */
  roll(rollBack: RollBack, caller: AbortSignal): Promise<void>;
}
