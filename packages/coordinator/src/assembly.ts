// For whoever puts a coordinator together in a world of its own: the simulator.
export { type Coordinator, type CoordinatorOptions, startCoordinator } from './coordinator.ts';
export type { Gang } from './gang.ts';
export type { NodePlatform } from './platform.ts';
export type { SharedFiles } from './shared-files.ts';
export { CoordinatorMetrics } from './metrics.ts';
