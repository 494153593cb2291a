// Public face of the simulator.
export { type Disturbance, makePlan, type Plan } from './faults.ts';
export { mutations } from './mutations.ts';
export { runPlan, type RunResult } from './run.ts';
