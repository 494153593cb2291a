// For tests: a process of its own that stands as a candidate and says what happens to it, a line each.
import { performance } from 'node:perf_hooks';
import { openEtcdElection } from '../etcd/etcd-election.ts';

const [endpoint = ''] = process.argv.slice(2);
const election = openEtcdElection({ endpoints: [endpoint] });
const leadership = await election.campaign(new AbortController().signal);
console.log('leads');
leadership.lost.addEventListener('abort', () => console.log('lost'));
// how it finds itself after it stood still, before any timer that was due meanwhile has run
let lastMs = performance.now();
setInterval(() => {
  const nowMs = performance.now();
  if (nowMs - lastMs > 1000) console.log(`stood still, ${leadership.isHeld() ? 'leads' : 'does not lead'}`);
  lastMs = nowMs;
}, 5);
