// Where the built program is.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SpInitNotBuilt } from './errors.ts';

/**
 * The path of the static sp-init binary.
 * @throws SpInitNotBuilt when it is not there
 */
export function spInitPath(): string {
  const path = fileURLToPath(new URL('../build/sp-init', import.meta.url));
  if (!existsSync(path)) throw new SpInitNotBuilt(path);
  return path;
}
