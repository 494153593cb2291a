// Switches a mutation on: sources are edited while they are loaded. To be called before the first of them is.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { mutations } from './mutations.ts';

const packages = join(import.meta.dirname, '../..');

/** @throws when there is no such mutation */
export function switchOn(name: string): void {
  const mutation = mutations.find((each) => each.name === name);
  if (mutation === undefined)
    throw new Error(
      `there is no mutation ${name}; there are ${mutations.map((each) => each.name).join(', ')}`,
    );
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      if (!url.startsWith('file:')) return loaded;
      const path = fileURLToPath(url);
      const edits = mutation.edits.filter(({ file }) => path === join(packages, file));
      if (edits.length === 0) return loaded;
      const source = edits.reduce(apply, readFileSync(path, 'utf8'));
      return { ...loaded, format: 'module-typescript', source };
    },
  });
}

/** @throws unless what is to be replaced stands there once */
function apply(source: string, { file, find, replace }: (typeof mutations)[number]['edits'][number]): string {
  if (source.split(find).length !== 2) throw new Error(`${file} has not exactly one ${find}`);
  return source.replace(find, () => replace);
}
