// Failures of a dump: what a member has that cannot be checkpointed, or not just now.
import type { FailureRule } from './failure-rule.ts';

export const dumpFailureRules: readonly FailureRule[] = [
  {
    code: 'SP_CRIU_IO_URING',
    message: 'the program uses io_uring, whose descriptors the kernel hands to nobody',
    pattern: /\[io_uring\]|send_fds failed \(-22\)/,
    remedy: 'Switch io_uring off in the program (Node: UV_USE_IO_URING=0) or by kernel.io_uring_disabled.',
  },
  {
    code: 'SP_CRIU_INFINIBAND',
    message: 'the program has RDMA verbs open, which cannot be checkpointed',
    pattern: /infinibandevent|\/dev\/infiniband|uverbs|rdma_cm/,
    remedy: 'Use sockets for communication (NCCL: NCCL_IB_DISABLE=1).',
  },
  {
    code: 'SP_CRIU_DEVICE',
    message: 'the program has a device open: descriptor $<fd>, $<what>',
    pattern: /Can't dump file (?<fd>\d+) of that type \[[26]0\d{3}\] \((?<what>.+)\)/,
    remedy:
      'Close the device before the checkpoint, or checkpoint with the accelerator driver of that device.',
  },
  {
    code: 'SP_CRIU_DEVICE',
    message: 'the program has a device mapped into its memory',
    pattern: /Can't handle non-regular mapping|handle_device_vma plugin failed|Unsupported mapping found/,
    remedy:
      'Close the device before the checkpoint, or checkpoint with the accelerator driver of that device.',
  },
  {
    code: 'SP_CRIU_UNSUPPORTED_FILE',
    message: 'the program has something open that cannot be checkpointed: descriptor $<fd>, $<what>',
    pattern: /Can't dump file (?<fd>\d+) of that type \[\d+\] \((?<what>.+)\)/,
    remedy: 'Close it before the checkpoint.',
  },
  {
    code: 'SP_CRIU_HALF_OPEN',
    message: 'a TCP connection is half open: made by its client, and not yet accepted',
    pattern: /In-flight connection \(l\)|Unknown inet socket \w+ state 3\b/,
    remedy: 'Try again: it lasts a moment, unless its server never accepts.',
    retryable: true,
    names: 'halfOpen',
  },
  {
    code: 'SP_CRIU_CONNECTION_MOVED',
    message: "a TCP connection's queue changed while CRIU read it: something came through the hold",
    pattern: /\trecv failed \(-?\d+, want \d+\)/,
    remedy: 'Hold all traffic of the member, loopback included, and try again.',
    retryable: true,
  },
  {
    code: 'SP_CRIU_UDP_CORKED',
    message: 'a UDP socket is corked',
    pattern: /Can't dump corked dgram socket/,
    remedy: 'Try again between two messages of the program.',
    retryable: true,
  },
  {
    code: 'SP_CRIU_UNIX_SOCKET',
    message: 'a unix socket is connected to a process outside the member',
    pattern:
      /External socket is used|Can't dump half of stream unix connection|Can't dump name-less external socket|Unix socket \d+ with(?:out| unreachable) peer|Dangling connection|External socket found in image/,
    remedy: 'Close that connection, or start both ends in one member.',
  },
  {
    code: 'SP_CRIU_UNIX_IN_FLIGHT',
    message: 'a connection over a unix socket is half made',
    pattern: /In-flight connection on non-listening|in-flight socket/,
    remedy: 'Try again: it lasts a moment.',
    retryable: true,
  },
  {
    code: 'SP_CRIU_SHARED_MEMORY',
    message: 'the program has System V shared memory attached, at $<address>',
    pattern: /SysVIPC shmem map @(?<address>[0-9a-f]+)/,
    remedy: 'Use POSIX shared memory (/dev/shm), or mmap, in the program.',
  },
  {
    code: 'SP_CRIU_PROTOCOL',
    message: 'the program has a socket of IP protocol $<protocol>, which cannot be checkpointed',
    pattern: /Unsupported proto (?<protocol>\d+) for socket/,
    remedy: 'Close it before the checkpoint; for MPTCP (262) in Go programs set GODEBUG=multipathtcp=0.',
  },
  {
    code: 'SP_CRIU_SESSION',
    message: 'process $<pid> belongs to a session that began outside the member',
    pattern: /A session leader of (?:zombie process )?(?<pid>\d+)\(/,
    remedy: 'Start the member with setsid, as sp-init does.',
  },
  {
    code: 'SP_CRIU_MOUNT',
    message: 'descriptor $<fd> ($<path>) was opened outside the sandbox',
    pattern: /Can't lookup mount=-?\d+ for fd=(?<fd>-?\d+) path=(?<path>.+)$/,
    remedy: 'Open files inside the sandbox, and start the member with none inherited.',
  },
  {
    code: 'SP_CRIU_OVERMOUNTED',
    message: 'the open file $<path> is hidden under a later mount',
    pattern: /Open files on overmounted mounts .* path=(?<path>.+)$/,
    remedy: 'Mount before the program opens its files.',
  },
  {
    code: 'SP_CRIU_FILE_LOCKS',
    message: 'a file lock is shared with a process outside the member',
    pattern: /Some file locks are hold|Unresolved lock found|Conflicting lease/,
    remedy: 'Let only one member lock a file.',
  },
  {
    code: 'SP_CRIU_UNLINKED_FILE_SIZE',
    message: 'the unlinked open file $<path> of $<size> bytes is larger than an image may carry',
    pattern: /Can't dump ghost file (?<path>.+) of (?<size>\d+) size/,
    remedy: 'Keep a name for large temporary files.',
  },
  {
    code: 'SP_CRIU_UNLINKED_FILE',
    message: 'the open file $<path> has lost this name, but has another one',
    pattern: /Can't create link remap for (?<path>.+?)\./,
    remedy: 'Do not unlink one of several names of an open file.',
  },
];
