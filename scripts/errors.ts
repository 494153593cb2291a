// Finds every error code in the sources, with the comment that says when it is met, and renders docs/errors.md.
import type { Source } from './tidy.ts';

/** One coded error as its package's errors.ts declares it. */
export interface ListedError {
  readonly code: string;
  readonly package: string;
  /** What its comment or its message says, as one line. Empty: there is neither. */
  readonly meaning: string;
}

/** Where the rendered list lies in the checkout. */
export const errorsDocumentPath = 'docs/errors.md';

/** What the simulator makes up never reaches a user. */
const declaringFile = /^packages\/(?!simulator\/)([^/]+)\/src\/(?!.*(?:\.test\.ts$|\/?testing[./])).*\.ts$/;
const codeLiteral = /'(SP_[A-Z0-9_]*[A-Z0-9])'/g;
const docComment = /\/\*\*([\s\S]*?)\*\//g;
/** What stands before a code that is only compared with: there it is used, not declared. */
const comparison = /(?:[!=]==?|\bcase)\s*$/;

/** The codes that the packages declare, sorted. A code named twice in one package is one. */
export function listErrors(sources: readonly Source[]): readonly ListedError[] {
  const found = new Map<string, ListedError>();
  for (const source of sources) {
    const home = declaringFile.exec(source.path)?.[1];
    if (home === undefined) continue;
    for (const match of source.text.matchAll(codeLiteral)) {
      const code = match[1] ?? '';
      const error = { code, package: home, meaning: meaningAt(source.text, match.index) };
      const known = found.get(`${home} ${code}`);
      // The list of errors declares a code; elsewhere it is used, or declared in a table of its own.
      const declared = known === undefined || source.path.endsWith('/errors.ts');
      if (declared && !comparison.test(source.text.slice(0, match.index)))
        found.set(`${home} ${code}`, error);
    }
  }
  return [...found.values()].toSorted(
    (a, b) => a.code.localeCompare(b.code) || a.package.localeCompare(b.package),
  );
}

/** What is said of the code at a place: a line comment at it, its class, its message, or the doc comment above. */
function meaningAt(text: string, place: number): string {
  return (
    lineCommentAt(text, place) ??
    classCommentAbove(text, place) ??
    messageAfter(text, place) ??
    asLine([...text.slice(0, place).matchAll(docComment)].at(-1)?.[1] ?? '')
  );
}

function lineCommentAt(text: string, place: number): string | undefined {
  const sameLine = /\/\/ (.*)$/.exec(text.slice(place).split('\n', 1)[0] ?? '')?.[1];
  if (sameLine !== undefined) return sameLine;
  const above = text.slice(0, place).split('\n').slice(1, -1);
  const first = above.findLastIndex((line) => !/^\s*\/\/ /.test(line)) + 1;
  const comment = above.slice(first).map((line) => line.replace(/^\s*\/\/ /, ''));
  return comment.length > 0 ? comment.join(' ') : undefined;
}

/** The comment of the class whose constructor hands on the code. */
function classCommentAbove(text: string, place: number): string | undefined {
  const above = text.slice(0, place);
  if (!/\bsuper\(\s*$/.test(above)) return undefined;
  const head = above.slice(0, above.lastIndexOf('\nclass ') + 1 || above.lastIndexOf('\nexport class ') + 1);
  const [, comment] = [...head.matchAll(docComment)].at(-1) ?? [];
  return comment === undefined || !head.endsWith('*/\n') ? undefined : asLine(comment);
}

/** `'SP_X', message: ...`, `what: ...` or just the text: the message, with what is filled in left out. */
function messageAfter(text: string, place: number): string | undefined {
  const message = /^'\w+',\s*(?:(?:message|what):\s*)?(?:`([^`]*)`|'([^']*)'|"([^"]*)")/.exec(
    text.slice(place),
  );
  const words = message?.[1] ?? message?.[2] ?? message?.[3];
  return words?.replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, '…');
}

function asLine(comment: string): string {
  return comment
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
