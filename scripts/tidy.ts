// The rules of the house that no linter knows: headers, lengths, and who may import whom. Reads only.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** A source file of the project; `path` is relative to the checkout, with forward slashes. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

const root = path.dirname(import.meta.dirname);
const skippedFolders = new Set(['node_modules', 'build', 'coverage', 'generated', 'testdata', '.git']);
const sourceFolders = ['packages', 'scripts', 'test', 'bench'];
const sourceName = /\.(ts|c|h|py|sh)$|^Makefile$/;

/** Lines of a source file at most, before somebody should ask whether it is about one thing. */
const linesMax = { code: 250, c: 400, test: 600 };

/** Files that may be longer, each with its own bound. Keep it short. */
const longFiles: Readonly<Record<string, number>> = {};

/**
 * Who may import whom. Everybody may import `protocol`, which imports nothing of ours; ports and adapters
 * know nothing of each other; only agent, coordinator and cli assemble.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  bus: ['protocol'],
  ledger: ['protocol'],
  vault: ['protocol'],
  criu: ['protocol'],
  'sp-init': ['protocol'],
  servers: [],
  agent: ['protocol', 'clock', 'bus', 'ledger', 'vault', 'criu', 'sp-init'],
  coordinator: ['protocol', 'clock', 'bus', 'ledger', 'vault', 'agent'],
  simulator: ['protocol', 'clock', 'bus', 'ledger', 'vault', 'agent', 'coordinator'],
  cli: ['protocol', 'bus', 'ledger', 'vault', 'criu', 'sp-init', 'agent', 'coordinator'],
};

/** What a package shows apart from its index, since it takes a while to load and few need it. */
const furtherFaces: Readonly<Record<string, readonly string[]>> = {
  bus: ['/nats'],
  ledger: ['/etcd'],
  agent: ['/assembly', '/service'],
  coordinator: ['/assembly', '/service'],
};

/** Every source file of the project, in a stable order. */
export function listSources(): readonly Source[] {
  return sourceFolders
    .flatMap((folder) => filesBelow(folder))
    .toSorted()
    .map((file) => ({ path: file, text: readFileSync(path.join(root, file), 'utf8') }));
}

function filesBelow(folder: string): string[] {
  let entries;
  try {
    entries = readdirSync(path.join(root, folder), { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const inside = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return skippedFolders.has(entry.name) ? [] : filesBelow(inside);
    return entry.isFile() && sourceName.test(entry.name) ? [inside] : [];
  });
}

/** All that is untidy in these files, one line each: `path: what`. */
export function untidiness(sources: readonly Source[]): readonly string[] {
  return sources.flatMap((source) =>
    [headerProblems, lengthProblems, importProblems, purityProblems]
      .flatMap((problems) => problems(source))
      .map((problem) => `${source.path}: ${problem}`),
  );
}

function headerProblems({ path: file, text }: Source): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const first = lines[0]?.startsWith('#!') ? lines[1] : lines[0];
  const comment = /\.(ts|c|h)$/.test(file) ? /^(\/\/|\/\*)/ : /^(#|"""|r""")/;
  return first !== undefined && comment.test(first) ? [] : ['does not begin with a comment on its role'];
}

function lengthProblems({ path: file, text }: Source): string[] {
  const kind = isTest(file) ? 'test' : /\.[ch]$/.test(file) ? 'c' : 'code';
  const bound = longFiles[file] ?? linesMax[kind];
  const lines = text.split('\n').length - 1;
  return lines > bound ? [`has ${lines} lines, more than ${bound}`] : [];
}

function importProblems({ path: file, text }: Source): string[] {
  if (!file.endsWith('.ts')) return [];
  const home = /^packages\/([^/]+)\//.exec(file)?.[1];
  return importsOf(text).flatMap((imported) => {
    if (imported.startsWith('.')) return relativeImportProblems(file, home, imported);
    const named = /^@stillpoint\/([^/]+)(\/.*)?$/.exec(imported);
    if (named === null) return [];
    const [, target = '', beyond] = named;
    const isFace = beyond === undefined || furtherFaces[target]?.includes(beyond) === true;
    if (!isFace && !(beyond === '/testing' && isTest(file))) {
      return [`imports ${imported}, past the index of that package`];
    }
    if (home === undefined || isTest(file)) return [];
    const allowed = mayImport[home];
    if (allowed === undefined) return [`package ${home} is not in the list of who may import whom`];
    return allowed.includes(target) ? [] : [`package ${home} may not import ${target}`];
  });
}

function relativeImportProblems(file: string, home: string | undefined, imported: string): string[] {
  const target = path.posix.join(path.posix.dirname(file), imported);
  const problems = imported.endsWith('.ts') ? [] : [`imports ${imported} without its extension`];
  const targetHome = /^packages\/([^/]+)\//.exec(target)?.[1];
  if (targetHome !== home) problems.push(`imports ${imported}, a file of another package`);
  return problems;
}

function importsOf(text: string): string[] {
  const pattern = /(?:^(?:import|export)\b[^;'"]*?\bfrom\s*|^import\s*|\bimport\(\s*)['"]([^'"]+)['"]/gm;
  return [...text.matchAll(pattern)].flatMap((match) => match[1] ?? []);
}

/** What a pure file does not use. Modules of Node that only compute are no effect. */
const effects =
  /['"]node:(?!util|zlib|buffer)\w+|\bDate\b|\bMath\.random\b|\bset(?:Timeout|Interval|Immediate)\b|\bprocess\.(?:env|argv|cwd|hrtime|on)\b/;

/** A file whose header says that it is pure touches no machine and no clock. (Of `protocol` lint knows it.) */
function purityProblems({ path: file, text }: Source): string[] {
  const header = /^(?:\/\/.*\n)+/.exec(text)?.[0] ?? '';
  if (!file.endsWith('.ts') || !/\bpure\b/i.test(header)) return [];
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  const effect = effects.exec(code);
  return effect === null ? [] : [`says that it is pure and uses ${effect[0]}`];
}

function isTest(file: string): boolean {
  return /\.test\.ts$|\/testing(\.ts$|\/)/.test(file) || file.startsWith('test/');
}
