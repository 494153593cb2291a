// A program that stands before CRIU and misbehaves when it is told to: it fails, hangs, or stops CRIU half way.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installedCriu } from '@stillpoint/agent';
import { until } from './until.ts';

type CriuAction = 'dump' | 'restore';

/**
 * `fail`: it ends with 1 at once. `hang`: it never begins. `stop`, of dumps only: SIGSTOP ends its progress while it
 * writes the member's memory, and so has the member in its hands.
 */
type Mischief = 'fail' | 'hang' | 'stop';

export interface MischievousCriu extends AsyncDisposable {
  /** For the environment of a Stillpoint. */
  readonly env: Readonly<Record<string, string>>;
  /** Orders mischief with one member, `gang-0`: the next time, or `always`. */
  order(action: CriuAction, host: string, mischief: Mischief, often?: 'once' | 'always'): Promise<void>;
  /** Takes an order back. */
  forget(action: CriuAction, host: string): Promise<void>;
  /** Waits until the mischief is under way. */
  untilDone(action: CriuAction, host: string): Promise<void>;
}

/** Makes one in a folder that sandboxes see as the machine does. */
export async function makeMischievousCriu(): Promise<MischievousCriu> {
  const folder = await mkdtemp('/var/tmp/stillpoint-criu-');
  const path = join(folder, 'criu');
  await writeFile(path, script(folder, installedCriu()), { mode: 0o755 });
  const fileOf = (action: CriuAction, host: string): string => join(folder, `${action}.${host}`);
  return {
    env: { STILLPOINT_CRIU: path },
    order: (action, host, mischief, often = 'once') =>
      writeFile(fileOf(action, host), `${mischief} ${often}\n`),
    forget: (action, host) => rm(fileOf(action, host), { force: true }),
    async untilDone(action, host) {
      const done = `${fileOf(action, host)}.done`;
      await until(() => existsSync(done) || undefined, `mischief with the ${action} of ${host}`);
      await rm(done);
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

/** Processes that run CRIU, or what stands before it, for the members of a run-time folder. */
export function findCriu(runtime: string, which: 'real' | 'stand-in'): number[] {
  const at = which === 'real' ? 0 : 1;
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return (
          words[at]?.endsWith('/criu') === true && words.some((word) => word.includes(`${runtime}/staging`))
        );
      } catch {
        return false; // no process, or it has ended
      }
    });
}

const script = (folder: string, criu: string): string => `#!/bin/sh
# Stands before CRIU.
order=${folder}/$1.$(hostname)
[ -e "$order" ] || exec ${criu} "$@"
read -r mischief often <"$order"
[ "$often" = always ] || rm "$order"
case $mischief in
  fail)
    echo 'Error (mischief.c:1): failed on purpose'
    : >"$order.done"
    exit 1
    ;;
  hang)
    mkfifo "$order.fifo"
    : >"$order.done"
    read -r never <"$order.fifo"
    ;;
  stop)
    for word; do case $word in --images-dir=*) images=\${word#*=} ;; esac; done
    ${criu} "$@" &
    until [ -n "$(find "$images" -name 'pages-*' -size +64k)" ] || ! kill -0 $!; do :; done
    kill -STOP $!
    : >"$order.done"
    wait $!
    ;;
esac
`;
