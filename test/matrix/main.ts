// `npm run matrix`: the fault matrix, cell by cell, on a real cluster; prints each cell, then the matrix.
//   npm run matrix -- [--only WORDS] [--pause-s N] [--list]
// WORDS: all of them have to be in a cell's name OPERATION/PHASE/TARGET/FAULT, as in `--only "stop agent kill"`.
import { parseArgs } from 'node:util';
import { TestCluster } from '../support/cluster.ts';
import { type Cell, matching, nameOf, operations, targets } from './cells.ts';
import { bounds, type CellResult, describe, runCell } from './run-cell.ts';
import { MatrixGang } from './matrix-gang.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    'pause-s': { type: 'string', default: String(bounds.faultMs / 1000) },
    list: { type: 'boolean', default: false },
  },
});
const cells = matching(values.only.split(' ').filter(Boolean));
const faultMs = Number(values['pause-s']) * 1000;
if (cells.length === 0 || !(faultMs > 0)) {
  console.error(
    'no cell has all of these words in its name, or the pause is no number of seconds; --list lists cells',
  );
  process.exit(2);
}
if (values.list) for (const cell of cells) console.log(nameOf(cell), cell.senseless ?? '');
else process.exit(await runAll());

async function runAll(): Promise<number> {
  const results: CellResult[] = [];
  let isStopped = false;
  process.once('SIGINT', () => (isStopped = true));
  const sensible = cells.filter(({ senseless }) => senseless === undefined);
  console.log(`${sensible.length} cells, and ${cells.length - sensible.length} that make no sense`);
  await using cluster = await TestCluster.start();
  const gang = new MatrixGang(cluster);
  for (const cell of sensible) {
    if (isStopped) break;
    await gang.ready();
    const result = await runCell(cluster, gang.name, cell, { ...bounds, faultMs });
    console.log(describe(result));
    results.push(result);
  }
  print(results);
  const wrong = results.filter(({ outcome }) => outcome === 'WRONG');
  await gang.finish();
  console.log(
    `${results.length} cells, ${wrong.length} wrong; all messages of ${gang.finished} gangs arrived once, in order`,
  );
  return wrong.length > 0 || isStopped ? 1 : 0;
}

/** A table for each operation: phases down, targets across, and in each cell kill, pause and cut. */
function print(results: readonly CellResult[]): void {
  const found = new Map(results.map((result) => [nameOf(result.cell), result]));
  const mark = (cell: Cell): string => {
    if (cell.senseless !== undefined) return '·';
    const result = found.get(nameOf(cell));
    if (result === undefined) return ' ';
    return { 'ran on': 'o', restored: 'r', missed: '-', WRONG: 'X' }[result.outcome];
  };
  for (const [operation, phases] of Object.entries(operations)) {
    if (!cells.some((cell) => cell.operation === operation)) continue;
    console.log(
      `\n${operation}: kill, pause, cut   o ran on, r restored, - missed, X wrong, · makes no sense`,
    );
    console.log(`${''.padEnd(10)}${targets.map((target) => target.padEnd(13)).join('')}`);
    for (const phase of phases) {
      const row = targets.map((target) =>
        matching([`${operation}/${phase}/${target}/`])
          .map(mark)
          .join('')
          .padEnd(13),
      );
      console.log(`${phase.padEnd(10)}${row.join('')}`);
    }
  }
  const reasons = new Set(cells.flatMap(({ senseless }) => (senseless === undefined ? [] : [senseless])));
  console.log(`\nmakes no sense: ${[...reasons].join('; ')}`);
}
