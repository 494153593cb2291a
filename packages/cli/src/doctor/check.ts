// One finding of doctor, and how it reads. The same shape as the checks that work before set-up (scripts/doctor.sh).
import { z } from 'zod';

export const findingSchema = z.object({
  name: z.string(),
  ok: z.boolean(),
  /** What was found. */
  found: z.string(),
  /** What it is needed for; where it is not ok. */
  why: z.string().optional(),
  /** What to do; where it is not ok. */
  mend: z.string().optional(),
});
export type Finding = z.infer<typeof findingSchema>;

/** A thing that this machine must be able to do. It leaves nothing behind, and ends by itself in bounded time. */
export interface Check {
  readonly name: string;
  readonly needsRoot: boolean;
  /** What it is needed for, and what to do when it fails. */
  readonly why: string;
  readonly mend: string;
  /** @returns what was found @throws an error that says what is wrong; one with a `mend` of its own says that too */
  look(): Promise<string>;
}

/** Something is wrong, and this is how it is mended. */
export class Wrong extends Error {
  readonly mend: string | undefined;

  constructor(message: string, mend?: string) {
    super(message);
    this.name = 'Wrong';
    this.mend = mend;
  }
}

/** Never throws. */
export async function perform(check: Check): Promise<Finding> {
  const { name, why, mend } = check;
  try {
    return { name, ok: true, found: await check.look() };
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    const own = error instanceof Wrong ? error.mend : undefined;
    return { name, ok: false, found: found.trim().replaceAll(/\s*\n\s*/g, ' | '), why, mend: own ?? mend };
  }
}

const nameColumns = 11;

/** As scripts/doctor.sh prints its own. */
export function formatFinding({ name, ok, found, why, mend }: Finding): string {
  const label = name.padEnd(nameColumns);
  if (ok) return `ok    ${label} ${found}`;
  const because = why === undefined ? '' : `: ${why}`;
  const remedy = mend === undefined ? '' : `\n${' '.repeat(nameColumns + 7)}To mend it: ${mend}.`;
  return `FAIL  ${label} ${found}${because}.${remedy}`;
}
