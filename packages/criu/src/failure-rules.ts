// What CRIU's error messages mean, and what to do about each. Checked in order; the first that fits an error wins.

/** One kind of failure. */
export interface FailureRule {
  readonly code: string;
  /** Matches the text of one error of the log, without time stamp and source line. */
  readonly pattern: RegExp;
  /** Says what happened; named groups of the pattern may be used as `$<name>`. */
  readonly message: string;
  readonly remedy: string;
  /** Whether trying again without a change may help. */
  readonly retryable?: true;
}

/**
 * Causes before consequences: a full disk makes CRIU complain of much else too. The patterns are texts of CRIU 4.2.1;
 * the tests check those that can be provoked.
 */
export const failureRules: readonly FailureRule[] = [
  {
    code: 'SP_CRIU_DISK_FULL',
    pattern: /No space left on device|Disk quota exceeded/,
    message: 'there is no room left for the images',
    remedy: 'Free room in the staging area, or point it at a larger file system.',
    retryable: true,
  },
  {
    code: 'SP_CRIU_OUT_OF_MEMORY',
    pattern: /Cannot allocate memory|Can't allocate -?\d+ bytes/,
    message: 'the machine is out of memory',
    remedy: 'Free memory on this node, or use another one.',
    retryable: true,
  },
  {
    code: 'SP_CRIU_IO_URING',
    pattern: /\[io_uring\]/,
    message: 'the program uses io_uring, which cannot be checkpointed',
    remedy: 'Switch io_uring off in the program (Node: UV_USE_IO_URING=0) or by kernel.io_uring_disabled.',
  },
  {
    code: 'SP_CRIU_INFINIBAND',
    pattern: /infinibandevent|\/dev\/infiniband|uverbs|rdma_cm/,
    message: 'the program has RDMA verbs open, which cannot be checkpointed',
    remedy: 'Use sockets for communication (NCCL: NCCL_IB_DISABLE=1).',
  },
  {
    code: 'SP_CRIU_DEVICE',
    pattern:
      /Can't dump file (?<fd>\d+) of that type \[2\d{4}\] \((?<what>.+)\)|Can't dump file \d+ of that type \[6\d{4}\]|Can't handle non-regular mapping|handle_device_vma plugin failed/,
    message: 'the program has a device open or mapped: descriptor $<fd>, $<what>',
    remedy:
      'Close the device before the checkpoint, or checkpoint with the accelerator driver of that device.',
  },
  {
    code: 'SP_CRIU_UNSUPPORTED_FILE',
    pattern: /Can't dump file (?<fd>\d+) of that type \[\d+\] \((?<what>.+)\)|Unsupported mapping found/,
    message: 'the program has something open that cannot be checkpointed: descriptor $<fd>, $<what>',
    remedy: 'Close it before the checkpoint.',
  },
  {
    code: 'SP_CRIU_HALF_OPEN',
    pattern: /In-flight connection \(l\)|Unknown inet socket \w+ state 3\b/,
    message: 'a TCP connection is half open: made by its client, and not yet accepted',
    remedy: 'Try again: it lasts a moment.',
    retryable: true,
  },
  {
    code: 'SP_CRIU_CONNECTION_MOVED',
    pattern: /\trecv failed \(-?\d+, want \d+\)/,
    message: "a TCP connection's queue changed while CRIU read it: something came through the hold",
    remedy: 'Hold all traffic of the member, loopback included, and try again.',
    retryable: true,
  },
  {
    code: 'SP_CRIU_UDP_CORKED',
    pattern: /Can't dump corked dgram socket/,
    message: 'a UDP socket is corked',
    remedy: 'Try again between two messages of the program.',
    retryable: true,
  },
  {
    code: 'SP_CRIU_UNIX_SOCKET',
    pattern:
      /External socket is used|Can't dump half of stream unix connection|Can't dump name-less external socket|Unix socket \d+ with(?:out| unreachable) peer|Dangling connection|External socket found in image/,
    message: 'a unix socket is connected to a process outside the member',
    remedy: 'Close that connection, or start both ends in one member.',
  },
  {
    code: 'SP_CRIU_UNIX_IN_FLIGHT',
    pattern: /In-flight connection on non-listening|in-flight socket/,
    message: 'a connection over a unix socket is half made',
    remedy: 'Try again: it lasts a moment.',
    retryable: true,
  },
  {
    code: 'SP_CRIU_SHARED_MEMORY',
    pattern: /SysVIPC shmem map @(?<address>[0-9a-f]+)/,
    message: 'the program has System V shared memory attached, at $<address>',
    remedy: 'Use POSIX shared memory (/dev/shm), or mmap, in the program.',
  },
  {
    code: 'SP_CRIU_PACKET_SOCKET',
    pattern: /Unsupported proto (?<protocol>\d+) for socket/,
    message: 'the program has a socket of IP protocol $<protocol>, which cannot be checkpointed',
    remedy: 'Close it before the checkpoint; for MPTCP (262) in Go programs set GODEBUG=multipathtcp=0.',
  },
  {
    code: 'SP_CRIU_TERMINAL',
    pattern:
      /Found dangling tty|ctty inheritance detected|Don't have tty to inherit session|correspond master peer/,
    message: 'the program is attached to a terminal outside the member',
    remedy: 'Start it without a terminal.',
  },
  {
    code: 'SP_CRIU_SESSION',
    pattern: /A session leader of (?:zombie process )?(?<pid>\d+)\(/,
    message: 'process $<pid> belongs to a session that began outside the member',
    remedy: 'Start the member with setsid, as sp-init does.',
  },
  {
    code: 'SP_CRIU_MOUNT',
    pattern: /Can't lookup mount=-?\d+ for fd=(?<fd>-?\d+) path=(?<path>.+)$/,
    message: 'descriptor $<fd> ($<path>) was opened outside the sandbox',
    remedy: 'Open files inside the sandbox, and start the member with none inherited.',
  },
  {
    code: 'SP_CRIU_OVERMOUNTED',
    pattern: /Open files on overmounted mounts .* path=(?<path>.+)$/,
    message: 'the open file $<path> is hidden under a later mount',
    remedy: 'Mount before the program opens its files.',
  },
  {
    code: 'SP_CRIU_FILE_LOCKS',
    pattern: /Some file locks are hold|Unresolved lock found|Conflicting lease/,
    message: 'a file lock is shared with a process outside the member',
    remedy: 'Let only one member lock a file.',
  },
  {
    code: 'SP_CRIU_UNLINKED_FILE_SIZE',
    pattern: /Can't dump ghost file (?<path>.+) of (?<size>\d+) size/,
    message: 'the unlinked open file $<path> of $<size> bytes is larger than an image may carry',
    remedy: 'Keep a name for large temporary files.',
  },
  {
    code: 'SP_CRIU_UNLINKED_FILE',
    pattern: /Can't create link remap for (?<path>.+?)\./,
    message: 'the open file $<path> has lost this name, but has another one',
    remedy: 'Do not unlink one of several names of an open file.',
  },
  {
    code: 'SP_CRIU_FILE_SIZE',
    pattern: /File (?<path>.+) has bad size (?<size>\d+) \(expect (?<expected>\d+)\)/,
    message: 'the file $<path> has $<size> bytes where the checkpoint has $<expected>',
    remedy: 'Bring the file back to what it was at the checkpoint.',
  },
  {
    code: 'SP_CRIU_FILE_CHANGED',
    pattern: /File (?<path>.+) has bad (?:build-ID|mode)/,
    message: 'the file $<path> is another one than at the checkpoint',
    remedy: 'Use the same image of the container, and the same installed programs.',
  },
  {
    code: 'SP_CRIU_FILE_MISSING',
    pattern:
      /Can't open (?:file|fifo \S+) \[?(?<path>[^\]]+?)\]?(?: on restore)?: No such file or directory|Can't (?:stat|access) (?<other>\/.+): No such file/,
    message: 'the file $<path>$<other> is missing',
    remedy: 'Bring the file back, under the same path in the sandbox.',
  },
  {
    code: 'SP_CRIU_PID_TAKEN',
    pattern: /Can't fork for (?<pid>\d+): File exists|Pid (?<other>\d+) do not match expected/,
    message: 'the PID $<pid>$<other> is taken in the sandbox',
    remedy: 'Restore into a new sandbox; wait until the processes of an old one are gone.',
    retryable: true,
  },
  {
    code: 'SP_CRIU_ADDRESS',
    pattern: /Can't bind inet socket.*: Cannot assign requested address/,
    message: 'an address of the checkpoint is not assigned here',
    remedy: 'Rewrite the images for the addresses of this node, or assign the old one.',
  },
  {
    code: 'SP_CRIU_ADDRESS_TAKEN',
    pattern: /Can't bind .*: Address already in use|Can't listen on a socket: Address already in use/,
    message: 'an address and port of the checkpoint are taken here',
    remedy: 'End what uses the port, or restore onto another node.',
  },
  {
    code: 'SP_CRIU_TCP_CLOSED_IMAGE',
    pattern: /Need to set the --tcp-close options|Connected TCP socket/,
    message: 'the images and the options disagree on whether connections are kept',
    remedy: 'Restore with the same policy for connections as the dump had.',
  },
  {
    code: 'SP_CRIU_PROCESSOR',
    pattern:
      /^cpu: |CPU (?:instruction )?capabilities do not match|CPU xsave|FPU feature required|No x86 related cpuinfo/,
    message: 'the processor of this node lacks what the checkpoint needs',
    remedy: 'Restore onto a node with the same or a newer processor.',
  },
  {
    code: 'SP_CRIU_PERMISSION',
    pattern: /Can't get rlimit \d+: Operation not permitted/,
    message:
      'a process runs as another user, and CRIU has not the capability to look into it (CAP_SYS_RESOURCE)',
    remedy: 'Give the agent CAP_SYS_RESOURCE, or run all processes of the member as the same user.',
  },
  {
    code: 'SP_CRIU_FREEZER',
    pattern:
      /Unable to freeze cgroup|control file found|Unable to (?:thaw|freeze) tasks|zombie \d+ .*found while seizing/,
    message: "the member's freezer cgroup cannot be used",
    remedy: 'Look for a process in an uninterruptible wait (state D), and try again.',
    retryable: true,
  },
  {
    code: 'SP_CRIU_NOT_FROZEN',
    pattern: /freeze-before-resume|One of more action scripts failed|action script/i,
    message: 'the restored tasks could not be left frozen, and were killed',
    remedy: "Check that the agent may write to the member's cgroup.",
  },
  {
    code: 'SP_CRIU_PLUGIN',
    pattern: /Missing required plugin: (?<plugin>.+)/,
    message: 'the checkpoint needs the CRIU plugin $<plugin>, which is not installed here',
    remedy: 'Install the plugin, and the driver that it needs, on this node.',
  },
  {
    code: 'SP_CRIU_IMAGES_DAMAGED',
    pattern:
      /Unexpected EOF on|agic doesn't match|Failed unpacking object|bytes while \d+ expected|Too old image|Not supported images version|Corrupted/,
    message: 'the images are incomplete or damaged',
    remedy: 'Restore from another copy of this epoch, or from an earlier epoch.',
  },
  {
    code: 'SP_CRIU_KERNEL',
    pattern: /when initializing kerndat|Could not initialize kernel features detection/,
    message: 'CRIU could not find out what the kernel can do',
    remedy: 'See that loopback is up in the sandbox, and run `stillpoint doctor`.',
  },
  {
    code: 'SP_CRIU_PROCESS_GONE',
    pattern: /No such process|A root task is dead|Unable to seize|Can't collect process|Timeout reached/,
    message: "one of the member's processes ended, or does not stop",
    remedy: 'Try again, if the member still runs.',
    retryable: true,
  },
  {
    code: 'SP_CRIU_PERMISSION',
    pattern: /Operation not permitted|Permission denied/,
    message: 'CRIU may not do what it must: it needs root and its capabilities',
    remedy: 'Run the agent as root with all capabilities, and see `stillpoint doctor`.',
  },
];
