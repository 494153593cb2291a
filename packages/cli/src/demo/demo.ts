// `stillpoint demo`: the whole story on this machine, with its proof.
import type { Command } from 'commander';
import { NotRoot } from '../errors.ts';
import type { Session } from '../session.ts';
import type { Verb } from '../verb.ts';

interface DemoOptions {
  readonly quick?: true;
  readonly keep?: true;
  readonly clean?: true;
}

export const demo: Verb = {
  name: 'demo',
  usage: '[--quick]',
  summary: 'the whole story on this machine, with its proof',
  examples: [
    { line: 'stillpoint demo', says: 'in about two minutes' },
    { line: 'stillpoint demo --quick', says: 'fewer steps: in about one' },
    { line: 'stillpoint demo --keep', says: 'leave its state, to look at it' },
  ],
  notes: [
    'Three ranks train on three nodes, are checkpointed while they train, lose a node, come back on three other nodes, and',
    'train on to the end. Every step is then compared with a run that was never touched. It has a state folder of its own',
    'and leaves nothing behind, also after Ctrl-C. Exit code 0 only if every step is the same, bit for bit.',
    'JSON: {bitIdentical, comparison: {identical, of, ranks, first}, epochs, killedNode, killedAtStep,',
    '       restore: {epoch, durationMs, firstStepMs, fromStep, moves}, referenceMs, elapsedMs, kept}',
  ],
  declare: (command, act) => declareOptions(command).action(act(showDemo)),
};

function declareOptions(command: Command): Command {
  return command
    .option('--quick', 'fewer steps')
    .option('--keep', 'leave the state folder, with nothing running')
    .option('--clean', 'only remove what --keep has left');
}

async function showDemo(session: Session, options: DemoOptions): Promise<number | undefined> {
  if (!session.io.isRoot) throw new NotRoot('demo');
  const { cleanDemos, runDemo } = await import('./run-demo.ts');
  if (options.clean === true) {
    const removed = await cleanDemos();
    session.print(
      { removed },
      removed.map((folder) => `removed ${folder}`).join('\n') || 'nothing to remove',
    );
    return undefined;
  }
  const report = await runDemo(session, {
    scale: options.quick === true ? 'quick' : 'full',
    keep: options.keep === true,
  });
  if (session.json) session.print(report, '');
  return report.bitIdentical ? undefined : 1;
}
