// Runs the user's hooks in members' sandboxes: in all their namespaces, and in a cgroup of its own, so that a hook is never part of an
// image, and nothing that it has started outlives it.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { NodeAnswer, NodeRequest } from '@stillpoint/protocol';
import { createCgroup, type Freezer, killCgroup, listCgroups, removeCgroup } from './freezer.ts';
import { limits } from './limits.ts';
import { enterSandbox, type SandboxRecord } from './sandbox-record.ts';

type HookRequest = Extract<NodeRequest, { kind: 'RunHook' }>;
type HookAnswer = Extract<NodeAnswer, { kind: 'HookRan' }>;

/** Cgroups of hooks on a node begin with this; a number follows. */
const hookCgroup = (node: string): string => `${node}-hook-`;

export class Hooks {
  readonly #freezer: Freezer;
  readonly #node: string;
  #count = 0;
  /** Those that were asked for in the gangs' latest epochs: requests come twice. */
  readonly #asked = new Map<string, { readonly epoch: number; readonly answer: Promise<HookAnswer> }>();

  constructor(freezer: Freezer, node: string) {
    this.#freezer = freezer;
    this.#node = node;
  }

  /** Ends what an earlier agent of this node had started. */
  async recover(): Promise<void> {
    for (const name of await listCgroups(this.#freezer))
      if (name.startsWith(hookCgroup(this.#node))) await this.#clear(join(this.#freezer.root, name));
  }

  /** Runs it, or waits for the one that runs: what is asked twice is done once, unless the agent dies in between. */
  run(request: HookRequest, record: SandboxRecord): Promise<HookAnswer> {
    const { gang, member, hook, epoch } = request;
    for (const [key, { epoch: before }] of this.#asked)
      if (key.startsWith(`${gang}/`) && before < epoch) this.#asked.delete(key);
    const key = `${gang}/${member}/${hook}/${epoch}`;
    const known = this.#asked.get(key);
    if (known !== undefined) return known.answer;
    const answer = this.#run(request, record);
    this.#asked.set(key, { epoch, answer });
    // one that could not be started may be asked for again
    answer.catch(() => this.#asked.delete(key));
    return answer;
  }

  async #run({ program, deadlineMs }: HookRequest, record: SandboxRecord): Promise<HookAnswer> {
    const name = `${hookCgroup(this.#node)}${(this.#count += 1)}`;
    const cgroup = await createCgroup(this.#freezer, name);
    const { command, cwd, environment } = program;
    const script = 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"';
    const inside = ['/bin/sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', cwd, ...command];
    const child = spawn(
      '/bin/sh',
      ['-c', script, 'sh', cgroup, '/usr/bin/nsenter', ...enterSandbox(record), ...inside],
      { cwd: '/', env: environment, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-limits.hookOutputCharactersMax);
      });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(signal === null ? code : null));
    });
    const overdue = Promise.withResolvers<'overdue'>();
    const timer = setTimeout(() => overdue.resolve('overdue'), deadlineMs);
    try {
      const end = await Promise.race([ended, overdue.promise]);
      return end === 'overdue'
        ? { kind: 'HookRan', exitCode: null, isOverdue: true, output }
        : { kind: 'HookRan', exitCode: end, isOverdue: false, output };
    } finally {
      clearTimeout(timer);
      await this.#clear(cgroup);
    }
  }

  async #clear(cgroup: string): Promise<void> {
    await killCgroup(this.#freezer, cgroup);
    await removeCgroup(cgroup);
  }
}
