// How text may look on an output: colours, characters, width. Decides from the environment; writes nothing.
import pc from 'picocolors';
import type { Output } from './io.ts';
import { limits } from './limits.ts';

export type Colors = ReturnType<typeof pc.createColors>;

export interface Look {
  readonly isTty: boolean;
  readonly colors: Colors;
  /** Whether characters outside ASCII are shown. */
  readonly unicode: boolean;
  /** Width to fit into; undefined where lines may be as long as they are. */
  readonly columns: number | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** NO_COLOR and FORCE_COLOR as their sites define them: set, and not empty. */
export function lookOf(output: Output, env: Environment): Look {
  const isTty = output.isTTY === true;
  const forced = isSet(env['FORCE_COLOR']) && env['FORCE_COLOR'] !== '0';
  const color = !isSet(env['NO_COLOR']) && (forced || (isTty && env['TERM'] !== 'dumb'));
  return {
    isTty,
    colors: pc.createColors(color),
    unicode: showsUnicode(env),
    columns: columnsOf(output, env),
  };
}

/** A look without colours or limits, for text that is no terminal's. */
export const plainLook: Look = {
  isTty: false,
  colors: pc.createColors(false),
  unicode: true,
  columns: undefined,
};

const isSet = (value: string | undefined): boolean => value !== undefined && value !== '';

function showsUnicode(env: Environment): boolean {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find(isSet) ?? '';
  return /utf-?8/i.test(locale);
}

function columnsOf(output: Output, env: Environment): number | undefined {
  if (output.isTTY !== true) return undefined;
  const named = Number(env['COLUMNS']);
  if (Number.isInteger(named) && named > 0) return named;
  return output.columns !== undefined && output.columns > 0 ? output.columns : limits.plainColumns;
}
