// What a coordinator asks of an agent outside epochs and restores: members of a gang are placed, launched, watched and removed.
// Every request can be sent twice; an agent answers the second from what it finds.
import type { Epoch, Fence, GangId, Incarnation, MemberId, NodeName } from './ids.ts';

/** Addresses of one member's network namespace. */
export interface MemberAddresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** What a member runs. */
export interface MemberProgram {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** State of one member on a node, as its sandbox tells. `lost`: its sandbox is gone without an exit status. */
export interface MemberStatus {
  readonly gang: GangId;
  readonly incarnation: Incarnation;
  readonly member: MemberId;
  readonly state: 'allocated' | 'awaiting-restore' | 'running' | 'frozen' | 'held' | 'exited' | 'lost';
  readonly exitCode?: number;
  readonly addresses: MemberAddresses;
  /** Number of processes in the member's cgroup. */
  readonly processes: number;
  readonly residentBytes: number;
  readonly stdoutPath: string;
  readonly stderrPath: string;
}

export type NodeRequest =
  | { readonly kind: 'Hello' }
  /** Reserve a sandbox's place and network for each member; answers `Allocated`. */
  | {
      readonly kind: 'Allocate';
      readonly fence: Fence;
      readonly gang: GangId;
      readonly incarnation: Incarnation;
      readonly members: readonly MemberId[];
    }
  /** Start one member in its place; `hosts` is the sandbox's /etc/hosts. Answers `Launched`. */
  | {
      readonly kind: 'Launch';
      readonly fence: Fence;
      readonly gang: GangId;
      readonly incarnation: Incarnation;
      readonly member: MemberId;
      readonly hostname: string;
      readonly hosts: string;
      readonly program: MemberProgram;
    }
  /** Kill and remove every member of the gang with an incarnation up to this one; answers `Removed` when none is left. */
  | {
      readonly kind: 'Remove';
      readonly fence: Fence;
      readonly gang: GangId;
      readonly upTo: Incarnation;
    }
  /** Run a hook in a member's sandbox; asked twice it runs once. Answers `HookRan` when it has ended, or was ended. */
  | {
      readonly kind: 'RunHook';
      readonly fence: Fence;
      readonly gang: GangId;
      readonly incarnation: Incarnation;
      readonly epoch: Epoch;
      readonly member: MemberId;
      /** Tells it from the epoch's other hooks. */
      readonly hook: string;
      readonly program: MemberProgram;
      readonly deadlineMs: number;
    }
  | { readonly kind: 'Status' };

/** Requests that change something: one of a past leader is refused. */
export type FencedRequest = Extract<NodeRequest, { readonly fence: Fence }>;

export type NodeAnswer =
  | { readonly kind: 'Hello'; readonly node: NodeName; readonly pid: number; readonly version: string }
  | {
      readonly kind: 'Allocated';
      readonly addresses: readonly { readonly member: MemberId; readonly addresses: MemberAddresses }[];
    }
  | { readonly kind: 'Launched' }
  | { readonly kind: 'Removed'; readonly members: readonly MemberId[] }
  | {
      readonly kind: 'HookRan';
      /** Null when a signal has ended it. */
      readonly exitCode: number | null;
      /** It was killed at its deadline. */
      readonly isOverdue: boolean;
      /** The end of what it printed. */
      readonly output: string;
    }
  | {
      readonly kind: 'Status';
      readonly members: readonly MemberStatus[];
      readonly memoryAvailableBytes: number;
      readonly stagingFreeBytes: number;
    }
  | { readonly kind: 'Error'; readonly code: string; readonly message: string; readonly remedy: string };

/** What an agent tells unasked. Sent again with `Status` after a reconnection, so a lost one does no harm. */
export interface MemberExited {
  readonly kind: 'MemberExited';
  readonly node: NodeName;
  readonly gang: GangId;
  readonly incarnation: Incarnation;
  readonly member: MemberId;
  readonly exitCode: number;
}
