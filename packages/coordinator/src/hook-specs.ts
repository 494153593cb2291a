// What a hook is: where in an epoch it runs, how, and what becomes of the epoch when it fails. What can't be is refused when it is
// configured. Pure.
import { type HookDeadlines, type HookStage, hookStages, type Outcome } from '@stillpoint/protocol';
import { z } from 'zod';
import { limits } from './limits.ts';

const phases = ['preflight', 'freeze', 'hold', 'dump', 'release', 'persist'] as const;
const points = phases.flatMap((phase) => [`pre ${phase}`, `post ${phase}`] as const);
type Point = (typeof points)[number];

/** The stage of the protocol's machine at which a point's hooks run: between two phases there is one for both. */
const stageOf: Readonly<Record<Point, HookStage>> = {
  'pre preflight': 'preflight',
  'post preflight': 'freeze',
  'pre freeze': 'freeze',
  'post freeze': 'hold',
  'pre hold': 'hold',
  'post hold': 'dump',
  'pre dump': 'dump',
  'post dump': 'release',
  'pre release': 'release',
  'post release': 'persist',
  'pre persist': 'persist',
  'post persist': 'published',
};

/** Points at which every member runs, with its network, whatever the outcome. */
const whileMembersRun: readonly Point[] = ['pre preflight', 'post preflight', 'pre freeze', 'post release'];
/** Points before the decision: only then can an epoch be given up. */
const beforeDecision: readonly Point[] = points.filter(
  (point) => !['persist', 'published'].includes(stageOf[point]),
);

const hookSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'up to 40 of a-z, 0-9 and -'),
    when: z.enum(['pre', 'post']),
    phase: z.enum(phases),
    /** A command in the sandbox of each member, or of these ranks. */
    exec: z
      .strictObject({
        command: z.array(z.string()).min(1),
        ranks: z.array(z.int().nonnegative()).min(1).optional(),
      })
      .optional(),
    /** A POST with JSON; any answer of 2xx is a success. */
    http: z
      .strictObject({
        url: z.url({ protocol: /^https?$/, error: 'a URL that begins with http:// or https://' }),
        needsMember: z.boolean().default(false),
      })
      .optional(),
    /** A request to `stillpoint.hook.SUBJECT`; the answer is `{"ok": true}`, or `{"ok": false, "message": "..."}`. */
    nats: z
      .strictObject({
        subject: z.string().regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/, 'words of a-z, 0-9 and - with dots between'),
        needsMember: z.boolean().default(false),
      })
      .optional(),
    deadlineMs: z.int().min(1).max(limits.hookDeadlineMsMax).default(limits.hookDeadlineMs),
    /** `Abort` gives the epoch up, which is possible before the decision only; `Continue` is a warning. */
    failurePolicy: z.enum(['Abort', 'Continue']).optional(),
  })
  .superRefine((hook, context) => {
    for (const problem of problemsOf(hook)) context.addIssue({ code: 'custom', message: problem });
  });

export type Hook = z.output<typeof hookSchema>;

export const hooksSchema = z
  .array(hookSchema)
  .max(limits.hooksMax)
  .superRefine((hooks, context) => {
    const names = hooks.map(({ name }) => name);
    for (const name of new Set(names.filter((name, at) => names.indexOf(name) !== at)))
      context.addIssue({ code: 'custom', message: `two hooks are named ${name}` });
  });

/** The file of `run --hooks`. */
export const hooksFileSchema = z.strictObject({ hooks: hooksSchema });

type Fields = Pick<Hook, 'when' | 'phase' | 'exec' | 'http' | 'nats' | 'failurePolicy'>;

export const pointOf = ({ when, phase }: Pick<Hook, 'when' | 'phase'>): Point => `${when} ${phase}`;

function problemsOf(hook: Fields): string[] {
  const point = pointOf(hook);
  const ways = [hook.exec, hook.http, hook.nats].filter((way) => way !== undefined);
  const needsMember =
    hook.exec !== undefined || hook.http?.needsMember === true || hook.nats?.needsMember === true;
  return [
    ...(ways.length === 1 ? [] : ['it has one of exec, http and nats']),
    ...(needsMember && !whileMembersRun.includes(point)
      ? [`it needs a member that runs, and none does at ${point}: possible are ${whileMembersRun.join(', ')}`]
      : []),
    ...(hook.failurePolicy === 'Abort' && !beforeDecision.includes(point)
      ? [`at ${point} the epoch is decided: failurePolicy can only be Continue`]
      : []),
  ];
}

/** What its failure does, where it does not say. */
export const policyOf = (hook: Hook): 'Abort' | 'Continue' =>
  hook.failurePolicy ?? (beforeDecision.includes(pointOf(hook)) ? 'Abort' : 'Continue');

/** The hooks of a stage, in the order in which they run: what ends a phase before what begins the next. */
export function hooksAt(hooks: readonly Hook[], stage: HookStage, outcome: Outcome): readonly Hook[] {
  if (stage === 'aborted') return hooks.filter((hook) => pointOf(hook) === 'post release');
  const own = hooks.filter((hook) => stageOf[pointOf(hook)] === stage);
  // who was stopped was never released
  const fitting = outcome === 'stop' ? own.filter((hook) => pointOf(hook) !== 'post release') : own;
  return [...fitting.filter(({ when }) => when === 'post'), ...fitting.filter(({ when }) => when === 'pre')];
}

/** How long the hooks of each stage may take together. */
export function hookDeadlines(hooks: readonly Hook[], outcome: Outcome): HookDeadlines {
  const totals = hookStages.map((stage) => {
    const own = hooksAt(hooks, stage, outcome);
    return [
      stage,
      own.length === 0 ? undefined : own.reduce((sum, hook) => sum + hook.deadlineMs, 0),
    ] as const;
  });
  return Object.fromEntries(totals.filter(([, total]) => total !== undefined));
}
