// A member on a simulated node, as the kernel has it: its place, whether it is frozen or held, its program.
import type { SlotOwner } from '@stillpoint/agent';
import type { Training } from './training.ts';

/** Finds a member again; another that gets its place has another serial number. */
export interface Place extends SlotOwner {
  readonly serial: number;
  readonly slot: number;
}

export interface Member extends Place {
  state: 'allocated' | 'running' | 'exited';
  isFrozen: boolean;
  hold: string | undefined;
  /** Its processes and connections, once it was launched or restored. */
  training: Training | undefined;
  exitCode: number | undefined;
  /** A CRIU works on it. */
  isDumped: boolean;
}

/** Whether its program does anything, or its packets leave it. */
export const runsUnheld = ({ state, isFrozen, hold }: Member): boolean =>
  state === 'running' && !isFrozen && hold === undefined;

export const addressOf = (nodeIndex: number, slot: number): string => `10.0.${nodeIndex}.${slot}`;

export const memberName = ({ gang, incarnation, member }: SlotOwner): string =>
  `${gang}/${incarnation}/${member}`;
