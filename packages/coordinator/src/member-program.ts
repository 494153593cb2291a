// What a member is started with: its program, its host name, the names of its peers. Pure.
import { gangHosts, memberHostname } from '@stillpoint/agent';
import type { MemberProgram } from '@stillpoint/protocol';
import type { GangRecord, PlacementRecord } from './records.ts';

/** The port of the gang's rendezvous: every member has a network of its own, so it is always free. */
const masterPort = 29_500;

export interface MemberStart {
  readonly hostname: string;
  readonly hosts: string;
  readonly program: MemberProgram;
}

/** The caller's environment, and over it what every launcher gives a rank. */
export function memberProgram(gang: GangRecord, placement: PlacementRecord, member: number): MemberStart {
  const node = placement.find((placed) => placed.member === member)?.node;
  const neighbours = placement.filter((placed) => placed.node === node);
  const hosts = gangHosts(
    gang.name,
    placement.map((placed) => ({ member: placed.member, addresses: [placed.ipv4, placed.ipv6] })),
  );
  return {
    hostname: memberHostname(gang.name, member),
    hosts,
    program: {
      command: gang.command,
      cwd: gang.cwd,
      environment: {
        ...gang.environment,
        RANK: String(member),
        LOCAL_RANK: String(neighbours.findIndex((placed) => placed.member === member)),
        WORLD_SIZE: String(gang.ranks),
        MASTER_ADDR: memberHostname(gang.name, 0),
        MASTER_PORT: String(masterPort),
        STILLPOINT_GANG: gang.name,
      },
    },
  };
}
