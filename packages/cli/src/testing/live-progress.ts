// Shows the progress of a checkpoint that is none: `live-progress.ts done|failed`, in a terminal.
import { startProgress } from '../progress/view.ts';
import { lookOf } from '../terminal.ts';

const how = process.argv[2] === 'failed' ? 'failed' : 'done';
const view = await startProgress('checkpoint train', process.stderr, lookOf(process.stderr, process.env));
const news = { kind: 'Progress', message: '' } as const;
view.report({ ...news, atMs: Date.now(), phase: 'freeze', message: '3 members' });
view.report({ ...news, atMs: Date.now(), phase: 'dump', done: 1, total: 3, unit: 'members' });
await view.end(how);
process.stdout.write(`${how}\n`);
