// Every verb of the command line, in the order of its help. Another verb is added here, and in scripts/usage.txt.
import { demo } from './demo/demo.ts';
import type { Verb } from './verb.ts';
import { checkpoint } from './verbs/checkpoint.ts';
import { complete, completion } from './verbs/completion.ts';
import { doctor } from './verbs/doctor.ts';
import { epochs } from './verbs/epochs.ts';
import { logs } from './verbs/logs.ts';
import { migrate } from './verbs/migrate.ts';
import { nodeAdd, nodeDrain, nodeKill, nodes } from './verbs/nodes.ts';
import { ps } from './verbs/ps.ts';
import { remove } from './verbs/remove.ts';
import { restore } from './verbs/restore.ts';
import { run } from './verbs/run.ts';
import { show } from './verbs/show.ts';
import { agent, authorize, serve } from './verbs/services.ts';
import { shutdown } from './verbs/shutdown.ts';
import { stop } from './verbs/stop.ts';
import { timeline } from './verbs/timeline.ts';
import { verify } from './verbs/verify.ts';
import { wait } from './verbs/wait.ts';

export const verbs: readonly Verb[] = [
  demo,
  run,
  ps,
  show,
  checkpoint,
  epochs,
  restore,
  migrate,
  stop,
  logs,
  wait,
  timeline,
  verify,
  remove,
  nodes,
  nodeAdd,
  nodeDrain,
  nodeKill,
  shutdown,
  doctor,
  serve,
  agent,
  authorize,
  completion,
  complete,
];
