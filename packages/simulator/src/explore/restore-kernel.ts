// The truth about a member in an explored restore, and what the steps of its agent do to it.
import { holdId } from '@stillpoint/protocol';
import type { Draft } from './state.ts';

export interface RestoreKernel {
  readonly state: 'absent' | 'frozen' | 'running';
  readonly wasRestored: boolean;
  readonly wasLifted: boolean;
  /** Of its own, or with its node. */
  readonly hasDied: boolean;
}

export const firstRestoreKernel: RestoreKernel = {
  state: 'absent',
  wasRestored: false,
  wasLifted: false,
  hasDied: false,
};

/** What a step does to a member, and what an honest executor reports; undefined when it fails. */
export function takeRestoreStep(
  draft: Draft<RestoreKernel>,
  member: number,
  step: string,
): object | undefined {
  const kernel = draft.kernels[member];
  if (kernel === undefined) return undefined;
  const isAbsent = kernel.state === 'absent';
  if (isAbsent && (step === 'lift' || step === 'verify')) return undefined;
  if (step === 'restore') draft.kernels[member] = { ...kernel, state: 'frozen', wasRestored: true };
  if (step === 'lift') draft.kernels[member] = { ...kernel, state: 'running', wasLifted: true };
  if (step === 'abandon') draft.kernels[member] = { ...kernel, state: 'absent' };
  if (step === 'preflight') return { step, blockers: [] };
  return step === 'restore' ? { step, holdId: holdId(`hold-${member}`) } : { step };
}

export function killRestored(kernel: RestoreKernel): RestoreKernel {
  return kernel.state === 'absent' ? kernel : { ...kernel, state: 'absent', hasDied: true };
}

export function loseRestored(kernel: RestoreKernel): RestoreKernel {
  return { ...kernel, state: 'absent', hasDied: true };
}
