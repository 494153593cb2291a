#!/usr/bin/env node
// The `stillpoint` command: this process's streams and signals, handed to the command line.
import { connect, connectIfRunning } from './connect.ts';
import type { InterruptSignal } from './errors.ts';
import type { CliIo } from './io.ts';
import { runCli } from './run-cli.ts';

const interrupts: readonly InterruptSignal[] = ['SIGHUP', 'SIGINT', 'SIGTERM'];
/** One that somebody has removed while we are in it still has a name, which a gang can't be started in. */
function currentFolder(): string {
  try {
    return process.cwd();
  } catch {
    return process.env['PWD'] ?? '/';
  }
}

const io: CliIo = {
  argv: process.argv.slice(2),
  env: process.env,
  cwd: currentFolder(),
  isRoot: process.getuid?.() === 0,
  stdout: process.stdout,
  stderr: process.stderr,
  now: () => Date.now(),
  connect,
  connectIfRunning,
  onInterrupt: (listener) => {
    const heard = (signal: NodeJS.Signals): void => listener(signal as InterruptSignal);
    for (const signal of interrupts) process.on(signal, heard);
    return () => {
      for (const signal of interrupts) process.off(signal, heard);
    };
  },
  exitNow: (code) => process.exit(code),
};

// whoever reads our output has had enough, as in `stillpoint logs train | head`
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const code = await runCli(io);
// what a slow reader has not taken yet is not lost
for (const stream of [process.stdout, process.stderr])
  await new Promise<void>((resolve) => stream.write('', () => resolve()));
process.exit(code);
