// `npm test` after set-up: the checks and the system tests, or the long tests with `--long`. Ends with one
// line that counts all of them. Where CI is set a skipped test is a failure: there every requirement is met.
import { checkSteps, longSteps, runSteps, systemSteps } from './steps.ts';

const steps = process.argv.includes('--long') ? longSteps : [...checkSteps, ...systemSteps];
const { passed, failed, skipped } = await runSteps(steps);
for (const name of skipped) console.log(`skipped: ${name}`);
const refused = Boolean(process.env['CI']) && skipped.length > 0;
if (refused) console.log('CI is set: a skipped test fails the run');
console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);
process.exitCode = failed > 0 || refused ? 1 : 0;
