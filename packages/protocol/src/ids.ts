// Branded identifiers: a gang's name is never mistaken for a node's, nor an epoch for a fence.

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Name of a gang: unique in one ledger. */
export type GangId = Brand<string, 'GangId'>;
/** Name of a node: one agent runs on each. */
export type NodeName = Brand<string, 'NodeName'>;
/** Index of a member in its gang, from 0. It equals the member's RANK in local mode. */
export type MemberId = Brand<number, 'MemberId'>;
/** Number of a checkpoint attempt of a gang, from 1; numbers only grow. */
export type Epoch = Brand<number, 'Epoch'>;
/** The leader's term, from 1. */
export type Fence = Brand<number, 'Fence'>;
/** Number of a run of a gang between a start or restore and the next, from 1. */
export type Incarnation = Brand<number, 'Incarnation'>;
/** Name of one hold: an agent makes a new one each time it takes up a hold. */
export type HoldId = Brand<string, 'HoldId'>;

export const gangId = (name: string): GangId => name as GangId;
export const nodeName = (name: string): NodeName => name as NodeName;
export const memberId = (index: number): MemberId => index as MemberId;
export const epochNumber = (value: number): Epoch => value as Epoch;
export const fenceNumber = (value: number): Fence => value as Fence;
export const incarnationNumber = (value: number): Incarnation => value as Incarnation;
export const holdId = (value: string): HoldId => value as HoldId;
