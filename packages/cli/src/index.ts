// Public face of the command line: one run of it, and what it needs of the outside.
export { type CliIo, type Output } from './io.ts';
export { exitCodes, runCli } from './run-cli.ts';
