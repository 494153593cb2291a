// Public face of the protocol: the algorithm, its words and its messages.
export { StillpointError, type StillpointErrorOptions } from './errors.ts';
