// `npm run bench [NAME...] [-- --rounds N --quick]`: runs benchmarks, prints their tables and writes their results.
import { parseArgs } from 'node:util';
import { bus } from './bus.ts';
import { cost } from './cost.ts';
import { earlyRelease } from './early-release.ts';
import { failover } from './failover.ts';
import { describe, readCircumstances } from './lib/machine.ts';
import { type Benchmark, renderTable, renderVerdict, writeResult } from './lib/report.ts';
import { restore } from './restore.ts';
import { stall } from './stall.ts';

const benchmarks: readonly Benchmark[] = [stall, restore, earlyRelease, cost, bus, failover];

const usage = `npm run bench [NAME...] [-- --rounds N --quick]

${benchmarks.map(({ name, summary }) => `  ${name.padEnd(14)} ${summary}`).join('\n')}

Without a name all of them, one after the other. Needs root, and a machine where nothing else is at work.
docs/benchmarks.md says how each is measured. The results are written to bench/results/NAME.json. Ends with 1 if a
bar is missed; --quick shows that it works, and judges nothing.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

function refuse(why: string): never {
  process.stderr.write(`${why}\n\n${usage}\n`);
  process.exit(2);
}

if (values.help) {
  process.stdout.write(`${usage}\n`);
  process.exit(0);
}
const unknown = positionals.filter((name) => !benchmarks.some((benchmark) => benchmark.name === name));
if (unknown.length > 0) refuse(`there is no benchmark "${unknown.join('", "')}"`);
const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))
  refuse('--rounds takes a whole number from 1 on');
if (process.getuid?.() !== 0) refuse('benchmarks need root: run the same command with sudo');

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => interruption.abort(new Error(`interrupted by ${signal}`)));

const wanted =
  positionals.length === 0 ? benchmarks : benchmarks.filter(({ name }) => positionals.includes(name));
async function runOne(benchmark: Benchmark): Promise<void> {
  const { name, summary } = benchmark;
  const startedAt = performance.now();
  process.stdout.write(`\n${name}: ${summary}\n`);
  const circumstances = await readCircumstances();
  const result = await benchmark.run({
    ...(rounds === undefined ? {} : { rounds }),
    quick: values.quick,
    signal: interruption.signal,
    note: (text) =>
      process.stderr.write(`  [${((performance.now() - startedAt) / 1000).toFixed(0)} s] ${text}\n`),
  });
  for (const table of result.tables) process.stdout.write(`\n${renderTable(table)}\n`);
  process.stdout.write(`\n${result.verdicts.map(renderVerdict).join('\n')}\n`);
  process.stdout.write(
    `\n  ${describe(circumstances)}\n  ${await writeResult(name, circumstances, result)}\n`,
  );
  if (!values.quick && result.verdicts.some(({ level, isMet }) => level === 'bar' && !isMet))
    process.exitCode = 1;
}

try {
  for (const benchmark of wanted) await runOne(benchmark);
} catch (error) {
  const { message, stack } = error as Error;
  process.stderr.write(`${process.env['STILLPOINT_DEBUG'] === '1' ? stack : `error: ${message}`}\n`);
  process.exitCode = interruption.signal.aborted ? 130 : 1;
}
