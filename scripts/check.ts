// `pnpm check`: everything that must hold before a commit, in under two minutes.
import { checkSteps, runSteps } from './steps.ts';

const { passed, failed, skipped } = await runSteps(checkSteps);
console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
