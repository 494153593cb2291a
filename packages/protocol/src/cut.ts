// What a member's vote says of its connections and files. Plain data: it travels and is kept as JSON.
import type { HoldId, MemberId } from './ids.ts';

/** An address and port as the kernel prints it; IPv6 in RFC 5952 form, IPv4-mapped ones as plain IPv4. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** TCP states by their names in RFC 9293, as the kernel's tcp_states.h lists them. */
export type TcpState =
  | 'ESTABLISHED'
  | 'SYN_SENT'
  | 'SYN_RECV'
  | 'FIN_WAIT1'
  | 'FIN_WAIT2'
  | 'TIME_WAIT'
  | 'CLOSE'
  | 'CLOSE_WAIT'
  | 'LAST_ACK'
  | 'LISTEN'
  | 'CLOSING';

/** One TCP connection as a member's images have it. Sequence numbers are modulo 2³²; a FIN counts as one. */
export interface ImageConnection {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly state: TcpState;
  readonly inode: number;
  /** First sequence number that the peer has not acknowledged. */
  readonly sndUna: number;
  /** Sequence number after the last byte that the program has written. */
  readonly writeSeq: number;
  /** Next sequence number that is expected from the peer. */
  readonly rcvNxt: number;
}

/** One TCP socket as sock_diag shows it while the member is held, listeners left out. */
export interface KernelSocket {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly state: TcpState;
  /** 0: no descriptor refers to it any more. */
  readonly inode: number;
  /** The kernel's cookie for this socket: never used twice while the machine is up. */
  readonly cookie: string;
  readonly sendQueueBytes: number;
  readonly receiveQueueBytes: number;
}

/** One open regular file of a member, at the cut. */
export interface FileNote {
  /** Absolute path in the member's mount namespace. */
  readonly path: string;
  readonly inode: number;
  readonly device: number;
  readonly sizeBytes: number;
  readonly writable: boolean;
  readonly append: boolean;
  /** SHA-256 in hex of the first `sizeBytes` bytes; absent when no member can write the file. */
  readonly sha256?: string;
  /** When its content was last changed, in ms since 1970: says whether a file without a digest is the same one. */
  readonly modifiedMs: number;
  /** A file of the sandbox's own (its /tmp, /dev/shm): saved with the member. */
  readonly isPrivate: boolean;
}

/** Everything that a member puts to the vote. */
export interface MemberVote {
  readonly member: MemberId;
  readonly holdId: HoldId;
  /** Addresses of the member's network namespace, loopback left out. */
  readonly addresses: readonly string[];
  readonly connections: readonly ImageConnection[];
  readonly sockets: readonly KernelSocket[];
  readonly files: readonly FileNote[];
  /** Bytes of the member's images and saved files in staging. */
  readonly imageBytes: number;
  /** Bytes of the member's standard output and error that belong to the cut. */
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
}
