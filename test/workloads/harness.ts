// What tests need of the workloads: running them for reference, reading their steps, comparing runs.
export {
  buildWorkloads,
  referenceOf,
  runReference,
  untilStep,
  workload,
  workloadsFolder,
} from './reference.ts';
export type { ReferenceRun } from './reference.ts';
export { compareRuns, parseSteps, parseTimes, verdictOf } from './steps.ts';
export type { StepRecord } from './steps.ts';
