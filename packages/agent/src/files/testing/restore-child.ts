// For tests: plans and applies a roll-back in a process that may be killed, and prints each step when it is taken.
import { writeSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { epochNumber, type GangFile, incarnationNumber } from '@stillpoint/protocol';
import { applySteps } from '../apply.ts';
import { planFileRollback } from '../plan.ts';
import type { UndoRecord } from '../undo-log.ts';

const job = JSON.parse(process.argv[2] ?? '') as { files: GangFile[]; tailFolder: string; records: string };
const lines = (await readFile(job.records, 'utf8')).split('\n').filter(Boolean);
const plan = await planFileRollback({
  files: job.files,
  records: lines.map((line) => JSON.parse(line) as UndoRecord),
  tailFolder: job.tailFolder,
  policy: 'refuse',
});
const steps = applySteps(plan, {
  tailFolder: job.tailFolder,
  epoch: epochNumber(1),
  incarnation: incarnationNumber(2),
  record: async (record) => {
    await using log = await open(job.records, 'a');
    await log.appendFile(`${JSON.stringify(record)}\n`);
    await log.sync();
  },
});
for await (const step of steps) writeSync(1, `${step}\n`);
writeSync(1, 'end\n');
