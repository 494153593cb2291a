// Finds every error code in the sources, with the comment that says when it is met, and renders docs/errors.md.
import type { Source } from './tidy.ts';

/** One coded error as its package's errors.ts declares it. */
export interface ListedError {
  readonly code: string;
  readonly package: string;
  /** The doc comment of the declaration around the code, as one line. Empty: there is none. */
  readonly meaning: string;
}

/** Where the rendered list lies in the checkout. */
export const errorsDocumentPath = 'docs/errors.md';

const errorsFile = /^packages\/([^/]+)\/src\/(?:[\w-]+\/)*(?:errors|[\w-]+-errors)\.ts$/;

/** The codes declared in the packages' lists of errors, sorted. A code named twice in one package is one. */
export function listErrors(sources: readonly Source[]): readonly ListedError[] {
  const found = new Map<string, ListedError>();
  for (const source of sources) {
    const home = errorsFile.exec(source.path)?.[1];
    if (home === undefined) continue;
    for (const match of source.text.matchAll(/'(SP_[A-Z0-9_]+)'/g)) {
      const code = match[1] ?? '';
      const key = `${home} ${code}`;
      if (!found.has(key))
        found.set(key, { code, package: home, meaning: meaningAt(source.text, match.index) });
    }
  }
  return [...found.values()].toSorted(
    (a, b) => a.code.localeCompare(b.code) || a.package.localeCompare(b.package),
  );
}

/** The nearest doc comment above a place in a file, without its decoration. */
function meaningAt(text: string, place: number): string {
  const comments = [...text.slice(0, place).matchAll(/\/\*\*([\s\S]*?)\*\//g)];
  const nearest = comments.at(-1)?.[1] ?? '';
  return nearest
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, '').trim())
    .join(' ')
    .trim();
}

/** The whole text of docs/errors.md. */
export function errorsDocument(errors: readonly ListedError[]): string {
  const rows = errors.map(
    (error) => `| \`${error.code}\` | ${error.package} | ${error.meaning.replaceAll('|', '\\|')} |`,
  );
  return [
    '# Error codes',
    '',
    'Every expected failure has a stable code. The message names the thing that failed, the remedy says what to do',
    'next. With `--json` a failing command prints `{"error": {"code", "message", "remedy", "retryable"}}`.',
    'This page is written by `pnpm errors-doc` from the comments in the code; a test checks that they agree.',
    '',
    '| code | package | when it is met |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
