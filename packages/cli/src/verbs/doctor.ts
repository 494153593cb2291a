// `stillpoint doctor`: what this machine can and cannot do, and how to mend it.
import type { Finding } from '../doctor/check.ts';
import type { Session } from '../session.ts';
import type { Verb } from '../verb.ts';

/** Findings of the launcher, which checks what works before set-up: an array of them as JSON. */
const handedOver = 'STILLPOINT_DOCTOR_CHECKS';

export const doctor: Verb = {
  name: 'doctor',
  summary: 'what this machine can and cannot do, and how to mend it',
  examples: [{ line: 'stillpoint doctor', says: 'every check; it changes nothing' }],
  notes: ['Ends with 1 if something is to be mended. JSON: {setup, checks: [{name, ok, found, why, mend}]}'],
  declare: (command, act) => command.action(act(examine)),
};

async function examine(session: Session): Promise<number | undefined> {
  const { findingSchema, formatFinding, perform } = await import('../doctor/check.ts');
  const { doctorChecks } = await import('../doctor/checks.ts');
  const { z } = await import('zod');
  const before = z.array(findingSchema).parse(JSON.parse(session.io.env[handedOver] ?? '[]'));
  const known = new Set(before.map(({ name }) => name));
  const findings: Finding[] = [];
  const add = (finding: Finding): void => {
    findings.push(finding);
    if (!session.json) session.print(finding, colored(formatFinding(finding), session));
  };
  if (!session.io.isRoot && !known.has('user')) add(notRoot);
  for (const check of doctorChecks(session.home)) {
    session.signal.throwIfAborted();
    if (!known.has(check.name) && (session.io.isRoot || !check.needsRoot)) add(await perform(check));
  }
  if (session.json) session.print({ setup: true, checks: [...before, ...findings] }, '');
  return findings.every(({ ok }) => ok) ? undefined : 1;
}

const notRoot: Finding = {
  name: 'user',
  ok: false,
  found: 'you are not root',
  why: 'namespaces, the freezer, nftables and CRIU need root',
  mend: 'run the same command with sudo',
};

function colored(text: string, { look: { colors } }: Session): string {
  return text.replace(/^FAIL/, colors.red('FAIL')).replace(/^ok/, colors.green('ok'));
}
