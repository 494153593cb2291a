// One run of the demo: requirements, a state folder for a while, the story, the verdict; nothing is left of it.
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Interrupted } from '../errors.ts';
import { formatMs } from '../format/units.ts';
import type { Session } from '../session.ts';
import type { Difference } from './comparison.ts';
import { planDemo } from './plan.ts';
import type { DemoReport } from './report.ts';
import { checkRequirements, python } from './requirements.ts';
import { Story } from './story.ts';
import { Teller } from './teller.ts';
import {
  makeTemporaryHome,
  sweepTemporaryHomes,
  type TemporaryHome,
  temporaryHomesFolder,
} from './temporary-home.ts';

const prefix = 'stillpoint-demo';
const script = fileURLToPath(new URL('../../demo/train.py', import.meta.url));

/** What the training is given of the environment: nothing that could change what it computes. */
const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', OMP_NUM_THREADS: '1' };

export interface DemoChoices {
  readonly scale: 'full' | 'quick';
  /** Leave the state folder. */
  readonly keep: boolean;
}

/** Removes what `--keep` and killed demos have left. @returns the folders */
export const cleanDemos = (): Promise<readonly string[]> => sweepTemporaryHomes(prefix, 'all');

/** @throws `SP_DEMO_REQUIREMENT`, `SP_DEMO_OFF_SCRIPT`, what kept Stillpoint from doing its part, `Interrupted` */
export async function runDemo(session: Session, { scale, keep }: DemoChoices): Promise<DemoReport> {
  // with --json the story is progress, and the report is the result
  const { io, json } = session;
  const teller = json ? new Teller(io.stderr, session.errorLook) : new Teller(io.stdout, session.look);
  const { bold } = teller.look.colors;
  teller.say(bold('A training job is checkpointed while it runs, loses a machine, and goes on elsewhere.'));
  teller.fact('script', script);
  await checkRequirements(temporaryHomesFolder);
  await sweepTemporaryHomes(prefix, 'abandoned');
  const place = await makeTemporaryHome(prefix);
  let report: DemoReport;
  try {
    report = await tellStory(session, teller, place, scale);
  } catch (error) {
    if (error instanceof Interrupted)
      throw new Interrupted(error.signal, 'the demo is over, and what it had started is ended');
    throw error;
  } finally {
    teller.live([]);
    if (keep) await place.keep();
    else await place.remove();
    if (keep) tellHowToLook(teller, place);
  }
  tellVerdict(teller, report);
  return keep ? { ...report, kept: place.home } : report;
}

async function tellStory(
  { io, signal }: Session,
  teller: Teller,
  { home, work }: TemporaryHome,
  scale: DemoChoices['scale'],
): Promise<DemoReport> {
  // a checkout in /tmp would be hidden by the sandbox's own
  const seen = join(work, 'train.py');
  await copyFile(script, seen);
  const client = await io.connect(home, signal);
  const story = new Story({
    plan: planDemo(scale),
    client,
    teller,
    program: [python, seen],
    environment: { ...environment, HOME: io.env['HOME'] ?? '/root' },
    cwd: work,
    signal,
  });
  return story.tell();
}

function tellHowToLook(teller: Teller, { home }: TemporaryHome): void {
  teller.say();
  teller.fact('kept', home);
  teller.fact('look at it', `STILLPOINT_HOME=${home} stillpoint epochs demo`);
  teller.fact('remove it', 'stillpoint demo --clean');
}

function tellVerdict(teller: Teller, { bitIdentical, comparison, elapsedMs }: DemoReport): void {
  const { identical, of, ranks, first } = comparison;
  const { colors } = teller.look;
  teller.say();
  if (first !== undefined) tellDifference(teller, first);
  teller.say(colors.dim(`${formatMs(elapsedMs)} in all`));
  const counted = `${identical} of ${of} steps on ${ranks} ranks`;
  teller.say(
    bitIdentical ? colors.green(`bit-identical: ${counted}`) : colors.red(`not bit-identical: ${counted}`),
  );
}

function tellDifference(teller: Teller, { rank, step, expected, found }: Difference): void {
  teller.say(
    `The first difference is at ${step === undefined ? 'the end' : `step ${step}`} of rank ${rank}:`,
  );
  teller.fact('expected', expected ?? 'no such line');
  teller.fact('found', found ?? 'no such line');
}
