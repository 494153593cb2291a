// For whoever puts a coordinator, or only its driver of epochs, together in a world of its own: the simulator, and benches.
export { type Coordinator, type CoordinatorOptions, startCoordinator } from './coordinator.ts';
export { EpochRun } from './epoch-driver.ts';
export { epochInput } from './epoch-input.ts';
export type { Gang } from './gang.ts';
export type { NodePlatform } from './platform.ts';
export type { SharedFiles } from './shared-files.ts';
export { CoordinatorMetrics } from './metrics.ts';
