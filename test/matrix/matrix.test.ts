// A sample of the fault matrix: `npm run matrix` runs all of it.
import { expect, onTestFailed, test } from 'vitest';
import { TestCluster } from '../support/cluster.ts';
import { allCells, nameOf } from './cells.ts';
import { MatrixGang } from './matrix-gang.ts';
import { bounds, describe, runCell } from './run-cell.ts';

/** One of each target, each kind of fault and each operation, where most is at stake. */
const sample = [
  'resume/dump/leader/kill',
  'resume/note/CRIU/kill',
  'resume/hold/agent/cut',
  'stop/decide/leader/pause',
  'stop/dump/etcd quorum/cut',
  'stop/kill/standby/kill',
  'restore/restore/agent/kill',
  'restore/lift/nats-server/kill',
  'restore/decide/etcd leader/kill',
  'restore/verify/member/kill',
];
/** Longer than the dead-man time. */
const faultMs = 17_000;

test('whatever fails in whichever phase, the gang trains on or is restored, and loses nothing', async () => {
  await using cluster = await TestCluster.start();
  onTestFailed(() => {
    process.stderr.write(`${cluster.logs()}\n`);
  });
  const gang = new MatrixGang(cluster);
  for (const name of sample) {
    const cell = allCells.find((each) => nameOf(each) === name);
    if (cell === undefined) throw new Error(`there is no cell ${name}`);
    await gang.ready();
    const result = await runCell(cluster, gang.name, cell, { ...bounds, faultMs });
    expect(describe(result)).toMatch(/^(ran on|restored) /);
  }
  await gang.finish();
}, 600_000);
