// Failures of a restore: what is missing or different where the member is to come back.
import type { FailureRule } from './failure-rule.ts';

export const restoreFailureRules: readonly FailureRule[] = [
  {
    code: 'SP_CRIU_FILE_SIZE',
    message: 'the file $<path> has $<size> bytes where the checkpoint has $<expected>',
    pattern: /File (?<path>.+) has bad size (?<size>\d+) \(expect (?<expected>\d+)\)/,
    remedy: 'Bring the file back to what it was at the checkpoint.',
  },
  {
    code: 'SP_CRIU_FILE_CHANGED',
    message: 'the file $<path> is another one than at the checkpoint',
    pattern: /File (?<path>.+) has bad (?:build-ID|mode)/,
    remedy: 'Use the same image of the container, and the same installed programs.',
  },
  {
    code: 'SP_CRIU_FILE_MISSING',
    message: 'the file $<path>$<other> is missing',
    pattern:
      /Can't open (?:file|fifo \S+) \[?(?<path>[^\]]+?)\]?(?: on restore)?: No such file or directory|Can't (?:stat|access) (?<other>\/.+): No such file/,
    remedy: 'Bring the file back, under the same path in the sandbox.',
  },
  {
    code: 'SP_CRIU_PID_TAKEN',
    message: 'the PID $<pid>$<other> is taken in the sandbox',
    pattern: /Can't fork for (?<pid>\d+): File exists|Pid (?<other>\d+) do not match expected/,
    remedy: 'Restore into a new sandbox; wait until the processes of an old one are gone.',
    retryable: true,
  },
  {
    code: 'SP_CRIU_ADDRESS',
    message: 'an address of the checkpoint is not assigned here',
    pattern: /Can't bind inet socket.*: Cannot assign requested address/,
    remedy: 'Rewrite the images for the addresses of this node, or assign the old one.',
  },
  {
    code: 'SP_CRIU_ADDRESS_TAKEN',
    message: 'an address and port of the checkpoint are taken here',
    pattern: /Can't bind .*: Address already in use|Can't listen on a socket: Address already in use/,
    remedy: 'End what uses the port, or restore onto another node.',
  },
  {
    code: 'SP_CRIU_HOLD',
    message: "the hold does not let CRIU's own packets pass, by which it restores half-closed connections",
    pattern: /Unable to send a fin packet/,
    remedy: 'Accept packets with the mark 0xc114 in every nftables table of the sandbox.',
  },
  {
    code: 'SP_CRIU_TERMINAL',
    message:
      'a terminal of the program cannot be made again: its other end was outside the member, or it is taken',
    pattern:
      /Unable to open \S*ptmx with specified index|Can't open (?:master|slave) pty|Don't have tty to inherit session|correspond master peer|Found dangling tty|ctty inheritance detected/,
    remedy: 'Start the member without a terminal.',
  },
  {
    code: 'SP_CRIU_TCP_CLOSED_IMAGE',
    message: 'the images and the options disagree on whether connections are kept',
    pattern: /Need to set the --tcp-close options|Connected TCP socket/,
    remedy: 'Restore with the same policy for connections as the dump had.',
  },
  {
    code: 'SP_CRIU_PROCESSOR',
    message: 'the processor of this node lacks what the checkpoint needs',
    pattern:
      /^cpu: |CPU (?:instruction )?capabilities do not match|CPU xsave|FPU feature required|No x86 related cpuinfo/,
    remedy: 'Restore onto a node with the same or a newer processor.',
  },
  {
    code: 'SP_CRIU_NOT_FROZEN',
    message: 'the restored tasks could not be left frozen, and were killed',
    pattern: /freeze-before-resume|One of more action scripts failed|action script/i,
    remedy: "Check that the agent may write to the member's cgroup.",
  },
  {
    code: 'SP_CRIU_PLUGIN',
    message: 'the checkpoint needs the CRIU plugin $<plugin>, which is not installed here',
    pattern: /Missing required plugin: (?<plugin>.+)/,
    remedy: 'Install the plugin, and the driver that it needs, on this node.',
  },
  {
    code: 'SP_CRIU_IMAGES_DAMAGED',
    message: 'the images are incomplete or damaged',
    pattern:
      /Unexpected EOF on|agic doesn't match|Failed unpacking object|bytes while \d+ expected|Too old image|Not supported images version|Corrupted/,
    remedy: 'Restore from another copy of this epoch, or from an earlier epoch.',
  },
];
