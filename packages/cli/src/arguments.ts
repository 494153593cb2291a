// What is typed after a verb, checked: names, epochs, lists, environment. All wrong input is a `UsageError`.
import { UsageError } from './errors.ts';
import { formatBytes } from './format/units.ts';

/** A gang, and perhaps one of its epochs: `train` or `train@7`. */
export interface Target {
  readonly gang: string;
  readonly epoch: number | undefined;
}

const nameRule = 'lower-case letters, digits and inner hyphens';

/** @throws `SP_USAGE` with the rule that names keep */
export async function gangName(text: string, verb: string): Promise<string> {
  const { coordinatorLimits, gangNameSchema } = await import('@stillpoint/coordinator');
  if (gangNameSchema.safeParse(text).success) return text;
  throw badName('gang', text, coordinatorLimits.gangNameLengthMax, verb);
}

/** @throws `SP_USAGE` with the rule that names keep */
export async function nodeName(text: string, verb: string): Promise<string> {
  const { coordinatorLimits, nodeNameSchema } = await import('@stillpoint/coordinator');
  if (nodeNameSchema.safeParse(text).success) return text;
  throw badName('node', text, coordinatorLimits.nodeNameLengthMax, verb);
}

function badName(what: string, text: string, lengthMax: number, verb: string): UsageError {
  return new UsageError(
    `"${text}" can't be the name of a ${what}: a name has ${nameRule}, at most ${lengthMax} characters`,
    verb,
    `Give a name such as \`train-1\`.`,
  );
}

/** Reads NAME@EPOCH, or NAME alone. */
export async function parseTarget(text: string, verb: string): Promise<Target> {
  const at = text.indexOf('@');
  if (at === -1) return { gang: await gangName(text, verb), epoch: undefined };
  const gang = await gangName(text.slice(0, at), verb);
  const digits = text.slice(at + 1);
  if (!/^[1-9]\d{0,14}$/.test(digits)) {
    throw new UsageError(
      `"${digits}" is no epoch: epochs are numbers from 1 on`,
      verb,
      `\`stillpoint epochs ${gang}\` lists them.`,
    );
  }
  return { gang, epoch: Number(digits) };
}

/** Reads NAME@EPOCH where the epoch can't be left out. */
export async function parseEpochTarget(
  text: string,
  verb: string,
): Promise<{ readonly gang: string; readonly epoch: number }> {
  const { gang, epoch } = await parseTarget(text, verb);
  if (epoch !== undefined) return { gang, epoch };
  throw new UsageError(
    `which epoch of "${gang}"? Write ${gang}@EPOCH`,
    verb,
    `\`stillpoint epochs ${gang}\` lists them.`,
  );
}

/** Reads NODE,NODE,... */
export async function nodeNames(text: string, verb: string): Promise<string[]> {
  return Promise.all(text.split(',').map((name) => nodeName(name.trim(), verb)));
}

/** Reads a whole number within bounds. */
export function wholeNumber(
  text: string,
  option: string,
  bounds: { readonly min: number; readonly max: number },
  verb: string,
): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= bounds.min && value <= bounds.max) return value;
  throw new UsageError(
    `${option} takes a whole number from ${bounds.min} to ${bounds.max}, not "${text}"`,
    verb,
  );
}

/** Reads K=V pairs, the later ones winning. */
export function environmentPairs(pairs: readonly string[], verb: string): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf('=');
      if (equals > 0) return [pair.slice(0, equals), pair.slice(equals + 1)];
      throw new UsageError(`--env takes NAME=VALUE, not "${pair}"`, verb);
    }),
  );
}

/** @throws `SP_USAGE` with its largest variables when the coordinator would not take it */
export function checkEnvironment(
  environment: Readonly<Record<string, string>>,
  bytesMax: number,
  verb: string,
): void {
  const bytes = jsonBytes(environment);
  if (bytes <= bytesMax) return;
  const sizes = Object.entries(environment).map(([name, value]) => ({ name, bytes: jsonBytes(value) }));
  const largest = sizes
    .toSorted((a, b) => b.bytes - a.bytes)
    .slice(0, namedVariablesMax)
    .map((each) => `${each.name} (${formatBytes(each.bytes)})`);
  throw new UsageError(
    `the environment has ${formatBytes(bytes)}, and a gang's may have ${formatBytes(bytesMax)}; ` +
      `largest in it: ${largest.join(', ')}`,
    verb,
    `Leave out what the gang does not need (\`env -u NAME stillpoint ${verb} ...\`), or put it into a file.`,
  );
}

const namedVariablesMax = 3;

const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
