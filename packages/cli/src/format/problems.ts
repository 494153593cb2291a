// Errors as text and as JSON: what failed, its code, what stands in the way one by one, what to do next. No IO.
import type { ErrorLine } from '@stillpoint/coordinator';
import { StillpointError } from '@stillpoint/protocol';
import type { Look } from '../terminal.ts';

type Blockers = NonNullable<ErrorLine['blockers']>;

/** The document that a failing verb prints with `--json`. */
export interface ErrorDocument {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly remedy: string;
    readonly retryable: boolean;
    readonly blockers?: Blockers;
  };
}

/** Any error as a coded one; what is not coded is a defect. */
export function errorDocument(error: unknown): ErrorDocument {
  if (!(error instanceof StillpointError)) {
    return {
      error: {
        code: 'SP_CLI_BROKEN',
        message: `the command broke: ${error instanceof Error ? error.message : String(error)}`,
        remedy: 'This is a defect of Stillpoint: report it with what STILLPOINT_DEBUG=1 shows.',
        retryable: false,
      },
    };
  }
  const { code, message, remedy, retryable } = error;
  const blockers = blockersOf(error);
  return { error: { code, message, remedy, retryable, ...(blockers.length === 0 ? {} : { blockers }) } };
}

function blockersOf(error: StillpointError): Blockers {
  return 'blockers' in error && Array.isArray(error.blockers) ? (error.blockers as Blockers) : [];
}

/** The same for people. */
export function formatError({ error }: ErrorDocument, look: Look): string {
  const { colors } = look;
  const arrow = look.unicode ? '→' : '->';
  const lines = [`${colors.red('error:')} ${error.message} ${colors.dim(`(${error.code})`)}`];
  for (const { message, remedy, code, ...where } of error.blockers ?? []) {
    lines.push(
      `  ${colors.yellow(look.unicode ? '•' : '*')} ${placeOf(where)}${message} ${colors.dim(`(${code})`)}`,
    );
    if (remedy !== error.remedy) lines.push(`    ${colors.cyan(arrow)} ${remedy}`);
  }
  lines.push(`${colors.cyan(arrow)} ${error.remedy}`);
  if (error.retryable && !/\bagain\b/i.test(error.remedy))
    lines.push(colors.dim('  It may succeed if it is tried again.'));
  return lines.join('\n');
}

function placeOf({
  member,
  node,
}: {
  readonly member?: number | undefined;
  readonly node?: string | undefined;
}): string {
  const place = [
    ...(member === undefined ? [] : [`member ${member}`]),
    ...(node === undefined ? [] : [node]),
  ].join(' on ');
  return place === '' ? '' : `${place}: `;
}
