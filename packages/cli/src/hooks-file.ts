// Reads the file of `run --hooks`: in YAML or JSON, `hooks:` and a list.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { RunRequest } from '@stillpoint/coordinator';
import { UsageError } from './errors.ts';

/** @throws `SP_USAGE` naming every field that is wrong */
export async function readHooks(path: string, cwd: string): Promise<NonNullable<RunRequest['hooks']>> {
  const refuse = (problem: string): UsageError =>
    new UsageError(`--hooks ${path}: ${problem}`, 'run', 'docs/hooks.md has examples; nothing was started.');
  const [{ parse }, { hooksFileSchema }] = await Promise.all([
    import('yaml'),
    import('@stillpoint/coordinator'),
  ]);
  let document: unknown;
  try {
    document = parse(await readFile(resolve(cwd, path), 'utf8'));
  } catch (error) {
    throw refuse((error as Error).message);
  }
  const parsed = hooksFileSchema.safeParse(document);
  if (parsed.success) return parsed.data.hooks;
  const names = hookNames(document);
  throw refuse(
    parsed.error.issues
      .map(
        ({ path: at, message }) =>
          `${at.map((key, index) => (index === 1 ? (names[Number(key)] ?? key) : key)).join('.')}: ${message}`,
      )
      .join('; '),
  );
}

/** What the hooks are called, where that can be told. */
function hookNames(document: unknown): readonly (string | undefined)[] {
  const hooks: unknown = (document as { readonly hooks?: unknown } | null)?.hooks;
  if (!Array.isArray(hooks)) return [];
  return hooks.map((hook: { readonly name?: unknown } | null) =>
    typeof hook?.name === 'string' ? hook.name : undefined,
  );
}
