// The keys of a barrier in etcd.

/** Written by the centre: which barrier is next. Every member watches it. */
export const orderKey = 'barrier/order';
/** The centre watches these, and counts. */
export const arrivedPrefix = 'barrier/arrived/';
export const arrivedKey = (barrier: string, member: number): string => `${arrivedPrefix}${barrier}/${member}`;
