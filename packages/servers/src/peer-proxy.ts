// Stands before a member's peer port and lets traffic pass or stop, by who is at the other end. Stopped traffic is kept, not
// refused: to both ends it looks like packets that get lost, until they get through.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, createServer, type Server as TcpServer, type Socket } from 'node:net';
import { freePorts, loopback } from './ports.ts';
import type { EtcdServer } from './etcd.ts';

interface PeerProxyOptions {
  readonly port: number;
  /** The port of the member that it stands before. */
  readonly to: number;
  /** Who may be at the other end. */
  readonly members: readonly EtcdServer[];
  readonly isCut: (from: EtcdServer | undefined) => boolean;
}

interface Passage {
  readonly from: EtcdServer | undefined;
  readonly ends: readonly [Socket, Socket];
}

export class PeerProxy {
  readonly #options: PeerProxyOptions;
  readonly #server: TcpServer;
  readonly #passages = new Set<Passage>();

  private constructor(options: PeerProxyOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  static async listen(options: PeerProxyOptions): Promise<PeerProxy> {
    const proxy = new PeerProxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', (error) => reject(new Error(`address already in use: ${error.message}`)));
      proxy.#server.listen(options.port, loopback, resolve);
    });
    return proxy;
  }

  /** Stops and starts what passes, by what is cut now. */
  update(): void {
    for (const passage of this.#passages) this.#apply(passage);
  }

  async close(): Promise<void> {
    for (const { ends } of this.#passages) for (const end of ends) end.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    const from = ownerOf(socket.remotePort ?? 0, this.#options.members);
    const onward = connect({ port: this.#options.to, host: loopback, allowHalfOpen: true });
    const passage: Passage = { from, ends: [socket, onward] };
    this.#passages.add(passage);
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      one.on('data', (bytes) => {
        if (!other.write(bytes)) one.pause();
      });
      one.on('end', () => other.end());
      other.on('drain', () => this.#apply(passage));
      one.on('error', () => other.destroy());
      one.on('close', () => {
        other.destroy();
        this.#passages.delete(passage);
      });
    }
    this.#apply(passage);
  }

  #apply({ from, ends: [one, other] }: Passage): void {
    const isCut = this.#options.isCut(from);
    for (const [reader, writer] of [
      [one, other],
      [other, one],
    ] as const) {
      if (isCut || writer.writableNeedDrain) reader.pause();
      else reader.resume();
    }
  }
}

/** Which of the members has the socket at this local port: the kernel knows the socket's inode, and who has it open. */
function ownerOf(port: number, members: readonly EtcdServer[]): EtcdServer | undefined {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((each) => each.trim().split(/\s+/))
    .find(([, local, , state]) => local?.endsWith(wanted) && state === '01');
  const inode = line?.[9];
  return inode === undefined ? undefined : members.find((member) => hasOpen(member, `socket:[${inode}]`));
}

function hasOpen(member: EtcdServer, target: string): boolean {
  try {
    const folder = `/proc/${member.pid}/fd`;
    return readdirSync(folder).some((name) => linkAt(`${folder}/${name}`) === target);
  } catch {
    return false; // it has ended
  }
}

function linkAt(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch {
    return undefined; // closed meanwhile
  }
}

/** What stands between a server and those of its clients that a test wants to cut off. */
export interface Gate {
  readonly port: number;
  /** From now on nothing passes. */
  cut(): void;
  /** Lets everything pass again; what was under way is delivered, as TCP would. */
  heal(): void;
  close(): Promise<void>;
}

/** Opens a gate to a server's port on loopback. */
export async function openGate(to: number): Promise<Gate> {
  const [port = 0] = await freePorts(1);
  let isCut = false;
  const proxy = await PeerProxy.listen({ port, to, members: [], isCut: () => isCut });
  const set = (cut: boolean): void => {
    isCut = cut;
    proxy.update();
  };
  return { port, cut: () => set(true), heal: () => set(false), close: () => proxy.close() };
}
