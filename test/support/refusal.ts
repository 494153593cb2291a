// What a verb says when it does not do what it was asked: exit status 1, and one coded error with its remedy.
import assert from 'node:assert/strict';
import { type ErrorLine, errorLineSchema } from '@stillpoint/coordinator';
import type { CliResult } from './cli.ts';
import type { Stillpoint } from './stillpoint.ts';

/** Runs a verb that must fail, and returns what it says. A verb of two words is one argument: `node kill`. */
export async function refusal(
  stillpoint: Stillpoint,
  verb: string,
  ...args: readonly string[]
): Promise<ErrorLine> {
  return refusalOf(await stillpoint.cli(...verb.split(' '), '--json', ...args));
}

/** Reads the error of a verb that was run with `--json`. */
export function refusalOf({ code, stdout, stderr }: CliResult, exitCode = 1): ErrorLine {
  assert.equal(code, exitCode, `${stdout}${stderr}`);
  const { error: said } = JSON.parse(stdout) as { readonly error: object };
  const error = errorLineSchema.parse({ kind: 'Error', ...said });
  assert.match(error.code, /^SP_[A-Z0-9_]+$/);
  assert.ok(error.remedy.length > 0, `${error.code} has no remedy`);
  return error;
}
