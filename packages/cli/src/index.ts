// Public face of the command line: one run of it, what it needs of the outside, and state folders for a while.
export { makeTemporaryHome, sweepTemporaryHomes, type TemporaryHome } from './demo/temporary-home.ts';
export { type CliIo, type Output } from './io.ts';
export { exitCodes, runCli } from './run-cli.ts';
