// The options for what is outside a gang and for its files, which several verbs share.
import { Option } from 'commander';

export interface PolicyOptions {
  readonly outside?: 'refuse' | 'close' | 'keep';
  readonly files?: 'refuse' | 'save' | 'keep';
}

/** @param scope for what it holds */
export const outsideOption = (scope: string): Option =>
  new Option('--outside <POLICY>', `connections to someone outside the gang, ${scope}`).choices([
    'refuse',
    'close',
    'keep',
  ]);

/** @param scope for what it holds */
export const filesOption = (scope: string): Option =>
  new Option('--files <POLICY>', `files that are written in place or replaced, ${scope}`).choices([
    'refuse',
    'save',
    'keep',
  ]);
