// Who has which address in a simulated world, and which sockets a member has.
import { gangId, incarnationNumber, type KernelSocket, ledgerKeys } from '@stillpoint/protocol';
import type { SimulatedLedger } from './ledger.ts';
import { addressOf, type Member } from './member.ts';
import type { SimulatedNode } from './node.ts';

/** Where all members listen. */
const listeningPort = 1_000;

export class Addresses {
  readonly #nodes: ReadonlyMap<string, SimulatedNode>;
  readonly #ledger: SimulatedLedger;

  constructor(nodes: ReadonlyMap<string, SimulatedNode>, ledger: SimulatedLedger) {
    this.#nodes = nodes;
    this.#ledger = ledger;
  }

  /** Who has the address now. */
  at(address: string): Member | undefined {
    const node = this.#nodeAt(address);
    if (node === undefined) return undefined;
    return [...node.members].find(({ slot }) => addressOf(node.index, slot) === address);
  }

  hostOf(address: string): string {
    return this.#nodeAt(address)?.name ?? '';
  }

  /** The address of a peer, as the member's incarnation was placed. */
  ofPeer({ gang, incarnation }: Member, peer: number): string | undefined {
    const key = ledgerKeys.opened(gangId(gang), incarnationNumber(incarnation));
    const opened = this.#ledger.peek(key) as
      { readonly placement: readonly { member: number; ipv4: string }[] } | undefined;
    return opened?.placement.find(({ member }) => member === peer)?.ipv4;
  }

  sockets(node: SimulatedNode, member: Member): KernelSocket[] {
    const own = addressOf(node.index, member.slot);
    return [...(member.training?.ends.values() ?? [])].flatMap((end): KernelSocket[] => {
      const remote = this.ofPeer(member, end.peer);
      if (remote === undefined) return [];
      const [localPort, remotePort] = end.dials ? [end.port, listeningPort] : [listeningPort, end.port];
      return [
        {
          local: { address: own, port: localPort },
          remote: { address: remote, port: remotePort },
          state: end.state,
          inode: end.isOpen ? end.cookie : 0,
          cookie: String(end.cookie),
          sendQueueBytes: end.sendQueue.length,
          receiveQueueBytes: end.receiveQueue.length,
        },
      ];
    });
  }

  #nodeAt(address: string): SimulatedNode | undefined {
    const index = Number(address.split('.')[2]);
    return [...this.#nodes.values()].find((node) => node.index === index);
  }
}
