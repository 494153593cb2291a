// Where the programs are that scripts/install-servers.sh built.
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

const modules = path.join(import.meta.dirname, '..', 'modules');

const programs = {
  etcd: { folder: 'etcd', module: 'go.etcd.io/etcd/server/v3' },
  'nats-server': { folder: 'nats', module: 'github.com/nats-io/nats-server/v2' },
} as const;

/** The program's file. Throws, saying what to do, if it was not built. */
export function serverProgram(name: keyof typeof programs): string {
  const { folder, module } = programs[name];
  const goMod = readFileSync(path.join(modules, folder, 'go.mod'), 'utf8');
  const version = goMod
    .split('\n')
    .map((line) => line.replace(/^(?:require)?\s+/, '').split(' '))
    .find(([required]) => required === module)?.[1];
  if (version === undefined) throw new Error(`${folder}/go.mod does not say which ${name} it is for`);
  const cache = process.env['STILLPOINT_CACHE'] ?? path.join(homedir(), '.cache', 'stillpoint');
  const program = path.join(cache, 'servers', `${name}-${version.slice(1)}`);
  if (existsSync(program)) return program;
  throw new Error(`${program} is missing: build it with 'bash scripts/install-servers.sh'`);
}
